//! What a site file says of OpenShift releases: whose signatures count, and where signatures and update graphs come from.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::file::MirrorTag;
use crate::reference::ImageRef;
use crate::yaml::{Fields, Form};

/// Where the graph data of the public update service is.
pub const GRAPH_DATA: &str = "https://api.openshift.com/api/upgrades_info/graph-data";

/// The image that graph data is built on, as other mirrors do.
const GRAPH_DATA_BASE: &str = "registry.access.redhat.com/ubi9/ubi:latest";

/// OpenShift releases.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ReleaseSpec {
    /// Files of OpenPGP public keys, armored or not, or folders of such files, relative to the site file: whoever has one of them may
    /// sign releases. Or the ConfigMap `release-verification` of the installed cluster, alone. Without keys no release comes in.
    #[serde(default)]
    pub keys: Vec<PathBuf>,
    /// Where signatures are looked for: addresses, or folders relative to the site file. The public ones when empty.
    #[serde(default)]
    pub stores: Vec<String>,
    /// Where the update graph comes from: addresses, or files and folders relative to the site file. The public update service when
    /// empty.
    #[serde(default)]
    pub graph: Vec<String>,
    /// What an update service at the site is fed with.
    #[serde(default)]
    pub graph_data: GraphDataSpec,
}

/// What an update service at the site is fed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GraphDataSpec {
    /// Address or file of the tarball with channels and blocked edges.
    #[serde(default = "graph_data")]
    pub source: String,
    /// A small image with a shell, on which the data is put.
    #[serde(default = "graph_data_base")]
    pub base: String,
    /// Repository and tag of the image inside the site's registries; beside the releases when absent, as `graph-image:latest`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror: Option<MirrorTag>,
}

impl Default for GraphDataSpec {
    fn default() -> Self {
        Self { source: graph_data(), base: graph_data_base(), mirror: None }
    }
}

fn graph_data() -> String {
    GRAPH_DATA.to_owned()
}

fn graph_data_base() -> String {
    GRAPH_DATA_BASE.to_owned()
}

/// Reads `spec.releases`.
pub(super) fn read(form: &mut Form<'_>, spec: &Fields<'_>) -> ReleaseSpec {
    let mut releases = ReleaseSpec::default();
    let known = ["keys", "stores", "graph", "graphData"];
    let Some(fields) = spec.value("releases").and_then(|node| form.fields(node, "spec.releases", &known))
    else {
        return releases;
    };
    releases.keys = texts(form, &fields, "keys").into_iter().map(PathBuf::from).collect();
    releases.stores = texts(form, &fields, "stores");
    releases.graph = texts(form, &fields, "graph");
    let known = ["source", "base", "mirror"];
    let data =
        fields.value("graphData").and_then(|node| form.fields(node, "spec.releases.graphData", &known));
    if let Some(data) = data {
        if let Some(source) = data.text(form, "source") {
            source.clone_into(&mut releases.graph_data.source);
        }
        if let Some(base) = data.parsed::<ImageRef>(form, "base", "GRAPH_DATA") {
            if base.tag.is_none() && base.digest.is_none() {
                form.error(
                    data.line_of("base"),
                    "GRAPH_DATA",
                    &data.name("base"),
                    "it has neither tag nor digest",
                    format!("say which: `{base}:latest`, or a digest"),
                );
            }
            releases.graph_data.base = base.to_string();
        }
        releases.graph_data.mirror = data.parsed(form, "mirror", "GRAPH_DATA");
    }
    releases
}

/// Texts, each once.
fn texts(form: &mut Form<'_>, fields: &Fields<'_>, field: &str) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for (index, node) in fields.list(form, field).iter().enumerate() {
        let subject = format!("{}[{index}]", fields.name(field));
        let Some(text) = form.text(node, &subject) else { continue };
        if texts.iter().any(|known| known == text) {
            let message = format!("`{text}` stands twice");
            form.error(node.line, "DUPLICATE_ITEM", &subject, message, "take one of them out");
        } else {
            texts.push(text.to_owned());
        }
    }
    texts
}
