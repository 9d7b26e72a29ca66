//! What else a set of bundles needs from the same catalog, and from what OLM would choose it.
//!
//! OLM prefers what is installed, then the default channel, then other channels by name, and in each the entry closest to
//! the head.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::constraint::Requirement;
use super::graph::UpgradeGraph;
use super::model::{Bundle, Catalog, Package};
use super::offer::Offer;
use super::path::Start;
use super::property::Gvk;
use crate::finding::Finding;
use crate::version::BlangRange;

/// A bundle that must be there because another requires it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The package.
    pub package: String,
    /// The bundle that OLM would take.
    pub bundle: String,
    /// The channel in which OLM would take it.
    pub channel: String,
    /// Who requires it, and what is required; one reason at least.
    pub reasons: Vec<String>,
}

/// All that is required besides the targets.
#[derive(Debug, Default)]
pub struct Closure {
    /// By package.
    pub dependencies: BTreeMap<String, Dependency>,
    /// What cannot be satisfied, is ambiguous or was not checked.
    pub findings: Vec<Finding>,
}

/// Follows the requirements of the targets, of what they require, and so on. `installed` are packages with what runs of them.
pub fn dependencies(catalog: &Catalog, targets: &[&Bundle], installed: &[(&str, &Start)]) -> Closure {
    let mut search = Search {
        catalog,
        targets,
        installed,
        offer: Offer::new(catalog),
        closure: Closure::default(),
        ranges: BTreeMap::new(),
        providers: OnceCell::new(),
    };
    let mut todo: Vec<Bundle> = targets.iter().rev().map(|bundle| (*bundle).clone()).collect();
    // Each round adds a package or narrows one by a range, and there are only so many of both.
    let mut rounds = 0;
    while let Some(bundle) = todo.pop() {
        rounds += 1;
        if rounds > MOST_ROUNDS {
            let subject = format!("package {}", bundle.package);
            search.closure.findings.push(Finding::error(
                "DEP_ENDLESS",
                subject,
                "requirements run in circles",
            ));
            break;
        }
        let (requirements, broken) = bundle.requirements();
        for message in broken {
            let message = format!("constraint {message}");
            search.closure.findings.push(Finding::error("CONSTRAINT", &bundle.blob, message));
        }
        for requirement in requirements {
            todo.extend(search.require(&bundle, &requirement));
        }
    }
    search.closure
}

const MOST_ROUNDS: usize = 10_000;

struct Search<'a> {
    catalog: &'a Catalog,
    targets: &'a [&'a Bundle],
    installed: &'a [(&'a str, &'a Start)],
    offer: Offer<'a>,
    closure: Closure,
    /// All ranges that a required package must be in.
    ranges: BTreeMap<String, Vec<BlangRange>>,
    /// The packages that provide each API in some version; read from all bundles once, and only if asked for.
    providers: OnceCell<BTreeMap<Gvk, BTreeSet<&'a str>>>,
}

impl<'a> Search<'a> {
    /// The bundle that OLM takes first of each package that provides an API.
    fn providers(&self, gvk: &Gvk) -> Vec<(&'a str, &'a Bundle)> {
        let providers = self.providers.get_or_init(|| {
            let mut providers: BTreeMap<Gvk, BTreeSet<&str>> = BTreeMap::new();
            for bundle in self.catalog.packages.values().flat_map(|package| package.bundles.values()) {
                for gvk in bundle.gvks() {
                    providers.entry(gvk).or_default().insert(&bundle.package);
                }
            }
            providers
        });
        let packages =
            providers.get(gvk).into_iter().flatten().filter_map(|name| self.catalog.packages.get(*name));
        packages.filter_map(|package| best(package, |bundle| bundle.gvks().contains(gvk))).collect()
    }

    /// Sees to one requirement; gives the bundles that it newly brings in.
    fn require(&mut self, by: &Bundle, requirement: &Requirement) -> Vec<Bundle> {
        match requirement {
            Requirement::Package(it) => match BlangRange::parse(&it.version_range) {
                Ok(range) => self.require_package(by, &it.package_name, &range).into_iter().collect(),
                Err(error) => {
                    self.unsatisfied(by, requirement, &error.to_string());
                    Vec::new()
                }
            },
            Requirement::Gvk(gvk) => self.require_gvk(by, gvk).into_iter().collect(),
            Requirement::Cel(_) => {
                let message = format!("requires that the {requirement} holds, which is not checked here");
                let finding = Finding::warning("CEL_UNCHECKED", &by.blob, message)
                    .hint("OLM evaluates it in the cluster; see that a bundle satisfies it");
                self.closure.findings.push(finding);
                Vec::new()
            }
            Requirement::All(all) => all.iter().flat_map(|it| self.require(by, it)).collect(),
            Requirement::Any(any) => {
                if any.iter().any(|it| self.holds(it)) {
                    return Vec::new();
                }
                if let Some(first) = any.iter().find(|it| self.can_hold(it)) {
                    return self.require(by, first);
                }
                self.unsatisfied(by, requirement, "nothing in the catalog is any of these");
                Vec::new()
            }
            Requirement::Not(not) => {
                let held: Vec<&Requirement> = not.iter().filter(|it| self.holds(it)).collect();
                for it in held {
                    let message = format!("must not meet {it}, which is there");
                    self.closure.findings.push(Finding::error("DEP_FORBIDDEN", &by.blob, message));
                }
                Vec::new()
            }
        }
    }

    fn require_package(&mut self, by: &Bundle, name: &str, range: &BlangRange) -> Option<Bundle> {
        let requirement = format!("`{}` requires {name} {range}", by.name);
        let targets: Vec<&&Bundle> = self.targets.iter().filter(|bundle| bundle.package == name).collect();
        if let Some(last) = targets.last() {
            if !targets.iter().any(|bundle| range.contains(&bundle.version)) {
                let message = format!("requires {name} {range}, and {} is asked for", last.version);
                let finding = Finding::error("DEP_CONFLICT", &by.blob, message);
                self.closure
                    .findings
                    .push(finding.hint(format!("ask for a version of {name} in that range")));
            }
            return None;
        }
        let ranges = self.ranges.entry(name.to_owned()).or_default();
        if !ranges.contains(range) {
            ranges.push(range.clone());
        }
        let ranges = ranges.clone();
        let in_all = |version: &_| ranges.iter().all(|range| range.contains(version));
        if let Some(chosen) = self.closure.dependencies.get_mut(name) {
            chosen.reasons.push(requirement.clone());
            let version =
                self.catalog.packages.get(name)?.bundles.get(&chosen.bundle).map(|it| &it.version)?;
            if in_all(version) {
                return None;
            }
        } else if self.installed.iter().any(|(package, start)| *package == name && in_all(&start.version)) {
            return None;
        }
        let choice =
            self.catalog.packages.get(name).and_then(|package| best(package, |it| in_all(&it.version)));
        let Some((channel, bundle)) = choice else {
            let why = self.why_not(name, range);
            self.unsatisfied_text(by, &format!("package {name} {range}"), &why);
            return None;
        };
        let (channel, bundle) = (channel.to_owned(), bundle.clone());
        self.choose(&channel, &bundle, requirement);
        Some(bundle)
    }

    fn require_gvk(&mut self, by: &Bundle, gvk: &Gvk) -> Option<Bundle> {
        if self.holds(&Requirement::Gvk(gvk.clone())) {
            return None;
        }
        let choices = self.providers(gvk);
        let Some((channel, bundle)) =
            choices.first().map(|(channel, bundle)| ((*channel).to_owned(), (*bundle).clone()))
        else {
            self.unsatisfied(by, &Requirement::Gvk(gvk.clone()), "no package of the catalog provides it");
            return None;
        };
        if choices.len() > 1 {
            let names: Vec<&str> = choices.iter().map(|(_, bundle)| bundle.package.as_str()).collect();
            let message = format!(
                "requires API {gvk}, which {} provide; {} is taken",
                names.join(", "),
                bundle.package
            );
            let finding = Finding::warning("DEP_AMBIGUOUS", &by.blob, message)
                .hint("ask for the package that is wanted by name");
            self.closure.findings.push(finding);
        }
        self.choose(&channel, &bundle, format!("`{}` requires API {gvk}", by.name));
        Some(bundle)
    }

    fn choose(&mut self, channel: &str, bundle: &Bundle, reason: String) {
        let chosen = self.closure.dependencies.entry(bundle.package.clone()).or_insert_with(|| Dependency {
            package: bundle.package.clone(),
            bundle: String::new(),
            channel: String::new(),
            reasons: Vec::new(),
        });
        bundle.name.clone_into(&mut chosen.bundle);
        channel.clone_into(&mut chosen.channel);
        if !chosen.reasons.contains(&reason) {
            chosen.reasons.push(reason);
        }
    }

    /// Whether what is asked for, chosen or installed satisfies it already.
    fn holds(&self, requirement: &Requirement) -> bool {
        match requirement {
            Requirement::Package(it) => BlangRange::parse(&it.version_range).is_ok_and(|range| {
                self.present()
                    .any(|bundle| bundle.package == it.package_name && range.contains(&bundle.version))
                    || self
                        .installed
                        .iter()
                        .any(|(package, start)| *package == it.package_name && range.contains(&start.version))
            }),
            Requirement::Gvk(gvk) => {
                // What runs may be gone from the catalog; another version of its package tells what it provides.
                let installed = self.installed.iter().filter_map(|(name, start)| {
                    let package = self.catalog.packages.get(*name)?;
                    package.bundles.get(&start.name).or_else(|| package.bundles.values().next())
                });
                self.present().chain(installed).any(|bundle| bundle.gvks().contains(gvk))
            }
            Requirement::Cel(_) => false,
            Requirement::All(all) => all.iter().all(|it| self.holds(it)),
            Requirement::Any(any) => any.iter().any(|it| self.holds(it)),
            Requirement::Not(not) => !not.iter().any(|it| self.holds(it)),
        }
    }

    /// Whether the catalog could satisfy it.
    fn can_hold(&self, requirement: &Requirement) -> bool {
        self.offer.can_meet(requirement, &|it| self.holds(it))
    }

    fn present(&self) -> impl Iterator<Item = &Bundle> {
        let chosen = self.closure.dependencies.values();
        let chosen = chosen.filter_map(|it| self.catalog.packages.get(&it.package)?.bundles.get(&it.bundle));
        self.targets.iter().copied().chain(chosen)
    }

    fn why_not(&self, name: &str, range: &BlangRange) -> String {
        let Some(package) = self.catalog.packages.get(name) else {
            return "the catalog has no such package".to_owned();
        };
        let in_range = best(package, |bundle| range.contains(&bundle.version));
        match (in_range, best(package, |_| true)) {
            (Some(_), _) => "no version suits all that require it".to_owned(),
            (None, Some((_, bundle))) => format!("the highest version on offer is {}", bundle.version),
            (None, None) => "the catalog offers no version of it".to_owned(),
        }
    }

    fn unsatisfied(&mut self, by: &Bundle, requirement: &Requirement, why: &str) {
        self.unsatisfied_text(by, &requirement.to_string(), why);
    }

    fn unsatisfied_text(&mut self, by: &Bundle, requirement: &str, why: &str) {
        let finding = Finding::error("DEP_UNSATISFIED", &by.blob, format!("requires {requirement}: {why}"))
            .hint("take the required package from another catalog or generation of this one");
        if !self.closure.findings.contains(&finding) {
            self.closure.findings.push(finding);
        }
    }
}

/// The bundle that OLM takes first among those that will do: default channel first, closest to the head first.
pub(super) fn best(package: &Package, suits: impl Fn(&Bundle) -> bool) -> Option<(&str, &Bundle)> {
    let default = package.channels.get_key_value(&package.default_channel);
    let others = package.channels.iter().filter(|(name, _)| **name != package.default_channel);
    default.into_iter().chain(others).find_map(|(name, channel)| {
        let chain = UpgradeGraph::new(channel).chain();
        let bundles = chain.into_iter().filter_map(|entry| package.bundles.get(&entry.name));
        bundles.into_iter().find(|bundle| suits(bundle)).map(|bundle| (name.as_str(), bundle))
    })
}
