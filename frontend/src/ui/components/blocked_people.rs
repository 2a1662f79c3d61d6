//! Whom the person has blocked.

use secure_chat_shared::client::api::Action;
use secure_chat_shared::ids::UserId;
use yew::prelude::*;

use super::avatar::{Avatar, seed};
use crate::ui::context::{use_shown, use_tools};
use crate::ui::text::t;

/// The list, with a way back for each; nothing while there is nobody in it.
#[component]
pub fn BlockedPeople() -> Html {
    let tools = use_tools();
    let shown = use_shown();
    let row = |(user, name): (&UserId, &String)| {
        let (tools, user) = (tools.clone(), *user);
        let onclick = Callback::from(move |_: MouseEvent| {
            let blocked = false;
            tools.act(Action::Block { user, blocked });
        });
        html! {
            <li class="session" key={user.to_string()}>
                <Avatar name={name.clone()} seed={seed(user.as_bytes())} small=true />
                <p class="row-main" dir="auto">{ name.clone() }</p>
                <button type="button" class="button small" {onclick}
                    aria-label={t!("unblock-name", name = name.as_str())}>{ t!("unblock") }</button>
            </li>
        }
    };
    if shown.blocked().is_empty() {
        return Html::default();
    }
    html! {
        <section class="card" aria-labelledby="blocked-heading">
            <h2 id="blocked-heading">{ t!("blocked-people") }</h2>
            <p class="hint">{ t!("blocked-people-hint") }</p>
            <ul class="sessions">{ for shown.blocked().iter().map(row) }</ul>
        </section>
    }
}
