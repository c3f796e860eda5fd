//! The comparison of a program's output with the expected answer: word by word.
//!
//! Words are runs of bytes other than ASCII white space (space, tab, line feed, vertical tab, form
//! feed, carriage return), as C's `isspace` has them. So line ends, indentation and a missing last
//! newline never decide; everything else does, case included.

/// Where two outputs first differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Number of the word, from 1.
    pub(crate) word: usize,
    /// Line of the program's output on which it stands (or where the output ends), from 1.
    pub(crate) line: usize,
}

/// The first difference between what was expected and what came, or `None` where there is none.
pub(crate) fn first_difference(expected: &[u8], actual: &[u8]) -> Option<Difference> {
    let (mut want, mut got) = (Words::new(expected), Words::new(actual));
    for word in 1.. {
        match (want.next(), got.next()) {
            (None, None) => return None,
            (Some(a), Some(b)) if a == b => {}
            _ => return Some(Difference { word, line: got.line }),
        }
    }
    None
}

struct Words<'a> {
    rest: &'a [u8],
    /// Line on which the word last returned stands.
    line: usize,
}

impl<'a> Words<'a> {
    fn new(text: &'a [u8]) -> Words<'a> {
        Words { rest: text, line: 1 }
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let start = self.rest.iter().position(|b| !is_space(*b)).unwrap_or(self.rest.len());
        self.line += self.rest[..start].iter().filter(|b| **b == b'\n').count();
        let rest = &self.rest[start..];
        if rest.is_empty() {
            self.rest = rest;
            return None;
        }
        let end = rest.iter().position(|b| is_space(*b)).unwrap_or(rest.len());
        self.rest = &rest[end..];
        Some(&rest[..end])
    }
}

/// `u8::is_ascii_whitespace` leaves out the vertical tab.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        first_difference(a.as_bytes(), b.as_bytes()).is_none()
    }

    #[test]
    fn white_space_never_decides() {
        assert!(same("1 2\n3\n", "1\t2 \r\n\r\n 3"));
        assert!(same("", " \n\x0b\x0c"));
    }

    #[test]
    fn everything_else_decides() {
        assert!(!same("yes", "Yes"));
        assert!(!same("12", "1 2"));
        assert!(!same("1 2", "1"));
        assert!(!same("1", "1 2"));
        assert!(!same("", "0"));
    }

    #[test]
    fn the_first_difference_is_told_by_word_and_line() {
        let told = |a: &str, b: &str| first_difference(a.as_bytes(), b.as_bytes()).unwrap();
        assert_eq!(told("1 2\n3 4", "1 2\n3 5\n"), Difference { word: 4, line: 2 });
        assert_eq!(told("1\n2\n3", "1\n2\n"), Difference { word: 3, line: 3 });
        assert_eq!(told("", "x"), Difference { word: 1, line: 1 });
    }
}
