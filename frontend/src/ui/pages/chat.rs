//! The signed-in person's screen: conversations on the left, what is open beside them.

use gloo_events::EventListener;
use secure_chat_shared::client::api::{Connection, Me};
use wasm_bindgen::JsCast;
use web_sys::KeyboardEvent;
use yew::prelude::*;

use super::conversation::ConversationPage;
use super::settings::Settings;
use crate::ui::browser;
use crate::ui::components::account_menu::AccountMenu;
use crate::ui::components::conversation_list::ConversationList;
use crate::ui::components::failed_sign_ins::{self, FailedSignIns};
use crate::ui::components::field::typed;
use crate::ui::components::follow_link::FollowLink;
use crate::ui::components::icon::{Glyph, Icon};
use crate::ui::components::invitations::Invitations;
use crate::ui::components::invite_link::InviteLink;
use crate::ui::components::new_conversation::NewConversation;
use crate::ui::components::outdated::OutdatedBanner;
use crate::ui::components::recovery_code::{self, RecoveryCode};
use crate::ui::components::switcher::Switcher;
use crate::ui::context::{use_place, use_shown};
use crate::ui::route::{Route, Router};
use crate::ui::text::t;

/// Kept in this browser: system notifications were not wanted.
const NO_NOTIFICATIONS: &str = "no-notifications";

/// Properties of [`Chat`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Who is signed in.
    pub me: Me,
}

/// The main screen.
#[component]
pub fn Chat(props: &Props) -> Html {
    let shown = use_shown();
    let Router { route, replace, .. } = use_place();
    let making = use_state_eq(|| false);
    let switching = use_state_eq(|| false);
    let filter = use_state(String::new);
    let me = props.me.user;
    {
        let switching = switching.clone();
        use_effect_with((), move |()| {
            let listener = browser::window().map(|window| on_switch_key(&window, switching));
            move || drop(listener)
        });
    }
    // Who just registered or came back is at home now.
    let just_came = matches!(route, Route::Register | Route::Recover);
    use_effect_with(just_came, move |registered| {
        if *registered {
            replace.emit(Route::Home);
        }
    });
    let set = |flag: &UseStateHandle<bool>, to: bool| {
        let flag = flag.clone();
        Callback::from(move |()| flag.set(to))
    };
    let (view, open) = match route {
        Route::Home | Route::Register | Route::Recover => ("list", None),
        Route::Conversation(id) => ("open", Some(id)),
        Route::Settings => ("open", None),
    };
    let on_filter = {
        let filter = filter.clone();
        Callback::from(move |text| filter.set(text))
    };
    let inbox = shown.inbox();
    let is_empty = inbox.is_empty();
    let new = set(&making, true).reform(|_: MouseEvent| ());
    html! {
        <>
        if props.me.outdated {
            <OutdatedBanner />
        }
        if let Some((count, last)) = props.me.failed_sign_ins.filter(|(count, _)| *count >= failed_sign_ins::MANY) {
            <FailedSignIns {count} {last} />
        }
        <div class="shell" data-view={view}>
            <div class="side">
                <header class="side-head">
                    <p class="brand"><span class="brand-mark"><Glyph icon={Icon::Mark} /></span>{ t!("product") }</p>
                    <button type="button" class="button quiet square" aria-label={t!("new-conversation")}
                        title={t!("new-conversation")} onclick={new.clone()}>
                        <Glyph icon={Icon::Plus} />
                    </button>
                    <AccountMenu me={props.me.clone()} />
                </header>
                <search class="side-search">
                    <Glyph icon={Icon::Search} />
                    <input type="search" class="input" aria-label={t!("search-conversations")}
                        placeholder={t!("search-placeholder")} value={(*filter).clone()}
                        oninput={typed(&on_filter)} autocomplete="off" />
                </search>
                <div class="side-scroll">
                    <Reminders me={props.me.clone()} has_conversations={!is_empty} />
                    <Invitations invitations={shown.invitations()} {me} />
                    <ConversationList conversations={inbox.clone()} presence={shown.presence().clone()} {me} {open}
                        filter={(*filter).clone()} />
                </div>
            </div>
            {
                match route {
                    Route::Conversation(id) => html! { <ConversationPage key={id.to_string()} {id} {me} /> },
                    Route::Settings => html! { <Settings me={props.me.clone()} /> },
                    Route::Home | Route::Register | Route::Recover => nothing_open(is_empty, shown.link.state, new),
                }
            }
            if *making {
                <NewConversation on_close={set(&making, false)} />
            }
            if *switching {
                <Switcher conversations={inbox} {me} on_close={set(&switching, false)} />
            }
        </div>
        </>
    }
}

/// An empty middle that leads on.
fn nothing_open(is_empty: bool, link: Connection, new: Callback<MouseEvent>) -> Html {
    let waits = matches!(link, Connection::Connecting | Connection::CatchingUp);
    let (title, text) = match (is_empty, waits) {
        (true, true) => (t!("empty-wait-title"), t!("empty-wait")),
        (true, false) => (t!("empty-title"), t!("empty")),
        (false, _) => (t!("choose-title"), t!("choose")),
    };
    html! {
        <main class="blank">
            <div class="blank-card">
                <span class="brand-mark large"><Glyph icon={Icon::Mark} /></span>
                <h1>{ title }</h1>
                <p>{ text }</p>
                if is_empty && !waits {
                    <button type="button" class="button primary" onclick={new}>
                        <Glyph icon={Icon::PersonPlus} />{ t!("find-a-person") }
                    </button>
                    <InviteLink id="empty-link" />
                }
            </div>
        </main>
    }
}

#[derive(Properties, PartialEq)]
struct RemindersProps {
    me: Me,
    has_conversations: bool,
}

/// What waits for the person: the recovery code, then the invite link that led here; and what is worth a quiet word:
/// a code that was put off, and system notifications once there is something to be notified of. Each can be sent away.
#[component]
fn Reminders(props: &RemindersProps) -> Html {
    let shown = use_shown();
    let whose = props.me.user.to_string();
    let code = shown.recovery_code.clone();
    let later = use_state_eq(|| recovery_code::is_put_off(&whose));
    {
        let (later, whose) = (later.setter(), whose.clone());
        use_effect_with(code.clone(), move |_| {
            later.set(recovery_code::is_put_off(&whose))
        });
    }
    let quiet = use_state(|| browser::setting(NO_NOTIFICATIONS).is_some());
    let put_off = {
        let later = later.clone();
        Callback::from(move |()| {
            recovery_code::put_off(&whose);
            later.set(true);
        })
    };
    let show = {
        let later = later.clone();
        Callback::from(move |_: MouseEvent| later.set(false))
    };
    let no_notifications = {
        let quiet = quiet.clone();
        Callback::from(move |_: MouseEvent| {
            browser::keep_setting(NO_NOTIFICATIONS, Some("yes"));
            quiet.set(true);
        })
    };
    let notify = {
        let answered = quiet.setter();
        Callback::from(move |_: MouseEvent| {
            let answered = answered.clone();
            browser::ask_to_notify(Callback::from(move |()| answered.set(true)));
        })
    };
    html! {
        <>
            if let Some(code) = code.clone().filter(|_| !*later) {
                <RecoveryCode {code} name={props.me.name.clone()} on_later={put_off} />
            } else if let Some(fragment) = shown.invite.clone() {
                <FollowLink {fragment} />
            }
            if code.is_some() && *later {
                <section class="reminder" aria-label={t!("recovery-reminder-title")}>
                    <p>{ t!("recovery-reminder") }</p>
                    <button type="button" class="button small" onclick={show}>{ t!("recovery-show") }</button>
                </section>
            } else if props.has_conversations && !*quiet && browser::can_ask_to_notify() {
                <section class="reminder" aria-label={t!("notifications")}>
                    <p>{ t!("notifications-ask") }</p>
                    <button type="button" class="button small" onclick={notify}>{ t!("notifications-on") }</button>
                    <button type="button" class="button small quiet" onclick={no_notifications}>
                        { t!("not-now") }
                    </button>
                </section>
            }
        </>
    }
}

/// Ctrl+K, or Command+K.
fn on_switch_key(window: &web_sys::Window, switching: UseStateHandle<bool>) -> EventListener {
    let options = gloo_events::EventListenerOptions::enable_prevent_default();
    EventListener::new_with_options(window, "keydown", options, move |event| {
        let Some(event) = event.dyn_ref::<KeyboardEvent>() else {
            return;
        };
        let with_key =
            (event.ctrl_key() || event.meta_key()) && !event.shift_key() && !event.alt_key();
        if with_key && event.key().eq_ignore_ascii_case("k") {
            event.prevent_default();
            switching.set(true);
        }
    })
}
