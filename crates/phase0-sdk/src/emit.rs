//! What `migrate` emits for Secrets Manager. Pure: no connection, the same input gives the same text.

use migrate_core::{
    aws_policy::{Exempt, FENCE_TAG, FENCED_ACTIONS, SEAL_TAG, SEALED_ACTIONS},
    plan::FenceMode,
};
use serde_json::{Value, json};

/// What the migration role may reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationRole {
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: String,
    /// Region of the secrets.
    pub region: String,
    /// Their account, 12 digits.
    pub account: String,
    /// Beginning of their names, with its last `/` (`platform-data/`). Empty means every secret.
    pub prefix: String,
    /// ARNs of customer-managed keys that encrypt them. The AWS-managed key needs no permission.
    pub keys: Vec<String>,
}

/// The identity policy of the role that runs a migration up to commit (SDK-4: least privilege): it lists, describes and reads
/// the secrets below the prefix and changes nothing about them but their resource policy, the fence's tag and whether they are rotated.
///
/// Listing and batch reading can't be scoped to a resource by IAM; the values that a batch read gives are, by
/// `GetSecretValue` (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html>).
#[must_use]
pub fn migration_policy(role: &MigrationRole) -> Value {
    let MigrationRole { partition, region, account, prefix, keys } = role;
    let mut statements = vec![
        json!({
            "Sid": "Find",
            "Effect": "Allow",
            "Action": ["secretsmanager:BatchGetSecretValue", "secretsmanager:ListSecrets"],
            "Resource": "*",
        }),
        json!({
            "Sid": "ReadAndFence",
            "Effect": "Allow",
            "Action": [
                "secretsmanager:CancelRotateSecret",
                "secretsmanager:DeleteResourcePolicy",
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetResourcePolicy",
                "secretsmanager:GetSecretValue",
                "secretsmanager:ListSecretVersionIds",
                "secretsmanager:PutResourcePolicy",
                "secretsmanager:RotateSecret",
                "secretsmanager:TagResource",
                "secretsmanager:UntagResource",
                "secretsmanager:ValidateResourcePolicy",
            ],
            "Resource": format!("arn:{partition}:secretsmanager:{region}:{account}:secret:{prefix}*"),
        }),
    ];
    // Exempt principals are proved to exist, and the caller's role has its path.
    statements.push(json!({
        "Sid": "LookUpExemptPrincipals",
        "Effect": "Allow",
        "Action": ["iam:GetRole", "iam:GetUser"],
        "Resource": format!("arn:{partition}:iam::{account}:*"),
    }));
    // Giving rotation back runs the function's `testSecret` step.
    statements.push(json!({
        "Sid": "GiveRotationBack",
        "Effect": "Allow",
        "Action": "lambda:InvokeFunction",
        "Resource": format!("arn:{partition}:lambda:{region}:{account}:function:*"),
    }));
    if !keys.is_empty() {
        statements.push(json!({
            "Sid": "Decrypt",
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": keys,
            "Condition": { "StringEquals": { "kms:ViaService": format!("secretsmanager.{region}.amazonaws.com") } },
        }));
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// What an organisation applies so that secrets are closed without a statement of ours in each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: String,
    /// The account, 12 digits.
    pub account: String,
    /// Beginning of the secrets' names, with its last `/`. Empty means every secret.
    pub prefix: String,
    /// Who is exempt, as in the fence.
    pub exempt: Exempt,
}

impl Closed {
    fn secrets(&self) -> String {
        format!("arn:{}:secretsmanager:*:{}:secret:{}*", self.partition, self.account, self.prefix)
    }

    fn unless_exempt(&self) -> Value {
        json!({ "aws:PrincipalArn": self.exempt.iter().collect::<Vec<_>>() })
    }

    /// The resource control policy for fences of this mode; `None` where the secrets' own policies do it. It binds every principal but
    /// service-linked roles, in every account but the management account
    /// (<https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html>).
    #[must_use]
    pub fn resource_control_policy(&self, mode: FenceMode) -> Option<Value> {
        let mut closed = json!({
            "Sid": "MigrateFence",
            "Effect": "Deny",
            "Principal": "*",
            "Action": FENCED_ACTIONS,
            "Resource": self.secrets(),
            "Condition": { "ArnNotLikeIfExists": self.unless_exempt() },
        });
        let mut statements = Vec::new();
        match mode {
            FenceMode::ResourcePolicy => return None,
            FenceMode::External => statements.push(closed),
            FenceMode::Tag => {
                closed["Condition"]["StringLike"] = json!({ format!("aws:ResourceTag/{FENCE_TAG}"): "*" });
                statements.push(closed);
                // Else whoever may tag opens, and closes, what we closed.
                statements.push(json!({
                    "Sid": "MigrateFenceTag",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": ["secretsmanager:TagResource", "secretsmanager:UntagResource"],
                    "Resource": self.secrets(),
                    "Condition": {
                        "ArnNotLikeIfExists": self.unless_exempt(),
                        "ForAnyValue:StringEquals": { "aws:TagKeys": [FENCE_TAG, SEAL_TAG] },
                    },
                }));
                statements.push(json!({
                    "Sid": "MigrateSeal",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": SEALED_ACTIONS,
                    "Resource": self.secrets(),
                    "Condition": {
                        "ArnNotLikeIfExists": self.unless_exempt(),
                        "StringLike": { format!("aws:ResourceTag/{SEAL_TAG}"): "*" },
                    },
                }));
            }
        }
        Some(json!({ "Version": "2012-10-17", "Statement": statements }))
    }

    /// The service control policy beside it: a secret that is deleted can't be made anew under a name that is being handed over.
    #[must_use]
    pub fn service_control_policy(&self) -> Value {
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "MigrateFenceNames",
                "Effect": "Deny",
                "Action": "secretsmanager:CreateSecret",
                "Resource": self.secrets(),
                "Condition": { "ArnNotLike": self.unless_exempt() },
            }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(keys: &[&str]) -> MigrationRole {
        MigrationRole {
            partition: "aws".to_owned(),
            region: "eu-west-1".to_owned(),
            account: "111122223333".to_owned(),
            prefix: "platform-data/".to_owned(),
            keys: keys.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn nothing_but_the_prefix_can_be_read_or_changed() {
        let policy = migration_policy(&role(&[]));
        let statements = policy["Statement"].as_array().unwrap();
        assert_eq!(statements.len(), 4);
        assert_eq!(statements[0]["Action"], json!(["secretsmanager:BatchGetSecretValue", "secretsmanager:ListSecrets"]));
        assert_eq!(statements[1]["Resource"], "arn:aws:secretsmanager:eu-west-1:111122223333:secret:platform-data/*");
    }

    #[test]
    fn no_action_gives_a_secret_a_new_value_or_deletes_it() {
        let policy = migration_policy(&role(&["arn:aws:kms:eu-west-1:111122223333:key/k"])).to_string();
        for action in ["PutSecretValue", "UpdateSecret", "DeleteSecret\"", "CreateSecret", "UpdateSecret"] {
            assert!(!policy.contains(action), "{action}");
        }
        assert!(policy.contains("secretsmanager.eu-west-1.amazonaws.com"), "{policy}");
    }

    fn closed() -> Closed {
        Closed {
            partition: "aws".to_owned(),
            account: "111122223333".to_owned(),
            prefix: "platform-data/".to_owned(),
            exempt: Exempt::new(["arn:aws:iam::111122223333:role/migrate".to_owned()]).unwrap(),
        }
    }

    // What the organisation enforces binds an application and lets the migration role through, by our own evaluator.
    #[test]
    fn what_an_organisation_applies_is_the_fence_for_a_prefix_or_a_tag() {
        assert_eq!(closed().resource_control_policy(FenceMode::ResourcePolicy), None);
        let external = closed().resource_control_policy(FenceMode::External).unwrap();
        assert_eq!(external["Statement"].as_array().unwrap().len(), 1);
        assert_eq!(external["Statement"][0]["Resource"], "arn:aws:secretsmanager:*:111122223333:secret:platform-data/*");
        assert_eq!(external["Statement"][0]["Action"], json!(FENCED_ACTIONS));
        let tag = closed().resource_control_policy(FenceMode::Tag).unwrap();
        assert_eq!(tag["Statement"][0]["Condition"]["StringLike"]["aws:ResourceTag/migrate-fence"], "*");
        assert_eq!(tag["Statement"][1]["Condition"]["ForAnyValue:StringEquals"]["aws:TagKeys"], json!([FENCE_TAG, SEAL_TAG]));
        assert_eq!(tag["Statement"][2]["Action"], json!(SEALED_ACTIONS));
        // <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>
        for policy in [external, tag, closed().service_control_policy()] {
            assert!(policy.to_string().len() <= 5_120, "{policy}");
        }
    }
}
