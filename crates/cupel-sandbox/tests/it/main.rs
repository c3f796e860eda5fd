//! The sandbox's integration suite, for example on limits, hostile programs, isolation, accounting, live input and
//! cleanup.
//!
//! One binary with a custom `main`, because this executable is also the launcher of the sandboxes it starts. Needs
//! root, and gcc for the hostile programs. Trials are named `file::rule`; every row of the hostile table is a trial.
//!
//! `cargo test -p cupel-sandbox --test it -- hostile` runs the trials whose name contains `hostile`.

mod accounting;
mod cgroup2;
mod cleanup;
mod compilers;
mod depth;
mod doctor;
mod escapes;
mod files;
mod hostile;
mod images;
mod instructions;
mod isolation;
mod kit;
mod leaks;
mod limits;
mod live;
mod machine;
mod noise;
mod output;
mod services;
mod truth;
mod walls;
mod warm;

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Trial};

use crate::kit::World;

/// A world that several trials share, created by the first one that needs it.
pub(crate) type Shared = Arc<SharedWorld>;

pub(crate) struct SharedWorld {
    world: OnceLock<World>,
    start: fn() -> World,
}

impl SharedWorld {
    pub(crate) fn new(start: fn() -> World) -> Shared {
        Arc::new(SharedWorld { world: OnceLock::new(), start })
    }
}

/// A trial that runs in the shared sandbox.
pub(crate) fn trial(world: &Shared, name: impl Into<String>, body: impl FnOnce(&World) + Send + 'static) -> Trial {
    let world = world.clone();
    Trial::test(name, move || {
        body(world.world.get_or_init(world.start));
        Ok(())
    })
}

/// The name of a trial and its function.
pub(crate) type Rule<'a> = (&'a str, fn(&World));

/// The trials of one file, each named `file::rule`.
pub(crate) fn rules(world: &Shared, file: &str, rules: &[Rule<'_>]) -> Vec<Trial> {
    rules.iter().map(|(name, rule)| trial(world, format!("{file}::{name}"), *rule)).collect()
}

fn main() -> ExitCode {
    cupel_sandbox::launcher::enter_if_asked();
    cleanup::own_a_sandbox_if_asked();
    cgroup2::sandbox_in_a_group_if_asked();
    if let Some(made) = machine::make_fixtures_if_asked() {
        return made;
    }
    let arguments = Arguments::from_args();
    if !arguments.list && !rustix::process::geteuid().is_root() {
        eprintln!("the sandbox suite needs root: run it with sudo");
        return ExitCode::FAILURE;
    }
    let world = SharedWorld::new(World::start);
    let mut trials = hostile::trials(&world);
    trials.extend(images::trials());
    trials.extend(limits::trials(&world));
    trials.extend(services::trials(&world));
    trials.extend(isolation::trials(&world));
    trials.extend(accounting::trials(&world));
    trials.extend(output::trials(&world));
    trials.extend(live::trials(&world));
    trials.extend(files::trials(&world));
    trials.extend(cleanup::trials());
    trials.extend(cgroup2::trials());
    trials.extend(doctor::trials());
    trials.extend(escapes::trials(&world));
    trials.extend(leaks::trials(&world));
    trials.extend(depth::trials(&world));
    trials.extend(compilers::trials(&world));
    trials.extend(walls::trials());
    trials.extend(warm::trials());
    trials.extend(truth::trials());
    trials.extend(instructions::trials());
    let conclusion = libtest_mimic::run(&arguments, machine::wanted(trials));
    drop(world);
    conclusion.exit_code()
}
