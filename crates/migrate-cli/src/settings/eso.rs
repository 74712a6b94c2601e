//! External Secrets Operator, as one environment has it: what its manifests say where the inventory says nothing, and its two stores.
//!
//! Unlike everything else here, this follows `migrate.toml` alone and no variable: what is emitted goes into Git, and must not depend on
//! whoever emits it.

use camino::{Utf8Path, Utf8PathBuf};
use migrate_core::{
    go_duration::GoDuration,
    inventory::external_secret::{DeletionPolicy, RefreshPolicy, StoreKind, StoreRef},
    name::{
        VaultPath,
        kubernetes::{KubernetesName, Namespace},
    },
};
use phase1_eso::{
    store::{AwsAuth, AwsStore, CaSource, Identity, ServiceAccountRef, VaultAuth, VaultStore},
    version::EsoVersion,
};

use super::{AwsTable, CaTable, EnvironmentName, EnvironmentTable, VaultTable};
use crate::{
    error::{CommandError, Reason},
    files,
};

/// The name of the store for Secrets Manager unless the file says otherwise.
pub const DEFAULT_AWS_STORE: &str = "aws-secrets-manager";
/// How often the operator looks unless somebody says otherwise: the CRD's own default.
pub const DEFAULT_REFRESH_INTERVAL: GoDuration = GoDuration::from_secs(60 * 60);

/// `[environment.NAME.eso]` with everything filled in that the file says elsewhere.
#[derive(Clone, Debug)]
pub struct Eso {
    environment: EnvironmentName,
    root: Utf8PathBuf,
    /// Whether the file has the table at all.
    pub is_declared: bool,
    /// Which version runs.
    pub version: EsoVersion,
    /// `spec.refreshPolicy` of an ExternalSecret that declares none.
    pub refresh_policy: Option<RefreshPolicy>,
    /// `spec.refreshInterval` of an ExternalSecret that declares none.
    pub refresh_interval: GoDuration,
    /// `spec.target.deletionPolicy` of an ExternalSecret that declares none.
    pub deletion_policy: DeletionPolicy,
    aws: AwsTable,
    vault: VaultTable,
}

impl Eso {
    pub(super) fn resolve(environment: &EnvironmentName, root: &Utf8Path, table: &EnvironmentTable) -> Self {
        let is_declared = table.eso.is_some();
        let eso = table.eso.clone().unwrap_or_default();
        let (outgoing, incoming) = (&table.outgoing, &table.incoming);
        let aws = AwsTable { region: eso.aws.region.or_else(|| outgoing.region.clone()), ..eso.aws };
        let vault = VaultTable {
            address: eso.vault.address.or_else(|| incoming.address.clone()),
            mount: eso.vault.mount.or_else(|| incoming.mount.clone()),
            namespace: eso.vault.namespace.or_else(|| incoming.namespace.clone()),
            ca: eso.vault.ca.or_else(|| incoming.ca_cert.clone().map(CaTable::File)),
            ..eso.vault
        };
        Self {
            environment: environment.clone(),
            root: root.to_owned(),
            is_declared,
            version: eso.version.unwrap_or_default(),
            refresh_policy: eso.refresh_policy,
            refresh_interval: eso.refresh_interval.unwrap_or(DEFAULT_REFRESH_INTERVAL),
            deletion_policy: eso.deletion_policy.unwrap_or(DeletionPolicy::Retain),
            aws,
            vault,
        }
    }

    /// The store for Secrets Manager.
    ///
    /// # Errors
    /// [`CommandError`] of kind usage where the file does not say the region.
    pub fn aws_store(&self) -> Result<AwsStore, CommandError> {
        let AwsTable { store, kind, region, role, external_id, session_tags, prefix, auth, conditions } = self.aws.clone();
        let region = region.ok_or_else(|| self.unsaid("region", "outgoing"))?;
        let store = store_ref(store, kind, DEFAULT_AWS_STORE)?;
        let auth = auth.unwrap_or(AwsAuth::Controller);
        Ok(AwsStore { store, region, role, external_id, session_tags, prefix, auth, conditions })
    }

    /// The store for Vault or OpenBao.
    ///
    /// # Errors
    /// [`CommandError`] of kind usage where the file does not say the address, or names a CA file that can't be read.
    pub fn vault_store(&self) -> Result<VaultStore, CommandError> {
        let auth = self.vault_auth()?;
        let VaultTable { store, kind, address, mount, namespace, ca, auth: _, conditions } = self.vault.clone();
        let address = address.ok_or_else(|| self.unsaid("address", "incoming"))?;
        let mount = mount.map_or_else(|| phase2_vault::Settings::DEFAULT_MOUNT.to_owned(), |mount: VaultPath| mount.to_string());
        let store = store_ref(store, kind, VaultStore::NAME)?;
        let ca = ca.map(|ca| self.ca(ca)).transpose()?;
        Ok(VaultStore { store, address, mount, namespace, ca, auth, conditions })
    }

    /// How the operator logs in to Vault.
    ///
    /// # Errors
    /// [`CommandError`] of kind internal.
    pub fn vault_auth(&self) -> Result<VaultAuth, CommandError> {
        self.vault.auth.clone().map_or_else(|| kubernetes_auth().ok_or_else(invalid_default), Ok)
    }

    /// The namespace of Vault Enterprise or OpenBao that the file names.
    #[must_use]
    pub fn vault_namespace(&self) -> Option<&str> {
        self.vault.namespace.as_deref()
    }

    fn ca(&self, ca: CaTable) -> Result<CaSource, CommandError> {
        let path = match ca {
            CaTable::ConfigMap(reference) => return Ok(CaSource::ConfigMap(reference)),
            CaTable::Secret(reference) => return Ok(CaSource::Secret(reference)),
            CaTable::File(path) => path,
        };
        let text = files::read(&self.root.join(&path))?.ok_or_else(|| {
            CommandError::configuration(format!("there is no CA file at {path}"))
                .hint("`ca` below [environment.NAME.eso.vault] names one, else `ca_cert` below [environment.NAME.incoming]")
        })?;
        certificates(&text).map(CaSource::Bundle).ok_or_else(|| {
            CommandError::configuration(format!("{path} is no PEM file of certificates"))
                .because_of("it goes into a manifest in Git, so it must hold certificates and nothing else")
                .hint("name a file that holds the CA's certificate only")
        })
    }

    fn unsaid(&self, key: &str, elsewhere: &str) -> CommandError {
        let (name, file) = (&self.environment, super::CONFIG_FILE);
        CommandError::configuration(format!("{file} does not say the `{key}` of environment {name}"))
            .because_of("manifests go into Git, so no variable counts for them")
            .hint(format!("add `{key}` below [environment.{name}.{elsewhere}]"))
    }
}

/// The certificates of a PEM text, as they stand; none where something else stands there too, such as a private key.
fn certificates(text: &str) -> Option<String> {
    let (mut kept, mut inside) = (String::new(), false);
    for line in text.lines().map(str::trim_end) {
        match line {
            "-----BEGIN CERTIFICATE-----" => inside = true,
            other if other.starts_with("-----BEGIN ") => return None,
            _ => {}
        }
        if inside {
            kept += line;
            kept.push('\n');
        }
        inside &= line != "-----END CERTIFICATE-----";
    }
    (!kept.is_empty() && !inside).then_some(kept)
}

/// The Kubernetes auth method, the role that REQ VLT-3 names, and the operator's own ServiceAccount.
fn kubernetes_auth() -> Option<VaultAuth> {
    Some(VaultAuth::Kubernetes {
        path: "kubernetes".to_owned(),
        role: VaultStore::ROLE.to_owned(),
        identity: default_identity()?,
    })
}

/// The operator's own ServiceAccount, in the namespace that its Helm chart takes.
pub(super) fn default_identity() -> Option<Identity> {
    Some(Identity::ServiceAccount(ServiceAccountRef {
        name: KubernetesName::parse(VaultStore::SERVICE_ACCOUNT).ok()?,
        namespace: Some(Namespace::parse(VaultStore::SERVICE_ACCOUNT).ok()?),
        audiences: vec![VaultStore::AUDIENCE.to_owned()],
    }))
}

fn store_ref(name: Option<KubernetesName>, kind: Option<StoreKind>, default: &str) -> Result<StoreRef, CommandError> {
    let name = match name {
        Some(name) => name,
        None => KubernetesName::parse(default).map_err(|_| invalid_default())?,
    };
    Ok(StoreRef { name, kind: kind.unwrap_or(StoreKind::ClusterSecretStore) })
}

fn invalid_default() -> CommandError {
    CommandError::new(Reason::Internal, "a name of our own does not hold")
}
