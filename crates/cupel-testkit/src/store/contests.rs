//! Rules about contests, their participants, and the submissions that count as attempts.

#![expect(missing_docs, reason = "the name of each function states its rule")]

use std::time::Duration;

use cupel_core::contests::{
    AttemptFilter, Contest, ContestChange, ContestFilter, DeletedContest, FreezeWindow, JoinCode, NewClarification,
    NewContest, Participation, Phase, RefusedContest, Style,
};
use cupel_core::dead_letters::retry_in;
use cupel_core::problems::{ProblemFilter, RejudgeOne, SolveState, SubmissionFilter};
use cupel_core::{GivenBack, Needs, Store};
use cupel_problem::Visibility;
use cupel_types::{Cases, ClarificationId, ContestId, ProblemId, RunId, Score, SubmissionId, UserId, Verdict};

use super::problems::{AC, JudgeResult, WA, judge_at, problem};
use super::{at, insert, lease, user};
use crate::Subject;
use crate::builders::{a_submission, fresh};

/// Returns a contest of one hour from `at(1000)`, frozen in its last ten minutes.
pub(super) fn new_contest(slug: &str, owner: UserId, problems: Vec<ProblemId>) -> NewContest {
    NewContest {
        id: ContestId::from_uuid(fresh()),
        slug: slug.parse().expect("a slug"),
        title: "Autumn".into(),
        description: "*Bring* a coat.".into(),
        owner,
        style: Style::Icpc { penalty: Duration::from_mins(20) },
        starts_at: at(1000),
        length: Duration::from_hours(1),
        freeze: Some(Duration::from_mins(10)),
        is_public: true,
        join_code: JoinCode::random(),
        problems,
    }
}

async fn contest(store: &impl Store, new: NewContest) -> Contest {
    let slug = new.slug.clone();
    store.insert_contest(new, u64::MAX, at(0)).await.unwrap().unwrap();
    store.contest(&slug).await.unwrap().expect("a contest")
}

/// Sends a submission to a problem at this second. If `judged_as` is a result, the submission is judged with that
/// result.
pub(super) async fn send_at(
    store: &impl Store,
    problem: ProblemId,
    by: UserId,
    second: i64,
    judged_as: Option<JudgeResult>,
) -> SubmissionId {
    let key = cupel_core::problems::ProblemKey::Id(problem);
    let (record, _) = store.problem(key, None).await.unwrap().expect("a problem");
    let solution = a_submission().by(by).submitted_at(at(second)).solving(record.current(), Cases::All);
    let (submission, run): (_, RunId) = insert(store, solution).await;
    if let Some(judged_as) = judged_as {
        judge_at(store, run, judged_as, second).await;
    }
    submission.id
}

pub async fn a_contest_can_be_read_changed_and_deleted<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let (one, two) = (problem(&*store, 1, |_| {}).await, problem(&*store, 2, |_| {}).await);
    let made = contest(&*store, new_contest("autumn", owner, vec![two.id, one.id])).await;
    assert_eq!((made.title.as_str(), made.owner, made.length), ("Autumn", owner, Duration::from_hours(1)));
    assert_eq!(made.style, Style::Icpc { penalty: Duration::from_mins(20) });
    let problems: Vec<_> = made.problems.iter().map(|one| (one.problem, one.slug.as_str())).collect();
    assert_eq!(problems, [(two.id, "p2"), (one.id, "p1")], "problems keep the given order");
    let taken = store.insert_contest(new_contest("autumn", owner, vec![one.id]), u64::MAX, at(0)).await.unwrap();
    assert_eq!(taken, Err(RefusedContest::SlugTaken));

    let change = ContestChange {
        title: Some("Winter".into()),
        style: Some(Style::Ioi),
        starts_at: Some(at(2000)),
        freeze: Some(None),
        problems: Some(vec![one.id]),
        ..ContestChange::default()
    };
    assert!(store.change_contest(made.id, change).await.unwrap());
    let now = store.contest(&made.slug).await.unwrap().expect("a contest");
    assert_eq!((now.title.as_str(), now.style, now.freeze), ("Winter", Style::Ioi, None));
    assert_eq!((now.starts_at, now.length, now.problems.len()), (at(2000), made.length, 1), "other fields stay");
    assert!(!store.change_contest(ContestId::from_uuid(fresh()), ContestChange::default()).await.unwrap());

    assert!(store.take_part(made.id, user(&*store).await, None).await.unwrap());
    assert_eq!(store.delete_contest(made.id, at(2000)).await.unwrap(), DeletedContest::InUse);
    assert_eq!(
        store.delete_contest(made.id, at(1999)).await.unwrap(),
        DeletedContest::Gone,
        "a contest that has not begun can be deleted"
    );
    let empty = contest(&*store, new_contest("empty", owner, vec![one.id])).await;
    assert_eq!(store.delete_contest(empty.id, at(5000)).await.unwrap(), DeletedContest::Gone);
    assert_eq!(store.delete_contest(empty.id, at(5000)).await.unwrap(), DeletedContest::Missing);
    assert_eq!(store.contest(&empty.slug).await.unwrap(), None);
}

pub async fn a_contest_keeps_its_join_code_until_it_gets_another<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let one = problem(&*store, 1, |_| {}).await;
    let new = new_contest("c", owner, vec![one.id]);
    let (first, second) = (new.join_code.clone(), JoinCode::random());
    let made = contest(&*store, new).await;
    let other = contest(&*store, new_contest("other", owner, vec![one.id])).await;
    let kept = async |of: &Contest| store.contest(&of.slug).await.unwrap().expect("a contest").join_code;
    assert_eq!(made.join_code, first);
    store.change_contest(made.id, ContestChange { title: Some("C".into()), ..ContestChange::default() }).await.unwrap();
    assert_eq!(kept(&made).await, first);
    let change = ContestChange { join_code: Some(second.clone()), ..ContestChange::default() };
    store.change_contest(made.id, change).await.unwrap();
    assert_eq!(kept(&made).await, second);
    assert_eq!(kept(&other).await, other.join_code, "the code of another contest stays");
}

pub async fn contests_are_listed_only_if_visible_and_by_phase<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (owner, guest) = (user(&*store).await, user(&*store).await);
    let one = problem(&*store, 1, |_| {}).await;
    contest(&*store, new_contest("open", owner, vec![one.id])).await;
    let hidden = NewContest { is_public: false, starts_at: at(0), ..new_contest("hidden", owner, vec![one.id]) };
    let hidden = contest(&*store, hidden).await;
    let listed = async |asker, sees_all, phase, now| {
        let filter = ContestFilter { asker, is_author: true, sees_all, phase, text: None, now: at(now) };
        let (contests, total) = store.contests(filter, 0, 10).await.unwrap();
        assert_eq!(contests.len() as u64, total);
        contests.iter().map(|one| one.slug.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(listed(None, false, None, 0).await, ["open"]);
    assert_eq!(listed(Some(guest), false, None, 0).await, ["open"]);
    assert_eq!(listed(Some(owner), false, None, 0).await, ["open", "hidden"], "the latest start comes first");
    let no_author =
        ContestFilter { asker: Some(owner), is_author: false, sees_all: false, phase: None, text: None, now: at(0) };
    assert_eq!(store.contests(no_author, 0, 10).await.unwrap().1, 1, "only the public one");
    assert_eq!(listed(None, true, None, 0).await, ["open", "hidden"]);
    assert!(store.take_part(hidden.id, guest, None).await.unwrap());
    assert_eq!(listed(Some(guest), false, None, 0).await, ["open", "hidden"]);
    assert_eq!(listed(None, true, Some(Phase::Upcoming), 999).await, ["open"]);
    assert_eq!(listed(None, true, Some(Phase::Running), 1000).await, ["open", "hidden"]);
    assert_eq!(listed(None, true, Some(Phase::Over), 3600).await, ["hidden"]);
}

pub async fn contests_are_found_by_the_words_of_their_titles_and_slugs<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let owner = user(&*store).await;
    let one = problem(&*store, 1, |_| {}).await;
    for (slug, title, second) in [("spring", "Übung Cup", 1), ("summer", "Summer Cup", 2), ("summer-2", "Cup again", 3)]
    {
        let new = NewContest { title: title.into(), starts_at: at(second), ..new_contest(slug, owner, vec![one.id]) };
        contest(&*store, new).await;
    }
    let hidden = NewContest { is_public: false, ..new_contest("summer-hidden", owner, vec![one.id]) };
    contest(&*store, hidden).await;
    let found = async |text: &str, phase, offset, limit| {
        let text = Some(text.into());
        let filter = ContestFilter { asker: None, is_author: false, sees_all: false, phase, text, now: at(0) };
        let (contests, total) = store.contests(filter, offset, limit).await.unwrap();
        assert!(contests.iter().all(|one| one.problems.len() == 1));
        (contests.iter().map(|one| one.slug.to_string()).collect::<Vec<_>>().join(" "), total)
    };
    assert_eq!(found("cup", None, 0, 10).await, ("summer-2 summer spring".into(), 3));
    assert_eq!(found("cup", None, 1, 1).await, ("summer".into(), 3));
    assert_eq!(found(" CUP  ÜBUNG ", None, 0, 10).await, ("spring".into(), 1));
    assert_eq!(found("summer", None, 0, 10).await, ("summer-2 summer".into(), 2), "also by the slug");
    assert_eq!(found("summer", Some(Phase::Over), 0, 10).await, (String::new(), 0));
    assert_eq!(found("%", None, 0, 10).await, (String::new(), 0));
}

pub async fn an_owner_has_a_maximum_number_of_contests_that_have_not_ended<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let (owner, other) = (user(&*store).await, user(&*store).await);
    let ends = new_contest("c", owner, vec![]).length.as_secs() as i64 + 1000;
    let insert = async |slug, owner, open_max, second| {
        store.insert_contest(new_contest(slug, owner, vec![]), open_max, at(second)).await.unwrap()
    };
    assert_eq!(insert("one", owner, 1, 0).await, Ok(()));
    assert_eq!(insert("two", owner, 1, ends - 1).await, Err(RefusedContest::TooMany));
    assert_eq!(insert("two", other, 1, 0).await, Ok(()));
    assert_eq!(insert("three", owner, 1, ends).await, Ok(()), "an ended contest does not count");
}

pub async fn a_problem_is_in_use_from_the_start_to_the_end_of_its_contest<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let owner = user(&*store).await;
    let stranger = user(&*store).await;
    let one = problem(&*store, 1, |new| new.owner = Some(owner)).await;
    let other = problem(&*store, 2, |new| new.owner = Some(owner)).await;
    contest(&*store, new_contest("c", owner, vec![one.id])).await;
    // The contest of a user who may not change the problem does not count.
    contest(&*store, new_contest("strangers", stranger, vec![one.id, other.id])).await;
    let ends = new_contest("c", owner, vec![]).length.as_secs() as i64 + 1000;
    let used = async |id, second, soon| {
        store.current_contest_with(id, at(second), at(soon)).await.unwrap().map(|slug| slug.to_string())
    };
    for (second, expected) in [(999, None), (1000, Some("c")), (ends - 1, Some("c")), (ends, None)] {
        assert_eq!(used(one.id, second, second).await.as_deref(), expected, "{second}");
    }
    assert_eq!(
        used(one.id, 900, 1000).await.as_deref(),
        Some("c"),
        "a problem of a contest that begins soon is in use"
    );
    assert_eq!(used(one.id, 900, 999).await, None);
    assert_eq!(used(other.id, 1000, 1000).await, None);
}

pub async fn a_user_participates_once_and_an_official_start_moves_with_the_contest<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let (owner, first, second) = (user(&*store).await, user(&*store).await, user(&*store).await);
    let one = problem(&*store, 1, |new| (new.visibility, new.owner) = (Visibility::Private, Some(owner))).await;
    let made = contest(&*store, new_contest("c", owner, vec![one.id])).await;
    assert!(store.take_part(made.id, first, None).await.unwrap());
    assert!(!store.take_part(made.id, first, Some(at(1))).await.unwrap());
    assert!(store.take_part(made.id, second, Some(at(9000))).await.unwrap());
    let opens = |who, second| store.is_opened_by_contest(one.id, who, at(second));
    assert_eq!((opens(first, 999).await.unwrap(), opens(first, 1000).await.unwrap()), (false, true));
    assert_eq!((opens(second, 8999).await.unwrap(), opens(second, 9000).await.unwrap()), (false, true));
    assert!(!opens(owner, 9000).await.unwrap(), "a user who does not take part");
    let other = problem(&*store, 2, |_| ()).await;
    let length = made.length.as_secs() as i64;
    for (who, of, second, expected) in [
        (first, one.id, 999, false),
        (first, one.id, 1000, true),
        (first, one.id, 1000 + length - 1, true),
        (first, one.id, 1000 + length, false),
        (second, one.id, 1000, false),
        (second, one.id, 9000 + length - 1, true),
        (second, one.id, 9000 + length, false),
        (owner, one.id, 1000, false),
        (first, other.id, 1000, false),
    ] {
        let found = store.is_taking_part_with(of, who, at(second)).await.unwrap();
        assert_eq!(found, expected, "{second}");
    }

    let change = ContestChange { starts_at: Some(at(1500)), ..ContestChange::default() };
    store.change_contest(made.id, change).await.unwrap();
    let all = store.participants(made.id).await.unwrap();
    let all: Vec<_> = all.iter().map(|one| (one.user, one.participation, one.starts_at)).collect();
    assert_eq!(all, [(first, Participation::Official, at(1500)), (second, Participation::Virtual, at(9000))]);
    assert!(store.withdraw(made.id, first).await.unwrap());
    assert!(!store.withdraw(made.id, first).await.unwrap());
    assert_eq!(store.participant(made.id, first).await.unwrap(), None);
}

pub async fn a_contest_runs_with_a_problem_if_it_ran_when_the_submission_was_sent_and_runs_now<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let owner = user(&*store).await;
    let (one, other) = (problem(&*store, 1, |_| {}).await, problem(&*store, 2, |_| {}).await);
    let made = contest(&*store, new_contest("c", owner, vec![one.id])).await;
    let end = 1000 + made.length.as_secs() as i64;
    for (of, sent_at, now, expected) in [
        (one.id, 1000, 1000, true),
        (one.id, 1000, end - 1, true),
        (one.id, 999, 1000, false),
        (one.id, end - 1, end, false),
        (other.id, 1000, 1000, false),
    ] {
        let found = store.is_in_running_contest(of, at(sent_at), at(now)).await.unwrap();
        assert_eq!(found, expected, "{sent_at} {now}");
    }
}

pub async fn a_problem_with_a_lower_is_better_score_counts_in_contests_like_one_without_scores<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let (owner, one) = (user(&*store).await, user(&*store).await);
    let golf = problem(&*store, 1, |new| new.version.lower_is_better = true).await;
    let made = contest(&*store, new_contest("c", owner, vec![golf.id])).await;
    store.take_part(made.id, one, None).await.unwrap();
    send_at(&*store, golf.id, one, 1100, Some((Verdict::WrongAnswer, Some(9), 20))).await;
    send_at(&*store, golf.id, one, 1200, Some((Verdict::Accepted, Some(4), 20))).await;
    let attempts = store.attempts(made.id).await.unwrap();
    let scores: Vec<_> = attempts.iter().map(|one| one.result.map(|result| result.score)).collect();
    assert_eq!(scores, [Some(Score::ZERO), Score::points(100)]);
}

pub async fn an_attempt_is_a_submission_within_the_time_of_a_participant<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (owner, official, late, stranger) =
        (user(&*store).await, user(&*store).await, user(&*store).await, user(&*store).await);
    let (one, two, other) =
        (problem(&*store, 1, |_| {}).await, problem(&*store, 2, |_| {}).await, problem(&*store, 3, |_| {}).await);
    let made = contest(&*store, new_contest("c", owner, vec![one.id, two.id])).await;
    store.take_part(made.id, official, None).await.unwrap();
    store.take_part(made.id, late, Some(at(90_000))).await.unwrap();
    let points = (Verdict::PartialScore, Some(4), 20);
    for (by, problem, second, judged_as) in [
        (official, &one, 999, Some(AC)),
        (official, &one, 1000, Some(WA)),
        (official, &two, 1060, Some(points)),
        (official, &other, 1070, Some(AC)),
        (official, &two, 4599, None),
        (official, &two, 4600, Some(AC)),
        (late, &one, 1500, Some(AC)),
        (late, &one, 90_030, Some(AC)),
        (stranger, &one, 1100, Some(AC)),
        (official, &one, 1200, Some((Verdict::CompileError, None, 0))),
    ] {
        send_at(&*store, problem.id, by, second, judged_as).await;
    }
    let cancelled = send_at(&*store, one.id, official, 1300, None).await;
    store.cancel(cancelled, None, at(1301)).await.unwrap().expect("the submission exists");
    let judged = send_at(&*store, one.id, official, 1400, Some(WA)).await;
    store.cancel(judged, None, at(1401)).await.unwrap().expect("the submission exists");
    let mut returned: Vec<_> = store.attempts(made.id).await.unwrap();
    returned.sort_by_key(|one| (one.user != official, one.at));
    let returned: Vec<_> = returned
        .iter()
        .map(|one| {
            let result = one.result.map(|result| (result.is_try, result.solves, result.score));
            (one.user == official, one.problem, one.at.as_secs(), result)
        })
        .collect();
    let score = |points| Score::points(points).expect("a score");
    assert_eq!(
        returned,
        [
            (true, 0, 0, Some((true, false, score(0)))),
            (true, 1, 60, Some((true, false, score(4)))),
            (true, 0, 200, Some((false, false, score(0)))),
            (true, 0, 300, Some((false, false, score(0)))),
            (true, 0, 400, Some((true, false, score(0)))),
            (true, 1, 3599, None),
            (false, 0, 30, Some((true, true, score(100)))),
        ]
    );
}

/// An organizer could not tell it from an attempt that a worker is judging, and another participant's later solution
/// would never be marked as the first.
pub async fn an_abandoned_attempt_is_pending_only_while_it_is_retried<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (owner, official) = (user(&*store).await, user(&*store).await);
    let echo = problem(&*store, 1, |_| {}).await;
    let made = contest(&*store, new_contest("c", owner, vec![echo.id])).await;
    store.take_part(made.id, official, None).await.unwrap();
    let result = async || {
        let attempts = store.attempts(made.id).await.unwrap();
        let [attempt] = &attempts[..] else { panic!("{attempts:?}") };
        attempt.result.map(|result| (result.is_try, result.solves))
    };
    let give_up = async |run, second| {
        let leased = lease(&*store, run, second).await;
        let (now, due) = (at(second + 1), at(second + 1));
        let given = GivenBack { lost_attempt: true, why: "it broke".into(), now, due, attempts_max: 1 };
        store.give_back(run, leased.lease, given).await.unwrap().expect("the lease is current");
    };
    let solution = a_submission().by(official).submitted_at(at(1100)).solving(echo.current(), Cases::All);
    let (submission, run) = insert(&*store, solution).await;
    assert_eq!(result().await, None);
    give_up(run, 1101).await;
    assert_eq!(result().await, Some((false, false)));

    let retry = async |second| {
        retry_in(&*store, &[submission.id], at(second)).await.unwrap().first().expect("a dead letter").hint.run
    };
    let run = retry(1110).await;
    assert_eq!(result().await, None, "it is judged again");
    lease(&*store, run, 1111).await;
    assert_eq!(store.expire(at(1200), at(1200), 1, 10).await.unwrap().len(), 1);
    assert_eq!(result().await, Some((false, false)));

    let run = retry(1210).await;
    judge_at(&*store, run, AC, 1211).await;
    assert_eq!(result().await, Some((true, true)));
    let one = RejudgeOne { submission: submission.id, run: RunId::from_uuid(fresh()) };
    let rejudged = store.rejudge(vec![one], echo.package, Needs::new(), at(1300)).await.unwrap();
    give_up(rejudged.queued[0].run, 1301).await;
    assert_eq!(result().await, Some((true, true)), "an abandoned rejudge leaves the earlier verdict");
}

/// Returns the public figures of a problem: submissions, accepted submissions, users who attempted it, users who solved
/// it, entries of its leaderboard, and users on the global leaderboard.
async fn public_figures(store: &impl Store, problem: ProblemId) -> [u64; 6] {
    let key = cupel_core::problems::ProblemKey::Id(problem);
    let (record, _) = store.problem(key, None).await.unwrap().expect("a problem");
    let board = store.board(problem, 0, 10).await.unwrap().1;
    let ranks = store.ranks(0, 10).await.unwrap().1;
    let statistics = record.statistics;
    let figures = store.solved_figures(problem, None, 100).await.unwrap().len();
    assert_eq!(figures as u64, statistics.solved_by, "the distribution has as many users as `solved_by`");
    [statistics.submissions, statistics.accepted, statistics.attempted_by, statistics.solved_by, board, ranks]
}

pub async fn a_freeze_hides_submissions_of_participants_until_it_is_lifted<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let (owner, one, late, stranger) =
        (user(&*store).await, user(&*store).await, user(&*store).await, user(&*store).await);
    let echo = problem(&*store, 1, |_| {}).await.id;
    let made = contest(&*store, new_contest("c", owner, vec![echo])).await;
    let (freeze, end) = (1000 + 50 * 60, 1000 + 60 * 60);
    assert!(store.take_part(made.id, one, None).await.unwrap());
    send_at(&*store, echo, one, 1100, Some(WA)).await;
    send_at(&*store, echo, one, freeze - 1, Some(WA)).await;
    assert!(!store.withholds_results(echo).await.unwrap());
    let hidden = send_at(&*store, echo, one, freeze, Some(AC)).await;
    assert!(store.withholds_results(echo).await.unwrap());
    assert_eq!(public_figures(&*store, echo).await, [2, 0, 1, 0, 0, 0], "only submissions before the freeze count");
    let own = store.standing(echo, one).await.unwrap().expect("a standing");
    assert_eq!(
        (own.is_solved, own.tries, own.best_submission),
        (true, 3, Some(hidden)),
        "senders see their own submissions"
    );
    let own = store.progress(one).await.unwrap();
    assert_eq!((own.solved, own.easy, own.attempted), (1, 1, 0));
    assert!(store.own_solved_figures(echo, None, one).await.unwrap().is_some());
    let solved = ProblemFilter { asker: Some(one), state: Some(SolveState::Solved), ..ProblemFilter::default() };
    let (lines, total) = store.problems(solved, 0, 10).await.unwrap();
    assert_eq!((total, lines[0].standing.as_ref().map(|own| own.tries)), (1, Some(3)));

    send_at(&*store, echo, stranger, freeze + 10, Some(AC)).await;
    assert_eq!(public_figures(&*store, echo).await, [3, 1, 2, 1, 1, 1], "submissions outside the contest are public");
    send_at(&*store, echo, one, end, Some(AC)).await;
    assert_eq!(public_figures(&*store, echo).await, [4, 2, 2, 2, 2, 2], "submissions after the end are public");
    let own = store.standing(echo, one).await.unwrap().expect("a standing");
    assert_eq!(own.solved_at, Some(at(freeze)));

    send_at(&*store, echo, late, freeze + 20, Some(AC)).await;
    assert_eq!(public_figures(&*store, echo).await, [5, 3, 3, 3, 3, 3]);
    assert!(store.take_part(made.id, late, None).await.unwrap());
    assert_eq!(
        public_figures(&*store, echo).await,
        [4, 2, 2, 2, 2, 2],
        "earlier submissions of a user who joins later are hidden, too"
    );

    let change = |change| store.change_contest(made.id, change);
    let longer = ContestChange { length: Some(Duration::from_mins(90)), ..ContestChange::default() };
    change(longer).await.unwrap();
    assert_eq!(public_figures(&*store, echo).await, [6, 4, 3, 3, 3, 3], "in a longer contest, the freeze starts later");
    change(ContestChange { length: Some(Duration::from_hours(1)), ..ContestChange::default() }).await.unwrap();
    assert_eq!(public_figures(&*store, echo).await, [4, 2, 2, 2, 2, 2]);
    change(ContestChange { is_unfrozen: Some(true), ..ContestChange::default() }).await.unwrap();
    assert_eq!(public_figures(&*store, echo).await, [6, 4, 3, 3, 3, 3]);
    assert!(!store.withholds_results(echo).await.unwrap());
    let own = store.standing(echo, one).await.unwrap().expect("a standing");
    assert_eq!((own.is_solved, own.tries), (true, 3));
    change(ContestChange { is_unfrozen: Some(false), ..ContestChange::default() }).await.unwrap();
    assert_eq!(public_figures(&*store, echo).await, [4, 2, 2, 2, 2, 2]);
    change(ContestChange { freeze: Some(None), ..ContestChange::default() }).await.unwrap();
    assert_eq!(public_figures(&*store, echo).await, [6, 4, 3, 3, 3, 3]);
}

pub async fn a_freeze_also_hides_submissions_in_other_contests_and_from_participating_authors<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let (owner, one, author) = (user(&*store).await, user(&*store).await, user(&*store).await);
    let echo = problem(&*store, 1, |new| new.owner = Some(author)).await.id;
    let frozen = contest(&*store, new_contest("frozen", owner, vec![echo])).await;
    let open = contest(&*store, NewContest { freeze: None, ..new_contest("open", owner, vec![echo]) }).await;
    let freeze = 1000 + 50 * 60;
    for contest in [&frozen, &open] {
        assert!(store.take_part(contest.id, one, None).await.unwrap());
    }
    let early = send_at(&*store, echo, one, freeze - 1, Some(WA)).await;
    let hidden = send_at(&*store, echo, one, freeze, Some(AC)).await;
    let others = async |contest: &Contest| {
        let attempts = store.attempts(contest.id).await.unwrap();
        attempts.iter().map(|attempt| attempt.is_hidden).collect::<Vec<_>>()
    };
    assert_eq!((others(&open).await, others(&frozen).await), (vec![false, true], vec![false, false]));
    let seen = async |by| {
        let filter = SubmissionFilter {
            problem: echo,
            owner: None,
            verdict: None,
            language: None,
            not_at: None,
            for_contestant: Some(by),
            omits_cancelled: false,
        };
        let (all, total) = store.submissions_to(filter, 0, 10).await.unwrap();
        assert_eq!(all.len() as u64, total);
        all.iter().map(|one| one.id).collect::<Vec<_>>()
    };
    assert_eq!(seen(author).await, [hidden, early], "a user who does not take part");
    assert!(store.take_part(frozen.id, author, None).await.unwrap());
    assert_eq!(seen(author).await, [early]);
    assert_eq!(seen(one).await, [hidden, early], "a participant's own submissions");
    let windows = async |from| store.freezes_of(echo, one, from).await.unwrap();
    assert_eq!(windows(author).await, [FreezeWindow { from: at(freeze), until: at(1000 + 60 * 60) }]);
    assert_eq!(windows(owner).await, []);
    let lifted = ContestChange { is_unfrozen: Some(true), ..ContestChange::default() };
    store.change_contest(frozen.id, lifted).await.unwrap();
    assert_eq!((others(&open).await, seen(author).await), (vec![false, false], vec![hidden, early]));
    assert_eq!(windows(author).await, []);
}

pub async fn progress_leaves_out_submissions_that_another_contests_freeze_hides<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let (owner, one) = (user(&*store).await, user(&*store).await);
    let (echo, other) = (problem(&*store, 1, |_| {}).await.id, problem(&*store, 2, |_| {}).await.id);
    let frozen = contest(&*store, new_contest("frozen", owner, vec![echo])).await;
    let freeze = Some(Duration::from_mins(20));
    let class = contest(&*store, NewContest { freeze, ..new_contest("class", owner, vec![other, echo]) }).await;
    for contest in [&frozen, &class] {
        assert!(store.take_part(contest.id, one, None).await.unwrap());
    }
    let progress = async |contest: &Contest, sees_all| {
        let (lines, total) = store.progress_in(contest.id, sees_all, 0, 10).await.unwrap();
        assert_eq!((lines.len(), total), (1, 1));
        let standings = lines[0].standings.iter();
        standings.map(|one| one.as_ref().map(|one| (one.is_solved, one.tries, one.best_submission))).collect::<Vec<_>>()
    };
    let wrong = send_at(&*store, echo, one, 1000 + 45 * 60, Some(WA)).await;
    assert_eq!(progress(&class, false).await, [None, Some((false, 1, Some(wrong)))], "its own freeze hides nothing");
    assert_eq!(progress(&frozen, false).await, [None], "the freeze of `class` began earlier");

    let right = send_at(&*store, echo, one, 1000 + 50 * 60, Some(AC)).await;
    send_at(&*store, other, one, 1000 + 50 * 60, Some(WA)).await;
    let returned = progress(&class, false).await;
    assert_eq!(returned[1], Some((false, 1, Some(wrong))), "`frozen` hides the solution");
    assert!(returned[0].is_some(), "`frozen` does not have that problem");
    assert_eq!(progress(&class, true).await[1], Some((true, 2, Some(right))));

    let lifted = ContestChange { is_unfrozen: Some(true), ..ContestChange::default() };
    store.change_contest(frozen.id, lifted).await.unwrap();
    assert_eq!(progress(&class, false).await[1], Some((true, 2, Some(right))));
}

pub async fn a_contest_lists_the_submissions_of_its_participants_within_their_times<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let (owner, one, two, stranger) =
        (user(&*store).await, user(&*store).await, user(&*store).await, user(&*store).await);
    let (echo, other) = (problem(&*store, 1, |_| {}).await.id, problem(&*store, 2, |_| {}).await.id);
    let class = NewContest { freeze: None, ..new_contest("class", owner, vec![other, echo]) };
    let class = contest(&*store, class).await;
    let owner_of_frozen = user(&*store).await;
    let frozen = contest(&*store, new_contest("frozen", owner_of_frozen, vec![echo])).await;
    assert!(store.take_part(class.id, one, None).await.unwrap());
    assert!(store.take_part(class.id, two, Some(at(100_000))).await.unwrap());
    assert!(store.take_part(frozen.id, one, None).await.unwrap());
    let early = send_at(&*store, echo, one, 1000 + 60, Some(WA)).await;
    let by_other = send_at(&*store, other, one, 1000 + 120, Some(AC)).await;
    let hidden = send_at(&*store, echo, one, 1000 + 59 * 60, Some(AC)).await;
    let by_virtual = send_at(&*store, echo, two, 100_060, Some(AC)).await;
    for (problem, by, second) in
        [(echo, one, 999), (echo, one, 1000 + 60 * 60), (echo, two, 1060), (echo, stranger, 1060)]
    {
        send_at(&*store, problem, by, second, Some(AC)).await;
    }

    let all = AttemptFilter { contest: class.id, username: None, place: None, verdict: None, shows_hidden: false };
    let list = async |filter: AttemptFilter, before, offset, limit| {
        let (lines, total) = store.contest_submissions(filter, before, offset, limit).await.unwrap();
        (lines.iter().map(|line| line.id).collect::<Vec<_>>(), total)
    };
    assert_eq!(list(all.clone(), None, 0, 10).await, (vec![by_virtual, by_other, early], 3), "newest first");
    assert_eq!(list(AttemptFilter { shows_hidden: true, ..all.clone() }, None, 0, 10).await.0[1], hidden);
    assert_eq!(list(all.clone(), None, 1, 1).await, (vec![by_other], 3));
    assert_eq!(list(all.clone(), Some(by_other), 0, 10).await.0, [early]);
    assert_eq!(list(AttemptFilter { place: Some(1), ..all.clone() }, None, 0, 10).await.0, [by_virtual, early]);
    assert_eq!(
        list(AttemptFilter { verdict: Some(Verdict::WrongAnswer), ..all.clone() }, None, 0, 10).await.0,
        [early]
    );
    let username = store.user(two).await.unwrap().map(|user| user.username.to_uppercase());
    assert_eq!(list(AttemptFilter { username, ..all.clone() }, None, 0, 10).await, (vec![by_virtual], 1));

    for (submission, organizer, expected) in [
        (early, owner, true),
        (by_virtual, owner, true),
        (hidden, owner, false),
        (hidden, owner_of_frozen, true),
        (by_other, owner_of_frozen, false),
        (early, stranger, false),
    ] {
        assert_eq!(store.is_organized_attempt(submission, organizer).await.unwrap(), expected);
    }
    let lifted = ContestChange { is_unfrozen: Some(true), ..ContestChange::default() };
    store.change_contest(frozen.id, lifted).await.unwrap();
    assert!(store.is_organized_attempt(hidden, owner).await.unwrap());
}

pub async fn a_question_is_private_until_its_answer_is_public<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (owner, asker, other) = (user(&*store).await, user(&*store).await, user(&*store).await);
    let one = problem(&*store, 1, |_| {}).await;
    let made = contest(&*store, new_contest("c", owner, vec![one.id])).await;
    let question = |text: &str| NewClarification {
        id: ClarificationId::from_uuid(fresh()),
        contest: made.id,
        asker,
        place: Some(0),
        is_announcement: false,
        text: text.into(),
        asked_at: at(1100),
    };
    let first = question("May n be 0?");
    let id = first.id;
    assert!(store.ask(first, 2).await.unwrap());
    assert!(store.ask(question("And 1?"), 2).await.unwrap());
    assert!(!store.ask(question("And 2?"), 2).await.unwrap(), "a user may ask at most two questions here");
    let seen = async |reader| store.clarifications(made.id, reader, 0, 10).await.unwrap();
    assert_eq!(seen(Some(other)).await.1, 0);
    assert_eq!((seen(Some(asker)).await.1, seen(None).await.1), (2, 2));
    assert!(store.answer(made.id, id, "No.".into(), Some(true), at(1200)).await.unwrap());
    let nobodys = store.answer(ContestId::from_uuid(fresh()), id, "Yes.".into(), Some(true), at(1300));
    assert!(!nobodys.await.unwrap());
    let news = NewClarification { asker: owner, is_announcement: true, ..question("The room is warm.") };
    let announced = news.id;
    assert!(store.ask(news, 1).await.unwrap());
    let again = NewClarification { asker: owner, is_announcement: true, ..question("It is hot.") };
    assert!(!store.ask(again, 1).await.unwrap(), "an organizer may make at most one announcement here");
    assert!(store.answer(made.id, announced, "The room is cold.".into(), Some(false), at(1250)).await.unwrap());
    let (returned, total) = seen(Some(other)).await;
    assert_eq!(total, 2);
    let news = returned.iter().find(|one| one.is_announcement).expect("an announcement");
    assert_eq!((news.id, news.answer.as_deref(), news.question.as_str()), (announced, Some("The room is cold."), ""));
    let returned: Vec<_> = returned.into_iter().filter(|one| !one.is_announcement).collect();
    assert_eq!(returned[0].asker_name, store.user(asker).await.unwrap().expect("a user").username);
    assert_eq!((returned[0].id, returned[0].answer.as_deref(), returned[0].place), (id, Some("No."), Some(0)));
    assert_eq!((returned[0].asked_at, returned[0].answered_at), (at(1100), Some(at(1200))));
    assert!(store.answer(made.id, id, "Yes.".into(), None, at(1300)).await.unwrap());
    assert_eq!(seen(Some(other)).await.1, 2, "a corrected answer stays public");
    assert!(store.answer(made.id, id, "Yes.".into(), Some(false), at(1400)).await.unwrap());
    assert_eq!(seen(Some(other)).await.1, 1);
}

pub async fn questions_and_announcements_stay_with_their_problems_when_these_are_reordered<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let owner = user(&*store).await;
    let [a, b, c] = [1, 2, 3].map(|n| problem(&*store, n, |_| {}));
    let [a, b, c] = [a.await.id, b.await.id, c.await.id];
    let made = contest(&*store, new_contest("c", owner, vec![a, b])).await;
    for (text, place) in [("all", None), ("a", Some(0)), ("b", Some(1))] {
        let (id, text) = (ClarificationId::from_uuid(fresh()), text.to_owned());
        let new = NewClarification {
            id,
            contest: made.id,
            asker: owner,
            place,
            is_announcement: true,
            text,
            asked_at: at(9),
        };
        assert!(store.ask(new, 9).await.unwrap());
    }
    let places = async |problems: Vec<ProblemId>| {
        let change = ContestChange { problems: Some(problems), ..ContestChange::default() };
        assert!(store.change_contest(made.id, change).await.unwrap());
        let (all, _) = store.clarifications(made.id, None, 0, 10).await.unwrap();
        let place = |text| all.iter().find(|one| one.answer.as_deref() == Some(text)).expect("an announcement").place;
        ["all", "a", "b"].map(place)
    };
    assert_eq!(places(vec![b, a]).await, [None, Some(1), Some(0)]);
    assert_eq!(places(vec![c, a, b]).await, [None, Some(1), Some(2)]);
    assert_eq!(places(vec![b, c]).await, [None, None, Some(0)]);
}
