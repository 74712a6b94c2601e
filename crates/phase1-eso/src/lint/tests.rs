//! Each lint with a manifest that has it, and one that looks like it and has not.

use std::collections::BTreeSet;

use migrate_core::name::SecretName;

use super::*;
use crate::{
    validate::{Against, Source, Validated, validate},
    yaml::read,
};

fn run(text: &str) -> Validated {
    let stream = read(text);
    assert_eq!(stream.errors, [], "{text}");
    validate(&[Source { file: "a.yaml".into(), stream }], Against::default())
}

/// The ids of all findings that are not about form.
fn ids(text: &str) -> Vec<&'static str> {
    let found = run(text).findings;
    let form: Vec<_> = found.iter().filter(|finding| finding.lint.id < "ESO100").map(ToString::to_string).collect();
    assert_eq!(form, [""; 0], "{text}");
    found.iter().map(|finding| finding.lint.id).collect::<BTreeSet<_>>().into_iter().collect()
}

fn secret(name: &str, spec: &str) -> String {
    let spec = spec.replace('\n', "\n  ");
    format!(
        "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {{name: {name}, namespace: shop}}\nspec:\n  {spec}\n---\n"
    )
}

fn store(kind: &str, name: &str, namespace: &str, spec: &str) -> String {
    let namespace = if namespace.is_empty() { String::new() } else { format!(", namespace: {namespace}") };
    let spec = spec.replace('\n', "\n  ");
    format!("apiVersion: external-secrets.io/v1\nkind: {kind}\nmetadata: {{name: {name}{namespace}}}\nspec:\n  {spec}\n---\n")
}

fn push(spec: &str) -> String {
    let spec = spec.replace('\n', "\n  ");
    format!(
        "apiVersion: external-secrets.io/v1alpha1\nkind: PushSecret\nmetadata: {{name: p, namespace: shop}}\nspec:\n  \
         selector: {{secret: {{name: s}}}}\n  {spec}\n---\n"
    )
}

const AWS: &str = "provider: {aws: {service: SecretsManager, region: eu-central-1}}";
const VAULT: &str = "provider: {vault: {server: 'https://vault.example', path: secret}}";
const ONE: &str = "secretStoreRef: {name: s}\ndata:\n- secretKey: a\n  remoteRef: {key: x}";

/// The first text has exactly this lint, the second none.
fn has(id: &str, text: &str, look_alike: &str) {
    assert_eq!(ids(text), [id], "{text}");
    assert_eq!(ids(look_alike), [""; 0], "{look_alike}");
}

// REQ ESO-5
#[test]
fn what_a_switch_would_delete_is_told() {
    has("ESO101", &secret("a", "target: {deletionPolicy: Delete}"), &secret("a", "target: {deletionPolicy: Retain}"));
    has("ESO104", &secret("a", "target: {creationPolicy: Merge}"), &secret("a", "target: {creationPolicy: Orphan}"));
    has("ESO104", &secret("a", "target: {deletionPolicy: Merge}"), &secret("a", "target: {template: {mergePolicy: Merge}}"));
    has("ESO105", &secret("a", "refreshInterval: 0s"), &secret("a", "refreshInterval: 10s"));
    has("ESO105", &secret("a", "refreshInterval: '0'"), &secret("a", "refreshInterval: '0'\nrefreshPolicy: OnChange"));
    has("ESO105", &secret("a", "refreshPolicy: CreatedOnce"), &secret("a", "refreshPolicy: Periodic"));
}

#[test]
fn a_secret_with_two_owners_is_told() {
    let named = |name: &str, policy: &str| secret(name, &format!("target: {{name: t, creationPolicy: {policy}}}"));
    has("ESO102", &(named("a", "Owner") + &named("b", "Owner")), &(named("a", "Owner") + &named("b", "Orphan")));
    has("ESO102", &(secret("t", "{}") + &named("b", "Owner")), &(secret("u", "{}") + &named("b", "Owner")));
    let elsewhere = named("b", "Owner").replace("shop", "other");
    assert_eq!(ids(&(named("a", "Owner") + &elsewhere)), [""; 0]);
    let plain =
        |kind: &str, name: &str| format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop}}\n---\n");
    has(
        "ESO103",
        &(named("a", "Owner") + &plain("Secret", "t")),
        &(named("a", "Owner") + &plain("ConfigMap", "t") + &plain("Secret", "a")),
    );
}

#[test]
fn templates_that_can_not_parse_are_told() {
    let template = |text: &str| secret("a", &format!("target: {{template: {{data: {{k: {text:?}}}}}}}"));
    has("ESO106", &template("{{ .a | quote }"), &template("{{ .a | default \"}}\" | quote }}"));
    let from = |text: &str| secret("a", &format!("target:\n  template:\n    templateFrom:\n    - literal: |\n        {text}"));
    has("ESO106", &from("{{ range $k, $v := . }}{{ $k }}"), &from("{{ range $k, $v := . }}{{ $k }}{{ end }}"));
    let rewrite = |text: &str| {
        secret(
            "a",
            &format!(
                "secretStoreRef: {{name: s}}\ndataFrom:\n- extract: {{key: k}}\n  rewrite: [{{transform: {{template: {text:?}}}}}]"
            ),
        )
    };
    has("ESO106", &rewrite("{{ .value"), &rewrite("{{ .value | upper }}"));
    let pushed = |text: &str| push(&format!("secretStoreRefs: [{{name: s}}]\ntemplate: {{data: {{k: {text:?}}}}}"));
    has("ESO106", &pushed("{{ end }}"), &pushed("{{ .end }}"));
}

#[test]
fn keys_that_collide_or_can_not_be_are_told() {
    has(
        "ESO107",
        &secret("a", "target: {template: {data: {'a b': x}}}"),
        &secret("a", "target: {template: {data: {a_b.c-d: x}}}"),
    );
    let two = |other: &str| secret("a", &format!("{ONE}\n- secretKey: {other}\n  remoteRef: {{key: z}}"));
    has("ESO107", &two("..a"), &two(".a"));
    has("ESO108", &two("a"), &two("b"));
    let keyed = |key: &str| store("SecretStore", "s", "shop", VAULT) + &secret("a", &ONE.replace('x', key));
    has("ESO109", &keyed("secret/orders"), &keyed("secrets/orders"));
}

#[test]
fn a_find_that_reaches_too_far_is_told() {
    let find = |find: &str| secret("a", &format!("secretStoreRef: {{name: s}}\ndataFrom:\n- find: {find}"));
    has("ESO110", &find("{path: orders}"), &find("{path: orders, tags: {team: shop}}"));
    has("ESO111", &find("{name: {regexp: orders}}"), &find("{name: {regexp: '^orders/.*'}}"));
    let names: Vec<_> = ["reorders/a", "orders/b", "x/y"].map(|name| SecretName::parse(name).unwrap()).into();
    let source = Source { file: "-".into(), stream: read(&find("{name: {regexp: orders}}")) };
    let found = validate(&[source], Against { names: &names, ..Against::default() }).findings;
    assert!(found[0].message.ends_with("of the inventory it reaches reorders/a, orders/b"), "{}", found[0].message);
}

#[test]
fn calls_are_counted_and_many_are_told() {
    let every =
        |interval: &str| store("SecretStore", "s", "shop", AWS) + &secret("a", &format!("refreshInterval: {interval}\n{ONE}"));
    has("ESO112", &every("10s"), &every("30s"));
    let twice = secret(
        "a",
        &format!("{ONE}\n- secretKey: b\n  remoteRef: {{key: x, property: p}}\n- secretKey: c\n  remoteRef: {{key: z}}"),
    );
    let calls = run(&(store("SecretStore", "s", "shop", AWS) + &twice + &secret("b", &ONE.replace("name: s", "name: t")))).calls;
    // Two keys an hour for 730 hours.
    assert_eq!(calls, Calls { a_month: 1460, microdollars: 7300, counted: 1, unknown: 1 });
    let vault = run(&(store("SecretStore", "s", "shop", VAULT) + &twice)).calls;
    assert_eq!(vault, Calls::default());
}

#[test]
fn what_a_push_does_beside_its_value_is_told() {
    let to = |provider: &str, rest: &str| {
        let item = "data:\n- match: {secretKey: k, remoteRef: {remoteKey: r}}";
        store("SecretStore", "s", "shop", provider) + &push(&format!("secretStoreRefs: [{{name: s}}]\n{item}{rest}"))
    };
    let metadata = |format: &str| {
        format!(
            "\n  metadata: {{apiVersion: kubernetes.external-secrets.io/v1alpha1, kind: PushSecretMetadata, spec: {{secretPushFormat: {format}}}}}"
        )
    };
    has("ESO201", &to(AWS, ""), &to(AWS, &metadata("string")));
    has("ESO201", &to(AWS, &metadata("binary")), &to(AWS, "\n  metadata: {secretPushFormat: string}"));
    assert_eq!(ids(&to(VAULT, "")), ["ESO202"]);
    let parameters = AWS.replace("SecretsManager", "ParameterStore");
    has("ESO203", &to(&parameters, "\ndeletionPolicy: Delete"), &to(&parameters, "\ndeletionPolicy: None"));
}

#[test]
fn stores_that_reach_across_namespaces_are_told() {
    let open = store("ClusterSecretStore", "s", "", AWS);
    has("ESO301", &open, &store("ClusterSecretStore", "s", "", &format!("conditions: [{{namespaces: [shop]}}]\n{AWS}")));
    let named = |namespace: &str| {
        let auth = format!("auth: {{tokenSecretRef: {{name: t, key: k, namespace: {namespace}}}}}");
        store("SecretStore", "s", "shop", &VAULT.replace("path: secret", &auth))
    };
    has("ESO302", &named("other"), &named("shop"));
    let used = |namespace: &str| store("SecretStore", "s", namespace, AWS) + &secret("a", ONE);
    has("ESO303", &used("other"), &used("shop"));
    let force = |flag: &str| AWS.replace("region:", &format!("secretsManager: {{forceDeleteWithoutRecovery: {flag}}}, region:"));
    has("ESO304", &store("SecretStore", "s", "shop", &force("true")), &store("SecretStore", "s", "shop", &force("false")));
}

#[test]
fn a_token_in_the_operators_environment_is_told() {
    let deployment = |image: &str, environment: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d, namespace: eso}}\nspec:\n  template:\n    spec:\n      containers:\n      \
             - image: {image}\n        {environment}\n---\n"
        )
    };
    let image = "registry.example/mirror/external-secrets:v0.20.4";
    let env = "env: [{name: VAULT_TOKEN, valueFrom: {secretKeyRef: {name: t, key: k}}}]";
    has("ESO401", &deployment(image, env), &deployment("registry.example/app:1", env));
    has("ESO401", &deployment(image, env), &deployment(image, &env.replace("VAULT_TOKEN", "VAULT_ADDR")));
    let from = deployment(image, "envFrom: [{secretRef: {name: t}}]");
    let made =
        |key: &str| format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: t, namespace: eso}}\ndata: {{{key}: eA==}}\n---\n");
    has("ESO401", &(from.clone() + &made("VAULT_TOKEN")), &(from + &made("VAULT_ADDR")));
}

#[test]
fn ids_are_unique_in_order_and_every_lint_is_found_by_both_names() {
    assert!(ALL.is_sorted_by(|a, b| a.id < b.id));
    assert_eq!(ALL.iter().map(|lint| lint.name).collect::<BTreeSet<_>>().len(), ALL.len());
    for lint in ALL {
        assert_eq!(Lint::of(&lint.id.to_lowercase()), Some(*lint));
        assert_eq!(Lint::of(lint.name), Some(*lint));
        for sentence in [lint.what, lint.why, lint.instead] {
            assert!(sentence.ends_with('.'), "{}: {sentence}", lint.id);
        }
    }
    assert_eq!(Lint::of("ESO999"), None);
}
