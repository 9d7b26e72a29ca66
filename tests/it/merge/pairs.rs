//! Every package of which there is an older and a newer state: it merges soundly, or its conflict is named.

use std::path::{Path, PathBuf};

use ombundle::catalog::{self, Catalog, Evidence, UpgradeGraph, WalkRule, validate};
use ombundle::finding::{Finding, Severity};
use ombundle::limits::LIMITS;
use ombundle::merge::{MergeOptions, MergeOutcome, Minors, OnBundleImage, merge};
use ombundle::site::InstalledOperator;

fn shared() -> PathBuf {
    std::env::var_os("OMBUNDLE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
}

fn data() -> Option<PathBuf> {
    Some(shared().join("data/fbc")).filter(|fbc| fbc.is_dir())
}

fn load(folder: &Path) -> Catalog {
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let path = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            files.push((path, std::fs::read(entry.path()).unwrap()));
        }
    }
    catalog::load(files, &LIMITS).catalog
}

fn folders(root: &Path, depth: usize) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(root).min_depth(depth).max_depth(depth).sort_by_file_name();
    walk.into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_dir())
        .map(walkdir::DirEntry::into_path)
        .collect()
}

/// Name, older and newer state of each package that is there twice: at two dates, or in two OpenShift minors.
fn pairs() -> Vec<(String, PathBuf, PathBuf, Minors)> {
    let Some(fbc) = data() else { return Vec::new() };
    let mut pairs = Vec::new();
    for older in folders(&fbc, 3) {
        let relative = older.strip_prefix(&fbc).unwrap().to_str().unwrap();
        let newer = fbc.join(relative.replacen("-older/", "/", 1));
        if relative.contains("-older/") && newer.is_dir() {
            pairs.push((relative.to_owned(), older.clone(), newer, Minors::Same));
        } else if relative.starts_with("redhat/4.16/") {
            let newer = fbc.join(relative.replacen("4.16", "4.18", 1));
            if newer.is_dir() {
                pairs.push((format!("{relative} to 4.18"), older.clone(), newer, Minors::Different));
            }
        }
    }
    pairs
}

fn errors(findings: &[Finding]) -> Vec<&Finding> {
    findings.iter().filter(|finding| finding.severity == Severity::Error).collect()
}

fn check(name: &str, base: &Catalog, delta: &Catalog, outcome: &MergeOutcome, options: &MergeOptions) {
    let Some(merged) = &outcome.catalog else {
        let errors = errors(&outcome.report.findings);
        assert!(!errors.is_empty(), "{name}: refused without a reason");
        assert!(errors.iter().all(|finding| !finding.message.is_empty()), "{name}");
        return;
    };
    let known: Vec<String> = validate(base).into_iter().map(|finding| finding.message).collect();
    let found = validate(merged.catalog());
    let new: Vec<_> =
        errors(&found).into_iter().filter(|finding| !known.contains(&finding.message)).collect();
    assert!(new.is_empty(), "{name}: {new:?}");
    // Through the text that will be served, too.
    let loaded = catalog::load(catalog::write::files(merged.catalog()), &LIMITS);
    assert_eq!(loaded.findings, [], "{name}");
    for (package, old) in &base.packages {
        let now = &loaded.catalog.packages[package];
        assert!(
            old.bundles.keys().all(|bundle| now.bundles.contains_key(bundle)),
            "{name}: a bundle was lost"
        );
        for (channel, old) in &old.channels {
            let now = &now.channels[channel];
            assert!(
                old.entries.iter().all(|entry| now.entry(&entry.name).is_some()),
                "{name}: an entry was lost"
            );
        }
        let brought = delta.packages.get(package).into_iter().flat_map(|package| package.bundles.keys());
        assert!(
            brought.into_iter().all(|bundle| now.bundles.contains_key(bundle)),
            "{name}: not all was taken"
        );
        for channel in now.channels.values() {
            assert_eq!(UpgradeGraph::new(channel).problems(), [], "{name}: {}", channel.name);
        }
    }
    let again = merge(merged.catalog(), delta, &[], options);
    let again = again.catalog.unwrap_or_else(|| panic!("{name}, again: {:?}", again.report.findings));
    assert_eq!(
        catalog::write::files(again.catalog()),
        catalog::write::files(merged.catalog()),
        "{name}: merging again changes it"
    );
}

/// The real pairs that need a decision, with what stands against them.
const CONFLICTS: [(&str, &str); 5] = [
    ("redhat-older/4.16/file-integrity-operator", "BUNDLE_IMAGE"),
    ("redhat-older/4.18/file-integrity-operator", "BUNDLE_IMAGE"),
    ("redhat-older/4.18/kueue-operator", "BUNDLE_IMAGE"),
    ("redhat-older/4.18/serverless-operator", "BUNDLE_IMAGE BUNDLE_IMAGE"),
    ("redhat/4.16/windows-machine-config-operator to 4.18", "MULTIPLE_HEADS"),
];

#[test]
fn every_real_pair_merges_soundly_or_names_its_conflict() {
    let mut conflicts = Vec::new();
    let mut merged = 0;
    for (name, older, newer, minors) in pairs() {
        let (base, delta) = (load(&older), load(&newer));
        let mut options = MergeOptions { minors, ..MergeOptions::default() };
        let mut outcome = merge(&base, &delta, &[], &options);
        check(&name, &base, &delta, &outcome, &options);
        if outcome.catalog.is_none() {
            let codes: Vec<_> = errors(&outcome.report.findings).iter().map(|it| it.code.clone()).collect();
            conflicts.push((name.clone(), codes.join(" ")));
            // Upstream does build a bundle anew under its old name; the decision for the new one is enough.
            options.on_bundle_image = OnBundleImage::New;
            outcome = merge(&base, &delta, &[], &options);
            check(&name, &base, &delta, &outcome, &options);
        }
        merged += usize::from(outcome.catalog.is_some());
    }
    if data().is_some() {
        let expected = CONFLICTS.map(|(name, codes)| (name.to_owned(), codes.to_owned()));
        conflicts.sort();
        assert_eq!(conflicts, expected);
        assert!(merged > 40, "{merged} merged");
    }
}

/// The entries of one channel that `wanted` takes, with their bundles.
fn part(whole: &Catalog, channel: &str, wanted: impl Fn(&str) -> bool) -> Catalog {
    let mut part = whole.clone();
    for package in part.packages.values_mut() {
        package.channels.retain(|name, _| name == channel);
        channel.clone_into(&mut package.default_channel);
        package.bundles.retain(|name, _| wanted(name));
        for channel in package.channels.values_mut() {
            channel.entries.retain(|entry| wanted(&entry.name));
        }
    }
    part
}

/// Field note 000 at every version: production has what is below, the archive what is above, and the catalog lost the edge.
#[test]
fn web_terminal_cut_anywhere_is_joined_by_the_csv_of_the_lowest_new_version() {
    let folder = shared().join("data/fbc-derived/web-terminal");
    if !folder.is_dir() {
        return;
    }
    let whole = load(&folder);
    let fast = &whole.packages["web-terminal"].channels["fast"];
    let graph = UpgradeGraph::new(fast);
    let chain = graph.walk(WalkRule::ThroughSkipped).unwrap().names;
    assert!(chain.len() > 8, "{chain:?}");
    for cut in 1..chain.len() {
        let (upper, lower) = chain.split_at(cut);
        let (base, mut delta) = (
            part(&whole, "fast", |name| lower.contains(&name)),
            part(&whole, "fast", |name| upper.contains(&name)),
        );
        let tail = *upper.last().unwrap();
        let entries =
            &mut delta.packages.get_mut("web-terminal").unwrap().channels.get_mut("fast").unwrap().entries;
        entries.iter_mut().find(|entry| entry.name == tail).unwrap().replaces = None;
        let alone = merge(&base, &delta, &[], &MergeOptions::default());
        let errors: Vec<_> = errors(&alone.report.findings).iter().map(|it| it.code.as_str()).collect();
        assert_eq!(errors, ["MULTIPLE_HEADS"], "{tail}");
        let evidence = Evidence {
            package: "web-terminal".to_owned(),
            bundle: tail.to_owned(),
            version: whole.packages["web-terminal"].bundles[tail].version.to_string(),
            replaces: Some((*lower.first().unwrap()).to_owned()),
            skips: Vec::new(),
            skip_range: None,
            min_kube_version: None,
            max_openshift_version: None,
            related_images: Vec::new(),
        };
        let options = MergeOptions {
            installed: vec![InstalledOperator {
                name: (*lower.first().unwrap()).to_owned(),
                version: None,
                package: None,
                channel: Some("fast".to_owned()),
                namespace: None,
            }],
            ..MergeOptions::default()
        };
        let outcome = merge(&base, &delta, std::slice::from_ref(&evidence), &options);
        let merged =
            outcome.catalog.unwrap_or_else(|| panic!("{tail}: {:?}", outcome.report.findings)).into_catalog();
        let joined = &merged.packages["web-terminal"].channels["fast"];
        assert_eq!(UpgradeGraph::new(joined).walk(WalkRule::UntilSkipped).unwrap().names, chain, "{tail}");
        assert_eq!(joined.entries.len(), chain.len());
    }
}
