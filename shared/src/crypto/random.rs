//! The system's random numbers.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

/// Fills a buffer.
///
/// # Panics
/// Where the system has no randomness to give: nothing that follows would be safe, and no caller could do better.
#[allow(clippy::expect_used)]
pub fn fill(buffer: &mut [u8]) {
    getrandom::fill(buffer).expect("the system gives no random numbers");
}

/// So many random bytes.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    fill(&mut out);
    out
}

/// The system's generator, for the crates that ask for one.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRng;

impl TryRng for SystemRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(bytes()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(bytes()))
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Infallible> {
        fill(buffer);
        Ok(())
    }
}

impl TryCryptoRng for SystemRng {}
