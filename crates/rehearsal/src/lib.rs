//! A world to practise in: emulated stores on loopback, and a proxy in front of them with the limits that clouds have.
//!
//! ```text
//! client ──► proxy (quotas, limits, faults, felt fences, effect counting, journal) ──► secrets_manager | kv2 | a real server
//! ```
//!
//! Everything here speaks through real sockets, so that what is tested or rehearsed is the production client. The emulators
//! are held to the real servers by the contract suites in [`contract`], which run against both. Values in here are made up
//! ([`seed`]); they are still kept in memory that is wiped, and never printed.

pub mod contract;
pub mod felt;
mod http;
pub mod kv2;
pub mod proxy;
pub mod secrets_manager;
pub mod seed;
pub mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

/// Where emulators get the time from: injected, so that a test's clock can tick as it likes.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Locks, also after a panic elsewhere: the tests that panicked have already failed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
