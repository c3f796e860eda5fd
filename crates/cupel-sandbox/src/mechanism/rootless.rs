//! The launcher of an ordinary user: root of a new user namespace that contains the user's subordinate ids.
//!
//! `newuidmap` and `newgidmap` write the id maps of a namespace with more than one id. Both programs are set-uid, and
//! read `/etc/subuid` and `/etc/subgid` to verify that the user owns the ids. The programs must run outside the
//! namespace, so a child process that stays outside runs them. Afterwards the launcher works as it does for root.
//! Sources: user_namespaces(7), newuidmap(1), subuid(5).

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::process::Command;

use rustix::process::{Gid, Uid, WaitOptions, waitpid};

use super::host::{self, Lack};
use crate::Wall;
use crate::sys;
use crate::sys::process::{Forked, exit_now, fork_with};

/// Minimum number of subordinate ids. Each lane needs two: with images, a worker with one slot and eight interactive
/// slots has up to 304 lanes.
const IDS_MIN: u32 = 1024;

/// A range of ids that a user may map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: u32,
    count: u32,
}

/// Makes this process root of a new user namespace and of a new mount namespace in it. The process must have one
/// thread.
pub(crate) fn enter() -> Result<(), Lack> {
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    let name = user_name(&read("/etc/passwd"), uid.as_raw());
    let uids = range(&read("/etc/subuid"), name.as_deref(), uid.as_raw());
    let gids = range(&read("/etc/subgid"), name.as_deref(), uid.as_raw());
    let (Some(uids), Some(gids)) = (uids, gids) else {
        let who = name.unwrap_or_else(|| uid.as_raw().to_string());
        return Err(lack(
            format!("{who} has no range of {IDS_MIN} ids in /etc/subuid and /etc/subgid"),
            format!("usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {who}, or start Cupel as root"),
        ));
    };
    let (ours, theirs) = io::pipe().and_then(|go| Ok((go, io::pipe()?))).map_err(failed)?;
    let ((go_reader, mut go), (mut report, say)) = (ours, theirs);
    let own_pid = std::process::id();
    match fork_with(0, None).map_err(failed)? {
        Forked::Child => {
            drop((go, report));
            map_when_asked(
                OwnedFd::from(go_reader),
                OwnedFd::from(say),
                own_pid,
                [(uid.as_raw(), uids), (gid.as_raw(), gids)],
            )
        }
        Forked::Parent(child, _) => {
            drop((go_reader, say));
            let unshared = sys::namespaces::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS);
            if unshared.is_ok() {
                go.write_all(b"g").map_err(failed)?;
            }
            // Closing the pipe without writing ends the child.
            drop(go);
            let mut text = String::new();
            let _ = report.read_to_string(&mut text);
            let _ = waitpid(Some(child), WaitOptions::empty());
            if let Err(error) = unshared {
                let (setting, remedy) = host::user_namespace_refused(&error, &host::sysctl);
                return Err(Lack { setting, remedy, ..lack(String::new(), String::new()) });
            }
            if text.trim() != "mapped" {
                return Err(lack(
                    format!("the ids could not be mapped: {}", text.trim()),
                    "install newuidmap and newgidmap as set-uid programs (apt-get install uidmap), and start Cupel without NoNewPrivileges".into(),
                ));
            }
        }
    }
    let become_root = || -> rustix::io::Result<()> {
        rustix::thread::set_thread_groups(&[])?;
        rustix::thread::set_thread_res_gid(Gid::ROOT, Gid::ROOT, Gid::ROOT)?;
        rustix::thread::set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT)?;
        // After the change of ids, the host's root owns /proc/self, but child processes must be able to access their
        // own entry.
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable)
    };
    become_root().map_err(|error| {
        let (setting, remedy) = host::user_namespace_refused(&error.into(), &host::sysctl);
        lack(setting, remedy)
    })
}

/// The child process: waits for one byte, runs `newuidmap` and `newgidmap`, and writes `mapped` or an error message to
/// the pipe.
fn map_when_asked(go: OwnedFd, say: OwnedFd, pid: u32, ids: [(u32, Range); 2]) -> ! {
    let mut word = [0u8; 1];
    let mut say = std::fs::File::from(say);
    if std::fs::File::from(go).read(&mut word).is_ok_and(|n| n == 1) {
        let maps = ["/usr/bin/newuidmap", "/usr/bin/newgidmap"].iter().zip(ids);
        let result = maps.into_iter().try_for_each(|(program, (own, range))| map(program, pid, own, range));
        let _ = say.write_all(result.err().unwrap_or_else(|| "mapped".into()).as_bytes());
    }
    exit_now(0)
}

fn map(program: &str, pid: u32, own: u32, range: Range) -> Result<(), String> {
    let words = [pid, 0, own, 1, 1, range.first, range.count].map(|n| n.to_string());
    match Command::new(program).args(words).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Err(format!("{program}: {error}")),
    }
}

fn lack(setting: String, remedy: String) -> Lack {
    Lack {
        wall: Wall::UserNamespace,
        feature: "user namespaces (CONFIG_USER_NS) with subordinate ids",
        setting,
        remedy,
    }
}

fn failed(error: io::Error) -> Lack {
    lack(format!("the kernel returned: {error}"), "check the number of processes and open files, and try again".into())
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn user_name(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

/// The user's largest range, found by user name or by numeric id.
fn range(text: &str, name: Option<&str>, uid: u32) -> Option<Range> {
    let number = uid.to_string();
    let own = text.lines().filter_map(|line| {
        let mut fields = line.trim().split(':');
        let who = fields.next()?;
        let range = Range { first: fields.next()?.parse().ok()?, count: fields.next()?.parse().ok()? };
        (Some(who) == name || who == number).then_some(range)
    });
    own.filter(|range| range.count >= IDS_MIN && range.first.checked_add(range.count).is_some()).max_by_key(|r| r.count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_range_of_the_user_is_used() {
        let text = "other:100000:65536\nme:200000:300\nme:300000:65536\n1000:400000:2000\n# comment\nme:x:y\n";
        assert_eq!(range(text, Some("me"), 1000), Some(Range { first: 300_000, count: 65_536 }));
        assert_eq!(range(text, None, 1000), Some(Range { first: 400_000, count: 2000 }));
        assert_eq!(range(text, Some("nobody"), 7), None);
        assert_eq!(
            range("me:5:10\nme:4294967000:65536", Some("me"), 1000),
            None,
            "too few ids, or a range that exceeds the largest id"
        );
    }

    #[test]
    fn a_user_name_is_found_by_user_id() {
        let passwd = "root:x:0:0::/:/bin/sh\nme:x:1000:1000::/home/me:/bin/sh\n";
        assert_eq!(user_name(passwd, 1000).as_deref(), Some("me"));
        assert_eq!(user_name(passwd, 5), None);
    }
}
