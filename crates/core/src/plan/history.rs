//! Which older versions of a secret are replayed at the incoming authority, in which order. Pure.
//!
//! Only versions that bear a label can be: AWS may delete one without labels at any time
//! (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html>). A version that is only AWSPENDING is a rotation's, and
//! was never current.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    codec::Choice,
    id::SourceVersion,
    observed::{LabelledVersion, VersionMap},
    quota,
};

/// One older version in a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlannedVersion {
    /// Its id at the outgoing authority.
    pub version: SourceVersion,
    /// Its labels when planned.
    pub labels: BTreeSet<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// How it is laid out; nobody declared a read of it.
    pub choice: Choice,
}

/// The versions to replay before the current one, oldest first, at most the `most` newest of them.
#[must_use]
pub fn replayed(versions: &VersionMap, seen: &[LabelledVersion], most: usize) -> Vec<LabelledVersion> {
    let current = versions.current();
    let was_current = |version: &&LabelledVersion| {
        Some(&version.version) != current && version.labels.iter().any(|label| label != "AWSPENDING")
    };
    let mut older: Vec<LabelledVersion> = seen.iter().filter(was_current).cloned().collect();
    // Two of one instant: the one that was current last is the newer one.
    older.sort_by_key(|version| (version.created_at, version.labels.contains("AWSPREVIOUS"), version.version.clone()));
    older.split_off(older.len().saturating_sub(most))
}

/// How many versions of an entry a mount keeps; 0 means the server's default.
#[must_use]
pub fn kept_by(max_versions: u64) -> u64 {
    if max_versions == 0 { quota::KV_DEFAULT_MAX_VERSIONS } else { max_versions }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn version(id: &str, second: i64, labels: &[&str]) -> LabelledVersion {
        LabelledVersion {
            version: SourceVersion::new(id),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            created_at: Timestamp::from_second(second).unwrap(),
        }
    }

    #[test]
    fn older_versions_come_by_age_and_the_newest_are_kept() {
        let seen = [
            version("c", 9, &["AWSCURRENT"]),
            version("p", 7, &["AWSPREVIOUS"]),
            version("q", 7, &["kept"]),
            version("o", 1, &["before-2020"]),
            version("x", 10, &["AWSPENDING"]),
            version("y", 5, &["AWSPENDING", "kept"]),
        ];
        let map = VersionMap(BTreeMap::from([(SourceVersion::new("c"), BTreeSet::from(["AWSCURRENT".to_owned()]))]));
        let ids = |most| replayed(&map, &seen, most).iter().map(|version| version.version.to_string()).collect::<Vec<_>>();
        assert_eq!(ids(9), ["o", "y", "q", "p"]);
        assert_eq!(ids(2), ["q", "p"]);
        assert_eq!(ids(0), [""; 0]);
        assert_eq!((kept_by(0), kept_by(3)), (10, 3));
    }
}
