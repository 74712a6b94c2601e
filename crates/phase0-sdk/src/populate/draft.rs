//! Which secrets are to be created of what a file holds.

use std::{collections::BTreeMap, fmt, str::FromStr};

use migrate_core::{
    inventory::{Content, Properties, Prose},
    name::SecretName,
    quota::SECRET_VALUE_BYTES,
    value::{SecretBytes, SecretText, SecretValue},
};
use zeroize::Zeroizing;

use super::source::{Source, SourceError};

/// One thing to take: `KEY=NAME`, `KEY=NAME:PROPERTY`, or `NAME` for the whole file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The key in the file; none for the whole.
    pub key: Option<String>,
    /// The secret that it belongs to.
    pub name: SecretName,
    /// The member of the secret's JSON object; none where it is the secret's text.
    pub property: Option<String>,
}

/// Why a text is no [`Piece`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`KEY=NAME`, `KEY=NAME:PROPERTY`, or `NAME` for the whole file: {0}")]
pub struct InvalidPiece(String);

impl FromStr for Piece {
    type Err = InvalidPiece;

    fn from_str(text: &str) -> Result<Self, InvalidPiece> {
        let (key, rest) = match text.split_once('=') {
            Some((key, rest)) if !key.is_empty() => (Some(key.to_owned()), rest),
            Some(_) => return Err(InvalidPiece("there is no key before `=`".to_owned())),
            None => (None, text),
        };
        let (name, property) = match rest.split_once(':') {
            Some((name, property)) if !property.is_empty() => (name, Some(property.to_owned())),
            Some(_) => return Err(InvalidPiece("there is no property after `:`".to_owned())),
            None => (rest, None),
        };
        let name = SecretName::parse(name).map_err(|error| InvalidPiece(error.to_string()))?;
        Ok(Self { key, name, property })
    }
}

/// A secret to create.
#[derive(Debug)]
pub struct Draft {
    /// Its name.
    pub name: SecretName,
    /// Its value.
    pub value: SecretValue,
    /// What its value is; none where a property has a name that an inventory does not take.
    pub content: Option<Content>,
    /// The keys that it is made of, each with its lines in the file.
    pub made_of: Vec<(String, (usize, usize))>,
}

/// What CreateSecret is told beside name and value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Creation {
    /// `Description`
    pub description: Option<String>,
    /// `KmsKeyId`
    pub kms_key_id: Option<String>,
    /// `Tags`
    pub tags: BTreeMap<String, String>,
}

/// Why a secret can't be made of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// The file has no such key.
    #[error("{name}: the file has no {key}")]
    NoKey {
        /// For which secret.
        name: SecretName,
        /// The key.
        key: String,
    },
    /// The key can't be taken.
    #[error("{name}: {source}")]
    Source {
        /// For which secret.
        name: SecretName,
        /// Why.
        source: SourceError,
    },
    /// The value is empty.
    #[error("{name}: {} is empty", .key.as_deref().unwrap_or("the file"))]
    Empty {
        /// For which secret.
        name: SecretName,
        /// The key.
        key: Option<String>,
    },
    /// Two pieces would be the same thing, or a text and members at once.
    #[error("{name}: two pieces can't both be its {what}")]
    Contradiction {
        /// For which secret.
        name: SecretName,
        /// What both would be.
        what: What,
    },
    /// A key of a file that is taken whole, or a whole file that is taken by key.
    #[error("{name}: {}", if *.keyed { "the file is read by key: write KEY=NAME" } else { "the file is taken whole: write only NAME" })]
    Form {
        /// For which secret.
        name: SecretName,
        /// Whether the file is read by key.
        keyed: bool,
    },
    /// Larger than Secrets Manager takes.
    #[error("{0}: it is larger than the {SECRET_VALUE_BYTES} bytes that a secret takes")]
    TooLarge(SecretName),
}

/// What two pieces would both be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The secret's text.
    Value,
    /// One member.
    Property(String),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value => f.write_str("value"),
            Self::Property(property) => write!(f, "property {property}"),
        }
    }
}

/// Makes the secrets of a file, in the order of their names.
///
/// # Errors
/// Every [`DraftError`].
pub fn draft(source: Source, pieces: &[Piece]) -> Result<Vec<Draft>, Vec<DraftError>> {
    let mut errors = Vec::new();
    let mut by_name: BTreeMap<&SecretName, Vec<&Piece>> = BTreeMap::new();
    for piece in pieces {
        by_name.entry(&piece.name).or_default().push(piece);
    }
    let drafts = match source {
        Source::Whole(bytes) => whole(bytes, &by_name, &mut errors),
        Source::Keyed(mut keyed) => by_name
            .into_iter()
            .filter_map(|(name, pieces)| of_keys(name, &pieces, &mut keyed).map_err(|error| errors.push(error)).ok())
            .collect(),
    };
    let too_large = drafts.iter().filter(|draft| draft.value.expose().len() > SECRET_VALUE_BYTES);
    errors.extend(too_large.map(|draft| DraftError::TooLarge(draft.name.clone())));
    if errors.is_empty() { Ok(drafts) } else { Err(errors) }
}

fn whole(bytes: SecretBytes, by_name: &BTreeMap<&SecretName, Vec<&Piece>>, errors: &mut Vec<DraftError>) -> Vec<Draft> {
    let pieces: Vec<&&Piece> = by_name.values().flatten().collect();
    match pieces.as_slice() {
        [Piece { key: None, name, property: None }] if !bytes.expose().is_empty() => {
            let (value, content) = match bytes.duplicate_as_text() {
                Some(text) => (SecretValue::Text(text), Content::Text),
                None => (SecretValue::Binary(bytes), Content::Binary),
            };
            return vec![Draft { name: name.clone(), value, content: Some(content), made_of: Vec::new() }];
        }
        [Piece { key: None, name, property: None }] => errors.push(DraftError::Empty { name: name.clone(), key: None }),
        [Piece { name, .. }] => errors.push(DraftError::Form { name: name.clone(), keyed: false }),
        several => errors.extend(
            several.iter().take(1).map(|piece| DraftError::Contradiction { name: piece.name.clone(), what: What::Value }),
        ),
    }
    Vec::new()
}

type Keyed = BTreeMap<String, Result<super::source::Entry, SourceError>>;

fn of_keys(name: &SecretName, pieces: &[&Piece], keyed: &mut Keyed) -> Result<Draft, DraftError> {
    let mut text: Option<SecretText> = None;
    let mut members: BTreeMap<&str, SecretText> = BTreeMap::new();
    let mut made_of = Vec::new();
    for piece in pieces {
        let Some(key) = &piece.key else { return Err(DraftError::Form { name: name.clone(), keyed: true }) };
        let entry = match keyed.get(key) {
            None => return Err(DraftError::NoKey { name: name.clone(), key: key.clone() }),
            Some(Err(source)) => return Err(DraftError::Source { name: name.clone(), source: source.clone() }),
            Some(Ok(entry)) => entry,
        };
        if entry.value.expose().is_empty() {
            return Err(DraftError::Empty { name: name.clone(), key: Some(key.clone()) });
        }
        made_of.push((key.clone(), entry.lines));
        let value = entry.value.duplicate();
        let twice = match &piece.property {
            None => text.replace(value).map(|_| What::Value),
            Some(property) => members.insert(property, value).map(|_| What::Property(property.clone())),
        };
        if let Some(what) = twice {
            return Err(DraftError::Contradiction { name: name.clone(), what });
        }
    }
    let (value, content) = match text {
        Some(_) if !members.is_empty() => return Err(DraftError::Contradiction { name: name.clone(), what: What::Value }),
        Some(text) => (text, Some(Content::Text)),
        None => (object(&members), properties(members.keys())),
    };
    Ok(Draft { name: name.clone(), value: SecretValue::Text(value), content, made_of })
}

fn properties<'p>(names: impl Iterator<Item = &'p &'p str>) -> Option<Content> {
    let names = names.map(|name| Prose::parse(name)).collect::<Result<_, _>>().ok()?;
    Properties::new(names).ok().map(Content::Properties)
}

/// A JSON object of texts, written into a buffer that does not grow: growing would leave copies behind.
fn object(members: &BTreeMap<&str, SecretText>) -> SecretText {
    let exposed: BTreeMap<&str, &str> = members.iter().map(|(key, value)| (*key, value.expose())).collect();
    // JSON may escape each byte as six, and puts at most six around a member.
    let room = 2 + exposed.iter().map(|(key, value)| 6 + 6 * (key.len() + value.len())).sum::<usize>();
    let mut buffer = Zeroizing::new(Vec::with_capacity(room));
    // A map of texts has a JSON form, and a vector takes it.
    let written = serde_json::to_writer(&mut *buffer, &exposed);
    debug_assert!(written.is_ok() && buffer.len() <= room, "the room is enough");
    SecretText::new(String::from_utf8(std::mem::take(&mut *buffer)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{super::source::Format, *};

    const FILE: &str = "USER=app\nPASSWORD='p\"w<'\nEMPTY=\nREF=$X\n";

    fn drafted(file: &str, format: Format, pieces: &[&str]) -> Result<Vec<String>, Vec<String>> {
        let pieces: Vec<Piece> = pieces.iter().map(|piece| piece.parse().unwrap()).collect();
        let source = Source::read(SecretBytes::new(file.as_bytes().to_vec()), format).unwrap();
        let told =
            |draft: &Draft| format!("{} = {} of {:?}", draft.name, String::from_utf8_lossy(draft.value.expose()), draft.made_of);
        draft(source, &pieces)
            .map(|drafts| drafts.iter().map(told).collect())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    // REQ SDK-6, NAM-4
    #[test]
    fn members_of_one_secret_and_single_values_are_made_of_keys() {
        let made = drafted(FILE, Format::Env, &["PASSWORD=b:password", "USER=b:username", "USER=a"]).unwrap();
        assert_eq!(
            made,
            [
                "a = app of [(\"USER\", (1, 1))]",
                "b = {\"password\":\"p\\\"w<\",\"username\":\"app\"} of [(\"PASSWORD\", (2, 2)), (\"USER\", (1, 1))]"
            ]
        );
        assert_eq!(drafted("x\n", Format::Whole, &["a"]).unwrap(), ["a = x\n of []"]);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_and_no_value_is_quoted() {
        let refused = |file: &str, format, pieces: &[&str]| drafted(file, format, pieces).unwrap_err().join("\n");
        let all = [
            refused(FILE, Format::Env, &["EMPTY=a", "NONE=b", "REF=c", "d", "USER=e", "PASSWORD=e", "USER=f:x", "PASSWORD=f"]),
            refused(FILE, Format::Env, &["USER=a:x", "PASSWORD=a:x"]),
            refused("x", Format::Whole, &["A=a"]),
            refused("", Format::Whole, &["a"]),
            refused("x", Format::Whole, &["a", "b"]),
            refused(&"x".repeat(65_537), Format::Whole, &["a"]),
        ];
        insta::assert_snapshot!(all.join("\n"), @r"
        a: EMPTY is empty
        b: the file has no NONE
        c: REF on line 4 refers to another variable (`$`); write out what it stands for, or put it in single quotes
        d: the file is read by key: write KEY=NAME
        e: two pieces can't both be its value
        f: two pieces can't both be its value
        a: two pieces can't both be its property x
        a: the file is taken whole: write only NAME
        a: the file is empty
        a: two pieces can't both be its value
        a: it is larger than the 65536 bytes that a secret takes
        ");
    }

    #[test]
    fn what_is_no_piece_is_refused() {
        for text in ["=a", "A=", "A=a:", "A=not a name", ""] {
            assert!(text.parse::<Piece>().is_err(), "{text}");
        }
    }
}
