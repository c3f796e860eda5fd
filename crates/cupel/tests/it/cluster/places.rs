//! Environments for a process of a test: a network cable that the test can cut, a disk that can be full, a wrong clock.
//!
//! Cable and disk are namespaces. A sleeping process holds each of them and dies with the test. The kernel then removes
//! the namespace, so nothing is left behind, no matter how the test ends.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::eventually;

/// A namespace that exists until this value is dropped.
struct Namespace {
    holder: Child,
    /// The option of `nsenter` and `unshare`.
    kind: &'static str,
}

impl Namespace {
    /// Creates a namespace. The shell command `prepare` runs inside it first.
    fn new(kind: &'static str, prepare: &str) -> Namespace {
        let holder = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", "unshare", kind, "--", "sh", "-ec"])
            .arg(format!("{prepare}\necho made\nexec sleep infinity"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut namespace = Namespace { holder, kind };
        let mut buffer = [0; 5];
        io::Read::read_exact(namespace.holder.stdout.as_mut().unwrap(), &mut buffer).expect("the namespace is created");
        namespace
    }

    /// Returns the command, wrapped to run inside the namespace.
    fn enter(&self, command: &Command) -> Command {
        let mut entering = Command::new("nsenter");
        entering.args(["--target", &self.holder.id().to_string(), self.kind, "--"]);
        entering.arg(command.get_program()).args(command.get_args()).env_clear();
        entering.envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
        entering.current_dir(command.get_current_dir().unwrap_or(Path::new("/")));
        entering
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Runs a command that must succeed.
fn run(mut command: Command) {
    let ended = command.output().unwrap();
    assert!(ended.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ended.stderr));
}

fn shell(line: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-ec", line]).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

/// A network namespace that behaves like another machine: its only connection is a cable to this machine.
pub(crate) struct Machine {
    namespace: Namespace,
    /// This machine's end of the cable.
    here: Ipv4Addr,
    relays: Vec<u16>,
    is_over: Arc<AtomicBool>,
}

impl Machine {
    /// Creates a machine that can reach the servers on these ports of this machine's loopback.
    pub(crate) fn new(ports: &[u16]) -> Machine {
        let namespace = Namespace::new("--net", "");
        let pid = namespace.holder.id();
        // The addresses are from the network that RFC 2544 reserves for device tests: two for each process id.
        let [_, first, high, low] = pid.wrapping_mul(4).to_be_bytes();
        let address = |number| Ipv4Addr::new(198, 18 + first % 2, high, low + number);
        let (here, there) = (address(1), address(2));
        run(shell(&format!(
            "ip link add cupel{pid} type veth peer name cable netns {pid}
             ip address add {here}/30 dev cupel{pid}
             ip link set cupel{pid} up"
        )));
        run(namespace
            .enter(&shell(&format!("ip link set lo up; ip address add {there}/30 dev cable; ip link set cable up"))));
        let machine = Machine { namespace, here, relays: ports.to_vec(), is_over: Arc::default() };
        for port in ports {
            let listener = eventually(|| TcpListener::bind((here, *port)).ok());
            let (port, is_over) = (*port, Arc::clone(&machine.is_over));
            std::thread::spawn(move || relay(&listener, port, &is_over));
        }
        machine
    }

    /// Returns the command, wrapped to run on the machine.
    pub(crate) fn enter(&self, command: &Command) -> Command {
        self.namespace.enter(command)
    }

    /// Returns a server's address as seen from the machine.
    pub(crate) fn url(&self, url: &str) -> String {
        url.replace("127.0.0.1", &self.here.to_string())
    }

    /// Drops all packets to and from these ports, so that the machine receives neither responses nor refusals.
    pub(crate) fn cut(&self, ports: &[u16]) {
        let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
        let ports = ports.join(", ");
        run(self.namespace.enter(&shell(&format!(
            "nft -f - <<'rules'
             table inet cut {{
                 chain there {{ type filter hook output priority 0; tcp dport {{ {ports} }} drop; }}
                 chain back {{ type filter hook input priority 0; tcp sport {{ {ports} }} drop; }}
             }}
rules"
        ))));
    }

    pub(crate) fn heal(&self) {
        run(self.namespace.enter(&shell("nft delete table inet cut")));
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        for port in &self.relays {
            // This connection wakes the accepting thread, so that the thread notices that it must end.
            let _ = TcpStream::connect((self.here, *port));
        }
    }
}

/// Forwards connections to the server on the same port of the loopback.
fn relay(listener: &TcpListener, port: u16, is_over: &AtomicBool) {
    while let Ok((near, _)) = listener.accept() {
        if is_over.load(Ordering::SeqCst) {
            return;
        }
        // If the server is down, the connection is closed instead of refused.
        let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { continue };
        let pairs = [(near.try_clone(), far.try_clone()), (Ok(far), Ok(near))];
        for (from, to) in pairs {
            let (mut from, mut to) = (from.unwrap(), to.unwrap());
            to.set_nodelay(true).unwrap();
            std::thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Both);
                let _ = from.shutdown(Shutdown::Both);
            });
        }
    }
}

/// A small disk, mounted at a folder. Only processes inside the namespace see the mount.
pub(crate) struct Disk {
    namespace: Namespace,
    folder: PathBuf,
}

impl Disk {
    /// `size`: a tmpfs size, such as `4m`.
    pub(crate) fn new(folder: &Path, size: &str) -> Disk {
        std::fs::create_dir(folder).unwrap();
        let place = folder.to_str().unwrap();
        // The mount is not visible to this process, because a new namespace does not propagate mounts (unshare(1)).
        let namespace = Namespace::new("--mount", &format!("mount -t tmpfs -o size={size},mode=700 disk '{place}'"));
        Disk { namespace, folder: folder.to_owned() }
    }

    /// Returns the command, wrapped to run with this disk.
    pub(crate) fn enter(&self, command: &Command) -> Command {
        self.namespace.enter(command)
    }

    /// Fills the disk.
    pub(crate) fn fill(&self) {
        let mut file = std::fs::File::create(self.filler()).unwrap();
        for size in [64 << 10, 1] {
            let error = loop {
                if let Err(error) = file.write_all(&vec![0; size]) {
                    break error;
                }
            };
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        }
    }

    /// Frees the disk.
    pub(crate) fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.namespace.holder.id()));
        root.join(self.folder.strip_prefix("/").unwrap()).join("filler")
    }
}

/// Returns the command with a wall clock that is `seconds` ahead (negative: behind). `library`: the path to which the
/// preloaded library is written.
pub(crate) fn beside_a_wrong_clock(mut command: Command, seconds: i64, library: &Path) -> Command {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/cluster/clock.c");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", &format!("-DOFF=({seconds})"), source, "-o"]).arg(library);
    run(cc);
    command.env("LD_PRELOAD", library);
    command
}
