//! [`SecretsManager`]: the [`Outgoing`] port.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use jiff::Timestamp;
use migrate_core::{
    aws_policy::Exempt,
    id::SourceVersion,
    name::SecretName,
    observed::{
        Felt, FenceSeen, LabelledVersion, LastAccess, ListedSecret, Mark, Rotation, SealSeen, Sighting, SourceIdentity,
        SourceSecret,
    },
    plan::{Existence, FenceMode},
    ports::{Outgoing, PortError, PortErrorKind, SourceReading},
};
use tokio::sync::OnceCell;

use crate::{client::Client, perform::Flag, settings::Settings, trail::Trail};

/// Secrets Manager in one account and region.
pub struct SecretsManager {
    pub(crate) client: Client,
    pub(crate) concurrency: usize,
    /// Raised when the endpoint turned out to lack ValidateResourcePolicy.
    pub(crate) validation_missing: Flag,
    pub(crate) mode: FenceMode,
    /// Where refused reads are looked for.
    pub(crate) trail: Option<Trail>,
    configured: Vec<String>,
    identity: OnceCell<SourceIdentity>,
    exempt: OnceCell<Exempt>,
}

impl SecretsManager {
    /// Resolves region, endpoint and where credentials come from. Asks no AWS service, but on an instance it may ask that for
    /// its region. Credentials are looked up by the first request.
    ///
    /// # Errors
    /// [`PortErrorKind::Misconfigured`] without a region, or with an exempt principal that can't be one.
    pub async fn connect(settings: Settings) -> Result<Self, PortError> {
        if !settings.exempt.is_empty() {
            checked(settings.exempt.clone())?;
        }
        let trail = if settings.asks_trail { Some(Trail::connect(&settings).await?) } else { None };
        Ok(Self {
            client: Client::connect(&settings).await?,
            trail,
            concurrency: settings.concurrency.max(1),
            validation_missing: Flag::default(),
            mode: settings.fence,
            configured: settings.exempt,
            identity: OnceCell::new(),
            exempt: OnceCell::new(),
        })
    }

    /// The principals that the fence lets through: the configured ones, or the caller where none is.
    ///
    /// # Errors
    /// Those of [`Outgoing::identify`]; [`PortErrorKind::Misconfigured`] where the caller's role has a path that its ARN does
    /// not show.
    pub async fn exempt(&self) -> Result<&Exempt, PortError> {
        self.exempt
            .get_or_try_init(|| async {
                if !self.configured.is_empty() {
                    return checked(self.configured.clone());
                }
                checked(vec![self.client.principal_behind(&self.caller().await?.caller_arn).await?])
            })
            .await
    }

    /// What IAM says of each principal that the fence lets through.
    ///
    /// # Errors
    /// Those of [`Self::exempt`]; one that could not be looked up is no error.
    pub async fn exempt_existence(&self) -> Result<BTreeMap<String, Existence>, PortError> {
        let principals: Vec<&str> = self.exempt().await?.iter().collect();
        let looked = self.each(principals.len(), |at| self.client.existence(principals[at]).boxed()).await;
        Ok(principals.into_iter().map(str::to_owned).zip(looked).collect())
    }

    /// The same, where the caller is among them: else the fence would lock us out.
    pub(crate) async fn exempt_with_caller(&self) -> Result<&Exempt, PortError> {
        let exempt = self.exempt().await?;
        let caller = &self.caller().await?.caller_arn;
        if exempt.covers_caller(caller) {
            Ok(exempt)
        } else {
            Err(misconfigured(&format!("the caller {caller} is not among the exempt principals: the fence would lock it out")))
        }
    }

    async fn caller(&self) -> Result<&SourceIdentity, PortError> {
        self.identity.get_or_try_init(|| self.client.identify()).await
    }

    /// Drives `one` for each number below `count`, a bounded number at once; results in order. By number, because the compiler
    /// can't yet see that a closure over borrowed names gives a future that may be sent.
    pub(crate) async fn each<'a, T>(&self, count: usize, one: impl Fn(usize) -> BoxFuture<'a, T> + Send) -> Vec<T> {
        stream::iter((0..count).map(one)).buffered(self.concurrency).collect().await
    }
}

#[async_trait]
impl Outgoing for SecretsManager {
    async fn identify(&self) -> Result<SourceIdentity, PortError> {
        self.client.identify().await
    }

    async fn list(&self) -> Result<Vec<ListedSecret>, PortError> {
        self.list_all().await
    }

    async fn describe(&self, names: &[SecretName]) -> Vec<Sighting<SourceSecret>> {
        self.each(names.len(), |at| self.describe_one(&names[at]).boxed()).await
    }

    async fn read(&self, names: &[SecretName]) -> Vec<Result<SourceReading, PortError>> {
        self.read_all(names).await
    }

    async fn labelled(&self, names: &[SecretName]) -> Vec<Sighting<Vec<LabelledVersion>>> {
        self.each(names.len(), |at| self.labelled_of(&names[at]).boxed()).await
    }

    async fn read_versions(&self, wanted: &[(SecretName, SourceVersion)]) -> Vec<Result<SourceReading, PortError>> {
        self.each(wanted.len(), |at| self.client.get_version(wanted[at].0.as_str(), &wanted[at].1).boxed()).await
    }

    async fn fence(&self, names: &[SecretName], mark: &Mark) -> Vec<Result<(), PortError>> {
        self.each(names.len(), |at| self.fence_one(&names[at], mark).boxed()).await
    }

    async fn fences(&self, names: &[SecretName]) -> Vec<Sighting<FenceSeen>> {
        self.each(names.len(), |at| self.fence_of(&names[at]).boxed()).await
    }

    async fn seal(&self, names: &[SecretName], mark: &Mark) -> Vec<Result<(), PortError>> {
        self.each(names.len(), |at| self.seal_one(&names[at], mark).boxed()).await
    }

    async fn unseal(&self, names: &[SecretName], mark: &Mark) -> Vec<Result<(), PortError>> {
        self.each(names.len(), |at| self.unseal_one(&names[at], mark).boxed()).await
    }

    async fn seals(&self, names: &[SecretName]) -> Vec<Sighting<SealSeen>> {
        self.each(names.len(), |at| self.seal_of(&names[at]).boxed()).await
    }

    async fn denied_reads(
        &self,
        names: &[SecretName],
        since: Timestamp,
    ) -> Result<Option<BTreeMap<SecretName, BTreeSet<String>>>, PortError> {
        self.denied_since(names, since).await
    }

    async fn probe(&self, names: &[SecretName]) -> Vec<Result<Felt, PortError>> {
        self.each(names.len(), |at| self.probe_one(&names[at]).boxed()).await
    }

    async fn cancel_rotation(&self, names: &[SecretName]) -> Vec<Result<(), PortError>> {
        self.each(names.len(), |at| self.cancel_rotation_of(&names[at]).boxed()).await
    }

    async fn restore_rotation(&self, rotations: &[(SecretName, Rotation)]) -> Vec<Result<(), PortError>> {
        self.each(rotations.len(), |at| self.restore_rotation_of(&rotations[at].0, &rotations[at].1).boxed()).await
    }

    async fn last_accessed(&self, names: &[SecretName]) -> Vec<Sighting<Vec<Sighting<LastAccess>>>> {
        self.accesses(names).await
    }

    async fn remove_replicas(&self, replicas: &[(SecretName, BTreeSet<String>)]) -> Vec<Result<(), PortError>> {
        self.each(replicas.len(), |at| self.remove_replicas_of(&replicas[at].0, &replicas[at].1).boxed()).await
    }

    async fn retire(&self, names: &[SecretName], window_days: u32) -> Vec<Result<Timestamp, PortError>> {
        self.each(names.len(), |at| self.retire_one(&names[at], window_days).boxed()).await
    }

    async fn unfence(&self, names: &[SecretName], mark: &Mark) -> Vec<Result<(), PortError>> {
        self.each(names.len(), |at| self.unfence_one(&names[at], mark).boxed()).await
    }
}

fn checked(principals: Vec<String>) -> Result<Exempt, PortError> {
    Exempt::new(principals).map_err(|invalid| misconfigured(&invalid.to_string()))
}

fn misconfigured(what: &str) -> PortError {
    PortError::new(PortErrorKind::Misconfigured, "PutResourcePolicy", "the exempt principals", what)
}
