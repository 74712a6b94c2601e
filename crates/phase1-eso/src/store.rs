//! The stores that ExternalSecrets read from, as `migrate.toml` describes them: one for Secrets Manager, one for KV v2 of Vault or OpenBao.
//!
//! Plain descriptions without anything secret: how the operator authenticates is told by reference, to a ServiceAccount or to a key of a
//! Kubernetes Secret that somebody else keeps. What they look like as manifests is said in [`crate::emit`]. Shapes and meanings after
//! <https://external-secrets.io/latest/provider/aws-secrets-manager/> and <https://external-secrets.io/latest/provider/hashicorp-vault/>.

use std::collections::BTreeMap;

use migrate_core::{
    inventory::external_secret::{LabelSelector, StoreRef},
    name::kubernetes::{KubernetesName, Namespace},
};

/// The store for Secrets Manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsStore {
    /// Its name and kind.
    pub store: StoreRef,
    /// `region`
    pub region: String,
    /// `role`: ARN of the role that is assumed.
    pub role: Option<String>,
    /// `externalID`, told when the role is assumed.
    pub external_id: Option<String>,
    /// `sessionTags`, set when the role is assumed.
    pub session_tags: BTreeMap<String, String>,
    /// `prefix`: what the operator puts before each key, so what each name of the inventory must begin with.
    pub prefix: Option<String>,
    /// How the operator authenticates.
    pub auth: AwsAuth,
    /// Who may use a ClusterSecretStore.
    pub conditions: Conditions,
}

/// How the operator authenticates to AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwsAuth {
    /// As itself: by EKS Pod Identity, or by IRSA on its own ServiceAccount.
    Controller,
    /// As a ServiceAccount that IRSA gives a role.
    ServiceAccount(ServiceAccountRef),
    /// With static keys from a Kubernetes Secret.
    StaticKeys {
        /// `accessKeyIDSecretRef`
        access_key_id: SecretKeyRef,
        /// `secretAccessKeySecretRef`
        secret_access_key: SecretKeyRef,
        /// `sessionTokenSecretRef`
        session_token: Option<SecretKeyRef>,
    },
}

impl AwsAuth {
    /// Whether it names a namespace, which a SecretStore must not.
    #[must_use]
    pub fn names_namespace(&self) -> bool {
        match self {
            Self::Controller => false,
            Self::ServiceAccount(account) => account.namespace.is_some(),
            Self::StaticKeys { access_key_id, secret_access_key, session_token } => {
                [Some(access_key_id), Some(secret_access_key), session_token.as_ref()]
                    .into_iter()
                    .flatten()
                    .any(|key| key.namespace.is_some())
            }
        }
    }
}

/// The store for KV v2 of Vault or OpenBao.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultStore {
    /// Its name and kind.
    pub store: StoreRef,
    /// `server`: the address as the operator reaches it.
    pub address: String,
    /// `path`: the KV v2 mount.
    pub mount: String,
    /// `namespace`
    pub namespace: Option<String>,
    /// Which CA signed the server's certificate, where it is not one of the operator's own.
    pub ca: Option<CaSource>,
    /// How the operator authenticates.
    pub auth: VaultAuth,
    /// Who may use a ClusterSecretStore.
    pub conditions: Conditions,
}

impl VaultStore {
    /// The store's name (REQ VLT-3).
    pub const NAME: &str = "vault-backend";
    /// The role that the operator takes (REQ VLT-3).
    pub const ROLE: &str = "external-secrets";
    /// The operator's ServiceAccount and its namespace, as its Helm chart calls both.
    pub const SERVICE_ACCOUNT: &str = "external-secrets";
    /// Whom the ServiceAccount's token is for. With none it would be one for the API server, which Vault could use there itself.
    pub const AUDIENCE: &str = "vault";
}

/// Where the certificate of a CA comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaSource {
    /// `caBundle`: the PEM text itself, which is public.
    Bundle(String),
    /// `caProvider` of type ConfigMap.
    ConfigMap(SecretKeyRef),
    /// `caProvider` of type Secret.
    Secret(SecretKeyRef),
}

/// How the operator authenticates to Vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VaultAuth {
    /// By the Kubernetes auth method.
    Kubernetes {
        /// `mountPath`, `kubernetes` by default.
        path: String,
        /// `role`
        role: String,
        /// Whose token is shown.
        identity: Identity,
    },
    /// By the JWT auth method.
    Jwt {
        /// `path`, `jwt` by default.
        path: String,
        /// `role`
        role: String,
        /// Whose token is shown.
        identity: Identity,
    },
    /// By AppRole.
    AppRole {
        /// `path`, `approle` by default.
        path: String,
        /// The role's id.
        role_id: RoleId,
        /// `secretRef`: the secret id.
        secret_id: SecretKeyRef,
    },
    /// With a token from a Kubernetes Secret.
    Token(SecretKeyRef),
}

impl VaultAuth {
    /// Whether it names a namespace of Kubernetes, which a SecretStore must not.
    #[must_use]
    pub fn names_namespace(&self) -> bool {
        let namespace = match self {
            Self::Kubernetes { identity, .. } | Self::Jwt { identity, .. } => match identity {
                Identity::ServiceAccount(account) => &account.namespace,
                Identity::Secret(key) => &key.namespace,
            },
            Self::AppRole { role_id: RoleId::Reference(role), secret_id, .. } if secret_id.namespace.is_none() => &role.namespace,
            Self::AppRole { secret_id, .. } => &secret_id.namespace,
            Self::Token(key) => &key.namespace,
        };
        namespace.is_some()
    }
}

/// Whose token is shown to Vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// One that is asked for in the name of a ServiceAccount.
    ServiceAccount(ServiceAccountRef),
    /// One that lies in a Kubernetes Secret.
    Secret(SecretKeyRef),
}

/// The id of an AppRole's role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleId {
    /// `roleId`: the id itself, which alone opens nothing.
    Plain(String),
    /// `roleRef`
    Reference(SecretKeyRef),
}

/// A ServiceAccount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccountRef {
    /// Its name.
    pub name: KubernetesName,
    /// Its namespace; without one, a ClusterSecretStore takes the ExternalSecret's. A SecretStore must not name one.
    pub namespace: Option<Namespace>,
    /// `audiences` of its token.
    pub audiences: Vec<String>,
}

/// One key of a Kubernetes Secret, or of a ConfigMap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretKeyRef {
    /// The object's name.
    pub name: KubernetesName,
    /// Its namespace; as for [`ServiceAccountRef::namespace`].
    pub namespace: Option<Namespace>,
    /// The key.
    pub key: String,
}

/// Who may use a ClusterSecretStore.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Conditions {
    /// The namespaces in which the inventory has ExternalSecrets.
    #[default]
    Inventory,
    /// Those that fit one of these; with none, every namespace of the cluster.
    Listed(Vec<Condition>),
}

/// One of `conditions`: a namespace that any of its parts names may use the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// `namespaces`
    pub namespaces: Vec<Namespace>,
    /// `namespaceRegexes`, in Go's syntax.
    pub namespace_regexes: Vec<String>,
    /// `namespaceSelector`
    pub namespace_selector: Option<LabelSelector>,
}
