//! The delivery table, row by row, against bytes written by hand, and against what the real gjson and encoding/json answered.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use super::*;

fn text(text: &str) -> SecretValue {
    SecretValue::Text(SecretText::new(text.to_owned()))
}

fn entry<const N: usize>(fields: [(&str, &str); N]) -> BTreeMap<String, SecretText> {
    fields.into_iter().map(|(key, text)| (key.to_owned(), SecretText::new(text.to_owned()))).collect()
}

fn one(delivered: Result<Delivered, ReadError>) -> Result<String, ReadError> {
    delivered.map(|delivered| String::from_utf8_lossy(delivered.0["key"].expose()).into_owned())
}

fn many(delivered: Result<Delivered, ReadError>) -> Result<Vec<String>, ReadError> {
    let shown = |(key, bytes): (&String, &SecretBytes)| format!("{key}={}", String::from_utf8_lossy(bytes.expose()));
    delivered.map(|delivered| delivered.0.iter().map(shown).collect())
}

/// `remoteRef.property` from Secrets Manager.
fn property(value: &str, path: &str) -> Result<String, ReadError> {
    one(from_secrets_manager(&text(value), &Read::property("key", path)))
}

/// `extract` from Secrets Manager.
fn extract(value: &str) -> Result<Vec<String>, ReadError> {
    many(from_secrets_manager(&text(value), &Read::extract()))
}

fn extract_of(path: &str) -> Read {
    let mut read = Read::extract();
    if let Read::Extract { property, .. } = &mut read {
        *property = Some(path.to_owned());
    }
    read
}

#[test]
fn whole_is_the_stored_bytes_there_and_the_marshalled_map_here() {
    let whole = Read::whole("key");
    for stored in ["plain\n", "", r#"{ "b" : 1.10 }"#, "\u{feff}{}"] {
        assert_eq!(one(from_secrets_manager(&text(stored), &whole)).unwrap(), stored);
    }
    let bytes = SecretValue::Binary(SecretBytes::new(vec![0, 0xff]));
    assert_eq!(from_secrets_manager(&bytes, &whole).unwrap().0["key"].expose(), [0, 0xff]);
    let fields = entry([("b", "<a> & \"b\" \\ \u{8}\u{c}\n\r\t\u{1}\u{7f}"), ("a", "\u{2028}\u{2029}é😀"), ("B", "/")]);
    assert_eq!(
        one(from_kv2(&fields, &whole)).unwrap(),
        r#"{"B":"/","a":"\u2028\u2029é😀","b":"\u003ca\u003e \u0026 \"b\" \\ \b\f\n\r\t\u0001"#.to_owned() + "\u{7f}\"}"
    );
}

#[test]
fn property_is_gjsons_string() {
    let cases = [
        (r#"{"a":"p\u00e4\"\\\/\n"}"#, "a", "pä\"\\/\n"),
        (r#"{"a":"\ud83d\ude00"}"#, "a", "😀"),
        (r#"{"a":12345678901234567890123}"#, "a", "12345678901234567890123"),
        (r#"{"a":-0}"#, "a", "-0"),
        (r#"{"a":1.10}"#, "a", "1.1"),
        (r#"{"a":1e10}"#, "a", "10000000000"),
        (r#"{"a":1E+3}"#, "a", "1000"),
        (r#"{"a":-0.0}"#, "a", "-0"),
        (r#"{"a":1e-7}"#, "a", "0.0000001"),
        (r#"{"a":-1e400}"#, "a", "-Inf"),
        (r#"{"a":873158010591461.25}"#, "a", "873158010591461.2"),
        (r#"{"a":true,"b":false,"c":null}"#, "a", "true"),
        (r#"{"a":true,"b":false,"c":null}"#, "b", "false"),
        (r#"{"a":true,"b":false,"c":null}"#, "c", ""),
        (r#"{"a":{ "b" : [ 1.10 ] } }"#, "a", r#"{ "b" : [ 1.10 ] }"#),
        (r#"{"a":[ 1 , "x]" ]}"#, "a", r#"[ 1 , "x]" ]"#),
        // The first of two equal keys, but a second that leads on gets its turn.
        (r#"{"a":"1","a":"2"}"#, "a", "1"),
        (r#"{"a":{"x":"1"},"a":{"b":"2"}}"#, "a.b", "2"),
        // Paths.
        (r#"{"db":{"host":"h"}}"#, "db.host", "h"),
        (r#"{"db":[{"host":"h"},{"host":"i"}]}"#, "db.1.host", "i"),
        (r#"["x","y"]"#, "1", "y"),
        (r#"{"0":"zero"}"#, "0", "zero"),
        (r#"{"a.b":"dot","a":{"b":"nested"}}"#, "a.b", "dot"),
        (r#"{"a.b":"dot","a":{"b":"nested"}}"#, r"a\.b", "dot"),
        (r#"{"a":{"b.c":"x"}}"#, r"a.b\.c", "x"),
        (r#"{"a*":"star"}"#, r"a\*", "star"),
        (r##"{"a#b":"hash"}"##, "a#b", "hash"),
        (r#"{"\u0061":"escaped key"}"#, "a", "escaped key"),
        (r#"{"":"empty"}"#, ".", "no"),
        // Text that is no JSON: from the first bracket on.
        (r#"prefix {"a":"b"} tail"#, "a", "b"),
        ("\u{feff}{\"a\":\"b\"}", "a", "b"),
        (r#"{"a":"b""#, "a", "b"),
        (r#"{"a":{"b":1"#, "a", r#"{"b":1"#),
        (r#"x [ 1, 2 ] {"a":"b"}"#, "1", "2"),
    ];
    for (value, path, expected) in cases {
        if expected == "no" {
            assert_eq!(property(value, path), Err(ReadError::NoProperty { property: path.to_owned() }), "{value} at {path}");
        } else {
            assert_eq!(property(value, path).as_deref(), Ok(expected), "{value} at {path}");
        }
    }
    // Binary is read as text too.
    let binary = SecretValue::Binary(SecretBytes::new(b"\xff{\"a\":\"\xfe\"}".to_vec()));
    assert_eq!(from_secrets_manager(&binary, &Read::property("key", "a")).unwrap().0["key"].expose(), [0xfe]);
}

#[test]
fn what_gjson_can_do_beyond_paths_is_refused_and_not_guessed() {
    use PathFeature::{Hash, Length, Lines, Literal, Modifier, Pipe, SubSelector, Wildcard};
    let value = r#"{"a":[{"b":1}],"c":"d"}"#;
    let long = vec!["a"; 70].join(".");
    let deep = "{\"a\":".repeat(70) + "1" + &"}".repeat(70);
    let cases = [
        (value, "@this", Modifier),
        (value, "c.@this", Modifier),
        (value, "!\"x\"", Literal),
        (value, "a|0", Pipe),
        (value, "a.0|b", Pipe),
        (value, "*", Wildcard),
        (value, "c?", Wildcard),
        (value, "a.#", Hash),
        (value, "a.#.b", Hash),
        (value, "a.#(b==1)", Hash),
        (value, "[a,c]", SubSelector),
        (value, "a.{b}", SubSelector),
        (value, "..0", Lines),
        (&deep, &long, Length),
    ];
    for (value, path, feature) in cases {
        assert_eq!(property(value, path), Err(ReadError::UnsupportedPath { property: path.to_owned(), feature }), "{path}");
    }
    for (value, error) in [
        (r#"{"a":1"#, None),
        (r#"{"a":01}"#, Some(ReadError::MalformedNumber { key: "a".into() })),
        (r#"{"a":Infinity}"#, Some(ReadError::MalformedNumber { key: "a".into() })),
        (r#"{"a":"\ud800"}"#, Some(ReadError::LoneSurrogate { key: "a".into() })),
        (r#"{"a":"\ude00\ud83d"}"#, Some(ReadError::LoneSurrogate { key: "a".into() })),
        (r#"{"b":1}"#, Some(ReadError::NoProperty { property: "a".into() })),
        ("no json", Some(ReadError::NoProperty { property: "a".into() })),
    ] {
        assert_eq!(property(value, "a").err(), error, "{value}");
    }
}

#[test]
fn extract_keeps_raw_texts_there_and_goes_through_floats_here() {
    let value = r#"{"s":"p\u00e4","n":1.10,"e":1e10,"o":{ "b" : 1, "a":"<" },"l":[ 1 ],"t":true,"z":null,"d":"1","d":"2"}"#;
    let there = ["d=2", "e=1e10", "l=[ 1 ]", "n=1.10", "o={ \"b\" : 1, \"a\":\"<\" }", "s=pä", "t=true", "z="];
    assert_eq!(extract(value).unwrap(), there);
    // The same text in a field, extracted by its name.
    let here = ["d=2", "e=10000000000", "l=[1]", "n=1.1", "o={\"a\":\"\\u003c\",\"b\":1}", "s=pä", "t=true", "z="];
    assert_eq!(many(from_kv2(&entry([("value", value)]), &extract_of("value"))).unwrap(), here);
    // A plain extract brings every field, as it is.
    assert_eq!(many(from_kv2(&entry([("n", "1.10"), ("o", "{ }")]), &Read::extract())).unwrap(), ["n=1.10", "o={ }"]);
}

#[test]
fn extract_wants_an_object_or_null() {
    assert_eq!(extract(" null ").unwrap(), [""; 0]);
    assert_eq!(extract("{}").unwrap(), [""; 0]);
    for value in [
        "",
        "plain",
        "[]",
        "1",
        "\"a\"",
        "{\"a\":1",
        "{\"a\":1}x",
        "{\"a\":01}",
        "{'a':1}",
        "{\"a\":\"\n\"}",
        "\u{feff}{}",
        "{,}",
    ] {
        assert_eq!(extract(value), Err(ReadError::NotAnObject), "{value:?}");
    }
    assert_eq!(extract(r#"{"a":"\udc00"}"#), Err(ReadError::LoneSurrogate { key: "a".into() }));
    let of = |field: &str| many(from_kv2(&entry([("value", field)]), &extract_of("value")));
    assert_eq!(of("null").unwrap(), [""; 0]);
    assert_eq!(of("{\"a\":1e400}"), Err(ReadError::NumberOutOfRange));
    assert_eq!(of(&("{\"a\":".to_owned() + &"[".repeat(200) + &"]".repeat(200) + "}")), Err(ReadError::TooDeep));
    assert_eq!(of("[]"), Err(ReadError::NotAnObject));
}

#[test]
fn extract_with_a_property_parses_that_propertys_text() {
    let read = extract_of("cfg");
    let value = r#"{"cfg":{"a":"1","b":2.50},"str":"{\"a\":\"1\"}"}"#;
    assert_eq!(many(from_secrets_manager(&text(value), &read)).unwrap(), ["a=1", "b=2.50"]);
    assert_eq!(many(from_secrets_manager(&text(value), &extract_of("str"))).unwrap(), ["a=1"]);
    assert_eq!(many(from_kv2(&entry([("cfg", r#"{"a":"1","b":2.50}"#)]), &read)).unwrap(), ["a=1", "b=2.5"]);
}

#[test]
fn a_field_of_that_name_comes_before_any_path() {
    let fields = entry([("db.host", "literal"), ("db", r#"{"host":"inside a string"}"#), ("a*", "star"), ("@this", "at")]);
    let read = |path: &str| one(from_kv2(&fields, &Read::property("key", path)));
    assert_eq!(read("db.host").unwrap(), "literal");
    assert_eq!(read("a*").unwrap(), "star");
    assert_eq!(read("@this").unwrap(), "at");
    assert_eq!(read(r"db\.host").unwrap(), "literal");
    // gjson sees a string there, and does not look inside.
    assert_eq!(read("db.port"), Err(ReadError::NoProperty { property: "db.port".into() }));
    assert!(matches!(read("b*"), Err(ReadError::UnsupportedPath { .. })));
}

#[test]
fn decoding_strategies_are_gos_decoders() {
    use DecodingStrategy::{Auto, Base64, Base64URL, None};
    let refused = || Err(ReadError::NotDecodable { key: "key".into() });
    let cases = [
        (None, "YQ==", Ok("YQ==")),
        (Base64, "YQ==", Ok("a")),
        (Base64, "aGVs\r\nbG8=\n", Ok("hello")),
        (Base64, "YQ=\n=", Ok("a")),
        // Bits that are left over do not count.
        (Base64, "YR==", Ok("a")),
        (Base64, "", Ok("")),
        (Base64, "YQ", refused()),
        (Base64, "Pz8_", refused()),
        (Base64, "not base64!", refused()),
        (Base64URL, "Pz8_", Ok("???")),
        (Base64URL, "Pz8/", refused()),
        (Auto, "Pz8_", Ok("???")),
        (Auto, "Pz8/", Ok("???")),
        (Auto, "plain text", Ok("plain text")),
        (Auto, "abcd", Ok("i\u{fffd}\u{1d}")),
    ];
    for (strategy, stored, expected) in cases {
        let expected = expected.map(str::to_owned);
        assert_eq!(
            one(from_secrets_manager(&text(stored), &Read::whole("key").decoded(strategy))),
            expected,
            "{strategy:?} {stored:?}"
        );
        let field = Read::property("key", "value").decoded(strategy);
        assert_eq!(one(from_kv2(&entry([("value", stored)]), &field)), expected, "{strategy:?} {stored:?}");
    }
    assert_eq!(many(from_secrets_manager(&text(r#"{"a":"YQ=="}"#), &Read::extract().decoded(Base64))).unwrap(), ["a=a"]);
    assert_eq!(
        many(from_secrets_manager(&text(r#"{"a":1}"#), &Read::extract().decoded(Base64))),
        Err(ReadError::NotDecodable { key: "a".into() })
    );
}

#[test]
fn keys_of_extract_are_converted_and_then_have_to_please_kubernetes() {
    assert_eq!(extract(r#"{"a b/c@d":"1","-._Z9":"2","":"dropped"}"#).unwrap(), ["-._Z9=2", "a_b_c_d=1"]);
    assert_eq!(extract(r#"{"a b":"1","a/b":"2"}"#), Err(ReadError::KeyCollision { key: "a_b".into() }));
    for refused in ["é", "²", "..", "..x", "."] {
        assert_eq!(extract(&format!("{{\"{refused}\":\"1\"}}")), Err(ReadError::KeyRefused { key: refused.into() }));
    }
    let long = "x".repeat(254);
    assert_eq!(extract(&format!("{{\"{long}\":\"1\"}}")), Err(ReadError::KeyRefused { key: long }));
    let mut unicode = Read::extract();
    let mut rewritten = Read::extract();
    if let (Read::Extract { conversion_strategy, .. }, Read::Extract { rewrite, .. }) = (&mut unicode, &mut rewritten) {
        *conversion_strategy = ConversionStrategy::Unicode;
        rewrite.push(Rewrite::Transform { template: "{{ .value | upper }}".into() });
    }
    let value = text(r#"{"a b😀":"1"}"#);
    assert_eq!(many(from_secrets_manager(&value, &unicode)).unwrap(), ["a_U0020_b_U1f600_=1"]);
    assert_eq!(many(from_secrets_manager(&value, &rewritten)).unwrap(), ["a b😀=1"]);
    assert_eq!(from_secrets_manager(&value, &Read::whole("not a key")), Err(ReadError::KeyRefused { key: "not a key".into() }));
}

#[test]
fn find_delivers_the_whole_under_a_key_made_from_the_name() {
    let find = |name: &str| Read::Find {
        name: name.into(),
        conversion_strategy: ConversionStrategy::Default,
        decoding_strategy: DecodingStrategy::None,
    };
    let value = text("x");
    assert_eq!(many(from_secrets_manager(&value, &find("platform-data/pg/app"))).unwrap(), ["platform-data_pg_app=x"]);
    assert_eq!(many(from_kv2(&entry([("value", "x")]), &find("a"))).unwrap(), [r#"a={"value":"x"}"#]);
    assert!(from_secrets_manager(&value, &find("..")).is_err());
}

#[test]
fn only_the_current_value_is_read() {
    let with = |wanted: &str| {
        let mut read = Read::whole("key");
        if let Read::Whole { version, .. } = &mut read {
            *version = Some(wanted.into());
        }
        read
    };
    assert_eq!(one(from_secrets_manager(&text("x"), &with("AWSCURRENT"))).unwrap(), "x");
    for version in ["AWSPREVIOUS", "uuid/0f1d", "3"] {
        let refused = Err(ReadError::Version { version: version.into() });
        assert_eq!(one(from_secrets_manager(&text("x"), &with(version))), refused);
        assert_eq!(one(from_kv2(&entry([]), &with(version))), refused);
    }
    let mut tags = Read::property("key", "owner");
    if let Read::Property { metadata_policy, .. } = &mut tags {
        *metadata_policy = MetadataPolicy::Fetch;
    }
    assert_eq!(one(from_secrets_manager(&text("x"), &tags)), Err(ReadError::Metadata));
}

/// 300 of the million generated cases over which these functions and the real ones were compared.
#[test]
fn go_answers_the_same() {
    let mut asked = 0;
    for line in include_str!("tests/go_answers.txt").lines().filter(|line| !line.starts_with('#')) {
        let [kind, argument, input, answer] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("four columns: {line}") };
        let json = |text: &str| serde_json::from_str::<String>(text).unwrap();
        let given = match kind {
            "property" => from_secrets_manager(&text(&json(input)), &Read::property("key", json(argument))),
            "extract" => from_secrets_manager(&text(&json(input)), &Read::extract()),
            "marshal" => from_kv2(&serde_json::from_str(input).unwrap(), &Read::whole("key")),
            "parse" => from_kv2(&entry([("field", &json(input))]), &extract_of("field")),
            other => panic!("{other}?"),
        };
        let given = given.ok().map(|given| {
            let texts = given.0.into_iter().map(|(key, bytes)| (key, String::from_utf8(bytes.expose().to_vec()).unwrap()));
            texts.collect::<BTreeMap<_, _>>()
        });
        let expected = match (answer, kind) {
            ("-", _) => None,
            (one, "property" | "marshal") => Some(BTreeMap::from([("key".to_owned(), json(one))])),
            (many, _) => Some(serde_json::from_str(many).unwrap()),
        };
        assert_eq!(given, expected, "{line}");
        asked += 1;
    }
    assert_eq!(asked, 300);
}

#[test]
fn reads_are_written_in_yaml_as_an_external_secret_says_them() {
    let yaml = "- whole: {secretKey: a}\n- property: {secretKey: b, property: db.host, decodingStrategy: Base64}\n- extract: {}\n\
                - extract: {property: cfg, conversionStrategy: Unicode, rewrite: [regexp: {source: a, target: b}, merge: {strategy: JSON}]}\n- find: {name: platform-data/pg/app}\n";
    let reads: Vec<Read> = serde_saphyr::from_str(yaml).unwrap();
    assert_eq!(reads[0], Read::whole("a"));
    assert_eq!(reads[1], Read::property("b", "db.host").decoded(DecodingStrategy::Base64));
    assert_eq!(reads[2], Read::extract());
    let again: Vec<Read> = serde_json::from_str(&serde_json::to_string(&reads).unwrap()).unwrap();
    assert_eq!(again, reads);
    assert!(serde_saphyr::from_str::<Vec<Read>>("- whole: {secretKey: a, value: b}").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever stands in a secret or an entry, and whatever is asked for: an answer or a typed error.
    #[test]
    fn nothing_panics(
        bytes in prop_oneof![vec(any::<u8>(), 0..80), "[\\[\\]{}\":,\\\\u0-9dDeE.+truefalsnN #x|-]{0,60}".prop_map(String::into_bytes)],
        path in prop_oneof![any::<String>(), "[a-c0-9.\\\\|#@!*?\\[{}]{0,12}"],
        key in any::<String>(),
        strategy in prop_oneof![Just(DecodingStrategy::None), Just(DecodingStrategy::Base64), Just(DecodingStrategy::Auto)],
    ) {
        let fields = BTreeMap::from([(key, SecretText::new(String::from_utf8_lossy(&bytes).into_owned()))]);
        let value = SecretValue::Binary(SecretBytes::new(bytes));
        for read in [Read::whole("key"), Read::property("key", &*path), Read::extract(), extract_of(&path)] {
            let read = read.decoded(strategy);
            let _ = from_secrets_manager(&value, &read);
            let _ = from_kv2(&fields, &read);
        }
    }
}
