//! What happened in a conversation since it began, in sentences.

use std::rc::Rc;

use secure_chat_shared::client::api::{Action, Answer, Deed, Happened, Row, RowBody};
use secure_chat_shared::ids::{ConversationId, Timestamp};
use yew::prelude::*;

use super::icon::{Glyph, Icon};
use crate::ui::context::use_request;
use crate::ui::text::t;
use crate::ui::{format, sentences};

/// Most entries shown until all are wanted.
const SHOWN_FIRST: usize = 30;

/// Properties of [`History`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Where.
    pub conversation: ConversationId,
    /// The newest one that the page has heard of: with each it is asked for anew.
    pub newest: Option<u64>,
}

/// Who did what, newest first, each with its time and signature.
#[component]
pub fn History(props: &Props) -> Html {
    let rows = use_state(Rc::<[Row]>::default);
    let all = use_state_eq(|| false);
    let asked = {
        let rows = rows.setter();
        use_request(Callback::from(move |answer| {
            if let Answer::History(newest) = answer {
                rows.set(newest.into());
            }
        }))
    };
    {
        let asked = asked.clone();
        use_effect_with(
            (props.conversation, props.newest),
            move |(conversation, _)| {
                asked.send(Action::History(*conversation));
            },
        );
    }
    let shown = if *all { rows.len() } else { SHOWN_FIRST };
    let show_all = {
        let all = all.clone();
        Callback::from(move |_: MouseEvent| all.set(true))
    };
    html! {
        <section class="panel" aria-labelledby="history-heading">
            <h3 id="history-heading"><Glyph icon={Icon::Clock} />{ t!("history") }</h3>
            if let Some(failure) = &asked.failure {
                <p class="hint bad" role="alert">{ sentences::failure(failure) }</p>
            } else if rows.is_empty() {
                <p class="hint">{ t!("loading") }</p>
            }
            <ol class="history" aria-labelledby="history-heading">
                { for rows.iter().rev().take(shown).filter_map(entry) }
            </ol>
            if rows.len() > shown {
                <button type="button" class="button small" onclick={show_all}>
                    { t!("history-all", count = rows.len()) }
                </button>
            }
        </section>
    }
}

fn entry(row: &Row) -> Option<Html> {
    match &row.body {
        RowBody::Happened(happened) => Some(html! {
            <li>
                <span dir="auto">{ sentences::happened(happened) }</span>{ " " }
                <span class="hint" title={format::full(row.time)}>{ signed(happened, row.time) }</span>
            </li>
        }),
        RowBody::Message(_) | RowBody::Invalid(_) => None,
    }
}

/// "14:02, signed RSA-PSS".
fn signed(happened: &Happened, time: Timestamp) -> AttrValue {
    let time = format::moment(time);
    let algorithm = sentences::algorithm(happened.algorithm);
    match happened.what {
        Deed::ServerRekeyed(_) => t!(
            "history-signed-by-server",
            time = time.as_str(),
            algorithm = algorithm.as_str()
        ),
        _ => t!(
            "history-signed",
            time = time.as_str(),
            algorithm = algorithm.as_str()
        ),
    }
}
