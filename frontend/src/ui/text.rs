//! Every sentence that a person reads, from `locales/`; `t!("key")` and `t!("key", name = value)` are the way in.

use std::cell::OnceCell;

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};
use yew::AttrValue;

/// The source of the English texts.
const ENGLISH: &str = include_str!("../../locales/en/main.ftl");

/// Language of the texts, for the browser's own words in the middle of them ("5 minutes ago").
pub const LANGUAGE: &str = "en";

/// The text of a key, with named values put in.
macro_rules! t {
    ($key:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::ui::text::text($key, &[$((stringify!($name), $value.into())),*])
    };
}
pub(crate) use t;

/// What [`t!`] calls. A key without a text, which a test rules out, gives the key.
pub fn text(key: &'static str, values: &[(&'static str, FluentValue<'_>)]) -> AttrValue {
    thread_local! {
        static BUNDLE: OnceCell<FluentBundle<FluentResource>> = const { OnceCell::new() };
    }
    BUNDLE.with(|bundle| {
        let bundle = bundle.get_or_init(english);
        let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
            return AttrValue::Static(key);
        };
        let mut args = FluentArgs::with_capacity(values.len());
        for (name, value) in values {
            args.set(*name, value.clone());
        }
        bundle
            .format_pattern(pattern, Some(&args), &mut Vec::new())
            .into_owned()
            .into()
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

fn english() -> FluentBundle<FluentResource> {
    // A resource with a mistake still gives its good messages; a test sees to it that there are no mistakes.
    let resource = FluentResource::try_new(ENGLISH.to_owned()).unwrap_or_else(|(good, _)| good);
    let mut bundle = FluentBundle::new(LANGUAGE.parse().into_iter().collect());
    // Without invisible marks around each value: accessible names are compared, searched and copied.
    bundle.set_use_isolating(false);
    bundle.add_resource_overriding(resource);
    bundle
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_key_used_has_a_text_and_every_text_is_used() {
        let used = keys_used(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/ui")));
        let bundle = english();
        let missing: Vec<_> = used.iter().filter(|key| !bundle.has_message(key)).collect();
        assert!(missing.is_empty(), "no text for {missing:?}");
        let unused: Vec<_> = keys_defined().filter(|key| !used.contains(*key)).collect();
        assert!(unused.is_empty(), "nobody says {unused:?}");
    }

    #[test]
    fn the_resource_is_without_mistakes() {
        let result = FluentResource::try_new(ENGLISH.to_owned());
        assert!(
            result.is_ok(),
            "{:?}",
            result.err().map(|(_, errors)| errors)
        );
        let mut seen = BTreeSet::new();
        let twice: Vec<_> = keys_defined().filter(|key| !seen.insert(*key)).collect();
        assert!(twice.is_empty(), "said twice: {twice:?}");
    }

    #[test]
    fn values_are_put_in_and_counted() {
        assert_eq!(t!("unread", count = 1), "1 unread");
        assert_eq!(list::<&str>(&[]), "");
        assert_eq!(list(&["bob"]), "bob");
        assert_eq!(list(&["bob", "carol", "dave"]), "bob, carol and dave");
    }

    fn keys_defined() -> impl Iterator<Item = &'static str> {
        let starts = |line: &&str| line.starts_with(|c: char| c.is_ascii_lowercase());
        ENGLISH
            .lines()
            .filter(starts)
            .filter_map(|line| line.split_once(" ="))
            .map(|(key, _)| key)
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
