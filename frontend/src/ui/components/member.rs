//! One member of a conversation: who it is, what is known of the keys, and what one can do.

use secure_chat_shared::client::api::{Action, Member, PresenceStatus};
use secure_chat_shared::ids::ConversationId;
use yew::prelude::*;

use super::avatar::{Avatar, seed};
use super::icon::{Glyph, Icon};
use super::member_dialogs::Asked;
use super::menu::{Item, Menu};
use super::presence;
use crate::ui::context::{use_minute, use_tools};
use crate::ui::sentences;
use crate::ui::text::t;

/// Properties of [`MemberItem`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Where.
    pub conversation: ConversationId,
    /// Who.
    pub member: Member,
    /// Whether it is the person who looks.
    pub own: bool,
    /// Whether the person who looks has blocked them.
    pub blocked: bool,
    /// What is known of their presence.
    pub presence: Option<PresenceStatus>,
    /// Whether the conversation can be changed now.
    pub may_act: bool,
    /// Whether they can be removed now, if one may at all.
    pub may_remove: bool,
    /// Asks something in a dialog.
    pub on_ask: Callback<Asked>,
}

/// One member. What is seldom done is in a menu.
#[component]
pub fn MemberItem(props: &Props) -> Html {
    use_minute();
    let tools = use_tools();
    let member = &props.member;
    let status = if props.own {
        Some(PresenceStatus::Online)
    } else {
        props.presence
    };
    let ask = |what: Asked| props.on_ask.reform(move |_: MouseEvent| what.clone());
    let act = |action: Action| {
        let tools = tools.clone();
        Callback::from(move |()| tools.act(action.clone()))
    };
    let line = t!(
        "member-line",
        presence = presence::words(status).as_str(),
        algorithm = sentences::algorithm(member.algorithm).as_str()
    );
    html! {
        <li class="member">
            <Avatar name={member.name.clone()} seed={seed(member.user.as_bytes())}>
                { presence::dot(status) }
            </Avatar>
            <div class="row-main">
                <p class="member-name">
                    <span dir="auto">{ member.name.clone() }</span>
                    { marks(props) }
                </p>
                <p class="hint">{ line }</p>
                if !props.own {
                    <div class="member-foot">
                        <button type="button" class="button small" onclick={ask(Asked::Verify(member.user))}>
                            { t!("verify") }
                        </button>
                        if props.may_remove && member.removable {
                            <button type="button" class="button small danger-quiet"
                                onclick={ask(Asked::Remove(member.clone()))}>
                                { if member.invited { t!("take-invitation-back") } else { t!("remove") } }
                            </button>
                        }
                    </div>
                }
            </div>
            if !props.own {
                <Menu label={t!("more-about", name = member.name.as_str())} class="button quiet square"
                    items={items(props, &act)}>
                    <Glyph icon={Icon::More} />
                </Menu>
            }
        </li>
    }
}

/// What is known, beside the name.
fn marks(props: &Props) -> Html {
    let member = &props.member;
    html! {
        <>
            if props.own { <span class="mark">{ t!("you") }</span> }
            if member.admin { <span class="mark">{ t!("admin") }</span> }
            if member.invited { <span class="mark">{ t!("invited") }</span> }
            if props.blocked { <span class="mark bad">{ t!("blocked-mark") }</span> }
            if !props.own && member.by_link {
                <span class="mark good"><Glyph icon={Icon::Shield} />{ t!("verified-by-link") }</span>
            } else if !props.own && member.verified {
                <span class="verified" role="img" aria-label={t!("verified")} title={t!("verified")}>
                    <Glyph icon={Icon::Shield} />
                </span>
            } else if !props.own && member.rotated {
                <span class="mark warn" title={t!("notice-rotated", name = member.name.as_str())}>
                    <Glyph icon={Icon::Warning} />{ t!("rotated") }
                </span>
            }
        </>
    }
}

fn items(props: &Props, act: &impl Fn(Action) -> Callback<()>) -> Vec<Item> {
    let (conversation, member) = (props.conversation, &props.member);
    let user = member.user;
    let mut items = Vec::new();
    if props.may_act && member.changeable {
        let admin = !member.admin;
        items.push(Item {
            icon: Icon::Admin,
            label: if admin {
                t!("make-admin")
            } else {
                t!("make-member")
            },
            on_pick: act(Action::SetAdmin {
                conversation,
                user,
                admin,
            }),
        });
    }
    if props.may_act && member.shareable {
        let asked = Asked::Share(member.clone());
        items.push(Item {
            icon: Icon::Clock,
            label: t!("share-history"),
            on_pick: props.on_ask.reform(move |()| asked.clone()),
        });
    }
    items.push(if props.blocked {
        let blocked = false;
        Item {
            icon: Icon::Ban,
            label: t!("unblock"),
            on_pick: act(Action::Block { user, blocked }),
        }
    } else {
        let asked = Asked::Block(member.clone());
        Item {
            icon: Icon::Ban,
            label: t!("block"),
            on_pick: props.on_ask.reform(move |()| asked.clone()),
        }
    });
    items
}
