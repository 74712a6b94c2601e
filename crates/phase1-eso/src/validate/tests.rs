//! Tests of form: against the table, and against CRDs that were given.

use super::*;
use crate::yaml::read;

fn found(text: &str, against: Against<'_>) -> Vec<String> {
    let source = Source { file: "a.yaml".into(), stream: read(text) };
    let mut found: Vec<_> = validate(&[source], against).findings.iter().map(ToString::to_string).collect();
    found.retain(|line| !line.contains("ESO1") && !line.contains("ESO3"));
    found
}

fn at(text: &str, version: &str) -> Vec<String> {
    found(text, Against { version: EsoVersion::parse(version).unwrap(), ..Against::default() })
}

const HEAD: &str = "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: a, namespace: ns}\n";

#[test]
fn every_fault_of_form_is_told_at_its_place() {
    let text = format!(
        "{HEAD}spec:\n  refreshIntervall: 1h\n  data:\n  - secretKey: a b\n    remoteRef: {{key: 5, property: yes}}\n  - remoteRef: {{}}\n  target:\n    \
         creationPolicy: Own\n    immutable: 'true'\n    name: {}\n    name: b\n  dataFrom: [{{sourceRef: {{}}}}]\n",
        "x".repeat(254)
    );
    assert_eq!(
        at(&text, "0.20.4"),
        [
            "a.yaml:5:3: error ESO004: ExternalSecret ns/a: spec: unknown field; did you mean `refreshInterval`?",
            "a.yaml:7:16: error ESO008: ExternalSecret ns/a: spec.data[0].secretKey: expected a key of at most 253 letters, digits, `-`, `_` and `.`",
            "a.yaml:8:22: error ESO005: ExternalSecret ns/a: spec.data[0].remoteRef.key: expected a text; put it in quotes if it looks like a number or a boolean",
            "a.yaml:8:35: error ESO005: ExternalSecret ns/a: spec.data[0].remoteRef.property: expected a text; put it in quotes if it looks like a number or a boolean",
            "a.yaml:9:5: error ESO006: ExternalSecret ns/a: spec.data[1]: `secretKey` is missing",
            "a.yaml:9:16: error ESO006: ExternalSecret ns/a: spec.data[1].remoteRef: `key` is missing",
            "a.yaml:11:21: error ESO007: ExternalSecret ns/a: spec.target.creationPolicy: expected one of Owner, Orphan, Merge, None",
            "a.yaml:12:16: error ESO005: ExternalSecret ns/a: spec.target.immutable: expected true or false",
            "a.yaml:14:5: error ESO012: ExternalSecret ns/a: spec.target: this key stands on line 13 already",
            "a.yaml:15:26: error ESO009: ExternalSecret ns/a: spec.dataFrom[0].sourceRef: exactly one field has to be set here",
        ]
    );
}

#[test]
fn what_a_version_has_depends_on_the_version() {
    let text =
        format!("{HEAD}spec:\n  target: {{manifest: {{apiVersion: v1, kind: ConfigMap}}, creationPolicy: CreateOrMerge}}\n");
    assert_eq!(
        at(&text, "0.20"),
        [
            "a.yaml:5:12: error ESO004: ExternalSecret ns/a: spec.target: unknown field; `manifest` came with 1.3.2",
            "a.yaml:5:73: error ESO007: ExternalSecret ns/a: spec.target.creationPolicy: expected one of Owner, Orphan, Merge, None",
        ]
    );
    assert_eq!(at(&text, "2.9"), [""; 0]);
    let old = HEAD.replace("/v1", "/v1beta1");
    assert_eq!(
        at(&old, "0.17.0"),
        [
            "a.yaml:1:13: error ESO003: ExternalSecret ns/a: apiVersion: not served by External Secrets Operator 0.17.0; use external-secrets.io/v1"
        ]
    );
}

#[test]
fn defaults_are_filled_in_and_nulls_are_dropped_before_anything_is_required() {
    let store = "apiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: {name: a, namespace: ns}\nspec:\n  provider:\n    vault:\n      \
                 server: s\n      path: null\n      auth: {kubernetes: {role: r}}\n";
    assert_eq!(at(store, "0.20.4"), [""; 0]);
    let no_role = store.replace("role: r", "role:");
    assert_eq!(
        at(&no_role, "0.20.4"),
        ["a.yaml:9:26: error ESO006: SecretStore ns/a: spec.provider.vault.auth.kubernetes: `role` is missing"]
    );
}

#[test]
fn rules_of_the_newest_release_are_kept() {
    let push = "apiVersion: external-secrets.io/v1alpha1\nkind: PushSecret\nmetadata: {name: a, namespace: ns}\nspec:\n  secretStoreRefs: []\n  \
                selector: {secret: {name: s}}\n  dataTo:\n  - {storeRef: {kind: SecretStore}}\n  - {storeRef: {name: s}, remoteKey: r, rewrite: [{}]}\n";
    assert_eq!(
        at(push, "2.9.0"),
        [
            "a.yaml:8:5: error ESO009: PushSecret ns/a: spec.dataTo[0]: `storeRef` has to be set, with `name` or `labelSelector`",
            "a.yaml:9:5: error ESO009: PushSecret ns/a: spec.dataTo[1]: `rewrite` has no place beside `remoteKey`",
            "a.yaml:9:51: error ESO009: PushSecret ns/a: spec.dataTo[1].rewrite[0]: exactly one of `regexp` and `transform` has to be set",
        ]
    );
}

#[test]
fn names_and_kinds_that_can_not_be_are_told() {
    let long = HEAD.replace("name: a,", &format!("name: {},", "a".repeat(254)));
    assert!(at(&long, "0.20.4")[0].contains("ESO014"));
    assert!(at(&HEAD.replace("name: a,", ""), "0.20.4")[0].contains("ESO014"));
    let wrong = HEAD.replace("ExternalSecret", "ExternalSecrets");
    assert_eq!(
        at(&wrong, "0.20.4"),
        ["a.yaml:2:7: error ESO013: ExternalSecrets ns/a: kind: not known; did you mean `ExternalSecret`?"]
    );
    assert_eq!(at(&HEAD.replace("external-secrets.io", "kubernetes-client.io"), "0.20.4"), [""; 0]);
}

#[test]
fn crds_that_were_given_decide_and_their_other_defaults_are_told() {
    let mut crds = Crds::default();
    crds.add(
        "kind: CustomResourceDefinition\nspec:\n  group: external-secrets.io\n  names: {kind: ExternalSecret}\n  versions:\n  - name: v1\n    \
         served: true\n    storage: true\n    schema:\n      openAPIV3Schema:\n        type: object\n        properties:\n          spec:\n            \
         type: object\n            x-kubernetes-validations:\n            - {rule: 'self.size < 3', message: it is small}\n            - {rule: 'self == oldSelf'}\n            \
         properties:\n              size: {type: integer, nullable: true, maximum: 5, exclusiveMaximum: true}\n              \
         refreshInterval: {type: string, default: 2h}\n",
    )
    .unwrap();
    let against = Against { crds: Some(&crds), ..Against::default() };
    let mut lines = found(&format!("{HEAD}spec: {{size: 5, data: []}}\n"), against);
    lines.retain(|line| !line.contains("ESO011") || line.contains("refreshInterval"));
    assert_eq!(
        lines,
        [
            "a.yaml:1:1: note ESO011: ExternalSecret: spec.refreshInterval: these CRDs fill in \"2h\", External Secrets Operator 0.20.4 \"1h\"",
            "a.yaml:4:7: error ESO009: ExternalSecret ns/a: spec: it is small",
            "a.yaml:4:7: warning ESO010: ExternalSecret ns/a: spec: not evaluated: `oldSelf` is the object before a change",
            "a.yaml:4:14: error ESO008: ExternalSecret ns/a: spec.size: it breaks `exclusiveMaximum` of the schema",
            "a.yaml:4:17: error ESO004: ExternalSecret ns/a: spec: unknown field; known here: refreshInterval, size",
        ]
    );
}

#[test]
fn nothing_of_a_file_is_quoted_but_names() {
    let text = format!(
        "{HEAD}spec:\n  canary: canary\n  refreshPolicy: canary\n  data: canary\n  secretStoreRef: {{name: CANARY, kind: canary}}\n  \
         dataFrom: [{{find: {{name: {{regexp: canary}}}}}}]\n  target: {{template: {{data: {{k: '{{{{ canary'}}}}}}\n"
    );
    let source = Source { file: "a.yaml".into(), stream: read(&text) };
    let validated = validate(&[source], Against::default());
    assert!(validated.findings.len() >= 6);
    for finding in validated.findings {
        assert!(!finding.to_string().to_lowercase().contains("canary"), "{finding}");
    }
}

#[test]
fn lists_and_several_files_are_validated_in_their_order() {
    let list = format!("kind: List\napiVersion: v1\nitems:\n- {}", HEAD.replace('\n', "\n  "));
    let bad = "apiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: {name: b, namespace: ns}\nspec: {}\n";
    let source = |file: &str, text: &str| Source { file: file.into(), stream: read(text) };
    let validated = validate(&[source("z.yaml", bad), source("b.yaml", "a: ["), source("a.yaml", &list)], Against::default());
    assert_eq!((validated.checked, validated.passed_over), (2, 0));
    let lines: Vec<_> = validated.findings.iter().map(|finding| (&*finding.file, finding.lint.id)).collect();
    assert_eq!(lines, [("z.yaml", "ESO006"), ("b.yaml", "ESO001")]);
}
