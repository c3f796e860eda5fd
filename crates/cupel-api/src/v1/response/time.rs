//! Times in responses.

use jiff::Timestamp;

/// Time in RFC 3339, in UTC, with milliseconds.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
