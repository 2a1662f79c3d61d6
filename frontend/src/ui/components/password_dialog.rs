//! Asks for the password before something that needs it again.

use secure_chat_shared::client::api::{Action, Answer, Password};
use yew::prelude::*;

use super::dialog::Dialog;
use super::field::PasswordField;
use crate::ui::context::{use_request, use_shown};
use crate::ui::sentences;
use crate::ui::text::t;

/// Properties of [`PasswordDialog`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The question.
    pub title: AttrValue,
    /// What follows from a yes, a paragraph each.
    pub texts: Vec<AttrValue>,
    /// The yes.
    pub confirm: AttrValue,
    /// Whether the yes takes something away.
    #[prop_or_default]
    pub danger: bool,
    /// What is asked for with the password.
    pub action: Callback<Password, Action>,
    /// It went well.
    pub on_done: Callback<()>,
    /// Put off.
    pub on_close: Callback<()>,
}

/// A question that is answered with the password. It stays until that went well.
#[component]
pub fn PasswordDialog(props: &Props) -> Html {
    let shown = use_shown();
    let password = use_state(String::new);
    let request = use_request(props.on_done.reform(|_: Answer| ()));
    let onsubmit = {
        let (password, request, action) = (password.clone(), request.clone(), props.action.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if !request.busy {
                request.send(action.emit(Password((*password).clone())));
            }
        })
    };
    let on_input = {
        let password = password.clone();
        Callback::from(move |text| password.set(text))
    };
    let cancel = props.on_close.reform(|_: MouseEvent| ());
    let name = shown.me().map(|me| me.name.clone());
    html! {
        <Dialog title={props.title.clone()} on_close={props.on_close.clone()} class="narrow">
            <form class="form" {onsubmit}>
                { for props.texts.iter().map(|text| html! { <p dir="auto">{ text.clone() }</p> }) }
                // Tells a password manager whose password it is.
                <input type="text" hidden=true readonly=true autocomplete="username" value={name} />
                <PasswordField id="confirm-password" label={t!("password")} value={(*password).clone()}
                    {on_input} autocomplete="current-password" autofocus=true />
                <div class="alert-place" role="alert">
                    if let Some(failure) = &request.failure {
                        <p class="alert">{ sentences::failure(failure) }</p>
                    }
                </div>
                <div class="dialog-foot">
                    <button type="button" class="button" onclick={cancel}>{ t!("cancel") }</button>
                    <button type="submit" class={classes!("button", if props.danger { "danger" } else { "primary" })}
                        aria-busy={request.busy.to_string()} disabled={request.busy || password.is_empty()}>
                        { if request.busy { t!("working") } else { props.confirm.clone() } }
                    </button>
                </div>
            </form>
        </Dialog>
    }
}
