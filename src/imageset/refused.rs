//! Stanzas that are read and not carried out yet: each is refused by its name, and its own mistakes are told too.

use crate::finding::Finding;
use crate::yaml::{Fields, Form};

const HELM_REPOSITORY: [&str; 3] = ["name", "url", "charts"];
const HELM_CHART: [&str; 5] = ["name", "version", "path", "imagePaths", "platforms"];

/// Reads `helm` and `samples`.
pub(super) fn check(form: &mut Form<'_>, mirror: &Fields<'_>) {
    helm(form, mirror);
    if mirror.value("samples").is_some() {
        let message = "`samples` has no effect, here as in oc-mirror";
        form.push(mirror.line_of("samples"), Finding::info("ISC_IGNORED_FIELD", "mirror.samples", message));
    }
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
