//! Types for sizes and counts, one per unit. Times are [`std::time::Duration`].

use std::fmt;

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(u64);

impl Bytes {
    /// Zero bytes.
    pub const ZERO: Bytes = Bytes(0);

    /// Exactly `n` bytes.
    pub const fn new(n: u64) -> Bytes {
        Bytes(n)
    }

    /// `n` KiB (1024 bytes each); saturates.
    pub const fn kib(n: u64) -> Bytes {
        Bytes(n.saturating_mul(1024))
    }

    /// `n` MiB (1024 KiB each); saturates.
    pub const fn mib(n: u64) -> Bytes {
        Bytes(n.saturating_mul(1024 * 1024))
    }

    /// The number of bytes.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whole KiB, rounded up, so that a nonzero size is never shown as zero.
    pub const fn as_kib(self) -> u64 {
        self.0.div_ceil(1024)
    }

    /// Whole MiB, rounded down.
    pub const fn as_mib(self) -> u64 {
        self.0 / (1024 * 1024)
    }

    /// The difference, or zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Bytes) -> Bytes {
        Bytes(self.0.saturating_sub(other.0))
    }

    /// The sum, or `u64::MAX` bytes on overflow.
    #[must_use]
    pub const fn saturating_add(self, other: Bytes) -> Bytes {
        Bytes(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Bytes {
    /// Writes the exact number in the largest binary unit that divides it: `64 MiB`, `1500 bytes`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n != 0 && n % (1 << 30) == 0 => write!(f, "{} GiB", n >> 30),
            n if n != 0 && n % (1 << 20) == 0 => write!(f, "{} MiB", n >> 20),
            n if n != 0 && n % (1 << 10) == 0 => write!(f, "{} KiB", n >> 10),
            n => write!(f, "{n} bytes"),
        }
    }
}

/// A number of user-mode machine instructions; kernel instructions are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instructions(u64);

impl Instructions {
    /// Exactly `n` instructions.
    pub const fn new(n: u64) -> Instructions {
        Instructions(n)
    }

    /// The number of instructions.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Instructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} instructions", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_exact_and_uses_the_largest_unit() {
        let text = |n| Bytes::new(n).to_string();
        assert_eq!(text(0), "0 bytes");
        assert_eq!(text(1500), "1500 bytes");
        assert_eq!(text(64 << 20), "64 MiB");
        assert_eq!(text((64 << 20) + 1024), "65537 KiB");
        assert_eq!(text(1 << 30), "1 GiB");
    }

    #[test]
    fn kib_rounds_up() {
        assert_eq!(Bytes::new(1).as_kib(), 1);
        assert_eq!(Bytes::new(1025).as_kib(), 2);
        assert_eq!(Bytes::ZERO.as_kib(), 0);
    }
}
