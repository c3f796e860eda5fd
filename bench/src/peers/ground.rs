//! What the runners stand on: a folder with the programs, fresh directories for those that compile, and how a
//! program outside Cupel is run to its end.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::peers::work::Work;
use crate::programs;

/// What runners that have a root of their own show of the host's, read-only, where it exists: the same that a cell
/// shows. `/bin` and its like are links into `/usr`.
pub(super) const SHOWN: &[&str] = &["/usr", "/etc/alternatives", "/etc/ld.so.cache", "/etc/java-17-openjdk"];
/// Links in such a root.
pub(super) const LINKS: &[(&str, &str)] =
    &[("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib"), ("lib32", "usr/lib32"), ("lib64", "usr/lib64")];
/// Empty directories in such a root.
pub(super) const DIRECTORIES: &[&str] = &["usr", "proc", "dev", "sys", "tmp", "etc/alternatives"];
/// The whole environment of every program.
pub(super) const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// Limits where a runner has any: those of a cell.
pub(super) const MEMORY_MB: u64 = 512;
pub(super) const PROCESSES: u32 = 128;
/// The user that programs run as, where a runner changes it.
pub(super) const USER: u32 = 1000;

/// A folder that goes when the value does.
pub(crate) struct Ground {
    folder: tempfile::TempDir,
    scratches: AtomicU64,
}

impl Ground {
    /// Makes the folder and the programs in it.
    pub(crate) fn prepare() -> anyhow::Result<Ground> {
        // Not below /tmp, which is the cell's own inside; readable, because programs are run by other users.
        let folder =
            tempfile::Builder::new().prefix("cupel-peers-").tempdir_in("/var/tmp").context("making a folder")?;
        let ground = Ground { folder, scratches: AtomicU64::new(0) };
        for directory in [ground.folder.path(), &ground.programs(), &ground.scratches()] {
            std::fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
            std::fs::set_permissions(directory, PermissionsExt::from_mode(0o755)).context("opening a folder")?;
        }
        programs::compile_hello(&ground.programs(), "hello", "-static")?;
        programs::compile_hello(&ground.programs(), "hello-dynamic", "-pie")?;
        let texts = [
            ("hello.py", programs::HELLO_PYTHON),
            ("imports.py", programs::IMPORTS_PYTHON),
            ("hello.js", programs::HELLO_NODE),
            ("Main.java", programs::HELLO_JAVA),
        ];
        for (name, text) in texts {
            std::fs::write(ground.programs().join(name), text).with_context(|| format!("writing {name}"))?;
        }
        if Path::new("/usr/bin/javac").exists() {
            let javac = Command::new("javac").arg("Main.java").current_dir(ground.programs()).output();
            let told = javac.context("starting javac")?;
            ensure!(told.status.success(), "javac failed: {}", String::from_utf8_lossy(&told.stderr));
        }
        Ok(ground)
    }

    /// Where the programs lie, read-only for all.
    pub(crate) fn programs(&self) -> PathBuf {
        self.folder.path().join("programs")
    }

    /// Where fresh directories are made, writable inside.
    pub(super) fn scratches(&self) -> PathBuf {
        self.folder.path().join("scratch")
    }

    /// Everything of ours that a runner has to show.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The fresh directory in which the steps of this work run, with the source in it; none if it needs none.
    pub(super) fn scratch(&self, work: &Work) -> anyhow::Result<Option<Scratch>> {
        let Some(source) = &work.source else { return Ok(None) };
        let number = self.scratches.fetch_add(1, Ordering::Relaxed);
        let scratch = Scratch(self.scratches().join(number.to_string()));
        std::fs::create_dir(&scratch.0).context("making a directory to compile in")?;
        std::fs::set_permissions(&scratch.0, PermissionsExt::from_mode(0o777)).context("opening it")?;
        std::fs::write(scratch.0.join(source.name), source.text).context("writing the source")?;
        Ok(Some(scratch))
    }

    /// Makes a root with nothing in it but mount points and links; `name` below our folder.
    pub(super) fn empty_root(&self, name: &str) -> anyhow::Result<PathBuf> {
        let root = self.folder.path().join(name).join("root");
        let inside = |path: &Path| root.join(path.strip_prefix("/").unwrap_or(path));
        let ours = [self.programs(), self.scratches()];
        for directory in DIRECTORIES.iter().map(Path::new).chain(ours.iter().map(PathBuf::as_path)) {
            std::fs::create_dir_all(inside(directory)).context("making a root")?;
        }
        for (link, target) in LINKS {
            symlink(target, root.join(link)).context("making a link in a root")?;
        }
        for shown in shown().filter(|path| !path.exists() || path.is_dir()) {
            std::fs::create_dir_all(inside(shown)).context("making a mount point")?;
        }
        for shown in shown().filter(|path| path.is_file()) {
            std::fs::write(inside(shown), "").context("making a mount point")?;
        }
        Ok(root)
    }
}

/// What is shown of the host's and exists here.
pub(super) fn shown() -> impl Iterator<Item = &'static Path> {
    SHOWN.iter().map(Path::new).filter(|path| path.exists())
}

/// A directory that goes, with what was left in it, when the value does.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now goes with the folder of the whole bench.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs all steps of `work` outside Cupel and times them: the fresh directory, each step in a process that `start`
/// names, its output, its exit status, and the removal of what it left.
pub(super) fn run_steps(
    work: &Work,
    ground: &Ground,
    start: impl Fn(&[String], Option<&Path>) -> anyhow::Result<Command>,
) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let scratch = ground.scratch(work)?;
    let mut said = Vec::new();
    for argv in &work.steps {
        said = captured(&mut start(argv, scratch.as_ref().map(Scratch::path))?)?;
    }
    drop(scratch);
    let time = started.elapsed();
    ensure!(said == b"hello\n", "it did not say hello: {}", String::from_utf8_lossy(&said));
    Ok(time)
}

/// Runs one command to its end and gives its standard output; both outputs are captured. An exit status other than 0
/// is an error that says what it said.
pub(super) fn captured(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let name = command.get_program().to_string_lossy().into_owned();
    let Output { status, stdout, stderr } = command.output().with_context(|| format!("starting {name}"))?;
    if !status.success() {
        let told = String::from_utf8_lossy(if stderr.is_empty() { &stdout } else { &stderr }).into_owned();
        bail!("{name} ended with {status}: {}", told.lines().last().unwrap_or("it said nothing"));
    }
    Ok(stdout)
}

/// Whether there is such a program, told as the reason for leaving a runner out.
pub(super) fn require(program: &str, remedy: &str) -> anyhow::Result<()> {
    let found = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        .iter()
        .any(|directory| Path::new(directory).join(program).exists());
    ensure!(found, "no `{program}` on this machine ({remedy})");
    Ok(())
}

/// Tries the smallest work once: a runner that cannot do that has no figures.
pub(super) fn try_once(
    ground: &Ground,
    start: impl Fn(&[String], Option<&Path>) -> anyhow::Result<Command>,
) -> anyhow::Result<()> {
    let hello = vec![ground.programs().join("hello").display().to_string()];
    let said = captured(&mut start(&hello, None)?).context("its trial run failed")?;
    ensure!(said == b"hello\n", "its trial run did not say hello");
    Ok(())
}
