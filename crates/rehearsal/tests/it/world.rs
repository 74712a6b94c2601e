//! A whole world.

use rehearsal::{
    seed::Kind,
    world::{World, WorldSettings},
};
use serde_json::json;

use crate::client::{Hand, aws_as, vault_as};

#[tokio::test]
async fn a_world_is_populated_with_every_kind_and_reached_through_its_proxies() {
    let world = World::start(WorldSettings::new(7, Hand::new().clock())).await.unwrap();
    let names: Vec<String> = (0..40).map(|n| format!("platform-data/made-up/{n}")).collect();
    let made = world.populate(names.iter().map(String::as_str)).unwrap();
    assert_eq!(made.iter().filter(|(_, kind)| *kind == Kind::ALL[0]).count(), 2);
    for ((name, kind), number) in made.iter().zip(0..) {
        let expected = world.value(*kind, number);
        assert_eq!(world.secrets_manager.with_value(name, |value| *value == expected), Some(true), "{kind:?}");
    }
    let endpoints = world.endpoints();
    let listed = aws_as(&endpoints.aws_url, &endpoints.migration.id, "ListSecrets", &json!({})).await.unwrap();
    assert_eq!(listed.json()["SecretList"].as_array().unwrap().len(), 40);
    let health = vault_as(&endpoints.vault_addr, endpoints.vault_token.expose(), "GET", "secret/config", "").await;
    assert_eq!(health.status, 200);
    assert_eq!((world.aws_proxy.journal().len(), world.vault_proxy.journal().len()), (1, 1));
}
