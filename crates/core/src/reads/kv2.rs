//! What the controller's Vault provider answers from a KV v2 entry (`providers/v1/vault/client_get.go`). All fields of ours are strings.

use std::collections::BTreeMap;

use crate::value::{SecretBytes, SecretText};

use super::{
    Read, ReadError, Selected, gjson,
    json::{self, Kind},
    secrets_manager::text_of,
};

/// `GetSecret`, or `GetSecretMap` for `extract`.
pub(super) fn select(entry: &BTreeMap<String, SecretText>, read: &Read) -> Result<Selected, ReadError> {
    read.about_current_value()?;
    if !read.is_extract() {
        return match read.named_property() {
            Some(property) => property_text(entry, property).map(Selected::One),
            None => Ok(Selected::One(marshalled(entry).into_bytes())),
        };
    }
    match read.named_property() {
        Some(property) => members(property_text(entry, property)?.expose()),
        // Marshalled and parsed again: strings come back as they were.
        None => Ok(entry.iter().map(|(key, text)| (key.clone(), bytes(text))).collect()),
    }
    .map(Selected::Many)
}

/// The length of the data map as the provider marshals it, an upper bound for what our client sends.
pub(crate) fn marshalled_len(entry: &BTreeMap<String, SecretText>) -> usize {
    marshalled(entry).expose().len()
}

fn marshalled(entry: &BTreeMap<String, SecretText>) -> crate::value::SecretBuffer {
    json::marshal_strings(entry.iter().map(|(key, text)| (key, text.expose())))
}

fn bytes(text: &SecretText) -> SecretBytes {
    SecretBytes::new(text.expose().as_bytes().to_vec())
}

/// A key of that very name first, else gjson over the marshalled map.
fn property_text(entry: &BTreeMap<String, SecretText>, property: &str) -> Result<SecretBytes, ReadError> {
    if let Some(text) = entry.get(property) {
        return Ok(bytes(text));
    }
    let map = marshalled(entry);
    let found = gjson::get(map.expose(), property)
        .map_err(|feature| ReadError::UnsupportedPath { property: property.to_owned(), feature })?;
    text_of(found, property)
}

/// `json.Unmarshal` into `map[string]any`, then each value as bytes: numbers through a float, objects and arrays marshalled anew.
fn members(text: &[u8]) -> Result<BTreeMap<String, SecretBytes>, ReadError> {
    let document = json::parse(text).ok_or(ReadError::NotAnObject)?;
    if !matches!(document.kind, Kind::Object | Kind::Null) {
        return Err(ReadError::NotAnObject);
    }
    let mut delivered = BTreeMap::new();
    for (key, value) in document.pairs() {
        // Also of an overwritten member: a number that is too large fails the whole parse.
        delivered.insert(json::plain(&json::unquote(key)), json::byte_value(value)?.into_bytes());
    }
    Ok(delivered)
}
