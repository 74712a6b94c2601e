//! The cluster as an independent reader sees it: by kubectl, with the rights of an administrator, sharing no code with our client.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use reqwest::Method;
use serde_json::{Value, json};

use super::{AwsAccount, Mount, Servers, Workbench, variable};

/// Longer than anything that works takes; only what is broken waits so long.
const PATIENCE: &str = "--timeout=90s";
const AUDIENCE: &str = "openbao";

/// A Secret's bytes by key.
pub(crate) type Data = BTreeMap<String, Vec<u8>>;

/// A Secret, and what tells whether it was touched.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) uid: String,
    pub(crate) resource_version: String,
    pub(crate) data: Data,
}

/// The cluster of this run, by kubectl.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) kubectl: PathBuf,
    pub(crate) kubeconfig: PathBuf,
}

impl Cluster {
    pub(crate) fn from_env() -> Self {
        Self { kubectl: variable("MIGRATE_TEST_KUBECTL").into(), kubeconfig: variable("MIGRATE_TEST_KUBECONFIG").into() }
    }

    /// A namespace that only this test uses.
    pub(crate) fn namespace(&self, name: &str) -> String {
        let name = format!("{name}-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
        self.apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }));
        name
    }

    /// Applies one object.
    pub(crate) fn apply(&self, object: &Value) {
        let mut child = self
            .command(&["apply", "--server-side", "--force-conflicts", "--filename", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("kubectl");
        child.stdin.take().expect("a pipe").write_all(object.to_string().as_bytes()).expect("a written object");
        let output = child.wait_with_output().expect("kubectl ends");
        assert!(output.status.success(), "{} could not be applied: {}", object["kind"], String::from_utf8_lossy(&output.stderr));
    }

    /// Runs kubectl to its end, and returns what it printed.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        self.try_run(arguments).unwrap_or_else(|error| panic!("kubectl {} failed: {error}", arguments.join(" ")))
    }

    pub(crate) fn try_run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.command(arguments).output().expect("kubectl starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// The objects of an overlay, as they are written.
    pub(crate) fn written(&self, overlay: &str) -> Vec<Value> {
        let text = self.run(&["create", "--dry-run=client", "--output", "json", "--kustomize", overlay]);
        let documents = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
        let items =
            documents.map(|document| document.expect("JSON")).flat_map(|mut document| match document["items"].as_array_mut() {
                Some(items) => std::mem::take(items),
                None => vec![document],
            });
        items.collect()
    }

    /// Objects of an overlay that are not in the cluster as it says.
    pub(crate) fn differing(&self, overlay: &str) -> Vec<String> {
        let arguments = ["diff", "--server-side", "--force-conflicts", "--kustomize", overlay];
        let output = self.command(&arguments).output().expect("kubectl starts");
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8_lossy(&output.stdout);
        let object = |line: &str| line.rsplit('/').next().unwrap_or_default().to_owned();
        said.lines().filter(|line| line.starts_with("diff ")).map(object).collect()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.env_clear().env("PATH", variable("PATH")).arg("--cache-dir").arg(self.kubeconfig.with_extension("cache"));
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The objects of a list.
    pub(crate) fn list(&self, namespace: &str, what: &[&str]) -> Vec<Value> {
        let mut list = self.get(namespace, what).unwrap_or_default();
        list["items"].as_array_mut().map(std::mem::take).unwrap_or_default()
    }

    /// One object, or a list; nothing where it is not there.
    pub(crate) fn get(&self, namespace: &str, what: &[&str]) -> Option<Value> {
        let arguments = [&["get", "--namespace", namespace, "--output", "json", "--ignore-not-found"], what].concat();
        let text = self.run(&arguments);
        (!text.is_empty()).then(|| serde_json::from_str(&text).expect("JSON"))
    }

    /// Every Secret of a namespace that an ExternalSecret keeps.
    pub(crate) fn secrets(&self, namespace: &str) -> BTreeMap<String, Held> {
        self.list(namespace, &["secrets"]).iter().map(|secret| (text(&secret["metadata"]["name"]), held(secret))).collect()
    }

    /// Waits until every ExternalSecret of a namespace, which was just applied, says that it is ready.
    pub(crate) fn settled(&self, namespace: &str) {
        let wait = ["wait", "externalsecrets", "--all", "--namespace", namespace, "--for=condition=Ready", PATIENCE];
        if let Err(error) = self.try_run(&wait) {
            let waiting: Vec<String> = self.list(namespace, &["externalsecrets"]).iter().filter_map(not_ready).collect();
            panic!("{error}\n{}", waiting.join("\n"));
        }
    }

    /// What the API server's audit log says of changes to Secrets of a namespace, but for those whose name `leave_out` takes.
    pub(crate) fn changes_of_secrets(&self, namespace: &str, leave_out: impl Fn(&str) -> bool) -> Vec<String> {
        let log = fs::read_to_string(variable("MIGRATE_TEST_KUBE_AUDIT_LOG")).expect("an audit log");
        let records = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        records
            .filter(|record| {
                let object = &record["objectRef"];
                let is_change = !matches!(record["verb"].as_str(), Some("get" | "list" | "watch"));
                object["resource"] == "secrets"
                    && object["namespace"] == namespace
                    && is_change
                    && record["responseStatus"]["code"].as_u64() < Some(300)
            })
            .filter(|record| !leave_out(record["objectRef"]["name"].as_str().unwrap_or_default()))
            .map(|record| {
                format!(
                    "{} {} by {}",
                    text(&record["verb"]),
                    text(&record["objectRef"]["name"]),
                    text(&record["user"]["username"])
                )
            })
            .collect()
    }

    /// The keys of an account in a Secret, which stores with `static_keys` name.
    pub(crate) fn aws_keys(&self, namespace: &str, account: &AwsAccount) {
        self.apply(&json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "aws-keys", "namespace": namespace },
            "stringData": { "id": account.access_key_id, "key": account.secret_access_key, "token": account.session_token },
        }));
    }

    /// A kubeconfig of a ServiceAccount with nothing but the rights that `migrate eso rights` prints, in a file beside the administrator's.
    pub(crate) fn under_rights(&self, bench: &Workbench, namespace: &str, task: &str) -> PathBuf {
        let account = format!("{namespace}/migrator");
        self.apply(
            &json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "migrator", "namespace": namespace } }),
        );
        let printed = bench.migrate(&["eso", "rights", "--for", task, "--service-account", &account]).expect_code(0).stdout;
        // Cluster-wide roles of tests that run beside this one must not be each other's.
        let printed = printed.replace("  name: migrate\n", &format!("  name: migrate-{namespace}\n"));
        bench.write("rights.yaml", &printed);
        let rights = bench.repository().join("rights.yaml");
        self.run(&["apply", "--server-side", "--force-conflicts", "--filename", rights.to_str().expect("UTF-8")]);
        let token = self.run(&["create", "token", "migrator", "--namespace", namespace, "--duration", "2h"]);
        let mut config: Value = serde_json::from_str(&fs::read_to_string(&self.kubeconfig).expect("a kubeconfig")).expect("JSON");
        config["users"][0]["user"] = json!({ "token": token.trim() });
        let path = self.kubeconfig.with_file_name(format!("{namespace}-{task}.kubeconfig"));
        fs::File::create(&path).and_then(|mut file| file.write_all(config.to_string().as_bytes())).expect("a written kubeconfig");
        path
    }

    /// A ServiceAccount that may read a mount in OpenBao, by auth/cluster and a role of its own, whose name is returned.
    pub(crate) async fn vault_reader(&self, namespace: &str, account: &str, mount: &Mount) -> String {
        self.apply(
            &json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": account, "namespace": namespace } }),
        );
        let role = format!("read-{namespace}");
        let rules = format!(
            "path \"{0}/data/*\" {{ capabilities = [\"read\"] }}\npath \"{0}/metadata/*\" {{ capabilities = [\"read\", \"list\"] }}\n",
            mount.path
        );
        let (status, _) = mount.call(Method::PUT, &format!("sys/policies/acl/{role}"), Some(json!({ "policy": rules }))).await;
        assert!(status.is_success(), "{status}");
        let bound = json!({
            "bound_service_account_names": [account], "bound_service_account_namespaces": [namespace],
            "audience": AUDIENCE, "token_policies": [role], "token_ttl": "1h",
        });
        let (status, body) = mount.call(Method::POST, &format!("auth/cluster/role/{role}"), Some(bound)).await;
        assert!(status.is_success(), "{status} {body}");
        role
    }

    /// `[environment.test.eso]` and `[environment.test.cluster]`, for stores of this test alone.
    pub(crate) fn configuration(&self, servers: &Servers, namespace: &str, role: &str) -> String {
        format!(
            "\n[environment.test.eso]\n\n[environment.test.eso.aws]\nstore = \"aws-{namespace}\"\nregion = \"eu-central-1\"\n\
             static_keys = {{ name = \"aws-keys\", namespace = \"{namespace}\", access_key_id = \"id\", secret_access_key = \"key\", session_token = \"token\" }}\n\n\
             [environment.test.eso.vault]\nstore = \"vault-{namespace}\"\naddress = \"{}\"\nca = {{ file = \"{}\" }}\n\
             kubernetes = {{ path = \"cluster\", role = \"{role}\", service_account = {{ name = \"reader\", namespace = \"{namespace}\", audiences = [\"{AUDIENCE}\"] }} }}\n\n\
             [environment.test.cluster]\nkubeconfig = \"{}\"\nwait = \"60s\"\n",
            servers.bao_addr,
            servers.bao_cacert.display(),
            self.kubeconfig.display(),
        )
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn held(secret: &Value) -> Held {
    let data = secret["data"].as_object().cloned().unwrap_or_default();
    let decode = |value: &Value| BASE64.decode(value.as_str().expect("base64")).expect("base64");
    Held {
        uid: text(&secret["metadata"]["uid"]),
        resource_version: text(&secret["metadata"]["resourceVersion"]),
        data: data.iter().map(|(key, value)| (key.clone(), decode(value))).collect(),
    }
}

/// Why an ExternalSecret is not ready, in its controller's words.
fn not_ready(object: &Value) -> Option<String> {
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let ready = conditions.iter().find(|condition| condition["type"] == "Ready");
    let generation = format!("{}-", object["metadata"]["generation"]);
    let synced = text(&object["status"]["syncedResourceVersion"]);
    if ready.is_some_and(|ready| ready["status"] == "True") && synced.starts_with(&generation) {
        return None;
    }
    let why =
        ready.map_or("no condition yet".to_owned(), |ready| format!("{}: {}", text(&ready["reason"]), text(&ready["message"])));
    Some(format!("{}: {why}", text(&object["metadata"]["name"])))
}
