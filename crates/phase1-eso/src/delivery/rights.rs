//! The rights in Kubernetes that `migrate` needs: as narrow as RBAC can say it. Pure.
//!
//! Secrets are read by name: those in use, and those of our shadows, which alone may be deleted. Creating can't be bound to a name, since the
//! API server decides on it before there is one (<https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources>).

use std::collections::{BTreeMap, BTreeSet};

use migrate_core::inventory::external_secret::{StoreKind, StoreRef};
use serde_json::{Value, json};

use super::spelled::Spelled;
use crate::{
    emit::{Emitted, Ordered},
    table::GROUP,
};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    /// Comparing Secrets with their authority.
    Verify,
    /// Switching with manifests that Git brings: shadows are made and removed.
    SwitchByGit,
    /// Switching in the cluster: ExternalSecrets are changed, and a store that is missing is made.
    SwitchDirectly,
}

/// The ServiceAccount that gets the rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

const NAME: &str = "migrate";

/// Roles and bindings for what is emitted, and for the `stores` that may be read from after the switch, in the order of namespaces; cluster-wide ones last, where a ClusterExternalSecret or a
/// ClusterSecretStore needs them. A ClusterExternalSecret may make its Secrets anywhere, so that they are read everywhere.
#[must_use]
pub fn rights(emitted: &Emitted, stores: &[StoreRef], task: Task, subject: &Subject) -> Vec<Value> {
    let mut namespaces: BTreeMap<&str, Named> = BTreeMap::new();
    let mut clusterwide = Named::default();
    let spelled: Vec<Spelled> = emitted.external_secrets.iter().map(|object| Spelled::of(object, object)).collect();
    for one in &spelled {
        let named = match &one.namespace {
            Some(namespace) => namespaces.entry(namespace).or_default(),
            None => {
                clusterwide.made_by.insert(one.name.clone());
                &mut clusterwide
            }
        };
        named.external_secrets.insert(one.made_name().to_owned());
        named.secrets.insert(one.secret_name().to_owned());
        named.shadows.insert(one.shadow_name());
    }
    for store in stores {
        let name = store.name.to_string();
        match store.kind {
            StoreKind::SecretStore => namespaces.values_mut().for_each(|named| named.stores.extend([name.clone()])),
            StoreKind::ClusterSecretStore => clusterwide.stores.extend([name]),
        }
    }
    let mut objects = Vec::new();
    for (namespace, named) in &namespaces {
        objects.extend(bound(Some(namespace), &named.rules(task, "secretstores"), subject));
    }
    let rules = clusterwide.rules(task, "clustersecretstores");
    if !rules.is_empty() {
        objects.extend(bound(None, &rules, subject));
    }
    objects
}

/// The names that a role speaks of.
#[derive(Default)]
struct Named {
    external_secrets: BTreeSet<String>,
    made_by: BTreeSet<String>,
    secrets: BTreeSet<String>,
    shadows: BTreeSet<String>,
    stores: BTreeSet<String>,
}

impl Named {
    fn rules(&self, task: Task, stores: &str) -> Vec<Value> {
        let switches = task >= Task::SwitchByGit;
        let changes: &[&str] = if task == Task::SwitchDirectly { &["get", "update"] } else { &["get"] };
        let mut rules = Vec::new();
        let mut rule = |group: &str, resource: &str, verbs: &[&str], names: &BTreeSet<String>| {
            if !names.is_empty() {
                rules.push(json!({ "apiGroups": [group], "resources": [resource], "verbs": verbs, "resourceNames": names }));
            }
        };
        // What a ClusterExternalSecret makes is only looked at.
        rule(GROUP, "externalsecrets", if self.made_by.is_empty() { changes } else { &["get"] }, &self.external_secrets);
        rule(GROUP, "clusterexternalsecrets", changes, &self.made_by);
        rule("", "secrets", &["get"], &self.secrets);
        if switches {
            rule(GROUP, "externalsecrets", &["get", "delete"], &self.shadows);
            rule("", "secrets", &["get", "delete"], &self.shadows);
            rule(GROUP, stores, &["get"], &self.stores);
            if !self.shadows.is_empty() {
                let mut verbs = vec!["create"];
                // Shadows are looked for in every namespace.
                verbs.extend((!self.made_by.is_empty()).then_some("list"));
                rules.push(json!({ "apiGroups": [GROUP], "resources": ["externalsecrets"], "verbs": verbs }));
            }
            if task == Task::SwitchDirectly && !self.stores.is_empty() {
                rules.push(json!({ "apiGroups": [GROUP], "resources": [stores], "verbs": ["create"] }));
            }
        }
        rules
    }
}

/// A role and its binding.
fn bound(namespace: Option<&str>, rules: &[Value], subject: &Subject) -> [Value; 2] {
    let kind = if namespace.is_some() { "Role" } else { "ClusterRole" };
    let mut metadata = json!({ "name": NAME, "labels": { "app.kubernetes.io/managed-by": "migrate" } });
    if let Some(namespace) = namespace {
        metadata["namespace"] = json!(namespace);
    }
    let api = "rbac.authorization.k8s.io";
    [
        json!({ "apiVersion": format!("{api}/v1"), "kind": kind, "metadata": metadata, "rules": rules }),
        json!({
            "apiVersion": format!("{api}/v1"),
            "kind": format!("{kind}Binding"),
            "metadata": metadata,
            "roleRef": { "apiGroup": api, "kind": kind, "name": NAME },
            "subjects": [{ "kind": "ServiceAccount", "namespace": subject.namespace, "name": subject.name }],
        }),
    ]
}

/// The objects as one stream of manifests.
#[must_use]
pub fn to_yaml(objects: &[Value]) -> String {
    let texts: Vec<String> = objects.iter().map(|object| migrate_core::yaml::to_yaml(&ordered(object))).collect();
    texts.join("---\n")
}

/// As a person would write it: what it is before what it says.
fn ordered(value: &Value) -> Ordered {
    const FIRST: [&str; 5] = ["apiVersion", "kind", "metadata", "name", "namespace"];
    match value {
        Value::Object(fields) => {
            let mut entries: Vec<_> = fields.iter().collect();
            entries.sort_by_key(|(key, _)| FIRST.iter().position(|first| first == key).unwrap_or(FIRST.len()));
            Ordered::Map(entries.into_iter().map(|(key, value)| (key.clone(), ordered(value))).collect())
        }
        Value::Array(items) => Ordered::List(items.iter().map(ordered).collect()),
        other => Ordered::Text(other.as_str().unwrap_or_default().to_owned()),
    }
}
