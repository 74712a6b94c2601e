//! What the API server makes of an object: every field that it would fill in is written, and what the version does not take is refused.

use serde_json::{Map, Value};

use super::{object::Ordered, refused::Refused};
use crate::{
    table::{Content, Default, Field, Kind, Shape},
    version::EsoVersion,
};

/// The order in which a person would write the fields of an object; what is not here comes last, by name.
const ORDER: &[&str] = &[
    // ClusterExternalSecret
    "externalSecretName",
    "externalSecretMetadata",
    "refreshTime",
    "namespaceSelectors",
    "namespaces",
    "externalSecretSpec",
    // ExternalSecret
    "refreshPolicy",
    "refreshInterval",
    "syncWindows",
    "secretStoreRef",
    "target",
    // references and selectors
    "apiVersion",
    "kind",
    "name",
    "namespace",
    // target
    "creationPolicy",
    "deletionPolicy",
    "immutable",
    "manifest",
    "template",
    "type",
    "engineVersion",
    "mergePolicy",
    "metadata",
    "labels",
    "annotations",
    "finalizers",
    // what is read
    "data",
    "dataFrom",
    "secretKey",
    "extract",
    "find",
    "remoteRef",
    "sourceRef",
    "rewrite",
    // stores
    "provider",
    "service",
    "region",
    "server",
    "mountPath",
    // what is read of one entry
    "key",
    "operator",
    "values",
    "path",
    "tags",
    "property",
    "version",
    "conversionStrategy",
    "decodingStrategy",
    "metadataPolicy",
    "nullBytePolicy",
    "source",
    "into",
    "priority",
    "priorityPolicy",
    "strategy",
    "conflictPolicy",
    "role",
    "externalID",
    "prefix",
    "roleId",
    "roleRef",
    "auth",
    "caProvider",
    "caBundle",
    "conditions",
];

/// The `spec` of an object of that kind as the version has it in the cluster.
pub(super) fn spec(kind: Kind, version: EsoVersion, spec: &Value, refuse: &mut dyn FnMut(Refused)) -> Ordered {
    let mut completing = Completing { version, refuse };
    match kind.field(version.release(), "spec") {
        Some(field) => completing.field(field, spec, "spec"),
        None => Ordered::Map(Vec::new()),
    }
}

struct Completing<'r> {
    version: EsoVersion,
    refuse: &'r mut dyn FnMut(Refused),
}

impl Completing<'_> {
    fn field(&mut self, field: &Field, value: &Value, path: &str) -> Ordered {
        if let Value::String(text) = value {
            let words: Vec<_> = field.words(self.version.release()).collect();
            if !words.is_empty() && !words.contains(&text.as_str()) {
                (self.refuse)(Refused::NoWord { path: path.to_owned(), version: self.version, wants: words.join(", ") });
            }
        }
        self.content(&field.content, value, path)
    }

    fn content(&mut self, content: &Content, value: &Value, path: &str) -> Ordered {
        match (content, value) {
            (Content::Object(shape), Value::Object(map)) => self.object(shape, map, path),
            (Content::List(items, _), Value::Array(values)) => {
                Ordered::List(values.iter().map(|value| self.content(items, value, path)).collect())
            }
            (Content::Text(text), Value::String(said)) if !text.form.accepts(said) => {
                let wants = text.form.wants().to_owned();
                (self.refuse)(Refused::NoWord { path: path.to_owned(), version: self.version, wants });
                plain(value)
            }
            _ => plain(value),
        }
    }

    fn object(&mut self, shape: &Shape, map: &Map<String, Value>, path: &str) -> Ordered {
        let release = self.version.release();
        let mut entries = Vec::new();
        for (name, value) in map {
            let path = format!("{path}.{name}");
            match shape.field(release, name) {
                Some(field) => entries.push((name.clone(), self.field(field, value, &path))),
                None => (self.refuse)(Refused::NoField { path, version: self.version }),
            }
        }
        for field in shape.fields_of(release).filter(|field| !map.contains_key(field.name)) {
            match field.default {
                Some(Default::Text(text)) => entries.push((field.name.to_owned(), Ordered::Text(text.to_owned()))),
                Some(Default::Object(texts)) => {
                    let texts = texts.iter().map(|(key, text)| ((*key).to_owned(), Ordered::Text((*text).to_owned())));
                    entries.push((field.name.to_owned(), Ordered::Map(texts.collect())));
                }
                None => {}
            }
        }
        entries.sort_by(|(a, _), (b, _)| (rank(a), a).cmp(&(rank(b), b)));
        Ordered::Map(entries)
    }
}

fn rank(name: &str) -> usize {
    ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len())
}

/// A tree as it is, mappings by key.
fn plain(value: &Value) -> Ordered {
    match value {
        Value::Object(map) => Ordered::Map(map.iter().map(|(key, value)| (key.clone(), plain(value))).collect()),
        Value::Array(values) => Ordered::List(values.iter().map(plain).collect()),
        Value::String(text) => Ordered::Text(text.clone()),
        Value::Bool(boolean) => Ordered::Boolean(*boolean),
        Value::Number(number) => Ordered::Integer(number.as_i64().unwrap_or_default()),
        Value::Null => Ordered::Text(String::new()),
    }
}
