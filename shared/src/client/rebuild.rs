//! A store that is gone or damaged. What is in memory, or still opens, is kept; the rest comes from the server again.

use super::api::{Connection, Event, Notice, Session};
use super::platform::{Keys, Platform, Store, Table};
use super::records;
use super::trouble::Trouble;
use super::{Client, decode_stored};
use crate::ids::ConversationId;

impl<P: Platform> Client<P> {
    /// The store was lost under the running client, and is there again, empty, with the keys: writes down what is in
    /// memory, unsent messages among it, and fetches the conversations anew.
    pub async fn store_lost(&mut self) {
        self.forget_batch();
        if self.account.is_none() {
            // What was locked is gone with it.
            if self.locked.take().is_some() {
                self.set_session(Session::SignedOut { ended: false });
            }
            return;
        }
        let before: Vec<_> = self.rooms.keys().copied().collect();
        let rebuilt = match self.write_anew().await {
            Ok(()) => self.catch_up_anew(&before).await,
            Err(trouble) => Err(trouble),
        };
        if let Err(trouble) = rebuilt {
            self.after_sync_trouble(&trouble).await;
        }
    }

    /// Reads what still opens of a damaged store, and begins anew with it; `false` where that is not the account.
    pub(super) async fn salvage(&mut self) -> Result<bool, Trouble> {
        self.forget_memory();
        let user = self.platform.keys().load().await?;
        let account = self.read(Table::Meta, records::ACCOUNT).await;
        let account: Option<records::AccountRecord> = match account {
            Ok(Some(bytes)) => decode_stored(&bytes).ok(),
            _ => None,
        };
        let Some(account) = account.filter(|account| Some(account.user) == user) else {
            return Ok(false);
        };
        if account.token.is_empty() {
            // Closed in the middle of locking.
            return Ok(false);
        }
        self.account = Some(account);
        // Each for itself: what does not open is on the server or in the vault, but for what was not sent.
        let _ = self.load_pins_and_outbox().await;
        let _ = self.load_synced().await;
        self.write_anew().await?;
        Ok(true)
    }

    /// Empties the store and writes down what is in memory, without the conversations: their entries are not.
    async fn write_anew(&mut self) -> Result<(), Trouble> {
        self.platform.store().clear().await?;
        self.keep_for_entering();
        let account = self.me()?.clone();
        for (user, pin) in &self.pins {
            self.batch
                .push(records::put(Table::Pins, user.0.to_vec(), pin));
        }
        for (place, waiting) in &self.outbox {
            let key = place.to_be_bytes().to_vec();
            self.batch.push(records::put(Table::Outbox, key, waiting));
        }
        self.keep_account(account).await?;
        (self.emit)(Event::Notice(Notice::StoreRebuilt));
        Ok(())
    }

    /// Drops the rooms, so that they are entered again; what only they knew is kept until then.
    fn keep_for_entering(&mut self) {
        self.note_present_state();
        for (id, room) in std::mem::take(&mut self.rooms) {
            if !room.record.draft.is_empty() {
                self.drafts.insert(id, room.record.draft.clone());
            }
            if room.record.broken.is_some() {
                // It stays stopped, with its evidence.
                self.batch.push(room.put_record());
                self.batch.push(records::put_state(&room.state));
                self.rooms.insert(id, room);
            }
        }
    }

    /// Fetches the conversations now if there is a connection; else that is done as soon as there is one.
    async fn catch_up_anew(&mut self, before: &[ConversationId]) -> Result<(), Trouble> {
        if self.must_be_resumed().is_err() {
            return Ok(());
        }
        self.set_connection(Connection::CatchingUp);
        self.catch_up(u64::MAX).await?;
        // One was in them no more: only this device still had what was read.
        for id in before {
            if !self.rooms.contains_key(id) {
                self.close(*id);
            }
        }
        // Pages look at rows that were verified again meanwhile.
        for id in self.open.clone() {
            self.show_newest(id).await?;
        }
        Ok(())
    }
}
