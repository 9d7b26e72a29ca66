//! A semantic version as the Go library blang/semver v4 reads it, with its text.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::{Exit, Fault};

/// A text is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("version `{text}` {reason}")]
pub struct VersionError {
    text: String,
    reason: &'static str,
}

impl Fault for VersionError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("a version has three numbers, for instance 1.9.0 or 1.9.0-rc.1".to_owned())
    }
}

/// `MAJOR.MINOR.PATCH[-PRE][+BUILD]`, three numbers without leading zeros, no leading `v`.
///
/// Equality is that of the text, so that `1.0.0+1` and `1.0.0+2` are two versions. The order is the precedence of
/// semver 2.0 with the build metadata as a tie-break; [`Version::precedence`] leaves the build metadata out, as every
/// range does.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Version {
    text: Box<str>,
    numbers: [u64; 3],
    /// Bytes of `text` before `-` or `+`, or all of them.
    core_end: usize,
    /// Bytes of `text` before `+`, or all of them.
    build_start: usize,
}

impl Version {
    /// Reads the strict form.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let fail = |reason| VersionError { text: text.to_owned(), reason };
        let build_start = text.find('+').unwrap_or(text.len());
        let (versioned, build) = text.split_at(build_start);
        let core_end = versioned.find('-').unwrap_or(versioned.len());
        let (core, pre) = versioned.split_at(core_end);

        let mut numbers = [0; 3];
        let mut parts = core.split('.');
        for number in &mut numbers {
            let part = parts.next().ok_or_else(|| fail("has not got three numbers"))?;
            *number = decimal(part).map_err(fail)?;
        }
        if parts.next().is_some() {
            return Err(fail("has more than three numbers"));
        }
        if let Some(pre) = pre.strip_prefix('-') {
            for identifier in pre.split('.') {
                if !is_identifier(identifier) {
                    return Err(fail(
                        "has a pre-release part that is empty or not of letters, digits and `-`",
                    ));
                }
                if is_number(identifier) {
                    decimal(identifier).map_err(fail)?;
                }
            }
        }
        if let Some(build) = build.strip_prefix('+')
            && !build.split('.').all(is_identifier)
        {
            return Err(fail("has build metadata that is empty or not of letters, digits and `-`"));
        }
        Ok(Self { text: text.into(), numbers, core_end, build_start })
    }

    /// Reads what OLM accepts in clusters: blanks around, a leading `v`, leading zeros, one or two numbers only.
    /// The text of the result is the strict form.
    pub fn parse_tolerant(text: &str) -> Result<Self, VersionError> {
        let trimmed = text.trim();
        let trimmed = trimmed.strip_prefix('v').unwrap_or(trimmed);
        let mut parts: Vec<String> = trimmed.splitn(3, '.').map(without_leading_zeros).collect();
        if parts.len() < 3 {
            if parts.last().is_some_and(|last| last.contains(['+', '-'])) {
                return Err(VersionError {
                    text: text.to_owned(),
                    reason: "is short and has a pre-release or build part",
                });
            }
            parts.resize(3, "0".to_owned());
        }
        Self::parse(&parts.join(".")).map_err(|error| VersionError { text: text.to_owned(), ..error })
    }

    /// The first number.
    pub fn major(&self) -> u64 {
        self.numbers[0]
    }

    /// The second number.
    pub fn minor(&self) -> u64 {
        self.numbers[1]
    }

    /// The third number.
    pub fn patch(&self) -> u64 {
        self.numbers[2]
    }

    /// The pre-release part without its `-`; empty when there is none.
    pub fn pre(&self) -> &str {
        self.text.get(self.core_end + 1..self.build_start).unwrap_or_default()
    }

    /// The build metadata without its `+`; empty when there is none.
    pub fn build(&self) -> &str {
        self.text.get(self.build_start + 1..).unwrap_or_default()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The order of semver 2.0 §11: build metadata does not count.
    pub fn precedence(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| match (self.pre(), other.pre()) {
            ("", "") => Ordering::Equal,
            ("", _) => Ordering::Greater,
            (_, "") => Ordering::Less,
            (mine, theirs) => mine.split('.').map(Identifier).cmp(theirs.split('.').map(Identifier)),
        })
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.precedence(other).then_with(|| self.build().cmp(other.build()))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.text.into()
    }
}

/// One dot-separated part of a pre-release: numbers before words, numbers by value.
#[derive(PartialEq, Eq)]
struct Identifier<'a>(&'a str);

impl Ord for Identifier<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (is_number(self.0), is_number(other.0)) {
            // Without leading zeros a longer number is a larger one.
            (true, true) => self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(other.0)),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.0.cmp(other.0),
        }
    }
}

impl PartialOrd for Identifier<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn decimal(text: &str) -> Result<u64, &'static str> {
    if text.is_empty() {
        return Err("has an empty number");
    }
    if !is_number(text) {
        return Err("has something else than digits in a number");
    }
    if text.len() > 1 && text.starts_with('0') {
        return Err("has a number with a leading zero");
    }
    text.parse().map_err(|_| "has a number that is too large")
}

fn without_leading_zeros(part: &str) -> String {
    if part.len() < 2 {
        return part.to_owned();
    }
    let rest = part.trim_start_matches('0');
    if rest.starts_with(|c: char| c.is_ascii_digit()) { rest.to_owned() } else { format!("0{rest}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn strict_form() {
        let it = version("4.16.3-rhodf.12+build.7");
        assert_eq!((it.major(), it.minor(), it.patch()), (4, 16, 3));
        assert_eq!((it.pre(), it.build()), ("rhodf.12", "build.7"));
        assert_eq!(version("1.2.3").pre(), "");
        assert_eq!(version("1.9.0+0.1708477317.p").build(), "0.1708477317.p");
        assert_eq!(version("1.0.0+a-b").pre(), "");
        for bad in [
            "",
            "1",
            "1.2",
            "v1.2.3",
            "01.2.3",
            "1.2.3.4",
            "1.2.03",
            "1.2.x",
            "1.2.3-",
            "1.2.3-01",
            "1.2.3-a..b",
            "1.2.3+",
            "1.2.3+a_b",
            " 1.2.3",
            "1.2.3 ",
            "1.2.3-ä",
            "18446744073709551616.0.0",
            "-1.0.0",
            "1..2",
        ] {
            assert!(Version::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn tolerant_form() {
        for (text, strict) in [
            (" v1.2.3 ", "1.2.3"),
            ("1", "1.0.0"),
            ("v1.02", "1.2.0"),
            ("00.01.002-rc.1+b", "0.1.2-rc.1+b"),
            ("1.2.00", "1.2.0"),
            ("1.2.0-x", "1.2.0-x"),
        ] {
            assert_eq!(Version::parse_tolerant(text).unwrap().as_str(), strict, "{text}");
        }
        for bad in ["", "v", "1.2-rc", "1+b", "vv1.2.3", "a.b.c"] {
            assert!(Version::parse_tolerant(bad).is_err(), "{bad}");
        }
    }

    /// The example of semver.org §11, and real respins.
    #[test]
    fn precedence_follows_semver() {
        let rising = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "2.0.0",
            "2.1.0",
            "2.1.1",
            "2.11.0-0.1727935135.p",
            "2.11.0",
        ];
        for (i, a) in rising.iter().enumerate() {
            for (j, b) in rising.iter().enumerate() {
                assert_eq!(version(a).precedence(&version(b)), i.cmp(&j), "{a} {b}");
            }
        }
        assert_eq!(version("1.0.0+1").precedence(&version("1.0.0+2")), Ordering::Equal);
        assert!(version("1.0.0+1") < version("1.0.0+2"));
        assert_ne!(version("1.0.0+1"), version("1.0.0+2"));
    }

    #[test]
    fn serde_is_the_text() {
        assert_eq!(serde_json::to_string(&version("1.2.3+b")).unwrap(), "\"1.2.3+b\"");
        assert!(serde_json::from_str::<Version>("\"1.2\"").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,24}|[0-9.v+a-z -]{0,24}") {
            let _ = Version::parse(&text);
            let _ = Version::parse_tolerant(&text);
        }

        #[test]
        fn what_parses_prints_the_same(text in "[0-9]{1,3}\\.[0-9]{1,2}\\.[0-9](-[0-9a-z.-]{1,6})?(\\+[0-9a-z.-]{1,6})?") {
            if let Ok(it) = Version::parse(&text) {
                prop_assert_eq!(it.to_string(), text.clone());
                prop_assert_eq!(Version::parse_tolerant(&text).unwrap(), it);
            }
        }

        #[test]
        fn order_is_total_and_agrees_with_equality(
            texts in prop::collection::vec("[01]\\.[01]\\.0(-[0-2a]{1,2}(\\.[0-9a]{1,2})?)?(\\+[ab])?", 3),
        ) {
            let all: Vec<Version> = texts.iter().filter_map(|text| Version::parse(text).ok()).collect();
            for a in &all {
                for b in &all {
                    prop_assert_eq!(a.cmp(b) == Ordering::Equal, a == b);
                    prop_assert_eq!(a.cmp(b), b.cmp(a).reverse());
                    for c in &all {
                        prop_assert!(!(a <= b && b <= c) || a <= c);
                    }
                }
            }
        }
    }
}
