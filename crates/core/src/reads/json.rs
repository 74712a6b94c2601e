//! JSON as Go's `encoding/json` reads and writes it: what it accepts, how it takes strings apart, how it writes them again.
//!
//! A scanner over borrowed bytes rather than a value tree: raw texts must survive to the byte (`1.10`, inner spaces), two equal keys
//! must both be seen, and no unwiped copy of a value may be left behind. Behaviour checked against Go 1.26.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::value::{SecretBuffer, SecretText};

use super::{ReadError, float};

/// Go gives up beyond this many open brackets (`maxNestingDepth`).
const GO_NESTING: usize = 10_000;
/// We give up re-marshalling beyond this many; it recurses.
const MARSHAL_NESTING: usize = 128;

/// What a JSON value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    Number,
    Bool,
    Null,
}

/// A value and its text, without the white space around it.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a> {
    pub(crate) kind: Kind,
    pub(crate) raw: &'a [u8],
}

/// A member of an object, its key decoded.
pub(crate) struct Member<'a> {
    pub(crate) key: String,
    pub(crate) value: Node<'a>,
}

/// A decoded string.
pub(crate) struct Unquoted {
    pub(crate) text: SecretBuffer,
    /// Half of a surrogate pair stood in it; U+FFFD is there instead.
    pub(crate) lone_surrogate: bool,
}

/// Parses a whole document: what `json.Unmarshal` accepts as syntax.
pub(crate) fn parse(text: &[u8]) -> Option<Node<'_>> {
    let start = skip_space(text, 0);
    let end = skip_value(text, start)?;
    if skip_space(text, end) == text.len() { node(text.get(start..end)?) } else { None }
}

/// The members of a JSON object in order, equal keys included; `None` where `text` is no object, is no UTF-8 (Go reads on, with U+FFFD
/// for what it can't read), or a key holds half a surrogate pair.
pub(crate) fn members(text: &[u8]) -> Option<Vec<Member<'_>>> {
    std::str::from_utf8(text).ok()?;
    let node = parse(text).filter(|node| node.kind == Kind::Object)?;
    node.pairs()
        .map(|(key, value)| {
            let key = unquote(key);
            if key.lone_surrogate {
                return None;
            }
            Some(Member { key: plain(&key), value })
        })
        .collect()
}

/// A key as text. Keys are names, not values: they may be printed. What is no UTF-8 was replaced while unquoting.
pub(super) fn plain(key: &Unquoted) -> String {
    String::from_utf8_lossy(key.text.expose()).into_owned()
}

impl<'a> Node<'a> {
    pub(crate) fn is_string(self) -> bool {
        self.kind == Kind::String
    }

    /// The value as a KV v2 field: what `extract` gives today. `None` where no text can say it.
    pub(crate) fn as_field(self) -> Option<SecretText> {
        match self.kind {
            Kind::Null => Some(SecretText::new(String::new())),
            Kind::String => {
                let text = unquote(self.raw);
                if text.lone_surrogate { None } else { text.text.into_text() }
            }
            _ => std::str::from_utf8(self.raw).ok().map(|raw| SecretText::new(raw.to_owned())),
        }
    }

    /// Key literal (with its quotes) and value of each member; nothing where this is no object.
    pub(super) fn pairs(self) -> impl Iterator<Item = (&'a [u8], Node<'a>)> {
        let raw = if self.kind == Kind::Object { self.raw } else { &[] };
        let mut at = 1;
        std::iter::from_fn(move || {
            at = skip_space(raw, at);
            if raw.get(at) == Some(&b',') {
                at = skip_space(raw, at + 1);
            }
            let key_end = skip_string(raw, at)?;
            let key = raw.get(at..key_end)?;
            let start = skip_space(raw, skip_space(raw, key_end) + 1);
            let end = skip_value(raw, start)?;
            at = end;
            Some((key, node(raw.get(start..end)?)?))
        })
    }

    /// Each element; nothing where this is no array.
    fn elements(self) -> impl Iterator<Item = Node<'a>> {
        let raw = if self.kind == Kind::Array { self.raw } else { &[] };
        let mut at = 1;
        std::iter::from_fn(move || {
            at = skip_space(raw, at);
            if raw.get(at) == Some(&b',') {
                at = skip_space(raw, at + 1);
            }
            let end = skip_value(raw, at)?;
            let element = node(raw.get(at..end)?)?;
            at = end;
            Some(element)
        })
    }
}

fn node(raw: &[u8]) -> Option<Node<'_>> {
    let kind = match raw.first()? {
        b'{' => Kind::Object,
        b'[' => Kind::Array,
        b'"' => Kind::String,
        b't' | b'f' => Kind::Bool,
        b'n' => Kind::Null,
        _ => Kind::Number,
    };
    Some(Node { kind, raw })
}

fn skip_space(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
        at += 1;
    }
    at
}

/// The end of the value that begins at `at`. Not recursive: the stack holds one bit of knowledge per open bracket.
fn skip_value(text: &[u8], mut at: usize) -> Option<usize> {
    let mut closers: Vec<u8> = Vec::new();
    loop {
        at = skip_space(text, at);
        let opened = match text.get(at)? {
            b'{' => Some(b'}'),
            b'[' => Some(b']'),
            b'"' => {
                at = skip_string(text, at)?;
                None
            }
            b't' => {
                at = skip_word(text, at, b"true")?;
                None
            }
            b'f' => {
                at = skip_word(text, at, b"false")?;
                None
            }
            b'n' => {
                at = skip_word(text, at, b"null")?;
                None
            }
            _ => {
                at = skip_number(text, at)?;
                None
            }
        };
        if let Some(closer) = opened {
            closers.push(closer);
            if closers.len() > GO_NESTING {
                return None;
            }
            at = skip_space(text, at + 1);
            if text.get(at) != Some(&closer) {
                if closer == b'}' {
                    at = skip_key(text, at)?;
                }
                continue;
            }
        } else if closers.is_empty() {
            return Some(at);
        }
        // A value has just ended, or an empty container is about to.
        loop {
            at = skip_space(text, at);
            let Some(&closer) = closers.last() else { return Some(at) };
            match text.get(at)? {
                b',' => {
                    at = skip_space(text, at + 1);
                    if closer == b'}' {
                        at = skip_key(text, at)?;
                    }
                    break;
                }
                &found if found == closer => {
                    closers.pop();
                    at += 1;
                    if closers.is_empty() {
                        return Some(at);
                    }
                }
                _ => return None,
            }
        }
    }
}

fn skip_key(text: &[u8], at: usize) -> Option<usize> {
    let at = skip_space(text, skip_string(text, at)?);
    (text.get(at) == Some(&b':')).then_some(at + 1)
}

fn skip_word(text: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    text.get(at..)?.starts_with(word).then_some(at + word.len())
}

fn skip_string(text: &[u8], at: usize) -> Option<usize> {
    if text.get(at) != Some(&b'"') {
        return None;
    }
    let mut at = at + 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => match text.get(at + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                b'u' => {
                    hex4(text.get(at + 2..)?)?;
                    at += 6;
                }
                _ => return None,
            },
            0..=0x1f => return None,
            _ => at += 1,
        }
    }
}

/// The end of a number that follows JSON's grammar.
fn skip_number(text: &[u8], mut at: usize) -> Option<usize> {
    let digits = |mut at: usize| {
        let start = at;
        while text.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        (at > start).then_some(at)
    };
    if text.get(at) == Some(&b'-') {
        at += 1;
    }
    at = if text.get(at) == Some(&b'0') { at + 1 } else { digits(at)? };
    if text.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1;
        if matches!(text.get(at), Some(b'+' | b'-')) {
            at += 1;
        }
        at = digits(at)?;
    }
    Some(at)
}

/// Whether `raw` is a number by JSON's grammar, all of it.
pub(super) fn is_number(raw: &[u8]) -> bool {
    skip_number(raw, 0) == Some(raw.len())
}

/// Four hexadecimal digits.
pub(super) fn hex4(text: &[u8]) -> Option<u32> {
    text.get(..4)?.iter().try_fold(0, |sum, &digit| Some(sum * 16 + char::from(digit).to_digit(16)?))
}

/// Decodes a string literal that [`parse`] has accepted, as Go does: what is no UTF-8 becomes U+FFFD byte by byte, and so does half of
/// a surrogate pair.
pub(crate) fn unquote(literal: &[u8]) -> Unquoted {
    let inner = literal.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(literal);
    let mut text = SecretBuffer::with_capacity(inner.len());
    let mut lone_surrogate = false;
    for chunk in inner.utf8_chunks() {
        let valid = chunk.valid();
        let mut rest = valid;
        while let Some(at) = rest.find('\\') {
            let (before, escape) = rest.split_at(at);
            text.extend(before.as_bytes());
            let (character, length) = unescape(escape.as_bytes());
            lone_surrogate |= character.is_none();
            text.push_char(character.unwrap_or(char::REPLACEMENT_CHARACTER));
            rest = escape.get(length..).unwrap_or_default();
        }
        text.extend(rest.as_bytes());
        for _ in chunk.invalid() {
            text.push_char(char::REPLACEMENT_CHARACTER);
        }
    }
    Unquoted { text, lone_surrogate }
}

/// The character that the escape at the start of `text` stands for, and how many bytes it takes. `None`: half of a surrogate pair.
fn unescape(text: &[u8]) -> (Option<char>, usize) {
    let simple = |character| (Some(character), 2);
    match text.get(1) {
        Some(b'b') => simple('\u{8}'),
        Some(b'f') => simple('\u{c}'),
        Some(b'n') => simple('\n'),
        Some(b'r') => simple('\r'),
        Some(b't') => simple('\t'),
        Some(b'u') => {
            let Some(first) = text.get(2..).and_then(hex4) else { return (None, 2) };
            if let Some(character) = char::from_u32(first) {
                return (Some(character), 6);
            }
            let second = text.get(6..8).filter(|next| *next == b"\\u").and_then(|_| text.get(8..).and_then(hex4));
            match second {
                Some(second @ 0xdc00..=0xdfff) if first < 0xdc00 => {
                    (char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)), 12)
                }
                _ => (None, 6),
            }
        }
        Some(&other) => simple(char::from(other)),
        None => (None, 1),
    }
}

/// Whether the inside of a string literal holds half of a surrogate pair.
pub(super) fn has_lone_surrogate(inner: &[u8]) -> bool {
    let mut at = 0;
    while let Some(found) = inner.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == b'\\')) {
        at += found;
        let rest = inner.get(at..).unwrap_or_default();
        let (character, length) = unescape(rest);
        if character.is_none() && rest.get(1) == Some(&b'u') && rest.get(2..).and_then(hex4).is_some() {
            return true;
        }
        at += length;
    }
    false
}

/// Writes a string as `json.Marshal` does, with its HTML escapes.
pub(super) fn marshal_string(text: &str, out: &mut SecretBuffer) {
    out.push(b'"');
    let mut written = 0;
    for (at, character) in text.char_indices() {
        let plain = !matches!(character, '\0'..='\u{1f}' | '"' | '\\' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
        if plain {
            continue;
        }
        out.extend(text.get(written..at).unwrap_or_default().as_bytes());
        written = at + character.len_utf8();
        match character {
            '"' => out.extend(b"\\\""),
            '\\' => out.extend(b"\\\\"),
            '\u{8}' => out.extend(b"\\b"),
            '\u{c}' => out.extend(b"\\f"),
            '\n' => out.extend(b"\\n"),
            '\r' => out.extend(b"\\r"),
            '\t' => out.extend(b"\\t"),
            other => {
                // Writing to memory can't fail.
                let _ = write!(out, "\\u{:04x}", u32::from(other));
            }
        }
    }
    out.extend(text.get(written..).unwrap_or_default().as_bytes());
    out.push(b'"');
}

/// Writes a map of strings as `json.Marshal` does: keys sorted by their bytes, no spaces.
pub(crate) fn marshal_strings<'a>(fields: impl IntoIterator<Item = (&'a String, &'a str)>) -> SecretBuffer {
    let fields: BTreeMap<&str, &str> = fields.into_iter().map(|(key, text)| (key.as_str(), text)).collect();
    let room = fields.iter().map(|(key, text)| key.len() + text.len() + 6).sum::<usize>();
    let mut out = SecretBuffer::with_capacity(room + room / 8 + 2);
    out.push(b'{');
    for (nth, (key, text)) in fields.into_iter().enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        marshal_string(key, &mut out);
        out.push(b':');
        marshal_string(text, &mut out);
    }
    out.push(b'}');
    out
}

/// Writes a value as `json.Marshal` writes what `json.Unmarshal` made of it in an `any`: keys sorted, of two equal ones the last, numbers
/// through a float, strings escaped anew.
pub(super) fn remarshal(node: Node<'_>, out: &mut SecretBuffer) -> Result<(), ReadError> {
    remarshal_at(node, out, 0)
}

fn remarshal_at(node: Node<'_>, out: &mut SecretBuffer, depth: usize) -> Result<(), ReadError> {
    if depth > MARSHAL_NESTING {
        return Err(ReadError::TooDeep);
    }
    match node.kind {
        Kind::Bool | Kind::Null => out.extend(node.raw),
        Kind::String => {
            // What was no UTF-8 is U+FFFD by now, so this is never lossy.
            let text = unquote(node.raw).text;
            marshal_string(std::str::from_utf8(text.expose()).unwrap_or_default(), out);
        }
        Kind::Number => float::in_json(float64(node)?, out),
        Kind::Array => {
            out.push(b'[');
            for (nth, element) in node.elements().enumerate() {
                if nth > 0 {
                    out.push(b',');
                }
                remarshal_at(element, out, depth + 1)?;
            }
            out.push(b']');
        }
        Kind::Object => {
            let mut sorted = BTreeMap::new();
            for (key, value) in node.pairs() {
                // An overwritten value is parsed by Go all the same, and may fail.
                if let Some(overwritten) = sorted.insert(plain(&unquote(key)), value) {
                    remarshal_at(overwritten, &mut SecretBuffer::default(), depth + 1)?;
                }
            }
            out.push(b'{');
            for (nth, (key, value)) in sorted.into_iter().enumerate() {
                if nth > 0 {
                    out.push(b',');
                }
                marshal_string(&key, out);
                out.push(b':');
                remarshal_at(value, out, depth + 1)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

/// A number as Go parses it into a float64.
fn float64(node: Node<'_>) -> Result<f64, ReadError> {
    let number = std::str::from_utf8(node.raw).ok().and_then(|raw| raw.parse::<f64>().ok());
    number.filter(|number| number.is_finite()).ok_or(ReadError::NumberOutOfRange)
}

/// What `GetByteValue` makes of one member of a `map[string]any`.
pub(super) fn byte_value(node: Node<'_>) -> Result<SecretBuffer, ReadError> {
    let mut out = SecretBuffer::with_capacity(node.raw.len());
    match node.kind {
        Kind::String => return Ok(unquote(node.raw).text),
        Kind::Null => {}
        Kind::Bool => out.extend(node.raw),
        Kind::Number => float::plain(float64(node)?, &mut out),
        Kind::Object | Kind::Array => remarshal(node, &mut out)?,
    }
    Ok(out)
}
