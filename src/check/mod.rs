//! Whether production can serve all that its catalogs offer.
//!
//! OLM takes the entry nearest to a channel's head whether its images are there or not, so one image that is missing stops an
//! upgrade half-way. Every bundle and related image of every entry is looked for where the cluster's mirror sets will
//! look for it, and walked down to its last layer.

mod asked;
mod heads;
mod rewrites;
mod ways;

use std::collections::{BTreeMap, BTreeSet};

pub use asked::{Asked, asked};
pub use heads::heads;
pub use rewrites::Rewrites;
pub use ways::{Ways, ways};

use crate::catalog::model::{Bundle, Catalog};
use crate::event::{Event, Events, Phase};
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::limits::Limits;
use crate::mapping::Mapping;
use crate::oci::Platform;
use crate::reference::{ImageRef, PinnedRef, RegistryHost, RepositoryRef};
use crate::registry::{Client, Target};
use crate::transfer::{Absence, Closure, Holdings, Proof, closure};
use crate::workers;

/// Who needs an image: package and bundle.
pub type Users = BTreeSet<(String, String)>;

/// What a catalog needs of a registry.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    /// Images by digest, in the registry, with their users.
    pub pinned: BTreeMap<PinnedRef, Users>,
    /// Images by tag, in the registry, with their users. No digest mirror set helps these.
    pub tagged: BTreeMap<ImageRef, Users>,
    /// References that cannot be looked for.
    pub findings: Vec<Finding>,
}

impl Needs {
    /// Needs one image more.
    fn add(&mut self, image: ImageRef, user: (String, String)) {
        match image.pinned() {
            Some(pinned) => self.pinned.entry(pinned).or_default().insert(user),
            None => self.tagged.entry(image).or_default().insert(user),
        };
    }
}

/// The bundles of a catalog, and each image that one of them names, once.
fn named(catalog: &Catalog) -> impl Iterator<Item = (&Bundle, &str)> {
    catalog.packages.values().flat_map(|package| package.bundles.values()).flat_map(|bundle| {
        let images = bundle.related_images.iter().map(|related| &related.image).chain([&bundle.image]);
        let texts: BTreeSet<&str> = images.map(String::as_str).filter(|text| !text.is_empty()).collect();
        texts.into_iter().map(move |text| (bundle, text))
    })
}

/// What `catalog` needs of `host`, which holds source repositories where `mapping` says.
pub fn needs(catalog: &Catalog, mapping: &Mapping, host: &RegistryHost) -> Needs {
    let mut needs = Needs::default();
    for (bundle, text) in named(catalog) {
        let place = text.parse::<ImageRef>().map_err(|error| error.to_string()).and_then(|image| {
            let repository = mapping.mirror(&image.repository).map_err(|error| error.to_string())?;
            Ok(ImageRef { repository: RepositoryRef { host: host.clone(), repository }, ..image })
        });
        match place {
            Ok(image) => needs.add(image, (bundle.package.clone(), bundle.name.clone())),
            Err(why) => {
                let subject = format!("bundle {}", bundle.name);
                needs.findings.push(Finding::warning("IMAGE_REFERENCE", subject, why));
            }
        }
    }
    needs
}

/// Every image that a catalog names.
pub fn references(catalog: &Catalog) -> impl Iterator<Item = ImageRef> {
    named(catalog).filter_map(|(_, text)| text.parse().ok())
}

/// The images that a catalog asks for, by the names that it has for them, with their users. What is no name is told by [`needs`].
pub fn sources(catalog: &Catalog) -> impl Iterator<Item = (ImageRef, (String, String))> {
    named(catalog).filter_map(|(bundle, text)| {
        Some((text.parse().ok()?, (bundle.package.clone(), bundle.name.clone())))
    })
}

/// An image that does not resolve, and who needs it.
#[derive(Debug, Clone)]
pub struct Unresolved {
    /// Where it should be.
    pub image: String,
    /// What is missing, in words.
    pub why: String,
    /// Who needs it.
    pub users: Users,
}

impl Unresolved {
    /// It as a finding.
    pub fn finding(&self) -> Finding {
        let mut users = self.users.iter().map(|(_, bundle)| bundle.as_str());
        let first = users.next().unwrap_or("nobody");
        let others = match self.users.len().saturating_sub(1) {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        let message = format!("{}; {first}{others} cannot be installed without it", self.why);
        Finding::error("UNRESOLVED", &self.image, message)
            .hint("carry it in: name its package in an ImageSetConfiguration, pack and import")
    }
}

/// Looks for everything that is needed: what does not resolve, and what is there. Errors mean that the registry could not
/// be asked.
pub fn unresolved(
    needs: &Needs,
    platforms: &[Platform],
    proof: &Proof,
    client: &Client,
    jobs: usize,
    events: &dyn Events,
    limits: &Limits,
) -> Result<(Vec<Unresolved>, Holdings), AnyFault> {
    let images: Vec<PinnedRef> = needs.pinned.keys().cloned().collect();
    events.emit(&Event::Begin { phase: Phase::Check, items: images.len() as u64, bytes: 0 });
    let Closure { absences, present, .. } = closure(&images, platforms, proof, client, jobs, events, limits)?;
    let mut found: Vec<Unresolved> = absences
        .into_iter()
        .map(|Absence { image, digest, why, .. }| {
            let users = needs.pinned.get(&image).cloned().unwrap_or_default();
            let why = if digest == image.digest { why } else { format!("{digest} below it: {why}") };
            Unresolved { image: image.to_string(), why, users }
        })
        .collect();
    let tagged: Vec<(&ImageRef, &Users)> = needs.tagged.iter().collect();
    let missing = workers::map(&tagged, jobs, events, |(image, users)| {
        let Some(target) = Target::of(image) else { return Ok(None) };
        let there = client.head_manifest(&image.repository, &target)?.is_some();
        let why = "the tag is not there".to_owned();
        Ok((!there).then(|| Unresolved { image: image.to_string(), why, users: (*users).clone() }))
    })?;
    found.extend(missing.into_iter().flatten());
    events.emit(&Event::End { phase: Phase::Check });
    Ok((found, present))
}
