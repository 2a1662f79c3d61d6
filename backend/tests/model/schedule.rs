//! One schedule: what everybody does, drawn from a seed, and what must hold in the end.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use secure_chat_shared::client::api::{Action, Session};
use secure_chat_shared::ids::MessageId;

use crate::acts;
use crate::browser::{Expects, Input};
use crate::check::{self, Observed, Truth};
use crate::device::Clock;
use crate::figures::Figures;
use crate::losses::Losses;
use crate::reference::Logs;
use crate::rng::Rng;
use crate::template::{self, Server, Template};
use crate::world::{CANARY, Fate, MOST_CONVERSATIONS, World, Wrong, holds_text};

/// So often everybody may be given another turn before all is quiet.
const ROUNDS: usize = 40;

/// Entries in a page of history.
const PAGE: u64 = 60;

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
    /// How many of a thousand conversations are server-managed.
    pub managed: usize,
    /// Whether keys change, which costs passwords.
    pub key_changes: bool,
    /// Whether keys may be declared compromised.
    pub resets: bool,
    /// Whether the server restarts now and then.
    pub restarts: bool,
    /// Before which steps a backup is made and restored.
    restore: Option<(usize, usize)>,
    /// Which wraps the server loses, if it does.
    losses: Option<u64>,
    /// One seed a step, so that a step left out changes no other.
    pub steps: Vec<u64>,
}

impl Plan {
    /// The plan of a seed.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let losses = rng.chance(100).then(|| rng.next());
        // Where more are there, who answers a fault is left to chance.
        let most = if losses.is_some() { 3 } else { 6 };
        let people = 2 + rng.below(most - 1);
        let second_browsers = rng.chance(400);
        let conversations = 1 + rng.below(MOST_CONVERSATIONS);
        let at_once = *rng.pick(&[1, 1, 2, 2, 3]);
        let loss = *rng.pick(&[0, 0, 20, 50]);
        let restore = losses.is_none() && rng.chance(80);
        let managed = match losses.is_some() || restore {
            // Nobody but the server makes a fresh key there, should wraps be lost.
            true => 0,
            false => *rng.pick(&[0, 0, 300, 1000]),
        };
        let key_changes = !restore && rng.chance(250);
        let resets = key_changes && rng.chance(300);
        let restarts = rng.chance(100);
        let count = 15 + rng.below(50);
        let restore = restore.then(|| {
            let backup = count / 4 + rng.below(count / 4);
            (backup, backup + rng.below(count / 2))
        });
        Self {
            people,
            second_browsers,
            conversations,
            at_once,
            loss,
            managed,
            key_changes,
            resets,
            restarts,
            restore,
            losses,
            steps: (0..count).map(|_| rng.next()).collect(),
        }
    }

    /// Whether nothing may be missing on a page: no key, and no title that waits for a member to seal it anew.
    pub fn shows_all(&self) -> bool {
        self.losses.is_none() && self.restore.is_none() && self.managed == 0
    }

    fn count(&self, figures: &mut Figures) {
        figures.add("steps", self.steps.len());
        let kinds = [
            (self.second_browsers, "schedules with second browsers"),
            (self.managed > 0, "schedules that may be server-managed"),
            (self.key_changes, "schedules with changing keys"),
            (self.losses.is_some(), "schedules with lost wraps"),
        ];
        for (is_one, what) in kinds {
            figures.add(what, usize::from(is_one));
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
    let mut browsers = Template::get().browsers(plan.people, plan.second_browsers, &clock);
    for browser in &mut browsers {
        browser.expects = Expects {
            missing_keys: plan.losses.is_some() || plan.restore.is_some(),
            rollback: plan.restore.is_some(),
            resets: plan.resets,
        };
    }
    let logs = Logs::open(&template::database(folder.path())).await;
    let mut world = World::new(browsers, logs, clock, server, folder.path(), lines);
    world.losses = plan.losses.map(Losses::new);
    world.figures.schedules = 1;
    plan.count(&mut world.figures);
    let is_whole = carry_out(plan, &mut world).await?;
    let observed = observe(&mut world).await?;
    let mut end = End { world, observed };
    if is_whole {
        look(&end).await?;
    }
    for at in 0..end.world.browsers.len() {
        end.world.close(at).await;
    }
    end.world.logs.close().await;
    end.world.stop().await;
    must_hold_no_plaintext(folder.path())?;
    Ok(end.world.figures)
}

/// Everything that is done, and what must hold while and after it is. Whether there was an end to look at.
async fn carry_out(plan: &Plan, world: &mut World) -> Result<bool, Wrong> {
    for at in 0..world.browsers.len() {
        open(world, at)?;
    }
    for (number, seed) in plan.steps.iter().enumerate() {
        if plan.restore.is_some_and(|(backup, _)| number == backup) {
            world.back_up().await;
        }
        if plan.restore.is_some_and(|(_, restore)| number == restore) && !restored(world).await? {
            return Ok(false);
        }
        let mut rng = Rng::new(*seed);
        world.clock.pass(1000);
        acts::step(plan, world, &mut rng).await?;
        let mut goes_on = true;
        while goes_on {
            let busy = busy(world);
            goes_on = busy.len() >= plan.at_once || !busy.is_empty() && rng.chance(600);
            if goes_on {
                let fate = fate(plan, &mut rng);
                let at = *rng.pick(&busy);
                if !world.conversations.is_empty() && rng.chance(150) {
                    let wanted = *rng.pick(&world.conversations);
                    world.wants(at, wanted);
                }
                world.grant(at, fate).await?;
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
    let after = Truth {
        everybody_wrote: true,
        ..truth(world)
    };
    check::check(&after, &observed)?;

    world.say("everybody reloads");
    for at in 0..world.browsers.len() {
        world.close(at).await;
    }
    rest(world).await?;
    let observed = observe(world).await?;
    check::check(&truth(world), &observed)?;
    Ok(true)
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

/// The backup is restored, and what was lost is given back. Whether all of it was: where only newcomers are left, what
/// was said before them is gone.
async fn restored(world: &mut World) -> Result<bool, Wrong> {
    rest(world).await?;
    world.restore().await;
    for at in 0..world.browsers.len() {
        world.connect(at).await;
        while let Some(signal) = world.browsers[at].signals.pop_front() {
            world.through(at, Input::Signal(signal)).await?;
        }
    }
    rest(world).await?;
    let lost = world.lost.as_ref().expect("the logs before").all().clone();
    for (id, log) in lost {
        if world.logs.has_all_of(&log) {
            continue;
        }
        let people = &log.state().people;
        let restored = world.logs.get(&id);
        if people.is_empty()
            && restored
                .states
                .last()
                .is_none_or(|state| state.people.is_empty())
        {
            world.logs.keep(id, log);
            continue;
        }
        // Where everybody has gone since the backup, nobody may give their going back.
        let size = restored.size();
        for browser in &world.browsers {
            let begins = check::record(browser, &id).await;
            let begins = begins.map(|record| record.anchor);
            if people.contains_key(&browser.user) && begins.is_some_and(|begins| begins <= size) {
                return Err(format!("{} has not given back what it has", browser.name));
            }
        }
        world.say("what was lost is nowhere any more");
        world.figures.count("backups that nobody could complete");
        return Ok(false);
    }
    Ok(true)
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
        let before = world.figures.entries;
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
            decide(world, at).await?;
            world.through(at, Input::Tick).await?;
            let outbox = check::outbox(&world.browsers[at]).await;
            quiet &= outbox.iter().all(|(_, _, failed)| failed.is_some());
        }
        if quiet && before == world.figures.entries {
            return Ok(());
        }
    }
    Err("there is no rest".into())
}

/// Whatever waits for a person is done: newer keys fetched, changed ones accepted, blocks taken back.
async fn decide(world: &mut World, at: usize) -> Result<(), Wrong> {
    let mut actions = Vec::new();
    {
        let page = world.browsers[at].page.borrow();
        if acts::is_outdated(&page) {
            let password = acts::password();
            actions.push(Action::FetchKeys { password });
        }
        actions.extend(page.blocked.iter().map(|person| Action::Block {
            user: person.user,
            blocked: false,
        }));
        actions.extend(acts::changed(&page).map(|user| Action::AcceptIdentity {
            user,
            compared: false,
        }));
    }
    for action in actions {
        world.command(at, action).await?;
    }
    Ok(())
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
        everybody_wrote: false,
        lossy: world.losses.is_some() || world.lost.is_some(),
    }
}

/// What the server keeps shows no text and no title.
fn must_hold_no_plaintext(folder: &Path) -> Result<(), Wrong> {
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        if holds_text(&bytes) {
            return Err(format!("a text is in {}", path.display()));
        }
    }
    Ok(())
}
