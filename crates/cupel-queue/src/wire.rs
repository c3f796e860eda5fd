//! Wire format of a hint at a broker: `1 RUN OWNER CLASS`, in ASCII.
//!
//! The number is the version of the format. A node drops a message that it cannot read, for example of an unknown
//! version, and counts it in a metric; the store has the run, and the sweeper finds it. The format is canonical: the
//! reader accepts only what the writer produces, so reading and writing a message again yields the same bytes.

use cupel_core::RunHint;
use cupel_types::PriorityClass;

const VERSION: &str = "1";
/// Upper bound on the length of a hint, in bytes; a longer message is rejected unread.
const LENGTH_MAX: usize = 128;

/// A message that is not a readable hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("unknown version of the hint format")]
    Version,
    #[error("not a hint")]
    Garbage,
}

pub(crate) fn write(hint: &RunHint) -> String {
    format!("{VERSION} {} {} {}", hint.run, hint.owner, hint.class.as_str())
}

/// # Errors
/// [`Unreadable`] if the message was not written by [`write`].
pub(crate) fn read(message: &[u8]) -> Result<RunHint, Unreadable> {
    if message.len() > LENGTH_MAX {
        return Err(Unreadable::Garbage);
    }
    let text = std::str::from_utf8(message).map_err(|_| Unreadable::Garbage)?;
    let (version, rest) = text.split_once(' ').ok_or(Unreadable::Garbage)?;
    if version != VERSION {
        let is_number = !version.is_empty() && version.bytes().all(|c| c.is_ascii_digit());
        return Err(if is_number { Unreadable::Version } else { Unreadable::Garbage });
    }
    let hint = fields(rest).ok_or(Unreadable::Garbage)?;
    // A UUID can be spelled in several ways; only the canonical one is accepted.
    if write(&hint) == text { Ok(hint) } else { Err(Unreadable::Garbage) }
}

fn fields(rest: &str) -> Option<RunHint> {
    let mut fields = rest.split(' ');
    Some(RunHint {
        run: fields.next()?.parse().ok()?,
        owner: fields.next()?.parse().ok()?,
        class: PriorityClass::from_name(fields.next()?)?,
    })
}

/// Reads a message from a class's stream. A message that is not a hint of that class is logged, counted in a metric and
/// dropped.
pub(crate) fn read_of(class: PriorityClass, message: &[u8]) -> Option<RunHint> {
    let hint = read(message).and_then(|hint| if hint.class == class { Ok(hint) } else { Err(Unreadable::Garbage) });
    hint.inspect_err(|unreadable| {
        metrics::counter!("cupel_queue_unreadable_total").increment(1);
        tracing::warn!(%unreadable, class = class.as_str(), bytes = message.len(), "dropped an unreadable message");
    })
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cupel_types::{RunId, UserId};
    use proptest::prelude::*;
    use uuid::Uuid;

    fn hint(run: u128, owner: u128, class: PriorityClass) -> RunHint {
        RunHint { run: RunId::from_uuid(Uuid::from_u128(run)), owner: UserId::from_uuid(Uuid::from_u128(owner)), class }
    }

    #[test]
    fn a_hint_is_written_in_the_documented_format() {
        let written = "1 00000000-0000-0000-0000-0000000000ff 00000000-0000-0000-0000-000000000001 batch";
        assert_eq!(write(&hint(255, 1, PriorityClass::Batch)), written);
        assert_eq!(read(written.as_bytes()), Ok(hint(255, 1, PriorityClass::Batch)));
    }

    #[test]
    fn garbage_is_distinguished_from_another_version() {
        let good = write(&hint(1, 2, PriorityClass::Submission));
        let run = "00000000-0000-0000-0000-000000000001";
        for (message, expected) in [
            (good.replacen('1', "2", 1), Unreadable::Version),
            ("17 any other text".to_owned(), Unreadable::Version),
            (String::new(), Unreadable::Garbage),
            ("1".to_owned(), Unreadable::Garbage),
            ("1 ".to_owned(), Unreadable::Garbage),
            (format!("{good} "), Unreadable::Garbage),
            (format!(" {good}"), Unreadable::Garbage),
            (format!("{good} more"), Unreadable::Garbage),
            (good.to_uppercase(), Unreadable::Garbage),
            (good.replacen('-', "", 1), Unreadable::Garbage),
            (format!("1 {{{run}}} {run} batch"), Unreadable::Garbage),
            (format!("1 {run} {run} urgent"), Unreadable::Garbage),
            (format!("1 {run} {run}"), Unreadable::Garbage),
            ("9".repeat(10_000), Unreadable::Garbage),
        ] {
            assert_eq!(read(message.as_bytes()), Err(expected), "{message:.100}");
        }
        assert_eq!(read(&[0xff, 0xfe]), Err(Unreadable::Garbage));
        assert_eq!(read_of(PriorityClass::Batch, good.as_bytes()), None, "the hint's class is not the stream's");
    }

    proptest! {
        #[test]
        fn a_hint_reads_back_exactly(run: u128, owner: u128, class in 0..3usize) {
            let hint = hint(run, owner, PriorityClass::ALL[class]);
            prop_assert_eq!(read(write(&hint).as_bytes()), Ok(hint));
        }

        #[test]
        fn arbitrary_bytes_never_panic_and_a_readable_message_is_canonical(message in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(hint) = read(&message) {
                prop_assert_eq!(write(&hint).into_bytes(), message);
            }
        }

        #[test]
        fn a_changed_byte_yields_another_hint_or_an_error(run: u128, owner: u128, at in 0..80usize, to: u8) {
            let good = write(&hint(run, owner, PriorityClass::Interactive)).into_bytes();
            let mut changed = good.clone();
            changed[at] = to;
            if let Ok(hint) = read(&changed) {
                prop_assert_eq!(write(&hint).into_bytes(), changed);
            }
        }
    }
}
