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

#[test]
fn what_the_inventory_refuses_is_refused_before_anything_is_created() {
    let mut unconventional = secret("platform-data/postgres/orders");
    unconventional.name = name("Orders_DB");
    let Err(PopulateError::Refused(problems)) = populated(None, &[unconventional]) else { panic!("it was taken") };
    assert!(problems[0].to_string().contains("breaks the convention"), "{problems:?}");
    assert!(matches!(populated(Some("x"), &[]), Err(PopulateError::Invalid(_))));
}
