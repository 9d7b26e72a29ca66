//! The upgrade of real life: web-terminal 1.8.0 to 1.14.0, into a production that serves something else already.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ombundle::demo::{ImageSize, StandIns, World};
use ombundle::reference::ImageRef;
use serde_json::{Value, json};

use super::catalogs;
use super::stand::{Stand, contents};
use super::stock::{self, Skopeo};
use crate::support::shared::data_wanted;

/// The files of a package in the folder of real data.
fn package(path: &Path) -> Vec<(String, Vec<u8>)> {
    let name = path.file_name().unwrap().to_str().unwrap();
    let files = contents(path).into_iter();
    files.map(|(file, bytes)| (format!("{name}/{file}"), bytes)).collect()
}

pub(super) fn stand_ins(data: &Path, packages: &[&str]) -> World {
    let parts =
        packages.iter().map(|path| StandIns::of(&package(&data.join(path)), ImageSize::SMALL).unwrap());
    let catalog = World::CATALOG.parse().unwrap();
    World::of_stand_ins(parts.collect::<Vec<_>>(), &catalog, ImageSize::SMALL).unwrap()
}

/// Where the site keeps what comes from where.
const MAPPED: [(&str, &str); 4] = [
    ("registry.redhat.io", "olm-redhat"),
    ("registry.access.redhat.com", "ubi"),
    ("registry.example.com", "example"),
    ("quay.io", "quay"),
];

/// What a cluster has before: the catalogs that OpenShift brings, and what oc-mirror left behind.
const TAKEN: [(&str, &str, &str, Option<&str>); 4] = [
    ("operators.coreos.com/v1alpha1", "CatalogSource", "redhat-operators", Some("openshift-marketplace")),
    (
        "operators.coreos.com/v1alpha1",
        "CatalogSource",
        "cs-redhat-operator-index-v4-20",
        Some("openshift-marketplace"),
    ),
    ("config.openshift.io/v1", "ImageDigestMirrorSet", "idms-operator-0", None),
    ("olm.operatorframework.io/v1", "ClusterCatalog", "openshift-redhat-operators", None),
];

fn dump() -> String {
    let items = TAKEN.map(|(version, kind, name, namespace)| {
        let mut metadata = json!({"name": name});
        if let Some(namespace) = namespace {
            metadata["namespace"] = json!(namespace);
        }
        json!({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": {}})
    });
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

/// Writes the site file, and where upstream really is.
pub(super) fn site(stand: &Stand, upstream: &World) {
    stand.write("registries.conf", &upstream.registries_conf(&stand.source.host()));
    let rule = |(source, mirror)| format!("    - {{source: {source}, mirror: {mirror}}}\n");
    stand.write(
        "site.yaml",
        &format!(
            "apiVersion: ombundle.dev/v1\nkind: Site\nmetadata: {{name: scada-a}}\nspec:\n  \
             staging: {{registry: \"{}\"}}\n  production: {{registry: \"{}\"}}\n  repositories:\n{}  catalogs:\n    \
             - source: {}\n      mirror: olm-redhat/redhat/redhat-operator-index:v4.20\n      name: cs-redhat\n  \
             platforms: [linux/amd64]\n  trust: {{keys: [signer.pub], threshold: 1}}\n  profile: distribution\n",
            stand.staging.host(),
            stand.production.host(),
            MAPPED.map(rule).concat(),
            World::CATALOG
        ),
    );
}

#[test]
fn web_terminal_crosses_six_versions() {
    let Some(data) = data_wanted() else { return };
    let stand = Stand::plain();
    let upstream = stand_ins(&data, &["fbc-derived/web-terminal", "fbc/upstream/any/devworkspace-operator"]);
    upstream.push(stand.client(), &stand.source.host()).unwrap();
    let served = stand_ins(&data, &["fbc/redhat-older/4.18/lvms-operator"]);
    served.push_under(stand.client(), &stand.production.host(), &"olm-redhat".parse().unwrap()).unwrap();
    let before = catalogs::files(&stand, &stand.catalog());

    stand.write("names.json", &dump());
    site(&stand, &upstream);
    stand.write(
        "imageset.yaml",
        &format!(
            "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  operators:\n    \
             - catalog: {}\n      packages:\n        - name: web-terminal\n          channels:\n            \
             - name: fast\n              minVersion: 1.14.0\n              maxVersion: 1.14.0\n",
            World::CATALOG
        ),
    );
    stand.ok("key generate --out @signer");
    stand.ok("plan -c @imageset.yaml --site @site.yaml --installed web-terminal.v1.8.0 -o @plan.json");
    stand.ok("pack --plan @plan.json --key @signer.key -o @upgrade.ombundle");
    stand.ok("verify @upgrade.ombundle --site @site.yaml");
    stand.ok("import @upgrade.ombundle --site @site.yaml --cluster @names.json -o @out");

    // The old package is unchanged, and the new one leads from what runs to what was asked for.
    let after = catalogs::files(&stand, &stand.catalog());
    assert!(catalogs::package(&after, "lvms-operator") == catalogs::package(&before, "lvms-operator"));
    let folder = tempfile::tempdir().unwrap();
    let root = stock::unpacked(&stand, &stand.catalog().to_string(), folder.path());
    assert!(contents(&root.join("configs")) == after, "umoci and our reader disagree");
    let catalog = catalogs::catalog(&after);
    let hops = ["1.9.0", "1.10.0", "1.11.0", "1.12.0", "1.13.0", "1.14.0"]
        .map(|version| format!("web-terminal.v{version}"));
    assert_eq!(catalogs::path(&catalog, "web-terminal", "fast", "web-terminal.v1.8.0"), hops);
    assert!(catalog.packages.contains_key("devworkspace-operator"), "what it depends on came along");

    // Everything that it needs is in production, by digest.
    let skopeo = Skopeo::new(&stand);
    let production = stand.production.host();
    let bundles = catalog.packages.values().flat_map(|package| package.bundles.values());
    let images: BTreeSet<&str> = bundles
        .flat_map(|bundle| {
            bundle.related_images.iter().map(|related| related.image.as_str()).chain([bundle.image.as_str()])
        })
        .filter(|image| !image.is_empty())
        .collect();
    assert!(images.len() > 30, "{} images", images.len());
    for image in images {
        let image: ImageRef = image.parse().unwrap();
        let host = image.repository.host.as_str();
        let (_, prefix) = MAPPED.iter().find(|(source, _)| *source == host).unwrap();
        let pinned =
            format!("{production}/{prefix}/{}@{}", image.repository.repository, image.digest.unwrap());
        assert_eq!(skopeo.raw(&pinned), image.digest, "{pinned}");
    }
    stand.ok("check --site @site.yaml");
    collides_with_nothing(&stand);
}

/// What is to be applied overwrites nothing that the cluster has.
fn collides_with_nothing(stand: &Stand) {
    let taken: BTreeSet<(&str, &str)> = TAKEN.iter().map(|(_, kind, name, _)| (*kind, *name)).collect();
    let files: BTreeMap<String, Vec<u8>> = contents(&stand.path("out/cluster"));
    assert!(files.len() >= 3, "{:?}", files.keys());
    for (file, bytes) in files {
        let object: Value = serde_norway::from_slice(&bytes).unwrap();
        let (kind, name) = (object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap());
        assert!(name.len() <= 63 && !taken.contains(&(kind, name)), "{file}: {kind} {name}");
    }
}
