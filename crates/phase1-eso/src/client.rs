//! The Kubernetes API: the only module that knows its library. What comes out is plain JSON, bytes of Secrets in wiped memory, and errors
//! that hold neither.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use backon::{ExponentialBuilder, Retryable as _};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Config,
    api::{DeleteParams, DynamicObject, ListParams, PostParams, Preconditions},
    client::AuthError,
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
    core::{ApiResource, GroupVersionKind, Status},
};
use migrate_core::{
    ports::{PortError, PortErrorKind},
    value::SecretBytes,
};
use serde_json::Value;

use crate::table::{GROUP, Kind};

/// Who changes objects, in their `managedFields`.
pub(crate) const MANAGER: &str = "migrate";
/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(30);

/// Which cluster, and how patiently.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The kubeconfig; else `KUBECONFIG`, else `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// Its context; else its current one.
    pub context: Option<String>,
    /// How long it is waited for an ExternalSecret to be reconciled.
    pub wait: Duration,
    /// Deliveries that are handled at once.
    pub concurrency: usize,
}

/// How long it is waited for an ExternalSecret to be reconciled where nothing else is said.
pub const DEFAULT_WAIT: Duration = Duration::from_secs(5 * 60);
/// How many deliveries are handled at once where nothing else is said: well below what the API server's fairness gives to one client.
pub const DEFAULT_CONCURRENCY: usize = 8;

impl Default for Settings {
    fn default() -> Self {
        Self { kubeconfig: None, context: None, wait: DEFAULT_WAIT, concurrency: DEFAULT_CONCURRENCY }
    }
}

pub(crate) struct Client {
    kube: kube::Client,
}

/// A Secret as the cluster holds it.
#[derive(Debug)]
pub(crate) struct SecretSeen {
    pub(crate) data: BTreeMap<String, SecretBytes>,
    /// The `type`.
    pub(crate) kind: String,
    pub(crate) uid: String,
    pub(crate) labels: BTreeMap<String, String>,
    /// Its controlling owner: kind, name and uid.
    pub(crate) owner: Option<(String, String, String)>,
}

impl Client {
    /// Reads the kubeconfig. Nothing is sent.
    pub(crate) async fn connect(settings: &Settings) -> Result<Self, PortError> {
        let misconfigured = |what: String| PortError::new(PortErrorKind::Misconfigured, "kubeconfig", "the cluster", what);
        let options = KubeConfigOptions { context: settings.context.clone(), ..KubeConfigOptions::default() };
        let config = match &settings.kubeconfig {
            Some(path) => {
                let read = Kubeconfig::read_from(path).map_err(|error| misconfigured(unusable(&error)))?;
                Config::from_custom_kubeconfig(read, &options).await
            }
            None => Config::from_kubeconfig(&options).await,
        };
        let mut config = config.map_err(|error| misconfigured(unusable(&error)))?;
        config.connect_timeout = Some(CONNECT);
        config.read_timeout = Some(ANSWER);
        let kube =
            kube::Client::try_from(config).map_err(|error| misconfigured(failed("connect", "the cluster", &error).detail))?;
        Ok(Self { kube })
    }

    fn objects(&self, kind: Kind, namespace: Option<&str>) -> Api<DynamicObject> {
        let version = kind.served().rsplit('/').next().unwrap_or("v1");
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, version, kind.name()));
        match namespace {
            Some(namespace) => Api::namespaced_with(self.kube.clone(), namespace, &resource),
            None => Api::all_with(self.kube.clone(), &resource),
        }
    }

    fn secrets(&self, namespace: &str) -> Api<Secret> {
        Api::namespaced(self.kube.clone(), namespace)
    }

    /// Whether the cluster serves a kind in the version that is spoken here.
    pub(crate) async fn serves(&self, kind: Kind) -> Result<bool, PortError> {
        let call = || async { self.kube.list_api_group_resources(kind.served()).await };
        match patiently("GET /apis", kind.served(), call).await {
            Ok(list) => Ok(list.resources.iter().any(|resource| resource.kind == kind.name())),
            Err(error) if error.kind == PortErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn get(&self, kind: Kind, namespace: Option<&str>, name: &str) -> Result<Option<Value>, PortError> {
        let (api, subject) = (self.objects(kind, namespace), shown(namespace, name));
        let found = patiently(&format!("get {}", kind.name()), &subject, || async { api.get_opt(name).await }).await?;
        found.map(|object| json(&object, &subject)).transpose()
    }

    /// The ExternalSecrets of all namespaces that bear a label, as `KEY=VALUE`.
    pub(crate) async fn labelled(&self, label: &str) -> Result<Vec<Value>, PortError> {
        let (api, params) = (self.objects(Kind::ExternalSecret, None), ListParams::default().labels(label));
        let found = patiently("list ExternalSecret", label, || async { api.list(&params).await }).await?;
        found.items.iter().map(|object| json(object, label)).collect()
    }

    pub(crate) async fn create(&self, kind: Kind, namespace: Option<&str>, object: &Value) -> Result<(), PortError> {
        let (object, subject) = parsed(object)?;
        let sent = self.objects(kind, namespace).create(&post(), &object).await;
        sent.map(drop).map_err(|error| failed(&format!("create {}", kind.name()), &subject, &error))
    }

    /// Puts an object in place of the one that was read: its `resourceVersion` must still be the newest.
    pub(crate) async fn replace(&self, kind: Kind, namespace: Option<&str>, name: &str, object: &Value) -> Result<(), PortError> {
        let (object, subject) = parsed(object)?;
        let sent = self.objects(kind, namespace).replace(name, &post(), &object).await;
        sent.map(drop).map_err(|error| failed(&format!("update {}", kind.name()), &subject, &error))
    }

    pub(crate) async fn delete(&self, kind: Kind, namespace: Option<&str>, name: &str) -> Result<(), PortError> {
        let (api, subject) = (self.objects(kind, namespace), shown(namespace, name));
        let operation = format!("delete {}", kind.name());
        let delete = || async { api.delete(name, &DeleteParams::background()).await.map(drop) };
        gone(patiently(&operation, &subject, delete).await)
    }

    pub(crate) async fn secret(&self, namespace: &str, name: &str) -> Result<Option<SecretSeen>, PortError> {
        let (api, subject) = (self.secrets(namespace), shown(Some(namespace), name));
        let found = patiently("get Secret", &subject, || async { api.get_opt(name).await }).await?;
        Ok(found.map(seen))
    }

    /// Deletes the very Secret that was seen.
    pub(crate) async fn delete_secret(&self, namespace: &str, name: &str, uid: &str) -> Result<(), PortError> {
        let (api, subject) = (self.secrets(namespace), shown(Some(namespace), name));
        let preconditions = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
        let params = DeleteParams::background().preconditions(preconditions);
        gone(patiently("delete Secret", &subject, || async { api.delete(name, &params).await.map(drop) }).await)
    }
}

fn post() -> PostParams {
    PostParams { dry_run: false, field_manager: Some(MANAGER.to_owned()) }
}

fn seen(secret: Secret) -> SecretSeen {
    let owner = secret.metadata.owner_references.unwrap_or_default();
    let owner = owner.into_iter().find(|owner| owner.controller == Some(true));
    SecretSeen {
        data: secret.data.unwrap_or_default().into_iter().map(|(key, bytes)| (key, SecretBytes::new(bytes.0))).collect(),
        kind: secret.type_.unwrap_or_else(|| "Opaque".to_owned()),
        uid: secret.metadata.uid.unwrap_or_default(),
        labels: secret.metadata.labels.unwrap_or_default(),
        owner: owner.map(|owner| (owner.kind, owner.name, owner.uid)),
    }
}

fn json(object: &DynamicObject, subject: &str) -> Result<Value, PortError> {
    serde_json::to_value(object).map_err(|_| PortError::new(PortErrorKind::Unexpected, "get", subject, "no JSON form"))
}

fn parsed(object: &Value) -> Result<(DynamicObject, String), PortError> {
    let text = |key: &str| object["metadata"][key].as_str();
    let subject = shown(text("namespace"), text("name").unwrap_or_default());
    match serde_json::from_value(object.clone()) {
        Ok(parsed) => Ok((parsed, subject)),
        Err(_) => Err(PortError::new(PortErrorKind::Unexpected, "encode", subject, "no object of Kubernetes")),
    }
}

fn shown(namespace: Option<&str>, name: &str) -> String {
    namespace.map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}"))
}

/// What is gone already is as good.
fn gone(outcome: Result<(), PortError>) -> Result<(), PortError> {
    match outcome {
        Err(error) if error.kind == PortErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Sends what may be sent again, again, with jitter, while its failure may pass.
async fn patiently<T, F>(operation: &str, subject: &str, call: impl Fn() -> F) -> Result<T, PortError>
where
    F: Future<Output = kube::Result<T>>,
{
    let pauses = ExponentialBuilder::default().with_jitter().with_min_delay(Duration::from_millis(200)).with_max_times(4);
    let attempt = || async { call().await.map_err(|error| failed(operation, subject, &error)) };
    attempt.retry(pauses).when(|error| may_pass(error.kind)).await
}

fn may_pass(kind: PortErrorKind) -> bool {
    use PortErrorKind as Kind;
    matches!(kind, Kind::Unreachable | Kind::TimedOut | Kind::Throttled | Kind::NotServing)
}

/// An error of the library, whose own words would show whole answers.
fn failed(operation: &str, subject: &str, error: &kube::Error) -> PortError {
    use PortErrorKind as Kind;
    let (kind, detail) = match error {
        kube::Error::Api(status) => (kind_of(status), said(status)),
        kube::Error::Service(error) => {
            if let Some(error) = auth_error(error.as_ref()) {
                return PortError::new(Kind::Unauthenticated, operation, subject, unauthenticated(error));
            }
            // Whether it was the wait that ended it is only told by its words.
            let told = chain(error.as_ref());
            let timed_out = told.contains("timed out") || told.contains("deadline");
            (if timed_out { Kind::TimedOut } else { Kind::Unreachable }, told)
        }
        kube::Error::HyperError(error) => (Kind::Unreachable, chain(error)),
        kube::Error::Auth(error) => (Kind::Unauthenticated, unauthenticated(error)),
        // What an answer holds that can't be read is not to be shown.
        kube::Error::SerdeError(_) => (Kind::Unexpected, "an answer that is no such object".to_owned()),
        _ => (Kind::Unexpected, "the request could not be made".to_owned()),
    };
    PortError::new(kind, operation, subject, detail)
}

/// What is wrong with a kubeconfig. Its parser quotes the lines around an error, which may be a token's.
fn unusable(error: &KubeconfigError) -> String {
    use KubeconfigError as E;
    match error {
        E::ReadConfig(error, path) => format!("{} can't be read: {error}", path.display()),
        E::Parse(_) => "it is no YAML, or no kubeconfig; `kubectl config view` shows where".to_owned(),
        E::FindPath => "there is none: set `kubeconfig`, or KUBECONFIG".to_owned(),
        E::CurrentContextNotSet => "it has no current context: set `context`".to_owned(),
        E::LoadContext(name) => format!("it has no context {name}"),
        E::LoadClusterOfContext(name) => format!("it has no cluster {name}"),
        E::MissingClusterUrl | E::ParseClusterUrl(_) => "its cluster has no usable address".to_owned(),
        E::LoadCertificateAuthority(_) | E::ParseCertificates(_) => "the CA of its cluster can't be used".to_owned(),
        E::LoadClientCertificate(_) | E::LoadClientKey(_) => "the certificate or key of its user can't be used".to_owned(),
        _ => "it can't be used; `kubectl config view` shows it without credentials".to_owned(),
    }
}

/// Why there are no credentials. What a plugin printed is never shown: it prints tokens.
fn unauthenticated(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecStart(error) => format!("the credential plugin of the kubeconfig can't be started: {error}"),
        AuthError::AuthExecRun { cmd, .. } => format!("the credential plugin `{cmd}` of the kubeconfig failed; run it by hand"),
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            "the credential plugin of the kubeconfig gave no credentials".to_owned()
        }
        AuthError::ReadTokenFile(error, path) => format!("{} can't be read: {error}", path.display()),
        _ => "the credentials of the kubeconfig can't be used".to_owned(),
    }
}

fn auth_error<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e AuthError> {
    std::iter::successors(Some(error), |error| error.source()).find_map(|error| error.downcast_ref::<AuthError>())
}

fn kind_of(status: &Status) -> PortErrorKind {
    use PortErrorKind as Kind;
    match status.code {
        401 => Kind::Unauthenticated,
        403 => Kind::Denied,
        404 => Kind::NotFound,
        409 => Kind::Conflict,
        413 => Kind::TooLarge,
        422 => Kind::InvalidState,
        429 => Kind::Throttled,
        408 | 504 => Kind::TimedOut,
        500..=599 => Kind::NotServing,
        _ => Kind::Unexpected,
    }
}

/// The server's own sentence about an object, which names verbs, resources and fields.
fn said(status: &Status) -> String {
    format!("{} {}: {}", status.code, status.reason, status.message.lines().next().unwrap_or_default())
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    // REQ OPS-1: the parser's own words quote the lines around an error.
    #[tokio::test]
    async fn a_broken_kubeconfig_is_told_without_its_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        let text = "apiVersion: v1\nusers:\n- name: a\n  user:\n    token: CANARY-TOKEN\n    exec: 7\n";
        std::io::Write::write_all(&mut std::fs::File::create(&path).unwrap(), text.as_bytes()).unwrap();
        let settings = Settings { kubeconfig: Some(path), ..Settings::default() };
        let Err(error) = Client::connect(&settings).await else { panic!("it was taken") };
        assert_eq!(error.kind, PortErrorKind::Misconfigured);
        assert!(!format!("{error} {error:?}").contains("CANARY"), "{error}");
    }
}
