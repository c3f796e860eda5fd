//! Arguments of `cupel check`.

use std::path::PathBuf;

/// Compare an output with an answer, like a Kattis output validator.
///
/// Exit code: 42 if the output is accepted, 43 if it is not; any other code means that the output could
/// not be judged.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Comparisons, and their flags after `--`:
  default       compares words, ignoring case and the white space between them: Kattis and ICPC
                  case_sensitive, space_change_sensitive, float_tolerance E,
                  float_absolute_tolerance E, float_relative_tolerance E
  numbers       as default, with its flags; unless a flag says otherwise, numbers may differ by
                1e-6, absolute or relative
  floats        compares the words of each line, ignoring blank lines; numbers may differ by 10^-6,
                absolute or relative
                  precision N (10^-N, 0 to 30), absolute, relative
  lines         compares the words of each line, ignoring blank lines
                  presentation_error
  exact         compares bytes
                  presentation_error, normalize_newlines (CR LF and CR count as LF)
  trimmed       compares bytes, ignoring blanks at line ends and empty lines at the end
                  presentation_error
  trimmed-end   compares bytes, ignoring white space at the end of the output
                  presentation_error
  sorted-lines  compares the words of each line, with the lines in any order
  sorted-words  compares words in any order
  characters    compares characters in any order, ignoring white space and case
  line-count    compares each line with the answer's line at the same place. The score
                is the fraction of lines that are equal: exit code 42, with score_multiplier.txt if
                the fraction is not 1; 43 if no line is equal or the output has more lines
                  exact (white space at the end of a line counts, too)
  std::NAME.cpp  testlib's standard checker of that name: acmp caseicmp casencmp casewcmp dcmp fcmp
                hcmp icmp lcmp ncmp nyesno rcmp rcmp4 rcmp6 rcmp9 rncmp uncmp wcmp yesno

With presentation_error, a message says if only white space is wrong; such an output is still
rejected.

Examples:
  cupel check default --input 1.in --answer 1.ans --output 1.out --feedback fb
  cupel check default --answer 1.ans --output 1.out -- float_tolerance 1e-6
  cupel check exact --answer 1.ans --output 1.out -- presentation_error normalize_newlines")]
pub(crate) struct Check {
    /// Name of the comparison; see below.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The test's input. It must exist, but no comparison reads it.
    #[arg(long, value_name = "I")]
    pub(crate) input: Option<PathBuf>,
    /// The expected answer.
    #[arg(long, value_name = "A")]
    pub(crate) answer: PathBuf,
    /// The output [default: standard input].
    #[arg(long, value_name = "O")]
    pub(crate) output: Option<PathBuf>,
    /// Directory for judgemessage.txt, diffposition.txt and score_multiplier.txt; created if it does not exist.
    #[arg(long, value_name = "DIR")]
    pub(crate) feedback: Option<PathBuf>,
    /// Flags of the comparison, after `--`.
    #[arg(last = true, value_name = "FLAGS")]
    pub(crate) flags: Vec<String>,
}
