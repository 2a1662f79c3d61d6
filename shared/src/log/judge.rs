//! Whether an entry is valid in the state that its predecessors make.
//!
//! Judging is pure. What it cannot see is left to its caller: that the author's view is one of this log (the tree),
//! that the [`Judged::claims`] hold (signatures), and on the server that embedded identities are the newest.

use super::act::{Act, Create, Mode};
use super::enact::{Effect, Turn};
use super::entry::{
    Entry, MessageEntry, ServerEntry, StateEntry, server_signing_payload, state_signing_payload,
};
use super::state::{Change, LogState, Person, Standing, TitleRecord};
use crate::codec::Bytes;
use crate::crypto::identity::SignedIdentity;
use crate::crypto::signing::{Algorithm, Claim};
use crate::ids::{ConversationId, UserId};

/// Most people who may read one conversation.
pub const MAX_READERS: usize = 500;
/// Length of an RSA-3072 ciphertext, bytes.
pub const WRAP_LEN: usize = 384;

/// An entry that is valid if its claims hold.
#[derive(Debug)]
pub struct Judged {
    claims: Vec<Claim>,
    next: Option<Box<LogState>>,
    change: Change,
}

impl Judged {
    /// Signatures that must all verify. Empty for a message, whose signature is inside its seal.
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// What it will change.
    pub fn change(&self) -> &Change {
        &self.change
    }

    /// Entry 0's state; `None` for any other entry.
    pub fn into_first_state(self) -> Option<LogState> {
        self.next.map(|next| *next)
    }

    /// The state after it; the one before where it changes nothing.
    pub fn next_state<'a>(&'a self, before: &'a LogState) -> &'a LogState {
        self.next.as_deref().unwrap_or(before)
    }
}

/// Why an entry is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A state entry lies between its view and its number: catch up and try again.
    #[error("another state entry came first")]
    Conflict,
    /// Its author may not read the conversation.
    #[error("the author is no member")]
    NotMember,
    /// Its author may not do this.
    #[error("the author may not do this")]
    NotAllowed,
    /// Its epoch is not the current one.
    #[error("the epoch is not current")]
    StaleEpoch,
    /// An epoch must come first.
    #[error("an epoch is due")]
    EpochDue,
    /// Its author's identity is not the one in force.
    #[error("the author's identity is not in force")]
    StaleIdentity,
    /// Its view cannot be one of this log.
    #[error("the view is not one of this log")]
    FalseView,
    /// It breaks a rule of its kind.
    #[error("{0}")]
    Invalid(&'static str),
}

impl LogState {
    /// Judges entry 0.
    pub fn begin(entry: &Entry) -> Result<Judged, Refusal> {
        let Entry::State(entry) = entry else {
            return Err(Refusal::Invalid("a log begins with create"));
        };
        let header = &entry.header;
        let Act::Create(create) = &header.act else {
            return Err(Refusal::Invalid("a log begins with create"));
        };
        if header.conversation.is_some() || header.previous.is_some() || header.view.size != 0 {
            return Err(Refusal::Invalid("create names something before it"));
        }
        if header.view != super::tree::Frontier::default().view() {
            return Err(Refusal::FalseView);
        }
        check_create(create)?;
        let identity = &create.identity;
        if identity.identity().user != header.sender || identity.hash() != header.identity {
            return Err(Refusal::StaleIdentity);
        }
        let creator = Person {
            identity: identity.clone(),
            standing: Standing::Accepted(0),
            admin: true,
            invited_at: 0,
        };
        let mut claims = vec![claim_of(entry, identity)];
        claims.extend(identity.self_claims());
        let next = Self {
            conversation: ConversationId::from(entry.hash),
            mode: create.mode.clone(),
            people: [(header.sender, creator)].into(),
            epochs: Vec::new(),
            readings: Vec::new(),
            due: false,
            awaits_server: false,
            last: entry.hash,
            last_number: 0,
            title: None,
            continues: create.continues,
            shares: Vec::new(),
            faults: std::collections::BTreeSet::new(),
            compromised: std::collections::BTreeSet::new(),
        };
        let change = Change {
            joined: vec![header.sender],
            ..Change::default()
        };
        Ok(Judged {
            claims,
            next: Some(Box::new(next)),
            change,
        })
    }

    /// Judges the entry that would get number `number`.
    pub fn judge(&self, entry: &Entry, number: u64) -> Result<Judged, Refusal> {
        match entry {
            Entry::State(entry) => self.judge_state(entry, number),
            Entry::Message(entry) => self.judge_message(entry, number),
            Entry::Server(entry) => self.judge_server(entry, number),
        }
    }

    /// Puts a judged entry, whose claims hold, into force.
    pub fn apply(&mut self, judged: Judged) -> Change {
        if let Some(next) = judged.next {
            *self = *next;
        }
        judged.change
    }

    fn judge_message(&self, entry: &MessageEntry, number: u64) -> Result<Judged, Refusal> {
        let header = &entry.header;
        if header.conversation != self.conversation {
            return Err(Refusal::Invalid("the entry is of another conversation"));
        }
        let person = self.people.get(&header.sender).ok_or(Refusal::NotMember)?;
        if !person.is_accepted() {
            return Err(Refusal::NotAllowed);
        }
        if person.identity.hash() != header.identity {
            return Err(Refusal::StaleIdentity);
        }
        if self.awaits_server || self.due {
            return Err(Refusal::EpochDue);
        }
        let current = self.epoch().ok_or(Refusal::EpochDue)?;
        if header.epoch != current.epoch || header.announcement != current.entry {
            return Err(Refusal::StaleEpoch);
        }
        if header.view.size <= current.number || header.view.size > number {
            return Err(Refusal::FalseView);
        }
        Ok(Judged {
            claims: Vec::new(),
            next: None,
            change: Change::default(),
        })
    }

    fn judge_server(&self, entry: &ServerEntry, number: u64) -> Result<Judged, Refusal> {
        let header = &entry.header;
        let Mode::ServerManaged(key) = &self.mode else {
            return Err(Refusal::Invalid("the server makes no keys here"));
        };
        if header.conversation != self.conversation {
            return Err(Refusal::Invalid("the entry is of another conversation"));
        }
        if !self.awaits_server {
            return Err(Refusal::Invalid("nothing asked for an announcement"));
        }
        if header.previous != self.last || header.view.size != number {
            return Err(Refusal::Conflict);
        }
        if header.announcement.title.is_some() {
            return Err(Refusal::Invalid("the server cannot seal a title"));
        }
        let claim = Claim {
            algorithm: Algorithm::RsaPss,
            spki: key.clone(),
            message: server_signing_payload(&entry.header_bytes),
            signature: entry.signature.clone(),
        };
        let mut next = self.clone();
        next.awaits_server = false;
        next.last = entry.hash;
        next.last_number = number;
        let announced = next.announce(&header.announcement, entry.hash, number, header.view)?;
        let change = Change {
            announced: Some(announced),
            ..Change::default()
        };
        Ok(Judged {
            claims: vec![claim],
            next: Some(Box::new(next)),
            change,
        })
    }

    fn judge_state(&self, entry: &StateEntry, number: u64) -> Result<Judged, Refusal> {
        let header = &entry.header;
        if header.conversation != Some(self.conversation) {
            return Err(Refusal::Invalid("the entry is of another conversation"));
        }
        if header.view.size > number {
            return Err(Refusal::FalseView);
        }
        if header.view.size <= self.last_number
            || header.previous != Some(self.last)
            || self.awaits_server
        {
            return Err(Refusal::Conflict);
        }
        let author = self.people.get(&header.sender).ok_or(Refusal::NotMember)?;
        if author.identity.hash() != header.identity {
            return Err(Refusal::StaleIdentity);
        }
        if self.epochs.is_empty() && !matches!(header.act, Act::Invite(_)) {
            return Err(Refusal::Invalid("the second entry invites"));
        }

        let mut claims = vec![claim_of(entry, &author.identity)];
        let mut next = self.clone();
        let mut turn = Turn {
            number,
            author,
            sender: header.sender,
            claims: &mut claims,
        };
        let effect = next.enact(&header.act, &mut turn)?;
        next.keep_an_admin();
        next.last = entry.hash;
        next.last_number = number;
        let announced = match (&next.mode, effect, header.act.announcement()) {
            (Mode::EndToEnd, Effect::Announces, Some(announcement)) => {
                Some(next.announce(announcement, entry.hash, number, header.view)?)
            }
            (Mode::EndToEnd, Effect::Announces, None) => {
                return Err(Refusal::Invalid("the announcement is missing"));
            }
            (Mode::EndToEnd, Effect::EpochDue, None) => {
                next.due = true;
                None
            }
            (Mode::ServerManaged(_), Effect::Announces | Effect::EpochDue, None) => {
                next.awaits_server = !next.people.is_empty();
                None
            }
            (_, Effect::Nothing, None) => None,
            _ => return Err(Refusal::Invalid("an announcement is out of place")),
        };
        if let Act::Rename(rename) = &header.act {
            let (epoch, view, sealed) = (rename.epoch, header.view, rename.title.clone());
            next.title = Some(TitleRecord {
                epoch,
                view,
                sealed,
            });
        }
        let gone = |from: &Self, other: &Self| -> Vec<UserId> {
            from.people
                .keys()
                .filter(|user| !other.people.contains_key(user))
                .copied()
                .collect()
        };
        let change = Change {
            joined: gone(&next, self),
            dropped: gone(self, &next),
            announced,
        };
        Ok(Judged {
            claims,
            next: Some(Box::new(next)),
            change,
        })
    }
}

fn check_create(create: &Create) -> Result<(), Refusal> {
    if create.nonce.len() != 32 {
        return Err(Refusal::Invalid("the nonce has 32 bytes"));
    }
    if let Mode::ServerManaged(key) = &create.mode {
        crate::crypto::rsa_pss::validate_spki(key)
            .map_err(|_| Refusal::Invalid("the server's key is not valid"))?;
    }
    Ok(())
}

fn claim_of(entry: &StateEntry, identity: &SignedIdentity) -> Claim {
    let (algorithm, spki) = identity.identity().signing_key();
    Claim {
        algorithm,
        spki: Bytes::clone(spki),
        message: state_signing_payload(&entry.header_bytes),
        signature: entry.signature.clone(),
    }
}
