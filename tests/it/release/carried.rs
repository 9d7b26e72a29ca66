//! Releases from the request to the verified archive.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use ombundle::demo::{File, Image};
use ombundle::digest::Digest;
use serde_json::{Value, json};

use super::world::{COMPONENTS, RELEASES, ReleaseRecipe, World, component, graph, signature_path};
use crate::cli::world::against;
use crate::support::peer::Answer;
use crate::support::shared;

fn strings<'v>(values: &'v Value, field: &str) -> Vec<&'v str> {
    values.as_array().unwrap().iter().map(|value| value[field].as_str().unwrap()).collect()
}

/// Kind, source and tag of every image of a plan.
fn images(plan: &Value) -> Vec<String> {
    let name = |image: &Value| {
        let (kind, source) = (image["kind"].as_str().unwrap(), image["source"].as_str().unwrap());
        let tag = image["tag"].as_str().map(|tag| format!(":{tag}")).unwrap_or_default();
        format!("{kind} {source}{tag}")
    };
    plan["images"].as_array().unwrap().iter().map(name).collect()
}

#[test]
fn a_way_of_two_hops_travels_and_is_believed_at_its_end() {
    let (world, digests) = World::with_way();
    let ended = world.plan("--from-release 4.19.3 --to-release 4.20.5");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended.stdout.starts_with("OpenShift 4.19.3 → 4.20.5 for amd64\n  → 4.20.0: "),
        "{}",
        ended.stdout
    );
    let plan = world.json("plan.json");
    assert_eq!(against("plan.v1.json", &plan), [""; 0]);
    assert_eq!(strings(&plan["release_path"]["hops"], "version"), ["4.20.0", "4.20.5"]);
    assert_eq!(strings(&plan["releases"], "version"), ["4.20.0", "4.20.5"]);
    assert_eq!(strings(&plan["installed_gates"], "key"), ["ack-4.19-kube-1.33-api-removals"]);
    let release = &plan["releases"][1];
    assert_eq!(release["image"], format!("quay.io/{RELEASES}@{}", digests[2]));
    assert_eq!(release["tag"], "4.20.5-x86_64");
    assert_eq!(strings(&release["components"], "name"), ["console", "etcd"]);
    assert_eq!(release["url"], "https://errata.example/4.20.5");
    assert_eq!(release["signatures"][0]["key"], world.key.to_lowercase());
    assert_eq!(
        images(&plan),
        [
            "release quay.io/openshift-release-dev/ocp-release:4.20.0-x86_64",
            "release quay.io/openshift-release-dev/ocp-release:4.20.5-x86_64",
            "release-component quay.io/openshift-release-dev/ocp-v4.0-art-dev:4.20.0-x86_64-console",
            "release-component quay.io/openshift-release-dev/ocp-v4.0-art-dev:4.20.0-x86_64-etcd",
            "release-component quay.io/openshift-release-dev/ocp-v4.0-art-dev:4.20.5-x86_64-console",
            "release-component quay.io/openshift-release-dev/ocp-v4.0-art-dev:4.20.5-x86_64-etcd",
        ]
    );

    // What it says comes next is all that has to be said.
    let next = ended.stdout.lines().find_map(|line| line.strip_prefix("next: ombundle ")).unwrap();
    assert_eq!(next, "pack --plan plan.json --release-key release.asc --key signer.key -o upgrade.ombundle");
    let packed = world.run(&next.replace("upgrade", "up"));
    assert_eq!(packed.code, 0, "{}", packed.stderr);
    for keys in ["--trust-key signer.pub --release-key release.asc", "--site site.yaml"] {
        world.folder.write(
            "site.yaml",
            "apiVersion: ombundle.dev/v1\nkind: Site\nmetadata: {name: here}\nspec:\n  staging: {registry: 127.0.0.1:1}\n  production: {registry: 127.0.0.1:2}\n  trust: {keys: [signer.pub]}\n  releases: {keys: [release.asc]}\n",
        );
        let verified = world.run(&format!("verify up.ombundle {keys} --format json"));
        assert_eq!(verified.code, 0, "{}", verified.stderr);
        let verdict: Value = serde_json::from_str(&verified.stdout).unwrap();
        assert_eq!((&verdict["verdict"], &verdict["findings"]), (&json!("verified"), &json!([])));
    }
    let looked = world.run("inspect up.ombundle --trust-key signer.pub");
    let expected = format!("release     OpenShift 4.20.5-x86_64, signed by {}\n", world.key.to_lowercase());
    assert!(looked.stdout.contains(&expected), "{}", looked.stdout);

    // Each blob once, the signatures as the vendor published them, and nothing of the release that runs.
    let listed =
        Command::new("tar").args(["-tf", "up.ombundle"]).current_dir(world.folder.path()).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let entries: Vec<&str> = listed.lines().collect();
    assert_eq!(entries.iter().collect::<BTreeSet<_>>().len(), entries.len());
    let meta: Vec<&&str> = entries.iter().filter(|entry| entry.starts_with("meta/releases/")).collect();
    let mut expected: Vec<String> =
        digests[1..].iter().map(|digest| format!("meta/releases/{}/signature-1", digest.hex())).collect();
    expected.sort();
    assert_eq!(meta, expected.iter().map(String::as_str).collect::<Vec<_>>().iter().collect::<Vec<_>>());
    assert!(!listed.contains(&digests[0].hex()));
    let blobs: BTreeSet<&str> = plan["images"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|image| ["manifests", "blobs"].map(|list| image[list].as_array().unwrap()))
        .flatten()
        .map(|object| object["digest"].as_str().unwrap())
        .collect();
    assert_eq!(entries.iter().filter(|entry| entry.starts_with("oci/blobs/sha256/")).count(), blobs.len());
}

#[test]
fn who_asks_for_the_archives_own_signature_alone_is_told_what_was_not_looked_at() {
    let (world, digests) = World::with_way();
    let ended = world.run(&format!(
        "pack --to-release 4.20.5 --from-release 4.20.0 {} --release-key release.asc --key signer.key -o up.ombundle",
        world.places()
    ));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let verified = world.run("verify up.ombundle --trust-key signer.pub --format json");
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    let verdict: Value = serde_json::from_str(&verified.stdout).unwrap();
    assert_eq!(strings(&verdict["findings"], "code"), ["RELEASE_NOT_COMPARED"]);
    assert_eq!(verdict["findings"][0]["subject"], format!("quay.io/{RELEASES}@{}", digests[2]));
}

#[test]
fn what_a_file_asks_for_travels_with_graph_data_and_without_what_is_left_out() {
    let (world, digests) = World::with_way();
    let base = component("shell", 1_000);
    world.push(&base, "ubi9/ubi", Some("latest"));
    let data = std::fs::read(tarball(&world)).unwrap();
    world.answer("/graph-data", Answer::new(200).with("Content-Type", "application/gzip").body(data.clone()));
    world.folder.write(
        "imageset.yaml",
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  platform:\n    graph: true\n    channels:\n    - {name: stable-4.20, minVersion: 4.20.0, maxVersion: 4.20.5, shortestPath: true}\n",
    );
    world.folder.write(
        "site.yaml",
        format!(
            "apiVersion: ombundle.dev/v1\nkind: Site\nmetadata: {{name: here}}\nspec:\n  staging: {{registry: 127.0.0.1:1}}\n  production: {{registry: 127.0.0.1:2}}\n  repositories: [{{source: quay.io/openshift-release-dev, mirror: ocp4/openshift}}]\n  trust: {{keys: [signer.pub]}}\n  releases:\n    keys: [release.asc]\n    stores: ['http://{0}/signatures']\n    graph: ['http://{0}/graph']\n    graphData: {{source: 'http://{0}/graph-data'}}\n",
            world.peer.host()
        ),
    );
    let ended = world.run(
        "plan -c imageset.yaml --site site.yaml --from-release 4.19.3 --without-component console -o plan.json --format json",
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let plan = world.json("plan.json");
    assert_eq!(strings(&plan["findings"], "code"), ["COMPONENT_LEFT_OUT"]);
    assert_eq!(strings(&plan["releases"], "version"), ["4.20.0", "4.20.5"]);
    for release in plan["releases"].as_array().unwrap() {
        assert_eq!(strings(&release["components"], "name"), ["etcd"]);
        assert_eq!(release["left_out"], json!(["console"]));
    }
    assert_eq!(plan["graph_data"]["digest"], json!(Digest::of(&data)));
    assert_eq!(plan["graph_data"]["base"], format!("registry.access.redhat.com/ubi9/ubi@{}", base.digest()));
    assert!(images(&plan).contains(&"graph-data-base registry.access.redhat.com/ubi9/ubi:latest".to_owned()));
    let packed = world.run("pack --plan plan.json --site site.yaml --key signer.key -o up.ombundle");
    assert_eq!(packed.code, 0, "{}", packed.stderr);
    assert_eq!(world.run("verify up.ombundle --site site.yaml").code, 0);
    let kept = Command::new("tar")
        .args(["-xOf", "up.ombundle", "meta/releases/graph-data.tar.gz"])
        .current_dir(world.folder.path())
        .output()
        .unwrap();
    assert_eq!(Digest::of(&kept.stdout), Digest::of(&data));
    assert!(!digests.is_empty());
}

/// A tarball as the update service has it.
pub(super) fn tarball(world: &World) -> std::path::PathBuf {
    world.folder.write("data/version", "1.1.0\n");
    world.folder.write("data/channels/stable-4.20.yaml", "name: stable-4.20\nversions: [4.20.0, 4.20.5]\n");
    let made = Command::new("tar")
        .args(["-czf", "graph-data.tar.gz", "-C", "data", "."])
        .current_dir(world.folder.path())
        .status()
        .unwrap();
    assert!(made.success());
    world.folder.path().join("graph-data.tar.gz")
}

#[test]
fn a_release_of_4_21_says_whether_its_sigstore_signature_travels() {
    let world = World::new();
    let etcd = world.component("etcd", 1_000);
    let components = [("etcd", etcd)];
    let recipe = |version| ReleaseRecipe { version, components: &components, more: Vec::new() };
    let (one, two) = (recipe("4.21.0"), recipe("4.21.1"));
    let digests = [world.release(&one), world.release(&two)];
    world.graph(&graph(&[("4.21.0", digests[0]), ("4.21.1", digests[1])], &[[0, 1]]));
    let codes = || {
        let ended = world.plan("--from-release 4.21.0 --to-release 4.21.1");
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let plan = world.json("plan.json");
        (plan["findings"][0]["code"].as_str().unwrap().to_owned(), images(&plan))
    };
    assert_eq!(codes().0, "RELEASE_SIGSTORE_MISSING");
    let signature = Image::signature(&format!("quay.io/{RELEASES}"), digests[1]).unwrap();
    let tag = format!("sha256-{}.sig", digests[1].hex());
    world.push(&signature, RELEASES, Some(&tag));
    let (code, images) = codes();
    assert_eq!(code, "RELEASE_SIGSTORE");
    assert!(images.contains(&format!("attachment quay.io/{RELEASES}:{tag}")), "{images:?}");
}

#[test]
fn a_release_for_several_architectures_travels_as_it_was_signed() {
    let world = World::new();
    let etcd = world.component("etcd", 1_000);
    let arm = vec![File::new("release-manifests/arm.yaml", "a: 1\n")];
    let arm = ReleaseRecipe { version: "4.20.5", components: &[("etcd", etcd)], more: arm };
    let recipe = ReleaseRecipe { version: "4.20.5", components: &[("etcd", etcd)], more: Vec::new() };
    let index = Image::index(vec![
        ("linux/amd64".parse().unwrap(), recipe.image()),
        ("linux/arm64".parse().unwrap(), arm.image()),
    ])
    .unwrap();
    let digest = world.push(&index, RELEASES, None);
    world.sign(digest, "4.20.5");
    world.graph(&graph(&[("4.20.5", digest)], &[]));
    let ended = world.plan("--to-release 4.20.5 --arch multi");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let plan = world.json("plan.json");
    assert_eq!(strings(&plan["findings"], "code"), ["RELEASE_START_UNKNOWN"]);
    let release = &plan["releases"][0];
    assert_eq!((&release["tag"], &release["architecture"]), (&json!("4.20.5-multi"), &json!("multi")));
    assert_eq!(plan["images"][0]["manifests"].as_array().unwrap().len(), 3);
    assert_eq!(plan["images"][0]["root"]["digest"], json!(digest));
    // A release for one kind of machine is none for another.
    let one = world.release(&recipe);
    world.graph(&graph(&[("4.20.5", one)], &[]));
    let ended = world.plan("--to-release 4.20.5 --arch arm64");
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    let expected = format!("quay.io/{RELEASES}@{one} is made for amd64, not for arm64");
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
}

/// The real release 4.12.0 with stand-ins for its 183 images.
#[test]
fn the_183_components_of_a_real_release_travel() {
    let Some(data) = shared::data() else { return };
    let file = data.join("release/ocp-4.12.0-x86_64/release-manifests/image-references");
    let mut references: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let world = World::new();
    let mut stand_ins: BTreeMap<String, Image> = BTreeMap::new();
    let mut names = Vec::new();
    for tag in references["spec"]["tags"].as_array_mut().unwrap() {
        let name = tag["name"].as_str().unwrap().to_owned();
        let from = &mut tag["from"]["name"];
        let old = from.as_str().unwrap().to_owned();
        let image = stand_ins.entry(old).or_insert_with(|| component(&name, 2_000));
        *from = json!(format!("quay.io/{COMPONENTS}@{}", image.digest()));
        names.push(name);
    }
    assert_eq!(names.len(), 183);
    let images: Vec<&Image> = stand_ins.values().collect();
    std::thread::scope(|scope| {
        for part in images.chunks(images.len().div_ceil(6)) {
            let world = &world;
            scope.spawn(move || part.iter().for_each(|image| _ = world.push(image, COMPONENTS, None)));
        }
    });
    let recipe = ReleaseRecipe { version: "4.12.0", components: &[], more: Vec::new() };
    let digest = world.push(&recipe.with_references(&references.to_string()), RELEASES, None);
    world.sign(digest, "4.12.0");
    world.graph(&graph(&[("4.12.0", digest)], &[]));
    let ended = world.run(&format!(
        "pack --to-release 4.12.0 --channel stable-4.20 {} --release-key release.asc --key signer.key -o up.ombundle",
        world.places()
    ));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let verified =
        world.run("verify up.ombundle --trust-key signer.pub --release-key release.asc --format json");
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    let looked = world.run("inspect up.ombundle --trust-key signer.pub --format json");
    let inventory: Value = serde_json::from_str(&looked.stdout).unwrap();
    let tags: BTreeSet<&str> = inventory["roots"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|root| root["kind"] == "release-component")
        .map(|root| root["tag"].as_str().unwrap())
        .collect();
    let expected: Vec<String> = names.iter().map(|name| format!("4.12.0-x86_64-{name}")).collect();
    assert_eq!(tags, expected.iter().map(String::as_str).collect());
    assert_eq!(world.peer.asked().iter().filter(|asked| asked.path == signature_path(digest)).count(), 1);
}
