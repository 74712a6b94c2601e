//! The records of a file. A broken one does not hide the others.

use std::{fmt, io::Read as _};

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The longest file that is unpacked, in bytes: CloudTrail's own have a few megabytes.
const UNPACKED_BYTES: u64 = 1 << 30;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Something that could not be read. What it holds is not known, so it is told and not passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file, or where else it came from.
    pub source: String,
    /// Which record, counted from 1; none where it is the file as a whole.
    pub record: Option<usize>,
    /// What is wrong.
    pub kind: FaultKind,
}

/// What is wrong with a record. Quotes nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// The file can't be unpacked.
    #[error("it is no complete gzip file")]
    Gzip,
    /// It is unpacked to more than anybody delivers.
    #[error("it is longer than {UNPACKED_BYTES} bytes")]
    TooLarge,
    /// No JSON in UTF-8.
    #[error("it is no JSON")]
    NotJson,
    /// JSON, but neither records nor a record.
    #[error("it holds no records of CloudTrail")]
    NoRecords,
    /// A field is missing, or is not what CloudTrail writes there.
    #[error("its `{field}` is missing, or is not what CloudTrail writes there")]
    Field {
        /// Which.
        field: &'static str,
    },
    /// A version of the format that this build does not know.
    #[error("its event version is not 1.x")]
    Version,
    /// A kind of identity from which no principal can be told.
    #[error("its `userIdentity` names no principal")]
    Identity,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        if let Some(record) = self.record {
            write!(f, ", record {record}")?;
        }
        write!(f, ": {}", self.kind)
    }
}

/// The content of a file, unpacked where it is packed.
pub(super) fn unpacked(bytes: Vec<u8>) -> Result<String, FaultKind> {
    let bytes = if bytes.starts_with(&GZIP) {
        let mut unpacked = Vec::new();
        let mut reader = MultiGzDecoder::new(bytes.as_slice()).take(UNPACKED_BYTES + 1);
        reader.read_to_end(&mut unpacked).map_err(|_| FaultKind::Gzip)?;
        unpacked
    } else {
        bytes
    };
    if bytes.len() as u64 > UNPACKED_BYTES {
        return Err(FaultKind::TooLarge);
    }
    String::from_utf8(bytes).map_err(|_| FaultKind::NotJson)
}

/// One record's text, or why there is none.
pub(super) type Text<'t> = Result<std::borrow::Cow<'t, str>, FaultKind>;

/// A file as CloudTrail delivers it, or as `lookup-events` prints it.
#[derive(Deserialize)]
struct Document<'t> {
    #[serde(borrow, rename = "Records")]
    records: Option<Vec<&'t RawValue>>,
    #[serde(borrow, rename = "Events")]
    events: Option<Vec<&'t RawValue>>,
}

/// An event as LookupEvents answers it.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "CloudTrailEvent")]
    record: Option<String>,
}

/// The records of a text: `{"Records": […]}`, `{"Events": […]}`, a list of records, or one record a line.
///
/// # Errors
/// [`FaultKind`] where it is none of these.
pub(super) fn records(text: &str) -> Result<Vec<Text<'_>>, FaultKind> {
    let text = text.trim_start_matches('\u{feff}');
    if let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(text) {
        return Ok(list.into_iter().map(raw).collect());
    }
    match serde_json::from_str::<Document<'_>>(text) {
        Ok(Document { records: Some(records), .. }) => return Ok(records.into_iter().map(raw).collect()),
        Ok(Document { events: Some(events), .. }) => return Ok(events.into_iter().map(event).collect()),
        // One record on its own: a file of one line, or an indented one.
        Ok(Document { records: None, events: None }) => {
            let is_record = text.contains("\"eventSource\"");
            return if is_record { Ok(vec![Ok(text.into())]) } else { Err(FaultKind::NoRecords) };
        }
        Err(_) => {}
    }
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let texts: Vec<Text<'_>> = lines.iter().map(|line| serde_json::from_str(line).map_or(Err(FaultKind::NotJson), raw)).collect();
    if texts.iter().any(Result::is_ok) { Ok(texts) } else { Err(FaultKind::NotJson) }
}

fn raw(value: &RawValue) -> Text<'_> {
    Ok(value.get().into())
}

fn event(value: &RawValue) -> Text<'_> {
    match serde_json::from_str(value.get()) {
        Ok(Event { record: Some(record) }) => Ok(record.into()),
        _ => Err(FaultKind::Field { field: "CloudTrailEvent" }),
    }
}
