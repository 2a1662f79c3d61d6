//! State entries by this user: judged here first, with a fresh key and wraps for whoever may read afterwards.
//!
//! A key that was once in a request is never used in another: every attempt makes its own.

use std::collections::BTreeMap;

use futures::future::try_join_all;

use super::Client;
use super::api::Standing as Present;
use super::api::{Answer, Blocked, Event, Failure, Notice, PresenceStatus};
use super::platform::{CallError, Keys, Platform, Socket};
use super::trouble::Trouble;
use crate::codec::{self, Bytes};
use crate::crypto::epoch::{EpochContext, EpochKey, commitment, seal_title};
use crate::crypto::identity::{Compromised, Identity, SignedIdentity};
use crate::crypto::random;
use crate::ids::{ConversationId, Epoch, NameError, UserId, UserName, View};
use crate::log::act::{Accept, Create, Drop, Invite, NewIdentity, Rename};
use crate::log::entry::{StateHeader, assemble_state, state_signing_payload};
use crate::log::state::readers_digest;
use crate::log::tree::{Frontier, leaf_hash, wraps_root};
use crate::log::{Act, Announcement, Entry, LogState, Mode, Person, Standing};
use crate::protocol::{
    Append, CreateConversation, EntryAt, ErrorCode, GetManagedKey, LookupNames, Stored,
};

/// How often an act is tried again after somebody else's came first.
const ATTEMPTS: usize = 8;

/// What a person wants done, checked anew against the state at every attempt.
pub(super) enum Intent {
    Invite(Vec<SignedIdentity>),
    Accept,
    Decline,
    Leave,
    Remove(UserId),
    SetAdmin(UserId, bool),
    Rename(String),
    Rekey,
    /// Newer versions of one's own identity.
    Identity(Vec<SignedIdentity>),
    Compromised(Compromised),
}

impl Intent {
    /// Going away hands nobody a key.
    fn goes_away(&self) -> bool {
        matches!(self, Self::Leave | Self::Decline | Self::Compromised(_))
    }
}

/// An act ready to be appended.
struct Drafted {
    bytes: Vec<u8>,
    wraps: Vec<Bytes>,
    key: Option<EpochKey>,
}

impl<P: Platform> Client<P> {
    pub(super) async fn create_conversation(
        &mut self,
        people: &[String],
        title: &str,
        managed: bool,
    ) -> Result<Answer, Trouble> {
        self.must_be_online()?;
        let invited = self.look_up(people).await?;
        let mode = if managed {
            let key = self.platform.socket().request(&GetManagedKey).await?;
            Mode::ServerManaged(key.spki)
        } else {
            Mode::EndToEnd
        };
        let account = self.me()?.clone();
        let empty = Frontier::default();
        let create = Create {
            mode,
            nonce: Bytes(random::bytes::<32>().to_vec()),
            identity: account.identity.clone(),
            continues: None,
        };
        let header = StateHeader::new(
            None,
            account.user,
            account.identity.hash(),
            empty.view(),
            None,
            Act::Create(create),
        );
        let create = self.signed(&header, &account.identity).await?;
        let entry = Entry::parse(&create).map_err(|_| internal())?;
        let state = LogState::begin(&entry)
            .ok()
            .and_then(crate::log::Judged::into_first_state)
            .ok_or_else(internal)?;
        let conversation = state.conversation;
        let mut frontier = empty;
        frontier.append(leaf_hash(&create));
        let drafted = self
            .draft(
                &state,
                frontier.view(),
                &Intent::Invite(invited.clone()),
                title,
            )
            .await?;
        let request = CreateConversation {
            create: Bytes(create.clone()),
            invite: Bytes(drafted.bytes.clone()),
            wraps: drafted.wraps,
        };
        let appended = self.platform.socket().request(&request).await?;
        if appended.number != 1 {
            return Err(Trouble::BadReply("the second entry is not the second"));
        }
        let room = self
            .begin_room(conversation, &create, appended.time)
            .await?;
        self.batch
            .push(crate::client::records::put_state(&room.state));
        self.rooms.insert(conversation, room);
        let at = EntryAt {
            number: 1,
            time: appended.time,
            entry: Stored::Whole(Bytes(drafted.bytes)),
        };
        self.take_next(conversation, at, drafted.key).await?;
        if managed {
            self.sync_room(conversation).await?;
            if !title.is_empty() {
                self.author(conversation, Intent::Rename(title.to_owned()))
                    .await?;
            }
        }
        self.tell_who_is_offline(&invited).await?;
        Ok(Answer::Conversation(conversation))
    }

    pub(super) async fn invite(
        &mut self,
        conversation: ConversationId,
        people: &[String],
    ) -> Result<Answer, Trouble> {
        self.must_be_online()?;
        let invited = self.look_up(people).await?;
        let room = self.rooms.get(&conversation).ok_or(Failure::NotAllowed)?;
        for identity in &invited {
            if room.state.people.contains_key(&identity.identity().user) {
                let name = identity.identity().name.to_string();
                return Err(Failure::AlreadyMember(name).into());
            }
        }
        self.author(conversation, Intent::Invite(invited.clone()))
            .await?;
        self.seal_title_for_all(conversation).await?;
        self.tell_who_is_offline(&invited).await?;
        Ok(Answer::Nothing)
    }

    pub(super) async fn accept(&mut self, id: ConversationId) -> Result<Answer, Trouble> {
        self.author(id, Intent::Accept).await
    }

    pub(super) async fn decline(&mut self, id: ConversationId) -> Result<Answer, Trouble> {
        self.author(id, Intent::Decline).await
    }

    pub(super) async fn leave(&mut self, id: ConversationId) -> Result<Answer, Trouble> {
        self.author(id, Intent::Leave).await
    }

    pub(super) async fn remove(
        &mut self,
        id: ConversationId,
        user: UserId,
    ) -> Result<Answer, Trouble> {
        self.author(id, Intent::Remove(user)).await
    }

    pub(super) async fn set_admin(
        &mut self,
        id: ConversationId,
        user: UserId,
        admin: bool,
    ) -> Result<Answer, Trouble> {
        self.author(id, Intent::SetAdmin(user, admin)).await
    }

    pub(super) async fn rename(
        &mut self,
        id: ConversationId,
        title: &str,
    ) -> Result<Answer, Trouble> {
        self.author(id, Intent::Rename(title.trim().to_owned()))
            .await
    }

    /// Appends what the intent asks for, again on the newest state whenever somebody else came first.
    pub(super) async fn author(
        &mut self,
        conversation: ConversationId,
        intent: Intent,
    ) -> Result<Answer, Trouble> {
        self.must_be_online()?;
        for _ in 0..ATTEMPTS {
            let room = self.rooms.get(&conversation).ok_or(Failure::NotAllowed)?;
            if room.record.broken.is_some() {
                return Err(Failure::LogBroken.into());
            }
            if let Some(Blocked::IdentityChanged { user, name, .. }) = self.blocked(room)
                && !intent.goes_away()
            {
                return Err(Failure::IdentityChanged(user, name).into());
            }
            if matches!(intent, Intent::Rename(_)) && room.state.due {
                Box::pin(self.author(conversation, Intent::Rekey)).await?;
                continue;
            }
            let state = room.state.clone();
            let view = room.record.frontier.view();
            let title = room.record.title.clone();
            if state.awaits_server {
                // Its announcement is on disk together with what asked for it.
                self.sync_room(conversation).await?;
                continue;
            }
            let drafted = self.draft(&state, view, &intent, &title).await?;
            let Drafted { bytes, wraps, key } = drafted;
            let entry = Bytes(bytes);
            let request = Append {
                conversation,
                entry: entry.clone(),
                wraps,
            };
            match self.platform.socket().request(&request).await {
                Ok(appended) if appended.number == view.size => {
                    let (number, time) = (appended.number, appended.time);
                    let at = EntryAt {
                        number,
                        time,
                        entry: Stored::Whole(entry),
                    };
                    self.take_next(conversation, at, key).await?;
                    if self.awaits_server(&conversation) {
                        self.sync_room(conversation).await?;
                    }
                    return Ok(Answer::Nothing);
                }
                Ok(_) => {
                    self.sync_room(conversation).await?;
                    return Ok(Answer::Nothing);
                }
                Err(CallError::Refused(error))
                    if matches!(
                        error.code,
                        ErrorCode::Conflict | ErrorCode::StaleEpoch | ErrorCode::EpochDue
                    ) =>
                {
                    self.sync_room(conversation).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Failure::Server("others kept coming first".into()).into())
    }

    /// Makes the entry that an intent asks for in this state.
    async fn draft(
        &self,
        state: &LogState,
        view: View,
        intent: &Intent,
        title: &str,
    ) -> Result<Drafted, Trouble> {
        let account = self.me()?;
        let me = state.people.get(&account.user).ok_or(Failure::NotAllowed)?;
        let mut after = state.people.clone();
        let announces = match intent {
            Intent::Invite(people) => {
                for identity in people {
                    let by = account.user;
                    let person = Person {
                        identity: identity.clone(),
                        standing: Standing::Invited { by },
                        admin: false,
                        invited_at: view.size,
                    };
                    after.insert(identity.identity().user, person);
                }
                true
            }
            Intent::Remove(user) => {
                after.remove(user).ok_or(Failure::NotAllowed)?;
                true
            }
            Intent::Rekey => true,
            Intent::Identity(versions) => {
                let newest = versions.last().ok_or(Failure::NotAllowed)?;
                if let Some(person) = after.get_mut(&account.user) {
                    person.identity = newest.clone();
                }
                me.is_accepted()
            }
            Intent::Compromised(_)
            | Intent::Accept
            | Intent::Decline
            | Intent::Leave
            | Intent::SetAdmin(..)
            | Intent::Rename(_) => false,
        };
        let (announcement, wraps, key) = if announces && state.mode == Mode::EndToEnd {
            let (announcement, wraps, key) = self.announce(state, view, &after, title).await?;
            (Some(announcement), wraps, Some(key))
        } else {
            (None, Vec::new(), None)
        };
        let missing = || Trouble::Tell(Failure::NotAllowed);
        let act = match intent {
            Intent::Invite(people) => Act::Invite(Invite {
                people: people.clone(),
                link_proofs: Vec::new(),
                announcement,
            }),
            Intent::Accept => Act::Accept(Accept { link_proof: None }),
            Intent::Decline => Act::Decline,
            Intent::Leave => Act::Leave,
            Intent::Remove(user) => {
                let users = vec![*user];
                let target = state.people.get(user).ok_or_else(missing)?;
                if target.is_accepted() {
                    Act::Remove(Drop {
                        users,
                        announcement,
                    })
                } else {
                    Act::Uninvite(Drop {
                        users,
                        announcement,
                    })
                }
            }
            Intent::SetAdmin(user, true) => Act::Promote(*user),
            Intent::SetAdmin(user, false) => Act::Demote(*user),
            Intent::Rename(title) => {
                let epoch = state.epoch().ok_or_else(missing)?.epoch;
                let key = self
                    .known_key(&state.conversation, epoch)
                    .await?
                    .ok_or_else(missing)?;
                let context = EpochContext {
                    conversation: state.conversation,
                    epoch,
                    view,
                };
                let sealed = seal_title(&key, &context, title).map_err(|_| Failure::TooLarge)?;
                Act::Rename(Rename {
                    epoch,
                    title: sealed,
                })
            }
            Intent::Rekey => Act::Epoch(announcement.ok_or_else(missing)?),
            Intent::Identity(versions) => Act::Identity(NewIdentity {
                versions: versions.clone(),
                announcement,
            }),
            Intent::Compromised(statement) => Act::Compromised(statement.clone()),
        };
        let header = StateHeader::new(
            Some(state.conversation),
            account.user,
            me.identity.hash(),
            view,
            Some(state.last),
            act,
        );
        let bytes = self.signed(&header, &me.identity).await?;
        // What the server would refuse is not sent.
        let entry = Entry::parse(&bytes).map_err(|_| internal())?;
        state
            .judge(&entry, view.size)
            .map_err(|_| Failure::NotAllowed)?;
        Ok(Drafted { bytes, wraps, key })
    }

    /// A fresh key for these readers.
    async fn announce(
        &self,
        state: &LogState,
        view: View,
        readers: &BTreeMap<UserId, Person>,
        title: &str,
    ) -> Result<(Announcement, Vec<Bytes>, EpochKey), Trouble> {
        let epoch = state
            .epoch()
            .map_or(Epoch::FIRST, |current| current.epoch.next());
        let context = EpochContext {
            conversation: state.conversation,
            epoch,
            view,
        };
        let key = EpochKey::make();
        let wraps = readers.values().map(async |person| {
            let label = context.wrap_label(&person.identity.hash());
            let spki = &person.identity.identity().encryption;
            self.platform.keys().wrap(spki, &key, &label).await
        });
        let wraps = try_join_all(wraps).await?;
        let wraps: Vec<Bytes> = wraps.into_iter().map(Bytes).collect();
        let title = match title {
            "" => None,
            title => Some(seal_title(&key, &context, title).map_err(|_| Failure::TooLarge)?),
        };
        let announcement = Announcement {
            epoch,
            commitment: commitment(&key, &context),
            readers: readers_digest(
                readers
                    .iter()
                    .map(|(user, person)| (user, person.identity.hash())),
            ),
            wraps: wraps_root(&wraps),
            title,
        };
        Ok((announcement, wraps, key))
    }

    async fn signed(&self, header: &StateHeader, by: &SignedIdentity) -> Result<Vec<u8>, Trouble> {
        let bytes = codec::encode(header);
        let payload = state_signing_payload(&bytes);
        let Identity {
            version, algorithm, ..
        } = by.identity();
        let signature = self
            .platform
            .keys()
            .sign(*version, *algorithm, &payload)
            .await?;
        Ok(assemble_state(bytes, signature))
    }

    async fn known_key(
        &self,
        conversation: &ConversationId,
        epoch: Epoch,
    ) -> Result<Option<EpochKey>, Trouble> {
        use super::platform::Table;
        if let Some(key) = self
            .rooms
            .get(conversation)
            .and_then(|room| room.keys.get(&epoch))
        {
            return Ok(Some(key.clone()));
        }
        let stored = self
            .read(
                Table::Epochs,
                &super::records::epoch_key(conversation, epoch),
            )
            .await?;
        Ok(stored.and_then(|bytes| EpochKey::from_slice(&bytes)))
    }

    fn awaits_server(&self, conversation: &ConversationId) -> bool {
        let room = self.rooms.get(conversation);
        room.is_some_and(|room| room.state.awaits_server)
    }

    /// Where the server makes the keys it cannot seal the title: whoever invites, else writes next, seals it anew, so
    /// that newcomers read it too.
    pub(super) async fn seal_title_for_all(
        &mut self,
        conversation: ConversationId,
    ) -> Result<(), Trouble> {
        let Some(room) = self.rooms.get(&conversation) else {
            return Ok(());
        };
        let (state, title) = (&room.state, &room.record.title);
        let hidden = state.title.as_ref().is_some_and(|sealed| {
            let mut people = state.people.keys();
            people.any(|user| !state.may_read(user, sealed.epoch))
        });
        let member = self.standing(room) == Present::Member;
        if state.mode == Mode::EndToEnd || !hidden || title.is_empty() || !member {
            return Ok(());
        }
        let title = title.clone();
        Box::pin(self.author(conversation, Intent::Rename(title)))
            .await
            .map(|_| ())
    }

    /// Finds people by the names that somebody typed, and pins them. A changed identity stops here.
    async fn look_up(&mut self, typed: &[String]) -> Result<Vec<SignedIdentity>, Trouble> {
        let own = self.me()?.name.clone();
        let mut asked: BTreeMap<UserName, &str> = BTreeMap::new();
        for raw in typed.iter().filter(|raw| !raw.trim().is_empty()) {
            let name = UserName::normalise(raw)
                .map_err(|_: NameError| Failure::NoSuchPerson(raw.trim().to_owned()))?;
            if name != own {
                asked.insert(name, raw.trim());
            }
        }
        if asked.is_empty() {
            return Err(Failure::NobodyToInvite.into());
        }
        let names = asked.keys().cloned().collect();
        let reply = self
            .platform
            .socket()
            .request(&LookupNames { names })
            .await?;
        let mut found = Vec::with_capacity(asked.len());
        for person in &reply.people {
            let identity = self.follow_chain(person).await?;
            if asked.remove(&identity.identity().name).is_none() {
                return Err(Trouble::BadReply(
                    "the directory gave somebody who was not asked for",
                ));
            }
            found.push(identity);
        }
        self.flush().await?;
        match asked.pop_first() {
            Some((_, raw)) => Err(Failure::NoSuchPerson(raw.to_owned()).into()),
            None => Ok(found),
        }
    }

    /// Who of these is not there now and will be told later.
    pub(super) async fn tell_who_is_offline(
        &mut self,
        people: &[SignedIdentity],
    ) -> Result<(), Trouble> {
        // Asked now: people who shared no conversation before have no known presence yet.
        self.pull_presence().await?;
        let offline: Vec<String> = people
            .iter()
            .map(SignedIdentity::identity)
            .filter(|identity| {
                !matches!(
                    self.presence.get(&identity.user),
                    Some(PresenceStatus::Online | PresenceStatus::Away)
                )
            })
            .map(|identity| identity.name.to_string())
            .collect();
        if !offline.is_empty() {
            (self.emit)(Event::Notice(Notice::OfflineWillBeTold(offline)));
        }
        Ok(())
    }
}

fn internal() -> Trouble {
    Trouble::Tell(Failure::Internal(
        "an entry of our own does not read".into(),
    ))
}
