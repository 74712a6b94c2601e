//! How names become paths below a KV v2 mount, and where two of them would become one.

use std::collections::BTreeMap;

use super::{SecretName, VaultPath, kubernetes::Collision};

/// What Vault makes of a path: empty segments and `.` vanish, `..` takes the segment before it away. May be empty.
#[must_use]
pub fn cleaned(text: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

impl VaultPath {
    /// What Vault makes of a name; the name's own text where that is clean.
    pub(crate) fn cleaned(name: &SecretName) -> Self {
        Self(cleaned(name.as_str()).into())
    }

    /// The key to write into `remoteRef.key` for an entry of the mount `mount`. External Secrets Operator strips the mount from the
    /// front of a key, so that `secret/foo` on mount `secret` reads `foo`; a path that begins like the mount gets the mount before it.
    #[must_use]
    pub fn remote_key(&self, mount: &str) -> String {
        let mount = mount.trim_matches('/');
        match self.as_str().strip_prefix(mount) {
            Some(rest) if !mount.is_empty() && rest.starts_with('/') => format!("{mount}/{self}"),
            _ => self.to_string(),
        }
    }
}

/// Every pair of names that Vault would keep at one path, each name against the first one of its path, in the order given.
#[must_use]
pub fn collisions<'a>(names: impl IntoIterator<Item = &'a SecretName>) -> Vec<Collision> {
    let mut owners: BTreeMap<String, &SecretName> = BTreeMap::new();
    let mut found = Vec::new();
    for name in names {
        let path = cleaned(name.as_str());
        match owners.get(&path) {
            Some(first) => found.push(Collision { first: (*first).clone(), second: name.clone(), shared: path }),
            None => {
                owners.insert(path, name);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> SecretName {
        SecretName::parse(text).unwrap()
    }

    #[test]
    fn a_path_that_begins_like_the_mount_gets_the_mount_before_it() {
        let key = |path: &str, mount: &str| VaultPath::parse(path).unwrap().remote_key(mount);
        assert_eq!(key("platform-data/a/b", "secret"), "platform-data/a/b");
        assert_eq!(key("secret/a", "secret"), "secret/secret/a");
        assert_eq!(key("secrets/a", "secret"), "secrets/a");
        assert_eq!(key("secret", "secret"), "secret");
        assert_eq!(key("team/kv/a", "team/kv/"), "team/kv/team/kv/a");
    }

    #[test]
    fn names_that_vault_would_merge_are_found() {
        let names = [name("a/b"), name("a//b"), name("/a/b"), name("a/x/../b"), name("a/c")];
        let found: Vec<String> = collisions(&names).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "a/b and a//b would both be called a/b",
                "a/b and /a/b would both be called a/b",
                "a/b and a/x/../b would both be called a/b"
            ]
        );
    }
}
