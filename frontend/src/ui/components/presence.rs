//! Presence as a dot and as words.

use secure_chat_shared::client::api::PresenceStatus;
use yew::prelude::*;

use crate::ui::format;

/// A dot in the corner of a picture; the words beside it say the same.
pub fn dot(status: Option<PresenceStatus>) -> Html {
    let class = match status {
        Some(PresenceStatus::Online) => "online",
        Some(PresenceStatus::Away) => "away",
        Some(PresenceStatus::Offline(_)) | None => "offline",
    };
    html! { <span class={classes!("dot", class)}></span> }
}

/// "online", "away", "last seen 5 minutes ago".
pub fn words(status: Option<PresenceStatus>) -> AttrValue {
    format::presence(status)
}

/// Whether somebody is not connected.
pub fn is_offline(status: Option<PresenceStatus>) -> bool {
    matches!(status, Some(PresenceStatus::Offline(_)))
}
