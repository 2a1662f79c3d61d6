//! Where a schedule's choices come from: SplitMix64 (Steele, Lea and Flood, 2014), so that a number replays them.

/// A stream of choices.
#[derive(Clone)]
pub struct Rng(u64);

impl Rng {
    /// The same seed gives the same choices.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    /// Whether something happens that happens so many times in a thousand.
    pub fn chance(&mut self, in_thousand: usize) -> bool {
        self.below(1000) < in_thousand
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// One of them, each as likely as its weight; `None` where none has any.
    pub fn weighted<T: Copy>(&mut self, from: &[(usize, T)]) -> Option<T> {
        let total: usize = from.iter().map(|(weight, _)| weight).sum();
        if total == 0 {
            return None;
        }
        let mut place = self.below(total);
        for (weight, choice) in from {
            match place.checked_sub(*weight) {
                Some(rest) => place = rest,
                None => return Some(*choice),
            }
        }
        None
    }
}
