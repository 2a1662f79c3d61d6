//! What the page shows: a pure reducer over the engine's events and the page's own changes. No browser in here.

mod note;
mod room;

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use secure_chat_shared::client::api::{
    Blocked, Connection, Conversation, Event, Me, Member, Outcome, PresenceStatus, Session,
    Standing, Step,
};
use secure_chat_shared::ids::{ConversationId, UserId};
use yew::Reducible;

pub use note::{Note, Said, Tone};
pub use room::Room;

/// Most passing notes at a time; older ones make room.
const MAX_NOTES: usize = 4;

/// Everything that the page shows, apart from what a single component keeps for itself (an open menu, a half-typed name).
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Who is signed in.
    pub session: Session,
    /// Last finished step of the registration or login that runs.
    pub progress: Option<Step>,
    /// The recovery code while it waits to be saved.
    pub recovery_code: Option<Rc<str>>,
    /// State of the connection.
    pub link: Link,
    /// The invite link that waits to be followed.
    pub invite: Option<Rc<str>>,
    /// Who was signed in here, where the browser has lost the data.
    pub gone: Option<Rc<str>>,
    /// Passing notes, oldest first.
    pub notes: Vec<Note>,
    conversations: BTreeMap<ConversationId, Rc<Conversation>>,
    rooms: HashMap<ConversationId, Rc<Room>>,
    presence: Rc<HashMap<UserId, PresenceStatus>>,
    blocked: Rc<BTreeMap<UserId, String>>,
    drafts: HashMap<ConversationId, Rc<str>>,
    answers: HashMap<u64, Option<Rc<Outcome>>>,
    exporting: Option<(ConversationId, u64, u64)>,
    next_note: u32,
}

/// State of the connection, with what its bar needs to know of the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Now.
    pub state: Connection,
    /// Counts the engine's reports: the same waiting time twice is two waits.
    pub serial: u32,
    /// Whether it was lost since the page opened, so that "caught up" is worth saying.
    pub was_lost: bool,
}

/// Changes of the [`State`].
#[derive(Debug, Clone)]
// The large one is the frequent one, and each lives for a moment.
#[allow(clippy::large_enum_variant)]
pub enum Change {
    /// The engine tells.
    Told(Event),
    /// The person looks at this conversation from now on.
    Opened(ConversationId),
    /// The newest row is in sight: rows far above may go.
    AtNewest(ConversationId),
    /// The composer holds this.
    Drafted(ConversationId, Rc<str>),
    /// A component waits for this ticket's outcome; failures of others become notes.
    Await(u64),
    /// That component has seen the outcome, or is gone.
    Forget(u64),
    /// Tells something in passing.
    Say(Said),
    /// A passing note was closed or has had its time.
    Dismiss(u32),
    /// A registration or login begins: no step of it is done.
    Begin,
    /// The recovery code was saved.
    RecoveryCodeSaved,
    /// The page was opened by an invite link that says this.
    Invited(Rc<str>),
    /// This person's data are gone from this browser, or nobody's.
    Gone(Option<String>),
    /// The invite link has led somewhere, or was put away.
    InviteAnswered,
}

impl Default for State {
    fn default() -> Self {
        Self {
            session: Session::Starting,
            progress: None,
            recovery_code: None,
            link: Link {
                state: Connection::Connecting,
                serial: 0,
                was_lost: false,
            },
            invite: None,
            gone: None,
            notes: Vec::new(),
            conversations: BTreeMap::new(),
            rooms: HashMap::new(),
            presence: Rc::default(),
            blocked: Rc::default(),
            drafts: HashMap::new(),
            answers: HashMap::new(),
            exporting: None,
            next_note: 0,
        }
    }
}

impl Reducible for State {
    type Action = Change;

    fn reduce(self: Rc<Self>, change: Change) -> Rc<Self> {
        let mut state = Rc::unwrap_or_clone(self);
        state.apply(change);
        Rc::new(state)
    }
}

impl State {
    /// Before the engine has told anything. Where nobody is known to be signed in, the page shows at once what the engine
    /// will say, and people type their names while it still loads.
    pub fn at_start(somebody_is_known: bool) -> Self {
        let mut state = Self::default();
        if !somebody_is_known {
            state.session = Session::SignedOut { ended: false };
        }
        state
    }

    /// The signed-in person.
    pub fn me(&self) -> Option<&Me> {
        match &self.session {
            Session::SignedIn(me) => Some(me),
            _ => None,
        }
    }

    /// One conversation.
    pub fn conversation(&self, id: &ConversationId) -> Option<&Rc<Conversation>> {
        self.conversations.get(id)
    }

    /// Conversations for the list, the most recently active first, without open invitations.
    pub fn inbox(&self) -> Vec<Rc<Conversation>> {
        self.sorted(|conversation| !is_invitation(conversation))
    }

    /// Open invitations, newest first.
    pub fn invitations(&self) -> Vec<Rc<Conversation>> {
        self.sorted(is_invitation)
    }

    /// Unread messages and open invitations, for title and favicon.
    pub fn unread_total(&self) -> u32 {
        let weigh = |c: &Rc<Conversation>| if is_invitation(c) { 1 } else { c.unread };
        self.conversations.values().map(weigh).sum()
    }

    /// Rows of a conversation, once the engine has told any.
    pub fn room(&self, id: &ConversationId) -> Option<&Rc<Room>> {
        self.rooms.get(id)
    }

    /// What is known of somebody's presence.
    pub fn presence_of(&self, user: &UserId) -> Option<PresenceStatus> {
        self.presence.get(user).copied()
    }

    /// All presence.
    pub fn presence(&self) -> &Rc<HashMap<UserId, PresenceStatus>> {
        &self.presence
    }

    /// Whom the person has blocked, by name.
    pub fn blocked(&self) -> &Rc<BTreeMap<UserId, String>> {
        &self.blocked
    }

    /// What the composer of a conversation begins with.
    pub fn draft(&self, id: &ConversationId) -> Rc<str> {
        let engine = || {
            self.conversation(id)
                .map_or("", |c| c.draft.as_str())
                .into()
        };
        self.drafts.get(id).cloned().unwrap_or_else(engine)
    }

    /// How many entries of a conversation an export has done, of how many.
    pub fn exporting(&self, id: &ConversationId) -> (u64, u64) {
        let here = self.exporting.filter(|(which, _, _)| which == id);
        here.map_or((0, 1), |(_, done, of)| (done, of.max(1)))
    }

    /// The outcome of an awaited ticket, once it is there.
    pub fn outcome(&self, ticket: u64) -> Option<&Rc<Outcome>> {
        self.answers.get(&ticket)?.as_ref()
    }

    fn sorted(&self, keep: impl Fn(&Conversation) -> bool) -> Vec<Rc<Conversation>> {
        let mut list: Vec<_> = self
            .conversations
            .values()
            .filter(|c| keep(c))
            .cloned()
            .collect();
        list.sort_by(|a, b| b.active.cmp(&a.active).then_with(|| a.id.cmp(&b.id)));
        list
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Told(event) => self.told(event),
            Change::Opened(id) => self.opened(id),
            Change::AtNewest(id) => self.room_mut(id).trim(),
            Change::Drafted(id, text) => {
                self.drafts.insert(id, text);
            }
            Change::Await(ticket) => {
                self.answers.insert(ticket, None);
            }
            Change::Forget(ticket) => {
                self.answers.remove(&ticket);
            }
            Change::Say(said) => self.say(said),
            Change::Dismiss(id) => self.notes.retain(|note| note.id != id),
            Change::Begin => self.progress = None,
            Change::Invited(fragment) => self.invite = Some(fragment),
            Change::InviteAnswered => self.invite = None,
            Change::Gone(name) => self.gone = name.map(Into::into),
            Change::RecoveryCodeSaved => {
                self.recovery_code = None;
                if let Session::SignedIn(me) = &mut self.session {
                    me.recovery_pending = false;
                }
            }
        }
    }

    fn told(&mut self, event: Event) {
        match event {
            Event::Done { ticket, result } => self.done(ticket, result),
            Event::Session(session) => self.session_is(session),
            Event::Progress(step) => self.progress = Some(step),
            Event::Exporting { id, done, of } => self.exporting = Some((id, done, of)),
            Event::RecoveryCode(code) => self.recovery_code = Some(code.into()),
            Event::Connection(state) => {
                let lost = matches!(state, Connection::Reconnecting { .. });
                self.link = Link {
                    state,
                    serial: self.link.serial.wrapping_add(1),
                    was_lost: self.link.was_lost || lost,
                };
            }
            Event::Conversation(conversation) => {
                self.conversations
                    .insert(conversation.id, Rc::new(conversation));
            }
            Event::ConversationGone(id) => {
                self.conversations.remove(&id);
                self.rooms.remove(&id);
                self.drafts.remove(&id);
            }
            Event::Rows {
                conversation,
                rows,
                more,
            } => self.room_mut(conversation).put(rows, more),
            Event::RowsGone(id) => self.room_mut(id).forget(),
            Event::RowGone { conversation, id } => self.room_mut(conversation).remove_pending(&id),
            Event::Presence { user, status } => {
                Rc::make_mut(&mut self.presence).insert(user, status);
            }
            Event::Blocked(people) => {
                let people = people.into_iter().map(|person| (person.user, person.name));
                self.blocked = Rc::new(people.collect());
            }
            Event::Notice(notice) => self.say(Said::Notice(notice)),
            // A system notification, which is not of the page's state.
            Event::Arrived { .. } => {}
        }
    }

    fn done(&mut self, ticket: u64, result: Outcome) {
        match (self.answers.get_mut(&ticket), result) {
            (Some(answer), result) => *answer = Some(Rc::new(result)),
            (None, Outcome::Failed(failure)) => self.say(Said::Failure(failure)),
            (None, Outcome::Ok(_)) => {}
        }
    }

    fn session_is(&mut self, session: Session) {
        let before = self.me().map(|me| me.user);
        if let Session::SignedOut { ended: true } = session {
            self.say(Said::SessionEnded);
        }
        self.session = session;
        if !matches!(self.session, Session::Starting) && self.me().map(|me| me.user) != before {
            self.forget_person(before.is_some());
        }
    }

    /// Nothing of one person is left on the page when another signs in.
    fn forget_person(&mut self, had_one: bool) {
        self.progress = None;
        if had_one {
            self.recovery_code = None;
            self.conversations.clear();
            self.rooms.clear();
            self.drafts.clear();
            self.presence = Rc::default();
            self.blocked = Rc::default();
        }
    }

    fn opened(&mut self, id: ConversationId) {
        let read_up_to = self
            .conversation(&id)
            .filter(|c| c.unread > 0)
            .map(|c| c.read);
        for (other, room) in &mut self.rooms {
            if *other != id && room.is_long() {
                Rc::make_mut(room).trim();
            }
        }
        self.room_mut(id).news_after = read_up_to;
    }

    fn room_mut(&mut self, id: ConversationId) -> &mut Room {
        Rc::make_mut(self.rooms.entry(id).or_default())
    }

    fn say(&mut self, said: Said) {
        self.notes.retain(|note| note.said != said);
        if self.notes.len() >= MAX_NOTES {
            self.notes.remove(0);
        }
        self.notes.push(Note {
            id: self.next_note,
            said,
        });
        self.next_note = self.next_note.wrapping_add(1);
    }
}

/// Everybody who may read it, for a list: oneself, admins, members, who is invited; each by name.
pub fn ordered<'a>(conversation: &'a Conversation, me: &UserId) -> Vec<&'a Member> {
    let mut members: Vec<_> = conversation.members.iter().collect();
    members.sort_by(|a, b| {
        let rank = |member: &Member| (member.user != *me, member.invited, !member.admin);
        rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(&b.name))
    });
    members
}

/// The others who may read it.
pub fn others<'a>(
    conversation: &'a Conversation,
    me: &'a UserId,
) -> impl Iterator<Item = &'a Member> {
    conversation
        .members
        .iter()
        .filter(move |member| member.user != *me)
}

/// Whether nothing can be sent because of somebody's changed keys.
pub fn is_why_blocked(conversation: &Conversation, who: &UserId) -> bool {
    matches!(&conversation.blocked, Some(Blocked::IdentityChanged { user, .. }) if user == who)
}

/// Whether it waits for the person's answer.
pub fn is_invitation(conversation: &Conversation) -> bool {
    matches!(conversation.standing, Standing::Invited { .. })
}

/// Whether messages can be written now.
pub fn can_write(conversation: &Conversation) -> bool {
    conversation.standing == Standing::Member && conversation.blocked.is_none()
}

#[cfg(test)]
mod tests;
