//! Errors in a submission, reported with the field names and units of the request body, which differ from core's.

use cupel_core::{FAULTS_MAX, InputFault, InputFaultKind};
use cupel_http::body::dotted;
use cupel_http::error::{ApiError, ErrorKind, FieldError};

/// Field names that the client used, so that errors can point to them.
#[derive(Clone, Copy, Default)]
pub(crate) struct Shape {
    has_source_code: bool,
    /// The client's name for standard input.
    stdin: Option<&'static str>,
    /// The client's name for the version of the language, if it is not part of `language`.
    version: Option<&'static str>,
}

impl Shape {
    /// `input` and `stdin_base64`: whether the client used these names for standard input.
    pub(super) fn new(has_source_code: bool, input: bool, stdin_base64: bool) -> Shape {
        let stdin = match (input, stdin_base64) {
            (true, _) => Some("/input"),
            (false, true) => Some("/stdin_base64"),
            (false, false) => None,
        };
        Shape { has_source_code, stdin, version: None }
    }

    /// Sets the name of the field, `version` or `image`, if the client sent the version of the language in a separate
    /// field.
    pub(super) fn with_version(self, has_version: bool, has_image: bool) -> Shape {
        let version = match (has_version, has_image) {
            (true, _) => Some("/version"),
            (false, true) => Some("/image"),
            (false, false) => None,
        };
        Shape { version, ..self }
    }

    /// Converts core's pointer to a pointer into the request body. Core counts the main source as file 0 and has sizes
    /// in bytes; the request body has `source_code` and sizes in KiB (`_kb`).
    fn pointer(self, core: &str) -> String {
        let Some(rest) = core.strip_prefix("/files/") else {
            return match core {
                "/language/version" => self.version.unwrap_or("/language").to_owned(),
                "/stdin" => self.stdin.unwrap_or("/stdin").to_owned(),
                "/files" if self.has_source_code => "/files".to_owned(),
                "/limits/memory_bytes" => "/limits/memory_kb".to_owned(),
                "/limits/address_space_bytes" => "/limits/address_space_kb".to_owned(),
                "/limits/file_size_bytes" => "/limits/file_size_kb".to_owned(),
                "/limits/disk_bytes" => "/limits/disk_kb".to_owned(),
                "/limits/output_bytes" => "/limits/output_kb".to_owned(),
                "/limits/stack_bytes" => "/limits/stack_kb".to_owned(),
                other => other.to_owned(),
            };
        };
        if !self.has_source_code {
            return core.to_owned();
        }
        let (index, below) = rest.split_once('/').map_or((rest, None), |(index, below)| (index, Some(below)));
        match (index.parse::<usize>(), below) {
            (Ok(0), _) => "/source_code".to_owned(),
            (Ok(n), None) => format!("/files/{}", n - 1),
            (Ok(n), Some(below)) => format!("/files/{}/{below}", n - 1),
            (Err(_), _) => core.to_owned(),
        }
    }
}

/// Errors in the form of a request: at most as many as core reports, and an entry that states that there are more.
#[derive(Default)]
pub(crate) struct FormFaults(Vec<FieldError>);

impl FormFaults {
    /// Adds an error at `place` below `base`. Beyond the maximum, adds only the entry about further errors, once.
    pub(crate) fn push(&mut self, base: &str, place: &str, detail: impl Into<String>) {
        match self.0.len() {
            0..FAULTS_MAX => self.0.push(FieldError::new(format!("{base}{place}"), detail)),
            FAULTS_MAX => {
                let detail = format!("There are more errors. These are the first {FAULTS_MAX}.");
                self.0.push(FieldError::new(base, detail));
            }
            _ => {}
        }
    }

    /// Returns an error if there are any faults.
    pub(super) fn none(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(self.into_error()) }
    }

    pub(crate) fn into_error(self) -> ApiError {
        let detail = self.0.first().map(detail_with_place).unwrap_or_default();
        ApiError::new(ErrorKind::InvalidBody, detail).with_errors(self.0)
    }
}

pub(super) fn faults_of_core<'b>(faults: Vec<InputFault>, place: impl Fn(usize) -> (&'b str, Shape)) -> ApiError {
    let mut kinds = faults.iter().map(|fault| kind_of(fault.kind));
    let first = kinds.next().unwrap_or(ErrorKind::InvalidSubmission);
    let kind = if kinds.all(|kind| kind == first) { first } else { ErrorKind::InvalidSubmission };
    let errors = faults.into_iter().map(|fault| {
        let (base, shape) = place(fault.index.unwrap_or_default());
        let base = match fault.index {
            Some(index) => base.replace("{}", &index.to_string()),
            None => base.trim_end_matches("/{}").to_owned(),
        };
        let pointer = format!("{base}{}", shape.pointer(&fault.pointer));
        FieldError::new(pointer, sentence(&fault.detail)).of_kind(fault.kind)
    });
    let errors: Vec<FieldError> = errors.collect();
    let detail = errors.first().map(|first| match kind {
        // The name of the language shows which field is meant, unless there are several.
        ErrorKind::UnknownLanguage | ErrorKind::LanguageUnavailable if !is_in_list(&first.pointer) => {
            first.detail.clone()
        }
        _ => detail_with_place(first),
    });
    ApiError::new(kind, detail.unwrap_or_default()).with_errors(errors)
}

/// The detail of an error with the place in front, unless the detail names it: many clients show only the `detail` of a
/// problem document. Ends with the detail as it is in `errors`.
fn detail_with_place(error: &FieldError) -> String {
    let FieldError { pointer, detail, .. } = error;
    let place = dotted(pointer);
    let named = if is_in_list(pointer) { &place } else { pointer.rsplit('/').next().unwrap_or_default() };
    if named.is_empty() || detail.contains(&format!("`{named}`")) {
        detail.clone()
    } else {
        format!("`{place}`: {detail}")
    }
}

/// Whether the place is in a submission of a batch.
fn is_in_list(pointer: &str) -> bool {
    pointer.starts_with("/submissions/")
}

/// The text as a sentence: with a capital letter, and with a full stop unless it ends with another punctuation mark.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let end = if text.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

fn kind_of(kind: InputFaultKind) -> ErrorKind {
    match kind {
        InputFaultKind::UnknownLanguage => ErrorKind::UnknownLanguage,
        InputFaultKind::LanguageUnavailable => ErrorKind::LanguageUnavailable,
        InputFaultKind::TooLarge | InputFaultKind::TooMany => ErrorKind::SubmissionTooLarge,
        InputFaultKind::BadPath => ErrorKind::InvalidPath,
        InputFaultKind::LimitInvalid | InputFaultKind::LimitAboveMaximum => ErrorKind::InvalidLimit,
        InputFaultKind::BadWebhook => ErrorKind::InvalidWebhook,
        InputFaultKind::Missing
        | InputFaultKind::BadArgument
        | InputFaultKind::BadEnv
        | InputFaultKind::BadTest
        | InputFaultKind::BadInput
        | InputFaultKind::RunAtTooFar
        | InputFaultKind::BadUsername
        | InputFaultKind::ReservedUsername
        | InputFaultKind::BadEmail
        | InputFaultKind::BadPassword
        | InputFaultKind::PasswordIsName
        | InputFaultKind::Taken
        | InputFaultKind::BadJoinCode
        | InputFaultKind::BadName
        | InputFaultKind::BadScope
        | InputFaultKind::BadExpiry => ErrorKind::InvalidSubmission,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: `The maximum for this language is 60000 ms.`, without the limit and without the place in the batch.
    #[test]
    fn the_detail_names_the_place() {
        let text = |pointer: &str, detail: &str| detail_with_place(&FieldError::new(pointer, detail));
        let maximum = "The maximum for this language is 60000 ms.";
        assert_eq!(text("/limits/cpu_time_ms", maximum), format!("`limits.cpu_time_ms`: {maximum}"));
        assert_eq!(
            text("/submissions/2/limits/cpu_time_ms", maximum),
            format!("`submissions[2].limits.cpu_time_ms`: {maximum}")
        );
        let days = "`run_at` must be at most 30 days ahead.";
        assert_eq!(text("/run_at", days), days);
        assert_eq!(text("/request/run_at", days), days);
        assert_eq!(text("/submissions/0/run_at", days), format!("`submissions[0].run_at`: {days}"));
        assert_eq!(text("", "There are more errors."), "There are more errors.");
    }

    #[test]
    fn pointers_use_the_clients_field_names() {
        let with = Shape { has_source_code: true, stdin: Some("/input"), version: Some("/version") };
        let without = Shape::default();
        for (core, has, has_not) in [
            ("/files/0", "/source_code", "/files/0"),
            ("/files/0/path", "/source_code", "/files/0/path"),
            ("/files/2/path", "/files/1/path", "/files/2/path"),
            ("/files/1", "/files/0", "/files/1"),
            ("/language", "/language", "/language"),
            ("/language/version", "/version", "/language"),
            ("/stdin", "/input", "/stdin"),
            ("/limits/memory_bytes", "/limits/memory_kb", "/limits/memory_kb"),
            ("/limits/cpu_time_ms", "/limits/cpu_time_ms", "/limits/cpu_time_ms"),
            ("/tests/0/stdin", "/tests/0/stdin", "/tests/0/stdin"),
        ] {
            assert_eq!((&*with.pointer(core), &*without.pointer(core)), (has, has_not), "{core}");
        }
    }
}
