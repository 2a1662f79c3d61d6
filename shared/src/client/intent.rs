//! What a person wants done in a conversation, checked anew against the state at every attempt.

use super::records::AccountRecord;
use super::sharing::lacking;
use crate::crypto::identity::{Compromised, SignedIdentity};
use crate::ids::{Epoch, UserId};
use crate::log::{LogState, Standing};

/// What a person wants done in a conversation.
pub(super) enum Intent {
    Invite(Vec<SignedIdentity>),
    Accept,
    Decline,
    Leave,
    Remove(UserId),
    SetAdmin(UserId, bool),
    Rename(String),
    /// Seals the title as it is anew, for readers who cannot open it.
    SealTitle,
    /// An epoch after this one.
    Rekey(Option<Epoch>),
    /// Puts the newest version of one's own identity into force.
    Identity,
    Compromised(Compromised),
    /// Says that one's key of an epoch did not come or open.
    Fault(Epoch),
    /// Hands somebody an epoch's key again, who said so.
    Rewrap(UserId, Epoch),
    /// Hands somebody the keys of what was said before them.
    Share(UserId),
}

impl Intent {
    /// Going away hands nobody a key.
    pub(super) fn goes_away(&self) -> bool {
        matches!(self, Self::Leave | Self::Decline | Self::Compromised(_))
    }

    /// Who is to be handed no key any more: whether they are who they were makes no difference.
    pub(super) fn removes(&self) -> Option<UserId> {
        match self {
            Self::Remove(user) => Some(*user),
            _ => None,
        }
    }

    /// Whether it seals a title under the current key.
    pub(super) fn seals_title(&self) -> bool {
        matches!(self, Self::Rename(_) | Self::SealTitle)
    }

    /// Whether it seals the title anew though nothing depends on doing it at once.
    pub(super) fn can_wait_for_title(&self) -> bool {
        matches!(self, Self::Invite(_) | Self::Rekey(_))
    }

    /// Whether somebody else, or another browser of one's own, has brought it about already.
    pub(super) fn is_done(&self, state: &LogState, account: &AccountRecord) -> bool {
        let standing = |user: &UserId| state.people.get(user).map(|person| person.standing);
        let me = state.people.get(&account.user);
        match self {
            Self::Invite(people) => newcomers(people, state).next().is_none(),
            Self::Accept => me.is_some_and(|me| me.is_accepted()),
            Self::Decline => !matches!(me.map(|me| me.standing), Some(Standing::Invited { .. })),
            Self::Leave | Self::Compromised(_) => me.is_none(),
            Self::Remove(user) => standing(user).is_none(),
            Self::SetAdmin(user, admin) => state
                .people
                .get(user)
                .is_some_and(|person| person.admin == *admin),
            Self::Rename(_) => false,
            Self::SealTitle => !hides_title(state),
            Self::Rekey(before) => {
                !state.due && state.epoch().map(|current| current.epoch) > *before
            }
            Self::Identity => me.is_some_and(|me| me.identity == account.identity),
            Self::Fault(epoch) => state.faults.contains(&(account.user, *epoch)),
            Self::Rewrap(user, epoch) => !state.faults.contains(&(*user, *epoch)),
            Self::Share(user) => lacking(state, &account.user, user).next().is_none(),
        }
    }
}

/// Whether somebody who reads cannot open the title.
pub(super) fn hides_title(state: &LogState) -> bool {
    state.title.as_ref().is_some_and(|sealed| {
        let mut people = state.people.keys();
        people.any(|user| !state.may_read(user, sealed.epoch))
    })
}

/// Who of these is not in yet: two may invite the same person at once.
pub(super) fn newcomers<'a>(
    people: &'a [SignedIdentity],
    state: &'a LogState,
) -> impl Iterator<Item = &'a SignedIdentity> {
    people
        .iter()
        .filter(|identity| !state.people.contains_key(&identity.identity().user))
}
