//! In which order the cluster and what runs on it are upgraded.

use std::collections::BTreeSet;

use super::catalogs::Delivered;
use super::{PlanInputs, installed};
use crate::plan::order::{Ceiling, Offer, OperatorWay, Ordered, Stand, order};
use crate::plan::{PlannedPackage, belongs};
use crate::release::ReleasePath;
use crate::site::InstalledOperator;

/// Orders the hops of the cluster and those of every operator that is known to run; nothing where the cluster stays.
pub(super) fn ordered(
    path: Option<&ReleasePath>,
    delivered: &[Delivered],
    inputs: &PlanInputs<'_>,
) -> Ordered {
    let Some(path) = path else { return Ordered::default() };
    let mut ways = Vec::new();
    for catalog in delivered {
        let running = installed(inputs, &catalog.upstream);
        for package in &catalog.packages {
            let Some(upstream) = catalog.upstream.packages.get(&package.name) else { continue };
            let ours = running.iter().filter(|operator| belongs(upstream, operator));
            ways.extend(ours.map(|operator| way(catalog, package, operator, inputs)));
        }
    }
    ways.extend(strangers(delivered, inputs).map(|operator| OperatorWay {
        offer: None,
        runs: runs(operator, None, inputs),
        hops: Vec::new(),
    }));
    order(&path.hops, &ways)
}

/// What runs and belongs to nothing that the plan delivers.
fn strangers<'i>(
    delivered: &[Delivered],
    inputs: &'i PlanInputs<'_>,
) -> impl Iterator<Item = &'i InstalledOperator> {
    let reported = inputs.report.map(|report| report.installed.as_slice()).unwrap_or_default();
    // A dump knows all that runs; without one the report does.
    let known = if inputs.dumped.is_empty() { reported } else { inputs.dumped };
    let known: BTreeSet<_> = known.iter().chain(inputs.named).collect();
    let is_moved = |operator: &&InstalledOperator| {
        delivered.iter().any(|catalog| {
            let packages = catalog.packages.iter();
            let mut upstream = packages.filter_map(|package| catalog.upstream.packages.get(&package.name));
            upstream.any(|package| belongs(package, operator))
        })
    };
    let strangers: Vec<_> = known.into_iter().filter(|operator| !is_moved(operator)).collect();
    strangers.into_iter()
}

/// The way of one installed operator: what is left of the package's hops where it stands.
fn way(
    catalog: &Delivered,
    package: &PlannedPackage,
    operator: &InstalledOperator,
    inputs: &PlanInputs<'_>,
) -> OperatorWay {
    let first = package.hops.iter().position(|hop| hop.from == operator.name);
    let left = first.and_then(|first| package.hops.get(first..)).unwrap_or_default();
    let stand = |name: &str| {
        let mut evidence = catalog.evidence.iter();
        match evidence.find(|found| found.package == package.name && found.bundle == name) {
            Some(found) => {
                Stand::new(name, found.max_openshift_version.as_deref(), found.min_kube_version.as_deref())
            }
            None => catalogued(catalog, &package.name, name).unwrap_or_else(|| Stand::new(name, None, None)),
        }
    };
    OperatorWay {
        offer: Some(Offer { catalog: catalog.source.clone(), package: package.name.clone() }),
        runs: runs(operator, catalogued(catalog, &package.name, &operator.name), inputs),
        hops: left.iter().map(|hop| stand(&hop.name)).collect(),
    }
}

/// What runs, as the cluster says; else as the catalog does.
fn runs(operator: &InstalledOperator, catalogued: Option<Stand>, inputs: &PlanInputs<'_>) -> Stand {
    let told = inputs.ceilings.get(&operator.name);
    let ceiling = match (told, &catalogued) {
        (Some(told), _) => Ceiling::parse(told.as_deref()),
        (None, Some(stand)) => stand.ceiling.clone(),
        (None, None) => Ceiling::Unknown,
    };
    Stand { name: operator.name.clone(), ceiling, kubernetes: None }
}

/// A bundle as upstream's catalog has it.
fn catalogued(catalog: &Delivered, package: &str, name: &str) -> Option<Stand> {
    let bundle = catalog.upstream.packages.get(package)?.bundles.get(name)?;
    let (ceiling, kubernetes) = (bundle.max_openshift_version(), bundle.min_kube_version());
    Some(Stand::new(name, ceiling.as_deref(), kubernetes.as_deref()))
}
