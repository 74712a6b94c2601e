//! What changes something: the fence and its removal.
//!
//! Both are one loop: look, work out the change, send it, and look again until there is nothing left to change. A put is never
//! repeated blindly: after a lost answer the policy is read and merged anew, so that an old copy does not land over a newer one.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

use migrate_core::{
    aws_policy::{self, Change, FENCE_TAG, SEAL_TAG, Unmergeable},
    id::SourceVersion,
    name::SecretName,
    observed::{Felt, Mark, Rotation},
    plan::FenceMode,
    ports::{Effect, PortError, PortErrorKind},
    value::SecretValue,
};

use crate::{client::Validation, populate::Creation, port::SecretsManager};

/// A secret that was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// Its version.
    pub version: SourceVersion,
    /// Whether it was created now; an earlier run may have done it.
    pub is_new: bool,
}

type Tags = BTreeMap<String, String>;

/// What to do to a tag of ours.
enum TagChange {
    Set(String),
    Remove,
}

/// How far a change has come.
enum Sent {
    No,
    /// It may be in force.
    Lost(PortError),
    Acknowledged,
}

impl SecretsManager {
    pub(crate) async fn fence_one(&self, name: &SecretName, mark: &Mark) -> Result<(), PortError> {
        match self.mode {
            FenceMode::ResourcePolicy => {
                let exempt = self.exempt_with_caller().await?;
                self.change_policy(name, |stored| aws_policy::fence(stored, mark, exempt), true).await
            }
            FenceMode::Tag => {
                let change = |tags: &Tags| Ok(aws_policy::tag_to_set(tags, FENCE_TAG, mark)?.map(TagChange::Set));
                self.change_tag(name, FENCE_TAG, change).await
            }
            FenceMode::External => Ok(()),
        }
    }

    pub(crate) async fn unfence_one(&self, name: &SecretName, mark: &Mark) -> Result<(), PortError> {
        match self.mode {
            FenceMode::ResourcePolicy => self.change_policy(name, |stored| aws_policy::unfence(stored, mark), false).await,
            FenceMode::Tag => {
                let change = |tags: &Tags| Ok(aws_policy::tag_is_ours(tags, FENCE_TAG, mark)?.then_some(TagChange::Remove));
                self.change_tag(name, FENCE_TAG, change).await
            }
            FenceMode::External => Ok(()),
        }
    }

    pub(crate) async fn seal_one(&self, name: &SecretName, mark: &Mark) -> Result<(), PortError> {
        match self.mode {
            FenceMode::ResourcePolicy => {
                let exempt = self.exempt_with_caller().await?;
                self.change_policy(name, |stored| aws_policy::seal(stored, mark, exempt), true).await
            }
            FenceMode::Tag => {
                let change = |tags: &Tags| Ok(aws_policy::tag_to_set(tags, SEAL_TAG, mark)?.map(TagChange::Set));
                self.change_tag(name, SEAL_TAG, change).await
            }
            FenceMode::External => Ok(()),
        }
    }

    pub(crate) async fn unseal_one(&self, name: &SecretName, mark: &Mark) -> Result<(), PortError> {
        match self.mode {
            FenceMode::ResourcePolicy => self.change_policy(name, |stored| aws_policy::unseal(stored, mark), false).await,
            FenceMode::Tag => {
                let change = |tags: &Tags| Ok(aws_policy::tag_is_ours(tags, SEAL_TAG, mark)?.then_some(TagChange::Remove));
                self.change_tag(name, SEAL_TAG, change).await
            }
            FenceMode::External => Ok(()),
        }
    }

    /// As [`Self::change_policy`], for one tag.
    async fn change_tag(
        &self,
        name: &SecretName,
        key: &str,
        plan: impl Fn(&Tags) -> Result<Option<TagChange>, Unmergeable> + Send + Sync,
    ) -> Result<(), PortError> {
        let mut lost: Option<PortError> = None;
        let mut pauses = self.client.attempts.pauses();
        loop {
            let taint = |error: PortError| if lost.is_some() { error.maybe_done() } else { error };
            let tags = self.client.describe(name.as_str()).await.map_err(taint)?.tags;
            let change = plan(&tags).map_err(|error| taint(unmergeable("TagResource", name, &error)))?;
            let sent = match &change {
                None => return Ok(()),
                Some(TagChange::Set(value)) => self.client.tag(name.as_str(), key, value).await,
                Some(TagChange::Remove) => self.client.untag(name.as_str(), key).await,
            };
            match sent {
                // Seen by the next look, or a look a little later.
                Ok(()) => {
                    let what = "acknowledged, but the tags read back are others: somebody else changes them too";
                    lost = Some(PortError::new(PortErrorKind::Conflict, "TagResource", name.as_str(), what).maybe_done());
                }
                Err(error) if error.effect == Effect::Unknown => lost = Some(error),
                Err(error) => return Err(taint(error)),
            }
            match pauses.next() {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(lost.unwrap_or_else(|| unmergeable("TagResource", name, &Unmergeable::NotAPolicy))),
            }
        }
    }

    /// Tries to write as the probe. Its token is the version that is current now: a newer one would only be there with a value of its own.
    pub(crate) async fn probe_one(&self, name: &SecretName) -> Result<Felt, PortError> {
        let secret = self.client.describe(name.as_str()).await?;
        match secret.versions.current() {
            Some(current) => self.client.probe(name.as_str(), current).await,
            None => {
                Err(PortError::new(PortErrorKind::InvalidState, "PutSecretValue", name.as_str(), "it has no current version"))
            }
        }
    }

    pub(crate) async fn cancel_rotation_of(&self, name: &SecretName) -> Result<(), PortError> {
        match self.client.cancel_rotation(name.as_str()).await {
            // The answer was lost: look, and once more if it did not arrive.
            Err(error) if error.effect == Effect::Unknown => {
                let secret = self.client.describe(name.as_str()).await.map_err(PortError::maybe_done)?;
                if secret.rotation_enabled { Err(error) } else { Ok(()) }
            }
            other => other,
        }
    }

    pub(crate) async fn restore_rotation_of(&self, name: &SecretName, rotation: &Rotation) -> Result<(), PortError> {
        let found = self.client.describe(name.as_str()).await?;
        if found.rotation_enabled {
            // Ours of an earlier try, or somebody else's: either way it is on.
            return Ok(());
        }
        if found.rotation.is_some_and(|found| found.lambda_arn.is_some() && found.lambda_arn != rotation.lambda_arn) {
            let what = "another rotation function was set meanwhile; it was not touched";
            return Err(PortError::new(PortErrorKind::Conflict, "RotateSecret", name.as_str(), what));
        }
        match self.client.rotate(name.as_str(), rotation).await {
            Err(error) if error.effect == Effect::Unknown => {
                let found = self.client.describe(name.as_str()).await.map_err(PortError::maybe_done)?;
                if found.rotation_enabled { Ok(()) } else { Err(error) }
            }
            other => other,
        }
    }

    /// Creates a secret, or finds that it is there with this very value, and reads it back either way (REQ SDK-6). Never overwrites.
    ///
    /// A lost answer is settled by looking. The value is compared in memory, in constant time.
    ///
    /// # Errors
    /// [`PortErrorKind::Conflict`] where a secret of that name holds another value.
    pub async fn create(&self, name: &SecretName, value: &SecretValue, creation: &Creation) -> Result<Created, PortError> {
        let (created, lost) = match self.client.create(name.as_str(), value, creation).await {
            Ok(_) => (true, None),
            Err(error) if error.effect == Effect::Unknown => (true, Some(error)),
            // It is there: ours of an earlier run, or somebody else's.
            Err(error) if error.kind == PortErrorKind::Conflict => (false, None),
            Err(error) => return Err(error),
        };
        let read = self.read_all(std::slice::from_ref(name)).await.pop();
        match read {
            Some(Ok(reading)) if reading.value == *value => Ok(Created { version: reading.version, is_new: created }),
            Some(Ok(_)) => {
                let what = "a secret of that name is there and holds another value; it was not touched";
                Err(PortError::new(PortErrorKind::Conflict, "CreateSecret", name.as_str(), what))
            }
            Some(Err(error)) => Err(lost.unwrap_or_else(|| if created { error.maybe_done() } else { error })),
            None => Err(PortError::new(PortErrorKind::Unexpected, "CreateSecret", name.as_str(), "it could not be read back")),
        }
    }

    async fn change_policy(
        &self,
        name: &SecretName,
        plan: impl Fn(Option<&str>) -> Result<Change, Unmergeable> + Send + Sync,
        validate: bool,
    ) -> Result<(), PortError> {
        let mut sent = Sent::No;
        let mut pauses = self.client.attempts.pauses();
        loop {
            let uncertain = !matches!(sent, Sent::No);
            let taint = |error: PortError| if uncertain { error.maybe_done() } else { error };
            let stored = self.client.policy(name.as_str()).await.map_err(taint)?;
            let change = plan(stored.as_deref()).map_err(|error| taint(unmergeable("PutResourcePolicy", name, &error)))?;
            match (&change, &sent) {
                (Change::Nothing, _) => return Ok(()),
                // Acknowledged and not to be seen: the read was stale, or somebody else has put another policy.
                (_, Sent::Acknowledged) => {}
                _ => match self.send(name, &change, validate).await {
                    Ok(()) => {
                        sent = Sent::Acknowledged;
                        continue;
                    }
                    Err(error) if error.effect == Effect::Unknown => sent = Sent::Lost(error),
                    Err(error) => return Err(taint(error)),
                },
            }
            let Some(pause) = pauses.next() else {
                return Err(match sent {
                    Sent::Lost(error) => error,
                    _ => {
                        let what = "acknowledged, but the policy read back is another one: somebody else changes it too";
                        PortError::new(PortErrorKind::Conflict, "PutResourcePolicy", name.as_str(), what).maybe_done()
                    }
                });
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn send(&self, name: &SecretName, change: &Change, validate: bool) -> Result<(), PortError> {
        tracing::debug!(secret = name.as_str(), "changing the resource policy");
        match change {
            Change::Nothing => Ok(()),
            Change::Delete => self.client.delete_policy(name.as_str()).await,
            Change::Put(document) => {
                let text = document.to_string();
                if validate {
                    self.validate(name, &text).await?;
                }
                self.client.put_policy(name.as_str(), &text).await
            }
        }
    }

    /// Asks AWS whether the policy is well-formed, opens nothing, and does not lock us out. An endpoint that is not AWS's may
    /// lack the operation, which is said once, at warning level.
    async fn validate(&self, name: &SecretName, policy: &str) -> Result<(), PortError> {
        if self.validation_missing.get() {
            return Ok(());
        }
        match self.client.validate_policy(name.as_str(), policy).await? {
            Validation::Passed => Ok(()),
            Validation::Findings(findings) => {
                let what = format!("the fenced policy does not pass: {}", findings.join("; "));
                Err(PortError::new(PortErrorKind::InvalidState, "ValidateResourcePolicy", name.as_str(), what))
            }
            Validation::NotOffered => {
                if self.validation_missing.set() {
                    tracing::warn!(
                        "this endpoint is not AWS and lacks ValidateResourcePolicy: fences are put without that check"
                    );
                }
                Ok(())
            }
        }
    }
}

/// A flag that goes up once.
#[derive(Default)]
pub(crate) struct Flag(AtomicBool);

impl Flag {
    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Raises it; whether it was down before.
    fn set(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }
}

pub(crate) fn unmergeable(operation: &str, name: &SecretName, error: &Unmergeable) -> PortError {
    let kind = match error {
        Unmergeable::NotAPolicy | Unmergeable::InexactNumber | Unmergeable::OrphanedPrincipals(_) => PortErrorKind::InvalidState,
        Unmergeable::TooLarge { .. } => PortErrorKind::TooLarge,
        Unmergeable::Exempt(_) => PortErrorKind::Misconfigured,
        Unmergeable::HeldBy(_) | Unmergeable::LaterEpoch(_) | Unmergeable::Unreadable(_) => PortErrorKind::Conflict,
    };
    PortError::new(kind, operation, name.as_str(), error.to_string())
}
