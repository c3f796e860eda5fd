//! What clients saw, and what of it must not be: the checker of every fault test.
//!
//! It knows no database: only what went out over HTTP, in the order in which each client saw it. The rules are those of
//! DESIGN's "what must always hold": nothing accepted is lost, each has exactly one result, and events come in order,
//! none twice, none left out at the end.

use std::collections::{BTreeMap, BTreeSet};

/// One thing that a client saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The submission with this key was accepted under this id.
    Accepted { key: usize, id: String },
    /// It was refused, with a status that promises that nothing was accepted.
    Refused { key: usize },
    /// A node told the final state of a submission.
    Ended { id: String, end: End },
    /// A listener heard an event.
    Heard { listener: usize, id: String, seq: u64, name: String },
    /// A listener's stream of this submission came to its end, though nobody cut it.
    Closed { listener: usize, id: String },
}

/// How a submission ended, as far as it may never change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct End {
    pub(crate) verdict: String,
    pub(crate) stdout: String,
    pub(crate) completed_at: String,
    pub(crate) attempts: u64,
}

/// Everything in a history that must not be; empty when it is sound. `expected` is what the submission with a key prints.
pub(crate) fn violations(history: &[Seen], expected: impl Fn(usize) -> String) -> Vec<String> {
    let mut found = Vec::new();
    let mut ids: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    let mut ends: BTreeMap<&str, BTreeSet<&End>> = BTreeMap::new();
    let mut heard: BTreeMap<(usize, &str), Vec<(u64, &str)>> = BTreeMap::new();
    for seen in history {
        match seen {
            Seen::Accepted { key, id } => drop(ids.entry(*key).or_default().insert(id)),
            Seen::Refused { .. } => {}
            Seen::Ended { id, end } => drop(ends.entry(id).or_default().insert(end)),
            Seen::Heard { listener, id, seq, name } => heard.entry((*listener, id)).or_default().push((*seq, name)),
            Seen::Closed { listener, id } => drop(heard.entry((*listener, id)).or_default()),
        }
    }
    for (key, ids) in &ids {
        // A client that asks again with the same idempotency key must get the same submission.
        if ids.len() > 1 {
            found.push(format!("submission {key} was accepted as {ids:?}"));
        }
    }
    let of = |id: &str| ids.iter().find(|(_, ids)| ids.contains(id)).map(|(key, _)| *key);
    for (key, ids) in &ids {
        for id in ids {
            match ends.get(id).map(|ends| ends.iter().collect::<Vec<_>>()).as_deref() {
                None | Some([]) => found.push(format!("submission {key} ({id}) was accepted and has no result")),
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
    found.extend(ends.keys().filter(|id| of(id).is_none()).map(|id| format!("{id} ended and was never accepted")));
    for ((listener, id), events) in &heard {
        if let Some(pair) = events.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
            found.push(format!("listener {listener} of {id} heard {:?} and then {:?}", pair[0], pair[1]));
        }
        let finals = events.iter().filter(|(_, name)| *name == "verdict").count();
        if finals > 1 || events.iter().rev().skip(1).any(|(_, name)| *name == "verdict") {
            found.push(format!("listener {listener} of {id} heard something after the verdict: {events:?}"));
        }
        let is_closed =
            history.iter().any(|seen| matches!(seen, Seen::Closed { listener: l, id: i } if l == listener && i == id));
        if is_closed && finals == 0 {
            found.push(format!("the stream of {id} to listener {listener} ended without a verdict: {events:?}"));
        }
    }
    found
}

mod tests {
    use super::{End, Seen, violations};

    fn end(stdout: &str) -> End {
        End { verdict: "AC".into(), stdout: stdout.into(), completed_at: "t".into(), attempts: 1 }
    }

    fn told(history: &[Seen]) -> Vec<String> {
        violations(history, |key| format!("{key}\n"))
    }

    fn accepted(key: usize, id: &str) -> Seen {
        Seen::Accepted { key, id: id.into() }
    }

    fn ended(id: &str, end: End) -> Seen {
        Seen::Ended { id: id.into(), end }
    }

    fn heard(seq: u64, name: &str) -> Seen {
        Seen::Heard { listener: 1, id: "a".into(), seq, name: name.into() }
    }

    #[test]
    fn a_sound_history_has_nothing_to_find() {
        let sound = [
            accepted(1, "a"),
            accepted(1, "a"),
            Seen::Refused { key: 2 },
            heard(1, "queued"),
            heard(5, "verdict"),
            Seen::Closed { listener: 1, id: "a".into() },
            ended("a", end("1\n")),
            ended("a", end("1\n")),
        ];
        assert_eq!(told(&sound), Vec::<String>::new());
    }

    #[test]
    fn what_must_not_be_is_found() {
        let later = End { completed_at: "u".into(), ..end("1\n") };
        let failed = End { verdict: "JE".into(), ..end("1\n") };
        let cases: [(&str, Vec<Seen>); 9] = [
            ("no result", vec![accepted(1, "a")]),
            ("accepted as", vec![accepted(1, "a"), accepted(1, "b"), ended("a", end("1\n")), ended("b", end("1\n"))]),
            ("several results", vec![accepted(1, "a"), ended("a", end("1\n")), ended("a", later)]),
            ("should print", vec![accepted(1, "a"), ended("a", end("2\n"))]),
            ("should print", vec![accepted(1, "a"), ended("a", failed)]),
            ("never accepted", vec![Seen::Refused { key: 1 }, ended("a", end("1\n"))]),
            ("and then", vec![heard(5, "started"), heard(5, "started")]),
            ("after the verdict", vec![heard(5, "verdict"), heard(6, "output")]),
            ("without a verdict", vec![heard(5, "output"), Seen::Closed { listener: 1, id: "a".into() }]),
        ];
        for (what, history) in cases {
            let found = told(&history);
            assert!(found.iter().any(|said| said.contains(what)), "{what}: {found:?}");
        }
    }
}
