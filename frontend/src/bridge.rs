//! The page's end of the engine: commands go to the web worker, its events come back.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo_events::EventListener;
use js_sys::{Array, ArrayBuffer, Reflect, Uint8Array};
use secure_chat_shared::client::api::{Action, Command, Event, Session};
use secure_chat_shared::codec;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{MessageEvent, VisibilityState, Worker, WorkerOptions, WorkerType};
use yew::Callback;
use zeroize::Zeroizing;

/// Address of the script that trunk generates to start the worker; it sits beside the page.
const WORKER: &str = "/engine_loader.js";

/// Nobody knows why.
const STOPPED: &str = "The engine stopped working. Reload the page to go on.";

/// A worker that `index.html` has started before this code was there.
struct Early {
    worker: Worker,
    /// Its messages so far.
    said: Array,
    failed: bool,
}

/// Handle to the engine. Clones are the same engine; it ends with the page.
#[derive(Clone)]
pub struct Engine(Rc<Inner>);

struct Inner {
    /// `None` once it failed to start or crashed.
    worker: RefCell<Option<Worker>>,
    /// Whether the worker listens: what is posted earlier would be lost while its module still loads.
    ready: Cell<bool>,
    /// Commands from before it was ready.
    early: RefCell<Vec<Zeroizing<Vec<u8>>>>,
    /// Whether the browser was asked to keep what is stored.
    asked_to_persist: Cell<bool>,
    on_event: Callback<Event>,
    listeners: RefCell<Vec<EventListener>>,
}

impl PartialEq for Engine {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Engine {
    /// Starts the worker. Everything that the engine tells comes through `on_event`, also that it cannot run.
    pub fn spawn(on_event: Callback<Event>) -> Self {
        let engine = Self(Rc::new(Inner {
            worker: RefCell::new(None),
            ready: Cell::new(false),
            early: RefCell::new(Vec::new()),
            asked_to_persist: Cell::new(false),
            on_event,
            listeners: RefCell::new(Vec::new()),
        }));
        if let Some(early) = Early::take() {
            engine.listen(early.worker);
            early.said.iter().for_each(|data| engine.0.receive(&data));
            if early.failed {
                engine.0.fail(STOPPED);
            }
            return engine;
        }
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        options.set_name("secure-chat-engine");
        match Worker::new_with_options(WORKER, &options) {
            Ok(worker) => engine.listen(worker),
            Err(error) => engine
                .0
                .fail(&format!("The engine could not be started: {error:?}")),
        }
        engine
    }

    /// Sends a command; the answer is the [`Event::Done`] with the ticket returned.
    pub fn act(&self, action: Action) -> u64 {
        self.0.act(action)
    }

    fn listen(&self, worker: Worker) {
        let inner = Rc::downgrade(&self.0);
        let message = EventListener::new(&worker, "message", move |event| {
            if let (Some(inner), Some(event)) = (inner.upgrade(), event.dyn_ref::<MessageEvent>()) {
                inner.receive(&event.data());
            }
        });
        let inner = Rc::downgrade(&self.0);
        let error = EventListener::new(&worker, "error", move |_| {
            if let Some(inner) = inner.upgrade() {
                inner.fail(STOPPED);
            }
        });
        let mut listeners = vec![message, error];
        // The browser tells the page of a network that is back, and of a page that is looked at again, before any timer
        // of a worker in the background would fire.
        let reconnect = || {
            let inner = Rc::downgrade(&self.0);
            move |_: &web_sys::Event| {
                if let Some(inner) = inner.upgrade().filter(|_| page_is_visible()) {
                    inner.act(Action::ReconnectNow);
                }
            }
        };
        if let Some(window) = web_sys::window() {
            listeners.push(EventListener::new(&window, "online", reconnect()));
            if let Some(document) = window.document() {
                listeners.push(EventListener::new(
                    &document,
                    "visibilitychange",
                    reconnect(),
                ));
            }
        }
        *self.0.worker.borrow_mut() = Some(worker);
        *self.0.listeners.borrow_mut() = listeners;
    }
}

impl Early {
    /// Takes it over; what it says from now on goes to whoever listens.
    fn take() -> Option<Self> {
        let name = JsValue::from("earlyEngine");
        let window = web_sys::window()?;
        let early = Reflect::get(&window, &name).ok()?;
        let field = |name: &str| Reflect::get(&early, &name.into()).ok();
        let worker: Worker = field("worker")?.dyn_into().ok()?;
        let said = field("said")?.dyn_into().ok()?;
        let failed = field("failed")?.is_truthy();
        worker.set_onmessage(None);
        worker.set_onerror(None);
        Reflect::delete_property(&window, &name).ok()?;
        Some(Self {
            worker,
            said,
            failed,
        })
    }
}

impl Inner {
    fn act(&self, action: Action) -> u64 {
        let ticket = random_ticket();
        // It can hold a password.
        self.post(Zeroizing::new(codec::encode(&Command { ticket, action })));
        ticket
    }

    fn post(&self, command: Zeroizing<Vec<u8>>) {
        if !self.ready.get() {
            self.early.borrow_mut().push(command);
            return;
        }
        if let Some(worker) = &*self.worker.borrow() {
            let bytes = Uint8Array::from(command.as_slice()).buffer();
            // Posting a plain buffer to a live worker has no way to fail.
            let _ = worker.post_message_with_transfer(&bytes, &Array::of1(&bytes));
        }
    }

    /// The worker's first message is empty: it listens. Each other one is an event.
    fn receive(&self, data: &JsValue) {
        if self.worker.borrow().is_none() {
            // What it had said before it was ended.
            return;
        }
        let bytes = Uint8Array::new(data.unchecked_ref::<ArrayBuffer>()).to_vec();
        if bytes.is_empty() {
            self.ready.set(true);
            for command in self.early.take() {
                self.post(command);
            }
            return;
        }
        match codec::decode::<Event>(&bytes) {
            Ok(event) => {
                let signed_in = matches!(event, Event::Session(Session::SignedIn(_)));
                if signed_in && !self.asked_to_persist.replace(true) {
                    ask_to_persist();
                }
                self.on_event.emit(event);
            }
            Err(error) => self.fail(&format!("The engine and this page do not fit: {error}")),
        }
    }

    /// Ends the worker, which frees its lock so that another tab's engine can lead, and says so.
    fn fail(&self, why: &str) {
        if let Some(worker) = self.worker.take() {
            worker.terminate();
        }
        self.on_event
            .emit(Event::Session(Session::Unsupported(why.to_owned())));
    }
}

/// Asks the browser not to evict keys and messages when its disk runs short. Only a page can ask, not a worker.
fn ask_to_persist() {
    if let Some(window) = web_sys::window() {
        // Whatever the answer, there is nothing else to do; the promise rejects without harm.
        let _ = window.navigator().storage().persist();
    }
}

fn page_is_visible() -> bool {
    web_sys::window()
        .and_then(|window| window.document())
        .is_some_and(|document| document.visibility_state() == VisibilityState::Visible)
}

fn random_ticket() -> u64 {
    // The browser's generator is always there; were it not, no key could be made and the engine would say so.
    getrandom::u64().unwrap_or_default()
}
