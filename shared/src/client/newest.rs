//! What a page waits for, while logs are read: its conversation comes first, and of a long log the newest entries.
//!
//! They are verified like all others, in the state that the log's chain makes, in a tree that ends in the log's head, and
//! only if their author's view lies in that tree: what is older and comes again has none such. Nothing of them is kept but
//! the log's head. The log is read in its order all the same, and must come to that head, on whatever connection.

use std::collections::HashSet;

use super::Client;
use super::alarms::SHOWN_OTHERWISE;
use super::api::{Conversation, Event, Row, RowBody, RowKey};
use super::open::row_of;
use super::platform::{Platform, Socket};
use super::room::Room;
use super::take::{Checked, last_line};
use super::trouble::Trouble;
use crate::crypto::identity::SignedIdentity;
use crate::ids::{ConversationId, View};
use crate::log::MessageEntry;
use crate::protocol::{ConversationHead, EntryAt, GetEntries, MAX_PAGE};

/// Entries that are shown ahead of those before them.
#[derive(Clone, Copy)]
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
        let Some(id) = self.attended else {
            return Ok(());
        };
        // What was read of it so far.
        self.settle().await?;
        let at = self.behind.iter().position(|head| head.id == id);
        let head = at.map(|at| self.behind.remove(at));
        if let Some(head) = &head {
            self.behind.insert(0, head.clone());
        }
        // What is on the page already stays there, and what follows comes as it is read.
        if self.open.contains(&id) || self.ahead.contains_key(&id) {
            return Ok(());
        }
        let is_shown = match head {
            Some(head) => self.show_ahead(&head).await?,
            None => false,
        };
        let room = self.rooms.get(&id);
        if !is_shown && room.is_some_and(|room| self.conversation(room).is_some()) {
            self.open(id).await?;
        }
        Ok(())
    }

    /// Shows what is newest of a log of which more than a screen is still to be read; `false` where nothing is.
    async fn show_ahead(&mut self, head: &ConversationHead) -> Result<bool, Trouble> {
        let ConversationHead { id, view } = *head;
        let gathered = self.batch.len();
        let newest = Box::pin(self.newest(head)).await;
        // Keys that were asked for are asked for again when the log comes to them.
        self.batch.truncate(gathered);
        self.looked_up.clear();
        self.opened_ahead.clear();
        let newest = match newest {
            Ok(newest) => newest,
            // Whatever it is, whoever reads the log comes to it, and says so.
            Err(Trouble::BadReply(_) | Trouble::Refused(_)) => None,
            Err(trouble) => return Err(trouble),
        };
        let Some((first, conversation, mut rows)) = newest else {
            // Once it is read.
            self.awaited.insert(id);
            return Ok(false);
        };
        rows.extend(self.waiting_rows(&id));
        if let Some(room) = self.rooms.get_mut(&id) {
            // Whatever comes of this connection: the log has to come to it.
            room.record.shown.insert(view.size, view.root);
            let write = room.put_record();
            self.batch.push(write);
        }
        self.flush().await?;
        self.ahead.insert(id, Ahead { first, view });
        self.awaited.remove(&id);
        (self.emit)(Event::Conversation(conversation));
        // Of an older part of it, which another tab may have had, it would not be known what lies between.
        (self.emit)(Event::RowsGone(id));
        (self.emit)(Event::Rows {
            conversation: id,
            rows,
            more: Some(true),
        });
        Ok(true)
    }

    /// The newest entries of a log, from which number on they are, and the conversation as they make it. Nothing where
    /// they are few, where one is not, or no more, a member, or where anybody's keys are others than those known here.
    async fn newest(
        &mut self,
        head: &ConversationHead,
    ) -> Result<Option<(u64, Conversation, Vec<Row>)>, Trouble> {
        let ConversationHead { id, view } = *head;
        if !self.rooms.contains_key(&id) {
            self.enter(id).await?;
        }
        let Some(room) = self.rooms.get(&id) else {
            return Ok(None);
        };
        let (held, screen) = (room.record.frontier.size(), self.platform.screen());
        if room.record.broken.is_some() || view.size <= held + screen {
            return Ok(None);
        }
        let first = view.size - screen;
        let (mut state, record) = (room.state.clone(), room.record.clone());
        let keys = room.keys.clone();
        let chain = self.chain(id, held.checked_sub(1), Some(first)).await?;
        self.replay_on(&mut state, &chain.entries, first).await?;
        let mut ahead = Room::new(state, chain.tree()?);
        ahead.record.read = record.read;
        ahead.record.unread = record.unread;
        ahead.record.draft = record.draft;
        ahead.record.title = record.title;
        ahead.keys = keys;
        // However the server cuts its pages, they are judged together: what is in them twice is shown once.
        let mut entries: Vec<EntryAt> = Vec::new();
        while (entries.len() as u64) < screen {
            let from = first + entries.len() as u64;
            let request = GetEntries {
                conversation: id,
                from,
                limit: (view.size - from).try_into().unwrap_or(MAX_PAGE),
            };
            let page = self.platform.socket().request(&request).await?.entries;
            if page.is_empty() {
                return Err(Trouble::BadReply("the newest entries are not there"));
            }
            if page
                .iter()
                .zip(from..)
                .any(|(at, number)| at.number != number)
            {
                return Err(Trouble::BadReply("entries are out of order"));
            }
            entries.extend(page);
        }
        let rows = self.rows_ahead(&mut ahead, &entries).await?;
        if ahead.record.frontier.view() != view {
            return Err(Trouble::BadReply("the newest entries are not the log's"));
        }
        let others = record.shown.iter().map(|(size, root)| View {
            size: *size,
            root: *root,
        });
        let mut seen = others.chain(self.synced.view(&id));
        let is_seen = seen.all(|seen| match seen.size {
            size if size > view.size => false,
            size if size < first => true,
            size => ahead.root_at(size) == Some(seen.root),
        });
        if !is_seen || rows.is_empty() || !self.is_known_ahead(&ahead)? {
            return Ok(None);
        }
        ahead.record.joined = true;
        self.open_room_title(&mut ahead).await?;
        let conversation = self.conversation(&ahead);
        Ok(conversation.map(|conversation| (first, conversation, rows)))
    }

    /// Whether one is a member by keys that are here, and everybody is who they are known to be: what came between is
    /// followed, or asked about, in the log's order.
    fn is_known_ahead(&self, ahead: &Room) -> Result<bool, Trouble> {
        let me = self.me()?;
        let own = ahead.me(&me.user).filter(|own| own.is_accepted());
        let is_mine = own.is_some_and(|own| me.has(&own.identity));
        let mut people = ahead.state.people.iter();
        let any_takes_a_name = people.any(|(user, person)| {
            let name = &person.identity.identity().name;
            !self.pins.contains_key(user) && self.synced.state.rival(name, user).is_some()
        });
        let is_blocked = self.blocked(ahead).is_some();
        let is_newer = self.newer_keys_in(ahead).is_some();
        Ok(is_mine && !any_takes_a_name && !is_blocked && !is_newer)
    }

    /// Verifies the entries that come next, and puts them into a room's tree. Their rows, but for those that only the whole log can tell from
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

    /// A log has been read: it must have come to what was shown ahead of it.
    pub(super) async fn settle_ahead(&mut self, id: ConversationId) -> Result<(), Trouble> {
        let Some(Ahead { first, view }) = self.ahead.get(&id).copied() else {
            return Ok(());
        };
        let Some(room) = self.rooms.get(&id) else {
            return self.drop_ahead(id).await;
        };
        // Compared when it was taken, where it was.
        let is_reached = !room.record.shown.contains_key(&view.size);
        if room.record.broken.is_some() || !is_reached {
            self.stop_room(id, SHOWN_OTHERWISE, None).await?;
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
        let mut dropped = Ok(());
        while let Some(id) = self.ahead.keys().next().copied() {
            dropped = dropped.and(self.drop_ahead(id).await);
        }
        dropped
    }

    async fn drop_ahead(&mut self, id: ConversationId) -> Result<(), Trouble> {
        self.ahead.remove(&id);
        let room = self.rooms.get(&id);
        if room.is_some_and(|room| self.conversation(room).is_some()) {
            (self.emit)(Event::RowsGone(id));
            self.open(id).await?;
        } else {
            // Without it nothing is here yet that could be shown.
            (self.emit)(Event::ConversationGone(id));
            self.awaited.insert(id);
        }
        Ok(())
    }
}
