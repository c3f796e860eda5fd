//! `cupel smoke`: runs the samples of each available language through a server's HTTP API.
//!
//! The samples are compiled into this binary. The server reports which languages are available.

pub(super) mod args;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use cupel_languages::{Language, Registry, Sample};
use serde_json::{Value, json};

use self::args::Smoke;
use super::remote::{self, Server, limits};
use super::{CommandResult, Exit, Failure, OrExit};
use crate::terminal::{Table, bad, bold, good, harmless, in_line};

/// Maximum number of submissions that wait or run at the same time, far below the burst that the rate limit allows.
const UNDER_WAY_MAX: usize = 16;

/// Maximum time for which the result of one sample is awaited.
const SAMPLE_MAX: Duration = Duration::from_secs(120);

pub(super) fn smoke(args: &Smoke) -> CommandResult {
    let client = Client(Server::with_key(&args.url, &args.credentials, Some(key(args)?))?);
    let offered = client.languages()?;
    let registry = Registry::load(None)?;
    let wanted = |id: &str| args.ids.is_empty() || args.ids.iter().any(|wanted| wanted == id);
    let languages: Vec<&Language> =
        registry.iter().filter(|l| offered.contains_key(l.id.as_str()) && wanted(l.id.as_str())).collect();
    let missing: Vec<&str> =
        args.ids.iter().map(String::as_str).filter(|id| languages.iter().all(|l| l.id.as_str() != *id)).collect();
    if !missing.is_empty() || languages.is_empty() {
        let which = if missing.is_empty() { "all languages".to_owned() } else { missing.join(", ") };
        let hint = "use ids from `cupel languages`; a language of the operator's own has no samples here";
        return Err(anyhow!("{which}: no shipped language that the server offers; {hint}")).or_exit(Exit::NotFound);
    }
    let mut results: BTreeMap<&str, Vec<SampleResult>> = BTreeMap::new();
    let mut under_way = std::collections::VecDeque::new();
    for (language, sample) in languages.iter().flat_map(|l| l.usable_samples().map(move |s| (*l, s))) {
        if under_way.len() == UNDER_WAY_MAX {
            finish(&client, &mut under_way, &mut results)?;
        }
        under_way.push_back((language, sample, client.submit(language, sample)?));
    }
    while !under_way.is_empty() {
        finish(&client, &mut under_way, &mut results)?;
    }
    Ok(print(&languages, &offered, &results))
}

/// The API key: from the command line, or else from the file or the environment. An empty text is the same as none.
fn key(args: &Smoke) -> Result<String, Failure> {
    if let Some(key) = remote::key_in(args.key.as_deref().unwrap_or_default())? {
        return Ok(key);
    }
    if let Some(key) = remote::key(&args.credentials)? {
        return Ok(key);
    }
    // The earlier name of the variable.
    remote::key_in(&std::env::var("CUPEL_KEY").unwrap_or_default())?.ok_or_else(remote::no_key)
}

/// Result of one sample.
struct SampleResult {
    failure: Option<String>,
    accepted: bool,
    answer: Value,
}

fn finish<'r>(
    client: &Client,
    under_way: &mut std::collections::VecDeque<(&'r Language, &'r Sample, String)>,
    results: &mut BTreeMap<&'r str, Vec<SampleResult>>,
) -> Result<(), Failure> {
    let Some((language, sample, id)) = under_way.pop_front() else { return Ok(()) };
    let answer = client.result(&id)?;
    let failure = wrong(sample, &answer).map(|why| format!("{} {}: {why}", bold(language.id.as_str()), sample.name));
    let accepted = answer["verdict"] == "AC";
    results.entry(language.id.as_str()).or_default().push(SampleResult { failure, accepted, answer });
    Ok(())
}

fn wrong(sample: &Sample, answer: &Value) -> Option<String> {
    let verdict = answer["verdict"].as_str().unwrap_or("none");
    if verdict != sample.verdict.code() {
        let details = ["compilation_error", "stderr", "message"]
            .into_iter()
            .find_map(|field| answer[field].as_str().filter(|s| !s.is_empty()));
        let details: String = details.unwrap_or_default().chars().take(600).collect();
        return Some(format!("expected {}, got {} {}", sample.verdict, in_line(verdict), harmless(&details)));
    }
    let message = answer["message"].as_str().unwrap_or_default();
    if let Some(expected) = sample.message.as_deref().filter(|expected| *expected != message) {
        return Some(format!("expected the message {expected:?}, got {message:?}"));
    }
    let stdout = answer["stdout"].as_str().unwrap_or_default();
    sample
        .stdout
        .as_deref()
        .filter(|expected| *expected != stdout)
        .map(|expected| format!("expected {expected:?}, got {stdout:?}"))
}

fn print(
    languages: &[&Language],
    offered: &BTreeMap<String, Value>,
    results: &BTreeMap<&str, Vec<SampleResult>>,
) -> Exit {
    let mut table = Table::new(&["LANGUAGE", "VERSION", "SAMPLES", "COMPILE", "RUN", "MEMORY"]);
    let mut failures = Vec::new();
    for language in languages {
        let results_of_language = results.get(language.id.as_str()).map_or(&[][..], Vec::as_slice);
        let failed: Vec<&String> = results_of_language.iter().filter_map(|t| t.failure.as_ref()).collect();
        let samples = match failed.len() {
            0 => good(&format!("{} ✓", results_of_language.len())),
            n => bad(&format!("{n} of {} failed", results_of_language.len())),
        };
        let hello = results_of_language.iter().find(|t| t.accepted).map_or(&Value::Null, |t| &t.answer);
        let ms = |value: &Value| value.as_u64().map_or("-".to_owned(), |ms| format!("{ms} ms"));
        let memory =
            hello["memory_used_kb"].as_u64().map_or("-".to_owned(), |kb| format!("{:.1} MiB", kb as f64 / 1024.0));
        let compile =
            if hello["compile"]["cached"] == true { "cached".to_owned() } else { ms(&hello["compile"]["time_ms"]) };
        let version =
            hello["language_version"].as_str().or_else(|| offered.get(language.id.as_str())?["version"].as_str());
        let version = in_line(version.unwrap_or("-"));
        table.row(vec![language.id.to_string(), version, samples, compile, ms(&hello["wall_time_ms"]), memory]);
        failures.extend(failed);
    }
    table.print();
    failures.iter().for_each(|failure| outln!("{failure}"));
    if failures.is_empty() { Exit::Ok } else { Exit::Failed }
}

struct Client(Server);

impl Client {
    /// Returns the languages that the server offers, by id.
    fn languages(&self) -> Result<BTreeMap<String, Value>, Failure> {
        let body = self.0.get("/languages")?;
        let all = body["languages"].as_array().cloned().unwrap_or_default();
        let available = all.into_iter().filter(|l| l["available"] != false);
        Ok(available.filter_map(|l| Some((l["language_id"].as_str()?.to_owned(), l))).collect())
    }

    fn submit(&self, language: &Language, sample: &Sample) -> Result<String, Failure> {
        let mut body = json!({
            "language": language.id.as_str(), "input": sample.stdin, "args": sample.args, "limits": limits::body(&sample.limits),
        });
        match &sample.file {
            Some(path) => body["files"] = json!([{ "path": path.as_str(), "content": sample.source }]),
            None => body["source_code"] = sample.source.clone().into(),
        }
        let submitted = self.0.post("/execute", &body).and_then(|answer| remote::submitted(&answer));
        submitted.map_err(|Failure { exit, error }| {
            let what = format!("the server did not accept {} {}", language.id, sample.name);
            Failure { exit, error: error.context(what) }
        })
    }

    /// Waits for a submission's end and returns its final state.
    fn result(&self, id: &str) -> Result<Value, Failure> {
        let begun = Instant::now();
        loop {
            let answer = self.0.result(id)?;
            if !matches!(answer["status"].as_str(), Some("queued" | "running")) {
                return Ok(answer);
            }
            if begun.elapsed() > SAMPLE_MAX {
                return Err(anyhow!("submission {id} did not end within {SAMPLE_MAX:?}")).or_exit(Exit::Server);
            }
        }
    }
}
