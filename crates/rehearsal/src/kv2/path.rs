//! What Vault makes of a request's path: percent signs decoded, then cleaned; another spelling is redirected.

use percent_encoding::percent_decode_str;

/// A path as it is answered, or where the client is sent instead.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// Below `/v1/`, decoded.
    Clean(String),
    /// 307 to this path.
    Elsewhere(String),
    /// Not below `/v1/`, or not UTF-8.
    Foreign,
}

pub(super) fn read(raw: &str) -> Path {
    let Ok(path) = percent_decode_str(raw).decode_utf8() else { return Path::Foreign };
    let clean = clean(&path);
    if clean != path {
        return Path::Elsewhere(clean);
    }
    path.strip_prefix("/v1/").map_or(Path::Foreign, |below| Path::Clean(below.to_owned()))
}

/// Go's `path.Clean`, with a trailing slash kept.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let slash = if path.ends_with('/') && !parts.is_empty() { "/" } else { "" };
    format!("/{}{slash}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen on OpenBao 2.7.2.
    #[test]
    fn paths_are_cleaned_as_the_server_does() {
        for (asked, sent_to) in [
            ("/v1/secret/data/x//y", "/v1/secret/data/x/y"),
            ("/v1/secret/data//lead", "/v1/secret/data/lead"),
            ("/v1/secret/data/dot/./y", "/v1/secret/data/dot/y"),
            ("/v1/secret/data/dot/../up", "/v1/secret/data/up"),
        ] {
            assert_eq!(read(asked), Path::Elsewhere(sent_to.to_owned()));
        }
        assert_eq!(read("/v1/secret/data/trail/"), Path::Clean("secret/data/trail/".to_owned()));
        assert_eq!(read("/v1/secret/data/sp%20ace%2Fx"), Path::Clean("secret/data/sp ace/x".to_owned()));
        assert_eq!(read("/ui/"), Path::Foreign);
    }
}
