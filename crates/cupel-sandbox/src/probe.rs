//! The attacker `doctor` sends into a cell: our own executable, started there as one small attack at a time.

/// The argument by which our own executable knows that it was started as a probe.
pub(crate) const PROBE_ARGUMENT: &str = "__cupel-probe";

/// Runs one attack and says on standard output what came of it.
pub(crate) fn main(name: &str) -> ! {
    println!("{name}");
    std::process::exit(0)
}
