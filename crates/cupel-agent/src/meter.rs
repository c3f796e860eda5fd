//! CPU time and memory of the container, from the files of its cgroup. Source: the kernel's Documentation/admin-guide,
//! cgroup-v1/memory.rst, cgroup-v1/cpuacct.rst and cgroup-v2.rst.
//!
//! The files are opened before the program starts and are read again through the same descriptors, so the program
//! cannot influence what is read. Containers of some runtimes do not have these files. Such a container is measured
//! only by its processes.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

const V1: &str = "/sys/fs/cgroup/memory";
const V1_CPU: &str = "/sys/fs/cgroup/cpuacct";
const V2: &str = "/sys/fs/cgroup";

/// The open files of the container's cgroup.
pub(crate) struct Meter {
    is_v2: bool,
    cpu: Option<File>,
    /// User part of the CPU time, on version 1.
    cpu_user: Option<File>,
    stat: Option<File>,
    /// Kernel memory, on version 1.
    kernel: Option<File>,
    peak: Option<File>,
    events: Option<File>,
}

/// Memory at a point in time, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// Memory of processes and of files in memory.
    pub(crate) used: u64,
    /// Pages of files on disk.
    pub(crate) cached: u64,
}

impl Meter {
    pub(crate) fn open() -> Meter {
        let is_v2 = std::path::Path::new(V2).join("cgroup.controllers").exists();
        let open = |path: String| File::open(path).ok();
        match is_v2 {
            true => Meter {
                is_v2,
                cpu: open(format!("{V2}/cpu.stat")),
                cpu_user: None,
                stat: open(format!("{V2}/memory.stat")),
                kernel: None,
                peak: open(format!("{V2}/memory.peak")),
                events: open(format!("{V2}/memory.events")),
            },
            false => Meter {
                is_v2,
                cpu: open(format!("{V1_CPU}/cpuacct.usage")),
                cpu_user: open(format!("{V1_CPU}/cpuacct.usage_user")),
                stat: open(format!("{V1}/memory.stat")),
                kernel: open(format!("{V1}/memory.kmem.usage_in_bytes")),
                peak: open(format!("{V1}/memory.max_usage_in_bytes")),
                events: open(format!("{V1}/memory.oom_control")),
            },
        }
    }

    /// CPU time of the container, and its user part.
    pub(crate) fn cpu(&self) -> Option<(Duration, Duration)> {
        let text = read(self.cpu.as_ref()?)?;
        if self.is_v2 {
            let of = |name| field(&text, name).map(Duration::from_micros);
            return Some((of("usage_usec")?, of("user_usec")?));
        }
        let of = |text: String| text.trim().parse().ok().map(Duration::from_nanos);
        let user = self.cpu_user.as_ref().and_then(read).and_then(of);
        Some((of(text)?, user.unwrap_or_default()))
    }

    /// Memory of the container now.
    pub(crate) fn memory(&self) -> Option<Memory> {
        let text = read(self.stat.as_ref()?)?;
        let of = |name| field(&text, name).unwrap_or(0);
        let own = match self.is_v2 {
            true => of("anon") + of("kernel"),
            false => of("rss") + self.kernel.as_ref().and_then(read).and_then(|n| n.trim().parse().ok()).unwrap_or(0),
        };
        Some(Memory { used: own + of("shmem"), cached: of("active_file") + of("inactive_file") })
    }

    /// Highest memory of the container so far, with pages of files on disk.
    pub(crate) fn peak(&self) -> Option<u64> {
        read(self.peak.as_ref()?)?.trim().parse().ok()
    }

    /// Number of times that the kernel has killed a process of the container because of its memory limit.
    pub(crate) fn oom_kills(&self) -> u64 {
        self.events.as_ref().and_then(read).and_then(|text| field(&text, "oom_kill")).unwrap_or(0)
    }
}

fn read(file: &File) -> Option<String> {
    let mut bytes = vec![0; 8192];
    let n = file.read_at(&mut bytes, 0).ok()?;
    bytes.truncate(n);
    String::from_utf8(bytes).ok()
}

/// The number in the line `name number`.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "oom 1\noom_kill 2\nanon_thp 3\nanon 4\n";
        assert_eq!((field(text, "oom_kill"), field(text, "anon"), field(text, "kernel")), (Some(2), Some(4), None));
    }
}
