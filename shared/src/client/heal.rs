//! Keys that did not come or do not open, one's own and others': a fault says so in the log, any member answers it with
//! a rewrap, and what waited for the key is opened.

use super::Client;
use super::api::{Event, Failure, Notice};
use super::intent::Intent;
use super::platform::{Keys, Platform, Table};
use super::records;
use super::room::Room;
use super::trouble::Trouble;
use crate::codec::Bytes;
use crate::crypto::identity::SignedIdentity;
use crate::crypto::random;
use crate::ids::{ConversationId, Epoch, IdentityHash, UserId};
use crate::log::act::Rewrap;
use crate::log::{Entry, LogState, Mode};
use crate::protocol::ErrorCode;

/// How many faults about one epoch a device writes: somebody who answers with rubbish must not keep it busy.
const MAX_FAULTS: u32 = 3;
/// Where nobody is called on to answer a fault, so many are expected to at once.
const EXPECTED_ANSWERS: u64 = 4;

/// When a conversation is tended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// An entry just came.
    Live,
    /// Everything was caught up with.
    CaughtUp,
    /// Some seconds have passed.
    Tick,
}

impl<P: Platform> Client<P> {
    /// Does in every conversation what taking entries has left to do.
    pub(super) async fn tend_all(&mut self, moment: Moment) -> Result<(), Trouble> {
        let ids: Vec<ConversationId> = self.rooms.keys().copied().collect();
        for id in ids {
            self.tend(id, moment).await?;
        }
        Ok(())
    }

    /// Does in a conversation what taking entries has left to do: opens what its keys came late for, says which keys
    /// are missing, answers those who miss one.
    pub(super) async fn tend(&mut self, id: ConversationId, moment: Moment) -> Result<(), Trouble> {
        let is_left_alone = |room: &Room| {
            let record = &room.record;
            let nothing = record.missing.is_empty() && record.to_open.is_empty();
            let is_healthy = nothing && room.state.faults.is_empty();
            is_healthy || record.broken.is_some() || self.is_hidden(room)
        };
        if self.rooms.get(&id).is_none_or(is_left_alone) {
            return Ok(());
        }
        if moment == Moment::CaughtUp {
            self.ask_again(id).await?;
            if let Some(room) = self.rooms.get_mut(&id) {
                room.history_refused = false;
            }
        }
        self.open_late(id).await?;
        let tended = match self.report_missing(id).await {
            Ok(()) => self.answer_faults(id, moment).await,
            trouble => trouble,
        };
        match tended {
            // Somebody's changed identity has to be decided about first, or the right to it has gone.
            Err(Trouble::Tell(_)) => Ok(()),
            Err(Trouble::Refused(error)) if error.code != ErrorCode::SessionEnded => Ok(()),
            tended => tended,
        }
    }

    /// Whether the current epoch's key is on this device, or comes when it is asked for.
    pub(super) async fn has_current_key(&mut self, id: ConversationId) -> Result<bool, Trouble> {
        let Some(mut room) = self.rooms.remove(&id) else {
            return Err(Failure::NotAllowed.into());
        };
        let key = match room.state.epoch().map(|current| current.epoch) {
            Some(epoch) => self.epoch_key(&mut room, epoch).await,
            None => Ok(None),
        };
        self.rooms.insert(id, room);
        let has_it = key?.is_some();
        self.flush().await?;
        Ok(has_it)
    }

    /// Whether the title could not be opened yet, another member can hand its key, and a fresh epoch by this user would
    /// lose it for everybody.
    pub(super) fn title_is_coming(&self, room: &Room) -> bool {
        let (Mode::EndToEnd, Some(title)) = (&room.state.mode, &room.state.title) else {
            return false;
        };
        let me = self.account.as_ref().map(|account| account.user);
        let can_hand_it = |user: &UserId| {
            let misses_it = room.state.faults.contains(&(*user, title.epoch));
            Some(*user) != me && room.state.may_read(user, title.epoch) && !misses_it
        };
        let told = room.record.missing.get(&title.epoch);
        told.is_some_and(|faults| *faults < MAX_FAULTS)
            && room.state.accepted().any(|(user, _)| can_hand_it(user))
    }

    /// Somebody handed an epoch's key again.
    pub(super) async fn take_rewrap(
        &mut self,
        room: &mut Room,
        rewrap: &Rewrap,
    ) -> Result<(), Trouble> {
        let Rewrap { user, epoch, wrap } = rewrap;
        let is_known = room.keys.contains_key(epoch);
        let (Some(record), Some((identity, version)), false) = (
            room.state.epoch_record(*epoch),
            room.state.wrapped_for(user, *epoch),
            is_known,
        ) else {
            return Ok(());
        };
        let label = room.state.epoch_context(record).wrap_label(&identity);
        let key = self
            .unwrap_epoch_key(room, *epoch, version, wrap, &label)
            .await?;
        if let Some(key) = key {
            self.keep_epoch_key(room, *epoch, key);
        }
        Ok(())
    }

    /// A wrap of an epoch's key for somebody whose own does not open.
    pub(super) async fn rewrap(
        &self,
        state: &LogState,
        user: UserId,
        epoch: Epoch,
    ) -> Result<Rewrap, Trouble> {
        let not_allowed = || Trouble::Tell(Failure::NotAllowed);
        let record = state.epoch_record(epoch).ok_or_else(not_allowed)?;
        let (identity, _) = state.wrapped_for(&user, epoch).ok_or_else(not_allowed)?;
        let reader = self.reader_with(state, &user, &identity).await?;
        let reader = reader.ok_or_else(not_allowed)?;
        let key = self.known_key(&state.conversation, epoch).await?;
        let key = key.ok_or(Failure::KeyMissing)?;
        let label = state.epoch_context(record).wrap_label(&identity);
        let spki = &reader.identity().encryption;
        let wrap = Bytes(self.platform.keys().wrap(spki, &key, &label).await?);
        Ok(Rewrap { user, epoch, wrap })
    }

    /// A reader's identity of then: one that leads to the one in force, and that was not given up by its person. What
    /// lies between need not have been in force here: whoever was out renewed it elsewhere.
    async fn reader_with(
        &self,
        state: &LogState,
        user: &UserId,
        hash: &IdentityHash,
    ) -> Result<Option<SignedIdentity>, Trouble> {
        let pin = self.pins.get(user);
        let is_held = pin.is_some_and(|pin| pin.holds(hash));
        if !is_held && pin.is_some_and(|pin| pin.pin.resets > 0) {
            return Ok(None);
        }
        let mut at = state.people.get(user).map(|person| person.identity.clone());
        while let Some(identity) = at {
            if identity.hash() == *hash {
                return Ok(Some(identity));
            }
            at = match identity.identity().previous {
                Some(previous) => self.identity_in(state, &previous).await?,
                None => None,
            };
        }
        let me = self.account.as_ref().filter(|me| me.user == *user);
        let is_mine = me.is_some_and(|me| me.versions().any(|signed| signed.hash() == *hash));
        match (is_held || is_mine) && state.people.contains_key(user) {
            true => self.identity_in(state, hash).await,
            false => Ok(None),
        }
    }

    /// Asks once more for every key that is missing: one's own newer keys may have come, which open it before what
    /// follows is read.
    pub(super) async fn ask_for_missing_keys(&mut self) -> Result<(), Trouble> {
        let rooms = self.rooms.iter();
        let waits = |room: &Room| !room.record.missing.is_empty() && room.record.broken.is_none();
        let waiting = rooms.filter(|(_, room)| waits(room));
        let waiting: Vec<ConversationId> = waiting.map(|(id, _)| *id).collect();
        for id in waiting {
            self.ask_again(id).await?;
        }
        Ok(())
    }

    /// Asks the server once more for keys that it did not have, or had wrong.
    async fn ask_again(&mut self, id: ConversationId) -> Result<(), Trouble> {
        let Some(mut room) = self.rooms.remove(&id) else {
            return Ok(());
        };
        let missing: Vec<Epoch> = room.record.missing.keys().copied().collect();
        let mut asked = Ok(());
        for epoch in missing {
            asked = self.ask_for_key(&mut room, epoch).await.map(|_| ());
            if asked.is_err() {
                break;
            }
        }
        self.put_back(room, asked).await
    }

    /// Opens what waited for keys that have come. What lies before this device's anchor is loaded first.
    async fn open_late(&mut self, id: ConversationId) -> Result<(), Trouble> {
        self.load_before(id).await?;
        let Some(room) = self.rooms.get(&id) else {
            return Ok(());
        };
        let anchor = room.record.anchor;
        let is_here = |epoch: &Epoch| {
            let record = room.state.epoch_record(*epoch);
            record.is_none_or(|record| record.number >= anchor)
        };
        let epochs = room.record.to_open.iter().copied().filter(is_here);
        let epochs: Vec<Epoch> = epochs.collect();
        if epochs.is_empty() {
            return Ok(());
        }
        let Some(mut room) = self.rooms.remove(&id) else {
            return Ok(());
        };
        let opened = self.open_late_in(&mut room, &epochs).await;
        self.put_back(room, opened).await
    }

    async fn open_late_in(&mut self, room: &mut Room, epochs: &[Epoch]) -> Result<(), Trouble> {
        for epoch in epochs {
            self.open_waiting(room, *epoch).await?;
            room.record.to_open.remove(epoch);
        }
        self.open_room_title(room).await
    }

    /// Loads the history before this device's anchor whose keys have come.
    async fn load_before(&mut self, id: ConversationId) -> Result<(), Trouble> {
        let Some(room) = self.rooms.get(&id) else {
            return Ok(());
        };
        let epochs = room.record.to_open.iter();
        let records = epochs.filter_map(|epoch| room.state.epoch_record(*epoch));
        let from = records.map(|record| record.number).min();
        let Some(from) = from.filter(|from| *from < room.record.anchor) else {
            return Ok(());
        };
        if room.history_refused {
            return Ok(());
        }
        match self.load_shared(id, from).await {
            Err(Trouble::Refused(error)) if error.code == ErrorCode::TooMany => Ok(()),
            Err(trouble @ (Trouble::BadReply(_) | Trouble::Refused(_))) => {
                // Nothing of the present is touched by it.
                (self.emit)(Event::Notice(Notice::Trouble(trouble.into())));
                if let Some(room) = self.rooms.get_mut(&id) {
                    room.history_refused = true;
                }
                Ok(())
            }
            loaded => loaded,
        }
    }

    /// Says in the log which of one's keys are missing.
    async fn report_missing(&mut self, id: ConversationId) -> Result<(), Trouble> {
        let me = self.me()?.user;
        let Some(room) = self.rooms.get(&id) else {
            return Ok(());
        };
        let missing = room.record.missing.iter();
        let untold: Vec<Epoch> = missing
            .filter(|(_, faults)| **faults < MAX_FAULTS)
            .map(|(epoch, _)| *epoch)
            .filter(|epoch| !room.state.faults.contains(&(me, *epoch)))
            .collect();
        if room.me(&me).is_none() {
            return Ok(());
        }
        for epoch in untold {
            self.author(id, Intent::Fault(epoch)).await?;
            let Some(room) = self.rooms.get_mut(&id) else {
                return Ok(());
            };
            if let Some(faults) = room.record.missing.get_mut(&epoch) {
                *faults += 1;
            }
            let write = room.put_record();
            self.batch.push(write);
            self.flush().await?;
        }
        Ok(())
    }

    /// Hands keys to those who said that theirs are missing. Whoever made the key does it at once; the others in their
    /// turn, so that a large group does not answer as one.
    async fn answer_faults(&mut self, id: ConversationId, moment: Moment) -> Result<(), Trouble> {
        let me = self.me()?.user;
        let Some(room) = self.rooms.get(&id) else {
            return Ok(());
        };
        let is_news = room.state.last_number + 1 == room.record.frontier.size();
        if !room.state.is_accepted(&me) || (moment == Moment::Live && !is_news) {
            return Ok(());
        }
        let faults: Vec<(UserId, Epoch)> = room.state.faults.iter().copied().collect();
        for (user, epoch) in faults {
            let is_mine = match moment {
                Moment::Live | Moment::CaughtUp => {
                    user == me || self.has_announced(id, epoch).await?
                }
                Moment::Tick => self.is_chosen(id),
            };
            if is_mine && self.can_answer(id, &user, epoch).await? {
                self.author(id, Intent::Rewrap(user, epoch)).await?;
            }
        }
        Ok(())
    }

    /// Whether this user made an epoch.
    async fn has_announced(&self, id: ConversationId, epoch: Epoch) -> Result<bool, Trouble> {
        let record = self
            .rooms
            .get(&id)
            .and_then(|room| room.state.epoch_record(epoch));
        let Some(record) = record else {
            return Ok(false);
        };
        let key = records::entry_key(&id, record.number);
        let Some(bytes) = self.read(Table::Log, &key).await? else {
            return Ok(false);
        };
        let entry = Entry::parse(&bytes).map_err(|_| super::damaged())?;
        Ok(entry.sender() == Some(self.me()?.user))
    }

    /// Whether it is this device's turn, by chance.
    fn is_chosen(&self, id: ConversationId) -> bool {
        let room = self.rooms.get(&id);
        let members = room.map_or(0, |room| room.state.accepted().count() as u64);
        let one_in = members / EXPECTED_ANSWERS + 1;
        u64::from_be_bytes(random::bytes()) % one_in == 0
    }

    /// Whether somebody still waits for an epoch's key, and it can be handed to them from here.
    async fn can_answer(
        &mut self,
        id: ConversationId,
        user: &UserId,
        epoch: Epoch,
    ) -> Result<bool, Trouble> {
        let Some(mut room) = self.rooms.remove(&id) else {
            return Ok(false);
        };
        let waits = room.state.faults.contains(&(*user, epoch));
        let key = self.epoch_key(&mut room, epoch).await;
        let reader = match room.state.wrapped_for(user, epoch) {
            Some((identity, _)) => self.reader_with(&room.state, user, &identity).await,
            None => Ok(None),
        };
        self.rooms.insert(id, room);
        Ok(waits && key?.is_some() && reader?.is_some())
    }
}
