//! A client's connection, which counts what goes over it, and can hold back what a client would append.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;

use futures::{SinkExt, StreamExt};
use secure_chat_shared::client::platform::{CallError, Socket};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::protocol::{
    Append, ClientFrame, ErrorCode, Event, RegisterFinish, Request, RequestError, SUBPROTOCOL,
    ServerFrame, SignedIn,
};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};

use crate::Result;

/// Opens a WebSocket as a page of the server's would.
pub async fn open(address: SocketAddr, read_buffer: usize) -> Result<WebSocketStream<TcpStream>> {
    let mut request = format!("ws://{address}/ws").into_client_request()?;
    let headers = request.headers_mut();
    headers.insert(
        "sec-websocket-protocol",
        HeaderValue::from_static(SUBPROTOCOL),
    );
    headers.insert(
        "origin",
        HeaderValue::from_str(&format!("http://{address}"))?,
    );
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default().read_buffer_size(read_buffer);
    let opened = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await;
    Ok(opened?.0)
}

/// Bytes of tungstenite's read buffer.
const READ_BUFFER: usize = 64 * 1024;

/// Clones share the connection.
#[derive(Clone)]
pub struct LoadSocket(Rc<Inner>);

struct Inner {
    outgoing: mpsc::UnboundedSender<Message>,
    waiting: RefCell<HashMap<u32, oneshot::Sender<std::result::Result<Bytes, CallError>>>>,
    next: Cell<u32>,
    sent: Cell<usize>,
    session: RefCell<Option<SignedIn>>,
    /// What was held back, while that is done.
    held: RefCell<Option<Vec<Append>>>,
}

impl LoadSocket {
    /// Connects; events go to the receiver.
    pub async fn connect(address: SocketAddr) -> Result<(Self, mpsc::UnboundedReceiver<Event>)> {
        let stream = open(address, READ_BUFFER).await?;
        let (mut sink, mut source) = stream.split();
        let (outgoing, mut frames) = mpsc::unbounded_channel();
        let (events, inbound) = mpsc::unbounded_channel();
        let inner = Rc::new(Inner {
            outgoing,
            waiting: RefCell::default(),
            next: Cell::new(0),
            sent: Cell::new(0),
            session: RefCell::default(),
            held: RefCell::default(),
        });
        tokio::task::spawn_local(async move {
            while let Some(frame) = frames.recv().await {
                let writing = async {
                    sink.feed(frame).await?;
                    // What waits goes in one write, as far as it fits.
                    while let Ok(frame) = frames.try_recv() {
                        sink.feed(frame).await?;
                    }
                    sink.flush().await
                };
                if writing.await.is_err() {
                    break;
                }
            }
        });
        let reader = Rc::downgrade(&inner);
        tokio::task::spawn_local(async move {
            while let Some(Ok(frame)) = source.next().await {
                let Message::Binary(bytes) = frame else {
                    continue;
                };
                let (Ok(frame), Some(inner)) = (codec::decode(&bytes), reader.upgrade()) else {
                    break;
                };
                let answer = |id, answer| {
                    if let Some(sender) = inner.waiting.borrow_mut().remove(&id) {
                        // Whoever asked may have given up.
                        let _ = sender.send(answer);
                    }
                };
                match frame {
                    ServerFrame::Reply { id, body } => answer(id, Ok(body)),
                    ServerFrame::Refused { id, error } => answer(id, Err(error.into())),
                    ServerFrame::Event(event) => {
                        let _ = events.send(event);
                    }
                }
            }
            if let Some(inner) = reader.upgrade() {
                inner.waiting.borrow_mut().clear();
            }
        });
        Ok((Self(inner), inbound))
    }

    /// Bytes of frames sent so far.
    pub fn sent(&self) -> usize {
        self.0.sent.get()
    }

    /// The session that registering on this socket has begun.
    pub fn session(&self) -> Option<SignedIn> {
        self.0.session.borrow().clone()
    }

    /// From here on every `Append` is kept instead of sent, and refused.
    pub fn hold_back(&self) {
        *self.0.held.borrow_mut() = Some(Vec::new());
    }

    /// What was held back; from here on everything is sent again.
    pub fn let_go(&self) -> Vec<Append> {
        self.0.held.borrow_mut().take().unwrap_or_default()
    }

    /// Keeps an `Append` that is to be held back.
    fn holds(&self, op: u16, body: &[u8]) -> std::result::Result<bool, CallError> {
        match self.0.held.borrow_mut().as_mut() {
            Some(held) if op == Append::OP => {
                held.push(codec::decode(body).map_err(|_| CallError::BadReply)?);
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

impl Socket for LoadSocket {
    async fn call(&self, op: u16, body: Vec<u8>) -> std::result::Result<Bytes, CallError> {
        if self.holds(op, &body)? {
            let error = RequestError::new(ErrorCode::NotAllowed, "held back");
            return Err(CallError::Refused(error));
        }
        let id = self.0.next.get();
        self.0.next.set(id + 1);
        let (sender, receiver) = oneshot::channel();
        self.0.waiting.borrow_mut().insert(id, sender);
        let body = Bytes(body);
        let frame = codec::encode(&ClientFrame { id, op, body });
        self.0.sent.set(self.0.sent.get() + frame.len());
        self.0
            .outgoing
            .send(Message::Binary(frame.into()))
            .map_err(|_| CallError::Disconnected)?;
        let reply = receiver.await.unwrap_or(Err(CallError::Disconnected))?;
        if op == RegisterFinish::OP {
            let session = codec::decode(&reply).map_err(|_| CallError::BadReply)?;
            *self.0.session.borrow_mut() = Some(session);
        }
        Ok(reply)
    }

    fn hang_up(&self) {
        // Where the connection is gone already, nothing is left to break.
        let _ = self.0.outgoing.send(Message::Close(None));
    }
}
