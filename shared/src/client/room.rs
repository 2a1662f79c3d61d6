//! A conversation in memory.

use std::collections::BTreeMap;

use super::platform::{Keys, KeysError, Platform, Socket, Store, Table, Write};
use super::records::{self, RoomRecord};
use super::trouble::Trouble;
use super::{Client, decode_stored};
use crate::crypto::epoch::EpochKey;
use crate::ids::{ConversationId, Epoch, Root, Timestamp, UserId};
use crate::log::tree::{Frontier, verify_inclusion};
use crate::log::{LogState, Person};
use crate::protocol::{ErrorCode, GetWrap, WrapFor};

/// How many roots are kept at hand for comparing views; older ones are in the entries' records.
const ROOTS: usize = 32;

/// A conversation: its judged state, and what this device keeps beside it.
pub(super) struct Room {
    pub(super) state: LogState,
    pub(super) record: RoomRecord,
    /// Epoch keys that were used since the start.
    pub(super) keys: BTreeMap<Epoch, EpochKey>,
}

impl Room {
    /// A room at the anchor from which its entries will be read.
    pub(super) fn new(state: LogState, frontier: Frontier) -> Self {
        let view = frontier.view();
        let record = RoomRecord {
            anchor: frontier.size(),
            frontier,
            read: 0,
            unread: 0,
            last: None,
            active: Timestamp(0),
            broken: None,
            draft: String::new(),
            title: String::new(),
            epoch_time: Timestamp(0),
            invited: None,
            roots: vec![(view.size, view.root)],
            joined: false,
        };
        Self {
            state,
            record,
            keys: BTreeMap::new(),
        }
    }

    pub(super) fn id(&self) -> ConversationId {
        self.state.conversation
    }

    pub(super) fn me(&self, user: &UserId) -> Option<&Person> {
        self.state.people.get(user)
    }

    /// Remembers the root after the entry just appended.
    pub(super) fn note_root(&mut self) {
        let view = self.record.frontier.view();
        self.record.roots.push((view.size, view.root));
        if self.record.roots.len() > 2 * ROOTS {
            self.record.roots.drain(..ROOTS);
        }
    }

    /// The root at a size, if it is at hand.
    pub(super) fn root_at(&self, size: u64) -> Option<Root> {
        let newest = self.record.roots.iter().rev();
        newest
            .take_while(|(at, _)| *at >= size)
            .find(|(at, _)| *at == size)
            .map(|(_, root)| *root)
    }

    /// The write of everything but the state.
    pub(super) fn put_record(&self) -> Write {
        records::put(
            Table::Conversations,
            records::room_key(&self.id()),
            &self.record,
        )
    }
}

impl<P: Platform> Client<P> {
    /// Loads every room.
    pub(super) async fn load_rooms(&mut self) -> Result<(), Trouble> {
        let mut state = None;
        // A room's record comes right before its state, whose key it is the prefix of.
        for (key, bytes) in self.scan_all(Table::Conversations).await?.into_iter().rev() {
            if key.len() > ConversationId::LEN {
                state = Some(decode_stored::<LogState>(&bytes)?);
                continue;
            }
            let record: RoomRecord = decode_stored(&bytes)?;
            let state = state.take().ok_or_else(super::damaged)?;
            if state.conversation.0[..] != key[..] {
                return Err(super::damaged());
            }
            self.rooms.insert(
                state.conversation,
                Room {
                    state,
                    record,
                    keys: BTreeMap::new(),
                },
            );
        }
        Ok(())
    }

    /// The root at any size since the anchor: from memory, else from the entry's record.
    pub(super) async fn root_at(&self, room: &Room, size: u64) -> Result<Option<Root>, Trouble> {
        if let Some(root) = room.root_at(size) {
            return Ok(Some(root));
        }
        let Some(number) = size.checked_sub(1) else {
            return Ok(None);
        };
        let key = records::entry_key(&room.id(), number);
        let stored = self.read(Table::Entries, &key).await?;
        let Some(bytes) = stored else { return Ok(None) };
        Ok(Some(decode_stored::<records::EntryRecord>(&bytes)?.root))
    }

    /// A record as it will be once the batch is written.
    pub(super) async fn read(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Trouble> {
        let mut newest_first = self.batch.iter().rev();
        match newest_first.find(|write| write.table == table && write.key == key) {
            Some(write) => Ok(write.value.clone()),
            None => Ok(self.platform.store().get(table, key).await?),
        }
    }

    /// The key of an epoch that this user may read; `None` if the server's wrap does not open to it.
    pub(super) async fn epoch_key(
        &mut self,
        room: &mut Room,
        epoch: Epoch,
    ) -> Result<Option<EpochKey>, Trouble> {
        if let Some(key) = room.keys.get(&epoch) {
            return Ok(Some(key.clone()));
        }
        let conversation = room.id();
        let store_key = records::epoch_key(&conversation, epoch);
        if let Some(bytes) = self.read(Table::Epochs, &store_key).await? {
            let key = EpochKey::from_slice(&bytes).ok_or_else(super::damaged)?;
            room.keys.insert(epoch, key.clone());
            return Ok(Some(key));
        }
        let me = self.me()?.user;
        let (Some(record), Some(reading)) = (
            room.state.epoch_record(epoch),
            room.state.reading(&me, epoch),
        ) else {
            return Ok(None);
        };
        let wrapped = match self
            .platform
            .socket()
            .request(&GetWrap {
                conversation,
                epoch,
            })
            .await
        {
            Ok(wrapped) => wrapped,
            Err(error) if error.code() == Some(ErrorCode::NotFound) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let WrapFor { wrap, index, proof } = wrapped;
        if !verify_inclusion(&record.wraps, record.readers, index, &wrap, &proof) {
            return Ok(None);
        }
        let context = room.state.epoch_context(record);
        let label = context.wrap_label(&reading.identity);
        let key = match self
            .platform
            .keys()
            .unwrap(reading.version, &wrap, &label)
            .await
        {
            Ok(key) => key,
            Err(KeysError::DoesNotOpen) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if !record.commitment.matches(&key, &context) {
            return Ok(None);
        }
        self.keep_epoch_key(room, epoch, key.clone());
        Ok(Some(key))
    }

    /// Keeps an epoch key in memory and, with the batch, in the store.
    pub(super) fn keep_epoch_key(&mut self, room: &mut Room, epoch: Epoch, key: EpochKey) {
        self.batch
            .push(records::put_epoch_key(&room.id(), epoch, &key));
        room.keys.insert(epoch, key);
    }
}
