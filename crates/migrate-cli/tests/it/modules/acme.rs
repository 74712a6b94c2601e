//! An untidy estate becomes a tidy one: `examples/acme` from its `.env` files, compose file and units to applications that read what they need
//! through the modules that were emitted for them (REQ SDK-6, SDK-2, INV-1, INV-4, NAM-1).
//!
//! A backend that knows what is in Secrets Manager lets each application in only with the right bytes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use http::{Request, Response, StatusCode, header::AUTHORIZATION};
use http_body_util::Full;
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use super::{copy, run};
use crate::support::{AwsAccount, Canary, Servers, Whole, Workbench, variable};

/// What stands in every made-up value of the estate; here the canary takes its place.
const MARK: &str = "Tulpe";

/// What an operator types after the scan: the file, and what of it becomes what. `-` is what [`typed`] gives.
const POPULATED: [(&str, &str, &[&str]); 8] = [
    (
        "deploy/systemd/orders.env",
        "orders:python",
        &[
            "PGHOST=platform-data/postgres/orders:host",
            "PGUSER=platform-data/postgres/orders:username",
            "PGPASSWORD=platform-data/postgres/orders:password",
        ],
    ),
    ("deploy/systemd/orders.service", "orders:python", &["RABBITMQ_TOKEN=platform-data/rabbitmq/orders"]),
    (
        "reports/config/settings.json",
        "reports:python",
        &["postgres_user=platform-data/postgres/reports:username", "postgres_password=platform-data/postgres/reports:password"],
    ),
    (
        "billing/.env",
        "billing:typescript",
        &[
            "STRIPE_API_KEY=platform-data/stripe/billing",
            "DB_USER=platform-data/postgres/billing:username",
            "DB_PASSWORD=platform-data/postgres/billing:password",
        ],
    ),
    (
        "storefront/.env",
        "storefront:typescript",
        &["REDIS_USERNAME=platform-data/redis/storefront:username", "REDIS_PASSWORD=platform-data/redis/storefront:password"],
    ),
    (
        "docker-compose.yml",
        "mailer:go",
        &["SMTP_USER=platform-data/smtp/mailer:username", "SMTP_PASSWORD=platform-data/smtp/mailer:password"],
    ),
    ("docker-compose.yml", "mailer:go", &["SENDGRID_API_KEY=platform-data/sendgrid/mailer"]),
    (
        "catalog/.env",
        "catalog:rust",
        &[
            "MYSQL_USER=platform-data/mysql/catalog:username",
            "MYSQL_PASSWORD=platform-data/mysql/catalog:password",
            "ELASTICSEARCH_TOKEN=platform-data/elasticsearch/catalog",
        ],
    ),
];

/// Each application and what it connects to.
const APPLICATIONS: [(&str, &[&str]); 6] = [
    ("billing", &["stripe", "postgres"]),
    ("catalog", &["mysql", "elasticsearch"]),
    ("mailer", &["smtp", "sendgrid"]),
    ("orders", &["postgres", "rabbitmq"]),
    ("reports", &["postgres"]),
    ("storefront", &["redis"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn from_scattered_credentials_to_typed_modules() {
    let account = AwsAccount::fresh(&Servers::from_env()).await;
    let estate = tempfile::tempdir().expect("a folder");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/acme"), estate.path());
    let marked = with_canaries(estate.path());
    assert_eq!(marked, 10, "values of the estate");
    let bench = account
        .environment()
        .into_iter()
        .fold(Workbench::around("acme", estate.path()), |bench, (name, value)| bench.with(name, value));

    let proposed = scan(&bench);
    bench.migrate(&["init"]).expect_code(0);
    let mut populated = BTreeSet::new();
    for (file, consumer, map) in POPULATED {
        let told = populate(&bench, file, consumer, map).expect_code(0);
        assert!(told.stdout.contains("created and read back"), "{told}");
        populated.extend(map.iter().filter_map(|piece| piece.split('=').nth(1)?.split(':').next()));
    }
    assert_eq!(proposed.iter().map(String::as_str).collect::<BTreeSet<_>>(), populated, "names that the scan proposes");
    bench.migrate(&["inventory", "validate"]).expect_code(0);
    let told = bench.migrate(&["inventory", "reconcile", "--fail-on-drift"]).expect_code(0);
    assert!(told.stdout.contains("no drift (10 entries, 10 listed"), "{told}");
    assert!(told.stdout.contains("Vault was not looked at"), "{told}");

    let inventory = bench.read("secrets-inventory.yaml");
    assert!(!inventory.contains(Canary::of_this_run().prefix()), "a value is in the inventory");
    let backend = Backend::start(&account, &populated).await;
    for (application, datasources) in APPLICATIONS {
        let folder = estate.path().join(application);
        let out = format!("{application}/secrets");
        bench.migrate(&["sdk", "emit", "--application", application, "--out", &out]).expect_code(0);
        no_canary(&folder.join("secrets"));
        let (program, arguments) = build(&bench, application, &folder);
        let start = |endpoint: &str| {
            let mut variables: Vec<_> = account.environment().into();
            variables.extend([("BACKEND_URL", endpoint.to_owned()), ("PYTHONPATH", python_path(&folder))]);
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            run(&bench, &folder, &program, &arguments, &variables)
        };
        let expected: String =
            datasources.iter().map(|datasource| format!("{application}: connected to {datasource}\n")).collect();
        let shown = start(&backend.url).expect_code(0);
        assert_eq!(shown.stdout, expected, "{shown}");
        // With other values it is not let in, and says so.
        let first = datasources[0];
        let refused = start(&format!("{}/closed", backend.url)).expect_code(1);
        assert!(refused.stderr.contains(&format!("{application}: {first} refused")), "{refused}");
    }
    let let_in: BTreeSet<String> = backend.let_in.lock().expect("the backend").clone();
    assert_eq!(let_in, proposed, "secrets that opened the backend");
}

/// Puts the canary into every value, so that each can be found again wherever it would turn up; says how many there were.
fn with_canaries(folder: &Path) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            count += with_canaries(&path);
        } else if let Ok(text) = fs::read_to_string(&path)
            && text.contains(MARK)
        {
            count += text.matches(MARK).count();
            replace(&path, &text.replace(MARK, Canary::of_this_run().prefix()));
        }
    }
    count
}

fn replace(path: &Path, text: &str) {
    use std::io::Write as _;
    fs::File::create(path).and_then(|mut file| file.write_all(text.as_bytes())).expect("a written file");
}

/// The names that the scan proposes.
fn scan(bench: &Workbench) -> BTreeSet<String> {
    let told = bench.migrate(&["scan", "--json"]).expect_code(2);
    let told: Value = serde_json::from_str(&told.stdout).expect("JSON");
    let credentials = told["credentials"].as_array().expect("findings");
    let names = credentials.iter().map(|found| found["proposedName"].as_str().expect("a name").to_owned());
    names.collect()
}

fn populate(bench: &Workbench, file: &str, consumer: &str, map: &[&str]) -> Whole {
    let typed = typed(&bench.repository(), file);
    let (from, format) = match (&typed, Path::new(file).extension()) {
        (Some(_), _) => ("-", "env"),
        (None, Some(extension)) if extension == "json" => (file, "json"),
        (None, _) => (file, "env"),
    };
    let mut arguments =
        vec!["populate", "--from", from, "--format", format, "--owner", "team-shop", "--consumer", consumer, "--map"];
    arguments.extend(map);
    let Some(typed) = typed else { return bench.migrate(&arguments) };
    let mut command = bench.command(&arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("migrate starts");
    {
        use std::io::Write as _;
        child.stdin.take().expect("a pipe").write_all(typed.as_bytes()).expect("a reader");
    }
    bench.keep(&arguments, child.wait_with_output().expect("migrate ends"))
}

/// Of a file that is no list of variables, what an operator would pipe: `sed -n 's/^Environment=//p' UNIT`, or lines of a compose file as
/// variables.
fn typed(repository: &Path, file: &str) -> Option<String> {
    let text = || fs::read_to_string(repository.join(file)).expect("a file of the estate");
    if file.ends_with(".service") {
        Some(text().lines().filter_map(|line| line.strip_prefix("Environment=")).map(|line| format!("{line}\n")).collect())
    } else if file.ends_with(".yml") {
        let is_variable = |line: &str| line.starts_with("SMTP_") || line.starts_with("SENDGRID_");
        let text = text();
        let lines = text.lines().map(str::trim).filter(|line| is_variable(line)).filter_map(|line| line.split_once(": "));
        Some(lines.map(|(key, value)| format!("{key}={value}\n")).collect())
    } else {
        None
    }
}

fn no_canary(folder: &Path) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            no_canary(&path);
        } else {
            let text = fs::read_to_string(&path).expect("a text");
            assert!(!text.contains(Canary::of_this_run().prefix()), "a value is in {}", path.display());
        }
    }
}

fn python_path(folder: &Path) -> String {
    format!("{}:{}", folder.join("secrets/src").display(), variable("MIGRATE_TEST_MODULES_PYTHON"))
}

/// Builds an application with the tools of its language, and says how it is started.
fn build(bench: &Workbench, application: &str, folder: &Path) -> (String, Vec<String>) {
    let has = |file: &str| folder.join(file).exists();
    let arguments = |arguments: &[&str]| arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>();
    if has("main.py") {
        ("python3".to_owned(), arguments(&["main.py"]))
    } else if has("package.json") {
        let modules = linked_node_modules(application, folder);
        let compiler = modules.join(".bin/tsc").display().to_string();
        run(bench, folder, &compiler, &["--build"], &[]).expect_code(0);
        ("node".to_owned(), arguments(&["dist/main.js"]))
    } else if has("go.mod") {
        let go = [("GOFLAGS", "-mod=readonly".to_owned()), ("GOWORK", "off".to_owned()), ("CGO_ENABLED", "0".to_owned())];
        run(bench, folder, "go", &["build", "-o", "application", "."], &go).expect_code(0);
        (folder.join("application").display().to_string(), Vec::new())
    } else {
        let target = variable("MIGRATE_TEST_MODULES_TARGET");
        let cargo = [("CARGO_TARGET_DIR", target.clone())];
        run(bench, folder, "cargo", &["build", "--locked", "--quiet"], &cargo).expect_code(0);
        (PathBuf::from(target).join("debug").join(application).display().to_string(), Vec::new())
    }
}

/// `node_modules` as `npm install` would lay it out, made of what is installed already.
fn linked_node_modules(application: &str, folder: &Path) -> PathBuf {
    use std::os::unix::fs::symlink;
    let (installed, modules) =
        (Path::new(&variable("MIGRATE_TEST_MODULES_NODE")).join("node_modules"), folder.join("node_modules"));
    fs::create_dir(&modules).expect("a folder");
    for entry in fs::read_dir(&installed).expect("the installed packages") {
        let entry = entry.expect("an entry");
        symlink(entry.path(), modules.join(entry.file_name())).expect("a link");
    }
    symlink(folder.join("secrets"), modules.join(format!("{application}-secrets"))).expect("a link");
    modules
}

/// What the applications connect to: it lets in who has what Secrets Manager holds.
struct Backend {
    url: String,
    let_in: Arc<Mutex<BTreeSet<String>>>,
    _serving: JoinSet<()>,
}

impl Backend {
    async fn start(account: &AwsAccount, names: &BTreeSet<&str>) -> Self {
        let mut keys = BTreeMap::new();
        for name in names {
            let value = account.call("GetSecretValue", json!({ "SecretId": name })).await;
            let text = value["SecretString"].as_str().expect("a text");
            let authorization = match serde_json::from_str::<Value>(text) {
                Ok(object) if object.is_object() => {
                    let pair = [&object["username"], &object["password"]].map(|part| part.as_str().expect("a text"));
                    format!("Basic {}", BASE64.encode(pair.join(":")))
                }
                _ => format!("Bearer {text}"),
            };
            keys.insert(authorization, (*name).to_owned());
        }
        let (keys, let_in) = (Arc::new(keys), Arc::new(Mutex::new(BTreeSet::new())));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let mut serving = JoinSet::new();
        let known = Arc::clone(&let_in);
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (keys, known) = (Arc::clone(&keys), Arc::clone(&known));
                let answer = move |request: Request<Incoming>| {
                    let status = judge(&request, &keys, &known);
                    async move { Response::builder().status(status).body(Full::<Bytes>::default()) }
                };
                connections.spawn(async move {
                    // A client that goes away is its own business.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await;
                });
            }
        });
        Self { url, let_in, _serving: serving }
    }
}

/// `GET /<datasource>` with the right key is let in.
fn judge(request: &Request<Incoming>, keys: &BTreeMap<String, String>, let_in: &Mutex<BTreeSet<String>>) -> StatusCode {
    let key = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let datasource = request.uri().path().trim_start_matches('/');
    match key.and_then(|key| keys.get(key)) {
        Some(name) if name.split('/').nth(1) == Some(datasource) => {
            let_in.lock().expect("the backend").insert(name.clone());
            StatusCode::OK
        }
        _ => StatusCode::FORBIDDEN,
    }
}
