//! Who is connected to this server, and how to reach them.
//!
//! One lock over a small map: every critical section is a look-up and a few pushes onto queues, never a wait. A frame
//! is encoded once and its bytes are shared by every queue. Nothing is dropped silently: a queue that overflows closes
//! its socket, whose client connects again and catches up.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use lru::LruCache;
use secure_chat_shared::codec;
use secure_chat_shared::ids::{SessionId, UserId};
use secure_chat_shared::protocol::{Event, Presence, PresenceStatus, ServerFrame, close_code};
use tokio::sync::Notify;

use crate::config::Limits;

/// Sessions that ended lately: none of them is attached again, whatever a resumption has read before.
const REMEMBERED_ENDS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);

/// Number of a socket on this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SocketId(u64);

/// An encoded [`ServerFrame`].
pub fn frame(frame: &ServerFrame) -> Bytes {
    codec::encode(frame).into()
}

/// An encoded event.
pub fn event(event: Event) -> Bytes {
    frame(&ServerFrame::Event(event))
}

/// Frames that a list of them keeps room for while it is empty: most sockets are idle most of the time, and there are
/// many.
pub const PLACES_KEPT: usize = 4;
/// From here on an empty queue gives its room back: 1 KiB.
const PLACES_WORTH_MUCH: usize = 32;

/// The queue to one socket: a cheap handle.
#[derive(Clone)]
pub struct Outgoing(Arc<Shared>);

struct Shared {
    id: SocketId,
    waiting: Mutex<Waiting>,
    /// One who takes frames is woken by it.
    filled: Notify,
    max_frames: usize,
    max_bytes: usize,
    close: AtomicU16,
    closing: Notify,
}

/// What is queued. A list that grows and shrinks: the channels of tokio hold room for 32 frames from the start, 1 KiB.
#[derive(Default)]
struct Waiting {
    frames: VecDeque<Bytes>,
    bytes: usize,
}

impl Waiting {
    /// Moves up to `most` frames; whether there were any.
    fn give(&mut self, into: &mut Vec<Bytes>, most: usize) -> bool {
        let count = self.frames.len().min(most);
        let given = self.frames.drain(..count);
        into.extend(given.inspect(|frame| self.bytes -= frame.len()));
        // Not at every burst: to get the room again takes longer than to pass on what is in it.
        if self.frames.is_empty() && self.frames.capacity() > PLACES_WORTH_MUCH {
            self.frames.shrink_to(PLACES_KEPT);
        }
        count > 0
    }
}

impl Shared {
    /// The lock is good even if a panic left it behind: no critical section leaves the queue half changed.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The other end of [`Outgoing`], which its connection drains.
pub struct Queue(Arc<Shared>);

impl Outgoing {
    /// A queue with this server's limits.
    pub fn new(limits: &Limits) -> (Self, Queue) {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let shared = Arc::new(Shared {
            id: SocketId(NEXT.fetch_add(1, Ordering::Relaxed)),
            waiting: Mutex::default(),
            filled: Notify::new(),
            max_frames: limits.queue_frames,
            max_bytes: limits.queue_bytes,
            close: AtomicU16::new(0),
            closing: Notify::new(),
        });
        (Self(Arc::clone(&shared)), Queue(shared))
    }

    /// The socket's number.
    pub fn id(&self) -> SocketId {
        self.0.id
    }

    /// Queues a frame; a socket that is too slow for it is closed instead.
    pub fn send(&self, frame: Bytes) {
        let mut waiting = self.0.waiting();
        let bytes = waiting.bytes + frame.len();
        if bytes > self.0.max_bytes || waiting.frames.len() >= self.0.max_frames {
            drop(waiting);
            return self.close(close_code::SLOW);
        }
        waiting.bytes = bytes;
        waiting.frames.push_back(frame);
        let is_first = waiting.frames.len() == 1;
        drop(waiting);
        if is_first {
            self.0.filled.notify_one();
        }
    }

    /// Closes the socket with this code, unless it is closing already.
    pub fn close(&self, code: u16) {
        let first = self
            .0
            .close
            .compare_exchange(0, code, Ordering::AcqRel, Ordering::Acquire);
        if first.is_ok() {
            self.0.closing.notify_one();
        }
    }
}

impl Queue {
    /// Waits for at least one frame, takes up to `most`. Dropped while it waits, it has taken none.
    pub async fn take(&mut self, into: &mut Vec<Bytes>, most: usize) {
        while !self.0.waiting().give(into, most) {
            self.0.filled.notified().await;
        }
    }

    /// Takes what is there without waiting.
    pub fn take_ready(&mut self, into: &mut Vec<Bytes>) {
        self.0.waiting().give(into, usize::MAX);
    }

    /// A waiter for [`Outgoing::close`], apart from the queue so that both can be awaited at once.
    pub fn closing(&self) -> Closing {
        Closing(Arc::clone(&self.0))
    }
}

/// Waits for somebody to close the socket.
pub struct Closing(Arc<Shared>);

impl Closing {
    /// The close code, once there is one.
    pub async fn code(&self) -> u16 {
        loop {
            let code = self.0.close.load(Ordering::Acquire);
            if code != 0 {
                return code;
            }
            self.0.closing.notified().await;
        }
    }
}

/// Who is here. A cheap handle.
#[derive(Clone)]
pub struct Hub(Arc<Mutex<Inner>>);

struct Inner {
    users: HashMap<UserId, Vec<Attached>>,
    ended: LruCache<SessionId, ()>,
}

struct Attached {
    session: SessionId,
    outgoing: Outgoing,
}

/// Whether a socket was its user's first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// The user was offline until now.
    First,
    /// The user was here already.
    Another,
    /// The session has ended meanwhile: the socket was not attached.
    Ended,
}

impl Default for Hub {
    fn default() -> Self {
        let ended = LruCache::new(REMEMBERED_ENDS);
        Self(Arc::new(Mutex::new(Inner {
            users: HashMap::new(),
            ended,
        })))
    }
}

impl Hub {
    /// A socket has signed in.
    pub fn attach(&self, user: UserId, session: SessionId, outgoing: Outgoing) -> Arrival {
        let mut inner = self.lock();
        if inner.ended.contains(&session) {
            return Arrival::Ended;
        }
        let sockets = inner.users.entry(user).or_default();
        sockets.push(Attached { session, outgoing });
        if sockets.len() == 1 {
            Arrival::First
        } else {
            Arrival::Another
        }
    }

    /// A socket has gone or signed out. Whether it was the user's last.
    pub fn detach(&self, user: UserId, socket: SocketId) -> bool {
        let mut inner = self.lock();
        let Some(sockets) = inner.users.get_mut(&user) else {
            return false;
        };
        let before = sockets.len();
        sockets.retain(|attached| attached.outgoing.id() != socket);
        let last = sockets.is_empty() && before > 0;
        if sockets.is_empty() {
            inner.users.remove(&user);
        }
        last
    }

    /// Whether the user has a socket here.
    pub fn is_online(&self, user: &UserId) -> bool {
        self.lock().users.contains_key(user)
    }

    /// Queues a frame on every socket of these users but one.
    pub fn send<'a>(
        &self,
        users: impl IntoIterator<Item = &'a UserId>,
        except: Option<SocketId>,
        frame: &Bytes,
    ) {
        let inner = self.lock();
        for attached in users
            .into_iter()
            .filter_map(|user| inner.users.get(user))
            .flatten()
        {
            if Some(attached.outgoing.id()) != except {
                attached.outgoing.send(frame.clone());
            }
        }
    }

    /// Tells `peers` that the user came or went, if that is still so: whoever changes it back meanwhile tells it anew.
    pub fn announce(&self, user: UserId, status: PresenceStatus, peers: &[UserId]) {
        let frame = event(Event::Presence(Presence { user, status }));
        let inner = self.lock();
        let online = inner.users.contains_key(&user);
        if online == matches!(status, PresenceStatus::Offline(_)) {
            return;
        }
        for attached in peers
            .iter()
            .filter_map(|peer| inner.users.get(peer))
            .flatten()
        {
            attached.outgoing.send(frame.clone());
        }
    }

    /// Tells every socket of a session but one that it has ended, and closes them.
    pub fn end_session(&self, user: &UserId, session: SessionId, except: Option<SocketId>) {
        let frame = event(Event::SessionEnded);
        let mut inner = self.lock();
        inner.ended.put(session, ());
        let Some(sockets) = inner.users.get(user) else {
            return;
        };
        for attached in sockets
            .iter()
            .filter(|attached| attached.session == session)
        {
            if Some(attached.outgoing.id()) != except {
                attached.outgoing.send(frame.clone());
                attached.outgoing.close(close_code::SESSION_ENDED);
            }
        }
    }

    /// The lock is good even if a panic left it behind: no critical section leaves the map half changed.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: UserId = UserId([1; 16]);
    const PHONE: SessionId = SessionId([2; 16]);

    fn queue(frames: usize, bytes: usize) -> (Outgoing, Queue) {
        Outgoing::new(&Limits {
            queue_frames: frames,
            queue_bytes: bytes,
            ..Limits::default()
        })
    }

    #[test]
    fn presence_follows_the_first_and_the_last_socket() {
        let hub = Hub::default();
        let (one, _queue_one) = queue(4, 100);
        let (two, _queue_two) = queue(4, 100);
        assert_eq!(hub.attach(ALICE, PHONE, one.clone()), Arrival::First);
        assert_eq!(hub.attach(ALICE, PHONE, two.clone()), Arrival::Another);
        assert!(!hub.detach(ALICE, one.id()));
        assert!(!hub.detach(ALICE, one.id()));
        assert!(hub.is_online(&ALICE));
        assert!(hub.detach(ALICE, two.id()));
        assert!(!hub.is_online(&ALICE));
    }

    #[tokio::test]
    async fn a_full_queue_closes_its_socket() {
        let (outgoing, queue) = queue(2, 100);
        for _ in 0..3 {
            outgoing.send(Bytes::from_static(b"x"));
        }
        assert_eq!(queue.closing().code().await, close_code::SLOW);
    }

    #[tokio::test]
    async fn too_many_bytes_close_the_socket_and_the_first_code_stays() {
        let (outgoing, mut queue) = queue(100, 100);
        let closing = queue.closing();
        outgoing.send(vec![0; 90].into());
        let mut taken = Vec::new();
        queue.take(&mut taken, 10).await;
        outgoing.send(vec![0; 90].into());
        outgoing.send(vec![0; 90].into());
        outgoing.close(close_code::SESSION_ENDED);
        assert_eq!(closing.code().await, close_code::SLOW);
    }

    #[test]
    fn an_ended_session_is_not_attached_again() {
        let hub = Hub::default();
        hub.end_session(&ALICE, PHONE, None);
        assert_eq!(hub.attach(ALICE, PHONE, queue(4, 100).0), Arrival::Ended);
    }
}
