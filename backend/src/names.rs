//! Names that could be mistaken for others (Unicode UTS #39).

use secure_chat_shared::ids::UserName;
use unicode_security::confusable_detection::skeleton;
use unicode_security::{GeneralSecurityProfile, RestrictionLevel, RestrictionLevelDetection};

/// What a name looks like. Two names with one skeleton look alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skeleton(String);

impl Skeleton {
    /// The skeleton as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name mixes scripts or has characters that names should not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name is written in one script, with that script's usual characters")]
pub struct Refused;

/// The name's skeleton, or the reason why it is no name for anybody.
///
/// Scripts may be mixed only as UTS #39 calls highly restrictive (Japanese with Latin letters, say): people do write
/// so, and the result cannot be mistaken for a word in one script.
pub fn judge(name: &UserName) -> Result<Skeleton, Refused> {
    let text = name.as_str();
    let usual = text.chars().all(GeneralSecurityProfile::identifier_allowed);
    if !usual || text.detect_restriction_level() > RestrictionLevel::HighlyRestrictive {
        return Err(Refused);
    }
    // Some prototypes are capitals (digit zero's is O), but names are compared in lowercase.
    let lower = skeleton(text).collect::<String>().to_lowercase();
    Ok(Skeleton(skeleton(&lower).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(raw: &str) -> Result<Skeleton, Refused> {
        judge(&UserName::normalise(raw).unwrap())
    }

    #[test]
    fn ordinary_names_pass() {
        for name in [
            "alice",
            "bob-2",
            "zoë.van-der_berg",
            "ольга",
            "さくら",
            "李明",
            "ßa",
            "מרים",
        ] {
            assert!(judged(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn mixed_scripts_are_refused() {
        // Cyrillic а in a Latin name; Greek ο in one.
        for name in ["\u{430}lice", "b\u{3bf}b", "alice-ольга"] {
            assert_eq!(judged(name), Err(Refused), "{name}");
        }
    }

    #[test]
    fn names_that_look_alike_share_a_skeleton() {
        // Two letters and one, digits and letters, a whole word in another script.
        for (one, other) in [
            ("modern", "modem"),
            ("b0b", "bob"),
            ("a1ice", "alice"),
            ("сосо", "coco"),
        ] {
            assert_eq!(judged(one), judged(other), "{one} {other}");
        }
        assert_ne!(judged("bob"), judged("rob"));
    }
}
