//! [`Vault`]: the [`Incoming`] port over one mount.

use async_trait::async_trait;
use futures::{StreamExt, stream};
use migrate_core::{
    id::TargetVersion,
    ledger::Anchor,
    name::VaultPath,
    observed::{Mark, Sighting, TargetEntry, TargetSurvey},
    ports::{AnchorSeen, Incoming, PortError, Stamp, TargetClear, TargetReading, TargetWrite},
    writers::WritersSeen,
};

use crate::{client::Client, connect::ConnectError, observe, perform, settings::Settings, writers};

/// One KV v2 mount of a Vault or an OpenBao.
///
/// # Guarantees
/// - A value is never overwritten: every data write is check-and-set (REQ VLT-2).
/// - Redirects are not followed; the token goes to the configured address and nowhere else.
/// - No value is in an error, and the text of an answer that might quote one is withheld.
/// - At most `concurrency` requests of one batch are in flight; what is safe to send again is, with jitter, and `Retry-After` is heeded.
///
/// # Caveats
/// - `stamp` on Vault and `clear` everywhere can't be check-and-set; see their notes.
/// - Behind a balancer that spreads requests over standbys, absence may be judged by another node than the one that answered.
pub struct Vault {
    client: Client,
    anchor: VaultPath,
    concurrency: usize,
}

impl Vault {
    /// Reads certificates and makes a client; sends nothing.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn new(settings: &Settings) -> Result<Self, ConnectError> {
        Ok(Self { client: Client::new(settings)?, anchor: settings.anchor.clone(), concurrency: settings.concurrency.max(1) })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// One answer for each of `count` items, in order, so many at once as the settings allow. By number and not by reference, since a closure
    /// over borrowed items is not general enough for the compiler to see that the future is `Send`.
    pub(crate) async fn each<R: Send, F: Future<Output = R> + Send>(
        &self,
        count: usize,
        answer: impl Fn(usize) -> F + Send,
    ) -> Vec<R> {
        stream::iter(0..count).map(answer).buffered(self.concurrency).collect().await
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("anchor", &self.anchor).finish_non_exhaustive()
    }
}

#[async_trait]
impl Incoming for Vault {
    async fn survey(&self) -> Result<TargetSurvey, PortError> {
        observe::survey(&self.client).await
    }

    async fn describe(&self, paths: &[VaultPath]) -> Vec<Sighting<TargetEntry>> {
        let mut seen = self.each(paths.len(), |nth| observe::describe(&self.client, &paths[nth])).await;
        observe::doubt_absence(&self.client, &mut seen).await;
        seen
    }

    async fn stamp(&self, stamps: &[Stamp]) -> Vec<Result<(), PortError>> {
        self.each(stamps.len(), |nth| perform::stamp(&self.client, &stamps[nth])).await
    }

    async fn create(&self, writes: &[TargetWrite<'_>]) -> Vec<Result<TargetVersion, PortError>> {
        self.each(writes.len(), |nth| perform::create(&self.client, &writes[nth])).await
    }

    async fn read(&self, paths: &[VaultPath]) -> Vec<Sighting<TargetReading>> {
        let mut seen = self.each(paths.len(), |nth| observe::read(&self.client, &paths[nth], None)).await;
        observe::doubt_absence(&self.client, &mut seen).await;
        seen
    }

    async fn read_versions(&self, wanted: &[(VaultPath, TargetVersion)]) -> Vec<Sighting<TargetReading>> {
        let mut seen = self.each(wanted.len(), |nth| observe::read(&self.client, &wanted[nth].0, Some(wanted[nth].1))).await;
        observe::doubt_absence(&self.client, &mut seen).await;
        seen
    }

    async fn clear(&self, entries: &[TargetClear], mark: &Mark) -> Vec<Result<(), PortError>> {
        self.each(entries.len(), |nth| perform::clear(&self.client, &entries[nth], mark)).await
    }

    async fn writers(&self, paths: &[VaultPath]) -> Result<WritersSeen, PortError> {
        writers::writers(&self.client, self.concurrency, paths).await
    }

    async fn anchor(&self) -> Sighting<AnchorSeen> {
        let mut seen = [observe::anchor(&self.client, &self.anchor).await];
        observe::doubt_absence(&self.client, &mut seen).await;
        let [seen] = seen;
        seen
    }

    async fn move_anchor(&self, expected: Option<TargetVersion>, to: &Anchor) -> Result<TargetVersion, PortError> {
        perform::move_anchor(&self.client, &self.anchor, expected, to).await
    }
}
