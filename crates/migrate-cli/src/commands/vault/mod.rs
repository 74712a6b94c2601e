//! `migrate vault emit | check`: both begin with one description, made of migrate.toml and the inventory (REQ VLT-3).

pub(super) mod check;
pub(super) mod emit;

use migrate_core::{
    inventory::Inventory,
    name::{VaultPath, convention::Tree},
};
use phase1_eso::store::{Identity, ServiceAccountRef, VaultAuth};
use phase2_vault::emit::{Account, Authority, KubernetesAuth, Mount, Needs, NeedsError, Publisher, TokenType, Tokens, Wanted};

use super::inventory;
use crate::{
    error::{CommandError, Reason},
    files,
    settings::Settings,
};

/// Ten minutes: the operator logs in for each reconcile, and a token that leaks is soon worth nothing.
const TOKEN_TTL: u64 = 10 * 60;
/// One hour: no reconcile takes that long, a handover renews nothing and takes a token of its own.
const TOKEN_MAX_TTL: u64 = 60 * 60;

/// What the server must hold for this environment.
fn needs(settings: &Settings) -> Result<Needs, CommandError> {
    let vault = &settings.vault;
    let host = vault.kubernetes_host.clone().ok_or_else(|| {
        CommandError::configuration("it is not known where Vault reaches the Kubernetes API")
            .hint(format!("set `kubernetes_host` below [environment.{}.vault] in migrate.toml", settings.environment))
    })?;
    let ca_cert = vault.kubernetes_ca_cert.as_deref().map(|file| authority(settings, file)).transpose()?;
    let side = operator(settings)?;
    let trees = trees()?;
    let wanted = Wanted {
        // The file's, and no variable's: what is emitted goes into Git.
        namespace: settings.eso.vault_namespace().map(str::to_owned),
        mount: Mount {
            path: settings.incoming.mount.clone(),
            max_versions: vault.max_versions,
            cas_required: vault.cas_required,
        },
        auth: KubernetesAuth {
            path: side.auth_path.clone(),
            host,
            ca_cert,
            disable_local_ca_jwt: vault.disable_local_ca_jwt.unwrap_or(true),
        },
        anchor: settings.incoming.anchor.clone(),
        legacy: legacy(settings, &trees)?,
        trees,
        role: side.role.clone(),
        operator: side.account.clone(),
        may_find: vault.find.unwrap_or_default(),
        migration: vault.migration.as_ref().and_then(account),
        publishers: vault
            .publishers
            .iter()
            .filter_map(|publisher| {
                let account = account(&publisher.service_account)?;
                let (name, names) = (publisher.name.clone(), publisher.names.clone());
                Some(Publisher { name, account, names, deletes: publisher.deletes })
            })
            .collect(),
        tokens: Tokens {
            ttl_seconds: vault.token_ttl.unwrap_or(TOKEN_TTL),
            max_ttl_seconds: vault.token_max_ttl.unwrap_or(TOKEN_MAX_TTL),
            token_type: vault.token_type.unwrap_or(TokenType::Service),
        },
        policy_prefix: vault.policy_prefix.clone().unwrap_or_default(),
    };
    Needs::of(&wanted).map_err(|error| undescribed(&error))
}

/// The store's side: which account asks for which role, where.
struct Operator {
    role: String,
    account: Account,
    auth_path: VaultPath,
}

fn operator(settings: &Settings) -> Result<Operator, CommandError> {
    let refused = |why: &str| {
        CommandError::configuration("can't describe what Vault must hold").because_of(why).hint(format!(
            "name path, role and service_account below [environment.{}.eso.vault.kubernetes] in migrate.toml",
            settings.environment
        ))
    };
    let VaultAuth::Kubernetes { path, role, identity } = settings.eso.vault_auth()? else {
        return Err(refused("the operator's store logs in by another method than Kubernetes auth, which alone is described"));
    };
    let Identity::ServiceAccount(reference) = identity else {
        return Err(refused("the operator's store shows a token from a Kubernetes Secret, and does not say whose it is"));
    };
    let account =
        account(&reference).ok_or_else(|| refused("the operator's ServiceAccount has no namespace to bind a role to"))?;
    let auth_path = VaultPath::parse(&path).map_err(|error| refused(&error.to_string()))?;
    Ok(Operator { role, account, auth_path })
}

/// The account of a reference that names its namespace. A role takes one audience: the first that the token is made for.
fn account(reference: &ServiceAccountRef) -> Option<Account> {
    Some(Account {
        name: reference.name.clone(),
        namespace: reference.namespace.clone()?,
        audience: reference.audiences.first().cloned(),
    })
}

/// Secrets and configuration (REQ NAM-1).
fn trees() -> Result<Vec<VaultPath>, CommandError> {
    let trees = [Tree::Data, Tree::Config].map(|tree| VaultPath::parse(tree.prefix()));
    let fault = |error| CommandError::new(Reason::Internal, "a path of our own does not hold").because(&error);
    trees.into_iter().collect::<Result<_, _>>().map_err(fault)
}

/// Names that the inventory lists as exceptions and that lie outside the trees (REQ NAM-3). Without an inventory there are none.
fn legacy(settings: &Settings, trees: &[VaultPath]) -> Result<Vec<VaultPath>, CommandError> {
    let Some(inventory) = inventory_of(settings)? else { return Ok(Vec::new()) };
    let is_below = |path: &VaultPath| {
        trees.iter().any(|tree| path.as_str().strip_prefix(tree.as_str()).is_some_and(|rest| rest.starts_with('/')))
    };
    let exceptions = inventory.secrets().iter().filter(|secret| secret.name_exception.is_some() && secret.moves());
    let mut paths: Vec<_> = exceptions.map(|secret| secret.vault_path()).filter(|path| !is_below(path)).collect();
    paths.sort();
    Ok(paths)
}

/// The inventory, where there is one yet.
fn inventory_of(settings: &Settings) -> Result<Option<Inventory>, CommandError> {
    settings.inventory.exists().then(|| inventory::of(settings)).transpose()
}

/// The certificates of a file of the repository.
fn authority(settings: &Settings, file: &str) -> Result<Authority, CommandError> {
    let text = files::read(&settings.root.join(file))?.ok_or_else(|| {
        CommandError::configuration(format!("there is no file {file}, which `kubernetes_ca_cert` names"))
            .hint("`kubectl config view --raw --minify --flatten` has it, as certificate-authority-data in base64")
    })?;
    Authority::parse(file, &text).map_err(|error| undescribed(&error))
}

fn undescribed(error: &NeedsError) -> CommandError {
    let hint = match error {
        NeedsError::NoAuthority => {
            "set `kubernetes_ca_cert`, or `disable_local_ca_jwt = false` where Vault runs in that cluster, below [environment.NAME.vault]"
        }
        _ => "mend migrate.toml, or the name in the inventory; nothing was written",
    };
    CommandError::configuration("can't describe what Vault must hold").because(error).hint(hint)
}
