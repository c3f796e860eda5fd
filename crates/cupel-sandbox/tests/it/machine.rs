//! The machine the suite runs on: how slow it is, and which trials are wanted there.
//!
//! `CUPEL_TEST_SLOWNESS=N`: everything takes N times as long, as under emulation. Waits and time limits of trials, and
//! what is allowed for the kernel's own work beside a program's, grow by that. The sandbox knows nothing of it.
//! `CUPEL_TEST_ONLY="NAME..."`: only trials whose names contain one of these.

use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Duration;

use libtest_mimic::Trial;

use crate::kit::Fixtures;
use crate::truth;

/// The greatest slowness: with more, one trial may take hours.
const SLOWNESS_MAX: u32 = 100;

/// By how much this machine is slower than the one the trials' figures are meant for.
pub(crate) fn slowness() -> u32 {
    static SLOWNESS: OnceLock<u32> = OnceLock::new();
    *SLOWNESS.get_or_init(|| {
        let Ok(text) = std::env::var("CUPEL_TEST_SLOWNESS") else { return 1 };
        let slowness = text.parse().unwrap_or_else(|_| panic!("CUPEL_TEST_SLOWNESS is no whole number: {text:?}"));
        assert!((1..=SLOWNESS_MAX).contains(&slowness), "CUPEL_TEST_SLOWNESS is not from 1 to {SLOWNESS_MAX}: {text}");
        slowness
    })
}

/// As long as this takes here.
pub(crate) fn patient(elsewhere: Duration) -> Duration {
    elsewhere * slowness()
}

/// What a program says where kernels differ: as kernels before (major, minor) say it, and as the newer ones do.
const OLDER_KERNELS: [((u32, u32), &str, &str); 2] = [
    // Landlock keeps files from being shortened since ABI 3. Before, the read-only root is the first to object.
    ((6, 2), "truncate: EROFS\n", "truncate: EACCES\n"),
    // A whiteout is no device, and nobody can open it: kernels differ about whether MAKE_CHAR is about it as well, and
    // maintained ones are changed meanwhile.
    ((u32::MAX, 0), "whiteout: OK\n", "whiteout: EACCES\n"),
];

/// What a program said on this kernel in the words of a new one.
pub(crate) fn as_on_a_new_kernel(said: &str) -> String {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = release.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    let here = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    OLDER_KERNELS
        .iter()
        .filter(|(since, ..)| here < *since)
        .fold(said.to_owned(), |said, (_, older, newer)| said.replace(older, newer))
}

/// The trials that were asked for by name; all if none was.
pub(crate) fn wanted(trials: Vec<Trial>) -> Vec<Trial> {
    let names = std::env::var("CUPEL_TEST_ONLY").unwrap_or_default();
    let names: Vec<&str> = names.split_whitespace().collect();
    trials.into_iter().filter(|t| names.is_empty() || names.iter().any(|name| t.name().contains(name))).collect()
}

/// `__make-fixtures` compiles the hostile programs and prints where they are, for a machine on which that would take
/// long; with `truth`, it compiles those of the table of truth as well, which lie beside them.
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
