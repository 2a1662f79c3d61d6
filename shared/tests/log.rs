//! The rules of the log, through its public door: who may do what, in which order, under which epoch.

#![allow(clippy::unwrap_used)] // helpers of tests

mod common;

use std::collections::BTreeMap;

use common::{Actor, sign_with};
use secure_chat_shared::client::native::test_keys;
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::epoch::{
    Commitment, EpochContext, EpochKey, SealedTitle, seal_title,
};
use secure_chat_shared::crypto::identity::Compromised;
use secure_chat_shared::crypto::signing::Algorithm;
use secure_chat_shared::ids::*;
use secure_chat_shared::log::act::*;
use secure_chat_shared::log::entry::*;
use secure_chat_shared::log::state::readers_digest;
use secure_chat_shared::log::tree::Frontier;
use secure_chat_shared::log::{Entry, LogState, Refusal};

/// A log under test, with whoever is needed.
struct World {
    actors: BTreeMap<u8, Actor>,
    state: LogState,
    tree: Frontier,
}

/// What an act does to the key.
enum Key {
    None,
    /// Announces for these readers (by number), the true ones after the act.
    For(&'static [u8]),
}

impl World {
    /// 1 creates and invites 2 and 3 (so that entries 0 and 1 are there); 4 is an outsider.
    fn new() -> Self {
        let algorithm = |n| {
            if n % 2 == 0 {
                Algorithm::Dsa
            } else {
                Algorithm::RsaPss
            }
        };
        let actors: BTreeMap<u8, Actor> = (1..5)
            .map(|n| (n, Actor::new(n, &format!("actor{n}"), algorithm(n))))
            .collect();
        let create = create(&actors[&1], Mode::EndToEnd);
        let judged = LogState::begin(&Entry::parse(&create).unwrap()).unwrap();
        assert!(judged.claims().iter().all(|claim| claim.verify()));
        let mut tree = Frontier::default();
        tree.append(Entry::parse(&create).unwrap().hash());
        let state = judged.into_first_state().unwrap();
        let mut world = Self {
            actors,
            state,
            tree,
        };
        let people = vec![
            world.actors[&2].signed.clone(),
            world.actors[&3].signed.clone(),
        ];
        let announcement = Some(world.announcement(&[1, 2, 3]));
        let invite = Invite {
            people,
            link_proofs: Vec::new(),
            announcement,
        };
        world.append(1, Act::Invite(invite)).unwrap();
        world
    }

    fn users(&self, who: &[u8]) -> Vec<UserId> {
        who.iter().map(|n| self.actors[n].user()).collect()
    }

    fn announcement(&self, readers: &[u8]) -> Announcement {
        let hashes: BTreeMap<UserId, IdentityHash> = readers
            .iter()
            .map(|n| (self.actors[n].user(), self.actors[n].signed.hash()))
            .collect();
        Announcement {
            epoch: self
                .state
                .epoch()
                .map_or(Epoch::FIRST, |current| current.epoch.next()),
            commitment: Commitment([7; 32]),
            readers: readers_digest(hashes.iter().map(|(user, hash)| (user, *hash))),
            wraps: Root([8; 32]),
            title: None,
        }
    }

    fn state_entry(&self, n: u8, act: Act) -> Vec<u8> {
        let actor = &self.actors[&n];
        let header = StateHeader::new(
            Some(self.state.conversation),
            actor.user(),
            actor.signed.hash(),
            self.tree.view(),
            Some(self.state.last),
            act,
        );
        let header = codec::encode(&header);
        let signature = actor.sign(&state_signing_payload(&header));
        assemble_state(header, signature)
    }

    fn message(&self, n: u8, change: impl Fn(&mut MessageHeader)) -> Vec<u8> {
        let actor = &self.actors[&n];
        let current = self.state.epoch().unwrap();
        let mut header = MessageHeader::new(
            self.state.conversation,
            actor.user(),
            actor.signed.hash(),
            self.tree.view(),
            current.epoch,
            current.entry,
            MessageId([n; 16]),
            Salt([n; 32]),
        );
        change(&mut header);
        assemble_message(codec::encode(&header), vec![0; 64])
    }

    fn judge(&self, bytes: &[u8]) -> Result<(), Refusal> {
        self.state
            .judge(&Entry::parse(bytes).unwrap(), self.tree.size())
            .map(|_| ())
    }

    fn take(&mut self, bytes: &[u8]) -> Result<secure_chat_shared::log::Change, Refusal> {
        let entry = Entry::parse(bytes).unwrap();
        let judged = self.state.judge(&entry, self.tree.size())?;
        assert!(
            judged.claims().iter().all(|claim| claim.verify()),
            "a claim does not hold"
        );
        self.tree.append(entry.hash());
        Ok(self.state.apply(judged))
    }

    fn append(&mut self, n: u8, act: Act) -> Result<secure_chat_shared::log::Change, Refusal> {
        let bytes = self.state_entry(n, act);
        self.take(&bytes)
    }

    fn drop_act(&self, who: &[u8], key: Key) -> Drop {
        let announcement = match key {
            Key::None => None,
            Key::For(readers) => Some(self.announcement(readers)),
        };
        Drop {
            users: self.users(who),
            announcement,
        }
    }

    /// 2 and 3 have accepted.
    fn with_members() -> Self {
        let mut world = Self::new();
        for n in [2, 3] {
            world.append(n, accept()).unwrap();
        }
        world
    }
}

fn create(actor: &Actor, mode: Mode) -> Vec<u8> {
    let create = Create {
        mode,
        nonce: Bytes(vec![9; 32]),
        identity: actor.signed.clone(),
        continues: None,
    };
    let view = Frontier::default().view();
    let header = StateHeader::new(
        None,
        actor.user(),
        actor.signed.hash(),
        view,
        None,
        Act::Create(create),
    );
    let header = codec::encode(&header);
    let signature = actor.sign(&state_signing_payload(&header));
    assemble_state(header, signature)
}

fn accept() -> Act {
    Act::Accept(Accept { link_proof: None })
}

fn some_title(world: &World) -> SealedTitle {
    let context = EpochContext {
        conversation: world.state.conversation,
        epoch: Epoch::FIRST,
        view: world.tree.view(),
    };
    seal_title(&EpochKey::make(), &context, "title").unwrap()
}

#[test]
fn members_write_and_nobody_else() {
    let mut world = World::new();
    world.take(&world.message(1, |_| {})).unwrap();
    assert_eq!(
        world.judge(&world.message(2, |_| {})),
        Err(Refusal::NotAllowed),
        "only invited"
    );
    assert_eq!(
        world.judge(&world.message(4, |_| {})),
        Err(Refusal::NotMember)
    );
    world.append(2, accept()).unwrap();
    world.take(&world.message(2, |_| {})).unwrap();
}

#[test]
fn a_message_names_what_is_in_force() {
    let world = World::with_members();
    let refused = |change: &dyn Fn(&mut MessageHeader)| world.judge(&world.message(2, change));
    assert_eq!(refused(&|_| {}), Ok(()));
    let other = ConversationId([1; 32]);
    assert!(matches!(
        refused(&|header| header.conversation = other),
        Err(Refusal::Invalid(_))
    ));
    let stale = IdentityHash([1; 32]);
    assert_eq!(
        refused(&|header| header.identity = stale),
        Err(Refusal::StaleIdentity)
    );
    assert_eq!(
        refused(&|header| header.epoch = Epoch(2)),
        Err(Refusal::StaleEpoch)
    );
    let wrong = EntryHash([1; 32]);
    assert_eq!(
        refused(&|header| header.announcement = wrong),
        Err(Refusal::StaleEpoch)
    );
    assert_eq!(
        refused(&|header| header.view.size = 1),
        Err(Refusal::FalseView),
        "before the epoch"
    );
    assert_eq!(
        refused(&|header| header.view.size = 99),
        Err(Refusal::FalseView),
        "beyond the end"
    );
}

#[test]
fn who_may_do_what() {
    // Of each act: whether the admin (1), a member (2), an invited person (3) and an outsider (4) may.
    let mut world = World::new();
    world.append(2, accept()).unwrap();
    // Somebody whose wrap does not open, so that there is something to hand again.
    world.append(3, Act::Fault(Epoch(1))).unwrap();
    let new = Actor::new(5, "actor5", Algorithm::RsaPss);
    world.actors.insert(5, new);
    let invite = |world: &World| {
        Act::Invite(Invite {
            people: vec![world.actors[&5].signed.clone()],
            link_proofs: Vec::new(),
            announcement: Some(world.announcement(&[1, 2, 3, 5])),
        })
    };
    let (no, not_in) = (Err(Refusal::NotAllowed), Err(Refusal::NotMember));
    let share = |world: &World| {
        Act::Share(Share {
            user: world.actors[&3].user(),
            identity: world.actors[&3].signed.hash(),
            epochs: vec![Epoch(1)],
            wraps: Root([1; 32]),
        })
    };
    let user = |world: &World, n: u8| world.actors[&n].user();
    let rewrap = |world: &World| {
        Act::Rewrap(Rewrap {
            user: user(world, 3),
            epoch: Epoch(1),
            wrap: Bytes(vec![0; 384]),
        })
    };
    let rename = |world: &World| {
        Act::Rename(Rename {
            epoch: Epoch(1),
            title: some_title(world),
        })
    };
    type Maker<'a> = &'a dyn Fn(&World) -> Act;
    type Case<'a> = (&'a str, Maker<'a>, [Result<(), Refusal>; 4]);
    let cases: [Case<'_>; 14] = [
        ("invite", &invite, [Ok(()), Ok(()), no, not_in]),
        (
            "uninvite",
            &|w| Act::Uninvite(w.drop_act(&[3], Key::For(&[1, 2]))),
            [Ok(()), no, no, not_in],
        ),
        ("accept", &|_| accept(), [no, no, Ok(()), not_in]),
        ("decline", &|_| Act::Decline, [no, no, Ok(()), not_in]),
        ("leave", &|_| Act::Leave, [Ok(()), Ok(()), no, not_in]),
        (
            "remove",
            &|w| Act::Remove(w.drop_act(&[2], Key::For(&[1, 3]))),
            [Ok(()), no, no, not_in],
        ),
        (
            "remove invited",
            &|w| Act::Remove(w.drop_act(&[3], Key::For(&[1, 2]))),
            [no, no, no, not_in],
        ),
        (
            "promote",
            &|w| Act::Promote(user(w, 2)),
            [Ok(()), no, no, not_in],
        ),
        (
            "promote invited",
            &|w| Act::Promote(user(w, 3)),
            [no, no, no, not_in],
        ),
        (
            "demote",
            &|w| Act::Demote(user(w, 1)),
            [Ok(()), no, no, not_in],
        ),
        ("rename", &rename, [Ok(()), Ok(()), no, not_in]),
        (
            "epoch",
            &|w| Act::Epoch(w.announcement(&[1, 2, 3])),
            [Ok(()), Ok(()), no, not_in],
        ),
        ("share", &share, [Ok(()), no, no, not_in]),
        ("rewrap", &rewrap, [Ok(()), Ok(()), no, not_in]),
    ];
    for (name, act, expected) in cases {
        for (n, expected) in (1..).zip(expected) {
            let entry = world.state_entry(n, act(&world));
            assert_eq!(world.judge(&entry), expected, "{name} by {n}");
        }
    }
    for (n, expected) in [(1, Ok(())), (2, Ok(())), (4, not_in)] {
        let entry = world.state_entry(n, Act::Fault(Epoch(1)));
        assert_eq!(world.judge(&entry), expected, "fault by {n}");
    }
}

#[test]
fn a_fault_waits_for_one_answer() {
    let mut world = World::with_members();
    let rewrap = |world: &World| {
        Act::Rewrap(Rewrap {
            user: world.actors[&3].user(),
            epoch: Epoch(1),
            wrap: Bytes(vec![0; 384]),
        })
    };
    let unasked = world.state_entry(1, rewrap(&world));
    assert!(matches!(world.judge(&unasked), Err(Refusal::Invalid(_))));
    world.append(3, Act::Fault(Epoch(1))).unwrap();
    let again = world.state_entry(3, Act::Fault(Epoch(1)));
    assert!(matches!(world.judge(&again), Err(Refusal::Invalid(_))));
    let unread = world.state_entry(3, Act::Fault(Epoch(2)));
    assert_eq!(world.judge(&unread), Err(Refusal::NotAllowed));
    world.append(1, rewrap(&world)).unwrap();
    let twice = world.state_entry(2, rewrap(&world));
    assert!(matches!(world.judge(&twice), Err(Refusal::Invalid(_))));
    // What was handed may be wrong as well.
    world.append(3, Act::Fault(Epoch(1))).unwrap();
}

#[test]
fn shared_epochs_may_be_read() {
    let mut world = World::with_members();
    let newcomer = Actor::new(5, "actor5", Algorithm::RsaPss);
    let (user, identity) = (newcomer.user(), newcomer.signed.hash());
    let people = vec![newcomer.signed.clone()];
    world.actors.insert(5, newcomer);
    let announcement = Some(world.announcement(&[1, 2, 3, 5]));
    let invite = Invite {
        people,
        link_proofs: Vec::new(),
        announcement,
    };
    world.append(1, Act::Invite(invite)).unwrap();
    assert!(!world.state.may_read(&user, Epoch(1)));
    assert!(world.state.may_read(&user, Epoch(2)));
    let share = |epochs: &[u32], identity| {
        Act::Share(Share {
            user,
            identity,
            epochs: epochs.iter().copied().map(Epoch).collect(),
            wraps: Root([1; 32]),
        })
    };
    for bad in [&[][..], &[2, 1], &[1, 1], &[3], &[0]] {
        let entry = world.state_entry(1, share(bad, identity));
        assert!(
            matches!(world.judge(&entry), Err(Refusal::Invalid(_))),
            "{bad:?}"
        );
    }
    let stale = world.state_entry(1, share(&[1], IdentityHash([0; 32])));
    assert_eq!(world.judge(&stale), Err(Refusal::StaleIdentity));
    let not_yet = world.state_entry(5, Act::Fault(Epoch(1)));
    assert_eq!(world.judge(&not_yet), Err(Refusal::NotAllowed));
    world.append(1, share(&[1], identity)).unwrap();
    assert!(world.state.may_read(&user, Epoch(1)));
    assert_eq!(
        world.state.wrapped_for(&user, Epoch(1)),
        Some((identity, 1))
    );
    world.append(5, Act::Fault(Epoch(1))).unwrap();
}

#[test]
fn an_epoch_is_due_after_somebody_goes() {
    let mut world = World::with_members();
    world.append(3, Act::Leave).unwrap();
    assert!(world.state.due);
    assert_eq!(
        world.judge(&world.message(1, |_| {})),
        Err(Refusal::EpochDue)
    );
    let rename = Act::Rename(Rename {
        epoch: Epoch(1),
        title: some_title(&world),
    });
    assert_eq!(
        world.judge(&world.state_entry(1, rename)),
        Err(Refusal::EpochDue)
    );
    let still_him = world.state_entry(2, Act::Epoch(world.announcement(&[1, 2, 3])));
    assert!(
        matches!(world.judge(&still_him), Err(Refusal::Invalid(_))),
        "for who has left"
    );
    let change = world
        .append(2, Act::Epoch(world.announcement(&[1, 2])))
        .unwrap();
    assert_eq!(change.announced, Some(Epoch(2)));
    world.take(&world.message(1, |_| {})).unwrap();
    let gone = world.actors[&3].user();
    assert!(world.state.reading(&gone, Epoch(1)).is_some());
    assert!(world.state.reading(&gone, Epoch(2)).is_none());
    assert_eq!(
        world.judge(&world.message(3, |_| {})),
        Err(Refusal::NotMember)
    );
}

#[test]
fn a_change_of_readers_brings_its_epoch_and_nothing_else_does() {
    let world = World::with_members();
    let bare = Act::Remove(world.drop_act(&[3], Key::None));
    assert!(matches!(
        world.judge(&world.state_entry(1, bare)),
        Err(Refusal::Invalid(_))
    ));
    let wrong_readers = Act::Remove(world.drop_act(&[3], Key::For(&[1, 2, 3])));
    assert!(matches!(
        world.judge(&world.state_entry(1, wrong_readers)),
        Err(Refusal::Invalid(_))
    ));
    let mut announcement = world.announcement(&[1, 2]);
    announcement.epoch = Epoch(7);
    let skipped = Drop {
        users: world.users(&[3]),
        announcement: Some(announcement),
    };
    let skipped = world.state_entry(1, Act::Remove(skipped));
    assert_eq!(world.judge(&skipped), Err(Refusal::StaleEpoch));
}

#[test]
fn whoever_comes_second_tries_again() {
    let mut world = World::with_members();
    let late = world.state_entry(2, Act::Leave);
    let late_message = world.message(2, |_| {});
    world
        .append(1, Act::Promote(world.actors[&3].user()))
        .unwrap();
    assert_eq!(world.judge(&late), Err(Refusal::Conflict));
    assert_eq!(
        world.judge(&late_message),
        Ok(()),
        "a message may have come between"
    );
    let message = world.message(1, |_| {});
    world.take(&message).unwrap();
    let leave = world.state_entry(2, Act::Leave);
    world.take(&world.message(3, |_| {})).unwrap();
    assert_eq!(
        world.judge(&leave),
        Ok(()),
        "messages between view and number do not matter"
    );
}

#[test]
fn there_is_always_an_admin() {
    let mut world = World::with_members();
    let admin = |world: &World, n: u8| world.state.people[&world.actors[&n].user()].admin;
    world.append(1, Act::Leave).unwrap();
    assert!(admin(&world, 2), "the earliest to accept");
    assert!(!admin(&world, 3));

    let mut world = World::new();
    world.append(1, Act::Leave).unwrap();
    assert!(!admin(&world, 2) && !admin(&world, 3));
    world.append(3, accept()).unwrap();
    assert!(admin(&world, 3), "the first to accept");
    world
        .append(3, Act::Epoch(world.announcement(&[2, 3])))
        .unwrap();
}

#[test]
fn identities_are_renewed_by_the_one_before() {
    let mut world = World::with_members();
    let old = &world.actors[&2];
    let renewed = old.renewed(6, Algorithm::RsaPss);
    let versions = vec![renewed.signed.clone()];
    let hashes = [1, 3].map(|n| (world.actors[&n].user(), world.actors[&n].signed.hash()));
    let mut readers: BTreeMap<UserId, IdentityHash> = hashes.into();
    readers.insert(renewed.user(), renewed.signed.hash());
    let mut announcement = world.announcement(&[1, 2, 3]);
    let bare = NewIdentity {
        versions: versions.clone(),
        announcement: None,
    };
    assert!(matches!(
        world.judge(&world.state_entry(2, Act::Identity(bare))),
        Err(Refusal::Invalid(_))
    ));
    announcement.readers = readers_digest(readers.iter().map(|(user, hash)| (user, *hash)));
    let new = NewIdentity {
        versions,
        announcement: Some(announcement),
    };
    let foreign = world.state_entry(3, Act::Identity(new.clone()));
    assert!(
        matches!(world.judge(&foreign), Err(Refusal::Invalid(_))),
        "somebody else's"
    );
    world.append(2, Act::Identity(new)).unwrap();
    assert_eq!(
        world.judge(&world.message(2, |_| {})),
        Err(Refusal::StaleIdentity)
    );
    let user = renewed.user();
    world.actors.insert(2, renewed);
    world.take(&world.message(2, |_| {})).unwrap();
    assert_eq!(world.state.reading(&user, Epoch(1)).unwrap().version, 1);
    assert_eq!(world.state.reading(&user, Epoch(2)).unwrap().version, 2);
}

#[test]
fn a_compromised_identity_is_out() {
    let mut world = World::with_members();
    let actor = &world.actors[&3];
    let body = Compromised::body_of(actor.signed.identity());
    let payload = Compromised::signing_payload(&body);
    let statement = Compromised {
        body: Bytes(body),
        pss: sign_with(&actor.keys, Algorithm::RsaPss, &payload),
        dsa: sign_with(&actor.keys, Algorithm::Dsa, &payload),
    };
    let by_another = world.state_entry(2, Act::Compromised(statement.clone()));
    assert!(matches!(world.judge(&by_another), Err(Refusal::Invalid(_))));
    let change = world.append(3, Act::Compromised(statement)).unwrap();
    assert_eq!(change.dropped, world.users(&[3]));
    assert!(world.state.due);
    let announced = world.announcement(&[1, 2, 3]);
    let again = Invite {
        people: vec![world.actors[&3].signed.clone()],
        link_proofs: Vec::new(),
        announcement: Some(announced),
    };
    let again = world.state_entry(1, Act::Invite(again));
    assert!(
        matches!(world.judge(&again), Err(Refusal::Invalid(_))),
        "nobody is invited with it again"
    );
}

#[test]
fn the_server_announces_where_it_makes_the_keys() {
    let server = test_keys::set(7).unwrap();
    let key = Bytes(server.public().unwrap().rsa_signing);
    let mut world = World::new();
    let create = create(&world.actors[&1], Mode::ServerManaged(key));
    let entry = Entry::parse(&create).unwrap();
    world.state = LogState::begin(&entry).unwrap().into_first_state().unwrap();
    world.tree = Frontier::default();
    world.tree.append(entry.hash());
    let people = vec![world.actors[&2].signed.clone()];
    let announced = world.announcement(&[1, 2]);
    let by_member = Invite {
        people: people.clone(),
        link_proofs: Vec::new(),
        announcement: Some(announced.clone()),
    };
    let by_member = world.state_entry(1, Act::Invite(by_member));
    assert!(
        matches!(world.judge(&by_member), Err(Refusal::Invalid(_))),
        "member-signed"
    );
    let invite = Invite {
        people,
        link_proofs: Vec::new(),
        announcement: None,
    };
    world.append(1, Act::Invite(invite)).unwrap();
    assert!(world.state.awaits_server);
    assert_eq!(
        world.judge(&world.state_entry(2, accept())),
        Err(Refusal::Conflict)
    );
    let header = ServerHeader::new(
        world.state.conversation,
        world.tree.view(),
        world.state.last,
        announced,
    );
    let header = codec::encode(&header);
    let signature = sign_with(&server, Algorithm::RsaPss, &server_signing_payload(&header));
    let announcement = assemble_server(header, signature);
    world.take(&announcement).unwrap();
    world.append(2, accept()).unwrap();
    world.take(&world.message(2, |_| {})).unwrap();
    world.append(2, Act::Leave).unwrap();
    assert!(world.state.awaits_server, "after leave too");

    let world = World::with_members();
    assert!(
        matches!(world.judge(&announcement), Err(Refusal::Invalid(_))),
        "end-to-end"
    );
}

#[test]
fn a_state_survives_its_record() {
    let mut world = World::with_members();
    let record = codec::encode(&world.state);
    world.state = codec::decode(&record).unwrap();
    assert_eq!(codec::encode(&world.state), record);
    world.append(3, Act::Leave).unwrap();
}

#[test]
fn an_entry_has_one_encoding() {
    let world = World::with_members();
    let message = world.message(1, |_| {});
    assert!(Entry::parse(&message).is_ok());
    let longer = [&[0x98, 3][..], &message[1..]].concat();
    assert!(Entry::parse(&longer).is_err(), "a longer array head");
    let longer = [&message[..1], &[0x18], &message[1..]].concat();
    assert!(Entry::parse(&longer).is_err(), "a longer purpose");
    assert!(
        Entry::parse(&[&message[..], &[0]].concat()).is_err(),
        "bytes after the end"
    );
}

#[test]
fn a_log_begins_with_create_and_an_invitation() {
    let world = World::new();
    let parsed = |bytes: &[u8]| Entry::parse(bytes).unwrap();
    assert!(matches!(
        LogState::begin(&parsed(&world.message(1, |_| {}))),
        Err(Refusal::Invalid(_))
    ));
    assert!(matches!(
        LogState::begin(&parsed(&world.state_entry(1, Act::Leave))),
        Err(Refusal::Invalid(_))
    ));
    let first = create(&world.actors[&1], Mode::EndToEnd);
    let mut fresh = World::new();
    fresh.state = LogState::begin(&parsed(&first))
        .unwrap()
        .into_first_state()
        .unwrap();
    fresh.tree = Frontier::default();
    fresh.tree.append(parsed(&first).hash());
    let leave = fresh.state_entry(1, Act::Leave);
    assert!(matches!(fresh.judge(&leave), Err(Refusal::Invalid(_))));
}
