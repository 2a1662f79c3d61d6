//! What components find around them.

use gloo_timers::callback::Interval;
use secure_chat_shared::client::api::{Action, Answer, Failure, Outcome};
use yew::prelude::*;

use super::route::{Route, Router};
use super::state::{Change, Said, State};
use crate::bridge::Engine;

/// What never changes while the page is open: the ways to ask for something.
#[derive(Clone, PartialEq)]
pub struct Tools {
    /// The engine.
    pub engine: Engine,
    /// The page's state, to change it.
    pub dispatch: UseReducerDispatcher<State>,
    /// Goes elsewhere.
    pub go: Callback<Route>,
}

impl Tools {
    /// Asks the engine for something; a failure becomes a passing note.
    pub fn act(&self, action: Action) {
        self.engine.act(action);
    }

    /// Changes the page's state.
    pub fn change(&self, change: Change) {
        self.dispatch.dispatch(change);
    }

    /// Tells whether something got into the clipboard.
    pub fn copied(&self) -> Callback<bool> {
        let tools = self.clone();
        Callback::from(move |well| {
            tools.change(Change::Say(if well {
                Said::Copied
            } else {
                Said::NotCopied
            }));
        })
    }
}

/// The page's state, for the components that show it.
pub type Shown = UseReducerHandle<State>;

/// The tools. The application gives them to all its components, so that they are always there.
#[hook]
pub fn use_tools() -> Tools {
    #[expect(clippy::expect_used, reason = "the application is the only root")]
    use_context::<Tools>().expect("the application provides the tools")
}

/// The state, in the newest version.
#[hook]
pub fn use_shown() -> Shown {
    #[expect(clippy::expect_used, reason = "the application is the only root")]
    use_context::<Shown>().expect("the application provides the state")
}

/// The route and how to change it.
#[hook]
pub fn use_place() -> Router {
    #[expect(clippy::expect_used, reason = "the application is the only root")]
    use_context::<Router>().expect("the application provides the router")
}

/// Shows the component anew each minute: "5 minutes ago" stays true.
#[hook]
pub fn use_minute() {
    let update = use_force_update();
    use_effect_with((), move |()| {
        let interval = Interval::new(60_000, move || update.force_update());
        move || drop(interval)
    });
}

/// Something asked of the engine whose outcome its component shows itself.
#[derive(Clone)]
pub struct Request {
    /// Whether the outcome is still to come.
    pub busy: bool,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
    send: Callback<Action>,
}

impl Request {
    /// Asks; an earlier outcome is forgotten.
    pub fn send(&self, action: Action) {
        self.send.emit(action);
    }
}

/// A request of this component's. `done` is called once when it went well.
#[hook]
pub fn use_request(done: Callback<Answer>) -> Request {
    let tools = use_tools();
    let shown = use_shown();
    let ticket = use_state(|| None::<u64>);
    let outcome = ticket.and_then(|ticket| shown.outcome(ticket).cloned());
    {
        let outcome = outcome.clone();
        use_effect_with((*ticket, outcome), move |(_, outcome)| {
            if let Some(Outcome::Ok(answer)) = outcome.as_deref() {
                done.emit(answer.clone());
            }
        });
    }
    {
        let tools = tools.clone();
        use_effect_with(*ticket, move |ticket| {
            let ticket = *ticket;
            move || {
                if let Some(ticket) = ticket {
                    tools.change(Change::Forget(ticket));
                }
            }
        });
    }
    let send = {
        let ticket = ticket.setter();
        Callback::from(move |action| {
            let new = tools.engine.act(action);
            tools.change(Change::Await(new));
            ticket.set(Some(new));
        })
    };
    let failure = match outcome.as_deref() {
        Some(Outcome::Failed(failure)) => Some(failure.clone()),
        _ => None,
    };
    Request {
        busy: ticket.is_some() && outcome.is_none(),
        failure,
        send,
    }
}
