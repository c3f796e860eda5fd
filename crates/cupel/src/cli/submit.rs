//! `cupel submit`: submits a solution to a problem of a server, and follows it to the verdict.

pub(super) mod args;

use std::io::{self, IsTerminal};

use cupel_languages::Registry;
use cupel_types::{Bytes, Verdict};
use serde_json::Value;

use self::args::Submit;
use super::remote::live::{Target, Watcher, follow};
use super::remote::{Server, server_and_slug, source_fields, submitted};
use super::run::{by_extension, file_in_box};
use super::{CommandResult, Exit, allowed};
use crate::terminal::{bad, dim, good, harmless};

/// Maximum size of the source that is read. The problem also has its own bound.
const SOURCE_BYTES_MAX: Bytes = Bytes::mib(64);

pub(super) fn submit(args: &Submit) -> CommandResult {
    let registry = Registry::load(None)?;
    let (language, file) = match &args.language {
        Some(name) => (name.clone(), registry.find(name).and_then(|language| file_in_box(&args.file, language))),
        None => {
            let language = by_extension(&registry, &args.file)?;
            (language.id.to_string(), file_in_box(&args.file, language))
        }
    };
    let source = allowed::read_file(&args.file, SOURCE_BYTES_MAX)?;
    let (server, slug) = server_and_slug(&args.problem, &args.server_url, &args.credentials, Server::new)?;
    let request = source_fields(&language, file.as_ref(), &source);
    let accepted = server.post(&format!("/problems/{slug}/submissions"), &request)?;
    let id = submitted(&accepted)?;
    if args.no_wait {
        outln!("{}", harmless(&id));
        return Ok(Exit::Ok);
    }
    let mut progress = Progress { is_shown: io::stderr().is_terminal(), test: 0 };
    let followed = follow(&server, Target::Attach(id.clone()), None, &mut progress)?;
    progress.show("");
    if let Some(signal) = followed.stopped_by {
        return Ok(Exit::Program(u8::try_from(128 + signal).unwrap_or(1)));
    }
    let result = server.result(&id)?;
    if args.json {
        outln!("{result:#}");
    } else {
        show(&result);
    }
    Ok(match result["verdict"].as_str() {
        Some("AC") => Exit::Ok,
        Some("JE") | None => Exit::System,
        Some(_) => Exit::Failed,
    })
}

/// Shows the current phase in one line of the terminal.
struct Progress {
    is_shown: bool,
    test: u32,
}

impl Progress {
    fn show(&self, phase: &str) {
        if self.is_shown {
            err!("\r\x1b[K{phase}");
        }
    }
}

impl Watcher for Progress {
    fn event(&mut self, name: &str, data: &Value) {
        match name {
            "queued" => self.show("queued"),
            "started" => self.test = 0,
            "compile.start" => self.show("compiling"),
            "test.start" => {
                self.test += 1;
                let test = data["test"].as_str().map_or_else(|| self.test.to_string(), harmless);
                self.show(&format!("test {test}"));
            }
            _ => {}
        }
    }

    fn note(&mut self, text: &str) {
        self.show("");
        errln!("{}", dim(&harmless(text)));
    }

    fn connection(&mut self, _is_lost: bool) {}

    fn cancelled(&mut self) -> bool {
        false
    }
}

/// Prints the verdict, the number of accepted tests, time and memory, and why the solution is not accepted.
fn show(result: &Value) {
    let verdict = result["verdict"].as_str().unwrap_or_default();
    let title = Verdict::from_code(verdict).map_or_else(|| harmless(verdict), |verdict| verdict.title().to_owned());
    let tests = result["problem"]["tests"].as_array().map_or(&[][..], Vec::as_slice);
    let accepted = tests.iter().filter(|test| test["verdict"] == "AC").count();
    let mut facts = Vec::new();
    if tests.iter().any(|test| test["verdict"].is_string()) {
        facts.push(format!("{accepted}/{} tests", tests.len()));
    }
    if let Some(score) = result["problem"]["score"].as_f64() {
        facts.push(format!("score {score}"));
    }
    facts.extend(result["execution_time_ms"].as_u64().map(|ms| format!("{ms} ms")));
    facts.extend(result["memory_used_kb"].as_u64().map(|kb| format!("{:.1} MiB", kb as f64 / 1024.0)));
    facts.extend(result["submission_id"].as_str().map(harmless));
    let title = if verdict == "AC" { good(&title) } else { bad(&title) };
    outln!("{title} {}", dim(&format!("· {}", facts.join(" · "))));
    for field in ["compilation_error", "message"] {
        if let Some(text) = result[field].as_str() {
            outln!("{}", harmless(text.trim_end()));
        }
    }
}
