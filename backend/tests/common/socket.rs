//! A client's WebSocket, request by request.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::protocol::{
    ClientFrame, ErrorCode, Event, Request, RequestError, SUBPROTOCOL, ServerFrame,
};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// Nothing in these tests takes so long; only a test that would hang meets it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connected socket.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    next_id: u32,
    events: VecDeque<Event>,
}

impl Socket {
    /// Connects with the right subprotocol.
    pub async fn connect(address: SocketAddr) -> Self {
        let mut request = request(address);
        let protocol = SUBPROTOCOL.parse().unwrap();
        request
            .headers_mut()
            .insert("sec-websocket-protocol", protocol);
        Self::connect_with(address, request).await.unwrap()
    }

    /// Connects through a proxy that names this address.
    pub async fn connect_from(address: SocketAddr, from: &str) -> Self {
        let mut request = request(address);
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
        headers.insert("x-forwarded-for", from.parse().unwrap());
        Self::connect_with(address, request).await.unwrap()
    }

    /// Connects with a request of one's own.
    pub async fn connect_with(
        address: SocketAddr,
        request: client::Request,
    ) -> Result<Self, tungstenite::Error> {
        let stream = TcpStream::connect(address).await.unwrap();
        let (stream, _) = client_async(request, stream).await?;
        Ok(Self {
            stream,
            next_id: 0,
            events: VecDeque::new(),
        })
    }

    /// Sends a request and waits for its answer.
    pub async fn call<R: Request>(&mut self, request: &R) -> Result<R::Reply, RequestError> {
        let id = self.ask(R::OP, codec::encode(request)).await;
        let body = self.answer(id).await?;
        Ok(codec::decode(&body).unwrap())
    }

    /// The code with which a request is refused.
    pub async fn refusal<R: Request>(&mut self, request: &R) -> ErrorCode {
        match self.call(request).await {
            Ok(_) => panic!("operation {} was not refused", R::OP),
            Err(error) => error.code,
        }
    }

    /// Sends a request without waiting; its id.
    pub async fn ask(&mut self, op: u16, body: Vec<u8>) -> u32 {
        self.next_id += 1;
        let frame = ClientFrame {
            id: self.next_id,
            op,
            body: body.into(),
        };
        self.send(Message::binary(codec::encode(&frame))).await;
        self.next_id
    }

    /// Waits for the answer to a request; events that come before it are kept.
    pub async fn answer(&mut self, id: u32) -> Result<Bytes, RequestError> {
        loop {
            match self.frame().await {
                ServerFrame::Reply { id: of, body } => {
                    assert_eq!(of, id, "an answer to something else");
                    return Ok(body);
                }
                ServerFrame::Refused { id: of, error } => {
                    assert_eq!(of, id, "an answer to something else");
                    return Err(error);
                }
                ServerFrame::Event(event) => self.events.push_back(event),
            }
        }
    }

    /// Waits for the answers to requests, which may come in any order; in the order of `ids`.
    pub async fn answers(&mut self, ids: &[u32]) -> Vec<Result<Bytes, RequestError>> {
        let mut found = BTreeMap::new();
        while found.len() < ids.len() {
            match self.frame().await {
                ServerFrame::Reply { id, body } => found.insert(id, Ok(body)),
                ServerFrame::Refused { id, error } => found.insert(id, Err(error)),
                ServerFrame::Event(event) => {
                    self.events.push_back(event);
                    continue;
                }
            };
        }
        ids.iter().map(|id| found.remove(id).unwrap()).collect()
    }

    /// An event that came while something else was awaited.
    pub fn kept_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next event.
    pub async fn event(&mut self) -> Event {
        if let Some(event) = self.events.pop_front() {
            return event;
        }
        match self.frame().await {
            ServerFrame::Event(event) => event,
            other => panic!("not an event: {other:?}"),
        }
    }

    /// The next event that `pick` takes; others are left out.
    pub async fn event_where<T>(&mut self, pick: impl Fn(Event) -> Option<T>) -> T {
        loop {
            if let Some(picked) = pick(self.event().await) {
                return picked;
            }
        }
    }

    /// Sends anything.
    pub async fn send(&mut self, message: Message) {
        // A server that closes meanwhile may make it fail; what comes of it is read afterwards.
        let _ = self.stream.send(message).await;
    }

    /// The next frame of any kind.
    pub async fn frame(&mut self) -> ServerFrame {
        loop {
            match self.message().await {
                Some(Message::Binary(bytes)) => return codec::decode(&bytes).unwrap(),
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("not a frame: {other:?}"),
            }
        }
    }

    /// Reads until the server closes; the close code.
    pub async fn closed(&mut self) -> u16 {
        loop {
            match self.message().await {
                Some(Message::Close(Some(frame))) => {
                    // Lets the closing handshake end.
                    while self.message().await.is_some() {}
                    return frame.code.into();
                }
                Some(Message::Close(None)) | None => panic!("closed without a code"),
                Some(Message::Binary(bytes)) => {
                    if let Ok(ServerFrame::Event(event)) = codec::decode(&bytes) {
                        self.events.push_back(event);
                    }
                }
                Some(_) => {}
            }
        }
    }

    /// The TCP stream below, for those who stop reading.
    pub fn into_inner(self) -> WebSocketStream<TcpStream> {
        self.stream
    }

    async fn message(&mut self) -> Option<Message> {
        let next = tokio::time::timeout(PATIENCE, self.stream.next());
        next.await
            .expect("the server says nothing")
            .and_then(Result::ok)
    }
}

/// A request for `/ws` without subprotocol.
pub fn request(address: SocketAddr) -> client::Request {
    format!("ws://{address}/ws").into_client_request().unwrap()
}
