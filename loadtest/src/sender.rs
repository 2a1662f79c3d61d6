//! Whoever sends, as fast as it goes or at a steady pace, and notes when.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{SinkExt, StreamExt, TryStreamExt};
use secure_chat_shared::client::platform::Socket;
use secure_chat_shared::protocol::{Append, MAX_IN_FLIGHT};
use tokio::net::TcpStream;
use tokio::time::MissedTickBehavior;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::Result;
use crate::socket::{self, LoadSocket};

/// Bytes of tungstenite's read buffer.
const READ_BUFFER: usize = 16 * 1024;

/// How fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// With as many unanswered as a client may have.
    Flood,
    /// So many a second, each once the one before is answered.
    Paced(u32),
}

impl Pace {
    /// As its row is named.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flood => "flood",
            Self::Paced(_) => "paced",
        }
    }
}

/// Appends to the server's log; when each entry was handed to the socket.
pub async fn append(socket: &LoadSocket, entries: &[Append], pace: Pace) -> Result<Vec<Instant>> {
    let sent = RefCell::new(Vec::with_capacity(entries.len()));
    let append = async |entry: &Append| {
        sent.borrow_mut().push(Instant::now());
        socket.request(entry).await
    };
    match pace {
        Pace::Flood => {
            futures::stream::iter(entries.iter().map(&append))
                .buffered(MAX_IN_FLIGHT)
                .try_for_each(async |_| Ok(()))
                .await?;
        }
        Pace::Paced(a_second) => {
            let mut ticks = ticks(a_second);
            for entry in entries {
                ticks.tick().await;
                append(entry).await?;
            }
        }
    }
    Ok(sent.into_inner())
}

/// A socket of a baseline.
pub struct Plain(WebSocketStream<TcpStream>);

impl Plain {
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        Ok(Self(socket::open(address, READ_BUFFER).await?))
    }

    /// Sends frames to be passed on; when each was handed to the socket.
    pub async fn send(&mut self, frames: &[Bytes], pace: Pace) -> Result<Vec<Instant>> {
        let mut sent = Vec::with_capacity(frames.len());
        match pace {
            Pace::Flood => {
                let mut answered = 0;
                while answered < frames.len() {
                    let until = frames.len().min(answered + MAX_IN_FLIGHT);
                    for frame in &frames[sent.len()..until] {
                        sent.push(Instant::now());
                        self.0.feed(Message::Binary(frame.clone())).await?;
                    }
                    self.0.flush().await?;
                    answered += self.answers().await?;
                }
            }
            Pace::Paced(a_second) => {
                let mut ticks = ticks(a_second);
                for frame in frames {
                    ticks.tick().await;
                    sent.push(Instant::now());
                    self.0.send(Message::Binary(frame.clone())).await?;
                    self.answers().await?;
                }
            }
        }
        Ok(sent)
    }

    /// Waits for an answer, and takes whatever others are there.
    async fn answers(&mut self) -> Result<usize> {
        let mut answers = 0;
        let mut next = self.0.next().await;
        loop {
            match next {
                Some(Ok(Message::Binary(_))) => answers += 1,
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Err("the baseline has hung up".into()),
            }
            next = match futures::FutureExt::now_or_never(self.0.next()) {
                None if answers > 0 => return Ok(answers),
                None => self.0.next().await,
                Some(next) => next,
            };
        }
    }
}

fn ticks(a_second: u32) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / a_second);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
