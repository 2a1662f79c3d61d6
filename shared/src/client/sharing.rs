//! Earlier history: an admin hands its keys to a newcomer in a signed entry; the newcomer loads what they open, and
//! shows it once it has proven to be the history that the log was built on.

use super::Client;
use super::api::{Answer, Failure};
use super::intent::Intent;
use super::open::Shown;
use super::platform::{Keys, Platform, Socket};
use super::records::EntryRecord;
use super::room::Room;
use super::take::Checked;
use super::trouble::Trouble;
use crate::codec::Bytes;
use crate::ids::{ConversationId, Epoch, Root, UserId};
use crate::log::LogState;
use crate::log::act::Share;
use crate::log::tree::wraps_root;
use crate::protocol::{EntryAt, GetEntries, MAX_PAGE};

/// How many epochs one entry hands over at most: the newest.
const MAX_SHARED: usize = 2_000;
/// Entries written together.
const TOGETHER: usize = 200;

const LIE: Trouble = Trouble::BadReply(
    "the shared history is not the one that this conversation was built on, and is not shown",
);

/// A verified entry from before the anchor.
struct Past {
    at: EntryAt,
    checked: Checked,
    /// The tree's root after it.
    root: Root,
    /// The epoch in force before it.
    epoch: Option<Epoch>,
}

impl<P: Platform> Client<P> {
    /// Hands somebody the keys of every epoch that they may not read and this user has.
    pub(super) async fn share_history(
        &mut self,
        id: ConversationId,
        user: UserId,
    ) -> Result<Answer, Trouble> {
        self.must_be_online()?;
        let me = self.me()?.user;
        let room = self.rooms.get(&id).ok_or(Failure::NotAllowed)?;
        let epochs: Vec<Epoch> = lacking(&room.state, &me, &user).collect();
        let Some(mut room) = self.rooms.remove(&id) else {
            return Err(Failure::NotAllowed.into());
        };
        let mut fetched = Ok(());
        for epoch in epochs.iter().rev().take(MAX_SHARED) {
            fetched = self.epoch_key(&mut room, *epoch).await.map(|_| ());
            if fetched.is_err() {
                break;
            }
        }
        self.put_back(room, fetched).await?;
        self.author(id, Intent::Share(user)).await
    }

    /// The keys for somebody, wrapped for their identity in force.
    pub(super) async fn share(
        &self,
        state: &LogState,
        user: UserId,
    ) -> Result<(Share, Vec<Bytes>), Trouble> {
        let person = state.people.get(&user).ok_or(Failure::NotAllowed)?;
        let identity = person.identity.hash();
        let spki = &person.identity.identity().encryption;
        let lacking: Vec<Epoch> = lacking(state, &self.me()?.user, &user).collect();
        let (mut epochs, mut wraps) = (Vec::new(), Vec::new());
        let from = lacking.len().saturating_sub(MAX_SHARED);
        for epoch in &lacking[from..] {
            let key = self.known_key(&state.conversation, *epoch).await?;
            let (Some(key), Some(record)) = (key, state.epoch_record(*epoch)) else {
                continue;
            };
            let label = state.epoch_context(record).shared_wrap_label(&identity);
            let wrap = self.platform.keys().wrap(spki, &key, &label).await?;
            epochs.push(*epoch);
            wraps.push(Bytes(wrap));
        }
        if epochs.is_empty() {
            return Err(Failure::NotAllowed.into());
        }
        let share = Share {
            user,
            identity,
            epochs,
            wraps: wraps_root(&wraps),
        };
        Ok((share, wraps))
    }

    /// Loads what lies between number `from`, where the first shared epoch was announced, and what this device holds.
    /// Nothing is written or shown before all of it has proven to lead to the anchor's root.
    pub(super) async fn load_shared(
        &mut self,
        id: ConversationId,
        from: u64,
    ) -> Result<(), Trouble> {
        let Some(room) = self.rooms.get(&id) else {
            return Ok(());
        };
        let (anchor, goal) = (room.record.anchor, room.record.anchor_root);
        let chain = self.chain(id, None, Some(from)).await?;
        let (state, _) = self.replay(id, &chain).await?;
        let mut past = Room::new(state, chain.tree()?);
        let mut found = Vec::new();
        while past.record.frontier.size() < anchor {
            let size = past.record.frontier.size();
            let request = GetEntries {
                conversation: id,
                from: size,
                limit: MAX_PAGE,
            };
            let page = self.platform.socket().request(&request).await?.entries;
            if page.first().map(|at| at.number) != Some(size) {
                return Err(LIE);
            }
            for at in page.into_iter().take_while(|at| at.number < anchor) {
                found.push(self.check_past(&mut past, at).await?);
            }
            self.platform.pause().await;
        }
        if past.record.frontier.root() != goal {
            return Err(LIE);
        }
        let Some(mut room) = self.rooms.remove(&id) else {
            return Ok(());
        };
        let kept = self.keep_past(&mut room, found).await;
        if kept.is_ok() {
            room.record.anchor = from;
            room.record.anchor_root = past.record.anchor_root;
        }
        self.put_back(room, kept).await?;
        self.show_newest(id).await
    }

    /// Checks the next entry of the past, and puts it into its tree.
    async fn check_past(&self, past: &mut Room, at: EntryAt) -> Result<Past, Trouble> {
        if at.number != past.record.frontier.size() {
            return Err(LIE);
        }
        let epoch = past.state.epoch().map(|current| current.epoch);
        let checked = self.check(past, &at.entry).await?.map_err(|_| LIE)?;
        past.record.frontier.append(at.entry.leaf());
        let view = past.record.frontier.view();
        past.record.roots.push((view.size, view.root));
        Ok(Past {
            at,
            checked,
            root: view.root,
            epoch,
        })
    }

    /// Opens and writes the verified past. Messages of epochs that were not shared give no row.
    async fn keep_past(&mut self, room: &mut Room, found: Vec<Past>) -> Result<(), Trouble> {
        let (id, me) = (room.id(), self.me()?.user);
        for (place, past) in found.into_iter().enumerate() {
            let Past {
                at,
                checked,
                root,
                epoch,
            } = past;
            let shown = match checked {
                Checked::Message(entry, author) => self.message_row(room, &entry, &author).await?,
                Checked::Changed(changed) => self.change_row(room, *changed).await?,
                Checked::Marked(body) => Shown {
                    body: epoch
                        .is_some_and(|epoch| room.state.may_read(&me, epoch))
                        .then_some(body),
                    waits_for: None,
                },
            };
            let record = EntryRecord {
                hash: at.entry.leaf(),
                root,
                row: shown.body.map(|body| at.row(body)),
                waits_for: shown.waits_for,
                time: at.time,
            };
            self.write_entry(&id, at.number, &record);
            self.write_bytes(&id, &at);
            if place % TOGETHER == TOGETHER - 1 {
                self.flush().await?;
                self.platform.pause().await;
            }
        }
        self.flush().await?;
        if room.record.last.is_none() {
            room.record.last = self.find_last_line(id).await?;
        }
        Ok(())
    }
}

/// Epochs that `by` may read and `user` may not, ascending.
pub(super) fn lacking(state: &LogState, by: &UserId, user: &UserId) -> impl Iterator<Item = Epoch> {
    let newest = state.epoch().map_or(0, |current| current.epoch.0);
    let (mine, theirs) = (spans(state, by), spans(state, user));
    let mut at = 1;
    std::iter::from_fn(move || {
        while at <= newest {
            let within = |spans: &[Span]| {
                let mut spans = spans.iter();
                spans
                    .find(|span| span.0 <= at && at <= span.1)
                    .map(|span| span.1)
            };
            match (within(&mine), within(&theirs)) {
                (_, Some(last)) => at = last.saturating_add(1),
                (Some(_), None) => {
                    at += 1;
                    return Some(Epoch(at - 1));
                }
                (None, None) => {
                    let later = mine.iter().map(|span| span.0).filter(|from| *from > at);
                    at = later.min()?;
                }
            }
        }
        None
    })
}

/// First and last epoch.
type Span = (u32, u32);

/// Which epochs somebody may read, ascending and apart.
fn spans(state: &LogState, user: &UserId) -> Vec<Span> {
    let readings = state
        .readings
        .iter()
        .filter(|reading| reading.user == *user);
    let by_right = readings.map(|reading| {
        let last = reading.to.map_or(u32::MAX, |last| last.0);
        (reading.from.0, last)
    });
    let shares = state.shares.iter().filter(|share| share.user == *user);
    let shared = shares.flat_map(|share| share.epochs.iter().map(|epoch| (epoch.0, epoch.0)));
    let mut all: Vec<Span> = by_right.chain(shared).collect();
    all.sort_unstable();
    all.dedup_by(|next, span| {
        let joins = next.0 <= span.1.saturating_add(1);
        if joins {
            span.1 = span.1.max(next.1);
        }
        joins
    });
    all
}
