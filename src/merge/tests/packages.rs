//! Whole packages: modes, bundles, default channels, deprecations, what is not known.

use super::*;
use crate::catalog::Blob;
use crate::merge::Mode;

fn with(mode: Mode) -> MergeOptions {
    MergeOptions { modes: BTreeMap::from([("p".to_owned(), mode)]), ..MergeOptions::default() }
}

fn mode(outcome: &MergeOutcome) -> ChosenMode {
    outcome.report.packages["p"].mode
}

/// A catalog whose bundle of one version is changed.
fn changed(version: &str, change: impl FnOnce(&mut Value)) -> Catalog {
    let mut blobs = blobs(&[("fast", &["1.1.0 -> 1.0.0", "1.0.0"])]);
    let bundle =
        blobs.iter_mut().find(|blob| blob["name"] == name(version) && blob["schema"] == "olm.bundle");
    change(bundle.unwrap());
    linked(&blobs)
}

fn image_of(outcome: &MergeOutcome, version: &str) -> String {
    outcome.catalog.as_ref().unwrap().catalog().packages["p"].bundles[&name(version)].image.clone()
}

#[test]
fn what_one_side_has_is_carried_byte_for_byte() {
    let base = channel(&["1.1.0 -> 1.0.0", "1.0.0"]);
    let outcome = merge(&base, &Catalog::default(), &[], &MergeOptions::default());
    let merged = outcome.catalog.as_ref().unwrap().catalog();
    let raw = |catalog: &Catalog| catalog.packages["p"].channels["fast"].blob.raw.get().to_owned();
    assert_eq!(raw(merged), raw(&base));
    assert_eq!(mode(&outcome), ChosenMode::Carry);
    let outcome = merge(&Catalog::default(), &base, &[], &MergeOptions::default());
    assert_eq!(raw(outcome.catalog.as_ref().unwrap().catalog()), raw(&base));
    assert_eq!((mode(&outcome), codes(&outcome)), (ChosenMode::Carry, Vec::new()));
}

#[test]
fn a_broken_package_of_the_archive_is_refused_and_one_of_production_is_said() {
    let broken = channel(&["1.1.0", "1.0.0"]);
    let outcome = merge(&Catalog::default(), &broken, &[], &MergeOptions::default());
    assert_eq!(codes(&outcome), ["!MULTIPLE_HEADS"]);
    let outcome = merge(&broken, &Catalog::default(), &[], &MergeOptions::default());
    assert_eq!(codes(&outcome), ["MULTIPLE_HEADS"]);
    assert!(outcome.catalog.is_some());
}

#[test]
fn nothing_of_production_is_lost_unless_somebody_says_so() {
    // Heads that cannot be joined, and the archive has not got all that production has.
    let base = channel(&["4.17.5 -> 4.17.4", "4.17.4"]);
    let part = channel(&["4.18.0 -> 4.17.4", "4.17.4"]);
    assert_eq!(codes(&merge(&base, &part, &[], &MergeOptions::default())), ["!MULTIPLE_HEADS"]);
    let outcome = merge(&base, &part, &[], &with(Mode::Replace));
    assert_eq!(codes(&outcome), ["ENTRY_REMOVED", "BUNDLE_REMOVED", "PATH_WITHHELD"]);
    assert_eq!(written(outcome.catalog.as_ref().unwrap().catalog(), "fast"), ["4.18.0 -> 4.17.4", "4.17.4"]);
    // Whoever runs what would be dropped is not forgotten.
    let options = MergeOptions { installed: runs("4.17.5", Some("fast")).installed, ..with(Mode::Replace) };
    assert_eq!(codes(&merge(&base, &part, &[], &options)), ["ENTRY_REMOVED", "BUNDLE_REMOVED", "!PATH_LOST"]);

    // The archive has everything: its own order of things solves what a union cannot.
    let base = channel(&["1.2.0 -> 1.1.0", "1.1.0"]);
    let all = channel(&["1.1.0 -> 1.2.0", "1.2.0"]);
    let outcome = merge(&base, &all, &[], &MergeOptions::default());
    assert_eq!((mode(&outcome), codes(&outcome)), (ChosenMode::Replace, Vec::new()));
    // Unless that takes away a way of what runs.
    let outcome = merge(&base, &all, &[], &runs("1.1.0", Some("fast")));
    assert!(outcome.catalog.is_some(), "1.1.0 is the head now: {:?}", codes(&outcome));
    let outcome = merge(&base, &all, &[], &runs("1.2.0", Some("fast")));
    assert!(outcome.catalog.is_some(), "1.2.0 goes to 1.1.0: {:?}", codes(&outcome));

    let other = linked(&blobs(&[("slow", &["1.3.0"])]));
    let outcome = merge(&base, &other, &[], &with(Mode::Replace));
    assert!(codes(&outcome).contains(&"CHANNEL_REMOVED".to_owned()));
    let options = MergeOptions { installed: runs("1.2.0", Some("fast")).installed, ..with(Mode::Replace) };
    assert!(codes(&merge(&base, &other, &[], &options)).contains(&"!CHANNEL_LOST".to_owned()));
}

#[test]
fn a_person_may_keep_a_package_as_it_is() {
    let (base, delta) = (channel(&["1.0.0"]), channel(&["1.2.0 -> 1.1.0", "1.1.0"]));
    let outcome = merge(&base, &delta, &[], &with(Mode::KeepOld));
    assert_eq!(written(outcome.catalog.as_ref().unwrap().catalog(), "fast"), ["1.0.0"]);
    assert_eq!(mode(&outcome), ChosenMode::Keep);
}

#[test]
fn between_openshift_minors_nothing_is_bridged_unasked() {
    let minors = || MergeOptions { minors: Minors::Different, ..MergeOptions::default() };
    let base = channel(&["1.1.0 -> 1.0.0", "1.0.0"]);
    let plain = merge(&base, &channel(&["1.2.0 -> 1.1.0"]), &[], &minors());
    assert_eq!((mode(&plain), codes(&plain)), (ChosenMode::Union, vec!["CROSS_MINOR".to_owned()]));
    let superset = channel(&["1.2.0 -> 1.1.0", "1.1.0 -> 1.0.0", "1.0.0"]);
    assert_eq!(mode(&merge(&base, &superset, &[], &minors())), ChosenMode::Replace);
    // The real case: bridged, it would withhold 4.17.5 and send 4.17.4 straight to the next minor.
    let base = channel(&["4.17.5 -> 4.17.4", "4.17.4"]);
    let branch = channel(&["4.18.1 -> 4.18.0 range >=4.17.4 <4.18.0", "4.18.0 -> 4.17.4", "4.17.4"]);
    let refused = merge(&base, &branch, &[], &minors());
    assert_eq!(codes(&refused), ["WITHHELD", "!CROSS_MINOR"]);
    let asked = MergeOptions { minors: Minors::Different, ..with(Mode::Union) };
    assert_eq!(codes(&merge(&base, &branch, &[], &asked)), ["WITHHELD"]);
}

#[test]
fn a_replaced_package_gets_its_tail_back() {
    let base = channel(&["1.2.0"]);
    let delta = channel(&["1.3.0 -> 1.2.0", "1.2.0"]);
    let outcome = merge(&base, &delta, &[csv("1.2.0", "1.1.0"), csv("1.3.0", "1.0.0")], &with(Mode::Replace));
    let merged = outcome.catalog.as_ref().unwrap().catalog();
    assert_eq!(written(merged, "fast"), ["1.3.0 -> 1.2.0", "1.2.0 -> 1.1.0"]);
    let blob = merged.packages["p"].channels["fast"].blob.value();
    assert_eq!(blob["entries"][1], json!({"name": "p.v1.2.0", "replaces": "p.v1.1.0"}));
    assert_eq!(steps(&outcome), [StepKind::RestoreTail]);
}

#[test]
fn one_name_with_two_images_needs_a_decision() {
    let base = changed("1.0.0", |_| {});
    let other = format!("quay.io/a/p@{}", Digest::of(b"other"));
    let delta = changed("1.0.0", |bundle| bundle["image"] = json!(other));
    let outcome = merge(&base, &delta, &[], &MergeOptions::default());
    assert_eq!(codes(&outcome), ["!BUNDLE_IMAGE"]);
    let old = base.packages["p"].bundles["p.v1.0.0"].image.clone();
    let message = format!("production has `{old}`, the archive `{other}`");
    assert_eq!(outcome.report.findings[0].message, message);
    for (choice, expected) in [(OnBundleImage::New, &other), (OnBundleImage::Old, &old)] {
        let options = MergeOptions { on_bundle_image: choice, ..MergeOptions::default() };
        let outcome = merge(&base, &delta, &[], &options);
        assert_eq!(codes(&outcome), ["BUNDLE_IMAGE"]);
        assert_eq!(image_of(&outcome, "1.0.0"), *expected);
    }
}

#[test]
fn bundles_of_one_name_are_compared_by_meaning() {
    let digest = Digest::of(b"1.0.0");
    let base = changed("1.0.0", |_| {});
    let check = |delta: &Catalog, expected: &str, image: &str| {
        let aliases = vec![Alias { mirror: "nexus:5000/olm".to_owned(), source: "quay.io".to_owned() }];
        let outcome = merge(&base, delta, &[], &MergeOptions { aliases, ..MergeOptions::default() });
        let found: Vec<_> = outcome.report.findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(found.join(" "), expected);
        assert_eq!(image_of(&outcome, "1.0.0"), image);
    };
    let source = format!("quay.io/a/p@{digest}");
    let mirror = format!("nexus:5000/olm/a/p@{digest}");
    let elsewhere = format!("quay.io/b/p@{digest}");
    let related = |image: &str| json!([{"name": "", "image": image}]);
    check(&changed("1.0.0", |b| b["description"] = json!("new")), "BUNDLE_DIFFERS", &source);
    check(
        &changed("1.0.0", |b| {
            b["image"] = json!(mirror);
            b["relatedImages"] = related(&mirror);
        }),
        "MIRROR_ALIAS",
        &source,
    );
    check(&changed("1.0.0", |b| b["image"] = json!(elsewhere)), "BUNDLE_DIFFERS", &elsewhere);
    check(&changed("1.0.0", |b| b["image"] = json!("quay.io/a/p:1.0.0")), "TAG_REF", &source);
    check(
        &changed("1.0.0", |b| {
            let first = b["properties"][0].clone();
            b["properties"] = json!([first, first.clone()]);
            b["properties"].as_array_mut().unwrap().truncate(1);
            b["relatedImages"] = json!([{"image": source, "name": ""}, {"name": "", "image": source}]);
        }),
        "",
        &source,
    );
    let form = |b: &mut Value, kind: &str| {
        let embedded = json!({"type": kind, "value": {"data": "e30="}});
        b["properties"].as_array_mut().unwrap().push(embedded);
    };
    let objects = changed("1.0.0", |b| form(b, "olm.bundle.object"));
    let metadata = changed("1.0.0", |b| form(b, "olm.csv.metadata"));
    for (base, delta) in [(&objects, &metadata), (&metadata, &objects)] {
        let outcome = merge(base, delta, &[], &MergeOptions::default());
        assert_eq!(outcome.report.findings[0].code, "PROPERTY_FORM");
        let merged = outcome.catalog.unwrap().into_catalog();
        assert_eq!(merged.packages["p"].bundles["p.v1.0.0"].properties[1].kind, "olm.csv.metadata");
    }
    let other_version = changed("1.0.0", |b| b["properties"][0]["value"]["version"] = json!("1.0.0-1"));
    assert_eq!(codes(&merge(&base, &other_version, &[], &MergeOptions::default())), ["!BUNDLE_VERSION"]);
}

#[test]
fn two_names_of_one_version_are_refused() {
    let base = channel(&["1.1.0 -> 1.0.0", "1.0.0"]);
    let mut blobs = blobs(&[("fast", &["1.2.0 -> 1.1.0"])]);
    let text = serde_json::to_string(&blobs).unwrap();
    let text = text.replace("\"version\":\"1.2.0\"", "\"version\":\"1.1.0\"");
    blobs = serde_json::from_str(&text).unwrap();
    assert_eq!(codes(&merge(&base, &linked(&blobs), &[], &MergeOptions::default())), ["!VERSION_DUP"]);
}

#[test]
fn the_default_channel_is_the_new_sides_where_it_exists() {
    let base = linked(&blobs(&[("fast", &["1.0.0"])]));
    let delta = linked(&blobs(&[("slow", &["1.1.0"])]));
    let outcome = merge(&base, &delta, &[], &MergeOptions::default());
    assert_eq!(codes(&outcome), ["DEFAULT_CHANNEL"]);
    let merged = outcome.catalog.unwrap().into_catalog();
    assert_eq!(merged.packages["p"].default_channel, "slow");
    assert_eq!(merged.packages["p"].channels.keys().collect::<Vec<_>>(), ["fast", "slow"]);
    let mut gone = blobs(&[("fast", &["1.1.0 -> 1.0.0"])]);
    gone[0]["DefaultChannel"] = json!("none");
    gone[0].as_object_mut().unwrap().remove("defaultChannel");
    gone[0]["vendor"] = json!({"kept": true});
    let outcome = merge(&base, &linked(&gone), &[], &MergeOptions::default());
    let merged = outcome.catalog.unwrap().into_catalog();
    let blob = merged.packages["p"].blob.value();
    assert_eq!(
        blob,
        json!({"schema": "olm.package", "name": "p", "defaultChannel": "fast", "vendor": {"kept": true}})
    );
}

#[test]
fn icon_and_description_survive_a_side_that_has_none() {
    let mut old = blobs(&[("fast", &["1.0.0"])]);
    old[0]["icon"] = json!({"base64data": "eA==", "mediatype": "image/svg+xml"});
    old[0]["description"] = json!("old");
    let mut new = blobs(&[("fast", &["1.0.0"])]);
    new[0]["description"] = json!("new");
    let outcome = merge(&linked(&old), &linked(&new), &[], &MergeOptions::default());
    let blob = outcome.catalog.unwrap().into_catalog().packages["p"].blob.value();
    assert_eq!((&blob["icon"], &blob["description"]), (&old[0]["icon"], &json!("new")));
}

#[test]
fn deprecations_are_joined_and_point_to_what_exists() {
    let about = |entries: &[(&str, &str, &str)]| {
        let entries: Vec<Value> = entries
            .iter()
            .map(|(schema, name, message)| match *name {
                "" => json!({"reference": {"schema": schema}, "message": message}),
                name => json!({"reference": {"schema": schema, "name": name}, "message": message}),
            })
            .collect();
        json!({"schema": "olm.deprecations", "package": "p", "entries": entries})
    };
    let side = |entries: &[&str], about: Option<Value>| {
        let mut blobs = blobs(&[("fast", entries)]);
        blobs.extend(about);
        linked(&blobs)
    };
    let old = about(&[
        ("olm.bundle", "p.v1.0.0", "old"),
        ("olm.bundle", "p.v1.1.0", "no longer"),
        ("olm.channel", "fast", "old"),
    ]);
    let new = about(&[
        ("olm.channel", "fast", "new"),
        ("olm.package", "", "new"),
        ("olm.bundle", "p.v9.0.0", "gone"),
    ]);
    let base = side(&["1.1.0 -> 1.0.0", "1.0.0"], Some(old.clone()));
    let delta = side(&["1.2.0 -> 1.1.0", "1.1.0"], Some(new));
    let outcome = merge(&base, &delta, &[], &MergeOptions::default());
    assert!(outcome.report.findings.iter().any(|finding| finding.code == "DEPRECATION_DROPPED"));
    let merged = outcome.catalog.unwrap().into_catalog();
    assert_eq!(
        merged.packages["p"].deprecations.as_ref().unwrap().value(),
        about(&[
            ("olm.bundle", "p.v1.0.0", "old"),
            ("olm.channel", "fast", "new"),
            ("olm.package", "", "new"),
        ])
    );
    // A side that says nothing of deprecations takes none back.
    let silent = side(&["1.2.0 -> 1.1.0", "1.1.0"], None);
    let merged = merge(&base, &silent, &[], &MergeOptions::default()).catalog.unwrap().into_catalog();
    assert_eq!(merged.packages["p"].deprecations.as_ref().unwrap().value(), old);
}

#[test]
fn what_is_not_known_survives() {
    let extra = |name: &str, value: u64| json!({"schema": "vendor.thing", "package": "p", "name": name, "value": value});
    let global = json!({"schema": "vendor.global", "value": 1});
    let stray = json!({"schema": "vendor.stray", "package": "q", "name": "x"});
    let mut old = blobs(&[("fast", &["1.1.0 -> 1.0.0", "1.0.0"])]);
    old.extend([extra("a", 1), extra("b", 1), global.clone()]);
    old[1]["properties"] = json!([{"type": "x", "value": 1}]);
    old[1]["entries"][1]["vendor"] = json!("kept");
    let mut new = blobs(&[("fast", &["1.2.0 -> 1.1.0"])]);
    new.extend([extra("b", 2), extra("c", 2), stray]);
    new[1]["vendor"] = json!("new");
    let outcome = merge(&linked(&old), &linked(&new), &[], &MergeOptions::default());
    assert_eq!(codes(&outcome), ["OTHER_SCHEMA_CONFLICT", "OTHER_SCHEMA_DROPPED"]);
    let merged = outcome.catalog.unwrap().into_catalog();
    let values = |blobs: &[Blob]| blobs.iter().map(Blob::value).collect::<Vec<_>>();
    assert_eq!(values(&merged.packages["p"].others), [extra("a", 1), extra("b", 2), extra("c", 2)]);
    assert_eq!(values(&merged.others), [global]);
    assert_eq!(
        merged.packages["p"].channels["fast"].blob.value(),
        json!({"schema": "olm.channel", "package": "p", "name": "fast", "vendor": "new", "entries": [
            {"name": "p.v1.2.0", "replaces": "p.v1.1.0"},
            {"name": "p.v1.1.0", "replaces": "p.v1.0.0"},
            {"name": "p.v1.0.0", "vendor": "kept"},
        ]})
    );
}

#[test]
fn what_is_required_and_not_there_is_said() {
    let requiring = |range: &str| {
        changed("1.1.0", |bundle| {
            let required = json!({"packageName": "q", "versionRange": range});
            let gvk = json!({"group": "g", "kind": "K", "version": "v1"});
            let properties = bundle["properties"].as_array_mut().unwrap();
            properties.push(json!({"type": "olm.package.required", "value": required}));
            properties.push(json!({"type": "olm.gvk.required", "value": gvk}));
        })
    };
    let mut other: Vec<Value> = serde_json::from_str(
        &serde_json::to_string(&blobs(&[("fast", &["0.7.0"])])).unwrap().replace("\"p\"", "\"q\""),
    )
    .unwrap();
    let gvk = json!({"type": "olm.gvk", "value": {"group": "g", "kind": "K", "version": "v1"}});
    other[2]["properties"].as_array_mut().unwrap().push(gvk);
    let base = linked(&other);
    assert_eq!(
        codes(&merge(&base, &requiring(">=0.6.0"), &[], &MergeOptions::default())),
        Vec::<String>::new()
    );
    let outcome = merge(&base, &requiring(">=0.8.0"), &[], &MergeOptions::default());
    assert_eq!(codes(&outcome), ["DEPENDENCY_MISSING"]);
    let outcome = merge(&Catalog::default(), &requiring(">=0.6.0"), &[], &MergeOptions::default());
    assert_eq!(
        outcome.report.findings[0].message,
        "the merged catalog has not got what it requires: package q >=0.6.0, API g/v1 K"
    );
}

#[test]
fn compound_requirements_are_judged_as_the_plan_judges_them() {
    let q = |range: &str| json!({"package": {"packageName": "q", "versionRange": range}});
    let api = json!({"gvk": {"group": "g", "kind": "K", "version": "v1"}});
    let many = |word: &str, list: &[&Value]| json!({word: {"constraints": list}});
    let rule = json!({"cel": {"rule": "properties.exists(p, p.type == \"x\")"}});
    let base = serde_json::to_string(&blobs(&[("fast", &["0.7.0"])])).unwrap().replace("\"p\"", "\"q\"");
    let base = linked(&serde_json::from_str::<Vec<Value>>(&base).unwrap());
    for (constraint, expected) in [
        (q("<1.0.0"), vec![]),
        (q(">=1.0.0"), vec!["DEPENDENCY_MISSING"]),
        (api.clone(), vec!["DEPENDENCY_MISSING"]),
        (many("any", &[&api, &q("<1.0.0")]), vec![]),
        (many("any", &[&api, &q(">=1.0.0")]), vec!["DEPENDENCY_MISSING"]),
        (many("all", &[&q("<1.0.0"), &q(">=0.1.0")]), vec![]),
        (many("all", &[&q("<1.0.0"), &api]), vec!["DEPENDENCY_MISSING"]),
        // Nobody has to choose what is forbidden.
        (many("not", &[&q("<1.0.0")]), vec![]),
        (rule.clone(), vec!["CEL_UNCHECKED"]),
        (many("all", &[&api, &rule]), vec!["DEPENDENCY_MISSING", "CEL_UNCHECKED"]),
        (json!({"nonsense": 1}), vec!["CONSTRAINT"]),
    ] {
        let delta = changed("1.1.0", |bundle| {
            let property = json!({"type": "olm.constraint", "value": constraint});
            bundle["properties"].as_array_mut().unwrap().push(property);
        });
        let outcome = merge(&base, &delta, &[], &MergeOptions::default());
        assert_eq!(codes(&outcome), expected, "{constraint}");
        assert!(outcome.catalog.is_some(), "{constraint}");
    }
}

#[test]
fn an_embedded_csv_is_evidence_too() {
    use base64::Engine as _;
    let base = channel(&["1.9.0 -> 1.8.0", "1.8.0"]);
    let mut blobs = blobs(&[("fast", &["1.11.0 -> 1.10.0", "1.10.0"])]);
    assert_eq!(codes(&merge(&base, &linked(&blobs), &[], &MergeOptions::default())), ["!MULTIPLE_HEADS"]);
    let csv = json!({"kind": "ClusterServiceVersion", "metadata": {"name": "p.v1.10.0"},
                     "spec": {"version": "1.10.0", "replaces": "p.v1.9.0"}});
    let data = base64::engine::general_purpose::STANDARD.encode(csv.to_string());
    let bundle = blobs.iter_mut().find(|blob| blob["schema"] == "olm.bundle" && blob["name"] == "p.v1.10.0");
    let embedded = json!({"type": "olm.bundle.object", "value": {"data": data}});
    bundle.unwrap()["properties"].as_array_mut().unwrap().push(embedded);
    let outcome = merge(&base, &linked(&blobs), &[], &MergeOptions::default());
    let merged = outcome.catalog.unwrap().into_catalog();
    assert_eq!(written(&merged, "fast"), ["1.11.0 -> 1.10.0", "1.10.0 -> 1.9.0", "1.9.0 -> 1.8.0", "1.8.0"]);
}

#[test]
fn a_stopgap_default_channel_does_not_move_productions() {
    let base = linked(&blobs(&[("stable", &["1.0.0"]), ("fast", &["1.0.0"])]));
    let delta = linked(&blobs(&[("fast", &["1.1.0 -> 1.0.0", "1.0.0"])]));
    let default = |options: &MergeOptions| {
        let (merged, _) = merge(&base, &delta, &[], options).merged().unwrap();
        merged.catalog().packages["p"].default_channel.clone()
    };
    // Upstream has made it the default one.
    assert_eq!(default(&MergeOptions::default()), "fast");
    // Upstream still names the other one, which did not travel.
    let upstream_defaults = BTreeMap::from([("p".to_owned(), "stable".to_owned())]);
    assert_eq!(default(&MergeOptions { upstream_defaults, ..MergeOptions::default() }), "stable");
}
