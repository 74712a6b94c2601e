//! Records of our secrets, put together.

use std::collections::{BTreeMap, BTreeSet, HashSet, btree_map::Entry};

use jiff::Timestamp;
use migrate_core::{
    name::{SecretArn, SecretName},
    principals::{Access, Found, Look, Principal, Seen},
};

use super::{
    document::{self, Fault, FaultKind},
    record::{self, Call, Told},
};

/// Gathers what records tell of some secrets.
#[derive(Debug)]
pub struct Gather {
    secrets: BTreeSet<SecretName>,
    account: Option<String>,
    heard: HashSet<Box<str>>,
    seen: BTreeMap<(SecretName, Principal, Access), Seen>,
    span: Option<(Timestamp, Timestamp)>,
    records: u64,
    accounts: BTreeSet<String>,
    faults: Vec<Fault>,
}

/// What was gathered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gathered {
    /// Who did what, and the one look that this was.
    pub found: Found,
    /// What could not be read.
    pub faults: Vec<Fault>,
    /// The accounts whose secrets have one of the names. More than one: the same names stand in several accounts.
    pub accounts: BTreeSet<String>,
}

impl Gather {
    /// For secrets by their names in Secrets Manager; of one `account` alone, where its number is known.
    #[must_use]
    pub fn new(secrets: BTreeSet<SecretName>, account: Option<String>) -> Self {
        Self {
            secrets,
            account,
            heard: HashSet::new(),
            seen: BTreeMap::new(),
            span: None,
            records: 0,
            accounts: BTreeSet::new(),
            faults: Vec::new(),
        }
    }

    /// Takes a file in, packed or not.
    pub fn file(&mut self, source: &str, bytes: Vec<u8>) {
        let text = match document::unpacked(bytes) {
            Ok(text) => text,
            Err(kind) => return self.fault(source, None, kind),
        };
        match document::records(&text) {
            Ok(records) => {
                for (record, number) in records.into_iter().zip(1..) {
                    match record {
                        Ok(text) => self.record(source, number, &text),
                        Err(kind) => self.fault(source, Some(number), kind),
                    }
                }
            }
            Err(kind) => self.fault(source, None, kind),
        }
    }

    /// Takes one record in.
    pub fn record(&mut self, source: &str, number: usize, text: &str) {
        match record::read(text) {
            Ok(Told::Nothing) => {}
            Ok(Told::Other(at)) => self.note(at),
            Ok(Told::Call(call)) => {
                self.note(call.at);
                self.take(call);
            }
            Err(kind) => self.fault(source, Some(number), kind),
        }
    }

    /// A record that is not there as CloudTrail answers it.
    pub(super) fn fault(&mut self, source: &str, record: Option<usize>, kind: FaultKind) {
        self.faults.push(Fault { source: source.to_owned(), record, kind });
    }

    fn note(&mut self, at: Timestamp) {
        self.records += 1;
        self.span = Some(self.span.map_or((at, at), |(from, until)| (from.min(at), until.max(at))));
    }

    fn take(&mut self, call: Call) {
        let Some((name, account)) = call.secret.as_deref().and_then(|secret| self.secret(secret)) else { return };
        let account = account.or(call.account);
        if let (Some(wanted), Some(account)) = (&self.account, &account)
            && wanted != account
        {
            return;
        }
        // Trails of an organisation and of an account deliver the same records.
        if call.id.is_some_and(|id| !self.heard.insert(id.into())) {
            return;
        }
        self.accounts.extend(account);
        let (done, refused) = if call.is_refused { (0, 1) } else { (1, 0) };
        match self.seen.entry((name, call.principal.clone(), call.access)) {
            Entry::Vacant(free) => {
                let regions = BTreeSet::from([call.region]);
                let (principal, access, last) = (call.principal, call.access, call.at);
                free.insert(Seen { principal, access, done, refused, last, regions });
            }
            Entry::Occupied(mut there) => {
                let there = there.get_mut();
                there.last = match (there.done > 0, done > 0) {
                    (true, false) => there.last,
                    (false, true) => call.at,
                    _ => there.last.max(call.at),
                };
                there.done += done;
                there.refused += refused;
                there.regions.insert(call.region);
            }
        }
    }

    /// Which of our secrets a caller named, and its account where an ARN tells it.
    fn secret(&self, asked: &str) -> Option<(SecretName, Option<String>)> {
        let ours = |text: &str| SecretName::parse(text).ok().filter(|name| self.secrets.contains(name));
        if !asked.starts_with("arn:") {
            return Some((ours(asked)?, None));
        }
        if let Ok(parts) = SecretArn::new(asked).parts()
            && self.secrets.contains(&parts.name)
        {
            return Some((parts.name, Some(parts.account)));
        }
        // A partial ARN ends with the name.
        let fields: Vec<&str> = asked.splitn(7, ':').collect();
        let &["arn", _, "secretsmanager", _, account, "secret", name] = fields.as_slice() else { return None };
        Some((ours(name)?, Some(account.to_owned())))
    }

    /// What came together in one look.
    #[must_use]
    pub fn finish(self, at: Timestamp, source: String) -> Gathered {
        let mut secrets: BTreeMap<SecretName, Vec<Seen>> = BTreeMap::new();
        for ((name, _, _), seen) in self.seen {
            secrets.entry(name).or_default().push(seen);
        }
        secrets.values_mut().for_each(|seen| seen.sort());
        let (from, until) = self.span.unzip();
        let unreadable = u64::try_from(self.faults.len()).unwrap_or(u64::MAX);
        let look = Look { at, source, from, until, records: self.records, unreadable };
        let found = Found { looks: vec![look], secrets, ..Found::default() };
        Gathered { found, faults: self.faults, accounts: self.accounts }
    }
}
