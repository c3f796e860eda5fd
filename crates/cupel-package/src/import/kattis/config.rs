//! Reads `problem.yaml`.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use cupel_languages::Language;
use cupel_types::Bytes;

use super::super::{ByteOrderMark, Context, Draft, Keys, PackageFormat};
use crate::doc::{Reader, Source, Unknown};
use crate::finding::{Code, ImportError};
use cupel_problem::{Calibration, Factor, Objective, ProblemLimits, Scoring, SkippedCases, family_of};

/// The version of the format to which the package belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Legacy,
    /// 2023-07 and "draft": the new layout, with some keys of the old layout.
    Draft,
    V202509,
}

impl Version {
    /// Returns the version that `problem.yaml` names.
    pub(super) fn of(top: &Reader<'_>) -> Version {
        match top.get("problem_format_version").text() {
            Some("2025-09") => Version::V202509,
            Some("2023-07" | "2023-07-draft" | "draft") => Version::Draft,
            _ => Version::Legacy,
        }
    }
}

/// The parts of `problem.yaml` that other parts of the importer need.
pub(super) struct Config {
    pub(super) version: Version,
    pub(super) domjudge: bool,
    pub(super) scoring: bool,
    pub(super) interactive: bool,
    /// Maximum number of passes of a multi-pass problem.
    pub(super) passes: Option<NonZeroU32>,
    /// Legacy: whether a program judges the output instead of the default validator.
    pub(super) custom_validator: bool,
    /// Legacy: whether the validator awards the score.
    pub(super) validator_scores: bool,
    /// Legacy: flags for the validator in every group.
    pub(super) validator_flags: Vec<String>,
}

impl Config {
    pub(super) fn is_new(&self) -> bool {
        self.version != Version::Legacy
    }
}

const KEYS_LEGACY: &[&str] = &[
    "problem_format_version",
    "name",
    "uuid",
    "author",
    "source",
    "source_url",
    "license",
    "rights_owner",
    "type",
    "limits",
    "validation",
    "validator_flags",
    "grading",
    "keywords",
];
const KEYS_2025: &[&str] = &[
    "problem_format_version",
    "type",
    "name",
    "uuid",
    "version",
    "credits",
    "source",
    "license",
    "rights_owner",
    "embargo_until",
    "limits",
    "keywords",
    "languages",
    "allow_file_writing",
    "constants",
];
/// Keys from drafts that may still occur in packages with the new layout.
const KEYS_DRAFT: &[&str] = &["author", "source_url", "validation", "validator_flags", "grading"];

pub(super) fn read(context: &Context<'_>, format: PackageFormat) -> Result<Option<(Config, Draft)>, ImportError> {
    let domjudge = format == PackageFormat::Domjudge;
    if domjudge && !context.tree.has("problem.yaml") {
        let config = Config {
            version: Version::Legacy,
            domjudge,
            scoring: false,
            interactive: false,
            passes: None,
            custom_validator: context.tree.has_directory("output_validators")
                || context.tree.has_directory("output_validator"),
            validator_scores: false,
            validator_flags: Vec::new(),
        };
        return Ok(Some((
            config,
            Draft::new(
                Calibration::WIDE,
                "domjudge-problem.ini",
                Keys { time_limit: "timelimit", ..keys(Version::Legacy) },
            ),
        )));
    }
    let strict = format == PackageFormat::Kattis202509;
    let mark = if strict { ByteOrderMark::Refused } else { ByteOrderMark::Warned };
    let Some(node) = context.yaml("problem.yaml", mark)? else { return Ok(None) };
    let top = Reader::new(Source { file: "problem.yaml", findings: context.findings }, &node);
    if top.is_some() && !top.is_map() {
        top.expected("a map of keys");
        return Ok(None);
    }
    let version = Version::of(&top);
    if version == Version::Draft {
        top.get("problem_format_version").fault(
            Code::DraftSpelling,
            "this version is a draft of the format 2025-09",
            "Change the package to 2025-09; in a draft, old and new spellings are both accepted",
        );
    }
    let calibration = if version == Version::Legacy { Calibration::WIDE } else { Calibration::NARROW };
    let mut draft = Draft::new(calibration, "problem.yaml", keys(version));
    known_keys(&top, version);
    people(&top, version, &mut draft);
    let mut config = kinds(&top, version, domjudge);
    limits(&top.get("limits"), version, &mut draft.limits, &mut config);
    languages(context, &top.get("languages"), &mut draft.limits);
    grading(context, &top, &config, &mut draft);
    Ok(Some((config, draft)))
}

fn known_keys(top: &Reader<'_>, version: Version) {
    match version {
        Version::Legacy => top.only(KEYS_LEGACY, Unknown::Warning),
        Version::Draft => {
            top.only(&[KEYS_2025, KEYS_DRAFT, &["license", "test_case_limits"]].concat(), Unknown::Warning)
        }
        Version::V202509 => {
            for key in ["source_url", "author"] {
                if top.get(key).is_some() {
                    let remedy = "Move it to `source` or `credits`";
                    top.get(key).fault(Code::DraftSpelling, "this key belongs to a draft of the format", remedy);
                }
            }
            top.only(&[KEYS_2025, &["source_url", "author"]].concat(), Unknown::Error);
            if !top.get("uuid").is_some() {
                let remedy = "Add it: any UUID, such as one printed by `uuidgen`";
                top.get("uuid").fault(Code::Metadata, "the key is missing", remedy);
            }
        }
    }
}

fn people(top: &Reader<'_>, version: Version, draft: &mut Draft) {
    let name = top.get("name");
    if name.is_map() {
        for (language, title) in name.entries() {
            draft.titles.extend(title.words().map(|title| (language.to_owned(), title.to_owned())));
        }
        if draft.titles.is_empty() {
            name.fault(Code::Metadata, "there is no title in any language", "Add one: `en: Name`");
        }
    } else if name.is_some() {
        draft.titles.extend(name.words().map(|title| ("en".to_owned(), title.to_owned())));
    } else if version == Version::V202509 {
        name.fault(Code::Metadata, "the key is missing", "Add it: the problem's title");
    }
    for part in
        top.get("author").text().unwrap_or_default().split([',', ';', '\n']).flat_map(|part| part.split(" and "))
    {
        draft.add_author(part);
    }
    let credits = top.get("credits");
    if credits.is_map() {
        for (role, list) in
            credits.entries().into_iter().filter(|(role, _)| matches!(*role, "authors" | "contributors"))
        {
            let _ = role;
            for person in list.one_or_more() {
                add_person(&person, draft);
            }
        }
    } else {
        add_person(&credits, draft);
    }
    // `source` is a text, a map with a name, or a list of texts and maps.
    let sources = top.get("source").one_or_more();
    let named = sources.iter().filter_map(|one| if one.is_map() { one.get("name").words() } else { one.words() });
    draft.source = Some(named.collect::<Vec<_>>().join(", ")).filter(|text| !text.is_empty());
    draft.licence.rights_owner = top.get("rights_owner").words().map(str::to_owned);
    licence(&top.get("license"), version, draft);
    let keywords = top.get("keywords");
    if keywords.is_seq() {
        keywords.list().iter().filter_map(Reader::text).for_each(|word| draft.add_tag(word));
    } else {
        keywords.text().unwrap_or_default().split([' ', ',']).for_each(|word| draft.add_tag(word));
    }
}

fn keys(version: Version) -> Keys {
    let authors = if version == Version::Legacy { "author" } else { "credits" };
    Keys {
        title: "name",
        tags: "keywords",
        authors,
        time_limit: "limits.time_limit",
        time_unit: "seconds",
        memory: "limits.memory",
    }
}

fn add_person(person: &Reader<'_>, draft: &mut Draft) {
    if person.is_map() {
        let name = person.get("name").words().unwrap_or_default();
        match person.get("email").words() {
            Some(email) => draft.add_author(&format!("{name} <{email}>")),
            None => draft.add_author(name),
        }
    } else if let Some(name) = person.text() {
        draft.add_author(name);
    }
}

fn licence(licence: &Reader<'_>, version: Version, draft: &mut Draft) {
    let Some(text) = licence.words() else { return };
    let known = ["unknown", "public domain", "cc0", "cc by", "cc by-sa", "educational", "permission"];
    if version == Version::V202509 && !known.contains(&text) {
        let fault = format!("`{text}` is not one of {}", known.join(", "));
        licence.fault(Code::Metadata, fault, "Use one of these");
    }
    draft.licence.name = Some(text.to_owned()).filter(|text| text != "unknown");
}

/// Reads `type` and, in legacy packages, `validation`.
fn kinds(top: &Reader<'_>, version: Version, domjudge: bool) -> Config {
    let kind = top.get("type");
    let mut words: Vec<String> = Vec::new();
    for one in kind.one_or_more() {
        let text = one.text().unwrap_or_default();
        if text.contains(' ') && version == Version::V202509 {
            kind.fault(Code::DraftSpelling, "several types are written as one string", "Write them as a list");
        }
        words.extend(text.split_whitespace().map(str::to_owned));
    }
    let known = ["pass-fail", "scoring", "multi-pass", "interactive", "submit-answer"];
    for word in words.iter().filter(|word| !known.contains(&word.as_str())) {
        let supported = "Supported are pass-fail, scoring, multi-pass and interactive";
        kind.fault(Code::KeyType, format!("`{word}` is not a problem type"), supported);
    }
    let has = |word: &str| words.iter().any(|known| known == word);
    for (one, other) in [("pass-fail", "scoring"), ("submit-answer", "multi-pass"), ("submit-answer", "interactive")] {
        if has(one) && has(other) {
            kind.fault(Code::KeyType, format!("`{one}` and `{other}` exclude each other"), "Remove one of the two");
        }
    }
    if has("submit-answer") {
        let remedy = "Ask for a program instead of its output";
        kind.fault(Code::Unsupported, "`submit-answer` problems are not supported", remedy);
    }
    let mut config = Config {
        version,
        domjudge,
        scoring: has("scoring"),
        interactive: has("interactive"),
        passes: has("multi-pass").then_some(NonZeroU32::MIN.saturating_add(1)),
        custom_validator: false,
        validator_scores: false,
        validator_flags: Vec::new(),
    };
    if version == Version::V202509 {
        return config;
    }
    config.validator_flags = top.get("validator_flags").arguments().unwrap_or_default();
    let validation = top.get("validation");
    let mut words = validation.text().unwrap_or("default").split_whitespace();
    match words.next() {
        Some("custom") => config.custom_validator = true,
        None | Some("default") => {}
        Some(other) => {
            let fault = format!("the validation `{other}` is not supported");
            validation.fault(Code::KeyType, fault, "Write `default`, or `custom` followed by `score` or `interactive`");
        }
    }
    for word in words {
        match word {
            _ if !config.custom_validator => {
                validation.fault(
                    Code::KeyType,
                    format!("the default validation cannot be `{word}`"),
                    "Write `custom` instead of `default`",
                );
            }
            "score" => config.validator_scores = true,
            "interactive" => config.interactive = true,
            "multi-pass" => config.passes = Some(NonZeroU32::MIN.saturating_add(1)),
            other => {
                let fault = format!("`{other}` is not a property of custom validation");
                validation.fault(Code::KeyType, fault, "Supported are score, interactive and multi-pass");
            }
        }
    }
    if config.scoring && top.get("problem_format_version").text() == Some("legacy-icpc") {
        kind.fault(
            Code::KeyType,
            "problems of the version legacy-icpc cannot have scores",
            "Write `problem_format_version: legacy`",
        );
    }
    if config.validator_scores && !config.scoring {
        validation.fault(
            Code::KeyType,
            "the validator gives scores, but the problem is not a scoring problem",
            "Add `type: scoring`",
        );
    }
    config
}

fn limits(limits: &Reader<'_>, version: Version, out: &mut ProblemLimits, config: &mut Config) {
    const MIB: u64 = 1 << 20;
    limits.map();
    let common = [
        "memory",
        "output",
        "code",
        "compilation_time",
        "compilation_memory",
        "validation_time",
        "validation_memory",
        "validation_output",
        "time_limit",
    ];
    let old = ["time_multiplier", "time_safety_margin"];
    let new = ["time_multipliers", "time_resolution", "validation_passes"];
    match version {
        // DOMjudge has multi-pass problems in legacy packages.
        Version::Legacy => limits.only(&[&common[..], &old, &["validation_passes"]].concat(), Unknown::Warning),
        Version::Draft => limits.only(&[&common[..], &old, &new].concat(), Unknown::Warning),
        Version::V202509 => limits.only(&[&common[..], &new].concat(), Unknown::Error),
    }
    let factor = |reader: Reader<'_>, to: &mut Factor| {
        if let Some(factor) = reader.parsed("a factor above 0") {
            *to = factor;
        }
    };
    let size = |key: &str, unit: u64, to: &mut Bytes| {
        if let Some(size) = limits.get(key).size(unit) {
            *to = size;
        }
    };
    let time = |key: &str, to: &mut Duration| {
        if let Some(time) = limits.get(key).seconds() {
            *to = time;
        }
    };
    size("memory", MIB, &mut out.memory);
    size("output", MIB, &mut out.output);
    size("code", 1 << 10, &mut out.code);
    time("compilation_time", &mut out.compile.time);
    size("compilation_memory", MIB, &mut out.compile.memory);
    time("validation_time", &mut out.validation.time);
    size("validation_memory", MIB, &mut out.validation.memory);
    size("validation_output", MIB, &mut out.validation.output);
    let calibration = &mut out.time.calibration;
    factor(limits.get("time_multiplier"), &mut calibration.accepted_to_limit);
    factor(limits.get("time_safety_margin"), &mut calibration.limit_to_time_limit_exceeded);
    let multipliers = limits.get("time_multipliers");
    multipliers.map();
    if version == Version::V202509 {
        multipliers.only(&["ac_to_time_limit", "time_limit_to_tle"], Unknown::Error);
    }
    factor(multipliers.get("ac_to_time_limit"), &mut calibration.accepted_to_limit);
    factor(multipliers.get("time_limit_to_tle"), &mut calibration.limit_to_time_limit_exceeded);
    time("time_resolution", &mut calibration.resolution);
    // It need not be a multiple of the resolution. Source: 2025-09, "Problem timing".
    out.time.limit = limits.get("time_limit").seconds();
    if let Some(passes) = limits.get("validation_passes").integer(2, 1000) {
        match &mut config.passes {
            Some(most) => *most = NonZeroU32::new(u32::try_from(passes).unwrap_or(2)).unwrap_or(NonZeroU32::MIN),
            None => limits.get("validation_passes").fault(
                Code::KeyType,
                "the problem has only one pass",
                "Add `multi-pass` to the type, or remove the key",
            ),
        }
    }
}

fn languages(context: &Context<'_>, languages: &Reader<'_>, out: &mut ProblemLimits) {
    if !languages.is_some() || languages.node().is_some_and(|_| !languages.is_seq() && languages.text() == Some("all"))
    {
        return;
    }
    let registry = context.options.languages;
    let (mut named, mut known) = (Vec::new(), BTreeSet::new());
    for one in languages.list() {
        let Some(text) = one.text() else { continue };
        let Some(language) = context.language(text) else { continue };
        if registry.get(&language).is_none() {
            let fault = format!("no configured language has the name `{text}`");
            one.fault(
                Code::NotVerifiable,
                fault,
                "Correct the name if it is misspelt; nobody can submit in this language",
            );
        }
        // A code of the format stands for all versions of the language. The id of a single version, which has a meaning
        // only for Cupel, stands for that version.
        let language = registry.known(language.as_str()).map_or(language, |found| found.id.clone());
        let is_version = |one: &&Language| one.id.image().is_none() && family_of(one.main_id()) == language.as_str();
        let versions = registry.iter().filter(is_version).map(|one| one.id.clone());
        let ids = std::iter::once(language.clone()).chain(versions);
        named.extend(ids.filter(|id| known.insert(id.clone())));
    }
    out.languages = Some(named);
}

/// Reads the scoring of the whole problem. Groups have separate files.
fn grading(context: &Context<'_>, top: &Reader<'_>, config: &Config, draft: &mut Draft) {
    if config.version == Version::V202509 {
        if config.scoring {
            draft.scoring = Scoring::Points { objective: Objective::Max, skipped: SkippedCases::Ignored };
        }
        return;
    }
    if context.tree.has_directory("graders") {
        let remedy = "Express the scoring with the default grader's flags";
        context.findings.file(Code::Unsupported, "graders", "custom graders are not supported", remedy);
    }
    let grading = top.get("grading");
    if grading.is_some() && !grading.is_map() {
        // Very old packages contain `grading: default` or `grading: custom`.
        match grading.text() {
            Some("default") | None => {}
            Some("custom") => {
                grading.fault(Code::Unsupported, "custom graders are not supported", "Use the default grader")
            }
            Some(_) => grading.expected("a map"),
        }
    }
    let objective = match grading.get("objective").text() {
        None | Some("max") => Objective::Max,
        Some("min") => Objective::Min,
        Some(_) => {
            grading.get("objective").expected("`min` or `max`");
            Objective::Max
        }
    };
    if config.scoring {
        draft.scoring = Scoring::Points { objective, skipped: SkippedCases::Ignored };
    }
}
