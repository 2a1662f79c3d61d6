//! Invitation codes: what an operator who takes no strangers gives to those who may register.
//!
//! 80 random bits: nobody guesses one, and its hash gives nothing away.

use secure_chat_shared::crypto::random;
use sha2::{Digest, Sha256};

/// Crockford's base 32: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a code, without the dashes; 5 bits each.
const CHARS: usize = 16;
/// Characters between two dashes.
const GROUP: usize = 4;

/// SHA-256 of a code's characters: what the database keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeHash(pub [u8; 32]);

/// A random code, as it is shown.
pub fn make() -> String {
    let mut text = String::with_capacity(CHARS + CHARS / GROUP);
    for (i, byte) in random::bytes::<CHARS>().into_iter().enumerate() {
        if i != 0 && i % GROUP == 0 {
            text.push('-');
        }
        text.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    text
}

/// The hash of a code that somebody typed: in any case, with any spaces and dashes, O for 0, I and L for 1.
pub fn hash(typed: &str) -> CodeHash {
    let plain: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '–' | '—'))
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        })
        .collect();
    CodeHash(Sha256::digest(plain).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_shown_and_as_typed() {
        let code = make();
        assert_eq!(code.len(), 19);
        assert_ne!(code, make());
        let typed = code.to_lowercase().replace('-', " ");
        let typed = typed.replace('0', "o").replace('1', "l");
        assert_eq!(hash(&format!(" {typed}\n")), hash(&code));
        assert_ne!(hash(&code[1..]), hash(&code));
    }
}
