//! The same account in another region: where replicas live, each with access dates of its own.

use std::sync::Arc;

use aws_config::Region;

use super::{AskedHost, Client};

impl Client {
    /// A client for another region, with quotas of its own. An endpoint that was given for every service stays.
    pub(crate) fn in_region(&self, region: &str) -> Self {
        let config = self.config.to_builder().region(Region::new(region.to_owned())).build();
        let host = Arc::default();
        let secrets = aws_sdk_secretsmanager::config::Builder::from(&config).interceptor(AskedHost(Arc::clone(&host))).build();
        Self {
            secrets: aws_sdk_secretsmanager::Client::from_conf(secrets),
            // A fence is felt where writes go, and these are for looking.
            probe: None,
            sts: self.sts.clone(),
            iam: self.iam.clone(),
            region: region.to_owned(),
            host,
            attempts: self.attempts.elsewhere(),
            config,
        }
    }
}
