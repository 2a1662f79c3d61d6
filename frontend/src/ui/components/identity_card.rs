//! Who one is to others, and how to change it.

use secure_chat_shared::client::api::{Action, Algorithm, KeyChange, Me, Password};
use yew::prelude::*;

use super::field::{Choice, Choices};
use super::icon::{Glyph, Icon};
use super::password_dialog::PasswordDialog;
use crate::ui::context::use_tools;
use crate::ui::sentences;
use crate::ui::state::{Change, Said};
use crate::ui::text::t;

/// The algorithms, in the order in which they are offered.
pub const ALGORITHMS: [Algorithm; 2] = [Algorithm::RsaPss, Algorithm::Dsa];

/// What is said about each of [`ALGORITHMS`].
pub fn algorithm_choices() -> Vec<Choice> {
    let hint = |algorithm| match algorithm {
        Algorithm::RsaPss => t!("rsa-pss-hint"),
        Algorithm::Dsa => t!("dsa-hint"),
    };
    ALGORITHMS
        .map(|algorithm| Choice {
            label: sentences::algorithm(algorithm),
            hint: hint(algorithm),
        })
        .to_vec()
}

/// Properties of [`IdentityCard`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Whose.
    pub me: Me,
}

/// Name, keys, and what can be done about them.
#[component]
pub fn IdentityCard(props: &Props) -> Html {
    let tools = use_tools();
    let wanted = use_state(|| None::<KeyChange>);
    let me = &props.me;
    let want = |change: KeyChange| {
        let wanted = wanted.clone();
        Callback::from(move |_: MouseEvent| wanted.set(Some(change)))
    };
    let on_choose = {
        let (wanted, now) = (wanted.clone(), me.algorithm);
        Callback::from(move |index: usize| {
            let algorithm = ALGORITHMS.get(index).filter(|chosen| **chosen != now);
            wanted.set(algorithm.copied().map(KeyChange::Algorithm));
        })
    };
    let algorithm = match *wanted {
        Some(KeyChange::Algorithm(algorithm)) => algorithm,
        _ => me.algorithm,
    };
    let chosen = ALGORITHMS
        .iter()
        .position(|one| *one == algorithm)
        .unwrap_or_default();
    let on_close = {
        let wanted = wanted.clone();
        Callback::from(move |()| wanted.set(None))
    };
    html! {
        <section class="card" aria-labelledby="identity-heading">
            <h2 id="identity-heading">{ t!("identity") }</h2>
            <dl class="facts">
                <dt>{ t!("user-name") }</dt>
                <dd dir="auto">{ me.name.clone() }</dd>
                <dt>{ t!("your-fingerprint") }</dt>
                <dd class="mono">{ sentences::groups(&me.fingerprint) }</dd>
                <dt>{ t!("identity-version") }</dt>
                <dd>{ me.version }</dd>
            </dl>
            <p class="hint">{ t!("fingerprint-hint") }</p>
            <Choices id="algorithm" label={t!("sign-my-messages-with")} choices={algorithm_choices()} {chosen}
                {on_choose} />
            <div class="button-row start">
                <button type="button" class="button" onclick={want(KeyChange::Rotate)}>
                    <Glyph icon={Icon::Key} />{ t!("make-new-keys") }
                </button>
                <button type="button" class="button danger-quiet" onclick={want(KeyChange::Compromised)}>
                    <Glyph icon={Icon::Warning} />{ t!("keys-stolen") }
                </button>
            </div>
            if let Some(change) = *wanted {
                { dialog(change, tools.dispatch, on_close) }
            }
        </section>
    }
}

fn dialog(
    change: KeyChange,
    dispatch: UseReducerDispatcher<crate::ui::state::State>,
    on_close: Callback<()>,
) -> Html {
    let (title, texts, confirm) = match change {
        KeyChange::Algorithm(algorithm) => {
            let name = sentences::algorithm(algorithm);
            let mut texts = vec![t!("switch-algorithm-hint", algorithm = name.as_str())];
            if algorithm == Algorithm::Dsa {
                texts.push(t!("dsa-limits"));
            }
            (
                t!("switch-algorithm-question", algorithm = name.as_str()),
                texts,
                t!("switch-algorithm", algorithm = name.as_str()),
            )
        }
        KeyChange::Rotate => (
            t!("make-new-keys-question"),
            vec![t!("make-new-keys-hint")],
            t!("make-new-keys"),
        ),
        KeyChange::Compromised => (
            t!("keys-stolen-question"),
            vec![t!("keys-stolen-hint"), t!("keys-stolen-then")],
            t!("keys-stolen-confirm"),
        ),
    };
    let action = Callback::from(move |password: Password| Action::ChangeKeys { password, change });
    let on_done = {
        let on_close = on_close.clone();
        Callback::from(move |()| {
            dispatch.dispatch(Change::Say(Said::KeysChanged(change)));
            on_close.emit(());
        })
    };
    html! {
        <PasswordDialog {title} {texts} {confirm} danger={change == KeyChange::Compromised} {action} {on_done}
            {on_close} />
    }
}
