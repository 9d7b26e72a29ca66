//! What a site says of itself, carried out, and the archive that comes of it.

use std::collections::BTreeSet;
use std::fs;

use ombundle::demo::Generation;
use ombundle::digest::Digest;
use ombundle::limits::LIMITS;
use ombundle::plan::{ImageKind, Plan};
use ombundle::reference::RepositoryRef;
use ombundle::registry::Target;
use ombundle::site::SiteReport;
use serde_json::Value;

use super::stand::{Stand, two_generations};
use super::stock;

const REPORT: &str = "site report --site @site.yaml --cluster @first/csvs.json --cluster @first/subscriptions.json -o @site.json";

fn report(stand: &Stand) -> SiteReport {
    SiteReport::parse(&fs::read(stand.path("site.json")).unwrap(), &LIMITS).unwrap()
}

/// Whether production has an object of an image where the image lands.
fn is_there(stand: &Stand, place: &RepositoryRef, digest: Digest, manifest: bool) -> bool {
    let client = stand.client();
    if manifest {
        client.head_manifest(place, &Target::Digest(digest)).unwrap().is_some()
    } else {
        client.blob_size(place, digest).unwrap().is_some()
    }
}

/// What of a plan production has in every repository that needs it, and the rest, as the registry itself says.
fn by_hand(stand: &Stand, plan: &Plan) -> [BTreeSet<Digest>; 2] {
    let [mut there, mut missing] = [BTreeSet::new(), BTreeSet::new()];
    for image in &plan.images {
        let place = stock::place(&stand.production.host(), image);
        let manifests = image.manifests.iter().map(|object| (object.digest, true));
        for (digest, manifest) in manifests.chain(image.blobs.iter().map(|object| (object.digest, false))) {
            // What a catalog is built on lands elsewhere, and always travels.
            let held = !image.kind.is_base() && is_there(stand, &place, digest, manifest);
            if held { &mut there } else { &mut missing }.insert(digest);
        }
    }
    there.retain(|digest| !missing.contains(digest));
    [there, missing]
}

fn left_out(plan: &Plan) -> BTreeSet<Digest> {
    plan.prerequisites.iter().map(|needed| needed.digest).collect()
}

#[test]
fn an_archive_for_a_report_carries_exactly_what_is_missing() {
    let stand = Stand::plain();
    stand.first();
    stand.ok(&Stand::import_line("first"));
    stand.ok(REPORT);
    let said = report(&stand);
    assert_eq!((said.site.as_str(), said.generation), ("small-world", 1));
    assert!(!said.edited && said.checksum.is_some());
    let size = stand.path("site.json").metadata().unwrap().len();
    assert!(size < 100_000, "{size} bytes");

    stand.publish(Generation::Second);
    stand.pack("second", "--report @site.json");
    let plan = stock::plan(&stand, "second");
    let [there, missing] = by_hand(&stand, &plan);
    assert_eq!(left_out(&plan), there);
    assert!(there.len() > 3 && missing.len() > 3, "{} and {}", there.len(), missing.len());
    assert_eq!(plan.sequence, 2);
    assert_eq!(plan.predecessor, said.inventory);
    // What the journal's machine wrote as a receipt says the same.
    stand.ok(
        "plan -c @second/imageset.yaml --site @site.yaml --cluster @second/csvs.json --cluster @second/subscriptions.json \
         --report @first/out/receipt.json -o @second/by-receipt.json",
    );
    let by_receipt: Plan = serde_json::from_str(&stand.text("second/by-receipt.json")).unwrap();
    assert!(left_out(&by_receipt).is_subset(&there));
    stand.ok(&Stand::import_line("second"));
    stand.ok("check --site @site.yaml");
}

#[test]
fn a_report_shows_what_is_served_what_runs_and_how_much_there_is() {
    let stand = Stand::plain();
    stand.first();
    stand.ok(&Stand::import_line("first"));
    let ended = stand.ok(REPORT);
    assert!(
        ended.stdout.contains("site small-world, generation 1: 1 catalog with 3 packages"),
        "{}",
        ended.stdout
    );
    let said = report(&stand);
    let [catalog] = said.catalogs.as_slice() else { panic!("{:?}", said.catalogs) };
    assert_eq!(Some(catalog.digest), stand.served());
    let terminal = &catalog.packages["web-terminal"];
    let fast = &terminal.channels[&terminal.default_channel];
    assert_eq!(fast.entries, fast.names.len());
    assert!(fast.names.contains(fast.head.as_ref().unwrap()), "{fast:?}");
    assert!(said.installed.iter().any(|one| one.name == "web-terminal.v1.8.0"), "{:?}", said.installed);
    let cluster = said.cluster.as_ref().unwrap();
    assert!(cluster.subscriptions.iter().any(|one| one.package == "web-terminal"), "{cluster:?}");
    // Bytes as the registry has them: every object of a repository once.
    let plan = stock::plan(&stand, "first");
    let image = plan.images.iter().find(|image| image.kind == ImageKind::Additional).unwrap();
    let place = stock::place(&stand.production.host(), image);
    let size: u64 = image.manifests.iter().chain(&image.blobs).map(|object| object.size).sum();
    let state = &said.held[&place.repository];
    assert_eq!((state.bytes, state.images.len()), (size, 1));
    assert!(state.images.contains(&image.root.digest));
    let staging = said.staging.as_ref().unwrap();
    assert!(staging.images > 0 && staging.bytes > 0, "{staging:?}");
    // Without a folder of records production itself knows the generation.
    fs::remove_dir_all(stand.path("state")).unwrap();
    stand.ok(REPORT);
    assert_eq!(report(&stand).generation, 1);
    assert_eq!(report(&stand).inventory, said.inventory);
}

#[test]
fn before_the_first_import_a_report_says_what_was_there() {
    let stand = Stand::plain();
    stand.incumbent();
    stand.publish(Generation::First);
    stand.ok(REPORT);
    assert_eq!(report(&stand).generation, 0);
    stand.pack("first", "--report @site.json");
    let plan = stock::plan(&stand, "first");
    let [there, _] = by_hand(&stand, &plan);
    assert_eq!(left_out(&plan), there);
    assert!(plan.images.iter().all(|image| image.kind != ImageKind::CatalogBase), "production has a catalog");
    stand.ok(&Stand::import_line("first"));
    stand.ok("check --site @site.yaml");
}

#[test]
fn reports_that_were_changed_or_are_of_another_site_are_refused() {
    let stand = Stand::plain();
    stand.first();
    stand.ok(&Stand::import_line("first"));
    stand.ok(&format!("{REPORT} --redact"));
    let text = stand.text("site.json");
    for host in [stand.production.host(), stand.staging.host()] {
        assert!(!text.contains(host.as_str()), "{host} is told");
    }
    let plan = "plan -c @first/imageset.yaml --site @site.yaml --report @site.json -o @p.json";
    stand.ok(plan);
    // Laid out anew it is still the same; one digit changed it is not.
    let value: Value = serde_json::from_str(&text).unwrap();
    stand.write("site.json", &value.to_string());
    stand.ok(plan);
    let mut edited = value.clone();
    edited["generation"] = 2.into();
    stand.write("site.json", &edited.to_string());
    let refused = stand.expect(plan, 2);
    assert!(refused.stderr.contains("REPORT_EDITED"), "{}", refused.stderr);
    let mut edited = value;
    let part = &mut edited["held"].as_object_mut().unwrap().values_mut().next().unwrap()["images"];
    *part = part.as_str().unwrap().replacen(|c: char| c.is_ascii_alphabetic(), "0", 1).into();
    stand.write("site.json", &edited.to_string());
    let refused = stand.expect(plan, 2);
    assert!(refused.stderr.contains("REPORT_EDITED"), "{}", refused.stderr);
    stand.write("site.json", &text.replace("\"small-world\"", "\"elsewhere\""));
    let refused = stand.expect(plan, 2);
    assert!(refused.stderr.contains("REPORT_SITE"), "{}", refused.stderr);
}

#[test]
fn what_production_lost_after_its_report_is_named_before_the_first_write() {
    let stand = Stand::plain();
    stand.first();
    stand.ok(&Stand::import_line("first"));
    stand.ok(REPORT);
    stand.publish(Generation::Second);
    stand.pack("second", "--report @site.json");
    let needed = stock::plan(&stand, "second").prerequisites;
    let lost = needed.iter().find(|needed| !needed.manifest).unwrap();
    fs::remove_file(stand.production.blob_path(&lost.digest)).unwrap();
    let before = stand.holdings();
    let refused = stand.expect(&Stand::import_line("second"), 5);
    assert!(refused.stderr.contains(&lost.digest.to_string()), "{}", refused.stderr);
    assert!(refused.stderr.contains("site report"), "{}", refused.stderr);
    assert!(stand.holdings() == before, "something was written");
    // A new report knows, and what comes of it mends it.
    stand.ok(REPORT);
    fs::remove_file(stand.path("second.ombundle")).unwrap();
    stand.pack("second", "--report @site.json");
    assert!(!left_out(&stock::plan(&stand, "second")).contains(&lost.digest));
    stand.ok(&Stand::import_line("second"));
    stand.ok("check --site @site.yaml");
}

#[test]
fn a_dump_that_shows_nothing_of_something_takes_nothing_away() {
    let stand = two_generations();
    let report = |dumps: &str| stand.ok(&format!("site report --site @site.yaml {dumps}")).json();
    let known = report("");
    assert_eq!(known["installed"].as_array().map(Vec::len), Some(2));
    stand.write(
        "version.yaml",
        "kind: ClusterVersion\nmetadata: {name: version}\nstatus: {desired: {version: 4.20.3}}\n",
    );
    let versioned = report("--cluster @version.yaml");
    assert_eq!(
        (&versioned["installed"], versioned["openshift"].as_str()),
        (&known["installed"], Some("4.20.3"))
    );
    // What the import was told of OpenShift stands in its receipt, and a dump of operators alone does not know better.
    stand.ok(&format!("{} --cluster @version.yaml", Stand::import_line("second")));
    let csvs = report("--cluster @second/csvs.json --cluster @second/subscriptions.json");
    assert_eq!((&csvs["installed"], csvs["openshift"].as_str()), (&known["installed"], Some("4.20.3")));
}
