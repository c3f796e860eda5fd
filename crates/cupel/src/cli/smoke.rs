//! `cupel smoke`: runs the samples of each available language through a server's HTTP API.
//!
//! The samples are compiled into this binary. The server reports which languages are available.

pub(super) mod args;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use cupel_languages::{Language, Registry, Sample};
use serde_json::{Value, json};
use ureq::Agent;

use self::args::Smoke;
use super::remote::limits;
use super::{CommandResult, Exit, Failure, OrExit};
use crate::terminal::{Table, bad, bold, good};

/// Maximum number of submissions that wait or run at the same time, far below the burst that the rate limit allows.
const UNDER_WAY_MAX: usize = 16;

/// Maximum time for which the result of one sample is awaited; also the maximum time of one request with its
/// repetitions.
const SAMPLE_MAX: Duration = Duration::from_secs(120);

pub(super) fn smoke(args: &Smoke) -> CommandResult {
    // CUPEL_KEY is the earlier name of the variable.
    let key = args.key.clone().or_else(|| std::env::var("CUPEL_KEY").ok()).filter(|key| !key.trim().is_empty());
    let key = key.ok_or_else(|| anyhow!("there is no API key: set CUPEL_API_KEY, or use --key")).or_exit(Exit::Auth)?;
    let client = Client::new(&args.url, &key);
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
        return Some(format!("expected {}, got {verdict} {details}", sample.verdict));
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
        let version = version.unwrap_or("-").to_owned();
        table.row(vec![language.id.to_string(), version, samples, compile, ms(&hello["wall_time_ms"]), memory]);
        failures.extend(failed);
    }
    table.print();
    failures.iter().for_each(|failure| outln!("{failure}"));
    if failures.is_empty() { Exit::Ok } else { Exit::Failed }
}

struct Client {
    agent: Agent,
    base: String,
    authorization: String,
}

impl Client {
    fn new(url: &str, key: &str) -> Client {
        let config = Agent::config_builder().timeout_global(Some(SAMPLE_MAX)).http_status_as_error(false).build();
        Client {
            agent: config.into(),
            base: format!("{}/api/v1", url.trim_end_matches('/')),
            authorization: format!("Bearer {key}"),
        }
    }

    /// Returns the languages that the server offers, by id.
    fn languages(&self) -> Result<BTreeMap<String, Value>, Failure> {
        let body = self.get("/languages")?;
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
        let answer = self.request(|| {
            self.agent
                .post(format!("{}/execute", self.base))
                .header("authorization", &self.authorization)
                .send_json(&body)
        })?;
        let id = answer["submission_id"].as_str().map(str::to_owned);
        id.with_context(|| format!("the server did not accept {} {}: {answer}", language.id, sample.name))
            .or_exit(Exit::Server)
    }

    /// Waits for a submission's end and returns its final state.
    fn result(&self, id: &str) -> Result<Value, Failure> {
        let begun = Instant::now();
        loop {
            let answer = self.get(&format!("/execute/{id}?wait=10"))?;
            if !matches!(answer["status"].as_str(), Some("queued" | "running")) {
                return Ok(answer);
            }
            if begun.elapsed() > SAMPLE_MAX {
                return Err(anyhow!("submission {id} did not end within {SAMPLE_MAX:?}")).or_exit(Exit::Server);
            }
        }
    }

    fn get(&self, path: &str) -> Result<Value, Failure> {
        self.request(|| {
            self.agent.get(format!("{}{path}", self.base)).header("authorization", &self.authorization).call()
        })
    }

    /// Sends a request. If the rate limit refuses it, waits as long as `Retry-After` says and sends it again, for at
    /// most [`SAMPLE_MAX`].
    fn request(
        &self,
        send: impl Fn() -> Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Value, Failure> {
        let begun = Instant::now();
        loop {
            let mut response = send().with_context(|| format!("cannot reach {}", self.base)).or_exit(Exit::Server)?;
            let status = response.status().as_u16();
            let retry_after = response.headers().get("retry-after").and_then(|v| v.to_str().ok()?.parse().ok());
            if let (429, Some(seconds)) = (status, retry_after) {
                let pause = Duration::from_secs(u64::max(seconds, 1));
                if begun.elapsed().saturating_add(pause) <= SAMPLE_MAX {
                    std::thread::sleep(pause);
                    continue;
                }
            }
            let body: Value = response
                .body_mut()
                .read_json()
                .with_context(|| format!("{} did not answer in JSON ({status})", self.base))
                .or_exit(Exit::Server)?;
            return match status {
                200..=299 => Ok(body),
                401 | 403 => Err(anyhow!("the server refused the key: {}", detail(&body))).or_exit(Exit::Auth),
                404 => Err(anyhow!("{} answered 404; is the URL right? {}", self.base, detail(&body)))
                    .or_exit(Exit::NotFound),
                _ => Err(anyhow!("the server answered {status}: {body}")).or_exit(Exit::Server),
            };
        }
    }
}

/// The sentence of an error response (RFC 9457), or the whole response.
fn detail(body: &Value) -> String {
    body["detail"].as_str().map_or_else(|| body.to_string(), str::to_owned)
}
