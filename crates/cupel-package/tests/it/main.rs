//! Whole packages: those that are right, in every form; those that are wrong, in every way; and there and back again.

mod exporting;
mod malformed;
mod mutated;
mod support;
mod unpacking;
mod well_formed;
