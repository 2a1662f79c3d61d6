//! What the page is shown.

use std::collections::BTreeSet;

use super::Client;
use super::api::{
    Answer, Connection, Conversation, Event, Failure, Me, Member, Row, Session, Standing,
};
use super::platform::{Keys, Platform, Store, Table};
use super::records;
use super::room::Room;
use super::sharing::lacking;
use super::trouble::Trouble;
use crate::crypto::fingerprint;
use crate::ids::{ConversationId, Epoch, UserId};
use crate::log::{self, Mode};
use crate::protocol::Presence;

/// Entries in one page of history.
const PAGE: u64 = 60;

impl<P: Platform> Client<P> {
    /// Everything that makes a page's state whole.
    pub(super) fn show_everything(&mut self) {
        let session = self.session.clone();
        (self.emit)(Event::Session(session));
        let connection = self.connection;
        (self.emit)(Event::Connection(connection));
        let unsaved = self
            .account
            .as_ref()
            .and_then(|account| account.recovery_code.clone());
        if let Some(code) = unsaved {
            (self.emit)(Event::RecoveryCode(code));
        }
        if self.account.is_some() {
            self.show_blocked();
        }
        let ids: Vec<ConversationId> = self.rooms.keys().copied().collect();
        for id in &ids {
            self.show_room(id);
        }
        let presence: Vec<_> = self
            .presence
            .iter()
            .map(|(user, status)| (*user, *status))
            .collect();
        for (user, status) in presence {
            (self.emit)(Event::Presence { user, status });
        }
    }

    pub(super) fn set_session(&mut self, session: Session) {
        self.session = session.clone();
        (self.emit)(Event::Session(session));
    }

    pub(super) fn set_session_from_account(&mut self) {
        let Some(account) = &self.account else { return };
        let me = Me {
            user: account.user,
            name: account.name.to_string(),
            algorithm: account.identity.identity().algorithm,
            fingerprint: account.identity.hash().to_string(),
            recovery_pending: account.recovery_code.is_some(),
            version: account.identity.identity().version,
            outdated: account.is_outdated(),
            failed_sign_ins: self.failed.map(|failed| (failed.count, failed.last)),
        };
        self.set_session(Session::SignedIn(me));
    }

    pub(super) fn set_connection(&mut self, connection: Connection) {
        self.connection = connection;
        (self.emit)(Event::Connection(connection));
    }

    pub(super) fn set_presence(&mut self, presence: Presence) {
        let Presence { user, status } = presence;
        self.presence.insert(user, status);
        (self.emit)(Event::Presence { user, status });
    }

    /// Shows a conversation as it is now.
    pub(super) fn show_room(&mut self, id: &ConversationId) {
        if self.ahead.contains_key(id) {
            // It is shown as it is further on.
            return;
        }
        let Some(room) = self.rooms.get(id) else {
            return;
        };
        let Some(conversation) = self.conversation(room) else {
            return;
        };
        (self.emit)(Event::Conversation(conversation));
    }

    /// Shows every conversation that any of these is in.
    pub(super) fn show_rooms_with(&mut self, people: &BTreeSet<UserId>) {
        if people.is_empty() {
            return;
        }
        let any = |room: &Room| room.state.people.keys().any(|user| people.contains(user));
        let ids: Vec<ConversationId> = self
            .rooms
            .iter()
            .filter(|(_, room)| any(room))
            .map(|(id, _)| *id)
            .collect();
        for id in &ids {
            self.show_room(id);
        }
    }

    /// One's own standing.
    pub(super) fn standing(&self, room: &Room) -> Standing {
        let me = self
            .account
            .as_ref()
            .and_then(|account| room.me(&account.user));
        match me.map(|person| person.standing) {
            None => Standing::Former,
            Some(log::Standing::Accepted(_)) => Standing::Member,
            Some(log::Standing::Invited { by }) => {
                let inviter = room.state.people.get(&by);
                let name = inviter.map(|person| person.identity.identity().name.to_string());
                let pinned = || self.pins.get(&by).map(records::PinRecord::display_name);
                let by = name.or_else(pinned).unwrap_or_default();
                Standing::Invited {
                    by,
                    at: room.record.invited.unwrap_or(room.record.active),
                }
            }
        }
    }

    /// Rows of a conversation, newest page.
    pub(super) async fn open(&mut self, id: ConversationId) -> Result<Answer, Trouble> {
        if !self.rooms.contains_key(&id) {
            self.awaited.insert(id);
            return Ok(Answer::Nothing);
        }
        self.open.insert(id);
        self.show_newest(id).await?;
        self.show_room(&id);
        Ok(Answer::Nothing)
    }

    /// Opens a conversation that has just been entered, if a page asked for it before it was here.
    pub(super) async fn open_awaited(&mut self, id: ConversationId) -> Result<(), Trouble> {
        if self.awaited.contains(&id) {
            self.settle().await?;
            self.open(id).await?;
            self.awaited.remove(&id);
        }
        Ok(())
    }

    /// A conversation is here no more; the page that had it open has it again once it is back.
    pub(super) fn close(&mut self, id: ConversationId) {
        if self.open.remove(&id) {
            self.awaited.insert(id);
        }
        (self.emit)(Event::ConversationGone(id));
    }

    /// The newest page of a conversation that is open.
    pub(super) async fn show_newest(&mut self, id: ConversationId) -> Result<(), Trouble> {
        if !self.open.contains(&id) {
            return Ok(());
        }
        let (mut rows, more) = self.rows_before(id, None).await?;
        rows.extend(self.waiting_rows(&id));
        (self.emit)(Event::Rows {
            conversation: id,
            rows,
            more: Some(more),
        });
        Ok(())
    }

    /// Rows of a conversation before a number.
    pub(super) async fn older(
        &mut self,
        id: ConversationId,
        before: u64,
    ) -> Result<Answer, Trouble> {
        let (rows, more) = self.rows_before(id, Some(before)).await?;
        (self.emit)(Event::Rows {
            conversation: id,
            rows,
            more: Some(more),
        });
        Ok(Answer::Nothing)
    }

    pub(super) async fn mark_read(
        &mut self,
        id: ConversationId,
        number: u64,
    ) -> Result<Answer, Trouble> {
        let Some(room) = self.rooms.get(&id) else {
            return Err(Failure::NotAllowed.into());
        };
        let last = room.record.frontier.size().saturating_sub(1);
        let number = number.min(last);
        if number <= room.record.read {
            return Ok(Answer::Nothing);
        }
        let unread = if number == last {
            0
        } else {
            self.unread_after(id, number).await?
        };
        if let Some(room) = self.rooms.get_mut(&id) {
            room.record.read = number;
            room.record.unread = unread;
            let write = room.put_record();
            self.batch.push(write);
        }
        self.synced.touch();
        self.flush().await?;
        self.show_room(&id);
        Ok(Answer::Nothing)
    }

    pub(super) async fn keep_draft(
        &mut self,
        id: ConversationId,
        text: String,
    ) -> Result<Answer, Trouble> {
        if let Some(room) = self.rooms.get_mut(&id)
            && room.record.draft != text
        {
            room.record.draft = text;
            let write = room.put_record();
            self.batch.push(write);
            self.flush().await?;
            // While the rest is being typed.
            let identity = self.me()?.identity.identity();
            let (version, algorithm) = (identity.version, identity.algorithm);
            self.platform.keys().prepare(version, algorithm).await;
        }
        Ok(Answer::Nothing)
    }

    /// Shows rows that are new or changed, if a page has the conversation open.
    pub(super) fn show_rows(&mut self, conversation: ConversationId, rows: Vec<Row>) {
        if let Some(event) = self.rows_event(conversation, rows) {
            (self.emit)(event);
        }
    }

    /// Tells of rows that are new or changed; nothing where no page has the conversation open.
    pub(super) fn rows_event(&self, conversation: ConversationId, rows: Vec<Row>) -> Option<Event> {
        let is_seen = !rows.is_empty() && self.open.contains(&conversation);
        is_seen.then_some(Event::Rows {
            conversation,
            rows,
            more: None,
        })
    }

    /// Forgets a conversation on this device.
    pub(super) async fn forget_room(&mut self, id: ConversationId) -> Result<(), Trouble> {
        self.rooms.remove(&id);
        for table in [
            Table::Conversations,
            Table::Entries,
            Table::Log,
            Table::Epochs,
        ] {
            let records = self
                .platform
                .store()
                .scan(table, &id.0, None, false, usize::MAX)
                .await?;
            let gone = records
                .into_iter()
                .map(|(key, _)| records::delete(table, key));
            self.batch.extend(gone);
        }
        self.flush().await?;
        self.close(id);
        Ok(())
    }

    /// The rows of a page of entries before a number, and whether there may be older ones. Pages of which nothing is
    /// shown are passed over.
    pub(super) async fn rows_before(
        &self,
        id: ConversationId,
        before: Option<u64>,
    ) -> Result<(Vec<Row>, bool), Trouble> {
        // Where the device's data were lost it is about to be entered again.
        let Some(room) = self.rooms.get(&id) else {
            return Ok((Vec::new(), false));
        };
        let (first, size) = (room.record.anchor, room.record.frontier.size());
        let prefix = records::entry_prefix(&id);
        let mut end = before.map_or(size, |before| before.min(size));
        let mut rows = Vec::new();
        // Read in the order of the log: the browser's store takes many times as long backwards.
        while rows.is_empty() && end > first {
            let start = end.saturating_sub(PAGE).max(first);
            let after = start.checked_sub(1);
            let after = after.map(|number| records::entry_key(&id, number));
            let store = self.platform.store();
            let found = store
                .scan(
                    Table::Entries,
                    &prefix,
                    after.as_deref(),
                    false,
                    PAGE as usize,
                )
                .await?;
            for (key, bytes) in found {
                if records::entry_number(&key).is_some_and(|number| number < end) {
                    rows.extend(records::decode_row(&bytes).map_err(|_| super::damaged())?);
                }
            }
            end = start;
        }
        Ok((rows, end > first))
    }

    pub(super) async fn unread_after(
        &self,
        id: ConversationId,
        number: u64,
    ) -> Result<u32, Trouble> {
        let prefix = records::entry_prefix(&id);
        let after = records::entry_key(&id, number);
        let store = self.platform.store();
        let found = store
            .scan(Table::Entries, &prefix, Some(&after), false, usize::MAX)
            .await?;
        let mut unread = 0;
        for (_, bytes) in found {
            let row = records::decode_row(&bytes).map_err(|_| super::damaged())?;
            unread += u32::from(row.as_ref().is_some_and(|row| self.is_news(row)));
        }
        Ok(unread)
    }

    pub(super) fn conversation(&self, room: &Room) -> Option<Conversation> {
        let me = self.account.as_ref()?.user;
        if self.is_hidden(room) {
            return None;
        }
        let id = room.id();
        let own_admin = room
            .me(&me)
            .is_some_and(|person| person.admin && person.is_accepted());
        let members = room
            .state
            .people
            .iter()
            .map(|(user, person)| {
                let invited = match person.standing {
                    log::Standing::Invited { by } => Some(by),
                    log::Standing::Accepted(_) => None,
                };
                let pin = self.pins.get(user).map(|record| &record.pin);
                Member {
                    user: *user,
                    name: person.identity.identity().name.to_string(),
                    invited: invited.is_some(),
                    admin: person.admin,
                    verified: self.is_verified(user),
                    removable: *user != me && (own_admin || invited == Some(me)),
                    by_link: self.is_verified(user) && pin.is_some_and(|pin| pin.by_link),
                    rotated: pin.is_some_and(|pin| pin.verified_before && !pin.verified),
                    changeable: *user != me && own_admin && invited.is_none(),
                    shareable: *user != me
                        && own_admin
                        && lacking(&room.state, &me, user).next().is_some(),
                    algorithm: person.identity.identity().algorithm,
                }
            })
            .collect();
        let waiting = self.newest_line(&id);
        let active = waiting
            .as_ref()
            .map_or(room.record.active, |line| line.time.max(room.record.active));
        Some(Conversation {
            id,
            title: room.record.title.clone(),
            members,
            standing: self.standing(room),
            last: waiting.or_else(|| room.record.last.clone()),
            unread: room.record.unread,
            read: room.record.read,
            managed: room.state.mode != Mode::EndToEnd,
            epoch: room.state.epoch().map_or(Epoch(0), |current| current.epoch),
            active,
            blocked: self.blocked(room),
            draft: room.record.draft.clone(),
            head_code: fingerprint::head_code(&room.record.frontier.root()),
        })
    }
}
