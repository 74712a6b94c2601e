//! Who reads and writes secrets, from CloudTrail: files as it delivers them to S3, what `aws cloudtrail lookup-events` printed, and
//! LookupEvents itself.
//!
//! ```text
//!  bytes ──► document (records, one by one) ──► record (what, who, when) ──► gather (which of our secrets) ──► Found
//!  lookup ─────────────────────────────────────►
//! ```
//!
//! All but `lookup` is pure. CloudTrail holds addresses, sessions, keys and requests; nothing of these is ever read into a field here.
//! Secrets Manager logs every call as a management event
//! (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/cloudtrail_log_entries.html>).

mod document;
mod gather;
mod lookup;
mod record;
#[cfg(test)]
mod tests;

pub use document::{Fault, FaultKind};
pub use gather::{Gather, Gathered};
pub use lookup::{LOOKUP_DAYS, Trail};
