//! Stored format of shared programs. JSON escapes NUL, which a text of PostgreSQL cannot contain.

use std::time::Duration;

use cupel_core::snippets::Snippet;
use cupel_types::Bytes;
use serde::{Deserialize, Serialize};

use super::{RowError, bad};

#[derive(Serialize, Deserialize)]
struct SnippetRow {
    language: String,
    source: String,
    files: Vec<(String, String)>,
    args: Vec<String>,
    stdin: String,
    cpu_time_ms: Option<u64>,
    memory_bytes: Option<u64>,
    /// Absent in programs that were stored before this field existed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    artifacts: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    terminal: bool,
}

pub(crate) fn encode_snippet(snippet: &Snippet) -> Result<String, RowError> {
    let Snippet { language, source, files, args, stdin, cpu_time, memory, artifacts, title, terminal } =
        snippet.clone();
    let cpu_time_ms = cpu_time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let memory_bytes = memory.map(Bytes::get);
    let language = language.as_str().to_owned();
    let row =
        SnippetRow { language, source, files, args, stdin, cpu_time_ms, memory_bytes, artifacts, title, terminal };
    Ok(serde_json::to_string(&row)?)
}

pub(crate) fn decode_snippet(text: &str) -> Result<Snippet, RowError> {
    let SnippetRow { language, source, files, args, stdin, cpu_time_ms, memory_bytes, artifacts, title, terminal } =
        serde_json::from_str(text)?;
    Ok(Snippet {
        language: language.parse().map_err(|_| bad("program"))?,
        source,
        files,
        args,
        stdin,
        cpu_time: cpu_time_ms.map(Duration::from_millis),
        memory: memory_bytes.map(Bytes::new),
        artifacts,
        title,
        terminal,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_without_later_fields_has_the_text_of_earlier_versions() {
        let text =
            r#"{"language":"c","source":"s","files":[],"args":[],"stdin":"","cpu_time_ms":null,"memory_bytes":1024}"#;
        let snippet = decode_snippet(text).unwrap();
        assert_eq!((&snippet.artifacts, &snippet.title, snippet.terminal), (&Vec::new(), &None, false));
        assert_eq!(encode_snippet(&snippet).unwrap(), text);
    }
}
