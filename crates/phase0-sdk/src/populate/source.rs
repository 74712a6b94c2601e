//! What a file holds: keys, values, and the lines on which they stand.

use std::collections::BTreeMap;

use migrate_core::value::{SecretBuffer, SecretBytes, SecretText};
use serde_json::value::RawValue;

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `KEY=value` lines, as Docker Compose and dotenv libraries read them where they agree.
    Env,
    /// A JSON object; its members that are texts are what can be taken.
    Json,
    /// The file as it is, one value.
    Whole,
}

/// A value and where it stands.
#[derive(Debug)]
pub struct Entry {
    /// The value.
    pub value: SecretText,
    /// The first and the last of its lines, from 1.
    pub lines: (usize, usize),
}

/// A file that was read.
#[derive(Debug)]
pub enum Source {
    /// By key.
    Keyed(BTreeMap<String, Result<Entry, SourceError>>),
    /// As it is.
    Whole(SecretBytes),
}

/// Why a file, or one of its keys, can't be taken. Quotes keys and never values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// No text.
    #[error("the file is no UTF-8; with `--format whole` it is taken as it is")]
    NotText,
    /// No line of `KEY=value`.
    #[error("line {0} is no `KEY=value`, no comment and not empty")]
    NotEnv(usize),
    /// A quote that is not closed.
    #[error("the quote that begins on line {0} is not closed")]
    OpenQuote(usize),
    /// No JSON object.
    #[error("the file is no JSON object ({0})")]
    NotObject(String),
    /// A key that stands twice: readers disagree about which counts.
    #[error("{key} stands on lines {first} and {second}; keep one")]
    Twice {
        /// The key.
        key: String,
        /// Its first line.
        first: usize,
        /// Its second line.
        second: usize,
    },
    /// A value that refers to variables: what it is depends on who reads it.
    #[error("{key} on line {line} refers to another variable (`$`); write out what it stands for, or put it in single quotes")]
    Refers {
        /// The key.
        key: String,
        /// Its line.
        line: usize,
    },
    /// A member that is no text.
    #[error("{key} on line {line} is no text; put it in quotes, or take the file with `--format whole`")]
    NotString {
        /// The key.
        key: String,
        /// Its line.
        line: usize,
    },
}

impl Source {
    /// Reads the bytes of a file, which are wiped when this is done.
    ///
    /// # Errors
    /// [`SourceError`] where the file as a whole can't be read; what is wrong with one key stands at that key.
    pub fn read(bytes: SecretBytes, format: Format) -> Result<Self, SourceError> {
        if format == Format::Whole {
            return Ok(Self::Whole(bytes));
        }
        let text = std::str::from_utf8(bytes.expose()).map_err(|_| SourceError::NotText)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match format {
            Format::Env => env(text),
            Format::Json | Format::Whole => json(text),
        }
        .map(Self::Keyed)
    }
}

type Keyed = BTreeMap<String, Result<Entry, SourceError>>;

fn put(keyed: &mut Keyed, key: &str, entry: Result<Entry, SourceError>, line: usize, first_lines: &mut BTreeMap<String, usize>) {
    let entry = match first_lines.get(key) {
        Some(first) => Err(SourceError::Twice { key: key.to_owned(), first: *first, second: line }),
        None => entry,
    };
    first_lines.entry(key.to_owned()).or_insert(line);
    keyed.insert(key.to_owned(), entry);
}

/// Lines of `KEY=value`; `export` before it, `#` comments, single quotes (literal), double quotes (with `\n`, `\r`, `\t`, `\"`, `\\`, `\$`, also
/// over several lines), and bare values up to ` #`.
fn env(text: &str) -> Result<Keyed, SourceError> {
    let mut keyed = Keyed::new();
    let mut first_lines = BTreeMap::new();
    let mut rest = text;
    let mut line = 0;
    while !rest.is_empty() {
        line += 1;
        let (this, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let content = this.trim();
        if content.is_empty() || content.starts_with('#') {
            rest = after;
            continue;
        }
        let assignment = content.strip_prefix("export ").unwrap_or(content).trim_start();
        let (key, _) = assignment.split_once('=').ok_or(SourceError::NotEnv(line))?;
        let key = key.trim_end();
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')) {
            return Err(SourceError::NotEnv(line));
        }
        // From the text itself, since a quoted value may go on below.
        let begins = rest.split_once('=').map_or("", |(_, value)| value);
        let value = begins.trim_start_matches([' ', '\t']);
        let (entry, left) = match value.chars().next() {
            Some(quote @ ('\'' | '"')) => quoted(key, &value[1..], quote, line)?,
            _ => (bare(key, value.split_once('\n').map_or(value, |(value, _)| value), line), after),
        };
        let last = entry.as_ref().map_or(line, |entry| entry.lines.1);
        put(&mut keyed, key, entry, line, &mut first_lines);
        line = last;
        rest = left;
    }
    Ok(keyed)
}

fn bare(key: &str, value: &str, line: usize) -> Result<Entry, SourceError> {
    let comment = value.match_indices('#').find(|(at, _)| *at == 0 || value[..*at].ends_with([' ', '\t']));
    let value = comment.map_or(value, |(at, _)| &value[..at]).trim();
    if value.contains('$') {
        return Err(SourceError::Refers { key: key.to_owned(), line });
    }
    Ok(Entry { value: SecretText::new(value.to_owned()), lines: (line, line) })
}

/// A quoted value, and what follows its line.
fn quoted<'t>(key: &str, text: &'t str, quote: char, line: usize) -> Result<(Result<Entry, SourceError>, &'t str), SourceError> {
    let mut value = SecretBuffer::with_capacity(text.find('\n').unwrap_or(text.len()));
    let mut refers = false;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        if character == quote {
            let (behind, after) = text[at + 1..].split_once('\n').unwrap_or((&text[at + 1..], ""));
            let last = line + text[..at].matches('\n').count();
            let behind = behind.trim();
            if !behind.is_empty() && !behind.starts_with('#') {
                return Err(SourceError::NotEnv(last));
            }
            let entry = match value.into_text() {
                _ if refers => Err(SourceError::Refers { key: key.to_owned(), line }),
                Some(value) => Ok(Entry { value, lines: (line, last) }),
                None => Err(SourceError::NotText),
            };
            return Ok((entry, after));
        }
        match character {
            '\\' if quote == '"' => match characters.next() {
                Some((_, 'n')) => value.push_char('\n'),
                Some((_, 'r')) => value.push_char('\r'),
                Some((_, 't')) => value.push_char('\t'),
                Some((_, itself @ ('"' | '\\' | '$' | '\''))) => value.push_char(itself),
                Some((_, other)) => {
                    value.push_char('\\');
                    value.push_char(other);
                }
                None => break,
            },
            '$' if quote == '"' => refers = true,
            // Line ends of another system are no part of a value.
            '\r' if text[at..].starts_with("\r\n") => {}
            other => value.push_char(other),
        }
    }
    Err(SourceError::OpenQuote(line))
}

fn json(text: &str) -> Result<Keyed, SourceError> {
    let members: Members<'_> = serde_json::from_str(text).map_err(|error| {
        // Its place only: its message may quote.
        SourceError::NotObject(format!("line {}, column {}", error.line(), error.column()))
    })?;
    let mut keyed = Keyed::new();
    let mut first_lines = BTreeMap::new();
    for (key, raw) in members.0 {
        let offset = raw.get().as_ptr().addr().saturating_sub(text.as_ptr().addr());
        let line = 1 + text.get(..offset).unwrap_or_default().matches('\n').count();
        let entry = match serde_json::from_str::<SecretText>(raw.get()) {
            Ok(value) => Ok(Entry { value, lines: (line, line) }),
            Err(_) => Err(SourceError::NotString { key: key.clone(), line }),
        };
        put(&mut keyed, &key, entry, line, &mut first_lines);
    }
    Ok(keyed)
}

/// The members of an object in their order, those that stand twice among them.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, format: Format) -> Result<Vec<String>, SourceError> {
        let Source::Keyed(keyed) = Source::read(SecretBytes::new(text.as_bytes().to_vec()), format)? else { panic!("keyed") };
        let told = |(key, entry): (String, Result<Entry, SourceError>)| match entry {
            Ok(Entry { value, lines }) => format!("{key}={:?} {}-{}", value.expose(), lines.0, lines.1),
            Err(error) => error.to_string(),
        };
        Ok(keyed.into_iter().map(told).collect())
    }

    #[test]
    fn an_env_file_is_read_where_its_readers_agree() {
        let text = "# comment\r\n\nexport A=plain # why\nB = 'single $x \\n'\nC=\"two\\nlines \\\" \\$ é\" # c\nD=\nE=\"over\n# two\"\nF=a#b\nG=${A}x\n\
                    H=\"${A}\"\nA=again\nI.j-k=1\n";
        let told = read(text, Format::Env).unwrap();
        insta::assert_snapshot!(told.join("\n"), @r#"
        A stands on lines 3 and 12; keep one
        B="single $x \\n" 4-4
        C="two\nlines \" $ é" 5-5
        D="" 6-6
        E="over\n# two" 7-8
        F="a#b" 9-9
        G on line 10 refers to another variable (`$`); write out what it stands for, or put it in single quotes
        H on line 11 refers to another variable (`$`); write out what it stands for, or put it in single quotes
        I.j-k="1" 13-13
        "#);
    }

    #[test]
    fn what_is_no_env_file_is_refused_at_its_line() {
        for (text, error) in [
            ("A=1\nnot one", SourceError::NotEnv(2)),
            ("A=1\n=x", SourceError::NotEnv(2)),
            ("A B=1", SourceError::NotEnv(1)),
            ("A='x' y", SourceError::NotEnv(1)),
            ("\nA=\"x\n\n", SourceError::OpenQuote(2)),
        ] {
            assert_eq!(read(text, Format::Env), Err(error), "{text}");
        }
    }

    #[test]
    fn a_json_object_gives_its_texts() {
        let told = read("{\n \"a\": \"x\\ny\",\n \"b\": 1, \"c\": {\"d\": \"e\"},\n \"a\": \"again\"\n}", Format::Json).unwrap();
        insta::assert_snapshot!(told.join("\n"), @r"
        a stands on lines 2 and 4; keep one
        b on line 3 is no text; put it in quotes, or take the file with `--format whole`
        c on line 3 is no text; put it in quotes, or take the file with `--format whole`
        ");
        assert!(matches!(read("[1]", Format::Json), Err(SourceError::NotObject(_))));
        let refused = read("{\"a\": \"canary\" x}", Format::Json).unwrap_err();
        assert!(!refused.to_string().contains("canary"), "{refused}");
        assert_eq!(Source::read(SecretBytes::new(vec![0xff]), Format::Env).map(|_| ()).unwrap_err(), SourceError::NotText);
    }
}
