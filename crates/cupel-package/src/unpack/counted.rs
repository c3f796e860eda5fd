//! Counts the bytes read from an archive, so that the unpacked size can be compared with the compressed size.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

/// A reader that counts its bytes and fails above a maximum.
pub(super) struct Counted<R> {
    inner: R,
    count: Rc<Cell<u64>>,
    bytes_max: Rc<Cell<u64>>,
}

impl<R> Counted<R> {
    pub(super) fn new(inner: R) -> Counted<R> {
        Counted { inner, count: Rc::default(), bytes_max: Rc::new(Cell::new(u64::MAX)) }
    }

    /// Returns the maximum number of bytes that may be read in total. The maximum is unlimited at first; the caller may
    /// change it while the reader is in use.
    pub(super) fn bytes_max(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.bytes_max)
    }

    pub(super) fn count(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.count)
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.count.get() > self.bytes_max.get() {
            return Err(io::Error::other("the maximum number of bytes to read is exceeded"));
        }
        let n = self.inner.read(buffer)?;
        self.count.set(self.count.get() + n as u64);
        Ok(n)
    }
}

impl<R: Seek> Seek for Counted<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}
