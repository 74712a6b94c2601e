//! Who calls: a role, a user, an account or a service.

use std::{borrow::Cow, fmt, sync::Arc};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::aws_policy::{CallerPrincipal, principal_of_caller};

/// The longest ARN that a role with a path can have, and more.
const CHARACTERS: usize = 2_048;

/// A principal as a policy would name it: the ARN of a role (with its path), a user or a root, a service such as
/// `secretsmanager.amazonaws.com`, or the 12 digits of another account, whose principals CloudTrail does not tell apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Principal(Arc<str>);

/// Why a text names no principal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPrincipal {
    /// None of the forms.
    #[error(
        "a principal is the ARN of a role, user or root, a service such as secretsmanager.amazonaws.com, or an account's 12 digits"
    )]
    Form,
    /// A session of a role: it lives for hours, and its name may be a person's.
    #[error("this is a session; name its role, with its path")]
    Session,
}

impl Principal {
    /// Parses a principal.
    ///
    /// # Errors
    /// [`InvalidPrincipal`].
    pub fn parse(text: &str) -> Result<Self, InvalidPrincipal> {
        if text.len() > CHARACTERS || text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '*' | '?')) {
            return Err(InvalidPrincipal::Form);
        }
        if text.starts_with("arn:") {
            return of_arn(text);
        }
        if is_account(text) || is_service(text) { Ok(Self(text.into())) } else { Err(InvalidPrincipal::Form) }
    }

    /// The principal behind a caller's ARN. Of a session it is the role, without the path that the session does not tell.
    ///
    /// # Errors
    /// [`InvalidPrincipal`].
    pub fn of_caller(arn: &str) -> Result<Self, InvalidPrincipal> {
        match principal_of_caller(arn) {
            CallerPrincipal::Arn(arn) => Self::parse(&arn),
            CallerPrincipal::PathUnknown { .. } => Err(InvalidPrincipal::Session),
        }
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn of_arn(text: &str) -> Result<Principal, InvalidPrincipal> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, service, "", account, resource] = parts[..] else { return Err(InvalidPrincipal::Form) };
    if !partition.starts_with("aws") || !is_account(account) {
        return Err(InvalidPrincipal::Form);
    }
    let named = |kind: &str| resource.strip_prefix(kind).is_some_and(|name| !name.is_empty() && !name.ends_with('/'));
    match service {
        "sts" if resource.starts_with("assumed-role/") => Err(InvalidPrincipal::Session),
        "iam" if resource == "root" || named("role/") || named("user/") => Ok(Principal(text.into())),
        "sts" if named("federated-user/") => Ok(Principal(text.into())),
        _ => Err(InvalidPrincipal::Form),
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_service(text: &str) -> bool {
    let is_label =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let domain = ["amazonaws.com", "amazonaws.com.cn"].iter().find_map(|domain| text.strip_suffix(domain));
    domain.and_then(|name| name.strip_suffix('.')).is_some_and(|name| name.split('.').all(is_label))
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Principal {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Principal {
    fn schema_name() -> Cow<'static, str> {
        "Principal".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": CHARACTERS,
            "pattern": r"^(arn:aws[a-z-]*:iam::[0-9]{12}:(root|(role|user)/[^\s*?]*[^\s*?/])|arn:aws[a-z-]*:sts::[0-9]{12}:federated-user/[^\s*?]*[^\s*?/]|[0-9]{12}|([a-z0-9-]+\.)+amazonaws\.com(\.cn)?)$",
        })
    }
}
