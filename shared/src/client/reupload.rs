//! What a server restored from a backup has lost: given back from the bytes that this device keeps.

use super::Client;
use super::api::{Event, Failure, Notice};
use super::platform::{CallError, Platform, Socket, Store, Table};
use super::records;
use super::room::Room;
use super::trouble::Trouble;
use crate::codec::Bytes;
use crate::ids::{ConversationId, View};
use crate::protocol::{ErrorCode, GetEntries, Reupload, Reuploaded};

/// About how many bytes go into one request.
const CHUNK_BYTES: usize = 1024 * 1024;
/// Most entries in one request.
const CHUNK_ENTRIES: usize = 1_000;
/// A log begins with two entries at once.
const FEWEST: usize = 2;

impl<P: Platform> Client<P> {
    /// The server's log is shorter than this device's: a restored backup if it is the same as far as it goes, a fork if
    /// it is not.
    pub(super) async fn answer_shorter_log(
        &mut self,
        id: ConversationId,
        server: View,
    ) -> Result<(), Trouble> {
        self.note_server_lacks(&id, true);
        let Some(room) = self.rooms.get(&id) else {
            return Ok(());
        };
        match self.root_at(room, server.size).await? {
            Some(own) if own == server.root => self.give_back(id, server.size).await,
            Some(own) => {
                let reason =
                    "The server has another history of this conversation than this device.";
                self.stop_room(id, reason, Some(own)).await
            }
            // Somebody who has read from earlier on can tell.
            None => Ok(()),
        }
    }

    /// Gives the entries from number `from` on back to a server that lacks them.
    pub(super) async fn give_back(&mut self, id: ConversationId, from: u64) -> Result<(), Trouble> {
        let mut next = from;
        let given = loop {
            let entries = self.kept_entries(id, next).await?;
            let count = entries.len() as u64;
            if count == 0 {
                break Ok(());
            }
            let request = Reupload {
                conversation: id,
                from: next,
                entries,
            };
            match self.platform.socket().request(&request).await {
                Ok(Reuploaded { size }) if size >= next + count => next += count,
                Ok(_) => break Err(Trouble::BadReply("entries given back are not there")),
                Err(error) => break Err(error.into()),
            }
            self.platform.pause().await;
        };
        if next > from {
            (self.emit)(Event::Notice(Notice::GaveBack(next - from)));
        }
        let size = self.rooms.get(&id).map(|room| room.record.frontier.size());
        self.note_server_lacks(&id, size.is_some_and(|size| next < size));
        match given {
            // What is missing before these can be given by others alone; they are tried again at the next connection.
            Err(Trouble::Refused(error))
                if matches!(error.code, ErrorCode::NotFound | ErrorCode::TooMany) =>
            {
                Ok(())
            }
            Err(Trouble::Refused(error)) if error.code == ErrorCode::Conflict => {
                self.compare_at(id, next).await
            }
            Err(Trouble::Refused(error)) if error.code != ErrorCode::SessionEnded => {
                let failure = Failure::from(Trouble::Refused(error));
                (self.emit)(Event::Notice(Notice::Trouble(failure)));
                Ok(())
            }
            given => {
                given?;
                self.sync_room(id).await
            }
        }
    }

    /// Gives a conversation back that the server does not know, or not as one that this user reads.
    pub(super) async fn give_all_back(&mut self, id: ConversationId) -> Result<(), Trouble> {
        let me = self.me()?.user;
        let lost = |room: &&Room| {
            let is_in = room.me(&me).is_some() && room.is_reached();
            is_in && room.server_lacks && room.record.broken.is_none()
        };
        match self.rooms.get(&id).filter(lost) {
            Some(room) => self.give_back(id, room.record.anchor).await,
            None => Ok(()),
        }
    }

    /// Reads the announcement that the server made after a log's newest entry. One that was lost, and that nobody has
    /// given back, is made anew.
    pub(super) async fn read_announcement(&mut self, id: ConversationId) -> Result<(), Trouble> {
        self.sync_room(id).await?;
        let waits = |room: &&Room| {
            room.state.awaits_server && !room.server_lacks && room.record.broken.is_none()
        };
        let Some(room) = self.rooms.get(&id).filter(waits) else {
            return Ok(());
        };
        let request = Reupload {
            conversation: id,
            from: room.record.frontier.size(),
            entries: Vec::new(),
        };
        self.platform.socket().request(&request).await?;
        self.sync_room(id).await
    }

    /// Whether the server lacks entries of a conversation that this device has.
    pub(super) fn server_lacks(&self, id: &ConversationId) -> bool {
        self.rooms.get(id).is_some_and(|room| room.server_lacks)
    }

    pub(super) fn note_server_lacks(&mut self, id: &ConversationId, lacks: bool) {
        if let Some(room) = self.rooms.get_mut(id) {
            room.server_lacks = lacks;
        }
    }

    /// Consecutive entries from number `from` on, as many as fit one request. A purged one ends them.
    async fn kept_entries(&self, id: ConversationId, from: u64) -> Result<Vec<Bytes>, Trouble> {
        let prefix = records::entry_prefix(&id);
        let after = from
            .checked_sub(1)
            .map(|last| records::entry_key(&id, last));
        let store = self.platform.store();
        let found = store
            .scan(Table::Log, &prefix, after.as_deref(), false, CHUNK_ENTRIES)
            .await?;
        let mut entries = Vec::new();
        let mut bytes = 0;
        for (expected, (key, entry)) in (from..).zip(found) {
            bytes += entry.len();
            let is_full = bytes > CHUNK_BYTES && entries.len() >= FEWEST;
            if is_full || records::entry_number(&key) != Some(expected) {
                break;
            }
            entries.push(Bytes(entry));
        }
        Ok(entries)
    }

    /// The server says that it has other entries from number `from` on: if it has, that is a fork.
    async fn compare_at(&mut self, id: ConversationId, from: u64) -> Result<(), Trouble> {
        let request = GetEntries {
            conversation: id,
            from,
            limit: 1,
        };
        let page = match self.platform.socket().request(&request).await {
            Err(CallError::Refused(error)) if error.code == ErrorCode::NotFound => return Ok(()),
            page => page?,
        };
        match page.entries.first() {
            Some(at) => self.must_be_the_same(id, at).await,
            None => Ok(()),
        }
    }
}
