//! Token buckets: one a socket for its frames, and one a name or address for attempts that cost something.

use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

/// How much is allowed: so many at once, and so many a second for long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    burst: f64,
    per_second: f64,
}

impl Rate {
    /// `burst` at once, `per_second` for long.
    pub fn new(burst: u32, per_second: f64) -> Self {
        Self {
            burst: f64::from(burst),
            per_second,
        }
    }
}

/// A bucket that fills with time and from which every use takes one token.
#[derive(Debug, Clone)]
pub struct Bucket {
    rate: Rate,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    /// A full bucket.
    pub fn new(rate: Rate, now: Instant) -> Self {
        Self {
            rate,
            tokens: rate.burst,
            filled: now,
        }
    }

    /// Takes a token, or says how long it takes until there is one.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let grown = now.saturating_duration_since(self.filled).as_secs_f64() * self.rate.per_second;
        self.tokens = (self.tokens + grown).min(self.rate.burst);
        self.filled = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        let missing = (1.0 - self.tokens) / self.rate.per_second.max(f64::MIN_POSITIVE);
        Err(Duration::try_from_secs_f64(missing).unwrap_or(FOREVER))
    }
}

/// What "never" is rounded to.
const FOREVER: Duration = Duration::from_secs(24 * 60 * 60);

/// Keys remembered at most; the least recently used is forgotten, and so gets a full bucket again.
const KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99_999);

/// Buckets by key.
///
/// The lock is held for one bucket's arithmetic.
pub struct Attempts<K: Hash + Eq> {
    rate: Rate,
    buckets: Mutex<LruCache<K, Bucket>>,
}

impl<K: Hash + Eq> Attempts<K> {
    /// All buckets full.
    pub fn new(rate: Rate) -> Self {
        Self {
            rate,
            buckets: Mutex::new(LruCache::unbounded()),
        }
    }

    /// Takes a token of `key`'s, or says how long it takes until there is one.
    pub fn take(&self, key: K) -> Result<(), Duration> {
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = buckets
            .get_or_insert_mut(key, || Bucket::new(self.rate, now))
            .take(now);
        if buckets.len() > KEPT.get() {
            buckets.pop_lru();
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let start = Instant::now();
        let mut bucket = Bucket::new(Rate::new(2, 0.5), start);
        assert_eq!(bucket.take(start), Ok(()));
        assert_eq!(bucket.take(start), Ok(()));
        assert_eq!(bucket.take(start), Err(Duration::from_secs(2)));
        assert_eq!(bucket.take(start + Duration::from_secs(2)), Ok(()));
        assert!(bucket.take(start + Duration::from_secs(3)).is_err());
        // Never more than the burst, however long it was left alone.
        let later = start + Duration::from_secs(1_000);
        assert_eq!(bucket.take(later), Ok(()));
        assert_eq!(bucket.take(later), Ok(()));
        assert!(bucket.take(later).is_err());
    }

    #[test]
    fn a_bucket_that_never_fills_says_to_wait_long() {
        let now = Instant::now();
        let mut bucket = Bucket::new(Rate::new(0, 0.0), now);
        assert_eq!(bucket.take(now), Err(FOREVER));
    }

    #[test]
    fn keys_do_not_share_a_bucket() {
        let attempts = Attempts::new(Rate::new(1, 0.001));
        assert_eq!(attempts.take("alice"), Ok(()));
        assert!(attempts.take("alice").is_err());
        assert_eq!(attempts.take("bob"), Ok(()));
    }
}
