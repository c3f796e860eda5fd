//! Wire format of events between nodes, also used for the events stored on a server.
//!
//! ```text
//! frame   = version (1 byte: 1), length of head (4 bytes, big endian), length of body (likewise), head, body
//! head    = JSON: the message; fields that this version does not know are ignored
//! body    = the bytes of an output chunk, of the compiler's output or of live input, empty otherwise
//! message = frame, frame, …
//! ```
//!
//! *Invariants:* a written message is read back exactly. Anything else is dropped and counted in a metric, and never
//! causes a panic. Later versions of a frame keep the first nine bytes, so that an older reader can skip the frame.

use std::sync::Arc;
use std::time::Duration;

use cupel_core::Notice;
use cupel_core::event::{Event, EventKind, LiveEvent, Seq, Stream};
use cupel_core::live::InputCount;
use cupel_types::{
    Accuracy, Bytes, Instructions, LiveInput, LiveSignal, Outcome, RunId, Signal, Start, SubmissionId, TerminalSize,
    Usage, UserId, Verdict,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const VERSION: u8 = 1;
const PREFIX_BYTES: usize = 9;

/// A message from one node to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// An event, and the sequence number of its sender's previous event in the same attempt (0: unknown).
    Event { event: Event, before: Seq },
    /// A reference to an event that is stored on the server: one that is too large for this channel, or the last event
    /// of a submission that has had none for some time.
    PendingEvent { submission: SubmissionId, seq: Seq },
    /// A notice for all nodes, and the node that sent it.
    Notice { notice: Notice, from: u64 },
    /// The sender dropped messages whose loss receivers cannot detect. Every receiver may have missed something.
    Lost,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Head {
    Event {
        id: Uuid,
        seq: u64,
        #[serde(default)]
        before: u64,
        /// Seconds since 1970, and nanoseconds.
        at: (i64, i32),
        kind: Kind,
    },
    PendingEvent {
        id: Uuid,
        seq: u64,
    },
    Stop {
        run: Uuid,
        #[serde(default)]
        from: u64,
    },
    Used {
        owner: Uuid,
        millis: u64,
        #[serde(default)]
        from: u64,
    },
    Lost {},
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Queued {},
    Started { attempt: u32 },
    CompileStarted {},
    CompileEnded { ok: bool, cached: bool, wall_time: Duration },
    ExecutionStarted { case: Option<String> },
    Output { case: Option<String>, stream: StreamName },
    ExecutionEnded { case: Option<String>, verdict: String, outcome: OutcomeName, usage: UsageForm },
    Finished { verdict: String },
    Input { what: InputForm, total_bytes: u64 },
    Consumed { inputs: u32, bytes: u64 },
    Attached {},
}

/// An input of a live run; bytes are in the body.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum InputForm {
    Bytes,
    End,
    Signal(String),
    Resize(u16, u16),
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StreamName {
    Stdout,
    Stderr,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutcomeName {
    Exited(i32),
    Signalled(i32),
    TimeLimit,
    WallLimit,
    IdleLimit,
    InstructionLimit,
    MemoryLimit,
    OutputLimit,
    DiskLimit,
    Cancelled,
}

#[derive(Serialize, Deserialize)]
struct UsageForm {
    cpu_time: Duration,
    cpu_user: Duration,
    cpu_system: Duration,
    wall_time: Duration,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instructions: Option<u64>,
    memory_bytes: u64,
    output_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<StartName>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_approximate: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StartName {
    Warm,
    Cold,
}

/// Appends a message as one frame.
pub(crate) fn write(message: &Message, out: &mut Vec<u8>) {
    let (head, body) = match message {
        Message::Event { event, before } => {
            let body: &[u8] = match &event.kind {
                EventKind::Output { data, .. } | EventKind::CompileEnded { output: data, .. } => data,
                EventKind::Live(LiveEvent::Input { input: LiveInput::Bytes(data), .. }) => data,
                _ => &[],
            };
            let at = (event.at.as_second(), event.at.subsec_nanosecond());
            let id = *event.submission.as_uuid();
            (Head::Event { id, seq: event.seq.0, before: before.0, at, kind: Kind::from(&event.kind) }, body)
        }
        Message::PendingEvent { submission, seq } => {
            (Head::PendingEvent { id: *submission.as_uuid(), seq: seq.0 }, &[][..])
        }
        Message::Notice { notice: Notice::Stop(run), from } => {
            (Head::Stop { run: *run.as_uuid(), from: *from }, &[][..])
        }
        Message::Notice { notice: Notice::Used { owner, millis }, from } => {
            (Head::Used { owner: *owner.as_uuid(), millis: *millis, from: *from }, &[][..])
        }
        Message::Lost => (Head::Lost {}, &[][..]),
    };
    let start = out.len();
    out.push(VERSION);
    out.extend_from_slice(&[0; PREFIX_BYTES - 1]);
    if serde_json::to_writer(&mut *out, &head).is_err() {
        // Writing cannot fail, because no map with non-string keys and no fallible writer is involved. If it did fail,
        // no partial frame must be written.
        out.truncate(start);
        return;
    }
    let head_bytes = out.len() - start - PREFIX_BYTES;
    for (at, length) in [(1, head_bytes), (5, body.len())] {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        out[start + at..start + at + 4].copy_from_slice(&length.to_be_bytes());
    }
    out.extend_from_slice(body);
}

/// Encodes one message as a frame.
pub(crate) fn frame(message: &Message) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write(message, &mut out);
    out
}

/// Result of reading some bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) messages: Vec<Message>,
    /// Number of frames that this version cannot read; a remainder that is not a frame counts as one.
    pub(crate) garbage: u64,
}

/// Reads frames up to the end or to the first bytes that are not a frame.
pub(crate) fn read(mut bytes: &[u8]) -> Reading {
    let mut reading = Reading::default();
    while !bytes.is_empty() {
        let Some((frame, rest)) = split(bytes) else {
            reading.garbage += 1;
            break;
        };
        match (frame.version == VERSION).then(|| message(frame.head, frame.body)).flatten() {
            Some(message) => reading.messages.push(message),
            None => reading.garbage += 1,
        }
        bytes = rest;
    }
    reading
}

struct Frame<'a> {
    version: u8,
    head: &'a [u8],
    body: &'a [u8],
}

/// Splits off the first frame; returns it and the rest.
fn split(bytes: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let (prefix, rest) = bytes.split_first_chunk::<PREFIX_BYTES>()?;
    let length = |at: usize| {
        let bytes: [u8; 4] = prefix[at..at + 4].try_into().ok()?;
        usize::try_from(u32::from_be_bytes(bytes)).ok()
    };
    let (head, rest) = rest.split_at_checked(length(1)?)?;
    let (body, rest) = rest.split_at_checked(length(5)?)?;
    Some((Frame { version: prefix[0], head, body }, rest))
}

fn message(head: &[u8], body: &[u8]) -> Option<Message> {
    Some(match serde_json::from_slice(head).ok()? {
        Head::Event { id, seq, before, at: (seconds, nanoseconds), kind } => {
            let event = Event {
                submission: SubmissionId::from_uuid(id),
                seq: Seq(seq),
                at: Timestamp::new(seconds, nanoseconds).ok()?,
                kind: kind.read(body)?,
            };
            Message::Event { event, before: Seq(before) }
        }
        Head::PendingEvent { id, seq } => {
            Message::PendingEvent { submission: SubmissionId::from_uuid(id), seq: Seq(seq) }
        }
        Head::Stop { run, from } => Message::Notice { notice: Notice::Stop(RunId::from_uuid(run)), from },
        Head::Used { owner, millis, from } => {
            Message::Notice { notice: Notice::Used { owner: UserId::from_uuid(owner), millis }, from }
        }
        Head::Lost {} => Message::Lost,
    })
}

impl From<&EventKind> for Kind {
    fn from(kind: &EventKind) -> Kind {
        match kind {
            EventKind::Queued => Kind::Queued {},
            EventKind::Started { attempt } => Kind::Started { attempt: *attempt },
            EventKind::CompileStarted => Kind::CompileStarted {},
            EventKind::CompileEnded { ok, cached, wall_time, output: _ } => {
                Kind::CompileEnded { ok: *ok, cached: *cached, wall_time: *wall_time }
            }
            EventKind::ExecutionStarted { case } => Kind::ExecutionStarted { case: case.clone() },
            EventKind::Output { case, stream, data: _ } => Kind::Output {
                case: case.clone(),
                stream: match stream {
                    Stream::Stdout => StreamName::Stdout,
                    Stream::Stderr => StreamName::Stderr,
                },
            },
            EventKind::ExecutionEnded { case, verdict, outcome, usage } => Kind::ExecutionEnded {
                case: case.clone(),
                verdict: verdict.code().to_owned(),
                outcome: (*outcome).into(),
                usage: usage.into(),
            },
            EventKind::Finished { verdict } => Kind::Finished { verdict: verdict.code().to_owned() },
            EventKind::Live(LiveEvent::Input { input, total_bytes }) => {
                Kind::Input { what: InputForm::from(input), total_bytes: *total_bytes }
            }
            EventKind::Live(LiveEvent::Consumed(InputCount { inputs, bytes })) => {
                Kind::Consumed { inputs: *inputs, bytes: *bytes }
            }
            EventKind::Live(LiveEvent::Attached) => Kind::Attached {},
        }
    }
}

impl Kind {
    /// `None` if the message contains a name that this version does not know.
    fn read(self, body: &[u8]) -> Option<EventKind> {
        Some(match self {
            Kind::Queued {} => EventKind::Queued,
            Kind::Started { attempt } => EventKind::Started { attempt },
            Kind::CompileStarted {} => EventKind::CompileStarted,
            Kind::CompileEnded { ok, cached, wall_time } => {
                EventKind::CompileEnded { ok, cached, wall_time, output: Arc::from(body) }
            }
            Kind::ExecutionStarted { case } => EventKind::ExecutionStarted { case },
            Kind::Output { case, stream } => EventKind::Output {
                case,
                stream: match stream {
                    StreamName::Stdout => Stream::Stdout,
                    StreamName::Stderr => Stream::Stderr,
                },
                data: Arc::from(body),
            },
            Kind::ExecutionEnded { case, verdict, outcome, usage } => EventKind::ExecutionEnded {
                case,
                verdict: Verdict::from_code(&verdict)?,
                outcome: outcome.into(),
                usage: usage.into(),
            },
            Kind::Finished { verdict } => EventKind::Finished { verdict: Verdict::from_code(&verdict)? },
            Kind::Input { what, total_bytes } => {
                EventKind::Live(LiveEvent::Input { input: what.read(body)?, total_bytes })
            }
            Kind::Consumed { inputs, bytes } => EventKind::Live(LiveEvent::Consumed(InputCount { inputs, bytes })),
            Kind::Attached {} => EventKind::Live(LiveEvent::Attached),
        })
    }
}

impl From<&LiveInput> for InputForm {
    fn from(input: &LiveInput) -> InputForm {
        match input {
            LiveInput::Bytes(_) => InputForm::Bytes,
            LiveInput::EndOfInput => InputForm::End,
            LiveInput::Signal(signal) => InputForm::Signal(signal.as_str().to_owned()),
            LiveInput::Resize(TerminalSize { columns, rows }) => InputForm::Resize(*columns, *rows),
        }
    }
}

impl InputForm {
    /// `None` if it names a signal or a size that this version does not know.
    fn read(self, body: &[u8]) -> Option<LiveInput> {
        Some(match self {
            InputForm::Bytes => LiveInput::Bytes(body.to_vec()),
            InputForm::End => LiveInput::EndOfInput,
            InputForm::Signal(name) => LiveInput::Signal(LiveSignal::from_name(&name)?),
            InputForm::Resize(columns, rows) => LiveInput::Resize(TerminalSize::new(columns, rows)?),
        })
    }
}

impl From<Outcome> for OutcomeName {
    fn from(outcome: Outcome) -> OutcomeName {
        match outcome {
            Outcome::Exited(code) => OutcomeName::Exited(code),
            Outcome::Signalled(Signal(number)) => OutcomeName::Signalled(number),
            Outcome::TimeLimit => OutcomeName::TimeLimit,
            Outcome::WallLimit => OutcomeName::WallLimit,
            Outcome::IdleLimit => OutcomeName::IdleLimit,
            Outcome::InstructionLimit => OutcomeName::InstructionLimit,
            Outcome::MemoryLimit => OutcomeName::MemoryLimit,
            Outcome::OutputLimit => OutcomeName::OutputLimit,
            Outcome::DiskLimit => OutcomeName::DiskLimit,
            Outcome::Cancelled => OutcomeName::Cancelled,
        }
    }
}

impl From<OutcomeName> for Outcome {
    fn from(name: OutcomeName) -> Outcome {
        match name {
            OutcomeName::Exited(code) => Outcome::Exited(code),
            OutcomeName::Signalled(number) => Outcome::Signalled(Signal(number)),
            OutcomeName::TimeLimit => Outcome::TimeLimit,
            OutcomeName::WallLimit => Outcome::WallLimit,
            OutcomeName::IdleLimit => Outcome::IdleLimit,
            OutcomeName::InstructionLimit => Outcome::InstructionLimit,
            OutcomeName::MemoryLimit => Outcome::MemoryLimit,
            OutcomeName::OutputLimit => Outcome::OutputLimit,
            OutcomeName::DiskLimit => Outcome::DiskLimit,
            OutcomeName::Cancelled => Outcome::Cancelled,
        }
    }
}

impl From<&Usage> for UsageForm {
    fn from(usage: &Usage) -> UsageForm {
        let Usage { cpu_time, cpu_user, cpu_system, wall_time, instructions, memory, output, start, accuracy } = *usage;
        UsageForm {
            cpu_time,
            cpu_user,
            cpu_system,
            wall_time,
            instructions: instructions.map(Instructions::get),
            memory_bytes: memory.get(),
            output_bytes: output.get(),
            start: start.map(|start| match start {
                Start::Warm => StartName::Warm,
                Start::Cold => StartName::Cold,
            }),
            is_approximate: accuracy == Accuracy::Approximate,
        }
    }
}

impl From<UsageForm> for Usage {
    fn from(form: UsageForm) -> Usage {
        let UsageForm {
            cpu_time,
            cpu_user,
            cpu_system,
            wall_time,
            instructions,
            memory_bytes,
            output_bytes,
            start,
            is_approximate,
        } = form;
        Usage {
            cpu_time,
            cpu_user,
            cpu_system,
            wall_time,
            instructions: instructions.map(Instructions::new),
            memory: Bytes::new(memory_bytes),
            output: Bytes::new(output_bytes),
            start: start.map(|start| match start {
                StartName::Warm => Start::Warm,
                StartName::Cold => Start::Cold,
            }),
            accuracy: if is_approximate { Accuracy::Approximate } else { Accuracy::Exact },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn time() -> impl Strategy<Value = Duration> {
        (any::<u64>(), 0..1_000_000_000u32).prop_map(|(seconds, nanos)| Duration::new(seconds, nanos))
    }

    fn case() -> impl Strategy<Value = Option<String>> {
        prop::option::of(".{0,40}")
    }

    fn verdict() -> impl Strategy<Value = Verdict> {
        prop::sample::select(Verdict::ALL.to_vec())
    }

    fn outcome() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            any::<i32>().prop_map(Outcome::Exited),
            any::<i32>().prop_map(|n| Outcome::Signalled(Signal(n))),
            prop::sample::select(vec![
                Outcome::TimeLimit,
                Outcome::WallLimit,
                Outcome::IdleLimit,
                Outcome::InstructionLimit,
                Outcome::MemoryLimit,
                Outcome::OutputLimit,
                Outcome::DiskLimit,
                Outcome::Cancelled,
            ]),
        ]
    }

    fn usage() -> impl Strategy<Value = Usage> {
        let start = prop::option::of(prop::sample::select(vec![Start::Warm, Start::Cold]));
        let accuracy = prop::sample::select(vec![Accuracy::Exact, Accuracy::Approximate]);
        let (instructions, start) = (prop::option::of(any::<u64>()), (start, accuracy));
        (time(), time(), time(), time(), instructions, any::<u64>(), any::<u64>(), start).prop_map(
            |(cpu_time, cpu_user, cpu_system, wall_time, instructions, memory, output, (start, accuracy))| Usage {
                cpu_time,
                cpu_user,
                cpu_system,
                wall_time,
                instructions: instructions.map(Instructions::new),
                memory: Bytes::new(memory),
                output: Bytes::new(output),
                start,
                accuracy,
            },
        )
    }

    fn input() -> impl Strategy<Value = LiveInput> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200).prop_map(LiveInput::Bytes),
            Just(LiveInput::EndOfInput),
            prop::sample::select(LiveSignal::ALL.to_vec()).prop_map(LiveInput::Signal),
            (1..=TerminalSize::MAX, 1..=TerminalSize::MAX)
                .prop_map(|(columns, rows)| LiveInput::Resize(TerminalSize { columns, rows })),
        ]
    }

    fn kind() -> impl Strategy<Value = EventKind> {
        prop_oneof![
            Just(EventKind::Queued),
            any::<u32>().prop_map(|attempt| EventKind::Started { attempt }),
            Just(EventKind::CompileStarted),
            (any::<bool>(), any::<bool>(), time(), prop::collection::vec(any::<u8>(), 0..200)).prop_map(
                |(ok, cached, wall_time, output)| {
                    EventKind::CompileEnded { ok, cached, wall_time, output: output.into() }
                }
            ),
            case().prop_map(|case| EventKind::ExecutionStarted { case }),
            (case(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..200)).prop_map(|(case, err, data)| {
                EventKind::Output { case, stream: if err { Stream::Stderr } else { Stream::Stdout }, data: data.into() }
            }),
            (case(), verdict(), outcome(), usage()).prop_map(|(case, verdict, outcome, usage)| {
                EventKind::ExecutionEnded { case, verdict, outcome, usage }
            }),
            verdict().prop_map(|verdict| EventKind::Finished { verdict }),
            (input(), any::<u64>())
                .prop_map(|(input, total_bytes)| { EventKind::Live(LiveEvent::Input { input, total_bytes }) }),
            (any::<u32>(), any::<u64>())
                .prop_map(|(inputs, bytes)| EventKind::Live(LiveEvent::Consumed(InputCount { inputs, bytes }))),
        ]
    }

    fn any_message() -> impl Strategy<Value = Message> {
        let at = (Timestamp::MIN.as_second() + 1..Timestamp::MAX.as_second(), 0..1_000_000_000i32);
        let event = (any::<u128>(), any::<u64>(), any::<u64>(), at, kind()).prop_map(|(id, seq, before, at, kind)| {
            let at = Timestamp::new(at.0, at.1).expect("in range");
            let submission = SubmissionId::from_uuid(Uuid::from_u128(id));
            Message::Event { event: Event { submission, seq: Seq(seq), at, kind }, before: Seq(before) }
        });
        prop_oneof![
            8 => event,
            1 => (any::<u128>(), any::<u64>()).prop_map(|(id, seq)| Message::PendingEvent {
                submission: SubmissionId::from_uuid(Uuid::from_u128(id)),
                seq: Seq(seq),
            }),
            1 => (any::<u128>(), any::<u64>()).prop_map(|(id, from)| Message::Notice {
                notice: Notice::Stop(RunId::from_uuid(Uuid::from_u128(id))),
                from,
            }),
            1 => (any::<u128>(), any::<u64>(), any::<u64>()).prop_map(|(id, millis, from)| Message::Notice {
                notice: Notice::Used { owner: UserId::from_uuid(Uuid::from_u128(id)), millis },
                from,
            }),
            1 => Just(Message::Lost),
        ]
    }

    proptest! {
        #[test]
        fn messages_round_trip(messages in prop::collection::vec(any_message(), 0..8)) {
            let mut bytes = Vec::new();
            messages.iter().for_each(|message| write(message, &mut bytes));
            prop_assert_eq!(read(&bytes), Reading { messages, garbage: 0 });
        }

        #[test]
        fn reading_garbage_does_not_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..400), message in any_message(), at in 0..200usize) {
            read(&bytes);
            let mut whole = frame(&message);
            if let Some(byte) = whole.get_mut(at) {
                *byte ^= 1 + (at as u8 & 0x7e);
            }
            bytes.splice(0..0, whole);
            let reading = read(&bytes);
            prop_assert!(reading.messages.len() <= bytes.len() / PREFIX_BYTES);
        }

        #[test]
        fn a_truncated_frame_yields_no_message(message in any_message(), keep in 0.0..1.0f64) {
            let whole = frame(&message);
            let cut = &whole[..(whole.len() as f64 * keep) as usize];
            prop_assert_eq!(read(cut).messages, []);
        }
    }

    #[test]
    fn later_versions_are_skipped_and_unknown_fields_ignored() {
        let message = Message::Notice { notice: Notice::Stop(RunId::from_uuid(Uuid::from_u128(7))), from: 3 };
        let known = frame(&message);
        let mut later = known.clone();
        later[0] = 2;
        let reading = read(&[&later[..], &known].concat());
        assert_eq!(reading, Reading { messages: vec![message.clone()], garbage: 1 });

        let head = format!(r#"{{"stop":{{"why":"cancelled","run":"{}","from":3}}}}"#, Uuid::from_u128(7));
        let mut grown = vec![VERSION];
        grown.extend_from_slice(&(head.len() as u32).to_be_bytes());
        grown.extend_from_slice(&2u32.to_be_bytes());
        grown.extend_from_slice(head.as_bytes());
        grown.extend_from_slice(b"??");
        assert_eq!(read(&grown), Reading { messages: vec![message], garbage: 0 });
    }
}
