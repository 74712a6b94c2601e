//! The small HTTP/1.1 server below both emulators and the proxy: plain, on 127.0.0.1, gone when dropped.

use std::{
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};
use zeroize::Zeroizing;

/// A body on its way to a client: made here, or streaming from an upstream.
pub(crate) type Body = BoxBody<Bytes, hyper::Error>;

/// The connection is to be closed without an answer, as a lost network would.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("closed without an answer")]
pub(crate) struct HangUp;

/// Why a request's body could not be taken in.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// Larger than the limit.
    #[error("the body is too large")]
    TooLarge,
    /// The client went away before it had sent everything.
    #[error("the body ended early")]
    Lost,
}

/// A listening server. Dropping it closes the port and every connection.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Binds a free port on 127.0.0.1 and answers each request with `handler`.
    pub(crate) async fn start<H, F>(handler: H) -> io::Result<Self>
    where
        H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Result<Response<Body>, HangUp>> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        // Out of descriptors, or gone between SYN and accept: the next one may do.
                        let Ok((stream, _)) = accepted else { tokio::task::yield_now().await; continue };
                        // Small answers must not wait for an acknowledgement of the ones before; without it, only slower.
                        let _ = stream.set_nodelay(true);
                        let handler = handler.clone();
                        let mut http = http1::Builder::new();
                        http.timer(TokioTimer::new());
                        connections.spawn(async move {
                            // A client that goes away is no failure of the server.
                            let _ = http.serve_connection(TokioIo::new(stream), service_fn(handler)).await;
                        });
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Ok(Self { address, accepting })
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Takes a whole body into memory that is wiped afterwards.
pub(crate) async fn take_body(mut body: Incoming, limit: usize) -> Result<Zeroizing<Vec<u8>>, BodyError> {
    let mut taken = Zeroizing::new(Vec::new());
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Lost)?.into_data() else { continue };
        if taken.len() + data.len() > limit {
            return Err(BodyError::TooLarge);
        }
        taken.extend_from_slice(&data);
    }
    Ok(taken)
}

/// A body that is wiped once it has been sent.
pub(crate) fn body(bytes: Zeroizing<Vec<u8>>) -> Body {
    Full::new(Bytes::from_owner(bytes)).map_err(|never| match never {}).boxed()
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    respond(status, "", Zeroizing::default())
}

/// An answer with a body of the given type.
pub(crate) fn respond(status: StatusCode, content_type: &'static str, bytes: Zeroizing<Vec<u8>>) -> Response<Body> {
    let mut response = Response::new(body(bytes));
    *response.status_mut() = status;
    if !content_type.is_empty() {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    response
}

/// JSON in memory that is wiped.
pub(crate) fn encode(value: &impl Serialize) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(512));
    // Maps with string keys into memory: serialising can't fail; an empty body would be seen at once.
    if serde_json::to_writer(&mut *bytes, value).is_err() {
        bytes.clear();
    }
    bytes
}
