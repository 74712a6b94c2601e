//! A conventional name for a credential (NAM-1, 2), from what stands around it: the datasource from key, URL or image; the consumer from
//! the service, unit or folder. Nothing of a value goes into a name but a datasource that is on our list.

use std::collections::BTreeMap;

use migrate_core::name::{
    SecretName,
    convention::{ConventionalName, ENVIRONMENT_WORDS, datasource, words_of},
};

use super::{
    assignment::Assignment,
    finding::{Confidence, Evidence, Kind},
};

/// How a credential may be called from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposal {
    /// By this name.
    Name(ConventionalName),
    /// Its surroundings say too little.
    TooLittle(Missing),
}

/// What the surroundings of a credential don't say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Which system made it.
    Datasource,
    /// Who uses it.
    Consumer,
    /// Neither.
    Both,
}

/// Words of keys that name no system.
const NO_SYSTEM: &[&str] = &[
    "access",
    "deploy",
    "legacy",
    "management",
    "storage",
    "shared",
    "global",
    "external",
    "registry",
    "identity",
    "account",
    "admin",
    "api",
    "app",
    "application",
    "auth",
    "authorization",
    "backend",
    "base",
    "basic",
    "bearer",
    "cache",
    "client",
    "config",
    "connection",
    "consumer",
    "cookie",
    "credential",
    "credentials",
    "data",
    "database",
    "datasource",
    "db",
    "default",
    "encrypt",
    "encryption",
    "env",
    "environment",
    "hmac",
    "host",
    "http",
    "https",
    "id",
    "internal",
    "jwt",
    "key",
    "keystore",
    "login",
    "main",
    "master",
    "oauth",
    "oauth2",
    "password",
    "pass",
    "passwd",
    "private",
    "root",
    "secret",
    "secrets",
    "security",
    "server",
    "service",
    "session",
    "signing",
    "spring",
    "string",
    "token",
    "uri",
    "url",
    "user",
    "username",
    "webhook",
];

/// Folders that say nothing about who uses what lies in them.
const NO_CONSUMER: &[&str] = &[
    "app",
    "apps",
    "application",
    "applications",
    "argocd",
    "aws",
    "base",
    "bin",
    "build",
    "charts",
    "ci",
    "compose",
    "conf",
    "config",
    "configs",
    "configuration",
    "db",
    "database",
    "default",
    "deploy",
    "deployment",
    "deployments",
    "docker",
    "env",
    "environments",
    "etc",
    "helm",
    "home",
    "k8s",
    "kubernetes",
    "main",
    "manifests",
    "opt",
    "overlays",
    "project",
    "repo",
    "repository",
    "resources",
    "secrets",
    "services",
    "src",
    "systemd",
    "sysconfig",
    "templates",
    "terraform",
    "units",
    "users",
];

/// Ports by which datasources are known.
const PORTS: [(&str, &str); 8] = [
    ("5432", "postgres"),
    ("3306", "mysql"),
    ("1433", "mssql"),
    ("6379", "redis"),
    ("27017", "mongodb"),
    ("5672", "rabbitmq"),
    ("9092", "kafka"),
    ("9200", "elasticsearch"),
];

/// What a file says about its credentials.
pub(super) struct Surroundings {
    consumer: Option<String>,
    /// Datasources by the group of keys in which they are mentioned.
    mentioned: BTreeMap<String, &'static str>,
}

impl Surroundings {
    pub(super) fn of(path: &str, assignments: &[Assignment]) -> Self {
        let mut mentioned = BTreeMap::new();
        for assignment in assignments {
            let words: Vec<String> = words_of(assignment.key()).collect();
            let says = words.last().map_or("", String::as_str);
            let known = match says {
                "image" | "connection" | "type" | "engine" | "driver" | "dialect" | "host" | "server" => {
                    mentioned_in(assignment.value.expose())
                }
                "url" | "uri" | "dsn" => mentioned_in(assignment.value.expose()),
                "port" => by_port(assignment.value.expose()),
                _ => None,
            };
            if let Some(known) = known {
                mentioned.entry(group(assignment)).or_insert(known);
            }
        }
        let consumer = unit(path).or_else(|| folder(path));
        Self { consumer, mentioned }
    }

    /// A name for the credential that an assignment holds.
    pub(super) fn propose(&self, assignment: &Assignment, kind: Kind, evidence: Evidence) -> Proposal {
        let object = || assignment.object.as_deref().and_then(consumer_of);
        let consumer = service(assignment).or_else(object).or_else(|| self.consumer.clone());
        let datasource = self.datasource(assignment, kind, evidence, consumer.as_deref());
        let (datasource, consumer) = match (datasource, consumer) {
            (Some(datasource), Some(consumer)) => (datasource, consumer),
            (None, Some(_)) => return Proposal::TooLittle(Missing::Datasource),
            (Some(_), None) => return Proposal::TooLittle(Missing::Consumer),
            (None, None) => return Proposal::TooLittle(Missing::Both),
        };
        let name = SecretName::parse(&format!("platform-data/{datasource}/{consumer}")).ok();
        match name.and_then(|name| ConventionalName::parse(&name).ok()) {
            Some(name) => Proposal::Name(name),
            None => Proposal::TooLittle(Missing::Both),
        }
    }

    fn datasource(&self, assignment: &Assignment, kind: Kind, evidence: Evidence, consumer: Option<&str>) -> Option<String> {
        match evidence {
            Evidence::Issuer(issuer) => return Some(issuer.slug().to_owned()),
            Evidence::AccessKeyFormat => return Some("aws".to_owned()),
            Evidence::UrlPassword | Evidence::PasswordAssignment | Evidence::WebhookAddress => {
                if let Some(known) = mentioned_in(assignment.value.expose()) {
                    return Some(known.to_owned());
                }
            }
            _ => {}
        }
        let words: Vec<String> = words_of(assignment.key()).collect();
        if let Some(known) = words.iter().find_map(|word| datasource(word)) {
            return Some(known.to_owned());
        }
        let by_place = match (assignment.path.first().map(String::as_str), words.first().map(String::as_str)) {
            (_, Some("aws")) => Some("aws"),
            _ if words == ["secret", "access", "key"] => Some("aws"),
            (_, Some("pgpassword")) => Some("postgres"),
            (Some("auths"), _) => Some("docker"),
            (Some(key), _) if key.starts_with("//") => Some("npm"),
            _ => None,
        };
        if let Some(known) = by_place {
            return Some(known.to_owned());
        }
        if let Some(known) = self.mentioned.get(&group(assignment)) {
            return Some((*known).to_owned());
        }
        let outer = assignment.path.iter().rev().skip(1).flat_map(|key| words_of(key)).find_map(|word| datasource(&word));
        if let Some(known) = outer {
            return Some(known.to_owned());
        }
        // What remains of the key of an API names the system: `MAILGUN_API_KEY`. What a password is for, its key seldom says.
        if !matches!(kind, Kind::ApiKey | Kind::Token | Kind::Secret) || evidence.confidence() == Confidence::Certain {
            return None;
        }
        let own: Vec<String> = consumer.into_iter().flat_map(words_of).collect();
        let says_nothing = |word: &String| {
            NO_SYSTEM.contains(&word.as_str())
                || ENVIRONMENT_WORDS.contains(&word.as_str())
                || own.contains(word)
                || word.len() < 3
        };
        let mut rest = words.into_iter().filter(|word| !says_nothing(word));
        rest.next().filter(|_| rest.next().is_none())
    }
}

/// Keys that belong together: those below the same key, and of these the ones with the same first word.
fn group(assignment: &Assignment) -> String {
    let (last, outer) = assignment.path.split_last().map_or(("", &[][..]), |(last, outer)| (last.as_str(), outer));
    // A compose service's image speaks for its variables too.
    let is_compose = outer.first().is_some_and(|first| first == "services");
    let outer: Vec<&str> = outer.iter().map(String::as_str).filter(|key| *key != "environment").collect();
    let first = if is_compose || outer.len() > 1 { String::new() } else { words_of(last).next().unwrap_or_default() };
    let first = if words_of(last).count() == 1 && !outer.is_empty() { String::new() } else { first };
    format!("{}/{first}", outer.join("/"))
}

/// The first datasource that is named in an address, image or type.
fn mentioned_in(value: &str) -> Option<&'static str> {
    let scheme = value.split_once("://").map_or("", |(scheme, _)| scheme);
    if scheme.starts_with("amqp") {
        return Some("rabbitmq");
    }
    // A login may be called as any system; what stands before it is the scheme, behind it the host.
    let host = value.rsplit_once('@').map_or(value, |(_, host)| host);
    let of = |text: &str| words_of(text).find_map(|word| datasource(word.trim_end_matches(|c: char| c.is_ascii_digit())));
    let scheme = of(scheme).or_else(|| scheme.split(['+', ':']).find_map(of));
    scheme.or_else(|| of(host.split('/').next_back().filter(|_| !value.contains("://")).unwrap_or(host)))
}

fn by_port(value: &str) -> Option<&'static str> {
    PORTS.iter().find(|(port, _)| *port == value).map(|(_, name)| *name)
}

/// The compose service around an assignment, unless it is the datasource itself.
fn service(assignment: &Assignment) -> Option<String> {
    match assignment.path.as_slice() {
        [services, service, ..] if services == "services" => consumer_of(service),
        _ => None,
    }
}

/// The name of a unit or of a file of variables: `orders-api.service`, `billing.env`.
fn unit(path: &str) -> Option<String> {
    let name = path.rsplit('/').next().unwrap_or_default();
    [".service", ".env", ".tfvars"].iter().find_map(|ending| name.strip_suffix(ending)).and_then(consumer_of)
}

/// The innermost folder that says something.
fn folder(path: &str) -> Option<String> {
    path.split('/').rev().skip(1).find_map(consumer_of)
}

/// Words that say what a thing holds, not whose it is: `orders-db-credentials` belongs to orders.
const WHAT_IT_HOLDS: [&str; 12] = [
    "config",
    "configmap",
    "secret",
    "secrets",
    "credential",
    "credentials",
    "creds",
    "env",
    "db",
    "database",
    "settings",
    "tls",
];

/// A name for a consumer, where the text is one that says something.
fn consumer_of(text: &str) -> Option<String> {
    let mut words: Vec<String> = words_of(text).filter(|word| !ENVIRONMENT_WORDS.contains(&word.as_str())).collect();
    while words
        .last()
        .is_some_and(|word| WHAT_IT_HOLDS.contains(&word.as_str()) || (words.len() > 1 && datasource(word).is_some()))
    {
        words.pop();
    }
    let says_something = |word: &String| {
        !NO_CONSUMER.contains(&word.as_str()) && datasource(word).is_none() && !word.bytes().all(|byte| byte.is_ascii_digit())
    };
    (words.iter().any(says_something) && text.len() <= 64).then(|| words.join("-"))
}
