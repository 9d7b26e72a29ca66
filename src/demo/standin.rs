//! Stand-ins for the images of real catalogs, which cannot be fetched: built here, with the catalog's references rewritten.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Bundle, Catalog, Entry, load};
use crate::demo::world::{BundleSource, bundle_image, catalog_image};
use crate::demo::{DemoError, File, Flavour, Image, ImageSize, Layer, Published, Recipe, World};
use crate::finding::Severity;
use crate::limits::LIMITS;
use crate::oci::Platform;
use crate::reference::{ImageRef, PinnedRef};

/// A real catalog whose images are stand-ins.
///
/// Every reference in the text, by tag or by digest, became the digest of an image that was built for it, under the same
/// repository name; nothing else in the text is changed. Bundle images hold a CSV with what the catalog says of the bundle.
#[derive(Debug, Clone)]
pub struct StandIns {
    files: Vec<(String, Vec<u8>)>,
    published: Vec<Published>,
    replaced: BTreeMap<String, PinnedRef>,
}

impl StandIns {
    /// Reads a catalog's files and builds what it names.
    pub fn of(files: &[(String, Vec<u8>)], size: ImageSize) -> Result<Self, DemoError> {
        Self::with_declared(files, files, size)
    }

    /// The same, where the CSVs have the upgrade edges of another state of the catalog: a published catalog may have lost
    /// edges that the bundles still declare.
    pub fn with_declared(
        files: &[(String, Vec<u8>)],
        declared: &[(String, Vec<u8>)],
        size: ImageSize,
    ) -> Result<Self, DemoError> {
        let catalog = read(files)?;
        let declared = read(declared)?;
        let bundles: Vec<&Bundle> =
            catalog.packages.values().flat_map(|package| package.bundles.values()).collect();
        let own: BTreeSet<&str> = bundles.iter().map(|bundle| bundle.image.as_str()).collect();
        let mut standing = Self { files: Vec::new(), published: Vec::new(), replaced: BTreeMap::new() };
        let related = bundles.iter().flat_map(|bundle| &bundle.related_images);
        let others: BTreeSet<&str> =
            related.map(|related| related.image.as_str()).filter(|image| !own.contains(image)).collect();
        for written in others.into_iter().filter(|written| !written.is_empty()) {
            let image = operator_image(written, size)?;
            standing.stand_in(written, image)?;
        }
        for bundle in bundles.iter().filter(|bundle| !bundle.image.is_empty()) {
            if !standing.replaced.contains_key(&bundle.image) {
                let source = bundle_source(bundle, &catalog, &declared, &standing.replaced, &own);
                standing.stand_in(&bundle.image, bundle_image(&source)?)?;
            }
        }
        standing.files = files.iter().map(|(path, text)| (path.clone(), standing.rewrite(text))).collect();
        Ok(standing)
    }

    /// The rewritten files.
    pub fn files(&self) -> &[(String, Vec<u8>)] {
        &self.files
    }

    /// What each reference became.
    pub fn replaced(&self) -> &BTreeMap<String, PinnedRef> {
        &self.replaced
    }

    /// A world of this: the images, and the catalog under a name of its own.
    pub fn published_as(self, catalog: &ImageRef, size: ImageSize) -> Result<World, DemoError> {
        World::of_stand_ins([self], catalog, size)
    }

    fn stand_in(&mut self, written: &str, image: Image) -> Result<(), DemoError> {
        let reference: ImageRef = written.parse()?;
        let pinned = reference.repository.pin(image.digest());
        self.replaced.insert(written.to_owned(), pinned);
        let tags = reference.tag.into_iter().collect();
        self.published.push(Published { repository: reference.repository, tags, image });
        Ok(())
    }

    /// Replaces every reference, wherever it stands as a whole.
    fn rewrite(&self, text: &[u8]) -> Vec<u8> {
        let mut text = String::from_utf8_lossy(text).into_owned();
        let part = |c: char| c.is_ascii_alphanumeric() || "._-:@/".contains(c);
        for (written, pinned) in &self.replaced {
            let mut out = String::with_capacity(text.len());
            let mut rest = text.as_str();
            while let Some(at) = rest.find(written.as_str()) {
                let (before, from) = rest.split_at(at);
                let after = &from[written.len()..];
                out.push_str(before);
                let stands_alone = !before.ends_with(part) && !after.starts_with(part);
                out.push_str(&if stands_alone { pinned.to_string() } else { written.clone() });
                rest = after;
            }
            out.push_str(rest);
            text = out;
        }
        text.into_bytes()
    }
}

impl World {
    /// A world of several catalogs' stand-ins in one catalog image.
    pub fn of_stand_ins(
        parts: impl IntoIterator<Item = StandIns>,
        catalog: &ImageRef,
        size: ImageSize,
    ) -> Result<Self, DemoError> {
        let (mut files, mut published) = (Vec::new(), Vec::new());
        for part in parts {
            files.extend(part.files);
            published.extend(part.published);
        }
        let image = catalog_image(&files, size.base)?;
        let tags = catalog.tag.clone().into_iter().collect();
        published.push(Published { repository: catalog.repository.clone(), tags, image });
        Ok(Self::new(catalog.clone(), published))
    }
}

fn read(files: &[(String, Vec<u8>)]) -> Result<Catalog, DemoError> {
    let loaded = load(files.iter().cloned(), &LIMITS);
    match loaded.findings.into_iter().find(|finding| finding.severity == Severity::Error) {
        Some(first) => Err(DemoError::Catalog { first: format!("{}: {}", first.subject, first.message) }),
        None => Ok(loaded.catalog),
    }
}

/// An image of its own for each reference. Some are indexes and some in Docker's dialect, as in real catalogs.
fn operator_image(written: &str, size: ImageSize) -> Result<Image, DemoError> {
    let recipe = |platform: Platform| {
        let seed = format!("{written} {platform}");
        let files =
            [File::noise("usr/local/bin/manager", &seed, size.own), File::new("stands-in-for", written)];
        let mut recipe = Recipe::of(vec![Layer::of(&files)?]).labels([("stands-in-for", written)]);
        recipe.platform = platform;
        Ok::<_, DemoError>(recipe)
    };
    let mut plain = recipe(Platform::linux_amd64())?;
    match crate::digest::Digest::of(written.as_bytes()).bytes()[0] % 8 {
        0 => {
            let (amd, arm) = (Platform::linux_amd64(), Platform::linux_arm64());
            let children = vec![(amd, Image::build(&plain)?), (arm.clone(), Image::build(&recipe(arm)?)?)];
            Image::index(children)
        }
        1 => {
            plain.flavour = Flavour::Docker;
            Image::build(&plain)
        }
        _ => Image::build(&plain),
    }
}

fn bundle_source(
    bundle: &Bundle,
    catalog: &Catalog,
    declared: &Catalog,
    replaced: &BTreeMap<String, PinnedRef>,
    own: &BTreeSet<&str>,
) -> BundleSource {
    let package = catalog.packages.get(&bundle.package);
    let default_channel = package.map(|package| package.default_channel.clone()).unwrap_or_default();
    let channels = package.into_iter().flat_map(|package| package.channels.values());
    let channels =
        channels.filter(|channel| channel.entry(&bundle.name).is_some()).map(|channel| channel.name.clone());
    let entry = declared_entry(bundle, declared);
    let related = bundle.related_images.iter().filter(|related| !own.contains(related.image.as_str()));
    BundleSource {
        package: bundle.package.clone(),
        name: bundle.name.clone(),
        version: bundle.version.to_string(),
        display_name: bundle.package.clone(),
        channels: channels.collect(),
        default_channel,
        replaces: entry.replaces,
        skips: entry.skips.into_iter().collect(),
        skip_range: entry.skip_range,
        owned: bundle.gvks(),
        required: bundle.gvks_required(),
        dependencies: bundle
            .packages_required()
            .into_iter()
            .map(|required| (required.package_name, required.version_range))
            .collect(),
        related_images: related
            .filter_map(|related| Some((related.name.clone(), replaced.get(&related.image)?.to_string())))
            .collect(),
    }
}

/// What the bundle's CSV says about edges: a CSV has one `replaces`, so the default channel speaks before the others.
fn declared_entry(bundle: &Bundle, declared: &Catalog) -> Entry {
    let Some(package) = declared.packages.get(&bundle.package) else { return Entry::default() };
    let mut channels: Vec<_> = package.channels.values().collect();
    channels.sort_by_key(|channel| channel.name != package.default_channel);
    let mut entries = channels.iter().filter_map(|channel| channel.entry(&bundle.name));
    let first = entries.clone().next();
    entries.find(|entry| entry.replaces.is_some()).or(first).cloned().unwrap_or_default()
}
