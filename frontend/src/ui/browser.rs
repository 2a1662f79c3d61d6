//! The few things that the page asks of the browser itself.

use js_sys::{Array, Reflect, Uint8Array};
use secure_chat_shared::ids::MessageId;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{
    Blob, BlobPropertyBag, Document, HtmlAnchorElement, HtmlElement, HtmlLinkElement, Notification,
    NotificationOptions, NotificationPermission, Storage, Url, VisibilityState, Window,
};
use yew::Callback;

/// Why the engine cannot run in this browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// Plain http on another host: the browser withholds cryptography.
    SecureContext,
    /// A feature that the browser is too old for, or has switched off.
    Feature(&'static str),
}

/// What the page needs and this browser lacks.
pub fn lack() -> Option<Lack> {
    let window = window()?;
    if !window.is_secure_context() {
        return Some(Lack::SecureContext);
    }
    let has = |object: &JsValue, name: &str| {
        Reflect::get(object, &name.into())
            .is_ok_and(|value| !value.is_undefined() && !value.is_null())
    };
    let crypto = Reflect::get(&window, &"crypto".into()).unwrap_or(JsValue::UNDEFINED);
    let navigator = window.navigator();
    [
        (has(&crypto, "subtle"), "Web Cryptography"),
        (has(&window, "indexedDB"), "IndexedDB"),
        (has(&window, "Worker"), "Web Workers"),
        (has(&window, "WebSocket"), "WebSocket"),
        (has(&navigator, "locks"), "Web Locks"),
    ]
    .into_iter()
    .find_map(|(has, name)| (!has).then_some(Lack::Feature(name)))
}

/// The window.
pub fn window() -> Option<Window> {
    web_sys::window()
}

/// The document.
pub fn document() -> Option<Document> {
    window()?.document()
}

/// Whether the person can see the page.
pub fn is_visible() -> bool {
    document().is_none_or(|document| document.visibility_state() == VisibilityState::Visible)
}

/// Whether the browser believes that it has a network.
pub fn has_network() -> bool {
    window().is_none_or(|window| window.navigator().on_line())
}

/// Now, in milliseconds since 1970.
pub fn now_ms() -> f64 {
    js_sys::Date::now()
}

/// A new message's id. `None` where the browser has no randomness, which [`lack`] rules out.
pub fn make_message_id() -> Option<MessageId> {
    let mut id = [0; MessageId::LEN];
    getrandom::fill(&mut id).ok()?;
    Some(MessageId(id))
}

/// Shows the number of unread in title and favicon.
pub fn show_unread(title: &str, unread: bool) {
    let Some(document) = document() else { return };
    document.set_title(title);
    let icon = document.query_selector("link[rel=icon]").ok().flatten();
    if let Some(icon) = icon.and_then(|icon| icon.dyn_into::<HtmlLinkElement>().ok()) {
        icon.set_href(if unread {
            "/favicon-unread.svg"
        } else {
            "/favicon.svg"
        });
    }
}

/// A setting of this browser.
pub fn setting(key: &str) -> Option<String> {
    kept(for_all_tabs(), key)
}

/// Keeps a setting of this browser, or forgets it.
pub fn keep_setting(key: &str, value: Option<&str>) {
    keep(for_all_tabs(), key, value);
}

/// A setting of this tab.
pub fn tab_setting(key: &str) -> Option<String> {
    kept(for_this_tab(), key)
}

/// Keeps a setting of this tab, or forgets it.
pub fn keep_tab_setting(key: &str, value: Option<&str>) {
    keep(for_this_tab(), key, value);
}

fn for_all_tabs() -> Option<Storage> {
    window()?.local_storage().ok().flatten()
}

fn for_this_tab() -> Option<Storage> {
    window()?.session_storage().ok().flatten()
}

fn kept(storage: Option<Storage>, key: &str) -> Option<String> {
    storage?.get_item(key).ok().flatten()
}

/// A browser that keeps nothing is no mistake of the person's.
fn keep(storage: Option<Storage>, key: &str, value: Option<&str>) {
    let Some(storage) = storage else { return };
    let _ = match value {
        Some(value) => storage.set_item(key, value),
        None => storage.remove_item(key),
    };
}

/// Light, dark, or as the system has it.
pub fn set_theme(theme: Option<&str>) {
    let Some(root) = document().and_then(|document| document.document_element()) else {
        return;
    };
    let _ = match theme {
        Some(theme) => root.set_attribute("data-theme", theme),
        None => root.remove_attribute("data-theme"),
    };
}

/// Puts a text into the clipboard and tells whether that went well.
pub fn copy(text: &str, done: Callback<bool>) {
    let Some(window) = window() else { return };
    let promise = window.navigator().clipboard().write_text(text);
    let copied = done.clone();
    wasm_bindgen_futures::spawn_local(async move {
        copied.emit(wasm_bindgen_futures::JsFuture::from(promise).await.is_ok());
    });
}

/// Hands a text to the person as a file.
pub fn download(name: &str, text: &str) {
    // Each step fails only where the browser has none of it; there is then nothing to hand out.
    let _ = try_download(name, &text.into(), "text/plain");
}

/// Hands bytes to the person as a file.
pub fn download_bytes(name: &str, bytes: &[u8], media_type: &str) {
    let _ = try_download(name, &Uint8Array::from(bytes), media_type);
}

fn try_download(name: &str, content: &JsValue, media_type: &str) -> Result<(), JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(media_type);
    let parts = Array::of1(content);
    let blob = Blob::new_with_blob_sequence_and_options(&parts, &options)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let document = document().ok_or(JsValue::UNDEFINED)?;
    let link: HtmlAnchorElement = document.create_element("a")?.dyn_into()?;
    link.set_href(&url);
    link.set_download(name);
    link.click();
    Url::revoke_object_url(&url)
}

/// Prints the page; the style sheet says what of it.
pub fn print() {
    if let Some(window) = window() {
        let _ = window.print();
    }
}

/// What the browser says about the data of this page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kept {
    /// It has promised not to take them away when the disk runs short.
    pub promised: bool,
    /// How much there is, in bytes, if it says.
    pub size: Option<f64>,
}

/// Asks whether the browser has promised to keep what is stored, and how much that is.
pub fn ask_what_is_kept(told: Callback<Kept>) {
    let Some(storage) = window().map(|window| window.navigator().storage()) else {
        return;
    };
    wasm_bindgen_futures::spawn_local(async move {
        let promised = settle(storage.persisted()).await;
        let estimate = settle(storage.estimate()).await;
        let size = Reflect::get(&estimate, &"usage".into()).ok();
        told.emit(Kept {
            promised: promised.is_truthy(),
            size: size.and_then(|size| size.as_f64()),
        });
    });
}

/// Asks the browser to promise it, and tells what came of that.
pub fn ask_to_keep(told: Callback<Kept>) {
    let Some(storage) = window().map(|window| window.navigator().storage()) else {
        return;
    };
    wasm_bindgen_futures::spawn_local(async move {
        settle(storage.persist()).await;
        ask_what_is_kept(told);
    });
}

/// What a promise brings; a refusal is no answer.
async fn settle(promise: Result<js_sys::Promise, JsValue>) -> JsValue {
    match promise {
        Ok(promise) => wasm_bindgen_futures::JsFuture::from(promise)
            .await
            .unwrap_or_default(),
        Err(_) => JsValue::UNDEFINED,
    }
}

/// Whether system notifications could be asked for.
pub fn can_ask_to_notify() -> bool {
    has_notifications() && Notification::permission() == NotificationPermission::Default
}

/// Whether system notifications are allowed.
pub fn may_notify() -> bool {
    has_notifications() && Notification::permission() == NotificationPermission::Granted
}

/// Whether the person or the browser has forbidden system notifications.
pub fn notify_denied() -> bool {
    has_notifications() && Notification::permission() == NotificationPermission::Denied
}

/// Asks for system notifications; only ever from a click.
pub fn ask_to_notify(answered: Callback<()>) {
    let Ok(promise) = Notification::request_permission() else {
        return;
    };
    wasm_bindgen_futures::spawn_local(async move {
        // A refusal is an answer too.
        let _ = wasm_bindgen_futures::JsFuture::from(promise).await;
        answered.emit(());
    });
}

/// Shows a system notification; a click on it brings the page to the front and calls `clicked`. One with the same
/// `tag` takes the place of the one before.
pub fn notify(title: &str, body: &str, tag: &str, clicked: Callback<()>) {
    let options = NotificationOptions::new();
    options.set_body(body);
    options.set_tag(tag);
    options.set_icon("/favicon.svg");
    let Ok(notification) = Notification::new_with_options(title, &options) else {
        return;
    };
    let shown = notification.clone();
    let on_click = Closure::once_into_js(move || {
        if let Some(window) = window() {
            let _ = window.focus();
        }
        shown.close();
        clicked.emit(());
    });
    notification.set_onclick(Some(on_click.unchecked_ref()));
}

fn has_notifications() -> bool {
    window().is_some_and(|window| Reflect::has(&window, &"Notification".into()).unwrap_or(false))
}

/// Moves the keyboard to an element, if it is there.
pub fn focus(selector: &str) {
    let found = document().and_then(|document| document.query_selector(selector).ok().flatten());
    if let Some(element) = found.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        let _ = element.focus();
    }
}
