//! What clusters have and follow of a catalog, by their dumps.

use crate::catalog::Catalog;
use crate::retain::Demand;
use crate::site::cluster::ClusterDump;
use crate::version::Version;

/// What clusters have installed, follow and have named of what a catalog offers.
pub(super) fn demand(clusters: &[ClusterDump], catalog: &Catalog) -> Demand {
    let mut demand = Demand::default();
    let offering = |name: &str| {
        let mut packages = catalog.packages.values();
        packages.find(|package| package.bundles.contains_key(name)).map(|package| package.name.clone())
    };
    for cluster in clusters {
        let installed = cluster.installed().into_iter().map(|it| (it.name, it.version, it.package));
        // One that is about to be replaced runs still.
        let all = cluster.csvs.values().map(|it| (it.name.clone(), it.version.clone(), it.package.clone()));
        for (name, version, package) in installed.chain(all) {
            let version = version.and_then(|text| Version::parse(&text).ok());
            if let Some(package) = package.or_else(|| offering(&name)) {
                demand.installed.entry(package).or_default().insert(name, version);
            }
        }
        // A dump of some namespaces may show nothing of an operator but the copies that OLM makes of it.
        for (_, name) in &cluster.copied_csvs {
            if let Some(package) = offering(name) {
                demand.installed.entry(package).or_default().entry(name.clone()).or_default();
            }
        }
        for it in cluster.subscriptions.values() {
            let csvs = [&it.starting_csv, &it.installed_csv, &it.current_csv];
            demand.named.extend(csvs.into_iter().flatten().cloned());
            demand.subscribed.insert(it.package.clone());
            demand.channels.entry(it.package.clone()).or_default().extend(it.channel.clone());
        }
        let waiting = cluster.install_plans.values().filter(|it| !it.is_complete());
        demand.named.extend(waiting.flat_map(|it| it.csvs.clone()));
    }
    demand
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn catalog() -> Catalog {
        let bundle = |name: &str, version: &str| {
            let properties =
                json!([{"type": "olm.package", "value": {"packageName": "a", "version": version}}]);
            let image = format!("quay.io/a/a:{version}");
            json!({"schema": "olm.bundle", "package": "a", "name": name, "image": image, "properties": properties})
        };
        Catalog::from_values(&[
            json!({"schema": "olm.package", "name": "a", "defaultChannel": "stable"}),
            json!({"schema": "olm.channel", "package": "a", "name": "stable",
                   "entries": [{"name": "a.v1"}, {"name": "a.v2", "replaces": "a.v1"}]}),
            bundle("a.v1", "1.0.0"),
            bundle("a.v2", "2.0.0"),
        ])
        .catalog
    }

    fn csv(name: &str, metadata: Value, status: Value) -> Value {
        let mut object = json!({"apiVersion": "operators.coreos.com/v1alpha1", "kind": "ClusterServiceVersion",
            "metadata": {"name": name, "namespace": "ns"}, "spec": {"version": "1.0.0"}, "status": status});
        object["metadata"].as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
        object
    }

    fn other(kind: &str, spec: Value, status: Value) -> Value {
        json!({"apiVersion": "operators.coreos.com/v1alpha1", "kind": kind,
               "metadata": {"name": "some", "namespace": "ns"}, "spec": spec, "status": status})
    }

    /// What is installed, as `package: CSV`, and what is named, of a cluster with these objects.
    fn told(objects: &[Value]) -> (Vec<String>, Vec<String>) {
        let list = json!({"kind": "List", "apiVersion": "v1", "items": objects}).to_string();
        let (cluster, _) = ClusterDump::parse(list.as_bytes(), "dump");
        let Demand { installed, named, .. } = demand(&[ClusterDump::default(), cluster], &catalog());
        let installed = installed.into_iter().flat_map(|(package, csvs)| {
            csvs.into_keys().map(move |name| format!("{package}: {name}")).collect::<Vec<_>>()
        });
        (installed.collect(), named.into_iter().collect())
    }

    #[test]
    fn every_object_that_shows_what_is_installed_counts() {
        let label = json!({"labels": {"operators.coreos.com/b.ns": ""}});
        let copy = json!({"labels": {"olm.copiedFrom": "elsewhere"}});
        let (plain, done) = (json!({}), json!({"phase": "Succeeded"}));
        let follows = other("Subscription", json!({"name": "c"}), json!({"installedCSV": "c.v1"}));
        for (objects, expected) in [
            // By its own label, by what a Subscription says of it, by the catalog that offers it.
            (vec![csv("b.v1", label.clone(), done.clone())], vec!["b: b.v1"]),
            (vec![csv("c.v1", plain.clone(), done.clone()), follows], vec!["c: c.v1"]),
            (vec![csv("a.v1", plain.clone(), done.clone())], vec!["a: a.v1"]),
            (vec![csv("d.v1", plain.clone(), done)], vec![]),
            // It runs until the next one does.
            (vec![csv("b.v1", label, json!({"phase": "Replacing"}))], vec!["b: b.v1"]),
            (vec![csv("a.v2", copy.clone(), plain.clone())], vec!["a: a.v2"]),
            (vec![csv("d.v1", copy, plain)], vec![]),
        ] {
            assert_eq!(told(&objects).0, expected, "{objects:?}");
        }
    }

    #[test]
    fn whatever_a_subscription_or_a_waiting_install_plan_names_counts() {
        let subscription = other(
            "Subscription",
            json!({"name": "a", "channel": "stable", "startingCSV": "a.v0"}),
            json!({"installedCSV": "a.v1", "currentCSV": "a.v2"}),
        );
        assert_eq!(told(std::slice::from_ref(&subscription)).1, ["a.v0", "a.v1", "a.v2"]);
        let (cluster, _) = ClusterDump::parse(subscription.to_string().as_bytes(), "dump");
        let follows = demand(&[cluster], &catalog());
        assert_eq!(follows.subscribed, ["a".to_owned()].into());
        assert_eq!(follows.channels, [("a".to_owned(), ["stable".to_owned()].into())].into());
        let plan = |phase: &str| {
            let spec = json!({"clusterServiceVersionNames": ["a.v2", "b.v3"], "approval": "Manual"});
            told(&[other("InstallPlan", spec, json!({"phase": phase}))]).1
        };
        assert_eq!(plan("RequiresApproval"), ["a.v2", "b.v3"]);
        assert_eq!(plan("Complete"), [""; 0]);
    }
}
