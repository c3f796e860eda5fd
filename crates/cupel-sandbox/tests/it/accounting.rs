//! The reported usage equals the actual usage, which the programs measure themselves.
//!
//! Tolerances are 5 % plus an allowance for the start of a process. These trials test correctness, not speed.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use cupel_sandbox::Stdin;
use cupel_types::{Bytes, Outcome};
use libtest_mimic::Trial;

use crate::kit::{Ended, Program, World, assert_near, eventually, file, is_charged_near, is_near, repeatedly};
use crate::machine::{patient, slowness};
use crate::{Shared, rules};

pub(crate) fn trials(world: &Shared) -> Vec<Trial> {
    rules(
        world,
        "accounting",
        &[
            ("cpu_time_of_one_process", |world| cpu_time_equals_the_programs_own_figure(world, "spin_for")),
            ("cpu_time_of_threads", |world| cpu_time_equals_the_programs_own_figure(world, "spin_threads")),
            ("cpu_time_of_children", |world| cpu_time_equals_the_programs_own_figure(world, "spin_children")),
            ("cpu_time_of_orphans", |world| cpu_time_equals_the_programs_own_figure(world, "spin_orphans")),
            ("cpu_time_is_the_sum_of_user_and_system", cpu_time_is_the_sum_of_user_and_system),
            ("cpu_time_excludes_collecting_files", cpu_time_excludes_collecting_files),
            ("memory_peak_counts_every_kind_of_memory", memory_peak_counts_every_kind_of_memory),
            (
                "memory_peak_is_exact_after_a_run_that_filled_the_page_cache",
                memory_peak_is_exact_after_a_run_that_filled_the_page_cache,
            ),
            (
                "memory_peak_is_exact_if_the_kernel_frees_the_last_boxs_files_late",
                memory_peak_is_exact_if_the_kernel_frees_the_last_boxs_files_late,
            ),
            ("memory_peak_does_not_grow_with_the_lanes_age", memory_peak_does_not_grow_with_the_lanes_age),
            ("wall_time_of_a_sleeper_is_its_sleep", wall_time_of_a_sleeper_is_its_sleep),
            ("neighbours_are_not_charged", neighbours_are_not_charged),
            ("all_programs_in_background_slots_have_the_processor_time_of_one_other_program", background),
            ("output_counts_all_written_bytes", output_counts_all_written_bytes),
        ],
    )
}

fn cpu_time_equals_the_programs_own_figure(world: &World, attack: &str) {
    for ms in ["40", "400"] {
        repeatedly(|| {
            let ended = world.run(&world.attack(attack, &[ms]));
            assert_eq!(ended.report.outcome, Outcome::Exited(0), "{ended}");
            is_charged_near(&ended, 5, 10_000_000)
        });
    }
}

fn cpu_time_is_the_sum_of_user_and_system(world: &World) {
    let ended = world.run(&world.attack("spin_for", &["200"]));
    let usage = ended.report.usage;
    assert_near(
        "user and system, ns",
        (usage.cpu_user + usage.cpu_system).as_nanos() as u64,
        ended.cpu_ns(),
        1,
        100_000,
    );
    repeatedly(|| {
        let ended = world.run(&world.attack("busy_kernel", &[]).limits(|l| l.cpu_time = Duration::from_millis(300)));
        if ended.report.usage.cpu_system > ended.report.usage.cpu_user {
            return Ok(());
        }
        Err(format!("a program that works in the kernel has more system than user time: {ended}"))
    });
}

/// The sandbox collects the files, so the program is not charged for collecting them, no matter how many files it
/// leaves.
fn cpu_time_excludes_collecting_files(world: &World) {
    let leaves_many = world.attack("leave_many", &["4000"]).limits(|l| l.inodes = 5000);
    let collects = world.attack("leave_many", &["4000"]).limits(|l| l.inodes = 5000).collect(5000, Bytes::mib(1));
    let cpu = |program: &Program| {
        let ended = world.run(program);
        assert_eq!(ended.report.outcome, Outcome::Exited(0), "{ended}");
        ended.cpu_ns()
    };
    // The same work takes longer while neighbours are busy. So the two programs alternate until their smallest figures
    // agree. A charge for collecting the files would be part of each figure, also of the smallest.
    let mut least = [u64::MAX; 2];
    let mut far = None;
    for round in 1..=40 {
        let pair = [cpu(&leaves_many), cpu(&collects)];
        least = std::array::from_fn(|of| least[of].min(pair[of]));
        let [uncollected, collected] = least;
        far = is_near("CPU time with files collected, ns", collected, uncollected, 15, 3_000_000).err();
        // In the first rounds, both figures may be too large.
        if far.is_none() && round >= 7 {
            break;
        }
    }
    assert_eq!(far, None);
}

fn memory_peak_counts_every_kind_of_memory(world: &World) {
    for kind in ["private", "shared", "memfd", "file"] {
        for mib in [8u64, 30, 48] {
            let program = world.attack("touch", &[kind, &mib.to_string()]).limits(|l| {
                l.disk = Bytes::mib(64);
                l.file_size = Bytes::mib(64);
                l.memory = Bytes::mib(96);
            });
            let ended = world.run(&program);
            assert_eq!(ended.report.outcome, Outcome::Exited(0), "{ended}");
            assert_near(&format!("memory of {kind}, bytes"), ended.report.usage.memory.get(), mib << 20, 5, 1 << 20);
        }
    }
}

/// Page cache left over in a lane is not charged to the next program, and does not hide that program's usage.
fn memory_peak_is_exact_after_a_run_that_filled_the_page_cache(world: &World) {
    let mut slot = world.slot();
    let large = world.fixtures.large.as_str();
    for _ in 0..3 {
        world.fixtures.forget_large();
        let ended = world.attack("page_cache_read", &[large]).limits(|l| l.memory = Bytes::mib(40)).run(&mut slot);
        assert_eq!(ended.report.outcome, Outcome::Exited(0), "{ended}");
        let ended = world.attack("touch", &["private", "60"]).run(&mut slot);
        assert_eq!(ended.report.outcome, Outcome::Exited(0), "{ended}");
        assert_near("memory after a reader, bytes", ended.report.usage.memory.get(), 60 << 20, 5, 1 << 20);
    }
}

/// A busy kernel frees memory late. If it frees memory of the last run during the next run, that does not hide the next
/// program's usage. To cause this, the trial keeps the last box open and closes it during the next run.
fn memory_peak_is_exact_if_the_kernel_frees_the_last_boxs_files_late(world: &World) {
    let mut slot = world.slot();
    let marked = |script: &str, mark: &str| Program::shell(&format!("{script} # {mark} of {}", std::process::id()));
    let seen = |mark: &str| {
        let mark = format!("# {mark} of {}", std::process::id());
        let mut found = None;
        eventually("the program runs", || {
            found = process_with(&mark);
            found.is_some()
        });
        found.unwrap()
    };
    // Each program waits until the trial writes a line.
    let waiting = |mut program: Program| {
        let (theirs, ours) = rustix::pipe::pipe().unwrap();
        rustix::fs::fchmod(&theirs, rustix::fs::Mode::from_raw_mode(0o666)).unwrap();
        program.command.stdin = Stdin::Descriptor(Arc::new(theirs));
        (program, std::fs::File::from(ours))
    };
    let files = (0..4000).map(|n| file(&format!("{n}"), b"", false)).collect();
    let (fills, mut go_on) = waiting(marked("read word", "fills").limits(|l| l.inodes = 5000).files(files));
    let touch = format!("read word; {} touch private 30", world.fixtures.attacks);
    let (touches, mut touch_now) = waiting(marked(&touch, "touches"));
    let ended = std::thread::scope(|scope| {
        let held = scope.spawn(move || {
            let held = std::fs::File::open(format!("/proc/{}/root/box", seen("fills"))).unwrap();
            go_on.write_all(b"go\n").unwrap();
            held
        });
        assert_eq!(fills.run(&mut slot).report.outcome, Outcome::Exited(0));
        let held = held.join().unwrap();
        scope.spawn(move || {
            seen("touches");
            drop(held);
            touch_now.write_all(b"go\n").unwrap();
        });
        touches.run(&mut slot)
    });
    assert_eq!(ended.report.outcome, Outcome::Exited(0), "{ended}");
    assert_near("memory after files that were held, bytes", ended.report.usage.memory.get(), 30 << 20, 5, 1 << 20);
}

/// The process whose command line contains this text.
fn process_with(text: &str) -> Option<u32> {
    std::fs::read_dir("/proc").unwrap().find_map(|entry| {
        let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        String::from_utf8_lossy(&line).contains(text).then_some(pid)
    })
}

fn memory_peak_does_not_grow_with_the_lanes_age(world: &World) {
    let mut slot = world.slot();
    let mut peaks = Vec::new();
    for _ in 0..40 {
        let ended = world.attack("touch", &["private", "4"]).run(&mut slot);
        peaks.push(ended.report.usage.memory.get());
    }
    for peak in &peaks {
        assert_near("memory of the same program, bytes", *peak, 4 << 20, 5, 1 << 20);
    }
}

fn wall_time_of_a_sleeper_is_its_sleep(world: &World) {
    repeatedly(|| {
        let ended = world.run(&world.attack("sleep_for", &["400"]));
        let wall = u64::try_from(ended.report.usage.wall_time.as_nanos()).unwrap();
        assert!(wall >= ended.number(), "shorter than the program's own figure: {ended}");
        let noise = u64::try_from(ended.noise.as_nanos()).unwrap();
        is_near("wall time, ns", wall, ended.number(), 5, 50_000_000 + noise)?;
        if ended.report.usage.cpu_time < patient(Duration::from_millis(20)) {
            return Ok(());
        }
        Err(format!("sleeping takes no CPU time: {ended}"))
    });
}

fn neighbours_are_not_charged(world: &World) {
    let (mut one, mut other) = world.both_slots();
    repeatedly(|| {
        let (busy, idle) = std::thread::scope(|scope| {
            let busy = scope.spawn(|| world.attack("spin_children", &["400"]).run(&mut one));
            let idle = world.attack("sleep_for", &["300"]).run(&mut other);
            (busy.join().unwrap(), idle)
        });
        is_charged_near(&busy, 5, 10_000_000)?;
        if idle.cpu_ns() < 20_000_000 * u64::from(slowness()) {
            return Ok(());
        }
        Err(format!("CPU time of its neighbour: {idle}"))
    });
    let (large, small) = std::thread::scope(|scope| {
        let large = scope.spawn(|| world.attack("touch", &["shared", "60"]).run(&mut one));
        let small = world.attack("touch", &["private", "4"]).run(&mut other);
        (large.join().unwrap(), small)
    });
    assert_near("memory of the large one, bytes", large.report.usage.memory.get(), 60 << 20, 5, 1 << 20);
    assert_near("memory of its neighbour, bytes", small.report.usage.memory.get(), 4 << 20, 5, 1 << 20);
}

fn background(_: &World) {
    // Slots take the processors in turn, so these have the same one. Each program alone would use all of it. If the
    // three had the same weight, the background programs would have twice the time of the other one.
    let processors = std::thread::available_parallelism().unwrap().get();
    let world = World::with(|config| (config.slots, config.background_slots) = (1, 2 * processors));
    let program = world.attack("spin_for", &["100000"]).limits(|l| {
        l.cpu_time = patient(Duration::from_secs(60));
        l.wall_time = patient(Duration::from_secs(2));
    });
    let mut slots = [0, processors, 2 * processors].map(|index| world.sandbox.slot(index));
    for slot in &mut slots {
        slot.warm_up().unwrap();
    }
    // A pause of the machine can reach one of the programs alone, so the majority of the rounds decides.
    let (mut fair, mut unfair) = (0, Vec::new());
    while fair < 2 || fair <= unfair.len() {
        let ended = std::thread::scope(|scope| {
            slots.each_mut().map(|slot| scope.spawn(|| program.run(slot))).map(|thread| thread.join().unwrap())
        });
        assert_eq!(ended.each_ref().map(|ended| ended.report.outcome), [Outcome::WallLimit; 3]);
        let [ordinary, one, other] = ended.each_ref().map(Ended::cpu_ns);
        if ordinary * 2 < (one + other) * 3 && (one + other) * 2 < ordinary * 3 {
            fair += 1;
        } else {
            unfair.push([ordinary, one, other]);
        }
        assert!(unfair.len() < 8, "CPU times of the ordinary and the background programs, ns: {unfair:?}");
    }
}

fn output_counts_all_written_bytes(world: &World) {
    let ended = world.run(&world.attack("pour", &["1", "2"]).limits(|l| l.output = Bytes::mib(2)));
    assert_eq!(ended.report.outcome, Outcome::Exited(0), "{ended}");
    assert_eq!(ended.report.usage.output, Bytes::mib(3));
    // Bytes that the sandbox read and discarded also count.
    let ended = world.run(&world.attack("pour", &["1", "0"]).limits(|l| l.output = Bytes::kib(4)));
    assert!(ended.report.usage.output > Bytes::kib(4), "{ended}");
}
