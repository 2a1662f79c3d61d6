//! What this browser is and has.

use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::WorkerGlobalScope;

use super::webcrypto;

/// What is missing here, as a sentence for the person; `None` where everything is there.
pub fn missing() -> Option<String> {
    let global = js_sys::global();
    let has = |object: &JsValue, name: &str| {
        Reflect::get(object, &name.into()).is_ok_and(|value| !value.is_undefined())
    };
    if Reflect::get(&global, &"isSecureContext".into()).is_ok_and(|secure| secure.is_falsy()) {
        return Some(
            "Browsers give pages their cryptography only over a secure connection. \
             Open this page by https, or on the server's own machine as localhost."
                .into(),
        );
    }
    let navigator = Reflect::get(&global, &"navigator".into()).unwrap_or_default();
    let what = if !webcrypto::is_available() {
        "WebCrypto"
    } else if !has(&global, "indexedDB") {
        "IndexedDB"
    } else if !has(&navigator, "locks") {
        "Web Locks"
    } else if !has(&global, "BroadcastChannel") {
        "BroadcastChannel"
    } else {
        return None;
    };
    Some(format!(
        "This browser lacks {what}. Update it, or use another one."
    ))
}

/// What the list of sessions calls this browser.
pub fn label() -> String {
    let agent = scope().navigator().user_agent().unwrap_or_default();
    label_of(&agent)
}

/// Address of the server's socket: where this script came from.
pub fn socket_url() -> String {
    let location = scope().location();
    let scheme = if location.protocol() == "https:" {
        "wss"
    } else {
        "ws"
    };
    format!("{scheme}://{}/ws", location.host())
}

fn scope() -> WorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// "Firefox on Linux", read off a `User-Agent`. Most name their ancestors too: the most particular one comes first.
fn label_of(agent: &str) -> String {
    const BROWSERS: [(&str, &str); 9] = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Vivaldi/", "Vivaldi"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 7] = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("CrOS", "ChromeOS"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |known: &[(&str, &'static str)]| {
        known
            .iter()
            .find(|(mark, _)| agent.contains(mark))
            .map(|(_, name)| *name)
    };
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.into(),
        (None, Some(system)) => format!("A browser on {system}"),
        (None, None) => "A browser".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_named() {
        for (agent, label) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/140.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
                "Safari on macOS",
            ),
            ("curl/8.0", "A browser"),
        ] {
            assert_eq!(label_of(agent), label);
        }
    }
}
