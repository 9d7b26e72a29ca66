//! A minimum and a maximum for a channel, proven by cutting it: what must be kept is kept, and the head is the one that was meant.

use std::collections::BTreeSet;

use super::lanes::Lanes;
use crate::catalog::{Catalog, Channel, PackageFilter, Take, UpgradeGraph, filter};
use crate::finding::{Finding, Severity};
use crate::version::{MastermindsRange, Version};

/// The bounds of a channel and what they take.
#[derive(Debug)]
pub(super) struct Bounds {
    pub(super) min: Option<Version>,
    pub(super) max: Option<Version>,
    /// How many versions of the channel are taken.
    pub(super) taken: usize,
    /// The minimum had to be lowered to `-0`, which lets pre-releases in.
    pub(super) opened: bool,
    /// What these bounds do besides.
    pub(super) findings: Vec<Finding>,
}

/// Bounds for the entries `must` of a channel, up to `top`, or to the head where there is none. `must` is not empty.
pub(super) fn bounds(
    catalog: &Catalog,
    lanes: &Lanes<'_>,
    channel: &str,
    must: &BTreeSet<&str>,
    top: Option<&str>,
) -> Option<Bounds> {
    let max = top.and_then(|top| lanes.version(top)).cloned();
    let on_chain = lanes.lowest(channel, must).and_then(|name| lanes.version(name));
    let by_version = must.iter().filter_map(|name| lanes.version(name)).min();
    let below = by_version.and_then(pre_releases_too);
    let head = top.or_else(|| Some(&lanes.head(channel)?.name));
    let mut fallback = None;
    for min in on_chain.into_iter().chain(by_version).chain(below.as_ref()) {
        let (kept, findings) =
            cut(catalog, lanes, channel, &MastermindsRange::between(Some(min), max.as_ref()));
        let names: BTreeSet<&str> =
            kept.iter().flat_map(|it| &it.entries).map(|entry| entry.name.as_str()).collect();
        let reaches = kept.as_ref().is_some_and(|kept| UpgradeGraph::new(kept).head() == head);
        let bounds = Bounds {
            min: Some(min.clone()),
            max: max.clone(),
            taken: names.len(),
            opened: below.as_ref() == Some(min),
            findings,
        };
        if reaches && must.is_subset(&names) {
            return Some(bounds);
        }
        fallback.get_or_insert(bounds);
    }
    let mut bounds = fallback?;
    if bounds.findings.is_empty() {
        let message = "no minimum and maximum take exactly what was asked for; these come nearest";
        let subject = format!("package {}, channel {channel}", lanes.package.name);
        bounds.findings.push(Finding::warning("BOUNDS_INEXACT", subject, message));
    }
    Some(bounds)
}

/// What oc-mirror's filter leaves of a channel, and what is worth telling about that.
fn cut(
    catalog: &Catalog,
    lanes: &Lanes<'_>,
    channel: &str,
    range: &MastermindsRange,
) -> (Option<Channel>, Vec<Finding>) {
    let package = &lanes.package.name;
    let wanted = PackageFilter {
        name: package.clone(),
        default_channel: Some(channel.to_owned()),
        take: Take::Head,
        channels: vec![(channel.to_owned(), vec![Take::Range(range.clone())])],
    };
    let mut filtered = filter(catalog, &[wanted]);
    let kept =
        filtered.catalog.packages.remove(package).and_then(|mut package| package.channels.remove(channel));
    filtered.findings.retain(|finding| finding.severity > Severity::Info);
    (kept, filtered.findings)
}

/// The lowest pre-release of a version that is none: as a bound it lets in pre-releases above it, which a plain version keeps out.
fn pre_releases_too(version: &Version) -> Option<Version> {
    let (major, minor, patch) = (version.major(), version.minor(), version.patch());
    version.pre().is_empty().then(|| Version::parse(&format!("{major}.{minor}.{patch}-0")).ok()).flatten()
}
