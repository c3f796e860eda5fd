//! What people see: tables, colours, and the sense of whether anybody looks.
//!
//! Results go to standard output, talk goes to standard error. `anstream` drops colours where the stream
//! is no terminal or the user does not want them (`NO_COLOR`, `CLICOLOR`, `TERM=dumb`).
//!
//! Nothing panics because a stream cannot be written. A reader that went away is no failure. Any other failure to write standard output is
//! kept until the command ends, which then fails ([`written`]). Standard error is written if possible.

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

/// Writes a line to standard error.
macro_rules! errln {
    ($($arg:tt)*) => { $crate::terminal::write_err(format_args!("{}\n", format_args!($($arg)*))) };
}

/// Why standard output could not be written, the first time.
static FAILED: OnceLock<io::Error> = OnceLock::new();

pub(crate) fn write_out(text: fmt::Arguments<'_>) {
    if let Err(error) = anstream::stdout().write_fmt(text) {
        failed(error);
    }
}

pub(crate) fn write_err(text: fmt::Arguments<'_>) {
    let _ = anstream::stderr().write_fmt(text);
}

/// Keeps why standard output could not be written.
pub(crate) fn failed(error: io::Error) {
    if error.kind() != io::ErrorKind::BrokenPipe {
        let _ = FAILED.set(error);
    }
}

/// Whether everything on standard output could be written, or its reader went away.
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

/// When to use colour; `Auto` is on a terminal, unless the environment says otherwise.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub(crate) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

impl Color {
    /// Makes this the choice of the whole process.
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

/// What somebody else wrote, so that it cannot move the cursor, change colours or forge lines: only the characters that show, line feeds and
/// tabs are as they were.
pub(crate) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        // Cf: marks that turn the direction of writing, and others that do not show.
        let is_hidden =
            matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        match c {
            '\n' | '\t' => shown.push(c),
            c if c.is_control() || is_hidden => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// Columns of text, each as wide as its widest cell; the last one is never padded.
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

    /// Writes it to standard output.
    pub(crate) fn print(&self) {
        out!("{}", self.render());
    }

    fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let cell_width = |row: &Vec<String>, column: usize| row.get(column).map_or(0, |cell| width(cell));
        let widths: Vec<usize> =
            (0..columns).map(|c| self.rows.iter().map(|row| cell_width(row, c)).max().unwrap_or(0)).collect();
        let mut text = String::new();
        for row in &self.rows {
            for (column, cell) in row.iter().enumerate() {
                text.push_str(cell);
                if column + 1 < row.len() {
                    let _ = write!(text, "{:1$}", "", widths[column] - width(cell) + 2);
                }
            }
            text.push('\n');
        }
        text
    }
}

/// Characters that take a place: all but escape sequences.
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
    fn what_others_wrote_shows_and_does_nothing() {
        assert_eq!(harmless("a\tß\n\x1b[2J\r\u{202e}x"), "a\tß\n\\u{1b}[2J\\u{d}\\u{202e}x");
    }

    #[test]
    fn columns_line_up_whatever_the_colours() {
        let mut table = Table::new(&["a", "bb"]);
        table.row(vec![good("long"), "x".into()]);
        table.row(vec!["é".into(), bad("y")]);
        let plain = anstream::adapter::strip_str(&table.render()).to_string();
        assert_eq!(plain, "a     bb\nlong  x\né     y\n");
    }
}
