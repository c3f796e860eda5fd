//! Starter code for a problem: its signature in a language and, as a comment, the first sample of the statement.

use std::io::{self, Read};

use cupel_languages::Language;

use super::{Driver, FunctionCase};
use cupel_problem::{FileRef, Package};

/// Maximum number of bytes read from the input and from the answer of a sample.
const SAMPLE_BYTES_MAX: u64 = 1 << 20;

/// The template of a submission. `None` if the problem is not a function problem, or the language has no driver.
///
/// # Errors
/// If a sample cannot be read.
pub fn starter_code(package: &Package, language: &Language) -> io::Result<Option<String>> {
    let driver = language.driver.as_deref().and_then(Driver::named);
    let (Some(signature), Some(driver)) = (&package.problem.signature, driver) else { return Ok(None) };
    // Only a sample that the statement shows: other tests may be secret.
    let sample = package.problem.tests.cases().find(|case| case.shown.is_some());
    let read = |file: &FileRef| {
        let mut data = Vec::new();
        package.open(file)?.take(SAMPLE_BYTES_MAX).read_to_end(&mut data)?;
        io::Result::Ok(data)
    };
    let texts = match sample {
        Some(case) => case.answer.as_ref().map(|answer| Ok((read(&case.input)?, read(answer)?))),
        None => None,
    };
    let texts: Option<(Vec<u8>, Vec<u8>)> = texts.transpose().map_err(|error: io::Error| error)?;
    let calls = texts.as_ref().and_then(|(input, answer)| {
        let case = FunctionCase::read(signature, input).ok()?;
        let expected = case.expected(answer).ok()?;
        Some((case, expected))
    });
    Ok(Some(driver.template(signature, calls.as_ref().map(|(case, expected)| (case, expected)))))
}
