//! What the controller does with a provider's answer, the same for every provider: key names, then decoding
//! (`externalsecret_controller_secret.go`, `esutils/utils.go`).

use std::collections::BTreeMap;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::value::{SecretBuffer, SecretBytes, wipe};

use super::{ConversionStrategy, DecodingStrategy, Delivered, Read, ReadError, Selected};

/// Go wants the padding and does not look at the bits that are left over.
const AS_GO: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, AS_GO);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, AS_GO);

pub(super) fn deliver(read: &Read, selected: Selected) -> Result<Delivered, ReadError> {
    let strategy = read.decoding_strategy();
    let one = |key: String, bytes: SecretBytes| {
        let decoded = decode(strategy, bytes, &key)?;
        Ok(Delivered(BTreeMap::from([(key, decoded)])))
    };
    match (read, selected) {
        (Read::Whole { secret_key, .. } | Read::Property { secret_key, .. }, Selected::One(bytes)) => {
            one(checked(secret_key.clone())?, bytes)
        }
        (Read::Find { name, conversion_strategy, .. }, Selected::One(bytes)) => {
            one(converted(*conversion_strategy, name)?, bytes)
        }
        // The rewrite list sees keys and values as the provider gave them; equal before it is equal after it.
        (Read::Extract { rewrite, .. }, Selected::Many(members)) if !rewrite.is_empty() => Ok(Delivered(members)),
        (Read::Extract { conversion_strategy, .. }, Selected::Many(members)) => {
            let mut delivered = BTreeMap::new();
            for (member, bytes) in members {
                if member.is_empty() {
                    continue;
                }
                let key = converted(*conversion_strategy, &member)?;
                if delivered.contains_key(&key) {
                    return Err(ReadError::KeyCollision { key });
                }
                let decoded = decode(strategy, bytes, &key)?;
                delivered.insert(key, decoded);
            }
            Ok(Delivered(delivered))
        }
        (_, Selected::One(_) | Selected::Many(_)) => Err(ReadError::NotAnObject),
    }
}

/// The key that a name becomes.
pub(crate) fn converted(strategy: ConversionStrategy, name: &str) -> Result<String, ReadError> {
    let mut key = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' | '_' => key.push(character),
            // Unicode letters and numbers pass the controller, and Kubernetes then refuses them. This test knows a few marks more than
            // Go's tables do, which would become `_`: blocked, not guessed.
            other if other.is_alphanumeric() => return Err(ReadError::KeyRefused { key: name.to_owned() }),
            other => match strategy {
                ConversionStrategy::Default => key.push('_'),
                ConversionStrategy::Unicode => key.push_str(&format!("_U{:04x}_", u32::from(other))),
            },
        }
    }
    checked(key)
}

/// What Kubernetes takes for a key of a Secret (`IsConfigMapKey` of apimachinery): 1 to 253 letters, digits, `-`, `.` and `_`, not `.` and
/// nothing that begins with `..`.
fn checked(key: String) -> Result<String, ReadError> {
    let fits = (1..=253).contains(&key.len())
        && key != "."
        && !key.starts_with("..")
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if fits { Ok(key) } else { Err(ReadError::KeyRefused { key }) }
}

fn decode(strategy: DecodingStrategy, bytes: SecretBytes, key: &str) -> Result<SecretBytes, ReadError> {
    let failed = || ReadError::NotDecodable { key: key.to_owned() };
    match strategy {
        DecodingStrategy::None => Ok(bytes),
        DecodingStrategy::Base64 => base64(&STANDARD, &bytes).ok_or_else(failed),
        DecodingStrategy::Base64URL => base64(&URL_SAFE, &bytes).ok_or_else(failed),
        DecodingStrategy::Auto => Ok(base64(&STANDARD, &bytes).or_else(|| base64(&URL_SAFE, &bytes)).unwrap_or(bytes)),
    }
}

/// Go's decoder skips line ends wherever they stand.
fn base64(engine: &GeneralPurpose, bytes: &SecretBytes) -> Option<SecretBytes> {
    let mut lines = SecretBuffer::with_capacity(bytes.expose().len());
    for line in bytes.expose().split(|byte| matches!(byte, b'\r' | b'\n')) {
        lines.extend(line);
    }
    let mut decoded = vec![0; base64::decoded_len_estimate(lines.expose().len())];
    match engine.decode_slice(lines.expose(), &mut decoded) {
        Ok(length) => {
            decoded.truncate(length);
            Some(SecretBytes::new(decoded))
        }
        Err(_) => {
            wipe(&mut decoded);
            None
        }
    }
}
