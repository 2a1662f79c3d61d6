//! Replaces the password, and with it the recovery code.

use secure_chat_shared::client::api::{Action, Answer, Password};
use secure_chat_shared::client::password::judge;
use yew::prelude::*;

use super::dialog::Dialog;
use super::field::{Check, PasswordField};
use super::new_password::NewPassword;
use super::recovery_code;
use crate::ui::context::{use_request, use_tools};
use crate::ui::sentences;
use crate::ui::state::{Change, Said};
use crate::ui::text::t;

/// Properties of [`ChangePassword`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Whose, for password managers.
    pub name: AttrValue,
    /// It went well, or was put off.
    pub on_close: Callback<()>,
}

/// Asks for the old password, the new one, and what becomes of other browsers.
#[component]
pub fn ChangePassword(props: &Props) -> Html {
    let tools = use_tools();
    let old = use_state(String::new);
    let new = use_state(String::new);
    let keep = use_state_eq(|| false);
    let tried = use_state_eq(|| false);
    let request = {
        let on_close = props.on_close.clone();
        use_request(Callback::from(move |_: Answer| {
            tools.change(Change::Say(Said::PasswordChanged));
            on_close.emit(());
        }))
    };
    let verdict = judge(&new, &props.name);
    let onsubmit = {
        let (old, new, keep_sessions) = (old.clone(), new.clone(), *keep);
        let (request, tried, good) = (request.clone(), tried.clone(), verdict.is_ok());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            tried.set(true);
            if !good || request.busy {
                return;
            }
            recovery_code::show_again();
            request.send(Action::ChangePassword {
                old: Password((*old).clone()),
                new: Password((*new).clone()),
                keep_sessions,
            });
        })
    };
    let set = |field: &UseStateHandle<String>| {
        let field = field.clone();
        Callback::from(move |text| field.set(text))
    };
    let on_keep = {
        let keep = keep.clone();
        Callback::from(move |to| keep.set(to))
    };
    let cancel = props.on_close.reform(|_: MouseEvent| ());
    html! {
        <Dialog title={t!("change-password")} on_close={props.on_close.clone()} class="narrow">
            <form class="form" {onsubmit} novalidate=true>
                <p>{ t!("change-password-hint") }</p>
                <input type="text" hidden=true readonly=true autocomplete="username" value={props.name.clone()} />
                <PasswordField id="old-password" label={t!("old-password")} value={(*old).clone()}
                    on_input={set(&old)} autocomplete="current-password" autofocus=true />
                <NewPassword id="new-password" label={t!("new-password")} value={(*new).clone()}
                    on_input={set(&new)} {verdict} tried={*tried} />
                <Check id="keep-sessions" label={t!("keep-sessions")} hint={t!("keep-sessions-hint")}
                    checked={*keep} on_change={on_keep} />
                <div class="alert-place" role="alert">
                    if let Some(failure) = &request.failure {
                        <p class="alert">{ sentences::failure(failure) }</p>
                    }
                </div>
                <div class="dialog-foot">
                    <button type="button" class="button" onclick={cancel}>{ t!("cancel") }</button>
                    <button type="submit" class="button primary" aria-busy={request.busy.to_string()}
                        disabled={request.busy || old.is_empty() || new.is_empty()}>
                        { if request.busy { t!("working") } else { t!("change-password") } }
                    </button>
                </div>
            </form>
        </Dialog>
    }
}
