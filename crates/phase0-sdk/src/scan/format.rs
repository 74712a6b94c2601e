//! Which files are read, and how: told by their names alone.

use super::lines::Dialect;

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Line by line, in one of the ways to write a setting.
    Lines(Dialect),
    /// YAML, of which Kubernetes and compose are known.
    Yaml,
    /// JSON, with or without comments.
    Json,
    /// TOML.
    Toml,
    /// `.pgpass` (<https://www.postgresql.org/docs/current/libpq-pgpass.html>).
    Pgpass,
    /// `.netrc` (<https://everything.curl.dev/usingcurl/netrc.html>).
    Netrc,
}

impl Format {
    /// How a file is read whose name says nothing, where somebody named it.
    pub const ANY: Self = Self::Lines(Dialect::Loose);

    /// How a file of that path is read; `None` for what is not configuration. The path may be a bare name.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        let lower = path.to_ascii_lowercase();
        let (folder, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
        if let Some(format) = known(folder, name) {
            return Some(format);
        }
        // `application.yml.bak`, `config.json.example`: what it was before.
        let name = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
        let (_, extension) = name.rsplit_once('.')?;
        Some(match extension {
            "env" => Self::Lines(Dialect::Env),
            "properties" => Self::Lines(Dialect::Properties),
            "ini" | "cfg" | "conf" | "cnf" => Self::Lines(Dialect::Ini),
            "service" | "socket" | "timer" | "mount" => Self::Lines(Dialect::Systemd),
            "tfvars" => Self::Lines(Dialect::Hcl),
            "yaml" | "yml" => Self::Yaml,
            "json" | "jsonc" | "json5" => Self::Json,
            "toml" => Self::Toml,
            _ => return None,
        })
    }

    /// Whether a file exists to hold credentials. The ignore rules of Git do not hide such a file: it is ignored *because* of what it holds.
    #[must_use]
    pub fn holds_credentials(path: &str) -> bool {
        let lower = path.to_ascii_lowercase();
        let (folder, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
        known(folder, name).is_some() || name.ends_with(".env") || name.ends_with(".tfvars") || name.ends_with(".tfvars.json")
    }
}

/// Additions to a name that leave the format as it is.
const SUFFIXES: &[&str] = &[".example", ".sample", ".template", ".tmpl", ".dist", ".bak", ".old", ".orig", ".local"];

/// Files known by their whole name.
fn known(folder: &str, name: &str) -> Option<Format> {
    let parent = folder.rsplit('/').next().unwrap_or_default();
    Some(match (parent, name) {
        (_, ".env" | ".envrc" | ".flaskenv" | "environmentfile") => Format::Lines(Dialect::Env),
        _ if name.starts_with(".env.") || name.starts_with(".env-") || name.starts_with(".env_") => Format::Lines(Dialect::Env),
        (_, ".npmrc" | ".yarnrc") => Format::Lines(Dialect::Npmrc),
        (_, ".pgpass" | "pgpass.conf") => Format::Pgpass,
        (_, ".netrc" | "_netrc") => Format::Netrc,
        (".docker", "config.json") | (_, ".dockerconfigjson" | ".dockercfg") => Format::Json,
        (".aws", "credentials" | "config") | (_, ".pypirc" | ".my.cnf" | ".s3cfg" | ".boto") => Format::Lines(Dialect::Ini),
        // EnvironmentFiles of systemd's units have no extension (<https://www.freedesktop.org/software/systemd/man/systemd.exec.html>).
        ("default" | "sysconfig", _) if !name.contains('.') => Format::Lines(Dialect::Env),
        _ => return None,
    })
}

/// Whether a file shows how another one is to be filled.
pub(super) fn is_example(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    name.split(['.', '-', '_']).any(|part| ["example", "sample", "template", "tmpl", "dist"].contains(&part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_how_a_file_is_read_and_whether_git_may_hide_it() {
        let table = [
            ("a/.env", Some(Format::Lines(Dialect::Env)), true),
            (".env.production", Some(Format::Lines(Dialect::Env)), true),
            ("orders.env", Some(Format::Lines(Dialect::Env)), true),
            ("etc/default/orders", Some(Format::Lines(Dialect::Env)), true),
            ("home/.docker/config.json", Some(Format::Json), true),
            ("app/config.json", Some(Format::Json), false),
            ("app/config.yml.bak", Some(Format::Yaml), false),
            (".aws/credentials", Some(Format::Lines(Dialect::Ini)), true),
            ("src/credentials", None, false),
            ("src/main.rs", None, false),
            ("README", None, false),
        ];
        for (path, format, is_known) in table {
            assert_eq!((Format::of(path), Format::holds_credentials(path)), (format, is_known), "{path}");
        }
        assert!(is_example(".env.example") && is_example("config.sample.yml") && !is_example("example/.env"));
    }
}
