//! What stands in the entry for a choice: the encoding's own properties, and those that single reads need beside them.
//!
//! A read and its counterpart together say what the property that the counterpart names must hold, so nothing else has to be recorded.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    quota,
    reads::{self, DecodingStrategy, Read, ReadError, Selected},
    value::{SecretBuffer, SecretBytes, SecretText, SecretValue, wipe},
};

use super::{Choice, Encoded, Encoding, StoredFields, Undecodable, Unencodable, prove};

/// What a read gives today, before and after the controller's part.
pub(super) struct Today {
    pub(super) selected: Selected,
    pub(super) delivered: reads::Delivered,
}

/// Every read as it is today.
pub(super) fn today(value: &SecretValue, reads: &[Read]) -> Result<Vec<Today>, Unencodable> {
    let one = |read: &Read| -> Result<Today, ReadError> {
        Ok(Today {
            selected: reads::select_from_secrets_manager(value, read)?,
            delivered: reads::from_secrets_manager(value, read)?,
        })
    };
    reads
        .iter()
        .enumerate()
        .map(|(nth, read)| one(read).map_err(|error| Unencodable::Unreadable { nth, read: read.to_string(), error }))
        .collect()
}

/// Lays `value` out as `choice` says and proves again that every read is equal.
///
/// # Errors
/// [`Unencodable`] where the value no longer fits the choice.
pub fn encode(value: &SecretValue, choice: &Choice, reads: &[Read]) -> Result<Encoded, Unencodable> {
    if reads.len() != choice.rewritten.len() {
        return Err(Unencodable::ChoiceMismatch);
    }
    let today = today(value, reads)?;
    let entry = lay_out(value, &choice.encoding, reads, &today, &choice.rewritten)
        .map_err(|nth| nth.map_or(Unencodable::ChoiceMismatch, |nth| not_text(reads, nth)))?;
    check_size(&entry)?;
    let _proof = prove(value, reads, &entry, &choice.rewritten)?;
    Ok(Encoded(entry))
}

/// Turns an entry back into its value: exact for `text` and `binary`, and for `fields` that carry the whole text too.
///
/// # Errors
/// [`Undecodable`].
pub fn decode(stored: &StoredFields, encoding: &Encoding) -> Result<SecretValue, Undecodable> {
    let held = |property: &str| stored.0.get(property).ok_or(Undecodable::Missing);
    match encoding {
        Encoding::Text { property } | Encoding::Fields { whole: Some(property) } => {
            Ok(SecretValue::Text(held(property)?.duplicate()))
        }
        Encoding::Binary { property } => from_base64(held(property)?).map(SecretValue::Binary).ok_or(Undecodable::NotBase64),
        Encoding::Fields { whole: None } => Err(Undecodable::NotInvertible),
    }
}

pub(super) fn not_text(reads: &[Read], nth: usize) -> Unencodable {
    Unencodable::NotText { nth, read: named(reads, nth) }
}

/// The read as errors name it.
pub(super) fn named(reads: &[Read], nth: usize) -> String {
    reads.get(nth).map(ToString::to_string).unwrap_or_default()
}

/// Holds an entry against what KV v2 takes.
pub(super) fn check_size(entry: &BTreeMap<String, SecretText>) -> Result<(), Unencodable> {
    if entry.len() > quota::KV_ENTRY_PROPERTIES {
        return Err(Unencodable::TooManyProperties);
    }
    if reads::marshalled_len(entry) > quota::KV_ENTRY_BYTES {
        return Err(Unencodable::TooLarge);
    }
    Ok(())
}

/// The entry. `Err(Some(nth))`: what that read needs is no text; `Err(None)`: the encoding does not fit the value.
pub(super) fn lay_out(
    value: &SecretValue,
    encoding: &Encoding,
    reads: &[Read],
    today: &[Today],
    rewritten: &[Read],
) -> Result<BTreeMap<String, SecretText>, Option<usize>> {
    let mut entry = BTreeMap::new();
    let exact = || SecretBytes::new(value.expose().to_vec()).duplicate_as_text();
    let main = match encoding {
        Encoding::Text { property } => {
            entry.insert(property.clone(), exact().ok_or(None)?);
            Some(property)
        }
        Encoding::Binary { property } => {
            entry.insert(property.clone(), to_base64(value.expose()));
            Some(property)
        }
        Encoding::Fields { whole } => {
            for member in reads::members(value.expose()).ok_or(None)? {
                let text = member.value.as_field().ok_or(None)?;
                // Of two equal keys the last, as `extract` takes it.
                entry.insert(member.key, text);
            }
            if let Some(property) = whole {
                entry.insert(property.clone(), exact().ok_or(None)?);
            }
            whole.as_ref()
        }
    };
    for (nth, ((read, today), counterpart)) in reads.iter().zip(today).zip(rewritten).enumerate() {
        let Some(property) = counterpart.named_property().filter(|property| main.is_none_or(|main| main != property)) else {
            continue;
        };
        let content = if read.named_property() == Some(property) {
            own_text(value, read)
        } else {
            reserved_content(read, today, counterpart)
        };
        entry.insert(property.to_owned(), content.ok_or(Some(nth))?);
    }
    Ok(entry)
}

/// What a property that is read under its own name holds: its text as `remoteRef.property` gives it.
fn own_text(value: &SecretValue, read: &Read) -> Option<SecretText> {
    let plain = Read::property("", read.named_property()?);
    match reads::select_from_secrets_manager(value, &plain).ok()? {
        Selected::One(bytes) => bytes.duplicate_as_text(),
        Selected::Many(_) => None,
    }
}

/// What a property holds that is reserved for one read.
fn reserved_content(read: &Read, today: &Today, counterpart: &Read) -> Option<SecretText> {
    match &today.selected {
        Selected::One(bytes) if counterpart.decoding_strategy() == read.decoding_strategy() => bytes.duplicate_as_text(),
        Selected::One(_) if counterpart.decoding_strategy() == DecodingStrategy::Base64 => {
            let [bytes] = today.delivered.0.values().collect::<Vec<_>>()[..] else { return None };
            Some(to_base64(bytes.expose()))
        }
        Selected::One(_) => None,
        Selected::Many(members) => {
            let texts = members
                .iter()
                .map(|(key, bytes)| std::str::from_utf8(bytes.expose()).ok().map(|text| (key, text)))
                .collect::<Option<Vec<_>>>()?;
            reads::marshal_strings(texts).into_text()
        }
    }
}

fn to_base64(bytes: &[u8]) -> SecretText {
    let mut encoded = String::with_capacity(bytes.len().div_ceil(3) * 4);
    STANDARD.encode_string(bytes, &mut encoded);
    SecretText::new(encoded)
}

fn from_base64(text: &SecretText) -> Option<SecretBytes> {
    let mut decoded = vec![0; base64::decoded_len_estimate(text.expose().len())];
    match STANDARD.decode_slice(text.expose(), &mut decoded) {
        Ok(length) => {
            let mut bytes = SecretBuffer::with_capacity(length);
            bytes.extend(decoded.get(..length).unwrap_or_default());
            wipe(&mut decoded);
            Some(bytes.into_bytes())
        }
        Err(_) => {
            wipe(&mut decoded);
            None
        }
    }
}
