//! Open invitations.

use std::rc::Rc;

use secure_chat_shared::client::api::{Action, Answer, Conversation, Standing};
use secure_chat_shared::ids::{ConversationId, UserId};
use yew::prelude::*;

use super::avatar::Avatar;
use super::conversation_list::picture_seed;
use super::icon::{Glyph, Icon};
use crate::ui::context::{use_minute, use_place, use_request};
use crate::ui::route::Route;
use crate::ui::state::others;
use crate::ui::text::t;
use crate::ui::{format, sentences};

/// Properties of [`Invitations`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Newest first.
    pub invitations: Vec<Rc<Conversation>>,
    /// Who looks.
    pub me: UserId,
}

/// Open invitations; nothing while there are none. An accepted one opens.
#[component]
pub fn Invitations(props: &Props) -> Html {
    let go = use_place().go;
    let asked = use_state(|| None::<(ConversationId, bool)>);
    // Asked for here, not by the item: it is gone before the answer comes.
    let request = {
        let asked = asked.clone();
        use_request(Callback::from(move |_: Answer| {
            if let Some((id, true)) = *asked {
                go.emit(Route::Conversation(id));
            }
        }))
    };
    if props.invitations.is_empty() {
        return Html::default();
    }
    let answer = {
        let (asked, request) = (asked.clone(), request.clone());
        Callback::from(move |(id, accepts): (ConversationId, bool)| {
            asked.set(Some((id, accepts)));
            let action = if accepts {
                Action::Accept(id)
            } else {
                Action::Decline(id)
            };
            request.send(action);
        })
    };
    let failure = request.failure.as_ref().map(sentences::failure);
    let item = |invitation: &Rc<Conversation>| {
        let its_own = asked.is_some_and(|(id, _)| id == invitation.id);
        html! {
            <Item key={invitation.id.to_string()} conversation={Rc::clone(invitation)} me={props.me}
                busy={request.busy} failure={failure.clone().filter(|_| its_own)}
                on_answer={answer.clone()} />
        }
    };
    html! {
        <section class="invitations" aria-label={t!("invitations")}>
            <h2>{ t!("invitations") }</h2>
            <ul>{ for props.invitations.iter().map(item) }</ul>
        </section>
    }
}

#[derive(Properties, PartialEq)]
struct ItemProps {
    conversation: Rc<Conversation>,
    me: UserId,
    busy: bool,
    failure: Option<AttrValue>,
    on_answer: Callback<(ConversationId, bool)>,
}

#[component]
fn Item(props: &ItemProps) -> Html {
    use_minute();
    let Standing::Invited { by, at } = &props.conversation.standing else {
        return Html::default();
    };
    let id = props.conversation.id;
    let answer = |accepts: bool| props.on_answer.reform(move |_: MouseEvent| (id, accepts));
    let others = others(&props.conversation, &props.me)
        .filter(|member| member.name != *by)
        .count();
    let title = props.conversation.title.as_str();
    let sentence = if title.is_empty() {
        t!("invitation", by = by.as_str(), others = others)
    } else {
        t!("invitation-to", by = by.as_str(), title = title)
    };
    html! {
        <li class="invitation">
            <Avatar name={by.clone()} seed={picture_seed(&props.conversation, &props.me)} small=true />
            <div class="row-main">
                <p dir="auto">{ sentence }</p>
                <p class="hint">{ format::ago(*at) }</p>
                if props.conversation.managed {
                    <p class="warn-line"><Glyph icon={Icon::Server} />{ t!("managed-hint") }</p>
                }
                if let Some(failure) = &props.failure {
                    <p class="hint bad" role="alert">{ failure.clone() }</p>
                }
                <div class="invitation-foot">
                    <button type="button" class="button primary small" disabled={props.busy}
                        onclick={answer(true)}>{ t!("accept") }</button>
                    <button type="button" class="button small" disabled={props.busy}
                        onclick={answer(false)}>{ t!("decline") }</button>
                </div>
            </div>
        </li>
    }
}
