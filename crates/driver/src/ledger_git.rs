//! A shared ledger on a Git ref of its own. `git` is called, and nothing but Git's object store, that ref and a private copy of it is
//! touched: work tree, index and HEAD stay as they are.
//!
//! ```text
//!   refs/migrate/prod (remote) ◄── push, leased on the commit that was built on
//!        │                                   commit ── tree ── ledger.jsonl
//!        └── fetch ──► refs/migrate-seen/migrate/prod (here, so that Git keeps what was seen)
//! ```
//!
//! The one file of the product that starts a process. Nothing secret can show in its arguments, which are fixed words, a remote's name, a
//! ref and object ids; and of the surroundings only what Git itself needs is passed on, never a token of AWS or Vault (REQ OPS-1). What Git
//! says is told to people, shortened and without user information of addresses; decisions are made from exit codes, from the table that
//! `push --porcelain` documents, and from what a fetch then shows.

use std::{fmt, path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use async_trait::async_trait;
use migrate_core::ledger::{PushEnd, Pushed, Shown, judge_push};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
};

use crate::shared::{Fetched, Said, SharedError, SharedLedger, Signed, Tip};

/// The ledger's name in the tree of each commit.
pub const FILE: &str = "ledger.jsonl";

/// Where and how a ledger is shared.
#[derive(Clone, Debug)]
pub struct GitSettings {
    /// A folder of the repository.
    pub folder: PathBuf,
    /// The remote's name.
    pub remote: RemoteName,
    /// The ref.
    pub reference: RefName,
    /// The surrounding variables, of which Git is given what it needs.
    pub variables: Vec<(String, String)>,
    /// How long one call may take; the network's slowness included.
    pub time_out: Duration,
}

/// The name of a remote: letters, digits, `.`, `_` and `-`. An address is none, and so no credential in one is ever held here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteName(Arc<str>);

impl RemoteName {
    /// Parses a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | '-');
        let is_name = text.chars().all(fits) && text.starts_with(|char: char| char.is_ascii_alphanumeric());
        is_name.then(|| Self(text.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A whole ref such as `refs/migrate/prod`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefName(Arc<str>);

impl RefName {
    /// Parses a ref, by a rule that is narrower than Git's own.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | '-');
        let is_part = |part: &str| {
            part.chars().all(fits)
                && part.starts_with(|char: char| char.is_ascii_alphanumeric())
                && !part.ends_with('.')
                && !part.ends_with(".lock")
                && !part.contains("..")
        };
        let below = text.strip_prefix("refs/")?;
        (below.contains('/') && below.split('/').all(is_part)).then(|| Self(text.into()))
    }

    /// Where what was seen of it is kept here.
    fn seen(&self) -> String {
        format!("refs/migrate-seen/{}", self.0.trim_start_matches("refs/"))
    }
}

impl fmt::Display for RemoteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The ledger behind one remote and ref.
#[derive(Clone, Debug)]
pub struct GitLedger {
    settings: GitSettings,
}

/// How one call of Git ended.
#[derive(Debug)]
struct Ended {
    /// `None` where it took too long, or was killed: what it had done by then is unknown.
    code: Option<i32>,
    stdout: Vec<u8>,
    said: Said,
}

impl Ended {
    fn is_done(&self) -> bool {
        self.code == Some(0)
    }

    fn word(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim().to_owned()
    }
}

impl GitLedger {
    /// Nothing is asked yet.
    #[must_use]
    pub fn new(settings: GitSettings) -> Self {
        Self { settings }
    }

    /// What the ref names at the remote; `None` where there is no such ref.
    async fn look(&self) -> Result<Option<String>, SharedError> {
        let (remote, reference) = (&self.settings.remote, &self.settings.reference);
        // Exit code 2: the remote answered, and has no such ref.
        let seen = self.git(&["ls-remote", "--exit-code", "--end-of-options", &remote.0, &reference.0]).await?;
        match seen.code {
            Some(0) => {}
            Some(2) => return Ok(None),
            _ => {
                // Exit code 2 here: this repository knows no such remote.
                let known = self.git(&["remote", "get-url", "--end-of-options", &remote.0]).await?;
                return Err(match known.code {
                    Some(2) => SharedError::NoRemote(remote.to_string()),
                    _ => SharedError::Unreachable(seen.said),
                });
            }
        }
        // A pattern fits refs that merely end like it.
        let text = seen.word();
        let lines = text.lines().filter_map(|line| line.split_once('\t'));
        Ok(lines.filter(|(_, name)| *name == &*reference.0).map(|(id, _)| id.to_owned()).find(|id| is_id(id)))
    }

    /// The commit that holds these bytes. It is made of them alone, so that one record has one commit however often it is tried.
    async fn commit(&self, onto: Option<&Tip>, bytes: &[u8], signed: &Signed) -> Result<String, SharedError> {
        let blob = self.id("store the ledger", &["hash-object", "-w", "--stdin"], bytes, &[]).await?;
        let entry = format!("100644 blob {blob}\t{FILE}\n");
        let tree = self.id("store its tree", &["mktree"], entry.as_bytes(), &[]).await?;
        let date = format!("@{} +0000", signed.at.as_second());
        let (name, email) = (without_brackets(&signed.operator), without_brackets(&signed.operator));
        let identity = [
            ("GIT_AUTHOR_NAME", name.as_str()),
            ("GIT_AUTHOR_EMAIL", email.as_str()),
            ("GIT_AUTHOR_DATE", date.as_str()),
            ("GIT_COMMITTER_NAME", name.as_str()),
            ("GIT_COMMITTER_EMAIL", email.as_str()),
            ("GIT_COMMITTER_DATE", date.as_str()),
        ];
        let mut arguments = vec!["commit-tree", "--no-gpg-sign", "-F", "-"];
        if let Some(Tip(parent)) = onto {
            arguments.extend(["-p", parent]);
        }
        arguments.push(&tree);
        self.id("store its commit", &arguments, format!("{}\n", signed.message).as_bytes(), &identity).await
    }

    async fn id(
        &self,
        what: &'static str,
        arguments: &[&str],
        input: &[u8],
        identity: &[(&str, &str)],
    ) -> Result<String, SharedError> {
        let ended = self.call(arguments, input, identity).await?;
        let word = ended.word();
        if ended.is_done() && is_id(&word) { Ok(word) } else { Err(SharedError::Git { what, said: ended.said }) }
    }

    /// Keeps what was seen from Git's own tidying. Where that fails it is merely fetched again.
    async fn keep(&self, id: &str) {
        let kept = self.git(&["update-ref", &self.settings.reference.seen(), id]).await;
        if !kept.is_ok_and(|kept| kept.is_done()) {
            tracing::debug!("what was pushed could not be kept in {}", self.settings.reference.seen());
        }
    }

    async fn git(&self, arguments: &[&str]) -> Result<Ended, SharedError> {
        self.call(arguments, &[], &[]).await
    }

    async fn call(&self, arguments: &[&str], input: &[u8], identity: &[(&str, &str)]) -> Result<Ended, SharedError> {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.settings.folder).args(QUIETLY).args(arguments);
        command.env_clear();
        command.envs(self.settings.variables.iter().filter(|(name, _)| is_for_git(name)).map(|(name, value)| (name, value)));
        command.envs([("LC_ALL", "C"), ("GIT_TERMINAL_PROMPT", "0"), ("GIT_OPTIONAL_LOCKS", "0")]);
        command.envs(identity.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        // Ctrl-C is for this program, which stops at its next safe point; a push that has begun is let through.
        #[cfg(unix)]
        command.process_group(0);
        let child = command.spawn().map_err(SharedError::NoGit)?;
        match tokio::time::timeout(self.settings.time_out, talk(child, input)).await {
            Ok(Ok(output)) => {
                let said = Said::of(&output.stderr);
                Ok(Ended { code: output.status.code(), stdout: output.stdout, said })
            }
            Ok(Err(error)) => Ok(Ended { code: None, stdout: Vec::new(), said: Said::of(error.to_string().as_bytes()) }),
            Err(_) => {
                let said = format!("no answer within {} s", self.settings.time_out.as_secs());
                Ok(Ended { code: None, stdout: Vec::new(), said: Said::of(said.as_bytes()) })
            }
        }
    }
}

/// Options of every call: no hook and no tidying of this repository, nothing in colours.
const QUIETLY: [&str; 8] =
    ["-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "color.ui=false"];

/// Feeds a process and hears it out. Git may end without reading everything, which is no failure of ours.
async fn talk(mut child: Child, input: &[u8]) -> std::io::Result<std::process::Output> {
    let stdin = child.stdin.take();
    let feed = async {
        if let Some(mut stdin) = stdin {
            let _ = stdin.write_all(input).await;
        }
    };
    let ((), output) = tokio::join!(feed, child.wait_with_output());
    output
}

#[async_trait]
impl SharedLedger for GitLedger {
    async fn fetch(&self) -> Result<Option<Fetched>, SharedError> {
        let Some(id) = self.look().await? else { return Ok(None) };
        let (remote, seen) = (&self.settings.remote, self.settings.reference.seen());
        let have = self.git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &seen]).await?;
        let mut tip = have.word();
        if tip != id {
            let refspec = format!("+{}:{seen}", self.settings.reference);
            let arguments = [
                "fetch",
                "--quiet",
                "--no-tags",
                "--no-write-fetch-head",
                "--no-recurse-submodules",
                "--refmap=",
                "--end-of-options",
                &remote.0,
                &refspec,
            ];
            let fetched = self.git(&arguments).await?;
            if !fetched.is_done() {
                return Err(SharedError::Unreachable(fetched.said));
            }
            tip = self.id("read what was fetched", &["rev-parse", "--verify", "--end-of-options", &seen], &[], &[]).await?;
        }
        let ledger = self.git(&["cat-file", "blob", &format!("{tip}:{FILE}")]).await?;
        if !ledger.is_done() {
            return Err(SharedError::NotALedger(ledger.said));
        }
        Ok(Some(Fetched { tip: Tip(tip.into()), bytes: ledger.stdout }))
    }

    async fn push(&self, onto: Option<&Tip>, bytes: &[u8], signed: &Signed) -> Result<Tip, SharedError> {
        let commit = self.commit(onto, bytes, signed).await?;
        let (remote, reference) = (&self.settings.remote, &self.settings.reference);
        // Only over the very commit that it was built on; an empty one says that there must be no such ref.
        let lease = format!("--force-with-lease={reference}:{}", onto.map_or("", |tip| &*tip.0));
        let refspec = format!("{commit}:{reference}");
        let arguments = [
            "push",
            "--porcelain",
            "--no-progress",
            "--no-verify",
            "--no-follow-tags",
            "--recurse-submodules=no",
            &lease,
            "--end-of-options",
            &remote.0,
            &refspec,
        ];
        let pushed = self.git(&arguments).await?;
        let end = match pushed.code {
            None => PushEnd::TimedOut,
            Some(0) => PushEnd::Done,
            // git-push(1), OUTPUT: a line for each ref, with the flag `!` where it was rejected.
            Some(_) if pushed.stdout.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"!\t")) => PushEnd::Rejected,
            Some(_) => PushEnd::Failed,
        };
        let shown = match self.look().await {
            Ok(seen) if seen.as_ref() == Some(&commit) => Shown::Ours,
            Ok(seen) if seen.as_deref() == onto.map(|tip| &*tip.0) => Shown::Before,
            Ok(_) => Shown::Other,
            Err(_) => Shown::Nothing,
        };
        match judge_push(end, shown) {
            Pushed::Counts => {
                self.keep(&commit).await;
                Ok(Tip(commit.into()))
            }
            Pushed::Lost => Err(SharedError::Lost),
            Pushed::Declined => Err(SharedError::Declined(pushed.said)),
            Pushed::NotAllowed => Err(SharedError::NotAllowed(pushed.said)),
            Pushed::Unanswered => Err(SharedError::Unanswered(pushed.said)),
        }
    }
}

/// Whether a variable is for Git, for the programs that carry it (SSH, credential helpers), or for the network. Everything else stays here:
/// tokens of Vault and keys of AWS above all.
fn is_for_git(name: &str) -> bool {
    const ALIKE: [&str; 27] = [
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "TMPDIR",
        "LANG",
        "SHELL",
        "DISPLAY",
        "WAYLAND_DISPLAY",
        "DBUS_SESSION_BUS_ADDRESS",
        "XDG_RUNTIME_DIR",
        "XDG_CONFIG_HOME",
        "XDG_CACHE_HOME",
        "XDG_DATA_HOME",
        "KRB5CCNAME",
        "KRB5_CONFIG",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "GH_TOKEN",
        "GITHUB_TOKEN",
        "CI_JOB_TOKEN",
        "SYSTEMROOT",
        "USERPROFILE",
        "APPDATA",
        "LOCALAPPDATA",
        "PROGRAMDATA",
        "PATHEXT",
    ];
    // Where the repository is, is said by us; what Git traces may hold credentials.
    const OURS: [&str; 8] = [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_PREFIX",
    ];
    let upper = name.to_ascii_uppercase();
    let is_gits = (upper.starts_with("GIT_") || upper.starts_with("SSH_")) && !upper.starts_with("GIT_TRACE");
    (is_gits && !OURS.contains(&upper.as_str())) || ALIKE.contains(&upper.as_str()) || upper.ends_with("_PROXY")
}

fn is_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Git's identities hold no angle brackets and no line end.
fn without_brackets(text: &str) -> String {
    text.chars().filter(|char| !matches!(char, '<' | '>') && !char.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_is_a_name_and_a_ref_is_whole() {
        for (text, is) in
            [("origin", true), ("up-stream.2", true), ("-x", false), ("https://u:p@host/x", false), ("", false), ("a b", false)]
        {
            assert_eq!(RemoteName::parse(text).is_some(), is, "{text}");
        }
        for (text, is) in [
            ("refs/migrate/prod", true),
            ("refs/heads/ledger", true),
            ("refs/prod", false),
            ("main", false),
            ("refs/migrate/", false),
            ("refs/migrate/a..b", false),
            ("refs/migrate/-x", false),
            ("refs/migrate/x.lock", false),
            ("refs/migrate/x:y", false),
            ("refs//x", false),
        ] {
            assert_eq!(RefName::parse(text).is_some(), is, "{text}");
        }
    }

    // REQ OPS-1
    #[test]
    fn git_inherits_what_is_its_own_and_no_token_of_a_store() {
        let passed = ["PATH", "HOME", "SSH_AUTH_SOCK", "GIT_SSH_COMMAND", "GIT_CONFIG_COUNT", "https_proxy", "NO_PROXY"];
        let kept = [
            "VAULT_TOKEN",
            "BAO_TOKEN",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "GIT_DIR",
            "GIT_TRACE_CURL",
            "MIGRATE_OPERATOR",
        ];
        assert!(passed.iter().all(|name| is_for_git(name)));
        assert!(!kept.iter().any(|name| is_for_git(name)));
    }
}
