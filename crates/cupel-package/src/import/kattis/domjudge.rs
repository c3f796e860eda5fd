//! DOMjudge's additions to a package: `domjudge-problem.ini` and `.timelimit`.

use std::time::Duration;

use super::super::draft::too_long;
use super::super::{ByteOrderMark, Context, Draft};
use super::config::Config;
use crate::doc::ini::{Entry, parse_ini};
use crate::doc::reader_seconds;
use crate::finding::{Code, ImportError};
use cupel_problem::{OnOutputLimit, Score, Slug};

const INI: &str = "domjudge-problem.ini";
const TIME_LIMIT: &str = ".timelimit";

/// DOMjudge's default time limit.
const TIME_LIMIT_DEFAULT: Duration = Duration::from_secs(10);

pub(super) fn overlay(context: &Context<'_>, config: &Config, draft: &mut Draft) -> Result<(), ImportError> {
    draft.limits.on_output_limit = OnOutputLimit::Discard;
    // In order of precedence. Source: DOMjudge, `ImportProblemService.php`.
    let mut limits: Vec<(&str, Duration)> = Vec::new();
    if let Some(limit) = draft.limits.time.limit {
        limits.push(("problem.yaml", limit));
    }
    if context.tree.has(INI) {
        ini(context, draft, &mut limits)?;
    }
    if context.tree.has(TIME_LIMIT)
        && let Some(text) = context.tree.text(TIME_LIMIT, ByteOrderMark::Warned, context.findings)?
    {
        match time(text.trim()) {
            Some(limit) => limits.push((TIME_LIMIT, limit)),
            None => {
                let fault = format!("expected a time in seconds, found `{}`", text.trim());
                context.findings.file(Code::KeyType, TIME_LIMIT, fault, "Write one number above 0");
            }
        }
    }
    for (file, other) in limits.iter().filter(|(_, limit)| *limit != limits[0].1) {
        let (first, limit) = limits[0];
        let fault =
            format!("the time limit is {} s here, but {} s in {first}", other.as_secs_f64(), limit.as_secs_f64());
        // DOMjudge refuses a `.timelimit` that contradicts another file, and prefers problem.yaml to the ini file.
        if *file == TIME_LIMIT {
            context.findings.file(Code::KeyType, file, fault, "Remove one of the two, or make them equal");
        } else {
            let remedy = format!("{first} determines the limit, as in DOMjudge; make them equal");
            context.findings.file(Code::LeftOut, file, fault, remedy);
        }
    }
    // In a package of 2025-09 without a limit, the submissions determine it.
    let default = (!config.is_new()).then_some(TIME_LIMIT_DEFAULT);
    draft.limits.time.limit = limits.first().map(|(_, limit)| *limit).or(default);
    Ok(())
}

/// Reports DOMjudge's files in a package that is read as one of Kattis.
pub(super) fn report_unread(context: &Context<'_>) {
    for file in [INI, TIME_LIMIT].into_iter().filter(|file| context.tree.has(file)) {
        let fault = "the file is not read, because the package is read as a Kattis package";
        context.findings.file(Code::LeftOut, file, fault, "Omit --format to have its values applied");
    }
}

fn ini(context: &Context<'_>, draft: &mut Draft, limits: &mut Vec<(&str, Duration)>) -> Result<(), ImportError> {
    let Some(text) = context.tree.text(INI, ByteOrderMark::Warned, context.findings)? else { return Ok(()) };
    let entries = match parse_ini(&text) {
        Ok(entries) => entries,
        Err((at, fault)) => {
            context.findings.at(
                Code::KeyType,
                INI,
                Some(at),
                None,
                fault,
                "Write `key = value`, long values in quotes",
            );
            return Ok(());
        }
    };
    for Entry { key, value, at, is_cut } in entries {
        let report =
            |code, fault: String, remedy: &str| context.findings.at(code, INI, Some(at), Some(&key), fault, remedy);
        if is_cut {
            let fault = "a single quote has no second one: what follows it in this file is not read, as in DOMjudge";
            report(Code::LeftOut, fault.to_owned(), "Put the value into double quotes");
        }
        match key.as_str() {
            "name" if draft.titles.is_empty() && !value.trim().is_empty() => {
                let title = value.trim().to_owned();
                match too_long(&title) {
                    Some(fault) => report(Code::KeyType, fault, "Shorten it, because problem lists show it"),
                    None => draft.titles.push(("en".to_owned(), title)),
                }
            }
            "name" => {}
            "short-name" | "externalid" | "probid" => {
                if draft.slug.is_none() || key == "externalid" {
                    draft.slug = Slug::from_text(&value).or(draft.slug.take());
                }
            }
            "timelimit" => match time(&value) {
                Some(limit) => limits.push((INI, limit)),
                None => report(
                    Code::KeyType,
                    format!("expected a time in seconds, found `{value}`"),
                    "Write a number above 0",
                ),
            },
            "special_run" | "special_compare" => {
                let in_package =
                    ["output_validators", "output_validator"].iter().any(|dir| context.tree.has_directory(dir));
                if !in_package {
                    let fault = format!("the program `{value}` is not in the package");
                    report(Code::Unsupported, fault, "Export the package with its validator, in output_validators/");
                }
            }
            "allow_submit" | "allow_judge" | "points" | "color" => {}
            _ => report(Code::KeyIgnored, "DOMjudge has no such key".to_owned(), "Remove it"),
        }
    }
    Ok(())
}

fn time(text: &str) -> Option<Duration> {
    reader_seconds(text.trim().parse::<Score>().ok()?)
}
