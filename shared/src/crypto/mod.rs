//! How it is protected. Files are named after the nouns of `docs/PROTOCOL.md`.

pub mod account;
