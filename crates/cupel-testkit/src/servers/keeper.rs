//! Starts the servers of this test process and ensures that no server outlives it.
//!
//! - `setpriv --pdeathsig KILL` makes the kernel kill a server when the *thread* that started it ends (prctl(2),
//!   `PR_SET_PDEATHSIG`). A test's thread ends with the test, so a thread that never ends starts all servers.
//! - A shell removes the folders when its standard input closes; this process has the other end of that pipe.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, mpsc};

/// Removes the folder `$0` when standard input closes; retries while a dying server still writes.
const CLEANER: &str =
    r#"read -r _; for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf -- "$0" 2>/dev/null && exit; sleep 0.3; done"#;

type Order = (Command, mpsc::Sender<std::io::Result<Child>>);

struct Keeper {
    /// Parent of all servers' folders.
    base: PathBuf,
    orders: Mutex<mpsc::Sender<Order>>,
    /// The shell that removes the folders. When this process ends, the kernel closes the shell's standard input.
    _cleaner: Child,
}

fn keeper() -> &'static Keeper {
    static KEEPER: OnceLock<Keeper> = OnceLock::new();
    KEEPER.get_or_init(|| {
        let base =
            tempfile::Builder::new().prefix("cupel-servers-").tempdir_in(place()).expect("a temporary folder").keep();
        // PostgreSQL runs as another user, who must be able to reach the server's folder through this folder.
        fs::set_permissions(&base, Permissions::from_mode(0o711)).expect("the folder's mode can be set");
        // The shell has a separate process group, so that Ctrl-C reaches only the tests.
        let cleaner = Command::new("sh")
            .args([OsString::from("-c"), CLEANER.into(), base.clone().into()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("a shell can be started");
        let (orders, taken) = mpsc::channel::<Order>();
        let start = move || {
            for (mut command, answer) in taken {
                let _ = answer.send(command.spawn());
            }
        };
        std::thread::Builder::new().name("servers".into()).spawn(start).expect("a thread can be started");
        Keeper { base, orders: Mutex::new(orders), _cleaner: cleaner }
    })
}

/// Memory that the servers of a test process may need for their data, in KiB.
const MEMORY_KIB_MIN: u64 = 4 << 20;

/// Where the servers keep their data: in memory if there is enough, because PostgreSQL creates a thousand files for a
/// database.
fn place() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let found = Command::new("df").args(["--output=avail", "-k"]).arg(memory).output().ok();
    let free =
        found.and_then(|found| String::from_utf8_lossy(&found.stdout).lines().nth(1)?.trim().parse::<u64>().ok());
    if free >= Some(MEMORY_KIB_MIN) { memory.to_owned() } else { std::env::temp_dir() }
}

/// Returns the path of a new folder for one server; the folder does not exist yet.
pub(super) fn folder(name: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    keeper().base.join(format!("{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed)))
}

/// Starts a program that dies with this process. The program leads its own process group, so that Ctrl-C reaches only
/// the tests.
pub(crate) fn spawn(mut command: Command) -> std::io::Result<Child> {
    command.process_group(0).stdin(Stdio::null());
    let (answer, started) = mpsc::channel();
    let orders = keeper().orders.lock().expect("no thread panics while it holds the lock");
    orders.send((command, answer)).expect("the thread never ends");
    started.recv().expect("the thread answers every order")
}

/// Returns `pid` and its descendants, parents first.
pub(super) fn tree(pid: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .expect("/proc can be read")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid: u32| Some((pid, parent(pid)?)))
        .collect();
    let mut found = vec![pid];
    let mut next = 0;
    while next < found.len() {
        let of = found[next];
        found.extend(parents.iter().filter(|(_, parent)| *parent == of).map(|(pid, _)| *pid));
        next += 1;
    }
    found
}

fn parent(pid: u32) -> Option<u32> {
    stat(&format!("/proc/{pid}"), 1)?.parse().ok()
}

/// Whether all threads of a process are stopped or have ended.
pub(super) fn is_stopped(pid: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
    threads.flatten().all(|thread| stat(&thread.path().to_string_lossy(), 0).is_none_or(|state| "TZX".contains(&state)))
}

/// Returns a field of `/proc/PID/stat` after the name, which ends with the last parenthesis (proc(5)): 0 is the state,
/// 1 the parent.
fn stat(folder: &str, field: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("{folder}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(field).map(str::to_owned)
}

/// Sends a signal to each process; processes that have ended are ignored.
pub(super) fn signal(name: &str, pids: &[u32]) {
    let pids = pids.iter().map(u32::to_string);
    let _ = Command::new("kill").arg(format!("-{name}")).args(pids).stderr(Stdio::null()).status();
}

/// Finds a program in `places` and on the PATH, and returns its path.
///
/// # Panics
/// If the program is not found: a missing server fails the test.
pub(super) fn find(program: &str, places: &[PathBuf], remedy: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let everywhere = places.iter().cloned().chain(std::env::split_paths(&path));
    let found = everywhere.map(|folder| folder.join(program)).find(|file| is_program(file));
    found.unwrap_or_else(|| panic!("`{program}` is missing: {remedy}, or run `scripts/setup.sh servers`"))
}

fn is_program(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
