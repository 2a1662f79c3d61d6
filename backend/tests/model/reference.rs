//! What is true: the server's own logs, read from its database and replayed by `shared::log`.

use std::collections::BTreeMap;
use std::path::Path;

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, Statement};
use secure_chat_shared::ids::{ConversationId, Epoch, Root, UserId};
use secure_chat_shared::log::tree::Frontier;
use secure_chat_shared::log::{Act, Entry, LogState};

/// The logs of one server.
pub struct Logs {
    database: DatabaseConnection,
    by_id: BTreeMap<ConversationId, Log>,
}

/// One log.
#[derive(Clone)]
pub struct Log {
    pub entries: Vec<Entry>,
    /// The state after each entry.
    pub states: Vec<LogState>,
    /// Roots by size.
    pub roots: Vec<Root>,
    frontier: Frontier,
}

impl Logs {
    /// Those in a database file.
    pub async fn open(file: &Path) -> Self {
        let mut options = ConnectOptions::new(format!("sqlite://{}?mode=ro", file.display()));
        options
            .max_connections(1)
            .min_connections(1)
            .sqlx_logging(false);
        let database = sea_orm::Database::connect(options).await.unwrap();
        Self {
            database,
            by_id: BTreeMap::new(),
        }
    }

    /// Lets the database go.
    pub async fn close(&self) {
        self.database.clone().close().await.unwrap();
    }

    /// A log as far as it has been read.
    pub fn get(&self, id: &ConversationId) -> &Log {
        &self.by_id[id]
    }

    /// Every log.
    pub fn all(&self) -> &BTreeMap<ConversationId, Log> {
        &self.by_id
    }

    /// Whether a log has everything that it had before it was lost.
    pub fn has_all_of(&self, before: &Log) -> bool {
        let Some(log) = before
            .states
            .last()
            .and_then(|state| self.by_id.get(&state.conversation))
        else {
            return false;
        };
        log.roots.get(before.entries.len()) == before.roots.last()
    }

    /// Keeps a log as it was before it was lost: nobody is in it who could miss it.
    pub fn keep(&mut self, id: ConversationId, log: Log) {
        self.by_id.insert(id, log);
    }

    /// Reads what is new in a log; the numbers of the first entry read and of the next one to come.
    pub async fn read(&mut self, id: ConversationId) -> Result<(u64, u64), String> {
        let log = self.by_id.entry(id).or_insert_with(Log::empty);
        let from = log.size();
        let sql = "SELECT number, bytes FROM entries WHERE conversation_id = $1 AND number >= $2 ORDER BY number";
        let statement = Statement::from_sql_and_values(
            sea_orm::DbBackend::Sqlite,
            sql,
            [id.0.to_vec().into(), i64::try_from(from).unwrap().into()],
        );
        for row in self.database.query_all_raw(statement).await.unwrap() {
            let number: i64 = row.try_get("", "number").unwrap();
            let bytes: Vec<u8> = row.try_get("", "bytes").unwrap();
            if u64::try_from(number) != Ok(log.size()) {
                return Err(format!("the server's log has a gap before {number}"));
            }
            log.append(id, &bytes)?;
        }
        Ok((from, log.size()))
    }
}

impl Log {
    fn empty() -> Self {
        let frontier = Frontier::default();
        Self {
            entries: Vec::new(),
            states: Vec::new(),
            roots: vec![frontier.root()],
            frontier,
        }
    }

    fn append(&mut self, id: ConversationId, bytes: &[u8]) -> Result<(), String> {
        let number = self.size();
        let wrong = |why: &dyn std::fmt::Display| format!("the server took entry {number}: {why}");
        let entry = Entry::parse(bytes).map_err(|error| wrong(&error))?;
        if entry.view().root != self.roots[usize::try_from(entry.view().size).unwrap()] {
            return Err(wrong(&"its view is false"));
        }
        let next = match self.states.last() {
            None => {
                if ConversationId::from(entry.hash()) != id {
                    return Err(wrong(&"it is of another conversation"));
                }
                let judged = LogState::begin(&entry).map_err(|refusal| wrong(&refusal))?;
                judged
                    .into_first_state()
                    .ok_or_else(|| wrong(&"no state"))?
            }
            Some(state) => {
                let judged = state
                    .judge(&entry, number)
                    .map_err(|refusal| wrong(&refusal))?;
                let mut next = state.clone();
                next.apply(judged);
                next
            }
        };
        self.frontier.append(entry.hash());
        self.roots.push(self.frontier.root());
        self.entries.push(entry);
        self.states.push(next);
        Ok(())
    }

    /// Number of entries.
    pub fn size(&self) -> u64 {
        self.entries.len() as u64
    }

    /// The newest state.
    pub fn state(&self) -> &LogState {
        self.states.last().expect("a log has a first entry")
    }

    /// The state that an entry was judged in; its own for the first.
    pub fn state_before(&self, number: u64) -> &LogState {
        &self.states[usize::try_from(number.saturating_sub(1)).unwrap()]
    }

    /// The state after an entry.
    pub fn state_after(&self, number: u64) -> &LogState {
        &self.states[usize::try_from(number).unwrap()]
    }

    /// Whether somebody's part may end at a size: at the end while they are in, else at an entry with which they went.
    /// A browser that was away need not hear of an invitation that came and went meanwhile.
    pub fn may_end_at(&self, user: &UserId, size: u64) -> bool {
        let is_in = |number: u64| {
            let state = usize::try_from(number)
                .ok()
                .and_then(|at| self.states.get(at));
            state.is_some_and(|state| state.people.contains_key(user))
        };
        match self.state().people.contains_key(user) {
            true => size == self.size(),
            false => size >= 2 && is_in(size - 2) && !is_in(size - 1),
        }
    }

    /// How far somebody may read: to the end, or to the entry with which they went.
    pub fn end_for(&self, user: &UserId) -> u64 {
        let last_in = self
            .states
            .iter()
            .rposition(|state| state.people.contains_key(user));
        match last_in {
            None => 0,
            Some(last) if last + 1 == self.states.len() => self.size(),
            Some(last) => last as u64 + 2,
        }
    }

    /// Where the invitations of somebody begin to read: the sizes that they name.
    pub fn anchors_of(&self, user: &UserId) -> Vec<u64> {
        let begins = |number: usize| {
            let before = number.checked_sub(1).map(|number| &self.states[number]);
            self.states[number].people.contains_key(user)
                && before.is_none_or(|before| !before.people.contains_key(user))
        };
        (0..self.states.len())
            .filter(|number| begins(*number))
            .map(|number| self.entries[number].view().size)
            .collect()
    }

    /// Whether somebody's part of the log may begin at a size: an invitation, or history that was shared.
    pub fn may_begin_at(&self, user: &UserId, size: u64) -> bool {
        let shares = self.state().shares.iter();
        let mut shared = shares
            .filter(|share| share.user == *user)
            .flat_map(|share| &share.epochs);
        self.anchors_of(user).contains(&size)
            || shared.any(|epoch| self.announced(*epoch) == Some(size))
    }

    /// Where somebody's part must begin at the latest, by what was shared with them since they came last.
    pub fn begins_by(&self, user: &UserId) -> Option<u64> {
        self.state().people.get(user)?;
        let since = self.anchors_of(user).into_iter().max()?;
        let shares = self.entries.iter().skip(usize::try_from(since).unwrap());
        let shared = shares.filter_map(|entry| match entry {
            Entry::State(state) => match &state.header.act {
                Act::Share(share) if share.user == *user => share.epochs.first(),
                _ => None,
            },
            _ => None,
        });
        shared.filter_map(|epoch| self.announced(*epoch)).min()
    }

    /// Number of the entry that announced an epoch.
    fn announced(&self, epoch: Epoch) -> Option<u64> {
        self.state().epoch_record(epoch).map(|record| record.number)
    }

    /// Whether somebody was out at some time from a size on.
    pub fn was_out_since(&self, user: &UserId, size: u64) -> bool {
        let from = usize::try_from(size.saturating_sub(1)).unwrap();
        self.states[from..]
            .iter()
            .any(|state| !state.is_accepted(user))
    }

    /// Whether somebody may read an epoch, by right or because it was shared.
    pub fn may_read(&self, user: &UserId, epoch: Epoch) -> bool {
        self.state().may_read(user, epoch)
    }
}
