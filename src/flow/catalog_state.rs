//! A catalog as reports and receipts tell of it.

use std::collections::BTreeMap;

use crate::catalog::{Catalog, Channel, Package, UpgradeGraph};
use crate::digest::Digest;
use crate::promote::CatalogTag;
use crate::site::{CatalogMirror, CatalogState, ChannelState, PackageState};

/// A catalog with more entries than this is told by its heads alone: a whole one of a vendor has tens of thousands.
const NAMED_ENTRIES: usize = 500;

/// What production serves under this tag, and where that leads.
pub(in crate::flow) fn catalog_state(
    mirror: &CatalogMirror,
    tag: &CatalogTag,
    digest: Digest,
    catalog: &Catalog,
) -> CatalogState {
    CatalogState {
        source: mirror.source.clone(),
        mirror: tag.reference(),
        digest,
        repository: tag.repository.clone(),
        packages: packages(catalog),
    }
}

fn packages(catalog: &Catalog) -> BTreeMap<String, PackageState> {
    let channels = || catalog.packages.values().flat_map(|package| package.channels.values());
    let named = channels().map(|channel| channel.entries.len()).sum::<usize>() <= NAMED_ENTRIES;
    let channel = |channel: &Channel| ChannelState {
        head: UpgradeGraph::new(channel).head().map(str::to_owned),
        entries: channel.entries.len(),
        names: channel.entries.iter().filter(|_| named).map(|entry| entry.name.clone()).collect(),
    };
    let package = |(name, package): (&String, &Package)| {
        let channels = package.channels.iter().map(|(name, found)| (name.clone(), channel(found)));
        let default_channel = package.default_channel.clone();
        (name.clone(), PackageState { default_channel, channels: channels.collect() })
    };
    catalog.packages.iter().map(package).collect()
}
