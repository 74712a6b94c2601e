//! A live server against the description: every difference, with the command that mends it. Pure; what was seen comes from `inspect`.
//!
//! Absent and unreadable are different: what can't be read is named with the right that is missing, and never counts as equal.

mod pattern;
mod text;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use migrate_core::{observed::Sighting, ports::PortError};
use serde::Serialize;

pub use self::text::{ParsedPolicy, parse};
use crate::{
    emit::{Capability, Needs, Place, Policy, Role, Stage, TokenType, command},
    inspect::{AuthConfig, MountSeen, RoleSeen, Settings},
};

/// What was seen of a server.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) mount: Sighting<MountSeen>,
    pub(crate) mount_config: Sighting<Settings>,
    /// The type of the auth method.
    pub(crate) auth: Sighting<String>,
    pub(crate) auth_config: Sighting<AuthConfig>,
    /// Those that are described, and all others that a list names.
    pub(crate) roles: BTreeMap<String, Sighting<RoleSeen>>,
    /// Their texts, as for roles.
    pub(crate) policies: BTreeMap<String, Sighting<String>>,
    /// Lists that could not be read, so that others may be there that nobody looked at.
    pub(crate) unlisted: Vec<PortError>,
}

/// How a server compares with the description.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What is not as described.
    pub differences: Vec<Difference>,
    /// What could not be read, so that nothing is known of it.
    pub unread: Vec<PortError>,
    /// Publishers' places that are not there: fine until the handover is complete.
    pub not_yet: Vec<Place>,
    /// Publishers' places that are there.
    pub publishing: Vec<Place>,
    /// Other policies that reach what the described ones are about.
    pub others: Vec<Reach>,
}

/// One thing that is not as described.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Where.
    pub place: Place,
    /// How.
    #[serde(flatten)]
    pub kind: DifferenceKind,
    /// The command that mends it, without the program's name; `None` where somebody must decide what becomes of what is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

/// How something differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "difference")]
pub enum DifferenceKind {
    /// It is not there.
    Missing,
    /// A setting has another value.
    Setting {
        /// The API's name of it.
        setting: &'static str,
        /// As described.
        expected: String,
        /// As it is.
        found: String,
    },
    /// A policy allows less than described.
    Lacks {
        /// On this path.
        path: String,
        /// These.
        capabilities: BTreeSet<Capability>,
    },
    /// A policy allows more than described.
    Exceeds {
        /// On this path.
        path: String,
        /// These.
        capabilities: BTreeSet<Capability>,
    },
    /// A policy sets conditions on a path that are not described.
    Constrains {
        /// The path.
        path: String,
    },
    /// A policy's text is not understood, so what it allows is not known.
    NotUnderstood,
    /// A role that is not described carries a described policy.
    Carries {
        /// The policy.
        policy: String,
    },
}

/// A policy that also reaches what the described ones are about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reach {
    /// The policy.
    pub policy: String,
    /// Its path.
    pub path: String,
    /// What it allows there.
    pub capabilities: BTreeSet<Capability>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mount => f.write_str("mount"),
            Self::MountConfig => f.write_str("settings of the mount"),
            Self::Auth => f.write_str("auth method"),
            Self::AuthConfig => f.write_str("settings of the auth method"),
            Self::Policy(name) => write!(f, "policy {name}"),
            Self::Role(name) => write!(f, "role {name}"),
        }
    }
}

impl fmt::Display for DifferenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |capabilities: &BTreeSet<Capability>| {
            capabilities.iter().map(|capability| capability.as_str()).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Missing => f.write_str("missing"),
            Self::Setting { setting, expected, found } => write!(f, "{setting} is {found}, described is {expected}"),
            Self::Lacks { path, capabilities } => write!(f, "does not allow {} on {path}", list(capabilities)),
            Self::Exceeds { path, capabilities } => write!(f, "also allows {} on {path}", list(capabilities)),
            Self::Constrains { path } => write!(f, "sets conditions on {path} that are not described"),
            Self::NotUnderstood => f.write_str("its text is not understood, so what it allows is not known"),
            Self::Carries { policy } => write!(f, "not described, and carries the policy {policy}"),
        }
    }
}

/// Compares; publishers are only missing where they are `expected`.
pub(crate) fn compare(needs: &Needs, seen: &Seen, publishers_expected: bool) -> Comparison {
    let mut found = Finder { needs, comparison: Comparison::default() };
    found.mount(&seen.mount, &seen.mount_config);
    found.auth(&seen.auth, &seen.auth_config);
    found.grants(seen, Stage::Now, true);
    found.grants(seen, Stage::Publishers, publishers_expected);
    found.others(seen);
    found.comparison.unread.extend(seen.unlisted.iter().cloned());
    found.comparison
}

struct Finder<'n> {
    needs: &'n Needs,
    comparison: Comparison,
}

impl Finder<'_> {
    fn differs(&mut self, place: Place, kind: DifferenceKind) {
        let is_another_kind = matches!((&place, &kind), (Place::Mount | Place::Auth, DifferenceKind::Setting { .. }));
        let mend = Some(command(self.needs, &place).join(" ")).filter(|mend| !mend.is_empty() && !is_another_kind);
        self.comparison.differences.push(Difference { place, kind, mend });
    }

    fn setting(&mut self, place: &Place, setting: &'static str, expected: &dyn fmt::Display, found: &dyn fmt::Display) {
        let (expected, found) = (shown(&expected.to_string()), shown(&found.to_string()));
        if expected != found {
            self.differs(place.clone(), DifferenceKind::Setting { setting, expected, found });
        }
    }

    /// The thing, where it is there; else what its absence means.
    fn there<'s, T>(&mut self, place: Place, sighting: Option<&'s Sighting<T>>) -> Option<&'s T> {
        match sighting {
            Some(Sighting::Present(thing)) => return Some(thing),
            Some(Sighting::Unknown(error) | Sighting::Unreadable(error)) => self.comparison.unread.push(error.clone()),
            Some(Sighting::Absent) | None => self.differs(place, DifferenceKind::Missing),
        }
        None
    }

    fn mount(&mut self, mount: &Sighting<MountSeen>, config: &Sighting<Settings>) {
        // Without a mount there are no settings to miss.
        let Some(mount) = self.there(Place::Mount, Some(mount)) else { return };
        self.setting(&Place::Mount, "type", &"kv", &mount.engine);
        self.setting(&Place::Mount, "version", &"2", &mount.version);
        let Some(config) = self.there(Place::MountConfig, Some(config)) else { return };
        let place = Place::MountConfig;
        self.setting(&place, "delete_version_after", &"0s", &config.delete_version_after);
        if let Some(count) = self.needs.mount.max_versions {
            self.setting(&place, "max_versions", &count, &config.max_versions);
        }
        if let Some(required) = self.needs.mount.cas_required {
            self.setting(&place, "cas_required", &required, &config.cas_required);
        }
    }

    fn auth(&mut self, method: &Sighting<String>, config: &Sighting<AuthConfig>) {
        let Some(method) = self.there(Place::Auth, Some(method)) else { return };
        self.setting(&Place::Auth, "type", &"kubernetes", method);
        let Some(config) = self.there(Place::AuthConfig, Some(config)) else { return };
        let (place, described) = (Place::AuthConfig, &self.needs.auth);
        self.setting(&place, "kubernetes_host", &described.host, &config.kubernetes_host);
        self.setting(&place, "disable_local_ca_jwt", &described.disable_local_ca_jwt, &config.disable_local_ca_jwt);
        let squeezed = |pem: &str| pem.split_whitespace().collect::<String>();
        let expected = described.ca_cert.as_ref().map(|authority| squeezed(&authority.pem)).unwrap_or_default();
        if expected != squeezed(&config.kubernetes_ca_cert) {
            let expected =
                described.ca_cert.as_ref().map_or("none".to_owned(), |authority| format!("that of {}", authority.file));
            let found = if config.kubernetes_ca_cert.trim().is_empty() { "none" } else { "another" };
            self.setting(&place, "kubernetes_ca_cert", &expected, &found);
        }
        if !config.pem_keys.is_empty() {
            self.setting(&place, "pem_keys", &"none", &format!("{} keys that sign logins", config.pem_keys.len()));
        }
        if config.token_reviewer_jwt_set {
            // A write takes it away unless it is given again; see the script.
            let mends = self.comparison.differences.iter_mut().filter(|difference| difference.place == place);
            for mend in mends.filter_map(|difference| difference.mend.as_mut()) {
                mend.push_str(" token_reviewer_jwt=@FILE");
            }
        }
    }

    fn grants(&mut self, seen: &Seen, stage: Stage, is_expected: bool) {
        let (grants, is_publisher) = (self.needs.grants(stage), stage == Stage::Publishers);
        for policy in &grants.policies {
            let place = Place::Policy(policy.name.clone());
            let sighting = seen.policies.get(&policy.name);
            if self.waits(&place, is_publisher, is_expected, matches!(sighting, Some(Sighting::Absent) | None)) {
                continue;
            }
            if let Some(text) = self.there(place, sighting) {
                self.policy(policy, text);
            }
        }
        for role in &grants.roles {
            let place = Place::Role(role.name.clone());
            let sighting = seen.roles.get(&role.name);
            if self.waits(&place, is_publisher, is_expected, matches!(sighting, Some(Sighting::Absent) | None)) {
                continue;
            }
            if let Some(seen) = self.there(place, sighting) {
                self.role(role, seen);
            }
        }
    }

    /// Notes publishers' places; whether one is not there and need not be.
    fn waits(&mut self, place: &Place, is_publisher: bool, is_expected: bool, is_absent: bool) -> bool {
        match (is_publisher, is_absent) {
            (true, false) => self.comparison.publishing.push(place.clone()),
            (true, true) if !is_expected => {
                self.comparison.not_yet.push(place.clone());
                return true;
            }
            _ => {}
        }
        false
    }

    fn policy(&mut self, policy: &Policy, text: &str) {
        let place = Place::Policy(policy.name.clone());
        let Some(mut live) = parse(text) else { return self.differs(place, DifferenceKind::NotUnderstood) };
        for path in live.constrained {
            self.differs(place.clone(), DifferenceKind::Constrains { path });
        }
        for (path, described) in policy.allowed() {
            let allowed = live.allowed.remove(&path).unwrap_or_default();
            let lacks: BTreeSet<_> = described.difference(&allowed).copied().collect();
            let exceeds: BTreeSet<_> = allowed.difference(&described).copied().collect();
            if !lacks.is_empty() {
                self.differs(place.clone(), DifferenceKind::Lacks { path: path.clone(), capabilities: lacks });
            }
            if !exceeds.is_empty() {
                self.differs(place.clone(), DifferenceKind::Exceeds { path, capabilities: exceeds });
            }
        }
        for (path, capabilities) in live.allowed {
            self.differs(place.clone(), DifferenceKind::Exceeds { path, capabilities });
        }
    }

    fn role(&mut self, role: &Role, seen: &RoleSeen) {
        let place = Place::Role(role.name.clone());
        let (account, tokens) = (&role.account, &role.tokens);
        self.setting(&place, "bound_service_account_names", &account.name, &listed(&seen.bound_service_account_names));
        self.setting(
            &place,
            "bound_service_account_namespaces",
            &account.namespace,
            &listed(&seen.bound_service_account_namespaces),
        );
        self.setting(&place, "bound_service_account_namespace_selector", &"", &seen.bound_service_account_namespace_selector);
        self.setting(&place, "audience", &account.audience.as_deref().unwrap_or_default(), &seen.audience);
        self.setting(&place, "token_policies", &role.policy, &listed(&seen.token_policies));
        self.setting(&place, "token_no_default_policy", &true, &seen.token_no_default_policy);
        self.setting(&place, "token_ttl", &tokens.ttl_seconds, &seen.token_ttl);
        self.setting(&place, "token_max_ttl", &tokens.max_ttl_seconds, &seen.token_max_ttl);
        self.setting(&place, "token_period", &0, &seen.token_period);
        // What a role of that type gives unless the method is tuned otherwise.
        let is_service =
            tokens.token_type == TokenType::Service && matches!(seen.token_type.as_str(), "default" | "default-service");
        if !is_service {
            self.setting(&place, "token_type", &tokens.token_type.as_str(), &seen.token_type);
        }
    }

    /// Roles that carry a described policy without being described, and policies that reach what the described ones are about.
    fn others(&mut self, seen: &Seen) {
        let all = || [&self.needs.now, &self.needs.publishers].into_iter();
        let ours: BTreeSet<&str> = all().flat_map(|grants| &grants.policies).map(|policy| policy.name.as_str()).collect();
        let described: BTreeSet<&str> = all().flat_map(|grants| &grants.roles).map(|role| role.name.as_str()).collect();
        let mut carriers = Vec::new();
        for (name, sighting) in seen.roles.iter().filter(|(name, _)| !described.contains(name.as_str())) {
            match sighting {
                Sighting::Present(role) => {
                    let rest: Vec<_> =
                        role.token_policies.iter().filter(|policy| !ours.contains(policy.as_str())).cloned().collect();
                    for policy in role.token_policies.iter().filter(|policy| ours.contains(policy.as_str())) {
                        let mend = format!("write auth/{}/role/{name} token_policies={}", self.needs.auth.path, rest.join(","));
                        let kind = DifferenceKind::Carries { policy: policy.clone() };
                        carriers.push(Difference { place: Place::Role(name.clone()), kind, mend: Some(mend) });
                    }
                }
                Sighting::Unknown(error) | Sighting::Unreadable(error) => self.comparison.unread.push(error.clone()),
                Sighting::Absent => {}
            }
        }
        self.comparison.differences.extend(carriers);
        for (name, sighting) in seen.policies.iter().filter(|(name, _)| !ours.contains(name.as_str())) {
            match sighting {
                Sighting::Present(text) => match parse(text) {
                    Some(parsed) => {
                        let reaches = parsed.allowed.into_iter().filter(|(path, capabilities)| {
                            !capabilities.contains(&Capability::Deny)
                                && self.needs.protected.iter().any(|protected| pattern::meet(path, protected))
                        });
                        let reaches = reaches.map(|(path, capabilities)| Reach { policy: name.clone(), path, capabilities });
                        self.comparison.others.extend(reaches);
                    }
                    None => self.differs(Place::Policy(name.clone()), DifferenceKind::NotUnderstood),
                },
                Sighting::Unknown(error) | Sighting::Unreadable(error) => self.comparison.unread.push(error.clone()),
                Sighting::Absent => {}
            }
        }
    }
}

fn shown(text: &str) -> String {
    if text.is_empty() { "not set".to_owned() } else { text.to_owned() }
}

/// A list whose order does not matter.
fn listed(items: &[String]) -> String {
    let items: BTreeSet<&str> = items.iter().map(String::as_str).collect();
    items.into_iter().collect::<Vec<_>>().join(", ")
}
