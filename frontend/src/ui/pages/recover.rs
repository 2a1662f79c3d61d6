//! The way back without the password: by the recovery code.

use secure_chat_shared::client::api::{Action, Password, Session, Step, TypedCode};
use secure_chat_shared::client::password::judge;
use secure_chat_shared::crypto::recovery::RecoveryCode;
use yew::prelude::*;

use super::gate::Gate;
use crate::ui::components::field::TextField;
use crate::ui::components::link::Link;
use crate::ui::components::new_password::NewPassword;
use crate::ui::components::progress::Progress;
use crate::ui::context::{use_request, use_shown, use_tools};
use crate::ui::route::Route;
use crate::ui::sentences;
use crate::ui::state::{Change, State};
use crate::ui::text::t;

/// Name, code, and a new password.
#[component]
pub fn Recover() -> Html {
    let tools = use_tools();
    let shown = use_shown();
    let name = use_state(|| locked_name(&shown));
    let code = use_state(String::new);
    let password = use_state(String::new);
    let tried = use_state(|| false);
    let request = use_request(Callback::noop());
    let verdict = judge(&password, &name);
    let code_error = RecoveryCode::parse(&code).err();
    let onsubmit = {
        let (name, code, password) = (name.clone(), code.clone(), password.clone());
        let (request, tried) = (request.clone(), tried.clone());
        let good = verdict.is_ok() && code_error.is_none() && !name.trim().is_empty();
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            tried.set(true);
            if !good || request.busy {
                return;
            }
            tools.change(Change::Begin);
            request.send(Action::Recover {
                name: name.trim().to_owned(),
                code: TypedCode((*code).clone()),
                password: Password((*password).clone()),
            });
        })
    };
    let set = |field: &UseStateHandle<String>| {
        let field = field.clone();
        Callback::from(move |text| field.set(text))
    };
    let name_error = (*tried && name.trim().is_empty()).then(|| t!("user-name-missing"));
    let code_error = code_error.filter(|_| *tried).map(sentences::code_error);
    if request.busy {
        let steps = vec![
            (Step::Password, t!("step-code")),
            (Step::Sealed, t!("step-resealed")),
            (Step::Registered, t!("step-replaced")),
        ];
        return html! {
            <Gate title={t!("recovering")}>
                <Progress {steps} done={shown.progress} hint={t!("recovering-hint")} />
            </Gate>
        };
    }
    html! {
        <Gate title={t!("recover")}>
            <p class="gate-lead">{ t!("recover-hint") }</p>
            <form class="form" {onsubmit} novalidate=true>
                <TextField id="name" label={t!("user-name")} value={(*name).clone()} on_input={set(&name)}
                    autocomplete="username" autofocus={name.is_empty()} is_name=true error={name_error} />
                <TextField id="code" label={t!("recovery-code")} value={(*code).clone()} on_input={set(&code)}
                    autofocus={!name.is_empty()} is_code=true hint={t!("recovery-code-hint")} error={code_error} />
                <NewPassword id="password" label={t!("new-password")} value={(*password).clone()}
                    on_input={set(&password)} {verdict} tried={*tried} />
                <div class="alert-place" role="alert">
                    if let Some(failure) = &request.failure {
                        <p class="alert">{ sentences::failure(failure) }</p>
                    }
                </div>
                <button type="submit" class="button primary wide">{ t!("recover-confirm") }</button>
            </form>
            <details class="more">
                <summary>{ t!("neither") }</summary>
                <p>{ t!("neither-why") }</p>
                <p>{ t!("neither-then") }</p>
                <p><Link to={Route::Register}>{ t!("create-account") }</Link></p>
            </details>
            <p class="gate-other"><Link to={Route::Home}>{ t!("recover-back") }</Link></p>
        </Gate>
    }
}

fn locked_name(shown: &State) -> String {
    match &shown.session {
        Session::Locked { name } => name.clone(),
        _ => String::new(),
    }
}
