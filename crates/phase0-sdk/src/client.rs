//! The SDK, named nowhere but here and below: one function per API operation, our types in and out.
//!
//! Values: the strings and blobs that the SDK parsed are moved, not copied, into types that wipe them. What it keeps itself
//! until an answer is dropped (the body as received, its unescaping) is not ours to wipe.

mod configure;
mod failed;
mod fence;
mod iam;
mod regional;
mod retire;
pub(crate) mod trail;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::{
    operation::batch_get_secret_value::BatchGetSecretValueOutput,
    primitives::{Blob, DateTime},
    types::{RotationRulesType, SecretListEntry, SecretValueEntry, Tag},
};
use jiff::Timestamp;
use migrate_core::{
    id::SourceVersion,
    name::{SecretArn, SecretName},
    observed::{LabelledVersion, ListedSecret, Rotation, SourceIdentity, SourceSecret, VersionMap},
    ports::{PortError, PortErrorKind, SourceReading},
    quota::LIST_PAGE,
    value::{SecretBytes, SecretText, SecretValue},
};

use self::{
    configure::{AskedHost, Clocks, configure},
    failed::{describe_refusal, failed},
    fence::as_probe,
};
use crate::{
    attempts::{Attempts, Failed, Request},
    failure::Outcome,
    host::is_amazons,
    populate::Creation,
    settings::Settings,
};

pub(crate) struct Client {
    secrets: aws_sdk_secretsmanager::Client,
    /// The same service, asked by a principal that the fence does not exempt.
    probe: Option<aws_sdk_secretsmanager::Client>,
    sts: aws_sdk_sts::Client,
    iam: aws_sdk_iam::Client,
    region: String,
    /// The host that Secrets Manager was asked at, wherever its endpoint came from; set by the first request.
    host: Arc<OnceLock<String>>,
    pub(crate) attempts: Attempts,
    config: SdkConfig,
}

/// One page of ListSecrets.
pub(crate) struct Page {
    pub(crate) secrets: Vec<ListedSecret>,
    pub(crate) next: Option<String>,
}

/// The answer to one BatchGetSecretValue, all of its pages.
pub(crate) struct Batch {
    /// What was read, by the name that the service says.
    pub(crate) readings: Vec<(String, Result<SourceReading, Failed>)>,
    /// What could not be read, by the id that the service says: a name or an ARN.
    pub(crate) errors: Vec<(String, Failed)>,
}

/// What ValidateResourcePolicy answered.
pub(crate) enum Validation {
    Passed,
    /// The checks that it did not pass, and why.
    Findings(Vec<String>),
    /// The endpoint does not know the operation. Never AWS's own.
    NotOffered,
}

impl Client {
    pub(crate) async fn connect(settings: &Settings) -> Result<Self, PortError> {
        let config = configure(settings).await;
        let region = config.region().ok_or_else(|| no_region("Secrets Manager"))?.as_ref().to_owned();
        let host = Arc::default();
        let attempts = Attempts::new(settings);
        let secrets = aws_sdk_secretsmanager::config::Builder::from(&config)
            .interceptor(AskedHost(Arc::clone(&host)))
            .interceptor(Clocks(attempts.skew.clone()))
            .build();
        let sts = aws_sdk_sts::config::Builder::from(&config).interceptor(Clocks(attempts.skew.clone())).build();
        let probe = match &settings.probe {
            None => None,
            Some(probe) => Some(aws_sdk_secretsmanager::Client::new(&as_probe(probe, settings, &config).await)),
        };
        Ok(Self {
            secrets: aws_sdk_secretsmanager::Client::from_conf(secrets),
            probe,
            sts: aws_sdk_sts::Client::from_conf(sts),
            iam: aws_sdk_iam::Client::new(&config),
            region,
            host,
            attempts,
            config,
        })
    }

    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    pub(crate) async fn identify(&self) -> Result<SourceIdentity, PortError> {
        let request = Request { operation: "GetCallerIdentity", subject: "the caller", changes: false };
        let answer = self.attempts.run(request, || async { self.sts.get_caller_identity().send().await.map_err(failed) }).await?;
        match (answer.account, answer.arn) {
            (Some(account), Some(caller_arn)) => Ok(SourceIdentity { account, region: self.region.clone(), caller_arn }),
            _ => Err(request.error(&Failed::unusable("no account or no ARN"))),
        }
    }

    pub(crate) async fn list_page(&self, token: Option<&str>) -> Result<Page, PortError> {
        let request = Request { operation: "ListSecrets", subject: "the account", changes: false };
        let send = || async {
            let page = i32::try_from(LIST_PAGE).ok();
            let call = self.secrets.list_secrets().set_max_results(page).include_planned_deletion(true);
            call.set_next_token(token.map(str::to_owned)).send().await.map_err(failed)
        };
        let answer = self.attempts.run(request, send).await?;
        let secrets = answer.secret_list.unwrap_or_default().into_iter().map(listed).collect::<Result<_, _>>();
        Ok(Page { secrets: secrets.map_err(|failed| request.error(&failed))?, next: answer.next_token })
    }

    pub(crate) async fn describe(&self, name: &str) -> Result<SourceSecret, PortError> {
        let request = Request { operation: "DescribeSecret", subject: name, changes: false };
        let send = || async { self.secrets.describe_secret().secret_id(name).send().await.map_err(failed) };
        let answer = self.attempts.run(request, send).await?;
        let complain = |what: &str| request.error(&Failed::unusable(what));
        // An id that looks like the end of a partial ARN may be taken for one; only the name asked for is an answer.
        if answer.name.as_deref() != Some(name) {
            return Err(complain("it answered about a secret of another name"));
        }
        let versions = answer.version_ids_to_stages.unwrap_or_default().into_iter();
        Ok(SourceSecret {
            arn: SecretArn::new(answer.arn.ok_or_else(|| complain("no ARN"))?),
            versions: VersionMap(versions.map(|(id, labels)| (SourceVersion::new(id), labels.into_iter().collect())).collect()),
            rotation_enabled: answer.rotation_enabled.unwrap_or(false),
            rotation: rotation(answer.rotation_lambda_arn, answer.rotation_rules),
            owning_service: answer.owning_service,
            partner: answer.r#type,
            deleted_at: answer.deleted_date.map(|date| timestamp(&date)).transpose().map_err(|failed| request.error(&failed))?,
            replica_regions: answer
                .replication_status
                .unwrap_or_default()
                .into_iter()
                .filter_map(|replica| replica.region)
                .collect(),
            primary_region: answer.primary_region.filter(|primary| *primary != self.region),
            description: answer.description.filter(|text| !text.is_empty()),
            kms_key_id: answer.kms_key_id,
            tags: tags(answer.tags),
            last_accessed: answer
                .last_accessed_date
                .map(|date| timestamp(&date))
                .transpose()
                .map_err(|failed| request.error(&failed))?,
        })
    }

    /// Reads up to 20 values.
    pub(crate) async fn batch_get(&self, names: &[&SecretName]) -> Result<Batch, PortError> {
        let subject = match names {
            [only] => only.to_string(),
            several => format!("{} secrets", several.len()),
        };
        let request = Request { operation: "BatchGetSecretValue", subject: &subject, changes: false };
        let mut batch = Batch { readings: Vec::new(), errors: Vec::new() };
        let mut token: Option<String> = None;
        loop {
            let send = || async {
                let ids = names.iter().map(ToString::to_string).collect();
                let call = self.secrets.batch_get_secret_value().set_secret_id_list(Some(ids)).set_next_token(token.clone());
                call.send().await.map_err(failed)
            };
            let BatchGetSecretValueOutput { secret_values, errors, next_token, .. } = self.attempts.run(request, send).await?;
            batch.readings.extend(secret_values.unwrap_or_default().into_iter().filter_map(reading));
            batch.errors.extend(errors.unwrap_or_default().into_iter().filter_map(|error| {
                let code = error.error_code.unwrap_or_default();
                let detail = describe_refusal(&code, error.message.as_deref());
                Some((error.secret_id?, Failed { outcome: Outcome::Refused { status: 200, code }, detail }))
            }));
            match next_token {
                None => return Ok(batch),
                next if next == token => return Err(request.error(&Failed::unusable("the same page twice"))),
                next => token = next,
            }
        }
    }

    /// Reads one version.
    pub(crate) async fn get_version(&self, name: &str, version: &SourceVersion) -> Result<SourceReading, PortError> {
        let request = Request { operation: "GetSecretValue", subject: name, changes: false };
        let send = || async {
            let call = self.secrets.get_secret_value().secret_id(name).version_id(version.as_str());
            call.send().await.map_err(failed)
        };
        let answer = self.attempts.run(request, send).await?;
        self.check_name(request, answer.name.as_deref())?;
        let read =
            taken(answer.version_id, answer.secret_string, answer.secret_binary).map_err(|failed| request.error(&failed))?;
        if &read.version == version {
            Ok(read)
        } else {
            Err(request.error(&Failed::unusable("it answered with another version")))
        }
    }

    /// Every version that bears a label.
    pub(crate) async fn labelled(&self, name: &str) -> Result<Vec<LabelledVersion>, PortError> {
        let request = Request { operation: "ListSecretVersionIds", subject: name, changes: false };
        let (mut found, mut token): (Vec<LabelledVersion>, Option<String>) = (Vec::new(), None);
        loop {
            let send = || async {
                let call = self.secrets.list_secret_version_ids().secret_id(name).set_next_token(token.clone());
                call.send().await.map_err(failed)
            };
            let answer = self.attempts.run(request, send).await?;
            self.check_name(request, answer.name.as_deref())?;
            for entry in answer.versions.unwrap_or_default() {
                let labels: BTreeSet<String> = entry.version_stages.unwrap_or_default().into_iter().collect();
                let (Some(id), Some(date)) = (entry.version_id, entry.created_date) else {
                    return Err(request.error(&Failed::unusable("a version without id or date")));
                };
                let created_at = timestamp(&date).map_err(|failed| request.error(&failed))?;
                if !labels.is_empty() {
                    found.push(LabelledVersion { version: SourceVersion::new(id), labels, created_at });
                }
            }
            // moto ends a listing with an empty token.
            match answer.next_token.filter(|next| !next.is_empty()) {
                None => return Ok(found),
                next if next == token => return Err(request.error(&Failed::unusable("the same page twice"))),
                next => token = next,
            }
        }
    }

    pub(crate) async fn policy(&self, name: &str) -> Result<Option<String>, PortError> {
        let request = Request { operation: "GetResourcePolicy", subject: name, changes: false };
        let send = || async { self.secrets.get_resource_policy().secret_id(name).send().await.map_err(failed) };
        let answer = self.attempts.run(request, send).await?;
        self.check_name(request, answer.name.as_deref())?;
        Ok(answer.resource_policy.filter(|policy| !policy.is_empty()))
    }

    pub(crate) async fn validate_policy(&self, name: &str, policy: &str) -> Result<Validation, PortError> {
        let request = Request { operation: "ValidateResourcePolicy", subject: name, changes: false };
        let send = || async {
            let call = self.secrets.validate_resource_policy().secret_id(name).resource_policy(policy);
            match call.send().await.map_err(failed) {
                Ok(answer) if answer.policy_validation_passed => Ok(Validation::Passed),
                Ok(answer) => Ok(Validation::Findings(
                    answer
                        .validation_errors
                        .unwrap_or_default()
                        .into_iter()
                        .map(|finding| {
                            let (check, message) = (finding.check_name, finding.error_message);
                            describe_refusal(check.as_deref().unwrap_or("unnamed check"), message.as_deref())
                        })
                        .collect(),
                )),
                Err(refused) if self.lacks_operation(&refused.outcome) => Ok(Validation::NotOffered),
                Err(failed) => Err(failed),
            }
        };
        self.attempts.run(request, send).await
    }

    /// Creates a secret and says its version. Nothing is there afterwards that was not there before, where it is refused.
    pub(crate) async fn create(&self, name: &str, value: &SecretValue, creation: &Creation) -> Result<SourceVersion, PortError> {
        let request = Request { operation: "CreateSecret", subject: name, changes: true };
        let send = || async {
            let tags = creation.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
            let call = self
                .secrets
                .create_secret()
                .name(name)
                .set_description(creation.description.clone())
                .set_kms_key_id(creation.kms_key_id.clone())
                .set_tags((!creation.tags.is_empty()).then(|| tags.collect()));
            let call = match value {
                SecretValue::Text(text) => call.secret_string(text.expose()),
                SecretValue::Binary(bytes) => call.secret_binary(Blob::new(bytes.expose())),
            };
            call.send().await.map_err(failed)
        };
        let answer = self.attempts.run(request, send).await?;
        self.check_name(request, answer.name.as_deref()).map_err(PortError::maybe_done)?;
        let version = answer.version_id.ok_or_else(|| request.error(&Failed::unusable("no version id")).maybe_done())?;
        Ok(SourceVersion::new(version))
    }

    pub(crate) async fn put_policy(&self, name: &str, policy: &str) -> Result<(), PortError> {
        let request = Request { operation: "PutResourcePolicy", subject: name, changes: true };
        let send = || async {
            // BlockPublicPolicy stays off: a Deny opens nothing, and a secret whose own policy is too open must be fenced too.
            let call = self.secrets.put_resource_policy().secret_id(name).resource_policy(policy);
            call.send().await.map_err(failed)
        };
        let answer = self.attempts.run(request, send).await?;
        self.check_name(request, answer.name.as_deref()).map_err(PortError::maybe_done)
    }

    pub(crate) async fn delete_policy(&self, name: &str) -> Result<(), PortError> {
        let request = Request { operation: "DeleteResourcePolicy", subject: name, changes: true };
        let send = || async { self.secrets.delete_resource_policy().secret_id(name).send().await.map_err(failed) };
        let answer = self.attempts.run(request, send).await?;
        self.check_name(request, answer.name.as_deref()).map_err(PortError::maybe_done)
    }

    fn check_name(&self, request: Request<'_>, answered: Option<&str>) -> Result<(), PortError> {
        if answered == Some(request.subject) {
            Ok(())
        } else {
            Err(request.error(&Failed::unusable("it answered about a secret of another name")))
        }
    }

    /// Whether an answer says that the endpoint does not know the operation. AWS's own endpoints know every one, so there the
    /// same answer is a failure like any other.
    fn lacks_operation(&self, outcome: &Outcome) -> bool {
        let unknown = match outcome {
            Outcome::Refused { code, .. } => matches!(code.as_str(), "UnknownOperationException" | "NotImplemented"),
            Outcome::Garbled { status } => matches!(status, 404 | 405 | 500 | 501),
            _ => false,
        };
        unknown && self.host.get().is_some_and(|host| !is_amazons(host))
    }
}

fn no_region(service: &str) -> PortError {
    let what = "no region: set `region`, AWS_REGION, or the region of the profile";
    PortError::new(PortErrorKind::Misconfigured, "connect", service, what)
}

fn listed(entry: SecretListEntry) -> Result<ListedSecret, Failed> {
    let name = entry.name.ok_or_else(|| Failed::unusable("a secret without a name"))?;
    Ok(ListedSecret {
        name: SecretName::parse(&name).map_err(|invalid| Failed::unusable(&format!("{name:?}: {invalid}")))?,
        arn: SecretArn::new(entry.arn.ok_or_else(|| Failed::unusable("a secret without an ARN"))?),
        description: entry.description.filter(|text| !text.is_empty()),
        tags: tags(entry.tags),
        rotation_enabled: entry.rotation_enabled.unwrap_or(false),
        owning_service: entry.owning_service,
        deleted_at: entry.deleted_date.map(|date| timestamp(&date)).transpose()?,
    })
}

fn tags(tags: Option<Vec<Tag>>) -> BTreeMap<String, String> {
    tags.unwrap_or_default().into_iter().filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect()
}

fn rotation(lambda_arn: Option<String>, rules: Option<RotationRulesType>) -> Option<Rotation> {
    let lambda_arn = lambda_arn.filter(|arn| !arn.is_empty());
    let rules = rules.map(|rules| Rotation {
        lambda_arn: None,
        after_days: rules.automatically_after_days,
        duration: rules.duration,
        schedule: rules.schedule_expression,
    });
    (lambda_arn.is_some() || rules.is_some()).then(|| Rotation { lambda_arn, ..rules.unwrap_or_default() })
}

fn reading(entry: SecretValueEntry) -> Option<(String, Result<SourceReading, Failed>)> {
    Some((entry.name?, taken(entry.version_id, entry.secret_string, entry.secret_binary)))
}

fn taken(version: Option<String>, text: Option<String>, bytes: Option<Blob>) -> Result<SourceReading, Failed> {
    let value = match (text, bytes) {
        (Some(text), None) => Ok(SecretValue::Text(SecretText::new(text))),
        (None, Some(bytes)) => Ok(SecretValue::Binary(SecretBytes::new(bytes.into_inner()))),
        (Some(_), Some(_)) => Err(Failed::unusable("both a SecretString and a SecretBinary")),
        (None, None) => Err(Failed::unusable("neither SecretString nor SecretBinary")),
    };
    let version = version.ok_or_else(|| Failed::unusable("a value without its version"));
    value.and_then(|value| Ok(SourceReading { version: SourceVersion::new(version?), value }))
}

fn timestamp(date: &DateTime) -> Result<Timestamp, Failed> {
    let nanoseconds = i32::try_from(date.subsec_nanos()).unwrap_or(0);
    Timestamp::new(date.secs(), nanoseconds).map_err(|_| Failed::unusable("a date out of range"))
}
