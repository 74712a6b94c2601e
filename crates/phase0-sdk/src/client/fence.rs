//! What closes a secret and is no resource policy: rotation turned off and on, the fence's tag, and the probe that feels it.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::{
    config::SharedCredentialsProvider,
    types::{RotationRulesType, Tag},
};
use migrate_core::{
    id::SourceVersion,
    observed::{Felt, Rotation},
    ports::{PortError, PortErrorKind},
};

use super::{Client, configure::configure, failed::failed};
use crate::{
    attempts::{Failed, Request},
    failure::Outcome,
    settings::{Credentials, Probe, Settings},
};

impl Client {
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
}

/// The configuration under which the probe asks: the same region and endpoint, another principal.
pub(super) async fn as_probe(probe: &Probe, settings: &Settings, ours: &SdkConfig) -> SdkConfig {
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
