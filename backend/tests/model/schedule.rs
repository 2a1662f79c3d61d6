//! One schedule: what everybody does, drawn from a seed, and what must hold in the end.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use secure_chat_shared::client::api::{Action, Session};
use secure_chat_shared::ids::MessageId;

use crate::acts;
use crate::browser::Input;
use crate::check::{self, Observed, Truth};
use crate::device::Clock;
use crate::figures::Figures;
use crate::reference::Logs;
use crate::rng::Rng;
use crate::template::{self, Server, Template};
use crate::world::{Fate, MOST_CONVERSATIONS, World, Wrong};

/// In every text and title, to be looked for where no plaintext may be.
pub const CANARY: &str = "canary-kestrel";

/// So often everybody may be given another turn before all is quiet.
const ROUNDS: usize = 40;

/// Rows in a page of history, or fewer.
const PAGE: u64 = 50;

/// What happened, line by line.
pub type Lines = Rc<RefCell<Vec<String>>>;

/// What a seed stands for.
#[derive(Clone)]
pub struct Plan {
    /// How many people take part.
    pub people: usize,
    second_browsers: bool,
    /// How many conversations may be begun.
    pub conversations: usize,
    /// How many browsers may be at work at once.
    at_once: usize,
    /// How many of a thousand requests are lost.
    loss: usize,
    /// One seed a step, so that a step left out changes no other.
    pub steps: Vec<u64>,
}

impl Plan {
    /// The plan of a seed.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let people = 2 + rng.below(5);
        let second_browsers = rng.chance(400);
        let conversations = 1 + rng.below(MOST_CONVERSATIONS);
        let at_once = *rng.pick(&[1, 1, 2, 2, 3]);
        let loss = *rng.pick(&[0, 0, 20, 50]);
        let count = 15 + rng.below(45);
        Self {
            people,
            second_browsers,
            conversations,
            at_once,
            loss,
            steps: (0..count).map(|_| rng.next()).collect(),
        }
    }
}

/// Where a schedule has ended: everybody online, everything quiet.
pub struct End {
    pub world: World,
    pub observed: Vec<Observed>,
}

/// Carries a plan out against a server of its own, and hands its end to `look`.
pub async fn run(
    plan: &Plan,
    lines: Lines,
    look: impl AsyncFnOnce(&End) -> Result<(), Wrong>,
) -> Result<Figures, Wrong> {
    let folder = template::folder();
    Template::get().write(folder.path());
    let server = Server::start(folder.path()).await;
    let clock = Clock::default();
    let browsers = Template::get().browsers(plan.people, plan.second_browsers, &clock);
    let logs = Logs::open(&template::database(folder.path())).await;
    let mut world = World::new(browsers, logs, clock, server.address, lines);
    world.figures.schedules = 1;
    world.figures.steps = plan.steps.len() as u64;
    carry_out(plan, &mut world).await?;
    let observed = observe(&mut world).await?;
    let mut end = End { world, observed };
    look(&end).await?;
    for at in 0..end.world.browsers.len() {
        end.world.close(at).await;
    }
    end.world.logs.close().await;
    server.stop().await;
    must_hold_no_plaintext(folder.path())?;
    Ok(end.world.figures)
}

/// Everything that is done, and what must hold while and after it is.
async fn carry_out(plan: &Plan, world: &mut World) -> Result<(), Wrong> {
    for at in 0..world.browsers.len() {
        open(world, at)?;
    }
    for seed in &plan.steps {
        let mut rng = Rng::new(*seed);
        world.clock.pass(1000);
        acts::step(plan, world, &mut rng).await?;
        let mut goes_on = true;
        while goes_on {
            let busy = busy(world);
            goes_on = busy.len() >= plan.at_once || !busy.is_empty() && rng.chance(600);
            if goes_on {
                let fate = fate(plan, &mut rng);
                world.grant(*rng.pick(&busy), fate).await?;
            }
        }
    }
    world.say("everybody comes online");
    rest(world).await?;
    let observed = observe(world).await?;
    check::check(&truth(world), &observed)?;

    world.say("every member writes");
    everybody_writes(world).await?;
    rest(world).await?;
    let observed = observe(world).await?;
    check::check(&truth(world), &observed)?;

    world.say("everybody reloads");
    for at in 0..world.browsers.len() {
        world.close(at).await;
    }
    rest(world).await?;
    let observed = observe(world).await?;
    check::check(&truth(world), &observed)
}

/// Opens a browser; it must know who is signed in.
pub fn open(world: &mut World, at: usize) -> Result<(), Wrong> {
    world.start(at)?;
    let browser = &world.browsers[at];
    match browser.page.borrow().session {
        Some(Session::SignedIn(_)) => Ok(()),
        _ => Err(format!("{} is not signed in", browser.name)),
    }
}

/// Browsers at work.
fn busy(world: &World) -> Vec<usize> {
    let browsers = world.browsers.iter().enumerate();
    browsers
        .filter(|(_, browser)| browser.is_busy())
        .map(|(at, _)| at)
        .collect()
}

/// How the next request fares.
pub fn fate(plan: &Plan, rng: &mut Rng) -> Fate {
    if !rng.chance(plan.loss) {
        return Fate::Passes;
    }
    *rng.pick(&[
        Fate::LostBefore,
        Fate::LostAfter,
        Fate::LostAfter,
        Fate::ClosedBefore,
        Fate::ClosedAfter,
    ])
}

/// Everybody comes online and does what is to be done, until nothing is left.
async fn rest(world: &mut World) -> Result<(), Wrong> {
    for at in busy(world) {
        while world.browsers[at].is_busy() {
            world.grant(at, Fate::Passes).await?;
        }
    }
    for _ in 0..ROUNDS {
        let before = world.figures.messages + world.figures.changes;
        let mut quiet = true;
        for at in 0..world.browsers.len() {
            if !world.browsers[at].is_idle() {
                open(world, at)?;
            }
            if !world.browsers[at].connected {
                world.connect(at).await;
            }
            while let Some(signal) = world.browsers[at].signals.pop_front() {
                quiet = false;
                world.through(at, Input::Signal(signal)).await?;
            }
            world.through(at, Input::Tick).await?;
            let outbox = check::outbox(&world.browsers[at]).await;
            quiet &= outbox.iter().all(|(_, _, failed)| failed.is_some());
        }
        if quiet && before == world.figures.messages + world.figures.changes {
            return Ok(());
        }
    }
    Err("there is no rest".into())
}

/// Opens everything on every page, and looks.
async fn observe(world: &mut World) -> Result<Vec<Observed>, Wrong> {
    let mut observed = Vec::new();
    for at in 0..world.browsers.len() {
        let shown = world.browsers[at].page.borrow().conversations.clone();
        for id in shown.into_keys() {
            world.command(at, Action::Open(id)).await?;
            let mut before = world.logs.get(&id).size();
            while before > PAGE {
                before -= PAGE;
                let conversation = id;
                let older = Action::Older {
                    conversation,
                    before,
                };
                world.command(at, older).await?;
            }
        }
        observed.push(Observed::of(&world.browsers[at]).await?);
    }
    Ok(observed)
}

/// Nobody may be stuck.
async fn everybody_writes(world: &mut World) -> Result<(), Wrong> {
    for conversation in world.conversations.clone() {
        let state = world.logs.get(&conversation).state();
        let members: Vec<_> = state.accepted().map(|(user, _)| *user).collect();
        for user in members {
            let browsers = &world.browsers;
            let at = browsers.iter().position(|browser| browser.user == user);
            let at = at.ok_or("a member who is nobody")?;
            let count = world.written.len() as u64;
            let mut id = [0xff; MessageId::LEN];
            id[..8].copy_from_slice(&count.to_be_bytes());
            let id = MessageId(id);
            let text = format!("{CANARY} at the end, number {count}");
            let send = Action::Send {
                conversation,
                id,
                text,
            };
            world.command(at, send).await?;
            if !world.written[&(user, id)].kept {
                return Err(format!("{} cannot write", world.browsers[at].name));
            }
        }
    }
    Ok(())
}

/// What is true.
pub fn truth(world: &World) -> Truth<'_> {
    Truth {
        logs: world.logs.all(),
        written: &world.written,
        titles: &world.titles,
    }
}

/// What the server keeps shows no text and no title.
fn must_hold_no_plaintext(folder: &Path) -> Result<(), Wrong> {
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let mut windows = bytes.windows(CANARY.len());
        if windows.any(|window| window == CANARY.as_bytes()) {
            return Err(format!("a text is in {}", path.display()));
        }
    }
    Ok(())
}
