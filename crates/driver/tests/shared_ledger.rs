// long because every way in which a push can end is a case over one world
//! A ledger shared through Git: real `git`, a bare repository on disk, and two clones of it.
// Always true here; it tells clippy that helpers, too, may fail by `unwrap`.
#![cfg(test)]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use driver::{
    GitLedger, LedgerError, LedgerFile, OpenLedger, SharedError, SharedLedger, Stopped,
    ledger_git::{GitSettings, RefName, RemoteName},
    shared::{Brought, Founded, Refreshed, Signed, Tip, bring_up_to_date, found, refresh},
};
use jiff::Timestamp;
use migrate_core::{
    handover::{Event, Outcome, RunKind, Runner},
    id::{Epoch, LedgerId, TargetVersion, WaveName},
    ledger::{Anchor, Head, SharedStanding, Standing},
    name::VaultPath,
    observed::{Mark, Sighting, TargetEntry, TargetSurvey},
    ports::{AnchorSeen, Incoming, PortError, Stamp, TargetClear, TargetReading, TargetWrite},
    writers::WritersSeen,
};

const REF: &str = "refs/migrate/test";
const LEDGER: &str = "migrate/test/ledger.jsonl";

/// A bare remote, and a home without any configuration of Git's.
struct World {
    folder: tempfile::TempDir,
    /// One test at a time: a process that another one starts holds our open files for a moment, a lock and a program just written among them.
    _turn: MutexGuard<'static, ()>,
}

static TURN: Mutex<()> = Mutex::new(());

impl World {
    fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let world = Self { folder: tempfile::tempdir().unwrap(), _turn: turn };
        fs::create_dir(world.path("home")).unwrap();
        world.git(world.folder.path(), &["init", "--quiet", "--bare", "--template=", "remote.git"]);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn remote(&self) -> PathBuf {
        self.path("remote.git")
    }

    fn git(&self, at: &Path, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.current_dir(at).args(arguments).env_clear().envs(self.variables());
        let output = command.output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn variables(&self) -> Vec<(String, String)> {
        let home = self.path("home").to_str().unwrap().to_owned();
        let path = std::env::var("PATH").unwrap();
        [("PATH", path), ("HOME", home), ("GIT_CONFIG_NOSYSTEM", "1".to_owned())]
            .map(|(name, value)| (name.to_owned(), value))
            .into()
    }

    fn clone(&self, operator: &'static str) -> Clone<'_> {
        let folder = self.path(operator);
        fs::create_dir(&folder).unwrap();
        self.git(&folder, &["init", "--quiet", "--template="]);
        self.git(&folder, &["remote", "add", "origin", self.remote().to_str().unwrap()]);
        Clone { world: self, operator, folder }
    }

    /// What the ref names at the remote.
    fn tip(&self) -> String {
        self.git(&self.remote(), &["rev-parse", REF])
    }

    /// What a person with the right to force does.
    fn force(&self, commit: &str) {
        self.git(&self.remote(), &["update-ref", REF, commit]);
    }

    fn hook(&self, name: &str, script: &str) {
        let hooks = self.remote().join("hooks");
        fs::create_dir_all(&hooks).unwrap();
        program(&hooks.join(name), script);
    }
}

#[expect(clippy::disallowed_methods, reason = "a program of the test's own")]
fn program(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// One operator's clone.
struct Clone<'w> {
    world: &'w World,
    operator: &'static str,
    folder: PathBuf,
}

impl Clone<'_> {
    fn settings(&self) -> GitSettings {
        GitSettings {
            folder: self.folder.clone(),
            remote: RemoteName::parse("origin").unwrap(),
            reference: RefName::parse(REF).unwrap(),
            variables: self.world.variables(),
            time_out: Duration::from_secs(60),
        }
    }

    fn place(&self) -> GitLedger {
        GitLedger::new(self.settings())
    }

    /// The place as it is reached by a `git` that is told apart by its arguments: `$real` is the true one.
    fn place_by(&self, script: &str) -> GitLedger {
        let bin = self.folder.join("bin");
        fs::create_dir_all(&bin).unwrap();
        let real = Command::new("sh").args(["-c", "command -v git"]).output().unwrap().stdout;
        let real = String::from_utf8(real).unwrap().trim().to_owned();
        program(&bin.join("git"), &format!("real={real}\n{script}\nexec \"$real\" \"$@\""));
        let mut settings = self.settings();
        for (name, value) in &mut settings.variables {
            if name == "PATH" {
                *value = format!("{}:{value}", bin.display());
            }
        }
        GitLedger::new(settings)
    }

    fn path(&self) -> PathBuf {
        self.folder.join(LEDGER)
    }

    fn file(&self) -> LedgerFile {
        LedgerFile::open(&self.path(), self.operator).unwrap().0
    }

    fn lines(&self) -> usize {
        fs::read_to_string(self.path()).unwrap().lines().count()
    }

    async fn found(&self) -> Result<Founded, Stopped> {
        found(&self.path(), &LedgerId::new(self.operator), self.operator, Timestamp::UNIX_EPOCH, &self.place()).await
    }

    async fn bring(&self, store: &Store) -> Result<(OpenLedger, Brought), Stopped> {
        bring_up_to_date(&self.path(), self.operator, Arc::new(self.place()), store).await
    }

    fn append(&self, epoch: u64, event: Event) -> Head {
        self.file().append(Timestamp::UNIX_EPOCH, self.operator, Epoch(epoch), event).unwrap()
    }

    fn lead(&self, epoch: u64) -> Head {
        let runner = Runner { host: self.operator.into(), process: 1 };
        self.append(epoch, Event::Lead { wave: wave(), run: RunKind::Apply, runner, declared_dead: None })
    }

    fn end(&self, epoch: u64) -> Head {
        self.append(epoch, Event::Ended { wave: wave(), outcome: Outcome::Interrupted })
    }

    /// A decisive record, pushed and anchored, and what follows it not pushed.
    async fn leads(&self, store: &Store, epoch: u64) {
        let (open, _) = self.bring(store).await.unwrap();
        drop(open);
        let head = self.lead(epoch);
        self.push_all().await.unwrap();
        store.anchor(&self.file(), &head);
    }

    async fn push_all(&self) -> Result<Tip, SharedError> {
        let place = self.place();
        let onto = place.fetch().await?.map(|there| there.tip);
        place.push(onto.as_ref(), &self.file().bytes().unwrap(), &signed()).await
    }
}

fn wave() -> WaveName {
    WaveName::parse("w1").unwrap()
}

fn signed() -> Signed {
    Signed { at: Timestamp::UNIX_EPOCH, operator: "ada@here <x>".into(), message: "a record".into() }
}

/// An incoming store that is asked for its anchor and for nothing else.
#[derive(Default)]
struct Store(Mutex<Option<AnchorSeen>>);

impl Store {
    fn anchor(&self, file: &LedgerFile, head: &Head) {
        let anchor = Anchor::naming(file.state().ledger.clone().unwrap(), head);
        let version = TargetVersion(head.sequence + 1);
        *self.0.lock().unwrap() = Some(AnchorSeen { anchor, version });
    }
}

#[async_trait]
impl Incoming for Store {
    async fn survey(&self) -> Result<TargetSurvey, PortError> {
        unreachable!()
    }
    async fn describe(&self, _: &[VaultPath]) -> Vec<Sighting<TargetEntry>> {
        unreachable!()
    }
    async fn stamp(&self, _: &[Stamp]) -> Vec<Result<(), PortError>> {
        unreachable!()
    }
    async fn create(&self, _: &[TargetWrite<'_>]) -> Vec<Result<TargetVersion, PortError>> {
        unreachable!()
    }
    async fn read(&self, _: &[VaultPath]) -> Vec<Sighting<TargetReading>> {
        unreachable!()
    }
    async fn read_versions(&self, _: &[(VaultPath, TargetVersion)]) -> Vec<Sighting<TargetReading>> {
        unreachable!()
    }
    async fn clear(&self, _: &[TargetClear], _: &Mark) -> Vec<Result<(), PortError>> {
        unreachable!()
    }
    async fn writers(&self, _: &[VaultPath]) -> Result<WritersSeen, PortError> {
        unreachable!()
    }
    async fn anchor(&self) -> Sighting<AnchorSeen> {
        self.0.lock().unwrap().clone().map_or(Sighting::Absent, Sighting::Present)
    }
    async fn move_anchor(&self, _: Option<TargetVersion>, _: &Anchor) -> Result<TargetVersion, PortError> {
        unreachable!()
    }
}

#[tokio::test]
async fn what_one_puts_there_the_other_joins_and_nothing_else_of_a_clone_is_touched() {
    let world = World::new();
    let (ada, bob) = (world.clone("ada"), world.clone("bob"));
    assert_eq!(ada.found().await.unwrap(), Founded::Made);
    assert_eq!(bob.found().await.unwrap(), Founded::Joined);
    assert_eq!(ada.found().await.unwrap(), Founded::There);
    assert_eq!(fs::read(ada.path()).unwrap(), fs::read(bob.path()).unwrap());
    for clone in [&ada, &bob] {
        assert_eq!(
            world
                .git(&clone.folder, &["for-each-ref", "--format=%(refname)"])
                .trim_start_matches("refs/migrate-seen/migrate/test"),
            ""
        );
        assert!(!clone.folder.join(".git/index").exists() && !clone.folder.join(".git/FETCH_HEAD").exists());
        assert_eq!(world.git(&clone.folder, &["status", "--porcelain"]), "?? migrate/");
    }
    assert_eq!(world.git(&world.remote(), &["for-each-ref", "--format=%(refname)"]), REF);
    assert_eq!(
        world.git(&world.remote(), &["log", "-1", "--format=%an|%cn|%ae|%at|%s", REF]),
        "ada|ada|ada|0|created: record 0, epoch 0"
    );
    assert_eq!(world.git(&world.remote(), &["ls-tree", "--name-only", REF]), "ledger.jsonl");
}

#[tokio::test]
async fn of_two_who_make_it_at_once_one_makes_it_and_the_other_joins() {
    let world = World::new();
    let (ada, bob) = (world.clone("ada"), world.clone("bob"));
    let (one, other) = tokio::join!(ada.found(), bob.found());
    let mut both = [one.unwrap(), other.unwrap()];
    both.sort_by_key(|founded| *founded == Founded::Joined);
    assert_eq!(both, [Founded::Made, Founded::Joined]);
    assert_eq!(fs::read(ada.path()).unwrap(), fs::read(bob.path()).unwrap());
}

// REQ P7
#[tokio::test]
async fn of_two_pushes_onto_one_state_the_second_is_lost() {
    let world = World::new();
    let (ada, bob) = (world.clone("ada"), world.clone("bob"));
    ada.found().await.unwrap();
    bob.found().await.unwrap();
    let tip = bob.place().fetch().await.unwrap().unwrap().tip;
    ada.lead(1);
    bob.lead(1);
    ada.push_all().await.unwrap();
    let won = world.tip();
    let lost = bob.place().push(Some(&tip), &bob.file().bytes().unwrap(), &signed()).await;
    assert!(matches!(lost, Err(SharedError::Lost)), "{lost:?}");
    assert_eq!(world.tip(), won);

    // And bob's record, which never counted, gives way to ada's.
    let store = Store::default();
    let (open, brought) = bob.bring(&store).await.unwrap();
    assert_eq!(brought, Brought { trimmed: 1, taken: 1, ..Brought::default() });
    assert_eq!(open.state().lead.as_ref().unwrap().runner.host.as_ref(), "ada");
}

#[tokio::test]
async fn a_lost_answer_is_found_out_by_looking() {
    let world = World::new();
    let ada = world.clone("ada");
    ada.found().await.unwrap();
    ada.lead(1);
    let bytes = ada.file().bytes().unwrap();
    let tip = ada.place().fetch().await.unwrap().unwrap().tip;
    // It arrives, and the answer does not; then again, which changes nothing.
    let lossy = ada.place_by("case \" $* \" in *' push '*) \"$real\" \"$@\" >/dev/null 2>&1; kill -9 $$;; esac");
    let moved = lossy.push(Some(&tip), &bytes, &signed()).await.unwrap();
    assert_eq!(*moved.0, world.tip());
    assert_eq!(lossy.push(Some(&tip), &bytes, &signed()).await.unwrap(), moved);
    assert_eq!(world.git(&world.remote(), &["rev-list", "--count", REF]), "2");

    // It does not arrive, and nobody knows: not done is not assumed.
    ada.end(1);
    let deaf = ada.place_by("case \" $* \" in *' push '*) kill -9 $$;; esac");
    let unanswered = deaf.push(Some(&moved), &ada.file().bytes().unwrap(), &signed()).await;
    assert!(matches!(&unanswered, Err(error @ SharedError::Unanswered(_)) if !error.is_not_done()), "{unanswered:?}");
    assert_eq!(world.tip(), *moved.0);
}

#[tokio::test]
async fn a_call_that_never_ends_is_given_up() {
    let world = World::new();
    let ada = world.clone("ada");
    ada.found().await.unwrap();
    let mut place = ada.settings();
    let bin = ada.folder.join("bin");
    fs::create_dir(&bin).unwrap();
    program(&bin.join("git"), "exec sleep 600");
    place.variables[0].1 = format!("{}:{}", bin.display(), place.variables[0].1);
    place.time_out = Duration::from_millis(200);
    let error = GitLedger::new(place).fetch().await.unwrap_err();
    assert!(matches!(error, SharedError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn a_hook_a_rule_and_a_missing_right_are_told_apart_and_nothing_moves() {
    let world = World::new();
    let ada = world.clone("ada");
    ada.found().await.unwrap();
    ada.lead(1);
    let before = world.tip();

    for hook in ["pre-receive", "update"] {
        world.hook(hook, "echo 'frozen until Monday' >&2; exit 1");
        let declined = ada.push_all().await.unwrap_err();
        assert!(
            matches!(&declined, SharedError::Declined(said) if said.to_string().contains("frozen until Monday")),
            "{declined}"
        );
        assert!(declined.is_not_done());
        fs::remove_file(world.remote().join("hooks").join(hook)).unwrap();
    }
    world.git(&world.remote(), &["config", "transfer.hideRefs", "refs/migrate"]);
    world.git(&world.remote(), &["config", "uploadpack.hideRefs", "!refs/migrate"]);
    let declined = ada.push_all().await.unwrap_err();
    assert!(matches!(declined, SharedError::Declined(_)), "{declined}");
    world.git(&world.remote(), &["config", "--unset", "transfer.hideRefs"]);

    // What a hosting service does with a key that may only read.
    let denying = ada.folder.join("receive-pack");
    program(&denying, "echo 'ERROR: Permission denied to ada' >&2; exit 128");
    world.git(&ada.folder, &["config", "remote.origin.receivepack", denying.to_str().unwrap()]);
    let denied = ada.push_all().await.unwrap_err();
    assert!(matches!(&denied, SharedError::NotAllowed(said) if said.to_string().contains("Permission denied")), "{denied}");
    world.git(&ada.folder, &["config", "--unset", "remote.origin.receivepack"]);

    assert_eq!(world.tip(), before);
    ada.push_all().await.unwrap();
}

#[tokio::test]
async fn local_hooks_are_not_run() {
    let world = World::new();
    let ada = world.clone("ada");
    for hook in ["pre-push", "reference-transaction"] {
        let hooks = ada.folder.join(".git/hooks");
        fs::create_dir_all(&hooks).unwrap();
        program(&hooks.join(hook), "exit 1");
    }
    assert_eq!(ada.found().await.unwrap(), Founded::Made);
    // The hook for references would have kept this one from being written, which by itself fails nothing.
    assert_eq!(world.git(&ada.folder, &["rev-parse", "refs/migrate-seen/migrate/test"]), world.tip());
}

#[tokio::test]
async fn no_remote_an_unreachable_one_and_an_empty_one_are_told_apart_and_no_credential_is_shown() {
    let world = World::new();
    let ada = world.clone("ada");
    assert!(ada.place().fetch().await.unwrap().is_none());
    let store = Store::default();
    assert!(matches!(ada.bring(&store).await, Err(Stopped::Shared(SharedError::Missing))));

    for address in ["http://me:canary@127.0.0.1:1/x.git", "/nowhere/x.git"] {
        world.git(&ada.folder, &["remote", "set-url", "origin", address]);
        let error = ada.place().fetch().await.unwrap_err();
        assert!(matches!(error, SharedError::Unreachable(_)), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("canary"), "a password is shown");
    }
    world.git(&ada.folder, &["remote", "remove", "origin"]);
    assert!(matches!(ada.place().fetch().await, Err(SharedError::NoRemote(name)) if name == "origin"));
}

#[tokio::test]
async fn what_a_clone_did_is_pushed_and_what_never_counted_is_trimmed() {
    let world = World::new();
    let (ada, bob) = (world.clone("ada"), world.clone("bob"));
    let store = Store::default();
    ada.found().await.unwrap();
    bob.found().await.unwrap();
    ada.leads(&store, 1).await;
    ada.end(1);

    // Bob does not see that the run ended before ada's next one pushed it.
    let (open, brought) = bob.bring(&store).await.unwrap();
    assert_eq!((brought.taken, open.state().lead.as_ref().unwrap().ended), (1, false));
    drop(open);
    // A decisive record that was not pushed goes, what stands before it is pushed.
    ada.lead(2);
    let (open, brought) = ada.bring(&store).await.unwrap();
    assert_eq!(brought, Brought { trimmed: 1, pushed: 1, ..Brought::default() });
    drop(open);
    assert_eq!(refresh(&bob.path(), "bob", &bob.place()).await.unwrap(), Refreshed::Current);
    assert_eq!(fs::read(ada.path()).unwrap(), fs::read(bob.path()).unwrap());

    // Pushed and not anchored: it counts, and whoever is next finds it.
    ada.lead(2);
    ada.push_all().await.unwrap();
    let (open, brought) = bob.bring(&store).await.unwrap();
    assert_eq!((brought.taken, open.state().epoch), (1, Epoch(2)));
}

#[tokio::test]
async fn a_remote_that_was_set_back_or_rewritten_and_a_copy_that_forked_are_refused_each_with_its_reason() {
    let world = World::new();
    let (ada, bob) = (world.clone("ada"), world.clone("bob"));
    let store = Store::default();
    ada.found().await.unwrap();
    bob.found().await.unwrap();
    let first = world.tip();
    ada.leads(&store, 1).await;
    let right = world.tip();
    let whole = fs::read(ada.path()).unwrap();
    let refused = |result: Result<(OpenLedger, Brought), Stopped>| match result {
        Err(Stopped::NotShared(standing)) => standing,
        other => panic!("{other:?}"),
    };

    world.force(&first);
    assert_eq!(refused(ada.bring(&store).await), SharedStanding::Remote(Standing::Behind));
    assert_eq!(fs::read(ada.path()).unwrap(), whole, "the evidence was changed");

    bob.lead(1);
    bob.push_all().await.unwrap();
    for clone in [&ada, &bob] {
        assert_eq!(refused(clone.bring(&store).await), SharedStanding::Remote(Standing::Forked));
    }
    world.force(&right);
    bob.bring(&store).await.unwrap();

    // A copy that was edited, or comes from elsewhere: the remote is right, and this one has other records that counted.
    fs::remove_file(bob.path()).unwrap();
    LedgerFile::create(&bob.path(), LedgerId::new("ada"), "ada", Timestamp::UNIX_EPOCH).unwrap();
    bob.lead(1);
    bob.end(1);
    assert_eq!(refused(bob.bring(&store).await), SharedStanding::Forked { sequence: 1 });
    assert_eq!(bob.lines(), 3, "the evidence was changed");

    fs::remove_file(bob.path()).unwrap();
    LedgerFile::create(&bob.path(), LedgerId::new("another"), "bob", Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(refused(bob.bring(&store).await), SharedStanding::Foreign(Some(LedgerId::new("ada"))));

    // A copy that is merely older, or gone, is brought up to date.
    fs::remove_file(bob.path()).unwrap();
    let (open, _) = bob.bring(&store).await.unwrap();
    drop(open);
    assert_eq!(fs::read(bob.path()).unwrap(), whole);
}

#[tokio::test]
async fn one_who_looks_changes_nothing_but_adds_and_does_not_wait_for_a_run() {
    let world = World::new();
    let (ada, bob) = (world.clone("ada"), world.clone("bob"));
    let store = Store::default();
    ada.found().await.unwrap();
    assert_eq!(refresh(&bob.path(), "bob", &bob.place()).await.unwrap(), Refreshed::Current);
    ada.leads(&store, 1).await;
    let held = bob.file();
    assert_eq!(refresh(&bob.path(), "bob", &bob.place()).await.unwrap(), Refreshed::Held);
    drop(held);
    assert_eq!(refresh(&bob.path(), "bob", &bob.place()).await.unwrap(), Refreshed::Current);
    ada.end(1);
    assert_eq!(refresh(&ada.path(), "ada", &ada.place()).await.unwrap(), Refreshed::Differs);
    assert_eq!(ada.lines(), 3);
    ada.bring(&store).await.unwrap();
    let held = ada.file();
    assert!(matches!(ada.bring(&store).await, Err(Stopped::Ledger(LedgerError::Locked { .. }))));
    drop(held);
}
