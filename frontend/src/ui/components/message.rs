//! One row of a conversation: a message with its proof, something that happened, or an entry that is not shown.

use std::rc::Rc;

use secure_chat_shared::client::api::{
    Action, Algorithm, Happened, InvalidRow, Message, MessageState, Proof, Row, RowBody,
};
use secure_chat_shared::ids::{ConversationId, Timestamp};
use yew::prelude::*;

use super::avatar::{Avatar, seed};
use super::icon::{Glyph, Icon};
use super::linkify::{Piece, pieces};
use crate::ui::context::use_tools;
use crate::ui::text::t;
use crate::ui::{format, sentences};

/// Properties of [`RowView`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Where.
    pub conversation: ConversationId,
    /// What.
    pub row: Rc<Row>,
    /// Whether a group of one author's messages begins here.
    pub first: bool,
    /// Whether it ends here.
    pub last: bool,
    /// Whether authors are named.
    pub named: bool,
    /// Whether the person has blocked the author.
    pub blocked: bool,
}

/// One row.
#[component]
pub fn RowView(props: &Props) -> Html {
    let wanted = use_state_eq(|| false);
    match &props.row.body {
        RowBody::Message(_) if props.blocked && !*wanted => blocked_row(props.row.time, &wanted),
        RowBody::Message(message) => html! { <MessageView message={message.clone()}
        conversation={props.conversation} time={props.row.time.0} first={props.first}
        last={props.last} named={props.named} /> },
        RowBody::Happened(happened) => happened_row(happened, props.row.time),
        RowBody::Invalid(invalid) => invalid_row(invalid, props.row.time),
    }
}

/// Something that happened, as a sentence.
fn happened_row(happened: &Happened, time: Timestamp) -> Html {
    html! {
        <p class="happened" dir="auto" title={format::full(time)}>{ sentences::happened(happened) }</p>
    }
}

/// A message by somebody who is blocked: there, but not in the way.
fn blocked_row(time: Timestamp, wanted: &UseStateHandle<bool>) -> Html {
    let show = {
        let wanted = wanted.clone();
        Callback::from(move |_: MouseEvent| wanted.set(true))
    };
    html! {
        <p class="happened" title={format::full(time)}>
            { t!("message-of-blocked") }{ " " }
            <button type="button" class="button quiet small" onclick={show}>{ t!("show") }</button>
        </p>
    }
}

/// An entry that failed a check: marked, with the reason, never a blank.
fn invalid_row(invalid: &InvalidRow, time: Timestamp) -> Html {
    let label = t!(
        "message-label",
        author = invalid.author.as_str(),
        time = format::time_of_day(time).as_str()
    );
    html! {
        <article class="message invalid" aria-label={label} data-state="sent" data-signature="invalid">
            <div class="refused">
                <Glyph icon={Icon::Warning} />
                <p dir="auto">{ sentences::invalid(invalid) }</p>
                <time class="meta" title={format::full(time)}>{ format::time_of_day(time) }</time>
            </div>
        </article>
    }
}

/// Properties of [`MessageView`].
#[derive(Properties, PartialEq)]
struct MessageProps {
    conversation: ConversationId,
    message: Message,
    time: u64,
    first: bool,
    last: bool,
    named: bool,
}

#[component]
fn MessageView(props: &MessageProps) -> Html {
    let message = &props.message;
    let proof_shown = use_state(|| false);
    let time = Timestamp(props.time);
    let clock = format::time_of_day(time);
    let failed = matches!(message.state, MessageState::Failed(_));
    let state = match message.state {
        MessageState::Pending => "pending",
        MessageState::Sent => "sent",
        MessageState::Failed(_) => "failed",
    };
    let class = classes!(
        "message",
        message.own.then_some("own"),
        props.first.then_some("first"),
        props.last.then_some("last"),
        props.named.then_some("named"),
        failed.then_some("failed"),
    );
    let seed = seed(message.author.as_bytes());
    let named = props.named && !message.own;
    html! {
        <article {class} data-state={state} data-signature={message.proof.as_ref().map(signature)}
            aria-label={t!("message-label", author = message.author_name.as_str(), time = clock.as_str())}>
            if named && props.last {
                <Avatar name={message.author_name.clone()} {seed} small=true />
            }
            <div class="message-body">
                if named && props.first {
                    <p class={classes!("author", format!("ink-{}", seed % 12))} aria-hidden="true" dir="auto">
                        { message.author_name.clone() }
                    </p>
                }
                <div class="bubble">
                    <p class="text" dir="auto">{ for pieces(&message.text).into_iter().map(piece) }</p>
                    <span class="meta">
                        if let Some(proof) = &message.proof {
                            { proof_button(proof, &proof_shown) }
                        }
                        <time title={format::full(time)}>{ clock }</time>
                        { own_state(message) }
                    </span>
                </div>
                if *proof_shown && let Some(proof) = &message.proof {
                    { proof_card(message, proof) }
                }
                if let MessageState::Failed(why) = &message.state {
                    <FailedBar conversation={props.conversation} message={message.clone()}
                        why={sentences::failure(why)} />
                }
            </div>
        </article>
    }
}

fn piece(piece: Piece<'_>) -> Html {
    match piece {
        Piece::Text(text) => html! { { text } },
        Piece::Link(link) => {
            let link = AttrValue::from(link.to_owned());
            html! { <a href={link.clone()} target="_blank" rel="noopener noreferrer">{ link }</a> }
        }
    }
}

fn signature(proof: &Proof) -> &'static str {
    match proof.algorithm {
        Algorithm::RsaPss => "rsa-pss",
        Algorithm::Dsa => "dsa",
    }
}

/// One's own message's way: waits, or arrived.
fn own_state(message: &Message) -> Html {
    let (icon, label) = match message.state {
        MessageState::Pending => (Icon::Clock, t!("state-pending")),
        MessageState::Sent if message.own => (Icon::Check, t!("state-sent")),
        MessageState::Sent => return Html::default(),
        MessageState::Failed(_) => (Icon::Warning, t!("state-failed")),
    };
    html! { <span class="state" role="img" aria-label={label.clone()} title={label}><Glyph {icon} /></span> }
}

fn proof_button(proof: &Proof, shown: &UseStateHandle<bool>) -> Html {
    let toggle = {
        let shown = shown.clone();
        Callback::from(move |_: MouseEvent| shown.set(!*shown))
    };
    let label = t!(
        "proof-of",
        algorithm = sentences::algorithm(proof.algorithm).as_str()
    );
    html! {
        <button type="button" class="proof-button" onclick={toggle} aria-expanded={shown.to_string()}
            title={label.clone()} aria-label={label}>
            <Glyph icon={Icon::Shield} />
        </button>
    }
}

/// Who signed, with what, under which key, and that it held.
fn proof_card(message: &Message, proof: &Proof) -> Html {
    let lines = [
        (
            t!("proof-signed-by"),
            AttrValue::from(message.author_name.clone()),
            false,
        ),
        (
            t!("proof-algorithm"),
            sentences::algorithm(proof.algorithm),
            false,
        ),
        (
            t!("proof-fingerprint"),
            sentences::groups(&proof.fingerprint).into(),
            true,
        ),
        (
            t!("proof-epoch"),
            t!("epoch-number", epoch = proof.epoch.0),
            false,
        ),
        (t!("proof-claimed"), format::full(proof.claimed), false),
    ];
    let line = |(name, value, mono): (AttrValue, AttrValue, bool)| {
        html! { <><dt>{ name }</dt><dd class={mono.then_some("mono")} dir="auto">{ value }</dd></> }
    };
    html! {
        <div class="proof">
            <p class="proof-head"><Glyph icon={Icon::Shield} />{ t!("proof-verified") }</p>
            <dl>{ for lines.into_iter().map(line) }</dl>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct FailedProps {
    conversation: ConversationId,
    message: Message,
    why: AttrValue,
}

/// What went wrong, and the ways on.
#[component]
fn FailedBar(props: &FailedProps) -> Html {
    let tools = use_tools();
    let (conversation, id) = (props.conversation, props.message.id);
    let ask = |action: Action| {
        let tools = tools.clone();
        Callback::from(move |_: MouseEvent| tools.act(action.clone()))
    };
    html! {
        <div class="failed-bar">
            <p>{ t!("not-sent", why = props.why.as_str()) }</p>
            <button type="button" class="button small" onclick={ask(Action::Retry { conversation, id })}>
                { t!("try-again") }
            </button>
            <button type="button" class="button small quiet"
                onclick={ask(Action::Discard { conversation, id })}>
                { t!("discard") }
            </button>
        </div>
    }
}
