//! Who reads and who writes each secret, as the cloud's own records show it (REQ INV-1): readers are looked for, not assumed away.
//!
//! ```text
//!   records of CloudTrail (read elsewhere) ──► Found, a file in Git, free of values ──► what is not declared ──► plan
//! ```
//!
//! Kept of a record is who, what, whether it was refused, where and when. Addresses, sessions, keys and requests are not.

mod found;
mod principal;
mod undeclared;

pub use found::{Access, FORMAT, Found, InvalidFound, Look, Seen};
pub use principal::{InvalidPrincipal, Principal};
pub use undeclared::{LookedFor, is_declared, undeclared};

#[cfg(test)]
mod tests;
