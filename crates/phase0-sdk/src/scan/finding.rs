//! What the scan says of a credential: where, what kind, why, and how it may be called from now on.

use std::fmt;

use migrate_core::inventory::{Position, suspect};

use super::propose::Proposal;

/// A credential in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where its value begins.
    pub at: Position,
    /// The way to it through the file's keys, with dots; empty where it has none.
    pub key: String,
    /// What it is.
    pub kind: Kind,
    /// Why it is taken for one.
    pub evidence: Evidence,
    /// A name for it in Secrets Manager and Vault.
    pub name: Proposal,
}

/// A place where a credential belongs, which holds none yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// Where it stands.
    pub at: Position,
    /// The way to it through the file's keys.
    pub key: String,
}

/// What a credential is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A password or passphrase.
    Password,
    /// A token that is presented as it is.
    Token,
    /// A key of an API.
    ApiKey,
    /// The secret half of a client's or webhook's identity.
    Secret,
    /// A symmetric key: for signing, encryption, sessions.
    Key,
    /// A private key.
    PrivateKey,
    /// An AWS access key id. No secret by itself; its secret is near.
    AccessKeyId,
    /// A URL with a password.
    UrlWithPassword,
    /// A connection string with a password.
    ConnectionString,
    /// A webhook's address, which lets everybody post who knows it.
    Webhook,
    /// User and password of a registry, in one.
    RegistryLogin,
}

impl Kind {
    /// Every kind, in the order of their rules.
    pub const ALL: [Self; 11] = [
        Self::Password,
        Self::Token,
        Self::ApiKey,
        Self::Secret,
        Self::Key,
        Self::PrivateKey,
        Self::AccessKeyId,
        Self::UrlWithPassword,
        Self::ConnectionString,
        Self::Webhook,
        Self::RegistryLogin,
    ];

    /// A stable name for machines.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Token => "token",
            Self::ApiKey => "api-key",
            Self::Secret => "secret",
            Self::Key => "key",
            Self::PrivateKey => "private-key",
            Self::AccessKeyId => "access-key-id",
            Self::UrlWithPassword => "url-with-password",
            Self::ConnectionString => "connection-string",
            Self::Webhook => "webhook",
            Self::RegistryLogin => "registry-login",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password => "a password",
            Self::Token => "a token",
            Self::ApiKey => "an API key",
            Self::Secret => "a client or webhook secret",
            Self::Key => "a symmetric key",
            Self::PrivateKey => "a private key",
            Self::AccessKeyId => "an AWS access key id",
            Self::UrlWithPassword => "a URL with a password",
            Self::ConnectionString => "a connection string with a password",
            Self::Webhook => "a webhook's address",
            Self::RegistryLogin => "a registry login",
        })
    }
}

/// Why something is taken for a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Evidence {
    /// It has the format in which this issuer gives out tokens.
    Issuer(suspect::Issuer),
    /// It is a PEM block with a private key.
    PrivateKeyBlock,
    /// It has the format of an AWS access key id.
    AccessKeyFormat,
    /// It has the format of a JSON Web Token.
    JwtFormat,
    /// It is a URL with user and password.
    UrlPassword,
    /// It is a connection string with a password.
    PasswordAssignment,
    /// It is the address of a webhook.
    WebhookAddress,
    /// The file's format keeps credentials at this place.
    CredentialFile,
    /// Its key names a credential, and it looks like one: letters and digits in a mix.
    KeyAndValue,
    /// It is an entry of a Kubernetes Secret, and looks like none of the public ones.
    SecretManifest,
    /// Its key names a credential; the value could be one.
    Key,
}

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// The key says so, and the value does not contradict.
    Possible,
    /// Key or place and value say so.
    Likely,
    /// The format says so.
    Certain,
}

impl Confidence {
    /// A stable name for machines.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
}

impl Evidence {
    /// How sure that makes it.
    #[must_use]
    pub const fn confidence(self) -> Confidence {
        match self {
            Self::Issuer(_)
            | Self::PrivateKeyBlock
            | Self::AccessKeyFormat
            | Self::JwtFormat
            | Self::UrlPassword
            | Self::PasswordAssignment
            | Self::WebhookAddress
            | Self::CredentialFile => Confidence::Certain,
            Self::KeyAndValue | Self::SecretManifest => Confidence::Likely,
            Self::Key => Confidence::Possible,
        }
    }

    /// A stable name for machines.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Issuer(_) => "issuer-format",
            Self::PrivateKeyBlock => "private-key-block",
            Self::AccessKeyFormat => "access-key-format",
            Self::JwtFormat => "jwt-format",
            Self::UrlPassword => "url-password",
            Self::PasswordAssignment => "password-assignment",
            Self::WebhookAddress => "webhook-address",
            Self::CredentialFile => "credential-file",
            Self::KeyAndValue => "key-and-value",
            Self::SecretManifest => "secret-manifest",
            Self::Key => "key",
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issuer(issuer) => write!(f, "it has the format of {}", issuer.slug()),
            Self::PrivateKeyBlock => f.write_str("it is a PEM block"),
            Self::AccessKeyFormat | Self::JwtFormat => f.write_str("its format says so"),
            Self::UrlPassword | Self::PasswordAssignment => f.write_str("the password stands in it"),
            Self::WebhookAddress => f.write_str("whoever knows the address may post"),
            Self::CredentialFile => f.write_str("this file keeps credentials there"),
            Self::KeyAndValue => f.write_str("its key says so, and it looks like one"),
            Self::SecretManifest => f.write_str("it is an entry of a Kubernetes Secret"),
            Self::Key => f.write_str("its key says so"),
        }
    }
}

/// What kept a file from being understood whole. It was scanned all the same, as far as it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It breaks the rules of its format (or is a template), and was read line by line from there on.
    Broken {
        /// The line, counted from 1.
        line: u64,
    },
    /// A comment `migrate:allow` gives no reason, so it allows nothing.
    AllowWithoutReason {
        /// The line, counted from 1.
        line: u64,
    },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken { line } => write!(f, "not well-formed at line {line} (or a template): read line by line"),
            Self::AllowWithoutReason { line } => {
                write!(f, "`migrate:allow` at line {line} gives no reason, so it allows nothing")
            }
        }
    }
}

/// The longest key that is shown whole; longer ones are no names that a person chose.
const LONGEST_KEY: usize = 100;

/// A way through keys, as it may be shown: a key may itself hold a value by mistake, and is then left out.
pub(super) fn shown(path: &[String]) -> String {
    let shown = |key: &String| {
        let is_fit =
            key.chars().count() <= LONGEST_KEY && !key.chars().any(char::is_control) && suspect::suspicion(key).is_none();
        if is_fit { key.clone() } else { "…".to_owned() }
    };
    path.iter().map(shown).collect::<Vec<_>>().join(".")
}
