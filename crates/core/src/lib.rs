//! What `migrate` decides. Nothing in this crate acts: no async runtime, no file, no clock, no randomness, no network.
//!
//! ```text
//! inventory + observed ──► plan::build ──► plan::check ──► handover::decide ──► (driver acts through `ports`)
//!                                                               ▲                        │
//!                                              handover::next ◄─┴──── ledger records ◄───┘
//! ```
//!
//! The only `async` here is the declaration of the three [`ports`]; they are implemented by the phase crates and run by
//! the driver.

pub mod aws_policy;
pub mod codec;
pub mod delivery;
pub mod go_duration;
pub mod handover;
pub mod id;
pub mod inventory;
pub mod ledger;
pub mod name;
pub mod observed;
pub mod phase;
pub mod plan;
pub mod ports;
pub mod principals;
pub mod quota;
pub mod reads;
pub mod value;
pub mod writers;
pub mod yaml;
