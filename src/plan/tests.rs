//! Tests of the plan.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::digest::Digest;
use crate::limits::LIMITS;
use crate::oci::{Descriptor, media};
use crate::reference::Repository;
use crate::release::{AdminGate, Architecture, Component};
use crate::site::SiteReport;

pub(super) fn object(name: &str, size: u64, media_type: &str) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest: Digest::of(name.as_bytes()),
        size,
        platform: None,
    }
}

/// An image with one manifest, named as the image, and these layers.
pub(super) fn image(source: &str, layers: &[(&str, u64)]) -> PlannedImage {
    let root = object(source, 1_000, media::OCI_MANIFEST);
    PlannedImage {
        kind: ImageKind::Related,
        source: source.parse().unwrap(),
        tag: None,
        mirror: None,
        manifests: vec![root.clone()],
        root,
        reasons: vec!["a needs it".to_owned()],
        blobs: layers.iter().map(|(name, size)| object(name, *size, media::OCI_LAYER_GZIP)).collect(),
    }
}

fn report(digests: &[&str], repositories: &[(&str, &[&str])]) -> Holdings {
    let set = |names: &[&str]| names.iter().map(|name| Digest::of(name.as_bytes())).collect();
    Holdings::of(&SiteReport {
        format: SiteReport::FORMAT.to_owned(),
        site: "s".to_owned(),
        generation: 1,
        inventory: None,
        catalogs: Vec::new(),
        installed: Vec::new(),
        openshift: None,
        releases: vec![],
        digests: set(digests),
        repositories: repositories.iter().map(|(name, held)| (name.parse().unwrap(), set(held))).collect(),
        ..SiteReport::default()
    })
}

fn names(found: &[Prerequisite], known: &[&str]) -> Vec<String> {
    let of = |digest: Digest| known.iter().find(|name| Digest::of(name.as_bytes()) == digest).unwrap();
    let mut names: Vec<_> = found.iter().map(|found| (*of(found.digest)).to_owned()).collect();
    names.sort();
    names
}

const KNOWN: [&str; 6] = ["base", "one", "two", "three", "quay.io/a/b", "quay.io/a/c"];

#[test]
fn only_what_the_very_repository_holds_is_left_out() {
    let images = [
        image("quay.io/a/b", &[("base", 500), ("one", 10)]),
        image("quay.io/a/c", &[("base", 500), ("two", 20)]),
    ];
    let mirror = |source: &crate::reference::RepositoryRef| Some(source.repository.clone());
    let left = |holdings: &Holdings| names(&prerequisites(&images, holdings, &mirror), &KNOWN);
    assert_eq!(left(&Holdings::default()), Vec::<String>::new());
    // The base is in one of the two repositories: it must travel for the other.
    assert_eq!(left(&report(&[], &[("a/b", &["base", "one"])])), ["one"]);
    assert_eq!(
        left(&report(&["base"], &[("a/b", &["base"]), ("a/c", &["base", "two", "quay.io/a/c"])])),
        ["base", "base", "quay.io/a/c", "two"]
    );
    // Without repositories only a whole image counts.
    assert_eq!(left(&report(&["base", "one"], &[])), Vec::<String>::new());
    assert_eq!(left(&report(&["base", "one", "quay.io/a/b"], &[])), ["one", "quay.io/a/b"]);
    let nowhere = |_: &crate::reference::RepositoryRef| None;
    assert_eq!(prerequisites(&images, &report(&[], &[("a/b", &["base", "one"])]), &nowhere), []);
}

#[test]
fn a_digest_counts_once() {
    let images = [
        image("quay.io/a/b", &[("base", 500), ("one", 10)]),
        image("quay.io/a/c", &[("base", 500), ("two", 20)]),
    ];
    let lines: Vec<_> = items(&images, &[]).into_iter().map(|item| item.bytes).collect();
    assert_eq!(lines, [1_510, 1_020]);
    let (bytes, requests) = sizes::summary(&images, &[], &BTreeMap::new(), 0);
    assert_eq!((bytes.download, bytes.store, requests), (2_530, 2_530, 5));
    assert!(bytes.carry > bytes.store && bytes.carry < bytes.store + (20 << 10), "{}", bytes.carry);

    let held = Prerequisite {
        digest: Digest::of(b"base"),
        source: "quay.io/a/b".parse().unwrap(),
        manifest: false,
        size: 500,
    };
    let (bytes, requests) = sizes::summary(&images, std::slice::from_ref(&held), &BTreeMap::new(), 0);
    assert_eq!((bytes.download, requests), (2_030, 4));
    let lines: Vec<_> = items(&images, &[held]).into_iter().map(|item| item.bytes).collect();
    assert_eq!(lines, [1_010, 1_020]);

    let inline = BTreeMap::from([(images[0].root.digest, "text".to_owned())]);
    let (bytes, requests) = sizes::summary(&images, &[], &inline, 0);
    assert_eq!((bytes.download, bytes.store, requests), (1_530, 2_530, 4));
}

#[test]
fn time_follows_from_bytes_and_rate() {
    assert_eq!(duration(10, 0), None);
    assert_eq!(duration(0, 5), Some(Duration::ZERO));
    assert_eq!(duration(11, 5), Some(Duration::from_secs(3)));
}

pub(super) fn plan(images: Vec<PlannedImage>) -> Plan {
    let (bytes, requests) = sizes::summary(&images, &[], &BTreeMap::new(), 0);
    Plan {
        format: Plan::FORMAT.to_owned(),
        tool: "ombundle 0.1.0".to_owned(),
        created: "2026-08-30T00:00:00Z".to_owned(),
        expires: "2026-09-30T00:00:00Z".to_owned(),
        channel: "default".to_owned(),
        target: None,
        sequence: 1,
        predecessor: None,
        platforms: Vec::new(),
        request: Digest::of(b""),
        catalogs: Vec::new(),
        releases: vec![],
        order: vec![],
        release_path: None,
        installed_gates: vec![],
        graph_data: None,
        items: items(&images, &[]),
        images,
        inline: BTreeMap::new(),
        prerequisites: Vec::new(),
        assumes: Vec::new(),
        bytes,
        requests,
        findings: Vec::new(),
    }
}

#[test]
fn a_plan_file_reads_as_what_was_written_and_nothing_else() {
    let written = plan(vec![image("quay.io/a/b", &[("one", 10)])]);
    let text = written.to_json().unwrap();
    assert_eq!(Plan::parse(text.as_bytes(), &LIMITS).unwrap().to_json().unwrap(), text);

    let refuse = |text: &str| Plan::parse(text.as_bytes(), &LIMITS).unwrap_err();
    assert!(matches!(refuse("{}"), PlanError::Format { .. }));
    assert!(matches!(refuse(&text.replace("plan/v1", "plan/v2")), PlanError::Format { .. }));
    assert!(matches!(refuse(&text.replacen('{', "{\"more\": 1,", 1)), PlanError::Malformed { .. }));
    assert!(matches!(refuse(&text.replacen('{', "{\"sequence\": 1,", 1)), PlanError::Malformed { .. }));
    let edit = |change: fn(&mut Plan)| {
        let mut plan = written.clone();
        change(&mut plan);
        refuse(&plan.to_json().unwrap()).to_string()
    };
    for (change, said) in [
        ((|plan| plan.images[0].manifests.clear()) as fn(&mut Plan), "not its root"),
        (|plan| plan.images[0].reasons.clear(), "without a reason"),
        (|plan| plan.images[0].blobs[0].digest = plan.images[0].root.digest, "two sizes"),
        (
            |plan| {
                plan.inline.insert(Digest::of(b"a"), "b".to_owned());
            },
            "another digest",
        ),
        (
            |plan| {
                let source = plan.images[0].source.clone();
                plan.prerequisites.push(Prerequisite {
                    digest: Digest::of(b"x"),
                    source,
                    manifest: false,
                    size: 1,
                });
            },
            "nothing needs",
        ),
        (|plan| plan.items[0].reason.push('!'), "`items` is not"),
        (|plan| plan.bytes.download -= 1, "not the sums"),
        (|plan| plan.requests -= 1, "not the sums"),
    ] {
        assert!(edit(change).contains(said), "{said}");
    }
    let small = crate::limits::Limits { meta_bytes: 10, ..LIMITS };
    assert!(matches!(Plan::parse(text.as_bytes(), &small), Err(PlanError::TooLarge { .. })));
}

#[test]
fn a_repository_that_was_asked_for_wins() {
    let mut moved = image("quay.io/a/b", &[("one", 10)]);
    moved.mirror = Some("x/y".parse::<Repository>().unwrap());
    let mirror = |source: &crate::reference::RepositoryRef| Some(source.repository.clone());
    let images = [moved];
    assert_eq!(prerequisites(&images, &report(&[], &[("a/b", &["one"])]), &mirror).len(), 0);
    assert_eq!(prerequisites(&images, &report(&[], &[("x/y", &["one"])]), &mirror).len(), 1);
}

/// A plan with one release: its image and one component.
fn with_release() -> Plan {
    let mut all = plan(vec![image("quay.io/openshift-release-dev/ocp-release", &[("release", 10)])]);
    all.images[0].kind = ImageKind::Release;
    let component = image("quay.io/openshift-release-dev/ocp-v4.0-art-dev", &[("etcd", 5)]);
    let pinned = |image: &PlannedImage| image.source.pin(image.root.digest);
    all.images.push(component);
    let (bytes, requests) = sizes::summary(&all.images, &[], &BTreeMap::new(), 0);
    all.items = items(&all.images, &[]);
    (all.bytes, all.requests) = (bytes, requests);
    all.releases.push(PlannedRelease {
        version: "4.20.5".parse().unwrap(),
        architecture: Architecture::Amd64,
        image: pinned(&all.images[0]),
        tag: "4.20.5-x86_64".parse().unwrap(),
        reasons: vec!["it is the target".to_owned()],
        url: None,
        kubernetes: Some("1.33".to_owned()),
        previous: vec!["4.20.4".parse().unwrap()],
        gates: vec![AdminGate { key: "ack-4.20-x".to_owned(), text: "y".to_owned() }],
        components: vec![Component { name: "etcd".to_owned(), image: pinned(&all.images[1]) }],
        left_out: vec![],
        disks: BTreeMap::new(),
        signatures: vec![PlannedSignature {
            reference: "quay.io/openshift-release-dev/ocp-release:4.20.5-x86_64".to_owned(),
            key: "567e".to_owned(),
            made: "2026-08-30T00:00:00Z".parse().unwrap(),
            file: Base64(vec![0x90, 0, 255]),
        }],
    });
    all.graph_data = Some(PlannedGraphData {
        source: "https://u.example/graph-data".to_owned(),
        digest: Digest::of(b"tarball"),
        base: pinned(&all.images[1]),
        tarball: Base64(b"tarball".to_vec()),
    });
    all
}

#[test]
fn releases_travel_whole_and_signed() {
    type Change = fn(&mut Plan, Digest);
    let text = with_release().to_json().unwrap();
    let read = Plan::parse(text.as_bytes(), &LIMITS).unwrap();
    assert_eq!(read.to_json().unwrap(), text);
    assert_eq!(read.releases, with_release().releases);
    assert!(text.contains(r#""file": "kAD/""#), "{text}");

    let foreign = Digest::of(b"elsewhere");
    let refusals: [(Change, &str); 7] = [
        (|plan, foreign| plan.releases[0].image.digest = foreign, "release 4.20.5 for amd64 lacks quay.io/"),
        (|plan, foreign| plan.releases[0].components[0].image.digest = foreign, "lacks quay.io/"),
        (|plan, _| plan.releases[0].signatures.clear(), "has no signature"),
        (|plan, _| plan.releases.clear(), "nobody signed the release image `quay.io/"),
        (|plan, _| plan.releases[0].reasons.clear(), "travels without a reason"),
        (
            |plan, foreign| plan.graph_data.as_mut().unwrap().digest = foreign,
            "the graph data have another digest",
        ),
        (
            |plan, foreign| plan.graph_data.as_mut().unwrap().base.digest = foreign,
            "the base of the graph data",
        ),
    ];
    for (change, why) in refusals {
        let mut changed = with_release();
        change(&mut changed, foreign);
        let error = Plan::parse(changed.to_json().unwrap().as_bytes(), &LIMITS).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}
