//! Whether what arrives finds what it depends on in the whole merged catalog.

use std::collections::BTreeSet;

use crate::catalog::{Bundle, Catalog, Gvk};
use crate::finding::Finding;
use crate::version::BlangRange;

/// Requirements of new bundles that the merged catalog cannot meet.
///
/// A warning, not a conflict: another catalog on the cluster may meet them, and whoever packed may have left them out on
/// purpose. OLM passes a bundle over whose requirements nobody meets.
pub(super) fn unmet(base: &Catalog, merged: &Catalog) -> Vec<Finding> {
    let is_new = |bundle: &&Bundle| {
        base.packages.get(&bundle.package).is_none_or(|package| !package.bundles.contains_key(&bundle.name))
    };
    let bundles = || merged.packages.values().flat_map(|package| package.bundles.values());
    let mut provided: Option<BTreeSet<(String, String, String)>> = None;
    let mut findings = Vec::new();
    for bundle in bundles().filter(is_new) {
        let mut missing = Vec::new();
        for required in bundle.packages_required() {
            let range = BlangRange::parse(&required.version_range).ok();
            let fits = |other: &Bundle| range.as_ref().is_some_and(|range| range.contains(&other.version));
            let found = merged
                .packages
                .get(&required.package_name)
                .is_some_and(|package| package.bundles.values().any(fits));
            if !found {
                missing.push(format!("package `{}` {}", required.package_name, required.version_range));
            }
        }
        for required in bundle.gvks_required() {
            let key = |gvk: Gvk| (gvk.group, gvk.kind, gvk.version);
            let provided =
                provided.get_or_insert_with(|| bundles().flat_map(Bundle::gvks).map(key).collect());
            let name = format!("API `{}/{} {}`", required.group, required.version, required.kind);
            if !provided.contains(&key(required)) {
                missing.push(name);
            }
        }
        if !missing.is_empty() {
            let subject = format!("package {}, bundle {}", bundle.package, bundle.name);
            let message = format!("the merged catalog has not got what it requires: {}", missing.join(", "));
            let hint = "pack its dependencies too, unless another catalog of the cluster has them";
            findings.push(Finding::warning("DEPENDENCY_MISSING", subject, message).hint(hint));
        }
    }
    findings
}
