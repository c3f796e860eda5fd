//! Common environment of the runners: a directory with the programs, new directories for compilations, and a function
//! that runs a program outside Cupel.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::peers::workload::Workload;
use crate::programs;

/// Host paths that runners with their own root mount read-only, if they exist. A cell for Java has the same paths.
/// `/bin`, `/lib` and so on are links into `/usr`.
pub(super) const SHOWN: &[&str] = &["/usr", "/etc/alternatives", "/etc/ld.so.cache", "/etc/java-17-openjdk"];
/// Symbolic links in the root of a runner that has its own root.
pub(super) const LINKS: &[(&str, &str)] =
    &[("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib"), ("lib32", "usr/lib32"), ("lib64", "usr/lib64")];
/// Empty directories in the root of a runner that has its own root.
pub(super) const DIRECTORIES: &[&str] = &["usr", "proc", "dev", "sys", "tmp", "etc/alternatives"];
/// Value of `PATH`, the only environment variable of every program.
pub(super) const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// Limits, for runners that support them: the same as for Cupel's cell in this benchmark.
pub(super) const MEMORY_MB: u64 = 512;
pub(super) const PROCESSES: u32 = 128;
/// User id of the programs, for runners that change it.
pub(super) const USER: u32 = 1000;

/// The bench's directory; deleted on drop.
pub(crate) struct Fixture {
    folder: tempfile::TempDir,
    /// Number of directories created in [`Fixture::scratches`].
    scratch_count: AtomicU64,
}

impl Fixture {
    /// Creates the directory and the programs in it.
    pub(crate) fn prepare() -> anyhow::Result<Fixture> {
        // Not below /tmp, because a cell has its own /tmp. Readable by all, because runners run programs as other
        // users.
        let folder =
            tempfile::Builder::new().prefix("cupel-peers-").tempdir_in("/var/tmp").context("creating a directory")?;
        let fixture = Fixture { folder, scratch_count: AtomicU64::new(0) };
        for directory in [fixture.folder.path(), &fixture.programs(), &fixture.scratches()] {
            std::fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
            std::fs::set_permissions(directory, PermissionsExt::from_mode(0o755))
                .context("setting the permissions of a directory")?;
        }
        programs::compile_hello(&fixture.programs(), "hello", "-static")?;
        programs::compile_hello(&fixture.programs(), "hello-dynamic", "-pie")?;
        let texts = [
            ("hello.py", programs::HELLO_PYTHON),
            ("imports.py", programs::IMPORTS_PYTHON),
            ("hello.js", programs::HELLO_NODE),
            ("Main.java", programs::HELLO_JAVA),
        ];
        for (name, text) in texts {
            std::fs::write(fixture.programs().join(name), text).with_context(|| format!("writing {name}"))?;
        }
        if Path::new("/usr/bin/javac").exists() {
            let javac = Command::new("javac").arg("Main.java").current_dir(fixture.programs()).output();
            let finished = javac.context("starting javac")?;
            ensure!(finished.status.success(), "javac failed: {}", String::from_utf8_lossy(&finished.stderr));
        }
        Ok(fixture)
    }

    /// Directory of the programs, which every user may read and only the owner may write.
    pub(crate) fn programs(&self) -> PathBuf {
        self.folder.path().join("programs")
    }

    /// Parent of the directories in which programs are compiled; they are writable.
    pub(super) fn scratches(&self) -> PathBuf {
        self.folder.path().join("scratch")
    }

    /// The bench's whole directory.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Creates the directory in which the steps of this workload run, with its source; `None` if it needs none.
    pub(super) fn scratch(&self, workload: &Workload) -> anyhow::Result<Option<Scratch>> {
        let Some(source) = &workload.source else { return Ok(None) };
        let number = self.scratch_count.fetch_add(1, Ordering::Relaxed);
        let scratch = Scratch(self.scratches().join(number.to_string()));
        std::fs::create_dir(&scratch.0).context("creating a directory to compile in")?;
        std::fs::set_permissions(&scratch.0, PermissionsExt::from_mode(0o777))
            .context("setting the permissions of the directory")?;
        std::fs::write(scratch.0.join(source.name), source.text).context("writing the source")?;
        Ok(Some(scratch))
    }

    /// Creates a root directory with only mount points and links, below `name` in the bench's directory.
    pub(super) fn empty_root(&self, name: &str) -> anyhow::Result<PathBuf> {
        let root = self.folder.path().join(name).join("root");
        let inside = |path: &Path| root.join(path.strip_prefix("/").unwrap_or(path));
        let own = [self.programs(), self.scratches()];
        for directory in DIRECTORIES.iter().map(Path::new).chain(own.iter().map(PathBuf::as_path)) {
            std::fs::create_dir_all(inside(directory)).context("creating a root")?;
        }
        for (link, target) in LINKS {
            symlink(target, root.join(link)).context("creating a link in a root")?;
        }
        for shown in shown().filter(|path| path.is_dir()) {
            std::fs::create_dir_all(inside(shown)).context("creating a mount point")?;
        }
        for shown in shown().filter(|path| path.is_file()) {
            std::fs::write(inside(shown), "").context("creating a mount point")?;
        }
        Ok(root)
    }
}

/// The paths in [`SHOWN`] that exist on this machine.
pub(super) fn shown() -> impl Iterator<Item = &'static Path> {
    SHOWN.iter().map(Path::new).filter(|path| path.exists())
}

/// A directory that is deleted with its contents on drop.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // If this fails, dropping the bench's directory deletes it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs all steps of `workload` outside Cupel, each in a process created by `start`. Returns the total time for
/// creating the directory, running the steps, capturing their output, checking their exit status, and deleting the
/// directory.
pub(super) fn run_steps(
    workload: &Workload,
    fixture: &Fixture,
    start: impl Fn(&[String], Option<&Path>) -> anyhow::Result<Command>,
) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let scratch = fixture.scratch(workload)?;
    let mut output = Vec::new();
    for argv in &workload.steps {
        output = captured(&mut start(argv, scratch.as_ref().map(Scratch::path))?)?;
    }
    drop(scratch);
    let time = started.elapsed();
    ensure!(output == b"hello\n", "the program did not print `hello`: {}", String::from_utf8_lossy(&output));
    Ok(time)
}

/// Runs a command to its end with both outputs captured. Returns standard output. A nonzero exit status is an error
/// with the last line of output.
pub(super) fn captured(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let name = command.get_program().to_string_lossy().into_owned();
    let Output { status, stdout, stderr } = command.output().with_context(|| format!("starting {name}"))?;
    if !status.success() {
        let finished = String::from_utf8_lossy(if stderr.is_empty() { &stdout } else { &stderr }).into_owned();
        bail!("{name} failed with {status}: {}", finished.lines().last().unwrap_or("no output"));
    }
    Ok(stdout)
}

/// Checks that a program is installed. The error is the reason why a runner is skipped.
pub(super) fn require(program: &str, remedy: &str) -> anyhow::Result<()> {
    let found = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        .iter()
        .any(|directory| Path::new(directory).join(program).exists());
    ensure!(found, "`{program}` is not installed ({remedy})");
    Ok(())
}

/// Runs the smallest program once, as a trial. A runner that fails this trial is skipped.
pub(super) fn try_once(
    fixture: &Fixture,
    start: impl Fn(&[String], Option<&Path>) -> anyhow::Result<Command>,
) -> anyhow::Result<()> {
    let hello = vec![fixture.programs().join("hello").display().to_string()];
    let output = captured(&mut start(&hello, None)?).context("the trial run failed")?;
    ensure!(output == b"hello\n", "the trial run did not print `hello`");
    Ok(())
}
