//! The rules of the log, judged over sequences of entries that are mostly sensible. Signatures are not looked at: judging
//! only says which must hold, and each of them must be one by the author's own key.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::epoch::{Commitment, SealedTitle};
use secure_chat_shared::crypto::identity::{Compromised, SignedIdentity};
use secure_chat_shared::crypto::signing::Signature;
use secure_chat_shared::ids::*;
use secure_chat_shared::log::act::*;
use secure_chat_shared::log::entry::*;
use secure_chat_shared::log::judge::MAX_READERS;
use secure_chat_shared::log::state::readers_digest;
use secure_chat_shared::log::tree::Frontier;
use secure_chat_shared::log::{Entry, LogState};

use crate::people::{COUNT, person};

/// A conversation from its `create` on.
pub fn log(data: &[u8]) {
    let mut source = Unstructured::new(data);
    let Ok(mut world) = World::begin(&mut source) else {
        return;
    };
    while !source.is_empty() {
        let Ok(bytes) = world.entry(&mut source) else {
            return;
        };
        world.take(&bytes);
    }
}

struct World {
    state: LogState,
    tree: Frontier,
    /// Who wrote which identity last, whether or not it came into force.
    versions: [bool; COUNT],
}

impl World {
    fn begin(source: &mut Unstructured<'_>) -> Result<Self> {
        let author = person(0);
        let mode = if source.arbitrary()? {
            Mode::ServerManaged(author.signed.identity().rsa_signing.clone())
        } else {
            Mode::EndToEnd
        };
        let create = Create {
            mode,
            nonce: Bytes(vec![0; source.int_in_range(31..=32)?]),
            identity: author.signed.clone(),
            continues: None,
        };
        let view = Frontier::default().view();
        let hash = author.signed.hash();
        let act = Act::Create(create);
        let header = StateHeader::new(None, author.user(), hash, view, None, act);
        let bytes = assemble_state(codec::encode(&header), signature());
        let entry = Entry::parse(&bytes).expect("what was encoded parses");
        let judged = LogState::begin(&entry).map_err(|_| arbitrary::Error::IncorrectFormat)?;
        let mut tree = Frontier::default();
        tree.append(entry.hash());
        let state = judged
            .into_first_state()
            .expect("a create makes the first state");
        Ok(Self {
            state,
            tree,
            versions: [false; COUNT],
        })
    }

    /// One entry, or the bytes of what is none.
    fn entry(&mut self, source: &mut Unstructured<'_>) -> Result<Vec<u8>> {
        match source.int_in_range(0..=15u8)? {
            0 => source.arbitrary(),
            1..=3 => self.message(source),
            4 | 5 => self.server_entry(source),
            _ => self.state_entry(source),
        }
    }

    fn signed(&self, n: usize) -> SignedIdentity {
        let person = person(n);
        match self.state.people.get(&person.user()) {
            Some(standing) => standing.identity.clone(),
            None if self.versions[n] => person.next.clone(),
            None => person.signed.clone(),
        }
    }

    fn state_entry(&mut self, source: &mut Unstructured<'_>) -> Result<Vec<u8>> {
        let author = who(source)?;
        let act = self.act(author, source)?;
        let mut header = StateHeader::new(
            Some(self.state.conversation),
            person(author).user(),
            self.signed(author).hash(),
            self.view(source)?,
            Some(self.state.last),
            act,
        );
        match source.int_in_range(0..=40u8)? {
            0 => header.conversation = None,
            1 => header.previous = Some(EntryHash([1; 32])),
            2 => header.identity = IdentityHash([1; 32]),
            3 => header.sender = UserId([99; 16]),
            _ => {}
        }
        Ok(assemble_state(codec::encode(&header), signature()))
    }

    fn message(&self, source: &mut Unstructured<'_>) -> Result<Vec<u8>> {
        let author = who(source)?;
        let current = self.state.epoch();
        let mut header = MessageHeader::new(
            self.state.conversation,
            person(author).user(),
            self.signed(author).hash(),
            self.view(source)?,
            current.map_or(Epoch::FIRST, |current| current.epoch),
            current.map_or(EntryHash([0; 32]), |current| current.entry),
            MessageId([1; 16]),
            Salt([2; 32]),
        );
        if source.ratio(1, 16)? {
            header.epoch = Epoch(source.arbitrary()?);
        }
        Ok(assemble_message(codec::encode(&header), vec![0; 16]))
    }

    fn server_entry(&self, source: &mut Unstructured<'_>) -> Result<Vec<u8>> {
        let announcement = self.announcement(&self.readers(), source)?;
        let header = ServerHeader::new(
            self.state.conversation,
            self.view(source)?,
            self.state.last,
            announcement,
        );
        Ok(assemble_server(codec::encode(&header), signature()))
    }

    /// Mostly the whole log.
    fn view(&self, source: &mut Unstructured<'_>) -> Result<View> {
        let mut view = self.tree.view();
        if source.ratio(1, 16)? {
            view.size = source.arbitrary()?;
        }
        Ok(view)
    }

    fn readers(&self) -> BTreeMap<UserId, IdentityHash> {
        let people = self.state.people.iter();
        people
            .map(|(user, person)| (*user, person.identity.hash()))
            .collect()
    }

    fn announcement(
        &self,
        readers: &BTreeMap<UserId, IdentityHash>,
        source: &mut Unstructured<'_>,
    ) -> Result<Announcement> {
        let next = self
            .state
            .epoch()
            .map_or(Epoch::FIRST, |current| current.epoch.next());
        let epoch = if source.ratio(1, 32)? {
            Epoch(source.arbitrary()?)
        } else {
            next
        };
        let readers = readers.iter().map(|(user, hash)| (user, *hash));
        Ok(Announcement {
            epoch,
            commitment: Commitment([7; 32]),
            readers: readers_digest(readers),
            wraps: Root([8; 32]),
            title: if source.ratio(1, 4)? {
                Some(title())
            } else {
                None
            },
        })
    }

    /// Present where it is due, most of the time.
    fn announced(
        &self,
        change: impl FnOnce(&mut BTreeMap<UserId, IdentityHash>),
        source: &mut Unstructured<'_>,
    ) -> Result<Option<Announcement>> {
        let mut readers = self.readers();
        change(&mut readers);
        let due = matches!(self.state.mode, Mode::EndToEnd) != source.ratio(1, 16)?;
        due.then(|| self.announcement(&readers, source)).transpose()
    }

    fn act(&mut self, author: usize, source: &mut Unstructured<'_>) -> Result<Act> {
        let other = person(who(source)?).user();
        Ok(match source.int_in_range(0..=24u8)? {
            0..=4 => {
                let mut people = Vec::new();
                for _ in 0..source.int_in_range(0..=2)? {
                    people.push(self.signed(who(source)?));
                }
                let newcomers = people.clone();
                let announcement = self.announced(
                    |readers| {
                        let new = newcomers.iter();
                        readers.extend(new.map(|signed| (signed.identity().user, signed.hash())));
                    },
                    source,
                )?;
                let link_proofs = vec![None; source.int_in_range(0..=2)?];
                Act::Invite(Invite {
                    people,
                    link_proofs,
                    announcement,
                })
            }
            kind @ 5..=7 => {
                let mut users = vec![other];
                if source.ratio(1, 4)? {
                    users.push(person(who(source)?).user());
                }
                let gone = users.clone();
                let drop = Drop {
                    users,
                    announcement: self.announced(
                        |readers| readers.retain(|user, _| !gone.contains(user)),
                        source,
                    )?,
                };
                if kind == 5 {
                    Act::Uninvite(drop)
                } else {
                    Act::Remove(drop)
                }
            }
            8..=10 => Act::Accept(Accept { link_proof: None }),
            11 => Act::Decline,
            12 => Act::Leave,
            13 => Act::Promote(other),
            14 => Act::Demote(other),
            15 => Act::Rename(Rename {
                epoch: self.some_epoch(source)?,
                title: title(),
            }),
            16 | 17 => {
                let next = person(author).next.clone();
                self.versions[author] = true;
                let (user, hash) = (next.identity().user, next.hash());
                Act::Identity(NewIdentity {
                    announcement: self
                        .announced(|readers| readers.extend([(user, hash)]), source)?,
                    versions: vec![next; source.int_in_range(0..=2)?],
                })
            }
            18 => Act::Compromised(Compromised {
                body: Compromised::body_of(self.signed(author).identity()).into(),
                pss: signature(),
                dsa: signature(),
            }),
            19 | 20 => Act::Epoch(self.announcement(&self.readers(), source)?),
            21 => Act::Share(Share {
                user: other,
                identity: self.signed(who(source)?).hash(),
                epochs: vec![self.some_epoch(source)?; source.int_in_range(0..=2)?],
                wraps: Root([8; 32]),
            }),
            22 => Act::Fault(self.some_epoch(source)?),
            23 => Act::Rewrap(Rewrap {
                user: other,
                epoch: self.some_epoch(source)?,
                wrap: Bytes(vec![0; 384]),
            }),
            _ => Act::Create(Create {
                mode: Mode::EndToEnd,
                nonce: Bytes(vec![0; 32]),
                identity: self.signed(author),
                continues: None,
            }),
        })
    }

    fn some_epoch(&self, source: &mut Unstructured<'_>) -> Result<Epoch> {
        if source.ratio(1, 16)? {
            return Ok(Epoch(source.arbitrary()?));
        }
        let newest = self.state.epoch().map_or(1, |current| current.epoch.0);
        Ok(Epoch(source.int_in_range(1..=newest)?))
    }

    /// Judges, checks what was judged, and takes it.
    fn take(&mut self, bytes: &[u8]) {
        let Ok(entry) = Entry::parse(bytes) else {
            return;
        };
        let number = self.tree.size();
        let before = codec::encode(&self.state);
        let judged = match self.state.judge(&entry, number) {
            Ok(judged) => judged,
            Err(refusal) => {
                let again = self.state.judge(&entry, number).map(drop);
                assert_eq!(again, Err(refusal));
                return;
            }
        };
        assert_eq!(
            codec::encode(&self.state),
            before,
            "judging changes nothing"
        );
        assert!(entry.view().size <= number, "a view beyond the log");
        match entry.sender() {
            Some(sender) => {
                let person = self.state.people.get(&sender).expect("a stranger's entry");
                if matches!(entry, Entry::Message(_)) {
                    assert!(person.is_accepted() && !self.state.due && !self.state.awaits_server);
                    assert!(judged.claims().is_empty());
                } else {
                    let (algorithm, spki) = person.identity.identity().signing_key();
                    let first = judged.claims().first().expect("a state entry is signed");
                    assert_eq!((first.algorithm, &first.spki), (algorithm, spki));
                }
            }
            None => assert!(self.state.awaits_server && judged.claims().len() == 1),
        }
        self.tree.append(entry.hash());
        let change = self.state.apply(judged);
        self.check(&change.joined, &change.dropped);
    }

    /// What must hold after every entry.
    fn check(&self, joined: &[UserId], dropped: &[UserId]) {
        let state = &self.state;
        assert!(state.people.len() <= MAX_READERS);
        assert!(joined.iter().all(|user| state.people.contains_key(user)));
        assert!(dropped.iter().all(|user| !state.people.contains_key(user)));
        let accepted = || state.people.values().filter(|person| person.is_accepted());
        assert!(
            accepted().next().is_none() || accepted().any(|person| person.admin),
            "members without an admin"
        );
        let epochs = state.epochs.iter().map(|epoch| epoch.epoch.0);
        assert!(epochs.eq(1..=u32::try_from(state.epochs.len()).expect("few")));
        assert!(state.last_number < self.tree.size());
        let managed = matches!(state.mode, Mode::ServerManaged(_));
        assert!(!(managed && state.due) && (managed || !state.awaits_server));
        let encoded = codec::encode(state);
        let again: LogState = codec::decode(&encoded).expect("a state is kept");
        assert_eq!(codec::encode(&again), encoded);
    }
}

fn who(source: &mut Unstructured<'_>) -> Result<usize> {
    source.int_in_range(0..=COUNT - 1)
}

fn signature() -> Signature {
    Signature(Bytes(vec![1; 70]))
}

fn title() -> SealedTitle {
    SealedTitle {
        salt: [1; 32].into(),
        sealed: vec![2; 336].into(),
    }
}
