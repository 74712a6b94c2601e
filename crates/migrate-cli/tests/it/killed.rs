//! The process dies — at every record of the ledger, at both sides of every kind of effect, at moments drawn at random — and the same
//! command always arrives at the same end (P6, OPS-2).
//!
//! Effects pass through a proxy that freezes the world exactly there; then the process gets SIGKILL. Record boundaries are hit by a limit
//! on the file's size (`prlimit --fsize`): the kernel kills the process in the middle of writing the next record, so that its torn
//! beginning stays behind.

use std::{
    io::Write as _,
    process::{Child, Stdio},
    time::Duration,
};

use rehearsal::proxy::{Effect, Fault, KvOperation, Operation, Proxy, Rules, Side, Then, Upstream, When};
use tokio::sync::oneshot;

use crate::{
    estate::{self, Estate},
    handover::chain_and_anchor_are_intact,
    support::{AwsAccount, Mount, Servers, Workbench},
};

const LEDGER: &str = "migrate/test/ledger.jsonl";
const APPLY: [&str; 3] = ["apply", "--through", "commit"];

/// One small estate with a plan, its stores behind counting proxies.
pub(crate) struct Scene {
    pub(crate) account: AwsAccount,
    pub(crate) mount: Mount,
    pub(crate) estate: Estate,
    pub(crate) aws: Proxy,
    pub(crate) vault: Proxy,
    pub(crate) bench: Workbench,
}

impl Scene {
    pub(crate) async fn planned(name: &str) -> Self {
        let servers = Servers::from_env();
        let (account, mount) = (AwsAccount::fresh(&servers).await, Mount::fresh(&servers).await);
        let estate = Estate::seed(&account, 16).await;
        let ca = std::fs::read_to_string(&servers.bao_cacert).expect("the CA file");
        let moto = Upstream::at(&servers.moto_url).expect("moto's address");
        let bao = Upstream::at(&servers.bao_addr).expect("OpenBao's address").with_ca(ca);
        let aws = Proxy::start(&moto, Rules::default()).await.expect("a proxy");
        let vault = Proxy::start(&bao, Rules::default()).await.expect("a proxy");
        let bench = estate::workbench(name, &account, &mount).with("AWS_ENDPOINT_URL", aws.url()).with("VAULT_ADDR", vault.url());
        bench.write("secrets-inventory.yaml", &estate.declared());
        bench.migrate(&["inventory", "import"]).expect_code(0);
        bench.migrate(&["plan"]).expect_code(0);
        Self { account, mount, estate, aws, vault, bench }
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.bench.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("migrate starts")
    }

    /// Kills a run and keeps what it had said.
    pub(crate) fn kill(&self, mut child: Child, arguments: &[&str]) {
        // It may have ended already, at a random moment.
        let _ = child.kill();
        self.bench.keep(arguments, child.wait_with_output().expect("its output"));
        self.aws.thaw();
        self.vault.thaw();
    }

    /// The last record of the ledger that is whole.
    fn last_record(&self) -> String {
        let text = self.bench.read(LEDGER);
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let line = whole.rsplit('\n').next().unwrap_or_default();
        let record: serde_json::Value = serde_json::from_str(line).expect("a record");
        record["event"]["type"].as_str().expect("a kind").to_owned()
    }

    /// Runs the same command again, and judges the end.
    async fn resumes(&self, hit: &str) {
        say(&format!("killed {hit}; last record: {}", self.last_record()));
        self.bench.migrate(&APPLY).expect_code(0);
        assert_eq!(self.estate.judge(&self.account, &self.mount, "platform-data/").await, self.estate.secrets.len());
        chain_and_anchor_are_intact(&self.bench, &self.mount).await;
        self.bench.migrate(&["ledger", "verify"]).expect_code(0);
        let before = self.bench.read(LEDGER);
        self.bench.migrate(&APPLY).expect_code(0);
        assert_eq!(self.bench.read(LEDGER), before, "a second run changed the ledger");
    }
}

/// Where a test that needs nobody to look at it says what it hit; the run's log keeps it.
fn say(text: &str) {
    // Not `println!`, which a passing test swallows.
    writeln!(std::io::stderr(), "{text}").expect("stderr");
}

/// Freezes a proxy at the nth effect that fits, at one side.
pub(crate) fn freeze(
    proxy: &Proxy,
    fits: impl Fn(&Effect) -> bool + Send + 'static,
    nth: usize,
    at: Side,
) -> oneshot::Receiver<()> {
    let (tell, told) = oneshot::channel();
    let mut tell = Some(tell);
    let mut seen = 0;
    proxy.on_effect(move |effect, side| {
        if side != at || !fits(effect) {
            return Then::Proceed;
        }
        seen += 1;
        if seen != nth {
            return Then::Proceed;
        }
        if let Some(tell) = tell.take() {
            let _ = tell.send(());
        }
        Then::Freeze
    });
    told
}

pub(crate) fn is_anchor(effect: &Effect) -> bool {
    effect.operation == Operation::Kv(KvOperation::WriteData)
        && effect.subjects.iter().any(|path| path.ends_with("migrate/anchor"))
}

fn is_fence(effect: &Effect) -> bool {
    effect.operation == Operation::aws("PutResourcePolicy")
}

fn is_stamp(effect: &Effect) -> bool {
    effect.operation == Operation::Kv(KvOperation::WriteMetadata)
}

fn is_create(effect: &Effect) -> bool {
    effect.operation == Operation::Kv(KvOperation::WriteData) && !is_anchor(effect)
}

/// The process lives, and its decisive record gets no answer: the record stays behind, uncounted and last, and the next run goes on.
#[tokio::test(flavor = "multi_thread")]
async fn no_answer_to_a_decisive_record() {
    for (nth, record) in [(1, "lead"), (2, "begin"), (3, "committed")] {
        for fault in [Fault::DropBefore, Fault::DropAfter] {
            let scene = Scene::planned(&format!("unanswered-{record}")).await;
            let anchor = format!("{}/data/migrate/anchor", scene.mount.path);
            let write = When::operation(Operation::Kv(KvOperation::WriteData)).about(anchor);
            scene.vault.inject(write.nth(nth).always(), fault.clone());
            let stopped = scene.bench.migrate(&APPLY);
            scene.vault.clear_faults();
            // Done by the upstream and then looked at, it counts, so the run can even reach its end.
            assert!(matches!(stopped.code, Some(0 | 4)), "{stopped}");
            scene.resumes(&format!("not at all; {record} met {fault:?}")).await;
        }
    }
}

/// Kills at one side of the nth effect of a kind.
async fn killed_at(kind: &'static str, behind_aws: bool, fits: fn(&Effect) -> bool, nth: usize) {
    for side in [Side::Before, Side::After] {
        let scene = Scene::planned(&format!("killed-{kind}-{nth}")).await;
        let reached = freeze(if behind_aws { &scene.aws } else { &scene.vault }, fits, nth, side);
        let child = scene.start(&APPLY);
        reached.await.unwrap_or_else(|_| panic!("{kind} {nth} was never reached"));
        scene.kill(child, &APPLY);
        scene.resumes(&format!("at {kind} {nth}, {side:?}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_each_move_of_the_anchor() {
    // Lead, begin, commit.
    for nth in 1..=3 {
        killed_at("anchor", false, is_anchor, nth).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_fence() {
    for nth in [1, 9, 16] {
        killed_at("fence", true, is_fence, nth).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_stamp() {
    for nth in [1, 16] {
        killed_at("stamp", false, is_stamp, nth).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_create() {
    for nth in [1, 9, 16] {
        killed_at("create", false, is_create, nth).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_every_record_of_the_ledger() {
    let whole = Scene::planned("killed-record-none").await;
    whole.bench.migrate(&APPLY).expect_code(0);
    let ledger = whole.bench.read(LEDGER);
    let ends: Vec<usize> = ledger.match_indices('\n').map(|(at, _)| at + 1).collect();
    // The first record was there before; every later one is cut short once.
    for (records, end) in ends.iter().enumerate().take(ends.len() - 1) {
        let scene = Scene::planned(&format!("killed-record-{records}")).await;
        // Times and process ids differ by a few bytes from run to run; a record is longer than that.
        let output = scene.bench.limited(*end + 60, &APPLY).output().expect("migrate starts");
        assert!(output.status.code().is_none(), "the file's limit did not end it: {:?}", output.status);
        scene.bench.keep(&APPLY, output);
        let text = scene.bench.read(LEDGER);
        assert!(!text.ends_with('\n'), "the record after {} is not torn", records + 1);
        assert_eq!(text.matches('\n').count(), records + 1);
        scene.resumes(&format!("in the record after number {records}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_ten_random_moments() {
    let whole = Scene::planned("killed-random-none").await;
    let began = tokio::time::Instant::now();
    whole.bench.migrate(&APPLY).expect_code(0);
    let takes = began.elapsed();
    for round in 0..10 {
        let scene = Scene::planned(&format!("killed-random-{round}")).await;
        let share = (uuid::Uuid::new_v4().as_u128() % 1000) as u32;
        let after: Duration = takes * share / 1000;
        let child = scene.start(&APPLY);
        // The one test whose subject is an arbitrary moment: no condition could be awaited instead.
        tokio::time::sleep(after).await;
        scene.kill(child, &APPLY);
        scene.resumes(&format!("after {share} thousandths of an undisturbed run")).await;
    }
}
