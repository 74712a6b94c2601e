//! `migrate inventory principals` with files of CloudTrail: found, told, declared.

use crate::bench::{Bench, shows};

const INVENTORY: &str = "apiVersion: migrate/v1
secrets:
# The orders service.
- name: platform-data/postgres/orders
  legacyName: prod/orders # to be renamed
  category: data
  class: runtime
  disposition: moves
  writers:
  - rotation: orders-rotation
  notes: mind the batch
- name: platform-data/mysql/billing
  category: data
  class: runtime
  disposition: moves
  principals:
  - reads: arn:aws:iam::111122223333:role/billing
";

fn record(event: &str, day: u32, role: &str, secret: &str) -> String {
    format!(
        "{{\"eventVersion\":\"1.11\",\"eventTime\":\"2026-11-{day:02}T10:00:00Z\",\"eventSource\":\"secretsmanager.amazonaws.com\",\
         \"eventName\":\"{event}\",\"awsRegion\":\"eu-west-1\",\"sourceIPAddress\":\"canary\",\"requestParameters\":{{\"secretId\":\"{secret}\"}},\
         \"userIdentity\":{{\"type\":\"AssumedRole\",\"accountId\":\"111122223333\",\"accessKeyId\":\"canary\",\
         \"arn\":\"arn:aws:sts::111122223333:assumed-role/{role}/canary\",\
         \"sessionContext\":{{\"sessionIssuer\":{{\"arn\":\"arn:aws:iam::111122223333:role/{role}\"}}}}}}}}"
    )
}

/// A repository with an inventory, an exempt role, and a folder of CloudTrail's files.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("secrets-inventory.yaml", INVENTORY);
    bench
        .write("migrate.toml", "[environment.prod.outgoing]\nexempt_principals = [\"arn:aws:iam::111122223333:role/migrate\"]\n");
    let first = [
        record("GetSecretValue", 3, "billing", "platform-data/mysql/billing"),
        record("GetSecretValue", 4, "apps/orders", "prod/orders"),
        record("PutSecretValue", 5, "rotation", "prod/orders"),
        record("GetSecretValue", 6, "migrate", "prod/orders"),
    ];
    bench.write("trail/111122223333/2026/11/a.json", &format!("{{\"Records\":[{}]}}", first.join(",")));
    let mut denied = record("GetSecretValue", 8, "eve", "prod/orders");
    denied.insert_str(1, "\"errorCode\":\"AccessDenied\",");
    let second = [record("GetSecretValue", 7, "apps/orders", "prod/orders"), "canary".to_owned(), denied];
    bench.write("trail/111122223333/2026/12/b.jsonl", &second.join("\n"));
    bench.write("trail/111122223333/CloudTrail-Digest/d.json", "{\"digestStartTime\":\"canary\"}");
    bench.write("trail/README.txt", "canary");
    bench
}

/// Without the one time that differs from run to run.
fn stored(bench: &Bench) -> String {
    let stored = bench.read("migrate/prod/principals.json");
    let lines = stored.lines().map(|line| if line.contains("\"at\":") { "      \"at\": NOW," } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

// REQ INV-1
#[test]
fn readers_and_writers_are_found_and_those_that_nobody_declared_are_named() {
    let bench = bench();
    shows!(bench.run("migrate inventory principals"), @r"
    $ migrate inventory principals
    --- stderr
    error: nobody has looked for readers and writers yet
      because: there is no migrate/prod/principals.json
    hint: --trail with files of CloudTrail, or --lookup to ask it
    --- exit 3
    ");
    shows!(bench.run("migrate inventory principals --trail trail"), @r"
    $ migrate inventory principals --trail trail
    --- stdout
    platform-data/postgres/orders
      reads  arn:aws:iam::111122223333:role/apps/orders · 2 times · last 2026-11-07 · eu-west-1 · NOT DECLARED
      reads  arn:aws:iam::111122223333:role/eve · refused once · last 2026-11-08 · eu-west-1 · got nothing
      reads  arn:aws:iam::111122223333:role/migrate · once · last 2026-11-06 · eu-west-1 · exempt from the fence
      writes arn:aws:iam::111122223333:role/rotation · once · last 2026-11-05 · eu-west-1 · NOT DECLARED
    platform-data/mysql/billing
      reads  arn:aws:iam::111122223333:role/billing · once · last 2026-11-03 · eu-west-1
    1 record could not be read, and may name others:
      trail/111122223333/2026/12/b.jsonl, record 2: it is no JSON
    2 principals not declared: a plan with these secrets can't be committed; commit migrate/prod/principals.json
    next: find out whose they are, then --declare NAME=PRINCIPAL, or --declare-all
    --- exit 0
    ");
    shows!(stored(&bench), @r#"
    {
      "format": 1,
      "looks": [
        {
          "at": NOW,
          "source": "trail",
          "from": "[time]",
          "until": "[time]",
          "records": 6,
          "unreadable": 1
        }
      ],
      "secrets": {
        "platform-data/mysql/billing": [
          {
            "principal": "arn:aws:iam::111122223333:role/billing",
            "access": "reads",
            "done": 1,
            "last": "[time]",
            "regions": [
              "eu-west-1"
            ]
          }
        ],
        "prod/orders": [
          {
            "principal": "arn:aws:iam::111122223333:role/apps/orders",
            "access": "reads",
            "done": 2,
            "last": "[time]",
            "regions": [
              "eu-west-1"
            ]
          },
          {
            "principal": "arn:aws:iam::111122223333:role/eve",
            "access": "reads",
            "done": 0,
            "refused": 1,
            "last": "[time]",
            "regions": [
              "eu-west-1"
            ]
          },
          {
            "principal": "arn:aws:iam::111122223333:role/migrate",
            "access": "reads",
            "done": 1,
            "last": "[time]",
            "regions": [
              "eu-west-1"
            ]
          },
          {
            "principal": "arn:aws:iam::111122223333:role/rotation",
            "access": "writes",
            "done": 1,
            "last": "[time]",
            "regions": [
              "eu-west-1"
            ]
          }
        ]
      }
    }
    "#);
    let (file, again) = (stored(&bench), bench.run("migrate inventory principals --trail trail"));
    assert_eq!(stored(&bench), file, "the same look again adds nothing");
    assert!(!format!("{file}{again}").contains("canary"), "{file}{again}");
    assert_eq!(bench.read("secrets-inventory.yaml"), INVENTORY, "nothing was declared");
}

#[test]
fn what_was_found_is_declared_by_name_or_all_at_once_and_the_file_stays_a_persons() {
    let bench = bench();
    let rotation = "migrate inventory principals --trail trail --declare platform-data/postgres/orders=arn:aws:iam::111122223333:role/rotation";
    shows!(bench.run(rotation), @r"
    $ migrate inventory principals --trail trail --declare platform-data/postgres/orders=arn:aws:iam::111122223333:role/rotation
    --- stdout
    platform-data/postgres/orders
      reads  arn:aws:iam::111122223333:role/apps/orders · 2 times · last 2026-11-07 · eu-west-1 · NOT DECLARED
      reads  arn:aws:iam::111122223333:role/eve · refused once · last 2026-11-08 · eu-west-1 · got nothing
      reads  arn:aws:iam::111122223333:role/migrate · once · last 2026-11-06 · eu-west-1 · exempt from the fence
      writes arn:aws:iam::111122223333:role/rotation · once · last 2026-11-05 · eu-west-1
    platform-data/mysql/billing
      reads  arn:aws:iam::111122223333:role/billing · once · last 2026-11-03 · eu-west-1
    1 record could not be read, and may name others:
      trail/111122223333/2026/12/b.jsonl, record 2: it is no JSON
    declared in secrets-inventory.yaml: principals of 1 secret
    1 principal not declared: a plan with these secrets can't be committed; commit migrate/prod/principals.json
    next: find out whose they are, then --declare NAME=PRINCIPAL, or --declare-all
    --- exit 0
    ");
    shows!(bench.run("migrate inventory principals --declare-all"), @r"
    $ migrate inventory principals --declare-all
    --- stdout
    platform-data/postgres/orders
      reads  arn:aws:iam::111122223333:role/apps/orders · 2 times · last 2026-11-07 · eu-west-1
      reads  arn:aws:iam::111122223333:role/eve · refused once · last 2026-11-08 · eu-west-1 · got nothing
      reads  arn:aws:iam::111122223333:role/migrate · once · last 2026-11-06 · eu-west-1 · exempt from the fence
      writes arn:aws:iam::111122223333:role/rotation · once · last 2026-11-05 · eu-west-1
    platform-data/mysql/billing
      reads  arn:aws:iam::111122223333:role/billing · once · last 2026-11-03 · eu-west-1
    declared in secrets-inventory.yaml: principals of 1 secret
    every principal that was found is declared; commit migrate/prod/principals.json
    --- exit 0
    ");
    shows!(bench.read("secrets-inventory.yaml"), @r"
    apiVersion: migrate/v1
    secrets:
    # The orders service.
    - name: platform-data/postgres/orders
      legacyName: prod/orders # to be renamed
      category: data
      class: runtime
      disposition: moves
      writers:
      - rotation: orders-rotation
      principals:
      - writes: arn:aws:iam::111122223333:role/rotation
      - reads: arn:aws:iam::111122223333:role/apps/orders
      notes: mind the batch
    - name: platform-data/mysql/billing
      category: data
      class: runtime
      disposition: moves
      principals:
      - reads: arn:aws:iam::111122223333:role/billing
    ");
    bench.run("migrate init");
    assert!(bench.run("migrate inventory validate").trim_end().ends_with("--- exit 0"));
}

#[test]
fn what_was_not_found_is_not_declared() {
    let bench = bench();
    let declare = |what: &str| bench.run(&format!("migrate inventory principals --trail trail --declare {what}"));
    shows!(declare("platform-data/postgres/orders=arn:aws:iam::111122223333:role/unknown"), @r"
    $ migrate inventory principals --trail trail --declare platform-data/postgres/orders=arn:aws:iam::111122223333:role/unknown
    --- stderr
    error: arn:aws:iam::111122223333:role/unknown was not found at platform-data/postgres/orders
    hint: `migrate inventory principals` shows who was; others are declared in the inventory by hand
    --- exit 3
    ");
    shows!(declare("platform-data/postgres/other=arn:aws:iam::111122223333:role/rotation"), @r"
    $ migrate inventory principals --trail trail --declare platform-data/postgres/other=arn:aws:iam::111122223333:role/rotation
    --- stderr
    error: platform-data/postgres/other is not in the inventory
    hint: `migrate inventory show` lists the names
    --- exit 3
    ");
    shows!(declare("platform-data/postgres/orders=rotation"), @r"
    $ migrate inventory principals --trail trail --declare platform-data/postgres/orders=rotation
    --- stderr
    error: invalid value 'platform-data/postgres/orders=rotation' for '--declare <NAME=PRINCIPAL>...': this is NAME=PRINCIPAL, such as platform-data/postgres/orders=arn:aws:iam::111122223333:role/orders
    hint: `migrate --help` shows everything
    --- exit 64
    ");
    assert_eq!(bench.read("secrets-inventory.yaml"), INVENTORY);
}

#[test]
fn secrets_of_several_accounts_are_not_mixed() {
    let bench = bench();
    let other = record("GetSecretValue", 4, "x", "prod/orders").replace("111122223333", "444455556666");
    bench.write("trail/444455556666/c.json", &other);
    shows!(bench.run("migrate inventory principals --trail trail"), @r"
    $ migrate inventory principals --trail trail
    --- stderr
    error: the files hold secrets of these names in several accounts
      because: they are of 111122223333, 444455556666
    hint: say with --account whose are meant
    --- exit 64
    ");
    assert!(!bench.path("migrate/prod/principals.json").exists(), "nothing is kept of it");
    let one = bench.run("migrate inventory principals --trail trail --account 111122223333");
    assert!(!one.contains("444455556666") && one.trim_end().ends_with("--- exit 0"), "{one}");
}

#[test]
fn places_without_files_of_cloudtrail_and_a_broken_file_are_errors() {
    let bench = bench();
    bench.write("empty/README.txt", "x");
    shows!(bench.run("migrate inventory principals --trail empty"), @r"
    $ migrate inventory principals --trail empty
    --- stderr
    error: empty holds no file of CloudTrail
      because: below a folder those that end in .json, .json.gz and .jsonl are read
    --- exit 64
    ");
    shows!(bench.run("migrate inventory principals --trail nowhere"), @r"
    $ migrate inventory principals --trail nowhere
    --- stderr
    error: can't read [tmp]/repository/nowhere
      because: No such file or directory (os error 2)
    --- exit 1
    ");
    bench.write("migrate/prod/principals.json", "{\"format\": 2}");
    shows!(bench.run("migrate inventory principals --trail trail"), @r"
    $ migrate inventory principals --trail trail
    --- stderr
    error: can't read migrate/prod/principals.json
      because: it has format 2, this build reads 1
    hint: restore it from Git, or delete it and look again: `migrate inventory principals`
    --- exit 1
    ");
}
