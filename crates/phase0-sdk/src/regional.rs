//! When secrets were last read, in every region that has a copy.

use std::collections::BTreeMap;

use futures::FutureExt;
use migrate_core::{
    name::SecretName,
    observed::{LastAccess, Sighting},
};

use crate::{client::Client, port::SecretsManager};

impl SecretsManager {
    /// `LastAccessedDate` of each secret: in our region first, then in that of each replica. A region that can't be asked is told as such.
    /// No effect.
    pub(crate) async fn accesses(&self, names: &[SecretName]) -> Vec<Sighting<Vec<Sighting<LastAccess>>>> {
        let seen = self.each(names.len(), |at| self.describe_one(&names[at]).boxed()).await;
        let mut elsewhere: BTreeMap<String, Client> = BTreeMap::new();
        for region in seen.iter().filter_map(|seen| seen.as_ref().present()).flat_map(|secret| &secret.replica_regions) {
            elsewhere.entry(region.clone()).or_insert_with(|| self.client.in_region(region));
        }
        let elsewhere = &elsewhere;
        let seen = &seen;
        self.each(names.len(), |at| async move { self.with_replicas(elsewhere, &names[at], &seen[at]).await }.boxed()).await
    }

    async fn with_replicas(
        &self,
        elsewhere: &BTreeMap<String, Client>,
        name: &SecretName,
        seen: &Sighting<migrate_core::observed::SourceSecret>,
    ) -> Sighting<Vec<Sighting<LastAccess>>> {
        let secret = match seen.as_ref() {
            Sighting::Present(secret) => secret,
            Sighting::Absent => return Sighting::Absent,
            Sighting::Unknown(error) => return Sighting::Unknown(error),
            Sighting::Unreadable(error) => return Sighting::Unreadable(error),
        };
        let here = LastAccess { region: self.client.region().to_owned(), day: secret.last_accessed };
        let mut regions = vec![Sighting::Present(here)];
        for (region, client) in secret.replica_regions.iter().filter_map(|region| elsewhere.get_key_value(region)) {
            let day =
                |secret: migrate_core::observed::SourceSecret| LastAccess { region: region.clone(), day: secret.last_accessed };
            regions.push(match crate::observe::sighting(client.describe(name.as_str()).await) {
                Sighting::Present(secret) => Sighting::Present(day(secret)),
                Sighting::Absent => Sighting::Absent,
                Sighting::Unknown(error) => Sighting::Unknown(error),
                Sighting::Unreadable(error) => Sighting::Unreadable(error),
            });
        }
        Sighting::Present(regions)
    }
}
