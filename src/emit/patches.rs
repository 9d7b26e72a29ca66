//! The patches of Subscriptions: each as a file, and the commands that apply them, by phase and namespace.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::emit::course::{Course, Patch};
use crate::emit::files::{Work, pretty};
use crate::emit::runbook;
use crate::site::cluster::ClusterSubscription;
use crate::text::{Safe, Word};

/// When a patch is applied, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Out of a channel that the former catalog has not got.
    Leave,
    Hold,
    Cross,
    Switch,
    /// To the next channel, or after an update of OpenShift.
    Later,
    Release,
    Back,
    BackRelease,
    /// To the channel that was left.
    Return,
}

impl Phase {
    /// What is said above its commands.
    fn says(self) -> &'static str {
        match self {
            Self::Leave => "Before the catalogs are applied: leave the channels that are gone.",
            Self::Hold => "Before the catalogs are applied: hold what would start by itself.",
            Self::Cross => {
                "As soon as the catalog is READY, and before the next one is applied: follow a package to it."
            }
            Self::Switch => {
                "When the catalogs are READY: switch all Subscriptions of a namespace, then approve there hop by hop."
            }
            Self::Later => {
                "Each when RUNBOOK.md comes to it, after the hops before it: go on in the next channel."
            }
            Self::Release => {
                "Each when the last hop of its operator is installed: give automatic approval back."
            }
            Self::Back => "Point the Subscriptions back. They stay at manual approval.",
            Self::BackRelease => "When the former catalogs are READY again: give automatic approval back.",
            Self::Return => {
                "When the later catalogs are READY again: back to channel and approval of before."
            }
        }
    }

    /// Whether something must be seen or approved before it: such commands stand as comments, for whoever pastes the whole file.
    fn waits(self) -> bool {
        matches!(self, Self::Later | Self::Release | Self::BackRelease | Self::Return)
    }

    fn is_back(self) -> bool {
        matches!(self, Self::Back | Self::BackRelease | Self::Return)
    }
}

/// Commands by phase and what is said above them, namespace or package, in the order in which the runbook comes to them.
type Listing = BTreeMap<Phase, Vec<(String, Vec<String>)>>;

/// Each patch as a file, and the commands that apply them: the way there, and back.
pub(super) fn files(work: &Work<'_>) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut listing = Listing::new();
    let mut add = |phase: Phase, whose: String, waits: bool, command: String, patch: &Patch| {
        files.insert(patch.path.clone(), pretty(&patch.body));
        let command = if waits || phase.waits() { format!("# {command}") } else { command };
        let places = listing.entry(phase).or_default();
        match places.iter_mut().find(|(known, _)| *known == whose) {
            Some((_, commands)) => commands.push(command),
            None => places.push((whose, vec![command])),
        }
    };
    for (subscription, [leave, again]) in work.input.back.iter().flat_map(runbook::patches_back) {
        for (phase, patch) in [(Phase::Leave, leave), (Phase::Return, again)] {
            add(phase, namespace(subscription), false, command_for(subscription, &patch), &patch);
        }
    }
    for course in &work.courses {
        let (words, whose) = (place(course), whose(course));
        for (phase, patch) in phases(course) {
            // Variables mean another Subscription each time: nothing that has them is pasted by accident.
            let waits = course.subscription.is_none();
            add(phase, whose.clone(), waits, patch_command(&words.0, &words.1, &patch), &patch);
        }
    }
    let (back, there): (Listing, Listing) = listing.into_iter().partition(|(phase, _)| phase.is_back());
    for (path, listing) in [("patches/there.txt", there), ("patches/back.txt", back)] {
        if !listing.is_empty() {
            files.insert(path.to_owned(), text(&listing).into_bytes());
        }
    }
    files
}

/// The patches of a course, with their phases.
fn phases(course: &Course<'_>) -> Vec<(Phase, Patch)> {
    let patches = course.patches();
    let switch = patches.switch.into_iter().enumerate().filter_map(|(index, patch)| {
        let begins = index == 0 && course.legs.first().is_none_or(|leg| leg.stage == 0);
        Some((if begins { Phase::Switch } else { Phase::Later }, patch?))
    });
    let there = patches.hold.map(|patch| (Phase::Hold, patch)).into_iter();
    let there = there.chain(patches.cross.map(|patch| (Phase::Cross, patch))).chain(switch);
    let release = patches.release.clone().filter(|_| course.moves()).map(|patch| (Phase::Release, patch));
    let back = patches.back.map(|patch| (Phase::Back, patch));
    let again = patches.release.map(|patch| (Phase::BackRelease, patch));
    there.chain(release).chain(back).chain(again).collect()
}

fn text(listing: &Listing) -> String {
    let mut text = "# By phase and namespace, as RUNBOOK.md says when. Between the phases stand its checks and approvals:\n\
                    # paste no more than one phase at once. What must wait for something is commented out.\n"
        .to_owned();
    for (phase, places) in listing {
        // Writing to a String cannot fail.
        _ = writeln!(text, "\n# --- {}", phase.says());
        for (whose, commands) in places {
            _ = writeln!(text, "\n# {whose}\n{}", commands.join("\n"));
        }
    }
    text
}

fn whose(course: &Course<'_>) -> String {
    match course.subscription {
        Some(found) => namespace(found),
        None => format!("Package {}: set NS and SUB, take the # away.", Safe(&course.package.name)),
    }
}

fn namespace(subscription: &ClusterSubscription) -> String {
    format!("Namespace {}", Safe(&subscription.namespace))
}

/// Namespace and name of a course's Subscription as words of a command: themselves, or variables that the runbook sets.
pub(super) fn place(course: &Course<'_>) -> (String, String) {
    course.subscription.map_or_else(|| ("\"$NS\"".to_owned(), "\"$SUB\"".to_owned()), words)
}

fn words(subscription: &ClusterSubscription) -> (String, String) {
    (Word(&subscription.namespace).to_string(), Word(&subscription.name).to_string())
}

/// The command that applies a patch to a Subscription that is known.
pub(super) fn command_for(subscription: &ClusterSubscription, patch: &Patch) -> String {
    let (namespace, name) = words(subscription);
    patch_command(&namespace, &name, patch)
}

/// The command that applies a patch.
pub(super) fn patch_command(namespace: &str, name: &str, patch: &Patch) -> String {
    let file = Word(&patch.path);
    format!(
        "oc -n {namespace} patch subscription.operators.coreos.com {name} --type merge --patch-file {file}"
    )
}
