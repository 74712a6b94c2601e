//! Values from files, put into Secrets Manager on the real server (REQ SDK-6, INV-5).

use std::io::Write as _;

use rehearsal::proxy::{Fault, Operation, Proxy, Rules, Upstream, When};
use serde_json::{Value, json};

use crate::{
    estate,
    support::{AwsAccount, Canary, Mount, Servers, Whole, Workbench},
};

const BLOCKED: i32 = 3;
const INCOMPLETE: i32 = 4;
const ORDERS: &str = "platform-data/postgres/orders";
const STRIPE: &str = "platform-data/stripe/billing";
const MAP: [&str; 5] = [
    "--map",
    "DB_USER=platform-data/postgres/orders:username",
    "DB_PASSWORD=platform-data/postgres/orders:password",
    "STRIPE_KEY=platform-data/stripe/billing",
    "--owner=team-orders",
];

struct Scene {
    account: AwsAccount,
    bench: Workbench,
    password: String,
    key: String,
    /// The operator's own file, which holds values by right and lies where nobody searches for them.
    file: tempfile::TempDir,
}

impl Scene {
    async fn new(name: &str) -> Self {
        let servers = Servers::from_env();
        let (account, mount) = (AwsAccount::fresh(&servers).await, Mount::fresh(&servers).await);
        let bench = estate::workbench(name, &account, &mount);
        let canary = Canary::of_this_run();
        let (password, key) = (canary.word(), canary.word());
        let file = tempfile::tempdir().expect("a temporary folder");
        let text = format!("# db\nDB_USER=app\nDB_PASSWORD='{password}' # secret\nOTHER=1\nSTRIPE_KEY=\"{key}\"\n");
        std::fs::File::create(file.path().join(".env"))
            .and_then(|mut env| env.write_all(text.as_bytes()))
            .expect("a written file");
        Self { account, bench, password, key, file }
    }

    /// Populates, and says it as an operator would who stands in the file's folder.
    fn populate(&self, arguments: &[&str]) -> Whole {
        let from = self.file.path().join(".env");
        let from = from.to_str().expect("UTF-8");
        let whole = self.bench.migrate(&[&["populate", "--from", from], arguments].concat());
        Whole { stdout: whole.stdout.replace(from, ".env"), ..whole }
    }

    async fn value(&self, name: &str) -> String {
        let read = self.account.call("GetSecretValue", json!({ "SecretId": name })).await;
        read["SecretString"].as_str().expect("a text").to_owned()
    }

    async fn judge(&self) {
        let orders: Value = serde_json::from_str(&self.value(ORDERS).await).expect("an object");
        assert!(orders == json!({ "username": "app", "password": self.password }), "another value");
        assert!(self.value(STRIPE).await == self.key, "another value");
        let inventory = self.bench.read("secrets-inventory.yaml");
        for expected in [ORDERS, STRIPE, ".env (DB_USER, DB_PASSWORD)", "owner: team-orders"] {
            assert!(inventory.contains(expected), "{expected} is not in\n{inventory}");
        }
        self.bench.migrate(&["inventory", "validate"]).expect_code(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_a_file_are_created_once_and_recorded() {
    let scene = Scene::new("populate").await;
    let checked = scene.populate(&[&MAP[..], &["--check"]].concat()).expect_code(2);
    assert!(checked.stdout.contains("platform-data/stripe/billing: would be created"), "{checked}");
    assert!(scene.account.try_call("DescribeSecret", json!({ "SecretId": STRIPE })).await.is_err());

    let told = scene.populate(&MAP).expect_code(0);
    assert!(told.stdout.contains("  .env:2 DB_USER\n  .env:3 DB_PASSWORD\n  .env:5 STRIPE_KEY\n"), "{told}");
    scene.judge().await;
    let described = scene.account.call("DescribeSecret", json!({ "SecretId": STRIPE })).await;
    assert_eq!(described["Tags"], json!([{ "Key": "owner", "Value": "team-orders" }]));

    // Again: nothing is created twice. And another value is never written over the one that is there.
    let again = scene.populate(&MAP).expect_code(0);
    assert!(again.stdout.contains("platform-data/postgres/orders: was there with this value"), "{again}");
    let theirs = Canary::of_this_run().word();
    scene.account.call("PutSecretValue", json!({ "SecretId": STRIPE, "SecretString": theirs })).await;
    let refused = scene.populate(&MAP).expect_code(BLOCKED);
    assert!(refused.stderr.contains("holds another value"), "{refused}");
    assert!(scene.value(STRIPE).await == theirs, "their value was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_taken_is_refused_before_anything_is_created() {
    let scene = Scene::new("populate-refused").await;
    scene.account.create_text(ORDERS, &scene.password).await;
    scene.account.call("DeleteSecret", json!({ "SecretId": ORDERS })).await;
    let deleted = scene.populate(&MAP).expect_code(BLOCKED);
    assert!(deleted.stderr.contains("scheduled for deletion") && deleted.stderr.contains("restore-secret"), "{deleted}");

    let odd = ["--map", "STRIPE_KEY=Stripe_Key"];
    let refused = scene.populate(&odd).expect_code(BLOCKED);
    assert!(refused.stderr.contains("breaks the convention"), "{refused}");
    scene.populate(&["--map", "NONE=platform-data/stripe/billing"]).expect_code(BLOCKED);
    assert!(scene.account.try_call("DescribeSecret", json!({ "SecretId": STRIPE })).await.is_err());
    assert!(!scene.bench.repository().join("secrets-inventory.yaml").exists());
    scene.populate(&[&odd[..], &["--name-exception=as it was"]].concat()).expect_code(0);
}

// REQ OPS-2
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_settled_by_looking_and_a_run_that_died_goes_on() {
    let scene = Scene::new("populate-lost").await;
    let moto = Upstream::at(&Servers::from_env().moto_url).expect("moto's address");
    let proxy = Proxy::start(&moto, Rules::default()).await.expect("a proxy");
    let bench = scene.bench.with("AWS_ENDPOINT_URL", proxy.url());
    let scene = Scene { bench, ..scene };
    let create = || When::operation(Operation::aws("CreateSecret"));
    proxy.inject(create().nth(1), Fault::DropAfter);
    proxy.inject(create().nth(2), Fault::DropBefore);
    let stopped = scene.populate(&MAP);
    assert!(matches!(stopped.code, Some(BLOCKED | INCOMPLETE)), "{stopped}");
    proxy.clear_faults();
    assert!(scene.bench.read("secrets-inventory.yaml").contains(ORDERS), "the first one has its entry");
    let told = scene.populate(&MAP).expect_code(0);
    assert!(told.stdout.contains("orders: was there with this value") && told.stdout.contains("billing: created"), "{told}");
    scene.judge().await;
}
