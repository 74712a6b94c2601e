//! Secrets of every kind, from Secrets Manager to Vault, under Secrets that somebody uses.

use serde_json::json;

use crate::{
    eso_kinds::Kinds,
    estate,
    support::{AwsAccount, Cluster, Mount, Servers, Workbench},
};

/// Where the kinds live; one test uses it.
const NAMESPACE: &str = "apps";

/// What ExternalSecrets of the kinds refer to, and `migrate` does not make.
fn surroundings(cluster: &Cluster) {
    for (name, labels) in
        [(NAMESPACE, json!({})), ("apps-one", json!({ "secrets": "yes" })), ("apps-two", json!({ "secrets": "yes" }))]
    {
        cluster.apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } }));
    }
    cluster.apply(&json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "templates", "namespace": NAMESPACE },
        "data": { "a.tpl": "{{ .username }}: {{ .password }}" },
    }));
    cluster.apply(&json!({
        "apiVersion": "external-secrets.io/v1", "kind": "SecretStore", "metadata": { "name": "gcp", "namespace": NAMESPACE },
        "spec": { "provider": { "fake": { "data": [{ "key": "elsewhere", "value": "theirs" }] } } },
    }));
    for round in 0..2 {
        cluster.apply(&json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": format!("shared-platform-data-kinds-k17-{round}"), "namespace": NAMESPACE },
            "stringData": { "somebody": "else's" },
        }));
    }
}

fn applied(cluster: &Cluster, bench: &Workbench, out: &str) {
    let overlay = bench.repository().join(out).join("overlays/test");
    cluster.run(&["apply", "--server-side", "--force-conflicts", "--kustomize", overlay.to_str().expect("UTF-8")]);
}

/// The API server added no field to what was written (server-side apply refuses one that it does not know), and lost none.
fn as_written(cluster: &Cluster, bench: &Workbench, out: &str) {
    let overlay = bench.repository().join(out).join("overlays/test");
    let written = cluster.written(overlay.to_str().expect("UTF-8"));
    assert!(written.len() > 50, "{} objects", written.len());
    for object in written {
        let (kind, name) = (object["kind"].as_str().expect("a kind"), object["metadata"]["name"].as_str().expect("a name"));
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or("default");
        let live = cluster.get(namespace, &[kind, name]).unwrap_or_else(|| panic!("{kind} {name} is not there"));
        assert_eq!(live["spec"], object["spec"], "{kind} {name}");
    }
}

// REQ ESO-1, ESO-3, ESO-5, VLT-4, AUT-2, P4
#[tokio::test(flavor = "multi_thread")]
async fn sixty_secrets_of_every_kind_move_under_secrets_in_use() {
    let (servers, cluster) = (Servers::from_env(), Cluster::from_env());
    let mount = Mount::made(&servers, format!("team/switch-{}", std::process::id())).await;
    let account = AwsAccount::fresh(&servers).await;
    let bench = estate::workbench("sixty-switched", &account, &mount);
    // A generator makes a new value at every change of its ExternalSecret, which then differs from its shadow.
    let kinds = Kinds::make(2, &mount.path).without("k21");
    kinds.seed(&account).await;
    bench.write("secrets-inventory.yaml", &kinds.inventory());
    surroundings(&cluster);
    cluster.aws_keys(NAMESPACE, &account);
    let role = cluster.vault_reader(NAMESPACE, "reader", &mount).await;
    let configuration = bench.read("migrate.toml").replace("settle = \"0s\"", "settle = \"0s\"\nseal_wait = \"0s\"");
    bench.write("migrate.toml", &(configuration + &cluster.configuration(&servers, NAMESPACE, &role)));

    bench.migrate(&["eso", "emit", "--store", "aws", "--out", "manifests"]).expect_code(0);
    applied(&cluster, &bench, "manifests");
    cluster.settled(NAMESPACE);
    as_written(&cluster, &bench, "manifests");
    let before = cluster.secrets(NAMESPACE);
    let is_shadow = |name: &str| name.ends_with("-migrate-shadow");
    let written = cluster.changes_of_secrets(NAMESPACE, is_shadow).len();

    let kubeconfig = cluster.under_rights(&bench, NAMESPACE, "direct");
    let configuration = bench.read("migrate.toml");
    bench.write(
        "migrate.toml",
        &configuration.replace(&cluster.kubeconfig.display().to_string(), &kubeconfig.display().to_string()),
    );
    let all_equal = || {
        let verified = bench.migrate(&["verify", "--cluster"]).expect_code(0);
        assert!(
            verified.stdout.starts_with("34 of 54 ExternalSecrets: the Secret holds what its authority holds\n"),
            "{verified}"
        );
        assert!(
            verified
                .stdout
                .contains("platform-data-kinds-k16-0 is reconciled, and compared only when it is switched: a template"),
            "{verified}"
        );
    };
    all_equal();

    bench.migrate(&["plan", "--wave", "one"]).expect_code(0);
    bench.migrate(&["apply", "--through", "commit"]).expect_code(0);
    bench.migrate(&["apply", "--through", "switch", "--mode", "direct"]).expect_code(0);
    assert!(cluster.secrets(NAMESPACE) == before, "a Secret was touched, or a shadow is left");
    bench.migrate(&["apply", "--through", "complete", "--mode", "direct"]).expect_code(0);
    bench.migrate(&["status"]).expect_code(0);
    bench.migrate(&["verify"]).expect_code(0);
    all_equal();
    for name in ["platform-data/kinds/k0-0", "Prod/Legacy_1"] {
        let policy = account.call("GetResourcePolicy", json!({ "SecretId": name })).await;
        assert!(
            policy["ResourcePolicy"].as_str().is_some_and(|policy| policy.contains("\"secretsmanager:GetSecretValue\"")),
            "{policy}"
        );
    }

    // The old copies go, and nothing that is mounted notices.
    bench.migrate(&["retire", "one", "--soak", "0s"]).expect_code(0);
    assert!(cluster.secrets(NAMESPACE) == before, "a Secret was touched");
    let changes = cluster.changes_of_secrets(NAMESPACE, is_shadow);
    assert_eq!(changes.len(), written, "{}", changes[written..].join("\n"));

    // What Git is to hold is what stands in the cluster.
    bench.migrate(&["eso", "emit", "--store", "authority", "--out", "manifests"]).expect_code(0);
    let overlay = bench.repository().join("manifests/overlays/test");
    // But for the old store, which fewer namespaces need now.
    let differing = cluster.differing(overlay.to_str().expect("UTF-8"));
    assert_eq!(differing, [format!("external-secrets.io.v1.ClusterSecretStore..aws-{NAMESPACE}")]);
}
