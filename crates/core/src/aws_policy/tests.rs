//! What the policy functions promise, on documents as AWS shows them.

use serde_json::{Value, json};

use super::*;
use crate::{
    id::{Epoch, LedgerId, WaveName},
    observed::{FenceSeen, Mark},
    quota::RESOURCE_POLICY_BYTES,
};

const MIGRATION: &str = "arn:aws:iam::111122223333:role/ops/migration";
const STRANGER: &str = "arn:aws:iam::111122223333:role/app";

fn exempt() -> Exempt {
    Exempt::new([MIGRATION.to_owned(), "arn:aws:iam::111122223333:root".to_owned()]).unwrap()
}

fn mark(wave: &str, epoch: u64) -> Mark {
    Mark {
        ledger: LedgerId::new("0b5ac1f4-9d5e-4d6c-8f5c-000000000000"),
        wave: WaveName::parse(wave).unwrap(),
        epoch: Epoch(epoch),
    }
}

fn put(change: Change) -> String {
    match change {
        Change::Put(document) => document.to_string(),
        other => panic!("expected a document to put, got {other:?}"),
    }
}

fn foreign() -> Value {
    json!({
        "Version": "2012-10-17",
        "Id": "kept",
        "Statement": [
            { "Sid": "Readers", "Effect": "Allow", "Principal": { "AWS": [STRANGER, "444455556666"] },
              "Action": "secretsmanager:GetSecretValue", "Resource": "*",
              "Condition": { "Bool": { "aws:SecureTransport": "true" }, "FromTheFuture": { "aws:Unheard": 7 } } },
        ],
    })
}

#[test]
fn a_fence_denies_strangers_every_change_and_exempt_principals_none() {
    let stored = put(fence(None, &mark("payments-1", 1), &exempt()).unwrap());
    let document = PolicyDocument::parse(&stored).unwrap();
    for action in FENCED_ACTIONS {
        assert_eq!(denies(&document, STRANGER, action), Verdict::Denied, "{action}");
        assert_eq!(denies(&document, MIGRATION, action), Verdict::NotDenied, "{action}");
    }
    assert_eq!(denies(&document, STRANGER, "secretsmanager:GetSecretValue"), Verdict::NotDenied);
}

#[test]
fn the_statement_reads_as_documented() {
    let stored: Value = serde_json::from_str(&put(fence(None, &mark("payments-1", 12), &exempt()).unwrap())).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&stored).unwrap(), @r#"
    {
      "Statement": [
        {
          "Action": [
            "secretsmanager:AcceptCrossAccountReplication",
            "secretsmanager:AssociateCrossAccountReplica",
            "secretsmanager:CancelRotateSecret",
            "secretsmanager:DeleteResourcePolicy",
            "secretsmanager:DeleteSecret",
            "secretsmanager:DisassociateCrossAccountReplica",
            "secretsmanager:PutResourcePolicy",
            "secretsmanager:PutSecretValue",
            "secretsmanager:RemoveRegionsFromReplication",
            "secretsmanager:ReplicateSecretToRegions",
            "secretsmanager:RestoreSecret",
            "secretsmanager:RotateSecret",
            "secretsmanager:StopReplicationToReplica",
            "secretsmanager:TagResource",
            "secretsmanager:UntagResource",
            "secretsmanager:UpdateSecret",
            "secretsmanager:UpdateSecretVersionStage"
          ],
          "Condition": {
            "ArnNotEquals": {
              "aws:PrincipalArn": [
                "arn:aws:iam::111122223333:role/ops/migration",
                "arn:aws:iam::111122223333:root"
              ]
            }
          },
          "Effect": "Deny",
          "Principal": "*",
          "Resource": "*",
          "Sid": "MigrateFenceL0b5ac1f4Z9d5eZ4d6cZ8f5cZ000000000000WpaymentsZ1E12"
        }
      ],
      "Version": "2012-10-17"
    }
    "#);
}

#[test]
fn fencing_twice_changes_nothing_and_a_later_epoch_takes_the_place_of_an_older() {
    let first = put(fence(Some(&foreign().to_string()), &mark("w", 1), &exempt()).unwrap());
    assert_eq!(fence(Some(&first), &mark("w", 1), &exempt()).unwrap(), Change::Nothing);
    let second = put(fence(Some(&first), &mark("w", 2), &exempt()).unwrap());
    assert_eq!(seen(Some(&second), &exempt()).unwrap(), FenceSeen::Ours(mark("w", 2)));
    let statements = serde_json::from_str::<Value>(&second).unwrap()["Statement"].as_array().unwrap().len();
    assert_eq!(statements, 2, "{second}");
}

// P9: equal as a document, and even in how its statements were written.
#[test]
fn unfencing_gives_back_what_was_there() {
    let mut bare = foreign();
    bare["Statement"] = bare["Statement"][0].clone();
    for before in [foreign(), bare] {
        let fenced = put(fence(Some(&before.to_string()), &mark("w", 1), &exempt()).unwrap());
        let again = put(fence(Some(&fenced), &mark("w", 2), &exempt()).unwrap());
        let after = put(unfence(Some(&again), &mark("w", 2)).unwrap());
        assert_eq!(serde_json::from_str::<Value>(&after).unwrap(), before);
        assert_eq!(unfence(Some(&after), &mark("w", 2)).unwrap(), Change::Nothing);
    }
    let alone = put(fence(None, &mark("w", 1), &exempt()).unwrap());
    assert_eq!(unfence(Some(&alone), &mark("w", 1)).unwrap(), Change::Delete);
    assert_eq!(unfence(None, &mark("w", 1)).unwrap(), Change::Nothing);
}

#[test]
fn what_others_added_meanwhile_stays() {
    let mut fenced: Value = serde_json::from_str(&put(fence(None, &mark("w", 1), &exempt()).unwrap())).unwrap();
    let added = foreign()["Statement"][0].clone();
    fenced["Statement"].as_array_mut().unwrap().insert(0, added.clone());
    let after: Value = serde_json::from_str(&put(unfence(Some(&fenced.to_string()), &mark("w", 1)).unwrap())).unwrap();
    assert_eq!(after["Statement"], json!([added]));
}

#[test]
fn fences_of_other_waves_ledgers_and_later_runs_are_not_touched() {
    let theirs = Mark { ledger: LedgerId::new("another"), ..mark("w", 1) };
    for (standing, held) in [
        (mark("other", 1), Unmergeable::HeldBy(mark("other", 1))),
        (theirs.clone(), Unmergeable::HeldBy(theirs)),
        (mark("w", 9), Unmergeable::LaterEpoch(mark("w", 9))),
    ] {
        let stored = put(fence(None, &standing, &exempt()).unwrap());
        assert_eq!(fence(Some(&stored), &mark("w", 2), &exempt()), Err(held.clone()));
        let released = unfence(Some(&stored), &mark("w", 2));
        match held {
            Unmergeable::LaterEpoch(_) => assert_eq!(released, Err(held)),
            _ => assert_eq!(released, Ok(Change::Nothing)),
        }
    }
}

#[test]
fn an_altered_fence_is_told_by_what_differs() {
    let stored: Value = serde_json::from_str(&put(fence(None, &mark("w", 1), &exempt()).unwrap())).unwrap();
    let altered = |change: fn(&mut Value)| {
        let mut policy = stored.clone();
        change(&mut policy["Statement"][0]);
        seen(Some(&policy.to_string()), &exempt()).unwrap()
    };
    let what = |what: &str| FenceSeen::Altered { what: what.to_owned() };
    assert_eq!(altered(|s| s["Effect"] = json!("Allow")), what("Effect"));
    assert_eq!(altered(|s| s["Action"] = json!("secretsmanager:DeleteSecret")), what("Action"));
    assert_eq!(altered(|s| s["Sid"] = json!("MigrateFence7")), what("Sid"));
    assert_eq!(altered(|s| s["Condition"]["Bool"] = json!({ "aws:MultiFactorAuthPresent": "true" })), what("Condition"));
    // The order of a set, and a set of one written as a string, are no alterations.
    assert_eq!(altered(|s| s["Action"].as_array_mut().unwrap().reverse()), FenceSeen::Ours(mark("w", 1)));
    assert_eq!(altered(|s| s["Resource"] = json!(["*"])), FenceSeen::Ours(mark("w", 1)));
    // Somebody else was let through.
    let wider = Exempt::new([MIGRATION.to_owned()]).unwrap();
    assert_eq!(seen(Some(&stored.to_string()), &wider).unwrap(), what("Condition"));
}

/// What a plan must know: whether a fence could be merged at all, whatever the wave will be called.
#[test]
fn a_policy_that_can_not_take_a_fence_is_told_before_there_is_one() {
    let of = |length: usize| {
        let mut policy = foreign();
        policy["Statement"][0]["Sid"] = "s".repeat(length).into();
        policy.to_string()
    };
    let is_open = |stored: &str| seen(Some(stored), &exempt()).unwrap() == FenceSeen::Open;
    let most = (1..RESOURCE_POLICY_BYTES).rev().find(|length| is_open(&of(*length))).unwrap();
    let longest = mark(&"w".repeat(WaveName::LONGEST), 4_000_000_000);
    assert!(fence(Some(&of(most)), &longest, &exempt()).is_ok(), "said to be open, and it is too small");
    let refused = seen(Some(&of(most + 1)), &exempt()).unwrap();
    assert!(matches!(&refused, FenceSeen::Unfenceable { why } if why.contains("Secrets Manager takes 20480")), "{refused:?}");
    let mut orphaned = foreign();
    orphaned["Statement"][0]["Principal"]["AWS"] = json!("AROAEXAMPLEEXAMPLE123");
    assert!(matches!(seen(Some(&orphaned.to_string()), &exempt()).unwrap(), FenceSeen::Unfenceable { .. }));
}

#[test]
fn policies_that_can_not_be_carried_block() {
    let fence = |stored: &str| fence(Some(stored), &mark("w", 1), &exempt());
    assert_eq!(fence("no json"), Err(Unmergeable::NotAPolicy));
    assert_eq!(fence(r#"{"Statement":["text"]}"#), Err(Unmergeable::NotAPolicy));
    assert_eq!(fence(r#"{"Statement":[{"Condition":{"NumericLessThan":{"x":1.10}}}]}"#), Err(Unmergeable::InexactNumber));
    let mut orphaned = foreign();
    orphaned["Statement"][0]["Principal"]["AWS"] = json!(["AROAEXAMPLEEXAMPLE123", STRANGER]);
    assert_eq!(fence(&orphaned.to_string()), Err(Unmergeable::OrphanedPrincipals(vec!["AROAEXAMPLEEXAMPLE123".to_owned()])));
    let mut large = foreign();
    large["Statement"][0]["Condition"] = json!({ "StringEquals": { "aws:x": "y".repeat(RESOURCE_POLICY_BYTES - 600) } });
    assert!(large.to_string().len() < RESOURCE_POLICY_BYTES);
    assert!(matches!(fence(&large.to_string()), Err(Unmergeable::TooLarge { bytes }) if bytes > RESOURCE_POLICY_BYTES));
    let mut unreadable = foreign();
    unreadable["Statement"][0]["Sid"] = json!("MigrateFenceWhat");
    assert_eq!(fence(&unreadable.to_string()), Err(Unmergeable::Unreadable("MigrateFenceWhat".to_owned())));
}

#[test]
fn the_size_limit_is_exact() {
    let policy = |padding: usize| {
        json!({ "Statement": [{ "Effect": "Allow", "Principal": "*", "Action": "a:b", "Resource": "*", "Sid": "y".repeat(padding) }] }).to_string()
    };
    let empty = put(fence(Some(&policy(0)), &mark("w", 1), &exempt()).unwrap()).len();
    let room = RESOURCE_POLICY_BYTES - empty;
    assert_eq!(put(fence(Some(&policy(room)), &mark("w", 1), &exempt()).unwrap()).len(), RESOURCE_POLICY_BYTES);
    let over = fence(Some(&policy(room + 1)), &mark("w", 1), &exempt());
    assert_eq!(over, Err(Unmergeable::TooLarge { bytes: RESOURCE_POLICY_BYTES + 1 }));
}

#[test]
fn exempt_principals_are_checked() {
    let exempt = |principal: &str| Exempt::new([principal.to_owned()]);
    assert_eq!(Exempt::new([]), Err(InvalidExempt::Nobody));
    for refused in [
        "*",
        "arn:aws:iam::*:role/x",
        "arn:aws:iam::111122223333:role/*",
        "migration",
        "arn:aws:s3:::bucket",
        "AROAEXAMPLEEXAMPLE123",
    ] {
        assert_eq!(exempt(refused), Err(InvalidExempt::NotAPrincipal(refused.to_owned())));
    }
    assert!(matches!(exempt("arn:aws:sts::111122223333:assumed-role/x/me"), Err(InvalidExempt::Session(..))));
    for taken in [
        MIGRATION,
        "arn:aws-cn:iam::111122223333:user/u",
        "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/*/Admin",
    ] {
        assert!(exempt(taken).is_ok(), "{taken}");
    }
}

#[test]
fn callers_are_told_by_their_principal() {
    let arn = |text: &str| CallerPrincipal::Arn(text.to_owned());
    assert_eq!(
        principal_of_caller("arn:aws:sts::111122223333:assumed-role/migration/me"),
        arn("arn:aws:iam::111122223333:role/migration")
    );
    assert_eq!(principal_of_caller("arn:aws:iam::111122223333:user/u"), arn("arn:aws:iam::111122223333:user/u"));
    assert_eq!(principal_of_caller("arn:aws:iam::111122223333:root"), arn("arn:aws:iam::111122223333:root"));
    assert_eq!(
        principal_of_caller("arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123/me"),
        CallerPrincipal::PathUnknown { role: "AWSReservedSSO_Admin_0123".to_owned() }
    );
    assert!(exempt().covers_caller("arn:aws:sts::111122223333:assumed-role/migration/me"));
    assert!(exempt().covers_caller("arn:aws:iam::111122223333:root"));
    assert!(!exempt().covers_caller("arn:aws:sts::111122223333:assumed-role/ops/me"));
    assert!(!exempt().covers_caller("arn:aws:sts::444455556666:assumed-role/migration/me"));
}

#[test]
fn what_is_not_understood_is_undecided() {
    let verdict = |statement: Value| {
        let policy = json!({ "Statement": statement }).to_string();
        denies(&PolicyDocument::parse(&policy).unwrap(), STRANGER, "secretsmanager:PutSecretValue")
    };
    let deny = |change: fn(&mut Value)| {
        let mut statement = json!({ "Effect": "Deny", "Principal": "*", "Action": "secretsmanager:Put*", "Resource": "*" });
        change(&mut statement);
        verdict(statement)
    };
    assert_eq!(deny(|_| ()), Verdict::Denied);
    assert_eq!(deny(|s| s["Action"] = json!("secretsmanager:Get*")), Verdict::NotDenied);
    assert_eq!(deny(|s| s["Effect"] = json!("Allow")), Verdict::NotDenied);
    assert_eq!(deny(|s| s["Principal"] = json!({ "AWS": "444455556666" })), Verdict::NotDenied);
    assert_eq!(deny(|s| s["Principal"] = json!({ "AWS": ["444455556666", "arn:aws:iam::111122223333:root"] })), Verdict::Denied);
    assert_eq!(deny(|s| s["Principal"] = json!({ "Service": "rds.amazonaws.com" })), Verdict::NotDenied);
    assert_eq!(deny(|s| s["Principal"] = json!({ "AWS": "AROAEXAMPLEEXAMPLE123" })), Verdict::Undecided);
    assert_eq!(deny(|s| s["Resource"] = json!("arn:aws:secretsmanager:*:*:secret:x")), Verdict::Undecided);
    assert_eq!(deny(|s| s["Condition"] = json!({ "Bool": { "aws:SecureTransport": "false" } })), Verdict::Undecided);
    // A condition that is known not to hold decides, whatever stands beside it.
    let both = json!({ "Bool": { "aws:SecureTransport": "false" }, "ArnNotEquals": { "AWS:principalarn": STRANGER } });
    assert_eq!(
        verdict(json!({ "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*", "Condition": both })),
        Verdict::NotDenied
    );
    assert_eq!(
        deny(|s| s["Condition"] = json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/a*" } })),
        Verdict::Denied
    );
    assert_eq!(deny(|s| s["Condition"] = json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam:*" } })), Verdict::NotDenied);
    assert_eq!(
        deny(|s| s["Condition"] = json!({ "StringEquals": { "aws:PrincipalArn": "${aws:username}" } })),
        Verdict::Undecided
    );
    let not_action = json!({ "Effect": "Deny", "Principal": "*", "NotAction": "secretsmanager:Get*", "Resource": "*" });
    assert_eq!(verdict(not_action), Verdict::Denied);
}
