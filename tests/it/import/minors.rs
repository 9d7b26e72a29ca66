//! Production on one OpenShift minor, the archive from the index of the next.

use ombundle::registry::Target;
use serde_json::Value;

use super::stand::{Ended, Stand};

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

fn findings(ended: &Ended, code: &str) -> Vec<Value> {
    let all = ended.json()["findings"].as_array().unwrap().clone();
    all.into_iter().filter(|finding| finding["code"] == code).collect()
}

#[test]
fn catalogs_of_two_minors_that_fit_are_joined_with_a_warning_that_stays() {
    let stand = behind();
    let line = format!("{} --format json", Stand::import_line("first"));
    // Two catalogs that offer one package are none that OLM could choose between.
    let split = stand.expect(&format!("{line} --merge-mode web-terminal=split"), 2);
    assert!(split.stderr.contains("a catalog of their own"), "{}", split.stderr);
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
