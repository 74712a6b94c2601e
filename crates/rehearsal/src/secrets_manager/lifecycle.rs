//! Tags, resource policies, deletion, rotation.

use migrate_core::quota::{RECOVERY_WINDOW_DAYS, TAGS};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    account::{Account, CURRENT, PENDING, Rotation, days_after},
    wire::{
        AwsError, DeleteSecret, PutResourcePolicy, RemoveRegionsFromReplication, ReplicateSecretToRegions, RotateSecret,
        RotationRequest, TagResource, UntagResource, ValidateResourcePolicy, seconds,
    },
};
use crate::http::encode;

type Answer = Result<Zeroizing<Vec<u8>>, AwsError>;

impl Account {
    pub(super) fn tag(&mut self, request: TagResource) -> Answer {
        let now = self.now;
        let secret = self.live(&request.secret_id)?;
        let mut tags = secret.tags.clone();
        tags.extend(request.tags.into_iter().map(|tag| (tag.key, tag.value)));
        if tags.len() > TAGS {
            return Err(AwsError::invalid_parameter(format!("A secret can have at most {TAGS} tags.")));
        }
        secret.tags = tags;
        secret.changed = now;
        Ok(Zeroizing::default())
    }

    pub(super) fn untag(&mut self, request: &UntagResource) -> Answer {
        let now = self.now;
        let secret = self.live(&request.secret_id)?;
        secret.tags.retain(|key, _| !request.tag_keys.contains(key));
        secret.changed = now;
        Ok(Zeroizing::default())
    }

    pub(super) fn get_policy(&mut self, secret_id: &str) -> Answer {
        let secret = self.live(secret_id)?;
        let mut answer = json!({"ARN": secret.arn, "Name": secret.name});
        if let Some(policy) = &secret.policy {
            answer["ResourcePolicy"] = policy.as_str().into();
        }
        Ok(encode(&answer))
    }

    pub(super) fn put_policy(&mut self, request: PutResourcePolicy) -> Answer {
        let now = self.now;
        let principals_exist = check_policy(&request.resource_policy)?;
        if !principals_exist {
            return Err(AwsError::new(
                "MalformedPolicyDocumentException",
                "This resource policy contains an unsupported principal.",
            ));
        }
        if request.block_public_policy == Some(true) && grants_to_everyone(&request.resource_policy) {
            return Err(AwsError::new("PublicPolicyException", "This resource policy grants broad access to the secret."));
        }
        let secret = self.live(&request.secret_id)?;
        let (name, arn) = (secret.name.clone(), secret.arn.clone());
        secret.changed = now;
        self.felt.stored(&name, Some(&request.resource_policy));
        let answer = encode(&json!({"ARN": arn, "Name": name}));
        self.live(&request.secret_id)?.policy = Some(request.resource_policy);
        Ok(answer)
    }

    pub(super) fn delete_policy(&mut self, secret_id: &str) -> Answer {
        let now = self.now;
        let secret = self.live(secret_id)?;
        secret.policy = None;
        secret.changed = now;
        let (name, arn) = (secret.name.clone(), secret.arn.clone());
        self.felt.stored(&name, None);
        Ok(encode(&json!({"ARN": arn, "Name": name})))
    }

    pub(super) fn validate_policy(&mut self, request: &ValidateResourcePolicy) -> Answer {
        if let Some(id) = &request.secret_id {
            self.live(id)?;
        }
        check_policy(&request.resource_policy)?;
        let mut errors = Vec::new();
        if grants_to_everyone(&request.resource_policy) {
            errors.push(json!({"CheckName": "PublicAccessCheck", "ErrorMessage": "The policy grants access to everyone."}));
        }
        Ok(encode(&json!({"PolicyValidationPassed": errors.is_empty(), "ValidationErrors": errors})))
    }

    pub(super) fn delete(&mut self, request: &DeleteSecret) -> Answer {
        let force = request.force_delete_without_recovery == Some(true);
        if force && request.recovery_window_in_days.is_some() {
            return Err(AwsError::invalid_parameter(
                "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
            ));
        }
        let now = self.now;
        // Deleting at once also works on what was only scheduled.
        let secret = if force { self.any(&request.secret_id)? } else { self.live(&request.secret_id)? };
        if !secret.replica_regions.is_empty() {
            return Err(AwsError::invalid_request(format!(
                "You can't delete secret {} that still has replica regions [{}].",
                secret.name,
                secret.replica_regions.join(", ")
            )));
        }
        let days = request.recovery_window_in_days.and_then(|days| u32::try_from(days).ok()).unwrap_or(RECOVERY_WINDOW_DAYS.1);
        let due = if force { now } else { days_after(now, days) };
        secret.deleted = Some(due);
        let (name, arn) = (secret.name.clone(), secret.arn.clone());
        if force {
            self.remove(&name);
        }
        Ok(encode(&json!({"ARN": arn, "Name": name, "DeletionDate": seconds(due)})))
    }

    /// A replica exists as a name only.
    pub(super) fn replicate(&mut self, request: ReplicateSecretToRegions) -> Answer {
        let secret = self.live(&request.secret_id)?;
        secret.replica_regions.extend(request.add_replica_regions.into_iter().map(|replica| replica.region));
        Ok(encode(&json!({"ARN": secret.arn})))
    }

    pub(super) fn remove_regions(&mut self, request: &RemoveRegionsFromReplication) -> Answer {
        let secret = self.live(&request.secret_id)?;
        secret.replica_regions.retain(|region| !request.remove_replica_regions.contains(region));
        Ok(encode(&json!({"ARN": secret.arn})))
    }

    pub(super) fn restore(&mut self, secret_id: &str) -> Answer {
        let secret = self.any(secret_id)?;
        secret.deleted = None;
        Ok(encode(&json!({"ARN": secret.arn, "Name": secret.name})))
    }

    /// Starts a rotation that nothing here will finish: there is no Lambda. It stands as `AWSPENDING` on a version without a
    /// value, as a rotation in flight does.
    pub(super) fn rotate(&mut self, request: RotateSecret, rotation: RotationRequest) -> Answer {
        let now = self.now;
        let token = request.client_request_token.ok_or_else(|| {
            AwsError::invalid_parameter("You must provide a ClientRequestToken value. We recommend a UUID-type value.")
        })?;
        let secret = self.live(&request.secret_id)?;
        if secret.labelled(PENDING).is_some_and(|pending| secret.labelled(CURRENT) != Some(pending)) {
            return Err(AwsError::invalid_request("A previous rotation isn't complete. That rotation will be reattempted."));
        }
        let before = secret.rotation.clone();
        let lambda_arn = rotation.lambda_arn.or_else(|| before.as_ref().map(|before| before.lambda_arn.clone()));
        let lambda_arn = lambda_arn
            .ok_or_else(|| AwsError::invalid_request("No Lambda rotation function ARN is associated with this secret."))?;
        let rules = rotation.rules.or_else(|| before.map(|before| before.rules)).unwrap_or_default();
        secret.rotation = Some(Rotation { enabled: true, lambda_arn, rules });
        if request.rotate_immediately != Some(false) {
            secret.add_version(&token, None, &[PENDING.to_owned()], now);
        }
        Ok(encode(&json!({"ARN": secret.arn, "Name": secret.name, "VersionId": token})))
    }

    /// Turns rotation off. Labels of a rotation in flight stay where they are, as the service warns.
    pub(super) fn cancel_rotation(&mut self, secret_id: &str) -> Answer {
        let now = self.now;
        let secret = self.live(secret_id)?;
        match &mut secret.rotation {
            Some(rotation) => rotation.enabled = false,
            None => {
                return Err(AwsError::invalid_request(
                    "You can't cancel rotation of a secret for which rotation was never configured.",
                ));
            }
        }
        secret.changed = now;
        let mut answer = json!({"ARN": secret.arn, "Name": secret.name});
        if let Some(pending) = secret.labelled(PENDING) {
            answer["VersionId"] = pending.into();
        }
        Ok(encode(&answer))
    }
}

/// Checks a policy's form. The answer says whether its principals could exist: an ARN of a deleted one turns into its unique id
/// (`AROA…`), and a policy with such an orphan can't be stored again.
fn check_policy(policy: &str) -> Result<bool, AwsError> {
    let malformed = || AwsError::new("MalformedPolicyDocumentException", "This resource policy contains invalid Json syntax.");
    let document: Value = serde_json::from_str(policy).map_err(|_| malformed())?;
    let statements = statements(&document).ok_or_else(malformed)?;
    let whole = |statement: &&Value| {
        let has = |members: [&str; 2]| members.iter().any(|member| statement.get(member).is_some());
        matches!(statement["Effect"].as_str(), Some("Allow" | "Deny"))
            && has(["Principal", "NotPrincipal"])
            && has(["Action", "NotAction"])
            && has(["Resource", "NotResource"])
    };
    if statements.is_empty() || !statements.iter().all(whole) {
        return Err(AwsError::new("MalformedPolicyDocumentException", "This resource policy contains invalid syntax."));
    }
    let orphan = |name: &str| name.starts_with("AROA") || name.starts_with("AIDA");
    let orphaned = statements.iter().any(|statement| match &statement["Principal"]["AWS"] {
        Value::String(name) => orphan(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(orphan),
        _ => false,
    });
    Ok(!orphaned)
}

fn statements(document: &Value) -> Option<Vec<&Value>> {
    match document.get("Statement")? {
        Value::Array(statements) => Some(statements.iter().collect()),
        single @ Value::Object(_) => Some(vec![single]),
        _ => None,
    }
}

/// An unconditional Allow for everyone, which the service's checks call public.
fn grants_to_everyone(policy: &str) -> bool {
    let Ok(document) = serde_json::from_str::<Value>(policy) else { return false };
    statements(&document).unwrap_or_default().iter().any(|statement| {
        let everyone = statement["Principal"] == "*" || statement["Principal"]["AWS"] == "*";
        statement["Effect"] == "Allow" && everyone && statement.get("Condition").is_none()
    })
}
