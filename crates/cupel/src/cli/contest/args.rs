//! Arguments of `cupel contest`.

use std::time::Duration;

use clap::Subcommand;
use cupel_problem::{Slug, SlugError};

use crate::cli::shared_args::{Settings, parse_duration};

/// Create contests, print their standings and export their results. This command accesses the store directly and can be
/// used while servers run.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel contest create autumn --title Autumn --starts-at 2030-01-01T10:00:00Z --length 5h \\
      --freeze 1h --problem night-bus --problem calm-water
  cupel contest add autumn --user ada --user grace
  cupel contest join-code autumn --renew
  cupel contest standings autumn --format csv > standings.csv
  cupel contest unfreeze autumn
  cupel contest export autumn > autumn.json")]
pub(crate) struct Contest {
    #[command(subcommand)]
    pub(crate) command: ContestCommand,
    /// User who runs the command; the creator of a contest is its owner.
    #[arg(long, global = true, value_name = "USER", default_value = "admin")]
    pub(crate) by: String,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ContestCommand {
    /// Create a contest. Prints the join code if the contest is not public.
    Create(NewContest),
    /// Add problems to a contest that has not started, or users to one that has not ended.
    #[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
    Add {
        /// Slug of the contest.
        #[arg(value_parser = parse_slug)]
        slug: String,
        /// Slug of a problem, which is added after the existing problems.
        #[arg(long, value_name = "SLUG", group = "what", value_parser = parse_slug)]
        problem: Vec<String>,
        /// Name of a user to add as a participant.
        #[arg(long, value_name = "USER", group = "what")]
        user: Vec<String>,
    },
    /// Print the join code of a contest that is not public.
    JoinCode {
        /// Slug of the contest.
        #[arg(value_parser = parse_slug)]
        slug: String,
        /// Replace the code first. The old code becomes invalid; participants stay in the contest.
        #[arg(long)]
        renew: bool,
    },
    /// Print the standings.
    Standings {
        /// Slug of the contest.
        #[arg(value_parser = parse_slug)]
        slug: String,
        /// Include the results that the freeze hides; only for the contest's owner and administrators.
        #[arg(long)]
        unfrozen: bool,
        /// Output format.
        #[arg(long, value_enum, default_value_t)]
        format: ContestFormat,
    },
    /// Print the submissions of the participants that count in the contest, newest first; only for the contest's owner
    /// and administrators.
    ///
    /// The owner gets one of them with its source by `GET /api/v1/submissions/ID`.
    Submissions {
        /// Slug of the contest.
        #[arg(value_parser = parse_slug)]
        slug: String,
        /// Only those of this participant.
        #[arg(long, value_name = "USERNAME")]
        user: Option<String>,
        /// Only those to this problem, given by letter or slug.
        #[arg(long)]
        problem: Option<String>,
        /// Only those with this verdict, such as WA.
        #[arg(long)]
        verdict: Option<String>,
        /// Output format.
        #[arg(long, value_enum, default_value_t)]
        format: ContestFormat,
    },
    /// Show everybody the results that the freeze hides. Until then, they stay hidden, even after the end.
    Unfreeze {
        /// Slug of the contest.
        #[arg(value_parser = parse_slug)]
        slug: String,
    },
    /// Print a contest with its unfrozen standings, questions and announcements as one JSON object.
    Export {
        /// Slug of the contest.
        #[arg(value_parser = parse_slug)]
        slug: String,
    },
}

/// Output format of standings.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub(crate) enum ContestFormat {
    /// A text table.
    #[default]
    Table,
    /// CSV with a header (RFC 4180).
    Csv,
    /// One JSON object.
    Json,
}

/// Scoring rules of a contest.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub(crate) enum ContestStyle {
    /// Ranked by solved problems, then by penalty time.
    #[default]
    Icpc,
    /// Ranked by the sum of each problem's best single submission.
    Ioi,
}

impl ContestStyle {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            ContestStyle::Icpc => "icpc",
            ContestStyle::Ioi => "ioi",
        }
    }
}

/// A contest to create.
#[derive(Debug, clap::Args)]
pub(crate) struct NewContest {
    /// Slug of the contest, its name in URLs: 1 to 64 characters of a-z, 0-9 and -.
    #[arg(value_parser = parse_slug)]
    pub(crate) slug: String,
    /// Title of the contest.
    #[arg(long)]
    pub(crate) title: String,
    /// Description, in Markdown.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) description: String,
    /// Scoring rules.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) style: ContestStyle,
    /// Start time, such as 2030-01-01T10:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub(crate) starts_at: String,
    /// Duration, such as 5h.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) length: Duration,
    /// Length of the freeze at the end of the contest, such as 1h. The freeze hides results [default: no freeze].
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) freeze: Option<Duration>,
    /// Penalty for each rejected submission before a solution, with the style icpc [default: 20].
    #[arg(long, value_name = "MINUTES")]
    pub(crate) penalty_minutes: Option<u64>,
    /// Everyone may see the contest and take part.
    #[arg(long)]
    pub(crate) public: bool,
    /// Slug of a problem; repeated for each problem, in order.
    #[arg(long, value_name = "SLUG", required = true, value_parser = parse_slug)]
    pub(crate) problem: Vec<String>,
}

/// Checks that a text is a slug, so that it can be part of a URL.
fn parse_slug(text: &str) -> Result<String, SlugError> {
    text.parse::<Slug>().map(|slug| slug.as_str().to_owned())
}
