//! Tests of the server loop over real sockets, with test routers.

mod in_use;
mod upgrades;
