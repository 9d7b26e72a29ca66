//! One catalog of the request: read, selected from, and looked into for evidence.

use std::collections::{BTreeMap, BTreeSet};

use super::base::{Base, base};
use super::{PlanFlowError, PlanInputs, Planner, Scope, installed};
use crate::catalog::image::{ImageRole, LayerFiles};
use crate::catalog::{Bundle, Catalog, Evidence, csv, registry_v1};
use crate::digest::Digest;
use crate::fault::{AnyFault, Exit};
use crate::finding::{Finding, Severity};
use crate::flow::catalog::from_files;
use crate::flow::catalog_image::{CatalogImage, UpstreamImages, add_layers, config_of, one_image};
use crate::imageset::{OperatorsRequest, Request};
use crate::oci::Platform;
use crate::plan::PlannedPackage;
use crate::plan::select::{Missing, Selected, Selector};
use crate::reference::ImageRef;
use crate::registry::Target;
use crate::workers;

/// What is delivered of one catalog.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) source: ImageRef,
    /// What the reference pointed to.
    pub(super) digest: Digest,
    /// All that upstream offers.
    pub(super) upstream: Catalog,
    /// What is delivered of it.
    pub(super) catalog: Catalog,
    pub(super) packages: Vec<PlannedPackage>,
    pub(super) evidence: Vec<Evidence>,
    pub(super) base: Option<Base>,
    pub(super) findings: Vec<Finding>,
    /// Requirements that may be met by another catalog of the request.
    pub(super) missing: Vec<Missing>,
    /// Platforms that the items ask for; those of the plan when empty.
    pub(super) platforms: Vec<Platform>,
}

/// Bundles by package and name.
type Names = BTreeSet<(String, String)>;

/// Reads a catalog and selects what the items ask for.
pub(super) fn deliver(
    planner: &Planner<'_>,
    request: &Request,
    inputs: &PlanInputs<'_>,
    scope: &Scope,
    source: &ImageRef,
    items: &[&OperatorsRequest],
    created: &str,
) -> Result<Delivered, AnyFault> {
    let missing = || PlanFlowError::NoCatalog { image: source.to_string() };
    let target = Target::of(source).ok_or_else(missing)?;
    let root = planner.upstream.manifest(&source.repository, &target)?.ok_or_else(missing)?;
    let digest = root.digest();
    let served = match (inputs.report, inputs.earlier) {
        (Some(report), _) => report.catalogs.iter().any(|state| state.source == *source),
        (None, earlier) => earlier.is_some_and(|earlier| earlier.serves(source)),
    };
    // The catalog is the same for each platform; only the base is not.
    let one = [scope.platforms.first().cloned().unwrap_or_else(Platform::linux_amd64)];
    let platforms = if served { one.as_slice() } else { scope.platforms.as_slice() };
    let (events, limits) = (planner.events, planner.limits);
    let images = UpstreamImages { repository: &source.repository, upstream: planner.upstream };
    let image = CatalogImage::read(&images, root, platforms, events, limits)?;
    let loaded = from_files(image.contents(), events, limits)?;
    let base = if served { None } else { Some(base(&source.repository, &image, created, limits)?) };
    drop(image);

    let upstream = loaded.catalog;
    let running = installed(inputs, &upstream);
    let mut looked: Looked<'_> = Looked { planner, source, upstream: &upstream, known: BTreeMap::new() };
    let mut tried = Names::new();
    let selected = loop {
        let evidence = looked.evidence(|_| true);
        let selector = Selector {
            catalog: &upstream,
            installed: &running,
            all_known: knows_all_that_runs(inputs),
            evidence: &evidence,
            file: &request.file,
        };
        let selected = selector.select(items);
        let unknown: Names = selected.unknown.difference(&tried).cloned().collect();
        if unknown.is_empty() {
            break selected;
        }
        looked.look(&unknown)?;
        tried.extend(unknown);
    };
    let Selected { packages, catalog, mut findings, missing, .. } = selected;
    let delivered: Names = catalog
        .packages
        .values()
        .flat_map(|package| package.bundles.keys().map(|name| (package.name.clone(), name.clone())))
        .collect();
    looked.look(&delivered)?;
    findings.extend(looked.blind(&delivered));
    findings.extend(wrong(loaded.findings, &catalog));
    let evidence = looked.evidence(|name| delivered.contains(name));
    let mut asked: Vec<Platform> = items.iter().flat_map(|item| item.platforms.iter().cloned()).collect();
    if items.iter().any(|item| item.platforms.is_empty()) {
        asked.clear();
    }
    Ok(Delivered {
        source: source.clone(),
        digest,
        packages,
        evidence,
        base,
        findings,
        missing,
        catalog,
        platforms: asked,
        upstream,
    })
}

/// Findings of the catalog as it was read, as far as they are about delivered packages; all else is not our business. What could not
/// be read is not delivered, and what is delivered was judged by itself: none of them is an error here.
fn wrong(findings: Vec<Finding>, delivered: &Catalog) -> Vec<Finding> {
    let about = |finding: &Finding| {
        let package = finding.subject.strip_prefix("package ").and_then(|rest| rest.split(',').next());
        package.is_some_and(|package| delivered.packages.contains_key(package))
    };
    let told = |finding: Finding| Finding { severity: finding.severity.min(Severity::Warning), ..finding };
    findings.into_iter().filter(about).map(told).collect()
}

/// Whether the installed operators are all that run: a cluster was dumped, for this plan or for the report.
fn knows_all_that_runs(inputs: &PlanInputs<'_>) -> bool {
    !inputs.dumped.is_empty() || inputs.report.is_some_and(|report| !report.installed.is_empty())
}

/// What the CSVs of bundles say; nothing for one whose image is not there or is no bundle.
struct Looked<'a> {
    planner: &'a Planner<'a>,
    source: &'a ImageRef,
    upstream: &'a Catalog,
    known: BTreeMap<(String, String), Result<Evidence, String>>,
}

impl Looked<'_> {
    /// Looks into bundles that were not looked into yet, a few at a time.
    fn look(&mut self, names: &Names) -> Result<(), AnyFault> {
        let bundles: Vec<&Bundle> = names
            .iter()
            .filter(|name| !self.known.contains_key(*name))
            .filter_map(|(package, name)| self.upstream.packages.get(package)?.bundles.get(name))
            .collect();
        let (jobs, events) = (self.planner.jobs, self.planner.events);
        let found = workers::map(&bundles, jobs, events, |bundle| self.read(bundle))?;
        for (bundle, evidence) in bundles.iter().zip(found) {
            self.known.insert((bundle.package.clone(), bundle.name.clone()), evidence);
        }
        Ok(())
    }

    /// Reads one CSV: from the catalog where it is embedded, else from the bundle's image. Only a registry that cannot be asked is
    /// an error.
    fn read(&self, bundle: &Bundle) -> Result<Result<Evidence, String>, AnyFault> {
        let found = match bundle.csv() {
            Some(embedded) => Ok(csv::evidence(&embedded, &bundle.package)),
            None => match self.read_image(bundle) {
                Ok(found) => found,
                Err(fault) if matches!(fault.exit(), Exit::Integrity | Exit::Usage) => Err(fault.to_string()),
                Err(fault) => return Err(fault),
            },
        };
        // OLM goes by the property that the catalog serves. A CSV has it only where the bundle gives it as an annotation, and not in
        // `metadata/properties.yaml`.
        let last = bundle.max_openshift_version();
        Ok(found
            .map(|found| Evidence { max_openshift_version: last.or(found.max_openshift_version), ..found }))
    }

    fn read_image(&self, bundle: &Bundle) -> Result<Result<Evidence, String>, AnyFault> {
        let (upstream, limits) = (self.planner.upstream, self.planner.limits);
        let Ok(image) = bundle.image.parse::<ImageRef>() else {
            return Ok(Err(format!("`{}` is no image reference", bundle.image)));
        };
        let repository = &image.repository;
        let images = UpstreamImages { repository, upstream };
        let gone = || Ok(Err(format!("`{image}` is not there")));
        let Some(target) = Target::of(&image) else { return gone() };
        let Some(root) = upstream.manifest(repository, &target)? else { return gone() };
        let Some(view) = one_image(&images, root, limits)? else { return gone() };
        let role = ImageRole::of(&config_of(&images, &view, limits)?)?;
        let (manifests, _) = role.bundle_directories()?;
        let mut files = LayerFiles::new([manifests]);
        add_layers(&mut files, &images, &view.layers, limits)?;
        let found = registry_v1::csv(&files.files(manifests)?, manifests, limits)?;
        Ok(Ok(csv::evidence(&found, &bundle.package)))
    }

    fn evidence(&self, wanted: impl Fn(&(String, String)) -> bool) -> Vec<Evidence> {
        let known = self.known.iter().filter(|(name, _)| wanted(name));
        known.filter_map(|(_, evidence)| evidence.as_ref().ok().cloned()).collect()
    }

    /// Delivered bundles whose CSV could not be read, or is another one's.
    fn blind(&self, delivered: &Names) -> Vec<Finding> {
        let mut findings = Vec::new();
        for ((package, name), evidence) in self.known.iter().filter(|(name, _)| delivered.contains(*name)) {
            let subject = format!("package {package}, bundle {name}");
            match evidence {
                Ok(evidence) if evidence.bundle == *name => {}
                Ok(evidence) => {
                    let message = format!("its image holds the CSV `{}`", evidence.bundle);
                    let hint =
                        format!("the catalog `{}` and the bundle disagree: tell its vendor", self.source);
                    findings.push(Finding::warning("CSV_NAME", subject, message).hint(hint));
                }
                Err(why) => {
                    let message = format!("its own CSV cannot be read: {why}");
                    let hint =
                        "images that only the CSV names, and edges that the catalog lost, stay unknown";
                    findings.push(Finding::warning("NO_EVIDENCE", subject, message).hint(hint));
                }
            }
        }
        findings
    }
}
