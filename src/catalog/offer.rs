//! What a catalog offers to a bundle that requires something of it: the plan, the merge and the validation ask the same question.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::constraint::Requirement;
use super::dependencies::best;
use super::graph::UpgradeGraph;
use super::model::{Bundle, Catalog};
use super::property::Gvk;
use crate::version::BlangRange;

/// What OLM may choose from: of each channel the chain from its head, less what is skipped.
pub(super) struct Offer<'a> {
    catalog: &'a Catalog,
    /// Read from all bundles once, and only if asked for.
    gvks: OnceCell<BTreeSet<Gvk>>,
}

impl<'a> Offer<'a> {
    pub(super) fn new(catalog: &'a Catalog) -> Self {
        Self { catalog, gvks: OnceCell::new() }
    }

    /// Whether the catalog could satisfy a requirement, where `met` says what is satisfied without it. A rule in CEL is taken
    /// for one that holds, and nobody has to choose what is forbidden.
    pub(super) fn can_meet(&self, requirement: &Requirement, met: &dyn Fn(&Requirement) -> bool) -> bool {
        match requirement {
            Requirement::Package(it) => BlangRange::parse(&it.version_range).is_ok_and(|range| {
                let package = self.catalog.packages.get(&it.package_name);
                package.and_then(|package| best(package, |bundle| range.contains(&bundle.version))).is_some()
            }),
            Requirement::Gvk(gvk) => self.gvks().contains(gvk),
            Requirement::Cel(_) => true,
            Requirement::All(all) => all.iter().all(|it| met(it) || self.can_meet(it, met)),
            Requirement::Any(any) => any.iter().any(|it| met(it) || self.can_meet(it, met)),
            Requirement::Not(not) => !not.iter().any(met),
        }
    }

    fn gvks(&self) -> &BTreeSet<Gvk> {
        self.gvks.get_or_init(|| {
            let mut gvks = BTreeSet::new();
            for package in self.catalog.packages.values() {
                let chains = package.channels.values().flat_map(|channel| UpgradeGraph::new(channel).chain());
                let names: BTreeSet<&str> = chains.map(|entry| entry.name.as_str()).collect();
                let offered = names.into_iter().filter_map(|name| package.bundles.get(name));
                gvks.extend(offered.flat_map(Bundle::gvks));
            }
            gvks
        })
    }
}

/// A bundle with what it requires and its catalog has not got.
#[derive(Debug, Clone)]
pub struct Unmet<'a> {
    /// The bundle.
    pub bundle: &'a Bundle,
    /// Requirements that nothing in the catalog satisfies.
    pub missing: Vec<Requirement>,
    /// Rules in CEL, which are not evaluated here.
    pub unchecked: Vec<String>,
    /// Constraints that cannot be read, and why.
    pub broken: Vec<String>,
}

/// Those of `bundles` that require something of which the catalog has nothing, or of which nothing is known.
pub fn unmet<'a>(catalog: &'a Catalog, bundles: impl IntoIterator<Item = &'a Bundle>) -> Vec<Unmet<'a>> {
    let offer = Offer::new(catalog);
    // Versions of one operator require the same over and over.
    let mut known: BTreeMap<String, bool> = BTreeMap::new();
    let mut unmet = Vec::new();
    for bundle in bundles {
        let (requirements, broken) = bundle.requirements();
        let unchecked = requirements.iter().flat_map(Requirement::rules).map(str::to_owned).collect();
        let missing = requirements
            .into_iter()
            .filter(|it| !*known.entry(it.to_string()).or_insert_with(|| offer.can_meet(it, &|_| false)))
            .collect();
        unmet.push(Unmet { bundle, missing, unchecked, broken });
    }
    unmet.retain(|it| !it.missing.is_empty() || !it.unchecked.is_empty() || !it.broken.is_empty());
    unmet
}
