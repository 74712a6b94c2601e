//! The one test command: every check of the project in the order in which it fails cheapest, then all tests on real servers.

use std::{
    fmt, fs,
    io::{self, IsTerminal as _, Write as _},
    path::Path,
    process::Stdio,
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum as _;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::Command,
};

use crate::{
    arrows,
    canary::{self, Canary},
    generate,
    servers::Servers,
    setup, tidy,
    workspace::{cargo, root, show, succeed},
};

/// A part of the test command, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// Install the servers
    Setup,
    /// Formatting
    Fmt,
    /// Lints, none of them tolerated
    Clippy,
    /// The documentation builds without a warning
    Doc,
    /// What is generated is up to date
    Generate,
    /// The rules about files
    Tidy,
    /// Which crate may know which
    Arrows,
    /// All tests, on real servers, and the search for canaries
    Tests,
    /// Those of them that talk to the servers
    It,
}

impl Part {
    /// What `cargo xtask test` does; [`Part::It`] is a part of [`Part::Tests`].
    const ALL: [Self; 8] =
        [Self::Setup, Self::Fmt, Self::Clippy, Self::Doc, Self::Generate, Self::Tidy, Self::Arrows, Self::Tests];

    /// The command that does this part alone.
    fn repeat(self, filter: &[String]) -> String {
        let filter = if filter.is_empty() { String::new() } else { format!(" -- {}", filter.join(" ")) };
        format!("cargo xtask test --only {self}{filter}")
    }

    async fn run(self, filter: &[String]) -> Result<()> {
        match self {
            Self::Setup => setup::stack().await.map(drop),
            Self::Fmt => succeed(&mut cargo(["fmt", "--all", "--check"])).await,
            Self::Clippy => succeed(&mut cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])).await,
            Self::Doc => succeed(cargo(["doc", "--no-deps", "--workspace"]).env("RUSTDOCFLAGS", "-D warnings")).await,
            Self::Generate => generate::run(true),
            Self::Tidy => tidy::run(),
            Self::Arrows => arrows::run(),
            Self::Tests => on_servers(cargo(["test", "--workspace", "--"]), filter).await,
            Self::It => on_servers(cargo(["test", "--workspace", "--test", "it", "--"]), filter).await,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_possible_value().map_or(Ok(()), |value| f.write_str(value.get_name()))
    }
}

/// Runs all parts, or one, and stops at the first that fails.
pub(crate) async fn run(only: Option<Part>, filter: &[String]) -> Result<()> {
    let parts = only.map_or(Part::ALL.to_vec(), |part| vec![part]);
    for part in parts {
        eprintln!("\n==> {part}");
        let start = Instant::now();
        part.run(filter).await.with_context(|| format!("{part} failed; repeat it with `{}`", part.repeat(filter)))?;
        eprintln!("<== {part}: {:.1} s", start.elapsed().as_secs_f32());
    }
    Ok(())
}

/// The variables for tests that do not come from a server. The folders that they name are searched in the end.
pub(crate) fn environment(scratch: &Path, canary: &Canary) -> Result<[(&'static str, String); 3]> {
    let temporary = scratch.join("tmp");
    fs::create_dir_all(&temporary)?;
    Ok([
        ("MIGRATE_TEST_SCRATCH", scratch.display().to_string()),
        ("MIGRATE_TEST_CANARY", canary.word().to_owned()),
        ("TMPDIR", temporary.display().to_string()),
    ])
}

/// Runs test binaries with the servers around them, then searches all that the run wrote.
async fn on_servers(mut tests: Command, filter: &[String]) -> Result<()> {
    let scratch = tempfile::Builder::new().prefix("migrate-test-").tempdir()?;
    let outcome = in_scratch(tests.args(filter), scratch.path()).await;
    if outcome.is_err() {
        eprintln!("\nxtask: what the servers and tests wrote stays in {}", scratch.keep().display());
    }
    outcome
}

async fn in_scratch(tests: &mut Command, scratch: &Path) -> Result<()> {
    let (start, canary) = (fs::metadata(scratch)?.modified()?, Canary::fresh());
    let servers = Servers::start(&setup::stack().await?, scratch).await?;
    tests.envs(servers.environment.iter().cloned()).envs(environment(scratch, &canary)?);
    let passed = teed(tests, &scratch.join("logs/tests.log")).await;
    servers.stop().await?;
    passed?;

    // The servers' own storage is where values belong.
    let searched = canary.search(scratch, &|path, _| path != scratch.join("storage"))?
        + canary.search(root(), &|path, metadata| {
            let built = [".git", "target/debug", "target/release", "target/doc", "target/modules"]
                .iter()
                .any(|folder| path == root().join(folder));
            !built && canary::since(start)(path, metadata)
        })?;
    println!("no value that a test made up is in any of the {searched} files that the run wrote, its output among them");
    Ok(())
}

/// Runs a command whose output goes where ours goes, and into a file as well.
async fn teed(command: &mut Command, log: &Path) -> Result<()> {
    let shown = show(command);
    if io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().with_context(|| format!("can't start `{shown}`"))?;
    let (stdout, stderr) = (child.stdout.take().context("a pipe")?, child.stderr.take().context("a pipe")?);
    let log = fs::File::create(log).with_context(|| log.display().to_string())?;
    tokio::try_join!(copy(stdout, io::stdout(), &log), copy(stderr, io::stderr(), &log))?;
    let status = child.wait().await?;
    ensure!(status.success(), "`{shown}` ended with {status}");
    Ok(())
}

async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl io::Write, mut log: &fs::File) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = from.read(&mut buffer).await?;
        let Some(read) = buffer.get(..count).filter(|read| !read.is_empty()) else { return Ok(()) };
        to.write_all(read)?;
        to.flush()?;
        log.write_all(read)?;
    }
}
