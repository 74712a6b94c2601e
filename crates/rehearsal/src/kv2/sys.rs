//! `sys/` and `auth/token/lookup-self`, as far as a migration asks them.

use std::collections::BTreeMap;

use http::{Method, Response, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Settings,
    answer::{Data, Refused, envelope, json_response},
    request::{Capabilities, parse},
    token::Grants,
};
use crate::http::{Body, empty};

/// The policy that may do everything, without a text.
const ROOT: &str = "root";

type Answer = Result<Response<Body>, Refused>;

/// `sys/health`: the status code tells the state
/// (<https://developer.hashicorp.com/vault/api-docs/system/health>).
pub(super) fn health(settings: &Settings, is_sealed: bool, now: Timestamp) -> Response<Body> {
    let mut body = json!({
        "initialized": true,
        "sealed": is_sealed,
        "standby": is_sealed,
        "replication_performance_mode": if is_sealed { "unknown" } else { "primary" },
        "replication_dr_mode": if is_sealed { "unknown" } else { "disabled" },
        "server_time_utc": now.as_second(),
        "version": settings.version,
    });
    if !is_sealed {
        body["cluster_name"] = "vault-cluster-rehearsal".into();
        body["cluster_id"] = settings.cluster_id.as_str().into();
    }
    json_response(if is_sealed { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }, &body)
}

/// `sys/seal-status`.
pub(super) fn seal_status(settings: &Settings, is_sealed: bool) -> Response<Body> {
    let mut body = json!({
        "type": "shamir",
        "initialized": true,
        "sealed": is_sealed,
        "t": 1,
        "n": 1,
        "progress": 0,
        "nonce": "",
        "recovery_seal": false,
        "version": settings.version,
        "migration": false,
        "storage_type": "inmem",
    });
    if !is_sealed {
        body["cluster_name"] = "vault-cluster-rehearsal".into();
        body["cluster_id"] = settings.cluster_id.as_str().into();
    }
    json_response(StatusCode::OK, &body)
}

/// A request to `sys/` or `auth/` with a token that is known.
pub(super) struct SysRequest<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) body: &'a [u8],
    pub(super) token: &'a str,
    pub(super) grants: &'a Grants,
    pub(super) mounts: &'a [String],
    /// The query asks for a list.
    pub(super) is_list: bool,
    /// ACL policies and their texts.
    pub(super) policies: &'a mut BTreeMap<String, String>,
    pub(super) request_id: &'a str,
}

impl SysRequest<'_> {
    pub(super) fn answer(&mut self) -> Answer {
        let writes = *self.method == Method::POST || *self.method == Method::PUT;
        match self.path {
            "sys/policies/acl" => self.policy_names(),
            path if path.starts_with("sys/policies/acl/") => self.policy(&path["sys/policies/acl/".len()..]),
            "sys/mounts" if *self.method == Method::GET => self.mounts(),
            "sys/capabilities-self" if writes => self.capabilities(),
            "auth/token/lookup-self" if *self.method == Method::GET => Ok(self.lookup()),
            path => match path.strip_prefix("sys/internal/ui/mounts/") {
                Some(mount) if *self.method == Method::GET => self.mount(mount),
                _ if !self.grants.allows(path, super::Capability::Read) => Err(Refused::denied()),
                _ => Err(Refused::new(StatusCode::NOT_FOUND, "this server is emulated and does not know the path")),
            },
        }
    }

    /// The root policy is listed, though it has no text.
    fn policy_names(&self) -> Answer {
        if !self.is_list && self.method.as_str() != "LIST" {
            return Err(Refused::new(StatusCode::METHOD_NOT_ALLOWED, "1 error occurred:\n\t* unsupported operation\n\n"));
        }
        if !self.grants.allows(self.path, super::Capability::List) {
            return Err(Refused::denied());
        }
        let names: Vec<&str> = self.policies.keys().map(String::as_str).chain([ROOT]).collect();
        Ok(self.plain(json!({ "keys": names })))
    }

    fn policy(&mut self, name: &str) -> Answer {
        #[derive(Deserialize)]
        struct Written {
            policy: String,
        }
        let known = self.policies.contains_key(name);
        let needed = match self.method.as_str() {
            "GET" => super::Capability::Read,
            "POST" | "PUT" if known => super::Capability::Update,
            "POST" | "PUT" => super::Capability::Create,
            "DELETE" => super::Capability::Delete,
            _ => return Err(Refused { status: StatusCode::METHOD_NOT_ALLOWED, errors: Vec::new() }),
        };
        if !self.grants.allows(self.path, needed) {
            return Err(Refused::denied());
        }
        match self.method.as_str() {
            "GET" => match self.policies.get(name) {
                Some(text) => Ok(self.plain(json!({ "name": name, "policy": text }))),
                None if name == ROOT => Ok(self.plain(json!({ "name": name, "policy": "" }))),
                None => Err(Refused::absent()),
            },
            _ if name == ROOT => Err(Refused::bad("cannot update \"root\" policy")),
            "DELETE" => {
                self.policies.remove(name);
                Ok(empty(StatusCode::NO_CONTENT))
            }
            _ => {
                let written: Written = parse(self.body)?;
                self.policies.insert(name.to_owned(), written.policy);
                Ok(empty(StatusCode::NO_CONTENT))
            }
        }
    }

    fn plain(&self, data: Value) -> Response<Body> {
        envelope(StatusCode::OK, self.request_id, Data::Plain(data), None)
    }

    fn mounts(&self) -> Answer {
        if !self.grants.allows("sys/mounts", super::Capability::Read) {
            return Err(Refused::denied());
        }
        let all: Map<String, Value> = self.mounts.iter().map(|mount| (format!("{mount}/"), describe(mount))).collect();
        Ok(self.plain(Value::Object(all)))
    }

    /// Answers for a path below the mount as well; says nothing about mounts that are out of the token's reach.
    fn mount(&self, path: &str) -> Answer {
        let path = path.trim_end_matches('/');
        let found = self
            .mounts
            .iter()
            .find(|mount| path.strip_prefix(mount.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
        match found {
            Some(mount) if self.grants.reaches(&format!("{mount}/")) => {
                let mut shown = describe(mount);
                shown["path"] = format!("{mount}/").into();
                Ok(self.plain(shown))
            }
            _ => Err(Refused::new(
                StatusCode::FORBIDDEN,
                format!(
                    "preflight capability check returned 403, please ensure client's policies grant access to path \"{path}/\""
                ),
            )),
        }
    }

    fn capabilities(&self) -> Answer {
        let request: Capabilities = parse(self.body)?;
        let paths: Vec<String> = request.paths.into_iter().chain(request.path).collect();
        if paths.is_empty() {
            return Err(Refused::bad("paths must be supplied"));
        }
        let data: Map<String, Value> = paths.iter().map(|path| (path.clone(), json!(self.grants.names(path)))).collect();
        Ok(self.plain(Value::Object(data)))
    }

    fn lookup(&self) -> Response<Body> {
        let policies = if *self.grants == Grants::Root { ["root"] } else { ["rehearsal"] };
        self.plain(json!({
            "accessor": "rehearsal",
            "creation_time": 0,
            "creation_ttl": 0,
            "display_name": policies[0],
            "entity_id": "",
            "expire_time": null,
            "explicit_max_ttl": 0,
            "id": self.token,
            "meta": null,
            "num_uses": 0,
            "orphan": true,
            "path": "auth/token/create",
            "policies": policies,
            "ttl": 0,
            "type": "service",
        }))
    }
}

fn describe(mount: &str) -> Value {
    json!({
        "accessor": format!("kv_{mount}"),
        "config": {"default_lease_ttl": 0, "force_no_cache": false, "max_lease_ttl": 0},
        "deprecation_status": "supported",
        "description": "",
        "external_entropy_access": false,
        "local": false,
        "options": {"version": "2"},
        "plugin_version": "",
        "seal_wrap": false,
        "type": "kv",
    })
}
