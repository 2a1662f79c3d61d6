//! Whom the person does not want to hear from. Their messages stay in the log, and the page collapses them; what they
//! do tells nobody here.

use std::collections::BTreeSet;

use super::Client;
use super::api::{Answer, BlockedPerson, Event, Failure, Row, RowBody};
use super::platform::Platform;
use super::room::Room;
use super::trouble::Trouble;
use crate::crypto::vault::{self, Block};
use crate::ids::{ConversationId, UserId};
use crate::log::Standing;

impl<P: Platform> Client<P> {
    pub(super) async fn block(&mut self, user: UserId, blocked: bool) -> Result<Answer, Trouble> {
        if user == self.me()?.user {
            return Err(Failure::WrongState.into());
        }
        if self.is_blocked(&user) == blocked {
            return Ok(Answer::Nothing);
        }
        let known = self.synced.state.blocked.get(&user);
        let before = known.map(|known| known.changed).unwrap_or_default();
        let changed = vault::later(before, self.platform.now());
        let block = Block { blocked, changed };
        self.synced.state.blocked.insert(user, block);
        self.synced.touch();
        self.flush().await?;
        self.blocked_changed().await?;
        self.push_decision().await;
        Ok(Answer::Nothing)
    }

    pub(super) fn is_blocked(&self, user: &UserId) -> bool {
        let block = self.synced.state.blocked.get(user);
        block.is_some_and(|block| block.blocked)
    }

    /// Whether a row is a message by somebody blocked.
    pub(super) fn is_by_blocked(&self, row: &Row) -> bool {
        matches!(&row.body, RowBody::Message(message) if self.is_blocked(&message.author))
    }

    /// Whether a row is a message by somebody else who is not blocked: what is counted as unread.
    pub(super) fn is_news(&self, row: &Row) -> bool {
        let is_others = matches!(&row.body, RowBody::Message(message) if !message.own);
        is_others && !self.is_by_blocked(row)
    }

    /// Everybody who is blocked.
    pub(super) fn blocked_people(&self) -> BTreeSet<UserId> {
        let people = self.synced.state.blocked.keys();
        people
            .filter(|user| self.is_blocked(user))
            .copied()
            .collect()
    }

    /// Whether a conversation is kept from the person: a blocked one invited them, or the log has not yet been read up
    /// to the invitation (unless it was stopped before, which the person has to know).
    pub(super) fn is_hidden(&self, room: &Room) -> bool {
        let me = self.account.as_ref().and_then(|me| room.me(&me.user));
        let by_blocked = me.is_some_and(|me| match me.standing {
            Standing::Invited { by } => self.is_blocked(&by),
            Standing::Accepted(_) => false,
        });
        by_blocked || !room.is_reached() && room.record.broken.is_none()
    }

    pub(super) fn show_blocked(&mut self) {
        let people = self.blocked_people();
        let people = people.into_iter().map(|user| BlockedPerson {
            user,
            name: self.name_of(&user),
        });
        let people = people.collect();
        (self.emit)(Event::Blocked(people));
    }

    /// Somebody was blocked or is no more, here or in another browser: what is shown and counted changes.
    pub(super) async fn blocked_changed(&mut self) -> Result<(), Trouble> {
        if self.account.is_none() {
            return Ok(());
        }
        self.show_blocked();
        let ids: Vec<ConversationId> = self.rooms.keys().copied().collect();
        for id in ids {
            self.count_anew(id).await?;
            if self.rooms.get(&id).is_some_and(|room| self.is_hidden(room)) {
                self.close(id);
            } else {
                self.show_room(&id);
                self.open_awaited(id).await?;
            }
        }
        self.flush().await
    }

    /// Unread messages and the newest one, without those of blocked people.
    async fn count_anew(&mut self, id: ConversationId) -> Result<(), Trouble> {
        let Some(read) = self.rooms.get(&id).map(|room| room.record.read) else {
            return Ok(());
        };
        let unread = self.unread_after(id, read).await?;
        let last = self.find_last_line(id).await?;
        if let Some(room) = self.rooms.get_mut(&id) {
            room.record.unread = unread;
            room.record.last = last;
            self.batch.push(room.put_record());
        }
        Ok(())
    }

    /// Under which name somebody was met.
    fn name_of(&self, user: &UserId) -> String {
        let pinned = self.pins.get(user).and_then(|pin| pin.name.as_ref());
        let mut met = self.synced.state.names.iter();
        let name = pinned.or_else(|| {
            let met = met.find(|(_, holders)| holders.contains_key(user));
            met.map(|(name, _)| name)
        });
        name.map(ToString::to_string).unwrap_or_default()
    }
}
