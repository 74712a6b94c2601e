//! Who calls: found by access key id. Signatures are **not** checked; whoever knows a key id is its owner.

use std::collections::BTreeMap;

use http::{HeaderMap, header::AUTHORIZATION};
use jiff::{SignedDuration, Timestamp};

/// A caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// `aws:PrincipalArn`: a user, or a role with its path (never a session).
    pub arn: String,
    /// What GetCallerIdentity answers: for an assumed role, its session.
    pub caller_arn: String,
}

impl Principal {
    /// A role in use, by its ARN and the name of its session.
    ///
    /// `None` where it is no role's ARN.
    #[must_use]
    pub fn role(arn: &str, session: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let (prefix, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
        let (_, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        let name = resource.strip_prefix("role/")?.rsplit('/').next()?;
        (prefix == "arn" && service == "iam" && !name.is_empty()).then(|| Self {
            arn: arn.to_owned(),
            caller_arn: format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session}"),
        })
    }

    /// An IAM user, by its ARN.
    #[must_use]
    pub fn user(arn: &str) -> Self {
        Self { arn: arn.to_owned(), caller_arn: arn.to_owned() }
    }
}

/// The callers that an account knows.
#[derive(Debug)]
pub(super) struct Principals {
    account: String,
    keys: BTreeMap<String, Principal>,
    random: fastrand::Rng,
    now: Timestamp,
}

impl Principals {
    pub(super) fn new(account: String, keys: BTreeMap<String, Principal>, random: fastrand::Rng) -> Self {
        Self { account, keys, random, now: Timestamp::UNIX_EPOCH }
    }

    pub(super) fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    pub(super) fn account(&self) -> &str {
        &self.account
    }

    pub(super) fn by_key(&self, access_key: &str) -> Option<&Principal> {
        self.keys.get(access_key)
    }

    /// The ARN of the role of that name.
    pub(super) fn role_named(&self, name: &str) -> Option<&str> {
        let is_it = |arn: &&str| arn.contains(":role/") && arn.rsplit('/').next() == Some(name);
        self.keys.values().map(|known| known.arn.as_str()).find(is_it)
    }

    pub(super) fn an_hour_hence(&self) -> Timestamp {
        self.now.checked_add(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX)
    }

    /// New credentials for a role of this account that is known by its ARN; roles that no key stands for don't exist.
    pub(super) fn assume(&mut self, role_arn: &str, session: &str) -> Option<(String, Principal)> {
        self.keys.values().find(|known| known.arn == role_arn)?;
        let principal = Principal::role(role_arn, session)?;
        let key = format!("ASIA{}", (0..16).map(|_| self.random.alphanumeric().to_ascii_uppercase()).collect::<String>());
        self.keys.insert(key.clone(), principal.clone());
        Some((key, principal))
    }
}

/// The access key id in a SigV4 `Authorization` header
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html>).
pub(crate) fn access_key(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("AWS4-HMAC-SHA256")?;
    let credential = header.split([' ', ',']).find_map(|part| part.strip_prefix("Credential="))?;
    credential.split('/').next().filter(|key| !key.is_empty())
}
