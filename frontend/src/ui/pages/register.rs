//! Creating an account.

use secure_chat_shared::client::api::{Action, Algorithm, Password, Step};
use secure_chat_shared::client::password::{Strength, Weakness, judge};
use secure_chat_shared::ids::UserName;
use yew::prelude::*;

use super::gate::{Gate, invited};
use crate::ui::components::field::{Choices, PasswordField, TextField};
use crate::ui::components::icon::{Glyph, Icon};
use crate::ui::components::identity_card::{ALGORITHMS, algorithm_choices};
use crate::ui::components::link::Link;
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
    let algorithm = use_state(|| 0_usize);
    let tried = use_state(|| false);
    let request = use_request(Callback::noop());
    let verdict = judge(&password, &name);
    let name_error = UserName::normalise(&name).err();
    let onsubmit = {
        let (name, password, algorithm) = (name.clone(), password.clone(), *algorithm);
        let (request, tried) = (request.clone(), tried.clone());
        let good = verdict.is_ok() && name_error.is_none();
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
                code: None,
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
    let weakness = verdict
        .err()
        .filter(|weak| *tried || *weak != Weakness::TooShort);
    let weakness = weakness
        .filter(|_| *tried || !password.is_empty())
        .map(sentences::weakness);
    if request.busy {
        return html! {
            <Gate title={t!("creating")}>
                <Progress done={shown.progress} />
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
                <PasswordField id="password" label={t!("password")} value={(*password).clone()}
                    on_input={set(&password)} autocomplete="new-password" hint={t!("password-hint")}
                    error={weakness} />
                <Meter verdict={(!password.is_empty()).then_some(verdict)} />
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

#[derive(Properties, PartialEq)]
struct MeterProps {
    verdict: Option<Result<Strength, Weakness>>,
}

/// How strong the password looks.
#[component]
fn Meter(props: &MeterProps) -> Html {
    let (level, word) = match props.verdict {
        None => (0, AttrValue::default()),
        Some(Err(_)) => (1, t!("strength-weak")),
        Some(Ok(Strength::Fair)) => (2, t!("strength-fair")),
        Some(Ok(Strength::Good)) => (3, t!("strength-good")),
        Some(Ok(Strength::Strong)) => (4, t!("strength-strong")),
    };
    html! {
        <div class={classes!("strength", format!("level-{level}"))} role="meter" aria-label={t!("strength")}
            aria-valuemin="0" aria-valuemax="4" aria-valuenow={level.to_string()} aria-valuetext={word.clone()}>
            <span class="strength-bar" aria-hidden="true"><i></i><i></i><i></i><i></i></span>
            <span class="strength-word" aria-hidden="true">{ word }</span>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct ProgressProps {
    done: Option<Step>,
}

/// What is being made, each line ticked as it is done.
#[component]
fn Progress(props: &ProgressProps) -> Html {
    let steps = [
        (Step::Password, t!("step-password")),
        (Step::EncryptionKey, t!("step-encryption-key")),
        (Step::SigningKeys, t!("step-signing-keys")),
        (Step::Sealed, t!("step-sealed")),
        (Step::Registered, t!("step-registered")),
    ];
    let line = |(index, (step, text)): (usize, (Step, AttrValue))| {
        let done = props.done >= Some(step);
        let doing = !done && props.done.map_or(0, |last| last as usize + 1) == index;
        let class = classes!("step", done.then_some("done"), doing.then_some("doing"));
        html! {
            <li {class} aria-current={doing.then_some("step")}>
                <span class="step-mark"><Glyph icon={Icon::Check} /></span>
                <span>{ text }</span>
                if done { <span class="sr-only">{ t!("step-done") }</span> }
            </li>
        }
    };
    html! {
        <>
            <ol class="steps" aria-live="polite">{ for steps.into_iter().enumerate().map(line) }</ol>
            <p class="hint">{ t!("creating-hint") }</p>
        </>
    }
}
