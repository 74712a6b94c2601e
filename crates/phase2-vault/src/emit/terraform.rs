//! The description for Terraform and OpenTofu, formatted as `terraform fmt` would.
//!
//! Resources and arguments: <https://registry.terraform.io/providers/hashicorp/vault/latest/docs>, versions 4 and 5 alike.

use super::{
    needs::{Needs, Role},
    policy::Policy,
    quoted,
    script::Stage,
};

/// The module of a stage. It reads the policies from the folder `policies` beside it.
#[must_use]
pub fn terraform(needs: &Needs, stage: Stage) -> String {
    let mut text = String::from(match stage {
        Stage::Now => {
            "# What External Secrets Operator and `migrate` need of Vault or OpenBao. What is there already is taken over by `terraform import`.\n"
        }
        Stage::Publishers => {
            "# What publishers need to write their keys. Apply it when the handover of these keys is complete, and not before: until then\n\
             # another system is their authority, and two would accept values.\n"
        }
    });
    text += "\nterraform {\n  required_providers {\n    vault = {\n      source  = \"hashicorp/vault\"\n      version = \">= 4.0, < 6.0\"\n    }\n  }\n}\n";
    if let Some(namespace) = &needs.namespace {
        text += &block("provider \"vault\"", &[("namespace", string(namespace))]);
    }
    let backend = match stage {
        Stage::Now => {
            text += &mount(needs);
            text += &auth(needs);
            "vault_auth_backend.kubernetes.path".to_owned()
        }
        Stage::Publishers => string(needs.auth.path.as_str()),
    };
    let grants = needs.grants(stage);
    for policy in &grants.policies {
        let arguments = [
            ("name", string(&policy.name)),
            ("policy", format!("file(\"${{path.module}}/policies/{}.hcl\")", quoted(&policy.name))),
        ];
        text += &block(&resource("vault_policy", &label(policy)), &arguments);
    }
    for role in &grants.roles {
        let policy = grants.policies.iter().find(|policy| policy.name == role.policy);
        text += &self::role(role, &backend, policy);
    }
    text
}

fn mount(needs: &Needs) -> String {
    let mount = block(
        &resource("vault_mount", "kv"),
        &[("path", string(needs.mount.path.as_str())), ("type", string("kv")), ("options", "{ version = \"2\" }".to_owned())],
    );
    let mut arguments = vec![("mount", "vault_mount.kv.path".to_owned()), ("delete_version_after", "0".to_owned())];
    arguments.extend(needs.mount.max_versions.map(|count| ("max_versions", count.to_string())));
    arguments.extend(needs.mount.cas_required.map(|required| ("cas_required", required.to_string())));
    mount + &block(&resource("vault_kv_secret_backend_v2", "kv"), &arguments)
}

fn auth(needs: &Needs) -> String {
    let method = block(
        &resource("vault_auth_backend", "kubernetes"),
        &[("type", string("kubernetes")), ("path", string(needs.auth.path.as_str()))],
    );
    let config = block(
        &resource("vault_kubernetes_auth_backend_config", "kubernetes"),
        &[
            ("backend", "vault_auth_backend.kubernetes.path".to_owned()),
            ("kubernetes_host", string(&needs.auth.host)),
            ("disable_local_ca_jwt", needs.auth.disable_local_ca_jwt.to_string()),
        ],
    );
    let mut rest = String::new();
    if let Some(authority) = &needs.auth.ca_cert {
        rest += "\n  kubernetes_ca_cert = <<-EOT\n";
        for line in authority.pem.lines() {
            rest += &format!("    {line}\n");
        }
        rest += "  EOT\n";
    }
    rest += "\n  # A reviewer's token would stand in Terraform's state: it is set by hand.\n  lifecycle {\n    ignore_changes = [token_reviewer_jwt]\n  }\n}\n";
    method + config.strip_suffix("}\n").unwrap_or(&config) + &rest
}

fn role(role: &Role, backend: &str, policy: Option<&Policy>) -> String {
    let policy = policy.map_or_else(|| string(&role.policy), |policy| format!("vault_policy.{}.name", label(policy)));
    let label = if role.name == "migrate" || role.name.starts_with("publisher-") {
        role.name.replace('.', "_")
    } else {
        "operator".to_owned()
    };
    let mut arguments = vec![
        ("backend", backend.to_owned()),
        ("role_name", string(&role.name)),
        ("bound_service_account_names", format!("[{}]", string(role.account.name.as_str()))),
        ("bound_service_account_namespaces", format!("[{}]", string(role.account.namespace.as_str()))),
    ];
    arguments.extend(role.account.audience.as_deref().map(|audience| ("audience", string(audience))));
    arguments.extend([
        ("token_policies", format!("[{policy}]")),
        ("token_no_default_policy", "true".to_owned()),
        ("token_ttl", role.tokens.ttl_seconds.to_string()),
        ("token_max_ttl", role.tokens.max_ttl_seconds.to_string()),
        ("token_type", string(role.tokens.token_type.as_str())),
    ]);
    block(&resource("vault_kubernetes_auth_backend_role", &label), &arguments)
}

/// An identifier of the policy's resource: dots, which object names may hold, are none of Terraform's.
fn label(policy: &Policy) -> String {
    let name = policy.name.replace('.', "_");
    if name.starts_with(|first: char| first.is_ascii_digit()) { format!("_{name}") } else { name }
}

fn resource(kind: &str, label: &str) -> String {
    format!("resource \"{kind}\" \"{label}\"")
}

fn string(text: &str) -> String {
    format!("\"{}\"", quoted(text))
}

/// A block of arguments whose equal signs stand below each other, after an empty line.
fn block(head: &str, arguments: &[(&str, String)]) -> String {
    let width = arguments.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let lines: String = arguments.iter().map(|(name, value)| format!("  {name:width$} = {value}\n")).collect();
    format!("\n{head} {{\n{lines}}}\n")
}
