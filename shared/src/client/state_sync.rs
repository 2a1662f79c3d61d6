//! The state that a user's browsers share: pins, verified marks, read marks, views. Sealed under K_state, written with
//! compare-and-swap of its generation, merged where two browsers wrote.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use super::api::{Event, Failure, Notice};
use super::platform::{CallError, Keys, Platform, Socket, Store, Table};
use super::records::{self, PinRecord};
use super::trouble::Trouble;
use super::{Client, decode_stored};
use crate::codec::{self, Bytes};
use crate::crypto::vault::{self, Conflict, VaultState};
use crate::ids::{ConversationId, UserId, UserName, View};
use crate::protocol::{ErrorCode, GetState, PutState, SealedState};

/// How often a write is tried again after another browser's.
const ATTEMPTS: usize = 4;

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
    /// As last read or written.
    #[n(2)]
    state: VaultState,
    /// The server was seen with an older generation; said once.
    #[n(3)]
    rolled_back: bool,
}

impl Synced {
    /// The record's bytes, to be sealed.
    pub(super) fn encoded(&self) -> Vec<u8> {
        codec::encode(&self.state)
    }

    /// Something has changed that other browsers should know.
    pub(super) fn touch(&mut self) {
        self.dirty = true;
    }

    /// Up to where a conversation was read in any browser.
    pub(super) fn read_mark(&self, conversation: &ConversationId) -> Option<u64> {
        self.state.read.get(conversation).copied()
    }

    /// The newest view of a conversation that any of the user's browsers verified.
    pub(super) fn view(&self, conversation: &ConversationId) -> Option<View> {
        self.state.views.get(conversation).copied()
    }

    /// Another user who is known by this name.
    pub(super) fn other_holder(&self, name: &UserName, user: &UserId) -> Option<UserId> {
        self.state
            .names
            .get(name)
            .copied()
            .filter(|holder| holder != user)
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
            self.synced = decode_stored(&bytes)?;
        }
        Ok(())
    }

    /// Takes over what was read at sign-in.
    pub(super) async fn adopt_synced(
        &mut self,
        generation: u64,
        bytes: &[u8],
    ) -> Result<(), Trouble> {
        let state: VaultState =
            codec::decode(bytes).map_err(|_| Trouble::BadReply("the synced state is malformed"))?;
        self.merge_synced(generation, state);
        self.synced.dirty = false;
        self.keep_synced();
        self.flush().await
    }

    /// Reads a newer generation, if the server has one.
    pub(super) async fn pull_synced(&mut self, generation: u64) -> Result<(), Trouble> {
        if generation == self.synced.generation {
            return Ok(());
        }
        if generation < self.synced.generation {
            return self.refuse_rollback();
        }
        let SealedState { generation, sealed } = self.platform.socket().request(&GetState).await?;
        if generation < self.synced.generation {
            return self.refuse_rollback();
        }
        let bytes = self.platform.keys().open_state(&sealed).await?;
        let dirty = self.synced.dirty;
        self.adopt_synced(generation, &bytes).await?;
        self.synced.dirty |= dirty;
        Ok(())
    }

    /// The server has an older generation than this browser has seen: nothing is read from it or written over it.
    fn refuse_rollback(&mut self) -> Result<(), Trouble> {
        if !std::mem::replace(&mut self.synced.rolled_back, true) {
            let text = "its copy of your contacts is older than this browser's";
            (self.emit)(Event::Notice(Notice::Trouble(Failure::Server(text.into()))));
        }
        Ok(())
    }

    /// Writes what changed here, if anything did.
    pub(super) async fn push_synced(&mut self) -> Result<(), Trouble> {
        for _ in 0..ATTEMPTS {
            if !self.synced.dirty || self.synced.rolled_back {
                return Ok(());
            }
            self.synced.state = self.present_state();
            let sealed = self
                .platform
                .keys()
                .seal_state(&self.synced.encoded())
                .await?;
            let request = PutState {
                expected: self.synced.generation,
                sealed: Bytes(sealed),
            };
            match self.platform.socket().request(&request).await {
                Ok(written) => {
                    self.synced.generation = written.generation;
                    self.synced.dirty = false;
                    self.keep_synced();
                    return self.flush().await;
                }
                Err(CallError::Refused(error)) if error.code == ErrorCode::StaleGeneration => {
                    self.pull_synced(u64::MAX).await?;
                    self.synced.dirty = true;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The synced state as this device has it.
    fn present_state(&self) -> VaultState {
        let mut state = self.synced.state.clone();
        state.pins = self
            .pins
            .iter()
            .map(|(user, record)| (*user, record.pin))
            .collect();
        for (user, record) in &self.pins {
            if let Some(name) = &record.name {
                state.names.entry(name.clone()).or_insert(*user);
            }
        }
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

    fn merge_synced(&mut self, generation: u64, theirs: VaultState) {
        let merged = vault::merge(&self.present_state(), &theirs);
        self.synced.generation = generation;
        let names: BTreeMap<UserId, UserName> = merged
            .state
            .names
            .iter()
            .map(|(name, user)| (*user, name.clone()))
            .collect();
        for (user, pin) in &merged.state.pins {
            let mut record = match self.pins.get(user) {
                Some(record) => record.clone(),
                None => PinRecord {
                    name: None,
                    pin: *pin,
                    earlier: Vec::new(),
                    conflict: None,
                },
            };
            if record.name.is_none() {
                record.name = names.get(user).cloned();
            }
            if record.pin.identity != pin.identity && record.pin.resets == pin.resets {
                record.earlier.push(record.pin.identity);
            }
            record.pin = *pin;
            self.keep_pin(*user, record);
        }
        for conflict in &merged.conflicts {
            if let Conflict::Pin { user, theirs, .. } = conflict
                && let Some(mut record) = self.pins.get(user).cloned()
            {
                record.conflict = Some((theirs.identity, theirs.version));
                self.keep_pin(*user, record);
            }
        }
        let marks: Vec<_> = merged
            .state
            .read
            .iter()
            .map(|(id, number)| (*id, *number))
            .collect();
        for (id, number) in marks {
            if let Some(room) = self.rooms.get_mut(&id)
                && number > room.record.read
                && number + 1 >= room.record.frontier.size()
            {
                room.record.read = number;
                room.record.unread = 0;
                let write = room.put_record();
                self.batch.push(write);
            }
        }
        self.synced.state = merged.state;
    }

    fn keep_synced(&mut self) {
        let write = records::put(Table::Meta, records::SYNCED.to_vec(), &self.synced);
        self.batch.push(write);
    }
}
