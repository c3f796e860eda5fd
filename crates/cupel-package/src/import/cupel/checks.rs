//! `[checker]` and `[interactor]` of Cupel's own format.

use super::super::Context;
use super::program;
use crate::doc::{Reader, Unknown};
use crate::finding::Code;
use cupel_problem::{
    AfterInteraction, Checker, Comparison, ErrorMode, Interactor, JudgeProgram, Method, OrderOf, Protocol, TokenRules,
    Tolerance,
};

/// The keys of each kind of checker.
const KEYS: &[(&str, &[&str])] = &[
    (
        "tokens",
        &[
            "case_sensitive",
            "space_sensitive",
            "float_tolerance",
            "float_absolute_tolerance",
            "float_relative_tolerance",
        ],
    ),
    ("lines", &[]),
    ("exact", &["normalize_newlines"]),
    ("trimmed", &[]),
    ("floats", &["precision", "mode"]),
    ("unordered", &["of"]),
    ("program", &["program", "protocol", "args"]),
];

/// Returns the method by which all cases are judged, and reports all faults. `None` if a fault leaves no method.
pub(super) fn method(context: &Context<'_>, top: &Reader<'_>) -> Option<Method> {
    let checker = top.get("checker");
    let interactor = top.get("interactor");
    if interactor.is_some() {
        interactor.map();
        interactor.only(&["program", "protocol", "args"], Unknown::Error);
        let program = judge_program(context, &interactor)?;
        let then = match checker.is_some() {
            true => AfterInteraction::Check(read_checker(context, &checker)?),
            false => AfterInteraction::Verdict,
        };
        return Some(Method::Interact(Interactor { program, then }));
    }
    read_checker(context, &checker).map(Method::Check)
}

fn read_checker(context: &Context<'_>, reader: &Reader<'_>) -> Option<Checker> {
    reader.map();
    let kind = reader.get("kind").text().unwrap_or("tokens");
    let known = KEYS.iter().find(|(known, _)| *known == kind).map_or(&[][..], |(_, keys)| *keys);
    reader.only(&[&["kind"], known].concat(), Unknown::Error);
    let flag = |key: &str| reader.get(key).bool().unwrap_or(false);
    let comparison = match kind {
        "tokens" => Comparison::Tokens(tokens(reader)?),
        "lines" => Comparison::TokensByLine,
        "exact" => Comparison::Exact { normalize_newlines: flag("normalize_newlines") },
        "trimmed" => Comparison::TrimmedLines,
        "floats" => Comparison::Floats {
            precision: u8::try_from(reader.get("precision").integer(0, 30).unwrap_or(6)).unwrap_or(6),
            mode: match reader.get("mode").text() {
                None | Some("either") => ErrorMode::Either,
                Some("absolute") => ErrorMode::Absolute,
                Some("relative") => ErrorMode::Relative,
                Some(_) => {
                    reader.get("mode").expected("`either`, `absolute` or `relative`");
                    return None;
                }
            },
        },
        "unordered" => Comparison::Unordered(match reader.get("of").text() {
            None | Some("lines") => OrderOf::Lines,
            Some("tokens") => OrderOf::Tokens,
            Some(_) => {
                reader.get("of").expected("`lines` or `tokens`");
                return None;
            }
        }),
        "program" => return judge_program(context, reader).map(Checker::Program),
        _ => {
            reader.get("kind").expected("`tokens`, `lines`, `exact`, `trimmed`, `floats`, `unordered` or `program`");
            return None;
        }
    };
    Some(Checker::Builtin(comparison))
}

fn tokens(reader: &Reader<'_>) -> Option<TokenRules> {
    let number = |key: &str| -> Option<Option<Tolerance>> {
        let value = reader.get(key);
        if !value.is_some() {
            return Some(None);
        }
        let tolerance = value.parsed::<f64>("a number, 0 or above").map(Tolerance::new);
        if matches!(tolerance, Some(Err(_))) {
            value.expected("a number, 0 or above");
        }
        tolerance?.ok().map(Some)
    };
    let (both, absolute, relative) =
        (number("float_tolerance")?, number("float_absolute_tolerance")?, number("float_relative_tolerance")?);
    if both.is_some() && (absolute.is_some() || relative.is_some()) {
        let fault = "`float_tolerance` cannot be combined with the other tolerances";
        reader.get("float_tolerance").fault(Code::KeyType, fault, "Use it alone, or use the other two");
        return None;
    }
    Some(TokenRules {
        case_sensitive: reader.get("case_sensitive").bool().unwrap_or(false),
        space_sensitive: reader.get("space_sensitive").bool().unwrap_or(false),
        absolute_tolerance: both.or(absolute),
        relative_tolerance: both.or(relative),
    })
}

fn judge_program(context: &Context<'_>, reader: &Reader<'_>) -> Option<JudgeProgram> {
    let program = program(context, &reader.get("program"))?;
    let protocol = match reader.get("protocol").text() {
        None | Some("kattis") => Protocol::FeedbackDirectory,
        Some("testlib") => Protocol::Testlib { percent: false },
        Some("testlib-percent") => Protocol::Testlib { percent: true },
        Some(_) => {
            reader.get("protocol").expected("`kattis`, `testlib` or `testlib-percent`");
            return None;
        }
    };
    Some(JudgeProgram { program, protocol, args: reader.get("args").arguments().unwrap_or_default(), words: None })
}

#[cfg(test)]
mod tests {
    use super::KEYS;

    #[test]
    fn the_description_of_the_format_names_the_keys_of_each_kind() {
        let text = include_str!("../../../README.md");
        let kinds = KEYS.iter().map(|(kind, _)| *kind).collect::<Vec<_>>().join(", ");
        assert!(text.contains(&format!("# {kinds}\n")), "{kinds}");
        for (kind, keys) in KEYS {
            let row = text.lines().find(|line| line.starts_with(&format!("| `{kind}` |"))).expect(kind);
            let (_, described) = row.strip_suffix('|').and_then(|row| row.rsplit_once('|')).expect(kind);
            assert_eq!(described.trim().is_empty(), keys.is_empty(), "{row}");
            for key in *keys {
                assert!(described.contains(&format!("`{key}`")), "{kind}: {key}");
            }
        }
    }
}
