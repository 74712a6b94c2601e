//! AWS JSON 1.1: requests, answers, errors.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Operations.html>

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, Response, StatusCode};
use jiff::Timestamp;
use migrate_core::value::{SecretBytes, SecretText, SecretValue};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use zeroize::Zeroizing;

use crate::http::{Body, encode, respond};

/// An error as the service answers it. Messages follow what AWS says, where that is known; clients match on the code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct AwsError {
    /// `ResourceNotFoundException` and the like.
    pub code: &'static str,
    /// The message; never holds a value.
    pub message: String,
}

impl AwsError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn not_found() -> Self {
        Self::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    }

    pub(crate) fn invalid_request(message: impl Into<String>) -> Self {
        Self::new("InvalidRequestException", message)
    }

    pub(crate) fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterException", message)
    }

    /// A constraint of the API's model is broken. AWS quotes the value here; this does not.
    pub(crate) fn constraint(member: &str, constraint: impl std::fmt::Display) -> Self {
        Self::new(
            "ValidationException",
            format!("1 validation error detected: Value at '{member}' failed to satisfy constraint: {constraint}"),
        )
    }

    pub(crate) fn throttled() -> Self {
        Self::new("ThrottlingException", "Rate exceeded")
    }

    pub(crate) fn denied(caller: &str, action: &str, resource: &str) -> Self {
        Self::new(
            "AccessDeniedException",
            format!(
                "User: {caller} is not authorized to perform: {action} on resource: {resource} with an explicit deny in a \
                 resource-based policy"
            ),
        )
    }

    /// As an HTTP answer.
    pub(crate) fn response(&self, request_id: &str) -> Response<Body> {
        let status = if self.code == "InternalServiceError" { 500 } else { 400 };
        #[derive(Serialize)]
        struct Shape<'a> {
            __type: &'a str,
            #[serde(rename = "Message")]
            message: &'a str,
        }
        let mut response = respond(
            StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST),
            "application/x-amz-json-1.1",
            encode(&Shape { __type: self.code, message: &self.message }),
        );
        response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(self.code));
        stamp(&mut response, request_id);
        response
    }
}

/// A good answer.
pub(super) fn answer(bytes: Zeroizing<Vec<u8>>, request_id: &str) -> Response<Body> {
    let mut response = respond(StatusCode::OK, "application/x-amz-json-1.1", bytes);
    stamp(&mut response, request_id);
    response
}

pub(super) fn stamp(response: &mut Response<Body>, request_id: &str) {
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
}

/// Parses a request; serde's own message could quote the value.
pub(crate) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, AwsError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body)
        .map_err(|_| AwsError::new("SerializationException", "the request can't be read as this operation's input"))
}

/// A moment as the protocol writes it: seconds since 1970 with a fraction.
pub(super) fn seconds(moment: Timestamp) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 stay below 2^53")]
    let milliseconds = moment.as_millisecond() as f64;
    milliseconds / 1000.0
}

/// `SecretBinary`: base64 on the wire.
pub(crate) struct Base64(pub(crate) SecretBytes);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = SecretText::deserialize(deserializer)?;
        STANDARD.decode(text.expose()).map(|bytes| Self(SecretBytes::new(bytes))).map_err(|_| D::Error::custom("not base64"))
    }
}

/// A value in an answer: under the member that its kind has.
pub(super) enum WireValue<'a> {
    Text(&'a str),
    Binary(Base64Text),
}

/// Base64 that is wiped.
pub(super) struct Base64Text(Zeroizing<String>);

impl Serialize for Base64Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'a> WireValue<'a> {
    pub(super) fn of(value: &'a SecretValue) -> Self {
        match value {
            SecretValue::Text(text) => Self::Text(text.expose()),
            SecretValue::Binary(bytes) => Self::Binary(Base64Text(Zeroizing::new(STANDARD.encode(bytes.expose())))),
        }
    }
}

/// The value that a request brings, where it brings one.
///
/// # Errors
/// Two values at once.
pub(super) fn one_value(text: Option<SecretText>, binary: Option<Base64>) -> Result<Option<SecretValue>, AwsError> {
    match (text, binary) {
        (Some(_), Some(_)) => Err(AwsError::invalid_parameter(
            "You can't specify both a binary secret value and a string secret value in the same secret.",
        )),
        (Some(text), None) => Ok(Some(SecretValue::Text(text))),
        (None, Some(Base64(bytes))) => Ok(Some(SecretValue::Binary(bytes))),
        (None, None) => Ok(None),
    }
}

/// A tag.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Tag {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) value: String,
}

/// Filters of ListSecrets and BatchGetSecretValue.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Filter {
    pub(super) key: String,
    pub(super) values: Vec<String>,
}

/// Where a replica is to be.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReplicaRegion {
    pub(super) region: String,
}

macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        pub(super) struct $name { $(#[serde(default)] pub(super) $field: $type),* }
    )*};
}

requests! {
    CreateSecret {
        name: String,
        client_request_token: Option<String>,
        description: Option<String>,
        kms_key_id: Option<String>,
        secret_string: Option<SecretText>,
        secret_binary: Option<Base64>,
        tags: Vec<Tag>,
        add_replica_regions: Vec<serde_json::Value>,
    }
    PutSecretValue {
        secret_id: String,
        client_request_token: Option<String>,
        secret_string: Option<SecretText>,
        secret_binary: Option<Base64>,
        version_stages: Option<Vec<String>>,
    }
    UpdateSecret {
        secret_id: String,
        client_request_token: Option<String>,
        description: Option<String>,
        kms_key_id: Option<String>,
        secret_string: Option<SecretText>,
        secret_binary: Option<Base64>,
    }
    GetSecretValue { secret_id: String, version_id: Option<String>, version_stage: Option<String> }
    BatchGetSecretValue {
        secret_id_list: Option<Vec<String>>,
        filters: Option<Vec<Filter>>,
        max_results: Option<usize>,
        next_token: Option<String>,
    }
    ListSecrets {
        max_results: Option<usize>,
        next_token: Option<String>,
        include_planned_deletion: bool,
        filters: Vec<Filter>,
        sort_order: Option<String>,
    }
    ListSecretVersionIds { secret_id: String, include_deprecated: bool }
    /// DescribeSecret, RestoreSecret, GetResourcePolicy, DeleteResourcePolicy, CancelRotateSecret.
    OneSecret { secret_id: String }
    UpdateSecretVersionStage {
        secret_id: String,
        version_stage: String,
        move_to_version_id: Option<String>,
        remove_from_version_id: Option<String>,
    }
    TagResource { secret_id: String, tags: Vec<Tag> }
    UntagResource { secret_id: String, tag_keys: Vec<String> }
    PutResourcePolicy { secret_id: String, resource_policy: String, block_public_policy: Option<bool> }
    ValidateResourcePolicy { secret_id: Option<String>, resource_policy: String }
    ReplicateSecretToRegions { secret_id: String, add_replica_regions: Vec<ReplicaRegion> }
    RemoveRegionsFromReplication { secret_id: String, remove_replica_regions: Vec<String> }
    DeleteSecret {
        secret_id: String,
        recovery_window_in_days: Option<i64>,
        force_delete_without_recovery: Option<bool>,
    }
    RotateSecret {
        secret_id: String,
        client_request_token: Option<String>,
        rotate_immediately: Option<bool>,
    }
}

/// RotateSecret's spelling of acronyms and its free-form rules.
#[derive(Deserialize)]
pub(super) struct RotationRequest {
    #[serde(rename = "RotationLambdaARN", default)]
    pub(super) lambda_arn: Option<String>,
    #[serde(rename = "RotationRules", default)]
    pub(super) rules: Option<BTreeMap<String, serde_json::Value>>,
}
