//! What Vault and OpenBao need, as text: so far the policy of the migration role. Pure.

use std::fmt::Write as _;

use migrate_core::name::VaultPath;

/// Why no policy can say what is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A policy would read it as a wildcard and grant more than was meant.
    #[error("{0:?} would be a wildcard in a policy: no part of a path may be \"+\", and none may hold \"*\"")]
    Wildcard(String),
}

/// The least that a migration needs, in HCL: create entries below `prefixes` of `mount` and read them back, mark and clear them, read the
/// mount's settings, keep the anchor. No list, no undelete, no destroy, no deletion of single versions.
///
/// `update` on data can't be left out: the first value of an entry that has metadata, and ours are marked first, counts as an update. That
/// nothing is overwritten is the work of check-and-set (REQ VLT-2); `cas_required` on the mount makes it the store's own rule.
///
/// Source: <https://developer.hashicorp.com/vault/docs/concepts/policies>, <https://openbao.org/docs/concepts/policies/>.
///
/// # Errors
/// [`PolicyError`].
pub fn migration_policy(mount: &VaultPath, prefixes: &[VaultPath], anchor: &VaultPath) -> Result<String, PolicyError> {
    let mut hcl = String::new();
    let mut grant = |why: &str, path: String, capabilities: &str| {
        // Writing to a String can't fail.
        let _ = write!(hcl, "# {why}\npath \"{}\" {{\n  capabilities = [{capabilities}]\n}}\n\n", quoted(&path));
    };
    let mount = literal(mount)?;
    for prefix in prefixes {
        let prefix = literal(prefix)?;
        grant(
            "members: create by check-and-set, which is an update where metadata exists; read back",
            format!("{mount}/data/{prefix}/*"),
            r#""create", "read", "update""#,
        );
        grant(
            "members: look, mark with wave and epoch, take back before commit",
            format!("{mount}/metadata/{prefix}/*"),
            r#""create", "read", "update", "patch", "delete""#,
        );
    }
    grant(
        "the ledger's anchor, moved by check-and-set",
        format!("{mount}/data/{}", literal(anchor)?),
        r#""create", "read", "update""#,
    );
    grant("check-and-set and expiry of the mount", format!("{mount}/config"), r#""read""#);
    grant("type and version of the mount", format!("sys/internal/ui/mounts/{mount}"), r#""read""#);
    grant("is the token still good", "auth/token/lookup-self".to_owned(), r#""read""#);
    hcl.truncate(hcl.trim_end().len());
    hcl.push('\n');
    Ok(hcl)
}

fn literal(path: &VaultPath) -> Result<&str, PolicyError> {
    let path = path.as_str();
    if path.contains('*') || path.split('/').any(|part| part == "+") {
        return Err(PolicyError::Wildcard(path.to_owned()));
    }
    Ok(path)
}

/// The inside of an HCL string: `\` and `"` escaped, and `${`, which would begin a template.
fn quoted(path: &str) -> String {
    path.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "$${")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> VaultPath {
        VaultPath::parse(text).unwrap()
    }

    #[test]
    fn a_wildcard_in_a_name_is_refused() {
        for name in ["a/+/b", "a*"] {
            let refused = migration_policy(&path("secret"), &[path(name)], &path("migrate/anchor"));
            assert_eq!(refused, Err(PolicyError::Wildcard(name.into())));
        }
        assert!(migration_policy(&path("secret"), &[path("a+b")], &path("migrate/anchor")).is_ok());
    }

    #[test]
    fn nothing_is_granted_beyond_mount_prefixes_and_anchor() {
        let policy =
            migration_policy(&path("team/kv"), &[path("platform-data"), path("a \"b\"")], &path("migrate/anchor")).unwrap();
        let paths: Vec<_> = policy.lines().filter_map(|line| line.strip_prefix("path ")).collect();
        assert_eq!(
            paths,
            [
                r#""team/kv/data/platform-data/*" {"#,
                r#""team/kv/metadata/platform-data/*" {"#,
                r#""team/kv/data/a \"b\"/*" {"#,
                r#""team/kv/metadata/a \"b\"/*" {"#,
                r#""team/kv/data/migrate/anchor" {"#,
                r#""team/kv/config" {"#,
                r#""sys/internal/ui/mounts/team/kv" {"#,
                r#""auth/token/lookup-self" {"#,
            ]
        );
        assert!(!policy.contains("sudo") && !policy.contains("list"), "{policy}");
    }
}
