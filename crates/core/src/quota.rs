//! One table of what the services allow; used by the plan (predictions), the client (limiter) and the rehearsal (enforcement).
//!
//! Secrets Manager: <https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>, requests a second, per account and
//! region; CloudTrail: <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>. KV v2: <https://developer.hashicorp.com/vault/docs/internals/limits> and what OpenBao 2.7.2 was seen to refuse.

/// A set of Secrets Manager operations that share one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RateClass {
    /// `GetSecretValue`.
    GetSecretValue,
    /// `DescribeSecret`.
    DescribeSecret,
    /// `BatchGetSecretValue`.
    BatchGetSecretValue,
    /// `ListSecrets`.
    ListSecrets,
    /// `PutSecretValue`, `UpdateSecret` and `UpdateSecretVersionStage`.
    PutSecretValue,
    /// `TagResource` and `UntagResource`.
    TagResource,
    /// `GetResourcePolicy`, `PutResourcePolicy`, `DeleteResourcePolicy` and `ValidateResourcePolicy` together.
    ResourcePolicy,
    /// `CreateSecret`.
    CreateSecret,
    /// `DeleteSecret`.
    DeleteSecret,
    /// `RotateSecret` and `CancelRotateSecret`.
    RotateSecret,
    /// CloudTrail's `LookupEvents`.
    LookupEvents,
}

impl RateClass {
    /// Every class.
    pub const ALL: [Self; 11] = [
        Self::GetSecretValue,
        Self::DescribeSecret,
        Self::BatchGetSecretValue,
        Self::ListSecrets,
        Self::PutSecretValue,
        Self::TagResource,
        Self::ResourcePolicy,
        Self::CreateSecret,
        Self::DeleteSecret,
        Self::RotateSecret,
        Self::LookupEvents,
    ];

    /// Requests a second that one account may make in one region.
    #[must_use]
    pub const fn per_second(self) -> u32 {
        match self {
            Self::GetSecretValue => 10_000,
            Self::DescribeSecret => 40_000,
            Self::BatchGetSecretValue | Self::ListSecrets => 100,
            Self::PutSecretValue
            | Self::TagResource
            | Self::ResourcePolicy
            | Self::CreateSecret
            | Self::DeleteSecret
            | Self::RotateSecret => 50,
            Self::LookupEvents => 2,
        }
    }

    /// The class of an API operation, by its name in the `X-Amz-Target` header; `None` for one that this tool never calls.
    #[must_use]
    pub fn of_operation(operation: &str) -> Option<Self> {
        Some(match operation {
            "GetSecretValue" => Self::GetSecretValue,
            "DescribeSecret" => Self::DescribeSecret,
            "BatchGetSecretValue" => Self::BatchGetSecretValue,
            "ListSecrets" => Self::ListSecrets,
            "PutSecretValue" | "UpdateSecret" | "UpdateSecretVersionStage" => Self::PutSecretValue,
            "TagResource" | "UntagResource" => Self::TagResource,
            "GetResourcePolicy" | "PutResourcePolicy" | "DeleteResourcePolicy" | "ValidateResourcePolicy" => Self::ResourcePolicy,
            "CreateSecret" => Self::CreateSecret,
            "DeleteSecret" | "RestoreSecret" => Self::DeleteSecret,
            "RotateSecret" | "CancelRotateSecret" => Self::RotateSecret,
            "LookupEvents" => Self::LookupEvents,
            _ => return None,
        })
    }
}

/// Ids in one BatchGetSecretValue.
pub const BATCH_GET_IDS: usize = 20;
/// Largest `MaxResults` of ListSecrets.
pub const LIST_PAGE: usize = 100;
/// Largest value of a secret, in bytes.
pub const SECRET_VALUE_BYTES: usize = 65_536;
/// Largest resource policy, in bytes.
pub const RESOURCE_POLICY_BYTES: usize = 20_480;
/// Largest description, in characters.
pub const DESCRIPTION_CHARACTERS: usize = 2_048;
/// Tags on one secret.
pub const TAGS: usize = 50;
/// Shortest and longest recovery window of DeleteSecret, in days.
pub const RECOVERY_WINDOW_DAYS: (u32, u32) = (7, 30);

/// Largest KV v2 entry that raft storage takes, in bytes of its JSON body, with room for the envelope (1 MiB fails).
pub const KV_ENTRY_BYTES: usize = 1_000_000;
/// Properties in one entry that OpenBao's default `max_request_json_strings` lets pass.
pub const KV_ENTRY_PROPERTIES: usize = 400;
/// Versions of an entry that are kept where neither mount nor entry says otherwise.
pub const KV_DEFAULT_MAX_VERSIONS: u64 = 10;
/// Keys of `custom_metadata`.
pub const CUSTOM_METADATA_KEYS: usize = 64;
/// Bytes of a `custom_metadata` key.
pub const CUSTOM_METADATA_KEY_BYTES: usize = 128;
/// Bytes of a `custom_metadata` value, which can't be empty.
pub const CUSTOM_METADATA_VALUE_BYTES: usize = 512;
