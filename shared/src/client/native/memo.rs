//! What a process has computed already, for many simulated devices in it: each of them verifies the same signatures,
//! and opens what another one of them has wrapped.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::crypto::epoch::EpochKey;
use crate::crypto::primitives::sha256;
use crate::crypto::signing::Claim;
use crate::crypto::wrap::UnwrapError;

/// Results by all that they depend on. Only what succeeded or failed for good is in it, so that no answer differs from
/// one that is computed. It grows with use.
#[derive(Default)]
pub struct Memo {
    claims: Mutex<HashMap<[u8; 32], bool>>,
    wraps: Mutex<HashMap<[u8; 32], EpochKey>>,
}

impl Memo {
    /// Whether a claim holds.
    pub(super) fn verify(&self, claim: &Claim) -> bool {
        let digest = claim.digest();
        if let Some(holds) = lock(&self.claims).get(&digest) {
            return *holds;
        }
        let holds = claim.verify();
        lock(&self.claims).insert(digest, holds);
        holds
    }

    /// That this wrap for the holder of `spki` holds this key.
    pub(super) fn wrapped(&self, spki: &[u8], wrap: &[u8], label: &[u8], key: &EpochKey) {
        lock(&self.wraps).insert(wrap_digest(spki, wrap, label), key.clone());
    }

    /// What a wrap for the holder of `spki` holds.
    pub(super) fn unwrap(
        &self,
        spki: &[u8],
        wrap: &[u8],
        label: &[u8],
        compute: impl FnOnce() -> Result<EpochKey, UnwrapError>,
    ) -> Result<EpochKey, UnwrapError> {
        if let Some(key) = lock(&self.wraps).get(&wrap_digest(spki, wrap, label)) {
            return Ok(key.clone());
        }
        let key = compute()?;
        self.wrapped(spki, wrap, label, &key);
        Ok(key)
    }
}

fn wrap_digest(spki: &[u8], wrap: &[u8], label: &[u8]) -> [u8; 32] {
    let digests = [spki, wrap, label].map(sha256);
    sha256(&digests.concat())
}

fn lock<K: Eq + Hash, V>(map: &Mutex<HashMap<K, V>>) -> MutexGuard<'_, HashMap<K, V>> {
    map.lock().unwrap_or_else(PoisonError::into_inner)
}
