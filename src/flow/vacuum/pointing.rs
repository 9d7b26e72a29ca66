//! Which objects of a cluster name a registry: what they name there is asked for.

use std::collections::BTreeSet;

use crate::reference::RegistryHost;
use crate::site::cluster::ClusterDump;

/// Objects of these clusters that name a registry, and what they name there. Of Pods only what is written in their makers counts: what
/// they were started from is where the image was found then.
pub(super) fn pointing_to(clusters: &[ClusterDump], host: &RegistryHost) -> Vec<(String, String)> {
    let prefix = format!("{host}/");
    let there = |image: &str| image == host.as_str() || image.starts_with(&prefix);
    let mut found = BTreeSet::new();
    for cluster in clusters {
        for ((kind, name), set) in &cluster.mirror_sets {
            let mirrors = set.entries.iter().flat_map(|entry| &entry.mirrors);
            let mirrors = mirrors.filter(|mirror| there(mirror));
            found.extend(mirrors.map(|mirror| (format!("{} {name}", kind.as_str()), mirror.clone())));
        }
        for (key, object) in &cluster.objects {
            let image = object.image.as_deref().filter(|image| there(image));
            found.extend(image.map(|image| (key.to_string(), image.to_owned())));
        }
        for (image, users) in cluster.images.iter().filter(|(image, _)| image.repository.host == *host) {
            let users = users.iter().filter(|user| user.kind != "Pod");
            found.extend(users.map(|user| (user.to_string(), image.to_string())));
        }
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(kind: &str, spec: &Value) -> Vec<String> {
        let object = json!({"apiVersion": "v1", "kind": kind, "spec": spec, "metadata": {"name": "x", "namespace": "ns"}});
        let (cluster, findings) = ClusterDump::parse(object.to_string().as_bytes(), "dump");
        assert_eq!((cluster.kinds.len(), findings), (1, Vec::new()), "{object}");
        let found = pointing_to(&[ClusterDump::default(), cluster], &"old.example:5000".parse().unwrap());
        found.into_iter().map(|(object, what)| format!("{object}: {what}")).collect()
    }

    #[test]
    fn whatever_names_the_registry_is_told_but_for_pods() {
        let mirrors = |mirror: &str| json!({"imageDigestMirrors": [{"source": "quay.io", "mirrors": ["new.example/q", mirror]}]});
        let pod = |image: &str| json!({"containers": [{"name": "c", "image": image}]});
        let made = |image: &str| json!({"template": {"spec": pod(image)}});
        let catalog = |image: &str| json!({"image": image});
        let csv = |image: &str| json!({"relatedImages": [{"name": "r", "image": image}]});
        let x = "old.example:5000/x:1";
        for (kind, spec, expected) in [
            (
                "ImageDigestMirrorSet",
                mirrors("old.example:5000/q"),
                vec!["ImageDigestMirrorSet x: old.example:5000/q"],
            ),
            (
                "ImageDigestMirrorSet",
                mirrors("old.example:5000"),
                vec!["ImageDigestMirrorSet x: old.example:5000"],
            ),
            // Another port, another host.
            ("ImageDigestMirrorSet", mirrors("old.example:50001/q"), vec![]),
            ("ImageDigestMirrorSet", mirrors("old.example:5000.example/q"), vec![]),
            ("CatalogSource", catalog(x), vec!["CatalogSource ns/x: old.example:5000/x:1"]),
            // OLM puts the version in: no reference yet.
            (
                "CatalogSource",
                catalog("old.example:5000/x:v{kube_minor_version}"),
                vec!["CatalogSource ns/x: old.example:5000/x:v{kube_minor_version}"],
            ),
            ("CatalogSource", catalog("new.example/x:1"), vec![]),
            ("Deployment", made(x), vec!["Deployment ns/x: old.example:5000/x:1"]),
            ("ClusterServiceVersion", csv(x), vec!["ClusterServiceVersion ns/x: old.example:5000/x:1"]),
            ("Deployment", made("new.example/x:1"), vec![]),
            ("Pod", pod(x), vec![]),
        ] {
            assert_eq!(told(kind, &spec), expected, "{kind} {spec}");
        }
    }
}
