//! A cluster without nodes: etcd, the API server of Kubernetes, and External Secrets Operator, on free loopback ports. Nothing runs pods.
//!
//! ```text
//! etcd ◄── kube-apiserver ◄── external-secrets (as its own ServiceAccount, with the rights of its published chart)
//!               ▲    └── audit.log: who did what to which object, without bodies
//!               └── OpenBao reviews tokens here (auth/cluster)
//! ```
//!
//! etcd holds Secrets, so all of it lies where the search for canaries does not look. The flags are those of a cluster that has no
//! controller manager, scheduler or kubelet: deleted namespaces stay, and nothing is collected as garbage.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use rcgen::{CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, KeyPair};
use reqwest::Identity;
use serde_json::json;
use tokio::process::Command;

use crate::{
    kubernetes::{Installed, kubectl},
    servers::{Place, Running, put, start},
    workspace::root,
};

/// Where the operator, and who reviews tokens, have their accounts.
const NAMESPACE: &str = "external-secrets";
/// Everything by its metadata: a body might hold a Secret.
const AUDIT: &str =
    r#"{"apiVersion":"audit.k8s.io/v1","kind":"Policy","omitStages":["RequestReceived"],"rules":[{"level":"Metadata"}]}"#;

/// The cluster, ready.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) etcd: Running,
    pub(crate) api: Running,
    pub(crate) operator: Running,
    /// What OpenBao needs to review tokens: address, CA, and a token that may.
    pub(crate) reviewer: Reviewer,
    /// The variables by which tests find it.
    pub(crate) environment: Vec<(&'static str, String)>,
}

/// Who reviews tokens.
#[derive(Debug)]
pub(crate) struct Reviewer {
    pub(crate) host: String,
    pub(crate) ca: String,
    pub(crate) token: String,
}

/// Starts all three.
pub(crate) async fn start_cluster(
    installed: &Installed,
    place: &Place,
    authority: &CertifiedIssuer<'static, KeyPair>,
    moto: &str,
) -> Result<Cluster> {
    let storage = place.storage.join("kubernetes");
    fs::create_dir_all(&storage)?;
    let etcd = start_etcd(installed, place, &storage).await?;
    let (api, admin) = start_api(installed, place, &storage, authority, &etcd.url).await?;
    install(installed, &admin).await?;
    let operator_token = token(installed, &admin, "external-secrets").await?;
    let of_operator = storage.join("external-secrets.kubeconfig");
    let ca = fs::read_to_string(place.tls.join("ca.pem"))?;
    put(&of_operator, &kubeconfig(&api.url, &ca, &json!({ "token": operator_token })))?;
    let operator = start_operator(installed, place, &of_operator, moto).await?;
    let reviewer = Reviewer { host: api.url.clone(), ca, token: token(installed, &admin, "openbao-reviewer").await? };
    let environment = vec![
        ("MIGRATE_TEST_KUBECONFIG", admin.display().to_string()),
        ("MIGRATE_TEST_KUBE_AUDIT_LOG", storage.join("audit.log").display().to_string()),
        ("MIGRATE_TEST_ESO_KUBECONFIG", of_operator.display().to_string()),
        ("MIGRATE_TEST_ESO", installed.program("external-secrets").display().to_string()),
    ];
    Ok(Cluster { etcd, api, operator, reviewer, environment })
}

async fn start_etcd(installed: &Installed, place: &Place, storage: &Path) -> Result<Running> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    start("etcd", place, async |[port, peer_port]| {
        let url = format!("http://127.0.0.1:{port}");
        let peer = format!("http://127.0.0.1:{peer_port}");
        let mut command = Command::new(installed.program("etcd"));
        command
            .env_clear()
            .kill_on_drop(true)
            .arg("--unsafe-no-fsync")
            .arg("--data-dir")
            .arg(storage.join(format!("etcd-{port}")));
        command.args(["--listen-client-urls", &url, "--advertise-client-urls", &url]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.args(["--initial-cluster", &format!("default={peer}"), "--log-level", "warn"]);
        Ok((command, http.get(format!("{url}/health")), url))
    })
    .await
}

/// The API server, and the kubeconfig of its administrator.
async fn start_api(
    installed: &Installed,
    place: &Place,
    storage: &Path,
    authority: &CertifiedIssuer<'static, KeyPair>,
    etcd: &str,
) -> Result<(Running, PathBuf)> {
    let signing = KeyPair::generate()?;
    put(&storage.join("service-accounts.key"), &signing.serialize_pem())?;
    put(&storage.join("service-accounts.pem"), &signing.public_key_pem())?;
    put(&storage.join("audit-policy.json"), AUDIT)?;
    let (certificate, key) = administrator(authority)?;
    let identity = Identity::from_pem(format!("{certificate}{key}").as_bytes())?;
    let trusted = reqwest::Certificate::from_pem(authority.pem().as_bytes())?;
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([trusted]).identity(identity).build()?;
    let api = start("kube-apiserver", place, async |[port, _]| {
        let url = format!("https://127.0.0.1:{port}");
        let mut command = Command::new(installed.program("kube-apiserver"));
        command.env_clear().kill_on_drop(true);
        let at = |name: &str, file: PathBuf| format!("--{name}={}", file.display());
        command.args([
            &format!("--etcd-servers={etcd}"),
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            // A loopback address may be no endpoint.
            "--endpoint-reconciler-type=none",
            &format!("--secure-port={port}"),
            &at("tls-cert-file", place.tls.join("server.pem")),
            &at("tls-private-key-file", place.tls.join("server.key")),
            &at("client-ca-file", place.tls.join("ca.pem")),
            &at("cert-dir", storage.join("certificates")),
            "--service-account-issuer=https://kubernetes.default.svc",
            &at("service-account-key-file", storage.join("service-accounts.pem")),
            &at("service-account-signing-key-file", storage.join("service-accounts.key")),
            "--service-cluster-ip-range=10.96.0.0/24",
            "--authorization-mode=RBAC",
            "--anonymous-auth=false",
            &at("audit-policy-file", storage.join("audit-policy.json")),
            &at("audit-log-path", storage.join("audit.log")),
        ]);
        Ok((command, http.get(format!("{url}/readyz")), url))
    })
    .await?;
    let admin = storage.join("admin.kubeconfig");
    let user = json!({
        "client-certificate-data": BASE64.encode(certificate),
        "client-key-data": BASE64.encode(key),
    });
    put(&admin, &kubeconfig(&api.url, &authority.pem(), &user))?;
    Ok((api, admin))
}

/// The certificate and key of somebody who may do everything.
fn administrator(authority: &CertifiedIssuer<'static, KeyPair>) -> Result<(String, String)> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "admin");
    params.distinguished_name.push(DnType::OrganizationName, "system:masters");
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
    let key = KeyPair::generate()?;
    Ok((params.signed_by(&key, authority)?.pem(), key.serialize_pem()))
}

/// What the operator needs to be there.
async fn install(installed: &Installed, admin: &Path) -> Result<()> {
    let apply = async |file: PathBuf| {
        let mut command = kubectl(installed, admin);
        command.args(["apply", "--server-side", "--filename"]).arg(&file);
        said(&mut command).await.map(drop).with_context(|| format!("{} could not be applied", file.display()))
    };
    apply(installed.crds()).await?;
    apply(root().join("stack/external-secrets/cluster.yaml")).await?;
    let mut served = kubectl(installed, admin);
    served.args(["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"]);
    said(&mut served).await.map(drop)
}

/// A token of an account, for as long as tests may run.
async fn token(installed: &Installed, admin: &Path, account: &str) -> Result<String> {
    let mut command = kubectl(installed, admin);
    command.args(["create", "token", account, "--namespace", NAMESPACE, "--duration", "24h"]);
    Ok(said(&mut command).await?.trim().to_owned())
}

async fn said(command: &mut Command) -> Result<String> {
    let answer = command.output().await?;
    ensure!(answer.status.success(), "kubectl failed: {}", String::from_utf8_lossy(&answer.stderr).trim());
    Ok(String::from_utf8_lossy(&answer.stdout).into_owned())
}

fn kubeconfig(server: &str, ca: &str, user: &serde_json::Value) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": server, "certificate-authority-data": BASE64.encode(ca)}}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    })
    .to_string()
}

async fn start_operator(installed: &Installed, place: &Place, kubeconfig: &Path, moto: &str) -> Result<Running> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    start("external-secrets", place, async |[port, metrics_port]| {
        let url = format!("http://127.0.0.1:{port}");
        let mut command = Command::new(installed.program("external-secrets"));
        // A VAULT_TOKEN would be used before a store's own credentials, and revoked afterwards.
        command.env_clear().kill_on_drop(true).env("KUBECONFIG", kubeconfig);
        command.env("AWS_SECRETSMANAGER_ENDPOINT", moto).env("AWS_STS_ENDPOINT", moto).env("AWS_EC2_METADATA_DISABLED", "true");
        command.args(["--concurrent=4", "--store-requeue-interval=10s", "--enable-leader-election=false"]);
        command.arg(format!("--live-addr=127.0.0.1:{port}")).arg(format!("--metrics-addr=127.0.0.1:{metrics_port}"));
        Ok((command, http.get(format!("{url}/healthz")), url))
    })
    .await
}
