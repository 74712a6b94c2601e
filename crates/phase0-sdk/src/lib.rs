//! Secrets Manager: what `migrate` emits for it, and the [`Outgoing`](migrate_core::ports::Outgoing) port.
//!
//! ```text
//! Settings ──► SecretsManager (the port) ──► observe  (reads)   ──┐
//!                                        └─► perform  (fence)   ──┴─► attempts ──► client ──► the SDK
//!                                                                     limits, failure
//! emit: pure, no connection
//! ```
//!
//! Only `client` names the SDK, and nothing of the SDK appears in a public signature.

mod attempts;
mod client;
pub mod emit;
mod failure;
mod limits;
mod observe;
mod perform;
mod port;
mod settings;

pub use port::SecretsManager;
pub use settings::{Credentials, GivenCredentials, Settings};
