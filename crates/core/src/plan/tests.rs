//! A plan names what waits and why, survives its file, and passes its linter only where nothing stands in the way.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::*;
use crate::{
    codec::Encoding,
    handover::{Goal, Handover},
    id::SourceVersion,
    observed::{FenceSeen, Sighting, SourceSecret, TargetEntry},
    reads::{ConversionStrategy, DecodingStrategy, MetadataPolicy},
    writers::{Declared, ForeignWriter, PlannedWriters, UnreadPolicies, WritersSeen, WritingRule},
};

fn name(text: &str) -> SecretName {
    SecretName::parse(text).unwrap()
}

fn setting() -> Setting {
    Setting {
        wave: WaveName::parse("w1").unwrap(),
        environment: "test".into(),
        now: Timestamp::UNIX_EPOCH,
        ledger: LedgerId::new("l"),
        outgoing: SourceIdentity {
            account: "111122223333".into(),
            region: "eu-central-1".into(),
            caller_arn: "arn:aws:sts::111122223333:assumed-role/migration/ada".into(),
        },
        incoming: Target {
            address: "https://vault.example.internal:8200".into(),
            namespace: None,
            mount: "secret".into(),
            anchor: VaultPath::parse("migrate/anchor").unwrap(),
            survey: TargetSurvey {
                product: "OpenBao".into(),
                version: "2.7.2".into(),
                cluster_id: None,
                is_kv2: true,
                delete_version_after_seconds: 0,
                cas_required: false,
                max_versions: 0,
            },
            writers: PlannedWriters::default(),
        },
        writers: WritersSeen::default(),
        declared: Declared::default(),
        fence: Fence {
            exempt: vec!["arn:aws:iam::111122223333:role/migration".into()],
            mode: FenceMode::ResourcePolicy,
            existence: BTreeMap::new(),
            settle_seconds: 300,
            rotation_wait_seconds: 900,
            observed_by_probe: false,
        },
        principals: Principals::default(),
        quota_share: 0.8,
    }
}

fn candidate(text: &str) -> Candidate {
    let versions = VersionMap(BTreeMap::from([(SourceVersion::new("v1"), BTreeSet::from(["AWSCURRENT".to_owned()]))]));
    Candidate {
        name: name(text),
        source: name(text),
        stays: None,
        consumers: Vec::new(),
        seen: Sighting::Present(SourceSecret::plain(SecretArn::new("arn"), versions)),
        fence: Sighting::Present(FenceSeen::Open),
        target: Sighting::Absent,
        choice: Ok(Choice {
            encoding: Encoding::Text { property: "value".into() },
            rewritten: Vec::new(),
            stringified: Vec::new(),
        }),
        history: Ok(Vec::new()),
    }
}

fn planned(change: impl FnOnce(&mut Candidate)) -> Plan {
    let mut candidate = candidate("platform-data/postgres/orders");
    change(&mut candidate);
    build(setting(), &Handover::default(), vec![candidate])
}

fn with_secret(change: impl FnOnce(&mut SourceSecret)) -> Plan {
    planned(|candidate| {
        if let Sighting::Present(secret) = &mut candidate.seen {
            change(secret);
        }
    })
}

fn waits_for(plan: &Plan) -> &Obstacle {
    assert!(plan.members.is_empty(), "{plan:?}");
    &plan.waiting[0].obstacle
}

#[test]
fn what_can_go_on_is_a_member_and_the_plan_passes() {
    let plan = planned(|_| ());
    assert_eq!(plan.members.len(), 1);
    assert!(check(plan, terms(Goal::Commit)).is_ok());
}

// REQ OPS-1, INV-6: a plan is read back from its file as it was, with every obstacle typed.
#[test]
fn a_plan_survives_its_file_and_any_change_of_it_is_another_plan() {
    let mut plan = planned(|_| ());
    plan.waiting = with_secret(|secret| secret.rotation_enabled = true).waiting;
    plan.waiting.push(Waiting {
        name: name("a"),
        blocks: Blocks::Begin,
        obstacle: Obstacle::Unencodable(crate::codec::Unencodable::TooLarge),
    });
    let read: Plan = serde_json::from_str(&plan.to_json().unwrap()).unwrap();
    assert_eq!(read, plan);
    assert_eq!(read.digest().unwrap(), plan.digest().unwrap());
    let mut edited = read;
    edited.fence.settle_seconds = 0;
    assert_ne!(edited.digest().unwrap(), plan.digest().unwrap());
}

#[test]
fn each_state_that_stands_in_the_way_is_named() {
    assert_eq!(waits_for(&planned(|c| c.seen = Sighting::Absent)), &Obstacle::SourceAbsent);
    assert_eq!(waits_for(&planned(|c| c.stays = Some("RDS".into()))), &Obstacle::Stays { why: "RDS".into() });
    assert_eq!(waits_for(&with_secret(|s| s.deleted_at = Some(Timestamp::UNIX_EPOCH))), &Obstacle::SourceDeleted);
    assert_eq!(waits_for(&with_secret(|s| s.versions = VersionMap::default())), &Obstacle::SourceWithoutValue);
    assert_eq!(waits_for(&with_secret(|s| s.rotation_enabled = true)), &Obstacle::RotationManaged);
    assert_eq!(
        waits_for(&with_secret(|s| {
            s.versions.0.insert(SourceVersion::new("v2"), BTreeSet::from(["AWSPENDING".to_owned()]));
        })),
        &Obstacle::RotationInFlight
    );
    assert_eq!(
        waits_for(&with_secret(|s| s.owning_service = Some("rds".into()))),
        &Obstacle::ServiceOwned { service: "rds".into() }
    );
    assert_eq!(
        waits_for(&with_secret(|s| s.partner = Some("SalesforceClientSecret".into()))),
        &Obstacle::ManagedExternal { partner: "SalesforceClientSecret".into() }
    );
    assert_eq!(
        waits_for(&with_secret(|s| s.replica_regions = vec!["eu-west-1".into()])),
        &Obstacle::Replicated { regions: "eu-west-1".into() }
    );
    let entry = TargetEntry {
        current_version: Some(crate::id::TargetVersion(1)),
        gone_versions: BTreeSet::new(),
        mark: None,
        custom_metadata: BTreeMap::new(),
        delete_version_after_seconds: 0,
    };
    let gone = TargetEntry { gone_versions: BTreeSet::from([crate::id::TargetVersion(1)]), ..entry.clone() };
    let metadata_only = TargetEntry { current_version: None, ..entry.clone() };
    assert_eq!(waits_for(&planned(|c| c.target = Sighting::Present(entry))), &Obstacle::TargetForeign);
    assert_eq!(waits_for(&planned(|c| c.target = Sighting::Present(metadata_only))), &Obstacle::TargetForeign);
    assert_eq!(waits_for(&planned(|c| c.target = Sighting::Present(gone))), &Obstacle::TargetGone);
}

// REQ P4: what reads through the SDK would go on reading the old authority.
#[test]
fn an_sdk_consumer_blocks_the_commit_and_nothing_before_it() {
    let plan = planned(|c| c.consumers = vec![PlannedConsumer::sdk("orders")]);
    assert!(check(plan.clone(), terms(Goal::Verify)).is_ok());
    let findings = check(plan, terms(Goal::Commit)).unwrap_err();
    assert!(matches!(&findings[..], [Finding::Waiting { .. }]), "{findings:?}");
}

// REQ INV-1: readers are looked for, and one that nobody declared blocks by name.
#[test]
fn a_principal_that_nobody_declared_blocks_the_commit_and_the_plan_says_whether_anybody_looked() {
    use crate::principals::{Access, Principal, Seen};
    let plain = planned(|_| ());
    assert!(render(&plain).contains("nobody looked for others"), "{}", render(&plain));
    let seen = |access| Seen {
        principal: Principal::parse("arn:aws:iam::111122223333:role/batch").unwrap(),
        access,
        done: 1,
        refused: 0,
        last: Timestamp::UNIX_EPOCH,
        regions: BTreeSet::new(),
    };
    let looked_for = LookedFor {
        at: Timestamp::UNIX_EPOCH,
        sources: vec!["trail/".into()],
        from: Some(Timestamp::UNIX_EPOCH),
        until: Some(Timestamp::UNIX_EPOCH),
        unreadable: 2,
    };
    let undeclared = BTreeMap::from([
        (name("platform-data/postgres/orders"), vec![seen(Access::Reads), seen(Access::Writes)]),
        (name("platform-data/postgres/not-selected"), vec![seen(Access::Reads)]),
    ]);
    let principals = Principals { looked_for: Some(looked_for), undeclared };
    let plan = build(Setting { principals, ..setting() }, &Handover::default(), vec![candidate("platform-data/postgres/orders")]);
    let role = "arn:aws:iam::111122223333:role/batch";
    let principals = format!("{role} (reads), {role} (writes)");
    let obstacle = Obstacle::UndeclaredPrincipals { principals };
    assert_eq!(plan.waiting, [Waiting { name: name("platform-data/postgres/orders"), blocks: Blocks::Commit, obstacle }]);
    assert!(check(plan.clone(), terms(Goal::Verify)).is_ok());
    assert!(check(plan.clone(), terms(Goal::Commit)).is_err());
    let told = "looked for on 1970-01-01 in trail/, from 1970-01-01 to 1970-01-01; 2 records there could not be read";
    assert!(render(&plan).contains(told), "{}", render(&plan));
    assert_eq!(serde_json::from_str::<Plan>(&plan.to_json().unwrap()).unwrap(), plan);
}

#[test]
fn what_a_member_is_read_through_is_told_and_does_not_hold_up_its_commit() {
    let read = Read::Whole {
        secret_key: "config".into(),
        decoding_strategy: DecodingStrategy::None,
        version: None,
        metadata_policy: MetadataPolicy::None,
    };
    let delivery = PlannedDelivery::ExternalSecret {
        namespace: Some("apps".into()),
        name: "orders".into(),
        reads: vec![read],
        finds_beyond: Vec::new(),
    };
    let plan = planned(|c| c.consumers = vec![PlannedConsumer { application: "orders".into(), delivery }]);
    assert_eq!(plan.members[0].deliveries().collect::<Vec<_>>(), [DeliveryName::new("apps/orders")]);
    assert!(check(plan, terms(Goal::Complete)).is_ok());
}

// REQ ESO-5: after the switch a `find` names what it reads; it can't be switched for a part of what it reaches.
#[test]
fn a_find_is_told_and_blocks_the_commit_where_it_reaches_beyond_the_wave() {
    let found = |beyond: &[&str]| {
        let read = Read::Find {
            name: "platform-data/postgres/orders".into(),
            conversion_strategy: ConversionStrategy::Default,
            decoding_strategy: DecodingStrategy::None,
        };
        let delivery = PlannedDelivery::ExternalSecret {
            namespace: Some("apps".into()),
            name: "all".into(),
            reads: vec![read],
            finds_beyond: beyond.iter().map(|text| name(text)).collect(),
        };
        planned(|c| c.consumers = vec![PlannedConsumer { application: "orders".into(), delivery }])
    };
    let alone = found(&[]);
    assert!(
        render(&alone).contains("~ the `find` of apps/all becomes explicit reads of the 1 it matches today"),
        "{}",
        render(&alone)
    );
    assert!(check(alone, terms(Goal::Commit)).is_ok());
    let beyond = found(&["platform-data/postgres/billing"]);
    assert!(check(beyond.clone(), terms(Goal::Verify)).is_ok());
    let findings = check(beyond, terms(Goal::Commit)).unwrap_err();
    assert!(findings[0].to_string().contains("platform-data/postgres/billing"), "{findings:?}");
}

// REQ P2, P9: what would expire, and a fence that would bind ourselves, are found before anything is touched.
#[test]
fn a_plan_that_would_lock_us_out_or_let_copies_expire_is_refused() {
    let mut plan = planned(|_| ());
    plan.fence.exempt = vec!["arn:aws:iam::111122223333:role/other".into()];
    plan.incoming.survey.delete_version_after_seconds = 3600;
    plan.incoming.anchor = plan.members[0].path.clone();
    let findings = check(plan, terms(Goal::Fence)).unwrap_err();
    assert!(matches!(findings[..], [Finding::AnchorPath(_), Finding::Expires { .. }, Finding::LockedOut { .. }]), "{findings:?}");
}

// REQ P10: a member that was left out takes what only it waited for along, and parts the others from a `find` that reaches it.
#[test]
fn a_member_left_out_stands_in_nobodys_way_unless_a_find_reaches_both() {
    let find = |name: &str| {
        let read = Read::Find {
            name: name.into(),
            conversion_strategy: ConversionStrategy::Default,
            decoding_strategy: DecodingStrategy::None,
        };
        let delivery =
            PlannedDelivery::ExternalSecret { namespace: None, name: "all".into(), reads: vec![read], finds_beyond: Vec::new() };
        PlannedConsumer { application: "all".into(), delivery }
    };
    let wave = |found: bool| {
        let (mut one, mut other) = (candidate("platform-data/postgres/orders"), candidate("platform-data/postgres/billing"));
        one.consumers = vec![PlannedConsumer::sdk("orders")];
        if found {
            one.consumers.push(find("platform-data/postgres/orders"));
            other.consumers.push(find("platform-data/postgres/billing"));
        }
        build(setting(), &Handover::default(), vec![one, other])
    };
    let without = |left: &str| Terms { left_out: BTreeSet::from([name(left)]), ..terms(Goal::Commit) };
    assert!(check(wave(false), terms(Goal::Commit)).is_err(), "an application reads it through the SDK");
    assert!(check(wave(false), without("platform-data/postgres/orders")).is_ok());
    assert!(check(wave(false), without("platform-data/postgres/billing")).is_err());
    let findings = check(wave(true), without("platform-data/postgres/orders")).unwrap_err();
    assert!(findings[0].to_string().starts_with("platform-data/postgres/billing is reached by a `find`"), "{findings:?}");
}

// A rotation by a Lambda function is cancelled and waited out; what rotates itself never joins.
#[test]
fn a_rotated_secret_joins_and_its_plan_says_how_it_is_rotated() {
    let rotation =
        crate::observed::Rotation { lambda_arn: Some("arn:lambda".into()), after_days: Some(30), ..Default::default() };
    let plan = with_secret(|secret| {
        secret.rotation_enabled = true;
        secret.rotation = Some(rotation.clone());
        secret.versions.0.insert(SourceVersion::new("v2"), BTreeSet::from(["AWSPENDING".to_owned()]));
    });
    assert_eq!(plan.members[0].rotation, Some(rotation));
    assert!(render(&plan).contains("rotation of 1 is cancelled first, then 15 min are waited"), "{}", render(&plan));
}

fn terms(goal: Goal) -> Terms {
    Terms { goal, ..Terms::default() }
}

/// A plan for a store whose policies were seen so.
fn with_writers(seen: WritersSeen, declared: Declared) -> Plan {
    let setting = Setting { writers: seen, declared, ..setting() };
    build(setting, &Handover::default(), vec![candidate("platform-data/postgres/orders")])
}

// REQ P1: whoever else may write at the incoming side is named, and nothing is committed beside them.
#[test]
fn a_foreign_writer_blocks_the_commit_and_nothing_before_it() {
    let seen = || WritersSeen {
        ours: BTreeSet::from(["migrate".into()]),
        foreign: vec![ForeignWriter {
            policy: "push-secrets".into(),
            rules: BTreeSet::from([WritingRule {
                path: "secret/data/*".into(),
                capabilities: BTreeSet::from(["create".into(), "update".into()]),
            }]),
            reaches: BTreeSet::from([VaultPath::parse("platform-data/postgres/orders").unwrap()]),
        }],
        unread: BTreeSet::new(),
    };
    let plan = with_writers(seen(), Declared::default());
    let text = render(&plan);
    assert!(text.contains("! policy push-secrets lets write to 1 of these (create, update on secret/data/*)"), "{text}");
    let read: Plan = serde_json::from_str(&plan.to_json().unwrap()).unwrap();
    assert_eq!(read, plan);
    assert!(check(plan.clone(), terms(Goal::Verify)).is_ok());
    let findings = check(plan, terms(Goal::Commit)).unwrap_err();
    assert!(findings[0].to_string().contains("holders of push-secrets"), "{findings:?}");

    let named = Declared { administrators: BTreeSet::from(["push-secrets".into()]), policies: false };
    let plan = with_writers(seen(), named);
    assert!(render(&plan).contains("~ policy push-secrets"), "{}", render(&plan));
    assert!(check(plan, terms(Goal::Commit)).is_ok());
}

#[test]
fn policies_that_can_not_be_read_block_the_commit_until_they_are_declared() {
    let seen = || WritersSeen {
        unread: BTreeSet::from([UnreadPolicies::Namespace { namespace: String::new() }]),
        ..WritersSeen::default()
    };
    let plan = with_writers(seen(), Declared::default());
    assert!(check(plan.clone(), terms(Goal::Verify)).is_ok());
    assert!(matches!(check(plan, terms(Goal::Commit)).unwrap_err()[..], [Finding::WritersUnread(_)]));
    let plan = with_writers(seen(), Declared { policies: true, ..Declared::default() });
    let text = render(&plan);
    assert!(text.contains("declared, not observed, for the policies of the root namespace"), "{text}");
    assert!(check(plan, terms(Goal::Commit)).is_ok());
}

// What does not fit beside the copy is told, secret by secret.
#[test]
fn what_is_not_carried_is_told() {
    let plan = with_secret(|secret| secret.tags = BTreeMap::from([("empty".into(), String::new()), ("team".into(), "a".into())]));
    assert_eq!(plan.members[0].carried.kept, BTreeMap::from([("aws-tag/team".to_owned(), "a".to_owned())]));
    let text = render(&plan);
    assert!(text.contains("~ aws-tag/empty is not carried: it is empty; it stays readable in the plan file"), "{text}");
    let read: Plan = serde_json::from_str(&plan.to_json().unwrap()).unwrap();
    assert_eq!(read, plan);
}

#[test]
fn a_mount_that_keeps_fewer_versions_than_are_replayed_is_refused() {
    let older = |id: &str| PlannedVersion {
        version: SourceVersion::new(id),
        labels: BTreeSet::from(["AWSPREVIOUS".to_owned()]),
        created_at: Timestamp::UNIX_EPOCH,
        choice: candidate("a").choice.unwrap(),
    };
    let mut plan = planned(|c| c.history = Ok(vec![older("v-1"), older("v0")]));
    assert!(render(&plan).contains("· version 3, after 2 older"), "{}", render(&plan));
    assert_eq!(plan.begun().values().next().unwrap().newest(), crate::id::TargetVersion(3));
    let read: Plan = serde_json::from_str(&plan.to_json().unwrap()).unwrap();
    assert_eq!(read, plan);
    assert!(check(plan.clone(), terms(Goal::Commit)).is_ok());
    plan.incoming.survey.max_versions = 2;
    let findings = check(plan, terms(Goal::Fence)).unwrap_err();
    assert!(matches!(findings[..], [Finding::TooFewVersions { kept: 2, needed: 3, .. }]), "{findings:?}");
}
