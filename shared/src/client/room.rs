//! A conversation in memory.

use std::collections::{BTreeMap, BTreeSet};

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
    /// What the server gave as shared history was false: it is asked again at the next connection.
    pub(super) history_refused: bool,
    /// The server's log is shorter than this one: nothing can be written until it has got back what it lost.
    pub(super) server_lacks: bool,
}

impl Room {
    /// A room at the anchor from which its entries will be read.
    pub(super) fn new(state: LogState, frontier: Frontier) -> Self {
        let view = frontier.view();
        let record = RoomRecord {
            anchor: frontier.size(),
            frontier,
            // What may be shared from before is no news.
            read: view.size.saturating_sub(1),
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
            anchor_root: view.root,
            missing: BTreeMap::new(),
            to_open: BTreeSet::new(),
            shown: BTreeMap::new(),
        };
        Self {
            state,
            record,
            keys: BTreeMap::new(),
            history_refused: false,
            server_lacks: false,
        }
    }

    pub(super) fn id(&self) -> ConversationId {
        self.state.conversation
    }

    pub(super) fn me(&self, user: &UserId) -> Option<&Person> {
        self.state.people.get(user)
    }

    /// Whether one's own invitation (or, for its creator, the beginning) has been read: before that, there is nothing to
    /// show.
    pub(super) fn is_reached(&self) -> bool {
        self.record.joined || self.record.invited.is_some()
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
                    history_refused: false,
                    server_lacks: false,
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
        if size == room.record.anchor {
            return Ok(Some(room.record.anchor_root));
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
        if let Some(write) = newest_first.find(|write| write.table == table && write.key == key) {
            return Ok(write.value.clone());
        }
        match self.looked_up.get(&(table, key.to_vec())) {
            Some(value) => Ok(value.clone()),
            None => Ok(self.platform.store().get(table, key).await?),
        }
    }

    /// What the store holds under keys that will be [read](Self::read) one by one, asked for at once.
    pub(super) async fn read_many(
        &self,
        table: Table,
        keys: Vec<Vec<u8>>,
    ) -> Result<impl Iterator<Item = ((Table, Vec<u8>), Option<Vec<u8>>)> + use<P>, Trouble> {
        let values = self.platform.store().get_many(table, &keys).await?;
        Ok(keys.into_iter().map(move |key| (table, key)).zip(values))
    }

    /// The key of an epoch that this user may read; `None` where it is missing, which is remembered.
    pub(super) async fn epoch_key(
        &mut self,
        room: &mut Room,
        epoch: Epoch,
    ) -> Result<Option<EpochKey>, Trouble> {
        if let Some(key) = room.keys.get(&epoch) {
            return Ok(Some(key.clone()));
        }
        let store_key = records::epoch_key(&room.id(), epoch);
        if let Some(bytes) = self.read(Table::Epochs, &store_key).await? {
            let key = EpochKey::from_slice(&bytes).ok_or_else(super::damaged)?;
            room.keys.insert(epoch, key.clone());
            return Ok(Some(key));
        }
        let is_missing = room.record.missing.contains_key(&epoch);
        if is_missing || !room.state.may_read(&self.me()?.user, epoch) {
            return Ok(None);
        }
        self.ask_for_key(room, epoch).await
    }

    /// Asks the server for this user's wrap of an epoch key; `None` if it has none that opens to the key committed to.
    pub(super) async fn ask_for_key(
        &mut self,
        room: &mut Room,
        epoch: Epoch,
    ) -> Result<Option<EpochKey>, Trouble> {
        let conversation = room.id();
        let request = GetWrap {
            conversation,
            epoch,
        };
        let key = match self.platform.socket().request(&request).await {
            Ok(wrapped) => self.unwrapped(room, epoch, &wrapped).await?,
            Err(error) if error.code() == Some(ErrorCode::NotFound) => None,
            Err(error) => return Err(error.into()),
        };
        match &key {
            Some(key) => self.keep_epoch_key(room, epoch, key.clone()),
            None => {
                room.record.missing.entry(epoch).or_default();
            }
        }
        Ok(key)
    }

    /// The key in a wrap that somebody made for this user's identity version `version`, if it is the epoch's.
    pub(super) async fn unwrap_epoch_key(
        &self,
        room: &Room,
        epoch: Epoch,
        version: u32,
        wrap: &[u8],
        label: &[u8],
    ) -> Result<Option<EpochKey>, Trouble> {
        let Some(record) = room.state.epoch_record(epoch) else {
            return Ok(None);
        };
        match self.platform.keys().unwrap(version, wrap, label).await {
            Ok(key) => {
                let context = room.state.epoch_context(record);
                Ok(record.commitment.matches(&key, &context).then_some(key))
            }
            // Made wrong, or for a version of one's identity that this device has not got yet.
            Err(KeysError::DoesNotOpen | KeysError::Missing) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps an epoch key in memory and, with the batch, in the store. What waited for it is opened later.
    pub(super) fn keep_epoch_key(&mut self, room: &mut Room, epoch: Epoch, key: EpochKey) {
        self.batch
            .push(records::put_epoch_key(&room.id(), epoch, &key));
        room.keys.insert(epoch, key);
        if room.record.missing.remove(&epoch).is_some() {
            room.record.to_open.insert(epoch);
        }
    }

    /// The key in a wrap as the server gives it: under the root of the epoch's announcement, or of a share.
    async fn unwrapped(
        &self,
        room: &Room,
        epoch: Epoch,
        wrapped: &WrapFor,
    ) -> Result<Option<EpochKey>, Trouble> {
        let me = self.me()?.user;
        let state = &room.state;
        let WrapFor { wrap, index, proof } = wrapped;
        let Some(record) = state.epoch_record(epoch) else {
            return Ok(None);
        };
        let context = state.epoch_context(record);
        if let Some(reading) = state.reading(&me, epoch)
            && verify_inclusion(&record.wraps, record.readers, *index, wrap, proof)
        {
            let label = context.wrap_label(&reading.identity);
            return self
                .unwrap_epoch_key(room, epoch, reading.version, wrap, &label)
                .await;
        }
        for share in state.shares.iter().rev().filter(|share| share.user == me) {
            let Ok(place) = share.epochs.binary_search(&epoch) else {
                continue;
            };
            let (size, place) = (share.epochs.len() as u64, place as u64);
            if verify_inclusion(&share.wraps, size, place, wrap, proof) {
                let label = context.shared_wrap_label(&share.identity);
                return self
                    .unwrap_epoch_key(room, epoch, share.version, wrap, &label)
                    .await;
            }
        }
        Ok(None)
    }
}
