//! The page to read: no script, nothing from elsewhere, everything that people wrote escaped.

use std::fmt::Write;

use base64ct::{Base64, Encoding};

use super::words::time;
use super::{Mark, Marked, Message, Parsed};
use crate::crypto::primitives::sha256;
use crate::ids::UserId;
use crate::log::{Act, Entry};

const STYLE: &str = include_str!("page.css");

pub(super) fn render(export: &Parsed<'_>) -> String {
    let title = match export.about.title.as_str() {
        "" => "Conversation",
        title => title,
    };
    let style_hash = Base64::encode_string(&sha256(STYLE.as_bytes()));
    let exporter = export.identity(&export.about.exporter);
    let exporter = exporter.map_or("", |signed| signed.identity().name.as_str());
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{style_hash}'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<main>\n<h1 dir=\"auto\">{title}</h1>\n\
         <p class=\"soft\">Exported by {exporter}, {made}. Each message was signed by its author; \
         <code>verify.sh</code> in this folder checks every signature, and that this page is what was exported. \
         What it proves and what not is in <code>README.txt</code>. Times are the authors' own, in UTC.</p>\n\
         <h2>Messages</h2>\n",
        title = escaped(title),
        exporter = escaped(exporter),
        made = time(export.about.made),
    );
    let mut messages = export.messages.iter().peekable();
    let mut marked = export.marked.iter().peekable();
    loop {
        let next = match (messages.peek(), marked.peek()) {
            (Some(message), Some(mark)) if message.part.number > mark.number => None,
            (None, _) => None,
            _ => messages.next(),
        };
        page += &match next {
            Some(message) => article(export, message),
            None => match marked.next() {
                Some(mark) => marked_article(mark),
                None => break,
            },
        };
    }
    page += "<h2>People and their fingerprints</h2>\n<ol>\n";
    for signed in export.identities.values() {
        let identity = signed.identity();
        let _ = writeln!(
            page,
            "<li><bdi>{}</bdi>, version {}, signs with {}<br><code>{}</code></li>",
            escaped(identity.name.as_str()),
            identity.version,
            identity.algorithm,
            signed.hash()
        );
    }
    page += "</ol>\n<h2>Membership log</h2>\n<ol>\n";
    for (number, entry) in &export.log {
        let said = sentence(export, entry);
        let _ = writeln!(page, "<li><span class=\"soft\">{number}</span> {said}</li>");
    }
    page += "</ol>\n</main>\n</body>\n</html>\n";
    page
}

fn article(export: &Parsed<'_>, message: &Message<'_>) -> String {
    let signed = export.identity(&message.header.identity);
    let name = signed.map_or("", |signed| signed.identity().name.as_str());
    format!(
        "<article>\n<header><b><bdi>{name}</bdi></b> <span>{time}</span> <span>signed with {algorithm}</span> \
         <span>{number}</span></header>\n<p dir=\"auto\">{text}</p>\n</article>\n",
        name = escaped(name),
        time = time(message.inner.time),
        algorithm = message.inner.algorithm,
        number = message.part.number,
        text = escaped(&message.text),
    )
}

fn marked_article(marked: &Marked) -> String {
    let author = match marked.author.as_str() {
        "" => "unknown",
        author => author,
    };
    format!(
        "<article class=\"marked\">\n<header><bdi>{author}</bdi> <span>{number}</span></header>\n<p>{why}</p>\n</article>\n",
        author = escaped(author),
        number = marked.number,
        why = match marked.why {
            Mark::Purged => "Not exported: its content was purged from the server.",
            Mark::Malformed =>
                "Not exported: it is not a message that the exporter's device could read.",
            Mark::View => "Not exported: its author had seen another history.",
            Mark::Seal => "Not exported: it did not open.",
            Mark::Signature => "Not exported: its signature did not hold.",
            Mark::Conflict => "Not exported: another message has the same id.",
            Mark::NoKey => "Not exported: the exporter's device had no key for it.",
        }
    )
}

fn sentence(export: &Parsed<'_>, entry: &Entry) -> String {
    let Entry::State(state) = entry else {
        return "The server announced a new key.".into();
    };
    let name = |user: &UserId| {
        let mut known = export.identities.values();
        let signed = known.find(|signed| signed.identity().user == *user);
        let name = signed.map_or_else(
            || user.to_string(),
            |signed| signed.identity().name.to_string(),
        );
        format!("<bdi>{}</bdi>", escaped(&name))
    };
    let names = |users: &[UserId]| users.iter().map(name).collect::<Vec<_>>().join(", ");
    let did = match &state.header.act {
        Act::Create(_) => "began the conversation".into(),
        Act::Invite(invite) => {
            let people = invite.people.iter().map(|signed| signed.identity().user);
            format!("invited {}", names(&people.collect::<Vec<_>>()))
        }
        Act::Uninvite(drop) => format!("took the invitation of {} back", names(&drop.users)),
        Act::Accept(_) => "joined".into(),
        Act::Decline => "declined".into(),
        Act::Leave => "left".into(),
        Act::Remove(drop) => format!("removed {}", names(&drop.users)),
        Act::Promote(user) => format!("made {} an admin", name(user)),
        Act::Demote(user) => format!("made {} an ordinary member", name(user)),
        Act::Rename(_) => "changed the title".into(),
        Act::Identity(_) => "put new keys into use".into(),
        Act::Compromised(_) => "declared their keys compromised".into(),
        Act::Epoch(_) => "made a new conversation key".into(),
        Act::Share(share) => format!("shared earlier messages with {}", name(&share.user)),
        Act::Fault(_) => "missed a conversation key".into(),
        Act::Rewrap(rewrap) => format!("handed {} a conversation key again", name(&rewrap.user)),
    };
    format!("{} {did}.", name(&state.header.sender))
}

/// Text for HTML, inside elements and attributes. What a reader could not see is shown by its number.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            '\n' | '\t' => out.push(c),
            c if c.is_control() => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_people_write_is_markup() {
        assert_eq!(
            escaped("<b a=\"1\" c='2'>&\r\0\n"),
            "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;\\u{d}\\u{0}\n"
        );
    }
}
