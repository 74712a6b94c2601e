//! What went through, without values.

use super::Operation;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What was asked for.
    pub operation: Operation,
    /// About which secrets, or which path.
    pub subjects: Vec<String>,
    /// The number of the effect, counted from 1, where the request was one and was let through.
    pub effect: Option<u64>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is still on its way, or its client went away first.
    Open,
    /// The upstream answered with this status.
    Answered(u16),
    /// The proxy refused it for its rate.
    Throttled,
    /// The proxy refused it for its size or number.
    Limited,
    /// The proxy refused it because of a resource policy in force.
    Denied,
    /// A fault answered with this status; the upstream never saw it.
    Injected(u16),
    /// The connection was dropped before the upstream saw it.
    DroppedBefore,
    /// The connection was dropped after the upstream answered with this status.
    DroppedAfter(u16),
    /// The upstream could not be reached.
    Unreachable,
}
