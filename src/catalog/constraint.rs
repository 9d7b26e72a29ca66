//! What a bundle requires: packages, APIs, and compound constraints of both.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::model::Bundle;
use super::property::{Gvk, PackageRequired};

/// The largest `olm.constraint` that OLM takes, in bytes.
const MOST_BYTES: usize = 2 << 16;

/// One requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requirement {
    /// Some version of a package.
    Package(PackageRequired),
    /// Some provider of an API.
    Gvk(Gvk),
    /// A rule in CEL, which is not evaluated here.
    Cel(String),
    /// All of them.
    All(Vec<Requirement>),
    /// One of them.
    Any(Vec<Requirement>),
    /// None of them.
    Not(Vec<Requirement>),
}

impl std::fmt::Display for Requirement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |f: &mut std::fmt::Formatter<'_>, word: &str, list: &[Self]| {
            let texts: Vec<String> = list.iter().map(ToString::to_string).collect();
            write!(f, "{word} ({})", texts.join("; "))
        };
        match self {
            Self::Package(it) => write!(f, "package {} {}", it.package_name, it.version_range),
            Self::Gvk(it) => write!(f, "API {it}"),
            Self::Cel(rule) => write!(f, "rule `{rule}`"),
            Self::All(all) => list(f, "all of", all),
            Self::Any(any) => list(f, "one of", any),
            Self::Not(not) => list(f, "none of", not),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire<'a> {
    #[serde(default, rename = "failureMessage")]
    _failure_message: Option<String>,
    package: Option<PackageRequired>,
    gvk: Option<Gvk>,
    cel: Option<WireCel>,
    #[serde(borrow)]
    all: Option<WireList<'a>>,
    #[serde(borrow)]
    any: Option<WireList<'a>>,
    #[serde(borrow)]
    not: Option<WireList<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireCel {
    rule: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireList<'a> {
    #[serde(borrow)]
    constraints: Vec<&'a RawValue>,
}

impl Requirement {
    /// The rules in CEL that are in it.
    pub fn rules(&self) -> Vec<&str> {
        match self {
            Self::Cel(rule) => vec![rule],
            Self::All(list) | Self::Any(list) | Self::Not(list) => {
                list.iter().flat_map(Self::rules).collect()
            }
            Self::Package(_) | Self::Gvk(_) => Vec::new(),
        }
    }

    /// Reads the value of an `olm.constraint` property. Nesting ends where the JSON reader's does.
    pub fn parse(json: &str) -> Result<Self, String> {
        if json.len() > MOST_BYTES {
            return Err(format!("has {} bytes, OLM takes {MOST_BYTES}", json.len()));
        }
        // RawValue does not count nesting; a tree of values does.
        serde_json::from_str::<serde_json::Value>(json).map_err(|error| error.to_string())?;
        Self::read(json)
    }

    fn read(json: &str) -> Result<Self, String> {
        let wire: Wire<'_> = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let list = |list: WireList<'_>| {
            list.constraints.into_iter().map(|it| Self::read(it.get())).collect::<Result<Vec<_>, _>>()
        };
        let kinds = [
            wire.package.map(Self::Package).map(Ok),
            wire.gvk.map(Self::Gvk).map(Ok),
            wire.cel.map(|cel| Ok(Self::Cel(cel.rule))),
            wire.all.map(|all| list(all).map(Self::All)),
            wire.any.map(|any| list(any).map(Self::Any)),
            wire.not.map(|not| list(not).map(Self::Not)),
        ];
        let mut given = kinds.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(one), None) => one,
            (None, _) => Err("says nothing".to_owned()),
            (Some(_), Some(_)) => Err("says several things at once".to_owned()),
        }
    }
}

impl Bundle {
    /// All that it requires: packages first, so that a required API may come with one of them; then what could not be read.
    pub fn requirements(&self) -> (Vec<Requirement>, Vec<String>) {
        let mut found: Vec<Requirement> =
            self.packages_required().into_iter().map(Requirement::Package).collect();
        found.extend(self.gvks_required().into_iter().map(Requirement::Gvk));
        let mut broken = Vec::new();
        for property in self.properties_of("olm.constraint") {
            match Requirement::parse(property.json()) {
                Ok(requirement) => found.push(requirement),
                Err(message) => broken.push(message),
            }
        }
        (found, broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compound_constraints() {
        let json = r#"{"failureMessage":"x","all":{"constraints":[
            {"package":{"packageName":"a","versionRange":">=1.0.0"}},
            {"any":{"constraints":[{"gvk":{"group":"g","kind":"K","version":"v1"}},{"cel":{"rule":"true"}}]}},
            {"not":{"constraints":[{"package":{"packageName":"b"}}]}}]}}"#;
        assert_eq!(
            Requirement::parse(json).unwrap().to_string(),
            "all of (package a >=1.0.0; one of (API g/v1 K; rule `true`); none of (package b ))"
        );
        for bad in [
            "{}",
            "[]",
            r#"{"package":{"packageName":"a"},"gvk":{"kind":"K"}}"#,
            r#"{"packages":{}}"#,
            r#"{"all":[]}"#,
            r#"{"all":{"constraints":[{}]}}"#,
            &format!(r#"{{"cel":{{"rule":"{}"}}}}"#, "x".repeat(MOST_BYTES)),
            &format!("{}{}{}", r#"{"all":{"constraints":["#.repeat(200), "{}", "]}}".repeat(200)),
        ] {
            assert!(Requirement::parse(bad).is_err(), "{}", bad.chars().take(80).collect::<String>());
        }
    }
}
