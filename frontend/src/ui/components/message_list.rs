//! The messages of a conversation: grouped by day and author, newest at the bottom.
//!
//! The scrolled box lays its only child out from the bottom (`column-reverse`), so that it stays at the newest message
//! when rows or the composer grow, and keeps its place when older rows come in above, without a script. Its `scrollTop`
//! is therefore 0 at the newest message and negative above.

use std::collections::BTreeMap;
use std::rc::Rc;

use secure_chat_shared::client::api::{Action, Deed, Happened, Row, RowBody, RowKey};
use secure_chat_shared::ids::{ConversationId, Timestamp, UserId};
use wasm_bindgen::JsCast;
use web_sys::{
    Element, ScrollBehavior, ScrollIntoViewOptions, ScrollLogicalPosition, ScrollToOptions,
};
use yew::prelude::*;
use yew::virtual_dom::Key;

use super::icon::{Glyph, Icon};
use super::message::RowView;
use crate::ui::context::{use_request, use_tools};
use crate::ui::format;
use crate::ui::state::{Change, Room};
use crate::ui::text::t;

/// Messages of one author further apart are not one group.
const GROUP_MS: u64 = 5 * 60 * 1000;
/// From so many rows on, those out of sight are not laid out.
const MANY: usize = 500;
/// So near to the newest message is at it, in CSS pixels.
const NEAR: i32 = 80;
/// So near to the oldest row more are fetched, in CSS pixels.
const FETCH_AHEAD: i32 = 600;

/// Properties of [`MessageList`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Where.
    pub conversation: ConversationId,
    /// What.
    pub room: Rc<Room>,
    /// Who looks.
    pub me: UserId,
    /// Whether authors are named: there are, or were, more than two.
    pub named: bool,
    /// Whom the person has blocked.
    pub blocked: Rc<BTreeMap<UserId, String>>,
    /// Whether the newest message is in sight, as it changes.
    pub on_at_newest: Callback<bool>,
}

/// The messages.
#[component]
pub fn MessageList(props: &Props) -> Html {
    let tools = use_tools();
    let node = use_node_ref();
    let at_newest = use_state_eq(|| true);
    let older = use_request(Callback::noop());
    let conversation = props.conversation;
    let fetch = {
        let (older, room) = (older.clone(), props.room.clone());
        move |node: &NodeRef| {
            let near = node
                .cast::<Element>()
                .is_some_and(|log| above(&log) < FETCH_AHEAD);
            if let Some(before) = room.oldest().filter(|_| near && room.more && !older.busy) {
                older.send(Action::Older {
                    conversation,
                    before,
                });
            }
        }
    };
    {
        let (node, fetch, first) = (node.clone(), fetch.clone(), props.room.oldest());
        // Also while the rows do not fill the box yet.
        use_effect_with((first, props.room.more, older.busy), move |_| fetch(&node));
    }
    {
        let node = node.clone();
        use_effect_with(
            props.room.news_after.filter(|_| props.room.loaded),
            move |_| {
                show_news(&node);
            },
        );
    }
    {
        let node = node.clone();
        use_effect_with(last_own(&props.room), move |own| {
            if own.is_some() {
                to_newest(&node, ScrollBehavior::Instant);
            }
        });
    }
    {
        let on_at_newest = props.on_at_newest.clone();
        use_effect_with(*at_newest, move |at| {
            on_at_newest.emit(*at);
            if *at {
                tools.change(Change::AtNewest(conversation));
            }
        });
    }
    let onscroll = {
        let (node, at_newest) = (node.clone(), at_newest.clone());
        Callback::from(move |_: Event| {
            if let Some(log) = node.cast::<Element>() {
                at_newest.set(-log.scroll_top() < NEAR);
                fetch(&node);
            }
        })
    };
    let jump = {
        let node = node.clone();
        Callback::from(move |_: MouseEvent| to_newest(&node, ScrollBehavior::Smooth))
    };
    // A list of its own, all of it keyed: beside a sibling without a key, rows would be made anew at each change.
    let rows: Html = items(props).into_iter().collect();
    html! {
        <div class="log-frame">
            <div class="log" role="log" aria-label={t!("messages")} aria-busy={older.busy.to_string()}
                tabindex="0" ref={node} {onscroll}>
                <div class={classes!("rows", (props.room.rows.len() > MANY).then_some("many"))}>
                    if older.busy {
                        <p class="happened">{ t!("loading-older") }</p>
                    }
                    { rows }
                </div>
            </div>
            if !*at_newest {
                <button type="button" class="jump" onclick={jump}>
                    <Glyph icon={Icon::Down} />{ t!("jump-to-latest") }
                </button>
            }
        </div>
    }
}

/// How far it is to the oldest row.
fn above(log: &Element) -> i32 {
    log.scroll_height() - log.client_height() + log.scroll_top()
}

fn to_newest(node: &NodeRef, behavior: ScrollBehavior) {
    if let Some(log) = node.cast::<Element>() {
        let options = ScrollToOptions::new();
        options.set_top(0.0);
        options.set_behavior(behavior);
        log.scroll_to_with_scroll_to_options(&options);
    }
}

/// The first new message is in sight when the conversation opens.
fn show_news(node: &NodeRef) {
    let divider = node
        .cast::<Element>()
        .and_then(|log| log.query_selector(".news").ok().flatten());
    if let Some(divider) = divider.and_then(|divider| divider.dyn_into::<Element>().ok()) {
        let options = ScrollIntoViewOptions::new();
        options.set_block(ScrollLogicalPosition::Nearest);
        divider.scroll_into_view_with_scroll_into_view_options(&options);
    }
}

/// The newest row, if it is one's own and still on its way: the person just wrote it.
fn last_own(room: &Room) -> Option<RowKey> {
    let (key, _) = room.rows.last_key_value()?;
    matches!(key, RowKey::Pending(_)).then_some(*key)
}

fn items(props: &Props) -> Vec<Html> {
    let rows = without_same_title(props.room.rows.values());
    let mut items = Vec::with_capacity(rows.len() + 8);
    let mut day = None;
    let mut news = props.room.news_after;
    for (index, row) in rows.iter().enumerate() {
        let today = format::day_number(row.time);
        let new_day = day != Some(today);
        if new_day {
            day = Some(today);
            items.push(day_divider(today, row.time));
        }
        let is_news = news.is_some_and(|after| is_news(row, after));
        if is_news {
            news = None;
            items.push(html! {
                <p class="divider news" key="news"><span>{ t!("new-messages") }</span></p>
            });
        }
        let before = index.checked_sub(1).and_then(|before| rows.get(before));
        let first = new_day || is_news || !before.is_some_and(|before| is_group(before, row));
        let last = !rows
            .get(index + 1)
            .is_some_and(|after| is_group(row, after));
        items.push(html! {
            <RowView key={key(row)} conversation={props.conversation} row={Rc::clone(row)} {first} {last}
                named={props.named} blocked={is_blocked(props, row)} />
        });
    }
    items
}

/// A name given once more is no news: in a server-managed conversation it is sealed anew under each key. The history
/// has it.
fn without_same_title<'a>(rows: impl Iterator<Item = &'a Rc<Row>>) -> Vec<&'a Rc<Row>> {
    let mut title = None;
    rows.filter(|row| match &row.body {
        RowBody::Happened(Happened {
            what: Deed::Renamed(new),
            ..
        }) => title.replace(new) != Some(new),
        _ => true,
    })
    .collect()
}

fn day_divider(day: i64, time: Timestamp) -> Html {
    html! { <p class="divider" key={format!("day-{day}")}><span>{ format::day(time) }</span></p> }
}

/// A message keeps its place in the page when it gets its number.
fn key(row: &Row) -> Key {
    match (&row.body, row.key) {
        (RowBody::Message(message), _) => format!("message-{}", message.id).into(),
        (_, RowKey::Number(number)) => format!("entry-{number}").into(),
        (_, RowKey::Pending(place)) => format!("pending-{place}").into(),
    }
}

/// Whether a row is by somebody else and came after a number.
fn is_news(row: &Row, after: u64) -> bool {
    let RowKey::Number(number) = row.key else {
        return false;
    };
    let by_others = match &row.body {
        RowBody::Message(message) => !message.own,
        RowBody::Invalid(_) => true,
        RowBody::Happened(_) => false,
    };
    number > after && by_others
}

fn is_blocked(props: &Props, row: &Row) -> bool {
    match &row.body {
        RowBody::Message(message) => props.blocked.contains_key(&message.author),
        RowBody::Happened(_) | RowBody::Invalid(_) => false,
    }
}

/// Whether the second of two neighbours goes on with the first one's group.
fn is_group(first: &Row, second: &Row) -> bool {
    let (RowBody::Message(a), RowBody::Message(b)) = (&first.body, &second.body) else {
        return false;
    };
    let near = second.time.0.abs_diff(first.time.0) < GROUP_MS;
    a.author == b.author
        && near
        && format::day_number(first.time) == format::day_number(second.time)
}

#[cfg(test)]
mod tests {
    use secure_chat_shared::client::api::Algorithm;

    use super::*;

    #[test]
    fn a_title_is_told_when_it_changes() {
        let renamed = |(number, title): (u64, &str)| {
            let body = RowBody::Happened(Happened {
                actor: "alice".into(),
                own: false,
                what: Deed::Renamed(title.into()),
                algorithm: Algorithm::RsaPss,
            });
            Rc::new(Row {
                key: RowKey::Number(number),
                time: Timestamp(0),
                body,
            })
        };
        let rows = [(1, "Hut"), (2, "Hut"), (3, "Barn"), (4, "Hut"), (5, "Hut")].map(renamed);
        let told = without_same_title(rows.iter());
        let told: Vec<_> = told.iter().map(|row| row.key).collect();
        assert_eq!(told, [1, 3, 4].map(RowKey::Number));
    }
}
