//! The plan as a file: one canonical text, and a strict reader.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{ImageKind, Plan};
use super::sizes::{items, summary};
use crate::digest::Digest;
use crate::fault::{Exit, Fault};
use crate::limits::Limits;
use crate::reference::PinnedRef;
use crate::site::format_of;

/// Why a file is no plan that can be carried out.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Not JSON, or not of this shape.
    #[error("the plan cannot be read")]
    Malformed {
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// Another kind or version of document.
    #[error("the file says its format is `{found}`, and not `{}`", Plan::FORMAT)]
    Format {
        /// What it says.
        found: String,
    },
    /// Over the ceiling.
    #[error("the plan has more than {limit} bytes")]
    TooLarge {
        /// The ceiling.
        limit: u64,
    },
    /// It contradicts itself: it was edited, or damaged.
    #[error("the plan contradicts itself: {what}")]
    Contradiction {
        /// Where.
        what: String,
    },
}

impl Fault for PlanError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("make a new one with `ombundle plan`".to_owned())
    }
}

impl Plan {
    /// What `format` says.
    pub const FORMAT: &str = "ombundle.plan/v1";

    /// The one text of this plan: indented JSON with a line feed at its end. The same plan gives the same bytes.
    pub fn to_json(&self) -> Result<String, PlanError> {
        let mut text =
            serde_json::to_string_pretty(self).map_err(|source| PlanError::Malformed { source })?;
        text.push('\n');
        Ok(text)
    }

    /// Reads a plan file.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, PlanError> {
        if bytes.len() as u64 > limits.meta_bytes {
            return Err(PlanError::TooLarge { limit: limits.meta_bytes });
        }
        let malformed = |source| PlanError::Malformed { source };
        let found = format_of(bytes).map_err(malformed)?;
        if found != Self::FORMAT {
            return Err(PlanError::Format { found });
        }
        let plan: Self = serde_json::from_slice(bytes).map_err(malformed)?;
        plan.check()?;
        Ok(plan)
    }

    /// Checks what the types cannot: that one digest has one size, that roots are among their manifests, that texts of our own
    /// are what they are called, that the list for approval is that of the images.
    fn check(&self) -> Result<(), PlanError> {
        let contradiction = |what: String| Err(PlanError::Contradiction { what });
        let mut sizes: BTreeMap<Digest, u64> = BTreeMap::new();
        let mut manifests: BTreeSet<Digest> = BTreeSet::new();
        for image in &self.images {
            if image.manifests.last().map(|manifest| manifest.digest) != Some(image.root.digest) {
                return contradiction(format!("the last manifest of `{}` is not its root", image.source));
            }
            if image.reasons.is_empty() {
                return contradiction(format!("`{}` travels without a reason", image.source));
            }
            for object in image.manifests.iter().chain(&image.blobs) {
                if sizes.insert(object.digest, object.size).is_some_and(|size| size != object.size) {
                    return contradiction(format!("{} has two sizes", object.digest));
                }
            }
            manifests.extend(image.manifests.iter().map(|manifest| manifest.digest));
        }
        for (digest, text) in &self.inline {
            if Digest::of(text.as_bytes()) != *digest {
                return contradiction(format!("the text of {digest} has another digest"));
            }
        }
        for prerequisite in &self.prerequisites {
            if sizes.get(&prerequisite.digest) != Some(&prerequisite.size) {
                return contradiction(format!("nothing needs the prerequisite {}", prerequisite.digest));
            }
        }
        // What is approved is the list and its sums; what is packed are the images.
        if self.items != items(&self.images, &self.prerequisites) {
            return contradiction("`items` is not the list of its images".to_owned());
        }
        let (bytes, requests) = summary(&self.images, &self.prerequisites, &self.inline, 0);
        let counted = (self.bytes.download, self.bytes.store, self.requests);
        if counted != (bytes.download, bytes.store, requests) {
            return contradiction("`bytes` and `requests` are not the sums of its images".to_owned());
        }
        self.check_releases()?;
        for base in self.catalogs.iter().filter_map(|catalog| catalog.base) {
            if !manifests.contains(&base) {
                return contradiction(format!("the catalog base {base} is not among the images"));
            }
        }
        Ok(())
    }

    /// Checks that all that releases consist of travels, each with a signature, and that the graph data are what they are called.
    fn check_releases(&self) -> Result<(), PlanError> {
        let contradiction = |what: String| Err(PlanError::Contradiction { what });
        let roots: BTreeSet<_> = self.images.iter().map(|image| (&image.source, image.root.digest)).collect();
        let is_there = |image: &PinnedRef| roots.contains(&(&image.repository, image.digest));
        for release in &self.releases {
            let components = release.components.iter().map(|component| &component.image);
            let mut parts = std::iter::once(&release.image).chain(components).chain(release.disks.values());
            if let Some(missing) = parts.find(|image| !is_there(image)) {
                return contradiction(format!("release {} lacks {missing}", release.label()));
            }
            if release.signatures.is_empty() {
                return contradiction(format!("release {} has no signature", release.label()));
            }
            if release.reasons.is_empty() {
                return contradiction(format!("release {} travels without a reason", release.label()));
            }
        }
        let judged: BTreeSet<&PinnedRef> = self.releases.iter().map(|release| &release.image).collect();
        let mut carried = self.images.iter().filter(|image| image.kind == ImageKind::Release);
        if let Some(image) = carried.find(|image| !judged.contains(&image.source.pin(image.root.digest))) {
            return contradiction(format!("nobody signed the release image `{}`", image.source));
        }
        match &self.graph_data {
            Some(data) if Digest::of(&data.tarball.0) != data.digest => {
                contradiction("the graph data have another digest".to_owned())
            }
            Some(data) if !is_there(&data.base) => {
                contradiction(format!("the base of the graph data, {}, is not among the images", data.base))
            }
            _ => Ok(()),
        }
    }
}
