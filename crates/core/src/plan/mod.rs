//! The plan of a wave: what will be handed over, how, what waits and why. Immutable once made, free of values, checked before it is used.
//!
//! ```text
//! candidates (inventory + observed + chosen encodings) ──► build ──► Plan ──► file ──► check ──► CheckedPlan ──► driver
//! ```
//!
//! `build` is pure and never fails: what can't go on is in the plan by name with a typed reason. `check` is a linter over a finished
//! plan; only what passes it can be applied, and only [`CheckedPlan`] proves that it did.

mod build;
mod carried;
mod check;
mod forecast;
mod history;
mod render;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use build::{Candidate, Principals, Setting, Unreadable, build};
pub use carried::{Carried, Left, Misfit};
pub use check::{CheckedPlan, Finding, Terms, check};
pub use forecast::{Forecast, forecast};
pub use history::{PlannedVersion, kept_by, replayed};
pub use render::render;

use crate::{
    codec::Choice,
    handover::{Begun, PlanDigest, judge::Obstacle},
    id::{DeliveryName, LedgerId, WaveName},
    name::{SecretArn, SecretName, VaultPath},
    observed::{Rotation, SourceIdentity, TargetSurvey, VersionMap},
    principals::LookedFor,
    reads::Read,
    writers::PlannedWriters,
};

/// The version of the plan's shape that this build writes and reads.
pub const FORMAT: u32 = 1;

/// A finished plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// [`FORMAT`] of the build that made it.
    pub format: u32,
    /// The wave's name.
    pub wave: WaveName,
    /// The environment of `migrate.toml`.
    pub environment: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// The ledger that the wave will stand in.
    pub ledger: LedgerId,
    /// Who and where we are at the outgoing authority.
    pub outgoing: SourceIdentity,
    /// What the incoming authority is.
    pub incoming: Target,
    /// How the old authority will be fenced.
    pub fence: Fence,
    /// How far readers and writers were looked for; `None` where they are declared and nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_for: Option<LookedFor>,
    /// What is handed over, by name.
    pub members: Vec<PlannedMember>,
    /// What was selected and can't go on, by name.
    pub waiting: Vec<Waiting>,
    /// What it will take.
    pub forecast: Forecast,
}

/// The incoming side of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// Its address.
    pub address: String,
    /// Its namespace, where one is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The KV v2 mount.
    pub mount: String,
    /// Where the anchor lives below the mount.
    pub anchor: VaultPath,
    /// What it said of itself.
    pub survey: TargetSurvey,
    /// Who else may write there, by its policies.
    pub writers: PlannedWriters,
}

/// How secrets are fenced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fence {
    /// What closes a secret.
    #[serde(default)]
    pub mode: FenceMode,
    /// Principals that the Deny does not bind: the migration role, and break-glass.
    pub exempt: Vec<String>,
    /// What IAM said of each of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub existence: BTreeMap<String, Existence>,
    /// How long to wait after the last fence is stored before it is relied on, in seconds.
    pub settle_seconds: u64,
    /// How long to wait after rotation was cancelled until none can be in flight, in seconds; a Lambda function runs for 15 minutes at most.
    pub rotation_wait_seconds: u64,
    /// Whether a principal that is not exempt will try to write and must be refused. Without one, enforcement is assumed after the settle
    /// time and the version maps are compared; the plan says so.
    pub observed_by_probe: bool,
}

/// What makes a secret refuse new values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FenceMode {
    /// A statement of ours in its resource policy.
    #[default]
    ResourcePolicy,
    /// A tag of ours, which a resource control policy of the organisation looks for.
    Tag,
    /// A resource control policy that the organisation applies to a whole prefix; the tool changes nothing.
    External,
}

impl FenceMode {
    /// Whether what the tool stores closes nothing by itself, so that only a probe can say that the fence holds.
    #[must_use]
    pub fn rests_on_organisation(self) -> bool {
        self != Self::ResourcePolicy
    }
}

/// Whether an exempt principal is there, as IAM says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "seen", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Existence {
    /// It is, under exactly this ARN.
    Exists,
    /// Nobody has that name: the fence would exempt nobody by it.
    Absent,
    /// Somebody has that name under another path: the fence would not exempt it.
    Elsewhere {
        /// Its ARN.
        arn: String,
    },
    /// It has wildcards, and was not looked up.
    Pattern,
    /// It could not be looked up.
    NotLookedUp {
        /// Why.
        why: String,
    },
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlannedMember {
    /// Its name in the inventory.
    pub name: SecretName,
    /// Its name at the outgoing authority.
    pub source: SecretName,
    /// Its path at the incoming authority.
    pub path: VaultPath,
    /// Its full ARN.
    pub arn: SecretArn,
    /// Its versions and their labels.
    pub versions: Arc<VersionMap>,
    /// How it is rotated, where rotation is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Rotation>,
    /// How it is laid out, how each read is spelled afterwards, and what that costs.
    pub choice: Choice,
    /// Who reads it.
    pub consumers: Vec<PlannedConsumer>,
    /// What it says about itself, and how much of that is kept beside its copy.
    #[serde(default, skip_serializing_if = "Carried::is_empty")]
    pub carried: Carried,
    /// Older versions that are replayed before the current one, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<PlannedVersion>,
}

/// One consumer and its reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlannedConsumer {
    /// The application.
    pub application: String,
    /// How it gets the secret.
    pub delivery: PlannedDelivery,
}

/// How a consumer gets a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "via", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum PlannedDelivery {
    /// Through the SDK: it will not follow the move, so it blocks the commit (P4).
    Sdk,
    /// Through an ExternalSecret: it is switched after commit.
    ExternalSecret {
        /// Namespace; none for a ClusterExternalSecret.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
        /// Name.
        name: String,
        /// What it reads.
        reads: Vec<Read>,
        /// Names of other secrets that its `find` reaches, which move too and are not in this wave.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        finds_beyond: Vec<SecretName>,
    },
}

/// One selected secret that can't go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// Its name in the inventory.
    pub name: SecretName,
    /// Which step it can't take.
    pub blocks: Blocks,
    /// Why.
    #[serde(flatten)]
    pub obstacle: Obstacle,
}

/// Which step an obstacle stands before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blocks {
    /// The secret can't join a wave at all.
    Begin,
    /// The wave can be copied and verified, but not committed.
    Commit,
}

impl Plan {
    /// The plan as it stands in its file: JSON, indented, deterministic to the byte.
    ///
    /// # Errors
    /// Only where serialisation itself fails, which these types do not.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }

    /// SHA-256 of the plan's canonical form. What `begin` records: a plan edited afterwards is another plan.
    ///
    /// # Errors
    /// Only where serialisation itself fails, which these types do not.
    pub fn digest(&self) -> Result<PlanDigest, serde_json::Error> {
        use std::fmt::Write as _;
        let mut text = String::with_capacity(64);
        for byte in Sha256::digest(serde_json::to_vec(self)?) {
            // Writing into a String can't fail.
            let _ = write!(text, "{byte:02x}");
        }
        Ok(PlanDigest(text.into()))
    }

    /// The members as the `begin` record describes them.
    #[must_use]
    pub fn begun(&self) -> BTreeMap<SecretName, Arc<Begun>> {
        self.members
            .iter()
            .map(|member| {
                let begun = Begun {
                    source: member.source.clone(),
                    path: member.path.clone(),
                    arn: member.arn.clone(),
                    versions: member.versions.clone(),
                    encoding: member.choice.encoding.clone(),
                    rotation: member.rotation.clone(),
                    history: member.history.iter().map(|older| older.version.clone()).collect(),
                };
                (member.name.clone(), Arc::new(begun))
            })
            .collect()
    }
}

impl PlannedMember {
    /// Every declared read, in the order of its consumers.
    #[must_use]
    pub fn reads(&self) -> Vec<Read> {
        self.consumers
            .iter()
            .flat_map(|consumer| match &consumer.delivery {
                PlannedDelivery::Sdk => [].as_slice(),
                PlannedDelivery::ExternalSecret { reads, .. } => reads.as_slice(),
            })
            .cloned()
            .collect()
    }

    /// Applications that read it through the SDK.
    pub fn sdk_applications(&self) -> impl Iterator<Item = &str> {
        self.consumers
            .iter()
            .filter(|consumer| matches!(consumer.delivery, PlannedDelivery::Sdk))
            .map(|consumer| consumer.application.as_str())
    }

    /// The ExternalSecrets whose `find` reaches it.
    pub fn found_by(&self) -> impl Iterator<Item = String> {
        self.consumers.iter().filter_map(|consumer| match &consumer.delivery {
            PlannedDelivery::ExternalSecret { namespace, name, reads, .. }
                if reads.iter().any(|read| matches!(read, Read::Find { .. })) =>
            {
                Some(namespace.as_ref().map_or_else(|| name.clone(), |namespace| format!("{namespace}/{name}")))
            }
            _ => None,
        })
    }

    /// Other secrets that a `find` reaches and that are left out of the wave, each once.
    #[must_use]
    pub fn found_beyond(&self) -> BTreeSet<&SecretName> {
        self.consumers
            .iter()
            .flat_map(|consumer| match &consumer.delivery {
                PlannedDelivery::ExternalSecret { finds_beyond, .. } => finds_beyond.as_slice(),
                PlannedDelivery::Sdk => &[],
            })
            .collect()
    }

    /// The deliveries through which it is read.
    pub fn deliveries(&self) -> impl Iterator<Item = DeliveryName> {
        self.consumers.iter().filter_map(|consumer| match &consumer.delivery {
            PlannedDelivery::Sdk => None,
            PlannedDelivery::ExternalSecret { namespace, name, .. } => {
                Some(DeliveryName::external_secret(namespace.as_deref(), name))
            }
        })
    }
}
