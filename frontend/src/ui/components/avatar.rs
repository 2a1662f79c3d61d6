//! A person's or conversation's picture: initials on a colour that belongs to the id.

use yew::prelude::*;

/// Colours that the style sheet knows.
const HUES: u32 = 12;

/// Properties of [`Avatar`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// What the initials are of.
    pub name: AttrValue,
    /// First bytes of an id: the same one has the same colour everywhere.
    pub seed: u32,
    /// Smaller, for rows.
    #[prop_or_default]
    pub small: bool,
    /// Whether a group stands behind it.
    #[prop_or_default]
    pub group: bool,
    /// A dot in its corner.
    #[prop_or_default]
    pub children: Html,
}

/// Initials on a colour. Decoration: the name stands beside it.
#[component]
pub fn Avatar(props: &Props) -> Html {
    let hue = format!("hue-{}", props.seed % HUES);
    let class = classes!(
        "avatar",
        hue,
        props.small.then_some("small"),
        props.group.then_some("group")
    );
    html! {
        <span {class} aria-hidden="true">{ initials(&props.name) }{ props.children.clone() }</span>
    }
}

/// A colour's seed from an id's bytes.
pub fn seed(id: &[u8]) -> u32 {
    id.iter()
        .take(4)
        .fold(0, |seed, byte| seed << 8 | u32::from(*byte))
}

/// The first letter of the first one or two words.
fn initials(name: &str) -> String {
    let words = name
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words
        .take(2)
        .filter_map(|word| word.chars().next())
        .flat_map(char::to_uppercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_of_the_first_two_words() {
        for (name, expected) in [
            ("bob", "B"),
            ("zoe.van.den.berg", "ZV"),
            ("bob, carol and dave", "BC"),
            ("ольга", "О"),
            ("", ""),
        ] {
            assert_eq!(initials(name), expected, "{name}");
        }
    }
}
