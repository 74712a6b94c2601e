//! Two operators at once (P7), in both modes of the ledger: one proceeds, the other changes nothing and says why. And what becomes of a
//! ledger that was reset, forked or force-pushed, of a run that is killed while it shares a record, and of one that is declared dead.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Output, Stdio},
    sync::mpsc,
};

use rehearsal::proxy::{Effect, Operation, Proxy, Rules, Side, Then, Upstream};
use serde_json::Value;
use tokio::{process::Child, sync::mpsc as messages};

use crate::{
    estate::{self, Estate},
    handover::chain_and_anchor_are_intact,
    killed::{freeze, is_anchor},
    support::{AwsAccount, Mount, Servers, Whole, Workbench, scratch},
};

const LEDGER: &str = "migrate/test/ledger.jsonl";
const REF: &str = "refs/migrate/test";
const ROUNDS: usize = 20;

const BLOCKED: i32 = 3;
const INCOMPLETE: i32 = 4;
const LEDGER_CODE: i32 = 6;

/// One operator: a repository, and proxies of their own in front of both stores, which count what they do.
struct Operator {
    bench: Workbench,
    aws: Proxy,
    vault: Proxy,
}

/// Two of them in front of one account and one mount; one proxy is never shared, so that holding one up holds nobody else up.
struct Pair {
    account: AwsAccount,
    mount: Mount,
    estate: Estate,
    ada: Operator,
    bob: Operator,
    remote: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Two processes on one ledger file.
    OneFile,
    /// Two clones, each with a copy of the ledger file, which only the anchor tells apart.
    TwoFiles,
    /// Two clones of one bare remote, on whose ref the ledger lies.
    Shared,
}

impl Operator {
    async fn new(bench: Workbench, name: &str, aws: &Upstream, vault: &Upstream) -> Self {
        let aws = Proxy::start(aws, Rules::default()).await.expect("a proxy");
        let vault = Proxy::start(vault, Rules::default()).await.expect("a proxy");
        let bench = bench.with("AWS_ENDPOINT_URL", aws.url()).with("VAULT_ADDR", vault.url()).with("MIGRATE_OPERATOR", name);
        Self { bench, aws, vault }
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.bench.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        tokio::process::Command::from(command).spawn().expect("migrate starts")
    }

    fn kept(&self, arguments: &[&str], output: Output) -> Whole {
        self.bench.keep(arguments, output)
    }

    fn refused(&self, arguments: &[&str], code: i32) -> (String, Whole) {
        reason(self.bench.migrate(&[arguments, &["--json"]].concat()).expect_code(code))
    }

    /// Holds the process up before its first fence, and says so; it goes on once the sender is used or gone.
    fn hold_at_fence(&self, which: usize, reached: messages::UnboundedSender<usize>) -> mpsc::Sender<()> {
        let (go, gone) = mpsc::channel::<()>();
        let mut waits = Some(gone);
        self.aws.on_effect(move |effect, side| {
            if side == Side::Before
                && is_fence(effect)
                && let Some(gone) = waits.take()
            {
                let _ = reached.send(which);
                // Others of this runtime go on meanwhile.
                let _ = tokio::task::block_in_place(|| gone.recv());
            }
            Then::Proceed
        });
        go
    }
}

fn is_fence(effect: &Effect) -> bool {
    effect.operation == Operation::aws("PutResourcePolicy")
}

fn reason(whole: Whole) -> (String, Whole) {
    let told: Value = serde_json::from_str(&whole.stdout).unwrap_or_else(|_| panic!("no JSON\n{whole}"));
    assert!(!told["error"]["hints"].as_array().is_none_or(Vec::is_empty), "no next command\n{whole}");
    (told["error"]["reason"]["type"].as_str().expect("a reason").to_owned(), whole)
}

impl Pair {
    async fn new(name: &str, mode: Mode, secrets: usize) -> Self {
        let servers = Servers::from_env();
        let (account, mount) = (AwsAccount::fresh(&servers).await, Mount::fresh(&servers).await);
        let estate = Estate::seed(&account, secrets).await;
        let ca = fs::read_to_string(&servers.bao_cacert).expect("the CA file");
        let moto = Upstream::at(&servers.moto_url).expect("moto's address");
        let bao = Upstream::at(&servers.bao_addr).expect("OpenBao's address").with_ca(ca);
        let remote = scratch().join("tests").join(format!("{name}-remote-{}", uuid::Uuid::new_v4().simple()));

        let ada = estate::workbench(&format!("{name}-ada"), &account, &mount);
        let bob = match mode {
            Mode::OneFile => Workbench::around(&format!("{name}-bob"), &ada.repository()).between(&account, &mount),
            Mode::TwoFiles | Mode::Shared => Workbench::new(&format!("{name}-bob")).between(&account, &mount),
        };
        let ada = Operator::new(ada, "ada", &moto, &bao).await;
        let bob = Operator::new(bob, "bob", &moto, &bao).await;
        let pair = Self { account, mount, estate, ada, bob, remote };
        if mode == Mode::Shared {
            let remote = pair.remote();
            pair.ada.bench.run("git", &["init", "--quiet", "--bare", "--template=", remote]).expect_code(0);
            for operator in [&pair.ada, &pair.bob] {
                operator.bench.run("git", &["remote", "add", "origin", remote]).expect_code(0);
            }
            pair.ada.bench.migrate(&["init", "--shared", "origin"]).expect_code(0);
        }
        let declared = pair.estate.declared();
        if declared.contains("- name:") {
            pair.ada.bench.write("secrets-inventory.yaml", &declared);
        }
        pair.ada.bench.migrate(&["inventory", "import"]).expect_code(0);
        pair
    }

    /// What is committed reaches the other clone, as a pull would bring it.
    fn pull(&self, mode: Mode, from: &Operator, to: &Operator, plan: &str) {
        if mode == Mode::OneFile {
            return;
        }
        fs::create_dir_all(to.bench.repository().join("migrate/test/plans")).expect("a folder");
        let mut files = vec!["migrate.toml", "secrets-inventory.yaml", plan];
        if mode == Mode::TwoFiles {
            files.push(LEDGER);
        }
        for file in files {
            to.bench.write(file, &from.bench.read(file));
        }
    }

    fn remote(&self) -> &str {
        self.remote.to_str().expect("UTF-8")
    }

    /// The commit that the ref names at the remote.
    fn tip(&self) -> String {
        self.ada.bench.run("git", &["--git-dir", self.remote(), "rev-parse", REF]).expect_code(0).stdout.trim().to_owned()
    }

    fn force(&self, commit: &str) {
        self.ada.bench.run("git", &["--git-dir", self.remote(), "update-ref", REF, commit]).expect_code(0);
    }

    fn hook(&self, script: &str) {
        let hooks = self.remote.join("hooks");
        fs::create_dir_all(&hooks).expect("a folder");
        let hook = hooks.join("pre-receive");
        // Beside the repository: `write` puts the text where it is told.
        self.ada.bench.write(&hook, &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("a program");
    }

    async fn anchor_is_gone(&self) {
        let path = format!("{}/metadata/migrate/anchor", self.mount.path);
        let (status, _) = self.mount.call(reqwest::Method::DELETE, &path, None).await;
        assert!(status.is_success(), "{status}");
    }
}

/// Started together 20 times. The winner is held up at its first effect, so that the other one has to decide beside a run that lives.
async fn one_proceeds(name: &str, mode: Mode, expected: &[(&str, i32)]) {
    let pair = Pair::new(name, mode, ROUNDS).await;
    let operators = [&pair.ada, &pair.bob];
    let mut holder = 0;
    let mut wins = [0; 2];
    for round in 0..ROUNDS {
        let seeded = pair.estate.secrets[round].name.clone();
        let (wave, plan) = (format!("w{round}"), format!("migrate/test/plans/w{round}.json"));
        let planner = operators[holder];
        planner.bench.migrate(&["plan", "--wave", &wave, "--select", &seeded]).expect_code(0);
        pair.pull(mode, planner, operators[1 - holder], &plan);
        let arguments = ["apply", plan.as_str(), "--json"];

        let (reached, mut reports) = messages::unbounded_channel();
        let before = operators.map(|operator| (operator.aws.effects(), operator.bench.read_if_there(LEDGER)));
        let go = [0, 1].map(|which| operators[which].hold_at_fence(which, reached.clone()));
        let (moves, mut anchors) = messages::unbounded_channel();
        for (which, operator) in operators.into_iter().enumerate() {
            let moves = moves.clone();
            operator.vault.on_effect(move |effect, side| {
                if side == Side::Before {
                    let _ = moves.send((which, is_anchor(effect)));
                }
                Then::Proceed
            });
        }
        let children = operators.map(|operator| operator.start(&arguments));
        let [mut ada, mut bob] = children.map(|child| tokio::spawn(child.wait_with_output()));
        let mut winners = Vec::new();
        // Who proceeds is held up, so the first that ends is the one that does not.
        let (loser, ended) = loop {
            tokio::select! {
                ended = &mut ada => break (0, ended),
                ended = &mut bob => break (1, ended),
                held = reports.recv() => winners.extend(held),
            }
            assert!(winners.len() < 2, "round {round}: both are at their effects");
        };
        let ended = operators[loser].kept(&arguments, ended.expect("joined").expect("its output"));
        let other = if loser == 0 { &mut bob } else { &mut ada };
        while winners.is_empty() {
            tokio::select! {
                held = reports.recv() => winners.extend(held),
                other = &mut *other => panic!(
                    "round {round}: nobody proceeded\n{ended}\n{}",
                    operators[1 - loser].kept(&arguments, other.expect("joined").expect("its output"))
                ),
            }
        }
        let winner = 1 - loser;
        assert_eq!(winners, [winner], "round {round}");
        let (why, whole) = reason(ended);
        assert!(expected.contains(&(why.as_str(), whole.code.unwrap_or_default())), "round {round}: {why}\n{whole}");
        assert_eq!(operators[1 - winner].aws.effects(), before[1 - winner].0, "round {round}: the loser changed a secret");
        if mode == Mode::TwoFiles {
            assert_eq!(operators[1 - winner].bench.read_if_there(LEDGER), before[1 - winner].1, "round {round}: its ledger");
        }
        drop(go);
        let won = other.await.expect("joined").expect("its output");
        operators[winner].kept(&arguments, won).expect_code(0);
        while let Ok((which, is_anchor)) = anchors.try_recv() {
            assert!(which == winner || is_anchor, "round {round}: the loser wrote something else than an anchor");
        }
        wins[winner] += 1;
        holder = winner;
    }
    assert_eq!(wins.iter().sum::<usize>(), ROUNDS);
    let last = operators[holder];
    for operator in operators {
        operator.aws.on_effect(|_, _| Then::Proceed);
    }
    last.bench.migrate(&["ledger", "verify"]).expect_code(0);
    chain_and_anchor_are_intact(&last.bench, &pair.mount).await;
    assert_eq!(pair.estate.judge(&pair.account, &pair.mount, "platform-data/").await, ROUNDS);
    assert_eq!(last.bench.read(LEDGER).matches("\"type\":\"lead\"").count(), ROUNDS, "one lead a round");
}

// REQ P7
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn of_two_processes_on_one_file_one_proceeds() {
    one_proceeds("one-file", Mode::OneFile, &[("ledger-locked", LEDGER_CODE)]).await;
}

// REQ P7
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn of_two_copies_of_one_file_one_proceeds() {
    one_proceeds("two-files", Mode::TwoFiles, &[("lead-lost", INCOMPLETE), ("ledger-behind-anchor", LEDGER_CODE)]).await;
}

// REQ P7
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn of_two_clones_of_one_remote_one_proceeds() {
    one_proceeds("shared", Mode::Shared, &[("lead-lost", INCOMPLETE), ("predecessor-may-live", BLOCKED)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_a_fork_and_a_force_push_are_refused_each_with_its_reason() {
    // Each clone has a ledger of its own, and both begin the same wave; the anchor stays with the second.
    let plan = "migrate/test/plans/wave-1.json";
    let pair = Pair::new("forked", Mode::TwoFiles, 2).await;
    pair.ada.bench.migrate(&["plan"]).expect_code(0);
    pair.pull(Mode::TwoFiles, &pair.ada, &pair.bob, plan);
    pair.ada.bench.migrate(&["apply", "--through", "fence"]).expect_code(0);
    assert_eq!(pair.bob.refused(&["apply"], LEDGER_CODE).0, "ledger-behind-anchor");
    pair.anchor_is_gone().await;
    assert_eq!(pair.ada.refused(&["apply", "--through", "commit"], LEDGER_CODE).0, "anchor-set-back");
    pair.bob.bench.migrate(&["apply", "--through", "fence"]).expect_code(0);
    for command in [["apply", "--through", "commit"].as_slice(), &["ledger", "verify"]] {
        assert_eq!(pair.ada.refused(command, LEDGER_CODE).0, "ledger-forked");
    }

    let pair = Pair::new("force-pushed", Mode::Shared, 2).await;
    let fresh = pair.tip();
    pair.ada.bench.migrate(&["plan"]).expect_code(0);
    pair.pull(Mode::Shared, &pair.ada, &pair.bob, plan);
    pair.ada.bench.migrate(&["apply", "--through", "fence"]).expect_code(0);
    let adas = pair.tip();
    // Set back: to before the wave began.
    pair.force(&fresh);
    for command in [["apply", "--through", "commit"].as_slice(), &["ledger", "verify"]] {
        assert_eq!(pair.ada.refused(command, LEDGER_CODE).0, "ledger-remote-behind");
    }
    // Rewritten: bob's records count, and ada's are put in their place.
    pair.anchor_is_gone().await;
    pair.bob.bench.migrate(&["apply", "--through", "fence"]).expect_code(0);
    let bobs = pair.tip();
    pair.force(&adas);
    for operator in [&pair.ada, &pair.bob] {
        assert_eq!(operator.refused(&["apply", "--through", "commit"], LEDGER_CODE).0, "ledger-remote-rewritten");
    }
    // And with the right one back, ada's copy is the one that went another way.
    pair.force(&bobs);
    assert_eq!(pair.ada.refused(&["apply", "--through", "commit"], LEDGER_CODE).0, "ledger-forked");
    fs::remove_file(pair.ada.bench.repository().join(LEDGER)).expect("removed");
    pair.ada.bench.migrate(&["ledger", "verify"]).expect_code(0);
    pair.bob.bench.migrate(&["ledger", "verify"]).expect_code(0);
}

// REQ P6: between the record on disk, its push and the anchor.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_killed_while_it_shares_a_record_goes_on_with_the_same_command() {
    const COMMIT: [&str; 3] = ["apply", "--through", "commit"];
    let goes_on = async |pair: &Pair| {
        pair.ada.bench.migrate(&COMMIT).expect_code(0);
        assert_eq!(pair.estate.judge(&pair.account, &pair.mount, "platform-data/").await, 2);
        chain_and_anchor_are_intact(&pair.ada.bench, &pair.mount).await;
        pair.ada.bench.migrate(&["ledger", "verify"]).expect_code(0);
        let there = pair.ada.bench.run("git", &["--git-dir", pair.remote(), "show", &format!("{REF}:ledger.jsonl")]);
        assert!(there.stdout == pair.ada.bench.read(LEDGER), "the remote has another ledger");
    };
    // Lead, begin, commit.
    for nth in 1..=3 {
        for taken in [true, false] {
            let pair = Pair::new(&format!("killed-push-{nth}"), Mode::Shared, 2).await;
            pair.ada.bench.migrate(&["plan"]).expect_code(0);
            let before = pair.tip();
            pair.hook(&format!(
                "n=$(($(cat count 2>/dev/null || echo 0) + 1)); echo $n > count\n\
                 if [ $n = {nth} ]; then mkfifo go; echo > reached; read code < go; exit $code; fi"
            ));
            let mut child = pair.ada.start(&COMMIT);
            until(|| pair.remote.join("reached").exists()).await;
            let at = pair.tip();
            assert!(nth > 1 || at == before, "the first push was not held up");
            child.kill().await.expect("killed");
            // The server may take the record of a client that is dead.
            pair.ada.bench.run("sh", &["-c", &format!("echo {} > {}/go", i32::from(!taken), pair.remote())]).expect_code(0);
            if taken {
                until(|| pair.tip() != at).await;
            }
            goes_on(&pair).await;
        }
    }
    for nth in 1..=3 {
        for side in [Side::Before, Side::After] {
            let pair = Pair::new(&format!("killed-anchor-{nth}"), Mode::Shared, 2).await;
            pair.ada.bench.migrate(&["plan"]).expect_code(0);
            let reached = freeze(&pair.ada.vault, is_anchor, nth, side);
            let mut child = pair.ada.start(&COMMIT);
            reached.await.expect("the anchor is moved");
            child.kill().await.expect("killed");
            pair.ada.vault.thaw();
            goes_on(&pair).await;
        }
    }
}

/// Awaits a condition that only a look can tell.
async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

// REQ P7: what can't be seen to be dead is declared dead, by its exact id; and should it live, it stops at its next effect.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_run_on_another_host_is_declared_dead_by_its_id_and_stops_should_it_live() {
    // One secret, so that nothing else of ada's waits for what is held up.
    let mut pair = Pair::new("unlock", Mode::Shared, 1).await;
    pair.ada.bench = pair.ada.bench.with("HOSTNAME", "ada-host");
    pair.bob.bench = pair.bob.bench.with("HOSTNAME", "bob-host");
    pair.ada.bench.migrate(&["plan"]).expect_code(0);
    pair.pull(Mode::Shared, &pair.ada, &pair.bob, "migrate/test/plans/wave-1.json");
    let (reached, mut reports) = messages::unbounded_channel();
    let go = pair.ada.hold_at_fence(0, reached);
    let child = pair.ada.start(&["apply", "--json"]);
    reports.recv().await.expect("at its first fence");

    // From ada's own host it can be seen to live, and the file itself is locked.
    let status = pair.bob.bench.migrate(&["status", "--json"]);
    let status: Value = serde_json::from_str(&status.stdout).expect("JSON");
    let id = status["running"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(pair.ada.refused(&["ledger", "unlock", &id], LEDGER_CODE).0, "ledger-locked");

    let (why, whole) = pair.bob.refused(&["apply"], BLOCKED);
    assert!(why == "predecessor-may-live" && whole.stdout.contains(&format!("`migrate ledger unlock {id}`")), "{whole}");
    assert_eq!(pair.bob.refused(&["ledger", "unlock", &format!("{id}0")], BLOCKED).0, "other-holder");
    pair.bob.bench.migrate(&["ledger", "unlock", &id]).expect_code(0);
    assert!(pair.bob.bench.read(LEDGER).contains("\"declaredDead\":1"), "it is not recorded");
    let again = pair.bob.bench.migrate(&["ledger", "unlock", &id]).expect_code(0);
    assert!(again.stdout.contains("nothing to do"), "{again}");

    // It lives after all: the one effect that was on its way lands, and the next one is not made.
    drop(go);
    let ended = pair.ada.kept(&["apply", "--json"], child.wait_with_output().await.expect("its output"));
    assert_eq!(reason(ended.expect_code(INCOMPLETE)).0, "lead-lost");
    for seeded in &pair.estate.secrets {
        assert!(pair.mount.metadata(&seeded.name).await.is_none(), "{} was copied by a stale run", seeded.name);
    }
    pair.bob.bench.migrate(&["apply"]).expect_code(0);
    pair.ada.bench.migrate(&["apply", "--through", "commit"]).expect_code(0);
    pair.bob.bench.migrate(&["ledger", "verify"]).expect_code(0);
    assert_eq!(pair.estate.judge(&pair.account, &pair.mount, "platform-data/").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_that_declines_or_does_not_answer_leaves_everything_as_it_was() {
    let pair = Pair::new("declined", Mode::Shared, 2).await;
    pair.ada.bench.migrate(&["plan"]).expect_code(0);
    let before = pair.tip();
    pair.hook("echo 'frozen until Monday' >&2; exit 1");
    let (why, whole) = pair.ada.refused(&["apply"], BLOCKED);
    assert!(why == "ledger-push-declined" && whole.stdout.contains("frozen until Monday"), "{whole}");
    fs::remove_file(pair.remote.join("hooks/pre-receive")).expect("removed");

    let away = pair.remote.with_extension("away");
    fs::rename(&pair.remote, &away).expect("moved");
    assert_eq!(pair.ada.refused(&["apply"], INCOMPLETE).0, "ledger-remote-unreachable");
    let status = pair.ada.bench.migrate(&["status"]);
    assert!(status.stderr.contains("may be behind"), "{status}");
    fs::rename(&away, &pair.remote).expect("moved");

    pair.ada.bench.run("git", &["--git-dir", pair.remote(), "update-ref", "-d", REF]).expect_code(0);
    assert_eq!(pair.ada.refused(&["apply"], LEDGER_CODE).0, "ledger-remote-missing");
    pair.estate.untouched(&pair.account, &pair.mount, "platform-data/").await;
    pair.ada.bench.migrate(&["init"]).expect_code(0);
    assert_eq!(pair.tip(), before, "one record has one commit");
    pair.ada.bench.migrate(&["apply"]).expect_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_environments_never_keep_one_ledger() {
    let pair = Pair::new("two-environments", Mode::Shared, 1).await;
    let config = pair.ada.bench.read("migrate.toml");
    let other = "\n[environment.other.shared]\nref = \"refs/migrate/test\"\n";
    pair.ada.bench.write("migrate.toml", &(config + other));
    let (why, whole) = pair.ada.refused(&["apply", "--environment", "test"], 64);
    assert!(why == "configuration" && whole.stdout.contains("share one ledger"), "{whole}");
}
