//! Messages on their way: kept until a definite answer, sent again as the same bytes, signed anew only when the
//! verified log holds the epoch that made the old bytes void.

use super::Client;
use super::api::{Answer, Event, Failure, Message, MessageState, Row, RowBody, RowKey, Standing};
use super::intent::Intent;
use super::platform::{CallError, Keys, Platform, Socket, Table};
use super::records::{self, OutgoingRecord};
use super::room::Room;
use super::take::{last_line, usable_epoch};
use super::trouble::Trouble;
use crate::codec::{self, Bytes};
use crate::crypto::message::{self, Content, Inner, MAX_TEXT};
use crate::crypto::random;
use crate::ids::{ConversationId, MessageId, Salt};
use crate::log::entry::assemble_message;
use crate::log::{Entry, MessageHeader, Mode};
use crate::protocol::{Append, EntryAt, ErrorCode, Stored};

/// After this long or so many entries the next writer makes a fresh epoch.
const EPOCH_MILLIS: u64 = 7 * 24 * 3600 * 1000;
const EPOCH_ENTRIES: u64 = 10_000;

/// How often a message is signed anew before it waits for the next tick.
const ATTEMPTS: usize = 8;

impl<P: Platform> Client<P> {
    pub(super) async fn send(
        &mut self,
        conversation: ConversationId,
        id: MessageId,
        text: String,
    ) -> Result<Answer, Trouble> {
        let room = self.rooms.get(&conversation).ok_or(Failure::NotAllowed)?;
        if self.standing(room) != Standing::Member {
            return Err(Failure::NotAllowed.into());
        }
        if text.len() > MAX_TEXT || text.trim().is_empty() {
            return Err(Failure::TooLarge.into());
        }
        if self
            .outbox
            .values()
            .any(|waiting| waiting.conversation == conversation && waiting.id == id)
        {
            return Ok(Answer::Nothing);
        }
        let me = self.me()?.user;
        let known = records::message_key(&conversation, &me, &id);
        if self.read(Table::Entries, &known).await?.is_some() {
            return Ok(Answer::Nothing);
        }
        let place = self
            .outbox
            .last_key_value()
            .map_or(1, |(place, _)| place + 1);
        let time = self.platform.now();
        let waiting = OutgoingRecord {
            conversation,
            id,
            text,
            time,
            entry: None,
            epoch: None,
            failed: None,
        };
        // What was a draft is a message from here on, in one write.
        let mut draft = String::new();
        if let Some(room) = self.rooms.get_mut(&conversation) {
            draft = std::mem::take(&mut room.record.draft);
            let write = room.put_record();
            self.batch.push(write);
        }
        if let Err(trouble) = self.keep_waiting(place, waiting).await {
            if let Some(room) = self.rooms.get_mut(&conversation) {
                room.record.draft = draft;
            }
            return Err(trouble);
        }
        self.show_room(&conversation);
        if self.must_be_online().is_ok() {
            // It is safely kept; what goes wrong from here on is told by its row and tried again.
            if let Err(trouble) = self.flush_outbox().await {
                self.after_sync_trouble(&trouble).await;
            }
        }
        Ok(Answer::Nothing)
    }

    pub(super) async fn retry(
        &mut self,
        conversation: ConversationId,
        id: MessageId,
    ) -> Result<Answer, Trouble> {
        let place = self
            .place_of(&conversation, &id)
            .ok_or(Failure::WrongState)?;
        let Some(mut waiting) = self.outbox.get(&place).cloned() else {
            return Err(Failure::WrongState.into());
        };
        waiting.failed = None;
        self.keep_waiting(place, waiting).await?;
        if self.must_be_online().is_ok() {
            self.flush_outbox().await?;
        }
        Ok(Answer::Nothing)
    }

    pub(super) async fn discard(
        &mut self,
        conversation: ConversationId,
        id: MessageId,
    ) -> Result<Answer, Trouble> {
        let place = self
            .place_of(&conversation, &id)
            .ok_or(Failure::WrongState)?;
        self.drop_waiting(place);
        self.flush().await?;
        Ok(Answer::Nothing)
    }

    /// Sends what waits, each conversation's messages in the order they were written.
    pub(super) async fn flush_outbox(&mut self) -> Result<(), Trouble> {
        let places: Vec<u64> = self.outbox.keys().copied().collect();
        for place in places {
            let Some(waiting) = self.outbox.get(&place) else {
                continue;
            };
            // What the server lost goes back to it first.
            if waiting.failed.is_some() || self.server_lacks(&waiting.conversation) {
                continue;
            }
            match self.send_waiting(place).await {
                Ok(()) => {}
                Err(Trouble::Offline) => return Err(Trouble::Offline),
                // It waits: for the rate limit, a decision about somebody's changed identity, the password, a key.
                Err(Trouble::Tell(
                    Failure::IdentityChanged(..)
                    | Failure::TooMany(_)
                    | Failure::Outdated
                    | Failure::KeyMissing,
                )) => {}
                Err(Trouble::Refused(error)) if error.code == ErrorCode::TooMany => return Ok(()),
                Err(Trouble::Store(error)) => return Err(error.into()),
                Err(trouble) => {
                    let Some(mut waiting) = self.outbox.get(&place).cloned() else {
                        continue;
                    };
                    waiting.failed = Some(trouble.into());
                    self.keep_waiting(place, waiting).await?;
                }
            }
        }
        Ok(())
    }

    /// A message of one's own is in the verified log: it waits no more.
    pub(super) fn sent_is_in_the_log(&mut self, conversation: &ConversationId, id: &MessageId) {
        if let Some(place) = self.place_of(conversation, id) {
            self.drop_waiting(place);
        }
    }

    /// The rows of what waits in a conversation.
    pub(super) fn waiting_rows(&self, conversation: &ConversationId) -> Vec<Row> {
        self.outbox
            .iter()
            .filter(|(_, waiting)| waiting.conversation == *conversation)
            .filter_map(|(place, waiting)| self.waiting_row(*place, waiting))
            .collect()
    }

    async fn send_waiting(&mut self, place: u64) -> Result<(), Trouble> {
        for _ in 0..ATTEMPTS {
            let Some(waiting) = self.outbox.get(&place).cloned() else {
                return Ok(());
            };
            let conversation = waiting.conversation;
            self.ready_to_write(conversation).await?;
            let entry = self.signed_message(place, waiting).await?;
            let request = Append {
                conversation,
                entry: entry.clone(),
                wraps: Vec::new(),
            };
            match self.platform.socket().request(&request).await {
                Ok(appended) => {
                    let size = self
                        .rooms
                        .get(&conversation)
                        .map(|room| room.record.frontier.size());
                    if size == Some(appended.number) {
                        let (number, time) = (appended.number, appended.time);
                        let at = EntryAt {
                            number,
                            time,
                            entry: Stored::Whole(entry),
                        };
                        return self.take_next(conversation, at, None).await;
                    }
                    return self.sync_room(conversation).await;
                }
                Err(CallError::Refused(error))
                    if matches!(
                        error.code,
                        ErrorCode::StaleEpoch
                            | ErrorCode::EpochDue
                            | ErrorCode::StaleIdentity
                            | ErrorCode::Conflict
                            | ErrorCode::DuplicateId
                    ) =>
                {
                    self.sync_room(conversation).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Trouble::Offline)
    }

    /// Makes sure that a usable epoch is there and that nothing blocks writing.
    async fn ready_to_write(&mut self, conversation: ConversationId) -> Result<(), Trouble> {
        self.may_write(&conversation)?;
        self.bring_epoch(conversation).await?;
        // What came in meanwhile may say otherwise. Nothing is sealed under a key that somebody who has gone knows.
        self.must_have_keys_in_force(conversation).await?;
        let room = self.may_write(&conversation)?;
        match usable_epoch(&room.state) {
            Some(_) => Ok(()),
            None => Err(Failure::KeyMissing.into()),
        }
    }

    /// The room, if nothing keeps one from writing there.
    fn may_write(&self, conversation: &ConversationId) -> Result<&Room, Trouble> {
        let room = self.rooms.get(conversation).ok_or(Failure::NotAllowed)?;
        if room.record.broken.is_some() {
            return Err(Failure::LogBroken.into());
        }
        if self.standing(room) != Standing::Member {
            return Err(Failure::NotAllowed.into());
        }
        if let Some(super::api::Blocked::IdentityChanged { user, name, .. }) = self.blocked(room) {
            return Err(Failure::IdentityChanged(user, name).into());
        }
        Ok(room)
    }

    /// Brings one's newest identity and a usable epoch into force, as far as that is one's own to do.
    async fn bring_epoch(&mut self, conversation: ConversationId) -> Result<(), Trouble> {
        let room = self.rooms.get(&conversation).ok_or(Failure::NotAllowed)?;
        if self.is_behind(room) {
            self.renew_in_room(conversation).await?;
        }
        let room = self.rooms.get(&conversation).ok_or(Failure::NotAllowed)?;
        if room.state.epoch().is_none() || room.state.awaits_server {
            // The key was announced together with what asks for it; reading has stopped in between.
            self.read_announcement(conversation).await?;
        }
        let room = self.rooms.get(&conversation).ok_or(Failure::NotAllowed)?;
        if room.state.mode != Mode::EndToEnd {
            return self.seal_title_for_all(conversation).await;
        }
        let old = room.state.epoch().is_some_and(|current| {
            room.record.frontier.size() > current.number + EPOCH_ENTRIES
                || self.platform.now().0 > room.record.epoch_time.0.saturating_add(EPOCH_MILLIS)
        });
        // Without the current key one reads late, but need not write late: any member may bring a new one.
        if old || usable_epoch(&room.state).is_none() || !self.has_current_key(conversation).await?
        {
            let room = self.rooms.get(&conversation).ok_or(Failure::NotAllowed)?;
            let rekey = Intent::Rekey(room.state.epoch().map(|current| current.epoch));
            self.author(conversation, rekey).await?;
        }
        Ok(())
    }

    /// The bytes to send: the same as before, unless a newer epoch has made them void.
    async fn signed_message(
        &mut self,
        place: u64,
        mut waiting: OutgoingRecord,
    ) -> Result<Bytes, Trouble> {
        let conversation = waiting.conversation;
        let room = self.rooms.get(&conversation).ok_or(Failure::NotAllowed)?;
        let current = room.state.epoch().ok_or(Failure::NotAllowed)?.clone();
        if let (Some(entry), Some(epoch)) = (&waiting.entry, waiting.epoch)
            && epoch == current.epoch
            && self.is_by_identity_in_force(room, entry)
        {
            return Ok(entry.clone());
        }
        let user = self.me()?.user;
        let me = room.me(&user).ok_or(Failure::NotAllowed)?.identity.clone();
        let view = room.record.frontier.view();
        let salt = Salt(random::bytes());
        let header = MessageHeader::new(
            conversation,
            user,
            me.hash(),
            view,
            current.epoch,
            current.entry,
            waiting.id,
            salt,
        );
        let header = codec::encode(&header);
        let (version, algorithm) = (me.identity().version, me.identity().algorithm);
        let content = Content::Text {
            text: waiting.text.clone(),
        };
        let inner = codec::encode(&Inner {
            algorithm,
            time: waiting.time,
            content,
        });
        let payload = message::signing_payload(&header, &inner);
        let signature = self
            .platform
            .keys()
            .sign(version, algorithm, &payload)
            .await?;
        let Some(mut room) = self.rooms.remove(&conversation) else {
            return Err(Failure::NotAllowed.into());
        };
        let key = self.epoch_key(&mut room, current.epoch).await;
        self.rooms.insert(conversation, room);
        let key = key?.ok_or(Failure::KeyMissing)?;
        let sealed = message::seal(&key, &salt.0, &header, &inner, &signature)
            .map_err(|_| Failure::TooLarge)?;
        let entry = Bytes(assemble_message(header, sealed));
        waiting.entry = Some(entry.clone());
        waiting.epoch = Some(current.epoch);
        self.keep_waiting(place, waiting).await?;
        Ok(entry)
    }

    fn is_by_identity_in_force(&self, room: &Room, entry: &[u8]) -> bool {
        let Ok(Entry::Message(entry)) = Entry::parse(entry) else {
            return false;
        };
        room.me(&entry.header.sender)
            .is_some_and(|me| me.identity.hash() == entry.header.identity)
    }

    async fn keep_waiting(&mut self, place: u64, waiting: OutgoingRecord) -> Result<(), Trouble> {
        let key = place.to_be_bytes().to_vec();
        self.batch.push(records::put(Table::Outbox, key, &waiting));
        self.flush().await?;
        let conversation = waiting.conversation;
        if self.open.contains(&conversation) {
            let rows = self.waiting_row(place, &waiting).into_iter().collect();
            (self.emit)(Event::Rows {
                conversation,
                rows,
                more: None,
            });
        }
        self.outbox.insert(place, waiting);
        Ok(())
    }

    fn drop_waiting(&mut self, place: u64) {
        if let Some(waiting) = self.outbox.remove(&place) {
            let key = place.to_be_bytes().to_vec();
            self.batch.push(records::delete(Table::Outbox, key));
            let (conversation, id) = (waiting.conversation, waiting.id);
            self.news.push(Event::RowGone { conversation, id });
        }
    }

    pub(super) fn place_of(&self, conversation: &ConversationId, id: &MessageId) -> Option<u64> {
        let mut waiting = self.outbox.iter();
        waiting
            .find(|(_, waiting)| waiting.conversation == *conversation && waiting.id == *id)
            .map(|(place, _)| *place)
    }

    fn waiting_row(&self, place: u64, waiting: &OutgoingRecord) -> Option<Row> {
        let account = self.account.as_ref()?;
        let state = match &waiting.failed {
            None => MessageState::Pending,
            Some(failure) => MessageState::Failed(failure.clone()),
        };
        let message = Message {
            id: waiting.id,
            author: account.user,
            author_name: account.name.to_string(),
            own: true,
            text: waiting.text.clone(),
            state,
            proof: None,
        };
        Some(Row {
            key: RowKey::Pending(place),
            time: waiting.time,
            body: RowBody::Message(message),
        })
    }

    /// The newest line of a conversation, with what waits.
    pub(super) fn newest_line(
        &self,
        conversation: &ConversationId,
    ) -> Option<super::api::LastLine> {
        let rows = self.waiting_rows(conversation);
        let row = rows.last()?;
        match &row.body {
            RowBody::Message(message) => Some(last_line(message, row.time)),
            _ => None,
        }
    }
}
