//! Conversations as a client sees them: makes valid entries, and invalid ones.

use std::collections::BTreeMap;

use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::epoch::Commitment;
use secure_chat_shared::crypto::random;
use secure_chat_shared::crypto::signing::Claim;
use secure_chat_shared::ids::{ConversationId, Epoch, IdentityHash, MessageId, Salt, UserId};
use secure_chat_shared::log::act::{Accept, Create, Drop, Invite, NewIdentity};
use secure_chat_shared::log::entry::{
    MessageHeader, StateHeader, assemble_message, assemble_state, state_signing_payload,
};
use secure_chat_shared::log::state::readers_digest;
use secure_chat_shared::log::tree::{Frontier, wraps_root};
use secure_chat_shared::log::{Act, Announcement, Entry, LogState, Mode};
use secure_chat_shared::protocol::{Append, Appended, CreateConversation, EntryAt, Stored};

use super::{Person, User};

/// A verified log.
#[derive(Clone)]
pub struct Log {
    pub state: LogState,
    pub tree: Frontier,
}

/// A request to begin an end-to-end log, and the log before its second entry.
pub fn draft(creator: &Person, invited: &[&Person]) -> (CreateConversation, Log) {
    draft_in(Mode::EndToEnd, creator, invited)
}

/// A request to begin a log, and the log before its second entry.
pub fn draft_in(mode: Mode, creator: &Person, invited: &[&Person]) -> (CreateConversation, Log) {
    let create = create_entry(creator, mode);
    let log = Log::from_create(&create);
    let (act, wraps) = log.invite(invited);
    let invite = log.state_entry(creator, act);
    let request = CreateConversation {
        create: create.into(),
        invite: invite.into(),
        wraps,
    };
    (request, log)
}

/// Entry 0.
pub fn create_entry(creator: &Person, mode: Mode) -> Vec<u8> {
    let act = Act::Create(Create {
        mode,
        nonce: Bytes(random::bytes::<32>().to_vec()),
        identity: creator.signed.clone(),
        continues: None,
    });
    let view = Frontier::default().view();
    let header = StateHeader::new(None, creator.id, creator.signed.hash(), view, None, act);
    signed(creator, &header)
}

/// Begins a conversation on the server.
pub async fn converse(creator: &mut User, invited: &[&Person]) -> Log {
    let (request, mut log) = draft(&creator.person, invited);
    let appended = creator.socket.call(&request).await.unwrap();
    assert_eq!(appended.number, 1);
    log.take(&request.invite);
    log
}

impl Log {
    /// The log that has entry 0 only.
    pub fn from_create(bytes: &[u8]) -> Self {
        let entry = Entry::parse(bytes).unwrap();
        let state = LogState::begin(&entry).unwrap().into_first_state().unwrap();
        let mut tree = Frontier::default();
        tree.append(entry.hash());
        Self { state, tree }
    }

    /// The conversation's id.
    pub fn id(&self) -> ConversationId {
        self.state.conversation
    }

    /// Takes an entry that the server has accepted.
    pub fn take(&mut self, bytes: &[u8]) {
        self.take_if(bytes, Claim::verify);
    }

    /// Takes an entry whose signatures are of no interest.
    pub fn take_unverified(&mut self, bytes: &[u8]) {
        self.take_if(bytes, |_| true);
    }

    fn take_if(&mut self, bytes: &[u8], holds: impl Fn(&Claim) -> bool) {
        let entry = Entry::parse(bytes).unwrap();
        let judged = self.state.judge(&entry, self.tree.size()).unwrap();
        assert!(judged.claims().iter().all(holds), "a claim does not hold");
        self.tree.append(entry.hash());
        self.state.apply(judged);
    }

    /// Takes an entry as it came.
    pub fn take_at(&mut self, at: &EntryAt) {
        assert_eq!(at.number, self.tree.size());
        let Stored::Whole(bytes) = &at.entry else {
            panic!("purged")
        };
        self.take(bytes);
    }

    /// Appends an entry on the server and here.
    pub async fn append(&mut self, user: &mut User, entry: Vec<u8>, wraps: Vec<Bytes>) -> Appended {
        let request = self.request(entry, wraps);
        let appended = user.socket.call(&request).await.unwrap();
        assert_eq!(appended.number, self.tree.size());
        self.take(&request.entry);
        appended
    }

    /// Appends a message.
    pub async fn say(&mut self, user: &mut User) -> Appended {
        let entry = self.message(&user.person, |_| {});
        self.append(user, entry, Vec::new()).await
    }

    /// Accepts an invitation.
    pub async fn accept(&mut self, user: &mut User) -> Appended {
        let entry = self.state_entry(&user.person, accept());
        self.append(user, entry, Vec::new()).await
    }

    /// A request to append.
    pub fn request(&self, entry: Vec<u8>, wraps: Vec<Bytes>) -> Append {
        Append {
            conversation: self.id(),
            entry: entry.into(),
            wraps,
        }
    }

    /// A signed state entry.
    pub fn state_entry(&self, author: &Person, act: Act) -> Vec<u8> {
        let mut header = self.header(author, act);
        header.view = self.tree.view();
        signed(author, &header)
    }

    /// A state entry's header, to be altered.
    pub fn header(&self, author: &Person, act: Act) -> StateHeader {
        let (id, identity) = (Some(self.id()), author.signed.hash());
        StateHeader::new(
            id,
            author.id,
            identity,
            self.tree.view(),
            Some(self.state.last),
            act,
        )
    }

    /// A message, its header altered by `change`.
    pub fn message(&self, author: &Person, change: impl Fn(&mut MessageHeader)) -> Vec<u8> {
        let current = self.state.epoch().unwrap();
        let mut header = MessageHeader::new(
            self.id(),
            author.id,
            author.signed.hash(),
            self.tree.view(),
            current.epoch,
            current.entry,
            MessageId(random::bytes()),
            Salt(random::bytes()),
        );
        change(&mut header);
        assemble_message(codec::encode(&header), random::bytes::<1040>().to_vec())
    }

    /// An invitation with its announcement and wraps.
    pub fn invite(&self, people: &[&Person]) -> (Act, Vec<Bytes>) {
        let mut readers = self.readers();
        readers.extend(
            people
                .iter()
                .map(|person| (person.id, person.signed.hash())),
        );
        let (announcement, wraps) = self.announcement(&readers);
        let people = people.iter().map(|person| person.signed.clone()).collect();
        let invite = Invite {
            people,
            link_proofs: Vec::new(),
            announcement,
        };
        (Act::Invite(invite), wraps)
    }

    /// A removal with its announcement and wraps.
    pub fn remove(&self, person: &Person) -> (Act, Vec<Bytes>) {
        let mut readers = self.readers();
        readers.remove(&person.id);
        let (announcement, wraps) = self.announcement(&readers);
        (
            Act::Remove(Drop {
                users: vec![person.id],
                announcement,
            }),
            wraps,
        )
    }

    /// Open invitations taken back, with announcement and wraps.
    pub fn uninvite(&self, people: &[&Person]) -> (Act, Vec<Bytes>) {
        let mut readers = self.readers();
        for person in people {
            readers.remove(&person.id);
        }
        let (announcement, wraps) = self.announcement(&readers);
        let users = people.iter().map(|person| person.id).collect();
        let drop = Drop {
            users,
            announcement,
        };
        (Act::Uninvite(drop), wraps)
    }

    /// Newer versions of a member's identity, with announcement and wraps.
    pub fn identity(&self, versions: &[&Person]) -> (Act, Vec<Bytes>) {
        let mut readers = self.readers();
        for person in versions {
            readers.insert(person.id, person.signed.hash());
        }
        let (announcement, wraps) = self.announcement(&readers);
        let versions = versions
            .iter()
            .map(|person| person.signed.clone())
            .collect();
        let new = NewIdentity {
            versions,
            announcement,
        };
        (Act::Identity(new), wraps)
    }

    /// A fresh epoch for those who may read.
    pub fn epoch(&self) -> (Act, Vec<Bytes>) {
        let (announcement, wraps) = self.made_announcement(&self.readers());
        (Act::Epoch(announcement), wraps)
    }

    fn readers(&self) -> BTreeMap<UserId, IdentityHash> {
        let people = self.state.people.iter();
        people
            .map(|(user, person)| (*user, person.identity.hash()))
            .collect()
    }

    /// None where the server makes it.
    fn announcement(
        &self,
        readers: &BTreeMap<UserId, IdentityHash>,
    ) -> (Option<Announcement>, Vec<Bytes>) {
        match self.state.mode {
            Mode::EndToEnd => {
                let (announcement, wraps) = self.made_announcement(readers);
                (Some(announcement), wraps)
            }
            Mode::ServerManaged(_) => (None, Vec::new()),
        }
    }

    /// The wraps are noise of the right size: no server can tell.
    fn made_announcement(
        &self,
        readers: &BTreeMap<UserId, IdentityHash>,
    ) -> (Announcement, Vec<Bytes>) {
        let wraps: Vec<Bytes> = readers
            .iter()
            .map(|_| Bytes(random::bytes::<384>().to_vec()))
            .collect();
        let current = self.state.epoch();
        let announcement = Announcement {
            epoch: current.map_or(Epoch::FIRST, |current| current.epoch.next()),
            commitment: Commitment(random::bytes()),
            readers: readers_digest(readers.iter().map(|(user, hash)| (user, *hash))),
            wraps: wraps_root(&wraps),
            title: None,
        };
        (announcement, wraps)
    }
}

/// Joins.
pub fn accept() -> Act {
    Act::Accept(Accept { link_proof: None })
}

/// Signs a header as it is.
pub fn signed(author: &Person, header: &StateHeader) -> Vec<u8> {
    let header = codec::encode(header);
    let signature = author.sign(&state_signing_payload(&header));
    assemble_state(header, signature)
}
