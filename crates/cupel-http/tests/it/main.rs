//! The server loop over real sockets, with routers of the tests.

mod upgrades;
