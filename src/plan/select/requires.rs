//! What a bundle requires of other packages, and who provides it.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::catalog::{Bundle, Catalog, Gvk, Package, UpgradeGraph};
use crate::version::{BlangRange, Version};

/// Something that another package must provide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Requirement {
    /// A package in a range.
    Package { name: String, range: String },
    /// An API.
    Gvk(Gvk),
    /// At least one of these.
    Any(Vec<Requirement>),
    /// A rule in CEL, which is not evaluated.
    Cel(String),
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package { name, range } => write!(f, "`{name}` {range}"),
            Self::Gvk(gvk) => write!(f, "the API {gvk}"),
            Self::Any(any) => {
                let each: Vec<_> = any.iter().map(ToString::to_string).collect();
                f.write_str(&each.join(" or "))
            }
            Self::Cel(rule) => write!(f, "the rule `{rule}`"),
        }
    }
}

/// All that a bundle requires (operator-framework/api `pkg/constraints/constraint.go`).
pub(super) fn requirements(bundle: &Bundle) -> Vec<Requirement> {
    let packages = bundle.packages_required().into_iter();
    let packages = packages
        .map(|required| Requirement::Package { name: required.package_name, range: required.version_range });
    let gvks = bundle.gvks_required().into_iter().map(Requirement::Gvk);
    let mut all: Vec<Requirement> = packages.chain(gvks).collect();
    for property in bundle.properties_of("olm.constraint") {
        if let Ok(value) = property.read::<Value>() {
            all.extend(constraint(&value, 0));
        }
    }
    all
}

/// A constraint as requirements that must all be met. What forbids something needs nothing.
fn constraint(value: &Value, depth: usize) -> Vec<Requirement> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct PackageRange {
        package_name: String,
        version_range: String,
    }
    let several = |key: &str| -> Option<Vec<Vec<Requirement>>> {
        let list = value.get(key)?.get("constraints")?.as_array()?;
        Some(list.iter().map(|inner| constraint(inner, depth + 1)).collect())
    };
    if depth > 8 {
        return Vec::new();
    }
    if let Some(found) = value.get("package").and_then(|found| PackageRange::deserialize(found).ok()) {
        return vec![Requirement::Package { name: found.package_name, range: found.version_range }];
    }
    if let Some(gvk) = value.get("gvk").and_then(|found| Gvk::deserialize(found).ok()) {
        return vec![Requirement::Gvk(gvk)];
    }
    if let Some(rule) = value.get("cel").and_then(|cel| cel.get("rule")).and_then(Value::as_str) {
        return vec![Requirement::Cel(rule.to_owned())];
    }
    if let Some(all) = several("all") {
        return all.into_iter().flatten().collect();
    }
    several("any").map(|any| vec![Requirement::Any(any.into_iter().flatten().collect())]).unwrap_or_default()
}

/// Whether this version of this package meets the requirement. An API is met by a bundle only.
pub(super) fn met_by_version(requirement: &Requirement, package: &str, version: &Version) -> bool {
    match requirement {
        Requirement::Package { name, range } => {
            name == package && BlangRange::parse(range).is_ok_and(|range| range.contains(version))
        }
        Requirement::Gvk(_) | Requirement::Cel(_) => false,
        Requirement::Any(any) => any.iter().any(|inner| met_by_version(inner, package, version)),
    }
}

/// Whether this bundle meets the requirement.
pub(super) fn met_by(requirement: &Requirement, bundle: &Bundle) -> bool {
    match requirement {
        Requirement::Gvk(gvk) => bundle.gvks().contains(gvk),
        Requirement::Any(any) => any.iter().any(|inner| met_by(inner, bundle)),
        Requirement::Package { .. } => met_by_version(requirement, &bundle.package, &bundle.version),
        Requirement::Cel(_) => true,
    }
}

/// A bundle that would meet a requirement, and the channel in which OLM finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Provider {
    pub(super) package: String,
    pub(super) channel: String,
    pub(super) bundle: String,
}

/// Of each package that can meet the requirement, the entry that OLM prefers: nearest to the head, in the default channel first.
pub(super) fn providers(catalog: &Catalog, requirement: &Requirement) -> Vec<Provider> {
    match requirement {
        Requirement::Cel(_) => Vec::new(),
        Requirement::Package { name, .. } => catalog
            .packages
            .get(name)
            .and_then(|package| provider(package, requirement))
            .into_iter()
            .collect(),
        Requirement::Gvk(_) => {
            catalog.packages.values().filter_map(|package| provider(package, requirement)).collect()
        }
        Requirement::Any(any) => any
            .iter()
            .map(|inner| providers(catalog, inner))
            .find(|found| !found.is_empty())
            .unwrap_or_default(),
    }
}

fn provider(package: &Package, requirement: &Requirement) -> Option<Provider> {
    let default = package.channels.get(&package.default_channel);
    let others = package.channels.values().filter(|channel| channel.name != package.default_channel);
    default.into_iter().chain(others).find_map(|channel| {
        let chain = UpgradeGraph::new(channel).chain();
        let found = chain.into_iter().find(|entry| {
            package.bundles.get(&entry.name).is_some_and(|bundle| met_by(requirement, bundle))
        })?;
        Some(Provider {
            package: package.name.clone(),
            channel: channel.name.clone(),
            bundle: found.name.clone(),
        })
    })
}
