//! What the items of a request ask for, package by package, checked against the catalog.

use std::collections::BTreeMap;

use super::Selector;
use crate::catalog::Package;
use crate::finding::{Finding, nearest};
use crate::imageset::{OperatorsRequest, PackageRequest, Selection};
use crate::version::Version;

/// What all items together ask of one package.
#[derive(Debug, Clone, Default)]
pub(super) struct Ask {
    /// The line of the first item.
    pub(super) line: u64,
    /// The default channel, where another is wished.
    pub(super) default_channel: Option<String>,
    /// The channels that were listed, with what is selected of each; none when none were listed.
    pub(super) channels: BTreeMap<String, Vec<Selection>>,
    /// What is selected of channels that were not listed.
    pub(super) selections: Vec<Selection>,
    /// Whole channels.
    pub(super) full: bool,
    /// Required packages are left out.
    pub(super) alone: bool,
}

/// All of a catalog's items, by package.
#[derive(Debug, Default)]
pub(super) struct Asks {
    pub(super) by_package: BTreeMap<String, Ask>,
    pub(super) findings: Vec<Finding>,
}

/// How many names a finding lists at most.
const LISTED: usize = 12;

impl Ask {
    /// Takes the items of one catalog together; unknown packages and channels are findings.
    pub(super) fn collect(selector: &Selector<'_>, items: &[&OperatorsRequest]) -> Asks {
        let mut asks = Asks::default();
        for item in items {
            if item.packages.is_empty() {
                for name in selector.catalog.packages.keys() {
                    asks.add(name, item, &whole(item, name));
                }
            }
            for wanted in &item.packages {
                match selector.catalog.packages.get(&wanted.name) {
                    Some(package) => {
                        asks.check(selector, package, wanted);
                        asks.add(&wanted.name, item, wanted);
                    }
                    None => asks.findings.push(unknown_package(selector, wanted)),
                }
            }
        }
        asks
    }
}

impl Asks {
    fn add(&mut self, name: &str, item: &OperatorsRequest, wanted: &PackageRequest) {
        let ask = self.by_package.entry(name.to_owned()).or_insert_with(|| Ask {
            line: wanted.line,
            alone: true,
            ..Ask::default()
        });
        ask.default_channel = ask.default_channel.take().or_else(|| wanted.default_channel.clone());
        ask.full |= item.full;
        ask.alone &= item.skip_dependencies;
        if wanted.channels.is_empty() {
            push_new(&mut ask.selections, &wanted.selection);
        }
        for channel in &wanted.channels {
            let selections = ask.channels.entry(channel.name.clone()).or_default();
            for selection in &channel.selections {
                // The package's range is that of each channel that has none.
                let own = if *selection == Selection::Head { &wanted.selection } else { selection };
                push_new(selections, own);
            }
        }
    }

    fn check(&mut self, selector: &Selector<'_>, package: &Package, wanted: &PackageRequest) {
        let channels = || package.channels.keys().map(String::as_str);
        let subject = format!("package {}", package.name);
        let unknown = |name: &str, what: &str, line| {
            let near = nearest(name, channels());
            let message = format!("the package has no channel `{name}`{what}; it has {}", list(channels()));
            let hint = near.first().map(|name| format!("did you mean `{name}`?")).unwrap_or_default();
            Finding::error("ISC_UNKNOWN_CHANNEL", &subject, message).hint(hint).at(selector.file, Some(line))
        };
        for channel in &wanted.channels {
            if !package.channels.contains_key(&channel.name) {
                self.findings.push(unknown(&channel.name, "", channel.line));
            }
        }
        self.findings.extend(beyond(selector, package, wanted));
        if let Some(default) = &wanted.default_channel
            && !package.channels.contains_key(default)
        {
            self.findings.push(unknown(default, " to be the default", wanted.line));
        }
    }
}

/// Bounds that lie outside of all that there is: they hold nothing back today, and may be meant for another channel.
fn beyond(selector: &Selector<'_>, package: &Package, wanted: &PackageRequest) -> Vec<Finding> {
    let listed = wanted.channels.iter().map(|channel| &channel.name);
    let kept: Vec<&String> =
        if wanted.channels.is_empty() { package.channels.keys().collect() } else { listed.collect() };
    let of_package = (kept, wanted.line, std::slice::from_ref(&wanted.selection));
    let mut findings = Vec::new();
    let channels = wanted.channels.iter();
    let own = channels.map(|channel| (vec![&channel.name], channel.line, channel.selections.as_slice()));
    for (names, line, selections) in own.chain([of_package]) {
        let entries = names.iter().filter_map(|name| package.channels.get(*name)).flat_map(|it| &it.entries);
        let versions = entries.filter_map(|entry| Some(&package.bundles.get(&entry.name)?.version));
        let mut versions: Vec<&Version> = versions.collect();
        versions.sort_by(|a, b| a.precedence(b));
        let (Some(lowest), Some(highest)) = (versions.first(), versions.last()) else { continue };
        let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        let subject = format!("package {}, channel {}", package.name, names.join(", "));
        let mut tell = |message: String| {
            findings.push(Finding::info("ISC_BOUND_BEYOND", &subject, message).at(selector.file, Some(line)));
        };
        for range in selections.iter().filter_map(Selection::range) {
            // A range that holds nothing at all is an error of its own.
            if let Some(max) = range.max().filter(|max| max.precedence(highest).is_gt())
                && range.min().is_none_or(|min| min.precedence(highest).is_le())
            {
                tell(format!("`maxVersion` {max} is above all that there is; the highest is {highest}"));
            }
            if let Some(min) = range.min().filter(|min| min.precedence(lowest).is_lt())
                && range.max().is_none_or(|max| max.precedence(lowest).is_ge())
            {
                tell(format!("`minVersion` {min} is below all that there is; the lowest is {lowest}"));
            }
        }
    }
    findings
}

fn push_new(selections: &mut Vec<Selection>, selection: &Selection) {
    if !selections.contains(selection) {
        selections.push(selection.clone());
    }
}

/// The request for one package of an item that names none.
fn whole(item: &OperatorsRequest, name: &str) -> PackageRequest {
    PackageRequest {
        line: item.line,
        name: name.to_owned(),
        default_channel: None,
        selection: Selection::Head,
        channels: Vec::new(),
    }
}

fn unknown_package(selector: &Selector<'_>, wanted: &PackageRequest) -> Finding {
    let known = || selector.catalog.packages.keys().map(String::as_str);
    let near = nearest(&wanted.name, known());
    let message = format!("the catalog has no package `{}`; it has {}", wanted.name, list(known()));
    let hint = near.first().map(|name| format!("did you mean `{name}`?")).unwrap_or_default();
    let subject = format!("package {}", wanted.name);
    Finding::error("ISC_UNKNOWN_PACKAGE", subject, message).hint(hint).at(selector.file, Some(wanted.line))
}

/// `a, b, c`, cut off where it gets long.
fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.get(..LISTED) {
        _ if names.is_empty() => "none".to_owned(),
        Some(first) if names.len() > LISTED => {
            format!("{} and {} more", first.join(", "), names.len() - LISTED)
        }
        _ => names.join(", "),
    }
}
