//! Which releases travel: what the request names, and the way from what runs.

use std::collections::{BTreeMap, BTreeSet};

use crate::fault::AnyFault;
use crate::finding::{Finding, has_errors};
use crate::flow::plan::{PlanFlowError, PlanInputs, Planner};
use crate::flow::release::{GraphRequest, graph, unknown_risks};
use crate::imageset::{PlatformRequest, Request};
use crate::oci::Platform;
use crate::reference::{ImageRef, PinnedRef};
use crate::registry::Target;
use crate::release::{
    Architecture, ChannelRequest, Minor, NoReleasePath, PathRequest, ReleaseChannel, ReleasePath,
    UpdateGraph, select,
};
use crate::version::Version;

/// A release that shall travel.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// Its version; nothing where only its image was named.
    pub(super) version: Option<Version>,
    /// For which machines, where that is known.
    pub(super) architecture: Option<Architecture>,
    /// Its image.
    pub(super) image: PinnedRef,
    /// Why.
    pub(super) reasons: Vec<String>,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// Every release that shall travel.
    pub(super) wanted: Vec<Wanted>,
    /// The way of the cluster through them: that for the first architecture.
    pub(super) path: Option<ReleasePath>,
    /// The release that runs, where the graph knows its image.
    pub(super) start: Option<Wanted>,
    pub(super) findings: Vec<Finding>,
}

/// Asks the update graph.
pub(super) fn find(
    planner: &Planner<'_>,
    request: &Request,
    inputs: &PlanInputs<'_>,
) -> Result<Way, AnyFault> {
    let mut way = Way::default();
    let asked = request.platform.as_ref();
    if let Some(image) = asked.and_then(|asked| asked.release.as_ref()) {
        way.wanted.push(named(planner, image)?);
    }
    let channels = asked.map(|asked| asked.channels.as_slice()).unwrap_or_default();
    if channels.is_empty() && inputs.releases.to.is_none() {
        return Ok(way);
    }
    let mut each = Vec::new();
    for architecture in architectures(asked, inputs) {
        each.push((architecture, Search { planner, inputs, channels, architecture }.run()?));
    }
    way.findings = told(&each);
    way.findings.extend(differing(&each));
    way.wanted.extend(each.iter().flat_map(|(_, own)| own.wanted.iter().cloned()));
    // A cluster has one architecture: the first that is named.
    if let Some((_, first)) = each.into_iter().next() {
        (way.path, way.start) = (first.path, first.start);
    }
    Ok(way)
}

/// The findings of each architecture; what is so for all of them is told once.
fn told(each: &[(Architecture, Way)]) -> Vec<Finding> {
    let common = |finding: &Finding| each.iter().all(|(_, own)| own.findings.contains(finding));
    let named = |architecture: &Architecture, finding: &Finding| Finding {
        message: format!("for {architecture}: {}", finding.message),
        ..finding.clone()
    };
    let mut findings = Vec::new();
    for (architecture, own) in each {
        let own = own.findings.iter();
        let told = own.map(|one| if common(one) { one.clone() } else { named(architecture, one) });
        findings.extend(told.filter(|one| !findings.contains(one)).collect::<Vec<_>>());
    }
    findings
}

/// Clusters of one site for different machines may have to go different ways. The plan is made for the first.
fn differing(each: &[(Architecture, Way)]) -> Vec<Finding> {
    let hops =
        |path: &ReleasePath| path.hops.iter().map(|hop| hop.version.as_str()).collect::<Vec<_>>().join(" → ");
    let mut ways =
        each.iter().filter_map(|(architecture, own)| Some((architecture, hops(own.path.as_ref()?))));
    let Some((first, planned)) = ways.next() else { return Vec::new() };
    let others = ways.filter(|(_, other)| *other != planned);
    others
        .map(|(architecture, other)| {
            let message = format!(
                "its way is {other}; order and runbook follow that for {first}, which is {planned}"
            );
            let hint = format!(
                "all of these releases travel; lead a cluster of {architecture} by `ombundle release path --arch {architecture}`, or plan \
                 for it alone with `--arch {architecture}`"
            );
            Finding::warning("RELEASE_WAYS_DIFFER", format!("releases for {architecture}"), message).hint(hint)
        })
        .collect()
}

/// The release of an image that was named.
fn named(planner: &Planner<'_>, image: &ImageRef) -> Result<Wanted, AnyFault> {
    let missing = || PlanFlowError::NoRelease { image: image.to_string() };
    let target = Target::of(image).ok_or_else(missing)?;
    let root = planner.upstream.manifest(&image.repository, &target)?.ok_or_else(missing)?;
    let reasons = vec![format!("the request names {image}")];
    Ok(Wanted { version: None, architecture: None, image: image.repository.pin(root.digest()), reasons })
}

/// What was asked for, else what the site's nodes are: of several kinds the release for all of them.
fn architectures(asked: Option<&PlatformRequest>, inputs: &PlanInputs<'_>) -> Vec<Architecture> {
    if let Some(architecture) = inputs.releases.architecture {
        return vec![architecture];
    }
    if let Some(asked) = asked.filter(|asked| !asked.architectures.is_empty()) {
        return asked.architectures.clone();
    }
    let nodes: BTreeSet<&str> = inputs
        .site
        .map(|site| site.spec.platforms.as_slice())
        .unwrap_or_default()
        .iter()
        .map(Platform::architecture)
        .collect();
    let mut nodes = nodes.into_iter();
    vec![match (nodes.next(), nodes.next()) {
        (Some(one), None) => one.parse().unwrap_or_default(),
        (Some(_), Some(_)) => Architecture::Multi,
        (None, _) => Architecture::default(),
    }]
}

/// The search in the graph of one architecture.
struct Search<'s> {
    planner: &'s Planner<'s>,
    inputs: &'s PlanInputs<'s>,
    channels: &'s [ChannelRequest],
    architecture: Architecture,
}

impl Search<'_> {
    fn run(&self) -> Result<Way, AnyFault> {
        let inputs = &self.inputs.releases;
        let channels = self.asked_channels();
        let request =
            GraphRequest { sources: &inputs.graph, channels: &channels, architecture: self.architecture };
        let (graph, findings) = graph(&request, self.planner.upstream.client, self.planner.limits)?;
        let mut way = Way { findings, ..Way::default() };
        if has_errors(&way.findings) {
            return Ok(way);
        }
        way.findings.extend(unknown_risks(&graph, &inputs.accepted));
        let mut found: BTreeMap<Version, Vec<String>> = BTreeMap::new();
        let selection = select(&graph, self.channels, &inputs.accepted, self.planner.limits);
        way.findings.extend(selection.findings);
        for selected in selection.releases {
            found.entry(selected.version).or_default().extend(selected.reasons);
        }
        self.walk(&graph, &mut found, &mut way);
        for (version, reasons) in found {
            match self.wanted(&graph, &version, reasons) {
                Ok(wanted) => way.wanted.push(wanted),
                Err(finding) => way.findings.push(finding),
            }
        }
        Ok(way)
    }

    /// The way from what runs to the target, else to the highest release that was asked for.
    fn walk(&self, graph: &UpdateGraph, found: &mut BTreeMap<Version, Vec<String>>, way: &mut Way) {
        let inputs = &self.inputs.releases;
        let Some(to) = inputs.to.clone().or_else(|| found.keys().next_back().cloned()) else { return };
        let Some(from) = &inputs.from else {
            found.entry(to).or_insert_with(|| vec!["asked for".to_owned()]);
            let message =
                "nobody said which release runs, so no way from there is planned and none is checked";
            let hint = "name it with `--from-release`, or give a dump: `oc get clusterversion -o json`";
            way.findings.push(Finding::warning("RELEASE_START_UNKNOWN", "releases", message).hint(hint));
            return;
        };
        let channel = self.channel_of(&to);
        let request =
            PathRequest { from, to: Some(&to), channel: channel.as_ref(), accepted: &inputs.accepted };
        let refused = |why: Box<NoReleasePath>, way: &mut Way| {
            way.findings.extend(why.findings());
            why.path().cloned()
        };
        let path = match graph.path(&request, self.planner.limits) {
            Ok(path) => Some(path),
            Err(why) => refused(why, way),
        };
        let Some(path) = path else { return };
        for hop in &path.hops {
            if let Ok(version) = Version::parse(&hop.version) {
                found.entry(version).or_default().insert(0, hop.reason.clone());
            }
        }
        way.start = self.wanted(graph, from, vec!["it runs".to_owned()]).ok();
        way.path = Some(path);
    }

    fn wanted(
        &self,
        graph: &UpdateGraph,
        version: &Version,
        reasons: Vec<String>,
    ) -> Result<Wanted, Finding> {
        let image = graph.release(version).and_then(|release| release.payload.clone()).ok_or_else(|| {
            let message = format!("the update graph does not know the image of {version}");
            let hint = "ask the update service, or give a stored reply of it with `--graph`";
            Finding::error("RELEASE_NO_IMAGE", format!("release {version}"), message).hint(hint)
        })?;
        Ok(Wanted { version: Some(version.clone()), architecture: Some(self.architecture), image, reasons })
    }

    /// The channels to ask for: those of the request, and those that lead there from what runs.
    fn asked_channels(&self) -> Vec<ReleaseChannel> {
        let inputs = &self.inputs.releases;
        let own = self.channels.iter().map(|request| &request.channel).cloned();
        let direct = inputs.to.as_ref().and_then(|to| self.channel_of(to));
        let mut all: Vec<ReleaseChannel> = Vec::new();
        for channel in own.chain(direct) {
            let leading = match &inputs.from {
                Some(from) => channel.since(from),
                None => vec![channel],
            };
            all.extend(leading.into_iter().filter(|one| !all.contains(one)).collect::<Vec<_>>());
        }
        all
    }

    /// The channel in which the cluster reaches a version: the one that was named, else one of the request that leads to its minor
    /// release, else the stable one.
    fn channel_of(&self, to: &Version) -> Option<ReleaseChannel> {
        let minor = Minor::of(to);
        let named = self.inputs.releases.channel.clone();
        let mut own = self.channels.iter().map(|request| &request.channel);
        let own = || own.find(|channel| channel.minor() == Some(minor)).cloned();
        named.or_else(own).or_else(|| Some(ReleaseChannel::stable(minor)))
    }
}
