//! Settings that stand on a line each: environment files, properties, INI, systemd units, Terraform variables; and, loosely, whatever is
//! broken or a template.

use migrate_core::inventory::Position;

use super::{
    assignment::{Assignment, Role},
    finding::Kind,
};

/// A way to write settings on lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `export NAME="value" # comment`, as shells and systemd's EnvironmentFile read it.
    Env,
    /// Java's properties.
    Properties,
    /// Sections and settings, as in `~/.aws/credentials`.
    Ini,
    /// Unit files, where `Environment=` holds settings of its own.
    Systemd,
    /// Terraform's variable files.
    Hcl,
    /// npm's settings (<https://docs.npmjs.com/cli/configuring-npm/npmrc>).
    Npmrc,
    /// Anything with a key, a colon or an equals sign, and a value.
    Loose,
}

/// The longest key; what is longer is no key but a part of something else.
const LONGEST_KEY: usize = 128;

/// How many bytes of a line are counted as characters.
const COUNTED: usize = 4 << 10;

/// Reads all lines.
pub(super) fn read(text: &str, dialect: Dialect) -> Vec<Assignment> {
    read_from(text, dialect, 1)
}

/// Reads from a line on, which is counted from 1.
pub(super) fn read_from(text: &str, dialect: Dialect, first: u64) -> Vec<Assignment> {
    let mut reader = Reader { dialect, path: Vec::new(), is_in_pem: false, found: Vec::new() };
    for (line, number) in text.lines().zip(1..) {
        if number >= first {
            reader.line(&Line { text: line, number });
        }
    }
    reader.found
}

/// The comments of a text whose parser leaves them out.
pub(super) fn comments(text: &str) -> Vec<Assignment> {
    let lines = text.lines().zip(1..).map(|(text, number)| Line { text, number });
    let comments =
        lines.filter(|line| line.text.trim_start().starts_with(['#', ';']) || line.text.trim_start().starts_with("//"));
    comments.map(|line| line.assignment(Vec::new(), line.text.trim(), Role::Text)).collect()
}

struct Line<'a> {
    text: &'a str,
    number: u64,
}

impl Line<'_> {
    /// Where a part of this line begins.
    fn place(&self, part: &str) -> Position {
        let offset = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        // Far out on a line that no person wrote, bytes do for characters: counting anew for each of its values takes minutes.
        let counted = self.text.floor_char_boundary(offset.min(COUNTED));
        let column = self.text.get(..counted).map_or(0, |before| before.chars().count()) + offset - counted;
        Position { line: self.number, column: column as u64 + 1 }
    }

    fn assignment(&self, path: Vec<String>, value: &str, role: Role) -> Assignment {
        Assignment::new(self.place(value), path, value, role)
    }
}

struct Reader {
    dialect: Dialect,
    /// The section, or the blocks around the line.
    path: Vec<String>,
    is_in_pem: bool,
    found: Vec<Assignment>,
}

impl Reader {
    fn line(&mut self, line: &Line<'_>) {
        let text = line.text.trim();
        if self.is_in_pem {
            self.is_in_pem = !text.contains("-----END ");
            return;
        }
        self.is_in_pem = text.contains("-----BEGIN ") && !text.contains("-----END ");
        if text.is_empty() {
            return;
        }
        if text.starts_with('#') || text.starts_with("//") && self.dialect != Dialect::Npmrc || text.starts_with(';') {
            return self.found.push(line.assignment(Vec::new(), text, Role::Text));
        }
        match self.dialect {
            Dialect::Ini | Dialect::Systemd => {
                if let Some(section) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                    self.path = vec![section.0.trim_matches(['[', '"', ' ']).to_owned()];
                    return;
                }
            }
            Dialect::Hcl | Dialect::Loose => {
                if text.starts_with(['}', ']']) {
                    self.path.pop();
                    return;
                }
            }
            Dialect::Env | Dialect::Properties | Dialect::Npmrc => {}
        }
        match split(text, self.dialect) {
            Some((key, value)) => self.setting(line, key, value),
            None => self.found.push(line.assignment(self.path.clone(), text, Role::Text)),
        }
    }

    fn setting(&mut self, line: &Line<'_>, key: &str, raw: &str) {
        let mut path = self.path.clone();
        path.push(key.to_owned());
        match self.dialect {
            Dialect::Hcl | Dialect::Loose if raw == "{" || raw == "[" => self.path = path,
            Dialect::Hcl | Dialect::Loose
                if raw.starts_with(['{', '[']) && raw.ends_with(['}', ']']) && !raw.starts_with("{{") =>
            {
                self.inline(line, &path, &raw[1..raw.len() - 1]);
            }
            Dialect::Systemd if key == "Environment" => {
                for word in quoted_words(raw) {
                    if let Some((name, value)) = word.split_once('=') {
                        path.truncate(self.path.len() + 1);
                        path.push(name.to_owned());
                        self.found.push(line.assignment(path.clone(), value, Role::Setting));
                    }
                }
            }
            Dialect::Systemd if key == "SetCredential" => {
                let (name, value) = raw.split_once(':').unwrap_or(("", raw));
                path.push(name.to_owned());
                self.found.push(line.assignment(path, value, Role::Credential(Kind::Secret)));
            }
            Dialect::Systemd if REFERENCES.contains(&key) => self.found.push(line.assignment(path, raw, Role::Reference)),
            Dialect::Npmrc => {
                let role = match key.rsplit(':').next() {
                    Some("_authToken") => Role::Credential(Kind::Token),
                    Some("_auth") => Role::Credential(Kind::RegistryLogin),
                    Some("_password") => Role::Credential(Kind::Password),
                    _ => Role::Setting,
                };
                self.found.push(line.assignment(path, unquoted(raw), role));
            }
            _ => self.found.push(line.assignment(path, value(raw, self.dialect), Role::Setting)),
        }
    }

    /// `{ a = "x", b = "y" }` or `["x", "y"]` on one line.
    fn inline(&mut self, line: &Line<'_>, path: &[String], text: &str) {
        for part in outside_of_quotes(text, ',') {
            let part = part.trim();
            let mut path = path.to_vec();
            let text = match split(part, self.dialect).filter(|_| !part.starts_with('"') || self.dialect == Dialect::Loose) {
                Some((key, raw)) => {
                    path.push(key.to_owned());
                    raw
                }
                None => part,
            };
            self.found.push(line.assignment(
                path,
                value(text.trim_matches(['{', '}', '[', ']', ' ']), self.dialect),
                Role::Setting,
            ));
        }
    }
}

/// Settings of units that name where a credential is, or hold an encrypted one
/// (<https://www.freedesktop.org/software/systemd/man/systemd.exec.html>).
const REFERENCES: [&str; 7] = [
    "EnvironmentFile",
    "PassEnvironment",
    "UnsetEnvironment",
    "LoadCredential",
    "LoadCredentialEncrypted",
    "ImportCredential",
    "SetCredentialEncrypted",
];

/// Key and raw value of a line, where it has both.
fn split(text: &str, dialect: Dialect) -> Option<(&str, &str)> {
    let text = match dialect {
        Dialect::Env => text.strip_prefix("export ").or_else(|| text.strip_prefix("set ")).unwrap_or(text).trim_start(),
        Dialect::Loose => text.trim_start_matches("- ").trim_start(),
        _ => text,
    };
    let at = match dialect {
        Dialect::Env | Dialect::Systemd | Dialect::Npmrc | Dialect::Hcl => text.find('=')?,
        Dialect::Properties | Dialect::Ini => text.find(['=', ':'])?,
        // A colon inside of a key has no blank behind it.
        Dialect::Loose => {
            let colon = text
                .match_indices(':')
                .map(|(at, _)| at)
                .find(|at| text[at + 1..].is_empty() || text[at + 1..].starts_with([' ', '"']));
            [colon, text.find('=')].into_iter().flatten().min()?
        }
    };
    let (key, value) = (text[..at].trim().trim_matches(['"', '\'', '+']), text[at + 1..].trim());
    let fits = |c: char| c.is_alphanumeric() || "_.-/:@%*[]\"".contains(c);
    (!key.is_empty() && key.len() <= LONGEST_KEY && key.chars().all(fits)).then_some((key, value))
}

/// A value without its quotes and what follows it.
fn value(raw: &str, dialect: Dialect) -> &str {
    let raw = if matches!(dialect, Dialect::Loose) { raw.trim_end_matches(',').trim_end() } else { raw };
    match dialect {
        Dialect::Properties => raw,
        _ if raw.starts_with(['"', '\'']) => unquoted(raw),
        _ => [" #", "\t#", " ;"].iter().filter_map(|comment| raw.find(comment)).min().map_or(raw, |at| raw[..at].trim_end()),
    }
}

/// What stands within quotes; where they are not closed on this line, all of it.
fn unquoted(raw: &str) -> &str {
    let Some(quote) = raw.chars().next().filter(|c| "\"'".contains(*c)) else { return raw };
    let inside = &raw[1..];
    let mut is_escaped = false;
    let end = inside.char_indices().find(|(_, c)| {
        let ends = *c == quote && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped && quote == '"';
        ends
    });
    end.map_or(inside, |(at, _)| &inside[..at])
}

/// The words of `Environment=`: blanks within quotes don't end one.
fn quoted_words(text: &str) -> Vec<&str> {
    outside_of_quotes(text, ' ').into_iter().map(unquoted).filter(|word| !word.is_empty()).collect()
}

/// Splits at a character that stands in no quotes.
fn outside_of_quotes(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut from, mut quote) = (Vec::new(), 0, None);
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == separator => {
                parts.push(&text[from..at]);
                from = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}
