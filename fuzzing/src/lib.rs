//! What is fuzzed: a function for each target, which takes any bytes and panics where something must not be.
//!
//! `fuzz/` gives each to libFuzzer (`cargo xtask fuzz`); `tests/replay.rs` runs each over its corpus. Inputs that once made
//! one of them panic stay in `corpus/`; the rest there was picked from real traffic by `src/bin/corpus.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic is how a target speaks

mod client;
mod frames;
mod log;
mod message;
mod parts;
mod people;
pub mod seeds;
mod server;
mod state;
mod vault;

pub use client::client;
pub use frames::frames;
pub use log::log;
pub use message::message;
pub use parts::parts;
pub use state::state;
pub use vault::vault;

/// A target.
pub type Target = fn(&[u8]);

/// Every target by its name, which is that of its file in `fuzz/fuzz_targets` and of its folder in `corpus`.
pub const TARGETS: &[(&str, Target)] = &[
    ("frames", frames),
    ("parts", parts),
    ("message", message),
    ("log", log),
    ("vault", vault),
    ("state", state),
    ("client", client),
];

/// What decodes must encode to what decodes to the same.
fn round_trip<T>(bytes: &[u8]) -> Option<T>
where
    T: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()>,
{
    use secure_chat_shared::codec;
    let value: T = codec::decode(bytes).ok()?;
    let once = codec::encode(&value);
    let again: T = codec::decode(&once).expect("what was encoded decodes");
    assert_eq!(codec::encode(&again), once);
    Some(value)
}
