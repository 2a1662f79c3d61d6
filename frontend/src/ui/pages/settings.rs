//! Settings of this browser and of the account.

use secure_chat_shared::client::api::Me;
use yew::prelude::*;

use crate::ui::browser;
use crate::ui::components::access_card::AccessCard;
use crate::ui::components::blocked_people::BlockedPeople;
use crate::ui::components::field::{Choice, Choices};
use crate::ui::components::icon::{Glyph, Icon};
use crate::ui::components::identity_card::IdentityCard;
use crate::ui::components::invite_link::InviteLink;
use crate::ui::components::leave_card::LeaveCard;
use crate::ui::components::link::Link;
use crate::ui::components::passkeys::Passkeys;
use crate::ui::components::sessions::Sessions;
use crate::ui::components::this_browser::{LockCard, StorageCard};
use crate::ui::route::Route;
use crate::ui::text::t;
use crate::ui::theme::Theme;

/// Properties of [`Settings`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Whose.
    pub me: Me,
}

/// All settings.
#[component]
pub fn Settings(props: &Props) -> Html {
    html! {
        <main class="settings">
            <header class="conversation-head">
                <Link to={Route::Home} class="button quiet square back" label={t!("back")}>
                    <Glyph icon={Icon::Back} />
                </Link>
                <h1>{ t!("settings") }</h1>
            </header>
            <div class="settings-scroll" tabindex="0" role="group" aria-label={t!("settings")}>
                <div class="settings-body">
                    <ThemeCard />
                    <NotificationCard />
                    <IdentityCard me={props.me.clone()} />
                    <AccessCard me={props.me.clone()} />
                    <Passkeys />
                    <Sessions />
                    <LockCard />
                    <StorageCard />
                    <LinkCard />
                    <BlockedPeople />
                    <LeaveCard me={props.me.clone()} />
                </div>
            </div>
        </main>
    }
}

#[component]
fn ThemeCard() -> Html {
    let theme = use_state(Theme::kept);
    let choices = Theme::ALL.map(|theme| {
        let (label, hint) = match theme {
            Theme::System => (t!("theme-system"), t!("theme-system-hint")),
            Theme::Light => (t!("theme-light"), AttrValue::default()),
            Theme::Dark => (t!("theme-dark"), AttrValue::default()),
        };
        Choice { label, hint }
    });
    let chosen = Theme::ALL
        .iter()
        .position(|one| *one == *theme)
        .unwrap_or_default();
    let on_choose = Callback::from(move |index: usize| {
        if let Some(new) = Theme::ALL.get(index) {
            new.keep();
            theme.set(*new);
        }
    });
    html! {
        <section class="card" aria-labelledby="look-heading">
            <h2 id="look-heading">{ t!("look") }</h2>
            <Choices id="theme" label={t!("theme")} choices={choices.to_vec()} {chosen} {on_choose} />
        </section>
    }
}

#[component]
fn NotificationCard() -> Html {
    let answered = use_state(|| 0_u32);
    let onclick = {
        let answered = answered.clone();
        Callback::from(move |_: MouseEvent| {
            let answered = answered.clone();
            browser::ask_to_notify(Callback::from(move |()| answered.set(*answered + 1)));
        })
    };
    let sentence = if browser::may_notify() {
        t!("notifications-are-on")
    } else if browser::notify_denied() {
        t!("notifications-denied")
    } else {
        t!("notifications-ask")
    };
    html! {
        <section class="card" aria-labelledby="notifications-heading">
            <h2 id="notifications-heading">{ t!("notifications") }</h2>
            <p>{ sentence }</p>
            if browser::can_ask_to_notify() {
                <button type="button" class="button" {onclick}>{ t!("notifications-on") }</button>
            }
        </section>
    }
}

#[component]
fn LinkCard() -> Html {
    html! {
        <section class="card" aria-labelledby="link-heading">
            <h2 id="link-heading">{ t!("invite-link") }</h2>
            <InviteLink id="settings-link" />
        </section>
    }
}
