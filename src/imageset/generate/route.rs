//! What an upgrade needs: the hops that OLM takes from what runs, as a minimum and a maximum for each channel on the way.

use std::collections::{BTreeMap, BTreeSet};

use super::Running;
use super::bounds::bounds;
use super::draft::{ChannelDraft, Noted, PackageDraft};
use super::lanes::Lanes;
use crate::catalog::{Catalog, Evidence, Hop, PathFinder, UpgradePath, csv};
use crate::finding::Finding;
use crate::text::counted;

/// The ways of one package from what runs of it.
pub(super) struct Route<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) lanes: &'a Lanes<'a>,
    /// What is to be reached, by the CSV's name or as a version; the head of each one's own channel where nothing is said.
    pub(super) to: Option<&'a str>,
    pub(super) findings: Vec<Finding>,
}

/// What one channel has to offer for all ways.
#[derive(Default)]
struct Need<'h> {
    hops: BTreeSet<&'h str>,
    /// Whether a way ends here and nothing was said about where, so that the channel stays open upwards.
    open: bool,
}

impl Route<'_> {
    /// The package as the ways need it; nothing where a finding says why not.
    pub(super) fn package(&mut self, running: &[Running]) -> Option<PackageDraft> {
        let package = self.lanes.package;
        let target = match self.to {
            None => None,
            Some(written) => match self.lanes.meant(written) {
                Some(name) => Some(name),
                None => {
                    let message = format!("`{written}` is not in the catalog");
                    let finding = Finding::error("TARGET_NOT_FOUND", self.subject(), message);
                    self.findings.push(finding.hint(self.lanes.instead_of(written)));
                    return None;
                }
            },
        };
        let evidence: Vec<Evidence> = package
            .bundles
            .values()
            .filter_map(|bundle| Some(csv::evidence(&bundle.csv()?, &bundle.package)))
            .collect();
        let finder = PathFinder::new(package, &evidence);
        let mut ways: Vec<(&Running, UpgradePath)> = Vec::new();
        for runs in running {
            match finder.plan(&runs.start, runs.channel.as_deref(), target) {
                Ok(path) => ways.push((runs, path)),
                Err(no_path) => self.findings.push(no_path.finding()),
            }
        }
        (ways.len() == running.len()).then(|| self.draft(&ways))
    }

    fn subject(&self) -> String {
        format!("package {}", self.lanes.package.name)
    }

    fn draft(&mut self, ways: &[(&Running, UpgradePath)]) -> PackageDraft {
        let mut needs: BTreeMap<&str, Need<'_>> = BTreeMap::new();
        let mut draft = PackageDraft { name: self.lanes.package.name.clone(), ..PackageDraft::default() };
        for (runs, path) in ways {
            for hop in &path.hops {
                needs.entry(&hop.channel).or_default().hops.insert(&hop.name);
            }
            needs.entry(&path.channel).or_default().open |= self.to.is_none() && !path.cut;
            draft.notes.extend(told(runs, path));
        }
        for (channel, need) in &needs {
            draft.channels.push(self.channel(channel, need));
        }
        let default = self.lanes.default();
        if !needs.contains_key(default)
            && let Some((_, path)) = ways.last()
        {
            let why = format!(
                "upstream's default, `{default}`, is not on the way, and a package needs one that is kept"
            );
            draft.default_channel = Some(Noted::new(path.channel.clone(), why));
        }
        draft
    }

    fn channel(&mut self, channel: &str, need: &Need<'_>) -> ChannelDraft {
        if need.hops.is_empty() {
            let why = "what runs is its head already";
            return ChannelDraft { name: Noted::new(channel, why), min: None, max: None };
        }
        let top = self.lanes.highest(channel, &need.hops).filter(|_| !need.open);
        let name = Noted::new(channel, format!("{} in it", counted(need.hops.len(), "hop")));
        let Some(found) = bounds(self.catalog, self.lanes, channel, &need.hops, top) else {
            return ChannelDraft { name, min: None, max: None };
        };
        self.findings.extend(found.findings);
        let first = self.lanes.lowest(channel, &need.hops).unwrap_or_default();
        let last = self.lanes.highest(channel, &need.hops).unwrap_or_default();
        ChannelDraft {
            name,
            min: found.min.map(|min| Noted::new(min.to_string(), format!("the first hop, `{first}`"))),
            max: found.max.map(|max| Noted::new(max.to_string(), format!("the last hop, `{last}`"))),
        }
    }
}

/// One way, a line for each hop.
fn told(runs: &Running, path: &UpgradePath) -> Vec<String> {
    let start = &runs.start.name;
    if path.hops.is_empty() {
        return vec![format!("`{start}` runs, and there is nothing above it in {}", path.channel)];
    }
    let step = |(number, hop): (usize, &Hop)| {
        format!("  {}. {} in {}: {}", number + 1, hop.version, hop.channel, hop.reason)
    };
    let first = format!("`{start}` runs; OLM goes to {} in {}:", path.to, path.channel);
    std::iter::once(first).chain(path.hops.iter().enumerate().map(step)).collect()
}
