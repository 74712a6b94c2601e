//! One secret of the inventory. These types are the file format: the parser reads them, the emitter writes them, the JSON Schema is made
//! of them, and their doc comments are what an editor shows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    content::{Accessor, Content},
    external_secret::ExternalSecretId,
    prose::Prose,
};
use crate::{
    name::{
        SecretName, VaultPath,
        kubernetes::{KubernetesName, Namespace},
    },
    principals::Principal,
    reads::Read,
};

/// Version of the file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The first.
    #[serde(rename = "migrate/v1")]
    V1,
}

/// One secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Secret {
    /// The name in Vault, and in Secrets Manager where `legacyName` says nothing else: platform-data/{datasource}/{consumer}
    /// for secrets, platform-config/{datasource}/{instance} for configuration.
    pub name: SecretName,
    /// The name in Secrets Manager today, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legacy_name: Option<SecretName>,
    /// Why `name` does not keep the convention. Only then may it break it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_exception: Option<Prose>,
    /// What the secret is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Prose>,
    /// The team or person who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Prose>,
    /// A secret, or configuration that is not confidential.
    pub category: Category,
    /// Where in the life of the platform it belongs.
    pub class: Class,
    /// Whether it moves to Vault: `moves`, or `stays` with the reason.
    pub disposition: Disposition,
    /// What the value is: `text`, `binary`, or the `properties` of a JSON object. Typed modules are made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// The applications that read it, each with how it does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consumers: Vec<Consumer>,
    /// Who may change its value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writers: Vec<Writer>,
    /// The principals of AWS that are known to read or write it. Others that CloudTrail shows block its commit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub principals: Vec<KnownPrincipal>,
    /// Whether and how it is rotated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Rotation>,
    /// How the value is laid out in Vault, once that is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<RecordedEncoding>,
    /// How it first came into Secrets Manager, where `migrate populate` put it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Anything else worth knowing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<Prose>,
}

/// How a secret first came into Secrets Manager (REQ INV-6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Origin {
    /// When.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: jiff::Timestamp,
    /// Who put it there.
    pub by: Prose,
    /// From which file, and under which keys.
    pub from: Prose,
}

/// What a secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Category {
    /// Confidential; under platform-data/.
    Data,
    /// Not confidential; under platform-config/.
    Configuration,
}

/// Where in the life of the platform a secret belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Class {
    /// Owned and rotated by the runtime authority.
    Runtime,
    /// Needed before the runtime authority exists; encrypted in Git.
    Bootstrap,
    /// Made in the cluster by an operator and published to Vault.
    Internal,
}

/// Whether a secret moves to Vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Disposition {
    /// It moves.
    Moves,
    /// It stays in Secrets Manager, for this reason.
    Stays(Prose),
}

/// An application that reads the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "DeclaredConsumer", into = "DeclaredConsumer")]
pub struct Consumer {
    /// The application.
    pub application: Prose,
    /// What its typed module calls the secret, where that is not made of the name.
    pub accessor: Option<Accessor>,
    /// How it reads.
    pub means: ConsumerMeans,
}

/// How a consumer reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsumerMeans {
    /// By calling Secrets Manager itself.
    Sdk(Sdk),
    /// Through an ExternalSecret or a ClusterExternalSecret.
    ExternalSecret(ExternalSecret),
}

/// An application that reads the secret, through exactly one of `sdk`, `externalSecret` and `clusterExternalSecret`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, rename = "Consumer")]
#[schemars(extend("oneOf" = [{ "required": ["sdk"] }, { "required": ["externalSecret"] }, { "required": ["clusterExternalSecret"] }]))]
struct DeclaredConsumer {
    /// The application.
    application: Prose,
    /// What its typed module calls the secret, where that is not made of the name: lower case words with hyphens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accessor: Option<Accessor>,
    /// It calls Secrets Manager itself, through the SDK module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Sdk")]
    sdk: Option<Sdk>,
    /// It mounts a Kubernetes Secret that External Secrets Operator materializes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ByExternalSecret")]
    external_secret: Option<ByExternalSecret>,
    /// It mounts Kubernetes Secrets that a ClusterExternalSecret makes in several namespaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ByClusterExternalSecret")]
    cluster_external_secret: Option<ByClusterExternalSecret>,
}

/// A consumer that reads through an ExternalSecret.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, rename = "ExternalSecret")]
struct ByExternalSecret {
    /// Its namespace.
    namespace: Namespace,
    /// Its name.
    name: KubernetesName,
    /// What it reads of this secret.
    #[schemars(length(min = 1))]
    reads: Vec<Read>,
}

/// A consumer that reads through a ClusterExternalSecret.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, rename = "ClusterExternalSecret")]
struct ByClusterExternalSecret {
    /// Its name.
    name: KubernetesName,
    /// What it reads of this secret.
    #[schemars(length(min = 1))]
    reads: Vec<Read>,
}

/// Why a declared consumer is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum InvalidConsumer {
    #[error(
        "a consumer reads through exactly one of `sdk`, `externalSecret` and `clusterExternalSecret`; make them several consumers"
    )]
    SeveralMeans,
    #[error("a consumer reads through `sdk`, `externalSecret` or `clusterExternalSecret`; add the one that it uses")]
    NoMeans,
}

impl TryFrom<DeclaredConsumer> for Consumer {
    type Error = InvalidConsumer;

    fn try_from(declared: DeclaredConsumer) -> Result<Self, InvalidConsumer> {
        let DeclaredConsumer { application, accessor, sdk, external_secret, cluster_external_secret } = declared;
        let means = match (sdk, external_secret, cluster_external_secret) {
            (Some(sdk), None, None) => ConsumerMeans::Sdk(sdk),
            (None, Some(ByExternalSecret { namespace, name, reads }), None) => {
                ConsumerMeans::ExternalSecret(ExternalSecret { id: ExternalSecretId::Namespaced { namespace, name }, reads })
            }
            (None, None, Some(ByClusterExternalSecret { name, reads })) => {
                ConsumerMeans::ExternalSecret(ExternalSecret { id: ExternalSecretId::Cluster { name }, reads })
            }
            (None, None, None) => return Err(InvalidConsumer::NoMeans),
            _ => return Err(InvalidConsumer::SeveralMeans),
        };
        Ok(Self { application, accessor, means })
    }
}

impl From<Consumer> for DeclaredConsumer {
    fn from(Consumer { application, accessor, means }: Consumer) -> Self {
        let mut declared = Self { application, accessor, sdk: None, external_secret: None, cluster_external_secret: None };
        match means {
            ConsumerMeans::Sdk(sdk) => declared.sdk = Some(sdk),
            ConsumerMeans::ExternalSecret(ExternalSecret { id, reads }) => match id {
                ExternalSecretId::Namespaced { namespace, name } => {
                    declared.external_secret = Some(ByExternalSecret { namespace, name, reads });
                }
                ExternalSecretId::Cluster { name } => {
                    declared.cluster_external_secret = Some(ByClusterExternalSecret { name, reads });
                }
            },
        }
        declared
    }
}

/// A consumer that calls Secrets Manager itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sdk {
    /// The programming language, as in `python` or `java`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Prose>,
}

/// A consumer that reads through an ExternalSecret or a ClusterExternalSecret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalSecret {
    /// Which one.
    pub id: ExternalSecretId,
    /// What it reads of this secret.
    pub reads: Vec<Read>,
}

/// Who may change the value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Writer {
    /// A person or team, by hand.
    People(Prose),
    /// A rotation function.
    Rotation(Prose),
    /// Terraform code: where it lies.
    Terraform(Prose),
    /// A PushSecret in a cluster.
    PushSecret(PushSecret),
}

/// A principal of AWS and what it does: a role with its path, a user, a service, or an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum KnownPrincipal {
    /// It reads the value.
    Reads(Principal),
    /// It changes the secret, or creates it.
    Writes(Principal),
}

/// A PushSecret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PushSecret {
    /// Its namespace.
    pub namespace: Namespace,
    /// Its name.
    pub name: KubernetesName,
}

/// Whether and how a secret is rotated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rotation {
    /// Whether rotation is switched on.
    pub enabled: bool,
    /// How, how often, by whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<Prose>,
}

/// How the value is laid out in Vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum RecordedEncoding {
    /// One property holds the exact text.
    Text {
        /// The property.
        property: Prose,
    },
    /// One property holds the base64 of the exact bytes.
    Binary {
        /// The property.
        property: Prose,
    },
    /// A JSON object as a map of strings.
    Fields {
        /// The property that holds the exact text too, where a whole read needs it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        whole: Option<Prose>,
    },
}

impl Secret {
    /// The name in Secrets Manager.
    #[must_use]
    pub fn source_name(&self) -> &SecretName {
        self.legacy_name.as_ref().unwrap_or(&self.name)
    }

    /// The path in Vault: the name's own text, which an [`Inventory`](super::Inventory) only takes where Vault keeps it as it is.
    #[must_use]
    pub fn vault_path(&self) -> VaultPath {
        VaultPath::cleaned(&self.name)
    }

    /// Whether it moves to Vault.
    #[must_use]
    pub fn moves(&self) -> bool {
        matches!(self.disposition, Disposition::Moves)
    }

    /// Every declared read of every ExternalSecret, in the order of the file.
    pub fn reads(&self) -> impl Iterator<Item = &Read> {
        self.consumers.iter().filter_map(Consumer::external_secret).flat_map(|consumer| &consumer.reads)
    }

    /// The consumers that call Secrets Manager themselves; they can't be switched by this tool.
    pub fn sdk_consumers(&self) -> impl Iterator<Item = &Consumer> {
        self.consumers.iter().filter(|consumer| matches!(consumer.means, ConsumerMeans::Sdk(_)))
    }
}

impl Consumer {
    /// The ExternalSecret, where it reads through one.
    #[must_use]
    pub fn external_secret(&self) -> Option<&ExternalSecret> {
        match &self.means {
            ConsumerMeans::ExternalSecret(external_secret) => Some(external_secret),
            ConsumerMeans::Sdk(_) => None,
        }
    }
}
