//! From bytes to text: UTF-8, UTF-16 with a byte order mark, Latin-1 for the rest; what is no text is said to be binary.

use migrate_core::value::SecretText;

/// How many bytes are looked at to tell text from binary, as Git does it (<https://git-scm.com/docs/gitattributes>, `binary`).
const SNIFFED: usize = 8000;

/// What bytes turned out to be.
#[derive(Debug)]
pub enum Decoded {
    /// Text, and how it was written.
    Text(SecretText, Encoding),
    /// No text.
    Binary,
}

/// How a text was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without byte order mark.
    Utf8,
    /// UTF-16 in either order, with a byte order mark.
    Utf16,
    /// Not UTF-8: every byte was taken for one character.
    Latin1,
}

/// Tells what bytes are. Broken UTF-16 pairs become U+FFFD; everything else is kept.
#[must_use]
pub fn decode(bytes: &[u8]) -> Decoded {
    if let Some(rest) = bytes.strip_prefix(&[0xff, 0xfe]) {
        return utf16(rest, u16::from_le_bytes);
    }
    if let Some(rest) = bytes.strip_prefix(&[0xfe, 0xff]) {
        return utf16(rest, u16::from_be_bytes);
    }
    if bytes.iter().take(SNIFFED).any(|byte| *byte == 0) {
        return Decoded::Binary;
    }
    let rest = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes);
    match std::str::from_utf8(rest) {
        Ok(text) => Decoded::Text(SecretText::new(text.to_owned()), Encoding::Utf8),
        Err(_) => Decoded::Text(SecretText::new(rest.iter().map(|byte| char::from(*byte)).collect()), Encoding::Latin1),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Decoded {
    let units = bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok().map(unit));
    let text = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    Decoded::Text(SecretText::new(text), Encoding::Utf16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_ways_to_write_and_one_that_is_no_text() {
        let text = |bytes: &[u8]| match decode(bytes) {
            Decoded::Text(text, encoding) => Some((text.expose().to_owned(), encoding)),
            Decoded::Binary => None,
        };
        assert_eq!(text(b"\xef\xbb\xbfa=\xc3\xbc"), Some(("a=ü".to_owned(), Encoding::Utf8)));
        assert_eq!(text(b"a=\xfc"), Some(("a=ü".to_owned(), Encoding::Latin1)));
        assert_eq!(text(b"\xff\xfea\0=\0\xfc\0"), Some(("a=ü".to_owned(), Encoding::Utf16)));
        assert_eq!(text(b"\xfe\xff\0a\0=\0\xfc"), Some(("a=ü".to_owned(), Encoding::Utf16)));
        assert_eq!(text(b"\xff\xfea\0=\0\xfc"), Some(("a=".to_owned(), Encoding::Utf16)));
        assert_eq!(text(b"\x7fELF\0\0"), None);
    }
}
