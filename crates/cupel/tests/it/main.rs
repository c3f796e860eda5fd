//! End-to-end tests of the real binary: real programs in the real sandbox, real servers on free ports.
//!
//! Needs the requirements of the sandbox (root, Linux) and the core languages. No test is skipped silently.

mod artifacts;
mod cluster;
mod compilers;
mod config;
mod contest;
mod custom_input;
mod dmoj;
mod docker;
mod fairness;
mod formats;
mod functions;
mod help;
mod images;
mod interaction;
mod interactive;
mod judge;
mod languages;
mod live;
mod local;
mod mistakes;
mod prepared;
mod privileges;
mod problem;
mod problems;
mod pulled_images;
mod recovery;
mod remote;
mod same;
mod server;
mod stored;
mod support;
mod verify;
mod waits;
mod webhooks;
