//! Minor releases of OpenShift: their order, which of them have extended support, and the Kubernetes in them.

use std::fmt;
use std::str::FromStr;

use crate::version::Version;

/// A minor release of OpenShift, written `4.20`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minor {
    /// The first number.
    pub major: u64,
    /// The second number.
    pub minor: u64,
}

impl Minor {
    /// The minor release that a version belongs to.
    pub fn of(version: &Version) -> Self {
        Self { major: version.major(), minor: version.minor() }
    }

    /// Whether an update from this minor release to `next` is one that a cluster takes: within it, to the one after it, or
    /// to the first one of the next major version. The cluster-version operator refuses to pass over a minor release.
    pub fn reaches(self, next: Self) -> bool {
        if self.major == next.major {
            return next.minor == self.minor || Some(next.minor) == self.minor.checked_add(1);
        }
        Some(next.major) == self.major.checked_add(1) && next.minor == 0
    }

    /// Whether it has extended update support: the even ones since 4.6.
    pub fn is_eus(self) -> bool {
        self.major == 4 && self.minor >= 6 && self.minor.is_multiple_of(2)
    }

    /// The first minor release that has this Kubernetes, or a newer one; nothing where none is known.
    pub fn of_kubernetes(version: &Version) -> Option<Self> {
        let wanted = Self::of(version);
        let known = (1..=22).map(|minor| Self { major: 4, minor });
        let has = |minor: &Self| minor.kubernetes().and_then(|text| text.parse::<Self>().ok());
        known.into_iter().find(|minor| has(minor).is_some_and(|there| there >= wanted))
    }

    /// The Kubernetes minor release in it, written `1.33`; nothing where it is not known.
    ///
    /// OpenShift 4.1 had Kubernetes 1.13 and 4.2 had 1.14; 4.3 had 1.16, and since then both count on together (release notes of
    /// each). What comes after 4.22 is not settled.
    pub fn kubernetes(self) -> Option<String> {
        let minor = match (self.major, self.minor) {
            (4, 1) => 13,
            (4, 2) => 14,
            (4, minor @ 3..=22) => minor + 13,
            _ => return None,
        };
        Some(format!("1.{minor}"))
    }
}

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A text is no minor release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a minor release is two numbers, for instance 4.20")]
pub struct NoMinor;

impl FromStr for Minor {
    type Err = NoMinor;

    fn from_str(text: &str) -> Result<Self, NoMinor> {
        // The grammar of versions knows about leading zeros and overflow.
        let version = Version::parse(&format!("{text}.0")).map_err(|_| NoMinor)?;
        let minor = Self::of(&version);
        if minor.to_string() == text { Ok(minor) } else { Err(NoMinor) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minor(text: &str) -> Minor {
        text.parse().unwrap()
    }

    #[test]
    fn one_step_at_a_time() {
        for (from, to, expected) in [
            ("4.19", "4.19", true),
            ("4.19", "4.20", true),
            ("4.18", "4.20", false),
            ("4.20", "4.19", false),
            ("4.22", "5.0", true),
            ("4.22", "5.1", false),
            ("4.22", "6.0", false),
        ] {
            assert_eq!(minor(from).reaches(minor(to)), expected, "{from} {to}");
        }
    }

    #[test]
    fn kubernetes_and_extended_support() {
        for (text, kubernetes, eus) in [
            ("4.1", Some("1.13"), false),
            ("4.2", Some("1.14"), false),
            ("4.3", Some("1.16"), false),
            ("4.4", Some("1.17"), false),
            ("4.6", Some("1.19"), true),
            ("4.14", Some("1.27"), true),
            ("4.19", Some("1.32"), false),
            ("4.20", Some("1.33"), true),
            ("5.0", None, false),
        ] {
            assert_eq!(minor(text).kubernetes().as_deref(), kubernetes, "{text}");
            assert_eq!(minor(text).is_eus(), eus, "{text}");
        }
    }

    #[test]
    fn the_first_with_a_kubernetes() {
        for (kubernetes, expected) in [
            ("1.13.0", Some("4.1")),
            ("1.15.0", Some("4.3")),
            ("1.27.4", Some("4.14")),
            ("1.35.0", Some("4.22")),
            ("1.36.0", None),
        ] {
            let found = Minor::of_kubernetes(&Version::parse(kubernetes).unwrap());
            assert_eq!(found.map(|minor| minor.to_string()).as_deref(), expected, "{kubernetes}");
        }
    }

    #[test]
    fn two_numbers_and_nothing_else() {
        for bad in ["", "4", "4.20.1", "4.020", "v4.20", "4.20-rc.0", "4.x", "99999999999999999999.1"] {
            assert_eq!(bad.parse::<Minor>(), Err(NoMinor), "{bad}");
        }
    }
}
