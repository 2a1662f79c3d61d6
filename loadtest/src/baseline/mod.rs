//! What the server is measured against: small servers that only pass frames on, each in a process of its own.
//!
//! Whatever binary frame a socket sends goes to every other socket, and the sender is answered once that is done. A
//! text frame is answered and goes nowhere: it stands for signing in.

mod axum;
mod bare;
mod probe;
mod room;
pub mod rows;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tokio::net::TcpListener;

use crate::Result;

/// What the server's writer commits together at most.
pub const MAX_BATCH: usize = 256;

/// Settings of a baseline.
#[derive(Args)]
pub struct Settings {
    /// Which one.
    kind: Kind,
    /// Where it listens.
    #[arg(long)]
    listen: SocketAddr,
    /// File of what has to be stored.
    #[arg(long)]
    database: PathBuf,
}

/// Which baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// tokio-tungstenite, and nothing else.
    Bare,
    /// axum with small read buffers.
    Axum,
    /// The same, and what is passed on is committed to SQLite before, together with whatever else waits.
    Probe,
}

impl Kind {
    /// As its row is named, and its command.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Axum => "axum",
            Self::Probe => "probe",
        }
    }
}

/// Serves until it is killed.
pub async fn serve(settings: Settings) -> Result {
    let listener = TcpListener::bind(settings.listen).await?;
    match settings.kind {
        Kind::Bare => bare::serve(listener).await,
        Kind::Axum => axum::serve(listener, None).await,
        Kind::Probe => axum::serve(listener, Some(probe::start(&settings.database)?)).await,
    }
}
