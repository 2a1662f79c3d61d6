//! The sign-in form that `index.html` shows before any of this code is there: what was typed in it is not lost.

use std::cell::RefCell;

use secure_chat_shared::client::api::Password;
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;

use super::browser;

/// What was typed, and where the keyboard was.
#[derive(Default)]
pub struct Typed {
    /// In the field for the name.
    pub name: String,
    /// In the field for the password; none where nothing was.
    pub password: Option<Password>,
    /// Selects the field that had the keyboard.
    pub focused: Option<&'static str>,
}

thread_local! {
    static TYPED: RefCell<Option<Typed>> = const { RefCell::new(None) };
}

/// Reads the form, before the page puts its own in its place.
pub fn take_over() {
    let typed = Typed {
        name: value("#name"),
        password: Some(value("#password"))
            .filter(|typed| !typed.is_empty())
            .map(Password),
        focused: ["#name:focus", "#password:focus"]
            .into_iter()
            .find(|field| input(field).is_some())
            .and_then(|field| field.strip_suffix(":focus")),
    };
    TYPED.set(Some(typed));
}

/// What was typed; once.
pub fn typed() -> Typed {
    TYPED.take().unwrap_or_default()
}

fn value(selector: &str) -> String {
    input(selector).map_or_else(String::new, |input| input.value())
}

fn input(selector: &str) -> Option<HtmlInputElement> {
    let found = browser::document()?.query_selector(selector).ok()??;
    found.dyn_into().ok()
}
