//! A link that brings somebody here and lets both be sure of each other.

use secure_chat_shared::client::api::{Action, Answer};
use yew::prelude::*;

use super::icon::{Glyph, Icon};
use crate::ui::context::{use_request, use_tools};
use crate::ui::state::{Change, Said};
use crate::ui::text::t;
use crate::ui::{browser, invite, sentences};

/// Properties of [`InviteLink`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Unique in the page.
    pub id: AttrValue,
}

/// A button that makes a link and copies it. The link is shown too, for a browser that does not copy.
#[component]
pub fn InviteLink(props: &Props) -> Html {
    let tools = use_tools();
    let link = use_state(AttrValue::default);
    let request = {
        let link = link.setter();
        use_request(Callback::from(move |answer| {
            let Answer::Link(fragment) = answer else {
                return;
            };
            let whole = invite::link(&fragment);
            let tools = tools.clone();
            let copied = Callback::from(move |well| {
                tools.change(Change::Say(if well {
                    Said::LinkCopied
                } else {
                    Said::NotCopied
                }));
            });
            browser::copy(&whole, copied);
            link.set(whole.into());
        }))
    };
    let onclick = {
        let request = request.clone();
        Callback::from(move |_: MouseEvent| request.send(Action::MakeLink))
    };
    let hint = format!("{}-hint", props.id);
    html! {
        <div class="invite-link">
            <button type="button" class="button" {onclick} disabled={request.busy}
                aria-busy={request.busy.to_string()} aria-describedby={hint.clone()}>
                <Glyph icon={Icon::Chain} />{ t!("copy-invite-link") }
            </button>
            if !link.is_empty() {
                <input type="text" class="input mono" readonly=true value={(*link).clone()}
                    aria-label={t!("invite-link")} dir="ltr" />
            }
            if let Some(failure) = &request.failure {
                <p class="hint bad" role="alert" id={hint}>{ sentences::failure(failure) }</p>
            } else {
                <p class="hint" id={hint}>{ t!("invite-link-hint") }</p>
            }
        </div>
    }
}
