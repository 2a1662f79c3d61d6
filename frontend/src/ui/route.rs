//! A route for every screen, so that Back works and an address can be kept.

use gloo_history::{BrowserHistory, History, HistoryListener};
use secure_chat_shared::ids::ConversationId;
use yew::prelude::*;

/// Where the person is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Sign in, or the list of conversations.
    Home,
    /// Create an account.
    Register,
    /// Come back without the password.
    Recover,
    /// One conversation.
    Conversation(ConversationId),
    /// Settings.
    Settings,
}

impl Route {
    /// Reads an address's path. What is unknown leads home.
    pub fn parse(path: &str) -> Self {
        let mut parts = path.trim_matches('/').split('/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("register"), None, None) => Self::Register,
            (Some("recover"), None, None) => Self::Recover,
            (Some("settings"), None, None) => Self::Settings,
            (Some("c"), Some(id), None) => {
                ConversationId::from_hex(id).map_or(Self::Home, Self::Conversation)
            }
            _ => Self::Home,
        }
    }

    /// The address's path.
    pub fn path(&self) -> String {
        match self {
            Self::Home => "/".to_owned(),
            Self::Register => "/register".to_owned(),
            Self::Recover => "/recover".to_owned(),
            Self::Conversation(id) => format!("/c/{id}"),
            Self::Settings => "/settings".to_owned(),
        }
    }
}

/// The present route, and how to go elsewhere.
#[derive(Clone, PartialEq)]
pub struct Router {
    /// Where the person is.
    pub route: Route,
    /// Goes to another place; Back leads here again.
    pub go: Callback<Route>,
    /// Goes to another place that takes this one's place.
    pub replace: Callback<Route>,
}

/// Follows the address of the page.
#[hook]
pub fn use_router() -> Router {
    let history = use_memo((), |()| BrowserHistory::new());
    let route = use_state(|| here(&history));
    {
        let (history, route) = (history.clone(), route.setter());
        use_effect_with((), move |()| {
            let listened = (*history).clone();
            let listener: HistoryListener = history.listen(move || route.set(here(&listened)));
            move || drop(listener)
        });
    }
    let go = use_callback(history.clone(), |to: Route, history| {
        if here(history) != to {
            history.push(to.path());
        }
    });
    let replace = use_callback(history, |to: Route, history| {
        if here(history) != to {
            history.replace(to.path());
        }
    });
    Router {
        route: *route,
        go,
        replace,
    }
}

fn here(history: &BrowserHistory) -> Route {
    Route::parse(history.location().path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_has_its_address() {
        let conversation = Route::Conversation(ConversationId([0xc4; 32]));
        for route in [
            Route::Home,
            Route::Register,
            Route::Recover,
            conversation,
            Route::Settings,
        ] {
            assert_eq!(Route::parse(&route.path()), route);
        }
    }

    #[test]
    fn what_is_unknown_leads_home() {
        for path in ["", "/c", "/c/xyz", "/settings/more", "/elsewhere", "//"] {
            assert_eq!(Route::parse(path), Route::Home, "{path}");
        }
    }
}
