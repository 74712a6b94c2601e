//! Entries for secrets that were populated.

use super::*;

fn secret(text: &str) -> Secret {
    let inventory = Inventory::parse(&with_entries(&[&format!(
        "name: {text}\norigin: {{at: 2026-11-23T10:00:00Z, by: someone@host, from: .env (DB_PASSWORD)}}"
    )]));
    inventory.unwrap().secrets()[0].clone()
}

// REQ INV-5, INV-6
#[test]
fn an_entry_is_added_and_one_that_is_there_gets_its_origin() {
    let (orders, billing) = (secret("platform-data/postgres/orders"), secret("platform-data/postgres/billing"));
    let first = populated(None, std::slice::from_ref(&orders)).unwrap();
    assert_eq!(Inventory::parse(&first).unwrap().secrets(), std::slice::from_ref(&orders));
    let by_hand = "apiVersion: migrate/v1\nsecrets:\n# ours\n- name: platform-data/postgres/orders\n  owner: us # still\n  category: data\n  \
                   class: runtime\n  disposition: moves\n";
    let text = populated(Some(by_hand), &[billing, orders]).unwrap();
    insta::assert_snapshot!(text, @r#"
    apiVersion: migrate/v1
    secrets:
    # ours
    - name: platform-data/postgres/orders
      owner: us # still
      category: data
      class: runtime
      disposition: moves
      origin:
        at: "2026-11-23T10:00:00Z"
        by: someone@host
        from: .env (DB_PASSWORD)
    - name: platform-data/postgres/billing
      category: data
      class: runtime
      disposition: moves
      origin:
        at: "2026-11-23T10:00:00Z"
        by: someone@host
        from: .env (DB_PASSWORD)
    "#);
    // Doing it twice changes nothing.
    let again = Inventory::parse(&text).unwrap().secrets().to_vec();
    assert_eq!(populated(Some(&text), &again).unwrap(), text);
}

// REQ SDK-2
#[test]
fn what_it_holds_and_who_reads_it_is_taken_where_nobody_said_it() {
    let told = "name: platform-data/postgres/orders\ncontent: {properties: [username, password]}\nconsumers: [{application: orders, sdk: {language: go}}, {application: reports, sdk: {}}]";
    let orders = Inventory::parse(&with_entries(&[told])).unwrap().secrets()[0].clone();
    let by_hand = "apiVersion: migrate/v1\nsecrets:\n- name: platform-data/postgres/orders\n  category: data\n  class: runtime\n  disposition: moves # soon\n  \
                   consumers:\n  # since 2019\n  - application: orders\n    sdk:\n      language: python\n";
    let text = populated(Some(by_hand), std::slice::from_ref(&orders)).unwrap();
    insta::assert_snapshot!(text, @r"
    apiVersion: migrate/v1
    secrets:
    - name: platform-data/postgres/orders
      category: data
      class: runtime
      disposition: moves # soon
      content:
        properties:
        - username
        - password
      consumers:
      # since 2019
      - application: orders
        sdk:
          language: python
      - application: reports
        sdk: {}
    ");
    assert_eq!(populated(Some(&text), &[orders]).unwrap(), text);
}

#[test]
fn what_the_inventory_refuses_is_refused_before_anything_is_created() {
    let mut unconventional = secret("platform-data/postgres/orders");
    unconventional.name = name("Orders_DB");
    let Err(PopulateError::Refused(problems)) = populated(None, &[unconventional]) else { panic!("it was taken") };
    assert!(problems[0].to_string().contains("breaks the convention"), "{problems:?}");
    assert!(matches!(populated(Some("x"), &[]), Err(PopulateError::Invalid(_))));
}
