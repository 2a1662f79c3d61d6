//! Locks this browser when nobody has used it for a while, also while its pages were closed.

use gloo_events::EventListener;
use gloo_timers::callback::Interval;
use secure_chat_shared::client::api::{Action, Session};
use yew::prelude::*;

use super::browser;
use super::context::Tools;

/// Kept in this browser: after how many minutes.
const KEY: &str = "auto-lock";
/// Kept in this browser, for all its tabs: when somebody last did something, milliseconds since 1970.
const ACTIVE: &str = "last-active";
/// How often it is looked whether the time is over, milliseconds.
const LOOK: u32 = 5_000;
/// Activity is written down no more often than this, milliseconds.
const NOTE: f64 = 5_000.0;

/// After how long this browser locks itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoLock {
    /// By hand only.
    Never,
    /// After so many minutes.
    After(u32),
}

impl AutoLock {
    /// All that is offered.
    pub const ALL: [Self; 4] = [
        Self::Never,
        Self::After(5),
        Self::After(15),
        Self::After(60),
    ];

    /// What was chosen in this browser.
    pub fn kept() -> Self {
        browser::setting(KEY)
            .and_then(|minutes| minutes.parse().ok())
            .map_or(Self::Never, Self::After)
    }

    /// Chooses it, from now on.
    pub fn keep(self) {
        note_activity();
        match self {
            Self::Never => browser::keep_setting(KEY, None),
            Self::After(minutes) => browser::keep_setting(KEY, Some(&minutes.to_string())),
        }
    }

    /// Whether nobody has done anything here for so long.
    fn is_due(self) -> bool {
        match (self, last_activity()) {
            (Self::After(minutes), Some(last)) => {
                browser::now_ms() - last >= f64::from(minutes) * 60_000.0
            }
            _ => false,
        }
    }
}

/// Watches for activity, and locks without it. Whether the page must show nothing, since it was away for too long and
/// is about to be locked.
#[hook]
pub fn use_auto_lock(session: &Session, tools: &Tools) -> bool {
    let overdue = use_state_eq(|| AutoLock::kept().is_due());
    let signed_in = matches!(session, Session::SignedIn(_));
    let starts = matches!(session, Session::Starting);
    {
        let (overdue, tools) = (overdue.clone(), tools.clone());
        use_effect_with((signed_in, starts), move |(signed_in, starts)| {
            if !*signed_in && !*starts {
                overdue.set(false);
            }
            let watch = signed_in.then(|| {
                if *overdue {
                    tools.act(Action::Lock);
                } else {
                    note_activity();
                }
                (
                    on_activity(&tools),
                    Interval::new(LOOK, move || {
                        lock_if_due(&tools);
                    }),
                )
            });
            move || drop(watch)
        });
    }
    *overdue && signed_in
}

/// Whoever comes back too late finds it locked, also where the machine had slept over it.
fn on_activity(tools: &Tools) -> Option<[EventListener; 3]> {
    let window = browser::window()?;
    Some(["pointerdown", "keydown", "wheel"].map(|what| {
        let tools = tools.clone();
        EventListener::new(&window, what, move |_| {
            if !lock_if_due(&tools) {
                note_activity();
            }
        })
    }))
}

fn lock_if_due(tools: &Tools) -> bool {
    let due = AutoLock::kept().is_due();
    if due {
        tools.act(Action::Lock);
    }
    due
}

fn last_activity() -> Option<f64> {
    let written: u64 = browser::setting(ACTIVE)?.parse().ok()?;
    Some(written as f64)
}

fn note_activity() {
    let now = browser::now_ms();
    if last_activity().is_none_or(|last| now - last >= NOTE || last > now) {
        browser::keep_setting(ACTIVE, Some(&(now as u64).to_string()));
    }
}
