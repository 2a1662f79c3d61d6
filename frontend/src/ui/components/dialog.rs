//! A modal dialog: the browser's own, which keeps the keyboard inside, closes on Escape and gives the focus back.

use web_sys::HtmlDialogElement;
use yew::prelude::*;

use super::icon::{Glyph, Icon};
use crate::ui::text::t;

/// Properties of [`Dialog`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Its name and heading.
    pub title: AttrValue,
    /// Escape, the cross, or a click beside it.
    pub on_close: Callback<()>,
    /// Whether it can be closed without a choice.
    #[prop_or(true)]
    pub closable: bool,
    /// Further classes.
    #[prop_or_default]
    pub class: Classes,
    /// What is in it.
    pub children: Html,
}

/// A modal dialog, open as long as it is rendered.
#[component]
pub fn Dialog(props: &Props) -> Html {
    let node = use_node_ref();
    use_effect_with(node.clone(), |node| {
        let dialog = node.cast::<HtmlDialogElement>();
        if let Some(dialog) = &dialog {
            // Fails only for an element that is open already or not in the document.
            let _ = dialog.show_modal();
        }
        move || {
            if let Some(dialog) = dialog {
                dialog.close();
            }
        }
    });
    let oncancel = {
        let (node, on_close, closable) = (node.clone(), props.on_close.clone(), props.closable);
        Callback::from(move |event: Event| {
            event.prevent_default();
            // Not what a dialog within this one was asked.
            let own = event.target().is_some() && event.target() == node.get().map(Into::into);
            if closable && own {
                on_close.emit(());
            }
        })
    };
    let onclick = {
        let (node, on_close, closable) = (node.clone(), props.on_close.clone(), props.closable);
        Callback::from(move |event: MouseEvent| {
            let beside = event.target().is_some() && event.target() == node.get().map(Into::into);
            if closable && beside {
                on_close.emit(());
            }
        })
    };
    let close = props.on_close.reform(|_: MouseEvent| ());
    html! {
        <dialog ref={node} class={classes!("dialog", props.class.clone())}
            aria-label={props.title.clone()} {oncancel} onmousedown={onclick}>
            <div class="dialog-body">
                <div class="dialog-head">
                    <h2>{ props.title.clone() }</h2>
                    if props.closable {
                        <button type="button" class="button quiet square" onclick={close}
                            aria-label={t!("close")} title={t!("close")}>
                            <Glyph icon={Icon::Cross} />
                        </button>
                    }
                </div>
                { props.children.clone() }
            </div>
        </dialog>
    }
}

/// Properties of [`Confirm`].
#[derive(Properties, PartialEq)]
pub struct ConfirmProps {
    /// The question.
    pub title: AttrValue,
    /// What follows from a yes.
    pub text: AttrValue,
    /// The yes.
    pub confirm: AttrValue,
    /// Whether the yes takes something away.
    #[prop_or(true)]
    pub danger: bool,
    /// Answered with yes.
    pub on_confirm: Callback<()>,
    /// Answered with no.
    pub on_close: Callback<()>,
}

/// Asks before something that cannot be undone, or that is not what it seems.
#[component]
pub fn Confirm(props: &ConfirmProps) -> Html {
    let cancel = props.on_close.reform(|_: MouseEvent| ());
    let confirm = props.on_confirm.reform(|_: MouseEvent| ());
    html! {
        <Dialog title={props.title.clone()} on_close={props.on_close.clone()} class="narrow">
            <p dir="auto">{ props.text.clone() }</p>
            <div class="dialog-foot">
                <button type="button" class="button" onclick={cancel}>{ t!("cancel") }</button>
                <button type="button" class={classes!("button", if props.danger { "danger" } else { "primary" })}
                    onclick={confirm}>
                    { props.confirm.clone() }
                </button>
            </div>
        </Dialog>
    }
}
