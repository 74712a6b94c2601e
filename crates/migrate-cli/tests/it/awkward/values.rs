//! Values that an encoding may trip over, each read in every way that makes sense of it. What a consumer must get stands in the table; what
//! it gets from Vault is read back and decoded here, without any code of ours, as `docs/delivery.md` says.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};

use super::{BLOCKED, COMMIT, DONE, Problems, told, waiting};
use crate::support::{Canary, World};

/// What stands in Secrets Manager.
#[derive(Clone)]
enum Stored {
    Text(String),
    Binary(Vec<u8>),
}

/// What one way of reading must come to.
enum Outcome {
    /// Carried in this encoding; keys of the Kubernetes Secret with their bytes, before and after alike.
    Carried { encoding: String, delivered: BTreeMap<String, Vec<u8>> },
    /// It waits: `kind` of the codec's refusal, and the read's own error where there is one.
    Waits { kind: &'static str, error: Option<&'static str> },
}

/// One secret: a value, and one way of reading it.
struct Case {
    name: String,
    stored: Stored,
    reads: Vec<String>,
    outcome: Outcome,
}

/// One value and the ways in which it is read.
struct Row {
    slug: &'static str,
    stored: Stored,
    cases: Vec<Case>,
}

/// `secretKey` of a read of the whole.
const WHOLE: &str = "whole";

fn text(slug: &'static str, text: impl Into<String>) -> Row {
    Row { slug, stored: Stored::Text(text.into()), cases: Vec::new() }
}

fn binary(slug: &'static str, bytes: &[u8]) -> Row {
    Row { slug, stored: Stored::Binary(bytes.to_vec()), cases: Vec::new() }
}

impl Row {
    fn case(mut self, how: &str, reads: Vec<String>, outcome: Outcome) -> Self {
        let name = format!("platform-data/{}/{how}", self.slug);
        self.cases.push(Case { name, stored: self.stored.clone(), reads, outcome });
        self
    }

    fn bytes(&self) -> Vec<u8> {
        match &self.stored {
            Stored::Text(text) => text.clone().into_bytes(),
            Stored::Binary(bytes) => bytes.clone(),
        }
    }

    /// Nobody declared a read: the value itself must come back.
    fn unread(self, encoding: &str) -> Self {
        let delivered = BTreeMap::from([(WHOLE.to_owned(), self.bytes())]);
        self.case("unread", Vec::new(), Outcome::Carried { encoding: encoding.to_owned(), delivered })
    }

    fn whole(self, encoding: &str) -> Self {
        let delivered = BTreeMap::from([(WHOLE.to_owned(), self.bytes())]);
        self.case("whole", vec![whole()], Outcome::Carried { encoding: encoding.to_owned(), delivered })
    }

    /// Nobody reads it, and somebody reads the whole.
    fn exact(self, encoding: &str) -> Self {
        self.unread(encoding).whole(encoding)
    }

    fn extract(self, encoding: &str, members: &[(&str, &str)]) -> Self {
        self.case("extract", vec!["extract: {}".to_owned()], carried(encoding, members))
    }

    fn property(self, encoding: &str, properties: &[(&str, &str)]) -> Self {
        let reads = reads_of(properties);
        self.case("property", reads, carried(encoding, &keyed(properties)))
    }

    /// Whole, extract and properties by one consumer, of whose keys none may get in another's way.
    fn together(self, encoding: &str, members: &[(&str, &str)], properties: &[(&str, &str)]) -> Self {
        let reads = [vec![whole(), "extract: {}".to_owned()], reads_of(properties)].concat();
        let Outcome::Carried { encoding, mut delivered } = carried(encoding, &[members, &keyed(properties)].concat()) else {
            unreachable!()
        };
        delivered.insert(WHOLE.to_owned(), self.bytes());
        self.case("together", reads, Outcome::Carried { encoding, delivered })
    }

    fn no_extract(self, error: &'static str) -> Self {
        self.case("no-extract", vec!["extract: {}".to_owned()], Outcome::Waits { kind: "unreadable", error: Some(error) })
    }

    fn no_property(self, property: &str, error: &'static str) -> Self {
        let reads = reads_of(&[(property, "")]);
        self.case("no-property", reads, Outcome::Waits { kind: "unreadable", error: Some(error) })
    }
}

fn whole() -> String {
    format!("whole: {{ secretKey: {WHOLE} }}")
}

/// The `secretKey` of the nth property.
fn key(nth: usize) -> String {
    format!("property-{nth}")
}

fn reads_of(properties: &[(&str, &str)]) -> Vec<String> {
    let read = |(nth, (property, _)): (usize, &(&str, &str))| {
        // JSON's quoting is YAML's too.
        format!("property: {{ secretKey: {}, property: {} }}", key(nth), json!(property))
    };
    properties.iter().enumerate().map(read).collect()
}

fn keyed<'a>(properties: &[(&'a str, &'a str)]) -> Vec<(&'static str, &'a str)> {
    const KEYS: [&str; 6] = ["property-0", "property-1", "property-2", "property-3", "property-4", "property-5"];
    KEYS.into_iter().zip(properties.iter().map(|(_, text)| *text)).collect()
}

fn carried(encoding: &str, delivered: &[(&str, &str)]) -> Outcome {
    let delivered = delivered.iter().map(|(key, text)| ((*key).to_owned(), text.as_bytes().to_vec())).collect();
    Outcome::Carried { encoding: encoding.to_owned(), delivered }
}

/// The table. `w` is a word that a search for values finds.
#[rustfmt::skip]
fn rows(canary: &Canary) -> Vec<Row> {
    let w = &canary.word();
    let nested = format!(r#"{{"db": {{"host":"{w}","ports":[1, 2,{{"x":"<y>"}}]}}, "list":[]}}"#);
    let db = format!(r#"{{"host":"{w}","ports":[1, 2,{{"x":"<y>"}}]}}"#);
    let numbers = r#"{"big":12345678901234567890,"decimal":1.10,"power":1e10,"minus":-0}"#;
    let as_written = [("big", "12345678901234567890"), ("decimal", "1.10"), ("power", "1e10"), ("minus", "-0")];
    let as_gjson = [("big", "12345678901234567890"), ("decimal", "1.1"), ("power", "10000000000"), ("minus", "-0")];
    let unicode = format!("pa\u{308}ss-e\u{301}-\u{1f511}\u{1f468}\u{200d}\u{1f469}-\u{5d0}\u{200f}\u{202e}{w}\u{202c}-\u{2028}\u{2029}");
    let markup = format!("{{{{ .{w} }}}} ${{HOME}} $(id) <a href=\"?x&y\"> & %s");
    let markup_json = json!({ "text": markup }).to_string();
    let many: Vec<(String, String)> = (0..600).map(|n| (format!("k{n}"), format!("{w}-{n}"))).collect();
    let many_json = json!(many.iter().cloned().collect::<BTreeMap<_, _>>()).to_string();
    let many: Vec<(&str, &str)> = many.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
    let sized = |fill: &str| { let mut text = w.clone(); while text.len() + fill.len() <= 65_536 { text += fill; } text += &"x".repeat(65_536 - text.len()); text };
    // A PFX of version 3 with an empty authSafe, as DER; no tool has to open it.
    let pkcs12 = [&[0x30, 0x82, 0x00, 0x1c, 0x02, 0x01, 0x03, 0x30, 0x17, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01, 0xa0, 0x0a, 0x04, 0x08, 0x30, 0x80, 0x00, 0xff, 0xfe, 0x00, 0x00, 0x00], w.as_bytes()].concat();

    vec![
        text("empty-object", "{}").exact("text:value").extract("text:value", &[]).no_property("a", "no-property"),
        text("array", format!(r#"["{w}", 2, {{"k":"v"}}]"#)).exact("text:value").property("text:value", &[("0", w), ("1", "2"), ("2.k", "v")]).no_extract("not-an-object"),
        text("json-string", format!(r#""{w}""#)).exact("text:value").no_extract("not-an-object").no_property("a", "no-property"),
        text("bare-integer", "12345678901234567890").exact("text:value").no_extract("not-an-object"),
        text("bare-decimal", "1.10").exact("text:value").no_extract("not-an-object"),
        text("bare-power", "1e10").exact("text:value").no_extract("not-an-object"),
        text("bare-minus", "-0").exact("text:value").no_extract("not-an-object"),
        text("bare-true", "true").exact("text:value").no_extract("not-an-object"),
        text("numbers", numbers).exact("text:value").extract("fields", &as_written).property("fields", &as_gjson).together("fields:value", &as_written, &as_gjson),
        text("nesting", nested.as_str()).exact("text:value").extract("fields", &[("db", &db), ("list", "[]")])
            .property("fields", &[("db.host", w), ("db", &db), ("db.ports.0", "1"), ("db.ports.2.x", "<y>"), ("list", "[]")])
            .together("fields:value", &[("db", &db), ("list", "[]")], &[("db.host", w), ("db.ports", r#"[1, 2,{"x":"<y>"}]"#)])
            .case("extract-of", vec!["extract: { property: db }".to_owned()], carried("fields", &[("host", w), ("ports", r#"[1, 2,{"x":"<y>"}]"#)])),
        text("dots", format!(r#"{{"a.b":"literal {w}","a":{{"b":"nested {w}"}},"c":{{"d.e":"deep {w}"}}}}"#))
            .property("fields", &[("a.b", &format!("literal {w}")), ("a", &format!(r#"{{"b":"nested {w}"}}"#)), (r"c.d\.e", &format!("deep {w}"))]),
        text("twins", format!(r#"{{"k":"first {w}","k":"last {w}"}}"#)).exact("text:value").extract("fields", &[("k", &format!("last {w}"))])
            .property("fields", &[("k", &format!("first {w}"))]).together("fields:value", &[("k", &format!("last {w}"))], &[("k", &format!("first {w}"))]),
        text("null-member", format!(r#"{{"n":null,"k":"{w}"}}"#)).exact("text:value").extract("fields", &[("n", ""), ("k", w)]).property("fields", &[("n", ""), ("k", w)]),
        text("bare-null", "null").exact("text:value").extract("text:value", &[]).no_property("a", "no-property"),
        text("key-value", format!(r#"{{"value":"{w}","other":"{w}-2"}}"#)).unread("fields").whole("text:value-2").extract("fields", &[("value", w), ("other", &format!("{w}-2"))])
            .together("fields:value-2", &[("value", w), ("other", &format!("{w}-2"))], &[("value", w)]),
        text("empty-key", format!(r#"{{"":"{w}","k":"{w}-2"}}"#)).unread("fields").whole("text:value").extract("fields", &[("k", &format!("{w}-2"))]).property("fields", &[("k", &format!("{w}-2"))]),
        text("many-keys", many_json.as_str()).exact("text:value").extract("text:value", &many).property("text:value", &[("k599", &format!("{w}-599"))]).together("text:value", &many, &[("k0", &format!("{w}-0"))]),
        text("odd-keys", format!(r#"{{"a b":"{w}","c/d":"{w}-2","-.e_":"{w}-3"}}"#)).unread("fields").extract("fields", &[("a_b", w), ("c_d", &format!("{w}-2")), ("-.e_", &format!("{w}-3"))])
            .property("fields", &[("a b", w), ("c/d", &format!("{w}-2"))]),
        text("letters-in-keys", format!(r#"{{"\u00fc":"{w}","ß":"{w}-2"}}"#)).unread("fields").property("fields", &[("ü", w), ("ß", &format!("{w}-2"))]).no_extract("key-refused"),
        text("dots-first", format!(r#"{{"..a":"{w}"}}"#)).unread("fields").no_extract("key-refused"),
        text("long-key", format!(r#"{{"{}":"{w}"}}"#, "k".repeat(254))).unread("fields").no_extract("key-refused"),
        text("keys-meet", format!(r#"{{"a b":"{w}","a_b":"{w}-2"}}"#)).unread("fields").property("fields", &[("a b", w), ("a_b", &format!("{w}-2"))]).no_extract("key-collision"),
        text("half-pair", format!(r#"{{"half":"\ud800 {w}","whole":"\ud83d\udd11 {w}"}}"#)).exact("text:value").property("text:value", &[("whole", &format!("\u{1f511} {w}"))])
            .no_extract("lone-surrogate").no_property("half", "lone-surrogate"),
        text("half-pair-key", format!(r#"{{"\udc00":"{w}"}}"#)).exact("text:value").no_extract("lone-surrogate"),
        text("cr-lf", format!("user=app\r\npass={w}\r\n\r\n")).exact("text:value"),
        text("cr-lf-json", format!("{{\r\n\t\"k\" : \"{w}\"\r\n}}\r\n")).unread("fields").whole("text:value").extract("fields", &[("k", w)]).together("fields:value", &[("k", w)], &[("k", w)]),
        text("no-line-end", format!("line one\nline two {w}")).exact("text:value"),
        text("line-end", format!("{w}\n")).exact("text:value"),
        text("blanks", format!(" \t\u{a0}{w}\n \n")).exact("text:value"),
        text("nul", format!("{w}\0after\0")).exact("text:value"),
        text("nul-member", format!(r#"{{"k":"{w}\u0000after","l":"\u0007\u001b[31m"}}"#)).unread("fields").extract("fields", &[("k", &format!("{w}\0after")), ("l", "\u{7}\u{1b}[31m")]).property("fields", &[("k", &format!("{w}\0after"))]),
        binary("no-utf-8", &canary.binary()).exact("binary:value").no_extract("not-an-object"),
        binary("text-in-binary", format!("just text {w}\n").as_bytes()).exact("binary:value").no_property("a", "no-property"),
        binary("json-in-binary", format!(r#"{{"k":"{w}","n":1.10}}"#).as_bytes()).exact("binary:value").extract("fields", &[("k", w), ("n", "1.10")]).property("fields", &[("k", w), ("n", "1.1")])
            .together("fields:value", &[("k", w), ("n", "1.10")], &[("n", "1.1")]),
        binary("one-byte", &[0xff]).exact("binary:value"),
        binary("base64-in-binary", BASE64.encode(w).as_bytes()).exact("binary:value")
            .case("decoded", vec![format!("whole: {{ secretKey: {WHOLE}, decodingStrategy: Base64 }}")], carried("binary:value", &[(WHOLE, w)])),
        text("base64-in-text", BASE64.encode(w)).exact("text:value")
            .case("decoded", vec![format!("whole: {{ secretKey: {WHOLE}, decodingStrategy: Base64 }}")], carried("text:value", &[(WHOLE, w)]))
            .case("auto", vec![format!("whole: {{ secretKey: {WHOLE}, decodingStrategy: Auto }}")], carried("text:value", &[(WHOLE, w)])),
        text("pem", canary.pem()).exact("text:value"),
        text("pem-member", json!({ "tls.crt": canary.pem(), "tls.key": w }).to_string()).property("fields", &[("tls.key", w)]),
        binary("pkcs12", &pkcs12).exact("binary:value"),
        text("largest", sized("x")).exact("text:value"),
        text("largest-escaped", sized("<")).exact("text:value"),
        text("largest-wide", sized("\u{1f511}")).exact("text:value"),
        binary("largest-binary", sized("\u{0}").as_bytes()).exact("binary:value"),
        text("byte-order-mark", format!("\u{feff}{w}")).exact("text:value"),
        text("byte-order-mark-json", format!("\u{feff}{{\"k\":\"{w}\"}}")).exact("text:value").property("text:value", &[("k", w)]).no_extract("not-an-object"),
        text("unicode", unicode.as_str()).exact("text:value"),
        text("unicode-member", json!({ "k": unicode, "\u{1f511}": w }).to_string()).unread("fields").property("fields", &[("k", &unicode), ("\u{1f511}", w)])
            .extract("fields", &[("k", &unicode), ("_", w)]),
        text("markup", markup.as_str()).exact("text:value"),
        text("markup-member", markup_json.as_str()).unread("fields").whole("text:value").extract("fields", &[("text", &markup)]).together("fields:value", &[("text", &markup)], &[("text", &markup)]),
        text("almost-json", format!(r#"{{"k": {w}, no json}}"#)).exact("text:value").no_extract("not-an-object"),
        text("deep", format!("{}{w}{}", "[".repeat(20_000), "]".repeat(20_000))).exact("text:value"),
        text("json-in-json", json!({ "config": json!({ "k": w }).to_string() }).to_string()).unread("fields").extract("fields", &[("config", &json!({ "k": w }).to_string())])
            .case("extract-of", vec!["extract: { property: config }".to_owned()], carried("fields", &[("k", w)])),
        text("fetch", w.as_str())
            .case("tags", vec![format!("whole: {{ secretKey: {WHOLE}, metadataPolicy: Fetch }}")], Outcome::Waits { kind: "unreadable", error: Some("metadata") })
            .case("version", vec![format!("whole: {{ secretKey: {WHOLE}, version: AWSPREVIOUS }}")], Outcome::Waits { kind: "unreadable", error: Some("version") })
            .case("undecodable", vec![format!("whole: {{ secretKey: {WHOLE}, decodingStrategy: Base64 }}")], Outcome::Waits { kind: "unreadable", error: Some("not-decodable") })
            .no_property("a", "no-property"),
        text("path", format!(r#"{{"a":["{w}"]}}"#)).exact("text:value").no_property("a.#", "unsupported-path"),
    ]
}

/// The inventory that declares all of it.
fn inventory(cases: &[&Case]) -> String {
    let mut yaml = String::from("apiVersion: migrate/v1\nsecrets:\n");
    for case in cases {
        yaml += &format!("- name: {}\n  category: data\n  class: runtime\n  disposition: moves\n", case.name);
        if case.reads.is_empty() {
            continue;
        }
        let object = case.name.replace('/', "-");
        yaml += &format!(
            "  consumers:\n  - application: {object}\n    externalSecret:\n      namespace: apps\n      name: {object}\n      reads:\n"
        );
        for read in &case.reads {
            yaml += &format!("      - {read}\n");
        }
    }
    yaml
}

async fn every_value_reads_as_before_or_waits_with_its_reason(world: World) {
    let canary = Canary::of_this_run();
    let rows = rows(&canary);
    let cases: Vec<&Case> = rows.iter().flat_map(|row| &row.cases).collect();
    for case in &cases {
        match &case.stored {
            Stored::Text(text) => world.account.create_text(&case.name, text).await,
            Stored::Binary(bytes) => world.account.create_binary(&case.name, bytes).await,
        };
    }
    let bench = world.bench("values");
    bench.write("secrets-inventory.yaml", &inventory(&cases));

    // All at once: what can't be carried waits by name, and says why as data.
    let mut problems = Problems::default();
    let mut found = waiting(&told(&bench, &["plan"], BLOCKED));
    let mut carried: Vec<&Case> = Vec::new();
    for case in &cases {
        match (&case.outcome, found.remove(&case.name)) {
            (Outcome::Carried { .. }, None) => carried.push(case),
            (Outcome::Waits { kind, error }, Some(obstacle)) => {
                let reason = (&obstacle["blocks"], &obstacle["reason"], &obstacle["kind"], &obstacle["error"]["error"]);
                let expected = (&json!("begin"), &json!("unencodable"), &json!(kind), &json!(error));
                problems.unless(reason == expected, || format!("{} waits otherwise: {obstacle}", case.name));
            }
            (Outcome::Carried { .. }, Some(obstacle)) => problems.0.push(format!("{} waits: {obstacle}", case.name)),
            (Outcome::Waits { .. }, None) => problems.0.push(format!("{} does not wait", case.name)),
        }
    }
    assert!(found.is_empty(), "{found:#?}");

    // The others, to the end.
    bench.write("secrets-inventory.yaml", &inventory(&carried));
    let planned = told(&bench, &["plan"], DONE);
    told(&bench, &["apply"], DONE);
    told(&bench, &["verify"], DONE);
    told(&bench, &COMMIT, DONE);
    let members: BTreeMap<&str, &Value> = planned["plan"]["members"]
        .as_array()
        .expect("members")
        .iter()
        .map(|member| (member["name"].as_str().expect("a name"), member))
        .collect();
    assert_eq!(members.len(), carried.len());
    for case in carried {
        let Outcome::Carried { encoding, delivered } = &case.outcome else { unreachable!() };
        let choice = &members[case.name.as_str()]["choice"];
        let entry = world.mount.read(&case.name).await.unwrap_or_else(|| panic!("{} is not in the mount", case.name));
        let found = &entry["metadata"]["custom_metadata"]["migrate-encoding"];
        if found != encoding {
            problems.0.push(format!("{} stands as {found} and not as {encoding}", case.name));
            continue;
        }
        let entry: BTreeMap<String, String> = serde_json::from_value(entry["data"].clone()).expect("strings");
        let after = if case.reads.is_empty() {
            BTreeMap::from([(WHOLE.to_owned(), decoded(&entry, encoding, &case.stored))])
        } else {
            choice["rewritten"].as_array().expect("reads").iter().flat_map(|read| read_from(&entry, read)).collect()
        };
        let differs: Vec<_> = after.keys().chain(delivered.keys()).filter(|key| after.get(*key) != delivered.get(*key)).collect();
        let told = || format!("{} in {encoding} reads otherwise at {differs:?}: {}", case.name, choice["rewritten"]);
        problems.unless(differs.is_empty(), told);
    }
    problems.none();
}

/// The value itself, as its encoding says. `fields` of an object of strings that nobody reads keeps the members.
fn decoded(entry: &BTreeMap<String, String>, encoding: &str, stored: &Stored) -> Vec<u8> {
    match encoding.split_once(':') {
        Some(("text", property)) => entry[property].clone().into_bytes(),
        Some(("binary", property)) => BASE64.decode(&entry[property]).unwrap_or_default(),
        _ => {
            let Stored::Text(text) = stored else { panic!("bytes in {encoding}") };
            let members: BTreeMap<String, String> = serde_json::from_str(text).expect("an object of strings");
            // Equal members are the value, but for white space and order.
            if members == *entry { text.clone().into_bytes() } else { Vec::new() }
        }
    }
}

/// What the Vault provider of External Secrets Operator answers for one read of an entry of strings, decoded as the read asks.
fn read_from(entry: &BTreeMap<String, String>, read: &Value) -> Vec<(String, Vec<u8>)> {
    let (kind, read) = read.as_object().and_then(|read| read.iter().next()).expect("one kind");
    let decode = |text: &str| match read["decodingStrategy"].as_str() {
        None => text.as_bytes().to_vec(),
        Some("Base64") => BASE64.decode(text).unwrap_or_default(),
        Some("Auto") => BASE64.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec()),
        Some(other) => panic!("{other}"),
    };
    let secret_key = || read["secretKey"].as_str().expect("a key").to_owned();
    match (kind.as_str(), read["property"].as_str()) {
        ("property", Some(property)) => entry.get(property).map(|text| (secret_key(), decode(text))).into_iter().collect(),
        ("whole", None) => vec![(secret_key(), decode(&as_go_writes(entry)))],
        ("extract", None) => members(entry.iter().map(|(key, text)| (key.clone(), decode(text)))),
        ("extract", Some(property)) => {
            // Of anything but an object of strings the provider makes something else: here that is nothing at all.
            let object = entry.get(property).and_then(|text| serde_json::from_str::<Option<BTreeMap<String, String>>>(text).ok());
            members(object.flatten().unwrap_or_default().into_iter().map(|(key, text)| (key, decode(&text))))
        }
        _ => panic!("{kind} is not among the reads here"),
    }
}

/// Keys of `extract`: what no key can hold becomes `_`, and an empty one is dropped.
fn members(members: impl Iterator<Item = (String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    let converted =
        |key: &str| key.chars().map(|c| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '_' }).collect::<String>();
    members.filter(|(key, _)| !key.is_empty()).map(|(key, bytes)| (converted(&key), bytes)).collect()
}

/// `encoding/json` of Go: keys sorted, no spaces, and what HTML minds escaped.
fn as_go_writes(entry: &BTreeMap<String, String>) -> String {
    let text = json!(entry).to_string();
    ["<", ">", "&", "\u{2028}", "\u{2029}"].into_iter().fold(text, |text, escaped| {
        text.replace(escaped, &format!("\\u{:04x}", u32::from(escaped.chars().next().unwrap_or_default())))
    })
}

// REQ VLT-1, VLT-4, OPS-1
#[tokio::test(flavor = "multi_thread")]
async fn on_the_real_servers() {
    every_value_reads_as_before_or_waits_with_its_reason(World::real().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_embedded_servers() {
    every_value_reads_as_before_or_waits_with_its_reason(World::embedded().await).await;
}
