//! Ctrl+K: from anywhere to any conversation.

use std::rc::Rc;

use secure_chat_shared::client::api::Conversation;
use secure_chat_shared::ids::UserId;
use yew::prelude::*;

use super::avatar::Avatar;
use super::conversation_list::picture_seed;
use super::dialog::Dialog;
use super::field::typed;
use crate::ui::context::use_place;
use crate::ui::route::Route;
use crate::ui::sentences;
use crate::ui::text::t;

/// Most conversations shown at a time.
const MAX_SHOWN: usize = 8;

/// Properties of [`Switcher`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Newest first.
    pub conversations: Vec<Rc<Conversation>>,
    /// Who looks.
    pub me: UserId,
    /// Chosen, or not.
    pub on_close: Callback<()>,
}

/// A search field over the conversations; arrows choose, Enter opens.
#[component]
pub fn Switcher(props: &Props) -> Html {
    let go = use_place().go;
    let text = use_state(String::new);
    let chosen = use_state(|| 0_usize);
    let wanted = text.trim().to_lowercase();
    let found: Vec<_> = props
        .conversations
        .iter()
        .map(|conversation| {
            (
                conversation,
                sentences::conversation_name(conversation, &props.me),
            )
        })
        .filter(|(_, name)| name.to_lowercase().contains(&wanted))
        .take(MAX_SHOWN)
        .collect();
    let active = (*chosen).min(found.len().saturating_sub(1));
    let on_input = {
        let (text, chosen) = (text.clone(), chosen.clone());
        Callback::from(move |now| {
            text.set(now);
            chosen.set(0);
        })
    };
    let open = {
        let on_close = props.on_close.clone();
        move |id| {
            on_close.emit(());
            go.emit(Route::Conversation(id));
        }
    };
    let onkeydown = {
        let (open, count) = (open.clone(), found.len());
        let target = found.get(active).map(|(conversation, _)| conversation.id);
        Callback::from(move |event: KeyboardEvent| match event.key().as_str() {
            "ArrowDown" if count > 0 => {
                event.prevent_default();
                chosen.set((active + 1) % count);
            }
            "ArrowUp" if count > 0 => {
                event.prevent_default();
                chosen.set((active + count - 1) % count);
            }
            "Enter" => {
                event.prevent_default();
                if let Some(id) = target {
                    open(id);
                }
            }
            _ => {}
        })
    };
    let option = |(index, (conversation, name)): (usize, &(&Rc<Conversation>, AttrValue))| {
        let (open, id) = (open.clone(), conversation.id);
        let onclick = Callback::from(move |_: MouseEvent| open(id));
        html! {
            <li class={classes!("option", (index == active).then_some("active"))} role="option"
                id={format!("switch-{index}")} aria-selected={(index == active).to_string()} {onclick}
                key={conversation.id.to_string()}>
                <Avatar name={name.clone()} seed={picture_seed(conversation, &props.me)} small=true />
                <span dir="auto">{ name.clone() }</span>
            </li>
        }
    };
    html! {
        <Dialog title={t!("switch-to")} on_close={props.on_close.clone()} class="switcher">
            <input type="text" class="input" role="combobox" aria-label={t!("switch-to")} autofocus=true
                aria-expanded="true" aria-controls="switch-list" aria-autocomplete="list" autocomplete="off"
                aria-activedescendant={(!found.is_empty()).then(|| format!("switch-{active}"))}
                value={(*text).clone()} oninput={typed(&on_input)} {onkeydown} dir="auto" />
            if found.is_empty() {
                <p class="side-empty">{ t!("nothing-found") }</p>
            }
            <ul id="switch-list" class="options" role="listbox" aria-label={t!("conversations")}>
                { for found.iter().enumerate().map(option) }
            </ul>
        </Dialog>
    }
}
