//! Every bus keeps the rules of buses; those over a server keep them between nodes and through its faults.

mod embedded;
mod servers;
