//! Many tabs, one engine: the one that holds the lock leads; the others pass commands to it and its events on.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use futures::channel::oneshot;
use gloo_events::EventListener;
use js_sys::{ArrayBuffer, Function, Promise, Reflect, Uint8Array};
use minicbor::{Decode, Encode};
use secure_chat_shared::client::api::{Action, Command, Event};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::random;
use secure_chat_shared::ids::ConversationId;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BroadcastChannel, MessageEvent};
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

/// Takes an encoded [`Event`].
type ToPage = Box<dyn Fn(&[u8])>;

/// This tab among the others. Clones are the same.
#[derive(Clone)]
pub struct Tabs(Rc<Inner>);

struct Inner {
    to_page: ToPage,
    channel: BroadcastChannel,
    leading: Cell<bool>,
    /// What the leader does with a command.
    take: Box<dyn Fn(Command)>,
    /// This tab's commands that nobody has answered yet, in order: a new leader gets them again.
    unanswered: RefCell<VecDeque<(u64, Zeroizing<Vec<u8>>)>>,
    /// The conversation that this tab's page looks at: a new leader is told.
    open: Cell<Option<ConversationId>>,
    listener: RefCell<Option<EventListener>>,
    /// Lets go of the lock.
    resign: RefCell<Option<Function>>,
}

impl Tabs {
    /// Joins the other tabs. Encoded events go to `to_page`; commands go to `take` from the moment that this tab leads,
    /// and can come twice around a change of leaders, with the same ticket.
    pub fn join(
        to_page: impl Fn(&[u8]) + 'static,
        take: impl Fn(Command) + 'static,
    ) -> Result<Self, JsValue> {
        let tabs = Self(Rc::new(Inner {
            to_page: Box::new(to_page),
            channel: BroadcastChannel::new(NAME)?,
            leading: Cell::new(false),
            take: Box::new(take),
            unanswered: RefCell::default(),
            open: Cell::new(None),
            listener: RefCell::default(),
            resign: RefCell::default(),
        }));
        let inner = Rc::downgrade(&tabs.0);
        let listener = EventListener::new(&tabs.0.channel, "message", move |event| {
            let data = event.unchecked_ref::<MessageEvent>().data();
            if let (Some(inner), Ok(buffer)) = (inner.upgrade(), data.dyn_into::<ArrayBuffer>()) {
                inner.hear(&taken(&buffer));
            }
        });
        tabs.0.listener.replace(Some(listener));
        Ok(tabs)
    }

    /// Takes an encoded command of this tab's page.
    pub fn command(&self, bytes: Zeroizing<Vec<u8>>) {
        self.0.command(bytes);
    }

    /// Waits until this tab is the one that leads, which it then is until it ends.
    pub async fn lead(&self) -> Result<(), JsValue> {
        let (granted, waiting) = oneshot::channel();
        let inner = Rc::downgrade(&self.0);
        let hold = Closure::once_into_js(move |_lock: JsValue| {
            // Nobody waits where this tab has left meanwhile.
            let _ = granted.send(());
            // Held until the promise is kept, or this worker is gone.
            Promise::new(&mut |resign, _| match inner.upgrade() {
                Some(inner) => drop(inner.resign.replace(Some(resign))),
                None => drop(resign.call0(&JsValue::UNDEFINED)),
            })
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
        (self.0.to_page)(&bytes);
        if let Event::Done { ticket, .. } = event {
            self.0.answered(*ticket);
        }
        self.0.to_tabs(&Message::Event(bytes.into()));
    }
}

/// The bytes of a message, whose copy in the browser's memory is wiped: it can hold a password.
pub fn taken(buffer: &ArrayBuffer) -> Zeroizing<Vec<u8>> {
    let view = Uint8Array::new(buffer);
    let bytes = Zeroizing::new(view.to_vec());
    view.fill(0, 0, view.length());
    bytes
}

impl Inner {
    fn command(&self, bytes: Zeroizing<Vec<u8>>) {
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

    fn hear(&self, bytes: &[u8]) {
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
                (self.to_page)(&bytes);
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

    fn to_tabs(&self, message: &Message) {
        let buffer = Uint8Array::from(codec::encode(message).as_slice()).buffer();
        // Only a closed channel fails, and this one closes with the worker.
        let _ = self.channel.post_message(&buffer);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(resign) = self.resign.take() {
            // Keeping a promise does not fail.
            let _ = resign.call0(&JsValue::UNDEFINED);
        }
        self.channel.close();
    }
}
