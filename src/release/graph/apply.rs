//! Graph data applied to a graph, as the update service does it: edges are amended, then blocked, then channels are named.
//!
//! Cincinnati's `openshift-secondary-metadata-parse` and `edge-add-remove` plugins are the model. One thing is stricter here: they
//! keep only the last of several expressions that block edges to one release, here all of them count.

use std::collections::{BTreeMap, BTreeSet};

use super::builder::GraphBuilder;
use super::data::{BlockedEdge, GraphData};
use crate::finding::{Finding, nearest};
use crate::release::channel::ReleaseChannel;
use crate::version::Version;

impl GraphBuilder<'_> {
    /// Applies the graph data, if there is some.
    pub(super) fn apply_graph_data(&mut self, channels: &[ReleaseChannel]) {
        let Some(data) = self.data.take() else { return };
        self.amend(&data);
        let mut before: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (from, to) in self.edges.keys() {
            before.entry(*to).or_default().push(*from);
        }
        for blocked in &data.blocked {
            self.block(blocked, &before);
        }
        self.name_channels(&data, channels);
        self.data = Some(data);
    }

    /// The releases that a name in graph data means here: the version itself; one with an architecture is meant for that
    /// architecture only.
    fn meant(&self, name: &Version) -> Option<usize> {
        if let Some(number) = self.numbers.get(name) {
            return Some(*number);
        }
        let (plain, architecture) = name.as_str().split_once('+')?;
        let plain = Version::parse(plain).ok().filter(|_| architecture == self.architecture.as_str())?;
        self.numbers.get(&plain).copied()
    }

    /// Additions come before removals, so that what is removed stays so.
    fn amend(&mut self, data: &GraphData) {
        let mut removed = BTreeSet::new();
        for (version, key, value) in &data.amendments {
            let Some(number) = self.meant(version) else { continue };
            let named: Vec<usize> = value
                .split(',')
                .filter_map(|name| Version::parse(name.trim()).ok())
                .filter_map(|name| self.meant(&name))
                .collect();
            match key.as_str() {
                "previous.add" => {
                    for from in named {
                        self.edge(from, number, &[]);
                    }
                }
                "next.add" => {
                    for to in named {
                        self.edge(number, to, &[]);
                    }
                }
                "previous.remove" if value.trim() == "*" => {
                    removed.extend(self.edges.keys().filter(|(_, to)| *to == number));
                }
                "previous.remove" => removed.extend(named.iter().map(|from| (*from, number))),
                "next.remove" => removed.extend(named.iter().map(|to| (number, *to))),
                _ => {}
            }
        }
        self.edges.retain(|ends, _| !removed.contains(ends));
    }

    fn block(&mut self, blocked: &BlockedEdge, before: &BTreeMap<usize, Vec<usize>>) {
        let Some(to) = self.meant(&blocked.to) else { return };
        let matches = |from: &&usize| {
            let named =
                |release: &super::model::Release| format!("{}+{}", release.version, self.architecture);
            self.releases.get(**from).is_some_and(|release| blocked.from.is_match(&named(release)))
        };
        let concerned: Vec<usize> = before.get(&to).into_iter().flatten().filter(matches).copied().collect();
        match &blocked.risk {
            None => {
                for from in concerned {
                    self.forbid(from, to);
                }
            }
            Some(risk) => {
                let risk = self.risk(risk.clone());
                for from in concerned {
                    self.edge(from, to, &[risk]);
                    if let Some(draft) = self.edges.get_mut(&(from, to)) {
                        // That is what the file is for; only a contradiction between replies is worth a word.
                        draft.unconditional = false;
                    }
                }
            }
        }
    }

    fn name_channels(&mut self, data: &GraphData, wanted: &[ReleaseChannel]) {
        for (channel, versions) in &data.channels {
            let held: Vec<usize> = versions.iter().filter_map(|version| self.meant(version)).collect();
            for number in held {
                if let Some(release) = self.releases.get_mut(number) {
                    release.channels.insert(channel.clone());
                }
            }
        }
        for channel in wanted {
            let name = channel.as_str();
            let Some(versions) = data.channels.get(name) else {
                let near = nearest(name, data.channels.keys().map(String::as_str)).join(" or ");
                let hint = if near.is_empty() { String::new() } else { format!("did you mean {near}?") };
                let message = format!("the graph data has no channel {name}");
                let finding = Finding::error("GRAPH_CHANNEL", name, message);
                self.findings.push(finding.hint(hint).at(&data.name, None));
                continue;
            };
            let unknown = versions.iter().filter(|version| self.meant(version).is_none()).count();
            if unknown > 0 && !self.releases.is_empty() {
                let message = format!(
                    "of {} releases in channel {name}, {unknown} are known by their version only: no edge leads to or from them",
                    versions.len()
                );
                let hint = "add their metadata, or a reply of the update service that has them";
                self.findings.push(Finding::info("GRAPH_NO_METADATA", name, message).hint(hint));
            }
        }
    }
}
