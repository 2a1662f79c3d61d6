//! The safety number of two people.

use secure_chat_shared::client::api::{Action, Answer};
use secure_chat_shared::ids::UserId;
use yew::prelude::*;

use super::dialog::Dialog;
use super::icon::{Glyph, Icon};
use super::qr::Qr;
use crate::ui::context::use_request;
use crate::ui::sentences;
use crate::ui::text::t;

/// Properties of [`SafetyNumber`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The other person.
    pub user: UserId,
    /// Their name.
    pub name: AttrValue,
    /// Whether they are verified.
    #[prop_or_default]
    pub verified: bool,
    /// Whether they are verified by an invite link.
    #[prop_or_default]
    pub by_link: bool,
    /// Whether it is about the changed keys that wait for a decision: who finds them to be right accepts them.
    #[prop_or_default]
    pub changed: bool,
    /// The numbers are the same, and that is kept.
    #[prop_or_default]
    pub on_marked: Callback<()>,
    /// Compared, or put off.
    pub on_close: Callback<()>,
}

/// Shows the number, as digits and as a QR code, to be compared with the other person's.
#[component]
pub fn SafetyNumber(props: &Props) -> Html {
    let number = use_state(AttrValue::default);
    let asked = {
        let number = number.clone();
        use_request(Callback::from(move |answer| {
            if let Answer::SafetyNumber(text) = answer {
                number.set(text.into());
            }
        }))
    };
    let marked = {
        let (on_marked, on_close) = (props.on_marked.clone(), props.on_close.clone());
        use_request(Callback::from(move |_: Answer| {
            on_close.emit(());
            on_marked.emit(());
        }))
    };
    let (user, changed) = (props.user, props.changed);
    {
        let asked = asked.clone();
        use_effect_with((user, changed), move |(user, changed)| {
            let (user, changed) = (*user, *changed);
            asked.send(Action::SafetyNumber { user, changed });
        });
    }
    let (verified, by_link) = (props.verified, props.by_link);
    let mark = |verified: bool| {
        let marked = marked.clone();
        let compared = true;
        Callback::from(move |_: MouseEvent| {
            marked.send(if changed {
                Action::AcceptIdentity { user, compared }
            } else {
                Action::MarkVerified { user, verified }
            });
        })
    };
    let group = |digits: &str| html! { <span>{ digits.to_owned() }{ " " }</span> };
    let name = props.name.as_str();
    let failure = asked.failure.as_ref().or(marked.failure.as_ref());
    html! {
        <Dialog title={t!("safety-number")} on_close={props.on_close.clone()}>
            <p dir="auto">
                { if changed { t!("safety-changed-hint", name = name) } else { t!("safety-hint", name = name) } }
            </p>
            if let Some(failure) = failure {
                <p class="alert" role="alert">{ sentences::failure(failure) }</p>
            }
            <div class="safety">
                if !number.is_empty() {
                    <Qr text={(*number).clone()} label={t!("safety-qr")} />
                }
                <p class="safety-number mono" data-testid="safety-number" dir="ltr" aria-live="polite">
                    { for number.split(' ').map(group) }
                </p>
            </div>
            if by_link {
                <p class="good-line"><Glyph icon={Icon::Shield} />{ t!("is-verified-by-link", name = name) }</p>
            } else if verified {
                <p class="good-line"><Glyph icon={Icon::Shield} />{ t!("is-verified", name = name) }</p>
            }
            <div class="dialog-foot">
                if verified || by_link {
                    <button type="button" class="button" onclick={mark(false)} disabled={marked.busy}>
                        { t!("take-verification-back") }
                    </button>
                }
                if !verified || by_link {
                    <button type="button" class="button primary" onclick={mark(true)}
                        disabled={marked.busy || number.is_empty()}>
                        { if changed { t!("accept-as-verified") } else { t!("mark-as-verified") } }
                    </button>
                }
            </div>
        </Dialog>
    }
}
