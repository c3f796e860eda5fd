//! Searches a program's standard error for the exception that ended the program, with the rules of the language file.
//!
//! The program controls its standard error, so the text that is found is only displayed: one line, bounded, without
//! control characters. Only a rule with `memory_limit` changes the verdict: a match means that the language's own heap
//! was full. A program gains nothing by printing such a message itself: it only turns one failure into another, which
//! it could also cause by allocating memory.

use cupel_types::BoxFiles;
use regex_lite::{Captures, Regex};
use serde::Deserialize;

use crate::Language;
use crate::faults::Faults;

/// Number of bytes kept from the end of standard error. Large enough for the deepest stack traces that runtimes print.
pub const STDERR_END: usize = 64 << 10;

/// Maximum number of characters that [`shown_in_line`] keeps.
const TEXT_MAX: usize = 300;

/// Rule that recognizes an exception of a language.
#[derive(Clone, Debug)]
pub struct ExceptionRule {
    /// Must have the group `message`; may have the groups `type`, `file` and `line`. The last match is used.
    pattern: Regex,
    /// Patterns of stack frames, with groups `line` and, usually, `file`.
    places: Vec<Places>,
    /// Whether a match means that the memory limit was reached.
    memory_limit: bool,
}

#[derive(Clone, Debug)]
struct Places {
    pattern: Regex,
    side: Side,
}

/// Whether the stack frames precede or follow the message. The frame nearest to the message is the innermost.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Side {
    Before,
    After,
}

/// The exception that ended a program, as reported by its language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Display text: `IndexError: list index out of range (line 3)`.
    pub text: String,
    /// Whether the language's own heap was full; its size derives from the memory limit.
    pub is_memory_limit: bool,
}

impl Language {
    /// The exception at the end of standard error; `None` if no rule matches. The text has a line number if the message
    /// or a stack frame names a line, and either one of `sources` or no file; of several frames, the innermost counts.
    /// `names_file` adds the file's name.
    pub fn exception(&self, stderr: &[u8], sources: &BoxFiles, names_file: bool) -> Option<Exception> {
        let text = String::from_utf8_lossy(&stderr[stderr.len().saturating_sub(STDERR_END)..]);
        let (rule, found) =
            self.exceptions.iter().find_map(|rule| Some((rule, rule.pattern.captures_iter(&text).last()?)))?;
        let group = |name: &str| found.name(name).map(|m| m.as_str().trim()).filter(|text| !text.is_empty());
        let message = match (group("type"), group("message")) {
            (Some(kind), Some(message)) if kind != message => format!("{kind}: {message}"),
            (Some(kind), _) => kind.to_owned(),
            (None, message) => message?.to_owned(),
        };
        // A message may have several lines.
        let message = message.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        let whole = found.get(0)?;
        let place = place_of(&found, sources).or_else(|| {
            rule.places.iter().find_map(|places| match places.side {
                Side::Before => {
                    let frames = places.pattern.captures_iter(&text[..whole.end()]);
                    frames.filter_map(|frame| place_of(&frame, sources)).last()
                }
                Side::After => {
                    let mut frames = places.pattern.captures_iter(&text[whole.start()..]);
                    frames.find_map(|frame| place_of(&frame, sources))
                }
            })
        });
        let place = match place {
            Some((Some(file), line)) if names_file => format!(" ({file}, line {line})"),
            Some((_, line)) => format!(" (line {line})"),
            None => String::new(),
        };
        let text = shown_in_line(&message) + &shown_in_line(&place);
        Some(Exception { text, is_memory_limit: rule.memory_limit })
    }
}

/// File name and line of a frame, if the frame is in one of `sources` or names no file.
fn place_of<'t>(frame: &Captures<'t>, sources: &BoxFiles) -> Option<(Option<&'t str>, u32)> {
    let line = frame.name("line")?.as_str().parse().ok()?;
    let Some(file) = frame.name("file") else { return Some((None, line)) };
    let name = |path: &'t str| path.rsplit('/').next().unwrap_or(path);
    let file = name(file.as_str());
    let is_source = sources.iter().any(|source| source.path.as_str().rsplit('/').next() == Some(file));
    is_source.then_some((Some(file), line))
}

/// Text that a program reports about itself, for display: control characters are replaced by spaces, and the text is
/// truncated to 300 characters, so that it fits on one line and cannot imitate other output.
pub fn shown_in_line(text: &str) -> String {
    let printable = text.chars().map(|c| if c.is_control() || is_layout(c) { ' ' } else { c });
    let mut shown: String = printable.take(TEXT_MAX).collect();
    if text.chars().nth(TEXT_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// Characters that change the layout of the rest of the line: line and paragraph separators, and explicit directional
/// formatting characters. Source: Unicode Standard Annex #9, section 2.
fn is_layout(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExceptionDto {
    pattern: String,
    #[serde(default)]
    places: Vec<PlacesDto>,
    #[serde(default)]
    memory_limit: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlacesDto {
    pattern: String,
    side: Side,
}

pub(crate) fn convert(dtos: Vec<ExceptionDto>, faults: &mut Faults<'_>) -> Vec<ExceptionRule> {
    let mut rules = Vec::new();
    for (i, dto) in dtos.into_iter().enumerate() {
        let pattern = faults.check(&format!("exceptions[{i}].pattern"), regex(&dto.pattern, "message"));
        let places: Vec<Places> = (dto.places.iter().enumerate())
            .filter_map(|(k, places)| {
                let key = format!("exceptions[{i}].places[{k}].pattern");
                Some(Places { pattern: faults.check(&key, regex(&places.pattern, "line"))?, side: places.side })
            })
            .collect();
        rules.extend(pattern.map(|pattern| ExceptionRule { pattern, places, memory_limit: dto.memory_limit }));
    }
    rules
}

/// Compiles a regular expression that must have a group with this name.
fn regex(text: &str, group: &str) -> Result<Regex, String> {
    let regex = Regex::new(text).map_err(|e| format!("expected a regular expression: {e}"))?;
    match regex.capture_names().flatten().any(|name| name == group) {
        true => Ok(regex),
        false => Err(format!("expected a group `(?P<{group}>…)`")),
    }
}

#[cfg(test)]
mod tests;
