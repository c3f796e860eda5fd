//! A hash of a sequence of bytes under a secret key, that does not mind how the sequence is cut into pieces.
//!
//! A polynomial over the prime 2^61 - 1 at a secret point: two sequences of n bytes collide with probability n / 7 / 2^61, and whoever
//! writes them does not know the point. Source: Carter and Wegman, "Universal classes of hash functions", 1979.

use std::hash::{BuildHasher, RandomState};

const PRIME: u64 = (1 << 61) - 1;
/// Bytes taken at once: the most that stay below the prime.
const STEP: usize = 7;

/// The secret of one comparison.
#[derive(Clone, Debug)]
pub(super) struct Key {
    point: u64,
    mixers: [RandomState; 2],
}

impl Key {
    pub(super) fn random() -> Key {
        let mixers = [RandomState::new(), RandomState::new()];
        Key { point: mixers[0].hash_one(0u8) % (PRIME - 2) + 2, mixers }
    }

    /// A hash, spread over 128 bits: sums of these tell multisets apart.
    pub(super) fn spread(&self, hash: Hash) -> u128 {
        let whole = (hash.sum, hash.pending, hash.length);
        let [high, low] = [0, 1].map(|i| u128::from(self.mixers[i].hash_one(whole)));
        high << 64 | low
    }
}

/// The hash of what was pushed so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hash {
    sum: u64,
    /// Bytes that do not make a step yet, and how many they are.
    pending: u64,
    filled: u8,
    length: u64,
}

impl Hash {
    pub(super) fn push(&mut self, key: &Key, mut bytes: &[u8]) {
        self.length += bytes.len() as u64;
        while self.filled > 0 && !bytes.is_empty() {
            self.take(key, bytes[0]);
            bytes = &bytes[1..];
        }
        while let Some((step, rest)) = bytes.split_first_chunk::<STEP>() {
            let word = step.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
            self.sum = next(self.sum, key.point, word);
            bytes = rest;
        }
        bytes.iter().for_each(|byte| self.take(key, *byte));
    }

    fn take(&mut self, key: &Key, byte: u8) {
        self.pending = self.pending << 8 | u64::from(byte);
        self.filled += 1;
        if usize::from(self.filled) == STEP {
            self.sum = next(self.sum, key.point, self.pending);
            (self.pending, self.filled) = (0, 0);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }
}

/// A word more: never zero, so that a zero byte counts.
fn next(sum: u64, point: u64, word: u64) -> u64 {
    reduce(u128::from(sum) * u128::from(point) + u128::from(word) + 1)
}

/// The remainder by 2^61 - 1 of a number below 2^123.
#[expect(clippy::cast_possible_truncation, reason = "both parts are below 2^62")]
fn reduce(n: u128) -> u64 {
    let folded = (n as u64 & PRIME) + (n >> 61) as u64;
    if folded >= PRIME { folded - PRIME } else { folded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_do_not_matter_and_everything_else_does() {
        let key = Key::random();
        let hash = |pieces: &[&[u8]]| {
            let mut hash = Hash::default();
            pieces.iter().for_each(|piece| hash.push(&key, piece));
            hash
        };
        let whole = hash(&[b"the quick brown fox\0"]);
        assert_eq!(whole, hash(&[b"the q", b"", b"uick brown ", b"fox\0"]));
        for other in [&b"the quick brown fox"[..], b"the quick brown fox\0\0", b"the quick brown fow\0", b""] {
            assert_ne!(whole, hash(&[other]));
            assert_ne!(key.spread(whole), key.spread(hash(&[other])));
        }
        assert_ne!(hash(&[b"\0"]), hash(&[b"\0\0"]));
        assert_ne!(hash(&[&[0; 7]]), hash(&[&[0; 14]]));
    }

    #[test]
    fn the_remainder_is_that_of_a_division() {
        for n in [0, 1, PRIME.into(), u128::from(PRIME) + 1, u128::from(PRIME) * u128::from(PRIME), (1 << 122) + 12345]
        {
            assert_eq!(u128::from(reduce(n)), n % u128::from(PRIME), "{n}");
        }
    }
}
