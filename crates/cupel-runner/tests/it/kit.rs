//! The world of the trials: places where programs run, and steps to run there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use cupel_judge::{
    Collect, ExecuteError, Executor, Interaction, InteractionResult, StdinSource, StepInput, StepKind, StepObserver,
    StepResult,
};
use cupel_runner::{CompilerSharing, Containers, Directories, DockerSettings, LocalRunner, Runner};
use cupel_testkit::docker::Engine;
use cupel_types::{BoxFile, BoxFiles, BoxPath, Bytes, ContentHash, Held, ImageRoot, Limits, Root};
use tempfile::TempDir;

/// Where a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    /// The sandbox, with the machine's toolchains.
    Native,
    /// The sandbox, with the files of an image.
    Image,
    /// A container of Docker Engine.
    Docker,
}

impl Backend {
    pub(crate) const ALL: [Backend; 3] = [Backend::Native, Backend::Image, Backend::Docker];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Backend::Native => "native",
            Backend::Image => "image",
            Backend::Docker => "docker",
        }
    }
}

/// Number of slots, which is also the number of steps that can run at the same time.
const SLOTS: usize = 2;
/// Name of the image in the engine. The image contains no program: the steps bring their own.
pub(crate) const IMAGE: &str = "tests/empty:1";

pub(crate) struct World {
    idle: Mutex<Vec<Box<dyn Executor>>>,
    returned: Condvar,
    roots: [Root; 3],
    /// The same images with the `WORKDIR` `/course`.
    pub(crate) course: [Root; 2],
    pub(crate) program: BoxFiles,
    pub(crate) truth: BoxFiles,
    pub(crate) settings: DockerSettings,
    _runner: LocalRunner,
    _images: TempDir,
    pub(crate) engine: Engine,
}

impl World {
    pub(crate) fn start() -> World {
        let engine = Engine::start();
        let images = tempfile::tempdir().unwrap();
        let id = ContentHash::from_bytes([7; 32]);
        let files = images.path().join("roots").join(id.to_string());
        for directory in ["usr/bin", "etc"] {
            std::fs::create_dir_all(files.join(directory)).unwrap();
        }
        std::fs::create_dir_all(files.join("course/data")).unwrap();
        for name in ["table.csv", "data/first", "program", "input.txt"] {
            std::fs::write(files.join("course").join(name), format!("the image's {name}")).unwrap();
        }
        engine.import(&files, IMAGE, &["ENV PATH=/usr/bin"]);
        engine.import(&files, "tests/course:1", &["ENV PATH=/usr/bin", "WORKDIR /course/"]);
        let socket = engine.socket().to_str().unwrap().to_owned();
        let settings = DockerSettings { socket, ..DockerSettings::default() };
        let roots = images.path().join("roots");
        let directories = Directories { prepared: None, images: Some(&roots) };
        let launched = LocalRunner::launch(SLOTS, [], directories).expect("the sandbox starts");
        let containers = Arc::new(Containers::start(&settings).unwrap());
        let in_engine = containers.image(IMAGE).unwrap();
        let course = containers.image("tests/course:1").unwrap();
        let runner = launched.start(CompilerSharing::Off, Some(containers));
        let idle = (0..SLOTS).map(|slot| runner.executor(slot).unwrap()).collect();
        let image =
            ImageRoot { id, search: vec!["/usr/bin".to_owned()], uid: 1000, directory: None, held: Held::default() };
        let with_directory = ImageRoot { directory: Some("/course".to_owned()), ..image.clone() };
        let course = [Root::Image(Arc::new(with_directory)), Root::Docker(Arc::new(course.root))];
        World {
            idle: Mutex::new(idle),
            returned: Condvar::new(),
            roots: [Root::System, Root::Image(Arc::new(image)), Root::Docker(Arc::new(in_engine.root))],
            course,
            program: compiled("crates/cupel-runner/tests/it/program.c"),
            truth: compiled("crates/cupel-sandbox/tests/it/truth/truth.c"),
            settings,
            _runner: runner,
            _images: images,
            engine,
        }
    }

    pub(crate) fn root(&self, place: Backend) -> &Root {
        let at = Backend::ALL.iter().position(|other| *other == place).unwrap();
        &self.roots[at]
    }

    /// A step that runs the helper program in the given mode.
    pub(crate) fn step(&self, place: Backend, arguments: &[&str]) -> Step<'_> {
        self.step_of(&self.program, place, arguments)
    }

    pub(crate) fn step_of(&self, program: &BoxFiles, place: Backend, arguments: &[&str]) -> Step<'_> {
        Step {
            world: self,
            root: self.root(place),
            argv: ["./program"].iter().chain(arguments).map(|text| (*text).to_owned()).collect(),
            env: vec![("NAME".to_owned(), "value".to_owned())],
            files: vec![program.clone()],
            counted_files: Bytes::ZERO,
            stdin: StdinSource::Bytes(Arc::from([])),
            // On a busy machine, a program that interacts waits long for the container of the other.
            limits: Limits {
                wall_time: Duration::from_secs(600),
                idle_time: Duration::from_secs(300),
                ..Limits::default()
            },
            stderr_to_stdout: false,
            result: false,
            collect: Collect::Nothing,
        }
    }

    /// Calls a function with an executor that no other trial uses at the same time.
    fn with_executor<T>(&self, call: impl FnOnce(&mut dyn Executor) -> T) -> T {
        let mut idle = self.idle.lock().unwrap();
        let mut executor = loop {
            match idle.pop() {
                Some(executor) => break executor,
                None => idle = self.returned.wait(idle).unwrap(),
            }
        };
        drop(idle);
        let result = call(&mut *executor);
        self.idle.lock().unwrap().push(executor);
        self.returned.notify_one();
        result
    }

    /// Runs two steps in conversation.
    pub(crate) fn interact(&self, program: &Step<'_>, interactor: &Step<'_>) -> InteractionResult {
        let interaction = Interaction {
            program: program.input(),
            interactor: interactor.input(),
            settles: |code| code == 43,
            transcript: Bytes::kib(64),
        };
        self.with_executor(|executor| executor.interact(interaction, &mut Seen::default())).unwrap()
    }
}

/// A static executable from a source of the repository.
pub(crate) fn compiled(source: &str) -> BoxFiles {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(source);
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("program");
    let mut gcc = Command::new("gcc");
    gcc.args(["-O1", "-static", "-pthread", "-Wno-unused-result", "-o"]).arg(&program).arg(source);
    assert!(gcc.status().expect("apt-get install gcc").success());
    let data = std::fs::read(program).unwrap();
    BoxFiles::new(vec![BoxFile { path: BoxPath::new("program").unwrap(), data: data.into(), executable: true }])
}

/// A step and the world in which it runs.
pub(crate) struct Step<'w> {
    world: &'w World,
    pub(crate) root: &'w Root,
    pub(crate) argv: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) files: Vec<BoxFiles>,
    pub(crate) counted_files: Bytes,
    pub(crate) stdin: StdinSource,
    pub(crate) limits: Limits,
    pub(crate) stderr_to_stdout: bool,
    pub(crate) result: bool,
    pub(crate) collect: Collect,
}

impl Step<'_> {
    pub(crate) fn limited(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    pub(crate) fn stdin(self, stdin: StdinSource) -> Self {
        Step { stdin, ..self }
    }

    pub(crate) fn collect(self, collect: Collect) -> Self {
        Step { collect, ..self }
    }

    fn input(&self) -> StepInput<'_> {
        StepInput {
            kind: StepKind::Execute,
            root: self.root,
            argv: &self.argv,
            env: &self.env,
            files: &self.files,
            counted_files: self.counted_files,
            stdin: self.stdin.clone(),
            limits: self.limits,
            keep: Bytes::mib(1),
            stderr_to_stdout: self.stderr_to_stdout,
            result: self.result,
            collect: self.collect.clone(),
        }
    }

    pub(crate) fn try_run(&self, observer: &mut dyn StepObserver) -> Result<StepResult, ExecuteError> {
        self.world.with_executor(|executor| executor.execute(self.input(), observer))
    }

    /// Runs the step to its end.
    pub(crate) fn run(&self) -> StepResult {
        self.try_run(&mut Seen::default()).unwrap()
    }

    /// Standard output of the program, which must exit with 0.
    pub(crate) fn printed(&self) -> String {
        let result = self.run();
        assert_eq!(result.report.outcome, cupel_types::Outcome::Exited(0), "{result:?}");
        text(&result)
    }
}

/// Standard output of a step.
pub(crate) fn text(result: &StepResult) -> String {
    String::from_utf8_lossy(&result.report.stdout.data).into_owned()
}

/// Records the output of a program.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) result: Vec<u8>,
    /// Cancels the step once the program has printed something.
    pub(crate) cancels: bool,
}

impl StepObserver for Seen {
    fn stdout(&mut self, data: &[u8]) {
        self.stdout.extend_from_slice(data);
    }

    fn stderr(&mut self, data: &[u8]) {
        self.stderr.extend_from_slice(data);
    }

    fn result(&mut self, data: &[u8]) {
        self.result.extend_from_slice(data);
    }

    fn cancelled(&mut self) -> bool {
        self.cancels && !self.stdout.is_empty()
    }
}

/// Waits until a condition holds.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A path for a file of the host.
pub(crate) fn host_file(directory: &TempDir, name: &str, data: &[u8]) -> PathBuf {
    let path = directory.path().join(name);
    std::fs::write(&path, data).unwrap();
    path
}
