//! Tests with whole packages: well-formed ones in every format, malformed ones, untrusted archives, and exports.

mod exporting;
mod malformed;
mod mutated;
mod support;
mod unpacking;
mod well_formed;
