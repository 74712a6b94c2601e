//! What was seen in the stores: metadata only, never a value. Absent, unknown and unreadable are different answers.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    id::{Epoch, LedgerId, SourceVersion, TargetVersion, WaveName},
    name::{SecretArn, SecretName},
    ports::PortError,
};

/// What one look at one thing gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sighting<T> {
    /// It is there.
    Present(T),
    /// The store answered that there is no such thing.
    Absent,
    /// The look failed, so nothing is known: neither presence nor absence may be assumed.
    Unknown(PortError),
    /// It may be there, but these credentials may not look.
    Unreadable(PortError),
}

impl<T> Sighting<T> {
    /// The thing, where it was seen.
    pub fn present(self) -> Option<T> {
        match self {
            Self::Present(thing) => Some(thing),
            _ => None,
        }
    }

    /// The same sighting, by reference.
    pub fn as_ref(&self) -> Sighting<&T> {
        match self {
            Self::Present(thing) => Sighting::Present(thing),
            Self::Absent => Sighting::Absent,
            Self::Unknown(error) => Sighting::Unknown(error.clone()),
            Self::Unreadable(error) => Sighting::Unreadable(error.clone()),
        }
    }
}

/// The versions of a secret and their staging labels (`VersionIdsToStages` of DescribeSecret).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VersionMap(pub BTreeMap<SourceVersion, BTreeSet<String>>);

impl VersionMap {
    /// The version labelled `AWSCURRENT`.
    #[must_use]
    pub fn current(&self) -> Option<&SourceVersion> {
        self.labelled("AWSCURRENT")
    }

    /// The version labelled `AWSPENDING`, which a rotation in flight leaves behind.
    #[must_use]
    pub fn pending(&self) -> Option<&SourceVersion> {
        self.labelled("AWSPENDING")
    }

    fn labelled(&self, label: &str) -> Option<&SourceVersion> {
        self.0.iter().find(|(_, labels)| labels.contains(label)).map(|(version, _)| version)
    }
}

/// One version that bears a label, as ListSecretVersionIds shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledVersion {
    /// Its id.
    pub version: SourceVersion,
    /// Its labels.
    pub labels: BTreeSet<String>,
    /// `CreatedDate`.
    pub created_at: Timestamp,
}

/// A line of ListSecrets: enough to build an inventory, up to five minutes behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSecret {
    /// The secret's name.
    pub name: SecretName,
    /// Its full ARN, with the six random characters.
    pub arn: SecretArn,
    /// `Description`, where there is one.
    pub description: Option<String>,
    /// `Tags`.
    pub tags: BTreeMap<String, String>,
    /// `RotationEnabled`.
    pub rotation_enabled: bool,
    /// `OwningService`: a service such as RDS manages it; it never joins a wave.
    pub owning_service: Option<String>,
    /// `DeletedDate`: scheduled for deletion.
    pub deleted_at: Option<Timestamp>,
}

/// One secret as DescribeSecret shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceSecret {
    /// The full ARN; a deleted and recreated secret of the same name has another one.
    pub arn: SecretArn,
    /// Versions and their labels.
    pub versions: VersionMap,
    /// `RotationEnabled`.
    pub rotation_enabled: bool,
    /// How it is, or was, rotated; stays after rotation was cancelled.
    pub rotation: Option<Rotation>,
    /// `OwningService`.
    pub owning_service: Option<String>,
    /// `Type`: the partner that holds it, where it is a managed external secret.
    pub partner: Option<String>,
    /// `DeletedDate`.
    pub deleted_at: Option<Timestamp>,
    /// Regions of `ReplicationStatus`.
    pub replica_regions: Vec<String>,
    /// `PrimaryRegion`, where this is a replica.
    pub primary_region: Option<String>,
    /// `Description`, where there is one.
    pub description: Option<String>,
    /// `KmsKeyId`; none where the account's own key `aws/secretsmanager` is used.
    pub kms_key_id: Option<String>,
    /// `Tags`; a value may be empty.
    pub tags: BTreeMap<String, String>,
    /// `LastAccessedDate`: a day, in this region alone, and our own reads count.
    pub last_accessed: Option<Timestamp>,
}

impl SourceSecret {
    /// A secret of which nothing but these is worth telling.
    #[must_use]
    pub fn plain(arn: SecretArn, versions: VersionMap) -> Self {
        Self {
            arn,
            versions,
            rotation_enabled: false,
            rotation: None,
            owning_service: None,
            partner: None,
            deleted_at: None,
            replica_regions: Vec::new(),
            primary_region: None,
            description: None,
            kms_key_id: None,
            tags: BTreeMap::new(),
            last_accessed: None,
        }
    }
}

/// When a secret was last read in one region, by `LastAccessedDate`: a day; reads of our own count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LastAccess {
    /// The region.
    pub region: String,
    /// The day, at its first moment; none where it was never read there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<Timestamp>,
}

/// How a secret is rotated: what RotateSecret needs to turn it on again just as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rotation {
    /// `RotationLambdaARN`; none where a service rotates the secret itself (managed rotation).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lambda_arn: Option<String>,
    /// `RotationRules.AutomaticallyAfterDays`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_days: Option<i64>,
    /// `RotationRules.Duration`, such as `3h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    /// `RotationRules.ScheduleExpression`, such as `cron(0 16 1 * ? *)`. AWS shows days or a schedule, not both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
}

/// Who signs a wave's fences and copies: put into every effect that can carry it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// The ledger that the wave stands in.
    pub ledger: LedgerId,
    /// The wave.
    pub wave: WaveName,
    /// The term of the run that made the effect.
    pub epoch: Epoch,
}

/// What stands in the way of writing to one secret at the outgoing authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FenceSeen {
    /// No statement of ours.
    Open,
    /// No statement of ours, and none can be merged into the policy as it is.
    Unfenceable {
        /// Why, without values.
        why: String,
    },
    /// Our statement stands, complete, made under this mark.
    Ours(Mark),
    /// Something else than the tool closes it, and a probe was refused just now: nothing of ours to see or to take away.
    Outside,
    /// A statement with our Sid stands, but it is not the one that we write: somebody changed it.
    Altered {
        /// What differs, in a few words, without values.
        what: String,
    },
}

/// What stands in the way of reading one secret at the outgoing authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealSeen {
    /// Nothing of ours.
    Open,
    /// Our seal stands, complete, made under this mark.
    Ours(Mark),
    /// Something else than the tool closes secrets here; whether it closes this one to readers is not to be seen.
    Outside,
    /// Something that looks like our seal stands, but it is not the one that we write: somebody changed it.
    Altered {
        /// What differs, in a few words, without values.
        what: String,
    },
}

/// What a principal that is not exempt met when it tried to write to a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Felt {
    /// It was let through to the point where only its request was wrong: the secret takes new values.
    Accepted,
    /// `AccessDeniedException`.
    Refused,
}

/// What KV v2 holds at one path, by its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetEntry {
    /// `current_version`; `None` where only metadata exists.
    pub current_version: Option<TargetVersion>,
    /// Versions that are deleted or destroyed.
    pub gone_versions: BTreeSet<TargetVersion>,
    /// The mark in `custom_metadata`, where it is complete.
    pub mark: Option<Mark>,
    /// All of `custom_metadata`.
    pub custom_metadata: BTreeMap<String, String>,
    /// `delete_version_after` of the entry, in seconds; must be 0.
    pub delete_version_after_seconds: u64,
}

/// What the incoming store is and how its mount is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetSurvey {
    /// `Vault` or `OpenBao`, as far as it says.
    pub product: String,
    /// Its version.
    pub version: String,
    /// Cluster or node identity, so that two environments with one ledger are told apart.
    pub cluster_id: Option<String>,
    /// The mount is KV and its version is 2.
    pub is_kv2: bool,
    /// `delete_version_after` of the mount, in seconds; must be 0.
    pub delete_version_after_seconds: u64,
    /// `cas_required` of the mount.
    pub cas_required: bool,
    /// `max_versions` of the mount; 0 means the default of 10.
    pub max_versions: u64,
}

/// Who we are at the outgoing authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceIdentity {
    /// AWS account id.
    pub account: String,
    /// Region.
    pub region: String,
    /// ARN of the caller as STS says it (an assumed role reads `arn:…:sts::…:assumed-role/Role/session`).
    pub caller_arn: String,
}
