//! Secret values: wiped when dropped, compared in constant time, and impossible to print, clone by accident or serialise.
//!
//! REQ OPS-1. There is deliberately no `Serialize`, no `Display`, no `Clone`, no `Hash` and no length accessor here; `Debug` says
//! `[redacted]`. A rim that must put a value on the wire calls [`SecretText::expose`] or [`SecretBytes::expose`], which is easy to
//! search for.

use std::{fmt, mem};

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a secret value.
pub struct SecretBytes(Zeroizing<Vec<u8>>);

/// Text of a secret value (UTF-8).
pub struct SecretText(Zeroizing<String>);

/// A growing buffer that wipes what it outgrows: a plain `Vec` leaves its earlier, smaller copies in freed memory.
#[derive(Default)]
pub struct SecretBuffer(Zeroizing<Vec<u8>>);

/// A value as Secrets Manager keeps it: a version holds either `SecretString` or `SecretBinary`
/// (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>).
#[derive(Debug)]
pub enum SecretValue {
    /// `SecretString`.
    Text(SecretText),
    /// `SecretBinary`, after base64 was taken off.
    Binary(SecretBytes),
}

impl SecretBytes {
    /// Takes ownership of the buffer; it is wiped when this is dropped.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes themselves. Every caller is a place where a value can leak.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// A second copy, said by name: values are not cloned by accident.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self::new(self.0.to_vec())
    }

    /// A second copy as text, where the bytes are UTF-8.
    #[must_use]
    pub fn duplicate_as_text(&self) -> Option<SecretText> {
        std::str::from_utf8(&self.0).ok().map(|text| SecretText::new(text.to_owned()))
    }
}

impl SecretBuffer {
    /// An empty buffer with room for `capacity` bytes.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    /// Adds `bytes` at the end.
    pub fn extend(&mut self, bytes: &[u8]) {
        if self.0.capacity() - self.0.len() < bytes.len() {
            let needed = self.0.len() + bytes.len();
            let mut grown = Vec::with_capacity(needed.max(self.0.capacity() * 2).max(64));
            grown.extend_from_slice(&self.0);
            self.0 = Zeroizing::new(grown);
        }
        self.0.extend_from_slice(bytes);
    }

    /// Adds one byte at the end.
    pub fn push(&mut self, byte: u8) {
        self.extend(&[byte]);
    }

    /// Adds one character at the end, as UTF-8.
    pub fn push_char(&mut self, character: char) {
        self.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// What is in it.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as a value.
    #[must_use]
    pub fn into_bytes(self) -> SecretBytes {
        SecretBytes(self.0)
    }

    /// The bytes as a text, where they are UTF-8; otherwise they are wiped.
    #[must_use]
    pub fn into_text(mut self) -> Option<SecretText> {
        match String::from_utf8(mem::take(&mut *self.0)) {
            Ok(text) => Some(SecretText::new(text)),
            Err(error) => {
                wipe(&mut error.into_bytes());
                None
            }
        }
    }
}

impl fmt::Write for SecretBuffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.extend(text.as_bytes());
        Ok(())
    }
}

impl SecretText {
    /// Takes ownership of the buffer; it is wiped when this is dropped.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. Every caller is a place where a value can leak.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A second copy, said by name: values are not cloned by accident.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(Zeroizing::new(self.0.as_str().to_owned()))
    }
}

impl SecretValue {
    /// The value's bytes, whichever kind it is.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.expose().as_bytes(),
            Self::Binary(bytes) => bytes.expose(),
        }
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Debug for SecretBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl PartialEq for SecretBytes {
    /// Constant time in the contents; two different lengths are told apart at once.
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for SecretBytes {}

impl PartialEq for SecretText {
    /// Constant time in the contents; two different lengths are told apart at once.
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for SecretText {}

impl PartialEq for SecretValue {
    /// Text and binary differ even where their bytes are the same: a consumer can tell them apart.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Binary(a), Self::Binary(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for SecretValue {}

impl<'de> serde::Deserialize<'de> for SecretText {
    /// Read from the wire without an unwiped copy of our own.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = SecretText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<SecretText, E> {
                Ok(SecretText::new(text.to_owned()))
            }
            fn visit_string<E: serde::de::Error>(self, text: String) -> Result<SecretText, E> {
                Ok(SecretText::new(text))
            }
            // The default messages quote what was found, which would be the value.
            fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<SecretText, E> {
                Err(E::custom("not a string"))
            }
            fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<SecretText, E> {
                Err(E::custom("not a string"))
            }
            fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<SecretText, E> {
                Err(E::custom("not a string"))
            }
            fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<SecretText, E> {
                Err(E::custom("not a string"))
            }
        }
        // Not `deserialize_string`: serde_json answers that with an error of its own, which quotes a number it finds.
        deserializer.deserialize_any(Visitor)
    }
}

/// Wipes a buffer that held a value on its way (a response body, a decoded string).
pub fn wipe(buffer: &mut Vec<u8>) {
    buffer.zeroize();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_does_not_print() {
        let value = SecretValue::Text(SecretText::new("canary".into()));
        assert!(!format!("{value:?}").contains("canary"));
    }

    #[test]
    fn text_and_binary_of_the_same_bytes_differ() {
        assert_ne!(SecretValue::Text(SecretText::new("a".into())), SecretValue::Binary(SecretBytes::new(b"a".to_vec())));
    }

    #[test]
    fn a_buffer_keeps_what_it_outgrows_and_gives_text_only_where_it_is_text() {
        let mut buffer = SecretBuffer::with_capacity(1);
        for byte in 0..200 {
            buffer.push(byte % 100);
        }
        buffer.push_char('é');
        let expected: Vec<u8> = (0..200).map(|byte| byte % 100).chain("é".bytes()).collect();
        assert_eq!(buffer.expose(), expected);
        assert!(!format!("{buffer:?}").contains('0'));
        buffer.push(0xff);
        assert!(buffer.into_text().is_none());
    }

    #[test]
    fn a_number_where_a_string_belongs_is_not_quoted_in_the_error() {
        let error = serde_json::from_str::<SecretText>("4711").unwrap_err();
        assert!(!error.to_string().contains("4711"), "{error}");
    }
}
