//! Why nothing can be sent in a conversation, as a sentence and a choice.

use std::rc::Rc;

use secure_chat_shared::client::api::{Action, Blocked, Conversation};
use secure_chat_shared::ids::UserId;
use yew::prelude::*;

use super::icon::{Glyph, Icon};
use super::member_dialogs::{Asked, AskedDialog};
use crate::ui::context::use_request;
use crate::ui::sentences;
use crate::ui::text::t;

/// Properties of [`BlockedBanner`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Where.
    pub conversation: Rc<Conversation>,
}

/// The banner; nothing while nothing is wrong.
#[component]
pub fn BlockedBanner(props: &Props) -> Html {
    match &props.conversation.blocked {
        None => Html::default(),
        Some(Blocked::LogBroken(why)) => html! {
            <div class="banner bad" role="alert">
                <Glyph icon={Icon::Warning} />
                <div>
                    <p><strong>{ t!("log-broken-title") }</strong></p>
                    <p>{ t!("log-broken", why = why.as_str()) }</p>
                </div>
            </div>
        },
        Some(Blocked::IdentityChanged {
            user,
            name,
            compromised,
        }) => html! {
            <IdentityChanged key={user.to_string()} conversation={Rc::clone(&props.conversation)} user={*user}
                name={name.clone()} compromised={*compromised} />
        },
    }
}

#[derive(Properties, PartialEq)]
struct ChangedProps {
    conversation: Rc<Conversation>,
    user: UserId,
    name: AttrValue,
    compromised: bool,
}

/// Somebody's keys are not those that one knew: compare, accept or part.
#[component]
fn IdentityChanged(props: &ChangedProps) -> Html {
    let accept = use_request(Callback::noop());
    let asked = use_state(|| None::<Asked>);
    let user = props.user;
    let name = props.name.as_str();
    let (title, text) = if props.compromised {
        (
            t!("identity-compromised-title", name = name),
            t!("identity-compromised", name = name),
        )
    } else {
        (
            t!("identity-changed-title", name = name),
            t!("identity-changed", name = name),
        )
    };
    let ask = |what: Asked| {
        let asked = asked.clone();
        Callback::from(move |_: MouseEvent| asked.set(Some(what.clone())))
    };
    let onclick = {
        let accept = accept.clone();
        let compared = false;
        Callback::from(move |_: MouseEvent| accept.send(Action::AcceptIdentity { user, compared }))
    };
    let on_close = {
        let asked = asked.clone();
        Callback::from(move |()| asked.set(None))
    };
    let mut members = props.conversation.members.iter();
    let member = members.find(|member| member.user == user);
    html! {
        <>
            <div class="banner" role="alert">
                <Glyph icon={Icon::Warning} />
                <div>
                    <p><strong>{ title }</strong></p>
                    <p>{ text }</p>
                    if let Some(failure) = &accept.failure {
                        <p class="hint bad">{ sentences::failure(failure) }</p>
                    }
                    <div class="banner-foot">
                        if member.is_some() {
                            <button type="button" class="button small" onclick={ask(Asked::Verify(user))}>
                                { t!("compare-safety-number") }
                            </button>
                        }
                        <button type="button" class="button small" {onclick} disabled={accept.busy}>
                            { t!("accept-identity") }
                        </button>
                        if let Some(member) = member.filter(|member| member.removable) {
                            <button type="button" class="button small danger-quiet"
                                onclick={ask(Asked::Remove(member.clone()))}>
                                { t!("remove-name", name = name) }
                            </button>
                        }
                    </div>
                </div>
            </div>
            <AskedDialog conversation={Rc::clone(&props.conversation)} asked={(*asked).clone()} {on_close} />
        </>
    }
}
