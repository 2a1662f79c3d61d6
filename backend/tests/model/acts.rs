//! What somebody does next, drawn from what their page shows.

use secure_chat_shared::client::api::{Action, Conversation, MessageState, RowBody, Standing};
use secure_chat_shared::ids::{ConversationId, MessageId};

use crate::browser::Input;
use crate::rng::Rng;
use crate::schedule::{CANARY, Plan, fate, open};
use crate::template;
use crate::world::{World, Wrong};

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
    let member = places(&shown, |standing| matches!(standing, Standing::Member));
    let invited = places(&shown, |standing| {
        matches!(standing, Standing::Invited { .. })
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
            world.clock.pass(LONG);
            return Ok(());
        }
        H::Begins => {
            let people = others(plan, world, at, rng);
            let title = title(rng);
            Action::CreateConversation {
                people,
                title,
                managed: false,
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

/// Which conversations are shown with such a standing.
fn places(shown: &[Conversation], is_it: impl Fn(&Standing) -> bool) -> Vec<usize> {
    let shown = shown.iter().enumerate();
    shown
        .filter(|(_, conversation)| is_it(&conversation.standing))
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
