//! What a server cannot do unnoticed: each check that fails stops the conversation, with both sides kept as evidence.

use super::platform::{Platform, Table};
use super::records::{self, Evidence};
use super::room::Room;
use super::trouble::Trouble;
use super::{Client, decode_stored};
use crate::codec::Bytes;
use crate::ids::{ConversationId, Root, View};
use crate::protocol::EntryAt;

const OTHER_BROWSER: &str =
    "The server keeps back, or has changed, what another browser of yours has seen.";

impl<P: Platform> Client<P> {
    /// A browser of this user has verified this log up to some view: what the server gives must reach and contain it.
    pub(super) async fn must_hold_synced_view(
        &mut self,
        id: ConversationId,
    ) -> Result<(), Trouble> {
        let (Some(seen), Some(room)) = (self.synced.view(&id), self.rooms.get(&id)) else {
            return Ok(());
        };
        if seen.size > room.record.frontier.size() {
            return self.stop_room(id, OTHER_BROWSER, None).await;
        }
        self.must_hold_view(id, seen).await
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

    /// Stops a conversation because of an entry.
    pub(super) fn stop(
        &mut self,
        room: &mut Room,
        reason: &str,
        entry: &[u8],
        own_root: Option<Root>,
    ) {
        room.record.broken = Some(Evidence {
            reason: reason.to_owned(),
            number: room.record.frontier.size(),
            entry: Bytes::from(entry),
            own_root,
        });
    }
}
