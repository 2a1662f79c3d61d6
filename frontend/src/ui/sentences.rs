//! What the engine tells, as sentences.

use secure_chat_shared::client::api::{
    Algorithm, Conversation, Deed, Failure, Happened, InvalidRow, KeyChange, LastLine, Notice,
    Place, Reason,
};
use secure_chat_shared::client::password::Weakness;
use secure_chat_shared::crypto::recovery::RecoveryCodeError;
use secure_chat_shared::ids::{NameError, UserId};
use yew::AttrValue;

use super::format;
use super::state::{Said, others};
use super::text::{list, t};

/// Most people whose names stand for a conversation without a title.
const MAX_NAMED: usize = 3;
/// Most people who are named in a sentence.
const MAX_LISTED: usize = 8;

/// What happened and what to do.
pub fn failure(failure: &Failure) -> AttrValue {
    match failure {
        Failure::Offline => t!("failure-offline"),
        Failure::WrongCredentials => t!("failure-wrong-credentials"),
        Failure::NameTaken => t!("failure-name-taken"),
        Failure::NameRefused(rule) => rule.clone().into(),
        Failure::WeakPassword => t!("failure-weak-password"),
        Failure::RegistrationClosed => t!("failure-registration-closed"),
        Failure::TooMany(wait_ms) => {
            t!("failure-too-many", seconds = wait_ms.div_ceil(1000).max(1))
        }
        Failure::NoSuchPerson(name) => t!("failure-no-such-person", name = name.as_str()),
        Failure::AlreadyMember(name) => t!("failure-already-member", name = name.as_str()),
        Failure::NobodyToInvite => t!("failure-nobody-to-invite"),
        Failure::IdentityChanged(_, name) => t!("failure-identity-changed", name = name.as_str()),
        Failure::NotAllowed => t!("failure-not-allowed"),
        Failure::LogBroken => t!("failure-log-broken"),
        Failure::TooLarge => t!("failure-too-large"),
        Failure::NotSignedIn => t!("failure-not-signed-in"),
        Failure::Storage(why) => t!("failure-storage", why = why.as_str()),
        Failure::Server(id) => t!("failure-server", id = id.as_str()),
        Failure::Internal(why) => t!("failure-internal", why = why.as_str()),
        Failure::WrongState => t!("failure-wrong-state"),
        Failure::BadLink => t!("failure-bad-link"),
        Failure::WrongPassword => t!("failure-wrong-password"),
        Failure::Outdated => t!("failure-outdated"),
        Failure::KeyMissing => t!("failure-key-missing"),
        Failure::CodeNeeded => t!("failure-code-needed"),
        Failure::CodeWrong => t!("failure-code-wrong"),
        Failure::AccountDisabled => t!("failure-account-disabled"),
        Failure::WrongRecoveryCode => t!("failure-wrong-recovery-code"),
        Failure::SecondFactor => t!("failure-second-factor"),
        Failure::PasskeyRefused => t!("failure-passkey-refused"),
        Failure::NoPasskey => t!("failure-no-passkey"),
    }
}

/// Why a text is no user name.
pub fn name_error(error: NameError) -> AttrValue {
    match error {
        NameError::TooShort => t!("name-too-short"),
        NameError::TooLong => t!("name-too-long"),
        NameError::Character | NameError::NotNormal => t!("name-character"),
    }
}

/// Why a password is refused.
pub fn weakness(weakness: Weakness) -> AttrValue {
    match weakness {
        Weakness::TooShort => t!("password-too-short"),
        Weakness::Common => t!("password-common"),
        Weakness::IsName => t!("password-is-name"),
        Weakness::Pattern => t!("password-pattern"),
    }
}

/// Why a text is no recovery code.
pub fn code_error(error: RecoveryCodeError) -> AttrValue {
    match error {
        RecoveryCodeError::Length => t!("code-length"),
        RecoveryCodeError::Character => t!("code-character"),
        RecoveryCodeError::Checksum => t!("code-mistyped"),
    }
}

/// Where a browser was last connected from.
pub fn place(place: &Place) -> AttrValue {
    match place {
        Place::Unknown => t!("place-unknown"),
        Place::ThisMachine => t!("place-this-machine"),
        Place::PrivateNetwork => t!("place-private-network"),
        Place::Internet(address) => t!("place-internet", address = address.as_str()),
    }
}

/// A passing note.
pub fn said(said: &Said) -> AttrValue {
    match said {
        Said::Notice(notice) => noticed(notice),
        Said::Failure(why) => failure(why),
        Said::SessionEnded => t!("session-ended"),
        Said::Copied => t!("copied"),
        Said::LinkCopied => t!("link-copied"),
        Said::PasswordChanged => t!("password-changed"),
        Said::RecoveryCodeReplaced => t!("code-replaced"),
        Said::KeysChanged(KeyChange::Algorithm(to)) => {
            t!("algorithm-changed", algorithm = algorithm(*to).as_str())
        }
        Said::KeysChanged(KeyChange::Rotate) => t!("keys-changed"),
        Said::KeysChanged(KeyChange::Compromised) => t!("keys-replaced"),
        Said::NotCopied => t!("not-copied"),
    }
}

fn noticed(notice: &Notice) -> AttrValue {
    match notice {
        Notice::OfflineWillBeTold(names) => {
            t!(
                "notice-offline",
                names = people(names).as_str(),
                count = names.len()
            )
        }
        Notice::RotatedSinceVerified(name) => t!("notice-rotated", name = name.as_str()),
        Notice::StoreRebuilt => t!("notice-store-rebuilt"),
        Notice::Trouble(why) => failure(why),
        Notice::Compromised(name) => t!("notice-compromised", name = name.as_str()),
        Notice::VerifiedByLink(name) => t!("notice-verified-by-link", name = name.as_str()),
        Notice::GaveBack(count) => t!("notice-gave-back", count = *count),
        Notice::SignedInElsewhere { browser, time } => {
            t!(
                "notice-signed-in-elsewhere",
                browser = browser.as_str(),
                time = format::moment(*time).as_str()
            )
        }
        Notice::PasswordChanged => t!("notice-password-changed"),
    }
}

/// Something that happened in a conversation.
pub fn happened(happened: &Happened) -> AttrValue {
    let own = if happened.own { "yes" } else { "no" };
    let actor = happened.actor.as_str();
    match &happened.what {
        Deed::Created => t!("deed-created", own = own, actor = actor),
        Deed::Invited(names) => {
            t!(
                "deed-invited",
                own = own,
                actor = actor,
                names = people(names).as_str()
            )
        }
        Deed::Uninvited(names) => {
            t!(
                "deed-uninvited",
                own = own,
                actor = actor,
                names = people(names).as_str()
            )
        }
        Deed::Accepted => t!("deed-accepted", own = own, actor = actor),
        Deed::Declined => t!("deed-declined", own = own, actor = actor),
        Deed::Left => t!("deed-left", own = own, actor = actor),
        Deed::Removed(names) => {
            t!(
                "deed-removed",
                own = own,
                actor = actor,
                names = people(names).as_str()
            )
        }
        Deed::Promoted(name) => {
            t!(
                "deed-promoted",
                own = own,
                actor = actor,
                name = name.as_str()
            )
        }
        Deed::Demoted(name) => t!(
            "deed-demoted",
            own = own,
            actor = actor,
            name = name.as_str()
        ),
        Deed::Renamed(title) if title.is_empty() => {
            t!("deed-unnamed", own = own, actor = actor)
        }
        Deed::Renamed(title) => {
            t!(
                "deed-renamed",
                own = own,
                actor = actor,
                title = title.as_str()
            )
        }
        Deed::RenamedSealed => t!("deed-renamed-sealed", own = own, actor = actor),
        Deed::Rotated => t!("deed-rotated", own = own, actor = actor),
        Deed::Compromised => t!("deed-compromised", own = own, actor = actor),
        Deed::Rekeyed(epoch) => t!("deed-rekeyed", own = own, actor = actor, epoch = epoch.0),
        Deed::Shared(name) => t!(
            "deed-shared",
            own = own,
            actor = actor,
            name = name.as_str()
        ),
        Deed::Faulted => t!("deed-faulted", own = own, actor = actor),
        Deed::Rewrapped(name) => {
            t!(
                "deed-rewrapped",
                own = own,
                actor = actor,
                name = name.as_str()
            )
        }
        Deed::Switched(to) => t!(
            "deed-switched",
            own = own,
            actor = actor,
            algorithm = algorithm(*to).as_str()
        ),
        Deed::ServerRekeyed(epoch) => t!("deed-server-rekeyed", epoch = epoch.0),
    }
}

/// Why an entry is not shown.
pub fn invalid(row: &InvalidRow) -> AttrValue {
    let author = row.author.as_str();
    match row.reason {
        Reason::Seal => t!("invalid-seal", author = author),
        Reason::Signature => t!("invalid-signature", author = author),
        Reason::Malformed => t!("invalid-malformed", author = author),
        Reason::Conflict => t!("invalid-conflict", author = author),
        Reason::Purged => t!("invalid-purged", author = author),
        Reason::View => t!("invalid-view", author = author),
        Reason::NoKey => t!("invalid-no-key", author = author),
    }
}

/// Name of a conversation: its title, or who else is in it.
pub fn conversation_name(conversation: &Conversation, me: &UserId) -> AttrValue {
    if !conversation.title.is_empty() {
        return conversation.title.clone().into();
    }
    let names: Vec<&str> = others(conversation, me)
        .map(|member| member.name.as_str())
        .collect();
    match names.len() {
        0 => t!("conversation-alone"),
        _ => at_most(MAX_NAMED, &names),
    }
}

/// "bob and carol", "bob, carol and 497 others".
fn people(names: &[String]) -> AttrValue {
    at_most(MAX_LISTED, names)
}

/// Names, the last of which stand for all that there is no room for.
fn at_most<S: AsRef<str>>(max: usize, names: &[S]) -> AttrValue {
    if names.len() <= max {
        return list(names);
    }
    let (named, rest) = names.split_at(max - 1);
    let named: Vec<&str> = named.iter().map(AsRef::as_ref).collect();
    t!(
        "names-and-others",
        names = named.join(", "),
        count = rest.len()
    )
}

/// The last line of a conversation in the list.
pub fn last_line(line: &LastLine, is_group: bool) -> AttrValue {
    match (line.author.is_empty(), is_group) {
        (true, _) => t!("last-line-own", text = line.text.as_str()),
        (false, true) => {
            t!(
                "last-line-by",
                author = line.author.as_str(),
                text = line.text.as_str()
            )
        }
        (false, false) => line.text.clone().into(),
    }
}

/// Name of a signature algorithm.
pub fn algorithm(algorithm: Algorithm) -> AttrValue {
    match algorithm {
        Algorithm::RsaPss => AttrValue::Static("RSA-PSS"),
        Algorithm::Dsa => AttrValue::Static("DSA"),
    }
}

/// A fingerprint or another long hex number in groups of four.
pub fn groups(hex: &str) -> String {
    let chars: Vec<char> = hex.chars().collect();
    chars
        .chunks(4)
        .map(|group| group.iter().collect::<String>())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use secure_chat_shared::client::api::{Member, Standing};
    use secure_chat_shared::ids::{ConversationId, Epoch, Timestamp};

    use super::*;

    fn conversation(title: &str, names: &[&str]) -> Conversation {
        let member = |(index, name): (usize, &&str)| Member {
            user: UserId([u8::try_from(index).unwrap(); 16]),
            name: (*name).to_owned(),
            invited: false,
            admin: false,
            verified: false,
            removable: false,
            by_link: false,
            rotated: false,
            changeable: false,
            shareable: false,
            algorithm: Algorithm::RsaPss,
        };
        Conversation {
            id: ConversationId([0; 32]),
            title: title.into(),
            members: names.iter().enumerate().map(member).collect(),
            standing: Standing::Member,
            last: None,
            unread: 0,
            read: 0,
            managed: false,
            epoch: Epoch(1),
            active: Timestamp(0),
            blocked: None,
            draft: String::new(),
            head_code: String::new(),
        }
    }

    #[test]
    fn conversations_are_named_by_title_or_people() {
        let me = UserId([0; 16]);
        for (title, names, expected) in [
            ("Garden", vec!["alice", "bob"], "Garden"),
            ("", vec!["alice", "bob"], "bob"),
            ("", vec!["alice", "bob", "carol"], "bob and carol"),
            (
                "",
                vec!["alice", "bob", "carol", "dave"],
                "bob, carol and dave",
            ),
            (
                "",
                vec!["alice", "bob", "carol", "dave", "eve"],
                "bob, carol and 2 others",
            ),
        ] {
            assert_eq!(
                conversation_name(&conversation(title, &names), &me),
                expected
            );
        }
    }

    #[test]
    fn deeds_are_told_of_oneself_and_others() {
        let deed = |own, what| {
            let row = Happened {
                actor: "alice".into(),
                own,
                what,
                algorithm: Algorithm::RsaPss,
            };
            happened(&row)
        };
        let names = vec!["bob".to_owned(), "carol".to_owned()];
        assert_eq!(
            deed(true, Deed::Invited(names.clone())),
            "You invited bob and carol."
        );
        assert_eq!(
            deed(false, Deed::Removed(names)),
            "alice removed bob and carol."
        );
        let many: Vec<_> = (1..=499).map(|n| format!("p{n}")).collect();
        assert_eq!(
            deed(false, Deed::Invited(many)),
            "alice invited p1, p2, p3, p4, p5, p6, p7 and 492 others."
        );
    }

    #[test]
    fn long_numbers_are_grouped() {
        assert_eq!(groups("0123456789ab"), "0123 4567 89ab");
        assert_eq!(groups(""), "");
    }
}
