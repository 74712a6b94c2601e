//! ACL policies: what each party may do, as rules with a reason each, and as HCL.
//!
//! Source: <https://developer.hashicorp.com/vault/docs/concepts/policies>, <https://openbao.org/docs/concepts/policies/>.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write as _},
};

use migrate_core::name::VaultPath;
use serde::Serialize;

use super::{NeedsError, Wanted, needs::Publisher, quoted};

/// What a policy may allow on a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each is the API's own word")]
pub enum Capability {
    Create,
    Read,
    Update,
    Patch,
    Delete,
    List,
    Scan,
    Sudo,
    Deny,
    Subscribe,
    Recover,
}

impl Capability {
    /// Every capability that Vault or OpenBao knows.
    pub(crate) const ALL: [Self; 11] = [
        Self::Create,
        Self::Read,
        Self::Update,
        Self::Patch,
        Self::Delete,
        Self::List,
        Self::Scan,
        Self::Sudo,
        Self::Deny,
        Self::Subscribe,
        Self::Recover,
    ];

    /// The word of the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Scan => "scan",
            Self::Sudo => "sudo",
            Self::Deny => "deny",
            Self::Subscribe => "subscribe",
            Self::Recover => "recover",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.as_str() == word)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a policy allows, path by path.
pub type Allowed = BTreeMap<String, BTreeSet<Capability>>;

/// One path of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What for: a comment of the file.
    pub why: &'static str,
    /// The path, below the namespace.
    pub path: String,
    /// What is allowed there.
    pub capabilities: BTreeSet<Capability>,
}

/// One ACL policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name on the server.
    pub name: String,
    /// Whose it is: the first comment of the file.
    pub about: &'static str,
    /// Its rules; no path stands in two of them.
    pub rules: Vec<Rule>,
}

use Capability::{Create, Delete, List, Patch, Read, Update};

impl Policy {
    fn new(name: String, about: &'static str) -> Self {
        Self { name, about, rules: Vec::new() }
    }

    fn grant<const N: usize>(&mut self, why: &'static str, path: String, capabilities: [Capability; N]) {
        if !self.rules.iter().any(|rule| rule.path == path) {
            self.rules.push(Rule { why, path, capabilities: capabilities.into() });
        }
    }

    /// What it allows, for comparisons.
    pub(crate) fn allowed(&self) -> Allowed {
        self.rules.iter().map(|rule| (rule.path.clone(), rule.capabilities.clone())).collect()
    }

    /// The text of the policy.
    #[must_use]
    pub fn to_hcl(&self) -> String {
        let mut hcl = format!("# {}\n", self.about);
        for rule in &self.rules {
            let capabilities: Vec<_> = rule.capabilities.iter().map(|capability| format!("\"{capability}\"")).collect();
            // Writing to a String can't fail.
            let _ = write!(
                hcl,
                "\n# {}\npath \"{}\" {{\n  capabilities = [{}]\n}}\n",
                rule.why,
                quoted(&rule.path),
                capabilities.join(", ")
            );
        }
        hcl
    }

    /// What the operator's role needs to materialize Secrets: read, below the trees and at the legacy names. It looks its own token up
    /// before each use and revokes it afterwards (ESO 0.20.4, `pkg/provider/vault/auth.go`), which is all that it needs of the default policy.
    /// Metadata is what `metadataPolicy: Fetch` and `find` by tags read; `list` is what `find` needs, below a `path` that begins with a tree.
    ///
    /// # Errors
    /// [`NeedsError::Wildcard`].
    pub(super) fn reader(wanted: &Wanted) -> Result<Self, NeedsError> {
        let mount = literal(&wanted.mount.path)?;
        let mut policy = Self::new(
            wanted.policy_name("external-secrets-read"),
            "What External Secrets Operator may do: read what ExternalSecrets ask for.",
        );
        for tree in &wanted.trees {
            let tree = literal(tree)?;
            policy.grant("values", format!("{mount}/data/{tree}/*"), [Read]);
            let metadata = format!("{mount}/metadata/{tree}/*");
            if wanted.may_find {
                policy.grant("custom metadata, and names for `find`", metadata, [Read, List]);
            } else {
                policy.grant("custom metadata", metadata, [Read]);
            }
        }
        for name in &wanted.legacy {
            let name = literal(name)?;
            policy.grant("values of a legacy name", format!("{mount}/data/{name}"), [Read]);
            policy.grant("custom metadata of a legacy name", format!("{mount}/metadata/{name}"), [Read]);
        }
        policy.own_token();
        Ok(policy)
    }

    /// What a publisher's role needs to write its own keys, and no other (REQ DIS-1): PushSecret reads value and metadata before it writes
    /// both, and takes both away where its `deletionPolicy` is `Delete` (ESO 0.20.4, `pkg/provider/vault/client_push.go`).
    ///
    /// # Errors
    /// [`NeedsError::Wildcard`].
    pub(super) fn publisher(wanted: &Wanted, publisher: &Publisher) -> Result<Self, NeedsError> {
        let mount = literal(&wanted.mount.path)?;
        let mut policy = Self::new(
            wanted.policy_name(&format!("publisher-{}", publisher.name)),
            "What one publisher may do: write its own keys, one by one.",
        );
        for name in &publisher.names {
            let name = literal(name)?;
            for (why, path) in
                [("its value", format!("{mount}/data/{name}")), ("who manages it", format!("{mount}/metadata/{name}"))]
            {
                if publisher.deletes {
                    policy.grant(why, path, [Create, Read, Update, Delete]);
                } else {
                    policy.grant(why, path, [Create, Read, Update]);
                }
            }
        }
        policy.own_token();
        Ok(policy)
    }

    /// What `migrate vault check` needs to compare everything: to read the settings, and no value.
    ///
    /// # Errors
    /// [`NeedsError::Wildcard`].
    pub(super) fn checker(wanted: &Wanted) -> Result<Self, NeedsError> {
        let (mount, auth) = (literal(&wanted.mount.path)?, literal(&wanted.auth.path)?);
        let mut policy =
            Self::new(wanted.policy_name("migrate-check"), "What `migrate vault check` may do: read settings, and no value.");
        policy.grant("type and version of the mount", format!("sys/mounts/{mount}"), [Read]);
        policy.grant("check-and-set and expiry of the mount", format!("{mount}/config"), [Read]);
        // The path of one method alone (sys/auth/PATH) would ask for sudo.
        policy.grant("which auth methods there are", "sys/auth".to_owned(), [Read]);
        policy.grant("how tokens of Kubernetes are reviewed", format!("auth/{auth}/config"), [Read]);
        policy.grant("which roles there are", format!("auth/{auth}/role"), [List]);
        policy.grant("whom a role is bound to", format!("auth/{auth}/role/*"), [Read]);
        policy.grant("which policies there are", "sys/policies/acl".to_owned(), [List]);
        policy.grant("what a policy allows", "sys/policies/acl/*".to_owned(), [Read]);
        Ok(policy)
    }

    /// What `migrate` needs to hand secrets over; see [`migration_policy`].
    ///
    /// # Errors
    /// [`NeedsError::Wildcard`].
    pub(super) fn migration(wanted: &Wanted) -> Result<Self, NeedsError> {
        let mut policy = migration_policy(&wanted.mount.path, &wanted.trees, &wanted.legacy, &wanted.anchor)?;
        policy.name = wanted.policy_name(&policy.name);
        Ok(policy)
    }

    /// Two paths of the default policy, which the roles do without: it allows more than that.
    fn own_token(&mut self) {
        self.grant("is its own token still good", "auth/token/lookup-self".to_owned(), [Read]);
        self.grant("give its own token back", "auth/token/revoke-self".to_owned(), [Update]);
    }
}

/// The least that a migration needs: create entries below `trees` of `mount` and at the `legacy` names and read them back, mark and clear
/// them, read the mount's settings and who else may write, keep the anchor. No list of entries, no undelete, no destroy, no deletion of single versions.
///
/// `update` on data can't be left out: the first value of an entry that has metadata, and ours are marked first, counts as an update. That
/// nothing is overwritten is the work of check-and-set (REQ VLT-2); `cas_required` on the mount makes it the store's own rule.
///
/// # Errors
/// [`NeedsError::Wildcard`].
pub fn migration_policy(
    mount: &VaultPath,
    trees: &[VaultPath],
    legacy: &[VaultPath],
    anchor: &VaultPath,
) -> Result<Policy, NeedsError> {
    let mount = literal(mount)?;
    let mut policy = Policy::new("migrate".to_owned(), "What `migrate` may do: copy, mark and take back, up to commit.");
    let below = trees.iter().map(|tree| Ok(format!("{}/*", literal(tree)?)));
    let exact = legacy.iter().map(|name| Ok(literal(name)?.to_owned()));
    for path in below.chain(exact).collect::<Result<Vec<_>, NeedsError>>()? {
        policy.grant(
            "members: create by check-and-set, which is an update where metadata exists; read back",
            format!("{mount}/data/{path}"),
            [Create, Read, Update],
        );
        policy.grant(
            "members: look, mark with wave and epoch, take back before commit",
            format!("{mount}/metadata/{path}"),
            [Create, Read, Update, Patch, Delete],
        );
    }
    policy.grant(
        "the ledger's anchor, moved by check-and-set",
        format!("{mount}/data/{}", literal(anchor)?),
        [Create, Read, Update],
    );
    policy.grant("check-and-set and expiry of the mount", format!("{mount}/config"), [Read]);
    policy.grant("type and version of the mount", format!("sys/internal/ui/mounts/{mount}"), [Read]);
    policy.grant("who else may write: which policies there are", "sys/policies/acl".to_owned(), [List]);
    policy.grant("who else may write: what a policy allows", "sys/policies/acl/*".to_owned(), [Read]);
    policy.grant("is the token still good", "auth/token/lookup-self".to_owned(), [Read]);
    Ok(policy)
}

/// A path that a policy reads as itself: no glob, no wildcard, no template.
fn literal(path: &VaultPath) -> Result<&str, NeedsError> {
    let path = path.as_str();
    if path.contains(['*', '{']) || path.split('/').any(|part| part == "+") {
        return Err(NeedsError::Wildcard(path.to_owned()));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> VaultPath {
        VaultPath::parse(text).unwrap()
    }

    #[test]
    fn a_wildcard_in_a_name_is_refused() {
        for name in ["a/+/b", "a*", "a/{{identity.entity.id}}"] {
            let refused = migration_policy(&path("secret"), &[path(name)], &[], &path("migrate/anchor"));
            assert_eq!(refused, Err(NeedsError::Wildcard(name.into())));
        }
        assert!(migration_policy(&path("secret"), &[path("a+b")], &[], &path("migrate/anchor")).is_ok());
    }

    #[test]
    fn nothing_is_granted_beyond_mount_trees_legacy_names_and_anchor() {
        let trees = [path("platform-data"), path("a \"b\"")];
        let policy = migration_policy(&path("team/kv"), &trees, &[path("old/name")], &path("migrate/anchor")).unwrap().to_hcl();
        let paths: Vec<_> = policy.lines().filter_map(|line| line.strip_prefix("path ")).collect();
        assert_eq!(
            paths,
            [
                r#""team/kv/data/platform-data/*" {"#,
                r#""team/kv/metadata/platform-data/*" {"#,
                r#""team/kv/data/a \"b\"/*" {"#,
                r#""team/kv/metadata/a \"b\"/*" {"#,
                r#""team/kv/data/old/name" {"#,
                r#""team/kv/metadata/old/name" {"#,
                r#""team/kv/data/migrate/anchor" {"#,
                r#""team/kv/config" {"#,
                r#""sys/internal/ui/mounts/team/kv" {"#,
                r#""sys/policies/acl" {"#,
                r#""sys/policies/acl/*" {"#,
                r#""auth/token/lookup-self" {"#,
            ]
        );
        assert!(!policy.contains("sudo") && policy.matches("list").count() == 1, "{policy}");
    }
}
