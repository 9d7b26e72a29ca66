//! One release: believed by its signatures first, and only then looked into.

use std::collections::BTreeSet;

use super::ReleaseInputs;
use super::way::Wanted;
use crate::archive::Moment;
use crate::fault::{AnyFault, Exit};
use crate::fetch::signatures::SignatureSearch;
use crate::finding::Finding;
use crate::flow::catalog_image::{UpstreamImages, config_of};
use crate::flow::plan::Planner;
use crate::flow::release_image::{Depth, ReleaseImage, read_release, serves};
use crate::oci::{ManifestView, Platform};
use crate::plan::{Base64, PlannedRelease, PlannedSignature};
use crate::reference::Tag;
use crate::registry::Target;
use crate::release::{
    AdminGate, Architecture, Minor, PayloadAsk, ReleasePayload, ReleaseSignature, VerifiedRelease,
};

/// Reads releases.
pub(super) struct Reader<'a> {
    pub(super) planner: &'a Planner<'a>,
    pub(super) inputs: &'a ReleaseInputs,
    /// The clock; nothing where it is thousands of years off.
    pub(super) now: Option<Moment>,
    /// Whether disks for KubeVirt are wanted.
    pub(super) kubevirt: bool,
    /// Platforms to take of a release for several architectures; all of them when empty.
    pub(super) platforms: &'a [Platform],
    /// The site's nodes: a release for several architectures must have something for each.
    pub(super) nodes: &'a [Platform],
}

impl Reader<'_> {
    /// What a release consists of; nothing where it cannot be believed or is none, which the findings tell. An error means that
    /// something could not be asked.
    pub(super) fn read(
        &self,
        wanted: &Wanted,
        findings: &mut Vec<Finding>,
    ) -> Result<Option<PlannedRelease>, AnyFault> {
        let subject = subject(wanted);
        let upstream = self.planner.upstream;
        let (repository, digest) = (&wanted.image.repository, wanted.image.digest);
        if upstream.manifest_still_there(repository, &Target::Digest(digest))?.is_none() {
            let message = format!("upstream has no such image; it is needed: {}", wanted.reasons.join("; "));
            let hint = "a release that was withdrawn is gone: take another one, or another channel";
            findings.push(Finding::error("IMAGE_MISSING", &wanted.image, message).hint(hint));
            return Ok(None);
        }
        let Some(verified) = self.believe(wanted, findings)? else { return Ok(None) };
        findings.extend(verified.findings(repository));
        let ask = PayloadAsk {
            image: wanted.image.clone(),
            version: wanted.version.clone(),
            without: self.inputs.without.clone(),
            kubevirt: self.kubevirt,
        };
        let Some(image) = self.look(wanted, &ask, findings)? else { return Ok(None) };
        let Some(architecture) = self.architecture(wanted, &image, findings)? else { return Ok(None) };
        findings.extend(image.findings);
        let payload = image.payload;
        let tag = format!("{}-{}", payload.version, architecture.tag_suffix()).replace('+', "_");
        let tag: Tag = match tag.parse() {
            Ok(tag) => tag,
            Err(why) => {
                findings.push(Finding::error("RELEASE_TAG", subject, why));
                return Ok(None);
            }
        };
        Ok(Some(planned(wanted, architecture, tag, payload, &verified)))
    }

    /// What must be acknowledged before a cluster leaves a release that runs and does not travel. Nothing depends on it, so that
    /// what hinders is told and no more.
    pub(super) fn gates(
        &self,
        start: &Wanted,
        findings: &mut Vec<Finding>,
    ) -> Result<Vec<AdminGate>, AnyFault> {
        let mut told = Vec::new();
        let read = Reader {
            kubevirt: false,
            inputs: &ReleaseInputs { without: BTreeSet::new(), ..self.inputs.clone() },
            ..*self
        }
        .read(start, &mut told)?;
        if let Some(release) = read {
            let minor = Minor::of(&release.version);
            return Ok(release
                .gates
                .into_iter()
                .filter(|gate| gate.minor().is_none_or(|own| own == minor))
                .collect());
        }
        let why = told.first().map(|finding| finding.message.clone()).unwrap_or_default();
        let message = format!("what must be acknowledged before leaving it is not known: {why}");
        let hint =
            "look at the ConfigMap `admin-gates` of namespace openshift-config-managed before the update";
        findings.push(Finding::warning("RELEASE_GATES_UNKNOWN", subject(start), message).hint(hint));
        Ok(Vec::new())
    }

    fn believe(
        &self,
        wanted: &Wanted,
        findings: &mut Vec<Finding>,
    ) -> Result<Option<VerifiedRelease>, AnyFault> {
        let (Some(keys), Some(now)) = (&self.inputs.keys, self.now) else { return Ok(None) };
        let search = SignatureSearch {
            stores: &self.inputs.stores,
            keys,
            now,
            client: self.planner.upstream.client,
            events: self.planner.events,
            limits: self.planner.limits,
        };
        match search.find(wanted.image.digest) {
            Ok(verified) => Ok(Some(verified)),
            Err(fault) if fault.exit() == Exit::Trust => {
                let hint = fault.hint().unwrap_or_default();
                findings.push(Finding::error("RELEASE_UNVERIFIED", subject(wanted), fault).hint(hint));
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }

    fn look(
        &self,
        wanted: &Wanted,
        ask: &PayloadAsk,
        findings: &mut Vec<Finding>,
    ) -> Result<Option<ReleaseImage>, AnyFault> {
        let Planner { upstream, events, limits, .. } = *self.planner;
        let images = UpstreamImages { repository: &wanted.image.repository, upstream };
        let read = read_release(&images, ask, self.platforms, Depth::Whole, events, limits);
        let fitting = read.and_then(|image| {
            if let ManifestView::Index(index) = image.root.view(limits)? {
                serves(&index.manifests, &wanted.image, self.nodes)?;
            }
            Ok(image)
        });
        match fitting {
            Ok(image) => Ok(Some(image)),
            Err(fault) => {
                let code = match fault.exit() {
                    Exit::Integrity => "RELEASE_INVALID",
                    // It is no release, or none for what was asked.
                    Exit::Usage => "RELEASE_UNFIT",
                    _ => return Err(fault),
                };
                let hint = fault.hint().unwrap_or_default();
                findings.push(Finding::error(code, subject(wanted), fault).hint(hint));
                Ok(None)
            }
        }
    }

    /// For which machines it is, by its own word; nothing where they are not the ones that were asked for.
    fn architecture(
        &self,
        wanted: &Wanted,
        image: &ReleaseImage,
        findings: &mut Vec<Finding>,
    ) -> Result<Option<Architecture>, AnyFault> {
        let limits = self.planner.limits;
        let found = match image.root.view(limits)? {
            ManifestView::Index(_) => Architecture::Multi,
            ManifestView::Image(view) => {
                let images =
                    UpstreamImages { repository: &wanted.image.repository, upstream: self.planner.upstream };
                let platform = config_of(&images, &view, limits)?.platform;
                let named = platform.as_ref().and_then(|platform| platform.architecture().parse().ok());
                match (named, wanted.architecture) {
                    (Some(named), _) => named,
                    (None, Some(asked)) => asked,
                    (None, None) => Architecture::default(),
                }
            }
        };
        if let Some(asked) = wanted.architecture.filter(|asked| *asked != found) {
            let message = format!("{} is made for {found}, not for {asked}", wanted.image);
            let hint = "ask for an architecture that it has, or for the release of architecture `multi`";
            findings.push(Finding::error("RELEASE_ARCHITECTURE", subject(wanted), message).hint(hint));
            return Ok(None);
        }
        Ok(Some(found))
    }
}

fn planned(
    wanted: &Wanted,
    architecture: Architecture,
    tag: Tag,
    payload: ReleasePayload,
    verified: &VerifiedRelease,
) -> PlannedRelease {
    PlannedRelease {
        left_out: payload.left_out.into_iter().collect(),
        kubernetes: Minor::of(&payload.version).kubernetes(),
        version: payload.version,
        architecture,
        image: wanted.image.clone(),
        tag,
        reasons: wanted.reasons.clone(),
        url: payload.metadata.url,
        previous: payload.metadata.previous,
        gates: payload.gates,
        components: payload.components,
        disks: payload.disks,
        signatures: verified.signatures().iter().map(signature).collect(),
    }
}

fn subject(wanted: &Wanted) -> String {
    match &wanted.version {
        Some(version) => format!("release {version}"),
        None => wanted.image.to_string(),
    }
}

fn signature(good: &ReleaseSignature) -> PlannedSignature {
    PlannedSignature {
        reference: good.reference().to_owned(),
        key: good.key().to_owned(),
        made: good.made(),
        file: Base64(good.bytes().to_vec()),
    }
}
