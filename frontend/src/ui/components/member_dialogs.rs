//! What is asked about a conversation and its members, in dialogs.

use std::rc::Rc;

use secure_chat_shared::client::api::{Action, Conversation, Member};
use secure_chat_shared::ids::UserId;
use yew::prelude::*;

use super::dialog::Confirm;
use super::export::ExportDialog;
use super::new_conversation::{InvitePeople, Rename};
use super::safety::SafetyNumber;
use crate::ui::context::use_tools;
use crate::ui::route::Route;
use crate::ui::state::is_why_blocked;
use crate::ui::text::t;

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// Whom to invite.
    Invite,
    /// How to name the conversation.
    Rename,
    /// Which messages to export.
    Export,
    /// Whether to leave.
    Leave,
    /// Whether to remove somebody, or take the invitation back.
    Remove(Member),
    /// Whether somebody may read what was said before.
    Share(Member),
    /// Whether to block somebody.
    Block(Member),
    /// Whether the safety number is the same.
    Verify(UserId),
}

/// Properties of [`AskedDialog`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Where.
    pub conversation: Rc<Conversation>,
    /// What, if anything.
    pub asked: Option<Asked>,
    /// Answered, or put off.
    pub on_close: Callback<()>,
}

/// The dialog for what is asked.
#[component]
pub fn AskedDialog(props: &Props) -> Html {
    let tools = use_tools();
    let on_close = props.on_close.clone();
    let conversation = props.conversation.id;
    // Answers with this action.
    let with = |action: Action| {
        let (tools, close) = (tools.clone(), on_close.clone());
        Callback::from(move |()| {
            tools.act(action.clone());
            close.emit(());
        })
    };
    match props.asked.clone() {
        None => Html::default(),
        Some(Asked::Invite) => html! { <InvitePeople {conversation} {on_close} /> },
        Some(Asked::Rename) => html! {
            <Rename {conversation} title={props.conversation.title.clone()} {on_close} />
        },
        Some(Asked::Export) => html! {
            <ExportDialog conversation={Rc::clone(&props.conversation)} {on_close} />
        },
        Some(Asked::Verify(user)) => {
            let mut members = props.conversation.members.iter();
            let member = members.find(|member| member.user == user).cloned();
            let changed = is_why_blocked(&props.conversation, &user);
            member.map_or_else(Html::default, |member| {
                html! {
                    <SafetyNumber {user} name={member.name} verified={member.verified && !changed}
                        by_link={member.by_link && !changed} {changed} {on_close} />
                }
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
        Some(Asked::Remove(Member {
            user,
            name,
            invited,
            ..
        })) => {
            let on_confirm = with(Action::Remove { conversation, user });
            let name = name.as_str();
            let (title, text, confirm) = if invited {
                (
                    t!("uninvite-question", name = name),
                    t!("uninvite-hint"),
                    t!("take-invitation-back"),
                )
            } else {
                (
                    t!("remove-question", name = name),
                    t!("remove-hint"),
                    t!("remove"),
                )
            };
            html! { <Confirm {title} {text} {confirm} {on_confirm} {on_close} /> }
        }
        Some(Asked::Share(Member { user, name, .. })) => {
            let on_confirm = with(Action::ShareHistory { conversation, user });
            let name = name.as_str();
            html! {
                <Confirm title={t!("share-question", name = name)} text={t!("share-hint", name = name)}
                    confirm={t!("share-history")} danger=false {on_confirm} {on_close} />
            }
        }
        Some(Asked::Block(Member { user, name, .. })) => {
            let blocked = true;
            let on_confirm = with(Action::Block { user, blocked });
            let name = name.as_str();
            html! {
                <Confirm title={t!("block-question", name = name)} text={t!("block-hint", name = name)}
                    confirm={t!("block")} {on_confirm} {on_close} />
            }
        }
    }
}
