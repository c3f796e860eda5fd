//! What every `Store` does. Call [`store_conformance!`](crate::store_conformance) with a function that makes a
//! subject: a store without users and submissions.

mod accounts;
mod cluster;
mod contests;
mod dead;
mod membership;
pub mod nodes;
mod problems;
mod requests;
mod runs;
mod webhooks;

pub use accounts::*;
pub use cluster::*;
pub use contests::*;
pub use dead::*;
pub use membership::*;
pub use problems::*;
pub use requests::*;
pub use runs::*;
pub use webhooks::*;

use cupel_core::Store;
use cupel_core::accounts::{AccessChange, AccountChange, Role, Tier};
use cupel_core::run::LeasedRun;
use cupel_types::{LeaseId, RunId, UserId, WorkerId};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::builders::{SubmissionBuilder, a_user, fresh, t0};

/// Makes a test of each rule in [`store`](crate::store).
#[macro_export]
macro_rules! store_conformance {
    ($make:expr) => {
        $crate::rules!(
            $crate::store,
            $make,
            [
                what_was_submitted_reads_back_whole,
                many_insertions_at_once_are_all_there,
                a_batch_is_inserted_whole_or_not_at_all_and_spoils_no_other,
                one_of_a_hundred_takers_gets_the_lease,
                a_run_is_not_leased_before_it_is_due,
                a_run_is_leased_to_who_has_what_it_needs,
                what_waits_is_counted_by_what_it_needs,
                a_result_with_its_log_reads_back_whole,
                a_stale_lease_changes_nothing,
                a_run_is_judged_once,
                renewing_keeps_a_lease_and_tells_which_are_lost,
                a_silent_worker_loses_its_lease_and_in_the_end_the_run_is_abandoned,
                giving_back_costs_an_attempt_only_when_it_was_lost,
                cancelling_ends_a_run_once_wherever_it_stands,
                due_runs_come_in_order_and_page_by_page,
                the_log_before_the_end_is_queued_and_after_it_everything,
                a_repeated_request_gets_the_first_ones_submissions,
                of_many_equal_requests_at_once_one_inserts,
                lists_are_newest_first_and_an_owners_own,
                a_history_is_filtered_by_everything_that_it_says_and_goes_on_from_a_place,
                counts_tell_what_waits_and_what_runs,
                names_and_addresses_belong_to_one_user_whatever_their_case,
                access_and_secret_of_a_user,
                a_one_time_link_is_good_once_until_it_ends_and_only_the_latest,
                a_changed_password_ends_all_sessions_but_one,
                a_login_does_not_outlive_the_password_that_was_verified,
                a_disabled_user_has_no_sessions_and_the_last_administrator_stays,
                a_deleted_user_leaves_nothing_personal_and_keeps_what_was_submitted,
                a_join_code_enrols_as_many_as_it_is_for,
                a_ticket_opens_one_submission_once,
                users_are_listed_in_the_order_they_came_page_by_page,
                keys_are_listed_revoked_and_touched_by_their_owner,
                a_refresh_token_is_good_once_and_a_stolen_one_ends_the_session,
                ended_and_expired_sessions_are_not_alive,
                every_end_posts_one_webhook,
                deliveries_are_listed_and_sent_again_for_their_owner_alone,
                workers_that_say_so_are_listed_with_what_they_said_last,
                what_workers_have_is_told_of_those_that_are_there_and_stay,
                what_a_worker_is_told_it_hears_at_its_next_word,
                all_workers_are_told_at_once,
                a_shared_secret_is_the_first_proposed,
                what_was_given_up_is_a_dead_letter_with_every_failed_attempt,
                a_dead_letter_that_is_tried_again_has_all_attempts_and_one_result,
                of_many_who_try_a_dead_letter_again_one_does,
                a_dead_letter_that_is_put_away_leaves_the_submission,
                a_rejudge_ends_a_dead_letter,
                failed_attempts_of_what_ended_well_are_forgotten,
                a_taken_delivery_is_hidden_until_its_time,
                deliveries_of_some_owners_stay_while_others_are_taken,
                a_failed_delivery_comes_again_until_it_is_given_up,
                a_receiver_that_is_gone_hears_of_nothing_more,
                what_is_over_is_forgotten,
                keys_that_ended_long_ago_are_forgotten_a_few_at_a_time,
                a_problem_reads_back_and_its_slug_is_its_own,
                another_package_is_a_new_version_and_the_same_one_is_not,
                an_archive_that_was_loaded_is_remembered_with_its_version,
                what_an_author_has_stored_counts_each_package_once,
                problems_are_listed_for_whom_they_exist_and_page_by_page,
                a_verdict_changes_standing_figures_and_progress_with_it,
                a_rejudge_is_a_new_run_and_the_newest_verdict_stands,
                leaderboards_have_the_better_before_the_faster_before_the_earlier,
                a_check_of_a_package_says_whether_its_version_is_verified,
                a_derived_time_limit_belongs_to_its_version_and_stays_while_that_holds,
                a_staged_version_changes_nothing_until_it_is_made_current,
                an_exception_is_kept_with_who_made_it_and_why,
                a_grading_and_a_solution_read_back_whole,
                a_contest_reads_back_changes_and_goes,
                a_contest_keeps_its_join_code_until_it_gets_another,
                contests_are_listed_for_whom_they_exist_and_by_phase,
                one_takes_part_once_and_an_official_start_moves_with_the_contest,
                an_attempt_is_what_a_participant_sent_for_a_problem_within_their_time,
                a_freeze_withholds_what_participants_send_in_it_until_it_is_lifted,
                a_freeze_hides_submissions_from_other_contests_and_from_authors_who_take_part,
                progress_in_a_contest_leaves_out_what_the_freeze_of_another_hides,
                a_question_is_its_askers_until_the_answer_is_for_everybody,
            ]
        );
    };
}

/// `t0` and so many seconds.
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

/// Leases for 30 s from `t0` and so many seconds.
async fn try_lease(store: &impl Store, run: RunId, seconds: i64) -> Option<LeasedRun> {
    let now = at(seconds);
    store.lease(run, lease_id(), worker(), now, now + Duration::from_secs(30), None).await.unwrap()
}

async fn lease(store: &impl Store, run: RunId, seconds: i64) -> LeasedRun {
    try_lease(store, run, seconds).await.expect("a lease")
}
