//! The main job, end to end: two waves of mixed secrets by the command line alone, judged by a reader that shares no code with it.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{
    estate::{self, Estate},
    support::{AwsAccount, Mount, Servers, Workbench},
};

const LEDGER: &str = "migrate/test/ledger.jsonl";

// REQ AUT-1, AUT-6, AUT-7, VLT-1, VLT-2, VLT-4
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_mixed_secrets_in_two_waves() {
    let servers = Servers::from_env();
    let (account, mount) = (AwsAccount::fresh(&servers).await, Mount::fresh(&servers).await);
    let estate = Estate::seed(&account, 200).await;
    let bench = estate::workbench("two-waves", &account, &mount);
    bench.write("secrets-inventory.yaml", &estate.declared());
    bench.migrate(&["inventory", "import"]).expect_code(0);
    bench.migrate(&["inventory", "validate"]).expect_code(0);

    // Wave one: plan, verify, look, commit. The irreversible step is asked for by name.
    bench.migrate(&["plan", "--wave", "one", "--select", "platform-data/postgres/**"]).expect_code(0);
    estate.untouched(&account, &mount, "platform-data/").await;
    bench.migrate(&["apply"]).expect_code(0);
    bench.migrate(&["verify"]).expect_code(0);
    bench.migrate(&["apply", "--through", "commit"]).expect_code(0);
    assert_eq!(estate.judge(&account, &mount, "platform-data/postgres/").await, 100);
    estate.untouched(&account, &mount, "platform-data/redis/").await;

    // Wave two: straight to commit, with the default name and all that is left.
    bench.migrate(&["plan"]).expect_code(0);
    bench.migrate(&["apply", "--through", "commit"]).expect_code(0);
    assert_eq!(estate.judge(&account, &mount, "platform-data/").await, 200);

    // A second apply changes nothing and says so.
    let before = bench.read(LEDGER);
    let anchor = mount.metadata("migrate/anchor").await;
    let again = bench.migrate(&["apply", "--through", "commit"]).expect_code(0);
    assert!(again.stdout.contains("nothing to do") || again.stderr.contains("nothing to do"), "{again}");
    assert_eq!(bench.read(LEDGER), before);
    assert_eq!(mount.metadata("migrate/anchor").await, anchor);

    bench.migrate(&["ledger", "verify"]).expect_code(0);
    bench.migrate(&["status"]).expect_code(2);
    bench.migrate(&["verify"]).expect_code(0);
    chain_and_anchor_are_intact(&bench, &mount).await;
}

/// The hash chain recomputed, and the anchor looked up, without our code.
pub(crate) async fn chain_and_anchor_are_intact(bench: &Workbench, mount: &Mount) {
    let text = bench.read(LEDGER);
    assert!(text.ends_with('\n'), "the ledger ends in a torn record");
    let mut previous = "0".repeat(64);
    let mut decisive = None;
    for (sequence, line) in text.lines().enumerate() {
        let record: Value = serde_json::from_str(line).expect("a record");
        assert_eq!(record["sequence"], sequence, "{line}");
        assert_eq!(record["previous"], *previous, "{line}");
        previous = Sha256::digest(line).iter().map(|byte| format!("{byte:02x}")).collect();
        if matches!(record["event"]["type"].as_str(), Some("lead" | "begin" | "committed" | "rollback-begun")) {
            decisive = Some((sequence, previous.clone()));
        }
    }
    let (sequence, hash) = decisive.expect("a decisive record");
    let anchor = mount.read("migrate/anchor").await.expect("an anchor");
    assert_eq!(anchor["data"]["hash"], *hash);
    assert_eq!(anchor["data"]["sequence"].as_str().and_then(|text| text.parse().ok()), Some(sequence));
}
