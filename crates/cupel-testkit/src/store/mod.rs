//! The rules that every `Store` must follow. Call [`store_conformance!`](crate::store_conformance) with a function that
//! returns a subject: a store without users and submissions.

mod accounts;
mod cluster;
mod contests;
mod dead_letters;
mod drafts;
mod guests;
mod membership;
pub mod nodes;
mod problems;
mod requests;
mod runs;
mod snippets;
mod webhooks;

pub use accounts::*;
pub use cluster::*;
pub use contests::*;
pub use dead_letters::*;
pub use drafts::*;
pub use guests::*;
pub use membership::*;
pub use problems::*;
pub use requests::*;
pub use runs::*;
pub use snippets::*;
pub use webhooks::*;

use cupel_core::Store;
use cupel_core::accounts::{AccessChange, AccountChange, Role, Tier};
use cupel_core::run::LeasedRun;
use cupel_types::{LeaseId, RunId, UserId, WorkerId};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::builders::{SubmissionBuilder, a_user, fresh, t0};

/// Turns each rule in [`store`](crate::store) into a test.
#[macro_export]
macro_rules! store_conformance {
    ($make:expr) => {
        $crate::rules!(
            $crate::store,
            $make,
            [
                a_submission_is_read_back_complete,
                concurrent_insertions_are_all_stored,
                a_batch_is_atomic_and_does_not_affect_others,
                one_of_a_hundred_takers_gets_the_lease,
                a_run_is_not_leased_before_it_is_due,
                a_run_is_leased_only_to_a_worker_with_all_needed_languages,
                waiting_runs_are_counted_by_their_needs,
                a_result_and_its_log_are_read_back_complete,
                a_stale_lease_changes_nothing,
                a_run_is_judged_once,
                renewing_extends_leases_and_returns_the_lost_ones,
                a_silent_worker_loses_its_lease_and_finally_the_run_is_abandoned,
                giving_back_costs_an_attempt_only_if_it_is_lost,
                only_the_first_cancellation_ends_a_run_that_has_not_ended,
                a_cancellation_of_an_earlier_run_does_not_cancel_a_rejudge,
                due_runs_are_listed_in_order_and_paginated,
                the_log_has_only_its_first_event_until_the_run_ends,
                a_repeated_request_returns_the_submissions_of_the_first,
                one_of_many_concurrent_equal_requests_inserts,
                lists_are_newest_first_and_limited_to_the_owner,
                a_history_can_be_filtered_by_every_field_and_resumed,
                counts_include_waiting_and_running_runs,
                names_and_addresses_are_unique_ignoring_case,
                access_and_password_of_a_user_can_be_changed,
                only_the_latest_one_time_link_is_valid_once_before_it_expires,
                a_changed_password_ends_all_sessions_but_one,
                a_password_is_changed_only_if_the_verified_one_is_current,
                no_session_starts_if_the_verified_password_has_changed,
                a_disabled_user_has_no_sessions_and_the_last_administrator_stays,
                deleting_a_user_removes_personal_data_and_keeps_submissions,
                the_submissions_of_a_disabled_or_deleted_user_are_to_be_cancelled,
                a_disabled_or_deleted_user_submits_nothing,
                a_guest_is_no_user_among_others,
                a_guest_that_has_ended_is_deleted_with_all_its_submissions,
                what_other_users_see_of_a_guest_is_kept,
                a_join_code_enrols_up_to_its_limit,
                a_ticket_opens_one_submission_once,
                users_are_listed_in_creation_order_and_paginated,
                keys_are_listed_and_revoked_only_for_their_owner,
                concurrent_insertions_of_keys_do_not_exceed_the_maximum,
                the_oldest_revoked_and_expired_keys_beyond_the_maximum_are_deleted,
                a_bounded_list_of_keys_has_all_valid_keys,
                only_a_valid_credential_of_an_enabled_owner_creates_a_key,
                a_refresh_token_is_valid_once_and_its_reuse_ends_the_session,
                ended_and_expired_sessions_are_not_alive,
                a_credential_is_valid_for_its_user_until_it_ends,
                a_snippet_is_read_back_complete_and_counted_per_user,
                a_link_works_until_the_last_copy_of_the_snippet_is_removed,
                a_user_lists_and_removes_only_their_own_snippets,
                a_draft_is_saved_continued_and_read_back,
                a_save_that_expects_another_revision_changes_nothing,
                one_of_many_concurrent_saves_of_a_revision_succeeds,
                the_oldest_drafts_and_revisions_beyond_the_bounds_are_removed,
                a_draft_is_removed_with_its_user_with_its_problem_and_after_its_retention,
                every_run_that_ends_queues_one_webhook,
                nothing_is_delivered_for_a_deleted_user,
                a_user_lists_and_resends_only_own_deliveries,
                workers_are_listed_with_their_last_heartbeat,
                offers_include_live_workers_that_do_not_drain,
                a_worker_gets_an_order_with_its_next_heartbeat,
                one_order_reaches_all_workers,
                one_worker_cannot_resume_while_all_workers_are_paused,
                the_open_alerts_are_kept_for_the_next_sweeper,
                the_first_proposed_shared_secret_wins,
                an_abandoned_run_is_a_dead_letter_with_every_failed_attempt,
                a_retried_dead_letter_gets_all_attempts_and_one_result,
                one_of_many_concurrent_retries_of_a_dead_letter_succeeds,
                purging_a_dead_letter_keeps_the_submission,
                a_rejudge_ends_a_dead_letter,
                failed_attempts_of_judged_runs_are_deleted,
                a_taken_delivery_is_hidden_until_it_is_due_again,
                the_oldest_due_deliveries_of_the_listed_owners_are_taken,
                a_failed_delivery_is_retried_until_it_is_given_up,
                a_postponed_delivery_counts_no_attempt,
                a_requested_redelivery_outlives_the_attempt_in_progress,
                a_receiver_that_is_gone_gets_no_more_deliveries_of_the_owner,
                expired_records_are_deleted,
                keys_that_ended_long_ago_are_deleted_in_batches,
                a_problem_is_read_back_and_its_slug_is_unique,
                readers_and_authors_of_a_problem_are_replaced_independently,
                another_package_is_a_new_version_but_the_same_one_is_not,
                the_last_loaded_archive_of_a_shipped_problem_is_recorded,
                stored_bytes_of_an_author_count_each_package_once,
                problems_are_listed_only_if_visible_and_paginated,
                a_verdict_updates_standing_statistics_and_progress,
                progress_follows_the_visibility_and_the_difficulty_of_a_problem,
                a_rejudge_is_a_new_run_and_the_newest_verdict_counts,
                leaderboards_rank_by_score_then_time_then_date,
                leaderboards_omit_a_user_who_does_not_want_to_be_in_them,
                the_best_figures_of_each_user_come_from_the_latest_submissions,
                a_verification_decides_whether_its_version_is_verified,
                a_derived_time_limit_belongs_to_its_version_and_stays_once_the_version_is_verified,
                a_published_version_keeps_its_time_limit_if_a_later_verification_fails,
                a_late_verification_changes_neither_the_limit_nor_the_state_of_a_verified_version,
                a_staged_version_changes_nothing_until_it_is_made_current,
                an_exception_is_stored_with_its_author_and_reason,
                a_grading_and_a_solution_are_read_back_complete,
                a_contest_can_be_read_changed_and_deleted,
                a_contest_keeps_its_join_code_until_it_gets_another,
                contests_are_listed_only_if_visible_and_by_phase,
                contests_are_found_by_the_words_of_their_titles_and_slugs,
                a_problem_is_in_use_from_the_start_to_the_end_of_its_contest,
                an_owner_has_a_maximum_number_of_contests_that_have_not_ended,
                a_user_participates_once_and_an_official_start_moves_with_the_contest,
                a_contest_runs_with_a_problem_if_it_ran_when_the_submission_was_sent_and_runs_now,
                a_problem_with_a_lower_is_better_score_counts_in_contests_like_one_without_scores,
                an_attempt_is_a_submission_within_the_time_of_a_participant,
                an_abandoned_attempt_is_pending_only_while_it_is_retried,
                a_freeze_hides_submissions_of_participants_until_it_is_lifted,
                a_freeze_also_hides_submissions_in_other_contests_and_from_participating_authors,
                progress_leaves_out_submissions_that_another_contests_freeze_hides,
                a_contest_lists_the_submissions_of_its_participants_within_their_times,
                a_question_is_private_until_its_answer_is_public,
                questions_and_announcements_stay_with_their_problems_when_these_are_reordered,
            ]
        );
    };
}

/// Returns `t0` plus this many seconds.
fn at(seconds: i64) -> Timestamp {
    t0() + SignedDuration::from_secs(seconds)
}

async fn user(store: &impl Store) -> UserId {
    store.insert_user(a_user()).await.unwrap().unwrap().id
}

async fn set_access(store: &impl Store, id: UserId, role: Role, tier: Tier) -> AccountChange {
    let change = AccessChange { role: Some(role), tier: Some(tier), disabled: None };
    store.change_access(id, change, t0()).await.unwrap()
}

async fn set_disabled(store: &impl Store, id: UserId, disabled: bool, second: i64) -> AccountChange {
    let change = AccessChange { disabled: Some(disabled), ..AccessChange::default() };
    store.change_access(id, change, at(second)).await.unwrap()
}

async fn insert(store: &impl Store, submission: SubmissionBuilder) -> (cupel_types::Submission, RunId) {
    let new = submission.alone();
    let inserted = new.submissions[0].clone();
    assert_eq!(store.insert(new).await.unwrap(), cupel_core::Inserted::New);
    inserted
}

fn lease_id() -> LeaseId {
    LeaseId::from_uuid(fresh())
}

fn worker() -> WorkerId {
    WorkerId::from_uuid(fresh())
}

/// Leases a run for 30 s, starting this many seconds after `t0`.
async fn try_lease(store: &impl Store, run: RunId, seconds: i64) -> Option<LeasedRun> {
    let now = at(seconds);
    store.lease(run, lease_id(), worker(), now, now + Duration::from_secs(30), None).await.unwrap()
}

async fn lease(store: &impl Store, run: RunId, seconds: i64) -> LeasedRun {
    try_lease(store, run, seconds).await.expect("a lease")
}
