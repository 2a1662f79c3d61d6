//! What each act changes, if its author may: people, rights, the key.

use std::collections::BTreeSet;

use super::act::{Act, Announcement, Drop, Invite, Mode, NewIdentity, Share};
use super::judge::{MAX_READERS, Refusal, WRAP_LEN};
use super::state::{EpochRecord, LogState, Person, Reading, ShareRecord, Standing, TitleRecord};
use crate::crypto::epoch::SealedTitle;
use crate::crypto::signing::Claim;
use crate::ids::{EntryHash, Epoch, UserId, View};

/// Whose turn it is.
pub(super) struct Turn<'a> {
    pub(super) number: u64,
    pub(super) author: &'a Person,
    pub(super) sender: UserId,
    pub(super) claims: &'a mut Vec<Claim>,
}

impl Turn<'_> {
    fn must_be_accepted(&self) -> Result<(), Refusal> {
        if self.author.is_accepted() {
            Ok(())
        } else {
            Err(Refusal::NotAllowed)
        }
    }

    fn must_be_invited(&self) -> Result<(), Refusal> {
        if self.author.is_accepted() {
            Err(Refusal::NotAllowed)
        } else {
            Ok(())
        }
    }

    fn must_be_admin(&self) -> Result<(), Refusal> {
        if self.author.is_accepted() && self.author.admin {
            Ok(())
        } else {
            Err(Refusal::NotAllowed)
        }
    }
}

/// What an act means for the key.
#[derive(Clone, Copy)]
pub(super) enum Effect {
    Nothing,
    Announces,
    EpochDue,
}

impl LogState {
    /// Changes people and rights as the act says, if its author may.
    pub(super) fn enact(&mut self, act: &Act, turn: &mut Turn<'_>) -> Result<Effect, Refusal> {
        match act {
            Act::Create(_) => Err(Refusal::Invalid("create comes once")),
            Act::Invite(invite) => self.invite(invite, turn),
            Act::Uninvite(drop) => self.uninvite(drop, turn),
            Act::Accept(_) => self.accept(turn),
            Act::Decline => {
                turn.must_be_invited()?;
                self.people.remove(&turn.sender);
                Ok(Effect::EpochDue)
            }
            Act::Leave => {
                turn.must_be_accepted()?;
                self.people.remove(&turn.sender);
                Ok(Effect::EpochDue)
            }
            Act::Remove(drop) => self.remove(drop, turn),
            Act::Promote(user) => {
                turn.must_be_admin()?;
                let person = self.people.get_mut(user).ok_or(Refusal::NotAllowed)?;
                if !person.is_accepted() || person.admin {
                    return Err(Refusal::NotAllowed);
                }
                person.admin = true;
                Ok(Effect::Nothing)
            }
            Act::Demote(user) => {
                turn.must_be_admin()?;
                let person = self.people.get_mut(user).ok_or(Refusal::NotAllowed)?;
                if !person.admin {
                    return Err(Refusal::NotAllowed);
                }
                person.admin = false;
                Ok(Effect::Nothing)
            }
            Act::Rename(rename) => {
                turn.must_be_accepted()?;
                if self.due {
                    return Err(Refusal::EpochDue);
                }
                if self.epoch().map(|current| current.epoch) != Some(rename.epoch) {
                    return Err(Refusal::StaleEpoch);
                }
                Ok(Effect::Nothing)
            }
            Act::Identity(new) => self.renew_identity(new, turn),
            Act::Compromised(statement) => {
                let identity = turn.author.identity.identity();
                turn.claims.extend(
                    statement
                        .claims(identity)
                        .map_err(|_| Refusal::Invalid("the statement is not about its author"))?,
                );
                self.people.remove(&turn.sender);
                self.compromised.insert(identity.hash());
                Ok(Effect::EpochDue)
            }
            Act::Epoch(_) => {
                turn.must_be_accepted()?;
                if self.mode != Mode::EndToEnd {
                    return Err(Refusal::Invalid("the server makes the keys here"));
                }
                Ok(Effect::Announces)
            }
            Act::Share(share) => {
                turn.must_be_admin()?;
                let record = self.check_share(share)?;
                self.shares.push(record);
                Ok(Effect::Nothing)
            }
            Act::Fault(epoch) => {
                if self.epoch_record(*epoch).is_none() || !self.may_read(&turn.sender, *epoch) {
                    return Err(Refusal::NotAllowed);
                }
                if !self.faults.insert((turn.sender, *epoch)) {
                    return Err(Refusal::Invalid("this fault waits for an answer already"));
                }
                Ok(Effect::Nothing)
            }
            Act::Rewrap(rewrap) => {
                turn.must_be_accepted()?;
                if rewrap.wrap.len() != WRAP_LEN {
                    return Err(Refusal::Invalid("a wrap has 384 bytes"));
                }
                if !self.faults.remove(&(rewrap.user, rewrap.epoch)) {
                    return Err(Refusal::Invalid("a rewrap answers a fault"));
                }
                Ok(Effect::Nothing)
            }
        }
    }

    fn invite(&mut self, invite: &Invite, turn: &mut Turn<'_>) -> Result<Effect, Refusal> {
        turn.must_be_accepted()?;
        if invite.people.is_empty() {
            return Err(Refusal::Invalid("nobody is invited"));
        }
        if !invite.link_proofs.is_empty() && invite.link_proofs.len() != invite.people.len() {
            return Err(Refusal::Invalid("link proofs do not fit the people"));
        }
        for identity in &invite.people {
            if self.compromised.contains(&identity.hash()) {
                return Err(Refusal::Invalid(
                    "an invited person's identity was declared compromised",
                ));
            }
            let person = Person {
                identity: identity.clone(),
                standing: Standing::Invited { by: turn.sender },
                admin: false,
                invited_at: turn.number,
            };
            if self
                .people
                .insert(identity.identity().user, person)
                .is_some()
            {
                return Err(Refusal::Invalid(
                    "an invited person is in the conversation already",
                ));
            }
            turn.claims.extend(identity.self_claims());
        }
        if self.people.len() > MAX_READERS {
            return Err(Refusal::Invalid("too many people"));
        }
        Ok(Effect::Announces)
    }

    fn uninvite(&mut self, drop: &Drop, turn: &Turn<'_>) -> Result<Effect, Refusal> {
        turn.must_be_accepted()?;
        for user in distinct(&drop.users)? {
            let person = self.people.remove(user).ok_or(Refusal::NotAllowed)?;
            match person.standing {
                Standing::Invited { by } if by == turn.sender || turn.author.admin => {}
                _ => return Err(Refusal::NotAllowed),
            }
        }
        Ok(Effect::Announces)
    }

    fn accept(&mut self, turn: &Turn<'_>) -> Result<Effect, Refusal> {
        turn.must_be_invited()?;
        if let Some(person) = self.people.get_mut(&turn.sender) {
            person.standing = Standing::Accepted(turn.number);
        }
        Ok(Effect::Nothing)
    }

    fn remove(&mut self, drop: &Drop, turn: &Turn<'_>) -> Result<Effect, Refusal> {
        turn.must_be_admin()?;
        for user in distinct(&drop.users)? {
            let person = self.people.remove(user).ok_or(Refusal::NotAllowed)?;
            if !person.is_accepted() || *user == turn.sender {
                return Err(Refusal::NotAllowed);
            }
        }
        Ok(Effect::Announces)
    }

    fn renew_identity(
        &mut self,
        new: &NewIdentity,
        turn: &mut Turn<'_>,
    ) -> Result<Effect, Refusal> {
        let mut current = turn.author.identity.clone();
        for version in &new.versions {
            let claims = version
                .claims(Some(current.identity()))
                .map_err(|_| Refusal::Invalid("the identity does not follow the one in force"))?;
            turn.claims.extend(claims);
            current = version.clone();
        }
        if new.versions.is_empty() {
            return Err(Refusal::Invalid("no identity"));
        }
        if let Some(person) = self.people.get_mut(&turn.sender) {
            person.identity = current;
        }
        Ok(if turn.author.is_accepted() {
            Effect::Announces
        } else {
            Effect::EpochDue
        })
    }

    fn check_share(&self, share: &Share) -> Result<ShareRecord, Refusal> {
        let person = self.people.get(&share.user).ok_or(Refusal::NotAllowed)?;
        if person.identity.hash() != share.identity {
            return Err(Refusal::StaleIdentity);
        }
        let ascending = share.epochs.windows(2).all(|pair| pair[0] < pair[1]);
        let known = share
            .epochs
            .iter()
            .all(|epoch| self.epoch_record(*epoch).is_some());
        if share.epochs.is_empty() || !ascending || !known {
            return Err(Refusal::Invalid(
                "the shared epochs are not a list of earlier ones",
            ));
        }
        Ok(ShareRecord {
            user: share.user,
            identity: share.identity,
            version: person.identity.identity().version,
            epochs: share.epochs.clone(),
            wraps: share.wraps,
        })
    }

    /// Puts a fresh epoch into force for whoever may read now.
    pub(super) fn announce(
        &mut self,
        announcement: &Announcement,
        entry: EntryHash,
        number: u64,
        view: View,
    ) -> Result<Epoch, Refusal> {
        let expected = self
            .epoch()
            .map_or(Epoch::FIRST, |current| current.epoch.next());
        if announcement.epoch != expected {
            return Err(Refusal::StaleEpoch);
        }
        if announcement.readers != self.readers() {
            return Err(Refusal::Invalid("the announcement is for other readers"));
        }
        self.epochs.push(EpochRecord {
            epoch: announcement.epoch,
            entry,
            number,
            view,
            commitment: announcement.commitment,
            wraps: announcement.wraps,
            readers: self.people.len() as u64,
        });
        if self.mode == Mode::EndToEnd {
            let seal = |sealed: &SealedTitle| {
                let (epoch, sealed) = (announcement.epoch, sealed.clone());
                TitleRecord {
                    epoch,
                    view,
                    sealed,
                }
            };
            self.title = announcement.title.as_ref().map(seal);
        }
        self.note_readings(announcement.epoch);
        self.due = false;
        Ok(announcement.epoch)
    }

    fn note_readings(&mut self, epoch: Epoch) {
        let mut going_on = BTreeSet::new();
        for reading in self
            .readings
            .iter_mut()
            .filter(|reading| reading.to.is_none())
        {
            let person = self.people.get(&reading.user);
            if person.is_some_and(|person| person.identity.hash() == reading.identity) {
                going_on.insert(reading.user);
            } else {
                reading.to = Some(Epoch(epoch.0 - 1));
            }
        }
        for (user, person) in &self.people {
            if !going_on.contains(user) {
                self.readings.push(Reading {
                    user: *user,
                    identity: person.identity.hash(),
                    version: person.identity.identity().version,
                    from: epoch,
                    to: None,
                });
            }
        }
    }

    /// With no admin left, the earliest accepted remaining member is; with no member left, the first to accept.
    pub(super) fn keep_an_admin(&mut self) {
        if self.people.values().any(|person| person.admin) {
            return;
        }
        let since = |person: &Person| match person.standing {
            Standing::Accepted(number) => Some(number),
            Standing::Invited { .. } => None,
        };
        let earliest = self
            .people
            .iter()
            .filter_map(|(user, person)| Some((since(person)?, *user)))
            .min();
        if let Some(person) = earliest.and_then(|(_, user)| self.people.get_mut(&user)) {
            person.admin = true;
        }
    }
}

fn distinct(users: &[UserId]) -> Result<&[UserId], Refusal> {
    let set: BTreeSet<_> = users.iter().collect();
    if users.is_empty() || set.len() != users.len() {
        return Err(Refusal::Invalid("people are listed twice, or none are"));
    }
    Ok(users)
}
