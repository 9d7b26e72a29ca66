//! `blockedImages` of a request, applied to a release.

use std::collections::BTreeSet;

use crate::finding::Finding;
use crate::imageset::{BlockedImages, Request};
use crate::mapping::Mapping;
use crate::plan::PlannedRelease;
use crate::reference::{PinnedRef, Tag};

/// Takes the components out of a release that the request blocks, and says so. With an error among the findings the release must
/// not travel.
///
/// As in oc-mirror an expression may match the image as the release names it, or what it is called at the site: there a component has
/// its name in its tag.
pub(super) fn leave_out(request: &Request, mapping: &Mapping, release: &mut PlannedRelease) -> Vec<Finding> {
    let blocks = |image: &PinnedRef, tag: &str| -> Option<&BlockedImages> {
        let place =
            mapping.mirror(&image.repository).map(|mirror| format!("{mirror}:{tag}")).unwrap_or_default();
        request.blocks(&image.to_string()).or_else(|| request.blocks(&place))
    };
    let subject = format!("release {}", release.label());
    let error = |message: &str, by: &BlockedImages| {
        let hint = "narrow the pattern under `blockedImages`: it matches anywhere in the name";
        vec![Finding::error("BLOCKED_RELEASE", &subject, message).hint(hint).at(&request.file, Some(by.line))]
    };
    if let Some(by) = blocks(&release.image, release.tag.as_str()) {
        return error("it is asked for and blocked", by);
    }
    let mut disks = release.disks.iter();
    if let Some(by) =
        disks.find_map(|(architecture, disk)| blocks(disk, &disk_tag(&release.tag, architecture)))
    {
        return error("its disks for KubeVirt are asked for (`kubeVirtContainer`) and blocked", by);
    }
    let mut first = None;
    let mut names = BTreeSet::new();
    for component in &release.components {
        if let Some(by) = blocks(&component.image, &component_tag(&release.tag, &component.name)) {
            first.get_or_insert(by);
            names.insert(component.name.clone());
        }
    }
    let Some(by) = first else { return Vec::new() };
    if names.len() == release.components.len() {
        return error("all of its components are blocked", by);
    }
    release.components.retain(|component| !names.contains(&component.name));
    let listed: Vec<_> = names.iter().map(String::as_str).collect();
    let message = format!(
        "`blockedImages` leaves {} of its components out: {}; a cluster that needs one of them stops in the update and waits for it",
        names.len(),
        listed.join(", ")
    );
    let hint = "block only what your clusters have disabled as a capability; the pattern matches anywhere in the name";
    let finding = Finding::warning("BLOCKED_COMPONENT", &subject, message).hint(hint);
    let all: BTreeSet<_> = release.left_out.drain(..).chain(names).collect();
    release.left_out = all.into_iter().collect();
    vec![finding.at(&request.file, Some(by.line))]
}

/// The tag of a component, as mirrors of releases give it (openshift/oc `pkg/cli/admin/release/mirror.go`).
pub(super) fn component_tag(release: &Tag, name: &str) -> String {
    format!("{release}-{name}")
}

/// The tag of a disk for KubeVirt, as oc-mirror gives it (`internal/pkg/release`).
pub(super) fn disk_tag(release: &Tag, architecture: &str) -> String {
    format!("{release}-kube-virt-container-{architecture}")
}
