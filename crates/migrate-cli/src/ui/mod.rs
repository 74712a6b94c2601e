//! Everything that a person or a machine gets to see. Data goes to stdout, talk to stderr; nothing else in this crate prints.

mod json;
mod printer;
mod progress;
mod tables;

use std::io::Write as _;

pub use printer::{Printer, Report};
pub use progress::Bars;
pub use tables::Table;

/// Says that the tool has a fault, and where.
pub(crate) fn panicked(place: &str) {
    let text = format!(
        "error: internal fault at {place}; its message is not shown, since it may hold a value\n\
         hint: whatever was done stands in the ledger; run the same command again, and report the place\n"
    );
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Says that a request to stop was heard.
pub(crate) fn stopping() {
    let _ = std::io::stderr().write_all(b"\nstopping at the next safe point; once more ends at once\n");
}

/// A duration as a person says it.
#[must_use]
pub fn duration(duration: std::time::Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..=9 => format!("{:.1} s", duration.as_secs_f64()),
        10..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds.div_ceil(60)),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A number and what it counts: `1 secret`, `2 secrets`.
#[must_use]
pub fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
