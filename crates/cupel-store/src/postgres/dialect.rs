//! Translation of the common SQL dialect to PostgreSQL.

/// The same statement for PostgreSQL: `?` and `?1` become `$1`, text in `/*pg …*/` is kept, text between `/*sqlite*/`
/// and `/*end*/` is removed, and `instr` is replaced by PostgreSQL's function. Question marks and such comments inside
/// string literals would also be translated; no statement of Cupel contains any.
pub(super) fn translate(sql: &str) -> String {
    const PG: &str = "/*pg ";
    const SQLITE: &str = "/*sqlite*/";
    const END: &str = "/*end*/";
    let mut text = String::with_capacity(sql.len() + 16);
    let mut places = 0;
    let mut rest = sql;
    while let Some(at) = rest.find(['?', '/', '*', 'i']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix('?') {
            let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            text.push('$');
            if digits == 0 {
                places += 1;
                text.push_str(&places.to_string());
            }
            // Digits that follow are copied with the rest.
            rest = after;
        } else if let Some(after) = rest.strip_prefix(PG) {
            rest = after;
        } else if let Some(after) = rest.strip_prefix("*/") {
            rest = after;
        } else if rest.starts_with(SQLITE) {
            rest = rest.split_once(END).map_or("", |(_, after)| after);
        } else if let Some(after) = rest.strip_prefix("instr(") {
            text.push_str("strpos(");
            rest = after;
        } else {
            let (one, after) = rest.split_at(1);
            text.push_str(one);
            rest = after;
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::translate;

    #[test]
    fn statements_are_translated_to_postgresql() {
        for (sql, expected) in [
            ("SELECT 1 FROM t WHERE a = ? AND b = ?", "SELECT 1 FROM t WHERE a = $1 AND b = $2"),
            ("SELECT ?1, ?12, ?1", "SELECT $1, $12, $1"),
            ("SELECT a FROM t LIMIT ? /*pg FOR UPDATE */", "SELECT a FROM t LIMIT $1 FOR UPDATE "),
            ("SELECT a FROM t /*sqlite*/ INDEXED BY i /*end*/ WHERE x", "SELECT a FROM t  WHERE x"),
            (
                "SELECT count(*) * 2 / 1 FROM t WHERE instr(a, ?) > 0",
                "SELECT count(*) * 2 / 1 FROM t WHERE strpos(a, $1) > 0",
            ),
        ] {
            assert_eq!(translate(sql), expected);
        }
    }
}
