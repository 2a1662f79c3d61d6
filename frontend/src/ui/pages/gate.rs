//! What stands before the conversations: a card with the product's name, around whatever is asked or explained.

use yew::prelude::*;

use crate::ui::browser::Lack;
use crate::ui::components::icon::{Glyph, Icon};
use crate::ui::context::Shown;
use crate::ui::text::t;

/// Properties of [`Gate`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Its heading.
    pub title: AttrValue,
    /// What is in it.
    pub children: Html,
}

/// A card in the middle.
#[component]
pub fn Gate(props: &Props) -> Html {
    html! {
        <main class="gate">
            <div class="gate-card">
                <p class="brand"><span class="brand-mark"><Glyph icon={Icon::Mark} /></span>{ t!("product") }</p>
                <h1>{ props.title.clone() }</h1>
                { props.children.clone() }
            </div>
            <p class="gate-foot">{ t!("promise") }</p>
        </main>
    }
}

/// What follows once one is signed in, if an invite link led here. Whose link it is, is said when that is certain.
pub fn invited(shown: &Shown) -> Html {
    html! {
        if shown.invite.is_some() {
            <p class="invited-line"><Glyph icon={Icon::Chain} />{ t!("link-waits") }</p>
        }
    }
}

/// The engine starts.
#[component]
pub fn Starting() -> Html {
    html! {
        <main class="gate">
            <p class="gate-wait"><span class="brand-mark"><Glyph icon={Icon::Mark} /></span>
                { t!("starting") }</p>
        </main>
    }
}

/// Properties of [`Unsupported`].
#[derive(Properties, PartialEq)]
pub struct UnsupportedProps {
    /// What the browser lacks, if the page found out.
    #[prop_or_default]
    pub lack: Option<Lack>,
    /// What the engine says.
    #[prop_or_default]
    pub why: AttrValue,
}

/// Why nothing works here, and what to do.
#[component]
pub fn Unsupported(props: &UnsupportedProps) -> Html {
    let (title, text) = match props.lack {
        Some(Lack::SecureContext) => (t!("insecure-title"), t!("insecure")),
        Some(Lack::Feature(name)) => (t!("unsupported-title"), t!("unsupported", feature = name)),
        None => (t!("engine-failed-title"), props.why.clone()),
    };
    html! {
        <Gate {title}>
            <p>{ text }</p>
            if props.lack == Some(Lack::SecureContext) {
                <p class="hint">{ t!("insecure-operator") }</p>
            }
            if props.lack.is_none() {
                <a class="button primary wide" href="/">{ t!("reload") }</a>
            }
        </Gate>
    }
}
