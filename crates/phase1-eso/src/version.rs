//! Versions of External Secrets Operator, and how we know what each of them does.
//!
//! What is written in [`crate::table`] was compared with the CRDs of seven releases. A version between two of them is taken to behave like
//! the nearest one below, and that is told as a guess; a version outside is refused.
//!
//! ```text
//! 0.17.0 ── 0.18.2 ── 0.19.2 ── 0.20.1 ── 0.20.4 ── 1.3.2 ────── 2.9.0
//!   a test compares these with the table on every run      by hand │ nothing above 2.9
//! ```

use std::{fmt, str::FromStr};

/// A release whose CRDs the table was compared with. They are in the order of their versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Release {
    /// 0.17.0
    V0_17_0,
    /// 0.18.2
    V0_18_2,
    /// 0.19.2
    V0_19_2,
    /// 0.20.1
    V0_20_1,
    /// 0.20.4
    V0_20_4,
    /// 1.3.2
    V1_3_2,
    /// 2.9.0
    V2_9_0,
}

impl Release {
    /// All of them, oldest first.
    pub const ALL: [Self; 7] =
        [Self::V0_17_0, Self::V0_18_2, Self::V0_19_2, Self::V0_20_1, Self::V0_20_4, Self::V1_3_2, Self::V2_9_0];

    /// Its version.
    #[must_use]
    pub const fn version(self) -> EsoVersion {
        let (major, minor, patch) = match self {
            Self::V0_17_0 => (0, 17, 0),
            Self::V0_18_2 => (0, 18, 2),
            Self::V0_19_2 => (0, 19, 2),
            Self::V0_20_1 => (0, 20, 1),
            Self::V0_20_4 => (0, 20, 4),
            Self::V1_3_2 => (1, 3, 2),
            Self::V2_9_0 => (2, 9, 0),
        };
        EsoVersion { major, minor, patch }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.version().fmt(f)
    }
}

/// A version that we can say something about: from 0.17.0 up to 2.9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EsoVersion {
    major: u16,
    minor: u16,
    patch: u16,
}

/// How we know what a version does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Knowledge {
    /// A test compares its CRDs with the table.
    Proven,
    /// A person compared them.
    ByHand,
    /// Nobody did: it is taken to behave like this release, the nearest one below.
    Interpolated(Release),
}

impl EsoVersion {
    /// What is assumed where nothing is said: the last release of the 0.20 line.
    pub const DEFAULT: Self = Release::V0_20_4.version();

    /// Reads `0.20.4`, `v0.20.4` or `0.20`, which stands for the newest release of that line that we know.
    ///
    /// # Errors
    /// [`UnknownEsoVersion`] where it is no version, or one outside of what we know.
    pub fn parse(text: &str) -> Result<Self, UnknownEsoVersion> {
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.').map(part);
        let (Some(Some(major)), Some(Some(minor)), patch, None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(UnknownEsoVersion::NoVersion);
        };
        let version = match patch {
            Some(Some(patch)) => Self { major, minor, patch },
            Some(None) => return Err(UnknownEsoVersion::NoVersion),
            None => newest(major, minor).unwrap_or(Self { major, minor, patch: 0 }),
        };
        let (first, last) = (Release::V0_17_0.version(), Release::V2_9_0.version());
        if version < first {
            return Err(UnknownEsoVersion::TooOld(version));
        }
        if (version.major, version.minor) > (last.major, last.minor) {
            return Err(UnknownEsoVersion::TooNew(version));
        }
        Ok(version)
    }

    /// The release that it is, or that it is taken to behave like.
    #[must_use]
    pub fn release(self) -> Release {
        Release::ALL.into_iter().rev().find(|release| release.version() <= self).unwrap_or(Release::V0_17_0)
    }

    /// How we know what it does.
    #[must_use]
    pub fn knowledge(self) -> Knowledge {
        match self.release() {
            release if release.version() != self => Knowledge::Interpolated(release),
            Release::V2_9_0 => Knowledge::ByHand,
            _ => Knowledge::Proven,
        }
    }
}

fn part(text: &str) -> Option<u16> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

fn newest(major: u16, minor: u16) -> Option<EsoVersion> {
    Release::ALL.into_iter().map(Release::version).rfind(|version| (version.major, version.minor) == (major, minor))
}

impl Default for EsoVersion {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl FromStr for EsoVersion {
    type Err = UnknownEsoVersion;

    fn from_str(text: &str) -> Result<Self, UnknownEsoVersion> {
        Self::parse(text)
    }
}

impl fmt::Display for EsoVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// One sentence, for a note: `proven against its CRDs`.
impl fmt::Display for Knowledge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proven => f.write_str("compared with its CRDs by a test"),
            Self::ByHand => f.write_str("compared with its CRDs by hand"),
            Self::Interpolated(release) => write!(f, "interpolated: taken to behave like {release}, the nearest release below"),
        }
    }
}

/// A version that nothing is known about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownEsoVersion {
    /// Not of the form `0.20.4` or `0.20`.
    #[error("not a version of External Secrets Operator, as in 0.20.4; {}", known())]
    NoVersion,
    /// Older than what we know.
    #[error("External Secrets Operator {0} is older than what is known here; {known}", known = known())]
    TooOld(EsoVersion),
    /// Newer than what we know.
    #[error("External Secrets Operator {0} is newer than what is known here; {known}", known = known())]
    TooNew(EsoVersion),
}

fn known() -> String {
    let versions: Vec<_> = Release::ALL.iter().map(ToString::to_string).collect();
    format!("known are {}, and versions between them behave like the nearest one below", versions.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    // REQ ESO-1
    #[test]
    fn a_version_is_proven_checked_interpolated_or_refused() {
        for (text, shown, knowledge) in [
            ("0.20.4", "0.20.4", Knowledge::Proven),
            ("v0.17.0", "0.17.0", Knowledge::Proven),
            ("0.20", "0.20.4", Knowledge::Proven),
            ("1.3", "1.3.2", Knowledge::Proven),
            ("2.9", "2.9.0", Knowledge::ByHand),
            ("0.17.1", "0.17.1", Knowledge::Interpolated(Release::V0_17_0)),
            ("0.20.3", "0.20.3", Knowledge::Interpolated(Release::V0_20_1)),
            ("1.0", "1.0.0", Knowledge::Interpolated(Release::V0_20_4)),
            ("2.9.3", "2.9.3", Knowledge::Interpolated(Release::V2_9_0)),
        ] {
            let version = EsoVersion::parse(text).unwrap();
            assert_eq!((version.to_string().as_str(), version.knowledge()), (shown, knowledge), "{text}");
        }
        for text in ["", "v", "0", "0.20.4.1", "0.x", "latest", "0.20.4-rc1", "-1.2", "0.+20", "99999.1", " 0.20.4"] {
            assert_eq!(EsoVersion::parse(text), Err(UnknownEsoVersion::NoVersion), "{text}");
        }
        let (old, new) = (EsoVersion::parse("0.16.2").unwrap_err(), EsoVersion::parse("v2.10.0").unwrap_err());
        assert!(old.to_string().starts_with("External Secrets Operator 0.16.2 is older") && old.to_string().contains("0.17.0"));
        assert!(new.to_string().starts_with("External Secrets Operator 2.10.0 is newer") && new.to_string().contains("2.9.0"));
    }

    #[test]
    fn releases_stand_in_order() {
        assert!(Release::ALL.is_sorted_by(|a, b| a < b && a.version() < b.version()));
        assert_eq!(EsoVersion::DEFAULT.release(), Release::V0_20_4);
    }
}
