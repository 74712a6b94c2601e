//! Form: API version, fields, types, bounds and rules, as the API server would judge them.
//!
//! The API server drops nulls, fills in defaults, then validates (<https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting-and-nullable>);
//! so do we. The crate `jsonschema` judges the schema, [`cel`] the rules, and unknown fields are looked for here, since a structural
//! schema has nothing against them.

use std::collections::{BTreeMap, HashMap};

use jsonschema::{Draft, Validator, error::ValidationErrorKind as Fault};
use serde_json::{Map, Value};

use super::{Against, Object, is_ours};
use crate::{
    crds::{Crds, cel, cel::Verdict},
    lint::{
        BAD_NAME, BROKEN_RULE, Finding, Lint, MISSING_FIELD, NOT_ALLOWED, NOT_EVALUATED, NOT_SERVED, OTHER_DEFAULT,
        OUT_OF_BOUNDS, REPEATED_KEY, UNKNOWN_FIELD, UNKNOWN_KIND, WRONG_TYPE,
    },
    table::{Form, Kind},
    version::Release,
    yaml::{Content, Node, Position, push_key},
};

pub(super) struct Structure<'a> {
    crds: &'a Crds,
    against: Against<'a>,
    validators: HashMap<(String, String, String), Option<Validator>>,
}

impl<'a> Structure<'a> {
    pub(super) fn new(crds: &'a Crds, against: Against<'a>) -> Self {
        Self { crds, against, validators: HashMap::new() }
    }

    /// Checks an object of the operator's groups; false where it is none of them, or nothing is known about it.
    pub(super) fn check(&mut self, object: &Object<'_>, findings: &mut Vec<Finding>) -> bool {
        if !is_ours(object.group) {
            return false;
        }
        let versions = self.crds.versions(object.group, object.kind);
        if versions.is_empty() {
            return self.unknown_kind(object, findings);
        }
        if !Form::ObjectName.accepts(object.name) {
            let at = object.at(&["metadata", "name"]).map_or(object.node.at, |name| name.at);
            findings.push(object.finding(&BAD_NAME, at, format!("metadata.name: expected {}", Form::ObjectName.wants())));
        }
        repeated_keys(object, object.node, &mut String::new(), findings);
        let Some(version) = versions.iter().find(|version| version.name == object.version && version.is_served) else {
            let served: Vec<_> = versions
                .iter()
                .filter(|version| version.is_served)
                .map(|version| format!("{}/{}", object.group, version.name))
                .collect();
            let who = match self.against.crds {
                Some(_) => "by the CRDs that were given".to_owned(),
                None => format!("by External Secrets Operator {}", self.against.version),
            };
            let message = format!("apiVersion: not served {who}; use {}", served.join(" or "));
            findings.push(object.finding(
                &NOT_SERVED,
                object.at(&["apiVersion"]).map_or(object.node.at, |node| node.at),
                message,
            ));
            return true;
        };
        unknown_fields(
            &Place { object, release: self.against.version.release() },
            object.node,
            &version.schema,
            &mut String::new(),
            findings,
        );
        let mut instance = without_nulls(object.node);
        fill_in(&mut instance, &version.schema);
        let key = (object.group.to_owned(), object.kind.to_owned(), version.name.clone());
        let validator = self.validators.entry(key).or_insert_with(|| {
            // OpenAPI 3.0 grew out of this draft: bounds that exclude are booleans.
            jsonschema::options().with_draft(Draft::Draft4).build(&version.schema).ok()
        });
        match validator {
            None => findings.push(object.finding(
                &NOT_EVALUATED,
                object.node.at,
                "the schema of the CRD can't be used; only fields were checked",
            )),
            Some(validator) => findings.extend(validator.iter_errors(&instance).filter_map(|error| {
                let pointer = error.instance_path().as_str().to_owned();
                let (at, path) = locate(object.node, &pointer);
                let (lint, wants) = judge(error.kind())?;
                Some(object.finding(lint, at, if path.is_empty() { wants } else { format!("{path}: {wants}") }))
            })),
        }
        rules(object, &instance, &version.schema, "", findings);
        true
    }

    fn unknown_kind(&self, object: &Object<'_>, findings: &mut Vec<Finding>) -> bool {
        // The kinds of the generators are not in our table.
        if object.group != crate::table::GROUP {
            return false;
        }
        let kinds = self.crds.kinds().filter(|(group, _)| *group == object.group).map(|(_, kind)| kind);
        let known: Vec<_> = kinds.collect();
        let message = match nearest(object.kind, known.iter().copied()) {
            Some(meant) => format!("kind: not known; did you mean `{meant}`?"),
            None => format!("kind: not known; known are {}", known.join(", ")),
        };
        findings.push(object.finding(&UNKNOWN_KIND, object.at(&["kind"]).map_or(object.node.at, |node| node.at), message));
        true
    }

    /// Where the CRDs that were given fill in something else than the version that was named, once for each kind.
    pub(super) fn compare_defaults(&self, objects: &[Object<'_>], findings: &mut Vec<Finding>) {
        if self.against.crds.is_none() {
            return;
        }
        let release = self.against.version.release();
        for kind in Kind::ALL {
            let Some(first) = objects.iter().find(|object| object.known() == Some(kind)) else { continue };
            let versions = self.crds.versions(first.group, first.kind);
            let Some(theirs) = versions.iter().find(|version| version.name == first.version) else { continue };
            let (ours, theirs) = (defaults(&kind.schema(release)), defaults(&theirs.schema));
            for (path, ours) in &ours {
                let said = |default: Option<&Value>| default.map_or_else(|| "nothing".to_owned(), Value::to_string);
                if theirs.get(path) != Some(ours) {
                    let message = format!(
                        "{path}: these CRDs fill in {}, External Secrets Operator {} {ours}",
                        said(theirs.get(path)),
                        self.against.version
                    );
                    findings.push(Finding {
                        object: kind.name().to_owned(),
                        ..first.finding(&OTHER_DEFAULT, first.node.at, message)
                    });
                }
            }
        }
    }
}

/// The object that is looked at, and the release to compare others with.
struct Place<'a> {
    object: &'a Object<'a>,
    release: Release,
}

/// Every field that the schema does not have. A key that is not known is not quoted: it may stand there by mistake.
fn unknown_fields(place: &Place<'_>, node: &Node, schema: &Value, path: &mut String, findings: &mut Vec<Finding>) {
    if schema["x-kubernetes-preserve-unknown-fields"] == true {
        return;
    }
    let length = path.len();
    for (index, item) in node.items().iter().enumerate() {
        path.push_str(&format!("[{index}]"));
        unknown_fields(place, item, &schema["items"], path, findings);
        path.truncate(length);
    }
    let properties = schema["properties"].as_object();
    for (key, below) in node.entries() {
        let known = properties.and_then(|properties| properties.get(&key.text)).or_else(|| schema.get("additionalProperties"));
        // The API server knows these without a schema.
        let is_given = path.is_empty() && ["apiVersion", "kind", "metadata", "status"].contains(&key.text.as_str());
        match known {
            _ if is_given => {}
            Some(schema) => {
                push_key(path, &key.text);
                unknown_fields(place, below, schema, path, findings);
                path.truncate(length);
            }
            None if schema["type"] != "object" => {}
            None => {
                let message = unknown_field(place, path, &key.text, properties);
                findings.push(place.object.finding(&UNKNOWN_FIELD, key.at, message));
            }
        }
    }
}

fn unknown_field(place: &Place<'_>, path: &str, key: &str, properties: Option<&Map<String, Value>>) -> String {
    let known: Vec<_> = properties.into_iter().flat_map(Map::keys).map(String::as_str).collect();
    let way: String = path.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest)).collect();
    let other = place.object.known().and_then(|kind| {
        let has = |release: &Release| kind.field(*release, &format!("{way}.{key}")).is_some();
        Release::ALL.into_iter().find(has).filter(|_| !has(&place.release))
    });
    let at = if path.is_empty() { "unknown field".to_owned() } else { format!("{path}: unknown field") };
    match (other, nearest(key, known.iter().copied())) {
        (Some(release), _) if release > place.release => format!("{at}; `{key}` came with {release}"),
        (Some(_), _) => format!("{at}; `{key}` is gone in {}", place.release),
        (None, Some(meant)) => format!("{at}; did you mean `{meant}`?"),
        (None, None) => format!("{at}; known here: {}", known.join(", ")),
    }
}

fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let close = known.map(|known| (strsim::damerau_levenshtein(&word.to_lowercase(), &known.to_lowercase()), known));
    close.filter(|(distance, known)| *distance <= 2 && *distance * 3 <= known.len()).min().map(|(_, known)| known)
}

fn repeated_keys(object: &Object<'_>, node: &Node, path: &mut String, findings: &mut Vec<Finding>) {
    let length = path.len();
    for (index, item) in node.items().iter().enumerate() {
        path.push_str(&format!("[{index}]"));
        repeated_keys(object, item, path, findings);
        path.truncate(length);
    }
    let mut first = HashMap::new();
    for (key, below) in node.entries() {
        if let Some(line) = first.insert(key.text.as_str(), key.at.line) {
            let at = if path.is_empty() { String::new() } else { format!("{path}: ") };
            findings.push(object.finding(&REPEATED_KEY, key.at, format!("{at}this key stands on line {line} already")));
        }
        push_key(path, &key.text);
        repeated_keys(object, below, path, findings);
        path.truncate(length);
    }
}

/// As JSON, without the members that are null: the API server takes them for left out.
fn without_nulls(node: &Node) -> Value {
    match &node.content {
        Content::List(items) => Value::Array(items.iter().map(without_nulls).collect()),
        Content::Map(entries) => {
            let there = entries.iter().filter(|(_, node)| !matches!(node.content, Content::Null));
            there.map(|(key, node)| (key.text.clone(), without_nulls(node))).collect()
        }
        _ => node.to_json(),
    }
}

fn fill_in(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(members) => {
            for (name, below) in schema["properties"].as_object().into_iter().flatten() {
                if let (None, Some(default)) = (members.get(name), below.get("default")) {
                    members.insert(name.clone(), default.clone());
                }
            }
            for (name, member) in members {
                let below = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
                fill_in(member, below);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill_in(item, &schema["items"])),
        _ => {}
    }
}

/// What a fault is called here; `None` for what another fault says already.
fn judge(fault: &Fault) -> Option<(&'static Lint, String)> {
    Some(match fault {
        Fault::Type { kind } => (&WRONG_TYPE, format!("expected {}", types(kind))),
        Fault::AnyOf { .. } | Fault::OneOfNotValid { .. } | Fault::OneOfMultipleValid { .. } | Fault::Not { .. } => {
            (&WRONG_TYPE, "none of the forms that are allowed here".to_owned())
        }
        Fault::Required { property } => (&MISSING_FIELD, format!("`{}` is missing", property.as_str().unwrap_or_default())),
        Fault::Enum { options } => {
            let words: Vec<_> = options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            (&NOT_ALLOWED, format!("expected one of {}", words.join(", ")))
        }
        Fault::Pattern { pattern } => {
            let forms = [Form::ObjectName, Form::Namespace, Form::DataKey, Form::Schedule];
            let form = forms.into_iter().find(|form| form.pattern() == Some(pattern));
            (
                &OUT_OF_BOUNDS,
                form.map_or_else(
                    || format!("expected a text that matches {pattern}"),
                    |form| format!("expected {}", form.wants()),
                ),
            )
        }
        Fault::MinLength { limit: 1 } => (&OUT_OF_BOUNDS, "expected a text that is not empty".to_owned()),
        Fault::MinLength { limit } => (&OUT_OF_BOUNDS, format!("expected {limit} characters or more")),
        Fault::MaxLength { limit } => (&OUT_OF_BOUNDS, format!("expected at most {limit} characters")),
        Fault::MinItems { limit } => (&OUT_OF_BOUNDS, format!("expected {limit} items or more")),
        Fault::MaxItems { limit } => (&OUT_OF_BOUNDS, format!("expected at most {limit} items")),
        Fault::Minimum { limit } => (&OUT_OF_BOUNDS, format!("expected {limit} or more")),
        Fault::Maximum { limit } => (&OUT_OF_BOUNDS, format!("expected at most {limit}")),
        Fault::MinProperties { limit: 1 } | Fault::MaxProperties { limit: 1 } => {
            (&BROKEN_RULE, "exactly one field has to be set here".to_owned())
        }
        Fault::MinProperties { limit } => (&BROKEN_RULE, format!("{limit} fields or more have to be set here")),
        Fault::MaxProperties { limit } => (&BROKEN_RULE, format!("at most {limit} fields can be set here")),
        other => (&OUT_OF_BOUNDS, format!("it breaks `{}` of the schema", other.keyword())),
    })
}

fn types(kind: &jsonschema::error::TypeKind) -> String {
    use jsonschema::{JsonType, error::TypeKind};
    let name = |kind: JsonType| match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "nothing",
        JsonType::Number => "a number",
        JsonType::Object => "a mapping",
        JsonType::String => "a text; put it in quotes if it looks like a number or a boolean",
    };
    match kind {
        TypeKind::Single(kind) => name(*kind).to_owned(),
        TypeKind::Multiple(kinds) => kinds.iter().map(name).collect::<Vec<_>>().join(" or "),
    }
}

/// The place and path of a JSON pointer, as far as the file goes.
fn locate(root: &Node, pointer: &str) -> (Position, String) {
    let (mut node, mut at, mut path) = (root, root.at, String::new());
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        let below = match &node.content {
            Content::List(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
            _ => node.peek(&step),
        };
        let Some(below) = below else { break };
        if matches!(node.content, Content::List(_)) {
            path.push_str(&format!("[{step}]"));
        } else {
            push_key(&mut path, &step);
        }
        (node, at) = (below, below.at);
    }
    (at, path)
}

/// Every rule in CEL that the schema has for what is there.
fn rules(object: &Object<'_>, value: &Value, schema: &Value, pointer: &str, findings: &mut Vec<Finding>) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        let Some(text) = rule["rule"].as_str() else { continue };
        let verdict = cel::evaluate(text, value);
        let (at, path) = locate(object.node, pointer);
        let at_path = if path.is_empty() { String::new() } else { format!("{path}: ") };
        match verdict {
            Verdict::Holds => {}
            Verdict::Broken => {
                let message = rule["message"].as_str().unwrap_or("a rule of the CRD is broken");
                findings.push(object.finding(&BROKEN_RULE, at, format!("{at_path}{message}")));
            }
            Verdict::NotEvaluated(why) => {
                findings.push(object.finding(&NOT_EVALUATED, at, format!("{at_path}not evaluated: {why}")));
            }
        }
    }
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let below = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
                let step = name.replace('~', "~0").replace('/', "~1");
                rules(object, member, below, &format!("{pointer}/{step}"), findings);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                rules(object, item, &schema["items"], &format!("{pointer}/{index}"), findings);
            }
        }
        _ => {}
    }
}

/// Every default of a schema by its path.
fn defaults(schema: &Value) -> BTreeMap<String, Value> {
    fn collect(schema: &Value, path: &str, found: &mut BTreeMap<String, Value>) {
        if let Some(default) = schema.get("default") {
            found.insert(path.to_owned(), default.clone());
        }
        for (name, below) in schema["properties"].as_object().into_iter().flatten() {
            collect(below, &if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, found);
        }
        for below in [&schema["items"], &schema["additionalProperties"]] {
            if below.is_object() {
                collect(below, &format!("{path}[]"), found);
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(schema, "", &mut found);
    found
}
