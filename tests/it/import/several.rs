//! One archive that changes two catalogs: none of them before all are ready.

use std::fs;
use std::process::Stdio;

use ombundle::demo::{Generation, ImageSize, StandIns};
use ombundle::digest::Digest;
use ombundle::reference::ImageRef;

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
    let path = OTHER.split_once('/').unwrap().1;
    stand.edit(
        "site.yaml",
        "  platforms:",
        &format!("    - {{source: {OTHER}, mirror: olm-redhat/{path}, name: cs-vendor}}\n  platforms:"),
    );
    stand.edit(
        "first/imageset.yaml",
        "  additionalImages:",
        &format!("    - catalog: {OTHER}\n      packages:\n        - name: late-operator\n  additionalImages:"),
    );
    stand.pack("first", "");
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
