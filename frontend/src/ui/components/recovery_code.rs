//! The recovery code, once after the account is made.

use std::rc::Rc;

use secure_chat_shared::client::api::Action;
use yew::prelude::*;

use super::dialog::Dialog;
use super::field::TextField;
use super::icon::{Glyph, Icon};
use crate::ui::browser;
use crate::ui::context::use_tools;
use crate::ui::state::Change;
use crate::ui::text::t;

/// Kept in this browser: whose recovery code was put off.
const LATER: &str = "recovery-later";
/// The two groups that are typed back, counted from 0.
const ASKED: [usize; 2] = [2, 6];

/// Whether somebody has put the code off here.
pub fn is_put_off(user: &str) -> bool {
    browser::setting(LATER).is_some_and(|other| other == user)
}

/// Puts it off, in this browser.
pub fn put_off(user: &str) {
    browser::keep_setting(LATER, Some(user));
}

/// A new one is to be made, and is not put off.
pub fn show_again() {
    browser::keep_setting(LATER, None);
}

/// Properties of [`RecoveryCode`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Groups separated by dashes.
    pub code: Rc<str>,
    /// Whose it is, for the file.
    pub name: AttrValue,
    /// Put off.
    pub on_later: Callback<()>,
}

/// Shows the code. Who has saved it proves that with two of its groups, or puts it off.
#[component]
pub fn RecoveryCode(props: &Props) -> Html {
    let tools = use_tools();
    let asking = use_state(|| false);
    let typed = use_state(|| [String::new(), String::new()]);
    let groups: Vec<&str> = props.code.split('-').collect();
    let right = |(index, place): (usize, &usize)| {
        groups
            .get(*place)
            .is_some_and(|group| group.eq_ignore_ascii_case(typed[index].trim()))
    };
    let all_right = ASKED.iter().enumerate().all(right);
    let saved = {
        let (asking, tools) = (asking.clone(), tools.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if !*asking {
                asking.set(true);
            } else if all_right {
                tools.act(Action::RecoveryCodeSeen { saved: true });
                tools.change(Change::RecoveryCodeSaved);
            }
        })
    };
    let show_again = {
        let asking = asking.clone();
        Callback::from(move |_: MouseEvent| asking.set(false))
    };
    let copy = {
        let (code, copied) = (props.code.clone(), tools.copied());
        Callback::from(move |_: MouseEvent| browser::copy(&code, copied.clone()))
    };
    let download = {
        let (code, name) = (props.code.clone(), props.name.clone());
        Callback::from(move |_: MouseEvent| {
            let text = t!("recovery-file", name = name.as_str(), code = &*code);
            browser::download(&format!("secure-chat-{name}-recovery-code.txt"), &text);
        })
    };
    let print = Callback::from(|_: MouseEvent| browser::print());
    let later = props.on_later.reform(|_: MouseEvent| ());
    let group = |(index, group): (usize, &&str)| {
        let dash = if index == 0 { "" } else { "-" };
        html! { <>{ dash }<wbr /><span>{ (*group).to_owned() }</span></> }
    };
    let ask_group = |(index, place): (usize, &usize)| {
        let typed = typed.clone();
        let value = typed[index].clone();
        let on_input = Callback::from(move |text: String| {
            let mut now = (*typed).clone();
            now[index] = text;
            typed.set(now);
        });
        html! {
            <TextField id={format!("recovery-group-{index}")} label={t!("recovery-group", place = *place + 1)}
                {value} {on_input} autofocus={index == 0} is_name=true />
        }
    };
    html! {
        <Dialog title={t!("recovery-code")} on_close={props.on_later.clone()} closable=false class="printed">
            <form class="form" onsubmit={saved}>
                if *asking {
                    <p>{ t!("recovery-ask") }</p>
                    <div class="columns">{ for ASKED.iter().enumerate().map(ask_group) }</div>
                    <button type="button" class="button quiet small" onclick={show_again}>
                        { t!("recovery-again") }
                    </button>
                } else {
                    <p>{ t!("recovery-hint") }</p>
                    <p class="code mono" data-testid="recovery-code" dir="ltr">
                        { for groups.iter().enumerate().map(group) }
                    </p>
                    <div class="button-row">
                        <button type="button" class="button" onclick={copy}>
                            <Glyph icon={Icon::Copy} />{ t!("copy") }
                        </button>
                        <button type="button" class="button" onclick={download}>
                            <Glyph icon={Icon::Download} />{ t!("download") }
                        </button>
                        <button type="button" class="button" onclick={print}>
                            <Glyph icon={Icon::Print} />{ t!("print") }
                        </button>
                    </div>
                }
                <div class="dialog-foot">
                    <button type="button" class="button quiet" onclick={later}>{ t!("later") }</button>
                    <button type="submit" class="button primary" disabled={*asking && !all_right}>
                        { t!("i-have-saved-it") }
                    </button>
                </div>
            </form>
        </Dialog>
    }
}
