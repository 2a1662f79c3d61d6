//! Password and recovery code.

use secure_chat_shared::client::api::{Action, Me, Password};
use yew::prelude::*;

use super::change_password::ChangePassword;
use super::check_code::CheckCode;
use super::icon::{Glyph, Icon};
use super::password_dialog::PasswordDialog;
use super::recovery_code;
use crate::ui::context::use_tools;
use crate::ui::state::{Change, Said};
use crate::ui::text::t;

/// Properties of [`AccessCard`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Whose.
    pub me: Me,
}

#[derive(Clone, Copy, PartialEq)]
enum Asked {
    Password,
    Check,
    NewCode,
}

/// What opens the account, and how to replace it.
#[component]
pub fn AccessCard(props: &Props) -> Html {
    let tools = use_tools();
    let asked = use_state_eq(|| None::<Asked>);
    let ask = |what: Option<Asked>| {
        let asked = asked.clone();
        Callback::from(move |()| asked.set(what))
    };
    let on = |what: Asked| ask(Some(what)).reform(|_: MouseEvent| ());
    let make_code = Callback::from(|password: Password| {
        recovery_code::show_again();
        Action::NewRecoveryCode { password }
    });
    let made = {
        let close = ask(None);
        Callback::from(move |()| {
            tools.change(Change::Say(Said::RecoveryCodeReplaced));
            close.emit(());
        })
    };
    html! {
        <section class="card" aria-labelledby="access-heading">
            <h2 id="access-heading">{ t!("access") }</h2>
            <p>{ t!("access-hint") }</p>
            if props.me.recovery_pending {
                <p class="warn-line"><Glyph icon={Icon::Warning} />{ t!("recovery-not-saved") }</p>
            }
            <div class="button-row start">
                <button type="button" class="button" onclick={on(Asked::Password)}>
                    <Glyph icon={Icon::Key} />{ t!("change-password") }
                </button>
                <button type="button" class="button" onclick={on(Asked::Check)}>
                    <Glyph icon={Icon::Check} />{ t!("check-code") }
                </button>
                <button type="button" class="button" onclick={on(Asked::NewCode)}>
                    <Glyph icon={Icon::Plus} />{ t!("make-new-code") }
                </button>
            </div>
            {
                match *asked {
                    None => Html::default(),
                    Some(Asked::Password) => html! { <ChangePassword name={props.me.name.clone()} on_close={ask(None)} /> },
                    Some(Asked::Check) => html! { <CheckCode on_close={ask(None)} /> },
                    Some(Asked::NewCode) => html! {
                        <PasswordDialog title={t!("make-new-code-question")}
                            texts={vec![t!("make-new-code-hint"), t!("others-ask-again")]}
                            confirm={t!("make-new-code")} action={make_code} on_done={made} on_close={ask(None)} />
                    },
                }
            }
        </section>
    }
}
