//! Builders: valid by default, so that a test sets only the values that matter to it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cupel_core::accounts::{NewUser, Role, Tier, User};
use cupel_core::event::{Event, EventKind, Seq, Stream};
use cupel_core::run::LeasedRun;
use cupel_core::{
    Completion, Needs, NewProgram, NewSource, NewSubmission, NewSubmissionKind, NewSubmissions, RateExceeded, RateLimit,
};
use cupel_languages::{Probe, Registry};
use cupel_types::{
    BoxFile, BoxFiles, BoxPath, Bytes, Cases, Limits, LimitsRequest, Live, Outcome, Output, PathPattern, PriorityClass,
    ProblemVersion, Program, RunId, RunReport, Solution, Source, Start, StepReport, Submission, SubmissionId,
    SubmissionKind, TestCase, Usage, UserId, Verdict,
};
use jiff::Timestamp;
use uuid::Uuid;

/// The time at which all tests start.
pub fn t0() -> Timestamp {
    "2030-01-01T00:00:00Z".parse().expect("a time")
}

/// Returns a new id, larger than all ids that this function has returned in this process.
pub fn fresh() -> Uuid {
    Uuid::now_v7()
}

/// A user to insert, with a unique name.
pub fn a_user() -> NewUser {
    let id = fresh();
    let name = format!("u{}", &id.as_simple().to_string()[16..]);
    let user = User {
        id: UserId::from_uuid(id),
        email: format!("{name}@users.example"),
        username: name,
        role: Role::User,
        tier: Tier::default(),
        created_at: t0(),
        disabled_at: None,
        in_leaderboards: true,
    };
    NewUser { user, password_hash: "$argon2id$none".into(), webhook_secret: [7; 32] }
}

/// A builder of submissions, as the client sends them or as the store returns them.
#[derive(Clone)]
pub struct SubmissionBuilder {
    owner: UserId,
    new: NewSubmission,
    submitted_at: Timestamp,
    of: Option<OfProblem>,
}

/// The work of a submission to a problem. The source of a solution is that of the builder's program.
#[derive(Clone)]
enum OfProblem {
    Solving(ProblemVersion, Cases),
    Verifying(ProblemVersion),
}

/// Returns a builder of a submission of one line of Python.
pub fn a_submission() -> SubmissionBuilder {
    SubmissionBuilder {
        owner: UserId::from_uuid(Uuid::nil()),
        new: NewSubmission::from(NewProgram {
            source: NewSource {
                language: "python".into(),
                files: vec![("main.py".into(), Arc::from(&b"print(42)"[..]))],
            },
            ..NewProgram::default()
        }),
        submitted_at: t0(),
        of: None,
    }
}

impl SubmissionBuilder {
    /// Sets the owner.
    #[must_use]
    pub fn by(mut self, owner: UserId) -> Self {
        self.owner = owner;
        self
    }

    /// Sets the language.
    #[must_use]
    pub fn in_language(mut self, language: &str) -> Self {
        self.source_mut().language = language.into();
        self
    }

    /// Sets the content of the main file.
    #[must_use]
    pub fn source(mut self, source: &str) -> Self {
        self.source_mut().files[0].1 = source.as_bytes().into();
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn file(mut self, path: &str, data: &[u8]) -> Self {
        self.source_mut().files.push((path.into(), data.into()));
        self
    }

    /// Sets the standard input.
    #[must_use]
    pub fn stdin(mut self, stdin: &[u8]) -> Self {
        self.program_mut().stdin = stdin.into();
        self
    }

    /// Adds a test case.
    #[must_use]
    pub fn test(mut self, name: &str, stdin: &[u8], expected: Option<&[u8]>) -> Self {
        self.program_mut().tests.push(TestCase {
            name: name.into(),
            stdin: stdin.into(),
            expected: expected.map(Arc::from),
        });
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn limits(mut self, limits: LimitsRequest) -> Self {
        self.program_mut().limits = limits;
        self
    }

    /// Sets the priority class.
    #[must_use]
    pub fn priority(mut self, priority: PriorityClass) -> Self {
        self.new.priority = priority;
        self
    }

    /// Sets the time at which the submission is due.
    #[must_use]
    pub fn run_at(mut self, at: Timestamp) -> Self {
        self.new.run_at = Some(at);
        self
    }

    /// Sets the webhook.
    #[must_use]
    pub fn webhook(mut self, url: &str) -> Self {
        self.new.webhook = Some(url.into());
        self
    }

    /// Sets the time of the submission.
    #[must_use]
    pub fn submitted_at(mut self, at: Timestamp) -> Self {
        self.submitted_at = at;
        self
    }

    /// Makes the submission a solution to a problem, which is run on these cases.
    #[must_use]
    pub fn solving(mut self, of: ProblemVersion, cases: Cases) -> Self {
        self.of = Some(OfProblem::Solving(of, cases));
        self
    }

    /// Makes the submission the verification of a version of a problem.
    #[must_use]
    pub fn verifying(mut self, of: ProblemVersion) -> Self {
        self.of = Some(OfProblem::Verifying(of));
        self
    }

    /// Changes the program.
    #[must_use]
    pub fn with_program(mut self, change: impl FnOnce(&mut NewProgram)) -> Self {
        change(self.program_mut());
        self
    }

    /// Changes any other field.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut NewSubmission)) -> Self {
        change(&mut self.new);
        self
    }

    /// Makes the program interactive, without a terminal: it gets its standard input while it runs.
    #[must_use]
    pub fn live(mut self) -> Self {
        self.program_mut().live = Some(Live { terminal: None });
        self
    }

    fn program_mut(&mut self) -> &mut NewProgram {
        match &mut self.new.kind {
            NewSubmissionKind::Program(program) => program,
            NewSubmissionKind::Problem(_) | NewSubmissionKind::Verify(_) => panic!("the builder begins with a program"),
        }
    }

    fn source_mut(&mut self) -> &mut NewSource {
        &mut self.program_mut().source
    }

    /// Returns the program as the client sends it. Core determines the version of a problem.
    pub fn as_sent(self) -> NewSubmission {
        assert!(self.of.is_none(), "a client names a problem, not a version");
        self.new
    }

    /// Returns the submission as the store returns it, with the id of its run.
    pub fn build(mut self) -> (Submission, RunId) {
        let NewProgram {
            source,
            executables: _,
            tools,
            args,
            env,
            stdin,
            tests,
            stderr_to_stdout,
            fetch,
            artifacts,
            limits,
            live,
        } = std::mem::take(self.program_mut());
        let (kind, limits) = match self.of {
            None => (
                SubmissionKind::Program(Program {
                    source: stored(source),
                    tools,
                    args,
                    env,
                    stdin,
                    tests,
                    stderr_to_stdout,
                    fetch: fetch.iter().map(|path| BoxPath::new(path).expect("a path")).collect(),
                    artifacts: artifacts.iter().map(|one| PathPattern::new(one).expect("a pattern")).collect(),
                    live,
                }),
                limits,
            ),
            Some(OfProblem::Solving(of, cases)) => {
                let solution = Solution { source: stored(source), of, cases };
                (SubmissionKind::Problem(solution), LimitsRequest::default())
            }
            Some(OfProblem::Verifying(of)) => (SubmissionKind::Verify(of), LimitsRequest::default()),
        };
        let submission = Submission {
            id: SubmissionId::from_uuid(fresh()),
            owner: self.owner,
            kind,
            limits,
            priority: self.new.priority,
            run_at: self.new.run_at,
            webhook: self.new.webhook,
            request_id: self.new.request_id,
            facade: self.new.facade,
            submitted_at: self.submitted_at,
        };
        (submission, RunId::from_uuid(fresh()))
    }

    /// Returns an insertion of only this submission.
    pub fn alone(self) -> NewSubmissions {
        NewSubmissions {
            submissions: vec![self.build()],
            also_needs: Needs::new(),
            idempotency: None,
            is_awaited: false,
        }
    }
}

fn stored(source: NewSource) -> Source {
    let files = source.files.into_iter().map(|(path, data)| BoxFile {
        path: BoxPath::new(&path).expect("a path"),
        data,
        executable: false,
    });
    Source { language: source.language.parse().expect("a language id"), files: BoxFiles::new(files.collect()) }
}

/// A rate limit that no request reaches.
#[derive(Clone, Copy, Debug)]
pub struct Unlimited;

#[async_trait]
impl RateLimit for Unlimited {
    async fn charge(&self, _submissions: usize) -> Result<(), RateExceeded> {
        Ok(())
    }
}

/// Returns a report of a program that printed `stdout`.
pub fn a_report(stdout: &[u8]) -> RunReport {
    RunReport {
        verdict: Verdict::Accepted,
        message: None,
        compile: None,
        execution: Some(StepReport {
            outcome: Outcome::Exited(0),
            exit_code: Some(0),
            signal: None,
            stdout: Output { data: stdout.into(), truncated: false },
            stderr: Output::default(),
            usage: Usage {
                cpu_time: Duration::from_micros(12_345),
                memory: Bytes::mib(9),
                wall_time: Duration::from_millis(20),
                output: Bytes::new(stdout.len() as u64),
                start: Some(Start::Warm),
                ..Usage::default()
            },
        }),
        cases: Vec::new(),
        files: Vec::new(),
        artifacts: Default::default(),
        grading: None,
        verification: None,
        limits: Limits::default(),
        language_version: "3.11.2".into(),
    }
}

/// Returns the completion of an attempt whose program printed `stdout`, with its events.
pub fn a_completion(leased: &LeasedRun, stdout: &[u8], at: Timestamp) -> Completion {
    let report = a_report(stdout);
    let kinds = [
        EventKind::Started { attempt: leased.attempt },
        EventKind::ExecutionStarted { case: None },
        EventKind::Output { case: None, stream: Stream::Stdout, data: stdout.into() },
    ];
    let event =
        |(n, kind)| Event { submission: leased.submission.id, seq: Seq::of_attempt(leased.attempt, n), at, kind };
    let mut events: Vec<Event> = (1..).zip(kinds).map(event).collect();
    events.push(Event::finished(leased.submission.id, leased.attempt, at, report.verdict));
    Completion { owner: leased.submission.owner, report, events, at }
}

/// Returns the shipped languages, as if all toolchains except PHP's were installed.
pub fn registry() -> Registry {
    struct AllThere;
    impl Probe for AllThere {
        fn version(&self, command: &[String]) -> Result<String, String> {
            if command[0] == "php" { Err("not here".into()) } else { Ok("Version 3.11.2".into()) }
        }
    }
    let mut registry = Registry::load(None).expect("the shipped languages load");
    registry.probe(&AllThere);
    registry
}
