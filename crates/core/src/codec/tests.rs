//! Tests of the codec: chosen layouts by hand, and the proof over generated values and reads.

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{reads::Read, value::SecretBytes};

fn text(text: &str) -> SecretValue {
    SecretValue::Text(SecretText::new(text.to_owned()))
}

fn binary(bytes: &[u8]) -> SecretValue {
    SecretValue::Binary(SecretBytes::new(bytes.to_vec()))
}

/// The encoding, the entry as `key=text`, and the counterparts, in one text to compare with.
fn laid_out(value: &SecretValue, reads: &[Read]) -> (String, Vec<String>, Vec<Read>) {
    let choice = choose(value, reads).unwrap();
    let encoded = encode(value, &choice, reads).unwrap();
    let fields = encoded.0.iter().map(|(key, text)| format!("{key}={}", text.expose())).collect();
    (choice.encoding.to_string(), fields, choice.rewritten)
}

#[test]
fn without_readers_an_object_of_strings_goes_as_fields_and_everything_else_stays_exact() {
    let cases = [
        (text(r#"{"user":"app","password":"p\u00e4ss"}"#), "fields", vec!["password=päss", "user=app"]),
        (text(r#"{"user":"app","port":3306}"#), "text:value", vec![r#"value={"user":"app","port":3306}"#]),
        (text(r#"{"a":"1","a":"2"}"#), "text:value", vec![r#"value={"a":"1","a":"2"}"#]),
        (text("{}"), "text:value", vec!["value={}"]),
        (text(r#"{"a":"\ud800"}"#), "text:value", vec![r#"value={"a":"\ud800"}"#]),
        (text("-----BEGIN-----\n"), "text:value", vec!["value=-----BEGIN-----\n"]),
        (binary(&[0, 255]), "binary:value", vec!["value=AP8="]),
        (binary(br#"{"a":"b"}"#), "binary:value", vec!["value=eyJhIjoiYiJ9"]),
    ];
    for (value, encoding, fields) in cases {
        assert_eq!(laid_out(&value, &[]), (encoding.to_owned(), fields.into_iter().map(str::to_owned).collect(), vec![]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn text_and_binary_come_back_exactly(chars in any::<String>(), bytes in vec(any::<u8>(), 0..200)) {
        for value in [text(&chars), binary(&bytes)] {
            let reads = [Read::whole("key")];
            let choice = choose(&value, &reads).unwrap();
            let encoded = encode(&value, &choice, &reads).unwrap();
            let is_exact = !matches!(choice.encoding, Encoding::Fields { .. });
            prop_assert!(is_exact);
            prop_assert!(decode(&StoredFields(encoded.0), &choice.encoding) == Ok(value));
        }
    }
}
