use super::*;

const MINIMAL: &str = "apiVersion: migrate/v1
secrets:
  - name: platform-data/postgres/orders
    category: data
    class: runtime
    disposition: moves
";

#[test]
fn minimal() {
    let inventory = Inventory::parse(MINIMAL).unwrap();
    assert_eq!(inventory.len(), 1);
}
