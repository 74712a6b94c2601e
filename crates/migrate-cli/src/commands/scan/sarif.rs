//! The findings as a SARIF 2.1.0 log, which code hosts show beside the code
//! (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>). No snippets: they would hold the values.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use phase0_sdk::scan::{Confidence, Kind};
use serde::Serialize;

use super::{Credential, Found, Noticed};
use crate::error::{CommandError, Reason};

/// What can't stand in the path of a URI as it is (<https://www.rfc-editor.org/rfc/rfc3986#section-3.3>).
const NOT_IN_PATHS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

#[derive(Serialize)]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    column_kind: &'static str,
    invocations: [Invocation; 1],
    results: Vec<SarifResult>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
struct Driver {
    name: &'static str,
    version: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    short_description: Message,
    full_description: Message,
    help: Message,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Message,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Message,
    locations: [Location; 1],
    partial_fingerprints: Fingerprint,
}

/// The same finding in a later run, wherever its line went. From names only.
#[derive(Serialize)]
struct Fingerprint {
    #[serde(rename = "keyPath/v1")]
    key_path: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: Artifact,
    region: Region,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    uri: String,
    uri_base_id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u64,
    start_column: u64,
}

/// The whole log as indented JSON.
pub(super) fn log(found: &Found) -> Result<String, CommandError> {
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "migrate scan",
                    version: env!("CARGO_PKG_VERSION"),
                    rules: Kind::ALL.into_iter().map(rule).collect(),
                },
            },
            column_kind: "unicodeCodePoints",
            invocations: [Invocation {
                execution_successful: true,
                tool_execution_notifications: found.noticed.iter().map(notification).collect(),
            }],
            results: found.credentials.iter().map(result).collect(),
        }],
    };
    let text = serde_json::to_string_pretty(&log);
    text.map(|text| text + "\n")
        .map_err(|error| CommandError::new(Reason::Internal, "the findings have no JSON form").because(&error))
}

fn rule(kind: Kind) -> Rule {
    Rule {
        id: id(kind),
        short_description: Message { text: format!("{kind} in a file") },
        full_description: Message { text: format!("A configuration file holds {kind}, where everybody who reads the file has it.") },
        help: Message {
            text: "Bring it to Secrets Manager under a conventional name, have the application read it from there, take it out of the file, \
                   and rotate it if others could read it. What may stay is allowed by a comment `migrate:allow REASON` on its line."
                .to_owned(),
        },
        default_configuration: Configuration { level: "error" },
    }
}

/// The ids of rules are relied on by whoever dismissed a finding: they stay.
const fn id(kind: Kind) -> &'static str {
    match kind {
        Kind::Password => "scattered-password",
        Kind::Token => "scattered-token",
        Kind::ApiKey => "scattered-api-key",
        Kind::Secret => "scattered-secret",
        Kind::Key => "scattered-key",
        Kind::PrivateKey => "scattered-private-key",
        Kind::AccessKeyId => "scattered-access-key-id",
        Kind::UrlWithPassword => "scattered-url-with-password",
        Kind::ConnectionString => "scattered-connection-string",
        Kind::Webhook => "scattered-webhook",
        Kind::RegistryLogin => "scattered-registry-login",
    }
}

fn result(credential: &Credential) -> SarifResult {
    let finding = &credential.finding;
    let at_key = if credential.key.is_empty() { String::new() } else { format!(" at `{}`", credential.key) };
    let name = credential.proposed_name.as_ref().map(|name| format!("; proposed name: {name}")).unwrap_or_default();
    SarifResult {
        rule_id: id(finding.kind),
        rule_index: Kind::ALL.iter().position(|kind| *kind == finding.kind).unwrap_or_default(),
        level: match finding.evidence.confidence() {
            Confidence::Certain => "error",
            Confidence::Likely => "warning",
            Confidence::Possible => "note",
        },
        message: Message { text: format!("{}{at_key}: {}{name}", finding.kind, finding.evidence) },
        locations: [Location {
            physical_location: PhysicalLocation {
                artifact_location: Artifact {
                    uri: utf8_percent_encode(&credential.from_root, NOT_IN_PATHS).to_string(),
                    uri_base_id: "%SRCROOT%",
                },
                region: Region { start_line: credential.line, start_column: credential.column },
            },
        }],
        partial_fingerprints: Fingerprint { key_path: format!("{}#{}", credential.from_root, credential.key) },
    }
}

fn notification(noticed: &Noticed) -> Notification {
    Notification {
        level: if noticed.kind.is_gap() { "warning" } else { "note" },
        message: Message { text: format!("{}: {}", noticed.file, noticed.text) },
    }
}
