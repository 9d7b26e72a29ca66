//! What an ImageSetConfiguration asks for.

use std::fmt;

use regex::Regex;

use crate::catalog::{PackageFilter, Take};
use crate::digest::Digest;
use crate::oci::Platform;
use crate::reference::{ImageRef, Repository, Tag};
use crate::release::{Architecture, ChannelRequest as ReleaseRange};
use crate::version::MastermindsRange;

/// All that one ImageSetConfiguration asks for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Digest of the file's bytes.
    pub digest: Digest,
    /// The file, as findings name it.
    pub file: String,
    /// OpenShift releases.
    pub platform: Option<PlatformRequest>,
    /// Operators, catalog by catalog, in the order of the file.
    pub operators: Vec<OperatorsRequest>,
    /// Further images.
    pub additional: Vec<AdditionalImage>,
    /// Images that must not travel.
    pub blocked: Vec<BlockedImages>,
    /// `archiveSize` in bytes: the most that one volume may have.
    pub archive_size: Option<u64>,
}

/// OpenShift releases: `mirror.platform`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformRequest {
    /// The line in the file.
    pub line: u64,
    /// `channels`, each once.
    pub channels: Vec<ReleaseRange>,
    /// `release`: one release by its image, with tag or digest.
    pub release: Option<ImageRef>,
    /// `graph`: whether an update service at the site is fed.
    pub graph: bool,
    /// `architectures`, each once; `multi` where `platforms` are named. What the site's nodes are when empty.
    pub architectures: Vec<Architecture>,
    /// `platforms`: what is taken of the release for several architectures; all of it when empty.
    pub platforms: Vec<Platform>,
    /// `kubeVirtContainer`: whether disks of virtual nodes travel.
    pub kubevirt: bool,
}

/// Operators of one catalog.
#[derive(Debug, Clone)]
pub struct OperatorsRequest {
    /// The line in the file.
    pub line: u64,
    /// The catalog.
    pub catalog: CatalogRef,
    /// `targetCatalog`: where oc-mirror would put the catalog.
    pub target_catalog: Option<Repository>,
    /// `targetTag`: the tag that oc-mirror would give it.
    pub target_tag: Option<Tag>,
    /// Whole channels instead of their heads.
    pub full: bool,
    /// Whether required packages are left out.
    pub skip_dependencies: bool,
    /// Platforms of its images; the plan's own when empty.
    pub platforms: Vec<Platform>,
    /// The packages; every package of the catalog when empty.
    pub packages: Vec<PackageRequest>,
}

/// A catalog as written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CatalogRef {
    /// An image on a registry.
    Image(ImageRef),
    /// `oci://…`: an OCI layout in a folder.
    Layout(String),
}

impl fmt::Display for CatalogRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(image) => image.fmt(f),
            Self::Layout(path) => write!(f, "oci://{path}"),
        }
    }
}

/// One package.
#[derive(Debug, Clone)]
pub struct PackageRequest {
    /// The line in the file.
    pub line: u64,
    /// Its name.
    pub name: String,
    /// Default channel of the delivered package, when it shall be another.
    pub default_channel: Option<String>,
    /// What is taken of every kept channel that does not say otherwise.
    pub selection: Selection,
    /// The channels to keep, each once; all of them when empty.
    pub channels: Vec<ChannelRequest>,
}

/// One channel of a package.
#[derive(Debug, Clone)]
pub struct ChannelRequest {
    /// The line in the file, of its first item.
    pub line: u64,
    /// Its name.
    pub name: String,
    /// What is taken of it: the union of one selection per item with this name.
    pub selections: Vec<Selection>,
}

/// What is taken of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Its head, or all of it where the operators item says `full`.
    Head,
    /// The versions between two bounds, both included; at least one bound is there.
    Range(MastermindsRange),
    /// A bundle and everything above it (`minBundle` of v1alpha2).
    FromBundle(String),
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("the head"),
            Self::FromBundle(bundle) => write!(f, "{bundle} and above"),
            Self::Range(range) => match (range.min(), range.max()) {
                (Some(min), Some(max)) if min == max => min.fmt(f),
                (Some(min), Some(max)) => write!(f, "{min} to {max}"),
                (Some(min), None) => write!(f, "{min} and above"),
                (None, Some(max)) => write!(f, "{max} and below"),
                (None, None) => f.write_str("all versions"),
            },
        }
    }
}

/// One image of `additionalImages`.
#[derive(Debug, Clone)]
pub struct AdditionalImage {
    /// The line in the file.
    pub line: u64,
    /// The image, with tag or digest.
    pub image: ImageRef,
    /// `targetRepo`: the repository in the site's registries, instead of what the site file maps it to.
    pub target_repository: Option<Repository>,
    /// `targetTag`: the tag in the site's registries.
    pub target_tag: Option<Tag>,
    /// Platforms to take of it; the plan's own when empty.
    pub platforms: Vec<Platform>,
}

/// One entry of `blockedImages`: a regular expression that may match anywhere in the image as written.
#[derive(Debug, Clone)]
pub struct BlockedImages {
    /// The line in the file.
    pub line: u64,
    /// The expression.
    pub pattern: Regex,
}

impl Selection {
    /// The range, where it is one.
    pub fn range(&self) -> Option<&MastermindsRange> {
        match self {
            Self::Range(range) => Some(range),
            Self::Head | Self::FromBundle(_) => None,
        }
    }

    /// The same in the words of the catalog's filter; with `full` whole channels.
    pub fn take(&self, full: bool) -> Take {
        match self {
            _ if full => Take::All,
            Self::Head => Take::Head,
            Self::Range(range) => Take::Range(range.clone()),
            Self::FromBundle(bundle) => Take::FromBundle(bundle.clone()),
        }
    }
}

impl PackageRequest {
    /// What oc-mirror's filter is asked to keep of the package.
    pub fn filter(&self, full: bool) -> PackageFilter {
        let takes = |channel: &ChannelRequest| {
            // The package's range is that of each channel that has none.
            let own = channel.selections.iter().filter(|selection| **selection != Selection::Head);
            own.map(|selection| selection.take(full)).collect()
        };
        PackageFilter {
            name: self.name.clone(),
            default_channel: self.default_channel.clone(),
            take: self.selection.take(full),
            channels: self.channels.iter().map(|channel| (channel.name.clone(), takes(channel))).collect(),
        }
    }
}

impl Request {
    /// One that asks for nothing, for those who ask on the command line.
    pub fn nothing() -> Self {
        Self {
            digest: Digest::of(b""),
            file: "the command line".to_owned(),
            platform: None,
            operators: Vec::new(),
            additional: Vec::new(),
            blocked: Vec::new(),
            archive_size: None,
        }
    }

    /// The first entry of `blockedImages` that blocks this image.
    pub fn blocks(&self, image: &str) -> Option<&BlockedImages> {
        self.blocked.iter().find(|blocked| blocked.pattern.is_match(image))
    }
}
