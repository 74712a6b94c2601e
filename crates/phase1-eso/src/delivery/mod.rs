//! [`Deliveries`]: the [`Delivery`] port, for ExternalSecrets and ClusterExternalSecrets of one cluster.
//!
//! ```text
//! observe ──► shadow (an ExternalSecret beside it, from the new store) ──► its Secret = the one in use? ──► repoint ──► follow ──► remove
//! ```
//!
//! The Secret in use is only ever read here. What is compared are bytes in memory, in constant time; told are keys.

mod live;
pub mod rights;
mod spelled;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use migrate_core::{
    delivery::{Compared, DeliverySeen, ReadsFrom, Reconciled, Stuck},
    id::DeliveryName,
    observed::{Mark, Sighting},
    ports::{Delivery, PortError, PortErrorKind},
    value::SecretBytes,
};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use self::spelled::Spelled;
pub use self::spelled::switching;
use crate::{
    client::{Client, SecretSeen, Settings},
    emit::{Emitted, Object},
    table::Kind,
    version::Release,
};

/// First wait before an object is looked at again; doubled up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Who changes deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// We do, in the cluster.
    Direct,
    /// Whoever synchronises this folder of manifests.
    Git {
        /// As it is shown.
        folder: String,
    },
}

/// The deliveries of one cluster.
pub struct Deliveries {
    client: Client,
    spelled: BTreeMap<DeliveryName, Spelled>,
    /// The stores that are read from after the switch.
    stores: Vec<Object>,
    release: Release,
    mode: Mode,
    wait: Duration,
    concurrency: usize,
}

impl Deliveries {
    /// Sets access to the cluster up; nothing is sent. `before` and `after` are what is emitted for the same ExternalSecrets, and their stores,
    /// before and after they are switched.
    ///
    /// # Errors
    /// [`PortErrorKind::Misconfigured`] where the kubeconfig can't be used.
    pub async fn connect(
        settings: &Settings,
        before: &Emitted,
        after: &Emitted,
        release: Release,
        mode: Mode,
    ) -> Result<Self, PortError> {
        let name = |object: &Object| DeliveryName::external_secret(object.namespace.as_deref(), &object.name);
        let before: BTreeMap<_, _> = before.external_secrets.iter().map(|object| (name(object), object)).collect();
        let spelled =
            after.external_secrets.iter().filter_map(|after| Some((name(after), Spelled::of(before.get(&name(after))?, after))));
        Ok(Self {
            client: Client::connect(settings).await?,
            spelled: spelled.collect(),
            stores: after.stores.clone(),
            release,
            mode,
            wait: settings.wait,
            concurrency: settings.concurrency.max(1),
        })
    }

    fn spelled(&self, name: &DeliveryName) -> Result<&Spelled, Stuck> {
        self.spelled.get(name).ok_or_else(|| Stuck::Refused { error: "nothing is emitted for it".to_owned() })
    }

    /// Drives `one` for each number below `count`, a bounded number at once; results in order. By number, because the compiler can't yet see
    /// that a closure over borrowed names gives a future that may be sent.
    async fn each<'a, T>(&self, count: usize, one: impl Fn(usize) -> BoxFuture<'a, T> + Send) -> Vec<T> {
        stream::iter((0..count).map(one)).buffered(self.concurrency).collect().await
    }

    async fn live(&self, spelled: &Spelled) -> Result<Option<Value>, PortError> {
        self.client.get(spelled.kind, spelled.namespace.as_deref(), &spelled.name).await
    }

    /// The same, which must be there.
    async fn standing(&self, spelled: &Spelled) -> Result<Value, Stuck> {
        match self.live(spelled).await.map_err(|error| Stuck::of(&error))? {
            Some(live) => Ok(live),
            None if self.client.serves(spelled.kind).await.map_err(|error| Stuck::of(&error))? => Err(Stuck::Absent),
            None => Err(Stuck::NotServed { what: format!("{} {}", spelled.kind.served(), spelled.kind.name()) }),
        }
    }

    async fn observe_one(&self, name: &DeliveryName) -> Sighting<DeliverySeen> {
        let look = async {
            let spelled = self
                .spelled(name)
                .map_err(|_| PortError::new(PortErrorKind::Misconfigured, "get", name.as_str(), "nothing is emitted for it"))?;
            let Some(live) = self.live(spelled).await? else {
                if self.client.serves(spelled.kind).await? {
                    return Ok(None);
                }
                let what = format!("the cluster does not serve {}", spelled.kind.served());
                return Err(PortError::new(PortErrorKind::Misconfigured, "get", name.as_str(), what));
            };
            let from = live::reads_from(&live, spelled, self.release);
            Ok(Some(DeliverySeen { from, reconciled: self.reconciled(spelled, &live).await? }))
        };
        match look.await {
            Ok(Some(seen)) => Sighting::Present(seen),
            Ok(None) => Sighting::Absent,
            Err(error) if error.is_passing() => Sighting::Unknown(error),
            Err(error) => Sighting::Unreadable(error),
        }
    }

    /// How far the controller is: of what a ClusterExternalSecret makes, the least far one.
    async fn reconciled(&self, spelled: &Spelled, live: &Value) -> Result<Reconciled, PortError> {
        if spelled.kind != Kind::ClusterExternalSecret {
            return Ok(live::reconciled(live));
        }
        if live["status"]["failedNamespaces"].as_array().is_some_and(|failed| !failed.is_empty()) {
            let message = "there are namespaces in which it could make no ExternalSecret (status.failedNamespaces)".to_owned();
            return Ok(Reconciled::Failed { reason: "failedNamespaces".to_owned(), message });
        }
        let places = places(spelled, live);
        if places.is_empty() {
            return Ok(Reconciled::Pending);
        }
        for namespace in places {
            let Some(made) = self.client.get(Kind::ExternalSecret, Some(&namespace), spelled.made_name()).await? else {
                return Ok(Reconciled::Pending);
            };
            if made["spec"]["data"] != live["spec"]["externalSecretSpec"]["data"]
                || made["spec"]["dataFrom"] != live["spec"]["externalSecretSpec"]["dataFrom"]
                || made["spec"]["secretStoreRef"] != live["spec"]["externalSecretSpec"]["secretStoreRef"]
            {
                return Ok(Reconciled::Pending);
            }
            match live::reconciled(&made) {
                Reconciled::Ready => {}
                other => return Ok(other),
            }
        }
        Ok(Reconciled::Ready)
    }

    /// Sees to it that the stores are there: one that is missing is made, where we change the cluster. One that is there stays as it is.
    async fn stores(&self) -> Result<(), Stuck> {
        for store in &self.stores {
            let shown = format!("{} {}", store.kind.name(), store.name);
            let absent = |why: String| Stuck::StoreAbsent { store: shown.clone(), why };
            let found = self.client.get(store.kind, store.namespace.as_deref(), &store.name).await;
            if found.map_err(|error| Stuck::of(&error))?.is_some() {
                continue;
            }
            if let Mode::Git { folder } = &self.mode {
                return Err(Stuck::InGit { folder: folder.clone() });
            }
            match self.client.create(store.kind, store.namespace.as_deref(), &spelled::whole(store)).await {
                Ok(()) => {}
                // Another group of the same run.
                Err(error) if error.kind == PortErrorKind::Conflict => {}
                Err(error) if error.is_passing() => return Err(Stuck::of(&error)),
                Err(error) => return Err(absent(error.to_string())),
            }
        }
        Ok(())
    }

    async fn shadow_one(&self, name: &DeliveryName, mark: &Mark) -> Result<(), Stuck> {
        let spelled = self.spelled(name)?;
        let live = self.standing(spelled).await?;
        let places = places(spelled, &live);
        if places.is_empty() {
            // What was proved nowhere is not proved.
            return Err(Stuck::NotReconciled { seconds: 0 });
        }
        for namespace in places {
            self.in_use(spelled, &namespace, &live).await?;
            self.remove_shadow(spelled, &namespace).await?;
            let shadow = spelled.shadow(&namespace, mark);
            let made = self.client.create(Kind::ExternalSecret, Some(&namespace), &shadow).await;
            made.map_err(|error| Stuck::of(&error))?;
            self.until_ready(Kind::ExternalSecret, Some(&namespace), &spelled.shadow_name()).await?;
            self.compare(spelled, &namespace).await?;
        }
        Ok(())
    }

    /// The Secret that a delivery keeps, where it is its own; none where it makes none.
    async fn in_use(&self, spelled: &Spelled, namespace: &str, live: &Value) -> Result<Option<SecretSeen>, Stuck> {
        let policy = spelled.creation_policy();
        if policy == "None" {
            return Ok(None);
        }
        let secret = format!("{namespace}/{}", spelled.secret_name());
        let found = self.client.secret(namespace, spelled.secret_name()).await.map_err(|error| Stuck::of(&error))?;
        let Some(found) = found else { return Err(Stuck::SecretAbsent { secret }) };
        let is_made_by_another = spelled.kind == Kind::ClusterExternalSecret;
        if policy == "Owner" {
            let ours = |kind: &str, owner: &str, uid: &str| {
                kind == Kind::ExternalSecret.name()
                    && owner == spelled.made_name()
                    && (is_made_by_another || live["metadata"]["uid"] == uid)
            };
            match &found.owner {
                Some((kind, owner, uid)) if ours(kind, owner, uid) => {}
                Some((kind, owner, _)) => return Err(Stuck::NotOwned { secret, owner: format!("{kind} {owner}") }),
                None => return Err(Stuck::NotOwned { secret, owner: "nobody".to_owned() }),
            }
        }
        Ok(Some(found))
    }

    /// Compares what the shadow made with the Secret in use. Where that is merged into somebody else's, what the shadow made must be in it.
    async fn compare(&self, spelled: &Spelled, namespace: &str) -> Result<(), Stuck> {
        let policy = spelled.creation_policy();
        if policy == "None" {
            return Ok(());
        }
        let secret = format!("{namespace}/{}", spelled.secret_name());
        let get = async |name: &str| self.client.secret(namespace, name).await.map_err(|error| Stuck::of(&error));
        let Some(shadow) = get(&spelled.shadow_name()).await? else {
            return Err(Stuck::SecretAbsent { secret: format!("{namespace}/{}", spelled.shadow_name()) });
        };
        let Some(in_use) = get(spelled.secret_name()).await? else { return Err(Stuck::SecretAbsent { secret }) };
        let keys = differing(&shadow, &in_use, policy == "Merge", spelled.names_type());
        if keys.is_empty() {
            Ok(())
        } else {
            Err(Stuck::Differs { secret, authority: "the incoming authority".to_owned(), keys })
        }
    }

    /// Compares the Secret in use with what it is to hold.
    async fn holds_one(&self, name: &DeliveryName, expected: &BTreeMap<String, SecretBytes>) -> Result<Compared, Stuck> {
        let spelled = self.spelled(name)?;
        let (until, mut pause) = (Instant::now() + self.wait, FIRST_PAUSE);
        let live = loop {
            let live = self.standing(spelled).await?;
            if let ReadsFrom::Neither { places } = live::reads_from(&live, spelled, self.release) {
                return Err(Stuck::Changed { places });
            }
            let reconciled = self.reconciled(spelled, &live).await.map_err(|error| Stuck::of(&error))?;
            // One that never refreshes has looked at its first generation alone.
            if reconciled == Reconciled::Ready || reconciled == Reconciled::Pending && live::has_refreshed_once(&live) {
                break live;
            }
            self.pause(&reconciled, until, &mut pause).await?;
        };
        if let Some(why) = spelled.not_computable() {
            return Ok(Compared::NotComparable { why: why.to_owned() });
        }
        for namespace in places(spelled, &live) {
            let Some(in_use) = self.in_use(spelled, &namespace, &live).await? else { continue };
            let is_merged = spelled.creation_policy() == "Merge";
            let mut keys: Vec<String> = expected
                .iter()
                .filter(|(key, bytes)| in_use.data.get(*key) != Some(*bytes))
                .map(|(key, _)| key.clone())
                .collect();
            keys.extend(in_use.data.keys().filter(|key| !is_merged && !expected.contains_key(*key)).cloned());
            keys.sort();
            if !keys.is_empty() {
                let secret = format!("{namespace}/{}", spelled.secret_name());
                return Err(match live::refreshed_at(&live) {
                    // What it holds may be right as of then: nothing has refreshed it since.
                    Some(since) if live::never_refreshes(spelled.external_secret_spec()) => Stuck::Stale { since },
                    _ => Stuck::Differs { secret, authority: "its authority".to_owned(), keys },
                });
            }
        }
        Ok(Compared::Equal)
    }

    async fn repoint_one(&self, name: &DeliveryName) -> Result<(), Stuck> {
        let spelled = self.spelled(name)?;
        self.put(spelled, &spelled.switching, true, |live, release| {
            live::reads_from(live, spelled, release) == ReadsFrom::Incoming
        })
        .await
    }

    async fn give_back_one(&self, name: &DeliveryName) -> Result<(), Stuck> {
        let spelled = self.spelled(name)?;
        self.put(spelled, &spelled.after, false, |live, release| live::is_given_back(live, spelled, release)).await
    }

    /// Puts a specification in place of one that we know, and of no other.
    async fn put(
        &self,
        spelled: &Spelled,
        wanted: &Value,
        may_be_old: bool,
        is_done: impl Fn(&Value, Release) -> bool + Send + Sync,
    ) -> Result<(), Stuck> {
        let (until, mut pause) = (Instant::now() + self.wait, FIRST_PAUSE);
        loop {
            let live = self.standing(spelled).await?;
            if is_done(&live, self.release) {
                return Ok(());
            }
            if let Mode::Git { folder } = &self.mode {
                return Err(Stuck::InGit { folder: folder.clone() });
            }
            match live::reads_from(&live, spelled, self.release) {
                ReadsFrom::Neither { places } => return Err(Stuck::Changed { places }),
                ReadsFrom::Outgoing if !may_be_old => return Err(Stuck::SetBack { manager: live::manager(&live) }),
                ReadsFrom::Outgoing | ReadsFrom::Incoming => {}
            }
            let changed = spelled::with_spec(&live, wanted);
            match self.client.replace(spelled.kind, spelled.namespace.as_deref(), &spelled.name, &changed).await {
                Ok(()) => return Ok(()),
                // Its controller writes to it, too: look again.
                Err(error) if error.kind == PortErrorKind::Conflict && Instant::now() < until => {}
                Err(error) if error.is_passing() && Instant::now() < until => {
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => return Err(Stuck::of(&error)),
            }
        }
    }

    async fn follow_one(&self, name: &DeliveryName) -> Result<(), Stuck> {
        let spelled = self.spelled(name)?;
        let (until, mut pause) = (Instant::now() + self.wait, FIRST_PAUSE);
        let live = loop {
            let live = self.standing(spelled).await?;
            match live::reads_from(&live, spelled, self.release) {
                ReadsFrom::Incoming => {}
                ReadsFrom::Outgoing => return Err(Stuck::SetBack { manager: live::manager(&live) }),
                ReadsFrom::Neither { places } => return Err(Stuck::Changed { places }),
            }
            let reconciled = self.reconciled(spelled, &live).await.map_err(|error| Stuck::of(&error))?;
            if reconciled == Reconciled::Ready {
                break live;
            }
            self.pause(&reconciled, until, &mut pause).await?;
        };
        for namespace in places(spelled, &live) {
            self.compare(spelled, &namespace).await?;
        }
        Ok(())
    }

    /// Waits until an object is reconciled.
    async fn until_ready(&self, kind: Kind, namespace: Option<&str>, name: &str) -> Result<(), Stuck> {
        let (until, mut pause) = (Instant::now() + self.wait, FIRST_PAUSE);
        loop {
            let live = self.client.get(kind, namespace, name).await.map_err(|error| Stuck::of(&error))?;
            let reconciled = live.as_ref().map_or(Reconciled::Pending, live::reconciled);
            if reconciled == Reconciled::Ready {
                return Ok(());
            }
            self.pause(&reconciled, until, &mut pause).await?;
        }
    }

    /// A failure is waited for less long than an answer: it may pass, and most do not.
    async fn pause(&self, reconciled: &Reconciled, until: Instant, pause: &mut Duration) -> Result<(), Stuck> {
        let spared = if matches!(reconciled, Reconciled::Failed { .. }) { self.wait * 3 / 4 } else { Duration::ZERO };
        if Instant::now() + spared >= until {
            return Err(match reconciled {
                Reconciled::Failed { reason, message } => Stuck::NotReady { condition: reason.clone(), message: message.clone() },
                _ => Stuck::NotReconciled { seconds: self.wait.as_secs() },
            });
        }
        sleep(*pause).await;
        *pause = (*pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }

    async fn remove_shadows_of(&self, name: &DeliveryName) -> Result<(), Stuck> {
        let spelled = self.spelled(name)?;
        if let Some(namespace) = &spelled.namespace {
            return self.remove_shadow(spelled, namespace).await;
        }
        // Wherever they are: namespaces come and go.
        let shadows = self.client.labelled(&format!("{}=true", spelled::SHADOW)).await.map_err(|error| Stuck::of(&error))?;
        for shadow in shadows.iter().filter(|shadow| spelled.is_shadowed_by(shadow)) {
            self.remove_shadow(spelled, shadow["metadata"]["namespace"].as_str().unwrap_or_default()).await?;
        }
        Ok(())
    }

    /// Removes a shadow and its Secret, each only where it bears our label.
    async fn remove_shadow(&self, spelled: &Spelled, namespace: &str) -> Result<(), Stuck> {
        let name = spelled.shadow_name();
        let failed = |error: PortError| Stuck::of(&error);
        match self.client.get(Kind::ExternalSecret, Some(namespace), &name).await.map_err(failed)? {
            Some(found) if !spelled::is_shadow(&found["metadata"]["labels"]) => {
                return Err(Stuck::NotOwned { secret: format!("{namespace}/{name}"), owner: "somebody".to_owned() });
            }
            Some(_) => self.client.delete(Kind::ExternalSecret, Some(namespace), &name).await.map_err(failed)?,
            None => {}
        }
        match self.client.secret(namespace, &name).await.map_err(failed)? {
            Some(found)
                if found.labels.get(spelled::SHADOW).is_some_and(|label| label == "true")
                    && found.owner.as_ref().is_some_and(|(_, owner, _)| *owner == name) =>
            {
                self.client.delete_secret(namespace, &name, &found.uid).await.map_err(failed)
            }
            Some(_) => Err(Stuck::NotOwned { secret: format!("{namespace}/{name}"), owner: "somebody".to_owned() }),
            None => Ok(()),
        }
    }
}

/// The namespaces in which a delivery has an ExternalSecret.
fn places(spelled: &Spelled, live: &Value) -> Vec<String> {
    match &spelled.namespace {
        Some(namespace) => vec![namespace.clone()],
        None => {
            let provisioned = live["status"]["provisionedNamespaces"].as_array().map(Vec::as_slice).unwrap_or_default();
            provisioned.iter().filter_map(|namespace| namespace.as_str().map(str::to_owned)).collect()
        }
    }
}

/// Keys in which two Secrets differ; of a merged one only those that were merged into it. A `type` that is asked for and differs is told as a
/// key that no Secret has.
fn differing(shadow: &SecretSeen, in_use: &SecretSeen, is_merged: bool, names_type: bool) -> Vec<String> {
    let mut keys: Vec<String> = shadow
        .data
        .iter()
        .filter(|(key, bytes)| in_use.data.get(*key).is_none_or(|other| other != *bytes))
        .map(|(key, _)| key.clone())
        .collect();
    if !is_merged {
        keys.extend(in_use.data.keys().filter(|key| !shadow.data.contains_key(*key)).cloned());
        if names_type && shadow.kind != in_use.kind {
            keys.push("(type)".to_owned());
        }
    }
    keys.sort();
    keys
}

#[async_trait]
impl Delivery for Deliveries {
    async fn observe(&self, names: &[DeliveryName]) -> Vec<Sighting<DeliverySeen>> {
        self.each(names.len(), |at| self.observe_one(&names[at]).boxed()).await
    }

    async fn holds(&self, expected: &[(DeliveryName, BTreeMap<String, SecretBytes>)]) -> Vec<Result<Compared, Stuck>> {
        self.each(expected.len(), |at| self.holds_one(&expected[at].0, &expected[at].1).boxed()).await
    }

    async fn shadow(&self, names: &[DeliveryName], mark: &Mark) -> Vec<Result<(), Stuck>> {
        if let Err(stuck) = self.stores().await {
            return vec![Err(stuck); names.len()];
        }
        self.each(names.len(), |at| self.shadow_one(&names[at], mark).boxed()).await
    }

    async fn repoint(&self, names: &[DeliveryName], _: &Mark) -> Vec<Result<(), Stuck>> {
        self.each(names.len(), |at| self.repoint_one(&names[at]).boxed()).await
    }

    async fn follow(&self, names: &[DeliveryName], _: &Mark) -> Vec<Result<(), Stuck>> {
        self.each(names.len(), |at| self.follow_one(&names[at]).boxed()).await
    }

    async fn remove_shadows(&self, names: &[DeliveryName], _: &Mark) -> Vec<Result<(), Stuck>> {
        self.each(names.len(), |at| self.remove_shadows_of(&names[at]).boxed()).await
    }

    async fn give_back(&self, names: &[DeliveryName]) -> Vec<Result<(), Stuck>> {
        self.each(names.len(), |at| self.give_back_one(&names[at]).boxed()).await
    }
}
