//! What a consumer reads from each store, by controller version: both sides of every row of the delivery table, as pure functions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One read that an ExternalSecret does of one secret, in the words of external-secrets.io/v1. The key is the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Read {
    /// `data[]` with `remoteRef.key` only: the whole secret under one key.
    Whole {
        /// `secretKey`: the key in the Kubernetes Secret.
        secret_key: String,
        /// `remoteRef.decodingStrategy`.
        #[serde(default, skip_serializing_if = "DecodingStrategy::is_none")]
        decoding_strategy: DecodingStrategy,
        /// `remoteRef.version`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
        /// `remoteRef.metadataPolicy`.
        #[serde(default, skip_serializing_if = "MetadataPolicy::is_none")]
        metadata_policy: MetadataPolicy,
    },
    /// `data[]` with `remoteRef.property`.
    Property {
        /// `secretKey`: the key in the Kubernetes Secret.
        secret_key: String,
        /// `remoteRef.property`: a literal key or a gjson path.
        property: String,
        /// `remoteRef.decodingStrategy`.
        #[serde(default, skip_serializing_if = "DecodingStrategy::is_none")]
        decoding_strategy: DecodingStrategy,
        /// `remoteRef.version`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
        /// `remoteRef.metadataPolicy`.
        #[serde(default, skip_serializing_if = "MetadataPolicy::is_none")]
        metadata_policy: MetadataPolicy,
    },
    /// `dataFrom[].extract`: every member of a JSON object.
    Extract {
        /// `extract.property`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        property: Option<String>,
        /// `extract.decodingStrategy`.
        #[serde(default, skip_serializing_if = "DecodingStrategy::is_none")]
        decoding_strategy: DecodingStrategy,
        /// `extract.version`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
        /// `extract.metadataPolicy`.
        #[serde(default, skip_serializing_if = "MetadataPolicy::is_none")]
        metadata_policy: MetadataPolicy,
    },
}

/// `decodingStrategy` of external-secrets.io/v1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DecodingStrategy {
    /// As it is.
    #[default]
    None,
    /// Standard base64.
    Base64,
    /// URL-safe base64.
    Base64URL,
    /// Tries both, else as it is.
    Auto,
}

/// `metadataPolicy` of external-secrets.io/v1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum MetadataPolicy {
    /// The value.
    #[default]
    None,
    /// Tags or custom metadata instead of the value.
    Fetch,
}

impl DecodingStrategy {
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

impl MetadataPolicy {
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}
