//! Sockets that only read, and note when what arrived. One task each, all on one thread: they share what they note.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{SinkExt, StreamExt, TryStreamExt};
use secure_chat_shared::codec;
use secure_chat_shared::protocol::{ClientFrame, Request, Resume, ServerFrame, SignedIn};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::Result;
use crate::socket;

/// Bytes of tungstenite's read buffer.
const READ_BUFFER: usize = 16 * 1024;
/// Frames from this size on are counted: what is said of presence is smaller, every message larger.
const COUNTED: usize = 1024;
/// Connections begun at the same time.
const AT_ONCE: usize = 32;
/// Nothing has come for so long: nothing is on its way.
const QUIET: Duration = Duration::from_millis(200);
/// Nothing has come for so long, and something is still missing: it will not come.
const LOST: Duration = Duration::from_secs(20);

/// Some sockets; they close when dropped.
pub struct Receivers {
    shared: Rc<Shared>,
    tasks: Vec<AbortHandle>,
}

struct Shared {
    /// When each receiver got its frames, in order.
    arrivals: RefCell<Vec<Vec<Instant>>>,
    /// The frames of the first receiver.
    frames: RefCell<Vec<Bytes>>,
    /// Counted frames that are still to come, from all receivers.
    missing: Cell<usize>,
    /// When any frame came last.
    last: Cell<Instant>,
    closed: Cell<bool>,
    done: Notify,
}

/// What came.
pub struct Received {
    /// When each receiver got its frames, in order.
    pub arrivals: Vec<Vec<Instant>>,
    /// The frames of the first receiver.
    pub frames: Vec<Bytes>,
}

impl Receivers {
    /// One for each session, signed in by its token.
    pub async fn resume(address: SocketAddr, sessions: &[SignedIn]) -> Result<Self> {
        let opening = sessions.iter().map(|session| resumed(address, session));
        Self::start(opening).await
    }

    /// So many that do not sign in.
    pub async fn plain(address: SocketAddr, count: usize) -> Result<Self> {
        Self::start((0..count).map(|_| socket::open(address, READ_BUFFER))).await
    }

    /// So many whose first frame the baseline has answered, as signing in is answered.
    pub async fn answered(address: SocketAddr, count: usize) -> Result<Self> {
        Self::start((0..count).map(|_| greeted(address))).await
    }

    async fn start(
        opening: impl Iterator<Item = impl Future<Output = Result<WebSocketStream<TcpStream>>>>,
    ) -> Result<Self> {
        let shared = Rc::new(Shared {
            arrivals: RefCell::default(),
            frames: RefCell::default(),
            missing: Cell::new(0),
            last: Cell::new(Instant::now()),
            closed: Cell::new(false),
            done: Notify::new(),
        });
        let sockets: Vec<_> = futures::stream::iter(opening)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let tasks = sockets.into_iter().enumerate().map(|(n, socket)| {
            shared.arrivals.borrow_mut().push(Vec::new());
            let reading = read(socket, Rc::clone(&shared), n);
            tokio::task::spawn_local(reading).abort_handle()
        });
        let tasks = tasks.collect();
        Ok(Self { shared, tasks })
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Fails if any of them was closed.
    pub fn must_be_open(&self) -> Result {
        if self.shared.closed.get() {
            return Err("a receiver was closed".into());
        }
        Ok(())
    }

    /// Waits until nothing comes any more, then begins to count: each receiver is to get so many.
    pub async fn expect(&self, messages: usize) {
        while self.shared.last.get().elapsed() < QUIET {
            tokio::time::sleep(QUIET / 4).await;
        }
        self.shared.missing.set(messages * self.len());
        self.shared.frames.borrow_mut().clear();
        for arrivals in self.shared.arrivals.borrow_mut().iter_mut() {
            arrivals.clear();
            arrivals.reserve(messages);
        }
    }

    /// Waits until everything has come.
    pub async fn all(&self) -> Result<Received> {
        let shared = &self.shared;
        while shared.missing.get() > 0 && !shared.closed.get() {
            let patience = tokio::time::sleep(LOST);
            tokio::select! {
                () = shared.done.notified() => {}
                () = patience => {
                    if shared.last.get().elapsed() >= LOST {
                        return Err(format!("{} frames did not come", shared.missing.get()).into());
                    }
                }
            }
        }
        self.must_be_open()?;
        Ok(Received {
            arrivals: shared.arrivals.borrow().clone(),
            frames: shared.frames.borrow().clone(),
        })
    }
}

impl Drop for Receivers {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// A socket that is signed in.
pub async fn resumed(
    address: SocketAddr,
    session: &SignedIn,
) -> Result<WebSocketStream<TcpStream>> {
    let mut socket = socket::open(address, READ_BUFFER).await?;
    let token = session.token.clone();
    let request = ClientFrame {
        id: 0,
        op: Resume::OP,
        body: codec::encode(&Resume { token }).into(),
    };
    let request = Message::Binary(codec::encode(&request).into());
    socket.send(request).await?;
    while let Some(frame) = socket.next().await {
        if let Message::Binary(frame) = frame? {
            match codec::decode(&frame)? {
                ServerFrame::Reply { .. } => return Ok(socket),
                ServerFrame::Refused { error, .. } => return Err(error.into()),
                ServerFrame::Event(_) => {}
            }
        }
    }
    Err("a session was closed while it was resumed".into())
}

async fn greeted(address: SocketAddr) -> Result<WebSocketStream<TcpStream>> {
    let mut socket = socket::open(address, READ_BUFFER).await?;
    socket.send(Message::text("hello")).await?;
    match socket.next().await {
        Some(Ok(Message::Binary(_))) => Ok(socket),
        _ => Err("the baseline has not answered".into()),
    }
}

async fn read(mut socket: WebSocketStream<TcpStream>, shared: Rc<Shared>, n: usize) {
    while let Some(Ok(frame)) = socket.next().await {
        let Message::Binary(frame) = frame else {
            continue;
        };
        let now = Instant::now();
        shared.last.set(now);
        if frame.len() < COUNTED || shared.missing.get() == 0 {
            continue;
        }
        shared.arrivals.borrow_mut()[n].push(now);
        if n == 0 {
            shared.frames.borrow_mut().push(frame);
        }
        shared.missing.set(shared.missing.get() - 1);
        if shared.missing.get() == 0 {
            shared.done.notify_one();
        }
    }
    shared.closed.set(true);
    shared.done.notify_one();
}
