//! A field for a password that is still to be chosen.

use secure_chat_shared::client::password::{Strength, Weakness};
use yew::prelude::*;

use super::field::PasswordField;
use crate::ui::sentences;
use crate::ui::text::t;

/// Properties of [`NewPassword`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Unique in the page.
    pub id: AttrValue,
    /// Its name.
    pub label: AttrValue,
    /// What is in it.
    pub value: AttrValue,
    /// Typed.
    pub on_input: Callback<String>,
    /// What is thought of it.
    pub verdict: Result<Strength, Weakness>,
    /// Whether the form was sent, so that what is missing is said.
    pub tried: bool,
}

/// A password, and how strong it looks.
#[component]
pub fn NewPassword(props: &Props) -> Html {
    let is_empty = props.value.is_empty();
    let weakness = props
        .verdict
        .err()
        .filter(|weak| props.tried || !is_empty && *weak != Weakness::TooShort)
        .map(sentences::weakness);
    html! {
        <>
            <PasswordField id={props.id.clone()} label={props.label.clone()} value={props.value.clone()}
                on_input={props.on_input.clone()} autocomplete="new-password" hint={t!("password-hint")}
                error={weakness} />
            <Meter verdict={(!is_empty).then_some(props.verdict)} />
        </>
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
