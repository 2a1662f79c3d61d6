//! Whether somebody was signed in in this browser, kept apart from the data: where those are gone, the page can say so.

use secure_chat_shared::client::api::Session;

use super::browser;

/// Kept in this browser: the name of who is signed in.
const KEY: &str = "signed-in";

/// Who was signed in here and has not signed out.
pub fn name() -> Option<String> {
    browser::setting(KEY)
}

/// Nobody is from now on.
pub fn forget() {
    browser::keep_setting(KEY, None);
}

/// Takes a change of the session in; who was signed in and is nowhere to be found, if so it is.
pub fn follow(before: &Session, now: &Session) -> Option<String> {
    match (before, now) {
        (_, Session::SignedIn(me)) => browser::keep_setting(KEY, Some(&me.name)),
        (_, Session::SignedOut { ended: true })
        | (Session::SignedIn(_), Session::SignedOut { .. }) => forget(),
        (_, Session::SignedOut { .. }) => return name(),
        (_, Session::Starting | Session::Unsupported(_) | Session::Locked { .. }) => {}
    }
    None
}
