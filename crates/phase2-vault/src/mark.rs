//! Our keys in `custom_metadata`: who copied an entry, in which wave, from where, and how it is laid out.
//!
//! Limits of KV v2: 64 keys of at most 128 bytes with 1 to 512 bytes each
//! (<https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#create-update-metadata>); a secret's name has at most 512.

use std::collections::BTreeMap;

use migrate_core::{
    id::{Epoch, LedgerId, WaveName},
    observed::Mark,
    ports::Stamp,
};

/// The ledger that the wave stands in.
pub const LEDGER: &str = "migrate-ledger";
/// The wave.
pub const WAVE: &str = "migrate-wave";
/// The epoch, in decimal.
pub const EPOCH: &str = "migrate-epoch";
/// The secret's name at the outgoing authority.
pub const SOURCE: &str = "migrate-source";
/// The version that was copied.
pub const SOURCE_VERSION: &str = "migrate-source-version";
/// The kind of encoding.
pub const ENCODING: &str = "migrate-encoding";

/// What a stamp writes: our six keys, and what the source says about itself. A key that is carried never takes the place of ours.
#[must_use]
pub fn keys_of(stamp: &Stamp) -> BTreeMap<&str, String> {
    let (name, version) = &stamp.source;
    let mut keys: BTreeMap<&str, String> = stamp.carried.iter().map(|(key, text)| (key.as_str(), text.clone())).collect();
    keys.extend([
        (LEDGER, stamp.mark.ledger.as_str().to_owned()),
        (WAVE, stamp.mark.wave.as_str().to_owned()),
        (EPOCH, stamp.mark.epoch.to_string()),
        (SOURCE, name.as_str().to_owned()),
        (SOURCE_VERSION, version.as_str().to_owned()),
        (ENCODING, stamp.encoding.clone()),
    ]);
    keys
}

/// The mark that `custom_metadata` bears; `None` where a part of it is missing or can't be ours.
#[must_use]
pub fn seen_in(custom_metadata: &BTreeMap<String, String>) -> Option<Mark> {
    Some(Mark {
        ledger: LedgerId::new(custom_metadata.get(LEDGER)?.as_str()),
        wave: WaveName::parse(custom_metadata.get(WAVE)?).ok()?,
        epoch: Epoch(custom_metadata.get(EPOCH)?.parse().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use migrate_core::{
        id::SourceVersion,
        name::{SecretName, VaultPath},
    };

    use super::*;

    fn stamp() -> Stamp {
        Stamp {
            path: VaultPath::parse("platform-data/postgres/billing").unwrap(),
            mark: Mark { ledger: LedgerId::new("l-1"), wave: WaveName::parse("first").unwrap(), epoch: Epoch(7) },
            source: (SecretName::parse("legacy/billing").unwrap(), SourceVersion::new("v-1")),
            encoding: "text".into(),
            carried: BTreeMap::from([("aws-tag/team".to_owned(), "a".to_owned()), (EPOCH.to_owned(), "9".to_owned())]),
        }
    }

    #[test]
    fn a_mark_reads_back_as_it_was_stamped() {
        let keys: BTreeMap<_, _> = keys_of(&stamp()).into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        assert_eq!(seen_in(&keys), Some(stamp().mark));
        assert_eq!((keys.len(), keys["aws-tag/team"].as_str()), (7, "a"));
    }

    #[test]
    fn a_mark_with_a_part_missing_or_foreign_is_none() {
        for (key, broken) in [(LEDGER, None), (WAVE, Some("Not A Wave")), (EPOCH, Some("7th")), (EPOCH, None)] {
            let mut keys: BTreeMap<_, _> = keys_of(&stamp()).into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
            match broken {
                Some(text) => keys.insert(key.to_owned(), text.to_owned()),
                None => keys.remove(key),
            };
            assert_eq!(seen_in(&keys), None, "{key} = {broken:?}");
        }
    }
}
