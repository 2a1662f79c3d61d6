//! An epoch key for one reader: RSA-OAEP (RFC 8017, section 7.1) with SHA-256, MGF1-SHA-256 and a label that names
//! where the key belongs and whose it is.

use rsa::Oaep;
use sha2::Sha256;

use super::epoch::EpochKey;
use super::random::SystemRng;
use super::rsa_pss::parse_spki;

/// Length of a wrap, bytes.
pub const WRAP: usize = super::rsa_pss::SIGNATURE;

/// Why a key could not be wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid encryption key")]
pub struct WrapError;

/// A wrap does not open: wrong key, wrong label or altered bytes, all alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key does not unwrap")]
pub struct UnwrapError;

/// Encrypts `key` to the holder of `spki`: 384 bytes. For labels see [`super::epoch::EpochContext::wrap_label`].
pub fn wrap(spki: &[u8], key: &EpochKey, label: &[u8]) -> Result<Vec<u8>, WrapError> {
    wrap_with(&mut SystemRng, spki, key, label)
}

pub(crate) fn wrap_with(
    rng: &mut impl rand_core::CryptoRng,
    spki: &[u8],
    key: &EpochKey,
    label: &[u8],
) -> Result<Vec<u8>, WrapError> {
    let padding = Oaep::<Sha256>::new_with_label(label);
    parse_spki(spki)
        .map_err(|_| WrapError)?
        .encrypt(rng, padding, key.expose())
        .map_err(|_| WrapError)
}

/// Opens a wrap.
#[cfg(feature = "client")]
pub fn unwrap(
    key: &super::rsa_pss::PrivateKey,
    wrap: &[u8],
    label: &[u8],
) -> Result<EpochKey, UnwrapError> {
    EpochKey::from_slice(&decrypt(key, wrap, label)?).ok_or(UnwrapError)
}

/// RSA-OAEP decryption of whatever was encrypted.
#[cfg(feature = "client")]
pub(crate) fn decrypt(
    key: &super::rsa_pss::PrivateKey,
    sealed: &[u8],
    label: &[u8],
) -> Result<zeroize::Zeroizing<Vec<u8>>, UnwrapError> {
    if sealed.len() != WRAP {
        return Err(UnwrapError);
    }
    let padding = Oaep::<Sha256>::new_with_label(label);
    let opened = key.0.decrypt_blinded(&mut SystemRng, padding, sealed);
    opened.map(zeroize::Zeroizing::new).map_err(|_| UnwrapError)
}

#[cfg(test)]
#[cfg(feature = "client")]
mod tests {
    use super::*;
    use crate::client::native::test_keys;

    #[test]
    fn wraps_open_for_one_key_and_label() {
        let keys = test_keys::set(0).unwrap();
        let spki = keys.encryption.spki().unwrap();
        let key = EpochKey::make();
        let wrapped = wrap(&spki, &key, b"label").unwrap();
        assert_eq!(wrapped.len(), WRAP);
        assert_eq!(unwrap(&keys.encryption, &wrapped, b"label"), Ok(key));
        assert_eq!(
            unwrap(&keys.encryption, &wrapped, b"lable"),
            Err(UnwrapError)
        );
        assert_eq!(
            unwrap(&keys.rsa_signing, &wrapped, b"label"),
            Err(UnwrapError)
        );
        for i in [0, 200, WRAP - 1] {
            let mut altered = wrapped.clone();
            altered[i] ^= 1;
            assert_eq!(
                unwrap(&keys.encryption, &altered, b"label"),
                Err(UnwrapError)
            );
        }
        assert_eq!(
            unwrap(&keys.encryption, &wrapped[1..], b"label"),
            Err(UnwrapError)
        );
        assert_eq!(unwrap(&keys.encryption, &[], b"label"), Err(UnwrapError));
    }

    #[test]
    fn what_is_no_epoch_key_does_not_unwrap() {
        let keys = test_keys::set(0).unwrap();
        let public = parse_spki(&keys.encryption.spki().unwrap()).unwrap();
        let padding = Oaep::<Sha256>::new_with_label(&b"label"[..]);
        let wrapped = public.encrypt(&mut SystemRng, padding, &[0; 31]).unwrap();
        assert_eq!(
            unwrap(&keys.encryption, &wrapped, b"label"),
            Err(UnwrapError)
        );
        assert_eq!(wrap(b"no key", &EpochKey::make(), b""), Err(WrapError));
    }
}
