//! One helper: a Git repository with an empty home beside it, a cleared environment, and `migrate` run to one printed whole.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// A repository to type commands in.
pub(crate) struct Bench {
    root: TempDir,
    variables: Vec<(String, String)>,
}

impl Bench {
    /// A folder that is a Git repository as far as anybody looks.
    pub(crate) fn new() -> Self {
        let bench = Self::without_git();
        fs::create_dir(bench.path(".git")).expect("a folder");
        bench
    }

    /// A folder that is none.
    pub(crate) fn without_git() -> Self {
        let bench = Self { root: tempfile::tempdir().expect("a temporary folder"), variables: Vec::new() };
        for folder in ["repository", "home"] {
            fs::create_dir(bench.root.path().join(folder)).expect("a folder");
        }
        // No instance to ask for credentials, and a name for the ledger.
        bench.with("AWS_EC2_METADATA_DISABLED", "true").with("USER", "operator").with("HOSTNAME", "host")
    }

    /// Sets a variable for every later run.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A path inside the repository.
    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.path().join("repository").join(path)
    }

    /// Writes a file of the repository.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::File::create(path).and_then(|mut file| file.write_all(text.as_bytes())).expect("a written file");
    }

    /// Reads a file of the repository.
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// A command line, not yet started.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_migrate"));
        command.args(line.split_whitespace().skip(1)).current_dir(self.path("")).env_clear();
        command.env("HOME", self.root.path().join("home")).envs(self.variables.iter().cloned());
        command
    }

    /// Runs a command line and shows the whole.
    pub(crate) fn run(&self, line: &str) -> String {
        self.shown(line, &mut self.command(line))
    }

    /// Runs a command line as the argument of another program, and shows the whole.
    pub(crate) fn run_under(&self, around: &[&str], line: &str) -> String {
        let inner = self.command(line);
        let mut command = Command::new(around[0]);
        command.args(&around[1..]).arg(inner.get_program()).args(inner.get_args()).current_dir(self.path(""));
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        self.shown(line, &mut command)
    }

    fn shown(&self, line: &str, command: &mut Command) -> String {
        let output = command.output().expect("the program starts");
        let mut whole = format!("$ {line}\n");
        for (name, stream) in [("stdout", output.stdout), ("stderr", output.stderr)] {
            let text = String::from_utf8(stream).expect("UTF-8");
            if !text.is_empty() {
                whole += &format!("--- {name}\n{}\n", text.trim_end_matches('\n'));
            }
        }
        whole += &format!("--- exit {}", output.status.code().expect("an exit code"));
        let folder = self.root.path().to_str().expect("UTF-8");
        whole.replace(folder, "[tmp]")
    }
}

/// Compares a whole with an inline snapshot, after what differs from run to run was taken out.
macro_rules! shows {
    ($whole:expr, @$snapshot:literal) => {
        insta::with_settings!({filters => vec![
            (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[uuid]"),
            (r"\b[0-9a-f]{64}\b", "[hash]"),
            (r"from byte \d+", "from byte [n]"),
            (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z", "[time]"),
        ]}, { insta::assert_snapshot!($whole, @$snapshot) })
    };
}
pub(crate) use shows;
