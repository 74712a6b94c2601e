//! From [`Settings`] to what a client needs: files read, text checked, nothing sent.

use std::{
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::settings::{ClientCertificate, Settings, Trust};

/// Why [`Settings`] can't be used, found out before anything is sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// No token anywhere.
    #[error("no token: set VAULT_TOKEN, or log in so that ~/.vault-token exists")]
    NoToken,
    /// The token can't be a header.
    #[error("the token holds a line break or another character that no token has")]
    Token,
    /// The namespace can't be a header.
    #[error("the namespace {0:?} holds a character that no namespace has")]
    Namespace(String),
    /// No `http` or `https` address, or one with a path, a query or credentials.
    #[error("the address {0:?} is not of the form https://host:port")]
    Address(String),
    /// Values would cross the network in clear text (REQ OPS-9).
    #[error("the address {0:?} is plain http, which is taken for loopback addresses only")]
    PlainHttp(String),
    /// A file that could not be read.
    #[error("failed to read {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file without what it should hold.
    #[error("{path} holds no usable {what}")]
    Unusable {
        /// The file or folder.
        path: PathBuf,
        /// What should be there.
        what: &'static str,
    },
    /// The TLS library refused the whole.
    #[error("failed to set up TLS: {0}")]
    Tls(String),
}

/// An address that was taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// `https://host:port`, without a slash at its end.
    pub(crate) base: String,
    /// Host without brackets.
    pub(crate) host: String,
    /// This machine: no proxy is asked, plain http is taken.
    pub(crate) is_loopback: bool,
}

/// Checks the address, and puts `server_name` in the place of its host where there is one.
pub(crate) fn origin(address: &str, server_name: Option<&str>) -> Result<Origin, ConnectError> {
    let wrong = || ConnectError::Address(address.to_owned());
    let (scheme, rest) = address.trim_end_matches('/').split_once("://").ok_or_else(wrong)?;
    let is_plain = match scheme {
        "https" => false,
        "http" => true,
        _ => return Err(wrong()),
    };
    if rest.is_empty() || rest.contains(['/', '?', '#', '@']) || rest.contains(char::is_whitespace) {
        return Err(wrong());
    }
    let (host, port) = match rest.strip_prefix('[') {
        Some(v6) => v6.split_once(']').map(|(host, port)| (host, port.strip_prefix(':'))).ok_or_else(wrong)?,
        None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() || port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err(wrong());
    }
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if is_plain && !is_loopback {
        return Err(ConnectError::PlainHttp(address.to_owned()));
    }
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let base = match server_name {
        Some(name) => format!("{scheme}://{name}{port}"),
        None => format!("{scheme}://{rest}"),
    };
    Ok(Origin { base, host: host.to_owned(), is_loopback })
}

/// A file that holds certificates, not parsed yet.
pub(crate) struct PemFile {
    pub(crate) path: PathBuf,
    pub(crate) text: Vec<u8>,
}

/// The authorities to trust; `None` means those of the system.
pub(crate) fn authorities(trust: &Trust) -> Result<Option<Vec<PemFile>>, ConnectError> {
    let files = match trust {
        Trust::System => return Ok(None),
        Trust::File(file) => vec![file.clone()],
        Trust::Directory(directory) => {
            let unreadable = |source| ConnectError::Unreadable { path: directory.clone(), source };
            let mut files = Vec::new();
            for entry in fs::read_dir(directory).map_err(unreadable)? {
                let path = entry.map_err(unreadable)?.path();
                if path.is_file() {
                    files.push(path);
                }
            }
            files.sort();
            files
        }
    };
    files.into_iter().map(|path| Ok(PemFile { text: read(&path)?, path })).collect::<Result<Vec<_>, _>>().map(Some)
}

/// Certificate and key as one PEM text.
pub(crate) fn identity(of: &ClientCertificate) -> Result<Zeroizing<Vec<u8>>, ConnectError> {
    let key = Zeroizing::new(read(&of.key)?);
    let certificate = read(&of.certificate)?;
    let mut pem = Zeroizing::new(Vec::with_capacity(key.len() + certificate.len() + 1));
    pem.extend_from_slice(&key);
    pem.push(b'\n');
    pem.extend_from_slice(&certificate);
    Ok(pem)
}

/// The token, where there is one.
pub(crate) fn token(settings: &Settings) -> Result<&str, ConnectError> {
    settings.token.as_ref().map(|token| token.expose()).filter(|token| !token.is_empty()).ok_or(ConnectError::NoToken)
}

fn read(path: &Path) -> Result<Vec<u8>, ConnectError> {
    fs::read(path).map_err(|source| ConnectError::Unreadable { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let cases = [
            ("https://vault.example:8200/", None, "https://vault.example:8200", "vault.example", false),
            ("https://10.0.0.7:8200", Some("vault.internal"), "https://vault.internal:8200", "10.0.0.7", false),
            ("http://127.0.0.1:8200", None, "http://127.0.0.1:8200", "127.0.0.1", true),
            ("http://[::1]:8200", None, "http://[::1]:8200", "::1", true),
            ("https://localhost", None, "https://localhost", "localhost", true),
        ];
        for (address, name, base, host, is_loopback) in cases {
            let expected = Origin { base: base.into(), host: host.into(), is_loopback };
            assert_eq!(origin(address, name).unwrap(), expected, "{address}");
        }
    }

    #[test]
    fn what_is_no_safe_address_is_refused() {
        for address in
            ["", "vault:8200", "ftp://vault", "https://", "https://u:p@vault", "https://vault/v1", "https://vault:port"]
        {
            assert!(matches!(origin(address, None), Err(ConnectError::Address(_))), "{address}");
        }
        for address in ["http://vault:8200", "http://10.0.0.7:8200", "http://localhost.example"] {
            assert!(matches!(origin(address, None), Err(ConnectError::PlainHttp(_))), "{address}");
        }
    }
}
