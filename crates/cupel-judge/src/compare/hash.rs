//! A keyed hash of a byte sequence, independent of how the sequence is split into pieces.
//!
//! The hash is a polynomial over the prime 2^61 - 1 at a secret point, which the author of the bytes does not know. Two
//! different sequences of at most n bytes collide with a probability of at most (n / 7 + 2) / 2^61. Source: Carter and
//! Wegman, "Universal classes of hash functions", 1979.
//!
//! Multisets of sequences are compared by another polynomial, whose roots are the hashes of the sequences: see
//! [`Product`]. Source: Schwartz, "Fast probabilistic algorithms for verification of polynomial identities", 1980.

use std::hash::{BuildHasher, RandomState};

const PRIME: u64 = (1 << 61) - 1;
/// Number of bytes processed at once: the largest number of bytes whose value is always below the prime.
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

/// Hash of a multiset of hashes: the value, at a secret point, of the polynomial whose roots are these hashes. Two
/// different multisets of at most n hashes have the same value with a probability of at most about n / 2^61.
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

/// Hash of the bytes pushed so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hash {
    sum: u64,
    /// Bytes that do not yet fill a step, and their number.
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

    /// Returns the hash value, which is below the prime. The number of pending bytes is not hashed, because the
    /// length determines it.
    fn value(&self, key: &Key) -> u64 {
        next(next(self.sum, key.point, self.pending), key.point, self.length % PRIME)
    }
}

/// Adds a word. The constant 1 makes every word nonzero, so that zero bytes also change the hash.
fn next(sum: u64, point: u64, word: u64) -> u64 {
    reduce(u128::from(sum) * u128::from(point) + u128::from(word) + 1)
}

/// Returns the remainder modulo 2^61 - 1 of a number up to the square of that modulus.
#[expect(clippy::cast_possible_truncation, reason = "both parts are below 2^62")]
fn reduce(n: u128) -> u64 {
    let folded = (n as u64 & PRIME) + (n >> 61) as u64;
    if folded >= PRIME { folded - PRIME } else { folded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_depends_on_the_bytes_and_not_on_the_pieces() {
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
    fn multisets_are_equal_if_their_elements_and_counts_are() {
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
    fn the_reduction_equals_the_remainder_of_a_division() {
        for n in [0, 1, PRIME.into(), u128::from(PRIME) + 1, u128::from(PRIME) * u128::from(PRIME), (1 << 122) + 12345]
        {
            assert_eq!(u128::from(reduce(n)), n % u128::from(PRIME), "{n}");
        }
    }
}
