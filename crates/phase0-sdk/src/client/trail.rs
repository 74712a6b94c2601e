//! LookupEvents of CloudTrail.

use aws_sdk_cloudtrail::{
    primitives::DateTime,
    types::{LookupAttribute, LookupAttributeKey},
};
use jiff::Timestamp;
use migrate_core::ports::PortError;

use super::{configure, failed, no_region};
use crate::{
    attempts::{Attempts, Failed, Request},
    settings::Settings,
};

/// Largest page that LookupEvents gives.
const PAGE: i32 = 50;

pub(crate) struct TrailClient {
    cloudtrail: aws_sdk_cloudtrail::Client,
    region: String,
    attempts: Attempts,
}

/// One page of LookupEvents: the records as CloudTrail would deliver them.
pub(crate) struct EventPage {
    pub(crate) records: Vec<Option<String>>,
    pub(crate) next: Option<String>,
}

impl TrailClient {
    pub(crate) async fn connect(settings: &Settings) -> Result<Self, PortError> {
        let config = configure(settings).await;
        let region = config.region().ok_or_else(|| no_region("CloudTrail"))?.as_ref().to_owned();
        Ok(Self { cloudtrail: aws_sdk_cloudtrail::Client::new(&config), region, attempts: Attempts::new(settings) })
    }

    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// Events of Secrets Manager since then, newest first. A token goes with the same parameters that the first page was asked with.
    pub(crate) async fn events(&self, since: Timestamp, token: Option<&str>) -> Result<EventPage, PortError> {
        let request = Request { operation: "LookupEvents", subject: &self.region, changes: false };
        let by_source = || {
            LookupAttribute::builder()
                .attribute_key(LookupAttributeKey::EventSource)
                .attribute_value("secretsmanager.amazonaws.com")
                .build()
                .map_err(|_| Failed::unusable("the filter"))
        };
        let send = || async {
            let call = self.cloudtrail.lookup_events().lookup_attributes(by_source()?).max_results(PAGE);
            let call = call.start_time(DateTime::from_secs(since.as_second()));
            call.set_next_token(token.map(str::to_owned)).send().await.map_err(failed)
        };
        let answer = self.attempts.run(request, send).await?;
        if answer.next_token.is_some() && answer.next_token.as_deref() == token {
            return Err(request.error(&Failed::unusable("the same page twice")));
        }
        let records = answer.events.unwrap_or_default().into_iter().map(|event| event.cloud_trail_event).collect();
        Ok(EventPage { records, next: answer.next_token })
    }
}
