//! Names from ten years: carried as they are where Vault keeps them so, else under a listed new name; two that would become one path are
//! refused with both named. Each secret holds another word, so that a mix-up shows.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{BLOCKED, COMMIT, DONE, Problems, refused, told, waiting};
use crate::{
    estate::is_fenced,
    support::{Canary, World},
};

/// A name in Secrets Manager, and the path that `inventory import` finds for it; none where it stays by its nature.
fn table(mount: &str) -> Vec<(String, Option<String>)> {
    let long = |length: usize| {
        let mut name = "platform-data/long/x".to_owned();
        name += &"x".repeat(length - name.len());
        name
    };
    let upper = |length: usize| "Long_Name.".repeat(52)[..length].to_owned();
    let same = |name: &str| (name.to_owned(), Some(name.to_owned()));
    let other = |name: &str, path: &str| (name.to_owned(), Some(path.to_owned()));
    vec![
        // A leading slash beside the same name without one.
        same("prod/db"),
        other("//prod/db", "prod/db-2"),
        other("/prod/db", "prod/db-3"),
        other("/alone", "alone"),
        // Empty segments, trailing slashes, dots.
        same("a/b"),
        other("a/./b", "a/b-2"),
        other("a//b", "a/b-3"),
        other("a/b/", "a/b-4"),
        other("a/x/../b", "a/b-5"),
        other("..", "unnamed"),
        other("/", "unnamed-2"),
        same("..hidden/...more"),
        same(".dotted"),
        // A secret and a folder of one name.
        same("a"),
        same("a/b/c"),
        // A name that begins with the mount, and the mount itself.
        same(&format!("{mount}/x")),
        same(mount),
        other(&format!("/{mount}/data/x"), &format!("{mount}/data/x")),
        same("data/a"),
        same("metadata/a"),
        // Letters and signs.
        same("Upper/Case"),
        same("upper/case"),
        same("plus+equals=dot.at@under_score-minus"),
        same("100%25".replace('%', "_").as_str()),
        same("+/=/@/_"),
        ("rds!db-11111111-2222".to_owned(), None),
        // The longest names there are.
        same(&long(512)),
        same(&long(511)),
        same(&upper(512)),
        // What looks like the end of an ARN, beside what it would be the ARN of.
        same("platform-data/postgres/orders"),
        same("platform-data/postgres/orders-AbC123"),
        same("platform-data/postgres/orders-abc123"),
        same("orders-AbC123-Xy12Zz"),
        // An environment's name in it.
        same("platform-data/postgres/orders-prod"),
        same("staging"),
    ]
}

async fn every_name_is_carried_under_one_path_of_its_own(world: World) {
    let (canary, table) = (Canary::of_this_run(), table(&world.mount.path));
    let mut words = BTreeMap::new();
    for (name, _) in &table {
        let word = canary.word();
        world.account.create_text(name, &word).await;
        words.insert(name.clone(), word);
    }
    let bench = world.bench("names");
    let imported = told(&bench, &["inventory", "import"], DONE);
    bench.migrate(&["inventory", "validate"]).expect_code(DONE);

    let planned = told(&bench, &["plan"], DONE);
    let members: Vec<&Value> = planned["plan"]["members"].as_array().expect("members").iter().collect();
    let found: BTreeMap<&str, &str> = members
        .iter()
        .map(|member| (member["source"].as_str().expect("a name"), member["path"].as_str().expect("a path")))
        .collect();
    let expected: BTreeMap<&str, &str> =
        table.iter().filter_map(|(name, path)| Some((name.as_str(), path.as_deref()?))).collect();
    assert_eq!(found, expected, "{imported:#}");
    // REQ NAM-3: whatever is not called as before was told by both names.
    let renamed = imported["findings"].as_array().expect("findings").iter().filter(|finding| finding["kind"] == "renamed");
    let renamed: BTreeMap<&str, &str> =
        renamed.map(|found| (found["secret"].as_str().expect("a name"), found["text"].as_str().expect("a text"))).collect();
    let expected_renamed: Vec<(&&str, &&str)> = expected.iter().filter(|(name, path)| name != path).collect();
    assert_eq!(renamed.keys().collect::<Vec<_>>(), expected_renamed.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for (name, path) in expected_renamed {
        assert!(renamed[name].starts_with(&format!("the entry is called {path}: ")), "{name}: {}", renamed[name]);
    }

    told(&bench, &["apply"], DONE);
    told(&bench, &["verify"], DONE);
    told(&bench, &COMMIT, DONE);
    let mut problems = Problems::default();
    for (name, path) in expected {
        let entry = world.mount.read(path).await.unwrap_or_default();
        problems.unless(entry["data"] == json!({ "value": words[name] }), || format!("{path} does not hold what is {name}'s"));
        let source = &entry["metadata"]["custom_metadata"]["migrate-source"];
        problems.unless(source == name, || format!("{path} says that it is of {source}"));
        problems.unless(is_fenced(&world.account, name).await, || format!("{name} is not fenced"));
    }
    problems.none();

    // What a service owns can be named, and is refused with its reason.
    let planned = told(&bench, &["plan", "--wave", "service", "--select", "rds!*"], BLOCKED);
    assert_eq!(waiting(&planned)["rds!db-11111111-2222"]["reason"], "stays");
    assert!(!is_fenced(&world.account, "rds!db-11111111-2222").await);
}

/// Inventories that nobody may have: the reason is `inventory-invalid`, and each text names what it is about.
async fn two_names_that_would_become_one_path_are_refused(world: World) {
    let word = Canary::of_this_run().word();
    for name in ["a/b", "a//b", "platform-data/kafka/one", "/platform-data/kafka/one"] {
        world.account.create_text(name, &word).await;
    }
    let bench = world.bench("one-path");
    let entry =
        |name: &str, more: &str| format!("- name: {name}\n{more}  category: data\n  class: runtime\n  disposition: moves\n");
    let exception = "  nameException: ten years old\n";
    let cases: [(&str, [String; 2], &[&str]); 6] = [
        (
            "one after Vault's cleaning",
            [entry("a/b", exception), entry("a//b", exception)],
            &["a//b: Vault would keep it at the same path as a/b on line 3", "Vault would read \"a//b\" as \"a/b\""],
        ),
        (
            "one by a leading slash",
            [entry("platform-data/kafka/one", ""), entry("/platform-data/kafka/one", exception)],
            &["/platform-data/kafka/one: Vault would keep it at the same path as platform-data/kafka/one on line 3"],
        ),
        (
            "one by their new names",
            [entry("platform-data/kafka/new", "  legacyName: a/b\n"), entry("platform-data/kafka/new", "  legacyName: a//b\n")],
            &["platform-data/kafka/new"],
        ),
        (
            "one secret under two names",
            [
                entry("platform-data/kafka/new", "  legacyName: a//b\n"),
                entry("platform-data/kafka/newer", "  legacyName: a//b\n"),
            ],
            &["platform-data/kafka/newer", "same secret of Secrets Manager", "platform-data/kafka/new"],
        ),
        // REQ NAM-1, NAM-2: a name that breaks the rule is either given a new one, or said to be an exception.
        (
            "an environment's name",
            [entry("platform-data/kafka/one-prod", ""), entry("platform-data/kafka/two", "")],
            &["`prod` names an environment", "use `name: platform-data/kafka/one` with this one as `legacyName`"],
        ),
        ("a service's", [entry("rds!x", exception), entry("platform-data/kafka/two", "")], &["names with `!` belong to"]),
    ];
    for (what, entries, expected) in cases {
        bench.write("secrets-inventory.yaml", &format!("apiVersion: migrate/v1\nsecrets:\n{}", entries.concat()));
        for command in [&["inventory", "validate"][..], &["plan"]] {
            let error = refused(&bench, command, BLOCKED);
            assert_eq!(error["reason"]["type"], "inventory-invalid", "{what}");
            let findings = error["findings"].to_string().replace("\\\"", "\"");
            for text in expected {
                assert!(findings.contains(text), "{what}: {text} is not told: {findings}");
            }
        }
    }
}

// REQ NAM-1, NAM-2, NAM-3
#[tokio::test(flavor = "multi_thread")]
async fn on_the_real_servers() {
    every_name_is_carried_under_one_path_of_its_own(World::real().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_embedded_servers() {
    every_name_is_carried_under_one_path_of_its_own(World::embedded().await).await;
}

// REQ NAM-3
#[tokio::test(flavor = "multi_thread")]
async fn names_that_meet_on_the_real_servers() {
    two_names_that_would_become_one_path_are_refused(World::real().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_meet_on_the_embedded_servers() {
    two_names_that_would_become_one_path_are_refused(World::embedded().await).await;
}
