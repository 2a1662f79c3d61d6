//! A schedule in words, for whoever has to find out why it failed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use secure_chat_shared::client::api::{Action, KeyChange};
use secure_chat_shared::client::platform::CallError;
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::ids::{ConversationId, UserId};
use secure_chat_shared::log::{Act, Entry};
use secure_chat_shared::protocol::{AnyRequest, Appended, EntryAt, Event};

use crate::browser::{Input, Signal};

/// What happened, line by line. Clones are the same.
#[derive(Clone, Default)]
pub struct Words {
    lines: Rc<RefCell<Vec<String>>>,
    names: BTreeMap<UserId, String>,
    conversations: Rc<RefCell<BTreeMap<ConversationId, usize>>>,
}

impl Words {
    /// About these people.
    pub fn new(
        names: impl Iterator<Item = (UserId, String)>,
        lines: Rc<RefCell<Vec<String>>>,
    ) -> Self {
        let mut by_user = BTreeMap::new();
        for (user, name) in names {
            by_user.entry(user).or_insert(name);
        }
        Self {
            lines,
            names: by_user,
            conversations: Rc::default(),
        }
    }

    /// Adds a line.
    pub fn say(&self, line: String) {
        self.lines.borrow_mut().push(line);
    }

    /// Gives a conversation its number.
    pub fn name_conversation(&self, id: ConversationId) {
        let mut conversations = self.conversations.borrow_mut();
        let number = conversations.len() + 1;
        conversations.insert(id, number);
    }

    /// Where something is done.
    pub fn at(&self, id: &ConversationId) -> String {
        match self.conversations.borrow().get(id) {
            Some(number) => format!("in #{number}"),
            None => "in an unknown conversation".into(),
        }
    }

    fn whom(&self, user: &UserId) -> &str {
        self.names.get(user).map_or("somebody", String::as_str)
    }

    /// An input, as what somebody does.
    pub fn input(&self, input: &Input) -> String {
        match input {
            Input::Start => "starts".into(),
            Input::Tick => "ticks".into(),
            Input::Signal(Signal::Connected) => "hears of the connection".into(),
            Input::Signal(Signal::Disconnected) => "hears of the lost connection".into(),
            Input::Signal(Signal::Event(event)) => match &**event {
                Event::Entry {
                    conversation,
                    entry: EntryAt { number, .. },
                } => format!("hears of entry {number} {}", self.at(conversation)),
                other => format!("hears of {other:?}"),
            },
            Input::Command(action) => self.action(action),
        }
    }

    fn action(&self, action: &Action) -> String {
        match action {
            Action::CreateConversation {
                people,
                title,
                managed,
            } => {
                let kind = if *managed { "a server-managed" } else { "a" };
                format!("begins {kind} conversation {title:?} with {people:?}")
            }
            Action::Accept(id) => format!("accepts {}", self.at(id)),
            Action::Decline(id) => format!("declines {}", self.at(id)),
            Action::Leave(id) => format!("leaves {}", self.at(id)),
            Action::Invite {
                conversation,
                people,
            } => format!("invites {people:?} {}", self.at(conversation)),
            Action::Remove { conversation, user } => {
                format!("removes {} {}", self.whom(user), self.at(conversation))
            }
            Action::SetAdmin {
                conversation,
                user,
                admin,
            } => {
                let what = if *admin { "promotes" } else { "demotes" };
                format!("{what} {} {}", self.whom(user), self.at(conversation))
            }
            Action::Rename {
                conversation,
                title,
            } => format!("renames to {title:?} {}", self.at(conversation)),
            Action::Send {
                conversation, text, ..
            } => format!("writes {text:?} {}", self.at(conversation)),
            Action::Open(id) => format!("opens the page {}", self.at(id)),
            Action::MarkRead {
                conversation,
                number,
            } => format!("has read up to {number} {}", self.at(conversation)),
            Action::Retry { conversation, .. } => {
                format!("tries a message again {}", self.at(conversation))
            }
            Action::Older { conversation, .. } => {
                format!("scrolls back {}", self.at(conversation))
            }
            Action::ShareHistory { conversation, user } => format!(
                "shares history with {} {}",
                self.whom(user),
                self.at(conversation)
            ),
            Action::ChangeKeys { change, .. } => format!("changes keys: {change:?}"),
            Action::FetchKeys { .. } => "fetches the newest keys".into(),
            Action::MakeLink => "makes an invite link".into(),
            Action::FollowLink { .. } => "follows an invite link".into(),
            Action::Block { user, blocked } => {
                let what = if *blocked { "blocks" } else { "unblocks" };
                format!("{what} {}", self.whom(user))
            }
            Action::AcceptIdentity { user, .. } => {
                format!("accepts the changed keys of {}", self.whom(user))
            }
            other => format!("does {other:?}"),
        }
    }
}

/// What becomes of somebody's keys.
pub fn change(change: KeyChange) -> &'static str {
    match change {
        KeyChange::Algorithm(_) => "changes of algorithm",
        KeyChange::Rotate => "rotations",
        KeyChange::Compromised => "resets of compromised keys",
    }
}

/// What kind of entry this is.
pub fn entry(entry: &Entry) -> &'static str {
    let act = match entry {
        Entry::Message(_) => return "message",
        Entry::Server(_) => return "key of the server",
        Entry::State(entry) => &entry.header.act,
    };
    match act {
        Act::Create(_) => "create",
        Act::Invite(_) => "invite",
        Act::Uninvite(_) => "uninvite",
        Act::Accept(_) => "accept",
        Act::Decline => "decline",
        Act::Leave => "leave",
        Act::Remove(_) => "remove",
        Act::Promote(_) => "promote",
        Act::Demote(_) => "demote",
        Act::Rename(_) => "rename",
        Act::Identity(_) => "identity",
        Act::Compromised(_) => "compromised",
        Act::Epoch(_) => "epoch",
        Act::Share(_) => "share",
        Act::Fault(_) => "fault",
        Act::Rewrap(_) => "rewrap",
    }
}

/// A request in a few words.
pub fn request(request: &AnyRequest) -> String {
    match request {
        AnyRequest::Append(append) => match Entry::parse(&append.entry) {
            Ok(Entry::Message(entry)) => format!(
                "Append(message of epoch {} at {})",
                entry.header.epoch.0, entry.header.view.size
            ),
            Ok(other) => format!("Append({} at {})", entry(&other), other.view().size),
            Err(_) => "Append(?)".into(),
        },
        AnyRequest::GetEntries(get) => format!("GetEntries(from {})", get.from),
        AnyRequest::GetWrap(get) => format!("GetWrap(epoch {})", get.epoch.0),
        other => other.name().into(),
    }
}

/// How a request was answered.
pub fn result(request: &AnyRequest, result: &Result<Bytes, CallError>) -> String {
    match (request, result) {
        (AnyRequest::Append(_), Ok(body)) => match codec::decode::<Appended>(body) {
            Ok(appended) => format!(": entry {}", appended.number),
            Err(_) => ": nonsense".into(),
        },
        (_, Ok(_)) => String::new(),
        (_, Err(CallError::Refused(error))) => format!(": {:?} ({})", error.code, error.detail),
        (_, Err(error)) => format!(": {error}"),
    }
}
