//! The machine on which the suite runs: how slow it is, and which trials to run there.
//!
//! `CUPEL_TEST_SLOWNESS=N`: everything takes N times as long, for example under emulation. Timeouts and time limits of
//! trials, and the allowance for the kernel's own work, are multiplied by N. The sandbox does not read this variable.
//! `CUPEL_TEST_ONLY="NAME..."`: runs only trials whose names contain one of these words.

use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Duration;

use libtest_mimic::Trial;

use crate::kit::Fixtures;
use crate::truth;

/// Maximum slowness. With a higher value, a single trial could take hours.
const SLOWNESS_MAX: u32 = 100;

/// Factor by which this machine is slower than the machine for which the trials' figures were chosen.
pub(crate) fn slowness() -> u32 {
    static SLOWNESS: OnceLock<u32> = OnceLock::new();
    *SLOWNESS.get_or_init(|| {
        let Ok(text) = std::env::var("CUPEL_TEST_SLOWNESS") else { return 1 };
        let slowness =
            text.parse().unwrap_or_else(|_| panic!("CUPEL_TEST_SLOWNESS is {text:?}; it must be an integer"));
        assert!(
            (1..=SLOWNESS_MAX).contains(&slowness),
            "CUPEL_TEST_SLOWNESS is {text}; it must be from 1 to {SLOWNESS_MAX}"
        );
        slowness
    })
}

/// A duration multiplied by this machine's slowness.
pub(crate) fn patient(elsewhere: Duration) -> Duration {
    elsewhere * slowness()
}

/// Output lines that depend on the kernel version: (major, minor) of the first newer kernel, the line of older kernels,
/// and the line of newer ones.
const OLDER_KERNELS: [((u32, u32), &str, &str); 2] = [
    // Landlock denies truncation since ABI 3. On older kernels the read-only root denies it.
    ((6, 2), "truncate: EROFS\n", "truncate: EACCES\n"),
    // A whiteout is not a device, and cannot be opened. Kernels differ on whether MAKE_CHAR covers it, and stable
    // kernels change this in updates. So either result is accepted.
    ((u32::MAX, 0), "whiteout: OK\n", "whiteout: EACCES\n"),
];

/// Replaces lines that are specific to this kernel by the lines that a program prints on a new kernel.
pub(crate) fn as_on_a_new_kernel(output: &str) -> String {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = release.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    let here = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    OLDER_KERNELS
        .iter()
        .filter(|(since, ..)| here < *since)
        .fold(output.to_owned(), |output, (_, older, newer)| output.replace(older, newer))
}

/// The trials selected by `CUPEL_TEST_ONLY`; all trials if it is unset or empty.
pub(crate) fn wanted(trials: Vec<Trial>) -> Vec<Trial> {
    let names = std::env::var("CUPEL_TEST_ONLY").unwrap_or_default();
    let names: Vec<&str> = names.split_whitespace().collect();
    trials.into_iter().filter(|t| names.is_empty() || names.iter().any(|name| t.name().contains(name))).collect()
}

/// The `__make-fixtures` mode: compiles the hostile programs and prints their directory, for use on a machine that is
/// too slow to compile them. With `truth`, also compiles the programs of the truth table, into a directory beside the
/// first.
pub(crate) fn make_fixtures_if_asked() -> Option<ExitCode> {
    if std::env::args().nth(1).as_deref() != Some("__make-fixtures") {
        return None;
    }
    let shown = Fixtures::make().shown;
    if std::env::args().nth(2).as_deref() == Some("truth") {
        truth::programs();
    }
    println!("{}", shown.parent().unwrap_or(&shown).display());
    Some(ExitCode::SUCCESS)
}
