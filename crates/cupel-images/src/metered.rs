//! A reader that bounds the bytes that a tar parser reads, per entry header and in total. The parser keeps long names
//! and extended headers in memory, and the untrusted archive determines their lengths.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

/// Maximum number of bytes before the data of an entry: headers, long names, attributes, and skipped data.
const BEFORE_DATA_MAX: u64 = 1 << 20;

/// Remaining bytes of the bound.
#[derive(Clone)]
pub(crate) struct Meter(Rc<Cell<u64>>);

impl Meter {
    /// Called before the parser looks for the next entry.
    pub(crate) fn before_entry(&self) {
        self.0.set(BEFORE_DATA_MAX);
    }

    /// Called before the data of an entry are read. Other bounds apply to the data.
    pub(crate) fn before_data(&self) {
        self.0.set(u64::MAX);
    }
}

/// A bounded reader.
pub(crate) struct Metered<R> {
    inner: R,
    left: Rc<Cell<u64>>,
    left_in_all: u64,
}

impl<R> Metered<R> {
    /// A reader of at most `max` bytes in total.
    pub(crate) fn new(inner: R, max: u64) -> (Metered<R>, Meter) {
        let left = Rc::new(Cell::new(BEFORE_DATA_MAX));
        (Metered { inner, left: Rc::clone(&left), left_in_all: max }, Meter(left))
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 && !buffer.is_empty() {
            return Err(io::Error::other("the names and attributes of an entry have more than 1 MiB"));
        }
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let n = self.inner.read(&mut buffer[..most])?;
        self.left_in_all = self
            .left_in_all
            .checked_sub(n as u64)
            .ok_or_else(|| io::Error::other("the archive has more bytes than an image may have"))?;
        if left != u64::MAX {
            self.left.set(left - n as u64);
        }
        Ok(n)
    }
}

impl<R: Seek> Seek for Metered<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}
