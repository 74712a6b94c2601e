//! What the controller's AWS provider answers (`providers/v1/aws/secretsmanager/secretsmanager.go`).

use std::collections::BTreeMap;

use crate::value::{SecretBytes, SecretValue};

use super::{
    Read, ReadError, Selected,
    gjson::{self, Found, NoText},
    json::{self, Kind, Node},
};

/// `GetSecret`, or `GetSecretMap` for `extract`.
pub(super) fn select(value: &SecretValue, read: &Read) -> Result<Selected, ReadError> {
    read.about_current_value()?;
    let payload = value.expose();
    if !read.is_extract() {
        return match read.named_property() {
            Some(property) => property_text(payload, property).map(Selected::One),
            None => Ok(Selected::One(SecretBytes::new(payload.to_vec()))),
        };
    }
    match read.named_property() {
        Some(property) => members(property_text(payload, property)?.expose()),
        None => members(payload),
    }
    .map(Selected::Many)
}

/// gjson over the text. A property with dots is first tried as one literal key.
fn property_text(payload: &[u8], property: &str) -> Result<SecretBytes, ReadError> {
    let lookup = |path: &str| {
        gjson::get(payload, path).map_err(|feature| ReadError::UnsupportedPath { property: property.to_owned(), feature })
    };
    let mut found = None;
    if property.contains('.') {
        found = lookup(&property.replace('.', "\\."))?;
    }
    if found.is_none() {
        found = lookup(property)?;
    }
    text_of(found, property)
}

/// `String()` of what gjson found.
pub(super) fn text_of(found: Option<Found<'_>>, property: &str) -> Result<SecretBytes, ReadError> {
    let key = property.to_owned();
    let Some(found) = found else { return Err(ReadError::NoProperty { property: key }) };
    match found.text() {
        Ok(text) => Ok(text.into_bytes()),
        Err(NoText::MalformedNumber) => Err(ReadError::MalformedNumber { key }),
        Err(NoText::LoneSurrogate) => Err(ReadError::LoneSurrogate { key }),
    }
}

/// `GetSecretMap`: strings decoded, everything else as written, of two equal keys the last.
fn members(text: &[u8]) -> Result<BTreeMap<String, SecretBytes>, ReadError> {
    let document = json::parse(text).ok_or(ReadError::NotAnObject)?;
    match document.kind {
        // Go leaves the map nil and reports nothing.
        Kind::Null => return Ok(BTreeMap::new()),
        Kind::Object => {}
        _ => return Err(ReadError::NotAnObject),
    }
    let mut last = BTreeMap::new();
    for (key, value) in document.pairs() {
        let key = json::unquote(key);
        let name = json::plain(&key);
        if key.lone_surrogate {
            return Err(ReadError::LoneSurrogate { key: name });
        }
        last.insert(name, value);
    }
    last.into_iter().map(|(key, value)| member_text(&key, value).map(|text| (key, text))).collect()
}

/// What `extract` gives for one member.
fn member_text(key: &str, value: Node<'_>) -> Result<SecretBytes, ReadError> {
    match value.kind {
        Kind::String => {
            let text = json::unquote(value.raw);
            if text.lone_surrogate {
                return Err(ReadError::LoneSurrogate { key: key.to_owned() });
            }
            Ok(text.text.into_bytes())
        }
        Kind::Null => Ok(SecretBytes::new(Vec::new())),
        _ => Ok(SecretBytes::new(value.raw.to_vec())),
    }
}
