//! Tests of the facades with the real store, queue and router; the tests act as the worker.

mod accounts;
mod app;
mod jobe;
mod judge0;
mod many_values;
mod piston;
mod piston_connect;
mod public_reads;
mod sandboxfusion;
