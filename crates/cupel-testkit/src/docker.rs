//! A Docker Engine for tests, with separate data, a separate socket and control group, and no network.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::servers::keeper;

/// Maximum time until an engine answers.
const START_MAX: Duration = Duration::from_secs(300);

/// A running engine. When this value is dropped, the engine ends and all its files are removed.
pub struct Engine {
    daemon: Option<Child>,
    directory: TempDir,
    group: String,
}

impl Engine {
    /// Starts an engine.
    pub fn start() -> Engine {
        let directory = tempfile::tempdir().unwrap();
        let group =
            format!("cupel-runner-{}", directory.path().file_name().unwrap().to_str().unwrap().trim_matches('.'));
        let mut engine = Engine { daemon: None, directory, group };
        engine.start_daemon();
        engine
    }

    /// Starts the daemon again after [`Engine::stop_daemon`].
    pub fn start_daemon(&mut self) {
        let path = |name: &str| self.directory.path().join(name);
        let log = std::fs::File::create(path("log")).unwrap();
        // The engine gets SIGTERM even if the tests are killed.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "dockerd", "--bridge=none", "--iptables=false", "--ip6tables=false"]);
        command.arg("--data-root").arg(path("data")).arg("--exec-root").arg(path("exec"));
        command.arg("--pidfile").arg(path("pid")).arg("--host").arg(format!("unix://{}", self.socket().display()));
        command.args(["--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent"]).arg(format!("/{}", self.group));
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let mut daemon = keeper::spawn(command).expect("`setpriv` is part of util-linux");
        let deadline = Instant::now() + START_MAX;
        while !self.command(&["version"]).output().unwrap().status.success() {
            let log = || std::fs::read_to_string(path("log")).unwrap_or_default();
            assert!(
                daemon.try_wait().unwrap().is_none(),
                "Docker Engine (`apt-get install docker.io`) has ended:\n{}",
                log()
            );
            assert!(Instant::now() < deadline, "Docker Engine does not answer:\n{}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
        self.daemon = Some(daemon);
    }

    /// Stops the daemon, either immediately or after it has cleaned up.
    pub fn stop_daemon(&mut self, at_once: bool) {
        if let Some(mut daemon) = self.daemon.take() {
            match at_once {
                true => daemon.kill().unwrap(),
                false => {
                    let ended = Command::new("kill").arg("-TERM").arg(daemon.id().to_string()).status();
                    assert!(ended.unwrap().success());
                }
            }
            daemon.wait().unwrap();
            // Containerd ends with the daemon. Until it is reaped, its process id seems to be in use.
            for left in ["pid", "exec/containerd/containerd.pid"] {
                let _ = std::fs::remove_file(self.directory.path().join(left));
            }
        }
    }

    /// The path of the engine's socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.arg("--host").arg(format!("unix://{}", self.socket().display())).args(arguments);
        command
    }

    /// The output of a command of the engine's client, or its error message.
    ///
    /// # Errors
    /// The message of the command.
    pub fn try_docker(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap().trim_end().to_owned();
        match output.status.success() {
            true => Ok(text(output.stdout)),
            false => Err(text(output.stderr)),
        }
    }

    /// The output of a command of the engine's client, which must succeed.
    pub fn docker(&self, arguments: &[&str]) -> String {
        self.try_docker(arguments).unwrap_or_else(|error| panic!("docker {arguments:?}: {error}"))
    }

    /// Creates an image from the files in a directory. `changes` are instructions such as `USER 1000`.
    pub fn import(&self, directory: &Path, name: &str, changes: &[&str]) {
        let mut tar =
            Command::new("tar").arg("-C").arg(directory).args(["-c", "."]).stdout(Stdio::piped()).spawn().unwrap();
        let changes = changes.iter().flat_map(|change| ["--change", change]);
        let arguments: Vec<&str> = ["import"].into_iter().chain(changes).chain(["-", name]).collect();
        let imported = self.command(&arguments).stdin(tar.stdout.take().unwrap()).output().unwrap();
        assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
        tar.wait().unwrap();
    }

    /// Ids of all containers, including stopped containers.
    pub fn containers(&self) -> Vec<String> {
        self.docker(&["ps", "--all", "--quiet"]).lines().map(str::to_owned).collect()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop_daemon(false);
        // The engine mounts its data over itself, and a killed engine leaves the mount, which would keep the directory.
        let mut unmount = Command::new("umount");
        unmount.arg(self.directory.path().join("data")).stderr(Stdio::null());
        while unmount.status().is_ok_and(|status| status.success()) {}
        // The engine leaves an empty control group in each hierarchy. Cgroup v2 has only one hierarchy.
        let hierarchies = std::fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
        for hierarchy in hierarchies.map(|entry| entry.path()).chain([PathBuf::from("/sys/fs/cgroup")]) {
            remove_groups(&hierarchy.join(&self.group));
        }
    }
}

fn remove_groups(group: &Path) {
    for entry in std::fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_groups(&entry.path());
        }
    }
    let _ = std::fs::remove_dir(group);
}
