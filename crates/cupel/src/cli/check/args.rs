//! What can be typed: `cupel check`.

use std::path::PathBuf;

/// Compare an output with an answer, as an output validator of Kattis would.
///
/// Exit code: 42 when the output is accepted, 43 when it is not; anything else is no judgement.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Comparisons, and their flags after `--`:
  default       word by word, whatever the space between, ignoring case: Kattis and ICPC
                  case_sensitive, space_change_sensitive, float_tolerance E, float_absolute_tolerance E,
                  float_relative_tolerance E
  numbers       as default with its flags; numbers within 1e-6, absolute or relative, unless a flag says otherwise
  floats        word by word in each line, blank lines aside; numbers within 10^-6, absolute or relative
                  precision N (10^-N, 0 to 30), absolute, relative
  lines         word by word in each line, blank lines aside
                  presentation_error
  exact         byte by byte
                  presentation_error, normalize_newlines (CR LF and CR count as LF)
  trimmed       byte by byte, but for blanks at ends of lines and empty lines at the end
                  presentation_error
  trimmed-end   byte by byte, but for white space at the very end
                  presentation_error
  sorted-lines  the same lines in any order, each word by word
  sorted-words  the same words in any order
  characters    the same characters in any order, but for white space and case
  line-count    the share of the answer's lines that agree, each with the output's line at its place, is the share of the
                points: 42, and score_multiplier.txt where it is not 1; 43 when no line agrees or the output has more lines
                  exact (also white space at the end of a line counts)
  std::NAME.cpp  what testlib's standard checker compares: acmp caseicmp casencmp casewcmp dcmp fcmp hcmp icmp lcmp ncmp
                nyesno rcmp rcmp4 rcmp6 rcmp9 rncmp uncmp wcmp yesno

presentation_error has a message say when only white space is wrong; that is rejected all the same.

Examples:
  cupel check default --input 1.in --answer 1.ans --output 1.out --feedback fb
  cupel check default --answer 1.ans --output 1.out -- float_tolerance 1e-6
  cupel check exact --answer 1.ans --output 1.out -- presentation_error normalize_newlines")]
pub(crate) struct Check {
    /// The comparison, of those below.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The test's input. No comparison looks at it.
    #[arg(long, value_name = "I")]
    pub(crate) input: Option<PathBuf>,
    /// The expected answer.
    #[arg(long, value_name = "A")]
    pub(crate) answer: PathBuf,
    /// The output [default: standard input].
    #[arg(long, value_name = "O")]
    pub(crate) output: Option<PathBuf>,
    /// Where to write judgemessage.txt and diffposition.txt; made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub(crate) feedback: Option<PathBuf>,
    /// Flags of the comparison, after `--`.
    #[arg(last = true, value_name = "FLAGS")]
    pub(crate) flags: Vec<String>,
}
