//! How one delivery is spelled: before the switch, while it is switched, after it; and its shadow. Pure.

use migrate_core::{go_duration::GoDuration, id::DeliveryName, observed::Mark};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    emit::{Object, Ordered},
    table::Kind,
};

/// The label on every shadow, and on its Secret.
pub(super) const SHADOW: &str = "migrate/shadow";
/// Whose shadow it is.
const SHADOW_OF: &str = "migrate/shadow-of";
/// Which run made it.
const MARK: &str = "migrate/mark";
/// Ends the name of every shadow.
const END: &str = "-migrate-shadow";
/// Characters of an object's name.
const LONGEST: usize = 253;

/// One delivery, as whole objects in JSON.
#[derive(Clone, Debug)]
pub(super) struct Spelled {
    pub(super) kind: Kind,
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    pub(super) before: Value,
    /// As after, but nothing that it misses can delete or empty its Secret, and it refreshes when it is changed.
    pub(super) switching: Value,
    pub(super) after: Value,
}

impl Spelled {
    pub(super) fn of(before: &Object, after: &Object) -> Self {
        Self {
            kind: after.kind,
            namespace: after.namespace.clone(),
            name: after.name.clone(),
            before: whole(before),
            switching: whole(&switching(after)),
            after: whole(after),
        }
    }

    pub(super) fn delivery(&self) -> DeliveryName {
        DeliveryName::external_secret(self.namespace.as_deref(), &self.name)
    }

    /// What an ExternalSecret of it says: its own, or what a ClusterExternalSecret puts into each.
    pub(super) fn external_secret_spec(&self) -> &Value {
        spec(self.kind, &self.after)
    }

    /// The name of the ExternalSecrets that it is, or makes.
    pub(super) fn made_name(&self) -> &str {
        match self.kind {
            Kind::ClusterExternalSecret => self.after["spec"]["externalSecretName"].as_str().unwrap_or(&self.name),
            _ => &self.name,
        }
    }

    /// The Secret that each of them keeps.
    pub(super) fn secret_name(&self) -> &str {
        self.external_secret_spec()["target"]["name"].as_str().unwrap_or_else(|| self.made_name())
    }

    pub(super) fn creation_policy(&self) -> &str {
        self.external_secret_spec()["target"]["creationPolicy"].as_str().unwrap_or("Owner")
    }

    /// The name of its shadow in each namespace, and of the shadow's Secret.
    pub(super) fn shadow_name(&self) -> String {
        let name = self.made_name();
        if name.len() + END.len() <= LONGEST {
            return format!("{name}{END}");
        }
        // Of the name, not of a value: two long names must not share a shadow.
        let digest: String = Sha256::digest(name.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let kept: String = name.chars().take(LONGEST - END.len() - 1 - digest.len()).collect();
        format!("{}-{digest}{END}", kept.trim_end_matches(['-', '.']))
    }

    /// Whether it says of which type its Secret is; else the operator leaves the type that is there.
    pub(super) fn names_type(&self) -> bool {
        self.external_secret_spec()["target"]["template"]["type"].is_string()
    }

    /// Why its Secret's bytes can't be computed outside the controller; none where they can.
    pub(super) fn not_computable(&self) -> Option<&'static str> {
        let spec = self.external_secret_spec();
        let says = |value: &Value| match value {
            Value::Object(fields) => !fields.is_empty(),
            Value::Array(items) => !items.is_empty(),
            _ => false,
        };
        let template = &spec["target"]["template"];
        let items = |key: &str| spec[key].as_array().map(Vec::as_slice).unwrap_or_default();
        if self.creation_policy() == "None" {
            Some("it makes no Secret")
        } else if says(&template["data"]) || says(&template["templateFrom"]) {
            Some("a template makes its data")
        } else if items("dataFrom").iter().any(|from| says(&from["rewrite"])) {
            Some("its keys are rewritten")
        } else if items("dataFrom").iter().any(|from| says(&from["sourceRef"]["generatorRef"])) {
            Some("a generator makes some of its data")
        } else {
            None
        }
    }

    /// Whether an object is a shadow of this one.
    pub(super) fn is_shadowed_by(&self, object: &Value) -> bool {
        object["metadata"]["annotations"][SHADOW_OF] == self.delivery().as_str()
    }

    /// An ExternalSecret that reads what this one will read, into a Secret of its own.
    pub(super) fn shadow(&self, namespace: &str, mark: &Mark) -> Value {
        let name = self.shadow_name();
        let mut spec = self.external_secret_spec().clone();
        spec["refreshPolicy"] = json!("OnChange");
        if let Some(fields) = spec.as_object_mut() {
            fields.remove("syncWindows");
        }
        let target = object_mut(&mut spec, "target");
        target.insert("name".to_owned(), json!(name));
        target.insert("creationPolicy".to_owned(), json!("Owner"));
        target.insert("deletionPolicy".to_owned(), json!("Retain"));
        target.remove("immutable");
        // Of what the Secret is labelled with only our own: what copies or claims Secrets by their labels must not take the shadow's.
        let template = target.entry("template").or_insert_with(|| json!({}));
        template["metadata"] = json!({ "labels": { SHADOW: "true" } });
        if let Some(from) = template.get_mut("templateFrom").and_then(Value::as_array_mut) {
            from.retain(|from| !matches!(from["target"].as_str(), Some("Labels" | "Annotations")));
        }
        json!({
            "apiVersion": Kind::ExternalSecret.served(),
            "kind": Kind::ExternalSecret.name(),
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": { "app.kubernetes.io/managed-by": "migrate", SHADOW: "true" },
                "annotations": {
                    SHADOW_OF: self.delivery().as_str(),
                    MARK: format!("{}/{}/{}", mark.ledger, mark.wave, mark.epoch),
                },
            },
            "spec": spec,
        })
    }
}

/// An object with the policies that it has while it is switched: nothing that it misses deletes or empties its Secret, and a change of it
/// refreshes it even where it never would.
#[must_use]
pub fn switching(after: &Object) -> Object {
    let mut object = after.clone();
    let spec = match after.kind {
        Kind::ClusterExternalSecret => below(&mut object.spec, "externalSecretSpec"),
        _ => &mut object.spec,
    };
    set(below(spec, "target"), "deletionPolicy", "Retain");
    let interval = text(spec, "refreshInterval").and_then(|text| text.parse::<GoDuration>().ok());
    let never = interval.is_some_and(|interval| interval.nanoseconds() <= 0);
    let policy = text(spec, "refreshPolicy");
    if policy == Some("CreatedOnce") || never && policy != Some("OnChange") {
        set(spec, "refreshPolicy", "OnChange");
    }
    object
}

fn text<'o>(object: &'o Ordered, key: &str) -> Option<&'o str> {
    let Ordered::Map(entries) = object else { return None };
    entries.iter().find(|(name, _)| name == key).and_then(|(_, value)| match value {
        Ordered::Text(text) => Some(text.as_str()),
        _ => None,
    })
}

fn set(object: &mut Ordered, key: &str, value: &str) {
    *below(object, key) = Ordered::Text(value.to_owned());
}

/// What stands under a key; an empty mapping where nothing does.
fn below<'o>(object: &'o mut Ordered, key: &str) -> &'o mut Ordered {
    if !matches!(object, Ordered::Map(_)) {
        *object = Ordered::Map(Vec::new());
    }
    let Ordered::Map(entries) = object else { unreachable!("it was just made one") };
    let at = entries.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
        entries.push((key.to_owned(), Ordered::Map(Vec::new())));
        entries.len() - 1
    });
    &mut entries[at].1
}

/// The live object with another specification in it.
pub(super) fn with_spec(live: &Value, wanted: &Value) -> Value {
    let mut changed = live.clone();
    changed["spec"] = wanted["spec"].clone();
    if let Some(fields) = changed.as_object_mut() {
        fields.remove("status");
    }
    changed
}

/// Whether a shadow of ours bears the label of one.
pub(super) fn is_shadow(labels: &Value) -> bool {
    labels[SHADOW] == "true"
}

pub(super) fn whole(object: &Object) -> Value {
    let spec = serde_json::to_value(&object.spec).unwrap_or_default();
    json!({
        "apiVersion": object.kind.served(),
        "kind": object.kind.name(),
        "metadata": {
            "name": object.name,
            "namespace": object.namespace,
            "labels": object.labels,
            "annotations": object.annotations,
        },
        "spec": spec,
    })
}

fn spec(kind: Kind, object: &Value) -> &Value {
    match kind {
        Kind::ClusterExternalSecret => &object["spec"]["externalSecretSpec"],
        _ => &object["spec"],
    }
}

fn object<'v>(value: &'v mut Value, key: &str) -> &'v mut Value {
    if !value[key].is_object() {
        value[key] = json!({});
    }
    &mut value[key]
}

fn object_mut<'v>(value: &'v mut Value, key: &str) -> &'v mut Map<String, Value> {
    match object(value, key) {
        Value::Object(fields) => fields,
        _ => unreachable!("an object was just put there"),
    }
}
