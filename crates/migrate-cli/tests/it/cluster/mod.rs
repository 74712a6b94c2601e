//! On a real API server with the real operator: nothing runs pods, and what they would mount is compared byte by byte.

mod kinds;
mod switch;

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::{Value, json};

use crate::{
    estate,
    support::{AwsAccount, Canary, Cluster, Held, Mount, Servers, Whole, Workbench},
};

const BLOCKED: i32 = 3;
const INCOMPLETE: i32 = 4;

/// A namespace with ExternalSecrets from Secrets Manager that were just materialized, and their wave committed.
struct Scene {
    cluster: Cluster,
    bench: Workbench,
    mount: Mount,
    namespace: String,
    before: BTreeMap<String, Held>,
}

/// Who reads what: name of the secret, of the ExternalSecret, its reads, and what is declared of it.
const READERS: [(&str, &str, &str, &str); 3] = [
    ("platform-data/mysql/orders", "orders-db", "extract: {}", "target: { deletionPolicy: Delete }"),
    ("platform-data/mysql/once", "once", "property: { secretKey: password, property: password }", "refreshPolicy: CreatedOnce"),
    (
        "platform-data/mysql/never",
        "never",
        "whole: { secretKey: all }",
        "refreshInterval: \"0\"\n  target: { creationPolicy: Orphan }",
    ),
];

impl Scene {
    async fn committed(name: &str) -> Self {
        let (servers, cluster) = (Servers::from_env(), Cluster::from_env());
        let (account, mount) = (AwsAccount::fresh(&servers).await, Mount::fresh(&servers).await);
        let namespace = cluster.namespace(name);
        let bench = estate::workbench(name, &account, &mount);
        let canary = Canary::of_this_run();
        let (mut declared, mut secrets) = (String::new(), String::new());
        for (secret, reader, read, spec) in READERS {
            let text = json!({ "username": "app", "password": canary.word() }).to_string();
            account.create_text(secret, &text).await;
            declared += &format!("- name: {reader}\n  namespace: {namespace}\n  {spec}\n");
            secrets += &format!(
                "- name: {secret}\n  category: data\n  class: runtime\n  disposition: moves\n  consumers:\n  - application: {reader}\n    \
                 externalSecret: {{ namespace: {namespace}, name: {reader}, reads: [{read}] }}\n"
            );
        }
        bench
            .write("secrets-inventory.yaml", &format!("apiVersion: migrate/v1\nexternalSecrets:\n{declared}secrets:\n{secrets}"));
        cluster.aws_keys(&namespace, &account);
        let role = cluster.vault_reader(&namespace, "reader", &mount).await;
        let configuration = bench.read("migrate.toml").replace("settle = \"0s\"", "settle = \"0s\"\nseal_wait = \"0s\"");
        bench.write("migrate.toml", &(configuration + &cluster.configuration(&servers, &namespace, &role)));
        bench.migrate(&["eso", "emit", "--store", "aws", "--out", "manifests"]).expect_code(0);
        let mut scene = Self { cluster, bench, mount, namespace, before: BTreeMap::new() };
        scene.synchronise("manifests");
        scene.cluster.settled(&scene.namespace);
        scene.before = scene.cluster.secrets(&scene.namespace);
        scene.restrict("direct");
        scene.bench.migrate(&["plan", "--wave", "one"]).expect_code(0);
        scene.bench.migrate(&["apply", "--through", "commit"]).expect_code(0);
        scene
    }

    /// From now on `migrate` has nothing but the rights that it prints for a task.
    fn restrict(&self, task: &str) {
        let kubeconfig = self.cluster.under_rights(&self.bench, &self.namespace, task);
        let configuration = self.bench.read("migrate.toml");
        let line = configuration.lines().find(|line| line.starts_with("kubeconfig = ")).expect("a kubeconfig").to_owned();
        self.bench.write("migrate.toml", &configuration.replace(&line, &format!("kubeconfig = \"{}\"", kubeconfig.display())));
    }

    /// What a GitOps controller does with what is committed.
    fn synchronise(&self, folder: &str) {
        let overlay: PathBuf = self.bench.repository().join(folder).join("overlays/test");
        self.cluster.run(&["apply", "--server-side", "--force-conflicts", "--kustomize", overlay.to_str().expect("UTF-8")]);
    }

    fn apply(&self, through: &str, mode: &str) -> Whole {
        self.bench.migrate(&self.arguments(through, mode))
    }

    fn arguments<'a>(&self, through: &'a str, mode: &'a str) -> [&'a str; 5] {
        ["apply", "--through", through, "--mode", mode]
    }

    /// Bytes, uid and resourceVersion of every Secret are what they were, and no other Secret is there.
    fn untouched(&self) {
        assert!(self.cluster.secrets(&self.namespace) == self.before, "a Secret was touched, or a shadow is left");
        assert!(!self.has_shadow(), "a shadow is left");
    }

    fn has_shadow(&self) -> bool {
        !self.cluster.list(&self.namespace, &["externalsecrets", "--selector", "migrate/shadow"]).is_empty()
    }

    /// `spec` of an ExternalSecret.
    fn spec(&self, name: &str) -> Value {
        self.cluster.get(&self.namespace, &["externalsecret", name]).expect("an ExternalSecret")["spec"].take()
    }

    fn store(&self, name: &str) -> String {
        self.spec(name)["secretStoreRef"]["name"].as_str().expect("a store").to_owned()
    }

    /// The kinds of the ledger's records.
    fn records(&self) -> Vec<String> {
        let ledger = self.bench.read("migrate/test/ledger.jsonl");
        let record = |line: &str| {
            serde_json::from_str::<Value>(line).expect("a record")["event"]["type"].as_str().expect("a type").to_owned()
        };
        ledger.lines().map(record).collect()
    }

    /// Complete, with everything as it declares it, and every Secret as it was.
    fn is_complete(&self) {
        self.untouched();
        assert_eq!(self.spec("orders-db")["target"]["deletionPolicy"], "Delete");
        assert_eq!(self.spec("once")["refreshPolicy"], "CreatedOnce");
        for (_, reader, ..) in READERS {
            assert_eq!(self.store(reader), format!("vault-{}", self.namespace));
        }
        assert!(self.records().contains(&"completed".to_owned()));
        self.bench.migrate(&["status"]).expect_code(0);
        self.bench.migrate(&["ledger", "verify"]).expect_code(0);
        let again = self.apply("complete", "direct").expect_code(0);
        assert!(again.stdout.contains("nothing to do"), "{again}");
    }
}
