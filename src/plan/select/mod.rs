//! What is delivered of a catalog: from what runs and what is asked for to packages, channels and bundles.
//!
//! For an operator that runs, exactly the hops that OLM will take to what is asked for; for one that does not, what the
//! ImageSetConfiguration selects. What these require of other packages comes along. The delivered catalog offers nothing else, so
//! that every image of every bundle that it offers can travel.

mod ask;
mod depend;
mod parcel;
mod prune;
mod requires;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, Evidence, validate_package};
use crate::finding::{Finding, Severity};
use crate::imageset::OperatorsRequest;
use crate::plan::PlannedPackage;
use crate::site::InstalledOperator;

use ask::Ask;
use depend::Extra;
pub use depend::Missing;
use parcel::Parcel;

/// What a selection is made from.
#[derive(Debug, Clone, Copy)]
pub struct Selector<'a> {
    /// The catalog.
    pub catalog: &'a Catalog,
    /// What runs at the site; nothing when that is not known.
    pub installed: &'a [InstalledOperator],
    /// Whether that is all that runs there.
    pub all_known: bool,
    /// What is known of bundles' own CSVs.
    pub evidence: &'a [Evidence],
    /// The request's file, for findings.
    pub file: &'a str,
}

/// What is delivered of one catalog.
#[derive(Debug, Clone, Default)]
pub struct Selected {
    /// The packages, by name.
    pub packages: Vec<PlannedPackage>,
    /// The same as a catalog: what the archive brings.
    pub catalog: Catalog,
    /// What is wrong, and worth knowing.
    pub findings: Vec<Finding>,
    /// Requirements that this catalog and what runs do not meet; another catalog of the request may.
    pub missing: Vec<Missing>,
    /// Bundles, as package and name, whose own CSV may show an edge that the catalog lost. Where there are any, look at them and
    /// select again.
    pub unknown: BTreeSet<(String, String)>,
}

impl Selector<'_> {
    /// Selects what these items, all of this catalog, ask for.
    pub fn select(&self, items: &[&OperatorsRequest]) -> Selected {
        let mut asks = Ask::collect(self, items);
        let mut findings = std::mem::take(&mut asks.findings);
        if self.installed.is_empty() {
            let message = "nothing is known of what runs at the site, so what the ImageSetConfiguration selects is taken";
            let hint = "give `--report`, `--installed NAME.vX.Y.Z` or `--cluster` dumps, and exactly the hops that are needed are taken";
            findings.push(Finding::info("NO_INSTALLED", "installed operators", message).hint(hint));
        }
        let mut extras: BTreeMap<String, Extra> = BTreeMap::new();
        loop {
            let parcels = self.parcels(&asks.by_package, &extras);
            let needs = self.dependencies(&parcels, &extras);
            if !needs.more.is_empty() {
                for (package, extra) in needs.more {
                    extras.entry(package).or_default().add(extra);
                }
                continue;
            }
            findings.extend(needs.told);
            return Selected { missing: needs.missing, ..selected(self.catalog, parcels, findings) };
        }
    }

    fn parcels(&self, asks: &BTreeMap<String, Ask>, extras: &BTreeMap<String, Extra>) -> Vec<Parcel> {
        let names: BTreeSet<&String> = asks.keys().chain(extras.keys()).collect();
        let packages = names.into_iter().filter_map(|name| self.catalog.packages.get(name));
        let parcel = |package| {
            let name: &crate::catalog::Package = package;
            self.parcel(package, asks.get(&name.name), extras.get(&name.name))
        };
        packages.map(parcel).collect()
    }
}

fn selected(catalog: &Catalog, parcels: Vec<Parcel>, findings: Vec<Finding>) -> Selected {
    let mut selected = Selected { findings, ..Selected::default() };
    selected.catalog.others.clone_from(&catalog.others);
    for parcel in parcels {
        selected.findings.extend(parcel.findings);
        selected.unknown.extend(parcel.unknown);
        let Some(package) = parcel.package else {
            // Why nothing of it could be taken may be upstream's fault.
            let upstream = catalog.packages.get(&parcel.name).into_iter().flat_map(validate_package);
            selected.findings.extend(upstream.filter(|finding| finding.severity == Severity::Error));
            continue;
        };
        // What upstream broke, or a cut of ours: nothing that OLM would refuse leaves here without a word.
        let refused = validate_package(&package).into_iter();
        selected.findings.extend(refused.filter(|finding| finding.severity == Severity::Error));
        selected.packages.push(PlannedPackage {
            name: package.name.clone(),
            reason: parcel.reasons.join("; "),
            required_by: parcel.required_by,
            default_channel: parcel.default_channel,
            installed: parcel.installed,
            hops: parcel.hops,
            bundles: package.bundles.keys().cloned().collect(),
        });
        selected.catalog.packages.insert(package.name.clone(), package);
    }
    selected
}
