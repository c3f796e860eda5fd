//! Runner for `docker run`, if an engine is installed. A run passes through the client, the daemon, containerd, the
//! shim and runc.
//!
//! The bench starts its own daemon, with its data, socket and containerd in the bench's directory, and without network
//! or firewall changes. Dropping the value terminates the daemon by its process id. Source: dockerd(8), docker-run(1),
//! setpriv(1).

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use super::Runner;
use super::fixture::{self, Fixture};
use super::workload::Workload;

const IMAGE: &str = "cupel-bench";
/// The control group of the containers, not used by anything else.
const GROUP: &str = "cupel-bench-docker";
/// Maximum time until the daemon responds.
const READY_WITHIN: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Docker {
    daemon: Option<Child>,
    socket: PathBuf,
}

impl Docker {
    fn client(&self) -> Command {
        let mut command = Command::new("docker");
        command.arg("--host").arg(format!("unix://{}", self.socket.display()));
        command
    }

    fn start(&self, argv: &[String], directory: Option<&Path>, fixture: &Fixture) -> Command {
        let mut command = self.client();
        command.args(["run", "--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"]);
        command.args(["--security-opt", "no-new-privileges", "--log-driver", "none"]);
        command.args([
            "--memory",
            &format!("{}m", fixture::MEMORY_MB),
            "--pids-limit",
            &fixture::PROCESSES.to_string(),
        ]);
        command.args(["--user", &format!("{0}:{0}", fixture::USER), "--env", &format!("PATH={}", fixture::PATH)]);
        let mut bind = |path: &Path, access: &str| {
            command.arg("--volume").arg(format!("{0}:{0}:{access}", path.display()));
        };
        fixture::shown().for_each(|path| bind(path, "ro"));
        bind(&fixture.programs(), "ro");
        if directory.is_some() {
            bind(&fixture.scratches(), "rw");
        }
        command.arg("--workdir").arg(directory.unwrap_or(Path::new("/tmp")));
        command.arg(IMAGE).args(argv);
        command
    }

    fn start_daemon(&mut self, home: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(home).context("creating the daemon's directory")?;
        self.socket = home.join("docker.sock");
        let log = std::fs::File::create(home.join("dockerd.log")).context("creating the daemon's log")?;
        // The daemon must also end if the bench is killed: setpriv sets the parent-death signal and then executes
        // dockerd.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "dockerd"]);
        command.arg("--data-root").arg(home.join("data")).arg("--exec-root").arg(home.join("exec"));
        command.arg("--pidfile").arg(home.join("dockerd.pid"));
        command.arg("--host").arg(format!("unix://{}", self.socket.display()));
        command.arg(format!("--cgroup-parent=/{GROUP}"));
        command.args(["--bridge=none", "--iptables=false", "--ip6tables=false", "--exec-opt"]);
        command.arg("native.cgroupdriver=cgroupfs").stdin(Stdio::null());
        command.stdout(log.try_clone().context("sharing the log")?).stderr(log);
        self.daemon = Some(command.spawn().context("starting dockerd")?);
        let deadline = Instant::now() + READY_WITHIN;
        while fixture::captured(self.client().arg("version")).is_err() {
            let ended =
                self.daemon.as_mut().is_some_and(|daemon| daemon.try_wait().is_ok_and(|status| status.is_some()));
            if ended || Instant::now() > deadline {
                let log = std::fs::read_to_string(home.join("dockerd.log")).unwrap_or_default();
                bail!("dockerd does not respond: {}", log.lines().last().unwrap_or("its log is empty"));
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

impl Runner for Docker {
    fn name(&self) -> &'static str {
        "docker run"
    }

    fn omits(&self) -> &'static str {
        "no user namespace; no Landlock; no time limits; memory and processes are limited; memory and CPU time are not reported"
    }

    fn prepare(&mut self, fixture: &Fixture) -> anyhow::Result<()> {
        fixture::require("dockerd", "install the Debian package docker.io, or run `make bench-sandbox DOCKER=1`")?;
        fixture::require("docker", "the Docker engine is installed, but not its client")?;
        let root = fixture.empty_root("docker")?;
        self.start_daemon(&fixture.folder().join("docker"))?;
        let archive = fixture.folder().join("docker/root.tar");
        fixture::captured(Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&archive).arg("."))?;
        fixture::captured(self.client().arg("import").arg(&archive).arg(IMAGE)).context("importing the image")?;
        fixture::try_once(fixture, |argv, directory| Ok(self.start(argv, directory, fixture)))
    }

    fn takes(&self, _: &Workload) -> bool {
        true
    }

    fn run_once(&self, workload: &Workload, fixture: &Fixture, _: usize) -> anyhow::Result<Duration> {
        fixture::run_steps(workload, fixture, |argv, directory| Ok(self.start(argv, directory, fixture)))
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        let Some(daemon) = &mut self.daemon else { return };
        if let Err(why) = end(daemon) {
            eprintln!("dockerd (process {}) may still be running: {why:#}", daemon.id());
        }
    }
}

/// Terminates the daemon and waits for its end. The daemon terminates its own containerd.
fn end(daemon: &mut Child) -> anyhow::Result<()> {
    let asked = Command::new("kill").args(["-TERM", &daemon.id().to_string()]).status().context("starting kill")?;
    ensure!(asked.success(), "kill failed");
    daemon.wait().context("waiting for dockerd")?;
    // Removes the empty control groups that the daemon leaves, one in each hierarchy.
    let hierarchies = std::fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten().map(|entry| entry.path());
    for hierarchy in hierarchies.chain([PathBuf::from("/sys/fs/cgroup")]) {
        let _ = std::fs::remove_dir(hierarchy.join(GROUP));
    }
    Ok(())
}
