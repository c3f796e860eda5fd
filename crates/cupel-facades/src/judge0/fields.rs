//! The fields of a submission, and their selection by the parameter `fields`.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;

/// All fields, in the order of the original's responses.
pub(super) const ALL: [&str; 35] = [
    "source_code",
    "language_id",
    "stdin",
    "expected_output",
    "stdout",
    "status_id",
    "created_at",
    "finished_at",
    "time",
    "memory",
    "stderr",
    "token",
    "number_of_runs",
    "cpu_time_limit",
    "cpu_extra_time",
    "wall_time_limit",
    "memory_limit",
    "stack_limit",
    "max_processes_and_or_threads",
    "enable_per_process_and_thread_time_limit",
    "enable_per_process_and_thread_memory_limit",
    "max_file_size",
    "compile_output",
    "exit_code",
    "exit_signal",
    "message",
    "wall_time",
    "compiler_options",
    "command_line_arguments",
    "redirect_stderr_to_stdout",
    "callback_url",
    "additional_files",
    "enable_network",
    "status",
    "language",
];

/// The fields of a response if the request selects none.
const DEFAULT: [&str; 8] = ["stdout", "time", "memory", "stderr", "token", "compile_output", "message", "status"];

/// Selected fields, in the order of [`ALL`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fields(Vec<&'static str>);

impl Default for Fields {
    fn default() -> Fields {
        Fields(DEFAULT.to_vec())
    }
}

impl Fields {
    /// Parses the parameter `fields`: names separated by commas; `*` means all.
    ///
    /// # Errors
    /// The message of the original, with the unknown names.
    pub(super) fn parse(text: Option<&str>) -> Result<Fields, String> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(Fields::default()) };
        // Ruby's `split` omits empty pieces at the end.
        let names: Vec<&str> = text.trim_end_matches(',').split(',').collect();
        if names.contains(&"*") {
            return Ok(Fields(ALL.to_vec()));
        }
        let unknown: Vec<&str> = names.iter().copied().filter(|name| !ALL.contains(name)).collect();
        if !unknown.is_empty() {
            return Err(format!("invalid fields: [{}]", unknown.join(", ")));
        }
        Ok(Fields(ALL.into_iter().filter(|name| names.contains(name)).collect()))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().copied()
    }
}

/// A JSON object whose members keep their order.
#[derive(Clone, Debug)]
pub(super) struct Object(pub(super) Vec<(&'static str, Value)>);

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_selected_by_name_in_the_order_of_the_original() {
        let parsed = |text: &str| Fields::parse(Some(text)).map(|fields| fields.0.join(" "));
        assert_eq!(parsed("status,token,stdout").unwrap(), "stdout token status");
        assert_eq!(parsed("").unwrap(), DEFAULT.join(" "));
        assert_eq!(parsed("token,").unwrap(), "token");
        assert_eq!(parsed("*").unwrap(), ALL.join(" "));
        assert_eq!(parsed("nonsense,*").unwrap(), ALL.join(" "));
        assert_eq!(parsed("token,foo,bar").unwrap_err(), "invalid fields: [foo, bar]");
        assert_eq!(parsed("token, stdout").unwrap_err(), "invalid fields: [ stdout]");
        assert_eq!(parsed("id").unwrap_err(), "invalid fields: [id]");
    }
}
