//! Where the sides say different things of one entry, bundle or blob: which one counts, and whether it is told.

use super::*;
use crate::merge::Mode;

fn merged(base: &[&str], delta: &[&str]) -> (MergeOutcome, Vec<String>) {
    let outcome = merge(&channel(base), &channel(delta), &[], &MergeOptions::default());
    let told = codes(&outcome);
    (outcome, told)
}

fn entries(outcome: &MergeOutcome) -> Vec<String> {
    written(outcome.catalog.as_ref().unwrap().catalog(), "fast")
}

#[test]
fn an_edge_that_the_other_side_skips_is_no_contradiction() {
    let chain = ["1.1.0 -> 1.0.0", "1.0.0"];
    let skipping = [&["1.2.0 -> 1.0.0 skips 1.1.0"][..], &chain].concat();
    let plain = [&["1.2.0 -> 1.1.0"][..], &chain].concat();
    for (base, delta) in [(&skipping, &plain), (&plain, &skipping)] {
        let (outcome, told) = merged(base, delta);
        assert_eq!(told, [] as [&str; 0]);
        assert_eq!(entries(&outcome), *skipping);
    }
}

#[test]
fn another_edge_of_one_entry_is_told() {
    let base = ["1.3.0 -> 1.1.0", "1.1.0 -> 1.0.0", "1.0.0"];
    let delta = ["1.3.0 -> 1.2.0", "1.2.0 -> 1.1.0", "1.1.0 -> 1.0.0", "1.0.0"];
    let (outcome, told) = merged(&base, &delta);
    assert_eq!(told, ["ENTRY_REPLACES"]);
    assert_eq!(entries(&outcome), delta);
}

#[test]
fn what_is_skipped_so_that_nothing_hangs_in_the_air_is_told() {
    let delta = ["1.4.0 -> 1.0.0 skips 1.2.0 range >=1.0.0 <1.4.0", "1.0.0"];
    let (outcome, _) = merged(&["1.2.0 -> 1.1.0", "1.1.0 -> 1.0.0", "1.0.0"], &delta);
    let told = outcome.report.findings.iter().find(|finding| finding.code == "WITHHELD").unwrap();
    assert!(told.message.starts_with("`p.v1.1.0` led on to `p.v1.4.0` by its skipRange"), "{}", told.message);
}

#[test]
fn an_open_range_takes_no_later_version() {
    let delta = ["2.0.0 -> 1.5.0", "1.5.0 -> 1.4.0 range >=1.0.0", "1.4.0"];
    assert_eq!(merged(&["1.6.0 -> 1.4.0", "1.4.0"], &delta).1, ["!MULTIPLE_HEADS"]);
}

#[test]
fn an_edge_is_restored_only_to_what_the_channel_has_not_got() {
    let options =
        MergeOptions { modes: BTreeMap::from([("p".to_owned(), Mode::Replace)]), ..MergeOptions::default() };
    let delta = ["1.3.0 -> 1.1.0", "1.1.0"];
    let outcome = merge(&channel(&["1.1.0"]), &channel(&delta), &[csv("1.1.0", "1.3.0")], &options);
    assert_eq!(entries(&outcome), delta);
}

#[test]
fn bundles_with_different_tags_are_not_one() {
    let with_image = |image: &str| {
        let mut blobs = blobs(&[("fast", &["1.0.0"])]);
        let bundle = blobs.iter_mut().find(|blob| blob["schema"] == "olm.bundle").unwrap();
        bundle["image"] = json!(image);
        linked(&blobs)
    };
    let (base, delta) = (with_image("quay.io/a/p:one"), with_image("quay.io/a/p:two"));
    assert_eq!(codes(&merge(&base, &delta, &[], &MergeOptions::default())), ["!BUNDLE_IMAGE"]);
}

#[test]
fn two_names_of_one_version_are_refused_with_the_way_out() {
    let text = serde_json::to_string(&blobs(&[("fast", &["1.2.0 -> 1.1.0"])])).unwrap();
    let text = text.replace("\"version\":\"1.2.0\"", "\"version\":\"1.1.0\"");
    let delta = linked(&serde_json::from_str::<Vec<Value>>(&text).unwrap());
    let outcome = merge(&channel(&["1.1.0 -> 1.0.0", "1.0.0"]), &delta, &[], &MergeOptions::default());
    let told = outcome.report.findings.iter().find(|finding| finding.code == "VERSION_DUP").unwrap();
    assert!(told.hint.contains("take the archive's package whole"), "{}", told.hint);
}

#[test]
fn blobs_without_a_name_are_one_only_if_they_are_equal() {
    let with_blob = |value: u32| {
        let mut blobs = blobs(&[("fast", &["1.0.0"])]);
        blobs.push(json!({"schema": "x", "package": "p", "value": value}));
        linked(&blobs)
    };
    for (delta, count) in [(1, 1), (2, 2)] {
        let outcome = merge(&with_blob(1), &with_blob(delta), &[], &MergeOptions::default());
        assert_eq!(codes(&outcome), [] as [&str; 0]);
        assert_eq!(outcome.catalog.unwrap().catalog().packages["p"].others.len(), count);
    }
}
