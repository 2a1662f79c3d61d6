//! The left side: the conversations.

use std::collections::HashMap;
use std::rc::Rc;

use secure_chat_shared::client::api::{Conversation, PresenceStatus, Standing};
use secure_chat_shared::ids::{ConversationId, UserId};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};
use yew::prelude::*;

use super::avatar::{Avatar, seed};
use super::icon::{Glyph, Icon};
use super::link::Link;
use super::managed::ManagedMark;
use super::presence;
use crate::ui::route::Route;
use crate::ui::state::others;
use crate::ui::text::t;
use crate::ui::{format, sentences};

/// Properties of [`ConversationList`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Newest first.
    pub conversations: Vec<Rc<Conversation>>,
    /// Everybody's.
    pub presence: Rc<HashMap<UserId, PresenceStatus>>,
    /// Who looks.
    pub me: UserId,
    /// The open one.
    pub open: Option<ConversationId>,
    /// What the names must contain.
    pub filter: AttrValue,
}

/// The conversations. The arrow keys go up and down.
#[component]
pub fn ConversationList(props: &Props) -> Html {
    let wanted = props.filter.trim().to_lowercase();
    let fits = |c: &&Rc<Conversation>| {
        wanted.is_empty()
            || sentences::conversation_name(c, &props.me)
                .to_lowercase()
                .contains(&wanted)
    };
    let fitting: Vec<_> = props.conversations.iter().filter(fits).collect();
    let row = |conversation: &&Rc<Conversation>| {
        let other = only_other(conversation, &props.me);
        html! {
            <li key={conversation.id.to_string()}>
                <ConversationRow conversation={Rc::clone(conversation)} me={props.me}
                    presence={other.and_then(|user| props.presence.get(&user).copied())}
                    current={props.open == Some(conversation.id)} />
            </li>
        }
    };
    html! {
        <nav class="conversations" aria-label={t!("conversations")} onkeydown={Callback::from(arrows)}>
            if props.conversations.is_empty() {
                <p class="side-empty none-yet">{ t!("no-conversations") }</p>
            } else if fitting.is_empty() {
                <p class="side-empty">{ t!("nothing-found") }</p>
            }
            <ul>{ for fitting.iter().map(row) }</ul>
        </nav>
    }
}

/// The one other person of a conversation of two.
pub fn only_other(conversation: &Conversation, me: &UserId) -> Option<UserId> {
    let mut others = others(conversation, me);
    match (others.next(), others.next()) {
        (Some(other), None) => Some(other.user),
        _ => None,
    }
}

/// What a conversation's picture takes its colour from: the one other person, or the conversation.
pub fn picture_seed(conversation: &Conversation, me: &UserId) -> u32 {
    only_other(conversation, me).map_or_else(
        || seed(conversation.id.as_bytes()),
        |user| seed(user.as_bytes()),
    )
}

#[derive(Properties, PartialEq)]
struct RowProps {
    conversation: Rc<Conversation>,
    me: UserId,
    presence: Option<PresenceStatus>,
    current: bool,
}

#[component]
fn ConversationRow(props: &RowProps) -> Html {
    let conversation = &props.conversation;
    let name = sentences::conversation_name(conversation, &props.me);
    let is_group = only_other(conversation, &props.me).is_none();
    let former = conversation.standing == Standing::Former;
    let class = classes!(
        "conversation-row",
        props.current.then_some("current"),
        (conversation.unread > 0).then_some("unread"),
        former.then_some("former"),
    );
    let line = conversation
        .last
        .as_ref()
        .map(|line| sentences::last_line(line, is_group));
    let line = if former { Some(t!("former")) } else { line };
    html! {
        <Link to={Route::Conversation(conversation.id)} {class} current={props.current}>
            <Avatar name={name.clone()} seed={picture_seed(conversation, &props.me)} group={is_group}>
                if !is_group && !former {
                    { presence::dot(props.presence) }
                }
            </Avatar>
            <span class="row-main">
                <span class="row-top">
                    <span class="row-name" dir="auto">{ name }</span>
                    if !is_group && !former && props.presence.is_some() {
                        <span class="sr-only">{ presence::words(props.presence) }</span>
                    }
                    if let Some(last) = &conversation.last {
                        <time class="row-time">{ format::brief(last.time) }</time>
                    }
                </span>
                <span class="row-bottom">
                    if conversation.managed {
                        <ManagedMark />
                    }
                    <span class="row-line" dir="auto">{ line.unwrap_or_else(|| t!("no-messages-yet")) }</span>
                    if conversation.blocked.is_some() {
                        <span class="row-warning"><Glyph icon={Icon::Warning} />
                            <span class="sr-only">{ t!("blocked") }</span></span>
                    }
                    if conversation.unread > 0 {
                        <span class="badge">
                            <span aria-hidden="true">{ conversation.unread.min(999) }</span>
                            <span class="sr-only">{ t!("unread", count = conversation.unread) }</span>
                        </span>
                    }
                </span>
            </span>
        </Link>
    }
}

/// Up and down move the keyboard between the rows, Home and End to the ends.
fn arrows(event: KeyboardEvent) {
    let step = match event.key().as_str() {
        "ArrowDown" => 1,
        "ArrowUp" => -1,
        "Home" => i32::MIN,
        "End" => i32::MAX,
        _ => return,
    };
    let Some(list) = event
        .current_target()
        .and_then(|nav| nav.dyn_into::<Element>().ok())
    else {
        return;
    };
    let Ok(rows) = list.query_selector_all("a") else {
        return;
    };
    let focused = list.query_selector("a:focus").ok().flatten();
    let rows: Vec<HtmlElement> = (0..rows.length())
        .filter_map(|i| rows.get(i)?.dyn_into().ok())
        .collect();
    let here = rows
        .iter()
        .position(|row| Some(row.as_ref()) == focused.as_ref());
    let last = i32::try_from(rows.len()).unwrap_or(i32::MAX) - 1;
    let from = here.and_then(|here| i32::try_from(here).ok()).unwrap_or(-1);
    let to = from.saturating_add(step).clamp(0, last.max(0));
    if let Some(row) = usize::try_from(to).ok().and_then(|to| rows.get(to)) {
        event.prevent_default();
        let _ = row.focus();
    }
}
