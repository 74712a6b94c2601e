//! What looks like a secret value (INV-2, SDK-6). A filter against mistakes, not a proof: it knows the usual formats and random strings,
//! and lets names, words, UUIDs and ARNs pass. Nothing here keeps or returns a part of the text.

use std::fmt;

/// What a text looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suspicion {
    /// `-----BEGIN …`.
    Pem,
    /// An AWS access key id.
    AccessKeyId,
    /// Three base64url parts of a JSON Web Token.
    Jwt,
    /// A token with the prefix of its issuer.
    Token,
    /// A URL with user and password.
    UrlWithPassword,
    /// `password=…`, as in a connection string.
    PasswordAssignment,
    /// A long random string.
    Random,
}

impl fmt::Display for Suspicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pem => "a PEM block",
            Self::AccessKeyId => "an AWS access key id",
            Self::Jwt => "a JSON Web Token",
            Self::Token => "a token with its issuer's prefix",
            Self::UrlWithPassword => "a URL with a password",
            Self::PasswordAssignment => "a connection string with a password",
            Self::Random => "a random key",
        })
    }
}

/// Keys under which people keep values, in their usual spelling.
const VALUE_KEYS: [&str; 19] = [
    "value",
    "values",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "secretString",
    "secretBinary",
    "secretValue",
    "token",
    "apiKey",
    "privateKey",
    "secretKey",
    "accessKey",
    "credential",
    "credentials",
    "data",
    "stringData",
    "plaintext",
];

/// Who issues tokens that are known by their prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Issuer {
    /// `age`, the file encryption.
    Age,
    /// Anthropic.
    Anthropic,
    /// DigitalOcean.
    DigitalOcean,
    /// Docker Hub.
    Docker,
    /// GitHub.
    GitHub,
    /// GitLab.
    GitLab,
    /// Google.
    Google,
    /// Grafana.
    Grafana,
    /// The npm registry.
    Npm,
    /// OpenAI.
    OpenAi,
    /// The Python Package Index.
    PyPi,
    /// SendGrid.
    SendGrid,
    /// Slack.
    Slack,
    /// Stripe.
    Stripe,
    /// HashiCorp Vault or OpenBao.
    Vault,
}

impl Issuer {
    /// The issuer's name as a datasource of the naming convention spells it (NAM-2).
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Anthropic => "anthropic",
            Self::DigitalOcean => "digitalocean",
            Self::Docker => "docker",
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Google => "google",
            Self::Grafana => "grafana",
            Self::Npm => "npm",
            Self::OpenAi => "openai",
            Self::PyPi => "pypi",
            Self::SendGrid => "sendgrid",
            Self::Slack => "slack",
            Self::Stripe => "stripe",
            Self::Vault => "vault",
        }
    }
}

/// Prefixes that issuers put before tokens, and how many characters follow at least.
const TOKEN_PREFIXES: [(&str, usize, Issuer); 35] = [
    ("ghp_", 30, Issuer::GitHub),
    ("gho_", 30, Issuer::GitHub),
    ("ghs_", 30, Issuer::GitHub),
    ("ghu_", 30, Issuer::GitHub),
    ("ghr_", 30, Issuer::GitHub),
    ("github_pat_", 30, Issuer::GitHub),
    ("glpat-", 16, Issuer::GitLab),
    ("gldt-", 16, Issuer::GitLab),
    ("glrt-", 16, Issuer::GitLab),
    ("glptt-", 16, Issuer::GitLab),
    ("xoxb-", 20, Issuer::Slack),
    ("xoxp-", 20, Issuer::Slack),
    ("xoxa-", 20, Issuer::Slack),
    ("xoxs-", 20, Issuer::Slack),
    ("xapp-", 20, Issuer::Slack),
    ("sk_live_", 16, Issuer::Stripe),
    ("rk_live_", 16, Issuer::Stripe),
    ("sk_test_", 16, Issuer::Stripe),
    ("rk_test_", 16, Issuer::Stripe),
    ("whsec_", 16, Issuer::Stripe),
    ("hvs.", 20, Issuer::Vault),
    ("hvb.", 20, Issuer::Vault),
    ("hvr.", 20, Issuer::Vault),
    ("npm_", 30, Issuer::Npm),
    ("pypi-", 30, Issuer::PyPi),
    ("SG.", 30, Issuer::SendGrid),
    ("AIza", 30, Issuer::Google),
    ("GOCSPX-", 20, Issuer::Google),
    ("ya29.", 20, Issuer::Google),
    ("dckr_pat_", 20, Issuer::Docker),
    ("dop_v1_", 40, Issuer::DigitalOcean),
    ("glsa_", 30, Issuer::Grafana),
    ("sk-ant-", 30, Issuer::Anthropic),
    ("sk-proj-", 30, Issuer::OpenAi),
    ("AGE-SECRET-KEY-1", 40, Issuer::Age),
];

/// The usual spelling of a key under which people keep values, where this is one.
pub(super) fn value_key(key: &str) -> Option<&'static str> {
    let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect::<String>();
    VALUE_KEYS.into_iter().find(|known| plain(known) == plain(key))
}

/// What a free text looks like, if it looks like a value.
#[must_use]
pub fn suspicion(text: &str) -> Option<Suspicion> {
    if text.contains("-----BEGIN ") {
        return Some(Suspicion::Pem);
    }
    if has_url_with_password(text) {
        return Some(Suspicion::UrlWithPassword);
    }
    if has_password_assignment(text) {
        return Some(Suspicion::PasswordAssignment);
    }
    runs(text).find_map(|run| {
        issued(run)
            .or_else(|| is_access_key_id(run).then_some(Suspicion::AccessKeyId))
            .or_else(|| is_random(run).then_some(Suspicion::Random))
    })
}

/// What a secret's name looks like. Names are public metadata and often hold ids and hashes; only what has an issuer's format counts.
pub(super) fn suspicion_of_name(name: &str) -> Option<Suspicion> {
    name.split('/').find_map(issued)
}

fn issued(run: &str) -> Option<Suspicion> {
    if is_jwt(run) { Some(Suspicion::Jwt) } else { issuer_of(run).map(|_| Suspicion::Token) }
}

/// Who issued the first token in a text that is known by its prefix.
#[must_use]
pub fn issuer(text: &str) -> Option<Issuer> {
    runs(text).find_map(issuer_of)
}

fn issuer_of(run: &str) -> Option<Issuer> {
    let has_prefix = |(prefix, least, _): &&(&str, usize, Issuer)| {
        run.strip_prefix(prefix).is_some_and(|rest| rest.len() >= *least && rest.bytes().any(|b| b.is_ascii_digit()))
    };
    TOKEN_PREFIXES.iter().find(has_prefix).map(|(_, _, issuer)| *issuer)
}

/// Maximal runs of what keys and tokens are made of.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || "+/=_.-".contains(c))).filter(|run| run.len() >= 16)
}

fn is_jwt(run: &str) -> bool {
    let parts: Vec<&str> = run.split('.').collect();
    parts.len() == 3 && parts[0].starts_with("eyJ") && parts[1].starts_with("eyJ") && parts[1].len() > 8
}

fn is_access_key_id(run: &str) -> bool {
    run.split(['/', '-', '_', '.', '=', '+']).any(|word| {
        let rest = ["AKIA", "ASIA"].iter().find_map(|prefix| word.strip_prefix(prefix));
        rest.is_some_and(|rest| rest.len() == 16 && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()))
    })
}

/// Whether a text shows where a value would be and is none, by how it begins: `<password>`, `${PASSWORD}`, `***`, nothing at all.
#[must_use]
pub fn is_placeholder(text: &str) -> bool {
    text.is_empty() || text.starts_with(['<', '{', '$', '*', '%', '[', '…']) || text.starts_with("...") || text.starts_with("xxx")
}

fn has_url_with_password(text: &str) -> bool {
    text.match_indices("://").any(|(at, separator)| {
        let rest = &text[at + separator.len()..];
        let authority = rest.split(|c: char| c.is_whitespace() || "/\"'?#".contains(c)).next().unwrap_or_default();
        // A password may hold an unescaped `/`, so the `@` is looked for up to the next blank too.
        let whole = rest.split(char::is_whitespace).next().unwrap_or_default();
        [authority, whole].into_iter().any(|part| {
            part.rsplit_once('@')
                .and_then(|(user, _)| user.split_once(':'))
                .is_some_and(|(user, password)| !user.contains('/') && !is_placeholder(password))
        })
    })
}

fn has_password_assignment(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["password=", "passwd=", "pwd=", "accountkey=", "sharedaccesskey=", "secret=", "secret_key="].iter().any(|key| {
        lower.match_indices(key).any(|(at, key)| {
            let starts_a_word = lower[..at].chars().next_back().is_none_or(|c| !c.is_ascii_alphabetic());
            let value =
                lower[at + key.len()..].split(|c: char| c.is_whitespace() || ";&,".contains(c)).next().unwrap_or_default();
            starts_a_word && !is_placeholder(value)
        })
    })
}

/// Random strings change between lower case, upper case and digits all the time; words, names and versions hardly do. Going from a capital to
/// lower case is not counted: that is how CamelCase words begin. Measured: of random base64, base62 and hex strings of 24 characters
/// more than nine in ten are found.
fn is_random(run: &str) -> bool {
    if is_uuid(run) {
        return false;
    }
    // A path or a sentence with dots is judged by its parts; base64 with a slash or two still has long ones.
    run.split(['/', '.', '=']).any(|part| {
        let letters: Vec<u8> = part.bytes().filter(u8::is_ascii_alphanumeric).collect();
        if letters.len() < 20 || is_uuid(part) || part.split('-').any(is_uuid_tail) {
            return false;
        }
        let changes = letters.windows(2).filter(|pair| is_change(pair[0], pair[1])).count();
        letters.iter().any(u8::is_ascii_digit) && letters.iter().any(u8::is_ascii_alphabetic) && changes * 10 >= letters.len() * 3
    })
}

fn is_change(before: u8, after: u8) -> bool {
    let class = |b: u8| (b.is_ascii_lowercase(), b.is_ascii_uppercase());
    class(before) != class(after) && !(before.is_ascii_uppercase() && after.is_ascii_lowercase())
}

fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

/// The last group of a UUID inside a longer name (`cluster-1b4e28ba-2fa1-11d2-883f-b9a761bde3fb`).
fn is_uuid_tail(part: &str) -> bool {
    part.len() == 12 && part.bytes().all(|b| b.is_ascii_hexdigit()) && part.bytes().any(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    // REQ INV-2
    #[test]
    fn values_are_recognised() {
        let pem = format!("-----BEGIN {} KEY-----\nMIIB", "PRIVATE");
        let table = [
            (pem.as_str(), Suspicion::Pem),
            ("key AKIAIOSFODNN7EXAMPLE of the old user", Suspicion::AccessKeyId),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", Suspicion::Jwt),
            ("glpat-0123456789abcdefghij", Suspicion::Token),
            ("postgres://app:hunter2@db.internal/orders", Suspicion::UrlWithPassword),
            ("amqps://app:a/b@mq:5671", Suspicion::UrlWithPassword),
            ("Server=db;Uid=app;Pwd=hunter2;", Suspicion::PasswordAssignment),
            ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY+9aB3cD4eF5", Suspicion::Random),
            ("d41d8cd98f00b204e9800998ecf8427e", Suspicion::Random),
            ("pass: q7Fv2Zx9Lm4Kc8Tb1Wn6Rp3Y", Suspicion::Random),
        ];
        for (text, expected) in table {
            assert_eq!(suspicion(text), Some(expected), "{text}");
        }
    }

    // REQ SDK-6
    #[test]
    fn an_issuer_is_known_by_its_prefix_wherever_the_token_stands() {
        assert_eq!(issuer("PRIVATE-TOKEN: glpat-0123456789abcdefghij"), Some(Issuer::GitLab));
        assert_eq!(issuer(&format!("hvs.{}", "a1".repeat(12))), Some(Issuer::Vault));
        assert_eq!(issuer("glpat-tokens of the build agents"), None);
    }

    #[test]
    fn metadata_passes() {
        for text in [
            "",
            "login of the orders service, see https://wiki.example.org/display/OPS/Orders+database+2024",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:platform-data/postgres/orders-AbC123",
            "rds!cluster-1b4e28ba-2fa1-11d2-883f-b9a761bde3fb",
            "1b4e28ba-2fa1-11d2-883f-b9a761bde3fb",
            "MyCompanyOrdersServiceProductionDatabaseCredentials2024",
            "infra/terraform/modules/secrets-manager/orders-v2/main.tf",
            "rotated by arn:aws:lambda:eu-west-1:123456789012:function:SecretsManagerRDSPostgreSQLRotationSingleUser",
            "postgres://app:<password>@db.internal/orders",
            "postgres://app@db.internal/orders",
            "https://example.org/a:b@c",
            "set password=<from the vault>",
            "external-secrets.io/v1beta1 2024-11-23T01:56:09Z",
            "glpat-tokens of the build agents",
            "team-platform@example.org",
        ] {
            assert_eq!(suspicion(text), None, "{text}");
        }
    }

    #[test]
    fn keys_of_values_are_recognised_in_any_spelling() {
        assert_eq!(value_key("secret_string"), Some("secretString"));
        assert_eq!(value_key("PASSWORD"), Some("password"));
        assert_eq!(value_key("owner"), None);
    }
}
