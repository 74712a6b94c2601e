//! What the port makes of answers that a healthy server never gives: lost, redirected, late, foreign, or from a standby.
//!
//! A scripted server on loopback gives them in order; what it was asked is compared afterwards. Healthy answers are the business of the contract
//! suite, against a real server.
// Always true here; it tells clippy that helpers, too, may fail by `unwrap`.
#![cfg(test)]

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use migrate_core::{
    codec::Encoded,
    id::{Epoch, LedgerId, SourceVersion, TargetVersion, WaveName},
    ledger::{Anchor, RecordHash},
    name::{SecretName, VaultPath},
    observed::{Mark, Sighting},
    ports::{Effect, Incoming, PortError, PortErrorKind, Stamp, TargetClear, TargetWrite},
    value::SecretText,
};
use phase2_vault::{Settings, Vault};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::Mutex,
};

const NOTHING: Step = Step::Answer(404, "", r#"{"errors":[]}"#);
const ACTIVE: Step = Step::Answer(
    200,
    "",
    r#"{"initialized":true,"sealed":false,"standby":false,"replication_dr_mode":"disabled","version":"2.7.2","cluster_id":"c"}"#,
);
const CONFLICT: Step = Step::Answer(400, "", r#"{"errors":["check-and-set parameter did not match the current version"]}"#);

#[derive(Clone, Copy)]
enum Step {
    /// Status, further header lines (each ends with `\r\n`), body.
    Answer(u16, &'static str, &'static str),
    /// The request is read, and the connection closed.
    Hangup,
}

#[derive(Clone, Debug)]
struct Asked {
    line: String,
    headers: String,
    body: String,
}

#[derive(Default)]
struct Script {
    steps: VecDeque<Step>,
    asked: Vec<Asked>,
}

struct Server {
    address: String,
    script: Arc<Mutex<Script>>,
}

impl Server {
    async fn with(steps: &[Step]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Mutex::new(Script { steps: steps.iter().copied().collect(), asked: Vec::new() }));
        let shared = Arc::clone(&script);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, script }
    }

    fn vault(&self) -> Vault {
        let mut settings = Settings::new(&self.address, path("secret"), path("migrate/anchor"));
        settings.token = Some(SecretText::new("canary-token".into()));
        settings.namespace = Some("team".into());
        settings.retries = 2;
        Vault::new(&settings).unwrap()
    }

    /// The request lines so far; every step must have been used.
    async fn asked(&self) -> Vec<String> {
        let script = self.script.lock().await;
        assert_eq!(script.steps.len(), 0, "steps are left, after {:?}", script.asked);
        script.asked.iter().map(|asked| asked.line.clone()).collect()
    }

    async fn whole(&self) -> Vec<Asked> {
        self.script.lock().await.asked.clone()
    }
}

async fn serve(stream: TcpStream, script: Arc<Mutex<Script>>) {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut line, mut headers, mut length) = (String::new(), String::new(), 0);
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        loop {
            let mut header = String::new();
            stream.read_line(&mut header).await.unwrap();
            if header.trim().is_empty() {
                break;
            }
            if let Some(value) = header.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            headers.push_str(&header);
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let step = {
            let mut script = script.lock().await;
            let line = line.trim_end_matches("HTTP/1.1\r\n").trim().to_owned();
            script.asked.push(Asked { line, headers, body: String::from_utf8(body).unwrap() });
            script.steps.pop_front().unwrap_or(Step::Answer(599, "", "beyond the script"))
        };
        match step {
            Step::Hangup => return,
            Step::Answer(status, headers, body) => {
                let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len());
                stream.get_mut().write_all(answer.as_bytes()).await.unwrap();
            }
        }
    }
}

fn path(text: &str) -> VaultPath {
    VaultPath::parse(text).unwrap()
}

fn anchor(sequence: u64) -> Anchor {
    Anchor { ledger: LedgerId::new("l"), epoch: Epoch(1), sequence, hash: RecordHash::NONE }
}

fn stamp() -> Stamp {
    Stamp {
        path: path("a/b"),
        mark: Mark { ledger: LedgerId::new("l"), wave: WaveName::parse("w").unwrap(), epoch: Epoch(1) },
        source: (SecretName::parse("a/b").unwrap(), SourceVersion::new("v")),
        encoding: "text".into(),
        carried: BTreeMap::new(),
    }
}

/// An anchor as the store answers it.
macro_rules! anchored {
    ($version:literal, $sequence:literal) => {
        Step::Answer(
            200,
            "",
            concat!(
                r#"{"data":{"data":{"ledger":"l","epoch":"1","sequence":""#,
                $sequence,
                r#"","hash":"0000000000000000000000000000000000000000000000000000000000000000"},"metadata":{"version":"#,
                $version,
                "}}}"
            ),
        )
    };
}

async fn create(vault: &Vault) -> Result<TargetVersion, PortError> {
    let value = Encoded([("password".to_owned(), SecretText::new("canary-value".into()))].into());
    vault.create(&[TargetWrite { path: &path("a/b"), value: &value, after: None }]).await.remove(0)
}

#[tokio::test]
async fn a_redirect_is_an_error_and_takes_the_token_nowhere() {
    let elsewhere = Server::with(&[]).await;
    let location = format!("Location: {}/v1/secret/data/a/b\r\n", elsewhere.address);
    let server = Server::with(&[Step::Answer(307, location.leak(), "")]).await;
    let error = create(&server.vault()).await.unwrap_err();
    assert_eq!((error.kind, error.effect), (PortErrorKind::Misconfigured, Effect::NotDone), "{error}");
    assert!(elsewhere.whole().await.is_empty());
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[tokio::test]
async fn a_conflict_after_a_lost_answer_may_be_with_ourselves() {
    let server = Server::with(&[Step::Hangup, CONFLICT]).await;
    let error = create(&server.vault()).await.unwrap_err();
    assert_eq!((error.kind, error.effect), (PortErrorKind::Conflict, Effect::Unknown));
    assert_eq!(server.asked().await, ["POST /v1/secret/data/a/b"; 2]);

    let server = Server::with(&[CONFLICT]).await;
    let error = create(&server.vault()).await.unwrap_err();
    assert_eq!((error.kind, error.effect), (PortErrorKind::Conflict, Effect::NotDone));
}

#[tokio::test]
async fn answers_lost_to_the_end_leave_the_effect_unknown() {
    let server = Server::with(&[Step::Hangup, Step::Answer(502, "", "bad gateway"), Step::Hangup]).await;
    let error = create(&server.vault()).await.unwrap_err();
    assert_eq!((error.kind, error.effect), (PortErrorKind::Unreachable, Effect::Unknown));
    assert_eq!(server.asked().await.len(), 3);
}

#[tokio::test]
async fn a_throttled_request_is_sent_again_as_it_was() {
    let done = Step::Answer(200, "", r#"{"data":{"version":1}}"#);
    let throttled = Step::Answer(429, "Retry-After: 0\r\n", r#"{"errors":["request path rate limited"]}"#);
    let server = Server::with(&[throttled, Step::Answer(503, "", r#"{"errors":["Vault is sealed"]}"#), done]).await;
    assert_eq!(create(&server.vault()).await, Ok(TargetVersion(1)));
    for asked in server.whole().await {
        assert_eq!(asked.body, r#"{"data":{"password":"canary-value"},"options":{"cas":0}}"#);
    }
    let server = Server::with(&[throttled; 3]).await;
    let error = create(&server.vault()).await.unwrap_err();
    assert_eq!((error.kind, error.effect), (PortErrorKind::Throttled, Effect::NotDone));
}

#[tokio::test]
async fn what_a_server_says_about_a_value_is_withheld() {
    for status in [400, 403, 500] {
        let step = Step::Answer(status, "", r#"{"errors":["can't take \"canary-value\""]}"#);
        let server = Server::with(&[step; 3]).await;
        let error = create(&server.vault()).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"), "{status}");
    }
    let server =
        Server::with(&[Step::Answer(200, "", r#"{"data":{"data":{"a":"canary-value"},"metadata":{"version":"canary"}}}"#)]).await;
    let seen = server.vault().read(&[path("a/b")]).await.remove(0);
    let Sighting::Unknown(error) = seen else { panic!("an answer without a version is not understood") };
    assert_eq!(error.kind, PortErrorKind::Unexpected);
    assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
}

#[tokio::test]
async fn a_stranger_on_the_way_is_not_taken_for_an_empty_store() {
    for (status, kind) in [(404, PortErrorKind::Unexpected), (200, PortErrorKind::Unexpected), (407, PortErrorKind::Unexpected)] {
        let page = Step::Answer(status, "Content-Type: text/html\r\n", "<html>Sign in</html>");
        let server = Server::with(&[page, ACTIVE]).await;
        let seen = server.vault().describe(&[path("a/b")]).await.remove(0);
        assert!(matches!(&seen, Sighting::Unknown(error) if error.kind == kind), "{status}: {seen:?}");
    }
}

#[tokio::test]
async fn a_stranger_on_the_way_does_not_confirm_a_write() {
    let server = Server::with(&[Step::Answer(200, "Content-Type: text/html\r\n", "<html>Sign in</html>")]).await;
    let error = server.vault().stamp(&[stamp()]).await.remove(0).unwrap_err();
    assert_eq!((error.kind, error.effect), (PortErrorKind::Unexpected, Effect::Unknown));
}

#[tokio::test]
async fn absence_is_believed_only_where_no_standby_answers_from_a_copy() {
    macro_rules! health {
        ($standby:literal) => {
            Step::Answer(200, "", concat!(r#"{"initialized":true,"sealed":false,"version":"1","standby":"#, $standby, "}"))
        };
    }
    let cases = [
        ("an active OpenBao", health!("false"), true),
        ("a standby of OpenBao", health!("true"), false),
        ("an active Vault", health!(r#"false,"performance_standby":false"#), true),
        ("a standby of Vault, which passes requests on", health!(r#"true,"performance_standby":false"#), true),
        ("a performance standby", health!(r#"true,"performance_standby":true"#), false),
        ("nothing that knows", Step::Answer(500, "", "?"), false),
    ];
    for (who, health, is_absent) in cases {
        let server = Server::with(&[NOTHING, health]).await;
        let seen = server.vault().describe(&[path("a/b")]).await.remove(0);
        assert_eq!(matches!(seen, Sighting::Absent), is_absent, "{who}");
        assert!(is_absent || matches!(seen, Sighting::Unknown(_)), "{who}");
        assert_eq!(server.asked().await, ["GET /v1/secret/metadata/a/b", "GET /v1/sys/health"], "{who}");
        let asked = server.whole().await;
        assert!(asked[0].headers.contains("canary-token") && asked[0].headers.contains("team"));
        assert!(!asked[1].headers.contains("canary-token") && !asked[1].headers.contains("team"), "health knows no token");
    }
}

#[tokio::test]
async fn a_read_asks_for_the_state_that_was_written() {
    let written = Step::Answer(200, "X-Vault-Index: aW5kZXg=\r\n", r#"{"data":{"version":1}}"#);
    let behind = Step::Answer(412, "", r#"{"errors":["required index state not present"]}"#);
    let there = Step::Answer(200, "", r#"{"data":{"data":{"a":"b"},"metadata":{"version":1}}}"#);
    let server = Server::with(&[written, behind, there]).await;
    let vault = server.vault();
    create(&vault).await.unwrap();
    let seen = vault.read(&[path("a/b")]).await.remove(0);
    assert!(matches!(&seen, Sighting::Present(reading) if reading.version == TargetVersion(1)), "{seen:?}");
    let asked = server.whole().await;
    assert!(!asked[0].headers.to_lowercase().contains("x-vault-index"));
    assert!(asked[1..].iter().all(|asked| asked.headers.contains("x-vault-index: aW5kZXg=")), "{asked:?}");
}

#[tokio::test]
async fn a_lost_move_of_the_anchor_is_settled_by_looking() {
    let expected = Some(TargetVersion(3));
    for (lost, look, settled) in [
        (&[Step::Hangup, CONFLICT][..], anchored!("4", "7"), Ok(TargetVersion(4))),
        (&[Step::Hangup, CONFLICT], anchored!("4", "8"), Err((PortErrorKind::Conflict, Effect::NotDone))),
        (&[Step::Hangup, CONFLICT], anchored!("5", "9"), Err((PortErrorKind::Conflict, Effect::NotDone))),
        (&[Step::Hangup; 3], anchored!("4", "7"), Ok(TargetVersion(4))),
        (&[Step::Hangup; 3], anchored!("3", "6"), Err((PortErrorKind::Unreachable, Effect::Unknown))),
    ] {
        let steps: Vec<_> = lost.iter().copied().chain([look]).collect();
        let server = Server::with(&steps).await;
        let moved = server.vault().move_anchor(expected, &anchor(7)).await;
        assert_eq!(moved.map_err(|error| (error.kind, error.effect)), settled);
        assert_eq!(server.asked().await.len(), steps.len());
    }
}

#[tokio::test]
async fn a_deletion_is_not_sent_again_after_a_lost_answer() {
    let mark = Mark { ledger: LedgerId::new("l"), wave: WaveName::parse("w").unwrap(), epoch: Epoch(1) };
    let ours = Step::Answer(
        200,
        "",
        r#"{"data":{"current_version":1,"custom_metadata":{"migrate-ledger":"l","migrate-wave":"w","migrate-epoch":"1"},"delete_version_after":"0s","versions":{}}}"#,
    );
    let server = Server::with(&[ours, Step::Hangup]).await;
    let error =
        server.vault().clear(&[TargetClear { path: path("a/b"), newest: TargetVersion(1) }], &mark).await.remove(0).unwrap_err();
    assert_eq!(error.effect, Effect::Unknown);
    assert_eq!(server.asked().await, ["GET /v1/secret/metadata/a/b", "DELETE /v1/secret/metadata/a/b"]);

    // What can't be seen to be absent is not said to be cleared.
    let standby = Step::Answer(200, "", r#"{"initialized":true,"sealed":false,"version":"2","standby":true}"#);
    let server = Server::with(&[NOTHING, standby]).await;
    let error =
        server.vault().clear(&[TargetClear { path: path("a/b"), newest: TargetVersion(1) }], &mark).await.remove(0).unwrap_err();
    assert_eq!((error.kind, error.effect), (PortErrorKind::NotServing, Effect::NotDone));
    let server = Server::with(&[NOTHING, ACTIVE]).await;
    assert_eq!(server.vault().clear(&[TargetClear { path: path("a/b"), newest: TargetVersion(1) }], &mark).await, [Ok(())]);
}

#[tokio::test]
async fn metadata_that_can_be_checked_is_created_and_else_patched_first() {
    const WRITTEN: Step = Step::Answer(204, "", "");
    const TOKEN: Step = Step::Answer(200, "", r#"{"data":{}}"#);
    const MOUNT: Step = Step::Answer(200, "", r#"{"data":{"type":"kv","options":{"version":"2"}}}"#);
    const THEIRS: Step =
        Step::Answer(400, "", r#"{"errors":["metadata check-and-set parameter does not match the current version"]}"#);
    macro_rules! config {
        ($more:literal) => {
            Step::Answer(200, "", concat!(r#"{"data":{"delete_version_after":"0s","max_versions":0"#, $more, "}}"))
        };
    }
    let (vault, openbao) = (config!(""), config!(r#","metadata_cas_required":false"#));
    for (config, steps, verbs) in [
        (vault, &[WRITTEN][..], &["PATCH"][..]),
        (vault, &[Step::Answer(404, "", ""), WRITTEN], &["PATCH", "POST"]),
        (openbao, &[WRITTEN], &["POST"]),
        (openbao, &[THEIRS, WRITTEN], &["POST", "PATCH"]),
    ] {
        let steps: Vec<_> = [ACTIVE, TOKEN, MOUNT, config].iter().chain(steps).copied().collect();
        let server = Server::with(&steps).await;
        let port = server.vault();
        port.survey().await.unwrap();
        assert_eq!(port.stamp(&[stamp()]).await, [Ok(())]);
        assert_eq!(
            server.asked().await[4..],
            verbs.iter().map(|verb| format!("{verb} /v1/secret/metadata/a/b")).collect::<Vec<_>>()
        );
        for asked in &server.whole().await[4..] {
            let is_post = asked.line.starts_with("POST");
            assert_eq!(asked.body.contains(r#""metadata_cas":0"#), is_post, "only a creation is checked: {}", asked.body);
            assert_eq!(asked.headers.contains("application/merge-patch+json"), !is_post, "{}", asked.headers);
        }
    }
}

#[tokio::test]
async fn a_store_that_does_not_serve_says_why() {
    for (status, health, why) in [
        (501, r#"{"initialized":false,"sealed":true,"standby":true,"version":"2.7.2"}"#, "initialise"),
        (503, r#"{"initialized":true,"sealed":true,"standby":true,"version":"2.7.2"}"#, "unseal"),
        (
            472,
            r#"{"initialized":true,"sealed":false,"standby":true,"performance_standby":false,"replication_dr_mode":"secondary","version":"1.20.0"}"#,
            "primary",
        ),
    ] {
        let server = Server::with(&[Step::Answer(status, "", health)]).await;
        let error = server.vault().survey().await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::NotServing, "{status}");
        assert!(error.detail.contains(why), "{error}");
    }
}

#[tokio::test]
async fn vault_and_openbao_are_told_apart() {
    const CONFIG: Step = Step::Answer(200, "", r#"{"data":{"cas_required":true,"delete_version_after":"0s","max_versions":3}}"#);
    const TOKEN: Step = Step::Answer(200, "", r#"{"data":{}}"#);
    const OLD_MOUNT: Step = Step::Answer(200, "", r#"{"data":{"type":"kv","options":{"version":"2"}}}"#);
    const VAULT_HEALTH: Step = Step::Answer(
        429,
        "",
        r#"{"initialized":true,"sealed":false,"standby":true,"performance_standby":false,"version":"1.20.0","enterprise":false}"#,
    );
    let bao_mount = Step::Answer(
        200,
        "",
        r#"{"data":{"type":"kv","options":{"version":"2"},"running_plugin_version":"v2.7.2+builtin.bao"}}"#,
    );
    let vault_mount =
        Step::Answer(200, "", r#"{"data":{"type":"kv","options":{"version":"2"},"running_plugin_version":"v0.24.0+builtin"}}"#);
    for (product, health, mount) in [
        ("OpenBao", ACTIVE, bao_mount),
        ("OpenBao", ACTIVE, OLD_MOUNT),
        ("Vault", VAULT_HEALTH, vault_mount),
        ("Vault", VAULT_HEALTH, OLD_MOUNT),
    ] {
        let server = Server::with(&[health, TOKEN, mount, CONFIG]).await;
        let survey = server.vault().survey().await.unwrap();
        assert_eq!((survey.product.as_str(), survey.max_versions, survey.cas_required), (product, 3, true));
    }
}
