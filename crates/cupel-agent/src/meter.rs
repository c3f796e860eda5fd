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

/// Maximum that the kernel charges at once, in bytes. A container that reached its limit has used all but this much of
/// it. Source: `MEMCG_CHARGE_BATCH` in include/linux/memcontrol.h, for pages of 4 KiB.
const CHARGE_MAX: u64 = 64 * 4096;

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
    /// Version 1: peak of memory and swap, and the memory limit.
    swap_peak: Option<File>,
    limit: Option<File>,
    events: Option<File>,
}

/// Why the OOM killer killed a process of the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OomKill {
    /// The container exceeded its memory limit.
    OwnLimit,
    /// The machine, or a group above the container's, ran out of memory.
    Foreign,
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
                swap_peak: None,
                limit: None,
                events: open(format!("{V2}/memory.events")),
            },
            false => Meter {
                is_v2,
                cpu: open(format!("{V1_CPU}/cpuacct.usage")),
                cpu_user: open(format!("{V1_CPU}/cpuacct.usage_user")),
                stat: open(format!("{V1}/memory.stat")),
                kernel: open(format!("{V1}/memory.kmem.usage_in_bytes")),
                peak: open(format!("{V1}/memory.max_usage_in_bytes")),
                swap_peak: open(format!("{V1}/memory.memsw.max_usage_in_bytes")),
                limit: open(format!("{V1}/memory.limit_in_bytes")),
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
            false => of("rss") + number(self.kernel.as_ref()).unwrap_or(0),
        };
        Some(Memory { used: own + of("shmem"), cached: of("active_file") + of("inactive_file") })
    }

    /// Highest memory of the container so far, with pages of files on disk.
    pub(crate) fn peak(&self) -> Option<u64> {
        number(self.peak.as_ref())
    }

    /// Whether and why the OOM killer has killed a process of the container, as in the native sandbox. The kernel
    /// counts a kill for any reason (mm/oom_kill.c), and prefers the programs in containers to all other processes.
    pub(crate) fn oom_kill(&self) -> Option<OomKill> {
        let text = self.events.as_ref().and_then(read)?;
        field(&text, "oom_kill").filter(|kills| *kills > 0)?;
        let is_own = match self.is_v2 {
            true => field(&text, "oom").is_some_and(|times| times > 0),
            false => self.has_reached_its_limit(),
        };
        Some(if is_own { OomKill::OwnLimit } else { OomKill::Foreign })
    }

    fn has_reached_its_limit(&self) -> bool {
        let Some(limit) = number(self.limit.as_ref()) else { return true };
        let peaks = [&self.peak, &self.swap_peak].into_iter().filter_map(|file| number(file.as_ref()));
        peaks.max().is_none_or(|peak| peak >= limit.saturating_sub(CHARGE_MAX))
    }
}

fn number(file: Option<&File>) -> Option<u64> {
    read(file?)?.trim().parse().ok()
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

    /// A file with this content.
    fn file(content: &str) -> Option<File> {
        let memory = rustix::fs::memfd_create("control", rustix::fs::MemfdFlags::empty()).unwrap();
        assert_eq!(rustix::io::write(&memory, content.as_bytes()), Ok(content.len()));
        Some(memory.into())
    }

    fn meter(is_v2: bool, events: &str) -> Meter {
        let events = file(events);
        let [cpu, cpu_user, stat, kernel, peak, swap_peak, limit] = [const { None }; 7];
        Meter { is_v2, cpu, cpu_user, stat, kernel, peak, swap_peak, limit, events }
    }

    #[test]
    fn on_version_2_a_kill_is_foreign_unless_the_container_exceeded_its_limit() {
        let kill = |oom, kills| meter(true, &format!("low 0\nmax 9\noom {oom}\noom_kill {kills}\n")).oom_kill();
        assert_eq!((kill(0, 0), kill(4, 0)), (None, None));
        assert_eq!((kill(0, 2), kill(1, 2)), (Some(OomKill::Foreign), Some(OomKill::OwnLimit)));
    }

    #[test]
    fn on_version_1_a_kill_is_foreign_unless_the_container_reached_its_limit() {
        let limit: u64 = 64 << 20;
        let kill = |peak: u64, swap_peak: Option<u64>, kills| {
            let meter = meter(false, &format!("oom_kill_disable 0\nunder_oom 0\noom_kill {kills}\n"));
            let [peak, limit] = [peak, limit].map(|number| file(&format!("{number}\n")));
            let swap_peak = swap_peak.and_then(|number| file(&format!("{number}\n")));
            Meter { peak, limit, swap_peak, ..meter }.oom_kill()
        };
        assert_eq!(kill(limit, None, 0), None);
        for (peak, swap_peak, expected) in [
            (limit / 2, None, OomKill::Foreign),
            (limit - (1 << 20), Some(limit - (1 << 20)), OomKill::Foreign),
            (limit - 4096, None, OomKill::OwnLimit),
            (limit / 2, Some(limit), OomKill::OwnLimit),
        ] {
            assert_eq!(kill(peak, swap_peak, 1), Some(expected), "{peak} {swap_peak:?}");
        }
        assert_eq!(meter(false, "oom_kill 1\n").oom_kill(), Some(OomKill::OwnLimit), "without the other files");
    }
}
