//! Another browser of the person's has made newer keys: the password brings them here.

use secure_chat_shared::client::api::{Action, Password};
use yew::prelude::*;

use super::icon::{Glyph, Icon};
use super::password_dialog::PasswordDialog;
use crate::ui::text::t;

/// What waits, and the way on.
#[component]
pub fn OutdatedBanner() -> Html {
    let asking = use_state_eq(|| false);
    let set = |to: bool| {
        let asking = asking.clone();
        Callback::from(move |()| asking.set(to))
    };
    let action = Callback::from(|password: Password| Action::FetchKeys { password });
    html! {
        <>
            <div class="banner across" role="alert">
                <Glyph icon={Icon::Key} />
                <div>
                    <p>{ t!("outdated") }</p>
                    <button type="button" class="button small" onclick={set(true).reform(|_: MouseEvent| ())}>
                        { t!("enter-password") }
                    </button>
                </div>
            </div>
            if *asking {
                <PasswordDialog title={t!("outdated-title")} texts={vec![t!("outdated-hint")]}
                    confirm={t!("fetch-keys")} {action} on_done={set(false)} on_close={set(false)} />
            }
        </>
    }
}
