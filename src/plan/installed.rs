//! What runs at the site, matched to the packages of a catalog.

use std::collections::BTreeMap;

use crate::catalog::{Package, Start};
use crate::finding::{Finding, nearest};
use crate::site::InstalledOperator;
use crate::version::Version;

/// An installed operator as the start of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// What runs.
    pub start: Start,
    /// The channel that it is subscribed to, when known.
    pub channel: Option<String>,
}

/// The installed operators of a package, lowest version first, each CSV once, and what is wrong with them.
///
/// An operator belongs to the package that it names. One that names none belongs to this package if the package has its bundle,
/// if an edge mentions it, or if its name is the package's and a version.
pub fn installed_of(package: &Package, installed: &[InstalledOperator]) -> (Vec<Installed>, Vec<Finding>) {
    let mut found: BTreeMap<&str, Installed> = BTreeMap::new();
    let mut findings = Vec::new();
    for operator in installed.iter().filter(|operator| belongs(package, operator)) {
        let Some(version) = version_of(package, operator) else {
            let message = format!("the version of the installed `{}` is not known", operator.name);
            let hint = "give the version in its name, `NAME.vX.Y.Z`, or a dump of `oc get csv -A -o json`";
            let subject = format!("package {}", package.name);
            findings.push(Finding::error("INSTALLED_VERSION", subject, message).hint(hint));
            continue;
        };
        let start = Start { name: operator.name.clone(), version };
        let channel = operator.channel.clone();
        let known = found.entry(&operator.name).or_insert(Installed { start, channel: None });
        known.channel = known.channel.take().or(channel);
    }
    let mut installed: Vec<Installed> = found.into_values().collect();
    installed
        .sort_by(|a, b| a.start.version.cmp(&b.start.version).then_with(|| a.start.name.cmp(&b.start.name)));
    (installed, findings)
}

/// Whether an operator belongs to a package.
pub fn belongs(package: &Package, operator: &InstalledOperator) -> bool {
    if let Some(named) = &operator.package {
        return *named == package.name;
    }
    let mentioned = || {
        let entries = package.channels.values().flat_map(|channel| &channel.entries);
        let mut names = entries.flat_map(|entry| entry.replaces.iter().chain(&entry.skips));
        names.any(|name| *name == operator.name)
    };
    package.bundles.contains_key(&operator.name)
        || mentioned()
        || version_in(&package.name, &operator.name).is_some()
}

/// What the cluster says, else what the catalog says, else what stands in the name.
fn version_of(package: &Package, operator: &InstalledOperator) -> Option<Version> {
    let told = operator.version.as_deref().and_then(|text| Version::parse_tolerant(text).ok());
    let catalogued = || package.bundles.get(&operator.name).map(|bundle| bundle.version.clone());
    let named = || {
        version_in(&package.name, &operator.name).or_else(|| {
            // The CSV may be called otherwise than its package: `mcg-operator.v4.16.0`, `rhods-operator.2.11.0`.
            let (_, rest) = operator.name.split_once('.')?;
            Version::parse(rest.strip_prefix('v').unwrap_or(rest)).ok()
        })
    };
    told.or_else(catalogued).or_else(named)
}

/// The version in `PACKAGE.vVERSION` or `PACKAGE.VERSION`.
fn version_in(package: &str, name: &str) -> Option<Version> {
    let rest = name.strip_prefix(package)?.strip_prefix('.')?;
    Version::parse(rest.strip_prefix('v').unwrap_or(rest)).ok()
}

/// Installed operators that were named by hand and belong to none of these packages.
pub fn strangers(named: &[InstalledOperator], packages: &[&Package]) -> Vec<Finding> {
    let stranger = |operator: &&InstalledOperator| !packages.iter().any(|package| belongs(package, operator));
    let told = |operator: &InstalledOperator| {
        let stem = operator.name.split('.').next().unwrap_or(&operator.name);
        let near = nearest(stem, packages.iter().map(|package| package.name.as_str()));
        let message = format!("`{}` belongs to no package of the request's catalogs", operator.name);
        let hint = match near.first() {
            Some(package) => format!("did you mean `{package}.vX.Y.Z`?"),
            None => "write the name of the CSV as `oc get csv` shows it".to_owned(),
        };
        Finding::error("INSTALLED_UNKNOWN", &operator.name, message).hint(hint)
    };
    named.iter().filter(stranger).map(told).collect()
}
