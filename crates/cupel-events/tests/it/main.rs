//! Conformance tests of every bus; the buses over a server are also tested between nodes and through faults of the
//! server.

mod embedded;
mod servers;
