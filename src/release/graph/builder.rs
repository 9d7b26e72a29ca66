//! Puts a graph together from all that is known of it.

use std::collections::{BTreeMap, BTreeSet};

use super::check;
use super::data::GraphData;
use super::findings::Findings;
use super::model::{Edge, Release, Risk, UpdateGraph};
use super::tarball;
use crate::fault::Fault as _;
use crate::finding::Finding;
use crate::limits::Limits;
use crate::release::architecture::Architecture;
use crate::release::channel::ReleaseChannel;
use crate::release::metadata::ReleaseMetadata;
use crate::version::Version;

/// Collects replies of the update service, releases' metadata and a graph-data folder, and makes one graph of them.
///
/// An edge that is unconditional in one place and conditional in another is conditional: the cluster-version operator
/// decides so within one reply (`pkg/cincinnati`), and real replies have such edges.
///
/// A graph-data folder says which releases are in a channel and which edges are blocked. It does not say which edges there
/// are: that stands in the metadata of each release, or in a reply.
#[derive(Debug)]
pub struct GraphBuilder<'l> {
    pub(super) limits: &'l Limits,
    pub(super) architecture: Architecture,
    pub(super) releases: Vec<Release>,
    pub(super) numbers: BTreeMap<Version, usize>,
    pub(super) edges: BTreeMap<(usize, usize), Draft>,
    pub(super) data: Option<GraphData>,
    pub(super) findings: Findings,
    /// Releases that were left out because they are for another architecture.
    pub(super) elsewhere: usize,
    metadata: Vec<(usize, ReleaseMetadata)>,
    risks: BTreeMap<Risk, usize>,
    /// Edges, each counted as often as it has risks.
    weight: usize,
    too_many: bool,
}

/// An edge while the graph is put together.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// It stood somewhere without conditions.
    pub(super) unconditional: bool,
    /// It stood somewhere with these.
    pub(super) risks: BTreeSet<usize>,
    /// It must not be taken.
    pub(super) forbidden: bool,
}

impl<'l> GraphBuilder<'l> {
    /// Begins a graph for one architecture.
    pub fn new(architecture: Architecture, limits: &'l Limits) -> Self {
        Self {
            limits,
            architecture,
            releases: Vec::new(),
            numbers: BTreeMap::new(),
            edges: BTreeMap::new(),
            data: None,
            findings: Findings::default(),
            elsewhere: 0,
            metadata: Vec::new(),
            risks: BTreeMap::new(),
            weight: 0,
            too_many: false,
        }
    }

    /// Takes in a file, whatever it is: a reply, the metadata of a release or a list of it, a graph-data tarball.
    pub fn file(&mut self, name: &str, bytes: &[u8]) {
        if tarball::is_one(bytes) {
            match tarball::unpack(bytes, self.limits) {
                Ok(files) => self.graph_data(name, &files),
                Err(why) => self.findings.push(
                    Finding::error("GRAPH_DATA_TARBALL", "graph data", why)
                        .hint("fetch it again, or unpack it and name the folder")
                        .at(name, None),
                ),
            }
            return;
        }
        if bytes.len() as u64 > self.limits.graph_bytes {
            return self.refuse_more(name);
        }
        match ReleaseMetadata::parse_all(bytes) {
            Some(Ok(all)) => {
                for (at, metadata) in all.into_iter().enumerate() {
                    self.described(name, &format!("[{at}]"), metadata);
                }
            }
            Some(Err(error)) => {
                let hint = error.hint().unwrap_or_default();
                let finding = Finding::error("GRAPH_METADATA", "metadata", error).hint(hint);
                self.findings.push(finding.at(name, None));
            }
            None => self.reply(name, bytes),
        }
    }

    /// Takes in a graph-data folder: its files by path.
    pub fn graph_data(&mut self, name: &str, files: &[(String, Vec<u8>)]) {
        let (data, findings) = GraphData::parse(name, files, self.limits);
        self.findings.extend(findings);
        if self.data.is_some() {
            let message = "there is another graph-data folder already; this one is not used";
            self.findings.push(
                Finding::error("GRAPH_DATA_TWICE", "graph data", message).hint("name one").at(name, None),
            );
            return;
        }
        self.data = Some(data);
    }

    /// Takes in what a release says of itself.
    pub fn metadata(&mut self, metadata: ReleaseMetadata) {
        self.described("release metadata", &metadata.version.to_string(), metadata);
    }

    fn described(&mut self, name: &str, subject: &str, metadata: ReleaseMetadata) {
        let release = Release {
            version: metadata.version.clone(),
            payload: metadata.payload.clone(),
            channels: BTreeSet::new(),
            url: metadata.url.clone(),
        };
        if let Some(number) = self.release(name, subject, release) {
            self.metadata.push((number, metadata));
        }
    }

    /// The number of a release, new or known.
    pub(super) fn release(&mut self, name: &str, subject: &str, release: Release) -> Option<usize> {
        let Some(known) = self.numbers.get(&release.version).copied() else {
            if self.releases.len() >= self.limits.graph_releases {
                self.refuse_more(name);
                return None;
            }
            let number = self.releases.len();
            self.numbers.insert(release.version.clone(), number);
            self.releases.push(release);
            return Some(number);
        };
        let mine = self.releases.get_mut(known)?;
        match (&mine.payload, &release.payload) {
            (Some(here), Some(there)) if here != there => {
                let message = format!("{} has two payloads: {here} and {there}", release.version);
                let hint = "the graphs do not fit together: are they for the same architecture?";
                let finding = Finding::error("GRAPH_TWO_PAYLOADS", subject, message);
                self.findings.push(finding.hint(hint).at(name, None));
                return None;
            }
            (None, Some(_)) => mine.payload = release.payload,
            _ => {}
        }
        mine.channels.extend(release.channels);
        mine.url = mine.url.take().or(release.url);
        Some(known)
    }

    pub(super) fn risk(&mut self, risk: Risk) -> usize {
        let next = self.risks.len();
        *self.risks.entry(risk).or_insert(next)
    }

    /// Adds an edge, with the risks that make it conditional.
    pub(super) fn edge(&mut self, from: usize, to: usize, risks: &[usize]) {
        self.weight = self.weight.saturating_add(risks.len().max(1));
        if self.weight > self.limits.graph_edges {
            return self.refuse_more("graph");
        }
        let draft = self.edges.entry((from, to)).or_default();
        draft.unconditional |= risks.is_empty();
        draft.risks.extend(risks);
    }

    /// Takes an edge out, whatever else is said of it.
    pub(super) fn forbid(&mut self, from: usize, to: usize) {
        self.edges.entry((from, to)).or_default().forbidden = true;
    }

    pub(super) fn refuse_more(&mut self, name: &str) {
        if !std::mem::replace(&mut self.too_many, true) {
            let message = format!(
                "it has more than {} bytes, {} releases or {} edges",
                self.limits.graph_bytes, self.limits.graph_releases, self.limits.graph_edges
            );
            self.findings.push(
                Finding::error("GRAPH_TOO_LARGE", "graph", message)
                    .hint("the whole graph of OpenShift has some 1,100 releases and 20,000 edges")
                    .at(name, None),
            );
        }
    }

    /// Makes the graph of the releases in these channels, or of all releases where none is named. What is wrong with it is in the
    /// findings: with an error among them it must not be used.
    pub fn finish(mut self, channels: &[ReleaseChannel]) -> (UpdateGraph, Vec<Finding>) {
        self.link_metadata();
        self.apply_graph_data(channels);
        let kept = self.kept(channels);
        check::edges(&self.releases, &mut self.edges, &mut self.findings);
        self.look_for_content(&kept, channels);
        let graph = self.assemble(&kept);
        (graph, self.findings.into_findings())
    }

    /// Edges from what releases say of their neighbours. A neighbour that is not here says nothing: it may be retired.
    fn link_metadata(&mut self) {
        for (number, metadata) in std::mem::take(&mut self.metadata) {
            let known = |version: &Version| self.numbers.get(version).copied();
            let before: Vec<usize> = metadata.previous.iter().filter_map(known).collect();
            let after: Vec<usize> = metadata.next.iter().filter_map(known).collect();
            for from in before {
                self.edge(from, number, &[]);
            }
            for to in after {
                self.edge(number, to, &[]);
            }
        }
    }

    /// Which releases are in the channels.
    fn kept(&self, channels: &[ReleaseChannel]) -> Vec<bool> {
        let named = |release: &Release| {
            channels.iter().any(|channel| release.channels.contains(channel.as_str()))
                || (release.channels.is_empty() && self.data.is_none())
        };
        self.releases.iter().map(|release| channels.is_empty() || named(release)).collect()
    }

    /// Says why there is nothing to go by, where there is nothing.
    fn look_for_content(&mut self, kept: &[bool], channels: &[ReleaseChannel]) {
        let names = channels.iter().map(ReleaseChannel::as_str).collect::<Vec<_>>().join(", ");
        let (code, message, hint) = if self.releases.is_empty() && self.elsewhere > 0 {
            (
                "GRAPH_ARCHITECTURE",
                format!("none of the {} releases is for {}", self.elsewhere, self.architecture),
                "ask for another architecture with `--arch`".to_owned(),
            )
        } else if self.releases.is_empty() && self.data.is_some() {
            (
                "GRAPH_NO_EDGES",
                "graph data says which releases are in a channel and which edges are blocked, and not which edges there are"
                    .to_owned(),
                "add a reply of the update service, or the metadata of the releases".to_owned(),
            )
        } else if self.releases.is_empty() {
            let hint =
                "does the channel exist? They are stable-, fast-, candidate- and, for even minors, eus-4.y";
            ("GRAPH_EMPTY", "there is no release in it".to_owned(), hint.to_owned())
        } else if !kept.contains(&true) {
            let all: BTreeSet<&str> =
                self.releases.iter().flat_map(|release| &release.channels).map(String::as_str).collect();
            let some = all.into_iter().take(12).collect::<Vec<_>>().join(", ");
            ("GRAPH_CHANNEL", format!("no release of it is in {names}"), format!("it has {some}"))
        } else {
            return;
        };
        self.findings.push(Finding::error(code, "graph", message).hint(hint));
    }

    fn assemble(&mut self, kept: &[bool]) -> UpdateGraph {
        let wanted = |(number, _): &(usize, Release)| kept.get(*number) == Some(&true);
        let mut releases: Vec<(usize, Release)> =
            std::mem::take(&mut self.releases).into_iter().enumerate().filter(wanted).collect();
        releases.sort_by(|(_, a), (_, b)| a.version.cmp(&b.version));
        let place: BTreeMap<usize, usize> =
            releases.iter().enumerate().map(|(place, (number, _))| (*number, place)).collect();
        // Risks come in the order of the map, which is that of their names.
        let rank: BTreeMap<usize, usize> =
            self.risks.values().enumerate().map(|(rank, number)| (*number, rank)).collect();
        let mut edges: Vec<Vec<Edge>> = vec![Vec::new(); releases.len()];
        let mut used = BTreeSet::new();
        for ((from, to), draft) in std::mem::take(&mut self.edges) {
            let (Some(from), Some(to)) = (place.get(&from), place.get(&to)) else { continue };
            let mut risks: Vec<usize> =
                draft.risks.iter().filter_map(|risk| rank.get(risk).copied()).collect();
            risks.sort_unstable();
            used.extend(risks.iter().copied());
            if let Some(list) = edges.get_mut(*from) {
                list.push(Edge { to: *to, risks });
            }
        }
        // Only risks of edges that are left stay.
        let left: BTreeMap<usize, usize> = used.iter().enumerate().map(|(new, old)| (*old, new)).collect();
        for risk in edges.iter_mut().flatten().flat_map(|edge| &mut edge.risks) {
            *risk = left.get(risk).copied().unwrap_or_default();
        }
        let risks = std::mem::take(&mut self.risks).into_keys().enumerate();
        let risks = risks.filter(|(rank, _)| used.contains(rank)).map(|(_, risk)| risk).collect();
        let releases = releases.into_iter().map(|(_, release)| release).collect();
        UpdateGraph::new(self.architecture, releases, edges, risks)
    }
}
