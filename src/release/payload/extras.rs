//! What else a release's manifests say: gates for the administrator, disks for virtual nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::limits::Limits;
use crate::reference::PinnedRef;
use crate::release::Minor;
use crate::text::Safe;
use crate::yaml::{self, Node};

/// The ConfigMap of gates (enhancement "upgradeability", cluster-version-operator `pkg/internal`).
const GATES: &str = "admin-gates";

/// The file with the boot images (openshift/installer `data/data/coreos`).
const BOOT_IMAGES: &str = "0000_50_installer_coreos-bootimages.yaml";

/// Something that an administrator must read and acknowledge before a cluster leaves this release's minor version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdminGate {
    /// The key that is to be set to `true` in the ConfigMap `admin-acks`, for instance
    /// `ack-4.18-kube-1.32-api-removals-in-4.19`.
    pub key: String,
    /// What the vendor says about it.
    pub text: String,
}

impl AdminGate {
    /// The minor release that it keeps a cluster in.
    pub fn minor(&self) -> Option<Minor> {
        let rest = self.key.strip_prefix("ack-")?;
        rest.split('-').next()?.parse().ok()
    }
}

/// The gates in any of the manifests. One without text is open.
pub(super) fn gates(files: &BTreeMap<String, Arc<[u8]>>, limits: &Limits) -> Vec<AdminGate> {
    let texts = files.values().filter_map(|bytes| mentioning(bytes, GATES));
    let objects = texts.filter_map(|text| yaml::parse(text, limits).ok()).flatten();
    let maps = objects.filter(|object| {
        text_at(object, &["kind"]) == Some("ConfigMap")
            && text_at(object, &["metadata", "name"]) == Some(GATES)
    });
    let mut gates: Vec<_> = maps.flat_map(|object| written(&object)).collect();
    gates.retain(|gate| gate.key.starts_with("ack-") && !gate.text.is_empty());
    gates.sort_unstable();
    gates.dedup();
    gates
}

fn written(object: &Node) -> Vec<AdminGate> {
    let data = object.field("data").map(Node::entries).unwrap_or_default();
    let gate = |entry: &yaml::Entry| {
        Some(AdminGate { key: entry.key.clone(), text: entry.value.text()?.trim().to_owned() })
    };
    data.iter().filter_map(gate).collect()
}

fn mentioning<'b>(bytes: &'b [u8], word: &str) -> Option<&'b str> {
    std::str::from_utf8(bytes).ok().filter(|text| text.contains(word))
}

fn text_at<'n>(object: &'n Node, path: &[&str]) -> Option<&'n str> {
    path.iter().try_fold(object, |node, name| node.field(name))?.text()
}

#[derive(Deserialize)]
struct BootImages {
    architectures: BTreeMap<String, BootArchitecture>,
}

#[derive(Deserialize)]
struct BootArchitecture {
    #[serde(default)]
    images: BTreeMap<String, serde_json::Value>,
}

/// The container disks with Red Hat Enterprise Linux CoreOS for KubeVirt, by architecture in the kernel's spelling (`x86_64`).
pub(super) fn disks(
    files: &BTreeMap<String, Arc<[u8]>>,
    limits: &Limits,
) -> (BTreeMap<String, PinnedRef>, Vec<Finding>) {
    let Some(stream) = files.get(BOOT_IMAGES).and_then(|bytes| stream(bytes, limits)) else {
        return Default::default();
    };
    let mut findings = Vec::new();
    let mut disks = BTreeMap::new();
    for (architecture, boot) in stream.architectures {
        let Some(written) = boot.images.get("kubevirt").and_then(|disk| disk.get("digest-ref")?.as_str())
        else {
            continue;
        };
        match written.parse() {
            Ok(image) => _ = disks.insert(architecture, image),
            Err(why) => {
                let subject = format!("KubeVirt disk for {}", Safe(&architecture));
                let message = Safe(&format!("its image cannot be read: {why}")).to_string();
                findings.push(Finding::error("KUBEVIRT_DISK_INVALID", subject, message));
            }
        }
    }
    (disks, findings)
}

fn stream(bytes: &[u8], limits: &Limits) -> Option<BootImages> {
    let objects = yaml::parse(std::str::from_utf8(bytes).ok()?, limits).ok()?;
    let stream = objects.iter().find_map(|object| text_at(object, &["data", "stream"]))?;
    serde_json::from_str(stream).ok()
}
