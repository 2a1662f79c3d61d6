//! An invite link on its way: out of the address, where it would be seen and copied along, through signing in or
//! creating an account, to the engine.

use std::rc::Rc;

use gloo_events::EventListener;
use wasm_bindgen::JsValue;
use yew::prelude::*;

use super::browser;
use super::state::{Change, State};

/// What marks a link's fragment.
const MARK: &str = "invite=";
/// Kept in this tab: a link that was not answered yet.
const KEY: &str = "invite";

/// The link to hand out, of what the engine made.
pub fn link(fragment: &str) -> String {
    let origin = browser::window().and_then(|window| window.location().origin().ok());
    format!("{}/#{MARK}{fragment}", origin.unwrap_or_default())
}

/// Takes the links up that this page is opened with, now and later.
#[hook]
pub fn use_invites(dispatch: UseReducerDispatcher<State>) {
    use_effect_with((), move |()| {
        let take_up = move || {
            if let Some(fragment) = taken() {
                dispatch.dispatch(Change::Invited(fragment));
            }
        };
        take_up();
        let window = browser::window();
        let listener =
            window.map(|window| EventListener::new(&window, "hashchange", move |_| take_up()));
        move || drop(listener)
    });
}

/// The link was answered.
pub fn forget() {
    browser::keep_tab_setting(KEY, None);
}

/// The newest link that waits: from the address, which is without it afterwards, or from before a reload.
fn taken() -> Option<Rc<str>> {
    let window = browser::window()?;
    let location = window.location();
    let hash = location.hash().unwrap_or_default();
    if let Some(fragment) = fragment(&hash) {
        // A browser that keeps nothing loses it at a reload, no more.
        browser::keep_tab_setting(KEY, Some(fragment));
        let path = location.pathname().unwrap_or_else(|_| "/".into());
        let history = window.history();
        let _ = history
            .and_then(|history| history.replace_state_with_url(&JsValue::NULL, "", Some(&path)));
        return Some(fragment.into());
    }
    browser::tab_setting(KEY).map(Rc::from)
}

/// What an address's part from `#` on says, if it is an invite link's.
fn fragment(hash: &str) -> Option<&str> {
    let fragment = hash.strip_prefix('#')?.strip_prefix(MARK)?;
    (!fragment.is_empty()).then_some(fragment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_invite_links_fragment_is_taken() {
        assert_eq!(fragment("#invite=AbC-_9"), Some("AbC-_9"));
        for other in [
            "",
            "#",
            "#invite",
            "#invite=",
            "invite=AbC",
            "#top",
            "#x=invite=y",
        ] {
            assert_eq!(fragment(other), None, "{other}");
        }
    }
}
