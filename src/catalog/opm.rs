//! Which opm a verdict is for: rules came over the years, and a cluster's own opm is as old as the cluster.

use std::str::FromStr;

use crate::fault::{Exit, Fault};
use crate::finding::{Finding, Severity};
use crate::version::Version;

/// A version of opm, as far as its rules depend on it: `1.MINOR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpmVersion {
    minor: u64,
}

/// A text names neither a version of opm nor of OpenShift.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no version of opm")]
pub struct InvalidOpmVersion {
    text: String,
}

impl Fault for InvalidOpmVersion {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("write opm's version, such as 1.48, or the cluster's OpenShift minor, such as 4.18".to_owned())
    }
}

/// The opm of each OpenShift minor, from the `go.mod` of its operator-framework-olm branch. 4.14 and 4.15 have patches of one
/// minor, of which only the later knows deprecations.
const OF_OPENSHIFT: [(u64, u64); 11] = [
    (12, 26),
    (13, 26),
    (14, 32),
    (15, 33),
    (16, 39),
    (17, 45),
    (18, 48),
    (19, 51),
    (20, 56),
    (21, 61),
    (22, 65),
];

/// The rules that are younger than the oldest opm that we know: finding code, and the minor of opm that brought it.
const SINCE: [(&str, u64); 7] = [
    ("DEPRECATION", 33),
    ("DUPLICATE_DEPRECATIONS", 33),
    ("INVALID_PACKAGE_NAME", 45),
    ("VERSION_DUP", 48),
    ("PULLSPEC", 65),
    ("SKIP_RANGE", 66),
    ("RELEASE", 66),
];

impl OpmVersion {
    /// Every rule of every opm.
    pub const STRICTEST: Self = Self { minor: u64::MAX };

    /// The first that walks a channel no further than what is skipped ([`super::WalkRule::UntilSkipped`]).
    pub(super) const WALKS_UNTIL_SKIPPED: Self = Self { minor: 61 };

    /// The finding as this opm sees it: a rule that it has not got yet only warns.
    pub(super) fn weigh(self, finding: Finding) -> Finding {
        match SINCE.iter().find(|(code, _)| *code == finding.code) {
            Some((_, minor)) => self.weigh_since(Self { minor: *minor }, finding),
            None => finding,
        }
    }

    /// The same for a rule that came with `since`.
    pub(super) fn weigh_since(self, since: Self, mut finding: Finding) -> Finding {
        if self < since {
            finding.severity = finding.severity.min(Severity::Warning);
        }
        finding
    }
}

impl FromStr for OpmVersion {
    type Err = InvalidOpmVersion;

    /// opm's own version (`1.48`, `v1.48.0`), or the OpenShift minor that it comes with (`4.18`).
    fn from_str(text: &str) -> Result<Self, InvalidOpmVersion> {
        let invalid = || InvalidOpmVersion { text: text.to_owned() };
        let version = Version::parse_tolerant(text).map_err(|_| invalid())?;
        match version.major() {
            1 => Ok(Self { minor: version.minor() }),
            4 => match OF_OPENSHIFT.iter().find(|(openshift, _)| *openshift == version.minor()) {
                Some((_, minor)) => Ok(Self { minor: *minor }),
                // Of later ones only the newest rules are known.
                None if version.minor() > 22 => Ok(Self::STRICTEST),
                None => Err(invalid()),
            },
            _ => Err(invalid()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_opm_and_of_openshift() {
        for (text, minor) in [
            ("1.48", 48),
            ("v1.48.0", 48),
            ("1.9.1", 9),
            ("4.18", 48),
            ("4.22.3", 65),
            ("4.14", 32),
            ("4.23", u64::MAX),
        ] {
            assert_eq!(text.parse(), Ok(OpmVersion { minor }), "{text}");
        }
        for text in ["", "opm", "2.0", "4.11", "0.1", "5"] {
            assert!(text.parse::<OpmVersion>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_rule_that_is_not_there_yet_warns() {
        let severity = |opm: &str, code: &str| {
            opm.parse::<OpmVersion>().unwrap().weigh(Finding::error(code, "s", "m")).severity
        };
        for (code, before, from) in [
            ("DEPRECATION", "4.14", "4.15"),
            ("INVALID_PACKAGE_NAME", "4.16", "4.17"),
            ("VERSION_DUP", "4.17", "4.18"),
            ("PULLSPEC", "4.21", "4.22"),
            ("SKIP_RANGE", "4.22", "1.66"),
        ] {
            assert_eq!(severity(before, code), Severity::Warning, "{code}");
            assert_eq!(severity(from, code), Severity::Error, "{code}");
        }
        assert_eq!(severity("1.0", "NO_HEAD"), Severity::Error);
    }
}
