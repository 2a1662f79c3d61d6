//! Whose identity is whose: first seen is pinned, what follows by signature is followed, anything else is a change
//! that its person must decide about.

use super::Client;
use super::api::{Answer, Blocked, Event, Failure, Notice};
use super::platform::{Platform, Socket, Table};
use super::records::{self, PinRecord};
use super::room::Room;
use super::trouble::Trouble;
use crate::codec::{self, Bytes};
use crate::crypto::fingerprint;
use crate::crypto::identity::{Compromised, Identity, SignedIdentity};
use crate::ids::{IdentityHash, UserId};
use crate::protocol::{Found, LookupUsers};

impl<P: Platform> Client<P> {
    /// Verifies what the directory says of somebody and follows it. A change that does not follow from the pin, or
    /// follows only from a compromised version, stops here. What it keeps is written with the batch, also if it fails.
    pub(super) async fn follow_chain(&mut self, found: &Found) -> Result<SignedIdentity, Trouble> {
        let chain = self.verified_chain(&found.identities).await?;
        let newest = chain.last().cloned().ok_or_else(nonsense)?;
        let Identity { user, name, .. } = newest.identity();
        let (user, name) = (*user, name.clone());
        if user != found.user {
            return Err(nonsense());
        }
        let mut pin = self
            .pins
            .get(&user)
            .cloned()
            .unwrap_or_else(|| PinRecord::first(&newest));
        pin.name = Some(name.clone());
        let compromised = self.compromised_in(&chain, &found.compromised).await?;
        let compromised = compromised.map(|(at, _)| at);
        let Some(at) = chain
            .iter()
            .position(|signed| signed.hash() == pin.pin.identity)
        else {
            self.keep_pin(user, pin);
            self.note_conflict(&newest);
            return Err(Failure::IdentityChanged(user, name.to_string()).into());
        };
        // A new browser knows the newest version alone; what is before it on the chain is no mismatch, back to where the
        // person accepted it.
        let is_known = |signed: &SignedIdentity| pin.earlier.contains(&signed.hash());
        let from = match pin.pin.resets {
            0 => 0,
            _ => chain[..at].iter().position(is_known).unwrap_or(at),
        };
        let before = chain[from..at].iter().map(SignedIdentity::hash);
        pin.earlier = before.collect();
        let was = pin.pin;
        let stop =
            compromised.filter(|stop| at <= *stop || pin.earlier.contains(&chain[*stop].hash()));
        let follow_to = stop.unwrap_or(chain.len() - 1);
        for signed in chain.iter().take(follow_to + 1).skip(at + 1) {
            pin.follow(signed.hash(), signed.identity().version);
        }
        if let Some(stop) = stop {
            let signed = &chain[stop];
            pin.compromise(signed.hash(), signed.identity().version);
            if stop + 1 < chain.len() {
                pin.conflict = Some((newest.hash(), newest.identity().version));
            }
            if !was.compromised {
                self.news
                    .push(Event::Notice(Notice::Compromised(name.to_string())));
            }
            self.keep_pin(user, pin);
            return Err(Failure::IdentityChanged(user, name.to_string()).into());
        }
        if was.identity != pin.pin.identity && was.verified {
            let name = name.to_string();
            self.news
                .push(Event::Notice(Notice::RotatedSinceVerified(name)));
        }
        self.keep_pin(user, pin);
        if self.synced.state.rival(&name, &user).is_some() {
            // The name now leads to another account: somebody who deleted theirs, or a swap.
            return Err(Failure::IdentityChanged(user, name.to_string()).into());
        }
        Ok(newest)
    }

    /// Every version of somebody's identity, each signed by itself and the one before.
    pub(super) async fn verified_chain(
        &self,
        versions: &[Bytes],
    ) -> Result<Vec<SignedIdentity>, Trouble> {
        let mut chain: Vec<SignedIdentity> = Vec::with_capacity(versions.len());
        for bytes in versions {
            let signed = SignedIdentity::parse(bytes).map_err(|_| nonsense())?;
            let before = chain.last().map(SignedIdentity::identity);
            let claims = signed.claims(before).map_err(|_| nonsense())?;
            if !self.all_hold(&claims).await? {
                return Err(nonsense());
            }
            chain.push(signed);
        }
        Ok(chain)
    }

    /// The place in a chain of the newest version that its owner declared compromised, and the statement.
    pub(super) async fn compromised_in(
        &self,
        chain: &[SignedIdentity],
        statements: &[Bytes],
    ) -> Result<Option<(usize, Compromised)>, Trouble> {
        let mut newest: Option<(usize, Compromised)> = None;
        for bytes in statements {
            let statement: Compromised = codec::decode(bytes).map_err(|_| nonsense())?;
            let (_, hash) = statement.subject().map_err(|_| nonsense())?;
            let at = chain.iter().position(|signed| signed.hash() == hash);
            let at = at.ok_or_else(nonsense)?;
            let claims = statement.claims(chain[at].identity());
            if !self.all_hold(&claims.map_err(|_| nonsense())?).await? {
                return Err(nonsense());
            }
            if newest.as_ref().is_none_or(|(known, _)| *known < at) {
                newest = Some((at, statement));
            }
        }
        Ok(newest)
    }

    /// Identities that valid state entries embed. What neither is pinned nor follows by signature is looked up: the
    /// directory may have what lies between.
    pub(super) async fn see_identities(
        &mut self,
        embedded: &[SignedIdentity],
    ) -> Result<(), Trouble> {
        let mut unknown = Vec::new();
        for signed in embedded {
            let user = signed.identity().user;
            let is_known = self
                .pins
                .get(&user)
                .is_none_or(|pin| pin.holds(&signed.hash()));
            if is_known {
                self.see_identity(signed, false);
            } else if Some(user) != self.account.as_ref().map(|me| me.user) {
                unknown.push(signed);
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        let users = unknown
            .iter()
            .map(|signed| signed.identity().user)
            .collect();
        let found = self
            .platform
            .socket()
            .request(&LookupUsers { users })
            .await?;
        let asked = |found: &&Found| {
            let mut asked = unknown.iter();
            asked.any(|signed| signed.identity().user == found.user)
        };
        for person in found.people.iter().filter(asked) {
            match self.follow_chain(person).await {
                // What does not hold is noted below as what it is: a change.
                Ok(_) | Err(Trouble::Tell(_) | Trouble::BadReply(_)) => {}
                Err(trouble) => return Err(trouble),
            }
        }
        for signed in unknown {
            self.see_identity(signed, false);
        }
        Ok(())
    }

    /// A version that its predecessor signed, in a valid entry. What does not follow the pin may lie behind it: another
    /// browser of this user has followed further, and the directory says how.
    pub(super) async fn see_version(&mut self, signed: &SignedIdentity) -> Result<(), Trouble> {
        let identity = signed.identity();
        let follows = self.pins.get(&identity.user).is_none_or(|pin| {
            let next = identity.previous == Some(pin.pin.identity) && !pin.pin.compromised;
            next || pin.holds(&signed.hash())
        });
        if !follows {
            return self.see_identities(std::slice::from_ref(signed)).await;
        }
        self.see_identity(signed, true);
        Ok(())
    }

    /// An identity that a valid state entry embeds: pinned if it is the first, followed if the entry's verified claims
    /// held the signatures of the version before (`by_its_predecessor`), noted as a change otherwise.
    pub(super) fn see_identity(&mut self, signed: &SignedIdentity, by_its_predecessor: bool) {
        let identity = signed.identity();
        let user = identity.user;
        if self.account.as_ref().is_some_and(|me| me.user == user) {
            return;
        }
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
        let follows = identity.previous == Some(pin.pin.identity) && !pin.pin.compromised;
        if follows && by_its_predecessor {
            if pin.pin.verified {
                let name = identity.name.to_string();
                self.news
                    .push(Event::Notice(Notice::RotatedSinceVerified(name)));
            }
            pin.follow(signed.hash(), identity.version);
            return self.keep_pin(user, pin);
        }
        self.note_conflict(signed);
    }

    /// A member's signed statement that their identity in force is in other hands.
    pub(super) fn see_compromised(&mut self, signed: &SignedIdentity) {
        let Identity {
            user,
            version,
            name,
            ..
        } = signed.identity();
        let Some(mut pin) = self.pins.get(user).cloned() else {
            return;
        };
        let is_pinned = pin.pin.identity == signed.hash() || pin.earlier.contains(&signed.hash());
        if !is_pinned || (pin.pin.identity == signed.hash() && pin.pin.compromised) {
            return;
        }
        pin.compromise(signed.hash(), *version);
        self.news
            .push(Event::Notice(Notice::Compromised(name.to_string())));
        self.keep_pin(*user, pin);
    }

    /// What keeps one from writing in a room.
    pub(super) fn blocked(&self, room: &Room) -> Option<Blocked> {
        self.blocked_but_for(room, None)
    }

    /// The same, but for what is the matter with one person.
    pub(super) fn blocked_but_for(&self, room: &Room, but: Option<UserId>) -> Option<Blocked> {
        if let Some(evidence) = &room.record.broken {
            return Some(Blocked::LogBroken(evidence.reason.clone()));
        }
        if !self.is_in(room) {
            // Nobody writes there, and whoever had which keys at the end is history.
            return None;
        }
        let mut people = room.state.people.iter();
        people.find_map(|(user, person)| {
            let pin = self.pins.get(user).filter(|_| Some(*user) != but)?;
            let name = &person.identity.identity().name;
            let contested = self.synced.state.rival(name, user).is_some();
            if pin.holds(&person.identity.hash()) && !contested {
                return None;
            }
            Some(Blocked::IdentityChanged {
                user: *user,
                name: name.to_string(),
                compromised: pin.pin.compromised,
            })
        })
    }

    /// Whoever is to be invited must still be pinned as they were found: what came meanwhile may have said otherwise.
    pub(super) fn must_be_pinned(&self, people: &[SignedIdentity]) -> Result<(), Trouble> {
        for signed in people {
            let Identity { user, name, .. } = signed.identity();
            let pin = self.pins.get(user);
            if !pin.is_some_and(|pin| pin.holds(&signed.hash())) {
                return Err(Failure::IdentityChanged(*user, name.to_string()).into());
            }
        }
        Ok(())
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
        if verified && pin.pin.compromised {
            return Err(Failure::WrongState.into());
        }
        pin.pin.mark(verified, self.platform.now());
        if verified {
            // Whatever else was said of them: the person compared this one.
            pin.conflict = None;
        }
        self.keep_pin(user, pin);
        self.flush().await?;
        self.push_decision().await;
        Ok(Answer::Nothing)
    }

    /// The person decided to go on with a changed identity: it is pinned anew, and unverified unless it was compared.
    pub(super) async fn accept_identity(
        &mut self,
        user: UserId,
        compared: bool,
    ) -> Result<Answer, Trouble> {
        let mut pin = self.pins.get(&user).cloned().ok_or(Failure::WrongState)?;
        let rival = pin.name.clone();
        let rival = rival.filter(|name| self.synced.state.rival(name, &user).is_some());
        match (self.undecided(&user), &rival) {
            (Some((hash, version)), _) => pin.reset(hash, version),
            (None, Some(_)) => {}
            (None, None) => return Err(Failure::WrongState.into()),
        }
        if compared {
            pin.pin.mark(true, self.platform.now());
        }
        self.repinned.insert(user);
        if let Some(name) = rival {
            let holders = self.synced.give_name(&name, user, self.platform.now());
            self.repinned.extend(holders);
        }
        self.keep_pin(user, pin);
        self.flush().await?;
        if self.must_be_online().is_ok() {
            self.flush_outbox().await?;
        }
        self.push_decision().await;
        Ok(Answer::Nothing)
    }

    /// Of the pinned identity, or of the changed one that waits for a decision.
    pub(super) fn safety_number(&self, user: UserId, changed: bool) -> Result<Answer, Trouble> {
        let me = self.me()?;
        let pin = self.pins.get(&user).ok_or(Failure::WrongState)?;
        // Where only a name leads to another account now, it is that account's first identity.
        let undecided = changed.then(|| self.undecided(&user)).flatten();
        let theirs = undecided.map_or(pin.pin.identity, |(hash, _)| hash);
        let number = fingerprint::safety_number((&me.user, &me.identity.hash()), (&user, &theirs));
        Ok(Answer::SafetyNumber(number))
    }

    /// The identity that somebody has instead of the pinned one, and its version.
    fn undecided(&self, user: &UserId) -> Option<(IdentityHash, u32)> {
        let pin = self.pins.get(user)?;
        // The version that was declared compromised itself cannot be gone on with: only what came after it.
        let mut rooms = self.rooms.values().filter(|room| self.is_in(room));
        let in_a_room = rooms.find_map(|room| {
            let identity = &room.state.people.get(user)?.identity;
            let is_other = !pin.holds(&identity.hash()) && identity.hash() != pin.pin.identity;
            is_other.then(|| (identity.hash(), identity.identity().version))
        });
        in_a_room.or(pin.conflict)
    }

    fn is_in(&self, room: &Room) -> bool {
        let me = self.account.as_ref();
        me.is_some_and(|me| room.me(&me.user).is_some())
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
        if let Some(name) = &pin.name {
            self.synced.meet(name, user);
        }
        self.pins.insert(user, pin);
        self.repinned.insert(user);
        self.synced.touch();
    }
}

fn nonsense() -> Trouble {
    Trouble::BadReply("the directory's identities do not hold")
}
