//! A release image's manifests, put together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::finding::Finding;
use crate::limits::Limits;
use crate::reference::PinnedRef;
use crate::release::payload::components::{References, leave_out};
use crate::release::payload::extras::{disks, gates};
use crate::release::{AdminGate, Component, PayloadError, ReleaseMetadata, VerificationConfig};
use crate::text::Safe;
use crate::version::Version;

const REFERENCES: &str = "image-references";
const METADATA: &str = "release-metadata";

/// The files that say which release it is and of which components it consists.
pub const NAMING: [&str; 2] = [REFERENCES, METADATA];

const VERIFICATION: &str = "release.openshift.io/verification-config-map";

/// What is asked of a release image.
#[derive(Debug, Clone)]
pub struct PayloadAsk {
    /// The release image, by the digest that is to be verified: for several architectures that of the index.
    pub image: PinnedRef,
    /// The version that it must be, where one is known.
    pub version: Option<Version>,
    /// Components that are not wanted, by name.
    pub without: BTreeSet<String>,
    /// Whether the disks for KubeVirt are wanted.
    pub kubevirt: bool,
}

/// What a release consists of.
#[derive(Debug, Clone)]
pub struct ReleasePayload {
    /// The release image.
    pub image: PinnedRef,
    /// The release.
    pub version: Version,
    /// What it says of its predecessors.
    pub metadata: ReleaseMetadata,
    /// Its component images, sorted by name, without those that were left out.
    pub components: Vec<Component>,
    /// Names of components that were left out.
    pub left_out: BTreeSet<String>,
    /// The disks for KubeVirt, by architecture in the kernel's spelling; empty unless they were asked for.
    pub disks: BTreeMap<String, PinnedRef>,
    /// What an administrator must acknowledge before a cluster leaves this release's minor version.
    pub gates: Vec<AdminGate>,
    /// With what its clusters verify *later* releases. It proves nothing about this release.
    pub verification: Option<VerificationConfig>,
}

impl ReleasePayload {
    /// Reads the files of [`MANIFESTS`](crate::release::MANIFESTS), by name.
    ///
    /// With an error among the findings the payload must not be carried.
    pub fn read(
        files: &BTreeMap<String, Arc<[u8]>>,
        ask: &PayloadAsk,
        limits: &Limits,
    ) -> Result<(Self, Vec<Finding>), PayloadError> {
        let image = || Box::new(ask.image.clone());
        let file = |name| files.get(name).ok_or_else(|| PayloadError::Missing { image: image(), file: name });
        let references = References::parse(file(REFERENCES)?, limits)
            .map_err(|why| PayloadError::References { image: image(), why })?;
        let metadata = ReleaseMetadata::parse(file(METADATA)?)
            .map_err(|source| PayloadError::Metadata { image: image(), source })?;
        if let Some(named) = references.version.filter(|named| named != metadata.version.as_str()) {
            let (references, metadata) = (Safe(&named).to_string(), Box::new(metadata.version));
            return Err(PayloadError::TwoVersions { image: image(), references, metadata });
        }
        if let Some(asked) = ask.version.as_ref().filter(|asked| **asked != metadata.version) {
            let (found, asked) = (Box::new(metadata.version), Box::new(asked.clone()));
            return Err(PayloadError::OtherVersion { image: image(), found, asked });
        }
        let mut components = references.components;
        let mut findings = references.findings;
        let is_there = |name: &&String| components.iter().any(|component| component.name == **name);
        let left_out = ask.without.iter().filter(is_there).cloned().collect();
        findings.extend(leave_out(&mut components, &ask.without));
        let mut payload = Self {
            image: ask.image.clone(),
            version: metadata.version.clone(),
            metadata,
            components,
            left_out,
            disks: BTreeMap::new(),
            gates: gates(files, limits),
            verification: None,
        };
        if ask.kubevirt {
            let (found, wrong) = disks(files, limits);
            if found.is_empty() && wrong.is_empty() {
                let message = "it names no disk for KubeVirt";
                let hint =
                    "releases have them since 4.14, for amd64 and s390x; leave out `kubeVirtContainer`";
                findings
                    .push(Finding::warning("KUBEVIRT_DISK_MISSING", payload.subject(), message).hint(hint));
            }
            payload.disks = found;
            findings.extend(wrong);
        }
        findings.extend(payload.take_verification(files, limits));
        Ok((payload, findings))
    }

    fn subject(&self) -> String {
        format!("release {}", self.version)
    }

    fn take_verification(&mut self, files: &BTreeMap<String, Arc<[u8]>>, limits: &Limits) -> Option<Finding> {
        let mut texts = files.values().filter_map(|bytes| std::str::from_utf8(bytes).ok());
        let text = texts.find(|text| text.contains(VERIFICATION))?;
        match VerificationConfig::parse(text, limits) {
            Ok(config) => {
                self.verification = Some(config);
                None
            }
            Err(why) => {
                let message =
                    format!("the keys for later releases in it cannot be read: {}", Safe(&why.to_string()));
                Some(Finding::warning("RELEASE_KEYS_UNREADABLE", self.subject(), message))
            }
        }
    }

    /// One payload of those for single architectures, the first first. Components that differ are all kept: each architecture
    /// has its own image then.
    pub fn join(mut self, others: impl IntoIterator<Item = Self>) -> (Self, Vec<Finding>) {
        let mut findings = Vec::new();
        for other in others {
            let mine: BTreeSet<_> = self.components.iter().cloned().collect();
            let differing: BTreeSet<_> = mine
                .symmetric_difference(&other.components.iter().cloned().collect())
                .map(|one| one.name.clone())
                .collect();
            if !differing.is_empty() {
                let names: Vec<_> = differing.iter().map(String::as_str).collect();
                let message = format!(
                    "its architectures name different images for {}; all of them are taken",
                    Safe(&names.join(", "))
                );
                findings.push(Finding::info("RELEASE_ARCHITECTURES_DIFFER", self.subject(), message));
            }
            self.components =
                mine.into_iter().chain(other.components).collect::<BTreeSet<_>>().into_iter().collect();
            self.left_out.extend(other.left_out);
            self.disks.extend(other.disks);
        }
        (self, findings)
    }

    /// Every image of the release but the release image itself: components and disks, each once.
    pub fn images(&self) -> BTreeSet<&PinnedRef> {
        self.components.iter().map(|component| &component.image).chain(self.disks.values()).collect()
    }
}
