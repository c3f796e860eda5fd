//! Where a test puts a process of its own: at the end of a cable that can be cut, on a disk that can be full, beside a clock that
//! is wrong.
//!
//! Cable and disk are a namespace each, which a sleeping process keeps there. It dies with the test, and the kernel takes the
//! namespace with it: nothing stays behind, however the test ends.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::eventually;

/// A namespace, for as long as this lives.
struct Namespace {
    holder: Child,
    /// As `nsenter` and `unshare` call it.
    kind: &'static str,
}

impl Namespace {
    /// `prepare` is a shell's command that is carried out in there first.
    fn new(kind: &'static str, prepare: &str) -> Namespace {
        let holder = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", "unshare", kind, "--", "sh", "-ec"])
            .arg(format!("{prepare}\necho made\nexec sleep infinity"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut namespace = Namespace { holder, kind };
        let mut told = [0; 5];
        io::Read::read_exact(namespace.holder.stdout.as_mut().unwrap(), &mut told).expect("the namespace is made");
        namespace
    }

    /// The same command, carried out in there.
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

/// Has to end well.
fn run(mut command: Command) {
    let ended = command.output().unwrap();
    assert!(ended.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ended.stderr));
}

fn shell(line: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-ec", line]).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

/// A machine apart, as far as the network goes: a cable to this one is all that it has.
pub(crate) struct Machine {
    namespace: Namespace,
    /// This machine's end of the cable.
    here: Ipv4Addr,
    relays: Vec<u16>,
    is_over: Arc<AtomicBool>,
}

impl Machine {
    /// From there the servers that listen on these ports of this machine's loopback can be reached.
    pub(crate) fn new(ports: &[u16]) -> Machine {
        let namespace = Namespace::new("--net", "");
        let pid = namespace.holder.id();
        // Of the network that RFC 2544 sets aside for tests of devices: two addresses for each process id.
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

    /// The same command, carried out there.
    pub(crate) fn enter(&self, command: &Command) -> Command {
        self.namespace.enter(command)
    }

    /// A server's address as it is from there.
    pub(crate) fn url(&self, url: &str) -> String {
        url.replace("127.0.0.1", &self.here.to_string())
    }

    /// From now on nothing gets through to or from these ports: no answer, no refusal.
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
            // Who waits for somebody to come sees that it is over.
            let _ = TcpStream::connect((self.here, *port));
        }
    }
}

/// Passes on what comes to the server on the same port of the loopback, and its answers.
fn relay(listener: &TcpListener, port: u16, is_over: &AtomicBool) {
    while let Ok((near, _)) = listener.accept() {
        if is_over.load(Ordering::SeqCst) {
            return;
        }
        // A server that is down refuses; here that shows as an end.
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

/// A small disk, in a folder that only processes in there see.
pub(crate) struct Disk {
    namespace: Namespace,
    folder: PathBuf,
}

impl Disk {
    /// `size` as tmpfs takes it, such as `4m`.
    pub(crate) fn new(folder: &Path, size: &str) -> Disk {
        std::fs::create_dir(folder).unwrap();
        let place = folder.to_str().unwrap();
        // A mount there is none here: a new namespace passes nothing on (unshare(1)).
        let namespace = Namespace::new("--mount", &format!("mount -t tmpfs -o size={size},mode=700 disk '{place}'"));
        Disk { namespace, folder: folder.to_owned() }
    }

    /// The same command, carried out there.
    pub(crate) fn enter(&self, command: &Command) -> Command {
        self.namespace.enter(command)
    }

    /// Leaves no room.
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

    /// Makes room again.
    pub(crate) fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.namespace.holder.id()));
        root.join(self.folder.strip_prefix("/").unwrap()).join("filler")
    }
}

/// The command, beside a wall clock that is so many seconds ahead (negative: behind). `library`: where what does that is put.
pub(crate) fn beside_a_wrong_clock(mut command: Command, seconds: i64, library: &Path) -> Command {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/cluster/clock.c");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", &format!("-DOFF=({seconds})"), source, "-o"]).arg(library);
    run(cc);
    command.env("LD_PRELOAD", library);
    command
}
