//! What the connected side remembers of the archives that it packed, where nothing comes back from the site.

use std::fs;

use ombundle::demo::Generation;
use ombundle::plan::{ImageKind, Plan};

use super::stand::{Stand, kept};
use super::stock;

/// Where the numbers and contents of what was packed are written down.
const RECORD: &str = ".local/state/ombundle/packed/small-world.jsonl";

fn codes(ended: &super::stand::Ended) -> Vec<String> {
    let all = ended.json()["findings"].as_array().unwrap().clone();
    all.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

/// The request of the first archive once more, under another name.
fn again(stand: &Stand, name: &str) {
    for file in ["imageset.yaml", "csvs.json", "subscriptions.json"] {
        stand.write(&format!("{name}/{file}"), &stand.text(&format!("first/{file}")));
    }
}

#[test]
fn without_a_report_only_what_earlier_archives_did_not_bring_is_carried() {
    let stand = Stand::plain();
    stand.first();
    let first = stock::plan(&stand, "first");
    assert!(first.assumes.is_empty() && first.prerequisites.is_empty());
    stand.publish(Generation::Second);
    stand.pack("second", "");
    let plan = stock::plan(&stand, "second");
    let [assumed] = plan.assumes.as_slice() else { panic!("{:?}", plan.assumes) };
    assert_eq!((assumed.generation, Some(assumed.inventory)), (1, plan.predecessor));
    assert!(plan.findings.iter().any(|finding| finding.code == "BY_RECORD"), "{:?}", plan.findings);
    // Exactly what the first one brought, and no base once more.
    let held = |plan: &Plan, digest| {
        let images = plan.images.iter().filter(|image| !image.kind.is_base());
        images
            .flat_map(|image| image.manifests.iter().chain(&image.blobs))
            .any(|object| object.digest == digest)
    };
    assert!(plan.prerequisites.len() > 3, "{:?}", plan.prerequisites);
    assert!(plan.prerequisites.iter().all(|needed| held(&first, needed.digest)));
    assert!(!plan.images.iter().any(|image| image.kind == ImageKind::CatalogBase));
    stand.ok("plan -c @second/imageset.yaml --site @site.yaml --full -o @second/whole.json");
    let whole: Plan = serde_json::from_str(&stand.text("second/whole.json")).unwrap();
    assert!(whole.prerequisites.is_empty() && whole.assumes.is_empty());
    assert!(whole.bytes.carry > plan.bytes.carry, "{} and {}", whole.bytes.carry, plan.bytes.carry);

    // An archive that was thrown away, or moved, does not count unless somebody says that it came in.
    fs::rename(stand.path("first.ombundle"), stand.path("moved.ombundle")).unwrap();
    let line = "plan -c @second/imageset.yaml --site @site.yaml --cluster @second/csvs.json --cluster @second/subscriptions.json -o @second/moved.json";
    let planned = |more: &str| -> Plan {
        stand.ok(&format!("{line} --sequence 2 {more}"));
        serde_json::from_str(&stand.text("second/moved.json")).unwrap()
    };
    let moved = planned("");
    assert!(moved.assumes.is_empty() && moved.findings.iter().any(|finding| finding.code == "NOT_COUNTED"));
    // In volumes it lies there all the same.
    fs::rename(stand.path("moved.ombundle"), stand.path("first.ombundle.001")).unwrap();
    assert_eq!(planned("").assumes, plan.assumes);
    fs::rename(stand.path("first.ombundle.001"), stand.path("moved.ombundle")).unwrap();
    assert_eq!(planned("--imported 1").prerequisites, plan.prerequisites);
    assert!(planned("--imported 0").prerequisites.is_empty());
    fs::rename(stand.path("moved.ombundle"), stand.path("first.ombundle")).unwrap();

    // The site took the first one never: it is named, with its inventory, before anything is written.
    let before = stand.holdings().each_ref().map(kept);
    let refused = stand.expect(&Stand::import_line("second"), 5);
    for said in
        ["generation 1", &assumed.inventory.to_string(), "never came into force", "generation 1 first"]
    {
        assert!(refused.stderr.contains(said), "{said}: {}", refused.stderr);
    }
    assert!(stand.holdings().each_ref().map(kept) == before, "something was written");
    stand.ok(&Stand::import_line("first"));
    stand.ok(&Stand::import_line("second"));
    stand.ok("check --site @site.yaml");
}

#[test]
fn an_archive_that_was_passed_over_and_is_not_needed_is_told() {
    let stand = Stand::plain();
    stand.first();
    stand.ok(&Stand::import_line("first"));
    for name in ["again", "once-more"] {
        again(&stand, name);
        stand.pack(name, "");
        let size = stand.path(&format!("{name}.ombundle")).metadata().unwrap().len();
        assert!(size < 100_000, "{size} bytes");
    }
    let imported = stand.ok(&format!("{} --format json", Stand::import_line("once-more")));
    assert!(codes(&imported).contains(&"GENERATIONS_SKIPPED".to_owned()), "{imported:?}");
    // Whoever asks before the next one is told too, by what production keeps alone.
    let skipped = |line: &str| -> Vec<String> {
        let told = stand.ok(&format!("{line} --site @site.yaml --format json")).json()["findings"].clone();
        let told = told.as_array().unwrap().iter().filter(|one| one["code"] == "GENERATIONS_SKIPPED");
        told.map(|one| one["message"].as_str().unwrap().to_owned()).collect()
    };
    let plan = stock::plan(&stand, "once-more");
    let passed_over = plan.predecessor.unwrap();
    let told = [format!("it comes after the archive {passed_over}, which never came into force here")];
    assert_eq!(skipped("doctor"), told);
    fs::rename(stand.path("state"), stand.path("state.away")).unwrap();
    assert_eq!(skipped("doctor"), told);
    let last = plan.assumes;
    assert_eq!(last.iter().map(|assumed| assumed.generation).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_record_that_was_edited_or_is_of_another_site_is_no_record() {
    let stand = Stand::plain();
    stand.first();
    stand.publish(Generation::Second);
    let line =
        "plan -c @second/imageset.yaml --site @site.yaml --cluster @second/csvs.json -o @second/plan.json";
    let record = stand.text(RECORD);
    for (wrong, code, said) in [
        (record.replace("\"sequence\":1", "\"sequence\":7") + &record, 3, "does not follow"),
        (record.replace("\"channel\":\"small-world\"", "\"channel\":\"edge\""), 2, "is of `edge`"),
        (record.replace("\"contents\"", "\"contests\""), 3, "unknown field"),
    ] {
        stand.write(RECORD, &wrong);
        let refused = stand.expect(line, code);
        assert!(
            refused.stderr.contains(said) && refused.stderr.contains("packed/small-world.jsonl"),
            "{refused:?}"
        );
        assert!(!stand.path("second/plan.json").exists());
    }
    // A line of before says nothing of what it brought: all of it is carried.
    let (head, _) = record.split_once(",\"contents\"").unwrap();
    stand.write(RECORD, &format!("{head}}}}}\n"));
    stand.ok(line);
    assert!(stock::plan(&stand, "second").assumes.is_empty());
    fs::remove_file(stand.path(RECORD)).unwrap();
    stand.ok(line);
    assert_eq!(stock::plan(&stand, "second").sequence, 1);
}
