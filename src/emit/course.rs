//! The course of one operator through this upgrade: where its Subscription stands, which hops are left, in which channel.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::catalog::evidence::Evidence;
use crate::emit::input::{EmittedCatalog, Input};
use crate::emit::names::fit;
use crate::emit::order::required_first;
use crate::emit::resources::subscription_source;
use crate::finding::Finding;
use crate::plan::order::OrderedStep;
use crate::plan::{Hop, PlannedPackage};
use crate::site::cluster::{Approval, ClusterDump, ClusterSubscription};
use crate::text::Safe;

/// One package at one place in the cluster.
#[derive(Debug, Clone)]
pub(super) struct Course<'a> {
    /// The package as planned.
    pub(super) package: &'a PlannedPackage,
    /// The catalog that offers it.
    pub(super) catalog: &'a EmittedCatalog,
    /// Its Subscription; nothing when the cluster was not asked, or has none.
    pub(super) subscription: Option<&'a ClusterSubscription>,
    /// Where it stands.
    pub(super) stand: Stand,
    /// The hops that are left, those that one channel offers together.
    pub(super) legs: Vec<Leg<'a>>,
}

/// Where an operator stands before this upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stand {
    /// Nothing of it is known to run.
    Absent,
    /// This CSV runs, and hops are left.
    Before(String),
    /// This CSV runs, and no hop is left.
    There(String),
    /// This CSV runs, which is not on the planned path.
    Elsewhere(String),
}

/// Hops that one channel offers, between two updates of OpenShift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leg<'a> {
    /// How many updates of OpenShift come before.
    pub(super) stage: usize,
    /// The channel.
    pub(super) channel: &'a str,
    /// In order.
    pub(super) hops: &'a [Hop],
}

impl<'a> Course<'a> {
    /// What the CSV that is reached by a hop says of itself.
    pub(super) fn evidence(&self, bundle: &str) -> Option<&'a Evidence> {
        let package = &self.package.name;
        self.catalog.evidence.iter().find(|found| found.bundle == bundle && &found.package == package)
    }

    /// The CSV where the course ends.
    pub(super) fn target(&self) -> Option<&'a str> {
        self.legs.last().and_then(|leg| leg.hops.last()).map(|hop| hop.name.as_str())
    }

    /// How many hops are left.
    pub(super) fn hops(&self) -> usize {
        self.legs.iter().map(|leg| leg.hops.len()).sum()
    }

    /// The last hop that is taken before the update of OpenShift that follows this stage.
    pub(super) fn reached(&self, stage: usize) -> Option<&'a Hop> {
        let done = self.legs.iter().rev().find(|leg| leg.stage <= stage);
        done.and_then(|leg| leg.hops.last())
    }

    /// Whether something of it is done at this stage. What has no hop left is looked at first.
    pub(super) fn is_at(&self, stage: usize) -> bool {
        if self.legs.is_empty() { stage == 0 } else { self.legs.iter().any(|leg| leg.stage == stage) }
    }

    /// The first words of the names of its patches: Subscription by namespace, or the package.
    pub(super) fn file_stem(&self) -> String {
        match self.subscription {
            // Neither part holds a slash: both are names that a cluster takes.
            Some(found) => format!("patches/{}.{}", found.namespace, found.name),
            None => format!("patches/{}", crate::emit::names::file_name(&self.package.name)),
        }
    }

    /// Whether its Subscription is to be touched: where it stands is known, and on the path.
    pub(super) fn moves(&self) -> bool {
        match self.stand {
            Stand::Before(_) => true,
            Stand::There(_) => self.subscription.is_some(),
            Stand::Absent | Stand::Elsewhere(_) => false,
        }
    }

    /// Whether its Subscription names the catalog beside the one that offers it from now on: it must be switched while both do.
    pub(super) fn crosses(&self) -> bool {
        let beside = self.catalog.beside.as_deref().map(fit);
        self.subscription.zip(beside).is_some_and(|(found, beside)| found.source == beside)
    }

    /// Whether its Subscription names the catalog that offers it already.
    fn stays(&self) -> bool {
        let name = fit(&self.catalog.name);
        self.subscription.is_some_and(|found| found.source == name)
    }

    /// Whether OLM would begin by itself once it sees the catalog, wherever the operator stands: what is not on the planned path may
    /// be in some skipRange.
    fn is_automatic(&self) -> bool {
        let sees = self.moves() || self.stays() || self.crosses();
        self.subscription.is_some_and(|found| sees && found.approval == Approval::Automatic)
    }

    /// Whether it was held and is not let go at the end, since no hop of this upgrade is its own.
    pub(super) fn stays_held(&self) -> bool {
        self.is_automatic() && !self.moves()
    }
}

/// A patch of a Subscription: a JSON merge patch (RFC 7396) in a file of its own.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Patch {
    /// Its path below the output folder.
    pub(super) path: String,
    /// What it says.
    pub(super) body: Value,
}

/// All patches of one course.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Patches {
    /// Stops OLM from going on by itself; only where it would.
    pub(super) hold: Option<Patch>,
    /// To the catalog alone, while the one that it leaves still offers it.
    pub(super) cross: Option<Patch>,
    /// To the catalog and the channel of each leg in turn; the first is there even when no hop is left. Nothing for a leg that
    /// goes on in the channel of the one before.
    pub(super) switch: Vec<Option<Patch>>,
    /// Lets OLM go on by itself again; only where it did.
    pub(super) release: Option<Patch>,
    /// Back to the catalog and channel that were; only where they are known, and were left. By hand also where OLM went on by itself:
    /// it would do so with the catalog that is still there. `release` comes last.
    pub(super) back: Option<Patch>,
}

impl Course<'_> {
    /// The patches of this course.
    pub(super) fn patches(&self) -> Patches {
        let stem = self.file_stem();
        let patch = |word: &str, spec: Value| Patch {
            path: format!("{stem}.{word}.json"),
            body: json!({ "spec": spec }),
        };
        let (source, namespace) = subscription_source(self.catalog);
        let manual =
            json!({"installPlanApproval": "Manual", "source": &source, "sourceNamespace": namespace});
        let cross = self.crosses().then(|| patch("cross", manual));
        let approval = |word| json!({"installPlanApproval": word});
        let hold = self.is_automatic().then(|| patch("hold", approval("Manual")));
        let release = self.is_automatic().then(|| patch("release", approval("Automatic")));
        if !self.moves() {
            let back = cross.is_some().then(|| self.back()).flatten();
            return Patches { hold, cross, switch: Vec::new(), release, back };
        }
        let mut first =
            json!({"installPlanApproval": "Manual", "source": source, "sourceNamespace": namespace});
        if let (Some(leg), Some(fields)) = (self.legs.first(), first.as_object_mut()) {
            fields.insert("channel".to_owned(), json!(leg.channel));
        }
        let mut switch = vec![Some(patch("switch", first))];
        for (index, legs) in self.legs.windows(2).enumerate() {
            let [before, leg] = legs else { continue };
            let changes = before.channel != leg.channel;
            let word = format!("switch-{}", index + 2);
            switch.push(changes.then(|| patch(&word, json!({"channel": leg.channel}))));
        }
        Patches { hold, cross, switch, release, back: self.back() }
    }

    /// Back to the catalog and channel of its Subscription.
    fn back(&self) -> Option<Patch> {
        let found = self.subscription?;
        let spec = json!({
            // null takes the field away.
            "channel": found.channel,
            "installPlanApproval": "Manual",
            "source": found.source,
            "sourceNamespace": found.source_namespace,
        });
        Some(Patch { path: format!("{}.back.json", self.file_stem()), body: json!({ "spec": spec }) })
    }
}

/// The courses of all packages in all catalogs, and what does not fit between plan and cluster.
pub(super) fn courses<'a>(input: &Input<'a>) -> (Vec<Course<'a>>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut courses = Vec::new();
    for catalog in input.catalogs {
        for package in &catalog.packages {
            let stages = stages(catalog, package, input.releases.order);
            let found: Vec<_> = input
                .cluster
                .into_iter()
                .flat_map(|cluster| cluster.subscriptions_for(&package.name))
                .collect();
            if found.is_empty() {
                courses.push(course(catalog, package, &stages, None, package.installed.as_deref()));
            }
            for subscription in found {
                let runs = running(input.cluster, subscription);
                let course = course(catalog, package, &stages, Some(subscription), runs);
                if let Stand::Elsewhere(runs) = &course.stand {
                    findings.push(off_path(package, subscription, runs));
                }
                courses.push(course);
            }
        }
    }
    (required_first(courses), findings)
}

/// The CSV that a Subscription runs: what it says itself, else what was found to belong to it.
fn running<'a>(cluster: Option<&'a ClusterDump>, subscription: &'a ClusterSubscription) -> Option<&'a str> {
    subscription.installed_csv.as_deref().or_else(|| {
        let csvs = cluster.into_iter().flat_map(|cluster| cluster.csvs.values());
        let near = |csv: &&crate::site::cluster::ClusterCsv| {
            csv.namespace == subscription.namespace && csv.package.as_ref() == Some(&subscription.package)
        };
        csvs.into_iter().find(near).map(|csv| csv.name.as_str())
    })
}

/// After how many updates of OpenShift each hop of a package is taken, by the CSV that it leads to.
fn stages<'a>(
    catalog: &EmittedCatalog,
    package: &'a PlannedPackage,
    order: &[OrderedStep],
) -> BTreeMap<&'a str, usize> {
    let mut hops = package.hops.iter();
    let mut stages = BTreeMap::new();
    let mut updates = 0;
    for step in order {
        match step {
            OrderedStep::OpenShift { .. } => updates += 1,
            OrderedStep::Operator { catalog: of, package: named, to, .. }
                if *of == catalog.source
                    && *named == package.name
                    && package.hops.iter().any(|hop| hop.name == *to) =>
            {
                for hop in hops.by_ref() {
                    stages.insert(hop.name.as_str(), updates);
                    if hop.name == *to {
                        break;
                    }
                }
            }
            OrderedStep::Operator { .. } => {}
        }
    }
    stages
}

fn course<'a>(
    catalog: &'a EmittedCatalog,
    package: &'a PlannedPackage,
    stages: &BTreeMap<&str, usize>,
    subscription: Option<&'a ClusterSubscription>,
    runs: Option<&str>,
) -> Course<'a> {
    let hops = &package.hops;
    let (stand, left) = match runs {
        None => (Stand::Absent, &hops[hops.len()..]),
        Some(runs) => match hops.iter().position(|hop| hop.from == runs) {
            Some(at) => (Stand::Before(runs.to_owned()), hops.get(at..).unwrap_or_default()),
            None if hops.is_empty() || hops.last().is_some_and(|hop| hop.name == runs) => {
                (Stand::There(runs.to_owned()), &hops[hops.len()..])
            }
            None => (Stand::Elsewhere(runs.to_owned()), &hops[hops.len()..]),
        },
    };
    let stage = |hop: &Hop| stages.get(hop.name.as_str()).copied().unwrap_or_default();
    let legs = left
        .chunk_by(|one, next| one.channel == next.channel && stage(one) == stage(next))
        .filter_map(|hops| {
            let first = hops.first()?;
            Some(Leg { stage: stage(first), channel: first.channel.as_str(), hops })
        })
        .collect();
    Course { package, catalog, subscription, stand, legs }
}

fn off_path(package: &PlannedPackage, subscription: &ClusterSubscription, runs: &str) -> Finding {
    let path: Vec<_> = package.hops.iter().map(|hop| Safe(&hop.from).to_string()).collect();
    let subject = format!(
        "package {}, Subscription {}/{}",
        Safe(&package.name),
        subscription.namespace,
        subscription.name
    );
    let message = format!("{} runs, and the upgrade was planned from {}", Safe(runs), path.join(", "));
    let hint = "plan the upgrade again with `--cluster` and a dump of this cluster";
    Finding::warning("INSTALLED_NOT_ON_PATH", subject, message).hint(hint)
}
