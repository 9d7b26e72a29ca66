//! OpenShift releases of a request: the way through the update graph, each release believed and then read, all of its images
//! wished for.

mod blocked;
mod data;
mod read;
mod way;

use std::collections::BTreeSet;

use super::pin::{Wish, Wishes};
use super::{PlanInputs, Planner, Scope, uncovered};
use crate::archive::Moment;
use crate::fault::AnyFault;
use crate::fetch::signatures::SignatureStore;
use crate::finding::{Finding, has_errors};
use crate::imageset::Request;
use crate::mapping::Mapping;
use crate::plan::{ImageKind, PlannedGraphData, PlannedImage, PlannedRelease};
use crate::reference::Tag;
use crate::release::{AdminGate, Architecture, Minor, ReleaseChannel, ReleaseKeys, ReleasePath};
use crate::site::GraphDataSpec;
use crate::version::Version;

use blocked::{component_tag, disk_tag};
use data::Data;
use read::Reader;

/// What is asked of OpenShift releases besides the request's file, and where they are looked for.
#[derive(Debug, Clone, Default)]
pub struct ReleaseInputs {
    /// What runs at the site; nothing when nobody said.
    pub from: Option<Version>,
    /// What shall run.
    pub to: Option<Version>,
    /// The update channel of the cluster; the stable one of the target when absent.
    pub channel: Option<ReleaseChannel>,
    /// For which machines; those of the site's nodes when absent.
    pub architecture: Option<Architecture>,
    /// Where the update graph comes from; the public update service when empty.
    pub graph: Vec<String>,
    /// Names of risks that may be taken.
    pub accepted: BTreeSet<String>,
    /// Names of components that are left out.
    pub without: BTreeSet<String>,
    /// The keys that may sign releases.
    pub keys: Option<ReleaseKeys>,
    /// Where signatures are looked for, in this order.
    pub stores: Vec<SignatureStore>,
    /// What an update service at the site is fed with, where that is asked for.
    pub graph_data: GraphDataSpec,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Releases {
    pub(super) planned: Vec<PlannedRelease>,
    pub(super) path: Option<ReleasePath>,
    /// What must be acknowledged before the cluster leaves the minor version that runs.
    pub(super) installed_gates: Vec<AdminGate>,
    pub(super) findings: Vec<Finding>,
    data: Option<Data>,
}

/// Finds the releases, believes them, reads them, and wishes for all that they consist of.
pub(super) fn gather(
    planner: &Planner<'_>,
    request: &Request,
    inputs: &PlanInputs<'_>,
    scope: &Scope,
    mapping: &Mapping,
    wishes: &mut Wishes,
) -> Result<Releases, AnyFault> {
    let asked = request.platform.as_ref();
    if asked.is_none() && inputs.releases.to.is_none() {
        return Ok(Releases::default());
    }
    let way = way::find(planner, request, inputs)?;
    let mut releases = Releases { path: way.path, findings: way.findings, ..Releases::default() };
    let nodes = inputs.site.map(|site| site.spec.platforms.as_slice()).unwrap_or_default();
    let reader = Reader {
        planner,
        inputs: &inputs.releases,
        now: Moment::from_unix(inputs.now.as_second()),
        kubevirt: asked.is_some_and(|asked| asked.kubevirt),
        platforms: asked.map(|asked| asked.platforms.as_slice()).unwrap_or_default(),
        nodes,
    };
    let widen = "add it to `mirror.platform.platforms` of the request, or take it out of `spec.platforms` of the site file";
    releases.findings.extend(uncovered(nodes, reader.platforms, widen));
    if inputs.releases.keys.is_none() {
        releases.findings.extend(way.wanted.first().map(|_| no_keys()));
        return Ok(releases);
    }
    for wanted in &way.wanted {
        let Some(mut release) = reader.read(wanted, &mut releases.findings)? else { continue };
        let told = blocked::leave_out(request, mapping, &mut release);
        let travels = !has_errors(&told);
        releases.findings.extend(told);
        if travels {
            wish(&release, reader.platforms, wishes);
            releases.planned.push(release);
        }
    }
    releases.findings = missed(std::mem::take(&mut releases.findings), &releases.planned);
    if let Some(start) = &way.start {
        let known = releases.planned.iter().find(|release| release.image == start.image);
        releases.installed_gates = match known {
            Some(release) => release.gates.clone(),
            None => reader.gates(start, &mut releases.findings)?,
        };
    }
    if asked.is_some_and(|asked| asked.graph) {
        let found = data::fetch(planner, &inputs.releases.graph_data, &mut releases.findings)?;
        if let Some(data) = &found {
            let wish = Wish { platforms: scope.platforms.clone(), ..Wish::of(ImageKind::GraphDataBase) };
            let reason = "the graph data of the site's update service is built on it".to_owned();
            wishes.add(data.base.clone(), Wish { reasons: [reason].into(), ..wish });
        }
        releases.data = found;
    }
    Ok(releases)
}

fn no_keys() -> Finding {
    let message = "no key is trusted to sign releases, so none can be believed";
    Finding::error("RELEASE_NO_KEYS", "releases", message).hint(
        "name the vendor's public keys with `--release-key`, or in the site file under `spec.releases.keys`",
    )
}

/// A component that is left out needs to be in one of the releases only.
fn missed(mut findings: Vec<Finding>, planned: &[PlannedRelease]) -> Vec<Finding> {
    let left_out = |finding: &Finding| {
        let named = finding.subject.strip_prefix("component ");
        named.is_some_and(|name| planned.iter().any(|release| release.left_out.iter().any(|out| out == name)))
    };
    findings.retain(|finding| finding.code != "COMPONENT_UNKNOWN" || !left_out(finding));
    findings
}

/// Wishes for the release image, its components and its disks, under the tags that mirrors of releases give them.
fn wish(release: &PlannedRelease, platforms: &[crate::oci::Platform], wishes: &mut Wishes) {
    let label = release.label();
    let tagged = |kind, tag: Option<Tag>, reason: String| Wish {
        reasons: [reason].into(),
        tags: tag.into_iter().map(|tag| (tag, kind)).collect(),
        platforms: platforms.to_vec(),
        ..Wish::of(kind)
    };
    let reason = format!("OpenShift {label}: {}", release.reasons.join("; "));
    wishes.add(release.image.clone().into(), tagged(ImageKind::Release, Some(release.tag.clone()), reason));
    for component in &release.components {
        let tag = component_tag(&release.tag, &component.name).parse().ok();
        let reason = format!("component `{}` of OpenShift {label}", component.name);
        wishes.add(component.image.clone().into(), tagged(ImageKind::ReleaseComponent, tag, reason));
    }
    for (architecture, disk) in &release.disks {
        let tag = disk_tag(&release.tag, architecture).parse().ok();
        let reason = format!("disk of virtual nodes ({architecture}) of OpenShift {label}");
        wishes.add(disk.clone().into(), tagged(ImageKind::ReleaseDisk, tag, reason));
    }
}

impl Releases {
    /// The graph data with its base as it was pinned.
    pub(super) fn graph_data(&mut self, images: &[PlannedImage]) -> Option<PlannedGraphData> {
        let data = self.data.take()?;
        let base = images
            .iter()
            .find(|image| image.kind == ImageKind::GraphDataBase && image.source == data.base.repository)?;
        Some(data.planned(base.source.pin(base.root.digest)))
    }

    /// What clusters of these releases look for besides the signatures that were verified: since 4.21 nodes take a release image only
    /// with a sigstore signature beside it (ClusterImagePolicy `openshift`, OTA-1860).
    pub(super) fn sigstore(&self, images: &[PlannedImage]) -> Vec<Finding> {
        let first = Minor { major: 4, minor: 21 };
        let asking = self.planned.iter().filter(|release| Minor::of(&release.version) >= first);
        asking
            .map(|release| {
                let subject = format!("release {}", release.label());
                if release.has_sigstore(images) {
                    let message =
                        "its nodes take the release image only with a sigstore signature (ClusterImagePolicy `openshift`): it travels along";
                    let hint = "the mirror set must name the repository of the release, so that nodes find it in production";
                    Finding::info("RELEASE_SIGSTORE", subject, message).hint(hint)
                } else {
                    let message =
                        "its nodes take the release image only with a sigstore signature (ClusterImagePolicy `openshift`), and there is none beside it";
                    let hint = "take the release from a source that has its signature, or the update will stop at the first node";
                    Finding::warning("RELEASE_SIGSTORE_MISSING", subject, message).hint(hint)
                }
            })
            .collect()
    }
}
