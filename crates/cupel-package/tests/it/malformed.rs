//! Malformed packages. Each is refused as a whole, with file, key and fault, and leaves no files behind. Each row of a
//! table has a name, a package with one fault, and the expected finding.

use cupel_package::{Code, PackageFormat, open};

use crate::support::{Bench, Files, assert_refused, options, refused};

/// Name, package, and code, file and words of the expected finding.
type Row = (&'static str, Files, Code, &'static str, &'static str);

fn all_are_refused(rows: Vec<Row>) {
    for (name, files, code, file, words) in rows {
        let mut options = options();
        if files.0.iter().any(|(name, _)| name == "init.yml") {
            options.time_limit = Some(std::time::Duration::from_secs(1));
        }
        let refusal = refused(Bench::new().import_files(&files, &options));
        assert_refused(name, &refusal, code, file, words);
    }
}

fn fixture(name: &str) -> Files {
    Files::fixture(name)
}

#[test]
fn packages_of_unknown_or_ambiguous_format_are_refused() {
    let legacy = || fixture("kattis-legacy/sums");
    all_are_refused(vec![
        ("empty", Files::default().with("README", "x"), Code::FormatUnknown, "", "problem.yaml"),
        (
            "nothing",
            Files::default(),
            Code::FormatUnknown,
            "",
            "the package is empty. Pack a directory that contains problem.toml (Cupel)",
        ),
        ("two formats", legacy().with("init.yml", "test_cases: []"), Code::FormatAmbiguous, "", "dmoj"),
        (
            "future version",
            legacy().with("problem.yaml", "problem_format_version: 2031-01\nname: x\n"),
            Code::FormatUnknown,
            "problem.yaml",
            "2031-01",
        ),
        (
            "hydro",
            Files::default().with("config.yaml", "x").with("testdata/1.in", ""),
            Code::FormatUnknown,
            "",
            "Hydro",
        ),
        ("cms", Files::default().with("task.yaml", "x").with("gen/GEN", ""), Code::FormatUnknown, "", "CMS"),
    ]);
    let mut options = options();
    options.format = Some(PackageFormat::Polygon);
    let refusal = refused(Bench::new().import_files(&legacy(), &options));
    assert_refused("another format requested", &refusal, Code::FormatAmbiguous, "", "polygon");
}

#[test]
fn packages_with_unreadable_texts_are_refused() {
    let legacy = || fixture("kattis-legacy/sums");
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..12 {
        bomb += &format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(", "));
    }
    let entities = "<?xml version=\"1.0\"?><!DOCTYPE p [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">\
                    <!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]><problem>&c;</problem>";
    all_are_refused(vec![
        ("yaml syntax", legacy().with("problem.yaml", "name: [x\n"), Code::Yaml, "problem.yaml", ":2:"),
        ("yaml key twice", legacy().with("problem.yaml", "name: x\nname: y\n"), Code::Yaml, "problem.yaml", "twice"),
        (
            "yaml tag",
            legacy().with("problem.yaml", "name: !!python/object:os.system x\n"),
            Code::Yaml,
            "problem.yaml",
            "tag",
        ),
        ("yaml alias bomb", legacy().with("problem.yaml", bomb), Code::Yaml, "problem.yaml", "aliases"),
        (
            "yaml depth",
            legacy().with("problem.yaml", "name: ".to_owned() + &"[".repeat(10_000)),
            Code::Yaml,
            "problem.yaml",
            "",
        ),
        ("yaml not a map", legacy().with("problem.yaml", "- a\n- b\n"), Code::KeyType, "problem.yaml", "a map"),
        ("yaml too long", legacy().with("problem.yaml", "#".repeat(2 << 20)), Code::Text, "problem.yaml", "1 MiB"),
        ("yaml not utf-8", legacy().with("problem.yaml", b"name: \xff\xfe\n"), Code::Text, "problem.yaml", "UTF-8"),
        ("xml entity bomb", fixture("polygon/ask").with("problem.xml", entities), Code::Xml, "problem.xml", "DTD"),
        (
            "xml external entity",
            fixture("polygon/ask")
                .with("problem.xml", "<!DOCTYPE p [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><problem>&x;</problem>"),
            Code::Xml,
            "problem.xml",
            "DTD",
        ),
        ("xml cut off", fixture("polygon/ask").with("problem.xml", "<problem><names>"), Code::Xml, "problem.xml", ""),
        (
            "xml depth, closed",
            fixture("polygon/ask").with("problem.xml", "<a>".repeat(90_000) + &"</a>".repeat(90_000)),
            Code::Xml,
            "problem.xml",
            "<problem>",
        ),
        ("xml depth", fixture("polygon/ask").with("problem.xml", "<a>".repeat(60_000)), Code::Xml, "problem.xml", ""),
        (
            "toml syntax",
            fixture("cupel/a-plus-b").with("problem.toml", "title = \n"),
            Code::Toml,
            "problem.toml",
            ":1:",
        ),
        (
            "toml key twice",
            fixture("cupel/a-plus-b").with("problem.toml", "title = 'x'\ntitle = 'y'\n"),
            Code::Toml,
            "problem.toml",
            ":2:",
        ),
        (
            "byte-order mark in 2025-09",
            fixture("kattis-2025-09/steps").edit("problem.yaml", "problem_format", "\u{feff}problem_format"),
            Code::Text,
            "problem.yaml",
            "byte-order",
        ),
        (
            "ini",
            fixture("domjudge/sums").with("domjudge-problem.ini", "timelimit 3\n"),
            Code::KeyType,
            "domjudge-problem.ini",
            "key = value",
        ),
    ]);
}

/// Values that problem lists show have maximum lengths, in every format.
#[test]
fn packages_with_too_many_or_too_long_names_and_tags_are_refused() {
    let long = "ä".repeat(201);
    let list = |most: usize, quote: &str| (0..=most).map(|n| format!("{quote}n{n}{quote}")).collect::<Vec<_>>();
    let own = |from: &str, to: String| fixture("cupel/a-plus-b").edit("problem.toml", from, &to);
    let legacy = |from: &str, to: String| fixture("kattis-legacy/sums").edit("problem.yaml", from, &to);
    let polygon = |from: &str, to: String| fixture("polygon/ask").edit("problem.xml", from, &to);
    let tags: String = list(30, "\"").iter().map(|tag| format!("<tag value={tag}/>")).collect();
    let own_form = [
        ("title", own("A + B", long.clone()), "title: 201 characters; the maximum is 200"),
        ("other title", own("A plus B", long.clone()), "title: 201 characters; the maximum is 200"),
        ("tags", own("\"Arithmetic\"", list(30, "\"").join(", ")), "tags: 31 words; the maximum is 30"),
        ("authors", own("\"Ada", list(100, "\"").join(", ") + ", \"Ada"), "authors: more than 100 people"),
        ("author", own("Ada Example", long.clone()), "authors: 201 characters; the maximum is 200"),
        ("address", own("ada@example.org", long.clone()), "authors: 201 characters; the maximum is 200"),
    ];
    let legacy_form = [
        ("title", legacy("Sums of Two", long.clone()), "name: 201 characters"),
        ("keywords", legacy("arithmetic warmup", list(30, "").join(" ")), "keywords: 31 words"),
        ("authors", legacy("Ada Example and Bo Example", list(100, "").join(", ")), "author: more than 100 people"),
    ];
    let polygon_form = [
        ("title", polygon("\"Ask\"", format!("\"{long}\"")), "names: 201 characters"),
        ("tags", polygon("<judging", format!("<tags>{tags}</tags><judging")), "tags: 31 words"),
    ];
    let rows = |file, table: &[(&'static str, Files, &'static str)]| {
        let row = |(name, files, words): &(&'static str, Files, &'static str)| {
            (*name, files.clone(), Code::KeyType, file, *words)
        };
        table.iter().map(row).collect::<Vec<Row>>()
    };
    all_are_refused(rows("problem.toml", &own_form));
    all_are_refused(rows("problem.yaml", &legacy_form));
    all_are_refused(rows("problem.xml", &polygon_form));
    let ini = |long: &str| fixture("domjudge/sums").edit("domjudge-problem.ini", "Sums again", long);
    let ini = ini(&long).without("problem.yaml");
    all_are_refused(vec![("ini", ini, Code::KeyType, "domjudge-problem.ini", "name: 201 characters")]);
}

#[test]
fn packages_with_invalid_keys_and_values_are_refused() {
    let legacy = || fixture("kattis-legacy/sums");
    let new = || fixture("kattis-2025-09/steps");
    let own = || fixture("cupel/a-plus-b");
    all_are_refused(vec![
        (
            "memory of zero",
            legacy().with("problem.yaml", "name: x\nlimits: {memory: 0}\n"),
            Code::KeyType,
            "problem.yaml",
            "limits.memory",
        ),
        (
            "memory that is a word",
            legacy().with("problem.yaml", "name: x\nlimits: {memory: lots}\n"),
            Code::KeyType,
            "problem.yaml",
            "`lots`",
        ),
        (
            "more output of validators than allowed",
            legacy().with("problem.yaml", "name: x\nlimits: {validation_output: 65}\n"),
            Code::LimitUnsupported,
            "problem.yaml",
            "limits.validation_output: the problem requires 65 MiB; the maximum is 64 MiB",
        ),
        (
            "too many arguments",
            new().with("data/secret/test_group.yaml", format!("args: [{}]\n", "x, ".repeat(201))),
            Code::KeyType,
            "data/secret/test_group.yaml",
            "args: there are 201 arguments; the maximum is 200",
        ),
        (
            "too many arguments of validators",
            new().with(
                "data/secret/test_group.yaml",
                (0..2).fold("input_validator_args:\n".to_owned(), |text, n| {
                    format!("{text}  v{n}: [{}]\n", "x, ".repeat(120))
                }),
            ),
            Code::KeyType,
            "data/secret/test_group.yaml",
            "with the names of the validators, there are 242 arguments",
        ),
        (
            "limits that are a list",
            legacy().with("problem.yaml", "name: x\nlimits: [1]\n"),
            Code::KeyType,
            "problem.yaml",
            "limits",
        ),
        (
            "time limit of zero",
            new().edit("problem.yaml", "time_limit: 1", "time_limit: 0"),
            Code::KeyType,
            "problem.yaml",
            "limits.time_limit",
        ),
        (
            "negative time limit",
            own().edit("problem.toml", "time = 1.0", "time = -1.0"),
            Code::KeyType,
            "problem.toml",
            "limits.time",
        ),
        (
            "more memory than allowed",
            own().edit("problem.toml", "memory_mib = 128", "memory_mib = 900000"),
            Code::LimitUnsupported,
            "problem.toml",
            "limits.memory",
        ),
        (
            "more time than allowed",
            own().edit("problem.toml", "time = 3.0", "time = 900.0"),
            Code::LimitUnsupported,
            "problem.toml",
            "900 s",
        ),
        (
            "unknown validation",
            legacy().with("problem.yaml", "name: x\nvalidation: magic\n"),
            Code::KeyType,
            "problem.yaml",
            "`magic`",
        ),
        (
            "unknown property of validation",
            legacy().with("problem.yaml", "name: x\nvalidation: custom loudly\n"),
            Code::KeyType,
            "problem.yaml",
            "`loudly`",
        ),
        (
            "custom validation without validator",
            legacy().with("problem.yaml", "name: x\nvalidation: custom\n"),
            Code::NoValidator,
            "problem.yaml",
            "output_validators",
        ),
        (
            "two validators",
            fixture("kattis-legacy/higher").with("output_validators/second/b.py", "x"),
            Code::ManyValidators,
            "output_validators/second",
            "",
        ),
        (
            "too many input validators",
            (0..201).fold(legacy(), |files, n| files.with(&format!("input_validators/v{n}.py"), "x")),
            Code::Program,
            "input_validators",
            "the maxima are 200",
        ),
        (
            "validator in no language",
            fixture("domjudge/inionly").without("output_validators").with("output_validators/a/check.xyz", "x"),
            Code::Program,
            "output_validators",
            "language",
        ),
        (
            "interactive without validator",
            new().edit("problem.yaml", "type: [scoring]", "type: [interactive]"),
            Code::NoValidator,
            "problem.yaml",
            "",
        ),
        (
            "unknown type",
            new().edit("problem.yaml", "[scoring]", "[scorign]"),
            Code::KeyType,
            "problem.yaml",
            "`scorign`",
        ),
        (
            "types that exclude each other",
            new().edit("problem.yaml", "[scoring]", "[scoring, pass-fail]"),
            Code::KeyType,
            "problem.yaml",
            "exclude",
        ),
        (
            "submit-answer",
            new().edit("problem.yaml", "[scoring]", "[submit-answer]"),
            Code::Unsupported,
            "problem.yaml",
            "type",
        ),
        (
            "unknown key",
            new().edit("problem.yaml", "uuid:", "nmae: x\nuuid:"),
            Code::KeyUnknown,
            "problem.yaml",
            "Did you mean `name`",
        ),
        (
            "unknown validator flag",
            fixture("kattis-2025-09/ratio")
                .with("data/secret/test_group.yaml", "output_validator_args: [float_tolerence, 1]\n"),
            Code::KeyType,
            "data/secret/test_group.yaml",
            "float_tolerence",
        ),
        (
            "tolerance without number",
            legacy().with("problem.yaml", "name: x\nvalidator_flags: float_tolerance\n"),
            Code::KeyType,
            "problem.yaml",
            "number",
        ),
        (
            "tolerances that contradict",
            legacy().with("problem.yaml", "name: x\nvalidator_flags: float_tolerance 1 float_absolute_tolerance 1\n"),
            Code::KeyType,
            "problem.yaml",
            "excludes",
        ),
        (
            "quote left open",
            legacy().with("problem.yaml", "name: x\nvalidator_flags: case_sensitive \"x\n"),
            Code::KeyType,
            "problem.yaml",
            "quotes",
        ),
        ("custom grader", fixture("kattis-legacy/echoes").with("graders/g.py", "x"), Code::Unsupported, "graders", ""),
        (
            "grader flag",
            fixture("kattis-legacy/echoes").with("data/testdata.yaml", "grader_flags: median\n"),
            Code::KeyType,
            "data/testdata.yaml",
            "median",
        ),
        (
            "range with low above high",
            fixture("kattis-legacy/echoes").with("data/testdata.yaml", "range: 10 0\n"),
            Code::KeyType,
            "data/testdata.yaml",
            "range",
        ),
        (
            "scores in legacy-icpc",
            legacy().with("problem.yaml", "problem_format_version: legacy-icpc\nname: x\ntype: scoring\n"),
            Code::KeyType,
            "problem.yaml",
            "legacy-icpc",
        ),
        (
            "score without scoring",
            legacy().with("problem.yaml", "name: x\nvalidation: custom score\n").with("output_validators/v.py", "x"),
            Code::KeyType,
            "problem.yaml",
            "scoring",
        ),
        ("time limits that contradict", fixture("domjudge/sums").with(".timelimit", "3\n"), Code::KeyType, "", "2.5 s"),
        (
            "time limit that is a word",
            fixture("domjudge/sums").with(".timelimit", "three\n"),
            Code::KeyType,
            ".timelimit",
            "`three`",
        ),
        (
            "validator on another server",
            fixture("domjudge/sums").with("domjudge-problem.ini", "timelimit = 2.5\nspecial_compare = cmp\n"),
            Code::Unsupported,
            "domjudge-problem.ini",
            "`cmp`",
        ),
        (
            "own: unknown key",
            own().edit("problem.toml", "difficulty", "dificulty"),
            Code::KeyUnknown,
            "problem.toml",
            "difficulty",
        ),
        (
            "own: unknown checker",
            own().edit("problem.toml", "kind = \"tokens\"", "kind = \"magic\""),
            Code::KeyType,
            "problem.toml",
            "checker.kind",
        ),
        (
            "own: missing checker",
            fixture("cupel/two-sum").edit(
                "problem.toml",
                "[limits]",
                "[checker]\nkind = \"program\"\nprogram = \"check.cpp\"\n[limits]",
            ),
            Code::FileMissing,
            "problem.toml",
            "checker.program",
        ),
        (
            "own: unknown language",
            own().edit("problem.toml", "languages.python", "languages.klingon"),
            Code::KeyUnknown,
            "problem.toml",
            "klingon",
        ),
        (
            "own: unknown type",
            fixture("cupel/two-sum").edit("problem.toml", "list<int>\" }, {", "set<int>\" }, {"),
            Code::KeyType,
            "problem.toml",
            "function.parameters[0].type",
        ),
        (
            "own: keyword as a name",
            fixture("cupel/two-sum").edit("problem.toml", "\"twoSum\"", "\"class\""),
            Code::KeyType,
            "problem.toml",
            "function.name",
        ),
        (
            "own: duplicate parameter",
            fixture("cupel/two-sum").edit("problem.toml", "\"target\"", "\"nums\""),
            Code::KeyType,
            "problem.toml",
            "`nums`",
        ),
        (
            "own: a name that Go cannot define",
            fixture("cupel/two-sum").edit("problem.toml", "\"twoSum\"", "\"len\""),
            Code::KeyType,
            "problem.toml",
            "function: the name `len` has another meaning in Go",
        ),
        (
            "own: a number that is modified",
            fixture("cupel/two-sum").edit("problem.toml", "returns = \"list<int>\"", "mutates = \"target\""),
            Code::KeyType,
            "problem.toml",
            "function.mutates: a function cannot modify an argument of type `int`",
        ),
        (
            "own: a checker that is missing",
            fixture("cupel/two-sum").edit("problem.toml", "\"unordered\"", "\"checker\""),
            Code::NoValidator,
            "problem.toml",
            "function.compare: a checker compares the results",
        ),
        (
            "own: a checker that is no program",
            fixture("cupel/two-sum").edit(
                "problem.toml",
                "compare = \"unordered\"",
                "compare = \"checker\"\n[checker]\nkind = \"floats\"",
            ),
            Code::NoValidator,
            "problem.toml",
            "function.compare: a checker compares the results",
        ),
        (
            "own: a function with an interactor",
            fixture("cupel/two-sum")
                .edit("problem.toml", "[limits]", "[interactor]\nprogram = \"talk.py\"\n[limits]")
                .with("talk.py", ""),
            Code::Unsupported,
            "problem.toml",
            "interactor: a function problem cannot have an interactor",
        ),
        (
            "no time limit and nothing to derive it from",
            legacy().without("submissions"),
            Code::NoTimeLimit,
            "problem.yaml",
            "or add an accepted submission",
        ),
        (
            "no time limit, and an accepted submission with a faulty annotation",
            legacy()
                .without("submissions")
                .with("submissions/accepted/a.py", "# @EXPECTED_RESULTS@: BANANA\n")
                .with("submissions/wrong_answer/b.py", "# @EXPECTED_RESULTS@: PEAR\n"),
            Code::NoTimeLimit,
            "problem.yaml",
            "set aside: submissions/accepted/a.py:1:1, @EXPECTED_RESULTS@: `BANANA` is not a result. Correct that, or set \
             `limits.time_limit` (in seconds) in problem.yaml, or pass --time-limit",
        ),
        (
            "no time limit, and a faulty rule about the accepted submissions",
            fixture("kattis-2025-09/sorting")
                .without("submissions")
                .with("submissions/accepted/a.py", "")
                .with("submissions/wrong_answer/b.py", "")
                .with(
                    "submissions/submissions.yaml",
                    "wrong_answer/*:\n  foo: 1\naccepted/*:\n  permitted: [BANANA]\n",
                ),
            Code::NoTimeLimit,
            "problem.yaml",
            "set aside: submissions/submissions.yaml:4:15, accepted/*.permitted[0]: expected one of AC",
        ),
        (
            "unknown type",
            legacy().edit("problem.yaml", "name:", "type: scorring\nname:"),
            Code::KeyType,
            "problem.yaml",
            "Supported are pass-fail, scoring, multi-pass and interactive",
        ),
        (
            "flags in problem.yaml",
            legacy().edit("problem.yaml", "name:", "validator_flags: foo\nname:"),
            Code::KeyType,
            "problem.yaml",
            "problem.yaml, validator_flags: ",
        ),
        (
            "2025-09: static validator",
            fixture("kattis-2025-09/ratio").with("static_validator/v.py", "x"),
            Code::Unsupported,
            "static_validator",
            "could reject",
        ),
        (
            "draft: static validator",
            new().edit("problem.yaml", "2025-09", "2023-07-draft").with("static_validator/v/v.py", "x"),
            Code::Unsupported,
            "static_validator",
            "could reject",
        ),
    ]);
}

#[test]
fn packages_with_invalid_cases_and_groups_are_refused() {
    let legacy = || fixture("kattis-legacy/sums");
    let new = || fixture("kattis-2025-09/steps");
    let own = || fixture("cupel/a-plus-b");
    let group2 = "data/secret/group2/test_group.yaml";
    all_are_refused(vec![
        ("no secret cases", legacy().without("data/secret"), Code::NoCases, "data/secret", ""),
        (
            "generators without data",
            legacy().without("data/secret").with("generators/g.py", "x"),
            Code::NoCases,
            "data/secret",
            "build it first",
        ),
        ("no data at all", legacy().without("data"), Code::NoCases, "data/secret", ""),
        ("answer missing", legacy().without("data/secret/2.ans"), Code::CasePair, "data/secret/2.in", "no answer"),
        (
            "input missing",
            legacy().without("data/secret/2.in").without("data/secret/2.desc"),
            Code::CasePair,
            "data/secret/2.ans",
            "no input",
        ),
        (
            "case named as a directory",
            new().with("data/secret/group1.in", "1 1\n").with("data/secret/group1.ans", "2\n"),
            Code::CaseName,
            "data/secret/group1.in",
            "",
        ),
        (
            "case named test_group",
            new().with("data/secret/group1/test_group.in", "1 1\n").with("data/secret/group1/test_group.ans", "2\n"),
            Code::CaseName,
            "test_group.in",
            "",
        ),
        (
            "cases and groups mixed",
            new().with("data/secret/1.in", "1 1\n").with("data/secret/1.ans", "2\n"),
            Code::Groups,
            "data/secret/1.in",
            "both",
        ),
        (
            "group too deep",
            new().with("data/secret/group1/deep/test_group.yaml", "max_score: 1\n"),
            Code::Groups,
            "deep/test_group.yaml",
            "deeper",
        ),
        (
            "group without cases",
            new().with("data/secret/group3/test_group.yaml", "max_score: 0\n"),
            Code::NoCases,
            "group3",
            "",
        ),
        (
            "requirement of a later group",
            new().with("data/secret/group1/test_group.yaml", "max_score: 30\nrequire_pass: [group2]\n"),
            Code::Groups,
            "group1/test_group.yaml",
            "`group2`",
        ),
        (
            "requirements in a cycle",
            new()
                .with("data/secret/group1/test_group.yaml", "max_score: 30\nrequire_pass: [group2]\n")
                .with(group2, "max_score: 70\nrequire_pass: [group1]\n"),
            Code::Groups,
            "group1",
            "require_pass",
        ),
        (
            "requirement of an unknown group",
            new().with(group2, "max_score: 70\nrequire_pass: [group9]\n"),
            Code::Groups,
            group2,
            "`group9`",
        ),
        ("unbounded in bounded", new().with(group2, "score_aggregation: sum\n"), Code::Groups, group2, "unbounded"),
        (
            "more than the maximum",
            new().with(group2, "max_score: 80\n"),
            Code::Groups,
            "data/secret/test_group.yaml",
            "110",
        ),
        (
            "scores in a pass-fail problem",
            fixture("kattis-2025-09/ratio").with("data/secret/test_group.yaml", "max_score: 5\n"),
            Code::KeyType,
            "data/secret/test_group.yaml",
            "max_score",
        ),
        ("unknown key of a group", new().with(group2, "max_score: 70\nscore: 3\n"), Code::KeyUnknown, group2, "score"),
        (
            "static validation",
            new().with(group2, "max_score: 70\nstatic_validation_score: 3\n"),
            Code::Unsupported,
            group2,
            "static",
        ),
        (
            "own: only samples",
            fixture("cupel/two-sum").without("tests/01.in").without("tests/01.out"),
            Code::NoCases,
            "tests",
            "",
        ),
        (
            "own: answer missing",
            own().without("tests/large/2.out"),
            Code::CasePair,
            "tests/large/2.in",
            "tests/large/2.out",
        ),
        ("own: input missing", own().without("tests/large/2.in"), Code::CasePair, "tests/large/2.out", ""),
        ("own: group without directory", own().without("tests/small"), Code::Groups, "problem.toml", "tests/small"),
        (
            "own: duplicate group",
            own().edit("problem.toml", "\"large\"", "\"small\""),
            Code::Groups,
            "problem.toml",
            "two groups",
        ),
        (
            "own: requirement of a later group",
            own().edit("problem.toml", "[\"sample\"]", "[\"large\"]"),
            Code::Groups,
            "problem.toml",
            "`large`",
        ),
        (
            "own: points outside of groups",
            own().with("tests/9.in", "1 1\n").with("tests/9.out", "2\n"),
            Code::Groups,
            "tests",
            "outside",
        ),
        (
            "own: group without points",
            own().with("tests/third/9.in", "1 1\n").with("tests/third/9.out", "2\n"),
            Code::Groups,
            "tests/third",
            "points",
        ),
    ]);
}

#[test]
fn invalid_dmoj_packages_are_refused() {
    let with = |text: &str| fixture("dmoj/guess").with("init.yml", text);
    let case = "test_cases: [{in: 1.in, out: 2.in}]\n";
    all_are_refused(vec![
        ("python key", with("test_cases++: x = 1\n"), Code::UnsupportedPython, "init.yml", "test_cases++"),
        (
            "python value deep inside",
            with("test_cases: [{in: 1.in, out: 2.in, points+: '3*4'}]\n"),
            Code::UnsupportedPython,
            "init.yml",
            "points+",
        ),
        (
            "python grader",
            with(&format!("custom_judge: grader.py\n{case}")),
            Code::FileMissing,
            "init.yml",
            "grader.py",
        ),
        ("python checker", with(&format!("checker: check.py\n{case}")), Code::FileMissing, "init.yml", "check.py"),
        ("generator", with("generator: gen.cpp\ntest_cases: [{}]\n"), Code::FileMissing, "init.yml", "gen.cpp"),
        (
            "format of arguments",
            with("test_cases: [{in: 1.in}]\ninteractive: {files: interactor.cpp, args_format_string: '{input}'}\n"),
            Code::KeyType,
            "init.yml",
            "args_format_string",
        ),
        (
            "too few points",
            with("test_cases: {case_points: [5]}\n").with("1.out", "1\n").with("2.out", "2\n"),
            Code::KeyMissing,
            "init.yml",
            "case_points",
        ),
        (
            "time limit of a case",
            with("test_cases: [{in: 1.in, out: 2.in, time_limit: 1000}]\n"),
            Code::LimitUnsupported,
            "init.yml",
            "time_limit",
        ),
        (
            "grader without header",
            with(&format!("signature_grader: {{entry: interactor.cpp}}\n{case}")),
            Code::KeyMissing,
            "init.yml",
            "header",
        ),
        (
            "unknown value of an argument",
            with(&format!("checker: {{name: sorted, args: {{split_on: zzz}}}}\n{case}")),
            Code::KeyType,
            "init.yml",
            "`lines` or `whitespace`",
        ),
        (
            "arguments nested too deep",
            with(&format!("checker: {{name: check.py, args: {{a: [[[[[[[[[1]]]]]]]]]}}}}\n{case}"))
                .with("check.py", "def check(*args): pass\n"),
            Code::KeyType,
            "init.yml",
            "checker.args: the arguments are nested deeper than 8 levels",
        ),
        (
            "arguments that are too long",
            with(&format!("checker: {{name: check.py, args: {{a: {}}}}}\n{case}", "x".repeat(9_000)))
                .with("check.py", "def check(*args): pass\n"),
            Code::KeyType,
            "init.yml",
            "the maximum is 8192",
        ),
        (
            "too many arguments of a generator",
            with(&format!("generator: gen.py\ntest_cases: [{{generator_args: [{}]}}]\n", "x, ".repeat(201)))
                .with("gen.py", "print(1)\n"),
            Code::KeyType,
            "init.yml",
            "there are 201 arguments; the maximum is 200",
        ),
        (
            "weights that are no numbers",
            with(&format!("checker: {{name: linematches, args: {{point_distribution: [x]}}}}\n{case}")),
            Code::KeyType,
            "init.yml",
            "point_distribution",
        ),
        ("unknown checker", with(&format!("checker: magic\n{case}")), Code::KeyType, "init.yml", "`magic`"),
        ("archive missing", with(&format!("archive: data.zip\n{case}")), Code::FileMissing, "init.yml", "data.zip"),
        (
            "archive damaged",
            with(&format!("archive: data.zip\n{case}")).with("data.zip", "no zip at all"),
            Code::FormatUnknown,
            "data.zip",
            "not a zip or tar archive",
        ),
        (
            "files of a case",
            with("test_cases: [{in: 1.in, out: 2.in, file_io: {input: a}}]\n"),
            Code::Unsupported,
            "init.yml",
            "test_cases[0].file_io",
        ),
        (
            "files of a case in a batch",
            with("test_cases: [{batched: [{in: 1.in, out: 2.in, file-io: {input: a}}]}]\n"),
            Code::Unsupported,
            "init.yml",
            "for the whole problem only",
        ),
        (
            "input file with a grader in Python",
            with(&format!("file_io: {{input: a}}\ncustom_judge: judge.py\n{case}")).with("judge.py", "Grader = None\n"),
            Code::Unsupported,
            "init.yml",
            "the grader in Python writes it",
        ),
        ("empty list", with("test_cases: []\n"), Code::NoCases, "init.yml", "empty"),
        ("no cases", with("points: 3\n").without("1.in").without("2.in"), Code::NoCases, "init.yml", ""),
        (
            "batch in batch",
            with("test_cases: [{batched: [{batched: [{in: 1.in, out: 2.in}]}]}]\n"),
            Code::Groups,
            "init.yml",
            "batch is inside a batch",
        ),
        (
            "empty batch",
            with("test_cases: [{in: 1.in, out: 2.in}, {batched: []}]\n"),
            Code::NoCases,
            "init.yml",
            "batch",
        ),
        (
            "dependency on itself",
            with("test_cases: [{batched: [{in: 1.in, out: 2.in}], dependencies: [1]}]\n"),
            Code::Groups,
            "init.yml",
            "batch 1",
        ),
        (
            "dependency on zero",
            with("test_cases: [{batched: [{in: 1.in, out: 2.in}], dependencies: [0]}]\n"),
            Code::Groups,
            "init.yml",
            "batch 0",
        ),
        (
            "dependency on the smallest integer",
            with("test_cases: [{batched: [{in: 1.in, out: 2.in}], dependencies: [-9223372036854775808]}]\n"),
            Code::Groups,
            "init.yml",
            "batch -9223372036854775808",
        ),
        ("file missing", with("test_cases: [{in: 1.in, out: 9.out}]\n"), Code::FileMissing, "init.yml", "9.out"),
        (
            "file outside",
            with("test_cases: [{in: 1.in, out: ../../etc/passwd}]\n"),
            Code::FileMissing,
            "init.yml",
            "passwd",
        ),
        ("answer missing", with("test_cases: [{in: 1.in}]\n"), Code::CasePair, "init.yml", "1.in"),
        (
            "negative points",
            with("test_cases: [{in: 1.in, out: 2.in, points: -5}]\n"),
            Code::KeyType,
            "init.yml",
            "points",
        ),
        ("pattern", with("test_cases: {input_format: '(', output_format: x}\n"), Code::KeyType, "init.yml", "pattern"),
        (
            "a pattern that is too large",
            with("test_cases: {input_format: '(?:.?){80000}', output_format: x}\n"),
            Code::KeyType,
            "init.yml",
            "the pattern is invalid: it is too large for the number of files",
        ),
        (
            "a pattern that never ends",
            with("test_cases: {input_format: '((?=.*)a|(?=.*)a)*b(?P<case>.)', output_format: x}\n")
                .with(&"a".repeat(100), ""),
            Code::KeyType,
            "init.yml",
            "too many steps",
        ),
        (
            "duplicate case by pattern",
            with("test_cases: {input_format: '^(?P<case>).*', output_format: '^(?P<case>\\d)'}\n").with("1.out", ""),
            Code::CaseName,
            "init.yml",
            "same case",
        ),
        (
            "interactor missing",
            with("test_cases: [{in: 1.in}]\ninteractive: {files: i.cpp}\n"),
            Code::FileMissing,
            "init.yml",
            "i.cpp",
        ),
        (
            "no time limit",
            fixture("dmoj/guess").with("init.yml", case).with("problem.toml", "x"),
            Code::FormatAmbiguous,
            "",
            "",
        ),
    ]);
    let refusal = refused(Bench::new().import_files(&fixture("dmoj/guess"), &options()));
    assert_refused(
        "time limit required",
        &refusal,
        Code::NoTimeLimit,
        "init.yml",
        "Set `time_limit` (in seconds) in init.yml, or pass --time-limit",
    );
}

#[test]
fn invalid_polygon_packages_are_refused() {
    let words = || fixture("polygon/words");
    let xml = "problem.xml";
    all_are_refused(vec![
        ("standard package", words().without("tests/03"), Code::FileMissing, xml, "full package"),
        ("answer missing", words().without("tests/03.a"), Code::FileMissing, xml, "tests/03.a"),
        (
            "wrong count",
            words().edit(xml, "<test-count>4<", "<test-count>5<"),
            Code::KeyType,
            xml,
            "<test-count> is 5, but the number of tests is 4",
        ),
        (
            "pattern without number",
            words().edit(xml, "tests/%02d.a", "tests/answer"),
            Code::KeyType,
            xml,
            "answer-path-pattern",
        ),
        (
            "pattern with a width for a bomb",
            words().edit(xml, "tests/%02d.a", "tests/%0999999999d"),
            Code::KeyType,
            xml,
            "answer-path-pattern",
        ),
        (
            "time limit of zero",
            words().edit(xml, "<time-limit>1500<", "<time-limit>0<"),
            Code::KeyType,
            xml,
            "time-limit",
        ),
        (
            "cycle of groups",
            words().edit(
                xml,
                "name=\"1\" points-policy=\"complete-group\"/>",
                "name=\"1\"><dependencies><dependency group=\"2\"/></dependencies></group>",
            ),
            Code::Groups,
            xml,
            "cycle",
        ),
        (
            "dependency on an unknown group",
            words().edit(xml, "dependency group=\"1\"", "dependency group=\"9\""),
            Code::Groups,
            xml,
            "`9`",
        ),
        ("checker missing", words().without("files/check.cpp"), Code::FileMissing, xml, "files/check.cpp"),
        ("no checker", fixture("polygon/ask").edit(xml, "checker", "chequer"), Code::NoValidator, xml, "<checker>"),
        (
            "two runs",
            words().edit(xml, "<judging cpu-name", "<judging run-count=\"2\" cpu-name"),
            Code::Unsupported,
            xml,
            "2 times",
        ),
        ("no judging", fixture("polygon/ask").edit(xml, "judging", "judgment"), Code::KeyMissing, xml, "<judging>"),
        (
            "no tests",
            fixture("polygon/ask").edit(xml, "<test method=\"manual\"/>", "").edit(
                xml,
                "<test-count>1<",
                "<test-count>0<",
            ),
            Code::NoCases,
            xml,
            "tests",
        ),
        (
            "points that are not a number",
            words().edit(xml, "points=\"15.0\"", "points=\"many\""),
            Code::KeyType,
            xml,
            "test 2",
        ),
        (
            "too many header files",
            (0..101).fold(words(), |files, n| files.with(&format!("files/h{n}.h"), "x")).edit(
                xml,
                "<resources>",
                &(0..101)
                    .map(|n| format!("<file path=\"files/h{n}.h\"/>"))
                    .fold("<resources>".to_owned(), |a, b| a + &b),
            ),
            Code::Program,
            xml,
            "more than 100 header files",
        ),
        ("scorer", words().edit(xml, "<validators>", "<scorer/><validators>"), Code::Unsupported, xml, "scorer"),
    ]);
}

#[test]
fn all_faults_are_reported_together() {
    let files = Files::fixture("kattis-legacy/sums")
        .with("problem.yaml", "name: x\nlimits: {memory: lots, output: -3}\nvalidation: magic\n")
        .without("data/secret/2.ans")
        .with("problem_statement/problem.en.tex", b"\xff");
    let refusal = refused(Bench::new().import_files(&files, &options()));
    let errors = refusal.findings.iter().filter(|finding| finding.code.is_error()).count();
    assert!(errors >= 4, "{refusal}");
    assert!(refusal.findings[0].code.is_error(), "errors come first");
    assert!(refusal.to_string().contains("E_KEY_TYPE problem.yaml:2:18, limits.memory: "), "{refusal}");
}

#[test]
fn secret_cases_may_be_missing_with_allow_no_secret() {
    let mut options = options();
    options.allow_no_secret = true;
    let all = |files: &Files| Bench::new().import_files(files, &options).unwrap_or_else(|error| panic!("{error}"));
    let files = Files::fixture("kattis-legacy/sums").without("data/secret");
    assert_eq!(all(&files).package.problem.tests.cases().count(), 1);
    let files = Files::fixture("kattis-2025-09/sorting");
    let samples =
        all(&files).package.problem.tests.cases().filter(|case| case.id.as_str().starts_with("sample")).count();
    let files = files.without("data/secret").with("data/secret/test_group.yaml", "{}");
    assert_eq!(all(&files).package.problem.tests.cases().count(), samples);
}

/// The stored package must still open, because it may have been imported before the rule existed.
#[test]
fn a_package_whose_files_no_step_can_get_is_refused_by_an_import_only() {
    let large = fixture("kattis-2025-09/ratio").with("data/secret/b.files/table.txt", vec![b'\n'; 65 << 20]);
    let words = "65 MiB together, of which this file has 65 MiB; the maximum is 64 MiB. Use smaller files";
    let bench = Bench::new();
    let refusal = refused(bench.import_files(&large, &options()));
    assert_refused("files", &refusal, Code::LimitUnsupported, "data/secret/b.files/table.txt", words);
    assert!(open(&bench.path().join("source"), &options()).is_ok());
}

/// Regression: after an upgrade that refused more names, such packages did not open.
#[test]
fn a_name_that_a_language_reserves_is_refused_by_an_import_only() {
    for (from, to, words) in [
        ("name = \"twoSum\"", "name = \"match\"", "the name `match` is reserved in Rust"),
        ("name = \"target\"", "name = \"restrict\"", "the name `restrict` is reserved in C"),
        ("name = \"twoSum\"", "name = \"len\"", "the name `len` has another meaning in Go"),
    ] {
        let files = fixture("cupel/two-sum").edit("problem.toml", from, to);
        let bench = Bench::new();
        let refusal = refused(bench.import_files(&files, &options()));
        assert_refused(to, &refusal, Code::KeyType, "problem.toml", words);
        let opened = open(&bench.path().join("source"), &options()).unwrap_or_else(|error| panic!("{to}: {error}"));
        assert!(opened.package.problem.signature.is_some(), "{to}");
    }
    let files = fixture("cupel/two-sum").edit("problem.toml", "name = \"twoSum\"", "name = \"two-sum\"");
    let bench = Bench::new();
    assert_refused("-", &refused(bench.import_files(&files, &options())), Code::KeyType, "problem.toml", "a name of");
    assert!(open(&bench.path().join("source"), &options()).is_err());
}

#[test]
fn an_interactor_of_a_type_without_interactors_is_refused_by_an_import_only() {
    let files = fixture("dmoj/guess").edit("init.yml", "type: testlib", "type: peg");
    let mut options = options();
    options.time_limit = Some(std::time::Duration::from_secs(1));
    let bench = Bench::new();
    let refusal = refused(bench.import_files(&files, &options));
    assert_refused("peg", &refusal, Code::Unsupported, "init.yml", "interactive.type: an interactor of the type `peg`");
    assert!(open(&bench.path().join("source"), &options).is_ok());
}
