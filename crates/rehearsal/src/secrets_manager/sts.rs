//! STS and IAM, as far as a migration needs them: GetCallerIdentity, AssumeRole and GetRole (query protocol, XML).
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>

use std::collections::BTreeMap;

use http::{Response, StatusCode};
use zeroize::Zeroizing;

use super::{principal::Principals, wire::stamp};
use crate::http::{Body, respond};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Answers a form-encoded request of the caller with this access key.
pub(super) fn answer(principals: &mut Principals, access_key: &str, body: &[u8], request_id: &str) -> Response<Body> {
    let form: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    let outcome = match form.get("Action").map(String::as_str) {
        Some("GetCallerIdentity") => identity(principals, access_key),
        Some("AssumeRole") => assume(principals, access_key, &form),
        Some("GetRole") => role(principals, access_key, form.get("RoleName").map_or("", String::as_str)),
        _ => Err(("InvalidAction", "this endpoint is emulated and does not know the action".to_owned())),
    };
    let (status, text) = match outcome {
        Ok((action, result)) => (
            StatusCode::OK,
            format!(
                "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>{result}</{action}Result><ResponseMetadata>\
                 <RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
            ),
        ),
        Err((code, message)) => (
            if code == "NoSuchEntity" { StatusCode::NOT_FOUND } else { StatusCode::FORBIDDEN },
            format!(
                "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{}</Message></Error>\
                 <RequestId>{request_id}</RequestId></ErrorResponse>",
                escape(&message)
            ),
        ),
    };
    let mut response = respond(status, "text/xml", Zeroizing::new(text.into_bytes()));
    stamp(&mut response, request_id);
    response
}

type Outcome = Result<(&'static str, String), (&'static str, String)>;

fn unknown_key() -> (&'static str, String) {
    ("InvalidClientTokenId", "The security token included in the request is invalid.".to_owned())
}

fn identity(principals: &Principals, access_key: &str) -> Outcome {
    let caller = principals.by_key(access_key).ok_or_else(unknown_key)?;
    let xml = format!(
        "<Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account>",
        escape(&caller.caller_arn),
        escape(access_key),
        escape(principals.account())
    );
    Ok(("GetCallerIdentity", xml))
}

/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html>; only what a key or a session stands for exists.
fn role(principals: &Principals, access_key: &str, name: &str) -> Outcome {
    principals.by_key(access_key).ok_or_else(unknown_key)?;
    let Some(arn) = principals.role_named(name) else {
        return Err(("NoSuchEntity", format!("The role with name {name} cannot be found.")));
    };
    let xml = format!(
        "<Role><Path>/</Path><RoleName>{name}</RoleName><RoleId>AROAREHEARSAL</RoleId><Arn>{}</Arn>\
         <CreateDate>2026-01-01T00:00:00Z</CreateDate></Role>",
        escape(arn),
        name = escape(name),
    );
    Ok(("GetRole", xml))
}

fn assume(principals: &mut Principals, access_key: &str, form: &BTreeMap<String, String>) -> Outcome {
    let caller = principals.by_key(access_key).ok_or_else(unknown_key)?.caller_arn.clone();
    let role = form.get("RoleArn").map(String::as_str).unwrap_or_default();
    let session = form.get("RoleSessionName").map_or("session", String::as_str);
    let Some((key, assumed)) = principals.assume(role, session) else {
        let message = format!("User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role}");
        return Err(("AccessDenied", message));
    };
    let expires = principals.an_hour_hence();
    let xml = format!(
        "<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>made-up-for-a-rehearsal</SecretAccessKey>\
         <SessionToken>made-up-for-a-rehearsal</SessionToken><Expiration>{expires}</Expiration></Credentials>\
         <AssumedRoleUser><Arn>{arn}</Arn><AssumedRoleId>{key}:{session}</AssumedRoleId></AssumedRoleUser>",
        arn = escape(&assumed.caller_arn),
        session = escape(session),
    );
    Ok(("AssumeRole", xml))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
