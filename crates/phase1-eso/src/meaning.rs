//! What a set of manifests means to one release of the operator, and where two sets mean different things.
//!
//! Two spellings of one thing are equal here: defaults are filled in, v1beta1 is v1, durations are compared as durations, an ARN names the
//! secret in its middle, `namespaceSelector` is one of `namespaceSelectors`, and each item of `data` and `dataFrom` has the store that it
//! is read from. Order counts where it counts for the operator: in `dataFrom`, `rewrite` and `priority`. What tools
//! note about themselves in metadata does not count.
//!
//! A difference names its place, never a text: what stands in a manifest by mistake may be a value (REQ OPS-1).

use std::{collections::BTreeMap, fmt};

use migrate_core::{go_duration::GoDuration, name::SecretArn};
use serde_json::{Map, Value};

use crate::{
    emit,
    table::{Content, Default, GROUP, Kind, Shape},
    version::Release,
    yaml::{Node, push_key},
};

/// What a set of manifests means. Objects of kinds that are not the operator's have no meaning here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meaning(BTreeMap<ObjectId, Value>);

/// Which object: kind, namespace, name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectId {
    kind: Kind,
    namespace: String,
    name: String,
}

/// A place where two sets mean different things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The object.
    pub object: ObjectId,
    /// The place in it; empty for the object itself.
    pub path: String,
    /// How they differ.
    pub side: Side,
}

/// Which of two sets says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Only the first.
    First,
    /// Only the second.
    Second,
    /// Both, each something else.
    Both,
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        match self.namespace.as_str() {
            "" => write!(f, " {}", self.name),
            namespace => write!(f, " {namespace}/{}", self.name),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.object)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(match self.side {
            Side::First => "only in the first",
            Side::Second => "only in the second",
            Side::Both => "differs",
        })
    }
}

impl Meaning {
    /// What the documents mean to a release. Lists are taken apart; of two manifests for one object the later counts, as when they are
    /// applied one after the other.
    #[must_use]
    pub fn of<'n>(documents: impl IntoIterator<Item = &'n Node>, release: Release) -> Self {
        let mut meaning = Self::default();
        for document in documents {
            meaning.add(document, release);
        }
        meaning
    }

    fn add(&mut self, node: &Node, release: Release) {
        let text = |keys: &[&str]| node.peek_at(keys).and_then(Node::text).unwrap_or_default().to_owned();
        if let (true, Some(items)) = (text(&["kind"]).ends_with("List"), node.peek("items")) {
            items.items().iter().for_each(|item| self.add(item, release));
            return;
        }
        let is_ours = text(&["apiVersion"]).split_once('/').is_some_and(|(group, _)| group == GROUP);
        let Some(kind) = Kind::parse(&text(&["kind"])).filter(|_| is_ours) else { return };
        let namespace = if kind.is_namespaced() { text(&["metadata", "namespace"]) } else { String::new() };
        let id = ObjectId { kind, namespace, name: text(&["metadata", "name"]) };
        let mut spec = node.peek("spec").map_or(Value::Null, Node::to_json);
        spelled_alike(kind, &mut spec);
        let texts = |key| {
            let entries = node.peek_at(&["metadata", key]).map(Node::entries).unwrap_or_default();
            let texts = entries.iter().filter_map(|(key, text)| Some((key.text.clone(), text.text()?.to_owned())));
            texts.filter(|(key, _)| key != LAST_APPLIED).collect::<BTreeMap<_, _>>()
        };
        let (mut labels, mut annotations) = (texts("labels"), texts("annotations"));
        emit::without_ours(&mut labels, &mut annotations);
        // Who manages an object is no part of what it means.
        labels.remove("app.kubernetes.io/managed-by");
        if kind == Kind::ExternalSecret {
            copied_metadata(&mut spec, &labels, &annotations);
        }
        let mut whole = Map::new();
        whole.insert("spec".to_owned(), spec);
        let mut whole = Value::Object(whole);
        fill(&mut whole, kind.shape(), release);
        in_order(&mut whole);
        whole["labels"] = serde_json::json!(labels);
        whole["annotations"] = serde_json::json!(annotations);
        prune(&mut whole);
        self.0.insert(id, whole);
    }

    /// Where another set means something else.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut ids: Vec<&ObjectId> = self.0.keys().chain(other.0.keys()).collect();
        ids.sort();
        ids.dedup();
        for id in ids {
            let mut add = |path: &str, side| found.push(Difference { object: id.clone(), path: path.to_owned(), side });
            match (self.0.get(id), other.0.get(id)) {
                (Some(first), Some(second)) => compare(first, second, &mut String::new(), &mut add),
                (Some(_), None) => add("", Side::First),
                (None, Some(_)) => add("", Side::Second),
                (None, None) => {}
            }
        }
        found
    }

    /// How many objects there are.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.0.len()
    }
}

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Without a template, the operator copies labels and annotations to the Secret: as a template does that names them.
fn copied_metadata(spec: &mut Value, labels: &BTreeMap<String, String>, annotations: &BTreeMap<String, String>) {
    let Value::Object(spec) = spec else { return };
    let Value::Object(target) = spec.entry("target").or_insert_with(|| Value::Object(Map::new())) else { return };
    let says = |key: &str| target.get(key).is_some_and(|value| !value.is_null());
    if says("template") || says("manifest") || target.get("creationPolicy").is_some_and(|policy| policy == "None") {
        return;
    }
    let literal = |texts: &BTreeMap<String, String>| {
        texts.iter().map(|(key, text)| (key.clone(), text.replace("{{", "{{ \"{{\" }}"))).collect::<BTreeMap<_, _>>()
    };
    let metadata = serde_json::json!({ "labels": literal(labels), "annotations": literal(annotations) });
    target.insert("template".to_owned(), serde_json::json!({ "metadata": metadata }));
}

/// Other spellings of the same thing.
fn spelled_alike(kind: Kind, spec: &mut Value) {
    if kind == Kind::ClusterExternalSecret
        && let Value::Object(outer) = spec
        && let Some(one) = outer.remove("namespaceSelector").filter(|one| !one.is_null())
        && let Value::Array(many) = outer.entry("namespaceSelectors").or_insert_with(|| Value::Array(Vec::new()))
    {
        many.insert(0, one);
    }
    let spec = match kind {
        Kind::ClusterExternalSecret => spec.get_mut("externalSecretSpec"),
        Kind::ExternalSecret => Some(spec),
        _ => None,
    };
    let Some(Value::Object(spec)) = spec else { return };
    let own = spec.remove("secretStoreRef").filter(|store| store.get("name").is_some());
    for key in ["data", "dataFrom"] {
        let Some(Value::Array(items)) = spec.get_mut(key) else { continue };
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            // In v1alpha1 an item of `dataFrom` is what `extract` is now.
            if key == "dataFrom" && item.contains_key("key") {
                let extract = std::mem::take(item);
                item.insert("extract".to_owned(), Value::Object(extract));
            }
            if let (None, Some(own)) = (item.get("sourceRef").filter(|of| !of.is_null()), &own) {
                item.insert("sourceRef".to_owned(), serde_json::json!({ "storeRef": own }));
            }
            for of in ["remoteRef", "extract"] {
                let Some(Value::Object(remote)) = item.get_mut(of) else { continue };
                remote.retain(|key, value| !(["property", "version"].contains(&key.as_str()) && value == ""));
                if let Some(Value::String(key)) = remote.get_mut("key")
                    && let Ok(parts) = SecretArn::new(key.as_str()).parts()
                {
                    *key = parts.name.to_string();
                }
                if of == "remoteRef" {
                    // The operator converts no name of a single key.
                    remote.remove("conversionStrategy");
                }
            }
        }
        if key == "data" {
            // Of two items with one key, the later wins.
            let keys: Vec<Value> = items.iter().map(|item| item["secretKey"].clone()).collect();
            let mut at = 0;
            items.retain(|_| {
                at += 1;
                !keys[at..].contains(&keys[at - 1])
            });
        }
    }
}

/// Fills in what the API server or the controller does.
fn fill(value: &mut Value, shape: &Shape, release: Release) {
    let Value::Object(fields) = value else { return };
    for field in shape.fields_of(release) {
        let is_there = fields.get(field.name).is_some_and(|value| !value.is_null());
        if !is_there {
            if let Some(Default::Object(texts)) = field.default {
                let texts = texts.iter().map(|(key, text)| ((*key).to_owned(), Value::from(*text)));
                fields.insert(field.name.to_owned(), Value::Object(texts.collect()));
            } else if let Some(text) = field.effective() {
                fields.insert(field.name.to_owned(), Value::from(text));
            }
        }
        let Some(value) = fields.get_mut(field.name) else { continue };
        if let Value::String(text) = value
            && matches!(field.name, "refreshInterval" | "refreshTime" | "duration")
            && let Ok(duration) = text.parse::<GoDuration>()
        {
            *text = duration.to_string();
        }
        match &field.content {
            Content::Object(shape) => fill(value, shape, release),
            Content::List(Content::Object(shape), _) => {
                value.as_array_mut().into_iter().flatten().for_each(|item| fill(item, shape, release));
            }
            _ => {}
        }
    }
}

/// Lists whose order counts for nobody.
const UNORDERED: [&str; 9] = [
    "data",
    "namespaces",
    "namespaceSelectors",
    "matchExpressions",
    "values",
    "finalizers",
    "conditions",
    "secretStoreRefs",
    "audiences",
];

fn in_order(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(in_order),
        Value::Object(fields) => {
            for (key, value) in fields {
                in_order(value);
                if let (true, Value::Array(items)) = (UNORDERED.contains(&key.as_str()), value) {
                    items.sort_by_cached_key(|item| {
                        let first = item.get("secretKey").map(ToString::to_string);
                        (first, item.to_string())
                    });
                }
            }
        }
        _ => {}
    }
}

/// Takes out what says nothing. An empty template replaces the metadata that would be copied, and an empty selector selects everything.
fn prune(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(prune),
        Value::Object(fields) => {
            fields.values_mut().for_each(prune);
            fields.retain(|key, value| match value {
                Value::Null => false,
                Value::Array(items) => !items.is_empty(),
                Value::Object(below) => !below.is_empty() || ["template", "namespaceSelector"].contains(&key.as_str()),
                _ => true,
            });
        }
        _ => {}
    }
}

fn compare(first: &Value, second: &Value, path: &mut String, add: &mut impl FnMut(&str, Side)) {
    let length = path.len();
    match (first, second) {
        (Value::Object(first), Value::Object(second)) => {
            let mut keys: Vec<&String> = first.keys().chain(second.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                push_key(path, key);
                match (first.get(key), second.get(key)) {
                    (Some(first), Some(second)) => compare(first, second, path, add),
                    (Some(_), None) => add(path, Side::First),
                    (None, _) => add(path, Side::Second),
                }
                path.truncate(length);
            }
        }
        (Value::Array(first), Value::Array(second)) => {
            for at in 0..first.len().max(second.len()) {
                path.push_str(&format!("[{at}]"));
                match (first.get(at), second.get(at)) {
                    (Some(first), Some(second)) => compare(first, second, path, add),
                    (Some(_), None) => add(path, Side::First),
                    (None, _) => add(path, Side::Second),
                }
                path.truncate(length);
            }
        }
        (first, second) if first != second => add(path, Side::Both),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn meaning(text: &str) -> Meaning {
        Meaning::of(&yaml::read(text).documents, Release::V0_20_4)
    }

    fn spec(text: &str) -> Meaning {
        meaning(&format!(
            "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {{name: a, namespace: b}}\nspec: {text}\n"
        ))
    }

    const PLAIN: &str =
        "{secretStoreRef: {name: s}, data: [{secretKey: a, remoteRef: {key: x}}, {secretKey: b, remoteRef: {key: y}}]}";

    #[test]
    fn two_spellings_of_one_thing_are_equal() {
        for same in [
            "{refreshInterval: 60m, secretStoreRef: {name: s, kind: SecretStore}, target: {creationPolicy: Owner}, data: [{secretKey: b, remoteRef: {key: y, property: ''}}, {secretKey: a, remoteRef: {key: x, decodingStrategy: None, conversionStrategy: Unicode}}]}",
            "{dataFrom: [], data: [{secretKey: b, remoteRef: {key: old}, sourceRef: {storeRef: {name: s}}}, {secretKey: a, remoteRef: {key: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbC123'}, sourceRef: {storeRef: {name: s}}}, {secretKey: b, remoteRef: {key: y}, sourceRef: {storeRef: {name: s}}}]}",
        ] {
            assert_eq!(spec(PLAIN).differences(&spec(same)), [], "{same}");
        }
        let beta = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: external-secrets.io/v1beta1\n  kind: ExternalSecret\n  metadata: {name: a, namespace: b, uid: x}\n  status: {a: b}\n";
        assert_eq!(spec(PLAIN).differences(&meaning(&format!("{beta}  spec: {PLAIN}\n"))), []);
    }

    #[test]
    fn differences_are_told_by_place_and_quote_nothing() {
        let shown = |a: &Meaning, b: &Meaning| a.differences(b).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let other = "{secretStoreRef: {name: s}, refreshInterval: 2h, target: {template: {}}, data: [{secretKey: a, remoteRef: {key: canary}}, {secretKey: b, remoteRef: {key: y}}]}";
        insta::assert_snapshot!(shown(&spec(PLAIN), &spec(other)), @r#"
        ExternalSecret b/a: spec.data[0].remoteRef.key: differs
        ExternalSecret b/a: spec.refreshInterval: differs
        "#);
        let (one, two) =
            ("{dataFrom: [{extract: {key: a}}, {extract: {key: b}}]}", "{dataFrom: [{extract: {key: b}}, {extract: {key: a}}]}");
        assert_eq!(spec(one).differences(&spec(two)).len(), 2, "later ones win");
        assert_eq!(shown(&spec(one), &Meaning::default()), "ExternalSecret b/a: only in the first");
    }

    #[test]
    fn one_selector_is_the_first_of_many() {
        let cluster = |spec: &str| {
            meaning(&format!(
                "apiVersion: external-secrets.io/v1\nkind: ClusterExternalSecret\nmetadata: {{name: a}}\nspec: {spec}\n"
            ))
        };
        let one = cluster("{namespaceSelector: {matchLabels: {a: b}}, externalSecretSpec: {data: []}}");
        assert_eq!(one.differences(&cluster("{namespaceSelectors: [{matchLabels: {a: b}}], externalSecretSpec: {}}")), []);
        assert_eq!(
            cluster("{namespaceSelector: {}}").differences(&cluster("{}")).len(),
            1,
            "an empty selector selects everything"
        );
    }
}
