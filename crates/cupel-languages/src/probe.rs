//! Probing which toolchains are installed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use cupel_types::ImageName;

use crate::{FoundImage, Language, LibraryPackage, Pulling, library};

/// Runs version commands. The commands are from language files, never from a tenant.
pub trait Probe: Sync {
    /// The output of the version command.
    ///
    /// # Errors
    /// A message for the operator: the program is missing, it failed, or it took too long.
    fn version(&self, command: &[String]) -> Result<String, String>;

    /// Finds the container image of a language in the store of the language's executor.
    ///
    /// # Errors
    /// A message for the operator: there is no such image, or this process has no images.
    fn image(&self, name: &ImageName, language: &Language) -> Result<FoundImage, String> {
        let _ = language;
        Err(format!("it needs the image `{name}`, and this process has no images"))
    }

    /// Whether this process pulls an image that [`Probe::image`] has not found. `None`: it does not.
    fn pulling(&self, name: &ImageName) -> Option<Pulling> {
        let _ = name;
        None
    }

    /// Like [`Probe::version`], with the program of an image.
    ///
    /// # Errors
    /// As for [`Probe::version`].
    fn version_in(&self, image: &FoundImage, command: &[String]) -> Result<String, String> {
        let _ = (image, command);
        Err("this process runs no programs of images".to_owned())
    }

    /// Like [`Probe::is_installed`], for a program of an image.
    ///
    /// # Errors
    /// A message for the operator: the image cannot be examined.
    fn is_installed_in(&self, image: &FoundImage, program: &str) -> Result<bool, String> {
        let _ = (image, program);
        Ok(true)
    }

    /// The installed versions of those packages that are installed.
    fn libraries(&self, packages: &BTreeSet<LibraryPackage>) -> BTreeMap<LibraryPackage, String> {
        let _ = packages;
        BTreeMap::new()
    }

    /// A text that changes if another version of a program (a name or an absolute path) is installed. `None` if it is
    /// not installed, or if the probe cannot examine it. Starts no program.
    fn fingerprint(&self, program: &str) -> Option<String> {
        let _ = program;
        None
    }

    /// Whether a program (a name or an absolute path) is installed. A probe that cannot check this returns true.
    fn is_installed(&self, program: &str) -> bool {
        let _ = program;
        true
    }
}

/// Runs version commands on this machine, with only `PATH` in their environment.
#[derive(Clone, Debug)]
pub struct HostProbe {
    path: Vec<PathBuf>,
    time_max: Duration,
}

/// Maximum number of bytes that are kept of each output stream of a version command.
const OUTPUT_BYTES_MAX: u64 = 64 * 1024;

/// Pause between two checks whether a command that has closed its output has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

impl Default for HostProbe {
    /// Searches the same `PATH` as programs in the sandbox, with a timeout of 20 seconds.
    fn default() -> HostProbe {
        let path = ["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from).to_vec();
        HostProbe { path, time_max: Duration::from_secs(20) }
    }
}

impl HostProbe {
    /// Sets the timeout.
    pub fn with_time_max(time_max: Duration) -> HostProbe {
        HostProbe { time_max, ..HostProbe::default() }
    }

    /// Path of the program, if it is installed.
    pub fn find(&self, program: &str) -> Option<PathBuf> {
        if program.contains('/') {
            return Some(PathBuf::from(program)).filter(|path| is_program(path));
        }
        self.path.iter().map(|dir| dir.join(program)).find(|path| is_program(path))
    }
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

impl Probe for HostProbe {
    fn libraries(&self, packages: &BTreeSet<LibraryPackage>) -> BTreeMap<LibraryPackage, String> {
        library::installed(packages)
    }

    fn is_installed(&self, program: &str) -> bool {
        self.find(program).is_some()
    }

    /// Path, size and modification time. A package manager sets the modification time, so it is the same on machines
    /// with the same package.
    fn fingerprint(&self, program: &str) -> Option<String> {
        let path = self.find(program)?;
        let meta = path.metadata().ok()?;
        Some(format!("{} {} {}.{:09}", path.display(), meta.len(), meta.mtime(), meta.mtime_nsec()))
    }

    fn version(&self, command: &[String]) -> Result<String, String> {
        let (program, args) = command.split_first().ok_or("no version command")?;
        let shown = program.rsplit('/').next().unwrap_or(program);
        let found = self.find(program).ok_or_else(|| format!("`{shown}` is not installed"))?;
        // An absolute path is a file of the toolchain that the command reads.
        if let Some(missing) = args.iter().find(|arg| arg.starts_with('/') && !Path::new(arg).exists()) {
            return Err(format!("`{missing}` is not installed"));
        }
        let path = std::env::join_paths(&self.path).map_err(|e| e.to_string())?;
        let mut child = Command::new(found)
            .args(args)
            .env_clear()
            .env("PATH", path)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| format!("`{shown}` cannot be started: {e}"))?;

        // Two other threads read the streams to their end, so that this thread can time out.
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let reader = std::thread::spawn(move || stderr.map(read_to_end).unwrap_or_default());
            let mut printed = stdout.map(read_to_end).unwrap_or_default();
            printed.push_str(&reader.join().unwrap_or_default());
            // If the command timed out, the receiver no longer exists.
            let _ = sender.send(printed);
        });
        let deadline = Instant::now() + self.time_max;
        let printed = receiver.recv_timeout(self.time_max).ok();
        // A command may close its output and continue to run.
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break Some(status),
                Ok(None) if printed.is_some() && Instant::now() < deadline => std::thread::sleep(POLL_INTERVAL),
                Ok(None) => break None,
                Err(error) => return Err(format!("waiting for `{shown}` failed: {error}")),
            }
        };
        let (Some(printed), Some(status)) = (printed, status) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("`{}` took longer than {} s", command.join(" "), self.time_max.as_secs_f32()));
        };
        if status.success() {
            Ok(printed)
        } else {
            let why = printed.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no output");
            Err(format!("`{}` failed ({status}): {why}", command.join(" ")))
        }
    }
}

/// Reads the stream to its end and returns the beginning.
fn read_to_end(mut stream: impl Read) -> String {
    let mut kept = Vec::new();
    let _ = stream.by_ref().take(OUTPUT_BYTES_MAX).read_to_end(&mut kept);
    let _ = std::io::copy(&mut stream, &mut std::io::sink());
    String::from_utf8_lossy(&kept).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &[&str]) -> Result<String, String> {
        let command: Vec<String> = command.iter().map(|s| (*s).to_owned()).collect();
        HostProbe::with_time_max(Duration::from_secs(60)).version(&command)
    }

    #[test]
    fn the_version_text_is_read_from_both_output_streams() {
        assert_eq!(check(&["sh", "-c", "echo 1.2; echo 3.4 >&2"]), Ok("1.2\n3.4\n".to_owned()));
    }

    #[test]
    fn a_missing_program_is_reported_as_not_installed() {
        assert_eq!(check(&["cupel-no-such-program", "-v"]), Err("`cupel-no-such-program` is not installed".to_owned()));
        assert_eq!(check(&["/no/such/tsc", "-v"]), Err("`tsc` is not installed".to_owned()));
        assert_eq!(
            check(&["sh", "-c", "echo 1", "/no/such/a.jar"]),
            Err("`/no/such/a.jar` is not installed".to_owned())
        );
        assert_eq!(check(&["cat", "/no/such/build.txt"]), Err("`/no/such/build.txt` is not installed".to_owned()));
        assert_eq!(check(&["/etc/passwd"]), Err("`passwd` is not installed".to_owned()));
    }

    #[test]
    fn the_fingerprint_of_a_program_changes_with_the_program() {
        let directory = tempfile::tempdir().unwrap();
        let (program, link) = (directory.path().join("cc-12"), directory.path().join("cc"));
        let write = |text: &str| {
            std::fs::write(&program, text).unwrap();
            std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        };
        std::os::unix::fs::symlink(&program, &link).unwrap();
        let fingerprint = || HostProbe::default().fingerprint(link.to_str().unwrap());
        assert_eq!(fingerprint(), None);
        write("1");
        let before = fingerprint();
        assert!(before.is_some() && before == fingerprint());
        write("12");
        assert_ne!(fingerprint(), before);
        assert!(HostProbe::default().fingerprint("sh").unwrap().contains("bin/sh "));
    }

    #[test]
    fn the_output_of_a_failing_program_is_quoted() {
        let error = check(&["sh", "-c", "echo no licence; exit 3"]).unwrap_err();
        assert!(error.contains("exit status: 3") && error.contains("no licence"), "{error}");
    }

    #[test]
    fn a_program_that_does_not_finish_is_killed() {
        let command = ["sleep", "3600"].map(str::to_owned);
        let error = HostProbe::with_time_max(Duration::from_millis(50)).version(&command).unwrap_err();
        assert!(error.contains("took longer than"), "{error}");
    }

    #[test]
    fn a_program_that_closes_its_output_and_does_not_finish_is_killed() {
        let command = ["sh", "-c", "exec sleep 3600 >&- 2>&-"].map(str::to_owned);
        let error = HostProbe::with_time_max(Duration::from_millis(50)).version(&command).unwrap_err();
        assert!(error.contains("took longer than"), "{error}");
    }

    #[test]
    fn a_version_command_does_not_inherit_the_environment() {
        let printed = check(&["env"]).unwrap();
        assert_eq!(printed, "PATH=/usr/local/bin:/usr/bin:/bin\n");
    }
}
