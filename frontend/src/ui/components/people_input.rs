//! Names of people: typed, separated by commas or Enter, or picked from those one knows.

use yew::prelude::*;

use super::field::typed;
use super::icon::{Glyph, Icon};
use crate::ui::text::t;

/// Most known people offered at a time.
const MAX_OFFERED: usize = 6;

/// Properties of [`PeopleInput`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Unique in the page.
    pub id: AttrValue,
    /// Names chosen so far.
    pub people: Vec<String>,
    /// The name being typed.
    pub typing: AttrValue,
    /// Both, as they change.
    pub on_change: Callback<(Vec<String>, String)>,
    /// Whom one knows from other conversations.
    #[prop_or_default]
    pub known: Vec<String>,
    /// What is wrong.
    #[prop_or_default]
    pub error: Option<AttrValue>,
}

/// Names of people.
#[component]
pub fn PeopleInput(props: &Props) -> Html {
    let on_input = {
        let (people, on_change) = (props.people.clone(), props.on_change.clone());
        Callback::from(move |text: String| on_change.emit(split(&people, &text)))
    };
    let onkeydown = {
        let (people, typing, on_change) = (
            props.people.clone(),
            props.typing.clone(),
            props.on_change.clone(),
        );
        Callback::from(move |event: KeyboardEvent| {
            let empty = typing.trim().is_empty();
            match event.key().as_str() {
                "Enter" if !empty && !event.is_composing() => {
                    event.prevent_default();
                    on_change.emit((all(&people, &typing), String::new()));
                }
                "Backspace" if typing.is_empty() && !people.is_empty() => {
                    let fewer = people.iter().take(people.len() - 1).cloned().collect();
                    on_change.emit((fewer, String::new()));
                }
                _ => {}
            }
        })
    };
    let chip = |name: &String| {
        let without: Vec<_> = props
            .people
            .iter()
            .filter(|other| *other != name)
            .cloned()
            .collect();
        let typing = props.typing.to_string();
        let onclick = props
            .on_change
            .reform(move |_: MouseEvent| (without.clone(), typing.clone()));
        let label = t!("take-out", name = name.as_str());
        html! {
            <li class="chip" key={name.clone()}>
                <span dir="auto">{ name.clone() }</span>
                <button type="button" {onclick} aria-label={label.clone()} title={label}>
                    <Glyph icon={Icon::Cross} />
                </button>
            </li>
        }
    };
    let offer = |name: &String| {
        let more = all(&props.people, name);
        let onclick = props
            .on_change
            .reform(move |_: MouseEvent| (more.clone(), String::new()));
        html! {
            <button type="button" class="chip offer" key={name.clone()} {onclick}>
                <Glyph icon={Icon::Plus} /><span dir="auto">{ name.clone() }</span>
            </button>
        }
    };
    let hint = format!("{}-hint", props.id);
    html! {
        <div class="field">
            <label for={props.id.clone()}>{ t!("people") }</label>
            if !props.people.is_empty() {
                <ul class="chips">{ for props.people.iter().map(chip) }</ul>
            }
            <input type="text" class="input" id={props.id.clone()} value={props.typing.clone()} dir="auto"
                oninput={typed(&on_input)} {onkeydown} autocomplete="off" autocapitalize="none"
                spellcheck="false" autofocus=true aria-describedby={hint.clone()}
                aria-invalid={props.error.is_some().then_some("true")} />
            if let Some(error) = &props.error {
                <p class="hint bad" id={hint} role="alert">{ error.clone() }</p>
            } else {
                <p class="hint" id={hint}>{ t!("people-hint") }</p>
            }
            <div class="chips">{ for offered(props).map(offer) }</div>
        </div>
    }
}

/// The names chosen, and the one that is still being typed.
pub fn all(people: &[String], typing: &str) -> Vec<String> {
    let mut all = people.to_vec();
    for name in typing
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        if !all.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            all.push(name.to_owned());
        }
    }
    all
}

/// What stands before the last comma is chosen; what follows it is still being typed.
fn split(people: &[String], text: &str) -> (Vec<String>, String) {
    match text.rsplit_once(',') {
        Some((done, typing)) => (all(people, done), typing.trim_start().to_owned()),
        None => (people.to_vec(), text.to_owned()),
    }
}

fn offered(props: &Props) -> impl Iterator<Item = &String> {
    let typing = props.typing.trim().to_lowercase();
    let fits = move |name: &&String| name.contains(&typing) && !props.people.contains(name);
    props.known.iter().filter(fits).take(MAX_OFFERED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_separated_by_commas() {
        let chosen = vec!["bob".to_owned()];
        assert_eq!(
            split(&chosen, "carol"),
            (chosen.clone(), "carol".to_owned())
        );
        let (people, typing) = split(&chosen, "carol, Bob,, dave, e");
        assert_eq!(
            (people.join(" ").as_str(), typing.as_str()),
            ("bob carol dave", "e")
        );
        assert_eq!(all(&chosen, " carol ").join(" "), "bob carol");
    }
}
