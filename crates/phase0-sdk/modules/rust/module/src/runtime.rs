//! How secrets are kept and renewed. The same text for every application.
//!
//! ```text
//! Source ──► Content ──► Value ──► Slot: in memory, and when to ask again ──► whoever reads
//! ```

use std::{
    env,
    error::Error,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use aws_sdk_secretsmanager::primitives::{DateTime, DateTimeFormat};
use tokio::{
    sync::OwnedMutexGuard,
    task::{self, JoinHandle},
};
use tracing::{info, warn};

use crate::source::{Files, Reason, Secret, SecretsManager, Source, Value};

/// The pause after a first renewal that failed. It doubles with each further one, up to the interval of renewal.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Why [`Secrets`](crate::Secrets) can't be opened.
///
/// `Debug` says the same as `Display`: it is what an error that `main` returns shows.
pub struct OpenError {
    message: String,
    names: Vec<&'static str>,
}

impl OpenError {
    pub(crate) fn new(application: &str, problem: &str) -> Self {
        Self {
            message: format!("{application} can't start: {problem}"),
            names: Vec::new(),
        }
    }

    /// The secrets that could not be read, by their names in Secrets Manager. None, where a variable or a file is at fault.
    #[must_use]
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for OpenError {}

/// A secret that can't be renewed: its value in memory goes on being used.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stale {
    /// Its name in Secrets Manager.
    pub name: &'static str,
    /// When it could not be renewed for the first time.
    pub since: SystemTime,
    /// Why it could not be renewed the last time.
    pub reason: String,
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            since,
            reason,
        } = self;
        let seconds = since.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let since = DateTime::from_secs(i64::try_from(seconds).unwrap_or_default());
        let since = since.fmt(DateTimeFormat::DateTime).map_err(|_| fmt::Error)?;
        write!(f, "{name}: can't be renewed since {since}, going on with the value in memory: {reason}")
    }
}

/// One secret in memory.
pub(crate) struct Slot<T> {
    secret: Secret,
    source: Arc<dyn Source>,
    interval: Duration,
    state: Mutex<State<T>>,
    /// Held by whoever asks, so that nobody else does.
    asking: Arc<tokio::sync::Mutex<()>>,
}

struct State<T> {
    value: Arc<T>,
    /// From when on a read asks.
    due: Instant,
    /// How long it is left alone after the next failure.
    pause: Duration,
    stale: Option<Stale>,
    /// How many renewals have begun.
    begun: u64,
}

impl<T> State<T> {
    fn is_due(&self) -> bool {
        Instant::now() >= self.due
    }
}

impl<T: Value> Slot<T> {
    /// A place for a secret in a store, to be filled by [`Store::open`].
    pub(crate) fn of(store: &mut Store, name: &'static str, mounted: &'static str) -> Arc<Self> {
        let slot = Arc::new(Self {
            secret: Secret { name, mounted },
            source: Arc::clone(&store.source),
            interval: store.interval,
            state: Mutex::new(State {
                value: Arc::default(),
                due: Instant::now(),
                pause: FIRST_PAUSE,
                stale: None,
                begun: 0,
            }),
            asking: Arc::default(),
        });
        store.slots.push(Arc::<Self>::clone(&slot));
        slot
    }

    /// The value, renewed where it is due. While it can't be renewed one reader tries, and the others don't wait.
    pub(crate) async fn read(self: &Arc<Self>) -> Arc<T> {
        let (value, is_due, is_stale) = {
            let state = self.state();
            (Arc::clone(&state.value), state.is_due(), state.stale.is_some())
        };
        if !is_due {
            return value;
        }
        let asking = Arc::clone(&self.asking);
        let asking = if is_stale { asking.try_lock_owned().ok() } else { Some(asking.lock_owned().await) };
        let Some(asking) = asking else { return value };
        // In a task of its own, so that a reader that gives up does not take what comes of it from the others.
        let _ = task::spawn(Arc::clone(self).renew(asking, State::is_due)).await;
        Arc::clone(&self.state().value)
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn renew(self: Arc<Self>, _asking: OwnedMutexGuard<()>, is_wanted: impl FnOnce(&State<T>) -> bool) {
        {
            let mut state = self.state();
            if !is_wanted(&state) {
                return;
            }
            state.begun += 1;
        }
        match self.ask().await {
            Ok(value) => self.keep(value),
            Err(reason) => self.go_on(reason),
        }
    }

    async fn ask(&self) -> Result<T, Reason> {
        let content = self.source.content(&self.secret).await?;
        // Twice, since Kubernetes may take away a folder of files while they are read.
        let reading = task::spawn_blocking(move || T::read(&*content).or_else(|_| T::read(&*content)));
        reading.await.unwrap_or_else(|_| Err("reading it broke off".into()))
    }

    fn keep(&self, value: T) {
        let was_stale = {
            let mut state = self.state();
            state.value = Arc::new(value);
            state.due = Instant::now() + self.interval;
            state.pause = FIRST_PAUSE;
            state.stale.take().is_some()
        };
        if was_stale {
            info!("{}: renewed again", self.secret.name);
        }
    }

    fn go_on(&self, Reason(reason): Reason) {
        let (stale, is_new) = {
            let mut state = self.state();
            state.due = Instant::now() + state.pause.min(self.interval);
            state.pause = state.pause.saturating_mul(2);
            let before = state.stale.as_ref().map(|stale| stale.since);
            let now = Stale {
                name: self.secret.name,
                since: before.unwrap_or_else(SystemTime::now),
                reason,
            };
            state.stale = Some(now.clone());
            (now, before.is_none())
        };
        if is_new {
            warn!("{stale}");
        }
    }
}

/// A slot, whatever it holds.
trait Renewed: Send + Sync {
    fn name(&self) -> &'static str;
    fn stale(&self) -> Option<Stale>;
    fn open(self: Arc<Self>) -> JoinHandle<Result<(), Reason>>;
    fn refresh(self: Arc<Self>) -> JoinHandle<()>;
}

impl<T: Value> Renewed for Slot<T> {
    fn name(&self) -> &'static str {
        self.secret.name
    }

    fn stale(&self) -> Option<Stale> {
        self.state().stale.clone()
    }

    fn open(self: Arc<Self>) -> JoinHandle<Result<(), Reason>> {
        task::spawn(async move { self.ask().await.map(|value| self.keep(value)) })
    }

    /// Calls at the same time share one request, but none that was on its way before them: it may bring the old value.
    fn refresh(self: Arc<Self>) -> JoinHandle<()> {
        let begun = self.state().begun;
        task::spawn(async move {
            let asking = Arc::clone(&self.asking).lock_owned().await;
            self.renew(asking, move |state| state.begun == begun).await;
        })
    }
}

/// All secrets of an application.
pub(crate) struct Store {
    application: &'static str,
    source: Arc<dyn Source>,
    interval: Duration,
    slots: Vec<Arc<dyn Renewed>>,
}

impl Store {
    pub(crate) fn new(application: &'static str, source: impl Source + 'static, interval: Duration) -> Self {
        Self {
            application,
            source: Arc::new(source),
            interval,
            slots: Vec::new(),
        }
    }

    pub(crate) async fn from_environment(application: &'static str) -> Result<Self, OpenError> {
        let wrong = |problem: &str| OpenError::new(application, problem);
        let variable = |name, default: &str| env::var_os(name).unwrap_or_else(|| default.into());
        let folder = PathBuf::from(variable("SECRETS_DIR", "/etc/secrets"));
        if !folder.is_absolute() {
            return Err(wrong("SECRETS_DIR must be an absolute path"));
        }
        let seconds = variable("SECRETS_REFRESH_SECONDS", "300");
        let seconds = seconds.to_str().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let seconds = seconds.and_then(|text| text.parse().ok()).filter(|seconds| (1..=86_400).contains(seconds));
        let seconds = seconds.ok_or_else(|| wrong("SECRETS_REFRESH_SECONDS must be a number from 1 to 86400"))?;
        let interval = Duration::from_secs(seconds);
        match variable("SECRETS_SOURCE", "secrets-manager").to_str() {
            Some("secrets-manager") => Ok(Self::new(application, SecretsManager::connect().await, interval)),
            Some("files") => Ok(Self::new(application, Files(folder), interval)),
            _ => Err(wrong("SECRETS_SOURCE must be secrets-manager or files")),
        }
    }

    /// Reads all secrets at the same time.
    pub(crate) async fn open(&self) -> Result<(), OpenError> {
        let opening: Vec<_> = self.slots.iter().map(|slot| (slot.name(), Arc::clone(slot).open())).collect();
        let (mut names, mut lines) = (Vec::new(), Vec::new());
        for (name, opened) in opening {
            if let Err(Reason(reason)) = opened.await.unwrap_or_else(|_| Err("reading it broke off".into())) {
                names.push(name);
                lines.push(format!("  {name}: {reason}"));
            }
        }
        if names.is_empty() {
            return Ok(());
        }
        let (failed, all, lines, (place, hint)) =
            (names.len(), self.slots.len(), lines.join("\n"), self.source.place());
        let problem = format!("{failed} of {all} secrets could not be read from {place}\n{lines}\n{hint}");
        Err(OpenError {
            names,
            ..OpenError::new(self.application, &problem)
        })
    }

    pub(crate) async fn refresh(&self) {
        let refreshing: Vec<_> = self.slots.iter().map(|slot| Arc::clone(slot).refresh()).collect();
        for refreshed in refreshing {
            let _ = refreshed.await;
        }
    }

    pub(crate) fn stale(&self) -> Vec<Stale> {
        self.slots.iter().filter_map(|slot| slot.stale()).collect()
    }
}
