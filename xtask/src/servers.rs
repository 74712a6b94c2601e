//! The real servers: moto (Secrets Manager, STS, IAM), OpenBao on raft storage behind TLS, and a [`cluster`], on free loopback ports.
//!
//! Each is a child process of ours and is stopped by its own process id, also when the task fails or is interrupted.

use std::{
    fs,
    io::{self, Write as _},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::{Value, json};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep},
};

use crate::{
    canary::Canary,
    cluster::{self, Cluster},
    setup::{self, Stack},
    test,
};

/// A cold Python imports moto in several seconds on a busy machine; nothing that works takes this long.
const DEADLINE: Duration = Duration::from_secs(120);
/// How often a server that is not ready is asked again.
const PAUSE: Duration = Duration::from_millis(50);
/// A port that was free a moment ago may be taken when the server binds it: then others are tried.
const ATTEMPTS: usize = 3;

/// All servers, ready.
#[derive(Debug)]
pub(crate) struct Servers {
    moto: Running,
    bao: Running,
    cluster: Cluster,
    /// Trusts the authority of OpenBao's certificate.
    http: reqwest::Client,
    /// The variables by which tests find them, and what else is installed for tests.
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl Servers {
    /// Starts them below `scratch`: what they store goes to `storage/`, what they say to `logs/`.
    pub(crate) async fn start(stack: &Stack, scratch: &Path) -> Result<Self> {
        let place = Place::below(scratch)?;
        let authority = certificates(&place.tls)?;
        let authority_pem = authority.pem();
        let behind_moto = async {
            let moto = start_moto(stack, &place).await?;
            let cluster = cluster::start_cluster(&stack.kubernetes, &place, &authority, &moto.url).await?;
            anyhow::Ok((moto, cluster))
        };
        let ((moto, cluster), bao) = tokio::try_join!(behind_moto, start_bao(stack, &place, &authority_pem))?;
        let (bao, http, token) = bao;
        review_tokens(&http, &bao.url, &token, &cluster.reviewer).await.context("OpenBao's auth/cluster")?;
        let mut environment = vec![
            ("MIGRATE_TEST_MOTO_URL", moto.url.clone()),
            ("MIGRATE_TEST_BAO_ADDR", bao.url.clone()),
            ("MIGRATE_TEST_BAO_CACERT", place.tls.join("ca.pem").display().to_string()),
            ("MIGRATE_TEST_BAO_TOKEN", token),
            ("MIGRATE_TEST_BAO", stack.bao().display().to_string()),
            ("MIGRATE_TEST_PYTHON_PACKAGES", stack.site.display().to_string()),
        ];
        environment.extend(cluster.environment.iter().cloned());
        environment.extend(stack.go.environment());
        environment.extend(stack.kubernetes.environment());
        environment.extend(stack.modules.environment());
        Ok(Self { moto, bao, cluster, http, environment })
    }

    /// One of the variables by which tests find the servers.
    pub(crate) fn variable(&self, name: &str) -> Result<&str> {
        let known = self.environment.iter().find(|(known, _)| *known == name);
        known.map(|(_, value)| value.as_str()).with_context(|| format!("the servers have no {name}"))
    }

    /// Mounts a KV v2 engine.
    pub(crate) async fn mount(&self, path: &str) -> Result<()> {
        let request = self.http.post(format!("{}/v1/sys/mounts/{path}", self.bao.url));
        let request = request.header("x-vault-token", self.variable("MIGRATE_TEST_BAO_TOKEN")?);
        request.json(&json!({"type": "kv", "options": {"version": "2"}})).send().await?.error_for_status()?;
        Ok(())
    }

    /// Stops all and waits until they are gone. Dropping stops them too, without waiting.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let Cluster { operator, api, etcd, .. } = &mut self.cluster;
        // Who asks first, who answers last.
        for server in [operator, api, etcd, &mut self.moto, &mut self.bao] {
            server.process.kill().await.with_context(|| format!("can't stop {}", server.name))?;
        }
        Ok(())
    }
}

/// `cargo xtask servers`: for tests run by hand.
pub(crate) async fn stay() -> Result<()> {
    let scratch = tempfile::Builder::new().prefix("migrate-servers-").tempdir()?;
    let servers = Servers::start(&setup::stack().await?, scratch.path()).await?;
    for (name, value) in servers.environment.iter().chain(&test::environment(scratch.path(), &Canary::fresh())?) {
        println!("export {name}='{value}'");
    }
    io::stdout().flush()?;
    eprintln!("xtask: the servers run until Ctrl-C");
    std::future::pending().await
}

/// One server that answers.
#[derive(Debug)]
pub(crate) struct Running {
    name: &'static str,
    pub(crate) url: String,
    process: Child,
}

/// Where the servers keep what.
pub(crate) struct Place {
    pub(crate) storage: PathBuf,
    logs: PathBuf,
    pub(crate) tls: PathBuf,
}

impl Place {
    fn below(scratch: &Path) -> Result<Self> {
        let place = Self { storage: scratch.join("storage"), logs: scratch.join("logs"), tls: scratch.join("tls") };
        for folder in [&place.storage, &place.logs, &place.tls] {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        Ok(place)
    }

    fn log(&self, name: &str) -> PathBuf {
        self.logs.join(format!("{name}.log"))
    }
}

async fn start_moto(stack: &Stack, place: &Place) -> Result<Running> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    start("moto", place, async |[port, _]| {
        let mut command = stack.python();
        command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]);
        let url = format!("http://127.0.0.1:{port}");
        Ok((command, http.get(format!("{url}/moto-api/")), url))
    })
    .await
}

/// OpenBao, initialised with one key share and unsealed; a client that trusts it; and its root token.
async fn start_bao(stack: &Stack, place: &Place, authority: &str) -> Result<(Running, reqwest::Client, String)> {
    let authority = reqwest::Certificate::from_pem(authority.as_bytes())?;
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([authority]).build()?;
    let mut bao = start("openbao", place, async |[port, cluster_port]| {
        let url = format!("https://127.0.0.1:{port}");
        let storage = place.storage.join(format!("raft-{port}"));
        fs::create_dir(&storage)?;
        let settings = json!({
            "disable_mlock": true,
            "api_addr": url,
            "cluster_addr": format!("https://127.0.0.1:{cluster_port}"),
            "storage": {"raft": {"path": storage, "node_id": "one"}},
            "listener": [{"tcp": {
                "address": format!("127.0.0.1:{port}"),
                "cluster_address": format!("127.0.0.1:{cluster_port}"),
                "tls_cert_file": place.tls.join("server.pem"),
                "tls_key_file": place.tls.join("server.key"),
            }}],
        });
        let file = place.storage.join("openbao.json");
        put(&file, &settings.to_string())?;
        let mut command = Command::new(stack.bao());
        command.args(["server", "-config"]).arg(file).kill_on_drop(true);
        Ok((command, http.get(format!("{url}/v1/sys/init")), url))
    })
    .await?;

    let system = |path: &str| format!("{}/v1/sys/{path}", bao.url);
    let keys = answer(http.put(system("init")).json(&json!({"secret_shares": 1, "secret_threshold": 1}))).await?;
    let key = keys["keys"][0].as_str().context("OpenBao gave no unseal key")?;
    let token = keys["root_token"].as_str().context("OpenBao gave no root token")?.to_owned();
    answer(http.put(system("unseal")).json(&json!({"key": key}))).await?;
    // 200 says: initialised, unsealed, and the leader.
    let health = http.get(system("health"));
    ready(&mut bao.process, &health).await.with_context(|| format!("OpenBao; see {}", place.log("openbao").display()))?;
    Ok((bao, http, token))
}

/// Lets OpenBao take ServiceAccount tokens of the cluster; tests make their own roles. Not at `kubernetes`, which is left to tests of what we emit.
async fn review_tokens(http: &reqwest::Client, bao: &str, token: &str, reviewer: &cluster::Reviewer) -> Result<()> {
    let post = |path: &str| http.post(format!("{bao}/v1/{path}")).header("x-vault-token", token);
    post("sys/auth/cluster").json(&json!({"type": "kubernetes"})).send().await?.error_for_status()?;
    let config = json!({
        "kubernetes_host": reviewer.host,
        "kubernetes_ca_cert": reviewer.ca,
        "token_reviewer_jwt": reviewer.token,
        "disable_local_ca_jwt": true,
    });
    post("auth/cluster/config").json(&config).send().await?.error_for_status()?;
    Ok(())
}

/// Starts a server on free ports and waits until a request to it succeeds.
pub(crate) async fn start<F>(name: &'static str, place: &Place, prepare: F) -> Result<Running>
where
    F: AsyncFn([u16; 2]) -> Result<(Command, reqwest::RequestBuilder, String)>,
{
    let log = place.log(name);
    let mut last = anyhow!("not tried");
    for _ in 0..ATTEMPTS {
        let (mut command, request, url) = prepare(free_ports()?).await?;
        let out = fs::File::create(&log).with_context(|| log.display().to_string())?;
        command.stdin(Stdio::null()).stderr(out.try_clone()?).stdout(out);
        let mut process = command.spawn().with_context(|| format!("can't start {name}"))?;
        match ready(&mut process, &request).await {
            Ok(()) => return Ok(Running { name, url, process }),
            Err(error) => last = error,
        }
        process.kill().await?;
    }
    let said = fs::read_to_string(&log).unwrap_or_default();
    let tail: Vec<_> = said.lines().rev().take(10).collect();
    let tail: Vec<_> = tail.into_iter().rev().collect();
    Err(last.context(format!("{name} did not start; its last lines were:\n{}\n", tail.join("\n"))))
}

/// Asks again until the request succeeds, the process ends, or the deadline passes.
async fn ready(process: &mut Child, request: &reqwest::RequestBuilder) -> Result<()> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(status) = process.try_wait()? {
            bail!("it ended with {status}");
        }
        let attempt = request.try_clone().context("a request without a body can be repeated")?.timeout(DEADLINE);
        match attempt.send().await {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            _ if Instant::now() > deadline => bail!("it was not ready after {} seconds", DEADLINE.as_secs()),
            _ => sleep(PAUSE).await,
        }
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Value> {
    Ok(request.send().await?.error_for_status()?.json().await?)
}

/// Two ports that nobody listens on, both held until both are known so that they differ.
fn free_ports() -> io::Result<[u16; 2]> {
    let (one, other) = (TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?);
    Ok([one.local_addr()?.port(), other.local_addr()?.port()])
}

/// Makes an authority and a server certificate for loopback.
fn certificates(folder: &Path) -> Result<CertifiedIssuer<'static, KeyPair>> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "the authority of the test servers");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let server = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()])?.signed_by(&key, &authority)?;
    put(&folder.join("ca.pem"), &authority.pem())?;
    put(&folder.join("server.pem"), &server.pem())?;
    put(&folder.join("server.key"), &key.serialize_pem())?;
    Ok(authority)
}

pub(crate) fn put(file: &Path, text: &str) -> Result<()> {
    let mut open = fs::File::create(file).with_context(|| file.display().to_string())?;
    open.write_all(text.as_bytes()).with_context(|| file.display().to_string())
}
