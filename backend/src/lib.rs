//! Secure Chat's server.
//!
//! A frame's way: `http` upgrades to a WebSocket, `connection` reads frames and writes answers, `handlers` has one
//! file a topic and one exhaustive match over all requests, `db` is everything durable, `hub` who is connected.
//! `db` and `hub` never meet: what a handler gets back from a transaction, it hands to the hub.
//! `admin` is what the operator's commands do beside a running server; `verify` checks exported conversations.

pub mod admin;
pub mod config;
pub mod logs;
pub mod manifest;
pub mod verify;

mod app;
mod client;
mod connection;
mod db;
mod handlers;
mod http;
mod hub;
mod invitation;
mod limiter;
mod managed;
mod names;
mod numbers;
mod opaque_setup;
mod passkeys;
mod place;
mod private_file;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use app::App;
pub use app::StartError;
use config::Config;
pub use db::Storage;
pub use limiter::Rate;

/// How long sockets and requests have to end once the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// Serves on `listener` until `shutdown` ends, then closes every socket with 1001 and finishes what it has begun.
pub async fn run(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> Result<(), StartError> {
    let app = App::open(config).await?;
    app.tasks.spawn(admin::watch(Arc::clone(&app)));
    let address = listener.local_addr().map_err(StartError::Listen)?;
    let listener = listener.tap_io(|stream| {
        // Small frames go out at once; a failure costs latency only.
        let _ = stream.set_nodelay(true);
    });
    let service =
        http::router(Arc::clone(&app)).into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service)
        .with_graceful_shutdown(app.stopping.clone().cancelled_owned());
    let mut serving = tokio::spawn(serving.into_future());
    tracing::info!(%address, "serving on http://{address}");

    tokio::select! {
        () = shutdown => {}
        // Only ends before it is told to if accepting fails for good.
        _ = &mut serving => {}
    }
    tracing::info!("stopping");
    app.stopping.cancel();
    app.tasks.close();
    let ended = tokio::time::timeout(GRACE, async {
        app.tasks.wait().await;
        if !serving.is_finished() {
            let _ = (&mut serving).await;
        }
    });
    if ended.await.is_err() {
        tracing::warn!("some connections did not end in time");
        serving.abort();
    }
    app.database.close().await;
    tracing::info!("stopped");
    Ok(())
}
