//! What counts as a principal, how looks add up, and what blocks.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::*;
use crate::{aws_policy::Exempt, inventory::Inventory, name::SecretName};

fn principal(text: &str) -> Principal {
    Principal::parse(text).unwrap()
}

fn name() -> SecretName {
    SecretName::parse("prod/orders/db").unwrap()
}

fn seen(principal: &str, access: Access, done: u64) -> Seen {
    let last = Timestamp::UNIX_EPOCH;
    Seen { principal: self::principal(principal), access, done, refused: 0, last, regions: BTreeSet::new() }
}

fn found(seen: Vec<Seen>) -> Found {
    Found { secrets: BTreeMap::from([(name(), seen)]), ..Found::default() }
}

#[test]
fn a_principal_is_what_a_policy_would_name() {
    for good in [
        "arn:aws:iam::111122223333:role/orders",
        "arn:aws-cn:iam::111122223333:role/team/orders/api",
        "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123456789abcdef",
        "arn:aws:iam::111122223333:user/ada",
        "arn:aws:iam::111122223333:root",
        "arn:aws:sts::111122223333:federated-user/ada",
        "secretsmanager.amazonaws.com",
        "999988887777",
    ] {
        assert_eq!(Principal::parse(good).unwrap().as_str(), good);
    }
    for bad in [
        "",
        "orders",
        "1234",
        "AWS Internal",
        "1.2",
        "orders.example.org",
        "amazonaws.com",
        "arn:aws:iam::111122223333:role/",
        "arn:aws:iam::111122223333:role/*",
        "arn:aws:iam::12:role/orders",
        "arn:aws:s3:::bucket",
    ] {
        assert_eq!(Principal::parse(bad), Err(InvalidPrincipal::Form), "{bad}");
    }
    let session = "arn:aws:sts::111122223333:assumed-role/orders/i-0abc";
    assert_eq!(Principal::parse(session), Err(InvalidPrincipal::Session));
    assert_eq!(Principal::of_caller(session), Principal::parse("arn:aws:iam::111122223333:role/orders"));
}

// REQ INV-1
#[test]
fn only_what_is_done_and_neither_declared_nor_exempt_is_undeclared() {
    let (role, other) = ("arn:aws:iam::111122223333:role/orders", "arn:aws:iam::111122223333:role/other");
    let (ours, service) = ("arn:aws:iam::111122223333:role/ops/migrate", "secretsmanager.amazonaws.com");
    let inventory = Inventory::parse(&format!(
        "apiVersion: migrate/v1\nsecrets:\n- name: platform-data/postgres/orders\n  legacyName: prod/orders/db\n  category: data\n  \
         class: runtime\n  disposition: moves\n  writers:\n  - rotation: nightly\n  principals:\n  - reads: {role}\n"
    ))
    .unwrap();
    let found = found(vec![
        seen(role, Access::Reads, 3),
        seen(role, Access::Writes, 1),
        seen(other, Access::Reads, 0),
        seen(other, Access::Writes, 2),
        seen(ours, Access::Reads, 9),
        seen(service, Access::Writes, 1),
        seen(service, Access::Reads, 1),
    ]);
    let exempt = Exempt::new(["arn:aws:iam::111122223333:role/ops/*".to_owned()]).unwrap();
    let of = |exempt| {
        undeclared(&inventory.secrets()[0], &found, exempt).map(|seen| (seen.principal.as_str(), seen.access)).collect::<Vec<_>>()
    };
    let expected = [(role, Access::Writes), (other, Access::Writes), (service, Access::Reads)];
    assert_eq!(of(Some(&exempt)), expected);
    assert_eq!(of(None).len(), expected.len() + 1, "without exempt principals ours is one like any other");
}

#[test]
fn two_looks_at_the_same_records_count_them_once() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let role = "arn:aws:iam::111122223333:role/orders";
    let look = |source: &str, second| Look {
        at: at(second),
        source: source.to_owned(),
        from: Some(at(second - 10)),
        until: Some(at(second - 1)),
        records: 5,
        unreadable: 1,
    };
    let mut all = Found { looks: vec![look("trail/", 100)], ..found(vec![seen(role, Access::Reads, 3)]) };
    let later =
        Seen { last: at(150), refused: 2, regions: BTreeSet::from(["eu-west-1".to_owned()]), ..seen(role, Access::Reads, 2) };
    all.take(Found { looks: vec![look("trail/", 200), look("LookupEvents", 150)], ..found(vec![later.clone()]) });
    assert_eq!(all.secrets[&name()], [Seen { done: 3, ..later }]);
    assert_eq!(all.looks.iter().map(|look| look.at).collect::<Vec<_>>(), [at(150), at(200)]);
    let told = LookedFor::of(&all).unwrap();
    assert_eq!((told.at, told.from, told.until, told.unreadable), (at(200), Some(at(140)), Some(at(199)), 2));
    // An attempt that was refused later does not hide when it was read.
    all.take(found(vec![Seen { last: at(900), refused: 1, ..seen(role, Access::Reads, 0) }]));
    assert_eq!(all.secrets[&name()][0].last, at(150));
    assert_eq!(Found::parse(&all.to_json().unwrap()), Ok(all));
}

#[test]
fn a_file_of_another_build_is_told_from_a_broken_one() {
    assert_eq!(Found::parse("{\"format\": 9, \"x\": 1}"), Err(InvalidFound::Format { found: 9 }));
    assert!(matches!(Found::parse("{\"format\": 1, \"x\": 1}"), Err(InvalidFound::Text { .. })));
}
