//! Tests the comparisons against a naive oracle that stores whole texts, and on the cases that the formats define.

use std::io::{BufRead, BufReader, Read};

use proptest::prelude::*;

use super::*;

fn builtin(name: &str, flags: &str) -> BuiltIn {
    let flags: Vec<String> = flags.split_whitespace().map(str::to_owned).collect();
    BuiltIn::parse(name, &flags).unwrap()
}

fn run(builtin: &BuiltIn, answer: impl BufRead, pieces: &[&[u8]]) -> CompareResult {
    let mut comparer = builtin.compare(answer);
    for piece in pieces {
        comparer.output(piece).unwrap();
    }
    comparer.finish().unwrap()
}

/// Formats the finding without the words, because the words of a difference depend on how far the input had arrived.
fn place(finding: &CompareResult) -> String {
    match finding {
        CompareResult::Different(d) => format!("{:?} {} {} {} {}", d.what, d.word, d.line, d.answer_at, d.output_at),
        other => format!("{other:?}"),
    }
}

fn same(name: &str, flags: &str, answer: &str, output: &str) -> bool {
    run(&builtin(name, flags), answer.as_bytes(), &[output.as_bytes()]) == CompareResult::Same
}

/// Checks rows of (answer, output, whether it is accepted).
fn check(name: &str, flags: &str, rows: &[(&str, &str, bool)]) {
    for (answer, output, accepted) in rows {
        assert_eq!(same(name, flags, answer, output), *accepted, "{name} {flags}: {answer:?} {output:?}");
    }
}

#[test]
fn by_default_words_are_compared_case_insensitively() {
    check(
        "default",
        "",
        &[
            ("1 2\n3\n", "1\t2 \r\n\r\n 3", true),
            ("", " \n\x0b\x0c", true),
            ("", "", true),
            ("yes", "Yes", true),
            ("12", "1 2", false),
            ("1 2", "12", false),
            ("1 2", "1", false),
            ("1", "1 2", false),
            ("", "0", false),
            ("0", "", false),
            ("a", "a\0a", false),
            ("a\0", "a", false),
            ("a\u{a0}b", "a b", false),
            ("-0", "0", false),
            ("0.0", "0", false),
            ("INF", "inf", true),
            ("infinity", "inf", false),
            ("ab", "aBC", false),
            ("abc", "aB", false),
        ],
    );
    check("default", "case_sensitive", &[("yes", "Yes", false), ("yes", "yes", true)]);
}

#[test]
fn space_is_compared_byte_by_byte_if_it_is_significant() {
    let rows = [
        ("1 2\n", "1 2\n", true),
        ("1 2\n", "1 2", false),
        ("1 2", "1 2\n", false),
        (" 1", "1", false),
        ("1  2", "1 2", false),
        ("1 2", "1\t2", false),
        ("a b", "A b", true),
        ("\n", "", false),
        ("", "\n", false),
        ("1 3", "1 2", false),
    ];
    check("default", "space_change_sensitive", &rows);
    check(
        "default",
        "space_change_sensitive float_tolerance 0.1",
        &[("1.00 2", "1 2.05", true), ("1.00 2", "1  2", false), ("1.00\n", "1", false), ("1.00\n", "1\n", true)],
    );
}

#[test]
fn numbers_are_compared_within_the_tolerance() {
    let rows = [
        ("100", "0100", true),
        ("100", "+100", true),
        ("100", "1e2", true),
        ("100", ".1e3", true),
        ("100", "100.", true),
        ("100", "100.00000000000000000000000000000000000000000001", true),
        ("200", "2.0e2", true),
        ("0", "-0", true),
        ("0", "1e-4000", false),
        ("0", "1e-20000", false),
        ("1000A", "1000.0A", false),
        ("-1-1", "-1-1", true),
        ("-1-1", "-1 -1", false),
        ("1", "1 1", false),
        ("1.0", "x", false),
        ("1.0", "0x1", false),
        ("x", "1.0", false),
        ("nan", "NaN", true),
        ("-nan", "nan", false),
        ("1.0 x", "1 X", true),
        ("1.0x", "1x", false),
    ];
    check("default", "float_tolerance 0", &rows);
    check(
        "default",
        "float_absolute_tolerance 1e-3 case_sensitive",
        &[
            ("0", "0.001", true),
            ("0", "0.0011", false),
            ("1e6", "1000001", false),
            ("1E6", "1e6", true),
            ("E", "e", false),
        ],
    );
    check(
        "default",
        "float_relative_tolerance 1e-3",
        &[("0", "1e-9", false), ("1e6", "1000999", true), ("1e6", "1001001", false)],
    );
}

#[test]
fn a_word_too_long_for_a_number_is_compared_as_text() {
    let long = format!("1.{}", "0".repeat(2000));
    check("default", "float_tolerance 1e-6", &[("1", &long, true), (&long, "1", false), (&long, &long, true)]);
    let longer = format!("1.{}", "0".repeat(100_000));
    check("default", "float_tolerance 1e-6", &[("1", &longer, false)]);
}

#[test]
fn the_other_comparisons_follow_their_rules() {
    check(
        "exact",
        "",
        &[("a b\n", "a b\n", true), ("a b\n", "a b", false), ("a\n", "a\r\n", false), ("a", "A", false)],
    );
    check(
        "exact",
        "normalize_newlines",
        &[("a\nb\n", "a\r\nb\r", true), ("a\n\nb", "a\r\n\r\nb", true), ("a\n\nb", "a\r\nb", false)],
    );
    check(
        "trimmed",
        "",
        &[
            ("a\nb\n", "a  \nb\t\n\n\n", true),
            ("a\nb", " a\nb", false),
            ("a\nb", "a\n b", false),
            ("a\nb", "a\n\nb", false),
            ("a\n\nb", "a\n \nb", true),
            ("", "\n", true),
        ],
    );
    check("trimmed-end", "", &[("a b", "a b \n\n", true), ("a\nb", "a \nb", false)]);
    check(
        "lines",
        "",
        &[("1 2\n3", "1  2\n\n3\n", true), ("1 2\n3", "1\n2 3", false), ("\n1", "1", true), ("a", "A", false)],
    );
    check(
        "floats",
        "precision 3",
        &[("1.0 2\n3", "1.0005 2\n3.0", true), ("1 2", "1\n2", false), ("1.0", "1.1", false), ("x", "x", true)],
    );
    check("floats", "absolute precision 0", &[("1000", "1001", true), ("1000", "1002", false)]);
    check("floats", "relative precision 2", &[("1000", "1010", true), ("0", "0.001", false)]);
    check(
        "sorted-lines",
        "",
        &[("b 1\na\n", "a\n\nb  1", true), ("a\na\nb", "a\nb\nb", false), ("a\nb", "a b", false), ("a", "a\na", false)],
    );
    check("sorted-words", "", &[("1 2 3", "3\n2\n1", true), ("1 1 2", "1 2 2", false), ("12", "1 2", false)]);
    check("characters", "", &[("Abc", "c\nB A", true), ("abc", "abb", false), ("a", "aa", false)]);
    check("numbers", "", &[("1 0.5", "1.0000000001 .5", true), ("1", "1.1", false)]);
    check("std::lcmp.cpp", "", &[("a b\n\nc\n", "a  b\n\nc", true), ("a\n\nc", "a\nc", false)]);
    check("std::fcmp.cpp", "", &[("a b\n", "a b\r\n", true), ("a b", "a  b", false)]);
    check("std::yesno.cpp", "", &[("YES", "yes", true), ("YES", "no", false)]);
    check("wcmp", "", &[("YES", "yes", false)]);
    check("rcmp9", "", &[("1", "1.0000000001", true), ("1", "1.00000001", false)]);
    check("uncmp", "", &[("1 2", "2 1", true)]);
    // testlib permits 1e-15 more, for the rounding of the difference.
    check("dcmp", "", &[("0.123456", "0.123457", true), ("0.3", "0.300001", true), ("0.123456", "0.1234581", false)]);
    check("rcmp6", "", &[("0.123456", "0.123457", true)]);
}

#[test]
fn the_share_of_right_lines_is_reported() {
    let share = |answer: &str, output: &str| run(&builtin("line-count", ""), answer.as_bytes(), &[output.as_bytes()]);
    assert_eq!(share("a\nb\nc\n", "a\nx\nc"), CompareResult::Share { right: 2, of: 3 });
    assert_eq!(share("a\nb\n", "a \n\nb"), CompareResult::Same);
    assert_eq!(share("5\n a  b\n", "  5\n\ta  b \n"), CompareResult::Same, "white space at both ends is ignored");
    assert_eq!(share("a  b\nc\n", "a b\nc\n"), CompareResult::Share { right: 1, of: 2 });
    assert_eq!(share("a\nb\n", "a\n"), CompareResult::Share { right: 1, of: 2 });
    assert!(matches!(share("a\nb", "a\nb\nc"), CompareResult::Different(Difference { what: Differs::Count, .. })));
    let CompareResult::Different(none) = share("1\n2\n", "5\n6\n") else { panic!("a line is correct") };
    assert_eq!(none.for_author(), "none of 2 lines is correct");
    assert_eq!(share("", ""), CompareResult::Same);
}

#[test]
fn a_difference_in_space_alone_is_a_presentation_error_if_requested() {
    let compared = |answer: &str, output: &str| {
        run(&builtin("exact", "presentation_error"), answer.as_bytes(), &[output.as_bytes()])
    };
    assert_eq!(compared("a b\n", "a b\n"), CompareResult::Same);
    assert!(matches!(compared("a b\n", "a  b"), CompareResult::Presentation(_)));
    assert!(matches!(compared("a b c\n", "a  b d"), CompareResult::Different(_)));
    assert!(matches!(compared("a b\n", "ab\n"), CompareResult::Different(_)));
}

#[test]
fn the_first_difference_is_reported_with_position_and_words() {
    let difference_of =
        |answer: &str, output: &str| match run(&builtin("default", ""), answer.as_bytes(), &[output.as_bytes()]) {
            CompareResult::Different(difference) => difference,
            other => panic!("{other:?}"),
        };
    let at = |d: Difference| (d.what, d.word, d.line, d.answer_at, d.output_at);
    assert_eq!(at(difference_of("1 2\n3 4", "1 2\n3 5\n")), (Differs::Word, 4, 2, 6, 6));
    assert_eq!(at(difference_of("1\n2\n3", "1\n2\n")), (Differs::Missing, 3, 3, 4, 4));
    assert_eq!(at(difference_of("", "x")), (Differs::Trailing, 1, 1, 0, 0));
    assert_eq!(at(difference_of("ab abc", "ab\n abd")), (Differs::Word, 2, 2, 3, 4));
    assert_eq!(at(difference_of("abc", "ab")), (Differs::Word, 1, 1, 0, 0));
    let words = difference_of("x \x07b", "x ab\u{e9}").for_author();
    assert_eq!(words, r#"word 2, line 1 of the output: expected "\x07b", got "ab\xc3\xa9""#);
    let long = difference_of(&"x".repeat(1000), &format!("{}y", "x".repeat(999)));
    assert_eq!((long.expected.len(), long.actual.len()), (SHOWN_BYTES_MAX, SHOWN_BYTES_MAX));
}

#[test]
fn unknown_flags_are_rejected() {
    let parse = |name: &str, flags: &[&str]| {
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        BuiltIn::parse(name, &flags).map_err(|error| error.to_string())
    };
    for (name, flags, word) in [
        ("default", &["case_insensitive"][..], "no flag `case_insensitive`"),
        ("default", &["float_tolerance"], "needs a number"),
        ("default", &["float_tolerance", "x"], "needs a number"),
        ("default", &["float_tolerance", "-1"], "needs a number"),
        ("default", &["float_tolerance", "1", "float_tolerance", "1"], "occurs twice"),
        ("default", &["float_tolerance", "1", "float_absolute_tolerance", "1"], "excludes"),
        ("default", &["presentation_error"], "no flag"),
        ("exact", &["case_sensitive"], "no flag"),
        ("floats", &["precision", "31"], "needs a number"),
        ("characters", &["x"], "no flag"),
        ("std::testlib.h", &[], "unknown comparison"),
        ("", &[], "unknown comparison"),
    ] {
        let error = parse(name, flags).unwrap_err();
        assert!(error.contains(word), "{name} {flags:?}: {error}");
    }
}

#[test]
fn an_unreadable_answer_is_an_error_and_not_a_verdict() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
    }
    for name in ["default", "sorted-lines", "line-count"] {
        let mut comparer = builtin(name, "").compare(BufReader::new(Broken));
        let seen = comparer.output(b"x\n");
        assert!(seen.is_err() || comparer.finish().is_err(), "{name}");
    }
}

// ---- the oracle -------------------------------------------------------------------------------------

fn words(text: &[u8]) -> Vec<&[u8]> {
    text.split(|b| is_space(*b)).filter(|word| !word.is_empty()).collect()
}

fn lines(text: &[u8]) -> Vec<Vec<&[u8]>> {
    text.split(|b| *b == b'\n').map(words).filter(|line| !line.is_empty()).collect()
}

fn near(a: &[u8], o: &[u8], tolerance: f64) -> Option<bool> {
    let a = number::parse(a)?;
    Some(number::parse(o).is_some_and(|o| (o - a).abs() <= tolerance || (o - a).abs() <= tolerance * a.abs()))
}

fn words_agree(a: &[u8], o: &[u8], case: bool, tolerance: Option<f64>) -> bool {
    let equal = if case { a == o } else { a.eq_ignore_ascii_case(o) };
    match tolerance.and_then(|tolerance| near(a, o, tolerance)) {
        Some(near) => near,
        None => equal,
    }
}

fn lists_agree(a: &[&[u8]], o: &[&[u8]], case: bool, tolerance: Option<f64>) -> bool {
    a.len() == o.len() && a.iter().zip(o).all(|(a, o)| words_agree(a, o, case, tolerance))
}

fn trimmed(text: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = text.split(|b| *b == b'\n').map(trimmed_end).collect();
    while lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines
}

fn trimmed_end(text: &[u8]) -> Vec<u8> {
    text[..text.iter().rposition(|b| !is_space(*b)).map_or(0, |at| at + 1)].to_vec()
}

fn spaces(text: &[u8]) -> Vec<&[u8]> {
    text.split(|b| !is_space(*b)).filter(|run| !run.is_empty()).collect()
}

fn oracle(name: &str, flags: &str, a: &[u8], o: &[u8]) -> bool {
    let sorted = |mut list: Vec<Vec<&[u8]>>| {
        list.sort();
        list.into_iter().map(|line| line.into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    match (name, flags) {
        ("default", "") => lists_agree(&words(a), &words(o), false, None),
        ("default", "case_sensitive") => lists_agree(&words(a), &words(o), true, None),
        ("default", "float_tolerance 0.5") => lists_agree(&words(a), &words(o), false, Some(0.5)),
        ("default", "space_change_sensitive") => {
            let begins = |text: &[u8]| text.first().is_some_and(|b| is_space(*b));
            lists_agree(&words(a), &words(o), false, None) && spaces(a) == spaces(o) && begins(a) == begins(o)
        }
        ("exact", _) => a == o,
        ("trimmed", _) => trimmed(a) == trimmed(o),
        ("trimmed-end", _) => trimmed_end(a) == trimmed_end(o),
        ("lines", _) => lines(a) == lines(o),
        ("sorted-lines", _) => sorted(lines(a)) == sorted(lines(o)),
        ("sorted-words", _) => {
            sorted(vec![words(a)]).concat().len() == words(o).len() && {
                let (mut a, mut o) = (words(a), words(o));
                a.sort();
                o.sort();
                a == o
            }
        }
        _ => panic!("no oracle for {name} {flags}"),
    }
}

const ORACLES: [(&str, &str); 10] = [
    ("default", ""),
    ("default", "case_sensitive"),
    ("default", "float_tolerance 0.5"),
    ("default", "space_change_sensitive"),
    ("exact", ""),
    ("trimmed", ""),
    ("trimmed-end", ""),
    ("lines", ""),
    ("sorted-lines", ""),
    ("sorted-words", ""),
];

/// Generates texts over a small alphabet with all six kinds of white space, so that many of the texts are nearly equal.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let alphabet = prop::sample::select(b"aA01.-e\0 \n\t\r\x0b\x0c  \n\n".to_vec());
    prop::collection::vec(alphabet, 0..40)
}

/// Generates a text, and a second text that equals the first or differs from it in a few places.
fn pair() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let edit = (any::<prop::sample::Index>(), prop::sample::select(b"aA0.e \n\r".to_vec()), 0..4u8);
    (text(), prop::collection::vec(edit, 0..3)).prop_map(|(answer, edits)| {
        let mut output = answer.clone();
        for (at, byte, kind) in edits {
            let at = at.index(output.len() + 1);
            match kind {
                0 => output.insert(at, byte),
                1 if at < output.len() => drop(output.remove(at)),
                2 if at < output.len() => output[at] = byte,
                _ => {}
            }
        }
        (answer, output)
    })
}

fn agrees_with_the_oracle(answer: &[u8], output: &[u8], piece: usize, buffer: usize) {
    for (name, flags) in ORACLES {
        let pieces: Vec<&[u8]> = output.chunks(piece).collect();
        let found = run(&builtin(name, flags), BufReader::with_capacity(buffer, answer), &pieces);
        let (a, o) = (answer.escape_ascii(), output.escape_ascii());
        let expected = oracle(name, flags, answer, output);
        assert_eq!(found == CompareResult::Same, expected, "{name} {flags}: answer \"{a}\", output \"{o}\", {found:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nearly_equal_texts_are_judged_as_the_oracle_does((answer, output) in pair(), piece in 1..9usize, buffer in 1..9usize) {
        agrees_with_the_oracle(&answer, &output, piece, buffer);
    }

    #[test]
    fn any_two_texts_are_judged_as_the_oracle_does(answer in text(), output in text(), piece in 1..9usize) {
        agrees_with_the_oracle(&answer, &output, piece, 3);
    }

    #[test]
    fn long_texts_are_judged_as_the_oracle_does((part, other) in pair(), times in 1..40usize, piece in 1..400usize) {
        // The repetition makes the comparison skip blocks of equal bytes; the difference is at the end.
        let answer = [part.repeat(times), part.clone()].concat();
        let output = [part.repeat(times), other].concat();
        agrees_with_the_oracle(&answer, &output, piece, 100);
    }

    #[test]
    fn the_message_does_not_depend_on_how_the_output_is_split((answer, output) in pair(), piece in 1..9usize) {
        for (name, flags) in ORACLES {
            let whole = run(&builtin(name, flags), &answer[..], &[&output]);
            let pieces: Vec<&[u8]> = output.chunks(piece).collect();
            let in_pieces = run(&builtin(name, flags), BufReader::with_capacity(2, &answer[..]), &pieces);
            assert_eq!(place(&in_pieces), place(&whole), "{name} {flags}");
        }
    }

    #[test]
    fn every_text_is_equal_to_itself(text in prop::collection::vec(any::<u8>(), 0..300)) {
        for (name, flags) in ORACLES {
            assert_eq!(run(&builtin(name, flags), &text[..], &[&text]), CompareResult::Same, "{name} {flags}");
        }
    }
}
