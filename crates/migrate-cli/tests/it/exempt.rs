//! Whom the fence lets through is proved to exist, under exactly the ARN that is listed, and a role's path is found where the caller's ARN
//! does not show it.

use serde_json::Value;

use crate::{
    estate::{Estate, workbench},
    support::{AwsAccount, Mount, Servers, Workbench},
};

const BLOCKED: i32 = 3;

async fn bench(name: &str, account: &AwsAccount) -> Workbench {
    let mount = Mount::fresh(&Servers::from_env()).await;
    let bench = workbench(name, account, &mount);
    bench.migrate(&["inventory", "import"]).expect_code(0);
    bench
}

fn exempt(bench: &Workbench, principals: &[String]) {
    let config = bench.read("migrate.toml");
    let listed = format!("exempt_principals = {principals:?}\nsettle");
    bench.write("migrate.toml", &config.replacen("settle", &listed, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_principal_that_is_not_there_or_has_another_path_is_refused_by_name() {
    let account = AwsAccount::fresh(&Servers::from_env()).await;
    account.create_role("/ops/", "break-glass").await;
    Estate::seed(&account, 2).await;
    let arn = |role: &str| format!("arn:aws:iam::{}:role/{role}", account.id);
    for (name, listed, told) in [
        ("exempt-absent", "nobody", "which does not exist".to_owned()),
        ("exempt-path", "break-glass", format!("whose ARN is {}", arn("ops/break-glass"))),
    ] {
        let bench = bench(name, &account).await;
        exempt(&bench, &[arn("migration"), arn(listed)]);
        let refused = bench.migrate(&["plan", "--json"]).expect_code(BLOCKED);
        assert!(refused.stdout.contains(&arn(listed)) && refused.stdout.contains(&told), "{refused}");
        assert!(!bench.repository().join("migrate/test/plans/wave-1.json").exists());
    }
    let bench = bench("exempt-right", &account).await;
    exempt(&bench, &[arn("migration"), arn("ops/break-glass"), arn("aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Ops_*")]);
    let told = bench.migrate(&["plan"]).expect_code(0);
    assert!(told.stdout.contains("AWSReservedSSO_Ops_* (a pattern, not looked up)"), "{told}");
}

/// An assumed role's ARN has lost its path; a fence without it would lock us out.
#[tokio::test(flavor = "multi_thread")]
async fn the_path_of_the_callers_role_is_looked_up() {
    let account = AwsAccount::with_role_at(&Servers::from_env(), "/platform/secrets/").await;
    Estate::seed(&account, 2).await;
    let bench = bench("exempt-caller", &account).await;
    let planned = bench.migrate(&["plan", "--json"]).expect_code(0);
    let planned: Value = serde_json::from_str(&planned.stdout).expect("JSON");
    let role = format!("arn:aws:iam::{}:role/platform/secrets/migration", account.id);
    assert_eq!(planned["plan"]["fence"]["exempt"], serde_json::json!([role]));
    assert_eq!(planned["plan"]["fence"]["existence"][&role]["seen"], "exists");
    bench.migrate(&["apply"]).expect_code(0);
}
