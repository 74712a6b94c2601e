//! The description as a shell script over the Vault or OpenBao command line: to be read by a person, run, and run again.

use std::fmt::Write as _;

use super::needs::{Grants, Needs, Place, Role};

/// Which part of the description: two folders, applied at different times by different people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Mount, auth method, operator, migration.
    Now,
    /// Publishers, once the handover is complete.
    Publishers,
}

impl Needs {
    /// The grants of a stage.
    #[must_use]
    pub fn grants(&self, stage: Stage) -> &Grants {
        match stage {
            Stage::Now => &self.now,
            Stage::Publishers => &self.publishers,
        }
    }
}

/// The command that makes a place as it is described, without the program's name; empty where nothing described has that name.
/// It is what the script runs, so it is also what mends a difference.
#[must_use]
pub fn command(needs: &Needs, place: &Place) -> Vec<String> {
    let (mount, auth) = (&needs.mount.path, &needs.auth.path);
    match place {
        Place::Mount => {
            vec!["secrets".into(), "enable".into(), quoted(&format!("-path={mount}")), "-version=2".into(), "kv".into()]
        }
        Place::MountConfig => {
            // The plan refuses a mount that forgets; see `TargetSurvey`.
            let mut command = vec!["write".into(), quoted(&format!("{mount}/config")), "delete_version_after=0s".into()];
            command.extend(needs.mount.max_versions.map(|count| format!("max_versions={count}")));
            command.extend(needs.mount.cas_required.map(|required| format!("cas_required={required}")));
            command
        }
        Place::Auth => vec!["auth".into(), "enable".into(), quoted(&format!("-path={auth}")), "kubernetes".into()],
        Place::AuthConfig => {
            let mut command = auth_config(needs);
            let certificate = needs.auth.ca_cert.as_ref().map(|authority| format!("@{}", authority.file)).unwrap_or_default();
            command.push(quoted(&format!("kubernetes_ca_cert={certificate}")));
            command
        }
        Place::Policy(name) => {
            let has = |stage| needs.grants(stage).policies.iter().any(|policy| policy.name == *name);
            let file = match (has(Stage::Now), has(Stage::Publishers)) {
                (true, _) => format!("policies/{name}.hcl"),
                (false, true) => format!("publishers/policies/{name}.hcl"),
                (false, false) => return Vec::new(),
            };
            vec!["policy".into(), "write".into(), name.clone(), file]
        }
        Place::Role(name) => {
            let mut roles = needs.now.roles.iter().chain(&needs.publishers.roles);
            roles.find(|role| role.name == *name).map(|role| role_command(needs, role)).unwrap_or_default()
        }
    }
}

fn auth_config(needs: &Needs) -> Vec<String> {
    vec![
        "write".into(),
        quoted(&format!("auth/{}/config", needs.auth.path)),
        quoted(&format!("kubernetes_host={}", needs.auth.host)),
        format!("disable_local_ca_jwt={}", needs.auth.disable_local_ca_jwt),
    ]
}

fn role_command(needs: &Needs, role: &Role) -> Vec<String> {
    vec![
        "write".into(),
        quoted(&format!("auth/{}/role/{}", needs.auth.path, role.name)),
        format!("bound_service_account_names={}", role.account.name),
        format!("bound_service_account_namespaces={}", role.account.namespace),
        "bound_service_account_namespace_selector=".into(),
        quoted(&format!("audience={}", role.account.audience.as_deref().unwrap_or_default())),
        format!("token_policies={}", role.policy),
        "token_no_default_policy=true".into(),
        format!("token_ttl={}s", role.tokens.ttl_seconds),
        format!("token_max_ttl={}s", role.tokens.max_ttl_seconds),
        "token_period=0s".into(),
        format!("token_type={}", role.tokens.token_type.as_str()),
    ]
}

/// The script of a stage. It runs beside the folder `policies` of that stage.
#[must_use]
pub fn script(needs: &Needs, stage: Stage) -> String {
    let mut text = String::from("#!/bin/sh\n");
    text += match stage {
        Stage::Now => {
            "# What External Secrets Operator and `migrate` need of Vault or OpenBao, call by call. Nothing here is secret, nothing is\n\
             # deleted, and a second run changes nothing.\n"
        }
        Stage::Publishers => {
            "# What publishers need to write their keys. Apply it when the handover of these keys is complete, and not before: until then\n\
             # another system is their authority, and two would accept values. A second run changes nothing.\n"
        }
    };
    text += "#\n\
             # Runs as whoever you are logged in as (VAULT_ADDR, VAULT_CACERT, VAULT_TOKEN or `vault login`). VAULT_CLI=bao takes OpenBao's\n\
             # command line.\n\
             set -eu\n\
             cd \"$(dirname \"$0\")\"\n\
             vault=\"${VAULT_CLI:-vault}\"\n";
    if let Some(namespace) = &needs.namespace {
        let namespace = quoted(namespace);
        let _ = writeln!(text, "export VAULT_NAMESPACE={namespace} BAO_NAMESPACE={namespace}");
    }
    if stage == Stage::Now {
        mount(needs, &mut text);
        auth(needs, &mut text);
    }
    let grants = needs.grants(stage);
    for policy in &grants.policies {
        let _ = write!(text, "\n# {}\n\"$vault\" policy write {} policies/{}.hcl\n", policy.about, policy.name, policy.name);
    }
    for role in &grants.roles {
        let (account, namespace) = (&role.account.name, &role.account.namespace);
        let _ = write!(text, "\n# Who has {}: the ServiceAccount {account} in namespace {namespace}\n", role.policy);
        let _ = writeln!(text, "{}", call(&role_command(needs, role)));
    }
    text
}

fn mount(needs: &Needs, text: &mut String) {
    let mount = &needs.mount.path;
    let (at, config) = (quoted(&format!("sys/mounts/{mount}")), quoted(&format!("{mount}/config")));
    let shown = quoted(mount.as_str());
    let enable = call(&command(needs, &Place::Mount));
    let configure = call(&command(needs, &Place::MountConfig));
    let _ = write!(
        text,
        r#"
# KV version 2
if ! "$vault" read {at} >/dev/null 2>&1; then
  {enable}
  # A new mount is not ready for a moment.
  tries=0
  until "$vault" read {config} >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ "$tries" -gt 30 ]; then
      echo {shown} "is not ready after 30 seconds" >&2
      exit 1
    fi
    sleep 1
  done
fi
# On another kind of mount the next call would write an entry.
mount="$("$vault" read -field=type {at}) $("$vault" read -field=options {at})"
case "$mount" in
"kv "*version:2*) ;;
*)
  echo {shown} "is a mount of another kind ($mount); KV version 2 is needed" >&2
  exit 1
  ;;
esac
{configure}
"#
    );
}

fn auth(needs: &Needs, text: &mut String) {
    let auth = &needs.auth.path;
    let (at, config) = (quoted(&format!("sys/auth/{auth}")), quoted(&format!("auth/{auth}/config")));
    let enable = call(&command(needs, &Place::Auth));
    let pem = quoted(needs.auth.ca_cert.as_ref().map_or("", |authority| authority.pem.trim_end()));
    let mut configure = auth_config(needs);
    configure.extend(["kubernetes_ca_cert=\"$ca_cert\"".to_owned(), "\"$@\"".to_owned()]);
    let configure = call(&configure).replace('\n', "\n  ");
    let _ = write!(
        text,
        r#"
# Logins of ServiceAccounts
if ! "$vault" read {at} >/dev/null 2>&1; then
  {enable}
fi
ca_cert={pem}
configure() {{
  {configure}
}}
# A write takes away a reviewer's token that is set, and nobody can read it back. So one that may be there is only replaced by another:
# TOKEN_REVIEWER_JWT_FILE names its file. Without one, tokens are reviewed by their own right (system:auth-delegator), or by that of the
# pod that the server runs in.
if [ -n "${{TOKEN_REVIEWER_JWT_FILE:-}}" ]; then
  configure token_reviewer_jwt=@"$TOKEN_REVIEWER_JWT_FILE"
elif ! "$vault" read {config} >/dev/null 2>&1 ||
  [ "$("$vault" read -field=token_reviewer_jwt_set {config} 2>/dev/null)" = false ]; then
  configure
else
  echo "a reviewer's token is set, or may be; left alone:" {config} >&2
fi
"#
    );
}

/// A call as the script writes it: one word a line after the first three.
fn call(command: &[String]) -> String {
    let (head, tail) = command.split_at(command.len().min(3));
    let mut text = format!("\"$vault\" {}", head.join(" "));
    if tail.len() < 3 {
        for word in tail {
            text += &format!(" {word}");
        }
    } else {
        for word in tail {
            text += &format!(" \\\n  {word}");
        }
    }
    text
}

/// A word as a POSIX shell takes it literally; bare where nothing in it means anything to a shell.
fn quoted(word: &str) -> String {
    let is_bare = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:=@+,".contains(&byte));
    if is_bare { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one_word() {
        for (word, expected) in [
            ("secret/config", "secret/config"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's $(x)", r"'it'\''s $(x)'"),
            ("a\nb", "'a\nb'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
