//! CreateSecret, PutSecretValue, UpdateSecret, GetSecretValue, BatchGetSecretValue, UpdateSecretVersionStage.

use std::collections::{BTreeMap, BTreeSet};

use migrate_core::value::SecretValue;
use serde::Serialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    account::{Account, CURRENT, Secret, day_of},
    listing,
    wire::{
        AwsError, Base64Text, BatchGetSecretValue, CreateSecret, GetSecretValue, PutSecretValue, UpdateSecret,
        UpdateSecretVersionStage, WireValue, one_value, seconds,
    },
};
use crate::{felt::Call, http::encode};

type Answer = Result<Zeroizing<Vec<u8>>, AwsError>;

/// GetSecretValue's answer, and one of BatchGetSecretValue's.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Reading<'a> {
    #[serde(rename = "ARN")]
    arn: &'a str,
    name: &'a str,
    version_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_string: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_binary: Option<Base64Text>,
    version_stages: &'a BTreeSet<String>,
    created_date: f64,
}

/// Which version of which secret is to be read.
struct Wanted {
    name: String,
    version: String,
}

/// Says whether a version made under `token` already stands for this request.
enum Repeated {
    No,
    Same,
}

fn repeated(secret: &Secret, token: &str, value: Option<&SecretValue>) -> Result<Repeated, AwsError> {
    match secret.versions.get(token) {
        None => Ok(Repeated::No),
        // Announced by a rotation, and now filled.
        Some(version) if version.value.is_none() => Ok(Repeated::No),
        Some(version) if version.value.as_ref() == value => Ok(Repeated::Same),
        Some(_) => Err(AwsError::new(
            "ResourceExistsException",
            format!(
                "You can't use ClientRequestToken {token} because that value is already in use for a version of secret {}.",
                secret.arn
            ),
        )),
    }
}

/// SDKs make a token of their own; the service itself insists on one.
fn require_token(token: Option<String>) -> Result<String, AwsError> {
    token.ok_or_else(|| AwsError::invalid_request("You must provide a ClientRequestToken value. We recommend a UUID-type value."))
}

impl Account {
    pub(super) fn create(&mut self, request: CreateSecret) -> Answer {
        let token = require_token(request.client_request_token)?;
        let value = one_value(request.secret_string, request.secret_binary)?;
        if !request.add_replica_regions.is_empty() {
            return Err(AwsError::invalid_request("this Secrets Manager is emulated in one region and makes no replicas"));
        }
        if let Some(existing) = self.secrets.get(&request.name) {
            if existing.deleted.is_some() {
                return Err(AwsError::invalid_request(
                    "You can't create this secret because a secret with this name is already scheduled for deletion.",
                ));
            }
            return match repeated(existing, &token, value.as_ref())? {
                Repeated::Same => Ok(encode(&json!({"ARN": existing.arn, "Name": existing.name, "VersionId": token}))),
                Repeated::No => Err(AwsError::new(
                    "ResourceExistsException",
                    format!("The operation failed because the secret {} already exists.", request.name),
                )),
            };
        }
        let arn = self.new_arn(&request.name);
        let mut secret = Secret {
            name: request.name.clone(),
            arn: arn.clone(),
            description: request.description,
            kms_key_id: request.kms_key_id,
            tags: request.tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
            versions: BTreeMap::new(),
            policy: None,
            rotation: None,
            owning_service: None,
            replica_regions: Vec::new(),
            created: self.now,
            changed: self.now,
            accessed: None,
            deleted: None,
        };
        let mut answer = json!({"ARN": arn, "Name": request.name});
        if value.is_some() {
            secret.add_version(&token, value, &[CURRENT.to_owned()], self.now);
            answer["VersionId"] = token.into();
        }
        self.secrets.insert(request.name, secret);
        Ok(encode(&answer))
    }

    pub(super) fn put(&mut self, request: PutSecretValue) -> Answer {
        let token = require_token(request.client_request_token)?;
        let now = self.now;
        let value = one_value(request.secret_string, request.secret_binary)?
            .ok_or_else(|| AwsError::invalid_request("You must provide either SecretString or SecretBinary."))?;
        let secret = self.live(&request.secret_id)?;
        if matches!(repeated(secret, &token, Some(&value))?, Repeated::No) {
            let stages = request.version_stages.unwrap_or_else(|| vec![CURRENT.to_owned()]);
            secret.add_version(&token, Some(value), &stages, now);
        }
        let stages = secret.versions.get(&token).map(|version| &version.stages);
        Ok(encode(&json!({"ARN": secret.arn, "Name": secret.name, "VersionId": token, "VersionStages": stages})))
    }

    pub(super) fn update(&mut self, request: UpdateSecret) -> Answer {
        let token = require_token(request.client_request_token)?;
        let now = self.now;
        let value = one_value(request.secret_string, request.secret_binary)?;
        let secret = self.live(&request.secret_id)?;
        let mut answer = json!({"ARN": secret.arn, "Name": secret.name});
        if let Some(value) = value {
            if matches!(repeated(secret, &token, Some(&value))?, Repeated::No) {
                secret.add_version(&token, Some(value), &[CURRENT.to_owned()], now);
            }
            answer["VersionId"] = token.into();
        }
        if request.description.is_some() {
            secret.description = request.description;
        }
        if request.kms_key_id.is_some() {
            secret.kms_key_id = request.kms_key_id;
        }
        secret.changed = now;
        Ok(encode(&answer))
    }

    pub(super) fn get(&mut self, request: &GetSecretValue) -> Answer {
        let wanted = self.find_version(&request.secret_id, request.version_id.as_deref(), request.version_stage.as_deref())?;
        self.touch(&wanted);
        self.reading(&wanted).map(|reading| encode(&reading)).ok_or_else(AwsError::not_found)
    }

    pub(super) fn batch_get(&mut self, request: &BatchGetSecretValue, principal: &str, caller: &str) -> Answer {
        let (ids, next) = match (&request.secret_id_list, &request.filters) {
            (Some(ids), None) => {
                if request.max_results.is_some() || request.next_token.is_some() {
                    return Err(AwsError::invalid_parameter("You can't page through a list of ids."));
                }
                (ids.clone(), None)
            }
            (None, Some(filters)) => {
                let page = request.max_results.unwrap_or(migrate_core::quota::BATCH_GET_IDS);
                listing::page(self, filters, false, page, request.next_token.as_deref())?
            }
            _ => {
                return Err(AwsError::invalid_parameter("Either 'SecretIdList' or 'Filters' must be provided, but not both."));
            }
        };
        let mut found = Vec::new();
        let mut errors = Vec::new();
        for id in ids {
            match self.find_version_for(&id, principal, caller) {
                Ok(wanted) => {
                    self.touch(&wanted);
                    found.push(wanted);
                }
                Err(error) => errors.push(json!({"SecretId": id, "ErrorCode": error.code, "Message": error.message})),
            }
        }
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Batch<'a> {
            secret_values: Vec<Reading<'a>>,
            errors: Vec<serde_json::Value>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_token: Option<String>,
        }
        let secret_values = found.iter().filter_map(|wanted| self.reading(wanted)).collect();
        Ok(encode(&Batch { secret_values, errors, next_token: next }))
    }

    /// Each secret of a batch needs GetSecretValue in its own right.
    fn find_version_for(&mut self, id: &str, principal: &str, caller: &str) -> Result<Wanted, AwsError> {
        let name = self.resolve(id)?;
        let action = "secretsmanager:GetSecretValue";
        if self.felt.denies(&name, Call { principal, action }) {
            return Err(AwsError::denied(caller, action, &self.any(id)?.arn));
        }
        self.find_version(id, None, None)
    }

    fn find_version(&mut self, id: &str, version: Option<&str>, stage: Option<&str>) -> Result<Wanted, AwsError> {
        let secret = self.live(id)?;
        let missing = |what: String| {
            AwsError::new(
                "ResourceNotFoundException",
                format!("Secrets Manager can't find the specified secret value for {what}"),
            )
        };
        let found = match version {
            Some(version) => {
                let found = secret.versions.get(version).filter(|found| found.value.is_some());
                let found = found.ok_or_else(|| missing(format!("VersionId: {version}")))?;
                if let Some(stage) = stage
                    && !found.stages.contains(stage)
                {
                    return Err(AwsError::invalid_request(
                        "You provided a VersionStage that is not associated to the provided VersionId.",
                    ));
                }
                version.to_owned()
            }
            None => {
                let stage = stage.unwrap_or(CURRENT);
                let found = secret.labelled(stage).filter(|id| secret.versions.get(*id).is_some_and(|v| v.value.is_some()));
                found.ok_or_else(|| missing(format!("staging label: {stage}")))?.to_owned()
            }
        };
        Ok(Wanted { name: secret.name.clone(), version: found })
    }

    /// Reading counts as an access, by day.
    fn touch(&mut self, wanted: &Wanted) {
        let today = Some(day_of(self.now));
        if let Some(secret) = self.secrets.get_mut(&wanted.name) {
            secret.accessed = today;
            if let Some(version) = secret.versions.get_mut(&wanted.version) {
                version.accessed = today;
            }
        }
    }

    fn reading(&self, wanted: &Wanted) -> Option<Reading<'_>> {
        let secret = self.secrets.get(&wanted.name)?;
        let (version_id, version) = secret.versions.get_key_value(&wanted.version)?;
        let (secret_string, secret_binary) = match WireValue::of(version.value.as_ref()?) {
            WireValue::Text(text) => (Some(text), None),
            WireValue::Binary(base64) => (None, Some(base64)),
        };
        Some(Reading {
            arn: &secret.arn,
            name: &secret.name,
            version_id,
            secret_string,
            secret_binary,
            version_stages: &version.stages,
            created_date: seconds(version.created),
        })
    }

    pub(super) fn move_stage(&mut self, request: &UpdateSecretVersionStage) -> Answer {
        let now = self.now;
        let secret = self.live(&request.secret_id)?;
        let stage = request.version_stage.as_str();
        for id in [&request.move_to_version_id, &request.remove_from_version_id].into_iter().flatten() {
            if !secret.versions.contains_key(id) {
                return Err(AwsError::new(
                    "ResourceNotFoundException",
                    format!("Secrets Manager can't find the specified secret value for VersionId: {id}"),
                ));
            }
        }
        let holder = secret.labelled(stage).map(str::to_owned);
        if let Some(holder) = &holder
            && request.move_to_version_id.as_ref() != Some(holder)
            && request.remove_from_version_id.as_ref() != Some(holder)
        {
            return Err(AwsError::invalid_parameter(format!(
                "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version \
                 {holder}, so you must explicitly reference that version in RemoveFromVersionId."
            )));
        }
        match (&request.move_to_version_id, &holder) {
            (Some(to), _) => secret.move_label(stage, to),
            (None, Some(_)) if stage == CURRENT => {
                return Err(AwsError::invalid_parameter(
                    "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.",
                ));
            }
            (None, Some(holder)) => {
                if let Some(version) = secret.versions.get_mut(holder) {
                    version.stages.remove(stage);
                }
            }
            (None, None) => {
                return Err(AwsError::invalid_parameter("You must specify MoveToVersionId, RemoveFromVersionId, or both."));
            }
        }
        secret.changed = now;
        Ok(encode(&json!({"ARN": secret.arn, "Name": secret.name})))
    }
}
