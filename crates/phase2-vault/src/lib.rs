//! Vault and OpenBao as the system that receives authority: what is emitted for them, and the [`Incoming`] port over KV v2.
//!
//! ```text
//! settings ──► Vault ──► observe (looks)  ─┐
//!                    └─► perform (effects) ├─► client ──► HTTP API     the only file that knows an HTTP library
//!                                          │     │
//!                          wire (bodies)  ─┘     ├─ judge   (status and text → typed failure)
//!                                                └─ index   (read what was written, also through a standby)
//! writers (reads policies) ──► acl (what each lets write, as the server judges)
//! emit ──► policies, script, Terraform                                 pure
//!   └────► check ◄── inspect (looks at policies, roles, mounts)         what was described against what is there
//! ```
//!
//! Not here: what to write (the codec's business), in which order (the protocol's), and how often at once across ports (the driver's).
//!
//! [`Incoming`]: migrate_core::ports::Incoming

mod acl;
pub mod check;
mod client;
mod connect;
pub mod emit;
mod index;
mod inspect;
mod judge;
mod list;
pub mod mark;
mod observe;
mod perform;
mod settings;
mod vault;
mod wire;
mod writers;

pub use connect::ConnectError;
pub use settings::{ClientCertificate, EnvironmentError, Settings, Trust};
pub use vault::Vault;
