//! A conversation's symmetric key, and what binds it to its place: commitment, wrap label, sealed title.

use std::fmt;

use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Decoder, Encode, Encoder};
use subtle::ConstantTimeEq;

use super::label::{labelled, purpose};
use super::primitives::{self, TAG, ZERO_NONCE};
use super::random;
use super::secret::Secret32;
use crate::ids::{ConversationId, Epoch, IdentityHash, View};

/// Most bytes of a title.
pub const MAX_TITLE: usize = 256;

/// Length to which every title is padded, bytes.
const TITLE_CLASS: usize = 320;

/// An epoch's key: made by whoever changes who may read, known to the readers alone.
#[derive(Clone, PartialEq, Eq)]
pub struct EpochKey(Secret32);

impl EpochKey {
    /// A fresh one. One that was once in a request is never used in another.
    pub fn make() -> Self {
        Self(Secret32::make())
    }

    /// Takes exactly 32 bytes over; the caller wipes its own copy.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        Secret32::from_slice(bytes).ok().map(Self)
    }

    /// The bytes, for wrapping and storing.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

impl fmt::Debug for EpochKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EpochKey")
    }
}

/// Where an epoch belongs: what its commitment, wraps and titles are bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochContext {
    /// The conversation.
    pub conversation: ConversationId,
    /// The epoch's number.
    pub epoch: Epoch,
    /// The view that the announcing entry names.
    pub view: View,
}

impl EpochContext {
    /// The OAEP label of the wrap for the reader with this identity.
    pub fn wrap_label(&self, recipient: &IdentityHash) -> Vec<u8> {
        self.label_for(purpose::EPOCH_WRAP, recipient)
    }

    /// The OAEP label of the wrap that a `share` hands to somebody with this identity.
    pub fn shared_wrap_label(&self, recipient: &IdentityHash) -> Vec<u8> {
        self.label_for(purpose::SHARED_WRAP, recipient)
    }

    fn label_for(&self, purpose: &str, recipient: &IdentityHash) -> Vec<u8> {
        let [epoch, size] = self.numbers();
        labelled(
            purpose,
            &[
                self.conversation.as_bytes(),
                &epoch[4..],
                &size,
                self.view.root.as_bytes(),
                recipient.as_bytes(),
            ],
        )
    }

    fn labelled(&self, purpose: &str) -> Vec<u8> {
        let [epoch, size] = self.numbers();
        let root = self.view.root.as_bytes();
        labelled(
            purpose,
            &[self.conversation.as_bytes(), &epoch[4..], &size, root],
        )
    }

    /// Epoch (its last four bytes) and size of the view, big-endian.
    fn numbers(&self) -> [[u8; 8]; 2] {
        [
            u64::from(self.epoch.0).to_be_bytes(),
            self.view.size.to_be_bytes(),
        ]
    }
}

/// What an announcement says of its key, without giving it away: HKDF-SHA256 of key and context.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Commitment(pub [u8; 32]);

impl Commitment {
    /// Whether `key` is the key committed to. In constant time.
    pub fn matches(&self, key: &EpochKey, context: &EpochContext) -> bool {
        self.0.ct_eq(&commitment(key, context).0).into()
    }
}

impl fmt::Debug for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Commitment(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

impl<C> Encode<C> for Commitment {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Commitment {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let bytes = d.bytes()?.try_into();
        bytes
            .map(Self)
            .map_err(|_| minicbor::decode::Error::message("commitment: wrong length"))
    }
}

/// The commitment to `key` in its context.
pub fn commitment(key: &EpochKey, context: &EpochContext) -> Commitment {
    let info = context.labelled(purpose::EPOCH_COMMITMENT);
    Commitment(*primitives::derive(key.expose(), None, &info).expose())
}

/// A title under an epoch key. A salt of its own makes its key its own.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SealedTitle {
    /// Random.
    #[n(0)]
    pub salt: ByteArray<32>,
    /// AES-256-GCM of the padded title.
    #[n(1)]
    pub sealed: ByteVec,
}

/// Why a title was not sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TitleError {
    /// More than [`MAX_TITLE`] bytes.
    #[error("the title is too long")]
    TooLong,
    /// It does not open under this key in this context, or is not one.
    #[error("the title does not open")]
    DoesNotOpen,
}

/// Seals a title; the empty one stands for none.
pub fn seal_title(
    key: &EpochKey,
    context: &EpochContext,
    title: &str,
) -> Result<SealedTitle, TitleError> {
    seal_title_with(key, context, title, random::bytes())
}

/// Opens a title.
pub fn open_title(
    key: &EpochKey,
    context: &EpochContext,
    title: &SealedTitle,
) -> Result<String, TitleError> {
    if title.sealed.len() != TITLE_CLASS + TAG {
        return Err(TitleError::DoesNotOpen);
    }
    let (title_key, aad) = title_key(key, context, &title.salt[..]);
    let padded = primitives::open(&title_key, &ZERO_NONCE, &aad, &title.sealed)
        .ok_or(TitleError::DoesNotOpen)?;
    let length = primitives::unpadded_length(&padded).ok_or(TitleError::DoesNotOpen)?;
    let text = std::str::from_utf8(&padded[..length]).map_err(|_| TitleError::DoesNotOpen)?;
    if text.len() > MAX_TITLE {
        return Err(TitleError::DoesNotOpen);
    }
    Ok(text.to_owned())
}

pub(crate) fn seal_title_with(
    key: &EpochKey,
    context: &EpochContext,
    title: &str,
    salt: [u8; 32],
) -> Result<SealedTitle, TitleError> {
    if title.len() > MAX_TITLE {
        return Err(TitleError::TooLong);
    }
    let (title_key, aad) = title_key(key, context, &salt);
    let mut padded = zeroize::Zeroizing::new(Vec::with_capacity(TITLE_CLASS));
    padded.extend_from_slice(title.as_bytes());
    primitives::pad(&mut padded, TITLE_CLASS);
    let sealed = primitives::seal(&title_key, &ZERO_NONCE, &aad, &padded);
    Ok(SealedTitle {
        salt: salt.into(),
        sealed: sealed.into(),
    })
}

pub(crate) fn title_key(
    key: &EpochKey,
    context: &EpochContext,
    salt: &[u8],
) -> (Secret32, Vec<u8>) {
    let info = context.labelled(purpose::TITLE_KEY);
    let derived = primitives::derive(key.expose(), Some(salt), &info);
    (derived, context.labelled(purpose::TITLE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Root;

    fn context() -> EpochContext {
        EpochContext {
            conversation: ConversationId([1; 32]),
            epoch: Epoch(3),
            view: View {
                size: 7,
                root: Root([2; 32]),
            },
        }
    }

    fn others() -> Vec<EpochContext> {
        let here = context();
        vec![
            EpochContext {
                conversation: ConversationId([9; 32]),
                ..here
            },
            EpochContext {
                epoch: Epoch(4),
                ..here
            },
            EpochContext {
                view: View {
                    size: 8,
                    ..here.view
                },
                ..here
            },
            EpochContext {
                view: View {
                    root: Root([3; 32]),
                    ..here.view
                },
                ..here
            },
        ]
    }

    #[test]
    fn a_commitment_holds_for_one_key_in_one_place() {
        let key = EpochKey::make();
        let made = commitment(&key, &context());
        assert!(made.matches(&key, &context()));
        assert!(!made.matches(&EpochKey::make(), &context()));
        for other in others() {
            assert!(!made.matches(&key, &other));
            assert_ne!(
                other.wrap_label(&IdentityHash([5; 32])),
                context().wrap_label(&IdentityHash([5; 32]))
            );
        }
    }

    #[test]
    fn titles_open_where_they_were_sealed() {
        let key = EpochKey::make();
        for title in ["", "Plans", &"é".repeat(MAX_TITLE / 2)] {
            let sealed = seal_title(&key, &context(), title).unwrap();
            assert_eq!(sealed.sealed.len(), TITLE_CLASS + TAG);
            assert_eq!(open_title(&key, &context(), &sealed).as_deref(), Ok(title));
            for other in others() {
                assert_eq!(
                    open_title(&key, &other, &sealed),
                    Err(TitleError::DoesNotOpen)
                );
            }
            let other_key = EpochKey::make();
            assert_eq!(
                open_title(&other_key, &context(), &sealed),
                Err(TitleError::DoesNotOpen)
            );
        }
        let long = "a".repeat(MAX_TITLE + 1);
        assert_eq!(
            seal_title(&key, &context(), &long),
            Err(TitleError::TooLong)
        );
    }

    #[test]
    fn altered_titles_do_not_open() {
        let key = EpochKey::make();
        let sealed = seal_title(&key, &context(), "Plans").unwrap();
        for i in [0, 5, TITLE_CLASS, TITLE_CLASS + TAG - 1] {
            let mut altered = sealed.clone();
            altered.sealed[i] ^= 1;
            assert_eq!(
                open_title(&key, &context(), &altered),
                Err(TitleError::DoesNotOpen)
            );
        }
        let mut altered = sealed.clone();
        altered.salt[0] ^= 1;
        assert_eq!(
            open_title(&key, &context(), &altered),
            Err(TitleError::DoesNotOpen)
        );
        let mut altered = sealed.clone();
        altered.sealed.pop();
        assert_eq!(
            open_title(&key, &context(), &altered),
            Err(TitleError::DoesNotOpen)
        );
    }
}
