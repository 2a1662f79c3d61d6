//! What runs on the page. It shows the engine's events and sends it actions; it never touches a socket, a key or a
//! database. Imports run pages -> components -> context -> state.

mod auto_lock;
mod browser;
mod components;
mod context;
mod first_look;
mod format;
mod here;
mod invite;
mod pages;
mod passkey;
mod route;
mod sentences;
mod state;
mod text;
mod theme;

use secure_chat_shared::client::api::{Action, Event, Session};
use yew::prelude::*;

use components::connection::ConnectionBar;
use components::notes::Notes;
use context::{Shown, Tools};
use pages::chat::Chat;
use pages::gate::{Starting, Unsupported};
use pages::recover::Recover;
use pages::register::Register;
use pages::sign_in::SignIn;
use pages::unlock::Unlock;
use route::{Route, Router, use_router};
use state::{Change, State};
use text::t;

use crate::bridge::Engine;

/// Shows the page, in the place of what `index.html` has shown so far.
pub fn run() {
    first_look::take_over();
    yew::Renderer::<App>::new().render();
}

/// The page.
#[component]
fn App() -> Html {
    use_effect_with((), |()| theme::Theme::kept().apply());
    match browser::lack() {
        Some(lack) => html! { <Unsupported {lack} /> },
        None => html! { <Running /> },
    }
}

#[component]
fn Running() -> Html {
    let shown = use_reducer(|| State::at_start(here::name().is_some()));
    let router = use_router();
    let tools = {
        let (dispatch, go) = (shown.dispatcher(), router.go.clone());
        use_memo((), move |()| {
            let engine = Engine::spawn(on_event(dispatch.clone(), go.clone()));
            engine.act(Action::Hello);
            Tools {
                engine,
                dispatch,
                go,
            }
        })
    };
    invite::use_invites(shown.dispatcher());
    use_session_followed(&shown);
    let is_hidden = auto_lock::use_auto_lock(&shown.session, &tools);
    show_unread(&shown);
    html! {
        <ContextProvider<Shown> context={shown.clone()}>
            <ContextProvider<Tools> context={(*tools).clone()}>
                <ContextProvider<Router> context={router.clone()}>
                    <div class="app">
                        <ConnectionBar link={shown.link} signed_in={shown.me().is_some()} />
                        if is_hidden {
                            <Starting />
                        } else {
                            { screen(&shown, router.route) }
                        }
                        <Notes notes={shown.notes.clone()} />
                    </div>
                </ContextProvider<Router>>
            </ContextProvider<Tools>>
        </ContextProvider<Shown>>
    }
}

fn screen(shown: &State, route: Route) -> Html {
    match (&shown.session, route) {
        (Session::Starting, _) => html! { <Starting /> },
        (Session::Unsupported(why), _) => html! { <Unsupported why={why.clone()} /> },
        (Session::SignedOut { .. }, Route::Register) => html! { <Register /> },
        (Session::SignedOut { .. } | Session::Locked { .. }, Route::Recover) => {
            html! { <Recover /> }
        }
        (Session::SignedOut { .. }, _) => html! { <SignIn /> },
        (Session::Locked { name }, _) => html! { <Unlock name={name.clone()} /> },
        (Session::SignedIn(me), _) => html! { <Chat me={me.clone()} /> },
    }
}

/// Takes an event in. A message that arrives while nobody looks is told by the system too.
fn on_event(dispatch: UseReducerDispatcher<State>, go: Callback<Route>) -> Callback<Event> {
    Callback::from(move |event| {
        if let Event::Arrived {
            conversation,
            author,
            text,
        } = &event
            && !browser::is_visible()
            && browser::may_notify()
        {
            let (go, route) = (go.clone(), Route::Conversation(*conversation));
            let clicked = Callback::from(move |()| go.emit(route));
            browser::notify(author, text, &conversation.to_string(), clicked);
        }
        dispatch.dispatch(Change::Told(event));
    })
}

/// Remembers who is signed in, apart from the data, and says so where those are gone.
#[hook]
fn use_session_followed(shown: &Shown) {
    let before = use_mut_ref(|| Session::Starting);
    let dispatch = shown.dispatcher();
    use_effect_with(shown.session.clone(), move |now| {
        let before = before.replace(now.clone());
        dispatch.dispatch(Change::Gone(here::follow(&before, now)));
    });
}

fn show_unread(shown: &State) {
    let unread = shown.unread_total();
    let title = match unread {
        0 => t!("product"),
        count => t!("product-unread", count = count),
    };
    browser::show_unread(&title, unread > 0);
}
