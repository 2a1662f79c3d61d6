//! axum with small read buffers, as the server has them, and perhaps a place to store what is passed on.

use std::sync::mpsc;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt;
use bytes::Bytes;
use futures::SinkExt;
use secure_chat_shared::protocol::SUBPROTOCOL;
use tokio::net::TcpListener;

use super::probe::Waiting;
use super::room::Room;
use crate::Result;

/// Bytes of tungstenite's read buffer a socket.
const READ_BUFFER: usize = 4 * 1024;
/// Frames written before the socket is looked at again.
const WRITE_TOGETHER: usize = 64;

/// What is told to somebody who stores it, where somebody does.
pub type Store = mpsc::Sender<Waiting>;

#[derive(Clone)]
struct App {
    room: Room,
    store: Option<Store>,
}

pub async fn serve(listener: TcpListener, store: Option<Store>) -> Result {
    let room = Room::default();
    let router = Router::new()
        .route("/ws", get(upgrade))
        .with_state(App { room, store });
    let listener = listener.tap_io(|stream| {
        // A socket that has gone already says so when it is read.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router).await?;
    Ok(())
}

async fn upgrade(State(app): State<App>, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .read_buffer_size(READ_BUFFER)
        .protocols([SUBPROTOCOL])
        .on_upgrade(|socket| connection(socket, app))
}

async fn connection(mut socket: WebSocket, app: App) {
    let (id, mut queue) = app.room.enter();
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
            message = socket.recv() => match message {
                Some(Ok(Message::Binary(frame))) => match &app.store {
                    Some(store) => {
                        let room = app.room.clone();
                        store.send(Waiting { from: id, frame, room }).is_ok()
                    }
                    None => {
                        app.room.pass_on(id, &frame);
                        true
                    }
                },
                Some(Ok(Message::Text(_))) => {
                    app.room.answer(id);
                    true
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => true,
                None | Some(Ok(Message::Close(_)) | Err(_)) => false,
            },
        };
        if !going {
            break;
        }
    }
    app.room.leave(id);
}
