//! Runs the `migrate` binary as an operator would, and shows everything that an operator would see in one printed whole.

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
};

use super::{AwsAccount, Mount, scratch};

/// A fresh Git repository with an empty home beside it. Both stay after the test: the run searches them for canaries.
#[derive(Debug)]
pub(crate) struct Workbench {
    root: PathBuf,
    repository: PathBuf,
    environment: BTreeMap<String, String>,
    runs: AtomicU32,
}

/// What one command showed: where it ran to, what stood on both streams, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) command: String,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The exit code; `None` where a signal ended it.
    pub(crate) code: Option<i32>,
}

impl Workbench {
    /// Makes the repository; `name` is the test's, so that a person finds it again.
    pub(crate) fn new(name: &str) -> Self {
        let root = Self::root_of(name);
        let repository = root.join("repository");
        Self::of(root, repository)
    }

    /// The same around a repository that holds values by right and so lies where nobody searches for them. What commands print is searched.
    pub(crate) fn around(name: &str, repository: &Path) -> Self {
        Self::of(Self::root_of(name), repository.to_owned())
    }

    fn root_of(name: &str) -> PathBuf {
        scratch().join("tests").join(format!("{name}-{}", uuid::Uuid::new_v4().simple()))
    }

    fn of(root: PathBuf, repository: PathBuf) -> Self {
        let bench = Self { environment: BTreeMap::new(), runs: AtomicU32::new(0), root, repository };
        for folder in [bench.repository(), bench.home(), bench.root.join("runs")] {
            fs::create_dir_all(folder).expect("a folder below MIGRATE_TEST_SCRATCH");
        }
        let made =
            bench.program("git").args(["init", "--quiet", "--template=", "--initial-branch=main"]).status().expect("git runs");
        assert!(made.success(), "git init failed");
        bench.with("NO_COLOR", "1").with("RUST_BACKTRACE", "0")
    }

    /// Sets a variable for every later run.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// Points every later run at an account and a mount's server.
    pub(crate) fn between(self, source: &AwsAccount, target: &Mount) -> Self {
        let variables = source.environment().into_iter().chain(target.environment());
        variables.fold(self, |bench, (name, value)| bench.with(name, value))
    }

    /// The repository in which commands run.
    pub(crate) fn repository(&self) -> PathBuf {
        self.repository.clone()
    }

    /// Writes a file of the repository.
    pub(crate) fn write(&self, path: impl AsRef<Path>, text: &str) {
        let path = self.repository().join(path);
        let mut file = fs::File::create(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        file.write_all(text.as_bytes()).expect("a written file");
    }

    /// Reads a file of the repository.
    pub(crate) fn read(&self, path: impl AsRef<Path>) -> String {
        let path = self.repository().join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Reads a file of the repository that may not be there.
    pub(crate) fn read_if_there(&self, path: impl AsRef<Path>) -> Option<String> {
        fs::read_to_string(self.repository().join(path)).ok()
    }

    /// `migrate` with these arguments, not yet started: for tests that kill it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_migrate"));
        command.args(arguments);
        command
    }

    /// `migrate` with these arguments, killed by the kernel once it writes beyond this many bytes of a file.
    pub(crate) fn limited(&self, bytes: usize, arguments: &[&str]) -> Command {
        let mut command = self.program("prlimit");
        command.arg(format!("--fsize={bytes}")).arg("--core=0").arg(env!("CARGO_BIN_EXE_migrate")).args(arguments);
        command
    }

    /// Runs `migrate` to its end.
    pub(crate) fn migrate(&self, arguments: &[&str]) -> Whole {
        let output = self.command(arguments).output().expect("the migrate binary starts");
        self.keep(arguments, output)
    }

    /// The whole of a run that was started by hand, kept like any other.
    pub(crate) fn keep(&self, arguments: &[&str], output: Output) -> Whole {
        let whole = Whole {
            command: ["migrate"].iter().chain(arguments).copied().collect::<Vec<_>>().join(" "),
            stdout: String::from_utf8(output.stdout).expect("stdout in UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr in UTF-8"),
            code: output.status.code(),
        };
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        let mut file = fs::File::create(self.root.join("runs").join(format!("{number:04}"))).expect("a file for the run");
        file.write_all(whole.to_string().as_bytes()).expect("a kept run");
        whole
    }

    fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// Runs another program than `migrate` to its end, kept like any other run.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Whole {
        let output = self.program(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
        let mut whole = self.keep(arguments, output);
        whole.command = [program].iter().chain(arguments).copied().collect::<Vec<_>>().join(" ");
        whole
    }

    /// A program with nothing of the surrounding environment but where programs and temporary files are.
    fn program(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.repository()).env("HOME", self.home()).env("GIT_CONFIG_NOSYSTEM", "1");
        for inherited in ["PATH", "TMPDIR", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(inherited) {
                command.env(inherited, value);
            }
        }
        command.envs(&self.environment);
        command
    }
}

impl Whole {
    /// Fails the test, showing the whole, unless the command ended with this code.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n{self}");
        self
    }
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "$ {}", self.command)?;
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !stream.is_empty() {
                writeln!(f, "--- {name}\n{}", stream.trim_end_matches('\n'))?;
            }
        }
        match self.code {
            Some(code) => writeln!(f, "--- exit {code}"),
            None => writeln!(f, "--- ended by a signal"),
        }
    }
}
