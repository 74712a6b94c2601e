//! What a plain scalar means. The rules are those of goyaml.v2, through which `kubectl` and kustomize read (`sigs.k8s.io/yaml` 1.4,
//! `goyaml.v2/resolve.go`): the booleans and numbers of YAML 1.1, without dates and base 60.

use serde_json::Number;

use super::Content;

/// The meaning of a scalar that was written without quotes and without a tag.
pub(super) fn plain(text: &str) -> Content {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Content::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Content::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Content::Bool(false),
        _ if is_number(text) => Content::Number(text.to_owned()),
        _ => Content::Text(text.to_owned()),
    }
}

fn is_number(text: &str) -> bool {
    let first = text.as_bytes().first();
    if !first.is_some_and(|byte| byte.is_ascii_digit() || b"+-.".contains(byte)) {
        return false;
    }
    let signless = text.strip_prefix(['+', '-']).unwrap_or(text);
    matches!(signless, ".inf" | ".Inf" | ".INF")
        || matches!(text, ".nan" | ".NaN" | ".NAN")
        || integer(text).is_some()
        || unsigned(text).is_some()
        || is_float(&text.replace('_', ""))
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) =
        text.split_once(['e', 'E']).map_or((text, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_mantissa = if whole.is_empty() { !fraction.is_empty() } else { true };
    let fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    has_mantissa && fits && digits(whole) && digits(fraction)
}

/// A whole number in base 10, `0x`, `0o`, `0b`, or, as in YAML 1.1, base 8 after a leading zero.
pub(super) fn integer(text: &str) -> Option<i64> {
    let plain = text.replace('_', "");
    let (is_negative, digits) = match plain.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let magnitude = i128::from(based(digits)?);
    i64::try_from(if is_negative { -magnitude } else { magnitude }).ok()
}

fn unsigned(text: &str) -> Option<u64> {
    based(&text.replace('_', ""))
}

fn based(digits: &str) -> Option<u64> {
    let lower = digits.to_ascii_lowercase();
    let (digits, base) = match lower.as_bytes() {
        [b'0', b'x', ..] => (lower.get(2..)?, 16),
        [b'0', b'o', ..] => (lower.get(2..)?, 8),
        [b'0', b'b', ..] => (lower.get(2..)?, 2),
        [b'0', _, ..] => (lower.get(1..)?, 8),
        _ => (lower.as_str(), 10),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_number { u64::from_str_radix(digits, base).ok() } else { None }
}

/// As a number of JSON; `None` for what JSON has no number for.
pub(super) fn json_number(written: &str) -> Option<Number> {
    let float = || written.replace('_', "").parse().ok().and_then(Number::from_f64);
    integer(written).map(Number::from).or_else(|| unsigned(written).map(Number::from)).or_else(float)
}
