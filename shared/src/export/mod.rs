//! A conversation as a file that proves itself: what was signed, the signatures, the keys, the membership log, a page to
//! read, and `verify.sh`, which needs OpenSSL and a shell alone (`docs/PROTOCOL.md`, section 25).
//!
//! - [`Export`]: what is exported; everything in the file follows from it
//! - `files`: the files and their tables; `page`: the page; `words`: how lines and times are written
//! - `container`: the zip, in one form only; `stored` writes it
//! - `read`: an export from its files; [`check`]: whether it holds
//!
//! The files of one format are frozen, `verify.sh` and the page's look included: a check makes them anew and compares.

mod check;
mod container;
mod files;
mod page;
mod read;
mod stored;
mod words;

use std::collections::BTreeMap;

use crate::codec::{self, Bytes};
use crate::crypto::identity::SignedIdentity;
use crate::crypto::label::{labelled, purpose};
use crate::crypto::message::{Content, Inner};
use crate::crypto::signing::Signature;
use crate::ids::{ConversationId, IdentityHash, Timestamp, UserId};
use crate::log::{Act, Entry, MessageHeader};

pub use check::{Fault, Report, check};
pub use container::{Container, ContainerError, MAX_BYTES};

/// Number of the format.
pub const FORMAT: u32 = 1;
/// Most messages of one export: their files and the log's fit a zip of the ordinary kind.
pub const MAX_MESSAGES: usize = 20_000;

/// What is exported.
#[derive(Debug, Clone)]
pub struct Export {
    /// Who exported what, and when.
    pub about: About,
    /// State entries and the server's announcements, all from `create` on.
    pub log: Vec<LogPart>,
    /// Messages of the range.
    pub messages: Vec<MessagePart>,
    /// Messages of the range that the exporter's device had marked: listed, without content.
    pub marked: Vec<Marked>,
}

/// Who exported what, and when: claims of the exporter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Which conversation.
    pub conversation: ConversationId,
    /// The exporter's identity: the newest of theirs in the log.
    pub exporter: IdentityHash,
    /// By the exporter's clock.
    pub made: Timestamp,
    /// Messages that the server took at this time or later; `None` for all.
    pub from: Option<Timestamp>,
    /// Messages that the server took before this time; `None` for all.
    pub to: Option<Timestamp>,
    /// The title as the exporter sees it.
    pub title: String,
}

/// An entry of the membership log.
#[derive(Debug, Clone)]
pub struct LogPart {
    /// Its number.
    pub number: u64,
    /// Its exact bytes.
    pub bytes: Vec<u8>,
}

/// A message, opened: what its author signed, and the signature.
#[derive(Debug, Clone)]
pub struct MessagePart {
    /// Its number.
    pub number: u64,
    /// The clear header's exact bytes.
    pub header: Bytes,
    /// [`Inner`]'s exact bytes.
    pub inner: Bytes,
    /// The author's.
    pub signature: Signature,
}

/// A message that is not shown, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// Its number.
    pub number: u64,
    /// Why.
    pub why: Mark,
    /// Whose it claims to be; empty where that is not known.
    pub author: String,
}

/// Why the exporter's device shows nothing of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The server holds its hash alone.
    Purged,
    /// Not a message, or of a kind that the device does not know.
    Malformed,
    /// Its author had seen another log.
    View,
    /// It does not open.
    Seal,
    /// Its signature does not hold.
    Signature,
    /// Another message has its id.
    Conflict,
    /// The device has not got its key.
    NoKey,
}

impl Mark {
    const ALL: [Self; 7] = [
        Self::Purged,
        Self::Malformed,
        Self::View,
        Self::Seal,
        Self::Signature,
        Self::Conflict,
        Self::NoKey,
    ];

    /// In the table.
    fn name(self) -> &'static str {
        match self {
            Self::Purged => "purged",
            Self::Malformed => "malformed",
            Self::View => "view",
            Self::Seal => "seal",
            Self::Signature => "signature",
            Self::Conflict => "conflict",
            Self::NoKey => "no-key",
        }
    }
}

/// Why an export cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The log does not begin with `create`, or holds what is no state entry.
    #[error("the membership log is not whole")]
    Log,
    /// A message is no text.
    #[error("a message is not one that can be exported")]
    Message,
    /// Somebody signed whose identity is not in the log.
    #[error("an identity is missing from the log")]
    Identity,
    /// More than [`MAX_MESSAGES`] or [`MAX_BYTES`].
    #[error("it is too much for one file")]
    TooLarge,
}

/// An export with its files, to be signed and packed.
pub struct Unsigned {
    files: BTreeMap<String, Vec<u8>>,
}

impl Export {
    /// Makes everything but the exporter's signature.
    pub fn prepare(&self) -> Result<Unsigned, ExportError> {
        if self.messages.len() + self.log.len() > MAX_MESSAGES {
            return Err(ExportError::TooLarge);
        }
        let mut files = files::all(&Parsed::new(self)?);
        let manifest = files::manifest(&files);
        files.insert(files::MANIFEST.into(), manifest);
        Ok(Unsigned { files })
    }
}

impl Unsigned {
    /// What the exporter signs.
    pub fn signing_payload(&self) -> Vec<u8> {
        let manifest = self.files.get(files::MANIFEST).map_or(&[][..], |m| m);
        manifest_payload(manifest)
    }

    /// The file.
    pub fn pack(mut self, signature: &Signature) -> Result<Vec<u8>, ExportError> {
        self.files.insert(
            files::MANIFEST_SIGNATURE.into(),
            signature.as_bytes().to_vec(),
        );
        container::pack(&self.files).map_err(|_| ExportError::TooLarge)
    }
}

/// The newest identity of somebody in the log's entries: who exports signs with it.
pub fn newest_identity(log: &[LogPart], user: &UserId) -> Option<SignedIdentity> {
    log.iter().rev().find_map(|part| {
        let entry = Entry::parse(&part.bytes).ok()?;
        let mut newest_first = identities_of(&entry).into_iter().rev();
        newest_first
            .find(|signed| signed.identity().user == *user)
            .cloned()
    })
}

fn manifest_payload(manifest: &[u8]) -> Vec<u8> {
    labelled(purpose::EXPORT_MANIFEST, &[manifest])
}

/// An export, taken apart: what its files are made from.
struct Parsed<'a> {
    about: &'a About,
    log: Vec<(u64, Entry)>,
    messages: Vec<Message<'a>>,
    marked: &'a [Marked],
    identities: BTreeMap<IdentityHash, SignedIdentity>,
}

/// A message, taken apart.
struct Message<'a> {
    part: &'a MessagePart,
    header: MessageHeader,
    inner: Inner,
    text: String,
}

impl<'a> Parsed<'a> {
    fn new(export: &'a Export) -> Result<Self, ExportError> {
        let log = export
            .log
            .iter()
            .map(|part| {
                let entry = Entry::parse(&part.bytes).map_err(|_| ExportError::Log)?;
                match entry {
                    Entry::Message(_) => Err(ExportError::Log),
                    entry => Ok((part.number, entry)),
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut identities = BTreeMap::new();
        for (_, entry) in &log {
            for signed in identities_of(entry) {
                identities.insert(signed.hash(), signed.clone());
            }
        }
        let messages = export.messages.iter().map(Message::new);
        let parsed = Self {
            about: &export.about,
            log,
            messages: messages.collect::<Result<_, _>>()?,
            marked: &export.marked,
            identities,
        };
        let signers = parsed
            .messages
            .iter()
            .map(|message| message.header.identity);
        let signers = signers.chain(parsed.log.iter().filter_map(|(_, entry)| match entry {
            Entry::State(state) => Some(state.header.identity),
            _ => None,
        }));
        for hash in signers.chain([parsed.about.exporter]) {
            if !parsed.identities.contains_key(&hash) {
                return Err(ExportError::Identity);
            }
        }
        Ok(parsed)
    }

    fn identity(&self, hash: &IdentityHash) -> Result<&SignedIdentity, ExportError> {
        self.identities.get(hash).ok_or(ExportError::Identity)
    }
}

impl<'a> Message<'a> {
    fn new(part: &'a MessagePart) -> Result<Self, ExportError> {
        let header: MessageHeader =
            codec::decode(&part.header).map_err(|_| ExportError::Message)?;
        let inner = Inner::decode(&part.inner).map_err(|_| ExportError::Message)?;
        let Content::Text { text } = inner.content.clone() else {
            return Err(ExportError::Message);
        };
        Ok(Self {
            part,
            header,
            inner,
            text,
        })
    }

    /// Whether what was signed is written the one way that this program writes it, so that `verify.sh` can write it too.
    fn is_usual(&self) -> bool {
        codec::encode(&self.header) == *self.part.header
            && self.inner.encode() == *self.part.inner
            && self.inner.time <= words::MAX_TIME
    }
}

/// The identities that an entry embeds, in their order.
fn identities_of(entry: &Entry) -> Vec<&SignedIdentity> {
    let Entry::State(state) = entry else {
        return Vec::new();
    };
    match &state.header.act {
        Act::Create(create) => vec![&create.identity],
        Act::Invite(invite) => invite.people.iter().collect(),
        Act::Identity(new) => new.versions.iter().collect(),
        _ => Vec::new(),
    }
}
