//! Distribution of the CPU time and the memory of a problem's accepted solutions, with a viewer's own place in it.
//!
//! Values are rounded up to [`TIME_UNIT`] and [`MEMORY_UNIT`], as in results and on leaderboards. Each user counts
//! once, with the user's best values. As on the leaderboard, submissions that a contest's freeze hides do not count; a
//! viewer's own place also takes the viewer's hidden submissions into account.

use std::time::Duration;

use cupel_types::{Bytes, LanguageId, UserId};

use super::SeenProblem;
use crate::{Core, StoreError};

/// Unit of times: 10 ms.
pub const TIME_UNIT: Duration = Duration::from_millis(10);

/// Unit of memory: 1 MiB.
pub const MEMORY_UNIT: Bytes = Bytes::mib(1);

/// Number of the latest submissions to a problem that are examined, which bounds the work for one request.
const SUBMISSIONS_MAX: u64 = 20_000;

/// Minimum number of users for a distribution. With fewer users, it would reveal the figures of individual users.
const USERS_MIN: usize = 10;

/// Maximum number of bins of a histogram.
const BINS_MAX: u64 = 30;

/// Share of the users, in percent, with the largest figures. They all count in the last bin, so that a few large
/// figures do not stretch the histogram.
const LAST_PERCENT: usize = 2;

/// Best figures of a user's accepted solutions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SolvedFigures {
    /// The user.
    pub user: UserId,
    /// The least CPU time.
    pub cpu_time: Option<Duration>,
    /// The least peak memory.
    pub memory: Option<Bytes>,
}

/// Numbers of users by figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    /// Beginning of the first bin, in units.
    pub first: u64,
    /// Width of a bin, in units.
    pub width: u64,
    /// Users per bin. The lower bound of a bin belongs to the bin. The last bin also contains all larger figures.
    pub users: Vec<u64>,
    /// The viewer's place.
    pub own: Option<OwnPlace>,
}

/// A viewer's place in a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnPlace {
    /// The viewer's figure, in units.
    pub figure: u64,
    /// Share of the other users whose figure is larger, in whole percent.
    pub better_than_percent: u64,
}

/// Distribution of the figures of a problem's accepted solutions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// Number of users with accepted solutions.
    pub users: usize,
    /// Whether submissions are left out because the freeze of a contest hides them.
    pub is_frozen: bool,
    /// CPU times in [`TIME_UNIT`]s; `None`: too few users.
    pub cpu_time: Option<Histogram>,
    /// Memory in [`MEMORY_UNIT`]s; `None`: too few users.
    pub memory: Option<Histogram>,
}

impl Distribution {
    /// The distribution of the users' figures, with the viewer's place if `own` is given.
    fn of(users: &[SolvedFigures], own: Option<SolvedFigures>, is_frozen: bool) -> Distribution {
        let time =
            |figures: &SolvedFigures| figures.cpu_time.map(|time| units(time.as_micros(), TIME_UNIT.as_micros()));
        let memory =
            |figures: &SolvedFigures| figures.memory.map(|memory| units(memory.get().into(), MEMORY_UNIT.get().into()));
        Distribution {
            users: users.len(),
            is_frozen,
            cpu_time: Histogram::of(users, own, time),
            memory: Histogram::of(users, own, memory),
        }
    }
}

/// The figure in units, rounded up.
fn units(figure: u128, unit: u128) -> u64 {
    u64::try_from(figure.div_ceil(unit)).unwrap_or(u64::MAX)
}

impl Histogram {
    /// `None` if fewer than [`USERS_MIN`] users have the figure.
    fn of(
        users: &[SolvedFigures],
        own: Option<SolvedFigures>,
        figure: impl Fn(&SolvedFigures) -> Option<u64>,
    ) -> Option<Histogram> {
        let mut figures: Vec<u64> = users.iter().filter_map(&figure).collect();
        if figures.len() < USERS_MIN {
            return None;
        }
        figures.sort_unstable();
        let least = *figures.first()?;
        let in_last = figures.len() * LAST_PERCENT / 100;
        let most = *figures.get(figures.len() - 1 - in_last)?;
        let width = (most - least + 1).div_ceil(BINS_MAX).max(1);
        let bins = (most - least) / width + 1;
        let mut counts = vec![0; usize::try_from(bins).ok()?];
        for figure in &figures {
            let bin = ((figure - least) / width).min(bins - 1);
            if let Some(count) = usize::try_from(bin).ok().and_then(|bin| counts.get_mut(bin)) {
                *count += 1;
            }
        }
        let own = own.and_then(|own| {
            let mine = figure(&own)?;
            let others = users.iter().filter(|other| other.user != own.user).filter_map(&figure);
            let (others, larger) =
                others.fold((0, 0), |(others, larger), other| (others + 1, larger + u64::from(other > mine)));
            Some(OwnPlace { figure: mine, better_than_percent: (100 * larger).checked_div(others).unwrap_or(0) })
        });
        Some(Histogram { first: least, width, users: counts, own })
    }
}

impl Core {
    /// Distribution of the figures of a problem's accepted solutions, in one language or in all, for its viewer.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn distribution(
        &self,
        seen: &SeenProblem,
        language: Option<LanguageId>,
    ) -> Result<Distribution, StoreError> {
        let (store, problem) = (&self.inner.store, seen.problem.id);
        let is_frozen = store.withholds_results(problem).await?;
        let users = store.solved_figures(problem, language.clone(), SUBMISSIONS_MAX).await?;
        let own = match seen.viewer.user() {
            Some(viewer) => store.own_solved_figures(problem, language, viewer).await?,
            None => None,
        };
        Ok(Distribution::of(&users, own, is_frozen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn user(n: u128, ms: u64) -> SolvedFigures {
        let user = UserId::from_uuid(Uuid::from_u128(n));
        SolvedFigures { user, cpu_time: Some(Duration::from_millis(ms)), memory: None }
    }

    #[test]
    fn ten_users_have_a_distribution_and_nine_have_none() {
        let users: Vec<_> = (0..10).map(|n| user(n, 10 * n as u64 + 1)).collect();
        let few = Distribution::of(&users[..9], Some(users[0]), false);
        assert_eq!((few.users, few.cpu_time, few.memory), (9, None, None));
        let time = Distribution::of(&users, None, true).cpu_time.unwrap();
        assert_eq!(time, Histogram { first: 1, width: 1, users: vec![1; 10], own: None });
        let equal: Vec<_> = (0..10).map(|n| user(n, 5)).collect();
        assert_eq!(Distribution::of(&equal, None, false).cpu_time.unwrap().users, [10]);
    }

    #[test]
    fn the_viewer_is_compared_with_other_users_in_whole_units() {
        // 1, 11, … 91 ms: 1 to 10 units.
        let users: Vec<_> = (0..10).map(|n| user(n, 10 * n as u64 + 1)).collect();
        let own = |figures| Distribution::of(&users, Some(figures), false).cpu_time.unwrap().own.unwrap();
        assert_eq!(own(users[0]), OwnPlace { figure: 1, better_than_percent: 100 });
        assert_eq!(own(users[9]), OwnPlace { figure: 10, better_than_percent: 0 });
        // Another solution of the viewer does not change the other users' values.
        assert_eq!(own(user(9, 39)), OwnPlace { figure: 4, better_than_percent: 55 });
        // The viewer need not be among the users: a freeze may hide the viewer's solution.
        assert_eq!(own(user(99, 45)), OwnPlace { figure: 5, better_than_percent: 50 });
    }

    #[test]
    fn a_histogram_has_a_bounded_number_of_bins_and_counts_every_user() {
        let mut users: Vec<_> = (0..1000).map(|n| user(n, 10 * n as u64)).collect();
        users.push(user(5000, 10_000_000));
        let time = Distribution::of(&users, None, false).cpu_time.unwrap();
        assert!(time.users.len() as u64 <= BINS_MAX && time.users.len() > 20, "{time:?}");
        assert_eq!(time.users.iter().sum::<u64>(), 1001);
        assert!(time.width < 40, "one slow user does not stretch the histogram: {time:?}");
    }
}
