//! A PostgreSQL server with one user, in which tests create new databases.
//!
//! The server runs with `fsync = off`, except in tests of durability: after SIGKILL, the kernel's buffers still contain
//! all writes.

use std::fs::{self, Permissions};
use std::ops::Deref;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::certificate::Certificate;
use super::server::{Kind, Server};
use super::{PASSWORD, USER, keeper};

/// A PostgreSQL server.
pub struct Postgres {
    server: Server,
    programs: PathBuf,
    databases: AtomicU32,
}

impl Postgres {
    /// Starts a server for this test only.
    ///
    /// # Panics
    /// If the server is not installed or does not start.
    pub fn start() -> Postgres {
        Postgres::start_with(Nature::default())
    }

    /// Starts a server that syncs to disk, as in production, for this test only.
    ///
    /// # Panics
    /// As [`Postgres::start`].
    pub fn start_durable() -> Postgres {
        Postgres::start_with(Nature { durable: true, ..Nature::default() })
    }

    /// Starts a server that requires TLS for network connections, for this test only.
    ///
    /// # Panics
    /// As [`Postgres::start`].
    pub fn start_encrypted() -> Postgres {
        Postgres::start_with(Nature { encrypted: true, ..Nature::default() })
    }

    /// Returns the shared server of this test process, for tests that do not harm it.
    ///
    /// # Panics
    /// As [`Postgres::start`].
    pub fn shared() -> &'static Postgres {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Postgres::start)
    }

    /// Returns a server of this test process that one test at a time may harm. The server is running, even if an
    /// earlier test stopped it.
    ///
    /// # Panics
    /// As [`Postgres::start`].
    pub async fn lent() -> OwnedMutexGuard<Postgres> {
        static LENT: LazyLock<Arc<Mutex<Postgres>>> = LazyLock::new(|| Arc::new(Mutex::new(Postgres::start())));
        let lent = Arc::clone(&LENT).lock_owned().await;
        lent.revive();
        lent
    }

    /// Returns the URL of the default database.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// Returns the URL of a database, with the password.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{database}", self.port())
    }

    /// Returns the path of an encrypted server's certificate.
    pub fn certificate(&self) -> PathBuf {
        Certificate::in_folder(self.folder()).certificate
    }

    /// Creates an empty database and returns its URL.
    ///
    /// # Panics
    /// If the server is down.
    pub async fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let (mut create, url) = (self.psql_command("postgres", &format!("CREATE DATABASE {name}")), self.url_of(&name));
        let made = tokio::task::spawn_blocking(move || create.output()).await.expect("the thread does not panic");
        let made = made.expect("psql can be started");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        url
    }

    /// Runs SQL as the server's owner and returns its output without headers and alignment.
    ///
    /// # Panics
    /// If the SQL fails.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let done = self.psql_command(database, sql).output().expect("psql can be started");
        assert!(done.status.success(), "{sql}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    fn start_with(nature: Nature) -> Postgres {
        let programs = programs();
        let owner = owner();
        let server = Server::start(PostgresKind { programs: programs.clone(), owner, nature });
        Postgres { server, programs, databases: AtomicU32::new(0) }
    }

    fn psql_command(&self, database: &str, sql: &str) -> Command {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]);
        psql.arg("--host").arg(self.folder()).args(["--port", &self.port().to_string(), "--username", USER]);
        psql.args(["--dbname", database, "--command", sql]);
        psql
    }
}

impl Deref for Postgres {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

/// Options of a server.
#[derive(Clone, Copy, Default)]
struct Nature {
    durable: bool,
    encrypted: bool,
}

struct PostgresKind {
    programs: PathBuf,
    owner: Option<(u32, u32)>,
    nature: Nature,
}

impl PostgresKind {
    /// Makes a data directory in the new folder `folder`, and returns its path. The servers of this process copy it,
    /// because `initdb` takes eight times as long as a copy.
    fn make_new(&self, folder: PathBuf) -> PathBuf {
        fs::create_dir(&folder).expect("the folder can be created");
        let (password, data) = (folder.join("password"), folder.join("data"));
        fs::write(&password, PASSWORD).expect("the password can be written");
        self.open_to_owner(&folder);
        let mut init = Command::new("setpriv");
        if let Some((user, group)) = self.owner {
            init.args(["--reuid", &user.to_string(), "--regid", &group.to_string(), "--clear-groups"]);
        }
        init.arg("--").arg(self.programs.join("initdb")).arg("--pgdata").arg(&data);
        init.args(["--username", USER, "--auth-local", "trust", "--auth-host", "scram-sha-256", "--no-sync"]);
        init.args(["--encoding", "UTF8", "--no-locale"]).arg("--pwfile").arg(&password);
        let made = init.current_dir(&folder).output().expect("initdb can be started");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        data
    }

    /// Lets the owner of the server's processes write into `folder`, and everybody else only pass through it.
    fn open_to_owner(&self, folder: &Path) {
        fs::set_permissions(folder, Permissions::from_mode(0o711)).expect("the folder's mode can be set");
        if let Some((user, group)) = self.owner {
            chown(folder, Some(user), Some(group)).expect("the folder's owner can be changed");
        }
    }

    /// Creates a self-signed certificate, and the rule that network connections require TLS.
    fn encrypt(&self, folder: &Path) {
        const DOORS: &str = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
        let key = Certificate::make(folder).key;
        if let Some((user, group)) = self.owner {
            chown(&key, Some(user), Some(group)).expect("the key's owner can be changed");
        }
        fs::write(folder.join("data/pg_hba.conf"), DOORS).expect("the server's rules can be written");
    }
}

impl Kind for PostgresKind {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn runs_as(&self) -> Option<(u32, u32)> {
        self.owner
    }

    fn lay_out(&self, folder: &Path, _: u16) {
        static NEW: OnceLock<PathBuf> = OnceLock::new();
        let new = NEW.get_or_init(|| self.make_new(keeper::folder("postgres-new")));
        let copied = Command::new("cp").arg("--archive").arg(new).arg(folder.join("data")).status();
        assert!(copied.is_ok_and(|status| status.success()), "the data directory can be copied");
        self.open_to_owner(folder);
        if self.nature.encrypted {
            self.encrypt(folder);
        }
    }

    fn command(&self, folder: &Path, port: u16) -> Command {
        let mut postgres = Command::new(self.programs.join("postgres"));
        postgres.arg("-D").arg(folder.join("data")).args(["-p", &port.to_string(), "-k"]).arg(folder);
        let mut set = |setting: &str| {
            postgres.args(["-c", setting]);
        };
        set("listen_addresses=127.0.0.1");
        set("max_connections=200");
        set("shared_buffers=64MB");
        // In the data directory, which is removed. In /dev/shm, the memory of a killed server would remain.
        set("dynamic_shared_memory_type=mmap");
        if self.nature.encrypted {
            set("ssl=on");
            let Certificate { certificate, key } = Certificate::in_folder(folder);
            set(&format!("ssl_cert_file={}", certificate.display()));
            set(&format!("ssl_key_file={}", key.display()));
        }
        if !self.nature.durable {
            set("fsync=off");
            set("full_page_writes=off");
        }
        postgres
    }

    fn answers(&self, folder: &Path, port: u16) -> bool {
        let mut ready = Command::new(self.programs.join("pg_isready"));
        ready.arg("--quiet").arg("--host").arg(folder).args(["--port", &port.to_string()]);
        ready.status().is_ok_and(|status| status.success())
    }

    /// SIGINT requests a "Fast Shutdown": PostgreSQL ends the sessions instead of waiting for them.
    fn stop_signal(&self) -> (&'static str, bool) {
        ("INT", false)
    }
}

/// Returns the folder with the programs of the newest version. Debian installs each version in a separate folder, and
/// only some programs are on the PATH.
fn programs() -> PathBuf {
    let number = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let entries = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut versions: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    versions.sort_by_key(|folder| std::cmp::Reverse(number(folder)));
    let places: Vec<PathBuf> = versions.into_iter().map(|version| version.join("bin")).collect();
    let initdb = keeper::find("initdb", &places, "install the package `postgresql`");
    let initdb = initdb.canonicalize().expect("the program was just found");
    initdb.parent().expect("a program's path has a parent").to_owned()
}

/// Returns the user and group of the server if the tests run as root. PostgreSQL refuses to run as root, so it runs as
/// `postgres`, or as `nobody` if that user does not exist.
fn owner() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").expect("/proc can be read").uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let ids = |line: &str| {
        let mut fields = line.split(':');
        let (name, user, group) = (fields.next()?, fields.nth(1)?, fields.next()?);
        (name == "postgres").then_some((user.parse().ok()?, group.parse().ok()?))
    };
    Some(users.lines().find_map(ids).unwrap_or((65_534, 65_534)))
}
