//! What a server cannot do unnoticed: each check that fails stops the conversation, with both sides kept as evidence.

use super::api::Failure;
use super::platform::{Platform, Table};
use super::records::{self, Evidence};
use super::room::Room;
use super::trouble::Trouble;
use super::{Client, decode_stored};
use crate::codec::Bytes;
use crate::ids::{ConversationId, EntryHash, Root, View};
use crate::log::{Act, Entry};
use crate::protocol::{EntryAt, Stored};

const OTHER_BROWSER: &str =
    "The server keeps back, or has changed, what another browser of yours has seen.";

pub(super) const SHOWN_OTHERWISE: &str =
    "The server gave the newest messages first, and then another history of this conversation.";

/// Said of a log in which one has keys of somebody else's.
pub(super) const NOT_MINE: &str =
    "Somebody has put keys that are not yours into this conversation under your name.";

impl<P: Platform> Client<P> {
    /// A browser of this user has verified this log up to some view: what the server gives must reach and contain it.
    pub(super) async fn must_hold_synced_view(
        &mut self,
        id: ConversationId,
    ) -> Result<(), Trouble> {
        let (Some(seen), Some(room)) = (self.synced.view(&id), self.rooms.get(&id)) else {
            return Ok(());
        };
        // Where newer keys came into force, this device stops reading until it has them.
        if seen.size > room.record.frontier.size() && self.newer_keys_in(room).is_none() {
            return self.stop_room(id, OTHER_BROWSER, None).await;
        }
        self.must_hold_view(id, seen).await
    }

    /// A log has grown from a size on: it may have reached what another browser of this user had verified before.
    pub(super) async fn must_hold_view_reached(
        &mut self,
        id: ConversationId,
        from: u64,
    ) -> Result<(), Trouble> {
        match self.synced.view(&id).filter(|seen| seen.size > from) {
            Some(seen) => self.must_hold_view(id, seen).await,
            None => Ok(()),
        }
    }

    /// A browser of this user has verified this view: as far as this log reaches, it must be the same.
    pub(super) async fn must_hold_view(
        &mut self,
        id: ConversationId,
        seen: View,
    ) -> Result<(), Trouble> {
        let Some(room) = self.rooms.get(&id) else {
            return Ok(());
        };
        // The anchor itself was checked by what follows it.
        let reached = room.record.anchor + 1..=room.record.frontier.size();
        if room.record.broken.is_some() || !reached.contains(&seen.size) {
            return Ok(());
        }
        let own = self.root_at(room, seen.size).await?;
        if own != Some(seen.root) {
            return self.stop_room(id, OTHER_BROWSER, own).await;
        }
        Ok(())
    }

    /// The same where the log has just come to what another browser has seen, or to what was shown here ahead of it.
    pub(super) fn compare_with_seen(&mut self, room: &mut Room, at: &EntryAt) {
        let own = room.record.frontier.view();
        let seen = self.synced.view(&room.id());
        let seen = seen.filter(|seen| seen.size == own.size);
        let shown = room.record.shown.remove(&own.size);
        let reasons = [
            (seen.map(|seen| seen.root), OTHER_BROWSER),
            (shown, SHOWN_OTHERWISE),
        ];
        for (root, reason) in reasons {
            if root.is_some_and(|root| root != own.root) {
                let entry = match &at.entry {
                    Stored::Whole(bytes) => bytes.as_ref(),
                    Stored::Purged(_) => &[],
                };
                self.stop(room, reason, entry, Some(own.root));
            }
        }
    }

    /// What is wrong with one's own invitation, if this entry is it: nobody but oneself can tell.
    pub(super) fn misleads_me(
        &self,
        entry: &Entry,
        anchor: u64,
    ) -> Result<Option<&'static str>, Trouble> {
        let me = self.me()?;
        let Entry::State(entry) = entry else {
            return Ok(None);
        };
        let Act::Invite(invite) = &entry.header.act else {
            return Ok(None);
        };
        let mut people = invite.people.iter();
        let Some(mine) = people.find(|signed| signed.identity().user == me.user) else {
            return Ok(None);
        };
        if !me.has(mine) {
            return Ok(Some(NOT_MINE));
        }
        let reason = "The server begins this conversation after what its inviter had seen of it.";
        Ok((entry.header.view.size < anchor).then_some(reason))
    }

    /// What comes again must be what came before.
    pub(super) async fn must_be_the_same(
        &mut self,
        id: ConversationId,
        at: &EntryAt,
    ) -> Result<(), Trouble> {
        let key = records::entry_key(&id, at.number);
        let Some(bytes) = self.read(Table::Entries, &key).await? else {
            return Ok(());
        };
        let record: records::EntryRecord = decode_stored(&bytes)?;
        if at.entry.leaf() == record.hash {
            return Ok(());
        }
        let reason = "The server gave another entry in the place of one that this device has.";
        self.stop_room(id, reason, None).await
    }

    /// What the server says that it took must be what its log has there.
    pub(super) async fn must_be_in_the_log(
        &self,
        id: ConversationId,
        number: u64,
        hash: EntryHash,
    ) -> Result<(), Trouble> {
        match self.rooms.get(&id) {
            // Going away leaves nothing behind of what one never joined.
            None => return Ok(()),
            Some(room) if room.record.broken.is_some() => return Err(Failure::LogBroken.into()),
            Some(_) => {}
        }
        let key = records::entry_key(&id, number);
        if let Some(bytes) = self.read(Table::Entries, &key).await?
            && decode_stored::<records::EntryRecord>(&bytes)?.hash == hash
        {
            return Ok(());
        }
        let text = "what it says that it took is not in its log";
        Err(Trouble::BadReply(text))
    }

    /// Stops a conversation.
    pub(super) async fn stop_room(
        &mut self,
        id: ConversationId,
        reason: &str,
        own_root: Option<Root>,
    ) -> Result<(), Trouble> {
        let Some(mut room) = self.rooms.remove(&id) else {
            return Ok(());
        };
        self.stop(&mut room, reason, &[], own_root);
        self.put_back(room, Ok(())).await
    }

    /// Stops a conversation because of an entry. What stopped it first stays as evidence.
    pub(super) fn stop(
        &mut self,
        room: &mut Room,
        reason: &str,
        entry: &[u8],
        own_root: Option<Root>,
    ) {
        let number = room.record.frontier.size();
        room.server_lacks = false;
        room.record.broken.get_or_insert_with(|| Evidence {
            reason: reason.to_owned(),
            number,
            entry: Bytes::from(entry),
            own_root,
        });
    }
}
