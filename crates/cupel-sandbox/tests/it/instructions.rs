//! Instructions are counted wherever they are executed in a cell, and a limit on them acts however busy the machine is.
//!
//! Most machines for tests are virtual and have no counter of instructions. Whatever holds of any counter is proved with one
//! that every kernel has, of page faults, in the same way; and with instructions, where they can be counted.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cupel_sandbox::{CountedEvent, RunError, Sandbox, SandboxConfig, Slot, Warm, WarmTemplate};
use cupel_types::{Bytes, Instructions, Outcome};
use libtest_mimic::{Completion, Trial};

use crate::kit::{Ended, Program, World, file};
use crate::machine::patient;

/// A counter and how much of it is work worth counting.
struct Counter {
    name: &'static str,
    event: CountedEvent,
    /// How the programs of `hostile/instructions.c` call it.
    letter: &'static str,
    /// Far above what starting a program takes, or a process.
    much: u64,
    /// How much the start of a program may differ from one time to the next: addresses are random.
    jitter: u64,
}

const COUNTERS: [Counter; 2] = [
    Counter { name: "page_faults", event: CountedEvent::PageFaults, letter: "f", much: 4_000, jitter: 16 },
    Counter { name: "instructions", event: CountedEvent::Instructions, letter: "i", much: 100_000_000, jitter: 20_000 },
];

type Rule = (&'static str, fn(&World, &Counter));

const RULES: [Rule; 8] = [
    ("threads_children_and_orphans_are_counted", threads_children_and_orphans_are_counted),
    ("programs_that_mostly_fork_or_switch_are_counted", programs_that_mostly_fork_or_switch_are_counted),
    ("a_figure_is_the_same_beside_a_busy_neighbour", a_figure_is_the_same_beside_a_busy_neighbour),
    ("a_limit_ends_a_program_that_goes_on", a_limit_ends_a_program_that_goes_on),
    ("a_limit_is_on_all_of_the_tree", a_limit_is_on_all_of_the_tree),
    ("a_program_that_ended_before_anybody_looked_is_over_its_limit", a_program_that_ended_before_anybody_looked),
    ("a_program_cannot_switch_its_counter_off", a_program_cannot_switch_its_counter_off),
    ("who_hides_from_being_counted_has_no_figure_and_is_over_any_limit", who_hides_has_no_figure_and_is_over_any_limit),
];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        Trial::ignorable_test("instructions::a_limit_that_cannot_be_kept_is_refused", || {
            Ok(a_limit_that_cannot_be_kept_is_refused())
        }),
        Trial::test("instructions::warm_programs_are_counted_as_cold_ones", || {
            warm_programs_are_counted_as_cold_ones();
            Ok(())
        }),
    ];
    for counter in &COUNTERS {
        let world: Arc<OnceLock<Result<World, String>>> = Arc::default();
        trials.extend(RULES.iter().map(|(name, rule)| {
            let world = world.clone();
            let full = format!("instructions::of_{}::{name}", counter.name);
            Trial::ignorable_test(full, move || match world.get_or_init(|| world_with(counter)) {
                Ok(world) => {
                    rule(world, counter);
                    Ok(Completion::Completed)
                }
                Err(reason) => Ok(Completion::ignored_with(reason)),
            })
        }));
    }
    trials
}

/// A world in which these are counted; or why they cannot be.
fn world_with(counter: &Counter) -> Result<World, String> {
    let world = World::with(|config| config.counted = counter.event);
    match &world.sandbox.features().uncounted {
        None => Ok(world),
        Some(reason) => {
            assert!(counter.event == CountedEvent::Instructions, "every kernel counts page faults");
            Err(format!("SKIPPED: {reason}"))
        }
    }
}

fn program(world: &World, counter: &Counter, name: &str, amount: u64) -> Program {
    world.attack(name, &[counter.letter, &amount.to_string()])
}

fn limited(program: Program, limit: u64) -> Program {
    program.limits(|limits| limits.instructions = Some(Instructions::new(limit)))
}

fn figure(ended: &Ended) -> u64 {
    let figure = ended.report.usage.instructions;
    figure.unwrap_or_else(|| panic!("there is no figure; {ended}")).get()
}

fn counted(world: &World, counter: &Counter, name: &str, amount: u64) -> u64 {
    let ended = world.run(&program(world, counter, name, amount));
    assert_eq!(ended.report.outcome, Outcome::Exited(0), "{ended}");
    figure(&ended)
}

/// What the program takes that does nothing.
fn start(world: &World, counter: &Counter, name: &str) -> u64 {
    counted(world, counter, name, 0)
}

fn threads_children_and_orphans_are_counted(world: &World, counter: &Counter) {
    for (name, workers) in [("count_main", 1), ("count_threads", 4), ("count_children", 4), ("count_orphans", 4)] {
        let work = workers * counter.much;
        let start = start(world, counter, name);
        let used = counted(world, counter, name, counter.much);
        let most = start + work + workers * counter.jitter;
        assert!((start + work).saturating_sub(workers * counter.jitter) <= used, "{name}: {used} of {start} + {work}");
        assert!(used <= most, "{name}: {used} of {start} + {work}");
    }
}

/// The kernel's work at the beginning and at the end of a process, and between two of them, is not taken for hiding.
fn programs_that_mostly_fork_or_switch_are_counted(world: &World, _: &Counter) {
    let forks = Program::shell("i=0; while [ $i -lt 1000 ]; do /bin/true; i=$((i+1)); done");
    let orphans = Program::shell("i=0; while [ $i -lt 1000 ]; do (/bin/true &); i=$((i+1)); done; wait");
    let switches = world.attack("ping_pong", &["100000"]);
    for program in [forks, orphans, switches] {
        // The kernel frees dead processes a while later, and charges for them until then.
        let ended = world.run(&program.limits(|l| {
            l.memory = Bytes::mib(512);
            l.processes = 256;
            l.cpu_time = patient(Duration::from_secs(60));
            l.wall_time = patient(Duration::from_secs(120));
        }));
        assert_eq!(ended.report.outcome, Outcome::Exited(0), "{ended}");
        figure(&ended);
    }
}

fn a_figure_is_the_same_beside_a_busy_neighbour(world: &World, counter: &Counter) {
    let alone = counted(world, counter, "count_main", counter.much);
    let (mut one, mut other) = world.both_slots();
    let busy = world.attack("spin_threads", &["300"]);
    std::thread::scope(|scope| {
        let neighbour = scope.spawn(|| busy.run(&mut other));
        for _ in 0..20 {
            let beside = figure(&program(world, counter, "count_main", counter.much).run(&mut one));
            assert!(beside.abs_diff(alone) <= counter.jitter, "{beside} beside others, {alone} alone");
        }
        neighbour.join().unwrap();
    });
}

fn a_limit_ends_a_program_that_goes_on(world: &World, counter: &Counter) {
    let limit = 10 * counter.much;
    let ended =
        world.check(&limited(program(world, counter, "count_forever", 1000), limit), Outcome::InstructionLimit, "");
    assert!(figure(&ended) > limit, "{ended}");
    // Enough is enough: what is within the limit is no matter of it.
    let start = start(world, counter, "count_main");
    let enough = start + counter.much + counter.jitter;
    world.check(&limited(program(world, counter, "count_main", counter.much), enough), Outcome::Exited(0), "");
}

fn a_limit_is_on_all_of_the_tree(world: &World, counter: &Counter) {
    for name in ["count_threads", "count_children", "count_orphans"] {
        // More than any of its four processes has alone.
        let limit = start(world, counter, name) + 2 * counter.much;
        world.check(&limited(program(world, counter, name, counter.much), limit), Outcome::InstructionLimit, "");
    }
}

fn a_program_that_ended_before_anybody_looked(world: &World, counter: &Counter) {
    let needed = start(world, counter, "count_main");
    for _ in 0..10 {
        let ended = world.run(&limited(program(world, counter, "count_main", 0), needed / 2));
        assert_eq!(ended.report.outcome, Outcome::InstructionLimit, "{ended}");
    }
}

fn a_program_cannot_switch_its_counter_off(world: &World, counter: &Counter) {
    let used = counted(world, counter, "count_switched_off", counter.much);
    assert!(used >= counter.much, "{used}");
}

fn who_hides_has_no_figure_and_is_over_any_limit(world: &World, _: &Counter) {
    let hidden = world.attack("count_unreadable", &["i", "300"]);
    let ended = world.run(&hidden);
    assert_eq!((ended.report.outcome, ended.report.usage.instructions), (Outcome::Exited(0), None), "{ended}");
    let ended = world.run(&limited(hidden, u64::MAX));
    assert_eq!(ended.report.outcome, Outcome::InstructionLimit, "{ended}");
    // The next one in the same lane is counted again.
    assert_eq!(world.run(&world.attack("exit", &["0"])).report.outcome, Outcome::Exited(0));
    figure(&world.run(&world.attack("exit", &["0"])));
}

fn a_limit_that_cannot_be_kept_is_refused() -> Completion {
    let world = World::with(|_| {});
    let Some(reason) = &world.sandbox.features().uncounted else {
        return Completion::ignored_with("SKIPPED: every limit can be kept here");
    };
    let program = world.attack("exit", &["0"]);
    assert_eq!(world.run(&program).report.usage.instructions, None);
    let refused = world.slot().run(&limited(program, 1_000_000).command, &mut Vec::new());
    let Err(RunError::BadCommand(refusal)) = refused else { panic!("{refused:?}") };
    assert_eq!(refusal.field, "limits.instructions");
    assert!(refusal.rule.contains(reason.as_str()), "{refusal}");
    Completion::Completed
}

fn warm_programs_are_counted_as_cold_ones() {
    let env = || vec![("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())];
    let template = WarmTemplate { kind: Warm::Python, argv: vec!["python3".into(), "main.py".into()], env: env() };
    let config =
        SandboxConfig { counted: CountedEvent::PageFaults, warm: vec![template], slots: 1, ..SandboxConfig::default() };
    let sandbox = Sandbox::start(config).expect("the sandbox starts");
    let mut slot = sandbox.slot(0);
    let touch = |pages: u64| {
        let source = format!(
            "import mmap\nm = mmap.mmap(-1, {pages} * 4096 + 1)\nm.madvise(mmap.MADV_NOHUGEPAGE)\n\
             for page in range({pages}):\n    m[page * 4096] = 1\n"
        );
        let mut program = Program::new(vec!["python3".into(), "main.py".into()])
            .files(vec![file("main.py", source.as_bytes(), false)])
            .limits(|limits| limits.memory = Bytes::mib(256));
        program.command.env = env();
        program
    };
    let run = |mut program: Program, warm: bool, slot: &mut Slot| {
        program.command.warm = warm.then_some(Warm::Python);
        let ended = program.run(slot);
        assert_eq!(ended.report.cold, None, "{ended}");
        ended
    };
    let much = 10_000;
    let [cold, warm] = [false, true].map(|warm| figure(&run(touch(much), warm, &mut slot)));
    assert!(cold > much && warm > much, "{cold} cold, {warm} warm");
    assert!(cold.abs_diff(warm) < cold / 20, "{cold} cold, {warm} warm");
    for warm in [false, true] {
        let ended = run(limited(touch(much), much), warm, &mut slot);
        assert_eq!(ended.report.outcome, Outcome::InstructionLimit, "warm: {warm}; {ended}");
        let ended = run(limited(touch(much), 2 * much), warm, &mut slot);
        assert_eq!(ended.report.outcome, Outcome::Exited(0), "warm: {warm}; {ended}");
        // Less than an interpreter takes to start.
        let ended = run(limited(touch(0), 100), warm, &mut slot);
        assert_eq!(ended.report.outcome, Outcome::InstructionLimit, "warm: {warm}; {ended}");
    }
}
