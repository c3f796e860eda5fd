//! Versions of PostgreSQL.

/// A version as people write it, such as `12.5`, from its `server_version_num`, such as 120005.
///
/// Source: PostgreSQL's manual, "PQserverVersion". Since version 10, a version has two parts; older ones have three.
pub fn version_text(server_version_num: i32) -> String {
    let (major, rest) = (server_version_num / 10_000, server_version_num % 10_000);
    if major >= 10 { format!("{major}.{rest}") } else { format!("{major}.{}.{}", rest / 100, rest % 100) }
}

#[cfg(test)]
mod tests {
    use super::version_text;

    #[test]
    fn a_version_has_two_parts_since_10_and_three_before() {
        for (number, text) in [
            (90_105, "9.1.5"),
            (90_200, "9.2.0"),
            (90_624, "9.6.24"),
            (100_001, "10.1"),
            (120_005, "12.5"),
            (120_022, "12.22"),
            (130_000, "13.0"),
        ] {
            assert_eq!(version_text(number), text);
        }
    }
}
