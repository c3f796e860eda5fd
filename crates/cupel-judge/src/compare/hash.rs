//! A hash of a sequence of bytes under a secret key, that does not mind how the sequence is cut into pieces.
//!
//! A polynomial over the prime 2^61 - 1 at a secret point: two sequences of n bytes collide with probability n / 7 / 2^61, and whoever
//! writes them does not know the point. Source: Carter and Wegman, "Universal classes of hash functions", 1979.
//!
//! Multisets of sequences are told apart by another polynomial, whose roots are their hashes: see [`Product`]. Source: Schwartz, "Fast
//! probabilistic algorithms for verification of polynomial identities", 1980.

use std::hash::{BuildHasher, RandomState};

const PRIME: u64 = (1 << 61) - 1;
/// Bytes taken at once: the most that stay below the prime.
const STEP: usize = 7;

/// The secret of one comparison.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    point: u64,
    multiset_point: u64,
}

impl Key {
    pub(super) fn random() -> Key {
        let random = RandomState::new();
        let [point, multiset_point] = [0u8, 1].map(|which| random.hash_one(which) % (PRIME - 2) + 2);
        Key { point, multiset_point }
    }
}

/// A multiset of hashes: the value of the polynomial that has them as its roots, at a secret point. Two multisets of n hashes that differ
/// have the same one with probability n / 2^61.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Product(u64);

impl Default for Product {
    fn default() -> Product {
        Product(1)
    }
}

impl Product {
    pub(super) fn insert(&mut self, key: &Key, hash: Hash) {
        let factor = reduce(u128::from(key.multiset_point + PRIME - hash.value(key)));
        self.0 = reduce(u128::from(self.0) * u128::from(factor));
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
        while self.filled > 0
            && let [first, rest @ ..] = bytes
        {
            self.take(key, *first);
            bytes = rest;
        }
        while let Some((step, rest)) = bytes.split_first_chunk::<STEP>() {
            let [a, b, c, d, e, f, g] = *step;
            let word = u64::from_be_bytes([0, a, b, c, d, e, f, g]);
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

    /// Below the prime. The length says how many bytes are pending.
    fn value(&self, key: &Key) -> u64 {
        next(next(self.sum, key.point, self.pending), key.point, self.length % PRIME)
    }
}

/// A word more: never zero, so that a zero byte counts.
fn next(sum: u64, point: u64, word: u64) -> u64 {
    reduce(u128::from(sum) * u128::from(point) + u128::from(word) + 1)
}

/// The remainder by 2^61 - 1 of a number up to the square of that.
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
            assert_ne!(whole.value(&key), hash(&[other]).value(&key));
        }
        assert_ne!(hash(&[b"\0"]), hash(&[b"\0\0"]));
        assert_ne!(hash(&[&[0; 7]]), hash(&[&[0; 14]]));
    }

    #[test]
    fn a_multiset_is_what_is_in_it_and_how_often() {
        let key = Key::random();
        let product = |texts: &[&str]| {
            let mut product = Product::default();
            for text in texts {
                let mut hash = Hash::default();
                hash.push(&key, text.as_bytes());
                product.insert(&key, hash);
            }
            product
        };
        let whole = product(&["a", "b", "b"]);
        assert_eq!(whole, product(&["b", "a", "b"]));
        for other in [&["a", "a", "b"][..], &["a", "b"], &["ab", "b"], &[]] {
            assert_ne!(whole, product(other), "{other:?}");
        }
    }

    #[test]
    fn the_remainder_is_that_of_a_division() {
        for n in [0, 1, PRIME.into(), u128::from(PRIME) + 1, u128::from(PRIME) * u128::from(PRIME), (1 << 122) + 12345]
        {
            assert_eq!(u128::from(reduce(n)), n % u128::from(PRIME), "{n}");
        }
    }
}
