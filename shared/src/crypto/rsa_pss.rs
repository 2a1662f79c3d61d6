//! RSA-3072 public keys, and RSASSA-PSS (RFC 8017, section 8.1): SHA-256, MGF1 with SHA-256, a salt of 32 bytes.

use rsa::RsaPublicKey;
use rsa::pkcs8::{DecodePublicKey, EncodePublicKey};
use rsa::pss::{Signature, VerifyingKey};
use rsa::signature::Verifier;
use rsa::traits::PublicKeyParts;
use sha2::Sha256;

/// Size of a modulus, bits.
pub const BITS: u32 = 3072;
/// Length of a signature and of a wrap, bytes.
pub const SIGNATURE: usize = 384;
/// Length of a SubjectPublicKeyInfo in its canonical encoding, bytes.
pub const SPKI: usize = 422;

/// Not a public key of ours: RSA-3072 with e = 65537, encoded canonically.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RSA-3072 public key with exponent 65537")]
pub struct BadRsaKey;

/// Checks a SubjectPublicKeyInfo: exactly 3072 bits, e = 65537, no other bytes than its canonical DER.
pub fn validate_spki(spki: &[u8]) -> Result<(), BadRsaKey> {
    parse_spki(spki).map(|_| ())
}

/// Whether `signature` over `message` is by the key. False for anything that is not a key or a signature.
pub fn verify(spki: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (parse_spki(spki), Signature::try_from(signature)) else {
        return false;
    };
    VerifyingKey::<Sha256>::new(key)
        .verify(message, &signature)
        .is_ok()
}

pub(crate) fn parse_spki(spki: &[u8]) -> Result<RsaPublicKey, BadRsaKey> {
    if spki.len() != SPKI {
        return Err(BadRsaKey);
    }
    let key = RsaPublicKey::from_public_key_der(spki).map_err(|_| BadRsaKey)?;
    if key.n().bits_vartime() != BITS || *key.e() != rsa::BoxedUint::from(65_537_u32) {
        return Err(BadRsaKey);
    }
    // One key has one encoding, so that comparing bytes compares keys.
    let canonical = key.to_public_key_der().map_err(|_| BadRsaKey)?;
    if canonical.as_bytes() != spki {
        return Err(BadRsaKey);
    }
    Ok(key)
}

#[cfg(feature = "client")]
pub use private::*;

/// What only clients can do: users' private keys. In the browser WebCrypto does this.
#[cfg(feature = "client")]
mod private {
    use rsa::RsaPrivateKey;
    use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey};
    use rsa::signature::{RandomizedSigner, SignatureEncoding};
    use rsa::traits::PublicKeyParts;
    use sha2::Sha256;
    use zeroize::Zeroizing;

    use super::{BITS, BadRsaKey};
    use crate::crypto::random::SystemRng;

    /// An RSA-3072 private key, for signing or for unwrapping, never both.
    #[derive(Clone)]
    pub struct PrivateKey(pub(crate) RsaPrivateKey);

    impl std::fmt::Debug for PrivateKey {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("PrivateKey")
        }
    }

    impl PrivateKey {
        /// A new key. Takes seconds: the browser makes its own by WebCrypto.
        pub fn make() -> Result<Self, BadRsaKey> {
            RsaPrivateKey::new(&mut SystemRng, BITS as usize)
                .map(Self)
                .map_err(|_| BadRsaKey)
        }

        /// Reads PKCS#8 DER, with the same conditions as for public keys.
        pub fn from_pkcs8(der: &[u8]) -> Result<Self, BadRsaKey> {
            let key = RsaPrivateKey::from_pkcs8_der(der).map_err(|_| BadRsaKey)?;
            if key.n().bits_vartime() != BITS || *key.e() != rsa::BoxedUint::from(65_537_u32) {
                return Err(BadRsaKey);
            }
            Ok(Self(key))
        }

        /// PKCS#8 DER.
        pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, BadRsaKey> {
            self.0
                .to_pkcs8_der()
                .map(|der| der.to_bytes())
                .map_err(|_| BadRsaKey)
        }

        /// The public half, SubjectPublicKeyInfo DER.
        pub fn spki(&self) -> Result<Vec<u8>, BadRsaKey> {
            let der = self
                .0
                .to_public_key()
                .to_public_key_der()
                .map_err(|_| BadRsaKey)?;
            Ok(der.into_vec())
        }

        /// RSASSA-PSS over SHA-256 of the message, with a fresh salt of 32 bytes, blinded.
        pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, BadRsaKey> {
            let key = rsa::pss::SigningKey::<Sha256>::new(self.0.clone());
            let signature = key
                .try_sign_with_rng(&mut SystemRng, message)
                .map_err(|_| BadRsaKey)?;
            Ok(signature.to_vec())
        }
    }
}
