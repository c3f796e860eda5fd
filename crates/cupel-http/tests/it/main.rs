//! Tests of the server loop over real sockets, with test routers.

mod upgrades;
