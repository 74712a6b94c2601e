//! A namespace of OpenBao that `migrate vault emit` described and its script filled: what the tests of rights and of differences begin with.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Mount, Servers, Workbench};

/// Names an exception, one that moves and one that stays, and a key of a publisher.
const INVENTORY: &str = "apiVersion: migrate/v1
secrets:
  - {name: platform-data/postgres/orders, category: data, class: runtime, disposition: moves}
  - {name: legacy/billing, nameException: three services read it, category: data, class: runtime, disposition: moves}
  - {name: legacy/stays, nameException: as above, category: data, class: runtime, disposition: {stays: owned by AWS}}
";

/// One namespace, with a repository whose environment describes it.
pub(crate) struct Side {
    pub(crate) namespace: String,
    /// The mount `secret` of the namespace, as root sees it.
    pub(crate) mount: Mount,
    pub(crate) bench: Workbench,
}

impl Side {
    /// A namespace, and the files that `migrate vault emit` writes for it; nothing is applied.
    pub(crate) async fn emitted(name: &str) -> Self {
        let servers = Servers::from_env();
        let namespace = format!("ns-{}", uuid::Uuid::new_v4().simple());
        let mount = Mount::at(&servers, format!("{namespace}/secret"));
        let (status, answer) = mount.call(Method::POST, &format!("sys/namespaces/{namespace}"), None).await;
        assert!(status.is_success(), "{answer}");
        let bench = mount.environment().into_iter().fold(Workbench::new(name), |bench, (name, value)| bench.with(name, value));
        let bench = bench.with("VAULT_CLI", servers.bao.to_str().expect("UTF-8"));
        bench.write("kubernetes-ca.pem", &std::fs::read_to_string(&servers.bao_cacert).expect("a certificate"));
        bench.write("secrets-inventory.yaml", INVENTORY);
        bench.write("migrate.toml", &settings(&namespace));
        bench.migrate(&["init"]).expect_code(0);
        bench.migrate(&["vault", "emit", "--out", "vault"]).expect_code(0);
        Self { namespace, mount, bench }
    }

    /// The same, with the script applied.
    pub(crate) async fn applied(name: &str) -> Self {
        let side = Self::emitted(name).await;
        side.bench.run("sh", &["vault/apply.sh"]).expect_code(0);
        side
    }

    /// A call with every right, below the namespace.
    pub(crate) async fn root(&self, method: Method, path: &str, input: Option<Value>) -> Value {
        let (status, answer) = self.mount.call(method.clone(), &format!("{}/{path}", self.namespace), input).await;
        assert!(status.is_success(), "{method} {path}: {status} {answer}");
        answer
    }

    /// A token with one policy, as a login through a role that carries it would give, and not even the default policy.
    pub(crate) async fn token(&self, policy: &str) -> Holder<'_> {
        let input = json!({"policies": [policy], "no_default_policy": true, "ttl": "1h"});
        let answer = self.root(Method::POST, "auth/token/create", Some(input)).await;
        Holder { side: self, token: answer["auth"]["client_token"].as_str().expect("a token").to_owned() }
    }

    /// What `migrate vault check` says as JSON, which must end with that code.
    #[track_caller]
    pub(crate) fn check(&self, arguments: &[&str], code: i32) -> Value {
        let whole = self.bench.migrate(&[&["vault", "check", "--json"], arguments].concat()).expect_code(code);
        serde_json::from_str(&whole.stdout).unwrap_or_else(|_| panic!("no JSON\n{whole}"))
    }
}

fn settings(namespace: &str) -> String {
    format!(
        r#"[environment.test]
[environment.test.outgoing]
settle = "0s"
quota_share = 1.0
[environment.test.incoming]
namespace = "{namespace}"
[environment.test.vault]
kubernetes_host = "https://kubernetes.example.internal:6443"
kubernetes_ca_cert = "kubernetes-ca.pem"
max_versions = 5
cas_required = false
migration = {{ name = "migrate", namespace = "migrate" }}
[[environment.test.vault.publishers]]
name = "cnpg"
service_account = {{ name = "publisher", namespace = "databases" }}
names = ["platform-data/postgres/orders"]
[[environment.test.vault.publishers]]
name = "ca"
service_account = {{ name = "publisher", namespace = "certificates" }}
names = ["platform-data/tls/ca"]
deletes = true
"#
    )
}

/// Somebody with a token.
pub(crate) struct Holder<'s> {
    side: &'s Side,
    pub(crate) token: String,
}

impl Holder<'_> {
    async fn call(&self, method: &str, path: &str, input: Option<Value>) -> StatusCode {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        self.side.mount.call_as(&self.token, method, &format!("{}/{path}", self.side.namespace), input).await.0
    }

    /// The call is allowed: it succeeds, or there is nothing.
    pub(crate) async fn may(&self, method: &str, path: &str, input: Option<Value>) {
        let status = self.call(method, path, input).await;
        assert!(status.is_success() || status == StatusCode::NOT_FOUND, "{method} {path}: {status}");
    }

    /// The call is refused for want of rights.
    pub(crate) async fn may_not(&self, method: &str, path: &str, input: Option<Value>) {
        assert_eq!(self.call(method, path, input).await, StatusCode::FORBIDDEN, "{method} {path}");
    }
}
