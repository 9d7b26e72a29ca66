//! A site, its cluster and an upgrade of web-terminal in three hops, to write files for.

use std::collections::{BTreeMap, BTreeSet};

use ombundle::catalog::evidence::Evidence;
use ombundle::digest::Digest;
use ombundle::emit::{Emitted, EmittedCatalog, EmittedRelease, Input, Releases, UpdateServiceSource, emit};
use ombundle::finding::Finding;
use ombundle::limits::LIMITS;
use ombundle::plan::order::OrderedStep;
use ombundle::plan::{Hop, HopEdge, PlannedPackage};
use ombundle::reference::{ImageRef, RegistryHost, RepositoryRef};
use ombundle::release::{Architecture, ReleaseKeys, ReleasePath, verify_release};
use ombundle::site::cluster::ClusterDump;
use ombundle::site::{Receipt, ReceiptStep, Site, SiteReport};

/// What [`Input`] borrows.
pub(super) struct World {
    pub(super) site: Site,
    pub(super) catalogs: Vec<EmittedCatalog>,
    pub(super) mirrors: BTreeMap<RepositoryRef, RepositoryRef>,
    pub(super) tag_images: BTreeSet<ImageRef>,
    pub(super) cluster: Option<ClusterDump>,
    pub(super) receipt: Receipt,
    pub(super) findings: Vec<Finding>,
    pub(super) releases: Vec<EmittedRelease>,
    pub(super) path: Option<ReleasePath>,
    pub(super) order: Vec<OrderedStep>,
    pub(super) update_service: Option<UpdateServiceSource>,
    pub(super) legacy_icsp: bool,
    pub(super) former: Option<RegistryHost>,
}

impl World {
    pub(super) fn emit(&self) -> Emitted {
        emit(&self.input())
    }

    pub(super) fn input(&self) -> Input<'_> {
        Input {
            site: &self.site,
            catalogs: &self.catalogs,
            mirrors: &self.mirrors,
            tag_images: &self.tag_images,
            releases: Releases {
                releases: &self.releases,
                path: self.path.as_ref(),
                order: &self.order,
                installed_gates: &[],
                update_service: self.update_service.as_ref(),
                legacy_icsp: self.legacy_icsp,
            },
            cluster: self.cluster.as_ref(),
            former: self.former.as_ref(),
            back: None,
            receipt: &self.receipt,
            findings: &self.findings,
        }
    }

    /// The seventh generation: rules, a dump of the cluster, a Subscription that OLM would move by itself.
    pub(super) fn later() -> Self {
        let site = site(
            "{source: registry.redhat.io, mirror: olm-redhat}, {source: quay.io/openshift-release-dev, mirror: ocp4/openshift}",
        );
        Self {
            site,
            catalogs: vec![catalog(Some("former"))],
            mirrors: mirrors(&[(
                "registry.redhat.io/web-terminal/web-terminal-rhel9-operator",
                "olm-redhat/web-terminal/web-terminal-rhel9-operator",
            )]),
            tag_images: BTreeSet::new(),
            cluster: Some(cluster(CLUSTER)),
            receipt: receipt(7),
            findings: vec![
                Finding::warning("TAG_ONLY", "package web-terminal", "one image is named by its tag alone")
                    .hint("ask its vendor for a digest"),
            ],
            releases: vec![],
            path: None,
            order: vec![],
            update_service: None,
            legacy_icsp: false,
            former: None,
        }
    }

    /// The first generation, no rules, no dump, and an image by tag.
    pub(super) fn first() -> Self {
        Self {
            site: site(""),
            catalogs: vec![catalog(None)],
            mirrors: mirrors(&[
                (
                    "registry.redhat.io/web-terminal/web-terminal-rhel9-operator",
                    "web-terminal/web-terminal-rhel9-operator",
                ),
                (
                    "registry.redhat.io/web-terminal/web-terminal-exec-rhel9",
                    "web-terminal/web-terminal-exec-rhel9",
                ),
                ("quay.io/eclipse/che", "tools/che"),
            ]),
            tag_images: ["quay.io/eclipse/che:next".parse().unwrap()].into(),
            cluster: None,
            receipt: receipt(1),
            findings: vec![],
            releases: vec![],
            path: None,
            order: vec![],
            update_service: None,
            legacy_icsp: false,
            former: None,
        }
    }

    /// The seventh generation with a release of OpenShift beside the operators.
    pub(super) fn release() -> Self {
        Self { releases: vec![release()], update_service: Some(update_service()), ..Self::later() }
    }
}

/// A release with a signature of our own: `fixtures/release`.
fn release() -> EmittedRelease {
    let key = include_bytes!("../../../fixtures/release/snake-oil.asc");
    let signature = include_bytes!("../../../fixtures/release/signature-1");
    let keys = ReleaseKeys::any_of([("snake-oil.asc", &key[..])], &LIMITS).unwrap();
    let now = "2026-03-01T00:00:00Z".parse().unwrap();
    let digest = Digest::of(b"a release image");
    let image: RepositoryRef = "quay.io/openshift-release-dev/ocp-release".parse().unwrap();
    EmittedRelease {
        architecture: Architecture::Amd64,
        version: "4.20.5".parse().unwrap(),
        image: image.pin(digest),
        verified: verify_release(digest, &[signature.to_vec()], &keys, now, &LIMITS).unwrap(),
        gates: vec![],
        sigstore: false,
    }
}

fn update_service() -> UpdateServiceSource {
    let graph: RepositoryRef = "nexus.example:5000/ocp4/openshift/graph-image".parse().unwrap();
    UpdateServiceSource {
        releases: "nexus.example:5000/ocp4/openshift/release-images".parse().unwrap(),
        graph_data: graph.pin(Digest::of(b"graph data")),
    }
}

pub(super) fn site(rules: &str) -> Site {
    let text = format!(
        "
apiVersion: ombundle.dev/v1
kind: Site
metadata: {{name: scada-a}}
spec:
  staging: {{registry: 'nexus.example:5001'}}
  production: {{registry: 'nexus.example:5000'}}
  repositories: [{rules}]
  catalogs:
    - source: registry.redhat.io/redhat/redhat-operator-index:v4.20
      mirror: olm-redhat/redhat-operator-index:v4.20
      name: cs-redhat
"
    );
    serde_norway::from_str(&text).unwrap()
}

pub(super) fn cluster(text: &str) -> ClusterDump {
    let (dump, findings) = ClusterDump::parse(text.as_bytes(), "cluster.yaml");
    assert_eq!(findings, []);
    dump
}

fn mirrors(pairs: &[(&str, &str)]) -> BTreeMap<RepositoryRef, RepositoryRef> {
    let place = |mirror: &str| format!("nexus.example:5000/{mirror}").parse().unwrap();
    pairs.iter().map(|(source, mirror)| (source.parse().unwrap(), place(mirror))).collect()
}

fn catalog(former: Option<&str>) -> EmittedCatalog {
    let image: RepositoryRef = "nexus.example:5000/olm-redhat/redhat-operator-index".parse().unwrap();
    let hop = |from: &str, to: &str, channel: &str, edge, reason: &str| Hop {
        name: format!("web-terminal.v{to}"),
        version: to.to_owned(),
        from: format!("web-terminal.v{from}"),
        channel: channel.to_owned(),
        edge,
        reason: reason.to_owned(),
    };
    let package = |name: &str, reason: &str, required_by: &[&str]| PlannedPackage {
        name: name.to_owned(),
        reason: reason.to_owned(),
        required_by: required_by.iter().map(|&name| name.to_owned()).collect(),
        default_channel: None,
        installed: None,
        hops: vec![],
        bundles: vec![],
    };
    let evidence = |version: &str| Evidence {
        package: "web-terminal".to_owned(),
        bundle: format!("web-terminal.v{version}"),
        version: version.to_owned(),
        replaces: None,
        skips: vec![],
        skip_range: None,
        min_kube_version: None,
        max_openshift_version: None,
        related_images: vec![],
    };
    EmittedCatalog {
        beside: None,
        name: "cs-redhat".to_owned(),
        source: "registry.redhat.io/redhat/redhat-operator-index:v4.20".parse().unwrap(),
        spec: ombundle::site::CatalogSourceSpec::default(),
        image: image.pin(Digest::of(b"merged")),
        previous: former.map(|former| image.pin(Digest::of(former.as_bytes()))),
        packages: vec![
            package("devworkspace-operator", "required by web-terminal.v1.15.0", &["web-terminal"]),
            PlannedPackage {
                installed: Some("web-terminal.v1.8.0".to_owned()),
                hops: vec![
                    hop("1.8.0", "1.9.0", "fast", HopEdge::Replaces, "1.9.0 replaces 1.8.0"),
                    hop("1.9.0", "1.14.0", "fast", HopEdge::SkipRange, "1.9.0 is in >=1.9.0 <1.14.0"),
                    hop("1.14.0", "1.15.0", "stable", HopEdge::Bridge, "its own CSV replaces 1.14.0"),
                ],
                ..package("web-terminal", "asked for", &[])
            },
        ],
        evidence: vec![
            Evidence { min_kube_version: Some("1.31.0".to_owned()), ..evidence("1.14.0") },
            Evidence { max_openshift_version: Some("4.20".to_owned()), ..evidence("1.15.0") },
        ],
        texts: [
            (
                "devworkspace-operator".to_owned(),
                b"{\"schema\": \"olm.package\", \"name\": \"devworkspace-operator\"}\n".to_vec(),
            ),
            (
                "web-terminal".to_owned(),
                b"{\"schema\": \"olm.package\", \"name\": \"web-terminal\"}\n".to_vec(),
            ),
        ]
        .into(),
    }
}

fn receipt(generation: u64) -> Receipt {
    Receipt {
        format: "ombundle.receipt/v1".to_owned(),
        tool: "ombundle 0.1.0".to_owned(),
        finished: "2026-08-21T04:00:00Z".to_owned(),
        archive: "upgrade.ombundle".to_owned(),
        inventory: Digest::of(b"inventory"),
        generation,
        signers: vec!["4f1c0e9b2a7d3356".to_owned()],
        accept_time: None,
        steps: vec![ReceiptStep {
            subject: "nexus.example:5000/olm-redhat/redhat-operator-index:v4.20".to_owned(),
            before: (generation > 1).then(|| Digest::of(b"former")),
            after: Digest::of(b"merged"),
        }],
        site: SiteReport {
            format: "ombundle.site-report/v1".to_owned(),
            site: "scada-a".to_owned(),
            generation,
            inventory: Some(Digest::of(b"inventory")),
            catalogs: vec![],
            installed: vec![],
            openshift: None,
            releases: vec![],
            digests: BTreeSet::new(),
            repositories: BTreeMap::default(),
            ..SiteReport::default()
        },
    }
}

/// What the cluster said: an operator with automatic approval from the default catalog, and a mirror set of ours that
/// lacks a rule which the site file has now.
pub(super) const CLUSTER: &str = "
apiVersion: operators.coreos.com/v1alpha1
kind: Subscription
metadata: {name: web-terminal, namespace: openshift-operators}
spec:
  name: web-terminal
  channel: fast
  source: redhat-operators
  sourceNamespace: openshift-marketplace
status: {installedCSV: web-terminal.v1.8.0, currentCSV: web-terminal.v1.8.0}
---
apiVersion: operators.coreos.com/v1alpha1
kind: ClusterServiceVersion
metadata: {name: web-terminal.v1.8.0, namespace: openshift-operators}
spec: {version: 1.8.0}
status: {phase: Succeeded}
---
apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata:
  name: idms-scada-a-production
  labels: {app.kubernetes.io/managed-by: ombundle}
spec:
  imageDigestMirrors:
    - {source: registry.redhat.io, mirrors: ['nexus.example:5000/olm-redhat']}
---
apiVersion: config.openshift.io/v1
kind: ClusterVersion
metadata: {name: version}
status: {desired: {version: 4.20.3}}
";
