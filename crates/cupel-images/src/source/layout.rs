//! An OCI layout in a directory.

use std::io::{self, Read};
use std::path::Path;

use rustix::io::Errno;

use crate::beneath::{self, Beneath};
use crate::plan::Blobs;

/// A directory with `index.json` and `blobs/`. Its content is untrusted, so no link in it is followed.
pub(crate) struct Layout(Beneath);

impl Layout {
    pub(crate) fn open(path: &Path) -> io::Result<Layout> {
        beneath::open_operators(path).map(Layout)
    }
}

impl Blobs for Layout {
    fn open(&self, path: &str) -> io::Result<Option<Box<dyn Read + '_>>> {
        match self.0.file(Path::new(path)) {
            Ok(Some(file)) => Ok(Some(Box::new(file))),
            Ok(None) => Err(io::Error::other("it is not a regular file")),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(Errno::LOOP) => Err(io::Error::other("a symbolic link leads to it")),
            Err(other) => Err(other.into()),
        }
    }
}
