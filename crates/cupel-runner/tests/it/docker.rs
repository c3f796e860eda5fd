//! Rules for Docker Engine alone. For example, no container outlives its worker, and a failure of the engine is never a
//! verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cupel_judge::{Collect, ExecuteError, Executor, StdinSource, StepInput, StepKind, StepObserver, StepResult};
use cupel_runner::{CompilerSharing, Containers, Directories, DockerSettings, LocalRunner, Rating, Runner};
use cupel_testkit::docker::Engine;
use cupel_types::{BoxFiles, Bytes, Limits, Outcome, Root};

use crate::kit::{Backend, IMAGE, Seen, World, compiled, eventually};

pub(crate) const RULES: &[(&str, crate::EngineRule)] = &[
    ("a_container_has_no_network_no_rights_and_a_read_only_root", settings),
    ("containers_are_started_ahead_and_used_once", pool),
    ("what_a_dead_worker_created_is_removed_after_a_while", abandoned),
    ("a_process_that_is_killed_leaves_no_container", killed_owner),
    ("a_worker_that_is_killed_leaves_the_containers_of_another_worker_on_the_engine", two_owners),
    ("a_process_that_ends_leaves_no_container", ended_owner),
    ("images_with_the_agent_are_removed_when_no_language_needs_them", unused_images),
    ("an_image_is_described", image),
    ("an_image_that_the_engine_could_not_start_is_refused", unusable_images),
    ("the_engine_is_described", examined),
    ("a_failure_of_the_engine_is_transient_and_the_next_step_runs", engine_restarts),
];

fn settings(world: &World) {
    let mut seen = Seen { cancels: true, ..Seen::default() };
    /// Inspects the container while its program runs.
    struct Look<'a>(&'a World, &'a mut Seen, Vec<String>);
    impl StepObserver for Look<'_> {
        fn stdout(&mut self, data: &[u8]) {
            let format = "{{.ID}} {{.Config.User}} {{.HostConfig.NetworkMode}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} \
                          {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.PidsLimit}} {{len .HostConfig.Binds}} \
                          {{len .Mounts}} {{.HostConfig.Privileged}} {{.HostConfig.IpcMode}} {{.HostConfig.LogConfig.Type}} \
                          {{.Config.Healthcheck.Test}}";
            // A container of another trial may have been removed in the meantime.
            let engine = &self.0.engine;
            let all = engine.containers();
            self.2.extend(all.iter().filter_map(|id| engine.try_docker(&["inspect", "--format", format, id]).ok()));
            self.1.stdout(data);
        }
        fn stderr(&mut self, _: &[u8]) {}
        fn cancelled(&mut self) -> bool {
            self.1.cancelled()
        }
    }
    let mut look = Look(world, &mut seen, Vec::new());
    let step = world.step(Backend::Docker, &["stream"]).limited(|limits| limits.memory = Bytes::mib(99));
    step.try_run(&mut look).unwrap();
    // The sum of the memory of the program, of its files, and of the agent.
    let memory = (99 + 1 + 16) << 20;
    let expected = format!("none true [ALL] {memory} {memory} 65 0 0 false private none [NONE]");
    let users: BTreeMap<&str, &str> = look
        .2
        .iter()
        .filter_map(|line| {
            let (id, rest) = line.split_once(' ')?;
            let (user, rest) = rest.split_once(' ')?;
            (rest == expected).then_some((id, user))
        })
        .collect();
    assert!(!users.is_empty(), "{expected}\n{:#?}", look.2);
    // The kernel bounds the pipes, queued signals and descriptors in flight of a user.
    assert_eq!(users.values().collect::<BTreeSet<_>>().len(), users.len(), "containers share a user: {users:?}");
    for user in users.values() {
        let ids: Vec<u32> = user.split(':').map(|id| id.parse().unwrap()).collect();
        assert!(ids[0] == ids[1] && (20_000..60_000).contains(&ids[0]), "{user}");
    }
}

fn pool(world: &World) {
    let engine = &world.engine;
    // This trial has its own containers, because steps of other trials would replace its ready containers.
    let mut own = Own::start(engine);
    let memory = ((77 + 1 + 16) << 20).to_string();
    let running = || -> Vec<String> {
        let all = engine.docker(&["ps", "--quiet", "--filter", "label=org.cupel.executor"]);
        let is_own = |id: &&str| {
            engine.try_docker(&["inspect", "--format", "{{.HostConfig.Memory}}", id]).as_ref() == Ok(&memory)
        };
        all.lines().filter(is_own).map(str::to_owned).collect()
    };
    let mut run = || own.run("nothing", |limits| limits.memory = Bytes::mib(77), &mut Seen::default()).unwrap();
    run();
    run();
    eventually("two containers are ready", || running().len() == 2);
    let first = running();
    run();
    run();
    eventually("the containers that were used have been replaced", || {
        let now = running();
        now.len() == 2 && now.iter().all(|id| !first.contains(id))
    });
}

fn abandoned(_: &World) {
    // This trial has its own engine, because it would remove containers that other trials have created but not started.
    let engine = Engine::start();
    let directory = tempfile::tempdir().unwrap();
    engine.import(directory.path(), IMAGE, &[]);
    let settings = settings_of(&engine);
    let create =
        |label: &str, program: &str| engine.docker(&["create", "--label", label, "--entrypoint", program, IMAGE]);
    let ours = create("org.cupel.executor=1", "/.cupel-agent");
    // A container of somebody else may have the label from its image.
    let others = [create("org.cupel.executor=1", "/nothing"), create("somebody.else=1", "/.cupel-agent")];
    let containers = Containers::on_demand(&settings).unwrap();
    containers.remove_abandoned(Duration::from_secs(3600)).unwrap();
    let exists = |id: &str| engine.try_docker(&["inspect", id]).is_ok();
    assert!(exists(&ours), "a worker may be about to start it");
    containers.remove_abandoned(Duration::ZERO).unwrap();
    assert!(!exists(&ours) && others.iter().all(|other| exists(other)));
    others.iter().for_each(|other| drop(engine.docker(&["rm", other])));
}

fn unused_images(_: &World) {
    // This trial has its own engine, because it removes images.
    let engine = Engine::start();
    let directory = tempfile::tempdir().unwrap();
    engine.import(directory.path(), IMAGE, &[]);
    let with_agent = || -> Vec<String> {
        let listed = engine.docker(&["images", "--format", "{{.Repository}}:{{.Tag}}", "cupel-agent"]);
        listed.lines().map(str::to_owned).collect()
    };
    let mut own = Own::start(&engine);
    let mut run = || own.run("nothing", |_| {}, &mut Seen::default()).unwrap().report.outcome;
    assert_eq!(run(), Outcome::Exited(0));
    let [current] = <[String; 1]>::try_from(with_agent()).unwrap();
    let (original, _) = current.rsplit_once('-').unwrap();
    let of_another_version = format!("{original}-0123456789abcdef");
    engine.docker(&["tag", &current, &of_another_version]);
    let containers = Containers::on_demand(&settings_of(&engine)).unwrap();
    assert_eq!(containers.remove_unused_images().unwrap(), 1);
    assert_eq!(with_agent(), std::slice::from_ref(&current), "the image of this version remains");

    // The operator gives the name to another image.
    engine.import(directory.path(), IMAGE, &["USER 4711"]);
    eventually("the image has gone with its containers", || {
        for id in engine.containers() {
            let _ = engine.try_docker(&["rm", "--force", &id]);
        }
        containers.remove_unused_images().unwrap();
        with_agent().is_empty()
    });
    // A worker that still uses the old image creates it again.
    assert_eq!(run(), Outcome::Exited(0));
}

fn image(world: &World) {
    let containers = Containers::on_demand(&world.settings).unwrap();
    let found = containers.image(IMAGE).unwrap();
    assert_eq!(found.env, [("PATH".to_owned(), "/usr/bin".to_owned())]);
    assert_eq!(found.root.search, ["/usr/bin"]);
    let error = containers.image("tests/missing:1").unwrap_err().to_string();
    assert_eq!(
        error,
        "the image `tests/missing:1` is not in Docker Engine; get it with `docker pull tests/missing:1` or `docker load`"
    );
    let directory = tempfile::tempdir().unwrap();
    world.engine.import(directory.path(), "tests/volume:1", &["VOLUME /data"]);
    let error = containers.image("tests/volume:1").unwrap_err().to_string();
    assert!(error.contains("it declares volumes (/data); build it without `VOLUME`"), "{error}");
}

fn unusable_images(world: &World) {
    let containers = Containers::on_demand(&world.settings).unwrap();
    let has_program = |name: &str, prepare: &dyn Fn(&Path)| {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("etc")).unwrap();
        prepare(directory.path());
        let name = format!("tests/{name}:1");
        world.engine.import(directory.path(), &name, &[]);
        let root = containers.image(&name).unwrap().root;
        containers.has_program(&root, "missing").map_err(|error| error.to_string())
    };
    let fifo = |path: &Path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    let refused = |name: &str, reason: &str, prepare: &dyn Fn(&Path)| {
        let error = has_program(name, prepare).unwrap_err();
        assert!(error.ends_with(reason), "{name}: {error}");
    };
    refused("users", "its `/etc/passwd` is not a regular file", &|root| fifo(&root.join("etc/passwd")));
    refused("groups", "its `/etc/group` is not a regular file", &|root| {
        fifo(&root.join("fifo"));
        symlink("../fifo", root.join("etc/group")).unwrap();
    });
    refused("large", "its `/etc/passwd` has 2000000 bytes; the maximum is 1048576", &|root| {
        std::fs::write(root.join("etc/passwd"), vec![b'\n'; 2_000_000]).unwrap();
    });
    refused("box", "its `/box` is not a directory", &|root| symlink("etc", root.join("box")).unwrap());
    refused("tmp", "its `/tmp` is not a directory", &|root| std::fs::write(root.join("tmp"), "").unwrap());
    let is_there = has_program("link", &|root| {
        std::fs::write(root.join("users"), "a:x:1:1::/:/bin/sh\n").unwrap();
        symlink("/users", root.join("etc/passwd")).unwrap();
    });
    assert_eq!(is_there, Ok(false));
}

fn examined(world: &World) {
    let findings = Containers::on_demand(&world.settings).unwrap().examine().unwrap();
    let of = |subject: &str| findings.iter().find(|finding| finding.subject == subject).unwrap();
    for (subject, expected) in [
        ("engine", Rating::Same),
        ("memory limit", Rating::Same),
        ("process limit", Rating::Same),
        ("system call filter", Rating::Same),
        ("instructions", Rating::Differs),
    ] {
        assert_eq!(of(subject).rating, expected, "{findings:#?}");
    }
    let unknown = DockerSettings { runtime: Some("no-such-runtime".to_owned()), ..world.settings.clone() };
    let findings = Containers::on_demand(&unknown).unwrap().examine().unwrap();
    assert!(
        findings.iter().any(|finding| finding.subject == "runtime" && finding.rating == Rating::Missing),
        "{findings:#?}"
    );
}

const OWNER: &str = "__own-containers";

/// Another mode of this executable: a process with ready containers and a program that runs until the process is
/// killed, or until its standard input ends.
pub(crate) fn own_containers_if_asked() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(OWNER) {
        return;
    }
    let mut own = Own::with(DockerSettings { socket: arguments.next().unwrap(), ..DockerSettings::default() });
    let unhurried = |limits: &mut Limits| limits.idle_time = Duration::from_secs(600);
    // From the second use on, containers are kept ready.
    own.run("nothing", unhurried, &mut Seen::default()).unwrap();
    let result = own.run("stream", unhurried, &mut AnnounceRun).unwrap();
    println!("{:?}", result.report.outcome);
    drop(own);
    std::process::exit(0);
}

/// Announces that the program runs, and cancels it when standard input has ended.
struct AnnounceRun;

impl StepObserver for AnnounceRun {
    fn stdout(&mut self, _: &[u8]) {
        println!("runs");
    }
    fn stderr(&mut self, _: &[u8]) {}
    fn cancelled(&mut self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let stdin = rustix::stdio::stdin();
        poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&Timespec::default())).unwrap() > 0
    }
}

/// A runner with containers that no other trial uses.
struct Own {
    // Must be dropped before the runner.
    executor: Box<dyn Executor>,
    root: Root,
    program: [BoxFiles; 1],
    _runner: LocalRunner,
}

fn settings_of(engine: &Engine) -> DockerSettings {
    DockerSettings { socket: engine.socket().to_str().unwrap().to_owned(), ..DockerSettings::default() }
}

impl Own {
    fn start(engine: &Engine) -> Own {
        Own::with(settings_of(engine))
    }

    fn with(settings: DockerSettings) -> Own {
        let launched = LocalRunner::launch(1, [], Directories::default()).unwrap();
        let containers = Arc::new(Containers::start(&settings).unwrap());
        let root = Root::Docker(Arc::new(containers.image(IMAGE).unwrap().root));
        let runner = launched.start(CompilerSharing::Off, Some(containers));
        let program = [compiled("crates/cupel-runner/tests/it/program.c")];
        Own { executor: runner.executor(0).unwrap(), root, program, _runner: runner }
    }

    /// Runs the helper program in a mode.
    fn run(
        &mut self,
        mode: &str,
        change: impl FnOnce(&mut Limits),
        observer: &mut dyn StepObserver,
    ) -> Result<StepResult, ExecuteError> {
        let mut limits = Limits::default();
        change(&mut limits);
        let step = StepInput {
            kind: StepKind::Execute,
            root: &self.root,
            argv: &["./program".to_owned(), mode.to_owned()],
            env: &[],
            files: &self.program,
            counted_files: Bytes::ZERO,
            stdin: StdinSource::Bytes(Arc::from([])),
            limits,
            keep: Bytes::kib(1),
            stderr_to_stdout: false,
            result: false,
            collect: Collect::Nothing,
        };
        self.executor.execute(step, observer)
    }
}

/// An engine, and a process that runs a program there and keeps two more containers ready.
fn owner() -> (Engine, std::process::Child) {
    let engine = Engine::start();
    let directory = tempfile::tempdir().unwrap();
    engine.import(directory.path(), IMAGE, &[]);
    let owner = owner_on(&engine);
    (engine, owner)
}

/// A process as in [`owner`], on an engine that may have others.
fn owner_on(engine: &Engine) -> std::process::Child {
    let before = running(engine);
    let mut owner = Command::new("/proc/self/exe");
    owner.arg(OWNER).arg(engine.socket()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut owner = owner.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(owner.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "runs\n");
    eventually("one container runs a program, and two are ready", || running(engine).len() == before.len() + 3);
    owner
}

/// The running containers. A container that was created and not started may still exist for some minutes.
fn running(engine: &Engine) -> BTreeSet<String> {
    engine.docker(&["ps", "--quiet"]).lines().map(str::to_owned).collect()
}

fn killed_owner(_: &World) {
    let (engine, mut owner) = owner();
    owner.kill().unwrap();
    owner.wait().unwrap();
    eventually("all containers have gone", || engine.containers().is_empty());
}

fn two_owners(_: &World) {
    let (engine, first) = owner();
    let of_first = running(&engine);
    let mut second = owner_on(&engine);
    second.kill().unwrap();
    second.wait().unwrap();
    eventually("the containers of the second worker have gone", || running(&engine).len() <= of_first.len());
    assert_eq!(running(&engine), of_first, "the program and the ready containers of the first worker remain");

    // Another worker starts, and removes what was abandoned.
    let containers = Containers::on_demand(&settings_of(&engine)).unwrap();
    containers.remove_abandoned(Duration::ZERO).unwrap();
    assert_eq!(running(&engine), of_first);
    end(&engine, first);
}

fn ended_owner(_: &World) {
    let removes_in_time = (0..5).any(|_| {
        let (engine, owner) = owner();
        end(&engine, owner)
    });
    assert!(removes_in_time, "five owners waited for the removal of their containers in vain");
}

/// Ends an owner. It removes its containers before it ends, unless that takes too long. Returns whether it did.
fn end(engine: &Engine, mut owner: std::process::Child) -> bool {
    /// Maximum time that a process waits for the removal of its containers.
    const REMOVAL_MAX: Duration = Duration::from_secs(10);
    let begun = Instant::now();
    drop(owner.stdin.take());
    assert!(owner.wait().unwrap().success());
    let is_in_time = begun.elapsed() < REMOVAL_MAX;
    if is_in_time {
        assert_eq!(engine.containers(), [""; 0], "they are removed before the process ends");
    } else {
        eventually("all containers have gone", || engine.containers().is_empty());
    }
    is_in_time
}

fn engine_restarts(_: &World) {
    let mut engine = Engine::start();
    let directory = tempfile::tempdir().unwrap();
    engine.import(directory.path(), IMAGE, &[]);
    let ready = 4;
    let mut own = Own::with(DockerSettings { ready, ..settings_of(&engine) });
    /// Kills the engine when the program runs.
    struct Kill<'a>(&'a mut Engine);
    impl StepObserver for Kill<'_> {
        fn stdout(&mut self, _: &[u8]) {
            self.0.stop_daemon(true);
        }
        fn stderr(&mut self, _: &[u8]) {}
    }
    let error = own.run("stream", |_| {}, &mut Kill(&mut engine)).unwrap_err();
    assert!(error.transient, "{error:?}");
    let error = own.run("nothing", |_| {}, &mut Seen::default()).unwrap_err();
    assert!(error.transient && error.is_of_this_machine(), "{error:?}");
    engine.start_daemon();
    let result = own.run("nothing", |_| {}, &mut Seen::default()).unwrap();
    assert_eq!(result.report.outcome, Outcome::Exited(0));
    // More containers are ready than a step makes attempts. None of them survives the restart.
    own.run("nothing", |_| {}, &mut Seen::default()).unwrap();
    eventually("four containers are ready", || running(&engine).len() == ready);
    engine.stop_daemon(true);
    engine.start_daemon();
    let result = own.run("nothing", |_| {}, &mut Seen::default()).unwrap();
    assert_eq!(result.report.outcome, Outcome::Exited(0));
    drop(own);
    // The engine may have been killed between the creation and the start of a container for the pool.
    eventually("no container is running", || running(&engine).is_empty());
}
