//! Answers that a healthy server does not give, from a scripted one on loopback: lost, partial, throttled, contradictory.
// Always true here; it tells clippy that helpers, too, may fail by `unwrap`.
#![cfg(test)]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use migrate_core::{
    id::{Epoch, LedgerId, WaveName},
    name::SecretName,
    observed::{FenceSeen, Mark, Sighting},
    ports::{Effect, Outgoing, PortErrorKind},
    value::{SecretText, SecretValue},
};
use phase0_sdk::{
    Credentials, GivenCredentials, SecretsManager, Settings,
    trail::{Gather, Trail},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What the script says to one request.
enum Say {
    /// This body, with status 200.
    Yes(Value),
    /// A refusal with this code.
    No(u16, &'static str),
    /// This status with a body that no AWS service would give.
    Html(u16),
    /// Nothing: the connection is closed.
    Nothing,
}

type Script = dyn FnMut(&str, &Value) -> Say + Send;

/// A server that follows a script, and what it was asked.
struct Scripted {
    port: SecretsManager,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    async fn new(script: impl FnMut(&str, &Value) -> Say + Send + 'static) -> Self {
        let (settings, asked) = Self::listening(script).await;
        Self { port: SecretsManager::connect(settings).await.unwrap(), asked }
    }

    /// A server that follows a script, and how it is reached.
    async fn listening(script: impl FnMut(&str, &Value) -> Say + Send + 'static) -> (Settings, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Mutex<Box<Script>>> = Arc::new(Mutex::new(Box::new(script)));
        let heard = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&heard)));
            }
        });
        let settings = Settings {
            region: Some("eu-west-1".into()),
            endpoint_url: Some(endpoint),
            credentials: Credentials::Given(GivenCredentials {
                access_key_id: "AKIDEXAMPLE".into(),
                secret_access_key: SecretText::new("key".into()),
                session_token: None,
            }),
            exempt: vec!["arn:aws:iam::111122223333:role/migration".into()],
            attempts: 4,
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(2),
            quota_percent: 1_000,
            ..Settings::default()
        };
        (settings, asked)
    }

    fn times_asked(&self, operation: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| *asked == operation).count()
    }
}

/// One connection: a request, an answer, closed.
async fn serve(mut stream: TcpStream, script: Arc<Mutex<Box<Script>>>, asked: Arc<Mutex<Vec<String>>>) {
    let mut request = Vec::new();
    let (head, body) = loop {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
        let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
        let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
        if request.len() >= end + 4 + length {
            break (String::from_utf8_lossy(&request[..end]).into_owned(), request[end + 4..].to_vec());
        }
    };
    let (status, kind, body) = match header(&head, "x-amz-target") {
        // STS speaks in forms and XML.
        None => (200, "text/xml", CALLER.to_owned()),
        Some(target) => {
            let operation = target.rsplit('.').next().unwrap_or_default();
            asked.lock().unwrap().push(operation.to_owned());
            let said = (script.lock().unwrap())(operation, &serde_json::from_slice(&body).unwrap_or_default());
            match said {
                Say::Yes(answer) => (200, "application/x-amz-json-1.1", answer.to_string()),
                Say::No(status, code) => {
                    (status, "application/x-amz-json-1.1", json!({ "__type": code, "message": "m" }).to_string())
                }
                Say::Html(status) => (status, "text/html", "<html>no".to_owned()),
                Say::Nothing => return,
            }
        }
    };
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

const CALLER: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
    <Arn>arn:aws:sts::111122223333:assumed-role/migration/me</Arn><UserId>A:me</UserId><Account>111122223333</Account>\
    </GetCallerIdentityResult></GetCallerIdentityResponse>";

fn names(names: &[&str]) -> Vec<SecretName> {
    names.iter().map(|name| SecretName::parse(name).unwrap()).collect()
}

fn mark() -> Mark {
    Mark { ledger: LedgerId::new("l"), wave: WaveName::parse("w").unwrap(), epoch: Epoch(1) }
}

fn value(name: &str) -> Value {
    json!({ "ARN": format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:{name}-AbC123"), "Name": name,
            "VersionId": "v".repeat(32), "SecretString": format!("value of {name}") })
}

/// A store of one policy, which a script asks when it has nothing else to say.
#[derive(Default)]
struct OnePolicy(Option<String>);

impl OnePolicy {
    fn answer(&mut self, operation: &str, input: &Value) -> Say {
        let name = input["SecretId"].clone();
        match operation {
            "GetResourcePolicy" => match &self.0 {
                Some(policy) => Say::Yes(json!({ "ARN": "arn", "Name": name, "ResourcePolicy": policy })),
                None => Say::Yes(json!({ "ARN": "arn", "Name": name })),
            },
            "ValidateResourcePolicy" => Say::Yes(json!({ "PolicyValidationPassed": true })),
            "PutResourcePolicy" => {
                self.0 = Some(input["ResourcePolicy"].as_str().unwrap().to_owned());
                Say::Yes(json!({ "ARN": "arn", "Name": name }))
            }
            "DeleteResourcePolicy" => {
                self.0 = None;
                Say::Yes(json!({ "ARN": "arn", "Name": name }))
            }
            other => panic!("{other} is not scripted"),
        }
    }
}

#[tokio::test]
async fn a_batch_with_pages_and_partial_errors_answers_each_name() {
    let server = Scripted::new(|_, input| match input["NextToken"].as_str() {
        None => Say::Yes(json!({ "SecretValues": [value("c")], "NextToken": "2", "Errors": [
            { "SecretId": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:b-AbC123", "ErrorCode": "AccessDeniedException", "Message": "m" },
            { "SecretId": "d", "ErrorCode": "DecryptionFailure", "Message": "m" },
        ] })),
        Some(_) => Say::Yes(json!({ "SecretValues": [value("a"), { "Name": "e", "VersionId": "v" }] })),
    })
    .await;
    let read = server.port.read(&names(&["a", "b", "c", "d", "e", "f", "a"])).await;
    let kinds: Vec<_> = read.iter().map(|read| read.as_ref().err().map(|error| error.kind)).collect();
    let (denied, state, strange) = (PortErrorKind::Denied, PortErrorKind::InvalidState, PortErrorKind::Unexpected);
    assert_eq!(kinds, [None, Some(denied), None, Some(state), Some(strange), Some(strange), Some(strange)]);
    assert_eq!(read[2].as_ref().unwrap().value, SecretValue::Text(SecretText::new("value of c".into())));
    assert!(!format!("{read:?}").contains("value of"), "no value is printed");
}

#[tokio::test]
async fn only_those_that_failed_for_now_are_read_again() {
    let mut round = 0;
    let server = Scripted::new(move |_, input| {
        round += 1;
        let ids = input["SecretIdList"].as_array().unwrap().len();
        match round {
            1 => Say::Yes(json!({ "SecretValues": [value("a")], "Errors": [
                { "SecretId": "b", "ErrorCode": "InternalServiceError", "Message": "m" },
                { "SecretId": "c", "ErrorCode": "ThrottlingException", "Message": "m" } ] })),
            2 if ids == 2 => Say::Yes(json!({ "SecretValues": [value("b"), value("c")] })),
            _ => panic!("round {round} asks for {ids}"),
        }
    })
    .await;
    assert!(server.port.read(&names(&["a", "b", "c"])).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn throttling_that_does_not_end_is_reported_for_each_name() {
    let server = Scripted::new(|_, _| Say::No(400, "ThrottlingException")).await;
    for read in server.port.read(&names(&["a", "b"])).await {
        assert_eq!(read.unwrap_err().kind, PortErrorKind::Throttled);
    }
    assert_eq!(server.times_asked("BatchGetSecretValue"), 4);
}

#[tokio::test]
async fn a_listing_that_does_not_end_is_an_error() {
    let server = Scripted::new(|_, _| Say::Yes(json!({ "SecretList": [], "NextToken": "again" }))).await;
    assert_eq!(server.port.list().await.unwrap_err().kind, PortErrorKind::Unexpected);
}

#[tokio::test]
async fn an_answer_about_another_secret_is_no_answer() {
    let server = Scripted::new(|_, _| Say::Yes(json!({ "ARN": "arn", "Name": "a-AbC123" }))).await;
    let seen = server.port.describe(&names(&["a"])).await;
    assert!(matches!(&seen[0], Sighting::Unknown(error) if error.kind == PortErrorKind::Unexpected), "{seen:?}");
    let fenced = server.port.fence(&names(&["a"]), &mark()).await;
    assert_eq!(fenced[0].as_ref().unwrap_err().effect, Effect::NotDone);
    assert_eq!(server.times_asked("PutResourcePolicy"), 0);
}

#[tokio::test]
async fn what_may_not_be_looked_at_is_unreadable_and_what_fails_is_unknown() {
    let server = Scripted::new(|_, input| match input["SecretId"].as_str() {
        Some("denied") => Say::No(400, "AccessDeniedException"),
        Some("absent") => Say::No(400, "ResourceNotFoundException"),
        _ => Say::No(500, "InternalServiceError"),
    })
    .await;
    let seen = server.port.describe(&names(&["denied", "absent", "failing"])).await;
    assert!(matches!(seen[..], [Sighting::Unreadable(_), Sighting::Absent, Sighting::Unknown(_)]), "{seen:?}");
}

#[tokio::test]
async fn after_a_lost_answer_the_policy_is_read_before_it_is_put_again() {
    let (mut store, mut puts) = (OnePolicy::default(), 0);
    let server = Scripted::new(move |operation, input| {
        let answer = store.answer(operation, input);
        if operation == "PutResourcePolicy" {
            puts += 1;
            // The first put is done and its answer lost.
            if puts == 1 {
                return Say::Nothing;
            }
        }
        answer
    })
    .await;
    assert_eq!(server.port.fence(&names(&["s"]), &mark()).await, [Ok(())]);
    assert_eq!(server.times_asked("PutResourcePolicy"), 1, "it was seen to be done");
    assert_eq!(server.port.fences(&names(&["s"])).await, [Sighting::Present(FenceSeen::Ours(mark()))]);
}

#[tokio::test]
async fn an_answer_that_stays_lost_leaves_the_effect_unknown() {
    let mut store = OnePolicy::default();
    let server = Scripted::new(move |operation, input| match operation {
        "PutResourcePolicy" => Say::Html(502),
        _ => store.answer(operation, input),
    })
    .await;
    let error = server.port.fence(&names(&["s"]), &mark()).await.remove(0).unwrap_err();
    assert_eq!((error.kind, error.effect), (PortErrorKind::NotServing, Effect::Unknown), "{error}");
}

#[tokio::test]
async fn a_refusal_after_a_lost_answer_still_leaves_the_effect_unknown() {
    let (mut store, mut gets) = (OnePolicy::default(), 0);
    let server = Scripted::new(move |operation, input| match operation {
        "PutResourcePolicy" => Say::Nothing,
        "GetResourcePolicy" => {
            gets += 1;
            if gets == 1 { store.answer(operation, input) } else { Say::No(400, "AccessDeniedException") }
        }
        _ => store.answer(operation, input),
    })
    .await;
    let error = server.port.fence(&names(&["s"]), &mark()).await.remove(0).unwrap_err();
    assert_eq!((error.kind, error.effect), (PortErrorKind::Denied, Effect::Unknown), "{error}");
}

#[tokio::test]
async fn a_stale_read_back_is_waited_out_and_a_lost_fence_is_a_conflict() {
    for (stale_reads, expected) in [(2, None), (usize::MAX, Some((PortErrorKind::Conflict, Effect::Unknown)))] {
        let (mut store, mut stale) = (OnePolicy::default(), 0);
        let server = Scripted::new(move |operation, input| {
            if operation == "PutResourcePolicy" {
                stale = stale_reads;
            }
            if operation == "GetResourcePolicy" && stale > 0 {
                stale -= 1;
                return Say::Yes(json!({ "ARN": "arn", "Name": input["SecretId"] }));
            }
            store.answer(operation, input)
        })
        .await;
        let fenced = server.port.fence(&names(&["s"]), &mark()).await.remove(0);
        assert_eq!(fenced.err().map(|error| (error.kind, error.effect)), expected);
        assert_eq!(server.times_asked("PutResourcePolicy"), 1, "a put that was acknowledged is not repeated");
    }
}

#[tokio::test]
async fn a_finding_of_the_validation_blocks_the_put() {
    let mut store = OnePolicy::default();
    let server = Scripted::new(move |operation, input| match operation {
        "ValidateResourcePolicy" => Say::Yes(json!({ "PolicyValidationPassed": false, "ValidationErrors": [
            { "CheckName": "LOCKOUT_CHECK", "ErrorMessage": "the caller" } ] })),
        _ => store.answer(operation, input),
    })
    .await;
    let error = server.port.fence(&names(&["s"]), &mark()).await.remove(0).unwrap_err();
    assert_eq!((error.kind, error.effect), (PortErrorKind::InvalidState, Effect::NotDone), "{error}");
    assert!(error.detail.contains("LOCKOUT_CHECK"), "{error}");
    assert_eq!(server.times_asked("PutResourcePolicy"), 0);
}

#[tokio::test]
async fn an_endpoint_without_validation_is_asked_for_it_once() {
    let mut store = OnePolicy::default();
    let server = Scripted::new(move |operation, input| match operation {
        "ValidateResourcePolicy" => Say::Html(500),
        _ => store.answer(operation, input),
    })
    .await;
    assert_eq!(server.port.fence(&names(&["s"]), &mark()).await, [Ok(())]);
    assert_eq!(server.port.unfence(&names(&["s"]), &mark()).await, [Ok(())]);
    assert_eq!(server.port.fence(&names(&["s"]), &mark()).await, [Ok(())]);
    assert_eq!(server.times_asked("ValidateResourcePolicy"), 1);
}

fn event(name: &str, role: &str) -> Value {
    let record = json!({
        "eventVersion": "1.11", "eventTime": "2026-11-20T10:00:00Z", "eventSource": "secretsmanager.amazonaws.com",
        "eventName": name, "awsRegion": "eu-west-1", "requestParameters": { "secretId": "a" },
        "userIdentity": { "type": "AssumedRole", "accountId": "111122223333", "sessionContext": { "sessionIssuer": {
            "arn": format!("arn:aws:iam::111122223333:role/{role}") } } },
    });
    json!({ "EventId": "e", "CloudTrailEvent": record.to_string() })
}

// REQ INV-1: every page, by the service's own filter, and throttling is waited out.
#[tokio::test]
async fn events_are_looked_up_page_by_page_and_throttling_is_waited_out() {
    let mut throttled = 0;
    let (settings, asked) = Scripted::listening(move |operation, input| {
        assert_eq!(operation, "LookupEvents");
        assert_eq!(
            input["LookupAttributes"],
            json!([{ "AttributeKey": "EventSource", "AttributeValue": "secretsmanager.amazonaws.com" }])
        );
        assert_eq!(input["StartTime"].as_f64(), Some(1_000.0));
        match input["NextToken"].as_str() {
            None => Say::Yes(json!({ "Events": [event("GetSecretValue", "orders"), {}], "NextToken": "2" })),
            Some("2") if throttled < 2 => {
                throttled += 1;
                Say::No(400, "ThrottlingException")
            }
            Some("2") => Say::Yes(json!({ "Events": [event("PutSecretValue", "rotation")], "NextToken": "3" })),
            Some(_) => Say::Yes(json!({ "Events": [event("GetSecretValue", "batch")] })),
        }
    })
    .await;
    let mut gather = Gather::new(names(&["a"]).into_iter().collect(), None);
    let mut counts = Vec::new();
    let since = "1970-01-01T00:16:40Z".parse().unwrap();
    Trail::connect(&settings).await.unwrap().look(since, &mut gather, |count| counts.push(count)).await.unwrap();
    let gathered = gather.finish(since, "LookupEvents".to_owned());
    let who: Vec<String> = gathered.found.secrets[&names(&["a"])[0]].iter().map(ToString::to_string).collect();
    let role = |name: &str, access: &str| format!("arn:aws:iam::111122223333:role/{name} ({access})");
    assert_eq!(who, [role("batch", "reads"), role("orders", "reads"), role("rotation", "writes")]);
    assert_eq!(counts, [2, 3, 4]);
    assert_eq!(
        gathered.faults[0].to_string(),
        "LookupEvents in eu-west-1, record 2: its `CloudTrailEvent` is missing, or is not what CloudTrail writes there"
    );
    assert_eq!(asked.lock().unwrap().len(), 5);
}

#[tokio::test]
async fn a_lookup_that_does_not_end_or_may_not_look_is_an_error() {
    for (say, kind) in [
        ((|| Say::Yes(json!({ "Events": [], "NextToken": "again" }))) as fn() -> Say, PortErrorKind::Unexpected),
        (|| Say::No(400, "AccessDeniedException"), PortErrorKind::Denied),
        (|| Say::No(400, "ThrottlingException"), PortErrorKind::Throttled),
    ] {
        let (settings, _) = Scripted::listening(move |_, _| say()).await;
        let mut gather = Gather::new(names(&["a"]).into_iter().collect(), None);
        let since = "1970-01-01T00:16:40Z".parse().unwrap();
        let error = Trail::connect(&settings).await.unwrap().look(since, &mut gather, |_| ()).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
    }
}
