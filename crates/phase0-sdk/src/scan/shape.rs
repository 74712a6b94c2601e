//! What a value looks like, whatever key stands before it: a reference to something, a placeholder, something public, made by a machine,
//! or anything.

use migrate_core::{
    inventory::suspect::{self, Suspicion},
    name::convention::words_of,
};

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// It names a variable, file, template or store where the value is, or is encrypted.
    Reference,
    /// It shows that a value belongs here.
    Placeholder,
    /// A truth, number, name, address, certificate, hash of a password: nothing to hide.
    Public,
    /// Anything else.
    Free,
}

/// How references begin.
const REFERENCES: &[&str] = &[
    "arn:",
    "vault:",
    "vault://",
    "ssm:",
    "secretsmanager:",
    "aws-secretsmanager:",
    "op://",
    "file:",
    "env:",
    "env.",
    "awskms:",
    "ref+",
    "keyvault:",
    "@Microsoft.KeyVault(",
    "ENC[",
    "ENC(",
    "{cipher}",
    "sm://",
    "gcpsm:",
    "s3://",
    "gs://",
    "akv:",
    "classpath:",
    "kv/",
    "!vault",
    "$ANSIBLE_VAULT",
    "$__",
    "%d/",
    "~/",
    "./",
    "../",
    "valueFrom",
    "secret/data/",
    "secret://",
];

/// How public things begin: certificates, public keys (RSA, EC and Ed25519 as SubjectPublicKeyInfo), digests with their algorithm,
/// publishable keys, password hashes.
const PUBLIC: &[&str] = &[
    "ssh-rsa ",
    "ssh-ed25519 ",
    "ssh-dss ",
    "ecdsa-sha2-",
    "sk-ssh-",
    "age1",
    "MIIBIjANBgkq",
    "MIICIjANBgkq",
    "MIGfMA0G",
    "MFkwEwYH",
    "MHYwEAYH",
    "MCowBQYDK2Vw",
    "sha1-",
    "sha256-",
    "sha384-",
    "sha512-",
    "sha256:",
    "sha1:",
    "sha512:",
    "SHA256:",
    "md5:",
    "data:",
    "pk_live_",
    "pk_test_",
    "$2a$",
    "$2b$",
    "$2y$",
    "$argon2",
    "$5$",
    "$6$",
    "{bcrypt}",
    "{SSHA}",
];

/// Words of a value that stand for one.
const PLACEHOLDERS: &[&str] = &[
    "changeme",
    "change",
    "replace",
    "replaceme",
    "placeholder",
    "dummy",
    "example",
    "sample",
    "todo",
    "tbd",
    "fixme",
    "redacted",
    "hidden",
    "masked",
    "your",
    "yours",
    "insert",
    "here",
    "xxx",
    "xxxx",
    "xxxxx",
    "none",
    "null",
    "nil",
    "undefined",
    "empty",
    "unset",
    "fillme",
    "removed",
    "omitted",
];

/// A whole value that is the word for one.
const ITS_OWN_NAME: &[&str] = &[
    "password",
    "passwd",
    "pass",
    "secret",
    "token",
    "key",
    "apikey",
    "string",
    "mysecret",
    "mypassword",
    "mytoken",
    "supersecret",
    "yourpassword",
    "changeit",
    "foo",
    "bar",
];

/// What stands in a setting, freed of wrappers that say where it would come from or how it is encoded: the default of `${NAME:-default}`,
/// the rest of `{noop}…`.
pub(super) fn unwrapped(value: &str) -> &str {
    let value = value.trim();
    let default = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).filter(|inside| !inside.contains("${"));
    if let Some((name, default)) = default.and_then(|inside| inside.split_once(':'))
        && name.bytes().all(|byte| byte == b'_' || byte == b'.' || byte == b'-' || byte.is_ascii_alphanumeric())
        && !default.starts_with(['?', '+'])
    {
        return default.strip_prefix('-').unwrap_or(default).trim();
    }
    ["{noop}", "{plain}", "base64:"].iter().find_map(|prefix| value.strip_prefix(prefix)).unwrap_or(value)
}

/// What a value looks like, that was unwrapped.
pub(super) fn shape(value: &str) -> Shape {
    if value.is_empty() || is_placeholder(value) {
        return Shape::Placeholder;
    }
    if PUBLIC.iter().any(|prefix| value.starts_with(prefix)) || is_plain(value) {
        return Shape::Public;
    }
    if is_reference(value) {
        return Shape::Reference;
    }
    Shape::Free
}

fn is_reference(value: &str) -> bool {
    let is_name = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
    REFERENCES.iter().any(|prefix| value.starts_with(prefix))
        || (value.starts_with("${") && value.ends_with('}'))
        || value.starts_with("\\${")
        || value.starts_with("$(")
        || value.starts_with("$[")
        || value.starts_with("#{")
        || value.strip_prefix('$').is_some_and(is_name)
        || value.contains("{{")
        || value.contains("<%")
        || value.contains("%(")
        || value.strip_prefix('%').and_then(|rest| rest.strip_suffix('%')).is_some_and(is_name)
        || value.contains(".svc.cluster.local")
        || is_path(value)
}

/// A path: of Unix or Windows, or a relative one to a file with an extension. Base64 may begin with a slash too, but its parts are random.
fn is_path(value: &str) -> bool {
    let is_relative = value.contains('/')
        && value.rsplit_once('.').is_some_and(|(_, extension)| (1..=5).contains(&extension.len()) && is_word(extension))
        && value.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c))
        && suspect::suspicion(value).is_none();
    let is_windows = value.as_bytes().get(1..3).is_some_and(|colon| colon == b":\\");
    let unix = value.strip_prefix('/').is_some_and(|rest| {
        !rest.is_empty()
            && rest.chars().all(|c| c.is_alphanumeric() || "/._-@%+~".contains(c))
            && (rest.contains('/') || rest.contains('.') || rest.chars().all(|c| c.is_ascii_lowercase()))
            && suspect::suspicion(value).is_none()
    });
    is_windows || unix || is_relative
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase())
}

pub(super) fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let is_wrapped = |open: char, close: char| value.starts_with(open) && value.ends_with(close);
    let mut kinds: Vec<char> = value.chars().collect();
    kinds.sort_unstable();
    kinds.dedup();
    let words: Vec<String> = words_of(value).collect();
    is_wrapped('<', '>')
        || is_wrapped('[', ']') && !value.contains(',')
        || (value.starts_with("__") && value.ends_with("__") && value.len() > 4)
        || (value.starts_with("@@") && value.ends_with("@@"))
        || value.starts_with("...")
        || value.contains('…')
        || (kinds.len() == 1 && value.len() > 2)
        || lower.contains("xxxxxx")
        || value.contains("*****")
        || ITS_OWN_NAME.contains(&lower.as_str())
        // A sentence of such words; a password may hold one of them between others.
        || words.iter().any(|word| PLACEHOLDERS.contains(&word.as_str())) && words.iter().all(|word| word.bytes().all(|b| b.is_ascii_alphabetic()))
}

/// What nobody hides: truths, numbers, durations, identifiers, addresses, names, versions.
fn is_plain(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let truths = ["true", "false", "yes", "no", "on", "off", "enabled", "disabled", "required", "optional", "auto", "default"];
    truths.contains(&lower.as_str())
        || (value.contains("-----BEGIN ") && !value.contains("PRIVATE KEY"))
        || is_url(value)
        || is_host(&lower)
        || is_email(value)
}

/// A URL; whether a password stands in it was asked before.
fn is_url(value: &str) -> bool {
    value.split_once("://").is_some_and(|(scheme, rest)| {
        !rest.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+.-:".contains(&byte))
    })
}

/// `name.domain`, with a port or not.
fn is_host(lower: &str) -> bool {
    let host = lower.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(lower, |(host, _)| host);
    let labels: Vec<&str> = host.split('.').collect();
    labels.len() > 1
        && labels.iter().all(|label| {
            !label.is_empty()
                && label.len() < 20
                && label.bytes().all(|b| b == b'-' || b.is_ascii_lowercase() || b.is_ascii_digit())
        })
        && labels.last().is_some_and(|top| top.len() > 1 && top.bytes().all(|byte| byte.is_ascii_lowercase()))
}

fn is_email(value: &str) -> bool {
    value.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty()
            && user.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b))
            && is_host(&host.to_ascii_lowercase())
    })
}

/// Text that is meant to be read: several words of letters.
pub(super) fn is_prose(value: &str) -> bool {
    value.contains(' ') && value.chars().all(|c| c.is_alphabetic() || " .,!?'’:-()".contains(c))
}

/// Whether a value is a number.
pub(super) fn is_number(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Whether a machine made it: letters and digits in a mix that names don't have. Words, names, versions, durations are none.
pub(super) fn is_made(value: &str) -> bool {
    if value.len() < 8 || value.contains(' ') {
        return false;
    }
    let parts = value.split(['-', '_', '.', ':', ',', '@', '~', '/', '+', '=']);
    let mixed = parts.filter(|part| {
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        let letters = part.bytes().filter(u8::is_ascii_alphabetic).count();
        digits > 0 && letters > 0 && part.len() >= 4
    });
    let has = |of: fn(&u8) -> bool| value.bytes().any(|byte| of(&byte));
    let has_all = has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    mixed.map(str::len).sum::<usize>() >= 8 || (value.len() >= 20 && has_all) || is_random(value)
}

/// Whether it is long and random. What is hexadecimal throughout is, though its digits happen to stand together.
pub(super) fn is_random(value: &str) -> bool {
    let is_hex = |part: &str| part.len() >= 32 && part.bytes().all(|byte| byte.is_ascii_hexdigit()) && !is_number(part);
    value.split(['-', '_']).any(is_hex) || suspect::suspicion(value) == Some(Suspicion::Random)
}

/// An id of the common form, which is public unless its key says otherwise.
pub(super) fn is_uuid(value: &str) -> bool {
    let lengths: Vec<usize> = value.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && value.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}
