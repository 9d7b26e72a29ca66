//! What the dumps must tell of each cluster before anything is let go.

use std::collections::{BTreeMap, BTreeSet};

use crate::site::cluster::ClusterDump;
use crate::text::counted;

/// Kinds without which a dump says too little: each alternative is enough. Every OpenShift cluster has some of each.
const KINDS: [&[&str]; 10] = [
    &["ClusterServiceVersion"],
    &["Subscription"],
    &["Pod"],
    &["Deployment"],
    &["DaemonSet"],
    &["StatefulSet"],
    &["CronJob"],
    &["ImageStream"],
    &["CatalogSource", "ClusterCatalog"],
    &["ClusterVersion"],
];

/// What says to which registry a cluster goes. One that pulls from a mirror has at least one of these.
const MIRRORS: &[&str] = &["ImageDigestMirrorSet", "ImageTagMirrorSet", "ImageContentSourcePolicy"];

/// What is lacking before so many sites' clusters are known; `mirrors` where it counts what points to a registry too.
///
/// A dump is of the cluster that its ClusterVersion names; one without belongs to the only cluster of the others.
pub(super) fn lacking(clusters: &[ClusterDump], sites: usize, mirrors: bool) -> Option<String> {
    let ids: BTreeSet<&str> = clusters.iter().flat_map(|dump| &dump.ids).map(String::as_str).collect();
    if clusters.iter().any(|dump| dump.ids.len() > 1) {
        return Some("one dump is of several clusters".to_owned());
    }
    if ids.len() > 1 && clusters.iter().any(|dump| dump.ids.is_empty()) {
        return Some(format!("one dump has no ClusterVersion and may be of any of {} clusters", ids.len()));
    }
    let mut told: BTreeMap<Option<&str>, BTreeSet<&str>> = BTreeMap::new();
    for dump in clusters {
        let id = dump.ids.first().map(String::as_str).or_else(|| ids.first().copied());
        told.entry(id).or_default().extend(dump.kinds.iter().map(String::as_str));
    }
    let wanted = || KINDS.into_iter().chain(mirrors.then_some(MIRRORS));
    for (id, kinds) in &told {
        let lacks = wanted().filter(|any| !any.iter().any(|kind| kinds.contains(kind)));
        let missing: Vec<&str> = lacks.filter_map(|any| any.first().copied()).collect();
        if !missing.is_empty() {
            let of = id.filter(|_| told.len() > 1).map(|id| format!(" of cluster {id}")).unwrap_or_default();
            return Some(format!("the dumps{of} have no {}", missing.join(", no ")));
        }
    }
    (told.len() < sites).then(|| {
        format!(
            "the dumps are of {}, and {sites} sites pull from here",
            counted(told.len() as u64, "cluster")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dump of these clusters with all kinds but these.
    fn dump(ids: &[&str], without: &[&str]) -> ClusterDump {
        let all = KINDS.into_iter().chain([MIRRORS]).flatten();
        let kinds = all.filter(|kind| !without.contains(kind)).map(|kind| (*kind).to_owned()).collect();
        ClusterDump { ids: ids.iter().map(|id| (*id).to_owned()).collect(), kinds, ..ClusterDump::default() }
    }

    #[test]
    fn every_cluster_is_told_whole() {
        let (a, b) = (dump(&["a"], &[]), dump(&["b"], &[]));
        let no_pods = |id: &str| dump(&[id], &["Pod", "CronJob"]);
        let (nobody, mixed) = (dump(&[], &["ClusterVersion"]), dump(&["a", "b"], &[]));
        let unmirrored = dump(&["a"], MIRRORS);
        let older = dump(&["a"], &["ImageDigestMirrorSet", "ImageTagMirrorSet"]);
        for (clusters, sites, mirrors, expected) in [
            (vec![&a], 1, true, None),
            (vec![&a, &b], 2, true, None),
            (vec![&a, &b], 1, true, None),
            // Two files of one cluster are one cluster.
            (vec![&a, &a], 2, true, Some("the dumps are of 1 cluster, and 2 sites pull from here")),
            (vec![&no_pods("a")], 1, false, Some("the dumps have no Pod, no CronJob")),
            // What one cluster shows says nothing of the other.
            (vec![&a, &no_pods("b")], 1, false, Some("the dumps of cluster b have no Pod, no CronJob")),
            (vec![&no_pods("a"), &nobody], 1, false, None),
            (
                vec![&a, &b, &nobody],
                2,
                false,
                Some("one dump has no ClusterVersion and may be of any of 2 clusters"),
            ),
            (vec![&mixed], 1, false, Some("one dump is of several clusters")),
            (vec![&unmirrored], 1, false, None),
            (vec![&unmirrored], 1, true, Some("the dumps have no ImageDigestMirrorSet")),
            (vec![&older], 1, true, None),
        ] {
            let clusters: Vec<ClusterDump> = clusters.into_iter().cloned().collect();
            assert_eq!(lacking(&clusters, sites, mirrors).as_deref(), expected);
        }
    }
}
