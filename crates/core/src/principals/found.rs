//! What was found, and the file that keeps it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Principal;
use crate::name::SecretName;

/// The version of the file's shape that this build writes and reads.
pub const FORMAT: u32 = 1;

/// What a principal does with a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// It reads the value.
    Reads,
    /// It does what a fence denies, or creates the secret.
    Writes,
}

/// One principal's access to one secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Seen {
    /// Who.
    pub principal: Principal,
    /// What.
    pub access: Access,
    /// Records of calls that were done; 0 where every one was refused.
    pub done: u64,
    /// Records of calls that were refused: attempts, whose principal got nothing.
    #[serde(default, skip_serializing_if = "is_none")]
    pub refused: u64,
    /// When, the last time: of those that were done where one was.
    pub last: Timestamp,
    /// In which regions.
    pub regions: BTreeSet<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape of `skip_serializing_if`")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// One look: where, when, and how complete it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Look {
    /// When it was made.
    pub at: Timestamp,
    /// Where: files, or LookupEvents with its region.
    pub source: String,
    /// The first record's time; none where there was no record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// The last record's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Records of Secrets Manager that were read.
    pub records: u64,
    /// Records that could not be read or understood: what they hold is not known.
    #[serde(default, skip_serializing_if = "is_none")]
    pub unreadable: u64,
}

/// Everything found so far, by the secrets' names in Secrets Manager. Free of values, and meant for Git.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Found {
    /// [`FORMAT`] of the build that wrote it.
    pub format: u32,
    /// The looks, oldest first.
    pub looks: Vec<Look>,
    /// Who, for each secret; sorted.
    pub secrets: BTreeMap<SecretName, Vec<Seen>>,
}

/// Why a text is none of these files.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFound {
    /// Another build's.
    #[error("it has format {found}, this build reads {FORMAT}")]
    Format {
        /// Its format.
        found: u32,
    },
    /// No such file at all.
    #[error("it is not what `migrate inventory principals` writes: {why}")]
    Text {
        /// Why, and where.
        why: String,
    },
}

impl Default for Found {
    fn default() -> Self {
        Self { format: FORMAT, looks: Vec::new(), secrets: BTreeMap::new() }
    }
}

impl Found {
    /// Parses the file.
    ///
    /// # Errors
    /// [`InvalidFound`].
    pub fn parse(text: &str) -> Result<Self, InvalidFound> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let invalid = |error: &serde_json::Error| InvalidFound::Text { why: error.to_string() };
        let Format { format } = serde_json::from_str(text).map_err(|error| invalid(&error))?;
        if format != FORMAT {
            return Err(InvalidFound::Format { found: format });
        }
        serde_json::from_str(text).map_err(|error| invalid(&error))
    }

    /// The file's text: JSON, indented, deterministic to the byte.
    ///
    /// # Errors
    /// Only where serialisation itself fails, which these types do not.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Takes a later look in. Two looks may have read the same records, so counts are not added: the larger one stays.
    pub fn take(&mut self, later: Self) {
        // The same look again takes the place of the one before.
        self.looks.retain(|look| later.looks.iter().all(|again| again.source != look.source));
        self.looks.extend(later.looks);
        self.looks.sort();
        for (secret, seen) in later.secrets {
            let kept = self.secrets.entry(secret).or_default();
            for seen in seen {
                match kept.iter_mut().find(|kept| kept.principal == seen.principal && kept.access == seen.access) {
                    Some(kept) => kept.take(seen),
                    None => kept.push(seen),
                }
            }
            kept.sort();
        }
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let access = match self.access {
            Access::Reads => "reads",
            Access::Writes => "writes",
        };
        write!(f, "{} ({access})", self.principal)
    }
}

impl Seen {
    fn take(&mut self, later: Self) {
        self.last = match (self.done > 0, later.done > 0) {
            (true, false) => self.last,
            (false, true) => later.last,
            _ => self.last.max(later.last),
        };
        self.done = self.done.max(later.done);
        self.refused = self.refused.max(later.refused);
        self.regions.extend(later.regions);
    }
}
