//! What a delivery means, and what its shadow is, over objects that are written out here.

use std::collections::BTreeMap;

use migrate_core::{
    id::{Epoch, LedgerId, WaveName},
    value::SecretBytes,
};
use serde_json::json;

use super::*;
use crate::emit::Ordered;

fn ordered(value: &Value) -> Ordered {
    match value {
        Value::Object(fields) => Ordered::Map(fields.iter().map(|(key, value)| (key.clone(), ordered(value))).collect()),
        Value::Array(items) => Ordered::List(items.iter().map(ordered).collect()),
        Value::Bool(flag) => Ordered::Boolean(*flag),
        Value::Number(number) => Ordered::Integer(number.as_i64().unwrap()),
        Value::String(text) => Ordered::Text(text.clone()),
        Value::Null => Ordered::Text(String::new()),
    }
}

fn object(name: &str, spec: &Value) -> Object {
    Object {
        kind: Kind::ExternalSecret,
        name: name.to_owned(),
        namespace: Some("orders".to_owned()),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        spec: ordered(spec),
    }
}

fn spec(store: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut spec = json!({
        "refreshPolicy": "Periodic",
        "refreshInterval": "1h0m0s",
        "secretStoreRef": { "name": store, "kind": "ClusterSecretStore" },
        "target": { "name": "db", "creationPolicy": "Owner", "deletionPolicy": "Delete", "template": { "engineVersion": "v2", "mergePolicy": "Replace" } },
        "data": [{ "secretKey": "password", "remoteRef": { "key": "platform-data/mysql/orders" } }],
    });
    change(&mut spec);
    spec
}

fn spelled(change: impl Fn(&mut Value)) -> Spelled {
    Spelled::of(&object("orders-db", &spec("aws", &change)), &object("orders-db", &spec("vault-backend", &change)))
}

fn mark() -> Mark {
    Mark { ledger: LedgerId::new("l"), wave: WaveName::parse("w").unwrap(), epoch: Epoch(3) }
}

#[test]
fn a_live_object_reads_from_before_from_after_or_from_neither() {
    let spelled = spelled(|_| ());
    let from = |live: &Value| live::reads_from(live, &spelled, Release::V0_20_4);
    // What the API server fills in, and who else labels it, does not count.
    let mut before = spelled.before.clone();
    before["spec"]["data"][0]["remoteRef"]["decodingStrategy"] = json!("None");
    before["metadata"]["labels"]["app.kubernetes.io/instance"] = json!("argo");
    assert_eq!(from(&before), ReadsFrom::Outgoing);
    assert_eq!(from(&spelled.after), ReadsFrom::Incoming);
    assert_eq!(from(&spelled.switching), ReadsFrom::Incoming);
    assert!(live::is_given_back(&spelled.after, &spelled, Release::V0_20_4));
    assert!(!live::is_given_back(&spelled.switching, &spelled, Release::V0_20_4));
    let mut changed = spelled.before.clone();
    changed["spec"]["target"]["name"] = json!("other");
    assert_eq!(from(&changed), ReadsFrom::Neither { places: vec!["spec.target.name".to_owned()] });
}

// REQ ESO-5, P4
#[test]
fn while_it_is_switched_nothing_it_misses_deletes_its_secret_and_it_refreshes_once() {
    let switching = |change: fn(&mut Value)| spelled(change).switching["spec"].clone();
    assert_eq!(switching(|_| ())["target"]["deletionPolicy"], "Retain");
    assert_eq!(switching(|_| ())["refreshPolicy"], "Periodic");
    assert_eq!(switching(|spec| spec["refreshPolicy"] = json!("CreatedOnce"))["refreshPolicy"], "OnChange");
    assert_eq!(switching(|spec| spec["refreshInterval"] = json!("0s"))["refreshPolicy"], "OnChange");
}

#[test]
fn a_shadow_reads_what_will_be_read_into_a_secret_of_its_own() {
    let shadow = spelled(|spec| spec["target"]["immutable"] = json!(true)).shadow("orders", &mark());
    assert_eq!(shadow["spec"]["secretStoreRef"]["name"], "vault-backend");
    assert_eq!(shadow["spec"]["target"]["name"], "orders-db-migrate-shadow");
    assert_eq!(shadow["spec"]["target"]["creationPolicy"], "Owner");
    assert!(shadow["spec"]["target"]["immutable"].is_null());
    assert_eq!(shadow["spec"]["target"]["template"]["metadata"], json!({ "labels": { "migrate/shadow": "true" } }));
    assert_eq!(shadow["metadata"]["annotations"]["migrate/shadow-of"], "orders/orders-db");
    let long = |end: &str| {
        let name = format!("{}{end}", "x".repeat(250));
        Spelled::of(&object(&name, &spec("aws", |_| ())), &object(&name, &spec("vault", |_| ()))).shadow_name()
    };
    assert!(long("a").len() <= 253 && long("a") != long("b"), "{}", long("a"));
}

#[test]
fn secrets_differ_by_key_in_bytes_or_in_what_they_have() {
    let secret = |entries: &[(&str, &str)]| SecretSeen {
        data: entries.iter().map(|(key, text)| ((*key).to_owned(), SecretBytes::new(text.as_bytes().to_vec()))).collect(),
        kind: "Opaque".to_owned(),
        uid: "u".to_owned(),
        labels: BTreeMap::new(),
        owner: None,
    };
    let (one, other) = (secret(&[("a", "1"), ("b", "2")]), secret(&[("a", "1"), ("b", "3"), ("c", "4")]));
    assert!(differing(&one, &one, false, true).is_empty());
    assert_eq!(differing(&one, &other, false, true), ["b", "c"]);
    assert_eq!(differing(&one, &other, true, true), ["b"]);
    assert_eq!(differing(&other, &one, true, true), ["b", "c"]);
    assert_eq!(
        differing(&one, &SecretSeen { kind: "kubernetes.io/tls".to_owned(), ..secret(&[("a", "1"), ("b", "2")]) }, false, true),
        ["(type)"]
    );
}
