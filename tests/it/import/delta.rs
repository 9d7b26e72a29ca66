//! Archives that leave out what production has.

use std::fs;

use ombundle::demo::{Generation, ImageSize, World};
use ombundle::plan::ImageKind;
use ombundle::reference::RepositoryRef;
use ombundle::registry::Target;

use super::catalogs;
use super::stand::{Stand, contents};
use super::stock;

#[test]
fn an_archive_with_nothing_new_is_small_and_changes_nothing_that_is_served() {
    let stand = Stand::plain();
    stand.first();
    stand.ok(&Stand::import_line("first"));
    stand.write("again/imageset.yaml", &stand.text("first/imageset.yaml"));
    for file in ["csvs.json", "subscriptions.json"] {
        stand.write(&format!("again/{file}"), &stand.text(&format!("first/{file}")));
    }
    stand.pack("again", "--report @first/out/receipt.json");
    let size = stand.path("again.ombundle").metadata().unwrap().len();
    assert!(size < 100_000, "{size} bytes");
    assert_eq!(stock::plan(&stand, "again").bytes.download, 0);

    let (served, before) = (stand.served(), stand.holdings());
    let imported = stand.ok(&format!("{} --format json", Stand::import_line("again"))).json();
    // The claim of the lease, the signed record of the generation, by which production knows the floor, and nothing else.
    assert_eq!(imported["written"], 4, "{imported}");
    assert_eq!(stand.served(), served);
    let [staging, production] = stand.holdings();
    assert!(staging == before[0], "staging changed");
    let state = stand.production.storage().join("docker/registry/v2/repositories/ombundle");
    for path in production.keys().filter(|path| !before[1].contains_key(*path)) {
        let blob = path.to_str().unwrap().contains("/v2/blobs/");
        assert!(blob || path.starts_with(&state), "{} is new", path.display());
    }
    let again = stand.ok(&format!("{} --format json", Stand::import_line("again"))).json();
    assert_eq!(again["written"], 0);
    // The cluster is told what it was told before.
    let resources = |name: &str| {
        let all = contents(&stand.path(&format!("{name}/out")));
        all.into_iter().filter(|(path, _)| path.starts_with("cluster/")).collect::<Vec<_>>()
    };
    assert!(resources("again") == resources("first"), "other resources");
    stand.ok("check --site @site.yaml");
}

#[test]
fn an_image_of_which_production_lost_a_part_is_delivered() {
    let stand = Stand::plain();
    stand.first();
    stand.ok(&Stand::import_line("first"));
    // One layer of an operator's image is gone, and the report says nothing of it any more.
    let plan = stock::plan(&stand, "first");
    let image =
        plan.images.iter().find(|image| image.kind == ImageKind::Related && image.blobs.len() > 1).unwrap();
    let repository = stock::place(&stand.production.host(), image);
    let uses = |digest| {
        plan.images.iter().filter(|other| other.blobs.iter().any(|blob| blob.digest == digest)).count()
    };
    let lost = image.blobs.iter().map(|blob| blob.digest).find(|digest| uses(*digest) == 1).unwrap();
    fs::remove_file(stand.production.blob_path(&lost)).unwrap();
    stand.expect("check --site @site.yaml", 10);
    let mut receipt: serde_json::Value = serde_json::from_str(&stand.text("first/out/receipt.json")).unwrap();
    let forget = |list: &mut serde_json::Value| {
        list.as_array_mut().unwrap().retain(|digest| *digest != lost.to_string());
    };
    forget(&mut receipt["site"]["digests"]);
    receipt["site"]["repositories"].as_object_mut().unwrap().values_mut().for_each(forget);
    stand.write("again/receipt.json", &receipt.to_string());
    stand.write("again/imageset.yaml", &stand.text("first/imageset.yaml"));
    for file in ["csvs.json", "subscriptions.json"] {
        stand.write(&format!("again/{file}"), &stand.text(&format!("first/{file}")));
    }
    stand.pack("again", "--report @again/receipt.json");
    let needed = stock::plan(&stand, "again").prerequisites;
    assert!(needed.iter().any(|needed| needed.digest == image.root.digest), "its manifest was carried too");
    assert!(!needed.iter().any(|needed| needed.digest == lost), "what is gone was left out");
    stand.ok(&Stand::import_line("again"));
    let folder = tempfile::tempdir().unwrap();
    stock::Skopeo::new(&stand).pull_verbatim(&repository.pin(image.root.digest).to_string(), folder.path());
    stand.ok("check --site @site.yaml");
}

#[test]
fn a_base_that_brings_upstreams_catalog_along_is_not_taken_for_what_was_offered() {
    let stand = Stand::plain();
    stand.ok("key generate --out @signer");
    stand.publish(Generation::First);
    // Upstream's image has opm and catalog in one layer, so that none of it can be left out.
    let path = World::CATALOG.split_once('/').unwrap().1;
    let upstream = format!("{}/{path}", stand.source.host()).parse().unwrap();
    let mut files = catalogs::files(&stand, &upstream);
    files.extend([catalogs::stranger("unasked-operator", "registry.redhat.io/unasked/bundle:v1")]);
    catalogs::push_mixed(&stand, &upstream, &files);
    for file in ["csvs.json", "subscriptions.json"] {
        stand.write(&format!("first/{file}"), "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": []}");
    }
    stand.pack("first", "");
    stand.ok(&Stand::import_line("first"));
    let served = catalogs::served(&stand);
    let packages: Vec<&str> = served.packages.keys().map(String::as_str).collect();
    assert_eq!(packages, ["devworkspace-operator", "web-terminal"]);
    stand.ok("check --site @site.yaml");
}

#[test]
fn a_shared_layer_gets_into_a_new_repository() {
    let stand = Stand::plain();
    stand.first();
    stand.ok(&Stand::import_line("first"));
    // The same image under another name: production has every byte of it, in another repository.
    let world = World::generation(Generation::First, ImageSize::SMALL).unwrap();
    let tools: ombundle::reference::ImageRef = World::ADDITIONAL.parse().unwrap();
    let known = world.published().iter().find(|one| one.repository == tools.repository).unwrap();
    let source: RepositoryRef = format!("{}/rhel9/new-tools", stand.source.host()).parse().unwrap();
    for blob in &known.image.blobs {
        let mut open = || Ok(Box::new(blob.bytes.as_slice()) as Box<dyn std::io::Read>);
        let (size, known) = (blob.bytes.len() as u64, ombundle::registry::Known::Nothing);
        stand.client().push_blob(&source, blob.digest, size, known, &mut open, &|_| {}).unwrap();
    }
    let latest = Target::Tag("latest".parse().unwrap());
    stand.client().push_manifest(&source, &latest, &known.image.manifest).unwrap();
    stand.write(
        "tools/imageset.yaml",
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  additionalImages:\n    \
         - name: registry.redhat.io/rhel9/new-tools:latest\n",
    );
    stand.ok(
        "plan -c @tools/imageset.yaml --site @site.yaml --report @first/out/receipt.json -o @tools/plan.json",
    );
    stand.ok("pack --plan @tools/plan.json --key @signer.key -o @tools.ombundle");
    let served = stand.served();
    stand.ok("import @tools.ombundle --site @site.yaml -o @tools/out");
    assert_eq!(stand.served(), served, "no catalog was asked for");
    let skopeo = stock::Skopeo::new(&stand);
    for registry in [&stand.staging, &stand.production] {
        let image = format!("{}/olm-redhat/rhel9/new-tools@{}", registry.host(), known.image.digest());
        let folder = tempfile::tempdir().unwrap();
        skopeo.pull_verbatim(&image, folder.path());
    }
    let tag = format!("{}/olm-redhat/rhel9/new-tools:latest", stand.production.host());
    assert_eq!(skopeo.raw(&tag), Some(known.image.digest()));
}

#[test]
fn staging_may_be_emptied_between_two_deltas() {
    let stand = Stand::plain();
    stand.first();
    stand.ok(&Stand::import_line("first"));
    stand.publish(Generation::Second);
    stand.pack("second", "--report @first/out/receipt.json");
    let plan = stock::plan(&stand, "second");
    assert!(plan.prerequisites.iter().any(|needed| !needed.manifest), "nothing was left out");
    fs::remove_dir_all(stand.staging.storage()).unwrap();
    stand.ok(&Stand::import_line("second"));
    // What the archive left out came from production; what production has whole need not be staged.
    let skopeo = stock::Skopeo::new(&stand);
    for image in &plan.images {
        let left_out =
            plan.prerequisites.iter().any(|needed| needed.manifest && needed.digest == image.root.digest);
        if !left_out {
            let staged = stock::place(&stand.staging.host(), image).pin(image.root.digest).to_string();
            let folder = tempfile::tempdir().unwrap();
            skopeo.pull_verbatim(&staged, folder.path());
        }
    }
    stock::all_there(&stand, &stand.production, &plan, false);
    stand.ok("check --site @site.yaml");
}

#[test]
fn a_site_without_a_catalog_gets_its_first() {
    let stand = Stand::plain();
    stand.ok("key generate --out @signer");
    stand.publish(Generation::First);
    // Nothing runs there yet.
    for file in ["csvs.json", "subscriptions.json"] {
        stand.write(&format!("first/{file}"), "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": []}");
    }
    stand.pack("first", "");
    assert!(stock::plan(&stand, "first").catalogs[0].base.is_some());
    stand.ok(&Stand::import_line("first"));
    let served = catalogs::served(&stand);
    let packages: Vec<&str> = served.packages.keys().map(String::as_str).collect();
    assert_eq!(packages, ["devworkspace-operator", "web-terminal"]);
    stand.ok("check --site @site.yaml");
    let again = stand.ok(&format!("{} --format json", Stand::import_line("first"))).json();
    assert_eq!(again["written"], 0);
}
