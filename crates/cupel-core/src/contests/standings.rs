//! Standings: computed from the attempts of a contest by the rules of its style. Pure.
//!
//! Sources: the rules of the ICPC World Finals (problems solved, then penalty, then the time of the last solved
//! problem), and the rules of the IOI from 2013 to 2016, as the documentation of CMS describes them ("Configuring a
//! contest", "Score modes").
//!
//! [`Style::Ioi`] is the rule of these years: the score of a problem is that of the best single submission. Since 2017,
//! the IOI takes the best result of each subtask over all submissions, and adds these. If one submission gets the 30
//! points of the first subtask, and another the 40 points of the second, the score is 70 there and 40 here. CMS has
//! both rules as `max` and `max_subtask`, DMOJ as `ioi` and `ioi16`. Cupel has only the former: an [`Attempt`] has one
//! score, and no result per subtask.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

use cupel_types::{Score, UserId};

use super::{Participation, Style};

/// One submission to a problem of the contest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The participant.
    pub user: UserId,
    /// Zero-based position of the problem in the contest.
    pub problem: usize,
    /// Time from the participant's start to the submission.
    pub at: Duration,
    /// The result; `None`: not judged yet.
    pub result: Option<AttemptResult>,
    /// Whether the freeze of another contest hides its result.
    pub is_hidden: bool,
}

/// Result of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptResult {
    /// Whether the tests judged the attempt: a compile error or a failure of Cupel is not a try.
    pub is_try: bool,
    /// Whether it solves the problem.
    pub solves: bool,
    /// The score; 0 if the problem has no scores and the attempt does not solve it.
    pub score: Score,
}

/// The results that a viewer may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Elapsed time of the contest: later attempts are ignored.
    pub until: Duration,
    /// Results of attempts from this time on are hidden; `None`: the contest hides none.
    pub frozen_from: Option<Duration>,
    /// Whether results that the freeze of another contest hides are shown.
    pub shows_hidden: bool,
    /// The viewer, whose own results are always shown.
    pub own: Option<UserId>,
}

/// A participant's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingsRow {
    /// The rank, from 1; equal rows share one. A virtual participant gets the rank that an official participant with
    /// the same result would have, and does not change the ranks of others.
    pub rank: u32,
    /// The participant.
    pub user: UserId,
    /// Kind of participation.
    pub participation: Participation,
    /// Number of problems solved.
    pub solved: u32,
    /// ICPC: the sum of the minutes of the solved problems and of the penalties for rejected tries before them.
    pub penalty: Duration,
    /// IOI: the sum of the best score of each problem, each from a single submission.
    pub score: Score,
    /// One cell per problem, in the contest's order.
    pub cells: Vec<Cell>,
    /// Place in the order in which the participants joined. Rows with the same result are in this order.
    pub(super) joined: usize,
}

/// One participant's result for one problem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Number of tries with a visible result. ICPC: up to and including the try that solves the problem.
    pub tries: u32,
    /// Tries without a visible result: not judged, or frozen.
    pub pending: u32,
    /// Time at which the problem was solved. For IOI scoring, time at which the best score was first reached.
    pub solved_at: Option<Duration>,
    /// Time of the first try that solves the problem. For ICPC scoring, the same as `solved_at`.
    pub(super) solution_at: Option<Duration>,
    /// Whether this is the first solution of the problem by an official participant. Solutions at the same time are all
    /// first.
    pub is_first: bool,
    /// The best visible score of a single submission, if there is one.
    pub score: Option<Score>,
}

/// The standings. `attempts` are in the order in which they were sent, at least those of each participant; those of
/// users who do not take part are ignored.
pub fn standings(
    style: Style,
    problems: usize,
    participants: &[(UserId, Participation)],
    attempts: &[Attempt],
    view: View,
) -> Vec<StandingsRow> {
    table(style, problems, participants, attempts, view).rows
}

/// The standings, and the times that decide which solutions are the first ones.
#[derive(Default)]
pub(super) struct Table {
    /// The rows, best first.
    pub(super) rows: Vec<StandingsRow>,
    /// For each problem, the times of the first solutions.
    pub(super) solved: Vec<Earliest>,
    /// For each problem, the times of the first attempts that may still become solutions.
    pub(super) undecided: Vec<Earliest>,
}

/// The earliest of the times of official participants, and the earliest one of another participant.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Earliest {
    first: Option<(Duration, UserId)>,
    other: Option<Duration>,
}

impl Earliest {
    fn add(&mut self, at: Duration, user: UserId) {
        match self.first {
            Some((first, who)) if who == user => self.first = Some((first.min(at), user)),
            Some((first, _)) if first <= at => self.other = self.other.into_iter().chain([at]).min(),
            later => (self.first, self.other) = (Some((at, user)), later.map(|(later, _)| later)),
        }
    }

    /// The earliest time.
    fn any(self) -> Option<Duration> {
        self.first.map(|(at, _)| at)
    }

    /// The earliest time if those of one participant are replaced.
    pub(super) fn with(self, user: UserId, own: Earliest) -> Option<Duration> {
        let of_others = self.first.map_or(self.other, |(at, who)| if who == user { self.other } else { Some(at) });
        of_others.into_iter().chain(own.any()).min()
    }
}

/// [`standings`], with the times of the first solutions.
pub(super) fn table(
    style: Style,
    problems: usize,
    participants: &[(UserId, Participation)],
    attempts: &[Attempt],
    view: View,
) -> Table {
    let empty = |(joined, (user, participation)): (usize, &(UserId, Participation))| StandingsRow {
        rank: 0,
        user: *user,
        participation: *participation,
        solved: 0,
        penalty: Duration::ZERO,
        score: Score::ZERO,
        cells: vec![Cell::default(); problems],
        joined,
    };
    let mut rows: Vec<StandingsRow> = participants.iter().enumerate().map(empty).collect();
    let places: HashMap<UserId, usize> = rows.iter().map(|row| (row.user, row.joined)).collect();
    let mut undecided = vec![Earliest::default(); problems];
    for attempt in attempts.iter().filter(|attempt| attempt.at <= view.until) {
        let Some(row) = places.get(&attempt.user).map(|place| &mut rows[*place]) else { continue };
        let Some(cell) = row.cells.get_mut(attempt.problem) else { continue };
        let is_hidden = attempt.is_hidden && !view.shows_hidden;
        let is_frozen = is_hidden || view.frozen_from.is_some_and(|frozen| attempt.at >= frozen);
        let hidden = is_frozen && view.own != Some(attempt.user);
        let result = attempt.result.filter(|_| !hidden);
        let may_solve = result.is_none() && cell.solution_at.is_none();
        if may_solve && row.participation == Participation::Official {
            undecided[attempt.problem].add(attempt.at, attempt.user);
        }
        take(style, cell, attempt.at, result);
    }
    for row in &mut rows {
        sum(style, row);
    }
    let mut solved = vec![Earliest::default(); problems];
    for row in rows.iter().filter(|row| row.participation == Participation::Official) {
        for (solved, cell) in solved.iter_mut().zip(&row.cells) {
            cell.solution_at.into_iter().for_each(|at| solved.add(at, row.user));
        }
    }
    let firsts: Vec<_> = solved.iter().zip(&undecided).map(|(solved, open)| first(solved.any(), open.any())).collect();
    rows.iter_mut().for_each(|row| mark_firsts(row, &firsts));
    rank(style, &mut rows);
    Table { rows, solved, undecided }
}

/// Adds one attempt to a cell.
fn take(style: Style, cell: &mut Cell, at: Duration, result: Option<AttemptResult>) {
    let is_over = matches!(style, Style::Icpc { .. }) && cell.solved_at.is_some();
    match result {
        _ if is_over => {}
        None => cell.pending += 1,
        Some(result) if !result.is_try => {}
        Some(result) => {
            cell.tries += 1;
            let is_better = cell.score.is_none_or(|best| result.score > best);
            if is_better {
                cell.score = Some(result.score);
            }
            if result.solves && cell.solution_at.is_none() {
                cell.solution_at = Some(at);
            }
            match style {
                Style::Icpc { .. } if result.solves => cell.solved_at = Some(at),
                Style::Ioi if is_better && result.score > Score::ZERO => cell.solved_at = Some(at),
                _ => {}
            }
        }
    }
}

/// Computes the totals of a row.
fn sum(style: Style, row: &mut StandingsRow) {
    for cell in &row.cells {
        match style {
            Style::Icpc { penalty } => {
                if let Some(at) = cell.solved_at {
                    row.solved += 1;
                    row.penalty += Duration::from_mins(at.as_secs() / 60) + penalty * (cell.tries - 1);
                }
            }
            Style::Ioi => {
                row.solved += u32::from(cell.solved_at.is_some());
                row.score = row.score.checked_add(cell.score.unwrap_or_default()).unwrap_or(Score::MAX);
            }
        }
    }
}

/// Time of a problem's first solution. `undecided`: the time of the first official attempt that may still become a
/// solution. There is no first solution if it is later than that, because it may not stay the first.
pub(super) fn first(solved: Option<Duration>, undecided: Option<Duration>) -> Option<Duration> {
    solved.filter(|solved| undecided.is_none_or(|at| at >= *solved))
}

/// Marks the solutions of a row that are the first ones of their problems. `firsts`: for each problem, their time.
pub(super) fn mark_firsts(row: &mut StandingsRow, firsts: &[Option<Duration>]) {
    let is_official = row.participation == Participation::Official;
    for (cell, first) in row.cells.iter_mut().zip(firsts) {
        cell.is_first = is_official && first.is_some() && cell.solution_at == *first;
    }
}

/// Sort key of a row.
pub(super) type Key = (Reverse<Score>, Reverse<u32>, Duration, Duration);

/// Sort key of a row: smaller is better. Rows with equal keys share a rank.
pub(super) fn key(style: Style, row: &StandingsRow) -> Key {
    match style {
        Style::Icpc { .. } => {
            let last = row.cells.iter().filter_map(|cell| cell.solved_at).max().unwrap_or_default();
            (Reverse(Score::ZERO), Reverse(row.solved), row.penalty, last)
        }
        Style::Ioi => (Reverse(row.score), Reverse(0), Duration::ZERO, Duration::ZERO),
    }
}

/// Sorts rows and assigns ranks.
fn rank(style: Style, rows: &mut [StandingsRow]) {
    rows.sort_by_key(|row| key(style, row));
    let (mut officials, mut rank) = (0, 1);
    let mut before = None;
    for row in rows {
        let key = key(style, row);
        if before.replace(key) != Some(key) {
            rank = officials + 1;
        }
        row.rank = rank;
        officials += u32::from(row.participation == Participation::Official);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ICPC: Style = Style::Icpc { penalty: Duration::from_mins(20) };
    const ALL: View = View { until: Duration::MAX, frozen_from: None, shows_hidden: false, own: None };

    fn user(n: u128) -> UserId {
        UserId::from_uuid(Uuid::from_u128(n))
    }

    fn officials(n: u128) -> Vec<(UserId, Participation)> {
        (1..=n).map(|n| (user(n), Participation::Official)).collect()
    }

    fn points(points: i64) -> Score {
        Score::points(points).unwrap()
    }

    /// User, problem, minute, result: `+` solves, `-` rejected, `C` not compiled, `?` not judged, a number of points.
    fn attempts(table: &[(u128, usize, u64, &str)]) -> Vec<Attempt> {
        let result = |is_try, solves, score| Some(AttemptResult { is_try, solves, score });
        table
            .iter()
            .map(|(n, problem, minute, symbol)| Attempt {
                user: user(*n),
                problem: *problem,
                at: Duration::from_mins(*minute) + Duration::from_secs(59),
                result: match *symbol {
                    "+" => result(true, true, Score::ONE),
                    "-" => result(true, false, Score::ZERO),
                    "C" => result(false, false, Score::ZERO),
                    "?" => None,
                    number => result(true, number == "100", points(number.parse().unwrap())),
                },
                is_hidden: false,
            })
            .collect()
    }

    /// Rank, user, solved, penalty in minutes.
    fn icpc(n: u128, table: &[(u128, usize, u64, &str)]) -> Vec<(u32, UserId, u32, u64)> {
        let rows = standings(ICPC, 3, &officials(n), &attempts(table), ALL);
        rows.iter().map(|row| (row.rank, row.user, row.solved, row.penalty.as_secs() / 60)).collect()
    }

    #[test]
    fn rows_are_ranked_by_solved_problems_then_by_penalty() {
        let table = [(1, 0, 10, "+"), (2, 0, 5, "+"), (3, 0, 30, "+"), (3, 1, 200, "+")];
        assert_eq!(icpc(3, &table), [(1, user(3), 2, 230), (2, user(2), 1, 5), (3, user(1), 1, 10)]);
    }

    #[test]
    fn only_rejected_tries_before_a_solution_cost_twenty_minutes() {
        let table = [(1, 0, 1, "-"), (1, 0, 2, "C"), (1, 0, 3, "-"), (1, 0, 10, "+"), (1, 0, 11, "-"), (1, 1, 12, "-")];
        assert_eq!(icpc(1, &table), [(1, user(1), 1, 50)]);
    }

    #[test]
    fn equal_rows_share_a_rank_unless_one_had_its_last_solution_earlier() {
        let table = [(1, 0, 10, "+"), (2, 1, 10, "+"), (3, 0, 30, "+")];
        assert_eq!(icpc(3, &table), [(1, user(1), 1, 10), (1, user(2), 1, 10), (3, user(3), 1, 30)]);
        let table = [(1, 0, 10, "+"), (1, 1, 20, "+"), (2, 0, 15, "+"), (2, 1, 15, "+")];
        assert_eq!(icpc(2, &table), [(1, user(2), 2, 30), (2, user(1), 2, 30)]);
    }

    #[test]
    fn a_frozen_result_is_pending_for_everyone_but_its_owner() {
        let table = attempts(&[(1, 0, 200, "-"), (1, 0, 250, "+"), (2, 0, 260, "+"), (2, 1, 20, "?")]);
        let rows = |own, frozen_from| {
            let view = View { frozen_from, own, ..ALL };
            standings(ICPC, 2, &officials(2), &table, view)
        };
        let frozen = rows(None, Some(Duration::from_mins(240)));
        let cells: Vec<_> =
            frozen.iter().map(|row| (row.user, row.solved, row.cells[0].tries, row.cells[0].pending)).collect();
        assert_eq!(cells, [(user(1), 0, 1, 1), (user(2), 0, 0, 1)]);
        assert_eq!(frozen[1].cells[1].pending, 1, "not judged yet");
        assert_eq!(rows(Some(user(2)), Some(Duration::from_mins(240)))[0].user, user(2));
        let open = rows(None, None);
        assert_eq!(open.iter().map(|row| row.solved).collect::<Vec<_>>(), [1, 1]);
    }

    #[test]
    fn a_result_hidden_by_another_contest_is_pending_for_everyone_but_its_owner() {
        let mut table = attempts(&[(1, 0, 5, "+"), (2, 0, 6, "+")]);
        table[0].is_hidden = true;
        let solved = |own| {
            let rows = standings(ICPC, 1, &officials(2), &table, View { own, ..ALL });
            rows.iter().map(|row| (row.user, row.solved, row.cells[0].pending)).collect::<Vec<_>>()
        };
        assert_eq!(solved(None), [(user(2), 1, 0), (user(1), 0, 1)]);
        assert_eq!(solved(Some(user(2))), solved(None));
        assert_eq!(solved(Some(user(1))), [(user(1), 1, 0), (user(2), 1, 0)]);
    }

    #[test]
    fn the_first_official_solution_of_a_problem_is_marked() {
        let participants =
            [(user(1), Participation::Official), (user(2), Participation::Official), (user(3), Participation::Virtual)];
        let table = attempts(&[(3, 0, 1, "+"), (1, 0, 5, "+"), (2, 0, 9, "+")]);
        let rows = standings(ICPC, 1, &participants, &table, ALL);
        let first: Vec<_> = rows.iter().map(|row| (row.user, row.cells[0].is_first)).collect();
        assert_eq!(first, [(user(3), false), (user(1), true), (user(2), false)]);
    }

    #[test]
    fn a_solution_is_not_marked_as_the_first_while_an_earlier_attempt_may_become_one() {
        let first = |table: &[(u128, usize, u64, &str)], view| {
            let rows = standings(ICPC, 1, &officials(2), &attempts(table), view);
            rows.iter().find(|row| row.cells[0].is_first).map(|row| row.user)
        };
        let solution = (2, 0, 9, "+");
        assert_eq!(first(&[(1, 0, 5, "?"), solution], ALL), None, "not judged yet");
        assert_eq!(first(&[(1, 0, 5, "-"), solution], ALL), Some(user(2)));
        assert_eq!(first(&[(1, 0, 5, "C"), solution], ALL), Some(user(2)));
        assert_eq!(first(&[solution, (1, 0, 10, "?")], ALL), Some(user(2)));
        assert_eq!(first(&[(1, 0, 2, "+"), (1, 0, 5, "?"), solution], ALL), Some(user(1)));
        let own = View { frozen_from: Some(Duration::from_mins(4)), own: Some(user(2)), ..ALL };
        assert_eq!(first(&[(1, 0, 5, "+"), solution], own), None, "the freeze hides the earlier attempt");
        let virtually = [(user(1), Participation::Virtual), (user(2), Participation::Official)];
        let rows = standings(ICPC, 1, &virtually, &attempts(&[(1, 0, 5, "?"), solution]), ALL);
        assert!(rows.iter().any(|row| row.cells[0].is_first), "only official attempts count");
    }

    #[test]
    fn with_ioi_scoring_the_first_full_score_is_the_first_solution_and_not_the_first_points() {
        let first = |table: &[(u128, usize, u64, &str)]| {
            let rows = standings(Style::Ioi, 1, &officials(2), &attempts(table), ALL);
            rows.iter().find(|row| row.cells[0].is_first).map(|row| row.user)
        };
        let (some_points, solution) = ((1, 0, 5, "10"), (2, 0, 20, "100"));
        assert_eq!(first(&[some_points]), None, "nobody has solved it");
        assert_eq!(first(&[some_points, solution]), Some(user(2)));
        assert_eq!(first(&[some_points, solution, (1, 0, 30, "100")]), Some(user(2)));
        assert_eq!(first(&[some_points, (1, 0, 15, "?"), solution]), None, "an earlier attempt may become one");
        assert_eq!(first(&[solution, (2, 0, 25, "?"), (1, 0, 30, "100")]), Some(user(2)));
    }

    #[test]
    fn a_virtual_participant_does_not_change_the_ranks_of_others() {
        let participants =
            [(user(1), Participation::Official), (user(2), Participation::Virtual), (user(3), Participation::Official)];
        let table = attempts(&[(1, 0, 5, "+"), (2, 0, 6, "+"), (3, 0, 7, "+")]);
        let rows = standings(ICPC, 1, &participants, &table, ALL);
        assert_eq!(
            rows.iter().map(|row| (row.user, row.rank)).collect::<Vec<_>>(),
            [(user(1), 1), (user(2), 2), (user(3), 2)]
        );
    }

    #[test]
    fn attempts_after_the_viewed_time_are_ignored() {
        let table = attempts(&[(1, 0, 5, "-"), (1, 0, 50, "+")]);
        let view = View { until: Duration::from_mins(30), ..ALL };
        assert_eq!(standings(ICPC, 1, &officials(1), &table, view)[0].solved, 0);
    }

    #[test]
    fn only_the_best_score_of_each_problem_counts() {
        let table = attempts(&[
            (1, 0, 5, "30"),
            (1, 0, 9, "70"),
            (1, 0, 20, "40"),
            (1, 1, 30, "5"),
            (2, 0, 1, "75"),
            (3, 1, 2, "0"),
        ]);
        let rows = standings(Style::Ioi, 2, &officials(3), &table, ALL);
        let ranking: Vec<_> = rows.iter().map(|row| (row.rank, row.user, row.score, row.cells[0].tries)).collect();
        assert_eq!(ranking, [(1, user(1), points(75), 3), (1, user(2), points(75), 1), (3, user(3), points(0), 0)]);
        assert_eq!(rows[0].cells[0].solved_at, Some(Duration::from_secs(9 * 60 + 59)));
    }

    #[test]
    fn attempts_of_non_participants_and_of_other_problems_are_ignored() {
        let rows = standings(ICPC, 1, &officials(1), &attempts(&[(7, 0, 1, "+"), (1, 5, 1, "+")]), ALL);
        assert_eq!(rows.iter().map(|row| row.solved).collect::<Vec<_>>(), [0]);
    }
}
