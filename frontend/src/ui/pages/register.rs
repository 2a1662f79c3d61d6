//! Creating an account.

use secure_chat_shared::client::api::{
    Action, Algorithm, Answer, Connection, Password, Registration, Step,
};
use secure_chat_shared::client::password::judge;
use secure_chat_shared::ids::UserName;
use yew::prelude::*;

use super::gate::{Gate, invited};
use crate::ui::components::field::{Choices, TextField};
use crate::ui::components::identity_card::{ALGORITHMS, algorithm_choices};
use crate::ui::components::link::Link;
use crate::ui::components::new_password::NewPassword;
use crate::ui::components::progress::Progress;
use crate::ui::context::{use_request, use_shown, use_tools};
use crate::ui::route::Route;
use crate::ui::sentences;
use crate::ui::state::Change;
use crate::ui::text::t;

/// Name, password, and how messages are signed.
#[component]
pub fn Register() -> Html {
    let tools = use_tools();
    let shown = use_shown();
    let name = use_state(String::new);
    let password = use_state(String::new);
    let code = use_state(String::new);
    let algorithm = use_state(|| 0_usize);
    let tried = use_state(|| false);
    let request = use_request(Callback::noop());
    let registration = use_registration();
    let by_code = registration == Some(Registration::ByCode);
    let verdict = judge(&password, &name);
    let name_error = UserName::normalise(&name).err();
    let onsubmit = {
        let (name, password, algorithm) = (name.clone(), password.clone(), *algorithm);
        let (request, tried) = (request.clone(), tried.clone());
        let code = by_code.then(|| code.trim().to_owned());
        let good = verdict.is_ok()
            && name_error.is_none()
            && code.as_ref().is_none_or(|code| !code.is_empty());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            tried.set(true);
            if !good || request.busy {
                return;
            }
            tools.change(Change::Begin);
            request.send(Action::Register {
                name: name.trim().to_owned(),
                password: Password((*password).clone()),
                algorithm: ALGORITHMS
                    .get(algorithm)
                    .copied()
                    .unwrap_or(Algorithm::RsaPss),
                code: code.clone(),
            });
        })
    };
    let set = |field: &UseStateHandle<String>| {
        let field = field.clone();
        Callback::from(move |text| field.set(text))
    };
    let on_choose = {
        let algorithm = algorithm.clone();
        Callback::from(move |index| algorithm.set(index))
    };
    let name_error = name_error.filter(|_| *tried).map(sentences::name_error);
    let code_error = (*tried && code.trim().is_empty()).then(|| t!("invitation-code-missing"));
    if request.busy {
        let steps = vec![
            (Step::Password, t!("step-password")),
            (Step::EncryptionKey, t!("step-encryption-key")),
            (Step::SigningKeys, t!("step-signing-keys")),
            (Step::Sealed, t!("step-sealed")),
            (Step::Registered, t!("step-registered")),
        ];
        return html! {
            <Gate title={t!("creating")}>
                <Progress {steps} done={shown.progress} hint={t!("creating-hint")} />
            </Gate>
        };
    }
    if registration == Some(Registration::Closed) {
        return html! {
            <Gate title={t!("create-account")}>
                <p>{ t!("registration-closed") }</p>
                <Link to={Route::Home} class="button primary wide">{ t!("sign-in") }</Link>
            </Gate>
        };
    }
    html! {
        <Gate title={t!("create-account")}>
            { invited(&shown) }
            <form class="form" {onsubmit} novalidate=true>
                <TextField id="name" label={t!("user-name")} value={(*name).clone()} on_input={set(&name)}
                    autocomplete="username" autofocus=true is_name=true hint={t!("user-name-hint")}
                    error={name_error} />
                <NewPassword id="password" label={t!("password")} value={(*password).clone()}
                    on_input={set(&password)} {verdict} tried={*tried} />
                if by_code {
                    <TextField id="invitation-code" label={t!("invitation-code")} value={(*code).clone()}
                        on_input={set(&code)} is_name=true hint={t!("invitation-code-hint")} error={code_error} />
                }
                <Choices id="algorithm" label={t!("sign-my-messages-with")} choices={algorithm_choices()} chosen={*algorithm}
                    {on_choose} />
                <div class="alert-place" role="alert">
                    if let Some(failure) = &request.failure {
                        <p class="alert">{ sentences::failure(failure) }</p>
                    }
                </div>
                <button type="submit" class="button primary wide">{ t!("create-account") }</button>
            </form>
            <p class="gate-other">
                { t!("account-already") }{ " " }
                <Link to={Route::Home}>{ t!("sign-in") }</Link>
            </p>
        </Gate>
    }
}

/// Whom the server takes, once it has said so. It is asked again when the connection comes.
#[hook]
fn use_registration() -> Option<Registration> {
    let shown = use_shown();
    let registration = use_state_eq(|| None::<Registration>);
    let asked = {
        let registration = registration.clone();
        use_request(Callback::from(move |answer| {
            if let Answer::Registration(policy) = answer {
                registration.set(Some(policy));
            }
        }))
    };
    let is_online = shown.link.state == Connection::Online;
    let unknown = registration.is_none();
    use_effect_with(is_online, move |is_online| {
        if *is_online && unknown {
            asked.send(Action::ServerInfo);
        }
    });
    *registration
}
