//! Synchronous part of the start: steps that take up to a second and may fail. During this part, the process may still
//! start programs, and still has its privileges.

use std::sync::Arc;

use anyhow::{Context, bail};
use cupel_core::chain;
use cupel_images::ImageStore;
use cupel_languages::Registry;
use cupel_runner::prepared::{self, Check, PreparedStore};
use cupel_runner::{Directories, LocalRunner, Runner, SlotCounts};
use cupel_sandbox::Wall;
use cupel_sandbox::doctor::{self, Examination};
use cupel_store::ServeLock;
use cupel_worker::Artifacts;
use metrics_exporter_prometheus::PrometheusHandle;

use super::settings::artifact_bounds;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::images::{self, MachineProbe, Pulls};
use crate::{owner, prepared_store, telemetry};

/// The parts that every process has.
pub(crate) struct Startup {
    pub(crate) data: DataDir,
    pub(super) lock: ServeLock,
    pub(crate) registry: Registry,
    pub(super) metrics: PrometheusHandle,
    /// `None` in a process that runs no programs.
    pub(crate) runtime: Option<ExecutionRuntime>,
}

/// The parts that run programs.
pub(crate) struct ExecutionRuntime {
    pub(super) prepared: Option<PreparedStore>,
    pub(super) images: ImageStore,
    /// The images that the background task pulls.
    pub(super) pulls: Pulls,
    /// The probe that found the languages.
    pub(super) probe: MachineProbe,
    pub(super) runner: Arc<dyn Runner>,
    pub(crate) examination: Examination,
    pub(crate) slots: SlotCounts,
    pub(super) artifacts: Artifacts,
}

/// Prepares a process that runs programs.
///
/// # Errors
/// Another server uses the data directory, a wall of the sandbox is missing, or a part cannot be created.
pub(crate) fn prepare(config: &Config, mut registry: Registry) -> anyhow::Result<Startup> {
    let data = DataDir::open(&config.data)?;
    let ordinary = match config.worker.slots as usize {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        slots => slots,
    };
    let slots = SlotCounts { ordinary, interactive: config.worker.interactive_slots as usize };
    // Reads the versions of the toolchains. The threads of the probe end before it returns.
    let images = images::of_server(config, &data);
    let pulls = Pulls::default();
    pulls.want(&registry);
    let mut probe = MachineProbe::new(Some(images.clone()), &config.docker, pulls.clone());
    probe.add_direct(&mut registry, config);
    // The task that reads languages again asks Docker Engine.
    probe.defers_engine = true;
    registry.probe(&probe);
    probe.defers_engine = false;
    registry.keep_available_in_images();
    // After the launchers below have started, this process starts no other program.
    owner::settle(&data)?;
    // The launcher opens the directory of the roots at its start, so the directory must exist then.
    let is_new = !images.directory().exists();
    match images.create() {
        Ok(()) if config.images.directory.is_none() => {
            owner::give_part(data.path(), &data.path().join(images::DIRECTORY))?;
        }
        // An existing directory elsewhere keeps its owner.
        Ok(()) if is_new => owner::give_part(data.path(), images.directory())?,
        Ok(()) => {}
        Err(error) => tracing::warn!(error = %chain(&error), "cannot create the directory of images"),
    }
    let store = prepared_store::of_server(&data);
    let root = store.as_ref().map(PreparedStore::root);
    let examined = cupel_runner::launch_examination(registry.iter(), root)?;
    let roots = images.roots();
    let directories = Directories { prepared: root, images: Some(&roots) };
    let launched = match config.worker.warm_interpreters {
        true => LocalRunner::launch_warm(slots, registry.iter(), directories),
        false => LocalRunner::launch(slots, registry.iter(), directories),
    };
    let launched = launched.context("cannot start the sandbox")?;
    let group = images::engine_group(config, registry.iter());
    // Images are added while the server runs, also to a directory outside the data directory.
    let beside = [config.engines.shared_directory(), config.images.directory.as_deref()];
    owner::become_owner_beside(&data, &beside.into_iter().flatten().collect::<Vec<_>>(), group)?;
    if registry.iter().any(images::is_in_engine) {
        images::check_engine_access(config)?;
    }
    // From here on, files created in the data directory belong to its owner.
    let lock = data.lock()?;
    for language in registry.iter().filter(|language| language.is_available()) {
        store.iter().for_each(|store| drop(prepared::use_existing(store, language, Check::Sizes)));
    }
    let examination = doctor::examine_launched(examined, data.path())?;
    refuse_missing_walls(&examination, &config.accept_missing)?;
    for socket in &examination.reachable_sockets {
        tracing::warn!(socket = %socket.display(), "every program can connect to this Unix socket: configure its server to use a path outside /usr");
    }
    let containers = images::containers(config, registry.iter())?;
    let runner: Arc<dyn Runner> = Arc::new(launched.start(config.worker.warm_compilers, containers));
    let artifacts = Artifacts::open(&data.artifacts(), artifact_bounds(&config.worker))?;
    let runtime = ExecutionRuntime { prepared: store, images, pulls, probe, runner, examination, slots, artifacts };
    Ok(Startup { data, lock, registry, metrics: telemetry::metrics()?, runtime: Some(runtime) })
}

/// Prepares a process that runs no programs. Such a process has no sandbox and offers the languages of the workers.
///
/// # Errors
/// Another process uses the data directory, or privileges cannot be given up.
pub(crate) fn prepare_without_sandbox(config: &Config, registry: Registry) -> anyhow::Result<Startup> {
    let data = DataDir::open(&config.data)?;
    owner::settle(&data)?;
    owner::become_owner_beside(&data, config.engines.shared_directory().as_slice(), None)?;
    let lock = data.lock()?;
    Ok(Startup { data, lock, registry, metrics: telemetry::metrics()?, runtime: None })
}

fn refuse_missing_walls(examination: &Examination, accepted: &[Wall]) -> anyhow::Result<()> {
    let mut refused = Vec::new();
    for finding in examination.missing() {
        let breach = finding.breach.as_deref().unwrap_or_default();
        if accepted.contains(&finding.wall) {
            tracing::warn!(
                wall = finding.wall.slug(),
                breach,
                "a wall of the sandbox is missing; sandbox.accept_missing permits that"
            );
        } else {
            refused.push(format!("  {}: {breach}\n    {}", finding.wall, finding.remedy));
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    bail!(
        "walls of the sandbox are missing, so programs could escape from it:\n{}\n\
         Fix them (`cupel doctor` tests them again), or name them in sandbox.accept_missing to accept the risk.",
        refused.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use cupel_sandbox::Features;
    use cupel_sandbox::doctor::WallFinding;

    use super::*;

    #[test]
    fn a_missing_wall_stops_the_start_unless_it_is_accepted_by_name() {
        let finding = |wall: Wall, breach: Option<&str>| WallFinding {
            wall,
            breach: breach.map(str::to_owned),
            remedy: "fix it",
        };
        let examination = Examination {
            findings: vec![
                finding(Wall::Seccomp, None),
                finding(Wall::Landlock, Some("it read a file")),
                finding(Wall::DiskLimit, Some("it wrote on")),
            ],
            features: Features { cgroup_v2: true, uncounted: None },
            kernel: "6.1".to_owned(),
            reachable_sockets: Vec::new(),
        };
        let refused =
            |accepted: &[Wall]| refuse_missing_walls(&examination, accepted).map_err(|error| error.to_string());
        let message = refused(&[Wall::Seccomp]).unwrap_err();
        assert!(
            message.contains("landlock: it read a file")
                && message.contains("disk-limit")
                && message.contains("fix it"),
            "{message}"
        );
        let message = refused(&[Wall::Landlock]).unwrap_err();
        assert!(!message.contains("landlock") && message.contains("disk-limit"), "{message}");
        assert_eq!(refused(&[Wall::Landlock, Wall::DiskLimit]), Ok(()));
    }
}
