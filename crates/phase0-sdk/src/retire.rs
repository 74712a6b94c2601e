//! Taking old copies away, settled by looking: a lost answer is never assumed to be one or the other.

use std::collections::BTreeSet;

use jiff::Timestamp;
use migrate_core::{
    name::SecretName,
    ports::{Effect, PortError, PortErrorKind},
};

use crate::port::SecretsManager;

impl SecretsManager {
    pub(crate) async fn remove_replicas_of(&self, name: &SecretName, regions: &BTreeSet<String>) -> Result<(), PortError> {
        let mut pauses = self.client.attempts.pauses();
        let mut asked = false;
        loop {
            let secret = self.client.describe(name.as_str()).await;
            let secret = secret.map_err(|error| if asked { error.maybe_done() } else { error })?;
            let left: BTreeSet<String> = secret.replica_regions.into_iter().filter(|region| regions.contains(region)).collect();
            if left.is_empty() {
                return Ok(());
            }
            if !asked {
                match self.client.remove_regions(name.as_str(), &left).await {
                    Err(error) if error.effect == Effect::Unknown => {}
                    other => other?,
                }
                asked = true;
                continue;
            }
            // It goes asynchronously.
            let Some(pause) = pauses.next() else {
                let what = format!("replicas are still there: {}", left.into_iter().collect::<Vec<_>>().join(", "));
                let operation = "RemoveRegionsFromReplication";
                return Err(PortError::new(PortErrorKind::TimedOut, operation, name.as_str(), what).maybe_done());
            };
            tokio::time::sleep(pause).await;
        }
    }

    pub(crate) async fn retire_one(&self, name: &SecretName, window_days: u32) -> Result<Timestamp, PortError> {
        if let Some(scheduled) = self.client.describe(name.as_str()).await?.deleted_at {
            return Ok(scheduled);
        }
        match self.client.delete(name.as_str(), window_days).await {
            Err(error) if error.effect == Effect::Unknown => {
                let seen = self.client.describe(name.as_str()).await.map_err(PortError::maybe_done)?;
                seen.deleted_at.ok_or(error)
            }
            other => other,
        }
    }
}
