//! The `secure-chat` binary: reads the settings, and serves or does what its operator asks.

use std::alloc::System;
use std::process::ExitCode;

use clap::Parser;
use secure_chat::config::{AdminCommand, Cli, Command, Config, ServeArgs};
use secure_chat::{admin, logs, manifest, run, verify};
use tokio::net::TcpListener;
use zeroizing_alloc::ZeroAlloc;

/// Wipes all memory that is freed: what arithmetic and codecs leave behind of secrets goes with it.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

#[tokio::main]
async fn main() -> ExitCode {
    let Cli {
        command, verbose, ..
    } = Cli::parse();
    match command {
        Some(Command::Serve(args)) => log_and_serve(args).await,
        Some(Command::Admin(command)) => administer(command).await,
        Some(Command::Verify(args)) => verify::run(&args),
        // The parser lets nothing else pass than `--version`.
        None => {
            println!("{}", manifest::version(verbose));
            ExitCode::SUCCESS
        }
    }
}

async fn log_and_serve(args: ServeArgs) -> ExitCode {
    if let Err(error) = logs::start(&args.log) {
        eprintln!("--log: {error}");
        return ExitCode::FAILURE;
    }
    match serve(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn administer(command: AdminCommand) -> ExitCode {
    match admin::run(command).await {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(args: ServeArgs) -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", args.listen))?;
    run(listener, Config::from(args), stop_signal()).await?;
    Ok(())
}

/// Ends with the first Ctrl-C or SIGTERM.
async fn stop_signal() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
