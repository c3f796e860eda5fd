//! What can be typed: `cupel contest`.

use std::time::Duration;

use clap::Subcommand;
use cupel_problem::{Slug, SlugError};

use crate::cli::shared_args::{Settings, parse_duration};

/// Arrange contests, read their standings and export their results, in the store; also while servers run.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cupel contest create autumn --title Autumn --starts-at 2030-01-01T10:00:00Z --length 5h \\
      --freeze 1h --problem night-bus --problem calm-water
  cupel contest add autumn --user ada --user grace
  cupel contest join-code autumn --renew
  cupel contest standings autumn --format csv > standings.csv
  cupel contest export autumn > autumn.json")]
pub(crate) struct Contest {
    #[command(subcommand)]
    pub(crate) command: ContestCommand,
    /// As which user: who makes a contest is its owner.
    #[arg(long, global = true, value_name = "USER", default_value = "admin")]
    pub(crate) by: String,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ContestCommand {
    /// Make a contest; prints the join code of one that is not public.
    Create(NewContest),
    /// Add problems to a contest that has not begun, and users to one that is not over.
    #[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
    Add {
        /// The contest's name in addresses.
        #[arg(value_parser = parse_slug)]
        slug: String,
        /// The slug of a problem, after those that the contest has.
        #[arg(long, value_name = "SLUG", group = "what", value_parser = parse_slug)]
        problem: Vec<String>,
        /// The name of a user who takes part from now on.
        #[arg(long, value_name = "USER", group = "what")]
        user: Vec<String>,
    },
    /// Print the join code of a contest that is not public.
    JoinCode {
        /// The contest's name in addresses.
        #[arg(value_parser = parse_slug)]
        slug: String,
        /// Replace it first: the code before lets nobody in any more; who takes part stays.
        #[arg(long)]
        renew: bool,
    },
    /// Print the standings.
    Standings {
        /// The contest's name in addresses.
        #[arg(value_parser = parse_slug)]
        slug: String,
        /// With the results that the freeze hides: only for the contest's owner and administrators.
        #[arg(long)]
        unfrozen: bool,
        /// How they are printed.
        #[arg(long, value_enum, default_value_t)]
        format: ContestFormat,
    },
    /// Print a contest with its unfrozen standings, questions and announcements as one JSON object.
    Export {
        /// The contest's name in addresses.
        #[arg(value_parser = parse_slug)]
        slug: String,
    },
}

/// How standings are printed.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub(crate) enum ContestFormat {
    /// A table for people.
    #[default]
    Table,
    /// RFC 4180, with a header.
    Csv,
    /// One JSON object.
    Json,
}

/// By which rules a contest goes.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub(crate) enum ContestStyle {
    /// Problems solved, then penalty time.
    #[default]
    Icpc,
    /// The sum of the best scores.
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

/// A contest to be made.
#[derive(Debug, clap::Args)]
pub(crate) struct NewContest {
    /// Its name in addresses: 1 to 64 of a-z, 0-9 and -.
    #[arg(value_parser = parse_slug)]
    pub(crate) slug: String,
    /// Its name for people.
    #[arg(long)]
    pub(crate) title: String,
    /// What it is about, in Markdown.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) description: String,
    /// Its rules.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) style: ContestStyle,
    /// When it begins, such as 2030-01-01T10:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub(crate) starts_at: String,
    /// How long it goes on, such as 5h.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) length: Duration,
    /// How long before the end results are no longer shown, such as 1h [default: they always are].
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) freeze: Option<Duration>,
    /// What each rejected try before a solution costs, with the style icpc [default: 20].
    #[arg(long, value_name = "MINUTES")]
    pub(crate) penalty_minutes: Option<u64>,
    /// Everybody may see it and take part.
    #[arg(long)]
    pub(crate) public: bool,
    /// The slug of a problem; once for each, in order.
    #[arg(long, value_name = "SLUG", required = true, value_parser = parse_slug)]
    pub(crate) problem: Vec<String>,
}

/// Checks that a text is a slug, so that it can be part of an address.
fn parse_slug(text: &str) -> Result<String, SlugError> {
    text.parse::<Slug>().map(|slug| slug.as_str().to_owned())
}
