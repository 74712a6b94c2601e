//! Retiring, on the embedded stores: they keep access dates, and their clock and ours can be set. Needs no server.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use driver::{
    Clock, Interrupt, LedgerFile, Pace, Processes, RetireTerms, Retirement, Session, SessionSettings, Silent, Stopped, Systems,
    ledger_file,
};
use jiff::{SignedDuration, Timestamp};
use migrate_core::{
    codec::Encoding,
    handover::{
        Begun, Event, Outcome, PlanDigest, Refusal, RunKind, Runner, Stage, Violation, ViolationKind,
        judge::{Blocked, Obstacle},
    },
    id::{Epoch, LedgerId, TargetVersion, WaveName},
    ledger::Anchor,
    name::{SecretName, VaultPath},
    observed::Mark,
    ports::{Incoming as _, Outgoing as _},
    value::{SecretText, SecretValue},
};
use phase0_sdk::{Credentials, GivenCredentials, SecretsManager};
use phase2_vault::Vault;
use rehearsal::{
    proxy::{Proxy, Quotas, Side},
    world::{World, WorldSettings},
};
use serde_json::{Value, json};

use crate::killed::freeze;

const NOON: &str = "2027-01-01T12:00:00Z";
const WEEK: SignedDuration = SignedDuration::from_hours(24 * 7);

/// A clock that stands where it was put.
#[derive(Clone)]
struct Time(Arc<Mutex<Timestamp>>);

impl Time {
    fn put(&self, at: &str) {
        *self.0.lock().expect("the clock") = at.parse().expect("a time");
    }
}

#[async_trait]
impl Clock for Time {
    fn now(&self) -> Timestamp {
        *self.0.lock().expect("the clock")
    }

    async fn sleep(&self, duration: Duration) {
        *self.0.lock().expect("the clock") += duration;
    }
}

/// Who crashed is dead.
struct AllDead;

impl Processes for AllDead {
    fn is_dead(&self, _: &Runner) -> Option<bool> {
        Some(true)
    }
}

/// A wave that was handed over at noon of the first, between embedded stores.
struct Scene {
    world: World,
    time: Time,
    aws: SecretsManager,
    vault: Vault,
    folder: tempfile::TempDir,
    names: Vec<SecretName>,
}

fn wave() -> WaveName {
    WaveName::parse("w1").expect("a name")
}

fn runner() -> Runner {
    Runner { host: "host".into(), process: 7 }
}

impl Scene {
    /// `complete` says whether the wave went on from its commit to its end.
    async fn handed_over(names: &[&str], complete: bool) -> Self {
        let time = Time(Arc::new(Mutex::new(NOON.parse().expect("a time"))));
        let clock = time.clone();
        let mut settings = WorldSettings::new(3, Arc::new(move || clock.now()));
        settings.quotas = Quotas::Unlimited;
        let world = World::start(settings).await.expect("a world");
        let endpoints = world.endpoints();
        let aws = SecretsManager::connect(phase0_sdk::Settings {
            region: Some(endpoints.region.clone()),
            endpoint_url: Some(endpoints.aws_url.clone()),
            credentials: Credentials::Given(GivenCredentials {
                access_key_id: endpoints.migration.id.clone(),
                secret_access_key: endpoints.migration.secret.duplicate(),
                session_token: None,
            }),
            quota_percent: 1_000,
            attempt_timeout: Duration::from_secs(120),
            read_timeout: Duration::from_secs(120),
            ..phase0_sdk::Settings::default()
        })
        .await
        .expect("settings that can be used");
        let path = |text: &str| VaultPath::parse(text).expect("a clean path");
        let anchor = path(phase2_vault::Settings::DEFAULT_ANCHOR);
        let mut settings = phase2_vault::Settings::new(&endpoints.vault_addr, path(&endpoints.mount), anchor);
        settings.token = Some(endpoints.vault_token.duplicate());
        let vault = Vault::new(&settings).expect("a client");
        let names: Vec<SecretName> = names.iter().map(|name| SecretName::parse(name).expect("a name")).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let scene = Self { world, time, aws, vault, folder, names };
        scene.hand_over(complete).await;
        scene
    }

    fn ledger(&self) -> PathBuf {
        self.folder.path().join("ledger.jsonl")
    }

    /// What an apply would have done, without its plan.
    async fn hand_over(&self, complete: bool) {
        let endpoints = self.world.endpoints();
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        for name in &self.names {
            let value = SecretValue::Text(SecretText::new("x".to_owned()));
            self.world.secrets_manager.create(name.as_str(), value).expect("a secret");
            let url = format!("{}/v1/{}/data/{name}", self.world.kv2.url(), endpoints.mount);
            let put = http.post(url).header("x-vault-token", endpoints.vault_token.expose());
            let put = put.json(&json!({"data": {"value": "x"}})).send().await.expect("an answer");
            assert!(put.status().is_success(), "{}", put.status());
        }
        let ledger_id = LedgerId::new("retire");
        let mark = Mark { ledger: ledger_id.clone(), wave: wave(), epoch: Epoch(1) };
        for fenced in self.aws.fence(&self.names, &mark).await {
            fenced.expect("a fence");
        }
        let members: BTreeSet<SecretName> = self.names.iter().cloned().collect();
        let seen = self.aws.describe(&self.names).await;
        let seen: BTreeMap<SecretName, _> =
            self.names.iter().cloned().zip(seen.into_iter().map(|seen| seen.present().expect("it is there"))).collect();
        let begun = |name: &SecretName| Begun {
            source: name.clone(),
            path: name.vault_path().expect("a path"),
            arn: seen[name].arn.clone(),
            versions: seen[name].versions.clone().into(),
            encoding: Encoding::Text { property: "value".into() },
            rotation: None,
            history: Vec::new(),
        };
        let each = |name: &SecretName| (name.clone(), Arc::new(begun(name)));
        let versions = self.names.iter().map(|name| (name.clone(), seen[name].versions.clone().into())).collect();
        let equal =
            |name: &SecretName| (name.clone(), (seen[name].versions.current().expect("a version").clone(), TargetVersion(1)));
        let mut events = vec![
            Event::Lead { wave: wave(), run: RunKind::Apply, runner: runner(), declared_dead: None },
            Event::Begin { wave: wave(), plan: PlanDigest("plan".into()), members: self.names.iter().map(each).collect() },
            Event::Preflighted { wave: wave() },
            Event::FenceIntended { wave: wave(), members: members.clone() },
            Event::Fenced { wave: wave(), members: members.clone() },
            Event::Settled { wave: wave(), after_seconds: 300, probes: 0, members: versions },
            Event::CopyIntended { wave: wave(), members },
            Event::Copied { wave: wave(), members: self.names.iter().map(|name| (name.clone(), TargetVersion(1))).collect() },
            Event::Verified { wave: wave(), members: self.names.iter().map(equal).collect() },
            Event::Committed { wave: wave() },
        ];
        if complete {
            let members: BTreeSet<SecretName> = self.names.iter().cloned().collect();
            events.extend([
                Event::Confirmed { wave: wave() },
                Event::SwitchBegun { wave: wave(), deliveries: BTreeSet::new() },
                Event::SealIntended { wave: wave(), members: members.clone() },
                Event::Sealed { wave: wave(), members },
                Event::SealSettled { wave: wave(), after_seconds: 3_600, denied: None },
                Event::Completed { wave: wave() },
            ]);
        }
        events.push(Event::Ended { wave: wave(), outcome: Outcome::Reached });
        let mut file = LedgerFile::create(&self.ledger(), ledger_id.clone(), "op@host", self.time.now()).expect("a ledger");
        for event in events {
            file.append(self.time.now(), "op@host", Epoch(1), event).expect("an event that may follow");
        }
        let head = file.heads().iter().rfind(|head| head.decisive).expect("a decisive record");
        self.vault.move_anchor(None, &Anchor::naming(ledger_id, head)).await.expect("an anchor");
    }

    async fn retire(&self, terms: RetireTerms) -> Result<Retirement, Stopped> {
        let (file, _) = LedgerFile::open(&self.ledger(), "op@host").expect("the ledger");
        let systems = Systems { outgoing: &self.aws, incoming: &self.vault, delivery: None };
        let pace = Pace { batch: 2, ..Pace::default() };
        let settings = SessionSettings { operator: "op@host".into(), runner: runner(), pace };
        let mut session = Session::open(systems, file, &self.time, &Silent, &AllDead, Interrupt::never(), settings).await?;
        session.retire(&wave(), terms).await
    }

    /// A call of an application, whose role the fence binds; or of the migration, which it does not.
    async fn call(&self, operation: &str, input: Value, migration: bool) -> Value {
        let endpoints = self.world.endpoints();
        let key = if migration { endpoints.migration.id } else { endpoints.application.id };
        let credential = format!("Credential={key}/20270101/{}/secretsmanager/aws4_request", endpoints.region);
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let request = http.post(self.world.secrets_manager.url()).body(input.to_string());
        let request = request.header("authorization", format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"));
        let answer = request.header("x-amz-target", format!("secretsmanager.{operation}")).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{operation}: {}", answer.status());
        answer.json().await.expect("JSON")
    }

    /// The kinds of the ledger's records from there on.
    fn kinds(&self, from: usize) -> Vec<&'static str> {
        let read = ledger_file::read(&self.ledger()).expect("a whole ledger");
        read.records[from..].iter().map(|record| record.event.kind()).collect()
    }

    fn stage(&self) -> Stage {
        ledger_file::read(&self.ledger()).expect("a whole ledger").chain.state().waves[&wave()].stage
    }

    /// When each old copy is deleted, as Secrets Manager shows it.
    async fn deleted_at(&self) -> Vec<Option<Timestamp>> {
        let seen = self.aws.describe(&self.names).await;
        seen.into_iter().map(|seen| seen.present().expect("it can be restored").deleted_at).collect()
    }
}

fn terms() -> RetireTerms {
    RetireTerms { soak: WEEK, window_days: 30, dry_run: false }
}

fn blocked(result: Result<Retirement, Stopped>) -> Vec<(String, Obstacle)> {
    let named = |blocked: Vec<Blocked>| blocked.into_iter().map(|blocked| (blocked.name.to_string(), blocked.obstacle)).collect();
    match result {
        Err(Stopped::Blocked { blocked, .. } | Stopped::Violated(blocked)) => named(blocked),
        other => panic!("somebody must be named, not {other:?}"),
    }
}

const NAMES: [&str; 2] = ["platform-data/postgres/orders", "platform-data/postgres/billing"];

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

// P8
#[tokio::test(flavor = "multi_thread")]
async fn what_is_still_read_or_was_handed_over_a_short_time_ago_is_not_retired() {
    let scene = Scene::handed_over(&NAMES, true).await;
    let before = scene.kinds(0);
    scene.time.put("2027-01-02T12:00:00Z");
    let until = at("2027-01-08T12:00:00Z");
    let soaks = |name: &str| (name.to_owned(), Obstacle::SoakNotOver { until });
    assert_eq!(blocked(scene.retire(terms()).await), [soaks(NAMES[1]), soaks(NAMES[0])]);

    // An application reads one of them on the fourth: a fence denies new values, and no reading.
    scene.time.put("2027-01-04T09:00:00Z");
    scene.call("GetSecretValue", json!({ "SecretId": NAMES[0] }), false).await;
    scene.time.put("2027-01-08T12:00:00Z");
    let still = Obstacle::StillRead {
        last_accessed: "2027-01-04".into(),
        region: scene.world.endpoints().region,
        until: at("2027-01-12T00:00:00Z"),
    };
    assert_eq!(blocked(scene.retire(terms()).await), [(NAMES[0].to_owned(), still)]);
    assert_eq!(scene.kinds(0), before, "nothing was recorded");
    assert_eq!(scene.deleted_at().await, [None, None]);

    scene.time.put("2027-01-12T00:00:00Z");
    let would = scene.retire(RetireTerms { dry_run: true, ..terms() }).await.expect("they may go");
    assert!(would.nothing_to_do && would.going.len() == 2, "{would:?}");
    assert_eq!(scene.kinds(0), before, "nothing was recorded");
    let done = scene.retire(terms()).await.expect("they go");
    assert!(!done.nothing_to_do && done.going.len() == 2, "{done:?}");
    let due = at("2027-02-11T00:00:00Z");
    assert_eq!(scene.deleted_at().await, [Some(due), Some(due)]);
    let expected = ["lead", "retire-begun", "delete-intended", "delete-scheduled", "retired", "ended"];
    assert_eq!(scene.kinds(before.len()), expected);

    assert!(scene.retire(terms()).await.expect("it is over").nothing_to_do);
    assert_eq!(scene.kinds(before.len()), expected, "a second run changed the ledger");
    // After their dates they are gone, and that is no reason to complain.
    scene.time.put("2027-03-01T00:00:00Z");
    assert!(scene.retire(terms()).await.expect("it is over").nothing_to_do);
}

// P8: while somebody may still read the old copies, nothing goes.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_complete_is_not_retired() {
    let scene = Scene::handed_over(&NAMES, false).await;
    scene.time.put("2027-03-01T12:00:00Z");
    let refused = scene.retire(terms()).await;
    assert!(matches!(refused, Err(Stopped::Refused(Refusal::Stage { stage: Stage::Committed, .. }))), "{refused:?}");
    assert_eq!(scene.deleted_at().await, [None, None]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_did_since_is_a_violation_and_stops_it() {
    let scene = Scene::handed_over(&NAMES, true).await;
    scene.time.put("2027-01-10T12:00:00Z");
    let input = json!({ "SecretId": NAMES[0], "SecretString": "y", "ClientRequestToken": uuid::Uuid::new_v4().to_string() });
    scene.call("PutSecretValue", input, true).await;
    let before = scene.kinds(0).len();
    assert_eq!(blocked(scene.retire(terms()).await), [(NAMES[0].to_owned(), Obstacle::SourceMoved)]);
    assert_eq!(scene.kinds(before), ["lead", "violated", "ended"]);
    assert_eq!(scene.deleted_at().await, [None, None], "a wave of which one must stay does not begin to go");

    let other = Scene::handed_over(&NAMES, true).await;
    other.time.put("2027-01-10T12:00:00Z");
    other.retire(terms()).await.expect("they go");
    other.call("RestoreSecret", json!({ "SecretId": NAMES[1] }), true).await;
    assert_eq!(blocked(other.retire(terms()).await), [(NAMES[1].to_owned(), Obstacle::Restored)]);
    let read = ledger_file::read(&other.ledger()).expect("a whole ledger");
    let name = SecretName::parse(NAMES[1]).expect("a name");
    let told = Event::Violated { wave: wave(), violations: vec![Violation { name, kind: ViolationKind::Restored }] };
    assert!(read.records.iter().any(|record| record.event == told));
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_go_first_and_each_is_recorded() {
    let scene = Scene::handed_over(&NAMES, true).await;
    scene.world.secrets_manager.set_replica_regions(NAMES[0], &["eu-west-1", "us-east-1"]).expect("replicas");
    scene.time.put("2027-01-10T12:00:00Z");
    let before = scene.kinds(0).len();
    let done = scene.retire(terms()).await.expect("they go");
    assert_eq!(done.replicas.values().flatten().collect::<Vec<_>>(), ["eu-west-1", "us-east-1"]);
    let expected = [
        "lead",
        "retire-begun",
        "replica-removal-intended",
        "replicas-removed",
        "delete-intended",
        "delete-scheduled",
        "retired",
        "ended",
    ];
    assert_eq!(scene.kinds(before), expected);
    assert!(scene.deleted_at().await.iter().all(Option::is_some));
}

/// P6: dropped at both sides of every effect on either store, it goes on to the same end.
#[tokio::test(flavor = "multi_thread")]
async fn cut_off_at_every_effect_it_resumes_to_the_same_end() {
    let names = [NAMES[0], NAMES[1], "platform-data/redis/cache"];
    let proxies: [fn(&World) -> &Proxy; 2] = [|world| &world.aws_proxy, |world| &world.vault_proxy];
    for (store, proxy) in proxies.into_iter().enumerate() {
        for side in [Side::Before, Side::After] {
            let mut cut = 0;
            for nth in 1.. {
                let scene = Scene::handed_over(&names, true).await;
                scene.world.secrets_manager.set_replica_regions(NAMES[0], &["eu-west-1"]).expect("replicas");
                scene.time.put("2027-01-10T12:00:00Z");
                let told = freeze(proxy(&scene.world), |_| true, nth, side);
                let finished = tokio::select! {
                    done = scene.retire(terms()) => Some(done),
                    _ = told => None,
                };
                proxy(&scene.world).thaw();
                if let Some(done) = finished {
                    done.expect("nothing stood in its way");
                    break;
                }
                cut += 1;
                let hit = format!("cut off {side:?} effect {nth} of store {store}");
                if let Err(stopped) = scene.retire(terms()).await {
                    panic!("{hit}: {stopped:?}");
                }
                assert_eq!(scene.stage(), Stage::Retired, "{hit}");
                assert!(scene.deleted_at().await.iter().all(Option::is_some), "{hit}");
            }
            // Three deletions and a removal there, the lead and its beginning here.
            assert_eq!(cut, [4, 2][store], "effects of store {store} at which it was cut off {side:?}");
        }
    }
}
