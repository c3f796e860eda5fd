//! API nodes and workers of a test's own, around servers of its own.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::TempDir;

use crate::support::{NO_RATE_LIMITS, cupel, end, eventually};

/// One process of a cluster.
pub(crate) struct Node {
    child: Child,
    role: &'static str,
    pub(crate) url: String,
    /// The administrator's key, if this start made one.
    key: Option<String>,
    log: PathBuf,
}

impl Node {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and how it ended.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        eventually(|| self.child.try_wait().unwrap())
    }

    /// How it ended by itself.
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
                "--- log of the {} with process {}, the last line first\n{}",
                self.role,
                self.child.id(),
                tail.join("\n")
            );
        }
    }
}

/// What nodes of one cluster have in common.
pub(crate) struct Cluster {
    dir: TempDir,
    settings: Vec<(String, String)>,
    made: std::cell::Cell<usize>,
    key: std::cell::OnceCell<String>,
}

impl Cluster {
    /// `settings` are environment variables, such as the addresses of engines.
    pub(crate) fn new(settings: &[(&str, &str)]) -> Cluster {
        let usual = [
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
            key: std::cell::OnceCell::new(),
        }
    }

    /// A node with a data directory of its own.
    pub(crate) fn start(&self, role: &'static str) -> Node {
        self.start_with(role, &[])
    }

    /// One with settings of its own.
    pub(crate) fn start_with(&self, role: &'static str, settings: &[(&str, &str)]) -> Node {
        let number = self.made.replace(self.made.get() + 1);
        let dir = self.dir.path().join(format!("{role}-{number}"));
        std::fs::create_dir(&dir).unwrap();
        let log = self.dir.path().join(format!("{role}-{number}.log"));
        let mut child = self
            .command(&[role, "--listen", "127.0.0.1:0", "--data", dir.to_str().unwrap()])
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = String::new();
        let is_told = |told: &str| match role {
            "worker" => told.contains("languages:"),
            _ => told.contains("shown this once") || told.contains("Try next"),
        };
        while !is_told(&told) {
            let Some(line) = lines.next() else {
                panic!("the {role} ended: {told}\n{}", std::fs::read_to_string(&log).unwrap_or_default());
            };
            told += &format!("{}\n", line.unwrap());
        }
        // Whoever writes to a pipe that nobody reads ends.
        std::thread::spawn(move || lines.for_each(drop));
        let word = |start: &str| told.split_whitespace().find(|word| word.starts_with(start)).map(str::to_owned);
        let node = Node { child, role, url: word("http://").unwrap(), key: word("cup_"), log };
        if let Some(key) = &node.key {
            let _ = self.key.set(key.clone());
        }
        node
    }

    /// The first administrator's key.
    pub(crate) fn key(&self) -> &str {
        self.key.get().expect("an API node has started")
    }

    /// Any command with the cluster's settings.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = cupel(args);
        command.envs(self.settings.iter().map(|(key, value)| (key, value)));
        command
    }

    /// What a `cupel admin` command printed.
    pub(crate) fn admin(&self, args: &[&str]) -> String {
        let data = self.dir.path().join("admin");
        let mut all = vec!["admin"];
        all.extend(args);
        all.extend(["--data", data.to_str().unwrap()]);
        let ended = end(self.command(&all), b"");
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout
    }
}
