//! What is known when resources are written: what production serves now, and what the cluster said of itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::evidence::Evidence;
use crate::emit::mirrors::NodeEffect;
use crate::emit::releases::Releases;
use crate::finding::Finding;
use crate::plan::PlannedPackage;
use crate::reference::{ImageRef, PinnedRef, RegistryHost, RepositoryRef};
use crate::site::cluster::{ClusterDump, ClusterSubscription};
use crate::site::{CatalogSourceSpec, Receipt, Site};

/// All that goes into the emitted files. The same input gives the same bytes.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The site.
    pub site: &'a Site,
    /// The catalogs that production serves now.
    pub catalogs: &'a [EmittedCatalog],
    /// Every source repository that production holds, and where. Only those that no rule of the site file covers
    /// need an entry of their own in the mirror set.
    pub mirrors: &'a BTreeMap<RepositoryRef, RepositoryRef>,
    /// Images that something asks for by tag, by their original names; they alone need an ImageTagMirrorSet.
    pub tag_images: &'a BTreeSet<ImageRef>,
    /// OpenShift releases that production holds.
    pub releases: Releases<'a>,
    /// What the cluster said of itself, if anybody asked it.
    pub cluster: Option<&'a ClusterDump>,
    /// The registry that was production until now, where another one takes over: nodes look there too until they are told not to.
    pub former: Option<&'a RegistryHost>,
    /// From where to where catalogs went back, if they did; nothing after an import.
    pub back: Option<WayBack<'a>>,
    /// What the import did.
    pub receipt: &'a Receipt,
    /// What a person should know before the cluster is switched, from merging and checking.
    pub findings: &'a [Finding],
}

/// Catalogs that went back to what they were.
#[derive(Debug, Clone, Copy)]
pub struct WayBack<'a> {
    /// The generation in force, which stays the last.
    pub from: u64,
    /// The one that catalogs are as after.
    pub to: u64,
    /// The last one between the two, if there is any: what an import of `from` builds on.
    pub between: Option<u64>,
    /// Subscriptions that name a channel which the former catalogs do not have.
    pub channels: &'a [LeftChannel<'a>],
}

/// A Subscription that must leave its channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftChannel<'a> {
    /// It, as it was dumped.
    pub subscription: &'a ClusterSubscription,
    /// The channel to name instead.
    pub channel: String,
}

/// One catalog that production serves now.
#[derive(Debug, Clone)]
pub struct EmittedCatalog {
    /// Name of its CatalogSource and ClusterCatalog, as in the site file.
    pub name: String,
    /// The upstream catalog.
    pub source: ImageRef,
    /// Name of the catalog beside it, of which a package may come or to which one may go; nothing where there is none.
    pub beside: Option<String>,
    /// What the site wants its CatalogSource to say.
    pub spec: CatalogSourceSpec,
    /// What production serves, by digest.
    pub image: PinnedRef,
    /// What it served before, by digest; nothing the first time.
    pub previous: Option<PinnedRef>,
    /// The packages that this archive delivered into it, in the order of the plan.
    pub packages: Vec<PlannedPackage>,
    /// What the CSVs of the delivered bundles say.
    pub evidence: Vec<Evidence>,
    /// The whole merged catalog as text: by package, the bytes of its file.
    pub texts: BTreeMap<String, Vec<u8>>,
}

impl EmittedCatalog {
    /// Whether it offers nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

/// What was written, and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub struct Emitted {
    /// File contents by path below the output folder, with `/`.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What applying them does to the nodes.
    pub nodes: NodeEffect,
    /// What a person must decide or should know. With an error among them an object is missing from the files.
    pub findings: Vec<Finding>,
}
