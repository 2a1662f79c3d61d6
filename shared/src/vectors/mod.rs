//! What tests hold our bytes against, the same natively and in the browser: the frozen formats, and
//! [Wycheproof's cases](wycheproof).
//!
//! A [`File`] is one of `shared/vectors/*.json`. It is *made* from fixed inputs by the code that everybody uses; what it
//! holds was made once and stays: a difference means a new version of the protocol, not new vectors. And it is *read*:
//! everything in it goes through that code the other way, as somebody else's bytes would.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests: what does not hold ends the test

mod account;
mod derivation;
mod epoch;
mod fixed;
mod frame;
mod identity;
pub mod json;
mod log;
mod message;
mod opaque;
mod tree;
pub mod wycheproof;

use serde_json::Value;

/// Every file, by name.
pub const FILES: &[File] = &[
    File::new(
        "class.json",
        |_| message::make_classes(),
        message::read_classes,
    ),
    File::new("derivation.json", |_| derivation::make(), derivation::read),
    File::new(
        "ephemeral.json",
        |_| epoch::make_ephemeral(),
        epoch::read_ephemeral,
    ),
    File::new("epoch.json", |_| epoch::make_epoch(), epoch::read_epoch),
    File::new("frame.json", |_| frame::make(), frame::read),
    File::new(
        "identity.json",
        |_| identity::make_identity(),
        identity::read_identity,
    ),
    File::new(
        "label.json",
        |_| derivation::make_labels(),
        derivation::read_labels,
    ),
    File::new("link.json", |_| account::make_link(), account::read_link),
    File::new("log.json", |_| log::make(), log::read),
    File::new(
        "message.json",
        |_| message::make_messages(),
        message::read_messages,
    ),
    File::new("opaque.json", |_| opaque::make(), opaque::read),
    File::new(
        "passkey.json",
        |_| account::make_passkey(),
        account::read_passkey,
    ),
    File::new(
        "recovery.json",
        |_| account::make_recovery(),
        account::read_recovery,
    ),
    File::new("share.json", |_| epoch::make_share(), epoch::read_share),
    File::new(
        "signature.json",
        identity::make_signature,
        identity::read_signature,
    ),
    File::new(
        "signed.json",
        |_| identity::make_signed(),
        identity::read_signed,
    ),
    File::new("tree.json", |_| tree::make(), tree::read),
    File::new("vault.json", |_| account::make_vault(), account::read_vault),
    File::new("wrap.json", epoch::make_wrap, epoch::read_wrap),
];

/// One file of vectors.
pub struct File {
    /// As it lies in `shared/vectors/`.
    pub name: &'static str,
    make: fn(&Value) -> Value,
    read: fn(&Value),
}

/// The code makes something else than what is frozen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name} is not what the code makes, at {place}: that is another version of the protocol (docs/PROTOCOL.md, \
     section 23), not another vector"
)]
pub struct Difference {
    name: &'static str,
    place: String,
}

impl File {
    const fn new(name: &'static str, make: fn(&Value) -> Value, read: fn(&Value)) -> Self {
        Self { name, make, read }
    }

    /// Makes it for the first time.
    pub fn make(&self) -> String {
        let made = (self.make)(&Value::Null);
        serde_json::to_string_pretty(&made).unwrap() + "\n"
    }

    /// Makes it again and compares it with what is frozen.
    ///
    /// # Errors
    /// Where they differ, with the first place.
    pub fn compare(&self, frozen: &str) -> Result<(), Difference> {
        let frozen = json::parse(frozen);
        match json::difference(&(self.make)(&frozen), &frozen) {
            None => Ok(()),
            Some(place) => Err(Difference {
                name: self.name,
                place,
            }),
        }
    }

    /// Takes everything in it through our code: what is derived must be equal, what is sealed must open and what is
    /// signed must verify, but not when a bit is another.
    ///
    /// # Panics
    /// Where something does not hold.
    pub fn read(&self, text: &str) {
        (self.read)(&json::parse(text));
    }
}
