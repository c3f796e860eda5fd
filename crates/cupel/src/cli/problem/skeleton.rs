//! The files of a new package: small, complete, and accepted by `cupel verify`.

use cupel_problem::Slug;

/// Path and text; `{slug}` and `{title}` are replaced.
const STDIO: &[(&str, &str)] = &[
    ("problem.toml", include_str!("stdio/problem.toml")),
    ("statement.md", include_str!("stdio/statement.md")),
    ("generators/cases.py", include_str!("stdio/cases.py")),
    ("validators/validate.py", include_str!("stdio/validate.py")),
    ("tests/sample/1.in", "1 2\n"),
    ("tests/sample/1.out", "3\n"),
    ("tests/secret/01.in", "0 0\n"),
    ("tests/secret/01.out", "0\n"),
    ("tests/secret/02.in", "-5 5\n"),
    ("tests/secret/02.out", "0\n"),
    ("tests/secret/03.in", "1000000000 1000000000\n"),
    ("tests/secret/03.out", "2000000000\n"),
    ("tests/secret/04.in", "-1000000000 -1000000000\n"),
    ("tests/secret/04.out", "-2000000000\n"),
    ("trials/invalid_input/no_end_of_line.in", "1 2"),
    ("trials/invalid_input/one_number.in", "1\n"),
    ("trials/invalid_input/too_large.in", "1000000001 0\n"),
    ("submissions/accepted/sum.py", include_str!("stdio/accepted.py")),
    ("submissions/accepted/sum.cpp", include_str!("stdio/accepted.cpp")),
    ("submissions/wrong_answer/without_the_sign.py", include_str!("stdio/without_the_sign.py")),
];

const CHECKER: &[(&str, &str)] = &[
    ("problem.toml", include_str!("checker/problem.toml")),
    ("statement.md", include_str!("checker/statement.md")),
    ("checkers/check.py", include_str!("checker/check.py")),
    ("generators/cases.py", include_str!("checker/cases.py")),
    ("validators/validate.py", include_str!("checker/validate.py")),
    ("tests/sample/1.in", "5\n"),
    ("tests/sample/1.out", "2 3\n"),
    ("tests/secret/01.in", "2\n"),
    ("tests/secret/01.out", "1 1\n"),
    ("tests/secret/02.in", "3\n"),
    ("tests/secret/02.out", "1 2\n"),
    ("tests/secret/03.in", "1000000000\n"),
    ("tests/secret/03.out", "500000000 500000000\n"),
    ("trials/invalid_input/too_small.in", "1\n"),
    ("trials/invalid_input/too_large.in", "1000000001\n"),
    ("trials/valid_output/other_order.in", "5\n"),
    ("trials/valid_output/other_order.ans", "2 3\n"),
    ("trials/valid_output/other_order.out", "3 2\n"),
    ("trials/invalid_output/other_sum.in", "5\n"),
    ("trials/invalid_output/other_sum.ans", "2 3\n"),
    ("trials/invalid_output/other_sum.out", "2 4\n"),
    ("trials/invalid_output/three_numbers.in", "5\n"),
    ("trials/invalid_output/three_numbers.ans", "2 3\n"),
    ("trials/invalid_output/three_numbers.out", "1 1 3\n"),
    ("submissions/accepted/half.py", include_str!("checker/half.py")),
    ("submissions/accepted/one_first.cpp", include_str!("checker/one_first.cpp")),
    ("submissions/wrong_answer/with_zero.py", include_str!("checker/with_zero.py")),
];

const FUNCTION: &[(&str, &str)] = &[
    ("problem.toml", include_str!("function/problem.toml")),
    ("statement.md", include_str!("function/statement.md")),
    ("generators/cases.py", include_str!("function/cases.py")),
    ("validators/validate.py", include_str!("function/validate.py")),
    ("tests/sample/1.in", "[1, 3, 2]\n"),
    ("tests/sample/1.out", "3\n"),
    ("tests/secret/01.in", "[7]\n"),
    ("tests/secret/01.out", "7\n"),
    ("tests/secret/02.in", "[-3, -1, -2]\n"),
    ("tests/secret/02.out", "-1\n"),
    ("tests/secret/03.in", "[1000000000, -1000000000, 1000000000]\n"),
    ("tests/secret/03.out", "1000000000\n"),
    ("trials/invalid_input/nothing.in", "[]\n"),
    ("trials/invalid_input/too_large.in", "[1000000001]\n"),
    ("submissions/accepted/largest.py", include_str!("function/accepted.py")),
    ("submissions/wrong_answer/from_zero.py", include_str!("function/from_zero.py")),
];

/// The kind of a new package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    /// A program whose output is compared.
    Program,
    /// A program whose output a checker of the package judges.
    Checker,
    /// A function.
    Function,
}

/// The files of a package with this name.
pub(super) fn files(slug: &Slug, shows: Shows) -> impl Iterator<Item = (&'static str, String)> {
    let (slug, title) = (slug.to_string(), title(slug));
    let files = match shows {
        Shows::Program => STDIO,
        Shows::Checker => CHECKER,
        Shows::Function => FUNCTION,
    };
    files.iter().map(move |(path, text)| (*path, text.replace("{slug}", &slug).replace("{title}", &title)))
}

/// Converts `two-sums` into `Two Sums`.
fn title(slug: &Slug) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
    };
    slug.as_str().split('-').map(word).collect::<Vec<_>>().join(" ")
}
