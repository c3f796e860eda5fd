//! `cupel admin dead`: dead letters, directly in the store. Servers may run at the same time; one of them offers a
//! retried submission to a worker within seconds.

pub(super) mod args;

use anyhow::anyhow;
use cupel_core::dead_letters::{DeadLetter, FailedAttempt, retry_in};
use cupel_types::{SubmissionId, counted};
use serde_json::{Value, json};

use self::args::{DeadCommand, DeadLetterSelection};
use super::accounts::{Uses, in_store};
use super::shared_args::Settings;
use super::{CommandResult, Exit, OrExit};
use crate::compose::engines::StoreAndClock;
use crate::terminal::{Table, harmless, in_line};

/// Maximum number of dead letters per step of `--all`.
const STEP: u32 = 200;
/// Maximum characters of a reason in the list.
const REASON_CHARS_MAX: usize = 60;

pub(super) fn dead(settings: &Settings, command: &DeadCommand) -> CommandResult {
    in_store(settings, Uses::Store, async |at| match command {
        DeadCommand::List { limit, json } => list(&at.store, *limit, *json).await,
        DeadCommand::Show { id, json } => show(&at.store, *id, *json).await,
        DeadCommand::Retry(which) => for_each(&at.store, which, What::Retry).await,
        DeadCommand::Purge(which) => for_each(&at.store, which, What::Purge).await,
    })
}

fn letter_json(letter: &DeadLetter) -> Value {
    json!({
        "submission_id": letter.submission.to_string(), "run_id": letter.run.to_string(),
        "user_id": letter.owner.to_string(), "username": letter.username,
        "language": letter.language.as_ref().map(ToString::to_string),
        "problem": letter.problem.as_ref().map(ToString::to_string),
        "attempts": letter.attempts, "died_at": letter.died_at.to_string(), "reason": letter.why,
    })
}

fn attempt_json(attempt: &FailedAttempt) -> Value {
    json!({
        "attempt": attempt.attempt, "run_id": attempt.run.to_string(),
        "worker_id": attempt.worker.map(|id| id.to_string()), "worker_name": attempt.worker_name,
        "failed_at": attempt.failed_at.to_string(), "reason": attempt.why,
    })
}

async fn list((store, _): &StoreAndClock, limit: u64, as_json: bool) -> CommandResult {
    let (letters, total) = store.dead_letters(0, limit).await?;
    if as_json {
        let letters: Vec<Value> = letters.iter().map(letter_json).collect();
        outln!("{}", json!({ "dead_letters": letters, "total": total }));
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(&["SUBMISSION", "USER", "LANGUAGE", "PROBLEM", "ATTEMPTS", "DIED", "REASON"]);
    for letter in &letters {
        let reason: String = letter.why.lines().next().unwrap_or_default().chars().take(REASON_CHARS_MAX).collect();
        table.row(vec![
            letter.submission.to_string(),
            in_line(&letter.username),
            letter.language.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            letter.problem.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            letter.attempts.to_string(),
            letter.died_at.to_string(),
            in_line(&reason),
        ]);
    }
    table.print();
    if total > letters.len() as u64 {
        outln!("and {} more", total - letters.len() as u64);
    }
    Ok(Exit::Ok)
}

async fn show((store, _): &StoreAndClock, id: SubmissionId, as_json: bool) -> CommandResult {
    let Some((letter, attempts)) = store.dead_letter(id).await? else { return none(id) };
    if as_json {
        let attempts: Vec<Value> = attempts.iter().map(attempt_json).collect();
        outln!("{}", json!({ "dead_letter": letter_json(&letter), "failed_attempts": attempts }));
        return Ok(Exit::Ok);
    }
    outln!("submission: {}", letter.submission);
    outln!("user:       {}", harmless(&letter.username));
    if let Some(language) = &letter.language {
        outln!("language:   {language}");
    }
    if let Some(problem) = &letter.problem {
        outln!("problem:    {problem}");
    }
    outln!("died:       {}, after {}", letter.died_at, counted(letter.attempts, "attempt"));
    for attempt in &attempts {
        let worker = attempt.worker.map_or_else(|| "an unknown worker".to_owned(), |id| format!("worker {id}"));
        let name = attempt.worker_name.as_deref().map_or_else(String::new, |name| format!(" ({})", in_line(name)));
        outln!("attempt {}, {}, {worker}{name}:", attempt.attempt, attempt.failed_at);
        for line in attempt.why.lines() {
            outln!("    {}", harmless(line));
        }
    }
    Ok(Exit::Ok)
}

#[derive(Clone, Copy)]
enum What {
    Retry,
    Purge,
}

async fn for_each((store, clock): &StoreAndClock, which: &DeadLetterSelection, what: What) -> CommandResult {
    let now = clock.now();
    let act = async |ids: &[SubmissionId]| match what {
        What::Retry => retry_in(&**store, ids, now).await.map(|runs| runs.len() as u64),
        What::Purge => store.purge_dead(ids).await,
    };
    let mut done = 0;
    if which.all {
        // This loop ends, because it reads only dead letters from before `now`: a submission that fails again
        // during the loop becomes a later dead letter.
        loop {
            let ids = store.dead_until(now, STEP).await?;
            if ids.is_empty() {
                break;
            }
            done += act(&ids).await?;
        }
    } else {
        for id in &which.ids {
            if act(&[*id]).await? == 0 {
                return none(*id);
            }
            done += 1;
        }
    }
    match what {
        What::Retry => outln!("{done} queued again"),
        What::Purge => outln!("{done} deleted"),
    }
    Ok(Exit::Ok)
}

fn none(id: SubmissionId) -> CommandResult {
    Err(anyhow!("submission {id} is not a dead letter; `cupel admin dead list` lists all of them"))
        .or_exit(Exit::NotFound)
}
