//! Dialogs that bring people together.

use std::collections::BTreeSet;

use secure_chat_shared::client::api::{Action, Answer};
use secure_chat_shared::ids::ConversationId;
use yew::prelude::*;

use super::changed_keys::{ChangedKeys, other_failure};
use super::dialog::Dialog;
use super::field::{Choice, Choices, TextField};
use super::invite_link::InviteLink;
use super::people_input::{PeopleInput, all};
use crate::ui::context::{Shown, use_place, use_request, use_shown};
use crate::ui::route::Route;
use crate::ui::sentences;
use crate::ui::state::others;
use crate::ui::text::t;

/// Place of the server-managed kind among the choices.
const MANAGED: usize = 1;

/// Properties of [`NewConversation`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Made, or put off.
    pub on_close: Callback<()>,
}

/// Begins a conversation.
#[component]
pub fn NewConversation(props: &Props) -> Html {
    let shown = use_shown();
    let go = use_place().go;
    let people = use_state(|| (Vec::<String>::new(), String::new()));
    let title = use_state(String::new);
    // Which of the two kinds of key.
    let kind = use_state(|| 0_usize);
    let request = {
        let on_close = props.on_close.clone();
        use_request(Callback::from(move |answer| {
            on_close.emit(());
            if let Answer::Conversation(id) = answer {
                go.emit(Route::Conversation(id));
            }
        }))
    };
    let create = {
        let (people, title, request) = (people.clone(), title.clone(), request.clone());
        let managed = *kind == MANAGED;
        Callback::from(move |()| {
            let people = all(&people.0, &people.1);
            request.send(Action::CreateConversation {
                people,
                title: title.trim().to_owned(),
                managed,
            });
        })
    };
    let onsubmit = create.reform(|event: SubmitEvent| event.prevent_default());
    let on_people = {
        let people = people.clone();
        Callback::from(move |now| people.set(now))
    };
    let on_title = {
        let title = title.clone();
        Callback::from(move |now| title.set(now))
    };
    let on_kind = {
        let kind = kind.clone();
        Callback::from(move |now| kind.set(now))
    };
    let kinds = vec![
        Choice {
            label: t!("end-to-end"),
            hint: t!("end-to-end-hint"),
        },
        Choice {
            label: t!("managed"),
            hint: t!("managed-choice-hint"),
        },
    ];
    html! {
        <Dialog title={t!("new-conversation")} on_close={props.on_close.clone()}>
            <form {onsubmit} class="form">
                <PeopleInput id="new-people" people={people.0.clone()} typing={people.1.clone()}
                    on_change={on_people} known={known(&shown)}
                    error={other_failure(&request.failure)} />
                <ChangedKeys failure={request.failure.clone()} on_accepted={create} />
                <TextField id="new-title" label={t!("title")} value={(*title).clone()} on_input={on_title}
                    hint={t!("title-hint")} />
                <Choices id="new-key" label={t!("conversation-key")} choices={kinds} chosen={*kind}
                    on_choose={on_kind} />
                <div class="dialog-foot">
                    <button type="submit" class="button primary" aria-busy={request.busy.to_string()}
                        disabled={request.busy || (people.0.is_empty() && people.1.trim().is_empty())}>
                        { t!("create") }
                    </button>
                </div>
            </form>
            <section class="aside" aria-label={t!("not-here-yet")}>
                <p>{ t!("not-here-yet") }</p>
                <InviteLink id="new-link" />
            </section>
        </Dialog>
    }
}

/// Properties of [`InvitePeople`].
#[derive(Properties, PartialEq)]
pub struct InviteProps {
    /// Where.
    pub conversation: ConversationId,
    /// Done, or put off.
    pub on_close: Callback<()>,
}

/// Invites people into a conversation.
#[component]
pub fn InvitePeople(props: &InviteProps) -> Html {
    let shown = use_shown();
    let people = use_state(|| (Vec::<String>::new(), String::new()));
    let request = use_request(props.on_close.reform(|_: Answer| ()));
    let conversation = props.conversation;
    let invite = {
        let (people, request) = (people.clone(), request.clone());
        Callback::from(move |()| {
            request.send(Action::Invite {
                conversation,
                people: all(&people.0, &people.1),
            });
        })
    };
    let onsubmit = invite.reform(|event: SubmitEvent| event.prevent_default());
    let on_change = {
        let people = people.clone();
        Callback::from(move |now| people.set(now))
    };
    let inside: BTreeSet<String> = shown
        .conversation(&conversation)
        .map_or_else(BTreeSet::new, |c| {
            c.members.iter().map(|member| member.name.clone()).collect()
        });
    let known = known(&shown)
        .into_iter()
        .filter(|name| !inside.contains(name))
        .collect::<Vec<_>>();
    html! {
        <Dialog title={t!("invite-people")} on_close={props.on_close.clone()}>
            <form {onsubmit} class="form">
                <p class="hint">{ t!("invite-hint") }</p>
                <PeopleInput id="invite-people" people={people.0.clone()} typing={people.1.clone()}
                    {on_change} {known} error={other_failure(&request.failure)} />
                <ChangedKeys failure={request.failure.clone()} on_accepted={invite} />
                <div class="dialog-foot">
                    <button type="submit" class="button primary" aria-busy={request.busy.to_string()}
                        disabled={request.busy || (people.0.is_empty() && people.1.trim().is_empty())}>
                        { t!("invite") }
                    </button>
                </div>
            </form>
        </Dialog>
    }
}

/// Properties of [`Rename`].
#[derive(Properties, PartialEq)]
pub struct RenameProps {
    /// Where.
    pub conversation: ConversationId,
    /// The title now.
    pub title: AttrValue,
    /// Done, or put off.
    pub on_close: Callback<()>,
}

/// Names a conversation.
#[component]
pub fn Rename(props: &RenameProps) -> Html {
    let title = use_state(|| props.title.to_string());
    let request = use_request(props.on_close.reform(|_: Answer| ()));
    let conversation = props.conversation;
    let onsubmit = {
        let (title, request) = (title.clone(), request.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            request.send(Action::Rename {
                conversation,
                title: title.trim().to_owned(),
            });
        })
    };
    let on_input = {
        let title = title.clone();
        Callback::from(move |now| title.set(now))
    };
    html! {
        <Dialog title={t!("rename")} on_close={props.on_close.clone()} class="narrow">
            <form {onsubmit} class="form">
                <TextField id="rename-title" label={t!("title")} value={(*title).clone()} {on_input} autofocus=true
                    hint={t!("title-hint")} error={request.failure.as_ref().map(sentences::failure)} />
                <div class="dialog-foot">
                    <button type="submit" class="button primary" disabled={request.busy}>{ t!("save") }</button>
                </div>
            </form>
        </Dialog>
    }
}

/// Whom one knows from conversations, in the order of their latest activity.
fn known(shown: &Shown) -> Vec<String> {
    let Some(me) = shown.me() else {
        return Vec::new();
    };
    let mut seen = BTreeSet::new();
    let inbox = shown.inbox();
    let names = inbox
        .iter()
        .flat_map(|c| others(c, &me.user))
        .map(|member| &member.name);
    names
        .filter(|name| seen.insert((*name).clone()))
        .cloned()
        .collect()
}
