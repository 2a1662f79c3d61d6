//! What the server has taken, and what it tells of it: the truth to compare with, and news that have to arrive before
//! anything else happens. Times and orders that are the server's own affair become the schedule's.

use secure_chat_shared::client::api::Action;
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::identity::SignedIdentity;
use secure_chat_shared::ids::{ConversationId, Timestamp};
use secure_chat_shared::log::{Act, Entry};
use secure_chat_shared::protocol::{self as p, AnyRequest, Event, PublishIdentity};

use crate::browser::Input;
use crate::world::{World, Wrong};

impl World {
    /// The server has taken something: what it tells others of it has to arrive before anything else happens.
    pub async fn has_acted(
        &mut self,
        at: usize,
        request: &AnyRequest,
        reply: &Bytes,
    ) -> Result<(), Wrong> {
        match request {
            AnyRequest::Resume(_) | AnyRequest::LoginFinish(_) | AnyRequest::RegisterFinish(_) => {
                self.browsers[at].attached = true;
            }
            AnyRequest::CreateConversation(request) => {
                let create = Entry::parse(&request.create).map_err(|error| error.to_string())?;
                let id = ConversationId::from(create.hash());
                self.conversations.push(id);
                self.words.name_conversation(id);
                if let Some(Input::Command(Action::CreateConversation { title, managed, .. })) =
                    self.browsers[at].doing()
                {
                    if *managed {
                        self.figures.count("server-managed conversations");
                    } else {
                        self.titles.insert((id, 1), title.trim().into());
                    }
                }
                self.tell(at, id, false).await?;
            }
            AnyRequest::Append(request) => {
                let appended: p::Appended =
                    codec::decode(reply).map_err(|error| error.to_string())?;
                let (id, number) = (request.conversation, appended.number);
                let entry = Entry::parse(&request.entry).map_err(|error| error.to_string())?;
                if let Some(title) = self.renamed_to(at, &entry) {
                    self.titles.insert((id, number), title);
                }
                self.tell(at, id, false).await?;
            }
            AnyRequest::GetAnchor(request) if request.size.is_some() => {
                self.figures.count("logs looked at from further on");
            }
            AnyRequest::Reupload(request) => {
                self.tell(at, request.conversation, true).await?;
            }
            AnyRequest::PublishIdentity(PublishIdentity { identity, .. }) => {
                let signed = SignedIdentity::parse(identity).map_err(|error| error.to_string())?;
                let user = self.browsers[at].user;
                for (other, browser) in self.browsers.iter_mut().enumerate() {
                    if other != at && browser.attached && browser.user == user {
                        browser
                            .is_told_of_version(signed.identity().version)
                            .await?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The title that a browser gives with an entry. One that is only sealed anew stays what it is.
    fn renamed_to(&self, at: usize, entry: &Entry) -> Option<String> {
        let Entry::State(entry) = entry else {
            return None;
        };
        let Act::Rename(_) = &entry.header.act else {
            return None;
        };
        match self.browsers[at].doing()? {
            Input::Command(
                Action::Rename { title, .. } | Action::CreateConversation { title, .. },
            ) => Some(title.trim().into()),
            _ => None,
        }
    }

    /// Reads what is new in a log, and waits until everybody concerned has been told; but for whoever gave it.
    async fn tell(&mut self, at: usize, id: ConversationId, given_back: bool) -> Result<(), Wrong> {
        let (from, to) = self.logs.read(id).await?;
        for number in from..to {
            self.times.entry((id, number)).or_insert(self.clock.now());
            let log = self.logs.get(&id);
            let entry = &log.entries[usize::try_from(number).unwrap()];
            if !given_back {
                self.figures.took(entry);
            }
            if number == 0 {
                // Of the beginning the second entry tells.
                continue;
            }
            let (before, after) = (log.state_before(number), log.state_after(number));
            let sender = entry.sender();
            for (other, browser) in self.browsers.iter_mut().enumerate() {
                let concerns = before.people.contains_key(&browser.user)
                    || after.people.contains_key(&browser.user);
                let own = other == at && (given_back || sender == Some(browser.user));
                if concerns && browser.attached && !own {
                    browser.is_told(id, number).await?;
                }
            }
        }
        Ok(())
    }

    fn time_of(&self, id: &ConversationId, number: u64) -> Timestamp {
        self.times
            .get(&(*id, number))
            .copied()
            .unwrap_or(self.clock.now())
    }

    pub fn retimed_event(&self, mut event: Box<Event>) -> Box<Event> {
        if let Event::Entry {
            conversation,
            entry,
        } = &mut *event
        {
            entry.time = self.time_of(conversation, entry.number);
        }
        event
    }

    /// The reply as a server would give it whose clock is the schedule's, and that leaves nothing to chance.
    pub fn retimed(&self, request: &AnyRequest, body: Bytes) -> Bytes {
        let appended = |id: &ConversationId| {
            let mut reply: p::Appended = codec::decode(&body).unwrap();
            reply.time = self.time_of(id, reply.number);
            Bytes(codec::encode(&reply))
        };
        match request {
            AnyRequest::Append(request) => appended(&request.conversation),
            AnyRequest::CreateConversation(_) => appended(self.conversations.last().unwrap()),
            AnyRequest::GetEntries(request) => {
                let mut reply: p::Entries = codec::decode(&body).unwrap();
                for at in &mut reply.entries {
                    at.time = self.time_of(&request.conversation, at.number);
                }
                Bytes(codec::encode(&reply))
            }
            AnyRequest::LookupNames(_) | AnyRequest::LookupUsers(_) => {
                // Nothing says in which order these come.
                let mut reply: p::FoundMany = codec::decode(&body).unwrap();
                reply.people.sort_by_key(|found| found.user);
                Bytes(codec::encode(&reply))
            }
            _ => body,
        }
    }
}
