//! Runner for an OCI runtime (runc, crun) through its command line: one bundle and one `run` per step.
//!
//! The root contains only mount points and links; the host's `/usr` and some files of `/etc` are bind-mounted
//! read-only, as in a cell. Source: the OCI runtime specification, `config.json`; runc(8), crun(1).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use super::Runner;
use super::fixture::{self, Fixture};
use super::workload::Workload;

pub(super) struct Oci {
    program: &'static str,
    home: PathBuf,
    root: PathBuf,
    containers: AtomicU64,
}

impl Oci {
    pub(super) fn new(program: &'static str) -> Oci {
        Oci { program, home: PathBuf::new(), root: PathBuf::new(), containers: AtomicU64::new(0) }
    }

    fn start(&self, argv: &[String], directory: Option<&Path>, fixture: &Fixture) -> anyhow::Result<Command> {
        let number = self.containers.fetch_add(1, Ordering::Relaxed);
        let bundle = self.home.join(format!("bundle-{}", number % 64));
        std::fs::create_dir_all(&bundle).context("creating a bundle")?;
        let config = config(argv, directory, fixture, &self.root).to_string();
        std::fs::write(bundle.join("config.json"), config).context("writing a bundle's config.json")?;
        let mut command = Command::new(self.program);
        command.arg("--root").arg(self.home.join("state")).arg("run").arg("--bundle").arg(bundle);
        command.arg(format!("cupel-bench-{}-{number}", std::process::id()));
        Ok(command)
    }
}

impl Runner for Oci {
    fn name(&self) -> &'static str {
        self.program
    }

    fn omits(&self) -> &'static str {
        "no system call filter and no Landlock (not configured in the bundle); no user namespace; no time limits; memory \
         and processes are limited; memory and CPU time are not reported"
    }

    fn prepare(&mut self, fixture: &Fixture) -> anyhow::Result<()> {
        fixture::require(self.program, &format!("Debian package {}", self.program))?;
        self.home = fixture.folder().join(self.program);
        self.root = fixture.empty_root(self.program)?;
        fixture::try_once(fixture, |argv, directory| self.start(argv, directory, fixture))
    }

    fn takes(&self, _: &Workload) -> bool {
        true
    }

    fn run_once(&self, workload: &Workload, fixture: &Fixture, _: usize) -> anyhow::Result<Duration> {
        fixture::run_steps(workload, fixture, |argv, directory| self.start(argv, directory, fixture))
    }
}

fn config(argv: &[String], directory: Option<&Path>, fixture: &Fixture, root: &Path) -> Value {
    let own = |kind: &str, options: &[&str], at: &str| json!({"destination": at, "type": kind, "source": kind, "options": options});
    let bind = |path: &Path, access: &str| json!({"destination": path, "type": "bind", "source": path, "options": ["rbind", "nosuid", "nodev", access]});
    let mut mounts = vec![
        own("proc", &["nosuid", "noexec", "nodev"], "/proc"),
        own("tmpfs", &["nosuid", "mode=755", "size=64k"], "/dev"),
        own("tmpfs", &["nosuid", "nodev", "mode=1777", "size=64m"], "/tmp"),
    ];
    mounts.extend(fixture::shown().map(|path| bind(path, "ro")));
    mounts.push(bind(&fixture.programs(), "ro"));
    mounts.extend(directory.map(|_| bind(&fixture.scratches(), "rw")));
    let namespaces = ["pid", "network", "ipc", "uts", "mount"].map(|kind| json!({"type": kind}));
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": {"uid": fixture::USER, "gid": fixture::USER},
            "args": argv,
            "env": [format!("PATH={}", fixture::PATH)],
            "cwd": directory.unwrap_or(Path::new("/tmp")),
            "capabilities": {},
            "noNewPrivileges": true,
        },
        "root": {"path": root, "readonly": true},
        "hostname": "cupel",
        "mounts": mounts,
        "linux": {
            "namespaces": namespaces,
            "resources": {
                "memory": {"limit": fixture::MEMORY_MB * 1024 * 1024},
                "pids": {"limit": fixture::PROCESSES},
            },
            "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list"],
            "readonlyPaths": ["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus"],
        },
    })
}
