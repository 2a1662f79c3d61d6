//! The exact bytes of entries: `[purpose, header, tail]`, header and tail byte strings.
//!
//! | purpose | header | tail |
//! | --- | --- | --- |
//! | 1 | [`StateHeader`] | the author's signature over it |
//! | 2 | [`MessageHeader`] | the seal: see [`crate::crypto::message`] |
//! | 3 | [`ServerHeader`] | the server's RSA-PSS signature over it |

use minicbor::{Decode, Encode};

use super::act::{Act, Announcement};
use super::tree;
use crate::codec::{self, Bytes, Malformed};
use crate::crypto::label::{labelled, purpose};
use crate::crypto::signing::Signature;
use crate::ids::{ConversationId, EntryHash, Epoch, IdentityHash, MessageId, Salt, UserId, View};

/// Version of every entry format.
pub const VERSION: u8 = 1;

const STATE: u8 = 1;
const MESSAGE: u8 = 2;
const SERVER: u8 = 3;

/// Any entry.
#[derive(Debug, Clone)]
pub enum Entry {
    /// Changes the conversation's state; signed in clear.
    State(Box<StateEntry>),
    /// Sealed content.
    Message(MessageEntry),
    /// A server-managed conversation's announcement.
    Server(ServerEntry),
}

impl Entry {
    /// Reads an entry; what its header says is not yet judged.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let raw: Raw = codec::decode(bytes)?;
        if codec::encode(&raw) != bytes {
            // One entry has one encoding, so that its size class and purpose can be read off its first bytes.
            return Err(Malformed("not the shortest encoding".into()));
        }
        let hash = tree::leaf_hash(bytes);
        Ok(match raw.purpose {
            STATE => {
                let header: StateHeader = codec::decode(&raw.header)?;
                check(header.version, header.purpose, STATE)?;
                let signature = Signature(raw.tail);
                Self::State(Box::new(StateEntry {
                    hash,
                    header,
                    header_bytes: raw.header,
                    signature,
                }))
            }
            MESSAGE => {
                let header: MessageHeader = codec::decode(&raw.header)?;
                check(header.version, header.purpose, MESSAGE)?;
                Self::Message(MessageEntry {
                    hash,
                    header,
                    header_bytes: raw.header,
                    sealed: raw.tail,
                })
            }
            SERVER => {
                let header: ServerHeader = codec::decode(&raw.header)?;
                check(header.version, header.purpose, SERVER)?;
                let signature = Signature(raw.tail);
                Self::Server(ServerEntry {
                    hash,
                    header,
                    header_bytes: raw.header,
                    signature,
                })
            }
            _ => return Err(Malformed("unknown purpose of an entry".into())),
        })
    }

    /// The leaf hash of the exact bytes.
    pub fn hash(&self) -> EntryHash {
        match self {
            Self::State(entry) => entry.hash,
            Self::Message(entry) => entry.hash,
            Self::Server(entry) => entry.hash,
        }
    }

    /// Whose entry it says it is; `None` for the server's.
    pub fn sender(&self) -> Option<UserId> {
        match self {
            Self::State(entry) => Some(entry.header.sender),
            Self::Message(entry) => Some(entry.header.sender),
            Self::Server(_) => None,
        }
    }

    /// The author's newest verified view.
    pub fn view(&self) -> View {
        match self {
            Self::State(entry) => entry.header.view,
            Self::Message(entry) => entry.header.view,
            Self::Server(entry) => entry.header.view,
        }
    }

    /// The announcement that it carries, if any.
    pub fn announcement(&self) -> Option<&Announcement> {
        match self {
            Self::State(entry) => entry.header.act.announcement(),
            Self::Message(_) => None,
            Self::Server(entry) => Some(&entry.header.announcement),
        }
    }
}

/// An entry that changes the state.
#[derive(Debug, Clone)]
pub struct StateEntry {
    /// Leaf hash.
    pub hash: EntryHash,
    /// What is signed.
    pub header: StateHeader,
    /// Its exact bytes.
    pub header_bytes: Bytes,
    /// By the identity that the header names, with that identity's algorithm.
    pub signature: Signature,
}

/// Clear header of a state entry.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map)]
pub struct StateHeader {
    /// [`VERSION`].
    #[n(0)]
    pub version: u8,
    /// 1.
    #[n(1)]
    pub purpose: u8,
    /// Absent in `create` only, whose hash it is.
    #[n(2)]
    pub conversation: Option<ConversationId>,
    /// Author.
    #[n(3)]
    pub sender: UserId,
    /// The author's identity in force.
    #[n(4)]
    pub identity: IdentityHash,
    /// The author's newest verified view.
    #[n(5)]
    pub view: View,
    /// The state entry before; absent in `create` only.
    #[n(6)]
    pub previous: Option<EntryHash>,
    /// What it does.
    #[n(7)]
    pub act: Act,
}

impl StateHeader {
    /// A header of this version.
    pub fn new(
        conversation: Option<ConversationId>,
        sender: UserId,
        identity: IdentityHash,
        view: View,
        previous: Option<EntryHash>,
        act: Act,
    ) -> Self {
        Self {
            version: VERSION,
            purpose: STATE,
            conversation,
            sender,
            identity,
            view,
            previous,
            act,
        }
    }
}

/// A message before its content is opened.
#[derive(Debug, Clone)]
pub struct MessageEntry {
    /// Leaf hash.
    pub hash: EntryHash,
    /// Associated data and key context of the seal.
    pub header: MessageHeader,
    /// Its exact bytes.
    pub header_bytes: Bytes,
    /// The seal.
    pub sealed: Bytes,
}

/// Clear header of a message.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct MessageHeader {
    /// [`VERSION`].
    #[n(0)]
    pub version: u8,
    /// 2.
    #[n(1)]
    pub purpose: u8,
    /// Which log.
    #[n(2)]
    pub conversation: ConversationId,
    /// Author.
    #[n(3)]
    pub sender: UserId,
    /// The author's identity in force.
    #[n(4)]
    pub identity: IdentityHash,
    /// The author's newest verified view; reaches the epoch's announcement.
    #[n(5)]
    pub view: View,
    /// The epoch whose key seals it.
    #[n(6)]
    pub epoch: Epoch,
    /// The entry that announced that epoch.
    #[n(7)]
    pub announcement: EntryHash,
    /// Chosen by the author.
    #[n(8)]
    pub id: MessageId,
    /// 32 random bytes: salt of the message key.
    #[n(9)]
    pub salt: Salt,
}

impl MessageHeader {
    /// A header of this version.
    #[allow(clippy::too_many_arguments)] // each is one field of the signed structure
    pub fn new(
        conversation: ConversationId,
        sender: UserId,
        identity: IdentityHash,
        view: View,
        epoch: Epoch,
        announcement: EntryHash,
        id: MessageId,
        salt: Salt,
    ) -> Self {
        let (version, purpose) = (VERSION, MESSAGE);
        Self {
            version,
            purpose,
            conversation,
            sender,
            identity,
            view,
            epoch,
            announcement,
            id,
            salt,
        }
    }
}

/// The server's announcement in a conversation whose keys it makes.
#[derive(Debug, Clone)]
pub struct ServerEntry {
    /// Leaf hash.
    pub hash: EntryHash,
    /// What is signed.
    pub header: ServerHeader,
    /// Its exact bytes.
    pub header_bytes: Bytes,
    /// By the key in the conversation's `create`, RSA-PSS.
    pub signature: Signature,
}

/// Clear header of the server's announcement.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map)]
pub struct ServerHeader {
    /// [`VERSION`].
    #[n(0)]
    pub version: u8,
    /// 3.
    #[n(1)]
    pub purpose: u8,
    /// Which log.
    #[n(2)]
    pub conversation: ConversationId,
    /// The whole log before this entry.
    #[n(5)]
    pub view: View,
    /// The state entry before, which asked for this one.
    #[n(6)]
    pub previous: EntryHash,
    /// The key, without title.
    #[n(7)]
    pub announcement: Announcement,
}

impl ServerHeader {
    /// A header of this version.
    pub fn new(
        conversation: ConversationId,
        view: View,
        previous: EntryHash,
        announcement: Announcement,
    ) -> Self {
        Self {
            version: VERSION,
            purpose: SERVER,
            conversation,
            view,
            previous,
            announcement,
        }
    }
}

/// What the author of a state entry signs.
pub fn state_signing_payload(header: &[u8]) -> Vec<u8> {
    labelled(purpose::STATE_ENTRY, &[header])
}

/// What the server signs of its announcement.
pub fn server_signing_payload(header: &[u8]) -> Vec<u8> {
    labelled(purpose::MANAGED_ANNOUNCEMENT, &[header])
}

/// A state entry's bytes.
pub fn assemble_state(header: Vec<u8>, signature: Signature) -> Vec<u8> {
    codec::encode(&Raw {
        purpose: STATE,
        header: Bytes(header),
        tail: signature.0,
    })
}

/// A message's bytes.
pub fn assemble_message(header: Vec<u8>, sealed: Vec<u8>) -> Vec<u8> {
    codec::encode(&Raw {
        purpose: MESSAGE,
        header: Bytes(header),
        tail: Bytes(sealed),
    })
}

/// A server announcement's bytes.
pub fn assemble_server(header: Vec<u8>, signature: Signature) -> Vec<u8> {
    codec::encode(&Raw {
        purpose: SERVER,
        header: Bytes(header),
        tail: signature.0,
    })
}

#[derive(Encode, Decode)]
struct Raw {
    #[n(0)]
    purpose: u8,
    #[n(1)]
    header: Bytes,
    #[n(2)]
    tail: Bytes,
}

fn check(version: u8, purpose: u8, expected: u8) -> Result<(), Malformed> {
    if version != VERSION {
        return Err(Malformed("unknown version of an entry".into()));
    }
    if purpose != expected {
        return Err(Malformed(
            "the header is of another purpose than its entry".into(),
        ));
    }
    Ok(())
}
