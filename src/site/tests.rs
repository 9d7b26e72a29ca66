//! Tests of the site file and of reports.

use std::path::Path;

use super::*;
use crate::finding::Severity;
use crate::limits::LIMITS;

pub(super) const EXAMPLE: &str = "apiVersion: ombundle.dev/v1
kind: Site
metadata:
  name: scada-a
spec:
  staging:    {registry: nexus.example:5001}
  production: {registry: nexus.example:5000}
  repositories:                  # longest source prefix wins; what follows it is kept
    - {source: registry.redhat.io,              mirror: olm-redhat}
    - {source: registry.connect.redhat.com,     mirror: olm-certified}
    - {source: quay.io/openshift-release-dev,   mirror: ocp4/openshift}
  catalogs:
    - source: registry.redhat.io/redhat/redhat-operator-index:v4.20
      mirror: olm-redhat/redhat-operator-index:v4.20
      name: cs-redhat            # CatalogSource and ClusterCatalog; stable over the years
  platforms: [linux/amd64]
  trust: {keys: [signer.pub], threshold: 1}       # relative to this file
  profile: auto                  # or nexus, harbor, quay, artifactory, distribution, zot
  state: ./state                 # journal, records, generations
";

fn findings(text: &str) -> Vec<String> {
    let (site, findings) = Site::parse(text.as_bytes(), "site.yaml", &LIMITS);
    assert_eq!(
        site.is_none(),
        findings.iter().any(|finding| finding.severity == Severity::Error),
        "{findings:?}"
    );
    findings.iter().map(|finding| format!("{} {}", finding.line.unwrap(), finding.code)).collect()
}

#[test]
fn the_documented_site_is_taken_without_a_word() {
    assert_eq!(findings(EXAMPLE), Vec::<String>::new());
    let site = Site::parse(EXAMPLE.as_bytes(), "site.yaml", &LIMITS).0.unwrap();
    assert_eq!(site.name(), "scada-a");
    assert_eq!(site.spec.production.registry.as_str(), "nexus.example:5000");
    assert_eq!(site.spec.repositories.len(), 3);
    assert_eq!(site.state_dir(Path::new("/srv/site")), Path::new("/srv/site/./state"));
    assert_eq!(site.key_files(Path::new("/srv/site")), [Path::new("/srv/site/signer.pub")]);
    let source = "registry.redhat.io/redhat/redhat-operator-index:v4.20".parse().unwrap();
    assert_eq!(site.catalog(&source).unwrap().name, "cs-redhat");

    // The strict reader and the type mean the same document.
    let typed: Site = serde_norway::from_str(EXAMPLE).unwrap();
    assert_eq!(serde_json::to_value(&typed).unwrap(), serde_json::to_value(&site).unwrap());
}

#[test]
fn each_defect_has_its_code_and_line() {
    for (from, to, expected) in [
        ("ombundle.dev/v1", "ombundle.dev/v2", &["1 SITE_HEAD"][..]),
        ("kind: Site", "kind: Sight", &["2 SITE_HEAD"]),
        ("name: scada-a", "name: Scada_A", &["4 SITE_NAME"]),
        ("name: scada-a", "nme: scada-a", &["4 SITE_UNKNOWN_FIELD", "4 SITE_MISSING_FIELD"]),
        ("nexus.example:5001", "https://nexus.example:5001", &["6 SITE_REGISTRY"]),
        ("nexus.example:5001", "nexus.example:5000", &["7 SITE_ONE_REGISTRY"]),
        ("  staging:    {registry: nexus.example:5001}\n", "", &["6 SITE_MISSING_FIELD"]),
        ("registry.connect.redhat.com, ", "registry.redhat.io, ", &["10 SITE_DUPLICATE_SOURCE"]),
        ("mirror: ocp4/openshift", "mirror: OCP4", &["11 SITE_REPOSITORY"]),
        ("source: quay.io/openshift", "source: quay.io//openshift", &["11 SITE_REPOSITORY"]),
        ("index:v4.20\n      mirror", "index\n      mirror", &["13 SITE_CATALOG"]),
        (
            "mirror: olm-redhat/redhat-operator-index:v4.20",
            "mirror: olm-redhat/redhat-operator-index",
            &["14 SITE_CATALOG"],
        ),
        ("name: cs-redhat", "name: cs.redhat", &["15 SITE_NAME"]),
        ("linux/amd64", "amd64", &["16 SITE_PLATFORM"]),
        ("threshold: 1", "threshold: 2", &["17 SITE_THRESHOLD"]),
        ("threshold: 1", "threshold: 0", &["17 SITE_THRESHOLD"]),
        ("[signer.pub]", "[signer.pub, signer.pub]", &["17 SITE_DUPLICATE_KEY_FILE"]),
        ("[signer.pub]", "[]", &["17 SITE_NO_KEYS"]),
        ("profile: auto", "releases: {key: [r.asc]}", &["18 SITE_UNKNOWN_FIELD"]),
        ("profile: auto", "releases: {keys: [r.asc, r.asc]}", &["18 SITE_DUPLICATE_ITEM"]),
        ("profile: auto", "releases: {graphData: {base: ubi9}}", &["18 SITE_GRAPH_DATA"]),
        ("profile: auto", "releases: {graphData: {base: a.example/ubi9}}", &["18 SITE_GRAPH_DATA"]),
        ("profile: auto", "releases: {graphData: {mirror: graph-image}}", &["18 SITE_GRAPH_DATA"]),
        ("profile: auto", "profile: nexsus", &["18 SITE_PROFILE"]),
        ("state: ./state", "stat: ./state", &["19 SITE_UNKNOWN_FIELD"]),
    ] {
        let text = EXAMPLE.replacen(from, to, 1);
        assert_ne!(text, EXAMPLE, "{from}");
        assert_eq!(findings(&text), expected, "{to}");
    }
}

#[test]
fn releases_have_their_keys_stores_and_graphs() {
    let text = EXAMPLE.replace(
        "  profile: auto",
        "  releases:
    keys: [release.asc]
    stores: [https://mirror.example/signatures, ./signatures]
    graph: [graph.json]
    graphData: {base: 'quay.example/ubi9:latest', mirror: 'ocp4/openshift/graph-image:latest'}
  profile: auto",
    );
    assert_eq!(findings(&text), Vec::<String>::new());
    let site = Site::parse(text.as_bytes(), "site.yaml", &LIMITS).0.unwrap();
    assert_eq!(site.release_key_files(Path::new("/srv/site")), [Path::new("/srv/site/release.asc")]);
    assert_eq!(site.spec.releases.stores, ["https://mirror.example/signatures", "./signatures"]);
    let data = &site.spec.releases.graph_data;
    assert_eq!((data.source.as_str(), data.base.as_str()), (GRAPH_DATA, "quay.example/ubi9:latest"));
    assert_eq!(data.mirror.as_ref().unwrap().to_string(), "ocp4/openshift/graph-image:latest");
    let typed: Site = serde_norway::from_str(&text).unwrap();
    assert_eq!(serde_json::to_value(&typed).unwrap(), serde_json::to_value(&site).unwrap());
}

#[test]
fn catalogs_share_nothing() {
    let double = EXAMPLE.replace(
        "  platforms:",
        "    - {source: 'registry.redhat.io/redhat/redhat-operator-index:v4.20', mirror: 'olm-redhat/redhat-operator-index:v4.20', name: cs-redhat}\n  platforms:",
    );
    assert_eq!(findings(&double), ["16 SITE_DUPLICATE_CATALOG"; 3]);
}

const SPEC: &str = "\n      catalogSource:
        displayName: Ours
        publisher: Us
        priority: -100
        secrets: [pull.one, two]
        grpcPodConfig:
          nodeSelector: {node-role.kubernetes.io/infra: '', tier: gold}
          tolerations:
            - {key: infra, operator: Equal, value: x, effect: NoExecute, tolerationSeconds: 60}
            - {operator: Exists}
          priorityClassName: high
          securityContextConfig: legacy
          memoryTarget: 200Mi";

#[test]
fn a_catalog_says_how_it_is_served() {
    let name = "name: cs-redhat";
    let with = |spec: &str| EXAMPLE.replacen(name, &format!("{name}{spec}"), 1);
    let site = Site::parse(with(SPEC).as_bytes(), "site.yaml", &LIMITS);
    assert_eq!(site.1, []);
    let spec = &site.0.unwrap().spec.catalogs[0].catalog_source;
    let pods = &spec.grpc_pod_config;
    assert_eq!((spec.display_name.as_deref(), spec.publisher.as_deref()), (Some("Ours"), Some("Us")));
    assert_eq!((spec.priority, spec.secrets.join(" ")), (Some(-100), "pull.one two".to_owned()));
    assert_eq!(pods.node_selector["node-role.kubernetes.io/infra"], "");
    assert_eq!(pods.node_selector["tier"], "gold");
    assert_eq!((pods.tolerations.len(), pods.tolerations[0].toleration_seconds), (2, Some(60)));
    assert_eq!(pods.tolerations[1].key, None);
    assert_eq!(pods.security_context_config, SecurityContext::Legacy);
    assert_eq!(pods.memory_target.as_ref().unwrap().as_str(), "200Mi");
    // The serde form of the same is what the schema describes.
    let json = serde_json::to_value(spec).unwrap();
    assert_eq!(serde_json::from_value::<CatalogSourceSpec>(json).unwrap(), *spec);
    for (from, to, code) in [
        ("priority: -100", "priority: high", "WRONG_TYPE"),
        ("priority: -100", "priority: 3000000000", "WRONG_TYPE"),
        ("pull.one", "Pull_One", "NAME"),
        ("200Mi", "200MB", "CATALOG_SOURCE"),
        ("200Mi", "''", "WRONG_TYPE"),
        ("legacy", "privileged", "CATALOG_SOURCE"),
        ("NoExecute", "Never", "CATALOG_SOURCE"),
        ("operator: Equal", "operator: In", "CATALOG_SOURCE"),
        ("displayName: Ours", "displayname: Ours", "UNKNOWN_FIELD"),
        ("tier: gold", "tier: true", "WRONG_TYPE"),
    ] {
        let (_, findings) = Site::parse(with(&SPEC.replace(from, to)).as_bytes(), "site.yaml", &LIMITS);
        let codes: Vec<&str> = findings.iter().map(|finding| finding.code.as_ref()).collect();
        assert_eq!(codes, [format!("SITE_{code}")], "{to}");
    }
}

#[test]
fn a_receipt_is_a_report() {
    let report = r#"{"format":"ombundle.site-report/v1","site":"scada-a","generation":3,"newer":true}"#;
    let receipt = format!(
        r#"{{"format":"ombundle.receipt/v1","tool":"ombundle 0.1.0","finished":"2026-08-30T00:00:00Z","archive":"a.ombundle",
            "inventory":"sha256:{0}","generation":3,"signers":[],"steps":[],"site":{report}}}"#,
        "0".repeat(64)
    );
    for text in [report, receipt.as_str()] {
        let read = SiteReport::parse(text.as_bytes(), &LIMITS).unwrap();
        assert_eq!((read.site.as_str(), read.generation), ("scada-a", 3));
    }
    let why = |text: &str| SiteReport::parse(text.as_bytes(), &LIMITS).unwrap_err();
    assert!(matches!(why("{"), ReportError::Malformed { .. }));
    assert!(matches!(why("{}"), ReportError::Format { .. }));
    assert!(matches!(why(&report.replace("/v1", "/v2")), ReportError::Format { .. }));
    assert!(matches!(why(&report.replace('3', "-3")), ReportError::Malformed { .. }));
    assert!(matches!(why(&receipt.replace("site-report", "sight-report")), ReportError::Format { .. }));
    let small = crate::limits::Limits { meta_bytes: 10, ..LIMITS };
    assert!(matches!(SiteReport::parse(report.as_bytes(), &small), Err(ReportError::TooLarge { .. })));
}

#[test]
fn a_redacted_report_names_no_registry_of_the_site() {
    let digest = crate::digest::Digest::of(b"any");
    let text = format!(
        r#"{{"format":"ombundle.site-report/v1","site":"scada-a","generation":3,
            "catalogs":[{{"source":"registry.redhat.io/a:v1","mirror":"nexus.example:5000/a:v1","digest":"{digest}",
                          "repository":"nexus.example:5000/a"}}],
            "releases":[{{"version":"4.20.1","architecture":"amd64","image":"quay.io/r@{digest}",
                          "mirror":"nexus.example:5000/r:4.20.1-x86_64"}}],
            "held":{{"a":{{"bytes":1,"images":"AAAAAAAA","parts":""}}}}}}"#
    );
    let whole = SiteReport::parse(text.as_bytes(), &LIMITS).unwrap();
    assert_eq!(whole.to_json().unwrap().matches("nexus.example").count(), 3);
    let redacted = whole.redacted(&"nobody.invalid".parse().unwrap()).to_json().unwrap();
    assert_eq!((redacted.matches("nexus").count(), redacted.matches("nobody.invalid").count()), (0, 3));
    // Its checksum is of what it says now.
    assert!(!SiteReport::parse(redacted.as_bytes(), &LIMITS).unwrap().edited);
    let edited = redacted.replace("\"generation\": 3", "\"generation\": 4");
    assert!(SiteReport::parse(edited.as_bytes(), &LIMITS).unwrap().edited);
}
