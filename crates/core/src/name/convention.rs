//! The naming convention: `platform-data/{datasource}/{consumer}` and `platform-config/{datasource}/{instance}` (NAM-1, 2, 5).

use std::fmt;

use super::SecretName;

/// What a name is about. Secrets and configuration never share a path (NAM-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tree {
    /// `platform-data/`: secrets.
    Data,
    /// `platform-config/`: configuration, which is not confidential. The path is no security boundary.
    Config,
}

impl Tree {
    /// The first segment of a name.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Data => "platform-data",
            Self::Config => "platform-config",
        }
    }
}

/// A name that keeps the convention.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConventionalName {
    tree: Tree,
    datasource: String,
    leaf: String,
}

/// One way in which a name breaks the convention.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameViolation {
    /// It begins with neither `platform-data` nor `platform-config` (NAM-1).
    Prefix,
    /// It has not exactly three segments (NAM-1).
    Segments(usize),
    /// A segment is not made of lower case letters and digits with single hyphens between words (NAM-2).
    Spelling {
        /// The segment.
        segment: String,
    },
    /// A segment holds the name of an environment, which is the business of Vault namespaces (NAM-2).
    Environment {
        /// The word.
        word: String,
    },
}

impl fmt::Display for NameViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix => f.write_str("it begins with neither platform-data/ nor platform-config/"),
            Self::Segments(1) => f.write_str("it has 1 segment instead of 3"),
            Self::Segments(found) => write!(f, "it has {found} segments instead of 3"),
            Self::Spelling { segment } => {
                write!(f, "`{segment}` is not lower case letters and digits with single hyphens between words")
            }
            Self::Environment { word } => write!(f, "`{word}` names an environment"),
        }
    }
}

/// Words that name an environment. Short words that are also ordinary parts of a service's name (`int`, `live`, `demo`) are left out.
pub const ENVIRONMENT_WORDS: [&str; 18] = [
    "dev",
    "devel",
    "development",
    "test",
    "testing",
    "qa",
    "uat",
    "stage",
    "staging",
    "stg",
    "preprod",
    "preproduction",
    "prod",
    "production",
    "prd",
    "nonprod",
    "sandbox",
    "sbx",
];

/// Systems that generate secrets, as teams spell them, and the one spelling to propose.
const DATASOURCES: [(&str, &str); 37] = [
    ("postgres", "postgres"),
    ("postgresql", "postgres"),
    ("pg", "postgres"),
    ("mysql", "mysql"),
    ("mariadb", "mariadb"),
    ("mssql", "mssql"),
    ("sqlserver", "mssql"),
    ("oracle", "oracle"),
    ("redis", "redis"),
    ("valkey", "valkey"),
    ("mongo", "mongodb"),
    ("mongodb", "mongodb"),
    ("documentdb", "documentdb"),
    ("cassandra", "cassandra"),
    ("clickhouse", "clickhouse"),
    ("snowflake", "snowflake"),
    ("elastic", "elasticsearch"),
    ("elasticsearch", "elasticsearch"),
    ("opensearch", "opensearch"),
    ("kafka", "kafka"),
    ("rabbitmq", "rabbitmq"),
    ("nats", "nats"),
    ("minio", "minio"),
    ("smtp", "smtp"),
    ("ldap", "ldap"),
    ("keycloak", "keycloak"),
    ("github", "github"),
    ("gitlab", "gitlab"),
    ("slack", "slack"),
    ("stripe", "stripe"),
    ("twilio", "twilio"),
    ("sendgrid", "sendgrid"),
    ("datadog", "datadog"),
    ("grafana", "grafana"),
    ("sentry", "sentry"),
    ("pagerduty", "pagerduty"),
    ("tls", "tls"),
];

/// Words that say nothing beyond "this is a secret".
const EMPTY_WORDS: [&str; 5] = ["secret", "secrets", "credentials", "creds", "credential"];

impl ConventionalName {
    /// Checks a name against the convention, and says every way in which it breaks it.
    ///
    /// # Errors
    /// All [`NameViolation`]s, in the order of the name.
    pub fn parse(name: &SecretName) -> Result<Self, Vec<NameViolation>> {
        let segments: Vec<&str> = name.as_str().split('/').collect();
        let mut violations = Vec::new();
        let tree = [Tree::Data, Tree::Config].into_iter().find(|tree| segments.first() == Some(&tree.prefix()));
        if tree.is_none() {
            violations.push(NameViolation::Prefix);
        }
        if segments.len() != 3 {
            violations.push(NameViolation::Segments(segments.len()));
        }
        for segment in segments.iter().skip(usize::from(tree.is_some())) {
            if !is_spelled_well(segment) {
                violations.push(NameViolation::Spelling { segment: (*segment).to_owned() });
            }
            violations.extend(
                words_of(segment)
                    .filter(|word| ENVIRONMENT_WORDS.contains(&word.as_str()))
                    .map(|word| NameViolation::Environment { word }),
            );
        }
        match (tree, segments.as_slice()) {
            (Some(tree), [_, datasource, leaf]) if violations.is_empty() => {
                Ok(Self { tree, datasource: (*datasource).to_owned(), leaf: (*leaf).to_owned() })
            }
            _ => Err(violations),
        }
    }

    /// Proposes a conventional name for a legacy one: environment words and words without meaning are dropped, a known datasource
    /// is recognised wherever it stands, and what remains names the consumer. `None` where the name does not say enough.
    #[must_use]
    pub fn propose(legacy: &SecretName) -> Option<Self> {
        let dropped = |word: &String| {
            ENVIRONMENT_WORDS.contains(&word.as_str())
                || EMPTY_WORDS.contains(&word.as_str())
                || ["platform", "data"].contains(&word.as_str())
        };
        let mut words: Vec<String> = legacy.as_str().split('/').flat_map(words_of).filter(|word| !dropped(word)).collect();
        let is_config = |word: &String| ["config", "configuration", "settings"].contains(&word.as_str());
        let tree = if words.iter().any(is_config) { Tree::Config } else { Tree::Data };
        words.retain(|word| !is_config(word));
        let known = words.iter().enumerate().find_map(|(at, word)| datasource(word).map(|proposed| (at, proposed)));
        let datasource = match known {
            Some((at, proposed)) => {
                words.remove(at);
                proposed.to_owned()
            }
            None if words.len() > 1 => words.remove(0),
            None => return None,
        };
        if words.is_empty() {
            return None;
        }
        Some(Self { tree, datasource, leaf: words.join("-") })
    }

    /// Secrets or configuration.
    #[must_use]
    pub const fn tree(&self) -> Tree {
        self.tree
    }

    /// The type of the generating system.
    #[must_use]
    pub fn datasource(&self) -> &str {
        &self.datasource
    }

    /// The consumer of a secret, or the instance of a configuration.
    #[must_use]
    pub fn leaf(&self) -> &str {
        &self.leaf
    }
}

impl fmt::Display for ConventionalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.tree.prefix(), self.datasource, self.leaf)
    }
}

fn is_spelled_well(segment: &str) -> bool {
    segment.split('-').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

/// The one spelling to propose for a system that generates secrets, where a word in lower case is known to name one: `pg` → postgres.
#[must_use]
pub fn datasource(word: &str) -> Option<&'static str> {
    DATASOURCES.iter().find(|(seen, _)| *seen == word).map(|(_, proposed)| *proposed)
}

/// The words of a segment in lower case, however they are joined: `ordersApi_key` → orders, api, key.
pub fn words_of(segment: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut previous_is_lower = false;
    for c in segment.chars() {
        if !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && previous_is_lower) {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(c.to_ascii_lowercase());
        }
        previous_is_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    words.into_iter().filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(name: &str) -> String {
        match ConventionalName::parse(&SecretName::parse(name).unwrap()) {
            Ok(name) => format!("fine: {name}"),
            Err(violations) => violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        }
    }

    // REQ NAM-1, NAM-2
    #[test]
    fn every_violation_is_named() {
        let table = [
            ("platform-data/postgres/orders-api", "fine: platform-data/postgres/orders-api"),
            ("platform-config/kafka/main", "fine: platform-config/kafka/main"),
            ("platform-data/postgres", "it has 2 segments instead of 3"),
            ("orders", "it begins with neither platform-data/ nor platform-config/; it has 1 segment instead of 3"),
            (
                "platform-data/Postgres/orders_api",
                "`Postgres` is not lower case letters and digits with single hyphens between words; `orders_api` is not lower \
                 case letters and digits with single hyphens between words",
            ),
            ("platform-data/postgres/orders-prod", "`prod` names an environment"),
            (
                "platform-data/postgres/ordersProd",
                "`ordersProd` is not lower case letters and digits with single hyphens between words; `prod` names an environment",
            ),
            ("platform-data/postgres/product", "fine: platform-data/postgres/product"),
            ("platform-data//orders", "`` is not lower case letters and digits with single hyphens between words"),
            ("platform-data/postgres/a--b", "`a--b` is not lower case letters and digits with single hyphens between words"),
        ];
        for (name, expected) in table {
            assert_eq!(violations(name), expected, "{name}");
        }
    }

    // REQ NAM-3
    #[test]
    fn a_legacy_name_gets_a_proposal_where_it_says_enough() {
        let table = [
            ("prod/orders/db/postgres", Some("platform-data/postgres/orders-db")),
            ("OrdersApi_Redis_Credentials", Some("platform-data/redis/orders-api")),
            ("orders_api_postgresql_credentials", Some("platform-data/postgres/orders-api")),
            ("billing/stripe-key", Some("platform-data/stripe/billing-key")),
            ("/staging/kafka-config/main", Some("platform-config/kafka/main")),
            ("payments/ledger", Some("platform-data/payments/ledger")),
            ("prod/secret", None),
            ("stripe", None),
        ];
        for (legacy, expected) in table {
            let proposed = ConventionalName::propose(&SecretName::parse(legacy).unwrap()).map(|name| name.to_string());
            assert_eq!(proposed.as_deref(), expected, "{legacy}");
        }
    }
}
