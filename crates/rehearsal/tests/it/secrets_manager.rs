//! Secrets Manager, as the API's documentation and recorded answers of AWS have it.

use rehearsal::{
    felt::{Judge, TakesEffect},
    secrets_manager::{SecretsManager, Settings},
};
use serde_json::{Value, json};

use crate::client::{Hand, MIGRATION, OTHER, aws, aws_as, aws_refused, principals, token};

/// A fence-like policy: everybody but the migration role is denied these operations.
pub(crate) fn deny(actions: &[&str]) -> String {
    let actions: Vec<String> = actions.iter().map(|action| format!("secretsmanager:{action}")).collect();
    let condition = json!({"ArnNotEquals": {"aws:PrincipalArn": ["arn:aws:iam::123456789012:role/path/migration"]}});
    let statement = json!([{"Effect": "Deny", "Principal": "*", "Action": actions, "Resource": "*", "Condition": condition}]);
    json!({"Version": "2012-10-17", "Statement": statement}).to_string()
}

pub(crate) async fn start(hand: &Hand, takes_effect: TakesEffect) -> SecretsManager {
    SecretsManager::start(Settings {
        account: "123456789012".into(),
        region: "eu-central-1".into(),
        principals: principals(),
        takes_effect,
        judge: Judge::strict(),
        clock: hand.clock(),
        seed: 1,
    })
    .await
    .unwrap()
}

async fn started() -> (SecretsManager, String) {
    let emulator = start(&Hand::new(), TakesEffect::AtOnce).await;
    let url = emulator.url();
    (emulator, url)
}

async fn refused(url: &str, operation: &str, input: Value) -> String {
    aws_refused(url, MIGRATION, operation, input).await.0
}

#[tokio::test]
async fn text_and_binary_come_back_as_they_were() {
    let (_emulator, url) = started().await;
    let made =
        aws(&url, "CreateSecret", json!({"Name": "a", "ClientRequestToken": token(1), "SecretString": "x\u{0}\r\n"})).await;
    aws(&url, "CreateSecret", json!({"Name": "b", "ClientRequestToken": token(2), "SecretBinary": "AAH/"})).await;
    let text = aws(&url, "GetSecretValue", json!({"SecretId": "a"})).await;
    assert_eq!(text["SecretString"], "x\u{0}\r\n");
    assert_eq!(text["VersionId"], json!(token(1)));
    assert_eq!(text["VersionStages"], json!(["AWSCURRENT"]));
    assert_eq!(text["SecretBinary"], Value::Null);
    let by_arn = aws(&url, "GetSecretValue", json!({"SecretId": made["ARN"]})).await;
    assert_eq!(by_arn, text);
    let binary = aws(&url, "GetSecretValue", json!({"SecretId": "b"})).await;
    assert_eq!(binary["SecretBinary"], "AAH/");
    assert_eq!(binary["SecretString"], Value::Null);
}

#[tokio::test]
async fn a_request_token_makes_a_write_repeatable_and_guards_its_version() {
    let (_emulator, url) = started().await;
    let create = json!({"Name": "a", "ClientRequestToken": token(1), "SecretString": "1"});
    let first = aws(&url, "CreateSecret", create.clone()).await;
    assert_eq!(aws(&url, "CreateSecret", create).await, first);
    let other = json!({"Name": "a", "ClientRequestToken": token(2), "SecretString": "1"});
    assert_eq!(refused(&url, "CreateSecret", other).await, "ResourceExistsException");

    let put = json!({"SecretId": "a", "ClientRequestToken": token(1), "SecretString": "1"});
    assert_eq!(aws(&url, "PutSecretValue", put).await["VersionId"], json!(token(1)));
    let probe = json!({"SecretId": "a", "ClientRequestToken": token(1), "SecretString": "2"});
    let (code, message) = aws_refused(&url, MIGRATION, "PutSecretValue", probe).await;
    assert_eq!(code, "ResourceExistsException");
    let arn = first["ARN"].as_str().unwrap();
    let said = format!(
        "You can't use ClientRequestToken {} because that value is already in use for a version of secret {arn}.",
        token(1)
    );
    assert_eq!(message, said);
    let without = json!({"SecretId": "a", "SecretString": "2"});
    assert_eq!(refused(&url, "PutSecretValue", without).await, "InvalidRequestException");
}

#[tokio::test]
async fn labels_move_and_leave_the_previous_one_behind() {
    let (_emulator, url) = started().await;
    aws(&url, "CreateSecret", json!({"Name": "a", "ClientRequestToken": token(1), "SecretString": "1"})).await;
    aws(&url, "PutSecretValue", json!({"SecretId": "a", "ClientRequestToken": token(2), "SecretString": "2"})).await;
    let pending = json!({"SecretId": "a", "ClientRequestToken": token(3), "SecretString": "3", "VersionStages": ["AWSPENDING"]});
    aws(&url, "PutSecretValue", pending).await;
    let stages = |seen: Value| seen["VersionIdsToStages"].clone();
    let seen = stages(aws(&url, "DescribeSecret", json!({"SecretId": "a"})).await);
    assert_eq!(seen, json!({token(1): ["AWSPREVIOUS"], token(2): ["AWSCURRENT"], token(3): ["AWSPENDING"]}));

    let moved = json!({"SecretId": "a", "VersionStage": "AWSCURRENT", "MoveToVersionId": token(3)});
    assert_eq!(refused(&url, "UpdateSecretVersionStage", moved.clone()).await, "InvalidParameterException");
    let mut moved = moved;
    moved["RemoveFromVersionId"] = json!(token(2));
    aws(&url, "UpdateSecretVersionStage", moved).await;
    let seen = stages(aws(&url, "DescribeSecret", json!({"SecretId": "a"})).await);
    // The first version has no label left, is deprecated, and is not shown.
    assert_eq!(seen, json!({token(2): ["AWSPREVIOUS"], token(3): ["AWSCURRENT", "AWSPENDING"]}));

    let previous = aws(&url, "GetSecretValue", json!({"SecretId": "a", "VersionStage": "AWSPREVIOUS"})).await;
    assert_eq!(previous["SecretString"], "2");
    let by_id = aws(&url, "GetSecretValue", json!({"SecretId": "a", "VersionId": token(1)})).await;
    assert_eq!(by_id["SecretString"], "1");
    let both = |version: u32| json!({"SecretId": "a", "VersionId": token(version), "VersionStage": "AWSPENDING"});
    assert_eq!(aws(&url, "GetSecretValue", both(3)).await["SecretString"], "3");
    assert_eq!(refused(&url, "GetSecretValue", both(2)).await, "InvalidRequestException");
    let removed = json!({"SecretId": "a", "VersionStage": "AWSCURRENT", "RemoveFromVersionId": token(3)});
    assert_eq!(refused(&url, "UpdateSecretVersionStage", removed).await, "InvalidParameterException");
}

#[tokio::test]
async fn a_batch_takes_twenty_ids_and_answers_in_part() {
    let (_emulator, url) = started().await;
    aws(&url, "CreateSecret", json!({"Name": "a", "ClientRequestToken": token(1), "SecretString": "1"})).await;
    aws(&url, "CreateSecret", json!({"Name": "empty", "ClientRequestToken": token(1)})).await;
    aws(&url, "CreateSecret", json!({"Name": "gone", "ClientRequestToken": token(1), "SecretString": "1"})).await;
    aws(&url, "DeleteSecret", json!({"SecretId": "gone"})).await;
    let read = aws(&url, "BatchGetSecretValue", json!({"SecretIdList": ["a", "nope", "empty", "gone"]})).await;
    assert_eq!(read["SecretValues"].as_array().unwrap().len(), 1);
    assert_eq!(read["SecretValues"][0]["SecretString"], "1");
    let errors: Vec<_> = read["Errors"].as_array().unwrap().iter().map(|e| (&e["SecretId"], &e["ErrorCode"])).collect();
    let (missing, invalid) = (json!("ResourceNotFoundException"), json!("InvalidRequestException"));
    assert_eq!(errors, [(&json!("nope"), &missing), (&json!("empty"), &missing), (&json!("gone"), &invalid)]);
    let ids: Vec<String> = (0..21).map(|n| format!("s{n}")).collect();
    assert_eq!(refused(&url, "BatchGetSecretValue", json!({"SecretIdList": ids})).await, "ValidationException");
}

#[tokio::test]
async fn a_secret_without_a_value_says_so() {
    let (_emulator, url) = started().await;
    aws(&url, "CreateSecret", json!({"Name": "empty", "ClientRequestToken": token(1)})).await;
    let (code, message) = aws_refused(&url, MIGRATION, "GetSecretValue", json!({"SecretId": "empty"})).await;
    assert_eq!(code, "ResourceNotFoundException");
    assert_eq!(message, "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT");
    let described = aws(&url, "DescribeSecret", json!({"SecretId": "empty"})).await;
    assert_eq!(described.get("VersionIdsToStages"), None);
}

#[tokio::test]
async fn lists_come_in_pages_and_by_filter() {
    let (_emulator, url) = started().await;
    for n in 0..7 {
        let name = format!("team/{n}");
        aws(
            &url,
            "CreateSecret",
            json!({"Name": name, "ClientRequestToken": token(n), "SecretString": "1", "Tags": [{"Key": "k", "Value": ""}]}),
        )
        .await;
    }
    aws(&url, "DeleteSecret", json!({"SecretId": "team/6"})).await;
    let mut names = Vec::new();
    let mut next = Value::Null;
    loop {
        let mut input = json!({"MaxResults": 3, "IncludePlannedDeletion": true});
        if next.is_string() {
            input["NextToken"] = next;
        }
        let page = aws(&url, "ListSecrets", input).await;
        names.extend(page["SecretList"].as_array().unwrap().iter().map(|line| line["Name"].as_str().unwrap().to_owned()));
        next = page["NextToken"].clone();
        if next.is_null() {
            break;
        }
    }
    assert_eq!(names, (0..7).map(|n| format!("team/{n}")).collect::<Vec<_>>());
    let live = aws(&url, "ListSecrets", json!({})).await;
    assert_eq!(live["SecretList"].as_array().unwrap().len(), 6);
    assert_eq!(live["SecretList"][0]["Tags"], json!([{"Key": "k", "Value": ""}]));
    assert_eq!(live["SecretList"][0]["SecretVersionsToStages"], json!({token(0): ["AWSCURRENT"]}));
    let filtered = |values: Value| json!({"Filters": [{"Key": "name", "Values": values}]});
    assert_eq!(aws(&url, "ListSecrets", filtered(json!(["team/1"]))).await["SecretList"].as_array().unwrap().len(), 1);
    assert_eq!(aws(&url, "ListSecrets", filtered(json!(["!team/1"]))).await["SecretList"].as_array().unwrap().len(), 5);
    assert_eq!(refused(&url, "ListSecrets", json!({"MaxResults": 101})).await, "ValidationException");
    assert_eq!(refused(&url, "ListSecrets", json!({"NextToken": "?"})).await, "InvalidNextTokenException");
}

#[tokio::test]
async fn sizes_and_names_are_limited_as_documented() {
    let (_emulator, url) = started().await;
    let create = |name: &str, value: String| json!({"Name": name, "ClientRequestToken": token(1), "SecretString": value});
    aws(&url, "CreateSecret", create("most", "x".repeat(65_536))).await;
    assert_eq!(refused(&url, "CreateSecret", create("more", "x".repeat(65_537))).await, "ValidationException");
    // Bytes, not characters.
    assert_eq!(refused(&url, "CreateSecret", create("wide", "é".repeat(32_769))).await, "ValidationException");
    for name in ["", "with space", "colon:", "ü", &"n".repeat(513)] {
        assert_eq!(refused(&url, "CreateSecret", create(name, "1".into())).await, "ValidationException", "{name}");
    }
    aws(&url, "CreateSecret", create("rds!A-z0/9_+=.@-", "1".into())).await;
    let policy = format!("{}{}", deny(&["PutSecretValue"]), " ".repeat(20_480));
    let put = json!({"SecretId": "most", "ResourcePolicy": policy});
    assert_eq!(refused(&url, "PutResourcePolicy", put).await, "ValidationException");
    let tags = |from: usize, to: usize| (from..to).map(|n| json!({"Key": n.to_string(), "Value": "v"})).collect::<Vec<_>>();
    aws(&url, "TagResource", json!({"SecretId": "most", "Tags": tags(0, 50)})).await;
    assert_eq!(
        refused(&url, "TagResource", json!({"SecretId": "most", "Tags": tags(50, 51)})).await,
        "InvalidParameterException"
    );
    aws(&url, "UntagResource", json!({"SecretId": "most", "TagKeys": ["0"]})).await;
    aws(&url, "TagResource", json!({"SecretId": "most", "Tags": tags(50, 51)})).await;
}

#[tokio::test]
async fn deletion_waits_for_its_window_and_blocks_the_name() {
    let hand = Hand::new();
    let emulator = start(&hand, TakesEffect::AtOnce).await;
    let url = emulator.url();
    let create = json!({"Name": "a", "ClientRequestToken": token(1), "SecretString": "1"});
    let first = aws(&url, "CreateSecret", create.clone()).await;
    for days in [6, 31] {
        let delete = json!({"SecretId": "a", "RecoveryWindowInDays": days});
        assert_eq!(refused(&url, "DeleteSecret", delete).await, "InvalidParameterException");
    }
    aws(&url, "DeleteSecret", json!({"SecretId": "a", "RecoveryWindowInDays": 7})).await;
    let (code, message) = aws_refused(&url, MIGRATION, "GetSecretValue", json!({"SecretId": "a"})).await;
    assert_eq!(code, "InvalidRequestException");
    assert_eq!(message, "You can't perform this operation on the secret because it was marked for deletion.");
    assert_eq!(refused(&url, "CreateSecret", create.clone()).await, "InvalidRequestException");
    assert!(aws(&url, "DescribeSecret", json!({"SecretId": "a"})).await["DeletedDate"].is_f64());
    aws(&url, "RestoreSecret", json!({"SecretId": "a"})).await;
    aws(&url, "GetSecretValue", json!({"SecretId": "a"})).await;
    aws(&url, "DeleteSecret", json!({"SecretId": "a", "RecoveryWindowInDays": 7})).await;
    hand.pass(7 * 86_400);
    assert_eq!(refused(&url, "DescribeSecret", json!({"SecretId": "a"})).await, "ResourceNotFoundException");
    let second = aws(&url, "CreateSecret", create).await;
    assert_ne!(first["ARN"], second["ARN"], "a secret made anew has another suffix");
    assert_eq!(refused(&url, "GetSecretValue", json!({"SecretId": first["ARN"]})).await, "ResourceNotFoundException");
    emulator.set_replica_regions("a", &["eu-west-1"]).unwrap();
    assert_eq!(refused(&url, "DeleteSecret", json!({"SecretId": "a"})).await, "InvalidRequestException");
}

#[tokio::test]
async fn dates_tell_changes_and_days_of_access() {
    let hand = Hand::new();
    let emulator = start(&hand, TakesEffect::AtOnce).await;
    let url = emulator.url();
    aws(&url, "CreateSecret", json!({"Name": "a", "ClientRequestToken": token(1), "SecretString": "1"})).await;
    let seen = aws(&url, "DescribeSecret", json!({"SecretId": "a"})).await;
    assert_eq!(seen["CreatedDate"], 1_800_000_000.0);
    assert_eq!(seen["LastAccessedDate"], Value::Null);
    hand.pass(100);
    aws(&url, "GetSecretValue", json!({"SecretId": "a"})).await;
    aws(&url, "TagResource", json!({"SecretId": "a", "Tags": [{"Key": "k", "Value": "v"}]})).await;
    let seen = aws(&url, "DescribeSecret", json!({"SecretId": "a"})).await;
    assert_eq!(seen["LastChangedDate"], 1_800_000_100.0);
    assert_eq!(seen["LastAccessedDate"], 1_799_971_200.0, "midnight");
}

#[tokio::test]
async fn a_stored_policy_is_read_back_at_once_and_felt_when_settled() {
    let emulator = start(&Hand::new(), TakesEffect::WhenSettled).await;
    let url = emulator.url();
    for name in ["a", "b"] {
        aws(&url, "CreateSecret", json!({"Name": name, "ClientRequestToken": token(1), "SecretString": "1"})).await;
    }
    let policy = deny(&["PutSecretValue", "GetSecretValue"]);
    aws(&url, "PutResourcePolicy", json!({"SecretId": "a", "ResourcePolicy": policy})).await;
    assert_eq!(aws(&url, "GetResourcePolicy", json!({"SecretId": "a"})).await["ResourcePolicy"], json!(policy));
    let probe = json!({"SecretId": "a", "ClientRequestToken": token(1), "SecretString": "2"});
    assert_eq!(aws_refused(&url, OTHER, "PutSecretValue", probe.clone()).await.0, "ResourceExistsException");
    emulator.settle();
    let (code, message) = aws_refused(&url, OTHER, "PutSecretValue", probe.clone()).await;
    assert_eq!(code, "AccessDeniedException");
    assert!(message.starts_with("User: arn:aws:sts::123456789012:assumed-role/other/test is not authorized"), "{message}");
    assert!(message.ends_with("with an explicit deny in a resource-based policy"), "{message}");
    assert_eq!(refused(&url, "PutSecretValue", probe.clone()).await, "ResourceExistsException", "the exempt role gets through");

    let batch = aws_as(&url, OTHER, "BatchGetSecretValue", &json!({"SecretIdList": ["a", "b"]})).await.unwrap().json();
    assert_eq!(batch["SecretValues"][0]["Name"], "b");
    assert_eq!(batch["Errors"][0]["ErrorCode"], "AccessDeniedException");

    aws(&url, "DeleteResourcePolicy", json!({"SecretId": "a"})).await;
    assert_eq!(aws(&url, "GetResourcePolicy", json!({"SecretId": "a"})).await.get("ResourcePolicy"), None);
    assert_eq!(aws_refused(&url, OTHER, "PutSecretValue", probe.clone()).await.0, "AccessDeniedException");
    emulator.settle();
    assert_eq!(aws_refused(&url, OTHER, "PutSecretValue", probe).await.0, "ResourceExistsException");
}

#[tokio::test]
async fn policies_are_checked_before_they_are_stored() {
    let (_emulator, url) = started().await;
    aws(&url, "CreateSecret", json!({"Name": "a", "ClientRequestToken": token(1)})).await;
    let orphan = deny(&["PutSecretValue"]).replace("\"Principal\":\"*\"", "\"Principal\":{\"AWS\":\"AROAEXAMPLE\"}");
    for policy in ["no json", "{}", r#"{"Statement":[{"Effect":"Deny"}]}"#, &orphan] {
        let put = json!({"SecretId": "a", "ResourcePolicy": policy});
        assert_eq!(refused(&url, "PutResourcePolicy", put).await, "MalformedPolicyDocumentException", "{policy}");
    }
    let valid = aws(&url, "ValidateResourcePolicy", json!({"SecretId": "a", "ResourcePolicy": deny(&["PutSecretValue"])})).await;
    assert_eq!(valid["PolicyValidationPassed"], true);
    let open =
        json!({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "secretsmanager:*", "Resource": "*"}}).to_string();
    let public = aws(&url, "ValidateResourcePolicy", json!({"ResourcePolicy": open})).await;
    assert_eq!(public["PolicyValidationPassed"], false);
    let put = json!({"SecretId": "a", "ResourcePolicy": open, "BlockPublicPolicy": true});
    assert_eq!(refused(&url, "PutResourcePolicy", put).await, "PublicPolicyException");
}

#[tokio::test]
async fn a_rotation_in_flight_shows_and_stays_when_cancelled() {
    let (_emulator, url) = started().await;
    aws(&url, "CreateSecret", json!({"Name": "a", "ClientRequestToken": token(1), "SecretString": "1"})).await;
    assert_eq!(
        refused(&url, "RotateSecret", json!({"SecretId": "a", "ClientRequestToken": token(2)})).await,
        "InvalidRequestException"
    );
    let rotate = json!({
        "SecretId": "a",
        "ClientRequestToken": token(2),
        "RotationLambdaARN": "arn:aws:lambda:eu-central-1:123456789012:function:r",
        "RotationRules": {"AutomaticallyAfterDays": 30},
    });
    aws(&url, "RotateSecret", rotate.clone()).await;
    let seen = aws(&url, "DescribeSecret", json!({"SecretId": "a"})).await;
    assert_eq!(seen["RotationEnabled"], true);
    assert_eq!(seen["VersionIdsToStages"], json!({token(1): ["AWSCURRENT"], token(2): ["AWSPENDING"]}));
    assert_eq!(refused(&url, "RotateSecret", rotate).await, "InvalidRequestException");
    aws(&url, "CancelRotateSecret", json!({"SecretId": "a"})).await;
    let seen = aws(&url, "DescribeSecret", json!({"SecretId": "a"})).await;
    assert_eq!(seen["RotationEnabled"], false);
    assert_eq!(seen["VersionIdsToStages"][token(2)], json!(["AWSPENDING"]));
    // What the rotation's Lambda would do.
    let fill = json!({"SecretId": "a", "ClientRequestToken": token(2), "SecretString": "2", "VersionStages": ["AWSPENDING"]});
    aws(&url, "PutSecretValue", fill).await;
}

#[tokio::test]
async fn callers_are_known_by_their_key_and_roles_can_be_assumed() {
    let (_emulator, url) = started().await;
    assert_eq!(aws_refused(&url, "AKIASTRANGER", "ListSecrets", json!({})).await.0, "UnrecognizedClientException");
    let sts = |key: &'static str, body: &'static str| {
        let url = url.clone();
        async move {
            let credential = format!("AWS4-HMAC-SHA256 Credential={key}/20260101/eu-central-1/sts/aws4_request, Signature=0");
            let request = http::Request::post(format!("{url}/")).header("authorization", credential).body(body.into()).unwrap();
            let answer = crate::client::send(request).await.unwrap();
            (answer.status.as_u16(), String::from_utf8(answer.body).unwrap())
        }
    };
    let (status, xml) = sts(MIGRATION, "Action=GetCallerIdentity&Version=2011-06-15").await;
    assert_eq!(status, 200);
    assert!(xml.contains("<Arn>arn:aws:sts::123456789012:assumed-role/migration/test</Arn>"), "{xml}");
    assert!(xml.contains("<Account>123456789012</Account>"), "{xml}");
    let assume = "Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fother&RoleSessionName=s";
    let (status, xml) = sts(MIGRATION, assume).await;
    assert_eq!(status, 200, "{xml}");
    let key = xml.split("<AccessKeyId>").nth(1).unwrap().split('<').next().unwrap();
    aws_as(&url, key, "ListSecrets", &json!({})).await.unwrap();
    let (status, xml) = sts(MIGRATION, "Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fnope").await;
    assert_eq!(status, 403);
    assert!(xml.contains("<Code>AccessDenied</Code>"), "{xml}");
}
