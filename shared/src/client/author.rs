//! State entries by this user: appended again on the newest state whenever somebody else came first.

use super::Client;
use super::api::{Answer, Blocked, Failure, Standing};
use super::draft::{Drafted, internal};
use super::intent::{Intent, hides_title};
use super::platform::{CallError, Platform, Socket};
use super::trouble::Trouble;
use crate::codec::Bytes;
use crate::crypto::random;
use crate::ids::{ConversationId, UserId};
use crate::log::act::Create;
use crate::log::entry::StateHeader;
use crate::log::tree::{Frontier, leaf_hash};
use crate::log::{Act, Entry, LogState, Mode};
use crate::protocol::{Append, CreateConversation, EntryAt, ErrorCode, GetManagedKey, Stored};

/// How often an act is tried again after somebody else's came first.
const ATTEMPTS: usize = 8;

impl<P: Platform> Client<P> {
    pub(super) async fn create_conversation(
        &mut self,
        people: &[String],
        title: &str,
        managed: bool,
    ) -> Result<Answer, Trouble> {
        for _ in 1..ATTEMPTS {
            match Box::pin(self.try_to_create(people, title, managed)).await {
                Err(trouble) if is_outrun(&trouble) => self.must_have_newest_keys().await?,
                result => return result,
            }
        }
        Box::pin(self.try_to_create(people, title, managed)).await
    }

    async fn try_to_create(
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
        let first = EntryAt {
            number: 0,
            time: appended.time,
            entry: Stored::Whole(Bytes(create)),
        };
        let room = self.begin_room(conversation, &first).await?;
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
        for _ in 1..ATTEMPTS {
            match self.try_to_invite(conversation, people).await {
                Err(trouble) if is_outrun(&trouble) => self.must_have_newest_keys().await?,
                result => return result,
            }
        }
        self.try_to_invite(conversation, people).await
    }

    async fn try_to_invite(
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
        // Boxed: most actions end in it.
        Box::pin(self.try_to_author(conversation, intent)).await
    }

    async fn try_to_author(
        &mut self,
        conversation: ConversationId,
        intent: Intent,
    ) -> Result<Answer, Trouble> {
        self.must_be_online()?;
        for _ in 0..ATTEMPTS {
            self.must_have_keys_in_force(conversation).await?;
            let room = self.rooms.get(&conversation).ok_or(Failure::NotAllowed)?;
            if room.record.broken.is_some() {
                return Err(Failure::LogBroken.into());
            }
            if room.server_lacks {
                let text = "it lost a part of this conversation and waits for it";
                return Err(Failure::Server(text.into()).into());
            }
            if let Some(Blocked::IdentityChanged { user, name, .. }) =
                self.blocked_but_for(room, intent.removes())
                && !intent.goes_away()
            {
                return Err(Failure::IdentityChanged(user, name).into());
            }
            if intent.seals_title() && room.state.due {
                let rekey = Intent::Rekey(room.state.epoch().map(|current| current.epoch));
                Box::pin(self.author(conversation, rekey)).await?;
                continue;
            }
            if intent.can_wait_for_title() && self.title_is_coming(room) {
                return Err(Failure::KeyMissing.into());
            }
            let state = room.state.clone();
            let view = room.record.frontier.view();
            let title = room.record.title.clone();
            let account = self.me()?;
            if intent.is_done(&state, account) {
                return Ok(Answer::Nothing);
            }
            if !state.people.contains_key(&account.user) {
                return Err(Failure::NotAllowed.into());
            }
            if state.epoch().is_none() && !state.awaits_server {
                // Another browser has begun it, and only its first entry is here.
                self.sync_room(conversation).await?;
                continue;
            }
            if state.awaits_server {
                // Its announcement is on disk together with what asked for it.
                self.read_announcement(conversation).await?;
                continue;
            }
            if let Intent::Invite(people) = &intent {
                self.must_be_pinned(people)?;
            }
            if intent.seals_title() && !self.has_current_key(conversation).await? {
                return Err(Failure::KeyMissing.into());
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
                Ok(appended) => {
                    // Messages came first.
                    self.sync_room(conversation).await?;
                    let hash = leaf_hash(&entry);
                    self.must_be_in_the_log(conversation, appended.number, hash)
                        .await?;
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
        let state = &room.state;
        let member = self.standing(room) == Standing::Member;
        let opened = state.title.as_ref().is_some_and(|sealed| {
            let me = self.account.as_ref().map(|account| account.user);
            me.is_some_and(|me| state.may_read(&me, sealed.epoch))
                && !room.record.missing.contains_key(&sealed.epoch)
                && !room.record.to_open.contains(&sealed.epoch)
        });
        if state.mode == Mode::EndToEnd || !hides_title(state) || !opened || !member {
            return Ok(());
        }
        Box::pin(self.author(conversation, Intent::SealTitle))
            .await
            .map(|_| ())
    }
}

/// Whether somebody has published newer keys since they were looked up.
pub(super) fn is_outrun(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Refused(error) if error.code == ErrorCode::StaleIdentity)
}
