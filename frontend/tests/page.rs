//! On a page: the same keys and store, and several tabs with one leader.

#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{made, native, of_somebody, talk};
use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::future::{Either, select};
use secure_chat_frontend::engine::store::BrowserStore;
use secure_chat_frontend::engine::tabs::Tabs;
use secure_chat_shared::client::api::{Action, Answer, Command, Event, Outcome, Session};
use secure_chat_shared::client::platform::{Store, Table, Write};
use secure_chat_shared::codec;
use secure_chat_shared::crypto::recovery::RecoveryCode;
use secure_chat_shared::ids::ConversationId;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn keys_work_on_a_page() {
    let recovery = RecoveryCode::make();
    let (keys, made) = made("page keys", &recovery).await;
    let (others, of_others) = native(5, &recovery).await;
    talk(&keys, &others, &made).await;
    talk(&others, &keys, &of_others).await;
}

#[wasm_bindgen_test]
async fn the_store_works_on_a_page() {
    let store = BrowserStore::new(of_somebody("page store").await);
    let write = Write {
        table: Table::Meta,
        key: vec![1],
        value: Some(vec![2]),
    };
    store.write(vec![write]).await.unwrap();
    assert_eq!(store.get(Table::Meta, &[1]).await, Ok(Some(vec![2])));
}

/// A tab, what its page hears, and what it is to do.
struct Tab {
    tabs: Tabs,
    page: UnboundedReceiver<Vec<u8>>,
    commands: UnboundedReceiver<Command>,
}

impl Tab {
    fn open() -> Self {
        let (to_page, page) = unbounded();
        let (to_do, commands) = unbounded();
        let tabs = Tabs::join(
            move |event| to_page.unbounded_send(event.to_vec()).unwrap(),
            move |command| to_do.unbounded_send(command).unwrap(),
        )
        .unwrap();
        Self {
            tabs,
            page,
            commands,
        }
    }

    fn say(&self, ticket: u64, action: Action) {
        self.tabs
            .command(codec::encode(&Command { ticket, action }).into());
    }

    async fn hears(&mut self) -> Event {
        codec::decode(&self.page.next().await.unwrap()).unwrap()
    }

    async fn does(&mut self) -> Command {
        self.commands.next().await.unwrap()
    }

    fn answer(&self, ticket: u64) {
        let result = Outcome::Ok(Answer::Nothing);
        self.tabs.emit(&Event::Done { ticket, result });
    }
}

fn is_done(event: &Event, wanted: u64) -> bool {
    matches!(event, Event::Done { ticket, .. } if *ticket == wanted)
}

#[wasm_bindgen_test]
async fn one_tab_leads_and_the_next_takes_over() {
    let conversation = ConversationId([1; 32]);
    let mut first = Tab::open();
    // Said before anybody leads: not lost.
    first.say(1, Action::Hello);
    first.tabs.lead().await.unwrap();
    assert_eq!(first.does().await.ticket, 1);
    first.answer(1);
    assert!(is_done(&first.hears().await, 1));

    // A second tab does nothing itself.
    let mut second = Tab::open();
    second.say(2, Action::Open(conversation));
    assert_eq!(first.does().await.ticket, 2);
    first
        .tabs
        .emit(&Event::Session(Session::SignedOut { ended: false }));
    first.answer(2);
    for tab in [&mut first, &mut second] {
        assert!(matches!(
            tab.hears().await,
            Event::Session(Session::SignedOut { ended: false })
        ));
        assert!(is_done(&tab.hears().await, 2));
    }
    assert!(second.commands.try_recv().is_err());

    // A third one waits too; what the first leaves unanswered, the second does once the first is gone.
    let mut third = Tab::open();
    third.say(3, Action::Hello);
    second.say(4, Action::SignOut);
    assert_eq!(first.does().await.ticket, 3);
    assert_eq!(first.does().await.ticket, 4);
    let leading = second.tabs.clone();
    let waiting = leading.lead();
    futures::pin_mut!(waiting);
    // It waits as long as the first is there: a round trip through the first comes before.
    third.say(5, Action::Hello);
    let round_trip = first.commands.next();
    let Either::Right((Some(command), waiting)) = select(waiting, round_trip).await else {
        panic!("two tabs lead")
    };
    assert_eq!(command.ticket, 5);
    first.answer(5);
    assert!(is_done(&third.hears().await, 5));
    drop(first);
    waiting.await.unwrap();
    let mut done = Vec::new();
    // Its own: the conversation that its page looks at, and what was not answered; then the third tab's.
    for _ in 0..3 {
        let command = second.does().await;
        match command.action {
            Action::Open(open) => assert_eq!(open, conversation),
            _ => done.push(command.ticket),
        }
    }
    done.sort_unstable();
    assert_eq!(done, [3, 4]);
    second.answer(3);
    second.answer(4);
    assert!(is_done(&third.hears().await, 3));
    assert!(is_done(&third.hears().await, 4));
}
