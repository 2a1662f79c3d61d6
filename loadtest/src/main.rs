//! Measures the server with the real client core and native keys: what is sent is what browsers send.
//!
//! Each benchmark is a module of its name. What they measure against runs in processes of its own ([`baseline`]), on the
//! server's core ([`cores`]); what they find is told by [`report`]. `register` and [`fill`] make what those need that run
//! in a browser.

mod baseline;
mod cores;
mod fanout;
mod fill;
mod history;
mod idle;
mod ingest;
mod login;
mod person;
mod plot;
mod receivers;
mod rekey;
mod report;
mod sender;
mod server;
mod socket;
mod stalled;
mod stored;
mod storm;

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use report::Options;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

/// What ends a run early; the text says where.
type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

#[derive(Parser)]
#[command(name = "secure-chat-loadtest", about = "Measures Secure Chat's server")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Messages to rooms of growing size, against servers that only pass frames on.
    Fanout {
        #[command(flatten)]
        options: Options,
    },
    /// Messages to many conversations, each on disk, against a bare SQLite loop.
    Ingest {
        #[command(flatten)]
        options: Options,
    },
    /// Memory with idle sessions, against bare servers.
    Idle {
        #[command(flatten)]
        options: Options,
    },
    /// Pages, start and catching up where much was written.
    History {
        #[command(flatten)]
        options: Options,
    },
    /// A room in which one reads nothing any more.
    Stalled {
        #[command(flatten)]
        options: Options,
    },
    /// Sessions that all come back at once, against bare axum.
    Storm {
        #[command(flatten)]
        options: Options,
    },
    /// Creates and re-keys groups of growing size.
    Rekey {
        #[command(flatten)]
        options: Options,
    },
    /// Tries to log in, against Argon2id.
    Login {
        #[command(flatten)]
        options: Options,
    },
    /// Registers accounts PREFIX1, PREFIX2, ... on a running server.
    Register {
        /// The server's address.
        #[arg(long)]
        address: SocketAddr,
        /// How many.
        #[arg(long)]
        count: usize,
        /// Beginning of their names.
        #[arg(long, default_value = "member")]
        prefix: String,
    },
    /// Fills conversations on a running server.
    Fill(fill::Fill),
    /// Draws what benchmarks have written.
    Plot {
        /// Their file; the drawings go beside it.
        file: PathBuf,
    },
    /// Is one of the servers that the server is measured against.
    #[command(hide = true)]
    Baseline(baseline::Settings),
    /// Writes rows that the server has written.
    #[command(hide = true)]
    Rows(baseline::rows::Settings),
}

fn main() -> Result {
    match Cli::parse().command {
        Command::Fanout { options } => alone(fanout::run(&options)),
        Command::Ingest { options } => alone(ingest::run(&options)),
        Command::Idle { options } => alone(idle::run(&options)),
        Command::History { options } => alone(history::run(&options)),
        Command::Stalled { options } => alone(stalled::run(&options)),
        Command::Storm { options } => alone(storm::run(&options)),
        Command::Rekey { options } => alone(rekey::run(&options)),
        Command::Login { options } => alone(login::run(&options)),
        Command::Register {
            address,
            count,
            prefix,
        } => person::register_many(address, &prefix, count).map(|_| ()),
        Command::Fill(fill) => alone(fill::run(fill)),
        Command::Plot { file } => plot::draw_all(&file),
        Command::Rows(settings) => baseline::rows::run(&settings),
        Command::Baseline(settings) => Builder::new_multi_thread()
            .enable_all()
            .build()?
            .block_on(baseline::serve(settings)),
    }
}

/// Runs on this thread alone: the load generator has one core.
fn alone(benchmark: impl Future<Output = Result>) -> Result {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, benchmark)
}
