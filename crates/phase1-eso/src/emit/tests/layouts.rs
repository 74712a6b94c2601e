//! Which files there are, and what people find in those for them.

use super::*;

// REQ ESO-2, OPS-8
#[test]
fn environments_share_what_they_have_alike() {
    let of = |name: &str, inventory: &str| Environment {
        name: name.to_owned(),
        emitted: emitted(inventory, "0.20.4", None, None).unwrap(),
    };
    let alike = [of("prod", INVENTORY), of("test", INVENTORY)];
    let paths = |files: &[EmittedText]| files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(paths(&files(&alike, Layout::Kustomize)), @r"
    base/external-secret.orders.orders-db.yaml
    base/kustomization.yaml
    overlays/prod/cluster-secret-store.aws.yaml
    overlays/prod/kustomization.yaml
    overlays/test/cluster-secret-store.aws.yaml
    overlays/test/kustomization.yaml
    workloads/orders/README.md
    workloads/orders/patch.yaml
    ");
    let other = [of("prod", INVENTORY), of("test", &INVENTORY.replace("name: orders-login", "name: orders-test"))];
    insta::assert_snapshot!(paths(&files(&other, Layout::Kustomize)), @r"
    overlays/prod/cluster-secret-store.aws.yaml
    overlays/prod/external-secret.orders.orders-db.yaml
    overlays/prod/kustomization.yaml
    overlays/test/cluster-secret-store.aws.yaml
    overlays/test/external-secret.orders.orders-db.yaml
    overlays/test/kustomization.yaml
    workloads/orders/README.md
    workloads/orders/patch.yaml
    ");
    let waves = files(&alike, Layout::ArgoCd);
    assert!(waves.iter().filter(|file| file.text.contains("argocd.argoproj.io/sync-wave: \"-2\"")).count() == 2);
    assert!(waves.iter().filter(|file| file.text.contains("argocd.argoproj.io/sync-wave: \"-1\"")).count() == 1);
    let helm = files(&alike[..1], Layout::Flat { helm: true });
    assert!(helm.iter().any(|file| file.text.contains("postgres://{{`{{`}} .username }}@")), "{}", helm[0].text);
}

// REQ ESO-4, OPS-1
#[test]
fn an_application_is_shown_what_changes_in_its_workload() {
    let environment = Environment { name: "prod".to_owned(), emitted: emitted(INVENTORY, "0.20.4", None, None).unwrap() };
    let files = files(&[environment], Layout::Kustomize);
    let text = |path: &str| files.iter().find(|file| file.path == path).unwrap().text.clone();
    insta::assert_snapshot!(text("workloads/orders/patch.yaml"), @r"
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: orders
      namespace: orders
      annotations:
        secret.reloader.stakater.com/reload: orders-login
    spec:
      template:
        spec:
          containers:
          - name: orders
            env:
            - name: URL
              valueFrom:
                secretKeyRef:
                  name: orders-login
                  key: url
            volumeMounts:
            - name: secret-1
              mountPath: /etc/secrets/orders-login
              readOnly: true
          volumes:
          - name: secret-1
            secret:
              secretName: orders-login
    ");
    insta::assert_snapshot!(text("workloads/orders/README.md"), @r"
    -->
    # orders: what changes in its workload

    It reads these Kubernetes Secrets, which External Secrets Operator keeps up to date:

    | namespace | Secret | keys |
    |---|---|---|
    | `orders` | `orders-login` | `url` |

    `patch.yaml` is an example, applied by nothing: take what you need of it into your own manifests. It shows three ways in:

    - `env`: one key as one environment variable, or `envFrom`: all keys. Read once, when the container starts.
    - a volume: each key as a file. Renewed in place about a minute after the Secret, unless mounted with `subPath`.
    - the annotation of [stakater/reloader](https://github.com/stakater/Reloader), which restarts the pods when a Secret changes; without it or something alike, variables keep what they were.

    The Secrets keep their names and keys when their authority moves to Vault: nothing here changes then. The workload mounts a Secret and knows neither Secrets Manager nor Vault: no address, no role, no token. If it had any for secrets, take them out.
    ");
    assert!(!text("overlays/prod/kustomization.yaml").contains("workloads"));
}
