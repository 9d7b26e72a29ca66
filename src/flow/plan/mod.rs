//! A request to a plan: catalogs read, packages selected, images pinned, bytes counted.

mod base;
mod catalogs;
mod order;
mod pin;
mod releases;
mod wishes;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::digest::Digest;
use crate::event::{Event, Events, Phase};
use crate::fault::{AnyFault, Exit, Fault};
use crate::fetch::Upstream;
use crate::finding::{Finding, nearest};
use crate::flow::pack;
use crate::imageset::{CatalogRef, OperatorsRequest, Request};
use crate::limits::Limits;
use crate::mapping::{Mapping, among_releases};
use crate::oci::Platform;
use crate::plan::select::Missing;
use crate::plan::{Assumed, Draft, Earlier, Holdings, Plan, PlannedCatalog, strangers};
use crate::reference::ImageRef;
use crate::site::{InstalledOperator, ProfileName, Site, SiteReport};

use catalogs::{Delivered, deliver};
use pin::Pinner;
use wishes::Gathered;

pub use releases::ReleaseInputs;

/// What a plan is made from, besides the request.
#[derive(Debug, Clone)]
pub struct PlanInputs<'a> {
    /// The site that the archive is for.
    pub site: Option<&'a Site>,
    /// What it holds and runs.
    pub report: Option<&'a SiteReport>,
    /// The archives that were packed for it before; they count as imported where there is no report.
    pub earlier: Option<&'a Earlier>,
    /// Operators that were named by hand. They must belong to the request, and win over all else that is known of their package.
    pub named: &'a [InstalledOperator],
    /// Operators from dumps of the cluster. They win over the report.
    pub dumped: &'a [InstalledOperator],
    /// Property `olm.maxOpenShiftVersion` of each operator in the dumps, by its CSV; nothing where it has none.
    pub ceilings: BTreeMap<String, Option<String>>,
    /// Platforms that were asked for; those of the site when empty.
    pub platforms: &'a [Platform],
    /// The last generation that this side knows of; 0 when none.
    pub last_sequence: u64,
    /// A generation that this side packed itself, and its inventory: names the archive before this one also where no report came
    /// back.
    pub last_packed: Option<(u64, Digest)>,
    /// Now.
    pub now: Timestamp,
    /// Days after which the archive expires.
    pub valid_days: u32,
    /// The tool and its version.
    pub tool: &'a str,
    /// What is asked of OpenShift releases besides the file.
    pub releases: ReleaseInputs,
    /// What was found in the request's file.
    pub findings: &'a [Finding],
}

/// What a plan is made with.
pub struct Planner<'a> {
    /// The source registries.
    pub upstream: Upstream<'a>,
    /// Told what happens.
    pub events: &'a dyn Events,
    /// Requests at once.
    pub jobs: usize,
    /// Ceilings.
    pub limits: &'a Limits,
}

/// Why no plan can be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanFlowError {
    /// The archive would expire beyond the calendar.
    #[error("an archive cannot be valid for {days} days")]
    Validity {
        /// How long it should be.
        days: u32,
    },
    /// A catalog is not there.
    #[error("there is no catalog `{image}`")]
    NoCatalog {
        /// The catalog.
        image: String,
    },
    /// A release that the request names is not there.
    #[error("there is no release image `{image}`")]
    NoRelease {
        /// Its image.
        image: String,
    },
    /// What was planned contradicts itself.
    #[error("the generation after {last} has no number")]
    Sequence {
        /// The last one.
        last: u64,
    },
}

impl Fault for PlanFlowError {
    fn exit(&self) -> Exit {
        match self {
            Self::Validity { .. } | Self::Sequence { .. } => Exit::Usage,
            Self::NoCatalog { .. } | Self::NoRelease { .. } => Exit::Incomplete,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoCatalog { .. } | Self::NoRelease { .. } => {
                Some("check its name and tag, and that your credentials may see it".to_owned())
            }
            Self::Validity { .. } => Some("give fewer days".to_owned()),
            Self::Sequence { .. } => None,
        }
    }
}

impl Planner<'_> {
    /// Makes the plan. What is wrong with the request or upstream is among its findings, all of it at once; an error means that
    /// something could not be looked at.
    pub fn plan(&self, request: &Request, inputs: &PlanInputs<'_>) -> Result<Plan, AnyFault> {
        self.events.emit(&Event::Begin { phase: Phase::Plan, items: 0, bytes: 0 });
        let created = moment(inputs.now);
        let expires = expiry(inputs)?;
        let mut findings = inputs.findings.to_vec();
        let mapping = inputs.site.map(|site| Mapping::new(&site.spec.repositories)).transpose()?;
        let scope = Scope::of(inputs);
        findings.extend(foreign_report(inputs));
        findings.extend(edited_report(inputs));
        findings.extend(by_record(inputs));
        let nodes = inputs.site.map(|site| site.spec.platforms.as_slice()).unwrap_or_default();
        let widen = "add it with `--platform`, or take it out of `spec.platforms` of the site file";
        findings.extend(uncovered(nodes, inputs.platforms, widen));

        let mut delivered: Vec<Delivered> = Vec::new();
        for (source, items) in by_catalog(request) {
            findings.extend(not_served(source, &items, request, inputs.site));
            delivered.push(deliver(self, request, inputs, &scope, source, &items, &created)?);
        }
        let packages: Vec<_> =
            delivered.iter().flat_map(|delivered| delivered.upstream.packages.values()).collect();
        findings.extend(strangers(inputs.named, &packages));

        let mut gathered = Gathered::of(request, &delivered, &scope.platforms);
        findings.append(&mut gathered.findings);
        let mapped = mapping.clone().unwrap_or_default();
        let mut releases = releases::gather(self, request, inputs, &scope, &mapped, &mut gathered.wishes)?;
        findings.append(&mut releases.findings);
        let ordered = order::ordered(releases.path.as_ref(), &delivered, inputs);
        findings.extend(ordered.findings);
        let pinner = Pinner {
            upstream: self.upstream,
            attached: self.upstream.client.attachments(),
            jobs: self.jobs,
            events: self.events,
            limits: self.limits,
            sparse: scope.sparse,
        };
        let found = pinner.pin(gathered.wishes)?;
        findings.extend(found.findings);
        findings.extend(scope.told(&found.whole));

        findings.extend(unmet(&delivered));
        let (mut images, mut inline, mut catalogs) = (found.images, BTreeMap::new(), Vec::new());
        for delivered in delivered {
            findings.extend(delivered.findings);
            let base = delivered.base.map(|base| {
                let root = base.image.root.digest;
                images.push(base.image);
                inline.extend(base.inline);
                root
            });
            catalogs.push(PlannedCatalog {
                source: delivered.source,
                digest: delivered.digest,
                base,
                packages: delivered.packages,
                delta: delivered.catalog.values(),
                evidence: delivered.evidence,
            });
        }
        findings.extend(releases.sigstore(&images));
        let graph_data = releases.graph_data(&images);
        images.sort_by(|a, b| {
            (a.kind, &a.source, &a.tag, a.root.digest).cmp(&(b.kind, &b.source, &b.tag, b.root.digest))
        });
        if let Some(mapping) = &mapping {
            let placed = images.iter().filter(|image| !image.kind.is_base());
            findings.extend(mapping.check(placed.map(|image| (&image.source, image.mirror.as_ref()))));
        }
        if let (Some(mapping), Some(site), false) = (&mapping, inputs.site, releases.planned.is_empty()) {
            findings.extend(among_releases(site, mapping));
        }
        let plan = draft(request, inputs, scope, created, expires)?;
        let plan = Draft {
            catalogs,
            releases: releases.planned,
            release_path: releases.path,
            order: ordered.steps,
            installed_gates: releases.installed_gates,
            graph_data,
            images,
            inline,
            findings,
            ..plan
        };
        let place = |source: &_| mapping.as_ref()?.mirror(source).ok();
        let holdings = match (inputs.report, inputs.earlier) {
            (Some(report), _) => Holdings::of(report),
            (None, Some(earlier)) => earlier.holdings(&place),
            (None, None) => Holdings::default(),
        };
        let plan = plan.finish(&holdings, &place);
        let plan = weighed(plan, self.limits);
        self.events.emit(&Event::End { phase: Phase::Plan });
        Ok(plan)
    }
}

/// Requirements of one catalog's bundles that no other catalog of the request meets with what it delivers.
fn unmet(delivered: &[Delivered]) -> Vec<Finding> {
    let elsewhere = |own: &Delivered, missing: &Missing| {
        delivered.iter().any(|other| other.source != own.source && missing.met_in(&other.catalog))
    };
    let each = delivered.iter().flat_map(|own| own.missing.iter().map(move |missing| (own, missing)));
    let unmet = each.filter(|(own, missing)| !elsewhere(own, missing));
    unmet.map(|(_, missing)| missing.finding.clone()).collect()
}

/// The plan with the exact size of its archive. The plan travels in the archive, and this figure in it: that takes a round or two.
fn weighed(mut plan: Plan, limits: &Limits) -> Plan {
    for _ in 0..4 {
        match pack::size(&plan, limits) {
            Ok(size) if size != plan.bytes.carry => plan.bytes.carry = size,
            // What cannot be packed is told by findings, or by `pack`; the estimate stays.
            _ => break,
        }
    }
    plan
}

/// The stream of generations that an archive belongs to: the site's own, or one for archives that are for no site.
pub fn channel(site: Option<&Site>) -> &str {
    site.map_or("default", Site::name)
}

fn draft(
    request: &Request,
    inputs: &PlanInputs<'_>,
    scope: Scope,
    created: String,
    expires: String,
) -> Result<Draft, PlanFlowError> {
    let reported = inputs.report.map_or(0, |report| report.generation);
    let last = reported.max(inputs.last_sequence);
    let known = inputs.report.filter(|report| report.generation == last && last > 0);
    let packed = inputs.last_packed.filter(|(sequence, _)| *sequence == last).map(|(_, inventory)| inventory);
    Ok(Draft {
        tool: inputs.tool.to_owned(),
        created,
        expires,
        channel: channel(inputs.site).to_owned(),
        target: inputs.site.map(|site| site.name().to_owned()),
        sequence: last.checked_add(1).ok_or(PlanFlowError::Sequence { last })?,
        predecessor: known.and_then(|report| report.inventory).or(packed),
        platforms: if scope.sparse { scope.platforms } else { Vec::new() },
        request: request.digest,
        catalogs: Vec::new(),
        releases: Vec::new(),
        release_path: None,
        order: Vec::new(),
        installed_gates: Vec::new(),
        graph_data: None,
        images: Vec::new(),
        inline: BTreeMap::new(),
        assumes: assumed(inputs),
        findings: Vec::new(),
    })
}

/// Which images of an index are taken.
#[derive(Debug, Clone)]
struct Scope {
    /// Those for these platforms; all of them when empty.
    platforms: Vec<Platform>,
    /// Whether an index may travel without its other images.
    sparse: bool,
    /// Why not.
    registry: ProfileName,
}

/// The archives that count as imported, because nobody said what the site holds.
fn assumed(inputs: &PlanInputs<'_>) -> Vec<Assumed> {
    let earlier = inputs.earlier.filter(|_| inputs.report.is_none());
    earlier.map(Earlier::assumed).unwrap_or_default()
}

/// Says that the record stood in for a report.
fn by_record(inputs: &PlanInputs<'_>) -> Option<Finding> {
    let assumed = assumed(inputs);
    let last = assumed.last()?;
    let message = match assumed.as_slice() {
        [_] => format!("generation {} was packed here and counts as imported", last.generation),
        all => format!(
            "{} archives were packed here, the last of them generation {}, and count as imported",
            all.len(),
            last.generation
        ),
    };
    Some(Finding::warning("BY_RECORD", "report", message).hint(
        "what they brought is not carried again. Give `--report` if the site sent one, `--imported N` for the last that came in, or `--full`",
    ))
}

/// A report of another site: what it holds and runs says nothing about this one.
fn foreign_report(inputs: &PlanInputs<'_>) -> Option<Finding> {
    let (site, report) = (inputs.site?, inputs.report?);
    (report.site != site.name()).then(|| {
        let message =
            format!("the report is of the site `{}`, and the site file is of `{}`", report.site, site.name());
        Finding::error("REPORT_SITE", "report", message).hint(
            "give what `ombundle site report` wrote at this site, or the receipt.json of its last import",
        )
    })
}

/// A report that somebody changed: what it says is there may not be.
fn edited_report(inputs: &PlanInputs<'_>) -> Option<Finding> {
    inputs.report.filter(|report| report.edited).map(|_| {
        Finding::error("REPORT_EDITED", "report", "the report was changed since it was written")
            .hint("make it anew with `ombundle site report`; `--redact` leaves out the names of registries")
    })
}

/// Platforms of the site's nodes that were not asked for: its import demands images for them.
fn uncovered(nodes: &[Platform], asked: &[Platform], widen: &str) -> Vec<Finding> {
    let is_asked = |node: &&Platform| asked.iter().any(|asked| asked.accepts(node) || node.accepts(asked));
    let missing = nodes.iter().filter(|node| !asked.is_empty() && !is_asked(node));
    missing
        .map(|node| {
            let message = "the site has nodes of this platform, and it was not asked for";
            Finding::error("PLATFORM_UNCOVERED", node, message).hint(widen)
        })
        .collect()
}

impl Scope {
    /// What was asked for by hand, else what the site file says. Registries that refuse an index whose images are missing
    /// (distribution; and whatever is not known to be better) get whole indexes, unless a platform was asked for by hand.
    fn of(inputs: &PlanInputs<'_>) -> Self {
        let site = inputs.site.map(|site| site.spec.platforms.as_slice()).unwrap_or_default();
        let registry = inputs.site.map_or(ProfileName::Auto, |site| site.spec.profile);
        let platforms = if inputs.platforms.is_empty() { site } else { inputs.platforms };
        let sparse = match registry {
            ProfileName::Auto => inputs.site.is_none() || !inputs.platforms.is_empty(),
            known => known.takes_sparse_indexes(),
        };
        Self { platforms: platforms.to_vec(), sparse, registry }
    }

    /// Says that indexes travel whole, and why.
    fn told(&self, whole: &[String]) -> Option<Finding> {
        let first = whole.first()?;
        let asked: Vec<_> = self.platforms.iter().map(ToString::to_string).collect();
        let why = match self.registry {
            ProfileName::Auto => {
                "the site's registry is not known (`profile: auto`), and some refuse an index without its images"
            }
            _ => "the site's registry refuses an index without its images",
        };
        let message = format!(
            "{} image indexes, `{first}` among them, are carried for all platforms and not only for {}: {why}",
            whole.len(),
            asked.join(", ")
        );
        let hint = "write the registry's kind as `profile:` into the site file if it takes such indexes (nexus, harbor, quay, artifactory, zot)";
        Some(Finding::info("WHOLE_INDEX", "platforms", message).hint(hint))
    }
}

/// The items of each catalog, in the order of the catalogs' names.
fn by_catalog(request: &Request) -> BTreeMap<&ImageRef, Vec<&OperatorsRequest>> {
    let mut catalogs: BTreeMap<&ImageRef, Vec<&OperatorsRequest>> = BTreeMap::new();
    for item in &request.operators {
        if let CatalogRef::Image(image) = &item.catalog {
            catalogs.entry(image).or_default().push(item);
        }
    }
    catalogs
}

/// A catalog that the site file does not name cannot be imported there.
fn not_served(
    source: &ImageRef,
    items: &[&OperatorsRequest],
    request: &Request,
    site: Option<&Site>,
) -> Option<Finding> {
    let site = site.filter(|site| site.catalog(source).is_none())?;
    let known: Vec<String> = site.spec.catalogs.iter().map(|catalog| catalog.source.to_string()).collect();
    let name = source.to_string();
    let hint = match nearest(&name, known.iter().map(String::as_str)).first() {
        Some(near) => format!("did you mean `{near}`? Else add it to `spec.catalogs` of the site file"),
        None => format!("add an entry with `source: {name}` to `spec.catalogs` of the site file"),
    };
    let message = format!("the site `{}` does not serve this catalog", site.name());
    let line = items.first().map(|item| item.line);
    Some(Finding::error("CATALOG_NOT_SERVED", &name, message).hint(hint).at(&request.file, line))
}

fn moment(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn expiry(inputs: &PlanInputs<'_>) -> Result<String, PlanFlowError> {
    let length = SignedDuration::from_hours(i64::from(inputs.valid_days) * 24);
    let end =
        inputs.now.checked_add(length).map_err(|_| PlanFlowError::Validity { days: inputs.valid_days })?;
    Ok(moment(end))
}

/// What is known to run, where several sources speak: per package the most direct one.
fn installed(inputs: &PlanInputs<'_>, upstream: &crate::catalog::Catalog) -> Vec<InstalledOperator> {
    let report = inputs.report.map(|report| report.installed.as_slice()).unwrap_or_default();
    let mut all: BTreeSet<InstalledOperator> = BTreeSet::new();
    let mut spoken: BTreeSet<&str> = BTreeSet::new();
    for source in [inputs.named, inputs.dumped, report] {
        let mut here: BTreeSet<&str> = BTreeSet::new();
        for operator in source {
            let package = upstream.packages.values().find(|package| crate::plan::belongs(package, operator));
            if let Some(package) = package {
                if spoken.contains(package.name.as_str()) {
                    continue;
                }
                here.insert(&package.name);
            }
            all.insert(operator.clone());
        }
        spoken.extend(here);
    }
    // What was named by hand has no channel; what the cluster said of the same CSV does.
    let channel = |named: &InstalledOperator| {
        let mut others = inputs.dumped.iter().chain(report).filter(|other| other.name == named.name);
        others.find_map(|other| other.channel.clone())
    };
    all.into_iter()
        .map(|operator| {
            let channel = operator.channel.clone().or_else(|| channel(&operator));
            InstalledOperator { channel, ..operator }
        })
        .collect()
}
