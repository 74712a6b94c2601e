//! What outlives the old copies and serves nothing any more: permissions, policies, modules (REQ VLT-6).

use std::collections::{BTreeMap, BTreeSet};

use migrate_core::{
    inventory::{ConsumerMeans, Inventory, KnownPrincipal, Secret},
    name::{SecretArn, SecretName},
    principals::{Access, Found, Principal},
};
use serde::Serialize;

/// Lines shown of each kind before the rest is counted; `--json` has all.
const SHOWN: usize = 40;
const READS: &[&str] = &["secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue", "secretsmanager:DescribeSecret"];
const WRITES: &[&str] =
    &["secretsmanager:PutSecretValue", "secretsmanager:UpdateSecret", "secretsmanager:UpdateSecretVersionStage"];

/// Everything to be removed by hand.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Remains {
    /// What the identity policies of principals allow on secrets that are gone.
    permissions: Vec<Permission>,
    /// Applications that called Secrets Manager themselves, whose role nobody declared.
    applications: Vec<Application>,
}

/// The statements of one principal.
#[derive(Debug, Serialize)]
struct Permission {
    principal: Principal,
    actions: Vec<&'static str>,
    resources: BTreeSet<SecretArn>,
}

/// An application with a typed module.
#[derive(Debug, Serialize)]
struct Application {
    application: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    /// The secrets that its module, and its role's policy, need no longer name.
    resources: BTreeSet<SecretArn>,
}

impl Remains {
    /// Of these secrets, by what the inventory declares and what was found in CloudTrail.
    pub(super) fn of(inventory: &Inventory, found: &Found, arns: &BTreeMap<&SecretName, &SecretArn>) -> Self {
        let mut by: BTreeMap<(Principal, Access), BTreeSet<SecretArn>> = BTreeMap::new();
        let mut applications: BTreeMap<(String, Option<String>), BTreeSet<SecretArn>> = BTreeMap::new();
        for secret in inventory.secrets() {
            let Some(arn) = arns.get(&secret.name) else { continue };
            for who in principals(secret, found) {
                by.entry(who).or_default().insert((*arn).clone());
            }
            for consumer in &secret.consumers {
                if let ConsumerMeans::Sdk(sdk) = &consumer.means {
                    let who = (consumer.application.to_string(), sdk.language.as_ref().map(ToString::to_string));
                    applications.entry(who).or_default().insert((*arn).clone());
                }
            }
        }
        let actions = |access| match access {
            Access::Reads => READS.to_vec(),
            Access::Writes => WRITES.to_vec(),
        };
        let permission = |((principal, access), resources)| Permission { principal, actions: actions(access), resources };
        let application = |((application, language), resources)| Application { application, language, resources };
        Self {
            permissions: by.into_iter().map(permission).collect(),
            applications: applications.into_iter().map(application).collect(),
        }
    }

    pub(super) fn text(&self) -> String {
        let mut text = "to be removed now, wherever it is kept as code:\n".to_owned();
        let more = |left: usize| if left > SHOWN { format!("  … and {} more (--json)\n", left - SHOWN) } else { String::new() };
        for Permission { principal, actions, resources } in self.permissions.iter().take(SHOWN) {
            text += &format!("  {principal}: {} on {}\n", actions.join(", "), listed(resources));
        }
        text += &more(self.permissions.len());
        for Application { application, language, resources } in self.applications.iter().take(SHOWN) {
            let language = language.as_ref().map(|language| format!(", {language}")).unwrap_or_default();
            text += &format!(
                "  application {application} (SDK{language}): its module, and what its role may do to {}\n",
                listed(resources)
            );
        }
        text += &more(self.applications.len());
        if self.permissions.is_empty() {
            text += "  permissions: nobody declared who had any; `migrate inventory principals` finds out\n";
        }
        text += "  resource policies, our fence among them, go with the secrets; statements on them in Terraform or CloudFormation do not\n";
        text
    }
}

fn listed(resources: &BTreeSet<SecretArn>) -> String {
    resources.iter().map(SecretArn::as_str).collect::<Vec<_>>().join(", ")
}

fn principals<'a>(secret: &'a Secret, found: &'a Found) -> impl Iterator<Item = (Principal, Access)> + 'a {
    let declared = secret.principals.iter().map(|known| match known {
        KnownPrincipal::Reads(principal) => (principal.clone(), Access::Reads),
        KnownPrincipal::Writes(principal) => (principal.clone(), Access::Writes),
    });
    let seen = found.secrets.get(secret.source_name()).into_iter().flatten();
    declared.chain(seen.map(|seen| (seen.principal.clone(), seen.access)))
}
