//! Counts what is read of an archive, so that what comes out can be held against what went in.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

/// Counts the bytes that are read through it, and stops where there are more than may be.
pub(super) struct Counted<R> {
    inner: R,
    count: Rc<Cell<u64>>,
    most: Rc<Cell<u64>>,
}

impl<R> Counted<R> {
    pub(super) fn new(inner: R) -> Counted<R> {
        Counted { inner, count: Rc::default(), most: Rc::new(Cell::new(u64::MAX)) }
    }

    /// So many bytes may be read, from the first on; at first any number. May be changed while it is read.
    pub(super) fn most(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.most)
    }

    pub(super) fn count(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.count)
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.count.get() > self.most.get() {
            return Err(io::Error::other("more would be read than may be"));
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
