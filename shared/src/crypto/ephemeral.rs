//! Typing and read receipts: sealed, not signed, not in the log. The server binds them to the sender's session.

use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};

use super::epoch::EpochKey;
use super::label::{labelled, purpose};
use super::primitives::{self, ZERO_NONCE};
use super::random;
use super::secret::Secret32;
use crate::codec;
use crate::ids::{ConversationId, Epoch, UserId};

/// Length to which every signal is padded, bytes.
const CLASS: usize = 32;

/// What is signalled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Ephemeral {
    /// Somebody writes, or has stopped.
    #[n(0)]
    Typing {
        /// Still at it.
        #[n(0)]
        active: bool,
    },
    /// Everything up to this number was seen.
    #[n(1)]
    Read {
        /// The entry's number.
        #[n(0)]
        number: u64,
    },
}

/// Where a signal belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EphemeralContext {
    /// The conversation.
    pub conversation: ConversationId,
    /// The epoch whose key is used.
    pub epoch: Epoch,
    /// Whose signal it is, by the server's word.
    pub sender: UserId,
}

/// The signal does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signal does not open")]
pub struct EphemeralError;

/// Seals a signal: CBOR `[salt, sealed]`.
pub fn seal(key: &EpochKey, context: &EphemeralContext, signal: Ephemeral) -> Vec<u8> {
    seal_with(key, context, signal, random::bytes())
}

/// Opens a signal.
pub fn open(
    key: &EpochKey,
    context: &EphemeralContext,
    bytes: &[u8],
) -> Result<Ephemeral, EphemeralError> {
    let Sealed { salt, sealed } = codec::decode(bytes).map_err(|_| EphemeralError)?;
    let (key, aad) = signal_key(key, context, &salt[..]);
    let padded = primitives::open(&key, &ZERO_NONCE, &aad, &sealed).ok_or(EphemeralError)?;
    let length = primitives::unpadded_length(&padded).ok_or(EphemeralError)?;
    if padded.len() != CLASS {
        return Err(EphemeralError);
    }
    codec::decode(&padded[..length]).map_err(|_| EphemeralError)
}

#[derive(Encode, Decode)]
struct Sealed {
    #[n(0)]
    salt: ByteArray<32>,
    #[n(1)]
    sealed: ByteVec,
}

pub(crate) fn seal_with(
    key: &EpochKey,
    context: &EphemeralContext,
    signal: Ephemeral,
    salt: [u8; 32],
) -> Vec<u8> {
    let (key, aad) = signal_key(key, context, &salt[..]);
    let mut padded = codec::encode(&signal);
    primitives::pad(&mut padded, CLASS);
    let sealed = primitives::seal(&key, &ZERO_NONCE, &aad, &padded);
    codec::encode(&Sealed {
        salt: salt.into(),
        sealed: sealed.into(),
    })
}

pub(crate) fn signal_key(
    key: &EpochKey,
    context: &EphemeralContext,
    salt: &[u8],
) -> (Secret32, Vec<u8>) {
    let epoch = context.epoch.0.to_be_bytes();
    let parts: [&[u8]; 3] = [
        context.conversation.as_bytes(),
        &epoch,
        context.sender.as_bytes(),
    ];
    let info = labelled(purpose::EPHEMERAL_KEY, &parts);
    let derived = primitives::derive(key.expose(), Some(salt), &info);
    (derived, labelled(purpose::EPHEMERAL, &parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_open_where_they_were_sealed() {
        let key = EpochKey::make();
        let context = EphemeralContext {
            conversation: ConversationId([1; 32]),
            epoch: Epoch(2),
            sender: UserId([3; 16]),
        };
        let signals = [
            Ephemeral::Typing { active: true },
            Ephemeral::Read { number: u64::MAX },
        ];
        let lengths = signals.map(|signal| {
            let sealed = seal(&key, &context, signal);
            assert_eq!(open(&key, &context, &sealed), Ok(signal));
            for other in [
                EphemeralContext {
                    conversation: ConversationId([2; 32]),
                    ..context
                },
                EphemeralContext {
                    epoch: Epoch(3),
                    ..context
                },
                EphemeralContext {
                    sender: UserId([4; 16]),
                    ..context
                },
            ] {
                assert_eq!(open(&key, &other, &sealed), Err(EphemeralError));
            }
            assert_eq!(
                open(&EpochKey::make(), &context, &sealed),
                Err(EphemeralError)
            );
            for i in 0..sealed.len() {
                let mut altered = sealed.clone();
                altered[i] ^= 1;
                assert_eq!(open(&key, &context, &altered), Err(EphemeralError));
            }
            sealed.len()
        });
        assert_eq!(lengths[0], lengths[1]);
    }
}
