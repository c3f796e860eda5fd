//! Terminal output: tables and colours.
//!
//! Results go to standard output, messages to standard error. `anstream` removes colours if the stream is not a
//! terminal or the user has turned them off (`NO_COLOR`, `CLICOLOR`, `TERM=dumb`).
//!
//! A stream that cannot be written never causes a panic. A closed pipe is not a failure. The first other failure to
//! write standard output is stored and makes the command fail at its end ([`written`]). Failures to write standard
//! error are ignored.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::sync::OnceLock;

use anstream::ColorChoice;

/// Writes to standard output.
macro_rules! out {
    ($($arg:tt)*) => { $crate::terminal::write_out(format_args!($($arg)*)) };
}

/// Writes a line to standard output.
macro_rules! outln {
    () => { out!("\n") };
    ($($arg:tt)*) => { out!("{}\n", format_args!($($arg)*)) };
}

/// Writes to standard error.
macro_rules! err {
    ($($arg:tt)*) => { $crate::terminal::write_err(format_args!($($arg)*)) };
}

/// Writes a line to standard error.
macro_rules! errln {
    ($($arg:tt)*) => { $crate::terminal::write_err(format_args!("{}\n", format_args!($($arg)*))) };
}

/// The first failure to write to standard output.
static FAILED: OnceLock<io::Error> = OnceLock::new();

pub(crate) fn write_out(text: fmt::Arguments<'_>) {
    if let Err(error) = anstream::stdout().write_fmt(text) {
        failed(error);
    }
}

pub(crate) fn write_err(text: fmt::Arguments<'_>) {
    let _ = anstream::stderr().write_fmt(text);
}

/// Stores a failure to write to standard output.
pub(crate) fn failed(error: io::Error) {
    if error.kind() != io::ErrorKind::BrokenPipe {
        let _ = FAILED.set(error);
    }
}

/// Returns the stored failure to write to standard output. A closed pipe is not a failure.
pub(crate) fn written() -> Result<(), &'static io::Error> {
    if let Err(error) = io::stdout().flush() {
        failed(error);
    }
    FAILED.get().map_or(Ok(()), Err)
}

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const RESET: &str = "\x1b[0m";

/// When to use colour; `Auto` uses it on a terminal, unless the environment turns it off.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub(crate) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

impl Color {
    /// Applies the choice to the whole process.
    pub(crate) fn apply(self) {
        match self {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        }
        .write_global();
    }
}

pub(crate) fn bold(text: &str) -> String {
    format!("{BOLD}{text}{RESET}")
}

pub(crate) fn dim(text: &str) -> String {
    format!("{DIM}{text}{RESET}")
}

pub(crate) fn good(text: &str) -> String {
    format!("{GREEN}{text}{RESET}")
}

pub(crate) fn bad(text: &str) -> String {
    format!("{RED}{text}{RESET}")
}

/// Escapes untrusted text so that it cannot move the cursor, change colours or hide text. Visible characters, line
/// feeds and tabs are unchanged.
pub(crate) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => shown.push(c),
            c if c.is_control() || is_hidden(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// Like [`harmless`], for text inside a line or in a cell of a table: also escapes line feeds and tabs.
pub(crate) fn in_line(text: &str) -> String {
    harmless(text).replace('\n', "\\n").replace('\t', "\\t")
}

/// Whether a character is invisible, changes the writing direction, or separates lines. Source: the Unicode Character
/// Database, general categories Cf, Zl and Zp, without the visible characters of Cf.
fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// Text table. Each column is as wide as its widest cell; the last cell of a row is not padded and does not count, so a
/// row with fewer cells can end with a message.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: &[&str]) -> Table {
        Table { rows: vec![head.iter().map(|title| bold(title)).collect()] }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Writes the table to standard output.
    pub(crate) fn print(&self) {
        out!("{}", self.render());
    }

    pub(crate) fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let is_padded = |row: &Vec<String>, column: usize| column + 1 < row.len();
        let cell_width = |row: &Vec<String>, column| if is_padded(row, column) { width(&row[column]) } else { 0 };
        let widths: Vec<usize> =
            (0..columns).map(|c| self.rows.iter().map(|row| cell_width(row, c)).max().unwrap_or(0)).collect();
        let mut text = String::new();
        for row in &self.rows {
            for (column, cell) in row.iter().enumerate() {
                text.push_str(cell);
                if is_padded(row, column) {
                    let _ = write!(text, "{:1$}", "", widths[column] - width(cell) + 2);
                }
            }
            text.push('\n');
        }
        text
    }
}

/// Returns the number of visible characters: all but escape sequences.
fn width(text: &str) -> usize {
    let mut count = 0;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c == '\x1b' {
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            count += 1;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untrusted_text_is_shown_and_has_no_effect() {
        assert_eq!(harmless("a\tß\n\x1b[2J\r\u{202e}x"), "a\tß\n\\u{1b}[2J\\u{d}\\u{202e}x");
        for hidden in ['\u{61c}', '\u{2028}', '\u{2029}', '\u{180e}', '\u{e0041}', '\u{200d}'] {
            assert_eq!(harmless(&hidden.to_string()), hidden.escape_unicode().to_string());
        }
        assert_eq!(in_line("a\nerror: b\tc"), "a\\nerror: b\\tc");
    }

    #[test]
    fn columns_align_despite_colours() {
        let mut table = Table::new(&["a", "bb"]);
        table.row(vec![good("long"), "x".into()]);
        table.row(vec!["é".into(), bad("y")]);
        let plain = anstream::adapter::strip_str(&table.render()).to_string();
        assert_eq!(plain, "a     bb\nlong  x\né     y\n");
    }

    #[test]
    fn a_message_at_the_end_of_a_short_row_widens_no_column() {
        let mut table = Table::new(&["a", "bb", "c"]);
        table.row(vec!["1".into(), "a long message".into()]);
        table.row(vec!["2".into(), "x".into(), "y".into()]);
        let plain = anstream::adapter::strip_str(&table.render()).to_string();
        assert_eq!(plain, "a  bb  c\n1  a long message\n2  x   y\n");
    }
}
