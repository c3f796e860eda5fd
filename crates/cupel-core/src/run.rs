//! A run, its states, and the function that defines the transitions between them.
//!
//! ```text
//!             lease                complete
//!  Queued ───────────► Leased ───────────────► Judged
//!    ▲  │                │ │
//!    │  │ cancel         │ └── expire or give back, lost = max ──► Abandoned (shown as JE)
//!    │  └──► Cancelled ◄─┤ cancel
//!    └── expire or give back, lost < max
//! ```
//!
//! There are two counters. `attempts` numbers the attempts and only increases, so no two attempts share an event number
//! ([`Seq`](crate::event::Seq)). `lost` counts the attempts that ended in a failure of Cupel. Only `lost` decides when
//! a run is abandoned, so an attempt that a draining worker releases does not count.
//!
//! A lease is a fencing token: a command with any other lease than the current one is refused, regardless of the time.

use std::time::Duration;

use cupel_problem::Slug;
use cupel_types::{
    Cases, LanguageId, LeaseId, RunId, RunReport, Submission, SubmissionId, SubmissionKind, UserId, Verdict,
};
use jiff::Timestamp;

/// State of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Waits for a worker.
    Queued {
        /// Attempts made so far.
        attempts: u32,
        /// Number of attempts lost to a failure of Cupel.
        lost: u32,
    },
    /// A worker holds the run until `until`.
    Leased {
        /// Number of attempts so far, including the current attempt.
        attempts: u32,
        /// Number of attempts lost to a failure of Cupel.
        lost: u32,
        /// The fencing token of this attempt.
        lease: LeaseId,
        /// When the lease expires unless renewed.
        until: Timestamp,
    },
    /// Final, with a verdict of the judge.
    Judged {
        /// Number of attempts at the run.
        attempts: u32,
        /// The judgement.
        verdict: Verdict,
    },
    /// Final: cancelled.
    Cancelled {
        /// Number of attempts before the cancellation.
        attempts: u32,
    },
    /// Final: the maximum number of attempts was lost to a failure of Cupel. Shown as an internal error.
    Abandoned {
        /// Attempts made.
        attempts: u32,
    },
}

/// Events of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEvent {
    /// A worker leases the run.
    Lease {
        /// The new fencing token.
        lease: LeaseId,
        /// When the lease expires.
        until: Timestamp,
    },
    /// The worker renews its lease.
    Renew {
        /// The worker's fencing token.
        lease: LeaseId,
        /// The new end of the lease.
        until: Timestamp,
    },
    /// The worker has a verdict.
    Complete {
        /// The worker's fencing token.
        lease: LeaseId,
        /// The judgement.
        verdict: Verdict,
    },
    /// The worker gives the run back without a verdict, because it drains (`lost_attempt: false`) or failed (`true`).
    GiveBack {
        /// The worker's fencing token.
        lease: LeaseId,
        /// Whether the attempt counts as lost.
        lost_attempt: bool,
    },
    /// The sweeper checks whether the lease has expired.
    Expire {
        /// The current time.
        now: Timestamp,
    },
    /// The owner or an administrator cancels the run, or the owner's account is disabled or deleted.
    Cancel,
}

/// Why an event was refused. The state is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Refused {
    #[error("another attempt holds the lease")]
    StaleLease,
    #[error("the run has already ended")]
    Ended,
    #[error("the run is not waiting")]
    NotQueued,
    #[error("the lease has not expired")]
    NotExpired,
}

impl RunState {
    /// Whether the state accepts no more events.
    pub const fn is_final(&self) -> bool {
        matches!(self, RunState::Judged { .. } | RunState::Cancelled { .. } | RunState::Abandoned { .. })
    }

    /// Attempts made so far.
    pub const fn attempts(&self) -> u32 {
        match self {
            RunState::Queued { attempts, .. }
            | RunState::Leased { attempts, .. }
            | RunState::Judged { attempts, .. }
            | RunState::Cancelled { attempts }
            | RunState::Abandoned { attempts } => *attempts,
        }
    }

    /// The state after `event`. Pure: the caller supplies the time and stores the result. `lost_max` is the number of
    /// lost attempts after which the run is abandoned, at least 1.
    ///
    /// # Errors
    /// [`Refused`] if the event does not fit the state; a stale lease is refused, never ignored.
    pub fn apply(self, event: RunEvent, lost_max: u32) -> Result<RunState, Refused> {
        use RunState::{Abandoned, Cancelled, Judged, Leased, Queued};
        let after_loss = |attempts: u32, lost: u32| {
            let lost = lost.saturating_add(1);
            if lost >= lost_max { Abandoned { attempts } } else { Queued { attempts, lost } }
        };
        match (self, event) {
            (Queued { attempts, lost }, RunEvent::Lease { lease, until }) => {
                Ok(Leased { attempts: attempts.saturating_add(1), lost, lease, until })
            }
            (Queued { attempts, .. } | Leased { attempts, .. }, RunEvent::Cancel) => Ok(Cancelled { attempts }),
            (Leased { attempts, lost, lease: held, .. }, RunEvent::Renew { lease, until }) if held == lease => {
                Ok(Leased { attempts, lost, lease, until })
            }
            (Leased { attempts, lease: held, .. }, RunEvent::Complete { lease, verdict }) if held == lease => {
                Ok(Judged { attempts, verdict })
            }
            (Leased { attempts, lost, lease: held, .. }, RunEvent::GiveBack { lease, lost_attempt })
                if held == lease =>
            {
                Ok(if lost_attempt { after_loss(attempts, lost) } else { Queued { attempts, lost } })
            }
            (Leased { attempts, lost, until, .. }, RunEvent::Expire { now }) => {
                if now >= until {
                    Ok(after_loss(attempts, lost))
                } else {
                    Err(Refused::NotExpired)
                }
            }
            (Leased { .. }, RunEvent::Lease { .. }) => Err(Refused::NotQueued),
            (
                Leased { .. } | Queued { .. },
                RunEvent::Renew { .. } | RunEvent::Complete { .. } | RunEvent::GiveBack { .. },
            ) => Err(Refused::StaleLease),
            (Queued { .. }, RunEvent::Expire { .. }) => Err(Refused::NotExpired),
            (
                Judged { .. } | Cancelled { .. } | Abandoned { .. },
                RunEvent::Lease { .. }
                | RunEvent::Renew { .. }
                | RunEvent::Complete { .. }
                | RunEvent::GiveBack { .. }
                | RunEvent::Expire { .. }
                | RunEvent::Cancel,
            ) => Err(Refused::Ended),
        }
    }

    /// The verdict shown to users: the judge's verdict, or a verdict that represents a run without a judgement. `None`
    /// while the run has not ended.
    pub const fn verdict(&self) -> Option<Verdict> {
        match self {
            RunState::Queued { .. } | RunState::Leased { .. } => None,
            RunState::Judged { verdict, .. } => Some(*verdict),
            RunState::Cancelled { .. } => Some(Verdict::Cancelled),
            RunState::Abandoned { .. } => Some(Verdict::InternalError),
        }
    }
}

/// A submission with its latest run, as the API shows it.
#[derive(Clone, Debug)]
pub struct SubmissionRecord {
    /// The submission as sent.
    pub submission: Submission,
    /// The run.
    pub run: RunId,
    /// State of the run.
    pub state: RunState,
    /// When the first attempt began.
    pub started_at: Option<Timestamp>,
    /// When the run reached a final state.
    pub completed_at: Option<Timestamp>,
    /// The judge's report, if the run was judged.
    pub report: Option<RunReport>,
}

cupel_types::named! {
    /// Purpose of a submission.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum SentFor, as_str, from_name {
        /// A program to run, without a problem.
        Run = "run",
        /// A solution of a problem, judged on all tests; it counts for standings and statistics.
        Submission = "submission",
        /// A solution tried on the samples of a problem.
        Samples = "samples",
        /// A solution of a problem tried on the sender's own input.
        CustomInput = "custom_input",
        /// The verification of a problem's package.
        Verification = "verification",
    }
}

impl SentFor {
    /// The purpose of this work.
    pub fn of(work: &SubmissionKind) -> SentFor {
        match work {
            SubmissionKind::Program(_) => SentFor::Run,
            SubmissionKind::Verify(_) => SentFor::Verification,
            SubmissionKind::Problem(solution) => match solution.cases {
                Cases::All => SentFor::Submission,
                Cases::Samples => SentFor::Samples,
                Cases::Input(_) => SentFor::CustomInput,
            },
        }
    }
}

cupel_types::named! {
    /// Stage of a submission, in the words of the API.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Stage, as_str, from_name {
        /// The submission waits for a worker.
        Queued = "queued",
        /// A worker holds it.
        Running = "running",
        /// The run was judged as accepted.
        Completed = "completed",
        /// The run ended in any other way: neither accepted nor cancelled.
        Failed = "failed",
        /// The run was cancelled.
        Cancelled = "cancelled",
    }
}

/// Filter over a user's submissions.
#[derive(Clone, Debug)]
pub struct HistoryFilter {
    /// The owner.
    pub owner: UserId,
    /// Only submissions to this problem.
    pub problem: Option<Slug>,
    /// Only submissions in this language.
    pub language: Option<LanguageId>,
    /// Only submissions with this verdict.
    pub verdict: Option<Verdict>,
    /// Only submissions in this stage.
    pub stage: Option<Stage>,
    /// Only submissions with this purpose.
    pub sent_for: Option<SentFor>,
    /// Only submissions from this time on.
    pub from: Option<Timestamp>,
    /// Only submissions before this time.
    pub to: Option<Timestamp>,
    /// Only submissions with this id or a later id. The bound is derived from `from`, so that the query can use the
    /// index.
    pub first: Option<SubmissionId>,
    /// Only submissions with an earlier id: the end of the previous page, or a bound derived from `to`.
    pub before: Option<SubmissionId>,
}

impl HistoryFilter {
    /// All submissions of a user.
    pub fn of(owner: UserId) -> HistoryFilter {
        HistoryFilter {
            owner,
            problem: None,
            language: None,
            verdict: None,
            stage: None,
            sent_for: None,
            from: None,
            to: None,
            first: None,
            before: None,
        }
    }
}

/// One row of a list of submissions: without sources, inputs and outputs.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields of SubmissionRecord")]
pub struct SubmissionSummary {
    pub id: SubmissionId,
    pub owner: cupel_types::UserId,
    /// The owner's name.
    pub username: String,
    pub language: Option<cupel_types::LanguageId>,
    pub state: RunState,
    pub submitted_at: Timestamp,
    /// The requested start, if it was later than the submission and no attempt has begun.
    pub run_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    /// CPU time of the longest step, if any step ran.
    pub cpu_time: Option<Duration>,
    /// Peak memory, if any step ran.
    pub memory: Option<cupel_types::Bytes>,
    /// Whether the sender may see the time and the memory exactly, because no hidden case ran.
    pub is_exact: bool,
    /// The problem, if the submission belongs to one.
    pub problem: Option<cupel_types::ProblemId>,
    /// The problem's slug.
    pub slug: Option<cupel_problem::Slug>,
    /// The score, if it was judged and has one.
    pub score: Option<cupel_types::Score>,
    /// The purpose.
    pub sent_for: SentFor,
}

/// A run that a worker has leased.
#[derive(Clone, Debug)]
pub struct LeasedRun {
    /// The run.
    pub run: RunId,
    /// The fencing token that every later call must carry.
    pub lease: LeaseId,
    /// One-based number of this attempt; attempts at earlier runs of the submission count.
    pub attempt: u32,
    /// Number of attempts at this run that were lost to a failure of Cupel.
    pub lost: u32,
    /// When the lease expires unless the worker renews it.
    pub until: Timestamp,
    /// When the first attempt was leased.
    pub started_at: Timestamp,
    /// The languages that the run needs.
    pub needs: crate::Needs,
    /// The CPU limit that verification derived for this version of the problem. A limit set by the package takes
    /// precedence.
    pub time_limit: Option<Duration>,
    /// Start mode of the program whose measured time gave the limit; `None` if the program's language has no warm
    /// start, or if the mode is unknown.
    pub limit_start: Option<cupel_types::Start>,
    /// The submission to run.
    pub submission: Submission,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn lease(n: u8) -> LeaseId {
        LeaseId::from_uuid(Uuid::from_u128(n.into()))
    }

    fn at(second: u16) -> Timestamp {
        Timestamp::from_second(second.into()).expect("a time")
    }

    fn event() -> impl Strategy<Value = RunEvent> {
        prop_oneof![
            (0..4u8, any::<u16>()).prop_map(|(n, until)| RunEvent::Lease { lease: lease(n), until: at(until) }),
            (0..4u8, any::<u16>()).prop_map(|(n, until)| RunEvent::Renew { lease: lease(n), until: at(until) }),
            (0..4u8, 0..Verdict::ALL.len())
                .prop_map(|(n, v)| RunEvent::Complete { lease: lease(n), verdict: Verdict::ALL[v] }),
            (0..4u8, any::<bool>()).prop_map(|(n, lost)| RunEvent::GiveBack { lease: lease(n), lost_attempt: lost }),
            any::<u16>().prop_map(|now| RunEvent::Expire { now: at(now) }),
            Just(RunEvent::Cancel),
        ]
    }

    fn named_lease(event: &RunEvent) -> Option<LeaseId> {
        match event {
            RunEvent::Renew { lease, .. } | RunEvent::Complete { lease, .. } | RunEvent::GiveBack { lease, .. } => {
                Some(*lease)
            }
            RunEvent::Lease { .. } | RunEvent::Expire { .. } | RunEvent::Cancel => None,
        }
    }

    proptest! {
        #[test]
        fn a_run_ends_once_has_at_most_one_holder_and_counts_its_attempts(events in prop::collection::vec(event(), 0..60), lost_max in 1..4u32) {
            let mut state = RunState::Queued { attempts: 0, lost: 0 };
            let mut leased = 0u32;
            for event in events {
                let before = state.clone();
                let after = before.clone().apply(event.clone(), lost_max);
                if before.is_final() {
                    prop_assert_eq!(after, Err(Refused::Ended), "an ended run accepts no event");
                    continue;
                }
                let held = match &before { RunState::Leased { lease, .. } => Some(*lease), _ => None };
                if let Some(named) = named_lease(&event) {
                    prop_assert_eq!(after.is_ok(), held == Some(named), "only the lease holder may change the run");
                }
                let Ok(after) = after else { continue };
                match &event {
                    RunEvent::Lease { .. } => {
                        prop_assert_eq!(held, None, "at most one holder");
                        leased += 1;
                    }
                    RunEvent::Expire { now } => {
                        let was_over = matches!(&before, RunState::Leased { until, .. } if now >= until);
                        prop_assert!(was_over, "only an expired lease expires");
                    }
                    RunEvent::Cancel => {
                        let cancelled = matches!(after, RunState::Cancelled { .. });
                        prop_assert!(cancelled);
                    }
                    RunEvent::Renew { .. } | RunEvent::Complete { .. } | RunEvent::GiveBack { .. } => {}
                }
                prop_assert_eq!(after.attempts(), leased, "the number of attempts is the number of leases");
                if let RunState::Queued { lost, .. } | RunState::Leased { lost, .. } = &after {
                    prop_assert!(*lost < lost_max, "a run with the maximum of lost attempts has ended");
                }
                prop_assert_eq!(after.verdict().is_some(), after.is_final());
                state = after;
            }
        }

        #[test]
        fn a_run_that_loses_every_attempt_is_abandoned(lost_max in 1..10u32, by_expiry in prop::collection::vec(any::<bool>(), 10)) {
            let mut state = RunState::Queued { attempts: 0, lost: 0 };
            for n in 0..lost_max {
                state = state.apply(RunEvent::Lease { lease: lease(1), until: at(5) }, lost_max).expect("it is queued");
                let lost = if by_expiry[n as usize] {
                    RunEvent::Expire { now: at(5) }
                } else {
                    RunEvent::GiveBack { lease: lease(1), lost_attempt: true }
                };
                state = state.apply(lost, lost_max).expect("it is leased");
            }
            prop_assert_eq!(state, RunState::Abandoned { attempts: lost_max });
        }

        #[test]
        fn an_attempt_that_a_draining_worker_gives_back_is_not_lost(times in 1..50u32) {
            let mut state = RunState::Queued { attempts: 0, lost: 0 };
            for _ in 0..times {
                state = state.apply(RunEvent::Lease { lease: lease(1), until: at(5) }, 1).expect("it is queued");
                state = state.apply(RunEvent::GiveBack { lease: lease(1), lost_attempt: false }, 1).expect("it is leased");
            }
            prop_assert_eq!(state, RunState::Queued { attempts: times, lost: 0 });
        }
    }
}
