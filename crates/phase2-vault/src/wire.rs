//! The bodies of the API: what is sent, what is read. Values go from and to wiped buffers, and through no general JSON tree.

use std::{collections::BTreeMap, io};

use migrate_core::{codec::Encoded, ledger::Anchor, value::SecretText};
use serde::{Deserialize, Serialize, Serializer, de::IgnoredAny, ser::SerializeMap};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// A body on its way, wiped when it is dropped.
pub(crate) type Body = Zeroizing<Vec<u8>>;

/// Serialises into a buffer that is allocated once, so that growing leaves no copy behind.
pub(crate) fn body(content: &impl Serialize) -> Result<Body, serde_json::Error> {
    struct Length(usize);
    impl io::Write for Length {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut length = Length(0);
    serde_json::to_writer(&mut length, content)?;
    let mut body = Zeroizing::new(Vec::with_capacity(length.0));
    serde_json::to_writer(&mut *body, content)?;
    Ok(body)
}

/// `POST <mount>/data/<path>`.
#[derive(Serialize)]
pub(crate) struct PutData<D> {
    pub(crate) data: D,
    pub(crate) options: CheckAndSet,
}

/// `options` of a data write: the version that must be current; 0 where there must never have been one.
#[derive(Serialize)]
pub(crate) struct CheckAndSet {
    pub(crate) cas: u64,
}

/// The one place where a value of ours is put on the wire.
pub(crate) struct Exposed<'a>(pub(crate) &'a Encoded);

impl Serialize for Exposed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.0.len()))?;
        for (property, text) in &self.0.0 {
            map.serialize_entry(property, text.expose())?;
        }
        map.end()
    }
}

/// `POST` and `PATCH <mount>/metadata/<path>`. OpenBao checks `metadata_cas` (since 2.4); Vault ignores it.
#[derive(Serialize)]
pub(crate) struct PutMetadata<'a> {
    pub(crate) custom_metadata: &'a BTreeMap<&'a str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata_cas: Option<u64>,
}

/// The anchor as an entry of strings, so that it reads the same through every client.
#[derive(Serialize)]
pub(crate) struct AnchorFields<'a> {
    epoch: String,
    hash: String,
    ledger: &'a str,
    sequence: String,
}

impl<'a> From<&'a Anchor> for AnchorFields<'a> {
    fn from(anchor: &'a Anchor) -> Self {
        Self {
            epoch: anchor.epoch.to_string(),
            hash: anchor.hash.to_string(),
            ledger: anchor.ledger.as_str(),
            sequence: anchor.sequence.to_string(),
        }
    }
}

/// The `errors` of an answer; the default is empty.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Errors {
    #[serde(default)]
    pub(crate) errors: Option<Vec<String>>,
    /// A deleted version is answered with 404 and its metadata here.
    #[serde(default)]
    pub(crate) data: Option<IgnoredAny>,
}

/// The envelope of every answer with data.
#[derive(Deserialize)]
pub(crate) struct Enveloped<D> {
    pub(crate) data: D,
}

/// `GET sys/health`. Vault says `performance_standby` since 0.11; OpenBao has no such thing.
#[derive(Deserialize)]
pub(crate) struct Health {
    pub(crate) initialized: bool,
    pub(crate) sealed: bool,
    pub(crate) standby: bool,
    pub(crate) performance_standby: Option<bool>,
    #[serde(default)]
    pub(crate) replication_dr_mode: Option<String>,
    pub(crate) version: String,
    pub(crate) cluster_id: Option<String>,
}

/// `GET sys/internal/ui/mounts/<mount>`, which any token with some right below the mount may read.
#[derive(Deserialize)]
pub(crate) struct MountInfo {
    #[serde(rename = "type")]
    pub(crate) engine: String,
    #[serde(default)]
    pub(crate) options: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub(crate) running_plugin_version: Option<String>,
}

/// `GET <mount>/config`.
#[derive(Deserialize)]
pub(crate) struct MountConfig {
    #[serde(default)]
    pub(crate) cas_required: bool,
    pub(crate) delete_version_after: String,
    pub(crate) max_versions: u64,
    /// OpenBao since 2.4, where metadata can be checked and set.
    pub(crate) metadata_cas_required: Option<bool>,
}

/// `GET <mount>/metadata/<path>`.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) current_version: u64,
    /// OpenBao counts changes of metadata too.
    #[serde(default)]
    pub(crate) current_metadata_version: Option<u64>,
    pub(crate) custom_metadata: Option<BTreeMap<String, String>>,
    pub(crate) delete_version_after: String,
    #[serde(default)]
    pub(crate) versions: BTreeMap<u64, VersionState>,
}

/// One version in [`Metadata`].
#[derive(Deserialize)]
pub(crate) struct VersionState {
    deletion_time: String,
    destroyed: bool,
}

impl VersionState {
    /// Deleted, destroyed, or set to delete itself: in no case a version whose value counts.
    pub(crate) fn is_gone(&self) -> bool {
        self.destroyed || !self.deletion_time.is_empty()
    }
}

/// `GET <mount>/data/<path>`, borrowed from the answer so that values stay in its wiped buffer until they are taken out one by one.
#[derive(Deserialize)]
pub(crate) struct Data<'a> {
    /// `null` where the version is deleted or destroyed.
    #[serde(borrow)]
    pub(crate) data: Option<BTreeMap<String, &'a RawValue>>,
    pub(crate) metadata: DataMetadata,
}

/// `metadata` in [`Data`] and in the answer to a data write.
#[derive(Deserialize)]
pub(crate) struct DataMetadata {
    pub(crate) version: u64,
    #[serde(default)]
    pub(crate) custom_metadata: Option<BTreeMap<String, String>>,
}

/// The text of a member that is a JSON string; `None` for anything else, which can't be ours.
///
/// By hand, since serde_json would unescape into a buffer of its own and free it unwiped; and Go escapes `<`, `>`, `&` and line breaks, so most
/// values would go through it.
pub(crate) fn text(member: &RawValue) -> Option<SecretText> {
    let quoted = member.get().strip_prefix('"')?.strip_suffix('"')?;
    // Unescaped it is never longer, so the buffer does not grow.
    let mut text = Zeroizing::new(String::with_capacity(quoted.len()));
    let mut rest = quoted;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut characters = escaped.chars();
        let character = match characters.next()? {
            'u' => {
                let (unit, tail) = code_unit(escaped)?;
                let (character, tail) = match unit {
                    0xd800..=0xdbff => {
                        let (low, tail) = code_unit(tail.strip_prefix('\\')?)?;
                        (char::decode_utf16([unit, low]).next()?.ok()?, tail)
                    }
                    _ => (char::from_u32(u32::from(unit))?, tail),
                };
                characters = tail.chars();
                character
            }
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            itself @ ('"' | '\\' | '/') => itself,
            _ => return None,
        };
        text.push(character);
        rest = characters.as_str();
    }
    text.push_str(rest);
    Some(SecretText::new(std::mem::take(&mut *text)))
}

/// `u` and four hexadecimal digits, and what follows them.
fn code_unit(escaped: &str) -> Option<(u16, &str)> {
    let (digits, tail) = escaped.strip_prefix('u')?.split_at_checked(4)?;
    Some((u16::from_str_radix(digits, 16).ok()?, tail))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_text_is_not_taken_for_one() {
        for json in [r#""\ud800""#, r#""\ud800x""#, r#""\ud800\u0041""#, r#""\udc00""#, "1", "null", "true", "[\"a\"]", "{}"] {
            let raw: &RawValue = serde_json::from_str(json).unwrap();
            assert!(text(raw).is_none(), "{json}");
        }
        let raw: &RawValue = serde_json::from_str(r#" "\"\\\/\b\f\n\r\t\u003c\uD83D\uDD11" "#).unwrap();
        assert_eq!(text(raw).unwrap().expose(), "\"\\/\u{8}\u{c}\n\r\t<🔑");
    }

    #[test]
    fn members_that_are_no_strings_are_seen_and_not_kept() {
        let json =
            br#"{"data":{"a":"x","b":1,"c":null,"d":{"e":["f"]},"g":[1,"h"],"i":true,"j":1.5,"k":-1},"metadata":{"version":3}}"#;
        let data: Data<'_> = serde_json::from_slice(json).unwrap();
        let texts: Vec<_> = data.data.unwrap().into_iter().filter_map(|(key, member)| Some((key, text(member)?))).collect();
        assert_eq!(texts, [("a".to_owned(), SecretText::new("x".into()))]);
    }

    proptest! {
        #[test]
        fn a_string_is_taken_out_as_any_json_reader_would(value: String, escape in prop::collection::vec(any::<bool>(), 64)) {
            // Some characters as themselves, some escaped, as an encoder may choose.
            let mut json = String::from("\"");
            for (nth, character) in value.chars().enumerate() {
                if escape[nth % 64] || character < ' ' || matches!(character, '"' | '\\') {
                    character.encode_utf16(&mut [0; 2]).iter().for_each(|unit| json.push_str(&format!("\\u{unit:04x}")));
                } else {
                    json.push(character);
                }
            }
            json.push('"');
            let raw: &RawValue = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(text(raw), Some(SecretText::new(value.clone())));
            let usual = serde_json::value::to_raw_value(&value).unwrap();
            prop_assert_eq!(text(&usual), Some(SecretText::new(value)));
        }

        #[test]
        fn what_is_written_reads_back(map in prop::collection::btree_map(".{0,20}", ".{0,40}", 0..6)) {
            let encoded = Encoded(map.iter().map(|(k, v)| (k.clone(), SecretText::new(v.clone()))).collect());
            let body = body(&PutData { data: Exposed(&encoded), options: CheckAndSet { cas: 0 } }).unwrap();
            prop_assert_eq!(body.len(), body.capacity());
            let read: serde_json::Value = serde_json::from_slice(&body).unwrap();
            prop_assert_eq!(&read["data"], &serde_json::json!(map));
            prop_assert_eq!(&read["options"]["cas"], &serde_json::json!(0));
        }
    }
}
