//! Finds the links in a message. Only http, https and mailto, only with the scheme written out: nothing that a message
//! says can make the page run or open anything else.

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text.
    Text(&'a str),
    /// An address to open.
    Link(&'a str),
}

const SCHEMES: [&str; 3] = ["https://", "http://", "mailto:"];

/// Cuts a text into links and what is between them.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut searched = 0;
    while let Some(start) = next_link(rest, searched) {
        let link = address(&rest[start..]);
        let scheme = scheme_of(link).unwrap_or_default();
        let alone = rest[..start]
            .chars()
            .next_back()
            .is_none_or(|c| !c.is_alphanumeric());
        if !alone || link.len() == scheme.len() {
            searched = start + scheme.len();
            continue;
        }
        if start > 0 {
            pieces.push(Piece::Text(&rest[..start]));
        }
        pieces.push(Piece::Link(link));
        rest = &rest[start + link.len()..];
        searched = 0;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

fn next_link(text: &str, from: usize) -> Option<usize> {
    let from_there = text.get(from..)?;
    SCHEMES
        .iter()
        .filter_map(|scheme| find(from_there, scheme))
        .min()
        .map(|at| at + from)
}

/// The first place of an ASCII pattern, whatever its letters' case.
fn find(text: &str, pattern: &str) -> Option<usize> {
    let (text, pattern) = (text.as_bytes(), pattern.as_bytes());
    text.windows(pattern.len())
        .position(|window| window.eq_ignore_ascii_case(pattern))
}

fn scheme_of(link: &str) -> Option<&str> {
    let starts = |scheme: &&&str| {
        link.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    SCHEMES
        .iter()
        .find(starts)
        .map(|scheme| &link[..scheme.len()])
}

/// The address at the beginning of a text: up to a space or quotation mark, without the punctuation of the sentence
/// around it, and with a closing bracket only where it was opened inside.
fn address(text: &str) -> &str {
    let stops = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '<' | '>' | '"' | '`' | '\u{201c}' | '\u{201d}')
    };
    let mut link = &text[..text.find(stops).unwrap_or(text.len())];
    while let Some(last) = link.chars().next_back() {
        let unopened = |open: char, close: char| {
            last == close && link.matches(close).count() > link.matches(open).count()
        };
        let punctuation = matches!(
            last,
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '\u{2026}'
        );
        if !(punctuation || unopened('(', ')') || unopened('[', ']') || unopened('{', '}')) {
            break;
        }
        link = &link[..link.len() - last.len_utf8()];
    }
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(text: &str) -> Vec<&str> {
        let link = |piece| {
            if let Piece::Link(link) = piece {
                Some(link)
            } else {
                None
            }
        };
        pieces(text).into_iter().filter_map(link).collect()
    }

    #[test]
    fn links_are_found_without_the_sentence_around_them() {
        for (text, expected) in [
            (
                "see https://example.org/a?b=c#d.",
                vec!["https://example.org/a?b=c#d"],
            ),
            (
                "(http://example.org/x_(y))",
                vec!["http://example.org/x_(y)"],
            ),
            (
                "HTTPS://Example.org, mailto:bob@example.org!",
                vec!["HTTPS://Example.org", "mailto:bob@example.org"],
            ),
            ("“https://example.org”", vec!["https://example.org"]),
            ("https://пример.рф/путь", vec!["https://пример.рф/путь"]),
        ] {
            assert_eq!(links(text), expected, "{text}");
        }
    }

    #[test]
    fn nothing_else_becomes_a_link() {
        for text in [
            "javascript:alert(1)",
            "data:text/html,x",
            "https://",
            "http:// example.org",
            "xhttp://example.org",
            "example.org",
            "ftp://example.org",
            "file:///etc/passwd",
            "",
        ] {
            assert_eq!(links(text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn no_text_is_lost() {
        for text in [
            "a https://b.c d",
            "https://https://x",
            "xhttp:// https://y.",
            "ünï http://ß.de ✓",
        ] {
            let whole: String = pieces(text)
                .into_iter()
                .map(|piece| match piece {
                    Piece::Text(text) | Piece::Link(text) => text,
                })
                .collect();
            assert_eq!(whole, text);
        }
    }
}
