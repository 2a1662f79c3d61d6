//! RSA-3072 public keys, and RSASSA-PSS (RFC 8017, section 8.1): SHA-256, MGF1 with SHA-256, a salt of 32 bytes.

use rsa::RsaPublicKey;
use rsa::pkcs8::DecodePublicKey;
use rsa::pss::{Signature, VerifyingKey};
use rsa::signature::Verifier;
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

/// Checks a SubjectPublicKeyInfo: exactly 3072 bits, odd, e = 65537, no other bytes than its canonical DER.
///
/// All but the modulus is then the same for everybody, so bytes are compared: a conversation of 500 has 1,000 of these.
pub fn validate_spki(spki: &[u8]) -> Result<(), BadRsaKey> {
    let modulus = spki
        .strip_prefix(&BEFORE_MODULUS)
        .and_then(|rest| rest.strip_suffix(&EXPONENT));
    match modulus {
        Some([first, .., last]) if spki.len() == SPKI && first >> 7 == 1 && last & 1 == 1 => Ok(()),
        _ => Err(BadRsaKey),
    }
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
    validate_spki(spki)?;
    RsaPublicKey::from_public_key_der(spki).map_err(|_| BadRsaKey)
}

/// SEQUENCE { SEQUENCE { OID rsaEncryption, NULL }, BIT STRING { SEQUENCE { INTEGER 0 ...
const BEFORE_MODULUS: [u8; 33] = [
    0x30, 0x82, 0x01, 0xa2, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
    0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x8f, 0x00, 0x30, 0x82, 0x01, 0x8a, 0x02, 0x82, 0x01, 0x81,
    0x00,
];

/// ... INTEGER 65537 } }
const EXPONENT: [u8; 5] = [0x02, 0x03, 0x01, 0x00, 0x01];

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

#[cfg(test)]
#[cfg(feature = "client")]
mod tests {
    use rsa::pkcs8::EncodePublicKey;
    use rsa::traits::PublicKeyParts;

    use super::*;
    use crate::client::native::test_keys;

    #[test]
    fn keys_of_ours_are_those_that_the_crate_writes() {
        for n in 0..test_keys::COUNT {
            let spki = test_keys::set(n).unwrap().rsa_signing.spki().unwrap();
            let key = parse_spki(&spki).unwrap();
            assert_eq!(spki.len(), SPKI);
            assert_eq!(key.n().bits_vartime(), BITS);
            assert_eq!(*key.e(), rsa::BoxedUint::from(65_537_u32));
            assert_eq!(key.to_public_key_der().unwrap().as_bytes(), spki);
        }
    }

    #[test]
    fn other_keys_are_refused() {
        let good = test_keys::set(0).unwrap().rsa_signing.spki().unwrap();
        let altered = |at: usize, to: u8| {
            let mut spki = good.clone();
            spki[at] = to;
            spki
        };
        let mut longer = good.clone();
        longer.push(0);
        let even = altered(SPKI - 6, good[SPKI - 6] & !1);
        let shorter_modulus = altered(33, good[33] & 0x7f);
        let exponent_3 = [&good[..SPKI - 5], &[2, 1, 3]].concat();
        let bad = [
            &[][..],
            &good[1..],
            &longer,
            &altered(SPKI - 1, 3),
            &altered(13, 2),
            &even,
            &shorter_modulus,
            &exponent_3,
        ];
        for spki in bad {
            assert_eq!(validate_spki(spki), Err(BadRsaKey));
            assert!(!verify(spki, b"", &[0; SIGNATURE]));
        }
    }

    #[test]
    fn signatures_hold_for_one_message_and_key() {
        let key = test_keys::set(0).unwrap().rsa_signing;
        let spki = key.spki().unwrap();
        let signature = key.sign(b"message").unwrap();
        assert_eq!(signature.len(), SIGNATURE);
        assert!(verify(&spki, b"message", &signature));
        assert!(!verify(&spki, b"massage", &signature));
        let other = test_keys::set(1).unwrap().rsa_signing.spki().unwrap();
        assert!(!verify(&other, b"message", &signature));
        for i in [0, 100, SIGNATURE - 1] {
            let mut altered = signature.clone();
            altered[i] ^= 1;
            assert!(!verify(&spki, b"message", &altered));
        }
        assert!(!verify(&spki, b"message", &signature[1..]));
        assert!(!verify(&spki, b"message", &[]));
    }

    #[test]
    fn salts_of_other_lengths_are_refused() {
        let key = test_keys::set(0).unwrap().rsa_signing;
        let spki = key.spki().unwrap();
        let digest = crate::crypto::primitives::sha256(b"message");
        for length in [0, 20, 31, 33] {
            let padding = rsa::Pss::<Sha256>::new_with_salt(length);
            let mut rng = crate::crypto::random::SystemRng;
            let signature = key.0.sign_with_rng(&mut rng, padding, &digest).unwrap();
            assert!(!verify(&spki, b"message", &signature), "{length}");
        }
    }
}
