//! Leaving: this browser, or the server for good.

use secure_chat_shared::client::api::{Action, Me, Password};
use yew::prelude::*;

use super::dialog::Confirm;
use super::icon::{Glyph, Icon};
use super::password_dialog::PasswordDialog;
use crate::ui::context::use_tools;
use crate::ui::route::Route;
use crate::ui::text::t;

/// Properties of [`LeaveCard`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Who.
    pub me: Me,
}

#[derive(Clone, Copy, PartialEq)]
enum Asked {
    SignOut,
    Delete,
}

/// Signing out, and deleting the account.
#[component]
pub fn LeaveCard(props: &Props) -> Html {
    let tools = use_tools();
    let asked = use_state_eq(|| None::<Asked>);
    let ask = |what: Option<Asked>| {
        let asked = asked.clone();
        Callback::from(move |()| asked.set(what))
    };
    let on = |what: Asked| ask(Some(what)).reform(|_: MouseEvent| ());
    let delete = Callback::from(|password: Password| Action::DeleteAccount { password });
    let deleted = tools.go.reform(|()| Route::Home);
    html! {
        <section class="card" aria-labelledby="leave-heading">
            <h2 id="leave-heading">{ t!("leaving") }</h2>
            <div class="button-row start">
                <button type="button" class="button" onclick={on(Asked::SignOut)}>
                    <Glyph icon={Icon::Leave} />{ t!("sign-out") }
                </button>
                <button type="button" class="button danger-quiet" onclick={on(Asked::Delete)}>
                    <Glyph icon={Icon::Warning} />{ t!("delete-account") }
                </button>
            </div>
            {
                match *asked {
                    None => Html::default(),
                    Some(Asked::SignOut) => html! { <SignOut me={props.me.clone()} on_close={ask(None)} /> },
                    Some(Asked::Delete) => html! {
                        <PasswordDialog title={t!("delete-account-question")} danger=true
                            texts={vec![t!("delete-account-hint"), t!("delete-account-then")]}
                            confirm={t!("delete-account")} action={delete} on_done={deleted} on_close={ask(None)} />
                    },
                }
            }
        </section>
    }
}

/// Properties of [`SignOut`].
#[derive(Properties, PartialEq)]
pub struct SignOutProps {
    /// Who.
    pub me: Me,
    /// Answered.
    pub on_close: Callback<()>,
}

/// Asks before this browser's data go.
#[component]
pub fn SignOut(props: &SignOutProps) -> Html {
    let tools = use_tools();
    let on_confirm = {
        let on_close = props.on_close.clone();
        Callback::from(move |()| {
            on_close.emit(());
            tools.act(Action::SignOut);
            tools.go.emit(Route::Home);
        })
    };
    let text = if props.me.recovery_pending {
        t!("sign-out-unsaved")
    } else {
        t!("sign-out-hint")
    };
    html! {
        <Confirm title={t!("sign-out-question")} {text} confirm={t!("sign-out")} {on_confirm}
            on_close={props.on_close.clone()} />
    }
}
