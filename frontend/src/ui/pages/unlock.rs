//! A locked browser: its data is here, sealed, and the password opens it.

use secure_chat_shared::client::api::{Action, Answer, Password};
use yew::prelude::*;

use super::gate::Gate;
use crate::ui::components::dialog::Confirm;
use crate::ui::components::field::PasswordField;
use crate::ui::components::icon::{Glyph, Icon};
use crate::ui::components::link::Link;
use crate::ui::context::{use_request, use_tools};
use crate::ui::route::Route;
use crate::ui::state::Change;
use crate::ui::text::t;
use crate::ui::{here, sentences};

/// Properties of [`Unlock`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Whose data it is.
    pub name: AttrValue,
}

/// Asks for the password, or makes room for somebody else.
#[component]
pub fn Unlock(props: &Props) -> Html {
    let tools = use_tools();
    let password = use_state(String::new);
    let asking = use_state_eq(|| false);
    let request = {
        let password = password.clone();
        use_request(Callback::from(move |_: Answer| password.set(String::new())))
    };
    let onsubmit = {
        let (tools, password, request) = (tools.clone(), password.clone(), request.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if !request.busy {
                tools.change(Change::Begin);
                let password = Password((*password).clone());
                request.send(Action::Unlock { password });
            }
        })
    };
    let on_input = {
        let password = password.clone();
        Callback::from(move |text| password.set(text))
    };
    let ask = |to: bool| {
        let asking = asking.clone();
        Callback::from(move |()| asking.set(to))
    };
    let make_room = Callback::from(move |()| {
        here::forget();
        tools.act(Action::SignOut);
    });
    html! {
        <Gate title={t!("locked")}>
            <p class="locked-name"><Glyph icon={Icon::Lock} /><strong dir="auto">{ props.name.clone() }</strong></p>
            <form class="form" {onsubmit}>
                // Tells a password manager whose password it is.
                <input type="text" hidden=true readonly=true autocomplete="username" value={props.name.clone()} />
                <PasswordField id="password" label={t!("password")} value={(*password).clone()} {on_input}
                    autocomplete="current-password" autofocus=true hint={t!("locked-hint")} />
                <div class="alert-place" role="alert">
                    if let Some(failure) = &request.failure {
                        <p class="alert">{ sentences::failure(failure) }</p>
                    }
                </div>
                <button type="submit" class="button primary wide" aria-busy={request.busy.to_string()}
                    disabled={password.is_empty()}>
                    { if request.busy { t!("unlocking") } else { t!("unlock") } }
                </button>
            </form>
            <p class="gate-other"><Link to={Route::Recover}>{ t!("forgot-password") }</Link></p>
            <p class="gate-other">
                <button type="button" class="button quiet small" onclick={ask(true).reform(|_: MouseEvent| ())}>
                    { t!("sign-in-as-other") }
                </button>
            </p>
            if *asking {
                <Confirm title={t!("other-question")} text={t!("other-hint", name = props.name.as_str())}
                    confirm={t!("other-confirm")} on_confirm={make_room} on_close={ask(false)} />
            }
        </Gate>
    }
}
