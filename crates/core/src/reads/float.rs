//! Floats as Go writes them: as few digits as lead back to the same number, of two equally near ones the even.
//!
//! The standard library takes the upper one of the two (873158010591461.25 would end in 3 instead of 2), so the digits come from `zmij`.

use crate::value::SecretBuffer;

/// Digits and decimal point of a float: `0.DIGITS × 10^point`.
struct Decimal {
    negative: bool,
    digits: SecretBuffer,
    point: i32,
}

impl Decimal {
    fn of(number: f64) -> Self {
        let mut buffer = zmij::Buffer::new();
        let written = buffer.format_finite(number).as_bytes();
        let (negative, unsigned) = match written {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, written),
        };
        let (mantissa, exponent) = cut(unsigned, b'e');
        let (whole, fraction) = cut(mantissa, b'.');
        let zeros = |digits: &[u8]| digits.iter().take_while(|&&digit| digit == b'0').count();
        let mut digits = SecretBuffer::with_capacity(whole.len() + fraction.len());
        digits.extend(whole);
        digits.extend(fraction);
        let leading = zeros(digits.expose());
        let point =
            i32::try_from(whole.len()).unwrap_or_default() - i32::try_from(leading).unwrap_or_default() + integer(exponent);
        let significant = digits.expose().get(leading..).unwrap_or_default();
        let trailing = significant.iter().rev().take_while(|&&digit| digit == b'0').count();
        let mut kept = SecretBuffer::with_capacity(significant.len());
        kept.extend(significant.get(..significant.len() - trailing).unwrap_or_default());
        Self { negative, digits: kept, point }
    }

    fn sign(&self, out: &mut SecretBuffer) {
        if self.negative {
            out.push(b'-');
        }
    }
}

/// The two sides of the first `separator`; the second is empty where there is none.
fn cut(text: &[u8], separator: u8) -> (&[u8], &[u8]) {
    match text.iter().position(|&byte| byte == separator) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default()),
        None => (text, &[]),
    }
}

fn integer(text: &[u8]) -> i32 {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// `strconv.FormatFloat(number, 'f', -1, 64)`: never with an exponent.
pub(super) fn plain(number: f64, out: &mut SecretBuffer) {
    if number.is_infinite() {
        out.extend(if number > 0.0 { b"+Inf" } else { b"-Inf" });
        return;
    }
    let decimal = Decimal::of(number);
    let digits = decimal.digits.expose();
    let before = usize::try_from(decimal.point).unwrap_or(0);
    decimal.sign(out);
    if before == 0 {
        out.push(b'0');
    }
    for at in 0..before {
        out.push(digits.get(at).copied().unwrap_or(b'0'));
    }
    if let Some(fraction) = digits.get(before..).filter(|fraction| !fraction.is_empty()) {
        out.push(b'.');
        for _ in decimal.point..0 {
            out.push(b'0');
        }
        out.extend(fraction);
    }
}

/// `encoding/json`'s own rule for a finite number: with an exponent below 1e-6 and from 1e21, plain between.
pub(super) fn in_json(number: f64, out: &mut SecretBuffer) {
    let size = number.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return plain(number, out);
    }
    let decimal = Decimal::of(number);
    decimal.sign(out);
    let (first, rest) = decimal.digits.expose().split_at(1.min(decimal.digits.expose().len()));
    out.extend(first);
    if !rest.is_empty() {
        out.push(b'.');
        out.extend(rest);
    }
    out.push(b'e');
    out.extend(format!("{:+}", decimal.point - 1).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(number: f64, with: fn(f64, &mut SecretBuffer)) -> String {
        let mut out = SecretBuffer::default();
        with(number, &mut out);
        String::from_utf8(out.expose().to_vec()).unwrap()
    }

    /// Expected: what Go 1.26's strconv and encoding/json printed.
    #[test]
    fn floats_are_written_as_go_writes_them() {
        let cases = [
            (0.0, "0", "0"),
            (-0.0, "-0", "-0"),
            (1.0, "1", "1"),
            (1.10, "1.1", "1.1"),
            (-0.05, "-0.05", "-0.05"),
            (100.0, "100", "100"),
            (873_158_010_591_461.0 + 0.25, "873158010591461.2", "873158010591461.2"),
            (873_158_010_591_461.0 + 0.75, "873158010591461.8", "873158010591461.8"),
            (1e20, "100000000000000000000", "100000000000000000000"),
            (1e21, "1000000000000000000000", "1e+21"),
            (1.5e21, "1500000000000000000000", "1.5e+21"),
            (1e-6, "0.000001", "0.000001"),
            (1e-7, "0.0000001", "1e-7"),
            (-1.5e-10, "-0.00000000015", "-1.5e-10"),
            (12_345_678_901_234_567_890.0, "12345678901234567000", "12345678901234567000"),
        ];
        for (number, plainly, in_json_text) in cases {
            assert_eq!(written(number, plain), plainly);
            assert_eq!(written(number, in_json), in_json_text);
        }
        assert_eq!(written(f64::INFINITY, plain), "+Inf");
        assert_eq!(written(f64::NEG_INFINITY, plain), "-Inf");
        assert_eq!(written(5e-324, in_json), "5e-324");
        assert_eq!(written(f64::MAX, in_json), "1.7976931348623157e+308");
    }
}
