//! The images that a bundle lists: those of its CSV, itself, and those of its Deployments.

use serde_json::Value;

use super::go_json::{Html, string};

/// `relatedImages` of the blob as JSON text, in opm's order; nothing when there are none.
///
/// `RELATED_IMAGE_*` variables and annotations are not read: neither does opm (see [`crate::catalog::csv::hidden_images`]).
pub(super) fn related(csv: &Value, bundle_image: &str) -> String {
    let text =
        |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let listed = csv.pointer("/spec/relatedImages").and_then(Value::as_array).into_iter().flatten();
    let mut images: Vec<(String, String)> =
        listed.map(|image| (text(image, "image"), text(image, "name"))).collect();
    let own = std::iter::once(bundle_image.to_owned());
    for image in own.chain(deployed(csv)) {
        if !image.is_empty() && !images.iter().any(|(known, _)| *known == image) {
            images.push((image, String::new()));
        }
    }
    images.sort_by(|a, b| a.0.cmp(&b.0));
    let mut out = Vec::new();
    for (index, (image, name)) in images.iter().enumerate() {
        out.extend_from_slice(if index > 0 { b",{\"name\":" } else { b"{\"name\":" });
        string(name, Html::Plain, &mut out);
        out.extend_from_slice(b",\"image\":");
        string(image, Html::Plain, &mut out);
        out.push(b'}');
    }
    String::from_utf8(out).unwrap_or_default()
}

/// Images of containers and init containers, where the operator is installed by Deployments.
fn deployed(csv: &Value) -> Vec<String> {
    if csv.pointer("/spec/install/strategy").and_then(Value::as_str) != Some("deployment") {
        return Vec::new();
    }
    let deployments = csv.pointer("/spec/install/spec/deployments").and_then(Value::as_array);
    let mut images = Vec::new();
    for deployment in deployments.into_iter().flatten() {
        for containers in ["containers", "initContainers"] {
            let containers = deployment.pointer(&format!("/spec/template/spec/{containers}"));
            for container in containers.and_then(Value::as_array).into_iter().flatten() {
                images.extend(container.get("image").and_then(Value::as_str).map(str::to_owned));
            }
        }
    }
    images
}
