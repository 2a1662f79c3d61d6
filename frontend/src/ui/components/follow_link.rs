//! Somebody's invite link was opened: who it is, and the way to a conversation.

use std::rc::Rc;

use secure_chat_shared::client::api::{Action, Answer, Connection, Standing};
use secure_chat_shared::ids::{ConversationId, UserId};
use yew::prelude::*;

use super::avatar::{Avatar, seed};
use super::conversation_list::only_other;
use super::dialog::Dialog;
use super::icon::{Glyph, Icon};
use crate::ui::context::{Shown, use_place, use_request, use_shown, use_tools};
use crate::ui::route::Route;
use crate::ui::state::Change;
use crate::ui::text::t;
use crate::ui::{invite, sentences};

/// Properties of [`FollowLink`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// What the link says, behind its mark.
    pub fragment: Rc<str>,
}

/// Follows the link, and says whose it is.
#[component]
pub fn FollowLink(props: &Props) -> Html {
    let tools = use_tools();
    let shown = use_shown();
    let go = use_place().go;
    let owner = use_state(|| None::<(UserId, String)>);
    let on_close = Callback::from(move |()| {
        invite::forget();
        tools.change(Change::InviteAnswered);
    });
    let followed = {
        let owner = owner.clone();
        use_request(Callback::from(move |answer| {
            if let Answer::LinkOwner { user, name } = answer {
                owner.set(Some((user, name)));
            }
        }))
    };
    let begun = {
        let (go, on_close) = (go.clone(), on_close.clone());
        use_request(Callback::from(move |answer| {
            on_close.emit(());
            if let Answer::Conversation(id) = answer {
                go.emit(Route::Conversation(id));
            }
        }))
    };
    let follow = {
        let (followed, fragment) = (followed.clone(), Rc::clone(&props.fragment));
        Callback::from(move |()| {
            followed.send(Action::FollowLink {
                fragment: fragment.to_string(),
            });
        })
    };
    {
        let follow = follow.clone();
        let online = shown.link.state == Connection::Online;
        let waits = online && owner.is_none();
        use_effect_with((Rc::clone(&props.fragment), waits), move |(_, waits)| {
            if *waits {
                follow.emit(());
            }
        });
    }
    let Some((user, name)) = (*owner).clone() else {
        let again = follow.reform(|_: MouseEvent| ());
        return html! {
            <Dialog title={t!("invite-link")} {on_close} class="narrow">
                if let Some(failure) = &followed.failure {
                    <p class="alert" role="alert">{ sentences::failure(failure) }</p>
                    <div class="dialog-foot">
                        <button type="button" class="button" onclick={again}>{ t!("try-again") }</button>
                    </div>
                } else {
                    <p role="status">{ t!("checking-link") }</p>
                }
            </Dialog>
        };
    };
    let existing = existing(&shown, &user);
    let onclick = {
        let (begun, name, on_close) = (begun.clone(), name.clone(), on_close.clone());
        Callback::from(move |_: MouseEvent| match existing {
            Some(id) => {
                on_close.emit(());
                go.emit(Route::Conversation(id));
            }
            None => begun.send(Action::CreateConversation {
                people: vec![name.clone()],
                title: String::new(),
                managed: false,
            }),
        })
    };
    html! {
        <Dialog title={t!("link-invites", name = name.as_str())} {on_close} class="narrow">
            <div class="link-owner">
                <Avatar name={name.clone()} seed={seed(user.as_bytes())} />
                <p class="good-line"><Glyph icon={Icon::Shield} />{ t!("link-verified") }</p>
            </div>
            <p dir="auto">{ t!("link-verified-hint", name = name.as_str()) }</p>
            if let Some(failure) = &begun.failure {
                <p class="alert" role="alert">{ sentences::failure(failure) }</p>
            }
            <div class="dialog-foot">
                <button type="button" class="button primary" {onclick} disabled={begun.busy}
                    aria-busy={begun.busy.to_string()}>
                    { if existing.is_some() { t!("open-conversation") } else { t!("start-conversation") } }
                </button>
            </div>
        </Dialog>
    }
}

/// The conversation that the two have already.
fn existing(shown: &Shown, user: &UserId) -> Option<ConversationId> {
    let me = shown.me()?.user;
    let inbox = shown.inbox();
    let mut of_both = inbox.iter().filter(|c| {
        c.standing == Standing::Member && !c.managed && only_other(c, &me) == Some(*user)
    });
    of_both.next().map(|c| c.id)
}
