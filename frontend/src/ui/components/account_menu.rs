//! The account's menu.

use gloo_events::EventListener;
use secure_chat_shared::client::api::{Action, Me};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, Node};
use yew::prelude::*;

use super::avatar::{Avatar, seed};
use super::dialog::Confirm;
use super::icon::{Glyph, Icon};
use crate::ui::browser;
use crate::ui::context::{use_place, use_tools};
use crate::ui::route::Route;
use crate::ui::text::t;

/// Properties of [`AccountMenu`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Whose.
    pub me: Me,
}

/// A button that opens the menu.
#[component]
pub fn AccountMenu(props: &Props) -> Html {
    let tools = use_tools();
    let go = use_place().go;
    let open = use_state_eq(|| false);
    let asking = use_state_eq(|| false);
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
        Callback::from(move |event: KeyboardEvent| match event.key().as_str() {
            "Escape" if *open => {
                open.set(false);
                browser::focus(".account-button");
            }
            "ArrowDown" if *open => {
                event.prevent_default();
                focus_item(&node, 1);
            }
            "ArrowUp" if *open => {
                event.prevent_default();
                focus_item(&node, -1);
            }
            _ => {}
        })
    };
    let settings = {
        let open = open.clone();
        Callback::from(move |_: MouseEvent| {
            open.set(false);
            go.emit(Route::Settings);
        })
    };
    let ask = {
        let (open, asking) = (open.clone(), asking.clone());
        Callback::from(move |_: MouseEvent| {
            open.set(false);
            asking.set(true);
        })
    };
    let keep = {
        let asking = asking.clone();
        Callback::from(move |()| asking.set(false))
    };
    let sign_out = {
        let asking = asking.clone();
        Callback::from(move |()| {
            asking.set(false);
            tools.act(Action::SignOut);
            tools.go.emit(Route::Home);
        })
    };
    html! {
        <div class="account" ref={node} {onkeydown}>
            <button type="button" class="account-button" aria-label={t!("account")} title={props.me.name.clone()}
                aria-haspopup="menu" aria-expanded={open.to_string()} onclick={toggle}>
                <Avatar name={props.me.name.clone()} seed={seed(props.me.user.as_bytes())} small=true />
            </button>
            if *open {
                <div class="menu">
                    <p class="menu-head" dir="auto">{ props.me.name.clone() }</p>
                    <div role="menu" aria-label={t!("account")}>
                        <button type="button" role="menuitem" tabindex="-1" onclick={settings}>
                            <Glyph icon={Icon::Gear} />{ t!("settings") }
                        </button>
                        <button type="button" role="menuitem" tabindex="-1" onclick={ask}>
                            <Glyph icon={Icon::Leave} />{ t!("sign-out") }
                        </button>
                    </div>
                </div>
            }
            if *asking {
                <Confirm title={t!("sign-out-question")} text={t!("sign-out-hint")} confirm={t!("sign-out")}
                    on_confirm={sign_out} on_close={keep} />
            }
        </div>
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
