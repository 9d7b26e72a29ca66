//! What scripts read on stdout: the fields that the contract names, and the schemas where there are some.

use serde_json::{Value, json};

use super::world::{ANY_AGE, Folder, against, catalog, two_newer, with_archive};

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_path_has_the_fields_of_the_contract() {
    let folder = Folder::new();
    folder.write("catalog/catalog.json", catalog());
    let path = folder.run("catalog path catalog --package web-terminal --from 1.8.0 --format json");
    assert_eq!(path.code, 0, "{}", path.stderr);
    let path = parsed(&path.stdout);
    let hop = &path["hops"][0];
    assert_eq!(
        json!([
            path["package"],
            path["channel"],
            path["from"],
            path["to"],
            path["hops"].as_array().unwrap().len()
        ]),
        json!(["web-terminal", "fast", "1.8.0", "1.9.0", 1])
    );
    assert_eq!(
        json!([hop["name"], hop["version"], hop["from"], hop["edge"]]),
        json!(["web-terminal.v1.9.0", "1.9.0", "web-terminal.v1.8.0", "replaces"])
    );
    assert!(hop["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
}

#[test]
fn findings_of_a_catalog_fit_their_schema() {
    let folder = Folder::new();
    folder.write("good/catalog.json", catalog());
    folder.write("bad/catalog.json", catalog().replace(r#","replaces":"web-terminal.v1.8.0""#, ""));
    for (name, code) in [("good", 0), ("bad", 10)] {
        let ended = folder.run(&format!("catalog validate {name} --format json"));
        assert_eq!(ended.code, code, "{}", ended.stderr);
        let report = parsed(&ended.stdout);
        assert_eq!(against("findings.v1.json", &report), [""; 0]);
        let errors =
            report["findings"].as_array().unwrap().iter().filter(|one| one["severity"] == "error").count();
        assert_eq!(errors > 0, code == 10, "{report}");
    }
}

#[test]
fn differences_and_merges_fit_their_schemas() {
    let folder = Folder::new();
    folder.write("old.json", catalog());
    folder.write("new.json", two_newer());
    folder.write("other.json", catalog().replace(&"5".repeat(64), &"6".repeat(64)));
    for (line, code) in [
        ("old.json old.json", 0),
        ("old.json new.json", 10),
        ("new.json old.json", 10),
        ("old.json other.json", 10),
    ] {
        let ended = folder.run(&format!("catalog diff {line} --format json"));
        assert_eq!(ended.code, code, "{}", ended.stderr);
        assert_eq!(against("catalog-diff.v1.json", &parsed(&ended.stdout)), [""; 0], "{line}");
    }
    for (line, code, merged) in [("old.json new.json", 0, true), ("old.json other.json", 9, false)] {
        let ended = folder.run(&format!("catalog merge {line} -o merged --format json"));
        assert_eq!(ended.code, code, "{}", ended.stderr);
        let report = parsed(&ended.stdout);
        assert_eq!(against("merge-report.v1.json", &report), [""; 0], "{line}");
        assert_eq!(report["merged"], json!(merged));
        assert_eq!(report["packages"]["web-terminal"]["from"], json!("both"));
    }
}

#[test]
fn a_verdict_has_the_fields_of_the_contract() {
    let folder = with_archive();
    let verify = |key: &str| {
        let arguments = ["verify", "good.ombundle", "--trust-key", key, "--format", "json"];
        folder.run_with(&[&arguments, &ANY_AGE[..]].concat())
    };
    let good = verify("signer.pub");
    assert_eq!(good.code, 0, "{}", good.stderr);
    let good = parsed(&good.stdout);
    let signer = parsed(&folder.run("key show signer.pub --format json").stdout)["keyId"].clone();
    assert_eq!(
        json!([good["verdict"], good["generation"], good["signers"]]),
        json!(["verified", 7, [signer]])
    );
    assert!(good["inventory"].as_str().is_some_and(|digest| digest.starts_with("sha256:")));
    assert_eq!(against("findings.v1.json", &good), [""; 0]);
    let bad = verify("other.pub");
    assert_eq!(bad.code, 4);
    let bad = parsed(&bad.stdout);
    // What an archive says about itself is not repeated unless it was believed.
    assert_eq!(
        json!([bad["verdict"], bad["inventory"], bad["generation"], bad["signers"]]),
        json!(["refused", null, null, []])
    );
    assert_eq!(against("findings.v1.json", &bad), [""; 0]);
}

#[test]
fn an_inspection_is_the_inventory() {
    let folder = with_archive();
    let ended = folder.run("inspect good.ombundle --trust-key signer.pub --format json");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(against("inventory.v1.json", &parsed(&ended.stdout)), [""; 0]);
}
