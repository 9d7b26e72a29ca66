//! Which of two catalogs offers a package: production's own, or a second one beside it for what was split off.
//!
//! OLM chooses among all catalogs of a namespace, so each package is offered by one of them alone. Where both were found with
//! one, an import was broken off between its two switches; then the second one has it.

use std::collections::BTreeSet;

use crate::catalog::{Blob, Catalog, Evidence};
use crate::finding::{Finding, has_errors};
use crate::merge::{MergeOptions, MergeOutcome, MergeReport, Mode, merge};

/// One of two catalogs that a site serves side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Share {
    /// The site's own.
    First,
    /// The one beside it, for packages that a person split off.
    Second,
}

/// What is merged to become one of the two catalogs.
#[derive(Debug, Clone)]
pub struct Part {
    /// What production offers, and what comes over from the other catalog.
    base: Catalog,
    /// What arrives.
    delta: Catalog,
    options: MergeOptions,
    /// What is told about packages that come over.
    findings: Vec<Finding>,
}

/// Both catalogs of production, and what arrives.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// The site's own catalog.
    pub first: &'a Catalog,
    /// The one beside it; empty where there is none.
    pub second: &'a Catalog,
    /// What arrives.
    pub delta: &'a Catalog,
}

/// Who offers what from now on.
#[derive(Debug, Clone)]
pub struct Division {
    /// Packages of the second catalog.
    apart: BTreeSet<String>,
    /// Those of them that the first catalog has until now.
    leaving: BTreeSet<String>,
    /// Packages that the first catalog takes back.
    returning: BTreeSet<String>,
}

impl Division {
    /// Decides for what both catalogs have and for what arrives. A package stays where it is; [`Mode::Split`] takes it into the second
    /// catalog, [`Mode::Union`] and [`Mode::Replace`] take it back. Either needs the package in what arrives.
    pub fn of(pair: Pair<'_>, options: &MergeOptions) -> Self {
        let Pair { first, second, delta } = pair;
        let decided = |name: &String| options.modes.get(name).filter(|_| delta.packages.contains_key(name));
        let is_apart = |name: &String| match decided(name) {
            Some(Mode::Split) => true,
            Some(Mode::Union | Mode::Replace) => false,
            Some(Mode::Auto | Mode::KeepOld) | None => second.packages.contains_key(name),
        };
        let names = delta.packages.keys().chain(second.packages.keys());
        let apart: BTreeSet<String> = names.filter(|name| is_apart(name)).cloned().collect();
        Self {
            leaving: apart.iter().filter(|name| first.packages.contains_key(*name)).cloned().collect(),
            returning: second.packages.keys().filter(|name| !apart.contains(*name)).cloned().collect(),
            apart,
        }
    }

    /// Whether this catalog changes before the other one: what a package moves to has it before the other loses it.
    pub fn goes_first(&self, share: Share) -> bool {
        (share == Share::First) != self.returning.is_empty()
    }

    /// What becomes of one of the two catalogs.
    pub fn part(&self, share: Share, pair: Pair<'_>, options: &MergeOptions) -> Part {
        let Pair { first, second, delta } = pair;
        let (own, other) = match share {
            Share::First => (first, second),
            Share::Second => (second, first),
        };
        let ours = |name: &str| self.apart.contains(name) == (share == Share::Second);
        let mut base = own.clone();
        base.packages.retain(|name, _| ours(name));
        for (name, package) in other.packages.iter().filter(|(name, _)| ours(name)) {
            base.packages.entry(name.clone()).or_insert_with(|| package.clone());
        }
        let mut options = options.clone();
        // Only the step across is a split; from then on the package is brought forward where it is.
        options.modes.retain(|name, mode| *mode != Mode::Split || !second.packages.contains_key(name));
        options.elsewhere = offered(other, delta, |name| !ours(name));
        Part { base, delta: cut(delta, ours), options, findings: self.findings(share, second) }
    }

    fn findings(&self, share: Share, second: &Catalog) -> Vec<Finding> {
        let warning = |name: &String, code: &str, message: &str, hint: &str| {
            Finding::warning(code, format!("package {name}"), message).hint(hint)
        };
        match share {
            Share::First if self.returning.is_empty() || self.leaving.is_empty() => {
                let back = |name| {
                    let message = "it leaves the second catalog, and the first one offers it again";
                    warning(name, "SPLIT_BACK", message, "switch its Subscriptions before the second catalog changes")
                };
                self.returning.iter().map(back).collect()
            }
            Share::First => self
                .returning
                .iter()
                .map(|name| {
                    let message = "it would come back while another package leaves, and one of the two would be gone for a while";
                    let hint = "import the archive twice: first with one of the decisions, then with the other";
                    Finding::error("SPLIT_BOTH_WAYS", format!("package {name}"), message).hint(hint)
                })
                .collect(),
            Share::Second => {
                let off = |name| {
                    let message = "it leaves the first catalog, and a second one beside it offers it";
                    warning(name, "SPLIT_OFF", message, "switch its Subscriptions before the first catalog changes")
                };
                let new = self.leaving.iter().filter(|name| !second.packages.contains_key(*name));
                new.map(off).collect()
            }
        }
    }
}

impl Part {
    /// Merges it as any catalog is merged.
    pub fn merge(&self, evidence: &[Evidence]) -> MergeOutcome {
        let findings = self.findings.clone();
        if has_errors(&findings) {
            let report = MergeReport { findings, ..MergeReport::default() };
            return MergeOutcome { catalog: None, report };
        }
        let mut outcome = merge(&self.base, &self.delta, evidence, &self.options);
        outcome.report.findings.splice(0..0, findings);
        outcome
    }

    /// What it is merged with.
    pub fn base(&self) -> &Catalog {
        &self.base
    }

    /// What of all that arrives is for this catalog.
    pub fn delta(&self) -> &Catalog {
        &self.delta
    }
}

/// The packages of a catalog that are meant, with the blobs that go with them.
fn cut(catalog: &Catalog, meant: impl Fn(&str) -> bool) -> Catalog {
    let mut catalog = catalog.clone();
    catalog.packages.retain(|name, _| meant(name));
    catalog.others.retain(|blob: &Blob| meant(&blob.package));
    catalog
}

/// All bundles that a catalog will offer of the packages that are meant, for whoever depends on one.
fn offered(base: &Catalog, delta: &Catalog, meant: impl Fn(&str) -> bool) -> Catalog {
    let mut all = cut(base, &meant);
    for (name, package) in cut(delta, &meant).packages {
        match all.packages.get_mut(&name) {
            Some(there) => there.bundles.extend(package.bundles),
            None => _ = all.packages.insert(name, package),
        }
    }
    all
}
