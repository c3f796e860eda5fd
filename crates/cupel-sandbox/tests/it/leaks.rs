//! After a run nothing of it remains, and nothing of it can be seen by the next: a program that leaves marks everywhere it
//! can, and a second one on the same lane that looks for each. What is known to stay visible is in SECURITY.md, "What is
//! not closed".

use std::sync::{Mutex, PoisonError};

use cupel_types::Outcome;
use libtest_mimic::Trial;

use crate::kit::{Ended, World};
use crate::{Shared, rules};

pub(crate) fn trials(world: &Shared) -> Vec<Trial> {
    rules(
        world,
        "leaks",
        &[
            ("a_mark_that_is_left_would_be_seen", a_mark_that_is_left_would_be_seen),
            ("no_mark_is_seen_by_the_next_run_on_the_lane", no_mark_is_seen_by_the_next_run_on_the_lane),
            ("nothing_in_flight_is_seen_by_the_next_run", nothing_in_flight_is_seen_by_the_next_run),
            ("no_mark_is_seen_by_a_run_on_another_lane", no_mark_is_seen_by_a_run_on_another_lane),
        ],
    )
}

/// Locks on toolchains' files are shared by all lanes while their holder runs (see SECURITY.md): one trial at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Places where a program cannot leave anything in the first place, and what it is told.
const REFUSED: &[(&str, &str)] = &[
    ("file in /", "EROFS"),
    ("file in /usr", "EROFS"),
    ("file in /var", "EROFS"),
    ("POSIX message queue", "EACCES"),
    ("key", "EPERM"),
    ("lease", "EPERM"),
    ("watch", "ENOSYS"),
    ("host name", "EPERM"),
    ("core file", "EPERM"),
    ("I/O priority", "ENOSYS"),
    ("OOM preference", "EROFS"),
    ("kernel setting", "ENOENT"),
    ("control group", "ENOENT"),
    ("access time of a toolchain's file", "EROFS"),
];

/// What a run said of each mark, and on which lane it was.
fn said(ended: &Ended) -> (String, Vec<(String, String)>) {
    assert_eq!(ended.report.outcome, Outcome::Exited(0), "{ended}");
    let text = ended.text();
    let mut lines =
        text.lines().filter_map(|l| l.split_once(": ")).map(|(mark, word)| (mark.to_owned(), word.to_owned()));
    let (first, lane) = lines.next().unwrap_or_else(|| panic!("it says its lane first; {ended}"));
    assert_eq!(first, "lane", "{ended}");
    (lane, lines.collect())
}

/// Asserts that everything was left that could be.
fn left_everywhere(marks: &[(String, String)]) {
    let refused: Vec<(&str, &str)> =
        marks.iter().filter(|(_, word)| word != "left").map(|(mark, word)| (mark.as_str(), word.as_str())).collect();
    assert_eq!(refused, REFUSED, "where nothing can be left");
    assert!(marks.len() >= REFUSED.len() + 25, "{marks:?}");
}

fn nothing_seen(marks: &[(String, String)]) {
    let seen: Vec<_> = marks.iter().filter(|(_, word)| word != "clean").collect();
    assert!(seen.is_empty() && marks.len() >= 40, "{seen:?} of {}", marks.len());
}

/// The looks are no blind ones: in one process, what was left is seen.
fn a_mark_that_is_left_would_be_seen(world: &World) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let (_, marks) = said(&world.run(&world.attack("marks", &["both"])));
    // What is in flight only is gone as soon as anybody closes such a socket; its looks are those of two other marks.
    let overlooked: Vec<_> =
        marks.iter().filter(|(mark, word)| word != "seen" && !mark.ends_with("in flight")).collect();
    assert!(overlooked.is_empty() && marks.len() >= 25, "{overlooked:?} of {marks:?}");
}

fn no_mark_is_seen_by_the_next_run_on_the_lane(world: &World) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut slot = world.slot();
    let mut pairs_on_one_lane = 0;
    // A lane that does not prove clean is replaced, which is well too, but shows nothing here.
    for _ in 0..20 {
        let (lane, marks) = said(&world.attack("marks", &["leave"]).run(&mut slot));
        left_everywhere(&marks);
        let (next_lane, marks) = said(&world.attack("marks", &["look"]).run(&mut slot));
        nothing_seen(&marks);
        pairs_on_one_lane += u32::from(lane == next_lane);
    }
    assert!(pairs_on_one_lane >= 5, "{pairs_on_one_lane} of 20 pairs were on one lane");
}

/// Descriptors that only a ring of sockets in flight holds: the kernel frees them when it next happens to look, which is
/// when somebody closes such a socket. Nobody else does here.
fn nothing_in_flight_is_seen_by_the_next_run(world: &World) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut slot = world.slot();
    for _ in 0..20 {
        let (_, marks) = said(&world.attack("marks", &["leave", "in flight"]).run(&mut slot));
        assert!(marks.len() == 2 && marks.iter().all(|(_, word)| word == "left"), "{marks:?}");
        let (_, marks) = said(&world.attack("marks", &["look", "in flight"]).run(&mut slot));
        assert!(marks.len() == 2 && marks.iter().all(|(_, word)| word == "clean"), "{marks:?}");
    }
}

fn no_mark_is_seen_by_a_run_on_another_lane(world: &World) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut one, mut other) = world.both_slots();
    let (lane, marks) = said(&world.attack("marks", &["leave"]).run(&mut one));
    left_everywhere(&marks);
    let (other_lane, marks) = said(&world.attack("marks", &["look"]).run(&mut other));
    nothing_seen(&marks);
    assert_ne!(lane, other_lane);
}
