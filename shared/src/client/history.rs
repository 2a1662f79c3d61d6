//! What happened in a conversation, in sentences: every state entry that this device knows.

use super::api::{Answer, Deed, Failure, Happened, Row, RowBody};
use super::open::name_of;
use super::platform::{Platform, Store, Table};
use super::trouble::Trouble;
use super::{Client, decode_stored, records};
use crate::crypto::identity::SignedIdentity;
use crate::crypto::signing::Algorithm;
use crate::ids::{ConversationId, UserId};
use crate::log::{Act, Change, Entry, LogState};

impl<P: Platform> Client<P> {
    /// Everything that happened, oldest first, from before one's own invitation too.
    pub(super) async fn history(&self, id: ConversationId) -> Result<Answer, Trouble> {
        if !self.rooms.contains_key(&id) {
            return Err(Failure::NotAllowed.into());
        }
        let prefix = records::history_prefix(&id);
        let found = self
            .platform
            .store()
            .scan(Table::Entries, &prefix, None, false, usize::MAX)
            .await?;
        let rows = found.iter().map(|(_, bytes)| decode_stored::<Row>(bytes));
        Ok(Answer::History(rows.collect::<Result<_, _>>()?))
    }
}

/// A state entry as a sentence's parts; nothing for messages. A new title is still sealed.
pub(super) fn happened(
    before: &LogState,
    after: &LogState,
    entry: &Entry,
    me: UserId,
) -> Option<RowBody> {
    let entry = match entry {
        Entry::State(entry) => entry,
        Entry::Server(entry) => {
            return Some(RowBody::Happened(Happened {
                actor: String::new(),
                own: false,
                what: Deed::ServerRekeyed(entry.header.announcement.epoch),
                algorithm: Algorithm::RsaPss,
            }));
        }
        Entry::Message(_) => return None,
    };
    let sender = entry.header.sender;
    let known = |user: &UserId| before.people.get(user).or_else(|| after.people.get(user));
    let name =
        |user: &UserId| known(user).map_or_else(String::new, |person| name_of(&person.identity));
    let names = |users: &[UserId]| users.iter().map(&name).collect::<Vec<_>>();
    let what = match &entry.header.act {
        Act::Create(_) => Deed::Created,
        Act::Invite(invite) => Deed::Invited(invite.people.iter().map(name_of).collect()),
        Act::Uninvite(drop) => Deed::Uninvited(names(&drop.users)),
        Act::Accept(_) => Deed::Accepted,
        Act::Decline => Deed::Declined,
        Act::Leave => Deed::Left,
        Act::Remove(drop) => Deed::Removed(names(&drop.users)),
        Act::Promote(user) => Deed::Promoted(name(user)),
        Act::Demote(user) => Deed::Demoted(name(user)),
        Act::Rename(_) => Deed::RenamedSealed,
        Act::Identity(_) => rotated(before, after, &sender),
        Act::Compromised(_) => Deed::Compromised,
        Act::Epoch(announcement) => Deed::Rekeyed(announcement.epoch),
        Act::Share(share) => Deed::Shared(name(&share.user)),
        Act::Fault(_) => Deed::Faulted,
        Act::Rewrap(rewrap) => Deed::Rewrapped(name(&rewrap.user)),
    };
    let author = known(&sender)?;
    Some(RowBody::Happened(Happened {
        actor: name_of(&author.identity),
        own: sender == me,
        what,
        algorithm: author.identity.identity().algorithm,
    }))
}

/// A new version of an identity with fresh keys, or with the same ones in another use.
fn rotated(before: &LogState, after: &LogState, who: &UserId) -> Deed {
    let in_force = |state: &LogState| {
        let person = state.people.get(who)?;
        Some(person.identity.identity().clone())
    };
    match (in_force(before), in_force(after)) {
        (Some(old), Some(new))
            if old.encryption == new.encryption
                && old.rsa_signing == new.rsa_signing
                && old.dsa_signing == new.dsa_signing =>
        {
            Deed::Switched(new.algorithm)
        }
        _ => Deed::Rotated,
    }
}

/// Identities that a valid state entry puts out of force, or leaves behind on the way to a newer one.
pub(super) fn superseded(before: &LogState, entry: &Entry, change: &Change) -> Vec<SignedIdentity> {
    let in_force = |user: &UserId| {
        let person = before.people.get(user);
        person.map(|person| person.identity.clone())
    };
    let mut superseded: Vec<_> = change.dropped.iter().filter_map(in_force).collect();
    if let Entry::State(entry) = entry
        && let Act::Identity(new) = &entry.header.act
        && let [between @ .., _] = &new.versions[..]
    {
        superseded.extend(in_force(&entry.header.sender));
        superseded.extend_from_slice(between);
    }
    superseded
}
