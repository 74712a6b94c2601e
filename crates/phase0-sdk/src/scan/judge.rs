//! Whether an assignment holds a credential: first by formats that speak for themselves, then by what key and value say together.

use migrate_core::inventory::suspect::{self, Suspicion};

use super::{
    assignment::{Assignment, Role},
    finding::{Evidence, Kind},
    shape::{self, Shape},
    words::{self, Meaning},
};

/// What an assignment holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Credential(Kind, Evidence),
    /// Here belongs one, and there is none yet.
    Placeholder,
    Nothing,
}

/// The most bytes of a value that are looked at. Secrets Manager takes no value beyond 64 KiB
/// (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>).
const LONGEST_VALUE: usize = 64 << 10;

/// Judges one assignment.
pub(super) fn judge(assignment: &Assignment) -> Verdict {
    let value = shape::unwrapped(assignment.value.expose());
    let value = &value[..value.floor_char_boundary(LONGEST_VALUE)];
    if assignment.role == Role::Reference {
        return Verdict::Nothing;
    }
    match by_format(value) {
        Some(verdict) => return verdict,
        None if assignment.role == Role::Text => return flags(value).unwrap_or(Verdict::Nothing),
        None => {}
    }
    let meaning = words::meaning(assignment.key(), assignment.outer_key());
    let place_is_empty = match shape::shape(value) {
        Shape::Free => false,
        Shape::Placeholder if !value.is_empty() => true,
        // A UUID or a word may be what a file for credentials holds.
        Shape::Public if matches!(assignment.role, Role::Credential(_)) => false,
        Shape::Placeholder | Shape::Public | Shape::Reference => return Verdict::Nothing,
    };
    let verdict = match assignment.role {
        Role::Credential(kind) => Verdict::Credential(kind, Evidence::CredentialFile),
        Role::Declared => declared(assignment.key(), value, meaning),
        Role::Setting | Role::Text | Role::Reference => match by_key(meaning, value, place_is_empty) {
            Verdict::Nothing => flags(value).unwrap_or(Verdict::Nothing),
            verdict => verdict,
        },
    };
    match verdict {
        Verdict::Credential(..) if place_is_empty => Verdict::Placeholder,
        verdict => verdict,
    }
}

/// Formats that say what they are, whatever key stands before them.
fn by_format(value: &str) -> Option<Verdict> {
    if value.contains("-----BEGIN ") && value.contains("PRIVATE KEY") {
        return Some(Verdict::Credential(Kind::PrivateKey, Evidence::PrivateKeyBlock));
    }
    let suspicion = suspect::suspicion(value);
    if suspicion == Some(Suspicion::UrlWithPassword) {
        return Some(if is_made_up(password_of_url(value)) {
            Verdict::Placeholder
        } else {
            Verdict::Credential(Kind::UrlWithPassword, Evidence::UrlPassword)
        });
    }
    if let Some(issuer) = suspect::issuer(value).filter(|_| !shape::is_placeholder(value)) {
        return Some(Verdict::Credential(Kind::Token, Evidence::Issuer(issuer)));
    }
    if ["hooks.slack.com/services/T", "discord.com/api/webhooks/", "outlook.office.com/webhook/"]
        .iter()
        .any(|host| value.contains(host))
    {
        return Some(Verdict::Credential(Kind::Webhook, Evidence::WebhookAddress));
    }
    match suspicion? {
        Suspicion::AccessKeyId => Some(Verdict::Credential(Kind::AccessKeyId, Evidence::AccessKeyFormat)),
        Suspicion::Jwt => Some(Verdict::Credential(Kind::Token, Evidence::JwtFormat)),
        Suspicion::PasswordAssignment if is_made_up(password_of_assignment(value)) => None,
        Suspicion::PasswordAssignment => Some(Verdict::Credential(Kind::ConnectionString, Evidence::PasswordAssignment)),
        Suspicion::Pem | Suspicion::Token | Suspicion::Random | Suspicion::UrlWithPassword => None,
    }
}

/// Whether a password only stands for one.
fn is_made_up(password: Option<&str>) -> bool {
    password.is_none_or(|password| matches!(shape::shape(password), Shape::Placeholder | Shape::Reference))
}

/// The password within the first URL that has one.
fn password_of_url(value: &str) -> Option<&str> {
    value.match_indices("://").find_map(|(at, separator)| {
        let rest = value[at + separator.len()..].split(char::is_whitespace).next()?;
        let (login, _) = rest.rsplit_once('@')?;
        login.split_once(':').map(|(_, password)| password)
    })
}

/// What is assigned in a connection string.
fn password_of_assignment(value: &str) -> Option<&str> {
    let lower = value.to_ascii_lowercase();
    ["password=", "passwd=", "pwd=", "accountkey=", "sharedaccesskey=", "secret=", "secret_key="].iter().find_map(|key| {
        let at = lower.find(key)? + key.len();
        value.get(at..)?.split(|c: char| c.is_whitespace() || ";&,\"'".contains(c)).next()
    })
}

/// What a key's meaning makes of a value that has no format of its own.
fn by_key(meaning: Meaning, value: &str, is_placeholder: bool) -> Verdict {
    let made = |kind| Verdict::Credential(kind, Evidence::KeyAndValue);
    match meaning {
        Meaning::Chosen if shape::is_prose(value) || value.len() < 3 => Verdict::Nothing,
        Meaning::Chosen if shape::is_made(value) => made(Kind::Password),
        Meaning::Chosen => Verdict::Credential(Kind::Password, Evidence::Key),
        Meaning::Made(kind) if is_placeholder => made(kind),
        Meaning::Made(kind) if shape::is_made(value) && !shape::is_number(value) => made(kind),
        Meaning::Weak(kind) if shape::is_random(value) && !shape::is_uuid(value) => made(kind),
        Meaning::Made(_) | Meaning::Weak(_) | Meaning::Other => Verdict::Nothing,
    }
}

/// An entry of a Secret: what its key does not announce is one too, where it looks like no name, number or address.
fn declared(key: &str, value: &str, meaning: Meaning) -> Verdict {
    if let Some((kind, _)) = super::inner(Role::Declared, key, value) {
        return Verdict::Credential(kind, Evidence::SecretManifest);
    }
    let has_control = value.chars().any(|c| c.is_control() && !c.is_whitespace());
    let kind = match meaning {
        Meaning::Chosen => Kind::Password,
        Meaning::Made(kind) if shape::is_made(value) || has_control => kind,
        Meaning::Weak(kind) if shape::is_made(value) || has_control => kind,
        _ if has_control || shape::is_random(value) => Kind::Secret,
        _ => return Verdict::Nothing,
    };
    Verdict::Credential(kind, Evidence::SecretManifest)
}

/// `--password=…` and `--password …` on a command line.
fn flags(text: &str) -> Option<Verdict> {
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix("--") else { continue };
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, value),
            None => (flag, words.peek().copied().filter(|next| !next.starts_with('-')).unwrap_or_default()),
        };
        let value = value.trim_matches(['"', '\'']);
        if shape::shape(value) != Shape::Free {
            continue;
        }
        if let verdict @ Verdict::Credential(..) = by_key(words::meaning(name, ""), value, false) {
            return Some(verdict);
        }
    }
    None
}
