//! Asks for a passkey: the server's options, the browser's own dialog, and what comes of it.

use secure_chat_shared::client::api::{Action, Answer, Failure};
use yew::platform::spawn_local;
use yew::prelude::*;

use super::icon::{Glyph, Icon};
use crate::ui::context::use_request;
use crate::ui::passkey::{self, Answered, NoPasskey};
use crate::ui::sentences;
use crate::ui::text::t;

/// Properties of [`AskPasskey`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// What brings the options.
    pub options: Callback<(), Action>,
    /// What is asked for with the passkey's answer; none where the answer is no use.
    pub finish: Callback<Answered, Option<Action>>,
    /// On the button.
    pub label: AttrValue,
    /// Whether it is the main thing to do here.
    #[prop_or_default]
    pub primary: bool,
}

/// A button, and why it failed.
#[component]
pub fn AskPasskey(props: &Props) -> Html {
    let refused = use_state_eq(|| None::<AttrValue>);
    let asking = use_state_eq(|| false);
    let finished = use_request(Callback::noop());
    let options = {
        let (refused, asking, finished) = (refused.clone(), asking.clone(), finished.clone());
        let finish = props.finish.clone();
        use_request(Callback::from(move |answer| {
            let Answer::PasskeyOptions(options) = answer else {
                return;
            };
            asking.set(true);
            let (refused, asking) = (refused.clone(), asking.clone());
            let (finished, finish) = (finished.clone(), finish.clone());
            spawn_local(async move {
                match passkey::ask(&options)
                    .await
                    .map(|answered| finish.emit(answered))
                {
                    Ok(Some(action)) => finished.send(action),
                    Ok(None) => refused.set(Some(sentences::failure(&Failure::NoPasskey))),
                    Err(why) => refused.set(Some(no_passkey(why))),
                }
                asking.set(false);
            });
        }))
    };
    let busy = options.busy || *asking || finished.busy;
    let onclick = {
        let (options, refused, action) = (options.clone(), refused.clone(), props.options.clone());
        Callback::from(move |_: MouseEvent| {
            if !busy {
                refused.set(None);
                options.send(action.emit(()));
            }
        })
    };
    let failure = (*refused).clone().or_else(|| {
        let failure = options.failure.as_ref().or(finished.failure.as_ref());
        failure.map(sentences::failure)
    });
    let class = if props.primary { "primary" } else { "" };
    html! {
        <>
            <div class="alert-place" role="alert">
                if let Some(failure) = failure.filter(|_| !busy) {
                    <p class="alert">{ failure }</p>
                }
            </div>
            <button type="button" class={classes!("button", "wide", class)} aria-busy={busy.to_string()} {onclick}>
                <Glyph icon={Icon::Key} />{ props.label.clone() }
            </button>
        </>
    }
}

/// The password was right: asks for the passkey too.
#[component]
pub fn SecondFactor() -> Html {
    let finish = Callback::from(|answered: Answered| {
        let response = answered.response.clone();
        Some(Action::FinishFactor { response })
    });
    let options = Callback::from(|()| Action::FactorOptions);
    html! {
        <div class="form next-step">
            <p class="hint" role="status">{ t!("second-factor-hint") }</p>
            <AskPasskey {options} {finish} label={t!("use-passkey")} primary=true />
        </div>
    }
}

/// Why the browser gave no passkey.
pub fn no_passkey(why: NoPasskey) -> AttrValue {
    match why {
        NoPasskey::Cancelled => t!("passkey-cancelled"),
        NoPasskey::HasOne => t!("passkey-has-one"),
        NoPasskey::Unable => t!("passkey-unable"),
    }
}
