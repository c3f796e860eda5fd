//! The instructions of all processes and threads of a program are counted, and the instruction limit does not depend on
//! the machine's load.
//!
//! Most test machines are virtual and have no instruction counter. So the rules that hold for any counter are tested
//! with page faults, which every kernel counts. If the machine can count instructions, the rules are also tested with
//! instructions.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cupel_sandbox::{CountedEvent, RunError, Sandbox, SandboxConfig, Slot, Warm, WarmTemplate};
use cupel_types::{Bytes, Instructions, Outcome};
use libtest_mimic::{Completion, Trial};

use crate::kit::{Ended, Program, World, file};
use crate::machine::patient;

/// A counter, and amounts of work measured with it.
struct Counter {
    name: &'static str,
    event: CountedEvent,
    /// The counter's name in the arguments of `hostile/instructions.c`.
    letter: &'static str,
    /// An amount far above the count for the start of a program or a process.
    much: u64,
    /// Maximum difference between two counts of the start of a program. This count varies because addresses are random.
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
    ("a_busy_neighbour_does_not_change_a_figure", a_busy_neighbour_does_not_change_a_figure),
    ("a_limit_ends_a_program_that_exceeds_it", a_limit_ends_a_program_that_exceeds_it),
    ("a_limit_applies_to_the_whole_process_tree", a_limit_applies_to_the_whole_process_tree),
    (
        "a_program_that_exits_before_the_first_reading_is_over_its_limit",
        a_program_that_exits_before_the_first_reading_is_limited,
    ),
    ("a_program_cannot_switch_its_counter_off", a_program_cannot_switch_its_counter_off),
    ("a_program_that_evades_counting_has_no_figure_and_exceeds_any_limit", an_evading_program_exceeds_any_limit),
];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        Trial::ignorable_test("instructions::a_limit_is_refused_if_the_machine_cannot_count", || {
            Ok(a_limit_is_refused_if_the_machine_cannot_count())
        }),
        Trial::test("instructions::warm_programs_are_counted_like_cold_ones", || {
            warm_programs_are_counted_like_cold_ones();
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

/// A world that counts these events, or the reason why this machine cannot count them.
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
    figure.unwrap_or_else(|| panic!("the report has no instruction count; {ended}")).get()
}

fn counted(world: &World, counter: &Counter, name: &str, amount: u64) -> u64 {
    let ended = world.run(&program(world, counter, name, amount));
    assert_eq!(ended.report.outcome, Outcome::Exited(0), "{ended}");
    figure(&ended)
}

/// The count of a program that does no work.
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

/// Kernel work at the start and the end of a process, and at switches between processes, is not reported as evasion.
fn programs_that_mostly_fork_or_switch_are_counted(world: &World, _: &Counter) {
    let forks = Program::shell("i=0; while [ $i -lt 1000 ]; do /bin/true; i=$((i+1)); done");
    let orphans = Program::shell("i=0; while [ $i -lt 1000 ]; do (/bin/true &); i=$((i+1)); done; wait");
    let switches = world.attack("ping_pong", &["100000"]);
    for program in [forks, orphans, switches] {
        // The kernel frees dead processes with a delay, and charges for them until it frees them.
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

fn a_busy_neighbour_does_not_change_a_figure(world: &World, counter: &Counter) {
    let alone = counted(world, counter, "count_main", counter.much);
    let (mut one, mut other) = world.both_slots();
    let busy = world.attack("spin_threads", &["300"]);
    std::thread::scope(|scope| {
        let neighbour = scope.spawn(|| busy.run(&mut other));
        for _ in 0..20 {
            let beside = figure(&program(world, counter, "count_main", counter.much).run(&mut one));
            assert!(beside.abs_diff(alone) <= counter.jitter, "{beside} beside a busy neighbour, {alone} alone");
        }
        neighbour.join().unwrap();
    });
}

fn a_limit_ends_a_program_that_exceeds_it(world: &World, counter: &Counter) {
    let limit = 10 * counter.much;
    let ended =
        world.check(&limited(program(world, counter, "count_forever", 1000), limit), Outcome::InstructionLimit, "");
    assert!(figure(&ended) > limit, "{ended}");
    // A program within the limit is not affected.
    let start = start(world, counter, "count_main");
    let enough = start + counter.much + counter.jitter;
    world.check(&limited(program(world, counter, "count_main", counter.much), enough), Outcome::Exited(0), "");
}

fn a_limit_applies_to_the_whole_process_tree(world: &World, counter: &Counter) {
    for name in ["count_threads", "count_children", "count_orphans"] {
        // The limit is higher than the usage of any one of the four workers.
        let limit = start(world, counter, name) + 2 * counter.much;
        world.check(&limited(program(world, counter, name, counter.much), limit), Outcome::InstructionLimit, "");
    }
}

fn a_program_that_exits_before_the_first_reading_is_limited(world: &World, counter: &Counter) {
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

fn an_evading_program_exceeds_any_limit(world: &World, _: &Counter) {
    let hidden = world.attack("count_unreadable", &["i", "300"]);
    let ended = world.run(&hidden);
    assert_eq!((ended.report.outcome, ended.report.usage.instructions), (Outcome::Exited(0), None), "{ended}");
    let ended = world.run(&limited(hidden, u64::MAX));
    assert_eq!(ended.report.outcome, Outcome::InstructionLimit, "{ended}");
    // The next programs are counted again.
    assert_eq!(world.run(&world.attack("exit", &["0"])).report.outcome, Outcome::Exited(0));
    figure(&world.run(&world.attack("exit", &["0"])));
}

fn a_limit_is_refused_if_the_machine_cannot_count() -> Completion {
    let world = World::with(|_| {});
    let Some(reason) = &world.sandbox.features().uncounted else {
        return Completion::ignored_with("SKIPPED: this machine can count instructions");
    };
    let program = world.attack("exit", &["0"]);
    assert_eq!(world.run(&program).report.usage.instructions, None);
    let refused = world.slot().run(&limited(program, 1_000_000).command, &mut Vec::new());
    let Err(RunError::BadCommand(refusal)) = refused else { panic!("{refused:?}") };
    assert_eq!(refusal.field, "limits.instructions");
    assert!(refusal.rule.contains(reason.as_str()), "{refusal}");
    Completion::Completed
}

fn warm_programs_are_counted_like_cold_ones() {
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
        // The limit is lower than what the start of an interpreter uses.
        let ended = run(limited(touch(0), 100), warm, &mut slot);
        assert_eq!(ended.report.outcome, Outcome::InstructionLimit, "warm: {warm}; {ended}");
    }
}
