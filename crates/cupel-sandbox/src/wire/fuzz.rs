//! Property tests of the sandbox's internal protocol. Every message decodes to itself. Every decoded message encodes to
//! the same bytes. No bytes make a reader panic, or use more memory than a message can contain. `PROPTEST_CASES` sets
//! the number of cases.

use std::fmt::Debug;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use cupel_types::{Bytes, ContentHash, Instructions, Limits, LiveSignal, TerminalSize};
use proptest::prelude::*;

use super::{
    CellDone, CellRequest, CellSignal, CollectLimits, FromLane, FromLauncher, FromZygote, KillReason, LaneImage,
    LaneKind, MESSAGE_BYTES_MAX, Message, Reader, Scheduling, ToLane, ToLauncher, ToZygote, Writer, ZygoteSetup,
    receive, socket_pair,
};
use crate::process::lane::LaneReport;
use crate::warm::{Warm, WarmTemplate};
use crate::{CountedEvent, WallSet};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[^\u{0}]{0,12}", 1 => Just(String::new()), 1 => Just("x".repeat(5000))]
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(text(), 0..6)
}

fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    proptest::collection::vec((text(), text()), 0..4)
}

/// Arbitrary numbers, and the ends of the range.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), 0..100u64, Just(u64::MAX), Just(u64::from(u32::MAX))]
}

/// Any number except the encoding of `None`.
fn some_u32() -> impl Strategy<Value = u32> {
    prop_oneof![0..u32::MAX, Just(0), Just(u32::MAX - 1)]
}

fn limits() -> impl Strategy<Value = Limits> {
    let instructions = proptest::option::of(number().prop_map(Instructions::new));
    let address_space = proptest::option::of(number().prop_map(Bytes::new));
    (proptest::array::uniform9(number()), instructions, address_space, any::<u32>(), any::<u32>()).prop_map(
        |(n, instructions, address_space, processes, open_files)| Limits {
            cpu_time: Duration::from_nanos(n[0]),
            wall_time: Duration::from_nanos(n[1]),
            idle_time: Duration::from_nanos(n[2]),
            memory: Bytes::new(n[3]),
            file_size: Bytes::new(n[4]),
            disk: Bytes::new(n[5]),
            inodes: n[6],
            output: Bytes::new(n[7]),
            stack: Bytes::new(n[8]),
            instructions,
            address_space,
            processes,
            open_files,
        },
    )
}

fn collect() -> impl Strategy<Value = Option<CollectLimits>> {
    proptest::option::of(
        (any::<u32>(), number(), any::<bool>()).prop_map(|(files, bytes, after_failure)| CollectLimits {
            files,
            bytes: Bytes::new(bytes),
            after_failure,
        }),
    )
}

/// Boxed, like every strategy that is part of another one: a strategy contains all of its parts and is moved on the
/// stack.
fn request() -> BoxedStrategy<CellRequest> {
    let argv = (text(), texts()).prop_map(|(first, mut rest)| {
        rest.insert(0, first);
        rest
    });
    let files = ((text(), text()), texts(), texts(), any::<(u32, u64)>());
    (limits(), collect(), argv, (texts(), texts()), any::<[bool; 4]>(), files, terminal())
        .prop_map(|(limits, collect, argv, (search, env), [warm, result, watch, live], files, terminal)| {
            let ((outbox, linked), fetch, patterns, (found_max, counted_files)) = files;
            CellRequest {
                limits,
                counted_files: Bytes::new(counted_files),
                collect,
                argv,
                search,
                env,
                warm,
                result,
                outbox,
                linked,
                fetch,
                patterns,
                found_max,
                watch,
                live,
                terminal,
            }
        })
        .boxed()
}

fn terminal() -> impl Strategy<Value = Option<TerminalSize>> {
    let side = || 1..=TerminalSize::MAX;
    proptest::option::of((side(), side()).prop_map(|(columns, rows)| TerminalSize { columns, rows }))
}

fn live_signal() -> impl Strategy<Value = LiveSignal> {
    (0..LiveSignal::ALL.len()).prop_map(|at| LiveSignal::ALL[at])
}

fn to_lane() -> impl Strategy<Value = ToLane> {
    prop_oneof![
        8 => request().prop_map(ToLane::Run),
        1 => any::<bool>().prop_map(|flood| ToLane::Kill(if flood { KillReason::OutputLimit } else { KillReason::Cancelled })),
        1 => live_signal().prop_map(ToLane::Signal),
        1 => Just(()).prop_map(|()| ToLane::InputEnded),
    ]
}

fn template() -> BoxedStrategy<WarmTemplate> {
    (texts(), pairs()).prop_map(|(argv, env)| WarmTemplate { kind: Warm::Python, argv, env }).boxed()
}

fn zygote_setup() -> impl Strategy<Value = ZygoteSetup> {
    (any::<u64>(), any::<u32>(), any::<[bool; 2]>(), template(), text()).prop_map(
        |(walls_off, tenant, [has_landlock, cells_have_groups], template, shown)| ZygoteSetup {
            walls_off: WallSet::from_bits(walls_off),
            tenant,
            has_landlock,
            cells_have_groups,
            template,
            shown,
        },
    )
}

fn to_zygote() -> impl Strategy<Value = ToZygote> {
    (any::<u64>(), request()).prop_map(|(cell, request)| ToZygote { cell, request })
}

fn from_zygote() -> impl Strategy<Value = FromZygote> {
    prop_oneof![
        any::<()>().prop_map(|()| FromZygote::Ready),
        text().prop_map(|reason| FromZygote::Cold { reason }),
        (number(), any::<i32>(), number()).prop_map(|(cell, errno, cpu_own)| FromZygote::Begun {
            cell,
            errno,
            cpu_own
        }),
    ]
}

fn counted() -> impl Strategy<Value = CountedEvent> {
    prop_oneof![Just(CountedEvent::Instructions), Just(CountedEvent::PageFaults)]
}

fn to_launcher() -> impl Strategy<Value = ToLauncher> {
    let id = any::<[u8; 32]>().prop_map(ContentHash::from_bytes);
    let kind = prop_oneof![
        Just(LaneKind::System),
        template().prop_map(|template| LaneKind::Warm(Arc::new(template))),
        (id, 1..u32::MAX, any::<u64>()).prop_map(|(id, uid, hold)| LaneKind::Image(LaneImage { id, uid, hold })),
    ];
    let images = proptest::option::of(text().prop_filter("a path", |path| !path.is_empty()));
    prop_oneof![
        (any::<u32>(), any::<u32>(), any::<u64>(), any::<bool>(), pairs(), images, counted()).prop_map(
            |(uid_base, lanes_max, walls_off, probe, mounts, images, counted)| ToLauncher::Configure {
                uid_base,
                lanes_max,
                walls_off,
                probe,
                mounts,
                images,
                counted
            }
        ),
        (some_u32(), proptest::option::of(some_u32()), any::<bool>(), kind).prop_map(
            |(lane, cpu, is_background, kind)| {
                ToLauncher::MakeLane { lane, scheduling: Scheduling { cpu, is_background }, kind }
            }
        ),
        any::<u32>().prop_map(|lane| ToLauncher::RetireLane { lane }),
    ]
}

fn from_lane() -> impl Strategy<Value = FromLane> {
    prop_oneof![
        proptest::collection::vec((text(), any::<bool>()), 0..6).prop_map(|files| {
            let (names, executable) = files.into_iter().unzip();
            FromLane::Files { names, executable }
        }),
        (
            proptest::array::uniform6(number()),
            proptest::option::of(number()),
            any::<[u32; 2]>(),
            any::<[i32; 2]>(),
            any::<[bool; 3]>()
        )
            .prop_map(
                |(
                    n,
                    instructions,
                    [failed_step, limit],
                    [failed_errno, status],
                    [status_known, collect_overflow, warm],
                )| {
                    FromLane::Done(CellDone {
                        failed_step,
                        failed_errno,
                        limit,
                        status,
                        status_known,
                        cpu_ns: n[0],
                        cpu_user_ns: n[1],
                        cpu_system_ns: n[2],
                        wall_ns: n[3],
                        ended_ns: n[4],
                        memory_peak: n[5],
                        instructions,
                        collect_overflow,
                        warm,
                    })
                }
            ),
        any::<bool>().prop_map(|clean| FromLane::Ready { clean }),
        text().prop_map(|reason| FromLane::Cold { reason }),
        texts().prop_map(|names| FromLane::Found { names }),
        any::<()>().prop_map(|()| FromLane::Begun),
        any::<i32>().prop_map(|status| FromLane::Ended { status }),
        any::<()>().prop_map(|()| FromLane::Terminal),
    ]
}

fn from_launcher() -> impl Strategy<Value = FromLauncher> {
    prop_oneof![
        (any::<bool>(), proptest::option::of(text().prop_filter("a reason", |reason| !reason.is_empty())))
            .prop_map(|(cgroup_v2, uncounted)| FromLauncher::Configured { cgroup_v2, uncounted }),
        any::<u32>().prop_map(|lane| FromLauncher::LaneMade { lane }),
        (any::<u32>(), any::<i32>(), text()).prop_map(|(step, errno, detail)| FromLauncher::Failed {
            step,
            errno,
            detail
        }),
    ]
}

fn encoded<M: Message>(message: &M) -> Vec<u8> {
    let mut writer = Writer(Vec::new());
    message.encode(&mut writer);
    writer.0
}

/// Decodes all of the bytes as one message; `None` if they are refused.
fn decoded<M: Message>(bytes: &[u8]) -> Option<M> {
    let mut reader = Reader(bytes);
    M::decode(&mut reader).ok().filter(|_| reader.0.is_empty())
}

fn reads_back<M: Message + PartialEq + Debug>(message: &M) {
    let bytes = encoded(message);
    assert_eq!(decoded::<M>(&bytes).as_ref(), Some(message));
    for end in (0..bytes.len()).step_by(1 + bytes.len() / 64) {
        assert!(decoded::<M>(&bytes[..end]).is_none(), "{end} of {} bytes of {message:?}", bytes.len());
    }
}

/// Asserts that a message has only one encoding: a decoded message encodes to the same bytes.
fn reads_only_what_is_written<M: Message + Debug>(bytes: &[u8]) {
    if let Some(message) = decoded::<M>(bytes) {
        assert_eq!(encoded(&message), bytes, "{message:?}");
    }
}

fn every_reader(bytes: &[u8]) {
    reads_only_what_is_written::<ToLane>(bytes);
    reads_only_what_is_written::<FromLane>(bytes);
    reads_only_what_is_written::<ToLauncher>(bytes);
    reads_only_what_is_written::<FromLauncher>(bytes);
    reads_only_what_is_written::<ToZygote>(bytes);
    reads_only_what_is_written::<FromZygote>(bytes);
    reads_only_what_is_written::<ZygoteSetup>(bytes);
    reads_only_what_is_written::<LaneReport>(bytes);
    reads_only_what_is_written::<CellSignal>(bytes);
}

/// The bytes of a valid message with a few of them changed, removed or inserted, as a faulty sender could produce.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let message = prop_oneof![
        to_lane().prop_map(|m| encoded(&m)).boxed(),
        from_lane().prop_map(|m| encoded(&m)).boxed(),
        to_launcher().prop_map(|m| encoded(&m)).boxed(),
        from_launcher().prop_map(|m| encoded(&m)).boxed(),
        to_zygote().prop_map(|m| encoded(&m)).boxed(),
        from_zygote().prop_map(|m| encoded(&m)).boxed(),
        zygote_setup().prop_map(|m| encoded(&m)).boxed(),
    ];
    let word = prop_oneof![Just(0u32), Just(1), Just(2), Just(u32::MAX), Just(u32::MAX / 4), any::<u32>()];
    let change = (any::<prop::sample::Index>(), 0..4u8, word);
    (message, proptest::collection::vec(change, 0..6)).prop_map(|(mut bytes, changes)| {
        for (at, kind, word) in changes {
            let at = at.index(bytes.len().max(1));
            match kind {
                0 => bytes.truncate(at),
                1 => drop(bytes.splice(at..at, word.to_le_bytes())),
                2 => bytes.iter_mut().skip(at).take(1).for_each(|b| *b ^= word as u8),
                _ => bytes.iter_mut().skip(at / 4 * 4).zip(word.to_le_bytes()).for_each(|(b, new)| *b = new),
            }
        }
        bytes
    })
}

proptest! {
    #[test]
    fn an_encoded_message_decodes_to_itself(
        a in to_lane(), b in from_lane(), c in to_launcher(), d in from_launcher(), e in to_zygote(), f in from_zygote(),
        g in zygote_setup(), h in live_signal(),
    ) {
        reads_back(&a);
        reads_back(&b);
        reads_back(&c);
        reads_back(&d);
        reads_back(&e);
        reads_back(&f);
        reads_back(&g);
        reads_back(&CellSignal(h));
        prop_assert_eq!(ToZygote::cell_of(&encoded(&e)).ok(), Some(e.cell));
        // A growing buffer would leave a copy of a tenant's data in memory.
        prop_assert!(encoded(&a).len() <= a.room(), "{} of {} bytes", encoded(&a).len(), a.room());
        prop_assert!(encoded(&g).len() <= g.room(), "{} of {} bytes", encoded(&g).len(), g.room());
        prop_assert!(encoded(&e).len() <= e.room(), "{} of {} bytes", encoded(&e).len(), e.room());
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop_oneof![
        3 => nearly(),
        1 => proptest::collection::vec(any::<u8>(), 0..300),
        // Numbers that could be read as counts and lengths.
        1 => proptest::collection::vec(prop_oneof![0..8u32, Just(u32::MAX), Just(1 << 28)], 0..40)
            .prop_map(|words| words.into_iter().flat_map(u32::to_le_bytes).collect()),
    ]) {
        every_reader(&bytes);
    }

    /// A count or a length that exceeds the message must not reserve memory.
    #[test]
    fn a_decoded_list_uses_no_more_memory_than_its_message(words in proptest::collection::vec(prop_oneof![Just(0u32), Just(1), Just(u32::MAX), Just(1 << 20)], 0..300)) {
        let mut bytes: Vec<u8> = 1u32.to_le_bytes().to_vec();
        bytes.extend(words.iter().flat_map(|w| w.to_le_bytes()));
        if let Ok(FromLane::Files { names, executable }) = FromLane::decode(&mut Reader(&bytes)) {
            prop_assert!(names.capacity() * 4 <= 2 * bytes.len() + 32 && executable.capacity() * 4 <= 2 * bytes.len() + 32);
            prop_assert!(names.iter().map(String::capacity).sum::<usize>() <= bytes.len());
        }
    }

    /// Bytes sent through a socket result in a message or an error, and the socket stays usable.
    #[test]
    fn a_socket_is_usable_after_malformed_messages(bytes in prop_oneof![
        nearly(),
        proptest::collection::vec(any::<u8>(), 1..300),
        Just(vec![1; MESSAGE_BYTES_MAX]),
    ]) {
        prop_assume!(!bytes.is_empty());
        let (ours, theirs) = socket_pair().unwrap();
        rustix::net::send(&theirs, &bytes, rustix::net::SendFlags::empty()).unwrap();
        let mut buffer = Vec::new();
        let received = receive::<ToLauncher>(ours.as_fd(), &mut buffer);
        match decoded::<ToLauncher>(&bytes) {
            Some(message) => prop_assert_eq!(received.unwrap().map(|(m, _)| m), Some(message)),
            None => prop_assert_eq!(received.unwrap_err().kind(), std::io::ErrorKind::InvalidData),
        }
        prop_assert!(buffer.capacity() <= 2 * MESSAGE_BYTES_MAX);
        super::send(theirs.as_fd(), &ToLauncher::RetireLane { lane: 7 }, &[]).unwrap();
        let next = receive::<ToLauncher>(ours.as_fd(), &mut buffer).unwrap();
        prop_assert_eq!(next.map(|(message, _)| message), Some(ToLauncher::RetireLane { lane: 7 }));
    }
}
