//! A locked browser: its data is here, sealed, and the password opens it.

use secure_chat_shared::client::api::{Action, Answer, Failure, Password, PrfOutput};
use yew::prelude::*;

use super::gate::Gate;
use crate::ui::components::ask_passkey::{AskPasskey, SecondFactor};
use crate::ui::components::dialog::Confirm;
use crate::ui::components::field::PasswordField;
use crate::ui::components::icon::{Glyph, Icon};
use crate::ui::components::link::Link;
use crate::ui::context::{use_request, use_tools};
use crate::ui::passkey::{self, Answered};
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
    let wants_passkey = request.failure == Some(Failure::SecondFactor);
    html! {
        <Gate title={t!("locked")}>
            <p class="locked-name"><Glyph icon={Icon::Lock} /><strong dir="auto">{ props.name.clone() }</strong></p>
            <form class="form" {onsubmit}>
                // Tells a password manager whose password it is.
                <input type="text" hidden=true readonly=true autocomplete="username" value={props.name.clone()} />
                <PasswordField id="password" label={t!("password")} value={(*password).clone()} {on_input}
                    autocomplete="current-password" autofocus=true hint={t!("locked-hint")} />
                <div class="alert-place" role="alert">
                    if let Some(failure) = request.failure.as_ref().filter(|_| !wants_passkey) {
                        <p class="alert">{ sentences::failure(failure) }</p>
                    }
                </div>
                <button type="submit" class={classes!("button", (!wants_passkey).then_some("primary"), "wide")}
                    aria-busy={request.busy.to_string()}
                    disabled={password.is_empty()}>
                    { if request.busy { t!("unlocking") } else { t!("unlock") } }
                </button>
            </form>
            if wants_passkey {
                <SecondFactor />
            } else if passkey::may_unlock() {
                <div class="form next-step">
                    <AskPasskey options={Callback::from(|()| Action::UnlockOptions)} finish={Callback::from(unlock_by)}
                        label={t!("unlock-by-passkey")} />
                </div>
            }
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

/// A passkey without a PRF cannot unlock.
fn unlock_by(answered: Answered) -> Option<Action> {
    let prf = PrfOutput(answered.prf.clone()?);
    let response = answered.response.clone();
    Some(Action::UnlockByPasskey { response, prf })
}
