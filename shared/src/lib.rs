//! Secure Chat's protocol, cryptography, conversation log and client core, without I/O of its own.
//!
//! Rooms, in the direction of their imports: [`ids`] <- [`crypto`] <- [`log`] <- {[`export`], [`protocol`]} <- `client`.
//! Users' private-key operations and `client` sit behind the feature `client`, which the server's build lacks.
//! The bytes are described in `docs/PROTOCOL.md`.

pub mod codec;
pub mod crypto;
pub mod export;
pub mod ids;
pub mod log;
pub mod protocol;

#[cfg(feature = "client")]
pub mod client;

#[cfg(feature = "vectors")]
pub mod vectors;
