//! `migrate scan`: credentials that lie in files, told by their place. Nothing is changed, nothing is asked of any store, and no value, nor
//! anything computed from one, is shown or written (REQ OPS-1, SDK-6).

mod sarif;
mod walk;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Read as _,
};

use camino::{Utf8Path, Utf8PathBuf};
use migrate_core::value;
use phase0_sdk::scan::{self, Decoded, Encoding, Finding, Missing, Owner, Owners, Proposal, Scanned};
use serde::Serialize;

use self::walk::{Candidate, Source};
use super::Context;
use crate::{
    args::Scan,
    error::{CommandError, Reason},
    exit::Exit,
    files,
    ui::{Report, Table, count},
};

/// What was found below some folders.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    /// How many files were scanned.
    files: usize,
    credentials: Vec<Credential>,
    /// Where a credential belongs and only a placeholder stands.
    placeholders: Vec<Placeholder>,
    /// How many credentials a comment allows to stay.
    allowed: usize,
    /// What could not be scanned, or not as it should.
    noticed: Vec<Noticed>,
    #[serde(skip)]
    is_verbose: bool,
}

/// One credential at its place.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Credential {
    file: String,
    line: u64,
    column: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    key: String,
    kind: &'static str,
    confidence: &'static str,
    evidence: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    proposed_name: Option<String>,
    /// What the surroundings did not say, where no name is proposed.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<ProposedOwner>,
    #[serde(skip)]
    finding: Finding,
    /// The path from the root of the repository, for code hosts.
    #[serde(skip)]
    from_root: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ProposedOwner {
    name: String,
    from: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Placeholder {
    file: String,
    line: u64,
    key: String,
}

/// Something about a file that its reader should know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
struct Noticed {
    file: String,
    kind: Notice,
    text: String,
}

/// Which kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Notice {
    /// It can't be read: denied, gone, a fault of the disk.
    Unreadable,
    /// It has the name of a configuration file and holds no text.
    Binary,
    /// A symbolic link, or no regular file.
    NotFollowed,
    /// Only its beginning was scanned.
    TooLarge,
    /// It is no UTF-8, and was taken for Latin-1.
    Latin1,
    /// It is not well-formed, and was scanned line by line.
    Broken,
    /// `migrate:allow` without a reason.
    AllowWithoutReason,
    /// A line of CODEOWNERS or of an ignore file can't be used.
    Pattern,
}

impl Notice {
    /// Whether something was not looked at that may hold a credential.
    const fn is_gap(self) -> bool {
        matches!(self, Self::Unreadable | Self::TooLarge)
    }
}

pub(super) fn run(context: &Context, args: &Scan) -> Result<Exit, CommandError> {
    let here = &context.environment.directory;
    let mut found = Found { is_verbose: context.printer.is_verbose(), ..Found::default() };
    let mut seen = BTreeSet::new();
    let typed = if args.paths.is_empty() { vec![Utf8PathBuf::from(".")] } else { args.paths.clone() };
    for path in &typed {
        let source = Source::new(&here.join(path), here)?;
        let (owners, invalid) = owners(&source.root)?;
        found.noticed.extend(invalid);
        let (candidates, noticed) = walk::walk(&source);
        found.noticed.extend(noticed);
        for candidate in candidates {
            if context.interrupt.requested() {
                return Err(CommandError::new(Reason::Interrupted, "the scan was interrupted"));
            }
            if seen.insert(candidate.path.clone()) {
                file(&source, &owners, &candidate, &mut found);
            }
        }
    }
    found.noticed.sort();
    found.noticed.dedup();
    if let Some(out) = &args.sarif {
        files::replace(&here.join(out), &sarif::log(&found)?)?;
        context.printer.talk(format!("wrote {out}"));
    }
    let exit = match (found.credentials.is_empty(), found.noticed.iter().any(|noticed| noticed.kind.is_gap())) {
        (false, _) => Exit::ChangesPending,
        (true, true) => Exit::Blocked,
        (true, false) => Exit::Done,
    };
    context.printer.show(&found);
    Ok(exit)
}

/// Reads and scans one file. Whatever is wrong with it is told, and the next one is scanned.
fn file(source: &Source, owners: &Owners, candidate: &Candidate, found: &mut Found) {
    let shown = source.shown(&candidate.path);
    let notice = |kind, text: String| Noticed { file: shown.clone(), kind, text };
    let (mut bytes, is_whole) = match read(&candidate.path) {
        Ok(read) => read,
        Err(error) => return found.noticed.push(notice(Notice::Unreadable, error.kind().to_string())),
    };
    let decoded = scan::decode(&bytes);
    value::wipe(&mut bytes);
    let Decoded::Text(text, encoding) = decoded else {
        return found.noticed.push(notice(Notice::Binary, "holds no text".to_owned()));
    };
    if !is_whole {
        let limit = scan::MAX_BYTES >> 20;
        found.noticed.push(notice(Notice::TooLarge, format!("larger than {limit} MiB: only its beginning was scanned")));
    }
    if encoding == Encoding::Latin1 {
        found.noticed.push(notice(Notice::Latin1, "no UTF-8: taken for Latin-1".to_owned()));
    }
    let Scanned { findings, placeholders, allowed, troubles } =
        scan::scan(&source.for_names(&candidate.path), candidate.format, text.expose());
    found.files += 1;
    found.allowed += allowed;
    for trouble in troubles {
        let kind = match trouble {
            // What was cut off is not well-formed; that was said already.
            scan::Trouble::Broken { .. } if !is_whole => continue,
            scan::Trouble::Broken { .. } => Notice::Broken,
            scan::Trouble::AllowWithoutReason { .. } => Notice::AllowWithoutReason,
        };
        found.noticed.push(notice(kind, trouble.to_string()));
    }
    let from_root = source.below_root(&candidate.path);
    let owner = proposed(owners.of(&from_root));
    found.credentials.extend(findings.into_iter().map(|finding| Credential {
        file: shown.clone(),
        line: finding.at.line,
        column: finding.at.column,
        key: finding.key.clone(),
        kind: finding.kind.slug(),
        confidence: finding.evidence.confidence().slug(),
        evidence: finding.evidence.slug(),
        proposed_name: match &finding.name {
            Proposal::Name(name) => Some(name.to_string()),
            Proposal::TooLittle(_) => None,
        },
        missing: match &finding.name {
            Proposal::Name(_) => None,
            Proposal::TooLittle(missing) => Some(lacking(*missing)),
        },
        owner: owner.clone(),
        finding,
        from_root: from_root.clone(),
    }));
    found.placeholders.extend(placeholders.into_iter().map(|placeholder| Placeholder {
        file: shown.clone(),
        line: placeholder.at.line,
        key: placeholder.key,
    }));
}

/// The bytes of a file up to the limit, and whether that is all of them. What is cut off begins with a line.
fn read(path: &Utf8Path) -> std::io::Result<(Vec<u8>, bool)> {
    let file = fs::File::open(path)?;
    let length = file.metadata()?.len().min(scan::MAX_BYTES);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 64);
    file.take(scan::MAX_BYTES + 1).read_to_end(&mut bytes)?;
    let is_whole = bytes.len() as u64 <= scan::MAX_BYTES;
    if !is_whole {
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
        value::wipe(&mut bytes.split_off(end));
    }
    Ok((bytes, is_whole))
}

/// The rules of the repository's CODEOWNERS, wherever a code host looks for it.
fn owners(root: &Utf8Path) -> Result<(Owners, Vec<Noticed>), CommandError> {
    for place in [".github/CODEOWNERS", ".gitlab/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"] {
        if let Some(text) = files::read(&root.join(place))? {
            let (owners, invalid) = Owners::parse(&text);
            let noticed =
                |it: scan::InvalidPattern| Noticed { file: place.to_owned(), kind: Notice::Pattern, text: it.to_string() };
            return Ok((owners, invalid.into_iter().map(noticed).collect()));
        }
    }
    Ok((Owners::default(), Vec::new()))
}

fn proposed(owner: Owner) -> Option<ProposedOwner> {
    match owner {
        Owner::CodeOwners(name) => Some(ProposedOwner { name, from: "codeowners" }),
        Owner::Folder(name) => Some(ProposedOwner { name, from: "folder" }),
        Owner::Unknown => None,
    }
}

const fn lacking(missing: Missing) -> &'static str {
    match missing {
        Missing::Datasource => "datasource",
        Missing::Consumer => "consumer",
        Missing::Both => "datasource and consumer",
    }
}

/// How many notices of one kind are shown before the rest is counted: a folder of templates has many.
const SHOWN: usize = 3;

impl Report for Found {
    fn text(&self) -> String {
        let mut text = String::new();
        let mut by_file: BTreeMap<&str, Vec<&Credential>> = BTreeMap::new();
        for credential in &self.credentials {
            by_file.entry(&credential.file).or_default().push(credential);
        }
        let files = by_file.len();
        for (file, credentials) in by_file {
            let owner = credentials.first().and_then(|credential| credential.owner.as_ref());
            let owner = owner.map(|owner| format!(" · owner {} (by {})", owner.name, owner.from)).unwrap_or_default();
            text += &format!("{file}{owner}\n");
            let mut table = Table::new(["place", "key", "what", "sure", "proposed name"]);
            for credential in credentials {
                table.row([
                    format!("{}:{}", credential.line, credential.column),
                    credential.key.clone(),
                    credential.kind.to_owned(),
                    credential.confidence.to_owned(),
                    credential
                        .proposed_name
                        .clone()
                        .unwrap_or_else(|| format!("(nothing here says the {})", credential.missing.unwrap_or_default())),
                ]);
            }
            for line in table.to_string().lines() {
                text += &format!("  {line}\n");
            }
        }
        if self.is_verbose {
            for placeholder in &self.placeholders {
                text += &format!("{}:{}: {}: a placeholder\n", placeholder.file, placeholder.line, placeholder.key);
            }
        }
        let mut alike: BTreeMap<Notice, Vec<&Noticed>> = BTreeMap::new();
        for noticed in &self.noticed {
            alike.entry(noticed.kind).or_default().push(noticed);
        }
        for of in alike.into_values() {
            let shown = if self.is_verbose { of.len() } else { SHOWN };
            for noticed in of.iter().take(shown) {
                text += &format!("{}: {}\n", noticed.file, noticed.text);
            }
            if of.len() > shown {
                text += &format!("  … and {} more like that (-v shows all)\n", of.len() - shown);
            }
        }
        text += &match files {
            0 => format!("no credentials in {}", count(self.files, "file")),
            files => format!("{} in {files} of {}", count(self.credentials.len(), "credential"), count(self.files, "file")),
        };
        if self.noticed.iter().any(|noticed| noticed.kind.is_gap()) {
            text += "; not all of it could be read";
        }
        if self.allowed > 0 {
            text += &format!("; {} allowed by a comment", self.allowed);
        }
        if !self.placeholders.is_empty() && !self.is_verbose {
            text += &format!("; {} (-v shows where)", count(self.placeholders.len(), "placeholder"));
        }
        text += "\n";
        if files > 0 {
            text += "bring each to Secrets Manager under its name (`migrate populate --from FILE --map KEY=NAME`), take it out here, and rotate it \
                     if others could read it\n";
        }
        text
    }
}
