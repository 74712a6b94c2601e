//! The ledger: record shapes, hash chain, anchor. What it holds is decided by [`crate::handover`]; no file access here.
//!
//! One JSON object a line, append-only. Each record carries the hash of the line before it, byte for byte, so that a changed, cut-out or
//! re-ordered line breaks the chain. The [`Anchor`] names the last *decisive* record and lives in the incoming store.
//!
//! ```text
//! bytes ──► chain::Chain::read ──► records + heads ──► handover::replay ──► state
//!                                     └──► anchor::judge (with what the incoming store says)
//!                                           └──► shared::judge_shared (with what the remote of a shared ledger says, too)
//! ```

mod anchor;
mod chain;
mod shared;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use anchor::{Anchor, Standing, judge};
pub use chain::{Broken, Chain, Head, Tail};
pub use shared::{Follow, Heads, PushEnd, Pushed, SharedStanding, Shown, align, judge_push, judge_shared};

use crate::{handover::Event, id::Epoch};

/// The version of the record shape that this build writes and reads.
pub const FORMAT: u32 = 1;

/// SHA-256 of one line of the ledger, without its line feed. A ledger holds no value, so nothing here derives from one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordHash(pub [u8; 32]);

impl RecordHash {
    /// What the first record names as the one before it.
    pub const NONE: Self = Self([0; 32]);

    /// The hash of a line.
    #[must_use]
    pub fn of(line: &[u8]) -> Self {
        Self(Sha256::digest(line).into())
    }

    /// Parses 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0u8; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for RecordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RecordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for RecordHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RecordHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a SHA-256 in hexadecimal"))
    }
}

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    /// [`FORMAT`] of the build that wrote it.
    pub format: u32,
    /// 0, 1, 2, …
    pub sequence: u64,
    /// Hash of the line before; [`RecordHash::NONE`] for the first.
    pub previous: RecordHash,
    /// When it was written, UTC, by the writer's clock.
    pub at: Timestamp,
    /// Who ran the tool (`user@host`).
    pub operator: String,
    /// The term of the run that wrote it.
    pub epoch: Epoch,
    /// What happened.
    pub event: Event,
}

impl Record {
    /// The record as a line, without its line feed.
    ///
    /// # Errors
    /// Only where serialisation itself fails, which these types do not.
    pub fn to_line(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}
