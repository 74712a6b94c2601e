//! The published schema and the parser agree on what an inventory is.

use super::*;

/// The published file, as it is in the tree.
const PUBLISHED: &str = include_str!("../../../../../docs/schema/secrets-inventory.v1.json");

// REQ INV-3: what editors read is what the parser reads.
#[test]
fn the_published_schema_is_made_of_the_types() {
    let generated = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    assert!(PUBLISHED == generated, "docs/schema/{SCHEMA_FILE} is old; write it anew with `migrate inventory schema`");
}

fn is_valid(text: &str) -> bool {
    let instance: serde_json::Value = serde_saphyr::from_str(text).unwrap();
    jsonschema::draft202012::new(&schema()).unwrap().is_valid(&instance)
}

#[test]
fn schema_and_parser_agree() {
    assert!(is_valid(COMPLETE));
    let bad = [
        with_entries(&["name: platform-data/a/b\nvalue: x"]),
        with_entries(&["owner: nobody"]),
        with_entries(&["name: a b"]),
        with_entries(&["name: platform-data/a/b\ndisposition: {moves: x}"]),
        with_entries(&["name: platform-data/a/b\ndisposition: stays"]),
        with_entries(&["name: platform-data/a/b\nconsumers: [{application: a}]"]),
        with_entries(&[
            "name: platform-data/a/b\nconsumers: [{application: a, sdk: {}, externalSecret: {namespace: a, name: b, reads: [extract: {}]}}]",
        ]),
        with_entries(&[
            "name: platform-data/a/b\nconsumers: [{application: a, externalSecret: {namespace: a, name: b, reads: []}}]",
        ]),
        with_entries(&[
            "name: platform-data/a/b\nconsumers: [{application: a, externalSecret: {namespace: A, name: b, reads: [extract: {}]}}]",
        ]),
        with_entries(&["name: platform-data/a/b\ndescription: ''"]),
        with_entries(&["name: platform-data/a/b\nrotation: {enabled: 'yes'}"]),
        "apiVersion: migrate/v1\nsecrets: []\n".to_owned(),
        "apiVersion: migrate/v2\nsecrets: []\n".to_owned(),
    ];
    for text in bad {
        assert!(!is_valid(&text), "the schema takes:\n{text}");
        assert!(Inventory::parse(&text).is_err(), "the parser takes:\n{text}");
    }
}
