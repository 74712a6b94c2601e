//! The table against the CRDs of real releases, both ways: what a CRD says stands in the table, and what the table says stands in the CRD.
//!
//! Both sides become schemas, and each schema a flat list of facts: the path of a field and everything the API server checks or fills in
//! there. Two lists that are equal leave no room for a field, default, word or bound that one side lacks.
//!
//! A person who has the CRDs of 2.9.0 compares them too, by naming their folder in `MIGRATE_TEST_ESO_CRDS_BY_HAND`.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use phase1_eso::{
    crds::{Crds, Version},
    table::{GROUP, Kind},
    version::{Knowledge, Release},
};
use serde_json::{Value, json};

/// What is compared of a schema besides what lies below it. Anything else in a CRD fails the test.
const FACTS: [&str; 15] = [
    "type",
    "default",
    "enum",
    "pattern",
    "format",
    "minLength",
    "maxLength",
    "minProperties",
    "maxProperties",
    "minItems",
    "required",
    "anyOf",
    "x-kubernetes-int-or-string",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
];
/// What says nothing about which manifests are taken: prose, and how lists and maps are merged.
const SILENT: [&str; 3] = ["description", "x-kubernetes-map-type", "x-kubernetes-list-type"];
/// What lies below.
const BELOW: [&str; 3] = ["properties", "items", "additionalProperties"];

type Facts = BTreeMap<String, Value>;

// REQ ESO-1
#[test]
fn the_table_is_what_the_crds_of_six_releases_say() {
    let folder = PathBuf::from(env::var("MIGRATE_TEST_ESO_CRDS").expect(
        "MIGRATE_TEST_ESO_CRDS is not set: this test needs the CRDs of real releases. Run it with `cargo xtask test --only it -- \
         FILTER`, or copy what `cargo xtask servers` prints",
    ));
    let proven = Release::ALL.into_iter().filter(|release| release.version().knowledge() == Knowledge::Proven);
    let by_hand = env::var_os("MIGRATE_TEST_ESO_CRDS_BY_HAND").map(|folder| (Release::V2_9_0, PathBuf::from(folder)));
    let folders = proven.map(|release| (release, folder.join(release.to_string()))).chain(by_hand);
    let differences: Vec<_> = folders.flat_map(|(release, folder)| differences(release, &folder)).collect();
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
}

/// Every difference between the table and the CRDs of a folder. Kinds that the folder lacks are passed over by the newest release only.
fn differences(release: Release, folder: &Path) -> Vec<String> {
    let mut crds = Crds::default();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            crds.add(&fs::read_to_string(&path).expect("a file")).expect("YAML");
        }
    }
    let mut found = Vec::new();
    for (group, kind) in crds.kinds().filter(|(group, _)| *group == GROUP) {
        if Kind::parse(kind).is_none() {
            found.push(format!("{release} {kind}: not in the table, but in group {group}"));
        }
    }
    let table = Crds::of_table(release);
    for kind in Kind::ALL {
        let (told, there) = (table.versions(GROUP, kind.name()), crds.versions(GROUP, kind.name()));
        if there.is_empty() && release == Release::V2_9_0 {
            continue;
        }
        let versions = |versions: &[Version]| {
            let mut names: Vec<_> = versions.iter().map(|v| (v.name.clone(), v.is_served, v.is_stored)).collect();
            names.sort();
            names
        };
        if versions(told) != versions(there) {
            found.push(format!(
                "{release} {kind:?}: versions {:?} in the table, {:?} in the CRD",
                versions(told),
                versions(there)
            ));
        }
        for version in told.iter().filter(|version| version.is_served) {
            let Some(other) = there.iter().find(|other| other.name == version.name) else { continue };
            let (told, there) = (facts(&version.schema), facts(&other.schema));
            for path in told.keys().chain(there.keys().filter(|path| !told.contains_key(*path))) {
                let (told, there) = (told.get(path), there.get(path));
                if told != there {
                    let shown = |fact: Option<&Value>| fact.map_or_else(|| "nothing".to_owned(), Value::to_string);
                    found.push(format!("{release} {kind:?} {path}: table {}, CRD {}", shown(told), shown(there)));
                }
            }
        }
    }
    found
}

fn facts(schema: &Value) -> Facts {
    let mut facts = Facts::new();
    let spec = &schema["properties"]["spec"];
    assert!(spec.is_object(), "a spec");
    collect("spec", spec, &mut facts);
    facts.insert("spec".to_owned() + " required", json!(schema["required"].to_string().contains("spec")));
    facts
}

fn collect(path: &str, schema: &Value, facts: &mut Facts) {
    let mut fact = serde_json::Map::new();
    for (key, value) in schema.as_object().expect("a schema is an object") {
        if FACTS.contains(&key.as_str()) {
            fact.insert(key.clone(), plain(key, value));
        } else {
            assert!(SILENT.contains(&key.as_str()) || BELOW.contains(&key.as_str()), "{path} has `{key}`, which nobody compares");
        }
    }
    // Of other providers the table knows the names alone.
    let is_foreign =
        path.strip_prefix("spec.provider.").is_some_and(|rest| !rest.contains('.') && !["aws", "vault"].contains(&rest));
    if is_foreign {
        facts.insert(path.to_owned(), json!("a provider"));
        return;
    }
    facts.insert(path.to_owned(), Value::Object(fact));
    for (name, below) in schema["properties"].as_object().into_iter().flatten() {
        collect(&format!("{path}.{name}"), below, facts);
    }
    for (key, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
        if !schema[key].is_null() {
            collect(&format!("{path}{mark}"), &schema[key], facts);
        }
    }
}

/// Without what says nothing: order, and the words of messages.
fn plain(key: &str, value: &Value) -> Value {
    let texts = |pick: &dyn Fn(&Value) -> Value| {
        let mut texts: Vec<_> = value.as_array().into_iter().flatten().map(|item| pick(item).to_string()).collect();
        texts.sort();
        json!(texts)
    };
    match key {
        "enum" | "required" => texts(&Value::clone),
        "x-kubernetes-validations" => texts(&|rule| rule["rule"].clone()),
        _ => value.clone(),
    }
}
