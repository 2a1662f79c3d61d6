//! RSASSA-PSS by `ring`, for tests and the load generator: what the `rsa` crate takes 13 ms for, it does in 1.3.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PSS_SHA256;

use crate::client::platform::KeysError;
use crate::crypto::rsa_pss::PrivateKey;

/// Keys as `ring` holds them, by their public halves: making one takes longer than signing.
static KEYS: OnceLock<Mutex<HashMap<Vec<u8>, Arc<KeyPair>>>> = OnceLock::new();

/// Signs as [`PrivateKey::sign`] does: SHA-256, MGF1-SHA-256, a salt of 32 bytes; 384 bytes.
pub(super) fn sign_pss(key: &PrivateKey, message: &[u8]) -> Result<Vec<u8>, KeysError> {
    let pair = pair(key)?;
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(
        &RSA_PSS_SHA256,
        &SystemRandom::new(),
        message,
        &mut signature,
    )
    .map_err(|error| KeysError::Platform(error.to_string()))?;
    Ok(signature)
}

fn pair(key: &PrivateKey) -> Result<Arc<KeyPair>, KeysError> {
    let platform = |error: &dyn std::fmt::Display| KeysError::Platform(error.to_string());
    let spki = key.spki().map_err(|error| platform(&error))?;
    let keys = KEYS.get_or_init(Mutex::default);
    let mut keys = keys.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pair) = keys.get(&spki) {
        return Ok(Arc::clone(pair));
    }
    let pkcs8 = key.to_pkcs8().map_err(|error| platform(&error))?;
    let pair = KeyPair::from_pkcs8(&pkcs8).map_err(|error| platform(&error))?;
    let pair = Arc::new(pair);
    keys.insert(spki, Arc::clone(&pair));
    Ok(pair)
}
