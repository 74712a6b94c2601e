//! How to reach the store, and what the variables of the Vault and OpenBao command lines mean.

use std::{path::PathBuf, time::Duration};

use migrate_core::{name::VaultPath, value::SecretText};

/// Everything that [`Vault::new`](crate::Vault::new) needs. Verification of certificates can't be switched off (REQ OPS-9).
#[derive(Debug)]
pub struct Settings {
    /// `https://host:port`, without path. Plain `http` is taken for loopback addresses only.
    pub address: String,
    /// The token. The caller fills it from `~/.vault-token` where no variable gave one.
    pub token: Option<SecretText>,
    /// Namespace, sent as `X-Vault-Namespace`.
    pub namespace: Option<String>,
    /// Where the KV v2 engine is mounted.
    pub mount: VaultPath,
    /// The entry below the mount that keeps the ledger's anchor.
    pub anchor: VaultPath,
    /// Which authorities may sign the server's certificate.
    pub trust: Trust,
    /// A certificate of our own, where the listener asks for one.
    pub client_certificate: Option<ClientCertificate>,
    /// The name in the server's certificate, where it is not the host of the address.
    pub tls_server_name: Option<String>,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for one answer, from the first byte sent to the last one read; each retry has its own.
    pub request_timeout: Duration,
    /// How often a request is sent again after a failure that may pass; the pauses double from a tenth of a second up to five.
    pub retries: usize,
    /// Requests in flight at once, at least 1.
    pub concurrency: usize,
}

/// Which certificate authorities count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Those of the operating system.
    System,
    /// Those of one PEM file, and no other.
    File(PathBuf),
    /// Those of every PEM file in a folder, and no other.
    Directory(PathBuf),
}

/// A client certificate and its key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate, with its chain.
    pub certificate: PathBuf,
    /// Its key, unencrypted.
    pub key: PathBuf,
}

/// Why the environment gives no [`Settings`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// Nobody said where the store is; a default is not guessed.
    #[error("no address: neither VAULT_ADDR nor BAO_ADDR is set")]
    NoAddress,
    /// Certificates are always verified.
    #[error(
        "{variable} asks to skip the verification of certificates, which is not offered; name the CA with VAULT_CACERT instead"
    )]
    SkipVerify {
        /// The variable.
        variable: String,
    },
    /// Neither true nor false, as Go reads it.
    #[error("{variable} is neither true nor false")]
    NotBoolean {
        /// The variable.
        variable: String,
    },
    /// `BAO_X` and `VAULT_X` say different things, so it is open which store is meant.
    #[error("{bao} and {vault} are both set and differ; unset one of them")]
    Contradiction {
        /// The variable of OpenBao.
        bao: String,
        /// The variable of Vault.
        vault: String,
    },
    /// Certificate without key, or key without certificate.
    #[error("{present} is set but {missing} is not")]
    HalfClientCertificate {
        /// The one that is set.
        present: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
}

impl Settings {
    /// Where the KV v2 engine is looked for (REQ VLT-1).
    pub const DEFAULT_MOUNT: &str = "secret";
    /// Where the anchor is kept.
    pub const DEFAULT_ANCHOR: &str = "migrate/anchor";
    /// Beyond it one OpenBao on two cores was seen to give no more; far below Go's limit of 250 streams for one HTTP/2 connection.
    pub const DEFAULT_CONCURRENCY: usize = 32;
    /// Connections are local to a data centre or go through one proxy.
    pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
    /// Half of what the Vault command line waits; our answers are small.
    pub const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
    /// About ten seconds in all: enough for a cluster to elect a new leader.
    pub const DEFAULT_RETRIES: usize = 6;

    /// Settings for one address and one mount, everything else as documented at the constants.
    #[must_use]
    pub fn new(address: impl Into<String>, mount: VaultPath, anchor: VaultPath) -> Self {
        Self {
            address: address.into(),
            token: None,
            namespace: None,
            mount,
            anchor,
            trust: Trust::System,
            client_certificate: None,
            tls_server_name: None,
            connect_timeout: Self::DEFAULT_CONNECT_TIMEOUT,
            request_timeout: Self::DEFAULT_REQUEST_TIMEOUT,
            retries: Self::DEFAULT_RETRIES,
            concurrency: Self::DEFAULT_CONCURRENCY,
        }
    }

    /// Settings as the Vault and OpenBao command lines would understand the environment. An empty variable counts as not set.
    ///
    /// Read, each also with `BAO_` for `VAULT_`: `VAULT_ADDR`, `VAULT_TOKEN`, `VAULT_NAMESPACE`, `VAULT_CACERT` (before `VAULT_CAPATH`),
    /// `VAULT_CLIENT_CERT` with `VAULT_CLIENT_KEY`, `VAULT_TLS_SERVER_NAME`, `VAULT_SKIP_VERIFY` (refused where true); see
    /// <https://developer.hashicorp.com/vault/docs/commands#environment-variables> and
    /// <https://openbao.org/docs/commands/#environment-variables>. Proxies are a matter of `HTTPS_PROXY` and its kin.
    ///
    /// # Errors
    /// [`EnvironmentError`].
    pub fn from_environment(
        mount: VaultPath,
        anchor: VaultPath,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, EnvironmentError> {
        let variables = Variables(lookup);
        if let Some((variable, text)) = variables.get("SKIP_VERIFY")? {
            // As Go's strconv.ParseBool reads it.
            match text.as_str() {
                "0" | "f" | "F" | "false" | "False" | "FALSE" => {}
                "1" | "t" | "T" | "true" | "True" | "TRUE" => return Err(EnvironmentError::SkipVerify { variable }),
                _ => return Err(EnvironmentError::NotBoolean { variable }),
            }
        }
        let path = |name| Ok(variables.text(name)?.map(PathBuf::from));
        let trust = match (path("CACERT")?, path("CAPATH")?) {
            (Some(file), _) => Trust::File(file),
            (None, Some(directory)) => Trust::Directory(directory),
            (None, None) => Trust::System,
        };
        let client_certificate = match (path("CLIENT_CERT")?, path("CLIENT_KEY")?) {
            (Some(certificate), Some(key)) => Some(ClientCertificate { certificate, key }),
            (None, None) => None,
            (Some(_), None) => {
                return Err(EnvironmentError::HalfClientCertificate {
                    present: "VAULT_CLIENT_CERT",
                    missing: "VAULT_CLIENT_KEY",
                });
            }
            (None, Some(_)) => {
                return Err(EnvironmentError::HalfClientCertificate {
                    present: "VAULT_CLIENT_KEY",
                    missing: "VAULT_CLIENT_CERT",
                });
            }
        };
        let address = variables.text("ADDR")?.ok_or(EnvironmentError::NoAddress)?;
        Ok(Self {
            token: variables.text("TOKEN")?.map(SecretText::new),
            namespace: variables.text("NAMESPACE")?,
            trust,
            client_certificate,
            tls_server_name: variables.text("TLS_SERVER_NAME")?,
            ..Self::new(address, mount, anchor)
        })
    }
}

/// The two families of variables, read as one.
struct Variables<L>(L);

impl<L: Fn(&str) -> Option<String>> Variables<L> {
    /// A variable's full name and its text without white space around it.
    fn get(&self, name: &str) -> Result<Option<(String, String)>, EnvironmentError> {
        let [bao, vault] = ["BAO", "VAULT"].map(|family| {
            let variable = format!("{family}_{name}");
            let text = (self.0)(&variable)?.trim().to_owned();
            (!text.is_empty()).then_some((variable, text))
        });
        match (bao, vault) {
            (Some((bao, a)), Some((vault, b))) if a != b => Err(EnvironmentError::Contradiction { bao, vault }),
            (bao, vault) => Ok(bao.or(vault)),
        }
    }

    fn text(&self, name: &str) -> Result<Option<String>, EnvironmentError> {
        Ok(self.get(name)?.map(|(_, text)| text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, EnvironmentError> {
        let lookup = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let path = |text| VaultPath::parse(text).unwrap();
        Settings::from_environment(path(Settings::DEFAULT_MOUNT), path(Settings::DEFAULT_ANCHOR), lookup)
    }

    #[test]
    fn the_variables_of_both_command_lines_count() {
        let settings = read(&[
            ("VAULT_ADDR", "https://vault:8200"),
            ("BAO_TOKEN", " canary\n"),
            ("VAULT_NAMESPACE", "team"),
            ("VAULT_CACERT", "ca.pem"),
            ("VAULT_CAPATH", "/certs"),
            ("BAO_CLIENT_CERT", "me.pem"),
            ("VAULT_CLIENT_KEY", "me.key"),
            ("VAULT_TLS_SERVER_NAME", "vault.internal"),
        ])
        .unwrap();
        assert_eq!(settings.address, "https://vault:8200");
        assert_eq!(settings.token.as_ref().map(SecretText::expose), Some("canary"));
        assert_eq!(settings.namespace.as_deref(), Some("team"));
        assert_eq!(settings.trust, Trust::File("ca.pem".into()));
        assert_eq!(settings.client_certificate, Some(ClientCertificate { certificate: "me.pem".into(), key: "me.key".into() }));
        assert_eq!(settings.tls_server_name.as_deref(), Some("vault.internal"));
        assert!(!format!("{settings:?}").contains("canary"));
    }

    #[test]
    fn verification_can_not_be_switched_off() {
        let with = |value| read(&[("VAULT_ADDR", "https://vault:8200"), ("VAULT_SKIP_VERIFY", value)]).map(|_| ());
        let variable = "VAULT_SKIP_VERIFY".to_owned();
        assert_eq!(with("true"), Err(EnvironmentError::SkipVerify { variable: variable.clone() }));
        assert_eq!(with("yes"), Err(EnvironmentError::NotBoolean { variable }));
        assert_eq!(with("0"), Ok(()));
        assert_eq!(with(""), Ok(()));
    }

    #[test]
    fn what_is_missing_or_contradicts_itself_is_said() {
        assert_eq!(read(&[("VAULT_ADDR", "")]).map(|_| ()), Err(EnvironmentError::NoAddress));
        assert_eq!(
            read(&[("VAULT_ADDR", "https://a"), ("BAO_ADDR", "https://b")]).map(|_| ()),
            Err(EnvironmentError::Contradiction { bao: "BAO_ADDR".into(), vault: "VAULT_ADDR".into() })
        );
        assert_eq!(
            read(&[("VAULT_ADDR", "https://a"), ("VAULT_CLIENT_KEY", "k")]).map(|_| ()),
            Err(EnvironmentError::HalfClientCertificate { present: "VAULT_CLIENT_KEY", missing: "VAULT_CLIENT_CERT" })
        );
    }
}
