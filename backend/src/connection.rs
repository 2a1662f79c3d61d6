//! One WebSocket: reads frames, has them handled, writes what is queued; and ends in a close code.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, SinkExt, StreamExt};
use secure_chat_shared::codec;
use secure_chat_shared::crypto::opaque::ServerLogin;
use secure_chat_shared::ids::{SessionId, UserId, UserName};
use secure_chat_shared::protocol::{
    AnyRequest, ClientFrame, ErrorCode, MAX_FRAME, MAX_FRAME_BEFORE_SIGN_IN, MAX_IN_FLIGHT,
    RequestError, ServerFrame, close_code,
};
use tokio_tungstenite::tungstenite;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::handlers;
use crate::hub::{self, Closing, Outgoing, Queue};
use crate::invitation::CodeHash;
use crate::limiter::Bucket;
use crate::passkeys::{Authenticating, Registering};

/// Frames written before the socket is looked at again.
const WRITE_TOGETHER: usize = 64;
/// A peer that takes nothing for so long is not there.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the peer has to answer our close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// RFC 6455: the peer broke the WebSocket protocol itself.
const PROTOCOL_ERROR: u16 = 1002;

/// What handlers know of the socket that a request came from.
pub struct Connection {
    /// The server.
    pub app: Arc<App>,
    /// Whom attempts are counted for.
    pub address: IpAddr,
    /// Of the page that opened the socket, if one did.
    pub origin: Option<String>,
    /// The socket's queue.
    pub outgoing: Outgoing,
    /// The server stops: this socket's own ear for it.
    stopping: CancellationToken,
    phase: Mutex<Phase>,
}

/// How far signing in has got.
pub enum Phase {
    /// Nothing yet.
    Fresh,
    /// After `RegisterStart`: the name, and the invitation code where one is needed.
    Registering(UserName, Option<CodeHash>),
    /// After `LoginStart`: the account is none where the name is unknown.
    LoggingIn(Box<ServerLogin>, Option<Account>),
    /// After a `LoginFinish` whose password was right, where the account asks for a passkey too.
    NeedsFactor(Waiting),
    /// After `FactorStart` or `UnlockStart`.
    Asking(Box<Asking>),
    /// After `RecoverStart`.
    Recovering(Account),
    /// Signed in.
    SignedIn(Identified, Confirmation),
}

/// Whose secrets are being proven, and which: how often they had been replaced. Once they are replaced again, nothing
/// that was proven with them counts.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    /// The user.
    pub user: UserId,
    /// How often.
    pub replaced: u32,
}

/// Who is about to be signed in.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Whose secrets were proven.
    pub account: Account,
    /// What the browser calls itself.
    pub browser: String,
}

/// A passkey that was asked for.
pub struct Asking {
    /// Of whom.
    pub waiting: Waiting,
    /// The session to be unlocked; none where the password came before.
    pub session: Option<SessionId>,
    /// What the answer is checked against.
    pub state: Authenticating,
}

/// How far a signed-in user has got with proving the password again. Ends with the phase that it is part of.
pub enum Confirmation {
    /// Not begun, used up or failed.
    None,
    /// After `ConfirmStart`, when the secrets had been replaced so often.
    Started(Box<ServerLogin>, u32),
    /// After `ConfirmFinish`: one thing that needs it may be done.
    Given {
        /// How often the secrets had been replaced.
        replaced: u32,
    },
    /// After `ReplaceStart` too.
    Replacing {
        /// How often the secrets had been replaced.
        replaced: u32,
    },
    /// After `PasskeyStart` too.
    MakingPasskey {
        /// How often the secrets had been replaced.
        replaced: u32,
        /// What the browser's answer is checked against.
        state: Box<Registering>,
    },
}

/// Whose socket it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identified {
    /// The user.
    pub user: UserId,
    /// The browser.
    pub session: SessionId,
}

impl Connection {
    /// Whose socket it is, or the refusal.
    pub fn identified(&self) -> Result<Identified, RequestError> {
        match *self.phase() {
            Phase::SignedIn(identified, _) => Ok(identified),
            _ => Err(RequestError::new(ErrorCode::NotSignedIn, "sign in first")),
        }
    }

    /// Signing in, step by step. The lock is never held across an await.
    pub fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves a socket until it ends.
pub async fn serve(mut socket: WebSocket, app: Arc<App>, address: IpAddr, origin: Option<String>) {
    let (outgoing, mut queue) = Outgoing::new(&app.config.limits);
    let connection = Connection {
        stopping: app.stopping.child_token(),
        app,
        address,
        origin,
        outgoing,
        phase: Mutex::new(Phase::Fresh),
    };
    let end = exchange(&mut socket, &connection, &mut queue).await;
    if handlers::failed::note_given_up(&connection).await.is_err() {
        tracing::error!("an attempt to sign in was not counted");
    }
    handlers::presence::leave(&connection);
    if end == End::Close(close_code::SESSION_ENDED) {
        let mut last = Vec::new();
        queue.take_ready(&mut last);
        let _ = write(&mut socket, &mut last, &connection, None).await;
    }
    tracing::debug!(?end, "socket ended");
    close(&mut socket, end).await;
}

/// How a socket ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The peer went.
    Gone,
    /// We close, with this code.
    Close(u16),
}

async fn exchange(socket: &mut WebSocket, connection: &Connection, queue: &mut Queue) -> End {
    let limits = &connection.app.config.limits;
    let closing = queue.closing();
    // Waited for once, not in every round: all sockets would wait in line to wait.
    let mut closed = pin!(closing.code());
    let mut stopping = pin!(connection.stopping.cancelled());
    let mut heard = Instant::now();
    let mut bucket = Bucket::new(limits.frames, heard);
    let mut ticks = tokio::time::interval(limits.idle / 3);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks.reset();
    let mut running = FuturesUnordered::new();
    let mut frames = Vec::new();
    loop {
        let written = tokio::select! {
            code = &mut closed => return End::Close(code),
            () = &mut stopping => return End::Close(close_code::GOING_AWAY),
            Some(answer) = running.next() => {
                frames.extend(answer);
                while let Some(Some(answer)) = running.next().now_or_never() {
                    frames.extend(answer);
                }
                write(socket, &mut frames, connection, Some(&closing)).await
            }
            () = queue.take(&mut frames, WRITE_TOGETHER) => {
                write(socket, &mut frames, connection, Some(&closing)).await
            }
            _ = ticks.tick() => {
                if heard.elapsed() > limits.idle {
                    return End::Close(close_code::IDLE);
                }
                socket.send(Message::Ping(Bytes::new())).await.map_err(|_| End::Gone)
            }
            // A client with too much unanswered waits, by the network's own back pressure.
            message = socket.recv(), if running.len() < MAX_IN_FLIGHT => {
                heard = Instant::now();
                if bucket.take(heard).is_err() {
                    return End::Close(close_code::RATE);
                }
                match read(message, connection) {
                    Ok(Read::Request(id, request)) => {
                        running.push(handlers::handle(connection, id, request));
                        Ok(())
                    }
                    Ok(Read::Refused(frame)) => {
                        write(socket, &mut vec![frame], connection, Some(&closing)).await
                    }
                    Ok(Read::Nothing) => Ok(()),
                    Err(end) => Err(end),
                }
            }
        };
        if let Err(end) = written {
            return end;
        }
        frames.shrink_to(hub::PLACES_KEPT);
    }
}

/// What a message was.
enum Read {
    Request(u32, AnyRequest),
    Refused(Bytes),
    Nothing,
}

fn read(
    message: Option<Result<Message, axum::Error>>,
    connection: &Connection,
) -> Result<Read, End> {
    let bytes = match message {
        None | Some(Ok(Message::Close(_))) => return Err(End::Gone),
        Some(Err(error)) => return Err(end_of(error)),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(Read::Nothing),
        Some(Ok(Message::Text(_))) => return Err(End::Close(close_code::MALFORMED)),
        Some(Ok(Message::Binary(bytes))) => bytes,
    };
    let most = match *connection.phase() {
        Phase::SignedIn(..) => MAX_FRAME,
        _ => MAX_FRAME_BEFORE_SIGN_IN,
    };
    if bytes.len() > most {
        return Err(End::Close(close_code::TOO_LARGE));
    }
    let frame: ClientFrame =
        codec::decode(&bytes).map_err(|_| End::Close(close_code::MALFORMED))?;
    let id = frame.id;
    let refused = |code, detail: &str| {
        let error = RequestError::new(code, detail);
        Ok(Read::Refused(hub::frame(&ServerFrame::Refused {
            id,
            error,
        })))
    };
    match AnyRequest::decode(frame.op, &frame.body) {
        None => refused(ErrorCode::UnknownOperation, "no operation has this number"),
        Some(Err(_)) => refused(
            ErrorCode::Malformed,
            "the body is not what the operation takes",
        ),
        Some(Ok(request)) => Ok(Read::Request(id, request)),
    }
}

fn end_of(error: axum::Error) -> End {
    match error
        .into_inner()
        .downcast::<tungstenite::Error>()
        .as_deref()
    {
        Ok(tungstenite::Error::Capacity(_)) => End::Close(close_code::TOO_LARGE),
        Ok(tungstenite::Error::Utf8(_)) => End::Close(close_code::MALFORMED),
        Ok(tungstenite::Error::Protocol(error))
            if *error != tungstenite::error::ProtocolError::ResetWithoutClosingHandshake =>
        {
            End::Close(PROTOCOL_ERROR)
        }
        _ => End::Gone,
    }
}

/// Writes the frames, all of them or to the end of the socket.
async fn write(
    socket: &mut WebSocket,
    frames: &mut Vec<Bytes>,
    connection: &Connection,
    closing: Option<&Closing>,
) -> Result<(), End> {
    let mut sending = pin!(async {
        for frame in frames.drain(..) {
            socket.feed(Message::Binary(frame)).await?;
        }
        socket.flush().await
    });
    // Nearly always the network takes it at once, and nothing has to be listened for.
    if let Some(sent) = sending.as_mut().now_or_never() {
        return sent.map_err(|_: axum::Error| End::Gone);
    }
    let told_to_close = async {
        match closing {
            Some(closing) => closing.code().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        sent = &mut sending => sent.map_err(|_: axum::Error| End::Gone),
        code = told_to_close => Err(End::Close(code)),
        () = connection.stopping.cancelled() => Err(End::Close(close_code::GOING_AWAY)),
        () = tokio::time::sleep(WRITE_TIMEOUT) => Err(End::Close(close_code::SLOW)),
    }
}

/// Says goodbye and waits a little for the peer's: closing at once could make it lose what was sent before.
async fn close(socket: &mut WebSocket, end: End) {
    let farewell = async {
        if let End::Close(code) = end {
            let frame = CloseFrame {
                code,
                reason: "".into(),
            };
            if socket.send(Message::Close(Some(frame))).await.is_err() {
                return;
            }
        }
        while let Some(Ok(_)) = socket.recv().await {}
    };
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, farewell).await;
}
