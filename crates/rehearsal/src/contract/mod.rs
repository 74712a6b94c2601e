//! The ports' contract suites: one per port, run by tests against the real servers and against the emulators alike.

pub mod incoming;
pub mod outgoing;
