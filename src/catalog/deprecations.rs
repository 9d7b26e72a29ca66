//! What an `olm.deprecations` blob says, and whether it speaks of things that exist.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::value::RawValue;

use super::fields;
use super::model::{BUNDLE, Blob, CHANNEL, PACKAGE, Package};
use super::wire::{Object, WireBlob};
use super::write::replaced;
use crate::finding::Finding;

/// What is deprecated.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deprecated {
    /// The package as a whole.
    Package,
    /// A channel, by name.
    Channel(String),
    /// A bundle, by name.
    Bundle(String),
    /// Something of a schema that nobody knows, as schema and name.
    Other(String, String),
}

impl fmt::Display for Deprecated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package => f.write_str("the package"),
            Self::Channel(name) => write!(f, "channel `{name}`"),
            Self::Bundle(name) => write!(f, "bundle `{name}`"),
            Self::Other(schema, name) => write!(f, "`{schema}` `{name}`"),
        }
    }
}

/// One deprecation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deprecation {
    /// What is deprecated.
    pub what: Deprecated,
    /// The name that the reference gives; a package must not give one.
    pub name: String,
    /// What users are told.
    pub message: String,
}

impl Package {
    /// Its deprecations in the order of the blob.
    pub fn deprecated(&self) -> Vec<Deprecation> {
        let Some(blob) = &self.deprecations else { return Vec::new() };
        let entries =
            serde_json::from_str::<Object<WireBlob<'_>>>(blob.raw.get()).map(|Object(wire)| wire.entries);
        let deprecation = |entry: super::wire::WireEntry| {
            let name = entry.reference.name;
            let what = match entry.reference.schema.as_str() {
                PACKAGE => Deprecated::Package,
                CHANNEL => Deprecated::Channel(name.clone()),
                BUNDLE => Deprecated::Bundle(name.clone()),
                other => Deprecated::Other(other.to_owned(), name.clone()),
            };
            Deprecation { what, name, message: entry.message }
        };
        entries.unwrap_or_default().into_iter().map(deprecation).collect()
    }
}

impl Package {
    /// Drops deprecations of channels and bundles that the package has not got, which OpenShift 4.15 and later refuse.
    pub fn drop_stale_deprecations(&mut self) {
        let stale: Vec<bool> = self
            .deprecated()
            .iter()
            .map(|it| match &it.what {
                Deprecated::Channel(name) => !self.channels.contains_key(name),
                Deprecated::Bundle(name) => !self.bundles.contains_key(name),
                Deprecated::Package | Deprecated::Other(..) => false,
            })
            .collect();
        let Some(blob) = self.deprecations.as_ref().filter(|_| stale.contains(&true)) else { return };
        let members = fields::object(blob.raw.get());
        let entries = members.iter().find(|(key, _)| key.eq_ignore_ascii_case("entries"));
        let entries: Vec<&RawValue> =
            entries.and_then(|(_, raw)| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
        let kept: Vec<&RawValue> =
            entries.into_iter().zip(&stale).filter(|(_, stale)| !**stale).map(|(entry, _)| entry).collect();
        self.deprecations = (!kept.is_empty()).then(|| replaced(blob, "entries", &kept));
    }
}

/// Rule D1: known schema, an object that exists, each once, with a message.
pub(super) fn check(package: &Package, add: &mut impl FnMut(Finding, &Blob)) {
    let Some(blob) = &package.deprecations else { return };
    let mut seen = BTreeSet::new();
    for Deprecation { what, name, message } in package.deprecated() {
        let problem = match &what {
            Deprecated::Package if !name.is_empty() => {
                Some("the package is meant, so no name must be given".to_owned())
            }
            Deprecated::Channel(name) if !package.channels.contains_key(name) => {
                Some(format!("there is no {what}"))
            }
            Deprecated::Bundle(name) if !package.bundles.contains_key(name) => {
                Some(format!("there is no {what}"))
            }
            Deprecated::Other(schema, _) if schema.is_empty() => Some("a reference has no schema".to_owned()),
            Deprecated::Other(..) => Some(format!("{what} cannot be deprecated")),
            _ if message.is_empty() => Some(format!("the deprecation of {what} has no message")),
            _ => None,
        };
        let twice = !seen.insert(what.clone());
        let problem = problem.or_else(|| twice.then(|| format!("{what} is deprecated twice")));
        if let Some(problem) = problem {
            let finding = Finding::error("DEPRECATION", blob, problem)
                .hint("OpenShift 4.15 and later refuse the whole catalog for this");
            add(finding, blob);
        }
    }
}
