//! Drops all privileges of the main process once the launcher runs.
//!
//! A process that started a [`Sandbox`](crate::Sandbox) as root needs no privileges afterwards: the launcher creates
//! the lanes, and the process uses them over sockets. The process must call [`give_up`] while it still has one thread:
//!
//! ```text
//! Sandbox::launch  →  (what only root can open or hand over)  →  give_up  →  threads, listeners, databases
//! ```
//!
//! Afterwards the process has no capabilities and cannot get any (`no_new_privs`; if it was root, also an empty
//! bounding set). It has only the identity of the user it became, or of root if no user was given. It leaves no core
//! dump, and other processes of its user cannot inspect its memory. If the kernel has Landlock, the process can create,
//! write and remove files only beneath the given directories, except that it can write to `/dev/null`; and it cannot
//! trace outside processes. Since Linux 6.12, it cannot signal them either. A system call filter
//! (`policy/server.policy`) prevents it from starting programs.
//!
//! Sources: credentials(7), capabilities(7), prctl(2), landlock(7), seccomp(2).

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount, mount_change, mount_remount, move_mount,
    open_tree,
};
use rustix::process::{DumpableBehavior, Gid, Uid};
use rustix::thread::CapabilitiesSecureBits;

use crate::mechanism::landlock::{SCOPE_ABSTRACT_UNIX_SOCKET, SCOPE_SIGNAL};
use crate::mechanism::{capabilities, ids, seccomp};
use crate::sys;

/// User and group ids to change to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Identity {
    /// The identity of Cupel's services on hosts without a user `cupel`: an id that no allocation scheme assigns, above
    /// the default ids of lanes ([`SandboxConfig::uid_base`](crate::SandboxConfig::uid_base)). Source: systemd, "Users,
    /// Groups, UIDs and GIDs on systemd Systems".
    pub const UNASSIGNED: Identity = Identity { uid: 0x7F00_0000, gid: 0x7F00_0000 };

    /// The identity of Cupel's services on this host: the user `cupel` if `/etc/passwd` contains it, otherwise
    /// [`Identity::UNASSIGNED`]. If this process's user namespace lacks that id, the last id of the namespace's largest
    /// range is used instead.
    ///
    /// # Errors
    /// If the ids of this user namespace cannot be read, or none of them is usable.
    pub fn of_service() -> io::Result<Identity> {
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let wanted = Identity::of_name(&passwd, "cupel").unwrap_or(Identity::UNASSIGNED);
        let here = |file: &str, wanted: u32| -> io::Result<u32> {
            ids::of_service(&std::fs::read_to_string(file)?, wanted)
                .ok_or_else(|| io::Error::other("this user namespace has no id that a service could use"))
        };
        Ok(Identity { uid: here("/proc/self/uid_map", wanted.uid)?, gid: here("/proc/self/gid_map", wanted.gid)? })
    }

    /// The user called `name` in the text of a passwd(5) file.
    pub fn of_name(passwd: &str, name: &str) -> Option<Identity> {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next()? == name).then_some(())?;
            let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
            Some(Identity { uid, gid })
        })
    }
}

/// A privilege could not be dropped. The process must not serve requests.
#[derive(Debug, thiserror::Error)]
#[error("cannot drop the privileges of the main process: cannot {step}")]
pub struct GiveUpError {
    /// The step that failed.
    pub step: &'static str,
    #[source]
    source: io::Error,
}

fn at<E: Into<io::Error>>(step: &'static str) -> impl Fn(E) -> GiveUpError {
    move |source| GiveUpError { step, source: source.into() }
}

/// Whether this process runs as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Closes every descriptor except standard input, output and error, so that no descriptor is inherited from the parent
/// process. Call this before anything is opened.
///
/// # Errors
/// If the system call fails.
pub fn close_inherited_descriptors() -> io::Result<()> {
    sys::process::close_from(3)
}

/// Changes to `user` if one is given, drops every capability, and applies Landlock and the main process's system call
/// filter. If this process is root, `group` becomes its only supplementary group, or it has none. If the kernel has
/// Landlock, files can then be created and written only beneath `writable`, except for writes to `/dev/null`.
/// Directories in `writable` that do not exist, or that `user` cannot reach, are ignored.
///
/// # Errors
/// If there is still more than one thread after 5 s, since each thread has separate privileges, or if a step fails.
pub fn give_up(user: Option<Identity>, group: Option<u32>, writable: &[&Path]) -> Result<(), GiveUpError> {
    wait_until_alone()?;
    if is_root() {
        // Without this, executing a program as user id 0 would restore capabilities. (The filter also forbids executing
        // programs.)
        let bits = CapabilitiesSecureBits::NO_ROOT | CapabilitiesSecureBits::NO_ROOT_LOCKED;
        rustix::thread::set_capabilities_secure_bits(bits).map_err(at("set the secure bits"))?;
        capabilities::empty_bounding_set().map_err(at("empty the bounding set"))?;
        let groups: Vec<Gid> = group.into_iter().map(Gid::from_raw).collect();
        rustix::thread::set_thread_groups(&groups).map_err(at("drop supplementary groups"))?;
    }
    if let Some(Identity { uid, gid }) = user {
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        rustix::thread::set_thread_res_gid(gid, gid, gid).map_err(at("change the group"))?;
        rustix::thread::set_thread_res_uid(uid, uid, uid).map_err(at("change the user"))?;
    }
    capabilities::drop_all().map_err(at("drop the capabilities"))?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(at("forbid core dumps"))?;
    rustix::process::umask(Mode::from_raw_mode(0o077));
    rustix::thread::set_no_new_privs(true).map_err(at("forbid new privileges"))?;
    write_only_beneath(writable).map_err(at("apply Landlock"))?;
    let filter = seccomp::server_filter().map_err(|e| at("compile the filter")(io::Error::other(e)))?;
    match sys::seccomp::install(&filter) {
        0 => Ok(()),
        errno => Err(at("install the filter")(io::Error::from_raw_os_error(errno))),
    }
}

/// Waits until this is the only thread: a joined thread may still exist in the kernel for a moment.
fn wait_until_alone() -> Result<(), GiveUpError> {
    const PATIENCE: Duration = Duration::from_secs(5);
    let begun = Instant::now();
    loop {
        let threads = std::fs::read_dir("/proc/self/task").map_err(at("count the threads"))?.count();
        if threads == 1 {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            let busy = io::Error::new(io::ErrorKind::ResourceBusy, format!("{threads} threads are running"));
            return Err(at("wait for the other threads to end")(busy));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

const WRITE_FILE: u64 = 1 << 1;

/// Landlock's rights that change files, from linux/landlock.h: write, remove, make; since ABI 2, also link and rename
/// across directories; since ABI 3, also truncate.
fn rights_to_change(abi: u32) -> u64 {
    const REMOVE_AND_MAKE: u64 = 0b1_1111_1111 << 4;
    const REFER: u64 = 1 << 13;
    const TRUNCATE: u64 = 1 << 14;
    let since = |first: u32, right: u64| if abi >= first { right } else { 0 };
    WRITE_FILE | REMOVE_AND_MAKE | since(2, REFER) | since(3, TRUNCATE)
}

/// If the kernel has Landlock, restricts creating, writing and removing files to `writable`, and writing to
/// `/dev/null`; reading is not restricted. A process in a Landlock domain cannot trace processes outside it, such as
/// the launcher. Since ABI 6, it can neither signal them nor connect to their abstract sockets.
fn write_only_beneath(writable: &[&Path]) -> io::Result<()> {
    let abi = sys::landlock::abi();
    if abi == 0 {
        return Ok(());
    }
    let rights = rights_to_change(abi);
    let (scoped, size) = if abi >= 6 { (SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL, 24) } else { (0, 8) };
    let attr = sys::landlock::RulesetAttr { handled_access_fs: rights, handled_access_net: 0, scoped };
    let ruleset = sys::landlock::create_ruleset(&attr, size)?;
    for path in writable {
        match rustix::fs::open(*path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
            Ok(directory) => sys::landlock::allow_beneath(ruleset.as_fd(), directory.as_fd(), rights)?,
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR | rustix::io::Errno::ACCESS) => {}
            Err(other) => return Err(other.into()),
        }
    }
    // /dev/null is the standard error of services. WRITE_FILE is the only one of these rights that matters for a
    // device.
    let null = rustix::fs::open("/dev/null", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    sys::landlock::allow_beneath(ruleset.as_fd(), null.as_fd(), WRITE_FILE)?;
    match sys::landlock::restrict_self(ruleset.as_raw_fd()) {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}

/// The outermost directory above `path` that `user` may not traverse, if there is one. Considers only mode bits.
///
/// # Errors
/// If the metadata of a directory cannot be read.
pub fn closed_parent(path: &Path, user: Identity) -> io::Result<Option<PathBuf>> {
    let mut parents: Vec<&Path> = path.ancestors().skip(1).collect();
    parents.reverse();
    for parent in parents {
        let meta = std::fs::metadata(parent)?;
        let pass = match () {
            () if meta.uid() == user.uid => 0o100,
            () if meta.gid() == user.gid => 0o010,
            () => 0o001,
        };
        if meta.mode() & pass == 0 {
            return Ok(Some(parent.to_owned()));
        }
    }
    Ok(None)
}

/// Makes the directory `path` reachable although its ancestor `closed` may not be traversed. In a new mount namespace
/// of this process, `closed` becomes a read-only directory that contains only the path to `path`. Both paths are
/// absolute.
///
/// # Errors
/// If a system call fails; then `path` must be moved elsewhere.
pub fn open_a_way(closed: &Path, path: &Path) -> io::Result<()> {
    sys::namespaces::unshare(libc::CLONE_NEWNS)?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    let tree = open_tree(CWD, path, flags)?;
    let attributes = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("cupel", closed, "tmpfs", attributes, Some(c"mode=0755,size=64k,nr_inodes=64"))?;
    std::fs::create_dir_all(path)?;
    move_mount(tree.as_fd(), c"", CWD, path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    mount_remount(closed, attributes | MountFlags::RDONLY, c"")?;
    Ok(())
}

/// Changes the owner of `name` in `directory` from root to `user`, if `name` is a directory or a regular file with one
/// link. Anything else is neither followed nor changed.
///
/// # Errors
/// If `name` exists and its owner cannot be changed.
pub fn hand_over(directory: &File, name: &OsStr, user: Identity) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let found = match rustix::fs::openat(directory, name, flags, Mode::empty()) {
        Ok(found) => found,
        Err(rustix::io::Errno::NOENT) => return Ok(()),
        Err(other) => return Err(other.into()),
    };
    let stat = rustix::fs::fstat(&found)?;
    let kind = rustix::fs::FileType::from_raw_mode(stat.st_mode);
    let ours = kind.is_dir() || (kind.is_file() && stat.st_nlink == 1);
    if ours && stat.st_uid == 0 {
        let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
        rustix::fs::chownat(&found, c"", Some(uid), Some(gid), rustix::fs::AtFlags::EMPTY_PATH)?;
    }
    Ok(())
}

/// Creates nested directories `names` below `directory` if they do not exist, owned by the owner of `directory`. The
/// last one is readable by all users. Links are not followed, since the owner may be a different, untrusted user.
///
/// # Errors
/// If one of the names is not a directory, or a system call fails.
pub fn make_beneath(directory: &Path, names: &[&str]) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut place = rustix::fs::open(directory, flags, Mode::empty())?;
    for name in names {
        let made = match rustix::fs::mkdirat(&place, *name, Mode::from_raw_mode(0o755)) {
            Ok(()) => true,
            Err(rustix::io::Errno::EXIST) => false,
            Err(other) => return Err(other.into()),
        };
        let inner = rustix::fs::openat(&place, *name, flags, Mode::empty())?;
        let owner = rustix::fs::fstat(&place)?;
        if made && is_root() && owner.st_uid != 0 {
            let (uid, gid) = (Uid::from_raw(owner.st_uid), Gid::from_raw(owner.st_gid));
            rustix::fs::fchown(&inner, Some(uid), Some(gid))?;
        }
        place = inner;
    }
    // Set the mode independently of the umask.
    let open = Mode::from_raw_mode(0o755);
    if rustix::fs::fstat(&place)?.st_mode & 0o7777 != open.as_raw_mode() {
        rustix::fs::fchmod(&place, open)?;
    }
    Ok(())
}

/// Applies [`hand_over`] to a directory and everything below it that root owns. Processes at most `budget` entries, so
/// that a wrong path does not change large parts of a file system.
///
/// # Errors
/// If an owner cannot be changed, or there are more entries than `budget`.
pub fn hand_over_tree(directory: &File, name: &OsStr, user: Identity, budget: &mut u32) -> io::Result<()> {
    *budget = budget
        .checked_sub(1)
        .ok_or_else(|| io::Error::other("the directory has more entries than Cupel creates; check the path"))?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(directory, name, flags, Mode::empty()) {
        Ok(inner) => {
            let inner = File::from(inner);
            for entry in rustix::fs::Dir::read_from(&inner)? {
                let entry = entry?;
                let name = OsStr::from_bytes(entry.file_name().to_bytes());
                if name != "." && name != ".." {
                    hand_over_tree(&inner, name, user, budget)?;
                }
            }
        }
        Err(rustix::io::Errno::NOTDIR | rustix::io::Errno::LOOP | rustix::io::Errno::NOENT) => {}
        Err(other) => return Err(other.into()),
    }
    hand_over(directory, name, user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_must_match_completely() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\ncupelx:x:7:7::/:/bin/false\ncupel:x:998:997::/:/bin/false\n";
        assert_eq!(Identity::of_name(passwd, "cupel"), Some(Identity { uid: 998, gid: 997 }));
        assert_eq!(Identity::of_name(passwd, "cup"), None);
        assert_eq!(Identity::of_name("cupel:x", "cupel"), None);
    }

    #[test]
    fn closed_parent_returns_the_outermost_closed_directory() {
        use std::os::unix::fs::PermissionsExt;
        let temporary = tempfile::tempdir().unwrap();
        let top = temporary.path().join("top");
        let inner = top.join("a/b/data");
        std::fs::create_dir_all(&inner).unwrap();
        let set = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        set(temporary.path(), 0o755);
        set(&top, 0o755);
        set(&inner, 0o700);
        let stranger = Identity::UNASSIGNED;
        assert_eq!(closed_parent(&inner, stranger).unwrap(), None, "the mode of the directory itself does not matter");
        set(&top.join("a/b"), 0o700);
        set(&top.join("a"), 0o750);
        assert_eq!(closed_parent(&inner, stranger).unwrap(), Some(top.join("a")));
        let owner = Identity { uid: rustix::process::getuid().as_raw(), gid: 1 };
        assert_eq!(closed_parent(&inner, owner).unwrap(), None);
    }

    #[test]
    fn rights_to_change_excludes_only_reading_and_executing() {
        // ABI 1 has thirteen rights; executing, reading a file and listing a directory are the first, third and fourth.
        assert_eq!(rights_to_change(1), ((1 << 13) - 1) & !0b1101);
        assert_eq!(rights_to_change(3), ((1 << 15) - 1) & !0b1101);
    }

    #[test]
    fn make_beneath_keeps_the_owner_and_does_not_follow_links() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
        let top = tempfile::tempdir().unwrap();
        let (data, outside) = (top.path().join("data"), top.path().join("outside"));
        for path in [&data, &outside] {
            std::fs::create_dir(path).unwrap();
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o700)).unwrap();
        }
        if is_root() {
            chown(&data, Some(12345), Some(12346)).unwrap();
        }
        let owner = std::fs::metadata(&data).unwrap().uid();
        for _ in 0..2 {
            make_beneath(&data, &["cache", "prepared"]).unwrap();
        }
        for made in ["cache", "cache/prepared"] {
            assert_eq!(std::fs::metadata(data.join(made)).unwrap().uid(), owner, "{made}");
        }
        assert_eq!(std::fs::metadata(data.join("cache/prepared")).unwrap().mode() & 0o7777, 0o755);

        std::fs::remove_dir(data.join("cache/prepared")).unwrap();
        symlink(&outside, data.join("cache/prepared")).unwrap();
        make_beneath(&data, &["cache", "prepared"]).unwrap_err();
        std::fs::rename(data.join("cache"), data.join("moved")).unwrap();
        symlink(&outside, data.join("cache")).unwrap();
        make_beneath(&data, &["cache", "prepared"]).unwrap_err();
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
        assert_eq!(std::fs::metadata(&outside).unwrap().mode() & 0o7777, 0o700);
    }

    /// Environment variable set in the process that drops its privileges: the ids of two other processes of its user.
    const OTHERS: &str = "CUPEL_TEST_OTHERS";

    #[test]
    fn after_give_up_other_processes_of_the_user_cannot_be_signalled_or_limited() {
        use std::os::unix::process::CommandExt;
        let user = is_root().then_some(Identity::UNASSIGNED);
        if let Ok(others) = std::env::var(OTHERS) {
            let mut others = others.split(' ').map(|pid| pid.parse::<i32>().unwrap());
            let others = [others.next().unwrap(), others.next().unwrap()];
            let Some(child) = sys::process::fork().unwrap() else {
                let _ = std::panic::catch_unwind(|| attack_and_abort(user, others));
                sys::process::exit_now(1);
            };
            let (_, ended) =
                rustix::process::waitpid(Some(child), rustix::process::WaitOptions::empty()).unwrap().unwrap();
            // The child aborts at the end: the filter must allow that.
            assert_eq!(ended.terminating_signal(), Some(libc::SIGABRT));
            return;
        }
        let sleeper = || {
            let mut command = std::process::Command::new("sleep");
            if let Some(user) = user {
                command.uid(user.uid).gid(user.gid);
            }
            command.arg("100").spawn().unwrap()
        };
        let mut others = [sleeper(), sleeper()];
        let pids = others.each_ref().map(std::process::Child::id);
        // The test binary runs itself again and forks there, because the process that calls `give_up` must have one
        // thread and no lock held by another thread.
        let name = "privileges::tests::after_give_up_other_processes_of_the_user_cannot_be_signalled_or_limited";
        let ended = std::process::Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture", "--test-threads=1"])
            .env(OTHERS, pids.map(|pid| pid.to_string()).join(" "))
            .output()
            .unwrap();
        let (limits, alive) = (
            std::fs::read_to_string(format!("/proc/{}/limits", pids[0])).unwrap(),
            others.each_mut().map(|other| other.try_wait().unwrap().is_none()),
        );
        for other in &mut others {
            other.kill().unwrap();
            other.wait().unwrap();
        }
        assert!(ended.status.success(), "{ended:?}");
        assert!(limits.lines().any(|line| line.starts_with("Max open files") && !line.contains(" 7 ")), "{limits}");
        let scoped = sys::landlock::abi() >= 6;
        assert_eq!(alive, [true, scoped], "tgkill");
    }

    /// Drops the privileges of this process, tries forbidden operations, and aborts.
    fn attack_and_abort(user: Option<Identity>, [spared, signalled]: [i32; 2]) -> ! {
        use rustix::io::Errno;
        use rustix::process::{Pid, Resource, Rlimit, prlimit};
        let scoped = sys::landlock::abi() >= 6;
        give_up(user, None, &[]).unwrap();
        let pid = Pid::from_raw(spared);
        let limit = Rlimit { current: Some(7), maximum: Some(7) };
        assert_eq!(prlimit(pid, Resource::Nofile, limit), Err(Errno::PERM));
        prlimit(None, Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).unwrap();
        let refused = |result: io::Result<()>| result.map_err(|error| error.raw_os_error()) == Err(Some(libc::EPERM));
        let (_ours, pipe) = io::pipe().unwrap();
        // F_SETOWN, F_SETSIG and F_SETOWN_EX of fcntl(2).
        for (command, argument) in [(8, spared), (10, libc::SIGKILL), (15, 0)] {
            assert!(refused(sys::attack::fcntl(pipe.as_fd(), command, argument)), "{command}");
        }
        sys::attack::fcntl(pipe.as_fd(), libc::F_SETFL, libc::O_NONBLOCK).unwrap();
        assert_eq!(refused(sys::attack::thread_kill(signalled, libc::SIGKILL)), scoped);
        std::process::abort()
    }

    #[test]
    fn hand_over_ignores_symbolic_links_and_files_with_two_links() {
        if !is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        for name in ["plain", "twice", "target"] {
            std::fs::write(dir.join(name), b"").unwrap();
        }
        std::fs::hard_link(dir.join("twice"), dir.join("second")).unwrap();
        std::os::unix::fs::symlink("target", dir.join("link")).unwrap();
        let opened = File::open(dir).unwrap();
        for name in ["plain", "twice", "link", "missing"] {
            hand_over(&opened, OsStr::new(name), Identity { uid: 12345, gid: 12346 }).unwrap();
        }
        let owner = |name: &str| std::fs::symlink_metadata(dir.join(name)).unwrap().uid();
        assert_eq!(["plain", "twice", "link", "target"].map(owner), [12345, 0, 0, 0]);
    }
}
