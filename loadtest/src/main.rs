//! Measures the server with the real client core and native keys: what is sent is what browsers send.
//!
//! [`rekey`] and [`login`] are benchmarks; `register` makes accounts for those that run in a browser.

mod login;
mod person;
mod rekey;
mod server;
mod socket;

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
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
    /// Creates and re-keys groups of growing size.
    Rekey {
        /// The server's binary.
        #[arg(long)]
        server: PathBuf,
        /// Sizes of the groups, with their creator.
        #[arg(long, value_delimiter = ',', default_values_t = [2_usize, 10, 100, 500])]
        members: Vec<usize>,
        /// Where the figures go too.
        #[arg(long)]
        json: Option<PathBuf>,
    },
    /// Tries to log in, against Argon2id.
    Login {
        /// The server's binary.
        #[arg(long)]
        server: PathBuf,
        /// Where the figures go too.
        #[arg(long)]
        json: Option<PathBuf>,
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
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result {
    let cli = Cli::parse();
    let run = async {
        match cli.command {
            Command::Rekey {
                server,
                members,
                json,
            } => rekey::run(&server, &members, json.as_deref()).await,
            Command::Login { server, json } => login::run(&server, json.as_deref()).await,
            Command::Register {
                address,
                count,
                prefix,
            } => person::register_many(address, &prefix, count).await,
        }
    };
    LocalSet::new().run_until(run).await
}
