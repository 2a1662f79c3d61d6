//! One conversation: its header, messages, composer, and members on demand.

use std::rc::Rc;

use gloo_events::EventListener;
use secure_chat_shared::client::api::{Action, Connection, Conversation, Standing};
use secure_chat_shared::ids::{ConversationId, UserId};
use yew::prelude::*;

use crate::ui::components::avatar::Avatar;
use crate::ui::components::blocked_banner::BlockedBanner;
use crate::ui::components::composer::Composer;
use crate::ui::components::conversation_list::{only_other, picture_seed};
use crate::ui::components::icon::{Glyph, Icon};
use crate::ui::components::invitations::Invitations;
use crate::ui::components::link::Link;
use crate::ui::components::managed::ManagedMark;
use crate::ui::components::members::Members;
use crate::ui::components::message_list::MessageList;
use crate::ui::components::presence;
use crate::ui::context::{Shown, use_minute, use_shown, use_tools};
use crate::ui::route::Route;
use crate::ui::state::{Change, Room, can_write, is_invitation, others};
use crate::ui::text::{list, t};
use crate::ui::{browser, sentences};

/// Properties of [`ConversationPage`]. Give it the id as its key: it begins anew in each.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Which.
    pub id: ConversationId,
    /// Who looks.
    pub me: UserId,
}

/// One conversation.
#[component]
pub fn ConversationPage(props: &Props) -> Html {
    let tools = use_tools();
    let shown = use_shown();
    let details = use_state_eq(|| false);
    let at_newest = use_state_eq(|| true);
    let visible = use_visible();
    use_minute();
    let id = props.id;
    let conversation = shown.conversation(&id).cloned();
    let room = shown.room(&id).cloned();
    let is_here = conversation.as_deref().is_some_and(|c| !is_invitation(c));
    {
        // Also before it is known here, so that its rows come with it.
        let is_wanted = !conversation.as_deref().is_some_and(is_invitation);
        let tools = tools.clone();
        use_effect_with(is_wanted, move |is_wanted| {
            if *is_wanted {
                tools.act(Action::Open(id));
            }
        });
    }
    {
        let tools = tools.clone();
        use_effect_with(is_here, move |is_here| {
            if *is_here {
                tools.change(Change::Opened(id));
            }
        });
    }
    {
        let newest = room.as_ref().and_then(|room| room.newest());
        let read = conversation.as_ref().map_or(0, |c| c.read);
        let seen = newest.filter(|newest| *newest > read && *at_newest && visible);
        use_effect_with(seen, move |seen| {
            if let Some(number) = *seen {
                tools.act(Action::MarkRead {
                    conversation: id,
                    number,
                });
            }
        });
    }
    let on_at_newest = {
        let at_newest = at_newest.clone();
        Callback::from(move |at| at_newest.set(at))
    };
    let Some(conversation) = conversation else {
        return missing(shown.link.state);
    };
    if is_invitation(&conversation) {
        return html! {
            <main class="blank"><div class="blank-card">
                <h1>{ sentences::conversation_name(&conversation, &props.me) }</h1>
                <Invitations invitations={vec![conversation]} me={props.me} />
            </div></main>
        };
    }
    let toggle = {
        let details = details.clone();
        Callback::from(move |_: MouseEvent| details.set(!*details))
    };
    let on_close = {
        let details = details.clone();
        Callback::from(move |()| {
            details.set(false);
            browser::focus(".members-button");
        })
    };
    let only_other = only_other(&conversation, &props.me);
    let besides = |room: &Rc<Room>| room.has_author_besides(only_other);
    let named =
        others(&conversation, &props.me).nth(1).is_some() || room.as_ref().is_some_and(besides);
    html! {
        <main class="conversation" data-details={details.to_string()}>
            <div class="conversation-main">
                <Header conversation={Rc::clone(&conversation)} me={props.me} details={*details}
                    on_details={toggle} subtitle={subtitle(&conversation, &props.me, &shown)} />
                <BlockedBanner conversation={Rc::clone(&conversation)} />
                {
                    match room.clone().filter(|room| room.loaded) {
                        Some(room) => html! {
                            <MessageList conversation={id} {room} me={props.me} {named} {on_at_newest}
                                blocked={shown.blocked().clone()} />
                        },
                        None => loading(),
                    }
                }
                { foot(&conversation, &props.me, &shown) }
            </div>
            if *details {
                <Members {conversation} {room} presence={shown.presence().clone()} me={props.me} {on_close} />
            }
        </main>
    }
}

#[derive(Properties, PartialEq)]
struct HeaderProps {
    conversation: Rc<Conversation>,
    me: UserId,
    subtitle: AttrValue,
    details: bool,
    on_details: Callback<MouseEvent>,
}

#[component]
fn Header(props: &HeaderProps) -> Html {
    let conversation = &props.conversation;
    let name = sentences::conversation_name(conversation, &props.me);
    let is_group = only_other(conversation, &props.me).is_none();
    html! {
        <header class="conversation-head">
            <Link to={Route::Home} class="button quiet square back" label={t!("back")}>
                <Glyph icon={Icon::Back} />
            </Link>
            <Avatar name={name.clone()} seed={picture_seed(conversation, &props.me)} group={is_group} />
            <div class="row-main">
                <h1 dir="auto">{ name }</h1>
                <p class="hint">
                    if !conversation.managed {
                        <span class="sealed" title={t!("end-to-end-hint")}><Glyph icon={Icon::Lock} /></span>
                    }
                    <span class="ellipsis" dir="auto">{ props.subtitle.clone() }</span>
                    if conversation.managed {
                        <ManagedMark />
                    }
                </p>
            </div>
            <button type="button" class="button quiet members-button" aria-expanded={props.details.to_string()}
                onclick={props.on_details.clone()} aria-label={t!("members")} title={t!("members")}>
                <Glyph icon={Icon::People} />
                <span aria-hidden="true">{ conversation.members.len() }</span>
            </button>
        </header>
    }
}

/// Whether the person can see the page, as it changes.
#[hook]
fn use_visible() -> bool {
    let visible = use_state_eq(browser::is_visible);
    {
        let visible = visible.clone();
        use_effect_with((), move |()| {
            let listener = browser::document().map(|document| {
                EventListener::new(&document, "visibilitychange", move |_| {
                    visible.set(browser::is_visible())
                })
            });
            move || drop(listener)
        });
    }
    *visible
}

/// What stands below the name.
fn subtitle(conversation: &Conversation, me: &UserId, shown: &Shown) -> AttrValue {
    if conversation.standing == Standing::Former {
        return t!("former");
    }
    let mut others = others(conversation, me);
    match (others.next(), others.next()) {
        (Some(member), None) => {
            let state = if member.invited {
                t!("invited-not-answered")
            } else {
                presence::words(shown.presence_of(&member.user))
            };
            if conversation.title.is_empty() {
                return state;
            }
            t!(
                "person-and-state",
                name = member.name.as_str(),
                state = state.as_str()
            )
        }
        _ => t!("member-count", count = conversation.members.len()),
    }
}

/// The composer, or why there is none.
fn foot(conversation: &Conversation, me: &UserId, shown: &Shown) -> Html {
    if conversation.standing == Standing::Former {
        return html! { <p class="composer-off">{ t!("former-hint") }</p> };
    }
    if !can_write(conversation) {
        return html! { <p class="composer-off">{ t!("blocked-hint") }</p> };
    }
    let draft = shown.draft(&conversation.id).to_string();
    html! {
        <Composer key={conversation.id.to_string()} conversation={conversation.id} {draft}
            hint={offline_hint(conversation, me, shown)} />
    }
}

/// Nobody else is there: says so, and that it is no loss.
fn offline_hint(conversation: &Conversation, me: &UserId, shown: &Shown) -> Option<AttrValue> {
    let mut names = Vec::new();
    for member in others(conversation, me) {
        if !presence::is_offline(shown.presence_of(&member.user)) {
            return None;
        }
        names.push(member.name.as_str());
    }
    match names.len() {
        0 => None,
        1 => Some(t!(
            "notice-offline",
            names = list(&names).as_str(),
            count = 1
        )),
        _ => Some(t!("all-offline")),
    }
}

fn loading() -> Html {
    let line = |index: usize| {
        html! { <span class={classes!("ghost", (index % 3 == 1).then_some("own"))} key={index}></span> }
    };
    html! {
        <div class="log-frame"><div class="ghosts" aria-busy="true" aria-label={t!("loading")} role="status">
            { for (0..6).map(line) }
        </div></div>
    }
}

/// The address names a conversation that is not here, or not here yet.
fn missing(link: Connection) -> Html {
    let waits = matches!(link, Connection::Connecting | Connection::CatchingUp);
    html! {
        <main class="blank"><div class="blank-card">
            if waits {
                <p>{ t!("loading") }</p>
            } else {
                <h1>{ t!("missing-title") }</h1>
                <p>{ t!("missing") }</p>
                <Link to={Route::Home} class="button primary">{ t!("to-conversations") }</Link>
            }
        </div></main>
    }
}
