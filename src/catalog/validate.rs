//! All that keeps a catalog from being served: the union of opm's rules over the OpenShift versions that we know.
//!
//! What concerns a single blob or two equal ones was found when the catalog was loaded; here is what needs the whole.

use std::collections::{BTreeMap, BTreeSet};

use super::deprecations;
use super::graph::{GraphProblem, UpgradeGraph, WalkRule, some};
use super::model::{Blob, Bundle, Catalog, Channel, Package};
use super::opm::OpmVersion;
use super::parse::at;
use super::pullspec;
use super::survey::survey;
use crate::finding::Finding;
use crate::version::BlangRange;

/// What loading brought to light, every rule of an opm of this version, and what a site needs to know besides: worst first, then in
/// the order of the text.
pub fn judge(loaded: Vec<Finding>, catalog: &Catalog, opm: OpmVersion) -> Vec<Finding> {
    let mut findings: Vec<Finding> = loaded.into_iter().map(|finding| opm.weigh(finding)).collect();
    findings.extend(validate_for(catalog, opm));
    findings.extend(survey(catalog));
    findings.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then_with(|| (&a.file, a.line, a).cmp(&(&b.file, b.line, b)))
    });
    findings
}

/// Checks a whole catalog by every rule of every opm; all findings at once, packages by name.
pub fn validate(catalog: &Catalog) -> Vec<Finding> {
    validate_for(catalog, OpmVersion::STRICTEST)
}

fn validate_for(catalog: &Catalog, opm: OpmVersion) -> Vec<Finding> {
    let packages = catalog.packages.values();
    let mut findings: Vec<Finding> = packages.flat_map(|package| check_package(package, opm)).collect();
    for blob in catalog.others.iter().filter(|blob| !blob.package.is_empty()) {
        let message = format!("names package `{}`, which the catalog has not got", blob.package);
        findings.push(
            at(Finding::warning("OTHER_WITHOUT_PACKAGE", blob, message), &blob.origin).hint(
                "OpenShift 4.17 to 4.21 list an empty package for it; remove the blob or add the package",
            ),
        );
    }
    findings
}

/// Checks one package by every rule of every opm.
pub fn validate_package(package: &Package) -> Vec<Finding> {
    check_package(package, OpmVersion::STRICTEST)
}

fn check_package(package: &Package, opm: OpmVersion) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |finding: Finding, blob: &Blob| findings.push(opm.weigh(at(finding, &blob.origin)));
    check_head(package, &mut add);
    for channel in package.channels.values() {
        check_channel(package, channel, opm, &mut add);
    }
    let offered: BTreeSet<&str> = package
        .channels
        .values()
        .flat_map(|channel| &channel.entries)
        .map(|entry| entry.name.as_str())
        .collect();
    for bundle in package.bundles.values() {
        if !offered.contains(bundle.name.as_str()) {
            let finding =
                Finding::error("ORPHAN_BUNDLE", &bundle.blob, "no channel has an entry for this bundle")
                    .hint(
                        "add an entry to the `olm.channel` blob that should offer it, or remove the bundle",
                    );
            add(finding, &bundle.blob);
        }
        check_bundle(bundle, &mut add);
    }
    check_versions(package, &mut add);
    deprecations::check(package, &mut add);
    findings
}

fn check_head(package: &Package, add: &mut impl FnMut(Finding, &Blob)) {
    let blob = &package.blob;
    if !is_dns_label(&package.name) {
        let finding = Finding::error("INVALID_PACKAGE_NAME", blob, "the name is no DNS label")
            .hint("use at most 63 lower-case letters, digits and `-`, a letter or digit at both ends");
        add(finding, blob);
    }
    if package.channels.is_empty() {
        let finding = Finding::error("NO_CHANNEL", blob, "the package has no channel")
            .hint("add an `olm.channel` blob, or remove the package");
        add(finding, blob);
    }
    if !package.channels.contains_key(&package.default_channel) {
        let message = match package.default_channel.as_str() {
            "" => "no default channel is set".to_owned(),
            name => format!("the default channel `{name}` does not exist"),
        };
        let names: Vec<&str> = package.channels.keys().map(String::as_str).collect();
        let hint = match names.as_slice() {
            [] => "set it to a channel that the package has, once it has one".to_owned(),
            names => format!("set `defaultChannel` to one of: {}", names.join(", ")),
        };
        add(Finding::error("DEFAULT_CHANNEL", blob, message).hint(hint), blob);
    }
}

fn check_channel(
    package: &Package,
    channel: &Channel,
    opm: OpmVersion,
    add: &mut impl FnMut(Finding, &Blob),
) {
    let blob = &channel.blob;
    let mut names = BTreeSet::new();
    let (mut twice, mut ranges) = (Vec::new(), Vec::new());
    for entry in &channel.entries {
        if !names.insert(entry.name.as_str()) {
            twice.push(format!("`{}`", entry.name));
        }
        if let Some(Err(error)) = entry.skip_range.as_deref().map(BlangRange::parse) {
            ranges.push(format!("entry `{}`: skipRange: {error}", entry.name));
        }
    }
    if !twice.is_empty() {
        let message = format!("occurs twice among the entries: {}", some(&twice, ", "));
        add(Finding::error("DUPLICATE_ENTRY", blob, message).hint("keep one entry of each name"), blob);
    }
    if !ranges.is_empty() {
        let finding = Finding::error("SKIP_RANGE", blob, some(&ranges, "; "))
            .hint("OLM takes a range that it cannot read for none; write it like `>=1.0.0 <2.0.0`");
        add(finding, blob);
    }
    let missing: Vec<&str> =
        names.iter().copied().filter(|name| !package.bundles.contains_key(*name)).collect();
    if !missing.is_empty() {
        let message = format!("there is no `olm.bundle` blob for: {}", some(&missing, ", "));
        let finding = Finding::error("MISSING_BUNDLE", blob, message)
            .hint("add the bundle's blob, or take the entry out and name it in another entry's `skips`");
        add(finding, blob);
    }
    for problem in UpgradeGraph::new(channel).problems() {
        let finding = graph_finding(blob, &problem);
        let finding = match problem {
            GraphProblem::Stranded(_, WalkRule::UntilSkipped) => {
                opm.weigh_since(OpmVersion::WALKS_UNTIL_SKIPPED, finding)
            }
            _ => finding,
        };
        add(finding, blob);
    }
}

/// A channel's problem as a finding about its blob.
pub(super) fn graph_finding(blob: &Blob, problem: &GraphProblem) -> Finding {
    let (code, hint) = match problem {
        GraphProblem::Empty => ("EMPTY_CHANNEL", "add an entry or remove the channel"),
        GraphProblem::NoHead => {
            ("NO_HEAD", "take the newest entry's name out of the others' `replaces` and `skips`")
        }
        GraphProblem::MultipleHeads(_) => (
            "MULTIPLE_HEADS",
            "let the newest entry replace or skip each of the others; a skipRange alone does not connect entries",
        ),
        GraphProblem::Cycle(_) => ("CYCLE", "one of these `replaces` must go"),
        GraphProblem::Stranded(_, WalkRule::ThroughSkipped) => {
            ("STRANDED", "let an entry on the chain name them in its `skips`, or remove them")
        }
        GraphProblem::Stranded(_, WalkRule::UntilSkipped) => (
            "STRANDED",
            "let an entry above name them in its `skips` too; then all OpenShift versions take the channel",
        ),
    };
    at(Finding::error(code, blob, problem).hint(hint), &blob.origin)
}

fn check_bundle(bundle: &Bundle, add: &mut impl FnMut(Finding, &Blob)) {
    let blob = &bundle.blob;
    if bundle.image.is_empty() && bundle.properties_of("olm.bundle.object").next().is_none() {
        let finding = Finding::error("NO_IMAGE", blob, "the bundle has neither image nor embedded objects")
            .hint("set `image` to the bundle image");
        add(finding, blob);
    }
    let own = Some(("image", bundle.image.as_str()));
    let related = bundle.related_images.iter().map(|it| ("relatedImages", it.image.as_str()));
    for (field, image) in own.into_iter().chain(related) {
        if !image.is_empty() && !pullspec::is_valid(image) {
            let message = format!("{field}: `{image}` is no image reference");
            let finding = Finding::error("PULLSPEC", blob, message)
                .hint("write it as host/repository@sha256:…, OpenShift 4.22 refuses anything else");
            add(finding, blob);
        }
    }
    let metadata = bundle.properties_of("olm.csv.metadata").count();
    if metadata > 1 {
        let message = format!("there are {metadata} properties of type `olm.csv.metadata`");
        let finding = Finding::error("CSV_METADATA", blob, message)
            .hint("keep one; `opm validate` lets this pass, the catalog's pod fails on it");
        add(finding, blob);
    }
    if let Some(release) = bundle.identity().and_then(|identity| identity.release).filter(|it| !it.is_empty())
    {
        check_release(bundle, &release, add);
    }
}

fn check_release(bundle: &Bundle, release: &str, add: &mut impl FnMut(Finding, &Blob)) {
    let normal = format!("{}-v{}-{release}", bundle.package, bundle.version);
    let problem = if release.len() > 20 {
        format!("release `{release}` has more than 20 characters")
    } else if !bundle.version.build().is_empty() {
        format!("version `{}` has build metadata besides the release `{release}`", bundle.version)
    } else if bundle.name != normal {
        format!("with a release the name must be `{normal}`")
    } else {
        return;
    };
    let finding = Finding::error("RELEASE", &bundle.blob, problem)
        .hint("mend `release` in the `olm.package` property, or leave it out");
    add(finding, &bundle.blob);
}

fn check_versions(package: &Package, add: &mut impl FnMut(Finding, &Blob)) {
    let mut by_version: BTreeMap<String, Vec<&Bundle>> = BTreeMap::new();
    for bundle in package.bundles.values() {
        let release = bundle.identity().and_then(|identity| identity.release).filter(|it| !it.is_empty());
        let version =
            release.map_or(bundle.version.to_string(), |release| format!("{}-{release}", bundle.version));
        by_version.entry(version).or_default().push(bundle);
    }
    for (version, bundles) in by_version {
        let [first, _, ..] = bundles.as_slice() else { continue };
        let names: Vec<&str> = bundles.iter().map(|bundle| bundle.name.as_str()).collect();
        let message = format!("version {version} belongs to several bundles: {}", names.join(", "));
        let finding = Finding::error("VERSION_DUP", &package.blob, message)
            .hint("OpenShift 4.18 and later refuse this; keep one of them");
        add(finding, &first.blob);
    }
}

/// RFC 1123: what Kubernetes takes for a label.
fn is_dns_label(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    bytes.len() <= 63
        && bytes.first().copied().is_some_and(plain)
        && bytes.last().copied().is_some_and(plain)
        && bytes.iter().all(|byte| plain(*byte) || *byte == b'-')
}
