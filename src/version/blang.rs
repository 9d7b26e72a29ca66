//! The range grammar of a catalog's `skipRange` and `olm.package.required`, with all quirks of blang/semver v4.
//!
//! The quirks decide which upgrades a cluster offers, so they are part of the contract: a token of one character is
//! dropped, a token with an `x` anywhere is taken for a wildcard, a pre-release is compared plainly.

use std::cmp::Ordering;
use std::fmt;

use super::semver::Version;
use crate::fault::{Exit, Fault};

/// A text is no range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("range `{text}` {reason}")]
pub struct RangeError {
    text: String,
    reason: String,
}

impl RangeError {
    pub(super) fn new(text: &str, reason: impl Into<String>) -> Self {
        Self { text: text.to_owned(), reason: reason.into() }
    }
}

impl Fault for RangeError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("write for instance `>=1.0.0 <2.0.0`: blanks between, versions of three numbers".to_owned())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
}

impl Operator {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "" | "=" | "==" => Self::Equal,
            "!" | "!=" => Self::NotEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterEqual,
            "<" => Self::Less,
            "<=" => Self::LessEqual,
            _ => return None,
        })
    }

    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Greater => order.is_gt(),
            Self::GreaterEqual => order.is_ge(),
            Self::Less => order.is_lt(),
            Self::LessEqual => order.is_le(),
        }
    }
}

/// A range: alternatives of which each is a list of conditions.
#[derive(Debug, Clone)]
pub struct BlangRange {
    text: String,
    alternatives: Vec<Vec<(Operator, Version)>>,
}

impl BlangRange {
    /// Reads a range exactly as blang/semver v4.0 does, but for an empty alternative between two `||`, where that library
    /// gives a function that panics: here it is an error.
    pub fn parse(text: &str) -> Result<Self, RangeError> {
        let fail = |reason: String| RangeError::new(text, reason);
        let mut alternatives = vec![Vec::new()];
        let tokens = tokens(text);
        for token in &tokens {
            if token == "||" {
                if alternatives.last().is_some_and(Vec::is_empty) {
                    return Err(fail("has nothing before `||`".to_owned()));
                }
                alternatives.push(Vec::new());
                continue;
            }
            for (operator, version) in expand_wildcard(token).map_err(fail)? {
                let operator = Operator::parse(&operator)
                    .ok_or_else(|| fail(format!("has an unknown comparator `{operator}`")))?;
                let version = Version::parse(&version).map_err(|error| fail(format!("names {error}")))?;
                if let Some(conditions) = alternatives.last_mut() {
                    conditions.push((operator, version));
                }
            }
        }
        if alternatives.last().is_none_or(Vec::is_empty) {
            return Err(fail(if tokens.is_empty() { "is empty" } else { "ends in `||`" }.to_owned()));
        }
        Ok(Self { text: text.to_owned(), alternatives })
    }

    /// Whether the version is in it. Build metadata does not count; a pre-release is compared plainly.
    pub fn contains(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|conditions| {
            conditions.iter().all(|(operator, bound)| operator.holds(version.precedence(bound)))
        })
    }

    /// The lowest bound of each alternative, where it has one: below all of them nothing is in the range.
    pub fn lower_bounds(&self) -> impl Iterator<Item = &Version> {
        self.alternatives.iter().filter_map(|conditions| {
            conditions
                .iter()
                .filter(|(operator, _)| {
                    matches!(operator, Operator::Equal | Operator::Greater | Operator::GreaterEqual)
                })
                .map(|(_, bound)| bound)
                .max_by(|a, b| a.precedence(b))
        })
    }

    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for BlangRange {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for BlangRange {}

impl fmt::Display for BlangRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Splits at blanks, save those after a comparator; drops tokens of one character.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut start = 0;
    let mut last = 0_u8;
    for (at, byte) in text.bytes().enumerate() {
        if byte != b' ' {
            last = byte;
        } else if !matches!(last, b'<' | b'>' | b'=') {
            push_token(&mut tokens, text, start, at);
            start = at + 1;
        }
    }
    push_token(&mut tokens, text, start, text.len());
    tokens
}

fn push_token(tokens: &mut Vec<String>, text: &str, start: usize, end: usize) {
    if end > start + 1
        && let Some(token) = text.get(start..end)
    {
        tokens.push(token.replace(' ', ""));
    }
}

/// Cuts before the first digit.
fn split_operator(token: &str) -> Result<(&str, &str), String> {
    let at =
        token.find(|c: char| c.is_ascii_digit()).ok_or_else(|| format!("has no version in `{token}`"))?;
    let (operator, version) = token.split_at(at);
    Ok((operator.trim(), version))
}

/// One or two conditions for a token. A lower-case `x` anywhere takes the wildcard's way, even in `-linux`.
fn expand_wildcard(token: &str) -> Result<Vec<(String, String)>, String> {
    let (operator, version) = split_operator(token)?;
    if !token.contains('x') {
        return Ok(vec![(operator.to_owned(), version.to_owned())]);
    }
    let flat = flatten(version);
    let next = || next_after_wildcard(version, &flat);
    let conditions = match operator {
        "<" => vec![("<", flat)],
        ">=" => vec![(">=", flat)],
        ">" => vec![(">=", next())],
        "<=" => vec![("<", next())],
        "" | "=" | "==" => vec![("<", next()), (">=", flat)],
        "!" | "!=" => vec![(">=", next()), ("<", flat)],
        _ => return Err(format!("has an unknown comparator `{operator}`")),
    };
    Ok(conditions.into_iter().map(|(operator, version)| (operator.to_owned(), version)).collect())
}

/// `1.x` and `1.x.x` become `1.0.0`, `1.2.x` becomes `1.2.0`.
fn flatten(version: &str) -> String {
    let flat = version.replacen(".x.x", ".x", 1).replacen(".x", ".0", 1);
    if flat.split('.').count() == 2 { format!("{flat}.0") } else { flat }
}

/// What comes after all that the wildcard stands for; empty, and so no version, where the `x` was no wildcard.
fn next_after_wildcard(version: &str, flat: &str) -> String {
    let parts: Vec<&str> = version.split('.').collect();
    let raised = match (parts.len(), parts.last()) {
        (2, Some(&"x")) => 0,
        (3, Some(&"x")) => 1,
        _ => return String::new(),
    };
    let mut numbers: Vec<String> = flat.split('.').map(str::to_owned).collect();
    let Some(number) = numbers.get_mut(raised) else { return String::new() };
    match number.parse::<i64>().ok().and_then(|value| value.checked_add(1)) {
        Some(value) => *number = value.to_string(),
        None => return String::new(),
    }
    numbers.join(".")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn contains(range: &str, version: &str) -> bool {
        BlangRange::parse(range).unwrap().contains(&Version::parse(version).unwrap())
    }

    /// The truth table that the real library gave.
    #[test]
    fn quirks_of_the_library() {
        for (range, version, expected) in [
            ("1.x", "1.5.0", true),
            ("1.x", "2.0.0", false),
            ("1.2.x", "1.2.9", true),
            ("1.2.x", "1.3.0", false),
            (">1.x", "1.9.9", false),
            (">1.x", "2.0.0", true),
            ("<=1.x", "1.9.9", true),
            ("<=1.x", "2.0.0", false),
            ("1.x.x", "1.0.5", true),
            ("1.x.x", "1.5.0", false),
            ("<1.0.0-linux", "0.9.0", true),
            ("!=1.x", "3.0.0", false),
            (">= 1.0.0 < 2.0.0", "1.5.0", true),
            ("! 1.0.0", "1.0.0", true),
            ("!1.0.0", "1.0.0", false),
            (">=4.15.0 <4.17.0", "4.16.3-rhodf", true),
            ("<4.16.3", "4.16.3-rhodf", true),
            (">=4.16.3", "4.16.3-rhodf", false),
            ("<=4.16.0", "4.16.3-rhodf", false),
            (">=1.0.0+1", "1.0.0", true),
            ("<2.0.0 || >=3.0.0", "1.2.3", true),
            ("<2.0.0 || >=3.0.0", "2.2.3", false),
            ("<2.0.0 || >=3.0.0 <3.5.0", "3.4.0", true),
            ("==1.2.3", "1.2.3", true),
            (" >=1.0.0 ", "1.0.0", true),
        ] {
            assert_eq!(contains(range, version), expected, "{range} · {version}");
        }
        for bad in [
            "1.X",
            "1.*",
            ">=4.11",
            ">=1.0.0, <2.0.0",
            "v1.0.0",
            ">=v1.0.0",
            "",
            " ",
            "|| 1.0.0",
            "1.0.0 ||",
            "1.0.0 || || 2.0.0",
            "=1.0.0-linux",
            ">1.0.0-linux",
            "^1.0.0",
            "~1.2.0",
            "(1.0.0)",
            "latest",
            "x",
            ">=1.0.0\t<2.0.0",
            "é",
        ] {
            assert!(BlangRange::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn lower_bounds_of_each_alternative() {
        let range = BlangRange::parse(">=1.0.0 >=1.1.0 <2.0.0 || >3.0.0 || <0.1.0").unwrap();
        let bounds: Vec<&str> = range.lower_bounds().map(Version::as_str).collect();
        assert_eq!(bounds, ["1.1.0", "3.0.0"]);
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,24}|[<>=!|x0-9. v^é-]{0,24}", version in "[0-9]\\.[0-9]{1,20}\\.[0-9]") {
            let version = Version::parse(&version);
            if let (Ok(range), Ok(version)) = (BlangRange::parse(&text), version) {
                let _ = range.contains(&version);
                prop_assert_eq!(BlangRange::parse(range.as_str()).unwrap(), range);
            }
        }

        #[test]
        fn half_open_interval(low in 0_u64..9, high in 0_u64..9, at in 0_u64..9) {
            let inside = contains(&format!(">={low}.0.0 <{high}.0.0"), &format!("{at}.0.0"));
            prop_assert_eq!(inside, low <= at && at < high);
        }
    }
}
