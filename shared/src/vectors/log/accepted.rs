//! Each act, as its author may do it.

use super::super::identity::{compromised, next, signed};
use super::Maker;
use super::world::{ELSEWHERE, World, accept, create, managed_mode};
use crate::client::native::test_keys;
use crate::codec::Bytes;
use crate::crypto::signing::Algorithm;
use crate::ids::{Epoch, Root, View};
use crate::log::Mode;
use crate::log::act::{Accept, Act, Invite, NewIdentity, Rewrap, Share};

pub(super) fn make(maker: &mut Maker) {
    beginnings(maker);
    invitations(maker);
    members(maker);
    identities(maker);
    keys(maker);
    managed(maker);
}

fn beginnings(maker: &mut Maker) {
    maker.log("empty", &[]);
    maker.valid("create", &create(|_| {}, |_| {}));
    maker.valid(
        "create, server-managed",
        &create(|create| create.mode = managed_mode(), |_| {}),
    );
    let view = View {
        size: 5,
        root: Root([0x33; 32]),
    };
    let continues =
        |create: &mut crate::log::act::Create| create.continues = Some((ELSEWHERE, view));
    maker.valid(
        "create that goes on from another",
        &create(continues, |_| {}),
    );
    let world = World::begun(Mode::EndToEnd);
    maker.log("begun", &world.entries);
    maker.valid(
        "invite of two",
        &world.entry(1, world.invite(&[2, 3], &[1, 2, 3])),
    );
}

fn invitations(maker: &mut Maker) {
    let world = World::invited();
    maker.log("invited", &world.entries);
    maker.valid("accept", &world.entry(2, accept()));
    let proof = Act::Accept(Accept {
        link_proof: Some(Bytes(vec![0x1f; 32])),
    });
    maker.valid("accept that answers a link", &world.entry(3, proof));
    maker.valid("decline: an epoch is due", &world.entry(3, Act::Decline));
    maker.valid(
        "uninvite",
        &world.entry(1, Act::Uninvite(world.drop(&[2], &[1, 3]))),
    );
    maker.valid(
        "message to people who have not accepted",
        &world.message(1, |_| {}),
    );
    maker.valid(
        "leave of the only member: nobody is admin",
        &world.entry(1, Act::Leave),
    );
    let keys = test_keys::set(5).unwrap();
    let versions = vec![signed(
        &next(world.signed(2).identity(), &keys, Algorithm::Dsa),
        &keys,
        Some(world.keys(2)),
    )];
    let renewed = Act::Identity(NewIdentity {
        versions,
        announcement: None,
    });
    maker.valid(
        "identity of an invited person: an epoch is due",
        &world.entry(2, renewed),
    );

    let mut world = World::invited();
    world.act(1, Act::Leave);
    maker.log("abandoned", &world.entries);
    maker.valid(
        "accept: the first member is admin",
        &world.entry(3, accept()),
    );

    let mut world = World::invited();
    world.act(2, accept());
    maker.log("half", &world.entries);
    let by_member = |proofs| {
        let Act::Invite(invite) = world.invite(&[5], &[1, 2, 3, 5]) else {
            unreachable!()
        };
        Act::Invite(Invite {
            link_proofs: proofs,
            ..invite
        })
    };
    maker.valid("invite by a member", &world.entry(2, by_member(Vec::new())));
    maker.valid(
        "invite that answers a link",
        &world.entry(2, by_member(vec![Some(Bytes(vec![0x1f; 32]))])),
    );
    maker.valid(
        "invite that answers none of one",
        &world.entry(2, by_member(vec![None])),
    );
    maker.valid(
        "uninvite by an admin of whom another invited",
        &world.entry(1, Act::Uninvite(world.drop(&[3], &[1, 2]))),
    );
}

fn members(maker: &mut Maker) {
    let mut world = World::with_members();
    maker.log("members", &world.entries);
    maker.valid("message", &world.text(2, "Hello, all"));
    let at_announcement = World::invited().view();
    maker.valid(
        "message whose view just reaches the announcement",
        &world.message(3, |header| header.view = at_announcement),
    );
    maker.valid(
        "remove",
        &world.entry(1, Act::Remove(world.drop(&[3], &[1, 2]))),
    );
    maker.valid(
        "remove of two",
        &world.entry(1, Act::Remove(world.drop(&[3, 2], &[1]))),
    );
    maker.valid("promote", &world.entry(1, Act::Promote(world.user(2))));
    maker.valid(
        "demote of the only admin: the earliest member is admin",
        &world.entry(1, Act::Demote(world.user(1))),
    );
    maker.valid("leave", &world.entry(2, Act::Leave));
    maker.valid(
        "leave of the only admin: the earliest member is admin",
        &world.entry(1, Act::Leave),
    );
    maker.valid("rename", &world.entry(2, world.rename(1)));
    maker.valid(
        "epoch",
        &world.entry(3, Act::Epoch(world.announcement(&[1, 2, 3]))),
    );
    let mut untitled = world.announcement(&[1, 2, 3]);
    untitled.title = None;
    maker.valid(
        "epoch without a title: there is none then",
        &world.entry(3, Act::Epoch(untitled)),
    );
    maker.valid("fault", &world.entry(3, Act::Fault(Epoch(1))));
    let statement = compromised(world.signed(3).identity(), world.keys(3));
    maker.valid(
        "compromised: its author is out",
        &world.entry(3, Act::Compromised(statement)),
    );

    let before_message = world.entry(2, Act::Leave);
    let message = world.message(3, |_| {});
    world.take(&message);
    maker.log("spoken", &world.entries);
    maker.valid(
        "state entry with a message between its view and its number",
        &before_message,
    );
    maker.valid(
        "the same message again: the rules do not mind, the server does",
        &message,
    );

    let mut world = World::with_members();
    world.act(1, Act::Promote(world.user(2)));
    maker.log("two admins", &world.entries);
    maker.valid(
        "demote by the other",
        &world.entry(2, Act::Demote(world.user(1))),
    );
    maker.valid(
        "remove of an admin",
        &world.entry(2, Act::Remove(world.drop(&[1], &[2, 3]))),
    );

    let mut world = World::with_members();
    world.act(3, Act::Leave);
    maker.log("due", &world.entries);
    maker.valid(
        "epoch that was due",
        &world.entry(2, Act::Epoch(world.announcement(&[1, 2]))),
    );
    maker.valid(
        "another act that announces",
        &world.entry(1, world.invite(&[3], &[1, 2, 3])),
    );
    maker.valid(
        "an act that needs no key",
        &world.entry(1, Act::Promote(world.user(2))),
    );
}

fn identities(maker: &mut Maker) {
    let mut world = World::with_members();
    maker.log("members", &world.entries);
    let [one, two] = [5, 6].map(|n| test_keys::set(n).unwrap());
    let second = next(world.signed(2).identity(), &one, Algorithm::RsaPss);
    let third = next(&second, &two, Algorithm::Dsa);
    let second = signed(&second, &one, Some(world.keys(2)));
    let third = signed(&third, &two, Some(&one));
    let renewed = |versions: &[_]| {
        let last: &crate::crypto::identity::SignedIdentity = versions.last().unwrap();
        let readers = [world.signed(1), last.clone(), world.signed(3)];
        let announcement = Some(world.announcement_for(&readers));
        Act::Identity(NewIdentity {
            versions: versions.to_vec(),
            announcement,
        })
    };
    let once = world.entry(2, renewed(std::slice::from_ref(&second)));
    maker.valid("identity of a member", &once);
    maker.valid(
        "identity, two versions on",
        &world.entry(2, renewed(&[second.clone(), third])),
    );
    world.take(&once);
    world.renew(2, one, second);
    maker.log("renewed", &world.entries);
    maker.valid("message under the new version", &world.message(2, |_| {}));
}

fn keys(maker: &mut Maker) {
    let mut world = World::with_members();
    world.act(1, world.invite(&[5], &[1, 2, 3, 5]));
    world.act(5, accept());
    maker.log("newcomer", &world.entries);
    let share = Act::Share(Share {
        user: world.user(5),
        identity: world.signed(5).hash(),
        epochs: vec![Epoch(1)],
        wraps: Root([0x44; 32]),
    });
    maker.valid("share of an earlier epoch", &world.entry(1, share.clone()));
    world.act(1, share);
    maker.log("shared", &world.entries);
    maker.valid(
        "fault about an epoch that was shared",
        &world.entry(5, Act::Fault(Epoch(1))),
    );

    let mut world = World::with_members();
    world.act(3, Act::Fault(Epoch(1)));
    maker.log("faulted", &world.entries);
    let rewrap = Act::Rewrap(Rewrap {
        user: world.user(3),
        epoch: Epoch(1),
        wrap: Bytes(world.wraps()[2].clone()),
    });
    maker.valid("rewrap", &world.entry(2, rewrap.clone()));
    world.act(3, Act::Leave);
    maker.log("faulted and gone", &world.entries);
    maker.valid(
        "rewrap for somebody who has gone since",
        &world.entry(1, rewrap),
    );
}

fn managed(maker: &mut Maker) {
    let world = World::begun(managed_mode());
    maker.log("managed, begun", &world.entries);
    let invite = Invite {
        people: vec![world.signed(2)],
        link_proofs: Vec::new(),
        announcement: None,
    };
    maker.valid(
        "invite: the server is awaited",
        &world.entry(1, Act::Invite(invite)),
    );
    let world = World::managed();
    maker.log("managed, awaited", &world.entries);
    maker.valid("the server's announcement", &world.server_entry(|_| {}));
    let world = World::managed_members();
    maker.log("managed", &world.entries);
    maker.valid(
        "message in a managed conversation",
        &world.message(2, |_| {}),
    );
    maker.valid(
        "rename in a managed conversation",
        &world.entry(2, world.rename(1)),
    );
    maker.valid("leave: the server is awaited", &world.entry(2, Act::Leave));
    let remove = crate::log::act::Drop {
        users: world.users(&[2]),
        announcement: None,
    };
    maker.valid(
        "remove: the server is awaited",
        &world.entry(1, Act::Remove(remove)),
    );
}
