//! `--paranoid`: a registry that keeps a blob under its digest, with its size, and with other bytes.

use std::fs;
use std::io::Read;

use ombundle::digest::Digest;
use ombundle::limits::LIMITS;
use ombundle::plan::{ImageKind, PlannedImage};
use ombundle::registry::Known;
use ombundle::site::SiteReport;

use super::gate::Gate;
use super::stand::Stand;
use super::stock;

/// The last layer of an operator's image.
fn layer(stand: &Stand) -> (PlannedImage, Digest) {
    let plan = stock::plan(stand, "first");
    let image = plan.images.into_iter().find(|image| image.kind == ImageKind::Bundle).unwrap();
    let layer = image.blobs.last().unwrap().digest;
    (image, layer)
}

/// Flips a bit of a blob where production keeps it.
fn flip(stand: &Stand, digest: &Digest) {
    let path = stand.production.blob_path(digest);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn check_finds_a_flipped_bit_only_when_it_reads() {
    let stand = Stand::secured();
    stand.first();
    stand.ok(&Stand::import_line("first"));
    stand.ok("check --site @site.yaml --paranoid");
    let (_, layer) = layer(&stand);
    flip(&stand, &layer);
    stand.ok("check --site @site.yaml");
    let found = stand.expect("check --site @site.yaml --paranoid --format json", 10).json();
    let told = found["findings"].as_array().unwrap();
    // Each image that has the layer is named.
    let named =
        |finding: &serde_json::Value| finding["message"].as_str().unwrap().contains(&layer.to_string());
    assert!(!told.is_empty() && told.iter().all(named), "{found}");
}

#[test]
fn a_registry_that_says_it_has_what_it_does_not_hand_out() {
    let stand = Stand::plain();
    stand.first();
    stand.ok(&Stand::import_line("first"));
    let (image, layer) = layer(&stand);
    let production = stand.production.host();
    let place = stock::place(&production, &image).repository;
    let liar = Gate::denying(&production, &format!("GET /v2/{place}/blobs/{layer} "));
    stand.edit("site.yaml", &production.to_string(), liar.host());
    stand.ok("check --site @site.yaml");
    let found = stand.expect("check --site @site.yaml --paranoid --format json", 10).json();
    let told = found["findings"].as_array().unwrap();
    assert!(!told.is_empty() && found.to_string().contains(&layer.to_string()), "{found}");
    // A report believes it, and one that reads does not promise what nobody can get.
    let held = |more: &str| {
        stand.ok(&format!("site report --site @site.yaml -o @site.json {more}"));
        let report = SiteReport::parse(&fs::read(stand.path("site.json")).unwrap(), &LIMITS).unwrap();
        report.held[&place].holds(&layer)
    };
    assert!(held("") && !held("--paranoid"));
}

#[test]
fn an_import_that_reads_back_puts_nothing_damaged_in_force() {
    let stand = Stand::plain();
    stand.first();
    let old = stand.served();
    // The layer is there already, from a former trip, and its storage has rotted since.
    let (image, layer) = layer(&stand);
    let source = image.source.to_string();
    let from: ombundle::reference::RepositoryRef =
        format!("{}/{}", stand.source.host(), source.split_once('/').unwrap().1).parse().unwrap();
    let blob = image.blobs.iter().find(|blob| blob.digest == layer).unwrap();
    let mut bytes = Vec::new();
    stand.client().blob(&from, blob, 0).unwrap().read_to_end(&mut bytes).unwrap();
    let place = stock::place(&stand.production.host(), &image);
    let mut open = || Ok(Box::new(bytes.as_slice()) as Box<dyn Read>);
    let size = bytes.len() as u64;
    stand.client().push_blob(&place, layer, size, Known::Nothing, &mut open, &|_| {}).unwrap();
    flip(&stand, &layer);

    let ended = stand.expect(&format!("{} --paranoid", Stand::import_line("first")), 3);
    assert!(ended.stderr.contains(&layer.to_string()) && ended.stderr.contains("hint:"), "{}", ended.stderr);
    assert_eq!(stand.served(), old);
    // Its administrator deletes the blob; the same command brings it anew.
    fs::remove_file(stand.production.blob_path(&layer)).unwrap();
    stand.ok(&format!("{} --paranoid", Stand::import_line("first")));
    assert_ne!(stand.served(), old);
}
