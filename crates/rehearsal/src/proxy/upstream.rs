//! The server behind the proxy, over HTTP or over TLS with a CA of its own.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, Uri, header, request::Parts, uri::InvalidUri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, pem::PemObject},
};
use zeroize::Zeroizing;

/// Where a proxy sends what it lets through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    base: Uri,
    ca_pem: Option<String>,
}

/// Why an upstream can't be used.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// The address is no URL with scheme and host.
    #[error("the upstream's address is no http or https URL")]
    Address(#[source] Option<InvalidUri>),
    /// The CA file holds no certificate.
    #[error("the upstream's CA holds no usable certificate")]
    Ca,
    /// TLS could not be set up.
    #[error("TLS to the upstream could not be set up")]
    Tls(#[source] rustls::Error),
}

impl Upstream {
    /// A server at an `http://` or `https://` address.
    ///
    /// # Errors
    /// [`UpstreamError::Address`].
    pub fn at(url: &str) -> Result<Self, UpstreamError> {
        let base: Uri = url.parse().map_err(|error| UpstreamError::Address(Some(error)))?;
        match (base.scheme_str(), base.authority()) {
            (Some("http" | "https"), Some(_)) => Ok(Self { base, ca_pem: None }),
            _ => Err(UpstreamError::Address(None)),
        }
    }

    /// Trusts the certificates in this PEM text and no others.
    #[must_use]
    pub fn with_ca(mut self, pem: impl Into<String>) -> Self {
        self.ca_pem = Some(pem.into());
        self
    }

    pub(super) fn connect(&self) -> Result<Forward, UpstreamError> {
        let mut roots = RootCertStore::empty();
        if let Some(pem) = &self.ca_pem {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let certificate = certificate.map_err(|_| UpstreamError::Ca)?;
                roots.add(certificate).map_err(|_| UpstreamError::Ca)?;
            }
            if roots.is_empty() {
                return Err(UpstreamError::Ca);
            }
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(UpstreamError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        Ok(Forward { base: self.base.clone(), client: Client::builder(TokioExecutor::new()).build(connector) })
    }
}

/// A client that changes nothing on the way: no redirect is followed, no path is cleaned, nothing is decoded.
#[derive(Clone, Debug)]
pub(super) struct Forward {
    base: Uri,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// The upstream could not be reached, or went away before it answered.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the upstream did not answer")]
pub(super) struct NoAnswer;

impl Forward {
    pub(super) async fn send(&self, head: &Parts, body: Zeroizing<Vec<u8>>) -> Result<Response<Incoming>, NoAnswer> {
        let mut address = self.base.clone().into_parts();
        address.path_and_query = head.uri.path_and_query().cloned();
        let mut request = Request::new(Full::new(Bytes::from_owner(body)));
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = Uri::from_parts(address).map_err(|_| NoAnswer)?;
        *request.headers_mut() = head.headers.clone();
        // Of this hop only; the body was taken in whole, so its length is known.
        request.headers_mut().remove(header::CONNECTION);
        request.headers_mut().remove(header::TRANSFER_ENCODING);
        let mut response = self.client.request(request).await.map_err(|_| NoAnswer)?;
        response.headers_mut().remove(header::CONNECTION);
        Ok(response)
    }
}
