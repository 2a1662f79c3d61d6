//! Somebody who is to be invited has other keys than those that one knew: a sentence and a choice.

use secure_chat_shared::client::api::{Action, Answer, Failure};
use yew::prelude::*;

use super::safety::SafetyNumber;
use crate::ui::context::use_request;
use crate::ui::sentences;
use crate::ui::text::t;

/// Properties of [`ChangedKeys`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Why it failed; nothing is shown for other reasons.
    pub failure: Option<Failure>,
    /// The new keys are accepted: what failed can be tried again.
    pub on_accepted: Callback<()>,
}

/// Compare or accept.
#[component]
pub fn ChangedKeys(props: &Props) -> Html {
    let comparing = use_state_eq(|| false);
    let accept = use_request(props.on_accepted.reform(|_: Answer| ()));
    let Some(Failure::IdentityChanged(user, name)) = &props.failure else {
        return Html::default();
    };
    let (user, name) = (*user, name.clone());
    let compare = |to: bool| {
        let comparing = comparing.clone();
        Callback::from(move |()| comparing.set(to))
    };
    let onclick = {
        let accept = accept.clone();
        let compared = false;
        Callback::from(move |_: MouseEvent| accept.send(Action::AcceptIdentity { user, compared }))
    };
    html! {
        <>
        <div class="banner inset" role="alert">
            <div>
                <p>{ t!("failure-identity-changed", name = name.as_str()) }</p>
                if let Some(failure) = &accept.failure {
                    <p class="hint bad">{ sentences::failure(failure) }</p>
                }
                <div class="banner-foot">
                    <button type="button" class="button small" onclick={compare(true).reform(|_: MouseEvent| ())}>
                        { t!("compare-safety-number") }
                    </button>
                    <button type="button" class="button small" {onclick} disabled={accept.busy}>
                        { t!("accept-identity") }
                    </button>
                </div>
            </div>
        </div>
        if *comparing {
            <SafetyNumber {user} {name} changed=true on_marked={props.on_accepted.clone()}
                on_close={compare(false)} />
        }
        </>
    }
}

/// What [`ChangedKeys`] does not say.
pub fn other_failure(failure: &Option<Failure>) -> Option<AttrValue> {
    failure
        .as_ref()
        .filter(|failure| !matches!(failure, Failure::IdentityChanged(..)))
        .map(sentences::failure)
}
