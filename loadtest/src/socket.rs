//! A client's connection, which counts what goes over it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;

use futures::{SinkExt, StreamExt};
use secure_chat_shared::client::platform::{CallError, Socket};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::protocol::{ClientFrame, Event, SUBPROTOCOL, ServerFrame};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::Result;

/// Clones share the connection.
#[derive(Clone)]
pub struct LoadSocket(Rc<Inner>);

struct Inner {
    outgoing: mpsc::UnboundedSender<Message>,
    waiting: RefCell<HashMap<u32, oneshot::Sender<std::result::Result<Bytes, CallError>>>>,
    next: Cell<u32>,
    sent: Cell<usize>,
}

impl LoadSocket {
    /// Connects; events go to the receiver.
    pub async fn connect(address: SocketAddr) -> Result<(Self, mpsc::UnboundedReceiver<Event>)> {
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
        let (stream, _) = tokio_tungstenite::connect_async(request).await?;
        let (mut sink, mut source) = stream.split();
        let (outgoing, mut frames) = mpsc::unbounded_channel();
        let (events, inbound) = mpsc::unbounded_channel();
        let inner = Rc::new(Inner {
            outgoing,
            waiting: RefCell::default(),
            next: Cell::new(0),
            sent: Cell::new(0),
        });
        tokio::task::spawn_local(async move {
            while let Some(frame) = frames.recv().await {
                if sink.send(frame).await.is_err() {
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
}

impl Socket for LoadSocket {
    async fn call(&self, op: u16, body: Vec<u8>) -> std::result::Result<Bytes, CallError> {
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
        receiver.await.unwrap_or(Err(CallError::Disconnected))
    }

    fn hang_up(&self) {
        // Where the connection is gone already, nothing is left to break.
        let _ = self.0.outgoing.send(Message::Close(None));
    }
}
