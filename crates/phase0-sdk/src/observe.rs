//! What is there: every call that changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt;
use jiff::Timestamp;
use migrate_core::{
    aws_policy,
    name::{SecretArn, SecretName},
    observed::{Felt, FenceSeen, LabelledVersion, ListedSecret, SealSeen, Sighting, SourceSecret},
    plan::FenceMode,
    ports::{Outgoing as _, PortError, PortErrorKind, SourceReading},
    principals::{Access, Seen},
    quota::BATCH_GET_IDS,
};

use crate::{
    attempts::{Failed, Request},
    client::Batch,
    failure::{Again, classify},
    perform::unmergeable,
    port::SecretsManager,
    trail::Gather,
};

impl SecretsManager {
    pub(crate) async fn list_all(&self) -> Result<Vec<ListedSecret>, PortError> {
        // By ARN: a secret that is created meanwhile may shift another one onto the next page.
        let mut secrets: BTreeMap<SecretArn, ListedSecret> = BTreeMap::new();
        let mut token: Option<String> = None;
        loop {
            let page = self.client.list_page(token.as_deref()).await?;
            secrets.extend(page.secrets.into_iter().map(|secret| (secret.arn.clone(), secret)));
            match page.next {
                None => break,
                next if next == token => {
                    let what = "the same page twice: the listing does not end";
                    return Err(PortError::new(PortErrorKind::Unexpected, "ListSecrets", "the account", what));
                }
                next => token = next,
            }
        }
        let mut secrets: Vec<ListedSecret> = secrets.into_values().collect();
        secrets.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(secrets)
    }

    pub(crate) async fn describe_one(&self, name: &SecretName) -> Sighting<SourceSecret> {
        sighting(self.client.describe(name.as_str()).await)
    }

    pub(crate) async fn labelled_of(&self, name: &SecretName) -> Sighting<Vec<LabelledVersion>> {
        sighting(self.client.labelled(name.as_str()).await)
    }

    pub(crate) async fn fence_of(&self, name: &SecretName) -> Sighting<FenceSeen> {
        let look = async {
            match self.mode {
                FenceMode::ResourcePolicy => {
                    let exempt = self.exempt().await?;
                    let stored = self.client.policy(name.as_str()).await?;
                    aws_policy::seen(stored.as_deref(), exempt).map_err(|error| unmergeable("GetResourcePolicy", name, &error))
                }
                FenceMode::Tag => Ok(aws_policy::seen_in_tags(&self.client.describe(name.as_str()).await?.tags)),
                FenceMode::External => Ok(match self.probe_one(name).await? {
                    Felt::Refused => FenceSeen::Outside,
                    Felt::Accepted => FenceSeen::Open,
                }),
            }
        };
        sighting(look.await)
    }

    pub(crate) async fn seal_of(&self, name: &SecretName) -> Sighting<SealSeen> {
        let look = async {
            match self.mode {
                FenceMode::ResourcePolicy => {
                    let exempt = self.exempt().await?;
                    let stored = self.client.policy(name.as_str()).await?;
                    aws_policy::sealed(stored.as_deref(), exempt).map_err(|error| unmergeable("GetResourcePolicy", name, &error))
                }
                FenceMode::Tag => Ok(aws_policy::sealed_in_tags(&self.client.describe(name.as_str()).await?.tags)),
                FenceMode::External => Ok(SealSeen::Outside),
            }
        };
        sighting(look.await)
    }

    /// Who was refused a read since then, by the records of CloudTrail in our region, where it may be asked.
    pub(crate) async fn denied_since(
        &self,
        names: &[SecretName],
        since: Timestamp,
    ) -> Result<Option<BTreeMap<SecretName, BTreeSet<String>>>, PortError> {
        let Some(trail) = &self.trail else { return Ok(None) };
        let account = self.identify().await?.account;
        let mut gather = Gather::new(names.iter().cloned().collect(), Some(account));
        trail.look(since, &mut gather, |_| ()).await?;
        let found = gather.finish(since, String::new()).found.secrets;
        let refused = |seen: &Seen| (seen.access == Access::Reads && seen.refused > 0).then(|| seen.principal.to_string());
        let denied = found.into_iter().map(|(name, seen)| (name, seen.iter().filter_map(refused).collect::<BTreeSet<_>>()));
        Ok(Some(denied.filter(|(_, principals)| !principals.is_empty()).collect()))
    }

    /// One result per name, in order.
    pub(crate) async fn read_all(&self, names: &[SecretName]) -> Vec<Result<SourceReading, PortError>> {
        let batches: Vec<&[SecretName]> = names.chunks(BATCH_GET_IDS).collect();
        self.each(batches.len(), |at| self.read_batch(batches[at]).boxed()).await.into_iter().flatten().collect()
    }

    /// Reads up to 20, asking again for those whose error will pass.
    async fn read_batch(&self, names: &[SecretName]) -> Vec<Result<SourceReading, PortError>> {
        let mut results: BTreeMap<&SecretName, Result<SourceReading, PortError>> = BTreeMap::new();
        let mut wanted: Vec<&SecretName> = names.iter().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut pauses = self.client.attempts.pauses();
        while !wanted.is_empty() {
            let mut batch = match self.client.batch_get(&wanted).await {
                Ok(batch) => batch,
                // One secret whose key can't be used may fail the whole call (DecryptionFailure): the others are not to blame.
                Err(error) if error.kind == PortErrorKind::InvalidState && wanted.len() > 1 => {
                    for name in wanted.drain(..) {
                        let alone = Box::pin(self.read_batch(std::slice::from_ref(name))).await;
                        results.extend(alone.into_iter().map(|result| (name, result)));
                    }
                    break;
                }
                Err(error) => {
                    results.extend(wanted.drain(..).map(|name| (name, Err(error.clone()))));
                    break;
                }
            };
            let pause = pauses.next();
            let mut again = Vec::new();
            for name in wanted {
                let answer = answer_about(name, &mut batch);
                match answer {
                    Err(failed) if pause.is_some() && classify(&failed.outcome).again == Again::Yes => again.push(name),
                    answer => {
                        let request = Request { operation: "BatchGetSecretValue", subject: name.as_str(), changes: false };
                        results.insert(name, answer.map_err(|failed| request.error(&failed)));
                    }
                }
            }
            wanted = again;
            if let Some(pause) = pause.filter(|_| !wanted.is_empty()) {
                tokio::time::sleep(pause).await;
            }
        }
        names
            .iter()
            .map(|name| {
                results.remove(name).unwrap_or_else(|| {
                    let what = "asked for twice in one call";
                    Err(PortError::new(PortErrorKind::Unexpected, "BatchGetSecretValue", name.as_str(), what))
                })
            })
            .collect()
    }
}

/// Takes the one answer about `name` out of a batch. One that is in neither list is an error: nothing is read by other means.
fn answer_about(name: &SecretName, batch: &mut Batch) -> Result<SourceReading, Failed> {
    if let Some(at) = batch.readings.iter().position(|(answered, _)| answered == name.as_str()) {
        return batch.readings.swap_remove(at).1;
    }
    match batch.errors.iter().position(|(answered, _)| is_id_of(answered, name.as_str())) {
        Some(at) => Err(batch.errors.swap_remove(at).1),
        None => Err(Failed::unusable("the answer names it neither among the values nor among the errors")),
    }
}

/// Whether an id in an answer is this name, or the full ARN of a secret of this name.
fn is_id_of(id: &str, name: &str) -> bool {
    let in_arn = || id.starts_with("arn:").then(|| id.splitn(7, ':').nth(6)).flatten();
    id == name || in_arn().and_then(|resource| resource.rsplit_once('-')).is_some_and(|(named, _)| named == name)
}

pub(crate) fn sighting<T>(looked: Result<T, PortError>) -> Sighting<T> {
    match looked {
        Ok(seen) => Sighting::Present(seen),
        Err(error) if error.kind == PortErrorKind::NotFound => Sighting::Absent,
        Err(error) if error.kind == PortErrorKind::Denied => Sighting::Unreadable(error),
        Err(error) => Sighting::Unknown(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_names_or_full_arns() {
        let arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:app/db-AbC123";
        assert!(is_id_of("app/db", "app/db"));
        assert!(is_id_of(arn, "app/db"));
        assert!(!is_id_of(arn, "app"));
        assert!(!is_id_of(arn, "app/db-AbC123"));
        assert!(is_id_of("app/db-AbC123", "app/db-AbC123"));
    }
}
