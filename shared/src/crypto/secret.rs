//! Secrets of a fixed length: wiped when dropped, compared in constant time, shown to nobody.

use std::fmt;

use minicbor::{Decode, Decoder, Encode, Encoder};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::random;
use crate::ids::WrongLength;

/// A secret of `N` bytes. On the heap, so that moving it leaves no copies behind.
#[derive(Clone)]
pub struct Secret<const N: usize>(Box<[u8; N]>);

/// A 256-bit key.
pub type Secret32 = Secret<32>;

impl<const N: usize> Secret<N> {
    /// A random one.
    pub fn make() -> Self {
        let mut secret = Self::zero();
        random::fill(secret.as_mut());
        secret
    }

    /// All zeros, to be filled in.
    pub(crate) fn zero() -> Self {
        Self(Box::new([0; N]))
    }

    /// Takes bytes over; the caller wipes its own copy.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, WrongLength> {
        if bytes.len() != N {
            return Err(WrongLength);
        }
        let mut secret = Self::zero();
        secret.0.copy_from_slice(bytes);
        Ok(secret)
    }

    /// The bytes, for whoever has a reason.
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }

    pub(crate) fn as_mut(&mut self) -> &mut [u8; N] {
        &mut self.0
    }
}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl<const N: usize> Eq for Secret<N> {}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> ZeroizeOnDrop for Secret<N> {}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Only as part of what is sealed (the key of a file in a message).
impl<C, const N: usize> Encode<C> for Secret<N> {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(self.0.as_slice())?.ok()
    }
}

impl<'b, C, const N: usize> Decode<'b, C> for Secret<N> {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::from_slice(d.bytes()?)
            .map_err(|_| minicbor::decode::Error::message("secret: wrong length"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::epoch::EpochKey;
    use crate::crypto::link::LinkSecret;
    use crate::crypto::message::{Content, FileContent, FileId, Inner};
    use crate::crypto::opaque::{ExportKey, ServerSetup};
    use crate::crypto::recovery::RecoveryCode;
    use crate::crypto::signing::Algorithm;
    use crate::ids::Timestamp;

    #[test]
    fn printing_a_secret_shows_nothing() {
        assert_eq!(format!("{:?}", Secret32::make()), "Secret");
        assert_eq!(format!("{:?}", EpochKey::make()), "EpochKey");
        assert_eq!(format!("{:?}", RecoveryCode::make()), "RecoveryCode");
        assert_eq!(format!("{:?}", LinkSecret::make()), "LinkSecret");
        assert_eq!(format!("{:?}", ServerSetup::make()), "ServerSetup");
        let export = ExportKey::from_slice(&[7; 64]).unwrap();
        assert_eq!(format!("{export:?}"), "ExportKey");
    }

    #[test]
    fn printing_content_shows_its_kind_only() {
        let text = Content::Text {
            text: "canary".into(),
        };
        assert_eq!(format!("{text:?}"), "Content(text)");
        let inner = Inner {
            algorithm: Algorithm::Dsa,
            time: Timestamp(1),
            content: text,
        };
        assert!(!format!("{inner:?}").contains("canary"));
        let file = Content::File(FileContent {
            id: FileId([1; 16]),
            name: "canary.txt".into(),
            media_type: "text/plain".into(),
            size: 1,
            key: Secret32::make(),
            chunk_size: 65536,
            chunks: vec![],
            caption: String::new(),
        });
        assert_eq!(format!("{file:?}"), "Content(file)");
    }

    #[test]
    fn lengths_are_checked() {
        assert!(Secret32::from_slice(&[0; 31]).is_err());
        assert_eq!(Secret32::from_slice(&[3; 32]).unwrap().expose(), &[3; 32]);
    }
}
