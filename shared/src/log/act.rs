//! What state entries do.

use minicbor::{Decode, Encode};

use crate::codec::Bytes;
use crate::crypto::epoch::{Commitment, SealedTitle};
use crate::crypto::identity::{Compromised, SignedIdentity};
use crate::ids::{ConversationId, Epoch, IdentityHash, ReadersDigest, Root, UserId, View};

/// The kind of a state entry, with what it needs.
#[derive(Debug, Clone, Encode, Decode)]
pub enum Act {
    /// Begins the log; entry 0.
    #[n(0)]
    Create(#[n(0)] Create),
    /// Lets people read, from the epoch that it announces on.
    #[n(1)]
    Invite(#[n(0)] Invite),
    /// Takes back open invitations.
    #[n(2)]
    Uninvite(#[n(0)] Drop),
    /// An invited person joins.
    #[n(3)]
    Accept(#[n(0)] Accept),
    /// An invited person does not join.
    #[n(4)]
    Decline,
    /// A member goes.
    #[n(5)]
    Leave,
    /// Members are sent away.
    #[n(6)]
    Remove(#[n(0)] Drop),
    /// A member becomes an admin.
    #[n(7)]
    Promote(#[n(0)] UserId),
    /// An admin becomes an ordinary member.
    #[n(8)]
    Demote(#[n(0)] UserId),
    /// A new title.
    #[n(9)]
    Rename(#[n(0)] Rename),
    /// The author's newer identity versions come into force.
    #[n(10)]
    Identity(#[n(0)] NewIdentity),
    /// The author's identity must not be trusted any more; ends the membership.
    #[n(11)]
    Compromised(#[n(0)] Compromised),
    /// A fresh key, nobody's rights changed.
    #[n(12)]
    Epoch(#[n(0)] Announcement),
    /// Earlier epoch keys for a newcomer.
    #[n(13)]
    Share(#[n(0)] Share),
    /// The author cannot open his wrap of an epoch.
    #[n(14)]
    Fault(#[n(0)] Epoch),
    /// Answers a fault.
    #[n(15)]
    Rewrap(#[n(0)] Rewrap),
}

impl Act {
    /// The announcement that the entry carries, if any.
    pub fn announcement(&self) -> Option<&Announcement> {
        match self {
            Self::Invite(invite) => invite.announcement.as_ref(),
            Self::Uninvite(drop) | Self::Remove(drop) => drop.announcement.as_ref(),
            Self::Identity(new) => new.announcement.as_ref(),
            Self::Epoch(announcement) => Some(announcement),
            _ => None,
        }
    }
}

/// Who makes the conversation's keys; never switched.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Mode {
    /// Members' browsers.
    #[n(0)]
    EndToEnd,
    /// The server, which signs its announcements with this RSA-PSS key (SubjectPublicKeyInfo DER).
    #[n(1)]
    ServerManaged(#[n(0)] Bytes),
}

/// Entry 0. Its author is the first admin; the conversation's id is the entry's hash.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map)]
pub struct Create {
    /// Who makes the keys.
    #[n(0)]
    pub mode: Mode,
    /// 32 random bytes, so that no two conversations have one id.
    #[n(1)]
    pub nonce: Bytes,
    /// The author's identity, whole.
    #[n(2)]
    pub identity: SignedIdentity,
    /// The conversation that this one goes on from, and the author's view of it.
    #[n(3)]
    pub continues: Option<(ConversationId, View)>,
}

/// Invites one person or more.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map)]
pub struct Invite {
    /// Their identities, whole.
    #[n(0)]
    pub people: Vec<SignedIdentity>,
    /// HMACs that answer invite links, in the order of `people`; empty where none is answered.
    #[n(1)]
    pub link_proofs: Vec<Option<Bytes>>,
    /// Absent only where the server manages the key.
    #[n(2)]
    pub announcement: Option<Announcement>,
}

/// Drops people.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map)]
pub struct Drop {
    /// Whom.
    #[n(0)]
    pub users: Vec<UserId>,
    /// Absent only where the server manages the key.
    #[n(1)]
    pub announcement: Option<Announcement>,
}

/// Accepts an invitation.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map)]
pub struct Accept {
    /// HMAC that answers the inviter's link, where one brought the person here.
    #[n(0)]
    pub link_proof: Option<Bytes>,
}

/// A new title, under the current epoch.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map)]
pub struct Rename {
    /// The epoch whose key seals it.
    #[n(0)]
    pub epoch: Epoch,
    /// Sealed; its context has this entry's view.
    #[n(1)]
    pub title: SealedTitle,
}

/// Newer versions of the author's identity.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map)]
pub struct NewIdentity {
    /// Every version since the one in force, oldest first.
    #[n(0)]
    pub versions: Vec<SignedIdentity>,
    /// By an accepted member, where the server does not manage the key.
    #[n(1)]
    pub announcement: Option<Announcement>,
}

/// A fresh epoch key, as everybody may know of it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Announcement {
    /// One more than the epoch before.
    #[n(0)]
    pub epoch: Epoch,
    /// Commits to the key.
    #[n(1)]
    pub commitment: Commitment,
    /// [`super::state::readers_digest`] of exactly who may read after this entry.
    #[n(2)]
    pub readers: ReadersDigest,
    /// [`super::tree::wraps_root`] of the wraps in the order of the readers' user ids.
    #[n(3)]
    pub wraps: Root,
    /// The title, sealed under the new key; absent where there is none, and where the server makes the key.
    #[n(4)]
    pub title: Option<SealedTitle>,
}

/// Hands earlier epoch keys over.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map)]
pub struct Share {
    /// To whom.
    #[n(0)]
    pub user: UserId,
    /// Under which of their identities the wraps are.
    #[n(1)]
    pub identity: IdentityHash,
    /// Which epochs, ascending.
    #[n(2)]
    pub epochs: Vec<Epoch>,
    /// [`super::tree::wraps_root`] of the wraps in the order of `epochs`.
    #[n(3)]
    pub wraps: Root,
}

/// Hands an epoch key again to somebody listed in that epoch.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map)]
pub struct Rewrap {
    /// To whom.
    #[n(0)]
    pub user: UserId,
    /// Which epoch.
    #[n(1)]
    pub epoch: Epoch,
    /// RSA-OAEP-SHA256 ciphertext, 384 bytes, label as in the announcement.
    #[n(2)]
    pub wrap: Bytes,
}
