//! Tests of the codec: chosen layouts by hand, and the proof over generated values and reads.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use crate::{
    quota,
    reads::{ConversionStrategy, DecodingStrategy, MetadataPolicy, PathFeature},
    value::SecretBytes,
};

fn text(text: &str) -> SecretValue {
    SecretValue::Text(SecretText::new(text.to_owned()))
}

fn binary(bytes: &[u8]) -> SecretValue {
    SecretValue::Binary(SecretBytes::new(bytes.to_vec()))
}

fn whole(key: &str) -> Read {
    Read::whole(key)
}

fn property(key: &str, path: &str) -> Read {
    Read::property(key, path)
}

fn extract_of(path: &str) -> Read {
    let mut read = Read::extract();
    if let Read::Extract { property, .. } = &mut read {
        *property = Some(path.to_owned());
    }
    read
}

/// The encoding, then the entry as `key=text`.
fn entry_of(value: &SecretValue, choice: &Choice, reads: &[Read]) -> Vec<String> {
    let encoded = encode(value, choice, reads).unwrap();
    std::iter::once(choice.encoding.to_string())
        .chain(encoded.0.iter().map(|(key, text)| format!("{key}={}", text.expose())))
        .collect()
}

#[test]
fn without_readers_an_object_of_strings_goes_as_fields_and_everything_else_stays_exact() {
    let cases = [
        (text(r#"{"user":"app","password":"p\u00e4ss"}"#), vec!["fields", "password=päss", "user=app"]),
        (text(r#"{"user":"app","port":3306}"#), vec!["text:value", r#"value={"user":"app","port":3306}"#]),
        (text(r#"{"a":"1","a":"2"}"#), vec!["text:value", r#"value={"a":"1","a":"2"}"#]),
        (text("{}"), vec!["text:value", "value={}"]),
        (text(r#"{"a":"\ud800"}"#), vec!["text:value", r#"value={"a":"\ud800"}"#]),
        (text("-----BEGIN-----\n"), vec!["text:value", "value=-----BEGIN-----\n"]),
        (binary(&[0, 255]), vec!["binary:value", "value=AP8="]),
        (binary(br#"{"a":"b"}"#), vec!["binary:value", "value=eyJhIjoiYiJ9"]),
    ];
    for (value, expected) in cases {
        assert_eq!(entry_of(&value, &choose(&value, &[]).unwrap(), &[]), expected);
    }
}

/// A value, its reads, the entry, and how each read is spelled afterwards.
type Layout = (SecretValue, Vec<Read>, Vec<&'static str>, Vec<Read>);

#[test]
fn readers_choose_the_layout() {
    use DecodingStrategy::Base64;
    let cases: Vec<Layout> = vec![
        // Whole readers keep the value exact.
        (text("plain"), vec![whole("k")], vec!["text:value", "value=plain"], vec![property("k", "value")]),
        (text(r#"{"a": "b"}"#), vec![whole("k")], vec!["text:value", r#"value={"a": "b"}"#], vec![property("k", "value")]),
        (binary(&[255]), vec![whole("k")], vec!["binary:value", "value=/w=="], vec![property("k", "value").decoded(Base64)]),
        // Text that is decoded on its way stays text.
        (
            text("YQ=="),
            vec![whole("k").decoded(Base64)],
            vec!["text:value", "value=YQ=="],
            vec![property("k", "value").decoded(Base64)],
        ),
        // Binary that is base64 itself, decoded by its reader: one more property for that reader.
        (
            binary(b"YQ=="),
            vec![whole("k").decoded(Base64)],
            vec!["binary:value", "read=YQ==", "value=WVE9PQ=="],
            vec![property("k", "read").decoded(Base64)],
        ),
        // Members become strings, as their readers get them today.
        (
            text(r#"{"port":3306,"tls":{ "on" : true },"user":"app","none":null}"#),
            vec![Read::extract()],
            vec!["fields", "none=", "port=3306", r#"tls={ "on" : true }"#, "user=app"],
            vec![Read::extract()],
        ),
        // JSON pushed as binary is JSON.
        (binary(br#"{"a":1}"#), vec![property("k", "a")], vec!["fields", "a=1"], vec![property("k", "a")]),
        // A nested read finds the literal key.
        (
            text(r#"{"db":{"host":"h"}}"#),
            vec![property("k", "db.host")],
            vec!["fields", r#"db={"host":"h"}"#, "db.host=h"],
            vec![property("k", "db.host")],
        ),
        // Beside an extract reader, that literal key would come along: the extract reader gets an object of its own.
        (
            text(r#"{"db":{"host":"h"},"extract":"x"}"#),
            vec![property("k", "db.host"), Read::extract()],
            vec![
                "fields",
                r#"db={"host":"h"}"#,
                "db.host=h",
                "extract=x",
                r#"extract-2={"db":"{\"host\":\"h\"}","extract":"x"}"#,
            ],
            vec![property("k", "db.host"), extract_of("extract-2")],
        ),
        // A whole reader beside others needs the exact text too, unless the marshalled map happens to be it.
        (
            text(r#"{"value":1.50,"b":"c"}"#),
            vec![property("k", "b"), whole("w")],
            vec!["fields:value-2", "b=c", "value=1.50", r#"value-2={"value":1.50,"b":"c"}"#],
            vec![property("k", "b"), property("w", "value-2")],
        ),
        (
            text(r#"{"a":"b","c":"d"}"#),
            vec![Read::extract(), whole("w")],
            vec!["fields", "a=b", "c=d"],
            vec![Read::extract(), whole("w")],
        ),
        // Readers that need different bytes of one key.
        (
            text(r#"{"n":1.10}"#),
            vec![property("k", "n"), Read::extract()],
            vec!["fields", r#"extract={"n":"1.10"}"#, "n=1.1"],
            vec![property("k", "n"), extract_of("extract")],
        ),
        (text(r#"{"n":1.10}"#), vec![Read::extract()], vec!["fields", "n=1.10"], vec![Read::extract()]),
        (text(r#"{"n":1.10}"#), vec![property("k", "n")], vec!["fields", "n=1.1"], vec![property("k", "n")]),
        (
            text(r#"{"a":"1","a":"2"}"#),
            vec![Read::extract(), property("k", "a")],
            vec!["fields", "a=1", r#"extract={"a":"2"}"#],
            vec![extract_of("extract"), property("k", "a")],
        ),
        // extract of a property: its text where parsing it anew gives the same, an object of strings where it does not.
        (text(r#"{"c":{"a":"1"}}"#), vec![extract_of("c")], vec!["fields", r#"c={"a":"1"}"#], vec![extract_of("c")]),
        (
            text(r#"{"c":{"n":1.10}}"#),
            vec![extract_of("c"), extract_of("c")],
            vec!["fields", r#"c={"n":1.10}"#, r#"extract={"n":"1.10"}"#],
            vec![extract_of("extract"), extract_of("extract")],
        ),
        // Not an object at all.
        (text("null"), vec![Read::extract()], vec!["text:value", "value=null"], vec![extract_of("value")]),
        (text("{}"), vec![Read::extract()], vec!["text:value", "value={}"], vec![extract_of("value")]),
        (
            text(r#"["a","b"]"#),
            vec![property("k", "1")],
            vec!["text:value", "1=b", r#"value=["a","b"]"#],
            vec![property("k", "1")],
        ),
        (
            text(r#"log {"value":"x"}"#),
            vec![property("k", "value"), whole("w")],
            vec!["text:value-2", "value=x", r#"value-2=log {"value":"x"}"#],
            vec![property("k", "value"), property("w", "value-2")],
        ),
        // A member that is half a surrogate pair, read by nobody: the text stays exact.
        (
            text(r#"{"a":"\ud800","b":"c"}"#),
            vec![property("k", "b")],
            vec!["text:value", "b=c", r#"value={"a":"\ud800","b":"c"}"#],
            vec![property("k", "b")],
        ),
        // Bytes that are no text, out of a text that is read as JSON.
        (
            binary(b"{\"a\":\"\xff\"}"),
            vec![property("k", "a")],
            vec!["binary:value", "read=/w==", "value=eyJhIjoi/yJ9"],
            vec![property("k", "read").decoded(Base64)],
        ),
        // An empty property is none; AWSCURRENT is the current version.
        (text("x"), vec![property("k", "")], vec!["text:value", "value=x"], vec![property("k", "value")]),
    ];
    for (value, reads, entry, rewritten) in cases {
        let choice = choose(&value, &reads).unwrap();
        assert_eq!(entry_of(&value, &choice, &reads), entry, "{reads:?}");
        assert_eq!(choice.rewritten, rewritten, "{reads:?}");
    }
}

/// The examples of `docs/delivery.md`, each rendered anew from its value and its reads.
#[test]
fn the_documented_examples_are_true() {
    let page = include_str!("../../../../docs/delivery.md");
    let (_, block) = page.split_once("```text\n").unwrap();
    let (block, _) = block.split_once("\n```").unwrap();
    for example in block.split("\n\n") {
        let (first, rest) = example.split_once('\n').unwrap();
        let value = text(first);
        let said = |read: &Read| match read {
            Read::Extract { property: Some(property), .. } => format!("extract of {property}"),
            Read::Extract { .. } => "extract".to_owned(),
            read => read.named_property().map_or("whole".to_owned(), |property| format!("property {property}")),
        };
        let reads: Vec<Read> = rest
            .lines()
            .filter_map(|line| line.split_once(" → "))
            .map(|(read, _)| match read.trim().split_once(' ') {
                Some(("property", path)) => property("k", path),
                Some(("extract", of)) => extract_of(of.trim_start_matches("of ")),
                _ if read.trim() == "whole" => whole("k"),
                _ => Read::extract(),
            })
            .collect();
        let choice = choose(&value, &reads).unwrap();
        let mut shown = vec![first.to_owned()];
        shown.extend(reads.iter().zip(&choice.rewritten).map(|(read, after)| format!("  {} → {}", said(read), said(after))));
        let mut entry = entry_of(&value, &choice, &reads).into_iter();
        shown.extend(entry.next());
        shown.extend(entry.map(|field| format!("  {}", field.replacen('=', " = ", 1))));
        assert_eq!(example, shown.join("\n"));
    }
}

#[test]
fn a_find_is_spelled_out() {
    let reads = [Read::Find {
        name: "platform-data/pg/app".into(),
        conversion_strategy: ConversionStrategy::Default,
        decoding_strategy: DecodingStrategy::None,
    }];
    let choice = choose(&text("x"), &reads).unwrap();
    assert_eq!(choice.rewritten, [property("platform-data_pg_app", "value")]);
}

#[test]
fn members_whose_type_becomes_a_string_are_listed() {
    let value = text(r#"{"z":null,"port":3306,"user":"app","on":true}"#);
    let choice = choose(&value, &[property("k", "user")]).unwrap();
    assert_eq!(choice.stringified, ["on", "port", "z"]);
    assert!(choose(&value, &[]).unwrap().stringified.is_empty());
}

#[test]
fn what_can_not_be_carried_says_why() {
    let unreadable =
        |error: ReadError| move |nth: usize, read: &Read| Unencodable::Unreadable { nth, read: read.to_string(), error };
    let mut previous = Read::extract();
    let mut tags = whole("k");
    if let (Read::Extract { version, .. }, Read::Whole { metadata_policy, .. }) = (&mut previous, &mut tags) {
        *version = Some("AWSPREVIOUS".into());
        *metadata_policy = MetadataPolicy::Fetch;
    }
    let cases = [
        (text("x"), previous, ReadError::Version { version: "AWSPREVIOUS".into() }),
        (text("x"), tags, ReadError::Metadata),
        (text("x"), property("k", "a"), ReadError::NoProperty { property: "a".into() }),
        (text("x"), Read::extract(), ReadError::NotAnObject),
        (
            text(r#"{"a":[1]}"#),
            property("k", "a.#"),
            ReadError::UnsupportedPath { property: "a.#".into(), feature: PathFeature::Hash },
        ),
        (text(r#"{"a":"\ud800"}"#), property("k", "a"), ReadError::LoneSurrogate { key: "a".into() }),
        (text(r#"{"a":"\ud800"}"#), Read::extract(), ReadError::LoneSurrogate { key: "a".into() }),
        (text("no base64"), whole("k").decoded(DecodingStrategy::Base64), ReadError::NotDecodable { key: "k".into() }),
    ];
    for (value, read, error) in cases {
        let reads = [whole("fine"), read];
        assert_eq!(choose(&value, &reads), Err(unreadable(error)(1, &reads[1])));
    }
}

#[test]
fn more_members_than_an_entry_takes_stay_text_with_an_object_for_extract() {
    let members: Vec<String> = (0..quota::KV_ENTRY_PROPERTIES + 1).map(|n| format!("\"k{n}\":{n}.0")).collect();
    let value = text(&format!("{{{}}}", members.join(",")));
    let reads = [Read::extract(), property("k", "k7")];
    let choice = choose(&value, &reads).unwrap();
    assert_eq!(choice.encoding.to_string(), "text:value");
    assert_eq!(choice.rewritten, [extract_of("extract"), property("k", "k7")]);
    let encoded = encode(&value, &choice, &reads).unwrap();
    assert_eq!(encoded.0.keys().collect::<Vec<_>>(), ["extract", "k7", "value"]);

    let all: Vec<Read> = (0..quota::KV_ENTRY_PROPERTIES + 1).map(|n| property("k", &format!("k{n}"))).collect();
    assert_eq!(choose(&value, &all), Err(Unencodable::TooManyProperties));
}

#[test]
fn an_entry_that_is_too_large_is_refused() {
    // Control characters: six bytes each in the text, seven once that text is a string, six more in the field.
    let value = text(&format!("{{\"a\": \"{}\"}}", "\\u0001".repeat(90_000)));
    assert_eq!(choose(&value, &[property("k", "a"), whole("w")]), Err(Unencodable::TooLarge));
}

#[test]
fn a_choice_does_not_outlive_the_value_it_was_made_for() {
    let reads = [Read::extract()];
    let choice = choose(&text(r#"{"n":"1"}"#), &reads).unwrap();
    // Another value of the same kind: laid out and proved anew.
    assert!(encode(&text(r#"{"n":1.10,"m":2}"#), &choice, &reads).is_ok());
    assert!(matches!(encode(&text("plain"), &choice, &reads), Err(Unencodable::Unreadable { .. })));
    assert_eq!(encode(&text("{}"), &choice, &[]), Err(Unencodable::ChoiceMismatch));
    let reads = [whole("w"), property("k", "n")];
    let choice = choose(&text(r#"{"n":"1"}"#), &reads).unwrap();
    // Its whole read was the marshalled map as it is; with a space in it, it no longer is.
    let moved = encode(&text(r#"{"n": "1"}"#), &choice, &reads);
    assert_eq!(moved, Err(Unencodable::Differs { nth: 0, read: "secretKey \"w\"".into(), key: Some("w".into()) }));
}

#[test]
fn the_proof_names_the_key_that_differs_and_not_the_value() {
    let value = text(r#"{"user":"canary-1","password":"canary-2"}"#);
    let reads = [property("u", "user"), Read::extract()];
    let choice = choose(&value, &reads).unwrap();
    let mut encoded = encode(&value, &choice, &reads).unwrap();
    assert_eq!(prove(&value, &reads, &encoded.0, &choice.rewritten).unwrap().reads(), 2);
    encoded.0.insert("password".into(), SecretText::new("canary-3".into()));
    let differs = prove(&value, &reads, &encoded.0, &choice.rewritten).unwrap_err();
    assert_eq!(differs, Unencodable::Differs { nth: 1, read: "extract".into(), key: Some("password".into()) });
    encoded.0.remove("user");
    let fails = prove(&value, &reads, &encoded.0, &choice.rewritten).unwrap_err();
    assert_eq!(fails, Unencodable::Differs { nth: 0, read: reads[0].to_string(), key: None });
    for shown in [differs.to_string(), fails.to_string(), format!("{differs:?}{fails:?}{encoded:?}{choice:?}")] {
        assert!(!shown.contains("canary"), "{shown}");
    }
    assert!(!serde_json::to_string(&(choice, differs)).unwrap().contains("canary"));
}

#[test]
fn an_encoding_has_one_short_text() {
    for text in ["text:value", "binary:value-2", "fields", "fields:value:with:colons"] {
        assert_eq!(text.parse::<Encoding>().unwrap().to_string(), text);
    }
    for text in ["", "text", "text:", "fields:", "json", "Fields"] {
        assert_eq!(text.parse::<Encoding>(), Err(UnknownEncoding(text.to_owned())));
    }
}

#[test]
fn an_entry_that_lost_its_value_is_not_decoded() {
    let stored = |fields: &[(&str, &str)]| {
        StoredFields(fields.iter().map(|(key, text)| ((*key).to_owned(), SecretText::new((*text).to_owned()))).collect())
    };
    let decoded = |fields: &[(&str, &str)], encoding: &str| decode(&stored(fields), &encoding.parse().unwrap());
    assert_eq!(decoded(&[("value", "x")], "text:value"), Ok(text("x")));
    assert_eq!(decoded(&[("value", "{}"), ("a", "b")], "fields:value"), Ok(text("{}")));
    assert_eq!(decoded(&[("value", "AP8=")], "binary:value"), Ok(binary(&[0, 255])));
    assert_eq!(decoded(&[("value", "AP8")], "binary:value"), Err(Undecodable::NotBase64));
    assert_eq!(decoded(&[("other", "x")], "text:value"), Err(Undecodable::Missing));
    assert_eq!(decoded(&[("a", "b")], "fields"), Err(Undecodable::NotInvertible));
}

/// JSON texts as people store them: odd numbers, escapes, spaces, equal keys, nesting.
fn json() -> impl Strategy<Value = String> {
    let string = prop_oneof!["[a-c ]{0,3}", "[\\x01-\\x7f<>&\u{2028}é😀\"\\\\]{0,4}", Just("{\"x\":1.0}".to_owned())]
        .prop_map(|text| serde_json::Value::String(text).to_string());
    let leaf = prop_oneof![
        4 => string,
        1 => select(vec!["1.10", "0", "-0.0", "1e10", "1e400", "12345678901234567890", "true", "false", "null", "\"\\ud83d\\ude00\"",
            "\"\\u0000\"", "\"\\ud800\"", "\"YQ==\""]).prop_map(str::to_owned),
    ];
    let key = select(vec!["a", "b", "a.b", "db", "0", "value", "extract", "x y", "", "read", "\\u0061", "é"]);
    leaf.prop_recursive(3, 24, 5, move |inner| {
        prop_oneof![
            3 => vec((key.clone(), inner.clone()), 0..5)
                .prop_map(|members| format!("{{{}}}", members.iter().map(|(k, v)| format!("\"{k}\": {v}")).collect::<Vec<_>>().join(","))),
            1 => vec(inner, 0..4).prop_map(|items| format!("[{} ]", items.join(" , "))),
        ]
    })
}

fn reads() -> impl Strategy<Value = Vec<Read>> {
    let path = select(vec!["a", "b", "a.b", "a\\.b", "db.a", "db", "0", "1", "value", "extract", "read", "db.0.a", ""]);
    let strategy = select(vec![
        DecodingStrategy::None,
        DecodingStrategy::None,
        DecodingStrategy::None,
        DecodingStrategy::Auto,
        DecodingStrategy::Base64,
        DecodingStrategy::Base64URL,
    ]);
    let read = prop_oneof![
        Just(whole("w")),
        path.clone().prop_map(|path| property("p", path)),
        path.clone().prop_map(|path| property("p", path)),
        Just(Read::extract()),
        path.prop_map(extract_of),
        Just(Read::Find {
            name: "a/b".into(),
            conversion_strategy: ConversionStrategy::Unicode,
            decoding_strategy: DecodingStrategy::None
        }),
    ];
    vec((read, strategy).prop_map(|(read, strategy)| read.decoded(strategy)), 0..4)
}

fn value() -> impl Strategy<Value = SecretValue> {
    prop_oneof![
        6 => json().prop_map(|json| text(&json)),
        2 => json().prop_map(|json| binary(json.as_bytes())),
        1 => json().prop_map(|json| text(&format!("x {json}"))),
        1 => json().prop_map(|json| binary(&[json.as_bytes(), b"\xff"].concat())),
        1 => any::<String>().prop_map(|chars| text(&chars)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn text_and_binary_come_back_exactly(chars in any::<String>(), bytes in vec(any::<u8>(), 0..200)) {
        for value in [text(&chars), binary(&bytes)] {
            let reads = [whole("key")];
            let choice = choose(&value, &reads).unwrap();
            let encoded = encode(&value, &choice, &reads).unwrap();
            let is_exact = !matches!(choice.encoding, Encoding::Fields { .. });
            prop_assert!(is_exact);
            prop_assert!(decode(&StoredFields(encoded.0), &choice.encoding) == Ok(value));
        }
    }

    /// A read that works today works afterwards, with the same bytes; one that does not is named.
    #[test]
    fn every_choice_is_proved_and_nothing_is_refused_without_a_reason(value in value(), reads in reads()) {
        let broken = reads.iter().position(|read| reads::from_secrets_manager(&value, read).is_err());
        match choose(&value, &reads) {
            Ok(choice) => {
                prop_assert_eq!(broken, None);
                let encoded = encode(&value, &choice, &reads).unwrap();
                // Not through `prove`: it is what is under test.
                for (read, counterpart) in reads.iter().zip(&choice.rewritten) {
                    let today = reads::from_secrets_manager(&value, read).unwrap();
                    let after = reads::from_kv2(&encoded.0, counterpart).unwrap();
                    prop_assert!(today == after, "{} became {} in {}", read, counterpart, choice.encoding);
                }
                let written = choice.encoding.to_string();
                prop_assert!(written.len() <= quota::CUSTOM_METADATA_VALUE_BYTES);
                prop_assert_eq!(written.parse(), Ok(choice.encoding.clone()));
                let stored = StoredFields(encoded.0);
                match decode(&stored, &choice.encoding) {
                    Ok(back) => prop_assert!(back.expose() == value.expose()),
                    Err(error) => {
                        prop_assert_eq!(error, Undecodable::NotInvertible);
                        prop_assert_eq!(choice.encoding, Encoding::Fields { whole: None });
                    }
                }
            }
            Err(Unencodable::Unreadable { nth, .. }) => prop_assert_eq!(broken, Some(nth)),
            // What is no UTF-8 inside an object that is extracted: no object of strings can hold it.
            Err(Unencodable::NotText { .. }) => {
                let is_text = std::str::from_utf8(value.expose()).is_ok();
                prop_assert!(!is_text);
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    /// Nobody's value turns up in what may be stored or shown.
    #[test]
    fn a_canary_stays_inside(reads in reads(), plain in any::<bool>()) {
        let canary = "cAnArY";
        let value = if plain { text(canary) } else { text(&format!("{{\"a\":\"{canary}\",\"db\":{{\"a\":\"{canary}\"}},\"value\":[\"{canary}\"]}}")) };
        let shown = match choose(&value, &reads) {
            Ok(choice) => {
                let encoded = encode(&value, &choice, &reads).unwrap();
                let broken = BTreeMap::new();
                format!("{encoded:?}{choice:?}{}{:?}", serde_json::to_string(&choice).unwrap(), prove(&value, &reads, &broken, &choice.rewritten))
            }
            Err(error) => format!("{error}{error:?}{}", serde_json::to_string(&error).unwrap()),
        };
        prop_assert!(!shown.contains(canary), "{}", shown);
    }
}
