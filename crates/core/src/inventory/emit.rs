//! An inventory as YAML text: deterministic, and read alike by YAML 1.1 and 1.2 parsers.

use serde::Serialize;

use super::{Inventory, schema::SCHEMA_FILE};
use crate::yaml;

/// Where the first line of an emitted inventory points editors to, unless told otherwise: the schema beside the inventory.
pub const DEFAULT_SCHEMA_URL: &str = SCHEMA_FILE;

impl Inventory {
    /// The text of this inventory. `schema_url` is where editors find the schema: a URL, or a path relative to the file
    /// ([`DEFAULT_SCHEMA_URL`] where it lies beside it).
    #[must_use]
    pub fn to_yaml(&self, schema_url: &str) -> String {
        let schema_url: String = schema_url.chars().filter(|c| !c.is_control()).collect();
        let mut text = format!(
            "# yaml-language-server: $schema={schema_url}\n\
             # What secrets there are. Metadata only: a value has no place here.\n\
             apiVersion: migrate/v1\n"
        );
        // Before the secrets, so that new ones can be appended at the end.
        if !self.external_secrets.is_empty() {
            text.push_str("externalSecrets:\n");
            for declared in &self.external_secrets {
                text.push_str(&entry(declared, ""));
            }
        }
        text.push_str("secrets:\n");
        for secret in &self.secrets {
            text.push_str(&entry(secret, ""));
        }
        text
    }
}

/// One entry as an item of a list that is indented by `margin`.
pub(super) fn entry(entry: &impl Serialize, margin: &str) -> String {
    let text = yaml::to_yaml(&[entry]);
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{margin}{line}\n") }).collect()
}
