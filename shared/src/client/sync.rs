//! Catching up with the server's logs, and what comes in live.

use std::cmp::Reverse;

use super::api::{Connection, Event, Notice};
use super::heal::Moment;
use super::platform::{Platform, Socket, Store};
use super::room::Room;
use super::take::Arrival;
use super::trouble::Trouble;
use super::{Client, records};
use crate::ids::ConversationId;
use crate::log::tree::Frontier;
use crate::protocol::{
    ConversationHead, EntryAt, ErrorCode, GetEntries, GetPresence, ListConversations, MAX_PAGE,
    Resume,
};

impl<P: Platform> Client<P> {
    /// Continues the session, fetches what was missed, sends what waits.
    pub(super) async fn resume_and_catch_up(&mut self) -> Result<(), Trouble> {
        let token = self.me()?.token.clone();
        let resumed = self.platform.socket().request(&Resume { token }).await?;
        if resumed.user != self.me()?.user {
            return Err(Trouble::BadReply("the session is somebody else's"));
        }
        self.resumed = true;
        self.note_failed(resumed.failed);
        self.note_published(resumed.identity_version).await?;
        self.note_secrets(resumed.secrets).await?;
        self.catch_up(resumed.state_generation).await
    }

    /// Fetches what was missed on a signed-in socket.
    pub(super) async fn catch_up(&mut self, state_generation: u64) -> Result<(), Trouble> {
        self.pull_presence().await?;
        if self.me()?.is_outdated() {
            // What comes now may be for keys that are not here yet: it waits for the password.
            self.set_connection(Connection::Online);
            return Ok(());
        }
        self.pull_synced(state_generation).await?;
        self.ask_for_missing_keys().await?;
        let heads = self
            .platform
            .socket()
            .request(&ListConversations)
            .await?
            .conversations;
        let read = self.read_behind(&heads).await;
        let settled = self.settle().await;
        self.behind.clear();
        let dropped = self.drop_all_ahead().await;
        read.and(settled).and(dropped)?;
        // What the server no longer lists: one was dropped meanwhile; the entry that says so is still to be read, perhaps
        // with the invitation before it.
        let me = self.me()?.user;
        let missing: Vec<ConversationId> = self
            .rooms
            .iter()
            .filter(|(id, room)| {
                let is_in = room.me(&me).is_some() || !room.is_reached();
                is_in && !heads.iter().any(|head| head.id == **id)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in missing {
            self.sync_room(id).await?;
            self.give_all_back(id).await?;
        }
        self.check_unknown_answers().await?;
        self.renew_in_rooms().await?;
        if self.must_be_online().is_ok() {
            self.tend_all(Moment::CaughtUp).await?;
            self.flush_outbox().await?;
        }
        self.set_connection(Connection::Online);
        Ok(())
    }

    /// Compares every log, and reads those that have grown: that of the conversation which a page waits for first, then by
    /// when something last happened there. While one's last page is written the next one's first is fetched.
    async fn read_behind(&mut self, heads: &[ConversationHead]) -> Result<(), Trouble> {
        self.behind = heads.to_vec();
        let active = |head: &ConversationHead| {
            let room = self.rooms.get(&head.id);
            Reverse(room.map(|room| room.record.active))
        };
        self.behind.sort_by_cached_key(active);
        self.attended = None;
        loop {
            self.attend().await?;
            let Some(head) = self.behind.first().cloned() else {
                return Ok(());
            };
            if self.catch_up_with(&head).await? {
                self.settle_ahead(head.id).await?;
                self.behind.retain(|left| left.id != head.id);
            }
        }
    }

    /// Asks who is there.
    pub(super) async fn pull_presence(&mut self) -> Result<(), Trouble> {
        for presence in self.platform.socket().request(&GetPresence).await?.people {
            self.set_presence(presence);
        }
        Ok(())
    }

    /// An entry came in live.
    pub(super) async fn on_entry(
        &mut self,
        conversation: ConversationId,
        at: EntryAt,
    ) -> Result<(), Trouble> {
        if self.must_be_online().is_err() {
            return Ok(());
        }
        let size = self
            .rooms
            .get(&conversation)
            .map(|room| room.record.frontier.size());
        match size {
            Some(size) if at.number < size => {
                self.must_be_the_same(conversation, &at).await?;
                if at.number + 1 == size {
                    // Somebody has given back what it had lost.
                    self.note_server_lacks(&conversation, false);
                }
            }
            Some(size) if at.number == size => self.take_next(conversation, at, None).await?,
            Some(_) => self.sync_room(conversation).await?,
            None => {
                self.enter(conversation).await?;
                self.sync_room(conversation).await?;
                self.must_hold_synced_view(conversation).await?;
            }
        }
        self.open_awaited(conversation).await?;
        self.tend(conversation, Moment::Live).await?;
        self.flush_outbox().await
    }

    /// Takes the entry that comes next in a log, live, and writes it down.
    pub(super) async fn take_next(
        &mut self,
        conversation: ConversationId,
        at: EntryAt,
        fresh: Option<crate::crypto::epoch::EpochKey>,
    ) -> Result<(), Trouble> {
        let Some(mut room) = self.rooms.remove(&conversation) else {
            return Ok(());
        };
        let from = room.record.frontier.size();
        let taken = self.take(&mut room, at, Arrival::Live, fresh).await;
        self.put_back(room, taken).await?;
        self.must_hold_view_reached(conversation, from).await?;
        self.note_keys_in_force(conversation).await
    }

    /// Reads a log up to its end, or to where newer keys than this device's come into force: what follows waits for them.
    pub(super) async fn sync_room(&mut self, conversation: ConversationId) -> Result<(), Trouble> {
        let mut read = Ok(false);
        while let Ok(false) = read {
            // Boxed: it is awaited in many places, deep down.
            read = Box::pin(self.read_log(conversation)).await;
        }
        let settled = self.settle().await;
        read.map(drop).and(settled)
    }

    /// The same, but the last page may still be on its way to the disk. `false` where a page is left to be read after what
    /// somebody has come to wait for.
    async fn read_log(&mut self, conversation: ConversationId) -> Result<bool, Trouble> {
        loop {
            if self.is_wanted() {
                self.attend().await?;
                return Ok(false);
            }
            let Some(room) = self.rooms.get(&conversation) else {
                return Ok(true);
            };
            if room.record.broken.is_some() {
                return Ok(true);
            }
            let from = room.record.frontier.size();
            let request = GetEntries {
                conversation,
                from,
                limit: MAX_PAGE,
            };
            let page = match self.platform.socket().request(&request).await {
                Ok(page) => page,
                Err(error) if error.code() == Some(ErrorCode::NotFound) => {
                    self.note_server_lacks(&conversation, true);
                    return Ok(true);
                }
                Err(error) => return Err(error.into()),
            };
            self.note_server_lacks(&conversation, page.size < from);
            if page.entries.is_empty() {
                return Ok(true);
            }
            let Some(mut room) = self.rooms.remove(&conversation) else {
                return Ok(true);
            };
            let taken = self.take_page(&mut room, &page.entries).await;
            let is_all = room.record.frontier.size() >= page.size;
            let waits = self.newer_keys_in(&room).is_some();
            self.put_back_soon(room, taken).await?;
            self.must_hold_view_reached(conversation, from).await?;
            if waits {
                self.note_keys_in_force(conversation).await?;
            }
            if waits || is_all {
                return Ok(true);
            }
            self.platform.pause().await;
        }
    }

    /// Takes a page of entries, or as far as newer keys than this device's come into force, or until a page wants
    /// something else.
    async fn take_page(&mut self, room: &mut Room, entries: &[EntryAt]) -> Result<(), Trouble> {
        let mut looked_at = 0;
        for (index, at) in entries.iter().enumerate() {
            if index == looked_at {
                if index > 0 {
                    // What was read before is not kept from the page by what is slow to verify.
                    self.settle_if_written().await?;
                    if self.is_wanted() {
                        break;
                    }
                }
                looked_at += self.verify_ahead(room, &entries[index..]).await?;
            }
            self.take(room, at.clone(), Arrival::Late, None).await?;
            if self.newer_keys_in(room).is_some() {
                break;
            }
        }
        Ok(())
    }

    /// Puts a room back after entries were taken, writes what belongs together, shows it. After a failure all that taking
    /// entries changes is read again from the store, so that memory never runs ahead of the disk.
    pub(super) async fn put_back(
        &mut self,
        room: Room,
        taken: Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        self.put_back_soon(room, taken).await?;
        self.settle().await
    }

    /// The same, but what belongs together is only begun to be written: it is shown, or taken back, once that has
    /// [settled](Self::settle).
    async fn put_back_soon(
        &mut self,
        room: Room,
        taken: Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let id = room.id();
        let settled = self.settle().await;
        if let Err(trouble) = taken.and(settled) {
            self.forget_batch();
            self.reload(id).await?;
            return Err(trouble);
        }
        let me = self.me()?.user;
        let turned_down =
            room.record.invited.is_some() && !room.record.joined && room.me(&me).is_none();
        self.batch.push(room.put_record());
        self.rooms.insert(id, room);
        if turned_down {
            // An invitation that was declined or taken back, here or in another browser.
            if let Err(trouble) = self.flush().await {
                self.reload(id).await?;
                return Err(trouble);
            }
            return self.forget_room(id).await;
        }
        self.begin_flush(id);
        Ok(())
    }

    pub(super) async fn reload(&mut self, id: ConversationId) -> Result<(), Trouble> {
        use super::platform::Table;
        self.load_pins_and_outbox().await?;
        self.load_synced().await?;
        let store = self.platform.store();
        let record = store
            .get(Table::Conversations, &records::room_key(&id))
            .await?;
        let state = store
            .get(Table::Conversations, &records::state_key(&id))
            .await?;
        match (record, state) {
            (Some(record), Some(state)) => {
                let mut room = Room::new(super::decode_stored(&state)?, Frontier::default());
                room.record = super::decode_stored(&record)?;
                self.rooms.insert(id, room);
            }
            // It was about to be entered, which is to be done again as a whole.
            _ => drop(self.rooms.remove(&id)),
        }
        Ok(())
    }

    /// Reads one log; `false` where something else comes first.
    async fn catch_up_with(&mut self, head: &ConversationHead) -> Result<bool, Trouble> {
        if !self.rooms.contains_key(&head.id) {
            self.enter(head.id).await?;
        }
        let Some(room) = self.rooms.get(&head.id) else {
            return Ok(true);
        };
        if room.record.broken.is_some() {
            return Ok(true);
        }
        let own = room.record.frontier.view();
        if head.view.size > own.size {
            let is_read = self.read_log(head.id).await?;
            let room = self.rooms.get(&head.id);
            // What came since it was listed comes live.
            let is_reached = room.is_none_or(|room| room.record.frontier.size() >= head.view.size);
            if !is_read && !is_reached {
                return Ok(false);
            }
            self.open_awaited(head.id).await?;
        } else if head.view.size < own.size {
            self.answer_shorter_log(head.id, head.view).await?;
        } else if head.view.root != own.root {
            let reason = "The server has another history of this conversation than this device.";
            self.stop_room(head.id, reason, Some(own.root)).await?;
            return Ok(true);
        }
        self.must_hold_synced_view(head.id).await?;
        Ok(true)
    }

    /// What a failed catch-up means for session and page.
    pub(super) async fn after_sync_trouble(&mut self, trouble: &Trouble) {
        match trouble {
            // The engine connects again.
            Trouble::Offline => {}
            Trouble::Refused(error) if error.code == ErrorCode::SessionEnded => {
                let _ = self.on_session_ended().await;
            }
            other => {
                let failure = super::api::Failure::from(other.clone());
                (self.emit)(Event::Notice(Notice::Trouble(failure)));
                self.set_connection(Connection::Online);
            }
        }
    }
}
