//! Everybody who is connected, each with a queue.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc;

/// Frames that may wait for a socket.
const QUEUE: usize = 2048;
/// What the sender is answered.
const ANSWER: Bytes = Bytes::from_static(b"done");

/// A cheap handle.
#[derive(Clone, Default)]
pub struct Room(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    next: u64,
    sockets: Vec<(u64, mpsc::Sender<Bytes>)>,
}

impl Room {
    /// A new socket: its number and its queue.
    pub fn enter(&self) -> (u64, mpsc::Receiver<Bytes>) {
        let (sender, queue) = mpsc::channel(QUEUE);
        let mut inner = self.lock();
        inner.next += 1;
        let id = inner.next;
        inner.sockets.push((id, sender));
        (id, queue)
    }

    /// A socket has gone.
    pub fn leave(&self, id: u64) {
        self.lock().sockets.retain(|(other, _)| *other != id);
    }

    /// Passes a frame on to everybody else, and answers its sender. Whoever is too slow misses it.
    pub fn pass_on(&self, from: u64, frame: &Bytes) {
        for (id, socket) in &self.lock().sockets {
            let frame = if *id == from { ANSWER } else { frame.clone() };
            let _ = socket.try_send(frame);
        }
    }

    /// Answers, and nothing else.
    pub fn answer(&self, to: u64) {
        let inner = self.lock();
        let socket = inner.sockets.iter().find(|(id, _)| *id == to);
        if let Some((_, socket)) = socket {
            let _ = socket.try_send(ANSWER);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
