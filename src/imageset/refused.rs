//! Stanzas that are read and not carried out yet: each is refused by its name, and its own mistakes are told too.

use crate::finding::Finding;
use crate::yaml::{Fields, Form};

const PLATFORM: [&str; 6] =
    ["graph", "architectures", "platforms", "channels", "release", "kubeVirtContainer"];
const RELEASE_CHANNEL: [&str; 6] = ["name", "type", "minVersion", "maxVersion", "shortestPath", "full"];
const HELM_REPOSITORY: [&str; 3] = ["name", "url", "charts"];
const HELM_CHART: [&str; 5] = ["name", "version", "path", "imagePaths", "platforms"];

/// Reads `platform`, `helm` and `samples`.
pub(super) fn check(form: &mut Form<'_>, mirror: &Fields<'_>) {
    platform(form, mirror);
    helm(form, mirror);
    if mirror.value("samples").is_some() {
        let message = "`samples` has no effect, here as in oc-mirror";
        form.push(mirror.line_of("samples"), Finding::info("ISC_IGNORED_FIELD", "mirror.samples", message));
    }
}

fn platform(form: &mut Form<'_>, mirror: &Fields<'_>) {
    let Some(node) = mirror.value("platform") else { return };
    if let Some(platform) = form.fields(node, "mirror.platform", &PLATFORM) {
        for field in ["graph", "kubeVirtContainer"] {
            platform.boolean(form, field);
        }
        platform.text(form, "release");
        for (index, node) in platform.list(form, "channels").iter().enumerate() {
            let path = format!("mirror.platform.channels[{index}]");
            let Some(channel) = form.fields(node, &path, &RELEASE_CHANNEL) else { continue };
            channel.require(form, "name", "write `name: stable-4.20`, or yours");
            for field in ["name", "type", "minVersion", "maxVersion"] {
                channel.text(form, field);
            }
            for field in ["shortestPath", "full"] {
                channel.boolean(form, field);
            }
        }
    }
    let finding =
        Finding::error("NOT_YET_PLATFORM", "mirror.platform", "OpenShift releases are not carried yet");
    let hint = "take `platform` out of this file, and carry the release with oc-mirror";
    form.push(mirror.line_of("platform"), finding.hint(hint));
}

fn helm(form: &mut Form<'_>, mirror: &Fields<'_>) {
    let Some(node) = mirror.value("helm") else { return };
    if let Some(helm) = form.fields(node, "mirror.helm", &["repositories", "local"]) {
        for (index, node) in helm.list(form, "repositories").iter().enumerate() {
            let path = format!("mirror.helm.repositories[{index}]");
            let Some(repository) = form.fields(node, &path, &HELM_REPOSITORY) else { continue };
            charts(form, &repository, "charts");
        }
        charts(form, &helm, "local");
    }
    let finding = Finding::error("NOT_YET_HELM", "mirror.helm", "Helm charts are not carried yet");
    let hint = "list the charts' images under `additionalImages`, and carry the charts as files";
    form.push(mirror.line_of("helm"), finding.hint(hint));
}

fn charts(form: &mut Form<'_>, fields: &Fields<'_>, field: &str) {
    let path = fields.name(field);
    for (index, node) in fields.list(form, field).iter().enumerate() {
        form.fields(node, &format!("{path}[{index}]"), &HELM_CHART);
    }
}
