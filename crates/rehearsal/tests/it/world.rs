//! A whole world.

use rehearsal::{
    seed::Kind,
    world::{World, WorldSettings},
};
use serde_json::json;

use crate::client::{Hand, aws_as, vault_as};

#[tokio::test]
async fn a_world_holds_every_kind_of_value_and_is_reached_through_its_proxies() {
    let world = World::start(WorldSettings::new(7, Hand::new().clock())).await.unwrap();
    for (kind, number) in Kind::ALL.into_iter().zip(0..) {
        let name = format!("platform-data/made-up/{}", kind.slug());
        world.secrets_manager.create(&name, world.value(kind, number)).unwrap();
        let expected = world.value(kind, number);
        assert_eq!(world.secrets_manager.with_value(&name, |value| *value == expected), Some(true), "{kind:?}");
    }
    let endpoints = world.endpoints();
    let listed = aws_as(&endpoints.aws_url, &endpoints.migration.id, "ListSecrets", &json!({})).await.unwrap();
    assert_eq!(listed.json()["SecretList"].as_array().unwrap().len(), Kind::ALL.len());
    let health = vault_as(&endpoints.vault_addr, endpoints.vault_token.expose(), "GET", "secret/config", "").await;
    assert_eq!(health.status, 200);
    assert_eq!((world.aws_proxy.journal().len(), world.vault_proxy.journal().len()), (1, 1));
}
