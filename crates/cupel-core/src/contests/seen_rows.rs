//! Standings as one viewer sees them.
//!
//! While a freeze hides results of a contestant from others, the contestant sees other standings than everyone else.
//! The two differ only in the contestant's row, in the ranks of the rows between its two places, and in the marks of
//! the first solutions. So each of these rows follows from the common ones, and no request computes them all.

use std::sync::Arc;
use std::time::Duration;

use cupel_types::UserId;

use super::standings::{Key, Table, first, key, mark_firsts, table};
use super::{Attempt, Participation, StandingsRow, Style, View};

/// The rows that a viewer sees.
pub(super) struct SeenRows {
    common: Arc<Table>,
    own: Option<OwnRow>,
}

/// The differences between the rows that a contestant sees and the common ones.
struct OwnRow {
    row: StandingsRow,
    style: Style,
    /// Place and key of the contestant's row that others see.
    common: (usize, Key),
    /// Place and key of the contestant's row that the contestant sees.
    own: (usize, Key),
    /// For each problem, the time of the first solution.
    firsts: Vec<Option<Duration>>,
}

impl SeenRows {
    /// The rows that everyone sees.
    pub(super) fn of_everyone(common: Arc<Table>) -> SeenRows {
        SeenRows { common, own: None }
    }

    /// The rows that a contestant sees. `view` is that of the common rows; `attempts` are those of the contestant.
    pub(super) fn of_contestant(
        common: Arc<Table>,
        style: Style,
        view: View,
        user: UserId,
        attempts: &[Attempt],
    ) -> SeenRows {
        let place = common.rows.iter().position(|row| row.user == user);
        let own = place.map(|place| OwnRow::new(&common, style, View { own: Some(user), ..view }, place, attempts));
        SeenRows { common, own }
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.common.rows.len()
    }

    /// Some of the rows, best first.
    pub(super) fn page(&self, offset: usize, limit: usize) -> impl Iterator<Item = StandingsRow> {
        (offset..self.len().min(offset.saturating_add(limit))).map(|place| self.row(place))
    }

    /// The viewer's row.
    pub(super) fn row_of(&self, viewer: UserId) -> Option<StandingsRow> {
        match &self.own {
            Some(own) => Some(own.row.clone()),
            None => self.common.rows.iter().find(|row| row.user == viewer).cloned(),
        }
    }

    fn row(&self, place: usize) -> StandingsRow {
        match &self.own {
            Some(own) => own.row_at(&self.common.rows, place),
            None => self.common.rows[place].clone(),
        }
    }
}

impl OwnRow {
    fn new(common: &Table, style: Style, view: View, place: usize, attempts: &[Attempt]) -> OwnRow {
        let others_see = &common.rows[place];
        let (user, problems) = (others_see.user, others_see.cells.len());
        let mut alone = table(style, problems, &[(user, others_see.participation)], attempts, view);
        let firsts: Vec<_> = (0..problems)
            .map(|problem| {
                let [solved, undecided] = [(&common.solved, &alone.solved), (&common.undecided, &alone.undecided)]
                    .map(|(all, own)| all[problem].with(user, own[problem]));
                first(solved, undecided)
            })
            .collect();
        let mut row = alone.rows.remove(0);
        row.joined = others_see.joined;
        mark_firsts(&mut row, &firsts);
        let own_key = key(style, &row);
        let others = [&common.rows[..place], &common.rows[place + 1..]];
        let is_official = |row: &&StandingsRow| row.participation == Participation::Official;
        let (mut own_place, mut better) = (0, 0);
        for rows in others {
            own_place += rows.partition_point(|other| (key(style, other), other.joined) < (own_key, row.joined));
            let count = rows.partition_point(|other| key(style, other) < own_key);
            better += rows[..count].iter().filter(is_official).count();
        }
        row.rank = u32::try_from(better + 1).unwrap_or(u32::MAX);
        OwnRow { row, style, common: (place, key(style, others_see)), own: (own_place, own_key), firsts }
    }

    /// The row at a place of those that the contestant sees. `common`: the rows that everyone sees.
    fn row_at(&self, common: &[StandingsRow], place: usize) -> StandingsRow {
        let ((common_place, common_key), (own_place, own_key)) = (self.common, self.own);
        if place == own_place {
            return self.row.clone();
        }
        let of_others = place - usize::from(place > own_place);
        let mut row = common[of_others + usize::from(of_others >= common_place)].clone();
        mark_firsts(&mut row, &self.firsts);
        if self.row.participation == Participation::Official {
            let key = key(self.style, &row);
            row.rank = row.rank + u32::from(own_key < key) - u32::from(common_key < key);
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use cupel_types::Score;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::contests::{AttemptResult, standings};

    const USERS: u128 = 6;
    const PROBLEMS: usize = 3;

    fn user(n: u128) -> UserId {
        UserId::from_uuid(Uuid::from_u128(n))
    }

    /// An attempt of a participant, or of a user who does not take part. Few times and results, so that many are equal.
    fn attempt() -> impl Strategy<Value = Attempt> {
        let result = (any::<bool>(), any::<bool>(), 0_i64..3).prop_map(|(is_try, solves, points)| AttemptResult {
            is_try,
            solves: is_try && solves,
            score: Score::points(points).unwrap(),
        });
        (0..=USERS, 0..PROBLEMS, 0_u64..20, proptest::option::of(result), any::<bool>()).prop_map(
            |(n, problem, minute, result, is_hidden)| Attempt {
                user: user(n),
                problem,
                at: Duration::from_mins(minute),
                result,
                is_hidden,
            },
        )
    }

    proptest! {
        /// The rows are the same as if they were computed from all attempts.
        #[test]
        fn a_contestant_sees_the_standings_with_their_own_hidden_results(
            style in prop_oneof![Just(Style::Icpc { penalty: Duration::from_mins(2) }), Just(Style::Ioi)],
            officials in proptest::collection::vec(any::<bool>(), USERS as usize),
            mut attempts in proptest::collection::vec(attempt(), 0..40),
            frozen_from in proptest::option::of(0_u64..20),
            n in 0..=USERS,
            (offset, limit) in (0_usize..8, 0_usize..8),
        ) {
            attempts.sort_by_key(|attempt| attempt.at);
            let kind = |official| if official { Participation::Official } else { Participation::Virtual };
            let participants: Vec<_> =
                (1..).map(user).zip(officials.into_iter().map(kind)).collect();
            let view = View {
                until: Duration::from_mins(15),
                frozen_from: frozen_from.map(Duration::from_mins),
                shows_hidden: false,
                own: None,
            };
            let viewer = user(n);
            let expected = standings(style, PROBLEMS, &participants, &attempts, View { own: Some(viewer), ..view });

            let common = Arc::new(table(style, PROBLEMS, &participants, &attempts, view));
            attempts.retain(|attempt| attempt.user == viewer);
            let seen = SeenRows::of_contestant(common, style, view, viewer, &attempts);

            prop_assert_eq!(seen.len(), expected.len());
            prop_assert_eq!(seen.row_of(viewer), expected.iter().find(|row| row.user == viewer).cloned());
            let page: Vec<_> = expected.iter().skip(offset).take(limit).cloned().collect();
            prop_assert_eq!(seen.page(offset, limit).collect::<Vec<_>>(), page);
            prop_assert_eq!(seen.page(0, usize::MAX).collect::<Vec<_>>(), expected);
        }
    }
}
