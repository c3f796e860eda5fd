//! DOMjudge's additions to a package: `domjudge-problem.ini` and `.timelimit`.

use std::time::Duration;

use super::super::draft::too_long;
use super::super::{ByteOrderMark, Context, Draft};
use crate::doc::ini::parse_ini;
use crate::doc::reader_seconds;
use crate::finding::{Code, ImportError};
use cupel_problem::{OnOutputLimit, Score, Slug};

/// DOMjudge's default time limit.
const TIME_LIMIT_DEFAULT: Duration = Duration::from_secs(10);

pub(super) fn overlay(context: &Context<'_>, draft: &mut Draft) -> Result<(), ImportError> {
    draft.limits.on_output_limit = OnOutputLimit::Discard;
    let mut limits: Vec<(String, Duration)> = Vec::new();
    if let Some(limit) = draft.limits.time.limit {
        limits.push(("problem.yaml".to_owned(), limit));
    }
    if context.tree.has("domjudge-problem.ini") {
        ini(context, draft, &mut limits)?;
    }
    if context.tree.has(".timelimit")
        && let Some(text) = context.tree.text(".timelimit", ByteOrderMark::Warned, context.findings)?
    {
        match time(text.trim()) {
            Some(limit) => limits.push((".timelimit".to_owned(), limit)),
            None => {
                let fault = format!("expected a time in seconds, found `{}`", text.trim());
                context.findings.file(Code::KeyType, ".timelimit", fault, "Write one number above 0");
            }
        }
    }
    if let Some((file, other)) = limits.iter().find(|(_, limit)| *limit != limits[0].1) {
        let seconds = |time: &Duration| time.as_secs_f64();
        let fault =
            format!("the time limit is {} s here, but {} s in {}", seconds(other), seconds(&limits[0].1), limits[0].0);
        context.findings.file(Code::KeyType, file, fault, "Remove one of the two, or make them equal");
    }
    draft.limits.time.limit = Some(limits.first().map_or(TIME_LIMIT_DEFAULT, |(_, limit)| *limit));
    Ok(())
}

fn ini(context: &Context<'_>, draft: &mut Draft, limits: &mut Vec<(String, Duration)>) -> Result<(), ImportError> {
    const FILE: &str = "domjudge-problem.ini";
    let Some(text) = context.tree.text(FILE, ByteOrderMark::Warned, context.findings)? else { return Ok(()) };
    let entries = match parse_ini(&text) {
        Ok(entries) => entries,
        Err((at, fault)) => {
            context.findings.at(
                Code::KeyType,
                FILE,
                Some(at),
                None,
                fault,
                "Write `key = value`, long values in quotes",
            );
            return Ok(());
        }
    };
    for (key, value, at) in entries {
        let report =
            |code, fault: String, remedy: &str| context.findings.at(code, FILE, Some(at), Some(&key), fault, remedy);
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
                Some(limit) => limits.push((FILE.to_owned(), limit)),
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
