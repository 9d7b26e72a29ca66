//! The whole merge: package by package, then what only the whole catalog can show.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Blob, Catalog, Evidence, validate_package};
use crate::finding::{Finding, Severity, has_errors};
use crate::merge::package::{join_others, merge_package};
use crate::merge::report::gathered;
use crate::merge::{
    ChosenMode, MergeOptions, MergeOutcome, MergeReport, MergedCatalog, Mode, PackageReport, dependencies,
};

/// Merges what an archive brings (`delta`) into what production serves (`base`).
///
/// `evidence` is what the delivered bundles' own CSVs say; it gives back edges that a catalog lost. Merging the same delta again
/// changes nothing. Where production has no catalog yet, `base` is an empty one.
pub fn merge(base: &Catalog, delta: &Catalog, evidence: &[Evidence], options: &MergeOptions) -> MergeOutcome {
    let mut report = MergeReport::default();
    let mut merged = Catalog { packages: base.packages.clone(), others: Vec::new() };
    let carry = || PackageReport { mode: ChosenMode::Carry, channels: BTreeMap::new() };
    report.packages.extend(base.packages.keys().map(|name| (name.clone(), carry())));
    for (name, new) in &delta.packages {
        let Some(old) = base.packages.get(name) else {
            merged.packages.insert(name.clone(), new.clone());
            report.packages.insert(name.clone(), carry());
            continue;
        };
        let attempt = merge_package(old, new, evidence, options);
        report.findings.extend(attempt.findings);
        report.packages.insert(name.clone(), attempt.report);
        merged.packages.insert(name.clone(), attempt.package);
    }
    merged.others = homeless(base, delta, &mut merged, &mut report.findings);
    if !has_errors(&report.findings) {
        check(base, &merged, options, &mut report.findings);
    }
    report.findings.extend(dependencies::unmet(base, &merged, &options.elsewhere));
    report.findings = gathered(report.findings);
    let catalog = (!has_errors(&report.findings)).then(|| MergedCatalog::new(merged));
    MergeOutcome { catalog, report }
}

/// Blobs that belong to no package. Production's stay, since they are being served; the archive's are taken only where they have
/// found a package, because opm makes an odd empty package of the others.
fn homeless(base: &Catalog, delta: &Catalog, merged: &mut Catalog, findings: &mut Vec<Finding>) -> Vec<Blob> {
    for blob in &delta.others {
        let package = merged.packages.get_mut(&blob.package);
        let Some(package) = package.filter(|package| delta.packages.contains_key(&package.name)) else {
            let known = base.others.iter().any(|ours| ours.value() == blob.value());
            if !known {
                let message = "it belongs to no package of the archive and is left out";
                findings.push(Finding::warning("OTHER_SCHEMA_DROPPED", blob, message));
            }
            continue;
        };
        package.others = join_others(&package.others, std::slice::from_ref(blob), findings);
    }
    base.others.clone()
}

/// The fact that a [`MergedCatalog`] stands for, checked whatever the steps before did.
fn check(base: &Catalog, merged: &Catalog, options: &MergeOptions, findings: &mut Vec<Finding>) {
    for (name, package) in &merged.packages {
        let key =
            |finding: &Finding| (finding.code.clone(), finding.subject.clone(), finding.message.clone());
        let known: BTreeSet<_> =
            base.packages.get(name).map(validate_package).iter().flatten().map(key).collect();
        for mut finding in validate_package(package) {
            // What production serves in this state already is not the merge's doing.
            if known.contains(&key(&finding)) {
                if finding.severity < Severity::Error {
                    continue;
                }
                finding.severity = Severity::Warning;
            }
            findings.push(finding);
        }
    }
    for (name, old) in &base.packages {
        if matches!(options.modes.get(name), Some(Mode::Replace | Mode::Split)) {
            continue;
        }
        let package = merged.packages.get(name);
        let lost_channel = old.channels.values().any(|channel| {
            let now = package.and_then(|package| package.channels.get(&channel.name));
            now.is_none_or(|now| channel.entries.iter().any(|entry| now.entry(&entry.name).is_none()))
        });
        let lost_bundle = old
            .bundles
            .keys()
            .any(|bundle| package.is_none_or(|package| !package.bundles.contains_key(bundle)));
        if lost_channel || lost_bundle {
            let message = "the merge would lose something that production offers";
            findings.push(Finding::error("LOST", format!("package {name}"), message));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// No merge is known that loses anything: this is what would stop one.
    #[test]
    fn a_loss_that_nobody_decided_is_refused() {
        let catalog = |names: &[&str]| {
            let entries: Vec<_> = names.iter().map(|name| json!({ "name": name })).collect();
            let mut blobs = vec![
                json!({"schema": "olm.package", "name": "p", "defaultChannel": "c"}),
                json!({"schema": "olm.channel", "package": "p", "name": "c", "entries": entries}),
            ];
            blobs.extend(names.iter().map(|name| {
                json!({"schema": "olm.bundle", "package": "p", "name": name, "image": "r.example/p",
                       "properties": [{"type": "olm.package", "value": {"packageName": "p", "version": "1.0.0"}}]})
            }));
            Catalog::from_values(&blobs).catalog
        };
        let lost = |base: &Catalog, merged: &Catalog, options: &MergeOptions| {
            let mut findings = Vec::new();
            check(base, merged, options, &mut findings);
            findings.iter().any(|finding| finding.code == "LOST")
        };
        let (whole, part) = (catalog(&["p.v1", "p.v2"]), catalog(&["p.v1"]));
        let options = MergeOptions::default();
        assert!(lost(&whole, &part, &options));
        assert!(lost(&whole, &Catalog::default(), &options));
        assert!(!lost(&part, &whole, &options));
        let modes = BTreeMap::from([("p".to_owned(), Mode::Replace)]);
        assert!(!lost(&whole, &part, &MergeOptions { modes, ..options }));
    }
}
