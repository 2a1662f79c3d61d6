//! A conversation as a file that others can check.

use std::rc::Rc;

use secure_chat_shared::client::api::{Action, Answer, Conversation, ExportRange, Failure, Me};
use secure_chat_shared::ids::Timestamp;
use yew::prelude::*;

use super::dialog::Dialog;
use super::field::{Choice, Choices, DateField};
use super::icon::{Glyph, Icon};
use crate::ui::context::{use_request, use_shown};
use crate::ui::text::t;
use crate::ui::{browser, format, sentences};

/// Place of the range of days among the choices.
const DAYS: usize = 1;
/// Most characters of a title in the file's name.
const MAX_NAME: usize = 60;

/// Properties of [`ExportDialog`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Which.
    pub conversation: Rc<Conversation>,
    /// Done, or put off.
    pub on_close: Callback<()>,
}

/// How many messages are in the file that was handed out, how many are only listed, and the file's name.
#[derive(Clone, PartialEq)]
struct Made {
    messages: u64,
    marked: u64,
    name: String,
}

/// Asks what to export, says what that means, and hands the file out.
#[component]
pub fn ExportDialog(props: &Props) -> Html {
    let shown = use_shown();
    let which = use_state(|| 0_usize);
    let days = use_state(<(String, String)>::default);
    let made = use_state(|| None::<Made>);
    let request = {
        let (made, name) = (made.clone(), file_name(&props.conversation, shown.me()));
        use_request(Callback::from(move |answer| {
            if let Answer::Exported {
                file,
                messages,
                marked,
            } = answer
            {
                browser::download_bytes(&name, &file, "application/zip");
                made.set(Some(Made {
                    messages,
                    marked,
                    name: name.clone(),
                }));
            }
        }))
    };
    if let Some(made) = &*made {
        return html! { <Done made={made.clone()} on_close={props.on_close.clone()} /> };
    }
    let range = (*which == DAYS).then(|| range(&days.0, &days.1));
    let is_backwards =
        matches!(range, Some(ExportRange { from: Some(from), to: Some(to) }) if from >= to);
    let onsubmit = {
        let (request, id) = (request.clone(), props.conversation.id);
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if !request.busy && !is_backwards {
                request.send(Action::Export {
                    conversation: id,
                    range: range.unwrap_or_default(),
                });
            }
        })
    };
    let on_choose = {
        let which = which.clone();
        Callback::from(move |now| which.set(now))
    };
    let on_from = {
        let days = days.clone();
        Callback::from(move |day| days.set((day, days.1.clone())))
    };
    let on_to = {
        let days = days.clone();
        Callback::from(move |day| days.set((days.0.clone(), day)))
    };
    let choice = |label| Choice {
        label,
        hint: AttrValue::default(),
    };
    let choices = vec![choice(t!("export-all")), choice(t!("export-days"))];
    let wrong = is_backwards.then(|| t!("export-backwards"));
    let cancel = props.on_close.reform(|_: MouseEvent| ());
    let progress = shown.exporting(&props.conversation.id);
    html! {
        <Dialog title={t!("export-conversation")} on_close={props.on_close.clone()}>
            <form class="form" {onsubmit}>
                <p>{ t!("export-hint") }</p>
                <Choices id="export-range" label={t!("export-range")} {choices} chosen={*which} {on_choose} />
                if *which == DAYS {
                    <div class="columns">
                        <DateField id="export-from" label={t!("export-from")} value={days.0.clone()} on_input={on_from} />
                        <DateField id="export-to" label={t!("export-to")} value={days.1.clone()} on_input={on_to}
                            error={wrong} />
                    </div>
                }
                <section class="caution" aria-labelledby="export-caution">
                    <h3 id="export-caution"><Glyph icon={Icon::Warning} />{ t!("export-caution") }</h3>
                    <p>{ t!("export-caution-proof") }</p>
                    <p>{ t!("export-caution-clear") }</p>
                </section>
                <div class="alert-place" role="alert">
                    if let Some(failure) = &request.failure {
                        <p class="alert">{ words(failure) }</p>
                    }
                </div>
                if request.busy {
                    <div class="field" role="status">
                        <label for="export-progress">{ t!("exporting") }</label>
                        <progress id="export-progress" max={progress.1.to_string()}
                            value={progress.0.to_string()}></progress>
                    </div>
                }
                <div class="dialog-foot">
                    <button type="button" class="button" onclick={cancel}>{ t!("cancel") }</button>
                    <button type="submit" class="button primary" aria-busy={request.busy.to_string()}
                        disabled={request.busy || is_backwards}>
                        <Glyph icon={Icon::Download} />{ t!("export-confirm") }
                    </button>
                </div>
            </form>
        </Dialog>
    }
}

/// Properties of [`Done`].
#[derive(Properties, PartialEq)]
struct DoneProps {
    made: Made,
    on_close: Callback<()>,
}

/// What was handed out, and how others check it.
#[component]
fn Done(props: &DoneProps) -> Html {
    let Made {
        messages,
        marked,
        name,
    } = &props.made;
    let close = props.on_close.reform(|_: MouseEvent| ());
    html! {
        <Dialog title={t!("export-done")} on_close={props.on_close.clone()}>
            <div class="form" role="status">
                <p>{ t!("export-count", count = *messages) }</p>
                <p class="mono wrap" dir="ltr">{ name.clone() }</p>
                if *marked > 0 {
                    <p class="warn-line"><Glyph icon={Icon::Warning} />{ t!("export-marked", count = *marked) }</p>
                }
                <p class="hint">{ t!("export-check") }</p>
                <div class="dialog-foot">
                    <button type="button" class="button primary" onclick={close}>{ t!("close") }</button>
                </div>
            </div>
        </Dialog>
    }
}

fn words(failure: &Failure) -> AttrValue {
    match failure {
        Failure::TooLarge => t!("export-too-large"),
        failure => sentences::failure(failure),
    }
}

/// From the beginning of one day to the end of another; a field that is empty sets no bound.
fn range(from: &str, to: &str) -> ExportRange {
    ExportRange {
        from: format::day_start(from, 0).map(Timestamp),
        to: format::day_start(to, 1).map(Timestamp),
    }
}

/// The conversation's name and today, as any file system takes it.
fn file_name(conversation: &Conversation, me: Option<&Me>) -> String {
    let name = me.map(|me| sentences::conversation_name(conversation, &me.user));
    format!(
        "{}-{}.zip",
        plain(&name.unwrap_or_default()),
        format::today()
    )
}

/// Letters and digits of any script; whatever else there is becomes a dash between them.
fn plain(name: &str) -> String {
    let mut plain = String::new();
    for c in name.chars().take(MAX_NAME) {
        if c.is_alphanumeric() {
            plain.push(c);
        } else if !plain.ends_with('-') && !plain.is_empty() {
            plain.push('-');
        }
    }
    let plain = plain.trim_end_matches('-');
    if plain.is_empty() {
        "conversation".into()
    } else {
        plain.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_plain() {
        for (name, file) in [
            ("Plans for 2026", "Plans-for-2026"),
            ("../../etc/passwd", "etc-passwd"),
            ("a\u{202e}b: <c>|\"d\"", "a-b-c-d"),
            ("Пикник, שלום", "Пикник-שלום"),
            ("🎉", "conversation"),
            ("", "conversation"),
            (&"x".repeat(300), &"x".repeat(MAX_NAME)),
        ] {
            assert_eq!(plain(name), file);
        }
    }
}
