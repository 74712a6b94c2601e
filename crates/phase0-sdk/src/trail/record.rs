//! One record: what was done to which secret, by whom. Only the fields named here are read; the rest is passed over unread.

use jiff::Timestamp;
use migrate_core::{
    aws_policy::FENCED_ACTIONS,
    principals::{Access, Principal},
};
use serde::Deserialize;

use super::document::FaultKind;

const SERVICE: &str = "secretsmanager.amazonaws.com";
/// Regions have about a dozen characters.
const REGION_CHARACTERS: usize = 40;

/// What a record tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Of another service, or of something that neither reads a value nor changes a secret.
    Nothing,
    /// Something of Secrets Manager that is not asked for, at this time.
    Other(Timestamp),
    /// An access.
    Call(Call),
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// `eventID`: the same record may lie in several files.
    pub(super) id: Option<String>,
    pub(super) at: Timestamp,
    pub(super) access: Access,
    /// As the caller named it: a name, an ARN, or a part of one; none where a refused call does not show it.
    pub(super) secret: Option<String>,
    pub(super) principal: Principal,
    /// The caller's account: a name without an account is looked for there.
    pub(super) account: Option<String>,
    pub(super) region: String,
    pub(super) is_refused: bool,
}

/// Most records are of other services, which may write what they like.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    event_source: String,
}

/// What says whether a record of the service matters.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    event_version: Option<String>,
    event_name: Option<String>,
    event_time: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    #[serde(rename = "eventID")]
    event_id: Option<String>,
    aws_region: Option<String>,
    error_code: Option<String>,
    recipient_account_id: Option<String>,
    user_identity: Option<Identity>,
    request_parameters: Option<Parameters>,
    response_elements: Option<Answer>,
    additional_event_data: Option<ServiceData>,
    resources: Option<Vec<Resource>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    r#type: Option<String>,
    arn: Option<String>,
    account_id: Option<String>,
    invoked_by: Option<String>,
    session_context: Option<Session>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    session_issuer: Option<Issuer>,
}

#[derive(Deserialize)]
struct Issuer {
    arn: Option<String>,
}

/// Of a request only which secret it names: `name` of CreateSecret, `secretId` of the others.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    secret_id: Option<String>,
    name: Option<String>,
}

/// Of an answer only the secret's ARN, which some operations spelled `aRN` before February 2024.
#[derive(Deserialize)]
struct Answer {
    arn: Option<String>,
    #[serde(rename = "aRN")]
    older_arn: Option<String>,
}

/// What the service's own events of a rotation say: which secret.
#[derive(Deserialize)]
struct ServiceData {
    #[serde(rename = "SecretId")]
    secret_id: Option<String>,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(rename = "ARN")]
    arn: Option<String>,
}

/// Reads one record.
pub(super) fn read(text: &str) -> Result<Told, FaultKind> {
    let missing = |field| FaultKind::Field { field };
    let Source { event_source } = serde_json::from_str(text).map_err(|_| missing("eventSource"))?;
    if event_source != SERVICE {
        return Ok(Told::Nothing);
    }
    let head: Head = serde_json::from_str(text).map_err(|_| missing("eventName"))?;
    if head.event_version.as_deref().is_none_or(|version| !version.starts_with("1.")) {
        return Err(FaultKind::Version);
    }
    let at: Timestamp = head.event_time.as_deref().and_then(|at| at.parse().ok()).ok_or(missing("eventTime"))?;
    let name = head.event_name.ok_or(missing("eventName"))?;
    let Some(access) = access(&name) else { return Ok(Told::Other(at)) };
    // Serde says where it stopped, and quotes what stands there: neither is told.
    let record: Record = serde_json::from_str(text).map_err(|_| missing("requestParameters"))?;
    let is_refused = record.error_code.is_some();
    let identity = record.user_identity.as_ref().ok_or(missing("userIdentity"))?;
    let principal = principal(identity).ok_or(FaultKind::Identity)?;
    let secret = secret(&record);
    if secret.is_none() && !is_refused {
        return Err(missing("requestParameters.secretId"));
    }
    let region = record.aws_region.filter(|region| is_region(region)).ok_or(missing("awsRegion"))?;
    let account = identity.account_id.clone().or(record.recipient_account_id);
    Ok(Told::Call(Call { id: record.event_id, at, access, secret, principal, account, region, is_refused }))
}

fn is_region(text: &str) -> bool {
    !text.is_empty() && text.len() <= REGION_CHARACTERS && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// What an operation is. BatchGetSecretValue has an entry of its own and one of GetSecretValue for each secret that it asks for
/// (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html>); these are counted.
fn access(operation: &str) -> Option<Access> {
    match operation {
        "GetSecretValue" => Some(Access::Reads),
        // A rotation's own events, which the service writes.
        "CreateSecret" | "RotationStarted" | "RotationSucceeded" | "RotationFailed" | "RotationAbandoned" => Some(Access::Writes),
        _ => {
            let is_fenced = |action: &&str| action.strip_prefix("secretsmanager:") == Some(operation);
            FENCED_ACTIONS.iter().any(is_fenced).then_some(Access::Writes)
        }
    }
}

fn secret(record: &Record) -> Option<String> {
    let asked = record.request_parameters.as_ref().and_then(|asked| asked.secret_id.as_ref().or(asked.name.as_ref()));
    let answered = || record.response_elements.as_ref().and_then(|answer| answer.arn.as_ref().or(answer.older_arn.as_ref()));
    let service = || record.additional_event_data.as_ref().and_then(|data| data.secret_id.as_ref());
    let resource = || record.resources.iter().flatten().find_map(|resource| resource.arn.as_ref());
    asked.or_else(service).or_else(answered).or_else(resource).cloned()
}

/// The principal behind an identity
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>).
fn principal(identity: &Identity) -> Option<Principal> {
    let parsed = |text: &Option<String>| text.as_deref().and_then(|text| Principal::parse(text).ok());
    match identity.r#type.as_deref() {
        Some("AssumedRole" | "Role") => {
            let issuer = identity.session_context.as_ref().and_then(|session| session.session_issuer.as_ref());
            issuer
                .and_then(|issuer| parsed(&issuer.arn))
                // Without its issuer a session still names the role, if not its path.
                .or_else(|| identity.arn.as_deref().and_then(|arn| Principal::of_caller(arn).ok()))
        }
        Some("IAMUser" | "Root" | "FederatedUser") => parsed(&identity.arn),
        // Another account's principal is a session or a unique id here, neither of which a policy could name.
        Some("AWSAccount") => parsed(&identity.account_id),
        Some("AWSService") | None => parsed(&identity.invoked_by),
        Some(_) => None,
    }
}
