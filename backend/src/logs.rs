//! Structured logs on standard error.
//!
//! Never logged, at any level:
//! - passwords, OPAQUE messages and records, session tokens and their hashes, the OPAQUE server setup
//! - keys, wraps, vaults, synced states, entries and their content, recovery verifiers
//! - frames, requests and replies as such, SQL statements and their parameters
//! - user names and network addresses; users and conversations appear by id, at level debug and below
//!
//! Other crates' records reach the log at level warn and above only, because theirs follow no such list (the
//! WebSocket's, for one, print frames).

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterExt, FilterFn, ParseError};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// Starts logging to standard error.
pub fn start(filter: &str) -> Result<(), ParseError> {
    let layer = layer(filter, std::io::stderr)?;
    let subscriber = tracing_subscriber::registry().with(layer);
    // A second start, which only tests could make, keeps the first.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}

/// The layer that writes logs; apart from [`start`] so that tests can look at what it writes.
pub fn layer<S, W>(filter: &str, writer: W) -> Result<impl Layer<S> + use<S, W>, ParseError>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> tracing_subscriber::fmt::MakeWriter<'w> + Send + Sync + 'static,
{
    let chosen = EnvFilter::builder().parse(filter)?;
    let ours = FilterFn::new(|metadata: &Metadata<'_>| {
        *metadata.level() <= Level::WARN || metadata.target().starts_with("secure_chat")
    });
    Ok(tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(false)
        .with_filter(chosen.and(ours)))
}
