//! Secrets Manager: what `migrate` emits for it, and the [`Outgoing`](migrate_core::ports::Outgoing) port.
//!
//! ```text
//! Settings ──► SecretsManager (the port) ──► observe  (reads)   ──┐
//!                                        └─► perform  (fence)   ──┴─► attempts ──► client ──► the SDK
//!                                                                     limits, failure
//! emit: pure, no connection
//! modules: pure; what applications read through, in four languages
//! scan: pure; credentials in the text of configuration files
//! trail: pure but for its lookup; who reads and writes, from CloudTrail
//! ```
//!
//! Only `client` names the SDK, and nothing of the SDK appears in a public signature.

mod attempts;
mod client;
mod clock;
pub mod emit;
mod failure;
mod host;
mod limits;
pub mod modules;
mod observe;
mod perform;
pub mod populate;
mod port;
mod principals;
mod regional;
mod retire;
pub mod scan;
mod settings;
pub mod trail;

pub use perform::Created;
pub use port::SecretsManager;
pub use settings::{Credentials, GivenCredentials, Probe, Settings};
