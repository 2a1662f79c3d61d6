//! The state that a user's browsers share: pins, verified marks, read marks, views. Sealed under K_state, written with
//! compare-and-swap of its generation, merged where two browsers wrote.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};

use super::api::{Event, Failure, Notice};
use super::platform::{CallError, Keys, KeysError, Platform, Socket, Store, Table, Write};
use super::records::{self, PinRecord};
use super::trouble::Trouble;
use super::{Client, decode_stored};
use crate::codec::{self, Bytes};
use crate::crypto::vault::{self, Conflict, VaultState};
use crate::ids::{ConversationId, Timestamp, UserId, UserName, View};
use crate::protocol::{ErrorCode, GetState, PutState, SealedState};

/// How often a write is tried again after another browser's.
const ATTEMPTS: usize = 4;
/// What to say of a server whose copy is older than what was seen here.
pub(super) const ROLLED_BACK: &str = "its copy of your account is older than this browser's";
/// The generation that registration writes.
const FIRST: u64 = 1;

/// What this device knows of the synced state.
#[derive(Debug, Clone, Default, Encode, Decode)]
#[cbor(map)]
pub(super) struct Synced {
    /// The newest generation seen; an older one is a rollback.
    #[n(0)]
    generation: u64,
    /// Something here is newer than that generation.
    #[n(1)]
    dirty: bool,
    /// As last read or written; what is changed nowhere else is changed here.
    #[n(2)]
    pub(super) state: VaultState,
    /// The server was seen with an older generation; said once.
    #[n(3)]
    rolled_back: bool,
    /// Something here is newer than what this device holds.
    #[cbor(skip)]
    unsaved: bool,
}

impl Synced {
    /// What a new account begins with, to be sealed.
    pub(super) fn first() -> Vec<u8> {
        stamped(FIRST, &VaultState::default())
    }

    /// Something has changed that other browsers should know. It is kept with the next batch.
    pub(super) fn touch(&mut self) {
        self.dirty = true;
        self.unsaved = true;
    }

    /// The record as it is to be kept, if it has changed.
    pub(super) fn take_unsaved(&mut self) -> Option<Write> {
        let unsaved = std::mem::take(&mut self.unsaved);
        unsaved.then(|| records::put(Table::Meta, records::SYNCED.to_vec(), self))
    }

    /// This device wrote that generation.
    pub(super) fn written(&mut self, generation: u64) {
        self.generation = generation;
        self.dirty = false;
        self.unsaved = true;
    }

    /// Whether the server's is older than one that was seen here.
    pub(super) fn is_newer_than(&self, state: &SealedState) -> bool {
        self.generation > state.generation
    }

    /// Up to where a conversation was read in any browser.
    pub(super) fn read_mark(&self, conversation: &ConversationId) -> Option<u64> {
        self.state.read.get(conversation).copied()
    }

    /// The newest view of a conversation that any of the user's browsers verified.
    pub(super) fn view(&self, conversation: &ConversationId) -> Option<View> {
        self.state.views.get(conversation).copied()
    }

    /// Somebody is met under a name: it is theirs unless somebody else had it.
    pub(super) fn meet(&mut self, name: &UserName, user: UserId) {
        if !self.state.names.contains_key(name) {
            let met = [(user, Timestamp::default())].into();
            self.state.names.insert(name.clone(), met);
            self.touch();
        }
    }

    /// The person decided whom a name means from now on; these had it, or shared it.
    pub(super) fn give_name(
        &mut self,
        name: &UserName,
        user: UserId,
        now: Timestamp,
    ) -> Vec<UserId> {
        let holders = self.state.names.entry(name.clone()).or_default();
        let before = holders.keys().copied().collect();
        let newest = holders.values().max().copied().unwrap_or_default();
        holders.insert(user, vault::later(newest, now));
        self.touch();
        before
    }
}

impl<P: Platform> Client<P> {
    pub(super) async fn load_synced(&mut self) -> Result<(), Trouble> {
        if let Some(bytes) = self
            .platform
            .store()
            .get(Table::Meta, records::SYNCED)
            .await?
        {
            let rolled_back = self.synced.rolled_back;
            self.synced = decode_stored(&bytes)?;
            self.synced.rolled_back = rolled_back;
        }
        Ok(())
    }

    /// Takes over what the server has handed out together with the vault.
    pub(super) async fn take_state(&mut self, state: &SealedState) -> Result<(), Trouble> {
        if self.synced.is_newer_than(state) {
            return self.refuse_rollback();
        }
        match self.opened_state(state).await? {
            Some(theirs) => self.take_over(state.generation, theirs).await,
            None if self.synced.generation == 0 => {
                Err(Trouble::BadReply("the synced state is of another number"))
            }
            None => self.refuse_rollback(),
        }
    }

    /// The state, if it was sealed as the generation that the server says it is.
    async fn opened_state(&self, state: &SealedState) -> Result<Option<VaultState>, Trouble> {
        let opened = self.platform.keys().open_state(&state.sealed).await;
        let bytes = opened.map_err(|error| match error {
            KeysError::DoesNotOpen => Trouble::BadReply("the synced state does not open"),
            other => other.into(),
        })?;
        state_of(state.generation, &bytes)
    }

    /// Another browser wrote.
    pub(super) async fn on_state_written(&mut self, generation: u64) -> Result<(), Trouble> {
        // One that comes after what it tells of was read is no older state of the server's.
        if self.must_be_online().is_err() || generation <= self.synced.generation {
            return Ok(());
        }
        self.pull_synced(generation).await?;
        let rooms = self.rooms.iter();
        let behind = rooms.filter(|(id, room)| {
            let seen = self.synced.view(id);
            seen.is_some_and(|seen| seen.size > room.record.frontier.size())
        });
        let behind: Vec<ConversationId> = behind.map(|(id, _)| *id).collect();
        for id in behind {
            // That browser has it from this server.
            self.sync_room(id).await?;
            self.must_hold_synced_view(id).await?;
        }
        // What waited for a decision that was made there.
        self.flush_outbox().await
    }

    async fn take_over(&mut self, generation: u64, theirs: VaultState) -> Result<(), Trouble> {
        let blocked = self.blocked_people();
        let changed = self.merge_synced(generation, &theirs);
        self.synced.dirty = self.present_state() != theirs;
        self.synced.unsaved = true;
        self.flush().await?;
        for id in &changed {
            self.show_room(id);
        }
        if self.blocked_people() != blocked {
            self.blocked_changed().await?;
        }
        for (id, view) in theirs.views {
            self.must_hold_view(id, view).await?;
        }
        Ok(())
    }

    /// Reads a newer generation, if the server has one.
    pub(super) async fn pull_synced(&mut self, generation: u64) -> Result<(), Trouble> {
        if generation == self.synced.generation {
            return Ok(());
        }
        if generation < self.synced.generation {
            return self.refuse_rollback();
        }
        let state = self.platform.socket().request(&GetState).await?;
        self.take_state(&state).await
    }

    /// The server has an older generation than this browser has seen: nothing is read from it or written over it.
    fn refuse_rollback(&mut self) -> Result<(), Trouble> {
        if !std::mem::replace(&mut self.synced.rolled_back, true) {
            let failure = Failure::Server(ROLLED_BACK.into());
            (self.emit)(Event::Notice(Notice::Trouble(failure)));
        }
        Ok(())
    }

    /// Nothing is built on an older state.
    pub(super) fn must_not_be_rolled_back(&self) -> Result<(), Trouble> {
        if self.synced.rolled_back {
            return Err(Failure::Server(ROLLED_BACK.into()).into());
        }
        Ok(())
    }

    /// The newest generation that was seen, and the state as it is to follow it, in clear.
    pub(super) fn following_state(&mut self) -> (u64, Vec<u8>) {
        self.synced.state = self.present_state();
        let expected = self.synced.generation;
        (expected, stamped(expected + 1, &self.synced.state))
    }

    /// Writes what changed here, if anything did.
    pub(super) async fn push_synced(&mut self) -> Result<(), Trouble> {
        for _ in 0..ATTEMPTS {
            if !self.synced.dirty || self.synced.rolled_back {
                return Ok(());
            }
            let (expected, state) = self.following_state();
            let next = expected + 1;
            let sealed = Bytes(self.platform.keys().seal_state(&state).await?);
            let request = PutState { expected, sealed };
            match self.platform.socket().request(&request).await {
                Ok(written) if written.generation != next => {
                    return Err(Trouble::BadReply("the synced state got another number"));
                }
                Ok(_) => {
                    self.synced.written(next);
                    return self.flush().await;
                }
                Err(CallError::Refused(error)) if error.code == ErrorCode::StaleGeneration => {
                    self.pull_synced(u64::MAX).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The same right after a person has decided something: their other browsers, or new secrets, may come before the next
    /// tick, which tries again what fails now.
    pub(super) async fn push_decision(&mut self) {
        if self.must_be_online().is_ok() {
            // Boxed: it need not make each of these commands larger.
            let _ = Box::pin(self.push_synced()).await;
        }
    }

    /// Takes what only rooms know into the synced state: they are about to be dropped.
    pub(super) fn note_present_state(&mut self) {
        self.synced.state = self.present_state();
        self.synced.touch();
    }

    /// The synced state as this device has it.
    fn present_state(&self) -> VaultState {
        let mut state = self.synced.state.clone();
        state.pins = self
            .pins
            .iter()
            .map(|(user, record)| (*user, record.pin))
            .collect();
        for (id, room) in &self.rooms {
            let view = state
                .views
                .entry(*id)
                .or_insert_with(|| room.record.frontier.view());
            if view.size < room.record.frontier.size() {
                *view = room.record.frontier.view();
            }
            let read = state.read.entry(*id).or_default();
            *read = room.record.read.max(*read);
        }
        state
    }

    /// Takes over what is newer there; these conversations look different now.
    fn merge_synced(&mut self, generation: u64, theirs: &VaultState) -> BTreeSet<ConversationId> {
        let before = self.present_state();
        let merged = vault::merge(&before, theirs);
        self.synced.generation = generation;
        self.synced.state = merged.state.clone();
        for (user, pin) in &merged.state.pins {
            let mut record = match self.pins.get(user) {
                Some(record) => record.clone(),
                None => PinRecord::synced(*pin),
            };
            record.merge(*pin);
            self.keep_pin(*user, record);
        }
        for (name, holders) in &merged.state.names {
            for user in holders.keys() {
                if let Some(mut record) = self.pins.get(user).cloned() {
                    record.name.get_or_insert_with(|| name.clone());
                    self.keep_pin(*user, record);
                }
            }
        }
        for conflict in merged.conflicts {
            self.tell_conflict(conflict);
        }
        let mut changed = BTreeSet::new();
        for (id, room) in &mut self.rooms {
            let others = room.state.people.iter().any(|(user, person)| {
                let name = &person.identity.identity().name;
                before.pins.get(user) != merged.state.pins.get(user)
                    || before.names.get(name) != merged.state.names.get(name)
            });
            if others {
                changed.insert(*id);
            }
            let number = merged.state.read.get(id).copied().unwrap_or_default();
            if number > room.record.read && number + 1 >= room.record.frontier.size() {
                room.record.read = number;
                room.record.unread = 0;
                self.batch.push(room.put_record());
                changed.insert(*id);
            }
        }
        changed
    }

    /// Two browsers that contradict each other: the person has to know.
    fn tell_conflict(&mut self, conflict: Conflict) {
        let (user, name) = match conflict {
            Conflict::Pin { user, theirs, .. } => {
                let Some(mut record) = self.pins.get(&user).cloned() else {
                    return;
                };
                let conflict = Some((theirs.identity, theirs.version));
                if record.conflict == conflict {
                    return;
                }
                record.conflict = conflict;
                let name = record.display_name();
                self.keep_pin(user, record);
                (user, name)
            }
            Conflict::Name { name, theirs, .. } => (theirs, name.to_string()),
            // The room is stopped by the view itself.
            Conflict::View { .. } => return,
        };
        let failure = Failure::IdentityChanged(user, name);
        (self.emit)(Event::Notice(Notice::Trouble(failure)));
    }
}

/// What is sealed of a generation: its number with it, so that no older one can be passed off as it.
fn stamped(generation: u64, state: &VaultState) -> Vec<u8> {
    codec::encode(&(generation, state))
}

/// The state in what was sealed; `None` if that was another generation.
fn state_of(generation: u64, bytes: &[u8]) -> Result<Option<VaultState>, Trouble> {
    let (sealed_as, state): (u64, VaultState) =
        codec::decode(bytes).map_err(|_| Trouble::BadReply("the synced state is malformed"))?;
    Ok((sealed_as == generation).then_some(state))
}
