//! Durations as Go reads and prints them: `1h30m`, `300ms`, `-1s`. Kubernetes and Vault both write theirs so.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A duration in whole nanoseconds, at most about 292 years either way, as Go's `time.Duration`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoDuration(i64);

/// Why a text is no [`GoDuration`]. Does not quote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a duration is written as Go does: `1h`, `90s`, `1h30m`, `300ms`, or `0`")]
pub struct InvalidDuration;

/// Go's units, the longest name first where one begins with another.
const UNITS: [(&str, i64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

impl GoDuration {
    /// Of whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: u32) -> Self {
        Self(seconds as i64 * 1_000_000_000)
    }

    /// Nanoseconds.
    #[must_use]
    pub const fn nanoseconds(self) -> i64 {
        self.0
    }

    /// Seconds, rounded up; 0 for what is negative.
    #[must_use]
    pub fn seconds_ceil(self) -> u64 {
        u64::try_from(self.0).map_or(0, |nanos| nanos.div_ceil(1_000_000_000))
    }
}

impl FromStr for GoDuration {
    type Err = InvalidDuration;

    /// `time.ParseDuration`; a fraction beyond the nanosecond is cut off.
    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        let (negative, mut rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if rest == "0" {
            return Ok(Self(0));
        }
        if rest.is_empty() {
            return Err(InvalidDuration);
        }
        let mut nanos = 0_i64;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or(InvalidDuration)?;
            let (number, tail) = rest.split_at(digits);
            let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(unit_end);
            let unit = UNITS.iter().find(|(name, _)| *name == unit).ok_or(InvalidDuration)?.1;
            let part = scaled(number, unit).ok_or(InvalidDuration)?;
            nanos = nanos.checked_add(part).ok_or(InvalidDuration)?;
            rest = tail;
        }
        Ok(Self(if negative { -nanos } else { nanos }))
    }
}

/// A decimal number of units in nanoseconds.
fn scaled(number: &str, unit: i64) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<i64>().ok()? };
    // Hours have 13 digits of nanoseconds; more digits of a fraction add nothing.
    let digits = fraction.get(..fraction.len().min(13))?;
    let fraction = if digits.is_empty() {
        0
    } else {
        i128::from(digits.parse::<i64>().ok()?) * i128::from(unit) / 10_i128.pow(u32::try_from(digits.len()).ok()?)
    };
    whole.checked_mul(unit)?.checked_add(i64::try_from(fraction).ok()?)
}

impl fmt::Display for GoDuration {
    /// `Duration.String`: `1h0m0s`, `1m30s`, `1.5s`, `300ms`, `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let nanos = self.0.unsigned_abs();
        if nanos == 0 {
            return f.write_str("0s");
        }
        if nanos < 1_000_000_000 {
            let (unit, name) = if nanos >= 1_000_000 {
                (1_000_000, "ms")
            } else if nanos >= 1_000 {
                (1_000, "µs")
            } else {
                (1, "ns")
            };
            return write!(f, "{}{name}", Decimal { number: nanos, unit });
        }
        let (hours, minutes, rest) = (nanos / 3_600_000_000_000, nanos / 60_000_000_000 % 60, nanos % 60_000_000_000);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if hours > 0 || minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        write!(f, "{}s", Decimal { number: rest, unit: 1_000_000_000 })
    }
}

/// A number of a unit, with as many decimals as it has.
struct Decimal {
    number: u64,
    unit: u64,
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number / self.unit)?;
        let fraction = self.number % self.unit;
        if fraction > 0 {
            let width = self.unit.ilog10() as usize;
            write!(f, ".{}", format!("{fraction:0width$}").trim_end_matches('0'))?;
        }
        Ok(())
    }
}

impl Serialize for GoDuration {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for GoDuration {
    fn schema_name() -> Cow<'static, str> {
        "GoDuration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[-+]?(0|([0-9]*\\.?[0-9]*(ns|us|µs|μs|ms|s|m|h))+)$" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // Answers of Go 1.26: `time.ParseDuration(text)`, its `String()`, and its seconds rounded up.
    #[test]
    fn durations_are_read_and_printed_as_go_does() {
        for (text, printed, seconds) in [
            ("0", "0s", 0),
            ("0s", "0s", 0),
            ("-0", "0s", 0),
            ("-1s", "-1s", 0),
            ("1ms", "1ms", 1),
            ("1h", "1h0m0s", 3_600),
            ("90s", "1m30s", 90),
            ("60m", "1h0m0s", 3_600),
            ("3h25m19s", "3h25m19s", 12_319),
            ("26h3m0.5s", "26h3m0.5s", 93_781),
            ("1.5h", "1h30m0s", 5_400),
            (".5s", "500ms", 1),
            ("1.s", "1s", 1),
            ("1500us", "1.5ms", 1),
            ("10ns", "10ns", 1),
            ("2562047h47m16.854775807s", "2562047h47m16.854775807s", 9_223_372_037),
        ] {
            let duration: GoDuration = text.parse().unwrap();
            assert_eq!((duration.to_string().as_str(), duration.seconds_ceil()), (printed, seconds), "{text}");
        }
        for refused in ["", "-", "soon", "5", "5d", "1h 2m", ".s", "1..5s", "s", "2562048h", "1hm"] {
            assert_eq!(refused.parse::<GoDuration>(), Err(InvalidDuration), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(nanos in (i64::MIN + 1)..i64::MAX) {
            let duration = GoDuration(nanos);
            prop_assert_eq!(duration.to_string().parse(), Ok(duration));
        }
    }
}
