//! The messages between the main process, the launcher and the lanes' processes. All messages have fixed layouts of
//! little-endian numbers and length-prefixed strings. Each message is one SOCK_SEQPACKET packet, which may carry
//! descriptors.
//!
//! ```text
//! main ──ToLauncher──► launcher        main ──ToLane──► lane's init
//!      ◄─FromLauncher─                      ◄─FromLane─  (a cell's init sends Begun, Ended, Terminal and files)
//! lane's init ──CellRequest, CellSignal──► cell's init
//! lane's init ──ZygoteSetup──► zygote          cell's init ──ToZygote──► zygote
//!             ◄──FromZygote───                             ◄─FromZygote─
//! ```
//!
//! A message is decoded completely or refused. Only the launcher's configuration contains paths outside a cell.

mod encoding;
mod lane;
mod launcher;
mod request;
mod transport;
mod zygote;

pub(crate) use encoding::{Malformed, Message, Reader, Writer, decode};
pub(crate) use lane::{CellDone, CellSignal, FromLane, KillReason, LimitHit, ToLane};
pub(crate) use launcher::{FromLauncher, LaneImage, LaneKind, Scheduling, ToLauncher};
pub(crate) use request::CellRequest;
pub use request::CollectLimits;
#[cfg(test)]
pub(crate) use transport::MESSAGE_BYTES_MAX;
pub(crate) use transport::{DESCRIPTORS_MAX, readable, receive, receive_bytes, send, send_now, socket_pair};
pub(crate) use zygote::{FromZygote, ToZygote, ZygoteSetup};

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use cupel_types::{Bytes, Limits, TerminalSize};

    use super::*;

    fn request() -> ToLane {
        ToLane::Run(CellRequest {
            search: Vec::new(),
            limits: Limits::default(),
            counted_files: Bytes::mib(3),
            collect: Some(CollectLimits { files: 7, bytes: Bytes::kib(9), after_failure: true }),
            argv: vec!["./main".into(), String::new(), "ü".into()],
            env: vec!["A=b".into()],
            warm: true,
            result: true,
            outbox: "a/b".into(),
            linked: "/course".into(),
            fetch: vec!["c/d".into(), "e".into()],
            patterns: vec!["*.png".into(), "a/**".into()],
            found_max: 5,
            watch: true,
            live: true,
            terminal: TerminalSize::new(80, 24),
        })
    }

    fn encoded<M: Message>(message: &M) -> Vec<u8> {
        let mut writer = Writer(Vec::new());
        message.encode(&mut writer);
        writer.0
    }

    #[test]
    fn an_encoded_message_decodes_to_itself() {
        let bytes = encoded(&request());
        let mut reader = Reader(&bytes);
        assert_eq!(ToLane::decode(&mut reader).unwrap(), request());
        assert!(reader.0.is_empty());
    }

    #[test]
    fn every_truncated_message_is_refused() {
        let bytes = encoded(&request());
        for end in 0..bytes.len() {
            assert!(ToLane::decode(&mut Reader(&bytes[..end])).is_err(), "{end} of {} bytes", bytes.len());
        }
    }

    #[test]
    fn a_count_larger_than_the_message_is_refused() {
        let mut bytes = encoded(&FromLane::Files { names: vec!["a".into()], executable: vec![true] });
        bytes[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(FromLane::decode(&mut Reader(&bytes)).is_err());
    }

    #[test]
    fn messages_carry_descriptors() {
        let (a, b) = socket_pair().unwrap();
        let done = FromLane::Ready { clean: true };
        send(a.as_fd(), &done, &[a.as_fd(), b.as_fd()]).unwrap();
        let (message, descriptors) = receive::<FromLane>(b.as_fd(), &mut Vec::new()).unwrap().unwrap();
        assert_eq!((message, descriptors.len()), (done, 2));
        drop((a, descriptors));
        assert!(receive::<FromLane>(b.as_fd(), &mut Vec::new()).unwrap().is_none(), "closed");
    }
}
