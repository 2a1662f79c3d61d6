//! What this browser keeps, for how long, and when it locks itself.

use secure_chat_shared::client::api::Action;
use yew::prelude::*;

use super::field::{Choice, Choices};
use super::icon::{Glyph, Icon};
use crate::ui::auto_lock::AutoLock;
use crate::ui::browser::{self, Kept};
use crate::ui::context::use_tools;
use crate::ui::format;
use crate::ui::text::t;

/// When the browser locks itself.
#[component]
pub fn LockCard() -> Html {
    let tools = use_tools();
    let after = use_state_eq(AutoLock::kept);
    let choices = AutoLock::ALL.map(|after| Choice {
        label: match after {
            AutoLock::Never => t!("auto-lock-never"),
            AutoLock::After(minutes) => t!("auto-lock-after", minutes = minutes),
        },
        hint: AttrValue::default(),
    });
    let chosen = AutoLock::ALL.iter().position(|one| *one == *after);
    let on_choose = {
        let after = after.clone();
        Callback::from(move |index: usize| {
            if let Some(new) = AutoLock::ALL.get(index) {
                new.keep();
                after.set(*new);
            }
        })
    };
    let lock = Callback::from(move |_: MouseEvent| tools.act(Action::Lock));
    html! {
        <section class="card" aria-labelledby="lock-heading">
            <h2 id="lock-heading">{ t!("locking") }</h2>
            <p>{ t!("locking-hint") }</p>
            <Choices id="auto-lock" label={t!("auto-lock")} choices={choices.to_vec()}
                chosen={chosen.unwrap_or_default()} {on_choose} />
            <div class="button-row start">
                <button type="button" class="button" onclick={lock}>
                    <Glyph icon={Icon::Lock} />{ t!("lock-now") }
                </button>
            </div>
        </section>
    }
}

/// Whether the browser has promised to keep what is stored.
#[component]
pub fn StorageCard() -> Html {
    let kept = use_state_eq(|| None::<Kept>);
    let look = {
        let kept = kept.clone();
        Callback::from(move |found| kept.set(Some(found)))
    };
    {
        let look = look.clone();
        use_effect_with((), move |()| browser::ask_what_is_kept(look));
    }
    let ask = Callback::from(move |_: MouseEvent| browser::ask_to_keep(look.clone()));
    html! {
        <section class="card" aria-labelledby="storage-heading">
            <h2 id="storage-heading">{ t!("storage") }</h2>
            if let Some(kept) = *kept {
                if kept.promised {
                    <p class="good-line"><Glyph icon={Icon::Check} />{ t!("storage-promised") }</p>
                } else {
                    <p>{ t!("storage-not-promised") }</p>
                    <div class="button-row start">
                        <button type="button" class="button" onclick={ask}>{ t!("storage-ask") }</button>
                    </div>
                }
                if let Some(size) = kept.size {
                    <p class="hint">{ t!("storage-size", size = format::size(size).as_str()) }</p>
                }
            } else {
                <p class="hint">{ t!("loading") }</p>
            }
        </section>
    }
}
