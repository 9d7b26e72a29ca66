//! Tests of the selection.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;
use crate::catalog::{HopEdge, load, validate_package};
use crate::finding::Severity;
use crate::imageset::{Request, parse};
use crate::limits::LIMITS;

const IMAGE: &str = "registry.example/index:v1";

/// A bundle with further properties.
fn bundle(package: &str, version: &str, more: &[Value]) -> Value {
    let mut properties =
        vec![json!({"type": "olm.package", "value": {"packageName": package, "version": version}})];
    properties.extend_from_slice(more);
    json!({
        "schema": "olm.bundle", "package": package, "name": format!("{package}.v{version}"),
        "image": format!("registry.example/{package}-bundle@sha256:{}", "0".repeat(64)),
        "properties": properties, "relatedImages": [],
    })
}

/// A channel of entries written `version`, `version^replaces`, `version~skipRange`, `version!skipped`.
fn channel(package: &str, name: &str, entries: &[&str]) -> Value {
    let named = |version: &str| format!("{package}.v{version}");
    let entry = |text: &&str| {
        let end = text.find(['^', '~', '!']).unwrap_or(text.len());
        let mut entry = json!({"name": named(&text[..end])});
        for part in text[end..].split_inclusive(['^', '~', '!']).collect::<Vec<_>>().windows(2) {
            let value = part[1].trim_end_matches(['^', '~', '!']);
            match part[0].chars().last().unwrap() {
                '^' => entry["replaces"] = json!(named(value)),
                '~' => entry["skipRange"] = json!(value),
                _ => entry["skips"] = json!([named(value)]),
            }
        }
        entry
    };
    let entries: Vec<Value> = entries.iter().map(entry).collect();
    json!({"schema": "olm.channel", "package": package, "name": name, "entries": entries})
}

fn package(name: &str, default: &str) -> Value {
    json!({"schema": "olm.package", "name": name, "defaultChannel": default})
}

fn catalog(blobs: &[Value]) -> Catalog {
    let loaded = Catalog::from_values(blobs);
    assert_eq!(loaded.findings, [], "the fixture is wrong");
    loaded.catalog
}

fn request(packages: &str) -> Request {
    let text = format!(
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  operators:\n  - catalog: {IMAGE}\n    packages: {packages}\n"
    );
    let (request, findings) = parse(text.as_bytes(), "isc.yaml", &LIMITS);
    request.unwrap_or_else(|| panic!("{findings:#?}"))
}

fn installed(names: &[&str]) -> Vec<InstalledOperator> {
    let operator = |text: &&str| {
        let (name, channel) =
            text.split_once('@').map_or((*text, None), |(name, channel)| (name, Some(channel)));
        InstalledOperator {
            name: name.to_owned(),
            version: None,
            package: None,
            channel: channel.map(str::to_owned),
            namespace: None,
        }
    };
    names.iter().map(operator).collect()
}

fn select(catalog: &Catalog, packages: &str, running: &[&str]) -> Selected {
    select_with(catalog, packages, running, &[])
}

fn select_with(catalog: &Catalog, packages: &str, running: &[&str], evidence: &[Evidence]) -> Selected {
    let request = request(packages);
    let items: Vec<&OperatorsRequest> = request.operators.iter().collect();
    let running = installed(running);
    Selector { catalog, installed: &running, all_known: false, evidence, file: "isc.yaml" }.select(&items)
}

fn codes(selected: &Selected) -> Vec<String> {
    let missing = selected.missing.iter().map(|missing| &missing.finding);
    selected.findings.iter().chain(missing).map(|finding| finding.code.clone()).collect()
}

/// `channel: entry<replaces+skips …` of one delivered package.
fn shape(selected: &Selected, package: &str) -> Vec<String> {
    let package = &selected.catalog.packages[package];
    let short = |name: &str| name.rsplit_once(".v").map_or(name, |(_, version)| version).to_owned();
    let entry = |entry: &crate::catalog::Entry| {
        let replaces = entry.replaces.as_deref().map(|name| format!("<{}", short(name))).unwrap_or_default();
        let skips: Vec<String> = entry.skips.iter().map(|name| format!("!{}", short(name))).collect();
        format!("{}{replaces}{}", short(&entry.name), skips.concat())
    };
    let line = |channel: &crate::catalog::Channel| {
        let entries: Vec<_> = channel.entries.iter().map(entry).collect();
        format!("{}: {}", channel.name, entries.join(" "))
    };
    package.channels.values().map(line).collect()
}

fn hops(selected: &Selected, package: &str) -> Vec<(String, HopEdge)> {
    let package = selected.packages.iter().find(|planned| planned.name == package).unwrap();
    package.hops.iter().map(|hop| (hop.version.clone(), hop.edge)).collect()
}

fn web_terminal() -> Catalog {
    let required = json!({"type": "olm.package.required", "value": {"packageName": "devworkspace", "versionRange": ">=0.20.0"}});
    let mut blobs = vec![
        package("web-terminal", "fast"),
        channel(
            "web-terminal",
            "fast",
            &["1.7.0", "1.8.0^1.7.0", "1.9.0^1.8.0", "1.10.0^1.9.0", "1.11.0^1.10.0"],
        ),
        package("devworkspace", "fast"),
        channel("devworkspace", "fast", &["0.19.0", "0.20.0^0.19.0", "0.21.0^0.20.0"]),
    ];
    for version in ["1.7.0", "1.8.0", "1.9.0", "1.10.0", "1.11.0"] {
        blobs.push(bundle("web-terminal", version, std::slice::from_ref(&required)));
    }
    blobs.extend(["0.19.0", "0.20.0", "0.21.0"].map(|version| bundle("devworkspace", version, &[])));
    catalog(&blobs)
}

const FIELD_NOTE: &str = "[{name: web-terminal, defaultChannel: fast, channels: [{name: fast, minVersion: 1.8.0, maxVersion: 1.8.0}, {name: fast, minVersion: 1.9.0, maxVersion: 1.9.0}]}]";

#[test]
fn only_the_hops_travel_and_what_they_require() {
    let selected = select(&web_terminal(), FIELD_NOTE, &["web-terminal.v1.8.0"]);
    assert_eq!(hops(&selected, "web-terminal"), [("1.9.0".to_owned(), HopEdge::Replaces)]);
    assert_eq!(shape(&selected, "web-terminal"), ["fast: 1.9.0<1.8.0"]);
    assert_eq!(shape(&selected, "devworkspace"), ["fast: 0.21.0<0.20.0"]);
    assert_eq!(selected.packages[0].reason, "required by `web-terminal`: `devworkspace` >=0.20.0");
    assert_eq!(selected.packages[1].reason, "asked for");
    assert_eq!(selected.packages[1].installed.as_deref(), Some("web-terminal.v1.8.0"));
    assert_eq!(selected.packages[1].bundles, ["web-terminal.v1.9.0"]);
    assert_eq!(codes(&selected), ["DEPENDENCY_ADDED"]);
    assert!(selected.unknown.is_empty());
}

#[test]
fn without_anything_installed_the_selection_is_taken_and_said() {
    let selected = select(&web_terminal(), FIELD_NOTE, &[]);
    assert_eq!(shape(&selected, "web-terminal"), ["fast: 1.8.0<1.7.0 1.9.0<1.8.0"]);
    assert_eq!(codes(&selected), ["NO_INSTALLED", "DEPENDENCY_ADDED"]);
    assert_eq!(selected.packages[1].hops, []);
}

#[test]
fn what_runs_and_is_good_enough_is_not_carried_again() {
    let selected = select(&web_terminal(), FIELD_NOTE, &["web-terminal.v1.8.0", "devworkspace.v0.20.0"]);
    assert_eq!(selected.packages.len(), 1);
    // A dependency that runs and is too old goes its own way.
    let selected = select(&web_terminal(), FIELD_NOTE, &["web-terminal.v1.8.0", "devworkspace.v0.19.0"]);
    assert_eq!(shape(&selected, "devworkspace"), ["fast: 0.21.0<0.20.0 0.20.0<0.19.0"]);
    assert_eq!(hops(&selected, "devworkspace").len(), 2);
}

#[test]
fn dependencies_can_be_left_out() {
    let mut request = request(FIELD_NOTE);
    request.operators[0].skip_dependencies = true;
    let items: Vec<&OperatorsRequest> = request.operators.iter().collect();
    let (catalog, running) = (web_terminal(), installed(&["web-terminal.v1.8.0"]));
    let selected = Selector {
        catalog: &catalog,
        installed: &running,
        all_known: false,
        evidence: &[],
        file: "isc.yaml",
    }
    .select(&items);
    assert_eq!(selected.packages.len(), 1);
    assert_eq!(selected.findings, []);
}

#[test]
fn the_target_is_the_highest_that_is_asked_for() {
    for (packages, expected) in [
        ("[{name: web-terminal}]", "fast: 1.11.0<1.10.0 1.10.0<1.9.0 1.9.0<1.8.0"),
        ("[{name: web-terminal, maxVersion: 1.10.0}]", "fast: 1.10.0<1.9.0 1.9.0<1.8.0"),
        ("[{name: web-terminal, channels: [{name: fast}]}]", "fast: 1.11.0<1.10.0 1.10.0<1.9.0 1.9.0<1.8.0"),
        (
            "[{name: web-terminal, channels: [{name: fast, minVersion: 1.9.0, maxVersion: 1.9.0}]}]",
            "fast: 1.9.0<1.8.0",
        ),
    ] {
        let selected = select(&web_terminal(), packages, &["web-terminal.v1.8.0"]);
        assert_eq!(shape(&selected, "web-terminal"), [expected], "{packages}");
    }
}

#[test]
fn a_skip_range_is_one_hop_and_becomes_a_chain() {
    let blobs = [
        package("co", "stable"),
        channel(
            "co",
            "stable",
            &["1.7.0~>=0.1.17 <1.7.0", "1.8.0^1.7.0~>=1.0.0 <1.8.0", "1.9.0^1.8.0~>=1.0.0 <1.9.0"],
        ),
        bundle("co", "1.7.0", &[]),
        bundle("co", "1.8.0", &[]),
        bundle("co", "1.9.0", &[]),
    ];
    let catalog = catalog(&blobs);
    let selected = select(&catalog, "[{name: co}]", &["co.v1.4.0"]);
    assert_eq!(hops(&selected, "co"), [("1.9.0".to_owned(), HopEdge::SkipRange)]);
    assert_eq!(shape(&selected, "co"), ["stable: 1.9.0<1.8.0"]);
    let selected = select(&catalog, "[{name: co}]", &["co.v0.1.61"]);
    assert_eq!(hops(&selected, "co").len(), 2);
    assert_eq!(shape(&selected, "co"), ["stable: 1.9.0<1.7.0!1.8.0 1.7.0"]);
}

fn lost() -> Catalog {
    let blobs = [
        package("web-terminal", "fast"),
        channel("web-terminal", "fast", &["1.10.0", "1.11.0^1.10.0"]),
        bundle("web-terminal", "1.10.0", &[]),
        bundle("web-terminal", "1.11.0", &[]),
    ];
    catalog(&blobs)
}

fn evidence(bundle: &str, replaces: &str) -> Evidence {
    Evidence {
        package: "web-terminal".to_owned(),
        bundle: bundle.to_owned(),
        version: "1.10.0".to_owned(),
        replaces: Some(replaces.to_owned()),
        skips: Vec::new(),
        skip_range: None,
        min_kube_version: None,
        max_openshift_version: None,
        related_images: Vec::new(),
    }
}

/// The v4.20 index has lost the `replaces` of its lowest web-terminal; the bundle's own CSV has it.
#[test]
fn a_lost_edge_is_bridged_by_the_bundles_own_csv() {
    let selected = select(&lost(), "[{name: web-terminal}]", &["web-terminal.v1.9.0"]);
    assert_eq!(codes(&selected), ["NO_PATH"]);
    assert_eq!(selected.unknown, [("web-terminal".to_owned(), "web-terminal.v1.10.0".to_owned())].into());

    let known = [evidence("web-terminal.v1.10.0", "web-terminal.v1.9.0")];
    let selected = select_with(&lost(), "[{name: web-terminal}]", &["web-terminal.v1.9.0"], &known);
    assert_eq!(selected.findings, []);
    assert_eq!(
        hops(&selected, "web-terminal"),
        [("1.10.0".to_owned(), HopEdge::Bridge), ("1.11.0".to_owned(), HopEdge::Replaces)]
    );
    assert_eq!(shape(&selected, "web-terminal"), ["fast: 1.11.0<1.10.0 1.10.0<1.9.0"]);
    // The delivered catalog can do without the evidence.
    let again = select(&selected.catalog, "[{name: web-terminal}]", &["web-terminal.v1.9.0"]);
    assert_eq!(hops(&again, "web-terminal")[0].1, HopEdge::Replaces);
}

#[test]
fn without_a_way_the_missing_versions_are_named() {
    let known = [evidence("web-terminal.v1.10.0", "web-terminal.v1.9.0")];
    let selected = select_with(&lost(), "[{name: web-terminal}]", &["web-terminal.v1.8.0"], &known);
    assert_eq!(codes(&selected), ["NO_PATH"]);
    let finding = &selected.findings[0];
    assert!(finding.message.contains("`web-terminal.v1.9.0` is not in the channel"), "{}", finding.message);
    assert_eq!((finding.severity, finding.line), (Severity::Error, Some(6)));
    assert!(selected.unknown.is_empty() && selected.packages.is_empty());
}

#[test]
fn what_does_not_exist_is_named_with_what_does() {
    let catalog = web_terminal();
    for (packages, code, said) in [
        ("[{name: web-termnal}]", "ISC_UNKNOWN_PACKAGE", "did you mean `web-terminal`?"),
        ("[{name: web-terminal, channels: [{name: fats}]}]", "ISC_UNKNOWN_CHANNEL", "did you mean `fast`?"),
        ("[{name: web-terminal, defaultChannel: slow}]", "ISC_UNKNOWN_CHANNEL", ""),
        (
            "[{name: web-terminal, minVersion: 1.8.1, maxVersion: 1.8.9}]",
            "EMPTY_CHANNEL",
            "the channel has 1.11.0, 1.10.0, 1.9.0, 1.8.0, 1.7.0",
        ),
    ] {
        let selected = select(&catalog, packages, &[]);
        let found = selected.findings.iter().find(|finding| finding.code == code);
        let found = found.unwrap_or_else(|| panic!("{:?}", selected.findings));
        assert_eq!((found.hint.as_str(), found.file.as_deref()), (said, Some("isc.yaml")));
        assert!(found.line.is_some());
    }
    let ahead = select(&catalog, FIELD_NOTE, &["web-terminal.v1.11.0"]);
    assert_eq!(codes(&ahead), ["INSTALLED_AHEAD"]);
}

#[test]
fn a_channel_cannot_be_left_without_its_default() {
    let blobs = [
        package("odf", "stable-2"),
        channel("odf", "stable-1", &["1.0.0", "1.1.0^1.0.0"]),
        channel("odf", "stable-2", &["1.1.0^1.0.0", "2.0.0^1.1.0"]),
        bundle("odf", "1.0.0", &[]),
        bundle("odf", "1.1.0", &[]),
        bundle("odf", "2.0.0", &[]),
    ];
    let catalog = catalog(&blobs);
    let one = "[{name: odf, channels: [{name: stable-1}]}]";
    let selected = select(&catalog, one, &[]);
    assert_eq!(codes(&selected), ["NO_INSTALLED", "DEFAULT_CHANNEL"]);
    assert_eq!(selected.findings[1].severity, Severity::Error);
    let selected = select(&catalog, &one.replace("odf,", "odf, defaultChannel: stable-1,"), &[]);
    assert_eq!(codes(&selected), ["NO_INSTALLED"]);
    let selected = select(&catalog, one, &["odf.v1.0.0@stable-1"]);
    assert_eq!(codes(&selected), ["DEFAULT_CHANNEL"]);
    assert_eq!(selected.findings[0].severity, Severity::Info);
    assert_eq!(selected.catalog.packages["odf"].default_channel, "stable-1");
    assert_eq!(shape(&selected, "odf"), ["stable-1: 1.1.0<1.0.0"]);

    // Both channels listed: through the first into the second.
    let both = "[{name: odf, channels: [{name: stable-1}, {name: stable-2}]}]";
    let selected = select(&catalog, both, &["odf.v1.0.0@stable-1"]);
    assert_eq!(shape(&selected, "odf"), ["stable-1: 1.1.0<1.0.0", "stable-2: 2.0.0<1.1.0"]);
}

#[test]
fn a_gap_in_a_selection_is_filled_and_said() {
    let ends = "[{name: web-terminal, channels: [{name: fast, minVersion: 1.7.0, maxVersion: 1.7.0}, {name: fast, minVersion: 1.9.0, maxVersion: 1.9.0}]}]";
    let selected = select(&web_terminal(), ends, &[]);
    assert_eq!(shape(&selected, "web-terminal"), ["fast: 1.7.0 1.8.0<1.7.0 1.9.0<1.8.0"]);
    assert!(codes(&selected).contains(&"RANGE_WIDENED".to_owned()));
}

#[test]
fn constraints_are_met_or_told() {
    let gvk = json!({"group": "example.com", "kind": "Thing", "version": "v1"});
    let all = json!({"type": "olm.constraint", "value": {"failureMessage": "no", "all": {"constraints": [
        {"gvk": gvk}, {"any": {"constraints": [{"package": {"packageName": "gone", "versionRange": ">=1.0.0"}}, {"gvk": gvk}]}}
    ]}}});
    let cel = json!({"type": "olm.constraint", "value": {"failureMessage": "no", "cel": {"rule": "true"}}});
    let lone =
        json!({"type": "olm.gvk.required", "value": {"group": "nowhere", "kind": "None", "version": "v1"}});
    let provides = json!({"type": "olm.gvk", "value": gvk});
    let blobs = [
        package("a", "s"),
        channel("a", "s", &["1.0.0"]),
        bundle("a", "1.0.0", &[all, cel, lone]),
        package("p", "s"),
        channel("p", "s", &["1.0.0", "2.0.0^1.0.0"]),
        bundle("p", "1.0.0", std::slice::from_ref(&provides)),
        bundle("p", "2.0.0", &[]),
        package("q", "s"),
        channel("q", "s", &["1.0.0"]),
        bundle("q", "1.0.0", &[provides]),
    ];
    let catalog = catalog(&blobs);
    let selected = select(&catalog, "[{name: a}]", &["other.v1.0.0"]);
    assert_eq!(shape(&selected, "p"), ["s: 1.0.0"]);
    let mut found = codes(&selected);
    found.sort();
    found.dedup();
    assert_eq!(
        found,
        ["CEL_UNCHECKED", "DEPENDENCY_ADDED", "DEPENDENCY_AMBIGUOUS", "DEPENDENCY_MISSING", "NEW_PACKAGE"]
    );
    // What runs already is preferred, and enough.
    let selected = select(&catalog, "[{name: a}]", &["q.v1.0.0"]);
    assert_eq!(selected.packages.len(), 1);
}

/// What a bundle requires and its catalog has not got: an error where all that runs is known, and none where what runs proves that the
/// site has it.
#[test]
fn a_requirement_that_nothing_meets_weighs_what_is_known_of_the_site() {
    let requires = |range: &str| json!({"type": "olm.package.required", "value": {"packageName": "gone", "versionRange": range}});
    let blobs = [
        package("a", "s"),
        channel("a", "s", &["1.0.0", "1.1.0^1.0.0", "2.0.0^1.1.0"]),
        bundle("a", "1.0.0", &[requires(">=1.0.0")]),
        bundle("a", "1.1.0", &[requires(">=1.0.0")]),
        bundle("a", "2.0.0", &[requires(">=2.0.0")]),
        package("b", "s"),
        channel("b", "s", &["1.0.0"]),
        bundle("b", "1.0.0", &[]),
    ];
    let catalog = catalog(&blobs);
    for (max, running, all_known, code, severity) in [
        ("1.1.0", "a.v1.0.0", true, "DEPENDENCY_ASSUMED", Severity::Info),
        ("1.1.0", "a.v1.0.0", false, "DEPENDENCY_ASSUMED", Severity::Info),
        ("1.1.0", "b.v1.0.0", true, "DEPENDENCY_MISSING", Severity::Error),
        // Nothing is known of what a CSV of another catalog provides.
        ("1.1.0", "other.v1.0.0", true, "DEPENDENCY_MISSING", Severity::Warning),
        ("1.1.0", "b.v1.0.0", false, "DEPENDENCY_MISSING", Severity::Warning),
        ("2.0.0", "a.v1.1.0", true, "DEPENDENCY_MISSING", Severity::Error),
        ("2.0.0", "a.v1.1.0", false, "DEPENDENCY_MISSING", Severity::Warning),
    ] {
        let request =
            request(&format!("[{{name: a, channels: [{{name: s, minVersion: {max}, maxVersion: {max}}}]}}]"));
        let items: Vec<&OperatorsRequest> = request.operators.iter().collect();
        let running = installed(&[running]);
        let selector =
            Selector { catalog: &catalog, installed: &running, all_known, evidence: &[], file: "isc.yaml" };
        let [missing] = &selector.select(&items).missing[..] else { panic!("{max} {running:?}") };
        assert_eq!(
            (missing.finding.code.as_str(), missing.finding.severity),
            (code, severity),
            "{max} {running:?}"
        );
    }
    // What runs of another catalog meets it by package and version.
    let request = request("[{name: a}]");
    let items: Vec<&OperatorsRequest> = request.operators.iter().collect();
    for (version, missing) in [("2.5.0", 0), ("1.5.0", 1)] {
        let mut running = installed(&["gone.v0"]);
        running[0].package = Some("gone".to_owned());
        running[0].version = Some(version.to_owned());
        let selector = Selector {
            catalog: &catalog,
            installed: &running,
            all_known: true,
            evidence: &[],
            file: "isc.yaml",
        };
        let selected = selector.select(&items);
        assert_eq!(selected.missing.len(), missing, "{version}");
        assert!(selected.missing.iter().all(|missing| missing.finding.severity == Severity::Error));
    }
    // Another catalog of the request may have it.
    let selected = select(&catalog, "[{name: a}]", &["a.v1.1.0"]);
    let other = self::catalog(&[
        package("gone", "s"),
        channel("gone", "s", &["2.1.0"]),
        bundle("gone", "2.1.0", &[]),
    ]);
    assert!(selected.missing[0].met_in(&other) && !selected.missing[0].met_in(&catalog));
}

/// A bound above or below all that there is holds nothing back today, which is said.
#[test]
fn bounds_outside_of_all_that_there_is_are_said() {
    let said = |packages: &str| -> Vec<String> {
        let selected = select(&web_terminal(), packages, &["web-terminal.v1.8.0", "devworkspace.v0.20.0"]);
        let beyond = selected.findings.into_iter().filter(|finding| finding.code == "ISC_BOUND_BEYOND");
        beyond
            .map(|finding| {
                assert_eq!(finding.severity, Severity::Info);
                format!("{}: {}", finding.subject, finding.message)
            })
            .collect()
    };
    let above = "`maxVersion` 2.0.0 is above all that there is; the highest is 1.11.0";
    let below = "`minVersion` 1.0.0 is below all that there is; the lowest is 1.7.0";
    let fast = "package web-terminal, channel fast: ";
    for (packages, expected) in [
        ("[{name: web-terminal, channels: [{name: fast, maxVersion: 2.0.0}]}]", vec![above]),
        (
            "[{name: web-terminal, channels: [{name: fast, minVersion: 1.0.0, maxVersion: 2.0.0}]}]",
            vec![above, below],
        ),
        ("[{name: web-terminal, minVersion: 1.0.0}]", vec![below]),
        ("[{name: web-terminal, minVersion: 1.7.0, maxVersion: 1.11.0}]", vec![]),
        ("[{name: web-terminal}]", vec![]),
        // Nothing at all is an error of its own.
        ("[{name: web-terminal, minVersion: 1.12.0, maxVersion: 2.0.0}]", vec![]),
    ] {
        let expected: Vec<String> = expected.into_iter().map(|message| format!("{fast}{message}")).collect();
        assert_eq!(said(packages), expected, "{packages}");
    }
}

fn shared(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("OMBUNDLE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = root.join("data").join(folder);
    path.is_dir().then_some(path)
}

fn read(folder: &Path) -> Catalog {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(at).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                open.push(entry.path());
            } else {
                let name = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                files.push((name, std::fs::read(entry.path()).unwrap()));
            }
        }
    }
    load(files, &LIMITS).catalog
}

#[test]
fn the_real_web_terminal_goes_from_1_8_to_1_14() {
    let Some(folder) = shared("fbc-derived") else { return };
    let catalog = read(&folder);
    let packages = "[{name: web-terminal, channels: [{name: fast, maxVersion: 1.14.0}]}]";
    let selected = select(&catalog, packages, &["web-terminal.v1.8.0"]);
    let versions: Vec<_> = hops(&selected, "web-terminal").into_iter().map(|(version, _)| version).collect();
    assert_eq!(versions.last().map(String::as_str), Some("1.14.0"));
    let entries = &selected.catalog.packages["web-terminal"].channels["fast"].entries;
    assert_eq!(entries.len(), versions.len());
    assert!(
        selected.findings.iter().all(|finding| finding.severity < Severity::Error),
        "{:#?}",
        selected.findings
    );
}

/// From each entry of every channel to the channel's head: the delivered package alone takes OLM exactly there.
#[test]
fn every_package_of_a_real_catalog_delivers_a_way_that_olm_goes() {
    let (mut ways, mut packages) = (0, 0);
    for name in ["fbc/redhat", "fbc/upstream", "fbc-derived"] {
        let Some(folder) = shared(name) else { return };
        let catalog = read(&folder);
        for package in catalog.packages.values() {
            packages += 1;
            for start in package.bundles.values().step_by(package.bundles.len() / 4 + 1) {
                let running = InstalledOperator {
                    name: start.name.clone(),
                    version: Some(start.version.to_string()),
                    package: Some(package.name.clone()),
                    channel: Some(package.default_channel.clone()),
                    namespace: None,
                };
                let request = request(&format!("[{{name: {}}}]", package.name));
                let items: Vec<&OperatorsRequest> = request.operators.iter().collect();
                let running = [running];
                let selected = Selector {
                    catalog: &catalog,
                    installed: &running,
                    all_known: false,
                    evidence: &[],
                    file: "isc.yaml",
                }
                .select(&items);
                let planned = selected.packages.iter().find(|planned| planned.name == package.name);
                let Some(planned) = planned else { continue };
                let delivered = &selected.catalog.packages[&package.name];
                let start =
                    crate::catalog::Start { name: start.name.clone(), version: start.version.clone() };
                assert!(
                    super::prune::goes(delivered, &start, Some(&package.default_channel), &planned.hops),
                    "{} from {}",
                    package.name,
                    start.name
                );
                let broken = |package: &crate::catalog::Package| {
                    validate_package(package).iter().any(|finding| finding.severity == Severity::Error)
                };
                assert!(
                    broken(package) || !broken(delivered),
                    "{}: {:#?}",
                    package.name,
                    validate_package(delivered)
                );
                ways += 1;
            }
        }
    }
    assert!(packages > 20 && ways > 30, "{packages} packages, {ways} ways");
}
