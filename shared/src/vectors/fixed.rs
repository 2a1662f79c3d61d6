//! Fixed inputs, and randomness that comes out the same each time.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use rsa::signature::{RandomizedSigner, SignatureEncoding};
use sha2::Sha256;

use crate::client::native::PrivateKeys;
use crate::crypto::epoch::{EpochContext, EpochKey};
use crate::crypto::primitives::sha256;
use crate::crypto::random::SystemRng;
use crate::crypto::signing::{Algorithm, Signature};
use crate::crypto::{rsa_pss, wrap};
use crate::ids::{ConversationId, Epoch, Root, View};

/// `N` bytes from `first` upwards.
pub(super) fn count<const N: usize>(first: u8) -> [u8; N] {
    std::array::from_fn(|i| first.wrapping_add(i as u8))
}

pub(super) fn context() -> EpochContext {
    EpochContext {
        conversation: ConversationId(count(0x10)),
        epoch: Epoch(0x0102_0304),
        view: View {
            size: 0x0102_0304_0506_0708,
            root: Root(count(0x30)),
        },
    }
}

pub(super) fn epoch_key() -> EpochKey {
    EpochKey::from_slice(&count::<32>(0x80)).unwrap()
}

/// Signs as anybody does, but that the salt of RSA-PSS is SHA-256 of the message.
pub(super) fn sign(keys: &PrivateKeys, algorithm: Algorithm, message: &[u8]) -> Signature {
    match algorithm {
        Algorithm::RsaPss => sign_pss(&keys.rsa_signing, message),
        Algorithm::Dsa => keys.dsa_signing.sign(message).unwrap().into(),
    }
}

pub(super) fn sign_pss(key: &rsa_pss::PrivateKey, message: &[u8]) -> Signature {
    let key = rsa::pss::SigningKey::<Sha256>::new(key.0.clone());
    let signed = key.try_sign_with_rng(&mut First::new(sha256(message)), message);
    signed.unwrap().to_vec().into()
}

/// Wraps as anybody does, but that the seed of RSA-OAEP is SHA-256 of the label.
pub(super) fn wrap(spki: &[u8], key: &EpochKey, label: &[u8]) -> Vec<u8> {
    wrap::wrap_with(&mut First::new(sha256(label)), spki, key, label).unwrap()
}

/// Whether each of some altered copies is refused: with another bit at the start, in the middle, at the end, and with a
/// byte less.
pub(super) fn nothing_altered(bytes: &[u8], accepts: impl Fn(&[u8]) -> bool) {
    assert!(accepts(bytes));
    for at in [0, bytes.len() / 2, bytes.len() - 1] {
        let mut altered = bytes.to_vec();
        altered[at] ^= 1;
        assert!(!accepts(&altered), "altered at {at}");
    }
    assert!(!accepts(&bytes[..bytes.len() - 1]), "cut");
}

/// Gives 32 chosen bytes, then the system's: the blinding that follows does not show in what comes out.
struct First {
    chosen: Option<[u8; 32]>,
}

impl First {
    fn new(chosen: [u8; 32]) -> Self {
        Self {
            chosen: Some(chosen),
        }
    }
}

impl TryRng for First {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        SystemRng.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        SystemRng.try_next_u64()
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Infallible> {
        match self.chosen.take() {
            Some(chosen) => buffer.copy_from_slice(&chosen),
            None => SystemRng.try_fill_bytes(buffer)?,
        }
        Ok(())
    }
}

impl TryCryptoRng for First {}

/// Bytes without end: SHA-256 of a name and a counter, one after the other.
pub(super) struct Stream {
    name: &'static str,
    counter: u32,
    rest: Vec<u8>,
}

impl Stream {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            counter: 0,
            rest: Vec::new(),
        }
    }

    pub(super) fn fill(&mut self, buffer: &mut [u8]) {
        while self.rest.len() < buffer.len() {
            let block = [self.name.as_bytes(), &self.counter.to_be_bytes()].concat();
            self.rest.extend(sha256(&block));
            self.counter += 1;
        }
        let rest = self.rest.split_off(buffer.len());
        buffer.copy_from_slice(&self.rest);
        self.rest = rest;
    }
}
