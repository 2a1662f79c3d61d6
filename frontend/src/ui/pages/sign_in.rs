//! Signing in.

use secure_chat_shared::client::api::{Action, Answer, Failure, Password};
use yew::prelude::*;

use super::gate::{Gate, invited};
use crate::ui::components::ask_passkey::SecondFactor;
use crate::ui::components::field::{PasswordField, TextField};
use crate::ui::components::icon::{Glyph, Icon};
use crate::ui::components::link::Link;
use crate::ui::context::{use_request, use_shown, use_tools};
use crate::ui::route::Route;
use crate::ui::sentences;
use crate::ui::state::Change;
use crate::ui::text::t;
use crate::ui::{browser, first_look};

/// Name and password.
#[component]
pub fn SignIn() -> Html {
    let tools = use_tools();
    let shown = use_shown();
    let typed = use_memo((), |()| first_look::typed());
    let name = use_state(|| typed.name.clone());
    let gone = shown.gone.clone();
    let password = use_state(|| {
        let typed = typed.password.as_ref();
        typed.map_or_else(String::new, |typed| typed.0.clone())
    });
    use_effect_with((), move |()| {
        typed.focused.into_iter().for_each(browser::focus)
    });
    let request = {
        let password = password.clone();
        use_request(Callback::from(move |_: Answer| password.set(String::new())))
    };
    let onsubmit = {
        let (name, password, request) = (name.clone(), password.clone(), request.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if request.busy {
                return;
            }
            tools.change(Change::Begin);
            let (name, password) = (name.trim().to_owned(), Password((*password).clone()));
            request.send(Action::SignIn { name, password });
        })
    };
    let set = |field: &UseStateHandle<String>| {
        let field = field.clone();
        Callback::from(move |text| field.set(text))
    };
    let wants_passkey = request.failure == Some(Failure::SecondFactor);
    html! {
        <Gate title={t!("sign-in")}>
            { invited(&shown) }
            if let Some(name) = gone {
                <p class="warn-line" role="status"><Glyph icon={Icon::Warning} />
                    <span dir="auto">{ t!("data-gone", name = &*name) }</span></p>
            }
            <form class="form" {onsubmit}>
                <TextField id="name" label={t!("user-name")} value={(*name).clone()} on_input={set(&name)}
                    autocomplete="username" autofocus=true is_name=true />
                <PasswordField id="password" label={t!("password")} value={(*password).clone()}
                    on_input={set(&password)} autocomplete="current-password" />
                <div class="alert-place" role="alert">
                    if let Some(failure) = request.failure.as_ref().filter(|_| !wants_passkey) {
                        <p class="alert">{ sentences::failure(failure) }</p>
                    }
                </div>
                <button type="submit" class={classes!("button", (!wants_passkey).then_some("primary"), "wide")}
                    aria-busy={request.busy.to_string()}
                    disabled={name.trim().is_empty() || password.is_empty()}>
                    { if request.busy { t!("signing-in") } else { t!("sign-in") } }
                </button>
            </form>
            if wants_passkey {
                <SecondFactor />
            }
            <p class="gate-other"><Link to={Route::Recover}>{ t!("forgot-password") }</Link></p>
            <p class="gate-other">
                { t!("no-account-yet") }{ " " }
                <Link to={Route::Register}>{ t!("create-account") }</Link>
            </p>
        </Gate>
    }
}
