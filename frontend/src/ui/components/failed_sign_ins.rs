//! Somebody has tried passwords.

use secure_chat_shared::client::api::Action;
use secure_chat_shared::ids::Timestamp;
use yew::prelude::*;

use super::icon::{Glyph, Icon};
use crate::ui::context::{use_minute, use_tools};
use crate::ui::format;
use crate::ui::text::t;

/// So many are no typing errors of one's own.
pub const MANY: u32 = 3;

/// Properties of [`FailedSignIns`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// How often.
    pub count: u32,
    /// When last.
    pub last: Timestamp,
}

/// How often and when, until the person has seen it.
#[component]
pub fn FailedSignIns(props: &Props) -> Html {
    use_minute();
    let tools = use_tools();
    let seen = Callback::from(move |_: MouseEvent| tools.act(Action::AcknowledgeFailed));
    html! {
        <div class="banner across" role="alert">
            <Glyph icon={Icon::Warning} />
            <div>
                <p>{ t!("failed-sign-ins", count = props.count, ago = format::ago(props.last).as_str()) }</p>
                <p class="hint">{ t!("failed-sign-ins-hint") }</p>
                <button type="button" class="button small" onclick={seen}>{ t!("failed-sign-ins-seen") }</button>
            </div>
        </div>
    }
}
