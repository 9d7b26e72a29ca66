//! A catalog cut down to what clusters may still ask for: what is below all that is installed goes.
//!
//! OLM never goes down. An entry goes when its version is below every installed one of its package, no chain of upgrades leads
//! to it from anything that is installed, and nobody named it. A package that does not stand up to that is left as it was.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, Package, PathFinder, Start, UpgradeGraph, unmet, validate_package};
use crate::finding::{Finding, has_errors};
use crate::version::Version;

/// What clusters have and follow.
#[derive(Debug, Clone, Default)]
pub struct Demand {
    /// What is installed, by package; the version where it is known.
    pub installed: BTreeMap<String, BTreeMap<String, Option<Version>>>,
    /// CSVs that something names, a Subscription's `startingCSV` or an InstallPlan for instance.
    pub named: BTreeSet<String>,
    /// Channels that Subscriptions follow, by package.
    pub channels: BTreeMap<String, BTreeSet<String>>,
    /// Packages that a Subscription names.
    pub subscribed: BTreeSet<String>,
    /// Whether packages go that nobody has installed or subscribed to.
    pub drop_unused: bool,
}

/// What is taken out of one package.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Removal {
    /// The whole package.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
    /// Channels that are left without an entry.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub channels: BTreeSet<String>,
    /// Bundles, with their entries in every channel.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub bundles: BTreeSet<String>,
}

/// What is taken out of a catalog, by package.
pub type Removals = BTreeMap<String, Removal>;

/// A catalog that was cut down.
#[derive(Debug, Clone)]
pub struct Pruned {
    /// What is left.
    pub catalog: Catalog,
    /// What was taken out.
    pub removed: Removals,
    /// Packages that were left as they were although they could be smaller, and why.
    pub findings: Vec<Finding>,
}

/// Cuts a catalog down to what these clusters may still ask for.
pub fn prune(catalog: &Catalog, demand: &Demand) -> Pruned {
    let mut pruned = Pruned { catalog: catalog.clone(), removed: Removals::new(), findings: Vec::new() };
    for (name, package) in &catalog.packages {
        let Some(removal) = demand.removal(package) else { continue };
        match fitting(catalog, &pruned.catalog, package, &removal, demand) {
            Ok(smaller) => {
                pruned.catalog = smaller;
                pruned.removed.insert(name.clone(), removal);
            }
            Err(why) => {
                let message = format!("it is left as it is: {why}");
                pruned.findings.push(Finding::info("NOT_PRUNED", format!("package {name}"), message));
            }
        }
    }
    pruned
}

/// A catalog without what is said, however that came about.
pub fn without(catalog: &Catalog, removed: &Removals) -> Catalog {
    let mut smaller = catalog.clone();
    for (name, removal) in removed {
        let cut = smaller.packages.remove(name).and_then(|package| cut(&package, removal));
        smaller.packages.extend(cut.map(|package| (name.clone(), package)));
    }
    smaller
}

/// The package without what is taken out of it; nothing where that is all.
fn cut(package: &Package, removal: &Removal) -> Option<Package> {
    if removal.whole {
        return None;
    }
    let mut smaller = package.clone();
    smaller.channels.retain(|name, _| !removal.channels.contains(name));
    for channel in smaller.channels.values_mut() {
        channel.entries.retain(|entry| !removal.bundles.contains(&entry.name));
    }
    smaller.bundles.retain(|name, _| !removal.bundles.contains(name));
    smaller.drop_stale_deprecations();
    Some(smaller)
}

/// The catalog without it, if all that remains still stands as it stood.
fn fitting(
    whole: &Catalog,
    so_far: &Catalog,
    package: &Package,
    removal: &Removal,
    demand: &Demand,
) -> Result<Catalog, String> {
    let smaller = without(so_far, &BTreeMap::from([(package.name.clone(), removal.clone())]));
    if let Some(cut) = smaller.packages.get(&package.name) {
        let broken = |package: &Package| validate_package(package).into_iter().any(|it| has_errors(&[it]));
        if broken(cut) && !broken(package) {
            return Err("without what is below, its channels would not be valid any more".to_owned());
        }
        for start in demand.starts(package) {
            if ways(package, &start) != ways(cut, &start) {
                return Err(format!("OLM would go another way from `{}`", start.name));
            }
        }
    }
    let unmet_in = |catalog: &Catalog| -> BTreeSet<String> {
        let bundles = smaller.packages.values().flat_map(|package| package.bundles.values());
        let unmet = unmet(catalog, bundles).into_iter();
        unmet
            .flat_map(|it| {
                it.missing.into_iter().map(move |missing| format!("{} requires {missing}", it.bundle.name))
            })
            .collect()
    };
    match unmet_in(&smaller).difference(&unmet_in(whole)).next() {
        Some(first) => Err(format!("{first}, which nothing else offers")),
        None => Ok(smaller),
    }
}

/// The hops of every channel from one start.
fn ways(package: &Package, start: &Start) -> BTreeMap<String, Vec<String>> {
    let finder = PathFinder::new(package, &[]);
    let hops = |channel: &String| finder.greedy(channel, start).into_iter().map(|hop| hop.name).collect();
    let ways = package.channels.keys().map(|channel| (channel.clone(), hops(channel)));
    ways.filter(|(_, hops): &(String, Vec<String>)| !hops.is_empty()).collect()
}

impl Demand {
    /// What clusters start from in a package.
    fn starts(&self, package: &Package) -> Vec<Start> {
        let installed = self.installed.get(&package.name).into_iter().flatten();
        let start = |(name, version): (&String, &Option<Version>)| {
            let offered = package.bundles.get(name).map(|bundle| bundle.version.clone());
            Some(Start { name: name.clone(), version: offered.or_else(|| version.clone())? })
        };
        installed.filter_map(start).collect()
    }

    /// What may go of a package; nothing where all of it stays.
    fn removal(&self, package: &Package) -> Option<Removal> {
        let Some(installed) = self.installed.get(&package.name) else {
            let unused = self.drop_unused && !self.subscribed.contains(&package.name);
            return unused.then(|| Removal { whole: true, ..Removal::default() });
        };
        let starts = self.starts(package);
        // Of one whose version nobody knows nothing is certain.
        if starts.len() < installed.len() {
            return None;
        }
        let lowest = starts.iter().map(|start| &start.version).min_by(|a, b| a.precedence(b))?;
        let reached = reached(package, &starts);
        let stays = |name: &String| {
            let below = package.bundles.get(name).is_some_and(|it| it.version.precedence(lowest).is_lt());
            !below || reached.contains(name.as_str()) || self.named.contains(name)
        };
        // A channel that is followed, or that a Subscription without channel gets, keeps what it has if it would be left empty.
        let followed = self.channels.get(&package.name);
        let (mut channels, mut kept) = (BTreeSet::new(), BTreeSet::new());
        for (name, channel) in &package.channels {
            if channel.entries.iter().any(|entry| stays(&entry.name)) {
                continue;
            }
            if *name == package.default_channel || followed.is_some_and(|followed| followed.contains(name)) {
                kept.extend(channel.entries.iter().map(|entry| entry.name.clone()));
            } else {
                channels.insert(name.clone());
            }
        }
        let bundles: BTreeSet<String> =
            package.bundles.keys().filter(|name| !stays(name) && !kept.contains(*name)).cloned().collect();
        (!bundles.is_empty()).then_some(Removal { whole: false, channels, bundles })
    }
}

/// Everything that some chain of upgrades leads to.
fn reached<'p>(package: &'p Package, starts: &'p [Start]) -> BTreeSet<&'p str> {
    let graphs: Vec<UpgradeGraph<'p>> = package.channels.values().map(UpgradeGraph::new).collect();
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let mut open: Vec<(&str, &Version)> =
        starts.iter().map(|start| (start.name.as_str(), &start.version)).collect();
    while let Some((name, version)) = open.pop() {
        for (channel, graph) in package.channels.values().zip(&graphs) {
            for entry in &channel.entries {
                if graph.edge(name, version, entry).is_some() && reached.insert(&entry.name) {
                    open.extend(package.bundles.get(&entry.name).map(|it| (it.name.as_str(), &it.version)));
                }
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A package with `stable`, and with these entries in it: `(version, what it replaces, what it skips)`.
    fn package(default: &str, entries: &[(&str, &str, &str)]) -> Vec<Value> {
        let named = |version: &str| format!("p.v{version}");
        let entry = |(version, replaces, skips): &(&str, &str, &str)| {
            let mut entry = json!({"name": named(version)});
            if !replaces.is_empty() {
                entry["replaces"] = json!(named(replaces));
            }
            if !skips.is_empty() {
                entry["skips"] = json!([named(skips)]);
            }
            entry
        };
        let all: Vec<Value> = entries.iter().map(entry).collect();
        let old = all.first().cloned();
        let channel = |name: &str, entries: Value| json!({"schema": "olm.channel", "package": "p", "name": name, "entries": entries});
        let mut values = vec![
            json!({"schema": "olm.package", "name": "p", "defaultChannel": default}),
            channel("stable", json!(all)),
            channel("old", json!([old])),
        ];
        values.extend(entries.iter().map(|(version, ..)| bundle("p", version, &json!([]))));
        values
    }

    fn bundle(package: &str, version: &str, more: &Value) -> Value {
        let mut properties =
            vec![json!({"type": "olm.package", "value": {"packageName": package, "version": version}})];
        properties.extend(more.as_array().unwrap().iter().cloned());
        json!({"schema": "olm.bundle", "package": package, "name": format!("{package}.v{version}"),
               "image": format!("q.example/{package}:{version}"), "properties": properties})
    }

    /// The bundles that are cut where `p.v1.2.0` is installed, and why a package is left as it is.
    fn told(values: &[Value]) -> (Vec<String>, Vec<String>) {
        let catalog = Catalog::from_values(values).catalog;
        let installed = BTreeMap::from([("p.v1.2.0".to_owned(), None)]);
        let demand = Demand { installed: [("p".to_owned(), installed)].into(), ..Demand::default() };
        let Pruned { removed, findings, .. } = prune(&catalog, &demand);
        let cut = removed.into_values().flat_map(|removal| removal.bundles).collect();
        (cut, findings.into_iter().map(|finding| finding.message).collect())
    }

    #[test]
    fn what_an_upgrade_leads_to_stays_though_its_version_is_lower() {
        let entries = [("1.0.0", "", ""), ("1.2.0", "1.0.0", ""), ("1.1.9", "1.2.0", "")];
        assert_eq!(told(&package("stable", &entries)), (vec!["p.v1.0.0".to_owned()], vec![]));
    }

    #[test]
    fn the_default_channel_is_not_left_empty() {
        let entries = [("1.0.0", "", ""), ("1.1.0", "1.0.0", ""), ("1.2.0", "1.0.0", "1.1.0")];
        assert_eq!(told(&package("old", &entries)), (vec!["p.v1.1.0".to_owned()], vec![]));
        let both = vec!["p.v1.0.0".to_owned(), "p.v1.1.0".to_owned()];
        assert_eq!(told(&package("stable", &entries)), (both, vec![]));
    }

    #[test]
    fn a_package_that_would_not_stand_is_left_as_it_is() {
        // Without the lowest one nothing skips the fourth: the channel would have two heads.
        let entries =
            [("1.0.0", "", "1.5.0"), ("1.2.0", "1.0.0", ""), ("1.6.0", "1.2.0", ""), ("1.5.0", "", "")];
        let why = "it is left as it is: without what is below, its channels would not be valid any more";
        assert_eq!(told(&package("stable", &entries)), (vec![], vec![why.to_owned()]));
        // Something else needs what is below.
        let mut values = package("stable", &[("1.0.0", "", ""), ("1.2.0", "1.0.0", "")]);
        assert_eq!(told(&values), (vec!["p.v1.0.0".to_owned()], vec![]));
        let needs = json!([{"type": "olm.package.required", "value": {"packageName": "p", "versionRange": "<1.1.0"}}]);
        values.extend([
            json!({"schema": "olm.package", "name": "q", "defaultChannel": "stable"}),
            json!({"schema": "olm.channel", "package": "q", "name": "stable", "entries": [{"name": "q.v1.0.0"}]}),
            bundle("q", "1.0.0", &needs),
        ]);
        let (cut, why) = told(&values);
        assert_eq!(cut, [""; 0]);
        assert!(
            why.len() == 1
                && why[0].contains("q.v1.0.0 requires ")
                && why[0].ends_with("which nothing else offers"),
            "{why:?}"
        );
    }
}
