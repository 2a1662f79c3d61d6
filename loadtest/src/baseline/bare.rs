//! tokio-tungstenite, and nothing else.

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

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
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else {
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
