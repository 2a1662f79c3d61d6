//! The account's menu.

use secure_chat_shared::client::api::{Action, Me};
use yew::prelude::*;

use super::avatar::{Avatar, seed};
use super::icon::Icon;
use super::leave_card::SignOut;
use super::menu::{Item, Menu};
use crate::ui::context::{use_place, use_tools};
use crate::ui::route::Route;
use crate::ui::text::t;

/// Properties of [`AccountMenu`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Whose.
    pub me: Me,
}

/// A button that opens the menu.
#[component]
pub fn AccountMenu(props: &Props) -> Html {
    let tools = use_tools();
    let go = use_place().go;
    let asking = use_state_eq(|| false);
    let ask = {
        let asking = asking.clone();
        Callback::from(move |()| asking.set(true))
    };
    let keep = {
        let asking = asking.clone();
        Callback::from(move |()| asking.set(false))
    };
    let items = vec![
        Item {
            icon: Icon::Gear,
            label: t!("settings"),
            on_pick: Callback::from(move |()| go.emit(Route::Settings)),
        },
        Item {
            icon: Icon::Lock,
            label: t!("lock"),
            on_pick: Callback::from(move |()| tools.act(Action::Lock)),
        },
        Item {
            icon: Icon::Leave,
            label: t!("sign-out"),
            on_pick: ask,
        },
    ];
    html! {
        <>
            <Menu label={t!("account")} title={props.me.name.clone()} class="account-button"
                head={AttrValue::from(props.me.name.clone())} {items}>
                <Avatar name={props.me.name.clone()} seed={seed(props.me.user.as_bytes())} small=true />
            </Menu>
            if *asking {
                <SignOut me={props.me.clone()} on_close={keep} />
            }
        </>
    }
}
