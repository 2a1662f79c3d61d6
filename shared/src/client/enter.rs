//! Beginning to hold a conversation: as its creator from entry 0, as a newcomer or on a new browser from an anchor, the
//! state entries and the tree before one's own invitation.

use super::api::RowBody;
use super::history::{happened, superseded};
use super::platform::{Platform, Socket, Table, Write};
use super::room::Room;
use super::trouble::Trouble;
use super::{Client, records};
use crate::ids::{ConversationId, Root};
use crate::log::tree::Frontier;
use crate::log::{Entry, LogState};
use crate::protocol::{Anchor, EntryAt, GetAnchor, GetEntries, Stored};

/// What the server gives to begin from.
pub(super) struct Chain {
    /// State entries, oldest first.
    pub(super) entries: Vec<EntryAt>,
    /// Size of the tree to begin from; 0 for the creator's anchor.
    size: u64,
    peaks: Vec<Root>,
}

impl Chain {
    /// The tree to begin from.
    pub(super) fn tree(&self) -> Result<Frontier, Trouble> {
        Frontier::from_peaks(self.size, self.peaks.clone())
            .ok_or(Trouble::BadReply("peaks do not fit the size"))
    }
}

impl<P: Platform> Client<P> {
    /// Begins to hold a conversation: replays the state entries before one's own invitation.
    pub(super) async fn enter(&mut self, conversation: ConversationId) -> Result<(), Trouble> {
        let chain = self.chain(conversation, None, None).await?;
        let mut replayed = Vec::new();
        let mut room = if chain.size == 0 {
            self.begin_from_create(conversation).await?
        } else {
            let (state, writes) = self.replay(conversation, &chain).await?;
            if state.people.contains_key(&self.me()?.user) {
                // It would let the server leave out what happened since the invitation.
                return Err(Trouble::BadReply("an anchor after one's own invitation"));
            }
            replayed = writes;
            Room::new(state, chain.tree()?)
        };
        let people = room.state.people.values();
        let people: Vec<_> = people.map(|person| person.identity.clone()).collect();
        self.see_identities(&people).await?;
        if let Some(mark) = self.synced.read_mark(&conversation) {
            room.record.read = mark.max(room.record.read);
        }
        if let Some(draft) = self.drafts.remove(&conversation) {
            room.record.draft = draft;
        }
        self.batch.extend(replayed);
        self.batch.push(records::put_state(&room.state));
        self.put_back(room, Ok(())).await
    }

    /// The creator's own log starts with entry 0, which no state judges but its own.
    async fn begin_from_create(&mut self, conversation: ConversationId) -> Result<Room, Trouble> {
        let request = GetEntries {
            conversation,
            from: 0,
            limit: 1,
        };
        let page = self.platform.socket().request(&request).await?;
        let Some(create) = page.entries.first() else {
            return Err(Trouble::BadReply("a log without its first entry"));
        };
        self.begin_room(conversation, create).await
    }

    /// A room that holds entry 0.
    pub(super) async fn begin_room(
        &mut self,
        conversation: ConversationId,
        create: &EntryAt,
    ) -> Result<Room, Trouble> {
        let state = self.first_state(conversation, create).await?;
        let mut room = Room::new(state, Frontier::default());
        room.record.joined = room.state.is_accepted(&self.me()?.user);
        self.keep_create(&mut room, create)?;
        Ok(room)
    }

    /// The state entries below one's own anchor, or below number `size`, that come after number `known`, and the tree
    /// there; page by page.
    pub(super) async fn chain(
        &self,
        conversation: ConversationId,
        known: Option<u64>,
        size: Option<u64>,
    ) -> Result<Chain, Trouble> {
        let wanted = size;
        let mut chain: Option<Chain> = None;
        loop {
            let entries = chain.as_ref().map(|chain| &chain.entries);
            let last = entries.and_then(|entries| entries.last());
            let after = last.map(|last| last.number).or(known);
            let request = GetAnchor {
                conversation,
                after,
                size: wanted,
            };
            let Anchor {
                state,
                size,
                peaks,
                more,
            } = self.platform.socket().request(&request).await?;
            let is_new = |at: &EntryAt| after.is_none_or(|last| at.number > last);
            if !state.iter().all(is_new) {
                return Err(Trouble::BadReply("the chain is out of order"));
            }
            if wanted.is_some_and(|wanted| wanted != size) {
                return Err(Trouble::BadReply("the chain ends elsewhere"));
            }
            let more = more && !state.is_empty();
            match &mut chain {
                None => {
                    chain = Some(Chain {
                        entries: state,
                        size,
                        peaks,
                    });
                }
                Some(chain) if chain.size == size => chain.entries.extend(state),
                Some(_) => return Err(Trouble::BadReply("the anchor moved")),
            }
            if let Some(chain) = chain.take_if(|_| !more) {
                return Ok(chain);
            }
            self.platform.pause().await;
        }
    }

    /// Replays a chain from the first entry on. Returns the state that it makes, and the writes of its entries' bytes
    /// and of what they say.
    pub(super) async fn replay(
        &self,
        conversation: ConversationId,
        chain: &Chain,
    ) -> Result<(LogState, Vec<Write>), Trouble> {
        let me = self.me()?.user;
        let Some((create, entries)) = chain.entries.split_first() else {
            return Err(Trouble::BadReply("a chain without its first entry"));
        };
        let mut state = self.first_state(conversation, create).await?;
        let told = happened(&state, &state, &parsed(create)?, me);
        let mut writes = Vec::from_iter(put_happened(&conversation, create, told));
        writes.extend(put_bytes(&conversation, create));
        let replayed = self.replay_on(&mut state, entries, chain.size).await?;
        writes.extend(replayed);
        Ok((state, writes))
    }

    /// Replays state entries below number `size` on a state; the writes as in [`Self::replay`].
    pub(super) async fn replay_on(
        &self,
        state: &mut LogState,
        entries: &[EntryAt],
        size: u64,
    ) -> Result<Vec<Write>, Trouble> {
        let (me, conversation) = (self.me()?.user, state.conversation);
        let mut writes = Vec::new();
        let mut after = 0;
        for at in entries {
            if at.number <= after || at.number >= size {
                return Err(Trouble::BadReply("the chain is out of order"));
            }
            let entry = parsed(at)?;
            let judged = state
                .judge(&entry, at.number)
                .map_err(|_| Trouble::BadReply("a state entry breaks the rules"))?;
            if !self.all_hold(judged.claims()).await? {
                return Err(Trouble::BadReply("a state entry's signature does not hold"));
            }
            let told = happened(state, judged.next_state(state), &entry, me);
            writes.extend(put_happened(&conversation, at, told));
            writes.extend(put_bytes(&conversation, at));
            let superseded = superseded(state, &entry, judged.change());
            let identities = superseded.iter();
            writes.extend(identities.map(|signed| records::put_identity(&conversation, signed)));
            state.apply(judged);
            after = at.number;
        }
        Ok(writes)
    }

    async fn first_state(
        &self,
        conversation: ConversationId,
        create: &EntryAt,
    ) -> Result<LogState, Trouble> {
        let entry = parsed(create)?;
        if create.number != 0 || ConversationId::from(entry.hash()) != conversation {
            return Err(Trouble::BadReply(
                "the first entry is of another conversation",
            ));
        }
        let judged = LogState::begin(&entry)
            .map_err(|_| Trouble::BadReply("the first entry breaks the rules"))?;
        if !self.all_hold(judged.claims()).await? {
            return Err(Trouble::BadReply(
                "the first entry's signature does not hold",
            ));
        }
        judged
            .into_first_state()
            .ok_or(Trouble::BadReply("the first entry makes no state"))
    }
}

/// A state entry, which must be there whole.
pub(super) fn parsed(at: &EntryAt) -> Result<Entry, Trouble> {
    let Stored::Whole(bytes) = &at.entry else {
        return Err(Trouble::BadReply("a state entry is missing from the chain"));
    };
    Entry::parse(bytes).map_err(|_| Trouble::BadReply("a state entry is malformed"))
}

/// The write of an entry's exact bytes.
pub(super) fn put_bytes(conversation: &ConversationId, at: &EntryAt) -> Option<Write> {
    let Stored::Whole(bytes) = &at.entry else {
        return None;
    };
    Some(Write {
        table: Table::Log,
        key: records::entry_key(conversation, at.number),
        value: Some(bytes.to_vec()),
    })
}

fn put_happened(
    conversation: &ConversationId,
    at: &EntryAt,
    body: Option<RowBody>,
) -> Option<Write> {
    Some(records::put_history(
        conversation,
        at.number,
        &at.row(body?),
    ))
}
