//! Passing notes, in a corner.

use gloo_timers::callback::Timeout;
use yew::prelude::*;

use super::icon::{Glyph, Icon};
use crate::ui::context::use_tools;
use crate::ui::sentences;
use crate::ui::state::{Change, Note, Tone};
use crate::ui::text::t;

/// Properties of [`Notes`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Oldest first.
    pub notes: Vec<Note>,
}

/// All passing notes. The box is always there, so that a screen reader hears of new ones.
#[component]
pub fn Notes(props: &Props) -> Html {
    let note = |note: &Note| html! { <NoteView key={note.id} note={note.clone()} /> };
    html! {
        <div class="notes" aria-live="polite">{ for props.notes.iter().map(note) }</div>
    }
}

#[derive(Properties, PartialEq)]
struct NoteProps {
    note: Note,
}

#[component]
fn NoteView(props: &NoteProps) -> Html {
    let tools = use_tools();
    let id = props.note.id;
    let tone = props.note.said.tone();
    {
        let tools = tools.clone();
        use_effect_with(id, move |id| {
            let id = *id;
            let after = match tone {
                Tone::Plain => Some(7_000),
                Tone::Bad => Some(15_000),
                Tone::Urgent => None,
            };
            let dismiss = move || tools.change(Change::Dismiss(id));
            let timer = after.map(|after| Timeout::new(after, dismiss));
            move || drop(timer)
        });
    }
    let (class, icon) = match tone {
        Tone::Plain => ("note", Icon::Bell),
        Tone::Bad | Tone::Urgent => ("note bad", Icon::Warning),
    };
    let onclick = Callback::from(move |_: MouseEvent| tools.change(Change::Dismiss(id)));
    html! {
        <div {class}>
            <Glyph {icon} />
            <p dir="auto">{ sentences::said(&props.note.said) }</p>
            <button type="button" class="button quiet square" aria-label={t!("close")} title={t!("close")}
                {onclick}>
                <Glyph icon={Icon::Cross} />
            </button>
        </div>
    }
}
