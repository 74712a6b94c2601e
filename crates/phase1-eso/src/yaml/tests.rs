//! Tests of reading YAML.

use proptest::prelude::*;

use super::*;

fn one(text: &str) -> Node {
    let mut stream = read(text);
    assert_eq!(stream.errors, []);
    assert_eq!(stream.documents.len(), 1);
    stream.documents.remove(0)
}

fn place(node: &Node) -> (u64, u64) {
    (node.at.line, node.at.column)
}

fn kinds(text: &str) -> Vec<(u64, YamlErrorKind)> {
    read(text).errors.into_iter().map(|error| (error.at.line, error.kind)).collect()
}

#[test]
fn every_node_knows_where_it_stands() {
    let node = one("# c\na: 1\nb:\n  - x\n  - ä: true\n    c: ~\n");
    assert_eq!(place(node.peek("a").unwrap()), (2, 4));
    let items = node.peek("b").unwrap().items();
    assert_eq!((place(&items[0]), place(&items[1]), place(items[1].peek("ä").unwrap())), ((4, 5), (5, 5), (5, 8)));
    assert_eq!(node.place_of("b").line, 3);
    assert_eq!(items[1].peek("c").unwrap().shape(), Shape::Nothing);
}

#[test]
fn scalars_are_what_kubernetes_reads() {
    let node = one(
        "[1.10, 0x1F, 0777, 1_000, -5, 12345678901234567890, yes, 'yes', off, 2001-01-01, 1:30, .5, 1e3, ., 1.2.3, !!str 5, 08]",
    );
    let shapes: Vec<_> = node.items().iter().map(Node::shape).collect();
    let (number, boolean, text) = (Shape::Number, Shape::Boolean, Shape::Text);
    let first = [number; 6].into_iter().chain([boolean, text, boolean, text, text, number, number, text, text, text, number]);
    assert_eq!(shapes, first.collect::<Vec<_>>());
    let integers: Vec<_> = node.items().iter().take(6).map(Node::integer).collect();
    assert_eq!(integers, [None, Some(31), Some(0o777), Some(1000), Some(-5), None]);
    assert!(matches!(&node.items()[0].content, Content::Number(written) if written == "1.10"));
    let json = "[1.1,31,511,1000,-5,12345678901234567890,true,\"yes\",false,\"2001-01-01\",\"1:30\",0.5,1000.0,\".\",\"1.2.3\",\"5\",8.0]";
    assert_eq!(node.to_json().to_string(), json);
}

#[test]
fn streams_crlf_tabs_marks_and_comments_are_read() {
    let stream = read("\u{feff}---\r\na:\t1 # c\r\n---\r\n# nothing\r\n---\r\nb: \"x\ty\"\r\n...\r\n");
    assert_eq!(stream.errors, []);
    let [a, b] = stream.documents.as_slice() else { panic!("two documents") };
    assert_eq!(a.peek("a").and_then(Node::integer), Some(1));
    assert_eq!((b.peek("b").and_then(Node::text), place(b)), (Some("x\ty"), (6, 1)));
}

#[test]
fn a_broken_document_does_not_hide_the_others() {
    let stream = read("a: 1\n---\nb: [1\n---\nc: 3\n");
    assert_eq!(stream.documents.len(), 2);
    assert_eq!(stream.documents[1].peek("c").and_then(Node::integer), Some(3));
    assert!(matches!(stream.errors[..], [YamlError { kind: YamlErrorKind::Syntax(_), .. }]));
    assert!(matches!(kinds("a:\n\t- x\n")[..], [(2, YamlErrorKind::Syntax(_))]), "tabs do not indent");
}

#[test]
fn aliases_and_merges_are_resolved_where_they_were_written() {
    let node = one("base: &b {a: 1, b: 2}\nuse: *b\nmore:\n  <<: *b\n  b: 3\nboth:\n  <<: [*b, {c: 4}]\n");
    assert_eq!(node.peek("use").unwrap().to_json(), serde_json::json!({"a": 1, "b": 2}));
    assert_eq!(node.peek("use").unwrap().at.line, 1);
    assert_eq!(node.peek("more").unwrap().to_json(), serde_json::json!({"a": 1, "b": 3}));
    assert_eq!(node.peek("both").unwrap().to_json(), serde_json::json!({"a": 1, "b": 2, "c": 4}));
    assert_eq!(kinds("a: *x\n"), [(1, YamlErrorKind::Alias)]);
    assert_eq!(kinds("a: &x [*x]\n"), [(1, YamlErrorKind::Alias)]);
    assert_eq!(kinds("<<: 1\n"), [(1, YamlErrorKind::Merge)]);
    assert_eq!(kinds("? [a]\n: 1\n"), [(1, YamlErrorKind::ComplexKey)]);
}

#[test]
fn what_swells_or_sinks_too_far_is_refused() {
    let laughs: String = (1..12).map(|n| format!("l{n}: &l{n} [{}]\n", vec![format!("*l{}", n - 1); 10].join(","))).collect();
    assert_eq!(kinds(&format!("l0: &l0 x\n{laughs}"))[0].1, YamlErrorKind::TooLarge);
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 80].join(","));
    assert_eq!(kinds(&long)[0].1, YamlErrorKind::TooLarge);
    assert_eq!(kinds(&"[".repeat(500))[0].1, YamlErrorKind::TooDeep);
    assert_eq!(kinds(&(0..500).map(|n| format!("{}a:\n", " ".repeat(n))).collect::<String>())[0].1, YamlErrorKind::TooDeep);
}

#[test]
fn ten_megabytes_are_read() {
    let text = "- {key: value, other: 1}\n".repeat(10_000_000 / 25);
    assert_eq!(one(&text).items().len(), 400_000);
}

#[test]
fn helm_templates_are_refused_where_they_show() {
    for (text, line) in [
        ("a: 1\nb: {{ .Values.x }}\n", 2),
        ("a: 1\n{{- if .Values.x }}\nb: 2\n{{- end }}\n", 2),
        ("a: \"{{ .Values.x }}\"\n", 1),
        ("a: x-{{ .Release.Name }}\n", 1),
        ("a:\n  {{ toYaml .x | nindent 2 }}\n", 2),
        ("a: {{ .x }}-b\n", 1),
        ("a: 1\nl:\n  {{- include \"x.labels\" . | nindent 4 }}\n", 3),
        ("a: '{{ `{{ .password }}` }}'\n", 1),
        ("a: \"{{ \\\"{{\\\" }} .p }}\"\n", 1),
        ("a: {{x}}\n", 1),
    ] {
        assert_eq!(kinds(text), [(line, YamlErrorKind::HelmTemplate)], "{text}");
    }
    for text in [
        "a: \"{{ .password | b64dec }}\"\n",
        "a: |\n  {{- range $k, $v := . }}\n  {{ $k }}={{ $v }}\n  {{- end }}\n",
        "a: user={{ .user }}\n",
        "a: '{{ .x.Values }}'\n",
        "a: {b: {c: 1}}\n",
        "a: # {{ .Values.x }}\n  1\n",
        "a: .Values.x\n",
    ] {
        assert_eq!(kinds(text), [], "{text}");
    }
}

#[test]
fn what_nobody_asked_for_is_listed() {
    let node =
        one("kind: X\nspec:\n  data:\n  - key: a\n    odd: 1\n  - key: b\n  labels: {a.b: c}\n  rest: {x: {y: 1}}\n  new: 1\n");
    assert_eq!(node.get_text("kind"), Some("X"));
    let spec = node.get("spec").unwrap();
    let keys: Vec<_> = spec.get("data").unwrap().get_items().filter_map(|item| item.get_text("key")).collect();
    assert_eq!(keys, ["a", "b"]);
    let _ = spec.get("labels").unwrap();
    spec.get("rest").unwrap().take();
    let unasked: Vec<_> = node.unasked().iter().map(ToString::to_string).collect();
    assert_eq!(unasked, ["5:5: spec.data[0].odd", "7:12: spec.labels[\"a.b\"]", "9:3: spec.new"]);
}

#[test]
fn a_repeated_key_is_kept_and_the_last_one_counts() {
    let node = one("a: 1\na: 2\n");
    assert_eq!((node.entries().len(), node.peek("a").and_then(Node::integer)), (2, Some(2)));
}

proptest! {
    #[test]
    fn nothing_that_is_read_panics_or_is_quoted(text in "(canary|[a-c{}\\[\\]:,&*!|>'\"%@`#?\n\t -]|<<|---\n){0,60}") {
        for error in read(&text).errors {
            prop_assert!(!error.to_string().contains("canary"));
        }
    }

    // Without `{`: two of them may make a text into a Helm template.
    #[test]
    fn json_is_read_as_what_it_is(texts in proptest::collection::vec("[ -z|}~äé\n]{0,12}", 0..6)) {
        let json = serde_json::json!({"l": texts, "n": [1, -2, 0.5, null, true]});
        prop_assert_eq!(one(&json.to_string()).to_json(), json);
    }
}
