//! The right side: who may read the conversation, and what one can do about it.

use std::collections::HashMap;
use std::rc::Rc;

use secure_chat_shared::client::api::{Conversation, Member, PresenceStatus, Standing};
use secure_chat_shared::ids::UserId;
use web_sys::Element;
use yew::prelude::*;

use super::field::typed;
use super::history::History;
use super::icon::{Glyph, Icon};
use super::managed::ManagedMark;
use super::member::MemberItem;
use super::member_dialogs::{Asked, AskedDialog};
use crate::ui::context::use_shown;
use crate::ui::state::{Room, can_write, is_why_blocked, ordered};
use crate::ui::text::t;

/// From so many members on, there is a field to find one.
const MANY: usize = 15;
/// So many members are listed at first, and more at a click: each row costs the page near a millisecond, at each change
/// of the conversation.
const LISTED: usize = 50;

/// Properties of [`Members`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Where.
    pub conversation: Rc<Conversation>,
    /// Its rows, which tell when something happens.
    pub room: Option<Rc<Room>>,
    /// Everybody's.
    pub presence: Rc<HashMap<UserId, PresenceStatus>>,
    /// Who looks.
    pub me: UserId,
    /// Closes them.
    pub on_close: Callback<()>,
}

/// Members, keys and history of a conversation.
#[component]
pub fn Members(props: &Props) -> Html {
    let shown = use_shown();
    let asked = use_state(|| None::<Asked>);
    let wanted = use_state(String::new);
    let listed = use_state_eq(|| LISTED);
    // The same as long as the region is there: else all members were shown anew at each change.
    let on_ask = use_callback((), {
        let asked = asked.setter();
        move |what, ()| asked.set(Some(what))
    });
    let on_wanted = {
        let wanted = wanted.clone();
        Callback::from(move |text| wanted.set(text))
    };
    let ask = |what: Asked| on_ask.reform(move |_: MouseEvent| what.clone());
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
    let name_part = wanted.trim().to_lowercase();
    let fits = |member: &&Member| member.name.contains(&name_part);
    let members: Vec<&Member> = ordered(conversation, &props.me)
        .into_iter()
        .filter(fits)
        .collect();
    let unlisted = members.len().saturating_sub(*listed).min(LISTED);
    let more = {
        let listed = listed.clone();
        Callback::from(move |_: MouseEvent| listed.set(*listed + LISTED))
    };
    let member = |member: &Member| {
        html! {
            <MemberItem key={member.user.to_string()} conversation={conversation.id} member={member.clone()}
                own={member.user == props.me} blocked={shown.blocked().contains_key(&member.user)}
                presence={props.presence.get(&member.user).copied()} {may_act}
                may_remove={may_act || is_why_blocked(conversation, &member.user)} on_ask={on_ask.clone()} />
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
                if conversation.members.len() > MANY {
                    <input type="search" class="input" aria-label={t!("find-member")} placeholder={t!("find-member")}
                        value={(*wanted).clone()} oninput={typed(&on_wanted)} autocomplete="off" />
                }
                <ul class="member-list">
                    { for members.iter().take(*listed).copied().map(member) }
                </ul>
                if unlisted > 0 {
                    <button type="button" class="button wide more-members" onclick={more}>
                        { t!("more-members", count = unlisted) }
                    </button>
                }
                <div class="stack">
                    if may_act {
                        <button type="button" class="button wide" onclick={ask(Asked::Invite)}>
                            <Glyph icon={Icon::PersonPlus} />{ t!("invite-people") }
                        </button>
                        <button type="button" class="button wide" onclick={ask(Asked::Rename)}>
                            <Glyph icon={Icon::Pencil} />{ t!("rename") }
                        </button>
                    }
                    <button type="button" class="button wide" onclick={ask(Asked::Export)}>
                        <Glyph icon={Icon::Download} />{ t!("export-conversation") }
                    </button>
                    if conversation.standing == Standing::Member {
                        <button type="button" class="button wide danger-quiet" onclick={ask(Asked::Leave)}>
                            <Glyph icon={Icon::Leave} />{ t!("leave-conversation") }
                        </button>
                    }
                </div>
            </section>
            { keys(conversation) }
            <History conversation={conversation.id} newest={props.room.as_ref().and_then(|room| room.newest_deed())} />
            <AskedDialog conversation={Rc::clone(conversation)} asked={(*asked).clone()} on_close={
                let asked = asked.clone();
                Callback::from(move |()| asked.set(None))
            } />
        </div>
    }
}

/// The conversation's key and the code of its log's newest state.
fn keys(conversation: &Conversation) -> Html {
    html! {
        <section class="panel" aria-labelledby="keys-heading">
            <h3 id="keys-heading"><Glyph icon={Icon::Lock} />{ t!("encryption") }</h3>
            if conversation.managed {
                <p class="hint"><ManagedMark /></p>
            } else {
                <p class="hint">{ t!("end-to-end-hint") }</p>
            }
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
