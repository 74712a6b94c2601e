//! What `migrate` emits for Secrets Manager. Pure: no connection, the same input gives the same text.

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
/// the secrets below the prefix and changes nothing about them but their resource policy.
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
                "secretsmanager:DeleteResourcePolicy",
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetResourcePolicy",
                "secretsmanager:GetSecretValue",
                "secretsmanager:PutResourcePolicy",
                "secretsmanager:ValidateResourcePolicy",
            ],
            "Resource": format!("arn:{partition}:secretsmanager:{region}:{account}:secret:{prefix}*"),
        }),
    ];
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
        assert_eq!(statements.len(), 2);
        assert_eq!(statements[0]["Action"], json!(["secretsmanager:BatchGetSecretValue", "secretsmanager:ListSecrets"]));
        assert_eq!(statements[1]["Resource"], "arn:aws:secretsmanager:eu-west-1:111122223333:secret:platform-data/*");
    }

    #[test]
    fn no_action_gives_a_secret_a_new_value_or_deletes_it() {
        let policy = migration_policy(&role(&["arn:aws:kms:eu-west-1:111122223333:key/k"])).to_string();
        for action in ["PutSecretValue", "UpdateSecret", "DeleteSecret\"", "CreateSecret", "RotateSecret", ":*\""] {
            assert!(!policy.contains(action), "{action}");
        }
        assert!(policy.contains("secretsmanager.eu-west-1.amazonaws.com"), "{policy}");
    }
}
