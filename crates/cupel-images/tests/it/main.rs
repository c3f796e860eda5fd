//! Tests of the image store with images that the tests build byte by byte.

mod build;
mod hostile;
mod registry;
mod sources;
mod store;
