//! Many tabs, one engine: the one that holds the lock leads; the others pass commands to it and its events on.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use futures::channel::oneshot;
use gloo_events::EventListener;
use js_sys::{Array, ArrayBuffer, Function, Promise, Reflect, Uint8Array};
use minicbor::{Decode, Encode};
use secure_chat_shared::client::api::{Action, Command, Event};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::random;
use secure_chat_shared::ids::ConversationId;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BroadcastChannel, DedicatedWorkerGlobalScope, MessageEvent};
use zeroize::Zeroizing;

/// The lock that the leader holds, and the channel between the tabs.
const NAME: &str = "secure-chat/engine";

/// What tabs say to each other.
#[derive(Encode, Decode)]
enum Message {
    /// To whoever leads: an encoded [`Command`].
    #[n(0)]
    Command(#[n(0)] Bytes),
    /// To all: an encoded [`Event`] of the leader.
    #[n(1)]
    Event(#[n(0)] Bytes),
    /// To all: there is a new leader.
    #[n(2)]
    Leading,
}

/// This tab among the others. Clones are the same.
#[derive(Clone)]
pub struct Tabs(Rc<Inner>);

struct Inner {
    page: DedicatedWorkerGlobalScope,
    channel: BroadcastChannel,
    leading: Cell<bool>,
    /// What the leader does with a command.
    take: Box<dyn Fn(Command)>,
    /// This tab's commands that nobody has answered yet, in order: a new leader gets them again.
    unanswered: RefCell<VecDeque<(u64, Zeroizing<Vec<u8>>)>>,
    /// The conversation that this tab's page looks at: a new leader is told.
    open: Cell<Option<ConversationId>>,
    listeners: RefCell<Vec<EventListener>>,
}

impl Tabs {
    /// Joins the other tabs and listens to the page. Commands go to `take` from the moment that this tab leads; one can
    /// come twice around a change of leaders, with the same ticket.
    pub fn join(
        page: DedicatedWorkerGlobalScope,
        take: impl Fn(Command) + 'static,
    ) -> Result<Self, JsValue> {
        let channel = BroadcastChannel::new(NAME)?;
        let tabs = Self(Rc::new(Inner {
            page,
            channel,
            leading: Cell::new(false),
            take: Box::new(take),
            unanswered: RefCell::default(),
            open: Cell::new(None),
            listeners: RefCell::default(),
        }));
        let from_page = listen(&tabs.0, &tabs.0.page, |inner, bytes| inner.hear_page(bytes));
        let from_tabs = listen(&tabs.0, &tabs.0.channel, |inner, bytes| {
            inner.hear_tabs(&bytes)
        });
        tabs.0.listeners.replace(vec![from_page, from_tabs]);
        // An empty message tells the page that somebody listens.
        tabs.0.to_page(&[]);
        Ok(tabs)
    }

    /// Waits until this tab is the one that leads, which it then is until it ends.
    pub async fn lead(&self) -> Result<(), JsValue> {
        let (granted, waiting) = oneshot::channel();
        let hold = Closure::once_into_js(move |_lock: JsValue| {
            // Nobody waits where the engine has ended meanwhile.
            let _ = granted.send(());
            // Held until this worker is gone, and with it the promise.
            Promise::new(&mut |_, _| {})
        });
        let navigator = Reflect::get(&js_sys::global(), &"navigator".into())?;
        let locks = Reflect::get(&navigator, &"locks".into())?;
        let request = Reflect::get(&locks, &"request".into())?.dyn_into::<Function>()?;
        let requested = request
            .call2(&locks, &NAME.into(), &hold)?
            .dyn_into::<Promise>()?;
        let refused = wasm_bindgen_futures::JsFuture::from(requested);
        match futures::future::select(waiting, refused).await {
            futures::future::Either::Left((Ok(()), _)) => {}
            futures::future::Either::Left((Err(_), refused)) => drop(refused.await?),
            futures::future::Either::Right((refused, _)) => drop(refused?),
        }
        self.0.begin_leading();
        Ok(())
    }

    /// Tells every tab's page.
    pub fn emit(&self, event: &Event) {
        let bytes = codec::encode(event);
        self.0.to_page(&bytes);
        if let Event::Done { ticket, .. } = event {
            self.0.answered(*ticket);
        }
        self.0.to_tabs(&Message::Event(bytes.into()));
    }
}

impl Inner {
    fn hear_page(&self, bytes: Vec<u8>) {
        let bytes = Zeroizing::new(bytes);
        // Page and worker are of one build; what does not decode was not sent by the page.
        let Ok(command) = codec::decode::<Command>(&bytes) else {
            return;
        };
        if let Action::Open(conversation) = command.action {
            self.open.set(Some(conversation));
        }
        self.unanswered
            .borrow_mut()
            .push_back((command.ticket, bytes.clone()));
        if self.leading.get() {
            (self.take)(command);
        } else {
            self.to_tabs(&Message::Command(bytes.as_slice().into()));
        }
    }

    fn hear_tabs(&self, bytes: &[u8]) {
        // A tab of another build may speak otherwise: its own page tells to reload.
        let Ok(message) = codec::decode::<Message>(bytes) else {
            return;
        };
        match message {
            Message::Command(bytes) if self.leading.get() => {
                if let Ok(command) = codec::decode(&bytes) {
                    (self.take)(command);
                }
            }
            Message::Event(bytes) if !self.leading.get() => {
                self.to_page(&bytes);
                if let Ok(Event::Done { ticket, .. }) = codec::decode(&bytes) {
                    self.answered(ticket);
                }
            }
            Message::Leading if !self.leading.get() => {
                self.look_again();
                for (_, command) in &*self.unanswered.borrow() {
                    self.to_tabs(&Message::Command(command.as_slice().into()));
                }
            }
            Message::Command(_) | Message::Event(_) | Message::Leading => {}
        }
    }

    fn begin_leading(&self) {
        self.leading.set(true);
        self.to_tabs(&Message::Leading);
        self.look_again();
        for (_, command) in &*self.unanswered.borrow() {
            if let Ok(command) = codec::decode(command) {
                (self.take)(command);
            }
        }
    }

    /// Has the page's conversation shown again, in case rows of it were lost with the leader before.
    fn look_again(&self) {
        if let Some(conversation) = self.open.get() {
            self.want(Action::Open(conversation));
        }
    }

    /// A command of the engine's own, whose answer nobody waits for.
    fn want(&self, action: Action) {
        let command = Command {
            ticket: u64::from_le_bytes(random::bytes()),
            action,
        };
        if self.leading.get() {
            (self.take)(command);
        } else {
            self.to_tabs(&Message::Command(codec::encode(&command).into()));
        }
    }

    fn answered(&self, ticket: u64) {
        self.unanswered
            .borrow_mut()
            .retain(|(other, _)| *other != ticket);
    }

    fn to_page(&self, bytes: &[u8]) {
        let buffer = Uint8Array::from(bytes).buffer();
        // A page that has gone takes its worker along.
        let _ = self
            .page
            .post_message_with_transfer(&buffer, &Array::of1(&buffer));
    }

    fn to_tabs(&self, message: &Message) {
        let buffer = Uint8Array::from(codec::encode(message).as_slice()).buffer();
        // Only a closed channel fails, and this one closes with the worker.
        let _ = self.channel.post_message(&buffer);
    }
}

fn listen(
    inner: &Rc<Inner>,
    target: &web_sys::EventTarget,
    heard: impl Fn(&Inner, Vec<u8>) + 'static,
) -> EventListener {
    let inner = Rc::downgrade(inner);
    EventListener::new(target, "message", move |event| {
        let data = event.unchecked_ref::<MessageEvent>().data();
        if let (Some(inner), Ok(buffer)) = (inner.upgrade(), data.dyn_into::<ArrayBuffer>()) {
            heard(&inner, Uint8Array::new(&buffer).to_vec());
        }
    })
}
