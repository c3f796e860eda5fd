//! Rules about problems, their versions, and the effect of verdicts on standings.

#![expect(missing_docs, reason = "the name of each function states its rule")]

use std::time::Duration;

use cupel_core::Store;
use cupel_core::disclosure::RoundedTime;
use cupel_core::problems::{
    Deleted, NewProblem, NewVersion, Part, ProblemChange, ProblemFilter, ProblemKey, ProblemRecord, ProblemSort,
    RejudgeOne, SlugTaken, SolveState, StagedVersion, Stored, SubmissionFilter, VersionException,
};
use cupel_core::run::{HistoryFilter, LeasedRun, RunState, SentFor, Stage};
use cupel_problem::{Difficulty, Visibility};
use cupel_types::{
    BrokenClaim, Bytes, Cases, ContentHash, Feedback, Grading, Output, PriorityClass, ProblemId, RunId, Score, Start,
    Submission, SubmissionId, UserId, Verdict, Verification, VerifiedGroup, VerifiedSubmission,
};

use super::contests::new_contest;
use super::{at, insert, lease, user};
use crate::Subject;
use crate::builders::{SubmissionBuilder, a_completion, a_submission, fresh};

fn package(n: u8) -> ContentHash {
    ContentHash::from_bytes([n; 32])
}

fn version(n: u8) -> NewVersion {
    NewVersion {
        package: package(n),
        format: "cupel".into(),
        title: format!("Problem {n}"),
        difficulty: Some(Difficulty::Easy),
        tags: vec!["graphs".parse().expect("a tag")],
        lower_is_better: false,
        by: None,
        at: at(n.into()),
        bytes: Bytes::kib(n.into()),
        is_verified: None,
        shipped: None,
    }
}

/// Inserts a public problem named `p<n>` whose package is `n`.
pub(super) async fn problem(store: &impl Store, n: u8, change: impl FnOnce(&mut NewProblem)) -> ProblemRecord {
    let mut new = NewProblem {
        id: ProblemId::from_uuid(fresh()),
        slug: format!("p{n}").parse().expect("a slug"),
        owner: None,
        visibility: Visibility::Public,
        version: version(n),
    };
    change(&mut new);
    let id = new.id;
    store.insert_problem(new).await.unwrap().unwrap();
    read(store, id).await
}

async fn read(store: &impl Store, id: ProblemId) -> ProblemRecord {
    store.problem(ProblemKey::Id(id), None).await.unwrap().expect("a problem").0
}

pub(super) async fn send(store: &impl Store, problem: &ProblemRecord, by: UserId, cases: Cases) -> (Submission, RunId) {
    insert(store, a_submission().by(by).solving(problem.current(), cases)).await
}

/// A judge's result: a verdict, points out of ten, and CPU time in milliseconds.
pub(super) type JudgeResult = (Verdict, Option<i64>, u64);

async fn judge(store: &impl Store, run: RunId, judge_result: JudgeResult) {
    judge_at(store, run, judge_result, 400).await;
}

pub(super) async fn judge_at(store: &impl Store, run: RunId, (verdict, points, ms): JudgeResult, second: i64) {
    let leased = lease(store, run, second).await;
    let mut done = a_completion(&leased, b"", at(second + 1));
    let usage = cupel_types::Usage { cpu_time: Duration::from_millis(ms), ..Default::default() };
    done.report.verdict = verdict;
    let step = done.report.execution.take().map(|step| cupel_types::StepReport { usage, ..step });
    done.report.grading = Some(Grading {
        score: points.and_then(Score::points),
        max_score: points.and(Score::points(10)),
        cases: vec![cupel_types::CaseGrade {
            name: "secret/1".into(),
            group: "secret".into(),
            verdict,
            score: None,
            usage,
            feedback: Feedback::Verdict,
            step,
            conversation: None,
            judge_message: Some("word 1".into()),
            team_message: None,
        }],
        ..Grading::default()
    });
    assert!(store.complete(run, leased.lease, done).await.unwrap());
}

async fn solve(store: &impl Store, problem: &ProblemRecord, by: UserId, judge_result: JudgeResult) -> SubmissionId {
    let (submission, run) = send(store, problem, by, Cases::All).await;
    judge(store, run, judge_result).await;
    submission.id
}

async fn rejudge(store: &impl Store, submission: SubmissionId, package: ContentHash) -> Option<RunId> {
    let one = RejudgeOne { submission, run: RunId::from_uuid(fresh()) };
    let runs = store.rejudge(vec![one], package, cupel_core::Needs::new(), at(200)).await.unwrap();
    runs.first().map(|run| run.run)
}

fn all(problem: &ProblemRecord) -> SubmissionFilter {
    SubmissionFilter {
        problem: problem.id,
        owner: None,
        verdict: None,
        language: None,
        not_at: None,
        for_contestant: None,
        omits_cancelled: false,
    }
}

pub(super) const AC: JudgeResult = (Verdict::Accepted, None, 20);
pub(super) const WA: JudgeResult = (Verdict::WrongAnswer, None, 20);

pub async fn a_problem_is_read_back_and_its_slug_is_unique<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (owner, reader) = (user(&*store).await, user(&*store).await);
    let made = problem(&*store, 1, |new| (new.owner, new.visibility) = (Some(owner), Visibility::Draft)).await;
    assert_eq!((made.slug.as_str(), made.title.as_str(), made.version), ("p1", "Problem 1", 1));
    assert_eq!((made.owner, made.visibility, made.package), (Some(owner), Visibility::Draft, package(1)));
    assert_eq!((made.difficulty, made.tags.len(), made.is_verified), (Some(Difficulty::Easy), 1, None));
    let again = NewProblem {
        id: ProblemId::from_uuid(fresh()),
        slug: made.slug.clone(),
        owner: None,
        visibility: Visibility::Public,
        version: version(9),
    };
    assert_eq!(store.insert_problem(again).await.unwrap(), Err(SlugTaken));
    assert_eq!(store.packages().await.unwrap(), [package(1)], "a refused problem leaves nothing");

    let change = ProblemChange {
        visibility: Some(Visibility::Private),
        slug: Some("new".parse().unwrap()),
        readers: Some(vec![reader]),
        authors: Some(vec![UserId::from_uuid(fresh())]),
        of_version: Some(1),
    };
    assert_eq!(store.change_problem(made.id, change, at(50)).await.unwrap(), Ok(true));
    let by_slug = |slug: &str| store.problem(ProblemKey::Slug(slug.parse().unwrap()), Some(reader));
    assert!(by_slug("p1").await.unwrap().is_none());
    let (changed, part) = by_slug("new").await.unwrap().expect("the problem exists");
    assert_eq!((changed.visibility, changed.updated_at, part), (Visibility::Private, at(50), Some(Part::Reader)));
    assert_eq!(store.members(made.id).await.unwrap(), [(reader, Part::Reader)], "an unknown user gets no role");

    let of_another = |number| ProblemChange {
        visibility: Some(Visibility::Public),
        of_version: Some(number),
        ..ProblemChange::default()
    };
    assert_eq!(store.change_problem(made.id, of_another(2), at(51)).await.unwrap(), Ok(false), "version 1 is current");
    assert_eq!(read(&*store, made.id).await.visibility, Visibility::Private);

    let other = problem(&*store, 2, |_| {}).await;
    let taken = ProblemChange { slug: Some("new".parse().unwrap()), ..ProblemChange::default() };
    assert_eq!(store.change_problem(other.id, taken, at(51)).await.unwrap(), Err(SlugTaken));
    let nothing = store.change_problem(ProblemId::from_uuid(fresh()), ProblemChange::default(), at(51));
    assert_eq!(nothing.await.unwrap(), Ok(false));
}

pub async fn readers_and_authors_of_a_problem_are_replaced_independently<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (ada, bob, eve) = (user(&*store).await, user(&*store).await, user(&*store).await);
    let made = problem(&*store, 1, |_| {}).await;
    let change = async |readers: Option<&[UserId]>, authors: Option<&[UserId]>| {
        let (readers, authors) = (readers.map(<[_]>::to_vec), authors.map(<[_]>::to_vec));
        let change = ProblemChange { readers, authors, ..ProblemChange::default() };
        assert_eq!(store.change_problem(made.id, change, at(50)).await.unwrap(), Ok(true));
        let members = store.members(made.id).await.unwrap();
        let part = |user| members.iter().find(|(member, _)| *member == user).map(|(_, part)| *part);
        [ada, bob, eve].map(part)
    };
    let (reader, author) = (Some(Part::Reader), Some(Part::Author));
    let (readers, authors) = ([ada], [bob]);
    tokio::join!(change(Some(&readers), None), change(None, Some(&authors)));
    assert_eq!(change(None, None).await, [reader, author, None], "concurrent changes of both lists");
    assert_eq!(change(Some(&[bob, eve]), None).await, [None, author, reader], "an author stays an author");
    assert_eq!(change(None, Some(&[eve, ada])).await, [author, None, author]);
    assert_eq!(change(Some(&[ada, bob]), Some(&[ada])).await, [author, reader, None]);
    assert_eq!(change(Some(&[]), Some(&[])).await, [None; 3]);
}

pub async fn another_package_is_a_new_version_but_the_same_one_is_not<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let made = problem(&*store, 1, |_| {}).await;
    assert!(!store.add_version(made.id, version(1)).await.unwrap());
    assert!(store.add_version(made.id, NewVersion { difficulty: None, ..version(2) }).await.unwrap());
    let now = read(&*store, made.id).await;
    assert_eq!((now.version, now.package, now.title.as_str(), now.difficulty), (2, package(2), "Problem 2", None));
    assert!(store.add_version(made.id, version(1)).await.unwrap());
    assert_eq!(
        read(&*store, made.id).await.version,
        1,
        "an earlier package becomes current again under its version number"
    );
    let (versions, total) = store.versions(made.id, 0, 1).await.unwrap();
    assert_eq!((versions.len(), total, versions[0].number, versions[0].package), (1, 2, 2, package(2)));
    let mut packages = store.packages().await.unwrap();
    packages.sort();
    assert_eq!(packages, [package(1), package(2)]);
    assert!(!store.add_version(ProblemId::from_uuid(fresh()), version(3)).await.unwrap());
}

pub async fn the_last_loaded_archive_of_a_shipped_problem_is_recorded<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    assert_eq!(store.shipped("p1").await.unwrap(), None);
    let shipped = |n: u8| Some(("p1".to_owned(), [n; 32]));
    let made = problem(&*store, 1, |new| new.version.shipped = shipped(1)).await;
    assert_eq!(store.shipped("p1").await.unwrap(), Some([1; 32]));
    store.add_version(made.id, NewVersion { shipped: shipped(2), ..version(2) }).await.unwrap();
    assert_eq!(store.shipped("p1").await.unwrap(), Some([2; 32]));
    store.set_shipped("p1", [3; 32]).await.unwrap();
    assert_eq!(store.shipped("p1").await.unwrap(), Some([3; 32]));
}

pub async fn problems_are_listed_only_if_visible_and_paginated<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (owner, member, stranger) = (user(&*store).await, user(&*store).await, user(&*store).await);
    let public = problem(&*store, 1, |new| new.version.title = "Zebra".into()).await;
    let private = problem(&*store, 2, |new| {
        (new.owner, new.visibility) = (Some(owner), Visibility::Private);
        new.version.difficulty = Some(Difficulty::Hard);
        new.version.tags.push("trees".parse().expect("a tag"));
    });
    let private = private.await;
    let draft = problem(&*store, 3, |new| {
        (new.owner, new.visibility, new.version.difficulty) = (Some(owner), Visibility::Draft, None);
    });
    let draft = draft.await;
    for problem in [&private, &draft] {
        let change = ProblemChange { readers: Some(vec![member]), ..ProblemChange::default() };
        store.change_problem(problem.id, change, at(60)).await.unwrap().unwrap();
    }
    let listed = async |filter: ProblemFilter| {
        let (lines, total) = store.problems(filter, 0, 10).await.unwrap();
        assert_eq!(lines.len() as u64, total);
        lines.iter().map(|line| line.problem.slug.to_string()).collect::<Vec<_>>()
    };
    let as_seen_by = |asker| ProblemFilter { asker, is_author: true, ..ProblemFilter::default() };
    assert_eq!(listed(as_seen_by(None)).await, ["p1"]);
    assert_eq!(listed(as_seen_by(Some(stranger))).await, ["p1"]);
    assert_eq!(listed(as_seen_by(Some(member))).await, ["p2", "p1"], "a reader does not see a draft");
    assert_eq!(listed(as_seen_by(Some(owner))).await, ["p2", "p3", "p1"]);
    let running = new_contest("c", owner, vec![private.id]);
    let begins = running.starts_at;
    let ends = begins + jiff::SignedDuration::try_from(running.length).unwrap();
    store.insert_contest(running, u64::MAX, at(0)).await.unwrap().unwrap();
    let then = |asker, now| ProblemFilter { now, ..as_seen_by(Some(asker)) };
    assert_eq!(listed(then(member, begins)).await, ["p1"], "a private problem of a running contest");
    assert_eq!(listed(then(owner, begins)).await, ["p2", "p3", "p1"]);
    assert_eq!(listed(then(member, ends)).await, ["p2", "p1"], "the contest has ended");
    let everything = ProblemFilter { sees_all: true, ..ProblemFilter::default() };
    assert_eq!(listed(everything.clone()).await, ["p2", "p3", "p1"]);
    assert_eq!(listed(ProblemFilter { own: true, ..as_seen_by(Some(owner)) }).await, ["p2", "p3"]);
    let no_author = |asker| ProblemFilter { is_author: false, ..as_seen_by(Some(asker)) };
    assert_eq!(listed(no_author(owner)).await, ["p1"]);
    assert_eq!(listed(no_author(member)).await, ["p2", "p1"]);
    assert_eq!(listed(ProblemFilter { own: true, ..no_author(owner) }).await, Vec::<String>::new());

    let with = |change: fn(&mut ProblemFilter)| {
        let mut filter = everything.clone();
        change(&mut filter);
        filter
    };
    assert_eq!(listed(with(|f| f.difficulties = vec![Difficulty::Hard, Difficulty::Medium])).await, ["p2"]);
    assert_eq!(listed(with(|f| f.tags = vec!["graphs".parse().unwrap(), "trees".parse().unwrap()])).await, ["p2"]);
    assert_eq!(listed(with(|f| f.text = Some("ZEB".into()))).await, ["p1"]);
    assert_eq!(listed(with(|f| f.text = Some("%".into()))).await, Vec::<String>::new(), "the text is not a pattern");
    assert_eq!(listed(with(|f| f.text = Some("TRE".into()))).await, ["p2"], "the beginning of a word of a tag");
    assert_eq!(listed(with(|f| f.text = Some("rees".into()))).await, Vec::<String>::new());
    let tags = async |filter: ProblemFilter, most| {
        let found = store.tags(filter, most).await.unwrap();
        found.into_iter().map(|(tag, problems)| format!("{tag} {problems}")).collect::<Vec<_>>()
    };
    let all = tags(everything.clone(), 10).await;
    assert_eq!((all[0].as_str(), all.contains(&"trees 1".to_owned())), ("graphs 3", true), "{all:?}");
    assert_eq!(tags(everything.clone(), 1).await, ["graphs 3"]);
    assert_eq!(tags(as_seen_by(None), 1).await, ["graphs 1"]);
    assert_eq!(tags(with(|f| f.text = Some("TRE".into())), 10).await.len(), 2);
    assert_eq!(listed(with(|f| f.sort = ProblemSort::Newest)).await, ["p3", "p2", "p1"]);
    assert_eq!(listed(with(|f| f.sort = ProblemSort::Difficulty)).await, ["p1", "p2", "p3"]);

    solve(&*store, &public, stranger, AC).await;
    solve(&*store, &private, stranger, WA).await;
    let standing = |state| ProblemFilter { asker: Some(stranger), state: Some(state), ..everything.clone() };
    assert_eq!(listed(standing(SolveState::Solved)).await, ["p1"]);
    assert_eq!(listed(standing(SolveState::Attempted)).await, ["p2"]);
    assert_eq!(listed(standing(SolveState::Unsolved)).await, ["p2", "p3"]);
    assert_eq!(listed(standing(SolveState::New)).await, ["p3"]);
    assert_eq!(listed(with(|f| f.sort = ProblemSort::Solved)).await, ["p1", "p2", "p3"]);
    let (page, total) = store.problems(as_seen_by(Some(owner)), 1, 1).await.unwrap();
    assert_eq!((page.len(), page[0].problem.id, total), (1, draft.id, 3));
}

pub async fn a_verdict_updates_standing_statistics_and_progress<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (one, two) = (user(&*store).await, user(&*store).await);
    let made = problem(&*store, 1, |_| {}).await;
    let standing = async |who| store.standing(made.id, who).await.unwrap();
    assert_eq!(standing(one).await, None);

    solve(&*store, &made, one, (Verdict::CompileError, None, 0)).await;
    solve(&*store, &made, one, (Verdict::InternalError, None, 0)).await;
    let (_, run) = send(&*store, &made, one, Cases::Samples).await;
    judge(&*store, run, AC).await;
    assert_eq!(standing(one).await, None, "samples, and submissions that no test judged, are not tries");

    let wrong = solve(&*store, &made, one, WA).await;
    let after = standing(one).await.expect("a standing");
    assert_eq!((after.is_solved, after.tries, after.best_submission), (false, 1, Some(wrong)));
    assert_eq!(store.progress(one).await.unwrap().attempted, 1);

    let (slow, run) = send(&*store, &made, one, Cases::All).await;
    judge(&*store, run, (Verdict::Accepted, None, 500)).await;
    let fast = solve(&*store, &made, one, AC).await;
    solve(&*store, &made, one, WA).await;
    let after = standing(one).await.expect("a standing");
    assert_eq!((after.is_solved, after.tries, after.best_submission), (true, 2, Some(fast)));
    assert_eq!(
        (after.best_time.map(RoundedTime::get), after.solved_at),
        (Some(Duration::from_millis(20)), Some(slow.submitted_at))
    );
    solve(&*store, &made, two, WA).await;

    let figures = read(&*store, made.id).await.statistics;
    assert_eq!((figures.submissions, figures.accepted, figures.attempted_by, figures.solved_by), (5, 2, 2, 1));
    let progress = store.progress(one).await.unwrap();
    assert_eq!((progress.easy, progress.hard, progress.solved, progress.attempted), (1, 0, 1, 0));
    assert_eq!(progress.last_solved_at, Some(slow.submitted_at));
    let activity = store.activity(one, at(-1), 10).await.unwrap();
    assert_eq!((activity.days, activity.problems), (vec![(slow.submitted_at.as_second() / 86_400, 1)], [1, 0, 0]));
    let tags: Vec<_> = activity.tags.iter().map(|tag| (tag.tag.as_str(), tag.solved, tag.problems)).collect();
    assert_eq!(tags, [("graphs", 1, 1)]);
    let later = slow.submitted_at + Duration::from_secs(1);
    assert_eq!(store.activity(one, later, 10).await.unwrap().days, []);
    assert_eq!(store.activity(two, at(-1), 10).await.unwrap().days, [], "not solved");

    let (mine, total) = store.submissions_to(SubmissionFilter { owner: Some(one), ..all(&made) }, 0, 2).await.unwrap();
    assert_eq!((mine.len(), total), (2, 6), "all submissions that count, with any verdict");
    assert_eq!((mine[0].problem, mine[0].owner, mine[0].id > mine[1].id), (Some(made.id), one, true));
    let verdict = |verdict| SubmissionFilter { verdict: Some(verdict), ..all(&made) };
    assert_eq!(store.submissions_to(verdict(Verdict::WrongAnswer), 0, 10).await.unwrap().1, 3);
    let ids = store.submission_ids_to(verdict(Verdict::Accepted), None, 10).await.unwrap();
    assert_eq!(ids, [slow.id, fast]);
    assert_eq!(store.submission_ids_to(verdict(Verdict::Accepted), Some(slow.id), 10).await.unwrap(), [fast]);

    let hide = ProblemChange { visibility: Some(Visibility::Private), ..ProblemChange::default() };
    store.change_problem(made.id, hide, at(300)).await.unwrap().unwrap();
    assert_eq!(store.progress(one).await.unwrap().solved, 0, "only public problems count as progress");
}

pub async fn progress_follows_the_visibility_and_the_difficulty_of_a_problem<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let (both, one, tried) = (user(&*store).await, user(&*store).await, user(&*store).await);
    let (changed, other) = (problem(&*store, 1, |_| {}).await, problem(&*store, 2, |_| {}).await);
    for (who, what, result) in
        [(both, &other, AC), (both, &changed, AC), (one, &changed, AC), (tried, &changed, WA), (one, &other, WA)]
    {
        solve(&*store, what, who, result).await;
    }
    let progress = async || {
        let mut all = Vec::new();
        for who in [both, one, tried] {
            let now = store.progress(who).await.unwrap();
            all.push((now.easy, now.hard, now.solved, now.attempted));
        }
        all
    };
    let show = async |visibility| {
        let change = ProblemChange { visibility: Some(visibility), ..ProblemChange::default() };
        assert!(store.change_problem(changed.id, change, at(500)).await.unwrap().unwrap());
    };
    let visible = [(2, 0, 2, 0), (1, 0, 1, 1), (0, 0, 0, 1)];
    assert_eq!(progress().await, visible);
    show(Visibility::Public).await;
    assert_eq!(progress().await, visible);
    show(Visibility::Private).await;
    assert_eq!(progress().await, [(1, 0, 1, 0), (0, 0, 0, 1), (0, 0, 0, 0)]);
    let hard = |n| NewVersion { difficulty: Some(Difficulty::Hard), ..version(n) };
    assert!(store.add_version(changed.id, hard(3)).await.unwrap());
    assert_eq!(progress().await, [(1, 0, 1, 0), (0, 0, 0, 1), (0, 0, 0, 0)], "the problem is not public");
    show(Visibility::Public).await;
    assert_eq!(progress().await, [(1, 1, 2, 0), (0, 1, 1, 1), (0, 0, 0, 1)]);
    assert!(store.add_version(changed.id, version(4)).await.unwrap());
    assert_eq!(progress().await, visible);
}

pub async fn a_history_can_be_filtered_by_every_field_and_resumed<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (owner, other) = (user(&*store).await, user(&*store).await);
    let made = problem(&*store, 1, |_| {}).await;
    let solve = |cases| a_submission().solving(made.current(), cases);
    let sent = async |second, by, new: SubmissionBuilder| insert(&*store, new.by(by).submitted_at(at(second))).await;
    let (execution, run) = sent(1, owner, a_submission()).await;
    let leased = lease(&*store, run, 10).await;
    assert!(store.complete(run, leased.lease, a_completion(&leased, b"", at(11))).await.unwrap());
    let (solution, run) = sent(2, owner, solve(Cases::All)).await;
    judge_at(&*store, run, WA, 20).await;
    let (trial, _) = sent(3, owner, solve(Cases::Samples)).await;
    let (custom, _) = sent(4, owner, solve(Cases::Input(b"1 2".as_slice().into()))).await;
    store.cancel(custom.id, None, at(30)).await.unwrap();
    let (verification, run) = sent(5, owner, a_submission().verifying(made.current())).await;
    lease(&*store, run, 30).await;
    sent(6, other, a_submission()).await;
    let names = |lines: Vec<cupel_core::run::SubmissionSummary>| {
        lines.iter().map(|line| line.sent_for.as_str()).collect::<Vec<_>>().join(" ")
    };
    let summary = async |filter: HistoryFilter| {
        let lines = store.history(filter.clone(), 0, 10).await.unwrap();
        assert_eq!(store.history_count(filter).await.unwrap(), lines.len() as u64);
        names(lines)
    };
    let all = || HistoryFilter::of(owner);
    assert_eq!(summary(all()).await, "verification custom_input samples submission run");
    assert_eq!(names(store.list(Some(owner), 0, 10).await.unwrap().0), summary(all()).await);
    let slug: cupel_problem::Slug = made.slug.clone();
    for (filter, expected) in [
        (HistoryFilter { problem: Some(slug.clone()), ..all() }, "verification custom_input samples submission"),
        (HistoryFilter { problem: Some("none".parse().expect("a slug")), ..all() }, ""),
        (
            HistoryFilter { language: Some("python".parse().expect("a language")), ..all() },
            "custom_input samples submission run",
        ),
        (HistoryFilter { language: Some("c".parse().expect("a language")), ..all() }, ""),
        (HistoryFilter { verdict: Some(Verdict::WrongAnswer), ..all() }, "submission"),
        (HistoryFilter { stage: Some(Stage::Queued), ..all() }, "samples"),
        (HistoryFilter { stage: Some(Stage::Running), ..all() }, "verification"),
        (HistoryFilter { stage: Some(Stage::Completed), ..all() }, "run"),
        (HistoryFilter { stage: Some(Stage::Failed), ..all() }, "submission"),
        (HistoryFilter { stage: Some(Stage::Cancelled), ..all() }, "custom_input"),
        (HistoryFilter { sent_for: Some(SentFor::Samples), ..all() }, "samples"),
        (HistoryFilter { sent_for: Some(SentFor::Run), ..all() }, "run"),
        (HistoryFilter { from: Some(at(2)), to: Some(at(4)), ..all() }, "samples submission"),
        (HistoryFilter { before: Some(trial.id), ..all() }, "submission run"),
        (
            HistoryFilter { first: Some(solution.id), before: Some(verification.id), ..all() },
            "custom_input samples submission",
        ),
        (HistoryFilter { problem: Some(slug.clone()), before: Some(trial.id), ..all() }, "submission"),
        (HistoryFilter { problem: Some(slug), verdict: Some(Verdict::Accepted), ..all() }, ""),
    ] {
        assert_eq!(summary(filter.clone()).await, expected, "{filter:?}");
    }
    let passed = names(store.history(all(), 1, 2).await.unwrap());
    assert_eq!(passed, "custom_input samples");
    // The verdict of the newest run counts; the newest run has the purpose of the first run.
    let run = rejudge(&*store, solution.id, package(1)).await.expect("a run");
    judge_at(&*store, run, AC, 400).await;
    assert_eq!(summary(HistoryFilter { verdict: Some(Verdict::WrongAnswer), ..all() }).await, "");
    let accepted = HistoryFilter { verdict: Some(Verdict::Accepted), ..all() };
    assert_eq!(summary(accepted).await, "submission run");
    assert!(execution.id < solution.id);
}

pub async fn a_rejudge_is_a_new_run_and_the_newest_verdict_counts<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let who = user(&*store).await;
    let made = problem(&*store, 1, |_| {}).await;
    let first = solve(&*store, &made, who, AC).await;
    let second = solve(&*store, &made, who, WA).await;
    assert!(store.add_version(made.id, version(2)).await.unwrap());

    let run = rejudge(&*store, first, package(2)).await.expect("a run");
    let record = store.submission(first).await.unwrap().unwrap();
    assert_eq!((record.run, record.state), (run, RunState::Queued { attempts: 1, lost: 0 }));
    let standing = async || store.standing(made.id, who).await.unwrap().unwrap();
    assert!(standing().await.is_solved, "the old verdict counts until the new one");
    assert_eq!(rejudge(&*store, first, package(2)).await, None, "a waiting run is not rejudged");
    let due = store.due(at(200), cupel_core::DuePlace::before(at(0)), 10).await.unwrap();
    assert_eq!(due.iter().map(|due| (due.hint.run, due.hint.class)).collect::<Vec<_>>(), [(run, PriorityClass::Batch)]);

    let leased = lease(&*store, run, 200).await;
    assert_eq!((leased.attempt, leased.submission.of_problem().unwrap().package), (2, package(2)));
    assert_eq!(rejudge(&*store, first, package(1)).await, None, "a leased run is not rejudged");
    let mut done = a_completion(&leased, b"", at(201));
    done.report.verdict = Verdict::WrongAnswer;
    done.report.grading = Some(Grading::default());
    assert!(store.complete(run, leased.lease, done).await.unwrap());
    let after = standing().await;
    assert_eq!((after.is_solved, after.tries, after.solved_at), (false, 2, None));
    let figures = read(&*store, made.id).await.statistics;
    assert_eq!((figures.submissions, figures.accepted, figures.attempted_by, figures.solved_by), (2, 0, 1, 0));
    let progress = store.progress(who).await.unwrap();
    assert_eq!((progress.solved, progress.attempted), (0, 1));

    let runs = store.runs_of(first, 10).await.unwrap();
    let summary: Vec<_> = runs.iter().map(|run| (run.state.verdict(), run.package)).collect();
    let (ac, wa) = (Some(Verdict::Accepted), Some(Verdict::WrongAnswer));
    assert_eq!(summary, [(wa, Some(package(2))), (ac, Some(package(1)))], "both runs are kept");

    let run = rejudge(&*store, second, package(2)).await.expect("a run");
    judge(&*store, run, (Verdict::InternalError, None, 0)).await;
    assert_eq!(standing().await.tries, 2, "a judge error keeps the previous result");
    let run = rejudge(&*store, second, package(2)).await.expect("a run");
    judge(&*store, run, AC).await;
    assert_eq!((standing().await.is_solved, standing().await.tries), (true, 2));

    let (_, waiting) = send(&*store, &made, who, Cases::All).await;
    let waits = store.submission_ids_to(all(&made), None, 10).await.unwrap()[2];
    assert_eq!(rejudge(&*store, waits, package(2)).await, None);
    let leased = lease(&*store, waiting, 300).await;
    assert_eq!(
        leased.submission.of_problem().unwrap().package,
        package(2),
        "a waiting submission is judged with the new package"
    );
    let (sample, run) = send(&*store, &made, who, Cases::Samples).await;
    judge(&*store, run, AC).await;
    assert_eq!(rejudge(&*store, sample.id, package(2)).await, None, "a submission to the samples is not rejudged");
}

pub async fn a_cancellation_of_an_earlier_run_does_not_cancel_a_rejudge<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let who = user(&*store).await;
    let made = problem(&*store, 1, |_| {}).await;
    let (sent, earlier) = send(&*store, &made, who, Cases::All).await;
    judge(&*store, earlier, AC).await;
    let run = rejudge(&*store, sent.id, made.package).await.expect("a new run");
    let late = store.cancel(sent.id, Some(earlier), at(500)).await.unwrap().expect("a submission");
    assert_eq!((late.run, late.state.is_final(), late.changed), (run, false, false));
    let meant = store.cancel(sent.id, Some(run), at(501)).await.unwrap().expect("a submission");
    assert_eq!((meant.run, meant.state, meant.changed), (run, RunState::Cancelled { attempts: 1 }, true));
}

pub async fn leaderboards_rank_by_score_then_time_then_date<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let mut users = Vec::new();
    for _ in 0..5 {
        users.push(user(&*store).await);
    }
    let scored = problem(&*store, 1, |_| {}).await;
    for (who, judge_result) in [
        (0, (Verdict::Accepted, Some(4), 10)),
        (1, (Verdict::Accepted, Some(10), 70)),
        (2, (Verdict::Accepted, Some(10), 30)),
        (3, (Verdict::WrongAnswer, Some(0), 5)),
        (0, (Verdict::WrongAnswer, Some(0), 1)),
        (4, (Verdict::Accepted, Some(10), 30)),
    ] {
        solve(&*store, &scored, users[who], judge_result).await;
    }
    let (board, total) = store.board(scored.id, 0, 10).await.unwrap();
    let summary: Vec<_> = board.iter().map(|line| (line.place, line.user, line.standing.is_solved)).collect();
    let (u, solved) = (&users, true);
    assert_eq!(summary, [(1, u[2], solved), (2, u[4], solved), (3, u[1], solved), (4, u[0], false)]);
    assert_eq!((total, board[3].standing.best_score), (4, Score::points(4)));
    assert_eq!(board[0].language.as_ref().map(|id| id.as_str()), Some("python"));
    let (page, _) = store.board(scored.id, 2, 1).await.unwrap();
    assert_eq!((page[0].place, page[0].user), (3, u[1]));

    let golf = problem(&*store, 2, |new| new.version.lower_is_better = true).await;
    assert!(golf.lower_is_better);
    let (accepted, rejected) = (Verdict::Accepted, Verdict::WrongAnswer);
    for (who, verdict, points) in
        [(0, rejected, 0), (0, accepted, 7), (1, accepted, 3), (0, accepted, 5), (1, rejected, 0), (2, rejected, 0)]
    {
        solve(&*store, &golf, users[who], (verdict, Some(points), 1)).await;
    }
    let board_of_golf = async || {
        let (board, _) = store.board(golf.id, 0, 10).await.unwrap();
        board.iter().map(|line| (line.user, line.standing.best_score)).collect::<Vec<_>>()
    };
    let best = [(u[1], Score::points(3)), (u[0], Score::points(5))];
    assert_eq!(board_of_golf().await, best, "a rejected submission is not the best, although it has fewer points");
    assert!(store.add_version(golf.id, version(9)).await.unwrap());
    assert!(!read(&*store, golf.id).await.lower_is_better);
    assert_eq!(board_of_golf().await, [(u[0], Score::points(7)), (u[1], Score::points(3))]);
    let again = NewVersion { lower_is_better: true, ..version(2) };
    assert!(store.add_version(golf.id, again).await.unwrap());
    assert_eq!(board_of_golf().await, best);

    let (ranks, total) = store.ranks(0, 2).await.unwrap();
    assert_eq!((total, ranks[0].user, ranks[0].progress.solved, ranks[1].place), (4, u[1], 2, 2));
    assert!(!ranks[0].username.is_empty());
}

/// The rule is Kattis's: an anonymous user is not shown in ranklists. Source: open.kattis.com/help/ranklist. A row
/// without a name would still show a member of a small class by the date and the language.
pub async fn leaderboards_omit_a_user_who_does_not_want_to_be_in_them<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (fast, shy, slow) = (user(&*store).await, user(&*store).await, user(&*store).await);
    let solved = problem(&*store, 1, |_| {}).await;
    for (who, milliseconds) in [(fast, 10), (shy, 30), (slow, 70)] {
        solve(&*store, &solved, who, (Verdict::Accepted, None, milliseconds)).await;
    }
    let boards = async || {
        let (board, of_board) = store.board(solved.id, 0, 10).await.unwrap();
        let (ranks, of_ranks) = store.ranks(0, 10).await.unwrap();
        let board: Vec<_> = board.into_iter().map(|line| (line.place, line.user)).collect();
        let ranks: Vec<_> = ranks.into_iter().map(|line| (line.place, line.user)).collect();
        assert_eq!((board.len() as u64, ranks.len() as u64), (of_board, of_ranks));
        (board, ranks)
    };
    assert_eq!(boards().await.0, [(1, fast), (2, shy), (3, slow)]);
    assert!(store.set_in_leaderboards(shy, false).await.unwrap());
    assert!(!store.user(shy).await.unwrap().expect("the user").in_leaderboards);
    let (board, ranks) = boards().await;
    assert_eq!(board, [(1, fast), (2, slow)]);
    assert_eq!(ranks.iter().filter(|(_, user)| *user == shy).count(), 0, "{ranks:?}");
    assert_eq!(store.solved_figures(solved.id, None, 10).await.unwrap().len(), 3, "the distribution names nobody");
    assert_eq!(store.progress(shy).await.unwrap().solved, 1);
    assert!(store.set_in_leaderboards(shy, true).await.unwrap());
    assert_eq!(boards().await.0, [(1, fast), (2, shy), (3, slow)]);
    assert!(!store.set_in_leaderboards(UserId::from_uuid(fresh()), false).await.unwrap(), "nobody");
}

pub async fn the_best_figures_of_each_user_come_from_the_latest_submissions<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let (one, two, three) = (user(&*store).await, user(&*store).await, user(&*store).await);
    let (asked, other) = (problem(&*store, 1, |_| {}).await, problem(&*store, 2, |_| {}).await);
    assert_eq!(store.solved_figures(asked.id, None, 10).await.unwrap(), []);
    assert_eq!(store.own_solved_figures(asked.id, None, one).await.unwrap(), None);
    for (who, of, verdict, milliseconds) in [
        (two, &asked, Verdict::Accepted, 20),
        (one, &asked, Verdict::Accepted, 70),
        (one, &asked, Verdict::Accepted, 30),
        (one, &asked, Verdict::WrongAnswer, 5),
        (three, &asked, Verdict::WrongAnswer, 1),
        (three, &other, Verdict::Accepted, 1),
    ] {
        solve(&*store, of, who, (verdict, None, milliseconds)).await;
    }
    let times = async |language: Option<&str>, most| {
        let language = language.map(|id| id.parse().expect("a language"));
        let found = store.solved_figures(asked.id, language, most).await.unwrap();
        let mut times: Vec<_> = found.iter().map(|one| (one.user, one.cpu_time.map(|time| time.as_millis()))).collect();
        times.sort_unstable_by_key(|(_, time)| *time);
        times
    };
    let all = [(two, Some(20)), (one, Some(30))];
    assert_eq!(times(None, 10).await, all);
    assert_eq!(times(Some("python"), 10).await, all);
    assert_eq!(times(Some("c"), 10).await, []);
    assert_eq!(times(None, 4).await, [(one, Some(30))], "the oldest submission is not examined");
    let own = async |language: &str| {
        let language = Some(language.parse().expect("a language"));
        store.own_solved_figures(asked.id, language, one).await.unwrap().and_then(|own| own.cpu_time)
    };
    assert_eq!((own("python").await, own("c").await), (Some(Duration::from_millis(30)), None));
    assert_eq!(store.own_solved_figures(asked.id, None, three).await.unwrap(), None);
}

fn a_verification(holds: bool) -> Verification {
    let broken = BrokenClaim {
        about: "submissions/wrong_answer/a.py".into(),
        rule: "wrong_answer".into(),
        expected: "WA".into(),
        got: "AC".into(),
        case: Some("secret/1".into()),
    };
    let slowest = Some(Duration::from_millis(12));
    let group = VerifiedGroup { name: "secret".into(), verdict: Verdict::Accepted, slowest };
    let submission = VerifiedSubmission {
        path: broken.about.clone(),
        verdict: Verdict::Accepted,
        score: Score::points(3),
        slowest,
        time_limit: Duration::from_secs(1),
        groups: vec![group],
        hint: Some("too few tests".into()),
        holds,
    };
    Verification {
        holds,
        claims: 7,
        broken: if holds { Vec::new() } else { vec![broken] },
        submissions: vec![submission],
        time_limit: Some(Duration::from_secs(1)),
        is_derived: true,
        limit_start: Some(Start::Cold),
        notes: vec!["no validator".into()],
    }
}

pub async fn a_verification_decides_whether_its_version_is_verified<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let author = user(&*store).await;
    let made = problem(&*store, 1, |new| (new.owner, new.visibility) = (Some(author), Visibility::Draft)).await;
    for holds in [true, false] {
        let (sent, run) = insert(&*store, a_submission().by(author).verifying(made.current())).await;
        assert_eq!(sent.language(), None);
        let leased = lease(&*store, run, 100).await;
        let mut done = a_completion(&leased, b"", at(101));
        let verification = a_verification(holds);
        done.report.verification = Some(verification.clone());
        assert!(store.complete(run, leased.lease, done).await.unwrap());
        assert_eq!(read(&*store, made.id).await.is_verified, Some(holds));
        let record = store.submission(sent.id).await.unwrap().unwrap();
        assert_eq!(record.report.unwrap().verification, Some(verification));
    }
    assert_eq!(store.delete_problem(made.id).await.unwrap(), Deleted::Gone);
    assert_eq!(store.delete_problem(made.id).await.unwrap(), Deleted::Missing);
    assert!(store.packages().await.unwrap().is_empty());
    let used = problem(&*store, 2, |new| new.visibility = Visibility::Draft).await;
    solve(&*store, &used, author, AC).await;
    assert_eq!(store.delete_problem(used.id).await.unwrap(), Deleted::InUse);
    let shown = problem(&*store, 3, |_| {}).await;
    assert_eq!(store.delete_problem(shown.id).await.unwrap(), Deleted::InUse);
}

pub async fn a_derived_time_limit_belongs_to_its_version_and_stays_once_the_version_is_verified<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let author = user(&*store).await;
    let made = problem(&*store, 1, |new| (new.owner, new.visibility) = (Some(author), Visibility::Draft)).await;
    assert_eq!(made.time_limit, None);
    let verify = async |verdict, holds, limit: u64, is_derived, start, seen: Option<u64>| {
        let (_, run) = insert(&*store, a_submission().by(author).verifying(made.current())).await;
        let leased = lease(&*store, run, 100).await;
        assert_eq!(leased.time_limit, seen.map(Duration::from_millis), "{verdict:?} {limit}");
        let mut done = a_completion(&leased, b"", at(101));
        done.report.verdict = verdict;
        let time_limit = Some(Duration::from_millis(limit));
        let verification = Verification { time_limit, is_derived, limit_start: start, ..a_verification(holds) };
        done.report.verification = Some(verification);
        assert!(store.complete(run, leased.lease, done).await.unwrap());
        let record = read(&*store, made.id).await;
        record.time_limit.map(|limit| (limit.as_millis(), record.limit_start))
    };
    let (warm, cold) = (Some(Start::Warm), Some(Start::Cold));
    // A limit from a cancelled verification or from the package is not a derived limit.
    assert_eq!(verify(Verdict::Cancelled, false, 7000, true, warm, None).await, None);
    assert_eq!(verify(Verdict::Accepted, true, 7000, false, warm, None).await, None);
    // Each verification derives the limit again, until the version is verified with it.
    assert_eq!(verify(Verdict::WrongAnswer, false, 1000, true, cold, None).await, Some((1000, cold)));
    assert_eq!(verify(Verdict::WrongAnswer, false, 1500, true, None, None).await, Some((1500, None)));
    assert_eq!(verify(Verdict::Accepted, true, 2000, true, warm, None).await, Some((2000, warm)));
    assert_eq!(verify(Verdict::Accepted, true, 2000, true, warm, Some(2000)).await, Some((2000, warm)));
    // A verification that derives no limit changes neither the limit nor the kind of start.
    assert_eq!(verify(Verdict::Accepted, true, 7000, false, cold, Some(2000)).await, Some((2000, warm)));
    // Every run of this version uses the limit; runs of other versions do not.
    let (_, run) = send(&*store, &made, author, Cases::All).await;
    let leased = lease(&*store, run, 100).await;
    assert_eq!((leased.time_limit, leased.limit_start), (Some(Duration::from_secs(2)), warm));
    assert!(store.add_version(made.id, version(2)).await.unwrap());
    let newer = read(&*store, made.id).await;
    assert_eq!((newer.version, newer.time_limit), (2, None));
    let (_, run) = send(&*store, &newer, author, Cases::All).await;
    assert_eq!(lease(&*store, run, 100).await.time_limit, None);
    let (versions, _) = store.versions(made.id, 0, 10).await.unwrap();
    let limits: Vec<_> = versions.iter().map(|version| (version.time_limit, version.limit_start)).collect();
    assert_eq!(limits, [(None, None), (Some(Duration::from_secs(2)), warm)]);
}

pub async fn a_published_version_keeps_its_time_limit_if_a_later_verification_fails<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let author = user(&*store).await;
    let made = problem(&*store, 1, |new| (new.owner, new.visibility) = (Some(author), Visibility::Draft)).await;
    let verify = async |holds, limit: u64, seen: Option<u64>| {
        let (_, run) = insert(&*store, a_submission().by(author).verifying(made.current())).await;
        let leased = lease(&*store, run, 100).await;
        assert_eq!(leased.time_limit, seen.map(Duration::from_millis), "{holds} {limit}");
        let mut done = a_completion(&leased, b"", at(101));
        done.report.verdict = if holds { Verdict::Accepted } else { Verdict::WrongAnswer };
        let time_limit = Some(Duration::from_millis(limit));
        // A verification with a given limit derives no limit.
        let is_derived = seen.is_none();
        done.report.verification = Some(Verification { time_limit, is_derived, ..a_verification(holds) });
        assert!(store.complete(run, leased.lease, done).await.unwrap());
    };
    verify(true, 2000, None).await;
    let publish = ProblemChange { visibility: Some(Visibility::Public), ..ProblemChange::default() };
    assert!(store.change_problem(made.id, publish, at(102)).await.unwrap().unwrap());
    verify(false, 2000, Some(2000)).await;
    verify(false, 2000, Some(2000)).await;
    let hide = ProblemChange { visibility: Some(Visibility::Draft), ..ProblemChange::default() };
    assert!(store.change_problem(made.id, hide, at(103)).await.unwrap().unwrap());
    verify(true, 3000, None).await;
    assert_eq!(read(&*store, made.id).await.time_limit, Some(Duration::from_secs(3)), "a draft gets a new limit");
}

pub async fn a_late_verification_changes_neither_the_limit_nor_the_state_of_a_verified_version<S: Store>(
    make: impl AsyncFn() -> Subject<S>,
) {
    let store = make().await;
    let author = user(&*store).await;
    let draft = |new: &mut NewProblem| (new.owner, new.visibility) = (Some(author), Visibility::Draft);
    let begin = async |made: &ProblemRecord| {
        let (_, run) = insert(&*store, a_submission().by(author).verifying(made.current())).await;
        let leased = lease(&*store, run, 100).await;
        assert_eq!(leased.time_limit, None, "each verification derives a limit");
        (run, leased)
    };
    let end = async |(run, leased): (RunId, LeasedRun), holds, limit: u64, start| {
        let mut done = a_completion(&leased, b"", at(101));
        done.report.verdict = if holds { Verdict::Accepted } else { Verdict::WrongAnswer };
        let time_limit = Some(Duration::from_millis(limit));
        done.report.verification = Some(Verification { time_limit, limit_start: start, ..a_verification(holds) });
        assert!(store.complete(run, leased.lease, done).await.unwrap());
    };
    let state = async |made: &ProblemRecord| {
        let record = read(&*store, made.id).await;
        (record.is_verified, record.time_limit.map(|limit| limit.as_millis()), record.limit_start)
    };
    let (warm, cold) = (Some(Start::Warm), Some(Start::Cold));

    let verified = problem(&*store, 1, draft).await;
    let [one, two, three, four] =
        [begin(&verified).await, begin(&verified).await, begin(&verified).await, begin(&verified).await];
    end(one, true, 1000, cold).await;
    end(two, true, 1400, warm).await;
    end(three, false, 1400, warm).await;
    assert_eq!(state(&verified).await, (Some(true), Some(1000), cold), "other limits than the version has");
    end(four, false, 1000, cold).await;
    assert_eq!(state(&verified).await, (Some(false), Some(1000), cold), "the limit of the version");

    // Published by an exception.
    let published = problem(&*store, 2, draft).await;
    let [one, two, three] = [begin(&published).await, begin(&published).await, begin(&published).await];
    end(one, false, 1000, cold).await;
    let publish = ProblemChange { visibility: Some(Visibility::Public), ..ProblemChange::default() };
    assert!(store.change_problem(published.id, publish, at(102)).await.unwrap().unwrap());
    end(two, true, 1400, warm).await;
    assert_eq!(state(&published).await, (Some(false), Some(1000), cold));
    assert!(store.add_version(published.id, version(3)).await.unwrap());
    end(three, true, 1400, warm).await;
    let (versions, _) = store.versions(published.id, 0, 10).await.unwrap();
    let earlier = versions.iter().find(|version| version.number == 1).unwrap();
    assert_eq!(earlier.time_limit, Some(Duration::from_millis(1400)), "neither verified nor current");
}

pub async fn a_staged_version_changes_nothing_until_it_is_made_current<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let who = user(&*store).await;
    let made = problem(&*store, 1, |_| {}).await;
    let before = solve(&*store, &made, who, AC).await;
    let (_, in_flight) = send(&*store, &made, who, Cases::All).await;
    let shown = read(&*store, made.id).await;
    let staged = store.stage_version(made.id, version(2)).await.unwrap();
    assert_eq!(staged, Some(StagedVersion { number: 2, is_new: true }));
    assert_eq!(read(&*store, made.id).await, shown);
    let again = store.stage_version(made.id, version(2)).await.unwrap();
    assert_eq!(again, Some(StagedVersion { number: 2, is_new: false }));
    let current = store.stage_version(made.id, version(1)).await.unwrap();
    assert_eq!(current, Some(StagedVersion { number: 1, is_new: false }));
    let nowhere = ProblemId::from_uuid(fresh());
    assert_eq!(store.stage_version(nowhere, version(3)).await.unwrap(), None);
    assert!(
        store.packages().await.unwrap().contains(&package(2)),
        "a staged package is referenced, so the sweeper keeps it"
    );

    let at_other = |package| SubmissionFilter { not_at: Some(package), ..all(&made) };
    assert!(store.submissions_to(at_other(package(1)), 0, 9).await.unwrap().0.is_empty());
    assert_eq!(store.submissions_to(at_other(package(2)), 0, 9).await.unwrap().1, 2);
    let verdicts = store.verdicts_of(at_other(package(2))).await.unwrap();
    assert_eq!(verdicts, [(None, 1), (Some(Verdict::Accepted), 1)]);

    assert_eq!(
        store.add_version_of_draft(made.id, version(2)).await.unwrap(),
        None,
        "the problem is visible to others"
    );
    assert_eq!(read(&*store, made.id).await, shown);
    assert!(store.add_version(made.id, version(2)).await.unwrap());
    assert_eq!(read(&*store, made.id).await.version, 2);
    let draft = problem(&*store, 2, |new| new.visibility = Visibility::Draft).await;
    assert_eq!(store.add_version_of_draft(draft.id, version(3)).await.unwrap(), Some(true));
    assert_eq!(store.add_version_of_draft(draft.id, version(3)).await.unwrap(), Some(false), "it is current already");
    let leased = lease(&*store, in_flight, 100).await;
    assert_eq!(
        leased.submission.of_problem().unwrap().package,
        package(1),
        "the submission is judged at the version that it names"
    );
    assert!(rejudge(&*store, before, package(2)).await.is_some());
    assert_eq!(store.submission_ids_to(at_other(package(2)), None, 9).await.unwrap().len(), 1);
}

pub async fn an_exception_is_stored_with_its_author_and_reason<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let admin = user(&*store).await;
    let made = problem(&*store, 1, |new| new.visibility = Visibility::Draft).await;
    let exception = |number: u32, seconds: i64| VersionException {
        number,
        by: admin,
        username: "root".into(),
        at: at(seconds),
        reason: format!("reason {seconds}"),
    };
    assert!(store.exceptions(made.id, 10).await.unwrap().is_empty());
    for (number, seconds) in [(1, 10), (1, 20), (2, 15)] {
        store.add_exception(made.id, exception(number, seconds)).await.unwrap();
    }
    let expected = [exception(1, 20), exception(2, 15), exception(1, 10)];
    assert_eq!(store.exceptions(made.id, 10).await.unwrap(), expected);
    assert_eq!(store.exceptions(made.id, 1).await.unwrap(), expected[..1]);
    assert_eq!(store.delete_problem(made.id).await.unwrap(), Deleted::Gone);
    assert!(store.exceptions(made.id, 10).await.unwrap().is_empty());
}

pub async fn stored_bytes_of_an_author_count_each_package_once<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let (who, other) = (user(&*store).await, user(&*store).await);
    let by = |n: u8| NewVersion { by: Some(who), ..version(n) };
    let own = |new: &mut NewProblem| (new.owner, new.version.by) = (Some(who), Some(who));
    let one = problem(&*store, 1, own).await;
    problem(&*store, 2, own).await;
    // The second problem's package is also a version of the first problem. A further package belongs to another author.
    store.add_version(one.id, by(2)).await.unwrap();
    store.add_version(one.id, by(4)).await.unwrap();
    store.add_version(one.id, NewVersion { by: Some(other), ..version(8) }).await.unwrap();
    let stored = async |who, but| store.stored_of(who, package(but)).await.unwrap();
    assert_eq!(stored(who, 99).await, Stored { problems: 2, bytes: Bytes::kib(1 + 2 + 4) });
    assert_eq!(stored(who, 4).await, Stored { problems: 2, bytes: Bytes::kib(1 + 2) });
    assert_eq!(stored(other, 99).await, Stored { problems: 0, bytes: Bytes::kib(8) });
}

pub async fn a_grading_and_a_solution_are_read_back_complete<S: Store>(make: impl AsyncFn() -> Subject<S>) {
    let store = make().await;
    let who = user(&*store).await;
    let made = problem(&*store, 1, |_| {}).await;
    for cases in [Cases::All, Cases::Samples, Cases::Input(b"1 2\n".as_slice().into())] {
        let (sent, run) = send(&*store, &made, who, cases).await;
        let leased = lease(&*store, run, 100).await;
        super::runs::same_submission(&leased.submission, &sent);
        let mut done = a_completion(&leased, b"kept\n", at(101));
        let step = done.report.execution.take();
        done.report.grading = Some(Grading {
            score: Score::points(3),
            max_score: Score::points(10),
            groups: vec![cupel_types::GroupGrade {
                name: "secret".into(),
                verdict: Verdict::WrongAnswer,
                score: Score::points(3),
                max_score: None,
                reason: Some("it requires `sample`".into()),
            }],
            cases: vec![cupel_types::CaseGrade {
                name: "sample/1".into(),
                group: "sample".into(),
                verdict: Verdict::Accepted,
                score: None,
                usage: cupel_types::Usage { memory: Bytes::mib(3), ..Default::default() },
                feedback: Feedback::Full,
                step,
                conversation: Some(Output { data: b"<1\n"[..].into(), truncated: false }),
                judge_message: None,
                team_message: Some("well done".into()),
            }],
            author_message: Some("secret/1: word 1".into()),
            returned: Some(Output { data: b"[1,2]"[..].into(), truncated: false }),
            conversation: Some(Output { data: b"<3\n>4\n"[..].into(), truncated: true }),
        });
        let report = done.report.clone();
        assert!(store.complete(run, leased.lease, done).await.unwrap());
        let record = store.submission(sent.id).await.unwrap().unwrap();
        super::runs::same_submission(&record.submission, &sent);
        assert_eq!(record.report, Some(report));
    }
}
