//! An AWS Secrets Manager (and as much of STS as is needed) on loopback: one account, one region.
//!
//! Kept as in the service: versions and staging labels, request tokens, text and binary, page sizes, batch limit with partial
//! errors, deletion windows, limits of the model, resource policies that are enforced after a delay. Not there: signatures
//! (a key id is believed), KMS, replicas, Lambdas that finish a rotation, identity policies (everybody may do everything that
//! no resource policy denies), the delay with which ListSecrets follows.

mod account;
mod lifecycle;
pub(crate) mod limits;
mod listing;
pub(crate) mod principal;
mod sts;
mod values;
pub(crate) mod wire;

use std::{
    collections::BTreeMap,
    fmt, io,
    sync::{Arc, Mutex},
};

use http::{Request, Response};
use hyper::body::Incoming;
use migrate_core::{id::SourceVersion, observed::VersionMap, value::SecretValue};
use zeroize::Zeroizing;

use account::{Account, CURRENT, uuid};
use principal::Principals;
use wire::{CreateSecret, OneSecret, parse};

pub use principal::Principal;
pub use wire::AwsError;

pub(crate) use account::uuid as random_uuid;

use crate::{
    Clock,
    felt::{Call, FeltPolicies, Judge, TakesEffect},
    http::{Body, HangUp, Server, take_body},
    lock,
};

/// How an emulated account is set up.
#[derive(Clone)]
pub struct Settings {
    /// Twelve digits.
    pub account: String,
    /// `eu-central-1` and the like.
    pub region: String,
    /// Callers by access key id.
    pub principals: BTreeMap<String, Principal>,
    /// When stored resource policies are enforced.
    pub takes_effect: TakesEffect,
    /// What a resource policy denies.
    pub judge: Judge,
    /// The time.
    pub clock: Clock,
    /// Where ARN suffixes and request ids come from.
    pub seed: u64,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("account", &self.account).field("region", &self.region).finish_non_exhaustive()
    }
}

/// A running emulator. Dropping it closes its port and forgets everything.
#[derive(Debug)]
pub struct SecretsManager {
    server: Server,
    store: Arc<Store>,
}

struct Store {
    account: Mutex<Account>,
    principals: Mutex<Principals>,
    clock: Clock,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

/// Largest request taken in: a 64 KiB binary in base64 with everything around it has room many times over.
const REQUEST_BYTES: usize = 1 << 20;

impl SecretsManager {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// Where no port can be had.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let mut random = fastrand::Rng::with_seed(settings.seed);
        let store = Arc::new(Store {
            principals: Mutex::new(Principals::new(settings.account.clone(), settings.principals, random.fork())),
            account: Mutex::new(Account {
                id: settings.account,
                region: settings.region,
                secrets: BTreeMap::new(),
                felt: FeltPolicies::new(settings.takes_effect, settings.judge),
                random,
                now: (settings.clock)(),
            }),
            clock: settings.clock,
        });
        let answering = Arc::clone(&store);
        let server = Server::start(move |request| {
            let store = Arc::clone(&answering);
            async move { store.answer(request).await }
        })
        .await?;
        Ok(Self { server, store })
    }

    /// The endpoint: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// All stored policies take effect now.
    pub fn settle(&self) {
        lock(&self.store.account).felt.settle();
    }

    /// Creates a secret as somebody else would have done, past the API's front door.
    ///
    /// # Errors
    /// What CreateSecret answers.
    pub fn create(&self, name: &str, value: SecretValue) -> Result<SourceVersion, AwsError> {
        let (secret_string, secret_binary) = match value {
            SecretValue::Text(text) => (Some(text), None),
            SecretValue::Binary(bytes) => (None, Some(wire::Base64(bytes))),
        };
        let mut account = lock(&self.store.account);
        account.now = (self.store.clock)();
        let token = account.uuid();
        account.create(CreateSecret {
            name: name.to_owned(),
            client_request_token: Some(token.clone()),
            description: None,
            kms_key_id: None,
            secret_string,
            secret_binary,
            tags: Vec::new(),
            add_replica_regions: Vec::new(),
        })?;
        Ok(SourceVersion::new(token))
    }

    /// Marks a secret as managed by a service such as `rds`, or as nobody's.
    ///
    /// # Errors
    /// No such secret.
    pub fn set_owning_service(&self, name: &str, service: Option<&str>) -> Result<(), AwsError> {
        lock(&self.store.account).any(name)?.owning_service = service.map(str::to_owned);
        Ok(())
    }

    /// Says in which regions a secret has replicas (which exist only as names here).
    ///
    /// # Errors
    /// No such secret.
    pub fn set_replica_regions(&self, name: &str, regions: &[&str]) -> Result<(), AwsError> {
        lock(&self.store.account).any(name)?.replica_regions = regions.iter().map(|&region| region.to_owned()).collect();
        Ok(())
    }

    /// The versions of a secret and their labels, seen from behind; `None` where there is none of that name.
    #[must_use]
    pub fn versions(&self, name: &str) -> Option<VersionMap> {
        let account = lock(&self.store.account);
        let versions = account.secrets.get(name)?.version_map();
        Some(VersionMap(versions.into_iter().map(|(id, stages)| (SourceVersion::new(id), stages.clone())).collect()))
    }

    /// The stored resource policy of a secret, seen from behind.
    #[must_use]
    pub fn policy(&self, name: &str) -> Option<String> {
        lock(&self.store.account).secrets.get(name)?.policy.clone()
    }

    /// Shows a secret's current value to `look`, from behind; `None` where there is none.
    pub fn with_value<R>(&self, name: &str, look: impl FnOnce(&SecretValue) -> R) -> Option<R> {
        let account = lock(&self.store.account);
        let secret = account.secrets.get(name)?;
        let value = secret.versions.get(secret.labelled(CURRENT)?)?.value.as_ref()?;
        Some(look(value))
    }
}

impl Store {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, HangUp> {
        let (head, body) = request.into_parts();
        let now = (self.clock)();
        let request_id = uuid(&mut lock(&self.account).random);
        let Ok(body) = take_body(body, REQUEST_BYTES).await else {
            return Ok(AwsError::new("RequestEntityTooLarge", "the request is too large").response(&request_id));
        };
        let key = principal::access_key(&head.headers).unwrap_or_default();
        let Some(operation) = operation(&head.headers) else {
            let mut principals = lock(&self.principals);
            principals.set_now(now);
            return Ok(sts::answer(&mut principals, key, &body, &request_id));
        };
        let Some(caller) = lock(&self.principals).by_key(key).cloned() else {
            let error = AwsError::new("UnrecognizedClientException", "The security token included in the request is invalid.");
            return Ok(error.response(&request_id));
        };
        let mut account = lock(&self.account);
        account.now = now;
        account.purge();
        Ok(match account.perform(operation, &body, &caller) {
            Ok(bytes) => wire::answer(bytes, &request_id),
            Err(error) => error.response(&request_id),
        })
    }
}

/// The operation in `X-Amz-Target`.
pub(crate) fn operation(headers: &http::HeaderMap) -> Option<&str> {
    headers.get("x-amz-target")?.to_str().ok()?.strip_prefix("secretsmanager.")
}

impl Account {
    fn perform(&mut self, operation: &str, body: &[u8], caller: &Principal) -> Result<Zeroizing<Vec<u8>>, AwsError> {
        limits::check(operation, body)?;
        self.authorize(operation, body, caller)?;
        match operation {
            "CreateSecret" => self.create(parse(body)?),
            "PutSecretValue" => self.put(parse(body)?),
            "UpdateSecret" => self.update(parse(body)?),
            "UpdateSecretVersionStage" => self.move_stage(&parse(body)?),
            "GetSecretValue" => self.get(&parse(body)?),
            "BatchGetSecretValue" => self.batch_get(&parse(body)?, &caller.arn, &caller.caller_arn),
            "ListSecrets" => self.list(&parse(body)?),
            "ListSecretVersionIds" => self.list_versions(&parse(body)?),
            "DescribeSecret" => self.describe(&one(body)?),
            "TagResource" => self.tag(parse(body)?),
            "UntagResource" => self.untag(&parse(body)?),
            "GetResourcePolicy" => self.get_policy(&one(body)?),
            "PutResourcePolicy" => self.put_policy(parse(body)?),
            "DeleteResourcePolicy" => self.delete_policy(&one(body)?),
            "ValidateResourcePolicy" => self.validate_policy(&parse(body)?),
            "DeleteSecret" => self.delete(&parse(body)?),
            "ReplicateSecretToRegions" => self.replicate(parse(body)?),
            "RemoveRegionsFromReplication" => self.remove_regions(&parse(body)?),
            "RestoreSecret" => self.restore(&one(body)?),
            "RotateSecret" => self.rotate(parse(body)?, parse(body)?),
            "CancelRotateSecret" => self.cancel_rotation(&one(body)?),
            _ => Err(AwsError::new(
                "UnknownOperationException",
                "this Secrets Manager is emulated and does not know the operation",
            )),
        }
    }

    /// Everybody may do everything that no resource policy in force denies. Batches are judged secret by secret.
    fn authorize(&mut self, operation: &str, body: &[u8], caller: &Principal) -> Result<(), AwsError> {
        let id = one(body)?;
        let Ok(name) = self.resolve(&id) else { return Ok(()) };
        let action = format!("secretsmanager:{operation}");
        if self.felt.denies(&name, Call { principal: &caller.arn, action: &action }) {
            return Err(AwsError::denied(&caller.caller_arn, &action, &self.any(&id)?.arn));
        }
        Ok(())
    }
}

/// The `SecretId` of a request, empty where it has none.
fn one(body: &[u8]) -> Result<String, AwsError> {
    parse::<OneSecret>(body).map(|request| request.secret_id)
}
