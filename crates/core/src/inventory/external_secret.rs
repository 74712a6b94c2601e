// long because it is one file format, and every key of it has its line
//! How an ExternalSecret is made, beside what it reads of each secret (which stands with the secret, see [`super::Consumer`]): its store,
//! its target, what else it reads. These types are the file format of `externalSecrets`, in the words of external-secrets.io/v1
//! (<https://external-secrets.io/latest/api/externalsecret/>); what is left out is what the operator defaults.

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    go_duration::GoDuration,
    name::{
        SecretName,
        kubernetes::{KubernetesName, Namespace},
    },
    reads::{ConversionStrategy, DecodingStrategy, MetadataPolicy, Rewrite},
};

/// Which object it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExternalSecretId {
    /// An ExternalSecret.
    Namespaced {
        /// Its namespace.
        namespace: Namespace,
        /// Its name.
        name: KubernetesName,
    },
    /// A ClusterExternalSecret.
    Cluster {
        /// Its name.
        name: KubernetesName,
    },
}

impl ExternalSecretId {
    /// The object's name.
    #[must_use]
    pub fn name(&self) -> &KubernetesName {
        match self {
            Self::Namespaced { name, .. } | Self::Cluster { name } => name,
        }
    }

    /// The object's namespace; a ClusterExternalSecret has none.
    #[must_use]
    pub fn namespace(&self) -> Option<&Namespace> {
        match self {
            Self::Namespaced { namespace, .. } => Some(namespace),
            Self::Cluster { .. } => None,
        }
    }
}

impl fmt::Display for ExternalSecretId {
    /// `orders/orders-db`, or `ClusterExternalSecret orders-db`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Namespaced { namespace, name } => write!(f, "{namespace}/{name}"),
            Self::Cluster { name } => write!(f, "ClusterExternalSecret {name}"),
        }
    }
}

/// An ExternalSecret or a ClusterExternalSecret, without what it reads of the secrets in this inventory. One that is not declared here is
/// made with the defaults of the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Declared", into = "Declared")]
pub struct DeclaredExternalSecret {
    /// Which object it is.
    pub id: ExternalSecretId,
    /// Where a ClusterExternalSecret makes its ExternalSecrets; there only.
    pub cluster: Option<ClusterPlacement>,
    /// Everything else.
    pub shape: ExternalSecretShape,
}

/// An ExternalSecret (`namespace`) or a ClusterExternalSecret (`cluster`), without what it reads of the secrets in this inventory, which
/// stands with each secret. One that is not declared here is made with the defaults of the environment.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, rename = "DeclaredExternalSecret")]
#[schemars(extend("oneOf" = [{ "required": ["namespace"] }, { "required": ["cluster"] }]))]
struct Declared {
    /// Its name.
    name: KubernetesName,
    /// Its namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Namespace")]
    namespace: Option<Namespace>,
    /// It is a ClusterExternalSecret: where it makes its ExternalSecrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ClusterPlacement")]
    cluster: Option<ClusterPlacement>,
    /// `metadata.labels`, beside those that `migrate` writes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    /// `metadata.annotations`, beside those that `migrate` writes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
    /// `spec.secretStoreRef`, where it is not the environment's store for Secrets Manager.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    store: Option<StoreRef>,
    /// `sourceRef.storeRef` of what it reads of these secrets, where it is not `store`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    stores: BTreeMap<SecretName, StoreRef>,
    /// `spec.refreshPolicy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_policy: Option<RefreshPolicy>,
    /// `spec.refreshInterval`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_interval: Option<GoDuration>,
    /// `spec.syncWindows`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sync_windows: Option<SyncWindows>,
    /// `spec.target`.
    #[serde(default, skip_serializing_if = "Target::is_default")]
    target: Target,
    /// What it reads that is no secret of this inventory, or not one by name: generators, other stores, `find`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    others: Vec<OtherRead>,
    /// The order of `spec.dataFrom`, in which later items win, where it is not: every secret in the order of this file, then `others`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    order: Vec<DataFromItem>,
}

/// Why a declared ExternalSecret is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum InvalidDeclaration {
    #[error("an ExternalSecret has a `namespace`, a ClusterExternalSecret has `cluster`; keep one of the two")]
    Both,
    #[error("add `namespace` for an ExternalSecret, or `cluster` for a ClusterExternalSecret")]
    Neither,
}

impl TryFrom<Declared> for DeclaredExternalSecret {
    type Error = InvalidDeclaration;

    fn try_from(declared: Declared) -> Result<Self, InvalidDeclaration> {
        let Declared { name, namespace, cluster, labels, annotations, store, stores, .. } = declared;
        let id = match (namespace, &cluster) {
            (Some(namespace), None) => ExternalSecretId::Namespaced { namespace, name },
            (None, Some(_)) => ExternalSecretId::Cluster { name },
            (Some(_), Some(_)) => return Err(InvalidDeclaration::Both),
            (None, None) => return Err(InvalidDeclaration::Neither),
        };
        let shape = ExternalSecretShape {
            labels,
            annotations,
            store,
            stores,
            refresh_policy: declared.refresh_policy,
            refresh_interval: declared.refresh_interval,
            sync_windows: declared.sync_windows,
            target: declared.target,
            others: declared.others,
            order: declared.order,
        };
        Ok(Self { id, cluster, shape })
    }
}

impl From<DeclaredExternalSecret> for Declared {
    fn from(DeclaredExternalSecret { id, cluster, shape }: DeclaredExternalSecret) -> Self {
        let (namespace, name) = match id {
            ExternalSecretId::Namespaced { namespace, name } => (Some(namespace), name),
            ExternalSecretId::Cluster { name } => (None, name),
        };
        Self {
            name,
            namespace,
            cluster,
            labels: shape.labels,
            annotations: shape.annotations,
            store: shape.store,
            stores: shape.stores,
            refresh_policy: shape.refresh_policy,
            refresh_interval: shape.refresh_interval,
            sync_windows: shape.sync_windows,
            target: shape.target,
            others: shape.others,
            order: shape.order,
        }
    }
}

/// What an ExternalSecret and the `externalSecretSpec` of a ClusterExternalSecret have in common. The default is what one that is not
/// declared has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExternalSecretShape {
    /// `metadata.labels`, beside those that `migrate` writes.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`, beside those that `migrate` writes.
    pub annotations: BTreeMap<String, String>,
    /// `spec.secretStoreRef`, where it is not the environment's store for Secrets Manager.
    pub store: Option<StoreRef>,
    /// `sourceRef.storeRef` of what it reads of these secrets, where it is not `store`.
    pub stores: BTreeMap<SecretName, StoreRef>,
    /// `spec.refreshPolicy`.
    pub refresh_policy: Option<RefreshPolicy>,
    /// `spec.refreshInterval`.
    pub refresh_interval: Option<GoDuration>,
    /// `spec.syncWindows`.
    pub sync_windows: Option<SyncWindows>,
    /// `spec.target`.
    pub target: Target,
    /// What it reads that is no secret of this inventory, or not one by name.
    pub others: Vec<OtherRead>,
    /// The order of `spec.dataFrom`; empty for: every secret in the order of the inventory, then `others`.
    pub order: Vec<DataFromItem>,
}

/// A reference to a SecretStore or ClusterSecretStore.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StoreRef {
    /// Its name.
    pub name: KubernetesName,
    /// Its kind.
    #[serde(default)]
    pub kind: StoreKind,
}

/// The kind of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum StoreKind {
    /// In the namespace of the ExternalSecret.
    #[default]
    SecretStore,
    /// For every namespace.
    ClusterSecretStore,
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SecretStore => "SecretStore",
            Self::ClusterSecretStore => "ClusterSecretStore",
        })
    }
}

/// `spec.refreshPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RefreshPolicy {
    /// Once, and never again.
    CreatedOnce,
    /// Every `refreshInterval`.
    Periodic,
    /// When the ExternalSecret changes.
    OnChange,
}

/// `spec.syncWindows`, from 2.9 on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyncWindows {
    /// Whether they allow or deny.
    pub kind: SyncWindowKind,
    /// The windows.
    #[schemars(length(min = 1))]
    pub windows: Vec<SyncWindow>,
}

/// `spec.syncWindows.kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SyncWindowKind {
    /// Refreshes happen within them only.
    Allow,
    /// Refreshes happen outside them only.
    Deny,
}

/// One window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyncWindow {
    /// Cron expression of its beginning.
    pub schedule: String,
    /// How long it is.
    pub duration: GoDuration,
}

/// `spec.target`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// The Kubernetes Secret's name, where it is not the ExternalSecret's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<KubernetesName>,
    /// Who owns the Kubernetes Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_policy: Option<CreationPolicy>,
    /// What happens to it when nothing is found any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// Whether it can't be changed once made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub immutable: Option<bool>,
    /// Something other than a Secret is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<ManifestTarget>,
    /// How it is laid out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Template>,
}

impl Target {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// `spec.target.creationPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CreationPolicy {
    /// The ExternalSecret makes it and owns it.
    Owner,
    /// The ExternalSecret makes it, and it outlives it.
    Orphan,
    /// Keys are merged into one that somebody else makes.
    Merge,
    /// None is made.
    None,
    /// Merged where there is one, made where there is none; from 2.9 on.
    CreateOrMerge,
}

/// `spec.target.deletionPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// The Kubernetes Secret is deleted.
    Delete,
    /// Its keys are removed.
    Merge,
    /// It stays as it is.
    Retain,
}

/// `spec.target.manifest`, from 1.0 on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManifestTarget {
    /// `apiVersion` of what is made.
    pub api_version: String,
    /// `kind` of what is made.
    pub kind: String,
}

/// `spec.target.template`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Template {
    /// The Secret's type, as in `kubernetes.io/tls`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub secret_type: Option<String>,
    /// `engineVersion`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_version: Option<EngineVersion>,
    /// Labels, annotations and finalizers of the Secret.
    #[serde(default, skip_serializing_if = "TemplateMetadata::is_default")]
    pub metadata: TemplateMetadata,
    /// Whether the templates replace what was read, or are merged into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge_policy: Option<TemplateMergePolicy>,
    /// Templates by key. Never a value: what is read is named, as in `{{ .password }}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, String>,
    /// Templates from elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub template_from: Vec<TemplateFrom>,
}

/// `spec.target.template.engineVersion`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum EngineVersion {
    /// Go's text/template with sprig.
    V2,
}

/// `spec.target.template.mergePolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TemplateMergePolicy {
    /// Only what the templates make.
    Replace,
    /// What was read, and what the templates make.
    Merge,
}

/// `spec.target.template.metadata`, and `externalSecretMetadata` of a ClusterExternalSecret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TemplateMetadata {
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Finalizers, from 0.20 on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finalizers: Vec<String>,
}

impl TemplateMetadata {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// One item of `spec.target.template.templateFrom`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TemplateFrom {
    /// From keys of a ConfigMap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<TemplateRef>,
    /// From keys of a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<TemplateRef>,
    /// The template itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub literal: Option<String>,
    /// Where the outcome goes: `Data`, `Annotations`, `Labels`; from 1.0 on also a path of a manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// How the outcome's values are decoded; from 2.9 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values_decoding_strategy: Option<DecodingStrategy>,
}

/// `configMap` and `secret` of `templateFrom`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TemplateRef {
    /// The object's name.
    pub name: KubernetesName,
    /// Its keys.
    pub items: Vec<TemplateRefItem>,
}

/// One key of a [`TemplateRef`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TemplateRefItem {
    /// The key.
    pub key: String,
    /// How it is rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_as: Option<TemplateScope>,
}

/// `templateAs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TemplateScope {
    /// Its text is the template of one value.
    Values,
    /// Its text renders to a map of keys and values.
    KeysAndValues,
}

/// Something read that is no secret of this inventory, or not one by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OtherRead {
    /// An item of `spec.data`.
    Data(OtherData),
    /// An item of `spec.dataFrom`.
    DataFrom(OtherDataFrom),
}

/// An item of `spec.data`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OtherData {
    /// The key in the Kubernetes Secret.
    pub secret_key: String,
    /// What is read.
    pub remote_ref: RemoteRef,
    /// Where from, where it is not the ExternalSecret's own store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<SourceRef>,
}

/// An item of `spec.dataFrom`: `extract`, `find`, or a generator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OtherDataFrom {
    /// Every member of one entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extract: Option<RemoteRef>,
    /// Every entry that matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub find: Option<FindSpec>,
    /// How keys are rewritten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rewrite: Vec<Rewrite>,
    /// Where from, where it is not the ExternalSecret's own store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<SourceRef>,
}

/// `remoteRef` and `extract`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoteRef {
    /// The name or path in the store.
    pub key: String,
    /// `property`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// `version`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `conversionStrategy`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversion_strategy: Option<ConversionStrategy>,
    /// `decodingStrategy`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoding_strategy: Option<DecodingStrategy>,
    /// `metadataPolicy`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_policy: Option<MetadataPolicy>,
    /// `nullBytePolicy`, from 2.9 on
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub null_byte_policy: Option<NullBytePolicy>,
}

/// `nullBytePolicy`, from 2.9 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NullBytePolicy {
    /// Null bytes are taken as they are.
    Ignore,
    /// A value with a null byte is an error.
    Fail,
}

/// `find`. The secrets of this inventory that it matches declare a read `find` each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FindSpec {
    /// Below this path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// By name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<FindName>,
    /// By tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// `conversionStrategy`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversion_strategy: Option<ConversionStrategy>,
    /// `decodingStrategy`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoding_strategy: Option<DecodingStrategy>,
    /// `nullBytePolicy`, from 2.9 on
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub null_byte_policy: Option<NullBytePolicy>,
}

/// `find.name`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FindName {
    /// A regular expression in Go's syntax; not anchored.
    pub regexp: String,
}

/// `sourceRef`: where one item is read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SourceRef {
    /// Another store.
    StoreRef(StoreRef),
    /// A generator.
    GeneratorRef(GeneratorRef),
}

/// `sourceRef.generatorRef`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GeneratorRef {
    /// `apiVersion`, where it is not the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// As in `Password`.
    pub kind: String,
    /// Its name.
    pub name: KubernetesName,
}

/// One item of `spec.dataFrom`, by where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DataFromItem {
    /// The next `extract` of this secret.
    Secret(SecretName),
    /// The next `dataFrom` of `others`.
    Other,
}

/// Where a ClusterExternalSecret makes its ExternalSecrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterPlacement {
    /// `externalSecretName`, where it is not its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_secret_name: Option<KubernetesName>,
    /// `externalSecretMetadata`.
    #[serde(default, skip_serializing_if = "TemplateMetadata::is_default")]
    pub external_secret_metadata: TemplateMetadata,
    /// `refreshTime`: how often it looks for namespaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_time: Option<GoDuration>,
    /// In namespaces with these labels; one selector that fits is enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespace_selectors: Vec<LabelSelector>,
    /// In these namespaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<Namespace>,
}

/// A selector of Kubernetes: everything in it must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabelSelector {
    /// Labels and their values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// Expressions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<LabelExpression>,
}

/// One expression of a [`LabelSelector`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabelExpression {
    /// The label.
    pub key: String,
    /// How it is compared.
    pub operator: LabelOperator,
    /// With what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// `operator` of a [`LabelExpression`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LabelOperator {
    /// One of the values.
    In,
    /// None of the values.
    NotIn,
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
}
