//! What stands outside: a vendor's registry with a catalog and the images that it names.

mod belongings;
mod bundle;
mod cast;
mod catalog;
mod publish;

pub use belongings::Belongings;
pub(crate) use bundle::{BundleSource, bundle_image};
pub(crate) use catalog::catalog_image;

use crate::demo::{DemoError, Image};
use crate::digest::Digest;
use crate::reference::{ImageRef, RegistryHost, RepositoryRef, Tag};

/// How large the images are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageSize {
    /// Bytes of the base layer that all operator images share.
    pub base: usize,
    /// Bytes of an image's own layer.
    pub own: usize,
}

impl ImageSize {
    /// A few kilobytes each: quick.
    pub const SMALL: Self = Self { base: 8 << 10, own: 2 << 10 };
    /// Some 20 MB for a whole upgrade: enough to see it move.
    pub const DEMO: Self = Self { base: 4 << 20, own: 1 << 20 };
}

/// Which state of upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Generation {
    /// web-terminal 1.7.0 to 1.9.0, devworkspace-operator 0.20.0 and 0.21.0.
    First,
    /// Some months later: web-terminal 1.10.0 and 1.11.0, devworkspace-operator 0.21.0 and 0.22.0. The oldest web-terminal
    /// entry has lost its `replaces`, as it has in the v4.20 index of Red Hat; its own CSV still has it.
    Second,
}

/// A manifest where upstream publishes it.
#[derive(Debug, Clone)]
pub struct Published {
    /// Under which original name.
    pub repository: RepositoryRef,
    /// With which tags; without any it is there by digest only.
    pub tags: Vec<Tag>,
    /// What.
    pub image: Image,
}

/// All that upstream publishes, or that a site's production holds.
#[derive(Debug, Clone)]
pub struct World {
    catalog: ImageRef,
    published: Vec<Published>,
}

impl World {
    /// The name under which upstream publishes its catalog.
    pub const CATALOG: &'static str = "registry.redhat.io/redhat/redhat-operator-index:v4.20";
    /// An image that is wanted besides operators.
    pub const ADDITIONAL: &'static str = "registry.redhat.io/rhel9/support-tools:latest";

    /// Upstream at one time.
    pub fn generation(generation: Generation, size: ImageSize) -> Result<Self, DemoError> {
        cast::upstream(generation, size)
    }

    /// What production serves before the first archive arrives: the operators that run, and one that nobody asks for and
    /// that must stay. To be pushed under [`Belongings::PREFIX`].
    pub fn incumbent(size: ImageSize) -> Result<Self, DemoError> {
        cast::incumbent(size)
    }

    /// A world of these images, with the catalog among them.
    pub(crate) fn new(catalog: ImageRef, published: Vec<Published>) -> Self {
        Self { catalog, published }
    }

    /// The catalog's original name, with its tag.
    pub fn catalog(&self) -> &ImageRef {
        &self.catalog
    }

    /// Everything that is published.
    pub fn published(&self) -> &[Published] {
        &self.published
    }

    /// What a tag points to: `registry.redhat.io/rhel9/support-tools`, `latest`.
    pub fn resolve(&self, image: &ImageRef) -> Option<Digest> {
        let here = self.published.iter().filter(|published| published.repository == image.repository);
        match (image.digest, &image.tag) {
            (Some(digest), _) => Some(digest),
            (None, Some(tag)) => here.rev().find(|one| one.tags.contains(tag)).map(|one| one.image.digest()),
            (None, None) => None,
        }
    }

    /// Bytes of all blobs and manifests, each once.
    pub fn bytes(&self) -> u64 {
        fn add(image: &Image, seen: &mut std::collections::BTreeMap<Digest, u64>) {
            seen.insert(image.digest(), image.manifest.size());
            seen.extend(image.blobs.iter().map(|blob| (blob.digest, blob.bytes.len() as u64)));
            image.children.iter().for_each(|child| add(child, seen));
        }
        let mut seen = std::collections::BTreeMap::new();
        self.published.iter().for_each(|one| add(&one.image, &mut seen));
        seen.values().sum()
    }

    /// A `registries.conf` by which the registry at `host` plays every registry that this world is published on.
    pub fn registries_conf(&self, host: &RegistryHost) -> String {
        let originals: std::collections::BTreeSet<_> =
            self.published.iter().map(|one| one.repository.host.clone()).collect();
        let entry = |original| {
            format!("[[registry]]\nprefix = \"{original}\"\nlocation = \"{host}\"\ninsecure = true\n")
        };
        originals.into_iter().map(entry).collect::<Vec<_>>().join("\n")
    }
}
