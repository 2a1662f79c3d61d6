//! A link inside the page: a real one, so that it can be opened in another tab, but it does not load the page again.

use yew::prelude::*;

use crate::ui::context::use_place;
use crate::ui::route::Route;

/// Properties of [`Link`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Where to.
    pub to: Route,
    /// Classes.
    #[prop_or_default]
    pub class: Classes,
    /// Its name, where its content is none.
    #[prop_or_default]
    pub label: Option<AttrValue>,
    /// Whether it leads to where the person is.
    #[prop_or_default]
    pub current: bool,
    /// What is in it.
    pub children: Html,
}

/// A link to a route.
#[component]
pub fn Link(props: &Props) -> Html {
    let go = use_place().go;
    let to = props.to;
    let onclick = Callback::from(move |event: MouseEvent| {
        let elsewhere =
            event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key();
        if !elsewhere && event.button() == 0 {
            event.prevent_default();
            go.emit(to);
        }
    });
    html! {
        <a href={props.to.path()} class={props.class.clone()} {onclick} aria-label={props.label.clone()}
            aria-current={props.current.then_some("page")}>
            { props.children.clone() }
        </a>
    }
}
