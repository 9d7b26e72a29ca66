//! OpenShift and an operator in one plan, one archive, one runbook: the operator moves between two updates of the cluster.

use std::collections::BTreeMap;

use ombundle::catalog::image::CONFIGS_LABEL;
use ombundle::demo::{File, Image, Layer, Recipe};
use ombundle::digest::Digest;
use serde_json::{Value, json};

use super::site::{IMAGES, IMPORT, Site};
use super::world::{RELEASES, ReleaseRecipe, World, graph};

const CATALOG: &str = "redhat/redhat-operator-index";

/// A version of the operator: its name, the highest OpenShift that takes it, the oldest Kubernetes that it takes.
struct Version {
    name: &'static str,
    replaces: Option<&'static str>,
    last: &'static str,
    kubernetes: &'static str,
}

const VERSIONS: [Version; 2] = [
    Version { name: "1.0.0", replaces: None, last: "4.20", kubernetes: "1.28.0" },
    Version { name: "2.0.0", replaces: Some("1.0.0"), last: "4.21", kubernetes: "1.33.0" },
];

impl Version {
    fn csv(&self) -> String {
        format!("gizmo.v{}", self.name)
    }

    /// Pushes the bundle. What the catalog says of it.
    fn publish(&self, world: &World) -> Value {
        let operator = world.push(&super::world::component(&self.csv(), 20_000), "gizmo/operator", None);
        let operator = format!("registry.redhat.io/gizmo/operator@{operator}");
        let csv = json!({
            "apiVersion": "operators.coreos.com/v1alpha1", "kind": "ClusterServiceVersion",
            "metadata": {"name": self.csv(), "annotations": {"containerImage": operator}},
            "spec": {"version": self.name, "minKubeVersion": self.kubernetes, "replaces": self.replaces.map(|name| format!("gizmo.v{name}")),
                     "relatedImages": [{"name": "operator", "image": operator}],
                     "install": {"strategy": "deployment", "spec": {"deployments": []}}},
        });
        let labels = [
            ("mediatype", "registry+v1"),
            ("manifests", "manifests/"),
            ("metadata", "metadata/"),
            ("package", "gizmo"),
            ("channels", "stable"),
        ]
        .map(|(name, value)| (format!("operators.operatorframework.io.bundle.{name}.v1"), value));
        let annotations = json!({"annotations": labels.iter().cloned().collect::<BTreeMap<_, _>>()});
        let properties = json!({"properties": [{"type": "olm.maxOpenShiftVersion", "value": self.last}]});
        let files = [
            File::new("manifests/gizmo.clusterserviceversion.yaml", csv.to_string()),
            File::new("metadata/annotations.yaml", annotations.to_string()),
            File::new("metadata/properties.yaml", properties.to_string()),
        ];
        let image = Image::build(&Recipe::of(vec![Layer::of(&files).unwrap()]).labels(labels)).unwrap();
        let image = format!("registry.redhat.io/gizmo/bundle@{}", world.push(&image, "gizmo/bundle", None));
        json!({
            "schema": "olm.bundle", "package": "gizmo", "name": self.csv(), "image": image,
            "relatedImages": [{"name": "", "image": image}, {"name": "operator", "image": operator}],
            "properties": [{"type": "olm.package", "value": {"packageName": "gizmo", "version": self.name}},
                           {"type": "olm.maxOpenShiftVersion", "value": self.last},
                           {"type": "olm.csv.metadata", "value": {"minKubeVersion": self.kubernetes}}],
        })
    }

    /// What the cluster says while it runs: itself, its Subscription, the release.
    fn dump(&self) -> Value {
        let properties = json!({"properties": [{"type": "olm.package", "value": {"packageName": "gizmo", "version": self.name}},
                                               {"type": "olm.maxOpenShiftVersion", "value": self.last}]});
        let name = |name: &str| json!({"name": name, "namespace": "gizmo"});
        let mut csv = name(&self.csv());
        csv["annotations"] = json!({"operatorframework.io/properties": properties.to_string()});
        json!({"kind": "List", "apiVersion": "v1", "items": [
            {"kind": "ClusterVersion", "apiVersion": "config.openshift.io/v1", "metadata": {"name": "version"},
             "status": {"desired": {"version": "4.19.3"}}},
            {"kind": "ClusterServiceVersion", "apiVersion": "operators.coreos.com/v1alpha1", "metadata": csv,
             "spec": {"version": self.name}, "status": {"phase": "Succeeded"}},
            {"kind": "Subscription", "apiVersion": "operators.coreos.com/v1alpha1", "metadata": name("gizmo"),
             "spec": {"name": "gizmo", "channel": "stable", "source": "cs-redhat", "sourceNamespace": "openshift-marketplace",
                      "installPlanApproval": "Manual"},
             "status": {"installedCSV": self.csv(), "currentCSV": self.csv()}},
        ]})
    }
}

/// Upstream's catalog: 1.0.0 → 2.0.0.
fn publish_catalog(world: &World) {
    let entry = |version: &Version| {
        let replaces = version.replaces.map(|name| format!("gizmo.v{name}"));
        json!({"name": version.csv(), "replaces": replaces})
    };
    let mut blobs = vec![
        json!({"schema": "olm.package", "name": "gizmo", "defaultChannel": "stable"}),
        json!({"schema": "olm.channel", "package": "gizmo", "name": "stable", "entries": VERSIONS.each_ref().map(entry)}),
    ];
    blobs.extend(VERSIONS.iter().map(|version| version.publish(world)));
    let text = blobs.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    let layers =
        [File::program("bin/opm", "#!/bin/sh\nexit 1\n"), File::new("configs/gizmo/catalog.json", text)];
    let layers = layers.iter().map(|file| Layer::of(std::slice::from_ref(file)).unwrap()).collect();
    let mut recipe = Recipe::of(layers).labels([(CONFIGS_LABEL, "/configs")]);
    recipe.entrypoint = vec!["/bin/opm".to_owned()];
    recipe.arguments = vec!["serve".to_owned(), "/configs".to_owned()];
    world.push(&Image::build(&recipe).unwrap(), CATALOG, Some("v4.20"));
}

/// A cluster on 4.19.3 that shall get to 4.21.1, and an operator on 1.0.0 that OpenShift 4.21 refuses.
fn world() -> Site {
    let world = World::new();
    let etcd = world.component("etcd", 30_000);
    let digests = ["4.19.3", "4.20.0", "4.21.1"].map(|version| {
        world.release(&ReleaseRecipe { version, components: &[("etcd", etcd)], more: Vec::new() })
    });
    world.graph(&graph(
        &[("4.19.3", digests[0]), ("4.20.0", digests[1]), ("4.21.1", digests[2])],
        &[[0, 1], [1, 2]],
    ));
    publish_catalog(&world);
    let site = Site::of(world, digests);
    site.edit(
        "site.yaml",
        "  platforms:",
        "  catalogs:\n  - {source: 'registry.redhat.io/redhat/redhat-operator-index:v4.20', mirror: 'olm/redhat-operator-index:v4.20', name: cs-redhat}\n  platforms:",
    );
    site.world.folder.write(
        "imageset.yaml",
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  platform:\n    channels: [{name: stable-4.21, minVersion: 4.21.1, maxVersion: 4.21.1}]\n  operators:\n  - catalog: registry.redhat.io/redhat/redhat-operator-index:v4.20\n    packages: [{name: gizmo}]\n",
    );
    site.world.folder.write("cluster.json", VERSIONS[0].dump().to_string());
    site
}

const PLAN: &str = "plan -c imageset.yaml --site site.yaml --cluster cluster.json -o plan.json";

/// What a plan orders: where each step leads.
fn steps(plan: &Value) -> Vec<&str> {
    plan["order"].as_array().unwrap().iter().map(|step| step["to"].as_str().unwrap()).collect()
}

#[test]
fn an_operator_moves_between_two_updates_of_the_cluster() {
    let site = world();
    let [_, middle, last] = site.digests;
    // Nodes of 4.21 ask for it.
    let signature = Image::signature(&format!("quay.io/{RELEASES}"), last).unwrap();
    let kept = format!("sha256-{}.sig", last.hex());
    let signature = site.world.push(&signature, RELEASES, Some(&kept));

    let plan = site.json(PLAN, 0);
    assert_eq!(steps(&plan), ["4.20.0", "gizmo.v2.0.0", "4.21.1"]);
    assert_eq!(plan["order"][1]["why"], json!({"rule": "frees", "openshift": "4.21"}));
    assert_eq!(plan["release_path"]["from"], "4.19.3", "as the dump says");
    let text = site.ok(PLAN).stdout;
    let order = "in this order\n  1. OpenShift 4.19.3 → 4.20.0\n  2. gizmo: gizmo.v1.0.0 → gizmo.v2.0.0  (OpenShift refuses 4.21 while the former version runs)\n  3. OpenShift 4.20.0 → 4.21.1\n";
    assert!(text.contains(order), "{text}");

    let next = text.lines().find_map(|line| line.strip_prefix("next: ombundle ")).unwrap();
    assert_eq!(next, "pack --plan plan.json --site site.yaml --key signer.key -o upgrade.ombundle");
    site.ok(&next.replace("upgrade", "up"));
    site.ok("verify up.ombundle --site site.yaml");
    site.ok(&format!("{IMPORT} --cluster cluster.json"));
    assert_eq!(site.tag(IMAGES, &kept), Some(signature), "beside the release image");
    let runbook = site.text("out/RUNBOOK.md");
    let to = |digest: Digest| format!("--to-image=quay.io/{RELEASES}@{digest}\n");
    let in_order = [
        "snapshot db",
        &to(middle),
        "wait clusterserviceversion/gizmo.v2.0.0",
        "`gizmo.v2.0.0` allows OpenShift up to `4.21`",
        &to(last),
    ];
    in_order.iter().fold(0, |from, text| {
        let at = runbook[from..].find(text).unwrap_or_else(|| panic!("`{text}` is not there: {runbook}"));
        from + at + text.len()
    });
    for (file, said) in [("out/RUNBOOK.ko.md", "gizmo.v2.0.0"), ("out/RUNBOOK.zh.md", "gizmo.v2.0.0")] {
        assert!(site.text(file).contains(said) && site.text(file).contains(to(last).trim_end()), "{file}");
    }
    site.ok("check --site site.yaml");

    // Once both have moved there is nothing left to order.
    site.world.folder.write("cluster.json", VERSIONS[1].dump().to_string().replace("4.19.3", "4.21.1"));
    let done = site.json(&format!("{PLAN} --report out/receipt.json"), 0);
    assert_eq!(done["order"], Value::Null, "{done}");
}

#[test]
fn a_plan_without_the_operator_would_strand_the_cluster_half_way() {
    let site = world();
    site.edit(
        "imageset.yaml",
        "    packages: [{name: gizmo}]\n",
        "    packages: [{name: gizmo, minVersion: 1.0.0, maxVersion: 1.0.0}]\n",
    );
    let plan = site.json(PLAN, 6);
    let found: Vec<_> =
        plan["findings"].as_array().unwrap().iter().filter(|one| one["severity"] == "error").collect();
    assert_eq!(
        (&found[0]["code"], &found[0]["subject"]),
        (&json!("OPENSHIFT_BLOCKED"), &json!("package gizmo")),
        "{plan}"
    );
    assert!(
        found[0]["message"].as_str().unwrap().contains("`gizmo.v1.0.0` is good for OpenShift 4.20 at most"),
        "{plan}"
    );
}

/// What runs is said by a flag, else by a dump, else by a report.
#[test]
fn the_release_that_runs_is_known_from_a_dump_or_a_report() {
    let site = world();
    let starts = |words: &str| {
        let plan = site.json(&format!("plan -c imageset.yaml --site site.yaml {words}"), 0);
        plan["release_path"]["from"].as_str().map(str::to_owned)
    };
    assert_eq!(starts(""), None);
    assert_eq!(starts("--cluster cluster.json").as_deref(), Some("4.19.3"));
    site.ok(
        "pack --to-release 4.20.0 --cluster cluster.json --site site.yaml --key signer.key -o up.ombundle",
    );
    site.world.folder.write("now.json", VERSIONS[0].dump().to_string().replace("4.19.3", "4.20.0"));
    site.ok(&format!("{IMPORT} --cluster now.json"));
    let report = "--report out/receipt.json";
    assert_eq!(starts(report).as_deref(), Some("4.20.0"));
    assert_eq!(starts(&format!("{report} --cluster cluster.json")).as_deref(), Some("4.19.3"));
    assert_eq!(
        starts(&format!("{report} --cluster cluster.json --from-release 4.20.0")).as_deref(),
        Some("4.20.0")
    );
}
