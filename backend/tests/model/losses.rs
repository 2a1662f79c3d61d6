//! Wraps that the server has lost: some for good, some for a while.

use std::collections::BTreeMap;

use secure_chat_shared::ids::{Epoch, UserId};

use crate::rng::Rng;

/// How many of a thousand wraps are lost.
const LOST: usize = 300;

/// Which wraps the server has lost.
pub struct Losses {
    seed: u64,
    /// How often a wrap will not be found; for good where there is none.
    left: BTreeMap<(usize, Epoch, UserId), Option<u32>>,
}

impl Losses {
    /// As a seed has it.
    pub fn new(seed: u64) -> Self {
        let left = BTreeMap::new();
        Self { seed, left }
    }

    /// Whether somebody's wrap of an epoch, in the conversation begun as the so-many-th, is not found now.
    pub fn is_lost(&mut self, conversation: usize, epoch: Epoch, user: UserId) -> bool {
        let place = (conversation as u64) << 40 | u64::from(epoch.0) << 8 | u64::from(user.0[0]);
        let mut rng = Rng::new(self.seed ^ place.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let left = self
            .left
            .entry((conversation, epoch, user))
            .or_insert_with(|| match (rng.chance(LOST), rng.below(4)) {
                (false, _) => Some(0),
                (true, 0) => None,
                (true, times) => Some(u32::try_from(times).unwrap()),
            });
        match left {
            None => true,
            Some(0) => false,
            Some(times) => {
                *times -= 1;
                true
            }
        }
    }
}
