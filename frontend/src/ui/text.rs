//! Every sentence that a person reads, from `locales/`; `t!("key")` and `t!("key", name = value)` are the way in.
//!
//! The sentences are Fluent's. `build.rs` parses them; what is left for the page is to put values in and to choose among
//! variants. A test holds it against Fluent's own library, which would be a tenth of the page.

mod marks;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;

use yew::AttrValue;

use marks::{CHOICE, DEFAULT, DONE, END, MESSAGE, VALUE, VARIANT};

/// The English texts, as [`marks`] describes.
const ENGLISH: &str = include_str!(concat!(env!("OUT_DIR"), "/english"));

/// Language of the texts, for the browser's own words in the middle of them ("5 minutes ago").
pub const LANGUAGE: &str = "en";

/// The text of a key, with named values put in.
macro_rules! t {
    ($key:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::ui::text::text($key, &[$((stringify!($name), $value.into())),*])
    };
}
pub(crate) use t;

/// What is put into a text.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    /// As it is.
    Text(Cow<'a, str>),
    /// A whole number, by which variants can be chosen.
    Number(i64),
}

/// What [`t!`] calls. A key without a text, which a test rules out, gives the key.
pub fn text(key: &'static str, values: &[(&'static str, Value<'_>)]) -> AttrValue {
    thread_local! {
        static PATTERNS: OnceCell<HashMap<&'static str, &'static str>> = const { OnceCell::new() };
    }
    PATTERNS.with(|patterns| {
        let patterns = patterns.get_or_init(|| messages().collect());
        let Some(pattern) = patterns.get(key) else {
            return AttrValue::Static(key);
        };
        if !pattern.contains([VALUE, CHOICE]) {
            return AttrValue::Static(pattern);
        }
        let mut out = String::new();
        put_in(pattern, values, &mut out);
        out.into()
    })
}

/// "bob", "bob and carol", "bob, carol and dave".
pub fn list<S: AsRef<str>>(names: &[S]) -> AttrValue {
    match names {
        [] => AttrValue::default(),
        [one] => one.as_ref().to_owned().into(),
        [most @ .., last] => {
            let most: Vec<&str> = most.iter().map(AsRef::as_ref).collect();
            t!("list-and", most = most.join(", "), last = last.as_ref())
        }
    }
}

fn messages() -> impl Iterator<Item = (&'static str, &'static str)> {
    let messages = ENGLISH.split_terminator(MESSAGE);
    messages.filter_map(|message| message.split_once('='))
}

fn put_in(mut pattern: &str, values: &[(&'static str, Value<'_>)], out: &mut String) {
    while let Some((before, mark, rest)) = cut(pattern, [VALUE, CHOICE]) {
        out.push_str(before);
        let (name, rest) = rest.split_once(END).unwrap_or((rest, ""));
        let value = values.iter().find(|(known, _)| *known == name);
        let value = value.map(|(_, value)| value);
        if mark == VALUE {
            match value {
                Some(Value::Text(text)) => out.push_str(text),
                Some(Value::Number(number)) => out.push_str(&number.to_string()),
                None => out.push_str(name),
            }
            pattern = rest;
        } else {
            let (variants, rest) = variants(rest);
            let fits = |(key, _): &&(&str, &str)| value.is_some_and(|value| value.fits(key));
            let default = |(key, _): &&(&str, &str)| key.starts_with(DEFAULT);
            let chosen = variants.iter().find(fits);
            if let Some((_, chosen)) = chosen.or_else(|| variants.iter().find(default)) {
                put_in(chosen, values, out);
            }
            pattern = rest;
        }
    }
    out.push_str(pattern);
}

/// Key and pattern of each variant of a choice, and what follows the choice.
fn variants(mut choice: &str) -> (Vec<(&str, &str)>, &str) {
    let mut variants = Vec::new();
    let (mut begin, mut at, mut depth) = (0, 0, 0_u32);
    while let Some((before, mark, rest)) = cut(&choice[at..], [VARIANT, CHOICE, DONE]) {
        let here = at + before.len();
        at = choice.len() - rest.len();
        match mark {
            CHOICE => depth += 1,
            DONE if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            _ => {
                variants.extend(choice[begin..here].split_once(END));
                begin = at;
                if mark == DONE {
                    choice = rest;
                    break;
                }
            }
        }
    }
    (variants, choice)
}

/// Around the first of these marks.
fn cut<const N: usize>(text: &str, marks: [char; N]) -> Option<(&str, char, &str)> {
    let (at, mark) = text.char_indices().find(|(_, c)| marks.contains(c))?;
    Some((&text[..at], mark, &text[at + mark.len_utf8()..]))
}

impl Value<'_> {
    fn fits(&self, key: &str) -> bool {
        let key = key.trim_start_matches(DEFAULT);
        match self {
            Self::Text(text) => text == key,
            Self::Number(number) => category(*number) == key || number.to_string() == key,
        }
    }
}

/// The plural category of a whole number in [`LANGUAGE`] (Unicode CLDR).
fn category(number: i64) -> &'static str {
    if number == 1 { "one" } else { "other" }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

macro_rules! from_numbers {
    ($($number:ty),*) => {
        $(impl From<$number> for Value<'_> {
            fn from(number: $number) -> Self {
                Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
            }
        })*
    };
}
from_numbers!(i32, u32, u64, usize);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};

    use super::*;

    #[test]
    fn every_key_used_has_a_text_and_every_text_is_used() {
        let used = keys_used(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/ui")));
        let known: BTreeSet<&str> = messages().map(|(key, _)| key).collect();
        let missing: Vec<_> = used
            .iter()
            .filter(|key| !known.contains(key.as_str()))
            .collect();
        assert!(missing.is_empty(), "no text for {missing:?}");
        let unused: Vec<_> = known.iter().filter(|key| !used.contains(**key)).collect();
        assert!(unused.is_empty(), "nobody says {unused:?}");
    }

    #[test]
    fn fluent_says_the_same() {
        const NAMES: [&str; 3] = ["yes", "no", "Bob"];
        const NUMBERS: [i64; 6] = [0, 1, 2, 21, 60, 1_000_000];
        let source = include_str!("../../locales/en/main.ftl");
        let resource = FluentResource::try_new(source.to_owned()).unwrap();
        let mut bundle = FluentBundle::new(vec![LANGUAGE.parse().unwrap()]);
        // Without invisible marks around each value: accessible names are compared, searched and copied.
        bundle.set_use_isolating(false);
        // A key that is there twice is refused.
        bundle.add_resource(resource).unwrap();
        let mut compared = 0;
        for (key, pattern) in messages() {
            let theirs = bundle.get_message(key).unwrap().value().unwrap();
            let names: BTreeSet<&str> = pattern
                .split([VALUE, CHOICE])
                .skip(1)
                .map(|rest| rest.split_once(END).unwrap().0)
                .collect();
            let texts = NAMES.map(|name| (Value::from(name), FluentValue::from(name)));
            let numbers = NUMBERS.map(|number| (Value::Number(number), FluentValue::from(number)));
            for (value, their_value) in texts.into_iter().chain(numbers) {
                let ours: Vec<_> = names.iter().map(|name| (*name, value.clone())).collect();
                let mut said = String::new();
                put_in(pattern, &ours, &mut said);
                let given = names.iter().map(|name| (*name, their_value.clone()));
                let given = FluentArgs::from_iter(given);
                let mut errors = Vec::new();
                let expected = bundle.format_pattern(theirs, Some(&given), &mut errors);
                assert!(errors.is_empty(), "{key}: {errors:?}");
                assert_eq!(said, expected, "{key} with {value:?}");
                compared += 1;
            }
        }
        assert!(compared > 1_000, "{compared}");
    }

    #[test]
    fn a_choice_within_a_choice_is_read() {
        let inner = format!("{CHOICE}b{END}{VARIANT}*x{END}X{VALUE}a{END}{DONE}");
        let outer = format!("({CHOICE}a{END}{VARIANT}1{END}{inner}!{VARIANT}*o{END}O{DONE})");
        for (a, b, expected) in [(1, "x", "(X1!)"), (1, "y", "(X1!)"), (2, "x", "(O)")] {
            let mut out = String::new();
            put_in(&outer, &[("a", a.into()), ("b", b.into())], &mut out);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn values_are_put_in_and_counted() {
        assert_eq!(t!("unread", count = 1), "1 unread");
        assert_eq!(list::<&str>(&[]), "");
        assert_eq!(list(&["bob"]), "bob");
        assert_eq!(list(&["bob", "carol", "dave"]), "bob, carol and dave");
    }

    fn keys_used(folder: &Path) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                keys.extend(keys_used(&path));
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            for (at, call) in source.match_indices("t!(") {
                // Not `format!`, and not where the documentation speaks of it.
                let alone = !source[..at]
                    .ends_with(|c: char| c.is_alphanumeric() || matches!(c, '`' | '"'));
                let argument = source[at + call.len()..].trim_start();
                if let Some(rest) = argument.strip_prefix('"').filter(|_| alone) {
                    keys.extend(rest.split('"').next().map(str::to_owned));
                }
            }
        }
        keys
    }
}
