//! How it is protected. Files are named after the nouns of `docs/PROTOCOL.md`.
//!
//! | what | where |
//! | --- | --- |
//! | who somebody is | [`identity`], [`fingerprint`], [`link`] |
//! | signatures | [`signing`] over [`rsa_pss`] and [`dsa`] ([`dsa_params`]) |
//! | who can read | [`epoch`], [`wrap`] |
//! | what is said | [`message`], [`ephemeral`] |
//! | accounts | [`opaque`], [`recovery`], [`vault`], [`account`] |
//! | under all of them | [`label`], [`secret`], [`random`] |

pub mod account;
pub(crate) mod content;
mod der;
pub mod dsa;
pub mod dsa_params;
pub mod ephemeral;
pub mod epoch;
pub mod fingerprint;
pub mod identity;
pub mod label;
pub mod link;
pub mod message;
pub mod opaque;
pub(crate) mod primitives;
pub mod random;
pub mod recovery;
pub mod rsa_pss;
pub mod secret;
pub mod signing;
pub mod vault;
mod vault_merge;
mod vault_state;
pub mod wrap;

#[cfg(test)]
#[cfg(feature = "vectors")]
mod tests;
