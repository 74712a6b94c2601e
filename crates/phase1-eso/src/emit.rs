//! The part of an ExternalSecret (external-secrets.io/v1) that says what is read: `data` and `dataFrom`.
//!
//! Field names and their nesting are those of the API reference (<https://external-secrets.io/latest/api/externalsecret/>). Fields at the
//! value that the controller defaults are left out.

use migrate_core::reads::{ConversionStrategy, DecodingStrategy, MetadataPolicy, Read, Rewrite};
use serde::Serialize;

/// `spec.data` and `spec.dataFrom`, in the order of the reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reads {
    /// `spec.data`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<Data>,
    /// `spec.dataFrom`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data_from: Vec<DataFrom>,
}

/// One item of `spec.data`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Data {
    /// The key in the Kubernetes Secret.
    pub secret_key: String,
    /// What stands behind it.
    pub remote_ref: RemoteRef,
}

/// One item of `spec.dataFrom`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataFrom {
    /// Every member of one entry.
    pub extract: RemoteRef,
    /// How keys are rewritten.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rewrite: Vec<Rewrite>,
}

/// `remoteRef`, and `extract`, which has the same shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoteRef {
    /// The secret's name, or its path.
    pub key: String,
    /// `property`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// `version`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `decodingStrategy`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoding_strategy: Option<DecodingStrategy>,
    /// `conversionStrategy`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversion_strategy: Option<ConversionStrategy>,
    /// `metadataPolicy`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata_policy: Option<MetadataPolicy>,
}

/// Why a read can't be written into a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotEmitted {
    /// A `find` reaches what it matches that day; a manifest of ours names what it reads.
    Find,
}

/// Writes the reads of one secret, found under `key`, as an ExternalSecret says them.
///
/// # Errors
/// [`NotEmitted`], with the position of the read that can't be written.
pub fn reads(key: &str, reads: &[Read]) -> Result<Reads, (usize, NotEmitted)> {
    let mut emitted = Reads::default();
    for (at, read) in reads.iter().enumerate() {
        match read {
            Read::Whole { secret_key, decoding_strategy, version, metadata_policy } => {
                let remote_ref = RemoteRef {
                    version: version.clone(),
                    metadata_policy: unless_default(*metadata_policy),
                    ..reference(key, None, *decoding_strategy)
                };
                emitted.data.push(Data { secret_key: secret_key.clone(), remote_ref });
            }
            Read::Property { secret_key, property, decoding_strategy, version, metadata_policy } => {
                let remote_ref = RemoteRef {
                    version: version.clone(),
                    metadata_policy: unless_default(*metadata_policy),
                    ..reference(key, Some(property), *decoding_strategy)
                };
                emitted.data.push(Data { secret_key: secret_key.clone(), remote_ref });
            }
            Read::Extract { property, conversion_strategy, decoding_strategy, version, metadata_policy, rewrite } => {
                let extract = RemoteRef {
                    version: version.clone(),
                    conversion_strategy: unless_default(*conversion_strategy),
                    metadata_policy: unless_default(*metadata_policy),
                    ..reference(key, property.as_ref(), *decoding_strategy)
                };
                emitted.data_from.push(DataFrom { extract, rewrite: rewrite.clone() });
            }
            Read::Find { .. } => return Err((at, NotEmitted::Find)),
        }
    }
    Ok(emitted)
}

fn reference(key: &str, property: Option<&String>, decoding_strategy: DecodingStrategy) -> RemoteRef {
    RemoteRef {
        key: key.to_owned(),
        property: property.cloned(),
        version: None,
        decoding_strategy: unless_default(decoding_strategy),
        conversion_strategy: None,
        metadata_policy: None,
    }
}

fn unless_default<T: Default + PartialEq>(value: T) -> Option<T> {
    (value != T::default()).then_some(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // REQ ESO-1
    #[test]
    fn reads_are_written_as_the_api_reference_spells_them() {
        let asked =
            [Read::whole("config"), Read::property("PASSWORD", "db.password").decoded(DecodingStrategy::Base64), Read::extract()];
        let emitted = serde_json::to_value(reads("platform-data/postgres/orders", &asked).unwrap()).unwrap();
        let key = "platform-data/postgres/orders";
        assert_eq!(
            emitted,
            json!({
                "data": [
                    { "secretKey": "config", "remoteRef": { "key": key } },
                    {
                        "secretKey": "PASSWORD",
                        "remoteRef": { "key": key, "property": "db.password", "decodingStrategy": "Base64" }
                    }
                ],
                "dataFrom": [{ "extract": { "key": key } }]
            })
        );
    }

    #[test]
    fn a_find_is_never_written_back_as_one() {
        let find = Read::Find {
            name: "a".into(),
            conversion_strategy: ConversionStrategy::default(),
            decoding_strategy: DecodingStrategy::None,
        };
        assert_eq!(reads("a", &[Read::whole("k"), find]), Err((1, NotEmitted::Find)));
    }
}
