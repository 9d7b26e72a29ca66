//! What is rendered, against what opm rendered and what was published, byte for byte or value by value.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use ombundle::event::Silent;
use ombundle::fetch::Upstream;
use ombundle::flow::render::{Collection, RenderOptions, Renderer, Style};
use ombundle::limits::LIMITS;
use ombundle::registry::{Client, ClientOptions, Environment};
use serde_json::Value;

use super::shared::{data, package_folders};

fn collected(inputs: &[String], options: &RenderOptions) -> Collection {
    let client = Client::new(ClientOptions::default(), &Environment::default(), Arc::new(Silent)).unwrap();
    let scratch = std::env::temp_dir();
    let renderer = Renderer {
        upstream: Upstream::of(&client),
        jobs: 2,
        scratch: &scratch,
        events: &Silent,
        limits: &LIMITS,
    };
    renderer.collect(inputs, options).unwrap_or_else(|fault| panic!("{inputs:?}: {fault}"))
}

fn written(collection: &Collection, style: Style) -> String {
    let mut text = Vec::new();
    let take = |bytes: Vec<u8>| {
        text.extend(bytes);
        Ok(ControlFlow::Continue(()))
    };
    collection.write(style, 2, &Silent, take).unwrap();
    String::from_utf8(text).unwrap()
}

fn values(stream: &str) -> Vec<Value> {
    serde_json::Deserializer::from_str(stream).into_iter().map(Result::unwrap).collect()
}

/// A bundle folder rendered, with the image that the expected blob names.
fn bundle(folder: &Path, expected: &Value, migrate: bool) -> String {
    let image = Some(expected["image"].as_str().unwrap().parse().unwrap());
    let collection = collected(&[folder.to_str().unwrap().to_owned()], &RenderOptions { migrate, image });
    assert_eq!(collection.findings, [], "{}", folder.display());
    written(&collection, Style::Json)
}

/// The fields of two blobs that differ.
fn differing(ours: &Value, theirs: &Value) -> Vec<String> {
    let (ours, theirs) = (ours.as_object().unwrap(), theirs.as_object().unwrap());
    let fields: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    fields.into_iter().filter(|field| ours.get(*field) != theirs.get(*field)).cloned().collect()
}

/// Blobs in which ours is not opm's: which, in what field, and why. A difference that is gone makes the test fail, too.
const DIFFERENCES: [(&str, &str, &str); 2] = [
    (
        "rendered-by-opm/advanced-cluster-management/v2.14.3.csvmeta.json",
        "relatedImages",
        "six names for one image: opm sorts by the image alone and leaves the order of equal ones to chance, ours keeps the CSV's",
    ),
    (
        "rendered-by-opm/advanced-cluster-management/v2.14.3.object.json",
        "relatedImages",
        "the same bundle with its manifests",
    ),
];

/// Files below a folder of `data/bundles` whose names end so, with what is in them.
fn expected(below: &str, end: &str) -> Vec<(String, PathBuf, String)> {
    let Some(data) = data() else { return Vec::new() };
    let bundles = data.join("bundles");
    let files = walkdir::WalkDir::new(bundles.join(below)).sort_by_file_name();
    files
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_name().to_string_lossy().ends_with(end))
        .map(|entry| {
            let name = entry.path().strip_prefix(&bundles).unwrap().to_str().unwrap().to_owned();
            (name, entry.path().to_owned(), std::fs::read_to_string(entry.path()).unwrap())
        })
        .collect()
}

/// Compares each and gives how many were the same; the others must stand in the list.
fn compare(cases: impl IntoIterator<Item = (String, String, String)>, exact: bool) -> (usize, usize) {
    let explained = |name: &str| DIFFERENCES.iter().find(|(known, ..)| *known == name);
    let (mut same, mut different) = (0, 0);
    for (name, ours, theirs) in cases {
        let (our, their) = (&values(&ours)[0], &values(&theirs)[0]);
        match explained(&name) {
            None => {
                assert_eq!(differing(our, their), [""; 0], "{name}");
                assert!(!exact || ours == theirs, "{name}: the same values in another text");
                same += 1;
            }
            Some((_, field, reason)) => {
                assert_eq!(differing(our, their), [*field], "{name}: {reason}");
                // Nothing but the order differs.
                let set = |blob: &Value| -> BTreeSet<String> {
                    blob[*field].as_array().unwrap().iter().map(Value::to_string).collect()
                };
                assert_eq!(set(our), set(their), "{name}");
                different += 1;
            }
        }
    }
    (same, different)
}

/// opm's own output for bundle folders, both with their manifests and migrated: the same bytes.
#[test]
fn bundles_are_rendered_as_opm_renders_them() {
    let all = expected("rendered-by-opm", ".json");
    let total = all.len();
    let cases = all.into_iter().map(|(name, path, theirs)| {
        let (version, migrated) = match path.file_name().unwrap().to_str().unwrap() {
            name if name.ends_with(".csvmeta.json") => (name.trim_end_matches(".csvmeta.json"), true),
            name => (name.trim_end_matches(".object.json"), false),
        };
        let package = path.parent().unwrap().file_name().unwrap();
        let folder = data().unwrap().join("bundles/redhat").join(package).join(version);
        let ours = bundle(&folder, &values(&theirs)[0], migrated);
        (name, ours, theirs)
    });
    let (same, different) = compare(cases, true);
    println!("opm: {same} of {total} byte for byte, {different} explained");
    assert_eq!(different, if total == 0 { 0 } else { DIFFERENCES.len() }, "a difference is gone");
    assert!(total == 0 || same >= 78, "{same}");
}

/// What the community's pipeline published for exactly these bundles: the same values.
#[test]
fn bundles_are_rendered_as_they_were_published() {
    let all = expected("pairs", ".json");
    let total = all.len();
    let cases = all.into_iter().map(|(name, path, theirs)| {
        let migrated = name.ends_with(".csv.metadata.json");
        let ours = bundle(path.parent().unwrap().parent().unwrap(), &values(&theirs)[0], migrated);
        (name, ours, theirs)
    });
    let (same, different) = compare(cases, false);
    println!("published: {same} of {total} by value, {different} explained");
    assert!(total == 0 || (same >= 78 && different == 0), "{same} and {different} of {total}");
}

/// opm's rule of what is written, by value and without any of the code that writes it.
mod canonical {
    use super::Value;

    fn drop_empty(object: &mut Value, fields: &[&str]) {
        let empty = |value: &Value| match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => false,
        };
        if let Some(object) = object.as_object_mut() {
            object.retain(|key, value| !(fields.contains(&key.as_str()) && empty(value)));
        }
    }

    fn each<'v>(object: &'v mut Value, list: &str) -> impl Iterator<Item = &'v mut Value> {
        object.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten()
    }

    fn blob(value: &mut Value) {
        match value["schema"].as_str().unwrap() {
            "olm.package" => drop_empty(value, &["icon", "description", "properties"]),
            "olm.channel" => {
                drop_empty(value, &["properties"]);
                each(value, "entries")
                    .for_each(|entry| drop_empty(entry, &["replaces", "skips", "skipRange"]));
            }
            "olm.bundle" => {
                drop_empty(value, &["properties", "relatedImages"]);
                if let Some(images) = value.get_mut("relatedImages").and_then(Value::as_array_mut) {
                    for image in &mut *images {
                        let image = image.as_object_mut().unwrap();
                        image.entry("name").or_insert_with(|| "".into());
                    }
                    images.sort_by_key(|image| image["image"].as_str().unwrap_or_default().to_owned());
                }
                if let Some(properties) = value.get_mut("properties").and_then(Value::as_array_mut) {
                    let bulky = ["olm.bundle.object", "olm.csv.metadata"];
                    properties.sort_by_key(|property| {
                        bulky.contains(&property["type"].as_str().unwrap_or_default())
                    });
                }
            }
            _ => {}
        }
    }

    /// All blobs in opm's order.
    pub(super) fn form(mut blobs: Vec<Value>) -> Vec<Value> {
        blobs.iter_mut().for_each(blob);
        let text = |value: &Value, field: &str| {
            value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        blobs.sort_by_cached_key(|value| {
            let (schema, name, package) =
                (text(value, "schema"), text(value, "name"), text(value, "package"));
            match schema.as_str() {
                "olm.package" => (name, 0, String::new()),
                "olm.channel" => (package, 1, name),
                "olm.bundle" => (package, 2, name),
                "olm.deprecations" => (package, 4, String::new()),
                _ => (package, 3, schema),
            }
        });
        blobs
    }
}

/// The blobs of a folder as readers that are not ours see them.
fn read(files: &[(String, Vec<u8>)]) -> Vec<Value> {
    let mut blobs = Vec::new();
    for (_, bytes) in files {
        let text = std::str::from_utf8(bytes).unwrap();
        if text.trim_start().starts_with('{') {
            blobs.extend(values(text));
        } else {
            use serde::Deserialize as _;
            let documents = serde_norway::Deserializer::from_str(text);
            blobs
                .extend(documents.map(|it| Value::deserialize(it).unwrap()).filter(|value| !value.is_null()));
        }
    }
    blobs
}

#[test]
fn catalogs_are_rendered_in_the_canonical_form() {
    let mut blobs = 0;
    for folder in package_folders() {
        let path = data().unwrap().join(&folder.path).to_str().unwrap().to_owned();
        let collection = collected(&[path], &RenderOptions::default());
        assert_eq!(collection.findings, [], "{}", folder.path);
        let text = written(&collection, Style::Json);
        let ours = values(&text);
        let theirs = canonical::form(read(&folder.files()));
        assert_eq!(ours.len(), theirs.len(), "{}", folder.path);
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert!(ours == theirs, "{}: {} {}", folder.path, theirs["schema"], theirs["name"]);
        }
        blobs += ours.len();
    }
    println!("{blobs} blobs");
    assert!(data().is_none() || blobs > 1_500, "{blobs}");
}

/// What was rendered renders to itself, and YAML says the same as JSON.
#[test]
fn what_is_rendered_is_stable() {
    for folder in package_folders().into_iter().step_by(9) {
        let path = data().unwrap().join(&folder.path).to_str().unwrap().to_owned();
        let collection = collected(&[path], &RenderOptions::default());
        let scratch = tempfile::tempdir().unwrap();
        let again = |content: &str, style| {
            let file = scratch.path().join("catalog");
            std::fs::write(&file, content).unwrap();
            written(&collected(&[file.to_str().unwrap().to_owned()], &RenderOptions::default()), style)
        };
        let (json, yaml) = (written(&collection, Style::Json), written(&collection, Style::Yaml));
        assert!(again(&json, Style::Json) == json, "{}", folder.path);
        assert!(again(&yaml, Style::Json) == json, "{} differs as YAML", folder.path);
        assert!(again(&yaml, Style::Yaml) == yaml, "{} as YAML", folder.path);
        // The writer of merged catalogs writes the same text.
        let linked = ombundle::catalog::write::stream(&folder.load().catalog);
        let one = |text: &str| values(text).iter().map(Value::to_string).collect::<BTreeSet<_>>();
        let (linked, json) = (one(std::str::from_utf8(&linked).unwrap()), one(&json));
        let channels = |text: &&String| !text.contains("\"olm.channel\"");
        assert!(linked.iter().filter(channels).eq(json.iter().filter(channels)), "{}", folder.path);
    }
}

/// jq lays out the same text: its reader and its printer are the oracle of ours.
#[test]
fn jq_writes_the_same_text() {
    for folder in package_folders().into_iter().step_by(7) {
        let path = data().unwrap().join(&folder.path).to_str().unwrap().to_owned();
        let text = written(&collected(&[path], &RenderOptions::default()), Style::Json);
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("catalog.json");
        std::fs::write(&file, &text).unwrap();
        let jq = Command::new("jq").args(["--indent", "4", "."]).arg(&file).stdin(Stdio::null()).output();
        let jq = jq.expect("jq is needed: apt-get install jq");
        assert!(jq.status.success(), "{}", String::from_utf8_lossy(&jq.stderr));
        let theirs = String::from_utf8(jq.stdout).unwrap();
        // jq escapes DEL, Go does not.
        assert!(theirs.replace("\\u007f", "\u{7f}") == text, "{}", folder.path);
    }
}

#[test]
fn several_inputs_come_out_as_one_stream() {
    let folders = package_folders();
    let Some(data) = data() else { return };
    let mut paths: Vec<String> =
        folders.iter().take(4).map(|it| data.join(&it.path).display().to_string()).collect();
    paths.push(data.join("bundles/redhat/web-terminal/v1.9.0").display().to_string());
    let alone: Vec<Value> = paths
        .iter()
        .flat_map(|path| {
            values(&written(&collected(std::slice::from_ref(path), &RenderOptions::default()), Style::Json))
        })
        .collect();
    paths.reverse();
    let together = values(&written(&collected(&paths, &RenderOptions::default()), Style::Json));
    let count = |blobs: &[Value]| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for blob in blobs {
            *counts.entry(blob.to_string()).or_default() += 1;
        }
        counts
    };
    assert_eq!(count(&together), count(&alone));
    let packages: Vec<&str> =
        together.iter().map(|blob| blob.get("package").unwrap_or(&blob["name"]).as_str().unwrap()).collect();
    assert!(packages.is_sorted(), "{packages:?}");
}

/// `--migrate` of a catalog with manifests is what rendering the bundles with it gives.
#[test]
fn a_catalog_with_manifests_migrates() {
    let mut compared = 0;
    for (name, path, theirs) in expected("rendered-by-opm/web-terminal", ".object.json") {
        let migrated =
            path.with_file_name(path.file_name().unwrap().to_str().unwrap().replace(".object.", ".csvmeta."));
        let expected = values(&std::fs::read_to_string(migrated).unwrap());
        let options = RenderOptions { migrate: true, image: None };
        let ours = written(&collected(&[path.to_str().unwrap().to_owned()], &options), Style::Json);
        assert_eq!(values(&ours), expected, "{name}");
        assert_ne!(values(&theirs), expected);
        compared += 1;
    }
    assert!(data().is_none() || compared >= 15, "{compared}");
}
