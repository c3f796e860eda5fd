//! Tests with whole packages: well-formed packages in every format, malformed packages, untrusted archives, and
//! exports.

mod editorials;
mod exporting;
mod malformed;
mod mutated;
mod support;
mod unpacking;
mod well_formed;
