//! Where a message is written.

use gloo_timers::callback::Timeout;
use secure_chat_shared::client::api::Action;
use secure_chat_shared::ids::ConversationId;
use web_sys::HtmlTextAreaElement;
use yew::prelude::*;

use super::icon::{Glyph, Icon};
use crate::ui::browser;
use crate::ui::context::{Tools, use_tools};
use crate::ui::state::Change;
use crate::ui::text::t;

/// So long after the last keystroke the draft is kept.
const DRAFT_AFTER_MS: u32 = 400;

/// Properties of [`Composer`]. Give it the conversation as its key: it begins anew in each.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Where.
    pub conversation: ConversationId,
    /// What it begins with.
    pub draft: AttrValue,
    /// A sentence above it.
    #[prop_or_default]
    pub hint: Option<AttrValue>,
}

/// Where a message is written. Enter sends, Shift and Enter breaks the line.
#[component]
pub fn Composer(props: &Props) -> Html {
    let tools = use_tools();
    let conversation = props.conversation;
    let area = use_node_ref();
    let text = use_state(|| props.draft.to_string());
    let keeper = use_mut_ref(|| Keeper::new(tools.clone(), conversation));
    {
        let (keeper, area) = (keeper.clone(), area.clone());
        use_effect_with((), move |()| {
            focus_on_desktop(&area);
            move || keeper.borrow_mut().keep_now()
        });
    }
    let oninput = {
        let (text, keeper) = (text.clone(), keeper.clone());
        Callback::from(move |event: InputEvent| {
            if let Some(area) = event.target_dyn_into::<HtmlTextAreaElement>() {
                keeper.borrow_mut().keep_soon(area.value(), keeper.clone());
                text.set(area.value());
            }
        })
    };
    // Before whatever is clicked: the browser may be about to be locked.
    let onblur = {
        let keeper = keeper.clone();
        Callback::from(move |_: FocusEvent| keeper.borrow_mut().keep_now())
    };
    let send = {
        let (text, area) = (text.clone(), area.clone());
        move || {
            let Some(area) = area.cast::<HtmlTextAreaElement>() else {
                return;
            };
            let message = area.value().trim().to_owned();
            let Some(id) = browser::make_message_id().filter(|_| !message.is_empty()) else {
                return;
            };
            tools.act(Action::Send {
                conversation,
                id,
                text: message,
            });
            keeper.borrow_mut().forget();
            area.set_value("");
            text.set(String::new());
            let _ = area.focus();
        }
    };
    let onkeydown = {
        let send = send.clone();
        Callback::from(move |event: KeyboardEvent| {
            let breaks = event.shift_key() || event.alt_key() || event.is_composing();
            if event.key() == "Enter" && !breaks {
                event.prevent_default();
                send();
            }
        })
    };
    let onsubmit = Callback::from(move |event: SubmitEvent| {
        event.prevent_default();
        send();
    });
    html! {
        <form class="composer" {onsubmit}>
            if let Some(hint) = &props.hint {
                <p class="composer-hint" dir="auto"><Glyph icon={Icon::Clock} />{ hint.clone() }</p>
            }
            <div class="composer-row">
                // The hidden copy of the text gives the box its height.
                <div class="grow" data-value={(*text).clone()}>
                    <textarea ref={area} rows="1" aria-label={t!("message")} placeholder={t!("message-placeholder")}
                        dir="auto" value={(*text).clone()} {oninput} {onkeydown} {onblur} />
                </div>
                <button type="submit" class="button primary round" disabled={text.trim().is_empty()}
                    aria-label={t!("send")} title={t!("send")}>
                    <Glyph icon={Icon::Send} />
                </button>
            </div>
        </form>
    }
}

/// On a phone the keyboard on the screen would cover the messages.
fn focus_on_desktop(area: &NodeRef) {
    let query =
        browser::window().and_then(|window| window.match_media("(hover: hover)").ok().flatten());
    if let Some(area) = area
        .cast::<HtmlTextAreaElement>()
        .filter(|_| query.is_some_and(|q| q.matches()))
    {
        let _ = area.focus();
    }
}

/// Keeps the draft a little after the last keystroke, and when the conversation is left.
struct Keeper {
    tools: Tools,
    conversation: ConversationId,
    waiting: Option<(Timeout, String)>,
}

impl Keeper {
    fn new(tools: Tools, conversation: ConversationId) -> Self {
        Self {
            tools,
            conversation,
            waiting: None,
        }
    }

    fn keep_soon(&mut self, text: String, this: std::rc::Rc<std::cell::RefCell<Self>>) {
        let timer = Timeout::new(DRAFT_AFTER_MS, move || this.borrow_mut().keep_now());
        self.waiting = Some((timer, text));
    }

    fn keep_now(&mut self) {
        if let Some((_, text)) = self.waiting.take() {
            self.keep(text);
        }
    }

    fn forget(&mut self) {
        self.waiting = None;
        self.keep(String::new());
    }

    fn keep(&self, text: String) {
        let conversation = self.conversation;
        self.tools
            .change(Change::Drafted(conversation, text.as_str().into()));
        self.tools.act(Action::Draft { conversation, text });
    }
}
