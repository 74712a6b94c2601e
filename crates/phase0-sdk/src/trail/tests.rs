//! Made-up records, as CloudTrail's own documentation shows their fields.

use std::{collections::BTreeSet, io::Write as _};

use flate2::{Compression, write::GzEncoder};
use insta::assert_snapshot;
use jiff::Timestamp;
use migrate_core::name::SecretName;
use serde_json::{Value, json};

use super::*;

const CANARY: &str = "canary-never-kept";
const SECRET: &str = "prod/orders/db";

/// A record with everything that CloudTrail writes and nobody here may keep.
#[expect(clippy::needless_pass_by_value, reason = "what is made up for one record")]
fn record(event: &str, time: &str, identity: Value, asked: Value) -> Value {
    json!({
        "eventVersion": "1.11", "userIdentity": identity, "eventTime": format!("2026-11-{time}Z"),
        "eventSource": "secretsmanager.amazonaws.com", "eventName": event, "awsRegion": "eu-west-1", "sourceIPAddress": CANARY,
        "userAgent": CANARY, "requestParameters": asked, "responseElements": null, "requestID": CANARY,
        "additionalEventData": { "x": CANARY }, "readOnly": true, "eventType": "AwsApiCall", "managementEvent": true,
        "recipientAccountId": "111122223333", "eventCategory": "Management", "tlsDetails": { "clientProvidedHostHeader": CANARY },
    })
}

fn role(arn: &str) -> Value {
    let session = format!("arn:aws:sts::111122223333:assumed-role/{}/{CANARY}", arn.rsplit('/').next().unwrap());
    json!({
        "type": "AssumedRole", "principalId": format!("AROAEXAMPLE:{CANARY}"), "arn": session, "accountId": "111122223333",
        "accessKeyId": CANARY, "sessionContext": {
            "sessionIssuer": { "type": "Role", "principalId": CANARY, "arn": arn, "accountId": "111122223333", "userName": "x" },
            "attributes": { "creationDate": "2026-11-20T00:00:00Z", "mfaAuthenticated": "false" } },
    })
}

fn user(name: &str) -> Value {
    json!({ "type": "IAMUser", "principalId": CANARY, "arn": format!("arn:aws:iam::111122223333:user/{name}"),
            "accountId": "111122223333", "accessKeyId": CANARY, "userName": name })
}

fn of(secret: &str) -> Value {
    json!({ "secretId": secret, "versionStage": CANARY, "clientRequestToken": CANARY })
}

fn orders() -> Value {
    role("arn:aws:iam::111122223333:role/apps/orders")
}

fn gather() -> Gather {
    let names = [SECRET, "prod/orders", "prod/orders-AbC123"];
    Gather::new(names.iter().map(|name| SecretName::parse(name).unwrap()).collect(), None)
}

fn file(records: &[Value]) -> Vec<u8> {
    json!({ "Records": records }).to_string().into_bytes()
}

/// What was gathered, one line each.
fn told(gather: Gather) -> String {
    let gathered = gather.finish(Timestamp::UNIX_EPOCH, "trail/".to_owned());
    let text = gathered.found.to_json().unwrap();
    assert!(!format!("{text}{gathered:?}").contains(CANARY), "{text}");
    let mut lines = Vec::new();
    for (secret, seen) in &gathered.found.secrets {
        for seen in seen {
            let regions = seen.regions.iter().cloned().collect::<Vec<_>>().join("+");
            lines.push(format!("{secret}: {seen} {}/{} {} {regions}", seen.done, seen.refused, seen.last.strftime("%d %H:%M")));
        }
    }
    lines.extend(gathered.faults.iter().map(ToString::to_string));
    let look = &gathered.found.looks[0];
    let day = |at: Option<Timestamp>| at.map_or("-".to_owned(), |at| at.strftime("%d").to_string());
    lines.push(format!(
        "{} records, {} unreadable, {}..{}, accounts {}",
        look.records,
        look.unreadable,
        day(look.from),
        day(look.until),
        gathered.accounts.into_iter().collect::<Vec<_>>().join(" ")
    ));
    lines.join("\n")
}

// REQ INV-1
#[test]
fn every_kind_of_principal_is_told_by_what_a_policy_would_name() {
    let sso =
        role("arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123456789abcdef");
    let linked = role("arn:aws:iam::111122223333:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS");
    let rotation = role("arn:aws:iam::111122223333:role/service-role/orders-rotation");
    let without_issuer = json!({ "type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/old/i-0abc",
                                 "accountId": "111122223333" });
    let foreign = json!({ "type": "AWSAccount", "principalId": format!("AROAEXAMPLE:{CANARY}"), "accountId": "999988887777" });
    let foreign_role = json!({ "type": "AssumedRole", "accountId": "999988887777", "sessionContext": { "sessionIssuer": {
                               "arn": "arn:aws:iam::999988887777:role/reports" } } });
    let service = json!({ "type": "AWSService", "invokedBy": "ecs.amazonaws.com" });
    let root = json!({ "type": "Root", "arn": "arn:aws:iam::111122223333:root", "accountId": "111122223333" });
    let federated = json!({ "type": "FederatedUser", "arn": "arn:aws:sts::111122223333:federated-user/ada",
                            "accountId": "111122223333", "sessionContext": { "sessionIssuer": { "arn": "arn:aws:iam::111122223333:user/broker" } } });
    let arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/orders/db-Xy12Zz";
    let mut rotated = record(
        "RotationSucceeded",
        "21T04:00:00",
        json!({ "accountId": "111122223333",
        "invokedBy": "secretsmanager.amazonaws.com" }),
        Value::Null,
    );
    rotated["additionalEventData"] = json!({ "SecretId": arn });
    let mut created = record("CreateSecret", "02T01:00:00", user("ada"), json!({ "name": SECRET, "description": CANARY }));
    created["responseElements"] = json!({ "aRN": arn, "name": SECRET });
    let mut everything = gather();
    everything.file(
        "all.json",
        file(&[
            created,
            record("GetSecretValue", "20T10:00:00", orders(), of(SECRET)),
            record("GetSecretValue", "20T11:00:00", orders(), of(arn)),
            record("GetSecretValue", "03T11:00:00", sso, of(SECRET)),
            record("GetSecretValue", "04T11:00:00", without_issuer, of(SECRET)),
            record("GetSecretValue", "05T11:00:00", foreign, of(arn)),
            record("GetSecretValue", "05T12:00:00", foreign_role, of(arn)),
            record("GetSecretValue", "06T11:00:00", service, of(arn)),
            record("PutSecretValue", "21T04:00:00", rotation.clone(), of(arn)),
            record("UpdateSecretVersionStage", "21T04:01:00", rotation, of(arn)),
            rotated,
            record("TagResource", "07T11:00:00", linked, of(SECRET)),
            record("DeleteSecret", "08T11:00:00", root, of(SECRET)),
            record("GetSecretValue", "09T11:00:00", federated, of(SECRET)),
            // Neither reads nor writes, or a secret that nobody asked for.
            record("DescribeSecret", "10T11:00:00", user("eve"), of(SECRET)),
            record("BatchGetSecretValue", "10T11:00:00", user("eve"), json!({ "secretIdList": [SECRET] })),
            record("ListSecrets", "10T11:00:00", user("eve"), json!({ "filters": [] })),
            record("GetSecretValue", "10T11:00:00", user("eve"), of("other")),
            json!({ "eventSource": "kms.amazonaws.com", "eventVersion": 7 }),
        ]),
    );
    assert_snapshot!(told(everything), @r"
    prod/orders/db: 999988887777 (reads) 1/0 05 11:00 eu-west-1
    prod/orders/db: arn:aws:iam::111122223333:role/apps/orders (reads) 2/0 20 11:00 eu-west-1
    prod/orders/db: arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123456789abcdef (reads) 1/0 03 11:00 eu-west-1
    prod/orders/db: arn:aws:iam::111122223333:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS (writes) 1/0 07 11:00 eu-west-1
    prod/orders/db: arn:aws:iam::111122223333:role/old (reads) 1/0 04 11:00 eu-west-1
    prod/orders/db: arn:aws:iam::111122223333:role/service-role/orders-rotation (writes) 2/0 21 04:01 eu-west-1
    prod/orders/db: arn:aws:iam::111122223333:root (writes) 1/0 08 11:00 eu-west-1
    prod/orders/db: arn:aws:iam::111122223333:user/ada (writes) 1/0 02 01:00 eu-west-1
    prod/orders/db: arn:aws:iam::999988887777:role/reports (reads) 1/0 05 12:00 eu-west-1
    prod/orders/db: arn:aws:sts::111122223333:federated-user/ada (reads) 1/0 09 11:00 eu-west-1
    prod/orders/db: ecs.amazonaws.com (reads) 1/0 06 11:00 eu-west-1
    prod/orders/db: secretsmanager.amazonaws.com (writes) 1/0 21 04:00 eu-west-1
    18 records, 0 unreadable, 02..21, accounts 111122223333
    ");
}

#[test]
fn an_arn_is_told_from_a_name_that_ends_like_one() {
    let mut gather = gather();
    let arn = |text: &str| of(&format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:{text}"));
    for asked in ["prod/orders-AbC123-Xy12Zz", "prod/orders-Xy12Zz", "prod/orders/db", "prod/other-Xy12Zz"] {
        gather.file("f", file(&[record("GetSecretValue", "20T10:00:00", orders(), arn(asked))]));
    }
    assert_snapshot!(told(gather), @r"
    prod/orders: arn:aws:iam::111122223333:role/apps/orders (reads) 1/0 20 10:00 eu-west-1
    prod/orders-AbC123: arn:aws:iam::111122223333:role/apps/orders (reads) 1/0 20 10:00 eu-west-1
    prod/orders/db: arn:aws:iam::111122223333:role/apps/orders (reads) 1/0 20 10:00 eu-west-1
    4 records, 0 unreadable, 20..20, accounts 111122223333
    ");
}

#[test]
fn a_refused_call_is_an_attempt_and_hides_no_read() {
    let mut gather = gather();
    let mut denied = record("GetSecretValue", "22T10:00:00", orders(), of(SECRET));
    denied["errorCode"] = json!("AccessDenied");
    denied["errorMessage"] = json!(CANARY);
    let mut only_denied = denied.clone();
    only_denied["userIdentity"] = user("eve");
    // AWS leaves the parameters of a denied call out at times: nobody can say which secret it was.
    let mut unnamed = denied.clone();
    unnamed["requestParameters"] = Value::Null;
    let read = record("GetSecretValue", "20T10:00:00", orders(), of(SECRET));
    gather.file("f", file(&[denied.clone(), read, denied, only_denied, unnamed]));
    assert_snapshot!(told(gather), @r"
    prod/orders/db: arn:aws:iam::111122223333:role/apps/orders (reads) 1/2 20 10:00 eu-west-1
    prod/orders/db: arn:aws:iam::111122223333:user/eve (reads) 0/1 22 10:00 eu-west-1
    5 records, 0 unreadable, 20..22, accounts 111122223333
    ");
}

#[test]
fn what_cannot_be_read_is_named_by_file_and_record_and_hides_nothing_else() {
    let good = record("GetSecretValue", "20T10:00:00", orders(), of(SECRET));
    let with = |field: &str, value: Value| {
        let mut record = good.clone();
        record[field] = value;
        record
    };
    let mut gather = gather();
    gather.file(
        "broken.json",
        file(&[
            good.clone(),
            json!(CANARY),
            json!({}),
            with("eventVersion", json!("2.0")),
            with("eventVersion", Value::Null),
            with("eventTime", json!(CANARY)),
            with("eventName", Value::Null),
            with("userIdentity", json!({ "type": "WebIdentityUser", "userName": CANARY })),
            with("userIdentity", json!({ "type": "AWSService", "invokedBy": "AWS Internal" })),
            with("requestParameters", json!({ "secretId": [CANARY] })),
            with("requestParameters", json!({})),
            with("awsRegion", json!("eu west")),
            good.clone(),
        ]),
    );
    let lines = format!("{good}\n{CANARY}\n\n{}\n", good.to_string().replace("20T10", "21T10"));
    gather.file("lines.jsonl", lines.into_bytes());
    gather.file("nothing.json", CANARY.as_bytes().to_vec());
    gather.file("other.json", br#"{"detail": {}}"#.to_vec());
    gather.file("binary.json", vec![0xff, 0xfe]);
    gather.file("cut.json.gz", packed(&file(&[good]))[..40].to_vec());
    assert_snapshot!(told(gather), @r"
    prod/orders/db: arn:aws:iam::111122223333:role/apps/orders (reads) 4/0 21 10:00 eu-west-1
    broken.json, record 2: its `eventSource` is missing, or is not what CloudTrail writes there
    broken.json, record 3: its `eventSource` is missing, or is not what CloudTrail writes there
    broken.json, record 4: its event version is not 1.x
    broken.json, record 5: its event version is not 1.x
    broken.json, record 6: its `eventTime` is missing, or is not what CloudTrail writes there
    broken.json, record 7: its `eventName` is missing, or is not what CloudTrail writes there
    broken.json, record 8: its `userIdentity` names no principal
    broken.json, record 9: its `userIdentity` names no principal
    broken.json, record 10: its `requestParameters` is missing, or is not what CloudTrail writes there
    broken.json, record 11: its `requestParameters.secretId` is missing, or is not what CloudTrail writes there
    broken.json, record 12: its `awsRegion` is missing, or is not what CloudTrail writes there
    lines.jsonl, record 2: it is no JSON
    nothing.json: it is no JSON
    other.json: it holds no records of CloudTrail
    binary.json: it is no JSON
    cut.json.gz: it is no complete gzip file
    4 records, 16 unreadable, 20..21, accounts 111122223333
    ");
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

#[test]
fn every_form_of_file_is_read_and_a_record_in_two_of_them_counts_once() {
    let with_id = |id: u32| {
        let mut record = record("GetSecretValue", "20T10:00:00", orders(), of(SECRET));
        record["eventID"] = json!(format!("00000000-0000-0000-0000-{id:012}"));
        record
    };
    let mut gather = gather();
    let two_packed = [packed(b"{\"Records\":["), packed(format!("{},{}]}}", with_id(1), with_id(2)).as_bytes())].concat();
    gather.file("packed.json.gz", two_packed);
    let printed = json!({ "Events": [
        { "EventId": "x", "Username": CANARY, "CloudTrailEvent": with_id(2).to_string() },
        { "EventId": "x", "CloudTrailEvent": with_id(3).to_string() },
        { "EventId": "x" },
    ], "NextToken": CANARY });
    gather.file("printed.json", serde_json::to_vec_pretty(&printed).unwrap());
    gather.file("list.json", json!([with_id(4)]).to_string().into_bytes());
    gather.file("one.json", serde_json::to_vec_pretty(&with_id(5)).unwrap());
    assert_snapshot!(told(gather), @r"
    prod/orders/db: arn:aws:iam::111122223333:role/apps/orders (reads) 5/0 20 10:00 eu-west-1
    printed.json, record 3: its `CloudTrailEvent` is missing, or is not what CloudTrail writes there
    6 records, 1 unreadable, 20..20, accounts 111122223333
    ");
}

#[test]
fn the_same_name_in_two_accounts_is_told_and_can_be_told_apart() {
    let mut other = record("GetSecretValue", "20T10:00:00", user("eve"), of(SECRET));
    other["userIdentity"]["accountId"] = json!("444455556666");
    other["userIdentity"]["arn"] = json!("arn:aws:iam::444455556666:user/eve");
    let records = [record("GetSecretValue", "20T10:00:00", orders(), of(SECRET)), other];
    let mut both = gather();
    both.file("f", file(&records));
    let gathered = both.finish(Timestamp::UNIX_EPOCH, String::new());
    assert_eq!(gathered.accounts, BTreeSet::from(["111122223333".to_owned(), "444455556666".to_owned()]));
    let mut one = Gather::new(BTreeSet::from([SecretName::parse(SECRET).unwrap()]), Some("111122223333".to_owned()));
    one.file("f", file(&records));
    assert_snapshot!(told(one), @r"
    prod/orders/db: arn:aws:iam::111122223333:role/apps/orders (reads) 1/0 20 10:00 eu-west-1
    2 records, 0 unreadable, 20..20, accounts 111122223333
    ");
}
