//! The one JSON document of `--json`.

use serde::Serialize;

/// Puts a report into its JSON form: indented, with a line feed.
pub(super) fn document(report: &impl Serialize) -> String {
    match serde_json::to_string_pretty(report) {
        Ok(text) => text + "\n",
        // Only a map with keys that are no texts fails, which no report has; said rather than swallowed.
        Err(_) => "{\"error\":{\"reason\":{\"type\":\"internal\"},\"heading\":\"the report has no JSON form\"}}\n".to_owned(),
    }
}
