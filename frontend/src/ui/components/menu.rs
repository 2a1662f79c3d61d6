//! A button that opens a menu.

use gloo_events::EventListener;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, Node};
use yew::prelude::*;

use super::icon::{Glyph, Icon};
use crate::ui::browser;

/// Properties of [`Menu`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Name of the button and of the menu.
    pub label: AttrValue,
    /// The button's tooltip; its name, if none is given.
    #[prop_or_default]
    pub title: Option<AttrValue>,
    /// The button's classes.
    pub class: Classes,
    /// A line above the items.
    #[prop_or_default]
    pub head: Option<AttrValue>,
    /// What can be picked.
    pub items: Vec<Item>,
    /// What is on the button.
    pub children: Html,
}

/// Something that can be picked.
#[derive(Clone, PartialEq)]
pub struct Item {
    /// Its picture.
    pub icon: Icon,
    /// Its name.
    pub label: AttrValue,
    /// Picked.
    pub on_pick: Callback<()>,
}

/// A button that opens a menu: the arrow keys go up and down in it, Escape closes it.
#[component]
pub fn Menu(props: &Props) -> Html {
    let open = use_state_eq(|| false);
    let node = use_node_ref();
    {
        let (node, open) = (node.clone(), open.clone());
        use_effect_with(*open, move |is_open| {
            let listener = is_open.then(|| {
                focus_item(&node, 0);
                close_on_click_elsewhere(node, open)
            });
            move || drop(listener)
        });
    }
    let toggle = {
        let open = open.clone();
        Callback::from(move |_: MouseEvent| open.set(!*open))
    };
    let onkeydown = {
        let (node, open) = (node.clone(), open.clone());
        Callback::from(move |event: KeyboardEvent| {
            if !*open {
                return;
            }
            match event.key().as_str() {
                "Escape" => {
                    // Only the menu: what is around it may close on Escape too.
                    event.stop_propagation();
                    open.set(false);
                    focus_button(&node);
                }
                "Tab" => open.set(false),
                "ArrowDown" => {
                    event.prevent_default();
                    focus_item(&node, 1);
                }
                "ArrowUp" => {
                    event.prevent_default();
                    focus_item(&node, -1);
                }
                _ => {}
            }
        })
    };
    let item = |item: &Item| {
        let (node, open, on_pick) = (node.clone(), open.clone(), item.on_pick.clone());
        let onclick = Callback::from(move |_: MouseEvent| {
            open.set(false);
            // A dialog that opens now gives the keyboard back to where it was.
            focus_button(&node);
            on_pick.emit(());
        });
        html! {
            <button type="button" role="menuitem" tabindex="-1" {onclick}>
                <Glyph icon={item.icon} /><span dir="auto">{ item.label.clone() }</span>
            </button>
        }
    };
    html! {
        <div class="menu-place" ref={node.clone()} {onkeydown}>
            <button type="button" class={props.class.clone()} aria-label={props.label.clone()}
                title={props.title.clone().unwrap_or_else(|| props.label.clone())} aria-haspopup="menu"
                aria-expanded={open.to_string()} onclick={toggle}>
                { props.children.clone() }
            </button>
            if *open {
                <div class="menu">
                    if let Some(head) = &props.head {
                        <p class="menu-head" dir="auto">{ head.clone() }</p>
                    }
                    <div role="menu" aria-label={props.label.clone()}>{ for props.items.iter().map(item) }</div>
                </div>
            }
        </div>
    }
}

fn focus_button(node: &NodeRef) {
    let button = node
        .cast::<Element>()
        .and_then(|menu| menu.query_selector("button").ok().flatten());
    if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
        let _ = button.focus();
    }
}

/// Moves the keyboard within the menu, around its ends; 0 goes to the first item.
fn focus_item(node: &NodeRef, step: i32) {
    let Some(items) = node
        .cast::<Element>()
        .and_then(|menu| menu.query_selector_all("[role=menuitem]").ok())
    else {
        return;
    };
    let items: Vec<HtmlElement> = (0..items.length())
        .filter_map(|i| items.get(i)?.dyn_into().ok())
        .collect();
    let focused = browser::document().and_then(|document| document.active_element());
    let here = items
        .iter()
        .position(|item| Some(item.as_ref()) == focused.as_ref());
    let count = i32::try_from(items.len()).unwrap_or(1).max(1);
    let from = here.and_then(|here| i32::try_from(here).ok()).unwrap_or(0);
    let to = if step == 0 {
        0
    } else {
        (from + step).rem_euclid(count)
    };
    if let Some(item) = usize::try_from(to).ok().and_then(|to| items.get(to)) {
        let _ = item.focus();
    }
}

fn close_on_click_elsewhere(node: NodeRef, open: UseStateHandle<bool>) -> Option<EventListener> {
    let document = browser::document()?;
    Some(EventListener::new(&document, "pointerdown", move |event| {
        let target = event
            .target()
            .and_then(|target| target.dyn_into::<Node>().ok());
        let inside = node
            .cast::<Node>()
            .is_some_and(|menu| menu.contains(target.as_ref()));
        if !inside {
            open.set(false);
        }
    }))
}
