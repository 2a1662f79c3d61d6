//! What runs in the web worker: one loop owns the client core and feeds it one input at a time.
//!
//! - [`platform`]: what the core runs on: [`keys`] over [`webcrypto`], [`store`] over [`database`] (both share a
//!   [`device`]), [`socket`]
//! - [`tabs`]: among many tabs one engine leads
//! - [`browser`]: what this browser is and has

pub mod browser;
pub mod database;
pub mod device;
pub mod keys;
pub mod platform;
pub mod socket;
pub mod store;
pub mod tabs;
pub mod vault_keys;
pub mod webcrypto;

use std::rc::Rc;

use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::{Stream, StreamExt, stream};
use gloo_events::EventListener;
use gloo_timers::future::IntervalStream;
use js_sys::{Array, ArrayBuffer, Uint8Array};
use secure_chat_shared::client::Client;
use secure_chat_shared::client::api::{Action, Command, Event, Failure, Outcome, Session};
use secure_chat_shared::client::platform::{Platform, StoreError};
use secure_chat_shared::codec;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use self::device::Device;
use self::platform::{BrowserPlatform, Wanted};
use self::socket::{BrowserSocket, Signal};
use self::tabs::Tabs;

/// Name of the database.
pub const DATABASE: &str = "secure-chat";

/// How often the client looks after what waits, milliseconds.
const TICK: u32 = 5_000;

/// The first message to the page, which holds its commands back until somebody listens.
const LISTENING: &[u8] = &[];

/// One input of the client.
enum Input {
    Command(Command),
    Signal(Signal),
    /// The database is lost.
    Lost,
    Tick,
}

/// Runs the engine of this worker.
pub fn run() {
    let page: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    tell_of_panics(page.clone());
    if let Some(missing) = browser::missing() {
        tell_alone(&page, missing);
        return;
    }
    let (commands, inputs) = unbounded();
    let socket = BrowserSocket::default();
    let reconnecting = socket.clone();
    let wanted = Wanted::default();
    let wants = Rc::clone(&wanted);
    let told = page.clone();
    let joined = Tabs::join(
        move |event| post(&told, event),
        move |command| {
            // Acted on at once, also while the client waits for an answer that may never come.
            match command.action {
                Action::ReconnectNow => reconnecting.reconnect_now(),
                Action::Open(conversation) => wants.set(Some(conversation)),
                _ => {}
            }
            // The receiver lives as long as this worker.
            let _ = commands.unbounded_send(command);
        },
    );
    match joined {
        Ok(tabs) => {
            let asked = tabs.clone();
            EventListener::new(&page, "message", move |event| {
                let data = event.unchecked_ref::<MessageEvent>().data();
                if let Ok(buffer) = data.dyn_into::<ArrayBuffer>() {
                    asked.command(tabs::taken(&buffer));
                }
            })
            .forget();
            spawn_local(lead(tabs, socket, wanted, inputs));
            post(&page, LISTENING);
        }
        Err(error) => tell_alone(&page, format!("Tabs cannot talk to each other: {error:?}")),
    }
}

/// Waits to be the leading engine, then serves every tab.
async fn lead(
    tabs: Tabs,
    socket: BrowserSocket,
    wanted: Wanted,
    commands: UnboundedReceiver<Command>,
) {
    if let Err(error) = tabs.lead().await {
        let why = format!("The browser does not let one tab lead: {error:?}");
        return refuse(&tabs, commands, &why, &Failure::Internal(why.clone())).await;
    }
    let device = match Device::open(DATABASE).await {
        Ok(device) => Rc::new(device),
        Err(error) => {
            let why = storage_refused(&error);
            return refuse(&tabs, commands, &why, &Failure::Storage(error.to_string())).await;
        }
    };
    let (signals, signalled) = unbounded();
    spawn_local(socket.clone().run(browser::socket_url(), signals));
    let mut held = Held::new(socket.clone());
    let platform = BrowserPlatform::new(Rc::clone(&device), socket, wanted);
    let told = tabs.clone();
    let mut client = Client::new(platform, Box::new(move |event| told.emit(&event)));
    client.start().await;
    let own = stream::select(
        device.losses().map(|()| Input::Lost),
        IntervalStream::new(TICK).map(|()| Input::Tick),
    );
    let asked = stream::select(commands.map(Input::Command), signalled.map(Input::Signal));
    let mut inputs = stream::select(asked, own);
    while let Some(input) = inputs.next().await {
        // Before anything else: what would be read is not there, and what would be written is refused.
        if device.is_lost()
            && let Err(error) = make_anew(&device, &mut client).await
        {
            let why = storage_refused(&error);
            let first = stream::iter([input]);
            let commands = first.chain(inputs).filter_map(async |input| match input {
                Input::Command(command) => Some(command),
                _ => None,
            });
            let commands = std::pin::pin!(commands);
            return refuse(&tabs, commands, &why, &Failure::Storage(error.to_string())).await;
        }
        match input {
            Input::Command(command) if !client.is_connected() && Held::waits(&command) => {
                held.hold(command);
            }
            Input::Command(command) => client.command(command).await,
            Input::Signal(Signal::Connected) => {
                client.connected().await;
                held.release(&mut client).await;
            }
            Input::Signal(Signal::Disconnected(wait)) => {
                client.disconnected(Some(wait));
                held.tried_in_vain(&mut client).await;
            }
            Input::Signal(Signal::Event(event)) => client.event(event).await,
            Input::Lost => {}
            Input::Tick => {
                client.tick().await;
                held.tick(&mut client).await;
            }
        }
    }
}

/// What somebody who is not signed in has asked for while the socket was about to be there: right after the page was
/// opened, or the browser locked. It is done once the socket is there, or has not come.
struct Held {
    socket: BrowserSocket,
    commands: Vec<Command>,
    /// How often it did not come.
    in_vain: u32,
    /// How many ticks went by.
    ticks: u32,
}

impl Held {
    /// How often a socket may fail to come: the first time may be the end of the one before.
    const PATIENCE: u32 = 2;
    /// Where neither a socket nor a refusal comes: at least 10 seconds.
    const TICKS: u32 = 3;

    fn new(socket: BrowserSocket) -> Self {
        Self {
            socket,
            commands: Vec::new(),
            in_vain: 0,
            ticks: 0,
        }
    }

    /// Whether a command makes sense only with a socket, and is worth waiting for one.
    fn waits(command: &Command) -> bool {
        matches!(
            command.action,
            Action::Register { .. }
                | Action::SignIn { .. }
                | Action::Unlock { .. }
                | Action::Recover { .. }
                | Action::ServerInfo
                | Action::UnlockOptions
        )
    }

    fn hold(&mut self, command: Command) {
        if self.commands.is_empty() {
            (self.in_vain, self.ticks) = (0, 0);
        }
        self.commands.push(command);
        self.socket.reconnect_now();
    }

    async fn tried_in_vain(&mut self, client: &mut Client<BrowserPlatform>) {
        if self.commands.is_empty() {
            return;
        }
        self.in_vain += 1;
        if self.in_vain < Self::PATIENCE {
            self.socket.reconnect_now();
        } else {
            self.release(client).await;
        }
    }

    async fn tick(&mut self, client: &mut Client<BrowserPlatform>) {
        self.ticks += 1;
        if self.ticks >= Self::TICKS {
            self.release(client).await;
        }
    }

    async fn release(&mut self, client: &mut Client<BrowserPlatform>) {
        for command in std::mem::take(&mut self.commands) {
            client.command(command).await;
        }
    }
}

/// The database was deleted, or the browser has closed it: makes one with the keys that are in memory, and has the
/// client fill it again.
async fn make_anew(
    device: &Device,
    client: &mut Client<BrowserPlatform>,
) -> Result<(), StoreError> {
    device.make_anew().await?;
    let restored = client.platform().keys().restore().await;
    restored.map_err(|error| StoreError::Platform(error.to_string()))?;
    client.store_lost().await;
    Ok(())
}

/// Why nothing works without storage, and what to do.
fn storage_refused(error: &StoreError) -> String {
    match error {
        StoreError::Full => "The browser's storage is full. Free some space and reload.".into(),
        error => format!(
            "The browser does not open its storage for this page ({error}). A private window, \
             or a setting that blocks site data, can be the cause."
        ),
    }
}

/// Answers every command with the reason why nothing works.
async fn refuse(
    tabs: &Tabs,
    mut commands: impl Stream<Item = Command> + Unpin,
    why: &str,
    failure: &Failure,
) {
    let unsupported = Event::Session(Session::Unsupported(why.to_owned()));
    tabs.emit(&unsupported);
    while let Some(Command { ticket, action }) = commands.next().await {
        if matches!(action, Action::Hello) {
            tabs.emit(&unsupported);
        }
        tabs.emit(&Event::Done {
            ticket,
            result: Outcome::Failed(failure.clone()),
        });
    }
}

/// Tells this tab's page that its engine cannot run.
fn tell_alone(page: &DedicatedWorkerGlobalScope, why: String) {
    post(page, LISTENING);
    post(
        page,
        &codec::encode(&Event::Session(Session::Unsupported(why))),
    );
}

fn post(page: &DedicatedWorkerGlobalScope, message: &[u8]) {
    let buffer = Uint8Array::from(message).buffer();
    // A page that has gone takes its worker along.
    let _ = page.post_message_with_transfer(&buffer, &Array::of1(&buffer));
}

/// A panic ends the worker, with which its lock goes to another tab, and shows on the page instead of hanging.
fn tell_of_panics(page: DedicatedWorkerGlobalScope) {
    std::panic::set_hook(Box::new(move |info| {
        // The message may quote what nobody should log; where it happened does not.
        #[cfg(debug_assertions)]
        console_error_panic_hook::hook(info);
        let place = info
            .location()
            .map_or_else(String::new, |place| format!(" ({place})"));
        let why = format!("The engine stopped working{place}. Reload the page to go on.");
        tell_alone(&page, why);
        page.close();
    }));
}
