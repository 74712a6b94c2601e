//! The JSON Schema of the inventory, made of the types that parse it (INV-3).

use schemars::{JsonSchema, generate::SchemaSettings};

use super::{
    entry::{ApiVersion, Secret},
    external_secret::DeclaredExternalSecret,
};

/// What the schema is called for ever. A new version of the format gets a new one.
pub const SCHEMA_ID: &str = "urn:migrate:secrets-inventory:v1";

/// The file under `docs/schema/` that holds the schema.
pub const SCHEMA_FILE: &str = "secrets-inventory.v1.json";

/// The secrets of an estate, as metadata: what they are, who reads and writes them, where they go. Never a value.
#[derive(JsonSchema)]
#[schemars(rename = "secrets-inventory", rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "the shape of a file; its entries are read one by one")]
struct Document {
    /// Version of the file format.
    api_version: ApiVersion,
    /// How ExternalSecrets are made, where the environment's defaults do not fit.
    #[serde(default)]
    external_secrets: Vec<DeclaredExternalSecret>,
    /// Every secret, once.
    #[schemars(length(min = 1))]
    secrets: Vec<Secret>,
}

/// The JSON Schema, draft 2020-12.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Document>();
    schema.insert("$id".to_owned(), SCHEMA_ID.into());
    schema.to_value()
}
