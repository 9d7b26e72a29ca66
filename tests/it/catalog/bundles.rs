//! What real CSVs say: edges and images.

use ombundle::catalog::csv;
use serde_json::Value;

use super::shared::{Folder, data};

/// Every CSV of one package's bundle folders.
fn csvs(package: &str) -> Vec<Value> {
    let Some(data) = data() else { return Vec::new() };
    walkdir::WalkDir::new(data.join("bundles/redhat").join(package))
        .sort_by_file_name()
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_name().to_string_lossy().contains("clusterserviceversion"))
        .map(|entry| serde_norway::from_slice(&std::fs::read(entry.path()).unwrap()).unwrap())
        .collect()
}

/// The derived catalog's edges were made of these CSVs.
#[test]
fn the_csv_of_each_web_terminal_says_what_it_replaces() {
    let csvs = csvs("web-terminal");
    if csvs.is_empty() {
        return;
    }
    let catalog = Folder { path: "fbc-derived/web-terminal".to_owned() }.load().catalog;
    let package = &catalog.packages["web-terminal"];
    let mut compared = 0;
    for it in csvs.iter().map(|csv| csv::evidence(csv, "web-terminal")) {
        let Some(bundle) = package.bundles.get(&it.bundle) else { continue };
        assert_eq!(it.version, bundle.version.as_str());
        let entry = package.channels.values().find_map(|channel| channel.entry(&it.bundle)).unwrap();
        assert_eq!(it.replaces, entry.replaces, "{}", it.bundle);
        for related in bundle.related_images.iter().filter(|related| related.image != bundle.image) {
            assert!(it.related_images.contains(&related.image), "{}: {}", it.bundle, related.image);
        }
        compared += 1;
    }
    assert!(compared >= 15, "{compared}");
}

/// Where nobody lists the must-gather image, its annotation still names it.
#[test]
fn an_annotation_gives_an_image_away() {
    for mut csv in csvs("advanced-cluster-management") {
        assert_eq!(csv::hidden_images(&csv).len(), 0);
        csv["spec"].as_object_mut().unwrap().remove("relatedImages");
        let must_gather = csv["metadata"]["annotations"]["operators.openshift.io/must-gather-image"].clone();
        let Some(must_gather) = must_gather.as_str() else { continue };
        assert!(csv::hidden_images(&csv).contains(must_gather), "{must_gather}");
    }
}

/// Catalogs with whole objects give the same facts as their channels.
#[test]
fn embedded_csvs_are_found() {
    let mut found = 0;
    for folder in super::shared::package_folders() {
        let catalog = folder.load().catalog;
        for bundle in catalog.packages.values().flat_map(|package| package.bundles.values()) {
            if bundle.properties_of("olm.bundle.object").next().is_some() {
                let it = bundle.evidence().unwrap();
                assert_eq!(it.bundle, bundle.name);
                found += 1;
            }
        }
    }
    assert!(data().is_none() || found > 0);
}
