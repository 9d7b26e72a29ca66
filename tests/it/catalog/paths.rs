//! The ways of real packages: the reference's worked examples as far as the data has them.

use ombundle::catalog::{
    HopEdge, NoPath, Package, PathFinder, Start, UpgradePath, dependencies, load, prune,
};
use ombundle::limits::LIMITS;
use ombundle::version::Version;

use super::shared::{Folder, data, package_folders};

/// The package in a folder of the real data; `None` where the data is not there.
fn package(path: &str) -> Option<Package> {
    data()?;
    Folder { path: path.to_owned() }.load().catalog.packages.into_values().next()
}

fn start(package: &Package, version: &str) -> Start {
    package.start_at(&Version::parse(version).unwrap())
}

fn plan(package: &Package, from: &str, channel: &str, to: Option<&str>) -> Result<UpgradePath, Box<NoPath>> {
    PathFinder::new(package, &[]).plan(&start(package, from), Some(channel), to)
}

fn versions(path: &UpgradePath) -> Vec<&str> {
    path.hops.iter().map(|hop| hop.version.as_str()).collect()
}

#[test]
fn web_terminal_has_six_hops() {
    let Some(package) = package("fbc-derived/web-terminal") else { return };
    let path = plan(&package, "1.8.0", "fast", Some("web-terminal.v1.14.0")).unwrap();
    assert_eq!(versions(&path), ["1.9.0", "1.10.0", "1.11.0", "1.12.0", "1.13.0", "1.14.0"]);
    assert!(path.hops.iter().all(|hop| hop.edge == HopEdge::Replaces && hop.channel == "fast"));
    assert_eq!(path.hops[0].from, "web-terminal.v1.8.0");
    assert_eq!((path.cut, path.to.as_str()), (false, "1.14.0"));
    // 1.5.1 is withheld; 1.6.0 takes its place.
    assert_eq!(versions(&plan(&package, "1.5.1", "fast", Some("web-terminal.v1.6.0")).unwrap()), ["1.6.0"]);
    assert!(plan(&package, "1.5.1", "fast", Some("web-terminal.v1.5.0")).is_err());
}

#[test]
fn compliance_operator_jumps_by_range() {
    let Some(package) = package("fbc/redhat/4.18/compliance-operator") else { return };
    let path = plan(&package, "1.4.0", "stable", None).unwrap();
    assert_eq!(path.hops.len(), 1);
    assert_eq!(path.hops[0].edge, HopEdge::SkipRange);
    let path = plan(&package, "0.1.61", "stable", None).unwrap();
    assert_eq!(path.hops.len(), 2);
    assert_eq!(path.hops[0].version, "1.7.0");
}

#[test]
fn advanced_cluster_management_crosses_channels() {
    let Some(package) = package("fbc-derived/advanced-cluster-management") else { return };
    let finder = PathFinder::new(&package, &[]);
    let from = start(&package, "2.11.3");
    let path = finder.plan(&from, Some("release-2.11"), Some("advanced-cluster-management.v2.13.9")).unwrap();
    assert_eq!(versions(&path), ["2.13.9"]);
    assert_eq!((path.hops[0].channel.as_str(), path.hops[0].edge), ("release-2.13", HopEdge::SkipRange));
    let path = finder.plan(&from, Some("release-2.11"), Some("advanced-cluster-management.v2.17.0")).unwrap();
    assert_eq!(path.hops.last().unwrap().version, "2.17.0");
    assert_eq!(path.hops.len(), 3, "{:?}", versions(&path));
    let bundle = &package.bundles["advanced-cluster-management.v2.13.9"];
    assert_eq!(bundle.max_openshift_version().as_deref(), Some("4.19"));
}

#[test]
fn trusted_artifact_signer_has_a_dead_end() {
    let Some(package) = package("fbc/redhat/4.18/rhtas-operator") else { return };
    let finder = PathFinder::new(&package, &[]);
    let from = start(&package, "1.2.2");
    assert_eq!(from.name, "rhtas-operator.v1.2.2");
    let stable: Vec<_> = finder.greedy("stable", &from);
    assert_eq!(stable, []);
    let no_path = finder.plan(&from, Some("stable"), None).unwrap_err();
    let stable = no_path.gaps.iter().find(|gap| gap.channel == "stable").unwrap();
    let (lowest, accepted) = stable.lowest.as_ref().unwrap();
    assert_eq!(lowest, "rhtas-operator.v1.4.1");
    assert!(accepted.contains(&"rhtas-operator.v1.3.0".to_owned()));
    assert_eq!(no_path.finding().code, "NO_PATH");
}

#[test]
fn web_terminal_brings_devworkspace_operator() {
    if data().is_none() {
        return;
    }
    let mut files = Folder { path: "fbc-derived/web-terminal".to_owned() }.files();
    let other = Folder { path: "fbc/upstream/any/devworkspace-operator".to_owned() }.files();
    files.extend(other.into_iter().map(|(path, bytes)| (format!("dwo/{path}"), bytes)));
    let catalog = load(files, &LIMITS).catalog;
    let target = &catalog.packages["web-terminal"].bundles["web-terminal.v1.14.0"];
    let closure = dependencies(&catalog, &[target], &[]);
    assert_eq!(closure.findings, []);
    let devworkspace = &closure.dependencies["devworkspace-operator"];
    // The channel goes on to 0.42.0, but the catalog has no bundle above this one.
    assert_eq!(devworkspace.bundle, "devworkspace-operator.v0.33.0");
    assert!(
        devworkspace
            .reasons
            .contains(&"`web-terminal.v1.14.0` requires devworkspace-operator >=0.6.0".to_owned())
    );
    // Without it nothing provides the package or its APIs.
    let alone = Folder { path: "fbc-derived/web-terminal".to_owned() }.load().catalog;
    let closure =
        dependencies(&alone, &[&alone.packages["web-terminal"].bundles["web-terminal.v1.14.0"]], &[]);
    assert!(closure.findings.iter().all(|finding| finding.code == "DEP_UNSATISFIED"));
    assert!(!closure.findings.is_empty());
}

/// From every entry of every channel: OLM's own way is an upgrade in steps that exist, and the channel cut down to it is served
/// and leads there.
#[test]
fn every_real_way_can_be_cut_out() {
    let mut ways = 0;
    for folder in package_folders() {
        for package in folder.load().catalog.packages.values() {
            let finder = PathFinder::new(package, &[]);
            for channel in package.channels.values() {
                // Some channels have hundreds of entries; every seventh says as much.
                for entry in channel.entries.iter().step_by(7) {
                    let Some(start) = package.start_named(&entry.name) else { continue };
                    let hops = finder.greedy(&channel.name, &start);
                    if hops.is_empty() {
                        continue;
                    }
                    let pruned = prune(package, &start, &hops, &[]);
                    let wrong: Vec<_> =
                        pruned.findings.iter().filter(|it| it.code != "EDGE_WRITTEN").collect();
                    assert!(wrong.is_empty(), "{} {} {}: {wrong:?}", folder.path, channel.name, entry.name);
                    assert_eq!(pruned.package.channels[&channel.name].entries.len(), hops.len());
                    ways += 1;
                }
            }
        }
    }
    assert!(data().is_none() || ways > 200, "{ways}");
}
