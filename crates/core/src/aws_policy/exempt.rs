//! Whom the fence lets through: the migration, retire and break-glass principals.

use std::collections::BTreeSet;

use super::evaluate::{arn_like, wildcard};

/// Principals that the fence does not bind, as `aws:PrincipalArn` spells them. Never empty; wildcards are allowed within the
/// resource part (`role/aws-reserved/sso.amazonaws.com/*/Name`).
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exempt(BTreeSet<String>);

/// Why a list of exempt principals can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidExempt {
    /// A fence that exempts nobody could never be taken away again.
    #[error("no exempt principal: the fence would lock everybody out, us included")]
    Nobody,
    /// It could never be equal to an `aws:PrincipalArn`, or would be equal to too many.
    #[error("{0:?} is not the ARN of a role, a user or an account's root with a 12-digit account")]
    NotAPrincipal(String),
    /// `aws:PrincipalArn` never names a session.
    #[error("{0:?} is a session; name its role, with its path: {1}")]
    Session(String, String),
}

/// What an exempt principal's ARN names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named<'a> {
    /// A role, by its name without its path.
    Role(&'a str),
    /// A user, likewise.
    User(&'a str),
    /// The root of an account.
    Account,
    /// Several at once: it has wildcards.
    Pattern,
    /// A federated user, or nothing that we know.
    Other,
}

/// Reads what a principal's ARN names.
#[must_use]
pub fn named(principal: &str) -> Named<'_> {
    if principal.contains(['*', '?']) {
        return Named::Pattern;
    }
    let resource = principal.splitn(6, ':').nth(5).unwrap_or_default();
    let last = |kind: &str| resource.strip_prefix(kind).and_then(|path| path.rsplit('/').next()).filter(|name| !name.is_empty());
    match (last("role/"), last("user/")) {
        (Some(role), _) => Named::Role(role),
        (_, Some(user)) => Named::User(user),
        _ if resource == "root" => Named::Account,
        _ => Named::Other,
    }
}

/// The principal behind a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallerPrincipal {
    /// The ARN that `aws:PrincipalArn` has for the caller. For an assumed role this supposes that the role has no path, since
    /// the caller's ARN does not tell: **a role with a path must be configured**.
    Arn(String),
    /// A role that is known to have a path which the caller's ARN does not show: one made by IAM Identity Center, below
    /// `/aws-reserved/sso.amazonaws.com/`. It must be configured.
    PathUnknown {
        /// The role's name.
        role: String,
    },
}

impl Exempt {
    /// Checks and keeps a list.
    ///
    /// # Errors
    /// [`InvalidExempt`].
    pub fn new(principals: impl IntoIterator<Item = String>) -> Result<Self, InvalidExempt> {
        let principals: BTreeSet<String> = principals.into_iter().collect();
        if principals.is_empty() {
            return Err(InvalidExempt::Nobody);
        }
        for principal in &principals {
            check(principal)?;
        }
        Ok(Self(principals))
    }

    /// The principals, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a principal, as `aws:PrincipalArn` spells it, is let through.
    #[must_use]
    pub fn covers_principal(&self, arn: &str) -> bool {
        self.iter().any(|principal| arn_like(principal, arn))
    }

    /// Whether a caller, as `sts:GetCallerIdentity` names it, is let through. A role's path is not in that ARN, so of an
    /// exempt role account and name are compared; whether the path is right too, AWS says (`ValidateResourcePolicy` refuses
    /// a policy that locks its caller out).
    #[must_use]
    pub fn covers_caller(&self, caller_arn: &str) -> bool {
        match session(caller_arn) {
            None => self.iter().any(|principal| arn_like(principal, caller_arn)),
            Some((partition, account, role)) => self.iter().any(|principal| {
                let parts: Vec<&str> = principal.splitn(6, ':').collect();
                let [_, in_partition, _, _, in_account, resource] = parts[..] else { return false };
                let name = resource.strip_prefix("role/").and_then(|path| path.rsplit('/').next());
                in_partition == partition && in_account == account && name.is_some_and(|pattern| wildcard(pattern, role))
            }),
        }
    }
}

/// The principal whose ARN a policy would name for this caller.
///
/// Users, root and federated users stay as they are; `arn:aws:sts::ACCOUNT:assumed-role/Role/session` becomes
/// `arn:aws:iam::ACCOUNT:role/Role`. The path of a role is lost on that way; see [`CallerPrincipal`].
#[must_use]
pub fn principal_of_caller(caller_arn: &str) -> CallerPrincipal {
    match session(caller_arn) {
        None => CallerPrincipal::Arn(caller_arn.to_owned()),
        Some((_, _, role)) if role.starts_with("AWSReservedSSO_") => CallerPrincipal::PathUnknown { role: role.to_owned() },
        Some((partition, account, role)) => CallerPrincipal::Arn(format!("arn:{partition}:iam::{account}:role/{role}")),
    }
}

/// Partition, account and role name of a session's ARN.
fn session(arn: &str) -> Option<(&str, &str, &str)> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "sts", "", account, resource] = parts[..] else { return None };
    let (role, _session) = resource.strip_prefix("assumed-role/")?.split_once('/')?;
    Some((partition, account, role))
}

fn check(principal: &str) -> Result<(), InvalidExempt> {
    if let Some((partition, account, role)) = session(principal) {
        let role = format!("arn:{partition}:iam::{account}:role/[PATH/]{role}");
        return Err(InvalidExempt::Session(principal.to_owned(), role));
    }
    let parts: Vec<&str> = principal.splitn(6, ':').collect();
    let fits = match parts[..] {
        ["arn", partition, "iam" | "sts", "", account, resource] => {
            let named =
                |kind: &str| resource.strip_prefix(kind).is_some_and(|name| !name.trim_matches(['*', '?', '/']).is_empty());
            partition.starts_with("aws")
                && account.len() == 12
                && account.bytes().all(|b| b.is_ascii_digit())
                && (resource == "root" || named("role/") || named("user/") || named("federated-user/"))
        }
        _ => false,
    };
    if fits { Ok(()) } else { Err(InvalidExempt::NotAPrincipal(principal.to_owned())) }
}
