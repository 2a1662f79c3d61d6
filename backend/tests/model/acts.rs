//! What somebody does next, drawn from what their page shows.

use secure_chat_shared::client::api::{
    Action, Algorithm, Blocked, Conversation, KeyChange, MessageState, Password, RowBody, Session,
    Standing,
};
use secure_chat_shared::client::native::test_keys;
use secure_chat_shared::ids::{ConversationId, MessageId, UserId};

use crate::browser::Input;
use crate::page::Page;
use crate::rng::Rng;
use crate::schedule::{Plan, fate, open};
use crate::template;
use crate::world::{CANARY, World, Wrong};

/// Older than an epoch may become.
const LONG: u64 = 8 * 24 * 3600 * 1000;

/// What may happen to a browser.
#[derive(Clone, Copy)]
enum Happening {
    Connects,
    Loses,
    Closes,
    Hears,
    HearsAll,
    Ticks,
    TimePasses,
    Begins,
    Accepts,
    Declines,
    Leaves,
    Invites,
    Removes,
    SetsAdmin,
    Renames,
    Writes,
    Opens,
    MarksRead,
    Retries,
    Shares,
    ChangesKeys,
    FetchesKeys,
    AcceptsIdentity,
    Links,
    Follows,
    Blocks,
    Restarts,
}

/// Something happens to a browser.
pub async fn step(plan: &Plan, world: &mut World, rng: &mut Rng) -> Result<(), Wrong> {
    use Happening as H;
    let at = rng.below(world.browsers.len());
    let browser = &world.browsers[at];
    if browser.is_busy() {
        // Whatever it is at, the network comes and goes.
        match rng.below(4) {
            0 if browser.connected => world.cut(at).await,
            0 => world.connect(at).await,
            _ => {}
        }
        return Ok(());
    }
    if !browser.is_idle() {
        return open(world, at);
    }
    let shown: Vec<Conversation> = {
        let page = browser.page.borrow();
        page.conversations.values().cloned().collect()
    };
    let (outdated, changed): (bool, Vec<UserId>) = {
        let page = browser.page.borrow();
        (is_outdated(&page), changed(&page).collect())
    };
    let member = places(&shown, |shown| shown.standing == Standing::Member);
    let invited = places(&shown, |shown| {
        matches!(shown.standing, Standing::Invited { .. })
    });
    let shareable = places(&shown, |shown| {
        shown.members.iter().any(|member| member.shareable)
    });
    let some = |places: &[usize], weight| if places.is_empty() { 0 } else { weight };
    let (me, connected, heard) = (browser.user, browser.connected, browser.signals.len());
    let begins = match world.conversations.len() {
        0 => 1000,
        begun if begun < plan.conversations => 8,
        _ => 0,
    };
    let choice = rng.weighted(&[
        (if connected { 0 } else { 70 }, H::Connects),
        (if connected { 8 } else { 0 }, H::Loses),
        (5, H::Closes),
        (if heard > 0 { 40 } else { 0 }, H::Hears),
        (if heard > 0 { 40 } else { 0 }, H::HearsAll),
        (10, H::Ticks),
        (3, H::TimePasses),
        (if connected { begins } else { 0 }, H::Begins),
        (some(&invited, 60), H::Accepts),
        (some(&invited, 8), H::Declines),
        (some(&member, 7), H::Leaves),
        (some(&member, 18), H::Invites),
        (some(&member, 12), H::Removes),
        (some(&member, 8), H::SetsAdmin),
        (some(&member, 8), H::Renames),
        (some(&member, 60), H::Writes),
        (some(&member, 6), H::Opens),
        (some(&member, 4), H::MarksRead),
        (some(&member, 3), H::Retries),
        (some(&shareable, 25), H::Shares),
        (
            if plan.key_changes && connected { 14 } else { 0 },
            H::ChangesKeys,
        ),
        (if outdated && connected { 40 } else { 0 }, H::FetchesKeys),
        (if changed.is_empty() { 0 } else { 40 }, H::AcceptsIdentity),
        (if connected { 2 } else { 0 }, H::Links),
        (if world.links.is_empty() { 0 } else { 2 }, H::Follows),
        (some(&member, 2), H::Blocks),
        (if plan.restarts { 4 } else { 0 }, H::Restarts),
    ]);
    let place = |rng: &mut Rng, places: &[usize]| &shown[*rng.pick(places)];
    let action = match choice.expect("something has a weight") {
        H::Connects => {
            world.connect(at).await;
            return hear(plan, world, at, rng).await;
        }
        H::Loses => {
            world.cut(at).await;
            return Ok(());
        }
        H::Closes => {
            world.close(at).await;
            return Ok(());
        }
        H::Hears => {
            let signal = world.browsers[at].signals.pop_front();
            return match signal {
                Some(signal) => world.begin(at, Input::Signal(signal)),
                None => Ok(()),
            };
        }
        H::HearsAll => return hear(plan, world, at, rng).await,
        H::Ticks => return world.begin(at, Input::Tick),
        H::TimePasses => {
            world.say("days pass");
            world.figures.count("weeks that pass");
            world.clock.pass(LONG);
            return Ok(());
        }
        H::Begins => {
            let people = others(plan, world, at, rng);
            let title = title(rng);
            Action::CreateConversation {
                people,
                title,
                managed: rng.chance(plan.managed),
            }
        }
        H::Accepts => Action::Accept(place(rng, &invited).id),
        H::Declines => Action::Decline(place(rng, &invited).id),
        H::Leaves => Action::Leave(place(rng, &member).id),
        H::Invites => Action::Invite {
            conversation: place(rng, &member).id,
            people: others(plan, world, at, rng),
        },
        H::Removes => {
            let conversation = place(rng, &member);
            let user = rng.pick(&conversation.members).user;
            if user == me {
                return Ok(());
            }
            let conversation = conversation.id;
            Action::Remove { conversation, user }
        }
        H::SetsAdmin => {
            let conversation = place(rng, &member);
            let other = rng.pick(&conversation.members);
            Action::SetAdmin {
                conversation: conversation.id,
                user: other.user,
                admin: !other.admin,
            }
        }
        H::Renames => Action::Rename {
            conversation: place(rng, &member).id,
            title: title(rng),
        },
        H::Writes => Action::Send {
            conversation: place(rng, &member).id,
            id: message_id(rng),
            text: text(rng),
        },
        H::Opens => Action::Open(place(rng, &member).id),
        H::MarksRead => Action::MarkRead {
            conversation: place(rng, &member).id,
            number: rng.below(40) as u64,
        },
        H::Retries => {
            let conversation = place(rng, &member).id;
            let Some(id) = failed(world, at, conversation) else {
                return Ok(());
            };
            Action::Retry { conversation, id }
        }
        H::Shares => {
            let conversation = place(rng, &shareable);
            let members = conversation.members.iter();
            let with: Vec<_> = members.filter(|member| member.shareable).collect();
            Action::ShareHistory {
                conversation: conversation.id,
                user: rng.pick(&with).user,
            }
        }
        H::ChangesKeys => change_keys(plan, world, at, rng),
        H::FetchesKeys => Action::FetchKeys {
            password: password(),
        },
        H::AcceptsIdentity => Action::AcceptIdentity {
            user: *rng.pick(&changed),
            compared: rng.chance(300),
        },
        H::Links => Action::MakeLink,
        H::Follows => Action::FollowLink {
            fragment: rng.pick(&world.links).clone(),
        },
        H::Blocks => {
            let conversation = place(rng, &member);
            Action::Block {
                user: rng.pick(&conversation.members).user,
                blocked: rng.chance(500),
            }
        }
        H::Restarts => {
            world.restart().await;
            return Ok(());
        }
    };
    world.begin(at, Input::Command(action))
}

/// A browser hears of everything that has come in; the last of it may be under way for a while.
async fn hear(plan: &Plan, world: &mut World, at: usize, rng: &mut Rng) -> Result<(), Wrong> {
    while let Some(signal) = world.browsers[at].signals.pop_front() {
        let last = world.browsers[at].signals.is_empty();
        world.begin(at, Input::Signal(signal))?;
        while !last && world.browsers[at].is_busy() {
            let fate = fate(plan, rng);
            world.grant(at, fate).await?;
        }
        if !world.browsers[at].is_idle() {
            return Ok(());
        }
    }
    Ok(())
}

/// Which conversations are such ones.
fn places(shown: &[Conversation], is_it: impl Fn(&Conversation) -> bool) -> Vec<usize> {
    let shown = shown.iter().enumerate();
    shown
        .filter(|(_, conversation)| is_it(conversation))
        .map(|(place, _)| place)
        .collect()
}

/// One to three others by name; whoever is in already is named now and then too.
fn others(plan: &Plan, world: &World, at: usize, rng: &mut Rng) -> Vec<String> {
    let own = &world.browsers[at].name;
    let names = template::names(plan.people);
    let others: Vec<&str> = names
        .into_iter()
        .filter(|name| !own.starts_with(name))
        .collect();
    let count = 1 + rng.below(others.len().min(3));
    (0..count)
        .map(|_| (*rng.pick(&others)).to_owned())
        .collect()
}

fn title(rng: &mut Rng) -> String {
    match rng.below(4) {
        0 => String::new(),
        _ => format!("{CANARY} title {}", rng.below(1000)),
    }
}

fn text(rng: &mut Rng) -> String {
    let number = rng.below(1_000_000);
    format!("{CANARY} {number}{}", " and more".repeat(rng.below(40)))
}

fn message_id(rng: &mut Rng) -> MessageId {
    let mut id = [0; MessageId::LEN];
    id[..8].copy_from_slice(&rng.next().to_be_bytes());
    id[8..].copy_from_slice(&rng.next().to_be_bytes());
    MessageId(id)
}

/// New keys, or another use of the same ones.
fn change_keys(plan: &Plan, world: &World, at: usize, rng: &mut Rng) -> Action {
    let change = match rng.below(10) {
        0..=3 => KeyChange::Algorithm(Algorithm::Dsa),
        4..=5 => KeyChange::Algorithm(Algorithm::RsaPss),
        _ if plan.resets && rng.chance(500) => KeyChange::Compromised,
        _ => KeyChange::Rotate,
    };
    // Fresh keys take seconds to make; there are some that nobody begins with.
    let browser = &world.browsers[at];
    let ready = test_keys::COUNT - 1 - rng.below(2);
    browser.keys.provide(test_keys::set(ready).unwrap());
    let password = password();
    Action::ChangeKeys { password, change }
}

/// Everybody's password.
pub fn password() -> Password {
    Password(template::PASSWORD.into())
}

/// Whether another browser has made newer keys.
pub fn is_outdated(page: &Page) -> bool {
    matches!(&page.session, Some(Session::SignedIn(me)) if me.outdated)
}

/// Whose changed keys keep somebody from writing.
pub fn changed(page: &Page) -> impl Iterator<Item = UserId> {
    let shown = page.conversations.values();
    shown.filter_map(|conversation| match conversation.blocked {
        Some(Blocked::IdentityChanged { user, .. }) => Some(user),
        _ => None,
    })
}

/// A message of one's own that was refused, as far as the page shows one.
fn failed(world: &World, at: usize, id: ConversationId) -> Option<MessageId> {
    let page = world.browsers[at].page.borrow();
    page.rows_of(id).find_map(|row| match &row.body {
        RowBody::Message(message) if matches!(message.state, MessageState::Failed(_)) => {
            Some(message.id)
        }
        _ => None,
    })
}
