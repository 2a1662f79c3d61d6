//! Which passwords are refused, and how strong the others look.
//!
//! A taken-over server holds what it needs to guess passwords offline (the threat model says so), so the weakest ones
//! are refused before they are used. The rule is the same for the page, which explains it, and for the engine.

/// Fewest characters.
pub const MIN_CHARS: usize = 10;

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Fewer than [`MIN_CHARS`] characters.
    #[error("shorter than 10 characters")]
    TooShort,
    /// One of the first that anybody would guess, or one of those with digits and signs around it.
    #[error("one of the most common passwords")]
    Common,
    /// The user's name, or the name with digits and signs around it.
    #[error("the user's name")]
    IsName,
    /// One repeated or sequential run.
    #[error("a repetition or a sequence")]
    Pattern,
}

/// How strong a password that is not refused looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Holds against guessing through the server's rate limits, not against whoever takes the server.
    Fair,
    /// Holds for years against whoever takes the server.
    Good,
    /// Out of reach.
    Strong,
}

/// Judges a password for an account of this name.
pub fn judge(password: &str, name: &str) -> Result<Strength, Weakness> {
    let lower = password.to_lowercase();
    let core = core(&lower);
    if password.chars().count() < MIN_CHARS {
        return Err(Weakness::TooShort);
    }
    if is_pattern(&lower) {
        return Err(Weakness::Pattern);
    }
    if COMMON.contains(&lower.as_str()) || COMMON_CORES.contains(&unleet(core).as_str()) {
        return Err(Weakness::Common);
    }
    let name = name.trim().to_lowercase();
    if !name.is_empty() && (lower == name || core == name) {
        return Err(Weakness::IsName);
    }
    Ok(match bits(password) {
        bits if bits < 45.0 => Strength::Fair,
        bits if bits < 60.0 => Strength::Good,
        _ => Strength::Strong,
    })
}

/// The text without digits and signs at its ends: what people put around a word does not make it another one.
fn core(lower: &str) -> &str {
    lower.trim_matches(|c: char| !c.is_alphabetic())
}

/// Undoes the usual letter-like digits and signs.
fn unleet(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '0' => 'o',
            '1' | '!' => 'i',
            '3' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '7' => 't',
            other => other,
        })
        .collect()
}

/// At most three different characters, a unit of up to four repeated, or a run up or down the alphabet or the digits.
fn is_pattern(lower: &str) -> bool {
    let chars: Vec<char> = lower.chars().collect();
    let mut distinct = chars.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let repeats = (1..=4).any(|period| chars.iter().zip(&chars[period..]).all(|(a, b)| a == b));
    distinct.len() <= 3 || repeats || steps(&chars, 1) || steps(&chars, -1)
}

/// Whether each character follows the one before by `step`; digits wrap around.
fn steps(chars: &[char], step: i32) -> bool {
    chars.windows(2).all(|pair| {
        let (a, b) = (pair[0] as i32, pair[1] as i32);
        let wraps = matches!((step, pair[0], pair[1]), (1, '9', '0') | (-1, '0', '9'));
        b - a == step || wraps
    })
}

/// A careful guess at the password's entropy, in bits. Letters alone are counted as words are (about 2.6 bits each);
/// a character that repeats the one before it or goes on from it counts little.
fn bits(password: &str) -> f64 {
    let digit = password.chars().any(|c| c.is_ascii_digit());
    let upper = password.chars().skip(1).any(char::is_uppercase);
    let sign = password.chars().any(|c| !c.is_alphanumeric() && c != ' ');
    let per_char = match [digit, upper, sign].iter().filter(|has| **has).count() {
        0 => 2.6,
        1 => 3.4,
        2 => 4.2,
        _ => 5.0,
    };
    let chars: Vec<char> = password.chars().collect();
    let plain = chars
        .windows(2)
        .filter(|pair| (pair[1] as i32 - pair[0] as i32).abs() > 1)
        .count();
    let idle = chars.len().saturating_sub(1 + plain);
    per_char * (1 + plain) as f64 + 0.5 * idle as f64
}

/// Long ones from the published lists of leaked passwords.
const COMMON: &[&str] = &[
    "0987654321",
    "1029384756",
    "1122334455",
    "1234512345",
    "1234554321",
    "123456789a",
    "123456789q",
    "12345qwert",
    "123qweasdzxc",
    "1q2w3e4r5t",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "1qazxsw23edc",
    "3rjs1la7qe",
    "987654321a",
    "a123456789",
    "abcd123456",
    "asdf123456",
    "asdfghjkl1",
    "asdfghjkl;",
    "qazwsxedcrfv",
    "qwer123456",
    "qwerasdfzxcv",
    "qwertyuiop",
    "qwertyuiop123",
    "qwertyuiop[]",
    "zaq12wsxcde3",
    "zxcvbnm123",
    "zxcvbnm,./",
];

/// Words that people put digits and signs around.
const COMMON_CORES: &[&str] = &[
    "abc",
    "abcdef",
    "abcdefg",
    "admin",
    "administrator",
    "asdf",
    "asdfgh",
    "asdfghjkl",
    "baseball",
    "changeme",
    "charlie",
    "chocolate",
    "computer",
    "default",
    "dragon",
    "football",
    "iloveyou",
    "letmein",
    "liverpool",
    "login",
    "master",
    "michael",
    "monkey",
    "mustang",
    "pass",
    "passw",
    "passwd",
    "password",
    "passwort",
    "pokemon",
    "princess",
    "qazwsx",
    "qwert",
    "qwerty",
    "qwertyui",
    "qwertyuiop",
    "secret",
    "shadow",
    "sunshine",
    "superman",
    "test",
    "trustno",
    "user",
    "welcome",
    "whatever",
    "zxcvbn",
    "zxcvbnm",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weakest_are_refused() {
        for (password, weakness) in [
            ("", Weakness::TooShort),
            ("Tr0ub4dor", Weakness::TooShort),
            ("ααααααααα", Weakness::TooShort),
            ("aaaaaaaaaaaa", Weakness::Pattern),
            ("abababababab", Weakness::Pattern),
            ("abcdefghijkl", Weakness::Pattern),
            ("9876543210", Weakness::Pattern),
            ("1234567890", Weakness::Pattern),
            ("78901234567", Weakness::Pattern),
            ("1122112211", Weakness::Pattern),
            ("Password123", Weakness::Common),
            ("P@ssw0rd!!!", Weakness::Common),
            ("QWERTYUIOP", Weakness::Common),
            ("welcome2026!", Weakness::Common),
            ("1q2w3e4r5t", Weakness::Common),
            ("zoe.van.den.berg", Weakness::IsName),
            ("Zoe.van.den.Berg99", Weakness::IsName),
        ] {
            assert_eq!(
                judge(password, "Zoe.van.den.berg"),
                Err(weakness),
                "{password:?}"
            );
        }
    }

    #[test]
    fn the_others_are_ranked() {
        for (password, strength) in [
            ("blue monday", Strength::Fair),
            ("kitchen-7-lamp", Strength::Good),
            ("correct horse battery staple", Strength::Strong),
            ("g7#Vq2!mZp", Strength::Good),
            ("g7#Vq2!mZp0xLw9&", Strength::Strong),
            ("пароль не для чужих людей", Strength::Strong),
        ] {
            assert_eq!(
                judge(password, "alice"),
                Ok(strength),
                "{password:?}: {}",
                bits(password)
            );
        }
    }

    #[test]
    fn an_empty_name_refuses_nothing() {
        assert!(judge("kitchen-7-lamp", "").is_ok());
    }
}
