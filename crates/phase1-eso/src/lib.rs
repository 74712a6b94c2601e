//! External Secrets Operator: what each version knows, the stores and manifests that `migrate` emits for it (all pure), and the deliveries of
//! a cluster behind their port.

mod client;
pub mod crds;
pub mod delivery;
pub mod emit;
pub mod import;
pub mod lint;
pub mod meaning;
pub mod store;
pub mod table;
pub mod validate;
pub mod version;
pub mod yaml;

pub use client::{DEFAULT_CONCURRENCY, DEFAULT_WAIT, Settings};

/// Whether Kubernetes takes a text as a key of a Secret or ConfigMap: 1 to 253 letters, digits, `-`, `_` and `.`, and neither `.` nor
/// anything that begins with `..` (`IsConfigMapKey` of apimachinery).
#[must_use]
pub fn is_secret_key(text: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=253).contains(&text.len()) && text != "." && !text.starts_with("..") && text.bytes().all(is_fit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubernetes_rules_for_keys() {
        for good in ["a", "tls.crt", ".dockerconfigjson", "A_b-c.0", &"k".repeat(253)] {
            assert!(is_secret_key(good), "{good}");
        }
        for bad in ["", ".", "..", "..a", "a/b", "ä", "a b", &"k".repeat(254)] {
            assert!(!is_secret_key(bad), "{bad}");
        }
    }
}
