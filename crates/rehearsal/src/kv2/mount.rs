//! The paths below a KV v2 mount.

use http::{Method, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{json, value::RawValue};

use super::{
    answer::{Data, Refused, envelope},
    request::{DataWrite, Settings, parse, versions},
    store::{Entry, Mount, Version},
    token::{Capability, Grants},
};
use crate::http::{Body, empty};

/// A request below a mount.
pub(super) struct MountRequest<'a> {
    pub(super) method: &'a Method,
    /// The mount's name, without slashes around it.
    pub(super) mount: &'a str,
    /// What follows the mount.
    pub(super) path: &'a str,
    pub(super) query: &'a [(String, String)],
    pub(super) is_merge_patch: bool,
    pub(super) body: &'a [u8],
    pub(super) grants: &'a Grants,
    pub(super) now: Timestamp,
    pub(super) request_id: &'a str,
}

/// Largest entry that raft storage takes; what it stores is a little more than the data.
const STORED_BYTES: usize = 1_048_576;
const ENVELOPE_BYTES: usize = 256;

type Answer = Result<Response<Body>, Refused>;

impl MountRequest<'_> {
    pub(super) fn answer(&self, mount: &mut Mount) -> Answer {
        let (class, path) = self.path.split_once('/').unwrap_or((self.path, ""));
        let is_list = self.is_list();
        if path.is_empty() && !is_list && ["data", "metadata", "delete", "undelete", "destroy"].contains(&class) {
            if self.path.ends_with('/') {
                return Err(Refused::absent());
            }
            let warning = "Non-listing operations on the root of a K/V v2 mount are not supported.";
            return Ok(envelope(StatusCode::NOT_FOUND, self.request_id, Data::Plain(json!(null)), Some(warning)));
        }
        let exists = mount.entries.contains_key(path);
        self.authorize(self.capability(class, exists)?)?;
        let writes = *self.method == Method::POST || *self.method == Method::PUT;
        if path.ends_with('/') && !is_list {
            return Err(if writes { Refused::bad("cannot write to a path ending in '/'") } else { Refused::absent() });
        }
        match (class, self.method.as_str()) {
            ("config", "GET") => Ok(self.plain(mount.config.shown())),
            ("config", "POST" | "PUT") => self.write_config(mount),
            ("data", "GET") => self.read(mount, path),
            ("data", "POST" | "PUT") => self.write(mount, path),
            ("data", "DELETE") => {
                mount.delete(path, None, self.now);
                Ok(empty(StatusCode::NO_CONTENT))
            }
            ("delete", "POST" | "PUT") => {
                mount.delete(path, Some(&versions(self.body, "No version number provided")?), self.now);
                Ok(empty(StatusCode::NO_CONTENT))
            }
            ("undelete", "POST" | "PUT") => {
                mount.undelete(path, &versions(self.body, "No version number provided")?);
                Ok(empty(StatusCode::NO_CONTENT))
            }
            ("destroy", "POST" | "PUT") => {
                mount.destroy(path, &versions(self.body, "no version number provided")?);
                Ok(empty(StatusCode::NO_CONTENT))
            }
            ("metadata", _) if is_list => match mount.list(path) {
                names if names.is_empty() => Err(Refused::absent()),
                names => Ok(self.plain(json!({ "keys": names }))),
            },
            ("metadata", "GET") => match mount.entries.get(path) {
                Some(entry) => Ok(self.plain(entry.metadata())),
                None => Err(Refused::absent()),
            },
            ("metadata", "POST" | "PUT") => self.write_metadata(mount, path),
            ("metadata", "PATCH") => self.patch_metadata(mount, path),
            ("metadata", "DELETE") => {
                mount.entries.remove(path);
                Ok(empty(StatusCode::NO_CONTENT))
            }
            ("data" | "config" | "delete" | "undelete" | "destroy" | "metadata", _) => {
                Err(Refused::new(StatusCode::METHOD_NOT_ALLOWED, "1 error occurred:\n\t* unsupported operation\n\n"))
            }
            _ => {
                let warning = "Invalid path for a versioned K/V secrets engine.";
                Ok(envelope(StatusCode::NOT_FOUND, self.request_id, Data::Plain(json!(null)), Some(warning)))
            }
        }
    }

    fn is_list(&self) -> bool {
        self.method.as_str() == "LIST"
            || *self.method == Method::GET && self.query.iter().any(|(key, value)| key == "list" && value == "true")
    }

    fn capability(&self, class: &str, exists: bool) -> Result<Capability, Refused> {
        Ok(match self.method.as_str() {
            _ if self.is_list() => Capability::List,
            "GET" => Capability::Read,
            "POST" | "PUT" if !exists && ["data", "metadata"].contains(&class) => Capability::Create,
            "POST" | "PUT" => Capability::Update,
            "PATCH" => Capability::Patch,
            "DELETE" => Capability::Delete,
            _ => return Err(Refused { status: StatusCode::METHOD_NOT_ALLOWED, errors: Vec::new() }),
        })
    }

    fn authorize(&self, capability: Capability) -> Result<(), Refused> {
        let path = format!("{}/{}", self.mount, self.path);
        if self.grants.allows(&path, capability) { Ok(()) } else { Err(Refused::denied()) }
    }

    fn plain(&self, data: serde_json::Value) -> Response<Body> {
        envelope(StatusCode::OK, self.request_id, Data::Plain(data), None)
    }

    fn read(&self, mount: &Mount, path: &str) -> Answer {
        let asked = match self.query.iter().find(|(key, _)| key == "version") {
            None => 0,
            Some((_, text)) => text.parse::<u64>().map_err(|_| {
                Refused::bad(
                    "Field validation failed: error converting input for field \"version\": '' cannot parse value as 'int': \
                     strconv.ParseInt: invalid syntax",
                )
            })?,
        };
        let entry = mount.entries.get(path).ok_or_else(Refused::absent)?;
        let number = if asked == 0 { entry.current } else { asked };
        let version = entry.versions.get(&number).ok_or_else(Refused::absent)?;
        Ok(self.reading(entry, number, version))
    }

    fn reading(&self, entry: &Entry, number: u64, version: &Version) -> Response<Body> {
        let metadata = entry.version_metadata(number);
        let data = version.data.as_ref().filter(|_| !version.is_deleted(self.now));
        // What was stored is JSON that was written here, so it parses again.
        let data = data.and_then(|text| serde_json::from_str::<&RawValue>(text).ok());
        let status = if data.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
        envelope(status, self.request_id, Data::Entry { data, metadata }, None)
    }

    fn write(&self, mount: &mut Mount, path: &str) -> Answer {
        let request = DataWrite::parse(self.body)?;
        let (data, cas) = (request.data()?, request.cas()?);
        if data.len() + ENVELOPE_BYTES > STORED_BYTES {
            let why = format!("put failed due to value being too large; max {STORED_BYTES} bytes");
            return Err(Refused { status: StatusCode::INTERNAL_SERVER_ERROR, ..Refused::listed(&why) });
        }
        let entry = mount.write(path, cas, data, self.now).map_err(|refused| Refused::bad(refused.to_string()))?;
        Ok(self.plain(entry.version_metadata(entry.current)))
    }

    fn write_config(&self, mount: &mut Mount) -> Answer {
        let settings: Settings = parse(self.body)?;
        settings.apply(&mut mount.config, true)?;
        Ok(empty(StatusCode::NO_CONTENT))
    }

    fn write_metadata(&self, mount: &mut Mount, path: &str) -> Answer {
        let settings: Settings = parse(self.body)?;
        let custom = settings.custom_metadata()?;
        mount.may_write_metadata(path, settings.metadata_cas()?).map_err(|refused| Refused::bad(refused.to_string()))?;
        let mut config = mount.entries.get(path).map(|entry| entry.config.clone()).unwrap_or_default();
        settings.apply(&mut config, false)?;
        let entry = mount.entry(path, self.now);
        entry.config = config;
        if let Some(custom) = custom {
            entry.custom_metadata = custom;
        }
        self.changed(entry);
        Ok(empty(StatusCode::NO_CONTENT))
    }

    fn patch_metadata(&self, mount: &mut Mount, path: &str) -> Answer {
        if !self.is_merge_patch {
            return Err(Refused::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "PATCH requires Content-Type of application/merge-patch+json",
            ));
        }
        let settings: Settings = parse(self.body)?;
        let expected = settings.metadata_cas()?;
        let allowed = mount.may_write_metadata(path, expected);
        // The server answers an absent entry with an empty body, whatever was expected.
        let Some(entry) = mount.entries.get_mut(path) else { return Ok(empty(StatusCode::NOT_FOUND)) };
        allowed.map_err(|refused| Refused::bad(refused.to_string()))?;
        let custom = settings.merged(&entry.custom_metadata)?;
        settings.apply(&mut entry.config, false)?;
        entry.custom_metadata = custom;
        self.changed(entry);
        Ok(empty(StatusCode::NO_CONTENT))
    }

    fn changed(&self, entry: &mut Entry) {
        entry.metadata_version += 1;
        entry.updated = self.now;
    }
}
