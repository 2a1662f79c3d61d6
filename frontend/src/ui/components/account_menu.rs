//! The account's menu.

use secure_chat_shared::client::api::{Action, Me};
use yew::prelude::*;

use super::avatar::{Avatar, seed};
use super::dialog::Confirm;
use super::icon::Icon;
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
    let sign_out = {
        let asking = asking.clone();
        Callback::from(move |()| {
            asking.set(false);
            tools.act(Action::SignOut);
            tools.go.emit(Route::Home);
        })
    };
    let items = vec![
        Item {
            icon: Icon::Gear,
            label: t!("settings"),
            on_pick: Callback::from(move |()| go.emit(Route::Settings)),
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
                <Confirm title={t!("sign-out-question")} text={t!("sign-out-hint")} confirm={t!("sign-out")}
                    on_confirm={sign_out} on_close={keep} />
            }
        </>
    }
}
