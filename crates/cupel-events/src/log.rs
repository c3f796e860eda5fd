//! The bounded log of the events of one submission. Plain data without locks.
//!
//! If there are too many events, the oldest output is dropped first. The steps of a run matter more than its output,
//! and the store will have both. A *hole* marks dropped or missed events, so that a reader is informed of them exactly
//! once. A *break* marks a point after which events may be missing because the bus had lost its server.

use std::collections::VecDeque;

use cupel_core::Received;
use cupel_core::event::{Event, EventKind, LiveEvent, Seq};
use cupel_types::LiveInput;

#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<Entry>,
    events: usize,
    bytes: usize,
    last: Seq,
    ended: bool,
    /// Number of breaks so far.
    breaks: u64,
}

#[derive(Debug)]
enum Entry {
    Event(Event),
    /// Events are missing here; the number is that of the last missing event.
    Hole(Seq),
    /// Events may be missing after the event with this number. The second number identifies the break.
    Break(Seq, u64),
}

impl Entry {
    fn seq(&self) -> Seq {
        match self {
            Entry::Event(event) => event.seq,
            Entry::Hole(seq) | Entry::Break(seq, _) => *seq,
        }
    }
}

/// A reader's position: the last event that it has, and the number of the last break that it need not be informed of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReaderPosition {
    after: Seq,
    breaks: u64,
}

/// Approximate size of an event in memory, in bytes.
pub(crate) fn size(event: &Event) -> usize {
    let extra = match &event.kind {
        EventKind::Output { data, .. } | EventKind::CompileEnded { output: data, .. } => data.len(),
        EventKind::Live(LiveEvent::Input { input: LiveInput::Bytes(data), .. }) => data.len(),
        _ => 0,
    };
    128 + extra
}

impl Log {
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Whether the log has ended, and `seq` belongs to a later run.
    pub(crate) fn is_over_before(&self, seq: Seq) -> bool {
        self.ended && seq > self.last
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number of the last event known to the log.
    pub(crate) fn last(&self) -> Seq {
        self.last
    }

    /// The position of a new reader that has everything up to `after`.
    pub(crate) fn place(&self, after: Seq) -> ReaderPosition {
        ReaderPosition { after, breaks: self.breaks }
    }

    /// Adds an event, unless the log has ended or has this event or a later one. Returns whether it was added.
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

    /// Records that there are events up to `seq` that the log has not received.
    pub(crate) fn miss(&mut self, seq: Seq) {
        if self.ended || seq <= self.last {
            return;
        }
        self.last = seq;
        // One hole is enough for a reader whose position is before all missing events, so it replaces the holes and
        // breaks directly before it.
        while matches!(self.entries.back(), Some(Entry::Hole(_) | Entry::Break(..))) {
            self.entries.pop_back();
        }
        self.entries.push_back(Entry::Hole(seq));
    }

    /// Records that events up to `seq` are irrelevant to this log.
    pub(crate) fn skip(&mut self, seq: Seq) {
        if !self.ended {
            self.last = self.last.max(seq);
        }
    }

    /// Records that events may be missing after the last event so far. After the final event this has no effect.
    pub(crate) fn break_here(&mut self) {
        if self.ended {
            return;
        }
        self.breaks += 1;
        if matches!(self.entries.back(), Some(Entry::Break(..))) {
            self.entries.pop_back();
        }
        self.entries.push_back(Entry::Break(self.last, self.breaks));
    }

    /// Drops the oldest output, or the oldest event if there is no output, but never the newest event.
    fn drop_one(&mut self) -> bool {
        let newest = self.entries.len().saturating_sub(1);
        let is_output = |e: &Entry| matches!(e, Entry::Event(Event { kind: EventKind::Output { .. }, .. }));
        let is_event = |e: &Entry| matches!(e, Entry::Event(_));
        let mut old = self.entries.iter().take(newest);
        let Some(mut at) = old.position(is_output).or_else(|| self.entries.iter().take(newest).position(is_event))
        else {
            return false;
        };
        let seq = self.entries[at].seq();
        if let Entry::Event(event) = std::mem::replace(&mut self.entries[at], Entry::Hole(seq)) {
            self.bytes -= size(&event);
            self.events -= 1;
        }
        // Merge adjacent holes, and drop a break before a hole, because such a break adds no information.
        if matches!(self.entries.get(at + 1), Some(Entry::Hole(_))) {
            self.entries.remove(at);
        }
        while at > 0 && matches!(self.entries[at - 1], Entry::Hole(_) | Entry::Break(..)) {
            self.entries.remove(at - 1);
            at -= 1;
        }
        true
    }

    /// The reader's next item, with its new position.
    pub(crate) fn next(&self, place: ReaderPosition) -> Option<(Received, ReaderPosition)> {
        let at = self.entries.partition_point(|entry| entry.seq() <= place.after);
        // A break has the number of the event before it.
        if let Some(Entry::Break(_, number)) = at.checked_sub(1).and_then(|before| self.entries.get(before))
            && *number > place.breaks
        {
            return Some((Received::Gap, ReaderPosition { breaks: *number, ..place }));
        }
        self.entries.get(at).map(|entry| {
            let passed = ReaderPosition { after: entry.seq(), ..place };
            match entry {
                Entry::Event(event) => (Received::Event(event.clone()), passed),
                Entry::Hole(_) => (Received::Gap, passed),
                // Reached only by a reader whose position is before the start of the log.
                Entry::Break(_, number) => {
                    (Received::Gap, ReaderPosition { breaks: place.breaks.max(*number), ..passed })
                }
            }
        })
    }

    /// The final event, if the reader has not received it, or a gap if the final event may have been missed.
    pub(crate) fn end(&self, place: ReaderPosition) -> Option<(Received, ReaderPosition)> {
        match self.entries.back() {
            Some(Entry::Event(event)) if self.ended && event.seq > place.after => {
                Some((Received::Event(event.clone()), ReaderPosition { after: event.seq, ..place }))
            }
            _ if !self.ended && self.breaks > place.breaks => {
                Some((Received::Gap, ReaderPosition { breaks: self.breaks, ..place }))
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

    fn read_all(log: &Log, mut place: ReaderPosition) -> (Vec<Seq>, usize) {
        let (mut events, mut gaps) = (Vec::new(), 0);
        while let Some((received, next)) = log.next(place) {
            assert!(next != place && next.after >= place.after && next.breaks >= place.breaks);
            place = next;
            match received {
                Received::Event(event) => events.push(event.seq),
                Received::Gap => gaps += 1,
            }
        }
        (events, gaps)
    }

    /// The items that a reader gets, in order: the number of an event of the first attempt, or 0 for a gap.
    fn read(log: &Log, mut place: ReaderPosition) -> Vec<u32> {
        let mut read = Vec::new();
        while let Some((received, next)) = log.next(place) {
            place = next;
            read.push(match received {
                Received::Event(event) => event.seq.0 as u32,
                Received::Gap => 0,
            });
        }
        read
    }

    #[test]
    fn events_that_are_late_repeated_or_after_the_end_are_ignored() {
        let mut log = Log::default();
        assert!(log.push(event(2, EventKind::CompileStarted), 10, 10_000));
        assert!(!log.push(event(2, EventKind::CompileStarted), 10, 10_000));
        assert!(!log.push(event(1, EventKind::CompileStarted), 10, 10_000));
        assert!(log.push(event(3, EventKind::Finished { verdict: Verdict::Accepted }), 10, 10_000));
        assert!(!log.push(event(4, EventKind::CompileStarted), 10, 10_000));
    }

    #[test]
    fn output_is_dropped_first_and_leaves_one_gap() {
        let mut log = Log::default();
        log.push(event(1, EventKind::Started { attempt: 1 }), 100, 4096);
        for n in 2..50 {
            log.push(output(n, 1000), 100, 4096);
        }
        log.push(event(50, EventKind::Finished { verdict: Verdict::Accepted }), 100, 4096);
        let (events, gaps) = read_all(&log, ReaderPosition::default());
        assert_eq!(gaps, 1);
        assert_eq!(events.first(), Some(&Seq::of_attempt(1, 1)));
        assert_eq!(events.last(), Some(&Seq::of_attempt(1, 50)));
        assert!(log.bytes() <= 4096);
        assert!(log.end(ReaderPosition::default()).is_some());
        assert!(log.end(log.place(Seq::of_attempt(1, 50))).is_none());
    }

    #[test]
    fn missed_events_are_reported_once_and_in_order() {
        let mut log = Log::default();
        let push = |log: &mut Log, n| assert!(log.push(event(n, EventKind::CompileStarted), 10, 10_000));
        push(&mut log, 1);
        log.miss(Seq::of_attempt(1, 3));
        log.miss(Seq::of_attempt(1, 4));
        push(&mut log, 5);
        log.miss(Seq::of_attempt(1, 5));
        push(&mut log, 6);
        assert_eq!(read(&log, ReaderPosition::default()), [1, 0, 5, 6]);
        assert_eq!(read(&log, log.place(Seq::of_attempt(1, 4))), [5, 6]);
    }

    #[test]
    fn a_break_is_reported_in_order_to_readers_that_began_before_it() {
        let mut log = Log::default();
        let early = log.place(Seq::default());
        log.break_here();
        assert_eq!(read(&log, early), [0]);
        assert!(log.end(early).is_some_and(|(received, _)| matches!(received, Received::Gap)));
        log.push(event(1, EventKind::CompileStarted), 10, 10_000);
        log.push(event(2, EventKind::CompileStarted), 10, 10_000);
        log.break_here();
        log.break_here();
        log.push(event(3, EventKind::CompileStarted), 10, 10_000);
        assert_eq!(read(&log, early), [0, 1, 2, 0, 3]);
        let late = log.place(Seq::default());
        assert_eq!(read(&log, late), [1, 2, 3]);
        assert!(log.end(late).is_none());
        log.push(event(9, EventKind::Finished { verdict: Verdict::Accepted }), 10, 10_000);
        log.break_here();
        assert_eq!(read(&log, late), [1, 2, 3, 9], "nothing is missing after the end");
        assert!(log.end(early).is_some_and(|(received, _)| matches!(received, Received::Event(_))));
    }

    proptest! {
        /// A reader gets events in order, each once, and a gap wherever one is or may be missing.
        #[test]
        fn a_reader_gets_every_event_or_a_gap(steps in prop::collection::vec(0..5u8, 1..300), bound in 2..20usize) {
            let mut log = Log::default();
            let mut place = log.place(Seq::default());
            let (mut n, mut had, mut gap, mut broken) = (0, 0, false, false);
            for step in steps {
                match step {
                    0 | 1 => {
                        n += 1;
                        log.push(output(n, 10), bound, 1 << 20);
                    }
                    2 => {
                        n += 1;
                        log.miss(Seq::of_attempt(1, n));
                    }
                    3 => {
                        log.break_here();
                        broken = true;
                    }
                    _ => {
                        let mut gaps = 0;
                        while let Some((received, next)) = log.next(place) {
                            place = next;
                            match received {
                                Received::Event(event) => {
                                    let number = event.seq.0 as u32;
                                    prop_assert!(number == had + 1 || (gap && number > had), "{number} after {had}");
                                    (had, gap) = (number, false);
                                }
                                Received::Gap => (gap, gaps) = (true, gaps + 1),
                            }
                        }
                        prop_assert!(had == n || gap, "the last events are missing without a gap");
                        prop_assert!(!broken || gaps > 0);
                        broken = false;
                    }
                }
                prop_assert!(log.entries.len() <= 3 * bound + 2);
            }
        }

        /// A log is bounded and in order, and a reader gets a gap exactly if something is missing.
        #[test]
        fn a_log_is_bounded_and_reports_what_it_dropped(sizes in prop::collection::vec(prop::option::of(0..3000usize), 1..200)) {
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
            let (events, gaps) = read_all(&log, ReaderPosition::default());
            prop_assert!(events.is_sorted());
            prop_assert_eq!(gaps > 0, events.len() < sizes.len());
            prop_assert_eq!(log.bytes(), log.entries.iter().map(|e| match e { Entry::Event(e) => size(e), Entry::Hole(_) | Entry::Break(..) => 0 }).sum::<usize>());
        }
    }
}
