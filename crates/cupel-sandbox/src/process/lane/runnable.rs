//! Whether a process of the lane computes or waits for a processor. On a busy machine, such a process may use no CPU
//! time for seconds, but it is not idle.

use std::path::{Path, PathBuf};

/// Whether any thread of the lane is runnable, except those of the calling process. A thread that is stopped, sleeps or
/// waits for a disk is not. Only the processes in the caller's pid namespace and below it are examined.
pub(super) fn is_anything_runnable() -> bool {
    let own = std::process::id();
    numbered("/proc".as_ref())
        .filter(|process| !process.ends_with(own.to_string()))
        .any(|process| is_runnable(&process))
}

/// Whether a thread of the process with this directory in `/proc` is runnable.
fn is_runnable(process: &Path) -> bool {
    numbered(&process.join("task")).any(|thread| {
        // The name in the second field may contain anything. Source: proc_pid_stat(5).
        let stat = std::fs::read(thread.join("stat")).unwrap_or_default();
        let after_name = stat.iter().rposition(|byte| *byte == b')').unwrap_or(0);
        stat.get(after_name + 2) == Some(&b'R')
    })
}

/// The subdirectories whose names are numbers. If the directory cannot be read, there are none.
fn numbered(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let is_number = |name: &std::ffi::OsStr| name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
    entries.filter(move |entry| is_number(&entry.file_name())).map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};
    use std::time::{Duration, Instant};

    use super::*;

    /// Whether the child has this state at some time within a minute. A child that has just been started changes its
    /// state several times, so the state is read once for each comparison.
    fn is_soon(child: &Child, runnable: bool) -> bool {
        let process = Path::new("/proc").join(child.id().to_string());
        let end = Instant::now() + Duration::from_secs(60);
        while is_runnable(&process) != runnable {
            if Instant::now() > end {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    #[test]
    fn a_process_that_computes_is_runnable_and_one_that_sleeps_or_is_stopped_is_not() {
        // A name with a parenthesis and the letter of a state must not be taken for the state.
        let directory = tempfile::tempdir().unwrap();
        let shell = directory.path().join("a) R");
        std::os::unix::fs::symlink("/bin/sh", &shell).unwrap();
        let mut sleeps =
            Command::new(&shell).args(["-c", "read line"]).stdin(std::process::Stdio::piped()).spawn().unwrap();
        let mut computes = Command::new("/bin/sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let found = [is_soon(&sleeps, false), is_soon(&computes, true)];
        let pid = rustix::process::Pid::from_child(&computes);
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
        let stopped = is_soon(&computes, false);
        for child in [&mut sleeps, &mut computes] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert_eq!((found, stopped), ([true, true], true));
    }
}
