//! Whose identity is whose: first seen is pinned, what follows by signature is followed, anything else is a change
//! that its person must decide about.

use super::Client;
use super::api::{Answer, Blocked, Event, Failure, Notice};
use super::platform::{Platform, Table};
use super::records::{self, PinRecord};
use super::room::Room;
use super::trouble::Trouble;
use crate::crypto::fingerprint;
use crate::crypto::identity::SignedIdentity;
use crate::ids::{UserId, UserName};
use crate::protocol::Found;

impl<P: Platform> Client<P> {
    /// Verifies what the directory says of somebody and follows it. A change that does not follow from the pin stops
    /// here.
    pub(super) async fn follow_chain(
        &mut self,
        name: &UserName,
        found: &Found,
    ) -> Result<SignedIdentity, Trouble> {
        let nonsense = || Trouble::BadReply("the directory's identities do not hold");
        let mut newest: Option<SignedIdentity> = None;
        let mut hashes = Vec::new();
        for bytes in &found.identities {
            let signed = SignedIdentity::parse(bytes).map_err(|_| nonsense())?;
            let before = newest.as_ref().map(SignedIdentity::identity);
            let claims = signed.claims(before).map_err(|_| nonsense())?;
            if !self.all_hold(&claims).await? {
                return Err(nonsense());
            }
            hashes.push(signed.hash());
            newest = Some(signed);
        }
        let newest = newest.ok_or_else(nonsense)?;
        let identity = newest.identity();
        if identity.user != found.user || identity.name != *name {
            return Err(nonsense());
        }
        let user = identity.user;
        let by_name = |(other, pin): &(&UserId, &PinRecord)| {
            **other != user && pin.name.as_ref() == Some(name)
        };
        let held_by = self.pins.iter().find(by_name).map(|(other, _)| *other);
        if let Some(other) = held_by.or_else(|| self.synced.other_holder(name, &user)) {
            // The name now leads to another account: somebody who deleted theirs, or a swap.
            return Err(Failure::IdentityChanged(other, name.to_string()).into());
        }
        let mut pin = self
            .pins
            .get(&user)
            .cloned()
            .unwrap_or_else(|| PinRecord::first(&newest));
        pin.name = Some(name.clone());
        let Some(at) = hashes.iter().position(|hash| *hash == pin.pin.identity) else {
            self.note_conflict(&newest);
            self.flush().await?;
            return Err(Failure::IdentityChanged(user, name.to_string()).into());
        };
        if at + 1 < hashes.len() && pin.pin.verified {
            (self.emit)(Event::Notice(Notice::RotatedSinceVerified(
                name.to_string(),
            )));
        }
        for hash in &hashes[at + 1..] {
            let version = pin.pin.version + 1;
            pin.follow(*hash, version);
        }
        self.keep_pin(user, pin);
        Ok(newest)
    }

    /// An identity that a valid state entry embeds: pinned if it is the first, followed if the entry's verified claims
    /// held the signatures of the version before (`by_its_predecessor`), noted as a change otherwise.
    pub(super) fn see_identity(&mut self, signed: &SignedIdentity, by_its_predecessor: bool) {
        let identity = signed.identity();
        let user = identity.user;
        let Some(mut pin) = self.pins.get(&user).cloned() else {
            return self.keep_pin(user, PinRecord::first(signed));
        };
        if pin.holds(&signed.hash()) {
            if pin.name.is_none() {
                pin.name = Some(identity.name.clone());
                self.keep_pin(user, pin);
            }
            return;
        }
        if identity.previous == Some(pin.pin.identity) && by_its_predecessor {
            if pin.pin.verified {
                let name = identity.name.to_string();
                (self.emit)(Event::Notice(Notice::RotatedSinceVerified(name)));
            }
            pin.follow(signed.hash(), identity.version);
            return self.keep_pin(user, pin);
        }
        self.note_conflict(signed);
    }

    /// What keeps one from writing in a room.
    pub(super) fn blocked(&self, room: &Room) -> Option<Blocked> {
        if let Some(evidence) = &room.record.broken {
            return Some(Blocked::LogBroken(evidence.reason.clone()));
        }
        room.state.people.iter().find_map(|(user, person)| {
            let pin = self.pins.get(user)?;
            if pin.holds(&person.identity.hash()) {
                return None;
            }
            let name = person.identity.identity().name.to_string();
            let compromised = pin.pin.compromised;
            Some(Blocked::IdentityChanged {
                user: *user,
                name,
                compromised,
            })
        })
    }

    /// Whether somebody's present identity was marked as verified.
    pub(super) fn is_verified(&self, user: &UserId) -> bool {
        self.pins
            .get(user)
            .is_some_and(|pin| pin.conflict.is_none() && pin.pin.verified)
    }

    pub(super) async fn mark_verified(
        &mut self,
        user: UserId,
        verified: bool,
    ) -> Result<Answer, Trouble> {
        let mut pin = self.pins.get(&user).cloned().ok_or(Failure::WrongState)?;
        pin.pin.verified = verified;
        pin.pin.verified_before &= verified;
        self.keep_pin(user, pin);
        self.flush().await?;
        self.show_rooms_of(&user);
        Ok(Answer::Nothing)
    }

    /// The person decided to go on with a changed identity: it is pinned anew, unverified.
    pub(super) async fn accept_identity(&mut self, user: UserId) -> Result<Answer, Trouble> {
        let mut pin = self.pins.get(&user).cloned().ok_or(Failure::WrongState)?;
        let in_a_room = self.rooms.values().find_map(|room| {
            let identity = &room.state.people.get(&user)?.identity;
            let is_other = !pin.holds(&identity.hash());
            is_other.then(|| (identity.hash(), identity.identity().version))
        });
        let (hash, version) = in_a_room.or(pin.conflict).ok_or(Failure::WrongState)?;
        pin.reset(hash, version);
        self.keep_pin(user, pin);
        self.flush().await?;
        self.show_rooms_of(&user);
        if self.resumed {
            self.flush_outbox().await?;
        }
        Ok(Answer::Nothing)
    }

    pub(super) fn safety_number(&self, user: UserId) -> Result<Answer, Trouble> {
        let me = self.me()?;
        let pin = self.pins.get(&user).ok_or(Failure::WrongState)?;
        let theirs = pin.pin.identity;
        let number = fingerprint::safety_number((&me.user, &me.identity.hash()), (&user, &theirs));
        Ok(Answer::SafetyNumber(number))
    }

    fn note_conflict(&mut self, signed: &SignedIdentity) {
        let user = signed.identity().user;
        if let Some(mut pin) = self.pins.get(&user).cloned() {
            pin.conflict = Some((signed.hash(), signed.identity().version));
            self.keep_pin(user, pin);
        }
    }

    /// Keeps a pin in memory and, with the batch, in the store.
    pub(super) fn keep_pin(&mut self, user: UserId, pin: PinRecord) {
        if self.pins.get(&user) == Some(&pin) {
            return;
        }
        self.batch
            .push(records::put(Table::Pins, user.0.to_vec(), &pin));
        self.pins.insert(user, pin);
        self.synced.touch();
    }
}
