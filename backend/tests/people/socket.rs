//! A client's connection to a real server, which can be cut and made again, and lied through.

#![allow(dead_code)] // every test binary uses another part

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;

use futures::{SinkExt, StreamExt};
use secure_chat_shared::client::platform::{CallError, Socket};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::protocol::{ClientFrame, Event, RequestError, SUBPROTOCOL, ServerFrame};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::Message as Frame;

/// What the socket's reader hands on.
pub enum Inbound {
    Event(Box<Event>),
    Closed,
}

/// What the server gives, before the client sees it.
pub enum Given {
    /// The answer to operation `op`.
    Reply { op: u16, body: Bytes },
    /// Something unasked.
    Event(Box<Event>),
}

/// A server that lies: it may alter what is given, or keep it back.
pub type Lie = Box<dyn FnMut(Given) -> Option<Given>>;

/// What a server that lies does with a request.
pub enum Fate {
    /// It is done, as it came or altered.
    Done(Bytes),
    /// It is answered without being done.
    Answered(Bytes),
    /// It is refused without being looked at.
    Refused(RequestError),
    /// It is never answered: the connection breaks.
    Lost,
}

/// A server that meddles with what is asked of it.
pub type Meddling = Box<dyn FnMut(u16, Bytes) -> Fate>;

/// What a listener on the wire hears.
pub enum Passing<'a> {
    /// A frame as the client means it, whatever a meddling server makes of it.
    Sent(&'a [u8]),
    /// A frame as the server gives it, before anything lies about it.
    Received(&'a [u8]),
}

/// Hears everything that passes. No two requests have one id, whatever connection they go by.
pub type Listener = Box<dyn FnMut(Passing<'_>)>;

/// A connection that can be made, cut and made again.
#[derive(Clone)]
pub struct NativeSocket {
    inner: Rc<SocketInner>,
}

struct SocketInner {
    outgoing: RefCell<Option<mpsc::UnboundedSender<Frame>>>,
    waiting: RefCell<HashMap<u32, Waiting>>,
    lie: RefCell<Option<Lie>>,
    meddling: RefCell<Option<Meddling>>,
    listener: RefCell<Option<Listener>>,
    next: Cell<u32>,
    inbound: mpsc::UnboundedSender<Inbound>,
}

/// The operation that was asked, and who waits for its answer.
type Waiting = (u16, oneshot::Sender<Result<Bytes, CallError>>);

impl SocketInner {
    fn told(&self, given: Given) -> Option<Given> {
        match &mut *self.lie.borrow_mut() {
            Some(lie) => lie(given),
            None => Some(given),
        }
    }

    fn heard(&self, passing: Passing<'_>) {
        if let Some(listener) = &mut *self.listener.borrow_mut() {
            listener(passing);
        }
    }

    fn meddled_with(&self, op: u16, body: Bytes) -> Fate {
        match &mut *self.meddling.borrow_mut() {
            Some(meddling) => meddling(op, body),
            None => Fate::Done(body),
        }
    }
}

impl Socket for NativeSocket {
    async fn call(&self, op: u16, body: Vec<u8>) -> Result<Bytes, CallError> {
        let id = self.inner.next.get();
        self.inner.next.set(id + 1);
        let body = Bytes(body);
        let meant = ClientFrame { id, op, body };
        self.inner.heard(Passing::Sent(&codec::encode(&meant)));
        let body = match self.inner.meddled_with(op, meant.body) {
            Fate::Done(body) => body,
            Fate::Answered(body) => return Ok(body),
            Fate::Refused(error) => return Err(error.into()),
            Fate::Lost => return Err(CallError::Disconnected),
        };
        let (sender, receiver) = oneshot::channel();
        self.inner.waiting.borrow_mut().insert(id, (op, sender));
        let frame = codec::encode(&ClientFrame { id, op, body });
        let sent = match &*self.inner.outgoing.borrow() {
            Some(outgoing) => outgoing.send(Frame::Binary(frame.into())).is_ok(),
            None => false,
        };
        if !sent {
            self.inner.waiting.borrow_mut().remove(&id);
            return Err(CallError::Disconnected);
        }
        receiver.await.unwrap_or(Err(CallError::Disconnected))
    }

    fn hang_up(&self) {
        self.cut();
    }
}

impl NativeSocket {
    /// Not connected yet; what comes in goes to `inbound`.
    pub fn new(inbound: mpsc::UnboundedSender<Inbound>) -> Self {
        let inner = SocketInner {
            outgoing: RefCell::new(None),
            waiting: RefCell::new(HashMap::new()),
            lie: RefCell::new(None),
            meddling: RefCell::new(None),
            listener: RefCell::new(None),
            next: Cell::new(0),
            inbound,
        };
        Self {
            inner: Rc::new(inner),
        }
    }

    /// Connects.
    pub async fn connect(&self, address: SocketAddr) {
        let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert(
            "sec-websocket-protocol",
            HeaderValue::from_static(SUBPROTOCOL),
        );
        headers.insert(
            "origin",
            HeaderValue::from_str(&format!("http://{address}")).unwrap(),
        );
        let (stream, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        let (mut sink, mut source) = stream.split();
        let (outgoing, mut frames) = mpsc::unbounded_channel::<Frame>();
        *self.inner.outgoing.borrow_mut() = Some(outgoing);
        tokio::task::spawn_local(async move {
            while let Some(frame) = frames.recv().await {
                if sink.send(frame).await.is_err() {
                    break;
                }
            }
            let _ = sink.close().await;
        });
        let inner = Rc::clone(&self.inner);
        tokio::task::spawn_local(async move {
            while let Some(Ok(frame)) = source.next().await {
                let Frame::Binary(bytes) = frame else {
                    continue;
                };
                inner.heard(Passing::Received(&bytes));
                let waiting = |id: u32| inner.waiting.borrow_mut().remove(&id);
                match codec::decode::<ServerFrame>(&bytes).unwrap() {
                    ServerFrame::Reply { id, body } => {
                        let Some((op, sender)) = waiting(id) else {
                            continue;
                        };
                        if let Some(Given::Reply { body, .. }) =
                            inner.told(Given::Reply { op, body })
                        {
                            let _ = sender.send(Ok(body));
                        }
                    }
                    ServerFrame::Refused { id, error } => {
                        if let Some((_, sender)) = waiting(id) {
                            let _ = sender.send(Err(error.into()));
                        }
                    }
                    ServerFrame::Event(event) => {
                        if let Some(Given::Event(event)) = inner.told(Given::Event(Box::new(event)))
                        {
                            let _ = inner.inbound.send(Inbound::Event(event));
                        }
                    }
                }
            }
            inner.waiting.borrow_mut().clear();
            *inner.outgoing.borrow_mut() = None;
            let _ = inner.inbound.send(Inbound::Closed);
        });
    }

    /// From now on the server lies.
    pub fn lie(&self, lie: Lie) {
        *self.inner.lie.borrow_mut() = Some(lie);
    }

    /// From now on the server meddles with requests.
    pub fn meddle(&self, meddling: Meddling) {
        *self.inner.meddling.borrow_mut() = Some(meddling);
    }

    /// From now on somebody listens.
    pub fn listen(&self, listener: Listener) {
        *self.inner.listener.borrow_mut() = Some(listener);
    }

    /// The server is honest again.
    pub fn tell_the_truth(&self) {
        *self.inner.lie.borrow_mut() = None;
        *self.inner.meddling.borrow_mut() = None;
    }

    /// The server says something of its own.
    pub fn inject(&self, event: Event) {
        let _ = self.inner.inbound.send(Inbound::Event(Box::new(event)));
    }

    /// Closes the connection from this side.
    pub fn cut(&self) {
        *self.inner.outgoing.borrow_mut() = None;
    }
}
