//! Parses durations and sizes in readable form, such as `1h30m` and `64KiB`.

use std::time::Duration;

use cupel_types::Bytes;

/// Parses a duration: one or more whole numbers with `ms`, `s`, `m`, `h` or `d`, usually with the largest unit first.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit_ms: u64 = match &rest[..end] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        rest = &rest[end..];
        total = total.checked_add(Duration::from_millis(number.checked_mul(unit_ms)?))?;
    }
    Some(total)
}

/// Parses seconds as a plain number (`1`, `0.5`), or a duration with its unit. This is the format of `--time`.
pub(crate) fn seconds(text: &str) -> Option<Duration> {
    match text.parse::<f64>() {
        Ok(n) => Duration::try_from_secs_f64(n).ok().filter(|d| !d.is_zero()),
        Err(_) => duration(text).filter(|d| !d.is_zero()),
    }
}

/// Parses a size: a whole number with `B`, `KiB`, `MiB` or `GiB`. `K`, `M` and `G` mean the same as `KiB`, `MiB` and
/// `GiB`.
pub(crate) fn size(text: &str) -> Option<Bytes> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let unit: u64 = match text[digits..].trim() {
        "B" => 1,
        "K" | "KiB" => 1 << 10,
        "M" | "MiB" => 1 << 20,
        "G" | "GiB" => 1 << 30,
        _ => return None,
    };
    Some(Bytes::new(text[..digits].parse::<u64>().ok()?.checked_mul(unit)?))
}

/// Parses megabytes as a plain number, or a size with its unit. This is the format of `--memory`.
pub(crate) fn megabytes(text: &str) -> Option<Bytes> {
    match text.parse::<u64>() {
        Ok(n) => Some(Bytes::mib(n)),
        Err(_) => size(text),
    }
    .filter(|bytes| bytes.get() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_their_unit() {
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(duration("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(duration("30d"), Some(Duration::from_secs(30 * 86400)));
        for bad in ["", "30", "s", "-1s", "1.5s", "1 s", "1w", "99999999999999999999s", "999999999999999999d"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn seconds_may_be_plain_and_are_never_zero() {
        assert_eq!(seconds("2"), Some(Duration::from_secs(2)));
        assert_eq!(seconds("0.5"), Some(Duration::from_millis(500)));
        assert_eq!(seconds("200ms"), Some(Duration::from_millis(200)));
        for bad in ["0", "-1", "nan", "inf", "1e99", "x", "0s"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn sizes_are_binary() {
        assert_eq!(size("256MiB"), Some(Bytes::mib(256)));
        assert_eq!(size("1G"), Some(Bytes::mib(1024)));
        assert_eq!(size("512 B"), Some(Bytes::new(512)));
        assert_eq!(megabytes("64"), Some(Bytes::mib(64)));
        assert_eq!(megabytes("64M"), Some(Bytes::mib(64)));
        for bad in ["", "64", "64MB", "-1M", "1.5G", "99999999999G"] {
            assert_eq!(size(bad), None, "{bad}");
        }
        assert_eq!(megabytes("0"), None);
    }
}
