//! What a secret says about itself at the outgoing authority (tags, description, key, rotation) and how much of it fits beside its copy.
//!
//! KV v2 keeps up to 64 keys of 1 to 128 bytes with 1 to 512 bytes each, printable characters only
//! (<https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#create-update-metadata>). What does not fit is listed with its reason, and
//! stays readable in the plan: none of it is a value.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{observed::SourceSecret, quota};

/// What is kept beside a copy, and what is not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Carried {
    /// What goes into `custom_metadata`, by key. Every key begins with `aws-`, so that none is one of ours.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<String, String>,
    /// What can't, by the key that it would have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Left>,
}

/// One thing that is not kept beside the copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Left {
    /// The key that it would have.
    pub key: String,
    /// What it says; here it stays readable.
    pub text: String,
    /// Why it does not fit.
    #[serde(flatten)]
    pub why: Misfit,
}

/// Why something does not fit into `custom_metadata`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "misfit", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Misfit {
    /// The key is too long.
    #[error("its key would have {bytes} bytes, and {} is the most", quota::CUSTOM_METADATA_KEY_BYTES)]
    KeyTooLong {
        /// Its length.
        bytes: usize,
    },
    /// The key has a character that is refused.
    #[error("its key has a character that can't be printed")]
    KeyNotPrintable,
    /// There is nothing to keep: an empty text is refused.
    #[error("it is empty")]
    Empty,
    /// The text is too long.
    #[error("it has {bytes} bytes, and {} is the most", quota::CUSTOM_METADATA_VALUE_BYTES)]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The text has a character that is refused: a line break, a tab, an invisible mark.
    #[error("it has a character that can't be printed")]
    NotPrintable,
    /// The keys before it take all the room.
    #[error("there is room for {} keys beside our own", room())]
    TooMany,
}

/// Keys that a stamp takes for itself (ledger, wave, epoch, source, its version, encoding).
const OUR_KEYS: usize = 6;

const fn room() -> usize {
    quota::CUSTOM_METADATA_KEYS - OUR_KEYS
}

impl Carried {
    /// Decides for one secret. What says how it is kept and who made it goes before its tags, those in the order of their keys.
    #[must_use]
    pub fn of(secret: &SourceSecret) -> Self {
        let rotation = secret.rotation.clone().unwrap_or_default();
        let settings = [
            ("aws-description", secret.description.clone()),
            ("aws-kms-key-id", secret.kms_key_id.clone()),
            ("aws-rotation-lambda", rotation.lambda_arn),
            ("aws-rotation-after-days", rotation.after_days.map(|days| days.to_string())),
            ("aws-rotation-duration", rotation.duration),
            ("aws-rotation-schedule", rotation.schedule),
        ];
        let settings = settings.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text?)));
        let tags = secret.tags.iter().map(|(tag, text)| (format!("aws-tag/{tag}"), text.clone()));
        let mut carried = Self::default();
        for (key, text) in settings.chain(tags) {
            let fit = if carried.kept.len() < room() { fits(&key, &text) } else { Err(Misfit::TooMany) };
            match fit {
                Ok(()) => {
                    carried.kept.insert(key, text);
                }
                Err(why) => carried.left.push(Left { key, text, why }),
            }
        }
        carried
    }

    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.left.is_empty()
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not carried: {}", self.key.escape_debug(), self.why)
    }
}

fn fits(key: &str, text: &str) -> Result<(), Misfit> {
    if key.len() > quota::CUSTOM_METADATA_KEY_BYTES {
        return Err(Misfit::KeyTooLong { bytes: key.len() });
    }
    if !key.chars().all(is_printable) {
        return Err(Misfit::KeyNotPrintable);
    }
    if text.is_empty() {
        return Err(Misfit::Empty);
    }
    if text.len() > quota::CUSTOM_METADATA_VALUE_BYTES {
        return Err(Misfit::TooLong { bytes: text.len() });
    }
    if text.chars().all(is_printable) { Ok(()) } else { Err(Misfit::NotPrintable) }
}

/// Go's `unicode.IsPrint`, which the store asks: letters, marks, numbers, punctuation, symbols and the plain space. Rust escapes the others
/// where it debugs a text; a mark only at its beginning, so it is asked about one behind a letter.
fn is_printable(character: char) -> bool {
    let behind_a_letter: String = ['x', character].into_iter().collect();
    matches!(character, '\'' | '"' | '\\') || behind_a_letter.escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::{
        id::SourceVersion,
        name::SecretArn,
        observed::{Rotation, VersionMap},
    };

    fn secret() -> SourceSecret {
        let versions = VersionMap(BTreeMap::from([(SourceVersion::new("v1"), BTreeSet::from(["AWSCURRENT".to_owned()]))]));
        SourceSecret::plain(SecretArn::new("arn"), versions)
    }

    fn tagged(tags: impl IntoIterator<Item = (String, String)>) -> Carried {
        Carried::of(&SourceSecret { tags: tags.into_iter().collect(), ..secret() })
    }

    #[track_caller]
    fn misfit(key: &str, text: &str) -> Misfit {
        let carried = tagged([(key.to_owned(), text.to_owned())]);
        assert!(carried.kept.is_empty(), "{carried:?}");
        assert_eq!(carried.left[0].text, text);
        carried.left[0].why
    }

    #[test]
    fn everything_that_a_secret_may_say_of_itself_fits() {
        let carried = Carried::of(&SourceSecret {
            description: Some("who reads it, and why".into()),
            kms_key_id: Some("arn:aws:kms:eu-central-1:111122223333:key/k".into()),
            rotation: Some(Rotation {
                lambda_arn: Some("arn:aws:lambda:eu-central-1:111122223333:function:rotate".into()),
                after_days: Some(30),
                duration: Some("3h".into()),
                schedule: Some("cron(0 16 1 * ? *)".into()),
            }),
            tags: (0..50).map(|at| (format!("team {at:02} é+-=._:/@"), "x".repeat(256))).collect(),
            ..secret()
        });
        assert_eq!((carried.kept.len(), carried.left.len()), (56, 0), "{:?}", carried.left);
        assert_eq!(carried.kept["aws-rotation-after-days"], "30");
        assert!(carried.kept.contains_key("aws-tag/team 07 é+-=._:/@"));
        assert!(Carried::of(&secret()).is_empty());
    }

    #[test]
    fn what_does_not_fit_is_listed_with_its_reason() {
        assert_eq!(misfit("team", ""), Misfit::Empty);
        assert_eq!(misfit("team", &"é".repeat(257)), Misfit::TooLong { bytes: 514 });
        assert_eq!(misfit(&"k".repeat(121), "x"), Misfit::KeyTooLong { bytes: 129 });
        assert_eq!(misfit("te\u{200b}am", "x"), Misfit::KeyNotPrintable);
        for text in ["two\nlines", "tab\t", "no-break\u{a0}", "\u{200f}mark", "private\u{e000}"] {
            assert_eq!(misfit("team", text), Misfit::NotPrintable, "{text:?}");
        }
        for text in ["a 'quoted' \"one\" \\", "e\u{301}", "Привет, 世界 🔑", "x".repeat(512).as_str()] {
            assert!(tagged([("team".to_owned(), text.to_owned())]).left.is_empty(), "{text}");
        }
    }

    // More than AWS takes today: the room is the store's, not the source's.
    #[test]
    fn what_has_no_room_is_listed_and_settings_go_first() {
        let mut crowded = secret();
        crowded.description = Some("first".into());
        crowded.tags = (0..60).map(|at| (format!("t{at:02}"), "x".into())).collect();
        let carried = Carried::of(&crowded);
        assert_eq!(carried.kept.len(), 58);
        assert!(carried.kept.contains_key("aws-description"));
        let left: Vec<_> = carried.left.iter().map(|left| (left.key.as_str(), left.why)).collect();
        assert_eq!(left, ["aws-tag/t57", "aws-tag/t58", "aws-tag/t59"].map(|key| (key, Misfit::TooMany)));
    }
}
