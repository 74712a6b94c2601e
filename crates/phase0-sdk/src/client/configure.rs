//! Where requests go and who signs them, and what is noted of each on its way.

use std::sync::{Arc, OnceLock};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_secretsmanager::{
    config::{
        ConfigBag, Intercept, RuntimeComponents, SharedCredentialsProvider, SharedHttpClient,
        interceptors::{BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef},
        retry::RetryConfig,
        timeout::TimeoutConfig,
    },
    error::BoxError,
};
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_http_client::tls;

use crate::{
    clock::ClockSkew,
    host::{host_of, is_loopback},
    settings::{Credentials, GivenCredentials, Settings},
};

pub(super) async fn configure(settings: &Settings) -> SdkConfig {
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

pub(super) fn credentials(keys: &GivenCredentials) -> SharedCredentialsProvider {
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
pub(super) fn direct_http_client() -> SharedHttpClient {
    let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
    aws_smithy_http_client::Builder::new().tls_provider(provider).build_https()
}

/// Notes the host that is asked.
#[derive(Debug)]
pub(super) struct AskedHost(pub(super) Arc<OnceLock<String>>);

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
pub(super) struct Clocks(pub(super) ClockSkew);

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
