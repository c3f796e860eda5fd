//! The doctor: every wall holds on this machine, and the doctor names each wall that is off.

use cupel_sandbox::{SandboxConfig, Wall, WallSet, doctor};
use libtest_mimic::{Failed, Trial};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![Trial::test("doctor::every_wall_holds_here", every_wall_holds_here)];
    trials.extend(Wall::ALL.iter().map(|wall| {
        Trial::test(format!("doctor::names_the_wall_that_is_off::{wall}"), move || names_the_wall_that_is_off(*wall))
    }));
    trials
}

fn examine(walls_off: WallSet) -> Result<doctor::Examination, Failed> {
    Ok(doctor::examine(&SandboxConfig { walls_off, ..SandboxConfig::default() })?)
}

fn every_wall_holds_here() -> Result<(), Failed> {
    let examination = examine(WallSet::NONE)?;
    assert_eq!(examination.findings.len(), Wall::ALL.len(), "one finding for each wall");
    let missing: Vec<_> = examination.missing().collect();
    assert!(missing.is_empty(), "walls missing on this machine: {missing:?}");
    Ok(())
}

fn names_the_wall_that_is_off(wall: Wall) -> Result<(), Failed> {
    let examination = examine(WallSet::NONE.with(wall))?;
    let missing: Vec<Wall> = examination.missing().map(|f| f.wall).collect();
    assert!(missing.contains(&wall), "{wall} was off, but the doctor named only {missing:?}");
    // Some walls depend on others: if `wall` is off, the walls that depend on it are also missing.
    let stands_on = |other: Wall| match wall {
        Wall::NoNewPrivs => matches!(other, Wall::Seccomp | Wall::Landlock),
        Wall::FreshBox => other == Wall::DiskLimit,
        _ => false,
    };
    let others: Vec<&Wall> = missing.iter().filter(|other| **other != wall && !stands_on(**other)).collect();
    assert!(others.is_empty(), "only {wall} was off, but the doctor also named {others:?}");
    Ok(())
}
