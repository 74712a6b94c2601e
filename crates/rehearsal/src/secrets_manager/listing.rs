//! ListSecrets, ListSecretVersionIds, DescribeSecret, and the filters.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use migrate_core::quota::LIST_PAGE;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::{
    account::{Account, Rotation, Secret},
    wire::{AwsError, Filter, ListSecretVersionIds, ListSecrets, Tag, seconds},
};
use crate::http::encode;

type Answer = Result<Zeroizing<Vec<u8>>, AwsError>;

impl Account {
    pub(super) fn list(&self, request: &ListSecrets) -> Answer {
        if request.sort_order.as_deref().is_some_and(|order| order != "asc") {
            return Err(AwsError::invalid_parameter("this Secrets Manager is emulated and lists in ascending order only"));
        }
        let size = request.max_results.unwrap_or(LIST_PAGE);
        let (names, next) = page(self, &request.filters, request.include_planned_deletion, size, request.next_token.as_deref())?;
        let lines = names.iter().filter_map(|name| self.secrets.get(name)).map(|secret| {
            let mut line = common(secret);
            line.insert("SecretVersionsToStages".into(), json!(secret.version_map()));
            Value::Object(line)
        });
        let mut answer = json!({"SecretList": lines.collect::<Vec<_>>()});
        if let Some(next) = next {
            answer["NextToken"] = next.into();
        }
        Ok(encode(&answer))
    }

    pub(super) fn describe(&mut self, secret_id: &str) -> Answer {
        let secret = self.any(secret_id)?;
        let mut answer = common(secret);
        if !secret.versions.is_empty() {
            answer.insert("VersionIdsToStages".into(), json!(secret.version_map()));
        }
        if !secret.replica_regions.is_empty() {
            let statuses = secret.replica_regions.iter().map(|region| json!({"Region": region, "Status": "InSync"}));
            answer.insert("ReplicationStatus".into(), statuses.collect());
        }
        Ok(encode(&answer))
    }

    pub(super) fn list_versions(&mut self, request: &ListSecretVersionIds) -> Answer {
        let secret = self.any(&request.secret_id)?;
        let versions = secret
            .versions
            .iter()
            .filter(|(_, version)| request.include_deprecated || !version.stages.is_empty())
            .map(|(id, version)| {
                let mut line = json!({"VersionId": id, "CreatedDate": seconds(version.created)});
                if !version.stages.is_empty() {
                    line["VersionStages"] = json!(version.stages);
                }
                if let Some(accessed) = version.accessed {
                    line["LastAccessedDate"] = seconds(accessed).into();
                }
                line
            })
            .collect::<Vec<_>>();
        Ok(encode(&json!({"ARN": secret.arn, "Name": secret.name, "Versions": versions})))
    }
}

/// What ListSecrets and DescribeSecret both show.
fn common(secret: &Secret) -> Map<String, Value> {
    let mut shown = Map::new();
    let mut put = |member: &str, value: Value| {
        shown.insert(member.to_owned(), value);
    };
    put("ARN", json!(secret.arn));
    put("Name", json!(secret.name));
    put("CreatedDate", json!(seconds(secret.created)));
    put("LastChangedDate", json!(seconds(secret.changed)));
    if let Some(description) = secret.description.as_ref().filter(|text| !text.is_empty()) {
        put("Description", json!(description));
    }
    if let Some(key) = &secret.kms_key_id {
        put("KmsKeyId", json!(key));
    }
    if !secret.tags.is_empty() {
        let tags = secret.tags.iter().map(|(key, value)| json!(Tag { key: key.clone(), value: value.clone() }));
        put("Tags", tags.collect());
    }
    if let Some(accessed) = secret.accessed {
        put("LastAccessedDate", json!(seconds(accessed)));
    }
    if let Some(deleted) = secret.deleted {
        put("DeletedDate", json!(seconds(deleted)));
    }
    if let Some(service) = &secret.owning_service {
        put("OwningService", json!(service));
    }
    if let Some(Rotation { enabled, lambda_arn, rules }) = &secret.rotation {
        put("RotationEnabled", json!(enabled));
        put("RotationLambdaARN", json!(lambda_arn));
        put("RotationRules", json!(rules));
    }
    shown
}

/// One page of names that pass the filters, and the token of the next. A token names the last secret given, so that secrets
/// which come or go meanwhile shift nothing.
pub(super) fn page(
    account: &Account,
    filters: &[Filter],
    with_deleted: bool,
    size: usize,
    token: Option<&str>,
) -> Result<(Vec<String>, Option<String>), AwsError> {
    let after = token.map(read_token).transpose()?;
    for filter in filters {
        check_filter(filter)?;
    }
    let mut names: Vec<String> = account
        .secrets
        .values()
        .filter(|secret| with_deleted || secret.deleted.is_none())
        .filter(|secret| after.as_ref().is_none_or(|after| secret.name > *after))
        .filter(|secret| filters.iter().all(|filter| passes(secret, filter)))
        .map(|secret| secret.name.clone())
        .take(size + 1)
        .collect();
    let next = (names.len() > size).then(|| {
        names.truncate(size);
        names.last().map(|last| STANDARD.encode(last)).unwrap_or_default()
    });
    Ok((names, next))
}

fn read_token(token: &str) -> Result<String, AwsError> {
    STANDARD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| AwsError::new("InvalidNextTokenException", "The NextToken value is invalid."))
}

fn check_filter(filter: &Filter) -> Result<(), AwsError> {
    let known = ["name", "description", "tag-key", "tag-value", "owning-service", "all"].contains(&filter.key.as_str());
    if known && !filter.values.is_empty() {
        Ok(())
    } else {
        Err(AwsError::constraint("filters.member", "a known key with at least one value"))
    }
}

/// Filters match prefixes; names and tags by case, descriptions not; `!` in front negates
/// (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Filter.html>).
fn passes(secret: &Secret, filter: &Filter) -> bool {
    filter.values.iter().any(|value| match value.strip_prefix('!') {
        Some(unwanted) => !matches(secret, &filter.key, unwanted),
        None => matches(secret, &filter.key, value),
    })
}

fn matches(secret: &Secret, key: &str, wanted: &str) -> bool {
    let tag_key = || secret.tags.keys().any(|key| key.starts_with(wanted));
    let tag_value = || secret.tags.values().any(|value| value.starts_with(wanted));
    let description = || secret.description.as_ref().is_some_and(|text| text.to_lowercase().starts_with(&wanted.to_lowercase()));
    match key {
        "name" => secret.name.starts_with(wanted),
        "description" => description(),
        "tag-key" => tag_key(),
        "tag-value" => tag_value(),
        "owning-service" => secret.owning_service.as_ref().is_some_and(|service| service.starts_with(wanted)),
        _ => secret.name.starts_with(wanted) || description() || tag_key() || tag_value(),
    }
}
