//! Ids: UUIDv7 from the clock's time, strictly increasing within a process.
//!
//! Layout after RFC 9562, section 5.7: 48 bits of milliseconds, 18 bits of counter (its method 1), and random bits. In
//! every millisecond the counter starts at a random value in its lower half. If it overflows, the time advances by one
//! millisecond. So a list by id is a list by time of acceptance, as far as the clocks of the nodes agree.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use rand::Rng as _;
use uuid::Uuid;

const COUNTER_BITS: u32 = 18;

#[derive(Debug, Default)]
pub(crate) struct IdGenerator {
    /// Millisecond and counter of the last id.
    last: Mutex<(u64, u32)>,
}

impl IdGenerator {
    /// An id larger than every earlier one of this generator.
    pub(crate) fn next(&self, now: Timestamp) -> Uuid {
        let mut random = [0u8; 10];
        rand::rng().fill_bytes(&mut random);
        let now_ms = u64::try_from(now.as_millisecond()).unwrap_or(0);
        let start = u32::from_be_bytes([0, random[0], random[1], random[2]]) >> (24 - COUNTER_BITS + 1);
        let (ms, counter) = {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            *last = if now_ms > last.0 {
                (now_ms, start)
            } else if last.1 + 1 < 1 << COUNTER_BITS {
                (last.0, last.1 + 1)
            } else {
                (last.0 + 1, start)
            };
            *last
        };
        // 4 + 8 bits of the counter follow the version, and the other 6 bits follow the variant.
        random[0] = (counter >> 14) as u8 & 0x0f;
        random[1] = (counter >> 6) as u8;
        random[2] = counter as u8 & 0x3f;
        uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid()
    }
}

/// The smallest id with this time.
pub(crate) fn first_at(time: Timestamp) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(time.as_millisecond()).unwrap_or(0), &[0; 10]).into_uuid()
}

/// 32 random bytes.
pub(crate) fn secret() -> [u8; 32] {
    let mut bytes = [0u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_increase_even_if_the_clock_stops_or_goes_backwards() {
        let ids = IdGenerator::default();
        let now = Timestamp::from_millisecond(1_800_000_000_000).unwrap();
        let mut before = ids.next(now);
        assert_eq!(before.get_version_num(), 7);
        for i in 0..600_000 {
            let at = if i % 3 == 0 { now - jiff::SignedDuration::from_secs(1) } else { now };
            let id = ids.next(at);
            assert!(id > before, "{before} then {id}");
            before = id;
        }
    }
}
