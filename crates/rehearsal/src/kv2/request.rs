//! Request bodies, and what Vault says when it can't read them.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use migrate_core::quota::{CUSTOM_METADATA_KEY_BYTES, CUSTOM_METADATA_KEYS, CUSTOM_METADATA_VALUE_BYTES};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, value::RawValue};
use zeroize::Zeroizing;

use super::{
    answer::Refused,
    go_json::{self, GoJsonError},
    store::Config,
};

/// `POST {mount}/data/{path}`.
#[derive(Deserialize)]
pub(super) struct DataWrite<'a> {
    #[serde(default)]
    options: Option<Options>,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Options {
    #[serde(default)]
    cas: Option<Value>,
}

/// An explicit `null` is there, unlike a missing member.
fn present<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl<'a> DataWrite<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, Refused> {
        parse(body)
    }

    /// The version that the writer expects, where it says.
    pub(super) fn cas(&self) -> Result<Option<i64>, Refused> {
        match self.options.as_ref().and_then(|options| options.cas.as_ref()) {
            None => Ok(None),
            Some(Value::Number(number)) => number.as_i64().map(Some).ok_or_else(bad_cas),
            Some(Value::String(text)) => text.parse().map(Some).map_err(|_| bad_cas()),
            Some(_) => Err(bad_cas()),
        }
    }

    /// The data, as it will be read back.
    pub(super) fn data(&self) -> Result<Zeroizing<String>, Refused> {
        let raw = self.data.ok_or_else(|| Refused::bad("no data provided"))?.get();
        if !raw.starts_with('{') && raw != "null" {
            let kind = if raw.starts_with('"') { "string" } else { "value" };
            return Err(Refused::bad(format!(
                "error converting input for field \"data\": '' expected type 'map[string]interface {{}}', got unconvertible type \
                 '{kind}'"
            )));
        }
        go_json::remarshal(raw).map_err(|error| match error {
            GoJsonError::TooDeep => Refused::bad("refused JSON input due to high complexity: exceeded maximum depth"),
            GoJsonError::OutOfRange | GoJsonError::Malformed => Refused::bad(format!("failed to decode JSON input: {error}")),
        })
    }
}

fn bad_cas() -> Refused {
    Refused::bad("error parsing check-and-set parameter")
}

/// `delete`, `undelete` and `destroy`.
#[derive(Deserialize)]
pub(super) struct Versions {
    #[serde(default)]
    versions: Vec<Value>,
}

/// The version numbers of a request; Vault takes them as numbers or texts.
pub(super) fn versions(body: &[u8], when_missing: &'static str) -> Result<Vec<u64>, Refused> {
    let request: Versions = parse(body)?;
    let numbers: Option<Vec<u64>> = request.versions.iter().map(version_number).collect();
    numbers.filter(|numbers| !numbers.is_empty()).ok_or_else(|| Refused::bad(when_missing))
}

fn version_number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// `{mount}/config` and the settings in `{mount}/metadata/{path}`.
#[derive(Deserialize)]
pub(super) struct Settings {
    max_versions: Option<u64>,
    cas_required: Option<bool>,
    metadata_cas_required: Option<bool>,
    metadata_cas: Option<Value>,
    delete_version_after: Option<Value>,
    #[serde(default, deserialize_with = "present_value")]
    custom_metadata: Option<Value>,
}

fn present_value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Settings {
    /// Puts what the request names into `config`; the rest stays. Only a mount may say "never" by a negative duration.
    pub(super) fn apply(&self, config: &mut Config, may_be_negative: bool) -> Result<(), Refused> {
        if let Some(duration) = &self.delete_version_after {
            let parsed = match duration {
                Value::Number(seconds) => seconds.as_i64().map(SignedDuration::from_secs),
                Value::String(text) => text.parse().ok().or_else(|| text.parse().ok().map(SignedDuration::from_secs)),
                _ => None,
            };
            let field = "error converting input for field \"delete_version_after\"";
            let parsed = parsed.ok_or_else(|| Refused::bad(format!("{field}: time: invalid duration")))?;
            if parsed.is_negative() && !may_be_negative {
                return Err(Refused::bad(format!("{field}: cannot provide negative value '{}'", parsed.as_secs())));
            }
            config.delete_version_after = parsed;
        }
        config.max_versions = self.max_versions.unwrap_or(config.max_versions);
        config.cas_required = self.cas_required.unwrap_or(config.cas_required);
        config.metadata_cas_required = self.metadata_cas_required.unwrap_or(config.metadata_cas_required);
        Ok(())
    }

    /// The version of the metadata that the writer expects, where it says.
    pub(super) fn metadata_cas(&self) -> Result<Option<u64>, Refused> {
        match &self.metadata_cas {
            None => Ok(None),
            Some(expected) => version_number(expected).map(Some).ok_or_else(bad_cas),
        }
    }

    /// `custom_metadata` that replaces what stands; `None` where the request has none.
    pub(super) fn custom_metadata(&self) -> Result<Option<BTreeMap<String, String>>, Refused> {
        match &self.custom_metadata {
            None => Ok(None),
            Some(Value::Object(members)) => {
                let texts = members.iter().map(|(key, value)| Ok((key.clone(), metadata_text(value)?)));
                let all = texts.collect::<Result<_, Refused>>()?;
                check_custom_metadata(&all)?;
                Ok(Some(all))
            }
            Some(other) => Err(not_a_map(other)),
        }
    }

    /// `custom_metadata` merged into `current` (RFC 7396): `null` removes a key, or all of them.
    pub(super) fn merged(&self, current: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Refused> {
        let mut merged = current.clone();
        match &self.custom_metadata {
            None => {}
            Some(Value::Null) => merged.clear(),
            Some(Value::Object(members)) => {
                for (key, value) in members {
                    if value.is_null() {
                        merged.remove(key);
                    } else {
                        merged.insert(key.clone(), metadata_text(value)?);
                    }
                }
            }
            Some(other) => return Err(not_a_map(other)),
        }
        check_custom_metadata(&merged)?;
        Ok(merged)
    }
}

fn not_a_map(found: &Value) -> Refused {
    let kind = if found.is_string() { "string" } else { "value" };
    Refused::bad(format!(
        "error converting input for field \"custom_metadata\": '' expected type 'map[string]interface {{}}', got unconvertible \
         type '{kind}'"
    ))
}

/// Vault decodes weakly: numbers and booleans become text.
fn metadata_text(value: &Value) -> Result<String, Refused> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(if *flag { "1" } else { "0" }.to_owned()),
        _ => Err(Refused::bad(
            "custom_metadata validation failed: '' expected type 'string', got unconvertible type 'map[string]interface {}'",
        )),
    }
}

fn check_custom_metadata(all: &BTreeMap<String, String>) -> Result<(), Refused> {
    let failed = |why: String| Err(Refused::listed(&format!("custom_metadata validation failed: {why}")));
    if all.len() > CUSTOM_METADATA_KEYS {
        return failed(format!("payload must contain at most {CUSTOM_METADATA_KEYS} keys, provided {}", all.len()));
    }
    for (key, value) in all {
        if key.is_empty() || key.len() > CUSTOM_METADATA_KEY_BYTES {
            let (length, most) = (key.len(), CUSTOM_METADATA_KEY_BYTES);
            return failed(format!("length of key {key:?} is {length} but must be 0 < len(key) <= {most}"));
        }
        if value.is_empty() || value.len() > CUSTOM_METADATA_VALUE_BYTES {
            let (length, most) = (value.len(), CUSTOM_METADATA_VALUE_BYTES);
            return failed(format!("length of value for key {key:?} is {length} but must be 0 < len(value) <= {most}"));
        }
        if !key.chars().all(is_printable) {
            return failed(format!("key {key:?} contains unprintable characters"));
        }
        if !value.chars().all(is_printable) {
            return failed(format!("value for key {key:?} contains unprintable characters"));
        }
    }
    Ok(())
}

/// Go's `unicode.IsPrint`: Rust's own table of what is not printed when a text is debugged is of the same categories.
fn is_printable(character: char) -> bool {
    let behind_a_letter: String = ['x', character].into_iter().collect();
    matches!(character, '\'' | '"' | '\\') || behind_a_letter.escape_debug().count() == 2
}

/// `sys/capabilities-self`.
#[derive(Deserialize)]
pub(super) struct Capabilities {
    #[serde(default)]
    pub(super) paths: Vec<String>,
    #[serde(default)]
    pub(super) path: Option<String>,
}

/// Parses a body; an empty one is an empty object. serde's own message could quote a value.
pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refused> {
    let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|_| Refused::bad("failed to decode JSON input"))
}
