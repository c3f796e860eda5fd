//! Reads the credentials for a registry from a file like Docker's `config.json`, or asks the helper that it names.
//!
//! A helper is a program `docker-credential-NAME`, which is killed if it does not answer in time. Sources: Docker CLI,
//! "Credential store"; docker-credential-helpers.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use docker_credential::CredentialRetrievalError::NoCredentialConfigured;
use docker_credential::DockerCredential;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use serde::Deserialize;

/// Maximum time for the answer of a helper. It may ask the user for a password.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Maximum size of the answer of a helper, in bytes.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Pause between two questions whether a helper has ended.
const PAUSE: Duration = Duration::from_millis(10);

/// The names of helpers in a file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Helpers {
    #[serde(default)]
    cred_helpers: HashMap<String, String>,
    creds_store: Option<String>,
}

/// The answer of a helper.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// The credentials for a registry; `None` if there are none. The error is the reason why they cannot be read, without
/// secrets.
pub(super) fn read(mut file: impl Read, registry: &str) -> Result<Option<DockerCredential>, String> {
    let mut text = Vec::new();
    file.read_to_end(&mut text).map_err(|error| format!("cannot read them: {error}"))?;
    let helpers: Option<Helpers> = serde_json::from_slice(&text).ok();
    if let Some(name) = helpers.as_ref().and_then(|helpers| helpers.cred_helpers.get(registry)).filter(named) {
        return ask(&format!("docker-credential-{name}"), registry, ANSWER_MAX);
    }
    // The helpers are left out, so that `docker_credential` starts no program, which it could not end.
    if let Ok(serde_json::Value::Object(mut file)) = serde_json::from_slice(&text) {
        file.remove("credHelpers");
        file.remove("credsStore");
        text = serde_json::Value::Object(file).to_string().into_bytes();
    }
    match docker_credential::get_credential_from_reader(text.as_slice(), registry) {
        Ok(credential) => Ok(Some(credential)),
        Err(NoCredentialConfigured) => match helpers.and_then(|helpers| helpers.creds_store).as_ref().filter(named) {
            Some(name) => ask(&format!("docker-credential-{name}"), registry, ANSWER_MAX),
            None => Ok(None),
        },
        Err(other) => Err(other.to_string()),
    }
}

fn named(name: &&String) -> bool {
    !name.is_empty()
}

/// Asks a helper for the credentials.
fn ask(helper: &str, registry: &str, answer_max: Duration) -> Result<Option<DockerCredential>, String> {
    let deadline = Instant::now() + answer_max;
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::TimedOut => {
            format!("the credential helper `{helper}` did not answer within {} s", answer_max.as_secs())
        }
        _ => format!("cannot use the credential helper `{helper}`: {error}"),
    };
    let mut command = Command::new(helper);
    // What a helper prints may contain secrets.
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(failed)?;
    let answered = answer(&mut child, registry, deadline);
    if answered.is_err() {
        // This fails only if the helper has ended.
        let _ = child.kill();
        let _ = child.wait();
    }
    let (text, has_succeeded) = answered.map_err(failed)?;
    if !has_succeeded {
        // What every helper prints if it has no credentials for a registry. Source: docker-credential-helpers,
        // `credentials/error.go`.
        let has_none = String::from_utf8_lossy(&text).contains("credentials not found");
        return if has_none { Ok(None) } else { Err(format!("the credential helper `{helper}` has failed")) };
    }
    let Ok(Answer { username, secret }) = serde_json::from_slice(&text) else {
        return Err(format!("the credential helper `{helper}` sent a malformed answer"));
    };
    Ok(Some(match username.as_str() {
        "<token>" => DockerCredential::IdentityToken(secret),
        _ => DockerCredential::UsernamePassword(username, secret),
    }))
}

/// What a helper prints until it ends, and whether it succeeds.
fn answer(child: &mut Child, registry: &str, deadline: Instant) -> io::Result<(Vec<u8>, bool)> {
    let left = || deadline.checked_duration_since(Instant::now()).ok_or(io::ErrorKind::TimedOut);
    if let Some(mut question) = child.stdin.take() {
        // A helper may end without reading the question.
        let _ = question.write_all(registry.as_bytes());
    }
    let mut text = Vec::new();
    if let Some(mut output) = child.stdout.take() {
        let mut part = [0; 4096];
        loop {
            let left = Timespec::try_from(left()?).ok();
            match poll(&mut [PollFd::new(&output, PollFlags::IN)], left.as_ref()) {
                Ok(0) | Err(Errno::INTR) => continue,
                other => other?,
            };
            match output.read(&mut part)? {
                0 => break,
                n => text.extend_from_slice(&part[..n]),
            }
            if text.len() as u64 > ANSWER_BYTES_MAX {
                return Err(io::Error::other(format!("its answer has more than {ANSWER_BYTES_MAX} bytes")));
            }
        }
    }
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((text, status.success()));
        }
        std::thread::sleep(PAUSE.min(left()?));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks a helper that is a shell script. Another process writes the script: if this one did, a process that another
    /// test starts at the same time could inherit the open file, and the script could not be executed (`ETXTBSY`).
    fn ask_script(script: &str, answer_max: Duration) -> Result<Option<DockerCredential>, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("docker-credential-test");
        let write = r#"printf '#!/bin/sh\n%s\n' "$1" > "$0" && chmod 755 "$0""#;
        let written = Command::new("sh").args(["-c", write]).arg(&path).arg(script).status().unwrap();
        assert!(written.success());
        ask(path.to_str().unwrap(), "registry.example", answer_max)
    }

    #[test]
    fn a_helper_gets_the_registry_and_answers_with_a_password_a_token_or_nothing() {
        let ask = |script: &str| ask_script(script, ANSWER_MAX);
        let script = r#"read -r host; echo "{\"ServerURL\":\"$host\",\"Username\":\"$1 $host\",\"Secret\":\"s\"}""#;
        let password = DockerCredential::UsernamePassword("get registry.example".to_owned(), "s".to_owned());
        assert_eq!(ask(script), Ok(Some(password)));
        let token = ask(r#"echo '{"Username":"<token>","Secret":"t"}'"#);
        assert_eq!(token, Ok(Some(DockerCredential::IdentityToken("t".to_owned()))));
        assert_eq!(ask("echo 'credentials not found in native keychain'; exit 1"), Ok(None));
        for (script, expected) in [
            ("echo secret; exit 1", "has failed"),
            ("echo secret", "sent a malformed answer"),
            ("exec yes", "has more than 1048576 bytes"),
        ] {
            let error = ask(script).unwrap_err();
            assert!(error.ends_with(expected) && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_helper_that_does_not_answer_is_killed() {
        for hang in ["exec sleep 1000", "exec sleep 1000 >&-"] {
            let directory = tempfile::tempdir().unwrap();
            let pid = directory.path().join("pid");
            // On a slow machine, the helper may be killed before it writes its process id, so the time grows.
            let pid = [1, 4, 16, 64].into_iter().find_map(|seconds| {
                let script = format!("echo $$ > {}; {hang}", pid.display());
                let error = ask_script(&script, Duration::from_secs(seconds)).unwrap_err();
                assert!(error.ends_with(&format!("did not answer within {seconds} s")), "{hang}: {error}");
                std::fs::read_to_string(&pid).ok().filter(|pid| pid.ends_with('\n'))
            });
            let pid = pid.expect("the helper writes its process id");
            assert!(!std::path::Path::new("/proc").join(pid.trim()).exists(), "{hang}");
        }
    }

    #[test]
    fn a_helper_for_a_registry_precedes_the_file_and_the_general_helper_follows_it() {
        let config = |more: &str| format!(r#"{{"auths":{{"a":{{"username":"u","password":"p"}}}},{more}}}"#);
        let of = |more: &str, registry: &str| read(config(more).as_bytes(), registry);
        let password = Ok(Some(DockerCredential::UsernamePassword("u".to_owned(), "p".to_owned())));
        assert!(of(r#""credHelpers":{"a":"cupel-is-not-there"}"#, "a").is_err());
        assert_eq!(of(r#""credHelpers":{"a":""}"#, "a"), password);
        assert_eq!(of(r#""credsStore":"cupel-is-not-there""#, "a"), password);
        assert!(of(r#""credsStore":"cupel-is-not-there""#, "b").is_err());
        assert_eq!(of(r#""credsStore":"""#, "b"), Ok(None));
    }
}
