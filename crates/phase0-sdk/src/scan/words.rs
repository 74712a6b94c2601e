//! What a key says about its value. `db_password` announces a password, `password_file` a path, `password_min_length` a number.

use migrate_core::name::convention::words_of;

use super::finding::Kind;

/// What a key announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A password, which people choose: any value may be one.
    Chosen,
    /// Something that a machine makes; a word or a name is none.
    Made(Kind),
    /// Perhaps a credential: only a long random value counts.
    Weak(Kind),
    /// Something else.
    Other,
}

/// Words that announce a password, as the end of a word too: `PGPASSWORD`, `requirepass`.
const PASSWORDS: &[&str] = &["password", "passwd", "passphrase", "pwd", "passcode", "kennwort"];

/// Whole words for the same.
const PASSWORD_WORDS: &[&str] = &["pass", "pw", "psk", "requirepass", "masterauth", "userpass", "dbpass", "smtppass"];

/// As the last word these say that the value is about a credential and is none.
const ABOUT: &[&str] = &[
    "account",
    "address",
    "alg",
    "algorithm",
    "alias",
    "arn",
    "attribute",
    "audience",
    "backend",
    "bucket",
    "by",
    "bytes",
    "changed",
    "checksum",
    "class",
    "cmd",
    "command",
    "cookie",
    "count",
    "days",
    "description",
    "digest",
    "dir",
    "directory",
    "disabled",
    "dn",
    "domain",
    "email",
    "enabled",
    "encoder",
    "encoding",
    "endpoint",
    "engine",
    "env",
    "expiration",
    "expired",
    "expires",
    "expiry",
    "field",
    "file",
    "files",
    "fingerprint",
    "format",
    "generator",
    "hash",
    "hasher",
    "header",
    "headers",
    "hint",
    "host",
    "hours",
    "id",
    "ids",
    "identifier",
    "invalid",
    "issuer",
    "index",
    "iterations",
    "label",
    "length",
    "lifetime",
    "limit",
    "location",
    "manager",
    "max",
    "mechanism",
    "message",
    "method",
    "methods",
    "min",
    "minimum",
    "minute",
    "minutes",
    "mode",
    "model",
    "ms",
    "name",
    "names",
    "options",
    "params",
    "path",
    "paths",
    "pattern",
    "placeholder",
    "policy",
    "port",
    "prefix",
    "properties",
    "property",
    "provider",
    "ref",
    "reference",
    "regex",
    "region",
    "required",
    "reset",
    "role",
    "rotation",
    "rounds",
    "rule",
    "scope",
    "scopes",
    "seconds",
    "sid",
    "size",
    "store",
    "strategies",
    "strategy",
    "suffix",
    "template",
    "timeout",
    "title",
    "ttl",
    "type",
    "uri",
    "url",
    "urls",
    "user",
    "username",
    "usage",
    "validity",
    "version",
    "window",
    "thumbprint",
    "realm",
    "short",
    "long",
    "age",
    "confirmation",
    "expected",
];

/// Before `key` these make it a name or a place, not a credential.
const NO_SECRET_KEYS: &[&str] = &[
    "public",
    "publishable",
    "site",
    "primary",
    "foreign",
    "partition",
    "sort",
    "cache",
    "hash",
    "index",
    "object",
    "group",
    "password",
    "token",
    "username",
    "user",
    "secret_name",
    "translation",
    "idempotency",
    "shortcut",
    "hot",
    "map",
    "lookup",
    "measurement",
];

/// What precedes a key that only names a secret: `existingSecret`, `useToken`.
const NAMING: &[&str] =
    &["existing", "use", "enable", "require", "required", "is", "has", "create", "allow", "exclude", "checksum"];

/// What a key announces; `outer` is the key around it, for keys that say nothing (`value`).
pub(super) fn meaning(key: &str, outer: &str) -> Meaning {
    let mut words: Vec<String> = words_of(key).collect();
    if words.len() == 1 && matches!(words[0].as_str(), "value" | "default" | "val" | "text" | "data" | "current") {
        words = words_of(outer).collect();
    }
    // `password1`, `TOKEN_2`.
    while words.len() > 1 && words.last().is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_digit())) {
        words.pop();
    }
    if words.first().is_some_and(|word| NAMING.contains(&word.as_str())) || words.iter().any(|word| word == "public") {
        return Meaning::Other;
    }
    if words.len() > 1
        && words.last().is_some_and(|word| matches!(word.as_str(), "value" | "default" | "plain" | "plaintext" | "base"))
    {
        words.pop();
    }
    let Some((last, before)) = words.split_last() else { return Meaning::Other };
    if ABOUT.contains(&last.as_str()) {
        return match (last.as_str(), before) {
            ("cookie", [.., kind]) if kind == "erlang" => Meaning::Made(Kind::Secret),
            _ => Meaning::Other,
        };
    }
    let has = |word: &str| words.iter().any(|there| there == word);
    let password = |word: &String| PASSWORDS.iter().any(|known| word.ends_with(known)) || PASSWORD_WORDS.contains(&word.as_str());
    let singular = last.strip_suffix('s').filter(|word| word.len() > 2).unwrap_or(last);
    if password(last) || password(&singular.to_owned()) {
        return Meaning::Chosen;
    }
    match singular {
        "key" => key_meaning(before),
        "apikey" | "authkey" => Meaning::Made(Kind::ApiKey),
        "secretkey" | "accesskey" | "masterkey" | "signingkey" | "privatekey" => Meaning::Made(Kind::Key),
        "secret" | "clientsecret" => Meaning::Made(Kind::Secret),
        "token" | "jwt" | "bearer" | "authtoken" | "accesstoken" | "pat" => Meaning::Made(Kind::Token),
        word if word.ends_with("token") || word.ends_with("secret") || word.ends_with("apikey") => Meaning::Made(Kind::Token),
        "salt" | "pepper" | "seed" | "signature" | "cookie" => Meaning::Weak(Kind::Key),
        "auth" | "authorization" | "credential" | "cred" | "login" | "session" | "dsn" => Meaning::Weak(Kind::Token),
        _ if has("secret") && has("key") => Meaning::Made(Kind::Key),
        _ => Meaning::Other,
    }
}

fn key_meaning(before: &[String]) -> Meaning {
    match before.last().map(String::as_str) {
        Some(word) if NO_SECRET_KEYS.contains(&word) => Meaning::Other,
        Some("api" | "app" | "license" | "routing" | "account" | "access" | "subscription" | "service" | "integration") => {
            Meaning::Made(Kind::ApiKey)
        }
        Some("private" | "ssh" | "identity" | "rsa" | "tls") => Meaning::Made(Kind::PrivateKey),
        Some("preshared" | "shared") => Meaning::Made(Kind::Key),
        Some(
            "secret" | "signing" | "sign" | "encryption" | "encrypt" | "hmac" | "master" | "fernet" | "cookie" | "session"
            | "jwt",
        ) => Meaning::Made(Kind::Key),
        _ => Meaning::Weak(Kind::Key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_announce_credentials_or_something_about_them() {
        let table = [
            ("DB_PASSWORD", Meaning::Chosen),
            ("PGPASSWORD", Meaning::Chosen),
            ("spring.datasource.password", Meaning::Chosen),
            ("passwordMinLength", Meaning::Other),
            ("PASSWORD_FILE", Meaning::Other),
            ("apiKey", Meaning::Made(Kind::ApiKey)),
            ("apiKeyHeader", Meaning::Other),
            ("publicKey", Meaning::Other),
            ("primaryKey", Meaning::Other),
            ("existingSecret", Meaning::Other),
            ("existingSecretPasswordKey", Meaning::Other),
            ("client-secret", Meaning::Made(Kind::Secret)),
            ("max_tokens", Meaning::Made(Kind::Token)),
            ("tokenizer", Meaning::Other),
            ("monkey", Meaning::Other),
            ("compass", Meaning::Other),
            ("key", Meaning::Weak(Kind::Key)),
        ];
        for (key, expected) in table {
            assert_eq!(meaning(key, ""), expected, "{key}");
        }
        assert_eq!(meaning("value", "ClientSecrets"), Meaning::Made(Kind::Secret));
    }
}
