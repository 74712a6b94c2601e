//! The ledger: record shapes by version, hash chain, anchor, replay. No file access.

use serde::{Deserialize, Serialize};

use crate::id::{Epoch, LedgerId};

/// The head that counts: kept by check-and-set in the incoming store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Anchor {
    /// Which ledger.
    pub ledger: LedgerId,
    /// Its epoch at that record.
    pub epoch: Epoch,
    /// Sequence number of the decisive record.
    pub sequence: u64,
    /// Hash of that record's line, lower-case hex of SHA-256.
    pub hash: String,
}
