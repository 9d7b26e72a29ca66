//! Whether what arrives finds what it depends on in the whole merged catalog.

use crate::catalog::{Bundle, Catalog, Requirement, unmet as not_met};
use crate::finding::Finding;

/// Requirements of new bundles that the merged catalog cannot meet.
///
/// A warning, not a conflict: another catalog on the cluster may meet them, and whoever packed may have left them out on
/// purpose. OLM passes a bundle over whose requirements nobody meets.
pub(super) fn unmet(base: &Catalog, merged: &Catalog, elsewhere: &Catalog) -> Vec<Finding> {
    let is_new = |bundle: &&Bundle| {
        base.packages.get(&bundle.package).is_none_or(|package| !package.bundles.contains_key(&bundle.name))
    };
    let bundles = merged.packages.values().flat_map(|package| package.bundles.values()).filter(is_new);
    let mut findings = Vec::new();
    let all;
    let offered = if elsewhere.packages.is_empty() {
        merged
    } else {
        let packages = elsewhere.packages.iter().chain(&merged.packages);
        let packages = packages.map(|(name, package)| (name.clone(), package.clone())).collect();
        all = Catalog { packages, others: Vec::new() };
        &all
    };
    for it in not_met(offered, bundles) {
        let subject = format!("package {}, bundle {}", it.bundle.package, it.bundle.name);
        let mut warn = |code: &str, message: String, hint: &str| {
            findings.push(Finding::warning(code, &subject, message).hint(hint));
        };
        if !it.missing.is_empty() {
            let missing: Vec<String> = it.missing.iter().map(Requirement::to_string).collect();
            let message = format!("the merged catalog has not got what it requires: {}", missing.join(", "));
            warn(
                "DEPENDENCY_MISSING",
                message,
                "pack its dependencies too, unless another catalog of the cluster has them",
            );
        }
        for rule in it.unchecked {
            let message = format!("requires that the rule `{rule}` holds, which is not checked here");
            warn("CEL_UNCHECKED", message, "OLM evaluates it in the cluster; see that a bundle satisfies it");
        }
        for why in it.broken {
            let message = format!("its `olm.constraint` cannot be read: {why}");
            warn("CONSTRAINT", message, "OLM passes such a bundle over; take a version without it");
        }
    }
    findings
}
