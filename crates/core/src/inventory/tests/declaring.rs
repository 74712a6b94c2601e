//! Principals that were found are declared in place.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::principals::Principal;

// REQ INV-1: comments, order and quotes of a person stay.
#[test]
fn declared_principals_stand_behind_those_that_are_there_and_nothing_else_changes() {
    let text = with_entries(&[
        "name: platform-data/a/b\nwriters: # who else\n- people: ops\n# about rotation\nrotation: {enabled: false}",
        "name: platform-data/a/c # the other\nprincipals:\n- reads: arn:aws:iam::111122223333:role/known # since May\nnotes: last",
    ]);
    let inventory = Inventory::parse(&text).unwrap();
    let principal = |text: &str| Principal::parse(text).unwrap();
    let known = KnownPrincipal::Reads(principal("arn:aws:iam::111122223333:role/known"));
    // A role as CloudFormation names it: no random value, although it looks like one.
    let made = principal("arn:aws:iam::111122223333:role/Orders-TaskRole30FC0FBB-1QB8G7X9aZ4kT2vR6mW");
    let new = BTreeSet::from([known, KnownPrincipal::Reads(made.clone()), KnownPrincipal::Writes(principal("999988887777"))]);
    let new = BTreeMap::from([(name("platform-data/a/b"), new.clone()), (name("platform-data/a/c"), new)]);
    let declared = inventory.with_principals(&new);
    let changed = rewritten(&text, &declared).unwrap();
    let expected = text
        .replace(
            "# about rotation\n",
            &format!(
                "principals:\n  - reads: {made}\n  - reads: arn:aws:iam::111122223333:role/known\n  - writes: \"999988887777\"\n  # about rotation\n"
            ),
        )
        .replace("# since May\n", &format!("# since May\n  - reads: {made}\n  - writes: \"999988887777\"\n"));
    assert_eq!(changed, expected, "{changed}");
    assert_eq!(declared.with_principals(&new), declared, "twice changes nothing");
}
