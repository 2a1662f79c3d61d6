//! A list of steps, ticked as they are done.

use secure_chat_shared::client::api::Step;
use yew::prelude::*;

use super::icon::{Glyph, Icon};
use crate::ui::text::t;

/// Properties of [`Progress`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// In their order.
    pub steps: Vec<(Step, AttrValue)>,
    /// The last one that is done.
    pub done: Option<Step>,
    /// A sentence below.
    pub hint: AttrValue,
}

/// What is being made, each line ticked as it is done.
#[component]
pub fn Progress(props: &Props) -> Html {
    let doing = props
        .steps
        .iter()
        .find(|(step, _)| props.done < Some(*step));
    let doing = doing.map(|(step, _)| *step);
    let line = |(step, text): &(Step, AttrValue)| {
        let done = props.done >= Some(*step);
        let doing = doing == Some(*step);
        let class = classes!("step", done.then_some("done"), doing.then_some("doing"));
        html! {
            <li {class} aria-current={doing.then_some("step")}>
                <span class="step-mark"><Glyph icon={Icon::Check} /></span>
                <span>{ text.clone() }</span>
                if done { <span class="sr-only">{ t!("step-done") }</span> }
            </li>
        }
    };
    html! {
        <>
            <ol class="steps" aria-live="polite">{ for props.steps.iter().map(line) }</ol>
            <p class="hint">{ props.hint.clone() }</p>
        </>
    }
}
