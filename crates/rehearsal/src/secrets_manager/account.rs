//! What an account in a region holds, and how a secret is found in it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use migrate_core::value::SecretValue;

use super::wire::AwsError;
use crate::felt::FeltPolicies;

pub(super) const CURRENT: &str = "AWSCURRENT";
pub(super) const PREVIOUS: &str = "AWSPREVIOUS";
pub(super) const PENDING: &str = "AWSPENDING";

/// One account in one region.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) id: String,
    pub(super) region: String,
    pub(super) secrets: BTreeMap<String, Secret>,
    pub(super) felt: FeltPolicies,
    pub(super) random: fastrand::Rng,
    /// The time of the request being answered.
    pub(super) now: Timestamp,
}

#[derive(Debug)]
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) description: Option<String>,
    pub(super) kms_key_id: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) versions: BTreeMap<String, Version>,
    pub(super) policy: Option<String>,
    pub(super) rotation: Option<Rotation>,
    pub(super) owning_service: Option<String>,
    pub(super) replica_regions: Vec<String>,
    pub(super) created: Timestamp,
    pub(super) changed: Timestamp,
    pub(super) accessed: Option<Timestamp>,
    /// Scheduled for deletion, to happen then.
    pub(super) deleted: Option<Timestamp>,
}

#[derive(Debug)]
pub(super) struct Version {
    /// Absent in a version that a rotation has announced and not yet filled.
    pub(super) value: Option<SecretValue>,
    pub(super) stages: BTreeSet<String>,
    pub(super) created: Timestamp,
    pub(super) accessed: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub(super) struct Rotation {
    pub(super) enabled: bool,
    pub(super) lambda_arn: String,
    pub(super) rules: BTreeMap<String, serde_json::Value>,
}

impl Account {
    /// The name behind a `SecretId`: a name, a full ARN, or an ARN without its random suffix.
    pub(super) fn resolve(&self, secret_id: &str) -> Result<String, AwsError> {
        let found = match secret_id.strip_prefix("arn:") {
            None => self.secrets.get(secret_id),
            Some(_) => {
                let prefix = self.arn("");
                let rest = secret_id.strip_prefix(&prefix).ok_or_else(AwsError::not_found)?;
                let by_full_arn =
                    rest.len().checked_sub(7).and_then(|end| rest.get(..end)).and_then(|name| self.secrets.get(name));
                by_full_arn.filter(|secret| secret.arn == secret_id).or_else(|| self.secrets.get(rest))
            }
        };
        found.map(|secret| secret.name.clone()).ok_or_else(AwsError::not_found)
    }

    /// The secret behind a `SecretId`, deleted or not.
    pub(super) fn any(&mut self, secret_id: &str) -> Result<&mut Secret, AwsError> {
        let name = self.resolve(secret_id)?;
        self.secrets.get_mut(&name).ok_or_else(AwsError::not_found)
    }

    /// The secret behind a `SecretId`, where it is not scheduled for deletion.
    pub(super) fn live(&mut self, secret_id: &str) -> Result<&mut Secret, AwsError> {
        let secret = self.any(secret_id)?;
        match secret.deleted {
            None => Ok(secret),
            Some(_) => Err(AwsError::invalid_request(
                "You can't perform this operation on the secret because it was marked for deletion.",
            )),
        }
    }

    /// Removes what was scheduled for deletion and is due.
    pub(super) fn purge(&mut self) {
        let now = self.now;
        let due: Vec<String> =
            self.secrets.values().filter(|secret| secret.deleted.is_some_and(|due| due <= now)).map(|s| s.name.clone()).collect();
        for name in due {
            self.remove(&name);
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.secrets.remove(name);
        self.felt.forget(name);
    }

    /// An ARN in this account and region.
    pub(super) fn arn(&self, resource: &str) -> String {
        format!("arn:aws:secretsmanager:{}:{}:secret:{resource}", self.region, self.id)
    }

    /// A new ARN for `name`: with six random characters, so that a secret made anew is told from the one before.
    pub(super) fn new_arn(&mut self, name: &str) -> String {
        let suffix: String = (0..6).map(|_| self.random.alphanumeric()).collect();
        self.arn(&format!("{name}-{suffix}"))
    }

    /// A random UUID, version 4.
    pub(super) fn uuid(&mut self) -> String {
        uuid(&mut self.random)
    }
}

pub(crate) fn uuid(random: &mut fastrand::Rng) -> String {
    let bits = (random.u128(..) & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Dates of access are kept by day.
pub(super) fn day_of(moment: Timestamp) -> Timestamp {
    let seconds = moment.as_second();
    Timestamp::from_second(seconds - seconds.rem_euclid(86_400)).unwrap_or(moment)
}

pub(super) fn days_after(moment: Timestamp, days: u32) -> Timestamp {
    moment.checked_add(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MAX)
}

impl Secret {
    /// The version that bears a label.
    pub(super) fn labelled(&self, stage: &str) -> Option<&str> {
        self.versions.iter().find(|(_, version)| version.stages.contains(stage)).map(|(id, _)| id.as_str())
    }

    /// Moves a label to `to`, taking it from wherever it was. `AWSCURRENT` leaves `AWSPREVIOUS` behind.
    pub(super) fn move_label(&mut self, stage: &str, to: &str) {
        let from = self.labelled(stage).map(str::to_owned);
        if from.as_deref() == Some(to) {
            return;
        }
        if let Some(version) = from.as_ref().and_then(|from| self.versions.get_mut(from)) {
            version.stages.remove(stage);
        }
        if let Some(version) = self.versions.get_mut(to) {
            version.stages.insert(stage.to_owned());
        }
        if stage == CURRENT
            && let Some(from) = from
        {
            self.move_label(PREVIOUS, &from);
            if let Some(version) = self.versions.get_mut(to) {
                version.stages.remove(PREVIOUS);
            }
        }
    }

    /// Adds a version with the given labels; the first version is always current.
    pub(super) fn add_version(&mut self, id: &str, value: Option<SecretValue>, stages: &[String], now: Timestamp) {
        let is_first = self.versions.is_empty();
        let version = Version { value: None, stages: BTreeSet::new(), created: now, accessed: None };
        self.versions.entry(id.to_owned()).or_insert(version).value = value;
        for stage in stages {
            self.move_label(stage, id);
        }
        if is_first {
            self.move_label(CURRENT, id);
        }
        self.changed = now;
    }

    /// `VersionIdsToStages`: versions without a label are deprecated and not shown.
    pub(super) fn version_map(&self) -> BTreeMap<&str, &BTreeSet<String>> {
        self.versions
            .iter()
            .filter(|(_, version)| !version.stages.is_empty())
            .map(|(id, version)| (id.as_str(), &version.stages))
            .collect()
    }
}
