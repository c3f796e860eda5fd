//! Layered settings from several sources, each value with its origin.
//!
//! The compiled-in defaults contain every key. An unknown key is an error; its message names the nearest known key, if
//! one is similar. Reading continues after an error.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cupel_core::accounts::Tier;
use cupel_types::Bytes;
use toml::de::{DeTable, DeValue};

use super::{text_file, units};

/// The reference of all settings: every key, its default and its meaning.
pub(crate) const DEFAULTS: &str = include_str!("../../config.default.toml");

/// The only table in which the operator chooses the keys. Each entry has the fields of the tier [`Tier::BASIC`].
const TIERS: &str = "rate_limits.tiers.";

/// Keys whose values are never shown, not even in an error.
const SECRETS: [&str; 9] = [
    "alerts.secret",
    "alerts.url",
    "blobs.url",
    "events.url",
    "metrics.token",
    "queue.url",
    "shared.url",
    "store.url",
    "traces.url",
];

/// Origin of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    /// `line` is `None` if the file cannot be read.
    File {
        path: PathBuf,
        line: Option<usize>,
    },
    Environment {
        variable: String,
    },
    Flag {
        name: &'static str,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line: Some(line) } => write!(f, "{}:{line}", path.display()),
            Origin::File { path, line: None } => write!(f, "{}", path.display()),
            Origin::Environment { variable } => write!(f, "environment variable {variable}"),
            Origin::Flag { name } => write!(f, "flag {name}"),
        }
    }
}

/// A value before its conversion.
#[derive(Clone, PartialEq, Eq)]
enum Raw {
    Text(String),
    Number(String),
    Boolean(bool),
    List(Vec<String>),
    Other(&'static str),
}

#[derive(Clone)]
struct Setting {
    raw: Raw,
    origin: Origin,
}

/// An error in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigFault {
    pub(crate) origin: Origin,
    pub(crate) key: String,
    /// What was expected, and what to do.
    pub(crate) message: String,
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            write!(f, "{}: {}", self.origin, self.message)
        } else {
            write!(f, "{}: {}: {}", self.origin, self.key, self.message)
        }
    }
}

/// All settings read so far, and all their errors.
pub(crate) struct Layers {
    settings: BTreeMap<String, Setting>,
    /// Tiers with a section that has no settings.
    empty_tiers: BTreeSet<String>,
    pub(crate) faults: Vec<ConfigFault>,
}

/// Maximum of a setting that is a duration: about 100 years. Points in time that are much farther away cannot be
/// stored.
const DURATION_MAX: Duration = Duration::from_hours(36_500 * 24);

impl Layers {
    /// Returns the defaults alone.
    pub(crate) fn defaults() -> Layers {
        let mut layers = Layers { settings: BTreeMap::new(), empty_tiers: BTreeSet::new(), faults: Vec::new() };
        layers.read_toml(DEFAULTS, |_| Origin::Default, true);
        layers
    }

    /// Overrides settings with those of a file.
    pub(crate) fn file(&mut self, path: &Path, text: &str) {
        self.read_toml(text, |line| Origin::File { path: path.to_owned(), line: Some(line) }, false);
    }

    /// Like [`Layers::environment`]. A variable that would be a setting and is not UTF-8 is an error; without it, for
    /// example, a server would use another database. Other variables that are not UTF-8 are ignored.
    pub(crate) fn environment_of_process(&mut self, variables: impl Iterator<Item = (OsString, OsString)>) {
        let mut texts = Vec::new();
        for (name, value) in variables {
            let shown = name.to_string_lossy().into_owned();
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => texts.push((name, value)),
                _ if shown.starts_with("CUPEL_") && shown.contains("__") => {
                    let message = "the name and the value of a setting must be UTF-8".to_owned();
                    self.fault("", Origin::Environment { variable: shown }, message);
                }
                _ => {}
            }
        }
        self.environment(texts.into_iter());
    }

    /// Overrides settings with environment variables whose names begin with `CUPEL_` and contain a section
    /// (`CUPEL_SECTION__KEY`). A variable without a section is ignored, because Kubernetes sets such variables for its
    /// services. Such a variable is an error only if a second underscore would make it the name of a setting.
    pub(crate) fn environment(&mut self, variables: impl Iterator<Item = (String, String)>) {
        let mut ours: Vec<_> = variables.filter(|(name, _)| name.starts_with("CUPEL_")).collect();
        ours.sort();
        for (variable, value) in ours {
            let name = variable["CUPEL_".len()..].to_ascii_lowercase();
            if !name.contains("__") {
                self.refuse_a_single_underscore(&name, variable);
                continue;
            }
            let key = name.replace("__", ".");
            let origin = Origin::Environment { variable };
            match key.strip_suffix("_file").filter(|of| self.is_known(of) && !self.is_known(&key)) {
                Some(of) => match self.settings.get(of).map(|setting| &setting.origin) {
                    Some(Origin::Environment { variable: other }) => {
                        let message = format!("{other} also sets it: remove one of the two");
                        self.fault(of, origin, message);
                    }
                    _ => self.set_from_file(of, &value, origin),
                },
                None => self.set(key, Raw::Text(value), origin, false),
            }
        }
    }

    fn refuse_a_single_underscore(&mut self, name: &str, variable: String) {
        let of = name.strip_suffix("_file").unwrap_or(name);
        let meant = |key: &&String| [name, of].contains(&&*key.replace('.', "_"));
        let Some(key) = self.settings.keys().find(meant).cloned() else { return };
        let suffix = if key.replace('.', "_") == name { "" } else { "_FILE" };
        let right = format!("CUPEL_{}{suffix}", key.to_ascii_uppercase().replace('.', "__"));
        self.fault(
            &key,
            Origin::Environment { variable },
            format!("the section must be followed by two underscores: {right}"),
        );
    }

    /// Reads a value from a file, without the trailing line end. Containers receive secrets in this way.
    fn set_from_file(&mut self, key: &str, path: &str, origin: Origin) {
        match text_file::read(Path::new(path)) {
            Ok(text) => self.set(key.to_owned(), Raw::Text(text.trim_end().to_owned()), origin, false),
            Err(error) => self.fault(key, origin, format!("cannot read the file {path}: {error}")),
        }
    }

    /// Overrides a setting with a command-line flag.
    pub(crate) fn flag(&mut self, key: &str, name: &'static str, value: Option<String>) {
        if let Some(value) = value {
            self.set(key.to_owned(), Raw::Text(value), Origin::Flag { name }, false);
        }
    }

    /// Like [`Layers::flag`], for a path. A path that is not UTF-8 is an error, because it would become another path.
    pub(crate) fn path_flag(&mut self, key: &str, name: &'static str, path: Option<&Path>) {
        match path.map(|path| (path, path.to_str())) {
            Some((path, None)) => {
                self.fault(key, Origin::Flag { name }, format!("the path {} is not UTF-8", path.display()));
            }
            text => self.flag(key, name, text.and_then(|(_, text)| text.map(str::to_owned))),
        }
    }

    fn read_toml(&mut self, text: &str, origin: impl Fn(usize) -> Origin, defines: bool) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let newlines: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
        let line_of = |at: usize| newlines.partition_point(|newline| *newline < at) + 1;
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            let message = error.message().lines().collect::<Vec<_>>().join("; ");
            let message = format!("{}: {message}", self.column_and_setting(text, at));
            self.faults.push(ConfigFault { origin: origin(line_of(at)), key: String::new(), message });
        }
        let mut waiting: Vec<(String, &DeTable<'_>)> = vec![(String::new(), table.get_ref())];
        while let Some((prefix, table)) = waiting.pop() {
            for (name, value) in table {
                let key = format!("{prefix}{}", name.get_ref());
                if let DeValue::Table(inner) = value.get_ref() {
                    if inner.is_empty() {
                        self.empty_section(key.clone(), origin(line_of(name.span().start)));
                    }
                    waiting.push((format!("{key}."), inner));
                } else {
                    let origin = origin(line_of(name.span().start));
                    self.set(key, raw(value.get_ref()), origin, defines);
                }
            }
        }
    }

    /// Names the column of a syntax error at byte `at`, and the setting of its line. Only the name of a setting that
    /// exists is shown: any other text may be part of a password.
    fn column_and_setting(&self, text: &str, at: usize) -> String {
        let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
        let begin = before.rsplit('\n').next().unwrap_or_default();
        let column = begin.chars().count() + 1;
        let line = format!("{begin}{}", after.split('\n').next().unwrap_or_default());
        let name = line.split('=').next().unwrap_or_default().trim();
        let is_known = self.settings.keys().any(|key| key == name || key.rsplit('.').next() == Some(name));
        if is_known { format!("column {column}, setting `{name}`") } else { format!("column {column}") }
    }

    fn set(&mut self, key: String, raw: Raw, origin: Origin, defines: bool) {
        if defines || self.is_known(&key) {
            self.settings.insert(key, Setting { raw, origin });
        } else {
            let message = match self.nearest(&key) {
                Some(near) => format!("unknown setting; did you mean `{near}`?"),
                None => "unknown setting; `cupel config default` lists all of them".to_owned(),
            };
            self.faults.push(ConfigFault { origin, key, message });
        }
    }

    /// Reads a section without settings. It adds a tier, or has no effect if it is known.
    fn empty_section(&mut self, key: String, origin: Origin) {
        if let Some(name) = key.strip_prefix(TIERS).filter(|name| is_tier(name)) {
            self.empty_tiers.insert(name.to_owned());
            return;
        }
        let is_section = |known: &String| known.strip_prefix(&*key).is_some_and(|rest| rest.starts_with('.'));
        if !self.settings.keys().any(is_section) {
            self.set(key, Raw::Other("a section"), origin, false);
        }
    }

    fn is_known(&self, key: &str) -> bool {
        self.settings.contains_key(key)
            || tier_field(key)
                .is_some_and(|(name, field)| is_tier(name) && self.settings.contains_key(&base_key(field)))
    }

    fn nearest(&self, key: &str) -> Option<&str> {
        let scored = self.settings.keys().map(|known| (strsim::normalized_damerau_levenshtein(known, key), known));
        let (score, known) = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
        (score > 0.6).then_some(known)
    }

    fn setting(&self, key: &str) -> Option<Setting> {
        self.settings.get(key).or_else(|| self.settings.get(&base_key(tier_field(key)?.1))).cloned()
    }

    /// Returns every setting as `key = value` with its origin, in the order of the keys.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&str, String, &Origin)> {
        self.settings.iter().map(|(key, setting)| {
            let hidden = SECRETS.contains(&key.as_str()) && setting.raw != Raw::Text(String::new());
            let value = if hidden { "\"(hidden)\"".to_owned() } else { shown(&setting.raw) };
            (key.as_str(), value, &setting.origin)
        })
    }

    /// Returns the names of all rate-limit tiers.
    pub(crate) fn tiers(&self) -> Vec<String> {
        let of_settings = self.settings.keys().filter_map(|key| Some(tier_field(key)?.0.to_owned()));
        let names: BTreeSet<String> = of_settings.chain(self.empty_tiers.iter().cloned()).collect();
        names.into_iter().collect()
    }

    // ---- typed values: a faulty value is replaced by a placeholder, which is never used, because the caller checks
    // the faults first ----

    /// Returns the value of `key`, converted by `convert`.
    pub(crate) fn value<T: Default>(
        &mut self,
        key: &str,
        expected: &str,
        convert: impl FnOnce(&str) -> Option<T>,
    ) -> T {
        let Some(Setting { raw, origin }) = self.setting(key) else {
            self.fault(key, Origin::Default, "has no default".to_owned());
            return T::default();
        };
        let converted = match &raw {
            Raw::Text(text) => convert(text),
            _ => None,
        };
        converted.unwrap_or_else(|| {
            let found = if SECRETS.contains(&key) { kind_of(&raw).to_owned() } else { shown(&raw) };
            self.fault(key, origin, format!("expected {expected}, found {found}"));
            T::default()
        })
    }

    pub(crate) fn text(&mut self, key: &str) -> String {
        self.value(key, "a string", |text| Some(text.to_owned()))
    }

    /// Reads a setting that must be one of several words. The error about another word lists these words.
    pub(crate) fn one_of<T: Default + Copy>(&mut self, key: &str, words: &[(&str, T)]) -> T {
        let list = words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
        self.value(key, &format!("one of {list}"), |text| {
            words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
        })
    }

    pub(crate) fn duration(&mut self, key: &str, least: Duration) -> Duration {
        let expected = match least.is_zero() {
            true => "a duration such as \"30s\" or \"1h30m\", at most \"36500d\"".to_owned(),
            false => format!("a duration of at least {least:?} such as \"30s\" or \"1h30m\", at most \"36500d\""),
        };
        self.value(key, &expected, |text| units::duration(text).filter(|d| (least..=DURATION_MAX).contains(d)))
    }

    /// A size of at least one byte, for settings that would otherwise refuse everything.
    pub(crate) fn some_bytes(&mut self, key: &str) -> Bytes {
        let expected = "a size of at least 1 byte such as \"64KiB\" or \"256MiB\"";
        self.value(key, expected, |text| units::size(text).filter(|size| *size > Bytes::ZERO))
    }

    pub(crate) fn bytes(&mut self, key: &str) -> Bytes {
        self.value(key, "a size such as \"64KiB\" or \"256MiB\"", units::size)
    }

    pub(crate) fn number(&mut self, key: &str, range: std::ops::RangeInclusive<u32>) -> u32 {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        if let Some(Setting { raw: Raw::Number(number), origin }) = self.setting(key) {
            return number.parse().ok().filter(|n| range.contains(n)).unwrap_or_else(|| {
                self.fault(key, origin, format!("expected {expected}, found {number}"));
                0
            });
        }
        self.value(key, &expected, |text| text.parse().ok().filter(|n| range.contains(n)))
    }

    /// Reads a number that may have a fraction, or `None` for an empty string. In a file, a number with a fraction is
    /// written as a string.
    pub(crate) fn decimal(&mut self, key: &str, least: f64) -> Option<f64> {
        let expected = format!("a number of at least {least}, such as 5 or \"2.5\", or \"\"");
        let parse = |text: &str| text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= least);
        if let Some(Setting { raw: Raw::Number(number), origin }) = self.setting(key) {
            let parsed = parse(&number);
            if parsed.is_none() {
                self.fault(key, origin, format!("expected {expected}, found {number}"));
            }
            return parsed;
        }
        self.value(key, &expected, |text| if text.is_empty() { Some(None) } else { parse(text).map(Some) })
    }

    pub(crate) fn boolean(&mut self, key: &str) -> bool {
        if let Some(Setting { raw: Raw::Boolean(value), .. }) = self.setting(key) {
            return value;
        }
        let from_environment =
            matches!(self.setting(key), Some(Setting { origin: Origin::Environment { .. } | Origin::Flag { .. }, .. }));
        self.value(key, "true or false", |text| if from_environment { text.parse().ok() } else { None })
    }

    /// Reads a list of strings. A single string is a JSON array, or is split at commas.
    pub(crate) fn list(&mut self, key: &str) -> Vec<String> {
        if let Some(Setting { raw: Raw::List(list), .. }) = self.setting(key) {
            return list;
        }
        let split =
            |text: &str| text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect();
        self.value(key, "a list of strings such as [\"a\", \"b\"]", |text| match text.trim_start().starts_with('[') {
            true => serde_json::from_str(text).ok(),
            false => Some(split(text)),
        })
    }

    /// Records that the value of `key` is not acceptable, for a reason that only the caller can determine.
    pub(crate) fn refuse(&mut self, key: &str, message: String) {
        let origin = self.setting(key).map_or(Origin::Default, |setting| setting.origin);
        self.fault(key, origin, message);
    }

    /// Where a setting was set, and its name, as in an error message.
    pub(crate) fn place_of(&self, key: &str) -> String {
        format!("{}: {key}", self.setting(key).map_or(Origin::Default, |setting| setting.origin))
    }

    /// Whether no source sets the value.
    pub(crate) fn is_default(&self, key: &str) -> bool {
        self.setting(key).is_none_or(|setting| setting.origin == Origin::Default)
    }

    fn fault(&mut self, key: &str, origin: Origin, message: String) {
        self.faults.push(ConfigFault { origin, key: key.to_owned(), message });
    }
}

/// Splits the key of a tier into the tier's name and the field.
fn tier_field(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix(TIERS)?.split_once('.')
}

/// Whether a tier may have this name.
fn is_tier(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    !name.is_empty() && name.chars().all(plain)
}

fn base_key(field: &str) -> String {
    format!("{TIERS}{}.{field}", Tier::BASIC)
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(number) => Raw::Number(number.to_string()),
        DeValue::Boolean(value) => Raw::Boolean(*value),
        DeValue::Array(items) => {
            let texts: Option<Vec<String>> =
                items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect();
            texts.map_or(Raw::Other("a list with elements that are not strings"), Raw::List)
        }
        other => Raw::Other(other.type_str()),
    }
}

fn kind_of(raw: &Raw) -> &'static str {
    match raw {
        Raw::Text(_) => "another string",
        Raw::Number(_) => "a number",
        Raw::Boolean(_) => "a boolean",
        Raw::List(_) => "a list of strings",
        Raw::Other(kind) => kind,
    }
}

fn shown(raw: &Raw) -> String {
    match raw {
        Raw::Text(text) => format!("{text:?}"),
        Raw::Number(number) => number.clone(),
        Raw::Boolean(value) => value.to_string(),
        Raw::List(items) => format!("{items:?}"),
        Raw::Other(kind) => (*kind).to_owned(),
    }
}
