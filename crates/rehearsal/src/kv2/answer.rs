//! Vault's envelope and its errors.

use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use crate::http::{Body, encode, respond};

/// A refusal: status and the texts in `errors`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) errors: Vec<String>,
}

impl Refused {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, errors: vec![error.into()] }
    }

    pub(super) fn bad(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    /// In the form of Go's multierror.
    pub(super) fn listed(error: &str) -> Self {
        Self::bad(format!("1 error occurred:\n\t* {error}\n\n"))
    }

    pub(super) fn denied() -> Self {
        Self { status: StatusCode::FORBIDDEN, ..Self::listed("permission denied") }
    }

    pub(super) fn absent() -> Self {
        Self { status: StatusCode::NOT_FOUND, errors: Vec::new() }
    }

    pub(super) fn response(&self) -> Response<Body> {
        json_response(self.status, &json!({ "errors": self.errors }))
    }
}

/// What is in an answer's `data`.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Data<'a> {
    Plain(Value),
    Entry { data: Option<&'a RawValue>, metadata: Value },
}

/// The envelope of a logical answer.
pub(super) fn envelope(status: StatusCode, request_id: &str, data: Data<'_>, warning: Option<&str>) -> Response<Body> {
    #[derive(Serialize)]
    struct Envelope<'a> {
        request_id: &'a str,
        lease_id: &'a str,
        renewable: bool,
        lease_duration: u64,
        data: Data<'a>,
        wrap_info: Option<()>,
        warnings: Option<[&'a str; 1]>,
        auth: Option<()>,
    }
    let envelope = Envelope {
        request_id,
        lease_id: "",
        renewable: false,
        lease_duration: 0,
        data,
        wrap_info: None,
        warnings: warning.map(|warning| [warning]),
        auth: None,
    };
    json_response(status, &envelope)
}

pub(super) fn json_response(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    let mut response = respond(status, "application/json", encode(body));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
