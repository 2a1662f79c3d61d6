//! The browsers that are signed in to the account.

use secure_chat_shared::client::api::{Action, Answer, SessionRow};
use yew::prelude::*;

use super::dialog::Confirm;
use crate::ui::context::{use_request, use_tools};
use crate::ui::text::t;
use crate::ui::{format, sentences};

/// All of them, and how to end them.
#[component]
pub fn Sessions() -> Html {
    let tools = use_tools();
    let sessions = use_state(|| None::<Vec<SessionRow>>);
    let asking = use_state_eq(|| false);
    let asked = {
        let sessions = sessions.clone();
        use_request(Callback::from(move |answer| {
            if let Answer::Sessions(rows) = answer {
                sessions.set(Some(rows));
            }
        }))
    };
    {
        let asked = asked.clone();
        use_effect_with((), move |()| asked.send(Action::Sessions));
    }
    let revoke = |id: &str| {
        let (tools, sessions, id) = (tools.clone(), sessions.clone(), id.to_owned());
        Callback::from(move |_: MouseEvent| {
            tools.act(Action::RevokeSession(id.clone()));
            sessions.set(only(&sessions, |row| row.id != id));
        })
    };
    let ask = |to: bool| {
        let asking = asking.clone();
        Callback::from(move |()| asking.set(to))
    };
    let end_others = {
        let (tools, sessions, asking) = (tools.clone(), sessions.clone(), asking.clone());
        Callback::from(move |()| {
            asking.set(false);
            tools.act(Action::RevokeOthers);
            sessions.set(only(&sessions, |row| row.this));
        })
    };
    let row = |row: &SessionRow| {
        let seen = if row.this {
            t!("this-browser")
        } else {
            t!("session-seen", ago = format::ago(row.last_seen).as_str())
        };
        html! {
            <li class="session" key={row.id.clone()}>
                <div class="row-main">
                    <p dir="auto">{ row.browser.clone() }</p>
                    <p class="hint">{ seen }{ " · " }{ sentences::place(&row.place) }</p>
                    <p class="hint">{ t!("session-since", date = format::moment(row.created).as_str()) }</p>
                </div>
                if !row.this {
                    <button type="button" class="button small danger-quiet" onclick={revoke(&row.id)}
                        aria-label={t!("end-session-of", browser = row.browser.as_str())}>
                        { t!("end-session") }
                    </button>
                }
            </li>
        }
    };
    let has_others = sessions.iter().flatten().any(|row| !row.this);
    html! {
        <section class="card" aria-labelledby="sessions-heading">
            <h2 id="sessions-heading">{ t!("sessions") }</h2>
            if let Some(failure) = &asked.failure {
                <p class="alert" role="alert">{ sentences::failure(failure) }</p>
            } else if sessions.is_none() {
                <p class="hint">{ t!("loading") }</p>
            }
            <ul class="sessions">{ for sessions.iter().flatten().map(row) }</ul>
            if has_others {
                <div class="button-row start">
                    <button type="button" class="button danger-quiet" onclick={ask(true).reform(|_: MouseEvent| ())}>
                        { t!("end-others") }
                    </button>
                </div>
            }
            if *asking {
                <Confirm title={t!("end-others-question")} text={t!("end-others-hint")} confirm={t!("end-others")}
                    on_confirm={end_others} on_close={ask(false)} />
            }
        </section>
    }
}

fn only(
    sessions: &Option<Vec<SessionRow>>,
    keep: impl Fn(&SessionRow) -> bool,
) -> Option<Vec<SessionRow>> {
    let rows = sessions.as_ref()?;
    Some(rows.iter().filter(|row| keep(row)).cloned().collect())
}
