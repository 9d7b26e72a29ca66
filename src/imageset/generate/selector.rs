//! What a person writes for one operator: `name`, `name|name.v1.2.3|name.v1.1.0` or `name|>=1.2 <2`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::fault::{Exit, Fault};
use crate::version::{BlangRange, Version};

/// One operator and what is wanted of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// The package.
    pub package: String,
    /// What of it.
    pub wanted: Wanted,
}

/// What is wanted of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing was said: what the default channel offers.
    Head,
    /// These, and what is above them: names of CSVs, or versions; one at least, each once.
    Versions(Vec<String>),
    /// The versions in a range.
    Range(BlangRange),
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("the head"),
            Self::Versions(versions) => f.write_str(&versions.join(", ")),
            Self::Range(range) => range.fmt(f),
        }
    }
}

/// A text is no selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {reason}")]
pub struct SelectorError {
    text: String,
    reason: String,
}

impl Fault for SelectorError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("write `name`, `name|name.v1.2.3|name.v1.1.0` or `name|>=1.2 <2`, in quotes".to_owned())
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let fail = |reason: &str| SelectorError { text: text.to_owned(), reason: reason.to_owned() };
        let (name, rest) = match text.split_once('|') {
            Some((name, rest)) => (name.trim(), Some(rest)),
            None => (text.trim(), None),
        };
        if name.is_empty() {
            return Err(fail("names no package"));
        }
        if name.contains(char::is_whitespace) {
            return Err(fail("has a blank in the name of the package"));
        }
        let wanted = match rest {
            None => Wanted::Head,
            Some(rest) if is_range(rest) => Wanted::Range(range(rest).map_err(|why| fail(&why))?),
            Some(rest) => {
                let mut versions: Vec<String> = Vec::new();
                for version in rest.split('|').map(str::trim) {
                    if version.is_empty() {
                        return Err(fail("has nothing between two `|`, or behind the last one"));
                    }
                    if is_range(version) || version.contains(char::is_whitespace) {
                        return Err(fail("mixes versions with a range"));
                    }
                    if !versions.iter().any(|known| known == version) {
                        versions.push(version.to_owned());
                    }
                }
                Wanted::Versions(versions)
            }
        };
        Ok(Self { package: name.to_owned(), wanted })
    }
}

impl Selector {
    /// Reads a list: one selector a line, `#` begins a comment.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, SelectorError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text.lines().map(|line| match line.split_once('#') {
            Some((before, _)) => before.trim(),
            None => line.trim(),
        });
        lines.filter(|line| !line.is_empty()).map(str::parse).collect()
    }

    /// The selectors with each package once, in the order in which the packages come first. Versions of the same package are
    /// taken together.
    pub fn united(all: impl IntoIterator<Item = Self>) -> Result<Vec<Self>, SelectorError> {
        let mut order: Vec<String> = Vec::new();
        let mut united: BTreeMap<String, Wanted> = BTreeMap::new();
        for Self { package, wanted } in all {
            let Some(known) = united.get_mut(&package) else {
                order.push(package.clone());
                united.insert(package, wanted);
                continue;
            };
            match (known, wanted) {
                (Wanted::Versions(known), Wanted::Versions(more)) => {
                    let new: Vec<_> = more.into_iter().filter(|one| !known.contains(one)).collect();
                    known.extend(new);
                }
                (known, wanted) if *known == wanted => {}
                (known @ Wanted::Head, wanted) => *known = wanted,
                (_, Wanted::Head) => {}
                (known, wanted) => {
                    let reason = format!("is asked for twice, as {known} and as {wanted}");
                    return Err(SelectorError { text: package, reason });
                }
            }
        }
        let selector = |package: String| {
            let wanted = united.remove(&package)?;
            Some(Self { package, wanted })
        };
        Ok(order.into_iter().filter_map(selector).collect())
    }
}

/// Whether a text can only be meant as a range: it begins with a comparator, or is a version with a wildcard.
fn is_range(text: &str) -> bool {
    let text = text.trim();
    text.starts_with(['<', '>', '=', '!', '~', '^'])
        || (text.starts_with(|c: char| c.is_ascii_digit()) && is_wildcard(text))
}

/// `1.x` and the like, which the range grammar of catalogs knows.
fn is_wildcard(version: &str) -> bool {
    version.strip_suffix('x').is_some_and(|rest| rest.ends_with('.'))
}

/// Reads a range of people: `>=1.2 <2`, also with commas, with short versions and a leading `v`. What an ImageSetConfiguration
/// cannot say, a hole in a range, is refused.
fn range(text: &str) -> Result<BlangRange, String> {
    if text.contains('|') {
        return Err("has alternatives: an ImageSetConfiguration has one minimum and one maximum".to_owned());
    }
    let mut strict: Vec<String> = Vec::new();
    let mut pending = String::new();
    for token in text.split([' ', ',', '\t']).filter(|token| !token.is_empty()) {
        let at = token.find(|c: char| !matches!(c, '<' | '>' | '=' | '!' | '~' | '^')).unwrap_or(token.len());
        let (operator, version) = token.split_at(at);
        pending.push_str(operator);
        if version.is_empty() {
            continue;
        }
        if !matches!(pending.as_str(), "" | "=" | "==" | "<" | "<=" | ">" | ">=") {
            return Err(format!("has the comparator `{pending}`; there are `>=`, `>`, `<`, `<=` and `=`"));
        }
        let version = if is_wildcard(version) {
            version.to_owned()
        } else {
            Version::parse_tolerant(version).map_err(|why| format!("has a range in which {why}"))?.to_string()
        };
        strict.push(std::mem::take(&mut pending) + &version);
    }
    if !pending.is_empty() || strict.is_empty() {
        return Err("has a comparator without a version".to_owned());
    }
    BlangRange::parse(&strict.join(" ")).map_err(|why| format!("has a bad range: {why}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wanted(text: &str) -> String {
        let selector: Selector = text.parse().unwrap();
        assert_eq!(selector.package, "a", "{text}");
        selector.wanted.to_string()
    }

    #[test]
    fn each_form() {
        for (text, expected) in [
            ("a", "the head"),
            (" a ", "the head"),
            ("a|a.v1.2.3", "a.v1.2.3"),
            ("a | a.v1.2.3 | a.v1.1.0|a.v1.2.3", "a.v1.2.3, a.v1.1.0"),
            ("a|1.2.3", "1.2.3"),
            ("a|>=1.2 <2", ">=1.2.0 <2.0.0"),
            ("a|>= v1.2, < 2", ">=1.2.0 <2.0.0"),
            ("a|=1.2.3", "=1.2.3"),
            ("a|1.2.x", "1.2.x"),
            ("a|>=4.16.0-rhodf", ">=4.16.0-rhodf"),
        ] {
            assert_eq!(wanted(text), expected, "{text}");
        }
        for bad in [
            "",
            "|a",
            "a b",
            "a|",
            "a||b",
            "a|1.0.0|>=2",
            "a|>=",
            "a|>=1 || >=3",
            "a|^1.2",
            "a|!=1.2.3",
            "a|>=x",
            "a|1.0 2.0",
        ] {
            assert!(bad.parse::<Selector>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_list_has_comments_and_names_a_package_more_than_once() {
        let text = "\u{feff}# red hat\na|a.v1.0.0  # runs\n\nb\na|a.v2.0.0\na\nb\n";
        let list = Selector::united(Selector::parse_list(text).unwrap()).unwrap();
        let written: Vec<_> = list.iter().map(|one| format!("{}: {}", one.package, one.wanted)).collect();
        assert_eq!(written, ["a: a.v1.0.0, a.v2.0.0", "b: the head"]);
        let twice = Selector::parse_list("a|>=1\na|a.v2.0.0\n").unwrap();
        let error = Selector::united(twice).unwrap_err().to_string();
        assert_eq!(error, "`a` is asked for twice, as >=1.0.0 and as a.v2.0.0");
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a|<>=!~^ x0-9.v,#\né-]{0,24}") {
            let _ = text.parse::<Selector>();
            let _ = Selector::parse_list(&text).and_then(Selector::united);
        }
    }
}
