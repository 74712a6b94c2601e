//! The ledger on disk: locked, appended, fsynced. Local mode: git is never run; the file lies in the operators' repository.
//!
//! Expected flow: [`LedgerFile::create`] once, then [`LedgerFile::open`] for each run that writes, [`read`] for those that only look.
//!
//! Guarantees: a record that [`LedgerFile::append`] returned for is on disk. One that it did not is either absent or torn, and a torn one
//! is cut off at the next open. One process at a time holds the lock, which the operating system releases when that process ends.
//!
//! Caveat: `flock` does not reach across machines that share the file over a network; there the anchor decides (P7).

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use migrate_core::{
    handover::{Event, Handover, Refusal},
    id::{Epoch, LedgerId},
    ledger::{Broken, Chain, Head, Record, RecordHash, Tail},
};

/// What can be wrong with a ledger on disk.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// No file there.
    #[error("there is no ledger at {}", .0.display())]
    Missing(PathBuf),
    /// A file is there already.
    #[error("there is a ledger at {} already", .0.display())]
    Exists(PathBuf),
    /// Another process writes to it.
    #[error("the ledger {} is locked by {holder}", path.display())]
    Locked {
        /// Which.
        path: PathBuf,
        /// What its lock file says: operator, host and process.
        holder: String,
        /// When it took the lock, as far as the file system tells.
        since: Option<Timestamp>,
    },
    /// Its chain does not hold.
    #[error("the ledger {} is broken", path.display())]
    Broken {
        /// Which.
        path: PathBuf,
        /// Where and how.
        #[source]
        why: Broken,
    },
    /// The operating system refused.
    #[error("{what} {}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// What it said.
        #[source]
        error: std::io::Error,
    },
    /// The protocol does not allow the record.
    #[error("the record is not allowed")]
    Refused(#[from] Refusal),
    /// A write failed before: nothing more is written by this process.
    #[error("an earlier write to {} failed; run the command again", .0.display())]
    Failed(PathBuf),
}

impl LedgerError {
    pub(crate) fn unwritten(path: &Path, error: serde_json::Error) -> Self {
        io(path, "can't write", error.into())
    }
}

/// A ledger as it was read, without its lock.
#[derive(Debug)]
pub struct ReadLedger {
    /// The checked chain.
    pub chain: Chain,
    /// How the file ended.
    pub tail: Tail,
    /// Every record.
    pub records: Vec<Record>,
}

/// Reads and checks a ledger without locking it: it may grow meanwhile.
///
/// # Errors
/// [`LedgerError::Missing`], [`LedgerError::Broken`], [`LedgerError::Io`].
pub fn read(path: &Path) -> Result<ReadLedger, LedgerError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(LedgerError::Missing(path.to_owned())),
        Err(error) => return Err(io(path, "can't read", error)),
    };
    let mut records = Vec::new();
    let (chain, tail) = Chain::read(&bytes, |record| records.push(record.clone()))
        .map_err(|why| LedgerError::Broken { path: path.to_owned(), why })?;
    Ok(ReadLedger { chain, tail, records })
}

/// A ledger that this process alone may write.
#[derive(Debug)]
pub struct LedgerFile {
    path: PathBuf,
    file: File,
    length: u64,
    chain: Chain,
    failed: bool,
    /// Held for its lock; the operating system lets go of it when this process ends, however it ends.
    _lock: File,
}

impl LedgerFile {
    /// Makes a new ledger with its first record.
    ///
    /// # Errors
    /// [`LedgerError::Exists`], [`LedgerError::Io`].
    pub fn create(path: &Path, ledger: LedgerId, operator: &str, now: Timestamp) -> Result<Self, LedgerError> {
        let mut made = Self::create_empty(path, operator)?;
        made.append(now, operator, Epoch(0), Event::Created { ledger })?;
        sync_folder(path)?;
        Ok(made)
    }

    /// Makes the file of a ledger that lies elsewhere already.
    ///
    /// # Errors
    /// [`LedgerError::Exists`], [`LedgerError::Io`], [`LedgerError::Broken`].
    pub fn create_with(path: &Path, operator: &str, bytes: &[u8]) -> Result<Self, LedgerError> {
        let mut made = Self::create_empty(path, operator)?;
        made.take_over(bytes)?;
        sync_folder(path)?;
        Ok(made)
    }

    fn create_empty(path: &Path, operator: &str) -> Result<Self, LedgerError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| io(folder, "can't make the folder", error))?;
        }
        let lock = lock(path, operator)?;
        let file = OpenOptions::new().create_new(true).read(true).append(true).open(path).map_err(|error| {
            if error.kind() == ErrorKind::AlreadyExists {
                LedgerError::Exists(path.to_owned())
            } else {
                io(path, "can't create", error)
            }
        })?;
        Ok(Self { path: path.to_owned(), file, length: 0, chain: Chain::new(), failed: false, _lock: lock })
    }

    /// Locks, reads and checks a ledger; cuts off a torn tail, which never counted. Returns whether there was one.
    ///
    /// # Errors
    /// Any [`LedgerError`] but `Exists`.
    pub fn open(path: &Path, operator: &str) -> Result<(Self, bool), LedgerError> {
        if !path.exists() {
            return Err(LedgerError::Missing(path.to_owned()));
        }
        let lock = lock(path, operator)?;
        let mut file = OpenOptions::new().read(true).append(true).open(path).map_err(|error| io(path, "can't open", error))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|error| io(path, "can't read", error))?;
        let (chain, tail) = Chain::read(&bytes, |_| ()).map_err(|why| LedgerError::Broken { path: path.to_owned(), why })?;
        let mut opened = Self { path: path.to_owned(), file, length: bytes.len() as u64, chain, failed: false, _lock: lock };
        let torn = if let Tail::Torn { keep } = tail {
            opened.cut(keep as u64)?;
            true
        } else {
            false
        };
        Ok((opened, torn))
    }

    /// The state that the records fold to.
    #[must_use]
    pub fn state(&self) -> &Handover {
        self.chain.state()
    }

    /// Every record's head.
    #[must_use]
    pub fn heads(&self) -> &[Head] {
        self.chain.heads()
    }

    /// The checked chain.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends one record; on disk when this returns.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] before anything was written; [`LedgerError::Io`], after which this process writes nothing more.
    pub fn append(&mut self, at: Timestamp, operator: &str, epoch: Epoch, event: Event) -> Result<Head, LedgerError> {
        if self.failed {
            return Err(LedgerError::Failed(self.path.clone()));
        }
        let record = self.chain.draft(at, operator, epoch, event)?;
        let mut line = record.to_line().map_err(|error| LedgerError::unwritten(&self.path, error))?;
        let hash = RecordHash::of(&line);
        line.push(b'\n');
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            self.failed = true;
            // Best effort: what stays behind is a torn tail, which the next open cuts off.
            let _ = self.file.set_len(self.length);
            return Err(io(&self.path, "can't write", error));
        }
        self.length += line.len() as u64;
        self.chain.accept(&record, hash)?;
        self.chain.heads().last().copied().ok_or_else(|| LedgerError::Failed(self.path.clone()))
    }

    /// Cuts off the last record: a decisive one that never counted, since the anchor went elsewhere.
    ///
    /// # Errors
    /// [`LedgerError::Io`] or [`LedgerError::Broken`].
    pub fn trim_last(&mut self) -> Result<(), LedgerError> {
        self.keep(self.heads().len().saturating_sub(1))
    }

    /// Keeps the first records only: the others never counted.
    ///
    /// # Errors
    /// [`LedgerError::Io`] or [`LedgerError::Broken`].
    pub fn keep(&mut self, records: usize) -> Result<(), LedgerError> {
        if records >= self.heads().len() {
            return Ok(());
        }
        let bytes = self.bytes()?;
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        let keep = records.checked_sub(1).and_then(|last| ends.into_iter().nth(last)).unwrap_or_default();
        let (chain, _) = self.check(bytes.get(..keep).unwrap_or_default())?;
        self.cut(keep as u64)?;
        self.chain = chain;
        Ok(())
    }

    /// Adds what `whole` has beyond this file, whose beginning it shares. A crash leaves part of it, or a torn record.
    ///
    /// # Errors
    /// [`LedgerError::Io`], or [`LedgerError::Broken`] before anything was written.
    pub fn take_over(&mut self, whole: &[u8]) -> Result<(), LedgerError> {
        let (chain, _) = self.check(whole)?;
        let more = usize::try_from(self.length).ok().and_then(|from| whole.get(from..)).unwrap_or_default();
        let written = self.file.write_all(more).and_then(|()| self.file.sync_data());
        written.map_err(|error| io(&self.path, "can't write", error))?;
        self.length += more.len() as u64;
        self.chain = chain;
        Ok(())
    }

    /// The whole file.
    ///
    /// # Errors
    /// [`LedgerError::Io`].
    pub fn bytes(&mut self) -> Result<Vec<u8>, LedgerError> {
        let mut bytes = Vec::new();
        let read = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.read_to_end(&mut bytes));
        read.map_err(|error| io(&self.path, "can't read", error))?;
        Ok(bytes)
    }

    fn check(&self, bytes: &[u8]) -> Result<(Chain, Tail), LedgerError> {
        Chain::read(bytes, |_| ()).map_err(|why| LedgerError::Broken { path: self.path.clone(), why })
    }

    fn cut(&mut self, length: u64) -> Result<(), LedgerError> {
        self.file
            .set_len(length)
            .and_then(|()| self.file.sync_all())
            .map_err(|error| io(&self.path, "can't cut the torn end off", error))?;
        self.length = length;
        Ok(())
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

fn lock(path: &Path, operator: &str) -> Result<File, LedgerError> {
    let at = lock_path(path);
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&at)
        .map_err(|error| io(&at, "can't open", error))?;
    match file.try_lock() {
        Ok(()) => {
            // Who holds it, for the message that the next one sees; the lock itself is the operating system's.
            let holder = format!("{operator}, process {}\n", std::process::id());
            let write = file.set_len(0).and_then(|()| file.write_all(holder.as_bytes()));
            write.map_err(|error| io(&at, "can't write", error))?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // A holder that can't be read is still a holder.
            let _ = file.read_to_string(&mut holder);
            let holder = if holder.trim().is_empty() { "another process".to_owned() } else { holder.trim().to_owned() };
            // Written when the lock was taken, and never since.
            let since = file.metadata().and_then(|about| about.modified()).ok().and_then(|at| Timestamp::try_from(at).ok());
            Err(LedgerError::Locked { path: path.to_owned(), holder, since })
        }
        Err(TryLockError::Error(error)) => Err(io(&at, "can't lock", error)),
    }
}

fn sync_folder(path: &Path) -> Result<(), LedgerError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| io(folder, "can't sync the folder", error))
}

fn io(path: &Path, what: &'static str, error: std::io::Error) -> LedgerError {
    LedgerError::Io { path: path.to_owned(), what, error }
}
