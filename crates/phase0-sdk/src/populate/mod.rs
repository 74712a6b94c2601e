//! Putting values that lie in files into Secrets Manager, once (REQ SDK-6). Pure but for [`SecretsManager::create`](crate::SecretsManager):
//!
//! ```text
//!   bytes of a file ──► source (keys, values, lines) ──► draft (one secret of each name, as it is to be created)
//! ```
//!
//! Nothing is guessed: a value that its format would compute (`${OTHER}`), a key that stands twice, a member that is no text are refused.
//! Values stay in types that are wiped; what the JSON reader keeps while it unescapes is not ours to wipe.

mod draft;
mod source;

pub use draft::{Creation, Draft, DraftError, InvalidPiece, Piece, What, draft};
pub use source::{Entry, Format, Source, SourceError};
