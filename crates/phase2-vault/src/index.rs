//! The newest state of the store that an answer has shown us (`X-Vault-Index`), to be asked for when reading back.
//!
//! Standbys may answer reads from a copy that lags behind: performance standbys of Vault Enterprise, and standbys of OpenBao since 2.5.
//! A read that names an index is answered from that state or a later one, or refused (412; OpenBao 2.7.2: 429), which is retried
//! (<https://developer.hashicorp.com/vault/docs/enterprise/consistency>, <https://openbao.org/community/rfcs/index-headers/>).
//! To be passed on to the active node instead (`X-Vault-Inconsistent: forward-active-node`) is asked of OpenBao only: a Vault whose configuration
//! lacks `allow_forwarding_via_header`, the default, answers 400 to that.

use std::sync::{Arc, Mutex, PoisonError};

use base64::{Engine as _, prelude::BASE64_STANDARD};

/// The newest index seen so far. Answers of concurrent requests come in any order.
#[derive(Debug, Default)]
pub(crate) struct NewestIndex(Mutex<Option<Seen>>);

#[derive(Debug)]
struct Seen {
    header: Arc<str>,
    height: Option<u64>,
}

impl NewestIndex {
    /// Takes note of an index, unless it is known to be older than the one at hand.
    pub(crate) fn note(&self, header: &str) {
        let height = height(header);
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_older = newest.as_ref().is_some_and(|seen| match (seen.height, height) {
            (Some(had), Some(new)) => new <= had,
            _ => &*seen.header == header,
        });
        if !is_older {
            *newest = Some(Seen { header: header.into(), height });
        }
    }

    /// The header to send with a read.
    pub(crate) fn get(&self) -> Option<Arc<str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|seen| Arc::clone(&seen.header))
    }
}

/// How far an index reaches, where its shape is one that we know: OpenBao's `{"cluster":…,"value":"36"}` and Vault's
/// `v1:<cluster>:<local>:<replicated>:<hmac>`, both in base64. An unknown shape is passed on as it came.
fn height(header: &str) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Bao {
        value: String,
    }
    let text = BASE64_STANDARD.decode(header).ok()?;
    if let Ok(bao) = serde_json::from_slice::<Bao>(&text) {
        return bao.value.parse().ok();
    }
    let text = std::str::from_utf8(&text).ok()?;
    let mut parts = text.split(':');
    (parts.next() == Some("v1")).then(|| parts.nth(1)?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bao(value: u64) -> String {
        BASE64_STANDARD.encode(format!(r#"{{"cluster":"98049c9b","value":"{value}"}}"#))
    }

    fn vault(local: u64) -> String {
        BASE64_STANDARD.encode(format!("v1:98049c9b:{local}:0:aGFzaA"))
    }

    #[test]
    fn an_answer_that_comes_late_does_not_set_the_index_back() {
        for of in [bao, vault] {
            let newest = NewestIndex::default();
            for value in [9, 100, 36] {
                newest.note(&of(value));
            }
            assert_eq!(newest.get().as_deref(), Some(of(100).as_str()));
        }
    }

    #[test]
    fn an_index_of_unknown_shape_is_used_as_it_came() {
        let newest = NewestIndex::default();
        newest.note("opaque-1");
        newest.note("opaque-2");
        assert_eq!(newest.get().as_deref(), Some("opaque-2"));
    }
}
