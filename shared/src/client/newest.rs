//! What a page waits for, while logs are read: its conversation comes first, and of a long log the newest entries.
//!
//! They are verified like all others, in the state that the log's chain makes, in a tree that ends in the log's head, and
//! only if their author's view lies in that tree: what is older and comes again has none such. Nothing of them is kept.
//! The log is read in its order all the same, and must come to the tree that they were shown in.

use std::collections::HashSet;

use super::Client;
use super::alarms::SHOWN_OTHERWISE;
use super::api::{Event, Row, RowBody, RowKey};
use super::open::row_of;
use super::platform::{Platform, Socket};
use super::room::Room;
use super::take::{Checked, last_line};
use super::trouble::Trouble;
use crate::crypto::identity::SignedIdentity;
use crate::ids::{ConversationId, View};
use crate::log::MessageEntry;
use crate::protocol::{ConversationHead, EntryAt, GetEntries};

/// Entries that are shown ahead of those before them.
pub(super) struct Ahead {
    /// Number of the first.
    first: u64,
    /// What the log must come to.
    view: View,
}

impl<P: Platform> Client<P> {
    /// Whether a page has asked for something since that was last looked after.
    pub(super) fn is_wanted(&self) -> bool {
        self.platform.wanted() != self.attended
    }

    /// Looks after the conversation that a page waits for: shows it, and has it read next.
    pub(super) async fn attend(&mut self) -> Result<(), Trouble> {
        if !self.is_wanted() {
            return Ok(());
        }
        self.attended = self.platform.wanted();
        let Some(id) = self.attended.filter(|id| !self.open.contains(id)) else {
            return Ok(());
        };
        // What was read of it so far.
        self.settle().await?;
        let Some(at) = self.behind.iter().position(|head| head.id == id) else {
            if self.rooms.contains_key(&id) {
                self.open(id).await?;
            }
            return Ok(());
        };
        let head = self.behind.remove(at);
        self.behind.insert(0, head.clone());
        self.show_ahead(head).await
    }

    /// Shows what is newest of a log that is still to be read.
    async fn show_ahead(&mut self, head: ConversationHead) -> Result<(), Trouble> {
        let id = head.id;
        if !self.rooms.contains_key(&id) {
            self.enter(id).await?;
        }
        // Once it is read, unless it can be shown before.
        self.awaited.insert(id);
        let Some(room) = self.rooms.get(&id) else {
            return Ok(());
        };
        let (held, screen) = (room.record.frontier.size(), self.platform.screen());
        if room.record.broken.is_some() || head.view.size <= held + screen {
            return Ok(());
        }
        let first = head.view.size - screen;
        let gathered = self.batch.len();
        let newest = Box::pin(self.newest(&head, first)).await;
        // Keys that were asked for are asked for again when the log comes to them.
        self.batch.truncate(gathered);
        self.looked_up.clear();
        self.opened_ahead.clear();
        let (room, rows) = match newest {
            Ok(Some(newest)) => newest,
            // Whatever it is, whoever reads the log comes to it, and says so.
            Ok(None) | Err(Trouble::BadReply(_) | Trouble::Refused(_)) => return Ok(()),
            Err(trouble) => return Err(trouble),
        };
        let Some(conversation) = self.conversation(&room) else {
            return Ok(());
        };
        let view = head.view;
        self.ahead.insert(id, Ahead { first, view });
        self.awaited.remove(&id);
        (self.emit)(Event::Conversation(conversation));
        (self.emit)(Event::Rows {
            conversation: id,
            rows,
            more: Some(true),
        });
        Ok(())
    }

    /// The newest entries of a log from number `first` on, and the room as they make it; nothing where one is not, or no
    /// more, a member, or where somebody's keys are others than those that are known here.
    async fn newest(
        &mut self,
        head: &ConversationHead,
        first: u64,
    ) -> Result<Option<(Room, Vec<Row>)>, Trouble> {
        let ConversationHead { id, view } = *head;
        let Some(room) = self.rooms.get(&id) else {
            return Ok(None);
        };
        let (mut state, record) = (room.state.clone(), room.record.clone());
        let keys = room.keys.clone();
        let known = record.frontier.size().checked_sub(1);
        let chain = self.chain(id, known, Some(first)).await?;
        self.replay_on(&mut state, &chain.entries, first).await?;
        let mut ahead = Room::new(state, chain.tree()?);
        ahead.record.read = record.read;
        ahead.record.unread = record.unread;
        ahead.record.draft = record.draft;
        ahead.record.title = record.title;
        ahead.keys = keys;
        let request = GetEntries {
            conversation: id,
            from: first,
            limit: (view.size - first).try_into().unwrap_or(u32::MAX),
        };
        let page = self.platform.socket().request(&request).await?.entries;
        let rows = self.rows_ahead(&mut ahead, &page).await?;
        let own = ahead.record.frontier.view();
        let me = self.me()?;
        let is_mine = ahead.me(&me.user);
        let is_mine = is_mine.is_some_and(|own| own.is_accepted() && me.has(&own.identity));
        if own != view {
            return Err(Trouble::BadReply("the newest entries are not the log's"));
        }
        // Keys that came between are followed, or asked about, in the log's order.
        if !is_mine || self.blocked(&ahead).is_some() {
            return Ok(None);
        }
        ahead.record.joined = true;
        self.open_room_title(&mut ahead).await?;
        Ok(Some((ahead, rows)))
    }

    /// Verifies entries and puts them into a room's tree. Their rows, but for those that only the whole log can tell from
    /// what came before.
    async fn rows_ahead(
        &mut self,
        ahead: &mut Room,
        entries: &[EntryAt],
    ) -> Result<Vec<Row>, Trouble> {
        let (mut rows, mut seen, mut looked_at) = (Vec::new(), HashSet::new(), 0);
        for (index, at) in entries.iter().enumerate() {
            if index == looked_at {
                looked_at += self.verify_ahead(ahead, &entries[index..]).await?;
            }
            if at.number != ahead.record.frontier.size() {
                return Err(Trouble::BadReply("entries are out of order"));
            }
            let Ok(checked) = self.check(ahead, &at.entry).await? else {
                return Err(Trouble::BadReply("an entry breaks the rules"));
            };
            let body = match checked {
                Checked::Marked(body) => Some(body),
                Checked::Changed(changed) => self.change_row(ahead, *changed).await?.body,
                Checked::Message(entry, author) => {
                    let is_first = seen.insert((entry.header.sender, entry.header.id));
                    match is_first && entry.header.view.size >= ahead.record.anchor {
                        true => self.body_ahead(ahead, &entry, &author).await?,
                        false => None,
                    }
                }
            };
            ahead.record.frontier.append(at.entry.leaf());
            ahead.note_root();
            let Some(body) = body else { continue };
            let row = at.row(body);
            if !self.is_by_blocked(&row) {
                ahead.record.active = ahead.record.active.max(row.time);
                if let RowBody::Message(message) = &row.body {
                    ahead.record.last = Some(last_line(message, row.time));
                }
            }
            rows.push(row);
        }
        Ok(rows)
    }

    async fn body_ahead(
        &mut self,
        ahead: &mut Room,
        entry: &MessageEntry,
        author: &SignedIdentity,
    ) -> Result<Option<RowBody>, Trouble> {
        let me = self.me()?.user;
        if !ahead.state.may_read(&me, entry.header.epoch) {
            return Ok(None);
        }
        let Some(key) = self.epoch_key(ahead, entry.header.epoch).await? else {
            return Ok(None);
        };
        let opened = self.open_message(entry, &key, author).await?;
        let is_mine = entry.header.sender == me;
        Ok(Some(row_of(entry, author, is_mine, opened)))
    }

    /// A log has been read: what was shown ahead of it must be what it has come to.
    pub(super) async fn settle_ahead(&mut self, id: ConversationId) -> Result<(), Trouble> {
        let (Some(ahead), Some(room)) = (self.ahead.get(&id), self.rooms.get(&id)) else {
            return Ok(());
        };
        let Ahead { first, view } = *ahead;
        let is_reached = room.record.frontier.size() >= view.size;
        let own = match is_reached {
            true => self.root_at(room, view.size).await?,
            false => None,
        };
        let is_left_out = room.server_lacks || self.newer_keys_in(room).is_some();
        if own != Some(view.root) {
            if is_reached || !is_left_out {
                self.stop_room(id, SHOWN_OTHERWISE, own).await?;
            }
            return self.drop_ahead(id).await;
        }
        self.settle().await?;
        self.ahead.remove(&id);
        self.open.insert(id);
        let mut rows = self.waiting_rows(&id);
        let mut before = None;
        loop {
            let (older, more) = self.rows_before(id, before).await?;
            let oldest = older.first().and_then(|row| match row.key {
                RowKey::Number(number) => Some(number),
                RowKey::Pending(_) => None,
            });
            rows.extend(older);
            match oldest {
                // Nothing is left out between what was shown and what came meanwhile.
                Some(oldest) if more && oldest > first => before = Some(oldest),
                _ => {
                    (self.emit)(Event::Rows {
                        conversation: id,
                        rows,
                        more: Some(more),
                    });
                    break;
                }
            }
        }
        self.show_room(&id);
        Ok(())
    }

    /// What was shown ahead of logs that could not be read to their ends is shown no more.
    pub(super) async fn drop_all_ahead(&mut self) -> Result<(), Trouble> {
        let ids: Vec<ConversationId> = self.ahead.keys().copied().collect();
        for id in ids {
            self.drop_ahead(id).await?;
        }
        Ok(())
    }

    async fn drop_ahead(&mut self, id: ConversationId) -> Result<(), Trouble> {
        self.ahead.remove(&id);
        (self.emit)(Event::RowsGone(id));
        self.open(id).await.map(drop)
    }
}
