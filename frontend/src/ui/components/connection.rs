//! The quiet bar that tells about the connection.

use gloo_timers::callback::{Interval, Timeout};
use secure_chat_shared::client::api::{Action, Connection};
use yew::prelude::*;

use crate::ui::browser;
use crate::ui::context::use_tools;
use crate::ui::state::Link;
use crate::ui::text::t;

/// So long it says that all is well again.
const WELL_FOR_MS: u32 = 3000;
/// A start that takes no longer is not worth a word.
const PATIENCE_MS: u32 = 1500;

/// Properties of [`ConnectionBar`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// What is known.
    pub link: Link,
    /// Whether there is somebody who would wait for it.
    pub signed_in: bool,
}

/// State of the connection: always there for a screen reader, in sight only while there is something to say.
#[component]
pub fn ConnectionBar(props: &Props) -> Html {
    let tools = use_tools();
    let link = props.link;
    let now = use_state(browser::now_ms);
    let until = use_memo(link.serial, |_| match link.state {
        Connection::Reconnecting { in_ms } => browser::now_ms() + f64::from(in_ms),
        _ => 0.0,
    });
    let waits = matches!(link.state, Connection::Reconnecting { .. });
    {
        let now = now.clone();
        use_effect_with((waits, link.serial), move |(waits, _)| {
            let tick = move || now.set(browser::now_ms());
            tick();
            let interval = waits.then(|| Interval::new(500, tick));
            move || drop(interval)
        });
    }
    // What has been so for a while: a good state goes out of sight, a slow start comes into it.
    let settled = use_state(|| None::<u32>);
    {
        let settled = settled.setter();
        use_effect_with((link.serial, link.state), move |(serial, state)| {
            let (serial, after) = match state {
                Connection::Online => (*serial, WELL_FOR_MS),
                _ => (*serial, PATIENCE_MS),
            };
            let timer = Timeout::new(after, move || settled.set(Some(serial)));
            move || drop(timer)
        });
    }
    let is_settled = *settled == Some(link.serial);
    let (class, shown) = match link.state {
        Connection::Online => ("well", link.was_lost && !is_settled),
        Connection::CatchingUp => ("busy", is_settled || link.was_lost),
        Connection::Connecting => ("busy", is_settled),
        Connection::Reconnecting { .. } => ("lost", true),
    };
    let seconds = ((*until - *now) / 1000.0).ceil() as u32;
    let reconnect = Callback::from(move |_: MouseEvent| tools.act(Action::ReconnectNow));
    let text = match link.state {
        Connection::Connecting => t!("connecting"),
        Connection::CatchingUp => t!("catching-up"),
        Connection::Online if link.was_lost => t!("caught-up"),
        Connection::Online => t!("connected"),
        Connection::Reconnecting { .. } if !browser::has_network() => t!("no-network"),
        Connection::Reconnecting { .. } => t!("server-unreachable"),
    };
    let visible = shown && (props.signed_in || waits);
    html! {
        <div class={classes!("connection", class, (!visible).then_some("sr-only"))} role="status"
            aria-label={t!("connection")}>
            <span><span class="connection-dot" aria-hidden="true"></span>{ text }</span>
            if waits {
                // Not read out each second.
                <span aria-live="off">{ t!("reconnecting-in", seconds = seconds) }</span>
                <button type="button" class="button small" onclick={reconnect}>{ t!("reconnect-now") }</button>
            }
        </div>
    }
}
