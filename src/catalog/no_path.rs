//! Why there is no way: what each channel would need to have below its lowest entry.

use super::graph::{UpgradeGraph, WalkRule};
use super::path::Start;
use crate::finding::Finding;

/// No way from the start to the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoPath {
    /// The package.
    pub package: String,
    /// What runs.
    pub from: Start,
    /// What was wanted; `None` where the package has no head to want.
    pub to: Option<String>,
    /// Whether what runs is newer than what was wanted.
    pub backwards: bool,
    /// What each channel lacks, by name of the channel.
    pub gaps: Vec<ChannelGap>,
}

/// What one channel lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelGap {
    /// The channel.
    pub channel: String,
    /// Its lowest entry on the chain.
    pub tail: Option<String>,
    /// What that entry replaces and the channel has not got: the missing intermediate.
    pub missing: Option<String>,
    /// The lowest entry that OLM may choose, and the names that it takes the place of: one of them would do.
    pub lowest: Option<(String, Vec<String>)>,
    /// Entries that OLM may choose with ranges that begin above the start, lowest bound first: an intermediate from there on would do.
    pub bounds: Vec<Bound>,
    /// What keeps OLM from using the channel at all.
    pub broken: Option<String>,
}

/// A range that begins above the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The lowest version that it accepts.
    pub lowest: crate::version::Version,
    /// The entry.
    pub entry: String,
    /// Its skipRange.
    pub range: String,
}

impl ChannelGap {
    pub(super) fn of(channel: &str, graph: &UpgradeGraph<'_>, start: &Start) -> Self {
        let tail = graph
            .walk(WalkRule::ThroughSkipped)
            .and_then(|walk| walk.names.last().copied())
            .and_then(|name| graph.entry(name));
        let missing = tail.and_then(|tail| graph.replaces(tail)).filter(|name| graph.entry(name).is_none());
        let mut bounds: Vec<Bound> = graph
            .chain()
            .into_iter()
            .filter_map(|entry| Some((entry, graph.range(entry)?)))
            .filter_map(|(entry, range)| {
                let lowest = range.lower_bounds().min_by(|a, b| a.precedence(b))?;
                lowest.precedence(&start.version).is_gt().then(|| Bound {
                    lowest: lowest.clone(),
                    entry: entry.name.clone(),
                    range: range.to_string(),
                })
            })
            .collect();
        bounds.sort_by(|a, b| a.lowest.cmp(&b.lowest));
        bounds.dedup_by(|later, first| later.lowest == first.lowest);
        let lowest = graph.chain().last().map(|entry| {
            let names = graph.replaces(entry).into_iter().chain(entry.skips.iter().map(String::as_str));
            let names: std::collections::BTreeSet<&str> = names.collect();
            (entry.name.clone(), names.into_iter().map(str::to_owned).collect())
        });
        Self {
            lowest,
            channel: channel.to_owned(),
            tail: tail.map(|entry| entry.name.clone()),
            missing: missing.map(str::to_owned),
            bounds,
            broken: graph.problems().first().filter(|_| graph.chain().is_empty()).map(ToString::to_string),
        }
    }

    fn explain(&self) -> String {
        let channel = &self.channel;
        if let Some(broken) = &self.broken {
            return format!("channel `{channel}` cannot be used: {broken}");
        }
        let Some((lowest, accepted)) = &self.lowest else {
            return format!("channel `{channel}` offers nothing");
        };
        let accepted = match accepted.as_slice() {
            [] => "nothing".to_owned(),
            [one] => format!("`{one}`"),
            many => format!("{} ({} names)", listed(many), many.len()),
        };
        let lowest = format!(
            "the lowest that channel `{channel}` offers is `{lowest}`, which takes the place of {accepted}"
        );
        let missing = self.missing.as_ref().map(|missing| format!("`{missing}` is not in the channel"));
        let bound = self
            .bounds
            .first()
            .map(|Bound { lowest, entry, range }| format!("`{entry}` takes {lowest} and later (`{range}`)"));
        [Some(lowest), missing, bound].into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

/// The first few names.
fn listed(names: &[String]) -> String {
    let few: Vec<String> = names.iter().take(3).map(|name| format!("`{name}`")).collect();
    if names.len() > few.len() { format!("{} and others", few.join(", ")) } else { few.join(", ") }
}

impl NoPath {
    /// The names of missing intermediates, each once.
    pub fn missing(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.gaps.iter().filter_map(|gap| gap.missing.as_deref()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The same as a finding.
    pub fn finding(&self) -> Finding {
        let subject = format!("package {}", self.package);
        let to = self.to.as_ref().map_or("any head".to_owned(), |to| format!("`{to}`"));
        if self.backwards {
            let message =
                format!("`{}` is newer than {to}, and OLM goes to no older version", self.from.name);
            let hint = "take a catalog that has what runs, or a newer one";
            return Finding::error("NO_PATH", subject, message).hint(hint);
        }
        let gaps: Vec<String> = self.gaps.iter().map(ChannelGap::explain).collect();
        Finding::error(
            "NO_PATH",
            subject,
            format!("this catalog has no way from `{}` to {to}: {}", self.from.name, gaps.join(". ")),
        )
        .hint(
            "take the missing intermediate versions from an older catalog, or give the way explicitly where a bundle's \
             own CSV shows it",
        )
    }
}
