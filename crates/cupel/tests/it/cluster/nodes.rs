//! API nodes and workers that a test starts on its own servers.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::TempDir;

use crate::support::{Ended, NO_RATE_LIMITS, cupel, end, eventually, groups_of, unused_languages};

/// One process of a cluster.
pub(crate) struct Node {
    child: Child,
    role: &'static str,
    pub(crate) url: String,
    /// The administrator's key, if this node's start created it.
    key: Option<String>,
    pub(crate) data: PathBuf,
    log: PathBuf,
}

impl Node {
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Returns the time of the node's clock, in seconds since 1970.
    pub(crate) fn clock(&self) -> i64 {
        let answer = ureq::get(format!("{}/livez", self.url)).call().unwrap();
        let date = answer.headers()["date"].to_str().unwrap();
        jiff::fmt::rfc2822::parse(date).unwrap().timestamp().as_second()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM. The process must exit successfully and leave no incomplete file. Returns its log.
    pub(crate) fn stop(mut self) -> String {
        self.signal("TERM");
        let ended = eventually(|| self.child.try_wait().unwrap());
        assert_eq!(ended.code(), Some(0));
        let mut folders = vec![self.data.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let name = entry.file_name().into_string().unwrap();
                let is_unfinished = name.starts_with('.') || name.starts_with("unfinished");
                assert!(!is_unfinished, "{} is left over", entry.path().display());
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                }
            }
        }
        self.log()
    }

    /// Waits until the process ends without a signal from the test.
    pub(crate) fn ended(mut self) -> ExitStatus {
        eventually(|| self.child.try_wait().unwrap())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(30).collect();
            eprintln!(
                "--- log of the {} with process id {}, last line first\n{}",
                self.role,
                self.child.id(),
                tail.join("\n")
            );
        }
    }
}

/// Settings and files shared by the nodes of a cluster.
pub(crate) struct Cluster {
    dir: TempDir,
    settings: Vec<(String, String)>,
    made: std::cell::Cell<usize>,
    /// The processes that were started, and their children, the launchers: no other process of a node can exist without
    /// these.
    started: std::cell::RefCell<Vec<u32>>,
    key: std::cell::OnceCell<String>,
}

impl Cluster {
    /// `settings` are environment variables, such as the addresses of engines.
    pub(crate) fn new(settings: &[(&str, &str)]) -> Cluster {
        let usual = [
            ("CUPEL_LANGUAGES__DISABLED", unused_languages()),
            ("CUPEL_LANGUAGES__PREPARE", "false"),
            ("CUPEL_PROBLEMS__SHIPPED", "false"),
            ("CUPEL_WORKER__WARM_COMPILERS", "off"),
            ("CUPEL_WORKER__WARM_INTERPRETERS", "false"),
            ("CUPEL_WORKER__SLOTS", "2"),
        ];
        let all = usual.iter().chain(&NO_RATE_LIMITS).chain(settings);
        Cluster {
            dir: tempfile::tempdir().unwrap(),
            settings: all.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            made: std::cell::Cell::new(0),
            started: std::cell::RefCell::default(),
            key: std::cell::OnceCell::new(),
        }
    }

    /// Returns a new folder name for a node; the folder does not exist yet.
    pub(crate) fn folder(&self, role: &str) -> PathBuf {
        let number = self.made.replace(self.made.get() + 1);
        self.dir.path().join(format!("{role}-{number}"))
    }

    /// Starts a node with its own data directory.
    pub(crate) fn start(&self, role: &'static str) -> Node {
        self.start_with(role, &[])
    }

    /// Starts a node with additional settings.
    pub(crate) fn start_with(&self, role: &'static str, settings: &[(&str, &str)]) -> Node {
        self.start_in(&self.folder(role), role, |mut command| {
            command.envs(settings.iter().copied());
            command
        })
    }

    /// Starts a node with this data directory. `dressed` may wrap the command.
    pub(crate) fn start_in(&self, data: &Path, role: &'static str, dressed: impl FnOnce(Command) -> Command) -> Node {
        let log = data.with_extension("log");
        let mut child = dressed(self.command(&[role, "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::options().create(true).append(true).open(&log).unwrap())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut printed = String::new();
        let is_told = |printed: &str| match role {
            "worker" => printed.contains("languages:"),
            _ => printed.contains("shown this once") || printed.contains("Try next"),
        };
        while !is_told(&printed) {
            let Some(line) = lines.next() else {
                panic!("the {role} ended: {printed}\n{}", std::fs::read_to_string(&log).unwrap_or_default());
            };
            printed += &format!("{}\n", line.unwrap());
        }
        // This thread drains the pipe, because a process that writes to a closed pipe ends.
        std::thread::spawn(move || lines.for_each(drop));
        let word = |start: &str| printed.split_whitespace().find(|word| word.starts_with(start)).map(str::to_owned);
        let pid = child.id();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        self.started
            .borrow_mut()
            .extend(children.split_whitespace().map(|pid| pid.parse::<u32>().unwrap()).chain([pid]));
        let (url, key) = (word("http://").unwrap(), word("cup_"));
        let node = Node { child, role, url, key, data: data.to_owned(), log };
        if let Some(key) = &node.key {
            let _ = self.key.set(key.clone());
        }
        node
    }

    /// Returns the first administrator's key.
    pub(crate) fn key(&self) -> &str {
        self.key.get().expect("an API node has started")
    }

    /// Returns the value of an environment variable that all nodes have in common.
    pub(crate) fn setting(&self, key: &str) -> String {
        let found = self.settings.iter().rev().find(|(name, _)| name == key);
        found.unwrap_or_else(|| panic!("{key} is not set")).1.clone()
    }

    /// Returns a command with the cluster's settings.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = cupel(args);
        command.envs(self.settings.iter().map(|(key, value)| (key, value)));
        command
    }

    /// Runs a `cupel admin` command and returns its output.
    pub(crate) fn admin(&self, args: &[&str]) -> String {
        let ended = self.try_admin(args);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout
    }

    /// Runs a `cupel admin` command, which may fail.
    pub(crate) fn try_admin(&self, args: &[&str]) -> Ended {
        let data = self.dir.path().join("admin");
        let mut all = vec!["admin"];
        all.extend(args);
        all.extend(["--data", data.to_str().unwrap()]);
        end(self.command(&all), b"")
    }

    /// Checks that no process, control group or mount of any node is left, whether the node was killed or stopped.
    pub(crate) fn nothing_is_left(&self) {
        let binary = std::fs::canonicalize(env!("CARGO_BIN_EXE_cupel")).unwrap();
        for pid in self.started.borrow().iter() {
            // The process id may have been reused.
            eventually(|| {
                std::fs::read_link(format!("/proc/{pid}/exe")).ok().is_none_or(|exe| exe != binary).then_some(())
            });
            eventually(|| groups_of(*pid).is_empty().then_some(()));
        }
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(self.dir.path().to_str().unwrap()), "{mounts}");
    }
}
