//! History of the responses that clients received, and the checker that examines it in each fault test.
//!
//! The checker does not read the database, only HTTP responses in the order in which each client received them. It
//! checks these rules: no accepted submission is lost, each has exactly one result, and events arrive in order, without
//! duplicates, and without gaps unless the listener (a client that reads an event stream) was notified of the gap.

use std::collections::{BTreeMap, BTreeSet};

/// An observation of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The submission with this key was accepted under this id.
    Accepted { key: usize, id: String },
    /// The submission was refused with a status that guarantees that nothing was accepted.
    Refused { key: usize },
    /// A node returned the final state of a submission.
    Ended { id: String, end: End },
    /// A listener received an event.
    Heard { listener: usize, id: String, seq: u64, name: String },
    /// A listener was notified of a gap.
    Gap { listener: usize, id: String },
    /// A listener's stream of this submission ended without being cut.
    Closed { listener: usize, id: String },
}

/// The part of a final state that must never change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct End {
    pub(crate) verdict: String,
    pub(crate) stdout: String,
    pub(crate) completed_at: String,
    pub(crate) attempts: u64,
}

/// The events that a listener received for one submission, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step<'a> {
    Event(u64, &'a str),
    Gap,
    Closed,
}

/// Returns all violations in a history; empty if it is valid. `expected` returns the output of the submission with a
/// key.
pub(crate) fn violations(history: &[Seen], expected: impl Fn(usize) -> String) -> Vec<String> {
    let mut found = Vec::new();
    let mut ids: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    let mut ends: BTreeMap<&str, BTreeSet<&End>> = BTreeMap::new();
    let mut heard: BTreeMap<(&str, usize), Vec<Step<'_>>> = BTreeMap::new();
    for seen in history {
        match seen {
            Seen::Accepted { key, id } => drop(ids.entry(*key).or_default().insert(id)),
            Seen::Refused { .. } => {}
            Seen::Ended { id, end } => drop(ends.entry(id).or_default().insert(end)),
            Seen::Heard { listener, id, seq, name } => {
                heard.entry((id, *listener)).or_default().push(Step::Event(*seq, name));
            }
            Seen::Gap { listener, id } => heard.entry((id, *listener)).or_default().push(Step::Gap),
            Seen::Closed { listener, id } => heard.entry((id, *listener)).or_default().push(Step::Closed),
        }
    }
    for (key, ids) in &ids {
        // A retry with the same idempotency key must return the same submission.
        if ids.len() > 1 {
            found.push(format!("submission {key} was accepted as {ids:?}"));
        }
        for id in ids {
            match ends.get(id).map(|ends| ends.iter().collect::<Vec<_>>()).as_deref() {
                None | Some([]) => found.push(format!("submission {key} ({id}) was accepted but has no result")),
                Some([end]) => {
                    let expected = expected(*key);
                    if end.verdict != "AC" || end.stdout != expected {
                        found.push(format!("submission {key} ({id}) should print {expected:?} and ended as {end:?}"));
                    }
                }
                Some(several) => found.push(format!("submission {key} ({id}) has several results: {several:?}")),
            }
        }
    }
    let accepted: BTreeSet<&str> = ids.values().flatten().copied().collect();
    let strangers = ends.keys().filter(|id| !accepted.contains(*id));
    found.extend(strangers.map(|id| format!("{id} ended but was never accepted")));
    let mut whole: BTreeMap<&str, BTreeSet<Vec<Step<'_>>>> = BTreeMap::new();
    for ((id, listener), steps) in &heard {
        found.extend(listener_violation(steps).map(|what| format!("listener {listener} of {id} {what}: {steps:?}")));
        if !steps.contains(&Step::Gap) {
            whole.entry(id).or_default().insert(last_attempt(steps));
        }
    }
    let differ = whole.iter().filter(|(_, violations_of)| violations_of.len() > 1);
    found.extend(
        differ.map(|(id, violations_of)| format!("listeners of {id} received different things: {violations_of:?}")),
    );
    found
}

/// Splits a sequence number into the attempt of the event and its index within the attempt. The final event has the
/// largest index.
fn place(seq: u64) -> (u64, u64) {
    (seq >> 32, seq & u64::from(u32::MAX))
}

/// Returns a violation in the steps of one listener.
fn listener_violation(steps: &[Step<'_>]) -> Option<&'static str> {
    let mut last = None;
    let (mut had_gap, mut is_over) = (false, false);
    for step in steps {
        match *step {
            Step::Gap => had_gap = true,
            Step::Closed if !is_over => return Some("reached the end of the stream without a verdict"),
            Step::Closed => {}
            Step::Event(..) if is_over => return Some("received something after the verdict"),
            Step::Event(seq, name) => {
                if last.is_some_and(|last| seq <= last) {
                    return Some("received a number that is not larger than the previous one");
                }
                let (attempt, number) = place(seq);
                is_over = name == "verdict";
                let follows = match last.map(place) {
                    Some((before, n)) if before == attempt => number == n + 1 || is_over,
                    // An attempt that failed may have sent any number of events.
                    Some(_) => number == 1,
                    None => (attempt, number) == (0, 1),
                };
                if !follows && !had_gap {
                    return Some("missed something without a notification");
                }
                (last, had_gap) = (Some(seq), false);
            }
        }
    }
    None
}

/// Returns the steps of the last attempt.
fn last_attempt<'a>(steps: &[Step<'a>]) -> Vec<Step<'a>> {
    let attempt = |step: &Step<'_>| if let Step::Event(seq, _) = step { Some(place(*seq).0) } else { None };
    let last = steps.iter().filter_map(attempt).max();
    steps.iter().filter(|step| attempt(step).is_some() && attempt(step) == last).copied().collect()
}

mod tests {
    use super::{End, Seen, violations};

    fn end(stdout: &str) -> End {
        End { verdict: "AC".into(), stdout: stdout.into(), completed_at: "t".into(), attempts: 1 }
    }

    fn violations_of(history: &[Seen]) -> Vec<String> {
        violations(history, |key| format!("{key}\n"))
    }

    fn accepted(key: usize, id: &str) -> Seen {
        Seen::Accepted { key, id: id.into() }
    }

    fn ended(id: &str, end: End) -> Seen {
        Seen::Ended { id: id.into(), end }
    }

    /// Listener 1 receives the `n`th event of an attempt.
    fn heard(attempt: u64, n: u64, name: &str) -> Seen {
        heard_by(1, attempt, n, name)
    }

    fn heard_by(listener: usize, attempt: u64, n: u64, name: &str) -> Seen {
        Seen::Heard { listener, id: "a".into(), seq: attempt << 32 | n, name: name.into() }
    }

    fn verdict(attempt: u64) -> Seen {
        heard(attempt, u32::MAX.into(), "verdict")
    }

    fn closed() -> Seen {
        Seen::Closed { listener: 1, id: "a".into() }
    }

    fn gap() -> Seen {
        Seen::Gap { listener: 1, id: "a".into() }
    }

    #[test]
    fn a_valid_history_has_no_violations() {
        let sound = [
            accepted(1, "a"),
            accepted(1, "a"),
            Seen::Refused { key: 2 },
            heard(0, 1, "queued"),
            heard(1, 1, "started"),
            heard(2, 1, "started"),
            gap(),
            heard(2, 3, "test.end"),
            verdict(2),
            closed(),
            heard_by(2, 0, 1, "queued"),
            heard_by(2, 2, 1, "started"),
            ended("a", end("1\n")),
            ended("a", end("1\n")),
        ];
        assert_eq!(violations_of(&sound), Vec::<String>::new());
    }

    #[test]
    fn each_violation_is_found() {
        let later = End { completed_at: "u".into(), ..end("1\n") };
        let failed = End { verdict: "JE".into(), ..end("1\n") };
        let queued = || heard(0, 1, "queued");
        let started = || heard(1, 1, "started");
        let cases: [(&str, Vec<Seen>); 14] = [
            ("no result", vec![accepted(1, "a")]),
            ("accepted as", vec![accepted(1, "a"), accepted(1, "b"), ended("a", end("1\n")), ended("b", end("1\n"))]),
            ("several results", vec![accepted(1, "a"), ended("a", end("1\n")), ended("a", later)]),
            ("should print", vec![accepted(1, "a"), ended("a", end("2\n"))]),
            ("should print", vec![accepted(1, "a"), ended("a", failed)]),
            ("never accepted", vec![Seen::Refused { key: 1 }, ended("a", end("1\n"))]),
            ("not larger", vec![queued(), started(), started()]),
            ("not larger", vec![queued(), started(), gap(), queued()]),
            ("after the verdict", vec![queued(), verdict(0), heard(1, 1, "started")]),
            ("without a verdict", vec![queued(), started(), closed()]),
            ("missed something", vec![queued(), started(), heard(1, 3, "output")]),
            ("missed something", vec![started()]),
            // The listener was notified of one gap, but also missed another event.
            ("missed something", vec![queued(), gap(), heard(1, 2, "output"), heard(1, 4, "test.end")]),
            (
                "different things",
                vec![queued(), started(), verdict(1), heard_by(2, 0, 1, "queued"), heard_by(2, 1, 1, "started")],
            ),
        ];
        for (what, history) in cases {
            let found = violations_of(&history);
            assert!(found.iter().any(|text| text.contains(what)), "{what}: {found:?}");
        }
    }
}
