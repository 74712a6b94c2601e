//! The SDK, and the only file that names it: one function per API operation, our types in and out.
//!
//! Values: the strings and blobs that the SDK parsed are moved, not copied, into types that wipe them. What it keeps itself
//! until an answer is dropped (the body as received, its unescaping) is not ours to wipe.

mod regional;
mod retire;
pub(crate) mod trail;

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    sync::{Arc, OnceLock},
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_secretsmanager::{
    config::{
        ConfigBag, Intercept, RuntimeComponents, SharedCredentialsProvider, SharedHttpClient,
        http::HttpResponse,
        interceptors::{BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef},
        retry::RetryConfig,
        timeout::TimeoutConfig,
    },
    error::{BoxError, ProvideErrorMetadata, SdkError},
    operation::batch_get_secret_value::BatchGetSecretValueOutput,
    primitives::{Blob, DateTime},
    types::{RotationRulesType, SecretListEntry, SecretValueEntry, Tag},
};
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_http_client::tls;
use jiff::Timestamp;
use migrate_core::{
    id::SourceVersion,
    name::{SecretArn, SecretName},
    observed::{Felt, LabelledVersion, ListedSecret, Rotation, SourceIdentity, SourceSecret, VersionMap},
    ports::{PortError, PortErrorKind, SourceReading},
    quota::LIST_PAGE,
    value::{SecretBytes, SecretText, SecretValue},
};

use crate::{
    attempts::{Attempts, Failed, Request},
    clock::ClockSkew,
    failure::Outcome,
    host::{host_of, is_amazons, is_loopback},
    populate::Creation,
    settings::{Credentials, GivenCredentials, Probe, Settings},
};

/// Longest piece of a service's message that goes into an error.
const DETAIL_CHARACTERS: usize = 300;

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

    /// The ARN of the role of that name, with its path; `None` where there is none.
    pub(crate) async fn role_arn(&self, name: &str) -> Result<Option<String>, PortError> {
        let request = Request { operation: "GetRole", subject: name, changes: false };
        let send = || async { self.iam.get_role().role_name(name).send().await.map_err(failed) };
        let answer = self.attempts.run(request, send).await;
        absent(answer.map(|answer| answer.role.map(|role| role.arn)))
    }

    /// The ARN of the user of that name, with its path; `None` where there is none.
    pub(crate) async fn user_arn(&self, name: &str) -> Result<Option<String>, PortError> {
        let request = Request { operation: "GetUser", subject: name, changes: false };
        let send = || async { self.iam.get_user().user_name(name).send().await.map_err(failed) };
        let answer = self.attempts.run(request, send).await;
        absent(answer.map(|answer| answer.user.map(|user| user.arn)))
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

    /// Turns rotation off. A secret that was never rotated is an error of kind `InvalidState`.
    pub(crate) async fn cancel_rotation(&self, name: &str) -> Result<(), PortError> {
        let request = Request { operation: "CancelRotateSecret", subject: name, changes: true };
        let send = || async { self.secrets.cancel_rotate_secret().secret_id(name).send().await.map_err(failed) };
        let answer = self.attempts.run(request, send).await?;
        self.check_name(request, answer.name.as_deref()).map_err(PortError::maybe_done)
    }

    /// Turns rotation on as given, from its next scheduled time on. The service runs the function's `testSecret` step meanwhile.
    pub(crate) async fn rotate(&self, name: &str, rotation: &Rotation) -> Result<(), PortError> {
        let request = Request { operation: "RotateSecret", subject: name, changes: true };
        let rules = RotationRulesType::builder()
            .set_automatically_after_days(rotation.after_days.filter(|_| rotation.schedule.is_none()))
            .set_duration(rotation.duration.clone())
            .set_schedule_expression(rotation.schedule.clone())
            .build();
        let send = || async {
            let call = self.secrets.rotate_secret().secret_id(name).rotate_immediately(false);
            let call = call.set_rotation_lambda_arn(rotation.lambda_arn.clone()).rotation_rules(rules.clone());
            call.send().await.map_err(failed)
        };
        let answer = self.attempts.run(request, send).await?;
        self.check_name(request, answer.name.as_deref()).map_err(PortError::maybe_done)
    }

    /// Asks, as the probe, for a version to be made that is there already with other data. That is refused either way: before the request
    /// is looked at where the probe may not write, and for the version where it may
    /// (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html>, `ClientRequestToken`). Should it be carried
    /// out after all, no label that anybody reads would move.
    pub(crate) async fn probe(&self, name: &str, current: &SourceVersion) -> Result<Felt, PortError> {
        let request = Request { operation: "PutSecretValue", subject: name, changes: false };
        let Some(probe) = &self.probe else {
            return Err(PortError::new(PortErrorKind::Misconfigured, "PutSecretValue", name, "no probe principal is set up"));
        };
        let send = || async {
            let call = probe.put_secret_value().secret_id(name).client_request_token(current.as_str());
            let call = call.version_stages("migrate-probe").secret_string(uuid::Uuid::new_v4().to_string());
            match call.send().await.map_err(failed) {
                Err(Failed { outcome: Outcome::Refused { code, .. }, .. }) if code == "AccessDeniedException" => {
                    Ok(Felt::Refused)
                }
                Err(Failed { outcome: Outcome::Refused { code, .. }, .. }) if code == "ResourceExistsException" => {
                    Ok(Felt::Accepted)
                }
                Ok(_) => Ok(Felt::Accepted),
                Err(failed) => Err(failed),
            }
        };
        self.attempts.run(request, send).await
    }

    pub(crate) async fn tag(&self, name: &str, key: &str, value: &str) -> Result<(), PortError> {
        let request = Request { operation: "TagResource", subject: name, changes: true };
        let send = || async {
            let tag = Tag::builder().key(key).value(value).build();
            self.secrets.tag_resource().secret_id(name).tags(tag).send().await.map_err(failed)
        };
        self.attempts.run(request, send).await.map(drop)
    }

    pub(crate) async fn untag(&self, name: &str, key: &str) -> Result<(), PortError> {
        let request = Request { operation: "UntagResource", subject: name, changes: true };
        let send = || async { self.secrets.untag_resource().secret_id(name).tag_keys(key).send().await.map_err(failed) };
        self.attempts.run(request, send).await.map(drop)
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

/// Nothing there is an answer.
fn absent<T>(answer: Result<Option<T>, PortError>) -> Result<Option<T>, PortError> {
    match answer {
        Err(error) if error.kind == PortErrorKind::NotFound => Ok(None),
        other => other,
    }
}

/// The configuration under which the probe asks: the same region and endpoint, another principal.
async fn as_probe(probe: &Probe, settings: &Settings, ours: &SdkConfig) -> SdkConfig {
    let credentials = match probe {
        Probe::Role(role) => {
            let provider = aws_config::sts::AssumeRoleProvider::builder(role).session_name("migrate-probe").configure(ours);
            SharedCredentialsProvider::new(provider.build().await)
        }
        Probe::Profile(profile) => {
            let named =
                Settings { profile: Some(profile.clone()), credentials: Credentials::DefaultChain, ..reached_alike(settings) };
            match configure(&named).await.credentials_provider() {
                Some(provider) => provider,
                None => return ours.clone(),
            }
        }
    };
    ours.clone().into_builder().credentials_provider(credentials).build()
}

/// As these settings reach the service, without whose keys they use.
fn reached_alike(settings: &Settings) -> Settings {
    Settings {
        region: settings.region.clone(),
        endpoint_url: settings.endpoint_url.clone(),
        connect_timeout: settings.connect_timeout,
        read_timeout: settings.read_timeout,
        attempt_timeout: settings.attempt_timeout,
        ..Settings::default()
    }
}

fn no_region(service: &str) -> PortError {
    let what = "no region: set `region`, AWS_REGION, or the region of the profile";
    PortError::new(PortErrorKind::Misconfigured, "connect", service, what)
}

async fn configure(settings: &Settings) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(settings.connect_timeout)
        .read_timeout(settings.read_timeout)
        .operation_attempt_timeout(settings.attempt_timeout)
        .build();
    let retries = RetryConfig::disabled();
    let (behaviour, region) = (BehaviorVersion::latest(), settings.region.clone().map(Region::new));
    let given = match &settings.credentials {
        Credentials::DefaultChain => None,
        Credentials::Given(keys) => Some(credentials(keys)),
    };
    if let (Some(keys), Some(endpoint), Some(region)) = (&given, &settings.endpoint_url, &region) {
        let config = SdkConfig::builder()
            .behavior_version(behaviour)
            .timeout_config(timeouts)
            .retry_config(retries)
            .region(region.clone())
            .endpoint_url(endpoint)
            .credentials_provider(keys.clone())
            .time_source(SystemTimeSource::new());
        return if is_loopback(endpoint) { config.http_client(direct_http_client()).build() } else { config.build() };
    }
    let mut loader = aws_config::defaults(behaviour).timeout_config(timeouts).retry_config(retries);
    if let Some(profile) = &settings.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region {
        loader = loader.region(region);
    }
    if let Some(endpoint) = &settings.endpoint_url {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some(keys) = given {
        loader = loader.credentials_provider(keys);
    }
    let config = loader.load().await;
    // Now known wherever it came from, but for an endpoint of one service alone.
    if config.endpoint_url().is_some_and(is_loopback) {
        return config.into_builder().http_client(direct_http_client()).build();
    }
    config
}

fn credentials(keys: &GivenCredentials) -> SharedCredentialsProvider {
    // The SDK's type wipes its copy too, and redacts it.
    SharedCredentialsProvider::new(aws_credential_types::Credentials::new(
        &keys.access_key_id,
        keys.secret_access_key.expose(),
        keys.session_token.as_ref().map(|token| token.expose().to_owned()),
        None,
        "given",
    ))
}

/// A client that asks no proxy.
fn direct_http_client() -> SharedHttpClient {
    let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
    aws_smithy_http_client::Builder::new().tls_provider(provider).build_https()
}

/// Notes the host that is asked.
#[derive(Debug)]
struct AskedHost(Arc<OnceLock<String>>);

impl Intercept for AskedHost {
    fn name(&self) -> &'static str {
        "asked host"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.get_or_init(|| host_of(context.request().uri()).to_owned());
        Ok(())
    }
}

/// Notes how the service's clock differs from the one that requests are signed by.
#[derive(Debug)]
struct Clocks(ClockSkew);

impl Intercept for Clocks {
    fn name(&self) -> &'static str {
        "clocks"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(signed) = context.request().headers().get("x-amz-date") {
            self.0.signed_at(signed);
        }
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(answered) = context.response().headers().get("date") {
            self.0.answered_at(answered);
        }
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of `map_err`")]
fn failed<E: ProvideErrorMetadata + Error + 'static>(error: SdkError<E, HttpResponse>) -> Failed {
    let outcome = match &error {
        SdkError::ServiceError(refused) => {
            let status = refused.raw().status().as_u16();
            match refused.err().code() {
                Some(code) => {
                    let detail = describe_refusal(code, refused.err().message());
                    return Failed { outcome: Outcome::Refused { status, code: code.to_owned() }, detail };
                }
                None => Outcome::Garbled { status },
            }
        }
        SdkError::ResponseError(garbled) => Outcome::Garbled { status: garbled.raw().status().as_u16() },
        SdkError::TimeoutError(_) => Outcome::TimedOut,
        SdkError::DispatchFailure(_) if caused_by::<CredentialsError>(&error).is_some() => Outcome::NoCredentials,
        SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => Outcome::TimedOut,
        SdkError::DispatchFailure(dispatch) if dispatch.is_io() && !connected(&error) => Outcome::NotConnected,
        SdkError::DispatchFailure(dispatch) if dispatch.is_user() => Outcome::NotSent,
        SdkError::DispatchFailure(_) => Outcome::Lost,
        _ if caused_by::<CredentialsError>(&error).is_some() => Outcome::NoCredentials,
        _ => Outcome::NotSent,
    };
    let detail = match outcome {
        // A parser's message may quote what it read.
        Outcome::Garbled { status } => format!("HTTP status {status} with an answer that is none of the service's"),
        _ => causes(&error),
    };
    Failed { outcome, detail }
}

fn caused_by<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(|cause| cause.downcast_ref::<T>())
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

/// Whether a connection may have stood when it broke: unless the system says that none was made, it may.
fn connected(error: &(dyn Error + 'static)) -> bool {
    use std::io::ErrorKind;
    let refused = caused_by::<std::io::Error>(error).is_some_and(|io| {
        matches!(io.kind(), ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable)
    });
    let unresolved = chain(error).any(|cause| cause.to_string().starts_with("dns error"));
    !(refused || unresolved)
}

/// What happened, layer by layer, without repetition: connection errors and missing credentials name hosts and files.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut said: Vec<String> = chain(error).map(ToString::to_string).collect();
    said.dedup();
    clean(&said.join(": "))
}

fn describe_refusal(code: &str, message: Option<&str>) -> String {
    match message {
        Some(message) if !message.is_empty() => clean(&format!("{code}: {message}")),
        _ => clean(code),
    }
}

/// One line of bounded length.
fn clean(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    line.join(" ").chars().filter(|c| !c.is_control()).take(DETAIL_CHARACTERS).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_one_bounded_line() {
        assert_eq!(describe_refusal("Code", Some("a\n  b\u{7}")), "Code: a b");
        assert_eq!(describe_refusal("Code", None), "Code");
        assert_eq!(clean(&"x".repeat(1_000)).len(), DETAIL_CHARACTERS);
    }
}
