//! Everything together: both stores, each behind its proxy, with callers that have names.

use std::{collections::BTreeMap, fmt, io};

use migrate_core::value::{SecretText, SecretValue};

use crate::{
    Clock,
    felt::{Judge, TakesEffect},
    kv2::{self, Grants, Kv2},
    proxy::{Proxy, Quotas, Rules, StartError, Upstream},
    secrets_manager::{self, Principal, SecretsManager},
    seed::{Kind, made_up},
};

/// How a world is set up.
#[derive(Clone)]
pub struct WorldSettings {
    /// Where everything that is random comes from.
    pub seed: u64,
    /// The time.
    pub clock: Clock,
    /// When stored resource policies are felt.
    pub takes_effect: TakesEffect,
    /// What a resource policy denies.
    pub judge: Judge,
    /// Requests a second at Secrets Manager.
    pub quotas: Quotas,
    /// The KV v2 mount.
    pub mount: String,
}

impl WorldSettings {
    /// A world as real as it gets: quotas of AWS, policies felt at once.
    #[must_use]
    pub fn new(seed: u64, clock: Clock) -> Self {
        Self {
            seed,
            clock,
            takes_effect: TakesEffect::AtOnce,
            judge: Judge::strict(),
            quotas: Quotas::Real,
            mount: "secret".to_owned(),
        }
    }
}

impl fmt::Debug for WorldSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorldSettings").field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// What a client needs to reach a world. Credentials open nothing but this world.
#[derive(Debug)]
pub struct Endpoints {
    /// Endpoint of Secrets Manager and STS.
    pub aws_url: String,
    /// Region.
    pub region: String,
    /// Account.
    pub account: String,
    /// Credentials of the migration role.
    pub migration: AwsKey,
    /// Credentials of an application's role: not exempt from any fence.
    pub application: AwsKey,
    /// Address of the KV v2 server.
    pub vault_addr: String,
    /// A token that may do everything there.
    pub vault_token: SecretText,
    /// The mount.
    pub mount: String,
}

/// An access key, and who it is.
#[derive(Debug)]
pub struct AwsKey {
    /// Access key id.
    pub id: String,
    /// Secret access key. Signatures are not checked.
    pub secret: SecretText,
    /// `aws:PrincipalArn` of its owner.
    pub principal_arn: String,
}

/// A running world. Dropping it ends it.
#[derive(Debug)]
pub struct World {
    /// The outgoing store itself, to look at from behind.
    pub secrets_manager: SecretsManager,
    /// The incoming store itself, to look at from behind.
    pub kv2: Kv2,
    /// What stands in front of the outgoing store.
    pub aws_proxy: Proxy,
    /// What stands in front of the incoming store.
    pub vault_proxy: Proxy,
    seed: u64,
    mount: String,
}

/// Why a world could not start.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// No port on 127.0.0.1 could be had.
    #[error("an emulated store could not start on 127.0.0.1")]
    Store(#[from] io::Error),
    /// A proxy could not start.
    #[error("a proxy could not start")]
    Proxy(#[from] StartError),
}

const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-central-1";
/// Access key ids, and the roles behind them.
const MIGRATION: (&str, &str) = ("AKIAREHEARSALMIGRATE", "role/migrate");
const APPLICATION: (&str, &str) = ("AKIAREHEARSALAPPLICA", "role/application");

impl World {
    /// Starts both stores and both proxies on free ports of 127.0.0.1.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn start(settings: WorldSettings) -> Result<Self, WorldError> {
        let principals: BTreeMap<String, Principal> = [MIGRATION, APPLICATION]
            .into_iter()
            .filter_map(|(key, role)| Some((key.to_owned(), Principal::role(&arn(role), "rehearsal")?)))
            .collect();
        let secrets_manager = SecretsManager::start(secrets_manager::Settings {
            account: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            principals,
            takes_effect: settings.takes_effect,
            judge: settings.judge,
            clock: settings.clock.clone(),
            seed: settings.seed,
        })
        .await?;
        let kv2 = Kv2::start(kv2::Settings {
            mounts: vec![settings.mount.clone()],
            tokens: vec![(token(settings.seed), Grants::Root)],
            version: "2.7.2".to_owned(),
            cluster_id: format!("00000000-0000-4000-8000-{:012x}", settings.seed & 0xffff_ffff_ffff),
            clock: settings.clock,
            seed: settings.seed.wrapping_add(1),
        })
        .await?;
        let in_front_of = |url: String| Upstream::at(&url).map_err(StartError::from);
        let rules = Rules { quotas: settings.quotas, ..Rules::default() };
        let aws_proxy = Proxy::start(&in_front_of(secrets_manager.url())?, rules).await?;
        let vault_proxy = Proxy::start(&in_front_of(kv2.url())?, Rules::default()).await?;
        Ok(Self { secrets_manager, kv2, aws_proxy, vault_proxy, seed: settings.seed, mount: settings.mount })
    }

    /// What real clients need.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints {
        let key = |(id, role): (&str, &str)| AwsKey {
            id: id.to_owned(),
            secret: SecretText::new("made-up-for-a-rehearsal".to_owned()),
            principal_arn: arn(role),
        };
        Endpoints {
            aws_url: self.aws_proxy.url(),
            region: REGION.to_owned(),
            account: ACCOUNT.to_owned(),
            migration: key(MIGRATION),
            application: key(APPLICATION),
            vault_addr: self.vault_proxy.url(),
            vault_token: SecretText::new(token(self.seed)),
            mount: self.mount.clone(),
        }
    }

    /// A made-up value of this world, another one for each number.
    #[must_use]
    pub fn value(&self, kind: Kind, number: u64) -> SecretValue {
        made_up(kind, self.seed.wrapping_add(number))
    }

    /// All stored policies are felt now.
    pub fn settle(&self) {
        self.secrets_manager.settle();
    }
}

fn arn(role: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{role}")
}

fn token(seed: u64) -> String {
    format!("s.rehearsal-{seed:016x}")
}
