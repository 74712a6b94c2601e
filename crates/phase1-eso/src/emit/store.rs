//! SecretStore and ClusterSecretStore.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use migrate_core::{
    inventory::{
        ExternalSecretId,
        external_secret::{ClusterPlacement, LabelSelector, StoreKind, StoreRef},
    },
    name::kubernetes::Namespace,
};
use serde_json::{Map, Value, json};

use super::{Wanted, complete, external_secret::MANAGED_BY, object::Object, refused::Refusal};
use crate::{
    store::{
        AwsAuth, AwsStore, CaSource, Condition, Conditions, Identity, RoleId, SecretKeyRef, ServiceAccountRef, VaultAuth,
        VaultStore,
    },
    table::Kind,
};

/// Where each store is used.
#[derive(Default)]
pub(super) struct Users<'a>(BTreeMap<StoreRef, Places<'a>>);

#[derive(Default)]
struct Places<'a> {
    namespaces: BTreeSet<&'a Namespace>,
    /// Of ClusterExternalSecrets.
    listed: BTreeSet<Namespace>,
    selectors: Vec<LabelSelector>,
}

impl<'a> Users<'a> {
    pub(super) fn add(&mut self, id: &'a ExternalSecretId, placement: Option<&ClusterPlacement>, stores: &[StoreRef]) {
        for store in stores {
            let places = self.0.entry(store.clone()).or_default();
            places.namespaces.extend(id.namespace());
            if let Some(placement) = placement {
                places.listed.extend(placement.namespaces.iter().cloned());
                places.selectors.extend(
                    placement
                        .namespace_selectors
                        .iter()
                        .filter(|new| !places.selectors.contains(new))
                        .cloned()
                        .collect::<Vec<_>>(),
                );
            }
        }
    }
}

/// The stores that somebody uses.
pub(super) fn stores(wanted: &Wanted<'_>, users: &Users<'_>, refused: &mut Vec<Refusal>) -> Vec<Object> {
    let mut objects = Vec::new();
    let mut make = |store: &StoreRef, conditions: &Conditions, provider: Value| {
        let Some(places) = users.0.get(store) else { return };
        let mut spec = Map::from_iter([("provider".to_owned(), provider)]);
        let (kind, namespaces) = match store.kind {
            StoreKind::SecretStore => {
                (Kind::SecretStore, places.namespaces.iter().map(|namespace| Some(namespace.to_string())).collect())
            }
            StoreKind::ClusterSecretStore => {
                let conditions = listed(conditions, places);
                if !conditions.is_empty() {
                    spec.insert("conditions".to_owned(), Value::Array(conditions));
                }
                (Kind::ClusterSecretStore, vec![None])
            }
        };
        let shown = format!("{} {}", store.kind, store.name);
        let mut refuse = |what| refused.push(Refusal { object: shown.clone(), what });
        let spec = complete::spec(kind, wanted.version, &Value::Object(spec), &mut refuse);
        objects.extend(namespaces.into_iter().map(|namespace| Object {
            kind,
            name: store.name.to_string(),
            namespace,
            labels: BTreeMap::from([(MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned())]),
            annotations: BTreeMap::new(),
            spec: spec.clone(),
        }));
    };
    make(&wanted.aws.store, &wanted.aws.conditions, aws(wanted.aws));
    if let Some(from) = &wanted.vault {
        make(&from.store.store, &from.store.conditions, vault(from.store));
    }
    objects
}

/// Who may use a ClusterSecretStore; nobody else, unless the file says so.
fn listed(conditions: &Conditions, places: &Places<'_>) -> Vec<Value> {
    match conditions {
        Conditions::Listed(conditions) => conditions.iter().map(condition).collect(),
        Conditions::Inventory => {
            let namespaces: BTreeSet<&Namespace> = places.namespaces.iter().copied().chain(&places.listed).collect();
            let named = Condition { namespaces: namespaces.into_iter().cloned().collect(), ..Condition::default() };
            let selected = places
                .selectors
                .iter()
                .map(|selector| condition(&Condition { namespace_selector: Some(selector.clone()), ..Condition::default() }));
            (!named.namespaces.is_empty()).then(|| condition(&named)).into_iter().chain(selected).collect()
        }
    }
}

fn condition(condition: &Condition) -> Value {
    let mut value = Map::new();
    if !condition.namespaces.is_empty() {
        value.insert("namespaces".to_owned(), json!(condition.namespaces));
    }
    if !condition.namespace_regexes.is_empty() {
        value.insert("namespaceRegexes".to_owned(), json!(condition.namespace_regexes));
    }
    if let Some(selector) = &condition.namespace_selector {
        value.insert("namespaceSelector".to_owned(), json!(selector));
    }
    Value::Object(value)
}

fn aws(store: &AwsStore) -> Value {
    let mut aws = json!({ "service": "SecretsManager", "region": store.region });
    set(&mut aws, "role", store.role.as_ref().map(|role| json!(role)));
    set(&mut aws, "externalID", store.external_id.as_ref().map(|id| json!(id)));
    set(&mut aws, "prefix", store.prefix.as_ref().map(|prefix| json!(prefix)));
    let tags: Vec<Value> = store.session_tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
    set(&mut aws, "sessionTags", (!tags.is_empty()).then_some(Value::Array(tags)));
    let auth = match &store.auth {
        AwsAuth::Controller => None,
        AwsAuth::ServiceAccount(account) => Some(json!({ "jwt": { "serviceAccountRef": service_account(account) } })),
        AwsAuth::StaticKeys { access_key_id, secret_access_key, session_token } => {
            let mut keys = json!({
                "accessKeyIDSecretRef": secret_key(access_key_id),
                "secretAccessKeySecretRef": secret_key(secret_access_key),
            });
            set(&mut keys, "sessionTokenSecretRef", session_token.as_ref().map(secret_key));
            Some(json!({ "secretRef": keys }))
        }
    };
    set(&mut aws, "auth", auth);
    json!({ "aws": aws })
}

fn vault(store: &VaultStore) -> Value {
    let mut vault = json!({ "server": store.address, "path": store.mount, "version": "v2", "auth": vault_auth(&store.auth) });
    set(&mut vault, "namespace", store.namespace.as_ref().map(|namespace| json!(namespace)));
    match &store.ca {
        None => {}
        Some(CaSource::Bundle(pem)) => set(&mut vault, "caBundle", Some(json!(BASE64_STANDARD.encode(pem)))),
        Some(CaSource::ConfigMap(key)) => set(&mut vault, "caProvider", Some(ca_provider("ConfigMap", key))),
        Some(CaSource::Secret(key)) => set(&mut vault, "caProvider", Some(ca_provider("Secret", key))),
    }
    json!({ "vault": vault })
}

fn vault_auth(auth: &VaultAuth) -> Value {
    match auth {
        VaultAuth::Kubernetes { path, role, identity } => {
            let mut kubernetes = json!({ "mountPath": path, "role": role });
            match identity {
                Identity::ServiceAccount(account) => set(&mut kubernetes, "serviceAccountRef", Some(service_account(account))),
                Identity::Secret(key) => set(&mut kubernetes, "secretRef", Some(secret_key(key))),
            }
            json!({ "kubernetes": kubernetes })
        }
        VaultAuth::Jwt { path, role, identity } => {
            let mut jwt = json!({ "path": path, "role": role });
            match identity {
                Identity::ServiceAccount(account) => {
                    let token = json!({ "serviceAccountRef": service_account(account) });
                    set(&mut jwt, "kubernetesServiceAccountToken", Some(token));
                }
                Identity::Secret(key) => set(&mut jwt, "secretRef", Some(secret_key(key))),
            }
            json!({ "jwt": jwt })
        }
        VaultAuth::AppRole { path, role_id, secret_id } => {
            let mut app_role = json!({ "path": path, "secretRef": secret_key(secret_id) });
            match role_id {
                RoleId::Plain(id) => set(&mut app_role, "roleId", Some(json!(id))),
                RoleId::Reference(key) => set(&mut app_role, "roleRef", Some(secret_key(key))),
            }
            json!({ "appRole": app_role })
        }
        VaultAuth::Token(key) => json!({ "tokenSecretRef": secret_key(key) }),
    }
}

fn ca_provider(kind: &str, key: &SecretKeyRef) -> Value {
    let mut provider = secret_key(key);
    set(&mut provider, "type", Some(json!(kind)));
    provider
}

fn service_account(account: &ServiceAccountRef) -> Value {
    let mut value = json!({ "name": account.name });
    set(&mut value, "namespace", account.namespace.as_ref().map(|namespace| json!(namespace)));
    set(&mut value, "audiences", (!account.audiences.is_empty()).then(|| json!(account.audiences)));
    value
}

fn secret_key(key: &SecretKeyRef) -> Value {
    let mut value = json!({ "name": key.name, "key": key.key });
    set(&mut value, "namespace", key.namespace.as_ref().map(|namespace| json!(namespace)));
    value
}

fn set(object: &mut Value, key: &str, value: Option<Value>) {
    if let (Value::Object(map), Some(value)) = (object, value) {
        map.insert(key.to_owned(), value);
    }
}
