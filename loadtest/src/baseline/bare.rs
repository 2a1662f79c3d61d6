//! tokio-tungstenite, and nothing else.

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use secure_chat_shared::protocol::SUBPROTOCOL;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;

use super::room::Room;
use crate::Result;

/// Frames written before the socket is looked at again.
const WRITE_TOGETHER: usize = 64;

pub async fn serve(listener: TcpListener) -> Result {
    let room = Room::default();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(connection(stream, room.clone()));
    }
}

async fn connection(stream: TcpStream, room: Room) {
    // A look whether we listen is no socket.
    let accepted = tokio_tungstenite::accept_hdr_async(stream, speak_ours);
    let Ok(mut socket) = accepted.await else {
        return;
    };
    let (id, mut queue) = room.enter();
    let mut frames: Vec<Bytes> = Vec::new();
    loop {
        let going = tokio::select! {
            _ = queue.recv_many(&mut frames, WRITE_TOGETHER) => {
                let writing = async {
                    for frame in frames.drain(..) {
                        socket.feed(Message::Binary(frame)).await?;
                    }
                    socket.flush().await
                };
                writing.await.is_ok()
            }
            message = socket.next() => match message {
                Some(Ok(Message::Binary(frame))) => {
                    room.pass_on(id, &frame);
                    true
                }
                Some(Ok(Message::Text(_))) => {
                    room.answer(id);
                    true
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => true,
                None | Some(Ok(Message::Close(_)) | Err(_)) => false,
            },
        };
        if !going {
            break;
        }
    }
    room.leave(id);
}

/// Takes the subprotocol that our clients ask for.
#[allow(clippy::result_large_err, clippy::unnecessary_wraps)] // as tungstenite wants it
fn speak_ours(_: &Request, mut response: Response) -> std::result::Result<Response, ErrorResponse> {
    let ours = HeaderValue::from_static(SUBPROTOCOL);
    response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, ours);
    Ok(response)
}
