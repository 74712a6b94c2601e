//! LookupEvents: what CloudTrail keeps for 90 days in every account and region, trail or none.

use jiff::Timestamp;
use migrate_core::ports::PortError;

use super::{document::FaultKind, gather::Gather};
use crate::{client::trail::TrailClient, settings::Settings};

/// How long CloudTrail keeps what LookupEvents finds
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>).
pub const LOOKUP_DAYS: u32 = 90;

/// CloudTrail in one account and region.
pub struct Trail {
    client: TrailClient,
}

impl Trail {
    /// Sets access up, as [`SecretsManager::connect`](crate::SecretsManager::connect) does.
    ///
    /// # Errors
    /// [`PortErrorKind::Misconfigured`](migrate_core::ports::PortErrorKind) without a region.
    pub async fn connect(settings: &Settings) -> Result<Self, PortError> {
        Ok(Self { client: TrailClient::connect(settings).await? })
    }

    /// The region that it looks in.
    #[must_use]
    pub fn region(&self) -> &str {
        self.client.region()
    }

    /// Gathers every event of Secrets Manager since then, page by page; 50 events a page, one or two pages a second. `page` is told how
    /// many events came so far.
    ///
    /// # Errors
    /// What LookupEvents answers; what was gathered until then is incomplete.
    pub async fn look(&self, since: Timestamp, gather: &mut Gather, mut page: impl FnMut(usize)) -> Result<(), PortError> {
        let source = format!("LookupEvents in {}", self.region());
        let (mut token, mut count) = (None, 0);
        loop {
            let found = self.client.events(since, token.as_deref()).await?;
            for record in found.records {
                count += 1;
                match record {
                    Some(text) => gather.record(&source, count, &text),
                    None => gather.fault(&source, Some(count), FaultKind::Field { field: "CloudTrailEvent" }),
                }
            }
            page(count);
            match found.next {
                None => return Ok(()),
                next => token = next,
            }
        }
    }
}
