//! `migrate eso validate` and `explain`, without a cluster.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use crate::bench::{Bench, shows};

const GOOD: &str = "apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: orders, namespace: shop}
spec:
  secretStoreRef: {name: aws}
  dataFrom:
  - extract: {key: platform-data/mysql/orders}
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: aws, namespace: shop}
spec:
  provider: {aws: {service: SecretsManager, region: eu-central-1}}
";

// REQ ESO-1
#[test]
fn good_manifests_are_counted_with_what_they_cost() {
    let bench = Bench::new();
    bench.write("k8s/orders.yaml", GOOD);
    bench.write("k8s/app/deployment.yml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\n");
    shows!(bench.run("migrate eso validate k8s --eso-version 0.20.3"), @r"
    $ migrate eso validate k8s --eso-version 0.20.3
    --- stdout
    2 objects checked, 1 of other kinds passed over: 0 errors, 0 warnings, 0 notes
    against External Secrets Operator 0.20.3 (interpolated: taken to behave like 0.20.1, the nearest release below)
    Secrets Manager: at least 730 calls a month, 0.01 USD
    --- exit 0
    ");
    shows!(bench.run("migrate eso validate k8s --json"), @r#"
    $ migrate eso validate k8s --json
    --- stdout
    {
      "esoVersion": "0.20.4",
      "knownBy": "compared with its CRDs by a test",
      "assumed": true,
      "checked": 2,
      "passedOver": 1,
      "findings": [],
      "errors": 0,
      "warnings": 0,
      "notes": 0,
      "secretsManager": {
        "aMonth": 730,
        "microdollars": 3650,
        "counted": 1,
        "unknown": 0
      }
    }
    --- exit 0
    "#);
}

#[test]
fn one_broken_file_does_not_hide_the_others_and_nothing_is_quoted() {
    let bench = Bench::new();
    bench.write("k8s/a.yaml", "a: [canary\n");
    bench.write(
        "k8s/b.yaml",
        "apiVersion: external-secrets.io/v1beta1\nkind: ExternalSecret\nmetadata: {name: b, namespace: shop}\n",
    );
    bench.write(
        "k8s/c.yaml",
        &GOOD.replace("  dataFrom:", "  target: {deletionPolicy: Delete}\n  refreshInterval: canary\n  canary: x\n  dataFrom:"),
    );
    bench.write("k8s/d.yaml", "kind: ExternalSecret\nmetadata:\n  name: {{ .Values.name }}\n");
    shows!(bench.run("migrate eso validate k8s"), @r"
    $ migrate eso validate k8s
    --- stdout
    k8s/a.yaml:1:4: error ESO001: not YAML: unclosed bracket '['
    k8s/b.yaml:1:13: error ESO003: ExternalSecret shop/b: apiVersion: not served by External Secrets Operator 0.20.4; use external-secrets.io/v1
    k8s/c.yaml:6:28: warning ESO101: ExternalSecret shop/orders: spec.target.deletionPolicy: Delete: a path that is missing when the store is switched deletes the Secret; use Retain
    k8s/c.yaml:8:3: error ESO004: ExternalSecret shop/orders: spec: unknown field; known here: data, dataFrom, refreshInterval, refreshPolicy, secretStoreRef, target
    k8s/d.yaml:3:10: error ESO002: a Helm template, not a manifest: render it first, as in `helm template RELEASE CHART | migrate eso … -`
    3 objects checked: 4 errors, 1 warning, 0 notes
    against External Secrets Operator 0.20.4 (compared with its CRDs by a test; assumed, --eso-version names another)
    `migrate eso explain ESO001` says why, and what to do
    --- exit 3
    ");
}

#[test]
fn warnings_alone_are_fine_unless_strict() {
    let bench = Bench::new();
    bench.write("a.yaml", &GOOD.replace("  dataFrom:", "  target: {deletionPolicy: Delete}\n  dataFrom:"));
    assert!(bench.run("migrate eso validate a.yaml").ends_with("--- exit 0"));
    shows!(bench.run("migrate eso validate a.yaml --strict"), @r"
    $ migrate eso validate a.yaml --strict
    --- stdout
    a.yaml:6:28: warning ESO101: ExternalSecret shop/orders: spec.target.deletionPolicy: Delete: a path that is missing when the store is switched deletes the Secret; use Retain
    2 objects checked: 0 errors, 1 warning, 0 notes
    against External Secrets Operator 0.20.4 (compared with its CRDs by a test; assumed, --eso-version names another)
    Secrets Manager: at least 730 calls a month, 0.01 USD
    `migrate eso explain ESO101` says why, and what to do
    --- exit 3
    ");
}

#[test]
fn odd_files_are_read_as_kubernetes_reads_them() {
    let bench = Bench::new();
    let anchors = "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: a, namespace: shop}\nspec: &spec\n  secretStoreRef:\t{name: aws}\n---\n\
                   apiVersion: v1\nkind: List\nitems:\n- apiVersion: external-secrets.io/v1\n  kind: ExternalSecret\n  metadata: {name: b, namespace: shop}\n  \
                   spec: &s {target: {deletionPolicy: Keep}}\n- apiVersion: external-secrets.io/v1\n  kind: ExternalSecret\n  metadata: {name: c, namespace: shop}\n  spec: *s\n";
    bench.write("odd.yaml", &format!("\u{feff}{}", anchors.replace('\n', "\r\n")));
    shows!(bench.run("migrate eso validate odd.yaml"), @r"
    $ migrate eso validate odd.yaml
    --- stdout
    odd.yaml:13:38: error ESO007: ExternalSecret shop/b: spec.target.deletionPolicy: expected one of Delete, Merge, Retain
    odd.yaml:13:38: error ESO007: ExternalSecret shop/c: spec.target.deletionPolicy: expected one of Delete, Merge, Retain
    3 objects checked: 2 errors, 0 warnings, 0 notes
    against External Secrets Operator 0.20.4 (compared with its CRDs by a test; assumed, --eso-version names another)
    `migrate eso explain ESO007` says why, and what to do
    --- exit 3
    ");
}

#[test]
fn a_file_of_ten_megabytes_is_validated() {
    let bench = Bench::new();
    let comments = format!("# {}\n", "x".repeat(98)).repeat(50_000);
    let items: String = (0..120_000).map(|n| format!("  - secretKey: k{n}\n    remoteRef: {{key: r}}\n")).collect();
    let head = "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: a, namespace: shop}\nspec:\n  data:\n";
    bench.write("large.yaml", &format!("{comments}{head}{items}"));
    let whole = bench.run("migrate eso validate large.yaml");
    assert!(whole.contains("1 object checked: 0 errors, 0 warnings, 0 notes"), "{}", whole.get(..2000).unwrap_or(&whole));
}

#[test]
fn helm_charts_are_refused_with_the_advice_to_render_them() {
    let bench = Bench::new();
    bench.write("chart/Chart.yaml", "name: x\n");
    bench.write("chart/templates/plain.yaml", GOOD);
    bench.write("other/secret.yaml", &format!("{{{{- if .Values.enabled }}}}\n{GOOD}{{{{- end }}}}\n"));
    shows!(bench.run("migrate eso validate chart other"), @r"
    $ migrate eso validate chart other
    --- stdout
    chart/templates/plain.yaml:1:1: error ESO002: it lies in the templates of a Helm chart: render it first, as in `helm template RELEASE CHART | migrate eso validate -`
    other/secret.yaml:1:1: error ESO002: a Helm template, not a manifest: render it first, as in `helm template RELEASE CHART | migrate eso … -`
    0 objects checked: 2 errors, 0 warnings, 0 notes
    against External Secrets Operator 0.20.4 (compared with its CRDs by a test; assumed, --eso-version names another)
    `migrate eso explain ESO002` says why, and what to do
    --- exit 3
    ");
}

#[test]
fn what_was_typed_wrongly_is_told() {
    let bench = Bench::new();
    bench.write("empty/readme.txt", "");
    bench.write("foreign/a.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n");
    shows!(bench.run("migrate eso validate nowhere"), @r"
    $ migrate eso validate nowhere
    --- stderr
    error: there is no file or folder nowhere
    --- exit 64
    ");
    shows!(bench.run("migrate eso validate empty"), @r"
    $ migrate eso validate empty
    --- stderr
    error: there are no manifests in empty
    hint: name a folder or file with .yaml, .yml or .json, or pipe manifests in: `kustomize build DIR | migrate eso … -`
    --- exit 3
    ");
    shows!(bench.run("migrate eso validate foreign"), @r"
    $ migrate eso validate foreign
    --- stderr
    error: no object of External Secrets Operator is in foreign
    hint: name the folder that holds them
    --- exit 3
    ");
    shows!(bench.run("migrate eso validate foreign --eso-version 0.16.1"), @r"
    $ migrate eso validate foreign --eso-version 0.16.1
    --- stderr
    error: invalid value '0.16.1' for '--eso-version <VERSION>': External Secrets Operator 0.16.1 is older than what is known here; known are 0.17.0, 0.18.2, 0.19.2, 0.20.1, 0.20.4, 1.3.2, 2.9.0, and versions between them behave like the nearest one below
    hint: `migrate --help` shows everything
    --- exit 64
    ");
    shows!(bench.run("migrate eso validate foreign --crds foreign"), @r"
    $ migrate eso validate foreign --crds foreign
    --- stderr
    error: no CustomResourceDefinition is in foreign
    hint: `kubectl get crd -o yaml > crds.yaml` writes those of a cluster
    --- exit 3
    ");
}

#[cfg(unix)]
#[test]
fn links_that_lead_in_circles_or_nowhere_end() {
    let bench = Bench::new();
    bench.write("k8s/a.yaml", GOOD);
    std::os::unix::fs::symlink(bench.path("k8s"), bench.path("k8s/loop")).expect("a link");
    std::os::unix::fs::symlink(bench.path("gone"), bench.path("k8s/gone.yaml")).expect("a link");
    std::os::unix::fs::symlink(bench.path("k8s/self.yaml"), bench.path("k8s/self.yaml")).expect("a link");
    assert!(bench.run("migrate eso validate k8s").contains("2 objects checked: 0 errors"));
}

#[test]
fn crds_and_an_inventory_that_are_given_are_used() {
    let bench = Bench::new();
    bench.write(
        "crds/es.yaml",
        "kind: CustomResourceDefinition
spec:
  group: external-secrets.io
  names: {kind: ExternalSecret}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            x-kubernetes-validations:
            - {rule: 'self.dataFrom.isSorted()'}
            properties:
              dataFrom: {type: array, maxItems: 0, items: {type: object, x-kubernetes-preserve-unknown-fields: true}}
",
    );
    bench.write(
        "inventory.yaml",
        "apiVersion: migrate/v1\nsecrets:\n- name: platform-data/mysql/orders\n  category: data\n  class: runtime\n  disposition: moves\n",
    );
    let find = "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: a, namespace: shop}\nspec:\n  dataFrom:\n  - find: {name: {regexp: mysql}}\n";
    bench.write("a.yaml", find);
    let whole = bench.run("migrate eso validate a.yaml --crds crds --inventory inventory.yaml");
    let told: Vec<_> = whole.lines().filter(|line| !line.contains("ESO011")).collect();
    shows!(told.join("\n"), @r"
    $ migrate eso validate a.yaml --crds crds --inventory inventory.yaml
    --- stdout
    a.yaml:5:3: warning ESO010: ExternalSecret shop/a: spec: not evaluated: `isSorted` is not known here
    a.yaml:6:5: error ESO008: ExternalSecret shop/a: spec.dataFrom: expected at most 0 items
    a.yaml:6:27: warning ESO111: ExternalSecret shop/a: spec.dataFrom[0].find.name.regexp: it may match in the middle of a name; of the inventory it reaches platform-data/mysql/orders
    1 object checked: 1 error, 2 warnings, 23 notes
    against the CRDs of crds
    --- exit 3
    ");
}

#[test]
fn standard_input_is_validated() {
    let bench = Bench::new();
    let mut command: Command = bench.command("migrate eso validate -");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("migrate starts");
    child.stdin.take().expect("a pipe").write_all(GOOD.replace("region", "regoin").as_bytes()).expect("written");
    let output = child.wait_with_output().expect("its end");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.starts_with("-:13:19: error ESO006: SecretStore shop/aws: spec.provider.aws: `region` is missing\n"), "{text}");
    assert!(text.contains("unknown field; did you mean `region`?"), "{text}");
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn a_finding_is_explained() {
    let bench = Bench::new();
    shows!(bench.run("migrate eso explain eso101"), @r"
    $ migrate eso explain eso101
    --- stdout
    ESO101 deletion-policy-delete (warning)

    deletionPolicy Delete removes the Secret when the store says that nothing is there.

    why:     When the store is switched and a path is missing, the Secret is deleted and the ExternalSecret says Ready; pods that restart then fail.
    instead: Use Retain, at least across a switch.
    source:  seen with 0.20.4; https://external-secrets.io/latest/guides/ownership-deletion-policy/
    --- exit 0
    ");
    assert!(bench.run("migrate eso explain").contains("ESO401  error"));
    assert!(bench.run("migrate eso explain --json deletion-policy-delete").contains("\"instead\""));
    shows!(bench.run("migrate eso explain ESO999"), @r"
    $ migrate eso explain ESO999
    --- stderr
    error: there is no finding ESO999
    hint: `migrate eso explain` shows all
    --- exit 64
    ");
}
