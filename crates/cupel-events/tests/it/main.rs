//! Conformance tests of every bus. The buses over a server are also tested between nodes and with server failures.

mod embedded;
mod servers;
