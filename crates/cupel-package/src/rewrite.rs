//! Writes limits into a package's configuration file. All other text, including comments, stays unchanged.
//!
//! The text is edited at the position of the value, or at the position where a new value belongs. Then it is parsed
//! again. If the result lacks the new limit, or if anything else has changed, the edit is discarded.

use std::time::Duration;

use cupel_types::Bytes;

use crate::doc::{Node, TEXT_BYTES_MAX, Value, parse_toml, parse_yaml};
use crate::finding::Position;
use crate::import::PackageFormat;
use cupel_problem::{Case, Checker, Method, Problem};

/// The reason why a limit was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RewriteError {
    /// The format has no file in which Cupel writes limits.
    #[error("cupel does not write limits into packages of the format `{}`", .0.as_str())]
    NoPlace(PackageFormat),
    /// The format stores the memory limit in a larger unit.
    #[error("{file} stores the memory limit in MiB, and {limit} is not a whole number of MiB")]
    NotWhole {
        /// The file.
        file: &'static str,
        /// The limit that does not fit.
        limit: Bytes,
    },
    /// The file cannot be parsed, or every possible edit would also change something else.
    #[error("{file} cannot be changed safely: {why}; write `{key}` {value} into it by hand")]
    Unclear {
        /// The file.
        file: &'static str,
        /// The reason.
        why: String,
        /// The key of the limit.
        key: String,
        /// The value to write.
        value: String,
    },
}

/// The limits to write. `None`: the package keeps its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitsToWrite {
    /// CPU time of a case.
    pub time: Option<Duration>,
    /// Memory of a case.
    pub memory: Option<Bytes>,
}

/// Returns the name of the package file that contains the time limit and the memory limit.
///
/// # Errors
/// If limits are not written into packages of the format: Polygon's file is maintained in Polygon.
pub fn limits_file(format: PackageFormat) -> Result<&'static str, RewriteError> {
    Ok(limit_keys(format)?.file)
}

/// Returns the text with which that file begins if the package lacks it. With the text, a new file changes nothing but
/// the limits.
pub fn new_limits_file(format: PackageFormat, problem: &Problem) -> &'static str {
    let is_builtin = |case: &Case| matches!(&*case.method, Method::Check(Checker::Builtin(_)));
    match format {
        // DOMjudge uses the validator of a package without problem.yaml. If that file exists, it must name it.
        PackageFormat::Domjudge if !problem.tests.cases().all(is_builtin) => "validation: custom\n",
        _ => "",
    }
}

/// Returns the text of that file with new limits.
///
/// # Errors
/// If the format has no such file, a limit cannot be expressed, or the text cannot be changed safely.
pub fn with_limits(format: PackageFormat, text: &str, limits: LimitsToWrite) -> Result<String, RewriteError> {
    let LimitsToWrite { time, memory } = limits;
    let keys = limit_keys(format)?;
    let mut text = text.to_owned();
    if let Some(time) = time {
        text = keys.with(&text, keys.time, &(keys.syntax.number)(time.as_secs_f64()))?;
    }
    if let Some(memory) = memory {
        if !memory.get().is_multiple_of(keys.memory_unit) {
            return Err(RewriteError::NotWhole { file: keys.file, limit: memory });
        }
        text = keys.with(&text, keys.memory, &(memory.get() / keys.memory_unit).to_string())?;
    }
    Ok(text)
}

/// Where a format stores its limits.
struct LimitKeys {
    file: &'static str,
    syntax: &'static Syntax,
    /// Keys from the top of the file to each limit.
    time: &'static [&'static str],
    memory: &'static [&'static str],
    /// Unit of the memory limit, in bytes.
    memory_unit: u64,
}

const CUPEL: LimitKeys = LimitKeys {
    file: "problem.toml",
    syntax: &TOML,
    time: &["limits", "time"],
    memory: &["limits", "memory_mib"],
    memory_unit: 1 << 20,
};

const KATTIS: LimitKeys = LimitKeys {
    file: "problem.yaml",
    syntax: &YAML,
    time: &["limits", "time_limit"],
    memory: &["limits", "memory"],
    memory_unit: 1 << 20,
};

const DMOJ: LimitKeys = LimitKeys {
    file: "init.yml",
    syntax: &YAML,
    time: &["time_limit"],
    memory: &["memory_limit"],
    memory_unit: 1 << 10,
};

fn limit_keys(format: PackageFormat) -> Result<&'static LimitKeys, RewriteError> {
    match format {
        PackageFormat::Cupel => Ok(&CUPEL),
        PackageFormat::Kattis202509 | PackageFormat::Domjudge | PackageFormat::KattisLegacy => Ok(&KATTIS),
        PackageFormat::Dmoj => Ok(&DMOJ),
        PackageFormat::Polygon => Err(RewriteError::NoPlace(format)),
    }
}

impl LimitKeys {
    /// Returns the text with `value` at `path`.
    fn with(&self, text: &str, path: &[&str], value: &str) -> Result<String, RewriteError> {
        let (file, key) = (self.file, path.join("."));
        let unclear = |why: String| RewriteError::Unclear { file, why, key: key.clone(), value: value.to_owned() };
        if text.len() as u64 > TEXT_BYTES_MAX {
            return Err(unclear("it is too large".to_owned()));
        }
        let parse = |text: &str| (self.syntax.parse)(text).map_err(|(at, fault)| format!("line {}: {fault}", at.line));
        let before = parse(text).map_err(unclear)?;
        let changed = self.syntax.changed(text, &before, path, value);
        let changed = changed.ok_or_else(|| unclear("its structure is not supported".to_owned()))?;
        let after = parse(&changed).map_err(unclear)?;
        if value_at(&after, path).as_deref() != Some(value) || others(&after, path) != others(&before, path) {
            return Err(unclear("something other than the limit would change".to_owned()));
        }
        Ok(changed)
    }
}

/// The differences between TOML and YAML.
struct Syntax {
    parse: fn(&str) -> Result<Node, (Position, String)>,
    /// Writes a number of seconds.
    number: fn(f64) -> String,
    /// Text between a key and its value.
    is: &'static str,
    /// Writes the text with which a section begins at the end of the file.
    section: fn(&str) -> String,
}

const TOML: Syntax = Syntax {
    parse: parse_toml,
    // `{:?}` writes a decimal point (`2.0`), so that the number is a float, as usual in this file.
    number: |seconds| format!("{seconds:?}"),
    is: " = ",
    section: |name| format!("\n[{name}]\n"),
};

const YAML: Syntax = Syntax {
    parse: parse_yaml,
    number: |seconds| format!("{seconds}"),
    is: ": ",
    section: |name| format!("{name}:\n  "),
};

impl Syntax {
    /// Returns the text with `value` at `path`, which has one or two keys.
    fn changed(&self, text: &str, root: &Node, path: &[&str], value: &str) -> Option<String> {
        let (key, sections) = path.split_last()?;
        let section = sections.first();
        let entry = format!("{key}{}{value}", self.is);
        let parent = section.map_or(Some(root), |section| get(root, section));
        let Some(parent) = parent.filter(|parent| !parent.is_null()) else {
            let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            let opening = section.map_or(String::new(), |section| (self.section)(section));
            return Some(format!("{text}{end}{opening}{entry}\n"));
        };
        if let Some(old) = get(parent, key) {
            let start = offset(text, old.at)?;
            let length = text[start..].find([' ', '\t', ',', '}', '#', '\r', '\n']).unwrap_or(text.len() - start);
            return Some(format!("{}{value}{}", &text[..start], &text[start + length..]));
        }
        let Value::Map(entries) = &parent.value else { return None };
        let at = offset(text, parent.at)?;
        if text[at..].starts_with('{') {
            let comma = if entries.is_empty() { "" } else { ", " };
            return Some(format!("{}{entry}{comma}{}", &text[..=at], &text[at + 1..]));
        }
        // The position of a TOML section is the position of its header; the position of a YAML map is the position of
        // its first key.
        let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        if text[line..].trim_start().starts_with('[') {
            let next = text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1);
            return Some(format!("{}{entry}\n{}", &text[..next], &text[next..]));
        }
        let indent = &text[line..at];
        indent.trim().is_empty().then(|| format!("{}{entry}\n{indent}{}", &text[..at], &text[at..]))
    }
}

fn get<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    match &node.value {
        Value::Map(entries) => entries.iter().find(|(known, _)| known == key).map(|(_, node)| node),
        Value::Seq(_) | Value::Scalar(_) => None,
    }
}

fn offset(text: &str, at: Position) -> Option<usize> {
    let line =
        text.split_inclusive('\n').take(usize::try_from(at.line).ok()?.checked_sub(1)?).map(str::len).sum::<usize>();
    let column = usize::try_from(at.column).ok()?.checked_sub(1)?;
    Some(text[line..].char_indices().nth(column).map_or(text.len(), |(within, _)| line + within))
}

fn value_at(root: &Node, path: &[&str]) -> Option<String> {
    match &path.iter().try_fold(root, |node, key| get(node, key))?.value {
        Value::Scalar(scalar) => Some(scalar.text.clone()),
        Value::Seq(_) | Value::Map(_) => None,
    }
}

/// Formats everything except the value at `path`, without positions.
fn others(root: &Node, path: &[&str]) -> String {
    fn shown(node: &Node, skip: &[&str], out: &mut String) {
        match &node.value {
            Value::Scalar(scalar) => *out += &format!("{:?}", (&scalar.text, scalar.quoted)),
            Value::Seq(items) => items.iter().for_each(|item| shown(item, &[], out)),
            Value::Map(entries) => {
                for (name, value) in entries {
                    match skip {
                        [only] if only == name => continue,
                        [first, rest @ ..] if first == name && !rest.is_empty() => {
                            // A section that contains only the limit is ignored, because the edit may have created it.
                            let mut inside = String::new();
                            shown(value, rest, &mut inside);
                            if !inside.is_empty() && !value.is_null() {
                                *out += &format!("{name}={inside};");
                            }
                        }
                        _ => {
                            *out += &format!("{name}=");
                            shown(value, &[], out);
                            *out += ";";
                        }
                    }
                }
            }
        }
    }
    let mut out = String::new();
    // An empty file has no values, just like a file that contains only the limit.
    if !root.is_null() {
        shown(root, path, &mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: PackageFormat, text: &str) -> Result<String, RewriteError> {
        let time = Some(Duration::from_millis(2500));
        with_limits(format, text, LimitsToWrite { time, memory: None })
    }

    #[test]
    fn only_the_limit_changes_and_comments_are_kept() {
        for (before, after) in [
            (
                "# a\nlimits: # b\n  memory: 64 # c\n  time_limit: 1.0 # d\n",
                "# a\nlimits: # b\n  memory: 64 # c\n  time_limit: 2.5 # d\n",
            ),
            ("limits:\n  # c\n  memory: 64\nname: x\n", "limits:\n  # c\n  time_limit: 2.5\n  memory: 64\nname: x\n"),
            ("limits: {memory: 64}\n", "limits: {time_limit: 2.5, memory: 64}\n"),
            ("limits: {time_limit: 1, memory: 64}\n", "limits: {time_limit: 2.5, memory: 64}\n"),
            ("limits: {}\n", "limits: {time_limit: 2.5}\n"),
            ("name: x", "name: x\nlimits:\n  time_limit: 2.5\n"),
            ("name: ü\r\nlimits:\r\n  time_limit: 1\r\n", "name: ü\r\nlimits:\r\n  time_limit: 2.5\r\n"),
        ] {
            assert_eq!(written(PackageFormat::Kattis202509, before).as_deref(), Ok(after), "{before:?}");
        }
        for (before, after) in [
            (
                "# a\n[limits]\ntime       = 1.0 # d\nmemory_mib = 9\n",
                "# a\n[limits]\ntime       = 2.5 # d\nmemory_mib = 9\n",
            ),
            ("[limits] # b\n# c\nmemory_mib = 9\n", "[limits] # b\ntime = 2.5\n# c\nmemory_mib = 9\n"),
            ("limits = { memory_mib = 9 }\n", "limits = {time = 2.5,  memory_mib = 9 }\n"),
            ("title = 'x'\n[[groups]]\nname = 'g'\n", "title = 'x'\n[[groups]]\nname = 'g'\n\n[limits]\ntime = 2.5\n"),
        ] {
            assert_eq!(written(PackageFormat::Cupel, before).as_deref(), Ok(after), "{before:?}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_edited_safely_is_refused() {
        for text in [
            "limits: &x\n  time_limit: *y\n",
            "limits: 5\n",
            "limits: [1]\n",
            "a: [\n",
            "limits:\n  time_limit: >\n    1\n",
        ] {
            let error = written(PackageFormat::Kattis202509, text).unwrap_err();
            assert!(matches!(error, RewriteError::Unclear { .. }), "{text:?}: {error}");
        }
        assert!(written(PackageFormat::Cupel, "limits.time = [\n").is_err());
    }

    #[test]
    fn each_format_has_its_own_file_keys_and_units() {
        let limits = LimitsToWrite { time: Some(Duration::from_secs(2)), memory: Some(Bytes::mib(64)) };
        for (format, before, after) in [
            (PackageFormat::Cupel, "title = 'x'\n", "title = 'x'\n\n[limits]\nmemory_mib = 64\ntime = 2.0\n"),
            (PackageFormat::Kattis202509, "name: x\n", "name: x\nlimits:\n  memory: 64\n  time_limit: 2\n"),
            (PackageFormat::KattisLegacy, "limits:\n  memory: 9\n", "limits:\n  time_limit: 2\n  memory: 64\n"),
            (PackageFormat::Domjudge, "", "limits:\n  memory: 64\n  time_limit: 2\n"),
            (
                PackageFormat::Dmoj,
                "# a\ntest_cases: x # b\ntime_limit: 1\n",
                "# a\nmemory_limit: 65536\ntest_cases: x # b\ntime_limit: 2\n",
            ),
        ] {
            assert_eq!(with_limits(format, before, limits).as_deref(), Ok(after), "{format:?}");
        }
        assert_eq!(with_limits(PackageFormat::Polygon, "", limits), Err(RewriteError::NoPlace(PackageFormat::Polygon)));
    }

    #[test]
    fn a_memory_limit_that_the_format_cannot_express_is_refused() {
        let limits = LimitsToWrite { time: None, memory: Some(Bytes::kib(65_537)) };
        let refused = |format| matches!(with_limits(format, "", limits), Err(RewriteError::NotWhole { .. }));
        assert!(refused(PackageFormat::Cupel));
        assert!(refused(PackageFormat::Kattis202509));
        assert_eq!(with_limits(PackageFormat::Dmoj, "", limits).as_deref(), Ok("memory_limit: 65537\n"));
    }
}
