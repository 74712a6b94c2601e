//! Drift between Git, Secrets Manager and Vault, on real servers (REQ INV-4).

use reqwest::Method;
use serde_json::json;

use crate::{
    estate::{self, Estate},
    support::{AwsAccount, Canary, Mount, Servers, Whole, Workbench},
};

const RECONCILE: [&str; 3] = ["inventory", "reconcile", "--fail-on-drift"];
const PENDING: i32 = 2;

#[track_caller]
fn told(bench: &Workbench, code: i32, expected: &[&str]) -> Whole {
    let whole = bench.migrate(&RECONCILE).expect_code(code);
    for expected in expected {
        assert!(whole.stdout.contains(expected), "{expected} is not told\n{whole}");
    }
    whole
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_alike_is_told_and_metadata_is_mended() {
    let servers = Servers::from_env();
    let (account, mount) = (AwsAccount::fresh(&servers).await, Mount::fresh(&servers).await);
    let estate = Estate::seed(&account, 4).await;
    let bench = estate::workbench("reconcile", &account, &mount);
    bench.migrate(&["inventory", "import"]).expect_code(0);
    told(&bench, 0, &["no drift (4 entries, 4 listed by Secrets Manager)"]);

    // Somebody makes a secret, somebody deletes one, somebody writes to Vault.
    let [first, second, ..] = estate.secrets.as_slice() else { panic!("four secrets") };
    account.create_text("prod/new", &Canary::of_this_run().text()).await;
    account.call("DeleteSecret", json!({ "SecretId": second.name })).await;
    mount.write(&first.name, json!({ "value": Canary::of_this_run().word() })).await;
    let whole = told(
        &bench,
        PENDING,
        &[
            "prod/new\n  is in Secrets Manager and not in the inventory",
            "is scheduled for deletion in Secrets Manager since",
            "is not handed over, and something stands at its path in Vault",
            "3 differences",
        ],
    );
    assert!(whole.stdout.contains("mend: `migrate inventory import` adds it"), "{whole}");
    bench.migrate(&["inventory", "reconcile"]).expect_code(0);

    account.call("RestoreSecret", json!({ "SecretId": second.name })).await;
    let path = format!("{}/metadata/{}", mount.path, first.name);
    assert!(mount.call(Method::DELETE, &path, None).await.0.is_success());
    bench.migrate(&["inventory", "import"]).expect_code(0);
    told(&bench, 0, &["no drift (5 entries"]);

    // After a handover the inventory does not say yet how each is laid out; that is metadata.
    bench.migrate(&["plan", "--select", "platform-data/**"]).expect_code(0);
    bench.migrate(&["apply", "--through", "commit"]).expect_code(0);
    told(&bench, PENDING, &["is laid out in Vault as text:value, and the inventory says nothing", "4 differences"]);
    let inventory = bench.read("secrets-inventory.yaml");
    bench.write("secrets-inventory.yaml", &inventory.replacen("secrets:\n", "# ours\nsecrets:\n", 1));
    let written = bench.migrate(&["inventory", "reconcile", "--write", "--fail-on-drift"]).expect_code(0);
    assert!(written.stdout.contains("put right in secrets-inventory.yaml: 4 secrets"), "{written}");
    let after = bench.read("secrets-inventory.yaml");
    assert!(after.contains("# ours\nsecrets:\n") && after.contains("encoding:"), "{after}");
    told(&bench, 0, &["no drift"]);

    // Somebody puts an entry there that nobody declared. Whoever may not list is told so, and the rest is compared all the same.
    mount.write("platform-data/kafka/a/b", json!({ "value": Canary::of_this_run().word() })).await;
    told(&bench, PENDING, &["platform-data/kafka/a/b\n  is in Vault and not in the inventory", "1 difference "]);
    let rules = format!("path \"{}/*\" {{ capabilities = [\"read\"] }}", mount.path);
    let token = mount.token_with(&rules).await;
    let bench = bench.with("VAULT_TOKEN", token);
    told(&bench, 0, &["no drift", "entries in Vault that nobody declared were not looked for: this token may not list"]);
    let bench = bench.with("VAULT_TOKEN", &servers.bao_token);
    assert!(mount.call(Method::DELETE, &format!("{}/metadata/platform-data/kafka/a/b", mount.path), None).await.0.is_success());

    // And what was lost there is told.
    assert!(mount.call(Method::DELETE, &path, None).await.0.is_success());
    told(&bench, PENDING, &["was handed over, and Vault does not have it", "1 difference "]);
}
