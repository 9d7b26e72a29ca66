//! Production on one OpenShift minor, the archive from the index of the next.

use std::collections::BTreeMap;

use ombundle::registry::Target;
use serde_json::{Value, json};

use super::catalogs;
use super::stand::{Ended, Stand, finish};

/// A site whose production serves what it serves under the tag of the minor before.
fn behind() -> Stand {
    let stand = Stand::plain();
    stand.first();
    let image = stand.catalog();
    let manifest = stand.client().manifest(&image.repository, &Target::of(&image).unwrap()).unwrap().unwrap();
    let before = Target::Tag("v4.19".parse().unwrap());
    stand.client().push_manifest(&image.repository, &before, &manifest).unwrap();
    stand.edit(
        "site.yaml",
        "mirror: olm-redhat/redhat/redhat-operator-index:v4.20",
        "mirror: olm-redhat/redhat/redhat-operator-index:v4.19",
    );
    stand
}

#[test]
fn what_was_told_is_told_by_the_run_that_goes_on() {
    let stand = behind();
    let line = format!("{} --format json --jobs 1", Stand::import_line("first"));
    // While it records that the catalog was switched: what was told stands in no record of the end.
    let killed = finish(stand.traced("fdatasync:signal=KILL:when=6", &line));
    assert_eq!(killed.code, None, "{}", killed.stderr);
    let journal = stand.text("state/journal.jsonl");
    assert!(journal.contains("\"switched\"") && !journal.contains("\"committed\""), "{journal}");
    let told = findings(&stand.ok(&line), "CROSS_MINOR");
    assert!(!told.is_empty(), "nothing was said");
    assert!(stand.text("first/out/RUNBOOK.md").contains("different OpenShift minors"));
}

/// What the archive brings for one package hangs on to production's in the middle: the branch of another minor.
#[test]
fn catalogs_of_two_minors_that_would_have_to_be_bridged_are_not() {
    let stand = behind();
    // Production went on along its own branch.
    let mut files = catalogs::files(&stand, &stand.catalog());
    let lines: Vec<String> =
        catalogs::values(&files).flat_map(branched).map(|blob| blob.to_string()).collect();
    files = BTreeMap::from([("catalog.json".to_owned(), lines.join("\n").into_bytes())]);
    let tag = stand.catalog().to_string().replace(":v4.20", ":v4.19").parse().unwrap();
    catalogs::push(&stand, &tag, &files);
    let line = Stand::import_line("first");
    let before = stand.digest_of(&tag);
    let refused = stand.expect(&line, 9);
    assert!(refused.stderr.contains("CROSS_MINOR"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--merge-mode web-terminal=split"), "{}", refused.stderr);
    assert_eq!(stand.digest_of(&tag), before);
    assert!(
        !stand.path("state/journal.jsonl").exists() || !stand.text("state/journal.jsonl").contains("begin")
    );
    stand.ok(&format!("{line} --merge-mode web-terminal=split"));
    stand.ok("check --site @site.yaml");
}

/// A blob of production's, and what its own branch adds to it: 1.9.5, which takes all from 1.8.0 on and not the archive's 1.9.0.
fn branched(mut blob: Value) -> Vec<Value> {
    let (from, to) = ("web-terminal.v1.8.0", "web-terminal.v1.9.5");
    if blob["schema"] == "olm.channel" && blob["package"] == "web-terminal" {
        let entry = json!({"name": to, "replaces": from, "skipRange": ">=1.8.0 <1.9.5"});
        blob["entries"].as_array_mut().unwrap().push(entry);
    }
    if blob["schema"] == "olm.bundle" && blob["name"] == from {
        let text = blob.to_string().replace(from, to).replace("\"1.8.0\"", "\"1.9.5\"");
        return vec![blob, serde_json::from_str(&text).unwrap()];
    }
    vec![blob]
}

fn findings(ended: &Ended, code: &str) -> Vec<Value> {
    let all = ended.json()["findings"].as_array().unwrap().clone();
    all.into_iter().filter(|finding| finding["code"] == code).collect()
}

#[test]
fn catalogs_of_two_minors_that_fit_are_joined_with_a_warning_that_stays() {
    let stand = behind();
    let line = format!("{} --format json", Stand::import_line("first"));
    let told = findings(&stand.ok(&line), "CROSS_MINOR");
    assert!(!told.is_empty(), "nothing was said");
    assert!(told.iter().all(|finding| finding["severity"] == "warning"), "{told:?}");
    // Production is of the new minor now: the next merge has nothing to warn of, and what was said is said again.
    assert_eq!(findings(&stand.ok(&line), "CROSS_MINOR"), told);
    let runbook = stand.text("first/out/RUNBOOK.md");
    assert!(runbook.contains("different OpenShift minors"), "{runbook}");
    let text = stand.text("first/out/receipt.json");
    assert!(text.contains(":v4.19"), "{text}");
}
