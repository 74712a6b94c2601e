//! What a request asks for, told from its head; and what it is about, told from its body without looking at a value.

use std::fmt;

use http::{Method, request::Parts};
use migrate_core::quota::RateClass;
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::secrets_manager;

/// The kind of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// An operation of Secrets Manager, by the name in `X-Amz-Target`.
    SecretsManager(String),
    /// Anything at KV v2.
    Kv(KvOperation),
    /// `sys/` and `auth/` at Vault; true where it is no mere read.
    System(bool),
    /// Anything else, such as STS.
    Other,
}

/// What KV v2 is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KvOperation {
    /// `GET data/…`
    ReadData,
    /// `POST data/…`
    WriteData,
    /// `DELETE data/…`, or `POST delete/…`
    DeleteData,
    /// `POST undelete/…`
    Undelete,
    /// `POST destroy/…`
    Destroy,
    /// `GET metadata/…`
    ReadMetadata,
    /// `POST` or `PATCH metadata/…`
    WriteMetadata,
    /// `DELETE metadata/…`
    DeleteMetadata,
    /// `LIST metadata/…`
    List,
    /// `GET config`
    ReadConfig,
    /// `POST config`
    WriteConfig,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecretsManager(name) => write!(f, "secretsmanager:{name}"),
            Self::Kv(operation) => write!(f, "kv:{operation:?}"),
            Self::System(_) => f.write_str("vault:system"),
            Self::Other => f.write_str("other"),
        }
    }
}

impl Operation {
    /// An operation of Secrets Manager.
    #[must_use]
    pub fn aws(name: &str) -> Self {
        Self::SecretsManager(name.to_owned())
    }

    /// Reads a request's head. A KV v2 mount is whatever stands before the first `data`, `metadata`, … of the path.
    pub(super) fn of(head: &Parts) -> Self {
        if let Some(name) = secrets_manager::operation(&head.headers) {
            return Self::SecretsManager(name.to_owned());
        }
        let Some(path) = head.uri.path().strip_prefix("/v1/") else { return Self::Other };
        let is_list = head.method.as_str() == "LIST" || head.uri.query().is_some_and(|query| query.contains("list=true"));
        let is_read = [Method::GET, Method::HEAD].contains(&head.method) || is_list;
        if path.starts_with("sys/") || path.starts_with("auth/") {
            return Self::System(!is_read && path != "sys/capabilities-self");
        }
        let class = path.split('/').skip(1).find(|part| CLASSES.contains(part));
        Self::Kv(match (class, is_read) {
            (Some("data"), true) => KvOperation::ReadData,
            (Some("data"), false) if head.method == Method::DELETE => KvOperation::DeleteData,
            (Some("data"), false) => KvOperation::WriteData,
            (Some("delete"), _) => KvOperation::DeleteData,
            (Some("undelete"), _) => KvOperation::Undelete,
            (Some("destroy"), _) => KvOperation::Destroy,
            (Some("metadata"), true) if is_list => KvOperation::List,
            (Some("metadata"), true) => KvOperation::ReadMetadata,
            (Some("metadata"), false) if head.method == Method::DELETE => KvOperation::DeleteMetadata,
            (Some("metadata"), false) => KvOperation::WriteMetadata,
            (Some("config"), true) => KvOperation::ReadConfig,
            (Some("config"), false) => KvOperation::WriteConfig,
            _ => return Self::Other,
        })
    }

    /// Whether such a request changes something.
    #[must_use]
    pub fn is_effect(&self) -> bool {
        match self {
            Self::SecretsManager(name) => {
                !["Get", "Describe", "List", "BatchGet", "Validate"].iter().any(|reading| name.starts_with(reading))
            }
            Self::Kv(operation) => !matches!(
                operation,
                KvOperation::ReadData | KvOperation::ReadMetadata | KvOperation::List | KvOperation::ReadConfig
            ),
            Self::System(changes) => *changes,
            Self::Other => false,
        }
    }

    /// The quota that it counts against.
    pub(super) fn rate_class(&self) -> Option<RateClass> {
        match self {
            Self::SecretsManager(name) => RateClass::of_operation(name),
            _ => None,
        }
    }
}

const CLASSES: [&str; 6] = ["data", "metadata", "delete", "undelete", "destroy", "config"];

/// What a request is about: names of secrets, or the path below `/v1/`.
pub(super) fn subjects(operation: &Operation, head: &Parts, body: &[u8]) -> Vec<String> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Named {
        secret_id: Option<String>,
        name: Option<String>,
        secret_id_list: Option<Vec<String>>,
    }
    match operation {
        Operation::SecretsManager(_) => {
            let named: Named = serde_json::from_slice(body).unwrap_or_default();
            let ids = named.secret_id.into_iter().chain(named.name).chain(named.secret_id_list.into_iter().flatten());
            ids.map(|id| name_of(&id).to_owned()).collect()
        }
        _ => {
            let path = percent_decode_str(head.uri.path()).decode_utf8_lossy();
            path.strip_prefix("/v1/").map(str::to_owned).into_iter().collect()
        }
    }
}

/// The name in a `SecretId`, which may be an ARN with its six random characters.
pub(super) fn name_of(secret_id: &str) -> &str {
    let Some((_, resource)) = secret_id.strip_prefix("arn:").and_then(|arn| arn.split_once(":secret:")) else {
        return secret_id;
    };
    let without_suffix = resource.len().checked_sub(7).and_then(|end| resource.get(..end));
    without_suffix.filter(|_| resource.as_bytes().get(resource.len() - 7) == Some(&b'-')).unwrap_or(resource)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn vault(method: &str, path: &str) -> Operation {
        let (head, ()) = Request::builder().method(method).uri(path).body(()).unwrap().into_parts();
        Operation::of(&head)
    }

    #[test]
    fn vault_requests_are_told_apart() {
        use KvOperation::*;
        for (method, path, operation) in [
            ("GET", "/v1/secret/data/platform-data/x", ReadData),
            ("POST", "/v1/secret/data/a", WriteData),
            ("PUT", "/v1/team/kv/data/a/metadata", WriteData),
            ("DELETE", "/v1/secret/metadata/a", DeleteMetadata),
            ("PATCH", "/v1/secret/metadata/a", WriteMetadata),
            ("LIST", "/v1/secret/metadata/", List),
            ("GET", "/v1/secret/metadata/?list=true", List),
            ("GET", "/v1/secret/config", ReadConfig),
        ] {
            assert_eq!(vault(method, path), Operation::Kv(operation), "{method} {path}");
        }
        assert!(!vault("POST", "/v1/sys/capabilities-self").is_effect());
        assert!(vault("POST", "/v1/sys/mounts/x").is_effect());
    }

    #[test]
    fn only_reads_are_no_effects() {
        for name in ["GetSecretValue", "BatchGetSecretValue", "ListSecrets", "DescribeSecret", "ValidateResourcePolicy"] {
            assert!(!Operation::aws(name).is_effect(), "{name}");
        }
        for name in ["PutSecretValue", "PutResourcePolicy", "DeleteResourcePolicy", "CancelRotateSecret", "UntagResource"] {
            assert!(Operation::aws(name).is_effect(), "{name}");
        }
    }

    #[test]
    fn an_arn_names_its_secret() {
        assert_eq!(name_of("arn:aws:secretsmanager:eu-central-1:123456789012:secret:a/b-c-AbCdEf"), "a/b-c");
        assert_eq!(name_of("a/b-AbCdEf"), "a/b-AbCdEf");
    }
}
