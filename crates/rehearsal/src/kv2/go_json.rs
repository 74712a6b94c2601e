//! JSON as a Go server passes it on: keys sorted, of duplicate keys the last, numbers through `float64`, lone surrogates as
//! U+FFFD, `<`, `>`, `&` and the line separators escaped.
//!
//! ```text
//! {"b": 1.10, "a": 12345678901234567890}  ──►  {"a":12345678901234567000,"b":1.1}
//! ```
//!
//! KV v2 stores what came in re-marshalled, and unmarshals it into Go's `interface{}` when it is read; seen on OpenBao 2.7.2.

use std::{cmp::Ordering, collections::BTreeMap, fmt, fmt::Write as _};

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// Why text can't be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum GoJsonError {
    /// Nested deeper than the server's decoder goes.
    #[error("exceeded maximum depth")]
    TooDeep,
    /// A number that no `float64` can hold.
    #[error("a number is out of range")]
    OutOfRange,
    /// Not JSON.
    #[error("not JSON")]
    Malformed,
}

/// Deepest nesting that is followed; OpenBao was seen to take 500.
const DEPTH: usize = 512;

/// Re-marshals a JSON text.
pub(super) fn remarshal(json: &str) -> Result<Zeroizing<String>, GoJsonError> {
    let mut written = Zeroizing::new(String::with_capacity(json.len() + json.len() / 4));
    write(json, &mut written, DEPTH)?;
    Ok(written)
}

/// Strings in a JSON text, keys included: what `max_request_json_strings` counts.
pub(super) fn count_strings(json: &[u8]) -> usize {
    let (mut quotes, mut escaped) = (0, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quotes += 1,
            _ => {}
        }
    }
    quotes / 2
}

fn write(json: &str, written: &mut String, depth: usize) -> Result<(), GoJsonError> {
    let json = json.trim_ascii();
    let inner = depth.checked_sub(1).ok_or(GoJsonError::TooDeep)?;
    let malformed = |_| GoJsonError::Malformed;
    match json.as_bytes().first() {
        Some(b'{') => {
            let members: BTreeMap<GoText, &RawValue> = serde_json::from_str(json).map_err(malformed)?;
            written.push('{');
            for (at, (key, value)) in members.iter().enumerate() {
                if at > 0 {
                    written.push(',');
                }
                write_text(&key.0, written);
                written.push(':');
                write(value.get(), written, inner)?;
            }
            written.push('}');
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(json).map_err(malformed)?;
            written.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    written.push(',');
                }
                write(item.get(), written, inner)?;
            }
            written.push(']');
        }
        Some(b'"') => {
            let text: GoText = serde_json::from_str(json).map_err(malformed)?;
            write_text(&text.0, written);
        }
        Some(b'-' | b'0'..=b'9') => {
            let number: f64 = json.parse().map_err(|_| GoJsonError::Malformed)?;
            if number.is_infinite() {
                return Err(GoJsonError::OutOfRange);
            }
            written.push_str(&number_text(number));
        }
        _ if ["true", "false", "null"].contains(&json) => written.push_str(json),
        _ => return Err(GoJsonError::Malformed),
    }
    Ok(())
}

/// Go's shortest form: plain, but with an exponent below 1e-6 and from 1e21 on.
fn number_text(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        if text.contains("e-") { text } else { text.replace('e', "e+") }
    } else {
        format!("{number}")
    }
}

fn write_text(text: &str, written: &mut String) {
    written.push('"');
    for character in text.chars() {
        match character {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                // Into a String, which takes everything.
                let _ = write!(written, "\\u{:04x}", u32::from(character));
            }
            character => written.push(character),
        }
    }
    written.push('"');
}

/// A string as Go decodes it: a lone surrogate becomes U+FFFD.
#[derive(PartialEq, Eq)]
struct GoText(Zeroizing<String>);

impl Ord for GoText {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.as_str().cmp(other.0.as_str())
    }
}

impl PartialOrd for GoText {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<'de> Deserialize<'de> for GoText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = GoText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<GoText, E> {
                Ok(GoText(Zeroizing::new(text.to_owned())))
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<GoText, E> {
                Ok(GoText(replace_surrogates(bytes)))
            }
        }
        // Asked for bytes, serde_json hands lone surrogates through, each as the three bytes that UTF-8 would give it.
        deserializer.deserialize_bytes(Visitor)
    }
}

fn replace_surrogates(mut bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len()));
    loop {
        match std::str::from_utf8(bytes) {
            Ok(rest) => {
                text.push_str(rest);
                return text;
            }
            Err(error) => {
                let (valid, rest) = bytes.split_at(error.valid_up_to());
                text.push_str(std::str::from_utf8(valid).unwrap_or_default());
                text.push('\u{fffd}');
                let surrogate = rest.len() >= 3 && rest[0] == 0xed;
                bytes = &rest[if surrogate { 3 } else { 1 }..];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs seen on OpenBao 2.7.2.
    #[test]
    fn what_goes_in_comes_out_as_go_writes_it() {
        for (sent, read) in [
            (r#"{"b":1.10,"a":12345678901234567890}"#, r#"{"a":12345678901234567000,"b":1.1}"#),
            (r#"{"c":1e10,"d":1e21,"e":1e-7,"z":-0.000001}"#, r#"{"c":10000000000,"d":1e+21,"e":1e-7,"z":-0.000001}"#),
            (r#"{"f":{"z":1,"y":[1.0,true,null]}}"#, r#"{"f":{"y":[1,true,null],"z":1}}"#),
            (r#"{"s":"<>&\u2028\ud800x"}"#, "{\"s\":\"\\u003c\\u003e\\u0026\\u2028\u{fffd}x\"}"),
            (r#"{"a":1,"a":"2"}"#, r#"{"a":"2"}"#),
            (r#"{"\ud83d\ude00\udead":" \u0007"}"#, "{\"\u{1f600}\u{fffd}\":\" \\u0007\"}"),
            ("{ }", "{}"),
        ] {
            assert_eq!(remarshal(sent).as_deref().map(String::as_str), Ok(read));
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        assert_eq!(remarshal("[1e400]"), Err(GoJsonError::OutOfRange));
        assert_eq!(remarshal(&"[".repeat(100_000)), Err(GoJsonError::Malformed));
        let deep = "[".repeat(600) + &"]".repeat(600);
        assert_eq!(remarshal(&deep), Err(GoJsonError::TooDeep));
    }

    #[test]
    fn strings_are_counted_with_keys_and_escapes() {
        assert_eq!(count_strings(br#"{"a":"\"\\","b":[1,"c"]}"#), 4);
    }
}
