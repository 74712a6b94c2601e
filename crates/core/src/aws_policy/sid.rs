//! The Sid of our statement: who fenced, in the only characters that a Sid may have (`A-Z a-z 0-9`).
//!
//! ```text
//! MigrateFence L 0b5ac1f4Z9d… W paymentsZprod E 12 B
//!              ledger           wave            epoch  only where `Statement` was a bare object before us,
//!                                                      so that it becomes one again (promise P9)
//! ```
//!
//! Lower case and digits stand for themselves, `-` is `Z`, any other byte is `X` and two hex digits. So capitals separate, and
//! the mark reads back exactly. A seal's Sid begins with `MigrateSeal` and is spelled alike.

use crate::{
    id::{Epoch, LedgerId, WaveName},
    observed::Mark,
};

/// Every fence's Sid begins so, whatever its ledger.
pub(super) const PREFIX: &str = "MigrateFence";
/// Every seal's.
pub(super) const SEAL_PREFIX: &str = "MigrateSeal";

/// What our Sid says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sid {
    pub(super) mark: Mark,
    pub(super) was_bare: bool,
}

impl Sid {
    pub(super) fn write(&self) -> String {
        self.write_as(PREFIX)
    }

    /// Reads a Sid that begins with [`PREFIX`]; `None` where we never wrote it so.
    pub(super) fn read(sid: &str) -> Option<Self> {
        Self::read_as(PREFIX, sid)
    }

    pub(super) fn write_as(&self, prefix: &str) -> String {
        let Mark { ledger, wave, epoch } = &self.mark;
        let bare = if self.was_bare { "B" } else { "" };
        format!("{prefix}L{}W{}E{}{bare}", escape(ledger.as_str()), escape(wave.as_str()), epoch.0)
    }

    pub(super) fn read_as(prefix: &str, sid: &str) -> Option<Self> {
        let rest = sid.strip_prefix(prefix)?.strip_prefix('L')?;
        let (ledger, rest) = rest.split_once('W')?;
        let (wave, rest) = rest.split_once('E')?;
        let epoch = rest.strip_suffix('B').unwrap_or(rest);
        let mark = Mark {
            ledger: LedgerId::new(unescape(ledger)?),
            wave: WaveName::parse(&unescape(wave)?).ok()?,
            epoch: Epoch(epoch.parse().ok()?),
        };
        let read = Self { mark, was_bare: epoch.len() < rest.len() };
        // One spelling each: `E012` or an escaped letter is not ours.
        (read.write_as(prefix) == sid).then_some(read)
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => escaped.push(char::from(byte)),
            b'-' => escaped.push('Z'),
            other => escaped.push_str(&format!("X{other:02x}")),
        }
    }
    escaped
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'Z' => b'-',
            b'X' => {
                let (high, low) = (char::from(rest.next()?).to_digit(16)?, char::from(rest.next()?).to_digit(16)?);
                u8::try_from(high * 16 + low).ok()?
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_mark_survives_its_sid(ledger in "\\PC{1,40}", wave in "[a-z0-9][a-z0-9-]{0,39}", epoch: u64) {
            let mark = Mark { ledger: LedgerId::new(ledger), wave: WaveName::parse(&wave).unwrap(), epoch: Epoch(epoch) };
            for was_bare in [false, true] {
                let sid = Sid { mark: mark.clone(), was_bare };
                let text = sid.write();
                prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric()), "{}", text);
                prop_assert_eq!(Sid::read(&text), Some(sid));
            }
        }
    }

    #[test]
    fn a_sid_that_we_never_write_is_not_read() {
        for sid in
            ["MigrateFence", "MigrateFenceLaWbE", "MigrateFenceLaWbE01", "MigrateFenceLaWX61E1", "MigrateFenceLaWbE1Q", "Lock"]
        {
            assert_eq!(Sid::read(sid), None, "{sid}");
        }
    }
}
