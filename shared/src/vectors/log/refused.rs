//! Each rule, and an entry that breaks it and no other before it.

use minicbor::Encoder;

use super::super::fixed::sign_pss;
use super::super::identity::{compromised, next, signed};
use super::Maker;
use super::world::{
    ELSEWHERE, World, accept, create, forged, ill_signed, managed_mode, server_keys,
};
use crate::client::native::test_keys;
use crate::codec::{self, Bytes};
use crate::crypto::signing::Algorithm;
use crate::ids::{EntryHash, Epoch, IdentityHash, Root, UserId};
use crate::log::act::{Act, Announcement, Drop, Invite, NewIdentity, Rewrap, Share};
use crate::log::entry::{ServerHeader, StateHeader, assemble_server, server_signing_payload};
use crate::log::{Entry, Mode};

const CONFLICT: &str = "another state entry came first";
const NOT_MEMBER: &str = "the author is no member";
const NOT_ALLOWED: &str = "the author may not do this";
const STALE_EPOCH: &str = "the epoch is not current";
const EPOCH_DUE: &str = "an epoch is due";
const STALE_IDENTITY: &str = "the author's identity is not in force";
const FALSE_VIEW: &str = "the view is not one of this log";
const OTHER_VIEW: &str = "the view is not one of the log's";
const UNSIGNED: &str = "a signature does not hold";
const TWICE: &str = "people are listed twice, or none are";

pub(super) fn make(maker: &mut Maker) {
    encodings(maker);
    beginnings(maker);
    places(maker);
    rights(maker);
    messages(maker);
    announcements(maker);
    people(maker);
    identities(maker);
    keys(maker);
    managed(maker);
    signatures(maker);
}

fn encodings(maker: &mut Maker) {
    let world = World::with_members();
    maker.log("members", &world.entries);
    let message = world.message(1, |_| {});
    let malformed = "malformed";
    maker.refused(malformed, "nothing", &[]);
    maker.refused(
        malformed,
        "an array head longer than necessary",
        &[&[0x98, 3], &message[1..]].concat(),
    );
    maker.refused(
        malformed,
        "a purpose longer than necessary",
        &[&message[..1], &[0x18], &message[1..]].concat(),
    );
    maker.refused(
        malformed,
        "an element more",
        &[&[0x84], &message[1..], &[0]].concat(),
    );
    maker.refused(
        malformed,
        "a byte after the end",
        &[&message[..], &[0]].concat(),
    );
    maker.refused(
        malformed,
        "a purpose that there is not",
        &[&message[..1], &[4], &message[2..]].concat(),
    );
    maker.refused(
        malformed,
        "a message that says it is a state entry",
        &[&message[..1], &[1], &message[2..]].concat(),
    );
    maker.refused(
        malformed,
        "another version",
        &world.message(1, |header| header.version = 2),
    );
    maker.refused(
        malformed,
        "a header of another purpose",
        &world.message(1, |header| header.purpose = 1),
    );
    let another_version = |header: &mut StateHeader| header.version = 2;
    maker.refused(
        malformed,
        "a state entry of another version",
        &world.entry_with(1, Act::Leave, another_version),
    );
    maker.refused(malformed, "an act that there is not", &unknown_act());
}

/// `[1, header, signature]` with an act 16.
fn unknown_act() -> Vec<u8> {
    let mut header = Encoder::new(Vec::new());
    let header = header
        .map(2)
        .and_then(|e| e.u8(0)?.u8(1)?.u8(7)?.array(2)?.u8(16)?.array(0));
    let header = header.unwrap().writer().clone();
    crate::log::entry::assemble_state(header, vec![0; 64].into())
}

fn beginnings(maker: &mut Maker) {
    let world = World::begun(Mode::EndToEnd);
    maker.log("empty", &[]);
    let no_create = "a log begins with create";
    maker.refused(no_create, "a message", &world.message(1, |_| {}));
    maker.refused(no_create, "another act", &world.entry(1, Act::Leave));
    let before = "create names something before it";
    maker.refused(
        before,
        "create with a conversation",
        &create(|_| {}, |header| header.conversation = Some(ELSEWHERE)),
    );
    maker.refused(
        before,
        "create with an entry before",
        &create(|_| {}, |header| header.previous = Some(EntryHash([1; 32]))),
    );
    maker.refused(
        before,
        "create with a view",
        &create(|_| {}, |header| header.view.size = 1),
    );
    maker.refused(
        FALSE_VIEW,
        "create with another root of nothing",
        &create(|_| {}, |header| header.view.root = Root([1; 32])),
    );
    maker.refused(
        "the nonce has 32 bytes",
        "create with a shorter nonce",
        &create(|create| create.nonce = Bytes(vec![1; 31]), |_| {}),
    );
    let no_key = Mode::ServerManaged(Bytes(vec![1; 422]));
    maker.refused(
        "the server's key is not valid",
        "create with a key that is none",
        &create(|create| create.mode = no_key, |_| {}),
    );
    maker.refused(
        STALE_IDENTITY,
        "create by another user than its identity",
        &create(|_| {}, |header| header.sender = UserId([9; 16])),
    );
    maker.refused(
        STALE_IDENTITY,
        "create that names another identity",
        &create(|_| {}, |header| header.identity = IdentityHash([9; 32])),
    );
    let by_other = ill_signed(&world.signed(1), world.keys(2));
    maker.refused(
        UNSIGNED,
        "create with an identity that somebody else signed",
        &create(|create| create.identity = by_other, |_| {}),
    );
    maker.refused(
        UNSIGNED,
        "create with another signature",
        &forged(&create(|_| {}, |_| {})),
    );

    maker.log("begun", &world.entries);
    maker.refused(
        "the second entry invites",
        "another act as the second entry",
        &world.entry(1, Act::Leave),
    );
    maker.refused(
        EPOCH_DUE,
        "a message before there is an epoch",
        &world.message(1, |_| {}),
    );
}

fn places(maker: &mut Maker) {
    let world = World::with_members();
    maker.log("members", &world.entries);
    let leave = |change: &dyn Fn(&mut StateHeader)| world.entry_with(2, Act::Leave, change);
    let elsewhere = "the entry is of another conversation";
    maker.refused(
        elsewhere,
        "of another conversation",
        &leave(&|header| header.conversation = Some(ELSEWHERE)),
    );
    maker.refused(
        elsewhere,
        "of no conversation",
        &leave(&|header| header.conversation = None),
    );
    maker.refused(
        FALSE_VIEW,
        "a view beyond the log",
        &leave(&|header| header.view.size = 5),
    );
    maker.refused(
        CONFLICT,
        "a view that lacks the newest state entry",
        &leave(&|header| header.view.size = 3),
    );
    maker.refused(
        CONFLICT,
        "after another state entry",
        &leave(&|header| header.previous = Some(EntryHash([1; 32]))),
    );
    maker.refused(
        CONFLICT,
        "after no state entry",
        &leave(&|header| header.previous = None),
    );
    maker.refused(
        OTHER_VIEW,
        "a view of another log",
        &leave(&|header| header.view.root = Root([1; 32])),
    );
    maker.refused(
        NOT_MEMBER,
        "by somebody who is not there",
        &world.entry(4, Act::Leave),
    );
    maker.refused(
        STALE_IDENTITY,
        "under another identity",
        &leave(&|header| header.identity = IdentityHash([1; 32])),
    );
    maker.refused(
        "create comes once",
        "create again",
        &world.entry(1, create_act()),
    );
}

fn create_act() -> Act {
    let create = create(|_| {}, |_| {});
    let Ok(Entry::State(entry)) = Entry::parse(&create) else {
        unreachable!()
    };
    entry.header.act
}

/// Who may not do what.
fn rights(maker: &mut Maker) {
    // Alice is admin, Bob a member, Carol invited.
    let mut world = World::invited();
    world.act(2, accept());
    maker.log("half", &world.entries);
    let (alice, bob, carol) = (1, 2, 3);
    let user = |n| world.user(n);
    let share = || {
        Act::Share(Share {
            user: user(carol),
            identity: world.signed(carol).hash(),
            epochs: vec![Epoch(1)],
            wraps: Root([1; 32]),
        })
    };
    let rewrap = || {
        Act::Rewrap(Rewrap {
            user: user(carol),
            epoch: Epoch(1),
            wrap: Bytes(vec![0; 384]),
        })
    };
    let cases = [
        (
            carol,
            "invite by an invited person",
            world.invite(&[5], &[1, 2, 3, 5]),
        ),
        (
            carol,
            "uninvite by an invited person",
            Act::Uninvite(world.drop(&[3], &[1, 2])),
        ),
        (
            bob,
            "uninvite by a member who did not invite",
            Act::Uninvite(world.drop(&[3], &[1, 2])),
        ),
        (
            alice,
            "uninvite of a member",
            Act::Uninvite(world.drop(&[2], &[1, 3])),
        ),
        (
            alice,
            "uninvite of somebody who is not there",
            Act::Uninvite(world.drop(&[4], &[1, 2, 3])),
        ),
        (bob, "accept by a member", accept()),
        (bob, "decline by a member", Act::Decline),
        (carol, "leave by an invited person", Act::Leave),
        (
            bob,
            "remove by a member who is no admin",
            Act::Remove(world.drop(&[1], &[2, 3])),
        ),
        (
            alice,
            "remove of an invited person",
            Act::Remove(world.drop(&[3], &[1, 2])),
        ),
        (
            alice,
            "remove of oneself",
            Act::Remove(world.drop(&[1], &[2, 3])),
        ),
        (
            alice,
            "remove of somebody who is not there",
            Act::Remove(world.drop(&[4], &[1, 2, 3])),
        ),
        (
            bob,
            "promote by a member who is no admin",
            Act::Promote(user(bob)),
        ),
        (
            alice,
            "promote of an invited person",
            Act::Promote(user(carol)),
        ),
        (alice, "promote of an admin", Act::Promote(user(alice))),
        (
            alice,
            "promote of somebody who is not there",
            Act::Promote(user(4)),
        ),
        (
            bob,
            "demote by a member who is no admin",
            Act::Demote(user(alice)),
        ),
        (
            alice,
            "demote of a member who is no admin",
            Act::Demote(user(bob)),
        ),
        (
            alice,
            "demote of somebody who is not there",
            Act::Demote(user(4)),
        ),
        (carol, "rename by an invited person", world.rename(1)),
        (
            carol,
            "epoch by an invited person",
            Act::Epoch(world.announcement(&[1, 2, 3])),
        ),
        (bob, "share by a member who is no admin", share()),
        (carol, "rewrap by an invited person", rewrap()),
        (
            carol,
            "fault about an epoch that there is not",
            Act::Fault(Epoch(2)),
        ),
    ];
    for (n, what, act) in cases {
        maker.refused(NOT_ALLOWED, what, &world.entry(n, act));
    }
    maker.refused(
        NOT_ALLOWED,
        "message by an invited person",
        &world.message(carol, |_| {}),
    );
}

fn messages(maker: &mut Maker) {
    let world = World::with_members();
    maker.log("members", &world.entries);
    let mut refused = |because, what, change: &dyn Fn(&mut crate::log::MessageHeader)| {
        maker.refused(because, what, &world.message(2, change));
    };
    refused(
        "the entry is of another conversation",
        "message of another conversation",
        &|header| header.conversation = ELSEWHERE,
    );
    refused(
        STALE_IDENTITY,
        "message under another identity",
        &|header| header.identity = IdentityHash([1; 32]),
    );
    refused(STALE_EPOCH, "message under a later epoch", &|header| {
        header.epoch = Epoch(2)
    });
    refused(
        STALE_EPOCH,
        "message under another announcement",
        &|header| header.announcement = EntryHash([1; 32]),
    );
    refused(
        FALSE_VIEW,
        "message whose view does not reach the announcement",
        &|header| header.view.size = 1,
    );
    refused(
        FALSE_VIEW,
        "message with a view beyond the log",
        &|header| header.view.size = 5,
    );
    refused(
        OTHER_VIEW,
        "message with a view of another log",
        &|header| header.view.root = Root([1; 32]),
    );
    maker.refused(
        NOT_MEMBER,
        "message by somebody who is not there",
        &world.message(4, |_| {}),
    );

    let mut world = world;
    let late = world.message(2, |_| {});
    world.act(1, Act::Epoch(world.announcement(&[1, 2, 3])));
    maker.log("second epoch", &world.entries);
    maker.refused(STALE_EPOCH, "message under the epoch before", &late);
    world.act(3, Act::Leave);
    maker.log("due, later", &world.entries);
    maker.refused(
        EPOCH_DUE,
        "message while an epoch is due",
        &world.message(1, |_| {}),
    );
    maker.refused(
        NOT_MEMBER,
        "message by somebody who has left",
        &world.message(3, |_| {}),
    );
    maker.refused(
        EPOCH_DUE,
        "rename while an epoch is due",
        &world.entry(1, world.rename(2)),
    );
    maker.refused(
        "the announcement is for other readers",
        "epoch for somebody who has left",
        &world.entry(2, Act::Epoch(world.announcement(&[1, 2, 3]))),
    );
}

fn announcements(maker: &mut Maker) {
    let world = World::with_members();
    maker.log("members", &world.entries);
    let bare = Drop {
        users: world.users(&[3]),
        announcement: None,
    };
    maker.refused(
        "the announcement is missing",
        "remove without an announcement",
        &world.entry(1, Act::Remove(bare)),
    );
    let Act::Invite(invite) = world.invite(&[5], &[1, 2, 3, 5]) else {
        unreachable!()
    };
    let bare = Invite {
        announcement: None,
        ..invite
    };
    maker.refused(
        "the announcement is missing",
        "invite without an announcement",
        &world.entry(1, Act::Invite(bare)),
    );
    let too_many = Act::Remove(world.drop(&[3], &[1, 2, 3]));
    maker.refused(
        "the announcement is for other readers",
        "remove that goes on with whom it removes",
        &world.entry(1, too_many),
    );
    let too_few = Act::Epoch(world.announcement(&[1, 2]));
    maker.refused(
        "the announcement is for other readers",
        "epoch that leaves a reader out",
        &world.entry(1, too_few),
    );
    for epoch in [1, 3] {
        let announcement = Announcement {
            epoch: Epoch(epoch),
            ..world.announcement(&[1, 2, 3])
        };
        maker.refused(
            STALE_EPOCH,
            "epoch with another number than the next",
            &world.entry(1, Act::Epoch(announcement)),
        );
    }
    maker.refused(
        STALE_EPOCH,
        "rename under another epoch",
        &world.entry(1, world.rename(2)),
    );
    let by_server = world.server_entry(|_| {});
    maker.refused(
        "the server makes no keys here",
        "a server's announcement in an end-to-end conversation",
        &by_server,
    );
}

fn people(maker: &mut Maker) {
    let world = World::with_members();
    maker.log("members", &world.entries);
    maker.refused(
        "nobody is invited",
        "invite of nobody",
        &world.entry(1, world.invite(&[], &[1, 2, 3])),
    );
    let there = "an invited person is in the conversation already";
    maker.refused(
        there,
        "invite of a member",
        &world.entry(1, world.invite(&[2], &[1, 2, 3])),
    );
    maker.refused(
        there,
        "invite of one person twice",
        &world.entry(1, world.invite(&[5, 5], &[1, 2, 3, 5])),
    );
    let Act::Invite(invite) = world.invite(&[5], &[1, 2, 3, 5]) else {
        unreachable!()
    };
    let proofs = Invite {
        link_proofs: vec![None, None],
        ..invite
    };
    maker.refused(
        "link proofs do not fit the people",
        "invite with a proof too many",
        &world.entry(1, Act::Invite(proofs)),
    );
    maker.refused(
        TWICE,
        "remove of nobody",
        &world.entry(1, Act::Remove(world.drop(&[], &[1, 2, 3]))),
    );
    maker.refused(
        TWICE,
        "remove of one person twice",
        &world.entry(1, Act::Remove(world.drop(&[3, 3], &[1, 2]))),
    );
    maker.refused(
        TWICE,
        "uninvite of nobody",
        &world.entry(1, Act::Uninvite(world.drop(&[], &[1, 2, 3]))),
    );

    let mut world = world;
    let statement = compromised(world.signed(3).identity(), world.keys(3));
    world.act(3, Act::Compromised(statement));
    maker.log("compromised", &world.entries);
    maker.refused(
        "an invited person's identity was declared compromised",
        "invite with a compromised identity",
        &world.entry(1, world.invite(&[3], &[1, 2, 3])),
    );
}

fn identities(maker: &mut Maker) {
    let world = World::with_members();
    maker.log("members", &world.entries);
    let keys = test_keys::set(5).unwrap();
    let second = next(world.signed(2).identity(), &keys, Algorithm::RsaPss);
    let renewed = |versions: Vec<_>| {
        Act::Identity(NewIdentity {
            versions,
            announcement: Some(world.announcement(&[1, 2, 3])),
        })
    };
    let followed = signed(&second, &keys, Some(world.keys(2)));
    maker.refused(
        "no identity",
        "identity without a version",
        &world.entry(2, renewed(Vec::new())),
    );
    let not_next = "the identity does not follow the one in force";
    maker.refused(
        not_next,
        "identity of somebody else",
        &world.entry(3, renewed(vec![followed.clone()])),
    );
    maker.refused(
        not_next,
        "identity in force again",
        &world.entry(2, renewed(vec![world.signed(2)])),
    );
    let third = signed(&next(&second, &keys, Algorithm::Dsa), &keys, Some(&keys));
    maker.refused(
        not_next,
        "identity that leaves one out",
        &world.entry(2, renewed(vec![third])),
    );
    let bare = NewIdentity {
        versions: vec![followed.clone()],
        announcement: None,
    };
    maker.refused(
        "the announcement is missing",
        "identity of a member without an announcement",
        &world.entry(2, Act::Identity(bare)),
    );
    let by_other = signed(&second, &keys, Some(world.keys(3)));
    let readers = [world.signed(1), by_other.clone(), world.signed(3)];
    let announcement = Some(world.announcement_for(&readers));
    let not_signed = Act::Identity(NewIdentity {
        versions: vec![by_other],
        announcement,
    });
    maker.refused(
        UNSIGNED,
        "identity that the version before did not sign",
        &world.entry(2, not_signed),
    );
    let about_carol = compromised(world.signed(3).identity(), world.keys(3));
    maker.refused(
        "the statement is not about its author",
        "compromised about somebody else",
        &world.entry(2, Act::Compromised(about_carol)),
    );
    let by_bob = compromised(world.signed(3).identity(), world.keys(2));
    maker.refused(
        UNSIGNED,
        "compromised that somebody else signed",
        &world.entry(3, Act::Compromised(by_bob)),
    );

    let world = World::invited();
    maker.log("invited", &world.entries);
    let early = NewIdentity {
        versions: vec![followed],
        announcement: Some(world.announcement(&[1, 2, 3])),
    };
    maker.refused(
        "an announcement is out of place",
        "identity of an invited person with an announcement",
        &world.entry(2, Act::Identity(early)),
    );
}

fn keys(maker: &mut Maker) {
    let mut world = World::with_members();
    maker.log("members", &world.entries);
    let rewrap = |user, length| {
        Act::Rewrap(Rewrap {
            user,
            epoch: Epoch(1),
            wrap: Bytes(vec![0; length]),
        })
    };
    maker.refused(
        "a rewrap answers a fault",
        "rewrap that nobody asked for",
        &world.entry(1, rewrap(world.user(3), 384)),
    );
    world.act(3, Act::Fault(Epoch(1)));
    maker.log("faulted", &world.entries);
    maker.refused(
        "this fault waits for an answer already",
        "the same fault again",
        &world.entry(3, Act::Fault(Epoch(1))),
    );
    maker.refused(
        "a wrap has 384 bytes",
        "rewrap of another length",
        &world.entry(1, rewrap(world.user(3), 383)),
    );
    maker.refused(
        "a rewrap answers a fault",
        "rewrap for somebody else",
        &world.entry(1, rewrap(world.user(2), 384)),
    );

    let mut world = World::with_members();
    world.act(1, world.invite(&[5], &[1, 2, 3, 5]));
    world.act(5, accept());
    maker.log("newcomer", &world.entries);
    maker.refused(
        NOT_ALLOWED,
        "fault about an epoch before one's own",
        &world.entry(5, Act::Fault(Epoch(1))),
    );
    let share = |user, identity, epochs: &[u32]| {
        let epochs = epochs.iter().copied().map(Epoch).collect();
        Act::Share(Share {
            user,
            identity,
            epochs,
            wraps: Root([1; 32]),
        })
    };
    let (erin, hash) = (world.user(5), world.signed(5).hash());
    maker.refused(
        NOT_ALLOWED,
        "share with somebody who is not there",
        &world.entry(1, share(world.user(4), hash, &[1])),
    );
    maker.refused(
        STALE_IDENTITY,
        "share for another identity",
        &world.entry(1, share(erin, IdentityHash([1; 32]), &[1])),
    );
    let no_list = "the shared epochs are not a list of earlier ones";
    for (what, epochs) in [
        ("share of nothing", &[][..]),
        ("share in another order", &[2, 1]),
        ("share of one epoch twice", &[1, 1]),
        ("share of an epoch that there is not", &[3]),
        ("share of epoch 0", &[0]),
    ] {
        maker.refused(no_list, what, &world.entry(1, share(erin, hash, epochs)));
    }
}

fn managed(maker: &mut Maker) {
    let world = World::begun(managed_mode());
    maker.log("managed, begun", &world.entries);
    let by_member = world.entry(1, world.invite(&[2], &[1, 2]));
    maker.refused(
        "an announcement is out of place",
        "a member's announcement in a managed conversation",
        &by_member,
    );

    let world = World::managed();
    maker.log("managed, awaited", &world.entries);
    maker.refused(
        CONFLICT,
        "a state entry while the server is awaited",
        &world.entry(2, accept()),
    );
    maker.refused(
        EPOCH_DUE,
        "a message while the server is awaited",
        &world.message(1, |_| {}),
    );
    let mut by_server = |because, what, change: &dyn Fn(&mut ServerHeader)| {
        maker.refused(because, what, &world.server_entry(change));
    };
    by_server(
        "the entry is of another conversation",
        "the server's announcement for another conversation",
        &|header| header.conversation = ELSEWHERE,
    );
    by_server(
        CONFLICT,
        "the server's announcement after another entry",
        &|header| header.previous = EntryHash([1; 32]),
    );
    by_server(
        CONFLICT,
        "the server's announcement with an older view",
        &|header| header.view.size = 1,
    );
    by_server(
        OTHER_VIEW,
        "the server's announcement with a view of another log",
        &|header| header.view.root = Root([1; 32]),
    );
    by_server(
        "the server cannot seal a title",
        "the server's announcement with a title",
        &|header| header.announcement.title = world.announcement(&[1, 2]).title,
    );
    by_server(
        STALE_EPOCH,
        "the server's announcement of a later epoch",
        &|header| header.announcement.epoch = Epoch(2),
    );
    by_server(
        "the announcement is for other readers",
        "the server's announcement for others",
        &|header| header.announcement.readers = world.announcement(&[1, 2, 3]).readers,
    );
    maker.refused(
        UNSIGNED,
        "the server's announcement by another key",
        &by_another_key(&world),
    );

    let world = World::managed_members();
    maker.log("managed", &world.entries);
    maker.refused(
        "nothing asked for an announcement",
        "the server's announcement unasked",
        &world.server_entry(|_| {}),
    );
    let epoch = Act::Epoch(world.announcement(&[1, 2]));
    maker.refused(
        "the server makes the keys here",
        "epoch in a managed conversation",
        &world.entry(1, epoch),
    );
}

fn by_another_key(world: &World) -> Vec<u8> {
    let Ok(Entry::Server(entry)) = Entry::parse(&world.server_entry(|_| {})) else {
        unreachable!()
    };
    let header = codec::encode(&entry.header);
    let payload = server_signing_payload(&header);
    // The server's other RSA key.
    assemble_server(header, sign_pss(&server_keys().encryption, &payload))
}

fn signatures(maker: &mut Maker) {
    let world = World::with_members();
    maker.log("members", &world.entries);
    maker.refused(
        UNSIGNED,
        "with another RSA-PSS signature",
        &forged(&world.entry(1, Act::Leave)),
    );
    maker.refused(
        UNSIGNED,
        "with another DSA signature",
        &forged(&world.entry(2, Act::Leave)),
    );
    let by_bob = world.entry_with(2, Act::Leave, |header| {
        header.sender = world.user(3);
        header.identity = world.signed(3).hash();
    });
    maker.refused(UNSIGNED, "signed by somebody else", &by_bob);
    let Act::Invite(invite) = world.invite(&[5], &[1, 2, 3, 5]) else {
        unreachable!()
    };
    let people = vec![ill_signed(&world.signed(5), world.keys(4))];
    let invite = Invite { people, ..invite };
    maker.refused(
        UNSIGNED,
        "invite with an identity that somebody else signed",
        &world.entry(1, Act::Invite(invite)),
    );
}
