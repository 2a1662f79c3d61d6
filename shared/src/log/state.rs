//! Who may read and do what, after each state entry.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use super::act::Mode;
use crate::crypto::epoch::{Commitment, EpochContext, SealedTitle};
use crate::crypto::identity::{self, SignedIdentity};
use crate::crypto::label::{labelled, purpose};
use crate::ids::{
    ConversationId, EntryHash, Epoch, IdentityHash, ReadersDigest, Root, UserId, View,
};

/// The state of a conversation after its newest state entry.
#[derive(Debug, Clone, Encode, Decode)]
pub struct LogState {
    /// Which log.
    #[n(0)]
    pub conversation: ConversationId,
    /// Who makes the keys.
    #[n(1)]
    pub mode: Mode,
    /// Exactly who may read, by user id.
    #[n(2)]
    pub people: BTreeMap<UserId, Person>,
    /// Every epoch so far; the last one is current. Empty only between entries 0 and 1 (2 where the server announces).
    #[n(3)]
    pub epochs: Vec<EpochRecord>,
    /// Who could read which epochs.
    #[n(4)]
    pub readings: Vec<Reading>,
    /// An epoch must come before the next message or rename.
    #[n(5)]
    pub due: bool,
    /// The server's announcement must be the very next entry.
    #[n(6)]
    pub awaits_server: bool,
    /// The newest state entry.
    #[n(7)]
    pub last: EntryHash,
    /// Its number.
    #[n(8)]
    pub last_number: u64,
    /// The title now, still sealed.
    #[n(9)]
    pub title: Option<TitleRecord>,
    /// What this conversation goes on from.
    #[n(10)]
    pub continues: Option<(ConversationId, View)>,
    /// Earlier epochs that were handed over.
    #[n(11)]
    pub shares: Vec<ShareRecord>,
    /// Whose wraps of which epochs do not open and have not been handed again.
    #[n(12)]
    pub faults: BTreeSet<(UserId, Epoch)>,
    /// Identities that their owners declared compromised here: nobody is invited with one again.
    #[n(13)]
    #[cbor(default)]
    pub compromised: BTreeSet<IdentityHash>,
}

/// Somebody who may read.
#[derive(Debug, Clone, Encode, Decode)]
pub struct Person {
    /// The identity in force.
    #[n(0)]
    #[cbor(with = "identity::stored")]
    pub identity: SignedIdentity,
    /// Invited or accepted.
    #[n(1)]
    pub standing: Standing,
    /// May remove, promote, demote and share.
    #[n(2)]
    pub admin: bool,
    /// Number of the `invite` entry that let them in (0 for the creator).
    #[n(3)]
    pub invited_at: u64,
}

/// How somebody stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Standing {
    /// May read, has not accepted.
    #[n(0)]
    Invited {
        /// By whom.
        #[n(0)]
        by: UserId,
    },
    /// A member, since the entry with this number.
    #[n(1)]
    Accepted(#[n(0)] u64),
}

/// An epoch as announced.
#[derive(Debug, Clone, Encode, Decode)]
pub struct EpochRecord {
    /// Its number.
    #[n(0)]
    pub epoch: Epoch,
    /// The entry that announced it.
    #[n(1)]
    pub entry: EntryHash,
    /// That entry's number.
    #[n(2)]
    pub number: u64,
    /// That entry's view: part of the key's context.
    #[n(3)]
    pub view: View,
    /// Commitment to the key.
    #[n(4)]
    pub commitment: Commitment,
    /// Root over the wraps.
    #[n(5)]
    pub wraps: Root,
    /// Number of readers, and so of wraps.
    #[n(6)]
    pub readers: u64,
}

/// A span of epochs that somebody could read under one identity.
#[derive(Debug, Clone, Encode, Decode)]
pub struct Reading {
    /// Who.
    #[n(0)]
    pub user: UserId,
    /// Under which identity the wraps are.
    #[n(1)]
    pub identity: IdentityHash,
    /// Its version.
    #[n(2)]
    pub version: u32,
    /// First epoch.
    #[n(3)]
    pub from: Epoch,
    /// Last epoch; `None` while it goes on.
    #[n(4)]
    pub to: Option<Epoch>,
}

/// Earlier epochs that an admin handed to somebody.
#[derive(Debug, Clone, Encode, Decode)]
pub struct ShareRecord {
    /// To whom.
    #[n(0)]
    pub user: UserId,
    /// Under which identity the wraps are.
    #[n(1)]
    pub identity: IdentityHash,
    /// Its version.
    #[n(2)]
    pub version: u32,
    /// Which epochs, ascending.
    #[n(3)]
    pub epochs: Vec<Epoch>,
    /// Root over the wraps, in the order of `epochs`.
    #[n(4)]
    pub wraps: Root,
}

/// A sealed title and its context.
#[derive(Debug, Clone, Encode, Decode)]
pub struct TitleRecord {
    /// The epoch whose key seals it.
    #[n(0)]
    pub epoch: Epoch,
    /// View of the entry that carries it.
    #[n(1)]
    pub view: View,
    /// The seal.
    #[n(2)]
    pub sealed: SealedTitle,
}

/// What a state entry changed, for whoever has to act on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Who may read from now on and could not before.
    pub joined: Vec<UserId>,
    /// Who may read nothing that follows.
    pub dropped: Vec<UserId>,
    /// The epoch that was announced.
    pub announced: Option<Epoch>,
}

impl LogState {
    /// The current epoch.
    pub fn epoch(&self) -> Option<&EpochRecord> {
        self.epochs.last()
    }

    /// Any epoch so far.
    pub fn epoch_record(&self, epoch: Epoch) -> Option<&EpochRecord> {
        let index = usize::try_from(epoch.0.checked_sub(1)?).ok()?;
        self.epochs.get(index)
    }

    /// What the keys, wraps and title of an announced epoch are bound to.
    pub fn epoch_context(&self, record: &EpochRecord) -> EpochContext {
        EpochContext {
            conversation: self.conversation,
            epoch: record.epoch,
            view: record.view,
        }
    }

    /// Identity hash and version under which somebody can read an epoch; `None` if they cannot.
    pub fn reading(&self, user: &UserId, epoch: Epoch) -> Option<&Reading> {
        self.readings.iter().rev().find(|reading| {
            reading.user == *user
                && reading.from <= epoch
                && reading.to.is_none_or(|last| epoch <= last)
        })
    }

    /// The newest share that hands an epoch to somebody.
    pub fn share(&self, user: &UserId, epoch: Epoch) -> Option<&ShareRecord> {
        self.shares
            .iter()
            .rev()
            .find(|share| share.user == *user && share.epochs.binary_search(&epoch).is_ok())
    }

    /// Whether somebody can read an epoch, by right or because it was shared.
    pub fn may_read(&self, user: &UserId, epoch: Epoch) -> bool {
        self.reading(user, epoch).is_some() || self.share(user, epoch).is_some()
    }

    /// Identity hash and version under which somebody gets the key of an epoch that they may read.
    pub fn wrapped_for(&self, user: &UserId, epoch: Epoch) -> Option<(IdentityHash, u32)> {
        let reading = self.reading(user, epoch);
        let by_right = reading.map(|reading| (reading.identity, reading.version));
        let share = || self.share(user, epoch);
        by_right.or_else(|| share().map(|share| (share.identity, share.version)))
    }

    /// Whether somebody is an accepted member.
    pub fn is_accepted(&self, user: &UserId) -> bool {
        self.people.get(user).is_some_and(Person::is_accepted)
    }

    /// Accepted members.
    pub fn accepted(&self) -> impl Iterator<Item = (&UserId, &Person)> {
        self.people
            .iter()
            .filter(|(_, person)| person.is_accepted())
    }

    /// Digest of exactly who may read.
    pub fn readers(&self) -> ReadersDigest {
        readers_digest(
            self.people
                .iter()
                .map(|(user, person)| (user, person.identity.hash())),
        )
    }
}

impl Person {
    /// Whether they are a member.
    pub fn is_accepted(&self) -> bool {
        matches!(self.standing, Standing::Accepted(_))
    }
}

/// Digest of the readers, which must come in ascending order of their user ids.
pub fn readers_digest<'a>(
    readers: impl Iterator<Item = (&'a UserId, IdentityHash)>,
) -> ReadersDigest {
    let mut list = Vec::new();
    for (user, identity) in readers {
        list.extend_from_slice(&user.0);
        list.extend_from_slice(&identity.0);
    }
    ReadersDigest(Sha256::digest(labelled(purpose::READERS, &[&list])).into())
}
