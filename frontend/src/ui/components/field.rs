//! Fields of forms.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::icon::{Glyph, Icon};
use crate::ui::text::t;

/// Properties of [`TextField`].
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
    /// For password managers.
    #[prop_or(AttrValue::Static("off"))]
    pub autocomplete: AttrValue,
    /// A sentence below it.
    #[prop_or_default]
    pub hint: Option<AttrValue>,
    /// What is wrong with it.
    #[prop_or_default]
    pub error: Option<AttrValue>,
    /// Whether the keyboard begins here.
    #[prop_or_default]
    pub autofocus: bool,
    /// Whether it is for a name, not for prose.
    #[prop_or_default]
    pub is_name: bool,
    /// Whether it is for a long code, all of which is to be seen at once.
    #[prop_or_default]
    pub is_code: bool,
}

/// One line of text with its label above.
#[component]
pub fn TextField(props: &Props) -> Html {
    let oninput = typed(&props.on_input);
    let is_plain = props.is_name || props.is_code;
    let off = is_plain.then_some("none");
    html! {
        <div class="field">
            <label for={props.id.clone()}>{ props.label.clone() }</label>
            <input type="text" class={classes!("input", props.is_code.then_some("mono code-input"))}
                id={props.id.clone()} value={props.value.clone()} {oninput} dir="auto"
                autocomplete={props.autocomplete.clone()} autocapitalize={off}
                spellcheck={is_plain.then_some("false")} autofocus={props.autofocus}
                aria-invalid={props.error.is_some().then_some("true")}
                aria-describedby={describes(&props.id, &props.hint, &props.error)} />
            { below(&props.id, &props.hint, &props.error) }
        </div>
    }
}

/// A password with its label above and a button that shows it.
#[component]
pub fn PasswordField(props: &Props) -> Html {
    let shown = use_state(|| false);
    let toggle = {
        let shown = shown.clone();
        Callback::from(move |_: MouseEvent| shown.set(!*shown))
    };
    // Without the word "password": the button is not the field.
    let (label, icon) = if *shown {
        (t!("hide-characters"), Icon::EyeOff)
    } else {
        (t!("show-characters"), Icon::Eye)
    };
    html! {
        <div class="field">
            <label for={props.id.clone()}>{ props.label.clone() }</label>
            <div class="input-wrap">
                <input type={if *shown { "text" } else { "password" }} class="input" id={props.id.clone()}
                    value={props.value.clone()} oninput={typed(&props.on_input)}
                    autocomplete={props.autocomplete.clone()} autocapitalize="none" spellcheck="false"
                    autofocus={props.autofocus} aria-invalid={props.error.is_some().then_some("true")}
                    aria-describedby={describes(&props.id, &props.hint, &props.error)} />
                <button type="button" class="button quiet square" onclick={toggle} title={label.clone()}
                    aria-label={label} aria-pressed={shown.to_string()}>
                    <Glyph {icon} />
                </button>
            </div>
            { below(&props.id, &props.hint, &props.error) }
        </div>
    }
}

/// A day, by the browser's own picker, with its label above. Its value is as in `2026-11-23`, or empty.
#[component]
pub fn DateField(props: &Props) -> Html {
    html! {
        <div class="field">
            <label for={props.id.clone()}>{ props.label.clone() }</label>
            <input type="date" class="input" id={props.id.clone()} value={props.value.clone()}
                oninput={typed(&props.on_input)} aria-invalid={props.error.is_some().then_some("true")}
                aria-describedby={describes(&props.id, &props.hint, &props.error)} />
            { below(&props.id, &props.hint, &props.error) }
        </div>
    }
}

/// Properties of [`Check`].
#[derive(Properties, PartialEq)]
pub struct CheckProps {
    /// Unique in the page.
    pub id: AttrValue,
    /// Its name.
    pub label: AttrValue,
    /// What it means.
    pub hint: AttrValue,
    /// Whether it is so.
    pub checked: bool,
    /// It is, or is no more.
    pub on_change: Callback<bool>,
}

/// A yes or no.
#[component]
pub fn Check(props: &CheckProps) -> Html {
    let hint = format!("{}-hint", props.id);
    let onchange = {
        let (on_change, to) = (props.on_change.clone(), !props.checked);
        Callback::from(move |_: Event| on_change.emit(to))
    };
    html! {
        <div class="choice">
            <input type="checkbox" id={props.id.clone()} checked={props.checked} {onchange}
                aria-describedby={hint.clone()} />
            <label for={props.id.clone()}>{ props.label.clone() }</label>
            <p class="hint" id={hint}>{ props.hint.clone() }</p>
        </div>
    }
}

/// Properties of [`Choices`].
#[derive(Properties, PartialEq)]
pub struct ChoicesProps {
    /// Name of the group, and of its inputs in the form.
    pub id: AttrValue,
    /// Its name.
    pub label: AttrValue,
    /// Each one's name and what it means.
    pub choices: Vec<Choice>,
    /// Which is chosen.
    pub chosen: usize,
    /// Another one is.
    pub on_choose: Callback<usize>,
}

/// One of several.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Its name.
    pub label: AttrValue,
    /// What it means, if that needs a word.
    pub hint: AttrValue,
}

/// A radio group.
#[component]
pub fn Choices(props: &ChoicesProps) -> Html {
    let choice = |(index, choice): (usize, &Choice)| {
        let id = format!("{}-{index}", props.id);
        let hint = format!("{id}-hint");
        let onchange = props.on_choose.reform(move |_: Event| index);
        html! {
            <div class="choice" key={index}>
                <input type="radio" id={id.clone()} name={props.id.clone()} checked={props.chosen == index}
                    {onchange} aria-describedby={(!choice.hint.is_empty()).then(|| hint.clone())} />
                <label for={id}>{ choice.label.clone() }</label>
                if !choice.hint.is_empty() {
                    <p class="hint" id={hint}>{ choice.hint.clone() }</p>
                }
            </div>
        }
    };
    html! {
        <fieldset class="choices" role="radiogroup" aria-labelledby={format!("{}-label", props.id)}>
            <legend id={format!("{}-label", props.id)}>{ props.label.clone() }</legend>
            { for props.choices.iter().enumerate().map(choice) }
        </fieldset>
    }
}

/// What was typed into an input.
pub fn typed(on_input: &Callback<String>) -> Callback<InputEvent> {
    let on_input = on_input.clone();
    Callback::from(move |event: InputEvent| {
        if let Some(input) = event.target_dyn_into::<HtmlInputElement>() {
            on_input.emit(input.value());
        }
    })
}

fn describes(
    id: &AttrValue,
    hint: &Option<AttrValue>,
    error: &Option<AttrValue>,
) -> Option<AttrValue> {
    (hint.is_some() || error.is_some()).then(|| format!("{id}-hint").into())
}

fn below(id: &AttrValue, hint: &Option<AttrValue>, error: &Option<AttrValue>) -> Html {
    let class = if error.is_some() { "hint bad" } else { "hint" };
    match error.as_ref().or(hint.as_ref()) {
        Some(text) => html! { <p {class} id={format!("{id}-hint")}>{ text.clone() }</p> },
        None => Html::default(),
    }
}
