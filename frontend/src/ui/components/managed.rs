//! The mark of conversations whose keys the server makes.

use yew::prelude::*;

use super::icon::{Glyph, Icon};
use crate::ui::text::t;

/// Says that the server's operator could read it: shortly where there is little room, but always in words for who
/// listens.
#[component]
pub fn ManagedMark() -> Html {
    html! {
        <span class="mark managed" title={t!("managed-hint")}>
            <Glyph icon={Icon::Server} />
            <span class="short" aria-hidden="true">{ t!("managed") }</span>
            <span class="long">{ t!("managed-hint") }</span>
        </span>
    }
}
