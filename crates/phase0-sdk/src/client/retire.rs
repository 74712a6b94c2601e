//! Taking secrets away: replicas, then the secret, with time to restore it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use migrate_core::ports::PortError;

use super::{Client, failed, timestamp};
use crate::attempts::{Failed, Request};

impl Client {
    /// Asks for the removal of replicas; the service may take a while.
    pub(crate) async fn remove_regions(&self, name: &str, regions: &BTreeSet<String>) -> Result<(), PortError> {
        let request = Request { operation: "RemoveRegionsFromReplication", subject: name, changes: true };
        let send = || async {
            let regions = regions.iter().cloned().collect();
            let call = self.secrets.remove_regions_from_replication().secret_id(name).set_remove_replica_regions(Some(regions));
            call.send().await.map_err(failed)
        };
        self.attempts.run(request, send).await.map(drop)
    }

    /// Schedules deletion and says when it comes.
    pub(crate) async fn delete(&self, name: &str, window_days: u32) -> Result<Timestamp, PortError> {
        let request = Request { operation: "DeleteSecret", subject: name, changes: true };
        let send = || async {
            let call = self.secrets.delete_secret().secret_id(name).recovery_window_in_days(i64::from(window_days));
            call.send().await.map_err(failed)
        };
        let answer = self.attempts.run(request, send).await?;
        self.check_name(request, answer.name.as_deref()).map_err(PortError::maybe_done)?;
        let date = answer.deletion_date.ok_or_else(|| Failed::unusable("no deletion date"));
        let date = date.and_then(|date| timestamp(&date));
        date.map_err(|failed| request.error(&failed).maybe_done())
    }
}
