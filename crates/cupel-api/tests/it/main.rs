//! Tests of the API with the real store, queue and event bus; the tests act as the worker.

mod access;
mod accounts;
mod app;
mod bad_input;
mod conditional;
mod contests;
mod credentials;
mod dead_letters;
mod document;
mod drafts;
mod edge;
mod events;
mod failures;
mod idempotency;
mod known_results;
mod large;
mod live;
mod membership;
mod pages;
mod problems;
mod rates;
mod session;
mod shapes;
mod snippets;
mod telemetry;
mod wire;
