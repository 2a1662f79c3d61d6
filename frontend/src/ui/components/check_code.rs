//! Tells whether a recovery code that somebody has kept is the right one.

use secure_chat_shared::client::api::{Action, Answer, TypedCode};
use secure_chat_shared::crypto::recovery::RecoveryCode;
use yew::prelude::*;

use super::dialog::Dialog;
use super::field::TextField;
use super::icon::{Glyph, Icon};
use crate::ui::context::use_request;
use crate::ui::sentences;
use crate::ui::text::t;

/// Properties of [`CheckCode`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Closed.
    pub on_close: Callback<()>,
}

/// Asks for the code as it was kept. The code does not leave the browser.
#[component]
pub fn CheckCode(props: &Props) -> Html {
    let code = use_state(String::new);
    let is_right = use_state_eq(|| None::<bool>);
    let tried = use_state_eq(|| false);
    let request = {
        let is_right = is_right.clone();
        use_request(Callback::from(move |answer| {
            if let Answer::Checked(right) = answer {
                is_right.set(Some(right));
            }
        }))
    };
    let error = RecoveryCode::parse(&code).err();
    let onsubmit = {
        let (code, request, tried, is_right) = (
            code.clone(),
            request.clone(),
            tried.clone(),
            is_right.clone(),
        );
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            tried.set(true);
            if error.is_none() && !request.busy {
                is_right.set(None);
                let code = TypedCode((*code).clone());
                request.send(Action::CheckRecoveryCode { code });
            }
        })
    };
    let on_input = {
        let (code, is_right) = (code.clone(), is_right.clone());
        Callback::from(move |text| {
            is_right.set(None);
            code.set(text);
        })
    };
    let error = error.filter(|_| *tried).map(sentences::code_error);
    let cancel = props.on_close.reform(|_: MouseEvent| ());
    html! {
        <Dialog title={t!("check-code")} on_close={props.on_close.clone()} class="narrow">
            <form class="form" {onsubmit} novalidate=true>
                <TextField id="check-code" label={t!("recovery-code")} value={(*code).clone()} {on_input}
                    is_code=true autofocus=true hint={t!("check-code-hint")} {error} />
                <div class="alert-place" role="alert">
                    if let Some(failure) = &request.failure {
                        <p class="alert">{ sentences::failure(failure) }</p>
                    } else if *is_right == Some(true) {
                        <p class="good-line"><Glyph icon={Icon::Check} />{ t!("code-is-right") }</p>
                    } else if *is_right == Some(false) {
                        <p class="alert">{ t!("code-is-wrong") }</p>
                    }
                </div>
                <div class="dialog-foot">
                    <button type="button" class="button" onclick={cancel}>{ t!("close-dialog") }</button>
                    <button type="submit" class="button primary" aria-busy={request.busy.to_string()}
                        disabled={request.busy || code.trim().is_empty()}>
                        { if request.busy { t!("working") } else { t!("check") } }
                    </button>
                </div>
            </form>
        </Dialog>
    }
}
