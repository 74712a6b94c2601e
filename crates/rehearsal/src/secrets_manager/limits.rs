//! The limits of the API's model, checked before anything is looked up. The proxy uses the same function in front of servers
//! that do not check them.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>

use migrate_core::{
    name::SecretName,
    quota::{
        BATCH_GET_IDS, DESCRIPTION_CHARACTERS, LIST_PAGE, RECOVERY_WINDOW_DAYS, RESOURCE_POLICY_BYTES, SECRET_VALUE_BYTES, TAGS,
    },
    value::SecretText,
};
use serde::Deserialize;

use super::wire::{AwsError, Base64, Tag, parse};

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Limited {
    name: Option<String>,
    client_request_token: Option<String>,
    secret_string: Option<SecretText>,
    secret_binary: Option<Base64>,
    description: Option<String>,
    resource_policy: Option<String>,
    tags: Option<Vec<Tag>>,
    version_stages: Option<Vec<String>>,
    secret_id_list: Option<Vec<String>>,
    max_results: Option<i64>,
    recovery_window_in_days: Option<i64>,
}

/// Checks a request against the sizes and numbers that the service allows.
///
/// # Errors
/// What the service would answer.
pub(crate) fn check(operation: &str, body: &[u8]) -> Result<(), AwsError> {
    let request: Limited = parse(body)?;
    if operation == "CreateSecret" {
        name(request.name.as_deref().unwrap_or_default())?;
    }
    if let Some(token) = &request.client_request_token {
        within("clientRequestToken", "length", token.chars().count(), (32, 64))?;
    }
    if let Some(text) = &request.secret_string {
        within("secretString", "length", text.expose().len(), (1, SECRET_VALUE_BYTES))?;
    }
    if let Some(Base64(bytes)) = &request.secret_binary {
        within("secretBinary", "length", bytes.expose().len(), (1, SECRET_VALUE_BYTES))?;
    }
    if let Some(text) = &request.description {
        within("description", "length", text.chars().count(), (0, DESCRIPTION_CHARACTERS))?;
    }
    if let Some(policy) = &request.resource_policy {
        within("resourcePolicy", "length", policy.len(), (1, RESOURCE_POLICY_BYTES))?;
    }
    if let Some(tags) = &request.tags {
        within("tags", "length", tags.len(), (0, TAGS))?;
        for tag in tags {
            within("tags.member.key", "length", tag.key.chars().count(), (1, 128))?;
            within("tags.member.value", "length", tag.value.chars().count(), (0, 256))?;
        }
    }
    if let Some(stages) = &request.version_stages {
        within("versionStages", "length", stages.len(), (1, 20))?;
        for stage in stages {
            within("versionStages.member", "length", stage.chars().count(), (1, 256))?;
        }
    }
    if let Some(ids) = &request.secret_id_list {
        within("secretIdList", "length", ids.len(), (1, BATCH_GET_IDS))?;
    }
    if let Some(page) = request.max_results {
        let largest = if operation == "BatchGetSecretValue" { BATCH_GET_IDS } else { LIST_PAGE };
        within("maxResults", "value", usize::try_from(page).unwrap_or(0), (1, largest))?;
    }
    if let Some(days) = request.recovery_window_in_days {
        let (shortest, longest) = RECOVERY_WINDOW_DAYS;
        if !(i64::from(shortest)..=i64::from(longest)).contains(&days) {
            return Err(AwsError::invalid_parameter(format!(
                "The RecoveryWindowInDays value must be between {shortest} and {longest} days (inclusive)."
            )));
        }
    }
    Ok(())
}

fn name(text: &str) -> Result<(), AwsError> {
    within("name", "length", text.len(), (1, 512))?;
    SecretName::parse(text).map(drop).map_err(|_| {
        AwsError::new(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        )
    })
}

fn within(member: &str, what: &str, found: usize, (least, most): (usize, usize)) -> Result<(), AwsError> {
    if found < least {
        Err(AwsError::constraint(member, format_args!("Member must have {what} greater than or equal to {least}")))
    } else if found > most {
        Err(AwsError::constraint(member, format_args!("Member must have {what} less than or equal to {most}")))
    } else {
        Ok(())
    }
}
