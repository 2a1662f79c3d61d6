//! The vault: sealed blobs that open with the password or the recovery code, and the state synced among a user's
//! browsers.
//!
//! ```text
//! blob = 0x01 || nonce (12 random bytes) || AES-256-GCM ciphertext and tag
//! associated data = labelled(purpose, [user id]), for a private key labelled(purpose, [user id, version u32 BE])
//! ```
//!
//! The browser makes and opens the blobs of keys by WebCrypto `wrapKey` and `unwrapKey` ("raw" for K_priv and K_state,
//! "pkcs8" for RSA keys), so that the keys' bytes stay out of its memory: it takes [`aad`], [`join`] and [`split`].

use super::label::{labelled, purpose};
use super::opaque::ExportKey;
use super::primitives::{self, TAG};
use super::secret::Secret32;
use crate::ids::UserId;

pub use super::vault_merge::{Conflict, Merged, merge};
pub use super::vault_state::{
    Block, FollowedLink, MAX_LINKS, MadeLink, Pin, Setting, VaultState, later,
};

/// Version of the format, a blob's first byte.
const VERSION: u8 = 1;
const NONCE: usize = 12;

/// What a blob is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VaultPurpose {
    /// K_priv under the KEK of the export key: 32 bytes in clear.
    PrivByPassword,
    /// K_priv under the KEK of the recovery code: 32 bytes in clear.
    PrivByRecovery,
    /// K_priv under the KEK of a passkey's PRF: 32 bytes in clear.
    PrivByPasskey,
    /// K_state under K_priv: 32 bytes in clear.
    StateKey,
    /// An RSA encryption key under K_priv: PKCS#8 in clear.
    EncryptionKey {
        /// Of which identity version.
        version: u32,
    },
    /// An RSA signing key under K_priv: PKCS#8 in clear.
    RsaSigningKey {
        /// Of which identity version.
        version: u32,
    },
    /// A DSA signing key under K_priv: PKCS#8 in clear.
    DsaSigningKey {
        /// Of which identity version.
        version: u32,
    },
    /// The synced state under K_state: CBOR of [`VaultState`] in clear.
    State,
    /// The key of a browser's store under K_state: 32 bytes in clear. Lies where the browser is locked, and never
    /// travels.
    StoreKey,
}

/// A blob does not open, or is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the vault does not open")]
pub struct VaultError;

/// The associated data of a user's blob.
pub fn aad(purpose: VaultPurpose, user: &UserId) -> Vec<u8> {
    let (purpose, version) = match purpose {
        VaultPurpose::PrivByPassword => (purpose::VAULT_PRIV_BY_PASSWORD, None),
        VaultPurpose::PrivByRecovery => (purpose::VAULT_PRIV_BY_RECOVERY, None),
        VaultPurpose::PrivByPasskey => (purpose::VAULT_PRIV_BY_PASSKEY, None),
        VaultPurpose::StateKey => (purpose::VAULT_STATE_KEY, None),
        VaultPurpose::EncryptionKey { version } => (purpose::VAULT_ENCRYPTION_KEY, Some(version)),
        VaultPurpose::RsaSigningKey { version } => (purpose::VAULT_RSA_SIGNING_KEY, Some(version)),
        VaultPurpose::DsaSigningKey { version } => (purpose::VAULT_DSA_SIGNING_KEY, Some(version)),
        VaultPurpose::State => (purpose::VAULT_STATE, None),
        VaultPurpose::StoreKey => (purpose::STORE_KEY, None),
    };
    match version {
        None => labelled(purpose, &[user.as_bytes()]),
        Some(version) => labelled(purpose, &[user.as_bytes(), &version.to_be_bytes()]),
    }
}

/// Nonce, and ciphertext with tag, of a blob.
pub fn split(blob: &[u8]) -> Result<(&[u8; 12], &[u8]), VaultError> {
    let rest = blob.strip_prefix(&[VERSION]).ok_or(VaultError)?;
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE>().ok_or(VaultError)?;
    if ciphertext.len() < TAG {
        return Err(VaultError);
    }
    Ok((nonce, ciphertext))
}

/// A blob of nonce, and ciphertext with tag.
pub fn join(nonce: &[u8; 12], ciphertext: &[u8]) -> Vec<u8> {
    [&[VERSION][..], nonce, ciphertext].concat()
}

/// What unwraps K_priv with the password.
pub fn kek_from_export(export_key: &ExportKey) -> Secret32 {
    primitives::derive(
        export_key.expose(),
        None,
        &labelled(purpose::PASSWORD_KEK, &[]),
    )
}

/// What a passkey's PRF is evaluated on, the same for every account: each passkey has a PRF of its own.
pub fn passkey_prf_input() -> Vec<u8> {
    labelled(purpose::PASSKEY_PRF, &[])
}

/// What unwraps K_priv with a passkey, from the output of its PRF on [`passkey_prf_input`].
pub fn kek_from_prf(output: &Secret32) -> Secret32 {
    primitives::derive(output.expose(), None, &labelled(purpose::PASSKEY_KEK, &[]))
}

#[cfg(feature = "client")]
pub use client::{open, seal};

#[cfg(feature = "client")]
mod client {
    use zeroize::Zeroizing;

    use super::{Secret32, UserId, VaultError, VaultPurpose, aad, join, primitives, split};
    use crate::crypto::random;

    /// Seals a blob under a random nonce.
    pub fn seal(key: &Secret32, purpose: VaultPurpose, user: &UserId, plaintext: &[u8]) -> Vec<u8> {
        seal_with(key, purpose, user, plaintext, &random::bytes())
    }

    pub(crate) fn seal_with(
        key: &Secret32,
        purpose: VaultPurpose,
        user: &UserId,
        plaintext: &[u8],
        nonce: &[u8; 12],
    ) -> Vec<u8> {
        join(
            nonce,
            &primitives::seal(key, nonce, &aad(purpose, user), plaintext),
        )
    }

    /// Opens a blob.
    pub fn open(
        key: &Secret32,
        purpose: VaultPurpose,
        user: &UserId,
        blob: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (nonce, ciphertext) = split(blob)?;
        primitives::open(key, nonce, &aad(purpose, user), ciphertext).ok_or(VaultError)
    }
}

#[cfg(feature = "vectors")]
pub(crate) use client::seal_with;

#[cfg(test)]
#[cfg(feature = "client")]
mod tests {
    use super::*;

    const PURPOSES: [VaultPurpose; 9] = [
        VaultPurpose::PrivByPassword,
        VaultPurpose::PrivByRecovery,
        VaultPurpose::StateKey,
        VaultPurpose::EncryptionKey { version: 1 },
        VaultPurpose::EncryptionKey { version: 2 },
        VaultPurpose::RsaSigningKey { version: 1 },
        VaultPurpose::DsaSigningKey { version: 1 },
        VaultPurpose::State,
        VaultPurpose::StoreKey,
    ];

    #[test]
    fn blobs_open_for_their_purpose_and_user_only() {
        let (key, user) = (Secret32::make(), UserId([1; 16]));
        for purpose in PURPOSES {
            let blob = seal(&key, purpose, &user, b"secret");
            assert_eq!(
                open(&key, purpose, &user, &blob).unwrap().as_slice(),
                b"secret"
            );
            for other in PURPOSES.into_iter().filter(|other| *other != purpose) {
                assert_eq!(open(&key, other, &user, &blob), Err(VaultError));
            }
            assert_eq!(
                open(&key, purpose, &UserId([2; 16]), &blob),
                Err(VaultError)
            );
            assert_eq!(
                open(&Secret32::make(), purpose, &user, &blob),
                Err(VaultError)
            );
            for i in 0..blob.len() {
                let mut altered = blob.clone();
                altered[i] ^= 1;
                assert_eq!(open(&key, purpose, &user, &altered), Err(VaultError));
                assert_eq!(open(&key, purpose, &user, &blob[..i]), Err(VaultError));
            }
        }
    }

    #[test]
    fn the_password_key_is_derived() {
        let export = ExportKey::from_slice(&[1; 64]).unwrap();
        let other = ExportKey::from_slice(&[2; 64]).unwrap();
        assert_eq!(kek_from_export(&export), kek_from_export(&export));
        assert_ne!(kek_from_export(&export), kek_from_export(&other));
    }
}
