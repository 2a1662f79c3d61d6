//! A message: signed, then padded, then sealed under a key of its own.
//!
//! ```text
//! inner     = CBOR [algorithm, time, [kind, bstr content]]
//! signature over labelled("message", [header, inner])
//! plaintext = CBOR [bstr inner, bstr signature], then 0x80 and zeros up to the smallest size class that holds it
//! key       = HKDF-SHA256(epoch key, salt, labelled("message key", [header]))
//! sealed    = AES-256-GCM(key, nonce 0, associated data = header, plaintext)
//! ```
//!
//! The header is the entry's clear header, which names conversation, sender, identity, view, epoch, announcement,
//! message id and the salt. One key encrypts once, so a nonce of zeros is sound.

use minicbor::bytes::ByteSlice;
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use super::epoch::EpochKey;
use super::label::{labelled, purpose};
use super::primitives::{self, TAG, ZERO_NONCE};
use super::secret::Secret32;
use super::signing::{Algorithm, Signature};
use crate::codec::{self, Bytes, Malformed};
use crate::ids::Timestamp;

pub use super::content::{Content, FileContent, FileId, MAX_EMOJI, MAX_NAME, MAX_TEXT};

/// Smallest size class, bytes of padded plaintext; the others are its doubles.
pub const MIN_CLASS: usize = 1024;
/// Largest size class.
pub const MAX_CLASS: usize = 131_072;

/// What is sealed beside the signature: what the signature covers together with the clear header.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Inner {
    /// How it is signed: equal to the identity's algorithm, else the message does not verify.
    #[n(0)]
    pub algorithm: Algorithm,
    /// The author's clock: a claim.
    #[n(1)]
    pub time: Timestamp,
    /// What is said.
    #[n(2)]
    pub content: Content,
}

impl Inner {
    /// The bytes to sign and seal.
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads what was opened and verified.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        codec::decode(bytes)
    }
}

/// What the author signs.
pub fn signing_payload(header: &[u8], inner: &[u8]) -> Vec<u8> {
    labelled(purpose::MESSAGE, &[header, inner])
}

/// What came out of a seal: to be verified before anything of it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// [`Inner`], as signed.
    pub inner: Bytes,
    /// The author's signature over [`signing_payload`].
    pub signature: Signature,
}

/// The message does not fit the largest size class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message is too long")]
pub struct SealError;

/// The message does not open: other key, other header, altered bytes or wrong padding, all alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message does not open")]
pub struct OpenError;

/// Seals a signed message. `salt` is random, fresh for every message, and named in the header.
pub fn seal(
    key: &EpochKey,
    salt: &[u8; 32],
    header: &[u8],
    inner: &[u8],
    signature: &Signature,
) -> Result<Vec<u8>, SealError> {
    let mut plaintext = encode_plaintext(inner, signature.as_bytes());
    let class = size_class(plaintext.len()).ok_or(SealError)?;
    primitives::pad(&mut plaintext, class);
    Ok(primitives::seal(
        &message_key(key, salt, header),
        &ZERO_NONCE,
        header,
        &plaintext,
    ))
}

/// Opens a message; nothing in it is verified yet.
pub fn open(
    key: &EpochKey,
    salt: &[u8; 32],
    header: &[u8],
    sealed: &[u8],
) -> Result<Opened, OpenError> {
    let class = sealed.len().checked_sub(TAG).ok_or(OpenError)?;
    let padded = primitives::open(&message_key(key, salt, header), &ZERO_NONCE, header, sealed)
        .ok_or(OpenError)?;
    let length = primitives::unpadded_length(&padded).ok_or(OpenError)?;
    // One plaintext has one length and one encoding: neither may carry anything else.
    if size_class(length) != Some(class) {
        return Err(OpenError);
    }
    let plaintext: Plaintext<'_> = codec::decode(&padded[..length]).map_err(|_| OpenError)?;
    if encode_plaintext(plaintext.inner, plaintext.signature)[..] != padded[..length] {
        return Err(OpenError);
    }
    Ok(Opened {
        inner: plaintext.inner.to_vec().into(),
        signature: plaintext.signature.to_vec().into(),
    })
}

#[derive(Encode, Decode)]
struct Plaintext<'a> {
    #[b(0)]
    inner: &'a ByteSlice,
    #[b(1)]
    signature: &'a ByteSlice,
}

fn encode_plaintext(inner: &[u8], signature: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(codec::encode(&Plaintext {
        inner: inner.into(),
        signature: signature.into(),
    }))
}

/// The smallest class that holds so many bytes and at least one of padding.
fn size_class(length: usize) -> Option<usize> {
    let class = (length + 1).next_power_of_two().max(MIN_CLASS);
    (class <= MAX_CLASS).then_some(class)
}

pub(crate) fn message_key(key: &EpochKey, salt: &[u8; 32], header: &[u8]) -> Secret32 {
    primitives::derive(
        key.expose(),
        Some(salt),
        &labelled(purpose::MESSAGE_KEY, &[header]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed_text(text: &str) -> (EpochKey, Vec<u8>, Vec<u8>) {
        let key = EpochKey::make();
        let content = Content::Text { text: text.into() };
        let inner = Inner {
            algorithm: Algorithm::RsaPss,
            time: Timestamp(5),
            content,
        }
        .encode();
        let signature = Signature::from(vec![7; 384]);
        let sealed = seal(&key, &[1; 32], b"header", &inner, &signature).unwrap();
        (key, sealed, inner)
    }

    #[test]
    fn what_was_sealed_opens() {
        let (key, sealed, inner) = sealed_text("hello");
        let opened = open(&key, &[1; 32], b"header", &sealed).unwrap();
        assert_eq!(&opened.inner[..], inner);
        assert_eq!(opened.signature.as_bytes(), [7; 384]);
        let content = Inner::decode(&opened.inner).unwrap().content;
        assert_eq!(
            content,
            Content::Text {
                text: "hello".into()
            }
        );
    }

    #[test]
    fn nothing_else_opens() {
        let (key, sealed, _) = sealed_text("hello");
        assert_eq!(
            open(&EpochKey::make(), &[1; 32], b"header", &sealed),
            Err(OpenError)
        );
        assert_eq!(open(&key, &[2; 32], b"header", &sealed), Err(OpenError));
        assert_eq!(open(&key, &[1; 32], b"headeR", &sealed), Err(OpenError));
        assert_eq!(open(&key, &[1; 32], b"header", &[]), Err(OpenError));
        assert_eq!(
            open(&key, &[1; 32], b"header", &sealed[1..]),
            Err(OpenError)
        );
        for i in [0, 100, sealed.len() - 17, sealed.len() - 1] {
            let mut altered = sealed.clone();
            altered[i] ^= 1;
            assert_eq!(open(&key, &[1; 32], b"header", &altered), Err(OpenError));
        }
    }

    #[test]
    fn sizes_show_classes_only() {
        assert_eq!(sealed_text("").1.len(), MIN_CLASS + TAG);
        assert_eq!(sealed_text(&"a".repeat(500)).1.len(), MIN_CLASS + TAG);
        assert_eq!(sealed_text(&"a".repeat(1000)).1.len(), 2 * MIN_CLASS + TAG);
        assert_eq!(size_class(1023), Some(1024));
        assert_eq!(size_class(1024), Some(2048));
        assert_eq!(size_class(MAX_CLASS - 1), Some(MAX_CLASS));
        assert_eq!(size_class(MAX_CLASS), None);
        assert_eq!(
            sealed_text(&"a".repeat(MAX_TEXT)).1.len(),
            MAX_CLASS / 2 + TAG
        );
    }

    #[test]
    fn padding_of_another_class_or_encoding_does_not_open() {
        let key = EpochKey::make();
        let seal_raw = |mut plaintext: Vec<u8>, class: usize| {
            primitives::pad(&mut plaintext, class);
            let key = message_key(&key, &[1; 32], b"h");
            primitives::seal(&key, &ZERO_NONCE, b"h", &plaintext)
        };
        let plain = encode_plaintext(b"inner", b"signature").to_vec();
        assert!(open(&key, &[1; 32], b"h", &seal_raw(plain.clone(), 1024)).is_ok());
        assert_eq!(
            open(&key, &[1; 32], b"h", &seal_raw(plain.clone(), 2048)),
            Err(OpenError)
        );
        assert_eq!(
            open(&key, &[1; 32], b"h", &seal_raw(plain.clone(), 1000)),
            Err(OpenError)
        );
        let mut longer = plain.clone();
        longer.push(0xf6);
        assert_eq!(
            open(&key, &[1; 32], b"h", &seal_raw(longer, 1024)),
            Err(OpenError)
        );
        // The same two byte strings, the first with its length in two bytes instead of one.
        let mut other = vec![0x82, 0x58, 5];
        other.extend_from_slice(b"inner");
        other.extend_from_slice(&plain[7..]);
        assert_eq!(
            open(&key, &[1; 32], b"h", &seal_raw(other, 1024)),
            Err(OpenError)
        );
    }

    #[test]
    fn too_long_is_said() {
        let key = EpochKey::make();
        let inner = vec![0; MAX_CLASS];
        let signature = Signature::from(vec![]);
        assert_eq!(
            seal(&key, &[1; 32], b"h", &inner, &signature),
            Err(SealError)
        );
    }
}
