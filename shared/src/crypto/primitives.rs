//! The symmetric primitives, each in the one form that the protocol uses.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::secret::{Secret, Secret32};

/// Length of an AES-GCM tag, bytes.
pub const TAG: usize = 16;

/// The nonce where a key encrypts once only.
pub const ZERO_NONCE: [u8; 12] = [0; 12];

/// SHA-256.
pub fn sha256(data: &[u8]) -> [u8; 32] {
    Sha256::digest(data).into()
}

/// HKDF-SHA256 (RFC 5869), 32 bytes out. No salt is the RFC's salt of zeros.
pub fn derive(ikm: &[u8], salt: Option<&[u8]>, info: &[u8]) -> Secret32 {
    let mut out = Secret::zero();
    match Hkdf::<Sha256>::new(salt, ikm).expand(info, out.as_mut()) {
        Ok(()) => out,
        // Only more than 255 * 32 bytes of output fail.
        Err(_) => unreachable!("32 bytes are not too many"),
    }
}

/// AES-256-GCM: ciphertext and tag.
pub fn seal(key: &Secret32, nonce: &[u8; 12], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    match cipher(key).encrypt(
        &Nonce::from(*nonce),
        Payload {
            msg: plaintext,
            aad,
        },
    ) {
        Ok(sealed) => sealed,
        // Only more than 64 GiB fail.
        Err(_) => unreachable!("what fits a frame is not too long"),
    }
}

/// AES-256-GCM: the plaintext, or nothing.
pub fn open(
    key: &Secret32,
    nonce: &[u8; 12],
    aad: &[u8],
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let payload = Payload { msg: sealed, aad };
    cipher(key)
        .decrypt(&Nonce::from(*nonce), payload)
        .ok()
        .map(Zeroizing::new)
}

/// Appends 0x80 and zeros up to `length`, which is larger than the data (ISO/IEC 7816-4).
pub fn pad(data: &mut Vec<u8>, length: usize) {
    debug_assert!(data.len() < length);
    data.push(0x80);
    data.resize(length, 0);
}

/// The length of the data before [`pad`], if this is padded at all.
pub fn unpadded_length(padded: &[u8]) -> Option<usize> {
    let end = padded.iter().rposition(|&byte| byte != 0)?;
    (padded[end] == 0x80).then_some(end)
}

fn cipher(key: &Secret32) -> Aes256Gcm {
    Aes256Gcm::new(key.expose().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_exact() {
        let mut data = vec![1, 0x80, 0];
        pad(&mut data, 8);
        assert_eq!(data, [1, 0x80, 0, 0x80, 0, 0, 0, 0]);
        assert_eq!(unpadded_length(&data), Some(3));
        assert_eq!(unpadded_length(&[0; 4]), None);
        assert_eq!(unpadded_length(&[1, 0, 0]), None);
        assert_eq!(unpadded_length(&[]), None);
    }

    /// RFC 5869, A.1, first 32 bytes of its 42.
    #[test]
    fn hkdf_is_the_rfcs() {
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let salt: Vec<u8> = (0..=0x0c).collect();
        let out = derive(&[0x0b; 22], Some(&salt), &info);
        assert_eq!(
            out.expose()[..8],
            [0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a]
        );
    }
}
