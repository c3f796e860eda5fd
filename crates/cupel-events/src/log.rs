//! The events of one submission, as far as they fit. Plain data, no locks.
//!
//! When there is too much, output goes first and the oldest first: what happened matters more than what
//! was printed, and the store will have both. Where something is missing there is a hole, so that a
//! reader learns of it exactly once.

use std::collections::VecDeque;

use cupel_core::Received;
use cupel_core::event::{Event, EventKind, Seq};

#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<Entry>,
    events: usize,
    bytes: usize,
    last: Seq,
    ended: bool,
}

#[derive(Debug)]
enum Entry {
    Event(Event),
    /// Events were dropped here, the last of them with this number.
    Hole(Seq),
}

impl Entry {
    fn seq(&self) -> Seq {
        match self {
            Entry::Event(event) => event.seq,
            Entry::Hole(seq) => *seq,
        }
    }
}

/// About what an event takes in memory.
fn size(event: &Event) -> usize {
    let extra = match &event.kind {
        EventKind::Output { data, .. } => data.len(),
        _ => 0,
    };
    128 + extra
}

impl Log {
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Whether it has ended, and this is of a later run.
    pub(crate) fn is_over_before(&self, seq: Seq) -> bool {
        self.ended && seq > self.last
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds an event if it is later than all before; whether it was added.
    pub(crate) fn push(&mut self, event: Event, events_max: usize, bytes_max: usize) -> bool {
        if self.ended || event.seq <= self.last {
            return false;
        }
        self.last = event.seq;
        self.ended = event.kind.is_final();
        self.bytes += size(&event);
        self.events += 1;
        self.entries.push_back(Entry::Event(event));
        while self.events > events_max || self.bytes > bytes_max {
            if !self.drop_one() {
                break;
            }
        }
        true
    }

    /// Drops the oldest output, or the oldest event when there is no output, but never the newest event.
    fn drop_one(&mut self) -> bool {
        let newest = self.entries.len().saturating_sub(1);
        let is_output = |e: &Entry| matches!(e, Entry::Event(Event { kind: EventKind::Output { .. }, .. }));
        let is_event = |e: &Entry| matches!(e, Entry::Event(_));
        let mut old = self.entries.iter().take(newest);
        let Some(at) = old.position(is_output).or_else(|| self.entries.iter().take(newest).position(is_event)) else {
            return false;
        };
        let seq = self.entries[at].seq();
        if let Entry::Event(event) = std::mem::replace(&mut self.entries[at], Entry::Hole(seq)) {
            self.bytes -= size(&event);
            self.events -= 1;
        }
        // Neighbouring holes are one.
        if matches!(self.entries.get(at + 1), Some(Entry::Hole(_))) {
            self.entries.remove(at);
        }
        if at > 0 && matches!(self.entries.get(at - 1), Some(Entry::Hole(_))) {
            self.entries.remove(at - 1);
        }
        true
    }

    /// What a reader who has everything up to `after` gets next, with its new place.
    pub(crate) fn next(&self, after: Seq) -> Option<(Received, Seq)> {
        let at = self.entries.partition_point(|entry| entry.seq() <= after);
        self.entries.get(at).map(|entry| match entry {
            Entry::Event(event) => (Received::Event(event.clone()), event.seq),
            Entry::Hole(seq) => (Received::Gap, *seq),
        })
    }

    /// The final event, if there is one after `after`.
    pub(crate) fn end(&self, after: Seq) -> Option<(Received, Seq)> {
        match self.entries.back() {
            Some(Entry::Event(event)) if self.ended && event.seq > after => {
                Some((Received::Event(event.clone()), event.seq))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cupel_core::event::Stream;
    use cupel_types::{SubmissionId, Verdict};
    use proptest::prelude::*;

    fn event(n: u32, kind: EventKind) -> Event {
        let submission = SubmissionId::from_uuid(uuid::Uuid::nil());
        Event { submission, seq: Seq::of_attempt(1, n), at: jiff::Timestamp::UNIX_EPOCH, kind }
    }

    fn output(n: u32, len: usize) -> Event {
        event(n, EventKind::Output { case: None, stream: Stream::Stdout, data: vec![b'x'; len].into() })
    }

    fn read_all(log: &Log, mut after: Seq) -> (Vec<Seq>, usize) {
        let (mut events, mut gaps) = (Vec::new(), 0);
        while let Some((received, seq)) = log.next(after) {
            assert!(seq > after);
            after = seq;
            match received {
                Received::Event(event) => events.push(event.seq),
                Received::Gap => gaps += 1,
            }
        }
        (events, gaps)
    }

    #[test]
    fn late_repeated_and_posthumous_events_are_ignored() {
        let mut log = Log::default();
        assert!(log.push(event(2, EventKind::CompileStarted), 10, 10_000));
        assert!(!log.push(event(2, EventKind::CompileStarted), 10, 10_000));
        assert!(!log.push(event(1, EventKind::CompileStarted), 10, 10_000));
        assert!(log.push(event(3, EventKind::Finished { verdict: Verdict::Accepted }), 10, 10_000));
        assert!(!log.push(event(4, EventKind::CompileStarted), 10, 10_000));
    }

    #[test]
    fn output_is_dropped_before_events_and_leaves_one_gap() {
        let mut log = Log::default();
        log.push(event(1, EventKind::Started { attempt: 1 }), 100, 4096);
        for n in 2..50 {
            log.push(output(n, 1000), 100, 4096);
        }
        log.push(event(50, EventKind::Finished { verdict: Verdict::Accepted }), 100, 4096);
        let (events, gaps) = read_all(&log, Seq::default());
        assert_eq!(gaps, 1);
        assert_eq!(events.first(), Some(&Seq::of_attempt(1, 1)));
        assert_eq!(events.last(), Some(&Seq::of_attempt(1, 50)));
        assert!(log.bytes() <= 4096);
        assert!(log.end(Seq::default()).is_some());
        assert!(log.end(Seq::of_attempt(1, 50)).is_none());
    }

    proptest! {
        /// Whatever is pushed: bounded, in order, and a reader knows whether something is missing.
        #[test]
        fn a_log_is_bounded_and_honest(sizes in prop::collection::vec(prop::option::of(0..3000usize), 1..200)) {
            let mut log = Log::default();
            for (n, len) in sizes.iter().enumerate() {
                let n = n as u32 + 1;
                match len {
                    Some(len) => log.push(output(n, *len), 32, 8192),
                    None => log.push(event(n, EventKind::CompileStarted), 32, 8192),
                };
                prop_assert!(log.events <= 32 && log.entries.len() <= 65);
                prop_assert!(log.bytes() <= 8192);
            }
            let (events, gaps) = read_all(&log, Seq::default());
            prop_assert!(events.is_sorted());
            prop_assert_eq!(gaps > 0, events.len() < sizes.len());
            prop_assert_eq!(log.bytes(), log.entries.iter().map(|e| match e { Entry::Event(e) => size(e), Entry::Hole(_) => 0 }).sum::<usize>());
        }
    }
}
