//! What a good inventory is read as, key by key.

use super::*;

#[test]
fn every_key_is_read() {
    let inventory = Inventory::parse(COMPLETE).unwrap();
    let orders = inventory.get(&name("platform-data/postgres/orders")).unwrap();
    assert_eq!(orders.source_name().as_str(), "prod/orders/db");
    assert_eq!(orders.vault_path().as_str(), "platform-data/postgres/orders");
    assert_eq!(orders.owner.as_ref().map(Prose::as_str), Some("team-orders"));
    assert_eq!(orders.notes.as_ref().map(Prose::as_str), Some("Two lines,\nand no more."));
    assert_eq!(orders.reads().count(), 3);
    assert_eq!(orders.sdk_consumers().map(|consumer| consumer.application.as_str()).collect::<Vec<_>>(), ["billing"]);
    assert!(orders.moves());
    assert!(!inventory.secrets()[1].moves());
    assert_eq!(inventory.len(), 3);
}

#[test]
fn what_is_written_is_read_again() {
    let inventory = Inventory::parse(COMPLETE).unwrap();
    let text = inventory.to_yaml("https://example.org/schema.json");
    assert!(text.starts_with("# yaml-language-server: $schema=https://example.org/schema.json\n"), "{text}");
    assert_eq!(Inventory::parse(&text), Ok(inventory));
}

#[test]
fn selection_by_glob() {
    let inventory = Inventory::parse(COMPLETE).unwrap();
    let selected = |patterns: &[&str]| {
        inventory.select(patterns).map(|secrets| secrets.iter().map(|secret| secret.name.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(selected(&[]).unwrap().len(), 3);
    assert_eq!(selected(&["platform-data/*/*"]).unwrap(), ["platform-data/postgres/orders"]);
    assert_eq!(selected(&["prod/**"]).unwrap(), ["platform-data/postgres/orders"]);
    assert_eq!(
        selected(&["platform-config/**", "platform-data/**", "**"]).unwrap(),
        ["platform-data/postgres/orders", "rds!cluster-1b4e28ba-2fa1-11d2-883f-b9a761bde3fb", "platform-config/kafka/main"]
    );
    assert_eq!(selected(&["platform-*"]), Err(SelectError::Unmatched { pattern: "platform-*".into() }));
    assert_eq!(
        selected(&["{a"]).unwrap_err().to_string(),
        "`{a` is no pattern: unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)"
    );
}

// REQ INV-1: an estate of 50,000 secrets is one file.
#[test]
fn fifty_thousand_entries_parse() {
    let entries: Vec<String> = (0..50_000)
        .map(|n| {
            format!(
                "name: platform-data/postgres/app-{n}\nowner: team-{n}\nconsumers:\n- application: app-{n}\n  externalSecret:\n    \
                 namespace: app-{n}\n    name: db\n    reads:\n    - extract: {{}}"
            )
        })
        .collect();
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    assert_eq!(Inventory::parse(&with_entries(&entries)).unwrap().len(), 50_000);
}
