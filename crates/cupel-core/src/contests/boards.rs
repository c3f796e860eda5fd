//! Cached standings. The data of a cached contest is read at most once per second, for all viewers of this node. The
//! standings of a contestant with hidden results follow from the common ones (`seen_rows.rs`). Other views, such as
//! that of a virtual participant, cost another computation, but no read.
//!
//! Invariant: two reads of one contest never run at the same time. A place with waiting callers is not evicted, so all
//! of them get the result of the same read. Reads of different contests take turns, so each superfluous read would
//! delay the viewers of all contests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cupel_types::{ContestId, UserId};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::seen_rows::SeenRows;
use super::standings::{Table, table};
use super::{Attempt, Cell, Contest, Participant, Participation, StandingsRow, Style, View};
use crate::{Core, StoreError};

/// Lifetime of a cached board.
const KEPT: Duration = Duration::from_secs(1);

/// Maximum size of all boards in the cache. A larger board is kept only while callers wait for it.
const BYTES_MAX: u64 = 64 << 20;

/// Maximum number of contests in the cache, which bounds the search for a place.
const CONTESTS_MAX: usize = 1000;

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
    /// The attempts by user; those of a user are in the order in which they were sent.
    attempts: Vec<Attempt>,
    rules: Rules,
    table: Arc<Table>,
}

/// The cached boards.
pub(crate) struct Boards {
    /// The boards by contest, least recently used first.
    places: Mutex<Vec<Place>>,
    /// Allows one read of a contest at a time, so that the store stays available for other requests.
    reading: Arc<Semaphore>,
    /// Allows one computation of all rows for an individual viewer at a time.
    computing: Arc<Semaphore>,
}

/// A contest's place in the cache.
struct Place {
    contest: ContestId,
    slot: BoardSlot,
    /// Size of the board that was read last, in bytes.
    bytes: u64,
}

/// The holder of the lock reads the board for all callers, each of whom has another reference.
type BoardSlot = Arc<tokio::sync::Mutex<Option<Arc<Board>>>>;

impl Default for Boards {
    fn default() -> Boards {
        let one = || Arc::new(Semaphore::new(1));
        Boards { places: Mutex::default(), reading: one(), computing: one() }
    }
}

impl Boards {
    /// The place of a contest, which stays in the cache as long as the caller has it.
    fn place(&self, contest: ContestId) -> BoardSlot {
        let mut places = self.locked();
        let known = places.iter().position(|place| place.contest == contest).map(|at| places.remove(at));
        let place = known.unwrap_or_else(|| Place { contest, slot: BoardSlot::default(), bytes: 0 });
        let slot = Arc::clone(&place.slot);
        places.push(place);
        evict(&mut places);
        slot
    }

    /// Records the size of a contest's board.
    fn record(&self, contest: ContestId, bytes: u64) {
        let mut places = self.locked();
        if let Some(place) = places.iter_mut().find(|place| place.contest == contest) {
            place.bytes = bytes;
        }
        evict(&mut places);
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes the least recently used places without callers until the rest is within the bounds. New references to a slot
/// are made only under the lock of the places.
fn evict(places: &mut Vec<Place>) {
    let mut bytes: u64 = places.iter().map(|place| place.bytes).sum();
    let mut count = places.len();
    places.retain(|place| {
        let is_kept = (bytes <= BYTES_MAX && count <= CONTESTS_MAX) || Arc::strong_count(&place.slot) > 1;
        if !is_kept {
            bytes -= place.bytes;
            count -= 1;
        }
        is_kept
    });
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
        self.attempts_of(user).iter().any(is_frozen)
    }

    fn attempts_of(&self, user: UserId) -> &[Attempt] {
        let from = self.attempts.partition_point(|attempt| attempt.user < user);
        let count = self.attempts[from..].partition_point(|attempt| attempt.user == user);
        &self.attempts[from..from + count]
    }

    /// Approximate size in memory.
    fn bytes(&self) -> u64 {
        let per_participant = size_of::<(UserId, Participant)>() + size_of::<(UserId, Participation)>();
        let names: usize = self.participants.values().map(|one| one.username.len()).sum();
        let per_row = size_of::<StandingsRow>() + self.rules.problems * size_of::<Cell>();
        let bytes = size_of::<Board>()
            + self.order.len() * per_participant
            + names
            + self.attempts.len() * size_of::<Attempt>()
            + self.table.rows.len() * per_row;
        bytes as u64
    }

    fn reckoned(&self, rules: Rules) -> Table {
        table(rules.style, rules.problems, &self.order, &self.attempts, rules.view)
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
            let id = contest.id;
            let board = Arc::new(core.read_board(contest).await?);
            *place = Some(Arc::clone(&board));
            core.inner.boards.record(id, board.bytes());
            Ok(board)
        });
        made.await.map_err(broken_off)?
    }

    async fn read_board(&self, contest: Contest) -> Result<Board, StoreError> {
        let as_of = self.now();
        let participants = self.inner.store.participants(contest.id).await?;
        let mut attempts = self.inner.store.attempts(contest.id).await?;
        let until = elapsed(as_of, &contest, contest.starts_at);
        let view = View { until, frozen_from: contest.frozen_from(), shows_hidden: false, own: None };
        let made = tokio::task::spawn_blocking(move || {
            let rules = Rules { style: contest.style, problems: contest.problems.len(), view };
            let order = participants.iter().map(|one| (one.user, one.participation)).collect();
            let participants = participants.into_iter().map(|one| (one.user, one)).collect();
            attempts.sort_by_key(|attempt| attempt.user);
            let table = Arc::default();
            let mut board = Board { as_of, fresh_until: as_of, participants, order, attempts, rules, table };
            board.table = Arc::new(board.reckoned(rules));
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
    ) -> Result<SeenRows, StoreError> {
        let rules = Rules { style: contest.style, problems: contest.problems.len(), view };
        let common = Rules { view: View { own: None, ..view }, ..rules };
        if common == board.rules {
            let table = Arc::clone(&board.table);
            return Ok(match view.own {
                None => SeenRows::of_everyone(table),
                Some(own) => SeenRows::of_contestant(table, rules.style, common.view, own, board.attempts_of(own)),
            });
        }
        let turn = Arc::clone(&self.inner.boards.computing).acquire_owned().await.map_err(broken_off)?;
        let board = Arc::clone(board);
        let made = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            SeenRows::of_everyone(Arc::new(board.reckoned(rules)))
        });
        made.await.map_err(broken_off)
    }
}

fn broken_off(why: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError { operation: "compute standings", transient: false, source: Box::new(why) }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn contest(n: u128) -> ContestId {
        ContestId::from_uuid(Uuid::from_u128(n))
    }

    fn cached(boards: &Boards) -> Vec<ContestId> {
        boards.locked().iter().map(|place| place.contest).collect()
    }

    #[test]
    fn the_least_recently_used_boards_beyond_the_bytes_are_evicted() {
        let boards = Boards::default();
        for n in 0..4 {
            boards.place(contest(n));
            boards.record(contest(n), BYTES_MAX / 4);
        }
        boards.place(contest(0));
        boards.place(contest(4));
        boards.record(contest(4), BYTES_MAX / 2);
        assert_eq!(cached(&boards), [contest(3), contest(0), contest(4)]);
        boards.record(contest(0), BYTES_MAX / 4 + 1);
        assert_eq!(cached(&boards), [contest(0), contest(4)]);
    }

    #[test]
    fn a_place_with_callers_is_not_evicted() {
        let boards = Boards::default();
        let held = boards.place(contest(0));
        for n in 1..=CONTESTS_MAX as u128 {
            boards.place(contest(n));
        }
        boards.record(contest(0), 2 * BYTES_MAX);
        assert_eq!(cached(&boards), [contest(0)], "a board over the maximum is kept, and no other one");
        assert!(Arc::ptr_eq(&held, &boards.place(contest(0))));
        drop(held);
        boards.place(contest(1));
        assert_eq!(cached(&boards), [contest(1)]);
    }

    #[test]
    fn the_number_of_places_is_bounded() {
        let boards = Boards::default();
        for n in 0..2 * CONTESTS_MAX as u128 {
            boards.place(contest(n));
        }
        assert_eq!(boards.locked().len(), CONTESTS_MAX);
    }
}
