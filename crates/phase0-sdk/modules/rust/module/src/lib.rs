//! What `suite` reads from Secrets Manager, or from mounted Kubernetes Secrets.
//!
//! ```no_run
//! # async fn example() -> Result<(), suite_secrets::OpenError> {
//! let secrets = suite_secrets::Secrets::open().await?;
//! let value = secrets.postgres_suite().await;
//! # drop(value);
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "mock")]
mod mock;
mod runtime;
mod source;

use std::{fmt, sync::Arc};

pub use runtime::{OpenError, Stale};
pub use secrecy::{ExposeSecret, SecretSlice, SecretString};

use runtime::{Slot, Store};
use source::{Content, Reason, Value};

const APPLICATION: &str = "suite";

/// The secrets of `suite`: open them once, and share them.
///
/// Once they are open, reading one never fails: a value that can't be renewed stays in memory.
pub struct Secrets {
    postgres_suite: Arc<Slot<PostgresSuite>>,
    smtp_suite: Arc<Slot<SmtpSuite>>,
    stripe_suite: Arc<Slot<SecretString>>,
    tls_suite: Arc<Slot<SecretSlice<u8>>>,
    store: Store,
}

impl Secrets {
    /// Reads all of them, from where the environment says. Needs a runtime of tokio, as everything here does.
    ///
    /// # Errors
    /// Where a variable says what it must not, and where any of them can't be read.
    pub async fn open() -> Result<Self, OpenError> {
        Self::read_from(Store::from_environment(APPLICATION).await?).await
    }

    /// Reads all of them again at once: for the moment when a server refuses a value that was just rotated.
    ///
    /// It does not fail. What can't be renewed stays, and [`Secrets::stale`] lists it.
    pub async fn refresh(&self) {
        self.store.refresh().await;
    }

    /// What can't be renewed, for a health check.
    #[must_use]
    pub fn stale(&self) -> Vec<Stale> {
        self.store.stale()
    }

    /// `platform-data/postgres/suite`
    ///
    /// The main database.
    ///
    /// Owner: team-suite
    pub async fn postgres_suite(&self) -> Arc<PostgresSuite> {
        self.postgres_suite.read().await
    }

    /// `platform-data/smtp/suite`
    pub async fn smtp_suite(&self) -> Arc<SmtpSuite> {
        self.smtp_suite.read().await
    }

    /// `platform-data/stripe/suite`
    pub async fn stripe_suite(&self) -> Arc<SecretString> {
        self.stripe_suite.read().await
    }

    /// `platform-data/tls/suite`
    pub async fn tls_suite(&self) -> Arc<SecretSlice<u8>> {
        self.tls_suite.read().await
    }

    async fn read_from(mut store: Store) -> Result<Self, OpenError> {
        let secrets = Self {
            postgres_suite: Slot::of(&mut store, "platform-data/postgres/suite", "postgres-suite"),
            smtp_suite: Slot::of(&mut store, "platform-data/smtp/suite", "mail"),
            stripe_suite: Slot::of(&mut store, "platform-data/stripe/suite", "stripe-suite/value"),
            tls_suite: Slot::of(&mut store, "platform-data/tls/suite", "tls-suite/keystore.p12"),
            store,
        };
        secrets.store.open().await?;
        Ok(secrets)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

/// `platform-data/postgres/suite`
///
/// The main database.
///
/// Owner: team-suite
#[derive(Debug, Default)]
pub struct PostgresSuite {
    /// The property `username`.
    pub username: SecretString,
    /// The property `password`.
    pub password: SecretString,
    /// The property `port`.
    pub port: SecretString,
}

impl Value for PostgresSuite {
    fn read(from: &dyn Content) -> Result<Self, Reason> {
        let property = from.properties()?;
        Ok(Self {
            username: property("username", "username")?,
            password: property("password", "password")?,
            port: property("port", "port")?,
        })
    }
}

/// `platform-data/smtp/suite`
#[derive(Debug, Default)]
pub struct SmtpSuite {
    /// The property `class`.
    pub class: SecretString,
    /// The property `user-name`.
    pub user_name: SecretString,
    /// The property `2fa`.
    pub x2fa: SecretString,
    /// The property `url`.
    pub url: SecretString,
}

impl Value for SmtpSuite {
    fn read(from: &dyn Content) -> Result<Self, Reason> {
        let property = from.properties()?;
        Ok(Self {
            class: property("class", "MAIL_CLASS")?,
            user_name: property("user-name", "MAIL_USER")?,
            x2fa: property("2fa", "2fa")?,
            url: property("url", "url")?,
        })
    }
}
