//! Dependencies: what delivered bundles require, and what comes along for it.

use std::collections::{BTreeMap, BTreeSet};

use super::Selector;
use super::parcel::Parcel;
use super::requires::{Provider, Requirement, met_by, met_by_version, providers, requirements};
use crate::catalog::{Bundle, Catalog};
use crate::finding::Finding;
use crate::plan::installed::{Installed, belongs, installed_of};
use crate::site::InstalledOperator;
use crate::version::Version;

/// What dependents want of a package, beyond what the request asks of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Extra {
    /// Bundles, with the channel of each.
    pub(super) bundles: BTreeSet<(String, String)>,
    /// Who requires them.
    pub(super) reasons: BTreeSet<String>,
    /// The packages among those that do.
    pub(super) required_by: BTreeSet<String>,
    /// What is worth telling about the choice.
    pub(super) notes: BTreeSet<Finding>,
}

impl Extra {
    pub(super) fn add(&mut self, other: Self) {
        self.bundles.extend(other.bundles);
        self.reasons.extend(other.reasons);
        self.required_by.extend(other.required_by);
        self.notes.extend(other.notes);
    }
}

/// A requirement that neither the catalog nor what is known to run meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    requirement: Requirement,
    /// What it means; it falls away where another catalog meets the requirement.
    pub finding: Finding,
}

impl Missing {
    /// Whether a bundle of this catalog meets it.
    pub fn met_in(&self, catalog: &Catalog) -> bool {
        let mut bundles = catalog.packages.values().flat_map(|package| package.bundles.values());
        bundles.any(|bundle| met_by(&self.requirement, bundle))
    }
}

/// What parcels require beyond each other and what runs.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// What must come along, by package.
    pub(super) more: BTreeMap<String, Extra>,
    /// What is worth telling, once nothing more must come along.
    pub(super) told: Vec<Finding>,
    /// What nothing meets.
    pub(super) missing: Vec<Missing>,
}

impl Selector<'_> {
    /// What the delivered bundles require.
    pub(super) fn dependencies(&self, parcels: &[Parcel], extras: &BTreeMap<String, Extra>) -> Needs {
        let mut lacking: Vec<Missing> = Vec::new();
        let mut more: BTreeMap<String, Extra> = BTreeMap::new();
        let mut findings: BTreeSet<Finding> = BTreeSet::new();
        let delivered: Vec<&Bundle> = bundles(parcels.iter()).collect();
        for bundle in bundles(parcels.iter().filter(|parcel| !parcel.alone)) {
            for requirement in requirements(bundle) {
                if let Requirement::Cel(rule) = &requirement {
                    findings.insert(unchecked(bundle, rule));
                    continue;
                }
                if delivered.iter().any(|other| met_by(&requirement, other)) || self.runs(&requirement) {
                    continue;
                }
                let found = self.candidates(bundle, &requirement);
                let Some(provider) = self.preferred(&found, parcels) else {
                    let missing = self.missing(bundle, requirement);
                    if !lacking.contains(&missing) {
                        lacking.push(missing);
                    }
                    continue;
                };
                let known = extras.get(&provider.package);
                let key = (provider.channel.clone(), provider.bundle.clone());
                if known.is_some_and(|extra| extra.bundles.contains(&key)) {
                    // It was tried and there is no way to it, which is told where it was tried.
                    continue;
                }
                let extra = more.entry(provider.package.clone()).or_default();
                extra.bundles.insert(key);
                extra.reasons.insert(format!("required by `{}`: {requirement}", bundle.package));
                extra.required_by.insert(bundle.package.clone());
                if found.len() > 1 {
                    extra.notes.insert(ambiguous(bundle, &requirement, &found, provider));
                }
            }
        }
        for (package, extra) in extras {
            let reasons: Vec<&str> = extra.reasons.iter().map(String::as_str).collect();
            let message = format!("it comes along: {}", reasons.join("; "));
            let hint = "`skipDependencies: true` in the ImageSetConfiguration leaves it out";
            findings
                .insert(Finding::info("DEPENDENCY_ADDED", format!("package {package}"), message).hint(hint));
            findings.extend(extra.notes.iter().cloned());
        }
        Needs { more, told: findings.into_iter().collect(), missing: lacking }
    }

    /// A requirement that nothing meets. Where all that runs is known it cannot be met on site either, and that is an error: OLM
    /// would not install the operator there.
    fn missing(&self, bundle: &Bundle, requirement: Requirement) -> Missing {
        let what = format!("it requires {requirement}, which this catalog has not got");
        let finding = if let Some(runs) = self.requires_it_already(bundle, &requirement) {
            let message = format!("{what}; `{runs}` runs and requires it too, so the site has it");
            Finding::info("DEPENDENCY_ASSUMED", subject(bundle), message)
        } else if self.knows_enough(&requirement) {
            let message = format!("{what} and which does not run at the site");
            Finding::error("DEPENDENCY_MISSING", subject(bundle), message).hint(
                "take it from another catalog in the same request; `skipDependencies: true` or `--skip-dependencies` leaves \
                 it to you",
            )
        } else {
            let message = format!("{what} and which is not known to run");
            Finding::warning("DEPENDENCY_MISSING", subject(bundle), message).hint(
                "unless the site has it, OLM will not install the operator: take it from another catalog in the same request",
            )
        };
        Missing { requirement, finding }
    }

    /// Whether nothing that runs can meet a requirement that nothing is known to meet: all that runs is known, and what is of other
    /// catalogs tells its package, where a package is required; the APIs of those are not known here.
    fn knows_enough(&self, requirement: &Requirement) -> bool {
        let foreign =
            |operator: &&InstalledOperator| !self.catalog.packages.values().any(|it| belongs(it, operator));
        let told = |operator: &InstalledOperator| {
            operator.package.is_some() && matches!(requirement, Requirement::Package { .. })
        };
        self.all_known && self.installed.iter().filter(foreign).all(told)
    }

    /// What runs of the same package and has the very requirement: OLM installed it, so the requirement is met.
    fn requires_it_already(&self, bundle: &Bundle, requirement: &Requirement) -> Option<&str> {
        let package = self.catalog.packages.get(&bundle.package)?;
        let running = self.installed.iter().filter_map(|operator| package.bundles.get(&operator.name));
        let mut same = running.filter(|runs| requirements(runs).contains(requirement));
        same.next().map(|runs| runs.name.as_str())
    }

    /// The providers that can be delivered: of another package, and not below what runs of that.
    fn candidates(&self, bundle: &Bundle, requirement: &Requirement) -> Vec<Provider> {
        let mut found = providers(self.catalog, requirement);
        found.retain(|provider| {
            let Some(package) = self.catalog.packages.get(&provider.package) else { return false };
            let version = package.bundles.get(&provider.bundle).map(|bundle| &bundle.version);
            let (running, _) = installed_of(package, self.installed);
            let above = |installed: &Installed| {
                version.is_some_and(|v| v.precedence(&installed.start.version).is_ge())
            };
            provider.package != bundle.package && running.iter().all(above)
        });
        found
    }

    /// Whether something that runs meets the requirement. Of an operator that the catalog has no bundle of, its package is taken to
    /// provide what it provides today.
    fn runs(&self, requirement: &Requirement) -> bool {
        let named = |operator: &InstalledOperator| {
            let version = Version::parse_tolerant(operator.version.as_deref()?).ok()?;
            Some(met_by_version(requirement, operator.package.as_deref()?, &version))
        };
        // Its package may be of another catalog.
        self.installed.iter().any(|operator| named(operator) == Some(true)) || self.runs_of_here(requirement)
    }

    fn runs_of_here(&self, requirement: &Requirement) -> bool {
        self.catalog.packages.values().any(|package| {
            let operators = self.installed.iter().filter(|operator| belongs(package, operator));
            let by_bundle = operators.clone().any(|operator| match package.bundles.get(&operator.name) {
                Some(bundle) => met_by(requirement, bundle),
                None => {
                    !matches!(requirement, Requirement::Package { .. })
                        && package.bundles.values().any(|bundle| met_by(requirement, bundle))
                }
            });
            by_bundle
                || installed_of(package, self.installed)
                    .0
                    .iter()
                    .any(|installed| met_by_version(requirement, &package.name, &installed.start.version))
        })
    }

    /// The provider whose package is delivered already, else one that runs, else the first.
    fn preferred<'p>(&self, found: &'p [Provider], parcels: &[Parcel]) -> Option<&'p Provider> {
        let travels = |provider: &&Provider| {
            parcels.iter().any(|parcel| parcel.package.as_ref().is_some_and(|p| p.name == provider.package))
        };
        let runs = |provider: &&Provider| {
            let package = self.catalog.packages.get(&provider.package);
            package.is_some_and(|package| self.installed.iter().any(|operator| belongs(package, operator)))
        };
        found.iter().find(travels).or_else(|| found.iter().find(runs)).or_else(|| found.first())
    }
}

fn bundles<'p>(parcels: impl Iterator<Item = &'p Parcel>) -> impl Iterator<Item = &'p Bundle> {
    parcels.filter_map(|parcel| parcel.package.as_ref()).flat_map(|package| package.bundles.values())
}

fn subject(bundle: &Bundle) -> String {
    format!("package {}", bundle.package)
}

fn unchecked(bundle: &Bundle, rule: &str) -> Finding {
    let message = format!("it has a constraint that is not evaluated: `{rule}`");
    Finding::warning("CEL_UNCHECKED", subject(bundle), message)
        .hint("see that what the site has meets it; OLM will not install it otherwise")
}

fn ambiguous(bundle: &Bundle, requirement: &Requirement, found: &[Provider], taken: &Provider) -> Finding {
    let names: Vec<&str> = found.iter().map(|provider| provider.package.as_str()).collect();
    let message = format!("{requirement} is provided by {}; `{}` is taken", names.join(", "), taken.package);
    Finding::info("DEPENDENCY_AMBIGUOUS", subject(bundle), message)
        .hint("name another one in the ImageSetConfiguration to take that")
}
