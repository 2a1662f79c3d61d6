//! The right side: who may read the conversation, and what one can do about it.

use std::collections::HashMap;
use std::rc::Rc;

use secure_chat_shared::client::api::{
    Action, Conversation, Member, PresenceStatus, Row, RowBody, Standing,
};
use secure_chat_shared::ids::UserId;
use web_sys::Element;
use yew::prelude::*;

use super::avatar::{Avatar, seed};
use super::dialog::Confirm;
use super::icon::{Glyph, Icon};
use super::new_conversation::{InvitePeople, Rename};
use super::presence;
use super::safety::SafetyNumber;
use crate::ui::context::{use_minute, use_tools};
use crate::ui::route::Route;
use crate::ui::state::{Room, can_write};
use crate::ui::text::t;
use crate::ui::{format, sentences};

/// Properties of [`Members`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Where.
    pub conversation: Rc<Conversation>,
    /// Its rows, for the history of its members.
    pub room: Option<Rc<Room>>,
    /// Everybody's.
    pub presence: Rc<HashMap<UserId, PresenceStatus>>,
    /// Who looks.
    pub me: UserId,
    /// Closes them.
    pub on_close: Callback<()>,
}

/// What is asked in a dialog over the region.
#[derive(Clone, PartialEq)]
enum Asked {
    Invite,
    Rename,
    Leave,
    Remove(Member),
    Verify(UserId),
}

/// Members, keys and history of a conversation.
#[component]
pub fn Members(props: &Props) -> Html {
    let asked = use_state(|| None::<Asked>);
    let ask = |what: Asked| {
        let asked = asked.clone();
        Callback::from(move |_: MouseEvent| asked.set(Some(what.clone())))
    };
    let escape = {
        let on_close = props.on_close.clone();
        Callback::from(move |event: KeyboardEvent| {
            let in_dialog = event
                .target_dyn_into::<Element>()
                .is_some_and(|target| target.closest("dialog").ok().flatten().is_some());
            if event.key() == "Escape" && !in_dialog {
                on_close.emit(());
            }
        })
    };
    let conversation = &props.conversation;
    let may_act = can_write(conversation);
    let member = |member: &Member| {
        html! {
            <MemberItem key={member.user.to_string()} member={member.clone()} own={member.user == props.me}
                presence={props.presence.get(&member.user).copied()} may_act={may_act}
                on_verify={ask(Asked::Verify(member.user))} on_remove={ask(Asked::Remove(member.clone()))} />
        }
    };
    html! {
        <div class="details" onkeydown={escape}>
            <section class="members" aria-label={t!("members")}>
                <header class="details-head">
                    <h2>{ t!("members") }</h2>
                    <button type="button" class="button quiet square" aria-label={t!("close")}
                        title={t!("close")} onclick={props.on_close.reform(|_: MouseEvent| ())}>
                        <Glyph icon={Icon::Cross} />
                    </button>
                </header>
                <ul class="member-list">{ for conversation.members.iter().map(member) }</ul>
                <div class="stack">
                    if may_act {
                        <button type="button" class="button wide" onclick={ask(Asked::Invite)}>
                            <Glyph icon={Icon::PersonPlus} />{ t!("invite-people") }
                        </button>
                        <button type="button" class="button wide" onclick={ask(Asked::Rename)}>
                            <Glyph icon={Icon::Pencil} />{ t!("rename") }
                        </button>
                    }
                    if conversation.standing == Standing::Member {
                        <button type="button" class="button wide danger-quiet" onclick={ask(Asked::Leave)}>
                            <Glyph icon={Icon::Leave} />{ t!("leave-conversation") }
                        </button>
                    }
                </div>
            </section>
            { keys(conversation) }
            { history(props.room.as_deref()) }
            <AskedDialog conversation={Rc::clone(conversation)} asked={(*asked).clone()} on_close={
                let asked = asked.clone();
                Callback::from(move |()| asked.set(None))
            } />
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct ItemProps {
    member: Member,
    own: bool,
    presence: Option<PresenceStatus>,
    may_act: bool,
    on_verify: Callback<MouseEvent>,
    on_remove: Callback<MouseEvent>,
}

#[component]
fn MemberItem(props: &ItemProps) -> Html {
    use_minute();
    let member = &props.member;
    let status = if props.own {
        Some(PresenceStatus::Online)
    } else {
        props.presence
    };
    html! {
        <li class="member">
            <Avatar name={member.name.clone()} seed={seed(member.user.as_bytes())}>
                { presence::dot(status) }
            </Avatar>
            <div class="row-main">
                <p class="member-name">
                    <span dir="auto">{ member.name.clone() }</span>
                    if props.own { <span class="mark">{ t!("you") }</span> }
                    if member.admin { <span class="mark">{ t!("admin") }</span> }
                    if member.invited { <span class="mark">{ t!("invited") }</span> }
                    if member.verified && !props.own {
                        <span class="verified" role="img" aria-label={t!("verified")} title={t!("verified")}>
                            <Glyph icon={Icon::Shield} />
                        </span>
                    }
                </p>
                <p class="hint">{ presence::words(status) }</p>
                if !props.own {
                    <div class="member-foot">
                        <button type="button" class="button small" onclick={props.on_verify.clone()}>
                            { t!("verify") }
                        </button>
                        if props.may_act && member.removable {
                            <button type="button" class="button small danger-quiet"
                                onclick={props.on_remove.clone()}>{ t!("remove") }</button>
                        }
                    </div>
                }
            </div>
        </li>
    }
}

#[derive(Properties, PartialEq)]
struct AskedProps {
    conversation: Rc<Conversation>,
    asked: Option<Asked>,
    on_close: Callback<()>,
}

#[component]
fn AskedDialog(props: &AskedProps) -> Html {
    let tools = use_tools();
    let on_close = props.on_close.clone();
    let conversation = props.conversation.id;
    match &props.asked {
        None => Html::default(),
        Some(Asked::Invite) => html! { <InvitePeople {conversation} {on_close} /> },
        Some(Asked::Rename) => html! {
            <Rename {conversation} title={props.conversation.title.clone()} {on_close} />
        },
        Some(Asked::Verify(user)) => {
            let member = props
                .conversation
                .members
                .iter()
                .find(|member| member.user == *user);
            member.map_or_else(Html::default, |member| {
                html! { <SafetyNumber member={member.clone()} {on_close} /> }
            })
        }
        Some(Asked::Leave) => {
            let on_confirm = Callback::from(move |()| {
                tools.act(Action::Leave(conversation));
                tools.go.emit(Route::Home);
            });
            html! {
                <Confirm title={t!("leave-question")} text={t!("leave-hint")}
                    confirm={t!("leave-conversation")} {on_confirm} {on_close} />
            }
        }
        Some(Asked::Remove(member)) => {
            let user = member.user;
            let close = on_close.clone();
            let on_confirm = Callback::from(move |()| {
                tools.act(Action::Remove { conversation, user });
                close.emit(());
            });
            html! {
                <Confirm title={t!("remove-question", name = member.name.as_str())} text={t!("remove-hint")}
                    confirm={t!("remove")} {on_confirm} {on_close} />
            }
        }
    }
}

/// The conversation's key and the code of its log's newest state.
fn keys(conversation: &Conversation) -> Html {
    let mode = if conversation.managed {
        t!("managed-hint")
    } else {
        t!("end-to-end-hint")
    };
    html! {
        <section class="panel" aria-labelledby="keys-heading">
            <h3 id="keys-heading"><Glyph icon={Icon::Lock} />{ t!("encryption") }</h3>
            <p class="hint">{ mode }</p>
            <dl class="facts">
                <dt>{ t!("conversation-key") }</dt>
                <dd>{ t!("epoch-number", epoch = conversation.epoch.0) }</dd>
                if !conversation.head_code.is_empty() {
                    <dt>{ t!("head-code") }</dt>
                    <dd class="mono">{ conversation.head_code.clone() }</dd>
                }
            </dl>
            <p class="hint">{ t!("head-code-hint") }</p>
        </section>
    }
}

/// What happened to the membership, newest first.
fn history(room: Option<&Room>) -> Html {
    let rows = room.into_iter().flat_map(|room| room.rows.values().rev());
    let sentence = |row: &Rc<Row>| match &row.body {
        RowBody::Happened(happened) => Some(html! {
            <li>
                <span dir="auto">{ sentences::happened(happened) }</span>
                <time class="hint" title={format::full(row.time)}>{ format::ago(row.time) }</time>
            </li>
        }),
        RowBody::Message(_) | RowBody::Invalid(_) => None,
    };
    html! {
        <section class="panel" aria-labelledby="history-heading">
            <h3 id="history-heading"><Glyph icon={Icon::Clock} />{ t!("history") }</h3>
            <ol class="history">{ for rows.filter_map(sentence) }</ol>
        </section>
    }
}
