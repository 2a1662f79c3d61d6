//! The account's passkeys.

use secure_chat_shared::client::api::{Action, Answer, PasskeyInfo, Password, PrfOutput};
use yew::platform::spawn_local;
use yew::prelude::*;

use super::ask_passkey::no_passkey;
use super::dialog::Dialog;
use super::field::{PasswordField, TextField};
use super::icon::{Glyph, Icon};
use super::password_dialog::PasswordDialog;
use crate::ui::context::{use_request, use_shown};
use crate::ui::text::t;
use crate::ui::{format, passkey, sentences};

#[derive(Clone, PartialEq)]
enum Asked {
    Add,
    Remove(PasskeyInfo),
}

/// All of them, and how to make and remove them.
#[component]
pub fn Passkeys() -> Html {
    let passkeys = use_state(|| None::<Vec<PasskeyInfo>>);
    let asked = use_state_eq(|| None::<Asked>);
    let listed = {
        let passkeys = passkeys.clone();
        use_request(Callback::from(move |answer| {
            if let Answer::Passkeys(rows) = answer {
                passkey::remember_unlocking(rows.iter().any(|row| row.unlocks));
                passkeys.set(Some(rows));
            }
        }))
    };
    {
        let listed = listed.clone();
        use_effect_with((), move |()| listed.send(Action::Passkeys));
    }
    let ask = |what: Option<Asked>| {
        let asked = asked.clone();
        Callback::from(move |()| asked.set(what.clone()))
    };
    let done = {
        let (close, listed) = (ask(None), listed.clone());
        Callback::from(move |()| {
            close.emit(());
            listed.send(Action::Passkeys);
        })
    };
    let row = |row: &PasskeyInfo| {
        let used = match row.last_used {
            Some(at) => t!("passkey-used", ago = format::ago(at).as_str()),
            None => t!("passkey-never-used"),
        };
        let what = if row.unlocks {
            t!("passkey-unlocks")
        } else {
            t!("passkey-signs-in")
        };
        html! {
            <li class="session" key={row.created.0.to_string()}>
                <div class="row-main">
                    <p dir="auto">{ row.name.clone() }</p>
                    <p class="hint">{ what }</p>
                    <p class="hint">{ t!("passkey-made", date = format::moment(row.created).as_str()) }{ " · " }{ used }</p>
                </div>
                <button type="button" class="button small danger-quiet"
                    onclick={ask(Some(Asked::Remove(row.clone()))).reform(|_: MouseEvent| ())}
                    aria-label={t!("remove-passkey-of", name = row.name.as_str())}>
                    { t!("remove-passkey") }
                </button>
            </li>
        }
    };
    html! {
        <section class="card" aria-labelledby="passkeys-heading">
            <h2 id="passkeys-heading">{ t!("passkeys") }</h2>
            <p>{ t!("passkeys-hint") }</p>
            if let Some(failure) = &listed.failure {
                <p class="alert" role="alert">{ sentences::failure(failure) }</p>
            }
            <ul class="sessions">{ for passkeys.iter().flatten().map(row) }</ul>
            if passkey::supported() {
                <div class="button-row start">
                    <button type="button" class="button" onclick={ask(Some(Asked::Add)).reform(|_: MouseEvent| ())}>
                        <Glyph icon={Icon::Plus} />{ t!("add-passkey") }
                    </button>
                </div>
            } else {
                <p class="hint">{ t!("passkey-unable") }</p>
            }
            {
                match &*asked {
                    None => Html::default(),
                    Some(Asked::Add) => html! { <AddPasskey on_done={done} on_close={ask(None)} /> },
                    Some(Asked::Remove(row)) => {
                        let id = row.id.clone();
                        let action = Callback::from(move |password| {
                            Action::RemovePasskey { password, id: id.clone() }
                        });
                        html! {
                            <PasswordDialog title={t!("remove-passkey-question", name = row.name.as_str())}
                                texts={vec![t!("remove-passkey-hint")]} confirm={t!("remove-passkey")} danger=true
                                {action} on_done={done} on_close={ask(None)} />
                        }
                    }
                }
            }
        </section>
    }
}

/// Properties of [`AddPasskey`].
#[derive(Properties, PartialEq)]
struct AddProps {
    on_done: Callback<()>,
    on_close: Callback<()>,
}

/// Asks for a name and the password, and has the browser make the passkey.
#[component]
fn AddPasskey(props: &AddProps) -> Html {
    let shown = use_shown();
    let name = use_state(|| t!("passkey-default-name").to_string());
    let password = use_state(String::new);
    let refused = use_state_eq(|| None::<AttrValue>);
    let making = use_state_eq(|| false);
    let kept = use_request(props.on_done.reform(|_: Answer| ()));
    let begun = {
        let (refused, making, kept, name) =
            (refused.clone(), making.clone(), kept.clone(), name.clone());
        use_request(Callback::from(move |answer| {
            let Answer::PasskeyOptions(options) = answer else {
                return;
            };
            making.set(true);
            let (refused, making, kept) = (refused.clone(), making.clone(), kept.clone());
            let name = name.trim().to_owned();
            spawn_local(async move {
                match passkey::make(&options).await {
                    Ok(made) => kept.send(Action::AddPasskey {
                        response: made.response.clone(),
                        name,
                        prf: made.prf.clone().map(PrfOutput),
                    }),
                    Err(why) => refused.set(Some(no_passkey(why))),
                }
                making.set(false);
            });
        }))
    };
    let busy = begun.busy || *making || kept.busy;
    let onsubmit = {
        let (password, begun, refused) = (password.clone(), begun.clone(), refused.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if !busy {
                refused.set(None);
                let password = Password((*password).clone());
                begun.send(Action::NewPasskey { password });
            }
        })
    };
    let set = |field: &UseStateHandle<String>| {
        let field = field.clone();
        Callback::from(move |text| field.set(text))
    };
    let failure = (*refused).clone().or_else(|| {
        let failure = begun.failure.as_ref().or(kept.failure.as_ref());
        failure.map(sentences::failure)
    });
    let cancel = props.on_close.reform(|_: MouseEvent| ());
    let user = shown.me().map(|me| me.name.clone());
    html! {
        <Dialog title={t!("add-passkey")} on_close={props.on_close.clone()} class="narrow">
            <form class="form" {onsubmit}>
                <p>{ t!("add-passkey-hint") }</p>
                <TextField id="passkey-name" label={t!("passkey-name")} value={(*name).clone()} on_input={set(&name)}
                    autocomplete="off" />
                // Tells a password manager whose password it is.
                <input type="text" hidden=true readonly=true autocomplete="username" value={user} />
                <PasswordField id="confirm-password" label={t!("password")} value={(*password).clone()}
                    on_input={set(&password)} autocomplete="current-password" />
                <div class="alert-place" role="alert">
                    if let Some(failure) = failure.filter(|_| !busy) {
                        <p class="alert">{ failure }</p>
                    }
                </div>
                <div class="dialog-foot">
                    <button type="button" class="button" onclick={cancel}>{ t!("cancel") }</button>
                    <button type="submit" class="button primary" aria-busy={busy.to_string()}
                        disabled={busy || password.is_empty() || name.trim().is_empty()}>
                        { if busy { t!("working") } else { t!("go-on") } }
                    </button>
                </div>
            </form>
        </Dialog>
    }
}
