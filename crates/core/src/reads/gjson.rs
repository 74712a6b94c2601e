//! gjson paths (github.com/tidwall/gjson 1.18) as far as secrets use them: dots, indexes, escaped dots and literal keys.
//!
//! gjson does not validate: it starts at the first `{` or `[` of any text and scans on, so what it finds in text that is no JSON is part of
//! what consumers read today. This scanner follows it there, over borrowed bytes, and refuses what it does not follow: modifiers,
//! queries, wildcards, pipes, sub-selectors, literals, JSON lines. Checked against the real one by a table of cases.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

use crate::value::SecretBuffer;

use super::{float, json};

/// Parts of a path beyond this many are refused: descending recurses.
const PATH_PARTS: usize = 64;

/// A feature of gjson's path language that is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathFeature {
    /// `@reverse`, `@this` and so on.
    Modifier,
    /// `!"text"`.
    Literal,
    /// `a|b`.
    Pipe,
    /// `*` or `?`.
    Wildcard,
    /// `#` on an array: count, collect or query.
    Hash,
    /// `[a,b]` or `{a,b}`.
    SubSelector,
    /// `..0`.
    Lines,
    /// More parts than are followed.
    Length,
}

impl fmt::Display for PathFeature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Modifier => "a gjson modifier (@)",
            Self::Literal => "a gjson literal (!)",
            Self::Pipe => "a gjson pipe (|)",
            Self::Wildcard => "a gjson wildcard (* or ?)",
            Self::Hash => "a gjson query (#)",
            Self::SubSelector => "a gjson selection ([ or {)",
            Self::Lines => "gjson lines (..)",
            Self::Length => "more than 64 parts",
        })
    }
}

/// What gjson takes a value for, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Container,
    String,
    Number,
    True,
    False,
    Null,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    kind: Kind,
    /// Its text as written; of a string, without the quotes.
    raw: &'a [u8],
}

/// What [`Found::text`] can't give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoText {
    MalformedNumber,
    LoneSurrogate,
}

/// Looks `path` up in `json`.
pub(super) fn get<'a>(json: &'a [u8], path: &str) -> Result<Option<Found<'a>>, PathFeature> {
    let path = path.as_bytes();
    match path {
        [b'@', _, ..] => return Err(PathFeature::Modifier),
        [b'!', _, ..] => return Err(PathFeature::Literal),
        [b'[' | b'{', _, ..] => return Err(PathFeature::SubSelector),
        [b'.', b'.', ..] => return Err(PathFeature::Lines),
        _ => {}
    }
    let Some(start) = json.iter().position(|byte| matches!(byte, b'{' | b'[')) else { return Ok(None) };
    let scan = Scan { json };
    let (_, found) = scan.inside(start, path, 0)?;
    Ok(found)
}

impl Found<'_> {
    /// gjson's `String()`.
    pub(super) fn text(self) -> Result<SecretBuffer, NoText> {
        let mut out = SecretBuffer::with_capacity(self.raw.len());
        match self.kind {
            Kind::Null => {}
            Kind::True => out.extend(b"true"),
            Kind::False => out.extend(b"false"),
            Kind::Container => out.extend(self.raw),
            Kind::String if !self.raw.contains(&b'\\') => out.extend(self.raw),
            Kind::String if json::has_lone_surrogate(self.raw) => return Err(NoText::LoneSurrogate),
            Kind::String => out = unescape(self.raw),
            Kind::Number if !json::is_number(self.raw) => return Err(NoText::MalformedNumber),
            Kind::Number => {
                let digits = self.raw.strip_prefix(b"-").unwrap_or(self.raw);
                let float = std::str::from_utf8(self.raw).ok().and_then(|raw| raw.parse().ok());
                match float {
                    Some(float) if !digits.iter().all(u8::is_ascii_digit) => float::plain(float, &mut out),
                    _ => out.extend(self.raw),
                }
            }
        }
        Ok(out)
    }
}

/// One part of a path and what follows it.
type Part<'p, P> = (P, Option<&'p [u8]>);

/// Splits the first part off a path that meets an object. A backslash makes the next character an ordinary one.
fn key_part(path: &[u8]) -> Result<Part<'_, Cow<'_, [u8]>>, PathFeature> {
    let mut part = Cow::Borrowed(&[] as &[u8]);
    let mut at = 0;
    while let Some(&byte) = path.get(at) {
        match byte {
            b'|' => return Err(PathFeature::Pipe),
            b'*' | b'?' => return Err(PathFeature::Wildcard),
            b'.' => return Ok((part, Some(rest_of(path, at)?))),
            b'\\' => {
                at += 1;
                if let Some(&escaped) = path.get(at) {
                    part.to_mut().push(escaped);
                }
            }
            _ => match &mut part {
                Cow::Borrowed(_) => part = Cow::Borrowed(path.get(..=at).unwrap_or_default()),
                Cow::Owned(part) => part.push(byte),
            },
        }
        at += 1;
    }
    Ok((part, None))
}

/// Splits the first part off a path that meets an array: an index, or nothing that ever matches. Backslashes mean nothing here.
fn index_part(path: &[u8]) -> Result<Part<'_, Option<u64>>, PathFeature> {
    let end = path.iter().position(|byte| matches!(byte, b'|' | b'.' | b'#')).unwrap_or(path.len());
    let rest = match path.get(end) {
        Some(b'|') => return Err(PathFeature::Pipe),
        Some(b'#') => return Err(PathFeature::Hash),
        Some(_) => Some(rest_of(path, end)?),
        None => None,
    };
    let digits = path.get(..end).unwrap_or_default();
    let index = (!digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
        .then(|| digits.iter().try_fold(0u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'))))
        .flatten();
    Ok((index, rest))
}

/// What stands behind the dot at `at`, unless that dot is really a pipe.
fn rest_of(path: &[u8], at: usize) -> Result<&[u8], PathFeature> {
    let rest = path.get(at + 1..).unwrap_or_default();
    match rest.first() {
        Some(b'@') => Err(PathFeature::Modifier),
        Some(b'[' | b'{') => Err(PathFeature::SubSelector),
        _ => Ok(rest),
    }
}

/// Where scanning goes on, and what was found.
type Step<'a> = Result<(usize, Option<Found<'a>>), PathFeature>;

struct Scan<'a> {
    json: &'a [u8],
}

impl<'a> Scan<'a> {
    /// Follows `path` into the container that opens at `at`.
    fn inside(&self, at: usize, path: &[u8], parts: usize) -> Step<'a> {
        if parts >= PATH_PARTS {
            return Err(PathFeature::Length);
        }
        if self.json.get(at) == Some(&b'{') { self.object(at + 1, path, parts) } else { self.array(at + 1, path, parts) }
    }

    /// Goes over members until one matches and holds what the rest of the path wants: a second member of that name gets its turn when
    /// the first leads nowhere.
    fn object(&self, mut at: usize, path: &[u8], parts: usize) -> Step<'a> {
        let (part, rest) = key_part(path)?;
        loop {
            match self.json.get(at) {
                None => return Ok((at, None)),
                Some(b'}') => return Ok((at + 1, None)),
                Some(b'"') => {}
                Some(_) => {
                    at += 1;
                    continue;
                }
            }
            let Some(key_end) = self.string_end(at + 1) else { return Ok((self.json.len(), None)) };
            let key = self.slice(at + 1, key_end);
            let is_match = if key.contains(&b'\\') { unescape(key).expose() == &*part } else { key == &*part };
            at = key_end + 1;
            while self.json.get(at).is_some_and(|&byte| !begins_value(byte)) {
                at += 1;
            }
            match self.value(at, is_match, rest, parts)? {
                Some((next, None)) => at = next,
                Some(found) => return Ok(found),
                None => return Ok((self.json.len(), None)),
            }
        }
    }

    fn array(&self, mut at: usize, path: &[u8], parts: usize) -> Step<'a> {
        let (index, rest) = index_part(path)?;
        for nth in 0u64.. {
            loop {
                match self.json.get(at) {
                    None => return Ok((at, None)),
                    Some(b']') => return Ok((at + 1, None)),
                    Some(&byte) if begins_value(byte) => break,
                    Some(_) => at += 1,
                }
            }
            match self.value(at, index == Some(nth), rest, parts)? {
                Some((next, None)) => at = next,
                Some(found) => return Ok(found),
                None => break,
            }
        }
        Ok((self.json.len(), None))
    }

    /// Takes the value at `at`, descends into it where it matches and more of the path is left, skips it where it does not.
    /// `None`: the text ends here.
    fn value(
        &self,
        at: usize,
        is_match: bool,
        rest: Option<&[u8]>,
        parts: usize,
    ) -> Result<Option<(usize, Option<Found<'a>>)>, PathFeature> {
        let Some(&first) = self.json.get(at) else { return Ok(None) };
        let ends_word = |byte: &u8| !byte.is_ascii_lowercase();
        let ends_number = |byte: &u8| *byte <= b' ' || matches!(byte, b',' | b']' | b'}');
        let until = |ends: &dyn Fn(&u8) -> bool| {
            self.json.get(at + 1..).unwrap_or_default().iter().position(ends).map_or(self.json.len(), |length| at + 1 + length)
        };
        let (kind, end) = match first {
            b'{' | b'[' => match rest {
                Some(rest) if is_match => return self.inside(at, rest, parts + 1).map(Some),
                _ => (Kind::Container, self.container_end(at)),
            },
            b'"' => {
                let Some(end) = self.string_end(at + 1) else { return Ok(None) };
                let found = Found { kind: Kind::String, raw: self.slice(at + 1, end) };
                return Ok(Some((end + 1, (is_match && rest.is_none()).then_some(found))));
            }
            b't' => (Kind::True, until(&ends_word)),
            b'f' => (Kind::False, until(&ends_word)),
            b'n' if self.json.get(at + 1).is_none_or(|&next| next == b'u') => (Kind::Null, until(&ends_word)),
            _ => (Kind::Number, until(&ends_number)),
        };
        let found = Found { kind, raw: self.slice(at, end) };
        Ok(Some((end, (is_match && rest.is_none()).then_some(found))))
    }

    /// The closing quote of the string whose inside begins at `at`.
    fn string_end(&self, mut at: usize) -> Option<usize> {
        loop {
            match self.json.get(at)? {
                b'"' => return Some(at),
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
    }

    /// The end of the container that opens at `at`. Brackets of any kind close one another, round ones too.
    fn container_end(&self, mut at: usize) -> usize {
        let mut depth = 0usize;
        while let Some(byte) = self.json.get(at) {
            match byte {
                b'"' => match self.string_end(at + 1) {
                    Some(end) => at = end,
                    None => return self.json.len(),
                },
                b'{' | b'[' | b'(' => depth += 1,
                b'}' | b']' | b')' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return at + 1;
                    }
                }
                _ => {}
            }
            at += 1;
        }
        self.json.len()
    }

    fn slice(&self, from: usize, to: usize) -> &'a [u8] {
        self.json.get(from..to).unwrap_or_default()
    }
}

fn begins_value(byte: u8) -> bool {
    matches!(byte, b'"' | b'{' | b'[' | b'n' | b't' | b'f' | b'+' | b'-' | b'0'..=b'9' | b'i' | b'I' | b'N')
}

/// gjson's own unescaping: it stops at what it does not know, and takes any two surrogates for a pair.
fn unescape(inner: &[u8]) -> SecretBuffer {
    let mut out = SecretBuffer::with_capacity(inner.len());
    let mut at = 0;
    while let Some(&byte) = inner.get(at) {
        match byte {
            0..=0x1f => return out,
            b'\\' => {
                at += 1;
                let simple = match inner.get(at) {
                    Some(&same @ (b'\\' | b'/' | b'"')) => same,
                    Some(b'b') => 8,
                    Some(b'f') => 12,
                    Some(b'n') => b'\n',
                    Some(b'r') => b'\r',
                    Some(b't') => b'\t',
                    Some(b'u') => {
                        let Some(digits) = inner.get(at + 1..at + 5) else { return out };
                        let mut code = json::hex4(digits).unwrap_or(0);
                        at += 5;
                        if (0xd800..0xe000).contains(&code)
                            && let Some([b'\\', b'u', digits @ ..]) = inner.get(at..at + 6)
                        {
                            code = match (code, json::hex4(digits)) {
                                (0xd800..0xdc00, Some(low @ 0xdc00..0xe000)) => {
                                    0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00)
                                }
                                _ => 0xfffd,
                            };
                            at += 6;
                        }
                        out.push_char(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                        continue;
                    }
                    _ => return out,
                };
                out.push(simple);
            }
            other => out.push(other),
        }
        at += 1;
    }
    out
}
