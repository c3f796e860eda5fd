//! [`RunState`] as columns of `runs`.

use cupel_core::run::RunState;
use cupel_types::{LeaseId, PriorityClass, Verdict};

use super::{RowError, bad, from_us, id_from, to_us};

const QUEUED: i64 = 0;
const LEASED: i64 = 1;
pub(crate) const JUDGED: i64 = 2;
const CANCELLED: i64 = 3;
const ABANDONED: i64 = 4;

/// The columns that hold a run's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StateColumns {
    pub(crate) state: i64,
    pub(crate) attempts: i64,
    pub(crate) lost: i64,
    pub(crate) lease: Option<Vec<u8>>,
    pub(crate) lease_until: Option<i64>,
    pub(crate) verdict: Option<String>,
}

impl StateColumns {
    /// `lost_before`: the stored number of lost attempts, which is kept if the new state has no such number.
    pub(crate) fn of(state: &RunState, lost_before: i64) -> StateColumns {
        let mut columns = StateColumns {
            state: QUEUED,
            attempts: i64::from(state.attempts()),
            lost: lost_before,
            lease: None,
            lease_until: None,
            verdict: None,
        };
        match state {
            RunState::Queued { lost, .. } => columns.lost = i64::from(*lost),
            RunState::Leased { lost, lease, until, .. } => {
                columns.state = LEASED;
                columns.lost = i64::from(*lost);
                columns.lease = Some(lease.as_uuid().as_bytes().to_vec());
                columns.lease_until = Some(to_us(*until));
            }
            RunState::Judged { verdict, .. } => {
                columns.state = JUDGED;
                columns.verdict = Some(verdict.code().into());
            }
            RunState::Cancelled { .. } => columns.state = CANCELLED,
            RunState::Abandoned { .. } => columns.state = ABANDONED,
        }
        columns
    }

    pub(crate) fn read(&self) -> Result<RunState, RowError> {
        let attempts = u32::try_from(self.attempts).map_err(|_| bad("attempts"))?;
        let lost = u32::try_from(self.lost).map_err(|_| bad("lost"))?;
        Ok(match self.state {
            QUEUED => RunState::Queued { attempts, lost },
            LEASED => {
                let lease = id_from(self.lease.as_deref().ok_or(bad("lease"))?, "lease")?;
                let until = from_us(self.lease_until.ok_or(bad("lease_until"))?, "lease_until")?;
                RunState::Leased { attempts, lost, lease: LeaseId::from_uuid(lease), until }
            }
            JUDGED => {
                let code = self.verdict.as_deref().ok_or(bad("verdict"))?;
                RunState::Judged { attempts, verdict: Verdict::from_code(code).ok_or(bad("verdict"))? }
            }
            CANCELLED => RunState::Cancelled { attempts },
            ABANDONED => RunState::Abandoned { attempts },
            _ => return Err(bad("state")),
        })
    }
}

pub(crate) const fn class_number(class: PriorityClass) -> i64 {
    match class {
        PriorityClass::Interactive => 0,
        PriorityClass::Submission => 1,
        PriorityClass::Batch => 2,
    }
}

pub(crate) fn class_from(number: i64) -> Result<PriorityClass, RowError> {
    PriorityClass::ALL.into_iter().find(|c| class_number(*c) == number).ok_or(bad("class"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_reads_back() {
        let lease = LeaseId::from_uuid(uuid::Uuid::from_u128(7));
        let until = jiff::Timestamp::from_microsecond(1_800_000_000_000_001).unwrap();
        for state in [
            RunState::Queued { attempts: 2, lost: 1 },
            RunState::Leased { attempts: 3, lost: 2, lease, until },
            RunState::Judged { attempts: 1, verdict: Verdict::WrongAnswer },
            RunState::Cancelled { attempts: 0 },
            RunState::Abandoned { attempts: 3 },
        ] {
            assert_eq!(StateColumns::of(&state, 2).read().unwrap(), state);
        }
    }

    #[test]
    fn a_damaged_row_is_an_error() {
        let good = StateColumns::of(&RunState::Queued { attempts: 0, lost: 0 }, 0);
        for damaged in [
            StateColumns { state: 9, ..good.clone() },
            StateColumns { attempts: -1, ..good.clone() },
            StateColumns { state: LEASED, ..good.clone() },
            StateColumns { state: JUDGED, verdict: Some("??".into()), ..good.clone() },
        ] {
            assert!(damaged.read().is_err(), "{damaged:?}");
        }
    }
}
