//! Tests of the plan, from a request to pinned images, against a real registry.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ombundle::demo::{Belongings, Generation, ImageSize, StandIns, World};
use ombundle::digest::Digest;
use ombundle::event::Silent;
use ombundle::fault::Exit;
use ombundle::fetch::Upstream;
use ombundle::flow::plan::{PlanInputs, Planner, ReleaseInputs};
use ombundle::imageset::{self, Request};
use ombundle::limits::LIMITS;
use ombundle::oci::{Platform, media};
use ombundle::plan::{HopEdge, ImageKind, Plan, exit};
use ombundle::reference::RepositoryRef;
use ombundle::registry::{Client, ClientOptions, Environment};
use ombundle::site::{CatalogState, InstalledOperator, Site, SiteReport};

use crate::support::registry::DockerRegistry;

/// Upstream on a registry of its own, and what a user has.
struct Stage {
    registry: DockerRegistry,
    world: World,
    belongings: Belongings,
    client: Client,
    _folder: tempfile::TempDir,
}

impl Stage {
    fn new(generation: Generation) -> Self {
        Self::of(World::generation(generation, ImageSize::SMALL).unwrap(), generation)
    }

    fn of(world: World, generation: Generation) -> Self {
        let registry = DockerRegistry::start();
        let plain = Client::new(ClientOptions::default(), &Environment::default(), Arc::new(Silent)).unwrap();
        world.push(&plain, &registry.host()).unwrap();
        let site = |port: &str| format!("nexus.example:{port}").parse().unwrap();
        let belongings = Belongings::new(generation, &world, &registry.host(), &site("5001"), &site("5000"));
        let folder = tempfile::tempdir().unwrap();
        let conf = folder.path().join("registries.conf");
        std::fs::write(&conf, &belongings.registries_conf).unwrap();
        let options = ClientOptions { registries_conf: Some(conf), retries: 0, ..ClientOptions::default() };
        let client = Client::new(options, &Environment::default(), Arc::new(Silent)).unwrap();
        Self { registry, world, belongings, client, _folder: folder }
    }

    fn request(&self) -> Request {
        request(&self.belongings.imageset)
    }

    fn site(&self, profile: &str) -> Site {
        let text = self.belongings.site.replace("profile: distribution", &format!("profile: {profile}"));
        Site::parse(text.as_bytes(), "site.yaml", &LIMITS).0.unwrap()
    }

    fn plan(&self, request: &Request, inputs: &PlanInputs<'_>) -> Plan {
        let planner =
            Planner { upstream: Upstream::of(&self.client), events: &Silent, jobs: 4, limits: &LIMITS };
        planner.plan(request, inputs).unwrap_or_else(|fault| panic!("{fault} {:?}", fault.hint()))
    }

    /// Where the registry has what is published under this original name.
    fn here(&self, original: &RepositoryRef) -> RepositoryRef {
        RepositoryRef { host: self.registry.host(), repository: original.repository.clone() }
    }
}

fn request(text: &str) -> Request {
    let (request, findings) = imageset::parse(text.as_bytes(), "imageset.yaml", &LIMITS);
    request.unwrap_or_else(|| panic!("{findings:#?}"))
}

fn running(names: &[&str]) -> Vec<InstalledOperator> {
    let operator = |name: &&str| InstalledOperator {
        name: (*name).to_owned(),
        version: None,
        package: None,
        channel: None,
        namespace: None,
    };
    names.iter().map(operator).collect()
}

fn inputs<'a>() -> PlanInputs<'a> {
    PlanInputs {
        site: None,
        report: None,
        earlier: None,
        named: &[],
        dumped: &[],
        ceilings: std::collections::BTreeMap::new(),
        platforms: &[],
        last_sequence: 0,
        last_packed: None,
        now: "2026-08-30T10:20:30.5Z".parse().unwrap(),
        valid_days: 30,
        tool: "ombundle test",
        releases: ReleaseInputs::default(),
        findings: &[],
    }
}

fn codes(plan: &Plan) -> BTreeSet<&str> {
    plan.findings.iter().map(|finding| finding.code.as_str()).collect()
}

/// The hops of a package as `version edge`.
fn hops(plan: &Plan, package: &str) -> Vec<(String, HopEdge)> {
    let package = plan.catalogs[0].packages.iter().find(|planned| planned.name == package).unwrap();
    package.hops.iter().map(|hop| (hop.version.clone(), hop.edge)).collect()
}

#[test]
fn a_first_upgrade_is_planned_whole() {
    let stage = Stage::new(Generation::First);
    let (site, named) = (stage.site("distribution"), running(&Belongings::installed(Generation::First)));
    let inputs = PlanInputs { site: Some(&site), named: &named, ..inputs() };
    let plan = stage.plan(&stage.request(), &inputs);

    assert_eq!(exit(&plan.findings), Exit::Done, "{:#?}", plan.findings);
    assert_eq!(hops(&plan, "web-terminal"), [("1.9.0".to_owned(), HopEdge::Replaces)]);
    assert_eq!(hops(&plan, "devworkspace-operator"), [("0.21.0".to_owned(), HopEdge::Replaces)]);
    assert_eq!(plan.catalogs[0].packages.len(), 2);
    let named: Vec<_> =
        plan.catalogs[0].evidence.iter().map(|it| (it.bundle.as_str(), it.replaces.as_deref())).collect();
    assert_eq!(
        named,
        [
            ("devworkspace-operator.v0.21.0", Some("devworkspace-operator.v0.20.0")),
            ("web-terminal.v1.9.0", Some("web-terminal.v1.8.0"))
        ]
    );
    assert_eq!(
        (plan.channel.as_str(), plan.target.as_deref(), plan.sequence),
        ("small-world", Some("small-world"), 1)
    );
    assert_eq!(
        (plan.created.as_str(), plan.expires.as_str()),
        ("2026-08-30T10:20:30Z", "2026-09-29T10:20:30Z")
    );
    assert_eq!(plan.catalogs[0].digest, stage.world.resolve(stage.world.catalog()).unwrap());

    let count = |kind| plan.images.iter().filter(|image| image.kind == kind).count();
    assert_eq!(count(ImageKind::Bundle), 2);
    assert_eq!(count(ImageKind::Related), 5);
    assert_eq!(count(ImageKind::CatalogBase), 1);
    assert!(count(ImageKind::Attachment) >= 1);
    let additional = plan.images.iter().find(|image| image.kind == ImageKind::Additional).unwrap();
    assert_eq!(additional.tag.as_ref().unwrap().as_str(), "latest");

    // The site's registry refuses an index without its images, so the index travels whole, and that is said.
    let index = plan
        .images
        .iter()
        .find(|image| image.root.media_type == media::OCI_INDEX && image.kind == ImageKind::Related)
        .unwrap();
    assert_eq!(index.manifests.len(), 3);
    assert!(codes(&plan).contains("WHOLE_INDEX"));
    assert!(plan.platforms.is_empty());

    // The base is ours: what no registry has is in the plan, and the catalog is not.
    let base = plan.images.iter().find(|image| image.kind == ImageKind::CatalogBase).unwrap();
    assert_eq!(plan.catalogs[0].base, Some(base.root.digest));
    assert!(base.manifests.iter().all(|manifest| plan.inline.contains_key(&manifest.digest)));
    assert!(base.blobs.iter().any(|blob| !plan.inline.contains_key(&blob.digest)));

    let carried: u64 = plan.items.iter().map(|item| item.bytes).sum();
    assert_eq!(carried, plan.bytes.store);
    assert!(plan.bytes.carry > carried && plan.bytes.download < carried);
    let text = plan.to_json().unwrap();
    assert_eq!(Plan::parse(text.as_bytes(), &LIMITS).unwrap().to_json().unwrap(), text);
    assert_eq!(
        stage.plan(&stage.request(), &inputs).to_json().unwrap(),
        text,
        "the same inputs give the same plan"
    );
}

#[test]
fn only_the_platforms_of_the_site_travel_where_its_registry_allows_it() {
    let stage = Stage::new(Generation::First);
    let (site, named) = (stage.site("nexus"), running(&Belongings::installed(Generation::First)));
    let plan = stage.plan(&stage.request(), &PlanInputs { site: Some(&site), named: &named, ..inputs() });
    let index = plan
        .images
        .iter()
        .find(|image| image.root.media_type == media::OCI_INDEX && image.kind == ImageKind::Related)
        .unwrap();
    assert_eq!(index.manifests.len(), 2);
    assert_eq!(index.manifests.last().unwrap().digest, index.root.digest);
    assert!(!codes(&plan).contains("WHOLE_INDEX"));
    assert_eq!(plan.platforms, [Platform::linux_amd64()]);
}

/// The second catalog has lost the edge from 1.9.0; the bundle's own CSV, read from its image, gives it back.
#[test]
fn a_lost_edge_is_found_in_the_bundle_image() {
    let stage = Stage::new(Generation::Second);
    let named = running(&Belongings::installed(Generation::Second));
    let plan = stage.plan(&stage.request(), &PlanInputs { named: &named, last_sequence: 4, ..inputs() });
    assert_eq!(exit(&plan.findings), Exit::Done, "{:#?}", plan.findings);
    assert_eq!(
        hops(&plan, "web-terminal"),
        [("1.10.0".to_owned(), HopEdge::Bridge), ("1.11.0".to_owned(), HopEdge::Replaces)]
    );
    assert_eq!((plan.sequence, plan.channel.as_str()), (5, "default"));
    // Two generations back there is no way, and what is missing has a name.
    let plan =
        stage.plan(&stage.request(), &PlanInputs { named: &running(&["web-terminal.v1.8.0"]), ..inputs() });
    let finding = plan.findings.iter().find(|finding| finding.code == "NO_PATH").unwrap();
    assert!(finding.message.contains("web-terminal.v1.9.0"), "{}", finding.message);
    assert_eq!(exit(&plan.findings), Exit::Incomplete);
}

#[test]
fn every_hole_upstream_is_listed() {
    let stage = Stage::new(Generation::First);
    let named = running(&Belongings::installed(Generation::First));
    let whole = stage.plan(&stage.request(), &PlanInputs { named: &named, ..inputs() });
    let gone: Vec<_> = whole
        .images
        .iter()
        .filter(|image| image.kind == ImageKind::Related && image.manifests.len() == 1)
        .take(2)
        .collect();
    for image in &gone {
        assert!(stage.client.delete_manifest(&stage.here(&image.source), image.root.digest).unwrap());
    }
    // A child of an index is missed too.
    let index = whole
        .images
        .iter()
        .find(|image| image.manifests.len() == 3 && image.kind == ImageKind::Related)
        .unwrap();
    assert!(stage.client.delete_manifest(&stage.here(&index.source), index.manifests[0].digest).unwrap());

    let plan = stage.plan(&stage.request(), &PlanInputs { named: &named, ..inputs() });
    let mut missing: Vec<_> = plan
        .findings
        .iter()
        .filter(|finding| finding.code == "IMAGE_MISSING")
        .map(|finding| finding.subject.clone())
        .collect();
    missing.sort();
    let mut expected: Vec<_> =
        gone.iter().chain([&index]).map(|image| image.source.pin(image.root.digest).to_string()).collect();
    expected.sort();
    assert_eq!(missing, expected);
    assert_eq!(exit(&plan.findings), Exit::Incomplete);
}

#[test]
fn what_production_holds_stays_behind() {
    let stage = Stage::new(Generation::First);
    let (site, named) = (stage.site("nexus"), running(&Belongings::installed(Generation::First)));
    let before = PlanInputs { site: Some(&site), named: &named, ..inputs() };
    let full = stage.plan(&stage.request(), &before);
    let mirror = format!("nexus.example:5000/{}/redhat/redhat-operator-index", Belongings::PREFIX);
    let mut report = SiteReport {
        format: SiteReport::FORMAT.to_owned(),
        site: "small-world".to_owned(),
        generation: 7,
        inventory: Some(Digest::of(b"inventory")),
        catalogs: vec![CatalogState {
            source: stage.world.catalog().clone(),
            mirror: format!("{mirror}:v4.20").parse().unwrap(),
            digest: Digest::of(b"catalog"),
            repository: mirror.parse().unwrap(),
            packages: std::collections::BTreeMap::new(),
        }],
        installed: named.clone(),
        openshift: None,
        releases: vec![],
        digests: BTreeSet::new(),
        repositories: std::collections::BTreeMap::new(),
        ..SiteReport::default()
    };
    for image in full.images.iter().filter(|image| image.kind != ImageKind::CatalogBase) {
        let mirror = format!("{}/{}", Belongings::PREFIX, image.source.repository).parse().unwrap();
        let objects = image.manifests.iter().chain(&image.blobs).map(|object| object.digest);
        report.repositories.entry(mirror).or_default().extend(objects);
    }
    let inputs = PlanInputs { site: Some(&site), report: Some(&report), last_sequence: 3, ..inputs() };
    let plan = stage.plan(&stage.request(), &inputs);
    assert_eq!((plan.sequence, plan.predecessor), (8, report.inventory));
    assert_eq!(hops(&plan, "web-terminal").len(), 1);
    assert_eq!((plan.bytes.download, plan.bytes.store, plan.requests), (0, 0, 0));
    assert!(plan.bytes.carry < 100_000, "{}", plan.bytes.carry);
    assert!(plan.catalogs[0].base.is_none() && plan.inline.is_empty());
    assert_eq!(plan.images.len() + 1, full.images.len());
    assert!(plan.items.iter().all(|item| item.bytes == 0));

    // What one repository lacks travels.
    let image = full.images.iter().find(|image| image.kind == ImageKind::Bundle).unwrap();
    let mut report = report.clone();
    report
        .repositories
        .remove(&format!("{}/{}", Belongings::PREFIX, image.source.repository).parse().unwrap());
    let plan = stage.plan(&stage.request(), &PlanInputs { report: Some(&report), ..inputs });
    assert!(
        plan.bytes.download >= image.manifests.iter().chain(&image.blobs).map(|object| object.size).sum()
    );
}

#[test]
fn what_cannot_be_imported_is_told_while_planning() {
    let stage = Stage::new(Generation::First);
    let named = running(&["web-terminal.v1.8.0", "nobody.v1.0.0"]);
    let text = stage
        .belongings
        .site
        .replace("redhat-operator-index:v4.20\n      mirror", "redhat-operator-index:v4.19\n      mirror");
    let site = Site::parse(text.as_bytes(), "site.yaml", &LIMITS).0.unwrap();
    let imageset = stage.belongings.imageset.replace(
        "  additionalImages:\n",
        "  additionalImages:\n    - name: registry.redhat.io/rhel9/gone:latest\n    - {name: 'registry.redhat.io/rhel9/support-tools:latest', targetRepo: olm-redhat/web-terminal/web-terminal-operator-bundle}\n  blockedImages: [{name: web-terminal-exec}]\n  unused: [\n",
    );
    let imageset = imageset.split("  unused: [").next().unwrap().to_owned();
    let inputs = PlanInputs { site: Some(&site), named: &named, ..inputs() };
    let plan = stage.plan(&request(&imageset), &inputs);
    let errors: BTreeSet<_> = plan
        .findings
        .iter()
        .filter(|finding| finding.severity == ombundle::finding::Severity::Error)
        .map(|finding| finding.code.as_str())
        .collect();
    assert_eq!(
        errors,
        ["CATALOG_NOT_SERVED", "IMAGE_MISSING", "INSTALLED_UNKNOWN", "MAPPING_COLLISION"].into(),
        "{:#?}",
        plan.findings
    );
    assert!(codes(&plan).contains("BLOCKED_IMAGE"));
    assert!(!plan.images.iter().any(|image| image.source.to_string().contains("web-terminal-exec")));
    assert_eq!(exit(&plan.findings), Exit::Usage);

    // A catalog that is not there is nothing to look at.
    let gone = stage.belongings.imageset.replace("index:v4.20", "index:v4.99");
    let planner =
        Planner { upstream: Upstream::of(&stage.client), events: &Silent, jobs: 4, limits: &LIMITS };
    let fault = planner.plan(&request(&gone), &inputs).unwrap_err();
    assert_eq!(fault.exit(), Exit::Incomplete);
    assert!(fault.to_string().contains("v4.99"));
}

/// The real catalog of web-terminal, with stand-ins for the images that it names: five versions ahead, one after the other.
#[test]
fn the_real_web_terminal_is_planned_from_1_8_to_1_14() {
    let shared = std::env::var_os("OMBUNDLE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let file = shared.join("data/fbc-derived/web-terminal/catalog.json");
    let Ok(text) = std::fs::read(file) else { return };
    let stand_ins =
        StandIns::of(&[("web-terminal/catalog.json".to_owned(), text)], ImageSize::SMALL).unwrap();
    let world = stand_ins.published_as(&World::CATALOG.parse().unwrap(), ImageSize::SMALL).unwrap();
    let stage = Stage::of(world, Generation::First);
    let text = stage
        .belongings
        .imageset
        .replace("minVersion: 1.9.0", "minVersion: 1.14.0")
        .replace("maxVersion: 1.9.0", "maxVersion: 1.14.0");
    let text = text.split("  additionalImages").next().unwrap().to_owned();
    let named = running(&["web-terminal.v1.8.0"]);
    let plan = stage.plan(&request(&text), &PlanInputs { named: &named, ..inputs() });
    assert_eq!(exit(&plan.findings), Exit::Done, "{:#?}", plan.findings);
    let versions: Vec<_> = hops(&plan, "web-terminal").into_iter().map(|(version, _)| version).collect();
    assert_eq!(versions, ["1.9.0", "1.10.0", "1.11.0", "1.12.0", "1.13.0", "1.14.0"]);
    let bundles = plan.images.iter().filter(|image| image.kind == ImageKind::Bundle).count();
    assert_eq!((bundles, plan.catalogs[0].evidence.len()), (6, 6));
    // What the catalog itself lacks is said, and does not stop the upgrade: 1.8.0, which runs, requires it too.
    assert!(codes(&plan).contains("DEPENDENCY_ASSUMED") && !codes(&plan).contains("DEPENDENCY_MISSING"));
}
