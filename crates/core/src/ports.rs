//! The ports: what the protocol asks of the outgoing authority, the incoming authority and the deliveries that consumers read through.
//!
//! Object-safe and batch-shaped: one result per asked item, in order. Implementations bound their own concurrency, keep
//! every service quota of [`crate::quota`], retry what is safe to retry with jitter, and never put a value into an error.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    codec::{Encoded, StoredFields},
    delivery::{Compared, DeliverySeen, Stuck},
    id::{DeliveryName, SourceVersion, TargetVersion},
    ledger::Anchor,
    name::{SecretName, VaultPath},
    observed::{
        Felt, FenceSeen, LabelledVersion, LastAccess, ListedSecret, Mark, Rotation, SealSeen, Sighting, SourceIdentity,
        SourceSecret, TargetEntry, TargetSurvey,
    },
    value::{SecretBytes, SecretValue},
    writers::WritersSeen,
};

/// Which kind of failure a port met. Callers match on this and never on a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortErrorKind {
    /// No connection: name resolution, refused, TLS, proxy.
    Unreachable,
    /// No answer within the time-out; an effect may or may not have happened.
    TimedOut,
    /// No credentials, or ones that the service does not know or that have expired.
    Unauthenticated,
    /// Signed by a clock that differs too much from the service's.
    ClockSkewed,
    /// Known, but not allowed.
    Denied,
    /// The thing asked for is not there.
    NotFound,
    /// Check-and-set failed, or the name is taken.
    Conflict,
    /// Refused for its size or number.
    TooLarge,
    /// Still throttled after all retries.
    Throttled,
    /// Vault is sealed, not initialised, or in standby without a leader.
    NotServing,
    /// The secret is scheduled for deletion, has no value, or its key can't be used.
    InvalidState,
    /// Our side is set up wrongly: region, endpoint, mount, CA file.
    Misconfigured,
    /// The service refused the request as malformed, or answered what we do not understand.
    Unexpected,
}

/// Whether an effect took place although the call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// The service refused, or was never reached: nothing changed.
    NotDone,
    /// The answer was lost: look again before assuming anything.
    Unknown,
}

/// A failure at a port, free of values: what was tried, where, and what the service said by code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PortError {
    /// The kind.
    pub kind: PortErrorKind,
    /// Whether the effect may have happened (always [`Effect::NotDone`] for a read).
    pub effect: Effect,
    /// The API operation, as its documentation spells it (`PutResourcePolicy`, `POST /v1/secret/data/…`).
    pub operation: String,
    /// What it was about: a secret's name, a path, an endpoint.
    pub subject: String,
    /// The service's error code and its message, as far as it can't hold a value; else the code alone.
    pub detail: String,
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {}: {}", self.operation, self.subject, self.detail)
    }
}

impl PortError {
    /// An error that left everything as it was.
    pub fn new(kind: PortErrorKind, operation: impl Into<String>, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { kind, effect: Effect::NotDone, operation: operation.into(), subject: subject.into(), detail: detail.into() }
    }

    /// Whether the same call may succeed a little later without anybody changing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        use PortErrorKind as Kind;
        self.effect == Effect::Unknown
            || matches!(
                self.kind,
                Kind::Unreachable
                    | Kind::TimedOut
                    | Kind::Throttled
                    | Kind::NotServing
                    | Kind::Unauthenticated
                    | Kind::ClockSkewed
            )
    }

    /// The same error, saying that the effect may have happened.
    #[must_use]
    pub fn maybe_done(mut self) -> Self {
        self.effect = Effect::Unknown;
        self
    }
}

/// A value as it was read at the outgoing authority, with the version that it belongs to.
#[derive(Debug)]
pub struct SourceReading {
    /// `VersionId` of the version labelled `AWSCURRENT`.
    pub version: SourceVersion,
    /// The value.
    pub value: SecretValue,
}

/// What hands authority over. Today: Secrets Manager.
#[async_trait]
pub trait Outgoing: Send + Sync {
    /// Says who we are (`sts:GetCallerIdentity`). No effect.
    async fn identify(&self) -> Result<SourceIdentity, PortError>;

    /// All secrets of the account and region, every page, those scheduled for deletion included. No effect.
    async fn list(&self) -> Result<Vec<ListedSecret>, PortError>;

    /// DescribeSecret for each name. No effect.
    async fn describe(&self, names: &[SecretName]) -> Vec<Sighting<SourceSecret>>;

    /// The `AWSCURRENT` value of each name (BatchGetSecretValue in groups of 20). No effect, but it counts as an access.
    /// The caller compares the version with the one it wants: a newer one is a moved world, not an error here.
    async fn read(&self, names: &[SecretName]) -> Vec<Result<SourceReading, PortError>>;

    /// Every version of each secret that bears a label (ListSecretVersionIds). No effect.
    async fn labelled(&self, names: &[SecretName]) -> Vec<Sighting<Vec<LabelledVersion>>>;

    /// The value of one version of each secret (GetSecretValue). No effect, but it counts as an access.
    async fn read_versions(&self, wanted: &[(SecretName, SourceVersion)]) -> Vec<Result<SourceReading, PortError>>;

    /// Makes the store refuse new values of each secret, except from the exempt roles it was configured with.
    /// Idempotent: a fence of ours stands anew under `mark`; statements of others stay as they are. A crash leaves each
    /// secret either as before or fenced. Returns after the stored fence was read back; whether it *took effect* is a
    /// matter of settle time, the caller's.
    async fn fence(&self, names: &[SecretName], mark: &Mark) -> Vec<Result<(), PortError>>;

    /// What stands at each secret now. No effect.
    async fn fences(&self, names: &[SecretName]) -> Vec<Sighting<FenceSeen>>;

    /// Closes each secret to readers as well, except to the exempt roles. Idempotent, as [`Self::fence`] is; the fence stays as it is.
    async fn seal(&self, names: &[SecretName], mark: &Mark) -> Vec<Result<(), PortError>>;

    /// Lets each secret be read again by those who could before. Idempotent; the fence stays.
    async fn unseal(&self, names: &[SecretName], mark: &Mark) -> Vec<Result<(), PortError>>;

    /// What seal stands at each secret now. No effect.
    async fn seals(&self, names: &[SecretName]) -> Vec<Sighting<SealSeen>>;

    /// Who was refused a read of which secret since then, by what the cloud records; `None` where it was not set up to be asked. The records
    /// may be minutes behind. No effect.
    async fn denied_reads(
        &self,
        names: &[SecretName],
        since: Timestamp,
    ) -> Result<Option<BTreeMap<SecretName, BTreeSet<String>>>, PortError>;

    /// Lets a principal that is not exempt try to write to each secret, by a request that fails either way and so changes nothing, fenced
    /// or not. [`PortErrorKind::Misconfigured`] where no such principal is set up.
    async fn probe(&self, names: &[SecretName]) -> Vec<Result<Felt, PortError>>;

    /// Turns rotation of each off. Idempotent. One that is in flight may still run.
    async fn cancel_rotation(&self, names: &[SecretName]) -> Vec<Result<(), PortError>>;

    /// Turns rotation of each on again just as it was, without rotating at once. Idempotent. Where somebody has turned it on
    /// meanwhile, theirs stays. [`PortErrorKind::Conflict`] where it is off and set up otherwise: somebody else's, too.
    async fn restore_rotation(&self, rotations: &[(SecretName, Rotation)]) -> Vec<Result<(), PortError>>;

    /// When each secret was last read, in our region first, then in each that has a replica. A region that can't be asked is told as such.
    /// No effect.
    async fn last_accessed(&self, names: &[SecretName]) -> Vec<Sighting<Vec<Sighting<LastAccess>>>>;

    /// Removes the replicas of each secret in these regions, and returns when they are gone. Idempotent.
    async fn remove_replicas(&self, replicas: &[(SecretName, BTreeSet<String>)]) -> Vec<Result<(), PortError>>;

    /// Schedules deletion of each secret after so many days, in which it can be restored, and says when. Idempotent: of one that is
    /// scheduled already it says the date that the service shows.
    async fn retire(&self, names: &[SecretName], window_days: u32) -> Vec<Result<Timestamp, PortError>>;

    /// Takes away our fence and nothing else, where it bears `mark`'s ledger and wave. Idempotent.
    async fn unfence(&self, names: &[SecretName], mark: &Mark) -> Vec<Result<(), PortError>>;
}

/// One entry to write at the incoming authority.
#[derive(Debug)]
pub struct TargetWrite<'a> {
    /// Where.
    pub path: &'a VaultPath,
    /// What.
    pub value: &'a Encoded,
    /// The version that must be the newest one there; none where there must never have been any.
    pub after: Option<TargetVersion>,
}

/// One entry to take back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetClear {
    /// Where.
    pub path: VaultPath,
    /// The newest version that we may have left there.
    pub newest: TargetVersion,
}

/// One entry's mark to set before its value is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Where.
    pub path: VaultPath,
    /// Ledger, wave and epoch.
    pub mark: Mark,
    /// The source's name (which may be a legacy one) and the version copied.
    pub source: (SecretName, SourceVersion),
    /// The kind of encoding, so that readers need not guess (`delivery.md`: recorded, not implied).
    pub encoding: String,
    /// What the source says about itself, by the keys that it is kept under.
    pub carried: BTreeMap<String, String>,
}

/// What one entry holds, read back.
#[derive(Debug)]
pub struct TargetReading {
    /// The version read.
    pub version: TargetVersion,
    /// Its data; `None` where it is not a map of strings, hence not ours.
    pub fields: Option<StoredFields>,
    /// The mark in its `custom_metadata`, where it is complete.
    pub mark: Option<Mark>,
}

/// The anchor as the incoming store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnchorSeen {
    /// The head that it names.
    pub anchor: Anchor,
    /// The KV v2 version to give to the next check-and-set.
    pub version: TargetVersion,
}

/// What receives authority. Today: Vault or OpenBao with KV v2.
#[async_trait]
pub trait Incoming: Send + Sync {
    /// What the store is, how its mount is set, and whether our token works. No effect.
    async fn survey(&self) -> Result<TargetSurvey, PortError>;

    /// The metadata at each path. No effect. On a standby, absence is [`Sighting::Unknown`].
    async fn describe(&self, paths: &[VaultPath]) -> Vec<Sighting<TargetEntry>>;

    /// Writes each mark into `custom_metadata`, creating a metadata-only entry where none is. Keys of others stay.
    /// Idempotent. The caller has looked before: this call can't check and set.
    async fn stamp(&self, stamps: &[Stamp]) -> Vec<Result<(), PortError>>;

    /// Creates the version after the named one at each path by check-and-set: version 1 where none is named. [`PortErrorKind::Conflict`]
    /// where anything else is or was there. Never overwrites. After [`Effect::Unknown`] the caller reads back: equal under our mark is ours.
    async fn create(&self, writes: &[TargetWrite<'_>]) -> Vec<Result<TargetVersion, PortError>>;

    /// Reads back the newest version at each path. No effect.
    async fn read(&self, paths: &[VaultPath]) -> Vec<Sighting<TargetReading>>;

    /// Reads back one version at each path. No effect. A version that is not there is [`Sighting::Absent`].
    async fn read_versions(&self, wanted: &[(VaultPath, TargetVersion)]) -> Vec<Sighting<TargetReading>>;

    /// Deletes entry and history at each path, where it still bears `mark`'s ledger and wave and is empty or at a version up to the
    /// newest one that we left; anything else is [`PortErrorKind::Conflict`]. Idempotent: absent is done.
    async fn clear(&self, entries: &[TargetClear], mark: &Mark) -> Vec<Result<(), PortError>>;

    /// Who beside us may write to these entries, to their metadata, or take versions of theirs away, by the policies that these
    /// credentials may read. No effect. What they may not read is part of the answer; an error is a look that failed.
    async fn writers(&self, paths: &[VaultPath]) -> Result<WritersSeen, PortError>;

    /// The anchor. No effect.
    async fn anchor(&self) -> Sighting<AnchorSeen>;

    /// Moves the anchor by check-and-set on the version last seen (`None`: it must not exist yet).
    /// [`PortErrorKind::Conflict`] where somebody else moved it.
    async fn move_anchor(&self, expected: Option<TargetVersion>, to: &Anchor) -> Result<TargetVersion, PortError>;
}

/// What consumers read through. Today: External Secrets Operator in one cluster.
///
/// Whoever makes one knows how each delivery is spelled before and after the switch; the protocol knows only names. A Secret in use is
/// never deleted, emptied or changed in bytes by any of these (ESO-5). Each waits on its own, within the time it was set up with, and for
/// many deliveries at once. The mark names the shadows, so that a later run finds an earlier one's.
#[async_trait]
pub trait Delivery: Send + Sync {
    /// What each reads, and how far its controller is. No effect.
    async fn observe(&self, names: &[DeliveryName]) -> Vec<Sighting<DeliverySeen>>;

    /// Waits until each is reconciled, and compares its Secret with what it is to hold, in memory and in constant time. No effect.
    async fn holds(&self, expected: &[(DeliveryName, BTreeMap<String, SecretBytes>)]) -> Vec<Result<Compared, Stuck>>;

    /// Proves each path readable by the delivery's own role: a shadow beside it reads the incoming authority into a Secret of its own, which
    /// is then compared with the Secret in use. Idempotent; a shadow that an earlier run left is made anew. A crash leaves a shadow, which
    /// nobody reads.
    async fn shadow(&self, names: &[DeliveryName], mark: &Mark) -> Vec<Result<(), Stuck>>;

    /// Lets each read the incoming authority, so that nothing it misses could delete or empty its Secret meanwhile (deletion policy Retain),
    /// and so that it refreshes even where it never would. Idempotent. [`Stuck::InGit`] where that is Git's to do, and it is not there yet;
    /// [`Stuck::Changed`] where somebody changed it since it was looked at.
    async fn repoint(&self, names: &[DeliveryName], mark: &Mark) -> Vec<Result<(), Stuck>>;

    /// Waits until each was refreshed after its last change and says that it is ready, and compares the Secret in use with the shadow's. No
    /// effect. [`Stuck::SetBack`] where it reads the outgoing authority again.
    async fn follow(&self, names: &[DeliveryName], mark: &Mark) -> Vec<Result<(), Stuck>>;

    /// Removes the shadow of each and its Secret. Idempotent: none is done.
    async fn remove_shadows(&self, names: &[DeliveryName], mark: &Mark) -> Vec<Result<(), Stuck>>;

    /// Gives each the deletion and refresh policies back that it declares. Idempotent. [`Stuck::InGit`] as above.
    async fn give_back(&self, names: &[DeliveryName]) -> Vec<Result<(), Stuck>>;
}
