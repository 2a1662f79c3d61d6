//! The recovery code: 144 random bits and a checksum, written as 8 groups of 4 characters; shown once, kept by its user.

use std::fmt;

use zeroize::Zeroizing;

use super::label::{labelled, purpose};
use super::primitives::{derive, sha256};
use super::secret::{Secret, Secret32};

/// Random bytes of a code.
const ENTROPY: usize = 18;
/// Crockford's base 32: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a code, without the dashes.
const CHARS: usize = 32;
/// Characters between two dashes.
const GROUP: usize = 4;

/// A recovery code. Debug shows nothing; [`RecoveryCode::reveal`] does.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode(Secret<ENTROPY>);

/// Why a text is no recovery code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryCodeError {
    /// Not 32 characters.
    #[error("A recovery code has 8 groups of 4 characters.")]
    Length,
    /// A character that no code has.
    #[error("A recovery code is made of letters and digits.")]
    Character,
    /// Something is mistyped.
    #[error("The recovery code has a typing error.")]
    Checksum,
}

impl RecoveryCode {
    /// A random one.
    pub fn make() -> Self {
        Self(Secret::make())
    }

    #[cfg(feature = "vectors")]
    pub(crate) fn from_entropy(entropy: &[u8; ENTROPY]) -> Self {
        let mut code = Self(Secret::zero());
        code.0.as_mut().copy_from_slice(entropy);
        code
    }

    /// Reads what a person typed: any case, any spaces and dashes, O for 0, I and L for 1.
    pub fn parse(text: &str) -> Result<Self, RecoveryCodeError> {
        let mut values = Zeroizing::new(Vec::with_capacity(CHARS));
        for c in text
            .chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '–' | '—'))
        {
            values.push(value(c).ok_or(RecoveryCodeError::Character)?);
            if values.len() > CHARS {
                return Err(RecoveryCodeError::Length);
            }
        }
        if values.len() != CHARS {
            return Err(RecoveryCodeError::Length);
        }
        let mut bytes = Zeroizing::new([0; ENTROPY + 2]);
        for (five, eight) in bytes.chunks_exact_mut(5).zip(values.chunks_exact(8)) {
            let bits = eight
                .iter()
                .fold(0_u64, |bits, &value| bits << 5 | u64::from(value));
            five.copy_from_slice(&bits.to_be_bytes()[3..]);
        }
        let mut code = Self(Secret::zero());
        code.0.as_mut().copy_from_slice(&bytes[..ENTROPY]);
        if code.checksum() != bytes[ENTROPY..] {
            return Err(RecoveryCodeError::Checksum);
        }
        Ok(code)
    }

    /// The code as it is shown: `XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX`.
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; ENTROPY + 2]);
        bytes[..ENTROPY].copy_from_slice(self.0.expose());
        bytes[ENTROPY..].copy_from_slice(&self.checksum());
        let mut text = Zeroizing::new(String::with_capacity(CHARS + CHARS / GROUP));
        for (i, five) in bytes.chunks_exact(5).enumerate() {
            let bits = five
                .iter()
                .fold(0_u64, |bits, &byte| bits << 8 | u64::from(byte));
            for j in 0..8 {
                if (i, j) != (0, 0) && j % GROUP == 0 {
                    text.push('-');
                }
                text.push(char::from(ALPHABET[(bits >> (35 - 5 * j) & 31) as usize]));
            }
        }
        text
    }

    /// Unwraps K_priv.
    pub fn kek(&self) -> Secret32 {
        derive(self.0.expose(), None, &labelled(purpose::RECOVERY_KEK, &[]))
    }

    /// Proves the code to the server.
    pub fn auth(&self) -> Secret32 {
        derive(
            self.0.expose(),
            None,
            &labelled(purpose::RECOVERY_AUTH, &[]),
        )
    }

    /// What the server keeps: SHA-256 of [`RecoveryCode::auth`].
    pub fn verifier(&self) -> [u8; 32] {
        sha256(self.auth().expose())
    }

    fn checksum(&self) -> [u8; 2] {
        let hash = sha256(&Zeroizing::new(labelled(
            purpose::RECOVERY_CHECKSUM,
            &[self.0.expose()],
        )));
        [hash[0], hash[1]]
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode")
    }
}

fn value(c: char) -> Option<u8> {
    let c = match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        c => c,
    };
    let c = u8::try_from(c).ok()?;
    ALPHABET
        .iter()
        .position(|&other| other == c)
        .map(|i| i as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_shown_and_as_typed() {
        let code = RecoveryCode::make();
        let shown = code.reveal();
        assert_eq!(shown.len(), 39);
        assert!(shown.split('-').all(|group| group.len() == 4) && shown.split('-').count() == 8);
        assert_eq!(RecoveryCode::parse(&shown), Ok(code.clone()));
        let typed = shown
            .to_lowercase()
            .replace('-', " ")
            .replace('0', "o")
            .replace('1', "l");
        assert_eq!(
            RecoveryCode::parse(&format!(" {typed}\n")),
            Ok(code.clone())
        );
        assert_eq!(
            RecoveryCode::parse(&shown.replace(['-', ' '], "")),
            Ok(code)
        );
    }

    #[test]
    fn errors_are_told_apart() {
        let shown = RecoveryCode::make().reveal();
        assert_eq!(RecoveryCode::parse(""), Err(RecoveryCodeError::Length));
        assert_eq!(
            RecoveryCode::parse(&shown[1..]),
            Err(RecoveryCodeError::Length)
        );
        let longer = format!("{}0", *shown);
        assert_eq!(RecoveryCode::parse(&longer), Err(RecoveryCodeError::Length));
        let strange = shown.replacen(&shown[..1], "U", 1);
        assert_eq!(
            RecoveryCode::parse(&strange),
            Err(RecoveryCodeError::Character)
        );
        let last = if shown.ends_with('0') { "2" } else { "0" };
        let mistyped = format!("{}{last}", &shown[..38]);
        assert_eq!(
            RecoveryCode::parse(&mistyped),
            Err(RecoveryCodeError::Checksum)
        );
    }

    #[test]
    fn derived_keys_differ() {
        let code = RecoveryCode::make();
        assert_ne!(code.kek(), code.auth());
        assert_ne!(code.kek(), RecoveryCode::make().kek());
    }
}
