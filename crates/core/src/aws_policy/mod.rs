//! The resource policy of a secret: our one Deny statement merged in, found again, and taken out.
//!
//! Pure: text in, text out. A policy belongs to whoever wrote it, so what is not ours is carried through as JSON, understood or
//! not. What this module is not: a policy simulator. [`denies`] knows just enough of the language to say what our own fence
//! and its like do, and says [`Verdict::Undecided`] about the rest.
//!
//! ```text
//! stored text ──► fence(mark, exempt)   ──► Change::Put(document)
//!             ──► unfence(mark)         ──► Change::Put(document) | Delete | Nothing
//!             ──► seen(exempt)          ──► FenceSeen::{Open, Ours, Altered}
//! ```
//!
//! Where an organisation closes secrets by their tag instead, [`tag_to_set`] and its neighbours do the same with one tag.
//!
//! Grammar: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>.

mod document;
mod evaluate;
mod exempt;
mod fence;
mod seal;
mod sid;
mod tag;
#[cfg(test)]
mod tests;

pub use document::PolicyDocument;
pub use evaluate::{Verdict, denies};
pub use exempt::{CallerPrincipal, Exempt, InvalidExempt, Named, named, principal_of_caller};
pub use fence::{Change, FENCED_ACTIONS, Unmergeable, fence, seen, unfence};
pub use seal::{SEALED_ACTIONS, seal, sealed, unseal};
pub use tag::{FENCE_TAG, SEAL_TAG, sealed_in_tags, seen_in_tags, tag_is_ours, tag_of, tag_to_set};
