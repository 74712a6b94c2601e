//! Looks at what a description is about: mount, auth method, roles and policies. Reads settings, never a value.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use migrate_core::{
    observed::Sighting,
    ports::{PortError, PortErrorKind},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::{
    check::{Comparison, Seen, compare},
    client::{Call, Client, Endpoint},
    emit::{Needs, Stage},
    vault::Vault,
};

/// `GET sys/mounts/PATH`, as far as it is compared.
#[derive(Clone, Debug)]
pub(crate) struct MountSeen {
    pub(crate) engine: String,
    pub(crate) version: String,
}

/// `GET PATH/config` of a KV v2 mount.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Settings {
    #[serde(default)]
    pub(crate) cas_required: bool,
    pub(crate) delete_version_after: String,
    pub(crate) max_versions: u64,
}

/// `GET auth/PATH/config`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct AuthConfig {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) kubernetes_host: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) kubernetes_ca_cert: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) disable_local_ca_jwt: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) pem_keys: Vec<String>,
    /// Since Vault 1.17 and in OpenBao; the token itself can't be read.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) token_reviewer_jwt_set: bool,
}

/// `GET auth/PATH/role/NAME`; times are seconds.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RoleSeen {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) bound_service_account_names: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) bound_service_account_namespaces: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) bound_service_account_namespace_selector: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) audience: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) token_policies: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) token_no_default_policy: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) token_ttl: u64,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) token_max_ttl: u64,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) token_period: u64,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) token_type: String,
}

/// `null` as nothing: Go writes it for an empty list.
fn or_default<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Vault {
    /// Compares the server with the description; changes nothing, reads no value. Publishers' places count as missing only where
    /// `publishers_expected`.
    ///
    /// # Errors
    /// [`PortError`] where the server can't be asked at all: not reachable, not serving, no such namespace, a token that is not good. What
    /// the token may not read is part of the answer.
    pub async fn compare(&self, needs: &Needs, publishers_expected: bool) -> Result<Comparison, PortError> {
        let client = self.client();
        match client.send(Call::get(Endpoint::TokenSelf)).await {
            Ok(_) => {}
            Err(error) if error.kind == PortErrorKind::Denied => {}
            Err(error) => return Err(error),
        }
        Ok(compare(needs, &look(client, needs).await?, publishers_expected))
    }
}

async fn look(client: &Client, needs: &Needs) -> Result<Seen, PortError> {
    #[derive(Deserialize)]
    struct Mount {
        #[serde(rename = "type")]
        engine: String,
        #[serde(default, deserialize_with = "or_default")]
        options: BTreeMap<String, String>,
    }
    #[derive(Deserialize)]
    struct Method {
        #[serde(rename = "type")]
        kind: String,
    }
    #[derive(Deserialize)]
    struct PolicyText {
        policy: String,
    }
    let (mount, auth) = (&needs.mount.path, &needs.auth.path);
    let mount_seen = read::<Mount>(client, &format!("sys/mounts/{mount}")).await?;
    let methods = read::<BTreeMap<String, Method>>(client, "sys/auth").await?;
    let all = || [Stage::Now, Stage::Publishers].into_iter().map(|stage| needs.grants(stage));
    let roles = all().flat_map(|grants| &grants.roles).map(|role| role.name.clone()).collect();
    let policies = all().flat_map(|grants| &grants.policies).map(|policy| policy.name.clone()).collect();
    let mut unlisted = Vec::new();
    let roles = each(client, &format!("auth/{auth}/role"), roles, &mut unlisted).await?;
    let policies = each::<PolicyText>(client, "sys/policies/acl", policies, &mut unlisted).await?;
    Ok(Seen {
        mount: map(mount_seen, |mut seen| MountSeen {
            version: seen.options.remove("version").unwrap_or_else(|| "1".to_owned()),
            engine: seen.engine,
        }),
        mount_config: read(client, &format!("{mount}/config")).await?,
        auth: match methods {
            Sighting::Present(mut methods) => {
                methods.remove(&format!("{auth}/")).map_or(Sighting::Absent, |method| Sighting::Present(method.kind))
            }
            other => map(other, |_| String::new()),
        },
        auth_config: read(client, &format!("auth/{auth}/config")).await?,
        roles,
        policies: policies.into_iter().map(|(name, seen)| (name, map(seen, |seen| seen.policy))).collect(),
        unlisted,
    })
}

/// Reads each of `wanted` below a path, and every other that a list names.
async fn each<T: DeserializeOwned>(
    client: &Client,
    below: &str,
    mut wanted: BTreeSet<String>,
    unlisted: &mut Vec<PortError>,
) -> Result<BTreeMap<String, Sighting<T>>, PortError> {
    #[derive(Deserialize)]
    struct Keys {
        keys: Vec<String>,
    }
    match get::<Keys>(client, Endpoint::List(below)).await? {
        // The root policy has no text.
        Sighting::Present(found) => wanted.extend(found.keys.into_iter().filter(|key| key != "root")),
        Sighting::Absent => {}
        Sighting::Unknown(error) | Sighting::Unreadable(error) => unlisted.push(error),
    }
    let reads = stream::iter(wanted).map(|name| async move {
        let seen = read(client, &format!("{below}/{name}")).await?;
        Ok((name, seen))
    });
    reads.buffered(8).collect::<Vec<_>>().await.into_iter().collect()
}

async fn read<T: DeserializeOwned>(client: &Client, path: &str) -> Result<Sighting<T>, PortError> {
    get(client, Endpoint::Api(path)).await
}

/// Fails only where asking on makes no sense.
async fn get<T: DeserializeOwned>(client: &Client, endpoint: Endpoint<'_>) -> Result<Sighting<T>, PortError> {
    let call = Call::get(endpoint);
    match client.send(Call::get(endpoint)).await {
        Ok(answer) if answer.is_not_found => Ok(Sighting::Absent),
        Ok(answer) => Ok(client.parse(&call, &answer).map_or_else(Sighting::Unknown, Sighting::Present)),
        Err(error) => match error.kind {
            PortErrorKind::NotFound => Ok(Sighting::Absent),
            PortErrorKind::Denied => Ok(Sighting::Unreadable(error)),
            PortErrorKind::Unexpected | PortErrorKind::InvalidState => Ok(Sighting::Unknown(error)),
            _ => Err(error),
        },
    }
}

fn map<T, U>(sighting: Sighting<T>, with: impl FnOnce(T) -> U) -> Sighting<U> {
    match sighting {
        Sighting::Present(thing) => Sighting::Present(with(thing)),
        Sighting::Absent => Sighting::Absent,
        Sighting::Unknown(error) => Sighting::Unknown(error),
        Sighting::Unreadable(error) => Sighting::Unreadable(error),
    }
}
