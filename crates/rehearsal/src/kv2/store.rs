//! What a KV v2 mount holds: entries, versions, their metadata; check-and-set, pruning, deletion.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// Versions kept where neither entry nor mount says otherwise.
const DEFAULT_MAX_VERSIONS: u64 = 10;

/// Settings that mount and entry both have; the mount's are `{mount}/config`.
#[derive(Clone, Debug, Default)]
pub(super) struct Config {
    pub(super) max_versions: u64,
    pub(super) cas_required: bool,
    pub(super) metadata_cas_required: bool,
    pub(super) delete_version_after: SignedDuration,
}

#[derive(Debug, Default)]
pub(super) struct Mount {
    pub(super) config: Config,
    pub(super) entries: BTreeMap<String, Entry>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) config: Config,
    pub(super) custom_metadata: BTreeMap<String, String>,
    pub(super) metadata_version: u64,
    pub(super) current: u64,
    pub(super) oldest: u64,
    pub(super) versions: BTreeMap<u64, Version>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
}

#[derive(Debug)]
pub(super) struct Version {
    /// The re-marshalled data map; gone once destroyed.
    pub(super) data: Option<Zeroizing<String>>,
    pub(super) created: Timestamp,
    pub(super) deletion: Option<Timestamp>,
}

/// Why a write was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum WriteRefused {
    #[error("check-and-set parameter required for this call")]
    CasRequired,
    #[error("check-and-set parameter did not match the current version")]
    CasMismatch,
    #[error("metadata check-and-set parameter required for this call")]
    MetadataCasRequired,
    #[error("metadata check-and-set parameter does not match the current version")]
    MetadataCasMismatch,
    #[error("metadata_cas must be 0 when creating new metadata")]
    MetadataCasWithoutEntry,
}

impl Mount {
    /// Writes a new version.
    pub(super) fn write(
        &mut self,
        path: &str,
        cas: Option<i64>,
        data: Zeroizing<String>,
        now: Timestamp,
    ) -> Result<&Entry, WriteRefused> {
        let existing = self.entries.get(path);
        let cas_required = self.config.cas_required || existing.is_some_and(|entry| entry.config.cas_required);
        let current = existing.map_or(0, |entry| entry.current);
        match cas {
            None if cas_required => return Err(WriteRefused::CasRequired),
            // Deleted and destroyed versions count: only an entry that never held a value takes 0.
            Some(cas) if u64::try_from(cas) != Ok(current) => return Err(WriteRefused::CasMismatch),
            _ => {}
        }
        let mount = self.config.clone();
        let entry = self.entry(path, now);
        let lasting = shorter(mount.delete_version_after, entry.config.delete_version_after);
        let deletion = lasting.and_then(|lasting| now.checked_add(lasting).ok());
        entry.current += 1;
        entry.updated = now;
        entry.versions.insert(entry.current, Version { data: Some(data), created: now, deletion });
        let kept = [entry.config.max_versions, mount.max_versions, DEFAULT_MAX_VERSIONS].into_iter().find(|&kept| kept > 0);
        let oldest = (entry.current + 1).saturating_sub(kept.unwrap_or(DEFAULT_MAX_VERSIONS));
        if oldest > 1 {
            entry.versions = entry.versions.split_off(&oldest);
            entry.oldest = oldest;
        }
        Ok(entry)
    }

    /// Whether metadata may be written by a writer that expects this version of it (OpenBao only).
    pub(super) fn may_write_metadata(&self, path: &str, expected: Option<u64>) -> Result<(), WriteRefused> {
        let entry = self.entries.get(path);
        let is_required = self.config.metadata_cas_required || entry.is_some_and(|entry| entry.config.metadata_cas_required);
        match (expected, entry) {
            (None, _) if is_required => Err(WriteRefused::MetadataCasRequired),
            (Some(1..), None) => Err(WriteRefused::MetadataCasWithoutEntry),
            (Some(expected), Some(entry)) if expected != entry.metadata_version => Err(WriteRefused::MetadataCasMismatch),
            _ => Ok(()),
        }
    }

    /// The entry at a path, made without a version where there is none.
    pub(super) fn entry(&mut self, path: &str, now: Timestamp) -> &mut Entry {
        self.entries.entry(path.to_owned()).or_insert_with(|| Entry {
            config: Config::default(),
            custom_metadata: BTreeMap::new(),
            metadata_version: 0,
            current: 0,
            oldest: 0,
            versions: BTreeMap::new(),
            created: now,
            updated: now,
        })
    }

    /// Marks versions as deleted (`None`: the current one), unless they already are, or are destroyed.
    pub(super) fn delete(&mut self, path: &str, versions: Option<&[u64]>, now: Timestamp) {
        let Some(entry) = self.entries.get_mut(path) else { return };
        let current = [entry.current];
        for number in versions.unwrap_or(&current) {
            if let Some(version) = entry.versions.get_mut(number)
                && version.data.is_some()
                && !version.is_deleted(now)
            {
                version.deletion = Some(now);
            }
        }
    }

    /// Takes deletion marks away.
    pub(super) fn undelete(&mut self, path: &str, versions: &[u64]) {
        let Some(entry) = self.entries.get_mut(path) else { return };
        for number in versions {
            if let Some(version) = entry.versions.get_mut(number).filter(|version| version.data.is_some()) {
                version.deletion = None;
            }
        }
    }

    /// Wipes versions for good.
    pub(super) fn destroy(&mut self, path: &str, versions: &[u64]) {
        let Some(entry) = self.entries.get_mut(path) else { return };
        for number in versions {
            if let Some(version) = entry.versions.get_mut(number) {
                version.data = None;
            }
        }
    }

    /// The names right below a folder; folders end with `/`.
    pub(super) fn list(&self, folder: &str) -> Vec<String> {
        let prefix = if folder.is_empty() || folder.ends_with('/') { folder.to_owned() } else { format!("{folder}/") };
        let mut names: Vec<String> = self
            .entries
            .range(prefix.clone()..)
            .map_while(|(path, _)| path.strip_prefix(&prefix))
            .map(|rest| rest.split_inclusive('/').next().unwrap_or_default().to_owned())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// How long versions last: the shorter of two settings; zero says nothing, less than zero turns it off.
fn shorter(mount: SignedDuration, entry: SignedDuration) -> Option<SignedDuration> {
    if mount.is_negative() || entry.is_negative() {
        return None;
    }
    [mount, entry].into_iter().filter(|lasting| !lasting.is_zero()).min()
}

impl Version {
    pub(super) fn is_deleted(&self, now: Timestamp) -> bool {
        self.deletion.is_some_and(|deletion| deletion <= now)
    }

    fn state(&self) -> Value {
        json!({
            "created_time": stamp(self.created),
            "deletion_time": self.deletion.map(stamp).unwrap_or_default(),
            "destroyed": self.data.is_none(),
        })
    }
}

impl Entry {
    /// None is shown as `null`.
    fn custom_metadata(&self) -> Option<&BTreeMap<String, String>> {
        Some(&self.custom_metadata).filter(|all| !all.is_empty())
    }

    /// The `metadata` of one version, as data reads and writes show it.
    pub(super) fn version_metadata(&self, number: u64) -> Value {
        let mut shown = self.versions.get(&number).map(Version::state).unwrap_or_default();
        shown["custom_metadata"] = json!(self.custom_metadata());
        shown["version"] = number.into();
        shown
    }

    /// The whole entry, as metadata reads show it.
    pub(super) fn metadata(&self) -> Value {
        let versions: serde_json::Map<String, Value> =
            self.versions.iter().map(|(number, version)| (number.to_string(), version.state())).collect();
        json!({
            "cas_required": self.config.cas_required,
            "created_time": stamp(self.created),
            "current_metadata_version": self.metadata_version,
            "current_version": self.current,
            "custom_metadata": self.custom_metadata(),
            "delete_version_after": duration_text(self.config.delete_version_after),
            "max_versions": self.config.max_versions,
            "metadata_cas_required": self.config.metadata_cas_required,
            "oldest_version": self.oldest,
            "updated_time": stamp(self.updated),
            "versions": versions,
        })
    }
}

impl Config {
    /// As `{mount}/config` shows it.
    pub(super) fn shown(&self) -> Value {
        json!({
            "cas_required": self.cas_required,
            "delete_version_after": duration_text(self.delete_version_after),
            "max_versions": self.max_versions,
            "metadata_cas_required": self.metadata_cas_required,
        })
    }
}

/// RFC 3339 with nanoseconds, in UTC.
fn stamp(moment: Timestamp) -> String {
    format!("{moment:.9}")
}

/// Go's `Duration.String()`, for whole seconds.
fn duration_text(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    let sign = if seconds < 0 { "-" } else { "" };
    let (hours, minutes, rest) = (seconds.abs() / 3600, seconds.abs() / 60 % 60, seconds.abs() % 60);
    match (hours, minutes) {
        (0, 0) => format!("{sign}{rest}s"),
        (0, _) => format!("{sign}{minutes}m{rest}s"),
        _ => format!("{sign}{hours}h{minutes}m{rest}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_go_writes_them() {
        for (seconds, text) in [(0, "0s"), (59, "59s"), (61, "1m1s"), (5400, "1h30m0s"), (3600, "1h0m0s"), (-1, "-1s")] {
            assert_eq!(duration_text(SignedDuration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn versions_last_for_the_shorter_of_both_settings() {
        let seconds = SignedDuration::from_secs;
        assert_eq!(shorter(seconds(0), seconds(0)), None);
        assert_eq!(shorter(seconds(5), seconds(0)), Some(seconds(5)));
        assert_eq!(shorter(seconds(5), seconds(3)), Some(seconds(3)));
        assert_eq!(shorter(seconds(-1), seconds(3)), None);
    }
}
