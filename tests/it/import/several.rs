//! One archive that changes two catalogs: none of them before all are ready.

use std::fs;
use std::process::Stdio;

use ombundle::demo::{Generation, ImageSize, StandIns};
use ombundle::digest::Digest;
use ombundle::reference::ImageRef;
use serde_json::Value;

use super::catalogs;
use super::stand::{Ended, Stand, until};

/// The second catalog, upstream. Catalogs come in the order of their names.
pub(crate) const OTHER: &str = "registry.redhat.io/redhat/vendor-operator-index:v4.20";
/// The bundle image of the one operator in it.
const BUNDLE: &str = "late/late-operator-bundle";

/// `first.ombundle` for both catalogs, of which production has only the first.
pub(crate) fn pack_both(stand: &Stand) {
    stand.incumbent();
    stand.publish(Generation::First);
    let (path, text) = catalogs::stranger("late-operator", &format!("registry.redhat.io/{BUNDLE}:v1"));
    let parts = StandIns::of(&[(path, text)], ImageSize::SMALL).unwrap();
    let world = parts.published_as(&OTHER.parse().unwrap(), ImageSize::SMALL).unwrap();
    world.push(stand.client(), &stand.source.host()).unwrap();
    serve_other(stand);
    stand.edit(
        "first/imageset.yaml",
        "  additionalImages:",
        &format!(
            "    - catalog: {OTHER}\n      packages:\n        - name: late-operator\n  additionalImages:"
        ),
    );
    stand.pack("first", "");
}

/// The site file has both catalogs.
fn serve_other(stand: &Stand) {
    let path = OTHER.split_once('/').unwrap().1;
    let entry =
        format!("    - {{source: {OTHER}, mirror: olm-redhat/{path}, name: cs-vendor}}\n  platforms:");
    stand.edit("site.yaml", "  platforms:", &entry);
}

/// The second catalog's tag in production.
pub(crate) fn other(stand: &Stand) -> ImageRef {
    format!("{}/olm-redhat/{}", stand.production.host(), OTHER.split_once('/').unwrap().1).parse().unwrap()
}

fn both(stand: &Stand) -> [Option<Digest>; 2] {
    [stand.served(), stand.digest_of(&other(stand))]
}

#[test]
fn two_catalogs_come_in_one_archive() {
    let stand = Stand::secured();
    pack_both(&stand);
    let before = both(&stand);
    assert!(before[0].is_some() && before[1].is_none(), "{before:?}");
    stand.ok(&Stand::import_line("first"));
    let served = catalogs::catalog(&catalogs::files(&stand, &other(&stand)));
    assert_eq!(served.packages.keys().collect::<Vec<_>>(), ["late-operator"]);
    assert_eq!(catalogs::served(&stand).packages.len(), 3);
    stand.ok("check --site @site.yaml");
    let again = stand.ok(&format!("{} --format json", Stand::import_line("first"))).json();
    assert_eq!(again["written"], 0);
}

#[test]
fn what_stops_the_second_catalog_stops_the_first() {
    let stand = Stand::plain();
    pack_both(&stand);
    let before = both(&stand);
    // The third record says that production has all of it; then a clean-up takes an image of the second catalog away.
    let mut import = stand.traced("fdatasync:delay_exit=3000000:when=3", &Stand::import_line("first"));
    let import = import.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("promotion", || {
        fs::read_to_string(stand.path("state/journal.jsonl")).is_ok_and(|text| text.contains("\"promoted\""))
    });
    let gone = format!("docker/registry/v2/repositories/olm-redhat/{BUNDLE}/_manifests");
    fs::remove_dir_all(stand.production.storage().join(gone)).unwrap();
    let ended: Ended = import.wait_with_output().unwrap().into();
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(ended.stderr.contains(BUNDLE), "{}", ended.stderr);
    assert_eq!(both(&stand), before, "a catalog was switched");
    assert!(!stand.text("state/journal.jsonl").contains("\"switched\""));
    // The same command brings back what was taken, and goes on.
    stand.ok(&Stand::import_line("first"));
    assert!(both(&stand)[1].is_some());
    assert_ne!(both(&stand)[0], before[0]);
    stand.ok("check --site @site.yaml");
}

#[test]
fn the_receipt_tells_of_the_whole_site() {
    let stand = Stand::plain();
    pack_both(&stand);
    stand.ok(&Stand::import_line("first"));
    let receipt = |name: &str| -> Value {
        serde_json::from_str(&stand.text(&format!("{name}/out/receipt.json"))).unwrap()
    };
    let installed = receipt("first")["site"]["installed"].clone();
    assert_eq!(installed.as_array().unwrap().len(), 2, "{installed}");

    // The next archive changes one of the catalogs, and nobody asked the cluster.
    stand.publish(Generation::Second);
    serve_other(&stand);
    stand.pack("second", "--report @first/out/receipt.json");
    let line = "import @second.ombundle --site @site.yaml -o @second/out --accept-time clock-was-repaired --format json";
    let imported = stand.ok(line).json();
    let codes: Vec<&str> = imported["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["code"].as_str().unwrap())
        .collect();
    assert!(codes.contains(&"INSTALLED_KEPT"), "{imported}");
    let second = receipt("second");
    let site = &second["site"];
    let catalogs: Vec<&str> = site["catalogs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|catalog| catalog["mirror"].as_str().unwrap())
        .collect();
    assert_eq!(catalogs, [stand.catalog().to_string(), other(&stand).to_string()]);
    assert_eq!(site["catalogs"][1]["digest"], both(&stand)[1].unwrap().to_string());
    assert!(!site["repositories"][format!("olm-redhat/{BUNDLE}")].as_array().unwrap().is_empty());
    assert_eq!(site["installed"], installed);
    assert_eq!(second["accept_time"], "clock-was-repaired");
    // What the report knows of the other catalog need not travel again.
    stand.write(
        "third/imageset.yaml",
        &format!(
            "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  operators:\n    \
             - catalog: {OTHER}\n      packages:\n        - name: late-operator\n"
        ),
    );
    stand.ok("plan -c @third/imageset.yaml --site @site.yaml --report @second/out/receipt.json -o @third/plan.json");
    let plan = super::stock::plan(&stand, "third");
    let bundle = plan.images.iter().find(|image| image.source.to_string().ends_with(BUNDLE)).unwrap();
    assert!(plan.prerequisites.iter().any(|needed| needed.digest == bundle.root.digest), "it travels again");
}
