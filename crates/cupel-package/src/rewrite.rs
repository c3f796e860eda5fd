//! Writes a time limit into a package's configuration file. All other text, including comments, stays unchanged.
//!
//! The text is edited at the position of the value, or at the position where a new value belongs. Then it is parsed again. If the
//! result does not have the new limit, or has any other difference, the edit is discarded.

use std::time::Duration;

use crate::doc::{Node, TEXT_BYTES_MAX, Value, parse_toml, parse_yaml};
use crate::finding::Position;
use crate::import::PackageFormat;

/// The reason why a time limit was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RewriteError {
    /// The format has no file that can contain the limit.
    #[error("the format `{}` has no file for a time limit; give it with --time-limit", .0.as_str())]
    NoPlace(PackageFormat),
    /// The file cannot be parsed, or every possible edit would also change something else.
    #[error("{file} cannot be changed safely: {why}; write the time limit {seconds} into it by hand")]
    Unclear {
        /// The file.
        file: &'static str,
        /// The reason.
        why: String,
        /// The value to write.
        seconds: String,
    },
}

/// Returns the name of the package file that contains the time limit.
///
/// # Errors
/// If the format has no such file: legacy Kattis and DMOJ derive the limit or store it elsewhere, and Polygon's file is
/// maintained in Polygon.
pub fn time_limit_file(format: PackageFormat) -> Result<&'static str, RewriteError> {
    match format {
        PackageFormat::Cupel => Ok("problem.toml"),
        PackageFormat::Kattis202509 => Ok("problem.yaml"),
        PackageFormat::Domjudge | PackageFormat::KattisLegacy | PackageFormat::Dmoj | PackageFormat::Polygon => {
            Err(RewriteError::NoPlace(format))
        }
    }
}

/// Returns the text of that file with a new time limit.
///
/// # Errors
/// If the format has no such file, or its text cannot be changed safely.
pub fn with_time_limit(format: PackageFormat, text: &str, limit: Duration) -> Result<String, RewriteError> {
    let file = time_limit_file(format)?;
    let syntax = if format == PackageFormat::Cupel { &TOML } else { &YAML };
    let seconds = (syntax.number)(limit.as_secs_f64());
    let unclear = |why: String| RewriteError::Unclear { file, why, seconds: seconds.clone() };
    if text.len() as u64 > TEXT_BYTES_MAX {
        return Err(unclear("it is too large".to_owned()));
    }
    let parse = |text: &str| (syntax.parse)(text).map_err(|(at, fault)| format!("line {}: {fault}", at.line));
    let before = parse(text).map_err(unclear)?;
    let changed =
        syntax.changed(text, &before, &seconds).ok_or_else(|| unclear("its structure is not supported".to_owned()))?;
    let after = parse(&changed).map_err(unclear)?;
    let written = value_of_key(&after, syntax.key);
    if written.as_deref() != Some(seconds.as_str()) || others(&after, syntax.key) != others(&before, syntax.key) {
        return Err(unclear("something other than the limit would change".to_owned()));
    }
    Ok(changed)
}

/// The differences between TOML and YAML.
struct Syntax {
    parse: fn(&str) -> Result<Node, (Position, String)>,
    key: &'static str,
    number: fn(f64) -> String,
    /// Text between a key and its value.
    is: &'static str,
    /// Text with which the section begins at the end of the file.
    section: &'static str,
}

const TOML: Syntax = Syntax {
    parse: parse_toml,
    key: "time",
    // `{:?}` writes a decimal point (`2.0`), so that the number is a float, as usual in this file.
    number: |seconds| format!("{seconds:?}"),
    is: " = ",
    section: "\n[limits]\n",
};

const YAML: Syntax = Syntax {
    parse: parse_yaml,
    key: "time_limit",
    number: |seconds| format!("{seconds}"),
    is: ": ",
    section: "limits:\n  ",
};

impl Syntax {
    fn changed(&self, text: &str, root: &Node, seconds: &str) -> Option<String> {
        let Some(limits) = get(root, "limits").filter(|limits| !limits.is_null()) else {
            let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            return Some(format!("{text}{end}{}{}{}{seconds}\n", self.section, self.key, self.is));
        };
        if let Some(old) = get(limits, self.key) {
            let start = offset(text, old.at)?;
            let length = text[start..].find([' ', '\t', ',', '}', '#', '\r', '\n']).unwrap_or(text.len() - start);
            return Some(format!("{}{seconds}{}", &text[..start], &text[start + length..]));
        }
        let entry = format!("{}{}{seconds}", self.key, self.is);
        let Value::Map(entries) = &limits.value else { return None };
        let at = offset(text, limits.at)?;
        if text[at..].starts_with('{') {
            let comma = if entries.is_empty() { "" } else { ", " };
            return Some(format!("{}{entry}{comma}{}", &text[..=at], &text[at + 1..]));
        }
        // The position of a TOML section is the position of its header; the position of a YAML map is the position of its first key.
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

fn value_of_key(root: &Node, key: &str) -> Option<String> {
    match &get(get(root, "limits")?, key)?.value {
        Value::Scalar(scalar) => Some(scalar.text.clone()),
        Value::Seq(_) | Value::Map(_) => None,
    }
}

/// Formats everything except the limit, without positions.
fn others(root: &Node, key: &str) -> String {
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
    shown(root, &["limits", key], &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: PackageFormat, text: &str) -> Result<String, RewriteError> {
        with_time_limit(format, text, Duration::from_millis(2500))
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
    fn a_format_without_a_time_limit_file_is_an_error() {
        for format in PackageFormat::ALL {
            let has_place = matches!(format, PackageFormat::Cupel | PackageFormat::Kattis202509);
            assert_eq!(time_limit_file(format).is_ok(), has_place, "{format:?}");
            if !has_place {
                assert_eq!(written(format, ""), Err(RewriteError::NoPlace(format)));
            }
        }
    }
}
