//! The suite that every executor passes, and the rules for Docker Engine alone.
//!
//! One binary with a custom `main`, because this executable is also the launcher of the sandboxes it starts. It needs
//! root, gcc, and Docker Engine (Debian's `docker.io`). It starts a separate engine. Each rule of `conformance.rs` and
//! `truth.rs` is a trial for each place where programs run: the machine's root, an image's root, and Docker Engine.

mod conformance;
mod docker;
mod kit;
mod truth;

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Trial};

use crate::kit::{Backend, World};

/// A rule for each place.
type PlaceRule = fn(&World, Backend);
/// A rule for Docker Engine.
type EngineRule = fn(&World);

/// The world that all trials share, created by the first one that needs it.
type Shared = Arc<OnceLock<World>>;

fn trial(world: &Shared, name: String, body: impl FnOnce(&World) + Send + 'static) -> Trial {
    let world = Arc::clone(world);
    Trial::test(name, move || {
        body(world.get_or_init(World::start));
        Ok(())
    })
}

fn main() -> ExitCode {
    cupel_sandbox::launcher::enter_if_asked();
    docker::own_containers_if_asked();
    let arguments = Arguments::from_args();
    if !arguments.list && !rustix::process::geteuid().is_root() {
        eprintln!("the executors' suite needs root: run it with sudo");
        return ExitCode::FAILURE;
    }
    let world = Shared::default();
    let mut trials = Vec::new();
    for place in Backend::ALL {
        let everywhere = conformance::RULES.iter();
        trials.extend(everywhere.map(|(name, rule)| {
            trial(&world, format!("conformance::{name}::{}", place.name()), move |world| rule(world, place))
        }));
        trials.extend(truth::table().into_iter().map(|row| {
            trial(&world, format!("truth::{}::{}", row.rule, place.name()), move |world| {
                truth::check(&row, world, place)
            })
        }));
    }
    trials.extend(docker::RULES.iter().map(|(name, rule)| trial(&world, format!("docker::{name}"), rule)));
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(world);
    conclusion.exit_code()
}
