//! Event log of an attempt, built from the judge's events: numbered, coalesced, bounded, and published live.
//!
//! Output arrives in pieces of any size. If the stream was quiet, a piece is published at once; otherwise
//! [`PIECE_PAUSE`] after the previous one. So a program with frequent output causes at most 20 events per second and
//! stream, besides one event for every full piece ([`PIECE_BYTES_MAX`]) and one at the end of each execution. A live
//! run publishes more often: first a burst of pieces, then a piece every [`LIVE_PIECE_PAUSE`]. A piece ends inside a
//! UTF-8 character only where the logged output ends inside one.
//!
//! The stored log may have less output than was published: at most [`Bounds::output_kept_of`] of the run's owner. Its
//! events have the numbers with which they were published.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cupel_core::event::{COMPILE_OUTPUT_BYTES_MAX, Event, EventKind, Seq, Stream};
use cupel_core::{Assignment, Bounds, Core};
use cupel_judge::{JudgeEvent, JudgeObserver};
use cupel_types::UserId;

use crate::live::LiveFeed;

/// Shortest time between two pieces of one stream, unless a piece is full.
const PIECE_PAUSE: Duration = Duration::from_millis(50);

/// The pause for a live run, whose client waits for every prompt.
const LIVE_PIECE_PAUSE: Duration = Duration::from_millis(4);

/// Maximum number of pieces that a live run publishes without a pause, because an answer and the next prompt follow at
/// once.
const LIVE_BURST_MAX: u32 = 64;

/// Maximum size of a piece.
const PIECE_BYTES_MAX: usize = 64 << 10;

/// Maximum output that an attempt publishes, unless it is live, and that its stored log has. The report may have more
/// output.
const LOG_OUTPUT_BYTES_MAX: usize = 4 << 20;

/// The charge for each stored piece besides its bytes: about what it needs in memory and in the stored log. Without it,
/// the log of a program that writes single bytes would be many times as large as its output.
const PIECE_OVERHEAD: usize = 128;

/// The log of an attempt in progress.
pub(crate) struct AttemptLog<'a> {
    core: &'a Core,
    assignment: &'a Assignment,
    /// Set when the worker's grace period is over.
    ended: &'a AtomicBool,
    /// Maximum judging time, the start of judging, and the nanoseconds since then during which other runs had the slot.
    time_max: Duration,
    begun: Instant,
    waited: &'a AtomicU64,
    is_overdue: bool,
    /// Number of published events.
    published: u32,
    stored: StoredLog,
    /// Output that may still be published. That of a live run is not bounded here: its terminal would appear frozen.
    /// The program's output limit bounds it, and the bus drops what a viewer does not read in time.
    room: usize,
    streams: [Pending; 2],
    case: Option<String>,
    /// If the run is live: its input, and whether all clients are cut off.
    input: Option<(Arc<LiveFeed>, &'a AtomicBool)>,
}

/// The events to store.
struct StoredLog {
    events: Vec<Event>,
    /// Output that may still be stored, with [`PIECE_OVERHEAD`] for each piece.
    room: usize,
}

impl StoredLog {
    fn of(owner: UserId, bounds: &Bounds) -> StoredLog {
        let kept = usize::try_from(bounds.output_kept_of(owner).get()).unwrap_or(usize::MAX);
        StoredLog { events: Vec::new(), room: kept.min(LOG_OUTPUT_BYTES_MAX) }
    }

    /// Adds an event. An output that does not fit is cut, and no later output is stored, so that the stored output has
    /// no holes.
    fn push(&mut self, mut event: Event) {
        if let EventKind::Output { case, data, .. } = &mut event.kind {
            let overhead = PIECE_OVERHEAD + case.as_ref().map_or(0, String::len);
            let room = self.room.saturating_sub(overhead);
            if data.len() > room {
                self.room = 0;
                let end = complete_characters(&data[..room]);
                if end == 0 {
                    return;
                }
                *data = data[..end].into();
            } else {
                self.room = room - data.len();
            }
        }
        self.events.push(event);
    }
}

/// Output that has not been published yet.
#[derive(Default)]
struct Pending {
    data: Vec<u8>,
    last: Option<Instant>,
    /// Number of pieces that could be published without a pause at the time of the last piece.
    burst: u32,
}

impl Pending {
    /// Number of pieces that may be published now. It grows by one per `pause` (token bucket), up to `burst_max`.
    fn allowed(&self, pause: Duration, burst_max: u32) -> u32 {
        let Some(last) = self.last else { return burst_max };
        let earned = last.elapsed().as_nanos() / pause.as_nanos().max(1);
        self.burst.saturating_add(u32::try_from(earned).unwrap_or(u32::MAX)).min(burst_max)
    }
}

impl<'a> AttemptLog<'a> {
    /// Begins the log with `started`. Judging is stopped if it takes longer than `time_max` in total.
    pub(crate) fn begin(
        core: &'a Core,
        assignment: &'a Assignment,
        ended: &'a AtomicBool,
        time_max: Duration,
        waited: &'a AtomicU64,
    ) -> AttemptLog<'a> {
        let mut log = AttemptLog {
            core,
            assignment,
            ended,
            time_max,
            begun: Instant::now(),
            waited,
            is_overdue: false,
            published: 0,
            stored: StoredLog::of(assignment.leased.submission.owner, core.bounds()),
            room: LOG_OUTPUT_BYTES_MAX,
            streams: Default::default(),
            case: None,
            input: None,
        };
        log.append(EventKind::Started { attempt: assignment.leased.attempt });
        log
    }

    /// Marks the run as live: output is published with less delay and without a bound, and a failure of the input stops
    /// the program. `is_cut_off` also stops it, unless its input is complete.
    pub(crate) fn follow_input(&mut self, input: &Arc<LiveFeed>, is_cut_off: &'a AtomicBool) {
        self.room = usize::MAX;
        self.input = Some((Arc::clone(input), is_cut_off));
    }

    /// Whether judging was stopped because it took too long in total.
    pub(crate) fn is_overdue(&self) -> bool {
        self.is_overdue
    }

    /// Returns the log to store.
    pub(crate) fn finish(mut self) -> Vec<Event> {
        self.flush_all();
        self.stored.events
    }

    fn append(&mut self, kind: EventKind) {
        self.published = self.published.saturating_add(1);
        let leased = &self.assignment.leased;
        let event = Event {
            submission: leased.submission.id,
            seq: Seq::of_attempt(leased.attempt, self.published),
            at: self.core.now(),
            kind,
        };
        self.core.emit(event.clone());
        self.stored.push(event);
    }

    fn output(&mut self, stream: Stream, mut data: &[u8]) {
        data = &data[..data.len().min(self.room)];
        self.room -= data.len();
        while !data.is_empty() {
            let pending = &mut self.pending(stream).data;
            let take = data.len().min(PIECE_BYTES_MAX.saturating_sub(pending.len()));
            pending.extend_from_slice(&data[..take]);
            data = &data[take..];
            if pending.len() >= PIECE_BYTES_MAX {
                self.flush(stream, false);
            }
        }
        self.flush_if_due(stream);
    }

    fn pending(&mut self, stream: Stream) -> &mut Pending {
        &mut self.streams[match stream {
            Stream::Stdout => 0,
            Stream::Stderr => 1,
        }]
    }

    fn flush_if_due(&mut self, stream: Stream) {
        let (pause, burst_max) =
            if self.input.is_some() { (LIVE_PIECE_PAUSE, LIVE_BURST_MAX) } else { (PIECE_PAUSE, 1) };
        let pending = self.pending(stream);
        let allowed = pending.allowed(pause, burst_max);
        if !pending.data.is_empty() && allowed > 0 {
            pending.burst = allowed - 1;
            self.flush(stream, false);
        }
    }

    fn flush(&mut self, stream: Stream, is_end: bool) {
        let pending = self.pending(stream);
        let end = if is_end { pending.data.len() } else { complete_characters(&pending.data) };
        if end == 0 {
            return;
        }
        let rest = pending.data.split_off(end);
        let data = std::mem::replace(&mut pending.data, rest).into();
        pending.last = Some(Instant::now());
        let case = self.case.clone();
        self.append(EventKind::Output { case, stream, data });
    }

    fn flush_all(&mut self) {
        self.flush(Stream::Stdout, true);
        self.flush(Stream::Stderr, true);
        self.streams = Default::default();
    }
}

impl JudgeObserver for AttemptLog<'_> {
    fn event(&mut self, event: JudgeEvent<'_>) {
        let named = |case: Option<&str>| case.map(str::to_owned);
        match event {
            JudgeEvent::CompileStarted => self.append(EventKind::CompileStarted),
            JudgeEvent::CompileEnded { ok, cached, wall_time, output } => {
                let output = match output.get(..COMPILE_OUTPUT_BYTES_MAX) {
                    Some(beginning) => &beginning[..complete_characters(beginning)],
                    None => output,
                };
                self.append(EventKind::CompileEnded { ok, cached, wall_time, output: output.into() })
            }
            JudgeEvent::ExecutionStarted { case } => {
                self.case = named(case);
                self.append(EventKind::ExecutionStarted { case: named(case) });
            }
            JudgeEvent::Stdout { data, .. } => self.output(Stream::Stdout, data),
            JudgeEvent::Stderr { data, .. } => self.output(Stream::Stderr, data),
            JudgeEvent::ExecutionEnded { case, verdict, outcome, usage } => {
                self.flush_all();
                self.append(EventKind::ExecutionEnded { case: named(case), verdict, outcome, usage: *usage });
            }
        }
    }

    fn cancelled(&mut self) -> bool {
        // Called a few times per second, so that held-back output is also published when the program is silent.
        self.flush_if_due(Stream::Stdout);
        self.flush_if_due(Stream::Stderr);
        let is_broken = |(input, is_cut_off): &(Arc<LiveFeed>, &AtomicBool)| {
            input.failure().has_failed() || (is_cut_off.load(Ordering::Relaxed) && input.may_need_client())
        };
        let is_broken = self.input.as_ref().is_some_and(is_broken);
        if self.assignment.stop.is_raised() || self.ended.load(Ordering::Relaxed) || is_broken {
            return true;
        }
        let waited = Duration::from_nanos(self.waited.load(Ordering::Relaxed));
        self.is_overdue |= self.begun.elapsed().saturating_sub(waited) > self.time_max;
        self.is_overdue
    }
}

/// Number of bytes that can be published without splitting a UTF-8 character. If the bytes are not UTF-8, at most three
/// are held back.
fn complete_characters(data: &[u8]) -> usize {
    let tail = data.len().saturating_sub(3);
    for (at, byte) in data.iter().enumerate().skip(tail).rev() {
        let length = match byte {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            0x80..=0xbf => continue,
            _ => break,
        };
        return if at + length > data.len() { at } else { data.len() };
    }
    data.len()
}

#[cfg(test)]
mod tests {
    use cupel_testkit::{fresh, t0};
    use cupel_types::{Bytes, SubmissionId};

    use super::*;

    /// A log with this output of a run of `owner`, in pieces of `size` bytes, and then the end of the execution.
    fn stored(owner: UserId, bounds: &Bounds, pieces: u32, size: usize) -> StoredLog {
        let mut log = StoredLog::of(owner, bounds);
        let output = || EventKind::Output { case: None, stream: Stream::Stdout, data: vec![b'x'; size].into() };
        let kinds = (0..pieces).map(|_| output()).chain([EventKind::ExecutionStarted { case: None }]);
        for (number, kind) in (1..).zip(kinds) {
            let submission = SubmissionId::from_uuid(fresh());
            log.push(Event { submission, seq: Seq::of_attempt(1, number), at: t0(), kind });
        }
        assert_eq!(log.events.last().unwrap().seq, Seq::of_attempt(1, pieces + 1), "only output is cut");
        log
    }

    fn stored_bytes(log: &StoredLog) -> Vec<usize> {
        let output = log.events.iter().filter_map(|event| match &event.kind {
            EventKind::Output { data, .. } => Some(data.len()),
            _ => None,
        });
        output.collect()
    }

    #[test]
    fn the_stored_output_is_bounded_as_that_of_the_report() {
        let (user, guest) = (UserId::from_uuid(fresh()), UserId::of_guest(fresh(), 1));
        let small = Bounds { output_kept_max: Bytes::kib(100), ..Bounds::default() };
        let room_of =
            |owner, bounds: &Bounds| stored_bytes(&stored(owner, bounds, 100, 64 << 10)).iter().sum::<usize>();
        let pieces = |bytes: usize| bytes.div_ceil(64 << 10) * PIECE_OVERHEAD;
        assert_eq!(room_of(user, &Bounds::default()), (4 << 20) - pieces(4 << 20));
        assert_eq!(room_of(guest, &Bounds::default()), (512 << 10) - pieces(512 << 10));
        assert_eq!(room_of(guest, &small), (100 << 10) - pieces(100 << 10));
        let little = Bounds { output_kept_max: Bytes::new(2), ..Bounds::default() };
        assert_eq!(stored_bytes(&stored(user, &little, 3, 1)), [0; 0]);
    }

    #[test]
    fn the_number_of_stored_pieces_is_bounded() {
        let log = stored(UserId::from_uuid(fresh()), &Bounds::default(), 90_000, 1);
        assert_eq!(stored_bytes(&log).len(), LOG_OUTPUT_BYTES_MAX / (PIECE_OVERHEAD + 1));
    }

    #[test]
    fn after_a_cut_piece_no_output_is_stored() {
        let mut log = StoredLog { events: Vec::new(), room: 2 * PIECE_OVERHEAD + 4 };
        for (number, text) in (1..).zip(["a", "é€", "b"]) {
            let kind = EventKind::Output { case: None, stream: Stream::Stdout, data: text.as_bytes().into() };
            let seq = Seq::of_attempt(1, number);
            log.push(Event { submission: SubmissionId::from_uuid(fresh()), seq, at: t0(), kind });
        }
        assert_eq!(stored_bytes(&log), [1, 2], "a piece is cut between two characters");
    }

    #[test]
    fn a_piece_never_ends_inside_a_character() {
        let text = "aé€🦀z".as_bytes();
        for end in 0..=text.len() {
            let complete = &text[..complete_characters(&text[..end])];
            assert!(std::str::from_utf8(complete).is_ok(), "{end}");
            assert!(end - complete.len() <= 3);
        }
    }

    #[test]
    fn a_burst_is_bounded_and_earned_by_pauses() {
        let pause = Duration::from_secs(3600);
        let mut pending = Pending::default();
        assert_eq!(pending.allowed(pause, 3), 3, "a stream that was quiet may begin at once");
        pending.last = Some(Instant::now());
        assert_eq!(pending.allowed(pause, 3), 0);
        pending.burst = 2;
        assert_eq!(pending.allowed(pause, 3), 2);
        assert_eq!(pending.allowed(Duration::ZERO, 3), 3);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_not_held_back() {
        for data in [&b"\xff\xfe\xfd"[..], b"\x80\x80\x80\x80", b"ab\xff"] {
            assert_eq!(complete_characters(data), data.len(), "{data:?}");
        }
    }
}
