//! A package in a catalog of its own: split off, brought forward there, and taken back.

use ombundle::catalog::Catalog;
use ombundle::demo::{Belongings, Generation};
use ombundle::reference::ImageRef;
use serde_json::{Value, json};

use super::catalogs;
use super::stand::{Stand, contents};

/// What stands for the catalog beside the first.
const SECOND: &str = "cs-redhat-split";

/// The second catalog's tag in production.
fn apart(stand: &Stand) -> ImageRef {
    format!("{}-split", stand.catalog()).parse().unwrap()
}

/// What both catalogs offer.
fn offered(stand: &Stand) -> [Catalog; 2] {
    [catalogs::served(stand), catalogs::catalog(&catalogs::files(stand, &apart(stand)))]
}

fn names(catalog: &Catalog) -> Vec<&str> {
    catalog.packages.keys().map(String::as_str).collect()
}

fn patch(stand: &Stand, name: &str) -> Value {
    let text = stand.text(&format!("{name}.json"));
    serde_json::from_str::<Value>(&text).unwrap()["spec"].take()
}

/// The files below a folder of an import's, by name.
fn files(stand: &Stand, folder: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(stand.path(folder))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The catalogs that an import switched, in order.
fn switched(stand: &Stand, name: &str) -> Vec<String> {
    let receipt: Value = serde_json::from_str(&stand.text(&format!("{name}/out/receipt.json"))).unwrap();
    let steps =
        receipt["steps"].as_array().unwrap().iter().map(|step| step["subject"].as_str().unwrap().to_owned());
    steps.filter(|subject| subject.contains("operator-index")).collect()
}

fn codes(json: &Value) -> Vec<&str> {
    json["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[test]
fn a_package_is_split_off_brought_forward_and_taken_back() {
    let stand = Stand::plain();
    stand.first();
    let old = stand.served();
    let line = format!("{} --merge-mode web-terminal=split --format json", Stand::import_line("first"));
    let told = stand.ok(&format!("{line} --dry-run")).json();
    let tags = json!([{"tag": apart(&stand).to_string(), "from": null}, {"tag": stand.catalog().to_string(), "from": old}]);
    assert_eq!(told["catalogs"], tags, "the package is there before it is gone");
    let imported = stand.ok(&line).json();
    assert!(codes(&imported).contains(&"SPLIT_OFF"), "{imported}");

    let [first, second] = offered(&stand);
    assert_eq!(names(&first), ["devworkspace-operator", "self-node-remediation"]);
    assert_eq!(names(&second), ["web-terminal"]);
    let way = catalogs::path(&second, "web-terminal", "fast", "web-terminal.v1.8.0");
    assert_eq!(way, ["web-terminal.v1.9.0"]);
    let checked = stand.ok("check --site @site.yaml --format json").json();
    assert_eq!(checked["catalogs"][apart(&stand).to_string()]["packages"], 1);
    assert_eq!(checked["findings"], json!([]));

    // For the cluster: the second catalog, its Subscription, then the first catalog; and there and back.
    let cluster = files(&stand, "first/out/cluster");
    let at = |name: &str| cluster.iter().position(|file| file[3..] == *name);
    let (apply_second, apply_first) =
        (at(&format!("catalogsource-{SECOND}.yaml")), at("catalogsource-cs-redhat.yaml"));
    assert!(apply_second.is_some() && apply_second < apply_first, "{cluster:?}");
    assert!(at(&format!("clustercatalog-{SECOND}.yaml")).is_some(), "{cluster:?}");
    let source = Belongings::CATALOG_SOURCE;
    let subscription = "first/out/patches/openshift-operators.web-terminal";
    let crossed = patch(&stand, &format!("{subscription}.cross"));
    let expected = json!({"installPlanApproval": "Manual", "source": SECOND, "sourceNamespace": "openshift-marketplace"});
    assert_eq!(crossed, expected);
    assert_eq!(patch(&stand, &format!("{subscription}.switch"))["source"], SECOND);
    assert_eq!(patch(&stand, &format!("{subscription}.back"))["source"], source);
    let runbook = stand.text("first/out/RUNBOOK.md");
    let order = [
        format!("catalogsource-{SECOND}.yaml"),
        "web-terminal.cross.json".to_owned(),
        "catalogsource-cs-redhat.yaml".to_owned(),
        "web-terminal.switch.json".to_owned(),
        // The way back: first what has it again, then who goes there, then what is not needed.
        "back/01-catalogsource-cs-redhat.yaml".to_owned(),
        "web-terminal.back.json".to_owned(),
        format!("delete catalogsource.operators.coreos.com {SECOND}"),
    ];
    let mut rest = runbook.as_str();
    for step in &order {
        let Some((_, after)) = rest.split_once(step.as_str()) else {
            panic!("`{step}` is not in its place\n{runbook}")
        };
        rest = after;
    }
    let receipt: Value = serde_json::from_str(&stand.text("first/out/receipt.json")).unwrap();
    assert_eq!(switched(&stand, "first"), [apart(&stand).to_string(), stand.catalog().to_string()]);
    assert_eq!(receipt["site"]["catalogs"].as_array().unwrap().len(), 2);

    // Run again, with the decision or without it, nothing is written.
    assert_eq!(stand.ok(&line).json()["written"], 0);
    assert_eq!(stand.ok(&format!("{} --format json", Stand::import_line("first"))).json()["written"], 0);

    // The next generation finds it where it is.
    stand.publish(Generation::Second);
    stand.edit(
        "second/subscriptions.json",
        "\"source\": \"cs-redhat\"",
        &format!("\"source\": \"{SECOND}\""),
    );
    stand.pack("second", "--report @first/out/receipt.json");
    let line = format!("{} --format json", Stand::import_line("second"));
    stand.ok(&line);
    let [first, second] = offered(&stand);
    assert_eq!(names(&first), ["devworkspace-operator", "self-node-remediation"]);
    let way = catalogs::path(&second, "web-terminal", "fast", "web-terminal.v1.9.0");
    assert_eq!(way, ["web-terminal.v1.10.0", "web-terminal.v1.11.0"]);
    assert!(!files(&stand, "second/out/patches").iter().any(|name| name.contains("web-terminal.cross")));
    let kept: ImageRef = format!("{}-prev-2", apart(&stand)).parse().unwrap();
    assert!(stand.digest_of(&kept).is_some(), "what the second catalog was is out of reach");
    stand.ok("check --site @site.yaml");

    // And back.
    let back = stand.ok(&format!("{line} --merge-mode web-terminal=union")).json();
    assert!(codes(&back).contains(&"SPLIT_BACK") && codes(&back).contains(&"CATALOG_EMPTY"), "{back}");
    let [first, second] = offered(&stand);
    assert_eq!(names(&first), ["devworkspace-operator", "self-node-remediation", "web-terminal"]);
    assert_eq!(names(&second), [""; 0]);
    let way = catalogs::path(&first, "web-terminal", "fast", "web-terminal.v1.9.0");
    assert_eq!(way, ["web-terminal.v1.10.0", "web-terminal.v1.11.0"]);
    assert!(!files(&stand, "second/out/cluster").iter().any(|name| name.contains("split")));
    assert_eq!(switched(&stand, "second"), [stand.catalog().to_string(), apart(&stand).to_string()]);
    let crossed = patch(&stand, "second/out/patches/openshift-operators.web-terminal.cross");
    assert_eq!(crossed["source"], source);
    stand.ok("check --site @site.yaml");
    let out = contents(&stand.path("second/out"));
    assert_eq!(stand.ok(&line).json()["written"], 0);
    assert!(contents(&stand.path("second/out")) == out, "the same again writes other files");
}

#[test]
fn a_second_catalog_can_be_the_first_thing_that_a_site_has() {
    let stand = Stand::plain();
    stand.ok("key generate --out @signer");
    stand.publish(Generation::First);
    stand.pack("first", "");
    let line = format!("{} --merge-mode web-terminal=split", Stand::import_line("first"));
    stand.ok(&line);
    let [first, second] = offered(&stand);
    assert_eq!((names(&first), names(&second)), (vec!["devworkspace-operator"], vec!["web-terminal"]));
    stand.ok("check --site @site.yaml");
    let again = stand.ok(&format!("{line} --format json")).json();
    assert_eq!(again["written"], 0);
}

#[test]
fn a_package_in_both_catalogs_is_told() {
    let stand = Stand::plain();
    stand.first();
    let before = catalogs::files(&stand, &stand.catalog());
    stand.ok(&format!("{} --merge-mode web-terminal=split", Stand::import_line("first")));
    // Somebody puts back what the first catalog was.
    catalogs::push(&stand, &stand.catalog(), &before);
    let checked = stand.ok("check --site @site.yaml --format json").json();
    assert_eq!(codes(&checked), ["OFFERED_TWICE"]);
    stand.ok(&Stand::import_line("first"));
    let [first, second] = offered(&stand);
    assert_eq!(names(&first), ["devworkspace-operator", "self-node-remediation"]);
    assert_eq!(names(&second), ["web-terminal"]);
}
