//! Configuration, clocks and proxies as they are found: unknown keys, two environments that meet, times that make no sense, variables that
//! send requests elsewhere.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use driver::{Clock as _, TokioClock};
use http::{HeaderName, HeaderValue, StatusCode};
use rehearsal::proxy::{Fault, Operation, When};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{BLOCKED, COMMIT, DONE, INCOMPLETE, LEDGER, LEDGER_CODE, USAGE, refused, told};
use crate::support::{Canary, Workbench, World};

const NAME: &str = "platform-data/postgres/orders";

/// One secret, its inventory, nothing planned.
async fn seeded(world: &World, name: &str) -> Workbench {
    world.account.create_text(NAME, &Canary::of_this_run().word()).await;
    let bench = world.bench(name);
    told(&bench, &["inventory", "import"], DONE);
    bench
}

async fn a_key_that_nobody_knows_is_told_at_its_place(world: World) {
    let bench = seeded(&world, "unknown-keys").await;
    told(&bench, &["plan"], DONE);
    let mut cases: Vec<(&str, String, i32, &str, String)> = Vec::new();
    for (table, at) in
        [("", 1), ("[environment.test]\n", 2), ("[environment.test.outgoing]\n", 2), ("[environment.test.incoming]\n", 2)]
    {
        let text = format!("{table}settel = \"0s\"\n");
        cases.push(("migrate.toml", text, USAGE, "configuration", format!("migrate.toml:{at}:1: unknown key `settel`")));
    }
    let inventory = bench.read("secrets-inventory.yaml");
    let line = inventory.lines().position(|line| line.contains(NAME)).expect("the entry") + 2;
    let owned = inventory.replacen(&format!("name: {NAME}\n"), &format!("name: {NAME}\n  ownr: me\n"), 1);
    assert_ne!(owned, inventory);
    let told_at = format!("secrets-inventory.yaml:{line}:3: {NAME}: unknown key; did you mean `owner`?");
    cases.push(("secrets-inventory.yaml", owned, BLOCKED, "inventory-invalid", told_at));
    let plan = bench.read("migrate/test/plans/wave-1.json");
    let edited = plan.replacen("\"wave\"", "\"urgent\": true,\n  \"wave\"", 1);
    cases.push(("migrate/test/plans/wave-1.json", edited, BLOCKED, "plan-invalid", "urgent".to_owned()));
    for (file, text, code, reason, expected) in cases {
        let before = bench.read(file);
        bench.write(file, &text);
        let command =
            if file.ends_with(".json") { &["apply", "migrate/test/plans/wave-1.json"][..] } else { &["plan", "--wave", "other"] };
        let error = refused(&bench, command, code);
        assert_eq!(error["reason"]["type"], reason, "{file}: {error:#}");
        assert!(error.to_string().replace("\\\"", "\"").contains(&expected), "{file}: {expected} is not told: {error:#}");
        bench.write(file, &before);
    }
    told(&bench, &COMMIT, DONE);
}

/// Environments share neither ledger nor anchor, however it comes about.
async fn two_environments_with_one_ledger_are_refused(world: World, elsewhere: World) {
    let bench = seeded(&world, "one-ledger").await;
    let config = bench.read("migrate.toml");
    for ledger in ["migrate/test/ledger.jsonl", "./migrate/test/ledger.jsonl", "migrate/x/../test/ledger.jsonl"] {
        bench.write("migrate.toml", &format!("{config}\n[environment.other]\nledger = \"{ledger}\"\n"));
        let error = refused(&bench, &["status", "--environment", "test"], USAGE);
        assert_eq!(error["reason"]["type"], "configuration", "{ledger}");
    }
    bench.write("migrate.toml", &config);
    told(&bench, &["plan"], DONE);
    told(&bench, &["apply"], DONE);

    // The same ledger before another store, where its records never counted.
    let other = config.replace(&world.mount.path, &elsewhere.mount.path);
    bench.write("migrate.toml", &other);
    let bench = bench.with("VAULT_ADDR", elsewhere.vault.url());
    let bench = elsewhere
        .mount
        .environment()
        .into_iter()
        .fold(bench, |bench, (name, value)| if name == "VAULT_ADDR" { bench } else { bench.with(name, value) });
    let before = bench.read(LEDGER);
    let error = refused(&bench, &["ledger", "verify"], LEDGER_CODE);
    assert_eq!(error["reason"]["type"], "anchor-set-back");
    let error = refused(&bench, &COMMIT, LEDGER_CODE);
    assert_eq!(error["reason"]["type"], "anchor-set-back");
    assert_eq!(bench.read(LEDGER), before);
    assert!(elsewhere.mount.metadata("migrate/anchor").await.is_none() && elsewhere.mount.metadata(NAME).await.is_none());
}

/// Another ledger before the store that an environment has begun with.
async fn two_ledgers_with_one_anchor_are_refused(world: World) {
    let bench = seeded(&world, "one-anchor").await;
    told(&bench, &["plan"], DONE);
    told(&bench, &["apply", "--through", "fence"], DONE);
    let second = world.bench("one-anchor-second");
    world.account.create_text("platform-data/kafka/other", &Canary::of_this_run().word()).await;
    told(&second, &["inventory", "import"], DONE);
    told(&second, &["plan", "--select", "platform-data/kafka/*"], DONE);
    let error = refused(&second, &COMMIT, LEDGER_CODE);
    assert_eq!(error["reason"]["type"], "ledger-foreign");
    assert!(world.mount.metadata("platform-data/kafka/other").await.is_none());
    told(&bench, &COMMIT, DONE);
}

/// This machine's clock was hours ahead when ledger and plan were made, and is right now: times inform, and nothing is decided by them.
async fn times_of_another_clock_decide_nothing(world: World) {
    let bench = seeded(&world, "clock").await;
    told(&bench, &["plan"], DONE);
    let ahead = "2099-01-01T00:00:00Z";
    let mut plan: Value = serde_json::from_str(&bench.read("migrate/test/plans/wave-1.json")).expect("a plan");
    plan["madeAt"] = ahead.into();
    bench.write("migrate/test/plans/wave-1.json", &plan.to_string());
    rewrite_times(&bench, ahead);
    told(&bench, &["apply"], DONE);
    let status = told(&bench, &["status"], 2);
    assert_eq!(status["waves"][0]["waitsFor"], "commit");
    told(&bench, &COMMIT, DONE);
    told(&bench, &["ledger", "verify"], DONE);
    told(&bench, &["verify"], DONE);
}

/// Gives every record of the ledger another time, as a machine with another clock would have written them.
fn rewrite_times(bench: &Workbench, at: &str) {
    let mut previous = "0".repeat(64);
    let mut text = String::new();
    for line in bench.read(LEDGER).lines() {
        let mut record: Value = serde_json::from_str(line).expect("a record");
        record["at"] = at.into();
        record["previous"] = previous.as_str().into();
        let line = record.to_string();
        previous = Sha256::digest(&line).iter().map(|byte| format!("{byte:02x}")).collect();
        text += &format!("{line}\n");
    }
    bench.write(LEDGER, &text);
}

/// AWS refuses what is signed by a clock that is more than five minutes off. The SDK learns its clock from the first refusal; where that does
/// not help, the clock is what is named.
async fn a_skewed_clock_is_learnt_or_named(world: World) {
    let bench = seeded(&world, "skew").await;
    let ahead = TokioClock.now() + jiff::SignedDuration::from_hours(6);
    let date = ahead.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let skewed = |code: &str| {
        let Fault::Answer { status, mut headers, body } = Fault::aws(StatusCode::BAD_REQUEST, code) else { unreachable!() };
        headers.push((HeaderName::from_static("date"), HeaderValue::from_str(&date).expect("a date")));
        Fault::Answer { status, headers, body }
    };
    world.aws.inject(When::operation(Operation::aws("ListSecrets")), skewed("InvalidSignatureException"));
    told(&bench, &["inventory", "import"], DONE);

    for code in ["InvalidSignatureException", "RequestExpired", "RequestTimeTooSkewed"] {
        world.aws.inject(When::operation(Operation::aws("ListSecrets")).always(), skewed(code));
        let error = refused(&bench, &["inventory", "import"], BLOCKED);
        assert_eq!(error["reason"], json!({ "type": "port", "side": "outgoing", "kind": "clock-skewed" }), "{error:#}");
        assert!(error["hints"][0].as_str().is_some_and(|hint| hint.starts_with("set this machine's clock")), "{error:#}");
        world.aws.clear_faults();
    }
    let error = {
        world.aws.inject(When::operation(Operation::aws("ListSecrets")).always(), skewed("InvalidSignatureException"));
        refused(&bench, &["inventory", "import"], BLOCKED)
    };
    assert!(error["because"][0].as_str().is_some_and(|why| why.contains("min behind the service's")), "{error:#}");
    world.aws.clear_faults();
    // The same code with the right clock is about keys.
    let wrong_key = Fault::aws(StatusCode::BAD_REQUEST, "InvalidSignatureException");
    world.aws.inject(When::operation(Operation::aws("ListSecrets")).always(), wrong_key);
    let error = refused(&bench, &["inventory", "import"], BLOCKED);
    assert_eq!(error["reason"]["kind"], "unauthenticated");
    world.aws.clear_faults();
    told(&bench, &["plan"], DONE);
}

/// A proxy that counts who comes, and turns everybody away.
struct Refusing {
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl Refusing {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    let mut head = [0; 4096];
                    // What it says does not matter: it is turned away.
                    let _ = stream.read(&mut head).await;
                    let answer =
                        b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n";
                    let _ = stream.write_all(answer).await;
                });
            }
        });
        Self { port, asked }
    }

    /// Its address, with credentials that nobody may show.
    fn url(&self, word: &str) -> String {
        format!("http://operator:{word}@127.0.0.1:{}", self.port)
    }
}

/// Variables that name proxies.
const PROXIES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// This machine itself is never asked through one.
async fn no_proxy_stands_before_this_machine(world: World) {
    let (proxy, word) = (Refusing::start().await, Canary::of_this_run().word());
    let bench = PROXIES.into_iter().fold(seeded(&world, "proxies").await, |bench, name| bench.with(name, proxy.url(&word)));
    told(&bench, &["plan"], DONE);
    told(&bench, &COMMIT, DONE);
    assert_eq!(proxy.asked.load(Ordering::Relaxed), 0, "a store on this machine was asked through the proxy");
}

/// Another host is. Where that fails the proxy is named, and its credentials are not; NO_PROXY takes a host out.
async fn a_proxy_that_refuses_is_named(world: World, store: (&str, &str), command: &[&str], side: &str) {
    let (variable, address) = store;
    let word = Canary::of_this_run().word();
    for no_proxy in [false, true] {
        let proxy = Refusing::start().await;
        let bench = PROXIES
            .into_iter()
            .fold(world.bench(&format!("{side}-{no_proxy}")), |bench, name| bench.with(name, proxy.url(&word)));
        let bench = if no_proxy { bench.with("NO_PROXY", "example.invalid") } else { bench }.with(variable, address);
        let error = refused(&bench, command, INCOMPLETE);
        assert_eq!(error["reason"], json!({ "type": "port", "side": side, "kind": "unreachable" }), "{error:#}");
        assert!(!error.to_string().contains(&word), "credentials are shown: {error:#}");
        let hints = error["hints"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let named = format!("HTTPS_PROXY names the proxy http://127.0.0.1:{}; ", proxy.port);
        assert!(hints.into_iter().any(|hint| hint.starts_with(&named)), "the proxy is not named: {error:#}");
        assert_eq!(proxy.asked.load(Ordering::Relaxed) == 0, no_proxy, "{side}: NO_PROXY is not heeded, or the proxy is not");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_keys_on_the_real_servers() {
    a_key_that_nobody_knows_is_told_at_its_place(World::real().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_keys_on_the_embedded_servers() {
    a_key_that_nobody_knows_is_told_at_its_place(World::embedded().await).await;
}

// REQ AUT-1, OPS-8
#[tokio::test(flavor = "multi_thread")]
async fn environments_that_meet_on_the_real_servers() {
    two_environments_with_one_ledger_are_refused(World::real().await, World::real().await).await;
    two_ledgers_with_one_anchor_are_refused(World::real().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_that_meet_on_the_embedded_servers() {
    two_environments_with_one_ledger_are_refused(World::embedded().await, World::embedded().await).await;
    two_ledgers_with_one_anchor_are_refused(World::embedded().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_on_the_real_servers() {
    times_of_another_clock_decide_nothing(World::real().await).await;
    a_skewed_clock_is_learnt_or_named(World::real().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_on_the_embedded_servers() {
    times_of_another_clock_decide_nothing(World::embedded().await).await;
    a_skewed_clock_is_learnt_or_named(World::embedded().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_on_the_real_servers() {
    no_proxy_stands_before_this_machine(World::real().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_on_the_embedded_servers() {
    no_proxy_stands_before_this_machine(World::embedded().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_before_vault() {
    let store = ("VAULT_ADDR", "https://vault.example.invalid:8200");
    a_proxy_that_refuses_is_named(World::embedded().await, store, &["ledger", "verify"], "incoming").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_before_aws() {
    let store = ("AWS_ENDPOINT_URL", "https://secretsmanager.example.invalid");
    a_proxy_that_refuses_is_named(World::embedded().await, store, &["inventory", "import"], "outgoing").await;
}
