//! The WebSocket: answers go to whoever asked, events to a queue; it connects again by itself.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::rc::Rc;

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::channel::oneshot;
use futures::future::{Either, poll_fn, select};
use futures::{FutureExt, Sink, SinkExt, StreamExt};
use gloo_net::websocket::futures::WebSocket;
use gloo_net::websocket::{Message, State, WebSocketError};
use gloo_timers::future::TimeoutFuture;
use secure_chat_shared::client::platform::{CallError, Socket};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::random;
use secure_chat_shared::protocol::{
    ClientFrame, Event, GetPresence, MAX_IN_FLIGHT, SUBPROTOCOL, ServerFrame, close_code,
};
use wasm_bindgen_futures::spawn_local;

/// An answer that takes longer, in milliseconds, means a dead connection.
const ANSWER: u32 = 30_000;
/// The same where the person waits, or the network has just changed.
const PROBE: u32 = 5_000;
/// How long opening a connection may take, milliseconds.
const OPENING: u32 = 15_000;
/// After so long a silence, in milliseconds, the connection is tried out. Well below the server's idle time-out.
const SILENCE: u32 = 25_000;
/// Shortest wait before another attempt, milliseconds; each failure doubles it.
const FIRST_WAIT: u32 = 500;
/// Longest wait, milliseconds.
const LONGEST_WAIT: u32 = 30_000;
/// A connection that lasted so long, in milliseconds, was a good one: the next wait is the shortest again.
const GOOD: f64 = 10_000.0;

/// What the connection tells whoever runs the client.
#[derive(Debug)]
pub enum Signal {
    /// Connected; nothing was said yet.
    Connected,
    /// Not connected any more; the next attempt in so many milliseconds.
    Disconnected(u32),
    /// The server said something unasked.
    Event(Event),
}

/// The connection, if there is one. Clones are the same.
#[derive(Clone, Default)]
pub struct BrowserSocket(Rc<Inner>);

#[derive(Default)]
struct Inner {
    wire: RefCell<Option<Wire>>,
    /// Counts connections, so that what belongs to an old one leaves a new one alone.
    generation: Cell<u64>,
    next_id: Cell<u32>,
    /// Ends the wait before the next attempt.
    wake: RefCell<Option<oneshot::Sender<()>>>,
}

/// One open connection.
struct Wire {
    outgoing: UnboundedSender<Vec<u8>>,
    waiting: HashMap<u32, oneshot::Sender<Result<Bytes, CallError>>>,
    /// Frames beyond what may be unanswered at once.
    held: VecDeque<Vec<u8>>,
    heard: bool,
}

impl Socket for BrowserSocket {
    async fn call(&self, op: u16, body: Vec<u8>) -> Result<Bytes, CallError> {
        self.call_within(op, body, ANSWER).await
    }

    fn hang_up(&self) {
        self.drop_wire();
    }
}

impl BrowserSocket {
    /// Stays connected to `url` for ever, and tells of it.
    pub async fn run(self, url: String, signals: UnboundedSender<Signal>) {
        let mut failures = 0;
        loop {
            let began = js_sys::Date::now();
            let opened = self.connect(&url, &signals).await;
            self.drop_wire();
            if opened && js_sys::Date::now() - began > GOOD {
                failures = 0;
            }
            let wait = wait_before(failures, random::bytes());
            failures = failures.saturating_add(1);
            if signals.unbounded_send(Signal::Disconnected(wait)).is_err() {
                return;
            }
            let (wake, woken) = oneshot::channel();
            *self.0.wake.borrow_mut() = Some(wake);
            select(woken, TimeoutFuture::new(wait)).await;
        }
    }

    /// Connects at once if it waits; tries the connection out if it believes to have one.
    pub fn reconnect_now(&self) {
        if let Some(wake) = self.0.wake.borrow_mut().take() {
            // The other end is gone where the wait just ended by itself.
            let _ = wake.send(());
        }
        let socket = self.clone();
        spawn_local(async move { socket.probe(PROBE).await });
    }

    /// Whether a connection is open.
    pub fn is_connected(&self) -> bool {
        self.0.wire.borrow().is_some()
    }

    /// One connection from opening to end; whether it ever opened.
    async fn connect(&self, url: &str, signals: &UnboundedSender<Signal>) -> bool {
        let Ok(mut socket) = WebSocket::open_with_protocol(url, SUBPROTOCOL) else {
            return false;
        };
        let opening = poll_fn(|context| pin!(&mut socket).poll_ready(context));
        let _ = select(opening, TimeoutFuture::new(OPENING)).await;
        if !matches!(socket.state(), State::Open) {
            return false;
        }
        let (outgoing, frames) = unbounded();
        let (waiting, held) = (HashMap::new(), VecDeque::new());
        *self.0.wire.borrow_mut() = Some(Wire {
            outgoing,
            waiting,
            held,
            heard: true,
        });
        self.0.generation.set(self.0.generation.get() + 1);
        // Whoever owned the queue has gone with the engine.
        let _ = signals.unbounded_send(Signal::Connected);
        let carried = pin!(self.carry(socket, frames, signals));
        let kept = pin!(self.keep_alive());
        select(carried, kept).await;
        true
    }

    async fn carry(
        &self,
        socket: WebSocket,
        frames: UnboundedReceiver<Vec<u8>>,
        signals: &UnboundedSender<Signal>,
    ) {
        let (mut sink, mut stream) = socket.split();
        let mut frames = frames.fuse();
        let mut ended = false;
        loop {
            futures::select! {
                frame = frames.next() => match frame {
                    Some(frame) => if sink.send(Message::Bytes(frame)).await.is_err() {
                        return;
                    },
                    // Hung up.
                    None => return,
                },
                message = stream.next().fuse() => match message {
                    Some(Ok(Message::Bytes(bytes))) => match codec::decode(&bytes) {
                        Ok(ServerFrame::Event(event)) => {
                            ended |= matches!(event, Event::SessionEnded);
                            self.heard();
                            let _ = signals.unbounded_send(Signal::Event(event));
                        }
                        Ok(ServerFrame::Reply { id, body }) => self.answer(id, Ok(body)),
                        Ok(ServerFrame::Refused { id, error }) => {
                            self.answer(id, Err(error.into()));
                        }
                        Err(_) => return,
                    },
                    Some(Err(WebSocketError::ConnectionClose(close))) => {
                        // Said once, also where the event before the close was lost.
                        if close.code == close_code::SESSION_ENDED && !ended {
                            let _ = signals.unbounded_send(Signal::Event(Event::SessionEnded));
                        }
                        return;
                    }
                    // An error is followed by the close that it causes.
                    Some(Err(_)) => {}
                    Some(Ok(Message::Text(_))) | None => return,
                },
            }
        }
    }

    /// Notices a connection that is dead without saying so. A browser cannot send a ping: any request will do.
    async fn keep_alive(&self) {
        loop {
            TimeoutFuture::new(SILENCE).await;
            let heard = match &mut *self.0.wire.borrow_mut() {
                Some(wire) => std::mem::take(&mut wire.heard),
                None => return,
            };
            if !heard {
                self.probe(ANSWER).await;
            }
        }
    }

    async fn probe(&self, within: u32) {
        use secure_chat_shared::protocol::Request;
        // Any answer is a sign of life; without one the connection has been hung up.
        let _ = self
            .call_within(GetPresence::OP, codec::encode(&GetPresence), within)
            .await;
    }

    async fn call_within(&self, op: u16, body: Vec<u8>, within: u32) -> Result<Bytes, CallError> {
        let generation = self.0.generation.get();
        let answer = self.send(op, body).ok_or(CallError::Disconnected)?;
        match select(answer, TimeoutFuture::new(within)).await {
            Either::Left((answer, _)) => answer.unwrap_or(Err(CallError::Disconnected)),
            Either::Right(_) => {
                if self.0.generation.get() == generation {
                    self.drop_wire();
                }
                Err(CallError::Disconnected)
            }
        }
    }

    fn send(&self, op: u16, body: Vec<u8>) -> Option<oneshot::Receiver<Result<Bytes, CallError>>> {
        let mut wire = self.0.wire.borrow_mut();
        let wire = wire.as_mut()?;
        let id = self.0.next_id.get();
        self.0.next_id.set(id.wrapping_add(1));
        let frame = codec::encode(&ClientFrame {
            id,
            op,
            body: body.into(),
        });
        if wire.waiting.len() < MAX_IN_FLIGHT {
            wire.outgoing.unbounded_send(frame).ok()?;
        } else {
            wire.held.push_back(frame);
        }
        let (answer, answered) = oneshot::channel();
        wire.waiting.insert(id, answer);
        Some(answered)
    }

    fn answer(&self, id: u32, result: Result<Bytes, CallError>) {
        let mut wire = self.0.wire.borrow_mut();
        let Some(wire) = wire.as_mut() else { return };
        wire.heard = true;
        if let Some(answer) = wire.waiting.remove(&id) {
            // Nobody listens where the call was given up.
            let _ = answer.send(result);
            if let Some(frame) = wire.held.pop_front() {
                let _ = wire.outgoing.unbounded_send(frame);
            }
        }
    }

    fn heard(&self) {
        if let Some(wire) = &mut *self.0.wire.borrow_mut() {
            wire.heard = true;
        }
    }

    /// Hangs up: whoever still waits for an answer gets none, and the task that carries frames ends.
    fn drop_wire(&self) {
        drop(self.0.wire.take());
    }
}

/// Milliseconds before the attempt after so many failures: doubled each time, and anything between half and all of
/// it, so that the clients of a restarted server do not come all at once.
fn wait_before(failures: u32, random: [u8; 4]) -> u32 {
    let full = FIRST_WAIT
        .saturating_mul(1 << failures.min(16))
        .min(LONGEST_WAIT);
    full / 2 + u32::from_le_bytes(random) % (full / 2 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_limit() {
        for (failures, full) in [(0, 500), (1, 1000), (3, 4000), (6, 30_000), (40, 30_000)] {
            assert_eq!(wait_before(failures, [0; 4]), full / 2);
            for random in [[0xff; 4], [1, 2, 3, 4]] {
                let wait = wait_before(failures, random);
                assert!((full / 2..=full).contains(&wait), "{failures}: {wait}");
            }
        }
    }
}
