//! A ledger that several operators share: the place that counts, behind a small port, and the local file that follows it.
//!
//! Expected flow: [`bring_up_to_date`] at the start of a run, under the file's lock; then the session pushes each decisive record. Commands
//! that only look call [`refresh`].

use std::{fmt, path::Path, sync::Arc};

use async_trait::async_trait;
use jiff::Timestamp;
use migrate_core::{
    handover::{Event, Handover},
    id::{Epoch, LedgerId},
    ledger::{Broken, Chain, Follow, Record, SharedStanding, Tail, align, judge_shared},
    observed::Sighting,
    ports::{AnchorSeen, Incoming},
};

use crate::{
    LedgerError, LedgerFile,
    error::{Stopped, Where},
};

/// A state of the shared ledger, as the place names it (a commit).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip(pub Arc<str>);

/// What lies at the place.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Its name.
    pub tip: Tip,
    /// The whole ledger.
    pub bytes: Vec<u8>,
}

/// Who puts a state there, and what it says of itself. Taken from the records, so that one state always looks the same.
#[derive(Clone, Debug)]
pub struct Signed {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub operator: String,
    /// What for, one line.
    pub message: String,
}

/// The place where a shared ledger lies.
#[async_trait]
pub trait SharedLedger: Send + Sync {
    /// What lies there now; `None` where there is nothing yet. No effect at the place.
    async fn fetch(&self) -> Result<Option<Fetched>, SharedError>;

    /// Puts a ledger over the state `onto` (`None`: where nothing is), and over no other. `Ok` means that it was seen there afterwards. Tried
    /// again with the same input it has the same effect. A crash leaves it done or not done, which the next fetch shows.
    async fn push(&self, onto: Option<&Tip>, bytes: &[u8], signed: &Signed) -> Result<Tip, SharedError>;
}

/// What another program said, for people only: shortened, printable, and without user information of addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said(String);

/// Characters of [`Said`] that are kept, from the end.
const SAID: usize = 600;

impl Said {
    /// What remains of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let whole = lines.map(without_user_information).collect::<Vec<_>>().join("; ");
        let printable: Vec<char> = whole.chars().filter(|char| !char.is_control()).collect();
        let from = printable.len().saturating_sub(SAID);
        Self(printable.iter().skip(from).collect())
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "it said nothing" } else { &self.0 })
    }
}

/// `https://user:password@host` becomes `https://host`.
fn without_user_information(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("://") {
        text += before;
        text += "://";
        let end =
            after.find(|char: char| char == '/' || char.is_whitespace() || matches!(char, '\'' | '"')).unwrap_or(after.len());
        let (authority, behind) = after.split_at(end);
        text += authority.rsplit('@').next().unwrap_or_default();
        rest = behind;
    }
    text + rest
}

/// Why a shared ledger can't be reached, or does not take a record.
#[derive(Debug, thiserror::Error)]
pub enum SharedError {
    /// `git` can't be started.
    #[error("git can't be started")]
    NoGit(#[source] std::io::Error),
    /// Git failed within this repository.
    #[error("git could not {what}: {said}")]
    Git {
        /// What it was to do.
        what: &'static str,
        /// What it said.
        said: Said,
    },
    /// The repository has no such remote.
    #[error("this repository has no remote {0}")]
    NoRemote(String),
    /// The remote does not answer, or does not let us read.
    #[error("the remote does not answer, or can't be read from here: {0}")]
    Unreachable(Said),
    /// Nothing lies there.
    #[error("the remote has no ledger")]
    Missing,
    /// What lies there is no ledger.
    #[error("what lies at the ref is no ledger: {0}")]
    NotALedger(Said),
    /// What lies there is a ledger whose chain does not hold.
    #[error("the remote's ledger is broken")]
    Broken(#[source] Broken),
    /// Somebody else was first.
    #[error("somebody else's record was first")]
    Lost,
    /// The server would not take the record; certainly not done.
    #[error("the remote's server declined the record: {0}")]
    Declined(Said),
    /// The remote can be read and not written to; certainly not done.
    #[error("the remote can be read from here, but takes no push: {0}")]
    NotAllowed(Said),
    /// Nobody knows whether the record arrived.
    #[error("the remote gave no answer, so the record may have arrived: {0}")]
    Unanswered(Said),
}

impl SharedError {
    /// Whether a record that was pushed is certainly not there and will not be.
    #[must_use]
    pub const fn is_not_done(&self) -> bool {
        matches!(
            self,
            Self::Declined(_) | Self::NotAllowed(_) | Self::Lost | Self::NoGit(_) | Self::Git { .. } | Self::NoRemote(_)
        )
    }
}

/// A ledger file that is open for writing, and what it follows.
#[derive(Debug)]
pub struct OpenLedger {
    pub(crate) file: LedgerFile,
    pub(crate) following: Option<Following>,
}

/// What a shared ledger was when it was opened.
pub(crate) struct Following {
    pub(crate) place: Arc<dyn SharedLedger>,
    pub(crate) tip: Tip,
    /// The anchor that it was judged by: judging the file by a later one would take another run's progress for a fault.
    pub(crate) anchor: Option<AnchorSeen>,
}

impl fmt::Debug for Following {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following").field("tip", &self.tip).field("anchor", &self.anchor).finish_non_exhaustive()
    }
}

impl OpenLedger {
    /// The state that the records fold to.
    #[must_use]
    pub fn state(&self) -> &Handover {
        self.file.state()
    }
}

impl From<LedgerFile> for OpenLedger {
    /// A ledger that is nobody else's.
    fn from(file: LedgerFile) -> Self {
        Self { file, following: None }
    }
}

/// What was done to the local file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// Part of a record at its end was cut off.
    pub torn: bool,
    /// Records that never counted and were trimmed.
    pub trimmed: usize,
    /// Records that came from the remote.
    pub taken: usize,
    /// Records that went there.
    pub pushed: usize,
}

const OPENING: Where = Where("opening the shared ledger");

/// Looks at the anchor and the remote until both are of one moment. Others may be at work: three tries, then they have the lead.
const TRIES: usize = 3;

/// Opens the local file of a shared ledger, under its lock, and brings it and the remote together. The remote counts, unless it does not agree
/// with the anchor; records of ours that never counted are trimmed, what our last run did is pushed.
///
/// # Errors
/// [`Stopped::Ledger`], [`Stopped::Shared`], [`Stopped::NotShared`], [`Stopped::Port`], [`Stopped::LeadLost`].
pub async fn bring_up_to_date(
    path: &Path,
    operator: &str,
    place: Arc<dyn SharedLedger>,
    incoming: &dyn Incoming,
) -> Result<(OpenLedger, Brought), Stopped> {
    let mut brought = Brought::default();
    let mut file = match LedgerFile::open(path, operator) {
        Ok((file, torn)) => {
            brought.torn = torn;
            Some(file)
        }
        Err(LedgerError::Missing(_)) => None,
        Err(error) => return Err(error.into()),
    };
    for _ in 0..TRIES {
        let before = anchor(incoming, OPENING).await?;
        let fetched = place.fetch().await?.ok_or(SharedError::Missing)?;
        if anchor(incoming, OPENING).await? != before {
            continue;
        }
        let remote = chain(&fetched.bytes)?;
        let copy = file.as_ref().map(|file| file.chain().standing());
        let Follow { keep, take, push: more } =
            match judge_shared(copy, remote.standing(), before.as_ref().map(|seen| &seen.anchor)) {
                SharedStanding::Sound(follow) => follow,
                unsound => return Err(Stopped::NotShared(unsound)),
            };
        let mut open = match file.take() {
            Some(file) => file,
            None => LedgerFile::create_with(path, operator, &fetched.bytes)?,
        };
        brought.trimmed += open.heads().len().saturating_sub(keep);
        brought.taken += take;
        open.keep(keep)?;
        if take > 0 {
            open.take_over(&fetched.bytes)?;
        }
        let mut tip = fetched.tip;
        if more > 0 {
            match push(&*place, Some(&tip), &open.bytes()?).await {
                Ok(moved) => tip = moved,
                Err(SharedError::Lost) => {
                    file = Some(open);
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
            brought.pushed += more;
        }
        let following = Following { place, tip, anchor: before };
        return Ok((OpenLedger { file: open, following: Some(following) }, brought));
    }
    Err(Stopped::LeadLost)
}

/// How the local file stands to the remote after a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// It has everything that the remote has.
    Current,
    /// A run in this clone holds the file, and keeps it current itself.
    Held,
    /// It holds records that the remote has others in place of, or lacks; a run will settle it.
    Differs,
}

/// Adds to the local file what the remote has beyond it, and changes nothing else.
///
/// # Errors
/// [`Stopped::Ledger`], [`Stopped::Shared`].
pub async fn refresh(path: &Path, operator: &str, place: &dyn SharedLedger) -> Result<Refreshed, Stopped> {
    let fetched = place.fetch().await?.ok_or(SharedError::Missing)?;
    let remote = chain(&fetched.bytes)?;
    let mut file = match LedgerFile::open(path, operator) {
        Ok((file, _)) => file,
        Err(LedgerError::Missing(_)) => {
            LedgerFile::create_with(path, operator, &fetched.bytes)?;
            return Ok(Refreshed::Current);
        }
        Err(LedgerError::Locked { .. }) => return Ok(Refreshed::Held),
        Err(error) => return Err(error.into()),
    };
    match align(Some(file.chain().standing()), remote.standing()) {
        SharedStanding::Sound(Follow { keep, take, push: 0 }) if keep == file.heads().len() => {
            if take > 0 {
                file.take_over(&fetched.bytes)?;
            }
            Ok(Refreshed::Current)
        }
        _ => Ok(Refreshed::Differs),
    }
}

/// What [`found`] came upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Founded {
    /// Neither here nor there was a ledger: a new one was made at the place, and its file here.
    Made,
    /// There was one at the place: its file was made here.
    Joined,
    /// There was one here alone: it was put there.
    Put,
    /// It was in both, and nothing was to do but to take over what is new.
    There,
}

/// Sees to it that the ledger lies both here and at the place. Of several who do so at once one makes it, and the others join.
///
/// # Errors
/// [`Stopped::Ledger`], [`Stopped::Shared`], [`Stopped::NotShared`] where here and there are different ledgers.
pub async fn found(
    path: &Path,
    ledger: &LedgerId,
    operator: &str,
    now: Timestamp,
    place: &dyn SharedLedger,
) -> Result<Founded, Stopped> {
    let mut file = match LedgerFile::open(path, operator) {
        Ok((file, _)) => Some(file),
        Err(LedgerError::Missing(_)) => None,
        Err(error) => return Err(error.into()),
    };
    for _ in 0..TRIES {
        match (place.fetch().await?, &mut file) {
            (Some(there), Some(file)) => {
                let remote = chain(&there.bytes)?;
                match align(Some(file.chain().standing()), remote.standing()) {
                    SharedStanding::Sound(follow) if follow.keep == file.heads().len() => file.take_over(&there.bytes)?,
                    // What never counted is settled by the next run, which knows the anchor.
                    SharedStanding::Sound(_) => {}
                    unsound => return Err(Stopped::NotShared(unsound)),
                }
                return Ok(Founded::There);
            }
            (Some(there), None) => {
                chain(&there.bytes)?;
                LedgerFile::create_with(path, operator, &there.bytes)?;
                return Ok(Founded::Joined);
            }
            (None, Some(file)) => match push(place, None, &file.bytes()?).await {
                Err(SharedError::Lost) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(Founded::Put),
            },
            (None, None) => {
                let record = Chain::new().draft(now, operator, Epoch(0), Event::Created { ledger: ledger.clone() })?;
                let mut bytes = record.to_line().map_err(|error| LedgerError::unwritten(path, error))?;
                bytes.push(b'\n');
                match push(place, None, &bytes).await {
                    Err(SharedError::Lost) => {}
                    Err(error) => return Err(error.into()),
                    Ok(_) => {
                        LedgerFile::create_with(path, operator, &bytes)?;
                        return Ok(Founded::Made);
                    }
                }
            }
        }
    }
    Err(SharedError::Lost.into())
}

/// Pushes a whole ledger, signed as its last record says.
pub(crate) async fn push(place: &dyn SharedLedger, onto: Option<&Tip>, bytes: &[u8]) -> Result<Tip, SharedError> {
    let whole = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let line = whole.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let last: Record = serde_json::from_slice(line)
        .map_err(|error| SharedError::Broken(Broken::NotARecord { line: 0, why: error.to_string() }))?;
    let wave = last.event.wave().map(|wave| format!(" {wave}")).unwrap_or_default();
    let message = format!("{}{wave}: record {}, epoch {}", last.event.kind(), last.sequence, last.epoch);
    place.push(onto, bytes, &Signed { at: last.at, operator: last.operator, message }).await
}

/// Checks what the remote has.
///
/// # Errors
/// [`SharedError::Broken`].
pub fn chain(bytes: &[u8]) -> Result<Chain, SharedError> {
    match Chain::read(bytes, |_| ()).map_err(SharedError::Broken)? {
        (chain, Tail::Whole) => Ok(chain),
        (chain, Tail::Torn { .. }) => {
            let line = chain.heads().len() + 1;
            Err(SharedError::Broken(Broken::NotARecord { line, why: "it has no line end".to_owned() }))
        }
    }
}

/// The anchor now.
pub(crate) async fn anchor(incoming: &dyn Incoming, step: Where) -> Result<Option<AnchorSeen>, Stopped> {
    match incoming.anchor().await {
        Sighting::Present(seen) => Ok(Some(seen)),
        Sighting::Absent => Ok(None),
        Sighting::Unknown(error) | Sighting::Unreadable(error) => Err(Stopped::Port { step, error }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_said_is_bounded_and_names_no_user() {
        let said =
            Said::of(b"fatal: unable to access 'https://me:canary@host/x.git/': \x1b[31mno\n\nremote: see ssh://git@host:22/x\n");
        assert_eq!(said.to_string(), "fatal: unable to access 'https://host/x.git/': [31mno; remote: see ssh://host:22/x");
        let long = Said::of("x".repeat(10_000).as_bytes());
        assert_eq!(long.to_string().len(), SAID);
        assert_eq!(Said::of(b"").to_string(), "it said nothing");
    }
}
