//! Cached standings. The data of a cached contest is read at most once per second, for all viewers of this node. A
//! viewer whose view differs from the common one costs another computation, but no read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cupel_types::{ContestId, UserId};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::{Attempt, Contest, Participant, Participation, StandingsRow, Style, View, standings};
use crate::{Core, StoreError};

/// Lifetime of a cached board.
const KEPT: Duration = Duration::from_secs(1);

/// Maximum number of contests in the cache.
const CONTESTS_MAX: usize = 8;

/// The inputs of the standings besides the attempts.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Rules {
    style: Style,
    problems: usize,
    view: View,
}

/// The standings of a contest at one time, and the data they were computed from.
pub(super) struct Board {
    as_of: Timestamp,
    fresh_until: Timestamp,
    participants: HashMap<UserId, Participant>,
    /// The participants, in the order in which they joined.
    order: Vec<(UserId, Participation)>,
    attempts: Vec<Attempt>,
    rules: Rules,
    rows: Arc<Vec<StandingsRow>>,
}

/// The cached boards.
pub(crate) struct Boards {
    /// The boards by contest, least recently used first. The holder of an entry's lock reads the board for all waiting
    /// callers.
    places: Mutex<Vec<(ContestId, BoardSlot)>>,
    /// Allows one read of a contest at a time, so that the store stays available for other requests.
    reading: Arc<Semaphore>,
    /// Allows one computation for an individual viewer at a time.
    computing: Arc<Semaphore>,
}

type BoardSlot = Arc<tokio::sync::Mutex<Option<Arc<Board>>>>;

impl Default for Boards {
    fn default() -> Boards {
        let one = || Arc::new(Semaphore::new(1));
        Boards { places: Mutex::default(), reading: one(), computing: one() }
    }
}

impl Boards {
    fn place(&self, contest: ContestId) -> BoardSlot {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let known = places.iter().position(|(id, _)| *id == contest).map(|at| places.remove(at));
        if known.is_none() && places.len() == CONTESTS_MAX {
            places.remove(0);
        }
        let (_, place) = places.push_mut(known.unwrap_or_else(|| (contest, BoardSlot::default())));
        Arc::clone(place)
    }
}

impl Board {
    /// Time since a participant's start, at most the contest's length.
    pub(super) fn elapsed(&self, contest: &Contest, since: Timestamp) -> Duration {
        elapsed(self.as_of, contest, since)
    }

    pub(super) fn participant(&self, user: UserId) -> Option<&Participant> {
        self.participants.get(&user)
    }

    /// Whether a freeze hides results of this user from others.
    pub(super) fn hides(&self, user: UserId, frozen_from: Option<Duration>) -> bool {
        let is_frozen = |attempt: &Attempt| attempt.is_hidden || frozen_from.is_some_and(|frozen| attempt.at >= frozen);
        self.attempts.iter().any(|attempt| attempt.user == user && is_frozen(attempt))
    }

    fn reckoned(&self, rules: Rules) -> Vec<StandingsRow> {
        standings(rules.style, rules.problems, &self.order, &self.attempts, rules.view)
    }
}

fn elapsed(now: Timestamp, contest: &Contest, since: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default().min(contest.length)
}

impl Core {
    /// The board of a contest, read less than a second ago.
    pub(super) async fn board(&self, contest: &Contest) -> Result<Arc<Board>, StoreError> {
        let mut place = self.inner.boards.place(contest.id).lock_owned().await;
        let now = self.now();
        if let Some(board) = place.as_ref().filter(|board| (board.as_of..board.fresh_until).contains(&now)) {
            return Ok(Arc::clone(board));
        }
        let (core, contest) = (self.clone(), contest.clone());
        // In a separate task: if the caller is cancelled, the read continues, and the next caller need not start it
        // again.
        let made = tokio::spawn(async move {
            let _turn = Arc::clone(&core.inner.boards.reading).acquire_owned().await.map_err(broken_off)?;
            *place = None;
            let board = Arc::new(core.read_board(contest).await?);
            *place = Some(Arc::clone(&board));
            Ok(board)
        });
        made.await.map_err(broken_off)?
    }

    async fn read_board(&self, contest: Contest) -> Result<Board, StoreError> {
        let as_of = self.now();
        let participants = self.inner.store.participants(contest.id).await?;
        let attempts = self.inner.store.attempts(contest.id).await?;
        let until = elapsed(as_of, &contest, contest.starts_at);
        let view = View { until, frozen_from: contest.frozen_from(), shows_hidden: false, own: None };
        let made = tokio::task::spawn_blocking(move || {
            let rules = Rules { style: contest.style, problems: contest.problems.len(), view };
            let order = participants.iter().map(|one| (one.user, one.participation)).collect();
            let participants = participants.into_iter().map(|one| (one.user, one)).collect();
            let rows = Arc::default();
            let mut board = Board { as_of, fresh_until: as_of, participants, order, attempts, rules, rows };
            board.rows = Arc::new(board.reckoned(rules));
            board
        });
        let mut board = made.await.map_err(broken_off)?;
        board.fresh_until = self.now() + KEPT;
        Ok(board)
    }

    /// The rows of a board for one view.
    pub(super) async fn rows_of(
        &self,
        board: &Arc<Board>,
        contest: &Contest,
        view: View,
    ) -> Result<Arc<Vec<StandingsRow>>, StoreError> {
        let rules = Rules { style: contest.style, problems: contest.problems.len(), view };
        if rules == board.rules {
            return Ok(Arc::clone(&board.rows));
        }
        let turn = Arc::clone(&self.inner.boards.computing).acquire_owned().await.map_err(broken_off)?;
        let board = Arc::clone(board);
        let made = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            Arc::new(board.reckoned(rules))
        });
        made.await.map_err(broken_off)
    }
}

fn broken_off(why: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError { operation: "compute standings", transient: false, source: Box::new(why) }
}
